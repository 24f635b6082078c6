use std::collections::{BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request, Response,
    RestrictedExpression,
};
use durward_model::{
    Assurance, Certainty, CredentialKind, Obligation, PrincipalKind, RowBound, StatementClass, Subject,
};

use crate::assessment::Assessment;
use crate::auto::AutoApproval;
use crate::load::Loaded;
use crate::rule::Rule;
use crate::{DecisionRequest, LabelUse};

/// The schema's type names, parsed once.
#[derive(Debug)]
pub(crate) struct Names {
    action: EntityTypeName,
    account: EntityTypeName,
    agent: EntityTypeName,
    assurance: EntityTypeName,
    credential: EntityTypeName,
    database: EntityTypeName,
    group: EntityTypeName,
    hazard: EntityTypeName,
    service: EntityTypeName,
    user: EntityTypeName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, String> {
        let name = |text| EntityTypeName::from_str(text).map_err(|error| error.to_string());
        Ok(Self {
            action: name("Action")?,
            account: name("Account")?,
            agent: name("Agent")?,
            assurance: name("Assurance")?,
            credential: name("Credential")?,
            database: name("Database")?,
            group: name("Group")?,
            hazard: name("Hazard")?,
            service: name("Service")?,
            user: name("User")?,
        })
    }

    fn uid_of(&self, subject: &Subject) -> EntityUid {
        let kind = match subject.kind {
            PrincipalKind::Operator | PrincipalKind::Person => &self.user,
            PrincipalKind::Agent => &self.agent,
            PrincipalKind::Service => &self.service,
            PrincipalKind::Passthrough => &self.account,
        };
        uid(kind, &subject.name)
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// One party of a chain, judged by itself: the rights of a chain are the intersection of its members'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) groups: &'a [Arc<str>],
    /// Whether this is the party at the other end of the connection.
    pub(crate) acting: bool,
}

/// The members of a request's chain, the acting one first.
pub(crate) fn members<'a>(request: &DecisionRequest<'a>) -> Vec<Member<'a>> {
    let principal = request.principal;
    let mut members = Vec::with_capacity(principal.actors.len() + 1);
    for (number, actor) in principal.actors.iter().enumerate() {
        let acting = number == 0;
        // A credential names the groups of its two ends only.
        let groups: &[Arc<str>] = if acting { &principal.groups } else { &[] };
        members.push(Member {
            subject: actor,
            groups,
            acting,
        });
    }
    let acting = principal.actors.is_empty();
    members.push(Member {
        subject: &principal.subject,
        groups: if acting {
            &principal.groups
        } else {
            &principal.subject_groups
        },
        acting,
    });
    members
}

/// Which rules are satisfied for one member, in deciding order.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) permits: Vec<Arc<Rule>>,
    /// What forbids and was not lifted.
    pub(crate) forbids: Vec<Arc<Rule>>,
    /// What forbade, with the exemption that lifted it.
    pub(crate) lifted: Vec<(Arc<Rule>, Arc<Rule>)>,
    /// What shows labelled data in clear.
    pub(crate) unmasking: Vec<Arc<Rule>>,
    /// What lets run without an approval what is held.
    pub(crate) glass: Vec<Arc<Rule>>,
    /// On which terms what is held needs nobody's approval.
    pub(crate) auto: Vec<Arc<AutoApproval>>,
    /// What could not be evaluated. Cedar leaves an erring policy out, and a forbid that is left out would allow: any
    /// error refuses.
    pub(crate) errors: Vec<String>,
}

/// Asks Cedar about one member.
pub(crate) fn evaluate(
    loaded: &Loaded,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (question, entities) = match question(loaded, member, assessment, request) {
        Ok(question) => question,
        Err(error) => {
            outcome.errors.push(error);
            return outcome;
        }
    };
    let authorizer = Authorizer::new();
    let mut ask = |policies: &PolicySet| {
        if policies.is_empty() {
            return Vec::new();
        }
        let response = authorizer.is_authorized(&question, policies, &entities);
        outcome
            .errors
            .extend(response.diagnostics().errors().map(ToString::to_string));
        satisfied(loaded, &response)
    };
    let permits = ask(&loaded.permits);
    let forbids = ask(&loaded.forbids);
    let masks = permits.iter().any(|rule| {
        rule.obligations
            .iter()
            .any(|known| matches!(known, Obligation::Mask { .. }))
    });
    let exemptions = if forbids.is_empty() && !masks {
        Vec::new()
    } else {
        ask(&loaded.exemptions)
    };
    if masks {
        let unmasking = exemptions.iter().filter(|exemption| !exemption.unmasks.is_empty());
        outcome.unmasking = unmasking.cloned().collect();
    }
    outcome.glass = exemptions
        .iter()
        .filter(|exemption| exemption.breaks_glass)
        .cloned()
        .collect();
    outcome.auto = exemptions
        .iter()
        .filter_map(|exemption| exemption.auto.clone())
        .collect();
    outcome.permits = permits;
    for forbid in forbids {
        match exemptions
            .iter()
            .find(|exemption| exemption.exempts.contains(&forbid.name))
        {
            Some(exemption) => outcome.lifted.push((forbid, Arc::clone(exemption))),
            None => outcome.forbids.push(forbid),
        }
    }
    outcome
}

/// Permits and forbids are kept in sets of their own, so that an answer names every satisfied policy of its set.
fn satisfied(loaded: &Loaded, response: &Response) -> Vec<Arc<Rule>> {
    let mut indexes: Vec<usize> = response
        .diagnostics()
        .reason()
        .filter_map(|id| {
            let name: &str = id.as_ref();
            loaded.by_name.get(name).copied()
        })
        .collect();
    indexes.sort_unstable();
    indexes
        .into_iter()
        .filter_map(|index| loaded.rules.get(index).cloned())
        .collect()
}

fn question(
    loaded: &Loaded,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Result<(Request, Entities), String> {
    let names = &loaded.names;
    if loaded.asks_for_time && request.session.hour().is_none() {
        return Err("a policy asks for the time, and the time is not known".to_owned());
    }
    if loaded.asks_for_labels && request.labels.is_none() {
        return Err("a policy asks for labels, and they are not known".to_owned());
    }
    let context = context(names, member, assessment, request)?;
    let question = Request::new(
        names.uid_of(member.subject),
        uid(&names.action, action_of(assessment.class)),
        uid(&names.database, request.database.name().as_str()),
        context,
        Some(&loaded.schema),
    );
    let question = question.map_err(|error| error.to_string())?;
    let entities = entities(loaded, member, request)?;
    Ok((question, entities))
}

const fn action_of(class: StatementClass) -> &'static str {
    class.as_str()
}

fn entities(loaded: &Loaded, member: &Member<'_>, request: &DecisionRequest<'_>) -> Result<Entities, String> {
    let names = &loaded.names;
    let mut list = Vec::new();
    let mut attributes = HashMap::new();
    match member.subject.kind {
        PrincipalKind::Operator | PrincipalKind::Person => {
            attributes.insert("operator".to_owned(), operator(member.subject));
        }
        PrincipalKind::Agent => {
            let person = &request.principal.subject;
            if matches!(person.kind, PrincipalKind::Operator | PrincipalKind::Person) {
                let person_uid = names.uid_of(person);
                let reference = RestrictedExpression::new_entity_uid(person_uid.clone());
                attributes.insert("actsFor".to_owned(), reference);
                let operator = HashMap::from([("operator".to_owned(), operator(person))]);
                let groups = groups(names, &request.principal.subject_groups);
                list.push(Entity::new(person_uid, operator, groups).map_err(|error| error.to_string())?);
            }
        }
        PrincipalKind::Service | PrincipalKind::Passthrough => {}
    }
    let principal = Entity::new(names.uid_of(member.subject), attributes, groups(names, member.groups));
    list.push(principal.map_err(|error| error.to_string())?);
    let all_groups: HashSet<EntityUid> = groups(names, member.groups)
        .into_iter()
        .chain(groups(names, &request.principal.subject_groups))
        .collect();
    list.extend(all_groups.into_iter().map(Entity::with_uid));
    let database = HashMap::from([
        ("name".to_owned(), text(request.database.name().as_str())),
        (
            "tags".to_owned(),
            texts(request.database.tags().iter().map(|tag| &**tag)),
        ),
    ]);
    let database_uid = uid(&names.database, request.database.name().as_str());
    list.push(Entity::new(database_uid, database, HashSet::new()).map_err(|error| error.to_string())?);
    Entities::from_entities(list, Some(&loaded.schema)).map_err(|error| error.to_string())
}

fn operator(subject: &Subject) -> RestrictedExpression {
    RestrictedExpression::new_bool(subject.kind == PrincipalKind::Operator)
}

fn groups(names: &Names, groups: &[Arc<str>]) -> HashSet<EntityUid> {
    groups.iter().map(|group| uid(&names.group, group)).collect()
}

fn context(
    names: &Names,
    member: &Member<'_>,
    assessment: &Assessment,
    request: &DecisionRequest<'_>,
) -> Result<Context, String> {
    let hazards: BTreeSet<&str> = assessment.hazards.iter().map(|hazard| hazard.kind.as_str()).collect();
    let hazards = hazards
        .into_iter()
        .map(|word| RestrictedExpression::new_entity_uid(uid(&names.hazard, word)));
    // Where nobody asks for the time, any will do.
    let hour = request.session.hour().unwrap_or_default();
    let (bounded, rows) = match assessment.rows {
        RowBound::AtMost(rows) => (true, i64::try_from(rows).unwrap_or(i64::MAX)),
        RowBound::Unbounded => (false, i64::MAX),
    };
    let mut pairs = vec![
        ("command", text(&assessment.command)),
        ("hazards", RestrictedExpression::new_set(hazards)),
        ("reads", set(&assessment.reads)),
        ("changes", set(&assessment.changes)),
        ("uses", set(&assessment.uses)),
        ("columnsRead", set(&assessment.columns_read)),
        ("columnsWritten", set(&assessment.columns_written)),
        ("labelsRead", labels(request, |labels| &labels.read)),
        ("labelsWritten", labels(request, |labels| &labels.written)),
        ("schemas", set(&assessment.schemas)),
        ("functions", set(&assessment.functions)),
        ("objects", set(&assessment.objects)),
        (
            "opaque",
            RestrictedExpression::new_bool(assessment.certainty == Certainty::Opaque),
        ),
        (
            "exact",
            RestrictedExpression::new_bool(assessment.certainty == Certainty::Exact),
        ),
        ("rowsBounded", RestrictedExpression::new_bool(bounded)),
        ("rowsMax", RestrictedExpression::new_long(rows)),
        ("offLimits", set(&assessment.off_limits)),
        ("readOnlyChanged", set(&assessment.read_only)),
        ("appendOnlyChanged", set(&assessment.append_only)),
        ("systemChanged", set(&assessment.system)),
        ("outsideDdlSchemas", set(&assessment.outside_schemas)),
        (
            "changesIndirectly",
            RestrictedExpression::new_bool(assessment.changes_indirectly),
        ),
        (
            "temporaryOnly",
            RestrictedExpression::new_bool(assessment.temporary_only),
        ),
        ("viaAgent", RestrictedExpression::new_bool(via_agent(member, request))),
        ("acting", RestrictedExpression::new_bool(member.acting)),
        ("hourUtc", RestrictedExpression::new_long(hour.rem_euclid(24))),
        (
            "weekdayUtc",
            RestrictedExpression::new_long(weekday(hour.div_euclid(24))),
        ),
        ("encrypted", RestrictedExpression::new_bool(request.session.encrypted)),
        (
            "assurance",
            enumerated(&names.assurance, assurance_word(request.principal.assurance)),
        ),
        (
            "credential",
            enumerated(&names.credential, credential_word(request.principal.credential_kind)),
        ),
    ];
    if let Some(purpose) = &request.principal.purpose {
        pairs.push(("purpose", text(purpose)));
    }
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

fn via_agent(member: &Member<'_>, request: &DecisionRequest<'_>) -> bool {
    !member.acting
        && request
            .principal
            .actors
            .iter()
            .any(|actor| actor.kind == PrincipalKind::Agent)
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.map(text))
}

fn set(values: &BTreeSet<String>) -> RestrictedExpression {
    texts(values.iter().map(String::as_str))
}

/// Where nobody asks for labels, none will do.
fn labels(request: &DecisionRequest<'_>, which: fn(&LabelUse) -> &BTreeSet<Arc<str>>) -> RestrictedExpression {
    let words = request.labels.map(|labels| which(labels));
    texts(words.into_iter().flatten().map(|word| &**word))
}

fn enumerated(kind: &EntityTypeName, word: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(kind, word))
}

const fn assurance_word(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Weak => "weak",
        Assurance::Issued => "issued",
        Assurance::Asserted => "asserted",
    }
}

const fn credential_word(credential: CredentialKind) -> &'static str {
    match credential {
        CredentialKind::IssuedPassword => "issued_password",
        CredentialKind::Jwt => "jwt",
        CredentialKind::Passthrough => "passthrough",
        CredentialKind::SystemAccount => "system_account",
    }
}

/// The day of the week of a day since 1970-01-01, a Thursday. Monday is 1.
const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}

impl Outcome {
    /// Whether what permits it masks.
    pub(crate) fn masks(&self) -> bool {
        let mut obligations = self.permits.iter().flat_map(|rule| &rule.obligations);
        obligations.any(|known| matches!(known, Obligation::Mask { .. }))
    }

    /// The effect that the outcome has by itself, in a word.
    pub(crate) fn word(&self) -> &'static str {
        if !self.errors.is_empty() || (self.forbids.is_empty() && self.permits.is_empty()) {
            return "deny";
        }
        if self.forbids.iter().all(|rule| rule.only_demands()) {
            return "allow";
        }
        if self
            .forbids
            .iter()
            .all(|rule| rule.hold.is_some() || rule.only_demands())
            && !self.permits.is_empty()
        {
            return "hold";
        }
        "deny"
    }
}
