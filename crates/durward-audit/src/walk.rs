//! Following the records: shared by opening and verifying.

use minicbor::Decoder;

use crate::merkle::Hash;
use crate::record::{self, RecordStart};

/// Why a record can't be the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its bytes aren't a record.
    Form(String),
    /// It has another number.
    Number(u64),
}

impl Misfit {
    /// What is wrong, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Form(error) => format!("it is no record: {error}"),
            Self::Number(number) => format!("event {number} stands in its place"),
        }
    }
}

/// Reads what comes after `events` events: how it begins, and its leaf's hash.
pub(crate) fn pass(events: u64, record: &[u8]) -> Result<(RecordStart, Hash), Misfit> {
    let start = record::decode_start(&mut Decoder::new(record)).map_err(|error| Misfit::Form(error.to_string()))?;
    if start.number != events + 1 {
        return Err(Misfit::Number(start.number));
    }
    Ok((start, record::leaf_hash(record)))
}
