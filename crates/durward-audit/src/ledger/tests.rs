use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::fixture::{self, Statement, block_on, open, options, outcome, session_ended, session_started};
use crate::merkle::Hash;
use crate::store::SegmentFile;
use crate::verify::verify;

mod disk;

/// A disk that fails when told to.
#[derive(Debug)]
struct FaultyStore {
    disk: Arc<dyn LedgerStore>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    write: AtomicBool,
    flush: AtomicBool,
    head: AtomicBool,
    tree: AtomicBool,
    free_bytes: AtomicU64,
}

#[derive(Debug)]
struct FaultySegment {
    file: Arc<dyn SegmentFile>,
    faults: Arc<Faults>,
}

fn failing(fault: &AtomicBool) -> io::Result<()> {
    if fault.load(Ordering::Acquire) {
        return Err(io::Error::other("injected"));
    }
    Ok(())
}

impl SegmentFile for FaultySegment {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if self.faults.write.load(Ordering::Acquire) {
            // As a full disk does it: some of the bytes, then the error.
            self.file.append(&bytes[..bytes.len() / 2])?;
        }
        failing(&self.faults.write)?;
        self.file.append(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        failing(&self.faults.flush)?;
        self.file.sync()
    }
}

impl FaultyStore {
    fn wrap(&self, file: Arc<dyn SegmentFile>) -> Arc<dyn SegmentFile> {
        let faults = Arc::clone(&self.faults);
        Arc::new(FaultySegment { file, faults })
    }
}

impl LedgerStore for FaultyStore {
    fn create_segment(&self, segment: u64, header: &[u8]) -> io::Result<Arc<dyn SegmentFile>> {
        self.disk.create_segment(segment, header).map(|file| self.wrap(file))
    }

    fn open_segment(&self, segment: u64) -> io::Result<Arc<dyn SegmentFile>> {
        self.disk.open_segment(segment).map(|file| self.wrap(file))
    }

    fn write_tree(&self, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()> {
        failing(&self.faults.tree)?;
        self.disk.write_tree(level, first, hashes)
    }

    fn write_checkpoint(&self, note: &str) -> io::Result<()> {
        failing(&self.faults.head)?;
        self.disk.write_checkpoint(note)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.faults.free_bytes.load(Ordering::Acquire))
    }
}

fn open_faulty(directory: &Path, options: LedgerOptions) -> (Ledger, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    faults.free_bytes.store(1 << 30, Ordering::Release);
    let given = Arc::clone(&faults);
    let ledger = Ledger::open_on(directory, options, |disk| {
        Arc::new(FaultyStore {
            disk: Arc::new(disk),
            faults: given,
        })
    });
    let ledger = ledger.expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    (ledger, faults)
}

fn ledger_with_session(directory: &Path) -> Ledger {
    let ledger = open(directory);
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    ledger
}

#[test]
fn a_closed_ledger_is_wholly_signed_and_opens_again() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 0..3_u64 {
        let ledger = ledger_with_session(directory.path());
        let read = Statement::read("customers");
        for statement in 1..=20 {
            read.intend(&ledger, 1, statement, Durability::Process)
                .expect("an intent");
            ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
        }
        ledger.record(&session_ended(1)).expect("an end");
        ledger.close().expect("a clean close");
        let report = verify(directory.path(), None).expect("a sound ledger");
        assert_eq!(report.signed_events, report.events);
        // Opening, start, two definitions, 20 intents, 20 outcomes, end.
        assert_eq!(report.events - report.checkpoints, (round + 1) * 45);
    }
}

#[test]
fn the_last_handle_closes_the_ledger() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_with_session(directory.path());
    let other = ledger.clone();
    drop(ledger);
    Statement::read("customers")
        .intend(&other, 1, 1, Durability::Process)
        .expect("still open");
    drop(other);
    let report = verify(directory.path(), None).expect("a sound ledger");
    assert_eq!(report.signed_events, report.events);
    drop(open(directory.path()));
}

#[test]
fn two_processes_cannot_append() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = open(directory.path());
    let second = Ledger::open(directory.path(), options());
    assert!(matches!(second, Err(LedgerError::Locked(_))), "{second:?}");
    drop(first);
    drop(open(directory.path()));
}

#[test]
fn an_intent_is_in_the_file_before_it_is_proved() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_with_session(directory.path());
    let number = Statement::read("customers")
        .intend(&ledger, 1, 1, Durability::Process)
        .expect("an intent");
    let report = verify(directory.path(), None).expect("a sound ledger");
    assert_eq!(report.events, number.0);
}

#[test]
fn a_batch_is_recorded_whole_or_not_at_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_with_session(directory.path());
    let read = Statement::read("customers");
    let batch = |sessions: [u64; 3]| {
        let intents = sessions
            .map(|session| (session, read.input(&ledger, session, 1)))
            .to_vec();
        block_on(ledger.record_intents(intents, Durability::Process))
    };
    let before = ledger.status().events;
    let refused = batch([1, 1, 99]);
    assert!(matches!(refused, Err(LedgerError::UnknownSession(_))), "{refused:?}");
    assert_eq!(ledger.status().events, before);
    let (permits, number) = batch([1, 1, 1]).expect("a batch").spend();
    assert_eq!(permits, [1, 1, 1]);
    assert_eq!(ledger.status().events, number.0);
    ledger.close().expect("a clean close");
    verify(directory.path(), None).expect("a sound ledger");
}

#[test]
fn a_session_that_is_not_open_cannot_intend() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_with_session(directory.path());
    let read = Statement::read("customers");
    assert!(read.intend(&ledger, 2, 1, Durability::Process).is_err());
    ledger.record(&session_ended(1)).expect("an end");
    assert!(read.intend(&ledger, 1, 1, Durability::Process).is_err());
}

#[test]
fn a_durable_intent_is_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_with_session(directory.path());
    let delete = Statement::delete("customers");
    std::thread::scope(|scope| {
        for statement in 0..8 {
            let (ledger, delete) = (&ledger, &delete);
            scope.spawn(move || {
                let number = delete
                    .intend(ledger, 1, statement, Durability::Disk)
                    .expect("an intent");
                assert!(ledger.status().durable_events >= number.0);
            });
        }
    });
}

#[test]
fn a_failed_write_ends_recording_for_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ledger, faults) = open_faulty(directory.path(), options());
    let read = Statement::read("customers");
    let good = read.intend(&ledger, 1, 1, Durability::Process).expect("an intent");
    faults.write.store(true, Ordering::Release);
    let failed = read.intend(&ledger, 1, 2, Durability::Process);
    assert!(matches!(failed, Err(LedgerError::Unavailable(_))), "{failed:?}");
    faults.write.store(false, Ordering::Release);
    let after = read.intend(&ledger, 1, 3, Durability::Process);
    assert!(matches!(after, Err(LedgerError::Unavailable(_))), "{after:?}");
    assert_eq!(after.expect_err("refused").refusal().sqlstate.as_ref(), "WD010");
    drop(ledger);
    // What was acknowledged is there; the half record is set aside.
    let ledger = open(directory.path());
    assert!(ledger.status().events > good.0);
    drop(ledger);
    verify(directory.path(), None).expect("a sound ledger");
    assert_eq!(
        std::fs::read_dir(directory.path().join("torn"))
            .expect("set aside")
            .count(),
        1
    );
}

#[test]
fn a_failed_flush_is_never_retried_as_success() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ledger, faults) = open_faulty(directory.path(), options());
    faults.flush.store(true, Ordering::Release);
    let delete = Statement::delete("customers");
    let failed = delete.intend(&ledger, 1, 1, Durability::Disk);
    assert!(matches!(failed, Err(LedgerError::Unavailable(_))), "{failed:?}");
    faults.flush.store(false, Ordering::Release);
    assert!(delete.intend(&ledger, 1, 2, Durability::Disk).is_err());
    assert!(ledger.record_outcome(&outcome(1, 1)).is_err());
    assert!(ledger.status().failed.is_some());
    assert!(ledger.close().is_err());
}

#[test]
fn a_head_that_cannot_be_signed_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ledger, faults) = open_faulty(directory.path(), options());
    faults.head.store(true, Ordering::Release);
    assert!(ledger.close().is_err());
    assert!(ledger.status().failed.is_some());
}

#[test]
fn a_nearly_full_disk_refuses_statements_and_still_records_what_happened() {
    let directory = tempfile::tempdir().expect("a directory");
    let low = LedgerOptions {
        free_bytes_min: u64::MAX,
        ..options()
    };
    let (ledger, _faults) = open_faulty(directory.path(), low);
    let delete = Statement::delete("customers");
    let refused = delete.intend(&ledger, 1, 1, Durability::Process);
    assert!(matches!(refused, Err(LedgerError::LowSpace { .. })), "{refused:?}");
    delete.refuse(&ledger, 1, 2).expect("a refusal is recorded");
    ledger.record_outcome(&outcome(1, 1)).expect("an outcome is recorded");
    assert!(ledger.status().low_space);
}

#[test]
fn segments_stand_by_themselves() {
    let directory = tempfile::tempdir().expect("a directory");
    let small = LedgerOptions {
        segment_bytes_max: 2_000,
        ..options()
    };
    let ledger = Ledger::open(directory.path(), small).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    let read = Statement::read("customers");
    for statement in 1..=100 {
        read.intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    ledger.close().expect("a clean close");
    // Verifying checks that every reference is defined within its own segment.
    let report = verify(directory.path(), None).expect("a sound ledger");
    assert!(report.segments > 5, "{report:?}");
    drop(open(directory.path()));
}

#[test]
fn keys_that_others_can_read_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    let key = directory.path().join("keys/signing-key");
    assert_eq!(
        std::fs::metadata(&key).expect("a key").permissions().mode() & 0o777,
        0o600
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).expect("a change of mode");
    let refused = Ledger::open(directory.path(), options());
    assert!(matches!(refused, Err(LedgerError::Key { .. })), "{refused:?}");
}

#[test]
fn a_ledger_without_its_key_is_refused_and_not_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    std::fs::remove_file(directory.path().join("keys/signing-key")).expect("a removal");
    let refused = Ledger::open(directory.path(), options());
    assert!(matches!(refused, Err(LedgerError::Key { .. })), "{refused:?}");
}

#[test]
fn nothing_secret_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = open(directory.path());
    let shown = format!("{ledger:?}");
    for name in ["signing-key", "digest-key"] {
        let secret = std::fs::read_to_string(directory.path().join("keys").join(name)).expect("a key");
        assert!(!shown.contains(secret.trim()), "{name}");
    }
}

#[test]
fn equal_literals_have_equal_digests_in_one_ledger_only() {
    let (one, two) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    let (one, two) = (open(one.path()), open(two.path()));
    assert_eq!(one.keyed_digest(b"4242"), one.keyed_digest(b"4242"));
    assert_ne!(one.keyed_digest(b"4242"), one.keyed_digest(b"4243"));
    assert_ne!(one.keyed_digest(b"4242"), two.keyed_digest(b"4242"));
}

/// Opens a ledger that was left as a crash leaves it, after `damage` to its last segment.
/// Returns how many events there were more than before the crash.
fn open_after_crash(damage: impl FnOnce(&mut Vec<u8>)) -> Result<(i64, tempfile::TempDir), LedgerError> {
    let (directory, copy) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    let ledger = ledger_with_session(directory.path());
    for statement in 1..=5 {
        Statement::read("customers")
            .intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
    }
    fixture::copy_ledger(directory.path(), copy.path());
    let before = verify(copy.path(), None).expect("a sound ledger").events;
    let segment = copy.path().join("segments/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    damage(&mut bytes);
    std::fs::write(&segment, bytes).expect("a segment");
    let after = Ledger::open(copy.path(), options()).map(|ledger| ledger.status().events)?;
    verify(copy.path(), None).expect("a sound ledger");
    Ok((after.cast_signed() - before.cast_signed(), copy))
}

#[test]
fn a_crash_loses_nothing_that_was_written() {
    let (more, copy) = open_after_crash(|_| ()).expect("the ledger opens");
    // The event that says so.
    assert_eq!(more, 1);
    assert!(!copy.path().join("torn").exists());
}

#[test]
fn a_torn_tail_is_set_aside() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage, i64); 5] = [
        (
            "a byte of the last record is missing",
            |bytes| bytes.truncate(bytes.len() - 1),
            0,
        ),
        (
            "only a length was written",
            |bytes| bytes.extend_from_slice(&40_u32.to_le_bytes()),
            1,
        ),
        (
            "half a record was written",
            |bytes| bytes.extend_from_slice(&[40, 0, 0, 0, 1, 2, 3, 4, 0x85, 1]),
            1,
        ),
        (
            "space was given and never written",
            |bytes| bytes.resize(bytes.len() + 4_096, 0),
            1,
        ),
        (
            "the last record's bytes are wrong",
            |bytes| *bytes.last_mut().expect("a byte") ^= 1,
            0,
        ),
    ];
    for (what, damage, more) in damages {
        let (found, copy) = open_after_crash(damage).expect(what);
        assert_eq!(found, more, "{what}");
        assert_eq!(
            std::fs::read_dir(copy.path().join("torn")).expect(what).count(),
            1,
            "{what}"
        );
    }
}

#[test]
fn damage_that_no_crash_makes_refuses_to_open() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("the header is changed", |bytes| bytes[20] ^= 1),
        ("a signed event is changed", |bytes| bytes[100] ^= 1),
        ("the signed events are cut", |bytes| bytes.truncate(100)),
        ("a whole record in the middle is changed", |bytes| {
            let middle = bytes.len() - 200;
            bytes[middle] ^= 1;
        }),
    ];
    for (what, damage) in damages {
        let opened = open_after_crash(damage);
        assert!(matches!(opened, Err(LedgerError::Damaged(_))), "{what}: {opened:?}");
    }
}
