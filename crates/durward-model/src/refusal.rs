use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sqlstate;

/// The one thing that a client may be told when the answer is no: an ordinary ERROR in its protocol.
///
/// It names the rule, the objects and what would pass; never which rule to change, and never a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// Five characters (`sqlstate`).
    pub sqlstate: Arc<str>,
    /// The stable name of the rule that refused, for the record and for `DETAIL`.
    pub rule: Arc<str>,
    /// What was refused and why, in one sentence without a full stop.
    pub message: Arc<str>,
    /// More about it: the objects concerned.
    pub detail: Option<Arc<str>>,
    /// What would pass.
    pub hint: Option<Arc<str>>,
    /// Where in the statement text, in characters from 1.
    pub position: Option<u32>,
}

impl Refusal {
    /// A refusal with its code, rule and message.
    pub fn new(sqlstate: &str, rule: &str, message: impl Into<Arc<str>>) -> Self {
        Self {
            sqlstate: sqlstate.into(),
            rule: rule.into(),
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    /// Denied by policy (`42501`).
    pub fn denied(rule: &str, message: impl Into<Arc<str>>) -> Self {
        Self::new(sqlstate::INSUFFICIENT_PRIVILEGE, rule, message)
    }

    /// Not understood, so refused (`WD008`).
    pub fn not_understood(rule: &str, message: impl Into<Arc<str>>) -> Self {
        Self::new(sqlstate::NOT_UNDERSTOOD, rule, message)
    }

    /// Adds what would pass.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Arc<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the objects concerned.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Arc<str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the place in the statement text, in characters from 1.
    #[must_use]
    pub fn with_position(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.sqlstate)
    }
}

impl std::error::Error for Refusal {}
