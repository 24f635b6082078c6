use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::fixture::{self, Statement, open, outcome, session_ended, session_started};
use crate::{Durability, Ledger, LedgerOptions};

/// Every file of a small closed ledger that an auditor would be given, and of what the key vouches for.
#[derive(Clone)]
struct Stored {
    files: Vec<(String, Vec<u8>)>,
}

fn stored() -> Stored {
    let directory = tempfile::tempdir().expect("a directory");
    let small = LedgerOptions {
        segment_bytes_max: 1_500,
        ..fixture::options()
    };
    let ledger = Ledger::open(directory.path(), small).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    for statement in 1..=12 {
        let read = Statement::read("customers");
        read.intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    Statement::delete("orders").refuse(&ledger, 1, 13).expect("a refusal");
    ledger.record(&session_ended(1)).expect("an end");
    ledger.close().expect("a clean close");
    let mut files = vec![("head".into(), fs::read(directory.path().join("head")).expect("a head"))];
    let layout = Layout::new(directory.path());
    for segment in layout.segment_numbers().expect("segments") {
        let path = layout.segment(segment);
        let name = path
            .strip_prefix(directory.path())
            .expect("inside")
            .to_str()
            .expect("a name")
            .to_owned();
        files.push((name, fs::read(path).expect("a segment")));
    }
    files.push((
        "public-key".into(),
        fs::read(directory.path().join("public-key")).expect("a key"),
    ));
    Stored { files }
}

impl Stored {
    /// Verifies these files with the true key.
    fn verify(&self, key: &VerifierKey) -> Result<VerifyReport, VerifyError> {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("segments")).expect("a folder");
        for (name, bytes) in &self.files {
            fs::write(directory.path().join(name), bytes).expect("a file");
        }
        verify(directory.path(), Some(key))
    }

    fn key(&self) -> VerifierKey {
        let (_, text) = self.files.last().expect("a key");
        VerifierKey::parse(std::str::from_utf8(text).expect("text")).expect("a key")
    }

    /// The places of all frames: file and byte range.
    fn frames(&self) -> Vec<(usize, std::ops::Range<usize>)> {
        let mut frames = Vec::new();
        for (file, (name, bytes)) in self.files.iter().enumerate() {
            let mut at = HEADER_BYTES;
            while name.starts_with("segments") && at < bytes.len() {
                let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
                let end = at + 8 + usize::try_from(length).expect("a length");
                frames.push((file, at..end));
                at = end;
            }
        }
        frames
    }

    fn segments(&self) -> std::ops::Range<usize> {
        1..self.files.len() - 1
    }
}

/// One for every case: the property is about the changes.
static STORED: LazyLock<Stored> = LazyLock::new(stored);

/// The same records in new frames: what somebody who knows the format can write.
fn reframe(record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = crate::segment::begin_frame(&mut bytes);
    bytes.extend_from_slice(record);
    crate::segment::end_frame(&mut bytes, start).expect("it fits");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_to_the_files_is_found(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 24),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 6),
        records in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 6),
    ) {
        let good = &*STORED;
        let key = good.key();
        prop_assert!(good.verify(&key).is_ok());
        for (file, place, difference) in flips {
            let mut changed = good.clone();
            let file = file.index(good.segments().end);
            let bytes = &mut changed.files[file].1;
            let place = place.index(bytes.len());
            bytes[place] ^= difference;
            prop_assert!(changed.verify(&key).is_err(), "byte {place} of {} changed", changed.files[file].0);
        }
        for (file, place) in cuts {
            let mut changed = good.clone();
            let file = file.index(good.segments().end);
            let bytes = &mut changed.files[file].1;
            bytes.truncate(place.index(bytes.len()));
            prop_assert!(changed.verify(&key).is_err(), "{} cut", changed.files[file].0);
        }
        let frames = good.frames();
        for (one, other) in records {
            let (one, other) = (&frames[one.index(frames.len())], &frames[other.index(frames.len())]);
            let frame = good.files[one.0].1[one.1.clone()].to_vec();
            let mut removed = good.clone();
            removed.files[one.0].1.drain(one.1.clone());
            prop_assert!(removed.verify(&key).is_err(), "a record removed");
            let mut inserted = good.clone();
            inserted.files[other.0].1.splice(other.1.start..other.1.start, frame.clone());
            prop_assert!(inserted.verify(&key).is_err(), "a record inserted or repeated");
            if one.0 == other.0 && one.1.start < other.1.start {
                let mut swapped = good.clone();
                let later = good.files[other.0].1[other.1.clone()].to_vec();
                swapped.files[one.0].1.splice(other.1.clone(), frame);
                swapped.files[one.0].1.splice(one.1.clone(), later);
                prop_assert!(swapped.verify(&key).is_err(), "two records swapped");
            }
        }
    }
}

#[test]
fn a_missing_segment_is_found() {
    let good = stored();
    let key = good.key();
    assert!(good.segments().len() > 2);
    for segment in good.segments() {
        let mut changed = good.clone();
        changed.files.remove(segment);
        changed.verify(&key).expect_err("a segment is missing");
    }
}

#[test]
fn a_change_that_knows_the_format_is_found_by_the_signature() {
    let good = stored();
    let key = good.key();
    for (file, range) in good.frames() {
        let bytes = &good.files[file].1;
        let mut record = bytes[range.start + 8..range.end].to_vec();
        // The last byte of a time: still a record, still in its place.
        let Some(place) = record.iter().position(|byte| *byte == 0x1b).map(|place| place + 8) else {
            continue;
        };
        record[place] ^= 1;
        let mut changed = good.clone();
        changed.files[file].1.splice(range.clone(), reframe(&record));
        let error = changed.verify(&key).expect_err("a record is changed");
        assert!(
            matches!(error, VerifyError::Changed { .. } | VerifyError::SegmentHeader { .. }),
            "{error}"
        );
    }
}

#[test]
fn the_first_bad_record_is_named() {
    let good = stored();
    let (file, range) = good.frames()[4].clone();
    let mut changed = good.clone();
    changed.files[file].1[range.end - 1] ^= 0xff;
    let error = changed.verify(&good.key()).expect_err("a record is changed");
    assert!(matches!(error, VerifyError::Record { event: 5, .. }), "{error}");
}

#[test]
fn another_key_is_not_believed() {
    let (one, two) = (stored(), stored());
    let error = one.verify(&two.key()).expect_err("another ledger's key");
    assert!(matches!(error, VerifyError::Head(NoteError::OtherKey)), "{error}");
}

#[test]
fn a_log_that_was_rolled_back_is_found_by_a_kept_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    fixture::copy_ledger(directory.path(), copy.path());
    drop(open(directory.path()));
    let kept = verify(directory.path(), None).expect("a sound ledger").head;
    drop(open(directory.path()));
    verify_since(directory.path(), None, Some(&kept)).expect("what was kept is still there");
    // The older copy is sound in itself.
    verify(copy.path(), None).expect("a sound ledger");
    let error = verify_since(copy.path(), None, Some(&kept)).expect_err("events are missing");
    assert!(matches!(error, VerifyError::OtherHistory { .. }), "{error}");
    // Written anew with the same key, it is longer and still another log.
    drop(open(copy.path()));
    drop(open(copy.path()));
    let error = verify_since(copy.path(), None, Some(&kept)).expect_err("another history");
    assert!(matches!(error, VerifyError::OtherHistory { .. }), "{error}");
}

#[test]
fn a_ledger_can_be_verified_while_it_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = open(directory.path());
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let read = Statement::read("customers");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for statement in 0..2_000 {
                read.intend(&ledger, 1, statement, Durability::Process)
                    .expect("an intent");
                ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
            }
        });
        for _ in 0..10 {
            verify(directory.path(), None).expect("a sound ledger");
        }
    });
}
