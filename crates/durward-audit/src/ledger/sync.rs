//! The thread that flushes for everybody at once, and watches the disk's space.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::LedgerError;
use crate::ledger::state::{Shared, State};

/// What nobody waits for is flushed at least this often: so much of reads' intents the machine's death may take.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);
/// How often the disk's free space is looked at.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>, LedgerError> {
    thread::Builder::new()
        .name("durward-ledger".into())
        .spawn(move || {
            let _guard = TellIfPanicking(Arc::clone(&shared), "the thread that flushes has panicked");
            Flusher::new(shared).run();
        })
        .map_err(|error| LedgerError::Unavailable(format!("no thread to flush with: {error}").into()))
}

/// Nobody may wait for a thread that is gone.
pub(super) struct TellIfPanicking(pub(super) Arc<Shared>, pub(super) &'static str);

impl Drop for TellIfPanicking {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(self.1);
        }
    }
}

struct Flusher {
    shared: Arc<Shared>,
    space_checked: Instant,
}

impl Flusher {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            space_checked: Instant::now(),
        }
    }

    fn run(mut self) {
        loop {
            let closing = self.wait_for_work();
            let flushed = self.pass();
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
        let (events, file) = {
            let mut state = self.shared.lock();
            if let Some(reason) = &state.failed {
                return Err(LedgerError::Unavailable(Arc::clone(reason)));
            }
            state.disk_wanted = false;
            state.dirty_since = None;
            self.shared.hand_over(&mut state)?;
            // Earlier segments were flushed before this one was begun.
            (state.writer.events(), Arc::clone(&state.file))
        };
        if self.shared.durable.load(Ordering::Acquire) < events {
            if let Err(error) = file.sync() {
                let mut state = self.shared.lock();
                return Err(self.shared.fail_locked(&mut state, &format!("a flush failed: {error}")));
            }
            self.shared.durable.store(events, Ordering::Release);
            self.shared.wake_waiters();
            self.shared.signing.notify_one();
        }
        self.look_at_space();
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
