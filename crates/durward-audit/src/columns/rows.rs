//! What an event is as a row.

use crate::event::Event;
use crate::resolve::ShownEvent;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers of 64 bits.
    Integer,
    /// Moments in microseconds, UTC.
    Timestamp,
    /// Text in UTF-8.
    Text,
    /// Lists of texts, empty where there are none.
    Texts,
}

/// A column of the files.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether each row has a value.
    pub required: bool,
}

const fn required(name: &'static str, kind: ColumnKind) -> Column {
    Column {
        name,
        kind,
        required: true,
    }
}

const fn column(name: &'static str, kind: ColumnKind) -> Column {
    Column {
        name,
        kind,
        required: false,
    }
}

/// The columns, in their order in the files.
pub const COLUMNS: [Column; 28] = [
    required("event", ColumnKind::Integer),
    required("time", ColumnKind::Timestamp),
    required("kind", ColumnKind::Text),
    column("session", ColumnKind::Text),
    column("statement", ColumnKind::Integer),
    column("who", ColumnKind::Text),
    column("subject", ColumnKind::Text),
    column("acting", ColumnKind::Text),
    column("identity_kind", ColumnKind::Text),
    column("database", ColumnKind::Text),
    column("client_address", ColumnKind::Text),
    column("client_program", ColumnKind::Text),
    column("verdict", ColumnKind::Text),
    column("class", ColumnKind::Text),
    column("command", ColumnKind::Text),
    column("query", ColumnKind::Text),
    required("relations", ColumnKind::Texts),
    required("labelled_columns", ColumnKind::Texts),
    required("rules", ColumnKind::Texts),
    column("policy_version", ColumnKind::Integer),
    column("approval", ColumnKind::Text),
    column("sqlstate", ColumnKind::Text),
    column("message", ColumnKind::Text),
    column("rows", ColumnKind::Integer),
    column("bytes", ColumnKind::Integer),
    column("rows_affected", ColumnKind::Integer),
    column("microseconds", ColumnKind::Integer),
    column("detail", ColumnKind::Text),
];

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    None,
    Integer(u64),
    Text(String),
    Texts(Vec<String>),
}

impl<T: Into<String>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, |text| Self::Text(text.into()))
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}

/// What an event says of itself beyond its session, its statement and its decision.
#[derive(Default)]
struct Own {
    session: Option<String>,
    statement: Option<u64>,
    database: Option<String>,
    client_address: Option<String>,
    client_program: Option<String>,
    who: Option<String>,
    verdict: Option<&'static str>,
    sqlstate: Option<String>,
    message: Option<String>,
    rows: Option<u64>,
    bytes: Option<u64>,
    rows_affected: Option<u64>,
    microseconds: Option<u64>,
    /// Whether all of it is in columns, so that there is no detail.
    whole: bool,
}

/// The row of an event, a cell for each column; none for what only others refer to.
pub(super) fn row(shown: &ShownEvent) -> Option<[Cell; COLUMNS.len()]> {
    if matches!(shown.stored.event, Event::Definition(_)) {
        return None;
    }
    let own = own(&shown.stored.event);
    let json = serde_json::to_value(&shown.stored.event).unwrap_or_default();
    let kind = json
        .get("event")
        .and_then(|kind| kind.as_str())
        .unwrap_or("unknown")
        .to_owned();
    let whose = shown.whose.as_deref();
    let started = match &shown.stored.event {
        Event::SessionStarted(started) => Some(started),
        _ => whose,
    };
    let principal = started.map(|started| &started.principal);
    let (shape, basis) = (shown.statement.as_deref(), shown.decision.as_deref());
    let integer = |value: Option<u64>| value.map_or(Cell::None, Cell::Integer);
    let relations = shape.iter().flat_map(|shape| &shape.relations);
    let labelled = basis.iter().flat_map(|basis| basis.labelled.iter().flatten());
    let labelled = labelled.flat_map(|column| {
        column.treatments.iter().map(move |treatment| {
            let (schema, relation, name) = (&column.schema, &column.relation, &column.column);
            format!("{} {} {schema}.{relation}.{name}", treatment.as_str(), column.label)
        })
    });
    Some([
        shown.stored.number.0.into(),
        shown.stored.time_microseconds.into(),
        Cell::Text(kind),
        started
            .map(|started| started.session.to_string())
            .or(own.session)
            .into(),
        integer(own.statement),
        principal.map(ToString::to_string).or(own.who).into(),
        principal.map(|principal| &*principal.subject.name).into(),
        principal.map(|principal| &*principal.acting().name).into(),
        principal.map(|principal| principal.kind().as_str()).into(),
        started.map(|started| started.database.clone()).or(own.database).into(),
        started
            .map(|started| started.client_address.clone())
            .or(own.client_address)
            .into(),
        started
            .and_then(|started| started.client_program.clone())
            .or(own.client_program)
            .into(),
        own.verdict.into(),
        shape.map(|shape| shape.class.clone()).into(),
        shape.map(|shape| shape.command.clone()).into(),
        shape.map(|shape| shape.normalized.clone()).into(),
        Cell::Texts(
            relations
                .map(|relation| format!("{}.{}", relation.schema, relation.name))
                .collect(),
        ),
        Cell::Texts(labelled.collect()),
        Cell::Texts(basis.map(|basis| basis.rules.clone()).unwrap_or_default()),
        integer(basis.and_then(|basis| basis.policy_version)),
        basis.and_then(|basis| basis.approval()).into(),
        own.sqlstate.into(),
        own.message.into(),
        integer(own.rows),
        integer(own.bytes),
        integer(own.rows_affected),
        integer(own.microseconds),
        Some(json.to_string()).filter(|_| !own.whole).into(),
    ])
}

fn own(event: &Event) -> Own {
    match event {
        Event::StatementIntent(intent) => Own {
            session: Some(intent.session.to_string()),
            statement: Some(intent.statement.0),
            verdict: Some("permitted"),
            ..Own::default()
        },
        Event::StatementRefused(refused) => Own {
            session: Some(refused.session.to_string()),
            statement: Some(refused.statement.0),
            verdict: Some("refused"),
            sqlstate: Some(refused.sqlstate.clone()),
            message: Some(refused.message.clone()),
            ..Own::default()
        },
        Event::StatementOutcome(outcome) => Own {
            session: Some(outcome.session.to_string()),
            statement: Some(outcome.statement.0),
            verdict: Some(if outcome.sqlstate.is_some() { "failed" } else { "done" }),
            sqlstate: outcome.sqlstate.clone(),
            rows: Some(outcome.rows),
            bytes: Some(outcome.bytes),
            rows_affected: outcome.rows_affected,
            microseconds: Some(outcome.duration_microseconds),
            whole: true,
            ..Own::default()
        },
        Event::LoginRefused(refused) => Own {
            who: Some(refused.user.clone()),
            database: Some(refused.database.clone()),
            client_address: Some(refused.client_address.clone()),
            client_program: refused.client_program.clone(),
            verdict: Some("refused"),
            sqlstate: Some(refused.sqlstate.clone()),
            message: Some(refused.reason.clone()),
            ..Own::default()
        },
        Event::ProtocolViolation(violation) => Own {
            session: violation.session.map(|session| session.to_string()),
            client_address: Some(violation.client_address.clone()),
            sqlstate: Some(violation.sqlstate.clone()),
            message: Some(violation.message.clone()),
            ..Own::default()
        },
        Event::ApprovalMoved(moved) => Own {
            who: Some(moved.principal.clone()),
            database: Some(moved.database.clone()),
            ..Own::default()
        },
        Event::SessionEnded(ended) => Own {
            session: Some(ended.session.to_string()),
            ..Own::default()
        },
        Event::LedgerOpened(_)
        | Event::Checkpoint(_)
        | Event::Definition(_)
        | Event::KeyChanged(_)
        | Event::SegmentsRetired(_)
        | Event::ConfigurationLoaded(_)
        | Event::PolicyChanged(_)
        | Event::IdentityChanged(_)
        | Event::Administration(_)
        | Event::SessionStarted(_)
        | Event::Unknown { .. } => Own::default(),
    }
}
