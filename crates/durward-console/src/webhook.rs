//! News of requests for another system, signed as the Standard Webhooks specification has it (version 1: HMAC-SHA256).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durward_change::{Desk, Request, RequestId, State};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::sync::watch;
use url::Url;

use crate::api::version;
use crate::site::is_safe;
use crate::standard_webhook::{SECRET_BYTES_MIN, SigningSecret};

/// How long one delivery may take.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(10);

/// How often a delivery is tried, waiting one second, then twice as long each time.
const TRIES_MAX: u32 = 5;

/// Where news go, and how they are signed.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secret: SigningSecret,
}

/// A webhook that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Where it goes is nowhere.
    #[error("{0:?} is no address: give https://…, or http://… on this machine")]
    Url(String),
    /// Anybody could guess it.
    #[error("the secret is shorter than {SECRET_BYTES_MIN} bytes")]
    Secret,
}

impl Webhook {
    /// News to `url`, signed with `secret`: base64 after `whsec_`, or else its own bytes.
    ///
    /// # Errors
    /// When the address is none, is unencrypted and of another machine, or the secret is too short.
    pub fn new(url: &str, secret: &str) -> Result<Self, WebhookError> {
        let wrong = || WebhookError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        if !is_safe(&parsed) {
            return Err(wrong());
        }
        let secret = SigningSecret::parse(secret).ok_or(WebhookError::Secret)?;
        Ok(Self { url: parsed, secret })
    }

    /// Tells what happens on the desk from now on, until `shutdown` says true: each request as it is when it is told, in the
    /// order of their numbers. `pages` is what stands before a request's number in links. Cancel safe: yes; what wasn't
    /// told yet isn't.
    pub async fn follow(self, desk: Arc<Desk>, pages: Option<String>, mut shutdown: watch::Receiver<bool>) {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(DELIVERY_PATIENCE)
            .user_agent("durward");
        let client = match client.build() {
            Ok(client) => client,
            Err(error) => return tracing::error!(%error, "no webhook can be told"),
        };
        let mut moved = desk.watch();
        let mut told: HashMap<RequestId, String> = known(&desk);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                changed = moved.changed() => if changed.is_err() { return },
            }
            for request in desk.list().iter().rev() {
                let now = version(request);
                if told.get(&request.id) == Some(&now) {
                    continue;
                }
                tokio::select! {
                    biased;
                    _ = shutdown.wait_for(|shut| *shut) => return,
                    () = self.deliver(&client, request, pages.as_deref()) => {}
                }
                told.insert(request.id, now);
            }
            let kept = known(&desk);
            told.retain(|id, _| kept.contains_key(id));
        }
    }

    async fn deliver(&self, client: &Client, request: &Request, pages: Option<&str>) {
        let id = format!("{}-{}", request.id, version(request));
        let body = body(request, pages).to_string();
        let mut pause = Duration::from_secs(1);
        for _ in 0..TRIES_MAX {
            let timestamp = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
                .to_string();
            let signature = self.secret.sign(&id, &timestamp, body.as_bytes());
            let sent = client
                .post(self.url.clone())
                .header("content-type", "application/json")
                .header("webhook-id", &id)
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", signature)
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => tracing::warn!(status = %answer.status(), %id, "the webhook refused news"),
                Err(error) => tracing::warn!(error = %error.without_url(), %id, "the webhook can't be reached"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        tracing::error!(%id, "the webhook was not told");
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a token in its path.
        f.debug_struct("Webhook")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// Facts alone: no statement, parameter or note leaves by this way.
fn body(request: &Request, pages: Option<&str>) -> serde_json::Value {
    let asked = &request.asked;
    let id = request.id.to_string();
    let escalated = request.addressed.escalated.is_some() && request.state == State::Pending;
    let step = if escalated { "escalated" } else { request.state.as_str() };
    serde_json::json!({
        "type": format!("approval.{}", step.replace('-', "_")),
        "data": {
            "url": pages.map(|pages| format!("{pages}{id}")),
            "id": id,
            "state": request.state,
            "version": version(request),
            "principal": asked.principal.to_string(),
            "kind": asked.principal.kind(),
            "database": asked.database,
            "command": asked.touched.command,
            "changes": asked.touched.changes,
            "labels": asked.touched.labels,
            "hazards": asked.touched.hazards,
            "rows_in_words": asked.rows.to_string(),
            "rules": asked.rules,
            "groups": asked.terms.groups,
            "needed": asked.terms.count,
            "risk": request.risk,
            "asked_of": request.addressed.everybody(),
            "escalates_at": request.addressed.escalates_at,
            "digest": asked.digest,
            "approved_by": request.approvals.iter().map(|approval| &approval.by).collect::<Vec<_>>(),
            "asked_at": request.asked_at,
            "expires_at": request.expires_at,
        },
    })
}

fn known(desk: &Desk) -> HashMap<RequestId, String> {
    desk.list()
        .iter()
        .map(|request| (request.id, version(request)))
        .collect()
}

#[cfg(test)]
mod tests {
    use durward_change::{Desk, Escalation, Manner, MemoryStore, NoRecorder, Party, Rota, Routing, example};
    use serde_json::json;

    use super::{Webhook, WebhookError, body};

    #[test]
    fn news_say_who_is_asked_and_that_others_are_too() {
        let routing = Routing {
            rota: Rota::of(["oncall"]).unwrap(),
            escalation: Some(Escalation {
                after_seconds: 60,
                to: Party::list("leads").unwrap(),
            }),
            ..Routing::default()
        };
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let desk = desk.routed(routing, 0).unwrap();
        desk.present(&example(), Manner::Parked, 0).unwrap();
        let news = || body(&desk.list()[0], None);
        let first = news();
        assert_eq!(first["type"], "approval.pending");
        assert_eq!(
            (&first["data"]["asked_of"], &first["data"]["escalates_at"]),
            (&json!(["oncall"]), &json!(60))
        );
        desk.sweep(60).unwrap();
        let then = news();
        assert_eq!(then["type"], "approval.escalated");
        assert_eq!(then["data"]["asked_of"], json!(["leads", "oncall"]));
        assert_ne!(then["data"]["version"], first["data"]["version"], "it is told");
    }

    #[test]
    fn addresses_and_secrets_are_checked() {
        let secret = "x".repeat(24);
        for (url, good) in [
            ("https://hooks.example.com/t/1", true),
            ("http://127.0.0.1:9000/", true),
            ("http://localhost:9000/", true),
            ("http://hooks.example.com/", false),
            ("ftp://hooks.example.com/", false),
            ("hooks", false),
        ] {
            assert_eq!(Webhook::new(url, &secret).is_ok(), good, "{url}");
        }
        let short = Webhook::new("https://example.com", "whsec_AAAA").unwrap_err();
        assert_eq!(short, WebhookError::Secret);
    }
}
