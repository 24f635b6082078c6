//! Where the journal is kept.

use std::sync::{Arc, Mutex, PoisonError};

use crate::state::Entry;

/// The journal can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub Arc<str>);

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string().into())
    }
}

/// An append-only list that survives the process.
pub trait Store: Send {
    /// Everything that was appended, in order.
    ///
    /// # Errors
    /// The list can't be read, or is damaged before its end.
    fn read(&mut self) -> Result<Vec<Entry>, StoreError>;

    /// Appends; when it returns, the entry survives a crash.
    ///
    /// # Errors
    /// The entry is not in the list.
    fn append(&mut self, entry: &Entry) -> Result<(), StoreError>;

    /// Puts these in the place of all entries.
    ///
    /// # Errors
    /// The list is as it was.
    fn replace(&mut self, entries: &[Entry]) -> Result<(), StoreError>;

    /// Whether it has grown so long that it should be replaced by what is left of it.
    fn is_long(&self) -> bool;
}

/// A store that lives as long as one of its clones.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Vec<Entry>>>);

impl Store for MemoryStore {
    fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry.clone());
        Ok(())
    }

    fn replace(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = entries.to_vec();
        Ok(())
    }

    fn is_long(&self) -> bool {
        false
    }
}
