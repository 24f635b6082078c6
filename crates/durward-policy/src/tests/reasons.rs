//! `@requires_reason`: who must say what a statement is for, and what isn't asked.

use std::sync::Arc;

use durward_model::{AccessModes, Obligation, PrincipalKind, RowBound, StatementClass};

use super::support::{Facts, database, facts, pack_with, principal, select, write};
use crate::{Decision, DecisionCache, DecisionRequest, LabelUse, PolicySnapshot, SessionContext};

/// Who reads somebody's email says why; who writes to orders names a ticket.
const POLICY: &str = r#"
    @rule("email-with-a-reason")
    @reason("{objects} holds personal data")
    @objects("reads")
    @requires_reason("any")
    forbid (principal, action, resource)
    when { context.labelsRead.contains("email") };

    @rule("orders-with-a-ticket")
    @reason("{command} changes orders")
    @requires_reason("OPS-[0-9]+")
    forbid (principal, action == Action::"write", resource)
    when { context.changes.contains("public.orders") };
"#;

fn labels(read: &[&str]) -> Arc<LabelUse> {
    Arc::new(LabelUse {
        read: read.iter().map(|&label| label.into()).collect(),
        ..LabelUse::default()
    })
}

/// `runs`, or the code and rule of what refuses.
fn check(policy: &PolicySnapshot, facts: &Facts, read: &[&str], reason: Option<&str>, expected: &str) {
    let labels = labels(read);
    let decision = policy.decide(&DecisionRequest {
        principal: &principal(PrincipalKind::Person),
        database: &database(""),
        facts: &Arc::new(facts.0.clone()),
        session: &SessionContext::default(),
        labels: Some(&labels),
        access: &Arc::default(),
    });
    let refusal = match decision {
        Decision::Allow(permit) => permit.terms().unreasoned(reason),
        Decision::Hold(order) => order.permit().terms().unreasoned(reason).or(Some(order.refusal)),
        Decision::Deny(denial) => Some(denial.refusal),
    };
    let outcome = refusal.map_or_else(
        || "runs".to_owned(),
        |refusal| format!("{} {}", refusal.sqlstate, refusal.rule),
    );
    assert_eq!(outcome, expected, "{facts:?} {read:?} {reason:?}");
}

#[test]
fn a_statement_runs_with_the_reason_that_is_asked_for() {
    let policy = pack_with(POLICY);
    let keyed = write("UPDATE", "public.orders", AccessModes::UPDATE, RowBound::AtMost(1));
    let many = write("UPDATE", "public.orders", AccessModes::UPDATE, RowBound::AtMost(1_000));
    let whole = write("DELETE", "public.orders", AccessModes::DELETE, RowBound::Unbounded)
        .hazard(durward_model::HazardKind::DeleteWithoutWhere, "public.orders");
    let setting = facts(StatementClass::Session, "SET");
    let ticket = Some("OPS-17");
    for (facts, read, reason, expected) in [
        (&select(), &["email"][..], None, "WD004 email-with-a-reason"),
        (&select(), &["email"], Some(" "), "WD004 email-with-a-reason"),
        (&select(), &["email"], Some("a customer calls"), "runs"),
        (&select(), &["phone"], None, "runs"),
        (&keyed, &[], Some("a customer calls"), "WD004 orders-with-a-ticket"),
        (&keyed, &[], ticket, "runs"),
        (&keyed, &["email"], None, "WD004 email-with-a-reason"),
        (&keyed, &["email"], ticket, "runs"),
        // A reason is no approval, and never beats a denial.
        (&many, &[], None, "WD004 orders-with-a-ticket"),
        (&many, &[], ticket, "42501 people-bulk-write"),
        (&whole, &[], ticket, "42501 delete-without-where"),
        (&setting, &["email"], None, "runs"),
    ] {
        check(&policy, facts, read, reason, expected);
    }
}

#[test]
fn what_is_permitted_with_a_reason_alone_is_said_in_the_record() {
    let policy = pack_with(POLICY);
    let labels = labels(&["email"]);
    let decision = policy.decide(&DecisionRequest {
        principal: &principal(PrincipalKind::Person),
        database: &database(""),
        facts: &Arc::new(select().0),
        session: &SessionContext::default(),
        labels: Some(&labels),
        access: &Arc::default(),
    });
    let Decision::Allow(permit) = decision else {
        panic!("it is allowed")
    };
    let terms = permit.terms();
    assert!(terms.obligations().contains(&Obligation::Reason { pattern: None }));
    assert!(terms.rules().iter().any(|rule| &**rule == "email-with-a-reason"));
    let refusal = terms.unreasoned(None).unwrap();
    assert_eq!(&*refusal.message, "\"public.orders\" holds personal data");
    assert!(refusal.hint.unwrap().contains("SET durward.reason"));
}

#[test]
fn the_same_facts_under_other_labels_are_judged_anew() {
    let policy = pack_with(POLICY);
    let mut cache = DecisionCache::new();
    let (alice, shop) = (principal(PrincipalKind::Person), database(""));
    let facts = Arc::new(select().0);
    for (read, asks) in [
        (&["phone"][..], false),
        (&["email"], true),
        (&[], false),
        (&["email"], true),
    ] {
        let labels = labels(read);
        let decision = cache.decide(
            &policy,
            &DecisionRequest {
                principal: &alice,
                database: &shop,
                facts: &facts,
                session: &SessionContext::default(),
                labels: Some(&labels),
                access: &Arc::default(),
            },
        );
        let Decision::Allow(permit) = decision else {
            panic!("it is allowed")
        };
        assert_eq!(permit.terms().unreasoned(None).is_some(), asks, "{read:?}");
    }
}

#[test]
fn labels_that_are_not_known_refuse() {
    let policy = pack_with(POLICY);
    let decision = policy.decide(&DecisionRequest {
        principal: &principal(PrincipalKind::Person),
        database: &database(""),
        facts: &Arc::new(select().0),
        session: &SessionContext::default(),
        labels: None,
        access: &Arc::default(),
    });
    assert!(matches!(decision, Decision::Deny(denial) if &*denial.refusal.rule == "policy-error"));
}

#[test]
fn whoever_sees_clear_text_by_an_exemption_says_why() {
    let policy = pack_with(
        r#"
        @rule("support-with-a-reason")
        @unmask("email")
        @requires_reason("any")
        permit (principal is User, action, resource)
        when { context.labelsRead.contains("email") };
        "#,
    );
    check(&policy, &select(), &["email"], None, "WD004 support-with-a-reason");
    check(&policy, &select(), &["phone"], None, "runs");
    check(&policy, &select(), &["email"], Some("call 4711"), "runs");
}
