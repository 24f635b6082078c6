use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::{Ledger, LedgerOptions};
use durward_identity::{Directory, SystemClock};
use durward_model::PrincipalKind;
use serde::Deserialize;

use crate::cli::{AddIdentityArgs, IdentitiesCommand, IdentityKind};
use crate::control::{NewIdentityRequest, NoGateway, Request, ask, find_gateway, user_name};
use crate::identities::{self, Issued};
use crate::screen::{age, say, say_json, table};

/// `durward identities …`
pub(super) fn run(command: &IdentitiesCommand) -> anyhow::Result<ExitCode> {
    match command {
        IdentitiesCommand::Ls(arguments) => {
            let answer = with_gateway_or_alone(&find_gateway(&arguments.data_dir)?, &Request::Identities)?;
            if arguments.json {
                say_json(&answer)?;
            } else {
                show(serde_json::from_value(answer)?)?;
            }
        }
        IdentitiesCommand::Add(arguments) => add(arguments)?,
        IdentitiesCommand::Revoke { name, data_dir } => {
            with_gateway_or_alone(
                &find_gateway(data_dir)?,
                &Request::RevokeIdentity { name: name.clone() },
            )?;
            say(format!(
                "{name} is revoked: it can't log in, and its open sessions are refused from their next statement on"
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn add(arguments: &AddIdentityArgs) -> anyhow::Result<()> {
    let request = Request::AddIdentity(NewIdentityRequest {
        name: arguments.name.clone(),
        kind: arguments.kind.map(IdentityKind::to_model),
        acts_for: arguments.acts_for.clone(),
        groups: arguments.groups.clone(),
        databases: arguments.databases.clone(),
        valid_seconds: arguments.valid_days.saturating_mul(24 * 3_600),
    });
    let answer = with_gateway_or_alone(&find_gateway(&arguments.data_dir)?, &request)?;
    if arguments.json {
        return say_json(&answer);
    }
    let issued: Issued = serde_json::from_value(answer)?;
    let whose = issued
        .acts_for
        .map(|person| format!(", acts for {person}"))
        .unwrap_or_default();
    say(format!("{} ({}{whose})", issued.name, issued.kind));
    say(format!("  opens     {}", arguments.databases.join(", ")));
    say(format!("  password  {}", issued.password.unwrap_or_default()));
    say(format!(
        "It is shown this once, and is valid for {} days.",
        arguments.valid_days
    ));
    Ok(())
}

impl IdentityKind {
    fn to_model(self) -> PrincipalKind {
        match self {
            Self::Operator => PrincipalKind::Operator,
            Self::Person => PrincipalKind::Person,
            Self::Agent => PrincipalKind::Agent,
            Self::Service => PrincipalKind::Service,
        }
    }
}

/// Asks the running gateway; where none runs, works on its files, and records what was done there.
fn with_gateway_or_alone(data_dir: &Path, request: &Request) -> anyhow::Result<serde_json::Value> {
    match ask(data_dir, request) {
        Err(error) if error.is::<NoGateway>() && data_dir.is_dir() => alone(data_dir, request),
        other => other,
    }
}

fn alone(data_dir: &Path, request: &Request) -> anyhow::Result<serde_json::Value> {
    let directory = Directory::open(data_dir, Arc::new(SystemClock))?;
    if matches!(request, Request::Identities) {
        return Ok(serde_json::to_value(directory.list())?);
    }
    let ledger_dir = data_dir.join("ledger");
    let ledger = Ledger::open(&ledger_dir, LedgerOptions::default())
        .with_context(|| format!("can't open the record in {}", ledger_dir.display()))?;
    let by = user_name(std::fs::metadata("/proc/self")?.uid());
    let answer = match request {
        Request::AddIdentity(new) => serde_json::to_value(identities::add(&directory, &ledger, new, &by)?)?,
        Request::RevokeIdentity { name } => {
            identities::revoke(&directory, &ledger, name, &by)?;
            serde_json::Value::Null
        }
        _ => anyhow::bail!(NoGateway(data_dir.display().to_string())),
    };
    ledger.close()?;
    Ok(answer)
}

/// An identity as listed.
#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    kind: String,
    groups: Vec<String>,
    acts_for: Option<String>,
    revoked_unix_seconds: Option<u64>,
    credentials: Vec<ListedCredential>,
}

#[derive(Debug, Deserialize)]
struct ListedCredential {
    databases: Vec<String>,
    expires_unix_seconds: u64,
    revoked_unix_seconds: Option<u64>,
}

fn show(identities: Vec<Listed>) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let rows = identities.into_iter().map(|identity| {
        let valid: Vec<&ListedCredential> = identity
            .credentials
            .iter()
            .filter(|credential| credential.revoked_unix_seconds.is_none() && credential.expires_unix_seconds > now)
            .collect();
        let mut databases: Vec<&str> = valid
            .iter()
            .flat_map(|credential| &credential.databases)
            .map(String::as_str)
            .collect();
        databases.sort_unstable();
        databases.dedup();
        let state = match (
            identity.revoked_unix_seconds,
            valid.iter().map(|credential| credential.expires_unix_seconds).max(),
        ) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(last)) => format!("valid for {}", age(last.saturating_sub(now))),
            (None, None) => "no valid password".to_owned(),
        };
        vec![
            identity.name,
            identity.kind,
            identity.acts_for.unwrap_or_default(),
            identity.groups.join(", "),
            databases.join(", "),
            state,
        ]
    });
    say(table(
        &["name", "kind", "acts for", "groups", "databases", "state"],
        rows,
    ));
    Ok(())
}
