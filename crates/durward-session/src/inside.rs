//! Sessions of the gateway's own: statements that it sends in somebody's name go the way of all others.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;

use durward_audit::{Event, SessionStarted};
use durward_change::undo::ChangeId;
use durward_identity::Standing;
use durward_model::{Principal, Refusal};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use crate::gateway::{Database, Gateway};
use crate::levers::Levers;
use crate::link::Link;
use crate::login::{mask_keys, read_session, ready_catalog};
use crate::registry::SessionFacts;
use crate::session::{APPLICATION_NAME, ServerName, Session, SessionParts};
use crate::sight::Sight;
use crate::stream::Stream;
use crate::upstream::{CancelTarget, UpstreamConnection, UpstreamCredentials, UpstreamError};

/// What a session of the gateway's own is for.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) database: Arc<Database>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) standing: Standing,
    /// What it calls itself.
    pub(crate) program: &'static str,
    /// The changes that it takes back.
    pub(crate) undoes: Vec<ChangeId>,
}

/// There is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVisit {
    #[error("the database can't be reached: {0}")]
    Upstream(#[from] UpstreamError),
    #[error("{}", .0.message)]
    Refused(Refusal),
    #[error("the gateway gives no session: {0}")]
    System(#[from] std::io::Error),
    #[error("the gateway is ending")]
    Ending,
}

impl From<Refusal> for NoVisit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Gateway {
    /// Opens a session in somebody's name, and gives its client's end. Cancel safe: yes.
    pub(crate) async fn visit(self: &Arc<Self>, visit: Visit) -> Result<UpstreamConnection, NoVisit> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let (tell, told) = oneshot::channel();
        let gateway = Arc::clone(self);
        self.workers().spawn(async move {
            let opened = open(gateway, visit, theirs).await;
            let session = match opened {
                Ok((session, cancel)) => {
                    if tell.send(Ok(cancel)).is_err() {
                        return;
                    }
                    session
                }
                Err(no) => {
                    // Nobody may be left who could hear it.
                    tell.send(Err(no)).ok();
                    return;
                }
            };
            session.run().await;
        });
        let cancel = told.await.map_err(|_| NoVisit::Ending)??;
        Ok(UpstreamConnection::to_session(
            Stream::Unix(UnixStream::from_std(ours)?),
            cancel,
        ))
    }
}

async fn open(gateway: Arc<Gateway>, visit: Visit, stream: StdUnixStream) -> Result<(Session, CancelTarget), NoVisit> {
    let Visit {
        database,
        principal,
        standing,
        program,
        undoes,
    } = visit;
    let name = ServerName::new(&principal.to_string(), program);
    let keys = mask_keys(&gateway, &database, &principal)?;
    let mut parameters = vec![
        (APPLICATION_NAME.to_owned(), name.value()),
        ("client_encoding".to_owned(), "UTF8".to_owned()),
        ("standard_conforming_strings".to_owned(), "on".to_owned()),
        ("jit".to_owned(), "off".to_owned()),
    ];
    parameters.extend(
        keys.startup_parameters()
            .into_iter()
            .map(|(name, key)| (name, (*key).clone())),
    );
    let credentials = UpstreamCredentials::configured(&database.target);
    let mut upstream = UpstreamConnection::connect(&database.target, &credentials, &parameters).await?;
    let settings = read_session(&mut upstream, &database).await?;
    let catalog = ready_catalog(&database).await?;
    let id = gateway.next_session();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let started = Event::SessionStarted(SessionStarted {
        session: id,
        principal: (*principal).clone(),
        database: database.name.to_string(),
        login: principal.acting().name.to_string(),
        upstream_user: settings.session_user.to_string(),
        client_address: address.to_string(),
        client_program: Some(program.to_owned()),
        tls: false,
        upstream_process: u32::try_from(upstream.process_id()).ok(),
    });
    if let Err(error) = gateway.ledger.record(&started) {
        tracing::error!(%error, "a session's start could not be recorded: its statements will be refused");
    }
    let mut secret_key = vec![0; 32];
    getrandom::fill(&mut secret_key)
        .map_err(|_| Refusal::not_understood("no-randomness", "the system gives no random bytes"))?;
    let cancel = upstream.cancel_target();
    let lease = gateway.sessions.register(SessionFacts {
        id,
        principal: Arc::clone(&principal),
        database: database.name.clone(),
        client_address: address,
        program: program.into(),
        process_id: upstream.process_id(),
        cancel: cancel.clone(),
        secret_key: secret_key.into(),
    });
    let (server, leftover) = upstream.into_parts();
    let client = Stream::Unix(UnixStream::from_std(stream)?);
    let session = Session::new(SessionParts {
        gateway,
        sight: Sight::new(settings, catalog),
        name,
        keys,
        levers: Levers::default(),
        undoes,
        database,
        principal,
        standing,
        id,
        lease,
        // Nobody else hears what goes through it.
        encrypted: true,
        client: Link::new(client, &[]),
        server: Link::new(server, &leftover),
    });
    Ok((session, cancel))
}
