//! OTLP logs and spans over HTTP, in their JSON encoding (OpenTelemetry protocol 1.x, section OTLP/HTTP).

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::spans::EVENT;
use super::syslog::host_name;
use crate::commands::runtime;

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much is sent in one request, unless one event alone is more.
///
/// Unit: bytes of the events as JSON. Reason: collectors take 20 MiB, and the encoding is up to three times as long.
const REQUEST_BYTES_MAX: usize = 4 << 20;
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long a collector may put one off.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What a collector has refused for good: the protocol forbids to send it again.
#[derive(Debug, thiserror::Error)]
#[error("the collector refused it for good: {0}")]
pub(super) struct Rejected(String);

/// A collector that asks for patience.
#[derive(Debug, thiserror::Error)]
#[error("answered {status}")]
pub(super) struct Later {
    status: StatusCode,
    /// How long to wait, where it says so.
    pub(super) after: Option<Duration>,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Events as log records.
    Logs,
    /// Statements as spans, which are made already.
    Spans,
}

impl Signal {
    const fn path(self) -> &'static str {
        match self {
            Self::Logs => "/v1/logs",
            Self::Spans => "/v1/traces",
        }
    }
}

/// A collector.
pub(super) struct Collector {
    url: String,
    signal: Signal,
    authorization: Option<String>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Collector {
    /// A collector at `url`, which is `http…` or `https…`; the signal's own path follows where it has none.
    ///
    /// # Errors
    /// When it is no URL.
    pub(super) fn new(url: &str, authorization: Option<String>, signal: Signal) -> anyhow::Result<Self> {
        let mut parsed = url::Url::parse(url).with_context(|| format!("--to: {url:?} is no URL"))?;
        ensure!(
            parsed.username().is_empty() && parsed.password().is_none(),
            "credentials don't belong in the URL: give them by --authorization-file"
        );
        if parsed.path() == "/" {
            parsed.set_path(signal.path());
        }
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url: parsed.into(),
            signal,
            authorization,
            client,
            runtime: runtime()?,
        })
    }

    /// Where it is, without what may be a key.
    pub(super) fn name(&self) -> &str {
        self.url.split('?').next().unwrap_or(&self.url)
    }

    /// Sends objects, and returns when the collector has taken all of them.
    ///
    /// # Errors
    /// [`Rejected`] when it never will; else it can be tried again.
    pub(super) fn send(&self, objects: &[&Value]) -> anyhow::Result<()> {
        let host = host_name();
        let mut rest = objects;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            self.runtime.block_on(self.post(&request(self.signal, now, &host)))?;
            rest = later;
        }
        Ok(())
    }

    async fn post(&self, body: &Value) -> anyhow::Result<()> {
        let mut post = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body.to_string());
        if let Some(authorization) = &self.authorization {
            post = post.header("authorization", authorization);
        }
        let answer = post.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        let after = answer
            .headers()
            .get("retry-after")
            .and_then(|after| after.to_str().ok()?.parse().ok());
        let text = read(answer).await?;
        match status {
            status if status.is_success() => taken(&text),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = after.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
                Err(Later { status, after }.into())
            }
            other => Err(Rejected(format!("answered {other}")).into()),
        }
    }
}

/// How many of these go into one request.
fn fitting(objects: &[&Value]) -> usize {
    let mut bytes = 0;
    let fitting = objects.iter().take_while(|object| {
        bytes += object.to_string().len();
        bytes <= REQUEST_BYTES_MAX
    });
    fitting.count().max(1)
}

async fn read(mut answer: reqwest::Response) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        bytes.extend_from_slice(&chunk);
        ensure!(bytes.len() <= ANSWER_BYTES_MAX, "the collector's answer is too long");
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a collector that answered with success has taken all records.
fn taken(answer: &str) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let count = |name: &str| answer.pointer(&format!("/partialSuccess/{name}"));
    let rejected = match count("rejectedLogRecords").or_else(|| count("rejectedSpans")) {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(number) => number.as_u64().unwrap_or(0),
        None => 0,
    };
    if rejected == 0 {
        return Ok(());
    }
    let why = answer.pointer("/partialSuccess/errorMessage").and_then(Value::as_str);
    let why = why.unwrap_or("it doesn't say why");
    Err(Rejected(format!("{rejected} events, {}", why.escape_debug())).into())
}

/// An `ExportLogsServiceRequest`, or an `ExportTraceServiceRequest`.
fn request(signal: Signal, objects: &[&Value], host: &str) -> Value {
    let ledger = objects.first().map(|object| instance(object)).unwrap_or_default();
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let version = env!("CARGO_PKG_VERSION");
    let resource = json!({ "attributes": [
        text("service.name", "durward"),
        text("service.version", version),
        text("service.instance.id", &ledger),
        text("host.name", host),
    ] });
    let scope = json!({ "name": "durward.audit", "version": version });
    match signal {
        Signal::Logs => {
            let records: Vec<Value> = objects.iter().map(|object| record(object)).collect();
            let scoped = json!({ "scope": scope, "logRecords": records });
            json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [scoped] }] })
        }
        Signal::Spans => {
            let scoped = json!({ "scope": scope, "spans": objects });
            json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [scoped] }] })
        }
    }
}

/// The record that an event or a span is of.
fn instance(object: &Value) -> String {
    let name = object.pointer("/metadata/log_name").and_then(Value::as_str);
    let attributes = object.get("attributes").and_then(Value::as_array);
    let of_span = || {
        let event = attributes?
            .iter()
            .find(|attribute| attribute.get("key").is_some_and(|key| key == EVENT))?;
        let (ledger, _) = event.pointer("/value/stringValue")?.as_str()?.split_once('/')?;
        Some(format!("durward-ledger/{ledger}"))
    };
    name.map(str::to_owned).or_else(of_span).unwrap_or_default()
}

/// A log record: the event is its body, and its name an attribute, so that what comes twice can be told.
fn record(object: &Value) -> Value {
    let number = |name: &str| object.get(name).and_then(Value::as_u64);
    let nanoseconds = number("time").unwrap_or_default().saturating_mul(1_000_000).to_string();
    let (severity, severity_text) = match number("severity_id") {
        Some(2) => (10, "INFO2"),
        Some(3) => (13, "WARN"),
        Some(4) => (17, "ERROR"),
        Some(5) => (18, "ERROR2"),
        Some(6) => (21, "FATAL"),
        _ => (9, "INFO"),
    };
    json!({
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": severity,
        "severityText": severity_text,
        "eventName": format!("ocsf.{}", number("class_uid").unwrap_or_default()),
        "body": any(object),
        "attributes": [
            { "key": "log.record.uid", "value": any(object.pointer("/metadata/uid").unwrap_or(&Value::Null)) },
            { "key": "ocsf.class_name", "value": any(object.get("class_name").unwrap_or(&Value::Null)) },
        ],
    })
}

/// An `AnyValue`. Integers are texts: JSON's numbers would lose their last digits.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => json!({ "intValue": integer.to_string() }),
            None => json!({ "doubleValue": number }),
        },
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(values) => json!({ "arrayValue": { "values": values.iter().map(any).collect::<Vec<_>>() } }),
        Value::Object(members) => json!({ "kvlistValue": { "values": members
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": any(value) }))
            .collect::<Vec<_>>() } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_a_log_record() {
        let object = json!({
            "class_uid": 6005, "class_name": "Datastore Activity", "severity_id": 3, "time": 1_767_225_600_123_u64,
            "metadata": { "uid": "00ff/7", "log_name": "durward-ledger/00ff" },
            "unmapped": { "rules": ["a"], "big": 9_007_199_254_740_993_i64, "none": null, "so": true },
        });
        let request = request(Signal::Logs, &[&object], "host");
        let scope = &request["resourceLogs"][0]["scopeLogs"][0];
        insta::assert_snapshot!(serde_json::to_string_pretty(&scope["logRecords"]).unwrap());
        let instance = &request["resourceLogs"][0]["resource"]["attributes"][2]["value"]["stringValue"];
        assert_eq!(instance, "durward-ledger/00ff");
    }

    #[test]
    fn a_part_that_was_rejected_is_not_taken_for_success() {
        for text in [
            "",
            "{}",
            "{\"partialSuccess\":{}}",
            "{\"partialSuccess\":{\"rejectedLogRecords\":\"0\"}}",
        ] {
            taken(text).unwrap();
        }
        for text in [
            "{\"partialSuccess\":{\"rejectedLogRecords\":\"2\",\"errorMessage\":\"too old\"}}",
            "{\"partialSuccess\":{\"rejectedLogRecords\":1}}",
            "{\"partialSuccess\":{\"rejectedSpans\":\"1\"}}",
        ] {
            assert!(taken(text).unwrap_err().is::<Rejected>());
        }
    }

    #[test]
    fn requests_are_bounded() {
        let large = json!({ "text": "x".repeat(3 << 20) });
        let huge = json!({ "text": "x".repeat(5 << 20) });
        assert_eq!(fitting(&[&large, &large]), 1);
        assert_eq!(fitting(&[&huge, &large]), 1);
        assert_eq!(fitting(&[&json!({}), &json!({}), &large]), 3);
    }
}
