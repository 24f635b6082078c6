//! Where changes are kept until they expire: a file a day, one line for each entry, synced before its transaction
//! commits.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use durward_model::Principal;
use serde::{Deserialize, Serialize};

use super::images::Images;
use super::seal::UndoKey;
use crate::request::RequestId;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// The number of a change, from 1, shown as `u1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(pub u64);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}

/// A text that is no change's number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no change: they are called u1, u2, …")]
pub struct NoChangeId(String);

impl FromStr for ChangeId {
    type Err = NoChangeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('u').unwrap_or(text);
        number.parse().map(Self).map_err(|_| NoChangeId(text.to_owned()))
    }
}

/// The number of a transaction in which something changed, unique in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub u64);

/// How much of a change can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All that it did.
    Full,
    /// Its rows, and not these besides.
    Partial(Vec<String>),
    /// Nothing, and why.
    None(String),
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Partial(besides) => write!(f, "partial: not {}", besides.join(", ")),
            Self::None(reason) => write!(f, "none: {reason}"),
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Its transaction was about to commit when the gateway or the server was lost.
    Unknown,
    /// It stands.
    Committed,
    /// Its transaction was rolled back: nothing is to be undone.
    RolledBack,
    /// It was taken back.
    Undone,
}

impl ChangeState {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Committed => "committed",
            Self::RolledBack => "rolled back",
            Self::Undone => "undone",
        }
    }
}

/// A change as a session tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewChange {
    /// Who has made it.
    pub principal: Principal,
    /// On which database, by its name at the gateway.
    pub database: String,
    /// In which session.
    pub session: String,
    /// By which of its statements.
    pub statement: String,
    /// `UPDATE`, `INSERT` …
    pub command: String,
    /// The tables that it changed, as `schema.name`.
    pub tables: Vec<String>,
    /// How many rows the server says.
    pub rows: u64,
    /// How much of it can be taken back.
    pub coverage: Coverage,
    /// The request by which it was approved.
    pub request: Option<RequestId>,
    /// The changes that it takes back.
    pub undoes: Vec<ChangeId>,
    /// Where what it dropped or emptied is kept in the database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptPlace>,
}

/// A schema in which something is kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlace {
    /// Its name.
    pub schema: String,
    /// How large what it holds was, with its indexes.
    pub bytes: u64,
    /// The last day on which it is there, such as 2026-12-03, by universal time.
    pub until: String,
}

/// A change that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Its number.
    pub id: ChangeId,
    /// Its transaction.
    pub transaction: TransactionId,
    /// When it was about to commit, in seconds since 1970.
    pub at: i64,
    /// What is told of it.
    #[serde(flatten)]
    pub change: NewChange,
    /// What became of it.
    pub state: ChangeState,
}

/// Changes can't be kept or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// There is no such change, or it has expired.
    #[error("there is no change {0}, or it has expired")]
    Unknown(ChangeId),
    /// It can't be opened.
    #[error("what {0} changed can't be read: it was sealed with another key, or is damaged")]
    Sealed(ChangeId),
    /// The disk refuses.
    #[error("changes can't be kept: {0}")]
    Io(Arc<str>),
}

impl From<std::io::Error> for VaultError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string().into())
    }
}

/// One line of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Change {
        record: Box<ChangeRecord>,
        sealed: Option<String>,
    },
    Ended {
        transaction: TransactionId,
        committed: bool,
    },
    Undone {
        changes: Vec<ChangeId>,
    },
}

/// Where a change's line is.
#[derive(Debug, Clone)]
struct Place {
    day: i64,
    offset: u64,
    bytes: u64,
}

/// All changes that haven't expired.
#[derive(Debug)]
pub struct UndoVault {
    folder: PathBuf,
    key: UndoKey,
    kept_days: u32,
    inner: Mutex<Inner>,
    /// How many of the entries are surely on disk. Whoever holds it syncs for all that have been written by then.
    synced: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    changes: BTreeMap<ChangeId, (ChangeRecord, Place)>,
    next_change: u64,
    next_transaction: u64,
    open: Option<(i64, Arc<File>, u64)>,
    /// How many entries were written since the vault was opened.
    written: u64,
    /// What was half written can't be taken back.
    is_broken: bool,
}

impl UndoVault {
    /// Opens the folder, or makes it. Its files are its owner's alone; no other process may use it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn open(folder: &Path, key: UndoKey, kept_days: u32) -> Result<Self, VaultError> {
        if !folder.is_dir() {
            std::fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let vault = Self {
            folder: folder.to_owned(),
            key,
            kept_days,
            inner: Mutex::default(),
            synced: Mutex::default(),
        };
        let mut days = vault.days()?;
        days.sort_unstable();
        for day in days {
            vault.load(day)?;
        }
        Ok(vault)
    }

    /// Keeps the changes of one transaction. When it returns, they survive a crash. Those who come at the same time share
    /// one wait for the disk.
    ///
    /// # Errors
    /// They can't be relied on to be kept.
    pub fn keep(
        &self,
        changes: &[(NewChange, Option<Images>)],
        now: i64,
    ) -> Result<(TransactionId, Vec<ChangeId>), VaultError> {
        let (transaction, first) = {
            let mut inner = self.lock();
            inner.next_transaction += 1;
            let first = inner.next_change + 1;
            inner.next_change += u64::try_from(changes.len()).unwrap_or(u64::MAX);
            (TransactionId(inner.next_transaction), first)
        };
        let mut lines = Vec::new();
        let mut records = Vec::new();
        for (number, (change, images)) in (first..).zip(changes) {
            let record = ChangeRecord {
                id: ChangeId(number),
                transaction,
                at: now,
                change: change.clone(),
                state: ChangeState::Unknown,
            };
            let sealed = match images {
                Some(images) => Some(self.seal(&record, images)?),
                None => None,
            };
            let entry = Entry::Change {
                record: Box::new(record.clone()),
                sealed,
            };
            lines.push(line(&entry)?);
            records.push(record);
        }
        let day = now.div_euclid(DAY_SECONDS);
        let (mut offset, written) = self.append(&mut self.lock(), day, &lines.concat())?;
        self.settle(written)?;
        let ids = records.iter().map(|record| record.id).collect();
        let mut inner = self.lock();
        for (record, line) in records.into_iter().zip(&lines) {
            let bytes = line.len() as u64;
            inner.changes.insert(record.id, (record, Place { day, offset, bytes }));
            offset += bytes;
        }
        Ok((transaction, ids))
    }

    /// What became of a transaction. Lost in a crash, it is not known any more.
    ///
    /// # Errors
    /// It can't be written.
    pub fn end(&self, transaction: TransactionId, committed: bool, now: i64) -> Result<(), VaultError> {
        let mut inner = self.lock();
        let entry = line(&Entry::Ended { transaction, committed })?;
        inner.end(transaction, committed);
        self.append(&mut inner, now.div_euclid(DAY_SECONDS), &entry).map(drop)
    }

    /// These changes were taken back.
    ///
    /// # Errors
    /// It can't be written.
    pub fn undone(&self, changes: &[ChangeId], now: i64) -> Result<(), VaultError> {
        let entry = line(&Entry::Undone {
            changes: changes.to_vec(),
        })?;
        let (_, written) = self.append(&mut self.lock(), now.div_euclid(DAY_SECONDS), &entry)?;
        self.settle(written)?;
        self.lock().undone(changes);
        Ok(())
    }

    /// For how many days changes are kept.
    pub fn kept_days(&self) -> u32 {
        self.kept_days
    }

    /// All changes, oldest first.
    pub fn list(&self) -> Vec<ChangeRecord> {
        self.lock().changes.values().map(|(record, _)| record.clone()).collect()
    }

    /// One change.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, id: ChangeId) -> Result<ChangeRecord, VaultError> {
        let inner = self.lock();
        let (record, _) = inner.changes.get(&id).ok_or(VaultError::Unknown(id))?;
        Ok(record.clone())
    }

    /// What a change did to rows; `None` where that was not kept.
    ///
    /// # Errors
    /// There is no such change, or it can't be read.
    pub fn images(&self, id: ChangeId) -> Result<Option<Images>, VaultError> {
        let place = {
            let inner = self.lock();
            let (_, place) = inner.changes.get(&id).ok_or(VaultError::Unknown(id))?;
            place.clone()
        };
        let mut file = File::open(self.path(place.day))?;
        file.seek(SeekFrom::Start(place.offset))?;
        let mut text = Vec::new();
        file.take(place.bytes).read_to_end(&mut text)?;
        let Some(Entry::Change { record, sealed }) = parse(&text) else {
            return Err(VaultError::Sealed(id));
        };
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let sealed = BASE64.decode(sealed).map_err(|_| VaultError::Sealed(id))?;
        let plain = self
            .key
            .open(&label(&record)?, &sealed)
            .map_err(|_| VaultError::Sealed(id))?;
        serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|_| VaultError::Sealed(id))
    }

    /// Forgets what is older than it is to be kept.
    ///
    /// # Errors
    /// A file can't be removed.
    pub fn expire(&self, now: i64) -> Result<(), VaultError> {
        let oldest = now.div_euclid(DAY_SECONDS) - i64::from(self.kept_days);
        let mut days = self.days()?;
        days.sort_unstable();
        // The newest file says how far the numbers have come.
        days.pop();
        for day in days.into_iter().filter(|day| *day < oldest) {
            self.lock().changes.retain(|_, (_, place)| place.day != day);
            std::fs::remove_file(self.path(day))?;
        }
        Ok(())
    }

    fn seal(&self, record: &ChangeRecord, images: &Images) -> Result<String, VaultError> {
        let plain = serde_json::to_vec(images).map_err(|error| VaultError::Io(error.to_string().into()))?;
        let sealed = self
            .key
            .seal(&label(record)?, &plain)
            .map_err(|_| VaultError::Sealed(record.id))?;
        Ok(BASE64.encode(sealed))
    }

    /// Writes an entry. Returns where it begins, and how many there are with it.
    fn append(&self, inner: &mut Inner, day: i64, text: &str) -> Result<(u64, u64), VaultError> {
        if inner.is_broken {
            return Err(broken());
        }
        if inner.open.as_ref().is_none_or(|(open, _, _)| *open != day) {
            let path = self.path(day);
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            File::open(&self.folder)?.sync_all()?;
            if let Some((_, before, _)) = &inner.open {
                // Those who wait for the disk will wait for the new file's.
                before.sync_data()?;
            }
            let bytes = file.metadata()?.len();
            inner.open = Some((day, Arc::new(file), bytes));
        }
        let Some((_, file, bytes)) = &mut inner.open else {
            return Err(VaultError::Io("no file is open".into()));
        };
        let offset = *bytes;
        if let Err(error) = (&**file).write_all(text.as_bytes()) {
            let taken_back = file.set_len(offset).and_then(|()| file.sync_data());
            inner.is_broken = taken_back.is_err();
            return Err(error.into());
        }
        *bytes += text.len() as u64;
        inner.written += 1;
        Ok((offset, inner.written))
    }

    /// Waits until so many entries are on disk. A failure is for good: what the system has given up it may report once.
    fn settle(&self, wanted: u64) -> Result<(), VaultError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let (written, file) = {
            let inner = self.lock();
            if inner.is_broken {
                return Err(broken());
            }
            (inner.written, inner.open.as_ref().map(|(_, file, _)| Arc::clone(file)))
        };
        if *synced >= wanted {
            return Ok(());
        }
        if let Some(Err(error)) = file.map(|file| file.sync_data()) {
            self.lock().is_broken = true;
            return Err(error.into());
        }
        *synced = written;
        Ok(())
    }

    /// Reads a day's file, and cuts off what was half written at its end.
    fn load(&self, day: i64) -> Result<(), VaultError> {
        let path = self.path(day);
        let mut inner = self.lock();
        let mut reader = BufReader::new(File::open(&path)?);
        let mut offset = 0;
        let mut text = Vec::new();
        loop {
            text.clear();
            let bytes = reader.read_until(b'\n', &mut text)? as u64;
            if bytes == 0 {
                return Ok(());
            }
            let Some(entry) = parse(&text) else {
                if !reader.fill_buf()?.is_empty() {
                    let damaged = format!("{} is damaged at byte {offset}", path.display());
                    return Err(VaultError::Io(damaged.into()));
                }
                OpenOptions::new().write(true).open(&path)?.set_len(offset)?;
                return Ok(());
            };
            match entry {
                Entry::Change { record, .. } => {
                    inner.next_change = inner.next_change.max(record.id.0);
                    inner.next_transaction = inner.next_transaction.max(record.transaction.0);
                    inner.changes.insert(record.id, (*record, Place { day, offset, bytes }));
                }
                Entry::Ended { transaction, committed } => inner.end(transaction, committed),
                Entry::Undone { changes } => inner.undone(&changes),
            }
            offset += bytes;
        }
    }

    fn days(&self) -> Result<Vec<i64>, VaultError> {
        let mut days = Vec::new();
        for file in std::fs::read_dir(&self.folder)? {
            let name = file?.file_name();
            days.extend(
                name.to_str()
                    .and_then(|name| name.strip_suffix(".undo")?.parse::<i64>().ok()),
            );
        }
        Ok(days)
    }

    /// Files are called by their day, counted from 1970.
    fn path(&self, day: i64) -> PathBuf {
        self.folder.join(format!("{day}.undo"))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end(&mut self, transaction: TransactionId, committed: bool) {
        let newest_first = self.changes.values_mut().rev();
        let same = newest_first
            .map(|(record, _)| record)
            .skip_while(|record| record.transaction > transaction)
            .take_while(|record| record.transaction == transaction);
        for record in same.filter(|record| record.state == ChangeState::Unknown) {
            record.state = if committed {
                ChangeState::Committed
            } else {
                ChangeState::RolledBack
            };
        }
    }

    fn undone(&mut self, changes: &[ChangeId]) {
        for id in changes {
            if let Some((record, _)) = self.changes.get_mut(id) {
                record.state = ChangeState::Undone;
            }
        }
    }
}

/// What a change's images are sealed to: nobody can put them under another change.
fn label(record: &ChangeRecord) -> Result<Vec<u8>, VaultError> {
    let whole = serde_json::to_vec(record);
    whole.map_err(|error| VaultError::Io(error.to_string().into()))
}

fn broken() -> VaultError {
    VaultError::Io("an earlier entry was half written, or is not surely on disk".into())
}

fn line(entry: &Entry) -> Result<String, VaultError> {
    let json = serde_json::to_string(entry).map_err(|error| VaultError::Io(error.to_string().into()))?;
    Ok(crate::file::checked_line(&json))
}

fn parse(text: &[u8]) -> Option<Entry> {
    serde_json::from_str(crate::file::checked_text(text)?).ok()
}
