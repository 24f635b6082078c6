//! Local identities: the four that `up` and `demo` make, and what `durward identities` does. Every change is recorded.

use anyhow::{Context as _, ensure};
use durward_audit::{Event, IdentityChanged, Ledger};
use durward_identity::{Directory, IdentitySummary, NewIdentity, PASSWORD_VALID_SECONDS_DEFAULT};
use durward_model::PrincipalKind;
use serde::{Deserialize, Serialize};

use crate::control::NewIdentityRequest;

/// How many passwords one of the four identities keeps from earlier runs.
const PASSWORDS_KEPT: usize = 8;

/// A local identity that every new gateway has.
struct Standard {
    name: &'static str,
    kind: PrincipalKind,
    acts_for: Option<&'static str>,
    may: &'static str,
}

/// The person comes before the agent that acts for it.
const STANDARD: [Standard; 4] = [
    Standard {
        name: "operator",
        kind: PrincipalKind::Operator,
        acts_for: None,
        may: "may do all that the gateway's own login may",
    },
    Standard {
        name: "engineer",
        kind: PrincipalKind::Person,
        acts_for: None,
        may: "a person: reads, writes with a WHERE, adds tables and columns",
    },
    Standard {
        name: "agent",
        kind: PrincipalKind::Agent,
        acts_for: Some("engineer"),
        may: "an agent that acts for the engineer: reads, writes single rows by key",
    },
    Standard {
        name: "service",
        kind: PrincipalKind::Service,
        acts_for: None,
        may: "an application: reads and writes, adds tables and columns",
    },
];

/// An identity with the password that it was just given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// Its name.
    pub(crate) name: String,
    /// Its kind.
    pub(crate) kind: String,
    /// What clients give as user.
    pub(crate) user: String,
    /// The password; none for an identity that was revoked.
    pub(crate) password: Option<String>,
    /// The first database that the password opens.
    pub(crate) database: String,
    /// Whom it acts for.
    pub(crate) acts_for: Option<String>,
    /// What it may do, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) may: String,
}

/// Makes the four identities where they are missing, and gives each a new password for `database`: at rest there are only
/// hashes, so what was issued before can't be shown again.
pub(crate) fn issue_standard(
    directory: &Directory,
    ledger: &Ledger,
    database: &str,
    by: &str,
) -> anyhow::Result<Vec<Issued>> {
    let known = directory.list();
    let mut issued = Vec::new();
    for standard in &STANDARD {
        let there = known.iter().find(|identity| &*identity.name == standard.name);
        let revoked = there.is_some_and(|identity| identity.revoked_unix_seconds.is_some());
        let password = if revoked {
            None
        } else {
            if let Some(identity) = there {
                forget_oldest_passwords(directory, ledger, identity, by)?;
            }
            let request = NewIdentityRequest {
                name: standard.name.to_owned(),
                kind: there.is_none().then_some(standard.kind),
                acts_for: standard.acts_for.map(str::to_owned),
                groups: Vec::new(),
                databases: vec![database.to_owned()],
                valid_seconds: PASSWORD_VALID_SECONDS_DEFAULT,
            };
            add(directory, ledger, &request, by)?.password
        };
        issued.push(Issued {
            name: standard.name.to_owned(),
            kind: there.map_or(standard.kind, |identity| identity.kind).to_string(),
            user: standard.name.to_owned(),
            password,
            database: database.to_owned(),
            acts_for: standard.acts_for.map(str::to_owned),
            may: standard.may.to_owned(),
        });
    }
    Ok(issued)
}

fn forget_oldest_passwords(
    directory: &Directory,
    ledger: &Ledger,
    identity: &IdentitySummary,
    by: &str,
) -> anyhow::Result<()> {
    let valid: Vec<_> = identity
        .credentials
        .iter()
        .filter(|credential| credential.revoked_unix_seconds.is_none())
        .collect();
    for credential in valid.iter().take(valid.len().saturating_sub(PASSWORDS_KEPT)) {
        directory.revoke_credential(&credential.id)?;
        let credential = Some(credential.id.0.to_string());
        record(
            ledger,
            IdentityChanged {
                credential,
                ..changed(&identity.name, "password_revoked", by)
            },
        )?;
    }
    Ok(())
}

/// Adds an identity where a kind is given, and issues a password.
pub(crate) fn add(
    directory: &Directory,
    ledger: &Ledger,
    new: &NewIdentityRequest,
    by: &str,
) -> anyhow::Result<Issued> {
    let find = || {
        directory
            .list()
            .into_iter()
            .find(|identity| *identity.name == *new.name)
    };
    let there = find();
    match (&there, new.kind) {
        (None, None) => anyhow::bail!("there is no identity {}: say by --kind what to add", new.name),
        (None, Some(kind)) => {
            directory.add(NewIdentity {
                name: new.name.clone(),
                kind,
                groups: new.groups.clone(),
                acts_for: new.acts_for.clone(),
            })?;
            let added = IdentityChanged {
                kind: new.kind.map(|kind| kind.to_string()),
                acts_for: new.acts_for.clone(),
                groups: Some(new.groups.clone()),
                ..changed(&new.name, "added", by)
            };
            record(ledger, added)?;
        }
        (Some(_), kind) => {
            ensure!(
                kind.is_none(),
                "there is an identity {} already; without --kind it gets a new password",
                new.name
            );
        }
    }
    let databases: Vec<&str> = new.databases.iter().map(String::as_str).collect();
    let (credential, password) = directory.issue_password(&new.name, &databases, new.valid_seconds)?;
    let summary = find().context("the identity is gone")?;
    let issued = summary.credentials.iter().find(|known| known.id == credential);
    let password_issued = IdentityChanged {
        kind: new.kind.map(|kind| kind.to_string()),
        acts_for: new.acts_for.clone(),
        credential: Some(credential.0.to_string()),
        databases: Some(new.databases.clone()),
        valid_until: issued.map(|issued| issued.expires_unix_seconds),
        ..changed(&new.name, "password_issued", by)
    };
    record(ledger, password_issued)?;
    Ok(Issued {
        name: new.name.clone(),
        kind: summary.kind.to_string(),
        user: new.name.clone(),
        password: Some(password.expose().to_owned()),
        database: new.databases.first().cloned().unwrap_or_default(),
        acts_for: summary.acts_for.map(|person| person.to_string()),
        may: String::new(),
    })
}

/// Revokes an identity.
pub(crate) fn revoke(directory: &Directory, ledger: &Ledger, name: &str, by: &str) -> anyhow::Result<()> {
    directory.revoke(name)?;
    record(ledger, changed(name, "revoked", by))
}

fn changed(name: &str, change: &str, by: &str) -> IdentityChanged {
    IdentityChanged {
        name: name.to_owned(),
        change: change.to_owned(),
        kind: None,
        acts_for: None,
        credential: None,
        by: by.to_owned(),
        groups: None,
        databases: None,
        valid_until: None,
    }
}

fn record(ledger: &Ledger, changed: IdentityChanged) -> anyhow::Result<()> {
    ledger.record(&Event::IdentityChanged(changed))?;
    Ok(())
}
