//! Access for a time: what it lifts, for whom and on what, and what nothing lifts.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes as M, FunctionEffect, HazardKind, Label, Obligation, Oid, Principal, PrincipalKind, RelationKind,
    RowBound, StatementClass, Subject,
};

use super::support::{Facts, database, ddl, facts, pack_with, principal, select, write};
use crate::{
    AccessGrant, AccessLabels, AccessScope, DatabaseContext, Decision, DecisionCache, DecisionRequest, LabelUse,
    PolicySnapshot, SessionContext,
};

/// The oid that the facts of the tests name.
const ORDERS: Oid = Oid(20_000);

fn grant(holder: &Principal, scope: AccessScope, labels: &[Label], classes: &[StatementClass]) -> AccessGrant {
    AccessGrant {
        rule: "access:c1".into(),
        subject: holder.subject.clone(),
        actors: holder.actors.clone(),
        scope,
        labels: AccessLabels::Only(labels.iter().cloned().collect()),
        classes: classes.iter().copied().collect(),
    }
}

fn only(relations: &[Oid], schemas: &[&str]) -> AccessScope {
    AccessScope::Only {
        relations: relations.iter().copied().collect(),
        schemas: schemas.iter().map(|&schema| schema.into()).collect(),
    }
}

fn labels(words: &[&str], relations: &[Oid]) -> Arc<LabelUse> {
    Arc::new(LabelUse {
        read: words.iter().map(|&word| word.into()).collect(),
        written: BTreeSet::new(),
        relations: relations.iter().copied().collect(),
    })
}

struct Case<'a> {
    policy: &'a PolicySnapshot,
    who: &'a Principal,
    database: &'a DatabaseContext,
    labels: Arc<LabelUse>,
}

impl Case<'_> {
    /// `allow`, `hold RULE` or `deny RULE`, and the labels in clear where others are masked.
    fn check(&self, facts: &Facts, grants: &[AccessGrant], expected: &str, clear: Option<&[Label]>) {
        let decision = self.policy.decide(&DecisionRequest {
            principal: self.who,
            database: self.database,
            facts: &Arc::new(facts.0.clone()),
            session: &SessionContext::default(),
            labels: Some(&self.labels),
            access: &grants.into(),
        });
        let (word, terms) = match &decision {
            Decision::Allow(permit) => ("allow".to_owned(), Some(permit.terms())),
            Decision::Hold(order) => (format!("hold {}", order.refusal.rule), None),
            Decision::Deny(denial) => (format!("deny {}", denial.refusal.rule), None),
        };
        assert_eq!(word, expected, "{facts:?} {grants:?}");
        let shown = terms.and_then(|terms| {
            terms.obligations().iter().find_map(|obligation| match obligation {
                Obligation::Mask { clear } => Some(clear.as_slice()),
                _ => None,
            })
        });
        assert_eq!(shown, clear, "{facts:?} {grants:?}");
    }
}

/// An update of many rows whose number isn't known beforehand, by the text alone.
fn many() -> Facts {
    write("UPDATE", "public.orders", M::UPDATE, RowBound::Unbounded)
}

#[test]
fn labels_are_shown_in_the_exact_scope() {
    let (policy, shop) = (pack_with(""), database(""));
    let alice = principal(PrincipalKind::Person);
    let read = [StatementClass::Read];
    let email = grant(&alice, only(&[ORDERS], &[]), &[Label::Email], &read);
    let case = |who, relations: &[Oid]| Case {
        policy: &policy,
        who,
        database: &shop,
        labels: labels(&["email", "phone"], relations),
    };
    let here = case(&alice, &[ORDERS]);
    here.check(&select(), &[], "allow", Some(&[]));
    here.check(&select(), std::slice::from_ref(&email), "allow", Some(&[Label::Email]));
    // Labelled data of another table besides, or another table of the same name: nothing is lifted.
    case(&alice, &[ORDERS, Oid(20_002)]).check(&select(), std::slice::from_ref(&email), "allow", Some(&[]));
    case(&alice, &[Oid(20_002)]).check(&select(), std::slice::from_ref(&email), "allow", Some(&[]));
    let everywhere = grant(&alice, AccessScope::Everything, &[Label::Email], &read);
    case(&alice, &[Oid(20_002)]).check(&select(), &[everywhere], "allow", Some(&[Label::Email]));
    let all = AccessGrant {
        labels: AccessLabels::All,
        ..email.clone()
    };
    here.check(&select(), &[all], "allow", Some(&[Label::Email, Label::Phone]));
    // To read is not to write, and what isn't seen through reads anything.
    let copy = write("INSERT", "public.orders", M::READ.union(M::INSERT), RowBound::AtMost(1));
    here.check(&copy, std::slice::from_ref(&email), "allow", Some(&[]));
    let unseen = select().calls("public.f", FunctionEffect::Opaque);
    here.check(&unseen, std::slice::from_ref(&email), "deny opaque", None);
}

#[test]
fn each_member_of_a_chain_needs_its_own() {
    let (policy, shop) = (pack_with(""), database(""));
    let (alice, claude) = (principal(PrincipalKind::Person), principal(PrincipalKind::Agent));
    let read = [StatementClass::Read, StatementClass::Write];
    let hers = grant(&alice, only(&[ORDERS], &[]), &[Label::Email], &read);
    let its = grant(&claude, only(&[ORDERS], &[]), &[Label::Email], &read);
    let case = |who| Case {
        policy: &policy,
        who,
        database: &shop,
        labels: labels(&["email"], &[ORDERS]),
    };
    case(&claude).check(&select(), std::slice::from_ref(&hers), "allow", Some(&[]));
    case(&claude).check(&select(), std::slice::from_ref(&its), "allow", Some(&[]));
    case(&claude).check(&select(), &[hers.clone(), its.clone()], "allow", Some(&[Label::Email]));
    case(&alice).check(&select(), std::slice::from_ref(&its), "allow", Some(&[]));
    case(&claude).check(&many(), std::slice::from_ref(&hers), "hold agent-bulk-write", None);
    case(&claude).check(&many(), std::slice::from_ref(&its), "hold people-many-rows", None);
    // The same agent for somebody else is another chain.
    let mut for_bob = claude.clone();
    for_bob.subject = Subject {
        name: "bob".into(),
        kind: PrincipalKind::Person,
    };
    case(&for_bob).check(&many(), &[hers, its], "hold agent-bulk-write", None);
}

#[test]
fn holds_are_lifted_for_what_is_in_scope() {
    let (policy, shop) = (pack_with(""), database(""));
    let alice = principal(PrincipalKind::Person);
    let case = Case {
        policy: &policy,
        who: &alice,
        database: &shop,
        labels: labels(&[], &[]),
    };
    let to_write = grant(&alice, only(&[ORDERS], &[]), &[], &[StatementClass::Write]);
    let grants = std::slice::from_ref(&to_write);
    case.check(&many(), &[], "hold people-many-rows", None);
    case.check(&many(), grants, "allow", Some(&[]));
    let elsewhere = grant(&alice, only(&[Oid(20_002)], &[]), &[], &[StatementClass::Write]);
    case.check(&many(), &[elsewhere], "hold people-many-rows", None);
    let to_read = grant(&alice, only(&[ORDERS], &[]), &[], &[StatementClass::Read]);
    case.check(&many(), &[to_read], "hold people-many-rows", None);
    // Denials that nobody has marked stand, whatever was given.
    let everything = grant(
        &alice,
        AccessScope::Everything,
        &[],
        &[StatementClass::Write, StatementClass::Ddl, StatementClass::Maintenance],
    );
    let everything = std::slice::from_ref(&everything);
    let whole = many().hazard(HazardKind::UpdateWithoutWhere, "public.orders");
    case.check(&whole, everything, "deny update-without-where", None);
    case.check(
        &ddl("DROP TABLE").hazard(HazardKind::Drop, "public.orders"),
        everything,
        "deny drop",
        None,
    );
    let marked = database("off_limits = ['public.orders']");
    let case = Case {
        database: &marked,
        ..case
    };
    case.check(&many(), everything, "deny off-limits", None);
    case.check(&select(), everything, "deny off-limits", None);
}

#[test]
fn an_agent_changes_definitions_in_its_schema() {
    let (policy, shop) = (pack_with(""), database(""));
    let claude = principal(PrincipalKind::Agent);
    let case = Case {
        policy: &policy,
        who: &claude,
        database: &shop,
        labels: labels(&[], &[]),
    };
    let grants = [grant(
        &claude,
        only(&[ORDERS], &["app"]),
        &[],
        &[StatementClass::Ddl, StatementClass::Maintenance],
    )];
    let made = |schema| ddl("CREATE TABLE").object(durward_model::ObjectKind::Relation, Some(schema), "t", M::CREATE);
    case.check(&made("app"), &[], "hold agent-ddl", None);
    case.check(&made("app"), &grants, "allow", Some(&[]));
    case.check(&made("hr"), &grants, "hold agent-ddl", None);
    case.check(&made("app").uses("public.orders", M::READ), &grants, "allow", Some(&[]));
    let function = ddl("CREATE FUNCTION").object(durward_model::ObjectKind::Function, Some("app"), "f", M::CREATE);
    case.check(&function, &grants, "hold agent-ddl", None);
    // The pack permits agents no maintenance at all: what was given does, where it covers it.
    let upkeep = facts(StatementClass::Maintenance, "ANALYZE").uses("public.orders", M::MAINTAIN);
    case.check(&upkeep, &[], "deny agent-maintenance", None);
    case.check(&upkeep, &grants, "allow", Some(&[]));
    let of_all = facts(StatementClass::Maintenance, "ANALYZE");
    case.check(&of_all, &grants, "deny agent-maintenance", None);
}

#[test]
fn rules_of_ones_own_are_absolute_unless_they_say_otherwise() {
    let policy = pack_with(
        r#"
        @rule("hr-stays-closed") @reason("no")
        forbid (principal is User, action, resource) when { context.uses.contains("hr.salaries") };
        @rule("books-by-request") @reason("ask for access first") @grantable("yes")
        forbid (principal is User, action, resource) when { context.uses.contains("public.orders") };
        "#,
    );
    let (alice, shop) = (principal(PrincipalKind::Person), database(""));
    let case = Case {
        policy: &policy,
        who: &alice,
        database: &shop,
        labels: labels(&[], &[]),
    };
    let classes = [StatementClass::Read, StatementClass::Write];
    let everything = [grant(&alice, AccessScope::Everything, &[], &classes)];
    case.check(&select(), &[], "deny books-by-request", None);
    case.check(&select(), &everything, "allow", Some(&[]));
    let hr = select().uses("hr.salaries", M::READ);
    case.check(&hr, &everything, "deny hr-stays-closed", None);
    // A rule about all uses isn't lifted for what a statement only changes: it reads another table besides.
    let mut mixed = write("UPDATE", "public.orders", M::UPDATE, RowBound::AtMost(1)).uses("public.other", M::READ);
    if let Some(other) = mixed.0.relations.last_mut() {
        other.relation.oid = Oid(20_002);
    }
    let here = [grant(&alice, only(&[ORDERS], &[]), &[], &classes)];
    case.check(&mixed, &here, "deny books-by-request", None);
    // A view over the table shows the table's rows and no others; the server's statistics show anybody's.
    let view = select().uses_kind("public.v", M::READ, RelationKind::View);
    case.check(&view, &here, "allow", Some(&[]));
    let mut statistics = select().uses_kind("pg_catalog.pg_stats", M::READ, RelationKind::View);
    if let Some(other) = statistics.0.relations.last_mut() {
        other.relation.oid = Oid(11_000);
    }
    case.check(&statistics, &here, "deny books-by-request", None);
}

#[test]
fn a_verdict_ends_with_the_access_that_it_rests_on() {
    let (policy, shop) = (pack_with(""), database(""));
    let alice = principal(PrincipalKind::Person);
    let facts = Arc::new(many().0);
    let none: Arc<[AccessGrant]> = Arc::default();
    let given: Arc<[AccessGrant]> = vec![grant(&alice, only(&[ORDERS], &[]), &[], &[StatementClass::Write])].into();
    let labels = labels(&[], &[]);
    let mut cache = DecisionCache::new();
    for (access, allowed) in [
        (&none, false),
        (&given, true),
        (&none, false),
        (&given, true),
        (&none, false),
    ] {
        let decision = cache.decide(
            &policy,
            &DecisionRequest {
                principal: &alice,
                database: &shop,
                facts: &facts,
                session: &SessionContext::default(),
                labels: Some(&labels),
                access,
            },
        );
        assert_eq!(matches!(decision, Decision::Allow(_)), allowed);
    }
}
