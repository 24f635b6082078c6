//! What holds for all facts.

use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, HazardKind, ObjectKind, Principal, PrincipalKind, RowBound, StatementClass, Subject,
};
use proptest::prelude::*;

use super::support::*;
use crate::{DecisionRequest, PolicySnapshot, SessionContext};

const CLASSES: [StatementClass; 8] = [
    StatementClass::Transaction,
    StatementClass::Session,
    StatementClass::Read,
    StatementClass::Write,
    StatementClass::Maintenance,
    StatementClass::Ddl,
    StatementClass::Privilege,
    StatementClass::Unknown,
];
const NAMES: [&str; 6] = [
    "public.orders",
    "audit.events",
    "hr.salaries",
    "finance.ledger",
    "pg_temp_3.scratch",
    "pg_catalog.pg_class",
];
const MODES: [AccessModes; 11] = [
    AccessModes::READ,
    AccessModes::INSERT,
    AccessModes::UPDATE,
    AccessModes::DELETE,
    AccessModes::TRUNCATE,
    AccessModes::CREATE,
    AccessModes::ALTER,
    AccessModes::DROP,
    AccessModes::LOCK,
    AccessModes::MAINTAIN,
    AccessModes::GRANT,
];

fn arbitrary_facts() -> impl Strategy<Value = Facts> {
    let relation = (
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&MODES[..]),
        prop::sample::select(&MODES[..]),
    );
    let hazard = (prop::sample::select(HazardKind::ALL), prop::sample::select(&NAMES[..]));
    (
        prop::sample::select(&CLASSES[..]),
        prop::collection::vec(relation, 0..3),
        prop::collection::vec(hazard, 0..2),
        prop::collection::vec(
            (prop::sample::select(&NAMES[..]), prop::sample::select(&MODES[5..])),
            0..2,
        ),
        prop_oneof![Just(RowBound::Unbounded), (0u64..200).prop_map(RowBound::AtMost)],
        prop::bool::weighted(0.2),
    )
        .prop_map(|(class, relations, hazards, objects, rows, opaque)| {
            let mut built = facts(class, "SOMETHING").rows(rows);
            for (name, one, other) in relations {
                built = built.uses(name, one | other);
            }
            for (kind, name) in hazards {
                built = built.hazard(kind, name);
            }
            for (name, modes) in objects {
                let (schema, name) = name.split_once('.').unwrap();
                built = built.object(ObjectKind::Relation, Some(schema), name, modes);
            }
            if opaque {
                built = built.opaque("public.f", "language c");
            }
            built
        })
}

fn subject(number: usize, kind: PrincipalKind) -> Subject {
    Subject {
        name: format!("p{number}").into(),
        kind,
    }
}

fn chain(kinds: &[PrincipalKind]) -> Principal {
    let mut members: Vec<Subject> = kinds
        .iter()
        .enumerate()
        .map(|(number, kind)| subject(number, *kind))
        .collect();
    let mut chain = principal(PrincipalKind::Person);
    chain.subject = members.pop().unwrap();
    chain.actors = members;
    chain
}

/// 0 allow, 1 hold, 2 deny.
fn severity(policy: &PolicySnapshot, principal: &Principal, facts: &Facts) -> u8 {
    let marks = "read_only = ['finance']\nappend_only = ['audit']\noff_limits = ['hr.salaries']";
    let verdict = verdict(policy, principal, &database(marks), &facts.0);
    match verdict.split(' ').next() {
        Some("allow") => 0,
        Some("hold") => 1,
        _ => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_danger_is_never_judged_milder(
        facts in arbitrary_facts(),
        kind in prop::sample::select(&KINDS[..]),
        hazard in prop::sample::select(HazardKind::ALL),
        object in prop::sample::select(&NAMES[..]),
    ) {
        let (policy, principal) = (pack(), principal(kind));
        let before = severity(policy, &principal, &facts);
        prop_assert!(severity(policy, &principal, &facts.clone().hazard(hazard, object)) >= before);
        prop_assert!(severity(policy, &principal, &facts.clone().opaque("public.g", "unseen")) >= before);
        // People are held for what is known to be much; what isn't known passes until it can be measured.
        if kind != PrincipalKind::Person {
            prop_assert!(severity(policy, &principal, &facts.clone().rows(RowBound::Unbounded)) >= before);
        }
        let mut unknown = facts.clone();
        unknown.0.class = StatementClass::Unknown;
        prop_assert!(severity(policy, &principal, &unknown) >= before);
    }

    #[test]
    fn a_chain_may_do_no_more_than_each_member(
        facts in arbitrary_facts(),
        kinds in prop::collection::vec(prop::sample::select(&KINDS[..]), 1..4),
    ) {
        let policy = pack();
        let whole = severity(policy, &chain(&kinds), &facts);
        for kind in &kinds {
            prop_assert!(whole >= severity(policy, &chain(&[*kind]), &facts), "{kind}");
        }
    }

    #[test]
    fn explanation_and_decision_agree(facts in arbitrary_facts(), kind in prop::sample::select(&KINDS[..])) {
        let policy = pack();
        let principal = principal(kind);
        let database = database("");
        let word = verdict(policy, &principal, &database, &facts.0);
        let explanation = policy.explain(&DecisionRequest {
            principal: &principal,
            database: &database,
            facts: &std::sync::Arc::new(facts.0.clone()),
            session: &SessionContext::default(),
            labels: None,
            access: &Arc::default(),
        });
        prop_assert_eq!(word.split(' ').next().unwrap(), explanation.verdict);
        prop_assert!(explanation.verdict == "allow" || explanation.message.is_some());
    }

    #[test]
    fn operators_are_never_stopped(facts in arbitrary_facts()) {
        prop_assert_eq!(severity(pack(), &principal(PrincipalKind::Operator), &facts), 0);
    }

    #[test]
    fn opaque_facts_never_pass_for_people_and_agents(mut facts in arbitrary_facts()) {
        facts.0.certainty = Certainty::Opaque;
        for kind in [PrincipalKind::Person, PrincipalKind::Agent] {
            prop_assert_eq!(severity(pack(), &principal(kind), &facts), 2);
        }
    }
}
