//! The catalog of one database, read over a connection of the gateway's own and shared by all its sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use durward_model::sqlstate;
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::{
    BEGIN_READING, CatalogError, CatalogPart, CatalogReading, CatalogScope, END_READING, change_probe_sql,
};
use tokio::sync::Mutex;

use crate::upstream::{Target, UpstreamConnection, UpstreamError};

/// How long one read of the catalog may take.
///
/// Unit: seconds. Reason: 50,000 tables take a few seconds; longer means that a lock is in the way.
const READ_SECONDS_MAX: u64 = 30;

/// How often a read is begun again that met a lock all the same.
///
/// Unit: reads. Reason: each waits for the lock timeout of the gateway's own connections once.
const READ_ATTEMPTS_MAX: u32 = 5;

/// Numbers snapshots over all databases: cached analyses are keyed by it.
static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);

/// One row of an answer in text format.
pub(crate) type TextRow = Vec<Option<Bytes>>;

/// Why the catalog can't be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogSourceError {
    /// The server can't be reached or refuses.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The answer has another shape than the query.
    #[error("the catalog's answer can't be read: {0}")]
    Answer(#[from] CatalogError),
    /// The server hangs, or the catalog is very large.
    #[error("reading the catalog took longer than {READ_SECONDS_MAX} seconds")]
    TimedOut,
}

/// Reads the catalog, watches it for changes that go round the gateway, and hands out snapshots.
#[derive(Debug)]
pub struct CatalogSource {
    target: Target,
    snapshot: ArcSwapOption<CatalogSnapshot>,
    /// How many times sessions have changed the catalog.
    changes: AtomicU64,
    /// How many of those changes the snapshot is sure to show.
    covered: AtomicU64,
    reader: Mutex<Reader>,
}

#[derive(Debug, Default)]
struct Reader {
    connection: Option<UpstreamConnection>,
    /// A turn began on the connection and didn't end: its caller went away, or it failed.
    under_way: bool,
    /// When the read that made the snapshot began.
    began: Option<Instant>,
    /// What the change probe said before the read that it led to.
    probe: Option<Vec<TextRow>>,
}

impl CatalogSource {
    /// A source that has read nothing yet.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            snapshot: ArcSwapOption::empty(),
            changes: AtomicU64::new(0),
            covered: AtomicU64::new(0),
            reader: Mutex::default(),
        }
    }

    /// The latest snapshot, if the catalog was ever read.
    pub fn latest(&self) -> Option<Arc<CatalogSnapshot>> {
        self.snapshot.load_full()
    }

    /// A session's change of the catalog has been committed: snapshots begun before now are old for everybody.
    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether a session has changed the catalog since the latest snapshot was begun.
    pub(crate) fn is_behind(&self) -> bool {
        self.covered.load(Ordering::Acquire) < self.changes.load(Ordering::Acquire)
    }

    /// The latest snapshot, reading the catalog first where it never was. Cancel safe: yes.
    ///
    /// # Errors
    /// See [`CatalogSourceError`].
    pub async fn ready(&self) -> Result<Arc<CatalogSnapshot>, CatalogSourceError> {
        match self.latest() {
            Some(snapshot) => Ok(snapshot),
            None => self.refresh().await,
        }
    }

    /// A snapshot that was begun after this call. Calls at the same time share one read. Cancel safe: yes.
    ///
    /// # Errors
    /// See [`CatalogSourceError`].
    pub async fn refresh(&self) -> Result<Arc<CatalogSnapshot>, CatalogSourceError> {
        let called = Instant::now();
        let mut reader = self.reader.lock().await;
        if let (Some(snapshot), Some(began)) = (self.latest(), reader.began)
            && began >= called
        {
            return Ok(snapshot);
        }
        self.read(&mut reader).await
    }

    /// Reads the catalog again if it has changed. Cancel safe: yes.
    ///
    /// # Errors
    /// See [`CatalogSourceError`].
    pub async fn poll(&self) -> Result<(), CatalogSourceError> {
        let mut reader = self.reader.lock().await;
        let Some(latest) = self.latest() else {
            return Ok(());
        };
        let probe = self.first_query(&mut reader, change_probe_sql()).await?;
        reader.under_way = false;
        if reader.probe.as_ref() != Some(&probe) || latest.has_locked_definitions() {
            self.read(&mut reader).await?;
            reader.probe = Some(probe);
        }
        Ok(())
    }

    /// A snapshot for one session, of what it read over its own connection beside `shared`.
    pub(crate) fn private(shared: &CatalogSnapshot, rest: CatalogPart) -> Arc<CatalogSnapshot> {
        let built_in = Arc::clone(shared.built_in());
        Arc::new(CatalogSnapshot::new(next_generation(), built_in, Arc::new(rest)))
    }

    async fn read(&self, reader: &mut Reader) -> Result<Arc<CatalogSnapshot>, CatalogSourceError> {
        let read = async {
            let mut attempt = 1;
            loop {
                match self.read_once(reader).await {
                    // Somebody locked a relation between the look at the locks and the print of a definition, or
                    // dropped an object that the read's snapshot still shows.
                    Err(CatalogSourceError::Upstream(UpstreamError::Server(error)))
                        if [sqlstate::LOCK_NOT_AVAILABLE, sqlstate::INTERNAL_ERROR].contains(&error.code())
                            && attempt < READ_ATTEMPTS_MAX =>
                    {
                        attempt += 1;
                    }
                    read => return read,
                }
            }
        };
        let result = tokio::time::timeout(Duration::from_secs(READ_SECONDS_MAX), read)
            .await
            .unwrap_or(Err(CatalogSourceError::TimedOut));
        let (snapshot, covers) = result?;
        self.snapshot.store(Some(Arc::clone(&snapshot)));
        self.covered.store(covers, Ordering::Release);
        Ok(snapshot)
    }

    /// Reads what has changed since the latest snapshot, or everything. Returns also which of the sessions' changes the
    /// snapshot is sure to show.
    async fn read_once(&self, reader: &mut Reader) -> Result<(Arc<CatalogSnapshot>, u64), CatalogSourceError> {
        let began = Instant::now();
        let covers = self.changes.load(Ordering::Acquire);
        self.first_query(reader, BEGIN_READING).await?;
        let (built_in, reading) = match self.latest() {
            Some(latest) => (Arc::clone(latest.built_in()), CatalogReading::update(latest.rest())),
            None => {
                let reading = CatalogReading::first(CatalogScope::BuiltIn);
                let built_in = read_part(reader, reading).await?;
                (Arc::new(built_in), CatalogReading::first(CatalogScope::Rest))
            }
        };
        let rest = read_part(reader, reading).await?;
        query(reader, END_READING).await?;
        reader.under_way = false;
        reader.began = Some(began);
        let snapshot = CatalogSnapshot::new(next_generation(), built_in, Arc::new(rest));
        Ok((Arc::new(snapshot), covers))
    }

    /// Runs the first query of a turn. A connection that died while idle is made once more.
    async fn first_query(&self, reader: &mut Reader, text: &str) -> Result<Vec<TextRow>, CatalogSourceError> {
        if std::mem::replace(&mut reader.under_way, true) {
            reader.connection = None;
        }
        if reader.connection.is_some() {
            if let Ok(rows) = query(reader, text).await {
                return Ok(rows);
            }
            reader.connection = None;
        }
        reader.connection = Some(UpstreamConnection::connect_for_catalog(&self.target).await?);
        query(reader, text).await
    }
}

/// Runs a query where the turn has brought the connection.
async fn query(reader: &mut Reader, text: &str) -> Result<Vec<TextRow>, CatalogSourceError> {
    let connection = reader.connection.as_mut().ok_or(UpstreamError::Closed)?;
    let mut answers = connection.simple_query(text).await?;
    Ok(answers.pop().unwrap_or_default())
}

async fn read_part(reader: &mut Reader, mut reading: CatalogReading) -> Result<CatalogPart, CatalogSourceError> {
    while !reading.requests().is_empty() {
        let mut answers = Vec::with_capacity(reading.requests().len());
        for request in reading.requests() {
            answers.push(query(reader, &request.sql()).await?);
        }
        reading.answer(&answers)?;
    }
    Ok(reading.finish())
}

fn next_generation() -> u64 {
    NEXT_GENERATION.fetch_add(1, Ordering::Relaxed)
}
