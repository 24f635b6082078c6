use std::sync::Arc;

use durward_model::{Assurance, CredentialId, CredentialKind, Principal, PrincipalKind, Subject};
use zeroize::Zeroizing;

use super::scram_login::local_login;
use super::{Context, Login, PASSTHROUGH_ALIAS, UpstreamLogin};
use crate::failure::{FailureReason, LoginFailure};
use crate::jwt::{Issuers, TOKEN_BYTES_MAX, TokenError, looks_like_token};
use crate::password::{IssuedPassword, PASSWORD_PREFIX};
use crate::standing::Standing;

/// The password itself is awaited, over a connection that nobody else reads.
#[derive(Debug)]
pub struct CleartextLogin {
    context: Context,
    issuers: Arc<Issuers>,
    passthrough_allowed: bool,
}

impl CleartextLogin {
    pub(super) fn new(context: Context, issuers: Arc<Issuers>, passthrough_allowed: bool) -> Self {
        Self {
            context,
            issuers,
            passthrough_allowed,
        }
    }

    /// Judges `password`, the body of `PasswordMessage` without its final zero. Cancel safe: yes; a dropped login is
    /// neither success nor failure.
    ///
    /// # Errors
    /// When it is not good enough.
    pub async fn verify(self, password: &[u8]) -> Result<Login, LoginFailure> {
        if password.is_empty() || password.len() > TOKEN_BYTES_MAX {
            return Err(self.context.fail(FailureReason::PasswordLength));
        }
        if let Some(found) = self.context.directory.find(&self.context.user) {
            if let Some(keys) = found.keys.iter().find(|keys| keys.matches(password, &found.salt)) {
                return local_login(self.context, keys);
            }
            return Err(self.context.fail(FailureReason::WrongPassword));
        }
        if looks_like_token(password) {
            return self.token_login(password).await;
        }
        let text = std::str::from_utf8(password).unwrap_or_default();
        if !self.passthrough_allowed {
            return Err(self.context.fail(FailureReason::UnknownUser));
        }
        if text.starts_with(PASSWORD_PREFIX) && IssuedPassword::is_well_formed(text) {
            return Err(self.context.fail(FailureReason::SecretNotPassedOn));
        }
        self.passthrough_login(Zeroizing::new(password.to_vec()))
    }

    async fn token_login(self, password: &[u8]) -> Result<Login, LoginFailure> {
        let context = self.context;
        if self.issuers.is_empty() {
            return Err(context.fail(FailureReason::SecretNotPassedOn));
        }
        let Ok(token) = std::str::from_utf8(password) else {
            return Err(context.fail(FailureReason::Token(TokenError::Malformed("not UTF-8"))));
        };
        let generation = context.directory.generation();
        let (identity, opens_database) = match self.issuers.verify(token, &context.database).await {
            Ok(verified) => verified,
            Err(TokenError::Expired) => {
                let hint = "The token has expired; log in again for a new one.";
                return Err(context.fail_genuine(FailureReason::Token(TokenError::Expired), hint));
            }
            Err(error) => return Err(context.fail(FailureReason::Token(error))),
        };
        if !opens_database {
            let hint = "Tokens of this issuer don't open this database.";
            return Err(context.fail_genuine(FailureReason::OtherDatabase, hint));
        }
        if !context.directory.stands(&identity.principal) {
            let hint = "This identity was revoked here; ask whoever runs the gateway for access.";
            return Err(context.fail_genuine(FailureReason::Revoked, hint));
        }
        Ok(context.login(identity.principal, identity.expires_unix_seconds, generation))
    }

    /// The database itself will judge the password.
    fn passthrough_login(self, password: Zeroizing<Vec<u8>>) -> Result<Login, LoginFailure> {
        let context = self.context;
        let name: Arc<str> = format!("{PASSTHROUGH_ALIAS}|{}", context.user).into();
        let principal = Principal {
            subject: Subject {
                name: Arc::clone(&name),
                kind: PrincipalKind::Passthrough,
            },
            actors: Vec::new(),
            groups: Vec::new(),
            subject_groups: Vec::new(),
            assurance: Assurance::Weak,
            credential_kind: CredentialKind::Passthrough,
            credential: CredentialId(name),
            purpose: None,
        };
        let generation = context.directory.generation();
        if !context.directory.stands(&principal) {
            return Err(context.fail(FailureReason::Revoked));
        }
        let principal = Arc::new(principal);
        Ok(Login {
            standing: Standing::new(context.directory, Arc::clone(&principal), None, generation),
            principal,
            upstream: UpstreamLogin::Passthrough {
                user: context.user.as_ref().to_owned(),
                password,
            },
            attempt: Some(context.attempt),
            user: context.user,
        })
    }
}
