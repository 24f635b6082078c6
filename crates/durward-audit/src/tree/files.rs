//! The tree's files: one for each tile level, hash after hash.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::merkle::{self, Hash, Subtrees};
use crate::store;
use crate::tree::{HASH_BYTES, TILE_HEIGHT, TILE_LEVELS, Tree, hashes_at};

fn file_name(level: u32) -> String {
    format!("level-{level}")
}

/// The tree's files, to read. Whoever writes only ever adds to them.
#[derive(Debug)]
pub(crate) struct TreeFiles {
    levels: Vec<File>,
}

impl TreeFiles {
    /// Opens what there is in `directory`; nothing is an empty tree.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let mut levels = Vec::new();
        for level in 0..TILE_LEVELS {
            match File::open(directory.join(file_name(level))) {
                Ok(file) => levels.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { levels })
    }

    fn level(&self, level: u32) -> io::Result<&File> {
        usize::try_from(level)
            .ok()
            .and_then(|level| self.levels.get(level))
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("the tree has no level {level}")))
    }

    /// How many whole hashes a level's file holds, and how many bytes after them.
    pub(crate) fn length(&self, level: u32) -> io::Result<(u64, u64)> {
        match self.level(level) {
            Ok(file) => {
                let bytes = file.metadata()?.len();
                Ok((bytes / HASH_BYTES, bytes % HASH_BYTES))
            }
            Err(_) => Ok((0, 0)),
        }
    }

    /// `count` hashes of a level, from the `first` on.
    pub(crate) fn hashes(&self, level: u32, first: u64, count: u64) -> io::Result<Vec<Hash>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let bytes_count = usize::try_from(count * HASH_BYTES).map_err(io::Error::other)?;
        let mut bytes = vec![0; bytes_count];
        self.level(level)?.read_exact_at(&mut bytes, first * HASH_BYTES)?;
        Ok(bytes.as_chunks::<32>().0.to_vec())
    }
}

impl Subtrees for TreeFiles {
    fn subtree(&self, height: u32, index: u64) -> io::Result<Hash> {
        let (level, above) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let width = 1 << above;
        Ok(merkle::full_root(&self.hashes(level, index * width, width)?))
    }
}

/// Writes what a tree has that isn't in its files yet.
pub(crate) fn write_fresh(tree: &mut Tree, directory: &Path) -> io::Result<()> {
    let fresh = tree.take_fresh();
    let mut fresh = fresh.iter();
    fresh.try_for_each(|(level, first, hashes)| write(directory, *level, *first, hashes))
}

/// Writes hashes at their place in a level's file, on disk before this returns.
pub(crate) fn write(directory: &Path, level: u32, first: u64, hashes: &[Hash]) -> io::Result<()> {
    let path = directory.join(file_name(level));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)?;
    file.write_all_at(hashes.as_flattened(), first * HASH_BYTES)?;
    file.sync_data()?;
    if first == 0 {
        // The file may be new.
        store::sync_directory(&path)?;
    }
    Ok(())
}

/// Cuts off whatever the files hold beyond a tree of `size` leaves.
pub(crate) fn cut(directory: &Path, size: u64) -> io::Result<()> {
    for level in 0..TILE_LEVELS {
        let path: PathBuf = directory.join(file_name(level));
        let Ok(file) = OpenOptions::new().write(true).open(&path) else {
            continue;
        };
        let bytes = hashes_at(level, size) * HASH_BYTES;
        if file.metadata()?.len() > bytes {
            file.set_len(bytes)?;
            file.sync_data()?;
        }
    }
    Ok(())
}
