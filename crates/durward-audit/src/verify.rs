//! Checking a ledger from its files alone: read-only, offline, also while a gateway writes to it.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use durward_model::SessionId;
use minicbor::Decode as _;
use serde::Serialize;

use crate::digest::DefinitionDigest;
use crate::error::LedgerError;
use crate::event::{Checkpoint, Definition, DefinitionKind, Event, SessionStarted};
use crate::ledger::check_version;
use crate::merkle::Hash;
use crate::note::{NoteError, TreeHead, VerifierKey, hexadecimal};
use crate::record;
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::store::Layout;
use crate::tree::{self, Comparison, Tree, TreeFiles};
use crate::verify::keys::KeyChain;
use crate::walk;

mod keys;

/// A checkpoint signs a state that lies at most so many events before it: more than a ledger lets wait.
const CHECKPOINT_DISTANCE_MAX: usize = 1 << 22;

/// What verifying found in a sound ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The ledger's id.
    pub ledger: String,
    /// The key that its last checkpoint is signed with.
    pub verifier_key: String,
    /// How often the key was changed.
    pub key_changes: u64,
    /// Whether that key was taken from the ledger's own directory, where whoever can change the log can change it too.
    pub key_from_ledger: bool,
    /// Events found, without gaps from 1.
    pub events: u64,
    /// How many of them the last checkpoint covers.
    pub signed_events: u64,
    /// How many are newer than that. None after a clean end; up to a second's worth while a gateway runs.
    pub unsigned_events: u64,
    /// When the last of the signed events was recorded, in microseconds since 1970-01-01 00:00 UTC.
    pub signed_time_microseconds: u64,
    /// When the last event was recorded, in microseconds since 1970-01-01 00:00 UTC.
    pub last_time_microseconds: u64,
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
    /// The last checkpoint: kept elsewhere, it later proves that nothing before it was changed.
    pub checkpoint: String,
}

/// What is wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read by this program.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
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
    /// The last checkpoint can't be believed.
    #[error("the checkpoint: {0}")]
    Head(NoteError),
    /// The checkpoint that was kept elsewhere can't be believed.
    #[error("the kept checkpoint: {0}")]
    Kept(NoteError),
    /// The notes by which keys handed over are not those that were recorded.
    #[error("{0} does not hold what was recorded about the keys")]
    KeyChanges(PathBuf),
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
    /// A record says what can't be, given those before it: it was changed, or one of them.
    #[error("{}: not what was written; event {last} says what can't be: {reason}", Events(*first, *last))]
    Meaning {
        /// The first event that no earlier signature vouches for.
        first: u64,
        /// The event that says so.
        last: u64,
        /// What can't be.
        reason: String,
    },
    /// The tree holds another hash than the events have: they or it were changed.
    #[error("{}: not what the tree holds; the record or the tree was changed", Events(*first, *last))]
    Tree {
        /// The first event under the hash.
        first: u64,
        /// The last event under the hash.
        last: u64,
    },
    /// The tree lacks what was signed.
    #[error("the tree lacks event {0} and what comes after it")]
    TreeMissing(u64),
    /// The tree holds more than the log.
    #[error("the tree's level {0} holds more than the log")]
    TreeOverlong(u32),
    /// The records are well formed, but they aren't those that were signed.
    #[error("{}: not what was signed; at least one record was changed", Events(*first, *last))]
    Changed {
        /// The first event that no earlier signature vouches for.
        first: u64,
        /// The last event that the signature covers.
        last: u64,
    },
    /// Events are missing at the end.
    #[error("the checkpoint covers {signed} events, and the log ends after event {found}: {} missing", Missing(found + 1, *signed))]
    Truncated {
        /// How many the checkpoint covers.
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

impl VerifyError {
    /// The first and the last of the events among which the first bad record is.
    pub const fn events(&self) -> Option<(u64, u64)> {
        match self {
            Self::SegmentHeader { event, .. } | Self::Record { event, .. } | Self::TreeMissing(event) => {
                Some((*event, *event))
            }
            Self::Tree { first, last } | Self::Changed { first, last } | Self::Meaning { first, last, .. } => {
                Some((*first, *last))
            }
            Self::Truncated { signed, found } => Some((*found + 1, *signed)),
            Self::Ledger(_)
            | Self::Io { .. }
            | Self::Key(_)
            | Self::Head(_)
            | Self::Kept(_)
            | Self::KeyChanges(_)
            | Self::SegmentMissing(_)
            | Self::TreeOverlong(_)
            | Self::OtherHistory { .. } => None,
        }
    }

    /// Whether the ledger couldn't be checked at all, rather than found to be changed.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Ledger(_) | Self::Key(_) | Self::Io { .. })
    }
}

/// A range of events in words.
struct Events(u64, u64);

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 {
            write!(f, "event {}", self.0)
        } else {
            write!(f, "events {} to {}", self.0, self.1)
        }
    }
}

/// A range of events that are missing.
struct Missing(u64, u64);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.0 == self.1 { "is" } else { "are" };
        write!(f, "{} {verb}", Events(self.0, self.1))
    }
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
    check_version(&layout)?;
    let (key, key_from_ledger) = match key {
        Some(key) => (key.clone(), false),
        None => (own_key(&layout)?, true),
    };
    // The checkpoint before the rest: whatever it covers was on disk before it was signed.
    let note = read_text(&layout.checkpoint())?;
    let head = TreeHead::read(&note).map_err(VerifyError::Head)?;
    match TreeHead::open(&note, &key) {
        // Perhaps the key was changed: the log says so.
        Ok(_) | Err(NoteError::OtherKey) => {}
        Err(error) => return Err(VerifyError::Head(error)),
    }
    let kept_head = kept.map(TreeHead::read).transpose().map_err(VerifyError::Kept)?;
    let files = TreeFiles::open(&layout.tree()).map_err(unreadable(layout.tree()))?;
    let mut check = Check::new(&layout, head, kept_head, files);
    let missing = check.comparison.first_missing().map_err(unreadable(layout.tree()))?;
    if let Some(event) = missing {
        return Err(VerifyError::TreeMissing(event));
    }
    let segments = layout.segment_numbers().map_err(unreadable(layout.segments()))?;
    for (expected, segment) in (1_u64..).zip(&segments) {
        if *segment != expected {
            return Err(VerifyError::SegmentMissing(expected));
        }
        check.segment(expected, Some(segment) == segments.last())?;
    }
    check.finish(&key, key_from_ledger, note, kept)
}

fn unreadable(path: PathBuf) -> impl Fn(io::Error) -> VerifyError {
    move |error| VerifyError::Io {
        path: path.clone(),
        error,
    }
}

fn own_key(layout: &Layout) -> Result<VerifierKey, VerifyError> {
    let path = layout.public_key();
    let text = read_text(&path)?;
    let key = VerifierKey::parse(&text).filter(|key| format!("{key}\n") == text);
    key.ok_or(VerifyError::Key(path))
}

fn read_text(path: &Path) -> Result<String, VerifyError> {
    fs::read_to_string(path).map_err(unreadable(path.into()))
}

/// What events of one segment may refer to.
#[derive(Default)]
struct Known {
    sessions: HashSet<SessionId>,
    definitions: HashSet<DefinitionDigest>,
}

struct Check<'a> {
    layout: &'a Layout,
    head: TreeHead,
    kept: Option<TreeHead>,
    /// The tree over all events passed, made from them alone.
    tree: Tree,
    /// The tree over those up to the last checkpoint, and the leaves after them.
    before: Tree,
    since: VecDeque<Hash>,
    comparison: Comparison,
    keys: KeyChain,
    /// The last signed state that was found right.
    vouched_events: u64,
    last_time: u64,
    signed_time: u64,
    torn_bytes: u64,
    segments: u64,
    checkpoints: u64,
    unclean_ends: u64,
    clock_steps_back: u64,
}

impl<'a> Check<'a> {
    fn new(layout: &'a Layout, head: TreeHead, kept: Option<TreeHead>, files: TreeFiles) -> Self {
        Self {
            layout,
            head,
            kept,
            tree: Tree::default(),
            before: Tree::default(),
            since: VecDeque::new(),
            comparison: Comparison::new(files, head.events),
            keys: KeyChain::default(),
            vouched_events: 0,
            last_time: 0,
            signed_time: 0,
            torn_bytes: 0,
            segments: 0,
            checkpoints: 0,
            unclean_ends: 0,
            clock_steps_back: 0,
        }
    }

    fn segment(&mut self, segment: u64, is_last: bool) -> Result<(), VerifyError> {
        let path = self.layout.segment(segment);
        let unreadable = unreadable(path.clone());
        let file = File::open(&path).map_err(&unreadable)?;
        let expected = SegmentHeader {
            ledger: self.head.ledger,
            segment,
            first_event: self.tree.size() + 1,
        };
        if SegmentHeader::read(&file).map_err(&unreadable)? != Some(expected) {
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
            let result = match reader.next().map_err(&unreadable)? {
                Step::Record(record) => self.record(record, &mut known),
                Step::End => return Ok(()),
                // A writer may be in the middle of it, or a crash was; before the checkpoint neither can be.
                Step::Incomplete if is_last && self.tree.size() >= self.head.events => {
                    let bytes = fs::metadata(&path).map_err(&unreadable)?.len();
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
                event: self.tree.size() + 1,
                segment,
                offset,
                reason,
            },
            Fault::Meaning(reason) => VerifyError::Meaning {
                first: self.vouched_events + 1,
                last: self.tree.size(),
                reason,
            },
            Fault::Tree { first, last } => VerifyError::Tree { first, last },
            Fault::TreeFiles(error) => VerifyError::Io {
                path: self.layout.tree(),
                error,
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
        let (start, leaf) = walk::pass(self.tree.size(), record).map_err(|misfit| Fault::Record(misfit.reason()))?;
        let comparison = &mut self.comparison;
        self.tree.push(leaf, |level, place, hash| {
            match comparison.agrees(level, place, hash).map_err(Fault::TreeFiles)? {
                true => Ok(()),
                false => Err(Fault::Tree {
                    first: tree::first_event(level, place),
                    last: tree::last_event(level, place),
                }),
            }
        })?;
        self.tree.forget_fresh();
        self.since.push_back(leaf);
        if self.since.len() > CHECKPOINT_DISTANCE_MAX {
            self.before.extend(self.since.pop_front());
            self.before.forget_fresh();
        }
        self.clock_steps_back += u64::from(start.time_microseconds < self.last_time);
        self.last_time = start.time_microseconds;
        let stored = record::decode(record).map_err(|error| Fault::Meaning(format!("it can't be read: {error}")))?;
        self.content(&stored.event, known)?;
        self.check_signed_states()
    }

    fn check_signed_states(&mut self) -> Result<(), Fault> {
        let events = self.tree.size();
        if let Some(kept) = self.kept.filter(|kept| kept.events == events)
            && kept.root != self.tree.root()
        {
            return Err(Fault::OtherHistory { events });
        }
        if self.head.events == events {
            if self.head.root != self.tree.root() {
                return Err(Fault::Changed { last: events });
            }
            self.vouched_events = events;
            self.signed_time = self.last_time;
            self.keys.sign_here();
        }
        Ok(())
    }

    fn content(&mut self, event: &Event, known: &mut Known) -> Result<(), Fault> {
        if self.keys.is_empty() && !matches!(event, Event::LedgerOpened(_)) {
            return Err(Fault::Meaning("a ledger begins otherwise".into()));
        }
        match event {
            Event::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Event::LedgerOpened(opened) => {
                self.unclean_ends += u64::from(opened.unclean);
                self.keys.opened(&opened.verifier_key).map_err(Fault::Meaning)
            }
            Event::KeyChanged(changed) => self.keys.changed(changed).map_err(Fault::Meaning),
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
            | Event::ApprovalMoved(_)
            | Event::LoginRefused(_)
            | Event::ProtocolViolation(_)
            | Event::Unknown { .. } => Ok(()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let head = self
            .keys
            .open(&checkpoint.note)
            .map_err(|error| Fault::Meaning(format!("its checkpoint: {error}")))?;
        // It can't sign itself, nor what an earlier one has signed.
        let passed = head
            .events
            .checked_sub(self.before.size())
            .and_then(|passed| usize::try_from(passed).ok())
            .filter(|passed| *passed < self.since.len());
        let Some(passed) = passed.filter(|_| head.events == checkpoint.events) else {
            return Err(Fault::Meaning("its checkpoint is of another place in the log".into()));
        };
        self.before.extend(self.since.drain(..passed));
        self.before.forget_fresh();
        if self.before.root() != head.root {
            return Err(Fault::Changed { last: head.events });
        }
        self.vouched_events = self.vouched_events.max(head.events);
        self.checkpoints += 1;
        Ok(())
    }

    fn finish(
        self,
        trusted: &VerifierKey,
        key_from_ledger: bool,
        note: String,
        kept: Option<&str>,
    ) -> Result<VerifyReport, VerifyError> {
        let found = self.tree.size();
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
        let overlong = self.comparison.overlong(found);
        if let Some(level) = overlong.map_err(unreadable(self.layout.tree()))? {
            return Err(VerifyError::TreeOverlong(level));
        }
        let verifier = self.keys.check_head(&note, trusted).map_err(VerifyError::Head)?;
        if let Some(kept) = kept {
            self.keys.open(kept).map_err(VerifyError::Kept)?;
        }
        let path = self.layout.key_changes();
        let noted = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(path)(error)),
        };
        if !self.keys.are_noted_in(&noted) {
            return Err(VerifyError::KeyChanges(path));
        }
        Ok(VerifyReport {
            ledger: hexadecimal(&self.head.ledger),
            verifier_key: verifier.to_string(),
            key_changes: self.keys.changes(),
            key_from_ledger,
            events: found,
            signed_events: self.vouched_events,
            unsigned_events: found - self.vouched_events,
            signed_time_microseconds: self.signed_time,
            last_time_microseconds: self.last_time,
            segments: self.segments,
            checkpoints: self.checkpoints,
            unclean_ends: self.unclean_ends,
            clock_steps_back: self.clock_steps_back,
            torn_bytes: self.torn_bytes,
            checkpoint: note,
        })
    }
}

/// What is wrong with a record, before it is said where.
enum Fault {
    /// The record itself doesn't fit in its place.
    Record(String),
    /// The record fits, and says what can't be.
    Meaning(String),
    /// The tree holds another hash.
    Tree { first: u64, last: u64 },
    /// The tree's files can't be read.
    TreeFiles(io::Error),
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
                .map_err(|error| Fault::Meaning(format!("its session can't be read: {error}")))?;
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
        Err(Fault::Meaning(format!("its session {session} is not known here")))
    }

    fn definition(&self, digest: Option<DefinitionDigest>) -> Result<(), Fault> {
        match digest {
            Some(digest) if !self.definitions.contains(&digest) => Err(Fault::Meaning(format!(
                "what it refers to ({digest}) is not defined here"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
