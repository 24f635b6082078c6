//! Access that somebody was given for a time: what of a verdict it lifts, in its exact scope and no further.
//!
//! It is for one chain of identities, by oid and not by name, and never beats a forbid that isn't marked as one that
//! access may lift.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, FunctionEffect, Label, ObjectKind, Obligation, Oid, PrincipalKind, RelationKind,
    RelationUse, StatementClass, Subject,
};

use crate::DecisionRequest;
use crate::assessment::{Assessment, copies_values};
use crate::database::{is_system_schema, is_temporary_schema};
use crate::evaluate::{Member, Outcome};
use crate::rule::{ObjectsFrom, Rule, Unmasks};

/// Access that stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessGrant {
    /// By which request, as the record names it: `access:c12`.
    pub rule: Arc<str>,
    /// On whose behalf.
    pub subject: Subject,
    /// Who acts for the subject, nearest to the connection first.
    pub actors: Vec<Subject>,
    /// What it is about.
    pub scope: AccessScope,
    /// The labels that are shown in clear.
    pub labels: AccessLabels,
    /// The classes of statement.
    pub classes: BTreeSet<StatementClass>,
}

/// What access is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessScope {
    /// All that the database holds.
    Everything,
    /// These relations, and new objects in these schemas.
    Only {
        /// By oid.
        relations: BTreeSet<Oid>,
        /// By the name that the schema has now.
        schemas: BTreeSet<Arc<str>>,
    },
}

/// The labels that access shows in clear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessLabels {
    /// Each that somebody has judged.
    All,
    /// These.
    Only(BTreeSet<Label>),
}

/// Modes by which rows are read and changed through a view: its own relations show the same.
const THROUGH_VIEWS: AccessModes = AccessModes::READ
    .union(AccessModes::INSERT)
    .union(AccessModes::UPDATE)
    .union(AccessModes::DELETE);

/// Lifts of one member's outcome what access covers.
pub(crate) fn apply(
    outcome: &mut Outcome,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) {
    if request.access.is_empty() || !outcome.errors.is_empty() || !is_seen_through(assessment, request) {
        return;
    }
    // An EXECUTE or FETCH touches nothing by itself, and what it runs is judged beside it.
    let touches_nothing = request.facts.relations.is_empty();
    for grant in request.access.iter().filter(|grant| grant.is_of(member, request)) {
        let rule = grant.as_rule(request);
        if !grant.classes.contains(&assessment.class) {
            if touches_nothing && outcome.masks() && !rule.unmasks.is_empty() {
                outcome.unmasking.push(rule);
            }
            continue;
        }
        if outcome.permits.is_empty() && grant.covers(false, request) {
            outcome.permits.push(Arc::clone(&rule));
        }
        for forbid in std::mem::take(&mut outcome.forbids) {
            // What a rule about changes says doesn't depend on what is read besides.
            let changes_alone = forbid.objects == Some(ObjectsFrom::Changes);
            if forbid.grantable && grant.covers(changes_alone, request) {
                outcome.lifted.push((forbid, Arc::clone(&rule)));
            } else {
                outcome.forbids.push(forbid);
            }
        }
        if outcome.masks() && !rule.unmasks.is_empty() && grant.covers_labelled(request) {
            outcome.unmasking.push(rule);
        }
    }
}

/// What isn't seen through may reach anything.
fn is_seen_through(assessment: &Assessment, request: &DecisionRequest<'_>) -> bool {
    let functions = &request.facts.functions;
    assessment.certainty != Certainty::Opaque && functions.iter().all(|used| used.effect != FunctionEffect::Opaque)
}

impl AccessGrant {
    /// Whether it is this member's: an agent's counts for it in just this chain, a person's for the person alone.
    fn is_of(&self, member: &Member<'_>, request: &DecisionRequest<'_>) -> bool {
        if self.actors.is_empty() && self.subject.kind != PrincipalKind::Agent {
            return self.subject == *member.subject;
        }
        let principal = request.principal;
        member.acting && principal.subject == self.subject && principal.actors == self.actors
    }

    /// Whether it is about everything that a statement touches, or changes.
    fn covers(&self, changes_alone: bool, request: &DecisionRequest<'_>) -> bool {
        let AccessScope::Only { relations, schemas } = &self.scope else {
            return true;
        };
        let facts = request.facts;
        let counts = |usage: &&RelationUse| is_touched(usage) && (!changes_alone || usage.modes.changes());
        let mut touched = facts.relations.iter().filter(counts).peekable();
        // What names nothing, such as a VACUUM of everything, isn't about these relations.
        let names_something = touched.peek().is_some() || !facts.objects.is_empty();
        names_something
            && touched.all(|usage| relations.contains(&usage.relation.oid))
            && facts.objects.iter().all(|object| {
                let schema = object.schema.as_ref();
                let is_new = object.modes == AccessModes::CREATE && object.kind == ObjectKind::Relation;
                schema.is_some_and(|schema| is_temporary_schema(schema) || (is_new && schemas.contains(schema)))
            })
    }

    /// Whether it is about every relation that holds labelled data of what is read.
    fn covers_labelled(&self, request: &DecisionRequest<'_>) -> bool {
        match (&self.scope, request.labels) {
            (_, None) => false,
            (AccessScope::Everything, Some(_)) => true,
            (AccessScope::Only { relations, .. }, Some(labels)) => labels.relations.is_subset(relations),
        }
    }

    /// The rule that it is while it lasts.
    fn as_rule(&self, request: &DecisionRequest<'_>) -> Arc<Rule> {
        let labels = match (&self.labels, request.labels) {
            (AccessLabels::Only(labels), _) => labels.clone(),
            (AccessLabels::All, Some(labels)) if !labels.read.is_empty() => {
                labels.read.iter().map(|word| Label::of_word(word)).collect()
            }
            // Nothing of it is shown by this statement itself.
            (AccessLabels::All, Some(_)) => Label::BUILT_IN.into_iter().collect(),
            (AccessLabels::All, None) => BTreeSet::new(),
        };
        Arc::new(Rule {
            obligations: vec![Obligation::DurableIntent, Obligation::Mask { clear: Vec::new() }],
            ..Rule::of_access(&self.rule, Unmasks::Only(labels))
        })
    }
}

/// Whether a relation counts. Rows of a plain view are those of its relations, which are among the facts; the server's own
/// catalogs hold no rows of others but for those that do; a session's own tables are its own.
fn is_touched(usage: &RelationUse) -> bool {
    let name = &usage.relation.name;
    if is_temporary_schema(&name.schema) {
        return false;
    }
    if is_system_schema(&name.schema) {
        return usage.modes != AccessModes::READ || copies_values(name);
    }
    match usage.relation.kind {
        RelationKind::View => !THROUGH_VIEWS.contains(usage.modes),
        // It moves with every row that takes its default from it.
        RelationKind::Sequence => usage.direct,
        _ => true,
    }
}
