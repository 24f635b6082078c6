//! What somebody can do who owns the disk and knows every format, and doesn't have the key.

use super::*;
use crate::segment::{SegmentHeader, file_name};
use crate::tree::Tree;

/// The record with another number, as the format has it.
fn renumbered(record: &[u8], number: u64) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(record);
    let mut skip = || {
        decoder.array().expect("an array");
        decoder.u8().expect("a version");
        let kind = decoder.u8().expect("a kind");
        decoder.u64().expect("a number");
        (kind, decoder.position())
    };
    let (kind, rest) = skip();
    let mut bytes = Vec::new();
    minicbor::Encoder::new(&mut bytes)
        .array(5)
        .and_then(|e| e.u8(1)?.u8(kind)?.u64(number))
        .map(drop)
        .expect("a vector takes every byte");
    bytes.extend_from_slice(&record[rest..]);
    bytes
}

/// A store with these records, numbers, checksums, headers and tree all made right, under the checkpoint given.
fn forge(records: &[Vec<u8>], genuine: &Stored, checkpoint: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let layout = Layout::new(directory.path());
    fs::create_dir(layout.segments()).expect("a folder");
    fs::create_dir(layout.tree()).expect("a folder");
    let ledger = TreeHead::read(std::str::from_utf8(&genuine.files[0].1).expect("text"))
        .expect("a checkpoint")
        .ledger;
    let header = SegmentHeader {
        ledger,
        segment: 1,
        first_event: 1,
    };
    let mut segment = header.encode();
    let mut tree = Tree::default();
    for (number, record) in (1..).zip(records) {
        let record = renumbered(record, number);
        tree.extend([record::leaf_hash(&record)]);
        segment.extend_from_slice(&reframe(&record));
    }
    for (level, first, hashes) in tree.take_fresh() {
        tree::write(&layout.tree(), level, first, &hashes).expect("a tree");
    }
    fs::write(layout.segments().join(file_name(1)), segment).expect("a segment");
    fs::write(layout.checkpoint(), checkpoint).expect("a checkpoint");
    fs::write(layout.public_key(), genuine.key().to_string()).expect("a key");
    directory
}

fn checkpoint() -> &'static [u8] {
    &STORED.files[0].1
}

#[test]
fn the_forger_makes_a_sound_store_of_the_same_records() {
    let records = STORED.records();
    let same = forge(&records, &STORED, checkpoint());
    let report = verify(same.path(), Some(&STORED.key())).expect("the same events are sound");
    assert_eq!(report.events, u64::try_from(records.len()).expect("small"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_repaired_change_passes(
        one: prop::sample::Index,
        other: prop::sample::Index,
        byte: prop::sample::Index,
        difference in 1_u8..,
    ) {
        let records = STORED.records();
        let (one, other) = (one.index(records.len()), other.index(records.len()));
        let verdict = |what: &str, changed: &[Vec<u8>]| {
            let forged = forge(changed, &STORED, checkpoint());
            let error = verify(forged.path(), Some(&STORED.key())).err();
            prop_assert!(error.is_some(), "{what}: record {}", one + 1);
            Ok(error.expect("an error"))
        };
        let mut removed = records.clone();
        removed.remove(one);
        verdict("removed", &removed)?;
        let mut repeated = records.clone();
        repeated.insert(other, records[one].clone());
        verdict("repeated", &repeated)?;
        if records[one][5..] != records[other][5..] {
            let mut swapped = records.clone();
            swapped.swap(one, other);
            verdict("swapped", &swapped)?;
        }
        verdict("cut", &records[..one])?;
        let mut changed = records.clone();
        let place = byte.index(records[one].len());
        changed[one][place] ^= difference;
        // A changed start may be no record at all: then it is no forger's work.
        if place > 12 {
            let error = verdict("changed", &changed)?;
            let event = u64::try_from(one).expect("small") + 1;
            let events = named(&error).unwrap_or_default();
            // Named alone, or within the events between two signatures.
            prop_assert!(events.contains(&event), "event {event}: {error}");
        }
    }
}

/// The genuine checkpoints in the log, oldest first, with how many events each covers.
fn checkpoints() -> Vec<(usize, String)> {
    let checkpoint = |record: Vec<u8>| match record::decode(&record).expect("a record").event {
        Event::Checkpoint(checkpoint) => Some((usize::try_from(checkpoint.events).expect("small"), checkpoint.note)),
        _ => None,
    };
    STORED.records().into_iter().filter_map(checkpoint).collect()
}

#[test]
fn a_log_cut_back_to_an_earlier_checkpoint_is_sound_in_itself_and_found_by_a_kept_one() {
    let records = STORED.records();
    let kept = std::str::from_utf8(checkpoint()).expect("text");
    for (events, note) in checkpoints() {
        let rolled_back = forge(&records[..events], &STORED, note.as_bytes());
        let key = STORED.key();
        verify(rolled_back.path(), Some(&key)).expect("it was so once");
        let error = verify_since(rolled_back.path(), Some(&key), Some(kept)).expect_err("events are missing");
        assert!(matches!(error, VerifyError::OtherHistory { .. }), "{error}");
        let error = crate::consistency(rolled_back.path(), kept, Some(&key)).expect_err("events are missing");
        assert!(matches!(error, crate::ConsistencyError::RolledBack { .. }), "{error}");
    }
}

#[test]
fn what_comes_after_a_checkpoint_that_was_put_back_is_said_to_be_unsigned() {
    // The newest checkpoints are thrown away, and an event after the older one that was put back is taken out.
    let (events, note) = checkpoints().remove(0);
    let mut records = STORED.records();
    records.retain(|record| record[2] != crate::event::code::CHECKPOINT);
    let kept = std::str::from_utf8(checkpoint()).expect("text");
    records.remove(events + 20);
    let forged = forge(&records, &STORED, note.as_bytes());
    let key = STORED.key();
    let report = verify(forged.path(), Some(&key)).expect("nothing vouches for it, and nothing speaks against it");
    assert!(report.unsigned_events > 100, "{report:?}");
    verify_since(forged.path(), Some(&key), Some(kept)).expect_err("a kept checkpoint does");
}

#[test]
fn a_log_written_anew_with_the_key_is_found_by_a_kept_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    fixture::copy_ledger(directory.path(), copy.path());
    drop(open(directory.path()));
    let kept = verify(directory.path(), None).expect("a sound ledger").checkpoint;
    drop(open(directory.path()));
    verify_since(directory.path(), None, Some(&kept)).expect("what was kept is still there");
    let grown = crate::consistency(directory.path(), &kept, None).expect("what was kept is still there");
    assert!(grown.from_events < grown.to_events);
    // The older copy, written on with the same key, is longer and still another log.
    for _ in 0..3 {
        drop(open(copy.path()));
    }
    verify(copy.path(), None).expect("sound in itself");
    let error = verify_since(copy.path(), None, Some(&kept)).expect_err("another history");
    assert!(matches!(error, VerifyError::OtherHistory { .. }), "{error}");
    let error = crate::consistency(copy.path(), &kept, None).expect_err("another history");
    assert!(matches!(error, crate::ConsistencyError::Forked(_)), "{error}");
}

#[test]
fn a_tree_that_was_forged_with_an_event_is_told_from_the_signed_one() {
    let records = STORED.records();
    let mut changed = records.clone();
    let (at, record) = changed.iter_mut().enumerate().nth(40).expect("a record");
    let last = record.len() - 1;
    record[last] ^= 1;
    let forged = forge(&changed, &STORED, checkpoint());
    let error = verify(forged.path(), Some(&STORED.key())).expect_err("an event was changed");
    let events = named(&error).expect("events are named");
    assert!(events.contains(&(u64::try_from(at).expect("small") + 1)), "{error}");
    let kept = std::str::from_utf8(checkpoint()).expect("text");
    let error = crate::consistency(forged.path(), kept, Some(&STORED.key())).expect_err("a forged tree");
    assert!(matches!(error, crate::ConsistencyError::Tree), "{error}");
}

#[test]
fn an_event_that_is_changed_on_disk_before_it_is_signed_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = open(directory.path());
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let number = Statement::delete("orders").refuse(&ledger, 1, 1).expect("a refusal");
    Statement::read("customers")
        .intend(&ledger, 1, 2, Durability::Process)
        .expect("an intent");
    // Nothing but the opening is signed yet; the checksum is made right again.
    let path = directory.path().join("segments").join(file_name(1));
    let mut bytes = fs::read(&path).expect("a segment");
    let message = b"this DELETE has no WHERE";
    let place = bytes.windows(message.len()).position(|window| window == message);
    let place = place.expect("the refusal is on disk");
    let mut at = HEADER_BYTES;
    let frame = loop {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let end = at + FRAME_BYTES + usize::try_from(length).expect("a length");
        if (at..end).contains(&place) {
            break at..end;
        }
        at = end;
    };
    bytes[place] = b'T';
    let record = bytes[frame.clone()][FRAME_BYTES..].to_vec();
    bytes.splice(frame, reframe(&record));
    fs::write(&path, bytes).expect("a segment");
    // The tree is made from what was recorded, not from what the disk gives back.
    ledger.close().expect("a clean close");
    let error = verify(directory.path(), None).expect_err("an event was changed");
    assert_eq!(named(&error), Some(number.0..number.0 + 1), "{error}");
}
