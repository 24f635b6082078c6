//! Keeping the index while the ledger is written.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::background::give_way;
use crate::error::LedgerError;
use crate::index::{IndexError, Indexer};

/// How long new events may wait: a search that can't wait asks for what is missing.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long closing waits for the index. What is missing then is made up for later.
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// How far the log is written and how far the index has followed.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Events handed to the operating system.
    pub(crate) written: AtomicU64,
    /// Events that are in the index.
    pub(crate) indexed: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Progress {
    /// Why the index no longer follows.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The right to write to the index. Given up when dropped.
#[derive(Debug)]
pub(crate) struct IndexLock(#[expect(dead_code, reason = "held open for the lock on it")] File);

impl IndexLock {
    /// Takes the lock; none when somebody else keeps the index.
    pub(crate) fn take(directory: &Path) -> Result<Option<Self>, LedgerError> {
        let path = directory.join("index.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| LedgerError::io("open", &path, &error))?;
        Ok(file.try_lock().is_ok().then_some(Self(file)))
    }
}

/// The thread that keeps the index.
#[derive(Debug)]
pub(crate) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts following. `events_before` is how many events the log held when the ledger was opened.
    pub(crate) fn start(directory: &Path, events_before: u64, progress: Arc<Progress>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (directory, stopped, told) = (PathBuf::from(directory), Arc::clone(&stop), Arc::clone(&progress));
        let started = thread::Builder::new().name("durward-index".into()).spawn(move || {
            give_way();
            report(&told, follow(&directory, events_before, &told, &stopped))
        });
        let thread = started
            .inspect_err(|error| {
                report(
                    &progress,
                    Err(LedgerError::Unavailable(error.to_string().into()).into()),
                )
            })
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of the follower is the index's loss and not the log's.
            drop(thread.join());
        }
    }
}

fn report(progress: &Progress, result: Result<(), IndexError>) {
    if let Err(error) = result {
        *progress.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }
}

fn follow(directory: &Path, events_before: u64, progress: &Progress, stop: &AtomicBool) -> Result<(), IndexError> {
    // A search may hold the lock for as long as it catches up.
    let _lock = loop {
        match IndexLock::take(directory)? {
            Some(lock) => break lock,
            None if stop.load(Ordering::Acquire) => return Ok(()),
            None => thread::park_timeout(INTERVAL),
        }
    };
    let mut indexer = Indexer::open(directory, Some(events_before))?;
    let mut stopping_since = None;
    loop {
        let stopping = stop.load(Ordering::Acquire);
        if stopping {
            stopping_since.get_or_insert_with(Instant::now);
        }
        let is_new = progress.written.load(Ordering::Acquire) > indexer.events();
        let took = is_new && indexer.step()?;
        progress.indexed.store(indexer.events(), Ordering::Release);
        let out_of_time = stopping_since.is_some_and(|since: Instant| since.elapsed() > CLOSING_MAX);
        if stopping && (!took || out_of_time) {
            return Ok(());
        }
        if !took && !stopping {
            thread::park_timeout(INTERVAL);
        } else if !stopping {
            // A busy log gives full batches; a quiet one is let gather.
            thread::park_timeout(INTERVAL / 4);
        }
    }
}
