//! Proofs that one event is in the log: made from the store, checked without it.
//!
//! A proof holds the event's record and the records that it refers to, each with its path to the root that the
//! checkpoint signs. What it says is read from the records alone; its readable part is there for people, and must agree.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use durward_model::SessionId;
use minicbor::Decode as _;
use serde::{Deserialize, Serialize};

use crate::digest::DefinitionDigest;
use crate::error::LedgerError;
use crate::event::{DefinitionKind, Event, EventNumber, SessionStarted, code};
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::merkle::{self, Hash};
use crate::note::{NoteError, TreeHead, VerifierKey, hexadecimal, open_key_change};
use crate::record::{self, StoredEvent};
use crate::resolve::{Resolver, ShownEvent};
use crate::tail::{Found, LogReader, header, segment_of};
use crate::tree::TreeFiles;

/// What the proofs of this version call themselves.
const FORMAT: &str = "durward-proof/1";

/// A proof that an event is in the log, as written to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Names this form.
    pub format: String,
    /// The event in readable form. Nothing rests on it.
    pub event: serde_json::Value,
    /// The event's record, then those that it refers to: who is behind its session, what its statement is, and why it
    /// was decided as it was.
    pub records: Vec<ProvedRecord>,
    /// The checkpoint whose tree holds them.
    pub checkpoint: String,
    /// The notes by which earlier keys handed over, so that a key from before a change suffices.
    pub key_changes: Vec<String>,
}

/// A record with its path to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedRecord {
    /// The event's number. Its leaf has the index before it.
    pub number: u64,
    /// The canonical bytes in base64.
    pub record: String,
    /// The inclusion proof (RFC 9162 section 2.1.3): hashes in base64, the nearest to the leaf first.
    pub path: Vec<String>,
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProvedEvent {
    /// The event, read from the proved records.
    pub event: ShownEvent,
    /// The ledger's id.
    pub ledger: String,
    /// How many events the checkpoint covers.
    pub checkpoint_events: u64,
    /// The key that signed the checkpoint.
    pub verifier_key: String,
}

/// Why a proof can't be made, or proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no such event.
    #[error("there is no event {0}")]
    NoEvent(u64),
    /// The event is too new to be signed.
    #[error("event {event} is newer than the last checkpoint, which covers {signed} events; ask again in a second")]
    NotSigned {
        /// The event.
        event: u64,
        /// How many events are signed.
        signed: u64,
    },
    /// It isn't a proof.
    #[error("this is not a proof that this program reads: {0}")]
    Form(String),
    /// The checkpoint can't be believed.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    /// A record isn't in the signed tree.
    #[error("event {0} is not in the tree that was signed")]
    NotIncluded(u64),
    /// The readable part says something else than the records.
    #[error("the readable part is not what the record says: {0}")]
    Readable(String),
}

impl ProofError {
    /// Whether there was nothing to judge, rather than a proof that proves nothing.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Ledger(_) | Self::NoEvent(_) | Self::NotSigned { .. })
    }
}

/// Proves that event `number` is in a ledger. Works while a gateway writes to it.
pub fn prove(files: impl Into<Layout>, number: EventNumber) -> Result<Proof, ProofError> {
    let layout = files.into();
    check_version(&layout)?;
    let path = layout.checkpoint();
    let checkpoint = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error))?;
    let key_changes = split_notes(&fs::read_to_string(layout.key_changes()).unwrap_or_default());
    prove_under(&layout, number, checkpoint, key_changes)
}

/// Proves that event `number` is under `checkpoint`, which may be an earlier one of the same log.
pub(crate) fn prove_under(
    layout: &Layout,
    number: EventNumber,
    checkpoint: String,
    key_changes: Vec<String>,
) -> Result<Proof, ProofError> {
    let head = TreeHead::read(&checkpoint)?;
    if number.0 == 0 {
        return Err(ProofError::NoEvent(0));
    }
    if number.0 > head.events {
        return Err(ProofError::NotSigned {
            event: number.0,
            signed: head.events,
        });
    }
    let unreadable = |error| LedgerError::io("read", layout.tree(), &error);
    let files = TreeFiles::open(&layout.tree()).map_err(unreadable)?;
    let records = collect(layout, number.0)?
        .into_iter()
        .map(|(number, bytes)| {
            let path = merkle::inclusion_path(&files, number - 1, head.events).map_err(unreadable)?;
            Ok(ProvedRecord {
                number,
                record: BASE64.encode(bytes),
                path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
            })
        })
        .collect::<Result<Vec<_>, ProofError>>()?;
    let mut proof = Proof {
        format: FORMAT.into(),
        event: serde_json::Value::Null,
        records,
        checkpoint,
        key_changes,
    };
    let shown = read_records(&proof, &head)?;
    proof.event = readable(&shown)?;
    Ok(proof)
}

/// Checks a proof against a key that the caller trusts. Reads nothing but what it is given.
pub fn verify_proof(proof: &Proof, trusted: &VerifierKey) -> Result<ProvedEvent, ProofError> {
    if proof.format != FORMAT {
        return Err(ProofError::Form(format!("its format is {:?}", proof.format)));
    }
    let (head, verifier) = open_checkpoint(&proof.checkpoint, trusted, &proof.key_changes)?;
    let event = read_records(proof, &head)?;
    agrees(&proof.event, &readable(&event)?, "event").map_err(ProofError::Readable)?;
    Ok(ProvedEvent {
        event,
        ledger: hexadecimal(&head.ledger),
        checkpoint_events: head.events,
        verifier_key: verifier.to_string(),
    })
}

/// Opens a checkpoint that `trusted` has signed, or a key that it handed over to, by way of others perhaps.
pub(crate) fn open_checkpoint(
    checkpoint: &str,
    trusted: &VerifierKey,
    key_changes: &[String],
) -> Result<(TreeHead, VerifierKey), NoteError> {
    let mut key = trusted.clone();
    let mut changes = key_changes.iter();
    loop {
        match TreeHead::open(checkpoint, &key) {
            Ok(head) => return Ok((head, key)),
            Err(NoteError::OtherKey) => {}
            Err(error) => return Err(error),
        }
        // The notes stand in the order of the changes.
        let next = changes.find_map(|note| open_key_change(note, &key).ok());
        key = next.ok_or(NoteError::OtherKey)?;
    }
}

/// The notes of the file of key changes.
pub(crate) fn split_notes(text: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut signed = true;
    for line in text.split_inclusive('\n') {
        let is_signature = line.starts_with('\u{2014}');
        match notes.last_mut() {
            Some(note) if is_signature || !signed => note.push_str(line),
            _ => notes.push(line.into()),
        }
        signed = is_signature;
    }
    notes
}

/// What an event refers to.
#[derive(Default)]
struct References {
    session: Option<SessionId>,
    definitions: Vec<DefinitionDigest>,
}

impl References {
    fn of(event: &Event) -> Self {
        let (session, definitions) = match event {
            Event::SessionEnded(ended) => (Some(ended.session), Vec::new()),
            Event::StatementOutcome(outcome) => (Some(outcome.session), Vec::new()),
            Event::ProtocolViolation(violation) => (violation.session, Vec::new()),
            Event::StatementIntent(intent) => (Some(intent.session), vec![intent.shape, intent.basis]),
            Event::StatementRefused(refused) => (
                Some(refused.session),
                [refused.shape, refused.basis].into_iter().flatten().collect(),
            ),
            Event::LedgerOpened(_)
            | Event::Checkpoint(_)
            | Event::KeyChanged(_)
            | Event::SegmentsRetired(_)
            | Event::Definition(_)
            | Event::ConfigurationLoaded(_)
            | Event::PolicyChanged(_)
            | Event::IdentityChanged(_)
            | Event::Administration(_)
            | Event::ApprovalMoved(_)
            | Event::SessionStarted(_)
            | Event::LoginRefused(_)
            | Event::Unknown { .. } => (None, Vec::new()),
        };
        Self { session, definitions }
    }

    /// Which of them, by a place of its own, an event defines.
    fn defined_by(&self, event: &Event) -> Option<usize> {
        let session = |session| (self.session == Some(session)).then_some(0);
        match event {
            Event::SessionStarted(started) => session(started.session),
            Event::Definition(definition) if definition.kind == DefinitionKind::Session => {
                let mut decoder = minicbor::Decoder::new(&definition.content);
                session(SessionStarted::decode(&mut decoder, &mut ()).ok()?.session)
            }
            Event::Definition(definition) => {
                let digest = DefinitionDigest::of(definition.kind, &definition.content);
                let place = self.definitions.iter().position(|wanted| *wanted == digest)?;
                Some(place + 1)
            }
            _ => None,
        }
    }
}

/// The record of event `number`, and the last ones before it in its segment that define what it refers to.
fn collect(layout: &Layout, number: u64) -> Result<Vec<(u64, Vec<u8>)>, ProofError> {
    let segment = segment_of(layout, number)?;
    let first = header(layout, segment)?.first_event;
    let damaged = |error: minicbor::decode::Error| LedgerError::Damaged(error.to_string().into());
    let wanted = read_until(layout, segment, first, number, |_, _| Ok(()))?.ok_or(ProofError::NoEvent(number))?;
    let references = References::of(&record::decode(&wanted).map_err(damaged)?.event);
    let mut defining: Vec<Option<(u64, Vec<u8>)>> = vec![None; references.definitions.len() + 1];
    read_until(layout, segment, first, number, |at, bytes| {
        let mut decoder = minicbor::Decoder::new(bytes);
        let start = record::decode_start(&mut decoder).map_err(damaged)?;
        if at < number && matches!(start.code, code::SESSION_STARTED | code::DEFINITION) {
            let event = record::decode(bytes).map_err(damaged)?.event;
            let place = references.defined_by(&event).and_then(|place| defining.get_mut(place));
            if let Some(place) = place {
                *place = Some((at, bytes.to_vec()));
            }
        }
        Ok(())
    })?;
    let mut records = vec![(number, wanted)];
    records.extend(defining.into_iter().flatten());
    Ok(records)
}

/// Reads a segment, whose first event is `first`, up to event `number`, and returns that one's record.
fn read_until(
    layout: &Layout,
    segment: u64,
    first: u64,
    number: u64,
    mut see: impl FnMut(u64, &[u8]) -> Result<(), LedgerError>,
) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut reader = LogReader::open(layout, segment, None)?;
    for at in first..=number {
        let Found::Record(record) = reader.next()? else {
            return Ok(None);
        };
        see(at, record)?;
        if at == number {
            return Ok(Some(record.to_vec()));
        }
    }
    Ok(None)
}

/// Checks each record's path, and reads the first with the help of the others.
fn read_records(proof: &Proof, head: &TreeHead) -> Result<ShownEvent, ProofError> {
    let mut stored = Vec::with_capacity(proof.records.len());
    for proved in &proof.records {
        stored.push(read_record(proved, head)?);
    }
    let mut stored = stored.into_iter();
    let event = stored
        .next()
        .ok_or_else(|| ProofError::Form("it has no record".into()))?;
    let mut resolver = Resolver::default();
    for definition in stored {
        if definition.number >= event.number {
            return Err(ProofError::Form("it refers to what comes after it".into()));
        }
        resolver.see(definition);
    }
    Ok(resolver.see(event))
}

fn read_record(proved: &ProvedRecord, head: &TreeHead) -> Result<StoredEvent, ProofError> {
    let form = |reason: &str| ProofError::Form(reason.into());
    let bytes = BASE64
        .decode(&proved.record)
        .map_err(|_| form("a record is not base64"))?;
    let path = proved
        .path
        .iter()
        .map(|hash| BASE64.decode(hash).ok()?.try_into().ok())
        .collect::<Option<Vec<Hash>>>()
        .ok_or_else(|| form("a path holds something else than hashes"))?;
    let stored =
        record::decode(&bytes).map_err(|error| ProofError::Form(format!("a record can't be read: {error}")))?;
    let included = proved.number == stored.number.0
        && proved
            .number
            .checked_sub(1)
            .is_some_and(|index| merkle::includes(&head.root, head.events, index, &record::leaf_hash(&bytes), &path));
    if included {
        Ok(stored)
    } else {
        Err(ProofError::NotIncluded(proved.number))
    }
}

fn readable(shown: &ShownEvent) -> Result<serde_json::Value, ProofError> {
    serde_json::to_value(shown).map_err(|error| ProofError::Form(error.to_string()))
}

/// Whether everything in `given` is in `true_one` too, which a later program may say more in.
fn agrees(given: &serde_json::Value, true_one: &serde_json::Value, at: &str) -> Result<(), String> {
    use serde_json::Value;
    match (given, true_one) {
        (Value::Object(given), Value::Object(true_one)) => given.iter().try_for_each(|(name, value)| {
            let at = format!("{at}.{name}");
            match true_one.get(name) {
                Some(true_one) => agrees(value, true_one, &at),
                None => Err(at),
            }
        }),
        (Value::Array(given), Value::Array(true_one)) if given.len() == true_one.len() => given
            .iter()
            .zip(true_one)
            .enumerate()
            .try_for_each(|(place, (given, true_one))| agrees(given, true_one, &format!("{at}[{place}]"))),
        _ if given == true_one => Ok(()),
        _ => Err(at.into()),
    }
}

#[cfg(test)]
mod tests;
