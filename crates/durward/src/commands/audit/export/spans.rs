//! Statements as OpenTelemetry spans, with the conventions for databases (semantic conventions 1.33, database spans).
//!
//! Made from the record, so that no statement waits for them: an intent and its outcome are one span. Ids are digests of
//! the event's name, so that what is sent twice is the same span.

use std::collections::HashMap;

use durward_audit::{Event, Origin, ShownEvent, StatementIntent, StatementOutcome, StatementRefused};
use durward_model::{SessionId, StatementId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Statements whose outcome is awaited.
///
/// Unit: statements. Reason: more than run at once; past it the oldest knowledge goes, and those have no span.
const OPEN_MAX: usize = 100_000;
/// How long a summary may become.
///
/// Unit: characters. Source: the conventions' bound for `db.query.summary`.
const SUMMARY_CHARACTERS_MAX: usize = 255;

/// The attribute that names a span's event, and by it the record.
pub(super) const EVENT: &str = "durward.event";

/// Makes spans of one record.
pub(super) struct Spans {
    ledger: String,
    open: HashMap<(SessionId, StatementId), ShownEvent>,
}

impl Spans {
    pub(super) fn new(ledger: &str) -> Self {
        Self {
            ledger: ledger.to_owned(),
            open: HashMap::new(),
        }
    }

    /// The span that ends with this event, if one does. Events must come in order.
    pub(super) fn span(&mut self, shown: ShownEvent) -> Option<Value> {
        match &shown.stored.event {
            // Nothing runs by a Parse.
            Event::StatementIntent(intent) if intent.origin == Origin::Parse => None,
            Event::StatementIntent(intent) => {
                let key = (intent.session, intent.statement);
                if self.open.len() >= OPEN_MAX {
                    self.open.clear();
                }
                // What runs another statement has the same number: the first is what the client sent.
                self.open.entry(key).or_insert(shown);
                None
            }
            Event::StatementOutcome(outcome) => {
                let intent = self.open.remove(&(outcome.session, outcome.statement))?;
                let Event::StatementIntent(body) = &intent.stored.event else {
                    return None;
                };
                Some(self.done(&intent, body, outcome))
            }
            Event::StatementRefused(refused) => Some(self.refused(&shown, refused)),
            Event::SessionEnded(ended) => {
                self.open.retain(|(session, _), _| *session != ended.session);
                None
            }
            // Whatever ran is not heard of any more.
            Event::LedgerOpened(_) => {
                self.open.clear();
                None
            }
            _ => None,
        }
    }

    /// The first event that a later span may still need.
    pub(super) fn needed_from(&self) -> Option<u64> {
        self.open.values().map(|intent| intent.stored.number.0).min()
    }

    fn done(&self, shown: &ShownEvent, intent: &StatementIntent, outcome: &StatementOutcome) -> Value {
        let mut more = vec![
            text("durward.verdict", "permitted"),
            integer("db.response.returned_rows", outcome.rows),
        ];
        more.extend(outcome.rows_affected.map(|rows| integer("durward.rows_affected", rows)));
        self.make(
            shown,
            intent.trace.as_deref(),
            outcome.duration_microseconds,
            outcome.sqlstate.as_deref(),
            more,
        )
    }

    fn refused(&self, shown: &ShownEvent, refused: &StatementRefused) -> Value {
        let more = vec![text("durward.verdict", "refused"), text("durward.rule", &refused.rule)];
        self.make(shown, refused.trace.as_deref(), 0, Some(&refused.sqlstate), more)
    }

    fn make(
        &self,
        shown: &ShownEvent,
        trace: Option<&str>,
        microseconds: u64,
        sqlstate: Option<&str>,
        more: Vec<Value>,
    ) -> Value {
        let number = shown.stored.number.0;
        let name = format!("{}/{number}", self.ledger);
        let digest = hexadecimal(&Sha256::digest(&name));
        let (own_trace, rest) = digest.split_at(32);
        let parent = trace.and_then(parent);
        let start = shown.stored.time_microseconds;
        let summary = summary(shown);
        let mut attributes = vec![
            text("db.system.name", "postgresql"),
            text("db.query.summary", &summary),
            text(EVENT, &name),
        ];
        if let Some(whose) = &shown.whose {
            let (address, port) = whose
                .client_address
                .rsplit_once(':')
                .unwrap_or((&whose.client_address, ""));
            attributes.extend([
                text("db.namespace", &whose.database),
                text("user.name", &whose.principal.to_string()),
                text("client.address", address),
            ]);
            attributes.extend(port.parse().ok().map(|port| integer("client.port", port)));
        }
        if let Some(shape) = &shown.statement {
            attributes.extend([
                text("db.operation.name", &shape.command),
                text("db.query.text", &shape.normalized),
            ]);
            let mut named = shape.relations.iter().filter(|relation| relation.direct);
            if let (Some(relation), None) = (named.next(), named.next()) {
                let collection = format!("{}.{}", relation.schema, relation.name);
                attributes.push(text("db.collection.name", &collection));
            }
        }
        if let Some(basis) = &shown.decision {
            let rules: Vec<Value> = basis.rules.iter().map(|rule| json!({ "stringValue": rule })).collect();
            attributes.push(json!({ "key": "durward.rules", "value": { "arrayValue": { "values": rules } } }));
        }
        attributes.extend(more);
        if let Some(sqlstate) = sqlstate {
            attributes.extend([text("db.response.status_code", sqlstate), text("error.type", sqlstate)]);
        }
        let mut span = json!({
            "traceId": parent.map_or(own_trace, |(trace, _)| trace),
            "spanId": rest.get(..16).unwrap_or_default(),
            "name": summary,
            // CLIENT: the gateway is the database's client.
            "kind": 3,
            "startTimeUnixNano": nanoseconds(start),
            "endTimeUnixNano": nanoseconds(start.saturating_add(microseconds)),
            "attributes": attributes,
            "status": if sqlstate.is_some() { json!({ "code": 2 }) } else { json!({}) },
        });
        if let (Some((_, parent)), Some(span)) = (parent, span.as_object_mut()) {
            span.insert("parentSpanId".into(), parent.into());
        }
        span
    }
}

/// Command and relations: few values, whatever the statement's text.
fn summary(shown: &ShownEvent) -> String {
    let Some(shape) = &shown.statement else {
        return "postgresql".into();
    };
    let mut words = vec![shape.command.clone()];
    let direct = shape.relations.iter().filter(|relation| relation.direct);
    words.extend(direct.map(|relation| format!("{}.{}", relation.schema, relation.name)));
    // Cut between words, as the conventions want it.
    let mut summary = String::new();
    for word in words {
        if summary.chars().count() + word.chars().count() + 1 > SUMMARY_CHARACTERS_MAX {
            break;
        }
        if !summary.is_empty() {
            summary.push(' ');
        }
        summary.push_str(&word);
    }
    summary
}

/// The trace and the span that a W3C `traceparent` names (Trace Context, section 3.2).
fn parent(traceparent: &str) -> Option<(&str, &str)> {
    let mut parts = traceparent.split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && text.bytes().any(|byte| byte != b'0')
    };
    (is(trace, 32) && is(span, 16)).then_some((trace, span))
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn integer(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanoseconds(microseconds: u64) -> String {
    microseconds.saturating_mul(1_000).to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_from_what_the_client_said_alone_if_it_is_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            parent(good),
            Some(("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"))
        );
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parent(bad), None, "{bad}");
        }
    }
}
