use std::sync::Arc;

use durward_model::{Principal, Refusal, sqlstate};

use crate::directory::Directory;

/// Whether a login still stands, asked before each statement.
///
/// The usual answer costs one atomic load and one look at the clock; the directory is asked again only after it has
/// changed.
#[derive(Debug)]
pub struct Standing {
    directory: Arc<Directory>,
    principal: Arc<Principal>,
    expires_unix_seconds: Option<u64>,
    generation_checked: u64,
}

impl Standing {
    pub(crate) fn new(
        directory: Arc<Directory>,
        principal: Arc<Principal>,
        expires_unix_seconds: Option<u64>,
        generation_checked: u64,
    ) -> Self {
        Self {
            directory,
            principal,
            expires_unix_seconds,
            generation_checked,
        }
    }

    /// That of somebody who came through the gateway itself: for as long as nobody in the chain is revoked.
    pub fn inside(directory: Arc<Directory>, principal: Arc<Principal>) -> Self {
        // A generation that none is looks at the directory at once.
        Self::new(directory, principal, None, u64::MAX)
    }

    /// When the credential ends, in seconds since 1970; none if it doesn't end by itself.
    pub fn expires_unix_seconds(&self) -> Option<u64> {
        self.expires_unix_seconds
    }

    /// Lets a statement through if nobody in the chain and not the credential has been revoked, and the credential has
    /// not ended. A refused login stays refused.
    ///
    /// # Errors
    /// The refusal to send (`WD007`).
    pub fn check(&mut self) -> Result<(), Refusal> {
        if let Some(end) = self.expires_unix_seconds
            && self.directory.clock().unix_seconds() >= end
        {
            let refusal = Refusal::new(
                sqlstate::IDENTITY_INVALID,
                "identity-expired",
                "the credential of this session has expired",
            );
            return Err(refusal.with_hint("Connect again with a new password or token."));
        }
        let generation = self.directory.generation();
        if generation != self.generation_checked {
            if !self.directory.stands(&self.principal) {
                let message = format!("the identity of this session was revoked: {}", self.principal);
                let refusal = Refusal::new(sqlstate::IDENTITY_INVALID, "identity-revoked", message);
                return Err(refusal.with_hint("Ask whoever runs the gateway for access."));
            }
            self.generation_checked = generation;
        }
        Ok(())
    }
}
