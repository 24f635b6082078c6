use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ApprovalTerms, Label};

/// What must be done along with a permitted statement. An obligation that the enforcer doesn't know refuses the
/// statement; several merge to the most restrictive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// The transaction must be READ ONLY in the server too.
    ReadOnly,
    /// The intent must be on disk (fsync), not only in the page cache, before the statement is forwarded.
    DurableIntent,
    /// Labelled data must be masked wherever it is read, but for these labels.
    Mask {
        /// The labels that are shown in clear, sorted.
        clear: Vec<Label>,
    },
    /// Others must have approved it first.
    Approve(ApprovalTerms),
    /// The client must have said what the statement is for.
    Reason {
        /// The regular expression that must be found in it; any reason will do where there is none.
        pattern: Option<Arc<str>>,
    },
    /// A note for the record.
    Annotate(Arc<str>),
}
