//! What a report says of itself, and the signature over it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::evidence::Period;
use crate::note::hexadecimal;

/// What the manifests of this version call themselves.
pub(super) const FORMAT: &str = "durward-evidence/1";
/// The first line of the note that signs a manifest begins with this.
pub(super) const NOTE_KIND: &str = "durward-evidence";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SIGNATURE: &str = "manifest.sig";
pub(super) const KEY_CHANGES: &str = "key-changes";
pub(super) const PROOFS: &str = "proofs.json";
pub(super) const PAGE: &str = "index.html";

/// What is in a report, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names this form.
    pub format: String,
    /// The report.
    pub report: String,
    /// Its title.
    pub title: String,
    /// The change that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The period.
    pub period: Period,
    /// The ledger's id.
    pub ledger: String,
    /// The version of the program that built it.
    pub program_version: String,
    /// The controls that it serves.
    pub controls: Vec<String>,
    /// What is left to an assessor.
    pub assessor: String,
    /// What it can't say, because nothing records it yet.
    pub gaps: Vec<String>,
    /// Events with a time in the period.
    pub events_in_period: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<u64>,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<u64>,
    /// The checkpoint whose root all events up to it were found to have when the report was built.
    pub checkpoint: String,
    /// How many events it covers.
    pub checkpoint_events: u64,
    /// The key that signed it.
    pub checkpoint_key: String,
    /// The tables.
    pub tables: Vec<ManifestTable>,
    /// The files, this one and its signature excepted.
    pub files: Vec<ManifestFile>,
}

/// A table of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTable {
    /// Its name, which is that of its files.
    pub name: String,
    /// What a row of it is.
    pub meaning: String,
    /// How many rows it has.
    pub rows: u64,
    /// The question that it answers, over the views that `durward audit sql` knows; `:from` and `:to` are the period in
    /// microseconds.
    pub query: String,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What the note that signs a manifest says after its first line: the digests of the manifest and of the key changes.
pub(super) fn note_rest(manifest: &[u8], key_changes: &[u8]) -> String {
    format!("{}\n{}\n", sha256(manifest), sha256(key_changes))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
