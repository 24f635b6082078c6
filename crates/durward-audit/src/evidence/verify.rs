//! Checking a report with the public key alone.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::evidence::EvidenceError;
use crate::evidence::manifest::{
    FORMAT, KEY_CHANGES, MANIFEST, Manifest, ManifestFile, NOTE_KIND, PROOFS, SIGNATURE, note_rest,
};
use crate::note::{NOTE_BYTES_MAX, NoteError, TreeHead, VerifierKey, check_other, hexadecimal, open_key_change};
use crate::proof::{Proof, open_checkpoint, split_notes, verify_proof};

/// No manifest, and no file of proofs, is longer. Unit: bytes. Reason: a pack of 200 proofs of large statements.
const JSON_BYTES_MAX: u64 = 256 << 20;

/// What a sound report says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedEvidence {
    /// What is in it.
    pub manifest: Manifest,
    /// The key that signed it.
    pub verifier_key: String,
    /// Whether its checkpoint is signed by a key from before the one that was given, which the signed manifest names.
    pub earlier_checkpoint_key: bool,
    /// How many events are proved in it.
    pub proofs: usize,
}

/// Checks every file of the report in `directory` against a key that the caller trusts. Reads nothing else.
pub fn verify_evidence(directory: &Path, trusted: &VerifierKey) -> Result<VerifiedEvidence, EvidenceError> {
    let manifest_bytes = read(directory, MANIFEST, JSON_BYTES_MAX)?;
    let notes_max = u64::try_from(NOTE_BYTES_MAX).unwrap_or(u64::MAX);
    let signature = text(SIGNATURE, read(directory, SIGNATURE, notes_max)?)?;
    let key_changes = match read(directory, KEY_CHANGES, JSON_BYTES_MAX) {
        Err(EvidenceError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let rest = note_rest(&manifest_bytes, &key_changes);
    let changes = split_notes(&String::from_utf8_lossy(&key_changes));
    let verifier = check_signature(&signature, &rest, trusted, &changes)?;
    let manifest: Manifest =
        serde_json::from_slice(&manifest_bytes).map_err(|error| wrong(MANIFEST, &error.to_string()))?;
    if manifest.format != FORMAT {
        return Err(wrong(MANIFEST, "a form that this program doesn't read"));
    }
    check_names(directory, &manifest)?;
    for file in &manifest.files {
        check_file(directory, file)?;
    }
    let (checkpoint_key, earlier_checkpoint_key) = check_checkpoint(&manifest, trusted, &changes)?;
    let proofs = check_proofs(directory, &manifest, &checkpoint_key)?;
    Ok(VerifiedEvidence {
        manifest,
        verifier_key: verifier.to_string(),
        earlier_checkpoint_key,
        proofs,
    })
}

/// The signature is by the trusted key, or by one that it handed over to.
fn check_signature(
    signature: &str,
    rest: &str,
    trusted: &VerifierKey,
    changes: &[String],
) -> Result<VerifierKey, EvidenceError> {
    let note = |error| EvidenceError::Note { file: SIGNATURE, error };
    let mut key = trusted.clone();
    let mut changes = changes.iter();
    loop {
        match check_other(signature, NOTE_KIND, rest, &key) {
            Ok(()) => return Ok(key),
            Err(NoteError::OtherKey) => {}
            Err(error) => return Err(note(error)),
        }
        let next = changes.find_map(|change| open_key_change(change, &key).ok());
        key = next.ok_or_else(|| note(NoteError::OtherKey))?;
    }
}

/// The checkpoint is by a key in the chain, or by an earlier one that the signed manifest names.
fn check_checkpoint(
    manifest: &Manifest,
    trusted: &VerifierKey,
    changes: &[String],
) -> Result<(VerifierKey, bool), EvidenceError> {
    let note = |error| EvidenceError::Note { file: MANIFEST, error };
    let (head, key, earlier) = match open_checkpoint(&manifest.checkpoint, trusted, changes) {
        Ok((head, key)) => (head, key, false),
        Err(NoteError::OtherKey) => {
            let key = VerifierKey::parse(&manifest.checkpoint_key).ok_or_else(|| note(NoteError::Form))?;
            let head = TreeHead::open(&manifest.checkpoint, &key).map_err(note)?;
            (head, key, true)
        }
        Err(error) => return Err(note(error)),
    };
    let fits = head.events == manifest.checkpoint_events
        && hexadecimal(&head.ledger) == manifest.ledger
        && key.to_string() == manifest.checkpoint_key
        && manifest.last_event.is_none_or(|last| last <= head.events);
    if fits {
        Ok((key, earlier))
    } else {
        Err(wrong(MANIFEST, "it says something else than its checkpoint"))
    }
}

fn check_names(directory: &Path, manifest: &Manifest) -> Result<(), EvidenceError> {
    let known: BTreeSet<&str> = manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .chain([MANIFEST, SIGNATURE, KEY_CHANGES])
        .collect();
    for entry in fs::read_dir(directory).map_err(EvidenceError::io("read", directory))? {
        let entry = entry.map_err(EvidenceError::io("read", directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || !known.contains(name.as_str()) {
            return Err(wrong(&name, "it does not belong to this report"));
        }
    }
    Ok(())
}

fn check_file(directory: &Path, file: &ManifestFile) -> Result<(), EvidenceError> {
    // A name leads nowhere else.
    if file.name.contains(['/', '\0']) || file.name == ".." {
        return Err(wrong(&file.name, "not a name of a file here"));
    }
    let path = directory.join(&file.name);
    let mut opened = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(wrong(&file.name, "it is missing")),
        other => other.map_err(EvidenceError::io("open", &path))?,
    };
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = opened.read(&mut buffer).map_err(EvidenceError::io("read", &path))?;
        if read == 0 {
            break;
        }
        bytes += u64::try_from(read).unwrap_or(u64::MAX);
        sha256.update(buffer.get(..read).unwrap_or_default());
    }
    if bytes == file.bytes && hexadecimal(&sha256.finalize()) == file.sha256 {
        Ok(())
    } else {
        Err(wrong(&file.name, "it is not what was signed"))
    }
}

fn check_proofs(directory: &Path, manifest: &Manifest, key: &VerifierKey) -> Result<usize, EvidenceError> {
    let bytes = read(directory, PROOFS, JSON_BYTES_MAX)?;
    let proofs: Vec<Proof> = serde_json::from_slice(&bytes).map_err(|error| wrong(PROOFS, &error.to_string()))?;
    let mut proved = BTreeSet::new();
    for proof in &proofs {
        if proof.checkpoint != manifest.checkpoint {
            return Err(wrong(PROOFS, "a proof is under another checkpoint"));
        }
        proved.insert(verify_proof(proof, key)?.event.stored.number.0);
    }
    let wanted = [manifest.first_event, manifest.last_event];
    if wanted.into_iter().flatten().all(|number| proved.contains(&number)) {
        Ok(proofs.len())
    } else {
        Err(wrong(PROOFS, "the period's first and last event are not proved"))
    }
}

fn read(directory: &Path, name: &'static str, bytes_max: u64) -> Result<Vec<u8>, EvidenceError> {
    let path = directory.join(name);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    read.map_err(EvidenceError::io("read", &path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= bytes_max) {
        Ok(bytes)
    } else {
        Err(wrong(name, "it is too long"))
    }
}

fn text(name: &'static str, bytes: Vec<u8>) -> Result<String, EvidenceError> {
    String::from_utf8(bytes).map_err(|_| wrong(name, "it is no text"))
}

fn wrong(file: &str, reason: &str) -> EvidenceError {
    EvidenceError::File {
        file: file.to_owned(),
        reason: reason.to_owned(),
    }
}
