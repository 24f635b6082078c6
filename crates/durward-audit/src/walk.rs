//! Following the chain from record to record: shared by opening and verifying.

use minicbor::Decoder;

use crate::record::{self, ChainValue, RecordStart};

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Events passed.
    pub(crate) events: u64,
    /// The chain's value after them.
    pub(crate) chain: ChainValue,
}

/// Why a record can't be the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its bytes aren't a record.
    Form(String),
    /// It has another number.
    Number(u64),
}

impl Position {
    /// Passes one record.
    pub(crate) fn pass(&mut self, record: &[u8]) -> Result<RecordStart, Misfit> {
        let start = record::decode_start(&mut Decoder::new(record)).map_err(|error| Misfit::Form(error.to_string()))?;
        if start.number != self.events + 1 {
            return Err(Misfit::Number(start.number));
        }
        self.events += 1;
        self.chain = record::chain_next(&self.chain, &record::leaf_hash(record));
        Ok(start)
    }
}
