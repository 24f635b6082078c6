use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Effect, EntityUid, Policy};
use durward_model::{ApprovalTerms, HazardKind, Label, Obligation, sqlstate};

use crate::approval::{self, approver_in_words};
use crate::assessment::Assessment;
use crate::auto::{self, AutoApproval};
use crate::demand::ReasonPattern;
use crate::wording::{NamedObject, Template};

/// What a policy says beside its condition: its annotations, checked.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) effect: RuleEffect,
    pub(crate) reason: Option<Template>,
    pub(crate) hint: Option<Template>,
    /// Who may approve, where the rule holds and doesn't deny.
    pub(crate) hold: Option<Arc<str>>,
    /// What the approval takes, where the rule holds.
    pub(crate) approval: ApprovalTerms,
    pub(crate) obligations: Vec<Obligation>,
    /// Whether access that was given for a time lifts it.
    pub(crate) grantable: bool,
    /// What the client must have said. A forbid that asks for that and isn't a hold forbids nothing else.
    pub(crate) demand: Option<ReasonPattern>,
    pub(crate) sqlstate: &'static str,
    /// Which objects the rule is about; `None`: those of its hazards, else what is changed, else what is used.
    pub(crate) objects: Option<ObjectsFrom>,
    /// The hazards that the policy's condition names.
    pub(crate) hazards: Vec<HazardKind>,
    /// The forbidding rules that an exemption lifts.
    pub(crate) exempts: Vec<Arc<str>>,
    /// The labels that an exemption shows in clear.
    pub(crate) unmasks: Unmasks,
    /// Whether whom it matches may run what is held without an approval, saying why.
    pub(crate) breaks_glass: bool,
    /// The terms on which what is held needs nobody's approval.
    pub(crate) auto: Option<Arc<AutoApproval>>,
    pub(crate) file: Arc<str>,
    pub(crate) line: Option<u32>,
}

/// What a satisfied rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleEffect {
    /// Allows, unless something forbids.
    Permit,
    /// Forbids, or holds.
    Forbid,
    /// Lifts the forbidding rules that it names. It permits nothing by itself.
    Exempt,
}

impl RuleEffect {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
            Self::Exempt => "exempt",
        }
    }
}

/// Labels that are shown in clear to those who would otherwise see masks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmasks {
    /// These.
    Only(BTreeSet<Label>),
    /// All.
    Everything,
}

impl Default for Unmasks {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

impl Unmasks {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Only(labels) if labels.is_empty())
    }
}

/// A set of objects in an [`Assessment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectsFrom {
    Reads,
    Changes,
    Uses,
    Objects,
    Functions,
    Opaque,
    OffLimits,
    ReadOnly,
    AppendOnly,
    System,
    OutsideSchemas,
    None,
}

impl ObjectsFrom {
    const WORDS: [(&'static str, Self); 12] = [
        ("reads", Self::Reads),
        ("changes", Self::Changes),
        ("uses", Self::Uses),
        ("objects", Self::Objects),
        ("functions", Self::Functions),
        ("opaque", Self::Opaque),
        ("offLimits", Self::OffLimits),
        ("readOnlyChanged", Self::ReadOnly),
        ("appendOnlyChanged", Self::AppendOnly),
        ("systemChanged", Self::System),
        ("outsideDdlSchemas", Self::OutsideSchemas),
        ("none", Self::None),
    ];

    fn parse(word: &str) -> Result<Self, Complaint> {
        let found = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, objects)| objects).ok_or_else(|| {
            let known: Vec<&str> = Self::WORDS.iter().map(|(known, _)| *known).collect();
            Complaint::new(format!("`@objects` doesn't know `{word}`")).hint(format!("one of {}", known.join(", ")))
        })
    }
}

impl Rule {
    /// The rule that stands for access that somebody was given.
    pub(crate) fn of_access(name: &Arc<str>, unmasks: Unmasks) -> Self {
        Self {
            name: Arc::clone(name),
            effect: RuleEffect::Exempt,
            reason: None,
            hint: None,
            hold: None,
            approval: ApprovalTerms::default(),
            obligations: Vec::new(),
            grantable: false,
            demand: None,
            sqlstate: sqlstate::INSUFFICIENT_PRIVILEGE,
            objects: None,
            hazards: Vec::new(),
            exempts: Vec::new(),
            unmasks,
            breaks_glass: false,
            auto: None,
            file: "access for a time".into(),
            line: None,
        }
    }

    /// Whether it only asks for a reason: it then refuses those who give none, and nobody else.
    pub(crate) fn only_demands(&self) -> bool {
        self.demand.is_some() && self.hold.is_none()
    }

    /// The objects to name in a refusal.
    pub(crate) fn objects_in(&self, assessment: &Assessment) -> Vec<NamedObject> {
        let Some(from) = self.objects else {
            return plain(&self.default_objects(assessment));
        };
        match from {
            ObjectsFrom::Reads => plain(&assessment.reads),
            ObjectsFrom::Changes => plain(&assessment.changes),
            ObjectsFrom::Uses => plain(&assessment.uses),
            ObjectsFrom::Objects => plain(&assessment.objects),
            ObjectsFrom::Functions => plain(&assessment.functions),
            ObjectsFrom::Opaque => {
                let unseen = assessment.opaque.iter().cloned();
                unseen.map(|(name, note)| NamedObject { name, note }).collect()
            }
            ObjectsFrom::OffLimits => plain(&assessment.off_limits),
            ObjectsFrom::ReadOnly => plain(&assessment.read_only),
            ObjectsFrom::AppendOnly => plain(&assessment.append_only),
            ObjectsFrom::System => plain(&assessment.system),
            ObjectsFrom::OutsideSchemas => plain(&assessment.outside_schemas),
            ObjectsFrom::None => Vec::new(),
        }
    }

    /// The file and line in which it stands.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.to_string(),
        }
    }

    fn default_objects(&self, assessment: &Assessment) -> BTreeSet<String> {
        let of_hazards: BTreeSet<String> = assessment
            .hazards
            .iter()
            .filter(|hazard| self.hazards.contains(&hazard.kind) && !hazard.object.is_empty())
            .map(|hazard| hazard.object.to_string())
            .collect();
        let candidates = [&of_hazards, &assessment.changes, &assessment.objects, &assessment.uses];
        let first = candidates.into_iter().find(|objects| !objects.is_empty());
        first.cloned().unwrap_or_default()
    }
}

fn plain(names: &BTreeSet<String>) -> Vec<NamedObject> {
    names.iter().map(|name| NamedObject::plain(name)).collect()
}

/// What is wrong with one policy; its place is added by the loader.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

const ANNOTATIONS: &str = "@rule, @reason, @hint, @hold, @approve, @requires_reason, @grantable, @break_glass, @auto_approve, @obligation, @annotate, @objects, @sqlstate, @exempts, @unmask";

/// Reads the annotations of one policy. Every annotation must be known, in place and well formed: a misspelt `@hold`
/// would otherwise change a verdict in silence.
pub(crate) fn read_rule(policy: &Policy, file: &Arc<str>, line: Option<u32>) -> Result<Rule, Vec<Complaint>> {
    let mut reader = Reader::default();
    for (key, value) in policy.annotations() {
        reader.read(key, value);
    }
    let effect = match policy.effect() {
        Effect::Forbid => RuleEffect::Forbid,
        Effect::Permit if reader.is_plain() => RuleEffect::Permit,
        Effect::Permit => RuleEffect::Exempt,
    };
    reader.check_places(effect);
    match reader.name.take() {
        Some(name) if reader.complaints.is_empty() => Ok(Rule {
            name: Arc::clone(&name),
            effect,
            reason: reader.reason,
            hint: reader.hint,
            hold: reader.hold.or_else(|| reader.approval.as_ref().map(approver_in_words)),
            approval: reader.approval.unwrap_or_default(),
            obligations: reader.obligations,
            demand: reader.demand,
            grantable: reader.grantable,
            sqlstate: reader.sqlstate.unwrap_or(sqlstate::INSUFFICIENT_PRIVILEGE),
            objects: reader.objects,
            hazards: policy.entity_literals().iter().filter_map(hazard_of).collect(),
            exempts: reader.exempts,
            unmasks: reader.unmasks,
            breaks_glass: reader.breaks_glass,
            auto: reader.auto.map(|auto| Arc::new(auto.of_rule(&name))),
            file: Arc::clone(file),
            line,
        }),
        Some(_) => Err(reader.complaints),
        None => {
            let missing = Complaint::new("this policy has no name").hint("add @rule(\"a-short-name\") above it");
            reader.complaints.push(missing);
            Err(reader.complaints)
        }
    }
}

fn hazard_of(uid: &EntityUid) -> Option<HazardKind> {
    let named = uid.type_name().basename() == "Hazard";
    let word: &str = uid.id().unescaped();
    named.then(|| HazardKind::ALL.iter().copied().find(|kind| kind.as_str() == word))?
}

#[derive(Default)]
struct Reader {
    name: Option<Arc<str>>,
    reason: Option<Template>,
    hint: Option<Template>,
    hold: Option<Arc<str>>,
    approval: Option<ApprovalTerms>,
    obligations: Vec<Obligation>,
    demand: Option<ReasonPattern>,
    grantable: bool,
    sqlstate: Option<&'static str>,
    objects: Option<ObjectsFrom>,
    exempts: Vec<Arc<str>>,
    unmasks: Unmasks,
    breaks_glass: bool,
    auto: Option<AutoApproval>,
    complaints: Vec<Complaint>,
}

impl Reader {
    /// Whether it exempts from nothing, so that it permits.
    fn is_plain(&self) -> bool {
        self.exempts.is_empty() && self.unmasks.is_empty() && !self.breaks_glass && self.auto.is_none()
    }

    fn read(&mut self, key: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            self.complaints.push(Complaint::new(format!("`@{key}` is empty")));
            return;
        }
        let read = match key {
            "rule" => rule_name(value).map(|name| self.name = Some(name)),
            "reason" => template(key, value).map(|reason| self.reason = Some(reason)),
            "hint" => template(key, value).map(|hint| self.hint = Some(hint)),
            "hold" => {
                self.hold = Some(value.into());
                Ok(())
            }
            "approve" => approval::terms(value).map(|terms| self.approval = Some(terms)),
            "requires_reason" => ReasonPattern::parse(value).map(|demand| self.demand = Some(demand)),
            "auto_approve" => auto::terms(value).map(|terms| self.auto = Some(terms)),
            "break_glass" => yes(key, value).map(|()| self.breaks_glass = true),
            "grantable" => yes(key, value).map(|()| self.grantable = true),
            "annotate" => {
                self.obligations.push(Obligation::Annotate(value.into()));
                Ok(())
            }
            "obligation" => list(value).try_for_each(|word| obligation(word).map(|known| self.obligations.push(known))),
            "sqlstate" => sqlstate_of(value).map(|code| self.sqlstate = Some(code)),
            "objects" => ObjectsFrom::parse(value).map(|objects| self.objects = Some(objects)),
            "unmask" => {
                self.unmasks = unmasks(value);
                Ok(())
            }
            "exempts" => list(value).try_for_each(|word| rule_name(word).map(|name| self.exempts.push(name))),
            _ => Err(
                Complaint::new(format!("`@{key}` is no annotation that this gateway knows"))
                    .hint(format!("known are {ANNOTATIONS}")),
            ),
        };
        self.complaints.extend(read.err());
    }

    /// An annotation where it can have no effect is a mistake.
    fn check_places(&mut self, effect: RuleEffect) {
        let forbids = effect == RuleEffect::Forbid;
        let misplaced = [
            ("hint", self.hint.is_some() && !forbids),
            ("hold", self.hold.is_some() && !forbids),
            ("approve", self.approval.is_some() && !forbids),
            ("grantable", self.grantable && !forbids),
            ("sqlstate", self.sqlstate.is_some() && !forbids),
            ("objects", self.objects.is_some() && !forbids),
            ("exempts", !self.exempts.is_empty() && forbids),
            ("unmask", !self.unmasks.is_empty() && forbids),
            ("break_glass", self.breaks_glass && forbids),
            ("auto_approve", self.auto.is_some() && forbids),
            ("obligation or @annotate", !self.obligations.is_empty() && forbids),
        ];
        for (key, _) in misplaced.into_iter().filter(|(_, misplaced)| *misplaced) {
            let word = if forbids { "forbid" } else { "permit" };
            self.complaints
                .push(Complaint::new(format!("`@{key}` has no meaning on a {word}")));
        }
        if forbids && self.reason.is_none() {
            let missing = Complaint::new("a forbid must say why");
            self.complaints
                .push(missing.hint("add @reason(\"…\"): it is what the client reads"));
        }
    }
}

pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

fn rule_name(word: &str) -> Result<Arc<str>, Complaint> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | ':');
    if word.is_empty() || !word.chars().all(fits) {
        return Err(Complaint::new(format!("`{word}` is no rule name"))
            .hint("lower-case letters, digits, and - _ . : are allowed"));
    }
    Ok(word.into())
}

fn template(key: &str, value: &str) -> Result<Template, Complaint> {
    if value.chars().any(char::is_control) {
        return Err(Complaint::new(format!("the text of `@{key}` is more than one line")));
    }
    Template::parse(value).map_err(|problem| {
        Complaint::new(format!("in `@{key}`: {problem}")).hint(format!("known are {}", Template::SLOTS))
    })
}

/// The labels that `@unmask` names; `all` stands for every one.
fn unmasks(value: &str) -> Unmasks {
    if value == "all" {
        Unmasks::Everything
    } else {
        Unmasks::Only(list(value).map(Label::of_word).collect())
    }
}

fn obligation(word: &str) -> Result<Obligation, Complaint> {
    match word {
        "read_only" => Ok(Obligation::ReadOnly),
        "durable_intent" => Ok(Obligation::DurableIntent),
        "mask" => Ok(Obligation::Mask { clear: Vec::new() }),
        _ => Err(Complaint::new(format!("`@obligation` doesn't know `{word}`"))
            .hint("mask, read_only or durable_intent; text for the record goes into @annotate")),
    }
}

fn yes(key: &str, word: &str) -> Result<(), Complaint> {
    if word == "yes" {
        return Ok(());
    }
    Err(Complaint::new(format!("`@{key}` can't be `{word}`")).hint("yes; leave it out for no"))
}

fn sqlstate_of(word: &str) -> Result<&'static str, Complaint> {
    [sqlstate::INSUFFICIENT_PRIVILEGE, sqlstate::NOT_UNDERSTOOD]
        .into_iter()
        .find(|code| *code == word)
        .ok_or_else(|| {
            Complaint::new(format!("`@sqlstate` can't be `{word}`")).hint("42501 (denied) or WD008 (not understood)")
        })
}
