//! The search index: made from the log, off the hot path, and always rebuildable.
//!
//! Executions of one shape by one session with one verdict within a minute share one row, so that the index grows with
//! behaviour and not with traffic. Whoever holds the index's lock keeps it: the gateway's follower while it runs, else
//! a search that finds the index behind.

mod apply;
mod check;
mod define;
mod follow;
mod group;
mod schema;
mod views;

pub(crate) use apply::{Extent, Indexer, position};
pub use check::{IndexCheck, IndexDifference, check_index};
pub(crate) use follow::{Follower, IndexLock, Progress};
pub(crate) use schema::version;
pub use views::{VIEWS, View};

/// Why the index can't be kept or asked. The log isn't touched by it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database of the index.
    #[error("the search index: {0}")]
    Database(#[from] rusqlite::Error),
    /// The log that it is made from.
    #[error(transparent)]
    Log(#[from] crate::error::LedgerError),
    /// A record that can't be read.
    #[error("a record can't be read: {0}")]
    Record(#[from] minicbor::decode::Error),
    /// The index is kept by a program of another version.
    #[error("the search index has tables of version {0}, which this program doesn't read")]
    Version(i64),
    /// Text within the index.
    #[error("the search index holds no such text: {0}")]
    Text(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests;
