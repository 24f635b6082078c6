//! Finding the end of a log that somebody left, perhaps in the middle of a write.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use ed25519_dalek::SigningKey;

use crate::error::LedgerError;
use crate::event::{Event, code};
use crate::layout::Layout;
use crate::ledger::open::make_directory;
use crate::ledger::rotate::NextKey;
use crate::note::{NoteError, TreeHead, VerifierKey};
use crate::record;
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::store;
use crate::tree::{self, Tree, TreeFiles};
use crate::walk;

/// The unit in which disks lose data: a hole that a crash leaves is at least so long and so aligned.
const SECTOR_BYTES: usize = 512;
/// Leaves that may wait in memory while the log is read. Reason: a megabyte of hashes.
const FRESH_LEAVES_MAX: usize = 32_768;

/// The end of a ledger's log, and how it was left.
pub(super) struct LogEnd {
    pub(super) ledger: [u8; 16],
    pub(super) events: u64,
    pub(super) tree: Tree,
    pub(super) tree_rebuilt: bool,
    pub(super) segment: u64,
    pub(super) segment_bytes: u64,
    /// When the first event of the last segment was recorded, if it has one.
    pub(super) segment_time: Option<u64>,
    pub(super) head_events: u64,
    pub(super) closed: bool,
    pub(super) torn_bytes: u64,
    /// The key that the last change of the key found handed over to, and the note that did.
    pub(super) key: Option<String>,
    pub(super) key_note: Option<String>,
}

fn damaged(reason: impl Into<Arc<str>>) -> LedgerError {
    LedgerError::Damaged(reason.into())
}

/// Why a walk ended early.
enum Halt {
    /// The log or the disk is at fault.
    Ledger(LedgerError),
    /// What was read isn't what was signed: the events or the tree's files are at fault.
    Tree(LedgerError),
}

impl From<LedgerError> for Halt {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Reads from the segment that the signed tree ends in to the end, and sets an incomplete last record aside.
///
/// The tree's files are made from the events: where they are lost or don't fit the signed root, they are made anew from
/// the whole log, which must then have that root.
pub(super) fn find(layout: &Layout, key: &SigningKey, next: Option<&NextKey>) -> Result<LogEnd, LedgerError> {
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
    let mut keys = vec![VerifierKey::new(&ledger, key.verifying_key())];
    keys.extend(next.map(|next| next.verifier(&ledger)));
    let head = read_head(layout, &keys)?;
    let mut from = last;
    while header(layout, from)?.0.first_event > head.events + 1 {
        from = from
            .checked_sub(1)
            .filter(|before| *before >= first)
            .ok_or_else(|| damaged("the segment that the signed tree ends in is missing"))?;
    }
    if next.is_some() {
        // Whether the change of the key was recorded stands at most a few events before the end.
        from = from.saturating_sub(1).max(first);
    }
    match Walk::go(layout, head, from, last) {
        Ok(end) => Ok(end),
        Err(Halt::Ledger(error)) => Err(error),
        Err(Halt::Tree(error)) if first != 1 => Err(error),
        Err(Halt::Tree(_)) => match Walk::go(layout, head, 0, last) {
            Ok(end) => Ok(LogEnd {
                tree_rebuilt: true,
                ..end
            }),
            Err(Halt::Ledger(error) | Halt::Tree(error)) => Err(error),
        },
    }
}

fn read_head(layout: &Layout, keys: &[VerifierKey]) -> Result<TreeHead, LedgerError> {
    let path = layout.checkpoint();
    let note = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", &path, &error))?;
    let mut fault = NoteError::OtherKey;
    for key in keys {
        match TreeHead::open(&note, key) {
            Ok(head) => return Ok(head),
            Err(error) => fault = error,
        }
    }
    Err(damaged(format!("the checkpoint can't be believed: {fault}")))
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

struct Walk<'a> {
    layout: &'a Layout,
    head: TreeHead,
    tree: Tree,
    /// Whether the last event passed closed the ledger.
    closed: bool,
    key: Option<String>,
    key_note: Option<String>,
    /// The time of the first event of the segment that is walked.
    segment_time: Option<u64>,
}

impl<'a> Walk<'a> {
    /// Walks from segment `from` to the end; from the first with an empty tree when `from` is 0.
    fn go(layout: &'a Layout, head: TreeHead, from: u64, last: u64) -> Result<LogEnd, Halt> {
        let tree = if from == 0 {
            Tree::default()
        } else {
            let events = header(layout, from)?.0.first_event.saturating_sub(1);
            TreeFiles::open(&layout.tree())
                .and_then(|files| Tree::restore(&files, events))
                .map_err(|error| Halt::Tree(LedgerError::io("read", layout.tree(), &error)))?
        };
        let mut walk = Self {
            layout,
            head,
            tree,
            closed: false,
            key: None,
            key_note: None,
            segment_time: None,
        };
        walk.check_head()?;
        let mut end = (0, 0);
        for segment in from.max(1)..=last {
            end = walk.segment(segment, segment == last)?;
        }
        let events = walk.tree.size();
        if events < head.events {
            return Err(Halt::Ledger(damaged(format!(
                "the signed tree has {} events, and the log ends after {events}",
                head.events
            ))));
        }
        walk.store_tree()?;
        tree::cut(&layout.tree(), events).map_err(|error| LedgerError::io("write", layout.tree(), &error))?;
        let (segment_bytes, torn_bytes) = end;
        Ok(LogEnd {
            ledger: head.ledger,
            events,
            tree: walk.tree,
            tree_rebuilt: false,
            segment: last,
            segment_bytes,
            segment_time: walk.segment_time,
            head_events: head.events,
            closed: walk.closed,
            torn_bytes,
            key: walk.key,
            key_note: walk.key_note,
        })
    }

    fn check_head(&self) -> Result<(), Halt> {
        if self.tree.size() == self.head.events && self.tree.root() != self.head.root {
            return Err(Halt::Tree(damaged(format!(
                "event {} or one before it isn't what was signed",
                self.head.events
            ))));
        }
        Ok(())
    }

    fn store_tree(&mut self) -> Result<(), LedgerError> {
        let directory = self.layout.tree();
        tree::write_fresh(&mut self.tree, &directory).map_err(|error| LedgerError::io("write", directory, &error))
    }

    fn record(&mut self, record: &[u8]) -> Result<(), Halt> {
        let events = self.tree.size();
        let (start, leaf) = walk::pass(events, record)
            .map_err(|misfit| damaged(format!("event {}: {}", events + 1, misfit.reason())))?;
        self.tree.extend([leaf]);
        self.segment_time.get_or_insert(start.time_microseconds);
        self.closed = false;
        match start.code {
            code::CHECKPOINT => {
                if let Ok(Event::Checkpoint(checkpoint)) = record::decode(record).map(|stored| stored.event) {
                    self.closed = checkpoint.closing;
                }
            }
            code::KEY_CHANGED => {
                if let Ok(Event::KeyChanged(change)) = record::decode(record).map(|stored| stored.event) {
                    self.key = Some(change.to);
                    self.key_note = Some(change.note);
                }
            }
            _ => {}
        }
        self.check_head()?;
        if self.tree.fresh_leaves() > FRESH_LEAVES_MAX && events < self.head.events {
            self.store_tree()?;
        }
        Ok(())
    }

    /// Walks through one segment. Returns its good bytes, and how many were set aside at its end.
    fn segment(&mut self, segment: u64, is_last: bool) -> Result<(u64, u64), Halt> {
        let (header, file) = header(self.layout, segment)?;
        let expected = SegmentHeader {
            ledger: self.head.ledger,
            segment,
            first_event: self.tree.size() + 1,
        };
        if header != expected {
            return Err(Halt::Ledger(damaged(format!(
                "segment {segment} doesn't follow on the one before it"
            ))));
        }
        self.segment_time = None;
        let path = self.layout.segment(segment);
        let read = |error: io::Error| LedgerError::io("read", &path, &error);
        let file_bytes = file.metadata().map_err(read)?.len();
        let mut reader = SegmentReader::new(file, u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX));
        let broken_end = loop {
            match reader.next().map_err(read)? {
                Step::Record(record) => self.record(record)?,
                Step::End => return Ok((reader.offset(), 0)),
                Step::Incomplete => break Some(file_bytes),
                Step::Bad { end } => break end,
            }
        };
        let offset = reader.offset();
        let tail = self.tail(segment, offset, file_bytes).map_err(read)?;
        let torn = broken_end == Some(file_bytes) || has_hole(&tail, offset);
        if !is_last || self.tree.size() < self.head.events || !torn {
            return Err(Halt::Ledger(damaged(format!(
                "event {} in segment {segment} is changed",
                self.tree.size() + 1
            ))));
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

/// Whether bytes that stand at `offset` have a hole as the machine's death leaves it: a sector that was never written.
fn has_hole(bytes: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset).unwrap_or(0) % SECTOR_BYTES;
    let (first, rest) = bytes
        .split_at_checked((SECTOR_BYTES - into_sector) % SECTOR_BYTES)
        .unwrap_or((bytes, &[]));
    let empty = |sector: &[u8]| !sector.is_empty() && sector.iter().all(|byte| *byte == 0);
    (rest.is_empty() && empty(first)) || rest.chunks(SECTOR_BYTES).any(empty)
}
