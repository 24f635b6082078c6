//! Checking a ledger from its files alone: read-only, offline, also while a gateway writes to it.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use durward_model::SessionId;
use minicbor::Decode as _;
use serde::Serialize;

use crate::digest::DefinitionDigest;
use crate::event::{Checkpoint, Definition, DefinitionKind, Event, SessionStarted};
use crate::note::{NoteBody, NoteError, VerifierKey, hexadecimal};
use crate::record::{self, ChainValue};
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::store::Layout;
use crate::walk::{Misfit, Position};

/// A checkpoint signs a state that lies at most so many events before it.
const CHECKPOINT_DISTANCE_MAX: usize = 1 << 20;

/// What verifying found in a sound ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The ledger's id.
    pub ledger: String,
    /// The key that its head is signed with.
    pub verifier_key: String,
    /// Whether that key was taken from the ledger's own directory, where whoever can change the log can change it too.
    pub key_from_ledger: bool,
    /// Events found, without gaps from 1.
    pub events: u64,
    /// How many of them a signature covers.
    pub signed_events: u64,
    /// How many are newer than that. None after a clean end; up to a second's worth while a gateway runs.
    pub unsigned_events: u64,
    /// When the head was signed, in microseconds since 1970-01-01 00:00 UTC.
    pub signed_time_microseconds: u64,
    /// Segment files.
    pub segments: u64,
    /// Checkpoint events, each with a right signature.
    pub checkpoints: u64,
    /// How often the writer ended without closing the ledger.
    pub unclean_ends: u64,
    /// How often an event's time is before that of the event before it.
    pub clock_steps_back: u64,
    /// Bytes of a record that isn't whole yet: being written just now, or left by a crash.
    pub torn_bytes: u64,
    /// The signed head: kept elsewhere, it later proves that nothing before it was changed.
    pub head: String,
}

/// What is wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file can't be read.
    #[error("read {path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The public key isn't one.
    #[error("{0} is not a verifier key")]
    Key(PathBuf),
    /// The signed head can't be believed.
    #[error("the signed head: {0}")]
    Head(NoteError),
    /// A segment file is missing.
    #[error("segment {0} is missing")]
    SegmentMissing(u64),
    /// A segment doesn't say that it follows on the one before it.
    #[error("segment {segment}, which begins with event {event}, does not follow on what stands before it")]
    SegmentHeader {
        /// Which.
        segment: u64,
        /// The first event that it should hold.
        event: u64,
    },
    /// A record isn't what was written.
    #[error("event {event} (segment {segment}, byte {offset}): {reason}")]
    Record {
        /// The first bad record, by the number that it should have.
        event: u64,
        /// The segment that it is in.
        segment: u64,
        /// Where its frame starts.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The records are well formed, but they aren't those that were signed.
    #[error("events {first} to {last} are not what was signed: at least one of them was changed")]
    Changed {
        /// The first event that no earlier signature vouches for.
        first: u64,
        /// The last event that the signature covers.
        last: u64,
    },
    /// Events are missing at the end.
    #[error("the signed head covers {signed} events, and the log ends after event {found}: events {} to {signed} are missing", found + 1)]
    Truncated {
        /// How many the head covers.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// A checkpoint that was kept elsewhere doesn't fit this log.
    #[error("the log is not the one that the kept checkpoint of {events} events was signed for: {reason}")]
    OtherHistory {
        /// How many events the checkpoint covers.
        events: u64,
        /// What doesn't fit.
        reason: &'static str,
    },
}

/// Checks the ledger in `directory` against `key`, or against the public key beside it.
pub fn verify(directory: &Path, key: Option<&VerifierKey>) -> Result<VerifyReport, VerifyError> {
    verify_since(directory, key, None)
}

/// Checks the ledger in `directory`, and that it still holds what `kept`, an earlier checkpoint, was signed for: this
/// finds a log that was rolled back or written anew by somebody who holds the key.
pub fn verify_since(
    directory: &Path,
    key: Option<&VerifierKey>,
    kept: Option<&str>,
) -> Result<VerifyReport, VerifyError> {
    let layout = Layout::new(directory);
    let (key, key_from_ledger) = match key {
        Some(key) => (key.clone(), false),
        None => (own_key(&layout)?, true),
    };
    // The head before the segments: whatever it covers was on disk before it was signed.
    let head_note = read_text(&layout.head())?;
    let head = NoteBody::open(&head_note, &key).map_err(VerifyError::Head)?;
    let kept = kept
        .map(|note| NoteBody::open(note, &key))
        .transpose()
        .map_err(VerifyError::Head)?;
    let mut check = Check::new(&layout, &key, head, kept);
    let segments = layout.segment_numbers().map_err(|error| VerifyError::Io {
        path: layout.segments(),
        error,
    })?;
    for (expected, segment) in (1_u64..).zip(&segments) {
        if *segment != expected {
            return Err(VerifyError::SegmentMissing(expected));
        }
        check.segment(expected, Some(segment) == segments.last())?;
    }
    check.finish(head_note, key_from_ledger)
}

fn own_key(layout: &Layout) -> Result<VerifierKey, VerifyError> {
    let path = layout.public_key();
    VerifierKey::parse(&read_text(&path)?).ok_or(VerifyError::Key(path))
}

fn read_text(path: &Path) -> Result<String, VerifyError> {
    fs::read_to_string(path).map_err(|error| VerifyError::Io {
        path: path.into(),
        error,
    })
}

/// What events of one segment may refer to.
#[derive(Default)]
struct Known {
    sessions: HashSet<SessionId>,
    definitions: HashSet<DefinitionDigest>,
}

struct Check<'a> {
    layout: &'a Layout,
    key: &'a VerifierKey,
    head: NoteBody,
    kept: Option<NoteBody>,
    position: Position,
    /// The chain's values after the last events, the newest last.
    recent: VecDeque<ChainValue>,
    /// The last signed state that was found right.
    vouched_events: u64,
    last_time: u64,
    torn_bytes: u64,
    segments: u64,
    checkpoints: u64,
    unclean_ends: u64,
    clock_steps_back: u64,
}

impl<'a> Check<'a> {
    fn new(layout: &'a Layout, key: &'a VerifierKey, head: NoteBody, kept: Option<NoteBody>) -> Self {
        let chain = record::chain_start(&head.ledger);
        Self {
            layout,
            key,
            head,
            kept,
            position: Position { events: 0, chain },
            recent: VecDeque::from([chain]),
            vouched_events: 0,
            last_time: 0,
            torn_bytes: 0,
            segments: 0,
            checkpoints: 0,
            unclean_ends: 0,
            clock_steps_back: 0,
        }
    }

    fn segment(&mut self, segment: u64, is_last: bool) -> Result<(), VerifyError> {
        let path = self.layout.segment(segment);
        let unreadable = |error| VerifyError::Io {
            path: path.clone(),
            error,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let expected = SegmentHeader {
            ledger: self.head.ledger,
            segment,
            first_event: self.position.events + 1,
            chain: self.position.chain,
        };
        if SegmentHeader::read(&file).map_err(unreadable)? != Some(expected) {
            return Err(VerifyError::SegmentHeader {
                segment,
                event: expected.first_event,
            });
        }
        self.segments += 1;
        let mut known = Known::default();
        let mut reader = SegmentReader::new(file, u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX));
        loop {
            let offset = reader.offset();
            let result = match reader.next().map_err(unreadable)? {
                Step::Record(record) => self.record(record, &mut known),
                Step::End => return Ok(()),
                // A writer may be in the middle of it, or a crash was; before the signed head neither can be.
                Step::Incomplete if is_last && self.position.events >= self.head.events => {
                    let bytes = fs::metadata(&path).map_err(unreadable)?.len();
                    self.torn_bytes = bytes.saturating_sub(offset);
                    return Ok(());
                }
                Step::Incomplete => Err(Fault::Record("the file ends within it".into())),
                Step::Bad { end: Some(_) } => Err(Fault::Record("its checksum is wrong".into())),
                Step::Bad { end: None } => Err(Fault::Record("its length can't be".into())),
            };
            result.map_err(|fault| self.name(fault, segment, offset))?;
        }
    }

    fn name(&self, fault: Fault, segment: u64, offset: u64) -> VerifyError {
        match fault {
            Fault::Record(reason) => VerifyError::Record {
                event: self.position.events + 1,
                segment,
                offset,
                reason,
            },
            Fault::Content(reason) => VerifyError::Record {
                event: self.position.events,
                segment,
                offset,
                reason,
            },
            Fault::Changed { last } => VerifyError::Changed {
                first: self.vouched_events + 1,
                last,
            },
            Fault::OtherHistory { events } => VerifyError::OtherHistory {
                events,
                reason: "the events differ",
            },
        }
    }

    fn record(&mut self, record: &[u8], known: &mut Known) -> Result<(), Fault> {
        let start = self.position.pass(record).map_err(|misfit| {
            Fault::Record(match misfit {
                Misfit::Form(error) => format!("it is no record: {error}"),
                Misfit::Number(number) => format!("event {number} stands in its place"),
            })
        })?;
        if self.recent.len() >= CHECKPOINT_DISTANCE_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(self.position.chain);
        self.clock_steps_back += u64::from(start.time_microseconds < self.last_time);
        self.last_time = start.time_microseconds;
        self.check_signed_states()?;
        let stored = record::decode(record).map_err(|error| Fault::Content(format!("it can't be read: {error}")))?;
        self.content(&stored.event, known)
    }

    fn check_signed_states(&mut self) -> Result<(), Fault> {
        let Position { events, chain } = self.position;
        if let Some(kept) = self.kept.filter(|kept| kept.events == events && kept.chain != chain) {
            return Err(Fault::OtherHistory { events: kept.events });
        }
        if self.head.events == events {
            if self.head.chain != chain {
                return Err(Fault::Changed { last: events });
            }
            self.vouched_events = events;
        }
        Ok(())
    }

    fn content(&mut self, event: &Event, known: &mut Known) -> Result<(), Fault> {
        match event {
            Event::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Event::LedgerOpened(opened) => {
                self.unclean_ends += u64::from(opened.unclean);
                Ok(())
            }
            Event::Definition(definition) => define(definition, known),
            Event::SessionStarted(started) => {
                known.sessions.insert(started.session);
                Ok(())
            }
            Event::SessionEnded(ended) => known.session(ended.session),
            Event::StatementOutcome(outcome) => known.session(outcome.session),
            Event::StatementIntent(intent) => {
                known.session(intent.session)?;
                known.definition(Some(intent.shape))?;
                known.definition(Some(intent.basis))
            }
            Event::StatementRefused(refused) => {
                known.session(refused.session)?;
                known.definition(refused.shape)?;
                known.definition(refused.basis)
            }
            Event::ConfigurationLoaded(_)
            | Event::PolicyChanged(_)
            | Event::IdentityChanged(_)
            | Event::Administration(_)
            | Event::LoginRefused(_)
            | Event::ProtocolViolation(_)
            | Event::Unknown { .. } => Ok(()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let body = NoteBody::open(&checkpoint.note, self.key)
            .map_err(|error| Fault::Content(format!("its checkpoint: {error}")))?;
        // `recent` ends with the value after this very event.
        let back = self
            .position
            .events
            .checked_sub(body.events)
            .and_then(|back| usize::try_from(back).ok());
        let signed_chain = back
            .and_then(|back| self.recent.len().checked_sub(back + 1))
            .and_then(|place| self.recent.get(place));
        if body.events != checkpoint.events || signed_chain.is_none() {
            return Err(Fault::Content("its checkpoint is of another place in the log".into()));
        }
        if signed_chain != Some(&body.chain) {
            return Err(Fault::Changed { last: body.events });
        }
        self.vouched_events = self.vouched_events.max(body.events);
        self.checkpoints += 1;
        Ok(())
    }

    fn finish(self, head: String, key_from_ledger: bool) -> Result<VerifyReport, VerifyError> {
        let found = self.position.events;
        if found < self.head.events {
            return Err(VerifyError::Truncated {
                signed: self.head.events,
                found,
            });
        }
        if let Some(kept) = self.kept.filter(|kept| kept.events > found) {
            return Err(VerifyError::OtherHistory {
                events: kept.events,
                reason: "the log is shorter",
            });
        }
        Ok(VerifyReport {
            ledger: hexadecimal(&self.head.ledger),
            verifier_key: self.key.to_string(),
            key_from_ledger,
            events: found,
            signed_events: self.vouched_events,
            unsigned_events: found - self.vouched_events,
            signed_time_microseconds: self.head.time_microseconds,
            segments: self.segments,
            checkpoints: self.checkpoints,
            unclean_ends: self.unclean_ends,
            clock_steps_back: self.clock_steps_back,
            torn_bytes: self.torn_bytes,
            head,
        })
    }
}

/// What is wrong with a record, before it is said where.
enum Fault {
    /// The record itself doesn't fit in its place.
    Record(String),
    /// The record fits, and says what can't be.
    Content(String),
    /// A signature doesn't cover what stands here.
    Changed { last: u64 },
    /// The kept checkpoint doesn't.
    OtherHistory { events: u64 },
}

fn define(definition: &Definition, known: &mut Known) -> Result<(), Fault> {
    match definition.kind {
        DefinitionKind::Session => {
            let mut decoder = minicbor::Decoder::new(&definition.content);
            let started = SessionStarted::decode(&mut decoder, &mut ())
                .map_err(|error| Fault::Content(format!("its session can't be read: {error}")))?;
            known.sessions.insert(started.session);
        }
        DefinitionKind::Shape | DefinitionKind::Basis => {
            known
                .definitions
                .insert(DefinitionDigest::of(definition.kind, &definition.content));
        }
    }
    Ok(())
}

impl Known {
    fn session(&self, session: SessionId) -> Result<(), Fault> {
        if self.sessions.contains(&session) {
            return Ok(());
        }
        Err(Fault::Content(format!("its session {session} is not known here")))
    }

    fn definition(&self, digest: Option<DefinitionDigest>) -> Result<(), Fault> {
        match digest {
            Some(digest) if !self.definitions.contains(&digest) => Err(Fault::Content(format!(
                "what it refers to ({digest}) is not defined here"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
