mod anchor;
mod check;
mod export;
mod fetch;
mod line;
mod proof;
mod publication;
mod query;
pub(super) mod reading;
mod witness;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::{
    ColumnTreatment, EventNumber, LedgerFiles, Moment, SearchFilter, SearchRow, Subjects, Tail, Verdict, VerifierKey,
    search,
};

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
            anchors,
            witnesses,
            index,
            json,
            archive,
            place,
        } => {
            let directory = directory(place)?;
            let asked = check::Asked {
                files: archive.files(&directory)?,
                index: index.then_some(directory.as_path()),
                key: key.as_deref(),
                checkpoint: checkpoint.as_deref(),
                anchors,
                witnesses,
                json: *json,
            };
            check::verify(&asked)
        }
        AuditCommand::Consistency {
            checkpoint,
            key,
            json,
            place,
        } => check::consistency(&directory(place)?, checkpoint, key.as_deref(), *json),
        AuditCommand::Prove {
            event,
            out,
            archive,
            place,
        } => {
            let directory = directory(place)?;
            let files = archive.files(&directory)?;
            reading::record(place, &directory, "audit_prove", &event.to_string());
            proof::prove(&files, *event, out.as_deref())
        }
        AuditCommand::VerifyProof { file, key, json } => proof::verify(file, key, *json),
        AuditCommand::Witness { url, key, out, place } => witness::ask(&directory(place)?, url, key, out),
        AuditCommand::Fetch {
            store,
            directory,
            ledger,
            keys,
        } => fetch::run(store, directory, ledger.as_deref(), keys),
        AuditCommand::Checkpoint { place } => publication::checkpoint(&directory(place)?),
        AuditCommand::Key { rotate, place } => publication::key(place, &directory(place)?, *rotate),
        AuditCommand::Publish {
            directory: target,
            archive,
            place,
        } => {
            let directory = directory(place)?;
            let files = archive.files(&directory)?;
            reading::record(place, &directory, "audit_publish", &target.display().to_string());
            publication::publish(files, target)
        }
        AuditCommand::Show {
            event,
            json,
            archive,
            place,
        } => {
            let directory = directory(place)?;
            let files = archive.files(&directory)?;
            reading::record(place, &directory, "audit_show", &event.to_string());
            show(files, *event, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Tail {
            lines,
            follow,
            json,
            place,
        } => {
            tail(place, *lines, *follow, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Search(arguments) => {
            search_ledger(arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Parquet {
            directory: target,
            json,
            archive,
            place,
        } => {
            let directory = directory(place)?;
            let files = archive.files(&directory)?;
            reading::record(
                place,
                &directory,
                "audit_export",
                &format!("Parquet files, to {}", target.display()),
            );
            publication::parquet(files, target, *json)
        }
        AuditCommand::Export(arguments) => export::run(arguments, &directory(&arguments.place)?, &arguments.place),
        AuditCommand::Sql(arguments) => query::run(arguments, &directory(&arguments.place)?, &arguments.place),
    }
}

pub(super) fn directory(place: &LedgerPlace) -> anyhow::Result<PathBuf> {
    match &place.ledger_dir {
        Some(directory) => Ok(directory.clone()),
        None => Ok(find_gateway(&place.data_dir)?.join("ledger")),
    }
}

/// A public key, given as such or by a file.
pub(super) fn read_key(given: &str) -> anyhow::Result<VerifierKey> {
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

fn show(files: LedgerFiles, number: u64, json: bool) -> anyhow::Result<()> {
    let event = durward_audit::show(files, EventNumber(number))?;
    let event = event.with_context(|| format!("there is no event {number}"))?;
    if json {
        return say_json(&event);
    }
    say(line::of(&event).unwrap_or_else(|| event.to_string()));
    Ok(())
}

/// A line of a report: a faint name, and what there is to say.
pub(super) fn detail(name: &str, value: &str) {
    say(format!("  {}  {value}", styled(Style::Faint, &format!("{name:11}"))));
}

fn tail(place: &LedgerPlace, lines: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    let directory = directory(place)?;
    let mut tail = Tail::open(&directory, lines).with_context(|| format!("can't read {}", directory.display()))?;
    let mode = if follow { ", and new ones as they come" } else { "" };
    reading::record(place, &directory, "audit_tail", &format!("the last {lines}{mode}"));
    loop {
        while let Some(event) = tail.next_event()? {
            // This reading, among others.
            if !follow && event.stored.number > tail.newest() {
                return Ok(());
            }
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
        subjects: match (arguments.sessions, arguments.first_access) {
            (true, _) => Subjects::Sessions,
            (false, true) => Subjects::FirstAccess,
            (false, false) => Subjects::Statements,
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
        label: arguments.label.clone(),
        treatment: arguments.in_clear.then_some(ColumnTreatment::Clear),
        approval: arguments.approval.clone(),
        since: moment("--since", &arguments.since)?,
        until: moment("--until", &arguments.until)?,
        limit: Some(arguments.limit),
    };
    let directory = directory(&arguments.place)?;
    let answer = search(&directory, &filter)?;
    reading::record(&arguments.place, &directory, "audit_search", &asked(arguments));
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

/// The question as it was put, for the record.
fn asked(arguments: &SearchArgs) -> String {
    let words = [
        ("who", &arguments.who),
        ("table", &arguments.table),
        ("column", &arguments.column),
        ("label", &arguments.label),
        ("class", &arguments.class),
        ("rule", &arguments.rule),
        ("session", &arguments.session),
        ("client", &arguments.client),
        ("database", &arguments.database),
        ("approval", &arguments.approval),
        ("since", &arguments.since),
        ("until", &arguments.until),
    ];
    let flags = [
        ("in clear", arguments.in_clear),
        ("sessions", arguments.sessions),
        ("first access", arguments.first_access),
    ];
    let verdict = arguments
        .verdict
        .map(|verdict| format!("verdict {}", verdict.to_audit().as_str()));
    let words = words
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")));
    let flags = flags
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| (*name).to_owned());
    let asked: Vec<String> = words.chain(verdict).chain(flags).collect();
    if asked.is_empty() {
        "everything".into()
    } else {
        asked.join(", ")
    }
}

fn cells(row: &SearchRow) -> Vec<String> {
    let rows = if row.rows_affected > 0 {
        row.rows_affected
    } else {
        row.rows
    };
    let what = row.statement.as_deref().or(row.command.as_deref()).unwrap_or(row.kind);
    let what = match (row.verdict, row.rules.as_slice(), &row.reason) {
        (Verdict::Refused, [rule, ..], _) => format!("{}  [{}]", line::shortened(what), line::shown(rule)),
        (_, _, Some(reason)) => format!("{}  [{}]", line::shortened(what), line::shown(reason)),
        _ => line::shortened(what),
    };
    vec![
        moment(row.last_time),
        line::shown(&row.who),
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
