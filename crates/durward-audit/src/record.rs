//! Canonical bytes: what is hashed, stored and proved.
//!
//! A record is deterministic CBOR (RFC 8949 section 4.2.1): an array of version, kind, number, time and body. Event `n`
//! is leaf `n - 1` of the ledger's Merkle tree.

use std::borrow::Cow;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::event::{Event, EventNumber, code};
use crate::merkle::{self, Hash};

/// The version of the canonical bytes that this program writes.
pub(crate) const RECORD_VERSION: u8 = 1;
/// No record is larger: a reader that sees a greater length sees damage. Holds a statement text at its limit with facts
/// about thousands of relations.
pub(crate) const RECORD_BYTES_MAX: usize = 8 << 20;

/// An entry of a published tree is no larger: C2SP `tlog-tiles` gives its length in 16 bits.
const ENTRY_BYTES_MAX: usize = 0xffff;

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredEvent {
    /// Its number.
    pub number: EventNumber,
    /// When it was recorded, in microseconds since 1970-01-01 00:00 UTC, by the gateway's clock.
    pub time_microseconds: u64,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// The fields that every record begins with.
pub(crate) struct RecordStart {
    pub(crate) version: u8,
    pub(crate) code: u8,
    pub(crate) number: u64,
    pub(crate) time_microseconds: u64,
}

/// Appends the canonical bytes of one event.
pub(crate) fn encode<T: Encode<()>>(
    bytes: &mut Vec<u8>,
    code: u8,
    number: u64,
    time_microseconds: u64,
    body: &T,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    Encoder::new(bytes)
        .array(5)?
        .u8(RECORD_VERSION)?
        .u8(code)?
        .u64(number)?
        .u64(time_microseconds)?
        .encode(body)?
        .ok()
}

/// Reads the fields that every record begins with; the decoder then stands at the body.
pub(crate) fn decode_start(d: &mut Decoder<'_>) -> Result<RecordStart, minicbor::decode::Error> {
    if d.array()? != Some(5) {
        return Err(minicbor::decode::Error::message("a record is an array of five"));
    }
    Ok(RecordStart {
        version: d.u8()?,
        code: d.u8()?,
        number: d.u64()?,
        time_microseconds: d.u64()?,
    })
}

/// Reads a whole record. One of a later version, or of a kind not known here, becomes [`Event::Unknown`].
pub(crate) fn decode(bytes: &[u8]) -> Result<StoredEvent, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    let start = decode_start(&mut d)?;
    let event = if start.version == RECORD_VERSION {
        decode_body(start.code, &mut d)?
    } else {
        Event::Unknown { code: start.code }
    };
    Ok(StoredEvent {
        number: EventNumber(start.number),
        time_microseconds: start.time_microseconds,
        event,
    })
}

fn decode_body(kind: u8, d: &mut Decoder<'_>) -> Result<Event, minicbor::decode::Error> {
    fn body<'b, T: Decode<'b, ()>>(d: &mut Decoder<'b>) -> Result<T, minicbor::decode::Error> {
        d.decode()
    }
    Ok(match kind {
        code::LEDGER_OPENED => Event::LedgerOpened(body(d)?),
        code::CHECKPOINT => Event::Checkpoint(body(d)?),
        code::DEFINITION => Event::Definition(body(d)?),
        code::KEY_CHANGED => Event::KeyChanged(body(d)?),
        code::SEGMENTS_RETIRED => Event::SegmentsRetired(body(d)?),
        code::CONFIGURATION_LOADED => Event::ConfigurationLoaded(body(d)?),
        code::POLICY_CHANGED => Event::PolicyChanged(body(d)?),
        code::IDENTITY_CHANGED => Event::IdentityChanged(body(d)?),
        code::ADMINISTRATION => Event::Administration(body(d)?),
        code::SESSION_STARTED => Event::SessionStarted(body(d)?),
        code::SESSION_ENDED => Event::SessionEnded(body(d)?),
        code::LOGIN_REFUSED => Event::LoginRefused(body(d)?),
        code::PROTOCOL_VIOLATION => Event::ProtocolViolation(body(d)?),
        code::STATEMENT_INTENT => Event::StatementIntent(body(d)?),
        code::STATEMENT_REFUSED => Event::StatementRefused(body(d)?),
        code::STATEMENT_OUTCOME => Event::StatementOutcome(body(d)?),
        code::APPROVAL_MOVED => Event::ApprovalMoved(body(d)?),
        code => Event::Unknown { code },
    })
}

/// What stands for a record in the tree: the record itself or, where it is too large to be published, CBOR of an array
/// of two: its length and its SHA-256. A record is an array of five, so neither can be taken for the other.
pub(crate) fn entry(record: &[u8]) -> Cow<'_, [u8]> {
    if record.len() <= ENTRY_BYTES_MAX {
        return Cow::Borrowed(record);
    }
    // An array of two, an unsigned of 32 bits (a record's length takes more than 16 here) and 32 bytes.
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    let mut entry = vec![0x82, 0x1a];
    entry.extend_from_slice(&length.to_be_bytes());
    entry.extend_from_slice(&[0x58, 0x20]);
    entry.extend_from_slice(&Sha256::digest(record));
    Cow::Owned(entry)
}

/// The hash of a record's leaf.
pub(crate) fn leaf_hash(record: &[u8]) -> Hash {
    merkle::leaf_hash(&entry(record))
}

#[cfg(test)]
pub(crate) mod tests;
