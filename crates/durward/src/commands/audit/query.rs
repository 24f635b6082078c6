//! `durward audit sql`: read-only SQL over the documented views.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use durward_audit::{SqlAnswer, SqlLimits, VIEWS, sql};

use super::{line, reading};
use crate::cli::{LedgerPlace, SqlArgs};
use crate::screen::{complain, say, say_json, table};

/// Answers, or shows the views where nothing is asked.
pub(super) fn run(arguments: &SqlArgs, directory: &Path, place: &LedgerPlace) -> anyhow::Result<ExitCode> {
    let Some(text) = &arguments.query else {
        say(table(
            &["view", "a row is"],
            VIEWS
                .iter()
                .map(|view| vec![view.name.to_owned(), view.meaning.to_owned()]),
        ));
        return Ok(ExitCode::SUCCESS);
    };
    let text = crate::commands::text_or_input(text)?;
    let limits = SqlLimits {
        rows_max: usize::try_from(arguments.limit)?,
        time_max: Duration::from_secs(arguments.seconds),
    };
    let answer = sql(directory, &text, limits)?;
    reading::record(place, directory, "audit_sql", &text);
    if arguments.json {
        for row in &answer.rows {
            let members = answer.columns.iter().cloned().zip(row.iter().cloned());
            say_json(&serde_json::Map::from_iter(members))?;
        }
    } else {
        show(&answer);
    }
    if answer.more {
        complain(format_args!(
            "these are the first {} rows; --limit gives more",
            answer.rows.len()
        ));
    }
    if answer.events_missing > 0 {
        complain(format_args!(
            "{} of the newest events are not in the index yet",
            answer.events_missing
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(answer: &SqlAnswer) {
    let headings: Vec<String> = answer.columns.iter().map(|name| line::shown(name)).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => line::shown(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    };
    say(table(
        &headings,
        answer.rows.iter().map(|row| row.iter().map(cell).collect()),
    ));
}
