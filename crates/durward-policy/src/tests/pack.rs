//! The built-in pack as a truth table: what each kind of principal may do.

use durward_model::{
    AccessModes as M, FunctionEffect, HazardKind, ObjectKind, PrincipalKind, RowBound, StatementClass,
};

use super::support::*;

const ANY: RowBound = RowBound::Unbounded;

fn rows(count: u64) -> RowBound {
    RowBound::AtMost(count)
}

/// `expected` for operator, person, agent, service, passthrough account, in that order; one entry stands for all.
fn check(what: &str, facts: &Facts, expected: &[&str]) {
    let (policy, database) = (pack(), database(""));
    let verdicts: Vec<String> = KINDS
        .iter()
        .map(|kind| verdict(policy, &principal(*kind), &database, &facts.0))
        .collect();
    let expected: Vec<&str> = match expected {
        [one] => vec![*one; KINDS.len()],
        [operator, others] => std::iter::once(*operator).chain([*others; 4]).collect(),
        [operator, person, agent, application] => vec![*operator, *person, *agent, *application, *application],
        _ => panic!("{what}: one, two or four expectations"),
    };
    assert_eq!(verdicts, expected, "{what}");
}

#[test]
fn reads_pass() {
    check("a read", &select(), &["allow"]);
    check(
        "a locking read",
        &select().uses("public.items", M::READ | M::LOCK),
        &["allow"],
    );
    let catalog = facts(StatementClass::Read, "SELECT").uses("pg_catalog.pg_class", M::READ);
    check("a tool's catalog query", &catalog, &["allow"]);
    let locks = select().hazard(HazardKind::AdvisoryLock, "pg_advisory_lock");
    check("an advisory lock, as migration tools take", &locks, &["allow"]);
    check(
        "a sleep",
        &select().hazard(HazardKind::ResourceUse, "pg_sleep"),
        &["allow"],
    );
}

#[test]
fn session_and_transaction_commands_pass() {
    check("BEGIN", &facts(StatementClass::Transaction, "BEGIN"), &["allow"]);
    let set = facts(StatementClass::Session, "SET").object(ObjectKind::Setting, None, "work_mem", M::ALTER);
    check("SET of an ordinary setting", &set, &["allow"]);
    let set = facts(StatementClass::Session, "SET").hazard(HazardKind::SessionSetting, "row_security");
    check(
        "SET of a setting that weakens",
        &set,
        &["allow", "deny session-setting"],
    );
    let role = facts(StatementClass::Session, "SET").hazard(HazardKind::RoleChange, "postgres");
    check("SET ROLE", &role, &["allow", "deny role-change"]);
}

#[test]
fn writes_pass_by_their_size() {
    check(
        "INSERT of one row",
        &write("INSERT", "public.orders", M::INSERT, rows(1)),
        &["allow"],
    );
    check(
        "UPDATE by key",
        &write("UPDATE", "public.orders", M::UPDATE | M::READ, rows(2)),
        &["allow"],
    );
    let three = write("DELETE", "public.orders", M::DELETE, rows(3));
    check(
        "DELETE of three keys",
        &three,
        &["allow", "allow", "hold agent-bulk-write", "allow"],
    );
    let hundred = write("INSERT", "public.orders", M::INSERT, rows(100));
    check(
        "INSERT of 100 rows",
        &hundred,
        &["allow", "allow", "hold agent-bulk-write", "allow"],
    );
    // For the agent both its own rule and the person's hold; its own decides.
    let more = write("INSERT", "public.orders", M::INSERT, rows(101));
    let expected = ["allow", "hold people-bulk-write", "hold agent-bulk-write", "allow"];
    check("INSERT of 101 rows", &more, &expected);
    let by_range = write("UPDATE", "public.orders", M::UPDATE, ANY);
    check(
        "UPDATE by a range",
        &by_range,
        &["allow", "hold people-many-rows", "hold agent-bulk-write", "allow"],
    );
    let copy = write("COPY", "public.orders", M::INSERT, ANY);
    check(
        "COPY FROM STDIN",
        &copy,
        &["allow", "hold people-many-rows", "hold agent-bulk-write", "allow"],
    );
}

#[test]
fn additive_ddl_passes_but_for_agents() {
    let expected = ["allow", "allow", "hold agent-ddl", "allow"];
    let table = ddl("CREATE TABLE").object(ObjectKind::Relation, Some("public"), "notes", M::CREATE);
    check("CREATE TABLE", &table, &expected);
    let column = ddl("ALTER TABLE").uses("public.orders", M::ALTER);
    check("ADD COLUMN", &column, &expected);
    let comment = ddl("COMMENT").object(ObjectKind::Relation, Some("public"), "orders", M::ALTER);
    check("COMMENT", &comment, &expected);
    let schema = ddl("CREATE SCHEMA").object(ObjectKind::Schema, None, "reporting", M::CREATE);
    check("CREATE SCHEMA", &schema, &expected);
    let function = ddl("CREATE FUNCTION").object(ObjectKind::Function, Some("public"), "total", M::CREATE);
    check("CREATE FUNCTION", &function, &expected);
}

#[test]
fn ddl_in_system_schemas_or_outside_of_any_is_refused() {
    let expected = ["allow", "deny ddl-schema"];
    let table = ddl("CREATE TABLE").object(ObjectKind::Relation, Some("pg_catalog"), "x", M::CREATE);
    check("CREATE TABLE in pg_catalog", &table, &expected);
    let database = ddl("CREATE DATABASE").object(ObjectKind::Database, None, "x", M::CREATE);
    check("CREATE DATABASE", &database, &expected);
    let alter = ddl("ALTER TABLE").uses("information_schema.sql_features", M::ALTER);
    check("ALTER TABLE in information_schema", &alter, &expected);
}

#[test]
fn temporary_tables_are_the_sessions_own() {
    let create = ddl("CREATE TABLE").object(ObjectKind::Relation, Some("pg_temp"), "scratch", M::CREATE);
    check("CREATE TEMP TABLE", &create, &["allow"]);
    let create = ddl("CREATE TABLE")
        .uses("pg_temp_3.scratch", M::CREATE | M::INSERT)
        .uses("public.orders", M::READ);
    check("CREATE TEMP TABLE AS", &create.rows(ANY), &["allow"]);
    let fill = write("INSERT", "pg_temp_3.scratch", M::INSERT, ANY).uses("public.orders", M::READ);
    check("INSERT INTO a temporary table", &fill, &["allow"]);
    let drop = ddl("DROP TABLE")
        .object(ObjectKind::Relation, Some("pg_temp_3"), "scratch", M::DROP)
        .hazard(HazardKind::Drop, "pg_temp_3.scratch");
    check("DROP of a temporary table", &drop, &["allow"]);
    let delete = write("DELETE", "pg_temp_3.scratch", M::DELETE, ANY);
    check(
        "DELETE of all temporary rows",
        &delete.hazard(HazardKind::DeleteWithoutWhere, "pg_temp_3.scratch"),
        &["allow"],
    );
}

#[test]
fn upkeep_passes_but_for_agents() {
    let vacuum = facts(StatementClass::Maintenance, "VACUUM").uses("public.orders", M::MAINTAIN);
    check(
        "VACUUM",
        &vacuum,
        &["allow", "allow", "deny agent-maintenance", "allow"],
    );
    let full = vacuum.hazard(HazardKind::TableRewrite, "public.orders");
    check("VACUUM FULL", &full, &["allow", "deny table-rewrite"]);
}

#[test]
fn destructive_statements_are_refused_to_all_but_operators() {
    let update = write("UPDATE", "public.orders", M::UPDATE, ANY);
    let delete = write("DELETE", "public.orders", M::DELETE, ANY);
    for (what, facts, rule) in [
        (
            "UPDATE without WHERE",
            update.clone().hazard(HazardKind::UpdateWithoutWhere, "public.orders"),
            "update-without-where",
        ),
        (
            "DELETE without WHERE",
            delete.clone().hazard(HazardKind::DeleteWithoutWhere, "public.orders"),
            "delete-without-where",
        ),
        (
            "DELETE WHERE true",
            delete.hazard(HazardKind::TautologicalWhere, "public.orders"),
            "where-always-true",
        ),
        (
            "TRUNCATE",
            write("TRUNCATE", "public.orders", M::TRUNCATE, ANY).hazard(HazardKind::Truncate, "public.orders"),
            "truncate",
        ),
        (
            "DROP TABLE",
            ddl("DROP TABLE")
                .uses("public.orders", M::DROP)
                .hazard(HazardKind::Drop, "public.orders"),
            "drop",
        ),
        (
            "DROP COLUMN",
            ddl("ALTER TABLE")
                .uses("public.orders", M::ALTER)
                .hazard(HazardKind::DataLoss, "public.orders"),
            "data-loss",
        ),
        (
            "GRANT",
            facts(StatementClass::Privilege, "GRANT").hazard(HazardKind::PrivilegeChange, "public.orders"),
            "privilege-change",
        ),
        (
            "a privilege statement without its hazard",
            facts(StatementClass::Privilege, "GRANT"),
            "privilege-statement",
        ),
        (
            "UPDATE pg_class",
            write("UPDATE", "pg_catalog.pg_class", M::UPDATE, rows(1)),
            "system-catalog",
        ),
    ] {
        check(what, &facts, &["allow", &format!("deny {rule}")]);
    }
}

/// A hazard without a rule would pass unseen: each kind is denied to all but operators, or stands in this list. Functions that
/// hold one are denied to people and agents.
#[test]
fn every_hazard_has_a_rule() {
    let (policy, database) = (pack(), database(""));
    let harmless = [HazardKind::AdvisoryLock, HazardKind::ResourceUse];
    for hazard in HazardKind::ALL.iter().copied() {
        for class in [
            StatementClass::Read,
            StatementClass::Session,
            StatementClass::Transaction,
            StatementClass::Write,
        ] {
            let facts = facts(class, "SELECT")
                .uses("public.orders", M::READ)
                .hazard(hazard, "public.orders")
                .rows(rows(1));
            for kind in KINDS {
                let allowed = verdict(policy, &principal(kind), &database, &facts.0) == "allow";
                // Applications bring their functions with them, and run nothing that they may not.
                let brings = hazard == HazardKind::HarmfulCode
                    && matches!(kind, PrincipalKind::Service | PrincipalKind::Passthrough);
                let expected = kind == PrincipalKind::Operator || harmless.contains(&hazard) || brings;
                assert_eq!(allowed, expected, "{hazard} for {kind} as {class}");
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let unknown = facts(StatementClass::Unknown, "NOVEL").opaque("NOVEL", "unknown statement");
    check("an unknown statement", &unknown, &["allow", "deny not-understood"]);
    let opaque = select()
        .calls("public.mystery", FunctionEffect::Opaque)
        .opaque("public.mystery", "language c");
    check(
        "an opaque function",
        &opaque,
        &["allow", "deny opaque", "deny opaque", "allow"],
    );
    let dynamic = opaque.hazard(HazardKind::DynamicSql, "public.mystery");
    check("dynamic SQL", &dynamic, &["allow", "deny dynamic-sql"]);
}

#[test]
fn a_sequence_moved_by_a_default_is_no_obstacle() {
    let insert =
        write("INSERT", "public.orders", M::INSERT, rows(1)).calls("pg_catalog.nextval", FunctionEffect::Writes);
    check("INSERT with nextval", &insert, &["allow"]);
}

#[test]
fn large_objects_are_written_by_their_functions() {
    let by_function = write("SELECT", "pg_catalog.pg_largeobject", M::INSERT | M::UPDATE, ANY)
        .calls("pg_catalog.lo_from_bytea", FunctionEffect::Writes);
    check(
        "lo_from_bytea",
        &by_function,
        &["allow", "hold people-many-rows", "hold agent-bulk-write", "allow"],
    );
    let by_hand = write("UPDATE", "pg_catalog.pg_largeobject", M::UPDATE, rows(1));
    check("UPDATE pg_largeobject", &by_hand, &["allow", "deny system-catalog"]);
}
