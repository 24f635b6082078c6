//! Checking a ledger from its files alone: read-only, offline, also while a gateway writes to it.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use durward_model::SessionId;
use minicbor::Decode as _;
use serde::Serialize;

use crate::digest::DefinitionDigest;
use crate::error::LedgerError;
use crate::event::{Checkpoint, Definition, DefinitionKind, Event, SessionStarted};
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::merkle::Hash;
use crate::note::{NoteError, TreeHead, VerifierKey, hexadecimal};
use crate::record;
use crate::retain::Retired;
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};
use crate::tree::{self, Comparison, Tree, TreeFiles};
use crate::verify::anchors::Anchors;
use crate::verify::keys::KeyChain;
use crate::walk;
use crate::witness::WitnessKey;

mod anchors;
mod error;
mod keys;

pub use error::VerifyError;

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
    /// Events that there are, without gaps from 1.
    pub events: u64,
    /// The first event whose record is at hand. Of those before it only hashes are, which stand under the checkpoint.
    pub first_event: u64,
    /// How many of those before it are in no archive, by what was recorded when they left.
    pub removed_events: u64,
    /// The archive that segments went to last.
    pub archive: Option<String>,
    /// How many of them the last checkpoint covers.
    pub signed_events: u64,
    /// How many are newer than that. None after a clean end; up to a second's worth while a gateway runs.
    pub unsigned_events: u64,
    /// When the last of the signed events was recorded, in microseconds since 1970-01-01 00:00 UTC.
    pub signed_time_microseconds: u64,
    /// When the last event was recorded, in microseconds since 1970-01-01 00:00 UTC.
    pub last_time_microseconds: u64,
    /// Segment files at hand.
    pub segments: u64,
    /// Checkpoint events, each with a right signature.
    pub checkpoints: u64,
    /// How often the writer ended without closing the ledger.
    pub unclean_ends: u64,
    /// How often an event's time is before that of the event before it.
    pub clock_steps_back: u64,
    /// Bytes of a record that isn't whole yet: being written just now, or left by a crash.
    pub torn_bytes: u64,
    /// How many checkpoints from outside were given.
    pub anchors: u64,
    /// How many events the last of them covers: nothing outside vouches for later ones.
    pub anchored_events: Option<u64>,
    /// When the last of those was recorded, in microseconds since 1970-01-01 00:00 UTC, where its record is at hand.
    pub anchored_time_microseconds: Option<u64>,
    /// For each witness asked for: its name, how many events it has last signed for, and when by its own clock, in seconds
    /// since 1970-01-01 00:00 UTC.
    pub witnessed: Vec<(String, u64, u64)>,
    /// The last checkpoint: kept elsewhere, it later proves that nothing before it was changed.
    pub checkpoint: String,
}

/// What a ledger is checked against, beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions<'a> {
    /// The public key; without it the one beside the log.
    pub key: Option<&'a VerifierKey>,
    /// Checkpoints of the ledger that were kept elsewhere; those of other ledgers among them are passed over.
    pub anchors: &'a [String],
    /// Witnesses of which one of the anchors must have a signature.
    pub witnesses: &'a [WitnessKey],
}

/// Checks a ledger against `key`, or against the public key beside it.
pub fn verify(files: impl Into<Layout>, key: Option<&VerifierKey>) -> Result<VerifyReport, VerifyError> {
    verify_since(files, key, None)
}

/// Checks a ledger, and that it still holds what `kept`, an earlier checkpoint, was signed for: this
/// finds a log that was rolled back or written anew by somebody who holds the key.
pub fn verify_since(
    files: impl Into<Layout>,
    key: Option<&VerifierKey>,
    kept: Option<&str>,
) -> Result<VerifyReport, VerifyError> {
    let anchors: Vec<String> = kept.map(str::to_owned).into_iter().collect();
    let options = VerifyOptions {
        key,
        anchors: &anchors,
        ..VerifyOptions::default()
    };
    verify_with(files, &options)
}

/// Checks a ledger against everything that somebody outside knows of it.
pub fn verify_with(files: impl Into<Layout>, options: &VerifyOptions<'_>) -> Result<VerifyReport, VerifyError> {
    let layout = files.into();
    let left = || fs::read(layout.retired()).ok();
    loop {
        let before = left();
        match verify_once(&layout, options) {
            // Segments may have left while they were about to be read.
            Err(VerifyError::SegmentMissing(_) | VerifyError::Io { .. }) if left() != before => {}
            result => return result,
        }
    }
}

fn verify_once(layout: &Layout, options: &VerifyOptions<'_>) -> Result<VerifyReport, VerifyError> {
    check_version(layout)?;
    let (key, key_from_ledger) = match options.key {
        Some(key) => (key.clone(), false),
        None => (own_key(layout)?, true),
    };
    // The checkpoint before the rest: whatever it covers was on disk before it was signed.
    let note = read_text(&layout.checkpoint())?;
    let head = TreeHead::read(&note).map_err(VerifyError::Head)?;
    match TreeHead::open(&note, &key) {
        // Perhaps the key was changed: the log says so.
        Ok(_) | Err(NoteError::OtherKey) => {}
        Err(error) => return Err(VerifyError::Head(error)),
    }
    let anchors = Anchors::read(options.anchors, &head.ledger)?;
    let files = TreeFiles::open(&layout.tree()).map_err(unreadable(layout.tree()))?;
    let retired = Retired::read(layout).map_err(|error| match error {
        LedgerError::Damaged(_) => VerifyError::Retired(layout.retired()),
        other => other.into(),
    })?;
    let mut check = Check::new(layout, head, anchors, files, retired);
    let missing = check.comparison.first_missing().map_err(unreadable(layout.tree()))?;
    if let Some(event) = missing {
        return Err(VerifyError::TreeMissing(event));
    }
    let segments = layout.segment_numbers().map_err(unreadable(layout.segments()))?;
    let first = check.skip_retired(segments.first().copied())?;
    for (expected, segment) in (first..).zip(&segments) {
        if *segment != expected {
            return Err(VerifyError::SegmentMissing(expected));
        }
        check.segment(expected, Some(segment) == segments.last())?;
    }
    check.finish(&key, key_from_ledger, note, options.witnesses)
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
    anchors: Anchors,
    /// The tree over all events passed, made from them alone.
    tree: Tree,
    /// The tree over those up to the last checkpoint, and the leaves after them.
    before: Tree,
    since: VecDeque<Hash>,
    comparison: Comparison,
    /// What has left, by the file that says so, and whether the log was found to say the same.
    retired: Option<Retired>,
    retired_is_recorded: bool,
    first_event: u64,
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
    fn new(layout: &'a Layout, head: TreeHead, anchors: Anchors, files: TreeFiles, retired: Option<Retired>) -> Self {
        Self {
            layout,
            head,
            anchors,
            tree: Tree::default(),
            before: Tree::default(),
            since: VecDeque::new(),
            comparison: Comparison::new(files, head.events),
            retired,
            retired_is_recorded: false,
            first_event: 1,
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

    /// Goes past what has left the ledger by the hashes in the tree's files. Returns the segment that must come next;
    /// `first` is the one that is at hand.
    fn skip_retired(&mut self, first: Option<u64>) -> Result<u64, VerifyError> {
        let missing = VerifyError::SegmentMissing;
        let first = first.ok_or(missing(1))?;
        if first <= 1 {
            return Ok(1);
        }
        let Some(retired) = self.retired.as_ref() else {
            return Err(missing(1));
        };
        if first > retired.body.segments.saturating_add(1) {
            return Err(missing(retired.body.segments.saturating_add(1)));
        }
        let path = self.layout.segment(first);
        let unreadable = unreadable(path.clone());
        let file = File::open(&path).map_err(&unreadable)?;
        let header = SegmentHeader::read(&file).map_err(&unreadable)?;
        let bad = VerifyError::SegmentHeader {
            segment: first,
            event: retired.body.events + 1,
        };
        let events = match header {
            Some(header) if header.segment == first && header.first_event > 1 => header.first_event - 1,
            _ => return Err(bad),
        };
        // Nothing leaves before it is signed.
        if events > retired.body.events || events >= self.head.events || retired.number > self.head.events {
            return Err(bad);
        }
        for key in retired.keys_until(events) {
            let name = VerifyError::Retired(self.layout.retired());
            self.keys.retired(key).map_err(|_| name)?;
        }
        self.first_event = events + 1;
        self.pass_hashes(events).map_err(|fault| self.name(fault, first, 0))?;
        self.before = self.tree.clone();
        Ok(first)
    }

    /// Grows the tree by the hashes in the files, up to `events`.
    fn pass_hashes(&mut self, events: u64) -> Result<(), Fault> {
        while self.tree.size() < events {
            let leaves = self
                .comparison
                .leaves(self.tree.size(), events)
                .map_err(Fault::TreeFiles)?;
            for leaf in leaves {
                self.grow(leaf)?;
                self.check_signed_states()?;
            }
        }
        Ok(())
    }

    /// Adds a leaf, and compares each hash that is now complete with the tree's files.
    fn grow(&mut self, leaf: Hash) -> Result<(), Fault> {
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
        Ok(())
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
        self.grow(leaf)?;
        self.since.push_back(leaf);
        if self.since.len() > CHECKPOINT_DISTANCE_MAX {
            self.before.extend(self.since.pop_front());
            self.before.forget_fresh();
        }
        self.clock_steps_back += u64::from(start.time_microseconds < self.last_time);
        self.last_time = start.time_microseconds;
        let stored = record::decode(record).map_err(|error| Fault::Meaning(format!("it can't be read: {error}")))?;
        if self
            .retired
            .as_ref()
            .is_some_and(|retired| retired.number == start.number)
        {
            self.retired_is_recorded = self.retired.as_ref().is_some_and(|retired| retired.record == record);
        }
        self.content(&stored.event, known)?;
        self.check_signed_states()
    }

    fn check_signed_states(&mut self) -> Result<(), Fault> {
        let events = self.tree.size();
        if !self.anchors.pass(events, self.last_time, || self.tree.root()) {
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
            Event::SegmentsRetired(_) => Ok(()),
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
            .open_recorded(&checkpoint.note)
            .map_err(|error| Fault::Meaning(format!("its checkpoint: {error}")))?;
        if head.events == checkpoint.events && head.events < self.first_event {
            // It signs events that have left.
            let root = self.comparison.root(head.events).map_err(Fault::TreeFiles)?;
            if root != head.root {
                return Err(Fault::Changed { last: head.events });
            }
            self.checkpoints += 1;
            return Ok(());
        }
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
        witnesses: &[WitnessKey],
    ) -> Result<VerifyReport, VerifyError> {
        let found = self.tree.size();
        if found < self.head.events {
            return Err(VerifyError::Truncated {
                signed: self.head.events,
                found,
            });
        }
        if let Some(events) = self.anchors.beyond() {
            return Err(VerifyError::OtherHistory {
                events,
                reason: "the log is shorter",
            });
        }
        let overlong = self.comparison.overlong(found);
        if let Some(level) = overlong.map_err(unreadable(self.layout.tree()))? {
            return Err(VerifyError::TreeOverlong(level));
        }
        if self.retired.is_some() && !self.retired_is_recorded {
            return Err(VerifyError::Retired(self.layout.retired()));
        }
        let verifier = self.keys.check_head(&note, trusted).map_err(VerifyError::Head)?;
        let witnessed = self.anchors.believe(&self.keys, witnesses)?;
        let anchored_time_microseconds = self.anchors.last_time();
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
            first_event: self.first_event,
            removed_events: self.retired.as_ref().map_or(0, |retired| retired.body.removed_events),
            archive: self.retired.and_then(|retired| retired.body.archive),
            signed_events: self.vouched_events,
            unsigned_events: found - self.vouched_events,
            signed_time_microseconds: self.signed_time,
            last_time_microseconds: self.last_time,
            segments: self.segments,
            checkpoints: self.checkpoints,
            unclean_ends: self.unclean_ends,
            clock_steps_back: self.clock_steps_back,
            torn_bytes: self.torn_bytes,
            anchors: self.anchors.count(),
            anchored_events: self.anchors.last_event(),
            anchored_time_microseconds,
            witnessed,
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
