use std::fs;
use std::ops::Range;
use std::sync::{LazyLock, Mutex, PoisonError};

use proptest::prelude::*;

use super::*;
use crate::fixture::{self, Statement, open, outcome, session_ended, session_started};
use crate::segment::{FRAME_BYTES, begin_frame, end_frame};
use crate::{Durability, Ledger, LedgerOptions};

mod forged;
mod keys;

/// A small closed ledger on disk, with what an auditor would be given of it, and a copy of its files to change.
struct Stored {
    directory: tempfile::TempDir,
    /// Held while a file is other than it should be.
    changing: Mutex<()>,
    /// Name and bytes.
    files: Vec<(String, Vec<u8>)>,
}

fn small() -> LedgerOptions {
    LedgerOptions {
        segment_bytes_max: 8_000,
        ..fixture::options()
    }
}

fn fill(ledger: &Ledger, statements: Range<u64>) {
    ledger
        .record(&session_started(1, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    let read = Statement::read("customers");
    for statement in statements {
        read.intend(ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    Statement::delete("orders").refuse(ledger, 1, 9_999).expect("a refusal");
    ledger.record(&session_ended(1)).expect("an end");
}

fn stored() -> Stored {
    stored_with(false)
}

fn stored_with(change_of_key: bool) -> Stored {
    let directory = tempfile::tempdir().expect("a directory");
    // Opened twice, so that there are checkpoints within.
    for round in 0..3 {
        let ledger = Ledger::open(directory.path(), small()).expect("the ledger opens");
        fill(&ledger, round * 100..round * 100 + 60);
        ledger.close().expect("a clean close");
        if round == 0 && change_of_key {
            Ledger::rotate_key(directory.path(), small(), "alice").expect("a new key");
        }
    }
    Stored::read(directory)
}

impl Stored {
    fn read(directory: tempfile::TempDir) -> Self {
        let mut files = Vec::new();
        for folder in ["", "segments/", "tree/"] {
            let mut names: Vec<String> = fs::read_dir(directory.path().join(folder))
                .expect("a folder")
                .map(|entry| entry.expect("an entry"))
                .filter(|entry| entry.file_type().expect("a type").is_file())
                .map(|entry| format!("{folder}{}", entry.file_name().to_str().expect("a name")))
                .filter(|name| name != "lock")
                .collect();
            names.sort();
            for name in names {
                let bytes = fs::read(directory.path().join(&name)).expect("a file");
                files.push((name, bytes));
            }
        }
        Self {
            directory,
            changing: Mutex::default(),
            files,
        }
    }

    fn key(&self) -> VerifierKey {
        let (_, bytes) = self.files.iter().find(|(name, _)| name == "public-key").expect("a key");
        VerifierKey::parse(std::str::from_utf8(bytes).expect("text")).expect("a key")
    }

    /// Verifies with one file changed for the time being.
    fn with(&self, file: usize, bytes: &[u8]) -> Result<VerifyReport, VerifyError> {
        let (name, good) = &self.files[file];
        let path = self.directory.path().join(name);
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        fs::write(&path, bytes).expect("a file");
        let result = verify(self.directory.path(), None);
        fs::write(&path, good).expect("a file");
        result
    }

    /// The places of all frames: file and byte range, in the order of the events.
    fn frames(&self) -> Vec<(usize, Range<usize>)> {
        let mut frames = Vec::new();
        for (file, (name, bytes)) in self.files.iter().enumerate() {
            let mut at = HEADER_BYTES;
            while name.starts_with("segments") && at < bytes.len() {
                let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
                let end = at + FRAME_BYTES + usize::try_from(length).expect("a length");
                frames.push((file, at..end));
                at = end;
            }
        }
        frames
    }

    /// The records themselves.
    fn records(&self) -> Vec<Vec<u8>> {
        let record = |(file, range): (usize, Range<usize>)| self.files[file].1[range][FRAME_BYTES..].to_vec();
        self.frames().into_iter().map(record).collect()
    }

    /// The events that a change of this byte must be pinned to; none where it is in no record's bytes nor hash.
    fn events_at(&self, file: usize, place: usize) -> Option<Range<u64>> {
        let number = |place: usize| u64::try_from(place).expect("small");
        let (name, _) = &self.files[file];
        if let Some(level) = name.strip_prefix("tree/level-") {
            let (level, place) = (level.parse().expect("a level"), number(place / 32));
            return Some(tree::first_event(level, place)..tree::last_event(level, place) + 1);
        }
        let frames = self.frames();
        if name.starts_with("segments") && place < HEADER_BYTES {
            let first = frames.iter().position(|(at, _)| *at == file)?;
            return Some(number(first) + 1..number(first) + 2);
        }
        let at = frames
            .iter()
            .position(|(at, range)| *at == file && range.contains(&place))?;
        Some(number(at) + 1..number(at) + 2)
    }
}

/// The events that an error names.
fn named(error: &VerifyError) -> Option<Range<u64>> {
    error.events().map(|(first, last)| first..last + 1)
}

/// One for every case: the property is about the changes.
static STORED: LazyLock<Stored> = LazyLock::new(stored);
/// The same with a change of the key in it.
static ROTATED: LazyLock<Stored> = LazyLock::new(|| stored_with(true));

/// The same record in a new frame: what somebody who knows the format can write.
fn reframe(record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = begin_frame(&mut bytes);
    bytes.extend_from_slice(record);
    end_frame(&mut bytes, start).expect("it fits");
    bytes
}

#[test]
fn what_is_changed_below_has_many_segments_tree_levels_and_checkpoints() {
    let report = STORED.with(0, &STORED.files[0].1).expect("a sound ledger");
    assert!(report.segments > 3 && report.events > 300, "{report:?}");
    assert_eq!((report.checkpoints, report.unsigned_events), (3, 0));
    let has_notes = |stored: &Stored| stored.files.iter().any(|(name, _)| name == "key-changes");
    assert!(has_notes(&ROTATED) && !has_notes(&STORED));
    assert!(STORED.directory.path().join("tree/level-1").exists());
    assert_eq!(report.checkpoint.as_bytes(), STORED.files[0].1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_is_found_and_its_record_named(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 24),
    ) {
        for (file, place, difference) in flips {
            let file = file.index(ROTATED.files.len());
            let (name, good) = &ROTATED.files[file];
            let mut bytes = good.clone();
            let place = place.index(bytes.len());
            bytes[place] ^= difference;
            let result = ROTATED.with(file, &bytes);
            prop_assert!(result.is_err(), "byte {place} of {name} changed");
            let error = result.expect_err("it is changed");
            if let Some(events) = ROTATED.events_at(file, place) {
                prop_assert_eq!(named(&error), Some(events), "byte {} of {}: {}", place, name, error);
            }
        }
    }

    #[test]
    fn any_cut_or_longer_file_is_found(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
        more in proptest::collection::vec(any::<u8>(), 1..100),
    ) {
        for (file, place) in cuts {
            let file = file.index(ROTATED.files.len());
            let (name, good) = &ROTATED.files[file];
            prop_assert!(ROTATED.with(file, &good[..place.index(good.len())]).is_err(), "{name} cut");
            let longer = [good.as_slice(), &more].concat();
            let result = ROTATED.with(file, &longer);
            // What looks like a record that was being written when the machine died is no record, and is said.
            let torn = name.starts_with("segments") && result.as_ref().is_ok_and(|report| report.torn_bytes > 0);
            prop_assert!(torn || result.is_err(), "{name} is longer");
        }
    }

    #[test]
    fn moved_repeated_and_removed_records_are_found(
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let frames = STORED.frames();
        for (one, other) in places {
            let (one, other) = (&frames[one.index(frames.len())], &frames[other.index(frames.len())]);
            let frame = STORED.files[one.0].1[one.1.clone()].to_vec();
            let mut removed = STORED.files[one.0].1.clone();
            removed.drain(one.1.clone());
            prop_assert!(STORED.with(one.0, &removed).is_err(), "a record removed");
            let mut inserted = STORED.files[other.0].1.clone();
            inserted.splice(other.1.start..other.1.start, frame.clone());
            prop_assert!(STORED.with(other.0, &inserted).is_err(), "a record inserted or repeated");
            if one.0 == other.0 && one.1.start < other.1.start {
                let mut swapped = STORED.files[one.0].1.clone();
                let later = swapped[other.1.clone()].to_vec();
                swapped.splice(other.1.clone(), frame);
                swapped.splice(one.1.clone(), later);
                prop_assert!(STORED.with(one.0, &swapped).is_err(), "two records swapped");
            }
        }
    }
}

#[test]
fn a_missing_file_and_swapped_segments_are_found() {
    let good = stored();
    for (name, bytes) in &good.files {
        fs::remove_file(good.directory.path().join(name)).expect("a removal");
        verify(good.directory.path(), None).expect_err(name);
        fs::write(good.directory.path().join(name), bytes).expect("a file");
    }
    let segments: Vec<_> = good
        .files
        .iter()
        .filter(|(name, _)| name.starts_with("segments"))
        .collect();
    for pair in segments.windows(2) {
        let [(one, one_bytes), (other, other_bytes)] = pair else {
            unreachable!("windows of two");
        };
        fs::write(good.directory.path().join(one), other_bytes).expect("a file");
        fs::write(good.directory.path().join(other), one_bytes).expect("a file");
        verify(good.directory.path(), None).expect_err("two segments are swapped");
        fs::write(good.directory.path().join(one), one_bytes).expect("a file");
        fs::write(good.directory.path().join(other), other_bytes).expect("a file");
    }
    verify(good.directory.path(), None).expect("as it was");
}

#[test]
fn a_change_with_a_repaired_checksum_is_named_by_the_tree() {
    let good = &*STORED;
    for (event, (file, range)) in (1..).zip(good.frames()) {
        let mut record = good.files[file].1[range.clone()][FRAME_BYTES..].to_vec();
        // The last byte of a time: still a record, still in its place.
        let Some(place) = record.iter().position(|byte| *byte == 0x1b).map(|place| place + 8) else {
            continue;
        };
        record[place] ^= 1;
        let mut bytes = good.files[file].1.clone();
        bytes.splice(range, reframe(&record));
        let error = good.with(file, &bytes).expect_err("a record is changed");
        assert_eq!(named(&error), Some(event..event + 1), "{error}");
    }
}

#[test]
fn a_store_of_another_version_is_refused() {
    let good = stored();
    let (file, _) = good.frames()[0].clone();
    let mut bytes = good.files[file].1.clone();
    bytes[7] = 1;
    let error = good.with(file, &bytes).expect_err("an old store");
    assert!(
        matches!(error, VerifyError::Ledger(LedgerError::Version { found: 1, .. })),
        "{error}"
    );
    fs::write(good.directory.path().join(&good.files[file].0), &bytes).expect("a file");
    let opened = Ledger::open(good.directory.path(), small()).expect_err("an old store");
    assert!(matches!(opened, LedgerError::Version { .. }), "{opened}");
    insta::assert_snapshot!(
        "old_store",
        opened
            .to_string()
            .replace(&good.directory.path().display().to_string(), "<ledger>")
    );
}

#[test]
fn anothers_segment_is_found() {
    let (one, two) = (stored(), stored());
    let last = one
        .files
        .iter()
        .rposition(|(name, _)| name.starts_with("segments"))
        .expect("a segment");
    let error = one
        .with(last, &two.files[last].1)
        .expect_err("another ledger's segment");
    assert!(matches!(error, VerifyError::SegmentHeader { .. }), "{error}");
}

#[test]
fn a_ledger_can_be_verified_while_it_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let quick = LedgerOptions {
        checkpoint_interval: std::time::Duration::from_millis(1),
        segment_bytes_max: 100_000,
        ..fixture::options()
    };
    let ledger = Ledger::open(directory.path(), quick).expect("the ledger opens");
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
        let mut kept = None;
        for _ in 0..10 {
            let report = verify_since(directory.path(), None, kept.as_deref()).expect("a sound ledger");
            kept = Some(report.checkpoint);
        }
    });
}
