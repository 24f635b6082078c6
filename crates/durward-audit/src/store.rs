//! Where the bytes go. A trait, so that tests can fill the disk and fail a flush.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::merkle::Hash;
use crate::{segment, tree};

/// The segment that is written to.
pub(crate) trait SegmentFile: Send + Sync + Debug {
    /// Hands bytes to the operating system, all of them.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended is on disk.
    fn sync(&self) -> io::Result<()>;
}

/// A ledger's directory.
pub(crate) trait LedgerStore: Send + Sync + Debug {
    /// Makes a segment that begins with `header`, on disk under its name before this returns.
    fn create_segment(&self, segment: u64, header: &[u8]) -> io::Result<Arc<dyn SegmentFile>>;
    /// Opens a segment for appending.
    fn open_segment(&self, segment: u64) -> io::Result<Arc<dyn SegmentFile>>;
    /// Writes hashes of one level of the tree at their place, on disk before this returns.
    fn write_tree(&self, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()>;
    /// Replaces the checkpoint, on disk before this returns.
    fn write_checkpoint(&self, note: &str) -> io::Result<()>;
    /// Bytes that can still be written.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// Names within a ledger's directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) directory: PathBuf,
}

impl Layout {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.directory.join("segments")
    }

    pub(crate) fn segment(&self, segment: u64) -> PathBuf {
        self.segments().join(segment::file_name(segment))
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
        let Some(first) = self.segment_numbers()?.first().copied() else {
            return Ok(None);
        };
        let mut bytes = [0; 8];
        match File::open(self.segment(first))?.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(segment::version_of(&bytes).filter(|version| *version != segment::STORE_VERSION)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The numbers of the segments that exist, in order.
    pub(crate) fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(self.segments())? {
            if let Some(number) = entry?.file_name().to_str().and_then(segment::number_of) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Writes a whole file and then gives it its name, so that it is never seen half written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_directory(path)
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Files on a disk.
#[derive(Debug)]
pub(crate) struct DiskStore {
    pub(crate) layout: Layout,
}

#[derive(Debug)]
struct DiskSegment(File);

impl SegmentFile for DiskSegment {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl LedgerStore for DiskStore {
    fn create_segment(&self, segment: u64, header: &[u8]) -> io::Result<Arc<dyn SegmentFile>> {
        write_whole(&self.layout.segment(segment), header, 0o600)?;
        self.open_segment(segment)
    }

    fn open_segment(&self, segment: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let file = OpenOptions::new().append(true).open(self.layout.segment(segment))?;
        Ok(Arc::new(DiskSegment(file)))
    }

    fn write_tree(&self, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()> {
        tree::write(&self.layout.tree(), level, first, hashes)
    }

    fn write_checkpoint(&self, note: &str) -> io::Result<()> {
        write_whole(&self.layout.checkpoint(), note.as_bytes(), 0o644)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.layout.directory)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
