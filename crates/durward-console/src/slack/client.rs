//! Slack's Web API, asked with patience: <https://docs.slack.dev/apis/web-api/>.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::Value;
use tokio::sync::watch;
use url::Url;
use zeroize::Zeroizing;

/// How long one call may take.
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// How long somebody waits who has clicked: the trigger of a dialog lives for three seconds.
const CLICK_PATIENCE: Duration = Duration::from_millis(2_500);

/// How often a call is tried at once, waiting one second, then twice as long each time, or as long as Slack says.
const TRIES_MAX: u32 = 6;

/// The longest wait that Slack may ask for.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Errors that pass by themselves.
const PASSING: [&str; 5] = [
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
];

/// The Web API.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Zeroizing<String>,
}

/// Why Slack didn't do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// It says so.
    #[error("Slack says {0}")]
    Refused(String),
    /// It can't be reached, or is in trouble.
    #[error("Slack can't be reached ({0})")]
    Unreachable(String),
}

impl CallError {
    /// Whether the same may be answered otherwise later.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Refused(said) => PASSING.contains(&said.as_str()),
            Self::Unreachable(_) => true,
        }
    }
}

/// One try.
enum Tried {
    Done(Value),
    Failed(CallError),
    Again(CallError, Option<Duration>),
}

impl Client {
    pub(super) fn new(url: Url, token: Zeroizing<String>) -> Option<Self> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(CALL_PATIENCE)
            .user_agent("durward");
        Some(Self {
            http: http.build().ok()?,
            url,
            token,
        })
    }

    /// Calls a method with JSON, as often as it takes within reason, and no more once `shutdown` says true. Cancel safe: no:
    /// what was sent may have been done.
    pub(super) async fn call(
        &self,
        method: &str,
        arguments: &Value,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Value, CallError> {
        let mut shutdown = shutdown.clone();
        let mut pause = Duration::from_secs(1);
        let mut tries = 0;
        loop {
            let (error, wait) = match self.post(method, arguments).await {
                Tried::Done(answer) => return Ok(answer),
                Tried::Failed(error) => return Err(error),
                Tried::Again(error, wait) => (error, wait),
            };
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(error);
            }
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return Err(error),
                () = tokio::time::sleep(wait.unwrap_or(pause)) => {}
            }
            pause *= 2;
        }
    }

    /// Calls a method once, for somebody who waits. Cancel safe: no.
    pub(super) async fn call_once(&self, method: &str, arguments: &Value) -> Result<Value, CallError> {
        within(self.post(method, arguments)).await
    }

    /// Asks for somebody's profile, once. Cancel safe: yes.
    pub(super) async fn user(&self, id: &str) -> Result<Value, CallError> {
        let arguments = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("user", id)
            .finish();
        let asked = self.request("users.info").map(|request| {
            request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(arguments)
        });
        within(self.send(asked)).await
    }

    async fn post(&self, method: &str, arguments: &Value) -> Tried {
        let asked = self.request(method).map(|request| {
            request
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .body(arguments.to_string())
        });
        self.send(asked).await
    }

    fn request(&self, method: &str) -> Result<RequestBuilder, CallError> {
        let url = self.url.join(method);
        let url = url.map_err(|error| CallError::Unreachable(error.to_string()))?;
        Ok(self.http.post(url).bearer_auth(self.token.as_str()))
    }

    async fn send(&self, asked: Result<RequestBuilder, CallError>) -> Tried {
        let asked = match asked {
            Ok(asked) => asked,
            Err(error) => return Tried::Failed(error),
        };
        let unreachable = |error: reqwest::Error| CallError::Unreachable(error.without_url().to_string());
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) => return Tried::Again(unreachable(error), None),
        };
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = answer.headers().get(header::RETRY_AFTER);
            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
            let wait = wait.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
            return Tried::Again(CallError::Refused("ratelimited".to_owned()), wait);
        }
        if status.is_server_error() {
            return Tried::Again(CallError::Unreachable(status.to_string()), None);
        }
        let answer: Value = match answer.json().await {
            Ok(answer) => answer,
            Err(error) => return Tried::Again(unreachable(error), None),
        };
        if answer.get("ok").and_then(Value::as_bool) == Some(true) {
            return Tried::Done(answer);
        }
        let said = answer.get("error").and_then(Value::as_str).unwrap_or("nothing");
        let error = CallError::Refused(said.to_owned());
        if error.passes() {
            Tried::Again(error, None)
        } else {
            Tried::Failed(error)
        }
    }
}

async fn within(tried: impl Future<Output = Tried>) -> Result<Value, CallError> {
    match tokio::time::timeout(CLICK_PATIENCE, tried).await {
        Ok(Tried::Done(answer)) => Ok(answer),
        Ok(Tried::Failed(error) | Tried::Again(error, _)) => Err(error),
        Err(_) => Err(CallError::Unreachable("it takes too long".to_owned())),
    }
}
