use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::request::Approver;

/// What stands before the name of one identity; anything else is a group.
const IDENTITY: &str = "identity:";

/// Somebody who is asked: a group, or one identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// Everybody in the group.
    Group(Arc<str>),
    /// This identity alone.
    Identity(Arc<str>),
}

/// A text that names nobody. The fault is with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names nobody: give groups, or identity:NAME, with | between")]
pub struct PartyError(String);

impl Party {
    /// Whether `approver` is one of them.
    pub fn has(&self, approver: &Approver) -> bool {
        match self {
            Self::Group(group) => approver.groups.contains(group),
            Self::Identity(name) => *approver.name == **name,
        }
    }

    /// Reads `finance|identity:carol`, sorted, each once.
    ///
    /// # Errors
    /// When a part of it names nobody.
    pub fn list(text: &str) -> Result<Vec<Self>, PartyError> {
        let mut parties: Vec<Self> = text.split('|').map(str::parse).collect::<Result<_, _>>()?;
        parties.sort();
        parties.dedup();
        Ok(parties)
    }
}

/// `finance or carol`.
pub fn in_words(parties: &[Party]) -> String {
    let words: Vec<&str> = parties
        .iter()
        .map(|party| match party {
            Party::Group(name) | Party::Identity(name) => &**name,
        })
        .collect();
    words.join(" or ")
}

impl FromStr for Party {
    type Err = PartyError;

    fn from_str(text: &str) -> Result<Self, PartyError> {
        let text = text.trim();
        let (name, is_identity) = match text.strip_prefix(IDENTITY) {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(PartyError(text.to_owned()));
        }
        Ok(if is_identity {
            Self::Identity(name.into())
        } else {
            Self::Group(name.into())
        })
    }
}

impl TryFrom<String> for Party {
    type Error = PartyError;

    fn try_from(text: String) -> Result<Self, PartyError> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.to_string()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => f.write_str(name),
            Self::Identity(name) => write!(f, "{IDENTITY}{name}"),
        }
    }
}
