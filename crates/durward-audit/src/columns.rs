//! The record as Parquet files by day, for those who ask in columns.
//!
//! A file holds the events of one day (UTC) that follow on each other, and is named by the first of them, so that writing
//! again what is there gives the same files: nothing has to be remembered, and nothing comes twice.

mod rows;
mod write;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::error::LedgerError;
use crate::event::EventNumber;
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::note::{TreeHead, hexadecimal};
use crate::resolve::ShownEvent;
use crate::tail::{self, Tail};

pub use rows::{COLUMNS, Column, ColumnKind};
use write::DayFile;

/// What the names of day folders begin with, as readers of partitioned files expect it.
const DAY: &str = "day=";
/// What the names of files begin and end with.
const FILE: (&str, &str) = ("events-", ".parquet");
/// The metadata that says whose events a file holds, and up to which.
const LEDGER: &str = "durward.ledger";
const LAST_EVENT: &str = "durward.last_event";
/// The checkpoint that covers a file's events.
const CHECKPOINT: &str = "durward.checkpoint";

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ColumnsWritten {
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// The last event that is now in the directory's files, or was passed over there.
    pub last_event: u64,
}

/// Why nothing more was written.
#[derive(Debug, thiserror::Error)]
pub enum ColumnsError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file can't be written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The format's library refuses.
    #[error("Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The directory holds the files of another ledger, or what this program didn't write.
    #[error("{0} holds no events of this ledger; nothing was written")]
    OtherLedger(PathBuf),
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> ColumnsError {
    move |error| ColumnsError::Io {
        path: path.into(),
        error,
    }
}

/// Writes the signed events of a ledger to `target`, as `day=2026-01-31/events-<first event>.parquet`. What stands there
/// is gone on with; its last file is written anew, since its day may not have ended. Works while a gateway writes.
///
/// # Errors
/// When events that come next have left the ledger, among others.
pub fn write_columns(files: impl Into<Layout>, target: &Path) -> Result<ColumnsWritten, ColumnsError> {
    let layout = files.into();
    check_version(&layout)?;
    let path = layout.checkpoint();
    let checkpoint = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error))?;
    let head = TreeHead::read(&checkpoint).map_err(|error| LedgerError::Damaged(error.to_string().into()))?;
    let ledger = hexadecimal(&head.ledger);
    let from = next_event(&layout, target, &ledger)?;
    let mut written = ColumnsWritten {
        last_event: from - 1,
        ..ColumnsWritten::default()
    };
    let mut events = Tail::after(layout, EventNumber(from - 1))?;
    let mut open: Option<DayFile> = None;
    while written.last_event < head.events {
        let Some(event) = events.next_event()? else {
            return Err(LedgerError::Damaged("the log is shorter than its checkpoint".into()).into());
        };
        written.last_event = event.stored.number.0;
        let day = day_of(&event);
        if let Some(file) = open.take_if(|file| file.day() != day) {
            written.rows += file.finish(&checkpoint)?;
            written.files += 1;
        }
        let file = match &mut open {
            Some(file) => file,
            None => open.insert(DayFile::create(target, &day, event.stored.number.0, &ledger)?),
        };
        file.add(&event)?;
    }
    if let Some(file) = open {
        written.rows += file.finish(&checkpoint)?;
        written.files += 1;
    }
    Ok(written)
}

/// The first event to write: that of the last file there, which is written anew, or the one after it where that file's
/// events have left the ledger.
fn next_event(layout: &Layout, target: &Path, ledger: &str) -> Result<u64, ColumnsError> {
    let at_hand = tail::first_event(layout)?;
    let Some((first, path)) = last_file(target)? else {
        return Ok(at_hand);
    };
    let reader = SerializedFileReader::new(File::open(&path).map_err(io_error(&path))?)
        .map_err(|_| ColumnsError::OtherLedger(path.clone()))?;
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let value = |key: &str| {
        let entry = metadata?.iter().find(|entry| entry.key == key)?;
        entry.value.clone()
    };
    let last: Option<u64> = value(LAST_EVENT).and_then(|text| text.parse().ok());
    match last.filter(|last| value(LEDGER).as_deref() == Some(ledger) && *last >= first) {
        Some(_) if first >= at_hand => Ok(first),
        Some(last) => Ok(last + 1),
        None => Err(ColumnsError::OtherLedger(path)),
    }
}

/// The file with the highest number.
fn last_file(target: &Path) -> Result<Option<(u64, PathBuf)>, ColumnsError> {
    let list = |folder: &Path| match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(io_error(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io_error(folder)(error)),
    };
    let name = |path: &Path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned()
    };
    let mut last = None;
    for folder in list(target)?.iter().filter(|path| name(path).starts_with(DAY)) {
        for file in list(folder)? {
            let name = name(&file);
            let number = name
                .strip_prefix(FILE.0)
                .and_then(|name| name.strip_suffix(FILE.1)?.parse().ok());
            last = last.max(number.map(|number: u64| (number, file)));
        }
    }
    Ok(last)
}

fn day_of(event: &ShownEvent) -> String {
    event.time.to_string().chars().take("2026-01-31".len()).collect()
}

fn make_folder(path: &Path) -> Result<(), ColumnsError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error(path))
}

#[cfg(test)]
mod tests;
