//! What all sessions share, and the doors through which clients come.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use durward_audit::Ledger;
use durward_change::{Adviser, Desk};
use durward_identity::LoginDesk;
use durward_model::{DatabaseName, Principal, Refusal, SessionId};
use durward_policy::{AccessGrant, DatabaseContext, Decision, DecisionRequest, PolicyStore, SessionContext};
use durward_sql::catalog::CatalogSnapshot;
use durward_sql::{AnalysisContext, Analyzer, SessionSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::access::{AccessBook, Asker, KnownAccess};
use crate::catalog::CatalogSource;
use crate::changes::UndoDesk;
use crate::copy_rows::HeldBytes;
use crate::labels::LabelBook;
use crate::limits::LOGINS_MAX;
use crate::login;
use crate::look_ups::LookUps;
use crate::masks::MasterKey;
use crate::measuring::Measurements;
use crate::metrics::Metrics;
use crate::own_writes::WriteBook;
use crate::registry::SessionRegistry;
use crate::session::unix_seconds;
use crate::stream::Stream;
use crate::tls::ServerTls;
use crate::upstream::{self, CancelTarget, Target};
use crate::workers::Workers;

/// How often the catalog is looked at for changes that went round the gateway.
///
/// Unit: seconds. Reason: the probe costs the server well under a millisecond.
const CATALOG_POLL_SECONDS: u64 = 2;

/// How often it is looked at whether requests for approval have expired.
const APPROVALS_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked at whether changes are too old to be taken back.
const UNDO_INTERVAL: Duration = Duration::from_secs(3_600);

/// How often it is looked at whether columns are to be judged.
const LABELS_INTERVAL: Duration = Duration::from_millis(500);

/// How long one survey of a database's columns may take before the next begins where it ended.
///
/// Unit: seconds. Reason: what is newest is looked at first again, and what was said meanwhile is kept.
const SURVEY_SECONDS_MAX: Duration = Duration::from_secs(20);

/// How long after a survey that couldn't reach the server the next one is tried.
const SURVEY_PAUSE: Duration = Duration::from_secs(5);

/// What all sessions share.
#[derive(Debug)]
pub struct Gateway {
    /// Turns texts into facts.
    pub analyzer: Analyzer,
    /// Decides.
    pub policy: Arc<PolicyStore>,
    /// Records.
    pub ledger: Ledger,
    /// Verifies who comes.
    pub desk: Arc<LoginDesk>,
    /// Where held statements wait.
    pub approvals: Arc<Desk>,
    /// When access ends that was given for a time.
    pub(crate) access: AccessBook,
    /// Where changes are kept so that they can be taken back; none where they aren't.
    pub undo: Option<UndoDesk>,
    /// Who is there.
    pub sessions: Arc<SessionRegistry>,
    /// The page of a request for approval: what stands before its number, where there are pages.
    pub request_pages: Option<String>,
    /// Whoever is asked for an opinion about what is held.
    pub adviser: Option<Arc<dyn Adviser>>,
    /// What every mask's key is derived from.
    pub(crate) mask_key: Arc<MasterKey>,
    pub(crate) look_ups: LookUps,
    pub(crate) measurements: Measurements,
    /// The data of COPYs that are to be decided on.
    pub(crate) held_copies: Arc<HeldBytes>,
    /// What sessions do, in figures.
    pub metrics: Metrics,
    workers: Workers,
    databases: HashMap<DatabaseName, Arc<Database>>,
    /// TLS server names that choose a database by themselves.
    server_names: HashMap<String, DatabaseName>,
    next_session: AtomicU64,
    logins: Arc<Semaphore>,
}

/// The parts of a gateway.
#[derive(Debug)]
pub struct GatewayParts {
    /// Turns texts into facts.
    pub analyzer: Analyzer,
    /// Decides.
    pub policy: Arc<PolicyStore>,
    /// Records.
    pub ledger: Ledger,
    /// Verifies who comes.
    pub desk: Arc<LoginDesk>,
    /// Where held statements wait.
    pub approvals: Arc<Desk>,
    /// Where changes are kept so that they can be taken back; none where they aren't.
    pub undo: Option<UndoDesk>,
    /// The page of a request for approval: what stands before its number, where there are pages.
    pub request_pages: Option<String>,
    /// Whoever is asked for an opinion about what is held.
    pub adviser: Option<Arc<dyn Adviser>>,
    /// What every mask's key is derived from.
    pub mask_key: MasterKey,
    /// Where sessions run.
    pub workers: Workers,
    /// The databases that are served.
    pub databases: Vec<Database>,
    /// TLS server names that choose a database by themselves, in lower case.
    pub server_names: HashMap<String, DatabaseName>,
    /// The number of the first session: larger than any in the ledger.
    pub first_session: SessionId,
}

/// One database behind the gateway.
#[derive(Debug)]
pub struct Database {
    /// The name that clients use.
    pub name: DatabaseName,
    /// Where it is and how the gateway logs in.
    pub target: Target,
    /// What policy knows of it.
    pub context: DatabaseContext,
    /// Whether its own accounts may log in with their own passwords.
    pub passthrough: bool,
    /// Its catalog.
    pub catalog: CatalogSource,
    /// What its columns hold.
    pub labels: LabelBook,
    /// Who has written which of them.
    pub(crate) writes: WriteBook,
    /// Whether what is held is looked at beforehand, for its approvers.
    pub measures: bool,
}

impl Database {
    /// A database whose catalog has not been read yet, and whose label book is kept nowhere.
    pub fn new(name: DatabaseName, target: Target, context: DatabaseContext, passthrough: bool) -> Self {
        Self {
            name,
            catalog: CatalogSource::new(target.clone()),
            labels: LabelBook::new(target.clone()),
            writes: WriteBook::default(),
            target,
            context,
            passthrough,
            measures: true,
        }
    }

    /// The same, where what is held isn't looked at beforehand.
    #[must_use]
    pub fn unmeasured(self) -> Self {
        Self {
            measures: false,
            ..self
        }
    }

    /// The same with a label book that was opened elsewhere.
    #[must_use]
    pub fn with_labels(self, labels: LabelBook) -> Self {
        Self { labels, ..self }
    }

    /// The same with a book of who has written what that was opened elsewhere.
    #[must_use]
    pub fn with_writes(self, writes: WriteBook) -> Self {
        Self { writes, ..self }
    }

    /// Judges new columns whenever the catalog has changed, and others as time allows. Cancel safe: yes.
    async fn tend_labels(&self) {
        let mut tick = tokio::time::interval(LABELS_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(catalog) = self.catalog.latest() else {
                continue;
            };
            if let Err(error) = self.labels.survey(&catalog, SURVEY_SECONDS_MAX).await {
                tracing::warn!(%error, database = %self.name, "columns can't be judged");
                tokio::time::sleep(SURVEY_PAUSE).await;
            }
        }
    }
}

/// One address that is listened on, and on which terms.
#[derive(Debug, Clone)]
pub struct Listener {
    /// What clients are offered as encryption; none only where plaintext is allowed.
    pub tls: Option<Arc<ServerTls>>,
    /// Whether clients on this machine may come unencrypted.
    pub plaintext_loopback: bool,
}

impl Listener {
    pub(crate) fn allows_plaintext(&self, address: SocketAddr) -> bool {
        self.plaintext_loopback && address.ip().to_canonical().is_loopback()
    }
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(parts: GatewayParts) -> Arc<Self> {
        Arc::new(Self {
            analyzer: parts.analyzer,
            policy: parts.policy,
            ledger: parts.ledger,
            desk: parts.desk,
            approvals: parts.approvals,
            access: AccessBook::default(),
            undo: parts.undo,
            request_pages: parts.request_pages,
            adviser: parts.adviser,
            sessions: Arc::default(),
            mask_key: Arc::new(parts.mask_key),
            look_ups: LookUps::default(),
            measurements: Measurements::default(),
            held_copies: Arc::default(),
            metrics: Metrics::default(),
            workers: parts.workers,
            databases: parts
                .databases
                .into_iter()
                .map(|database| (database.name.clone(), Arc::new(database)))
                .collect(),
            server_names: parts.server_names,
            next_session: AtomicU64::new(parts.first_session.0),
            logins: Arc::new(Semaphore::new(LOGINS_MAX)),
        })
    }

    /// The databases that are served.
    pub fn databases(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.databases.values()
    }

    /// The database of a login: by its name, as `name@target` where a target's name is given too, or by the server name
    /// of the TLS handshake where that chooses one.
    pub fn database(&self, name: &str, server_name: Option<&str>) -> Option<Arc<Database>> {
        let by_server_name = server_name
            .and_then(|server_name| self.server_names.get(&server_name.to_ascii_lowercase()))
            .and_then(|name| self.databases.get(name));
        let by_target = || {
            name.rsplit_once('@')
                .and_then(|(_, target)| self.databases.get(&DatabaseName::from(target)))
        };
        by_server_name
            .or_else(|| self.databases.get(&DatabaseName::from(name)))
            .or_else(by_target)
            .cloned()
    }

    /// Takes connections until `shutdown` says true. Sessions that are open then are ended. Cancel safe: yes.
    ///
    /// # Errors
    /// None after start-up: a connection that can't be accepted is logged and waited for.
    pub async fn serve(self: Arc<Self>, socket: TcpListener, listener: Listener, mut shutdown: watch::Receiver<bool>) {
        let listener = Arc::new(listener);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => break,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.greet(stream, address, (&listener, &shutdown)),
                Err(error) => {
                    // Out of descriptors, mostly: they come free as sessions end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        self.sessions.kill_all();
    }

    /// Watches the catalogs for changes that go round the gateway, until `shutdown` says true. Cancel safe: yes.
    pub async fn watch_catalogs(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(Duration::from_secs(CATALOG_POLL_SECONDS));
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                _ = tick.tick() => {}
            }
            if self.sessions.is_empty() {
                continue;
            }
            for database in self.databases.values() {
                if let Err(error) = database.catalog.poll().await {
                    tracing::warn!(%error, database = %database.name, "the catalog can't be watched");
                }
            }
        }
    }

    /// The access that stands now for somebody on a database.
    pub fn access_of(
        &self,
        principal: &Principal,
        database: &Database,
        catalog: &CatalogSnapshot,
    ) -> Arc<[AccessGrant]> {
        let asker = Asker {
            principal,
            database: database.name.as_str(),
            catalog,
        };
        KnownAccess::default().now(&self.approvals, &self.access, asker, unix_seconds().unwrap_or_default())
    }

    /// Ends requests that nobody has decided in time, until `shutdown` says true. Cancel safe: yes.
    pub async fn watch_approvals(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(APPROVALS_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = self.approvals.sweep(unix_seconds().unwrap_or_default()) {
                tracing::error!(%error, "expired requests for approval can't be ended");
            }
            self.access
                .standing(&self.approvals, unix_seconds().unwrap_or_default());
        }
    }

    /// Forgets changes that are too old to be taken back, until `shutdown` says true. Cancel safe: yes.
    pub async fn watch_undo(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(UNDO_INTERVAL);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                _ = tick.tick() => {}
            }
            let Some(undo) = &self.undo else { return };
            let vault = Arc::clone(&undo.vault);
            let expired = tokio::task::spawn_blocking(move || vault.expire(unix_seconds().unwrap_or_default())).await;
            if let Ok(Err(error)) = expired {
                tracing::error!(%error, "old changes can't be removed");
            }
            self.remove_kept().await;
        }
    }

    /// Keeps the label books of all databases, until `shutdown` says true. Cancel safe: yes.
    pub async fn watch_labels(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut books = JoinSet::new();
        for database in self.databases.values() {
            let database = Arc::clone(database);
            books.spawn(async move { database.tend_labels().await });
        }
        // It can only fail when nobody is left who could say so.
        shutdown.wait_for(|shut| *shut).await.ok();
        books.shutdown().await;
    }

    /// Whether somebody is logging in.
    pub fn is_greeting(&self) -> bool {
        self.logins.available_permits() < LOGINS_MAX
    }

    fn greet(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        (listener, shutdown): (&Arc<Listener>, &watch::Receiver<bool>),
    ) {
        let Ok(permit) = Arc::clone(&self.logins).try_acquire_owned() else {
            tracing::warn!(%address, "too many logins at a time: connection closed");
            return;
        };
        // Out of this runtime's event queue, so that the worker can take it into its own.
        let stream = match stream.set_nodelay(true).and_then(|()| stream.into_std()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection is gone already");
                return;
            }
        };
        let (gateway, listener) = (Arc::clone(self), Arc::clone(listener));
        let mut shutdown = shutdown.clone();
        self.workers.spawn(async move {
            let stream = match TcpStream::from_std(stream) {
                Ok(stream) => Stream::Tcp(stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be waited for");
                    return;
                }
            };
            let sessions = Arc::clone(&gateway.sessions);
            let session = tokio::select! {
                biased;
                // A login that the gateway's end cuts off isn't refused, and would find no record to be written to.
                _ = shutdown.wait_for(|shut| *shut) => None,
                session = login::open(gateway, listener, stream, address) => session,
            };
            drop(permit);
            if let Some(session) = session {
                if *shutdown.borrow() {
                    sessions.kill_all();
                }
                session.run().await;
            }
        });
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Passes a client's cancel request on, if the key is one that we gave.
    pub(crate) async fn cancel_by_key(&self, process_id: i32, secret_key: &[u8]) {
        if let Some(target) = self.sessions.cancel_target(process_id, secret_key)
            && let Err(error) = upstream::cancel(&target).await
        {
            tracing::warn!(%error, "a cancel request could not be passed on");
        }
    }

    /// Asks the server to stop what a session that is ending still runs.
    pub(crate) fn cancel(&self, target: CancelTarget) {
        tokio::spawn(async move {
            if let Err(error) = upstream::cancel(&target).await {
                tracing::warn!(%error, "the statement of an ended session could not be cancelled");
            }
        });
    }

    /// The settings of a startup packet are judged as the SET statements that they stand for.
    pub(crate) async fn check_startup_settings(
        &self,
        principal: &Principal,
        database: &Database,
        asked: &[(String, String)],
        encrypted: bool,
    ) -> Result<(), Refusal> {
        if asked.is_empty() {
            return Ok(());
        }
        let unknown = |reason: &str| Refusal::not_understood("startup-settings", reason.to_owned());
        let catalog = database
            .catalog
            .ready()
            .await
            .map_err(|_| unknown("the catalog can't be read"))?;
        let context = AnalysisContext {
            catalog,
            settings: Arc::new(SessionSettings::of_own_texts()),
            catalog_is_current: true,
        };
        let session = SessionContext {
            now_unix_seconds: unix_seconds(),
            encrypted,
        };
        let none = Arc::default();
        for (name, value) in asked {
            let text = set_statement(name, value);
            let analysis = self
                .analyzer
                .analyze(&text, &context)
                .await
                .map_err(|error| Refusal::from(&error))?;
            for statement in &analysis.statements {
                let request = DecisionRequest {
                    principal,
                    database: &database.context,
                    facts: &statement.facts,
                    session: &session,
                    // A setting holds no column.
                    labels: Some(&Arc::default()),
                    access: &none,
                };
                match self.policy.current().decide(&request) {
                    Decision::Allow(_) => {}
                    Decision::Hold(order) => return Err(order.into_refusal()),
                    Decision::Deny(denial) => return Err(denial.refusal),
                }
            }
        }
        Ok(())
    }
}

fn set_statement(name: &str, value: &str) -> String {
    let quoted: Vec<String> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    format!("SET {} = '{}'", quoted.join("."), value.replace('\'', "''"))
}
