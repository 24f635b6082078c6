//! Signed notes: the head of the log in a form that outlives this program.
//!
//! A note is text lines, an empty line and signature lines, as the C2SP specification `signed-note` has it. The lines
//! are those of a `tlog-checkpoint`, with the chain's value in the place of a tree's root; the origin says so.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::record::ChainValue;

/// The algorithm byte of Ed25519 in verifier keys and key ids (C2SP `signed-note`).
const ED25519: u8 = 0x01;

/// What a note states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoteBody {
    pub(crate) ledger: [u8; 16],
    /// How many events the chain's value covers.
    pub(crate) events: u64,
    pub(crate) chain: ChainValue,
    pub(crate) time_microseconds: u64,
}

/// Why a note isn't believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It isn't a checkpoint of a ledger.
    #[error("it is not a checkpoint")]
    Form,
    /// No signature on it is by this key.
    #[error("it is not signed by this key")]
    OtherKey,
    /// The signature is wrong: the text was changed.
    #[error("its signature is wrong")]
    Signature,
}

/// The name that a ledger signs under, and the first line of its checkpoints.
pub(crate) fn origin(ledger: &[u8; 16]) -> String {
    format!("durward-chain/{}", hexadecimal(ledger))
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl NoteBody {
    fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\ntime {}\n",
            origin(&self.ledger),
            self.events,
            BASE64.encode(self.chain),
            self.time_microseconds
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let ledger_hexadecimal = lines.next()?.strip_prefix("durward-chain/")?;
        let body = Self {
            ledger: u128::from_str_radix(ledger_hexadecimal, 16).ok()?.to_be_bytes(),
            events: lines.next()?.parse().ok()?,
            chain: BASE64.decode(lines.next()?).ok()?.try_into().ok()?,
            time_microseconds: lines.next()?.strip_prefix("time ")?.parse().ok()?,
        };
        // Only the one text that this program writes for these values is taken.
        (body.text() == text).then_some(body)
    }

    /// The note with its signature.
    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        let text = self.text();
        let name = origin(&self.ledger);
        let mut blob = key_id(&name, &key.verifying_key()).to_vec();
        blob.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {name} {}\n", BASE64.encode(blob))
    }

    /// Reads a note and checks its signature.
    pub(crate) fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let (text, signatures) = split(note).ok_or(NoteError::Form)?;
        let body = Self::parse(text).ok_or(NoteError::Form)?;
        if origin(&body.ledger) != key.name {
            return Err(NoteError::OtherKey);
        }
        let id = key_id(&key.name, &key.key);
        for line in signatures.strip_suffix('\n').ok_or(NoteError::Form)?.split('\n') {
            let Some((name, blob)) = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')) else {
                return Err(NoteError::Form);
            };
            let blob = BASE64.decode(blob).map_err(|_| NoteError::Form)?;
            let Some((blob_id, signature)) = blob.split_at_checked(4) else {
                return Err(NoteError::Form);
            };
            if name != key.name || blob_id != id {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::Form)?;
            return key
                .key
                .verify_strict(text.as_bytes(), &signature)
                .map(|()| body)
                .map_err(|_| NoteError::Signature);
        }
        Err(NoteError::OtherKey)
    }
}

fn split(note: &str) -> Option<(&str, &str)> {
    let middle = note.find("\n\n")?;
    let (text, rest) = note.split_at_checked(middle + 1)?;
    Some((text, rest.strip_prefix('\n')?))
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ED25519]);
    hasher.update(key.as_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// The public half of a ledger's key, with the name that it signs under (C2SP `signed-note` verifier key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    pub(crate) fn new(ledger: &[u8; 16], key: VerifyingKey) -> Self {
        Self {
            name: origin(ledger),
            key,
        }
    }

    /// Reads `name+id+key`, as in the file `public-key`; none when it isn't such a key.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, rest) = text.split_once('+')?;
        let (_, encoded) = rest.split_once('+')?;
        let encoded = BASE64.decode(encoded).ok()?;
        let (algorithm, key) = encoded.split_first()?;
        if *algorithm != ED25519 {
            return None;
        }
        let parsed = Self {
            name: name.into(),
            key: VerifyingKey::from_bytes(key.try_into().ok()?).ok()?,
        };
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(self.key.as_bytes());
        let id = hexadecimal(&key_id(&self.name, &self.key));
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(encoded))
    }
}
