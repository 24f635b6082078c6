//! The pure core: events to framed bytes, with their numbers, their hashes and the definitions that they need.
//!
//! No file and no clock is touched here: bytes gather in a buffer that the ledger writes.

use std::collections::VecDeque;
use std::sync::Arc;

use durward_model::{Digest, SessionId, StatementFacts};
use foldhash::{HashMap, HashSet};
use minicbor::Encode;

use crate::definition::{BasisInput, Shape};
use crate::digest::DefinitionDigest;
use crate::error::LedgerError;
use crate::event::{
    Definition, DefinitionKind, Event, EventNumber, SessionStarted, StatementIntent, StatementOutcome,
    StatementRefused, code,
};
use crate::intent::{StatementIntentInput, StatementRefusedInput};
use crate::merkle::Hash;
use crate::record::{self, RECORD_BYTES_MAX};
use crate::segment;

/// Shapes remembered by their pointers; each keeps its statement's facts and text alive.
const SHAPES_MAX: usize = 4096;
/// Bytes of text that remembered shapes may keep alive.
const SHAPES_TEXT_BYTES_MAX: usize = 8 << 20;
/// Bases remembered: rules times policy versions, so few.
const BASES_MAX: usize = 4096;
/// Definitions remembered as written in this segment. Past it some are written twice, which harms nothing.
const DEFINED_MAX: usize = 65_536;

/// A place to go back to when the rest of a batch can't be encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    bytes: usize,
    next: u64,
    leaves: usize,
}

/// A shape by the pointers of its parts. It owns them, so that the addresses stay theirs.
#[derive(Debug)]
struct KnownShape {
    _facts: Arc<StatementFacts>,
    _normalized: Arc<str>,
    digest: DefinitionDigest,
}

#[derive(Debug)]
struct OpenSession {
    /// The encoded [`SessionStarted`].
    content: Box<[u8]>,
    /// The segment in which the session was last made known.
    segment: u64,
}

/// Encodes events.
#[derive(Debug)]
pub(crate) struct Writer {
    next: u64,
    /// Hashes of the last leaves, which the tree doesn't have yet.
    leaves: VecDeque<Hash>,
    segment: u64,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    sessions: HashMap<SessionId, OpenSession>,
    shapes: HashMap<(usize, usize), KnownShape>,
    shapes_text_bytes: usize,
    bases: HashMap<Box<[u8]>, DefinitionDigest>,
    defined: HashSet<DefinitionDigest>,
}

impl Writer {
    /// Goes on after `events` events in segment `segment`.
    pub(crate) fn new(events: u64, segment: u64) -> Self {
        Self {
            next: events + 1,
            leaves: VecDeque::new(),
            segment,
            buffer: Vec::with_capacity(64 << 10),
            scratch: Vec::new(),
            sessions: HashMap::default(),
            shapes: HashMap::default(),
            shapes_text_bytes: 0,
            bases: HashMap::default(),
            defined: HashSet::default(),
        }
    }

    /// Events encoded so far.
    pub(crate) const fn events(&self) -> u64 {
        self.next - 1
    }

    /// How many leaves the tree doesn't have yet.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// Takes the hashes of leaves that the tree doesn't have yet, up to event `events`.
    pub(crate) fn take_leaves(&mut self, events: u64) -> VecDeque<Hash> {
        let later = usize::try_from(self.events().saturating_sub(events)).unwrap_or(usize::MAX);
        let kept = self.leaves.split_off(self.leaves.len().saturating_sub(later));
        std::mem::replace(&mut self.leaves, kept)
    }

    /// The segment that is written to.
    pub(crate) const fn segment(&self) -> u64 {
        self.segment
    }

    /// Bytes that await writing.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Forgets bytes that were written.
    pub(crate) fn clear_pending(&mut self) {
        self.buffer.clear();
    }

    /// Goes on in the next segment, which knows no definitions yet. Nothing may be pending.
    pub(crate) fn begin_segment(&mut self) {
        self.segment += 1;
        self.defined.clear();
    }

    /// Where the log stands now.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            bytes: self.buffer.len(),
            next: self.next,
            leaves: self.leaves.len(),
        }
    }

    /// Forgets everything encoded since `mark`.
    pub(crate) fn return_to(&mut self, mark: Mark) {
        self.buffer.truncate(mark.bytes);
        self.next = mark.next;
        self.leaves.truncate(mark.leaves);
        // Definitions may have gone with the bytes: they are written again when next needed.
        self.defined.clear();
        for session in self.sessions.values_mut() {
            session.segment = 0;
        }
    }

    /// Appends an event that stands for itself.
    pub(crate) fn append_event(&mut self, time: u64, event: &Event) -> Result<EventNumber, LedgerError> {
        let code = event.code();
        match event {
            Event::ConfigurationLoaded(body) => self.append(time, code, body),
            Event::PolicyChanged(body) => self.append(time, code, body),
            Event::IdentityChanged(body) => self.append(time, code, body),
            Event::Administration(body) => self.append(time, code, body),
            Event::LoginRefused(body) => self.append(time, code, body),
            Event::ProtocolViolation(body) => self.append(time, code, body),
            Event::SessionStarted(body) => self.append_session(time, body),
            Event::SessionEnded(body) => {
                self.make_known(time, body.session)?;
                let number = self.append(time, code, body)?;
                self.sessions.remove(&body.session);
                Ok(number)
            }
            Event::StatementOutcome(body) => self.append_outcome(time, body),
            Event::ApprovalMoved(body) => self.append(time, code, body),
            Event::LedgerOpened(body) => self.append(time, code, body),
            Event::KeyChanged(body) => self.append(time, code, body),
            Event::SegmentsRetired(body) => self.append(time, code, body),
            Event::Checkpoint(body) => self.append(time, code, body),
            Event::Definition(_) | Event::StatementIntent(_) | Event::StatementRefused(_) | Event::Unknown { .. } => {
                Err(LedgerError::NotRecordable)
            }
        }
    }

    /// Appends an outcome.
    pub(crate) fn append_outcome(&mut self, time: u64, body: &StatementOutcome) -> Result<EventNumber, LedgerError> {
        self.make_known(time, body.session)?;
        self.append(time, code::STATEMENT_OUTCOME, body)
    }

    /// Appends an intent, after whatever it refers to.
    pub(crate) fn append_intent(
        &mut self,
        time: u64,
        intent: &StatementIntentInput<'_>,
    ) -> Result<EventNumber, LedgerError> {
        self.make_known(time, intent.session)?;
        let shape = self.shape(time, intent.facts, intent.normalized, intent.shape)?;
        let basis = self.basis(
            time,
            &BasisInput {
                rules: intent.rules,
                policy_version: Some(intent.policy_version),
                obligations: intent.obligations,
                labelled: intent.labelled,
                reason: intent.reason,
            },
        )?;
        self.append(
            time,
            code::STATEMENT_INTENT,
            &StatementIntent {
                session: intent.session,
                statement: intent.statement,
                origin: intent.origin,
                shape,
                basis,
                literals: intent.literals,
                parameters: intent.parameters,
                trace: intent.trace.map(String::from),
            },
        )
    }

    /// Appends a refusal, after whatever it refers to.
    pub(crate) fn append_refusal(
        &mut self,
        time: u64,
        refused: &StatementRefusedInput<'_>,
    ) -> Result<EventNumber, LedgerError> {
        self.make_known(time, refused.session)?;
        let shape = match refused.understood {
            Some((facts, normalized, shape)) => Some(self.shape(time, facts, normalized, shape)?),
            None => None,
        };
        let basis = if refused.rules.is_empty() && refused.policy_version.is_none() && refused.labelled.is_empty() {
            None
        } else {
            let basis = BasisInput {
                rules: refused.rules,
                policy_version: refused.policy_version,
                obligations: &[],
                labelled: refused.labelled,
                reason: refused.reason,
            };
            Some(self.basis(time, &basis)?)
        };
        self.append(
            time,
            code::STATEMENT_REFUSED,
            &StatementRefused {
                session: refused.session,
                statement: refused.statement,
                origin: refused.origin,
                shape,
                basis,
                literals: refused.literals,
                parameters: refused.parameters,
                trace: refused.trace.map(String::from),
                rule: refused.rule.into(),
                sqlstate: refused.sqlstate.into(),
                message: refused.message.into(),
            },
        )
    }

    fn append_session(&mut self, time: u64, body: &SessionStarted) -> Result<EventNumber, LedgerError> {
        let content = encode_alone(body)?.into_boxed_slice();
        let number = self.append(time, code::SESSION_STARTED, body)?;
        let segment = self.segment;
        self.sessions.insert(body.session, OpenSession { content, segment });
        Ok(number)
    }

    /// Sees to it that this segment says who is behind `session`.
    fn make_known(&mut self, time: u64, session: SessionId) -> Result<(), LedgerError> {
        let segment = self.segment;
        let open = self
            .sessions
            .get_mut(&session)
            .ok_or(LedgerError::UnknownSession(session))?;
        if open.segment == segment {
            return Ok(());
        }
        open.segment = segment;
        let definition = Definition {
            kind: DefinitionKind::Session,
            content: open.content.to_vec(),
        };
        self.append(time, code::DEFINITION, &definition).map(drop)
    }

    fn shape(
        &mut self,
        time: u64,
        facts: &Arc<StatementFacts>,
        normalized: &Arc<str>,
        shape: Digest,
    ) -> Result<DefinitionDigest, LedgerError> {
        let pointers = (Arc::as_ptr(facts).addr(), Arc::as_ptr(normalized).addr());
        let known = self.shapes.get(&pointers).map(|known| known.digest);
        if let Some(digest) = known.filter(|digest| self.defined.contains(digest)) {
            return Ok(digest);
        }
        let content = encode_alone(&Shape::new(facts, normalized, shape))?;
        let digest = DefinitionDigest::of(DefinitionKind::Shape, &content);
        self.define(time, DefinitionKind::Shape, digest, content)?;
        if known.is_none() {
            self.shapes_text_bytes += normalized.len();
            if self.shapes.len() >= SHAPES_MAX || self.shapes_text_bytes > SHAPES_TEXT_BYTES_MAX {
                self.shapes.clear();
                self.shapes_text_bytes = normalized.len();
            }
            let known = KnownShape {
                _facts: Arc::clone(facts),
                _normalized: Arc::clone(normalized),
                digest,
            };
            self.shapes.insert(pointers, known);
        }
        Ok(digest)
    }

    fn basis(&mut self, time: u64, basis: &BasisInput<'_>) -> Result<DefinitionDigest, LedgerError> {
        self.scratch.clear();
        encode_into(&mut self.scratch, basis)?;
        let known = self.bases.get(self.scratch.as_slice()).copied();
        if let Some(digest) = known.filter(|digest| self.defined.contains(digest)) {
            return Ok(digest);
        }
        let content = self.scratch.clone();
        let digest = DefinitionDigest::of(DefinitionKind::Basis, &content);
        if self.bases.len() >= BASES_MAX {
            self.bases.clear();
        }
        self.bases.insert(content.clone().into_boxed_slice(), digest);
        self.define(time, DefinitionKind::Basis, digest, content)?;
        Ok(digest)
    }

    fn define(
        &mut self,
        time: u64,
        kind: DefinitionKind,
        digest: DefinitionDigest,
        content: Vec<u8>,
    ) -> Result<(), LedgerError> {
        if self.defined.contains(&digest) {
            return Ok(());
        }
        self.append(time, code::DEFINITION, &Definition { kind, content })?;
        if self.defined.len() >= DEFINED_MAX {
            self.defined.clear();
        }
        self.defined.insert(digest);
        Ok(())
    }

    fn append<T: Encode<()>>(&mut self, time: u64, code: u8, body: &T) -> Result<EventNumber, LedgerError> {
        let start = segment::begin_frame(&mut self.buffer);
        let Ok(()) = record::encode(&mut self.buffer, code, self.next, time, body) else {
            self.buffer.truncate(start);
            return Err(LedgerError::NotRecordable);
        };
        let Some(record) = segment::end_frame(&mut self.buffer, start) else {
            self.buffer.truncate(start);
            return Err(LedgerError::TooLarge {
                bytes_max: RECORD_BYTES_MAX,
            });
        };
        // The hash is of what is in memory: a disk that gives back something else later is found out.
        self.leaves.push_back(record::leaf_hash(record));
        let number = EventNumber(self.next);
        self.next += 1;
        Ok(number)
    }
}

fn encode_alone<T: Encode<()>>(value: &T) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, value)?;
    Ok(bytes)
}

fn encode_into<T: Encode<()>>(bytes: &mut Vec<u8>, value: &T) -> Result<(), LedgerError> {
    // A vector takes every byte, and the encoders raise no error of their own.
    minicbor::encode(value, bytes).map_err(|_| LedgerError::NotRecordable)
}
