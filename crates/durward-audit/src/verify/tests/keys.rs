//! Ledgers whose key was changed, and keys that aren't the ledger's.

use super::*;
use crate::EventNumber;

fn key(directory: &Path) -> VerifierKey {
    own_key(&Layout::new(directory)).expect("a key")
}

/// A ledger whose key was changed twice, and the three keys.
fn rotated() -> (tempfile::TempDir, [VerifierKey; 3]) {
    let directory = tempfile::tempdir().expect("a directory");
    fill(&open(directory.path()), 0..5);
    let first = key(directory.path());
    let (from, second) = Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
    assert_eq!(from, first);
    fill(&open(directory.path()), 10..15);
    let (_, third) = Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
    fill(&open(directory.path()), 20..25);
    (directory, [first, second, third])
}

#[test]
fn each_key_of_a_ledger_verifies_it() {
    let (directory, keys) = rotated();
    assert_eq!(key(directory.path()), keys[2]);
    for trusted in &keys {
        let report = verify(directory.path(), Some(trusted)).expect("a sound ledger");
        assert_eq!(report.key_changes, 2);
        assert_eq!(report.verifier_key, keys[2].to_string());
    }
    let error = verify(directory.path(), Some(&STORED.key())).expect_err("another ledger's key");
    assert!(matches!(error, VerifyError::Head(NoteError::OtherKey)), "{error}");
    // A proof from before the changes is checked with any of them as well.
    let proof = crate::prove(directory.path(), EventNumber(3)).expect("a proof");
    for trusted in &keys {
        crate::verify_proof(&proof, trusted).expect("a sound proof");
    }
}

#[test]
fn checkpoints_from_before_a_change_of_the_key_are_still_good() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    let kept = verify(directory.path(), None).expect("a sound ledger").checkpoint;
    let old = key(directory.path());
    Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
    drop(open(directory.path()));
    verify_since(directory.path(), None, Some(&kept)).expect("what was kept is still there");
    crate::consistency(directory.path(), &kept, Some(&old)).expect("what was kept is still there");
}

#[test]
fn the_former_key_signs_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    fixture::copy_ledger(directory.path(), copy.path());
    Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
    // Somebody has kept the former key, and puts it back.
    let stolen = copy.path().join("keys/signing-key");
    fs::copy(&stolen, directory.path().join("keys/signing-key")).expect("a copy");
    // The last checkpoint was signed by both, so opening believes it, and the log then names the wrong key.
    drop(Ledger::open(directory.path(), small()));
    verify(directory.path(), None).expect_err("the former key signed");
}

#[test]
fn an_interrupted_change_of_the_key_is_finished_or_forgotten() {
    // Before it is recorded.
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    let before = key(directory.path());
    let keys = directory.path().join("keys");
    fs::copy(
        STORED.directory.path().join("keys/signing-key"),
        keys.join("signing-key.next"),
    )
    .expect("a key");
    drop(open(directory.path()));
    assert!(!keys.join("signing-key.next").exists());
    assert_eq!(key(directory.path()), before);
    assert_eq!(verify(directory.path(), None).expect("a sound ledger").key_changes, 0);

    // Recorded, and nothing after it: the state before is put together again.
    let old_secret = fs::read(keys.join("signing-key")).expect("a key");
    let old_public = fs::read(directory.path().join("public-key")).expect("a key");
    let (_, to) = Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
    fs::rename(keys.join("signing-key"), keys.join("signing-key.next")).expect("a file");
    fs::write(keys.join("signing-key"), &old_secret).expect("a key");
    fs::set_permissions(
        keys.join("signing-key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .expect("a mode");
    fs::write(directory.path().join("public-key"), &old_public).expect("a key");
    fs::remove_file(directory.path().join("key-changes")).expect("a file");
    drop(open(directory.path()));
    assert_eq!(key(directory.path()), to);
    assert!(!keys.join("signing-key.next").exists());
    let report = verify(directory.path(), Some(&before)).expect("a sound ledger");
    assert_eq!(report.key_changes, 1);

    // Installed, but for the public half.
    fs::write(directory.path().join("public-key"), &old_public).expect("a key");
    drop(open(directory.path()));
    assert_eq!(key(directory.path()), to);
    verify(directory.path(), None).expect("a sound ledger");
}

#[test]
fn the_key_is_changed_while_others_write() {
    let directory = tempfile::tempdir().expect("a directory");
    let quick = LedgerOptions {
        checkpoint_interval: std::time::Duration::from_millis(1),
        ..small()
    };
    let ledger = Ledger::open(directory.path(), quick).expect("the ledger opens");
    let first = ledger.verifier_key();
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let read = Statement::read("customers");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for statement in 0..600 {
                read.intend(&ledger, 1, statement, Durability::Process)
                    .expect("an intent");
                ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
            }
        });
        for _ in 0..3 {
            let key = ledger.change_key("alice").expect("a new key");
            assert_eq!(
                (ledger.verifier_key(), super::keys::key(directory.path())),
                (key.clone(), key)
            );
            verify(directory.path(), Some(&first)).expect("a sound ledger");
        }
        writer.join().expect("it writes");
    });
    // The machine dies now, or the gateway ends in good order.
    let copy = tempfile::tempdir().expect("a directory");
    fixture::copy_ledger(directory.path(), copy.path());
    let last = ledger.verifier_key();
    ledger.close().expect("a clean close");
    ledger.change_key("alice").expect_err("it is closed");
    drop(open(copy.path()));
    for place in [directory.path(), copy.path()] {
        assert!(!place.join("keys/signing-key.next").exists());
        let report = verify(place, Some(&first)).expect("a sound ledger");
        assert_eq!((report.key_changes, report.verifier_key), (3, last.to_string()));
    }
}

#[test]
fn keys_of_another_ledger_are_refused() {
    for name in ["signing-key", "digest-key"] {
        let directory = tempfile::tempdir().expect("a directory");
        drop(open(directory.path()));
        fs::copy(
            STORED.directory.path().join("keys").join(name),
            directory.path().join("keys").join(name),
        )
        .expect("a key");
        let refused = Ledger::open(directory.path(), small());
        assert!(
            matches!(refused, Err(LedgerError::Key { .. } | LedgerError::Damaged(_))),
            "{name}: {refused:?}"
        );
    }
}
