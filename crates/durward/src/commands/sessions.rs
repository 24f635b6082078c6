use std::process::ExitCode;

use durward_session::SessionSummary;

use crate::cli::SessionsCommand;
use crate::control::{Request, ask, find_gateway};
use crate::screen::{age, say, say_json, table};

/// `durward sessions …`
pub(super) fn run(command: &SessionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SessionsCommand::Ls(arguments) => {
            let answer = ask(&find_gateway(&arguments.data_dir)?, &Request::Sessions)?;
            if arguments.json {
                say_json(&answer)?;
            } else {
                show(serde_json::from_value(answer)?);
            }
        }
        SessionsCommand::Kill { session, who, data_dir } => {
            let request = match (session, who) {
                (Some(session), _) => Request::KillSession {
                    session: session.clone(),
                },
                (None, who) => Request::KillSessionsOf {
                    who: who.clone().unwrap_or_default(),
                },
            };
            let answer = ask(&find_gateway(data_dir)?, &request)?;
            let ended = answer.get("ended").and_then(serde_json::Value::as_u64).unwrap_or(0);
            say(match ended {
                1 => "1 session ended".to_owned(),
                number => format!("{number} sessions ended"),
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(sessions: Vec<SessionSummary>) {
    if sessions.is_empty() {
        say("nobody is connected");
        return;
    }
    let rows = sessions.into_iter().map(|session| {
        vec![
            session.id,
            session.principal,
            session.database,
            session.client_address,
            session.program,
            age(session.age_seconds),
            session.statements.to_string(),
            session.server_process_id.to_string(),
        ]
    });
    say(table(
        &[
            "session",
            "who",
            "database",
            "from",
            "program",
            "age",
            "statements",
            "server pid",
        ],
        rows,
    ));
}
