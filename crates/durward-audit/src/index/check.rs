//! Whether the index says what the log says: it is made again beside it, and compared row by row.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::index::IndexError;
use crate::index::apply::{Indexer, position};
use crate::layout::Layout;
use crate::tail::first_event;

/// How many differences are named.
///
/// Unit: rows. Reason: who sees these knows that the index is to be thrown away.
const DIFFERENCES_MAX: usize = 20;

/// What comparing the index with the log gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexCheck {
    /// Events that the index had taken in.
    pub events: u64,
    /// Rows that disagree with the log: the first ones, at most 20.
    pub differences: Vec<IndexDifference>,
    /// How many there are.
    pub differences_total: u64,
}

/// A row of the index that disagrees with the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexDifference {
    /// What the row is about: `statement`, `session`, …
    pub subject: String,
    /// What tells it from others, as JSON.
    pub row: String,
    /// `changed`, `missing` in the index, or `not in the log`.
    pub finding: String,
    /// The first event that the row is about, where it is about events.
    pub event: Option<u64>,
}

/// Rows that are compared, of the database `{db}`: what tells a row from others, all that it says, and its first event.
struct Rows {
    subject: &'static str,
    /// Whether the rows are about events, so that those before the first event at hand can't be compared.
    of_events: bool,
    query: &'static str,
}

const ROWS: [Rows; 7] = [
    Rows {
        subject: "table or view",
        of_events: false,
        query: "SELECT json_array(type, name) AS key, sql AS row, NULL AS event FROM {db}.sqlite_schema
            WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite_%'",
    },
    Rows {
        subject: "shape of a statement",
        of_events: false,
        query: "SELECT json_array(hex(digest)) AS key, NULL AS event, json_array(class, command, normalized, content,
                (SELECT json_group_array(j) FROM (SELECT json_array(name, schema, modes) AS j FROM {db}.ix_shape_relation
                    WHERE shape = h.id ORDER BY 1)),
                (SELECT json_group_array(j) FROM (SELECT json_array(name, relation, schema, read, written) AS j
                    FROM {db}.ix_shape_column WHERE shape = h.id ORDER BY 1))) AS row
            FROM {db}.ix_shape h",
    },
    Rows {
        subject: "basis of decisions",
        of_events: false,
        query: "SELECT json_array(hex(digest)) AS key, NULL AS event, json_array(rules, policy_version, obligations, approval,
                (SELECT json_group_array(rule) FROM (SELECT rule FROM {db}.ix_basis_rule WHERE basis = b.id ORDER BY 1)),
                (SELECT json_group_array(j) FROM (SELECT json_array(label, schema, relation, name, treatment) AS j
                    FROM {db}.ix_basis_column WHERE basis = b.id ORDER BY 1))) AS row
            FROM {db}.ix_basis b",
    },
    Rows {
        subject: "session",
        of_events: true,
        query: "SELECT json_array(s.id) AS key, started_event AS event, json_array(p.content, p.display, p.subject, p.acting,
                p.kind, database, login, upstream_user, client_address, client_program, tls, started, started_event, ended,
                ended_event, reason, statements, refused, (SELECT json_group_array(name) FROM (SELECT name
                    FROM {db}.ix_principal_member WHERE principal = p.id ORDER BY 1))) AS row
            FROM {db}.ix_session s LEFT JOIN {db}.ix_principal p ON p.id = s.principal",
    },
    Rows {
        subject: "statement",
        of_events: true,
        query: "SELECT json_array(session, hex(h.digest), hex(b.digest), r.rule, r.sqlstate, r.message, minute) AS key,
                first_event AS event, json_array(p.content, database, count, prepared, first, last, first_event, last_event,
                outcomes, errors, last_error, rows, bytes, rows_affected, duration, duration_max) AS row
            FROM {db}.ix_statement s LEFT JOIN {db}.ix_shape h ON h.id = s.shape LEFT JOIN {db}.ix_basis b ON b.id = s.basis
                LEFT JOIN {db}.ix_refusal r ON r.id = s.refusal LEFT JOIN {db}.ix_principal p ON p.id = s.principal",
    },
    Rows {
        subject: "event",
        of_events: true,
        query: "SELECT json_array(event) AS key, event, json_array(time, kind, content) AS row FROM {db}.ix_act
            UNION ALL SELECT json_array(event), event, json_array(time, user, database, client_address, client_program,
                sqlstate, reason) FROM {db}.ix_login_refused",
    },
    Rows {
        subject: "first access",
        of_events: true,
        query: "SELECT json_array(who, database, schema, relation) AS key, event, json_array(time, event) AS row
            FROM {db}.ix_first_touch",
    },
];

/// Compares the index of the ledger in `directory` with an index that is made from the log for this. What has left the
/// ledger can't be compared, and rows that go back to it are passed over. Works while a gateway writes. `tell` hears now
/// and then how many events were read.
///
/// # Errors
/// When there is no index, it can't be read, or it is of another version.
pub fn check_index(directory: &Path, mut tell: impl FnMut(u64)) -> Result<IndexCheck, IndexError> {
    let layout = Layout::new(directory);
    let mut made = attach(&layout)?;
    let kept = "SELECT events FROM kept.ix_position";
    loop {
        while made.step()? {
            tell(made.events());
        }
        // From here on both are as they are now. Whoever keeps the index may have gone on meanwhile.
        made.connection.execute_batch("BEGIN")?;
        let events: i64 = made.connection.query_row(kept, [], |row| row.get(0))?;
        if events.cast_unsigned() <= made.events() {
            break;
        }
        made.connection.execute_batch("COMMIT")?;
        made.go_on_until(events.cast_unsigned());
    }
    let connection = made.take_connection()?;
    let first_event = first_event(&layout)?;
    let mut check = IndexCheck {
        events: made.events(),
        ..IndexCheck::default()
    };
    for rows in &ROWS {
        compare(&connection, rows, first_event, &mut check)?;
    }
    Ok(check)
}

/// An index that is to be made, up to where the kept one is, with that one as database `kept` in its state of now.
fn attach(layout: &Layout) -> Result<Indexer, IndexError> {
    let kept = crate::search::open_to_read(layout)?;
    let (_, _, events) = position(&kept)?;
    let made = Indexer::unnamed(layout, events)?;
    let path = layout
        .index()
        .display()
        .to_string()
        .replace('%', "%25")
        .replace('?', "%3f");
    made.connection
        .execute("ATTACH ?1 AS kept", [format!("file:{path}?mode=ro")])?;
    Ok(made)
}

fn compare(connection: &Connection, rows: &Rows, first_event: u64, check: &mut IndexCheck) -> Result<(), IndexError> {
    let of = |database: &str| rows.query.replace("{db}", database);
    let comparable = match (rows.of_events, first_event) {
        (_, 1) => "true".to_owned(),
        (true, first) => format!("(k.event IS NULL OR k.event >= {first})"),
        (false, _) => "m.key IS NOT NULL".to_owned(),
    };
    let query = format!(
        "WITH k AS MATERIALIZED ({}), m AS MATERIALIZED ({})
         SELECT coalesce(k.key, m.key), k.key IS NULL, m.key IS NULL, coalesce(k.event, m.event)
         FROM k FULL JOIN m ON m.key = k.key WHERE k.row IS NOT m.row AND {comparable}
         ORDER BY 4, 1",
        of("kept"),
        of("main")
    );
    let mut query = connection.prepare(&query)?;
    let mut found = query.query([])?;
    while let Some(row) = found.next()? {
        check.differences_total += 1;
        if check.differences.len() >= DIFFERENCES_MAX {
            continue;
        }
        let finding = match (row.get(1)?, row.get(2)?) {
            (true, _) => "missing",
            (_, true) => "not in the log",
            _ => "changed",
        };
        check.differences.push(IndexDifference {
            subject: rows.subject.into(),
            row: row.get(0)?,
            finding: finding.into(),
            event: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
        });
    }
    Ok(())
}
