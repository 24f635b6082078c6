use std::fmt;
use std::sync::Arc;

use durward_model::Obligation;
use serde::Serialize;

use crate::assessment::Assessment;
use crate::evaluate::{Member, Outcome};
use crate::rule::{Rule, RuleEffect};
use crate::verdict::{Verdict, hints_of, kind_word, reason_of};
use crate::wording::{NamedObject, hazard_hint};
use crate::{DecisionRequest, PolicyVersion};

/// A decision with everything that it rests on, to be read by people (`Display`) or programs (`Serialize`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow`, `hold` or `deny`.
    pub verdict: &'static str,
    /// Who asked: `alice`, or `claude for alice`.
    pub principal: String,
    /// The database's name.
    pub database: String,
    /// The class of the statement, as policies see it.
    pub class: &'static str,
    /// The command.
    pub command: Arc<str>,
    /// The message that a client would read, where the answer is no.
    pub message: Option<Arc<str>>,
    /// What the rules said for each member of the chain, the acting one first.
    pub members: Vec<MemberExplanation>,
    /// The hazards that count here.
    pub hazards: Vec<HazardExplanation>,
    /// What was not seen through.
    pub opaque: Vec<String>,
    /// What would pass instead.
    pub would_pass: Vec<String>,
    /// What must be done along with the statement, where it is allowed.
    pub obligations: Vec<Obligation>,
    /// What it takes until it may run, where it is held.
    pub approval: Option<durward_model::ApprovalTerms>,
    /// The number and digest of the policy.
    pub policy_version: PolicyVersion,
}

/// What the rules said for one member of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberExplanation {
    /// What kind of party it is, in a word.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// `allow`, `hold` or `deny`, for this member alone.
    pub verdict: &'static str,
    /// Every rule that matched, forbids first.
    pub rules: Vec<RuleExplanation>,
    /// Policies that could not be evaluated.
    pub errors: Vec<String>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// Its name.
    pub rule: Arc<str>,
    /// `permit`, `forbid`, `hold`, `reason` for one that only asks for a reason, or `lifted` for a forbid that an exemption lifted.
    pub effect: &'static str,
    /// The exemption that lifted it.
    pub lifted_by: Option<Arc<str>>,
    /// Its reason, filled in; empty where a permit gives none.
    pub reason: String,
    /// The file and line in which it stands.
    pub place: String,
}

/// One hazard that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HazardExplanation {
    /// Its word.
    pub kind: &'static str,
    /// The object concerned; empty where there is none.
    pub object: Arc<str>,
    /// What can be done instead.
    pub hint: &'static str,
}

impl Explanation {
    pub(crate) fn new(
        verdict: &Verdict,
        judged: &[(Member<'_>, Outcome)],
        assessment: &Assessment,
        request: &DecisionRequest<'_>,
        policy_version: PolicyVersion,
    ) -> Self {
        let (word, message, obligations) = match verdict {
            Verdict::Allow(terms) => ("allow", None, terms.obligations.clone()),
            Verdict::Hold(held) => ("hold", Some(Arc::clone(&held.refusal.message)), Vec::new()),
            Verdict::Deny(denial) => ("deny", Some(Arc::clone(&denial.refusal.message)), Vec::new()),
        };
        let mut would_pass: Vec<String> = Vec::new();
        for (member, outcome) in judged {
            for hint in outcome
                .forbids
                .iter()
                .flat_map(|rule| hints_of(rule, member, assessment, request))
            {
                if !would_pass.contains(&hint) {
                    would_pass.push(hint);
                }
            }
        }
        let hazards = assessment.hazards.iter().map(|hazard| HazardExplanation {
            kind: hazard.kind.as_str(),
            object: Arc::clone(&hazard.object),
            hint: hazard_hint(hazard.kind),
        });
        Self {
            verdict: word,
            principal: request.principal.to_string(),
            database: request.database.name().to_string(),
            class: assessment.class.as_str(),
            command: Arc::clone(&assessment.command),
            message,
            members: judged
                .iter()
                .map(|(member, outcome)| explain_member(member, outcome, assessment, request))
                .collect(),
            hazards: hazards.collect(),
            opaque: unseen(assessment),
            would_pass,
            obligations,
            approval: match verdict {
                Verdict::Hold(held) => Some(held.approval.clone()),
                Verdict::Allow(_) | Verdict::Deny(_) => None,
            },
            policy_version,
        }
    }
}

fn unseen(assessment: &Assessment) -> Vec<String> {
    let objects = assessment.opaque.iter().cloned();
    objects
        .map(|(name, note)| NamedObject { name, note }.to_string())
        .collect()
}

fn explain_member(
    member: &Member<'_>,
    outcome: &Outcome,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> MemberExplanation {
    let explain = |rule: &Rule, effect: &'static str, lifted_by: Option<Arc<str>>| RuleExplanation {
        rule: Arc::clone(&rule.name),
        effect,
        lifted_by,
        reason: reason_of(rule, member, assessment, request),
        place: rule.place(),
    };
    let forbids = outcome.forbids.iter().map(|rule| {
        let effect = if rule.hold.is_some() {
            "hold"
        } else if rule.only_demands() {
            "reason"
        } else {
            RuleEffect::Forbid.as_str()
        };
        explain(rule, effect, None)
    });
    let lifted = outcome
        .lifted
        .iter()
        .map(|(rule, by)| explain(rule, "lifted", Some(Arc::clone(&by.name))));
    let permits = outcome
        .permits
        .iter()
        .map(|rule| explain(rule, RuleEffect::Permit.as_str(), None));
    MemberExplanation {
        kind: kind_word(member.subject.kind),
        name: Arc::clone(&member.subject.name),
        verdict: outcome.word(),
        rules: forbids.chain(lifted).chain(permits).collect(),
        errors: outcome.errors.clone(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "verdict:  {}", self.verdict)?;
        writeln!(f, "who:      {}", self.principal)?;
        writeln!(
            f,
            "what:     {} ({}) on \"{}\"",
            self.command, self.class, self.database
        )?;
        if let Some(message) = &self.message {
            writeln!(f, "why:      {message}")?;
        }
        if let Some(rows) = self.approval.as_ref().and_then(|approval| approval.rows_pass) {
            writeln!(f, "unless:   at most {rows} rows are counted before it runs")?;
        }
        for pattern in self.obligations.iter().filter_map(|obligation| match obligation {
            Obligation::Reason { pattern } => Some(pattern),
            _ => None,
        }) {
            match pattern {
                Some(pattern) => writeln!(f, "if:       durward.reason is set, and holds {pattern}")?,
                None => writeln!(f, "if:       durward.reason is set")?,
            }
        }
        if !self.hazards.is_empty() {
            writeln!(f, "hazards:")?;
            for hazard in &self.hazards {
                let named = if hazard.object.is_empty() {
                    String::new()
                } else {
                    format!(" {}", NamedObject::plain(&hazard.object))
                };
                writeln!(f, "  {}{named}", hazard.kind)?;
            }
        }
        if !self.opaque.is_empty() {
            writeln!(f, "not seen through:")?;
            for object in &self.opaque {
                writeln!(f, "  {object}")?;
            }
        }
        writeln!(f, "rules:")?;
        for member in &self.members {
            writeln!(f, "  for {} \"{}\": {}", member.kind, member.name, member.verdict)?;
            for rule in &member.rules {
                write!(f, "    {:<6} {} ({})", rule.effect, rule.rule, rule.place)?;
                if let Some(by) = &rule.lifted_by {
                    write!(f, ", lifted by {by}")?;
                }
                if !rule.reason.is_empty() {
                    write!(f, ": {}", rule.reason)?;
                }
                writeln!(f)?;
            }
            if member.rules.is_empty() {
                writeln!(f, "    nothing permits it")?;
            }
            for error in &member.errors {
                writeln!(f, "    error  {error}")?;
            }
        }
        if !self.would_pass.is_empty() {
            writeln!(f, "would pass:")?;
            for hint in &self.would_pass {
                writeln!(f, "  {hint}")?;
            }
        }
        write!(f, "policy:   {}", self.policy_version)
    }
}
