//! A door that opens no database: where people decide.

use std::net::IpAddr;
use std::sync::Arc;

use durward_model::Principal;

use super::{Context, LoginDesk, scram_login::local_login};
use crate::failure::{FailureReason, LoginFailure};
use crate::jwt::{TOKEN_BYTES_MAX, TokenError, looks_like_token};
use crate::scram::ScramKeys;
use crate::standing::Standing;

/// Somebody who has shown an issued password, or a token of an accepted issuer.
#[derive(Debug)]
pub struct LocalLogin {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// The databases that the password or token opens.
    pub databases: Vec<Arc<str>>,
    /// Asked before whatever the login does.
    pub standing: Standing,
}

impl LoginDesk {
    /// Judges an issued password that came over a connection that nobody else reads, under the same limits as a login to
    /// a database. It derives keys, up to one for each password of the identity: milliseconds of work, off the
    /// runtime's threads.
    ///
    /// # Errors
    /// When it is not good enough, or too many failures came before.
    pub fn verify_local(
        &self,
        user: &str,
        password: &[u8],
        client_address: Option<IpAddr>,
    ) -> Result<LocalLogin, LoginFailure> {
        let attempt = self
            .throttle
            .admit(client_address, user)
            .map_err(LoginFailure::throttled)?;
        let mut context = Context {
            directory: Arc::clone(&self.directory),
            attempt,
            user: user.into(),
            database: "".into(),
        };
        if password.is_empty() || password.len() > TOKEN_BYTES_MAX {
            return Err(context.fail(FailureReason::PasswordLength));
        }
        let Some(found) = self.directory.find(user) else {
            // As long as for somebody who exists.
            ScramKeys::derive(password, &self.directory.mock_salt(user));
            return Err(context.fail(FailureReason::UnknownUser));
        };
        let Some(keys) = found.keys.iter().find(|keys| keys.matches(password, &found.salt)) else {
            return Err(context.fail(FailureReason::WrongPassword));
        };
        let databases = self.directory.databases_of(user, keys);
        context.database = databases.first().cloned().unwrap_or_default();
        let login = local_login(context, keys)?;
        Ok(LocalLogin {
            principal: login.principal,
            databases,
            standing: login.standing,
        })
    }

    /// Judges a token of an accepted issuer that came in the place of a password, under a name that is no local identity's.
    /// `databases` are those that there are. Cancel safe: yes; a dropped login is neither success nor failure.
    ///
    /// # Errors
    /// When it is not good enough, or too many failures came before.
    pub async fn verify_token(
        &self,
        user: &str,
        token: &str,
        client_address: Option<IpAddr>,
        databases: &[Arc<str>],
    ) -> Result<LocalLogin, LoginFailure> {
        let attempt = self
            .throttle
            .admit(client_address, user)
            .map_err(LoginFailure::throttled)?;
        let context = Context {
            directory: Arc::clone(&self.directory),
            attempt,
            user: user.into(),
            database: "".into(),
        };
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err(context.fail(FailureReason::PasswordLength));
        }
        if self.directory.find(user).is_some() {
            return Err(context.fail(FailureReason::WrongPassword));
        }
        let generation = self.directory.generation();
        let (identity, opened) = match self.issuers.verify_anywhere(token).await {
            Ok(verified) => verified,
            Err(TokenError::Expired) => {
                let hint = "The token has expired; log in again for a new one.";
                return Err(context.fail_genuine(FailureReason::Token(TokenError::Expired), hint));
            }
            Err(error) => return Err(context.fail(FailureReason::Token(error))),
        };
        if !self.directory.stands(&identity.principal) {
            let hint = "This identity was revoked here; ask whoever runs the gateway for access.";
            return Err(context.fail_genuine(FailureReason::Revoked, hint));
        }
        let opens = |database: &&Arc<str>| opened.is_empty() || opened.iter().any(|name| **name == ***database);
        let databases = databases.iter().filter(opens).cloned().collect();
        let login = context.login(identity.principal, identity.expires_unix_seconds, generation);
        Ok(LocalLogin {
            principal: login.principal,
            databases,
            standing: login.standing,
        })
    }

    /// Whether what stands where a password does is to be judged as a token: it looks like one, and no local identity has
    /// that name.
    pub fn is_token_login(&self, user: &str, password: &str) -> bool {
        looks_like_token(password.as_bytes()) && self.directory.find(user).is_none()
    }
}
