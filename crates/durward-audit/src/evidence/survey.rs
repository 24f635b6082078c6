//! What is noted of every record while a report's tables are made: whether it is what was signed, and where the period
//! begins and ends.

use crate::error::LedgerError;
use crate::event::{Event, KeyInForce, code};
use crate::index::{Extent, IndexError};
use crate::layout::Layout;
use crate::merkle::Hash;
use crate::record::{self, RecordStart};
use crate::retain::Retired;
use crate::tail;
use crate::tree::{Tree, TreeFiles};

/// Notes about the records from the first one on.
#[derive(Debug)]
pub(crate) struct Survey {
    extent: Extent,
    tree: Tree,
    /// The first event that is at hand.
    pub(super) first_event: u64,
    /// When the ledger's first event was recorded, where that has left.
    pub(super) first_time: Option<u64>,
    retired: Option<Retired>,
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
    /// Begins at the first event that is at hand. What has left before it stands in the tree by its hashes.
    pub(crate) fn new(extent: Extent, layout: &Layout) -> Result<Self, LedgerError> {
        let first_event = tail::first_event(layout)?;
        let retired = Retired::read(layout)?;
        let tree = if first_event == 1 {
            Tree::default()
        } else {
            TreeFiles::open(&layout.tree())
                .and_then(|files| Tree::restore(&files, first_event - 1))
                .map_err(|error| LedgerError::io("read", layout.tree(), &error))?
        };
        let before: Vec<&KeyInForce> = retired
            .iter()
            .flat_map(|retired| retired.keys_until(first_event - 1))
            .collect();
        Ok(Self {
            extent,
            keys: before.iter().map(|key| key.key.clone()).collect(),
            key_changes: before.iter().filter_map(|key| key.note.clone()).collect(),
            tree,
            first_event,
            first_time: retired.as_ref().map(|retired| retired.body.first_time),
            retired,
            last_time: 0,
            in_period: 0,
            first: None,
            last: None,
            clock_steps_back: 0,
            checkpoints: 0,
        })
    }

    /// Takes note of the next record.
    pub(crate) fn see(&mut self, start: &RecordStart, bytes: &[u8]) -> Result<(), IndexError> {
        self.tree.extend([record::leaf_hash(bytes)]);
        self.tree.forget_fresh();
        let retired = self.retired.as_ref().filter(|retired| retired.number == start.number);
        if retired.is_some_and(|retired| retired.record != bytes) {
            let other = "the file `retired` is not what was recorded";
            return Err(LedgerError::Damaged(other.into()).into());
        }
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
