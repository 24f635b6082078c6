//! The gateway's own side of a connection to a database: where it is, how to log in, and small queries of our own.

mod cancel;
mod dial;
mod error;
mod login;
mod query;
mod target;

use std::fmt;

use bytes::BytesMut;
use zeroize::Zeroizing;

pub use cancel::{CancelTarget, cancel};
pub use error::{ServerError, UpstreamError};
pub use target::{ChannelBinding, Target, TargetAddress, TargetConfig, TargetError};

use crate::stream::Stream;

/// What the gateway sets on connections of its own, so that nothing that a database holds can change what its catalog
/// queries mean, and they can change nothing.
const OWN_PARAMETERS: [(&str, &str); 6] = [
    ("application_name", "durward"),
    ("client_encoding", "UTF8"),
    ("search_path", "pg_catalog"),
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "1s"),
    // Each query runs once in a while, for a few milliseconds: compiling it takes longer.
    ("jit", "off"),
];

/// What differs on a connection that looks at rows: it gives way to everybody, and no row policy is run or quietly
/// followed.
const SURVEY_PARAMETERS: [(&str, &str); 6] = [
    ("lock_timeout", "200ms"),
    ("statement_timeout", "2s"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("max_parallel_workers_per_gather", "0"),
    ("DateStyle", "ISO, YMD"),
];

/// A database account and its password.
#[derive(Clone)]
pub struct UpstreamCredentials {
    user: String,
    password: Option<Zeroizing<Vec<u8>>>,
    /// Whether it is the server that says who it is: a login for which it asks no password then proves nothing.
    proves_the_client: bool,
}

impl UpstreamCredentials {
    /// What the target's configuration says.
    pub fn configured(target: &Target) -> Self {
        Self {
            user: target.user().to_owned(),
            password: target.password().cloned(),
            proves_the_client: false,
        }
    }

    /// The client's own account. The server must ask for the password: one that trusts the gateway's address would let in
    /// whoever names an account.
    pub fn passthrough(user: &str, password: Zeroizing<Vec<u8>>) -> Self {
        Self {
            user: user.to_owned(),
            password: Some(password),
            proves_the_client: true,
        }
    }
}

impl fmt::Debug for UpstreamCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamCredentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A connection on which login is done and nothing is under way.
#[derive(Debug)]
pub struct UpstreamConnection {
    stream: Stream,
    /// Bytes read and not yet looked at.
    inbound: BytesMut,
    parameters: Vec<(String, String)>,
    process_id: i32,
    cancel: CancelTarget,
    end_point: Option<Vec<u8>>,
}

impl UpstreamConnection {
    /// Connects and logs in. `parameters` go into the startup packet, after those of the target. Cancel safe: yes; the
    /// connection is then closed.
    ///
    /// # Errors
    /// See [`UpstreamError`]; what the server said is kept whole.
    pub async fn connect(
        target: &Target,
        credentials: &UpstreamCredentials,
        parameters: &[(String, String)],
    ) -> Result<Self, UpstreamError> {
        let connecting = dial::connect(target, credentials, parameters);
        tokio::time::timeout(target.connect_timeout(), connecting)
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }

    /// Connects for the gateway's own queries: configured account, read only, nothing but the system's own names.
    /// Cancel safe: yes.
    ///
    /// # Errors
    /// As [`UpstreamConnection::connect`].
    pub async fn connect_for_catalog(target: &Target) -> Result<Self, UpstreamError> {
        let parameters: Vec<_> = OWN_PARAMETERS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::connect(target, &UpstreamCredentials::configured(target), &parameters).await
    }

    /// Connects for looking at rows: as [`UpstreamConnection::connect_for_catalog`], and gives way to everybody.
    /// Cancel safe: yes.
    ///
    /// # Errors
    /// As [`UpstreamConnection::connect`].
    pub(crate) async fn connect_for_survey(target: &Target) -> Result<Self, UpstreamError> {
        let differs = |name: &str| SURVEY_PARAMETERS.iter().any(|(other, _)| *other == name);
        let parameters: Vec<_> = OWN_PARAMETERS
            .iter()
            .filter(|(name, _)| !differs(name))
            .chain(&SURVEY_PARAMETERS)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::connect(target, &UpstreamCredentials::configured(target), &parameters).await
    }

    /// A client's end of a session of the gateway's own, whose login is done.
    pub(crate) fn to_session(stream: Stream, cancel: CancelTarget) -> Self {
        Self {
            stream,
            inbound: BytesMut::new(),
            parameters: Vec::new(),
            process_id: 0,
            cancel,
            end_point: None,
        }
    }

    /// The settings that the server has reported, in its order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The server's process.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// How to stop what this connection runs.
    pub fn cancel_target(&self) -> CancelTarget {
        self.cancel.clone()
    }

    /// The hash of the server's certificate (RFC 5929 section 4), inside TLS.
    pub fn server_end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// The stream, and what was read from it beyond the last answer.
    pub fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.inbound.to_vec())
    }
}

#[cfg(test)]
mod tests;
