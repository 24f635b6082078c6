//! Comparing a tree that is made again from the events with the tree in the files.

use std::io;

use crate::merkle::{self, Hash};
use crate::tree::{TILE_LEVELS, TreeFiles, hashes_at};

/// Hashes that are read at once.
const WINDOW_HASHES: u64 = 8_192;

#[derive(Debug, Default)]
struct Window {
    first: u64,
    hashes: Vec<Hash>,
}

/// The tree in the files, looked at in the order in which it grew.
#[derive(Debug)]
pub(crate) struct Comparison {
    files: TreeFiles,
    windows: Vec<Window>,
    /// How many events the files must hold, and so are compared.
    events: u64,
}

impl Comparison {
    /// Compares the first `events` events.
    pub(crate) fn new(files: TreeFiles, events: u64) -> Self {
        Self {
            files,
            windows: (0..TILE_LEVELS).map(|_| Window::default()).collect(),
            events,
        }
    }

    /// Leaves from index `from` on, as the files hold them: some of those before index `until`.
    pub(crate) fn leaves(&self, from: u64, until: u64) -> io::Result<Vec<Hash>> {
        self.files.hashes(0, from, WINDOW_HASHES.min(until - from))
    }

    /// The root over the first `events` events, by the files.
    pub(crate) fn root(&self, events: u64) -> io::Result<Hash> {
        merkle::root(&self.files, events)
    }

    /// The first event whose hash the files lack, where they are too short.
    pub(crate) fn first_missing(&self) -> io::Result<Option<u64>> {
        for level in 0..TILE_LEVELS {
            let (hashes, _) = self.files.length(level)?;
            if hashes < hashes_at(level, self.events) {
                return Ok(Some(first_event(level, hashes)));
            }
        }
        Ok(None)
    }

    /// The level whose file holds more than a tree of `events` events has.
    pub(crate) fn overlong(&self, events: u64) -> io::Result<Option<u32>> {
        for level in 0..TILE_LEVELS {
            let (hashes, bytes) = self.files.length(level)?;
            if hashes > hashes_at(level, events) || bytes > 0 {
                return Ok(Some(level));
            }
        }
        Ok(None)
    }

    /// Whether the files hold `hash` at a place of a level. What they needn't hold yet is taken as equal.
    pub(crate) fn agrees(&mut self, level: u32, place: u64, hash: &Hash) -> io::Result<bool> {
        let held = hashes_at(level, self.events);
        if place >= held {
            return Ok(true);
        }
        let Some(window) = usize::try_from(level)
            .ok()
            .and_then(|level| self.windows.get_mut(level))
        else {
            return Ok(true);
        };
        let find = |window: &Window| {
            let at = usize::try_from(place.checked_sub(window.first)?).ok()?;
            window.hashes.get(at).copied()
        };
        if let Some(found) = find(window) {
            return Ok(found == *hash);
        }
        window.first = place;
        window.hashes = self.files.hashes(level, place, WINDOW_HASHES.min(held - place))?;
        Ok(find(window) == Some(*hash))
    }
}

/// The first event under a hash.
pub(crate) const fn first_event(level: u32, place: u64) -> u64 {
    (place << (level * super::TILE_HEIGHT)) + 1
}

/// The last event under a hash.
pub(crate) const fn last_event(level: u32, place: u64) -> u64 {
    (place + 1) << (level * super::TILE_HEIGHT)
}
