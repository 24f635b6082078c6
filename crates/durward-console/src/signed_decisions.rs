//! Decisions of other systems: signed messages, each in the name of the identity that its key is bound to.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use durward_change::{Request, RequestId};
use serde::Deserialize;
use serde_json::Value;

use crate::access::Peer;
use crate::api::{on_desk, one_line, read};
use crate::app::Console;
use crate::decide::{Decider, Verdict, opens};
use crate::problem::Problem;
use crate::replays::NotTaken;
use crate::standard_webhook::{SECRET_BYTES_MIN, SigningSecret, TOLERANCE_SECONDS, Unsigned};

/// The longest name of whoever a system speaks for.
///
/// Unit: bytes. Reason: an address or a name, for the record.
const BY_BYTES_MAX: usize = 200;

/// A system that decides in the name of one identity.
#[derive(Debug, Clone)]
pub struct Sender {
    name: String,
    identity: String,
    secret: SigningSecret,
}

/// A sender that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// It stands in an address.
    #[error("{0:?} is no name of a sender: lower-case letters, digits and hyphens make one")]
    Name(String),
    /// Anybody could guess it.
    #[error("the secret of {0} is shorter than {SECRET_BYTES_MIN} bytes")]
    Secret(String),
}

impl Sender {
    /// A system called `name`, which decides as `identity` and signs with `secret`: base64 after `whsec_`, or its own bytes.
    ///
    /// # Errors
    /// When the name can't stand in an address, or the secret is too short.
    pub fn new(name: &str, identity: &str, secret: &str) -> Result<Self, SenderError> {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(SenderError::Name(name.to_owned()));
        }
        let secret = SigningSecret::parse(secret).ok_or_else(|| SenderError::Secret(name.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            identity: identity.to_owned(),
            secret,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a system has decided.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedDecision {
    /// Which request.
    request: String,
    /// What it is about, as it was told: the request's own digest.
    digest: String,
    decision: Option<Verdict>,
    /// What is said along with it, in one line.
    note: Option<String>,
    /// Whom the system speaks for, for the record; proves nothing.
    by: Option<String>,
}

pub(crate) async fn decide(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let now = console.now();
    let (sender, id) = match verified(&console, &name, &headers, &body, now) {
        Ok(verified) => verified,
        Err(error) => {
            console.note_refused(&name, "signed decision", peer, &error.to_string(), "28P01")?;
            return Err(Problem::new(StatusCode::UNAUTHORIZED, error.to_string()));
        }
    };
    let message = format!("{name} {id}");
    match console.replays.take(&message, now, now + 2 * TOLERANCE_SECONDS) {
        Ok(()) => {}
        Err(NotTaken::Again) => {
            let said = "a message with this webhook-id was taken already; nothing was done again";
            return Err(Problem::new(StatusCode::CONFLICT, said));
        }
        Err(NotTaken::Full) => {
            let said = "too many decisions within five minutes";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, said));
        }
    }
    let decided = act(&console, &sender, &headers, &body).await;
    if decided.as_ref().is_err_and(|problem| problem.status.is_server_error()) {
        console.replays.forget(&message);
    }
    console.document(&decided?).map(Json)
}

fn verified(
    console: &Console,
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: u64,
) -> Result<(Sender, String), Unsigned> {
    let sender = console.senders.iter().find(|sender| sender.name == name);
    // Who isn't known is told no more than who signs wrongly.
    let sender = sender.ok_or(Unsigned::Forged)?;
    let id = sender.secret.verify(headers, body, now)?;
    Ok((sender.clone(), id.to_owned()))
}

async fn act(console: &Arc<Console>, sender: &Sender, headers: &HeaderMap, body: &[u8]) -> Result<Request, Problem> {
    let wrong = |said: &str| Problem::new(StatusCode::BAD_REQUEST, said);
    let said: SignedDecision = read(headers, body)?;
    let verdict = said.decision.ok_or_else(|| wrong("decision is approve or reject"))?;
    let by = one_line(said.by.as_deref())?;
    if by.as_ref().is_some_and(|by| by.len() > BY_BYTES_MAX) {
        return Err(wrong("by is too long"));
    }
    let account = match by {
        Some(by) => format!("signed by {} for {by}", sender.name),
        None => format!("signed by {}", sender.name),
    };
    let decision = Decision {
        request: said.request,
        digest: said.digest,
        verdict,
        note: one_line(said.note.as_deref())?,
    };
    console.decide_as(&sender.identity, &account, decision).await
}

/// A decision that comes from elsewhere, about just this.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) request: String,
    pub(crate) digest: String,
    pub(crate) verdict: Verdict,
    pub(crate) note: Option<String>,
}

impl Console {
    /// Decides in the name of an identity whose messages were proven elsewhere: by all rules that hold for its own logins.
    pub(crate) async fn decide_as(
        self: &Arc<Self>,
        identity: &str,
        account: &str,
        decision: Decision,
    ) -> Result<Request, Problem> {
        let request = self.found_for(identity, &decision.request, &decision.digest)?;
        let (console, identity, account) = (Arc::clone(self), identity.to_owned(), account.to_owned());
        on_desk(move || {
            let decider = Decider {
                identity: Some(&identity),
                account: &account,
                confirms: false,
            };
            let approver = decider
                .approver(console.gatekeeper.directory(), &request)
                .map_err(|error| Problem::new(StatusCode::FORBIDDEN, error.to_string()))?;
            let (now, note) = (console.desk_now(), decision.note.as_deref());
            Ok(match decision.verdict {
                Verdict::Approve => console.approvals.approve(request.id, &approver, note, now)?,
                Verdict::Reject => console.approvals.reject(request.id, &approver, note, now)?,
            })
        })
        .await
    }

    /// A request that an identity may see, as it was told. What it may not see isn't there for it.
    pub(crate) fn found_for(&self, identity: &str, id: &str, digest: &str) -> Result<Request, Problem> {
        let id: RequestId = id.parse().map_err(|_| Problem::unknown())?;
        let directory = self.gatekeeper.directory();
        let request = self.approvals.get(id);
        let request = request.filter(|request| opens(directory, identity, &request.asked.database, self.now()));
        let request = request.ok_or_else(Problem::unknown)?;
        if request.asked.digest != digest {
            let said = format!("{id} isn't what was decided: its digest is another");
            return Err(Problem::new(StatusCode::CONFLICT, said));
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::{Sender, SenderError};

    #[test]
    fn names_and_secrets_of_senders_are_checked() {
        let secret = "x".repeat(24);
        assert!(Sender::new("service-now1", "snow", &secret).is_ok());
        for name in ["", "Service", "a b", "a/b", "ä"] {
            assert_eq!(
                Sender::new(name, "snow", &secret).unwrap_err(),
                SenderError::Name(name.to_owned())
            );
        }
        assert_eq!(
            Sender::new("a", "snow", "short").unwrap_err(),
            SenderError::Secret("a".to_owned())
        );
    }
}
