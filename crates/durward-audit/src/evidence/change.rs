//! The one change that a report is about: the statement, what it came to, and its approval.

use durward_model::{SessionId, StatementId};
use rusqlite::{Connection, params};

use crate::digest::DefinitionDigest;
use crate::error::LedgerError;
use crate::event::{Event, EventNumber};
use crate::evidence::EvidenceError;
use crate::layout::Layout;
use crate::record;
use crate::tail::{Found, LogReader, header, segment_of};

/// A pack proves at most so many events.
///
/// Unit: events. Reason: an approval is spent by one message, which rarely has more than a few statements.
const PROVED_MAX: usize = 200;

/// Makes the table that the queries of the report refer to.
pub(super) fn define(connection: &Connection, layout: &Layout, change: &str) -> Result<(), EvidenceError> {
    let unknown = || EvidenceError::NoChange(change.to_owned());
    let database = |error| EvidenceError::Index(crate::index::IndexError::Database(error));
    connection
        .execute_batch("CREATE TABLE evidence_change (request TEXT, session TEXT, shape TEXT, event INTEGER)")
        .map_err(database)?;
    let (request, session, shape, event) = match change.parse::<u64>() {
        Err(_) => (Some(change.to_owned()), None, None, None),
        Ok(number) => {
            let event = crate::tail::show(&layout.directory, EventNumber(number))?.ok_or_else(unknown)?;
            let number = i64::try_from(number).map_err(|_| unknown())?;
            let of = |session: SessionId, shape: Option<DefinitionDigest>, request: Option<String>| {
                (
                    request,
                    Some(session.to_string()),
                    shape.map(|shape| shape.to_string()),
                    Some(number),
                )
            };
            let request = event
                .decision
                .as_ref()
                .and_then(|basis| basis.approval().map(str::to_owned));
            match &event.stored.event {
                Event::StatementIntent(intent) => of(intent.session, Some(intent.shape), request),
                Event::StatementRefused(refused) => of(refused.session, refused.shape, request),
                Event::ApprovalMoved(moved) => (Some(moved.request.clone()), None, None, None),
                _ => return Err(unknown()),
            }
        }
    };
    connection
        .execute(
            "INSERT INTO evidence_change VALUES (?1, ?2, ?3, ?4)",
            params![request, session, shape, event],
        )
        .map_err(database)?;
    Ok(())
}

/// The events that belong to the change: what ran, what it came to, and the life of its request.
pub(super) fn events(connection: &Connection, layout: &Layout, last_event: u64) -> Result<Vec<u64>, EvidenceError> {
    let database = |error| EvidenceError::Index(crate::index::IndexError::Database(error));
    let mut query = connection
        .prepare(
            "SELECT coalesce(c.event, s.first_event), CASE WHEN c.event IS NULL THEN s.last_event END
             FROM statements s JOIN evidence_change c
             WHERE s.verdict <> 'prepared' AND (s.approval = c.request OR (s.session = c.session AND s.shape IS c.shape
                 AND c.event BETWEEN s.first_event AND s.last_event))
             UNION SELECT event, NULL FROM approvals WHERE request = (SELECT request FROM evidence_change)",
        )
        .map_err(database)?;
    let rows = query
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))
        .map_err(database)?;
    let mut found = Vec::new();
    for row in rows {
        let (first, last) = row.map_err(database)?;
        for number in std::iter::once(first).chain(last) {
            let number = number.cast_unsigned();
            found.push(number);
            found.extend(outcome_of(layout, number, last_event)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(PROVED_MAX);
    Ok(found)
}

/// The outcome of an intent.
fn outcome_of(layout: &Layout, intent: u64, last_event: u64) -> Result<Option<u64>, EvidenceError> {
    let damaged = |error: minicbor::decode::Error| LedgerError::Damaged(error.to_string().into());
    let segment = segment_of(layout, intent)?;
    let mut number = header(layout, segment)?.first_event - 1;
    let mut reader = LogReader::open(layout, segment, None)?;
    let mut wanted: Option<(SessionId, StatementId)> = None;
    loop {
        let bytes = match reader.next()? {
            Found::Record(bytes) => bytes,
            Found::Segment => continue,
            Found::Nothing => return Ok(None),
        };
        number += 1;
        if number > last_event {
            return Ok(None);
        }
        if number < intent {
            continue;
        }
        let event = record::decode(bytes).map_err(damaged)?.event;
        match (event, wanted) {
            (Event::StatementIntent(of), None) => wanted = Some((of.session, of.statement)),
            (Event::StatementOutcome(of), Some(statement)) if (of.session, of.statement) == statement => {
                return Ok(Some(number));
            }
            (Event::SessionEnded(of), Some((session, _))) if of.session == session => return Ok(None),
            (_, None) => return Ok(None),
            _ => {}
        }
    }
}
