//! Three lines of configuration, and what they stop.

use durward_model::{AccessModes as M, ObjectKind, Obligation, PrincipalKind, RelationKind, RowBound, StatementClass};

use super::support::*;
use crate::Decision;

const MARKS: &str = r#"
read_only   = ["finance", "public.prices"]
append_only = ["audit"]
off_limits  = ["hr.salar*"]
"#;

fn check(what: &str, facts: &Facts, expected: &str) {
    let (policy, database) = (pack(), database(MARKS));
    for kind in NOT_OPERATORS {
        assert_eq!(
            verdict(policy, &principal(kind), &database, &facts.0),
            expected,
            "{what} by {kind}"
        );
    }
    let operator = principal(PrincipalKind::Operator);
    assert_eq!(
        verdict(policy, &operator, &database, &facts.0),
        "allow",
        "{what} by an operator"
    );
}

fn one() -> RowBound {
    RowBound::AtMost(1)
}

#[test]
fn read_only() {
    let insert = |relation| write("INSERT", relation, M::INSERT, one());
    check(
        "INSERT in a read-only schema",
        &insert("finance.ledger"),
        "deny read-only",
    );
    check(
        "INSERT in a read-only table",
        &insert("public.prices"),
        "deny read-only",
    );
    check("INSERT beside it", &insert("public.orders"), "allow");
    check(
        "a read",
        &facts(StatementClass::Read, "SELECT").uses("finance.ledger", M::READ | M::LOCK),
        "allow",
    );
    check(
        "ALTER",
        &ddl("ALTER TABLE").uses("finance.ledger", M::ALTER),
        "deny read-only",
    );
    let create = ddl("CREATE TABLE").object(ObjectKind::Relation, Some("finance"), "new", M::CREATE);
    check("CREATE TABLE", &create, "deny read-only");
    let rename = ddl("ALTER SCHEMA").object(ObjectKind::Schema, None, "finance", M::ALTER);
    check("ALTER SCHEMA", &rename, "deny read-only");
    let create = ddl("CREATE SCHEMA").object(ObjectKind::Schema, None, "finance", M::CREATE);
    assert_eq!(
        verdict(pack(), &principal(PrincipalKind::Person), &database(MARKS), &create.0),
        "allow",
        "CREATE SCHEMA IF NOT EXISTS changes nothing in it"
    );
    let refresh = facts(StatementClass::Maintenance, "REFRESH MATERIALIZED VIEW").uses_kind(
        "finance.totals",
        M::MAINTAIN,
        RelationKind::MaterializedView,
    );
    check("REFRESH", &refresh, "deny read-only");
}

#[test]
fn append_only() {
    check("INSERT", &write("INSERT", "audit.events", M::INSERT, one()), "allow");
    let with_key = write("INSERT", "audit.events", M::INSERT, one()).uses_kind(
        "audit.events_id_seq",
        M::UPDATE | M::READ,
        RelationKind::Sequence,
    );
    check("INSERT with a serial key", &with_key, "allow");
    check(
        "UPDATE by key",
        &write("UPDATE", "audit.events", M::UPDATE, one()),
        "deny append-only",
    );
    check(
        "DELETE by key",
        &write("DELETE", "audit.events", M::DELETE, one()),
        "deny append-only",
    );
    let upsert = write("INSERT", "audit.events", M::INSERT | M::UPDATE, one());
    check("INSERT … ON CONFLICT DO UPDATE", &upsert, "deny append-only");
    check(
        "ALTER",
        &ddl("ALTER TABLE").uses("audit.events", M::ALTER),
        "deny append-only",
    );
    let trigger = ddl("CREATE TRIGGER")
        .object(ObjectKind::Trigger, Some("audit"), "t", M::CREATE)
        .uses("audit.events", M::ALTER);
    check("CREATE TRIGGER on it", &trigger, "deny append-only");
    let drop = ddl("DROP SCHEMA").object(ObjectKind::Schema, None, "audit", M::DROP);
    check("DROP SCHEMA without its hazard", &drop, "deny append-only");
}

#[test]
fn off_limits() {
    check(
        "a read",
        &facts(StatementClass::Read, "SELECT").uses("hr.salaries", M::READ),
        "deny off-limits",
    );
    check(
        "a lock",
        &facts(StatementClass::Maintenance, "LOCK TABLE").uses("hr.salaries", M::LOCK),
        "deny off-limits",
    );
    let beside = facts(StatementClass::Read, "SELECT").uses("hr.people", M::READ);
    check("a read beside it", &beside, "allow");
    let mut through_view = facts(StatementClass::Read, "SELECT")
        .uses_kind("public.pay", M::READ, RelationKind::View)
        .uses("hr.salaries", M::READ);
    through_view.0.relations[1].direct = false;
    check("a read through a view", &through_view, "deny off-limits");
}

#[test]
fn an_operator_against_a_mark_is_noted() {
    let (policy, database) = (pack(), database(MARKS));
    let read = facts(StatementClass::Read, "SELECT").uses("hr.salaries", M::READ);
    let Decision::Allow(permit) = decide(policy, &principal(PrincipalKind::Operator), &database, &read.0) else {
        panic!("operators may");
    };
    assert!(permit.terms().obligations().contains(&Obligation::DurableIntent));
    assert!(
        permit
            .terms()
            .obligations()
            .iter()
            .any(|obligation| matches!(obligation, Obligation::Annotate(_)))
    );
    assert!(
        permit
            .terms()
            .rules()
            .iter()
            .any(|rule| &**rule == "operator-uses-marked")
    );
}

#[test]
fn ddl_schemas() {
    let (policy, person) = (pack(), principal(PrincipalKind::Person));
    let create = |schema| ddl("CREATE TABLE").object(ObjectKind::Relation, Some(schema), "t", M::CREATE);
    let limited = database("ddl_schemas = ['app', 'team_*']");
    for (schema, expected) in [
        ("app", "allow"),
        ("team_red", "allow"),
        ("pg_temp", "allow"),
        ("public", "deny ddl-schema"),
        ("pg_catalog", "deny ddl-schema"),
    ] {
        assert_eq!(
            verdict(policy, &person, &limited, &create(schema).0),
            expected,
            "{schema}"
        );
    }
}
