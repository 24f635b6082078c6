use std::path::Path;

use super::*;
use crate::fixture::{self, Statement, open, options, outcome, session_ended, session_started};
use crate::{Durability, Ledger, LedgerOptions};

fn own_key(directory: &Path) -> VerifierKey {
    VerifierKey::parse(&fs::read_to_string(directory.join("public-key")).expect("a key")).expect("a key")
}

fn ledger() -> (tempfile::TempDir, u64) {
    let directory = tempfile::tempdir().expect("a directory");
    let small = LedgerOptions {
        segment_bytes_max: 4_000,
        ..options()
    };
    let ledger = Ledger::open(directory.path(), small).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    for statement in 0..40 {
        Statement::read("customers")
            .intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
        Statement::delete("orders")
            .refuse(&ledger, 1, 100 + statement)
            .expect("a refusal");
    }
    ledger.record(&session_ended(1)).expect("an end");
    let events = ledger.status().events;
    ledger.close().expect("a clean close");
    // The opening, and the two checkpoints of the end.
    (directory, events + 1)
}

#[test]
fn every_event_can_be_proved_without_the_store() {
    let (directory, events) = ledger();
    let key = own_key(directory.path());
    let mut decided = 0;
    for number in 1..=events {
        let proof = prove(directory.path(), EventNumber(number)).expect("a proof");
        let text = serde_json::to_string_pretty(&proof).expect("JSON");
        let proof: Proof = serde_json::from_str(&text).expect("JSON");
        let proved = verify_proof(&proof, &key).expect("a sound proof");
        assert_eq!(proved.event.stored.number.0, number);
        // What it refers to is proved along with it, whichever segment it is in.
        if let Event::StatementIntent(_) | Event::StatementRefused(_) = proved.event.stored.event {
            assert_eq!(proof.records.len(), 4, "event {number}");
            let whose = proved.event.whose.expect("a session");
            assert_eq!(
                whose.principal.to_string(),
                fixture::principal("alice", &["claude"]).to_string()
            );
            assert!(proved.event.statement.is_some() && proved.event.decision.is_some());
            decided += 1;
        }
    }
    assert_eq!(decided, 80);
    assert!(matches!(
        prove(directory.path(), EventNumber(events + 1)),
        Err(ProofError::NotSigned { .. })
    ));
    assert!(matches!(
        prove(directory.path(), EventNumber(0)),
        Err(ProofError::NoEvent(0))
    ));
}

#[test]
fn an_event_that_is_not_signed_yet_is_not_proved() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = open(directory.path());
    let number = ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let error = prove(directory.path(), number).expect_err("nothing vouches for it");
    assert!(matches!(error, ProofError::NotSigned { signed: 1, .. }), "{error}");
}

/// A statement's proof, its key, and its text.
fn example() -> (Proof, VerifierKey, String) {
    let (directory, _) = ledger();
    let proof = prove(directory.path(), EventNumber(60)).expect("a proof");
    assert!(proof.records.len() > 1);
    let text = serde_json::to_string(&proof).expect("JSON");
    (proof, own_key(directory.path()), text)
}

/// Whether a text proves something to whoever trusts `key`.
fn proves(text: &str, key: &VerifierKey) -> bool {
    serde_json::from_str(text).is_ok_and(|proof: Proof| verify_proof(&proof, key).is_ok())
}

#[test]
fn no_changed_proof_is_believed() {
    let (proof, key, text) = example();
    assert!(proves(&text, &key));
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] ^= 1;
        if let Ok(changed) = String::from_utf8(bytes) {
            let same = serde_json::from_str::<Proof>(&changed).is_ok_and(|changed| changed == proof);
            assert!(same || !proves(&changed, &key), "byte {place}: {changed}");
        }
    }
}

#[test]
fn the_readable_part_must_say_what_the_records_say() {
    let (proof, key, text) = example();
    for (from, to) in [
        ("customers", "kittens"),
        ("alice", "mallory"),
        ("127.0.0.1", "127.0.0.2"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = verify_proof(&serde_json::from_str(&text.replace(from, to)).expect("JSON"), &key);
        assert!(matches!(error, Err(ProofError::Readable(_))), "{from}: {error:?}");
    }
    // A later program may say more; an invented field is refused.
    let mut less = proof.clone();
    less.event.as_object_mut().expect("an object").remove("whose");
    verify_proof(&less, &key).expect("a sound proof");
    let mut more = proof;
    more.event
        .as_object_mut()
        .expect("an object")
        .insert("approved_by".into(), "bob".into());
    assert!(matches!(verify_proof(&more, &key), Err(ProofError::Readable(_))));
}

#[test]
fn records_of_other_events_and_other_ledgers_prove_nothing() {
    let (proof, key, _) = example();
    let (other, other_key, _) = example();
    assert!(matches!(
        verify_proof(&proof, &other_key),
        Err(ProofError::Checkpoint(NoteError::OtherKey))
    ));
    let mut mixed = proof.clone();
    mixed.records[0] = other.records[0].clone();
    assert!(verify_proof(&mixed, &key).is_err());
    // Another number for the same record.
    let mut moved = proof.clone();
    moved.records[0].number += 1;
    assert!(matches!(verify_proof(&moved, &key), Err(ProofError::NotIncluded(_))));
    // What an event refers to can't come after it.
    let mut turned = proof;
    turned.records.rotate_left(1);
    assert!(verify_proof(&turned, &key).is_err());
}

#[test]
fn notes_are_told_apart() {
    let notes = [
        "a\n\n\u{2014} n s\n",
        "b\nc\n\n\u{2014} n s\n\u{2014} m t\n",
        "d\n\n\u{2014} n s\n",
    ];
    assert_eq!(split_notes(&notes.concat()), notes);
    assert!(split_notes("").is_empty());
}
