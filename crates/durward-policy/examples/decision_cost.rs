//! What a decision costs: a session's hit, a hit in the shared cache, and a miss. Run it in the release profile.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use durward_model::{
    AccessModes, Assurance, CredentialId, CredentialKind, Oid, Principal, PrincipalKind, QualifiedName, RelationKind,
    RelationRef, RelationUse, StatementClass, StatementFacts, Subject,
};
use durward_policy::{
    DatabaseContext, DatabaseMarks, DecisionCache, DecisionRequest, PolicySnapshot, PolicySources, SessionContext,
};

fn main() -> Result<(), durward_policy::PolicyError> {
    let started = Instant::now();
    let policy = PolicySnapshot::load(&PolicySources::default())?;
    println!(
        "load:                 {:>9.1} µs",
        started.elapsed().as_secs_f64() * 1e6
    );
    let principal = agent();
    let database = DatabaseContext::new("shop".into(), DatabaseMarks::default());
    let session = SessionContext {
        now_unix_seconds: Some(1_700_000_000),
        encrypted: true,
    };
    let mut cache = DecisionCache::new();
    let facts: Vec<Arc<StatementFacts>> = (0..500).map(|number| Arc::new(read(number))).collect();
    let request = |facts| DecisionRequest {
        principal: &principal,
        database: &database,
        facts,
        session: &session,
    };
    report("miss, a chain of two:", facts.len(), || {
        facts
            .iter()
            .for_each(|facts| drop(black_box(policy.decide(&request(facts)))));
    });
    let copies: Vec<Arc<StatementFacts>> = facts
        .iter()
        .map(|facts| Arc::new(StatementFacts::clone(facts)))
        .collect();
    report("hit by content:", copies.len(), || {
        copies
            .iter()
            .for_each(|facts| drop(black_box(policy.decide(&request(facts)))));
    });
    let rounds = 1_000_000;
    if let Some(first) = facts.first() {
        report("hit in a session:", rounds, || {
            (0..rounds).for_each(|_| drop(black_box(cache.decide(&policy, &request(first)))));
        });
    }
    Ok(())
}

fn report(what: &str, count: usize, work: impl FnOnce()) {
    let started = Instant::now();
    work();
    #[expect(clippy::cast_precision_loss, reason = "counts here are small")]
    let each = started.elapsed().as_secs_f64() * 1e6 / count as f64;
    println!("{what:<21} {each:>9.3} µs");
}

fn agent() -> Principal {
    let subject = |name: &str, kind| Subject {
        name: name.into(),
        kind,
    };
    Principal {
        subject: subject("alice", PrincipalKind::Person),
        actors: vec![subject("claude", PrincipalKind::Agent)],
        groups: vec!["analysts".into()],
        subject_groups: vec!["analysts".into()],
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId("c1".into()),
        purpose: None,
    }
}

fn read(number: u32) -> StatementFacts {
    let mut facts = StatementFacts::empty(StatementClass::Read, "SELECT");
    for table in ["orders", "items", "customers"] {
        facts.relations.push(RelationUse {
            relation: RelationRef {
                oid: Oid(20_000 + number),
                name: QualifiedName::new("public", format!("{table}{number}")),
                kind: RelationKind::Table,
            },
            modes: AccessModes::READ,
            columns: vec![],
            direct: true,
        });
    }
    facts
}
