use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};

use crate::AnalysisError;

type Job = Box<dyn FnOnce() + Send>;

/// Threads with big stacks, on which trees are made, walked and dropped.
#[derive(Debug)]
pub(crate) struct ParserThreads {
    jobs: mpsc::Sender<Job>,
}

impl ParserThreads {
    /// Starts the threads; they end once this is dropped.
    pub(crate) fn start(count: usize, stack_bytes: usize, queue_length_max: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>(queue_length_max);
        let queue = Arc::new(Mutex::new(queue));
        for number in 1..=count.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("parser-{number}"))
                .stack_size(stack_bytes)
                .spawn(move || serve(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Runs `work` on one of the threads. Waits for a place in the queue. Cancel safe: yes; the work ends by itself.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, AnalysisError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            // Nobody waits any more: the client has gone.
            drop(reply.send(result.map_err(drop)));
        });
        let gone = |what: &str| AnalysisError::Unavailable(what.into());
        self.jobs.send(job).await.map_err(|_| gone("its threads have ended"))?;
        match answer.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(())) => Err(gone("it failed on this text")),
            Err(_) => Err(gone("its thread has ended")),
        }
    }
}

fn serve(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // One thread waits for the next job while holding the lock; the others wait for the lock.
        let job = match queue.lock() {
            Ok(mut queue) => queue.blocking_recv(),
            Err(_) => return,
        };
        match job {
            Some(job) => job(),
            None => return,
        }
    }
}
