//! A gateway at work: from settings to open doors, and in good order to its end.

mod ready;
mod retention;
mod web;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use durward_session::Gateway;
use durward_session::upstream::TargetAddress;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use ready::Ready;

use crate::assemble::{Assembled, assemble};
use crate::control::{self, ControlDesk};
use crate::identities;
use crate::metrics;
use crate::settings::Settings;

/// How often the identities' file is looked at for what other processes have changed.
const DIRECTORY_INTERVAL: Duration = Duration::from_millis(500);

/// How long columns are judged by their values before sessions are served; the rest follows behind.
const FIRST_SURVEY_PATIENCE: Duration = Duration::from_secs(5);

/// How long sessions may take to end.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(5);

/// Where it is kept what Slack was told, within the data directory.
const SLACK_FILE: &str = "slack";

/// How a gateway begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// `up` and `demo`: with the four identities, any free port where the default one is taken, and not at all when the
    /// database can't be reached.
    Alone,
    /// `serve`: with what its directory holds, on the ports it was given, whether or not every database is there yet.
    Service,
}

/// The signals that a gateway listens to. They are listened to from the beginning: whoever reads that we are ready may at
/// once ask us to stop.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen. Needs the runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// A gateway that serves.
#[derive(Debug)]
pub(crate) struct Running {
    gateway: Arc<Gateway>,
    assembled: Assembled,
    data_dir: PathBuf,
    shutdown: watch::Sender<bool>,
    doors: JoinSet<()>,
    watchers: JoinSet<()>,
    signals: Signals,
    /// What to tell whoever started it.
    pub(crate) ready: Ready,
}

impl Running {
    /// Opens everything and begins to serve.
    ///
    /// # Errors
    /// When anything can't be opened; nothing is served then.
    pub(crate) async fn start(settings: Settings, start: Start, signals: Signals) -> anyhow::Result<Self> {
        crate::settings::make_private_directory(&settings.data_dir)?;
        let control_socket = control::bind(&settings.data_dir)?;
        let sockets = listen(&settings, start).await?;
        let listen = sockets
            .iter()
            .map(|socket| Ok(socket.local_addr()?.to_string()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let figures = match settings.metrics_listen {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.with_context(|| format!("can't listen on {address} for metrics"))?)
            }
            None => None,
        };
        let web = web::open(&settings, start).await?;
        let assembled = assemble(&settings, &listen, web.as_ref().map(|web| &web.site))?;
        let gateway = Arc::clone(&assembled.gateway);
        greet_databases(&gateway, start).await?;

        let issued = match (start, settings.databases.first()) {
            (Start::Alone, Some(database)) => {
                let name = database.name.as_str();
                identities::issue_standard(&assembled.directory, &gateway.ledger, name, "start")?
            }
            _ => Vec::new(),
        };
        let mut ready = Ready::new(&settings, listen, issued, assembled.fingerprint.clone());
        ready.web = web.as_ref().map(|web| web.site.origin().to_owned());

        let (shutdown, shut) = watch::channel(false);
        let mut doors = JoinSet::new();
        for socket in sockets {
            doors.spawn(Arc::clone(&gateway).serve(socket, assembled.listener.clone(), shut.clone()));
        }
        if let Some(web) = web {
            doors.spawn(web.serve(&assembled, shut.clone()));
        }
        if let Some(webhook) = settings.webhook.clone() {
            let (desk, pages) = (Arc::clone(&gateway.approvals), gateway.request_pages.clone());
            doors.spawn(webhook.follow(desk, pages, shut.clone()));
        }
        if let Some(slack) = settings.slack.clone() {
            let (desk, pages) = (Arc::clone(&gateway.approvals), gateway.request_pages.clone());
            doors.spawn(slack.follow(desk, pages, settings.data_dir.join(SLACK_FILE), shut.clone()));
        }
        let mut watchers = watchers(&assembled, control_socket, shut);
        if let Some(store) = settings.store.clone() {
            let archive = settings
                .retention
                .as_ref()
                .and_then(|retention| retention.archive.clone());
            watchers.spawn(crate::store::ship(gateway.ledger.clone(), store, archive));
        }
        if let Some(retention) = settings.retention.clone() {
            watchers.spawn(retention::watch(gateway.ledger.clone(), retention));
        }
        if let Some(socket) = figures {
            ready.metrics = Some(socket.local_addr()?.to_string());
            watchers.spawn(metrics::serve(Arc::clone(&gateway), socket));
        }
        let data_dir = settings.data_dir;
        Ok(Self {
            gateway,
            assembled,
            data_dir,
            shutdown,
            doors,
            watchers,
            signals,
            ready,
        })
    }

    /// Waits until somebody asks the program to end. A hang-up signal reads the policies again. Cancel safe: yes.
    pub(crate) async fn until_asked_to_stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.signals.interrupt.recv() => return,
                _ = self.signals.terminate.recv() => return,
                _ = self.signals.hangup.recv() => self.assembled.policies.reload_and_log(),
            }
        }
    }

    /// Ends sessions, closes the record, and leaves nothing behind that says it runs.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.send_replace(true);
        let farewell = async { while self.doors.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL_PATIENCE, farewell).await.is_err() {
            tracing::warn!("some sessions did not end in time");
        }
        let sessions_end = async {
            while !self.gateway.sessions.is_empty() || self.gateway.is_greeting() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(FAREWELL_PATIENCE, sessions_end).await.ok();
        self.watchers.shutdown().await;
        std::fs::remove_file(control::socket_path(&self.data_dir)).ok();
        let ledger = self.gateway.ledger.clone();
        tokio::task::spawn_blocking(move || ledger.close())
            .await?
            .context("the record could not be closed")
    }
}

fn watchers(
    assembled: &Assembled,
    control_socket: tokio::net::UnixListener,
    shut: watch::Receiver<bool>,
) -> JoinSet<()> {
    let desk = Arc::new(ControlDesk {
        gateway: Arc::clone(&assembled.gateway),
        directory: Arc::clone(&assembled.directory),
        policies: Arc::clone(&assembled.policies),
    });
    let mut watchers = JoinSet::new();
    watchers.spawn(desk.serve(control_socket));
    watchers.spawn(Arc::clone(&assembled.gateway).watch_catalogs(shut.clone()));
    watchers.spawn(Arc::clone(&assembled.gateway).watch_approvals(shut.clone()));
    watchers.spawn(Arc::clone(&assembled.gateway).watch_undo(shut.clone()));
    watchers.spawn(Arc::clone(&assembled.gateway).watch_labels(shut));
    watchers.spawn(Arc::clone(&assembled.directory).watch(DIRECTORY_INTERVAL));
    watchers.spawn(Arc::clone(&assembled.policies).watch());
    let issuers = Arc::clone(&assembled.issuers);
    watchers.spawn(async move {
        for error in issuers.warm().await {
            tracing::warn!("{error}");
        }
    });
    watchers
}

/// Reads each catalog and judges its columns once, so that the first session needn't wait, and a wrong address shows at
/// once.
async fn greet_databases(gateway: &Gateway, start: Start) -> anyhow::Result<()> {
    for database in gateway.databases() {
        let read = database.catalog.refresh().await;
        match (read, start) {
            (Ok(catalog), _) => match database.labels.survey(&catalog, FIRST_SURVEY_PATIENCE).await {
                Ok(report) => tracing::info!(database = %database.name, ?report, "columns are judged"),
                // They stay unsafe until the watcher's next try.
                Err(error) => tracing::warn!(database = %database.name, "columns can't be judged yet: {error}"),
            },
            (Err(error), Start::Alone) => {
                return Err(anyhow::anyhow!(
                    "can't read the database {} at {}: {error}",
                    database.name,
                    place(database)
                ));
            }
            (Err(error), Start::Service) => {
                tracing::warn!(database = %database.name, "can't read the database yet: {error}");
            }
        }
    }
    Ok(())
}

fn place(database: &durward_session::Database) -> String {
    match database.target.address() {
        TargetAddress::Tcp { host, port, .. } => format!("{host}:{port}"),
        TargetAddress::Unix { folder, port } => format!("{}, port {port}", folder.display()),
    }
}

async fn listen(settings: &Settings, start: Start) -> anyhow::Result<Vec<TcpListener>> {
    let mut sockets = Vec::new();
    for address in &settings.listen {
        let mut bound = TcpListener::bind(address).await;
        let may_move = settings.listen_is_default && start == Start::Alone;
        if may_move
            && bound
                .as_ref()
                .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
        {
            bound = TcpListener::bind((address.ip(), 0)).await;
        }
        sockets.push(bound.with_context(|| format!("can't listen on {address}"))?);
    }
    Ok(sockets)
}
