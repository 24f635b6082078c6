//! Copies of segments in an archive.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{RetentionError, file_name};
use crate::error::LedgerError;
use crate::store;

/// How much is compared at once.
const COMPARE_BYTES: usize = 256 << 10;

/// Copies a segment into a folder of the archive, on disk before this returns. What an interrupted pass has copied is
/// taken as it is, and what is another is never overwritten.
pub(super) fn copy(segment: &Path, folder: &Path) -> Result<PathBuf, RetentionError> {
    let unwritable = |error: io::Error| LedgerError::io("archive to", folder, &error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(unwritable)?;
    let target = folder.join(file_name(segment));
    if target.exists() {
        let is_same = same(segment, &target).map_err(unwritable)?;
        return if is_same {
            Ok(target)
        } else {
            Err(RetentionError::ArchiveOther(target))
        };
    }
    let unfinished = target.with_extension("new");
    let copied = write(segment, &unfinished, &target);
    if copied.is_err() {
        // A disk that filled up is given back what was of no use.
        fs::remove_file(&unfinished).ok();
    }
    copied.map_err(unwritable)?;
    Ok(target)
}

fn write(segment: &Path, unfinished: &Path, target: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(unfinished)?;
    io::copy(&mut File::open(segment)?, &mut file)?;
    file.sync_all()?;
    fs::rename(unfinished, target)?;
    // The folder may be new itself.
    store::sync_directory(target)?;
    target.parent().map_or(Ok(()), store::sync_directory)
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        let limit = u64::try_from(COMPARE_BYTES).unwrap_or(u64::MAX);
        io::Read::by_ref(&mut one).take(limit).read_to_end(&mut left)?;
        io::Read::by_ref(&mut other).take(limit).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

/// Checks that a copy is still there, as long as the segment.
pub(super) fn check_length(segment: &Path, copy: &Path) -> Result<(), RetentionError> {
    let bytes = fs::metadata(segment)
        .map_err(|error| LedgerError::io("read", segment, &error))?
        .len();
    match fs::metadata(copy) {
        Ok(found) if found.len() == bytes => Ok(()),
        _ => Err(RetentionError::ArchiveLost(copy.into())),
    }
}
