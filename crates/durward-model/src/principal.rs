use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who is behind a connection: verified once at login, carried in every decision and record.
///
/// An agent acts for a person: `subject` is then the person and `actors` the chain of agents, nearest to the
/// connection first (RFC 8693 section 4.1). Rights of a chain are the intersection of its members' rights.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// On whose behalf the statement runs.
    pub subject: Subject,
    /// Who acts for the subject, nearest to the connection first; empty when the subject acts itself.
    pub actors: Vec<Subject>,
    /// Groups of the acting party, sorted.
    pub groups: Vec<Arc<str>>,
    /// Groups of the subject, sorted, so that what binds the person binds the agent too; the same as `groups` when the
    /// subject acts itself.
    pub subject_groups: Vec<Arc<str>>,
    /// How well the identity was proved.
    pub assurance: Assurance,
    /// The kind of credential that was shown.
    pub credential_kind: CredentialKind,
    /// The credential that was shown, for revocation; never the secret.
    pub credential: CredentialId,
    /// Why access was asked for, where the credential says so.
    pub purpose: Option<Arc<str>>,
}

impl Principal {
    /// The party at the other end of the connection: the nearest actor, else the subject.
    pub fn acting(&self) -> &Subject {
        self.actors.first().unwrap_or(&self.subject)
    }

    /// The kind that decides default rights: that of the acting party.
    pub fn kind(&self) -> PrincipalKind {
        self.acting().kind
    }

    /// Whether `name` is the subject or anyone in the chain: revoking one member ends all that rests on it.
    pub fn involves(&self, name: &str) -> bool {
        std::iter::once(&self.subject)
            .chain(&self.actors)
            .any(|member| &*member.name == name)
    }
}

impl fmt::Display for Principal {
    /// `alice`, or `claude for alice` for an agent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for actor in &self.actors {
            write!(f, "{} for ", actor.name)?;
        }
        f.write_str(&self.subject.name)
    }
}

/// One named party.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The unique name: a local identity's name, or `issuer|sub` of a token.
    pub name: Arc<str>,
    /// What kind of party it is.
    pub kind: PrincipalKind,
}

/// What kind of party a subject is; the default policy pack goes by it (see the guide on policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person who may do all that the upstream login may.
    Operator,
    /// A person.
    Person,
    /// A program that decides by itself what to send, acting for a person.
    Agent,
    /// An application.
    Service,
    /// A database account of the upstream server itself, let through with its own password.
    Passthrough,
}

impl PrincipalKind {
    /// The word used in policies, records and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Person => "person",
            Self::Agent => "agent",
            Self::Service => "service",
            Self::Passthrough => "passthrough",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How well an identity was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Another system's shared account: the person behind it is not known.
    Weak,
    /// A secret that the gateway issued to one identity.
    Issued,
    /// A signed, short-lived assertion by an identity provider.
    Asserted,
}

/// The kind of credential that was shown at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A password that the gateway issued.
    IssuedPassword,
    /// A JSON Web Token.
    Jwt,
    /// The database's own account and password.
    Passthrough,
    /// None: whoever may use the gateway's own account on its machine.
    SystemAccount,
}

/// A credential's public name: enough to revoke it, useless to log in with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(pub Arc<str>);
