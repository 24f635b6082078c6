mod check;
mod line;
mod proof;
mod publication;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::{EventNumber, Moment, SearchFilter, SearchRow, Subjects, Tail, Verdict, VerifierKey, search};

use durward_model::SessionId;

use crate::cli::{AuditCommand, LedgerPlace, SearchArgs, VerdictWord};
use crate::control::find_gateway;
use crate::screen::{Style, complain, say, say_json, styled, table};

/// How often `tail --follow` looks for new events.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// `durward audit …`
pub(super) fn run(command: &AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify {
            key,
            checkpoint,
            json,
            place,
        } => check::verify(&directory(place)?, key.as_deref(), checkpoint.as_deref(), *json),
        AuditCommand::Consistency {
            checkpoint,
            key,
            json,
            place,
        } => check::consistency(&directory(place)?, checkpoint, key.as_deref(), *json),
        AuditCommand::Prove { event, out, place } => proof::prove(&directory(place)?, *event, out.as_deref()),
        AuditCommand::VerifyProof { file, key, json } => proof::verify(file, key, *json),
        AuditCommand::Checkpoint { place } => publication::checkpoint(&directory(place)?),
        AuditCommand::Key { rotate, place } => publication::key(&directory(place)?, *rotate),
        AuditCommand::Publish {
            directory: target,
            place,
        } => publication::publish(&directory(place)?, target),
        AuditCommand::Show { event, json, place } => {
            show(&directory(place)?, *event, *json)?;
            Ok(ExitCode::SUCCESS)
        }
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

/// A public key, given as such or by a file.
fn read_key(given: &str) -> anyhow::Result<VerifierKey> {
    if let Some(key) = VerifierKey::parse(given) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given)
        .with_context(|| format!("--key {given:?} is neither a verifier key (name+id+key) nor a file with one"))?;
    VerifierKey::parse(&text).with_context(|| format!("{given} holds no verifier key (name+id+key)"))
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

fn show(directory: &Path, number: u64, json: bool) -> anyhow::Result<()> {
    let event = durward_audit::show(directory, EventNumber(number))?;
    let event = event.with_context(|| format!("there is no event {number}"))?;
    if json {
        return say_json(&event);
    }
    say(line::of(&event).unwrap_or_else(|| event.to_string()));
    Ok(())
}

/// A line of a report: a faint name, and what there is to say.
fn detail(name: &str, value: &str) {
    say(format!("  {}  {value}", styled(Style::Faint, &format!("{name:11}"))));
}

fn tail(directory: &Path, lines: u64, follow: bool, json: bool) -> anyhow::Result<()> {
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
    let moment = |option: &str, given: &Option<String>| {
        given
            .as_deref()
            .map(|text| {
                Moment::parse(text, now).with_context(|| {
                    format!("{option}: {text:?} is neither a time such as 2026-01-31T12:00:00Z nor an age such as 15m")
                })
            })
            .transpose()
    };
    let session = arguments.session.as_deref().map(|text| {
        let digits = text.strip_prefix('s').unwrap_or_default();
        u64::from_str_radix(digits, 16)
            .map(SessionId)
            .with_context(|| format!("--session: {text:?} is no session"))
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
        column: arguments.column.clone(),
        class: arguments.class.clone(),
        rule: arguments.rule.clone(),
        session: session.transpose()?,
        client: arguments.client.clone(),
        since: moment("--since", &arguments.since)?,
        until: moment("--until", &arguments.until)?,
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
