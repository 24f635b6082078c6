use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    ApprovalTerms, Label, Obligation, PrincipalKind, Refusal, RowBound, StatementClass, StatementFacts,
};

use crate::assessment::Assessment;
use crate::auto::AutoApproval;
use crate::cache::PrincipalKey;
use crate::decision::Terms;
use crate::demand::Demand;
use crate::evaluate::{Member, Outcome};
use crate::rule::{Rule, Unmasks};
use crate::wording::{Filling, Template, hazard_hint, name_objects, one_line};
use crate::{Decision, DecisionRequest, Denial, HoldOrder, Permit, PolicyVersion};

/// How many different hints one refusal gives.
const HINTS_MAX: usize = 2;

/// The rule name of a refusal because no permit applies.
pub(crate) const NO_PERMIT: &str = "no-permit";
/// The rule name of a refusal because a policy could not be evaluated.
pub(crate) const POLICY_ERROR: &str = "policy-error";

/// A decision that can be kept and given again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow(Arc<Terms>),
    Hold(Held),
    Deny(Denial),
}

/// A hold that can be kept and given again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    approver: Arc<str>,
    rules: Vec<Arc<str>>,
    pub(crate) approval: ApprovalTerms,
    pub(crate) refusal: Refusal,
    break_glass: Option<Arc<str>>,
    auto: Vec<Vec<Arc<AutoApproval>>>,
    /// What is granted once it is approved.
    terms: Arc<Terms>,
}

impl Verdict {
    /// The one place where permits are made.
    pub(crate) fn decision(
        &self,
        principal: &Arc<PrincipalKey>,
        facts: &Arc<StatementFacts>,
        version: PolicyVersion,
    ) -> Decision {
        let permit =
            |terms: &Arc<Terms>| Permit::new(Arc::clone(terms), Arc::clone(principal), Arc::clone(facts), version);
        match self {
            Self::Allow(terms) => Decision::Allow(permit(terms)),
            Self::Hold(held) => Decision::Hold(HoldOrder {
                approver: Arc::clone(&held.approver),
                rules: held.rules.clone(),
                approval: held.approval.clone(),
                refusal: held.refusal.clone(),
                break_glass: held.break_glass.clone(),
                auto: held.auto.clone(),
                permit: permit(&held.terms),
            }),
            Self::Deny(denial) => Decision::Deny(denial.clone()),
        }
    }
}

/// Merges what was found for each member of a chain: the most restrictive wins.
pub(crate) fn combine(
    judged: &[(Member<'_>, Outcome)],
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Verdict {
    if judged.iter().any(|(_, outcome)| !outcome.errors.is_empty()) {
        let message = "a policy could not be evaluated for this statement, so it is refused";
        return Verdict::Deny(plain_denial(Refusal::denied(POLICY_ERROR, message)));
    }
    let mut refusing: Vec<(&Member<'_>, &Arc<Rule>)> = Vec::new();
    for (member, outcome) in judged {
        for rule in outcome.forbids.iter().filter(|rule| !rule.only_demands()) {
            if !refusing.iter().any(|(_, known)| known.name == rule.name) {
                refusing.push((member, rule));
            }
        }
    }
    let unpermitted = judged.iter().find(|(_, outcome)| outcome.permits.is_empty());
    // Denials before holds; a stable sort keeps the deciding order otherwise.
    refusing.sort_by_key(|(_, rule)| rule.hold.is_some());
    let Some((member, rule)) = refusing.first() else {
        return match unpermitted {
            Some((member, _)) => Verdict::Deny(plain_denial(no_permit(member, assessment))),
            None => Verdict::Allow(Arc::new(terms(judged, assessment, request))),
        };
    };
    let refusal = refusal(member, rule, &refusing, assessment, request);
    let rules: Vec<Arc<str>> = refusing.iter().map(|(_, rule)| Arc::clone(&rule.name)).collect();
    match &rule.hold {
        // Denials come first, so that all of these hold.
        Some(approver) if unpermitted.is_none() => {
            let approval = refusing
                .iter()
                .map(|(_, rule)| rule.approval.clone())
                .reduce(|all, one| all.merge(&one))
                .unwrap_or_default();
            Verdict::Hold(Held {
                approver: Arc::clone(approver),
                terms: Arc::new(released_terms(terms(judged, assessment, request), &rules, &approval)),
                rules,
                approval,
                refusal,
                break_glass: break_glass(judged),
                auto: auto(judged),
            })
        }
        Some(_) | None => Verdict::Deny(Denial { refusal, rules }),
    }
}

/// The terms of each member that is held; none at all where one of them has none.
fn auto(judged: &[(Member<'_>, Outcome)]) -> Vec<Vec<Arc<AutoApproval>>> {
    let held = judged.iter().map(|(_, outcome)| outcome);
    let held = held.filter(|outcome| outcome.forbids.iter().any(|rule| rule.hold.is_some()));
    let terms: Vec<Vec<Arc<AutoApproval>>> = held.map(|outcome| outcome.auto.clone()).collect();
    if terms.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    terms
}

/// The rule by which the glass may be broken: each member that is held needs one.
fn break_glass(judged: &[(Member<'_>, Outcome)]) -> Option<Arc<str>> {
    let holds = |outcome: &Outcome| outcome.forbids.iter().any(|rule| rule.hold.is_some());
    let mut held = judged
        .iter()
        .map(|(_, outcome)| outcome)
        .filter(|outcome| holds(outcome));
    let first = held.clone().next()?.glass.first()?;
    held.all(|outcome| !outcome.glass.is_empty())
        .then(|| Arc::clone(&first.name))
}

/// What a hold grants in the end: what the permits do, on disk before it runs, with the rules that held it.
fn released_terms(mut terms: Terms, rules: &[Arc<str>], approval: &ApprovalTerms) -> Terms {
    if !terms.obligations.contains(&Obligation::DurableIntent) {
        terms.obligations.push(Obligation::DurableIntent);
    }
    terms.obligations.push(Obligation::Approve(approval.clone()));
    terms.rules.extend(rules.iter().cloned());
    terms
}

fn terms(judged: &[(Member<'_>, Outcome)], assessment: &Assessment, request: &DecisionRequest<'_>) -> Terms {
    let mut obligations: Vec<Obligation> = Vec::new();
    let mut rules: Vec<Arc<str>> = Vec::new();
    let outcomes = judged.iter().map(|(_, outcome)| outcome);
    let deciding = outcomes.flat_map(|outcome| outcome.permits.iter().chain(outcome.lifted.iter().map(|(_, by)| by)));
    for rule in deciding {
        if !rules.contains(&rule.name) {
            rules.push(Arc::clone(&rule.name));
        }
        for obligation in &rule.obligations {
            if !obligations.contains(obligation) && !matches!(obligation, Obligation::Mask { .. }) {
                obligations.push(obligation.clone());
            }
        }
    }
    for rule in judged.iter().flat_map(|(_, outcome)| &outcome.unmasking) {
        if !rules.contains(&rule.name) {
            rules.push(Arc::clone(&rule.name));
        }
    }
    obligations.extend(mask(judged));
    let demands = demands(judged, assessment, request);
    for demand in &demands {
        if !rules.contains(&demand.rule) {
            rules.push(Arc::clone(&demand.rule));
        }
        if !obligations.contains(&demand.obligation()) {
            obligations.push(demand.obligation());
        }
    }
    Terms {
        obligations,
        rules,
        demands,
    }
}

/// What the client must have said. Settings and the ends of transactions need no reason: one of them is the reason itself.
fn demands(judged: &[(Member<'_>, Outcome)], assessment: &Assessment, request: &DecisionRequest<'_>) -> Vec<Demand> {
    if matches!(assessment.class, StatementClass::Session | StatementClass::Transaction) {
        return Vec::new();
    }
    let mut demands: Vec<Demand> = Vec::new();
    for (member, outcome) in judged {
        let lifting = outcome.lifted.iter().map(|(_, by)| by);
        let asking = outcome
            .forbids
            .iter()
            .chain(&outcome.permits)
            .chain(lifting)
            .chain(&outcome.unmasking);
        for rule in asking {
            let Some(pattern) = &rule.demand else { continue };
            if demands.iter().any(|known| known.rule == rule.name) {
                continue;
            }
            let mut message = reason_of(rule, member, assessment, request);
            if message.is_empty() {
                message = format!("{} needs a reason here", one_line(&assessment.command));
            }
            demands.push(Demand {
                rule: Arc::clone(&rule.name),
                message: message.into(),
                pattern: pattern.clone(),
            });
        }
    }
    demands
}

/// What the chain sees masked: all that any of its members does.
fn mask(judged: &[(Member<'_>, Outcome)]) -> Option<Obligation> {
    let masks = |rule: &Arc<Rule>| {
        rule.obligations
            .iter()
            .any(|known| matches!(known, Obligation::Mask { .. }))
    };
    let mut clear: Option<BTreeSet<&Label>> = None;
    for (_, outcome) in judged.iter().filter(|(_, outcome)| outcome.permits.iter().any(masks)) {
        let mut shown = BTreeSet::new();
        let mut everything = false;
        for rule in &outcome.unmasking {
            match &rule.unmasks {
                Unmasks::Everything => everything = true,
                Unmasks::Only(labels) => shown.extend(labels),
            }
        }
        if everything {
            continue;
        }
        clear = Some(match clear {
            None => shown,
            Some(before) => before.intersection(&shown).copied().collect(),
        });
    }
    let clear = clear?.into_iter().cloned().collect();
    Some(Obligation::Mask { clear })
}

fn plain_denial(refusal: Refusal) -> Denial {
    let refusal = refusal.clone().with_detail(format!("rule: {}", refusal.rule));
    Denial {
        rules: vec![Arc::clone(&refusal.rule)],
        refusal,
    }
}

fn no_permit(member: &Member<'_>, assessment: &Assessment) -> Refusal {
    let (kind, name) = (kind_word(member.subject.kind), one_line(&member.subject.name));
    let message = format!(
        "nothing permits {kind} \"{name}\" to run {} here",
        one_line(&assessment.command)
    );
    Refusal::denied(NO_PERMIT, message)
}

fn refusal(
    member: &Member<'_>,
    rule: &Rule,
    refusing: &[(&Member<'_>, &Arc<Rule>)],
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Refusal {
    let message = reason_of(rule, member, assessment, request);
    let objects = name_objects(&rule.objects_in(assessment));
    let mut detail = format!("rule: {}", rule.name);
    if !objects.is_empty() {
        detail.push_str("; objects: ");
        detail.push_str(&objects);
    }
    if !member.acting {
        let (kind, name) = (kind_word(member.subject.kind), one_line(&member.subject.name));
        detail.push_str(&format!("; binds {kind} \"{name}\", for whom the statement runs"));
    }
    for (words, holds) in [("also refused by", false), ("also held by", true)] {
        let others = refusing.iter().skip(1).map(|(_, other)| other);
        let others: Vec<&str> = others
            .filter(|other| other.hold.is_some() == holds)
            .map(|other| &*other.name)
            .collect();
        if !others.is_empty() {
            detail.push_str(&format!("; {words}: {}", others.join(", ")));
        }
    }
    let mut hints: Vec<String> = Vec::new();
    // What would pass for the person doesn't help the agent.
    for (_, rule) in refusing.iter().filter(|(other, _)| other.subject == member.subject) {
        for hint in hints_of(rule, member, assessment, request) {
            if !hints.contains(&hint) && hints.len() < HINTS_MAX {
                hints.push(hint);
            }
        }
    }
    if let Some(approver) = &rule.hold {
        hints.push(format!("Anything beyond needs the approval of {approver}."));
    }
    let refusal = Refusal::new(rule.sqlstate, &rule.name, message).with_detail(detail);
    if hints.is_empty() {
        refusal
    } else {
        refusal.with_hint(hints.join(" "))
    }
}

/// The rule's reason, filled in.
pub(crate) fn reason_of(
    rule: &Rule,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> String {
    let reason = rule.reason.as_ref();
    reason.map_or_else(String::new, |reason| fill(reason, rule, member, assessment, request))
}

/// What would pass instead: the rule's own hint, else that of each of its hazards that is present.
pub(crate) fn hints_of(
    rule: &Rule,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Vec<String> {
    if let Some(hint) = &rule.hint {
        return vec![fill(hint, rule, member, assessment, request)];
    }
    let mut hints: Vec<String> = Vec::new();
    for hazard in assessment
        .hazards
        .iter()
        .filter(|hazard| rule.hazards.contains(&hazard.kind))
    {
        let hint = hazard_hint(hazard.kind).to_owned();
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

fn fill(
    template: &Template,
    rule: &Rule,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> String {
    let database = request.database.name();
    let mut objects = name_objects(&rule.objects_in(assessment));
    if objects.is_empty() {
        objects = format!("database \"{}\"", one_line(database.as_str()));
    }
    let rows = match assessment.rows {
        RowBound::AtMost(rows) => rows.to_string(),
        RowBound::Unbounded => "any number of".to_owned(),
    };
    template.fill(&Filling {
        command: &one_line(&assessment.command),
        objects: &objects,
        principal: &one_line(&member.subject.name),
        kind: kind_word(member.subject.kind),
        database: &one_line(database.as_str()),
        rows: &rows,
        ddl_schemas: &request.database.ddl_schemas_in_words(),
    })
}

/// A kind of principal in running text.
pub(crate) const fn kind_word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Operator => "operator",
        PrincipalKind::Person => "user",
        PrincipalKind::Agent => "agent",
        PrincipalKind::Service => "service",
        PrincipalKind::Passthrough => "database account",
    }
}
