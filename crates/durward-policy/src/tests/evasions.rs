//! Facts that try to slip through the pack, each with the verdict that an operator would want to see.

use durward_model::{
    AccessModes as M, Certainty, FunctionEffect, HazardKind, ObjectKind, PrincipalKind, RelationKind, RowBound,
    StatementClass,
};

use super::support::*;

fn check(what: &str, kind: PrincipalKind, marks: &str, facts: &Facts, expected: &str) {
    assert_eq!(
        verdict(pack(), &principal(kind), &database(marks), &facts.0),
        expected,
        "{what}"
    );
}

#[test]
fn a_class_that_understates_is_overruled_by_what_is_touched() {
    use PrincipalKind::Agent;
    let read = |modes| facts(StatementClass::Read, "SELECT").uses("public.orders", modes);
    check(
        "a read that deletes",
        Agent,
        "",
        &read(M::DELETE).rows(RowBound::Unbounded),
        "hold agent-bulk-write",
    );
    check(
        "a read that can write any number",
        Agent,
        "",
        &read(M::READ).rows(RowBound::Unbounded),
        "hold agent-bulk-write",
    );
    check("a read that alters", Agent, "", &read(M::ALTER), "hold agent-ddl");
    check(
        "a session command that grants",
        Agent,
        "",
        &facts(StatementClass::Session, "SET").uses("public.orders", M::GRANT),
        "deny privilege-statement",
    );
    check(
        "a transaction command that drops",
        Agent,
        "",
        &facts(StatementClass::Transaction, "COMMIT").uses("public.t", M::DROP),
        "hold agent-ddl",
    );
    check(
        "a write with upkeep",
        Agent,
        "",
        &write("X", "public.t", M::MAINTAIN, RowBound::AtMost(0)),
        "deny agent-maintenance",
    );
}

#[test]
fn exact_facts_with_an_opaque_function_are_opaque() {
    let mut facts = select().calls("public.f", FunctionEffect::Opaque);
    facts.0.certainty = Certainty::Exact;
    check(
        "an opaque function in exact facts",
        PrincipalKind::Person,
        "",
        &facts,
        "deny opaque",
    );
    let mut facts = select().opaque("x", "y");
    facts.0.certainty = Certainty::Exact;
    check(
        "a reason in exact facts",
        PrincipalKind::Person,
        "",
        &facts,
        "deny opaque",
    );
    let mut facts = select();
    facts.0.certainty = Certainty::Opaque;
    check(
        "opaque without a reason",
        PrincipalKind::Agent,
        "",
        &facts,
        "deny opaque",
    );
}

#[test]
fn a_temporary_table_is_no_cloak() {
    use PrincipalKind::Agent;
    let both = write("INSERT", "pg_temp_3.scratch", M::INSERT, RowBound::Unbounded).uses("public.orders", M::DELETE);
    check("a real table beside it", Agent, "", &both, "hold agent-bulk-write");
    let function = write("INSERT", "pg_temp_3.scratch", M::INSERT, RowBound::Unbounded)
        .calls("pg_catalog.setval", FunctionEffect::Writes);
    check(
        "a writing function beside it",
        Agent,
        "",
        &function,
        "hold agent-bulk-write",
    );
    let drop = ddl("DROP TABLE")
        .object(ObjectKind::Relation, Some("pg_temp_3"), "scratch", M::DROP)
        .object(ObjectKind::Relation, Some("public"), "orders", M::DROP)
        .hazard(HazardKind::Drop, "pg_temp_3.scratch")
        .hazard(HazardKind::Drop, "public.orders");
    check(
        "a real table dropped with it",
        PrincipalKind::Person,
        "",
        &drop,
        "deny drop",
    );
    let database = ddl("DROP DATABASE")
        .object(ObjectKind::Database, None, "pg_temp.x", M::DROP)
        .hazard(HazardKind::Drop, "pg_temp.x");
    check(
        "a database named like one",
        PrincipalKind::Person,
        "",
        &database,
        "deny drop",
    );
    let lookalike = ddl("DROP TABLE")
        .object(ObjectKind::Relation, Some("pg_temporary"), "x", M::DROP)
        .hazard(HazardKind::Drop, "pg_temporary.x");
    check(
        "a schema named nearly like one",
        PrincipalKind::Person,
        "",
        &lookalike,
        "deny drop",
    );
    let unnamed = ddl("DROP TABLE")
        .object(ObjectKind::Relation, Some("pg_temp_3"), "scratch", M::DROP)
        .hazard(HazardKind::Drop, "");
    check(
        "a drop that doesn't say of what",
        PrincipalKind::Person,
        "",
        &unnamed,
        "deny drop",
    );
    let trigger = ddl("CREATE TRIGGER")
        .uses("pg_temp_3.scratch", M::ALTER)
        .hazard(HazardKind::PlantedCode, "pg_temp_3.scratch");
    check(
        "planted code on one",
        PrincipalKind::Person,
        "",
        &trigger,
        "deny planted-code",
    );
    let opaque = ddl("CREATE TABLE")
        .uses("pg_temp_3.scratch", M::CREATE)
        .opaque("public.f", "language c");
    check("filled by an unseen function", Agent, "", &opaque, "deny opaque");
    let schema = ddl("DROP SCHEMA")
        .object(ObjectKind::Schema, None, "pg_temp_3", M::DROP)
        .hazard(HazardKind::Drop, "pg_temp_3");
    check(
        "the temporary schema itself",
        PrincipalKind::Person,
        "",
        &schema,
        "deny drop",
    );
}

#[test]
fn marks_hold_whatever_the_way() {
    let marks = "append_only = ['audit.events']\noff_limits = ['hr.salaries']\nread_only = ['finance.ledger']";
    use PrincipalKind::Service;
    let move_schema = ddl("ALTER SCHEMA").object(ObjectKind::Schema, None, "audit", M::ALTER);
    check(
        "renaming the schema around evidence",
        Service,
        marks,
        &move_schema,
        "deny append-only",
    );
    let owner = facts(StatementClass::Privilege, "ALTER TABLE").uses("audit.events", M::GRANT);
    check(
        "changing rights on evidence",
        Service,
        marks,
        &owner,
        "deny append-only",
    );
    let copy = facts(StatementClass::Read, "COPY").uses("hr.salaries", M::READ);
    check("COPY of what is off limits", Service, marks, &copy, "deny off-limits");
    let indexed = ddl("CREATE INDEX")
        .object(ObjectKind::Relation, Some("finance"), "i", M::CREATE)
        .uses("finance.ledger", M::ALTER);
    check(
        "an index on what is read-only",
        Service,
        marks,
        &indexed,
        "deny read-only",
    );
    let partition = write("DELETE", "audit.events_2024", M::DELETE, RowBound::AtMost(1)).uses_kind(
        "audit.events",
        M::DELETE,
        RelationKind::PartitionedTable,
    );
    check(
        "by way of a partition whose parent is evidence",
        Service,
        marks,
        &partition,
        "deny append-only",
    );
    let function = ddl("CREATE FUNCTION").object(ObjectKind::Function, Some("hr"), "salaries", M::CREATE);
    check(
        "a function of the marked name",
        Service,
        marks,
        &function,
        "deny off-limits",
    );
}

#[test]
fn names_from_clients_are_data() {
    let policy = pack_with(
        r#"
        @rule("only-bob") @exempts("drop")
        permit (principal == User::"bob", action, resource);
        "#,
    );
    let drop = ddl("DROP TABLE").hazard(HazardKind::Drop, "public.orders");
    for name in ["bob\"", "bob\0", "BOB", " bob", "User::\"bob\"", "bob\" || true || \""] {
        let mut person = principal(PrincipalKind::Person);
        person.subject.name = name.into();
        assert_eq!(
            verdict(&policy, &person, &database(""), &drop.0),
            "deny drop",
            "{name:?}"
        );
    }
    let mut agent = principal(PrincipalKind::Agent);
    agent.subject.name = "bob".into();
    assert_eq!(
        verdict(&policy, &agent, &database(""), &drop.0),
        "deny drop",
        "an agent isn't its person"
    );
}

#[test]
fn row_counts_at_the_edges() {
    use PrincipalKind::{Agent, Person};
    let insert = |rows| write("INSERT", "public.orders", M::INSERT, RowBound::AtMost(rows));
    check("no row", Agent, "", &insert(0), "allow");
    check("two", Agent, "", &insert(2), "allow");
    check(
        "more than a Long holds",
        Agent,
        "",
        &insert(u64::MAX),
        "hold agent-bulk-write",
    );
    check(
        "more than a Long holds",
        Person,
        "",
        &insert(u64::MAX),
        "hold people-bulk-write",
    );
}

#[test]
fn a_hazard_that_the_marks_make_is_not_hidden_by_another_class() {
    let marks = "append_only = ['audit']";
    let merge = facts(StatementClass::Read, "WITH").uses("audit.events", M::READ | M::UPDATE);
    check(
        "a CTE that updates evidence",
        PrincipalKind::Service,
        marks,
        &merge,
        "deny append-only",
    );
}

#[test]
fn what_is_kept_aside_is_out_of_reach_for_all_but_operators() {
    let kept = "durward_kept_20261203_0123456789ab";
    let table = format!("{kept}.orders");
    let schema = |modes| facts(StatementClass::Ddl, "X").object(ObjectKind::Schema, None, kept, modes);
    for kind in NOT_OPERATORS {
        for facts in [
            facts(StatementClass::Read, "SELECT").uses(&table, M::READ),
            write("DELETE", &table, M::DELETE, RowBound::AtMost(1)),
            facts(StatementClass::Ddl, "DROP TABLE").uses(&table, M::DROP),
            // Whatever goes there would be removed once its day is over.
            schema(M::ALTER),
            schema(M::CREATE),
            schema(M::DROP),
        ] {
            check("what is kept aside", kind, "", &facts, "deny off-limits");
        }
    }
    let read = facts(StatementClass::Read, "SELECT").uses(&table, M::READ);
    check("an operator", PrincipalKind::Operator, "", &read, "allow");
}

#[test]
fn what_is_off_limits_is_so_in_its_copies_too() {
    let marks = "off_limits = ['hr.salaries']";
    for copy in [
        "pg_catalog.pg_statistic",
        "pg_catalog.pg_stats",
        "pg_toast.pg_toast_16401",
    ] {
        let read = facts(StatementClass::Read, "SELECT").uses(copy, M::READ);
        check(copy, PrincipalKind::Service, marks, &read, "deny off-limits");
        check(copy, PrincipalKind::Service, "", &read, "allow");
        check(copy, PrincipalKind::Service, "read_only = ['hr']", &read, "allow");
    }
    let class = facts(StatementClass::Read, "SELECT").uses("pg_catalog.pg_class", M::READ);
    check(
        "the rest of the catalog",
        PrincipalKind::Service,
        marks,
        &class,
        "allow",
    );
}
