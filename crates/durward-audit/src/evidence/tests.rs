use std::fs;
use std::path::Path;
use std::sync::Arc;

use durward_model::{Label, Obligation};

use super::{EvidenceError, EvidenceRequest, Period, REPORTS, build_evidence, verify_evidence};
use crate::fixture::{self, Statement, TestClock, options, outcome, session_ended, session_started};
use crate::{
    Administration, ApprovalMoved, Clock, ColumnTreatment, Event, IdentityChanged, LabelledColumn, Ledger,
    LedgerOptions, LoginRefused, Moment, PolicyChanged, SearchFilter, StatementIntentInput, VerifierKey, search,
};

const HOUR: u64 = 3_600_000_000;
/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000_000;
const PERIOD: Period = Period {
    from: Moment(START + HOUR),
    to: Moment(START + 2 * HOUR),
};

struct Log {
    directory: tempfile::TempDir,
    clock: Arc<TestClock>,
}

impl Log {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        clock.set(START);
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            clock,
        }
    }

    fn options(&self) -> LedgerOptions {
        LedgerOptions {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            segment_bytes_max: 4_000,
            ..options()
        }
    }

    fn open(&self) -> Ledger {
        Ledger::open(self.directory.path(), self.options()).expect("the ledger opens")
    }

    fn key(&self) -> VerifierKey {
        let text = fs::read_to_string(self.directory.path().join("public-key")).expect("a key");
        VerifierKey::parse(&text).expect("a key")
    }

    fn build(&self, report: &str, period: Period, change: Option<&str>) -> Result<tempfile::TempDir, EvidenceError> {
        let target = tempfile::tempdir().expect("a directory");
        let request = EvidenceRequest { report, period, change };
        build_evidence(self.directory.path(), request, target.path(), |_| ()).map(|_| target)
    }
}

fn identity(name: &str, change: &str, credential: Option<&str>) -> Event {
    Event::IdentityChanged(IdentityChanged {
        name: name.into(),
        change: change.into(),
        kind: (change == "added").then(|| "person".into()),
        acts_for: None,
        credential: credential.map(String::from),
        by: "unix:root".into(),
        groups: (change == "added").then(|| vec!["staff".into()]),
        databases: credential.map(|_| vec!["shop".into()]),
        valid_until: credential.map(|_| START / 1_000_000 + 1_000_000),
    })
}

fn moved(change: &str, by: &str) -> Event {
    Event::ApprovalMoved(ApprovalMoved {
        request: "c1".into(),
        change: change.into(),
        principal: "alice".into(),
        database: "shop".into(),
        digest: "00".into(),
        rules: vec!["people-delete".into()],
        rows: "at least 10".into(),
        by: Some(by.into()),
        note: Some("=cmd|' /C calc'!A0".into()),
        self_confirmed: Some(false),
        access: None,
        until: None,
        asked_of: Some(vec!["finance, for public.orders".into()]),
        speaks_for: (change == "approved").then(|| vec!["finance, for public.orders".into()]),
        escalates: None,
        risk: Some(vec!["it may change more than 10000 rows".into()]),
    })
}

/// An hour before the period, an hour in it, an hour after it: alice reads a masked column, an agent of hers with a name
/// that is markup is refused, a delete is approved and runs, mallory can't log in and bob leaves.
fn write(log: &Log) {
    let ledger = log.open();
    let record = |event: &Event| ledger.record(event).expect("an event");
    record(&identity("alice", "added", None));
    record(&identity("alice", "password_issued", Some("pw-1")));
    record(&identity("bob", "added", None));
    record(&identity("bob", "password_issued", Some("pw-2")));
    record(&Event::PolicyChanged(PolicyChanged {
        version: 1,
        digest: durward_model::Digest([1; 32]),
        accepted: true,
        message: None,
    }));
    record(&session_started(1, fixture::principal("alice", &[])));
    let labelled = [LabelledColumn {
        schema: "public".into(),
        relation: "customers".into(),
        column: "email".into(),
        label: "email".into(),
        treatments: vec![ColumnTreatment::Masked],
    }];
    let read = Statement::read("customers");
    let intend = |input: StatementIntentInput<'_>| {
        let number = input.statement.0;
        let recorded = ledger.record_intent((), &input, crate::Durability::Process);
        fixture::block_on(recorded).expect("an intent").spend();
        ledger
            .record_outcome(&outcome(input.session.0, number))
            .expect("an outcome");
    };
    let masked = [Obligation::Mask {
        clear: vec![Label::Phone],
    }];
    let reading = |statement| StatementIntentInput {
        obligations: &masked,
        labelled: &labelled,
        ..read.input(&ledger, 1, statement)
    };
    intend(reading(1));

    log.clock.set(PERIOD.from.0);
    for statement in 2..=4 {
        intend(reading(statement));
    }
    record(&session_started(
        2,
        fixture::principal("alice", &["<script>alert(1)</script>\u{1b}[2J"]),
    ));
    Statement::delete("customers").refuse(&ledger, 2, 1).expect("a refusal");
    record(&moved("asked", "s000000000001"));
    record(&moved("approved", "bob"));
    record(&moved("used", "s000000000001"));
    let delete = Statement::delete("orders");
    let approved = [Obligation::Annotate("approved: c1".into())];
    intend(StatementIntentInput {
        obligations: &approved,
        ..delete.input(&ledger, 1, 5)
    });
    record(&Event::LoginRefused(LoginRefused {
        user: "=mallory".into(),
        database: "shop".into(),
        client_address: "127.0.0.1:6".into(),
        client_program: Some("@SUM(1)".into()),
        reason: "wrong password".into(),
        sqlstate: "28P01".into(),
        tls: false,
    }));
    record(&identity("bob", "revoked", None));
    record(&Event::Administration(Administration {
        by: "unix:root".into(),
        action: "audit_search".into(),
        object: "who alice".into(),
    }));

    log.clock.set(PERIOD.to.0);
    intend(reading(6));
    record(&session_ended(1));
    ledger.close().expect("a clean close");
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

fn table(directory: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read(directory.join(format!("{name}.json"))).expect("a table");
    serde_json::from_slice(&text).expect("rows")
}

fn change_of(report: &str) -> Option<&'static str> {
    (report == "change-proof").then_some("c1")
}

#[test]
fn every_report_is_sound_and_the_same_whenever_it_is_built() {
    let log = Log::new();
    write(&log);
    for report in REPORTS {
        let change = change_of(report.name);
        let first = log.build(report.name, PERIOD, change).expect("a report");
        let verified = verify_evidence(first.path(), &log.key()).expect("sound");
        assert_eq!(verified.manifest.report, report.name);
        assert!(verified.proofs >= 2, "{}", report.name);
        assert!(!report.controls.is_empty());
        // The log grows, and the report stays what it was.
        let ledger = log.open();
        ledger.record(&identity("carol", "added", None)).expect("an event");
        ledger.close().expect("a clean close");
        let second = log.build(report.name, PERIOD, change).expect("a report");
        assert_eq!(files(first.path()), files(second.path()), "{}", report.name);
    }
}

#[test]
fn tables_hold_what_was_recorded_in_the_period() {
    let log = Log::new();
    write(&log);
    let check = |report: &str, name: &str, expected: &[serde_json::Value]| {
        let built = log.build(report, PERIOD, change_of(report)).expect("a report");
        let rows = table(built.path(), name);
        let kept: Vec<serde_json::Value> = rows
            .iter()
            .zip(expected)
            .map(|(row, expected)| {
                let names = expected.as_object().expect("an object").keys();
                let members = names.map(|name| (name.clone(), row.get(name).cloned().unwrap_or_default()));
                serde_json::Value::Object(members.collect())
            })
            .collect();
        assert_eq!(kept, expected, "{report} {name}");
        assert_eq!(rows.len(), expected.len(), "{report} {name}");
    };
    use serde_json::json;
    check(
        "identities-with-access",
        "local-identities",
        &[json!({"name": "alice", "valid_credentials": 1, "groups": "[\"staff\"]"})],
    );
    check(
        "access-changes",
        "identities",
        &[json!({"name": "bob", "change": "revoked"})],
    );
    check("leavers", "revoked", &[json!({"name": "bob", "logins_since": 0})]);
    check(
        "authentication-strength",
        "refused",
        &[json!({"reason": "wrong password", "logins": 1})],
    );
    check(
        "labelled-access",
        "access",
        &[json!({"label": "email", "relation": "customers", "who": "alice", "treatment": "masked", "times": 3})],
    );
    check(
        "labelled-access",
        "first-access",
        &[json!({"relation": "orders", "who": "alice"})],
    );
    check(
        "denied-attempts",
        "refused",
        &[json!({"refused_by": "delete-without-where", "times": 1})],
    );
    check("denied-attempts", "logins", &[json!({"user": "=mallory"})]);
    check(
        "production-changes",
        "changes",
        &[json!({"command": "DELETE", "approval": "c1", "approved_by": "bob", "executions": 1})],
    );
    check("unapproved-changes", "changes", &[]);
    check("policy-changes", "in-force-before", &[json!({"version": 1})]);
    check("policy-changes", "policies", &[]);
    check(
        "masking-coverage",
        "columns",
        &[json!({"column_name": "email", "reads_masked": 3, "reads_in_clear": 0})],
    );
    check("ledger-access", "readings", &[json!({"action": "audit_search"})]);
    check(
        "reviews",
        "changes",
        &[json!({"request": "c1", "decision": "approved", "by": "bob"})],
    );
    check("access-review", "unused", &[]);
    check(
        "change-proof",
        "statements",
        &[json!({"command": "DELETE", "approval": "c1"})],
    );
    check(
        "change-proof",
        "approval",
        &[
            json!({"change": "asked"}),
            json!({"change": "approved"}),
            json!({"change": "used"}),
        ],
    );
}

#[test]
fn only_reports_about_statements_read_them() {
    let without: Vec<&str> = REPORTS
        .iter()
        .filter(|report| !report.asks_for_statements())
        .map(|report| report.name)
        .collect();
    assert_eq!(
        without,
        [
            "identities-with-access",
            "leavers",
            "authentication-strength",
            "policy-changes",
            "ledger-integrity",
            "ledger-access",
            "reviews",
            "retention-and-delivery",
        ]
    );
}

#[test]
fn a_change_is_proved_step_by_step() {
    let log = Log::new();
    write(&log);
    let built = log.build("change-proof", PERIOD, Some("c1")).expect("a pack");
    let rows = table(built.path(), "statements");
    let event = rows[0]["first_event"].as_u64().expect("a number").to_string();
    // By its event, the same statement and the same approval.
    let by_event = log.build("change-proof", PERIOD, Some(&event)).expect("a pack");
    for name in ["statements.csv", "approval.csv", "proofs.json"] {
        let read = |directory: &tempfile::TempDir| fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!(read(&built), read(&by_event));
    }
    let proofs = fs::read_to_string(built.path().join("proofs.json")).expect("proofs");
    for kind in ["statement_intent", "statement_outcome", "approval_moved"] {
        assert!(proofs.contains(kind), "{kind}");
    }
    let by_approval = SearchFilter {
        approval: Some("c1".into()),
        ..SearchFilter::default()
    };
    let found = search(log.directory.path(), &by_approval).expect("an answer").rows;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].approval.as_deref(), Some("c1"));
    let named = |change| log.build("change-proof", PERIOD, change);
    assert!(matches!(named(None), Err(EvidenceError::NoChangeNamed)));
    assert!(matches!(named(Some("c7")), Err(EvidenceError::NoChange(_))));
    assert!(matches!(named(Some("999999")), Err(EvidenceError::NoChange(_))));
}

#[test]
fn a_change_of_any_byte_of_any_file_is_found() {
    let log = Log::new();
    write(&log);
    Ledger::rotate_key(log.directory.path(), log.options(), "root").expect("a new key");
    let built = log.build("denied-attempts", PERIOD, None).expect("a report");
    let key = log.key();
    verify_evidence(built.path(), &key).expect("sound");
    for (name, bytes) in files(built.path()) {
        let path = built.path().join(&name);
        let step = (bytes.len() / 200).max(1);
        for place in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).expect("a file");
            verify_evidence(built.path(), &key).expect_err(&format!("{name}, byte {place}"));
        }
        for changed in [&bytes[..bytes.len() - 1], &[bytes.as_slice(), b"\n"].concat(), b""] {
            fs::write(&path, changed).expect("a file");
            verify_evidence(built.path(), &key).expect_err(&name);
        }
        fs::remove_file(&path).expect("a file");
        verify_evidence(built.path(), &key).expect_err(&name);
        fs::write(&path, &bytes).expect("a file");
    }
    fs::write(built.path().join("more.csv"), "x").expect("a file");
    verify_evidence(built.path(), &key).expect_err("a file too many");
}

#[test]
fn keys_that_change_within_the_period_are_followed() {
    let log = Log::new();
    write(&log);
    let first_key = log.key();
    let before = log.build("ledger-integrity", PERIOD, None).expect("a report");
    Ledger::rotate_key(log.directory.path(), log.options(), "root").expect("a new key");
    let after = log.build("ledger-integrity", PERIOD, None).expect("a report");
    // Only the signature is another.
    let unsigned = |directory: &tempfile::TempDir| {
        let mut files = files(directory.path());
        files.retain(|(name, _)| name != "manifest.sig" && name != "key-changes");
        files
    };
    assert_eq!(unsigned(&before), unsigned(&after));
    for key in [&first_key, &log.key()] {
        let verified = verify_evidence(after.path(), key).expect("sound");
        assert_eq!(verified.earlier_checkpoint_key, *key != first_key);
    }
    verify_evidence(before.path(), &first_key).expect("sound");
    verify_evidence(before.path(), &log.key()).expect_err("the new key has not signed it");
    // A period that has the change in it.
    log.clock.set(START + 5 * HOUR);
    let ledger = log.open();
    ledger.close().expect("a clean close");
    let period = Period {
        from: PERIOD.from,
        to: Moment(START + 4 * HOUR),
    };
    let both = log.build("ledger-integrity", period, None).expect("a report");
    for key in [&first_key, &log.key()] {
        verify_evidence(both.path(), key).expect("sound");
    }
    assert!(table(both.path(), "openings").iter().any(|row| row["kind"] == "key"));
}

#[test]
fn a_period_without_events_says_so() {
    let log = Log::new();
    write(&log);
    let empty = Period {
        from: Moment(START - 2 * HOUR),
        to: Moment(START - HOUR),
    };
    for report in REPORTS.iter().filter(|report| !report.of_one_change) {
        let built = log.build(report.name, empty, None).expect("a report");
        let verified = verify_evidence(built.path(), &log.key()).expect("sound");
        assert_eq!(verified.manifest.events_in_period, 0);
    }
    let backwards = Period {
        from: empty.to,
        to: empty.from,
    };
    assert!(matches!(
        log.build("leavers", backwards, None),
        Err(EvidenceError::Period { .. })
    ));
    assert!(matches!(
        log.build("nothing", empty, None),
        Err(EvidenceError::NoReport(_))
    ));
}

#[test]
fn a_clock_that_steps_back_loses_nothing() {
    let log = Log::new();
    write(&log);
    log.clock.set(PERIOD.from.0 + HOUR / 2);
    let ledger = log.open();
    ledger.record(&identity("dave", "added", None)).expect("an event");
    ledger.close().expect("a clean close");
    log.clock.set(START + 5 * HOUR);
    let ledger = log.open();
    ledger.close().expect("a clean close");
    let built = log.build("access-changes", PERIOD, None).expect("a report");
    verify_evidence(built.path(), &log.key()).expect("sound");
    let names: Vec<_> = table(built.path(), "identities")
        .iter()
        .map(|row| row["name"].clone())
        .collect();
    assert_eq!(names, ["bob", "dave"]);
    let findings = log.build("ledger-integrity", PERIOD, None).expect("a report");
    let steps = table(findings.path(), "findings");
    let steps = steps
        .iter()
        .find(|row| row["finding"] == "steps back of the clock in the period");
    assert_eq!(steps.expect("a finding")["value"], "1");
}

#[test]
fn nothing_is_built_from_a_changed_record() {
    let log = Log::new();
    write(&log);
    let segment = log.directory.path().join("segments/00000000000000000001.log");
    let mut bytes = fs::read(&segment).expect("a segment");
    let place = bytes.windows(5).position(|window| window == b"alice").expect("a name");
    bytes[place] = b'A';
    fs::write(&segment, bytes).expect("a segment");
    log.build("leavers", PERIOD, None).expect_err("a changed record");
}

#[test]
fn names_and_texts_are_neither_markup_nor_formulas() {
    let log = Log::new();
    write(&log);
    let built = log.build("denied-attempts", PERIOD, None).expect("a report");
    let page = fs::read_to_string(built.path().join("index.html")).expect("a page");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    let logins = fs::read_to_string(built.path().join("logins.csv")).expect("a table");
    assert!(
        logins.contains(",'=mallory,") && logins.contains(",'@SUM(1),"),
        "{logins}"
    );
}

#[test]
fn reports_are_documented() {
    let page = include_str!("../../../../docs/evidence.md");
    for report in REPORTS {
        let line = format!("| `{}` | {} |", report.name, report.question);
        assert!(page.contains(&line), "docs/evidence.md lacks: {line}");
    }
}
