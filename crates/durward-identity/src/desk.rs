//! The login desk: which way in a client gets, and whether what it shows is enough.

mod cleartext;
mod local;
mod scram_login;

use std::net::IpAddr;
use std::sync::Arc;

use durward_model::Principal;
use zeroize::Zeroizing;

pub use cleartext::CleartextLogin;
pub use local::LocalLogin;
pub use scram_login::{ScramLogin, ScramLoginChallenge};

use crate::directory::Directory;
use crate::failure::{FailureReason, LoginFailure};
use crate::jwt::Issuers;
use crate::scram::{NONCE_BYTES, ScramServer};
use crate::standing::Standing;
use crate::throttle::{Attempt, LoginLimits, Throttle};

/// The alias under which the database's own accounts are known: `database|account`.
pub const PASSTHROUGH_ALIAS: &str = "database";

/// What is known of a client before it has shown anything.
#[derive(Debug, Clone, Copy)]
pub struct LoginRequest<'a> {
    /// The user of the startup packet.
    pub user: &'a str,
    /// The target's name, by which passwords are bound.
    pub database: &'a str,
    /// Where it comes from; none for a Unix socket.
    pub client_address: Option<IpAddr>,
    /// How it comes.
    pub transport: Transport<'a>,
    /// Whether the target lets the database's own accounts through.
    pub passthrough_allowed: bool,
}

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// Inside TLS, with the hash of our certificate for channel binding (RFC 5929 section 4).
    Tls {
        /// None if the certificate's signature has no hash to go by.
        server_end_point: Option<&'a [u8]>,
    },
    /// In clear, where the listener permits it, on this machine: nobody listens in.
    PlaintextLocal,
}

/// What to ask of a client.
#[derive(Debug)]
pub enum LoginPlan {
    /// A SCRAM exchange.
    Scram(ScramLogin),
    /// The password itself: the only way for tokens and for accounts that another server checks.
    Cleartext(CleartextLogin),
    /// Nothing: it is turned away.
    Refuse(LoginFailure),
}

/// A login that succeeded.
#[derive(Debug)]
pub struct Login {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What to log in to the database with.
    pub upstream: UpstreamLogin,
    /// Asked before each statement.
    pub standing: Standing,
    /// For an account that the database has yet to check.
    attempt: Option<Attempt>,
    user: Arc<str>,
}

impl Login {
    /// The database accepted the login. Call it once the upstream connection is ready.
    pub fn accepted_upstream(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeeded();
        }
    }

    /// The database refused the login for its password or user (SQLSTATE class 28): counts as a failed attempt when the
    /// account is the database's own. Its own error goes to the client; this gives the reason for the record.
    pub fn refused_upstream(&mut self) -> FailureReason {
        if let Some(attempt) = self.attempt.take() {
            attempt.failed();
        }
        FailureReason::PassthroughRefused
    }

    /// The user of the startup packet.
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// What to log in to the database with.
pub enum UpstreamLogin {
    /// What the target's configuration says.
    Configured,
    /// The client's own account.
    Passthrough {
        /// The account.
        user: String,
        /// Its password, as the client sent it.
        password: Zeroizing<Vec<u8>>,
    },
}

impl std::fmt::Debug for UpstreamLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configured => f.write_str("Configured"),
            Self::Passthrough { user, .. } => f
                .debug_struct("Passthrough")
                .field("user", user)
                .finish_non_exhaustive(),
        }
    }
}

/// How a desk works.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeskOptions {
    /// How many logins and failures are let through.
    pub limits: LoginLimits,
    /// Asks local identities for their password itself too, inside TLS: for clients that can't do SCRAM.
    pub cleartext_for_local_identities: bool,
}

/// Turns what clients show into principals.
#[derive(Debug)]
pub struct LoginDesk {
    directory: Arc<Directory>,
    issuers: Arc<Issuers>,
    throttle: Arc<Throttle>,
    options: DeskOptions,
}

impl LoginDesk {
    /// Opens a desk. Time comes from the directory's clock.
    pub fn new(directory: Arc<Directory>, issuers: Arc<Issuers>, options: DeskOptions) -> Self {
        let throttle = Throttle::new(options.limits, Arc::clone(directory.clock()));
        Self {
            directory,
            issuers,
            throttle,
            options,
        }
    }

    /// The identities that the desk knows.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Decides what to ask of a client. Local identities do SCRAM. Others are asked for the password itself where a token
    /// or a database account may be shown, and otherwise do a SCRAM exchange that can only fail and looks like any other.
    pub fn plan(&self, request: &LoginRequest<'_>) -> LoginPlan {
        let attempt = match self.throttle.admit(request.client_address, request.user) {
            Ok(attempt) => attempt,
            Err(throttled) => return LoginPlan::Refuse(LoginFailure::throttled(throttled)),
        };
        let context = Context {
            directory: Arc::clone(&self.directory),
            attempt,
            user: request.user.into(),
            database: request.database.into(),
        };
        let found = self.directory.find(request.user);
        let foreign_is_possible = !self.issuers.is_empty() || request.passthrough_allowed;
        let ask_local = self.options.cleartext_for_local_identities && request.transport != Transport::PlaintextLocal;
        if (found.is_none() && foreign_is_possible) || (found.is_some() && ask_local) {
            let issuers = Arc::clone(&self.issuers);
            return LoginPlan::Cleartext(CleartextLogin::new(context, issuers, request.passthrough_allowed));
        }
        let mut nonce = [0; NONCE_BYTES];
        if getrandom::fill(&mut nonce).is_err() {
            return LoginPlan::Refuse(LoginFailure::neutral(request.user, FailureReason::Randomness));
        }
        let end_point = match request.transport {
            Transport::Tls { server_end_point } => server_end_point,
            Transport::PlaintextLocal => None,
        };
        let (salt, keys) = match found {
            Some(found) => (found.salt, found.keys),
            None => (self.directory.mock_salt(request.user), Vec::new()),
        };
        let server = ScramServer::new(salt, keys.clone(), end_point, nonce);
        LoginPlan::Scram(ScramLogin::new(context, server, keys))
    }
}

/// What every way in carries along.
#[derive(Debug)]
struct Context {
    directory: Arc<Directory>,
    attempt: Attempt,
    user: Arc<str>,
    database: Arc<str>,
}

impl Context {
    /// Refuses, says nothing, and counts a failure.
    fn fail(self, reason: FailureReason) -> LoginFailure {
        let failure = LoginFailure::neutral(&self.user, reason);
        self.attempt.failed();
        failure
    }

    /// Refuses somebody who has shown a genuine credential: no failure is counted.
    fn fail_genuine(self, reason: FailureReason, hint: &str) -> LoginFailure {
        LoginFailure::with_hint(&self.user, reason, hint)
    }

    fn login(self, principal: Principal, expires_unix_seconds: u64, generation: u64) -> Login {
        let principal = Arc::new(principal);
        self.attempt.succeeded();
        Login {
            standing: Standing::new(
                self.directory,
                Arc::clone(&principal),
                Some(expires_unix_seconds),
                generation,
            ),
            principal,
            upstream: UpstreamLogin::Configured,
            attempt: None,
            user: self.user,
        }
    }
}

#[cfg(test)]
mod tests;
