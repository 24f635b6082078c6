//! A Parse whose run comes right behind it is recorded with that run, as one event. The server hears of it no earlier than
//! the record does: what is prepared stands behind a gate that only a recorded intent opens.

use std::sync::Arc;

use durward_audit::Recorded;
use durward_model::StatementId;
use durward_policy::Permit;
use durward_wire::postgres::frontend::FrontendMessage;

use super::judge::Verdict;
use super::masking::{MessageMasks, Sent};
use super::subjects::Subject;
use super::{End, Session};
use crate::forward::Preparation;
use crate::prepared::Prepared;
use crate::replies::{Expected, Run};

/// A permission to prepare a text that isn't recorded yet.
#[derive(Debug)]
pub(super) struct Unrecorded {
    permits: Vec<Permit>,
    subjects: Vec<Subject>,
    pub(super) numbers: Vec<StatementId>,
}

/// What waits for its record.
#[derive(Debug)]
pub(super) struct Preparing {
    unrecorded: Unrecorded,
    prepared: Arc<Prepared>,
    /// The number of its reply.
    number: StatementId,
}

impl Session {
    /// Decides on a text that is only prepared now.
    pub(super) async fn decide_to_prepare(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
    ) -> Result<Result<(Unrecorded, MessageMasks), Verdict>, End> {
        let relieved = self.begin_judgement(commands, sent).await?;
        let commands = relieved.as_deref().unwrap_or(commands);
        let weighed = match self.weigh(commands, sent).await? {
            Ok(weighed) => weighed,
            Err(verdict) => return Ok(Err(verdict)),
        };
        let (permits, subjects) = weighed
            .permitted
            .into_iter()
            .map(|(permit, subject, _)| (permit, subject.clone()))
            .unzip();
        let unrecorded = Unrecorded {
            permits,
            subjects,
            numbers: weighed.numbers,
        };
        Ok(Ok((unrecorded, weighed.masks)))
    }

    /// Takes in what may be prepared. It goes out once it is recorded.
    pub(super) fn prepare(
        &mut self,
        unrecorded: Unrecorded,
        (prepared, run): (Arc<Prepared>, Run),
        preparation: Preparation<'_>,
    ) {
        self.server.prepare(preparation);
        self.preparing = Some(Box::new(Preparing {
            unrecorded,
            prepared,
            number: run.statement,
        }));
        self.replies.push(Expected::Parse { run: Box::new(run) });
    }

    /// Whether a message may yet lead to the run of what waits for its record.
    pub(super) fn may_run_prepared(message: &FrontendMessage<'_>) -> bool {
        matches!(
            message,
            FrontendMessage::Bind(_) | FrontendMessage::Describe { .. } | FrontendMessage::Execute { .. }
        )
    }

    /// The intent of a run, right behind what it prepares: it stands for both.
    pub(super) fn run_is_recorded(
        &mut self,
        recorded: &Recorded<Vec<Permit>>,
        (prepared, number): (&Arc<Prepared>, StatementId),
    ) {
        let Some(preparing) = self
            .preparing
            .take_if(|preparing| Arc::ptr_eq(&preparing.prepared, prepared))
        else {
            return;
        };
        self.server.preparation_is_recorded(recorded);
        self.replies.fails_as(preparing.number, number);
    }

    /// Records by itself what nothing runs that came with it.
    pub(super) async fn record_prepared(&mut self) -> Result<(), End> {
        let Some(preparing) = self.preparing.take() else {
            return Ok(());
        };
        let Unrecorded {
            permits,
            subjects,
            numbers,
        } = preparing.unrecorded;
        let permitted = permits
            .into_iter()
            .zip(&subjects)
            .zip(&numbers)
            .map(|((permit, subject), number)| (permit, subject, *number))
            .collect();
        match self.record_intents(permitted).await {
            Ok(recorded) => self.server.preparation_is_recorded(&recorded),
            Err(refusal) => {
                self.take_out_prepared(preparing.number, &refusal.sqlstate);
                self.refuse_extended(refusal)?;
            }
        }
        Ok(())
    }

    /// At a session's end: what wasn't recorded isn't sent any more.
    pub(super) fn forget_prepared(&mut self, sqlstate: &str) {
        if let Some(preparing) = self.preparing.take() {
            self.take_out_prepared(preparing.number, sqlstate);
        }
    }

    /// What was never recorded is never sent, nor is what came behind it.
    fn take_out_prepared(&mut self, number: StatementId, sqlstate: &str) {
        self.server.forget_preparation();
        for expected in self.replies.take_from(number).into_iter().rev() {
            self.abandon(expected, sqlstate);
        }
    }
}
