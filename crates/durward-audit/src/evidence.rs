//! Reports that an auditor takes away: tables made from the log itself, with a manifest that the ledger's key signs.
//!
//! A report is made of the events of a period, under one checkpoint: the first that covers all of them. So the same
//! period gives the same bytes whenever it is built, as long as the clock runs forward.

mod anchor;
mod build;
mod change;
mod html;
mod manifest;
mod reports;
mod survey;
mod table;
mod verify;

use std::io;
use std::path::PathBuf;

use crate::error::LedgerError;
use crate::index::IndexError;
use crate::note::NoteError;
use crate::proof::ProofError;
use crate::time::Moment;

pub use build::{BuiltReport, EvidenceRequest, build_evidence};
pub use html::is_hidden;
pub use manifest::{Manifest, ManifestFile, ManifestTable};
pub use reports::{ASSESSOR, REPORTS, Report, Table, report};
pub(crate) use survey::Survey;
pub(crate) use table::Cell;
pub use verify::{VerifiedEvidence, verify_evidence};

/// From a moment on, and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Period {
    /// The first moment of it.
    #[serde(serialize_with = "moment::write", deserialize_with = "moment::read")]
    pub from: Moment,
    /// The first moment after it.
    #[serde(serialize_with = "moment::write", deserialize_with = "moment::read")]
    pub to: Moment,
}

mod moment {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    use crate::time::Moment;

    pub(super) fn write<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
        moment.serialize(serializer)
    }

    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        Moment::parse(&text, Moment(0)).ok_or_else(|| de::Error::custom("not a time"))
    }
}

/// Why a report can't be built, or proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The tables can't be made.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A proof can't be made, or proves nothing.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A file can't be read or written.
    #[error("{action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no such report.
    #[error("there is no report {0:?}; `durward evidence ls` shows them")]
    NoReport(String),
    /// The period ends before it begins.
    #[error("the period ends at {to}, which is not after its beginning, {from}")]
    Period {
        /// The beginning.
        from: Moment,
        /// The end.
        to: Moment,
    },
    /// The report is about one change, and none was named.
    #[error("this report is about one change: name it by --change, a request such as c1 or the number of an event")]
    NoChangeNamed,
    /// There is no such change in the period.
    #[error("no statement of this period belongs to the change {0:?}")]
    NoChange(String),
    /// All of the period has left the record.
    #[error(
        "the period ended before event {first_event}, the first that the record still holds; what was archived is read \
         with --archive"
    )]
    Left {
        /// The first event that is at hand.
        first_event: u64,
    },
    /// No checkpoint covers the period yet.
    #[error("the period is not signed for yet; ask again in a second")]
    NotSigned,
    /// The directory holds something already.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// The log isn't what was signed: nothing is built from it.
    #[error("the record is not sound: {0}; `durward audit verify` tells more")]
    Unsound(String),
    /// A signature can't be believed.
    #[error("{file}: {error}")]
    Note {
        /// Which file.
        file: &'static str,
        /// Why not.
        error: NoteError,
    },
    /// A file isn't what was signed.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl EvidenceError {
    /// Whether there was nothing to judge, rather than evidence that proves nothing.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Ledger(_) | Self::Index(_))
    }

    fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }
}

#[cfg(test)]
mod tests;
