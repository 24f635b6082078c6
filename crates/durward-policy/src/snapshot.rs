use std::fmt;
use std::sync::Arc;

use durward_model::Digest;
use moka::sync::Cache;
use serde::{Serialize, Serializer};

use crate::access;
use crate::assessment::Assessment;
use crate::cache::{Circumstances, FactsByContent, PrincipalKey, VERDICTS_BYTES_MAX, VerdictKey, approximate_bytes};
use crate::evaluate::{Member, Outcome, evaluate, members};
use crate::load::{Loaded, load};
use crate::rule::RuleEffect;
pub(crate) use crate::verdict::Verdict;
use crate::verdict::combine;
use crate::{Decision, DecisionRequest, Explanation, LabelUse, PolicyError};

/// The texts from which a policy is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySources {
    /// Whether the built-in pack is part of it. Without the pack, nothing is permitted but what the files permit.
    pub built_in: bool,
    /// The deployment's own policies, in Cedar.
    pub files: Vec<PolicyFile>,
    /// The names of the configured databases: a policy about any other is an error. Empty: not checked.
    pub known_databases: Vec<Arc<str>>,
}

impl Default for PolicySources {
    /// The built-in pack alone.
    fn default() -> Self {
        Self {
            built_in: true,
            files: Vec::new(),
            known_databases: Vec::new(),
        }
    }
}

/// One file of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// The name by which errors and explanations call it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// Which policy: a number that grows with each reload, and what the policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct PolicyVersion {
    /// From 1 at start.
    pub number: u64,
    /// SHA-256 of the schema and of every file's name and text.
    #[serde(serialize_with = "as_text")]
    pub digest: Digest,
}

fn as_text<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}

impl fmt::Display for PolicyVersion {
    /// `1 (a948904f2f0f)`: the number and the beginning of the digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.to_string();
        write!(f, "{} ({})", self.number, digest.get(..12).unwrap_or(&digest))
    }
}

/// One rule of a snapshot, for listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it forbids or holds; permits and exemptions don't.
    pub forbids: bool,
    /// The file and line in which it stands.
    pub place: String,
}

/// One immutable, checked policy with the verdicts that it has given.
pub struct PolicySnapshot {
    loaded: Loaded,
    version: PolicyVersion,
    verdicts: Cache<VerdictKey, Arc<Verdict>>,
}

impl fmt::Debug for PolicySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySnapshot")
            .field("version", &self.version)
            .field("rules", &self.loaded.rules.len())
            .finish_non_exhaustive()
    }
}

impl PolicySnapshot {
    /// Reads and checks `sources`.
    ///
    /// # Errors
    /// When any policy doesn't parse or validate, can never match, has an unknown or misplaced annotation, or shares its
    /// name with another. The error names every such place.
    pub fn load(sources: &PolicySources) -> Result<Self, PolicyError> {
        let loaded = load(sources)?;
        let version = PolicyVersion {
            number: 1,
            digest: loaded.digest,
        };
        let verdicts = Cache::builder()
            .max_capacity(VERDICTS_BYTES_MAX)
            .weigher(|key: &VerdictKey, _: &Arc<Verdict>| approximate_bytes(&key.facts.0))
            .build();
        Ok(Self {
            loaded,
            version,
            verdicts,
        })
    }

    pub(crate) fn numbered(mut self, number: u64) -> Self {
        self.version.number = number;
        self
    }

    /// Which policy this is.
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    pub(crate) fn asks_for_time(&self) -> bool {
        self.loaded.asks_for_time
    }

    /// Whether any policy asks for the labels of columns: others needn't be told.
    pub fn asks_for_labels(&self) -> bool {
        self.loaded.asks_for_labels
    }

    /// The labels that a verdict rests on.
    pub(crate) fn labels_of<'a>(&self, request: &DecisionRequest<'a>) -> Option<&'a Arc<LabelUse>> {
        let counts = self.loaded.asks_for_labels || !request.access.is_empty();
        request.labels.filter(|_| counts)
    }

    /// How many rules there are.
    pub fn rules_count(&self) -> usize {
        self.loaded.rules.len()
    }

    /// The rules in deciding order.
    pub fn rules(&self) -> impl Iterator<Item = RuleSummary> {
        self.loaded.rules.iter().map(|rule| RuleSummary {
            name: Arc::clone(&rule.name),
            forbids: rule.effect == RuleEffect::Forbid,
            place: rule.place(),
        })
    }

    /// Whether the request is allowed. A session asks through its [`DecisionCache`](crate::DecisionCache), which answers
    /// sooner.
    pub fn decide(&self, request: &DecisionRequest<'_>) -> Decision {
        let principal = Arc::new(PrincipalKey::of(request.principal));
        let verdict = self.verdict(&principal, Circumstances::of(request, self), request);
        verdict.decision(&principal, request.facts, self.version)
    }

    /// Every rule that matches, for every member of the chain, and what would pass. Nothing is cached.
    pub fn explain(&self, request: &DecisionRequest<'_>) -> Explanation {
        let assessment = Assessment::of(request.facts, request.database);
        let judged = self.judge(&assessment, request);
        let verdict = combine(&judged, &assessment, request);
        Explanation::new(&verdict, &judged, &assessment, request, self.version)
    }

    pub(crate) fn verdict(
        &self,
        principal: &Arc<PrincipalKey>,
        circumstances: Circumstances,
        request: &DecisionRequest<'_>,
    ) -> Arc<Verdict> {
        let key = VerdictKey {
            principal: Arc::clone(principal),
            circumstances,
            facts: FactsByContent(Arc::clone(request.facts)),
            labels: self.labels_of(request).cloned(),
            access: Arc::clone(request.access),
        };
        if let Some(verdict) = self.verdicts.get(&key) {
            return verdict;
        }
        let assessment = Assessment::of(request.facts, request.database);
        let judged = self.judge(&assessment, request);
        let verdict = Arc::new(combine(&judged, &assessment, request));
        self.verdicts.insert(key, Arc::clone(&verdict));
        verdict
    }

    fn judge<'a>(&self, assessment: &Assessment, request: &DecisionRequest<'a>) -> Vec<(Member<'a>, Outcome)> {
        let judged = members(request).into_iter().map(|member| {
            let mut outcome = evaluate(&self.loaded, &member, assessment, request);
            access::apply(&mut outcome, &member, assessment, request);
            (member, outcome)
        });
        judged.collect()
    }
}
