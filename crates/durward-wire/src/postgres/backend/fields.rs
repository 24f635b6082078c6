use crate::postgres::buffer::Reader;
use crate::postgres::error::{DecodeError, Fault};

/// The codes of error and notice fields (section 55.8).
pub mod field {
    /// Severity in the server's language.
    pub const SEVERITY: u8 = b'S';
    /// Severity, never translated.
    pub const SEVERITY_PLAIN: u8 = b'V';
    /// SQLSTATE.
    pub const CODE: u8 = b'C';
    /// The primary message.
    pub const MESSAGE: u8 = b'M';
    /// More about it.
    pub const DETAIL: u8 = b'D';
    /// What to do about it.
    pub const HINT: u8 = b'H';
    /// Where in the client's text, in characters from 1.
    pub const POSITION: u8 = b'P';
    /// Where in a text that the server made.
    pub const INTERNAL_POSITION: u8 = b'p';
    /// A text that the server made.
    pub const INTERNAL_QUERY: u8 = b'q';
    /// The call stack.
    pub const WHERE: u8 = b'W';
    /// The schema concerned.
    pub const SCHEMA: u8 = b's';
    /// The table concerned.
    pub const TABLE: u8 = b't';
    /// The column concerned.
    pub const COLUMN: u8 = b'c';
    /// The data type concerned.
    pub const DATA_TYPE: u8 = b'd';
    /// The constraint concerned.
    pub const CONSTRAINT: u8 = b'n';
    /// Source file of the server.
    pub const FILE: u8 = b'F';
    /// Line in it.
    pub const LINE: u8 = b'L';
    /// Function in it.
    pub const ROUTINE: u8 = b'R';
}

/// The fields of an error or notice, as they stand in the message. Unknown ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorFields<'a> {
    raw: &'a [u8],
}

impl<'a> ErrorFields<'a> {
    pub(super) fn decode(message: &'static str, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message, body);
        while reader.byte("the fields")? != 0 {
            reader.string("a field")?;
        }
        let left_over = reader.error("the body", Fault::TrailingBytes);
        if reader.is_empty() {
            Ok(Self { raw: body })
        } else {
            Err(left_over)
        }
    }

    /// Codes and values in the order sent.
    pub fn iter(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut reader = Reader::new("", self.raw);
        std::iter::from_fn(move || match reader.byte("").ok()? {
            0 => None,
            code => Some((code, reader.string("").ok()?)),
        })
    }

    /// The first field of this code ([`field`]).
    pub fn get(self, code: u8) -> Option<&'a [u8]> {
        self.iter().find(|(each, _)| *each == code).map(|(_, value)| value)
    }

    /// SQLSTATE; empty if the server gave none that is text.
    pub fn code(self) -> &'a str {
        self.get(field::CODE)
            .and_then(|code| std::str::from_utf8(code).ok())
            .unwrap_or_default()
    }

    /// The primary message, in the session's encoding.
    pub fn message(self) -> &'a [u8] {
        self.get(field::MESSAGE).unwrap_or_default()
    }

    /// Severity, never translated where the server says so (`ERROR`, `FATAL`, `PANIC`, `NOTICE`, …).
    pub fn severity(self) -> &'a [u8] {
        self.get(field::SEVERITY_PLAIN)
            .or_else(|| self.get(field::SEVERITY))
            .unwrap_or_default()
    }

    /// Whether the session ends with it.
    pub fn is_fatal(self) -> bool {
        matches!(self.severity(), b"FATAL" | b"PANIC")
    }

    /// Where in the client's text, in characters from 1.
    pub fn position(self) -> Option<u32> {
        std::str::from_utf8(self.get(field::POSITION)?).ok()?.parse().ok()
    }
}
