//! What the session writes to the ledger apart from intents.

use durward_audit::{Event, ProtocolViolation, SessionEnded, StatementOutcome};
use durward_model::StatementId;

use super::{End, Session};
use crate::replies::{Expected, Run};

impl Session {
    /// Records how an execution ended. A ledger that fails here refuses the next statement.
    pub(super) fn record_outcome(&self, run: &Run, rows_affected: Option<u64>, sqlstate: Option<&str>) {
        if sqlstate.is_some() {
            self.counters.upstream_error();
        }
        if let (Some(facts), Some(rows)) = (&run.counted_later, rows_affected) {
            self.own_writes.count(facts, rows, &self.sight.context.catalog);
        }
        let outcome = StatementOutcome {
            session: self.id,
            statement: run.statement,
            rows: run.rows,
            bytes: run.bytes,
            rows_affected,
            duration_microseconds: u64::try_from(run.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            sqlstate: sqlstate.map(str::to_owned),
            transaction: None,
        };
        self.write_outcome(&outcome);
    }

    /// Records the end of executions that were never answered.
    pub(super) fn record_unfinished(&mut self) {
        while let Some(expected) = self.replies.pop() {
            self.abandon(expected, durward_model::sqlstate::CONNECTION_FAILURE);
        }
    }

    /// Takes back what a skipped or failed message had changed in the tables, and records its executions' end.
    pub(super) fn abandon(&mut self, expected: Expected, sqlstate: &str) {
        match expected {
            Expected::Bind { undo } | Expected::Rebind { undo } | Expected::Close { undo } => {
                if let Some(undo) = undo {
                    self.names.undo(undo);
                }
            }
            Expected::Parse { run } | Expected::Execute { run } | Expected::Captured { run, .. } => {
                self.abandon_run(*run, sqlstate);
            }
            Expected::Query { runs } => {
                for run in runs.into_iter().rev() {
                    self.abandon_run(run, sqlstate);
                }
            }
            Expected::ProbeExtended | Expected::ProbeSync | Expected::Before => self.probe.fail(sqlstate),
            // It was skipped, so that what it should have closed is still there.
            Expected::OwnClose => self.own_left = true,
            Expected::Describe
            | Expected::Shape
            | Expected::Sync
            | Expected::RefusedExtended { .. }
            | Expected::RefusedQuery { .. } => {}
        }
    }

    pub(super) fn abandon_run(&mut self, mut run: Run, sqlstate: &str) {
        for undo in run.undo.drain(..).rev() {
            self.names.undo(undo);
        }
        // What never had a record of its own has no end there either.
        if run.fails_as.is_none() {
            self.record_outcome(&run, None, Some(sqlstate));
        }
    }

    pub(super) fn record_violation(&self, refusal: &durward_model::Refusal) {
        let event = Event::ProtocolViolation(ProtocolViolation {
            session: Some(self.id),
            client_address: self.lease.handle.client_address().to_string(),
            sqlstate: refusal.sqlstate.to_string(),
            message: refusal.message.to_string(),
        });
        if let Err(error) = self.gateway.ledger.record(&event) {
            tracing::error!(%error, "a protocol violation could not be recorded");
        }
    }

    pub(super) fn record_end(&self, end: &End) {
        if let End::ClientFault(refusal) = end {
            self.record_violation(refusal);
        }
        let event = Event::SessionEnded(SessionEnded {
            session: self.id,
            reason: end.reason().to_owned(),
            statements: self.lease.handle.statements(),
            refused: self.refused,
            bytes_sent: self.bytes_sent,
            by: None,
        });
        if let Err(error) = self.gateway.ledger.record(&event) {
            tracing::error!(%error, "a session's end could not be recorded");
        }
    }

    fn write_outcome(&self, outcome: &StatementOutcome) {
        if let Err(error) = self.gateway.ledger.record_outcome(outcome) {
            tracing::error!(%error, statement = %outcome.statement, "an outcome could not be recorded");
        }
    }

    pub(super) fn next_statement(&self) -> StatementId {
        StatementId(self.lease.handle.next_statement())
    }
}
