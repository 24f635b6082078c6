use std::time::Duration;

use super::*;
use crate::fixture::{self, Statement, outcome, session_started};
use crate::{Durability, Ledger, LedgerOptions, verify};

fn ledger(directory: &Path) {
    for session in 1..=2 {
        let options = LedgerOptions {
            segment_bytes_max: 4_000,
            checkpoint_interval: Duration::from_millis(1),
            ..fixture::options()
        };
        let ledger = Ledger::open(directory, options.clone()).expect("the ledger opens");
        ledger
            .record(&session_started(session, fixture::principal("alice", &[])))
            .expect("a session starts");
        for statement in 0..60 {
            Statement::read("customers")
                .intend(&ledger, session, statement, Durability::Process)
                .expect("an intent");
            ledger.record_outcome(&outcome(session, statement)).expect("an outcome");
        }
        ledger.close().expect("a clean close");
        if session == 1 {
            Ledger::rotate_key(directory, options, "alice").expect("a new key");
        }
    }
}

fn all(directory: &Path) -> Vec<SpooledRecord> {
    let mut spool = Spool::after(directory, 0).expect("a spool");
    let (_, signed) = spool.checkpoint().expect("a checkpoint");
    let mut all = Vec::new();
    loop {
        let records = spool.next_records(signed, 7, 2_000).expect("records");
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

#[test]
fn files_made_again_are_the_ones_that_were() {
    let (directory, again) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    ledger(directory.path());
    let records = all(directory.path());
    let numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
    assert!(
        numbers
            .iter()
            .copied()
            .eq(1..=u64::try_from(numbers.len()).expect("few"))
    );
    // From any place on.
    let mut later = Spool::after(directory.path(), 100).expect("a spool");
    assert_eq!(later.next_records(101, 10, 10_000).expect("records"), records[100..101]);

    let id = hexadecimal(&Layout::new(directory.path()).ledger_id().expect("an id"));
    let target = again.path().join("ledger");
    let mut restorer = Restorer::create(&target, &id).expect("a directory");
    for record in &records {
        restorer.add(record.segment, &record.record).expect("the next event");
    }
    let (checkpoint, signed) = later.checkpoint().expect("a checkpoint");
    assert_eq!(restorer.finish(&checkpoint).expect("files"), signed);
    for folder in [".", "segments", "tree"] {
        for entry in fs::read_dir(target.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&target).expect("within");
            if path.is_file() {
                let original = fs::read(directory.path().join(name)).expect("a file");
                assert!(fs::read(&path).expect("a file") == original, "{}", name.display());
            }
        }
    }
    let first = verify(directory.path(), None).expect("sound");
    assert_eq!(verify(&target, None).expect("sound"), first);
    Restorer::create(&target, &id).expect_err("there is a record already");
}

#[test]
fn what_is_not_the_next_event_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    ledger(directory.path());
    let records = all(directory.path());
    let id = "00".repeat(16);
    let made = |name: &str| Restorer::create(&directory.path().join(name), &id).expect("a directory");
    let mut missing = made("1");
    missing.add(1, &records[0].record).expect("the first");
    missing.add(1, &records[2].record).expect_err("one is missing");
    missing.add(1, &records[0].record).expect_err("it comes twice");
    missing.add(3, &records[1].record).expect_err("a segment is missing");
    assert!(matches!(
        Restorer::create(&directory.path().join("2"), "../etc"),
        Err(RestoreError::Id(_))
    ));
}
