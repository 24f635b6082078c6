//! Canonical bytes: what is hashed, stored and proved.
//!
//! A record is deterministic CBOR (RFC 8949 section 4.2.1): an array of version, kind, number, time and body. Its leaf
//! hash is that of RFC 6962 section 2.1, so that a Merkle tree over the same leaves can stand beside the chain.

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::event::{Event, EventNumber, code};

/// The version of the canonical bytes that this program writes.
pub(crate) const RECORD_VERSION: u8 = 1;
/// No record is larger: a reader that sees a greater length sees damage. Holds a statement text at its limit with facts
/// about thousands of relations.
pub(crate) const RECORD_BYTES_MAX: usize = 8 << 20;

/// A value of the hash chain.
pub(crate) type ChainValue = [u8; 32];

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
        code => Event::Unknown { code },
    })
}

/// The leaf hash of a record (RFC 6962 section 2.1).
pub(crate) fn leaf_hash(record: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(record);
    hasher.finalize().into()
}

/// The chain's value before the first event of a ledger.
pub(crate) fn chain_start(ledger: &[u8; 16]) -> ChainValue {
    let mut hasher = Sha256::new();
    hasher.update([0x04]);
    hasher.update(ledger);
    hasher.finalize().into()
}

/// The chain's value after one more leaf. `0x02` keeps it apart from leaves (`0x00`) and tree nodes (`0x01`).
pub(crate) fn chain_next(chain: &ChainValue, leaf: &[u8; 32]) -> ChainValue {
    let mut hasher = Sha256::new();
    hasher.update([0x02]);
    hasher.update(chain);
    hasher.update(leaf);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
