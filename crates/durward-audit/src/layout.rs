//! Where a ledger's files are.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::error::LedgerError;
use crate::note::hexadecimal;
use crate::segment::{self, SegmentHeader};

/// A ledger's directory and, where segments have left it, the archive that they went to.
///
/// Made from a path alone, it knows no archive.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) directory: PathBuf,
    /// The folder of this ledger in the archive.
    archive: Option<PathBuf>,
}

impl From<&Path> for Layout {
    fn from(directory: &Path) -> Self {
        Self::new(directory)
    }
}

impl From<&PathBuf> for Layout {
    fn from(directory: &PathBuf) -> Self {
        Self::new(directory)
    }
}

impl Layout {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
            archive: None,
        }
    }

    /// The ledger in `directory`, with the segments that went to `archive`.
    ///
    /// # Errors
    /// When the ledger can't be read, or the archive holds nothing of it.
    pub fn with_archive(directory: &Path, archive: &Path) -> Result<Self, LedgerError> {
        let plain = Self::new(directory);
        let folder = archive_folder(archive, &plain.ledger_id()?);
        if folder.is_dir() {
            let archive = Some(folder);
            return Ok(Self { archive, ..plain });
        }
        let nothing = io::Error::new(io::ErrorKind::NotFound, "nothing of this ledger is there");
        Err(LedgerError::io("read the archive", folder, &nothing))
    }

    /// The id of the ledger, from its newest segment.
    pub(crate) fn ledger_id(&self) -> Result<[u8; 16], LedgerError> {
        let numbers = numbers_in(&self.segments()).map_err(|error| LedgerError::io("list", self.segments(), &error))?;
        let newest = numbers.last().copied();
        let newest = newest.ok_or_else(|| LedgerError::Damaged("no segment is left".into()))?;
        let path = self.own_segment(newest);
        let header = File::open(&path)
            .and_then(|file| SegmentHeader::read(&file))
            .map_err(|error| LedgerError::io("read", &path, &error))?;
        let bad = || LedgerError::Damaged(format!("segment {newest} has a bad header").into());
        Ok(header.ok_or_else(bad)?.ledger)
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.directory.join("segments")
    }

    /// A segment in the ledger's own directory.
    pub(crate) fn own_segment(&self, segment: u64) -> PathBuf {
        self.segments().join(segment::file_name(segment))
    }

    /// A segment, wherever it is.
    pub(crate) fn segment(&self, segment: u64) -> PathBuf {
        let own = self.own_segment(segment);
        match &self.archive {
            Some(archive) if !own.exists() => archive.join(segment::file_name(segment)),
            _ => own,
        }
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.directory.join("tree")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    /// The notes by which earlier keys handed over, one after the other.
    pub(crate) fn key_changes(&self) -> PathBuf {
        self.directory.join("key-changes")
    }

    /// The record by which segments left last.
    pub(crate) fn retired(&self) -> PathBuf {
        self.directory.join("retired")
    }

    pub(crate) fn public_key(&self) -> PathBuf {
        self.directory.join("public-key")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    pub(crate) fn torn(&self) -> PathBuf {
        self.directory.join("torn")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.directory.join("index.sqlite")
    }

    /// The version of the store, where it is another than this program's.
    pub(crate) fn other_version(&self) -> io::Result<Option<u8>> {
        let Some(first) = numbers_in(&self.segments())?.first().copied() else {
            return Ok(None);
        };
        let mut bytes = [0; 8];
        match File::open(self.own_segment(first))?.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(segment::version_of(&bytes).filter(|version| *version != segment::STORE_VERSION)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The numbers of the segments that are at hand, in order.
    pub(crate) fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = numbers_in(&self.segments())?;
        if let Some(archive) = &self.archive {
            numbers.extend(numbers_in(archive)?);
            numbers.sort_unstable();
            numbers.dedup();
        }
        Ok(numbers)
    }

    /// The first segment that is at hand.
    pub(crate) fn first_segment(&self) -> Result<u64, LedgerError> {
        let numbers = self
            .segment_numbers()
            .map_err(|error| LedgerError::io("list", self.segments(), &error))?;
        let first = numbers.first().copied();
        first.ok_or_else(|| LedgerError::Damaged("no segment is left".into()))
    }
}

/// The folder of one ledger in an archive, which several may share.
pub(crate) fn archive_folder(archive: &Path, ledger: &[u8; 16]) -> PathBuf {
    archive.join(hexadecimal(ledger))
}

/// The numbers of the segments in a folder, in order.
pub(crate) fn numbers_in(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Some(number) = entry?.file_name().to_str().and_then(segment::number_of) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}
