//! Opening: making a new ledger, or finding the end of an old one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use ed25519_dalek::SigningKey;

use crate::digest::DigestKey;
use crate::error::LedgerError;
use crate::event::{Event, LedgerOpened, code};
use crate::index::Progress;
use crate::keys::{self, DIGEST_KEY, SIGNING_KEY};
use crate::ledger::LedgerOptions;
use crate::ledger::state::{Shared, State};
use crate::note::{NoteBody, VerifierKey};
use crate::record;
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::store::{self, DiskStore, Layout, LedgerStore, SegmentFile};
use crate::walk::{Misfit, Position};
use crate::writer::Writer;

/// The unit in which disks lose data: a hole that a crash leaves is at least so long and so aligned.
const SECTOR_BYTES: usize = 512;

/// The end of a ledger's log, and how it was left.
struct Tail {
    ledger: [u8; 16],
    position: Position,
    segment: u64,
    segment_bytes: u64,
    head_events: u64,
    created: bool,
    closed: bool,
    torn_bytes: u64,
}

pub(super) fn open(
    directory: &Path,
    options: LedgerOptions,
    wrap: impl FnOnce(DiskStore) -> Arc<dyn LedgerStore>,
) -> Result<Shared, LedgerError> {
    let layout = Layout::new(directory);
    for path in [directory.to_path_buf(), layout.segments(), layout.keys()] {
        make_directory(&path)?;
    }
    let lock = lock(&layout)?;
    let signing_path = layout.keys().join(SIGNING_KEY);
    if !signing_path.exists() {
        create(&layout, &options)?;
    }
    let signing_key = keys::signing_key(&keys::read(&signing_path)?);
    let digest_key = DigestKey::new(&*keys::read(&layout.keys().join(DIGEST_KEY))?);
    let tail = find_tail(&layout, &signing_key)?;
    let verifier = VerifierKey::new(&tail.ledger, signing_key.verifying_key());
    let store = wrap(DiskStore { layout });
    let file = store
        .open_segment(tail.segment)
        .map_err(|error| LedgerError::io("open", directory, &error))?;
    let shared = share(
        Parts {
            options,
            lock,
            signing_key,
            digest_key,
            verifier,
            store,
            file,
        },
        &tail,
    );
    say_opened(&shared, &tail)?;
    Ok(shared)
}

struct Parts {
    options: LedgerOptions,
    lock: File,
    signing_key: SigningKey,
    digest_key: DigestKey,
    verifier: VerifierKey,
    store: Arc<dyn LedgerStore>,
    file: Arc<dyn SegmentFile>,
}

fn share(parts: Parts, tail: &Tail) -> Shared {
    let Position { events, chain } = tail.position;
    let low_space = parts
        .store
        .free_bytes()
        .map_or(true, |free| free < parts.options.free_bytes_min);
    let progress = Progress::default();
    progress.written.store(events, Ordering::Release);
    Shared {
        state: Mutex::new(State {
            writer: Writer::new(events, chain, tail.segment),
            file: parts.file,
            segment_bytes: tail.segment_bytes,
            dirty_since: None,
            disk_wanted: false,
            low_space,
            closing: false,
            failed: None,
            checkpoint_events: 0,
            head_events: tail.head_events,
        }),
        work: Condvar::new(),
        store: parts.store,
        options: parts.options,
        ledger: tail.ledger,
        signing_key: parts.signing_key,
        verifier: parts.verifier,
        digest_key: parts.digest_key,
        durable: AtomicU64::new(0),
        broken: AtomicBool::new(false),
        waiters: Mutex::default(),
        progress: Arc::new(progress),
        events_before: events,
        lock_file: parts.lock,
    }
}

/// Records the opening, on disk and under a signed head before anybody can write.
fn say_opened(shared: &Shared, tail: &Tail) -> Result<(), LedgerError> {
    let opened = Event::LedgerOpened(LedgerOpened {
        program_version: env!("CARGO_PKG_VERSION").into(),
        created: tail.created,
        unclean: !tail.created && !tail.closed,
        torn_bytes: tail.torn_bytes,
        verifier_key: shared.verifier.to_string(),
    });
    shared.write(super::state::Weight::Aftermath, |writer, time| {
        writer.append_event(time, &opened)
    })?;
    let mut state = shared.lock();
    let failed = |action| move |error: io::Error| LedgerError::Unavailable(format!("{action}: {error}").into());
    state.file.sync().map_err(failed("flushing the opening"))?;
    let note = shared.note(&state);
    shared
        .store
        .write_head(&note.sign(&shared.signing_key))
        .map_err(failed("signing the head"))?;
    shared.durable.store(note.events, Ordering::Release);
    state.head_events = note.events;
    state.checkpoint_events = note.events;
    state.dirty_since = None;
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), LedgerError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| LedgerError::io("create", path, &error))
}

fn lock(layout: &Layout) -> Result<File, LedgerError> {
    let path = layout.lock();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| LedgerError::io("open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked(layout.directory.clone())),
        Err(TryLockError::Error(error)) => Err(LedgerError::io("lock", &path, &error)),
    }
}

/// Makes an empty ledger. The signing key gets its name last: where it stands, everything else does.
fn create(layout: &Layout, options: &LedgerOptions) -> Result<(), LedgerError> {
    let signing_path = layout.keys().join(SIGNING_KEY);
    for segment in layout
        .segment_numbers()
        .map_err(|error| LedgerError::io("list", layout.segments(), &error))?
    {
        let path = layout.segment(segment);
        let bytes = fs::metadata(&path)
            .map_err(|error| LedgerError::io("read", &path, &error))?
            .len();
        if bytes > u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX) {
            return Err(LedgerError::Key {
                path: signing_path,
                reason: "missing, while there are records that it signed".into(),
            });
        }
    }
    let mut ledger = [0; 16];
    keys::draw_into(&mut ledger)?;
    let seed = keys::draw()?;
    let signing_key = keys::signing_key(&seed);
    keys::write(&layout.keys().join(DIGEST_KEY), &keys::draw()?)?;
    let chain = record::chain_start(&ledger);
    let header = SegmentHeader {
        ledger,
        segment: 1,
        first_event: 1,
        chain,
    };
    let note = NoteBody {
        ledger,
        events: 0,
        chain,
        time_microseconds: options.clock.unix_microseconds(),
    };
    let verifier = VerifierKey::new(&ledger, signing_key.verifying_key());
    let files = [
        (layout.public_key(), format!("{verifier}\n").into_bytes(), 0o644),
        (layout.segment(1), header.encode(), 0o600),
        (layout.head(), note.sign(&signing_key).into_bytes(), 0o644),
    ];
    for (path, bytes, mode) in files {
        store::write_whole(&path, &bytes, mode).map_err(|error| LedgerError::io("write", path, &error))?;
    }
    let unfinished = layout.keys().join("signing-key.new");
    keys::write(&unfinished, &seed)?;
    fs::rename(&unfinished, &signing_path)
        .and_then(|()| store::sync_directory(&signing_path))
        .map_err(|error| LedgerError::io("write", signing_path, &error))
}

fn damaged(reason: impl Into<Arc<str>>) -> LedgerError {
    LedgerError::Damaged(reason.into())
}

/// Walks from the signed head to the end, and sets an incomplete last record aside.
fn find_tail(layout: &Layout, key: &SigningKey) -> Result<Tail, LedgerError> {
    let segments = layout
        .segment_numbers()
        .map_err(|error| LedgerError::io("list", layout.segments(), &error))?;
    let (Some(&first), Some(&last)) = (segments.first(), segments.last()) else {
        return Err(damaged("no segment is left"));
    };
    if !segments.iter().copied().eq(first..=last) {
        return Err(damaged("a segment is missing"));
    }
    let ledger = header(layout, last)?.0.ledger;
    let head = read_head(layout, &VerifierKey::new(&ledger, key.verifying_key()))?;
    let mut segment = last;
    while header(layout, segment)?.0.first_event > head.events + 1 {
        segment = segment
            .checked_sub(1)
            .filter(|before| *before >= first)
            .ok_or_else(|| damaged("the segment that the signed head ends in is missing"))?;
    }
    let start = header(layout, segment)?.0;
    let mut walk = Walk {
        layout,
        head,
        position: Position {
            events: start.first_event - 1,
            chain: start.chain,
        },
        closed: false,
    };
    walk.check_head()?;
    let mut end = (0, 0);
    for segment in segment..=last {
        end = walk.segment(segment, segment == last)?;
    }
    if walk.position.events < head.events {
        return Err(damaged(format!(
            "the signed head covers {} events, and the log ends after {}",
            head.events, walk.position.events
        )));
    }
    let (segment_bytes, torn_bytes) = end;
    Ok(Tail {
        ledger,
        position: walk.position,
        segment: last,
        segment_bytes,
        head_events: head.events,
        created: walk.position.events == 0,
        closed: walk.closed,
        torn_bytes,
    })
}

fn read_head(layout: &Layout, key: &VerifierKey) -> Result<NoteBody, LedgerError> {
    let path = layout.head();
    let note = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", &path, &error))?;
    NoteBody::open(&note, key).map_err(|error| damaged(format!("the head can't be believed: {error}")))
}

fn header(layout: &Layout, segment: u64) -> Result<(SegmentHeader, File), LedgerError> {
    let path = layout.segment(segment);
    let opened = File::open(&path).and_then(|file| Ok((SegmentHeader::read(&file)?, file)));
    let (header, file) = opened.map_err(|error| LedgerError::io("read", &path, &error))?;
    let header = header.filter(|header| header.segment == segment);
    Ok((
        header.ok_or_else(|| damaged(format!("segment {segment} has a bad header")))?,
        file,
    ))
}

/// A walk from the signed head to the end of the log.
struct Walk<'a> {
    layout: &'a Layout,
    head: NoteBody,
    position: Position,
    /// Whether the last event passed closed the ledger.
    closed: bool,
}

impl Walk<'_> {
    fn check_head(&self) -> Result<(), LedgerError> {
        if self.position.events == self.head.events && self.position.chain != self.head.chain {
            return Err(damaged(format!(
                "event {} or one before it isn't what the head signed",
                self.head.events
            )));
        }
        Ok(())
    }

    /// Walks through one segment. Returns its good bytes, and how many were set aside at its end.
    fn segment(&mut self, segment: u64, is_last: bool) -> Result<(u64, u64), LedgerError> {
        let (header, file) = header(self.layout, segment)?;
        let expected = SegmentHeader {
            ledger: self.head.ledger,
            segment,
            first_event: self.position.events + 1,
            chain: self.position.chain,
        };
        if header != expected {
            return Err(damaged(format!(
                "segment {segment} doesn't follow on the one before it"
            )));
        }
        let path = self.layout.segment(segment);
        let read = |error: io::Error| LedgerError::io("read", &path, &error);
        let file_bytes = file.metadata().map_err(read)?.len();
        let mut reader = SegmentReader::new(file, u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX));
        let broken_end = loop {
            match reader.next().map_err(read)? {
                Step::Record(record) => {
                    let start = self.position.pass(record).map_err(|misfit| {
                        let at = self.position.events + 1;
                        match misfit {
                            Misfit::Form(error) => damaged(format!("event {at} is no record: {error}")),
                            Misfit::Number(number) => damaged(format!("event {number} stands in the place of {at}")),
                        }
                    })?;
                    self.closed = start.code == code::CHECKPOINT && closes(record);
                    self.check_head()?;
                }
                Step::End => return Ok((reader.offset(), 0)),
                Step::Incomplete => break Some(file_bytes),
                Step::Bad { end } => break end,
            }
        };
        let offset = reader.offset();
        let tail = self.tail(segment, offset, file_bytes).map_err(read)?;
        let torn = broken_end == Some(file_bytes) || has_hole(&tail, offset);
        if !is_last || self.position.events < self.head.events || !torn {
            return Err(damaged(format!(
                "event {} in segment {segment} is changed",
                self.position.events + 1
            )));
        }
        self.set_aside(segment, offset, &tail)?;
        self.closed = false;
        Ok((offset, file_bytes - offset))
    }

    fn tail(&self, segment: u64, offset: u64, file_bytes: u64) -> io::Result<Vec<u8>> {
        let mut tail = vec![0; usize::try_from(file_bytes.saturating_sub(offset)).unwrap_or(usize::MAX)];
        File::open(self.layout.segment(segment))?.read_exact_at(&mut tail, offset)?;
        Ok(tail)
    }

    /// Keeps the torn bytes in a file of their own, and cuts them off.
    fn set_aside(&self, segment: u64, offset: u64, tail: &[u8]) -> Result<(), LedgerError> {
        let directory = self.layout.torn();
        make_directory(&directory)?;
        let path = directory.join(format!("{segment:020}-{offset}.bin"));
        let cut = store::write_whole(&path, tail, 0o600).and_then(|()| {
            let file = OpenOptions::new().write(true).open(self.layout.segment(segment))?;
            file.set_len(offset)?;
            file.sync_all()
        });
        cut.map_err(|error| LedgerError::io("set a torn record aside in", path, &error))
    }
}

fn closes(record: &[u8]) -> bool {
    match record::decode(record).map(|stored| stored.event) {
        Ok(Event::Checkpoint(checkpoint)) => checkpoint.closing,
        _ => false,
    }
}

/// Whether bytes that stand at `offset` have a hole as the machine's death leaves it: a sector that was never written.
fn has_hole(bytes: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset).unwrap_or(0) % SECTOR_BYTES;
    let (first, rest) = bytes
        .split_at_checked((SECTOR_BYTES - into_sector) % SECTOR_BYTES)
        .unwrap_or((bytes, &[]));
    let empty = |sector: &[u8]| !sector.is_empty() && sector.iter().all(|byte| *byte == 0);
    (rest.is_empty() && empty(first)) || rest.chunks(SECTOR_BYTES).any(empty)
}
