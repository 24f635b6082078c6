//! The thread that flushes for everybody at once, signs the head and watches the disk's space.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::LedgerError;
use crate::ledger::state::{Shared, State};

/// What nobody waits for is flushed at least this often: so much of reads' intents the machine's death may take.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);
/// After so many events the head is signed, however soon that is.
const CHECKPOINT_EVENTS: u64 = 1_000;
/// How often the disk's free space is looked at.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>, LedgerError> {
    thread::Builder::new()
        .name("durward-ledger".into())
        .spawn(move || {
            let _guard = TellIfPanicking(Arc::clone(&shared));
            Flusher::new(shared).run();
        })
        .map_err(|error| LedgerError::Unavailable(format!("no thread to flush with: {error}").into()))
}

/// Nobody may wait for a thread that is gone.
struct TellIfPanicking(Arc<Shared>);

impl Drop for TellIfPanicking {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("the thread that flushes has panicked");
        }
    }
}

struct Flusher {
    shared: Arc<Shared>,
    head_written: Instant,
    space_checked: Instant,
}

impl Flusher {
    fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            head_written: now,
            space_checked: now,
        }
    }

    fn run(mut self) {
        loop {
            let closing = self.wait_for_work();
            let flushed = if closing { self.close() } else { self.pass() };
            if closing || flushed.is_err() {
                return;
            }
        }
    }

    /// Returns when there is something to do; true when it is the last time.
    fn wait_for_work(&self) -> bool {
        let mut state = self.shared.lock();
        loop {
            if state.closing || state.failed.is_some() {
                return true;
            }
            let now = Instant::now();
            let due = self.due(&state);
            let Some(wait) = due.checked_duration_since(now).filter(|wait| !wait.is_zero()) else {
                return false;
            };
            state = self.wait(state, wait);
        }
    }

    fn due(&self, state: &State) -> Instant {
        let mut due = self.space_checked + SPACE_INTERVAL;
        if state.disk_wanted {
            return self.space_checked;
        }
        if let Some(since) = state.dirty_since {
            due = due.min(since + FLUSH_INTERVAL);
        }
        if state.head_events < state.writer.events() {
            due = due.min(self.head_written + self.shared.options.checkpoint_interval);
        }
        due
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, wait: Duration) -> MutexGuard<'a, State> {
        self.shared
            .work
            .wait_timeout(state, wait)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn pass(&mut self) -> Result<(), LedgerError> {
        let (note, covered_before, checkpoint_only) = {
            let mut state = self.shared.lock();
            state.disk_wanted = false;
            state.dirty_since = None;
            self.shared.hand_over(&mut state)?;
            let note = self.shared.note(&state);
            (note, state.head_events, state.checkpoint_events == note.events)
        };
        self.flush(note.events)?;
        self.look_at_space();
        let uncovered = note.events.saturating_sub(covered_before);
        let head_due = self.head_written.elapsed() >= self.shared.options.checkpoint_interval;
        if uncovered == 0 || !(head_due || uncovered >= CHECKPOINT_EVENTS) {
            return Ok(());
        }
        let signed = note.sign(&self.shared.signing_key);
        self.write_head(note.events, &signed)?;
        if checkpoint_only {
            // Nothing but the last checkpoint is new: another would never end.
            return Ok(());
        }
        let mut state = self.shared.lock();
        self.shared.append_checkpoint(&mut state, note.events, signed, false)
    }

    fn close(&mut self) -> Result<(), LedgerError> {
        let note = {
            let mut state = self.shared.lock();
            if state.failed.is_some() {
                return Ok(());
            }
            self.shared.hand_over(&mut state)?;
            let before = self.shared.note(&state);
            let signed = before.sign(&self.shared.signing_key);
            self.shared.append_checkpoint(&mut state, before.events, signed, true)?;
            self.shared.note(&state)
        };
        self.flush(note.events)?;
        self.write_head(note.events, &note.sign(&self.shared.signing_key))
    }

    /// Puts the first `events` events on disk. They have all been handed over.
    fn flush(&self, events: u64) -> Result<(), LedgerError> {
        if self.shared.durable.load(Ordering::Acquire) >= events {
            return Ok(());
        }
        // Earlier segments were flushed before this one was begun.
        let file = Arc::clone(&self.shared.lock().file);
        if let Err(error) = file.sync() {
            let mut state = self.shared.lock();
            return Err(self.shared.fail_locked(&mut state, &format!("a flush failed: {error}")));
        }
        self.shared.durable.store(events, Ordering::Release);
        self.shared.wake_waiters();
        Ok(())
    }

    fn write_head(&mut self, events: u64, signed: &str) -> Result<(), LedgerError> {
        if let Err(error) = self.shared.store.write_head(signed) {
            let mut state = self.shared.lock();
            return Err(self
                .shared
                .fail_locked(&mut state, &format!("signing the head failed: {error}")));
        }
        self.head_written = Instant::now();
        self.shared.lock().head_events = events;
        Ok(())
    }

    fn look_at_space(&mut self) {
        if self.space_checked.elapsed() < SPACE_INTERVAL {
            return;
        }
        self.space_checked = Instant::now();
        // A disk that can't be asked is treated as full: statements wait until it answers.
        let low = self
            .shared
            .store
            .free_bytes()
            .map_or(true, |free| free < self.shared.options.free_bytes_min);
        self.shared.lock().low_space = low;
    }
}
