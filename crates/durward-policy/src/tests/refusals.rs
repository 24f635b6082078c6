//! What a client reads, rule by rule, and what `explain` prints.

use std::fmt::Write as _;
use std::sync::Arc;

use durward_model::{AccessModes as M, HazardKind, ObjectKind, PrincipalKind, Refusal, RowBound, StatementClass};

use super::support::*;
use crate::{Decision, DecisionRequest, SessionContext};

fn refusal(kind: PrincipalKind, marks: &str, facts: &Facts) -> Refusal {
    match decide(pack(), &principal(kind), &database(marks), &facts.0) {
        Decision::Allow(permit) => panic!("allowed by {:?}", permit.terms().rules()),
        Decision::Hold(order) => order.into_refusal(),
        Decision::Deny(denial) => denial.refusal,
    }
}

/// As psql shows it.
fn shown(refusal: &Refusal) -> String {
    let mut text = format!("ERROR:  {}: {}\n", refusal.sqlstate, refusal.message);
    if let Some(detail) = &refusal.detail {
        writeln!(text, "DETAIL:  {detail}").unwrap();
    }
    if let Some(hint) = &refusal.hint {
        writeln!(text, "HINT:  {hint}").unwrap();
    }
    text
}

#[test]
fn one_hazard_each() {
    let mut text = String::new();
    for hazard in HazardKind::ALL.iter().copied() {
        if matches!(hazard, HazardKind::AdvisoryLock | HazardKind::ResourceUse) {
            continue;
        }
        let facts = facts(StatementClass::Read, "SELECT").hazard(hazard, "public.orders");
        writeln!(
            text,
            "-- {hazard}\n{}",
            shown(&refusal(PrincipalKind::Person, "", &facts))
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn ordinary_refusals() {
    let delete = write("DELETE", "public.orders", M::DELETE, RowBound::Unbounded)
        .hazard(HazardKind::DeleteWithoutWhere, "public.orders");
    let update = write("UPDATE", "public.orders", M::UPDATE | M::READ, RowBound::Unbounded);
    let insert = write("INSERT", "public.orders", M::INSERT, RowBound::AtMost(500));
    let create = ddl("CREATE TABLE").object(ObjectKind::Relation, Some("public"), "notes", M::CREATE);
    let opaque = select().opaque("public.mystery", "language c");
    let off_limits = facts(StatementClass::Read, "SELECT").uses("hr.salaries", M::READ);
    let many = (0..8).fold(ddl("DROP TABLE"), |facts, number| {
        facts.hazard(HazardKind::Drop, &format!("public.t{number}"))
    });
    let marks = "off_limits = ['hr.salaries']\nread_only = ['finance']\nappend_only = ['audit']";
    let mut text = String::new();
    for (title, kind, facts) in [
        ("a person's DELETE without WHERE", PrincipalKind::Person, delete.clone()),
        ("an agent's DELETE without WHERE", PrincipalKind::Agent, delete),
        ("an agent's UPDATE by a range", PrincipalKind::Agent, update),
        ("a person's INSERT of 500 rows", PrincipalKind::Person, insert.clone()),
        ("an agent's INSERT of 500 rows", PrincipalKind::Agent, insert),
        ("an agent's CREATE TABLE", PrincipalKind::Agent, create),
        (
            "an agent's VACUUM",
            PrincipalKind::Agent,
            facts(StatementClass::Maintenance, "VACUUM"),
        ),
        ("an opaque function", PrincipalKind::Person, opaque),
        ("a table off limits", PrincipalKind::Service, off_limits),
        (
            "a read-only table",
            PrincipalKind::Service,
            write("UPDATE", "finance.ledger", M::UPDATE, RowBound::AtMost(1)),
        ),
        (
            "evidence",
            PrincipalKind::Service,
            write("DELETE", "audit.events", M::DELETE, RowBound::AtMost(1)),
        ),
        (
            "DDL in pg_catalog",
            PrincipalKind::Person,
            ddl("ALTER TABLE").uses("pg_catalog.pg_class", M::ALTER),
        ),
        (
            "an unknown statement",
            PrincipalKind::Service,
            facts(StatementClass::Unknown, "statement"),
        ),
        ("many objects", PrincipalKind::Person, many),
    ] {
        writeln!(text, "-- {title}\n{}", shown(&refusal(kind, marks, &facts))).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_explanation_reads_well() {
    let facts = write("UPDATE", "public.orders", M::UPDATE | M::READ, RowBound::Unbounded)
        .hazard(HazardKind::UpdateWithoutWhere, "public.orders")
        .opaque("public.mystery", "language c");
    let (policy, principal) = (pack(), principal(PrincipalKind::Agent));
    let explanation = policy.explain(&DecisionRequest {
        principal: &principal,
        database: &database(""),
        facts: &Arc::new(facts.0),
        session: &SessionContext::default(),
        labels: None,
        access: &Arc::default(),
    });
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["verdict"], "deny");
    assert_eq!(json["members"][0]["name"], "claude");
    let text = explanation.to_string();
    let (stable, _digest) = text.split_once("policy: ").unwrap();
    insta::assert_snapshot!(stable);
}

/// Messages are one sentence without a full stop; hints are sentences; nothing spans lines; nothing names a policy.
#[test]
fn wording_keeps_to_the_style() {
    for hazard in HazardKind::ALL.iter().copied() {
        let facts = facts(StatementClass::Unknown, "DROP\nTABLE")
            .hazard(hazard, "public.a\nb")
            .opaque("x", "y");
        for kind in NOT_OPERATORS {
            let refusal = refusal(kind, "", &facts);
            let all = [Some(&refusal.message), refusal.detail.as_ref(), refusal.hint.as_ref()];
            for text in all.into_iter().flatten() {
                assert!(!text.contains('\n'), "{text:?}");
                assert!(!text.contains(".cedar"), "{text:?}");
            }
            assert!(!refusal.message.ends_with('.'), "{}", refusal.message);
            assert!(
                refusal.hint.as_ref().is_none_or(|hint| hint.ends_with(['.', '…'])),
                "{:?}",
                refusal.hint
            );
        }
    }
}
