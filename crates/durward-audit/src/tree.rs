//! The tree while it grows: its right edge in memory, the rest in files.
//!
//! Hashes are kept every eighth level, as C2SP `tlog-tiles` publishes them: at tile level `l` stands the root of every
//! full subtree of `256^l` leaves. What lies between is computed again when it is needed.

mod compare;
mod files;

use std::io;

use crate::merkle::{self, Hash};

pub(crate) use compare::{Comparison, first_event, last_event};
pub(crate) use files::{TreeFiles, cut, write, write_fresh};

/// Levels of the tree from one tile level to the next (C2SP `tlog-tiles`).
pub(crate) const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: usize = 1 << TILE_HEIGHT;
/// Tile levels that a tree can have: one of `2^64` leaves has eight.
pub(crate) const TILE_LEVELS: u32 = u64::BITS / TILE_HEIGHT;
/// Bytes of a hash.
pub(crate) const HASH_BYTES: u64 = 32;

/// How many hashes stand at a tile level of a tree of `size` leaves.
pub(crate) const fn hashes_at(level: u32, size: u64) -> u64 {
    match size.checked_shr(level * TILE_HEIGHT) {
        Some(hashes) => hashes,
        None => 0,
    }
}

/// One tile level of a growing tree.
#[derive(Debug, Clone, Default)]
struct Edge {
    /// The hashes of the tile that isn't full.
    partial: Vec<Hash>,
    /// Hashes that aren't in the files yet.
    fresh: Vec<Hash>,
}

/// A tree that leaves are added to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    size: u64,
    edges: Vec<Edge>,
}

impl Tree {
    /// Goes on with a tree of which the first `size` leaves are in the files.
    pub(crate) fn restore(files: &TreeFiles, size: u64) -> io::Result<Self> {
        let mut tree = Self {
            size,
            edges: Vec::new(),
        };
        for level in 0..TILE_LEVELS {
            let hashes = hashes_at(level, size);
            if hashes == 0 {
                break;
            }
            let width = hashes % u64::try_from(TILE_WIDTH).unwrap_or(u64::MAX);
            tree.edges.push(Edge {
                partial: files.hashes(level, hashes - width, width)?,
                fresh: Vec::new(),
            });
        }
        Ok(tree)
    }

    /// How many leaves the tree has.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash. `tell` hears each hash that is now complete, with its tile level and its place there.
    pub(crate) fn push<E>(
        &mut self,
        leaf: Hash,
        mut tell: impl FnMut(u32, u64, &Hash) -> Result<(), E>,
    ) -> Result<(), E> {
        self.size += 1;
        let mut hash = leaf;
        for level in 0..TILE_LEVELS {
            tell(level, hashes_at(level, self.size) - 1, &hash)?;
            let index = usize::try_from(level).unwrap_or(usize::MAX);
            if self.edges.len() <= index {
                self.edges.push(Edge::default());
            }
            let Some(edge) = self.edges.get_mut(index) else {
                break;
            };
            edge.fresh.push(hash);
            edge.partial.push(hash);
            if edge.partial.len() < TILE_WIDTH {
                break;
            }
            hash = merkle::full_root(&edge.partial);
            edge.partial.clear();
        }
        Ok(())
    }

    /// Adds leaves by their hashes.
    pub(crate) fn extend(&mut self, leaves: impl IntoIterator<Item = Hash>) {
        for leaf in leaves {
            let Ok(()) = self.push(leaf, |_, _, _| Ok::<(), std::convert::Infallible>(()));
        }
    }

    /// The root over all leaves.
    pub(crate) fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        // From the smallest full subtree on the right to the largest on the left.
        for edge in &self.edges {
            let mut rest = edge.partial.as_slice();
            while !rest.is_empty() {
                let subtree_width = 1 << rest.len().trailing_zeros();
                let (before, subtree) = rest.split_at(rest.len() - subtree_width);
                let hash = merkle::full_root(subtree);
                root = Some(root.map_or(hash, |right| merkle::node_hash(&hash, &right)));
                rest = before;
            }
        }
        root.unwrap_or_else(merkle::empty_root)
    }

    /// Takes the hashes that aren't in the files yet: level, place of the first, and the hashes.
    pub(crate) fn take_fresh(&mut self) -> Vec<(u32, u64, Vec<Hash>)> {
        let size = self.size;
        (0..)
            .zip(&mut self.edges)
            .filter(|(_, edge)| !edge.fresh.is_empty())
            .map(|(level, edge)| {
                let fresh = std::mem::take(&mut edge.fresh);
                let count = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
                (level, hashes_at(level, size) - count, fresh)
            })
            .collect()
    }

    /// How many leaves aren't in the files yet.
    pub(crate) fn fresh_leaves(&self) -> usize {
        self.edges.first().map_or(0, |edge| edge.fresh.len())
    }

    /// Forgets that hashes aren't in the files yet: they aren't wanted there.
    pub(crate) fn forget_fresh(&mut self) {
        for edge in &mut self.edges {
            edge.fresh.clear();
        }
    }
}

#[cfg(test)]
mod tests;
