use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Messages that are remembered at a time.
///
/// Unit: messages. Reason: bounds memory; only who holds a secret gets in.
const REMEMBERED_MAX: usize = 10_000;

/// Signed messages that were taken, for as long as their signature would let them in again.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// Until when, in seconds since 1970.
    taken: Mutex<HashMap<String, u64>>,
}

/// Why a message isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It was before.
    Again,
    /// Too many are remembered.
    Full,
}

impl Replays {
    /// Takes a message that can come again until `until`.
    pub(crate) fn take(&self, message: &str, now: u64, until: u64) -> Result<(), NotTaken> {
        let mut taken = self.lock();
        taken.retain(|_, until| *until >= now);
        if taken.contains_key(message) {
            return Err(NotTaken::Again);
        }
        if taken.len() >= REMEMBERED_MAX {
            return Err(NotTaken::Full);
        }
        taken.insert(message.to_owned(), until);
        Ok(())
    }

    /// Nothing came of a message: it may come again.
    pub(crate) fn forget(&self, message: &str) {
        self.lock().remove(message);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotTaken, Replays};

    #[test]
    fn a_message_is_taken_once_while_its_signature_holds() {
        let replays = Replays::default();
        assert_eq!(replays.take("a", 100, 700), Ok(()));
        assert_eq!(replays.take("a", 700, 1_300), Err(NotTaken::Again));
        assert_eq!(replays.take("b", 700, 1_300), Ok(()));
        assert_eq!(replays.take("a", 701, 1_300), Ok(()), "its signature is late by then");
        replays.forget("a");
        assert_eq!(replays.take("a", 702, 1_300), Ok(()), "nothing came of it");
    }
}
