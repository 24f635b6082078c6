use std::path::Path;

use crate::fixture::{self, Statement, options, outcome, session_ended, session_started};
use crate::{
    Durability, Event, Ledger, LedgerOptions, LoginRefused, SearchFilter, SearchRow, Subjects, Verdict, check_index,
    rebuild_index, search,
};

/// Alice reads, her agent reads and is refused, Bob deletes with an error, Mallory can't log in.
fn write_events(ledger: &Ledger) {
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    ledger
        .record(&session_started(2, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    ledger
        .record(&session_started(3, fixture::principal("bob", &[])))
        .expect("a session starts");
    let read = Statement::read("customers");
    for statement in 1..=5 {
        read.intend(ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    read.intend(ledger, 2, 1, Durability::Process).expect("an intent");
    Statement::delete("customers").refuse(ledger, 2, 2).expect("a refusal");
    let delete = Statement::delete("orders");
    delete.intend(ledger, 3, 1, Durability::Disk).expect("an intent");
    let mut failed = outcome(3, 1);
    failed.sqlstate = Some("23503".into());
    ledger.record_outcome(&failed).expect("an outcome");
    let refused = LoginRefused {
        user: "mallory".into(),
        database: "shop".into(),
        client_address: "127.0.0.1:6".into(),
        client_program: None,
        reason: "wrong password".into(),
        sqlstate: "28P01".into(),
        tls: true,
    };
    ledger.record(&Event::LoginRefused(refused)).expect("a refused login");
    ledger.record(&session_ended(2)).expect("an end");
}

/// The rows as `who verdict command table count`.
fn check(directory: &Path, filter: &SearchFilter, expected: &[&str]) {
    let answer = search(directory, filter).expect("an answer");
    assert_eq!(answer.events_missing, 0);
    let line = |row: &SearchRow| {
        let command = row.command.as_deref().unwrap_or(row.kind);
        let table = row.relations.first().map_or("-", |relation| &relation.name);
        format!("{} {} {command} {table} {}", row.who, row.verdict.as_str(), row.count)
    };
    let mut lines: Vec<String> = answer.rows.iter().map(line).collect();
    lines.sort();
    assert_eq!(lines, expected, "{filter:?}");
}

fn check_all(directory: &Path) {
    let any = SearchFilter::default;
    let (alice, agent) = (
        "alice permitted SELECT customers 5",
        "claude for alice permitted SELECT customers 1",
    );
    let (refused, bob) = (
        "claude for alice refused DELETE customers 1",
        "bob failed DELETE orders 1",
    );
    let mallory = "mallory refused login - 1";
    check(directory, &any(), &[alice, bob, agent, refused, mallory]);
    let who = |name: &str| SearchFilter {
        who: Some(name.into()),
        ..any()
    };
    check(directory, &who("alice"), &[alice, agent, refused]);
    check(directory, &who("claude"), &[agent, refused]);
    check(directory, &who("mallory"), &[mallory]);
    check(directory, &who("nobody"), &[]);
    let table = |name: &str| SearchFilter {
        table: Some(name.into()),
        ..any()
    };
    check(directory, &table("orders"), &[bob]);
    check(directory, &table("public.customers"), &[alice, agent, refused]);
    check(directory, &table("other.customers"), &[]);
    let column = |name: &str| SearchFilter {
        column: Some(name.into()),
        ..any()
    };
    check(directory, &column("email"), &[alice, bob, agent, refused]);
    check(directory, &column("customers.email"), &[alice, agent, refused]);
    check(directory, &column("public.orders.email"), &[bob]);
    check(directory, &column("customers.name"), &[]);
    let class = |class: &str| SearchFilter {
        class: Some(class.into()),
        ..any()
    };
    check(directory, &class("read"), &[alice, agent]);
    check(directory, &class("ddl"), &[]);
    let rule = |rule: &str| SearchFilter {
        rule: Some(rule.into()),
        ..any()
    };
    check(directory, &rule("people-read"), &[alice, agent]);
    check(directory, &rule("delete-without-where"), &[bob, refused]);
    check(directory, &rule("nothing"), &[]);
    let client = |client: &str| SearchFilter {
        client: Some(client.into()),
        ..any()
    };
    check(directory, &client("psql"), &[alice, bob, agent, refused]);
    check(directory, &client("127.0.0.1"), &[alice, bob, agent, refused, mallory]);
    check(directory, &client("127.0.0.1:6"), &[mallory]);
    check(directory, &client("127.0.0"), &[]);
    check(
        directory,
        &SearchFilter {
            session: Some(durward_model::SessionId(2)),
            ..any()
        },
        &[agent, refused],
    );
    let verdict = |verdict| SearchFilter {
        verdict: Some(verdict),
        ..any()
    };
    check(directory, &verdict(Verdict::Refused), &[refused, mallory]);
    check(directory, &verdict(Verdict::Failed), &[bob]);
    check(
        directory,
        &SearchFilter {
            database: Some("warehouse".into()),
            ..any()
        },
        &[],
    );
    check(
        directory,
        &SearchFilter {
            until: Some(crate::Moment(1_000)),
            ..any()
        },
        &[],
    );
    check(
        directory,
        &SearchFilter {
            since: Some(crate::Moment(1_000)),
            ..table("orders")
        },
        &[bob],
    );
    let sessions = SearchFilter {
        subjects: Subjects::Sessions,
        ..who("alice")
    };
    check(
        directory,
        &sessions,
        &["alice permitted session - 0", "claude for alice permitted session - 1"],
    );
}

fn small_segments() -> LedgerOptions {
    LedgerOptions {
        segment_bytes_max: 1_000,
        ..options()
    }
}

#[test]
fn questions_are_answered_without_a_gateway() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    write_events(&ledger);
    ledger.close().expect("a clean close");
    check_all(directory.path());
    // Again, from the index that the first question made.
    check_all(directory.path());
}

#[test]
fn questions_are_answered_while_the_gateway_keeps_the_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let following = LedgerOptions {
        index: true,
        ..small_segments()
    };
    let ledger = Ledger::open(directory.path(), following).expect("the ledger opens");
    write_events(&ledger);
    check_all(directory.path());
    assert_eq!(ledger.status().index_failed, None);
    ledger.close().expect("a clean close");
    assert_eq!(ledger.status().index_lag_events, 0);
}

#[test]
fn an_index_taken_up_again_counts_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let read = Statement::read("customers");
    read.intend(&ledger, 1, 1, Durability::Process).expect("an intent");
    let unknown = |directory: &Path| {
        let answer = search(directory, &SearchFilter::default()).expect("an answer");
        answer.rows.iter().map(|row| row.outcomes_unknown).sum::<u64>()
    };
    assert_eq!(unknown(directory.path()), 1);
    // The outcome comes after the index was left, and still finds its intent.
    ledger.record_outcome(&outcome(1, 1)).expect("an outcome");
    ledger.close().expect("a clean close");
    assert_eq!(unknown(directory.path()), 0);
}

#[test]
fn an_outcome_ends_every_part_of_its_statement() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    for part in [Statement::read("customers"), Statement::delete("orders")] {
        part.intend(&ledger, 1, 1, Durability::Process).expect("an intent");
        search(directory.path(), &SearchFilter::default()).expect("an answer");
    }
    ledger.record_outcome(&outcome(1, 1)).expect("an outcome");
    ledger.close().expect("a clean close");
    let answer = search(directory.path(), &SearchFilter::default()).expect("an answer");
    let unknown: Vec<u64> = answer.rows.iter().map(|row| row.outcomes_unknown).collect();
    assert_eq!(unknown, [0, 0]);
}

#[test]
fn an_index_that_does_not_fit_is_made_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let other = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    write_events(&ledger);
    ledger.close().expect("a clean close");
    drop(fixture::open(other.path()));
    search(other.path(), &SearchFilter::default()).expect("an answer");
    std::fs::copy(other.path().join("index.sqlite"), directory.path().join("index.sqlite")).expect("a copy");
    check_all(directory.path());
    let events = rebuild_index(directory.path(), |_| ()).expect("a new index");
    assert_eq!(events, ledger.status().events);
    check_all(directory.path());
}

#[test]
fn rows_that_disagree_with_the_log_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    write_events(&ledger);
    ledger.close().expect("a clean close");
    check_all(directory.path());
    let check = || check_index(directory.path(), |_| ()).expect("a check");
    assert_eq!(
        (check().events, check().differences_total),
        (ledger.status().events, 0),
        "{:?}",
        check()
    );
    let path = directory.path().join("index.sqlite");
    let good = std::fs::read(&path).expect("the index");
    for (change, subject, finding) in [
        (
            "UPDATE ix_statement SET count = count - 1 WHERE refusal <> 0",
            "statement",
            "changed",
        ),
        ("DELETE FROM ix_statement WHERE refusal <> 0", "statement", "missing"),
        (
            "UPDATE ix_shape SET normalized = 'SELECT 1' WHERE command = 'DELETE'",
            "shape of a statement",
            "changed",
        ),
        (
            "UPDATE ix_shape_relation SET name = 'other' WHERE name = 'orders'",
            "shape of a statement",
            "changed",
        ),
        (
            "UPDATE ix_principal SET display = 'eve' WHERE subject = 'bob'",
            "session",
            "changed",
        ),
        ("UPDATE ix_basis SET rules = '[]'", "basis of decisions", "changed"),
        ("UPDATE ix_login_refused SET user = 'eve'", "event", "changed"),
        (
            "INSERT INTO ix_act SELECT event + 1000, time, kind, content FROM ix_act LIMIT 1",
            "event",
            "not in the log",
        ),
        (
            "DELETE FROM ix_first_touch WHERE relation = 'orders'",
            "first access",
            "missing",
        ),
        (
            "DROP VIEW statements; CREATE VIEW statements AS SELECT * FROM ix_statement WHERE session <> 3",
            "table or view",
            "changed",
        ),
    ] {
        let index = rusqlite::Connection::open(&path).expect("the index");
        index.execute_batch(change).expect("a change");
        drop(index);
        let check = check();
        let difference = check.differences.first().expect(change);
        assert_eq!(
            (difference.subject.as_str(), difference.finding.as_str()),
            (subject, finding),
            "{change}"
        );
        if subject == "statement" {
            assert!(
                difference.event.is_some() && difference.row.contains("this DELETE has no WHERE"),
                "{difference:?}"
            );
        }
        std::fs::write(&path, &good).expect("the index");
    }
}
