use std::hash::{Hash, Hasher};
use std::sync::Arc;

use durward_model::{Assurance, CredentialKind, Digest, Principal, StatementFacts, Subject};
use foldhash::HashMap;

use crate::snapshot::Verdict;
use crate::{AccessGrant, Decision, DecisionRequest, LabelUse, PolicySnapshot, PolicyVersion};

/// Memory that one snapshot's verdicts may take, facts included.
pub(crate) const VERDICTS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How many verdicts a session keeps at hand; more than the statements that an application prepares, small enough for
/// ten thousand sessions.
const SESSION_VERDICTS_MAX: usize = 128;

/// The parts of a principal that decide, by value: the credential's id only matters to revocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PrincipalKey {
    pub(crate) subject: Subject,
    pub(crate) actors: Vec<Subject>,
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) subject_groups: Vec<Arc<str>>,
    pub(crate) assurance: Assurance,
    pub(crate) credential: CredentialKind,
    pub(crate) purpose: Option<Arc<str>>,
}

impl PrincipalKey {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self {
            subject: principal.subject.clone(),
            actors: principal.actors.clone(),
            groups: principal.groups.clone(),
            subject_groups: principal.subject_groups.clone(),
            assurance: principal.assurance,
            credential: principal.credential_kind,
            purpose: principal.purpose.clone(),
        }
    }

    /// Equality with a principal, without building its key.
    pub(crate) fn is_of(&self, principal: &Principal) -> bool {
        self.subject == principal.subject
            && self.actors == principal.actors
            && self.groups == principal.groups
            && self.subject_groups == principal.subject_groups
            && self.assurance == principal.assurance
            && self.credential == principal.credential_kind
            && self.purpose == principal.purpose
    }
}

/// Everything but the facts that a verdict rests on, within one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Circumstances {
    database: Digest,
    hour: Option<i64>,
    encrypted: bool,
}

impl Circumstances {
    pub(crate) fn of(request: &DecisionRequest<'_>, policy: &PolicySnapshot) -> Self {
        Self {
            database: request.database.digest(),
            hour: if policy.asks_for_time() {
                request.session.hour()
            } else {
                None
            },
            encrypted: request.session.encrypted,
        }
    }
}

/// Facts compared by content. The key holds them, so an address can't be used anew while the entry lives.
#[derive(Debug, Clone)]
pub(crate) struct FactsByContent(pub(crate) Arc<StatementFacts>);

impl PartialEq for FactsByContent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for FactsByContent {}

impl Hash for FactsByContent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Everything that a verdict rests on, within one snapshot. Compared in full: no digest of it is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VerdictKey {
    pub(crate) principal: Arc<PrincipalKey>,
    pub(crate) circumstances: Circumstances,
    pub(crate) facts: FactsByContent,
    /// None where no policy asks for them.
    pub(crate) labels: Option<Arc<LabelUse>>,
    /// A verdict ends with the access that it rests on.
    pub(crate) access: Arc<[AccessGrant]>,
}

/// About how many bytes an entry keeps alive. The structs' own sizes are exact, the strings are estimated.
pub(crate) fn approximate_bytes(facts: &StatementFacts) -> u32 {
    const STRING_BYTES: usize = 40;
    const ENTRY_BYTES: usize = 1024;
    let columns: usize = facts.relations.iter().map(|used| used.columns.len()).sum();
    let lineage: usize = facts.output.iter().map(|column| column.lineage.len()).sum();
    let strings = columns
        + 2 * (facts.relations.len() + facts.functions.len() + facts.objects.len() + facts.opaque.len() + lineage)
        + facts.output.len()
        + facts.hazards.len();
    let structs = facts.relations.len() * 64
        + columns * 24
        + facts.functions.len() * 48
        + facts.objects.len() * 48
        + facts.output.len() * 48
        + lineage * 56;
    u32::try_from(ENTRY_BYTES + strings * STRING_BYTES + structs).unwrap_or(u32::MAX)
}

/// The verdicts that one session needs again and again, found by the address of its cached facts in well under a
/// microsecond. Dropped as a whole when policy, principal, database, hour or
/// access change.
#[derive(Debug, Default)]
pub struct DecisionCache {
    scope: Option<Scope>,
    /// By address; each entry keeps its facts alive, so that no other facts can have that address.
    verdicts: HashMap<usize, Known>,
}

/// A verdict with what else it rests on.
#[derive(Debug)]
struct Known {
    _facts: Arc<StatementFacts>,
    labels: Option<Arc<LabelUse>>,
    verdict: Arc<Verdict>,
}

#[derive(Debug)]
struct Scope {
    version: PolicyVersion,
    principal: Arc<PrincipalKey>,
    circumstances: Circumstances,
    access: Arc<[AccessGrant]>,
}

impl DecisionCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// What [`PolicySnapshot::decide`] would answer.
    pub fn decide(&mut self, policy: &PolicySnapshot, request: &DecisionRequest<'_>) -> Decision {
        let circumstances = Circumstances::of(request, policy);
        let current = self.scope.as_ref().filter(|scope| {
            scope.version == policy.version()
                && scope.circumstances == circumstances
                && (Arc::ptr_eq(&scope.access, request.access) || scope.access == *request.access)
                && scope.principal.is_of(request.principal)
        });
        let principal = match current {
            Some(scope) => Arc::clone(&scope.principal),
            None => self.rescope(policy, request, circumstances),
        };
        let address = Arc::as_ptr(request.facts).addr();
        let labels = policy.labels_of(request);
        if let Some(known) = self.verdicts.get(&address)
            && known.labels.as_ref() == labels
        {
            return known.verdict.decision(&principal, request.facts, policy.version());
        }
        let verdict = policy.verdict(&principal, circumstances, request);
        if self.verdicts.len() >= SESSION_VERDICTS_MAX {
            self.verdicts.clear();
        }
        let known = Known {
            _facts: Arc::clone(request.facts),
            labels: labels.cloned(),
            verdict: Arc::clone(&verdict),
        };
        self.verdicts.insert(address, known);
        verdict.decision(&principal, request.facts, policy.version())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.verdicts.len()
    }

    fn rescope(
        &mut self,
        policy: &PolicySnapshot,
        request: &DecisionRequest<'_>,
        circumstances: Circumstances,
    ) -> Arc<PrincipalKey> {
        let principal = Arc::new(PrincipalKey::of(request.principal));
        self.verdicts.clear();
        self.scope = Some(Scope {
            version: policy.version(),
            principal: Arc::clone(&principal),
            circumstances,
            access: Arc::clone(request.access),
        });
        principal
    }
}
