use std::sync::Arc;

use durward_model::{Assurance, CredentialId, CredentialKind, Principal, PrincipalKind, Subject};

use super::file::{Credential, Identity};
use super::{Directory, Snapshot, is_foreign};
use crate::scram::{ScramKeys, ScramSalt};

/// An identity as a login finds it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) salt: ScramSalt,
    /// The keys of all its credentials, valid or not: which one was shown is known only afterwards.
    pub(crate) keys: Vec<ScramKeys>,
}

/// What a right password turned out to be.
#[derive(Debug)]
pub(crate) enum CredentialState {
    /// It opens the database, until then.
    Valid {
        principal: Principal,
        expires_unix_seconds: u64,
    },
    /// It is past its end.
    Expired,
    /// It, its identity, or the person behind the agent was revoked.
    Revoked,
    /// It opens other databases.
    OtherDatabase,
    /// It is no longer in the directory.
    Gone,
}

impl Directory {
    /// Looks a user up.
    pub(crate) fn find(&self, user: &str) -> Option<Found> {
        let snapshot = self.current.load();
        snapshot.identity(user).map(|identity| Found {
            salt: identity.salt,
            keys: identity
                .credentials
                .iter()
                .map(|credential| credential.scram_sha_256.clone())
                .collect(),
        })
    }

    /// The salt to show for a user who doesn't exist.
    pub(crate) fn mock_salt(&self, user: &str) -> ScramSalt {
        ScramSalt::mock(self.current.load().contents.mock_key.as_bytes(), user)
    }

    /// What the credential of `user` with these keys is worth for `database`, now.
    pub(crate) fn credential_state(&self, user: &str, keys: &ScramKeys, database: &str) -> CredentialState {
        let snapshot = self.current.load();
        let Some(identity) = snapshot.identity(user) else {
            return CredentialState::Gone;
        };
        let mut credentials = identity.credentials.iter();
        let Some(credential) = credentials.find(|credential| credential.scram_sha_256 == *keys) else {
            return CredentialState::Gone;
        };
        if credential.revoked_unix_seconds.is_some() {
            return CredentialState::Revoked;
        }
        if credential.expires_unix_seconds <= self.clock.unix_seconds() {
            return CredentialState::Expired;
        }
        let Some(principal) = principal_of(&snapshot, identity, credential) else {
            return CredentialState::Revoked;
        };
        if !credential.databases.iter().any(|allowed| &**allowed == database) {
            return CredentialState::OtherDatabase;
        }
        CredentialState::Valid {
            principal,
            expires_unix_seconds: credential.expires_unix_seconds,
        }
    }

    /// The databases that the credential of `user` with these keys opens.
    pub(crate) fn databases_of(&self, user: &str, keys: &ScramKeys) -> Vec<Arc<str>> {
        let snapshot = self.current.load();
        let credentials = snapshot
            .identity(user)
            .into_iter()
            .flat_map(|identity| &identity.credentials);
        credentials
            .filter(|credential| credential.scram_sha_256 == *keys)
            .flat_map(|credential| credential.databases.iter().cloned())
            .collect()
    }

    /// The principal that `name` would be after a login with an issued password, for explaining decisions without one.
    pub fn principal(&self, name: &str) -> Option<Principal> {
        let snapshot = self.current.load();
        let identity = snapshot.identity(name)?;
        let (subject, actors) = chain(&snapshot, identity)?;
        Some(Principal {
            actors,
            groups: identity.groups.clone(),
            subject_groups: groups_of(&snapshot, &subject),
            subject,
            assurance: Assurance::Issued,
            credential_kind: CredentialKind::IssuedPassword,
            credential: CredentialId("none".into()),
            purpose: None,
        })
    }

    /// Whether nobody in the chain, and not the credential, has been revoked or removed. Expiry is not looked at.
    pub fn stands(&self, principal: &Principal) -> bool {
        let snapshot = self.current.load();
        let members_stand = std::iter::once(&principal.subject)
            .chain(&principal.actors)
            .all(|member| member_stands(&snapshot, member, principal.credential_kind));
        let credential_stands = match principal.credential_kind {
            CredentialKind::IssuedPassword => {
                let identity = snapshot.identity(&principal.acting().name);
                identity
                    .into_iter()
                    .flat_map(|identity| &identity.credentials)
                    .any(|credential| {
                        credential.id == principal.credential && credential.revoked_unix_seconds.is_none()
                    })
            }
            CredentialKind::Jwt | CredentialKind::Passthrough | CredentialKind::SystemAccount => {
                !snapshot.revoked_credentials.contains(&principal.credential)
            }
        };
        members_stand && credential_stands
    }
}

/// A local name must exist and stand; a foreign one must not be revoked.
fn member_stands(snapshot: &Snapshot, member: &Subject, credential_kind: CredentialKind) -> bool {
    match credential_kind {
        CredentialKind::IssuedPassword if !is_foreign(&member.name) => snapshot
            .identity(&member.name)
            .is_some_and(|identity| identity.revoked_unix_seconds.is_none()),
        CredentialKind::IssuedPassword
        | CredentialKind::Jwt
        | CredentialKind::Passthrough
        | CredentialKind::SystemAccount => !snapshot.revoked_names.contains(&member.name),
    }
}

fn principal_of(snapshot: &Snapshot, identity: &Identity, credential: &Credential) -> Option<Principal> {
    let (subject, actors) = chain(snapshot, identity)?;
    Some(Principal {
        actors,
        groups: identity.groups.clone(),
        subject_groups: groups_of(snapshot, &subject),
        subject,
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: credential.id.clone(),
        purpose: None,
    })
}

/// The subject and its actors; none if anyone in the chain is missing or revoked.
fn chain(snapshot: &Snapshot, identity: &Identity) -> Option<(Subject, Vec<Subject>)> {
    let itself = Subject {
        name: identity.name.clone(),
        kind: identity.kind,
    };
    if identity.revoked_unix_seconds.is_some() {
        return None;
    }
    let Some(person) = &identity.acts_for else {
        return Some((itself, Vec::new()));
    };
    let kind = if is_foreign(person) {
        (!snapshot.revoked_names.contains(person)).then_some(PrincipalKind::Person)?
    } else {
        let behind = snapshot.identity(person)?;
        behind.revoked_unix_seconds.is_none().then_some(behind.kind)?
    };
    let subject = Subject {
        name: Arc::clone(person),
        kind,
    };
    Some((subject, vec![itself]))
}

fn groups_of(snapshot: &Snapshot, subject: &Subject) -> Vec<Arc<str>> {
    snapshot
        .identity(&subject.name)
        .map(|identity| identity.groups.clone())
        .unwrap_or_default()
}
