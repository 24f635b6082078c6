//! What verifying finds wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::LedgerError;
use crate::note::NoteError;

/// What is wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read by this program.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file can't be read.
    #[error("read {path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The public key isn't one.
    #[error("{0} is not a verifier key")]
    Key(PathBuf),
    /// The last checkpoint can't be believed.
    #[error("the checkpoint: {0}")]
    Head(NoteError),
    /// The checkpoint that was kept elsewhere can't be believed.
    #[error("the kept checkpoint: {0}")]
    Kept(NoteError),
    /// Checkpoints were given, and none is of this ledger.
    #[error("none of the {0} kept checkpoints is of this ledger")]
    KeptOther(usize),
    /// A witness that was asked for has signed none of the kept checkpoints.
    #[error("no kept checkpoint is signed by the witness {0}")]
    NotWitnessed(String),
    /// The notes by which keys handed over are not those that were recorded.
    #[error("{0} does not hold what was recorded about the keys")]
    KeyChanges(PathBuf),
    /// The file that says what has left the ledger isn't what was recorded and signed.
    #[error("{0} is not what was recorded about the segments that have left")]
    Retired(PathBuf),
    /// A segment file is missing.
    #[error("segment {0} is missing")]
    SegmentMissing(u64),
    /// A segment doesn't say that it follows on the one before it.
    #[error("segment {segment}, which begins with event {event}, does not follow on what stands before it")]
    SegmentHeader {
        /// Which.
        segment: u64,
        /// The first event that it should hold.
        event: u64,
    },
    /// A record isn't what was written.
    #[error("event {event} (segment {segment}, byte {offset}): {reason}")]
    Record {
        /// The first bad record, by the number that it should have.
        event: u64,
        /// The segment that it is in.
        segment: u64,
        /// Where its frame starts.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A record says what can't be, given those before it: it was changed, or one of them.
    #[error("{}: not what was written; event {last} says what can't be: {reason}", Events(*first, *last))]
    Meaning {
        /// The first event that no earlier signature vouches for.
        first: u64,
        /// The event that says so.
        last: u64,
        /// What can't be.
        reason: String,
    },
    /// The tree holds another hash than the events have: they or it were changed.
    #[error("{}: not what the tree holds; the record or the tree was changed", Events(*first, *last))]
    Tree {
        /// The first event under the hash.
        first: u64,
        /// The last event under the hash.
        last: u64,
    },
    /// The tree lacks what was signed.
    #[error("the tree lacks event {0} and what comes after it")]
    TreeMissing(u64),
    /// The tree holds more than the log.
    #[error("the tree's level {0} holds more than the log")]
    TreeOverlong(u32),
    /// The records are well formed, but they aren't those that were signed.
    #[error("{}: not what was signed; at least one record was changed", Events(*first, *last))]
    Changed {
        /// The first event that no earlier signature vouches for.
        first: u64,
        /// The last event that the signature covers.
        last: u64,
    },
    /// Events are missing at the end.
    #[error("the checkpoint covers {signed} events, and the log ends after event {found}: {} missing", Missing(found + 1, *signed))]
    Truncated {
        /// How many the checkpoint covers.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// A checkpoint that was kept elsewhere doesn't fit this log.
    #[error("the log is not the one that the kept checkpoint of {events} events was signed for: {reason}")]
    OtherHistory {
        /// How many events the checkpoint covers.
        events: u64,
        /// What doesn't fit.
        reason: &'static str,
    },
}

impl VerifyError {
    /// The first and the last of the events among which the first bad record is.
    pub const fn events(&self) -> Option<(u64, u64)> {
        match self {
            Self::SegmentHeader { event, .. } | Self::Record { event, .. } | Self::TreeMissing(event) => {
                Some((*event, *event))
            }
            Self::Tree { first, last } | Self::Changed { first, last } | Self::Meaning { first, last, .. } => {
                Some((*first, *last))
            }
            Self::Truncated { signed, found } => Some((*found + 1, *signed)),
            Self::Ledger(_)
            | Self::Io { .. }
            | Self::Key(_)
            | Self::Head(_)
            | Self::Kept(_)
            | Self::KeptOther(_)
            | Self::NotWitnessed(_)
            | Self::KeyChanges(_)
            | Self::Retired(_)
            | Self::SegmentMissing(_)
            | Self::TreeOverlong(_)
            | Self::OtherHistory { .. } => None,
        }
    }

    /// Whether the ledger couldn't be checked at all, rather than found to be changed.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Ledger(_) | Self::Key(_) | Self::Io { .. })
    }
}

/// A range of events in words.
struct Events(u64, u64);

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 {
            write!(f, "event {}", self.0)
        } else {
            write!(f, "events {} to {}", self.0, self.1)
        }
    }
}

/// A range of events that are missing.
struct Missing(u64, u64);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.0 == self.1 { "is" } else { "are" };
        write!(f, "{} {verb}", Events(self.0, self.1))
    }
}
