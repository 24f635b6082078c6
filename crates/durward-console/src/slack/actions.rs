//! What is clicked and written in Slack: signed by it, of our workspace, and decided by the rules that hold everywhere
//! (<https://docs.slack.dev/authentication/verifying-requests-from-slack/>,
//! <https://docs.slack.dev/reference/interaction-payloads/>).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use durward_change::Request;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Slack;
use super::message::{APPROVE, REJECT};
use crate::access::Peer;
use crate::api::one_line;
use crate::app::Console;
use crate::decide::{Decider, Verdict};
use crate::problem::Problem;
use crate::replays::NotTaken;
use crate::signed_decisions::Decision;

/// How old a request of Slack's may be, or how far ahead its clock.
///
/// Unit: seconds. Source: Slack's page on verifying requests.
const TOLERANCE_SECONDS: u64 = 5 * 60;

/// The dialog of a decision.
const DIALOG: &str = "durward_decision";

/// The field for what is said along with it.
const NOTE: &str = "note";

/// Why a request isn't Slack's, or isn't meant for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotSlack {
    #[error("X-Slack-Signature and X-Slack-Request-Timestamp are each needed once")]
    Headers,
    #[error("the signature doesn't fit")]
    Forged,
    #[error("the request was signed more than five minutes ago, or from now")]
    Late,
}

/// What a dialog is about, in its private metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    request: String,
    digest: String,
    verdict: Verdict,
}

/// What somebody did.
#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    team: Option<Team>,
    user: User,
    trigger_id: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
    view: Option<View>,
}

#[derive(Debug, Deserialize)]
struct Team {
    id: String,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    team_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    action_id: String,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct View {
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    #[serde(default)]
    state: Value,
}

/// Where Slack sends what is clicked.
pub(crate) async fn actions(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Some(slack) = console.slack.clone() else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "Slack isn't used here"));
    };
    let now = console.now();
    let signature = match slack.verify(&headers, &body, now) {
        Ok(signature) => signature,
        Err(error) => {
            console.note_refused("slack", "slack", peer, &error.to_string(), "28P01")?;
            return Err(Problem::new(StatusCode::UNAUTHORIZED, error.to_string()));
        }
    };
    match console.replays.take(signature, now, now + 2 * TOLERANCE_SECONDS) {
        Ok(()) => {}
        Err(NotTaken::Again) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "this was taken already; nothing was done again",
            ));
        }
        Err(NotTaken::Full) => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too much within five minutes",
            ));
        }
    }
    let payload = read(&body)?;
    if !slack.is_of_us(&payload) {
        console.note_refused(&payload.user.id, "slack", peer, "of another workspace", "28000")?;
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this isn't of the workspace that is served",
        ));
    }
    match payload.kind.as_str() {
        "block_actions" => {
            // Slack wants an answer within three seconds, and gets the dialog from another call.
            tokio::spawn(async move { console.clicked(&slack, payload).await });
            Ok(StatusCode::OK.into_response())
        }
        "view_submission" => Ok(console.submitted(&slack, payload).await),
        // A dialog was closed, or something that isn't used here.
        _ => Ok(StatusCode::OK.into_response()),
    }
}

fn read(body: &[u8]) -> Result<Payload, Problem> {
    let wrong = |said: String| Problem::new(StatusCode::BAD_REQUEST, said);
    let mut payloads = url::form_urlencoded::parse(body).filter(|(name, _)| name == "payload");
    let (_, payload) = payloads.next().ok_or_else(|| wrong("there is no payload".to_owned()))?;
    serde_json::from_str(&payload).map_err(|error| wrong(error.to_string()))
}

impl Slack {
    /// Checks that Slack has sent this, and lately; the signature.
    fn verify<'a>(&self, headers: &'a HeaderMap, body: &[u8], now: u64) -> Result<&'a str, NotSlack> {
        let once = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok());
            value.filter(|_| values.next().is_none()).ok_or(NotSlack::Headers)
        };
        let (signature, timestamp) = (once("x-slack-signature")?, once("x-slack-request-timestamp")?);
        let signed: u64 = timestamp.parse().map_err(|_| NotSlack::Headers)?;
        let secret = self.0.settings.signing_secret.as_bytes();
        if !fits(secret, signature, timestamp, body) {
            return Err(NotSlack::Forged);
        }
        if signed.abs_diff(now) > TOLERANCE_SECONDS {
            return Err(NotSlack::Late);
        }
        Ok(signature)
    }

    /// Whether somebody of our workspace did it, in our workspace: channels may be shared with others.
    fn is_of_us(&self, payload: &Payload) -> bool {
        let Some(team) = self.team() else {
            return false;
        };
        let in_ours = payload.team.as_ref().is_some_and(|given| given.id == team);
        in_ours && payload.user.team_id.as_ref().is_none_or(|of| of == team)
    }

    async fn open(&self, trigger: &str, view: &Value) {
        let wanted = json!({"trigger_id": trigger, "view": view});
        if let Err(error) = self.0.client.call_once("views.open", &wanted).await {
            tracing::warn!(%error, "a dialog in Slack can't be opened");
        }
    }
}

/// Whether a signature is of this secret, time and body: `v0=` and HMAC-SHA256 of `v0:TIME:BODY`, in hexadecimal.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn fits(secret: &[u8], signature: &str, timestamp: &str, body: &[u8]) -> bool {
    let Some(given) = signature.strip_prefix("v0=").and_then(unhex) else {
        return false;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // One spelling of a signature alone, so that none of another passes for one that wasn't taken yet.
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        })
        .collect();
    let pairs = digits?;
    let (pairs, []) = pairs.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high * 16 + low).collect())
}

impl Console {
    /// Somebody has pressed a button: a dialog asks what they say along with it, or tells them why they can't decide.
    async fn clicked(self: &Arc<Self>, slack: &Slack, payload: Payload) {
        let Some(trigger) = &payload.trigger_id else { return };
        for action in &payload.actions {
            let verdict = match action.action_id.as_str() {
                APPROVE => Verdict::Approve,
                REJECT => Verdict::Reject,
                _ => continue,
            };
            let value = action.value.as_deref().unwrap_or_default();
            let Some((request, digest)) = value.split_once(' ') else {
                continue;
            };
            let about = About {
                request: request.to_owned(),
                digest: digest.to_owned(),
                verdict,
            };
            let view = match self.may(slack, &payload.user.id, &about).await {
                Ok(request) => dialog(&request, &about),
                Err(said) => refusal(&said),
            };
            return slack.open(trigger, &view).await;
        }
    }

    /// Whether somebody's decision would count, or why not.
    async fn may(self: &Arc<Self>, slack: &Slack, user: &str, about: &About) -> Result<Request, String> {
        let identity = slack.identity(user).await.map_err(|error| error.to_string())?;
        let request = self
            .found_for(&identity, &about.request, &about.digest)
            .map_err(|problem| problem.detail)?;
        let decider = Decider {
            identity: Some(&identity),
            account: &account(user),
            confirms: false,
        };
        let approver = decider
            .approver(self.gatekeeper.directory(), &request)
            .map_err(|error| error.to_string())?;
        let may = match about.verdict {
            Verdict::Approve => self.approvals.may_approve(request.id, &approver, self.desk_now()),
            Verdict::Reject => self.approvals.may_reject(request.id, &approver, self.desk_now()),
        };
        may.map(|()| request).map_err(|error| error.to_string())
    }

    /// Somebody has sent the dialog off: it counts, or the dialog says why it doesn't.
    async fn submitted(self: &Arc<Self>, slack: &Slack, payload: Payload) -> Response {
        let Some(view) = payload.view.filter(|view| view.callback_id == DIALOG) else {
            return StatusCode::OK.into_response();
        };
        let about: About = match serde_json::from_str(&view.private_metadata) {
            Ok(about) => about,
            Err(_) => return told("this dialog isn't one of ours"),
        };
        let note = view.state.pointer(&format!("/values/{NOTE}/{NOTE}/value"));
        let note = match one_line(note.and_then(Value::as_str)) {
            Ok(None) if about.verdict == Verdict::Reject => return told("say why not"),
            Ok(note) => note,
            Err(problem) => return told(&problem.detail),
        };
        let identity = match slack.identity(&payload.user.id).await {
            Ok(identity) => identity,
            Err(error) => return told(&error.to_string()),
        };
        let decision = Decision {
            request: about.request,
            digest: about.digest,
            verdict: about.verdict,
            note,
        };
        match self.decide_as(&identity, &account(&payload.user.id), decision).await {
            // An empty answer closes the dialog.
            Ok(_) => StatusCode::OK.into_response(),
            Err(problem) => told(&problem.detail),
        }
    }
}

/// How the record calls the proof of who decided.
fn account(user: &str) -> String {
    format!("slack {user}")
}

/// The dialog says what is wrong, and stays.
fn told(said: &str) -> Response {
    Json(json!({"response_action": "errors", "errors": {NOTE: clipped(said, 2_000)}})).into_response()
}

fn dialog(request: &Request, about: &About) -> Value {
    let (word, label, optional) = match about.verdict {
        Verdict::Approve => ("Approve", "Note for whoever asked, and for the record", true),
        Verdict::Reject => ("Reject", "Why not", false),
    };
    let metadata = serde_json::to_string(about).unwrap_or_default();
    json!({
        "type": "modal", "callback_id": DIALOG, "private_metadata": metadata,
        "title": plain(&format!("{word} {}", request.id), 24),
        "submit": plain(word, 24),
        "close": plain("Cancel", 24),
        "blocks": [{
            "type": "input", "block_id": NOTE, "optional": optional, "label": plain(label, 2_000),
            "element": {"type": "plain_text_input", "action_id": NOTE, "max_length": 500},
        }],
    })
}

fn refusal(said: &str) -> Value {
    json!({
        "type": "modal", "title": plain("Not yours to decide", 24), "close": plain("Close", 24),
        "blocks": [{"type": "section", "text": plain(said, 2_000)}],
    })
}

fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": clipped(text, most), "emoji": false})
}

fn clipped(text: &str, most: usize) -> String {
    durward_change::visible(text).chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::{fits, unhex};

    #[test]
    fn signatures_are_those_of_slacks_page() {
        // The example of Slack's page on verifying requests.
        let secret = b"8f742231b10e8888abcd99yyyzzz85a5";
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let time = "1531420618";
        assert!(fits(secret, signature, time, body));
        for (secret, signature, time, body) in [
            (b"8f742231b10e8888abcd99yyyzzz85a6", signature, time, body.as_slice()),
            (secret, &signature[3..], time, body),
            (secret, &signature.to_uppercase(), time, body),
            (secret, &signature.replace('a', "A"), time, body),
            (secret, "v0=", time, body),
            (secret, &signature[..40], time, body),
            (secret, signature, "1531420619", body),
            (secret, signature, time, b"token=other"),
        ] {
            assert!(!fits(secret, signature, time, body), "{signature}");
        }
        assert_eq!(unhex("0f10"), Some(vec![15, 16]));
        assert_eq!(unhex("0f1"), None);
    }
}
