//! The index's tables.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use crate::index::{IndexError, views};

/// Goes up with every change of the tables; an index of another version is made anew.
const SCHEMA_VERSION: i64 = 6;

const TABLES: &str = "
CREATE TABLE ix_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ledger BLOB NOT NULL,
    segment INTEGER NOT NULL,
    byte INTEGER NOT NULL,
    events INTEGER NOT NULL
);
CREATE TABLE ix_principal (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL UNIQUE,
    display TEXT NOT NULL,
    subject TEXT NOT NULL,
    acting TEXT NOT NULL,
    kind TEXT NOT NULL
);
CREATE TABLE ix_principal_member (
    name TEXT NOT NULL,
    principal INTEGER NOT NULL,
    PRIMARY KEY (name, principal)
) WITHOUT ROWID;
CREATE TABLE ix_session (
    id INTEGER PRIMARY KEY,
    principal INTEGER NOT NULL,
    database TEXT NOT NULL,
    login TEXT NOT NULL,
    upstream_user TEXT NOT NULL,
    client_address TEXT NOT NULL,
    client_program TEXT,
    tls INTEGER NOT NULL,
    started INTEGER NOT NULL,
    started_event INTEGER NOT NULL,
    ended INTEGER,
    ended_event INTEGER,
    reason TEXT,
    statements INTEGER,
    refused INTEGER
);
CREATE INDEX session_by_time ON ix_session (started);
CREATE INDEX session_by_principal ON ix_session (principal);
CREATE TABLE ix_shape (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    class TEXT NOT NULL,
    command TEXT NOT NULL,
    normalized TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE TABLE ix_shape_relation (
    name TEXT NOT NULL,
    schema TEXT NOT NULL,
    shape INTEGER NOT NULL,
    modes TEXT NOT NULL,
    PRIMARY KEY (name, schema, shape)
) WITHOUT ROWID;
CREATE INDEX shape_by_class ON ix_shape (class);
CREATE TABLE ix_shape_column (
    name TEXT NOT NULL,
    relation TEXT NOT NULL,
    schema TEXT NOT NULL,
    shape INTEGER NOT NULL,
    read INTEGER NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (name, relation, schema, shape)
) WITHOUT ROWID;
CREATE TABLE ix_basis_rule (
    rule TEXT NOT NULL,
    basis INTEGER NOT NULL,
    PRIMARY KEY (rule, basis)
) WITHOUT ROWID;
CREATE TABLE ix_basis (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    rules TEXT NOT NULL,
    policy_version INTEGER,
    obligations TEXT NOT NULL,
    approval TEXT,
    reason TEXT
);
CREATE TABLE ix_basis_column (
    label TEXT NOT NULL,
    schema TEXT NOT NULL,
    relation TEXT NOT NULL,
    name TEXT NOT NULL,
    treatment TEXT NOT NULL,
    basis INTEGER NOT NULL,
    PRIMARY KEY (label, schema, relation, name, treatment, basis)
) WITHOUT ROWID;
CREATE INDEX basis_column_by_basis ON ix_basis_column (basis);
CREATE INDEX basis_by_approval ON ix_basis (approval) WHERE approval IS NOT NULL;
CREATE INDEX basis_column_by_treatment ON ix_basis_column (treatment);
CREATE TABLE ix_refusal (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    sqlstate TEXT NOT NULL,
    message TEXT NOT NULL,
    UNIQUE (rule, sqlstate, message)
);
CREATE TABLE ix_statement (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    principal INTEGER NOT NULL,
    database TEXT NOT NULL,
    shape INTEGER NOT NULL,
    basis INTEGER NOT NULL,
    refusal INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    count INTEGER NOT NULL,
    prepared INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    first_event INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    outcomes INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    last_error TEXT,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    rows_affected INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    duration_max INTEGER NOT NULL,
    UNIQUE (session, shape, basis, refusal, minute)
);
CREATE INDEX statement_by_time ON ix_statement (last, last_event);
CREATE INDEX statement_by_principal ON ix_statement (principal, last);
CREATE INDEX statement_by_database ON ix_statement (database, last, last_event);
CREATE INDEX statement_refused ON ix_statement (last, last_event) WHERE refusal <> 0;
CREATE INDEX statement_failed ON ix_statement (last, last_event) WHERE errors > 0;
CREATE INDEX statement_by_shape ON ix_statement (shape, last);
CREATE INDEX statement_by_basis ON ix_statement (basis, last);
CREATE INDEX statement_by_refusal ON ix_statement (refusal, last) WHERE refusal <> 0;
CREATE INDEX statement_by_session ON ix_statement (session, last);
CREATE TABLE ix_open_statement (
    session INTEGER NOT NULL,
    statement INTEGER NOT NULL,
    shape INTEGER NOT NULL,
    basis INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    PRIMARY KEY (session, statement, shape, basis, minute)
) WITHOUT ROWID;
CREATE TABLE ix_login_refused (
    event INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    user TEXT NOT NULL,
    database TEXT NOT NULL,
    client_address TEXT NOT NULL,
    client_program TEXT,
    sqlstate TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX login_refused_by_time ON ix_login_refused (time);
CREATE TABLE ix_act (
    event INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX act_by_time ON ix_act (time);
CREATE INDEX act_by_kind ON ix_act (kind, time);
CREATE TABLE ix_first_touch (
    who TEXT NOT NULL,
    database TEXT NOT NULL,
    schema TEXT NOT NULL,
    relation TEXT NOT NULL,
    time INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (who, database, schema, relation)
) WITHOUT ROWID;
CREATE INDEX first_touch_by_time ON ix_first_touch (time);
CREATE INDEX shape_relation_by_shape ON ix_shape_relation (shape);
";

/// What forgets rows whose last event is at or before `?1`. Statements that await an outcome stay, and so do
/// shapes and bases, which later events may refer to.
pub(super) const RETIRE: [&str; 4] = [
    "DELETE FROM ix_statement WHERE last_event <= ?1 AND NOT EXISTS (
        SELECT 1 FROM ix_open_statement o WHERE o.session = ix_statement.session AND o.shape = ix_statement.shape
            AND o.basis = ix_statement.basis AND o.minute = ix_statement.minute)",
    "DELETE FROM ix_session WHERE ended_event <= ?1
        AND NOT EXISTS (SELECT 1 FROM ix_statement s WHERE s.session = ix_session.id)",
    "DELETE FROM ix_login_refused WHERE event <= ?1",
    "DELETE FROM ix_act WHERE event <= ?1",
];

/// Opens the index at `path` for keeping it, and empties it when it is of another version or another ledger.
pub(super) fn open(path: &Path, ledger: &[u8; 16]) -> Result<Connection, IndexError> {
    // The database takes its file's mode over to the files beside it. If this fails, opening says why.
    drop(
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path),
    );
    let connection = Connection::open(path)?;
    // Losing the last transactions costs nothing: they are made again from the log.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;")?;
    prepare(&connection, ledger)?;
    Ok(connection)
}

/// An index in a file without a name, which is gone with the connection.
pub(super) fn open_unnamed(ledger: &[u8; 16]) -> Result<Connection, IndexError> {
    let connection = Connection::open("")?;
    // Nothing of it has to survive anything.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")?;
    prepare(&connection, ledger)?;
    // It is read whole a few times: to keep these in order would take longer than that.
    connection.execute_batch(
        "DROP INDEX statement_by_time; DROP INDEX statement_by_principal; DROP INDEX statement_by_database;
         DROP INDEX statement_refused; DROP INDEX statement_failed; DROP INDEX statement_by_refusal;
         DROP INDEX statement_by_session;",
    )?;
    Ok(connection)
}

/// An index in memory, for a ledger whose directory can't be written.
pub(super) fn open_in_memory(ledger: &[u8; 16]) -> Result<Connection, IndexError> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection, ledger)?;
    Ok(connection)
}

fn prepare(connection: &Connection, ledger: &[u8; 16]) -> Result<(), IndexError> {
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == SCHEMA_VERSION {
        let same: bool = connection.query_row(
            "SELECT coalesce((SELECT ledger = ?1 FROM ix_position), 0)",
            [ledger.as_slice()],
            |row| row.get(0),
        )?;
        if same {
            return Ok(());
        }
    }
    empty(connection, ledger)
}

/// Drops whatever is there, and begins before the first event.
pub(super) fn empty(connection: &Connection, ledger: &[u8; 16]) -> Result<(), IndexError> {
    let drops: Vec<String> = connection
        .prepare(
            "SELECT 'DROP ' || type || ' \"' || name || '\";' FROM sqlite_schema
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY type DESC",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;{}{TABLES}{}PRAGMA user_version = {SCHEMA_VERSION};",
        drops.concat(),
        views::definitions()
    ))?;
    connection.execute("INSERT INTO ix_position VALUES (1, ?1, 0, 0, 0)", [ledger.as_slice()])?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// The version of the tables that this program reads.
pub(crate) const fn version() -> i64 {
    SCHEMA_VERSION
}
