//! The server's own grammar, behind threads with big stacks.

mod native;
mod threads;
mod wording;

use std::sync::Arc;

use pg_query::ParserOptions;
use pg_query::protobuf::ParseResult;

pub(crate) use threads::ParserThreads;
pub use wording::ServerWords;

/// Why a text did not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseFailure {
    /// The parser's message.
    pub(crate) message: Arc<str>,
    /// Characters from 1.
    pub(crate) position: Option<u32>,
    /// The parser's routine that gave up: the same words of two routines come with different hints.
    pub(crate) routine: Box<str>,
}

/// How the string constants of a text are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// `standard_conforming_strings` is on: a backslash is an ordinary character but in `E'…'`.
    Conforming,
    /// It is off: a backslash escapes the next character in every string in single quotes.
    Escaping,
}

impl Reading {
    fn options(self) -> ParserOptions {
        match self {
            Self::Conforming => ParserOptions::DEFAULT,
            Self::Escaping => {
                ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS | ParserOptions::DISABLE_ESCAPE_STRING_WARNING
            }
        }
    }
}

/// Parses a text, its strings read in the standard way. To be called on a parser thread only: trees of deep texts need
/// its stack, to be dropped too.
pub(crate) fn parse(text: &str) -> Result<ParseResult, ParseFailure> {
    parse_reading(text, Reading::Conforming)
}

/// Parses a text. To be called on a parser thread only.
pub(crate) fn parse_reading(text: &str, reading: Reading) -> Result<ParseResult, ParseFailure> {
    let parsed = pg_query::parse(text, reading.options()).map(|result| result.protobuf);
    let parsed = parsed.map_err(|error| {
        native::failure(text, reading.options()).unwrap_or_else(|| ParseFailure {
            message: error.to_string().into(),
            position: None,
            routine: Box::default(),
        })
    });
    if reading == Reading::Escaping {
        // A failed text leaves the thread's reading behind; the next scan or parse without options would use it.
        drop(pg_query::parse("", ParserOptions::DEFAULT));
    }
    parsed
}
