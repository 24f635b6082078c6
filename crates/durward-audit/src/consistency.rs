//! Whether the log still is the continuation of what it was when an earlier checkpoint was taken away.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use crate::error::LedgerError;
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::merkle;
use crate::note::{NoteError, VerifierKey};
use crate::proof::{open_checkpoint, split_notes};
use crate::tree::TreeFiles;

/// A proof that the log has only grown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consistency {
    /// How many events the earlier checkpoint covers.
    pub from_events: u64,
    /// How many the log's last checkpoint covers.
    pub to_events: u64,
    /// The proof (RFC 9162 section 2.1.4): hashes in base64.
    pub path: Vec<String>,
    /// The earlier checkpoint.
    pub from: String,
    /// The log's last checkpoint.
    pub to: String,
}

/// Why the log isn't known to be the continuation.
#[derive(Debug, thiserror::Error)]
pub enum ConsistencyError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The public key beside the log isn't one.
    #[error("the public key beside the log is none")]
    Key,
    /// The earlier checkpoint can't be believed.
    #[error(
        "the earlier checkpoint: {0}; if it is from before a change of the key, give the key of that time by --key"
    )]
    Earlier(NoteError),
    /// The log's last checkpoint can't be believed.
    #[error("the log's checkpoint: {0}")]
    Last(NoteError),
    /// The log has fewer events than it once had.
    #[error("the log was rolled back: it is signed for {now} events, and once had {once}")]
    RolledBack {
        /// How many the earlier checkpoint covers.
        once: u64,
        /// How many the last one covers.
        now: u64,
    },
    /// The events that the earlier checkpoint covers are not those in the log.
    #[error("the log was forked: its first {0} events are not those that the earlier checkpoint was signed for")]
    Forked(u64),
    /// The tree's files don't have the root that was signed.
    #[error("the tree is not the one that was signed; `durward audit verify` tells more")]
    Tree,
}

impl ConsistencyError {
    /// Whether there was nothing to judge.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Ledger(_) | Self::Key)
    }
}

/// Proves that the ledger in `directory` continues what `earlier`, a checkpoint of it, was signed for. Reads the tree,
/// not the events: [`verify`](crate::verify) does that.
pub fn consistency(
    directory: &Path,
    earlier: &str,
    key: Option<&VerifierKey>,
) -> Result<Consistency, ConsistencyError> {
    let layout = Layout::new(directory);
    check_version(&layout)?;
    let read =
        |path: std::path::PathBuf| fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error));
    let key = match key {
        Some(key) => key.clone(),
        None => VerifierKey::parse(&read(layout.public_key())?).ok_or(ConsistencyError::Key)?,
    };
    let changes = split_notes(&fs::read_to_string(layout.key_changes()).unwrap_or_default());
    let last = read(layout.checkpoint())?;
    let (from, _) = open_checkpoint(earlier, &key, &changes).map_err(ConsistencyError::Earlier)?;
    let (to, _) = open_checkpoint(&last, &key, &changes).map_err(ConsistencyError::Last)?;
    if from.events > to.events {
        return Err(ConsistencyError::RolledBack {
            once: from.events,
            now: to.events,
        });
    }
    let unreadable = |error| LedgerError::io("read", layout.tree(), &error);
    let files = TreeFiles::open(&layout.tree()).map_err(unreadable)?;
    if merkle::root(&files, to.events).map_err(unreadable)? != to.root {
        return Err(ConsistencyError::Tree);
    }
    let path = merkle::consistency_path(&files, from.events, to.events).map_err(unreadable)?;
    if !merkle::is_consistent(from.events, &from.root, to.events, &to.root, &path) {
        return Err(ConsistencyError::Forked(from.events));
    }
    Ok(Consistency {
        from_events: from.events,
        to_events: to.events,
        path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
        from: earlier.into(),
        to: last,
    })
}
