//! Counters of what sessions do, summed when somebody asks.
//!
//! Each thread that sessions live on counts for itself, so that no two processors write to one cache line, and nothing is
//! locked while statements run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use durward_model::StatementClass;

/// The classes of statements, in the order of their counters.
pub const CLASSES: [StatementClass; 8] = [
    StatementClass::Transaction,
    StatementClass::Session,
    StatementClass::Read,
    StatementClass::Write,
    StatementClass::Maintenance,
    StatementClass::Ddl,
    StatementClass::Privilege,
    StatementClass::Unknown,
];

/// Upper bounds of the overhead's buckets, in microseconds; what is longer goes into one more.
pub const OVERHEAD_BOUNDS: [u64; 14] = [
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
];

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Permitted and forwarded.
    Permitted,
    /// Refused.
    Refused,
}

/// The counters of one thread. Padded by their size: no two share a cache line.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    statements: [[AtomicU64; CLASSES.len()]; 2],
    overhead: [AtomicU64; OVERHEAD_BOUNDS.len() + 1],
    overhead_nanoseconds: AtomicU64,
    held: AtomicU64,
    masked_cells: AtomicU64,
    upstream_errors: AtomicU64,
    logins: AtomicU64,
    logins_refused: AtomicU64,
}

/// The sums over all threads at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Statements that were permitted and run, by class as in [`CLASSES`].
    pub permitted: [u64; CLASSES.len()],
    /// Statements that were refused, by class as in [`CLASSES`].
    pub refused: [u64; CLASSES.len()],
    /// Messages by how long they were in the gateway before they were forwarded or refused: each bucket's own count.
    pub overhead: [u64; OVERHEAD_BOUNDS.len() + 1],
    /// The sum of those times.
    pub overhead_nanoseconds: u64,
    /// Statements that were held for approval.
    pub held: u64,
    /// Cells that were masked on their way out.
    pub masked_cells: u64,
    /// Errors by which the server answered statements.
    pub upstream_errors: u64,
    /// Sessions that were started.
    pub logins: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
}

/// All counters of a gateway.
#[derive(Debug, Default)]
pub struct Metrics {
    threads: Mutex<Vec<(ThreadId, Arc<Counters>)>>,
}

impl Metrics {
    /// The counters of the calling thread. For the start of a session, not for each statement.
    pub(crate) fn here(&self) -> Arc<Counters> {
        let own = thread::current().id();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counters)) = threads.iter().find(|(thread, _)| *thread == own) {
            return Arc::clone(counters);
        }
        let counters = Arc::new(Counters::default());
        threads.push((own, Arc::clone(&counters)));
        counters
    }

    /// The sums of all counters.
    pub fn totals(&self) -> Totals {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = Totals::default();
        for (_, counters) in threads.iter() {
            let [permitted, refused] = &counters.statements;
            add(&mut totals.permitted, permitted);
            add(&mut totals.refused, refused);
            add(&mut totals.overhead, &counters.overhead);
            for (total, counter) in [
                (&mut totals.overhead_nanoseconds, &counters.overhead_nanoseconds),
                (&mut totals.held, &counters.held),
                (&mut totals.masked_cells, &counters.masked_cells),
                (&mut totals.upstream_errors, &counters.upstream_errors),
                (&mut totals.logins, &counters.logins),
                (&mut totals.logins_refused, &counters.logins_refused),
            ] {
                *total += counter.load(Ordering::Relaxed);
            }
        }
        totals
    }
}

fn add(totals: &mut [u64], counters: &[AtomicU64]) {
    for (total, counter) in totals.iter_mut().zip(counters) {
        *total += counter.load(Ordering::Relaxed);
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    /// A statement was decided on.
    pub(crate) fn statement(&self, class: StatementClass, verdict: Counted) {
        let [permitted, refused] = &self.statements;
        let counters = match verdict {
            Counted::Permitted => permitted,
            Counted::Refused => refused,
        };
        let place = CLASSES.iter().position(|known| *known == class);
        if let Some(counter) = place.and_then(|place| counters.get(place)) {
            count(counter, 1);
        }
    }

    /// A message was in the gateway for so long.
    pub(crate) fn overhead(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = OVERHEAD_BOUNDS.partition_point(|bound| *bound < microseconds);
        if let Some(counter) = self.overhead.get(bucket) {
            count(counter, 1);
        }
        count(
            &self.overhead_nanoseconds,
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        );
    }

    /// A statement waits for approval.
    pub(crate) fn held(&self) {
        count(&self.held, 1);
    }

    /// Cells were masked.
    pub(crate) fn masked(&self, cells: u64) {
        count(&self.masked_cells, cells);
    }

    /// The server answered a statement with an error.
    pub(crate) fn upstream_error(&self) {
        count(&self.upstream_errors, 1);
    }

    /// Somebody logged in.
    pub(crate) fn login(&self) {
        count(&self.logins, 1);
    }

    /// A login was refused.
    pub(crate) fn login_refused(&self) {
        count(&self.logins_refused, 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use durward_model::StatementClass;

    use super::{Counted, Metrics, OVERHEAD_BOUNDS, Totals};

    #[test]
    fn threads_count_for_themselves_and_are_summed() {
        let metrics = Arc::new(Metrics::default());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let metrics = Arc::clone(&metrics);
                std::thread::spawn(move || {
                    for _ in 0..1_000 {
                        metrics.here().statement(StatementClass::Read, Counted::Permitted);
                        metrics.here().statement(StatementClass::Unknown, Counted::Refused);
                        metrics.here().masked(3);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread");
        }
        let totals = metrics.totals();
        assert_eq!(totals.permitted, [0, 0, 4_000, 0, 0, 0, 0, 0]);
        assert_eq!(totals.refused, [0, 0, 0, 0, 0, 0, 0, 4_000]);
        assert_eq!(totals.masked_cells, 12_000);
    }

    #[test]
    fn times_go_into_the_first_bucket_that_holds_them() {
        let metrics = Metrics::default();
        for microseconds in [0, 25, 26, 1_000_000, 1_000_001] {
            metrics.here().overhead(Duration::from_micros(microseconds));
        }
        let mut overhead = [0; OVERHEAD_BOUNDS.len() + 1];
        (overhead[0], overhead[1], overhead[13], overhead[14]) = (2, 1, 1, 1);
        let expected = Totals {
            overhead,
            overhead_nanoseconds: 2_000_052_000,
            ..Totals::default()
        };
        assert_eq!(metrics.totals(), expected);
    }
}
