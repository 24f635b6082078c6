//! Retention: whole segments leave the ledger, for an archive or for good; their hashes stay in the tree.
//!
//! The order makes every crash harmless: what is to leave is compared with the tree and copied to the archive; that it
//! leaves is recorded; once that record is signed, it is kept in a file of its own; only then are segments taken away,
//! the oldest first. Whatever was interrupted is done again or finished by the next pass.

mod archive;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::digest::KeyedDigest;
use crate::error::LedgerError;
use crate::event::{Event, EventNumber, KeyInForce, SegmentsRetired, code};
use crate::layout::{Layout, archive_folder, numbers_in};
use crate::ledger::Ledger;
use crate::merkle::Hash;
use crate::record;
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::store;
use crate::tail::header;
use crate::tree::TreeFiles;
use crate::walk;

/// How many segments leave in one pass.
///
/// Unit: segments. Reason: a pass ends within a minute or two; the next one goes on.
const SEGMENTS_AT_ONCE_MAX: usize = 64;
/// How old the first event of a segment may become before the next segment is begun, where age counts: a quiet ledger
/// would otherwise fill one segment for years, and nothing could leave.
const SEGMENT_AGE_MAX: Duration = Duration::from_secs(86_400);

/// How long events stay in the ledger, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// A segment leaves when its newest event is older; none where age doesn't count.
    pub age_max: Option<Duration>,
    /// The oldest segments leave when all together are larger. Unit: bytes; none where size doesn't count.
    pub bytes_max: Option<u64>,
    /// Where they go; none where they are removed for good.
    pub archive: Option<PathBuf>,
}

/// Why nothing, or not all that is due, could leave. What is due stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The ledger can't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A segment isn't what was signed: it is evidence, and stays.
    #[error(
        "segment {segment} stays where it is: event {event} is not what the tree holds; run `durward audit verify`"
    )]
    Changed {
        /// Which.
        segment: u64,
        /// The first event that differs.
        event: u64,
    },
    /// The archive holds something else under a segment's name.
    #[error("{0} is another segment than the one that is due; nothing was overwritten")]
    ArchiveOther(PathBuf),
    /// The archive no longer holds what was copied there.
    #[error("{0} is gone or cut, so that the segment stays in the ledger")]
    ArchiveLost(PathBuf),
}

/// The record by which segments left last, as the file `retired` keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Retired {
    /// The canonical bytes, as they stand in the log.
    pub(crate) record: Vec<u8>,
    pub(crate) number: u64,
    pub(crate) body: SegmentsRetired,
}

impl Retired {
    /// Reads the file; none where nothing has left.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, LedgerError> {
        let path = layout.retired();
        let record = match fs::read(&path) {
            Ok(record) => record,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LedgerError::io("read", path, &error)),
        };
        match record::decode(&record) {
            Ok(stored) => match stored.event {
                Event::SegmentsRetired(body) if body.events < stored.number.0 => Ok(Some(Self {
                    record,
                    number: stored.number.0,
                    body,
                })),
                _ => Err(LedgerError::Damaged("the file `retired` holds another record".into())),
            },
            Err(_) => Err(LedgerError::Damaged("the file `retired` holds no record".into())),
        }
    }

    /// The keys that had come into force by event `events`, which have left.
    pub(crate) fn keys_until(&self, events: u64) -> impl Iterator<Item = &KeyInForce> {
        self.body.keys.iter().take_while(move |key| key.event <= events)
    }
}

/// Takes care of the retention of one open ledger.
#[derive(Debug)]
pub struct Retainer {
    ledger: Ledger,
    layout: Layout,
    retention: Retention,
    /// Recorded, and not yet in the file, because it isn't signed yet.
    pending: Option<(Vec<u8>, u64)>,
    /// The newest time in a segment that is complete.
    newest: HashMap<u64, u64>,
}

/// What reading through a segment that is due gave.
#[derive(Debug, Default)]
struct Contents {
    keys: Vec<KeyInForce>,
    first_time: Option<u64>,
    digest_check: Option<KeyedDigest>,
}

impl Retainer {
    /// Takes care of `ledger`.
    pub fn new(ledger: Ledger, retention: Retention) -> Self {
        let layout = Layout::new(ledger.directory());
        Self {
            ledger,
            layout,
            retention,
            pending: None,
            newest: HashMap::new(),
        }
    }

    /// Finishes what an earlier pass began, and begins with what is due now. Returns how many segments were taken away.
    /// What begins in one pass is finished by one that comes after the next checkpoint.
    ///
    /// # Errors
    /// As [`RetentionError`] says; the next pass tries again.
    pub fn pass(&mut self) -> Result<usize, RetentionError> {
        let taken = self.finish()?;
        if self.pending.is_none() {
            self.ledger.begin_segment_after(self.segment_age_max())?;
            self.begin()?;
        }
        Ok(taken)
    }

    /// Whether something is recorded to leave, and waits for the next checkpoint.
    pub const fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    fn segment_age_max(&self) -> Option<Duration> {
        self.retention.age_max.map(|age| age.min(SEGMENT_AGE_MAX))
    }

    /// Takes away what is recorded, by a record that is signed, to have left.
    fn finish(&mut self) -> Result<usize, RetentionError> {
        let signed = self.ledger.status().signed_events;
        if let Some((record, _)) = self.pending.take_if(|(_, number)| *number <= signed) {
            let path = self.layout.retired();
            store::write_whole(&path, &record, 0o600).map_err(|error| LedgerError::io("write", &path, &error))?;
        }
        let Some(retired) = Retired::read(&self.layout)? else {
            return Ok(0);
        };
        if retired.number > signed {
            return Ok(0);
        }
        let own = self.own_segments()?;
        let leaving = own.iter().filter(|segment| **segment <= retired.body.segments);
        let mut taken = 0;
        for segment in leaving {
            let path = self.layout.own_segment(*segment);
            if let Some(archive) = &retired.body.archive {
                let copy = archive_folder(Path::new(archive), &self.ledger.id()).join(file_name(&path));
                archive::check_length(&path, &copy)?;
            }
            fs::remove_file(&path)
                .and_then(|()| store::sync_directory(&path))
                .map_err(|error| LedgerError::io("remove", &path, &error))?;
            self.newest.remove(segment);
            taken += 1;
        }
        Ok(taken)
    }

    fn own_segments(&self) -> Result<Vec<u64>, LedgerError> {
        numbers_in(&self.layout.segments()).map_err(|error| LedgerError::io("list", self.layout.segments(), &error))
    }

    /// Checks and copies what is due, and records that it leaves.
    fn begin(&mut self) -> Result<(), RetentionError> {
        let own = self.own_segments()?;
        let Some((due, reason)) = self.due(&own)? else {
            return Ok(());
        };
        let before = Retired::read(&self.layout)?.map(|retired| retired.body);
        let mut contents = Contents::default();
        let (mut events, mut first_event) = (0, None);
        for segment in &due {
            first_event.get_or_insert(header(&self.layout, *segment)?.first_event);
            events = header(&self.layout, segment + 1)?.first_event - 1;
            let own = self.layout.own_segment(*segment);
            let copy = match &self.retention.archive {
                Some(archive) => archive::copy(&own, &archive_folder(archive, &self.ledger.id()))?,
                None => own,
            };
            // What stays is looked at: the copy, where there is one.
            self.read(*segment, &copy, events, &mut contents)?;
        }
        let new_events = events + 1 - first_event.unwrap_or(events + 1);
        let removed_before = before.as_ref().map_or(0, |before| before.removed_events);
        let mut keys = before.as_ref().map_or_else(Vec::new, |before| before.keys.clone());
        keys.append(&mut contents.keys);
        let body = SegmentsRetired {
            segments: due.last().copied().unwrap_or_default(),
            events,
            new_events,
            archive: self
                .retention
                .archive
                .as_ref()
                .map(|archive| archive.display().to_string()),
            removed_events: removed_before
                + if self.retention.archive.is_some() {
                    0
                } else {
                    new_events
                },
            reason,
            keys,
            first_time: match &before {
                Some(before) => before.first_time,
                None => contents.first_time.unwrap_or_default(),
            },
            digest_check: match &before {
                Some(before) => before.digest_check,
                None => contents.digest_check,
            },
        };
        let (EventNumber(number), time) = self.ledger.record_at(&Event::SegmentsRetired(body.clone()))?;
        let mut bytes = Vec::new();
        // A vector takes every byte, and the encoders raise no error of their own.
        record::encode(&mut bytes, code::SEGMENTS_RETIRED, number, time, &body)
            .map_err(|_| LedgerError::NotRecordable)?;
        self.pending = Some((bytes, number));
        Ok(())
    }

    /// The segments that are due, the oldest first, and by which setting.
    fn due(&mut self, own: &[u64]) -> Result<Option<(Vec<u64>, String)>, RetentionError> {
        // The last one is written to, and stays.
        let Some((_, complete)) = own.split_last() else {
            return Ok(None);
        };
        let mut sizes = HashMap::new();
        for segment in own {
            let path = self.layout.own_segment(*segment);
            let bytes = fs::metadata(&path)
                .map_err(|error| LedgerError::io("read", &path, &error))?
                .len();
            sizes.insert(*segment, bytes);
        }
        let mut total: u64 = sizes.values().sum();
        let (mut due, mut reason) = (Vec::new(), String::new());
        for segment in complete.iter().take(SEGMENTS_AT_ONCE_MAX) {
            let too_large = self.retention.bytes_max.filter(|max| total > *max);
            let why = match (too_large, self.retention.age_max) {
                (Some(max), _) => format!("more than {} MiB", max >> 20),
                (None, Some(age)) if self.is_older(*segment, age)? => format!("older than {}", Age(age)),
                _ => break,
            };
            if !self.is_settled(header(&self.layout, segment + 1)?.first_event - 1) {
                break;
            }
            total -= sizes.get(segment).copied().unwrap_or_default();
            due.push(*segment);
            reason = why;
        }
        Ok(Some((due, reason)).filter(|(due, _)| !due.is_empty()))
    }

    /// Whether everything up to `event` is signed, in the index where one is kept, and sent where it has to be.
    fn is_settled(&self, event: u64) -> bool {
        let status = self.ledger.status();
        let is_indexed = match self.ledger.indexed_events() {
            Some(indexed) => indexed >= event || status.index_failed.is_some(),
            None => true,
        };
        status.signed_events >= event && is_indexed && self.ledger.needed_from() > event
    }

    fn is_older(&mut self, segment: u64, age: Duration) -> Result<bool, RetentionError> {
        let now = self.ledger.now();
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        // A clock that was set back makes everything young.
        let is_old = |time: u64| now.saturating_sub(time) > age;
        if let Some(newest) = self.newest.get(&segment) {
            return Ok(is_old(*newest));
        }
        let mut newest = 0;
        let read = each(&self.layout.own_segment(segment), |start| {
            newest = newest.max(start.time_microseconds);
            // Where the first one is young, so is the newest.
            is_old(start.time_microseconds)
        })?;
        if read {
            self.newest.insert(segment, newest);
        }
        Ok(read && is_old(newest))
    }

    /// Reads a segment, which must be what the tree holds, and takes note of what the record of its leaving says.
    fn read(&self, segment: u64, path: &Path, last: u64, contents: &mut Contents) -> Result<(), RetentionError> {
        let unreadable = |error| LedgerError::io("read", path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let header = SegmentHeader::read(&file).map_err(unreadable)?;
        let first = header
            .filter(|header| header.segment == segment && header.ledger == self.ledger.id())
            .map(|header| header.first_event)
            .ok_or_else(|| RetentionError::ArchiveOther(path.into()))?;
        let tree = TreeFiles::open(&self.layout.tree())
            .map_err(|error| LedgerError::io("read", self.layout.tree(), &error))?;
        let leaves = tree
            .hashes(0, first - 1, last + 1 - first)
            .map_err(|error| LedgerError::io("read", self.layout.tree(), &error))?;
        let mut events = first - 1;
        let mut leaves = leaves.iter();
        let mut reader = SegmentReader::new(file, u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX));
        loop {
            let event = events + 1;
            let changed = RetentionError::Changed { segment, event };
            match reader.next().map_err(unreadable)? {
                Step::Record(record) => {
                    let leaf: Option<&Hash> = leaves.next();
                    match walk::pass(events, record) {
                        Ok((_, hash)) if Some(&hash) == leaf => contents.see(record),
                        _ => return Err(changed),
                    }
                    events = event;
                }
                Step::End if events == last => return Ok(()),
                Step::End | Step::Incomplete | Step::Bad { .. } => return Err(changed),
            }
        }
    }
}

impl Contents {
    fn see(&mut self, record: &[u8]) {
        let Ok(start) = record::decode_start(&mut minicbor::Decoder::new(record)) else {
            return;
        };
        self.first_time.get_or_insert(start.time_microseconds);
        if !matches!(start.code, code::LEDGER_OPENED | code::KEY_CHANGED) {
            return;
        }
        match record::decode(record).map(|stored| stored.event) {
            Ok(Event::LedgerOpened(opened)) if opened.created => {
                self.digest_check = opened.digest_check;
                self.keys.push(KeyInForce {
                    event: start.number,
                    key: opened.verifier_key,
                    note: None,
                });
            }
            Ok(Event::KeyChanged(changed)) => self.keys.push(KeyInForce {
                event: start.number,
                key: changed.to,
                note: Some(changed.note),
            }),
            _ => {}
        }
    }
}

/// Reads the starts of a segment's records until `see` says no; true when it never did.
fn each(path: &Path, mut see: impl FnMut(&record::RecordStart) -> bool) -> Result<bool, LedgerError> {
    let unreadable = |error| LedgerError::io("read", path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = SegmentReader::new(file, u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX));
    while let Step::Record(bytes) = reader.next().map_err(unreadable)? {
        let start = record::decode_start(&mut minicbor::Decoder::new(bytes))
            .map_err(|error| LedgerError::Damaged(error.to_string().into()))?;
        if !see(&start) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn file_name(path: &Path) -> &std::ffi::OsStr {
    path.file_name().unwrap_or_default()
}

/// An age in words.
struct Age(Duration);

impl std::fmt::Display for Age {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs() {
            seconds if seconds >= 86_400 => write!(f, "{} days", seconds / 86_400),
            seconds => write!(f, "{seconds} seconds"),
        }
    }
}

#[cfg(test)]
mod tests;
