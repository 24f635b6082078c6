//! The gateway's own identities: who they are, what groups they are in, whom an agent acts for, and the passwords that
//! were issued to them.

mod file;
mod lookup;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use durward_model::{CredentialId, PrincipalKind};
use thiserror::Error;

use crate::clock::Clock;
use crate::password::IssuedPassword;
use crate::scram::{ScramKeys, ScramSalt};
use file::{Contents, Credential, DirectoryFile, Identity, Stamp};
pub(crate) use lookup::CredentialState;

/// How long an issued password is valid unless said otherwise.
pub const PASSWORD_VALID_SECONDS_DEFAULT: u64 = 30 * 24 * 3_600;
/// Passwords that one identity may hold; those past their end are dropped to make room.
pub const CREDENTIALS_PER_IDENTITY_MAX: usize = 16;
/// The longest name of an identity, in bytes: that of a PostgreSQL role (`NAMEDATALEN` - 1).
pub const NAME_BYTES_MAX: usize = 63;

/// Why the directory can't be read or changed.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file can be read by others.
    #[error("{} can be read by other users; make it private: chmod 600", path.display())]
    Readable {
        /// Which file.
        path: PathBuf,
    },
    /// The file is not a directory of identities.
    #[error("{} can't be used: {problem}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Randomness(getrandom::Error),
    /// A name that can't be used.
    #[error(
        "\"{0}\" can't be a name: use 1 to 63 letters, digits, '.', '_', '@' and '-', beginning with a letter or digit"
    )]
    InvalidName(String),
    /// The name is in use.
    #[error("\"{0}\" exists already")]
    Exists(String),
    /// No such identity or credential.
    #[error("\"{0}\" doesn't exist")]
    Unknown(String),
    /// The identity was revoked.
    #[error("\"{0}\" is revoked")]
    Revoked(String),
    /// The identity can't be what was asked for.
    #[error("{0}")]
    Invalid(&'static str),
}

impl From<getrandom::Error> for DirectoryError {
    fn from(error: getrandom::Error) -> Self {
        Self::Randomness(error)
    }
}

impl DirectoryError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// An identity to be added.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// Its name; what clients give as user.
    pub name: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// Its groups.
    pub groups: Vec<String>,
    /// For an agent: the person it acts for, by local name or as `issuer|subject`.
    pub acts_for: Option<String>,
}

/// An identity as shown in lists; no secrets.
#[derive(Debug, Clone, serde::Serialize)]
pub struct IdentitySummary {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: PrincipalKind,
    /// Its groups, sorted.
    pub groups: Vec<Arc<str>>,
    /// Whom it acts for.
    pub acts_for: Option<Arc<str>>,
    /// When it was revoked, in seconds since 1970.
    pub revoked_unix_seconds: Option<u64>,
    /// Its passwords, oldest first.
    pub credentials: Vec<CredentialSummary>,
}

/// A credential as shown in lists; no secrets.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CredentialSummary {
    /// Its public name.
    pub id: CredentialId,
    /// The databases that it opens.
    pub databases: Vec<Arc<str>>,
    /// When it ends, in seconds since 1970.
    pub expires_unix_seconds: u64,
    /// When it was revoked, in seconds since 1970.
    pub revoked_unix_seconds: Option<u64>,
}

/// The directory, shared by everything that logs in or asks whether a login still stands.
///
/// Reads touch memory only. A change is written to disk before it is seen, under a lock that other processes honour; what
/// another process changes is seen at the next [`Directory::refresh`].
#[derive(Debug)]
pub struct Directory {
    file: DirectoryFile,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Snapshot>,
    /// Goes up whenever an answer about who may be here can have changed.
    generation: AtomicU64,
    writing: Mutex<()>,
}

/// One version of the directory in memory.
#[derive(Debug)]
struct Snapshot {
    contents: Contents,
    places: HashMap<Arc<str>, usize>,
    revoked_names: HashSet<Arc<str>>,
    revoked_credentials: HashSet<CredentialId>,
    stamp: Stamp,
}

impl Snapshot {
    fn new(contents: Contents, stamp: Stamp) -> Self {
        Self {
            places: contents
                .identities
                .iter()
                .enumerate()
                .map(|(place, identity)| (identity.name.clone(), place))
                .collect(),
            revoked_names: contents.revoked_names.iter().cloned().collect(),
            revoked_credentials: contents.revoked_credentials.iter().cloned().collect(),
            contents,
            stamp,
        }
    }

    fn identity(&self, name: &str) -> Option<&Identity> {
        self.places
            .get(name)
            .and_then(|place| self.contents.identities.get(*place))
    }
}

impl Directory {
    /// Opens the directory in `data_dir`; makes an empty one where there is none.
    ///
    /// # Errors
    /// When the file can't be read, is not a directory, or is open to other users.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, DirectoryError> {
        let file = DirectoryFile::open(data_dir)?;
        let (contents, stamp) = file.read()?;
        Ok(Arc::new(Self {
            file,
            clock,
            current: ArcSwap::from_pointee(Snapshot::new(contents, stamp)),
            generation: AtomicU64::new(1),
            writing: Mutex::new(()),
        }))
    }

    /// The clock that the directory goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// All identities, by name.
    pub fn list(&self) -> Vec<IdentitySummary> {
        let snapshot = self.current.load();
        let mut list: Vec<_> = snapshot.contents.identities.iter().map(summary).collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list
    }

    /// Names of other directories (`issuer|subject`, `database|account`) that are revoked here.
    pub fn revoked_names(&self) -> Vec<Arc<str>> {
        self.current.load().contents.revoked_names.clone()
    }

    /// Adds an identity.
    ///
    /// # Errors
    /// When the name is taken or unusable, when an agent acts for nobody, or when the file can't be written.
    pub fn add(&self, new: NewIdentity) -> Result<(), DirectoryError> {
        check_name(&new.name)?;
        let is_agent = new.kind == PrincipalKind::Agent;
        match (new.kind, &new.acts_for) {
            (PrincipalKind::Passthrough, _) => {
                return Err(DirectoryError::Invalid(
                    "passthrough accounts belong to the database, not to the directory",
                ));
            }
            (PrincipalKind::Agent, None) => return Err(DirectoryError::Invalid("an agent needs a person to act for")),
            (_, Some(_)) if !is_agent => return Err(DirectoryError::Invalid("only an agent acts for somebody")),
            _ => {}
        }
        let groups: BTreeSet<Arc<str>> = new.groups.iter().map(|group| Arc::from(group.as_str())).collect();
        let salt = ScramSalt::generate()?;
        self.change(|contents, now| {
            if contents.identities.iter().any(|identity| *identity.name == *new.name) {
                return Err(DirectoryError::Exists(new.name.clone()));
            }
            if let Some(person) = new.acts_for.as_deref().filter(|name| !is_foreign(name)) {
                let found = contents.identities.iter().find(|identity| &*identity.name == person);
                let found = found.ok_or_else(|| DirectoryError::Unknown(person.to_owned()))?;
                if !matches!(found.kind, PrincipalKind::Person | PrincipalKind::Operator) {
                    return Err(DirectoryError::Invalid("an agent acts for a person"));
                }
            }
            contents.identities.push(Identity {
                name: new.name.as_str().into(),
                kind: new.kind,
                groups: groups.iter().cloned().collect(),
                acts_for: new.acts_for.as_deref().map(Arc::from),
                created_unix_seconds: now,
                revoked_unix_seconds: None,
                salt,
                credentials: Vec::new(),
            });
            Ok(())
        })
    }

    /// Issues a password that opens `databases` for `valid_seconds`. It is returned once and kept nowhere.
    ///
    /// # Errors
    /// When the identity is unknown or revoked, holds too many passwords, or the file can't be written.
    pub fn issue_password(
        &self,
        name: &str,
        databases: &[&str],
        valid_seconds: u64,
    ) -> Result<(CredentialId, IssuedPassword), DirectoryError> {
        if databases.is_empty() {
            return Err(DirectoryError::Invalid("a password is bound to at least one database"));
        }
        let password = IssuedPassword::generate()?;
        let mut id = [0; 8];
        getrandom::fill(&mut id)?;
        let id = CredentialId(format!("pw-{:016x}", u64::from_be_bytes(id)).into());
        self.change(|contents, now| {
            let identity = find(contents, name)?;
            if identity.revoked_unix_seconds.is_some() {
                return Err(DirectoryError::Revoked(name.to_owned()));
            }
            let has_room = |credentials: &[Credential]| credentials.len() < CREDENTIALS_PER_IDENTITY_MAX;
            if !has_room(&identity.credentials) {
                identity.credentials.retain(|credential| {
                    credential.expires_unix_seconds > now && credential.revoked_unix_seconds.is_none()
                });
            }
            if !has_room(&identity.credentials) {
                return Err(DirectoryError::Invalid(
                    "this identity holds 16 passwords; revoke one first",
                ));
            }
            identity.credentials.push(Credential {
                id: id.clone(),
                databases: databases.iter().map(|database| Arc::from(*database)).collect(),
                created_unix_seconds: now,
                expires_unix_seconds: now.saturating_add(valid_seconds),
                revoked_unix_seconds: None,
                scram_sha_256: ScramKeys::derive(password.expose().as_bytes(), &identity.salt),
            });
            Ok(())
        })?;
        Ok((id, password))
    }

    /// Revokes an identity: it can't log in again, and its open sessions, with those of agents that act for it, are
    /// refused at their next statement. A name of another directory (`issuer|subject`) is revoked here too.
    ///
    /// # Errors
    /// When there is no such local identity, or the file can't be written.
    pub fn revoke(&self, name: &str) -> Result<(), DirectoryError> {
        self.change(|contents, now| {
            if is_foreign(name) {
                if !contents.revoked_names.iter().any(|revoked| &**revoked == name) {
                    contents.revoked_names.push(name.into());
                }
                return Ok(());
            }
            let identity = find(contents, name)?;
            identity.revoked_unix_seconds.get_or_insert(now);
            Ok(())
        })
    }

    /// Revokes one credential: an issued password, or a token by its public name.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn revoke_credential(&self, id: &CredentialId) -> Result<(), DirectoryError> {
        self.change(|contents, now| {
            let mut credentials = contents
                .identities
                .iter_mut()
                .flat_map(|identity| &mut identity.credentials);
            if let Some(credential) = credentials.find(|credential| credential.id == *id) {
                credential.revoked_unix_seconds.get_or_insert(now);
            } else if !contents.revoked_credentials.contains(id) {
                contents.revoked_credentials.push(id.clone());
            }
            Ok(())
        })
    }

    /// Takes a revocation of an identity back. Its passwords that were not revoked themselves are valid again.
    ///
    /// # Errors
    /// When there is no such local identity, or the file can't be written.
    pub fn reinstate(&self, name: &str) -> Result<(), DirectoryError> {
        self.change(|contents, _| {
            if is_foreign(name) {
                contents.revoked_names.retain(|revoked| &**revoked != name);
                return Ok(());
            }
            find(contents, name)?.revoked_unix_seconds = None;
            Ok(())
        })
    }

    /// Reads the file again if another process has changed it. Returns whether it had.
    ///
    /// # Errors
    /// When the file can't be read; what was known before stays in force.
    pub fn refresh(&self) -> Result<bool, DirectoryError> {
        if self.file.stamp()? == self.current.load().stamp {
            return Ok(false);
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (contents, stamp) = self.file.read()?;
        self.publish(contents, stamp);
        Ok(true)
    }

    /// Calls [`Directory::refresh`] every `interval` until dropped or aborted. Cancel safe: yes.
    pub async fn watch(self: Arc<Self>, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        let mut failing = false;
        loop {
            ticks.tick().await;
            match self.refresh() {
                Ok(_) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "the identities can't be read again; the last known ones stay in force");
                }
                Err(_) => {}
            }
        }
    }

    /// Changes with every version of the directory: a login that stood at one generation need not be asked about again
    /// until the next.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Applies `edit` to what is on disk now, and puts the result on disk and in force.
    fn change(
        &self,
        edit: impl FnOnce(&mut Contents, u64) -> Result<(), DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.file.lock()?;
        let (mut contents, _) = self.file.read()?;
        edit(&mut contents, self.clock.unix_seconds())?;
        self.file.replace(&contents)?;
        let stamp = self.file.stamp()?;
        self.publish(contents, stamp);
        Ok(())
    }

    fn publish(&self, contents: Contents, stamp: Stamp) {
        self.current.store(Arc::new(Snapshot::new(contents, stamp)));
        // INVARIANT: the generation goes up after the snapshot is in place, so that whoever sees the new number sees the
        // new snapshot.
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// Whether a name belongs to another directory: `issuer|subject` or `database|account`.
pub(crate) fn is_foreign(name: &str) -> bool {
    name.contains('|')
}

fn check_name(name: &str) -> Result<(), DirectoryError> {
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let all_well = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
    if begins_well && all_well && name.len() <= NAME_BYTES_MAX {
        Ok(())
    } else {
        Err(DirectoryError::InvalidName(name.chars().take(NAME_BYTES_MAX).collect()))
    }
}

fn find<'a>(contents: &'a mut Contents, name: &str) -> Result<&'a mut Identity, DirectoryError> {
    let mut identities = contents.identities.iter_mut();
    identities
        .find(|identity| &*identity.name == name)
        .ok_or_else(|| DirectoryError::Unknown(name.to_owned()))
}

fn summary(identity: &Identity) -> IdentitySummary {
    IdentitySummary {
        name: identity.name.clone(),
        kind: identity.kind,
        groups: identity.groups.clone(),
        acts_for: identity.acts_for.clone(),
        revoked_unix_seconds: identity.revoked_unix_seconds,
        credentials: identity
            .credentials
            .iter()
            .map(|credential| CredentialSummary {
                id: credential.id.clone(),
                databases: credential.databases.clone(),
                expires_unix_seconds: credential.expires_unix_seconds,
                revoked_unix_seconds: credential.revoked_unix_seconds,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
