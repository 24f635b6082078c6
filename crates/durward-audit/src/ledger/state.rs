//! What the handles and the threads of one ledger share.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::digest::DigestKey;
use crate::error::LedgerError;
use crate::event::{Checkpoint, Event, EventNumber};
use crate::index::Progress;
use crate::ledger::LedgerOptions;
use crate::ledger::rotate::KeyWish;
use crate::note::VerifierKey;
use crate::segment::{HEADER_BYTES, SegmentHeader};
use crate::store::{LedgerStore, SegmentFile};
use crate::writer::Writer;

/// Outcomes may wait in memory up to this size; an intent always takes them along.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// Events may wait for the disk and for their signature up to this number; then statements are refused.
///
/// Unit: events. Reason: 32 MiB of hashes, and 20 seconds of a disk that doesn't answer at 50,000 events a second.
const UNSIGNED_EVENTS_MAX: usize = 1_000_000;

/// Whether an event lets something happen or says what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// A statement will run because of it: refused when the disk is nearly full.
    Statement,
    /// It says what has happened: recorded as long as the disk takes it.
    Aftermath,
}

/// What changes under the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) writer: Writer,
    pub(super) file: Arc<dyn SegmentFile>,
    pub(super) segment_bytes: u64,
    /// When the first event of the segment was recorded, as far as this process knows.
    pub(super) segment_time: Option<u64>,
    /// Since when there is something that isn't on disk.
    pub(super) dirty_since: Option<Instant>,
    /// Whether somebody waits for the disk.
    pub(super) disk_wanted: bool,
    pub(super) low_space: bool,
    pub(super) closing: bool,
    pub(super) failed: Option<Arc<str>>,
    /// Events that the last checkpoint event covers.
    pub(super) checkpoint_events: u64,
    /// Events that the checkpoint file covers.
    pub(super) head_events: u64,
    /// A change of the key that the signing thread is asked for.
    pub(super) key_wish: Option<KeyWish>,
}

/// What the handles and the threads of one ledger share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Tells the flushing thread that there is work.
    pub(super) work: Condvar,
    /// Tells the signing thread that there is work.
    pub(super) signing: Condvar,
    pub(super) store: Arc<dyn LedgerStore>,
    pub(super) options: LedgerOptions,
    pub(super) ledger: [u8; 16],
    /// The public half of the key that signs now.
    pub(super) verifier: Mutex<VerifierKey>,
    pub(super) digest_key: DigestKey,
    /// Events that are on disk.
    pub(super) durable: AtomicU64,
    pub(super) broken: AtomicBool,
    /// The first event that somebody still needs here.
    pub(super) needed_from: AtomicU64,
    pub(super) waiters: Mutex<Vec<Waker>>,
    pub(super) progress: Arc<Progress>,
    /// Events in the log before this opening.
    pub(super) events_before: u64,
    /// Held as long as the ledger is open for writing.
    pub(super) lock_file: std::fs::File,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("verifier", &self.verifier())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(poisoned) => {
                // Somebody panicked while events were being encoded: what is in memory can't be trusted any more.
                let mut state = poisoned.into_inner();
                self.fail_locked(&mut state, "a thread panicked while recording");
                state
            }
        }
    }

    /// The public half of the key that signs now.
    pub(super) fn verifier(&self) -> VerifierKey {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Encodes events and hands them to the operating system, with whatever was waiting before them.
    pub(super) fn write(
        &self,
        weight: Weight,
        encode: impl FnOnce(&mut Writer, u64) -> Result<EventNumber, LedgerError>,
    ) -> Result<EventNumber, LedgerError> {
        let mut state = self.lock();
        self.admit(&state, weight)?;
        let number = self.encode(&mut state, encode)?;
        self.hand_over(&mut state)?;
        self.mark_dirty(&mut state);
        Ok(number)
    }

    /// Encodes events, and leaves them to be written with the next ones or by the flushing thread.
    pub(super) fn write_soon(
        &self,
        weight: Weight,
        encode: impl FnOnce(&mut Writer, u64) -> Result<EventNumber, LedgerError>,
    ) -> Result<EventNumber, LedgerError> {
        let mut state = self.lock();
        self.admit(&state, weight)?;
        let number = self.encode(&mut state, encode)?;
        if state.writer.pending().len() > PENDING_BYTES_MAX {
            self.hand_over(&mut state)?;
        }
        self.mark_dirty(&mut state);
        Ok(number)
    }

    fn admit(&self, state: &State, weight: Weight) -> Result<(), LedgerError> {
        if let Some(reason) = &state.failed {
            return Err(LedgerError::Unavailable(Arc::clone(reason)));
        }
        if state.closing {
            return Err(LedgerError::Closed);
        }
        if state.low_space && weight == Weight::Statement {
            return Err(LedgerError::LowSpace {
                bytes_min: self.options.free_bytes_min,
            });
        }
        if weight == Weight::Statement && state.writer.leaves() > UNSIGNED_EVENTS_MAX {
            return Err(LedgerError::Behind);
        }
        Ok(())
    }

    pub(super) fn encode(
        &self,
        state: &mut State,
        encode: impl FnOnce(&mut Writer, u64) -> Result<EventNumber, LedgerError>,
    ) -> Result<EventNumber, LedgerError> {
        let mark = state.writer.mark();
        // The time is read under the lock, so that times are in the order of the numbers as long as the clock is.
        let time = self.options.clock.unix_microseconds();
        let number = encode(&mut state.writer, time).inspect_err(|_| state.writer.return_to(mark))?;
        state.segment_time.get_or_insert(time);
        Ok(number)
    }

    /// Writes what is pending, and begins the next segment when this one is full.
    pub(super) fn hand_over(&self, state: &mut State) -> Result<(), LedgerError> {
        if let Some(reason) = &state.failed {
            // What a failed write left may be half a record: nothing may come after it.
            return Err(LedgerError::Unavailable(Arc::clone(reason)));
        }
        let pending = state.writer.pending();
        if pending.is_empty() {
            return Ok(());
        }
        let bytes = u64::try_from(pending.len()).unwrap_or(u64::MAX);
        if let Err(error) = state.file.append(pending) {
            return Err(self.fail_locked(state, &format!("a write failed: {error}")));
        }
        state.writer.clear_pending();
        state.segment_bytes = state.segment_bytes.saturating_add(bytes);
        self.progress.written.store(state.writer.events(), Ordering::Release);
        if state.segment_bytes > self.options.segment_bytes_max {
            self.begin_segment(state)?;
        }
        Ok(())
    }

    /// Begins the next segment where the first event of this one is older than `age_max`.
    pub(super) fn begin_segment_after(&self, age_max: Duration) -> Result<(), LedgerError> {
        let mut state = self.lock();
        self.admit(&state, Weight::Aftermath)?;
        let now = self.options.clock.unix_microseconds();
        let age_max = u64::try_from(age_max.as_micros()).unwrap_or(u64::MAX);
        let is_old = state
            .segment_time
            .is_some_and(|first| now.saturating_sub(first) > age_max);
        if !is_old {
            return Ok(());
        }
        self.hand_over(&mut state)?;
        // Handing over may have begun one.
        if state.segment_time.is_some() {
            self.begin_segment(&mut state)?;
        }
        Ok(())
    }

    fn begin_segment(&self, state: &mut State) -> Result<(), LedgerError> {
        let header = SegmentHeader {
            ledger: self.ledger,
            segment: state.writer.segment() + 1,
            first_event: state.writer.events() + 1,
        };
        let next = state
            .file
            .sync()
            .and_then(|()| self.store.create_segment(header.segment, &header.encode()));
        match next {
            Ok(file) => {
                state.file = file;
                state.segment_bytes = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
                state.segment_time = None;
                state.writer.begin_segment();
                Ok(())
            }
            Err(error) => Err(self.fail_locked(state, &format!("beginning a segment failed: {error}"))),
        }
    }

    fn mark_dirty(&self, state: &mut State) {
        if state.dirty_since.is_none() {
            state.dirty_since = Some(Instant::now());
            self.work.notify_one();
        }
    }

    /// Asks for everything to be flushed at once.
    pub(super) fn ask_for_disk(&self) {
        let mut state = self.lock();
        if !state.disk_wanted {
            state.disk_wanted = true;
            self.work.notify_one();
        }
    }

    pub(super) fn ask_to_close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.signing.notify_one();
    }

    /// Appends a checkpoint event that carries `note`.
    pub(super) fn append_checkpoint(
        &self,
        state: &mut State,
        events: u64,
        note: String,
        closing: bool,
    ) -> Result<(), LedgerError> {
        let event = Event::Checkpoint(Checkpoint { events, note, closing });
        self.encode(state, |writer, time| writer.append_event(time, &event))?;
        state.checkpoint_events = state.writer.events();
        self.hand_over(state)?;
        self.mark_dirty(state);
        Ok(())
    }

    pub(super) fn fail(&self, reason: &str) {
        let mut state = self.lock();
        self.fail_locked(&mut state, reason);
    }

    /// Ends recording for good, and tells everybody who waits.
    pub(super) fn fail_locked(&self, state: &mut State, reason: &str) -> LedgerError {
        let reason = Arc::clone(state.failed.get_or_insert_with(|| Arc::from(reason)));
        self.broken.store(true, Ordering::Release);
        self.wake_waiters();
        self.work.notify_one();
        self.signing.notify_one();
        LedgerError::Unavailable(reason)
    }

    /// Puts everything that was handed over on disk.
    pub(super) fn flush_locked(&self, state: &mut State) -> Result<(), LedgerError> {
        if let Some(reason) = &state.failed {
            return Err(LedgerError::Unavailable(Arc::clone(reason)));
        }
        if let Err(error) = state.file.sync() {
            return Err(self.fail_locked(state, &format!("a flush failed: {error}")));
        }
        self.durable.store(state.writer.events(), Ordering::Release);
        Ok(())
    }

    pub(super) fn wake_waiters(&self) {
        let waiters = std::mem::take(&mut *self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
        for waiter in waiters {
            waiter.wake();
        }
    }
}
