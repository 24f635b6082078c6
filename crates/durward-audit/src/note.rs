//! Signed notes: checkpoints of the log, and changes of the key, in a form that outlives this program.
//!
//! A note is text lines, an empty line and signature lines, as the C2SP specification `signed-note` has it. The text of
//! a checkpoint is that of `tlog-checkpoint`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::merkle::Hash;

/// The algorithm byte of Ed25519 in verifier keys and key ids (C2SP `signed-note`).
const ED25519: u8 = 0x01;
/// What the names of ledgers begin with.
const ORIGIN: &str = "durward-ledger/";
/// The first line of a note that names a new key begins with this: it can't be taken for a checkpoint.
const KEY_CHANGE: &str = "durward-key-change/";
/// No note of a ledger is longer. Unit: bytes. Reason: room for the signatures of many witnesses.
pub(crate) const NOTE_BYTES_MAX: usize = 1 << 20;

/// The state of the tree that a checkpoint states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeHead {
    pub(crate) ledger: [u8; 16],
    /// How many events the tree is made of.
    pub(crate) events: u64,
    pub(crate) root: Hash,
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
    format!("{ORIGIN}{}", hexadecimal(ledger))
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TreeHead {
    fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            origin(&self.ledger),
            self.events,
            BASE64.encode(self.root)
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let ledger_hexadecimal = lines.next()?.strip_prefix(ORIGIN)?;
        let head = Self {
            ledger: u128::from_str_radix(ledger_hexadecimal, 16).ok()?.to_be_bytes(),
            events: lines.next()?.parse().ok()?,
            root: BASE64.decode(lines.next()?).ok()?.try_into().ok()?,
        };
        // Only the one text that this program writes for these values is taken.
        (head.text() == text).then_some(head)
    }

    /// The checkpoint, signed by each of `keys`.
    pub(crate) fn sign(&self, keys: &[&SigningKey]) -> String {
        sign(&self.text(), &origin(&self.ledger), keys)
    }

    /// Reads a checkpoint without regard to its signatures.
    pub(crate) fn read(note: &str) -> Result<Self, NoteError> {
        let (text, _) = split(note).ok_or(NoteError::Form)?;
        Self::parse(text).ok_or(NoteError::Form)
    }

    /// Reads a checkpoint and checks its signature.
    pub(crate) fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let head = Self::read(note)?;
        if origin(&head.ledger) != key.name {
            return Err(NoteError::OtherKey);
        }
        check_signature(note, key)?;
        Ok(head)
    }
}

/// A note by which a key hands over to the next.
pub(crate) fn sign_key_change(from: &SigningKey, ledger: &[u8; 16], to: &VerifierKey) -> String {
    let text = format!("{KEY_CHANGE}{}\n{to}\n", hexadecimal(ledger));
    sign(&text, &origin(ledger), &[from])
}

/// The key that `from` hands over to by `note`.
pub(crate) fn open_key_change(note: &str, from: &VerifierKey) -> Result<VerifierKey, NoteError> {
    let (text, _) = split(note).ok_or(NoteError::Form)?;
    let ledger = from.name.strip_prefix(ORIGIN).ok_or(NoteError::Form)?;
    let to = text
        .strip_prefix(KEY_CHANGE)
        .and_then(|rest| rest.strip_prefix(ledger)?.strip_prefix('\n')?.strip_suffix('\n'))
        .and_then(VerifierKey::parse)
        .filter(|to| to.name == from.name)
        .ok_or(NoteError::Form)?;
    check_signature(note, from)?;
    Ok(to)
}

/// A note by which the key of a ledger vouches for something else than a checkpoint: `text` begins with `kind`, which
/// none of the other notes does.
pub(crate) fn sign_other(kind: &str, ledger: &[u8; 16], rest: &str, key: &SigningKey) -> String {
    sign(&other_text(kind, ledger, rest), &origin(ledger), &[key])
}

/// Checks that `note` is the one that [`sign_other`] makes of these by this key, to the byte.
pub(crate) fn check_other(note: &str, kind: &str, rest: &str, key: &VerifierKey) -> Result<(), NoteError> {
    let (text, signatures) = split(note).ok_or(NoteError::Form)?;
    let ledger = key.name.strip_prefix(ORIGIN).ok_or(NoteError::Form)?;
    check_signature(note, key)?;
    let is_whole = text == format!("{kind}/{ledger}\n{rest}") && signatures.matches('\n').count() == 1;
    if is_whole { Ok(()) } else { Err(NoteError::Form) }
}

fn other_text(kind: &str, ledger: &[u8; 16], rest: &str) -> String {
    format!("{kind}/{}\n{rest}", hexadecimal(ledger))
}

fn sign(text: &str, name: &str, keys: &[&SigningKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        let mut blob = key_id(name, &key.verifying_key()).to_vec();
        blob.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        note.push_str(&format!("\u{2014} {name} {}\n", BASE64.encode(blob)));
    }
    note
}

/// Signatures of other keys are passed over, as the specification wants it; one of this key must be right.
fn check_signature(note: &str, key: &VerifierKey) -> Result<(), NoteError> {
    let (text, signatures) = split(note).ok_or(NoteError::Form)?;
    let id = key_id(&key.name, &key.key);
    let mut found = false;
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
        key.key
            .verify_strict(text.as_bytes(), &signature)
            .map_err(|_| NoteError::Signature)?;
        found = true;
    }
    if found { Ok(()) } else { Err(NoteError::OtherKey) }
}

/// Text and signature lines.
pub(crate) fn split(note: &str) -> Option<(&str, &str)> {
    if note.len() > NOTE_BYTES_MAX {
        return None;
    }
    let middle = note.rfind("\n\n")?;
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

    /// The id of the ledger that it signs, in hexadecimal.
    pub fn ledger(&self) -> Option<&str> {
        self.name.strip_prefix(ORIGIN)
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

#[cfg(test)]
mod tests;
