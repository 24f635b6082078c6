//! Who decides: a local person, as the directory knows them now, or the system account behind the control socket.

use durward_change::limits::NOTE_BYTES_MAX;
use durward_change::{Approver, Request};
use durward_identity::{Directory, IdentitySummary};
use durward_model::PrincipalKind;
use serde::{Deserialize, Serialize};

/// Who wants to decide, and how that is known.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// The local identity; none for a system account in its own name.
    pub identity: Option<&'a str>,
    /// By what it is known: a system account, or a login and its credential.
    pub account: &'a str,
    /// A change of one's own is approved knowingly.
    pub confirms: bool,
}

/// A decision, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// Whether an identity may see what lies on the desk for a database: it is a person, and has a password that opens it, at
/// `now` in seconds since 1970.
pub fn opens(directory: &Directory, identity: &str, database: &str, now: u64) -> bool {
    let identities = directory.list();
    let mut people = identities.iter().filter(|known| is_person(known));
    people.any(|known| *known.name == *identity) && has_password(directory, identity, database, now)
}

/// Whether an identity may use a database at all: it has a password that opens it, at `now` in seconds since 1970.
pub fn has_password(directory: &Directory, identity: &str, database: &str, now: u64) -> bool {
    let identities = directory.list();
    let known = identities.iter().filter(|known| *known.name == *identity);
    let mut credentials = known.flat_map(|known| &known.credentials);
    credentials.any(|credential| {
        let stands = credential.revoked_unix_seconds.is_none() && credential.expires_unix_seconds > now;
        stands && credential.databases.iter().any(|opened| **opened == *database)
    })
}

/// Why somebody can't decide at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// There is no such identity.
    #[error("there is no local identity {0}")]
    Unknown(String),
    /// Only people decide.
    #[error("{0} can't approve: it is no person, or revoked")]
    NoPerson(String),
    /// A note that is no line.
    #[error("a note is one line of at most {NOTE_BYTES_MAX} bytes")]
    Note,
}

impl Decider<'_> {
    /// The approver that this is for `request`: groups and other people are looked up now.
    ///
    /// # Errors
    /// When the identity is unknown, revoked or no person.
    pub fn approver(&self, directory: &Directory, request: &Request) -> Result<Approver, DecideError> {
        let identities = directory.list();
        let principal = &request.asked.principal;
        let others = identities
            .iter()
            .filter(|identity| is_person(identity))
            .any(|identity| !principal.involves(&identity.name));
        let mut approver = Approver {
            name: self.account.to_owned(),
            groups: Vec::new(),
            account: Some(self.account.to_owned()),
            is_only_one: !others,
            confirms: self.confirms,
        };
        if let Some(name) = self.identity {
            let identity = identities.iter().find(|identity| *identity.name == *name);
            let identity = identity.ok_or_else(|| DecideError::Unknown(name.to_owned()))?;
            if !is_person(identity) {
                return Err(DecideError::NoPerson(name.to_owned()));
            }
            approver.name = name.to_owned();
            approver.groups.clone_from(&identity.groups);
        }
        Ok(approver)
    }
}

/// What is said along with a decision: one line, or nothing.
///
/// # Errors
/// When it is longer, or more than a line.
pub fn note(note: Option<&str>) -> Result<Option<String>, DecideError> {
    match note {
        Some(note) if note.len() > NOTE_BYTES_MAX || note.chars().any(char::is_control) => Err(DecideError::Note),
        Some(note) => Ok(Some(note.to_owned())),
        None => Ok(None),
    }
}

fn is_person(identity: &IdentitySummary) -> bool {
    identity.revoked_unix_seconds.is_none() && matches!(identity.kind, PrincipalKind::Operator | PrincipalKind::Person)
}
