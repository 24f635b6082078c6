//! What is noted of every record while a report's tables are made: whether it is what was signed, and where the period
//! begins and ends.

use crate::event::{Event, code};
use crate::index::{Extent, IndexError};
use crate::merkle::Hash;
use crate::record::{self, RecordStart};
use crate::tree::Tree;

/// Notes about the records from the first one on.
#[derive(Debug)]
pub(crate) struct Survey {
    extent: Extent,
    tree: Tree,
    last_time: u64,
    /// Events whose time is in the period, and the first and the last of them.
    pub(super) in_period: u64,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    /// How often, within the period, an event's time is before that of the event before it.
    pub(super) clock_steps_back: u64,
    /// Checkpoint events within the period.
    pub(super) checkpoints: u64,
    /// The keys that were in force, the newest last.
    pub(super) keys: Vec<String>,
    /// The notes by which they handed over.
    pub(super) key_changes: Vec<String>,
}

impl Survey {
    pub(crate) fn new(extent: Extent) -> Self {
        Self {
            extent,
            tree: Tree::default(),
            last_time: 0,
            in_period: 0,
            first: None,
            last: None,
            clock_steps_back: 0,
            checkpoints: 0,
            keys: Vec::new(),
            key_changes: Vec::new(),
        }
    }

    /// Takes note of the next record.
    pub(crate) fn see(&mut self, start: &RecordStart, bytes: &[u8]) -> Result<(), IndexError> {
        self.tree.extend([record::leaf_hash(bytes)]);
        self.tree.forget_fresh();
        let stepped_back = start.time_microseconds < self.last_time;
        self.last_time = start.time_microseconds;
        if (self.extent.from..self.extent.to).contains(&start.time_microseconds) {
            self.in_period += 1;
            self.first.get_or_insert(start.number);
            self.last = Some(start.number);
            self.clock_steps_back += u64::from(stepped_back);
            self.checkpoints += u64::from(start.code == code::CHECKPOINT);
        }
        if matches!(start.code, code::LEDGER_OPENED | code::KEY_CHANGED) {
            match record::decode(bytes)?.event {
                Event::LedgerOpened(opened) => self.key(opened.verifier_key),
                Event::KeyChanged(changed) => {
                    self.key_changes.push(changed.note);
                    self.key(changed.to);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn key(&mut self, key: String) {
        if self.keys.last() != Some(&key) {
            self.keys.push(key);
        }
    }

    /// How many records were seen.
    pub(super) const fn events(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the tree over them.
    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }
}
