use super::{Context, Login};
use crate::directory::CredentialState;
use crate::failure::{FailureReason, LoginFailure};
use crate::scram::{ScramChallenge, ScramError, ScramKeys, ScramServer};

/// A SCRAM exchange that has not begun.
#[derive(Debug)]
pub struct ScramLogin {
    context: Context,
    server: ScramServer,
    keys: Vec<ScramKeys>,
}

impl ScramLogin {
    pub(super) fn new(context: Context, server: ScramServer, keys: Vec<ScramKeys>) -> Self {
        Self { context, server, keys }
    }

    /// The mechanisms to offer (`AuthenticationSASL`), the preferred one first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        self.server.mechanisms()
    }

    /// Reads `SASLInitialResponse` and gives the body of `AuthenticationSASLContinue`.
    ///
    /// # Errors
    /// When the exchange can't go on.
    pub fn begin(self, mechanism: &str, initial: &[u8]) -> Result<(Vec<u8>, ScramLoginChallenge), LoginFailure> {
        match self.server.begin(mechanism, initial) {
            Ok((message, challenge)) => {
                let challenge = ScramLoginChallenge {
                    context: self.context,
                    challenge,
                    keys: self.keys,
                };
                Ok((message, challenge))
            }
            Err(error) => Err(self.context.fail(FailureReason::Scram(error))),
        }
    }
}

/// A SCRAM exchange that awaits the client's proof.
#[derive(Debug)]
pub struct ScramLoginChallenge {
    context: Context,
    challenge: ScramChallenge,
    keys: Vec<ScramKeys>,
}

impl ScramLoginChallenge {
    /// Reads `SASLResponse` and gives the body of `AuthenticationSASLFinal`, and the login.
    ///
    /// # Errors
    /// When the proof is wrong, or right for a password that no longer opens this database.
    pub fn finish(self, client_final: &[u8]) -> Result<(Vec<u8>, Login), LoginFailure> {
        let context = self.context;
        let unknown = self.keys.is_empty();
        let proof = match self.challenge.finish(client_final) {
            Ok(proof) => proof,
            Err(ScramError::WrongProof) => {
                let known = context.directory.find(&context.user).is_some();
                let reason = match (unknown, known) {
                    (true, false) => FailureReason::UnknownUser,
                    _ => FailureReason::WrongPassword,
                };
                return Err(context.fail(reason));
            }
            Err(error) => return Err(context.fail(FailureReason::Scram(error))),
        };
        match self.keys.get(proof.candidate) {
            Some(keys) => local_login(context, keys).map(|login| (proof.server_final, login)),
            None => Err(context.fail(FailureReason::WrongPassword)),
        }
    }
}

/// The login of a local identity whose password with these keys was shown.
pub(super) fn local_login(context: Context, keys: &ScramKeys) -> Result<Login, LoginFailure> {
    // The generation is read first: a revocation in between is then found at the first statement.
    let generation = context.directory.generation();
    match context
        .directory
        .credential_state(&context.user, keys, &context.database)
    {
        CredentialState::Valid {
            principal,
            expires_unix_seconds,
        } => Ok(context.login(principal, expires_unix_seconds, generation)),
        CredentialState::Expired => {
            let hint = "The password has expired; ask for a new one.";
            Err(context.fail_genuine(FailureReason::PasswordExpired, hint))
        }
        CredentialState::Revoked => {
            let hint = "The password was revoked; ask whoever runs the gateway for access.";
            Err(context.fail_genuine(FailureReason::Revoked, hint))
        }
        CredentialState::OtherDatabase => {
            let hint = "The password was issued for another database.";
            Err(context.fail_genuine(FailureReason::OtherDatabase, hint))
        }
        CredentialState::Gone => Err(context.fail(FailureReason::WrongPassword)),
    }
}
