//! The ledger: the only maker of a [`Recorded`].

mod durable;
mod open;
mod rotate;
mod sign;
mod state;
mod sync;
mod tail;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ed25519_dalek::SigningKey;

use crate::clock::{Clock, SystemClock};
use crate::digest::KeyedDigest;
use crate::error::LedgerError;
use crate::event::{Event, EventNumber, KeyChanged, StatementOutcome};
use crate::index;
use crate::intent::{Durability, Recorded, StatementIntentInput, StatementRefusedInput};
use crate::ledger::durable::DurableAt;
use crate::ledger::sign::Signer;
use crate::ledger::state::{Shared, Weight};
use crate::note::VerifierKey;
use crate::store::{DiskStore, LedgerStore};
use crate::writer::Writer;

pub(crate) use open::{check_version, make_directory};

/// How a ledger is kept. The defaults are the design's.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// A segment that has grown past this is closed, and the next begun.
    pub segment_bytes_max: u64,
    /// Below this much free space, statements are refused while what must still be said can be.
    pub free_bytes_min: u64,
    /// While there is something new, a checkpoint is signed at least this often.
    pub checkpoint_interval: Duration,
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
            checkpoint_interval: Duration::from_secs(1),
            index: true,
            clock: Arc::new(SystemClock),
        }
    }
}

/// The ledger's state in numbers.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct LedgerStatus {
    /// Events recorded, in total.
    pub events: u64,
    /// Of those, how many are known to be on disk.
    pub durable_events: u64,
    /// Of those, how many the last checkpoint covers.
    pub signed_events: u64,
    /// How many the index lacks.
    pub index_lag_events: u64,
    /// Why the index no longer follows; it can be rebuilt.
    pub index_failed: Option<String>,
    /// Whether statements are refused because the disk is nearly full.
    pub low_space: bool,
    /// Why the ledger no longer records.
    pub failed: Option<String>,
}

/// An open ledger: a handle that is cheap to clone. The last one to go closes the ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    owner: Arc<Owner>,
}

/// Ends the threads with the last handle.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    directory: PathBuf,
    sync: Mutex<Option<JoinHandle<()>>>,
    sign: Mutex<Option<JoinHandle<Signer>>>,
    index: Mutex<Option<index::Follower>>,
}

impl Ledger {
    /// Opens the ledger in `directory` for writing, creating it with new keys where there is none.
    ///
    /// An incomplete last record, as a crash leaves it, is set aside and said so in the record; any other damage
    /// refuses.
    pub fn open(directory: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        Self::open_on(directory, options, |disk| Arc::new(disk))
    }

    /// Opens the ledger with its writes going through what `wrap` makes of the disk.
    pub(crate) fn open_on(
        directory: &Path,
        options: LedgerOptions,
        wrap: impl FnOnce(DiskStore) -> Arc<dyn LedgerStore>,
    ) -> Result<Self, LedgerError> {
        let keep_index = options.index;
        let (shared, signer) = open::open(directory, options, wrap)?;
        let sync = sync::start(Arc::clone(&shared))?;
        let sign = sign::start(signer)?;
        let index =
            keep_index.then(|| index::Follower::start(directory, shared.events_before, Arc::clone(&shared.progress)));
        Ok(Self {
            owner: Arc::new(Owner {
                shared,
                directory: directory.into(),
                sync: Mutex::new(Some(sync)),
                sign: Mutex::new(Some(sign)),
                index: Mutex::new(index),
            }),
        })
    }

    /// Where the ledger is.
    pub fn directory(&self) -> &Path {
        &self.owner.directory
    }

    /// The public half of the key that signs checkpoints.
    pub fn verifier_key(&self) -> VerifierKey {
        self.owner.shared.verifier()
    }

    /// Digest of client bytes under the ledger's secret.
    pub fn keyed_digest(&self, bytes: &[u8]) -> KeyedDigest {
        self.owner.shared.digest_key.digest(bytes)
    }

    /// Records an event that stands for itself. On return it survives the death of the process.
    pub fn record(&self, event: &Event) -> Result<EventNumber, LedgerError> {
        self.owner
            .shared
            .write(Weight::Aftermath, |writer, time| writer.append_event(time, event))
    }

    /// Records an event, and tells its time too.
    pub(crate) fn record_at(&self, event: &Event) -> Result<(EventNumber, u64), LedgerError> {
        let mut at = 0;
        let number = self.owner.shared.write(Weight::Aftermath, |writer, time| {
            at = time;
            writer.append_event(time, event)
        })?;
        Ok((number, at))
    }

    /// The ledger's id.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.owner.shared.ledger
    }

    /// The time by the ledger's clock, in microseconds since 1970-01-01 00:00 UTC.
    pub(crate) fn now(&self) -> u64 {
        self.owner.shared.options.clock.unix_microseconds()
    }

    /// How many events the index has taken in; none where none is kept.
    pub(crate) fn indexed_events(&self) -> Option<u64> {
        let shared = &self.owner.shared;
        shared
            .options
            .index
            .then(|| shared.progress.indexed.load(Ordering::Acquire))
    }

    /// Events from this one on are still needed here, however old they are: they don't leave the ledger.
    pub fn keep_from(&self, event: u64) {
        self.owner.shared.needed_from.store(event, Ordering::Release);
    }

    /// The first event that is still needed here.
    pub(crate) fn needed_from(&self) -> u64 {
        self.owner.shared.needed_from.load(Ordering::Acquire)
    }

    /// Begins the next segment where the first event of this one is older than `age_max`.
    pub(crate) fn begin_segment_after(&self, age_max: Option<Duration>) -> Result<(), LedgerError> {
        match age_max {
            Some(age_max) => self.owner.shared.begin_segment_after(age_max),
            None => Ok(()),
        }
    }

    /// Records the intent of one statement, and turns its permit into a [`Recorded`].
    ///
    /// The future waits with [`Durability::Disk`] alone. Cancel safe: yes (the intent may then stand without an
    /// outcome, and the permit is gone).
    pub async fn record_intent<P>(
        &self,
        permit: P,
        intent: &StatementIntentInput<'_>,
        durability: Durability,
    ) -> Result<Recorded<P>, LedgerError> {
        let append = |writer: &mut Writer, time| writer.append_intent(time, intent);
        let number = self.intend(durability, append).await?;
        Ok(Recorded::new(permit, number))
    }

    /// Records the intents of the statements of one message in one write: all or none.
    ///
    /// Cancel safe: yes, as [`Ledger::record_intent`].
    pub async fn record_intents<P>(
        &self,
        permitted: Vec<(P, StatementIntentInput<'_>)>,
        durability: Durability,
    ) -> Result<Recorded<Vec<P>>, LedgerError> {
        let append = |writer: &mut Writer, time| {
            let mut last = EventNumber(writer.events());
            for (_, intent) in &permitted {
                last = writer.append_intent(time, intent)?;
            }
            Ok(last)
        };
        let number = self.intend(durability, append).await?;
        let permits = permitted.into_iter().map(|(permit, _)| permit).collect();
        Ok(Recorded::new(permits, number))
    }

    async fn intend(
        &self,
        durability: Durability,
        append: impl FnOnce(&mut Writer, u64) -> Result<EventNumber, LedgerError>,
    ) -> Result<EventNumber, LedgerError> {
        let shared = &self.owner.shared;
        match durability {
            Durability::Soon => shared.write_soon(Weight::Statement, append),
            Durability::Process => shared.write(Weight::Statement, append),
            Durability::Disk => {
                let number = shared.write(Weight::Statement, append)?;
                DurableAt::new(Arc::clone(shared), number).await?;
                Ok(number)
            }
        }
    }

    /// Records that a statement was refused. On return it survives the death of the process.
    pub fn record_refusal(&self, refused: &StatementRefusedInput<'_>) -> Result<EventNumber, LedgerError> {
        self.owner
            .shared
            .write(Weight::Aftermath, |writer, time| writer.append_refusal(time, refused))
    }

    /// Records how a statement ended: written with the next event, or within 50 ms.
    pub fn record_outcome(&self, outcome: &StatementOutcome) -> Result<EventNumber, LedgerError> {
        self.owner
            .shared
            .write_soon(Weight::Aftermath, |writer, time| writer.append_outcome(time, outcome))
    }

    /// Waits until everything recorded so far is on disk. Cancel safe: yes.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let shared = &self.owner.shared;
        let number = shared.write(Weight::Aftermath, |writer, _| Ok(EventNumber(writer.events())))?;
        DurableAt::new(Arc::clone(shared), number).await
    }

    /// The ledger's state in numbers.
    pub fn status(&self) -> LedgerStatus {
        let shared = &self.owner.shared;
        let progress = &shared.progress;
        let written = progress.written.load(Ordering::Acquire);
        let state = shared.lock();
        LedgerStatus {
            events: state.writer.events(),
            durable_events: shared.durable.load(Ordering::Acquire),
            signed_events: state.head_events,
            index_lag_events: written.saturating_sub(progress.indexed.load(Ordering::Acquire)),
            index_failed: progress.failure(),
            low_space: state.low_space,
            failed: state.failed.as_ref().map(ToString::to_string),
        }
    }

    /// Writes what is outstanding, signs it and refuses whatever comes later.
    pub fn close(&self) -> Result<(), LedgerError> {
        self.owner.close()
    }
}

impl Owner {
    fn close(&self) -> Result<(), LedgerError> {
        self.close_with(None, || Ok(()))
    }

    /// Closes with a change of the key as the last event, and runs `finish` while nobody else can open the ledger.
    fn close_with(
        &self,
        change: Option<(&SigningKey, KeyChanged)>,
        finish: impl FnOnce() -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        self.shared.ask_to_close();
        if let Some(thread) = self.sync.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has said so.
            drop(thread.join());
        }
        let signer = self.sign.lock().unwrap_or_else(PoisonError::into_inner).take();
        let signer = signer.and_then(|thread| thread.join().ok());
        let closed = match signer {
            Some(signer) => signer.close(change).and_then(|()| finish()),
            None => Ok(()),
        };
        drop(self.index.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Nothing is written from here on, so another process may.
        let unlocked = self.shared.lock_file.unlock();
        closed?;
        match self.shared.lock().failed.clone() {
            Some(reason) => Err(LedgerError::Unavailable(reason)),
            None => unlocked.map_err(|error| LedgerError::io("unlock", &self.directory, &error)),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A failure is in the status and on every later open; there is nobody left to tell here.
        drop(self.close());
    }
}

#[cfg(test)]
mod tests;
