//! The threads that sessions live on, each with a runtime of its own: a session stays where it began, so that nothing
//! that wakes it crosses from one processor to another.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use crate::limits::SESSIONS_TOGETHER;

/// Where sessions run. The threads end with it, and with them whatever still runs there.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    /// Closing it ends the threads.
    _alive: watch::Sender<()>,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    tasks: Arc<AtomicUsize>,
}

/// Counts a task for as long as it exists.
struct Counted(Arc<AtomicUsize>);

impl Workers {
    /// Starts a thread for each processor.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (alive, watched) = watch::channel(());
        let workers = (0..count)
            .map(|number| Worker::start(number, watched.clone()))
            .collect::<io::Result<_>>()?;
        Ok(Self { workers, _alive: alive })
    }

    /// Lets sessions run where the caller does.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn here() -> Self {
        let worker = Worker {
            runtime: Handle::current(),
            tasks: Arc::default(),
        };
        Self {
            workers: vec![worker],
            _alive: watch::channel(()).0,
        }
    }

    /// Runs `task` on the thread that has the fewest, give or take [`SESSIONS_TOGETHER`].
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let idlest = self
            .workers
            .iter()
            .min_by_key(|worker| worker.tasks.load(Ordering::Relaxed) / SESSIONS_TOGETHER);
        // INVARIANT: there is at least one.
        if let Some(worker) = idlest {
            let counted = Counted::new(&worker.tasks);
            worker.runtime.spawn(async move {
                let _counted = counted;
                task.await;
            });
        }
    }
}

impl Worker {
    fn start(number: usize, mut alive: watch::Receiver<()>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name(format!("sessions-{number}"))
            .spawn(move || {
                runtime.block_on(async { while alive.changed().await.is_ok() {} });
            })?;
        Ok(Self {
            runtime: handle,
            tasks: Arc::default(),
        })
    }
}

impl Counted {
    fn new(tasks: &Arc<AtomicUsize>) -> Self {
        tasks.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(tasks))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::thread;

    use tokio::sync::{mpsc, watch};

    use super::{SESSIONS_TOGETHER, Workers};

    #[tokio::test]
    async fn tasks_are_spread_evenly_over_the_threads() {
        let workers = Workers::start().unwrap();
        let threads = workers.workers.len();
        let (told, mut hear) = mpsc::unbounded_channel();
        let (release, released) = watch::channel(false);
        for _ in 0..threads * SESSIONS_TOGETHER * 2 {
            let (told, mut released) = (told.clone(), released.clone());
            workers.spawn(async move {
                told.send(thread::current().id()).unwrap();
                released.wait_for(|released| *released).await.unwrap();
            });
        }
        let mut tasks: HashMap<thread::ThreadId, usize> = HashMap::new();
        for _ in 0..threads * SESSIONS_TOGETHER * 2 {
            *tasks.entry(hear.recv().await.unwrap()).or_default() += 1;
        }
        release.send_replace(true);
        assert_eq!(tasks.len(), threads);
        assert!(tasks.values().all(|&count| count == SESSIONS_TOGETHER * 2), "{tasks:?}");
    }
}
