//! What can go wrong with a ledger.

use std::path::PathBuf;
use std::sync::Arc;

use durward_model::{Refusal, SessionId, sqlstate};

/// Why something was not recorded, or a ledger not opened. Sorted by who is at fault: the caller, the place, the disk.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The caller names a session whose start was not recorded, or whose end was.
    #[error("session {0} is not open in the ledger")]
    UnknownSession(SessionId),
    /// The event has a door of its own, and `record` isn't it.
    #[error("this kind of event can't be recorded directly")]
    NotRecordable,
    /// The event is larger than a record may be.
    #[error("the event is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Another process has the ledger open for writing.
    #[error("another process writes to the ledger in {0}")]
    Locked(PathBuf),
    /// A key file is readable by others, missing or not a key.
    #[error("key file {path}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: Arc<str>,
    },
    /// The store was written by a program of another version, and this one doesn't read it.
    #[error(
        "the ledger in {path} is a store of version {found}; this program reads version {read}: keep it for the \
         program that wrote it, and let a new one be made elsewhere"
    )]
    Version {
        /// The ledger's directory.
        path: PathBuf,
        /// Its version.
        found: u8,
        /// The version that this program reads.
        read: u8,
    },
    /// What is stored isn't what was written; `audit verify` tells more.
    #[error("the ledger is damaged: {0}")]
    Damaged(Arc<str>),
    /// The event has left the ledger, and the archive that it is in, if any, wasn't given.
    #[error(
        "event {event} has left the record, which begins with event {first_event}; what was archived needs --archive"
    )]
    NotHere {
        /// The event.
        event: u64,
        /// The first one that is at hand.
        first_event: u64,
    },
    /// The disk is nearly full: statements are refused, outcomes still recorded.
    #[error("the ledger's disk has less than {bytes_min} bytes left")]
    LowSpace {
        /// The reserve.
        bytes_min: u64,
    },
    /// The disk has not kept up for so long that statements are refused until it does.
    #[error("the ledger's disk has not kept up")]
    Behind,
    /// A write or flush failed once. Nothing is recorded any more until the ledger is opened anew: what the disk holds
    /// after a failed flush is unknown, so trying again would prove nothing.
    #[error("the ledger has failed: {0}")]
    Unavailable(Arc<str>),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// Opening or reading failed.
    #[error("{action} {path}: {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        reason: Arc<str>,
    },
}

impl LedgerError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            reason: error.to_string().into(),
        }
    }

    /// What the client is told: `WD010`, without particulars of the machine.
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            sqlstate::LEDGER_UNAVAILABLE,
            "ledger-unavailable",
            "the audit ledger can't record this statement, so it was not run",
        )
        .with_hint("Tell the operator of the gateway; nothing was sent to the database.")
    }
}
