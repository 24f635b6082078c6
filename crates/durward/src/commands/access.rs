use std::process::ExitCode;

use durward_change::{Request as Held, State, visible};
use durward_console::AccessWish;

use super::approvals::{code, requests};
use crate::cli::{AccessCommand, AccessRequestArgs};
use crate::control::{AccessRequest, DecideRequest, Request, ask, find_gateway, now};
use crate::screen::{age, say, say_json, table};

/// `durward access …`
pub(super) fn run(command: &AccessCommand) -> anyhow::Result<ExitCode> {
    match command {
        AccessCommand::Request(arguments) => {
            let request = Request::AskForAccess(wish(arguments));
            let request: Held = serde_json::from_value(ask(&find_gateway(&arguments.data_dir)?, &request)?)?;
            if arguments.json {
                say_json(&request)?;
            } else {
                tell(&request);
            }
            Ok(code(request.state))
        }
        AccessCommand::Ls { all, list } => {
            let mut requests = requests(&list.data_dir, *all)?;
            requests.retain(|request| request.asked.access.is_some());
            if list.json {
                say_json(&requests)?;
            } else {
                show(&requests)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        AccessCommand::Revoke(decide) => {
            let request = Request::RevokeAccess(DecideRequest {
                id: decide.id.clone(),
                identity: decide.identity.clone(),
                note: decide.note.clone(),
                confirms: false,
            });
            let request: Held = serde_json::from_value(ask(&find_gateway(&decide.data_dir)?, &request)?)?;
            if decide.json {
                say_json(&request)?;
            } else {
                say(format!("{} is {}", request.id, request.state));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn wish(arguments: &AccessRequestArgs) -> AccessRequest {
    AccessRequest {
        database: arguments.database.clone(),
        identity: arguments.identity.clone(),
        wish: AccessWish {
            on: arguments.on.clone(),
            labels: arguments.label.clone(),
            classes: arguments.class.clone(),
            seconds: arguments.minutes.saturating_mul(60),
            reason: Some(arguments.reason.clone()),
        },
    }
}

fn tell(request: &Held) {
    let who = request.asked.principal.to_string();
    say(format!(
        "{} is {}: {}, for {}",
        request.id,
        request.state,
        visible(&request.asked.text),
        visible(&who)
    ));
    if request.state == State::Pending {
        say(format!(
            "  durward approvals show {0} | durward approvals watch {0}",
            request.id
        ));
    }
}

fn show(requests: &[Held]) -> anyhow::Result<()> {
    if requests.is_empty() {
        say("nobody has access for a time, or waits for it");
        return Ok(());
    }
    let now = now()?;
    let rows = requests.iter().map(|request| {
        let left = u64::try_from(request.expires_at.saturating_sub(now)).unwrap_or(0);
        vec![
            request.id.to_string(),
            request.state.to_string(),
            visible(&request.asked.principal.to_string()),
            visible(&request.asked.database),
            if request.state.is_open() {
                age(left)
            } else {
                String::new()
            },
            visible(&request.asked.text),
            visible(request.asked.reason.as_deref().unwrap_or_default()),
        ]
    });
    say(table(
        &["request", "state", "who", "database", "ends in", "what", "reason"],
        rows,
    ));
    Ok(())
}
