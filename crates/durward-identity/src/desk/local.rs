//! Local identities at a door that opens no database: where people decide.

use std::net::IpAddr;
use std::sync::Arc;

use durward_model::Principal;

use super::{Context, LoginDesk, scram_login::local_login};
use crate::failure::{FailureReason, LoginFailure};
use crate::jwt::TOKEN_BYTES_MAX;
use crate::scram::ScramKeys;
use crate::standing::Standing;

/// A local identity that has shown an issued password.
#[derive(Debug)]
pub struct LocalLogin {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// The databases that the password opens.
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
}
