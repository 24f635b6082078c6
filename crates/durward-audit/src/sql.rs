//! Read-only SQL over the documented views of the index.
//!
//! Whoever may ask may read everything in the index; what is kept from them is the machine: other files, more memory or
//! time than was agreed, and tables that are not promised to stay as they are.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};
use serde::Serialize;

use crate::evidence::Cell;
use crate::index::{IndexError, VIEWS};
use crate::search::with_index;

/// The longest statement. Unit: bytes. Reason: people write them.
const TEXT_BYTES_MAX: i32 = 100_000;
/// The longest value that an expression may make. Unit: bytes. Reason: a statement's text is at most 1 MiB.
const VALUE_BYTES_MAX: i32 = 4 << 20;
/// How often the time is looked at. Unit: instructions of the database's virtual machine, about a millisecond's.
const TIME_CHECK_INSTRUCTIONS: i32 = 10_000;

/// Functions that compute from their arguments alone, or tell the time.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "avg",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_object",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "printf",
    "quote",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
];

/// Functions in FROM that make rows of a JSON value.
const ROW_FUNCTIONS: &[&str] = &["json_each", "json_tree"];

/// What a question may cost.
#[derive(Debug, Clone, Copy)]
pub struct SqlLimits {
    /// The most rows that are returned.
    pub rows_max: usize,
    /// How long it may take.
    pub time_max: Duration,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SqlAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether there are more rows.
    pub more: bool,
    /// How many of the newest events the answer couldn't take into account.
    pub events_missing: u64,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The index can't be asked.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// It isn't one SELECT over the views.
    #[error("{0}; one SELECT over the views is answered: {views}", views = names())]
    NotPermitted(String),
    /// It takes too long.
    #[error("the question takes longer than {} s: narrow it, by times (…_us) for instance", .0.as_secs())]
    Time(Duration),
    /// It isn't SQL that the index understands.
    #[error("{0}")]
    Wrong(String),
}

fn names() -> String {
    let names: Vec<&str> = VIEWS.iter().map(|view| view.name).collect();
    names.join(", ")
}

/// Asks the ledger in `directory`, as [`search`](crate::search) does.
pub fn sql(directory: &Path, text: &str, limits: SqlLimits) -> Result<SqlAnswer, SqlError> {
    with_index(directory, |connection, events_missing| {
        let answer = restrict(connection, text, limits)
            .map_err(|error| SqlError::Index(error.into()))
            .and_then(|()| ask(connection, text, limits));
        answer.map(|answer| SqlAnswer {
            events_missing,
            ..answer
        })
    })
}

/// Takes everything from a connection but the views. It must not be used for anything else afterwards.
fn restrict(connection: &mut Connection, text: &str, limits: SqlLimits) -> rusqlite::Result<()> {
    connection.pragma_update(None, "query_only", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, TEXT_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50)?;
    let deadline = Instant::now() + limits.time_max;
    connection.progress_handler(TIME_CHECK_INSTRUCTIONS, Some(move || Instant::now() > deadline))?;
    let text = text.to_ascii_lowercase();
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if permits(&context, &text) {
            Authorization::Allow
        } else {
            Authorization::Deny
        }
    }))
}

fn permits(context: &AuthContext<'_>, text: &str) -> bool {
    let is_view = |name: &str| VIEWS.iter().any(|view| view.name.eq_ignore_ascii_case(name));
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => FUNCTIONS
            .iter()
            .any(|function| function.eq_ignore_ascii_case(function_name)),
        AuthAction::Read {
            table_name,
            column_name,
        } => {
            let is_row_function = ROW_FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(table_name));
            // What the text doesn't name is reached through a view. (That the database says which view is no help: a
            // common table expression can have a view's name, and name the table itself.)
            let through_view = table_name.starts_with("ix_") && !text.contains(table_name);
            // Rows of a common table expression are counted. Of what has no rows of its own, nothing is counted.
            let is_built_in = ["ix_", "sqlite_", "pragma_"]
                .iter()
                .any(|start| table_name.starts_with(start));
            let counted = column_name.is_empty() && !is_built_in && context.database_name.is_none();
            is_view(table_name) || is_row_function || through_view || counted
        }
        _ => false,
    }
}

fn ask(connection: &Connection, text: &str, limits: SqlLimits) -> Result<SqlAnswer, SqlError> {
    let wrong = |error| judged(error, limits);
    let mut query = connection.prepare(text).map_err(wrong)?;
    if !query.readonly() || query.column_count() == 0 {
        return Err(SqlError::NotPermitted("this returns no rows".into()));
    }
    let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
    let mut answer = SqlAnswer {
        rows: Vec::new(),
        more: false,
        events_missing: 0,
        columns,
    };
    let mut rows = query.query([]).map_err(wrong)?;
    while let Some(row) = rows.next().map_err(wrong)? {
        if answer.rows.len() >= limits.rows_max {
            answer.more = true;
            break;
        }
        let cells = Cell::row(row, answer.columns.len()).map_err(wrong)?;
        answer.rows.push(cells.iter().map(Cell::json).collect());
    }
    Ok(answer)
}

fn judged(error: rusqlite::Error, limits: SqlLimits) -> SqlError {
    match error.sqlite_error_code() {
        Some(ErrorCode::AuthorizationForStatementDenied) => SqlError::NotPermitted(message(&error)),
        Some(ErrorCode::OperationInterrupted) => SqlError::Time(limits.time_max),
        _ => SqlError::Wrong(message(&error)),
    }
}

fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
