//! Statements that wait for approval: laid on the desk, waited for in the protocol, and judged anew before they run.

use std::sync::Arc;
use std::time::Duration;

use durward_change::{
    AdvisedRisk, Answer, Asked, DeskError, Manner, MeasuredRows, Request, RequestId, State, precedents,
};
use durward_model::{ApprovalTerms, PrincipalKind, Refusal, RowBound, StatementId, sqlstate};
use durward_policy::{HeldChange, HoldOrder};
use durward_sql::CannotReadCopy;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write::{self, Report, Severity};
use tokio::time::{Instant, MissedTickBehavior};

use super::aside::rests_on_aside;
use super::capture::{Allowance, sets_off_more};
use super::foreseen::Foreseen;
use super::judge::unix_seconds;
use super::masking::Sent;
use super::subjects::Subject;
use super::told::{approvals_in_words, desk_refusal, detail, locks, pending, rejected, withdrawn};
use super::{End, Listen, Session};
use crate::levers::OnHold;
use crate::limits::{HOLD_HEARTBEAT_SECONDS, HOLD_IN_TRANSACTION_SECONDS_MAX, HOLD_SECONDS_MAX, ROWS_COUNTED_MAX};

/// The name under which waiting clients are told that they still are.
const HEARTBEAT_NAME: &[u8] = b"durward.hold";

/// Within which time a change that is taken back is no precedent.
///
/// Unit: seconds. Reason: a day, in which whoever works with the data has seen it.
const REGRET_SECONDS: i64 = 86_400;

/// A command that policy holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) order: &'a HoldOrder,
    pub(super) subject: &'a Subject,
    pub(super) number: StatementId,
}

/// What becomes of a message that policy holds.
#[derive(Debug)]
pub(super) enum Holding {
    /// It may run now; why, for the record.
    Released(String),
    /// It may not.
    Refused(Refusal),
    /// Its client waits.
    Waiting(Box<Waiting>),
    /// Nothing is sent for it now: an earlier message of its pipeline has failed, or it is a COPY whose data is wanted first
    /// (see [`super::copy_held`]).
    Skipped,
}

/// A statement whose client waits, with what a refusal is recorded by.
#[derive(Debug)]
pub(super) struct Waiting {
    request: Request,
    subject: Subject,
    number: StatementId,
    rules: Vec<Arc<str>>,
    policy_version: u64,
    in_transaction: bool,
}

impl Session {
    /// Whether a held message may run now, may not, or has to be waited for.
    pub(super) async fn hold(
        &mut self,
        commands: &[Vec<Subject>],
        held: &[Held<'_>],
        sent: Sent<'_>,
    ) -> Result<Holding, End> {
        let Some(first) = held.first().copied() else {
            return Ok(Holding::Released(String::new()));
        };
        let terms = merged(held);
        let rows_max = terms.rows_pass.unwrap_or(0).max(ROWS_COUNTED_MAX);
        self.settle().await?;
        let copied = self.copy_data.there().map(|there| there.rows);
        let unread = match copied {
            Some(_) => None,
            None => match self.wants_copy_data(commands, first, sent).await {
                Ok(true) => return Ok(Holding::Skipped),
                Ok(false) => None,
                Err(why) => Some(why),
            },
        };
        let mut rows = copied.map(MeasuredRows::AtMost);
        if terms.rows_pass.is_some() && self.status != TransactionStatus::Failed {
            let known = (first.subject.literals, first.subject.parameters);
            let excess = self.changes.excess(&known).and_then(|excess| excess.rows);
            let counted = match (copied, excess) {
                (Some(rows), _) => MeasuredRows::AtMost(rows),
                // It has shown what it does.
                (None, Some(rows)) => MeasuredRows::Counted(rows),
                (None, None) => self.measured_rows(commands, sent, rows_max).await?,
            };
            if self.replies.is_skipping() {
                return Ok(Holding::Skipped);
            }
            let commits = self.may_commit_itself(commands) && !is_known(&counted);
            let counted = if commits {
                MeasuredRows::NotMeasured(COMMITS_ITSELF.into())
            } else {
                counted
            };
            // Several commands run and commit together, so that no count of theirs comes in time.
            let countable = commands.len() == 1 && !commits;
            let counts = !sets_off_more(commands) && (countable || is_known(&counted));
            let passes = passes(&counted, &terms).filter(|_| counts);
            if let Some(note) = passes {
                self.allowance.rows_max = terms.rows_pass;
                return Ok(Holding::Released(note));
            }
            rows = Some(counted);
        }
        if let Some(refusal) = unholdable(unread, first, sent) {
            return Ok(Holding::Refused(refusal));
        }
        self.leave_idle_pipeline(sent).await?;
        if self.replies.is_skipping() {
            return Ok(Holding::Skipped);
        }
        if self.status == TransactionStatus::Failed {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            let refusal = Refusal::new(sqlstate::IN_FAILED_SQL_TRANSACTION, "failed-transaction", message);
            return Ok(Holding::Refused(refusal));
        }
        // A block in which nothing has run can be given up for as long as it takes.
        let is_fresh = self.fresh_block.is_some() && !self.replies.in_pipeline();
        let in_transaction = self.in_transaction() && !is_fresh;
        let Some(binding) = self.bind_approval(commands, held, sent).await? else {
            return Ok(Holding::Refused(unbound(first.order)));
        };
        let desk = Arc::clone(&self.gateway.approvals);
        let known = desk.known(&binding.digest, now());
        let known_advice = known.as_ref().map(|known| known.asked.advice.clone());
        let foreseen = self.foresee(commands, sent, (rows, rows_max), known.as_ref()).await?;
        let waits = self.waits();
        let mut asked = self.asked(commands, held, sent, (binding, foreseen, terms));
        let known = (first.subject.literals, first.subject.parameters);
        asked
            .touched
            .notes
            .extend(self.changes.excess(&known).map(|excess| excess.why.clone()));
        if waits && !in_transaction {
            let inline = u32::try_from(HOLD_SECONDS_MAX.as_secs()).unwrap_or(u32::MAX);
            asked.terms.expires_seconds = asked.terms.expires_seconds.min(inline);
        }
        asked.advice = match (known_advice, &self.gateway.adviser) {
            (Some(advice), _) => advice,
            // Once for each request, and whoever breaks the glass waits for nobody.
            (None, Some(adviser)) if !self.levers.breaks_glass() => adviser.advise(&asked).await,
            (None, _) => None,
        };
        if self.levers.breaks_glass() {
            return Ok(self.break_glass(asked, held).await);
        }
        if !sets_off_more(commands)
            && let Some(why) = self.approved_by_policy(&asked, held)
        {
            return Ok(self.run_approved(asked, why, first.order).await);
        }
        let manner = if waits { Manner::Waiting } else { Manner::Parked };
        let digest = asked.digest.clone();
        let answer = on_desk(move || desk.present(&asked, manner, now())).await;
        Ok(match answer {
            Ok(Answer::Granted(grant)) => {
                debug_assert_eq!(grant.request().asked.digest, digest, "a grant is for what was asked");
                self.changes.forget_excess(&known);
                self.allowance = allowance(grant.request());
                Holding::Released(format!("approved: {}", grant.request().id))
            }
            Ok(Answer::Rejected(request)) => Holding::Refused(rejected(&request, self.page_of(request.id))),
            Ok(Answer::Pending(request)) if waits => Holding::Waiting(Box::new(Waiting {
                request: *request,
                subject: first.subject.clone(),
                number: first.number,
                rules: first.order.rules.clone(),
                policy_version: first.order.permit().policy_version().number,
                in_transaction,
            })),
            Ok(Answer::Pending(request)) => Holding::Refused(pending(&request, self.page_of(request.id), first.order)),
            Err(error) => Holding::Refused(desk_refusal(&error, first.order)),
        })
    }

    /// The terms of policy that approve what is held, where they approve all of it.
    fn approved_by_policy(&self, asked: &Asked, held: &[Held<'_>]) -> Option<String> {
        if held.iter().any(|held| held.order.auto.is_empty()) || !self.gateway.approvals.risk_of(asked).is_empty() {
            return None;
        }
        let rows = match asked.rows {
            MeasuredRows::Counted(rows) | MeasuredRows::AtMost(rows) => Some(rows),
            MeasuredRows::MoreThan(_)
            | MeasuredRows::Estimated { .. }
            | MeasuredRows::NotMeasured(_)
            | MeasuredRows::Failed => None,
        };
        let bounds = held.iter().map(|held| held.subject.facts.rows_written);
        let change = HeldChange {
            rows,
            keyed: bounds.into_iter().all(|bound| matches!(bound, RowBound::AtMost(_))),
            full_undo: asked.effect.as_ref().is_some_and(|effect| effect.undo == "full"),
            reason: asked.reason.as_deref(),
            advised_low: asked
                .advice
                .as_ref()
                .is_some_and(|advice| advice.risk == AdvisedRisk::Low),
            precedents: rows.map_or(0, |rows| self.precedents(asked, rows)),
        };
        let words: Option<Vec<String>> = held.iter().map(|held| held.order.approves_itself(&change)).collect();
        let mut words = words?;
        words.dedup();
        Some(words.join("; "))
    }

    /// How many people's approvals speak for a change. One that was taken back within a day speaks against all.
    fn precedents(&self, asked: &Asked, rows: u64) -> u32 {
        // What was taken back isn't known where nothing is kept.
        let Some(undo) = &self.gateway.undo else {
            return 0;
        };
        let found = precedents(asked, rows, &self.gateway.approvals.list());
        if found.is_empty() {
            return 0;
        }
        let changes = undo.vault.list();
        let mut theirs = changes.iter().filter(|record| {
            let request = record.change.request;
            request.is_some_and(|request| found.contains(&request))
        });
        let taken_back = theirs.any(|record| {
            let mut undoes = changes.iter().filter(|other| other.change.undoes.contains(&record.id));
            undoes.any(|other| other.at.saturating_sub(record.at) <= REGRET_SECONDS)
        });
        if taken_back {
            return 0;
        }
        u32::try_from(found.len()).unwrap_or(u32::MAX)
    }

    /// Runs what the terms of a policy approve.
    async fn run_approved(&mut self, asked: Asked, why: String, order: &HoldOrder) -> Holding {
        let desk = Arc::clone(&self.gateway.approvals);
        match on_desk(move || desk.present_approved(&asked, &why, now())).await {
            Ok(Answer::Granted(grant)) => {
                self.allowance = allowance(grant.request());
                let said = approvals_in_words(grant.request());
                self.notice(&format!("{} is approved {said}", grant.request().id), None, None);
                Holding::Released(format!("approved: {}", grant.request().id))
            }
            Ok(Answer::Rejected(request)) => Holding::Refused(rejected(&request, self.page_of(request.id))),
            Ok(Answer::Pending(request)) => Holding::Refused(pending(&request, self.page_of(request.id), order)),
            Err(error) => Holding::Refused(desk_refusal(&error, order)),
        }
    }

    /// Runs what is held without an approval, where policy lets its sender and they say why.
    async fn break_glass(&mut self, asked: Asked, held: &[Held<'_>]) -> Holding {
        let Some(first) = held.first() else {
            return Holding::Released(String::new());
        };
        if let Some(barred) = held.iter().find(|held| held.order.break_glass.is_none()) {
            let refusal = barred.order.refusal.clone();
            let detail = refusal.detail.as_deref().unwrap_or_default();
            let detail = format!("{detail}; the glass isn't yours to break here");
            let hint = "Ask for approval: SET durward.approval = ask, and send it again.";
            return Holding::Refused(refusal.with_detail(detail).with_hint(hint));
        }
        if asked.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
            let message = "the glass is broken with a reason only";
            let refusal = Refusal::new(sqlstate::REASON_REQUIRED, "break-glass", message)
                .with_hint("Say what it is for: SET durward.reason = '…'.");
            return Holding::Refused(refusal);
        }
        let desk = Arc::clone(&self.gateway.approvals);
        match on_desk(move || desk.break_glass(&asked, now())).await {
            Ok(Answer::Granted(grant)) if grant.request().state == State::BreakGlass => {
                self.levers.mend_glass();
                let id = grant.request().id;
                let page = self.page_of(id).map(|page| format!(", or at {page}"));
                self.notice(
                    &format!("{id} runs without an approval, and stays marked until somebody else has reviewed it"),
                    None,
                    Some(&format!(
                        "Review it with: durward approvals review {id}{}.",
                        page.unwrap_or_default()
                    )),
                );
                Holding::Released(format!("break-glass: {id}"))
            }
            Ok(Answer::Granted(grant)) => {
                // Somebody had approved it already.
                self.allowance = allowance(grant.request());
                Holding::Released(format!("approved: {}", grant.request().id))
            }
            Ok(Answer::Rejected(request)) => Holding::Refused(rejected(&request, self.page_of(request.id))),
            Ok(Answer::Pending(request)) => Holding::Refused(pending(&request, self.page_of(request.id), first.order)),
            Err(error) => Holding::Refused(desk_refusal(&error, first.order)),
        }
    }

    /// People at a prompt wait; programs ask again, unless they say otherwise.
    pub(super) fn waits(&self) -> bool {
        match self.levers.on_hold() {
            Some(OnHold::Wait) => true,
            Some(OnHold::Error) => false,
            None => self.principal.actors.is_empty() && self.principal.subject.kind == PrincipalKind::Person,
        }
    }

    fn asked(
        &self,
        commands: &[Vec<Subject>],
        held: &[Held<'_>],
        sent: Sent<'_>,
        (binding, foreseen, terms): (super::binding::Bound, Foreseen, ApprovalTerms),
    ) -> Asked {
        let settings = &self.sight.context.settings;
        let orders = held.iter().map(|held| held.order);
        let mut rules: Vec<Arc<str>> = Vec::new();
        for rule in orders.clone().flat_map(|order| &order.rules) {
            if !rules.contains(rule) {
                rules.push(Arc::clone(rule));
            }
        }
        let order = orders.into_iter().next();
        let handle = &self.lease.handle;
        Asked {
            digest: binding.digest,
            principal: (*self.principal).clone(),
            database: self.database.name.to_string(),
            text: match sent {
                Sent::Now { text, .. } => text.to_owned(),
                Sent::Before { portal } => portal.prepared.text.to_string(),
            },
            prepared: binding.prepared,
            parameters: binding.parameters,
            search_path: settings.search_path.iter().map(ToString::to_string).collect(),
            role: settings.current_user.to_string(),
            touched: self.touched(commands),
            rows: foreseen.rows,
            effect: foreseen.effect,
            ddl: foreseen.ddl,
            undo: foreseen.undo,
            rules,
            why: order.map_or_else(|| "".into(), |order| Arc::clone(&order.refusal.message)),
            approver: order.map_or_else(|| "".into(), |order| Arc::clone(&order.approver)),
            terms,
            reason: self.levers.reason().map(str::to_owned),
            shape: shape_of(commands),
            session: self.id.to_string(),
            client: format!("{} at {}", handle.program(), handle.client_address()),
            steps: Vec::new(),
            settings: String::new(),
            access: None,
            submitted_by: None,
            advice: None,
        }
    }

    /// Waits until people have decided, the client takes its statement back or is gone, or time is over. `None`: the
    /// message is to be judged anew. Cancel safe: no.
    pub(super) async fn await_decision(&mut self, waiting: &Waiting) -> Result<Option<Refusal>, End> {
        let block = self.leave_fresh_block().await?;
        self.unbound |= block.is_some();
        let handle = Arc::clone(&self.lease.handle);
        let cancels = handle.cancels();
        handle.set_holding(true);
        self.waited_for_people = true;
        self.counters.held();
        let waited = self.wait_on(waiting, cancels).await;
        handle.set_holding(false);
        let (desk, id) = (Arc::clone(&self.gateway.approvals), waiting.request.id);
        let refusal = match waited {
            Ok(Waited::Decided(request)) => self.decided(&request),
            Ok(Waited::Cancelled) => Some(Refusal::new(
                sqlstate::QUERY_CANCELED,
                "hold-withdrawn",
                "canceling statement due to user request: its request for approval is withdrawn",
            )),
            Ok(Waited::TooLong) => Some(
                Refusal::new(
                    sqlstate::APPROVAL_PENDING,
                    "approval-pending",
                    format!("{id} still waits for approval, and this transaction can't wait with it"),
                )
                .with_detail(detail(&waiting.request, self.page_of(id)))
                .with_hint(
                    "Roll back, and send the transaction again once it is approved; a held first statement waits.",
                ),
            ),
            Err(end) => {
                let why = match end {
                    // The gateway ends it: whoever asked may come back.
                    End::Killed | End::ServerLost | End::ServerFault(_) => None,
                    End::ClientLeft | End::ClientLost | End::Revoked(_) | End::ClientFault(_) => Some("client is gone"),
                };
                self.step_back(desk, id, why).await;
                return Err(end);
            }
        };
        let why = match &refusal {
            Some(refusal) if &*refusal.rule == "approval-pending" => None,
            Some(_) | None => Some("cancelled"),
        };
        self.step_back(desk, id, why).await;
        if let Some(text) = block {
            self.reenter_block(text).await?;
        }
        if let Some(refusal) = &refusal {
            let by = (waiting.rules.as_slice(), waiting.policy_version);
            self.record_refusal(waiting.number, &waiting.subject, refusal, by);
        }
        self.heartbeat("");
        Ok(refusal)
    }

    /// Outside of a transaction block procedures and DO may commit in their midst (manual section 43.8): no count comes in
    /// time.
    fn may_commit_itself(&self, commands: &[Vec<Subject>]) -> bool {
        let mut subjects = commands.iter().flatten();
        !self.in_block && subjects.any(|subject| matches!(&*subject.facts.command, "CALL" | "DO"))
    }

    /// Gives the place at the desk up; with a reason, the request is taken back unless it is decided.
    async fn step_back(&self, desk: Arc<durward_change::Desk>, id: RequestId, why: Option<&'static str>) {
        let stepped = on_desk(move || match why {
            Some(why) => desk.leave(id, why, now()),
            None => {
                desk.park(id);
                Ok(())
            }
        });
        if let Err(error) = stepped.await {
            tracing::error!(%error, session = %self.id, "a request for approval can't be taken back");
        }
    }

    /// `cancels` is how often the client had cancelled before.
    async fn wait_on(&mut self, waiting: &Waiting, cancels: u64) -> Result<Waited, End> {
        let id = waiting.request.id;
        if self.client.ended {
            return Err(End::ClientLeft);
        }
        self.announce(waiting);
        let mut moved = self.gateway.approvals.watch();
        let patience = if waiting.in_transaction {
            HOLD_IN_TRANSACTION_SECONDS_MAX
        } else {
            // Time ends the request before that.
            HOLD_SECONDS_MAX + Duration::from_secs(60)
        };
        let gives_up = Instant::now() + patience;
        let mut tick = tokio::time::interval(HOLD_HEARTBEAT_SECONDS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let handle = Arc::clone(&self.lease.handle);
        loop {
            match self.gateway.approvals.get(id) {
                Some(request) if request.state == State::Pending => {}
                Some(request) => return Ok(Waited::Decided(Box::new(request))),
                None => return Ok(Waited::Cancelled),
            }
            tokio::select! {
                biased;
                () = handle.hold_cancelled(cancels) => return Ok(Waited::Cancelled),
                // The desk lives as long as the gateway.
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(gives_up) => return Ok(Waited::TooLong),
                _ = tick.tick() => {
                    if let Err(refusal) = self.standing.check() {
                        return Err(End::Revoked(refusal));
                    }
                    self.heartbeat(&id.to_string());
                }
                turned = self.turn(Listen::Both) => {
                    turned?;
                    if self.client.ended {
                        return Err(End::ClientLeft);
                    }
                }
            }
        }
    }

    /// What a decision means for whoever waited; `None`: the statement is judged anew, and the approval spent.
    fn decided(&mut self, request: &Request) -> Option<Refusal> {
        match request.state {
            State::Approved | State::AutoApproved => {
                let said = approvals_in_words(request);
                self.notice(&format!("{} is approved: {said}", request.id), None, None);
                None
            }
            State::Rejected => Some(rejected(request, self.page_of(request.id))),
            State::Expired => Some(
                Refusal::new(
                    sqlstate::QUERY_CANCELED,
                    "hold-expired",
                    format!("canceling statement: nobody has decided {} in time", request.id),
                )
                .with_hint("Sending it again asks again."),
            ),
            // Somebody has said so; a session that goes takes its own back only.
            State::Withdrawn if request.ending.as_ref().is_some_and(|ending| ending.by.is_some()) => {
                Some(withdrawn(request))
            }
            // Spent by another session of the same principal, or taken back there: it is asked for anew.
            State::Pending
            | State::Used
            | State::Withdrawn
            | State::Superseded
            | State::Revoked
            | State::BreakGlass
            | State::Reviewed => None,
        }
    }

    fn announce(&mut self, waiting: &Waiting) {
        let request = &waiting.request;
        let asked = &request.asked;
        let message = format!("{} waits for approval: {}", request.id, asked.why);
        let tables = asked.touched.changes.join(", ");
        let mut detail = format!(
            "rule: {}; rows: {}; changes: {tables}",
            asked.rules.join(", "),
            asked.rows
        );
        if !asked.ddl.is_empty() {
            detail.push_str(&format!("; locks: {}", locks(asked).join(", ")));
        }
        if !request.risk.is_empty() {
            detail.push_str(&format!("; high risk: {}", request.risk.join(", ")));
        }
        let asked_of = request.addressed.lines();
        if !asked_of.is_empty() {
            detail.push_str(&format!("; asked of: {}", asked_of.join("; ")));
        }
        let page = self.page_of(request.id).map(|page| format!(", or at {page}"));
        let hint = format!(
            "Approve it with: durward approvals approve {}{}. Cancelling takes it back.",
            request.id,
            page.unwrap_or_default()
        );
        self.notice(&message, Some(&detail), Some(&hint));
    }

    /// Where people look at a request and decide it.
    fn page_of(&self, id: RequestId) -> Option<String> {
        let pages = self.gateway.request_pages.as_deref()?;
        Some(format!("{pages}{id}"))
    }

    pub(super) fn notice(&mut self, message: &str, detail: Option<&str>, hint: Option<&str>) {
        let mut report = Report::new(Severity::Notice, sqlstate::APPROVAL_PENDING, message);
        report.detail = detail.map(Into::into);
        report.hint = hint.map(Into::into);
        self.client
            .outbound
            .extend_with(|out| write::notice_response(out, &report));
    }

    fn heartbeat(&mut self, value: &str) {
        let mut written = Ok(());
        self.client
            .outbound
            .extend_with(|out| written = write::parameter_status(out, HEARTBEAT_NAME, value.as_bytes()));
        debug_assert!(written.is_ok(), "a request's number holds no NUL");
    }
}

/// The digest of the shape of a message's one statement.
fn shape_of(commands: &[Vec<Subject>]) -> Option<String> {
    match commands {
        [command] => match command.as_slice() {
            [subject] => Some(subject.shape.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// How a wait ended.
enum Waited {
    Decided(Box<Request>),
    Cancelled,
    TooLong,
}

/// What an approved statement may do: what its approvers were shown.
fn allowance(request: &Request) -> Allowance {
    let rows_max = match request.asked.rows {
        MeasuredRows::Counted(rows) | MeasuredRows::AtMost(rows) => Some(rows),
        MeasuredRows::MoreThan(_)
        | MeasuredRows::Estimated { .. }
        | MeasuredRows::NotMeasured(_)
        | MeasuredRows::Failed => request.rows_backstop,
    };
    Allowance {
        rows_max,
        proven_max: None,
        effect: request.asked.effect.as_ref().map(|effect| effect.digest.clone()),
        request: Some(request.id),
        keeps_aside: request.asked.undo.as_deref().is_some_and(rests_on_aside),
    }
}

/// What can't be held, because an approval would not say what runs.
fn unholdable(unread: Option<CannotReadCopy>, first: Held<'_>, sent: Sent<'_>) -> Option<Refusal> {
    let refused = |reason: &str| {
        let refusal = first.order.refusal.clone();
        let detail = refusal.detail.as_deref().unwrap_or_default();
        let detail = format!("{detail}; it can't be held for approval: {reason}");
        refusal.with_detail(detail)
    };
    if let Some(why) = unread {
        return Some(refused(&format!(
            "the rows of a COPY are kept for approvers, and {why}"
        )));
    }
    match sent {
        Sent::Before { portal } if portal.is_cursor => Some(refused("a cursor was opened before")),
        Sent::Before { .. } | Sent::Now { .. } => None,
    }
}

/// Its parameters aren't known any more.
fn unbound(order: &HoldOrder) -> Refusal {
    order
        .refusal
        .clone()
        .with_hint("What holds it has changed since it was prepared, or its settings can't be read: prepare it again.")
}

/// What all orders of a message take together.
pub(super) fn merged(held: &[Held<'_>]) -> ApprovalTerms {
    held.iter()
        .map(|held| held.order.approval.clone())
        .reduce(|all, one| all.merge(&one))
        .unwrap_or_default()
}

/// Why what a procedure does can't be counted before it stands.
const COMMITS_ITSELF: &str = "it may commit by itself; within BEGIN and COMMIT it can't";

fn is_known(rows: &MeasuredRows) -> bool {
    matches!(rows, MeasuredRows::Counted(_) | MeasuredRows::AtMost(_))
}

/// Why a measured statement needs no approval, where it doesn't.
fn passes(rows: &MeasuredRows, terms: &ApprovalTerms) -> Option<String> {
    let pass = terms.rows_pass?;
    match rows {
        MeasuredRows::Counted(rows) | MeasuredRows::AtMost(rows) if *rows <= pass => {
            Some(format!("counted: at most {pass} rows"))
        }
        MeasuredRows::NotMeasured(reason) if terms.unmeasured_pass => Some(format!("not counted: {reason}")),
        MeasuredRows::Counted(_)
        | MeasuredRows::AtMost(_)
        | MeasuredRows::MoreThan(_)
        | MeasuredRows::Estimated { .. }
        | MeasuredRows::NotMeasured(_)
        // A condition that is slow, or fails when it is counted, is no way round the count.
        | MeasuredRows::Failed => None,
    }
}

pub(super) fn now() -> i64 {
    unix_seconds().unwrap_or_default()
}

/// The desk waits for the disk.
pub(super) async fn on_desk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(DeskError::Store(durward_change::StoreError(
            "the gateway is ending".into(),
        ))),
    }
}
