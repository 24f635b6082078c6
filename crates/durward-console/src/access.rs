//! Who asks: a browser by its cookie, a program by HTTP Basic. Both show a password that the gateway issued.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_audit::{Administration, Event, LoginRefused};
use durward_change::{Approver, Request};
use durward_identity::{FailureReason, LocalLogin};
use durward_model::{CredentialKind, Principal, PrincipalKind};

use crate::app::Console;
use crate::problem::Problem;
use crate::tickets::Entry;

/// How much of a name that proves nothing is recorded.
///
/// Unit: characters. Reason: whoever sends it chooses its length.
const NAME_CHARACTERS_MAX: usize = 100;

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Peer {
    pub(crate) fn ip(self) -> IpAddr {
        self.0.ip()
    }
}

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    pub(crate) principal: Arc<Principal>,
    /// The databases that their password opens.
    databases: Vec<Arc<str>>,
}

impl Viewer {
    pub(crate) fn of(login: &LocalLogin) -> Self {
        Self {
            principal: Arc::clone(&login.principal),
            databases: login.databases.clone(),
        }
    }

    /// The name of whoever acts.
    pub(crate) fn name(&self) -> &str {
        &self.principal.acting().name
    }

    /// Whether it is a person who speaks for themselves.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self.principal.kind(), PrincipalKind::Person | PrincipalKind::Operator)
    }

    /// Whether the directory knows them; what others are, their token said.
    pub(crate) fn is_local(&self) -> bool {
        self.principal.credential_kind == CredentialKind::IssuedPassword
    }

    /// The databases that their password opens.
    pub(crate) fn databases(&self) -> &[Arc<str>] {
        &self.databases
    }

    /// How the record calls the proof of who decided.
    pub(crate) fn proof(&self) -> String {
        format!("web login by {}", self.principal.credential.0)
    }

    /// Who they are where they take something of their own back: programs do that too.
    pub(crate) fn as_requester(&self) -> Approver {
        Approver {
            account: Some(self.proof()),
            ..Approver::named(self.name())
        }
    }

    /// Whether they may see a request: people, those for databases that their password opens; programs, their own.
    pub(crate) fn sees(&self, request: &Request) -> bool {
        let asked = &request.asked;
        if !self.databases.iter().any(|own| **own == *asked.database) {
            return false;
        }
        self.is_person()
            || (asked.principal.subject == self.principal.subject && asked.principal.actors == self.principal.actors)
    }
}

impl Console {
    /// The browser's login, by its cookie.
    pub(crate) fn entry(&self, headers: &HeaderMap) -> Option<Entry> {
        self.tickets.find(self.cookie(headers)?, self.now())
    }

    /// The secret in the cookie. A request with two of them is nobody's.
    pub(crate) fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.cookie_name();
        let lines = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok());
        let mut found = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(given, _)| *given == name)
            .map(|(_, secret)| secret);
        let secret = found.next()?;
        found.next().is_none().then_some(secret)
    }

    pub(crate) fn cookie_name(&self) -> &'static str {
        // The prefix makes browsers refuse it from other hosts and unencrypted pages (RFC 6265bis section 4.1.3.2).
        if self.site.is_encrypted() {
            "__Host-durward"
        } else {
            "durward"
        }
    }

    /// The attributes of the cookie.
    pub(crate) fn set_cookie(&self, value: &str) -> String {
        let secure = if self.site.is_encrypted() { "; Secure" } else { "" };
        let ends = if value.is_empty() { "; Max-Age=0" } else { "" };
        format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}",
            self.cookie_name()
        )
    }

    /// Who asks a question: by HTTP Basic, or by a browser's cookie.
    pub(crate) async fn asker(&self, headers: &HeaderMap, peer: Peer) -> Result<Viewer, Problem> {
        if headers.contains_key(header::AUTHORIZATION) {
            return self.decider(headers, peer).await;
        }
        let entry = self.entry(headers);
        entry.map(|entry| entry.viewer).ok_or_else(unauthorized)
    }

    /// Who changes something as a program: by HTTP Basic alone, since a cookie comes along by itself.
    pub(crate) async fn decider(&self, headers: &HeaderMap, peer: Peer) -> Result<Viewer, Problem> {
        let (user, password) = basic(headers).ok_or_else(unauthorized)?;
        let login = self.log_in(user, password, peer).await?;
        Ok(Viewer::of(&login))
    }

    /// Checks a password. A refusal is recorded, with its true reason.
    pub(crate) async fn log_in(&self, user: String, password: String, peer: Peer) -> Result<LocalLogin, Problem> {
        let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many logins at a time");
        let _turn = self.password_checks.acquire().await.map_err(|_| busy())?;
        let gatekeeper = Arc::clone(&self.gatekeeper);
        let name = user.clone();
        let checked = if gatekeeper.is_token_login(&user, &password) {
            let databases = &self.databases;
            gatekeeper
                .verify_token(&user, &password, Some(peer.ip()), databases)
                .await
        } else {
            let checked = tokio::task::spawn_blocking(move || {
                gatekeeper.verify_local(&name, password.as_bytes(), Some(peer.ip()))
            });
            checked.await.map_err(|_| busy())?
        };
        let failure = match checked {
            Ok(login) => return Ok(login),
            Err(failure) => failure,
        };
        let event = LoginRefused {
            user,
            database: String::new(),
            client_address: peer.0.to_string(),
            client_program: Some("web".to_owned()),
            reason: failure.reason.to_string(),
            sqlstate: failure.refusal.sqlstate.to_string(),
            tls: self.site.is_encrypted(),
        };
        self.record(&Event::LoginRefused(event))?;
        let is_limit = matches!(failure.reason, FailureReason::Throttled(_));
        let status = if is_limit {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::UNAUTHORIZED
        };
        let hint = failure.refusal.hint.as_deref().unwrap_or_default();
        let said = if is_limit {
            format!("{}. {hint}", failure.refusal.message)
        } else {
            "Name and password don't fit. The password is the one that the gateway issued for databases, or a token of an \
             identity provider that it accepts."
                .to_owned()
        };
        Err(Problem::new(status, said))
    }

    /// Records that somebody used the console.
    pub(crate) fn note(&self, by: &str, action: &str, object: &str) -> Result<(), Problem> {
        let event = Administration {
            by: by.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
        };
        self.record(&Event::Administration(event))
    }

    /// Records that somebody who came by `program` wasn't let in.
    pub(crate) fn note_refused(
        &self,
        user: &str,
        program: &str,
        peer: Peer,
        reason: &str,
        sqlstate: &str,
    ) -> Result<(), Problem> {
        let event = LoginRefused {
            user: user.chars().take(NAME_CHARACTERS_MAX).collect(),
            database: String::new(),
            client_address: peer.0.to_string(),
            client_program: Some(program.to_owned()),
            reason: reason.to_owned(),
            sqlstate: sqlstate.to_owned(),
            tls: self.site.is_encrypted(),
        };
        self.record(&Event::LoginRefused(event))
    }

    fn record(&self, event: &Event) -> Result<(), Problem> {
        self.ledger.record(event).map(drop).map_err(|error| {
            tracing::error!(%error, "a login can't be recorded");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "this can't be recorded, and so isn't done",
            )
        })
    }
}

pub(crate) fn unauthorized() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "log in by HTTP Basic, with a name and an issued password",
    )
}

/// Name and password of HTTP Basic (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
