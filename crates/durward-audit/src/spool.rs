//! The log as a spool for a store that keeps the logs of many nodes, and the way back from there to files.
//!
//! Only what is signed leaves: it is on disk here, so that no death of this machine makes the store know more than the
//! ledger.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::LedgerError;
use crate::event::{Event, code};
use crate::layout::Layout;
use crate::ledger::{check_version, make_directory};
use crate::note::{TreeHead, VerifierKey, hexadecimal};
use crate::record;
use crate::segment::{HEADER_BYTES, SegmentHeader, begin_frame, end_frame};
use crate::store::write_whole;
use crate::tail::{Found, LogReader, header, segment_of};
use crate::tree::{self, Tree};
use crate::walk;

/// Hashes that may wait in memory while files are made again. Reason: a megabyte.
const FRESH_LEAVES_MAX: usize = 32_768;

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledRecord {
    /// Its number.
    pub number: u64,
    /// The segment that it is in.
    pub segment: u64,
    /// The number of its kind.
    pub kind: u8,
    /// When it was recorded, in microseconds since 1970-01-01 00:00 UTC.
    pub time_microseconds: u64,
    /// Its canonical bytes.
    pub record: Vec<u8>,
}

/// Signed events, in order.
#[derive(Debug)]
pub struct Spool {
    layout: Layout,
    reader: LogReader,
    segment: u64,
    /// Events passed.
    events: u64,
    /// Events before this one are passed over.
    from: u64,
}

impl Spool {
    /// Stands after event `number`.
    ///
    /// # Errors
    /// When the next event has left the ledger, among others.
    pub fn after(files: impl Into<Layout>, number: u64) -> Result<Self, LedgerError> {
        let layout = files.into();
        check_version(&layout)?;
        let segment = segment_of(&layout, number + 1)?;
        Ok(Self {
            reader: LogReader::open(&layout, segment, None)?,
            events: header(&layout, segment)?.first_event - 1,
            segment,
            from: number + 1,
            layout,
        })
    }

    /// The last checkpoint, and how many events it covers.
    pub fn checkpoint(&self) -> Result<(String, u64), LedgerError> {
        let path = self.layout.checkpoint();
        let note = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error))?;
        let head = TreeHead::read(&note).map_err(|error| LedgerError::Damaged(error.to_string().into()))?;
        Ok((note, head.events))
    }

    /// The next events up to event `until`, which must be signed: at most so many, and not much more than so many bytes.
    pub fn next_records(
        &mut self,
        until: u64,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<SpooledRecord>, LedgerError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while self.events < until && records.len() < records_max && bytes < bytes_max {
            let record = match self.reader.next()? {
                Found::Record(record) => record,
                Found::Segment => {
                    self.segment = self.reader.place().0;
                    continue;
                }
                Found::Nothing => return Err(LedgerError::Damaged("the log is shorter than its checkpoint".into())),
            };
            let (start, _) =
                walk::pass(self.events, record).map_err(|misfit| LedgerError::Damaged(misfit.reason().into()))?;
            self.events += 1;
            if self.events < self.from {
                continue;
            }
            bytes += record.len();
            records.push(SpooledRecord {
                number: self.events,
                segment: self.segment,
                kind: start.code,
                time_microseconds: start.time_microseconds,
                record: record.to_vec(),
            });
        }
        Ok(records)
    }
}

/// Makes the files of a ledger again, from its records in order.
#[derive(Debug)]
pub struct Restorer {
    layout: Layout,
    ledger: [u8; 16],
    tree: Tree,
    segment: u64,
    file: Option<File>,
    /// The key in force, and the notes by which earlier ones handed over.
    key: Option<String>,
    notes: String,
}

/// Why files can't be made again.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The files.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It isn't the name of a ledger.
    #[error("{0:?} is no ledger's id")]
    Id(String),
    /// Events are missing, or something stands in the place of one.
    #[error("event {event}: {reason}")]
    Record {
        /// The event that should come.
        event: u64,
        /// What is wrong.
        reason: String,
    },
    /// The segments are out of order.
    #[error("event {event} is in segment {found}, after segment {last}")]
    Segment {
        /// The event.
        event: u64,
        /// Its segment.
        found: u64,
        /// The segment before.
        last: u64,
    },
}

impl Restorer {
    /// Begins with the ledger `id`, in hexadecimal, in `directory`, which is made.
    ///
    /// # Errors
    /// When there is something already.
    pub fn create(directory: &Path, id: &str) -> Result<Self, RestoreError> {
        let ledger = u128::from_str_radix(id, 16).map(u128::to_be_bytes).unwrap_or_default();
        if hexadecimal(&ledger) != id {
            return Err(RestoreError::Id(id.into()));
        }
        let layout = Layout::new(directory);
        if layout.segments().exists() {
            let exists = io::Error::new(io::ErrorKind::AlreadyExists, "there is a record already");
            return Err(LedgerError::io("restore to", directory, &exists).into());
        }
        for path in [directory.to_path_buf(), layout.segments(), layout.tree()] {
            make_directory(&path)?;
        }
        Ok(Self {
            layout,
            ledger,
            tree: Tree::default(),
            segment: 0,
            file: None,
            key: None,
            notes: String::new(),
        })
    }

    /// Adds the next event.
    ///
    /// # Errors
    /// When it isn't the next one.
    pub fn add(&mut self, segment: u64, record: &[u8]) -> Result<(), RestoreError> {
        let event = self.tree.size() + 1;
        let wrong = |reason: String| RestoreError::Record { event, reason };
        let (start, leaf) = walk::pass(self.tree.size(), record).map_err(|misfit| wrong(misfit.reason()))?;
        if segment != self.segment {
            if segment != self.segment + 1 {
                let (found, last) = (segment, self.segment);
                return Err(RestoreError::Segment { event, found, last });
            }
            self.begin_segment(segment, event)?;
        }
        let mut frame = Vec::new();
        let at = begin_frame(&mut frame);
        frame.extend_from_slice(record);
        end_frame(&mut frame, at).ok_or_else(|| wrong("it is too large".into()))?;
        let path = self.layout.own_segment(segment);
        if let Some(file) = &mut self.file {
            file.write_all(&frame)
                .map_err(|error| LedgerError::io("write", path, &error))?;
        }
        self.tree.extend([leaf]);
        if matches!(start.code, code::LEDGER_OPENED | code::KEY_CHANGED) {
            match record::decode(record).map_err(|error| wrong(error.to_string()))?.event {
                Event::LedgerOpened(opened) => self.key = Some(opened.verifier_key),
                Event::KeyChanged(changed) => {
                    self.key = Some(changed.to);
                    self.notes.push_str(&changed.note);
                }
                _ => {}
            }
        }
        if self.tree.fresh_leaves() > FRESH_LEAVES_MAX {
            self.write_tree()?;
        }
        Ok(())
    }

    fn begin_segment(&mut self, segment: u64, first_event: u64) -> Result<(), LedgerError> {
        let header = SegmentHeader {
            ledger: self.ledger,
            segment,
            first_event,
        };
        let path = self.layout.own_segment(segment);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&header.encode()).map(|()| file))
            .map_err(|error| LedgerError::io("write", path, &error))?;
        debug_assert_eq!(header.encode().len(), HEADER_BYTES);
        self.file = Some(file);
        self.segment = segment;
        Ok(())
    }

    fn write_tree(&mut self) -> Result<(), LedgerError> {
        let directory = self.layout.tree();
        tree::write_fresh(&mut self.tree, &directory).map_err(|error| LedgerError::io("write", directory, &error))
    }

    /// Writes what stands beside the events. Returns how many there are. What is then in the directory proves nothing by
    /// itself: [`verify`](crate::verify) does.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn finish(mut self, checkpoint: &str) -> Result<u64, RestoreError> {
        self.write_tree()?;
        let key = self.key.as_deref().and_then(VerifierKey::parse);
        let mut files: Vec<(PathBuf, String)> = vec![(self.layout.checkpoint(), checkpoint.to_owned())];
        files.extend(key.map(|key| (self.layout.public_key(), format!("{key}\n"))));
        if !self.notes.is_empty() {
            files.push((self.layout.key_changes(), self.notes));
        }
        for (path, text) in files {
            write_whole(&path, text.as_bytes(), 0o644).map_err(|error| LedgerError::io("write", path, &error))?;
        }
        Ok(self.tree.size())
    }
}

#[cfg(test)]
mod tests;
