//! How many rows a held UPDATE or DELETE would change: counted beforehand by a read of its own, which is judged and
//! recorded like any other statement.

use std::sync::Arc;

use durward_audit::Origin;
use durward_change::MeasuredRows;
use durward_model::RowBound;
use durward_policy::Decision;
use durward_sql::{CountReach, CountText};
use durward_wire::postgres::backend::TransactionStatus;

use super::capture::proven_rows;
use super::given::{Given, Only};
use super::judge::Verdict;
use super::masking::{MessageMasks, Sent, mask_of};
use super::probe::Probe;
use super::subjects::Subject;
use super::{End, OwnQuery, Session};
use crate::catalog::TextRow;
use crate::replies::{Expected, Run};

impl Session {
    /// How many rows a message would change, as far as that can be known without changing any.
    pub(super) async fn measured_rows(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        rows_max: u64,
    ) -> Result<MeasuredRows, End> {
        let not = |reason: &str| Ok(MeasuredRows::NotMeasured(reason.into()));
        if let Some(rows) = proven_rows(commands) {
            return Ok(MeasuredRows::AtMost(rows));
        }
        let [command] = commands else {
            return not("several commands in one message");
        };
        let [own] = command.as_slice() else {
            return not("it runs what was prepared or opened before");
        };
        if let RowBound::AtMost(rows) = own.facts.rows_written {
            return Ok(MeasuredRows::AtMost(rows));
        }
        let text = sent.text();
        let analyzer = &self.gateway.analyzer;
        let counted = match analyzer
            .count_text(&text, &self.sight.context, (rows_max, CountReach::Condition))
            .await
        {
            Ok(Ok(counted)) => counted,
            Ok(Err(reason)) => return not(&reason.to_string()),
            Err(_) => return not("its condition can't be read"),
        };
        self.leave_idle_pipeline(sent).await?;
        // The transaction's own settings would have to be changed, and couldn't be changed back.
        if self.replies.in_pipeline() || self.replies.is_skipping() {
            return not("it stands in a pipeline");
        }
        let recorded = match self.judge_count(&counted, own).await? {
            Ok(verdict) => verdict,
            Err(reason) => return not(reason),
        };
        Ok(match self.count_apart(&counted, sent, recorded).await? {
            Ok(Some(rows)) if rows > rows_max => MeasuredRows::MoreThan(rows_max),
            Ok(Some(rows)) => MeasuredRows::Counted(rows),
            Ok(None) => MeasuredRows::Failed,
            Err(reason) => MeasuredRows::NotMeasured(reason.into()),
        })
    }

    /// Runs a count, behind a savepoint where a transaction is open; `None` where it fails.
    pub(super) async fn count_apart(
        &mut self,
        counted: &CountText,
        sent: Sent<'_>,
        verdict: Verdict,
    ) -> Result<Result<Option<u64>, &'static str>, End> {
        let rows = self.read_apart(counted, sent, verdict).await?;
        Ok(rows.map(|rows| {
            let rows = rows?;
            let number = rows.first()?.first()?.as_deref()?;
            std::str::from_utf8(number).ok()?.parse().ok()
        }))
    }

    /// Runs a read of the gateway's own with the statement's parameters, behind a savepoint where a transaction is open;
    /// `None` where it fails.
    pub(super) async fn read_apart(
        &mut self,
        read: &CountText,
        sent: Sent<'_>,
        verdict: Verdict,
    ) -> Result<Result<Option<Vec<TextRow>>, &'static str>, End> {
        let Some(given) = Given::with(sent) else {
            return Ok(Ok(None));
        };
        let in_block = self.status == TransactionStatus::InTransaction;
        if in_block && self.ask(&[OwnQuery::Savepoint]).await?.is_err() {
            return Ok(Err("the transaction takes no savepoint"));
        }
        let only = given.only(&read.parameters);
        let rows = self.read_within_limits((&read.text, only), verdict).await?;
        if in_block {
            let back = [OwnQuery::RollBackToSavepoint, OwnQuery::ReleaseSavepoint];
            if self.ask(&back).await?.is_err() {
                return Err(End::ServerFault("a savepoint of the gateway's is gone"));
            }
        }
        Ok(Ok(rows))
    }

    /// Policy decides on the count as on any read, and masks must not be in its way.
    pub(super) async fn judge_count(
        &mut self,
        counted: &CountText,
        own: &Subject,
    ) -> Result<Result<Verdict, &'static str>, End> {
        let Some(statement) = counted.analysis.statements.first() else {
            return Ok(Err("its condition can't be read"));
        };
        let subject = Subject {
            parameters: own.parameters,
            ..Subject::of(statement, Origin::Gateway, own.literals)
        };
        let Decision::Allow(permit) = self.ruling_on(&subject) else {
            return Ok(Err("its condition may not be read"));
        };
        if permit.terms().unreasoned(self.levers.reason()).is_some() {
            return Ok(Err("its condition is read with a reason only"));
        }
        let commands = [vec![subject]];
        if mask_of(permit.terms()).is_some() {
            let terms = [vec![Arc::clone(permit.terms())]];
            let sent = Sent::Now {
                text: &counted.text,
                origin: Origin::Gateway,
            };
            match self.mask(&commands, &terms, sent).await? {
                Ok(masks) if masks.rewritten.is_none() => {}
                Ok(_) | Err(_) => return Ok(Err("its condition rests on masked data")),
            }
        }
        let [command] = &commands;
        let [subject] = command.as_slice() else {
            return Ok(Err("its condition can't be read"));
        };
        let number = self.next_statement();
        let permitted = vec![(permit, subject, number)];
        Ok(Ok(match self.record_intents(permitted).await {
            Ok(recorded) => Verdict::Go(recorded, vec![number], MessageMasks::default()),
            Err(refusal) => Verdict::No(refusal),
        }))
    }

    /// Runs a read of the gateway's own, with limits of its own where nothing of the client's is in the same transaction.
    pub(super) async fn read_within_limits(
        &mut self,
        (text, (types, formats, values)): (&str, Only<'_>),
        verdict: Verdict,
    ) -> Result<Option<Vec<TextRow>>, End> {
        let Verdict::Go(recorded, numbers, _) = verdict else {
            return Ok(None);
        };
        let run = numbers.first().copied().map(Run::new);
        self.probe = Probe::default();
        self.close_left();
        self.server.own_extended(&OwnQuery::CountLimits);
        self.replies.push(Expected::ProbeExtended);
        self.run_own(recorded, (text, &types), (&formats, &values)).await?;
        let probe = std::mem::take(&mut self.probe);
        let rows = probe.into_answers(2).and_then(|mut answers| answers.pop());
        if let Some(run) = run {
            let failed = rows.is_none().then_some(durward_model::sqlstate::QUERY_CANCELED);
            self.record_outcome(&run, None, failed);
        }
        Ok(rows)
    }
}
