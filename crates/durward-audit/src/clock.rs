//! Time, as an argument.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the ledger reads the time from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Microseconds since 1970-01-01 00:00 UTC.
    fn unix_microseconds(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_microseconds(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}
