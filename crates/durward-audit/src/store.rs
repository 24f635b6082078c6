//! Where the bytes go. A trait, so that tests can fill the disk and fail a flush.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::layout::Layout;
use crate::merkle::Hash;
use crate::tree;

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
