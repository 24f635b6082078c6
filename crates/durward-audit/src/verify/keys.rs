//! The keys that signed a log, one after the other, as the log itself tells.

use crate::event::{KeyChanged, KeyInForce};
use crate::note::{NoteError, TreeHead, VerifierKey, open_key_change};

/// The keys up to some event.
#[derive(Debug, Default)]
pub(super) struct KeyChain {
    keys: Vec<VerifierKey>,
    notes: Vec<String>,
    /// Whether the last key was seen to be in use, so that the change to it is finished.
    last_is_used: bool,
    /// How many of the keys had been in force where the checkpoint file's tree ends.
    at_head: usize,
}

impl KeyChain {
    /// Whether no event has named a key yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The ledger was opened with a key: the one in force, or the first of all.
    pub(super) fn opened(&mut self, key: &str) -> Result<(), String> {
        let key = VerifierKey::parse(key).ok_or("it names no verifier key")?;
        match self.keys.last() {
            None => self.keys.push(key),
            // The opening that finishes an interrupted change says so before it adds the note.
            Some(last) if *last == key => {}
            Some(_) => return Err("it names another key than the one in force".into()),
        }
        Ok(())
    }

    /// A key that came into force in what has left the ledger.
    pub(super) fn retired(&mut self, key: &KeyInForce) -> Result<(), String> {
        let to = VerifierKey::parse(&key.key).ok_or("it names no verifier key")?;
        match (self.keys.last(), &key.note) {
            (None, None) => {}
            (Some(last), Some(note)) => {
                let noted = open_key_change(note, last).map_err(|error| error.to_string())?;
                if noted != to {
                    return Err("it names another key than its note".into());
                }
                self.notes.push(note.clone());
            }
            _ => return Err("its keys don't follow on each other".into()),
        }
        self.keys.push(to);
        // What has left was signed long ago.
        self.last_is_used = true;
        Ok(())
    }

    /// The key in force handed over to another.
    pub(super) fn changed(&mut self, changed: &KeyChanged) -> Result<(), String> {
        let last = self.keys.last().ok_or("no key is in force")?;
        let to = open_key_change(&changed.note, last).map_err(|error| format!("its change of the key: {error}"))?;
        if changed.from != last.to_string() || changed.to != to.to_string() {
            return Err("it names other keys than its note".into());
        }
        self.notes.push(changed.note.clone());
        self.keys.push(to);
        self.last_is_used = false;
        Ok(())
    }

    /// The checkpoint file's tree ends here.
    pub(super) fn sign_here(&mut self) {
        self.at_head = self.keys.len();
    }

    /// Opens a checkpoint that is recorded in the log.
    pub(super) fn open_recorded(&mut self, note: &str) -> Result<TreeHead, NoteError> {
        let head = self.open(note)?;
        // The one that both keys sign is never recorded.
        let last = self.keys.last();
        self.last_is_used |= last.is_some_and(|last| TreeHead::open(note, last).is_ok());
        Ok(head)
    }

    /// Opens a checkpoint that one of the keys so far has signed.
    pub(super) fn open(&self, note: &str) -> Result<TreeHead, NoteError> {
        let mut result = Err(NoteError::OtherKey);
        for key in self.keys.iter().rev() {
            result = TreeHead::open(note, key);
            if !matches!(result, Err(NoteError::OtherKey)) {
                break;
            }
        }
        result
    }

    /// Checks that the checkpoint file is signed by the key in force where it was, and that `trusted` is that key or one
    /// that handed over to it. Returns the key in force.
    pub(super) fn check_head(&self, note: &str, trusted: &VerifierKey) -> Result<VerifierKey, NoteError> {
        let in_force = match self.at_head.checked_sub(1) {
            Some(last) => self.keys.get(last),
            None => Some(trusted),
        };
        let in_force = in_force.ok_or(NoteError::OtherKey)?;
        TreeHead::open(note, in_force)?;
        let is_known = self.keys.iter().take(self.at_head).any(|key| key == trusted);
        if is_known || in_force == trusted {
            Ok(in_force.clone())
        } else {
            Err(NoteError::OtherKey)
        }
    }

    /// How often the key was changed.
    pub(super) fn changes(&self) -> u64 {
        u64::try_from(self.keys.len().saturating_sub(1)).unwrap_or(u64::MAX)
    }

    /// Whether a file holds the notes by which keys handed over. A change that is under way, or was interrupted, may not
    /// have added its own yet.
    pub(super) fn are_noted_in(&self, text: &str) -> bool {
        let but_the_last = self.notes.split_last().map_or(&[][..], |(_, before)| before);
        text == self.notes.concat() || (!self.last_is_used && text == but_the_last.concat())
    }
}
