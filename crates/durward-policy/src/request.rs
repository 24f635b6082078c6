use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{Oid, Principal, StatementFacts};

use crate::{AccessGrant, DatabaseContext};

/// Everything that a decision rests on, apart from the policy itself.
#[derive(Debug, Clone, Copy)]
pub struct DecisionRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Where: the database with its tags and marks.
    pub database: &'a DatabaseContext,
    /// What the statement touches.
    pub facts: &'a Arc<StatementFacts>,
    /// When and how.
    pub session: &'a SessionContext,
    /// What the columns that it touches hold. Without it, everything is refused as soon as any policy asks for labels.
    pub labels: Option<&'a Arc<LabelUse>>,
    /// The access that stands now for members of the chain on this database. Labels are lifted only where `labels` is known.
    pub access: &'a Arc<[AccessGrant]>,
}

/// The labels of the columns that a statement touches, in words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LabelUse {
    /// Of columns that are read.
    pub read: BTreeSet<Arc<str>>,
    /// Of columns that are written.
    pub written: BTreeSet<Arc<str>>,
    /// The relations whose labelled columns are read.
    pub relations: BTreeSet<Oid>,
}

/// What policy may know about the session, beyond who is at its other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionContext {
    /// Seconds since 1970-01-01 00:00 UTC. Without it, everything is refused as soon as any policy asks for the time.
    pub now_unix_seconds: Option<i64>,
    /// Whether the client's connection is encrypted.
    pub encrypted: bool,
}

impl SessionContext {
    /// Whole hours since the epoch: all that policy sees of the time, so that verdicts can be cached.
    pub(crate) fn hour(&self) -> Option<i64> {
        self.now_unix_seconds.map(|seconds| seconds.div_euclid(3600))
    }
}
