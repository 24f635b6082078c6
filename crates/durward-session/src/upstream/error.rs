use std::fmt;
use std::io;

use durward_wire::postgres::backend::ErrorFields;
use durward_wire::postgres::tag::backend as tag;
use durward_wire::postgres::{DecodeError, EncodeError, FrameError};
use thiserror::Error;

/// Why there is no connection, or no answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The server said no, in its own words.
    #[error("{0}")]
    Server(ServerError),
    /// The network or the TLS handshake.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long.
    #[error("the server didn't finish the login in time")]
    TimedOut,
    /// The server closed the connection without a word.
    #[error("the server closed the connection")]
    Closed,
    /// TLS is demanded and the server has none.
    #[error("the server doesn't support TLS, and sslmode demands it")]
    NoTls,
    /// The server wants a password and there is none.
    #[error("the server wants a password, and the target has none")]
    NoPassword,
    /// The server let a client's account in without a look at its password.
    #[error(
        "the server let the account in without asking for its password (trust, peer or certificate in pg_hba.conf), so \
         that anybody could have come in its name"
    )]
    PasswordNotChecked,
    /// The server wants the password in clear over a network.
    #[error("the server wants the password in clear over an unencrypted connection; use TLS")]
    CleartextRefused,
    /// The server wants a login that isn't spoken here.
    #[error("the server wants authentication by {0}, which isn't supported")]
    UnsupportedAuthentication(&'static str),
    /// The server didn't prove that it knows the password, or the channel.
    #[error("the server couldn't prove who it is: {0}")]
    ServerNotProved(String),
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl UpstreamError {
    pub(super) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl From<FrameError> for UpstreamError {
    fn from(error: FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<DecodeError> for UpstreamError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<EncodeError> for UpstreamError {
    fn from(error: EncodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// An ErrorResponse of the server, kept whole for the client.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    code: String,
    message: String,
    body: Vec<u8>,
}

impl ServerError {
    pub(super) fn new(fields: ErrorFields<'_>, body: &[u8]) -> Self {
        Self {
            code: fields.code().to_owned(),
            message: String::from_utf8_lossy(fields.message()).into_owned(),
            body: body.to_vec(),
        }
    }

    /// Its SQLSTATE.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its primary message. It can quote what a statement held: show it to the client, not to a log.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The whole message as it came, ready to be sent on.
    pub fn into_frame(self) -> Vec<u8> {
        let length = u32::try_from(self.body.len() + 4).unwrap_or(u32::MAX);
        let mut frame = vec![tag::ERROR_RESPONSE];
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&self.body);
        frame
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered with an error ({})", self.code)
    }
}
