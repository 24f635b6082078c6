//! Changing the key that signs checkpoints.
//!
//! The new key is written beside the old one; the change is recorded as the last event that the old key signs for; both
//! keys sign the checkpoint that covers it; then the new key takes the old one's place. Wherever that is interrupted,
//! the next opening either finishes it, if it was recorded, or forgets the new key.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};

use ed25519_dalek::SigningKey;

use crate::error::LedgerError;
use crate::event::KeyChanged;
use crate::keys::{self, SIGNING_KEY};
use crate::layout::Layout;
use crate::ledger::{Ledger, LedgerOptions};
use crate::note::{self, VerifierKey};
use crate::store;

/// The file that the next signing key waits in.
const NEXT_KEY: &str = "signing-key.next";

/// A key that is to take the signing key's place.
#[derive(Debug)]
pub(super) struct NextKey {
    layout: Layout,
    key: SigningKey,
}

impl NextKey {
    /// The next key that an interrupted change has left.
    pub(super) fn find(layout: &Layout) -> Result<Option<Self>, LedgerError> {
        let path = layout.keys().join(NEXT_KEY);
        if !path.exists() {
            return Ok(None);
        }
        match keys::read(&path) {
            Ok(seed) => Ok(Some(Self {
                layout: layout.clone(),
                key: keys::signing_key(&seed),
            })),
            // Its writing was interrupted, so nothing can have been signed with it.
            Err(_) => {
                fs::remove_file(&path).map_err(|error| LedgerError::io("remove", path, &error))?;
                Ok(None)
            }
        }
    }

    fn draw(layout: &Layout) -> Result<Self, LedgerError> {
        let path = layout.keys().join(NEXT_KEY);
        if path.exists() {
            return Err(LedgerError::Key {
                path,
                reason: "an earlier change of the key is not finished; the next start of the gateway finishes it"
                    .into(),
            });
        }
        let seed = keys::draw()?;
        keys::write(&layout.keys().join(NEXT_KEY), &seed)?;
        Ok(Self {
            layout: layout.clone(),
            key: keys::signing_key(&seed),
        })
    }

    pub(super) const fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn verifier(&self, ledger: &[u8; 16]) -> VerifierKey {
        VerifierKey::new(ledger, self.key.verifying_key())
    }

    /// Removes the key: the change was not recorded.
    pub(super) fn forget(self) -> Result<(), LedgerError> {
        let path = self.path();
        fs::remove_file(&path).map_err(|error| LedgerError::io("remove", path, &error))
    }

    /// Puts the key in the signing key's place, and keeps the note by which the former key handed over.
    pub(super) fn install(self, note: &str, verifier: &VerifierKey) -> Result<(), LedgerError> {
        let path = self.layout.key_changes();
        add_note(&path, note).map_err(|error| LedgerError::io("write", path, &error))?;
        let signing = self.layout.keys().join(SIGNING_KEY);
        fs::rename(self.path(), &signing)
            .and_then(|()| store::sync_directory(&signing))
            .map_err(|error| LedgerError::io("write", signing, &error))?;
        keys::write_public(&self.layout, verifier)
    }

    fn path(&self) -> PathBuf {
        self.layout.keys().join(NEXT_KEY)
    }
}

/// Adds a note to the file of changes, unless an interrupted change has already done so.
fn add_note(path: &Path, note: &str) -> std::io::Result<()> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if before.ends_with(note) {
        return Ok(());
    }
    store::write_whole(path, format!("{before}{note}").as_bytes(), 0o644)
}

/// A change of the key that is asked for while the ledger is written to.
#[derive(Debug)]
pub(super) struct KeyWish {
    next: NextKey,
    by: String,
    answer: SyncSender<Result<VerifierKey, LedgerError>>,
}

impl KeyWish {
    /// The next key, the event by which `key` hands over to it, and where to say what became of it.
    pub(super) fn describe(
        self,
        key: &SigningKey,
        from: &VerifierKey,
        ledger: &[u8; 16],
    ) -> (NextKey, KeyChanged, SyncSender<Result<VerifierKey, LedgerError>>) {
        let to = self.next.verifier(ledger);
        let change = KeyChanged {
            from: from.to_string(),
            to: to.to_string(),
            note: note::sign_key_change(key, ledger, &to),
            by: self.by,
        };
        (self.next, change, self.answer)
    }
}

impl Ledger {
    /// Changes the key that signs this ledger, while others write to it. Returns when the new key signs, and its public
    /// half; the former's secret half is gone then.
    ///
    /// # Errors
    /// When the ledger is closed or has failed, another change is under way, or the new key can't be put in place: the
    /// new key signs then all the same, and the next opening puts it there.
    pub fn change_key(&self, by: &str) -> Result<VerifierKey, LedgerError> {
        let shared = &self.owner.shared;
        let (answer, told) = mpsc::sync_channel(1);
        {
            let mut state = shared.lock();
            if state.closing || state.failed.is_some() {
                return Err(LedgerError::Closed);
            }
            // Under the lock, so that no two draw a key.
            let next = NextKey::draw(&Layout::new(self.directory()))?;
            let by = by.into();
            state.key_wish = Some(KeyWish { next, by, answer });
        }
        shared.signing.notify_one();
        told.recv().unwrap_or(Err(LedgerError::Closed))
    }

    /// Changes the key that signs the ledger in `directory`, which nobody may have open. Returns the public halves of
    /// the former and the new key; the former's secret half is gone.
    pub fn rotate_key(
        directory: &Path,
        options: LedgerOptions,
        by: &str,
    ) -> Result<(VerifierKey, VerifierKey), LedgerError> {
        let ledger = Self::open(directory, options)?;
        let shared = &ledger.owner.shared;
        let layout = Layout::new(directory);
        let next = NextKey::draw(&layout)?;
        let to = next.verifier(&shared.ledger);
        let signing = keys::signing_key(&keys::read(&layout.keys().join(SIGNING_KEY))?);
        let change = KeyChanged {
            from: shared.verifier().to_string(),
            to: to.to_string(),
            note: note::sign_key_change(&signing, &shared.ledger, &to),
            by: by.into(),
        };
        let note = change.note.clone();
        let key = next.key().clone();
        ledger
            .owner
            .close_with(Some((&key, change)), || next.install(&note, &to))?;
        Ok((shared.verifier(), to))
    }
}
