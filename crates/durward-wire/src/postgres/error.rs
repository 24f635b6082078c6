//! What can go wrong between bytes and messages, by who is at fault: the stream, one message, or our own text.

use std::fmt;

use thiserror::Error;

use super::tag;

/// Why no frame can be cut: the stream is lost, and only closing it is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The length word counts itself, so it is at least four.
    #[error("invalid message length {length} of message type {}", tag::Shown(*.tag))]
    TooShort {
        /// The frame's tag.
        tag: u8,
        /// The length word.
        length: i32,
    },
    /// The body would be longer than the caller allows.
    #[error("message type {} of {body_bytes} bytes is longer than the {body_bytes_max} allowed", tag::Shown(*.tag))]
    TooLong {
        /// The frame's tag.
        tag: u8,
        /// The body's length as announced.
        body_bytes: usize,
        /// The caller's bound.
        body_bytes_max: usize,
    },
    /// A startup packet of fewer than 8 or more than [`STARTUP_BYTES_MAX`](crate::limits::STARTUP_BYTES_MAX) bytes.
    #[error("invalid length of startup packet: {length}")]
    StartupLength {
        /// The length word.
        length: i32,
    },
}

/// A whole frame whose body is not what its tag promises. The stream itself is still in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("invalid {message} message: {fault} {field}")]
pub struct DecodeError {
    /// The message's name in the manual.
    pub message: &'static str,
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The body ends before the field does.
    EndsEarly,
    /// No NUL byte ends the string.
    NotTerminated,
    /// Bytes are left over after the last field.
    TrailingBytes,
    /// A value that the protocol does not allow there.
    NotAllowed,
    /// Not valid UTF-8, where only UTF-8 can be meant.
    NotUtf8,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsEarly => "cut off in",
            Self::NotTerminated => "no NUL at the end of",
            Self::TrailingBytes => "bytes left over in",
            Self::NotAllowed => "value not allowed in",
            Self::NotUtf8 => "not UTF-8:",
        })
    }
}

/// Why a message can't be written. Nothing of it is left in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A string would end early at its own NUL byte, and its rest would be read as other fields.
    #[error("{field} holds a NUL byte")]
    Nul {
        /// The field.
        field: &'static str,
    },
    /// A length or count does not fit its field.
    #[error("{field} is too long for its message")]
    TooLong {
        /// The field.
        field: &'static str,
    },
}
