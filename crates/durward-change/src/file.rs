//! The journal as a file: one line for each entry, `CRC32 JSON`, synced before it counts.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::limits::JOURNAL_BYTES_HIGH;
use crate::state::Entry;
use crate::store::{Store, StoreError};

/// A journal file. It holds statements and parameters in clear, so that only its owner may read it.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    file: File,
    /// The bytes of all whole entries.
    bytes: u64,
    /// What was half written can't be taken back: nothing is appended any more.
    is_broken: bool,
}

impl FileStore {
    /// Opens the file, or makes it. The folder must be there, and no other process may use the file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let store = Self {
            path: path.to_owned(),
            file,
            bytes: 0,
            is_broken: false,
        };
        store.sync_folder()?;
        Ok(store)
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    fn write_at_end(&mut self, line: &str) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()
    }
}

impl Store for FileStore {
    fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut text)?;
        let mut entries = Vec::new();
        let mut whole = 0;
        let mut rest = text.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end + 1);
            match parse(line) {
                Some(entry) => entries.push(entry),
                // The last entry may have been cut off in the middle; it never counted.
                None if behind.is_empty() => break,
                None => {
                    let number = entries.len() + 1;
                    let damaged = format!("{}: entry {number} is damaged", self.path.display());
                    return Err(StoreError(damaged.into()));
                }
            }
            whole += line.len() as u64;
            rest = behind;
        }
        self.file.set_len(whole)?;
        self.file.sync_data()?;
        self.bytes = whole;
        Ok(entries)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if self.is_broken {
            return Err(StoreError("an earlier entry was half written".into()));
        }
        let line = line(entry)?;
        if let Err(error) = self.write_at_end(&line) {
            // Whether it is in the file by now isn't known: it must not be.
            self.is_broken = self
                .file
                .set_len(self.bytes)
                .and_then(|()| self.file.sync_data())
                .is_err();
            return Err(error.into());
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn replace(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let new_path = self.path.with_extension("new");
        let mut new = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new_path)?;
        let mut text = String::new();
        for entry in entries {
            text.push_str(&line(entry)?);
        }
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        std::fs::rename(&new_path, &self.path)?;
        self.file = new;
        self.bytes = text.len() as u64;
        self.sync_folder()
    }

    fn is_long(&self) -> bool {
        self.bytes > JOURNAL_BYTES_HIGH
    }
}

fn line(entry: &Entry) -> Result<String, StoreError> {
    let json = serde_json::to_string(entry).map_err(|error| StoreError(error.to_string().into()))?;
    Ok(checked_line(&json))
}

fn parse(line: &[u8]) -> Option<Entry> {
    serde_json::from_str(checked_text(line)?).ok()
}

/// A line that tells whether it is whole.
pub(crate) fn checked_line(json: &str) -> String {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// What a whole line holds.
pub(crate) fn checked_text(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, json) = line.split_once(' ')?;
    let right = u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(json.as_bytes());
    right.then_some(json)
}
