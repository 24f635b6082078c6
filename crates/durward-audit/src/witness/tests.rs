use std::collections::HashMap;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::fixture::{self, open, options};
use crate::merkle::Hash;
use crate::note::VerifierKey;
use crate::{Administration, Event, Ledger, VerifyError, VerifyOptions, verify_with};

/// A witness as the specification wants it, without the network.
pub(crate) struct Witness {
    key: SigningKey,
    name: String,
    time: u64,
    /// What it has seen of each log.
    seen: HashMap<String, (u64, Hash)>,
}

impl Witness {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
            name: name.into(),
            time: 1_767_225_600,
            seen: HashMap::new(),
        }
    }

    pub(crate) fn key(&self) -> WitnessKey {
        WitnessKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Answers `add-checkpoint`: a status and a body.
    pub(crate) fn add_checkpoint(&mut self, body: &str, log: &VerifierKey) -> (u16, String) {
        let (head, checkpoint) = body.split_once("\n\n").expect("a request");
        let mut lines = head.lines();
        let old: u64 = lines
            .next()
            .and_then(|line| line.strip_prefix("old ")?.parse().ok())
            .expect("a size");
        let path: Vec<Hash> = lines
            .map(|line| BASE64.decode(line).expect("base64").try_into().expect("a hash"))
            .collect();
        let Ok(head) = TreeHead::open(checkpoint, log) else {
            return (403, String::new());
        };
        let (text, _) = split(checkpoint).expect("a note");
        let origin = text.lines().next().expect("an origin").to_owned();
        let (size, root) = self.seen.get(&origin).copied().unwrap_or((0, merkle::empty_root()));
        if old != size || (size == head.events && root != head.root) {
            return (409, format!("{size}\n"));
        }
        if !merkle::is_consistent(size, &root, head.events, &head.root, &path) {
            return (422, String::new());
        }
        self.seen.insert(origin, (head.events, head.root));
        self.time += 60;
        let signature = self
            .key
            .sign(format!("cosignature/v1\ntime {}\n{text}", self.time).as_bytes());
        let mut blob = self.key().id().to_vec();
        blob.extend_from_slice(&self.time.to_be_bytes());
        blob.extend_from_slice(&signature.to_bytes());
        (200, format!("\u{2014} {} {}\n", self.name, BASE64.encode(blob)))
    }
}

fn own_key(directory: &Path) -> VerifierKey {
    VerifierKey::parse(&fs::read_to_string(directory.join("public-key")).expect("a key")).expect("a key")
}

fn grow(directory: &Path, by: &str) {
    let ledger = open(directory);
    let act = Administration {
        by: by.into(),
        action: "session_kill".into(),
        object: "s1".into(),
    };
    ledger.record(&Event::Administration(act)).expect("an event");
    ledger.close().expect("a clean close");
}

/// Has a witness that has seen `seen` events sign the last checkpoint.
fn cosign(directory: &Path, witness: &mut Witness, seen: u64) -> Result<String, (u16, String)> {
    let request = WitnessRequest::new(directory, seen).expect("a request");
    match witness.add_checkpoint(&request.body, &own_key(directory)) {
        (200, answer) => Ok(request.cosigned(&answer, &witness.key()).expect("a cosignature")),
        other => Err(other),
    }
}

#[test]
fn a_witness_signs_a_log_that_grows_and_no_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = tempfile::tempdir().expect("a directory");
    let mut witness = Witness::new("witness.example/w1", 3);
    let key = witness.key();
    assert_eq!(WitnessKey::parse(&key.to_string()), Some(key.clone()));
    grow(directory.path(), "alice");
    let first = cosign(directory.path(), &mut witness, 0).expect("a cosignature");
    let seen = key.open(&first).expect("it is signed");
    assert_eq!(seen.time_seconds, 1_767_225_660);
    fixture::copy_ledger(directory.path(), copy.path());
    grow(directory.path(), "alice");
    let (status, size) = cosign(directory.path(), &mut witness, 0).expect_err("it has seen more");
    assert_eq!((status, size), (409, format!("{}\n", seen.events)));
    let second = cosign(directory.path(), &mut witness, seen.events).expect("a cosignature");
    let later = key.open(&second).expect("it is signed").events;

    // Both words are still true, and nobody else's count.
    let notes = [first.clone(), second.clone()];
    let ask = |place: &Path, notes: &[String], witness: &WitnessKey| {
        let options = VerifyOptions {
            anchors: notes,
            witnesses: std::slice::from_ref(witness),
            ..VerifyOptions::default()
        };
        verify_with(place, &options)
    };
    let report = ask(directory.path(), &notes, &key).expect("a sound ledger");
    assert_eq!(report.anchored_events, Some(later));
    assert_eq!(
        report.witnessed,
        [("witness.example/w1".to_owned(), later, 1_767_225_720)]
    );
    let stranger = Witness::new("witness.example/w1", 4).key();
    let error = ask(directory.path(), &notes, &stranger).expect_err("it signed nothing");
    assert!(matches!(error, VerifyError::NotWitnessed(_)), "{error}");

    // A copy that went another way has grown as much, and the witness sees it.
    grow(copy.path(), "mallory");
    let (status, _) = cosign(copy.path(), &mut witness, later).expect_err("a fork");
    assert_eq!(status, 409);
    ask(copy.path(), &notes, &key).expect_err("a fork");
    // One that was rolled back doesn't even ask.
    let old = tempfile::tempdir().expect("a directory");
    drop(Ledger::open(old.path(), options()).expect("the ledger opens"));
    let error = WitnessRequest::new(old.path(), later).expect_err("it is shorter");
    assert!(matches!(error, WitnessError::RolledBack { .. }), "{error}");

    // A changed time or signature isn't a cosignature.
    let request = WitnessRequest::new(directory.path(), later).expect("a request");
    let line = second.lines().last().expect("a line");
    request.cosigned(&format!("{line}\n"), &key).expect("as it was");
    for place in [12, 30, 60, 90] {
        let (head, blob) = line.rsplit_once(' ').expect("a line");
        let mut blob = BASE64.decode(blob).expect("base64");
        let at = place % blob.len();
        blob[at] ^= 1;
        let changed = format!("{head} {}\n", BASE64.encode(blob));
        request.cosigned(&changed, &key).expect_err("it is changed");
    }
}
