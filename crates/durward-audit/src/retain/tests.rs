use std::sync::Arc;

use super::*;
use crate::evidence::{EvidenceError, EvidenceRequest, Period, build_evidence};
use crate::fixture::{self, Statement, TestClock, outcome, session_ended, session_started};
use crate::verify::VerifyError;
use crate::{
    Clock, Durability, LedgerFiles, LedgerOptions, Moment, ProofError, SearchFilter, VerifierKey, prove, search, show,
    verify, verify_proof,
};

const DAY: u64 = 86_400_000_000;
/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000_000;

struct House {
    directory: tempfile::TempDir,
    archive: tempfile::TempDir,
    clock: Arc<TestClock>,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        clock.set(START);
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            archive: tempfile::tempdir().expect("a directory"),
            clock,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn open(&self) -> Ledger {
        let options = LedgerOptions {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            segment_bytes_max: 4_000,
            checkpoint_interval: Duration::from_millis(1),
            ..fixture::options()
        };
        Ledger::open(self.path(), options).expect("the ledger opens")
    }

    /// A ledger of many segments.
    fn filled(&self) -> Ledger {
        let ledger = self.open();
        fill(&ledger, 1);
        settle(&ledger);
        ledger
    }

    fn by_size(&self, archive: bool) -> Retention {
        Retention {
            age_max: None,
            bytes_max: Some(10_000),
            archive: archive.then(|| self.archive.path().to_owned()),
        }
    }

    fn with_archive(&self) -> LedgerFiles {
        LedgerFiles::with_archive(self.path(), self.archive.path()).expect("an archive")
    }

    fn own(&self) -> Vec<u64> {
        numbers_in(&self.path().join("segments")).expect("segments")
    }

    fn key(&self) -> VerifierKey {
        let text = fs::read_to_string(self.path().join("public-key")).expect("a key");
        VerifierKey::parse(&text).expect("a key")
    }

    fn archived(&self, ledger: &Ledger) -> Vec<PathBuf> {
        let folder = archive_folder(self.archive.path(), &ledger.id());
        let numbers = numbers_in(&folder).expect("segments");
        let names = numbers.into_iter().map(crate::segment::file_name);
        names.map(|name| folder.join(name)).collect()
    }
}

fn fill(ledger: &Ledger, session: u64) {
    ledger
        .record(&session_started(session, fixture::principal("alice", &[])))
        .expect("a session starts");
    for statement in 0..200 {
        Statement::read("customers")
            .intend(ledger, session, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(session, statement)).expect("an outcome");
    }
    ledger.record(&session_ended(session)).expect("an end");
}

/// Waits until everything recorded so far is signed.
fn settle(ledger: &Ledger) {
    let events = ledger.status().events;
    while ledger.status().signed_events < events {
        std::thread::yield_now();
    }
}

/// Two passes: what the first begins is finished by the second.
fn retire(ledger: &Ledger, retention: Retention) -> usize {
    let mut retainer = Retainer::new(ledger.clone(), retention);
    assert_eq!(retainer.pass().expect("a pass"), 0);
    settle(ledger);
    retainer.pass().expect("a pass")
}

#[test]
fn archived_segments_leave_and_stay_provable() {
    let house = House::new();
    let ledger = house.filled();
    assert!(retire(&ledger, house.by_size(true)) > 2);
    fill(&ledger, 2);
    ledger.close().expect("a clean close");
    let report = verify(house.path(), None).expect("the rest is sound");
    assert!(report.first_event > 20 && report.removed_events == 0, "{report:?}");
    assert_eq!(report.archive.as_deref(), house.archive.path().to_str());
    let whole = verify(house.with_archive(), Some(&house.key())).expect("all of it is sound");
    assert_eq!((whole.first_event, whole.events), (1, report.events));
    // Early events are at hand with the archive alone, and then proved as ever.
    for event in [1, 7, report.first_event - 1] {
        let away = prove(house.path(), EventNumber(event)).expect_err("it has left");
        let ProofError::Ledger(LedgerError::NotHere { first_event, .. }) = away else {
            panic!("{away}");
        };
        assert_eq!(first_event, report.first_event);
        show(house.path(), EventNumber(event)).expect_err("it has left");
        let proof = prove(house.with_archive(), EventNumber(event)).expect("a proof");
        let proved = verify_proof(&proof, &house.key()).expect("it holds");
        assert_eq!(proved.event.stored.number.0, event);
    }
    // The ledger goes on, also in a new process, and what leaves later joins the rest.
    let ledger = house.open();
    fill(&ledger, 3);
    settle(&ledger);
    assert!(retire(&ledger, house.by_size(true)) > 2);
    ledger.close().expect("a clean close");
    let later = verify(house.path(), None).expect("the rest is sound");
    assert!(later.first_event > report.first_event);
    assert_eq!(
        verify(house.with_archive(), None)
            .expect("all of it is sound")
            .first_event,
        1
    );
}

#[test]
fn removed_segments_leave_hashes_that_are_still_checked() {
    let house = House::new();
    let ledger = house.filled();
    assert!(retire(&ledger, house.by_size(false)) > 2);
    ledger.close().expect("a clean close");
    let report = verify(house.path(), None).expect("the rest is sound");
    assert_eq!(report.removed_events, report.first_event - 1);
    // One bit anywhere in what is left of them, or in the file that says so.
    let places = (0..report.first_event * 32)
        .step_by(37)
        .map(|place| ("tree/level-0", place));
    let bytes = fs::metadata(house.path().join("retired")).expect("a file").len();
    for (name, place) in places.chain((0..bytes).map(|place| ("retired", place))) {
        let path = house.path().join(name);
        let good = fs::read(&path).expect("a file");
        let mut bad = good.clone();
        bad[usize::try_from(place).expect("small")] ^= 4;
        fs::write(&path, bad).expect("a file");
        verify(house.path(), None).expect_err("it is changed");
        fs::write(&path, good).expect("a file");
    }
    verify(house.path(), None).expect("as it was");
}

#[test]
fn what_was_not_recorded_to_leave_is_missing() {
    let house = House::new();
    let ledger = house.filled();
    let nothing = tempfile::tempdir().expect("a directory");
    fixture::copy_ledger(house.path(), nothing.path());
    retire(&ledger, house.by_size(true));
    ledger.close().expect("a clean close");
    // One more than was recorded.
    let first = house.own()[0];
    let path = house.path().join("segments").join(crate::segment::file_name(first));
    let bytes = fs::read(&path).expect("a segment");
    fs::remove_file(&path).expect("a removal");
    let error = verify(house.path(), None).expect_err("a segment is missing");
    assert!(
        matches!(error, VerifyError::SegmentMissing(number) if number == first),
        "{error}"
    );
    fs::write(&path, bytes).expect("a segment");
    // The word for it is gone, or is that of another time.
    let retired = house.path().join("retired");
    let record = fs::read(&retired).expect("a record");
    fs::remove_file(&retired).expect("a removal");
    verify(house.path(), None).expect_err("nothing says why segments are missing");
    fs::write(&retired, &record).expect("a record");
    // A ledger that nothing has left from doesn't take it either.
    fs::write(nothing.path().join("retired"), &record).expect("a record");
    verify(nothing.path(), None).expect_err("it was never recorded there");
    // A hole, a cut and a changed byte in the archive.
    let archived = house.archived(&ledger);
    for (path, cut) in [
        (&archived[1], None),
        (&archived[0], Some(500)),
        (&archived[2], Some(44)),
    ] {
        let good = fs::read(path).expect("a segment");
        match cut {
            Some(length) => fs::write(path, &good[..length]).expect("a segment"),
            None => fs::remove_file(path).expect("a removal"),
        }
        verify(house.with_archive(), None).expect_err("the archive is cut");
        let mut bad = good.clone();
        bad[1_000] ^= 1;
        fs::write(path, bad).expect("a segment");
        let error = verify(house.with_archive(), None).expect_err("the archive is changed");
        assert!(error.events().is_some(), "{error}");
        fs::write(path, good).expect("a segment");
    }
    verify(house.with_archive(), None).expect("as it was");
}

#[test]
fn a_crash_at_any_point_of_the_move_is_finished_later() {
    let house = House::new();
    let ledger = house.filled();
    let segments = house.own();
    let before: Vec<(PathBuf, Vec<u8>)> = segments
        .iter()
        .map(|segment| house.path().join("segments").join(crate::segment::file_name(*segment)))
        .map(|path| (path.clone(), fs::read(path).expect("a segment")))
        .collect();
    // Copied and recorded, and no more: nobody says yet that anything has left.
    Retainer::new(ledger.clone(), house.by_size(true))
        .pass()
        .expect("a pass");
    settle(&ledger);
    verify(house.path(), None).expect("sound");
    assert_eq!(verify(house.path(), None).expect("sound").first_event, 1);
    let taken = retire(&ledger, house.by_size(true));
    // Any number of them is still to be taken away.
    for left in 0..taken {
        for (path, bytes) in &before[left..taken] {
            fs::write(path, bytes).expect("a segment");
        }
        for (path, _) in &before[..left] {
            assert!(!path.exists());
        }
        verify(house.path(), None).expect("sound");
        verify(house.with_archive(), None).expect("sound");
        let mut retainer = Retainer::new(ledger.clone(), house.by_size(true));
        assert_eq!(retainer.pass().expect("a pass"), taken - left);
    }
    // What was copied to the archive is gone before the rest could be finished.
    fs::write(&before[0].0, &before[0].1).expect("a segment");
    fs::remove_file(&house.archived(&ledger)[0]).expect("a removal");
    let error = Retainer::new(ledger.clone(), house.by_size(true))
        .pass()
        .expect_err("the copy is gone");
    assert!(matches!(error, RetentionError::ArchiveLost(_)), "{error}");
    assert!(before[0].0.exists());
}

#[test]
fn what_is_changed_or_cant_be_copied_stays() {
    let house = House::new();
    let ledger = house.filled();
    let path = house.path().join("segments").join(crate::segment::file_name(2));
    let good = fs::read(&path).expect("a segment");
    let mut bad = good.clone();
    bad[700] ^= 1;
    fs::write(&path, &bad).expect("a segment");
    let segments = house.own();
    let pass = |retention| Retainer::new(ledger.clone(), retention).pass();
    for archive in [false, true] {
        let error = pass(house.by_size(archive)).expect_err("it is not what was signed");
        assert!(matches!(error, RetentionError::Changed { segment: 2, .. }), "{error}");
    }
    // The changed copy isn't taken for the segment once that is mended.
    fs::write(&path, &good).expect("a segment");
    let error = pass(house.by_size(true)).expect_err("the archive holds another");
    assert!(matches!(error, RetentionError::ArchiveOther(_)), "{error}");
    let not_a_folder = Retention {
        archive: Some(path.clone()),
        ..house.by_size(true)
    };
    pass(not_a_folder).expect_err("nothing can be copied there");
    assert_eq!(house.own(), segments);
    assert!(!house.path().join("retired").exists());
    verify(house.path(), None).expect("nothing has left");
}

#[test]
fn age_counts_from_the_newest_event_and_never_takes_the_last_segment() {
    let house = House::new();
    let by_age = Retention {
        age_max: Some(Duration::from_secs(30 * 86_400)),
        bytes_max: None,
        archive: None,
    };
    let ledger = house.filled();
    assert_eq!(retire(&ledger, by_age.clone()), 0);
    let segments = house.own();
    // A clock that was set back, by a year too.
    house.clock.set(START - 365 * DAY);
    assert_eq!(retire(&ledger, by_age.clone()), 0);
    assert_eq!(house.own(), segments);
    house.clock.set(START + 31 * DAY);
    // Nothing that somebody still needs here, however old.
    ledger.keep_from(1);
    assert_eq!(retire(&ledger, by_age.clone()), 0);
    ledger.keep_from(u64::MAX);
    let segments = house.own();
    // All of it is old: a new segment is begun, so that all others can leave.
    assert_eq!(retire(&ledger, by_age.clone()), segments.len() - 1);
    assert_eq!(house.own().len(), 1);
    ledger.close().expect("a clean close");
    let report = verify(house.path(), None).expect("the rest is sound");
    assert_eq!(report.removed_events, report.first_event - 1);
}

#[test]
fn keys_of_what_has_left_are_still_known() {
    let house = House::new();
    house.open().close().expect("a clean close");
    let first = house.key();
    let options = LedgerOptions {
        clock: Arc::clone(&house.clock) as Arc<dyn Clock>,
        ..fixture::options()
    };
    Ledger::rotate_key(house.path(), options, "alice").expect("a new key");
    let ledger = house.filled();
    assert!(retire(&ledger, house.by_size(true)) > 2);
    ledger.close().expect("a clean close");
    let report = verify(house.path(), Some(&first)).expect("the first key's word leads on");
    assert_eq!((report.key_changes, report.verifier_key), (1, house.key().to_string()));
    let mut notes = fs::read(house.path().join("key-changes")).expect("notes");
    notes[40] ^= 1;
    fs::write(house.path().join("key-changes"), notes).expect("notes");
    verify(house.path(), None).expect_err("the notes are changed");
}

#[test]
fn the_index_and_reports_know_what_has_left() {
    let house = House::new();
    let ledger = house.filled();
    let found = || search(house.path(), &SearchFilter::default()).expect("an answer").rows;
    let rows: u64 = found().iter().map(|row| row.count).sum();
    assert_eq!(rows, 200);
    house.clock.set(START + DAY);
    fill(&ledger, 2);
    settle(&ledger);
    retire(&ledger, house.by_size(true));
    house.clock.set(START + 3 * DAY);
    fill(&ledger, 3);
    ledger.close().expect("a clean close");
    let first_event = verify(house.path(), None).expect("sound").first_event;
    assert!(found().iter().all(|row| row.last_event.0 >= first_event));
    crate::rebuild_index(house.path(), |_| ()).expect("an index");
    assert!(!found().is_empty());

    let out = tempfile::tempdir().expect("a directory");
    let request = |from, to| EvidenceRequest {
        report: "retention-and-delivery",
        period: Period {
            from: Moment(from),
            to: Moment(to),
        },
        change: None,
    };
    let gone = request(START, START + DAY / 2);
    let error = build_evidence(house.path(), gone, &out.path().join("1"), |_| ()).expect_err("it has left");
    assert!(matches!(error, EvidenceError::Left { .. }), "{error}");
    let built = build_evidence(house.with_archive(), gone, &out.path().join("2"), |_| ()).expect("a report");
    assert!(!built.manifest.gaps.iter().any(|gap| gap.contains("have left")));
    let both = request(START, START + 2 * DAY);
    let built = build_evidence(house.path(), both, &out.path().join("3"), |_| ()).expect("a report");
    let said = format!("events 1 to {} said", first_event - 1);
    assert!(
        built.manifest.gaps.iter().any(|gap| gap.contains(&said)),
        "{:?}",
        built.manifest.gaps
    );
    let csv = fs::read_to_string(out.path().join("3/retirements.csv")).expect("a table");
    assert!(csv.contains("more than 0 MiB") && csv.lines().count() == 2, "{csv}");
}
