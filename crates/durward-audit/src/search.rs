//! Questions to the record, answered from the index.

mod statements;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use durward_model::{Principal, SessionId};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};
use serde::Serialize;

use crate::definition::{ColumnTreatment, TouchedRelation};
use crate::event::EventNumber;
use crate::index::{self, IndexError, IndexLock, Indexer};
use crate::layout::Layout;
use crate::tail::{Found, LogReader};
use crate::time::Moment;

/// How long a search waits for the gateway's own follower to catch up before it answers with what there is.
const FOLLOWER_WAIT_MAX: Duration = Duration::from_secs(3);
const FOLLOWER_WAIT: Duration = Duration::from_millis(50);

/// What became of a statement or a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Permitted and forwarded.
    Permitted,
    /// Refused by the gateway.
    Refused,
    /// Permitted, and answered with an error by the server at least once.
    Failed,
}

impl Verdict {
    /// The word used in output and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Permitted, Self::Refused, Self::Failed]
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subjects {
    /// Statements, and logins that were refused.
    #[default]
    Statements,
    /// Sessions: who was connected.
    Sessions,
    /// The first time that somebody touched a table.
    FirstAccess,
}

/// A question. What is absent doesn't restrict.
#[derive(Debug, Clone, Default)]
pub struct SearchFilter {
    /// What is asked for.
    pub subjects: Subjects,
    /// Anybody in the identity chain: the name of a person also finds what agents did for them.
    pub who: Option<String>,
    /// A relation touched, also through views, functions and triggers: `name` or `schema.name`.
    pub table: Option<String>,
    /// A column read or written, also through views, functions and triggers: `table.column` or `schema.table.column`.
    pub column: Option<String>,
    /// The class of the statement: `read`, `write`, `ddl`, …
    pub class: Option<String>,
    /// A rule that refused it, or took part in deciding it.
    pub rule: Option<String>,
    /// The session, by its name.
    pub session: Option<SessionId>,
    /// A label of a column touched, such as `email`.
    pub label: Option<String>,
    /// What became of a labelled column touched; of the one with `label`, where that is given.
    pub treatment: Option<ColumnTreatment>,
    /// The request whose approval it spent.
    pub approval: Option<String>,
    /// Where the client was, without the port, or what it called itself.
    pub client: Option<String>,
    /// The database by its name at the gateway.
    pub database: Option<String>,
    /// What became of it.
    pub verdict: Option<Verdict>,
    /// Not before this moment.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// The most rows to return, the newest first; 100 when absent.
    pub limit: Option<u32>,
}

/// Executions of one shape by one session with one verdict within a minute, or one refused login, or one session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchRow {
    /// `statement`, `login`, `session` or `first access`.
    pub kind: &'static str,
    /// What became of it.
    pub verdict: Verdict,
    /// The first time.
    pub first_time: Moment,
    /// The last time.
    pub last_time: Moment,
    /// How many times.
    pub count: u64,
    /// Who, as `agent for person`.
    pub who: String,
    /// The whole identity chain; none for a refused login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The database by its name at the gateway.
    pub database: String,
    /// Where the client was.
    pub client_address: String,
    /// What the client called itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_program: Option<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The text without literals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The class: `read`, `write`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The command: `SELECT`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The relations touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<TouchedRelation>,
    /// The hazards, as kind and object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<(String, String)>,
    /// The rules that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The policy's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
    /// The request whose approval it spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The code that the client was sent, by the gateway or last by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// Why it was refused, how the session ended, or what was touched for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many executions the server answered with an error.
    pub errors: u64,
    /// Executions whose outcome isn't known.
    pub outcomes_unknown: u64,
    /// Rows sent to the client.
    pub rows: u64,
    /// Rows changed.
    pub rows_affected: u64,
    /// Mean time at the server in microseconds.
    pub duration_microseconds_mean: u64,
    /// Longest time at the server in microseconds.
    pub duration_microseconds_max: u64,
    /// The first event.
    pub first_event: EventNumber,
    /// The last event.
    pub last_event: EventNumber,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchAnswer {
    /// The rows, the newest first.
    pub rows: Vec<SearchRow>,
    /// How many of the newest events the answer couldn't take into account.
    pub events_missing: u64,
}

/// Asks the ledger in `directory`, also while a gateway writes to it. Brings the index up to date when nobody else
/// does; makes one in memory when the directory can't be written.
pub fn search(directory: &Path, filter: &SearchFilter) -> Result<SearchAnswer, IndexError> {
    with_index(directory, |connection, events_missing| {
        answer(connection, filter, events_missing)
    })
}

/// Asks an index that holds what the log held when it was asked, but for the number of events that `ask` is told.
pub(crate) fn with_index<T, E: From<IndexError>>(
    directory: &Path,
    ask: impl FnOnce(&mut Connection, u64) -> Result<T, E>,
) -> Result<T, E> {
    let mut indexer = match IndexLock::take(directory) {
        Ok(Some(_lock)) => {
            let mut indexer = Indexer::open(directory, None)?;
            while indexer.step()? {}
            return ask(indexer.connection_mut(), 0);
        }
        Ok(None) => {
            let (mut connection, events_missing) = followed(directory)?;
            return ask(&mut connection, events_missing);
        }
        Err(_) => Indexer::in_memory(directory)?,
    };
    while indexer.step()? {}
    ask(indexer.connection_mut(), 0)
}

/// Makes the index anew from the log. `tell` hears how many events are in, now and then.
pub fn rebuild_index(directory: &Path, mut tell: impl FnMut(u64)) -> Result<u64, IndexError> {
    let Some(_lock) = IndexLock::take(directory)? else {
        return Err(crate::LedgerError::Locked(directory.into()).into());
    };
    let mut indexer = Indexer::open(directory, None)?;
    indexer.empty(directory)?;
    while indexer.step()? {
        tell(indexer.events());
    }
    Ok(indexer.events())
}

/// An index that somebody else keeps, once it holds what the log held when it was asked; and how many events it lacks.
fn followed(directory: &Path) -> Result<(Connection, u64), IndexError> {
    let layout = Layout::new(directory);
    let asked = Instant::now();
    let mut wanted = None;
    loop {
        let out_of_time = asked.elapsed() > FOLLOWER_WAIT_MAX;
        match open_to_read(&layout) {
            Ok(connection) => {
                let (segment, byte, events) = index::position(&connection)?;
                let wanted = match wanted {
                    Some(wanted) => wanted,
                    None => *wanted.insert(events + events_after(&layout, segment, byte)?),
                };
                if events >= wanted || out_of_time {
                    return Ok((connection, wanted.saturating_sub(events)));
                }
            }
            Err(error) if out_of_time => return Err(error),
            // The follower is about to make it.
            Err(_) => {}
        }
        thread::sleep(FOLLOWER_WAIT);
    }
}

pub(crate) fn open_to_read(layout: &Layout) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(layout.index(), flags)?;
    connection.busy_timeout(FOLLOWER_WAIT_MAX)?;
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        version if version == index::version() => Ok(connection),
        version => Err(IndexError::Version(version)),
    }
}

/// How many events the log holds after a place in it.
fn events_after(layout: &Layout, segment: u64, byte: u64) -> Result<u64, IndexError> {
    let mut reader = match segment {
        0 => LogReader::open(layout, layout.first_segment()?, None)?,
        segment => LogReader::open(layout, segment, Some(byte))?,
    };
    let mut events = 0;
    loop {
        match reader.next()? {
            Found::Record(_) => events += 1,
            Found::Segment => {}
            Found::Nothing => return Ok(events),
        }
    }
}

fn answer(connection: &Connection, filter: &SearchFilter, events_missing: u64) -> Result<SearchAnswer, IndexError> {
    let limit = usize::try_from(filter.limit.unwrap_or(100)).unwrap_or(usize::MAX);
    let mut rows = match filter.subjects {
        Subjects::Statements => {
            let mut rows = statements::find(connection, filter)?;
            rows.extend(refused_logins(connection, filter)?);
            rows
        }
        Subjects::Sessions => sessions(connection, filter)?,
        Subjects::FirstAccess => first_access(connection, filter)?,
    };
    rows.sort_by_key(|row| std::cmp::Reverse((row.last_time, row.last_event)));
    rows.truncate(limit);
    Ok(SearchAnswer { rows, events_missing })
}

/// Conditions and their values, gathered from a filter.
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    fn new() -> Self {
        Self {
            text: String::from("true"),
            values: Vec::new(),
        }
    }

    /// Adds a condition in which `?` stands for `value`.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.push(value.into());
    }

    fn and_maybe(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and(condition, value);
        }
    }

    /// Runs `query`, whose `{}` stands for the conditions.
    fn run(
        mut self,
        connection: &Connection,
        query: &str,
        limit: Option<u32>,
        read: fn(&Row<'_>) -> Result<SearchRow, IndexError>,
    ) -> Result<Vec<SearchRow>, IndexError> {
        self.values.push(i64::from(limit.unwrap_or(100)).into());
        let mut query = connection.prepare(&query.replace("{}", &self.text))?;
        query.query_and_then(params_from_iter(self.values), read)?.collect()
    }
}

/// What stands before the last dot, and what after it.
fn split_last(name: &str) -> (Option<&str>, &str) {
    name.rsplit_once('.')
        .map_or((None, name), |(before, last)| (Some(before), last))
}

/// Restricts to the client's address without its port, or to its own name for itself.
fn about_client(conditions: &mut Conditions, filter: &SearchFilter) {
    if let Some(client) = &filter.client {
        conditions.and(
            "(s.client_program = ? OR s.client_address = ? OR rtrim(s.client_address, '0123456789') = ?)",
            client.clone(),
        );
        conditions.values.push(client.clone().into());
        conditions.values.push(format!("{client}:").into());
    }
}

fn time(moment: Moment) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}

fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0))
}

fn session_name(row: &Row<'_>, column: &str) -> rusqlite::Result<String> {
    row.get::<_, i64>(column)
        .map(|id| durward_model::SessionId(id.cast_unsigned()).to_string())
}

fn refused_logins(connection: &Connection, filter: &SearchFilter) -> Result<Vec<SearchRow>, IndexError> {
    let about_statements = filter.table.is_some()
        || filter.column.is_some()
        || filter.class.is_some()
        || filter.rule.is_some()
        || filter.label.is_some()
        || filter.treatment.is_some()
        || filter.approval.is_some()
        || filter.session.is_some();
    if about_statements || filter.verdict.is_some_and(|verdict| verdict != Verdict::Refused) {
        return Ok(Vec::new());
    }
    let mut conditions = Conditions::new();
    conditions.and_maybe("user = ?", filter.who.clone());
    conditions.and_maybe("database = ?", filter.database.clone());
    conditions.and_maybe("time >= ?", filter.since.map(time));
    conditions.and_maybe("time < ?", filter.until.map(time));
    about_client(&mut conditions, filter);
    let query = "SELECT event, time, user, database, client_address, client_program, sqlstate, reason
        FROM ix_login_refused s WHERE {} ORDER BY time DESC, event DESC LIMIT ?";
    conditions.run(connection, query, filter.limit, |row| {
        let event = EventNumber(count(row, "event")?);
        let moment = Moment(count(row, "time")?);
        Ok(SearchRow {
            verdict: Verdict::Refused,
            count: 1,
            sqlstate: row.get("sqlstate")?,
            reason: row.get("reason")?,
            ..SearchRow::about("login", (moment, moment), (event, event), row, "user")?
        })
    })
}

fn sessions(connection: &Connection, filter: &SearchFilter) -> Result<Vec<SearchRow>, IndexError> {
    let mut conditions = Conditions::new();
    conditions.and_maybe(
        "s.principal IN (SELECT principal FROM ix_principal_member WHERE name = ?)",
        filter.who.clone(),
    );
    conditions.and_maybe("s.database = ?", filter.database.clone());
    conditions.and_maybe("coalesce(s.ended, 9223372036854775807) >= ?", filter.since.map(time));
    conditions.and_maybe("s.started < ?", filter.until.map(time));
    conditions.and_maybe("s.id = ?", filter.session.map(|session| session.0.cast_signed()));
    about_client(&mut conditions, filter);
    let query = "SELECT s.id, s.database, s.client_address, s.client_program, s.started, s.started_event,
            coalesce(s.ended, s.started) AS ended, coalesce(s.ended_event, s.started_event) AS ended_event,
            s.reason, coalesce(s.statements, 0) AS statements, p.display, p.content AS principal
        FROM ix_session s JOIN ix_principal p ON p.id = s.principal
        WHERE {} ORDER BY ended DESC LIMIT ?";
    conditions.run(connection, query, filter.limit, |row| {
        let times = (Moment(count(row, "started")?), Moment(count(row, "ended")?));
        let events = (
            EventNumber(count(row, "started_event")?),
            EventNumber(count(row, "ended_event")?),
        );
        Ok(SearchRow {
            count: count(row, "statements")?,
            principal: Some(serde_json::from_str(&row.get::<_, String>("principal")?)?),
            session: Some(session_name(row, "id")?),
            reason: row.get("reason")?,
            ..SearchRow::about("session", times, events, row, "display")?
        })
    })
}

fn first_access(connection: &Connection, filter: &SearchFilter) -> Result<Vec<SearchRow>, IndexError> {
    let mut conditions = Conditions::new();
    conditions.and_maybe(
        "who IN (SELECT display FROM ix_principal
            WHERE id IN (SELECT principal FROM ix_principal_member WHERE name = ?))",
        filter.who.clone(),
    );
    conditions.and_maybe("database = ?", filter.database.clone());
    conditions.and_maybe("time >= ?", filter.since.map(time));
    conditions.and_maybe("time < ?", filter.until.map(time));
    if let Some(table) = &filter.table {
        let (schema, name) = split_last(table);
        conditions.and("relation = ?", name.to_owned());
        conditions.and_maybe("schema = ?", schema.map(String::from));
    }
    let query = "SELECT who, database, schema, relation, time, event, '' AS client_address, NULL AS client_program
        FROM ix_first_touch WHERE {} ORDER BY time DESC, event DESC LIMIT ?";
    conditions.run(connection, query, filter.limit, |row| {
        let event = EventNumber(count(row, "event")?);
        let moment = Moment(count(row, "time")?);
        let relation = format!(
            "{}.{}",
            row.get::<_, String>("schema")?,
            row.get::<_, String>("relation")?
        );
        Ok(SearchRow {
            count: 1,
            reason: Some(relation),
            ..SearchRow::about("first access", (moment, moment), (event, event), row, "who")?
        })
    })
}

impl SearchRow {
    /// A row about something other than a statement.
    fn about(
        kind: &'static str,
        (first_time, last_time): (Moment, Moment),
        (first_event, last_event): (EventNumber, EventNumber),
        row: &Row<'_>,
        who: &str,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            kind,
            verdict: Verdict::Permitted,
            first_time,
            last_time,
            count: 0,
            who: row.get(who)?,
            principal: None,
            database: row.get("database")?,
            client_address: row.get("client_address")?,
            client_program: row.get("client_program")?,
            session: None,
            statement: None,
            class: None,
            command: None,
            relations: Vec::new(),
            hazards: Vec::new(),
            rules: Vec::new(),
            policy_version: None,
            approval: None,
            sqlstate: None,
            reason: None,
            errors: 0,
            outcomes_unknown: 0,
            rows: 0,
            rows_affected: 0,
            duration_microseconds_mean: 0,
            duration_microseconds_max: 0,
            first_event,
            last_event,
        })
    }
}
