use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use durward_change::{DdlEffect, Effect, Outlook, Request as Held, State, visible};

use crate::cli::{ApprovalsCommand, DecideArgs};
use crate::control::{DecideRequest, Request, ask, find_gateway};
use crate::options::DataDirectoryOption;
use crate::screen::{Style, age, say, say_json, styled, table};

/// People are still to decide.
const PENDING: u8 = 5;

/// How often `watch` looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// The most characters of a statement in a list.
const LINE_CHARACTERS_MAX: usize = 60;

/// `durward approvals …`
pub(super) fn run(command: &ApprovalsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ApprovalsCommand::Ls { all, list } => {
            let requests = requests(&list.data_dir, *all)?;
            if list.json {
                say_json(&requests)?;
            } else {
                show_list(&requests)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ApprovalsCommand::Show { id, list } => {
            let answer = ask(&find_gateway(&list.data_dir)?, &Request::Approval { id: id.clone() })?;
            let request: Held = serde_json::from_value(answer)?;
            if list.json {
                say_json(&request)?;
            } else {
                show(&request)?;
            }
            Ok(code(request.state))
        }
        ApprovalsCommand::Approve { decide, confirm } => {
            let request = Request::Approve(wish(decide, *confirm));
            tell(
                decide,
                serde_json::from_value(ask(&find_gateway(&decide.data_dir)?, &request)?)?,
            )
        }
        ApprovalsCommand::Reject(decide) => {
            let request = Request::Reject(wish(decide, false));
            let request = ask(&find_gateway(&decide.data_dir)?, &request)?;
            tell(decide, serde_json::from_value(request)?)?;
            Ok(ExitCode::SUCCESS)
        }
        ApprovalsCommand::Withdraw(decide) => {
            let request = Request::Withdraw(wish(decide, false));
            let request = ask(&find_gateway(&decide.data_dir)?, &request)?;
            tell(decide, serde_json::from_value(request)?)?;
            Ok(ExitCode::SUCCESS)
        }
        ApprovalsCommand::Review { decide, confirm } => {
            let request = Request::Review(wish(decide, *confirm));
            let request = ask(&find_gateway(&decide.data_dir)?, &request)?;
            tell(decide, serde_json::from_value(request)?)
        }
        ApprovalsCommand::Watch { id, list } => watch(id.as_deref(), list.json, &list.data_dir),
    }
}

fn wish(decide: &DecideArgs, confirms: bool) -> DecideRequest {
    DecideRequest {
        id: decide.id.clone(),
        identity: decide.identity.clone(),
        note: decide.note.clone(),
        confirms,
    }
}

fn tell(decide: &DecideArgs, request: Held) -> anyhow::Result<ExitCode> {
    if decide.json {
        say_json(&request)?;
    } else if request.state == State::Pending {
        let given = request.approvals.len();
        let mut said = format!(
            "{} has {given} of the {} approvals that it needs",
            request.id, request.asked.terms.count
        );
        for missing in request.unheard() {
            said.push_str(&format!("; {missing} is still to be heard"));
        }
        say(visible(&said));
    } else {
        say(format!("{} is {}", request.id, request.state));
    }
    Ok(code(request.state))
}

/// 0 for what may run or ran, 5 for what waits, 1 for what won't run.
pub(super) fn code(state: State) -> ExitCode {
    match state {
        State::Approved | State::AutoApproved | State::Used | State::BreakGlass | State::Reviewed => ExitCode::SUCCESS,
        State::Pending => ExitCode::from(PENDING),
        State::Rejected | State::Withdrawn | State::Expired | State::Superseded | State::Revoked => ExitCode::FAILURE,
    }
}

pub(super) fn requests(data_dir: &DataDirectoryOption, all: bool) -> anyhow::Result<Vec<Held>> {
    let answer = ask(&find_gateway(data_dir)?, &Request::Approvals { all })?;
    Ok(serde_json::from_value(answer)?)
}

fn watch(id: Option<&str>, json: bool, data_dir: &DataDirectoryOption) -> anyhow::Result<ExitCode> {
    let mut seen: HashMap<u64, String> = HashMap::new();
    loop {
        let requests = match id {
            Some(id) => {
                let answer = ask(&find_gateway(data_dir)?, &Request::Approval { id: id.to_owned() })?;
                vec![serde_json::from_value(answer)?]
            }
            None => requests(data_dir, true)?,
        };
        let first = seen.is_empty();
        for request in requests.iter().rev() {
            let now = request.version();
            let news = seen.insert(request.id.0, now.clone()) != Some(now);
            // What has ended before is no news.
            if !news || (first && id.is_none() && !request.state.is_open()) {
                continue;
            }
            if json {
                say_json(request)?;
            } else {
                say(line(request));
            }
        }
        if let (Some(_), [request]) = (id, requests.as_slice())
            && request.state != State::Pending
        {
            return Ok(code(request.state));
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
}

/// What ran without an approval is red until somebody has looked at it.
fn state(state: State) -> String {
    if state.awaits_review() {
        styled(Style::Bad, state.as_str())
    } else {
        state.to_string()
    }
}

fn line(request: &Held) -> String {
    format!(
        "{}  {}  {} on {}  {} rows  {}",
        request.id,
        state(request.state),
        visible(&request.asked.principal.to_string()),
        visible(&request.asked.database),
        request.asked.rows,
        short(&request.asked.text)
    )
}

fn show_list(requests: &[Held]) -> anyhow::Result<()> {
    if requests.is_empty() {
        say("nothing waits for approval");
        return Ok(());
    }
    let now = now()?;
    let rows = requests.iter().map(|request| {
        let asked = &request.asked;
        vec![
            request.id.to_string(),
            request.state.to_string(),
            visible(&asked.principal.to_string()),
            visible(&asked.database),
            asked.rows.to_string(),
            visible(&asked.touched.changes.join(", ")),
            age(u64::try_from(now.saturating_sub(request.asked_at)).unwrap_or(0)),
            short(&asked.text),
        ]
    });
    say(table(
        &[
            "request",
            "state",
            "who",
            "database",
            "rows",
            "changes",
            "asked",
            "statement",
        ],
        rows,
    ));
    for request in requests.iter().filter(|request| request.state.awaits_review()) {
        let marked = format!("{} ran without an approval, and nobody has reviewed it yet", request.id);
        say(styled(Style::Bad, &marked));
    }
    Ok(())
}

fn show(request: &Held) -> anyhow::Result<()> {
    let asked = &request.asked;
    let touched = &asked.touched;
    let principal = &asked.principal;
    let field = |name: &str, value: &str| {
        if !value.is_empty() {
            say(format!("  {name:<12}{value}"));
        }
    };
    let verdict = match asked.access {
        Some(_) => format!("{} is {}: access for a time", request.id, request.state),
        None => format!(
            "{} is {}: {} of {} rows",
            request.id, request.state, touched.command, asked.rows
        ),
    };
    say(styled(Style::Strong, &verdict));
    let proved = format!("{:?}", principal.credential_kind).to_lowercase();
    field(
        "who",
        &format!(
            "{} ({}, by {proved})",
            visible(&principal.to_string()),
            principal.kind()
        ),
    );
    field("from", &visible(&asked.client));
    field("database", &visible(&asked.database));
    field(
        "for",
        &visible(asked.reason.as_deref().unwrap_or("no reason was given")),
    );
    field("by", &visible(asked.submitted_by.as_deref().unwrap_or_default()));
    say("");
    show_text(request);
    for (number, value) in asked.parameters.iter().enumerate() {
        let value = value
            .as_deref()
            .map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", visible(value)));
        say(format!("    ${} = {value}", number + 1));
    }
    for text in &asked.prepared {
        say(format!("    prepared: {}", visible(text)));
    }
    say("");
    field("changes", &visible(&touched.changes.join(", ")));
    field("reads", &visible(&touched.reads.join(", ")));
    if asked.access.is_none() {
        field("rows", &asked.rows.to_string());
    }
    field("undo", &visible(asked.undo.as_deref().unwrap_or_default()));
    for effect in &asked.ddl {
        show_ddl(effect);
    }
    if let Some(effect) = &asked.effect {
        show_effect(effect);
    }
    field("labels", &touched.labels.join(", "));
    field("hazards", &visible(&touched.hazards.join(", ")));
    field("notes", &touched.notes.join("; "));
    field("names in", &visible(&asked.search_path.join(", ")));
    field("rights of", &visible(&asked.role));
    field("held by", &asked.rules.join(", "));
    field("because", &visible(&asked.why));
    if !request.risk.is_empty() {
        field("risk", &visible(&format!("high: {}", request.risk.join("; "))));
    }
    if let Some(advice) = &asked.advice {
        field(
            "adviser",
            &visible(&format!("{} risk: {}", advice.risk.as_str(), advice.why)),
        );
    }
    field("needs", &needs(request));
    for line in request.addressed.lines() {
        field("asked of", &visible(&line));
    }
    if let (State::Pending, None, Some(at)) = (
        request.state,
        &request.addressed.escalated,
        request.addressed.escalates_at,
    ) {
        let left = u64::try_from(at.saturating_sub(now()?)).unwrap_or(0);
        field("escalates in", &age(left));
    }
    for approval in &request.approvals {
        let own = if approval.self_confirmed {
            " (confirmed by themselves)"
        } else {
            ""
        };
        let note = approval.note.as_deref().unwrap_or("");
        field("approved", &visible(&format!("by {}{own} {note}", approval.by)));
    }
    if let Some(ending) = &request.ending {
        let by = ending.by.as_deref().map(|by| format!("by {by} ")).unwrap_or_default();
        let why = ending.why.as_deref().unwrap_or("");
        field(request.state.as_str(), &visible(&format!("{by}{why}")));
    }
    if let Some(terms) = &request.by_policy {
        field("approved", &visible(terms.why.as_deref().unwrap_or("by policy")));
    }
    if let Some(review) = &request.review {
        let note = review.note.as_deref().unwrap_or("");
        field("reviewed", &visible(&format!("by {} {note}", review.by)));
    }
    if request.state.awaits_review() {
        say(styled(
            Style::Bad,
            &format!(
                "  ran without an approval; durward approvals review {} --note FOUND",
                request.id
            ),
        ));
    }
    if request.state.is_open() {
        let left = u64::try_from(request.expires_at.saturating_sub(now()?)).unwrap_or(0);
        field("expires in", &age(left));
    }
    if request.state == State::Pending {
        say("");
        say(format!(
            "  durward approvals approve {0} | durward approvals reject {0} --note WHY",
            request.id
        ));
    }
    Ok(())
}

/// What becomes of a relation whose definition changes.
fn show_ddl(effect: &DdlEffect) {
    let field = |name: &str, value: &str| say(format!("  {name:<12}{}", visible(value)));
    field("locks", &effect.brief());
    field("", &effect.size_in_words());
    if !effect.dependents.is_empty() {
        field("", &format!("depending on it: {}", effect.dependents.join(", ")));
    }
}

/// Some of the rows, as they are and as they would be.
fn show_effect(effect: &Effect) {
    for carried in &effect.carried {
        say(format!("  {:<12}{}", "along", visible(&carried.to_string())));
    }
    say("");
    let cell = |value: Option<&Option<String>>| match value {
        Some(Some(value)) => visible(&value.split_whitespace().collect::<Vec<_>>().join(" ")),
        Some(None) => "NULL".to_owned(),
        None => String::new(),
    };
    let heads: Vec<&str> = effect.key.iter().chain(&effect.columns).map(String::as_str).collect();
    let rows = effect.samples.iter().map(|sample| {
        let shown = effect.columns.iter().enumerate().map(|(at, _)| {
            let before = cell(sample.before.get(at));
            match sample.after.get(at) {
                None => before,
                Some(Some(after)) if sample.before.is_empty() => cell(Some(after)),
                Some(Some(after)) => format!("{before} → {}", cell(Some(after))),
                Some(None) => format!("{before} → (computed when it runs)"),
            }
        });
        sample.key.iter().map(|value| cell(Some(value))).chain(shown).collect()
    });
    say(table(&heads, rows));
    say("");
}

fn show_text(request: &Held) {
    let indented = |text: &str| {
        for line in visible(text).lines() {
            say(format!("    {line}"));
        }
    };
    if request.asked.steps.is_empty() {
        return indented(&request.asked.text);
    }
    for (place, step) in request.asked.steps.iter().enumerate() {
        let outlook = match step.outlook {
            Outlook::Passes => "passes by itself".to_owned(),
            Outlook::Held => format!("held by {}", step.rules.join(", ")),
            Outlook::Unknown => "judged when it runs, and released if held".to_owned(),
        };
        say(styled(
            Style::Faint,
            &format!("    {}. {}", place + 1, visible(&outlook)),
        ));
        indented(&step.text);
    }
}

fn needs(request: &Held) -> String {
    let terms = &request.asked.terms;
    let mut needs = format!("{} of {}", request.approvals.len(), terms.count);
    needs.push_str(" approvals, of ");
    needs.push_str(&request.asked.approver);
    for set in &terms.groups {
        needs.push_str(&format!("; one of {}", set.join(" or ")));
    }
    needs
}

fn short(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > LINE_CHARACTERS_MAX {
        line = line.chars().take(LINE_CHARACTERS_MAX).chain(['…']).collect();
    }
    visible(&line)
}

fn now() -> anyhow::Result<i64> {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(i64::try_from(elapsed.as_secs())?)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_statement_is_one_line_in_a_list() {
        assert_eq!(short("UPDATE  t\n SET a = 1"), "UPDATE t SET a = 1");
    }
}
