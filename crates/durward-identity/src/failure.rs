use std::time::Duration;

use durward_model::{Refusal, sqlstate};
use thiserror::Error;

use crate::jwt::TokenError;
use crate::scram::ScramError;
use crate::throttle::Throttled;

/// A refused login: what the client is told, and what the record says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct LoginFailure {
    /// For the client: the same words whatever was wrong, unless the credential was genuine.
    pub refusal: Refusal,
    /// For the record: the true reason, without any secret.
    pub reason: FailureReason,
}

/// Why a login was refused; for the record, not for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FailureReason {
    /// No such identity, and no other way in.
    #[error("no such identity")]
    UnknownUser,
    /// The password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The password is right and past its end.
    #[error("the password has expired")]
    PasswordExpired,
    /// The password is right, and it, its identity or the person behind the agent was revoked.
    #[error("the password, its identity or the person behind it was revoked")]
    Revoked,
    /// The credential is right and opens other databases.
    #[error("the credential is not for this database")]
    OtherDatabase,
    /// The SCRAM exchange went wrong.
    #[error("{0}")]
    Scram(ScramError),
    /// The token is not good.
    #[error("{0}")]
    Token(TokenError),
    /// Too many attempts.
    #[error("too many failed logins or logins under way")]
    Throttled(Throttled),
    /// The password is longer than any that could be right.
    #[error("the password is too long or empty")]
    PasswordLength,
    /// A password of the gateway's or a token was about to be passed to the database.
    #[error("an issued password or a token was given for an unknown identity, and not passed on to the database")]
    SecretNotPassedOn,
    /// The database refused its account's password.
    #[error("the database refused the account")]
    PassthroughRefused,
    /// The system gives no randomness.
    #[error("no randomness for a nonce")]
    Randomness,
}

impl LoginFailure {
    /// A refusal in the words of the server itself, which say nothing about what was wrong.
    pub(crate) fn neutral(user: &str, reason: FailureReason) -> Self {
        Self::with_hint(
            user,
            reason,
            "Check user, password and database. A token must be unexpired and made for this gateway by an issuer that \
             it trusts. The gateway's record has the reason.",
        )
    }

    /// As [`LoginFailure::neutral`], for somebody who has shown a genuine credential.
    pub(crate) fn with_hint(user: &str, reason: FailureReason, hint: &str) -> Self {
        let message = format!("password authentication failed for user \"{user}\"");
        Self {
            refusal: Refusal::new(sqlstate::INVALID_PASSWORD, "login", message).with_hint(hint),
            reason,
        }
    }

    pub(crate) fn throttled(reason: Throttled) -> Self {
        let wait = match reason {
            Throttled::Address { retry_seconds } | Throttled::User { retry_seconds } => {
                Duration::from_secs(retry_seconds)
            }
            Throttled::Pending => Duration::from_secs(1),
        };
        let message = match reason {
            Throttled::Address { .. } => "too many failed logins from this address",
            Throttled::User { .. } => "too many failed logins of this user",
            Throttled::Pending => "too many logins are under way",
        };
        let hint = format!("Try again in {} s.", wait.as_secs());
        Self {
            refusal: Refusal::new(sqlstate::TOO_MANY_CONNECTIONS, "login-limit", message).with_hint(hint),
            reason: FailureReason::Throttled(reason),
        }
    }
}
