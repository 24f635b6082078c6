//! The catalog of one database, read over a connection of the gateway's own and shared by all its sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::{CatalogLoader, CatalogPart, CatalogQuery, CatalogScope, change_probe_sql};
use tokio::sync::Mutex;

use crate::upstream::{Target, UpstreamConnection, UpstreamError};

/// How long one read of the catalog may take.
///
/// Unit: seconds. Reason: 50,000 tables take a few seconds; longer means that a lock is in the way.
const READ_SECONDS_MAX: u64 = 30;

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
    Answer(String),
    /// Something holds a lock on the catalog, or the server hangs.
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
    built_in: Option<Arc<CatalogPart>>,
    /// When the read that made the snapshot began.
    began: Option<Instant>,
    /// What the change probe said just before that.
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
        if self.snapshot.load().is_none() {
            return Ok(());
        }
        let probe = self.own_query(&mut reader, change_probe_sql().to_owned()).await?;
        if reader.probe.as_ref() != Some(&probe) {
            self.read(&mut reader).await?;
        }
        Ok(())
    }

    /// A snapshot for one session, from what it read over its own connection.
    pub(crate) async fn private(
        &self,
        answers: Vec<(CatalogQuery, Vec<TextRow>)>,
    ) -> Result<Arc<CatalogSnapshot>, CatalogSourceError> {
        let rest = load(answers)?;
        // Not read anew: that would wait for the locks of this very transaction.
        let shared = self.ready().await?;
        Ok(Arc::new(CatalogSnapshot::new_private(next_generation(), rest, &shared)))
    }

    async fn read(&self, reader: &mut Reader) -> Result<Arc<CatalogSnapshot>, CatalogSourceError> {
        let read = async {
            let began = Instant::now();
            let covers = self.changes.load(Ordering::Acquire);
            let probe = self.own_query(reader, change_probe_sql().to_owned()).await?;
            let built_in = match &reader.built_in {
                Some(built_in) => Arc::clone(built_in),
                None => Arc::new(self.read_part(reader, CatalogScope::BuiltIn).await?),
            };
            let rest = self.read_part(reader, CatalogScope::Rest).await?;
            reader.built_in = Some(Arc::clone(&built_in));
            reader.began = Some(began);
            reader.probe = Some(probe);
            Ok((
                Arc::new(CatalogSnapshot::new(next_generation(), built_in, rest)),
                covers,
            ))
        };
        let result = tokio::time::timeout(Duration::from_secs(READ_SECONDS_MAX), read)
            .await
            .unwrap_or(Err(CatalogSourceError::TimedOut));
        match result {
            Ok((snapshot, covers)) => {
                self.snapshot.store(Some(Arc::clone(&snapshot)));
                self.covered.store(covers, Ordering::Release);
                Ok(snapshot)
            }
            Err(error) => {
                // What is under way on the connection is not known any more.
                reader.connection = None;
                Err(error)
            }
        }
    }

    async fn read_part(&self, reader: &mut Reader, scope: CatalogScope) -> Result<CatalogPart, CatalogSourceError> {
        let mut answers = Vec::with_capacity(CatalogQuery::ALL.len());
        for query in CatalogQuery::ALL {
            answers.push((query, self.own_query(reader, query.sql(scope)).await?));
        }
        load(answers)
    }

    async fn own_query(&self, reader: &mut Reader, text: String) -> Result<Vec<TextRow>, CatalogSourceError> {
        // A connection that died while idle is made once more.
        if let Some(connection) = &mut reader.connection {
            if let Ok(mut answers) = connection.simple_query(&text).await {
                return Ok(answers.pop().unwrap_or_default());
            }
            reader.connection = None;
        }
        let mut connection = UpstreamConnection::connect_for_catalog(&self.target).await?;
        let mut answers = connection.simple_query(&text).await?;
        reader.connection = Some(connection);
        Ok(answers.pop().unwrap_or_default())
    }
}

fn next_generation() -> u64 {
    NEXT_GENERATION.fetch_add(1, Ordering::Relaxed)
}

fn load(answers: Vec<(CatalogQuery, Vec<TextRow>)>) -> Result<CatalogPart, CatalogSourceError> {
    let mut loader = CatalogLoader::new();
    for (query, rows) in answers {
        for row in rows {
            let texts: Result<Vec<Option<&str>>, _> = row
                .iter()
                .map(|field| field.as_deref().map(std::str::from_utf8).transpose())
                .collect();
            let texts = texts.map_err(|_| CatalogSourceError::Answer("a name is not UTF-8".into()))?;
            loader
                .push(query, &texts)
                .map_err(|error| CatalogSourceError::Answer(error.to_string()))?;
        }
    }
    Ok(loader.finish())
}
