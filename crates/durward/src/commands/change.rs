use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use durward_change::{Request as Held, State, visible};

use crate::change_set::{Plan, Verdict};
use crate::cli::{ChangeArgs, ChangeCommand};
use crate::control::{ChangeRequest, Request, ask, find_gateway};
use crate::screen::{Style, say, say_json, styled};

/// People are to decide.
const PENDING: u8 = 5;

/// `durward change …`
pub(super) fn run(command: &ChangeCommand) -> anyhow::Result<ExitCode> {
    match command {
        ChangeCommand::Plan(arguments) => {
            let request = Request::PlanChange(wish(arguments, None)?);
            let plan = serde_json::from_value(ask(&find_gateway(&arguments.data_dir)?, &request)?)?;
            if arguments.json {
                say_json(&plan)?;
            } else {
                show(&plan);
            }
            Ok(code(&plan))
        }
        ChangeCommand::Submit { change, reason } => {
            let request = Request::SubmitChange(wish(change, reason.clone())?);
            let request: Held = serde_json::from_value(ask(&find_gateway(&change.data_dir)?, &request)?)?;
            if change.json {
                say_json(&request)?;
            } else {
                tell(&request);
            }
            Ok(match request.state {
                State::Pending => ExitCode::from(PENDING),
                State::Approved | State::AutoApproved => ExitCode::SUCCESS,
                State::Used
                | State::Rejected
                | State::Withdrawn
                | State::Expired
                | State::Superseded
                | State::Revoked
                | State::BreakGlass
                | State::Reviewed => ExitCode::FAILURE,
            })
        }
    }
}

fn wish(arguments: &ChangeArgs, reason: Option<String>) -> anyhow::Result<ChangeRequest> {
    let text = if arguments.file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("can't read standard input")?;
        text
    } else {
        std::fs::read_to_string(&arguments.file).with_context(|| format!("can't read {}", arguments.file.display()))?
    };
    Ok(ChangeRequest {
        database: arguments.database.clone(),
        identity: arguments.identity.clone(),
        text,
        reason,
    })
}

/// 1 where anything would be refused, 5 where anything would wait, else 0.
fn code(plan: &Plan) -> ExitCode {
    let has = |verdict| plan.statements.iter().any(|planned| planned.verdict == verdict);
    if has(Verdict::Refused) {
        ExitCode::FAILURE
    } else if has(Verdict::Held) || has(Verdict::Unknown) {
        ExitCode::from(PENDING)
    } else {
        ExitCode::SUCCESS
    }
}

fn show(plan: &Plan) {
    for (place, planned) in plan.statements.iter().enumerate() {
        let verdict = match planned.verdict {
            Verdict::Passes => styled(Style::Good, "passes"),
            Verdict::Held => styled(Style::Bad, "is held for approval"),
            Verdict::Unknown => styled(Style::Bad, "is judged when it runs"),
            Verdict::Refused => styled(Style::Bad, "is refused"),
        };
        let mut lines = planned.text.lines();
        say(format!(
            "{:>3}  {}",
            place + 1,
            styled(Style::Strong, &visible(lines.next().unwrap_or_default()))
        ));
        for line in lines {
            say(format!("     {}", visible(line)));
        }
        let rules = if planned.rules.is_empty() {
            String::new()
        } else {
            format!(" ({})", planned.rules.join(", "))
        };
        say(format!("     {verdict}{rules}"));
        for effect in &planned.ddl {
            let depending = match effect.dependents.as_slice() {
                [] => String::new(),
                names => format!("; depending on it: {}", names.join(", ")),
            };
            let words = format!("{}: {}{depending}", effect.brief(), effect.size_in_words());
            say(format!("     {}", visible(&words)));
        }
        for words in [&planned.message, &planned.hint].into_iter().flatten() {
            say(format!("     {}", styled(Style::Faint, &visible(words))));
        }
    }
    let count = |verdict| {
        let those = plan.statements.iter().filter(|planned| planned.verdict == verdict);
        those.count()
    };
    say("");
    say(format!(
        "As {} on {}: {} pass, {} held, {} judged when they run, {} refused",
        visible(&plan.principal),
        visible(&plan.database),
        count(Verdict::Passes),
        count(Verdict::Held),
        count(Verdict::Unknown),
        count(Verdict::Refused)
    ));
}

fn tell(request: &Held) {
    let statements = request.asked.steps.len();
    say(format!(
        "{} is {}: {statements} statements, to be run in this order, once, by one session of {}",
        request.id,
        request.state,
        visible(&request.asked.principal.to_string())
    ));
    if request.state == State::Pending {
        say(format!(
            "  durward approvals show {0} | durward approvals watch {0}",
            request.id
        ));
    }
}
