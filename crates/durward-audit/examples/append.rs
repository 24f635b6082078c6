//! How long recording takes: nanoseconds for the intent and the outcome of a repeated statement.
//!
//! `cargo run --release -p durward-audit --example append [statements]`

#![expect(clippy::expect_used, clippy::print_stdout, reason = "an example that prints")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use durward_audit::{
    Durability, Event, Ledger, LedgerOptions, Origin, SessionStarted, StatementIntentInput, StatementOutcome, verify,
};
use durward_model::{
    AccessModes, Assurance, CredentialId, CredentialKind, Digest, Oid, Principal, PrincipalKind, QualifiedName,
    RelationKind, RelationRef, RelationUse, SessionId, StatementClass, StatementFacts, StatementId, Subject,
};

fn main() {
    let statements: u64 = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(200_000);
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), LedgerOptions::default()).expect("the ledger opens");
    let session = SessionId(1);
    ledger
        .record(&Event::SessionStarted(started(session)))
        .expect("a session starts");
    let mut facts = StatementFacts::empty(StatementClass::Read, "SELECT");
    facts.relations = vec![RelationUse {
        relation: RelationRef {
            oid: Oid(16_400),
            name: QualifiedName::new("public", "pgbench_accounts"),
            kind: RelationKind::Table,
        },
        modes: AccessModes::READ,
        columns: Vec::new(),
        direct: true,
    }];
    let facts = Arc::new(facts);
    let normalized: Arc<str> = "SELECT abalance FROM pgbench_accounts WHERE aid = $1".into();
    let rules: Vec<Arc<str>> = vec!["services-read".into()];
    let literals = ledger.keyed_digest(normalized.as_bytes());
    let (before, cpu_before) = (Instant::now(), cpu_nanoseconds());
    for statement in 0..statements {
        let statement = StatementId(statement);
        let intent = StatementIntentInput {
            session,
            statement,
            origin: Origin::Execute,
            facts: &facts,
            normalized: &normalized,
            shape: Digest([1; 32]),
            rules: &rules,
            policy_version: 1,
            obligations: &[],
            labelled: &[],
            literals,
            parameters: Some(ledger.keyed_digest(&statement.0.to_be_bytes())),
            trace: None,
        };
        let recording = std::pin::pin!(ledger.record_intent((), &intent, Durability::Process));
        let Poll::Ready(recorded) = recording.poll(&mut Context::from_waker(Waker::noop())) else {
            unreachable!("process durability never waits");
        };
        let ((), _number) = recorded.expect("an intent").spend();
        let outcome = StatementOutcome {
            session,
            statement,
            rows: 1,
            bytes: 12,
            rows_affected: None,
            duration_microseconds: 90,
            sqlstate: None,
            transaction: None,
        };
        ledger.record_outcome(&outcome).expect("an outcome");
    }
    let each = before.elapsed().as_nanos() / u128::from(statements.max(1));
    let each_cpu = (cpu_nanoseconds() - cpu_before) / statements.max(1);
    println!("{each_cpu} ns of CPU for each intent and outcome, the write included ({each} ns on the wall)");
    let before = Instant::now();
    ledger.close().expect("a clean close");
    println!("{:?} to close", before.elapsed());
    let before = Instant::now();
    let report = verify(directory.path(), None).expect("a sound ledger");
    println!(
        "{} events in {} segments verified in {:?}",
        report.events,
        report.segments,
        before.elapsed()
    );
}

/// What this thread has used (`proc(5)`, `schedstat`).
fn cpu_nanoseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a thread's times");
    text.split(' ')
        .next()
        .and_then(|used| used.parse().ok())
        .expect("a number")
}

fn started(session: SessionId) -> SessionStarted {
    let party = Subject {
        name: "shop-api".into(),
        kind: PrincipalKind::Service,
    };
    SessionStarted {
        session,
        principal: Principal {
            subject: party,
            actors: Vec::new(),
            groups: Vec::new(),
            subject_groups: Vec::new(),
            assurance: Assurance::Issued,
            credential_kind: CredentialKind::IssuedPassword,
            credential: CredentialId("pw-1".into()),
            purpose: None,
        },
        database: "shop".into(),
        login: "shop-api".into(),
        upstream_user: "shop".into(),
        client_address: "127.0.0.1:1".into(),
        client_program: None,
        tls: false,
        upstream_process: None,
    }
}
