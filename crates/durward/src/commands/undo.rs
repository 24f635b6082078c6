use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::Moment;
use durward_change::undo::{ChangeRecord, Coverage};
use durward_change::{bytes_in_words, visible};
use durward_session::{ShownRow, ShownTable, UndoReport};
use serde::Serialize;

use crate::cli::{ChangesArgs, UndoArgs, UndoCommand};
use crate::control::{Request, UndoRequest, WhichChanges, ask, find_gateway};
use crate::screen::{Style, age, say, say_json, styled, table};

/// The most conflicts that are shown.
const CONFLICTS_SHOWN_MAX: usize = 50;

/// A change with some of its rows.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    record: &'a ChangeRecord,
    images: &'a [ShownTable],
}

/// `durward undo …`
pub(super) fn run(command: &UndoCommand) -> anyhow::Result<ExitCode> {
    match command {
        UndoCommand::Ls { which, list } => {
            let request = Request::Changes(wanted(Vec::new(), which)?);
            let changes: Vec<ChangeRecord> = serde_json::from_value(ask(&find_gateway(&list.data_dir)?, &request)?)?;
            if list.json {
                say_json(&changes)?;
            } else if changes.is_empty() {
                say("nothing was changed that is still kept");
            } else {
                show_list(&changes)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        UndoCommand::Show { id, rows, list } => {
            let which = WhichChanges {
                ids: vec![id.clone()],
                ..WhichChanges::default()
            };
            let gateway = find_gateway(&list.data_dir)?;
            let changes: Vec<ChangeRecord> = serde_json::from_value(ask(&gateway, &Request::Changes(which))?)?;
            let wanted = Request::ChangedRows {
                id: id.clone(),
                rows_max: *rows,
            };
            let tables: Vec<ShownTable> = serde_json::from_value(ask(&gateway, &wanted)?)?;
            if list.json {
                let shown = changes.iter().map(|record| Shown {
                    record,
                    images: &tables,
                });
                say_json(&shown.collect::<Vec<_>>())?;
            } else {
                changes.iter().for_each(show);
                tables.iter().for_each(show_rows);
            }
            Ok(ExitCode::SUCCESS)
        }
        UndoCommand::Plan(undo) => run_undo(undo, false, true),
        UndoCommand::Apply { undo, partial } => run_undo(undo, *partial, false),
    }
}

fn run_undo(undo: &UndoArgs, partial: bool, plan_only: bool) -> anyhow::Result<ExitCode> {
    let request = Request::Undo(UndoRequest {
        which: wanted(undo.ids.clone(), &undo.which)?,
        identity: undo.identity.clone(),
        partial,
        plan_only,
        reason: undo.reason.clone(),
    });
    let report: UndoReport = serde_json::from_value(ask(&find_gateway(&undo.data_dir)?, &request)?)?;
    let stopped = !report.applied && !report.conflicts.is_empty() && !partial;
    if undo.json {
        say_json(&report)?;
    } else {
        tell(&report, plan_only, partial);
    }
    Ok(if stopped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(report: &UndoReport, plan_only: bool, partial: bool) {
    let ids: Vec<String> = report.changes.iter().map(|record| record.id.to_string()).collect();
    let ids = ids.join(", ");
    for conflict in report.conflicts.iter().take(CONFLICTS_SHOWN_MAX) {
        let place = [conflict.table.as_str(), conflict.row.as_str()].join(" ");
        say(format!(
            "  {}  {}  {}",
            conflict.change,
            visible(place.trim()),
            visible(&conflict.why)
        ));
    }
    if let Some(more) = report
        .conflicts
        .len()
        .checked_sub(CONFLICTS_SHOWN_MAX)
        .filter(|more| *more > 0)
    {
        say(format!("  … and {more} more"));
    }
    for note in &report.notes {
        say(format!("  note: {}", visible(note)));
    }
    let definitions = match report.definitions {
        0 => String::new(),
        1 => " and 1 definition".to_owned(),
        count => format!(" and {count} definitions"),
    };
    let amount = format!("{} rows{definitions}", report.rows);
    let verdict = match (report.applied, plan_only) {
        (true, _) => format!("{ids} taken back: {amount} are as before"),
        (false, true) if report.conflicts.is_empty() => format!("{ids} can be taken back: {amount}"),
        (false, true) => {
            format!("{ids}: {amount} can be taken back; what is listed above can't, and --partial leaves that as it is")
        }
        (false, false) if report.rows == 0 && report.definitions == 0 && report.conflicts.is_empty() => {
            format!("{ids}: nothing is left to be taken back")
        }
        (false, false) if partial => format!("{ids}: nothing was taken back"),
        (false, false) => {
            format!("{ids}: nothing was taken back because of what is listed above; --partial leaves that as it is")
        }
    };
    say(styled(Style::Strong, &verdict));
}

fn wanted(ids: Vec<String>, which: &ChangesArgs) -> anyhow::Result<WhichChanges> {
    let since = which.since.as_deref().map(|text| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        let moment = Moment::parse(text, Moment(u64::try_from(now)?)).with_context(|| {
            format!("--since: {text:?} is neither a time such as 2026-01-31T12:00:00Z nor an age such as 15m")
        })?;
        Ok::<_, anyhow::Error>(i64::try_from(moment.0 / 1_000_000)?)
    });
    Ok(WhichChanges {
        ids,
        of: which.of.clone(),
        session: which.session.clone(),
        transaction_of: which.transaction_of.clone(),
        since: since.transpose()?,
        database: which.database.clone(),
    })
}

fn show_list(changes: &[ChangeRecord]) -> anyhow::Result<()> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let rows = changes.iter().map(|record| {
        let change = &record.change;
        let undo = match &change.coverage {
            Coverage::Full => "full",
            Coverage::Partial(_) => "partial",
            Coverage::None(_) => "none",
        };
        vec![
            record.id.to_string(),
            record.state.as_str().to_owned(),
            visible(&change.principal.to_string()),
            visible(&change.database),
            change.command.clone(),
            visible(&change.tables.join(", ")),
            change.rows.to_string(),
            undo.to_owned(),
            age(u64::try_from(now.saturating_sub(record.at)).unwrap_or(0)),
        ]
    });
    say(table(
        &[
            "change", "state", "who", "database", "what", "tables", "rows", "undo", "ago",
        ],
        rows,
    ));
    Ok(())
}

fn show(record: &ChangeRecord) {
    let change = &record.change;
    let verdict = format!(
        "{} is {}: {} of {} rows",
        record.id,
        record.state.as_str(),
        change.command,
        change.rows
    );
    say(styled(Style::Strong, &verdict));
    let field = |name: &str, value: &str| {
        if !value.is_empty() {
            say(format!("  {name:<14}{}", visible(value)));
        }
    };
    let at = Moment(u64::try_from(record.at).unwrap_or_default().saturating_mul(1_000_000));
    field("who", &change.principal.to_string());
    field("when", &at.to_string());
    field("database", &change.database);
    field("tables", &change.tables.join(", "));
    field("session", &change.session);
    field("statement", &change.statement);
    field("transaction", &record.transaction.0.to_string());
    field(
        "approved by",
        &change.request.map(|request| request.to_string()).unwrap_or_default(),
    );
    let undoes: Vec<String> = change.undoes.iter().map(ToString::to_string).collect();
    field("takes back", &undoes.join(", "));
    field("undo", &change.coverage.to_string());
    for place in &change.kept {
        let kept = format!(
            "{}, {} until {}",
            place.schema,
            bytes_in_words(place.bytes),
            place.until
        );
        field("kept aside", &kept);
    }
}

/// Some rows of a table, as they were and as they were left.
fn show_rows(shown: &ShownTable) {
    if shown.rows.is_empty() {
        return;
    }
    say("");
    say(format!("  {}", styled(Style::Strong, &visible(&shown.name))));
    let heads = std::iter::once("").chain(shown.columns.iter().map(String::as_str));
    let rows = shown.rows.iter().map(|row| {
        let what = match row {
            ShownRow { before: None, .. } => "inserted",
            ShownRow { after: None, .. } => "deleted",
            ShownRow { .. } => "changed",
        };
        let cells = (0..shown.columns.len()).map(|at| {
            let value = |row: &Option<Vec<Option<String>>>| row.as_ref().map(|row| cell(row.get(at)));
            match (value(&row.before), value(&row.after)) {
                (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
                (Some(value), _) | (None, Some(value)) => value,
                (None, None) => String::new(),
            }
        });
        std::iter::once(what.to_owned()).chain(cells).collect()
    });
    say(table(&heads.collect::<Vec<_>>(), rows));
    if shown.more > 0 {
        say(format!("  … and {} more rows", shown.more));
    }
}

fn cell(value: Option<&Option<String>>) -> String {
    match value {
        Some(Some(value)) => visible(&value.split_whitespace().collect::<Vec<_>>().join(" ")),
        Some(None) => "NULL".to_owned(),
        None => String::new(),
    }
}
