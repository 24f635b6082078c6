//! Every object against what the schema requires. The facts below are those of OCSF 1.6.0 (github.com/ocsf/ocsf-schema,
//! `events/`, `objects/`, `profiles/security_control.json` and `dictionary.json` as of the release).

use std::collections::BTreeSet;

use durward_model::SessionId;
use serde_json::{Value, json};

use super::Ocsf;
use crate::fixture::{self, Statement, outcome, session_ended, session_started};
use crate::{Durability, Tail};

/// A class or an object of the schema.
struct Rule {
    name: &'static str,
    uid: u64,
    required: &'static [&'static str],
    /// One of these must be there.
    one_of: &'static [&'static str],
    /// The others that may be.
    also: &'static [&'static str],
    activities: &'static [u64],
}

const BASE: &[&str] = &[
    "activity_id",
    "activity_name",
    "category_uid",
    "class_name",
    "class_uid",
    "duration",
    "message",
    "metadata",
    "severity_id",
    "status_code",
    "status_detail",
    "status_id",
    "time",
    "type_uid",
    "unmapped",
];
const BASE_REQUIRED: &[&str] = &[
    "activity_id",
    "category_uid",
    "class_uid",
    "metadata",
    "severity_id",
    "time",
    "type_uid",
];

const CLASSES: &[Rule] = &[
    Rule {
        name: "Base Event",
        uid: 0,
        required: &[],
        one_of: &[],
        also: &[],
        activities: &[0, 99],
    },
    Rule {
        name: "Account Change",
        uid: 3001,
        required: &["user"],
        one_of: &[],
        also: &["actor", "src_endpoint", "policies", "user_result"],
        activities: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99],
    },
    Rule {
        name: "Authentication",
        uid: 3002,
        required: &["user"],
        one_of: &["service", "dst_endpoint"],
        also: &[
            "actor",
            "src_endpoint",
            "auth_protocol",
            "auth_protocol_id",
            "is_remote",
            "session",
        ],
        activities: &[0, 1, 2, 3, 4, 5, 6, 7, 99],
    },
    Rule {
        name: "Entity Management",
        uid: 3004,
        required: &["entity"],
        one_of: &[],
        also: &["actor", "src_endpoint", "comment"],
        activities: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99],
    },
    Rule {
        name: "Datastore Activity",
        uid: 6005,
        required: &["actor", "src_endpoint"],
        one_of: &["database", "databucket", "table"],
        also: &["query_info", "type_id", "action_id", "disposition_id", "policy"],
        activities: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99],
    },
];

const OBJECTS: &[Rule] = &[
    Rule {
        name: "metadata",
        uid: 0,
        required: &["product", "version"],
        one_of: &[],
        also: &[
            "correlation_uid",
            "log_name",
            "original_time",
            "profiles",
            "sequence",
            "uid",
        ],
        activities: &[],
    },
    Rule {
        name: "product",
        uid: 0,
        required: &[],
        one_of: &["name", "uid"],
        also: &["vendor_name", "version"],
        activities: &[],
    },
    Rule {
        name: "actor",
        uid: 0,
        required: &[],
        one_of: &["process", "user", "invoked_by", "session", "app_name", "app_uid"],
        also: &[],
        activities: &[],
    },
    Rule {
        name: "user",
        uid: 0,
        required: &[],
        one_of: &["account", "name", "uid"],
        also: &["type", "type_id", "groups"],
        activities: &[0, 1, 2, 3, 4, 99],
    },
    Rule {
        name: "src_endpoint",
        uid: 0,
        required: &[],
        one_of: &["ip", "uid", "name", "hostname"],
        also: &["port"],
        activities: &[],
    },
    Rule {
        name: "database",
        uid: 0,
        required: &["type_id"],
        one_of: &["name", "uid"],
        also: &["type"],
        activities: &[0, 1, 2, 3, 4, 5, 6, 99],
    },
    Rule {
        name: "table",
        uid: 0,
        required: &[],
        one_of: &["name", "uid"],
        also: &[],
        activities: &[],
    },
    Rule {
        name: "query_info",
        uid: 0,
        required: &["query_string"],
        one_of: &[],
        also: &["bytes"],
        activities: &[],
    },
    Rule {
        name: "service",
        uid: 0,
        required: &[],
        one_of: &["name", "uid"],
        also: &[],
        activities: &[],
    },
    Rule {
        name: "session",
        uid: 0,
        required: &[],
        one_of: &[],
        also: &["uid", "credential_uid"],
        activities: &[],
    },
    Rule {
        name: "entity",
        uid: 0,
        required: &[],
        one_of: &["name", "uid", "device", "group", "org", "policy", "user"],
        also: &["type", "type_id"],
        activities: &[0, 1, 2, 3, 4, 5, 6, 7, 99],
    },
    Rule {
        name: "policy",
        uid: 0,
        required: &[],
        one_of: &["name", "type", "uid"],
        also: &["version", "is_applied"],
        activities: &[],
    },
];

fn members(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn has_what_is_required(value: &Value, rule: &Rule, known: &[&str]) {
    let members = members(value);
    for name in rule.required {
        assert!(members.contains(name), "{} lacks {name}: {value}", rule.name);
    }
    assert!(
        rule.one_of.is_empty() || rule.one_of.iter().any(|name| members.contains(name)),
        "{} has none of {:?}: {value}",
        rule.name,
        rule.one_of
    );
    for name in members {
        let all = [rule.required, rule.one_of, rule.also, known];
        assert!(
            all.iter().any(|names| names.contains(&name)),
            "{} has no {name}",
            rule.name
        );
    }
}

fn check(object: &Value) {
    let number = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("{name}: {object}"))
    };
    let class = number("class_uid");
    let rule = CLASSES.iter().find(|rule| rule.uid == class).expect("a known class");
    assert_eq!(number("category_uid"), class / 1_000);
    assert_eq!(object.get("class_name").and_then(Value::as_str), Some(rule.name));
    assert!(rule.activities.contains(&number("activity_id")), "{object}");
    assert_eq!(number("type_uid"), class * 100 + number("activity_id"));
    assert!((1..=6).contains(&number("severity_id")));
    // Milliseconds: a time of this century.
    assert!(
        (946_684_800_000..4_102_444_800_000).contains(&number("time")),
        "{object}"
    );
    for name in BASE_REQUIRED {
        assert!(object.get(*name).is_some(), "{name}: {object}");
    }
    for (name, permitted) in [
        ("status_id", &[0, 1, 2, 99][..]),
        ("action_id", &[0, 1, 2, 99]),
        ("disposition_id", &[1, 2]),
        ("type_id", &[0, 1, 2, 3, 99]),
        ("auth_protocol_id", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99]),
    ] {
        let value = object.get(name).and_then(Value::as_u64);
        assert!(value.is_none_or(|value| permitted.contains(&value)), "{name}: {object}");
    }
    has_what_is_required(object, rule, BASE);
    check_objects(object);
}

fn check_objects(value: &Value) {
    for (name, member) in value.as_object().into_iter().flatten() {
        if name == "unmapped" {
            continue;
        }
        if let Some(rule) = OBJECTS.iter().find(|rule| rule.name == name) {
            has_what_is_required(member, rule, &[]);
            if let Some(kind) = member.get("type_id").and_then(Value::as_u64) {
                assert!(rule.activities.contains(&kind), "{name}: {member}");
            }
        } else {
            assert!(!member.is_object(), "an object {name} that has no rule here");
        }
        check_objects(member);
    }
}

fn objects(write: impl FnOnce(&crate::Ledger)) -> Vec<Value> {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = fixture::open(directory.path());
    write(&ledger);
    ledger.close().expect("a clean close");
    let mut tail = Tail::open(directory.path(), 1_000).expect("a log");
    let mut ocsf = Ocsf::new("00ff");
    let mut objects = Vec::new();
    while let Some(event) = tail.next_event().expect("an event") {
        objects.extend(ocsf.object(&event));
    }
    objects
}

#[test]
fn every_event_that_says_something_fits_the_schema() {
    let objects = objects(|ledger| {
        for event in crate::record::tests::stand_alone_events() {
            ledger.record(&event).expect("an event");
        }
        ledger
            .record(&session_started(77, fixture::principal("alice", &["claude"])))
            .expect("a session");
        let read = Statement::read("customers");
        read.intend(ledger, 77, 1, Durability::Process).expect("an intent");
        ledger.record_outcome(&outcome(77, 1)).expect("an outcome");
        let delete = Statement::delete("orders");
        delete.intend(ledger, 77, 2, Durability::Process).expect("an intent");
        let mut failed = outcome(77, 2);
        failed.sqlstate = Some("23503".into());
        ledger.record_outcome(&failed).expect("an outcome");
        delete.refuse(ledger, 77, 3).expect("a refusal");
        ledger.record(&session_ended(77)).expect("an end");
    });
    for object in &objects {
        check(object);
    }
    let classes: BTreeSet<u64> = objects
        .iter()
        .filter_map(|object| object["class_uid"].as_u64())
        .collect();
    assert_eq!(classes, CLASSES.iter().map(|rule| rule.uid).collect());
}

#[test]
fn an_outcome_says_what_ran() {
    let objects = objects(|ledger| {
        ledger
            .record(&session_started(7, fixture::principal("alice", &["claude"])))
            .expect("a session");
        let delete = Statement::delete("orders");
        delete.intend(ledger, 7, 2, Durability::Process).expect("an intent");
        ledger.record_outcome(&outcome(7, 2)).expect("an outcome");
        delete.refuse(ledger, 7, 3).expect("a refusal");
    });
    let of = |message: &str| {
        objects
            .iter()
            .find(|object| object["message"] == message)
            .expect(message)
    };
    let intent = of("statement of claude for alice permitted");
    let done = of("statement done");
    let refused = of("statement of claude for alice refused");
    for object in [intent, done, refused] {
        assert_eq!(object["query_info"]["query_string"], "DELETE FROM orders");
        assert_eq!(object["activity_name"], "Delete");
        assert_eq!(object["table"]["name"], "public.orders");
        assert_eq!(object["actor"]["user"]["name"], "alice");
        assert_eq!(object["actor"]["invoked_by"], "claude for alice");
        assert_eq!(object["src_endpoint"], json!({ "ip": "127.0.0.1", "port": 50000 }));
    }
    assert_eq!(
        intent["metadata"]["correlation_uid"],
        done["metadata"]["correlation_uid"]
    );
    assert_ne!(intent["metadata"]["uid"], done["metadata"]["uid"]);
    assert_eq!(done["status_id"], 1);
    assert_eq!(
        (&refused["status_id"], &refused["action_id"], &refused["policy"]["name"]),
        (&json!(2), &json!(2), &json!("delete-without-where"))
    );
    assert!(
        done["metadata"]["correlation_uid"]
            .as_str()
            .is_some_and(|uid| uid.starts_with(&SessionId(7).to_string()))
    );
    assert!(
        objects
            .iter()
            .any(|object| object["unmapped"]["checkpoint"].is_string())
    );
}
