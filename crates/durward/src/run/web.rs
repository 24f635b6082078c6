use std::sync::Arc;

use anyhow::Context as _;
use durward_change::Request;
use durward_console::{AccessDesk, AccessWish, Answer, ChangeSets, Console, ConsoleParts, Sender, Site, Slack};
use durward_model::Principal;
use durward_session::{Database, Gateway};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Start;
use crate::assemble::Assembled;
use crate::control::now;
use crate::settings::Settings;
use crate::{access, change_set};

/// The door for people who decide, bound and not yet served.
#[derive(Debug)]
pub(super) struct Web {
    pub(super) site: Site,
    socket: TcpListener,
    senders: Vec<Sender>,
    slack: Option<Slack>,
}

/// Binds it, where it is wanted.
pub(super) async fn open(settings: &Settings, start: Start) -> anyhow::Result<Option<Web>> {
    let Some(web) = &settings.web else {
        return Ok(None);
    };
    let mut bound = TcpListener::bind(web.listen).await;
    let may_move = web.listen_is_default && start == Start::Alone;
    if may_move
        && bound
            .as_ref()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    {
        bound = TcpListener::bind((web.listen.ip(), 0)).await;
    }
    let socket = bound.with_context(|| format!("can't listen on {} for the web", web.listen))?;
    let site = Site::at(socket.local_addr()?, web.url.as_deref())?;
    Ok(Some(Web {
        site,
        socket,
        senders: settings.senders.clone(),
        slack: settings.slack.clone(),
    }))
}

impl Web {
    /// Serves until `shutdown` says true.
    pub(super) fn serve(
        self,
        assembled: &Assembled,
        shutdown: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let gateway = &assembled.gateway;
        let console = Console::new(ConsoleParts {
            site: self.site,
            approvals: Arc::clone(&gateway.approvals),
            gatekeeper: Arc::clone(&gateway.desk),
            ledger: gateway.ledger.clone(),
            change_sets: Arc::new(DataPlane(Arc::clone(gateway))),
            access: Arc::new(DataPlane(Arc::clone(gateway))),
            senders: self.senders,
            slack: self.slack,
            databases: gateway
                .databases()
                .map(|database| database.name.as_str().into())
                .collect(),
        });
        let address = self.socket.local_addr().ok();
        let tls = assembled.listener.tls.as_ref();
        let tls = tls
            .filter(|_| address.is_none_or(Site::needs_tls))
            .map(|tls| tls.for_http());
        durward_console::serve(console, self.socket, tls, shutdown)
    }
}

/// The gateway, as the console may ask it.
#[derive(Debug)]
struct DataPlane(Arc<Gateway>);

impl DataPlane {
    fn database(&self, name: &str) -> anyhow::Result<Arc<Database>> {
        let found = self.0.database(name, None);
        found.with_context(|| format!("no database is called {name}"))
    }
}

impl ChangeSets for DataPlane {
    fn plan<'a>(&'a self, principal: &'a Principal, database: &'a str, text: &'a str) -> Answer<'a, Value> {
        Box::pin(async move {
            let planned = async {
                let database = self.database(database)?;
                let plan = change_set::plan(&self.0, &database, principal, text).await?;
                Ok::<_, anyhow::Error>(serde_json::to_value(plan)?)
            };
            planned.await.map_err(|error| format!("{error:#}"))
        })
    }

    fn submit<'a>(
        &'a self,
        principal: &'a Principal,
        database: &'a str,
        text: &'a str,
        reason: Option<&'a str>,
    ) -> Answer<'a, Request> {
        Box::pin(async move {
            let submitted = async {
                let database = self.database(database)?;
                change_set::submit(&self.0, &database, (principal, None), text, reason, now()?).await
            };
            submitted.await.map_err(|error: anyhow::Error| format!("{error:#}"))
        })
    }
}

impl AccessDesk for DataPlane {
    fn request<'a>(&'a self, principal: &'a Principal, database: &'a str, wish: &'a AccessWish) -> Answer<'a, Request> {
        Box::pin(async move {
            let laid = async {
                let database = self.database(database)?;
                access::request(&self.0, &database, (principal, None), wish, now()?).await
            };
            laid.await.map_err(|error: anyhow::Error| format!("{error:#}"))
        })
    }
}
