//! Rights of a chain are the intersection of its members'.

use durward_model::{AccessModes as M, HazardKind, Principal, PrincipalKind, RowBound, StatementClass, Subject};

use super::support::*;
use crate::Decision;

fn agent_for(kind: PrincipalKind) -> Principal {
    let mut agent = principal(PrincipalKind::Agent);
    agent.subject.kind = kind;
    agent
}

fn check(what: &str, principal: &Principal, facts: &Facts, expected: &str) {
    assert_eq!(verdict(pack(), principal, &database(""), &facts.0), expected, "{what}");
}

#[test]
fn an_operators_agent_is_an_agent() {
    let agent = agent_for(PrincipalKind::Operator);
    let drop = ddl("DROP TABLE")
        .uses("public.orders", M::DROP)
        .hazard(HazardKind::Drop, "public.orders");
    check("DROP", &agent, &drop, "deny drop");
    let update = write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded);
    check("UPDATE by a range", &agent, &update, "hold agent-bulk-write");
    check("a read", &agent, &select(), "allow");
}

#[test]
fn a_chain_of_agents_and_services_has_the_rights_of_its_weakest_member() {
    let mut chain = principal(PrincipalKind::Agent);
    chain.actors.insert(
        0,
        Subject {
            name: "router".into(),
            kind: PrincipalKind::Service,
        },
    );
    let update = write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded);
    check(
        "a service that acts for an agent",
        &chain,
        &update,
        "hold agent-bulk-write",
    );
    let opaque = select().opaque("public.f", "language c");
    check("what the service alone may", &chain, &opaque, "deny opaque");
}

#[test]
fn what_binds_the_person_binds_the_agent() {
    let policy = pack_with(
        r#"
        @rule("contractors-no-customers")
        @reason("contractors don't read {objects}")
        forbid (principal in Group::"contractors", action, resource)
        when { context.uses.contains("public.customers") };
        "#,
    );
    let mut agent = principal(PrincipalKind::Agent);
    agent.subject_groups = vec!["contractors".into()];
    let read = facts(StatementClass::Read, "SELECT").uses("public.customers", M::READ);
    assert_eq!(
        verdict(&policy, &agent, &database(""), &read.0),
        "deny contractors-no-customers"
    );
    agent.subject_groups.clear();
    assert_eq!(verdict(&policy, &agent, &database(""), &read.0), "allow");
    agent.groups = vec!["contractors".into()];
    assert_eq!(
        verdict(&policy, &agent, &database(""), &read.0),
        "deny contractors-no-customers"
    );
}

#[test]
fn an_agent_policy_sees_the_person() {
    let policy = pack_with(
        r#"
        @rule("interns-agents")
        @reason("agents of interns don't write")
        forbid (principal is Agent, action == Action::"write", resource)
        when { principal has actsFor && principal.actsFor in Group::"interns" };
        "#,
    );
    let mut agent = principal(PrincipalKind::Agent);
    agent.subject_groups = vec!["interns".into()];
    let insert = write("INSERT", "public.orders", M::INSERT, RowBound::AtMost(1));
    assert_eq!(
        verdict(&policy, &agent, &database(""), &insert.0),
        "deny interns-agents"
    );
    agent.subject_groups.clear();
    assert_eq!(verdict(&policy, &agent, &database(""), &insert.0), "allow");
}

#[test]
fn names_of_different_kinds_are_different_principals() {
    let policy = pack_with(
        r#"
        @rule("only-the-service") @exempts("truncate")
        permit (principal == Service::"app_user", action, resource);
        "#,
    );
    let truncate = write("TRUNCATE", "public.orders", M::TRUNCATE, RowBound::Unbounded)
        .hazard(HazardKind::Truncate, "public.orders");
    let account = principal(PrincipalKind::Passthrough);
    assert_eq!(verdict(&policy, &account, &database(""), &truncate.0), "deny truncate");
    let mut service = principal(PrincipalKind::Service);
    service.subject.name = "app_user".into();
    assert_eq!(verdict(&policy, &service, &database(""), &truncate.0), "allow");
}

#[test]
fn each_member_that_is_held_must_be_let_to_break_the_glass() {
    let people = r#"
        @rule("people-break-glass") @break_glass("yes") permit (principal is User, action, resource);
    "#;
    let agents = r#"
        @rule("agents-break-glass") @break_glass("yes") permit (principal is Agent, action, resource);
    "#;
    let database = database("");
    let many = write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded);
    let whole = many.clone().hazard(HazardKind::UpdateWithoutWhere, "public.orders");
    let both = format!("{people}{agents}");
    for (text, kind, breaks) in [
        ("", PrincipalKind::Person, None),
        (people, PrincipalKind::Person, Some("people-break-glass")),
        (people, PrincipalKind::Agent, None),
        (agents, PrincipalKind::Agent, None),
        (&both, PrincipalKind::Agent, Some("agents-break-glass")),
    ] {
        let (policy, who) = (pack_with(text), principal(kind));
        let Decision::Hold(order) = decide(&policy, &who, &database, &many.0) else {
            panic!("it is held")
        };
        assert_eq!(order.break_glass.as_deref(), breaks, "{text} {kind}");
        assert_eq!(verdict(&policy, &who, &database, &whole.0), "deny update-without-where");
    }
}
