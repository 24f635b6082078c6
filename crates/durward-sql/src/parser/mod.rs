//! The server's own grammar, behind threads with big stacks.

mod native;
mod threads;

use std::sync::Arc;

pub(crate) use threads::ParserThreads;

/// Why a text did not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseFailure {
    /// The parser's message.
    pub(crate) message: Arc<str>,
    /// Characters from 1.
    pub(crate) position: Option<u32>,
}

/// Parses a text. To be called on a parser thread only: trees of deep texts need its stack, to be dropped too.
pub(crate) fn parse(text: &str) -> Result<pg_query::protobuf::ParseResult, ParseFailure> {
    match pg_query::parse(text, pg_query::ParserOptions::DEFAULT) {
        Ok(result) => Ok(result.protobuf),
        Err(error) => {
            let (message, position) = match native::failure(text) {
                Some(failure) => failure,
                None => (error.to_string(), None),
            };
            Err(ParseFailure {
                message: message.into(),
                position,
            })
        }
    }
}
