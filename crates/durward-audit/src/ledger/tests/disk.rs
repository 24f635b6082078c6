//! Disks that fill up, fail or lose what they were not asked to keep, at any moment.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use proptest::prelude::*;

use super::*;
use crate::layout::Layout;
use crate::{EventNumber, Tail};

/// A disk that ends after so many bytes, in the middle of whatever is being written.
#[derive(Debug)]
struct SmallStore {
    disk: Arc<dyn LedgerStore>,
    left: Arc<AtomicU64>,
}

#[derive(Debug)]
struct SmallSegment {
    file: Arc<dyn SegmentFile>,
    left: Arc<AtomicU64>,
}

/// How many of `bytes` bytes still fit.
fn take(left: &AtomicU64, bytes: usize) -> usize {
    let bytes = u64::try_from(bytes).expect("small");
    let before = left
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            Some(left.saturating_sub(bytes))
        })
        .expect("always some");
    usize::try_from(bytes.min(before)).expect("small")
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl SegmentFile for SmallSegment {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let fits = take(&self.left, bytes.len());
        self.file.append(&bytes[..fits])?;
        if fits < bytes.len() { Err(full()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

impl LedgerStore for SmallStore {
    fn create_segment(&self, segment: u64, header: &[u8]) -> io::Result<Arc<dyn SegmentFile>> {
        if take(&self.left, header.len()) < header.len() {
            return Err(full());
        }
        let file = self.disk.create_segment(segment, header)?;
        let left = Arc::clone(&self.left);
        Ok(Arc::new(SmallSegment { file, left }))
    }

    fn open_segment(&self, segment: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let file = self.disk.open_segment(segment)?;
        let left = Arc::clone(&self.left);
        Ok(Arc::new(SmallSegment { file, left }))
    }

    fn write_tree(&self, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()> {
        let fits = take(&self.left, hashes.len() * 32) / 32;
        self.disk.write_tree(level, first, &hashes[..fits])?;
        if fits < hashes.len() { Err(full()) } else { Ok(()) }
    }

    fn write_checkpoint(&self, note: &str) -> io::Result<()> {
        // A new checkpoint is a file of its own until it is whole.
        if take(&self.left, note.len()) < note.len() {
            return Err(full());
        }
        self.disk.write_checkpoint(note)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(1 << 30)
    }
}

/// Often signed, so that the disk fills up in the middle of that too.
fn busy() -> LedgerOptions {
    LedgerOptions {
        segment_bytes_max: 3_000,
        checkpoint_interval: Duration::from_micros(1),
        ..options()
    }
}

/// The statements whose intents are in the log, by their numbers; each may be there once.
fn intended(directory: &Path) -> HashSet<(u64, EventNumber)> {
    let mut tail = Tail::open(directory, u64::MAX).expect("the log");
    let mut found = HashSet::new();
    let mut statements = HashSet::new();
    while let Some(shown) = tail.next_event().expect("an event") {
        if let Event::StatementIntent(intent) = &shown.stored.event {
            assert!(statements.insert(intent.statement), "an intent is there twice");
            found.insert((intent.statement.0, shown.stored.number));
        }
    }
    found
}

/// Records until the ledger fails. Returns what was acknowledged.
fn record_until_it_fails(ledger: &Ledger, first: u64, durability: Durability) -> Vec<(u64, EventNumber)> {
    let read = Statement::read("customers");
    let mut acknowledged = Vec::new();
    for statement in first..first + 1_000 {
        match read.intend(ledger, 1, statement, durability) {
            Ok(number) => acknowledged.push((statement, number)),
            Err(error) => {
                assert!(matches!(error, LedgerError::Unavailable(_)), "{error}");
                break;
            }
        }
        if ledger.record_outcome(&outcome(1, statement)).is_err() {
            break;
        }
    }
    // From then on nothing is recorded any more.
    let after = read.intend(ledger, 1, first + 2_000, durability);
    assert!(matches!(after, Err(LedgerError::Unavailable(_))), "{after:?}");
    acknowledged
}

/// Whatever was acknowledged is in the log, once, and the log is sound before and after it is opened again.
fn check_what_is_left(directory: &Path, acknowledged: &[(u64, EventNumber)]) {
    verify(directory, None).expect("sound as it was left");
    drop(open(directory));
    let report = verify(directory, None).expect("sound after opening");
    assert_eq!(report.unsigned_events, 0);
    let found = intended(directory);
    for acknowledged in acknowledged {
        assert!(found.contains(acknowledged), "{acknowledged:?} is lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_disk_that_fills_up_anywhere_loses_nothing_that_was_acknowledged(bytes in 0_u64..12_000, on_disk: bool) {
        let directory = tempfile::tempdir().expect("a directory");
        let left = Arc::new(AtomicU64::new(1 << 40));
        let given = Arc::clone(&left);
        let ledger = Ledger::open_on(directory.path(), busy(), |disk| {
            Arc::new(SmallStore { disk: Arc::new(disk), left: given })
        })
        .expect("the ledger opens");
        ledger
            .record(&session_started(1, fixture::principal("alice", &[])))
            .expect("a session starts");
        left.store(bytes, Ordering::Release);
        let durability = if on_disk { Durability::Disk } else { Durability::Process };
        let acknowledged = record_until_it_fails(&ledger, 0, durability);
        // Space comes back, and this ledger doesn't trust it; the next one goes on.
        left.store(1 << 40, Ordering::Release);
        prop_assert!(ledger.record(&session_ended(1)).is_err());
        prop_assert!(ledger.close().is_err());
        drop(ledger);
        check_what_is_left(directory.path(), &acknowledged);
    }
}

/// A disk of a machine that dies: what was written and not flushed may be lost.
#[derive(Debug, Default)]
struct Power {
    off: AtomicBool,
    /// The segment that is written to, and how many bytes of it were flushed.
    place: Mutex<(u64, u64)>,
}

impl Power {
    fn place(&self) -> MutexGuard<'_, (u64, u64)> {
        self.place.lock().expect("nobody panics with it")
    }
}

#[derive(Debug)]
struct VolatileStore {
    disk: Arc<dyn LedgerStore>,
    directory: PathBuf,
    power: Arc<Power>,
}

#[derive(Debug)]
struct VolatileSegment {
    file: Arc<dyn SegmentFile>,
    path: PathBuf,
    segment: u64,
    power: Arc<Power>,
}

fn bytes_of(path: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

impl SegmentFile for VolatileSegment {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        failing(&self.power.off)?;
        self.file.append(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        failing(&self.power.off)?;
        // What comes while it flushes may or may not be flushed with it.
        let bytes = bytes_of(&self.path)?;
        self.file.sync()?;
        // The one before may still be flushed while the next is written to.
        let mut place = self.power.place();
        if place.0 == self.segment {
            place.1 = bytes;
        }
        Ok(())
    }
}

impl VolatileStore {
    fn wrap(&self, segment: u64, file: Arc<dyn SegmentFile>) -> io::Result<Arc<dyn SegmentFile>> {
        let path = Layout::new(&self.directory).segment(segment);
        *self.power.place() = (segment, bytes_of(&path)?);
        let power = Arc::clone(&self.power);
        Ok(Arc::new(VolatileSegment {
            file,
            path,
            segment,
            power,
        }))
    }
}

impl LedgerStore for VolatileStore {
    fn create_segment(&self, segment: u64, header: &[u8]) -> io::Result<Arc<dyn SegmentFile>> {
        failing(&self.power.off)?;
        self.wrap(segment, self.disk.create_segment(segment, header)?)
    }

    fn open_segment(&self, segment: u64) -> io::Result<Arc<dyn SegmentFile>> {
        self.wrap(segment, self.disk.open_segment(segment)?)
    }

    fn write_tree(&self, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()> {
        failing(&self.power.off)?;
        self.disk.write_tree(level, first, hashes)
    }

    fn write_checkpoint(&self, note: &str) -> io::Result<()> {
        failing(&self.power.off)?;
        self.disk.write_checkpoint(note)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(1 << 30)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_machine_that_dies_loses_nothing_that_was_on_disk_or_signed(
        statements in 1_u64..120,
        lost: prop::sample::Index,
        holes: bool,
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let power = Arc::new(Power::default());
        let given = Arc::clone(&power);
        let ledger = Ledger::open_on(directory.path(), busy(), |disk| {
            Arc::new(VolatileStore {
                disk: Arc::new(disk),
                directory: directory.path().into(),
                power: given,
            })
        })
        .expect("the ledger opens");
        ledger
            .record(&session_started(1, fixture::principal("alice", &[])))
            .expect("a session starts");
        let read = Statement::read("customers");
        let mut acknowledged = Vec::new();
        for statement in 0..statements {
            let durability = if statement % 3 == 0 { Durability::Disk } else { Durability::Process };
            let number = read.intend(&ledger, 1, statement, durability).expect("an intent");
            if durability == Durability::Disk {
                acknowledged.push((statement, number));
            }
        }
        power.off.store(true, Ordering::Release);
        drop(ledger);
        // Some of what wasn't flushed of the last segment is lost: cut off, or never written in places.
        let (segment, flushed) = *power.place();
        let segment = Layout::new(directory.path()).segment(segment);
        let written = bytes_of(&segment).expect("a segment");
        let unsure = usize::try_from(written - flushed).expect("small");
        if unsure > 0 {
            let kept = flushed + u64::try_from(lost.index(unsure)).expect("small");
            let file = OpenOptions::new().write(true).open(&segment).expect("a segment");
            file.set_len(kept).expect("a cut");
            if holes {
                // The length was written, and the bytes were not.
                file.set_len(written).expect("a hole");
            }
        }
        let ledger = Ledger::open(directory.path(), options());
        let ledger = match ledger {
            Ok(ledger) => ledger,
            // A hole that is smaller than a sector can't be told from a change; nothing goes on with it unseen.
            Err(LedgerError::Damaged(_)) if holes => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        drop(ledger);
        let report = verify(directory.path(), None).expect("sound after opening");
        prop_assert_eq!(report.unsigned_events, 0);
        let found = intended(directory.path());
        for acknowledged in &acknowledged {
            prop_assert!(found.contains(acknowledged), "{:?} is lost", acknowledged);
        }
    }
}

#[test]
fn what_was_not_flushed_is_never_signed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ledger, faults) = open_faulty(directory.path(), busy());
    let read = Statement::read("customers");
    let good = read.intend(&ledger, 1, 1, Durability::Disk).expect("an intent");
    faults.flush.store(true, Ordering::Release);
    for statement in 2..50 {
        if read.intend(&ledger, 1, statement, Durability::Process).is_err() {
            break;
        }
    }
    assert!(block_on(ledger.flush()).is_err());
    let durable = ledger.status().durable_events;
    assert!(durable >= good.0);
    drop(ledger);
    let report = verify(directory.path(), None).expect("a sound ledger");
    assert!(report.signed_events <= durable, "{report:?}");
}

#[test]
fn a_tree_that_cannot_be_written_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ledger, faults) = open_faulty(directory.path(), options());
    faults.tree.store(true, Ordering::Release);
    assert!(ledger.close().is_err());
    assert!(ledger.status().failed.is_some());
    drop(ledger);
    check_what_is_left(directory.path(), &[]);
}

#[test]
fn a_lost_or_damaged_tree_is_made_anew_and_said_so() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("all of it is lost", |tree| {
            std::fs::remove_dir_all(tree).expect("a removal");
        }),
        ("a level is lost", |tree| {
            std::fs::remove_file(tree.join("level-1")).expect("a removal");
        }),
        ("it is cut", |tree| {
            let file = OpenOptions::new()
                .write(true)
                .open(tree.join("level-0"))
                .expect("a file");
            file.set_len(1_000).expect("a cut");
        }),
        ("a hash of its edge is changed", |tree| {
            let mut bytes = std::fs::read(tree.join("level-1")).expect("a file");
            bytes[5] ^= 1;
            std::fs::write(tree.join("level-1"), bytes).expect("a file");
        }),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    let small = || LedgerOptions {
        segment_bytes_max: 10_000,
        ..options()
    };
    for (statements, (what, damage)) in (0..).map(|round| round * 1_000).zip(damages) {
        let ledger = Ledger::open(directory.path(), small()).expect("the ledger opens");
        ledger
            .record(&session_started(1, fixture::principal("alice", &[])))
            .expect("a session starts");
        for statement in statements..statements + 300 {
            Statement::read("customers")
                .intend(&ledger, 1, statement, Durability::Process)
                .expect("an intent");
        }
        ledger.close().expect("a clean close");
        damage(&directory.path().join("tree"));
        verify(directory.path(), None).expect_err(what);
        drop(Ledger::open(directory.path(), small()).expect(what));
        verify(directory.path(), None).expect(what);
        let mut tail = Tail::open(directory.path(), 2).expect("the log");
        let opened = tail.next_event().expect("an event").expect("the opening");
        let Event::LedgerOpened(opened) = opened.stored.event else {
            unreachable!("the opening and a checkpoint: {what}");
        };
        assert_eq!(opened.tree_rebuilt, Some(true), "{what}");
    }
}

#[test]
fn a_tree_is_not_made_anew_from_changed_events() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(ledger_with_session(directory.path()));
    let segment = directory.path().join("segments/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let place = bytes.windows(5).position(|word| word == b"alice").expect("a name");
    bytes[place] = b'm';
    std::fs::write(&segment, bytes).expect("a segment");
    std::fs::remove_dir_all(directory.path().join("tree")).expect("a removal");
    let opened = Ledger::open(directory.path(), options());
    assert!(matches!(opened, Err(LedgerError::Damaged(_))), "{opened:?}");
}
