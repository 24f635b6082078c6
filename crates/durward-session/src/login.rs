//! From a fresh connection to a session: encryption, start-up, authentication, the server's side, and the hand-over.

use std::net::SocketAddr;
use std::sync::Arc;

use durward_audit::{Event, LoginRefused, SessionStarted};
use durward_identity::{Login, LoginFailure, LoginPlan, LoginRequest, Transport, UpstreamLogin};
use durward_model::{Principal, PrincipalKind, Refusal, sqlstate};
use durward_sql::settings::PROBE_SQL;
use durward_sql::{CatalogSnapshot, SessionSettings};
use durward_wire::postgres::ProtocolVersion;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write::{self, Severity};
use durward_wire::postgres::frontend::{Startup, StartupRequest, decode_password, decode_sasl_initial_response};

use crate::gateway::{Database, Gateway, Listener};
use crate::greeting::{Greeting, Hangup};
use crate::levers::Levers;
use crate::link::Link;
use crate::masks::MaskKeys;
use crate::registry::SessionFacts;
use crate::report::report;
use crate::session::{APPLICATION_NAME, ServerName, Session, SessionParts};
use crate::sight::Sight;
use crate::startup::{self, ClientSettings};
use crate::stream::Stream;
use crate::upstream::{UpstreamConnection, UpstreamCredentials, UpstreamError};

/// The first byte of a TLS handshake record (RFC 8446 section 5.1): direct TLS.
const TLS_HANDSHAKE: u8 = 0x16;
/// Bytes of a cancel key in protocol 3.2; protocol 3.0 has four.
const SECRET_KEY_BYTES: usize = 32;

/// Who a client says it is, and what it wants.
struct Wish {
    user: String,
    database: String,
    version: ProtocolVersion,
    settings: ClientSettings,
}

/// Compiling the long expressions of masks takes the server seconds where running them takes milliseconds.
const JIT_OFF: (&str, &str) = ("jit", "off");

/// What the server is told at login: the client's settings, the session's name, and the keys that SQL forms of masks
/// read.
fn startup_parameters(wish: &Wish, name: &ServerName, principal: &Principal, keys: &MaskKeys) -> Vec<(String, String)> {
    let mut parameters = wish.settings.for_server(name);
    // Who sees masks where policy says nothing else. What the client itself wishes stands.
    let sees_masks = matches!(principal.kind(), PrincipalKind::Person | PrincipalKind::Agent);
    if sees_masks && !parameters.iter().any(|(name, _)| name.eq_ignore_ascii_case(JIT_OFF.0)) {
        parameters.push((JIT_OFF.0.to_owned(), JIT_OFF.1.to_owned()));
    }
    let keys = keys.startup_parameters().into_iter();
    parameters.extend(keys.map(|(name, key)| (name, (*key).clone())));
    parameters
}

/// Why there is no session.
enum NoSession {
    /// The client is told, and the record says why.
    Refused { refusal: Refusal, reason: String },
    /// The server refused, in its own words: the fields of its error.
    RefusedByServer {
        error: Vec<u8>,
        sqlstate: String,
        reason: String,
    },
    /// There is nobody to tell.
    HungUp(Hangup),
    /// It was no session that was wanted.
    Served,
}

impl From<Hangup> for NoSession {
    fn from(hangup: Hangup) -> Self {
        Self::HungUp(hangup)
    }
}

impl From<LoginFailure> for NoSession {
    fn from(failure: LoginFailure) -> Self {
        Self::Refused {
            reason: failure.reason.to_string(),
            refusal: failure.refusal,
        }
    }
}

impl From<Refusal> for NoSession {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            reason: refusal.message.to_string(),
            refusal,
        }
    }
}

/// A login under way.
struct Door {
    gateway: Arc<Gateway>,
    listener: Arc<Listener>,
    address: SocketAddr,
    greeting: Greeting,
    /// The name that the client asked for in its TLS handshake.
    server_name: Option<String>,
    user: String,
    database: String,
    program: Option<String>,
}

/// Takes a connection through login; a session that results is handed back to be run. Cancel safe: no.
pub(crate) async fn open(
    gateway: Arc<Gateway>,
    listener: Arc<Listener>,
    stream: Stream,
    address: SocketAddr,
) -> Option<Session> {
    let mut door = Door {
        gateway,
        listener,
        address,
        greeting: Greeting::new(stream),
        server_name: None,
        user: String::new(),
        database: String::new(),
        program: None,
    };
    let opened = tokio::time::timeout(crate::limits::LOGIN_SECONDS_MAX, door.enter()).await;
    let no = match opened {
        Ok(Ok(parts)) => return Some(door.hand_over(parts)),
        Ok(Err(no)) => no,
        Err(_) => NoSession::from(Refusal::new(
            sqlstate::INVALID_AUTHORIZATION,
            "login-timeout",
            "canceling authentication due to timeout",
        )),
    };
    door.turn_away(no).await;
    None
}

/// What login found out, before the client's stream moves into the session.
struct Opened {
    database: Arc<Database>,
    login: Login,
    upstream: UpstreamConnection,
    settings: SessionSettings,
    catalog: Arc<CatalogSnapshot>,
    secret_key: Box<[u8]>,
    name: ServerName,
    keys: Arc<MaskKeys>,
    levers: Levers,
}

impl Door {
    async fn enter(&mut self) -> Result<Opened, NoSession> {
        let wish = self.wish().await?;
        let database = self
            .gateway
            .database(&wish.database, self.server_name.as_deref())
            .ok_or_else(|| {
                Refusal::new(
                    sqlstate::INVALID_CATALOG_NAME,
                    "no-such-database",
                    format!("database \"{}\" does not exist", wish.database),
                )
            })?;
        let mut login = self.authenticate(&wish, &database).await?;
        // A setting can do its work as the server starts the session, so it is judged before; but who logs in through
        // the server is known only then.
        let proved = matches!(login.upstream, UpstreamLogin::Configured);
        if proved {
            self.judge_settings(&wish, &database, &login).await?;
        }
        let name = wish.settings.server_name(&login.principal.to_string());
        let keys = mask_keys(&self.gateway, &database, &login.principal)?;
        let parameters = startup_parameters(&wish, &name, &login.principal, &keys);
        let upstream = self.connect(&parameters, &database, &mut login).await?;
        if !proved {
            self.judge_settings(&wish, &database, &login).await?;
        }
        let mut upstream = upstream;
        let settings = read_session(&mut upstream, &database).await?;
        let catalog = ready_catalog(&database).await?;
        let secret_key = secret_key(wish.version)?;
        self.welcome(&wish, &upstream, &secret_key).await?;
        Ok(Opened {
            database,
            login,
            upstream,
            settings,
            catalog,
            secret_key,
            name,
            keys,
            levers: wish.settings.levers().clone(),
        })
    }

    async fn judge_settings(&self, wish: &Wish, database: &Database, login: &Login) -> Result<(), Refusal> {
        let encrypted = self.greeting.stream.is_tls();
        self.gateway
            .check_startup_settings(&login.principal, database, wish.settings.settings(), encrypted)
            .await
    }

    /// Encryption and the startup packet, in whichever order the client likes.
    async fn wish(&mut self) -> Result<Wish, NoSession> {
        self.direct_tls().await?;
        let (mut asked_tls, mut asked_gss) = (false, false);
        loop {
            let packet = self.greeting.startup_packet().await?;
            let request = StartupRequest::decode(&packet).map_err(|error| {
                Refusal::new(
                    sqlstate::PROTOCOL_VIOLATION,
                    "invalid-startup-packet",
                    error.to_string(),
                )
            })?;
            match request {
                StartupRequest::Ssl if !asked_tls && !self.greeting.stream.is_tls() => {
                    asked_tls = true;
                    self.negotiated_tls().await?;
                }
                StartupRequest::GssEnc if !asked_gss && !self.greeting.stream.is_tls() => {
                    asked_gss = true;
                    self.greeting.send(|out| out.push(b'N')).await?;
                }
                StartupRequest::Ssl | StartupRequest::GssEnc => {
                    return Err(Hangup::Protocol("encryption was asked for twice".into()).into());
                }
                StartupRequest::Cancel(cancel) => {
                    self.gateway.cancel_by_key(cancel.process_id, cancel.secret_key).await;
                    return Err(NoSession::Served);
                }
                StartupRequest::Startup(startup) => return self.read_startup(&startup).await,
            }
        }
    }

    /// TLS from the first byte, with ALPN (manual section 55.2.10).
    async fn direct_tls(&mut self) -> Result<(), NoSession> {
        while self.greeting.inbound.is_empty() {
            self.greeting.fill().await?;
        }
        if self.greeting.inbound.first() == Some(&TLS_HANDSHAKE) {
            let early = std::mem::take(&mut self.greeting.inbound);
            self.start_tls(early, true).await?;
        }
        Ok(())
    }

    async fn negotiated_tls(&mut self) -> Result<(), NoSession> {
        // Bytes sent in clear ahead of the handshake would be read as if they had come encrypted (CVE-2021-23214).
        if !self.greeting.inbound.is_empty() {
            return Err(Hangup::Protocol("unencrypted bytes after the request for encryption".into()).into());
        }
        if self.listener.tls.is_none() {
            return Ok(self.greeting.send(|out| out.push(b'N')).await?);
        }
        self.greeting.send(|out| out.push(b'S')).await?;
        self.start_tls(Vec::new(), false).await
    }

    async fn start_tls(&mut self, early: Vec<u8>, direct: bool) -> Result<(), NoSession> {
        let Some(tls) = self.listener.tls.clone() else {
            return Err(Hangup::Protocol("TLS without a certificate".into()).into());
        };
        let plain = std::mem::replace(&mut self.greeting.stream, Stream::Closed);
        let (stream, server_name) = tls
            .accept(plain, early, direct)
            .await
            .map_err(|error| Hangup::Protocol(error.to_string()))?;
        self.greeting.stream = stream;
        self.server_name = server_name;
        Ok(())
    }

    async fn read_startup(&mut self, startup: &Startup<'_>) -> Result<Wish, NoSession> {
        let Some(negotiation) = startup.negotiate() else {
            return Err(Refusal::new(
                sqlstate::FEATURE_NOT_SUPPORTED,
                "protocol-version",
                format!(
                    "unsupported frontend protocol {}.{}",
                    startup.version.major, startup.version.minor
                ),
            )
            .into());
        };
        self.user = startup::text(startup.get("user"))?;
        self.database = match startup.get("database") {
            Some(name) if !name.is_empty() => startup::text(Some(name))?,
            _ => self.user.clone(),
        };
        self.program = startup
            .get("application_name")
            .map(|name| String::from_utf8_lossy(name).into_owned());
        if self.user.is_empty() {
            return Err(Refusal::new(
                sqlstate::INVALID_AUTHORIZATION,
                "no-user",
                "no PostgreSQL user name specified in startup packet",
            )
            .into());
        }
        if !self.greeting.stream.is_tls() && !self.listener.allows_plaintext(self.address) {
            return Err(Refusal::new(
                sqlstate::INVALID_AUTHORIZATION,
                "plaintext-refused",
                "the connection is not encrypted",
            )
            .with_hint("Connect with sslmode=require or stronger.")
            .into());
        }
        if startup::wants_replication(startup) {
            return Err(Refusal::new(
                sqlstate::FEATURE_NOT_SUPPORTED,
                "replication-refused",
                "replication connections are not let through",
            )
            .into());
        }
        if negotiation.must_tell {
            let options = negotiation.unrecognized_options;
            let mut told = Ok(());
            self.greeting
                .send(|out| told = write::negotiate_protocol_version(out, negotiation.version, &options))
                .await?;
            told.map_err(|error| Hangup::Protocol(error.to_string()))?;
        }
        Ok(Wish {
            user: self.user.clone(),
            database: self.database.clone(),
            version: negotiation.version,
            settings: ClientSettings::read(startup)?,
        })
    }

    async fn authenticate(&mut self, wish: &Wish, database: &Database) -> Result<Login, NoSession> {
        let tls = self.listener.tls.clone();
        let transport = if self.greeting.stream.is_tls() {
            Transport::Tls {
                server_end_point: tls.as_ref().and_then(|tls| tls.server_end_point()),
            }
        } else {
            Transport::PlaintextLocal
        };
        let request = LoginRequest {
            user: &wish.user,
            database: database.name.as_str(),
            client_address: Some(self.address.ip()),
            transport,
            passthrough_allowed: database.passthrough,
        };
        match self.gateway.desk.plan(&request) {
            LoginPlan::Refuse(failure) => Err(failure.into()),
            LoginPlan::Cleartext(cleartext) => {
                self.greeting.send(write::authentication_cleartext_password).await?;
                let body = self.greeting.password_message().await?;
                let password = decode_password(&body).map_err(|error| Hangup::Protocol(error.to_string()))?;
                Ok(cleartext.verify(password).await?)
            }
            LoginPlan::Scram(scram) => {
                let mechanisms = scram.mechanisms();
                let mut told = Ok(());
                self.greeting
                    .send(|out| told = write::authentication_sasl(out, mechanisms))
                    .await?;
                told.map_err(|error| Hangup::Protocol(error.to_string()))?;
                let body = self.greeting.password_message().await?;
                let initial =
                    decode_sasl_initial_response(&body).map_err(|error| Hangup::Protocol(error.to_string()))?;
                let mechanism = std::str::from_utf8(initial.mechanism).unwrap_or_default();
                let (message, challenge) = scram.begin(mechanism, initial.response.unwrap_or_default())?;
                self.say(|out| write::authentication_sasl_continue(out, &message))
                    .await?;
                let body = self.greeting.password_message().await?;
                let (message, login) = challenge.finish(&body)?;
                self.say(|out| write::authentication_sasl_final(out, &message)).await?;
                Ok(login)
            }
        }
    }

    async fn say(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), durward_wire::postgres::error::EncodeError>,
    ) -> Result<(), NoSession> {
        let mut told = Ok(());
        self.greeting.send(|out| told = write(out)).await?;
        told.map_err(|error| Hangup::Protocol(error.to_string()).into())
    }

    async fn connect(
        &mut self,
        parameters: &[(String, String)],
        database: &Database,
        login: &mut Login,
    ) -> Result<UpstreamConnection, NoSession> {
        let credentials = match &login.upstream {
            UpstreamLogin::Configured => UpstreamCredentials::configured(&database.target),
            UpstreamLogin::Passthrough { user, password } => UpstreamCredentials::passthrough(user, password.clone()),
        };
        match UpstreamConnection::connect(&database.target, &credentials, parameters).await {
            Ok(connection) => {
                login.accepted_upstream();
                Ok(connection)
            }
            Err(UpstreamError::Server(error)) => {
                let refused_login = error.code().starts_with("28");
                let reason = if refused_login && matches!(login.upstream, UpstreamLogin::Passthrough { .. }) {
                    login.refused_upstream().to_string()
                } else {
                    format!("the database server refused: {}", error.code())
                };
                Err(NoSession::RefusedByServer {
                    sqlstate: error.code().to_owned(),
                    error: error.into_frame(),
                    reason,
                })
            }
            Err(error) => {
                tracing::warn!(%error, database = %database.name, "the database server can't be reached");
                Err(NoSession::Refused {
                    refusal: Refusal::new(
                        sqlstate::CONNECTION_FAILURE,
                        "upstream-unreachable",
                        "the gateway can't reach the database server",
                    ),
                    reason: error.to_string(),
                })
            }
        }
    }

    /// All that stands between authentication and the first ReadyForQuery.
    async fn welcome(
        &mut self,
        wish: &Wish,
        upstream: &UpstreamConnection,
        secret_key: &[u8],
    ) -> Result<(), NoSession> {
        let application_name = wish.settings.application_name();
        self.say(|out| {
            write::authentication_ok(out);
            for (name, value) in upstream.parameters() {
                // The server has the person's name in it; the client gets back what it set.
                let value = if name == APPLICATION_NAME {
                    application_name
                } else {
                    value
                };
                write::parameter_status(out, name.as_bytes(), value.as_bytes())?;
            }
            write::backend_key_data(out, upstream.process_id(), secret_key)?;
            write::ready_for_query(out, TransactionStatus::Idle);
            Ok(())
        })
        .await
    }

    fn hand_over(self, opened: Opened) -> Session {
        self.gateway.metrics.here().login();
        let id = self.gateway.next_session();
        let principal: Arc<Principal> = Arc::clone(&opened.login.principal);
        let started = Event::SessionStarted(SessionStarted {
            session: id,
            principal: (*principal).clone(),
            database: opened.database.name.to_string(),
            login: self.user.clone(),
            upstream_user: opened.settings.session_user.to_string(),
            client_address: self.address.to_string(),
            client_program: self.program.clone(),
            tls: self.greeting.stream.is_tls(),
            upstream_process: u32::try_from(opened.upstream.process_id()).ok(),
        });
        if let Err(error) = self.gateway.ledger.record(&started) {
            tracing::error!(%error, "a session's start could not be recorded: its statements will be refused");
        }
        let lease = self.gateway.sessions.register(SessionFacts {
            id,
            principal: Arc::clone(&principal),
            database: opened.database.name.clone(),
            client_address: self.address.ip(),
            program: self.program.unwrap_or_default().into(),
            process_id: opened.upstream.process_id(),
            cancel: opened.upstream.cancel_target(),
            secret_key: opened.secret_key,
        });
        let encrypted = self.greeting.stream.is_tls();
        let (server_stream, leftover) = opened.upstream.into_parts();
        Session::new(SessionParts {
            gateway: self.gateway,
            sight: Sight::new(opened.settings, opened.catalog),
            name: opened.name,
            keys: opened.keys,
            levers: opened.levers,
            undoes: Vec::new(),
            database: opened.database,
            principal,
            standing: opened.login.standing,
            id,
            lease,
            encrypted,
            client: Link::new(self.greeting.stream, &self.greeting.inbound),
            server: Link::new(server_stream, &leftover),
        })
    }

    /// Tells the client and the record why there is no session, and closes the connection.
    async fn turn_away(mut self, no: NoSession) {
        self.explain(no).await;
        self.greeting.close().await;
    }

    async fn explain(&mut self, no: NoSession) {
        let (sqlstate, reason) = match no {
            NoSession::Served => return,
            NoSession::HungUp(Hangup::Io(error)) => {
                tracing::debug!(%error, address = %self.address, "a client left during login");
                return;
            }
            NoSession::HungUp(Hangup::Protocol(reason)) => {
                let refusal = Refusal::new(sqlstate::PROTOCOL_VIOLATION, "invalid-login-message", reason.clone());
                self.tell(&refusal).await;
                (sqlstate::PROTOCOL_VIOLATION.to_owned(), reason)
            }
            NoSession::Refused { refusal, reason } => {
                self.tell(&refusal).await;
                (refusal.sqlstate.to_string(), reason)
            }
            NoSession::RefusedByServer {
                error,
                sqlstate,
                reason,
            } => {
                let _told = self.greeting.send(|out| out.extend_from_slice(&error)).await;
                (sqlstate, reason)
            }
        };
        let event = Event::LoginRefused(LoginRefused {
            user: std::mem::take(&mut self.user),
            database: std::mem::take(&mut self.database),
            client_address: self.address.to_string(),
            client_program: self.program.take(),
            reason,
            sqlstate,
            tls: self.greeting.stream.is_tls(),
        });
        self.gateway.metrics.here().login_refused();
        if let Err(error) = self.gateway.ledger.record(&event) {
            tracing::error!(%error, "a refused login could not be recorded");
        }
    }

    async fn tell(&mut self, refusal: &Refusal) {
        let told = self
            .greeting
            .send(|out| write::error_response(out, &report(Severity::Fatal, refusal)))
            .await;
        if let Err(error) = told {
            tracing::debug!(%error, "a refused client didn't wait for the reason");
        }
    }
}

/// The keys of the masks that the principal sees.
pub(crate) fn mask_keys(
    gateway: &Gateway,
    database: &Database,
    principal: &Principal,
) -> Result<Arc<MaskKeys>, Refusal> {
    let labels = database.labels.current();
    MaskKeys::new(&gateway.mask_key, &database.name, principal, &labels)
        .map(Arc::new)
        .map_err(|error| {
            tracing::error!(%error, "the system gives no random bytes");
            Refusal::not_understood("no-randomness", "the system gives no random bytes")
        })
}

/// The database's catalog, as the first statement needs it.
pub(crate) async fn ready_catalog(database: &Database) -> Result<Arc<CatalogSnapshot>, Refusal> {
    database.catalog.ready().await.map_err(|error| {
        tracing::warn!(%error, database = %database.name, "the catalog can't be read");
        Refusal::not_understood("catalog-unknown", "the database's catalog could not be read")
    })
}

/// The new session's settings as the server has them.
pub(crate) async fn read_session(
    upstream: &mut UpstreamConnection,
    database: &Database,
) -> Result<SessionSettings, Refusal> {
    let unknown = |what: String| {
        tracing::warn!(what, database = %database.name, "a new session can't be judged");
        Refusal::not_understood(
            "session-state-unknown",
            "the session's settings could not be read from the database server",
        )
    };
    let answers = upstream
        .simple_query(PROBE_SQL)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    let row = answers
        .first()
        .and_then(|rows| rows.first())
        .ok_or_else(|| unknown("no row".into()))?;
    let fields: Result<Vec<Option<&str>>, _> = row
        .iter()
        .map(|field| field.as_deref().map(std::str::from_utf8).transpose())
        .collect();
    let fields = fields.map_err(|error| unknown(error.to_string()))?;
    SessionSettings::from_row(&fields).map_err(|error| unknown(error.to_string()))
}

/// A cancel key of ours: a client's requests to cancel name it, and nobody can guess it.
fn secret_key(version: ProtocolVersion) -> Result<Box<[u8]>, NoSession> {
    let mut key = vec![
        0;
        if version >= ProtocolVersion::LATEST {
            SECRET_KEY_BYTES
        } else {
            4
        }
    ];
    getrandom::fill(&mut key)
        .map_err(|_| Refusal::new("XX000", "no-randomness", "the gateway's system gives no random bytes"))?;
    Ok(key.into())
}
