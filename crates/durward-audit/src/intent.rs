//! What a caller hands in about statements, and the proof that it gets back.

use std::sync::Arc;

use durward_model::{Digest, Obligation, SessionId, StatementFacts, StatementId};

use crate::definition::LabelledColumn;
use crate::digest::KeyedDigest;
use crate::event::{EventNumber, Origin};

/// A statement that was permitted and is about to be forwarded.
///
/// Facts and normalized text are taken by their shared pointers: a pair that was recorded before costs one lookup.
#[derive(Debug, Clone, Copy)]
pub struct StatementIntentInput<'a> {
    /// The session; its [`SessionStarted`](crate::SessionStarted) must have been recorded.
    pub session: SessionId,
    /// The statement within the session.
    pub statement: StatementId,
    /// By which message it came.
    pub origin: Origin,
    /// What it touches.
    pub facts: &'a Arc<StatementFacts>,
    /// Its text without literals.
    pub normalized: &'a Arc<str>,
    /// The digest of its shape.
    pub shape: Digest,
    /// The rules that permitted it.
    pub rules: &'a [Arc<str>],
    /// The policy's version.
    pub policy_version: u64,
    /// What must be done along with it.
    pub obligations: &'a [Obligation],
    /// The labelled columns that it touches, and what becomes of each.
    pub labelled: &'a [LabelledColumn],
    /// Keyed digest of the exact text, from [`Ledger::keyed_digest`](crate::Ledger::keyed_digest).
    pub literals: KeyedDigest,
    /// Keyed digest of the parameters' exact bytes.
    pub parameters: Option<KeyedDigest>,
    /// What the client said that it is for.
    pub reason: Option<&'a str>,
    /// The client's trace id.
    pub trace: Option<&'a str>,
}

/// A statement that was refused. What isn't known because the statement wasn't understood is absent.
#[derive(Debug, Clone, Copy)]
pub struct StatementRefusedInput<'a> {
    /// The session; its [`SessionStarted`](crate::SessionStarted) must have been recorded.
    pub session: SessionId,
    /// The statement within the session.
    pub statement: StatementId,
    /// By which message it came.
    pub origin: Origin,
    /// What it touches, its text without literals and the digest of its shape.
    pub understood: Option<(&'a Arc<StatementFacts>, &'a Arc<str>, Digest)>,
    /// Every rule that took part, where policy decided.
    pub rules: &'a [Arc<str>],
    /// The policy's version, where policy decided.
    pub policy_version: Option<u64>,
    /// The labelled columns that it would touch.
    pub labelled: &'a [LabelledColumn],
    /// Keyed digest of the exact text.
    pub literals: Option<KeyedDigest>,
    /// Keyed digest of the parameters' exact bytes.
    pub parameters: Option<KeyedDigest>,
    /// What the client said that it is for.
    pub reason: Option<&'a str>,
    /// The client's trace id.
    pub trace: Option<&'a str>,
    /// The rule that refused (`Refusal::rule`).
    pub rule: &'a str,
    /// The code that the client is sent.
    pub sqlstate: &'a str,
    /// What the client is told; never a value.
    pub message: &'a str,
}

/// How safe an intent must be before its statement is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing runs by it: it is written along with the next event, or within 50 ms.
    Soon,
    /// It survives the death of this process at once, and of the machine within 50 ms.
    Process,
    /// It survives the death of the machine at once.
    Disk,
}

/// Proof that the intent of what `P` permits is in the ledger. Only [`Ledger`](crate::Ledger) makes it; forwarding
/// takes it by value.
#[derive(Debug)]
#[must_use = "a recorded permit that isn't spent is a statement that is never forwarded"]
pub struct Recorded<P> {
    permit: P,
    number: EventNumber,
}

impl<P> Recorded<P> {
    // INVARIANT: called only after the intent's bytes were handed to the operating system.
    pub(crate) const fn new(permit: P, number: EventNumber) -> Self {
        Self { permit, number }
    }

    /// The permit, to look at.
    pub const fn permit(&self) -> &P {
        &self.permit
    }

    /// The number of the intent, or of the last one of several.
    pub const fn number(&self) -> EventNumber {
        self.number
    }

    /// Spends the proof.
    pub fn spend(self) -> (P, EventNumber) {
        (self.permit, self.number)
    }
}
