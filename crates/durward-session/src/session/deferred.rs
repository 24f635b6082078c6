//! What constraints and triggers put off until the end of a transaction (manual, SET CONSTRAINTS) counts like what a
//! statement does at once: the server is made to do it before the transaction may commit, while it can be taken back.

use durward_audit::Recorded;
use durward_model::{StatementId, sqlstate};
use durward_policy::Permit;
use durward_sql::AnalyzedStatement;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write;

use super::capture::{exceeded, most_changed, number_of_rows};
use super::client_side::ends_transaction;
use super::probe::Probe;
use super::{End, Listen, OwnQuery, Session};
use crate::replies::Expected;

/// What has come of it.
#[derive(Debug)]
pub(super) enum Deferred {
    /// Nothing was put off, or no more than was allowed.
    Within,
    /// More: it is still to be taken back.
    Exceeded(String),
    /// The server has failed it with this code, and said why.
    Failed(Box<str>),
}

impl Session {
    /// Remembers that the open transaction may have put off more than it may do.
    pub(super) fn note_deferred(&mut self, rows_max: Option<u64>) {
        if let Some(most) = rows_max {
            let known = self.deferred_rows_max.unwrap_or(u64::MAX);
            self.deferred_rows_max = Some(known.min(most));
        }
    }

    /// Has the server do now what was put off; the code where it failed, and the client has heard why.
    pub(super) async fn do_deferred(&mut self) -> Result<Result<(), Box<str>>, End> {
        self.close_left();
        self.probe = Probe::default();
        self.server.own_extended(&OwnQuery::ConstraintsNow);
        self.replies.push(Expected::Before);
        while self.replies.awaits_before() {
            self.turn(Listen::Server).await?;
        }
        let failure = std::mem::take(&mut self.probe).failure().map(Into::into);
        Ok(failure.map_or(Ok(()), Err))
    }

    /// The same, and counts what it changes.
    pub(super) async fn count_deferred(&mut self) -> Result<Deferred, End> {
        let Some(most) = self.deferred_rows_max.take() else {
            return Ok(Deferred::Within);
        };
        if self.replies.is_skipping() || self.status == TransactionStatus::Failed {
            return Ok(Deferred::Within);
        }
        let before = self.rows_changed().await?;
        if self.replies.is_skipping() {
            return Ok(Deferred::Failed(sqlstate::QUERY_CANCELED.into()));
        }
        if let Err(failure) = self.do_deferred().await? {
            return Ok(Deferred::Failed(failure));
        }
        let rows = match (before, self.rows_changed().await?) {
            (Some(before), Some(after)) => most_changed(&before, &after),
            // What can't be told may be any number.
            _ => u64::MAX,
        };
        if rows <= most {
            return Ok(Deferred::Within);
        }
        let changed = number_of_rows(rows);
        let why = format!("what was put off until its transaction's end changed {changed}, and may change {most}");
        Ok(Deferred::Exceeded(why))
    }

    /// Before a simple query that ends the transaction, or has it do what was put off: what was recorded of it where it may
    /// go on, else the client has its answer.
    pub(super) async fn may_end(
        &mut self,
        statements: &[AnalyzedStatement],
        numbers: &[StatementId],
        recorded: Recorded<Vec<Permit>>,
    ) -> Result<Option<Recorded<Vec<Permit>>>, End> {
        let ends = statements.iter().any(ends_transaction);
        if !ends && !statements.iter().any(sets_constraints) {
            return Ok(Some(recorded));
        }
        let Some(failure) = self.failure_at_end(ends).await? else {
            return Ok(Some(recorded));
        };
        self.record_not_run(numbers, &failure);
        if !ends {
            self.server.own_sync();
            self.replies.push(Expected::Sync);
            return Ok(None);
        }
        // A transaction that can't be committed is over.
        self.end_changes(Some(false));
        self.server.own_sync();
        self.replies.push(Expected::ProbeSync);
        while self.replies.awaits_own() {
            self.turn(Listen::Server).await?;
        }
        self.replies.skip_nothing();
        self.roll_back_quietly().await?;
        self.client
            .outbound
            .extend_with(|out| write::ready_for_query(out, TransactionStatus::Idle));
        Ok(None)
    }

    /// Has the transaction do what was put off, and where it is to end, keeps what it has changed. Where it may not go on,
    /// the code by which it failed: the client hears why, and the server does nothing more until a Sync.
    pub(super) async fn failure_at_end(&mut self, ends: bool) -> Result<Option<Box<str>>, End> {
        match self.count_deferred().await? {
            Deferred::Within if !ends || self.keep_changes().await? => Ok(None),
            Deferred::Within => Ok(Some(sqlstate::LEDGER_UNAVAILABLE.into())),
            Deferred::Exceeded(why) => {
                self.take_back(exceeded(&why));
                Ok(Some(sqlstate::EFFECT_EXCEEDED.into()))
            }
            Deferred::Failed(failure) => Ok(Some(failure)),
        }
    }
}

/// Whether a statement may have the server do what was put off.
pub(super) fn sets_constraints(statement: &AnalyzedStatement) -> bool {
    &*statement.facts.command == "SET CONSTRAINTS"
}
