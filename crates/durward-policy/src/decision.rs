use std::sync::Arc;

use durward_model::{ApprovalTerms, Label, Obligation, Principal, Refusal, StatementFacts};
use serde::Serialize;

use crate::PolicyVersion;
use crate::auto::{AutoApproval, HeldChange};
use crate::cache::PrincipalKey;
use crate::demand::Demand;

/// The answer to "may this principal run this statement here and now?".
#[derive(Debug)]
pub enum Decision {
    /// Yes, under the permit's obligations.
    Allow(Permit),
    /// Not without somebody's approval.
    Hold(HoldOrder),
    /// No.
    Deny(Denial),
}

/// Proof that policy allowed one statement of one principal. Only [`PolicySnapshot::decide`](crate::PolicySnapshot)
/// makes one; it can't be copied, and it is spent by being passed by value.
#[derive(Debug)]
pub struct Permit {
    terms: Arc<Terms>,
    principal: Arc<PrincipalKey>,
    facts: Arc<StatementFacts>,
    version: PolicyVersion,
}

/// What a permit grants, shared between the permits of one cached verdict.
#[derive(Debug, PartialEq, Eq)]
pub struct Terms {
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) rules: Vec<Arc<str>>,
    pub(crate) demands: Vec<Demand>,
}

impl Terms {
    /// What must be done along with the statement. One that the enforcer doesn't know refuses the statement.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// The labels that are shown in clear; none where nothing is masked.
    pub fn clear(&self) -> Option<&[Label]> {
        self.obligations.iter().find_map(|obligation| match obligation {
            Obligation::Mask { clear } => Some(clear.as_slice()),
            _ => None,
        })
    }

    /// The first of these that masks, showing no more in clear than each that does.
    pub fn strictest<'a>(all: impl Iterator<Item = &'a Arc<Self>> + Clone) -> Option<Arc<Self>> {
        let masking = all.filter(|terms| terms.clear().is_some());
        let first = masking.clone().next()?;
        if masking.clone().all(|terms| terms.clear() == first.clear()) {
            return Some(Arc::clone(first));
        }
        let mut shown = first.clear().unwrap_or_default().to_vec();
        shown.retain(|label| {
            masking
                .clone()
                .all(|terms| terms.clear().is_some_and(|clear| clear.contains(label)))
        });
        let obligations = first.obligations.iter().map(|obligation| match obligation {
            Obligation::Mask { .. } => Obligation::Mask { clear: shown.clone() },
            other => other.clone(),
        });
        Some(Arc::new(Self {
            obligations: obligations.collect(),
            rules: first.rules.clone(),
            demands: first.demands.clone(),
        }))
    }

    /// The names of the policies that decided, in the order in which they were loaded.
    pub fn rules(&self) -> &[Arc<str>] {
        &self.rules
    }

    /// What the client is told (`WD004`) where policy wants to know what the statement is for, and `reason` won't do. To
    /// be asked before the statement runs, not when it is only prepared.
    pub fn unreasoned(&self, reason: Option<&str>) -> Option<Refusal> {
        let missing = self.demands.iter().find(|demand| !demand.pattern.admits(reason));
        missing.map(Demand::refusal)
    }
}

impl Permit {
    pub(crate) fn new(
        terms: Arc<Terms>,
        principal: Arc<PrincipalKey>,
        facts: Arc<StatementFacts>,
        version: PolicyVersion,
    ) -> Self {
        Self {
            terms,
            principal,
            facts,
            version,
        }
    }

    /// What the permit grants and why. The terms outlive the permit: the record names them while the permit moves on.
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// The policy that decided.
    pub fn policy_version(&self) -> PolicyVersion {
        self.version
    }

    /// The facts that were judged.
    pub fn facts(&self) -> &Arc<StatementFacts> {
        &self.facts
    }

    /// Whether this permit is for `principal` and for a statement with just these facts. The enforcer asks before it
    /// spends the permit, so that one statement's permit can't carry another.
    pub fn covers(&self, principal: &Principal, facts: &Arc<StatementFacts>) -> bool {
        (Arc::ptr_eq(&self.facts, facts) || self.facts == *facts) && self.principal.is_of(principal)
    }
}

/// A statement that needs approval first. It holds the permit back until it is released.
#[derive(Debug)]
pub struct HoldOrder {
    /// Who may approve, in words, from the deciding rule.
    pub approver: Arc<str>,
    /// The names of all rules that ask for approval, the deciding one first.
    pub rules: Vec<Arc<str>>,
    /// What it takes.
    pub approval: ApprovalTerms,
    /// What a client is told where nothing can be held: `42501`, that approval is needed, and what passes without.
    pub refusal: Refusal,
    /// The rule that lets it run without an approval where its sender says why and breaks the glass, if any does.
    pub break_glass: Option<Arc<str>>,
    /// For each member of the chain that is held, the terms of which one approves it; none where nothing does.
    pub auto: Vec<Vec<Arc<AutoApproval>>>,
    pub(crate) permit: Permit,
}

impl HoldOrder {
    /// The terms that approve what is held, in words; none where people have to.
    pub fn approves_itself(&self, change: &HeldChange<'_>) -> Option<String> {
        // Whoever named the approvers wants them.
        let is_plain = self.approval.groups.is_empty() && self.approval.count <= 1;
        if !is_plain || self.auto.is_empty() {
            return None;
        }
        let each = self
            .auto
            .iter()
            .map(|terms| terms.iter().find_map(|terms| terms.approves(change)));
        let mut words: Vec<String> = each.collect::<Option<_>>()?;
        words.dedup();
        Some(words.join("; "))
    }

    /// What the permit will grant, once it is released.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// Gives the permit out. To be called by who has spent an approval of just this statement, has measured that it
    /// needs none, or prepares it without running it; `note` says which, for the record.
    pub fn release(self, note: &str) -> Permit {
        let terms = &self.permit.terms;
        let mut obligations = terms.obligations.clone();
        obligations.push(Obligation::Annotate(note.into()));
        Permit {
            terms: Arc::new(Terms {
                obligations,
                rules: terms.rules.clone(),
                demands: terms.demands.clone(),
            }),
            ..self.permit
        }
    }

    /// The refusal that stands in for the hold where statements can't be held.
    pub fn into_refusal(self) -> Refusal {
        self.refusal
    }
}

/// A statement that may not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// What the client is told.
    pub refusal: Refusal,
    /// The names of all rules that forbid it, the deciding one first.
    pub rules: Vec<Arc<str>>,
}
