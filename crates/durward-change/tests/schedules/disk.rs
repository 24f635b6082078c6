use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use durward_change::{Entry, Event, Recorder, Request, Store, StoreError};

/// A generator of numbers (xorshift64*): the same schedule for the same seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("small")
    }
}

/// What the next write meets.
pub(crate) mod fault {
    pub(crate) const NONE: u8 = 0;
    /// The disk refuses; the process lives on.
    pub(crate) const REFUSED: u8 = 1;
    /// The process dies before the bytes are there.
    pub(crate) const DIES_BEFORE: u8 = 2;
    /// The process dies once they are.
    pub(crate) const DIES_AFTER: u8 = 3;
    /// The record of what was done can't be written.
    pub(crate) const NO_RECORD: u8 = 4;
}

/// What outlives the process.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) entries: Arc<Mutex<Vec<Entry>>>,
    pub(crate) fault: Arc<AtomicU8>,
    pub(crate) dead: Arc<AtomicBool>,
}

impl Store for Disk {
    fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.entries.lock().expect("no panic").clone())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if self.dead.load(Ordering::Relaxed) {
            return Err(StoreError("dead".into()));
        }
        let fault = self.fault.swap(fault::NONE, Ordering::Relaxed);
        if matches!(fault, fault::NONE | fault::DIES_AFTER | fault::NO_RECORD) {
            self.entries.lock().expect("no panic").push(entry.clone());
        }
        if matches!(fault, fault::DIES_BEFORE | fault::DIES_AFTER) {
            self.dead.store(true, Ordering::Relaxed);
        }
        match fault {
            fault::NONE | fault::NO_RECORD => Ok(()),
            fault::REFUSED => Err(StoreError("disk full".into())),
            _ => Err(StoreError("dead".into())),
        }
    }

    fn replace(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        *self.entries.lock().expect("no panic") = entries.to_vec();
        Ok(())
    }

    fn is_long(&self) -> bool {
        // Now and then, so that opening writes anew.
        self.entries.lock().expect("no panic").len().is_multiple_of(7)
    }
}

impl Recorder for Disk {
    fn record(&self, _: &Request, _: &Event) -> Result<(), StoreError> {
        if self
            .fault
            .compare_exchange(fault::NO_RECORD, fault::NONE, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            return Err(StoreError("no record".into()));
        }
        Ok(())
    }
}
