//! Rows of statements in the making.

use rusqlite::{CachedStatement, params};

use crate::event::{Origin, StatementOutcome};

/// Executions with the same key share one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    pub(super) session: i64,
    /// The row of the shape; 0 when the statement was not understood.
    pub(super) shape: i64,
    /// The row of the basis; 0 when policy didn't decide.
    pub(super) basis: i64,
    /// The row of the refusal; 0 when permitted.
    pub(super) refusal: i64,
    pub(super) minute: i64,
}

/// What a batch adds to a row.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupDelta {
    count: i64,
    /// Of those, how many ran nothing.
    prepared: i64,
    /// Time and number of the first and the last decision.
    first: Option<(i64, i64)>,
    last: Option<(i64, i64)>,
    outcomes: i64,
    errors: i64,
    last_error: Option<String>,
    rows: i64,
    bytes: i64,
    rows_affected: i64,
    duration: i64,
    duration_max: i64,
}

pub(super) const UPSERT: &str = "
INSERT INTO ix_statement (session, principal, database, shape, basis, refusal, minute, count, prepared, first, last, first_event, last_event,
    outcomes, errors, last_error, rows, bytes, rows_affected, duration, duration_max)
SELECT ?1, coalesce(max(s.principal), 0), coalesce(max(s.database), ''), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19
FROM ix_session s WHERE s.id = ?1
ON CONFLICT (session, shape, basis, refusal, minute) DO UPDATE SET
    count = count + excluded.count,
    prepared = prepared + excluded.prepared,
    first = min(first, excluded.first),
    last = max(last, excluded.last),
    first_event = min(first_event, excluded.first_event),
    last_event = max(last_event, excluded.last_event),
    outcomes = outcomes + excluded.outcomes,
    errors = errors + excluded.errors,
    last_error = coalesce(excluded.last_error, last_error),
    rows = rows + excluded.rows,
    bytes = bytes + excluded.bytes,
    rows_affected = rows_affected + excluded.rows_affected,
    duration = duration + excluded.duration,
    duration_max = max(duration_max, excluded.duration_max)";

impl GroupDelta {
    /// Counts a decision.
    pub(super) fn decided(&mut self, time: i64, event: i64, origin: Origin) {
        self.count += 1;
        self.prepared += i64::from(matches!(origin, Origin::Parse | Origin::Describe));
        // What is prepared has run nothing: that its outcome isn't recorded leaves nothing unknown.
        self.outcomes += i64::from(origin == Origin::Parse);
        // A clock may step back.
        let (first, first_event) = self.first.unwrap_or((time, event));
        self.first = Some((first.min(time), first_event));
        let (last, _) = self.last.unwrap_or((time, event));
        self.last = Some((last.max(time), event));
    }

    /// Counts an outcome.
    pub(super) fn ended(&mut self, outcome: &StatementOutcome) {
        self.outcomes += 1;
        if let Some(sqlstate) = &outcome.sqlstate {
            self.errors += 1;
            self.last_error = Some(sqlstate.clone());
        }
        let duration = number(outcome.duration_microseconds);
        self.rows = self.rows.saturating_add(number(outcome.rows));
        self.bytes = self.bytes.saturating_add(number(outcome.bytes));
        self.rows_affected = self
            .rows_affected
            .saturating_add(number(outcome.rows_affected.unwrap_or(0)));
        self.duration = self.duration.saturating_add(duration);
        self.duration_max = self.duration_max.max(duration);
    }

    /// Counts the outcome of what was only prepared.
    pub(super) fn prepared(&mut self, outcome: &StatementOutcome) {
        if let Some(sqlstate) = &outcome.sqlstate {
            self.errors += 1;
            self.last_error = Some(sqlstate.clone());
        }
    }

    /// Adds this to the row.
    pub(super) fn write(&self, key: &GroupKey, upsert: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        // Without a decision in this batch the row is there already, and these change nothing in it.
        let (first, first_event) = self.first.unwrap_or((i64::MAX, i64::MAX));
        let (last, last_event) = self.last.unwrap_or((0, 0));
        upsert.execute(params![
            key.session,
            key.shape,
            key.basis,
            key.refusal,
            key.minute,
            self.count,
            self.prepared,
            first,
            last,
            first_event,
            last_event,
            self.outcomes,
            self.errors,
            self.last_error,
            self.rows,
            self.bytes,
            self.rows_affected,
            self.duration,
            self.duration_max,
        ])?;
        Ok(())
    }
}

/// A count as the database holds it.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
