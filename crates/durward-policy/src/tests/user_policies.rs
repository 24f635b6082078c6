//! A deployment's own policies beside the pack.

use durward_model::{AccessModes as M, HazardKind, Obligation, PrincipalKind, RowBound};

use super::support::*;
use crate::{Decision, PolicySnapshot, PolicySources};

const STAGING: &str = r#"
@rule("loader-empties-staging")
@exempts("truncate")
permit (principal == Service::"checkout", action == Action::"write", resource == Database::"shop")
when { ["staging.orders", "staging.items"].containsAll(context.changes) };
"#;

fn truncate(relation: &str) -> Facts {
    write("TRUNCATE", relation, M::TRUNCATE, RowBound::Unbounded).hazard(HazardKind::Truncate, relation)
}

#[test]
fn an_exemption_lifts_just_what_it_names() {
    let (policy, database) = (pack_with(STAGING), database(""));
    let service = principal(PrincipalKind::Service);
    assert_eq!(
        verdict(&policy, &service, &database, &truncate("staging.orders").0),
        "allow"
    );
    assert_eq!(
        verdict(&policy, &service, &database, &truncate("public.orders").0),
        "deny truncate"
    );
    let person = principal(PrincipalKind::Person);
    assert_eq!(
        verdict(&policy, &person, &database, &truncate("staging.orders").0),
        "deny truncate"
    );
    let cascade = truncate("staging.orders").hazard(HazardKind::Drop, "staging.view");
    assert_eq!(verdict(&policy, &service, &database, &cascade.0), "deny drop");
    let Decision::Allow(permit) = decide(&policy, &service, &database, &truncate("staging.orders").0) else {
        panic!("lifted");
    };
    assert!(
        permit
            .terms()
            .rules()
            .iter()
            .any(|rule| &**rule == "loader-empties-staging"),
        "the record names the exemption"
    );
}

#[test]
fn an_exemption_permits_nothing_by_itself() {
    let mut sources = sources(
        r#"
        @rule("no") @reason("no") forbid (principal, action == Action::"write", resource);
        @rule("lift") @exempts("no") permit (principal, action, resource);
        "#,
    );
    sources.built_in = false;
    let policy = PolicySnapshot::load(&sources).unwrap();
    let write = write("INSERT", "public.orders", M::INSERT, RowBound::AtMost(1));
    for kind in KINDS {
        assert_eq!(
            verdict(&policy, &principal(kind), &database(""), &write.0),
            "deny no-permit"
        );
    }
}

#[test]
fn without_policies_nothing_passes() {
    let sources = PolicySources {
        built_in: false,
        ..PolicySources::default()
    };
    let policy = PolicySnapshot::load(&sources).unwrap();
    for kind in KINDS {
        assert_eq!(
            verdict(&policy, &principal(kind), &database(""), &select().0),
            "deny no-permit"
        );
    }
}

/// Cedar leaves out a policy that errs; a forbid left out would allow.
#[test]
fn an_erring_policy_refuses() {
    let policy = pack_with(
        r#"
        @rule("overflows") @reason("no")
        forbid (principal, action, resource) when { context.rowsMax + 1 > 100 };
        "#,
    );
    let update = write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded);
    for kind in KINDS {
        assert_eq!(
            verdict(&policy, &principal(kind), &database(""), &update.0),
            "deny policy-error"
        );
    }
    assert_eq!(
        verdict(&policy, &principal(PrincipalKind::Person), &database(""), &select().0),
        "allow"
    );
}

#[test]
fn own_rules_speak_first_and_tags_are_seen() {
    let policy = pack_with(
        r#"
        @rule("no-drops-in-production")
        @reason("{command} of {objects} waits for the next release of \"{database}\"")
        @hint("Put it into the release notes.")
        forbid (principal, action, resource)
        when { resource.tags.contains("production") && context.hazards.contains(Hazard::"drop") };
        "#,
    );
    let drop = ddl("DROP TABLE").hazard(HazardKind::Drop, "public.orders");
    let person = principal(PrincipalKind::Person);
    assert_eq!(
        verdict(&policy, &person, &database(""), &drop.0),
        "deny no-drops-in-production"
    );
    assert_eq!(
        verdict(&policy, &person, &database("tags = ['test']"), &drop.0),
        "deny drop"
    );
    let operator = principal(PrincipalKind::Operator);
    assert_eq!(
        verdict(&policy, &operator, &database(""), &drop.0),
        "deny no-drops-in-production"
    );
}

#[test]
fn the_example_in_the_documentation_loads() {
    let text = include_str!("../../../../docs/examples/policy.cedar");
    let policy = pack_with(text);
    assert!(policy.rules_count() > pack().rules_count());
}

const SUPPORT: &str = r#"
@rule("support-sees-contacts")
@unmask("email, phone")
permit (principal in Group::"support", action, resource);
@rule("doctors-see-all")
@unmask("all")
permit (principal in Group::"doctors", action, resource);
"#;

/// What is masked for a principal of these groups: `-` for nothing, else what is still shown in clear.
fn masked(policy: &PolicySnapshot, kind: PrincipalKind, groups: [&[&str]; 2]) -> String {
    let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    let mut principal = principal(kind);
    principal.groups = list(groups[0]);
    principal.subject_groups = list(groups[1]);
    let Decision::Allow(permit) = decide(policy, &principal, &database(""), &select().0) else {
        panic!("allowed");
    };
    let mask = permit
        .terms()
        .obligations()
        .iter()
        .find_map(|obligation| match obligation {
            Obligation::Mask { clear } => Some(clear.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
            _ => None,
        });
    mask.map_or("-".to_owned(), |clear| format!("all but [{clear}]"))
}

#[test]
fn masks_are_lifted_for_those_whom_a_policy_names() {
    let policy = pack_with(SUPPORT);
    for (kind, groups, expected) in [
        (PrincipalKind::Operator, [&[][..], &[][..]], "-"),
        (PrincipalKind::Service, [&[], &[]], "-"),
        (PrincipalKind::Passthrough, [&[], &[]], "-"),
        (PrincipalKind::Person, [&[], &[]], "all but []"),
        (PrincipalKind::Person, [&["support"], &[]], "all but [email phone]"),
        (PrincipalKind::Person, [&["support", "doctors"], &[]], "-"),
        // An agent sees what it and its person both may.
        (PrincipalKind::Agent, [&["doctors"], &[]], "all but []"),
        (
            PrincipalKind::Agent,
            [&["doctors"], &["support"]],
            "all but [email phone]",
        ),
        (PrincipalKind::Agent, [&["doctors"], &["doctors"]], "-"),
    ] {
        assert_eq!(masked(&policy, kind, groups), expected, "{kind:?} {groups:?}");
    }
}

#[test]
fn what_unmasks_permits_nothing_by_itself() {
    let mut sources = sources(SUPPORT);
    sources.built_in = false;
    let policy = PolicySnapshot::load(&sources).unwrap();
    let mut doctor = principal(PrincipalKind::Person);
    doctor.groups = vec!["doctors".into()];
    assert_eq!(verdict(&policy, &doctor, &database(""), &select().0), "deny no-permit");
}
