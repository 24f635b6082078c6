mod line;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::{
    Moment, SearchFilter, SearchRow, Subjects, Tail, Verdict, VerifierKey, VerifyReport, search, verify,
};

use crate::cli::{AuditCommand, LedgerPlace, SearchArgs, VerdictWord};
use crate::control::find_gateway;
use crate::screen::{Style, complain, say, say_json, styled, table};

/// How often `tail --follow` looks for new events.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// `durward audit …`
pub(super) fn run(command: &AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify { json, key, place } => verify_ledger(*json, key.as_deref(), place),
        AuditCommand::Tail {
            lines,
            follow,
            json,
            place,
        } => {
            tail(&directory(place)?, *lines, *follow, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Search(arguments) => {
            search_ledger(arguments)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn directory(place: &LedgerPlace) -> anyhow::Result<PathBuf> {
    match &place.ledger_dir {
        Some(directory) => Ok(directory.clone()),
        None => Ok(find_gateway(&place.data_dir)?.join("ledger")),
    }
}

/// Exit code 1 means that the record is not as it was written.
fn verify_ledger(json: bool, key: Option<&str>, place: &LedgerPlace) -> anyhow::Result<ExitCode> {
    let directory = directory(place)?;
    let key = match key {
        Some(text) => Some(VerifierKey::parse(text).context("--key is no verifier key: name+id+key is expected")?),
        None => None,
    };
    match verify(&directory, key.as_ref()) {
        Ok(report) if json => say_json(&report)?,
        Ok(report) => show_report(&report),
        Err(error) => {
            if json {
                say_json(&serde_json::json!({ "error": error.to_string() }))?;
            } else {
                complain(format_args!(
                    "{} {error}",
                    styled(Style::Bad, "The record is not sound:")
                ));
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_report(report: &VerifyReport) {
    let sound = styled(Style::Good, "The record is sound:");
    say(format!(
        "{sound} {} events, none changed, missing or moved.",
        report.events
    ));
    let line = |name: &str, value: &str| say(format!("  {}  {value}", styled(Style::Faint, &format!("{name:11}"))));
    line("ledger", &report.ledger);
    line(
        "signed",
        &format!(
            "up to event {}, at {}",
            report.signed_events,
            moment(Moment(report.signed_time_microseconds))
        ),
    );
    if report.unsigned_events > 0 {
        line(
            "not signed",
            &format!(
                "{} newer events are in the chain; the next signature covers them",
                report.unsigned_events
            ),
        );
    }
    line("key", &report.verifier_key);
    if report.key_from_ledger {
        line(
            "",
            "taken from beside the record; to prove more, give the one you keep elsewhere by --key",
        );
    }
    if report.unclean_ends > 0 {
        line("restarts", &format!("{} without a clean end", report.unclean_ends));
    }
    if report.clock_steps_back > 0 {
        line("clock", &format!("stepped back {} times", report.clock_steps_back));
    }
}

fn tail(directory: &std::path::Path, lines: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    let mut tail = Tail::open(directory, lines).with_context(|| format!("can't read {}", directory.display()))?;
    loop {
        while let Some(event) = tail.next_event()? {
            if json {
                say_json(&event)?;
            } else if let Some(text) = line::of(&event) {
                say(text);
            }
        }
        if !follow {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

fn search_ledger(arguments: &SearchArgs) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let now = Moment(u64::try_from(now)?);
    let since = arguments.since.as_deref().map(|text| {
        Moment::parse(text, now).with_context(|| {
            format!("--since: {text:?} is neither a time such as 2026-01-31T12:00:00Z nor an age such as 15m")
        })
    });
    let filter = SearchFilter {
        subjects: if arguments.sessions {
            Subjects::Sessions
        } else {
            Subjects::Statements
        },
        who: arguments.who.clone(),
        table: arguments.table.clone(),
        database: arguments.database.clone(),
        verdict: arguments.verdict.map(VerdictWord::to_audit),
        since: since.transpose()?,
        until: None,
        limit: Some(arguments.limit),
    };
    let answer = search(&directory(&arguments.place)?, &filter)?;
    if arguments.json {
        return answer.rows.iter().try_for_each(say_json);
    }
    if answer.rows.is_empty() {
        say("nothing found");
    } else {
        say(table(
            &["last", "who", "verdict", "times", "rows", "statement"],
            answer.rows.iter().map(cells),
        ));
    }
    if answer.events_missing > 0 {
        complain(format_args!(
            "{} of the newest events are not in the index yet",
            answer.events_missing
        ));
    }
    Ok(())
}

fn cells(row: &SearchRow) -> Vec<String> {
    let rows = if row.rows_affected > 0 {
        row.rows_affected
    } else {
        row.rows
    };
    let what = row.statement.as_deref().or(row.command.as_deref()).unwrap_or(row.kind);
    let what = match (row.verdict, row.rules.as_slice(), &row.reason) {
        (Verdict::Refused, [rule, ..], _) => format!("{}  [{rule}]", line::shortened(what)),
        (_, _, Some(reason)) => format!("{}  [{reason}]", line::shortened(what)),
        _ => line::shortened(what),
    };
    vec![
        moment(row.last_time),
        row.who.clone(),
        row.verdict.as_str().to_owned(),
        row.count.to_string(),
        rows.to_string(),
        what,
    ]
}

/// A moment to the second: what people need; JSON has the rest.
fn moment(moment: Moment) -> String {
    let text = moment.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{}Z", seconds.trim_end_matches('Z'))
}

impl VerdictWord {
    fn to_audit(self) -> Verdict {
        match self {
            Self::Permitted => Verdict::Permitted,
            Self::Refused => Verdict::Refused,
            Self::Failed => Verdict::Failed,
        }
    }
}
