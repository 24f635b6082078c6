//! Witnesses: others who see checkpoints, check that the log has only grown, and sign that they saw it.
//!
//! By the C2SP specifications `tlog-witness` (what is sent to a witness) and `tlog-cosignature` (what it signs). Nothing
//! here speaks HTTP.

use std::fmt;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::error::LedgerError;
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::merkle;
use crate::note::{NOTE_BYTES_MAX, NoteError, TreeHead, hexadecimal, split};
use crate::tree::TreeFiles;

/// The algorithm byte of timestamped Ed25519 cosignatures (C2SP `signed-note`).
const COSIGNATURE: u8 = 0x04;
/// A cosignature: key id, time and signature (C2SP `tlog-cosignature`).
const COSIGNATURE_BYTES: usize = 4 + 8 + 64;

/// The public half of a witness's key, with the name that it signs under (C2SP `signed-note` verifier key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: VerifyingKey,
}

/// A checkpoint as a witness has signed it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cosigned {
    /// How many events it covers.
    pub events: u64,
    /// When the witness saw it, by the witness's clock, in seconds since 1970-01-01 00:00 UTC.
    pub time_seconds: u64,
}

/// What is asked of a witness.
#[derive(Debug, Clone)]
pub struct WitnessRequest {
    /// The body of a POST to `add-checkpoint`.
    pub body: String,
    /// How many events the checkpoint in it covers.
    pub events: u64,
    checkpoint: String,
}

/// Why a witness can't be asked, or its answer isn't believed.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The log's checkpoint can't be read.
    #[error("the checkpoint: {0}")]
    Checkpoint(NoteError),
    /// The witness has seen more than there is.
    #[error("the log was rolled back: the witness has seen {seen} events, and the checkpoint covers {now}")]
    RolledBack {
        /// How many events the witness has seen.
        seen: u64,
        /// How many the last checkpoint covers.
        now: u64,
    },
    /// The tree's files don't have the root that was signed.
    #[error("the tree is not the one that was signed; `durward audit verify` tells more")]
    Tree,
    /// The answer holds no cosignature by this key.
    #[error("the answer is no cosignature of this checkpoint by {0}")]
    Answer(String),
}

impl WitnessKey {
    /// Reads `name+id+key`; none when it isn't such a key of a witness.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, rest) = text.split_once('+')?;
        let (_, encoded) = rest.split_once('+')?;
        let encoded = BASE64.decode(encoded).ok()?;
        let (algorithm, key) = encoded.split_first()?;
        let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
        if *algorithm != COSIGNATURE || !is_name {
            return None;
        }
        let parsed = Self {
            name: name.into(),
            key: VerifyingKey::from_bytes(key.try_into().ok()?).ok()?,
        };
        (parsed.to_string() == text).then_some(parsed)
    }

    /// The name that the witness signs under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A name for files about this witness.
    pub fn file_name(&self) -> String {
        hexadecimal(&self.id())
    }

    fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(&self.name);
        hasher.update([b'\n', COSIGNATURE]);
        hasher.update(self.key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }

    /// Reads a checkpoint that this witness has signed; the log's own signature is not looked at.
    ///
    /// # Errors
    /// When it is no checkpoint, or not signed by this witness.
    pub fn open(&self, note: &str) -> Result<Cosigned, NoteError> {
        let head = TreeHead::read(note)?;
        let (text, signatures) = split(note).ok_or(NoteError::Form)?;
        let time_seconds = self.check(text, signatures)?;
        Ok(Cosigned {
            events: head.events,
            time_seconds,
        })
    }

    /// The latest time at which this witness signed `text`, by these signature lines.
    fn check(&self, text: &str, signatures: &str) -> Result<u64, NoteError> {
        let id = self.id();
        let mut latest = None;
        for line in signatures.lines() {
            let Some((name, blob)) = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')) else {
                return Err(NoteError::Form);
            };
            let blob = BASE64.decode(blob).map_err(|_| NoteError::Form)?;
            if name != self.name || blob.len() != COSIGNATURE_BYTES || !blob.starts_with(&id) {
                continue;
            }
            let (time, signature) = blob
                .get(4..)
                .and_then(|rest| rest.split_first_chunk())
                .ok_or(NoteError::Form)?;
            let time = u64::from_be_bytes(*time);
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::Form)?;
            self.key
                .verify_strict(format!("cosignature/v1\ntime {time}\n{text}").as_bytes(), &signature)
                .map_err(|_| NoteError::Signature)?;
            latest = latest.max(Some(time));
        }
        latest.ok_or(NoteError::OtherKey)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![COSIGNATURE];
        encoded.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.file_name(), BASE64.encode(encoded))
    }
}

impl WitnessRequest {
    /// What to send to a witness that has last seen `seen` events of this ledger: its last checkpoint, and the proof that
    /// the log has only grown since.
    ///
    /// # Errors
    /// When the ledger can't be read, or the witness has seen more than there is.
    pub fn new(files: impl Into<Layout>, seen: u64) -> Result<Self, WitnessError> {
        let layout = files.into();
        check_version(&layout)?;
        let path = layout.checkpoint();
        let checkpoint = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error))?;
        let head = TreeHead::read(&checkpoint).map_err(WitnessError::Checkpoint)?;
        if seen > head.events {
            return Err(WitnessError::RolledBack { seen, now: head.events });
        }
        let unreadable = |error| LedgerError::io("read", layout.tree(), &error);
        let tree = TreeFiles::open(&layout.tree()).map_err(unreadable)?;
        if merkle::root(&tree, head.events).map_err(unreadable)? != head.root {
            return Err(WitnessError::Tree);
        }
        let mut body = format!("old {seen}\n");
        for hash in merkle::consistency_path(&tree, seen, head.events).map_err(unreadable)? {
            body.push_str(&BASE64.encode(hash));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&checkpoint);
        Ok(Self {
            body,
            events: head.events,
            checkpoint,
        })
    }

    /// The checkpoint with the witness's signature, from its answer.
    ///
    /// # Errors
    /// When the answer isn't the signature of this witness over this checkpoint.
    pub fn cosigned(&self, answer: &str, witness: &WitnessKey) -> Result<String, WitnessError> {
        let wrong = || WitnessError::Answer(witness.name.clone());
        if answer.len() > NOTE_BYTES_MAX || !answer.ends_with('\n') {
            return Err(wrong());
        }
        let (text, _) = split(&self.checkpoint).ok_or_else(wrong)?;
        witness.check(text, answer).map_err(|_| wrong())?;
        Ok(format!("{}{answer}", self.checkpoint))
    }
}

#[cfg(test)]
pub(crate) mod tests;
