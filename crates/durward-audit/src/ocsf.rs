//! Events in the form of the Open Cybersecurity Schema Framework 1.6.0 (<https://schema.ocsf.io/1.6.0/>), one object for
//! each event of the log that says something by itself.
//!
//! An intent and its outcome are two objects with one `metadata.correlation_uid`, as they are two events. `metadata.uid`
//! names the event for ever, so that a receiver can drop what it gets twice.

mod iam;

use std::collections::HashMap;

use durward_model::{Principal, PrincipalKind, SessionId, StatementId};
use serde_json::{Value, json};

use crate::definition::{Basis, Shape};
use crate::event::{Event, Origin, SessionStarted, StatementOutcome};
use crate::resolve::ShownEvent;

/// The version of the schema.
pub(crate) const VERSION: &str = "1.6.0";
/// Statements whose outcome is awaited; past it they are forgotten, and their outcomes are sent without their text.
const OPEN_MAX: usize = 100_000;

const INFORMATIONAL: u8 = 1;
const LOW: u8 = 2;
const MEDIUM: u8 = 3;
const SUCCESS: u8 = 1;
const FAILURE: u8 = 2;
/// The enumerations' value for what has no other.
const OTHER: u32 = 99;

/// Makes events into objects. It remembers statements until their outcome comes.
#[derive(Debug)]
pub struct Ocsf {
    ledger: String,
    open: HashMap<(SessionId, StatementId), Value>,
}

/// A class of the schema, and what happened in its terms.
struct Kind {
    category: u32,
    class: u32,
    class_name: &'static str,
    activity: (u32, &'static str),
    severity: u8,
}

impl Ocsf {
    /// For the events of a ledger, by its id.
    pub fn new(ledger: &str) -> Self {
        Self {
            ledger: ledger.into(),
            open: HashMap::new(),
        }
    }

    /// The object for an event; none for those that only serve others, and for statements that were only prepared.
    pub fn object(&mut self, shown: &ShownEvent) -> Option<Value> {
        match &shown.stored.event {
            Event::Definition(_) | Event::Unknown { .. } => None,
            Event::StatementIntent(intent) if matches!(intent.origin, Origin::Parse | Origin::Describe) => None,
            Event::StatementIntent(intent) => {
                let object = self.statement(shown, (intent.session, intent.statement), None);
                if self.open.len() >= OPEN_MAX {
                    self.open.clear();
                }
                self.open.insert((intent.session, intent.statement), object.clone());
                Some(object)
            }
            Event::StatementRefused(refused) => {
                let mut object = self.statement(shown, (refused.session, refused.statement), Some(()));
                add(
                    &mut object,
                    json!({
                        "status_code": refused.sqlstate, "status_detail": refused.message,
                        "policy": { "name": refused.rule },
                    }),
                );
                Some(object)
            }
            Event::StatementOutcome(outcome) => Some(self.outcome(shown, outcome)),
            Event::ProtocolViolation(violation) => {
                let object = self.base(
                    shown,
                    base(MEDIUM),
                    &format!("protocol violation: {}", violation.message),
                );
                Some(with(
                    object,
                    json!({
                        "status_id": FAILURE, "status_code": violation.sqlstate,
                        "unmapped": { "client_address": violation.client_address },
                    }),
                ))
            }
            Event::LedgerOpened(opened) => {
                let what = if opened.created {
                    "ledger created"
                } else {
                    "ledger opened"
                };
                let object = self.base(shown, base(INFORMATIONAL), what);
                Some(with(object, json!({ "unmapped": opened })))
            }
            Event::KeyChanged(changed) => {
                let object = self.base(shown, base(MEDIUM), "signing key changed");
                Some(with(object, json!({ "unmapped": changed })))
            }
            Event::SegmentsRetired(retired) => {
                let what = if retired.archive.is_some() {
                    "events archived"
                } else {
                    "events removed"
                };
                let object = self.base(shown, base(MEDIUM), what);
                Some(with(object, json!({ "unmapped": retired })))
            }
            // It leaves the machine with the rest: from then on it vouches for what came before.
            Event::Checkpoint(checkpoint) => {
                let object = self.base(shown, base(INFORMATIONAL), "ledger checkpoint");
                Some(with(object, json!({ "unmapped": { "checkpoint": checkpoint.note } })))
            }
            Event::SessionStarted(_)
            | Event::SessionEnded(_)
            | Event::LoginRefused(_)
            | Event::IdentityChanged(_)
            | Event::PolicyChanged(_)
            | Event::ConfigurationLoaded(_)
            | Event::Administration(_)
            | Event::ApprovalMoved(_) => self.iam(shown),
        }
    }

    /// What every object has.
    fn base(&self, shown: &ShownEvent, kind: Kind, message: &str) -> Value {
        let number = shown.stored.number.0;
        let (activity, activity_name) = kind.activity;
        json!({
            "category_uid": kind.category,
            "class_uid": kind.class,
            "class_name": kind.class_name,
            "activity_id": activity,
            "activity_name": activity_name,
            "type_uid": kind.class * 100 + activity,
            "severity_id": kind.severity,
            "time": shown.stored.time_microseconds / 1_000,
            "message": message,
            "metadata": {
                "version": VERSION,
                "product": { "name": "Durward", "vendor_name": "Durward", "version": env!("CARGO_PKG_VERSION") },
                "log_name": format!("durward-ledger/{}", self.ledger),
                "uid": format!("{}/{number}", self.ledger),
                "sequence": number,
                "original_time": shown.time.to_string(),
            },
        })
    }

    /// Datastore Activity: a statement that was permitted, or refused.
    fn statement(
        &self,
        shown: &ShownEvent,
        (session, statement): (SessionId, StatementId),
        refused: Option<()>,
    ) -> Value {
        let activity = shown.statement.as_deref().map_or((OTHER, "Other"), activity);
        let (severity, verb) = match refused {
            Some(()) => (MEDIUM, "refused"),
            None => (INFORMATIONAL, "permitted"),
        };
        let who = shown
            .whose
            .as_ref()
            .map_or_else(|| "-".into(), |whose| whose.principal.to_string());
        let kind = Kind {
            category: 6,
            class: 6005,
            class_name: "Datastore Activity",
            activity,
            severity,
        };
        let mut object = self.base(shown, kind, &format!("statement of {who} {verb}"));
        let (action, disposition) = if refused.is_some() { (2, 2) } else { (1, 1) };
        add(
            &mut object,
            json!({ "action_id": action, "disposition_id": disposition, "type_id": 1 }),
        );
        if refused.is_some() {
            add(&mut object, json!({ "status_id": FAILURE }));
        }
        if let Some(metadata) = object.get_mut("metadata") {
            add(
                metadata,
                json!({ "profiles": ["security_control"], "correlation_uid": format!("{session}/{}", statement.0) }),
            );
        }
        match &shown.whose {
            Some(whose) => add(
                &mut object,
                json!({
                    "actor": actor(whose), "src_endpoint": endpoint(&whose.client_address),
                    "database": { "name": whose.database, "type_id": 1, "type": "Relational" },
                }),
            ),
            // The class requires them.
            None => add(
                &mut object,
                json!({
                    "actor": { "session": { "uid": session.to_string() } }, "src_endpoint": { "name": "unknown" },
                    "database": { "name": "unknown", "type_id": 0 },
                }),
            ),
        }
        if let Some(shape) = &shown.statement {
            add(
                &mut object,
                json!({ "query_info": { "query_string": shape.normalized } }),
            );
            let mut named = shape.relations.iter().filter(|relation| relation.direct);
            if let (Some(relation), None) = (named.next(), named.next()) {
                add(
                    &mut object,
                    json!({ "table": { "name": format!("{}.{}", relation.schema, relation.name) } }),
                );
            }
        }
        let unmapped = unmapped(shown.statement.as_deref(), shown.decision.as_deref());
        add(&mut object, json!({ "unmapped": unmapped }));
        object
    }

    fn outcome(&mut self, shown: &ShownEvent, outcome: &StatementOutcome) -> Value {
        let key = (outcome.session, outcome.statement);
        let own = self.statement(shown, key, None);
        let mut object = match self.open.remove(&key) {
            Some(mut intent) => {
                for name in ["metadata", "time"] {
                    if let (Some(place), Some(value)) = (intent.get_mut(name), own.get(name)) {
                        *place = value.clone();
                    }
                }
                intent
            }
            None => own,
        };
        let failed = outcome.sqlstate.is_some();
        let verb = if failed { "failed" } else { "done" };
        add(
            &mut object,
            json!({
                "message": format!("statement {verb}"),
                "status_id": if failed { FAILURE } else { SUCCESS },
                "duration": outcome.duration_microseconds / 1_000,
            }),
        );
        if let Some(sqlstate) = &outcome.sqlstate {
            add(&mut object, json!({ "status_code": sqlstate }));
        }
        if let Some(query) = object.get_mut("query_info") {
            add(query, json!({ "bytes": outcome.bytes }));
        }
        if let Some(unmapped) = object.get_mut("unmapped") {
            add(
                unmapped,
                json!({ "rows": outcome.rows, "rows_affected": outcome.rows_affected }),
            );
        }
        object
    }
}

/// Base Event: what no class is for.
const fn base(severity: u8) -> Kind {
    Kind {
        category: 0,
        class: 0,
        class_name: "Base Event",
        activity: (OTHER, "Other"),
        severity,
    }
}

/// Adds the members of one object to another, in the place of those that it has.
fn add(object: &mut Value, members: Value) {
    if let (Value::Object(object), Value::Object(members)) = (object, members) {
        object.extend(members);
    }
}

fn with(mut object: Value, members: Value) -> Value {
    add(&mut object, members);
    object
}

/// What a statement does, in the words of Datastore Activity.
fn activity(shape: &Shape) -> (u32, &'static str) {
    let command = shape.command.split_whitespace().next().unwrap_or_default();
    match (shape.class.as_str(), command) {
        ("read", _) => (1, "Read"),
        ("write", "UPDATE") => (2, "Update"),
        ("write", "DELETE" | "TRUNCATE") => (7, "Delete"),
        ("write", _) => (5, "Write"),
        ("ddl", "CREATE") => (6, "Create"),
        ("ddl", "DROP") => (7, "Delete"),
        ("ddl", _) => (2, "Update"),
        ("session" | "transaction" | "maintenance" | "privilege", _) => (4, "Query"),
        _ => (OTHER, "Other"),
    }
}

fn unmapped(shape: Option<&Shape>, basis: Option<&Basis>) -> Value {
    let mut unmapped = json!({});
    if let Some(shape) = shape {
        let relations: Vec<Value> = shape
            .relations
            .iter()
            .map(
                |relation| json!({ "name": format!("{}.{}", relation.schema, relation.name), "modes": relation.modes }),
            )
            .collect();
        add(
            &mut unmapped,
            json!({
                "class": shape.class, "command": shape.command, "relations": relations, "hazards": shape.hazards,
            }),
        );
    }
    if let Some(basis) = basis {
        add(
            &mut unmapped,
            json!({
                "rules": basis.rules, "policy_version": basis.policy_version, "approval": basis.approval(),
                "labelled_columns": basis.labelled,
            }),
        );
        if let Some(reason) = &basis.reason {
            add(&mut unmapped, json!({ "reason": reason }));
        }
    }
    unmapped
}

/// Who did it, and what the client calls itself.
fn actor(session: &SessionStarted) -> Value {
    let principal = &session.principal;
    let mut actor = json!({
        "user": user(principal),
        "session": { "uid": session.session.to_string(), "credential_uid": principal.credential.0 },
    });
    if let Some(program) = &session.client_program {
        add(&mut actor, json!({ "app_name": program }));
    }
    if !principal.actors.is_empty() {
        add(&mut actor, json!({ "invoked_by": principal.to_string() }));
    }
    actor
}

/// The person or service on whose behalf it was done.
fn user(principal: &Principal) -> Value {
    let groups: Vec<Value> = principal
        .subject_groups
        .iter()
        .map(|group| json!({ "name": group }))
        .collect();
    let (type_id, kind) = match principal.subject.kind {
        PrincipalKind::Person => (1, "User"),
        PrincipalKind::Operator => (2, "Admin"),
        PrincipalKind::Service => (4, "Service"),
        PrincipalKind::Agent => (OTHER, "Agent"),
        PrincipalKind::Passthrough => (OTHER, "Database account"),
    };
    json!({ "name": principal.subject.name, "type_id": type_id, "type": kind, "groups": groups })
}

/// Where a client is: an address with its port, or a socket's path.
fn endpoint(address: &str) -> Value {
    match address.parse::<std::net::SocketAddr>() {
        Ok(address) => json!({ "ip": address.ip().to_string(), "port": address.port() }),
        Err(_) if address.is_empty() => json!({ "name": "unknown" }),
        Err(_) => json!({ "name": address }),
    }
}

#[cfg(test)]
mod tests;
