//! What a client sends: [`StartupRequest`] before there are tags, [`FrontendMessage`] afterwards, and [`write`] for
//! our own leg to the server (manual section 55.7).
//!
//! Names and texts are raw bytes, since their encoding is the client's; [`text`](super::text) makes UTF-8 of them.

mod login;
mod startup;
pub mod write;

pub use login::{SaslInitialResponse, decode_password, decode_sasl_initial_response};
pub use startup::{Cancel, Negotiation, Startup, StartupRequest};

use super::buffer::{Formats, Oids, Reader, Values};
use super::error::{DecodeError, Fault};
use super::frame::Frame;
use super::tag::frontend as tag;

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A prepared statement (`S`).
    Statement,
    /// A portal (`P`).
    Portal,
}

impl Target {
    /// The byte on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}

/// One message of a client, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendMessage<'a> {
    /// Statements of the simple protocol.
    Query {
        /// Zero or more statements.
        text: &'a [u8],
    },
    /// Prepares a statement.
    Parse(Parse<'a>),
    /// Makes a portal of a prepared statement.
    Bind(Bind<'a>),
    /// Asks for the shape of a statement or portal.
    Describe {
        /// Statement or portal.
        target: Target,
        /// Empty is the unnamed one.
        name: &'a [u8],
    },
    /// Runs a portal.
    Execute {
        /// Empty is the unnamed one.
        portal: &'a [u8],
        /// Rows to return before PortalSuspended; zero or less is all.
        rows_max: i32,
    },
    /// Forgets a statement or portal.
    Close {
        /// Statement or portal.
        target: Target,
        /// Empty is the unnamed one.
        name: &'a [u8],
    },
    /// Answers so far are wanted now.
    Flush,
    /// The end of a pipeline step.
    Sync,
    /// A piece of a COPY stream.
    CopyData(&'a [u8]),
    /// The COPY stream is complete.
    CopyDone,
    /// The client gives the COPY up.
    CopyFail {
        /// What the server's error shall say.
        reason: &'a [u8],
    },
    /// The client goes. The server does not look at its body, nor do we.
    Terminate,
    /// A function by oid: never forwarded, so never taken apart.
    FunctionCall {
        /// All of it.
        body: &'a [u8],
    },
    /// An answer to an Authentication request; which of four messages it is depends on what was asked.
    /// See [`decode_password`] and [`decode_sasl_initial_response`]; a SASLResponse is the body itself.
    Password {
        /// All of it.
        body: &'a [u8],
    },
}

/// Prepares a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty is the unnamed one.
    pub statement: &'a [u8],
    /// One statement, or none.
    pub text: &'a [u8],
    /// Types of the first parameters; 0 leaves one to the server.
    pub parameter_types: Oids<'a>,
}

/// Makes a portal of a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name; empty is the unnamed one.
    pub portal: &'a [u8],
    /// The statement's name; empty is the unnamed one.
    pub statement: &'a [u8],
    /// Formats of the parameters: none, one for all, or one for each.
    pub parameter_formats: Formats<'a>,
    /// The parameters.
    pub parameters: Values<'a>,
    /// Formats of the result columns: none, one for all, or one for each.
    pub result_formats: Formats<'a>,
}

impl<'a> FrontendMessage<'a> {
    /// Takes a frame apart; strict, since a field that we read otherwise than the server is a way past us.
    ///
    /// # Errors
    /// Names the field that is wrong: cut off, not terminated, out of range, or bytes left over; or an unknown tag.
    pub fn decode(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let body = frame.body;
        match frame.tag {
            tag::QUERY => decode_query(body),
            tag::PARSE => decode_parse(body),
            tag::BIND => decode_bind(body),
            tag::DESCRIBE => decode_target("Describe", body).map(|(target, name)| Self::Describe { target, name }),
            tag::EXECUTE => decode_execute(body),
            tag::CLOSE => decode_target("Close", body).map(|(target, name)| Self::Close { target, name }),
            tag::FLUSH => empty("Flush", body, Self::Flush),
            tag::SYNC => empty("Sync", body, Self::Sync),
            tag::COPY_DATA => Ok(Self::CopyData(body)),
            tag::COPY_DONE => empty("CopyDone", body, Self::CopyDone),
            tag::COPY_FAIL => decode_copy_fail(body),
            tag::TERMINATE => Ok(Self::Terminate),
            tag::FUNCTION_CALL => Ok(Self::FunctionCall { body }),
            tag::PASSWORD => Ok(Self::Password { body }),
            _ => Err(DecodeError {
                message: "frontend",
                field: "the type",
                fault: Fault::NotAllowed,
            }),
        }
    }
}

fn empty<'a>(
    message: &'static str,
    body: &[u8],
    decoded: FrontendMessage<'a>,
) -> Result<FrontendMessage<'a>, DecodeError> {
    Reader::new(message, body).end().map(|()| decoded)
}

fn decode_query(body: &[u8]) -> Result<FrontendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("Query", body);
    let text = reader.string("the text")?;
    reader.end()?;
    Ok(FrontendMessage::Query { text })
}

fn decode_parse(body: &[u8]) -> Result<FrontendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("Parse", body);
    let statement = reader.string("the statement name")?;
    let text = reader.string("the text")?;
    let parameter_types = reader.oids("the parameter types")?;
    reader.end()?;
    Ok(FrontendMessage::Parse(Parse {
        statement,
        text,
        parameter_types,
    }))
}

fn decode_bind(body: &[u8]) -> Result<FrontendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("Bind", body);
    let bind = Bind {
        portal: reader.string("the portal name")?,
        statement: reader.string("the statement name")?,
        parameter_formats: reader.formats("the parameter formats")?,
        parameters: reader.values("the parameters")?,
        result_formats: reader.formats("the result formats")?,
    };
    reader.end()?;
    Ok(FrontendMessage::Bind(bind))
}

fn decode_target<'a>(message: &'static str, body: &'a [u8]) -> Result<(Target, &'a [u8]), DecodeError> {
    let mut reader = Reader::new(message, body);
    let target = match reader.byte("the kind")? {
        b'S' => Target::Statement,
        b'P' => Target::Portal,
        _ => return Err(reader.error("the kind", Fault::NotAllowed)),
    };
    let name = reader.string("the name")?;
    reader.end()?;
    Ok((target, name))
}

fn decode_execute(body: &[u8]) -> Result<FrontendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("Execute", body);
    let portal = reader.string("the portal name")?;
    let rows_max = reader.i32("the row limit")?;
    reader.end()?;
    Ok(FrontendMessage::Execute { portal, rows_max })
}

fn decode_copy_fail(body: &[u8]) -> Result<FrontendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("CopyFail", body);
    let reason = reader.string("the reason")?;
    reader.end()?;
    Ok(FrontendMessage::CopyFail { reason })
}

#[cfg(test)]
mod tests;
