//! Cached verdicts are those that would be given anew.

use std::sync::Arc;

use durward_model::{AccessModes as M, PrincipalKind, RowBound};

use super::support::*;
use crate::{Decision, DecisionCache, DecisionRequest, PolicySnapshot, SessionContext};

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allow",
        Decision::Hold(_) => "hold",
        Decision::Deny(_) => "deny",
    }
}

#[test]
fn a_hit_rests_on_principal_database_time_and_policy() {
    let night = r#"
        @rule("no-writes-at-night") @reason("no writes before 6")
        forbid (principal, action == Action::"write", resource)
        when { context.hourUtc < 6 };
    "#;
    let (pack, night) = (pack(), pack_with(night));
    let (person, agent) = (principal(PrincipalKind::Person), principal(PrincipalKind::Agent));
    let (open, closed) = (database(""), database("read_only = ['public']"));
    let facts = Arc::new(write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded).0);
    let at = |hour: i64| SessionContext {
        now_unix_seconds: Some(hour * 3600),
        encrypted: true,
    };
    let mut cache = DecisionCache::new();
    let mut check = |policy: &PolicySnapshot, principal, database, hour, expected: &str| {
        let session = &at(hour);
        let request = DecisionRequest {
            principal,
            database,
            facts: &facts,
            session,
            labels: None,
            access: &Arc::default(),
        };
        for round in 0..3 {
            assert_eq!(word(&cache.decide(policy, &request)), expected, "round {round}");
            assert_eq!(word(&policy.decide(&request)), expected);
        }
    };
    check(pack, &person, &open, 3, "hold");
    check(pack, &agent, &open, 3, "hold");
    check(pack, &person, &closed, 3, "deny");
    check(&night, &person, &open, 3, "deny");
    check(&night, &person, &open, 7, "hold");
    check(pack, &person, &open, 3, "hold");
}

#[test]
fn groups_and_purpose_are_part_of_the_key() {
    let policy = pack_with(
        r#"
        @rule("no-interns") @reason("no")
        forbid (principal in Group::"interns", action, resource);
        @rule("no-fun") @reason("no")
        forbid (principal, action, resource) when { context has purpose && context.purpose == "fun" };
        "#,
    );
    let mut cache = DecisionCache::new();
    let facts = Arc::new(select().0);
    let (database, session) = (database(""), SessionContext::default());
    let mut check = |principal: &durward_model::Principal, expected: &str| {
        let request = DecisionRequest {
            principal,
            database: &database,
            facts: &facts,
            session: &session,
            labels: None,
            access: &Arc::default(),
        };
        assert_eq!(word(&cache.decide(&policy, &request)), expected);
    };
    let mut person = principal(PrincipalKind::Person);
    check(&person, "allow");
    person.groups = vec!["interns".into()];
    check(&person, "deny");
    person.groups.clear();
    person.purpose = Some("fun".into());
    check(&person, "deny");
    person.purpose = None;
    check(&person, "allow");
}

#[test]
fn a_permit_covers_its_own_statement_alone() {
    let policy = pack();
    let person = principal(PrincipalKind::Person);
    let facts = Arc::new(select().0);
    let request = DecisionRequest {
        principal: &person,
        database: &database(""),
        facts: &facts,
        session: &SessionContext::default(),
        labels: None,
        access: &Arc::default(),
    };
    let Decision::Allow(permit) = policy.decide(&request) else {
        panic!("a read passes");
    };
    assert!(permit.covers(&person, &facts));
    assert!(!permit.covers(&principal(PrincipalKind::Operator), &facts));
    let other = Arc::new(write("DELETE", "public.orders", M::DELETE, RowBound::AtMost(1)).0);
    assert!(!permit.covers(&person, &other));
    assert_eq!(permit.policy_version(), policy.version());
}

#[test]
fn many_statements_stay_within_the_sessions_bound() {
    let policy = pack();
    let person = principal(PrincipalKind::Person);
    let (database, session) = (database(""), SessionContext::default());
    let mut cache = DecisionCache::new();
    for _ in 0..1000 {
        let facts = Arc::new(select().0);
        let request = DecisionRequest {
            principal: &person,
            database: &database,
            facts: &facts,
            session: &session,
            labels: None,
            access: &Arc::default(),
        };
        assert_eq!(word(&cache.decide(policy, &request)), "allow");
    }
    assert!(cache.len() <= 128);
}

#[test]
fn without_a_clock_a_rule_about_time_refuses_everything() {
    let policy = pack_with(
        r#"
        @rule("weekdays") @reason("no")
        forbid (principal, action == Action::"write", resource) when { context.weekdayUtc > 5 };
        "#,
    );
    let person = principal(PrincipalKind::Person);
    assert_eq!(
        verdict(&policy, &person, &database(""), &select().0),
        "deny policy-error"
    );
    let (database, facts) = (
        database(""),
        Arc::new(write("INSERT", "public.t", M::INSERT, RowBound::AtMost(1)).0),
    );
    // 1970-01-01 was a Thursday.
    for (day, expected) in [
        (0, "allow"),
        (1, "allow"),
        (2, "deny"),
        (3, "deny"),
        (4, "allow"),
        (-4, "deny"),
        (-6, "allow"),
    ] {
        let session = SessionContext {
            now_unix_seconds: Some(day * 86_400 + 3600),
            encrypted: false,
        };
        let request = DecisionRequest {
            principal: &person,
            database: &database,
            facts: &facts,
            session: &session,
            labels: None,
            access: &Arc::default(),
        };
        assert_eq!(word(&policy.decide(&request)), expected, "day {day}");
    }
}
