//! What the client says: each message is judged or followed, and only then passed on.

use std::collections::VecDeque;
use std::time::Instant;

use durward_audit::Origin;
use durward_model::{Refusal, StatementFacts, StatementId, sqlstate};
use durward_sql::{AnalyzedStatement, SessionEffect};
use durward_wire::limits::frontend_body_bytes_max;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write;
use durward_wire::postgres::frame::{Frame, HEADER_BYTES, peek_header};
use durward_wire::postgres::frontend::{FrontendMessage, Target};
use durward_wire::postgres::table::{Direction, State, Treatment, treatment};
use durward_wire::postgres::tag::frontend as tag;

use super::capture::{Course, Permitted, changes, unbounded};
use super::judge::{NoAnalysis, Verdict};
use super::lever::lever_of;
use super::masking::Sent;
use super::{End, OwnQuery, Session};
use crate::changes::Capturing;
use crate::limits::{CLIENT_MESSAGE_BYTES_MAX, REPLIES_EXPECTED_MAX};
use crate::replies::{Expected, Run};

/// What to do with the client's buffer after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The message is dealt with.
    Next,
    /// It must wait for an answer of the server's.
    Wait,
}

impl Session {
    /// Deals with everything whole that the client has sent.
    pub(super) async fn serve_client(&mut self) -> Result<(), End> {
        loop {
            self.feed_copy();
            if self.must_wait() {
                return Ok(());
            }
            if self.client_relay_bytes > 0 && !self.relay_copy_piece() {
                return Ok(());
            }
            // Taken out, so that a message can be borrowed while the session changes; nothing reads meanwhile.
            let mut inbound = std::mem::take(&mut self.client.inbound);
            let step = self.serve_message(inbound.filled()).await;
            if let Ok(consumed) = step {
                inbound.consume(consumed);
            }
            // While a statement waited for approval, more may have come.
            inbound.extend(self.client.inbound.filled());
            self.client.inbound = inbound;
            if step? == 0 {
                return Ok(());
            }
        }
    }

    /// Whether one side has so much to take in that the client's next message is left where it is. Answers of our own
    /// pile up for a client that doesn't read them just as the server's would.
    pub(super) fn must_wait(&self) -> bool {
        self.server.is_congested() || self.client.is_congested() || self.replies.len() > REPLIES_EXPECTED_MAX
    }

    /// Deals with the first message. Returns how many bytes it took: none if it isn't whole or has to wait.
    async fn serve_message(&mut self, input: &[u8]) -> Result<usize, End> {
        self.client.wanted = 0;
        let Some(&first) = input.first() else {
            return Ok(0);
        };
        let header = peek_header(input, frontend_body_bytes_max(first)).map_err(|error| {
            End::ClientFault(Refusal::new(
                sqlstate::PROTOCOL_VIOLATION,
                "invalid-message-length",
                error.to_string(),
            ))
        })?;
        let Some(header) = header else {
            return Ok(0);
        };
        let frame_bytes = header.frame_len();
        if header.tag == tag::COPY_DATA {
            return Ok(self.begin_copy_piece(input, frame_bytes));
        }
        if header.body_len > CLIENT_MESSAGE_BYTES_MAX {
            return Err(End::ClientFault(Refusal::new(
                sqlstate::PROGRAM_LIMIT_EXCEEDED,
                "message-too-long",
                format!("the message is longer than {CLIENT_MESSAGE_BYTES_MAX} bytes"),
            )));
        }
        let Some(bytes) = input.get(..frame_bytes) else {
            self.client.wanted = frame_bytes;
            return Ok(0);
        };
        let frame = Frame {
            tag: header.tag,
            body: bytes.get(HEADER_BYTES..).unwrap_or_default(),
        };
        let judged = matches!(frame.tag, tag::QUERY | tag::PARSE | tag::EXECUTE);
        let began = judged.then(Instant::now);
        self.waited_for_people = false;
        let flow = self.serve_frame(frame, bytes).await?;
        if let (Some(began), Flow::Next, false) = (began, flow, self.waited_for_people) {
            self.counters.overhead(began.elapsed());
        }
        match flow {
            Flow::Next => Ok(frame_bytes),
            Flow::Wait => Ok(0),
        }
    }

    async fn serve_frame(&mut self, frame: Frame<'_>, bytes: &[u8]) -> Result<Flow, End> {
        self.refuse_by_table(frame)?;
        if self.replies.is_skipping() && !matches!(frame.tag, tag::SYNC | tag::TERMINATE) {
            // As the server: messages up to Sync aren't even looked at.
            self.drop_held_back();
            return Ok(Flow::Next);
        }
        // The end of a COPY waits until the server has asked for the data, so that a Sync behind it is known to count.
        let may_overtake_copy = match frame.tag {
            tag::COPY_DONE | tag::COPY_FAIL => self.copying_in,
            tag::FLUSH | tag::SYNC | tag::TERMINATE => true,
            _ => false,
        };
        if !may_overtake_copy && self.replies.copies_in() {
            return Ok(Flow::Wait);
        }
        let message = FrontendMessage::decode(frame).map_err(|error| {
            End::ClientFault(Refusal::new(
                sqlstate::PROTOCOL_VIOLATION,
                "invalid-message",
                error.to_string(),
            ))
        })?;
        if !Self::may_run_prepared(&message) {
            self.record_prepared().await?;
        }
        if self.held_back.is_some() && self.goes_with_held_back(&message, bytes).await? {
            return Ok(Flow::Next);
        }
        match message {
            FrontendMessage::Query { text } => self.query(text, bytes).await,
            FrontendMessage::Parse(parse) => self.parse(parse, bytes).await,
            FrontendMessage::Bind(bind) => self.bind(bind, frame, bytes),
            FrontendMessage::Execute { portal, rows_max } => self.execute((portal, rows_max), bytes).await,
            FrontendMessage::Describe { .. } => self.pass(frame, bytes, Some(Expected::Describe)),
            FrontendMessage::Close { target, name } => {
                let undo = match target {
                    Target::Statement => self.names.set_statement(name, None),
                    Target::Portal => self.names.set_portal(name, None),
                };
                self.pass(frame, bytes, Some(Expected::Close { undo: Some(undo) }))
            }
            // The server ignores it, unless its COPY was ended for the client.
            FrontendMessage::Sync if self.copying_in && self.has_failed_copy() => Ok(Flow::Next),
            FrontendMessage::Sync | FrontendMessage::Flush if self.copy_data.is_coming() => Ok(Flow::Next),
            FrontendMessage::CopyDone if self.copy_data.is_coming() => self.decide_on_copy().await,
            FrontendMessage::CopyFail { reason } if self.copy_data.is_coming() => Ok(self.give_copy_up(Some(reason))),
            FrontendMessage::Sync if self.copying_in => self.pass(frame, bytes, None),
            FrontendMessage::Sync => {
                if !self.in_block && !self.replies.is_skipping() {
                    self.failure_at_end(true).await?;
                }
                let flow = self.pass(frame, bytes, Some(Expected::Sync))?;
                self.leave_nothing();
                Ok(flow)
            }
            FrontendMessage::Flush => self.pass(frame, bytes, None),
            FrontendMessage::CopyDone | FrontendMessage::CopyFail { .. } => {
                self.copying_in = false;
                let flow = if self.ends_within_bound() {
                    self.pass(frame, bytes, None)
                } else {
                    Ok(Flow::Next)
                };
                // What comes behind it waits for its end, which the server would keep back until a Sync.
                self.server.own_flush();
                flow
            }
            FrontendMessage::CopyData(_) => Ok(Flow::Next),
            FrontendMessage::Terminate => Err(End::ClientLeft),
            FrontendMessage::FunctionCall { .. } => self.function_call(),
            FrontendMessage::Password { .. } => Err(violation("password message after login")),
        }
    }

    /// The table of messages decides first; what it refuses ends the session, but for FunctionCall.
    fn refuse_by_table(&self, frame: Frame<'_>) -> Result<(), End> {
        let state = if self.copying_in {
            State::CopyIn
        } else if self.replies.is_empty() {
            State::Ready
        } else if self.replies.in_pipeline() {
            State::ExtendedQuery
        } else {
            State::SimpleQuery
        };
        match treatment(Direction::Frontend, state, frame.tag) {
            Treatment::Pass | Treatment::Inspect | Treatment::Rewrite => Ok(()),
            Treatment::Refuse if frame.tag == tag::FUNCTION_CALL && !self.copying_in => Ok(()),
            Treatment::Refuse => Err(violation(&format!(
                "message type 0x{:02x} is not allowed here",
                frame.tag
            ))),
        }
    }

    pub(super) fn pass(&mut self, frame: Frame<'_>, bytes: &[u8], expected: Option<Expected>) -> Result<Flow, End> {
        if !self.server.control(frame, bytes) {
            return Err(violation("a message that can't be passed on"));
        }
        if let Some(expected) = expected {
            self.replies.push(expected);
        }
        Ok(Flow::Next)
    }

    pub(super) async fn query(&mut self, text: &[u8], bytes: &[u8]) -> Result<Flow, End> {
        loop {
            if let Some(flow) = self.query_once(text, bytes).await? {
                self.unbound = false;
                return Ok(flow);
            }
        }
    }

    /// Judges a simple query; `None` once people have decided on it, so that it is judged anew.
    async fn query_once(&mut self, text: &[u8], bytes: &[u8]) -> Result<Option<Flow>, End> {
        let literals = self.gateway.ledger.keyed_digest(text);
        let decoded = match self.decode_text(text).await? {
            Ok(decoded) => decoded,
            Err(NoAnalysis::Skipped) => return Ok(Some(Flow::Next)),
            Err(NoAnalysis::Refused(refusal)) => return self.refuse_query_text(text, refusal).map(Some),
        };
        let analysis = match self.analyze(&decoded).await? {
            Ok(analysis) => analysis,
            Err(NoAnalysis::Skipped) => return Ok(Some(Flow::Next)),
            Err(NoAnalysis::Refused(refusal)) => return self.refuse_query_text(text, refusal).map(Some),
        };
        let lever = match lever_of(&analysis, &decoded) {
            Ok(lever) => lever,
            Err(refusal) => return self.refuse_query_text(text, refusal).map(Some),
        };
        let commands = match self.subjects(&analysis, Origin::Simple, literals).await? {
            Ok(commands) => commands,
            Err(NoAnalysis::Skipped) => return Ok(Some(Flow::Next)),
            Err(NoAnalysis::Refused(refusal)) => return self.refuse_query_text(text, refusal).map(Some),
        };
        let sent = Sent::Now {
            text: &decoded,
            origin: Origin::Simple,
        };
        match self.decide(&commands, sent).await? {
            Verdict::No(refusal) => self.refuse_query(refusal).map(Some),
            Verdict::Skipped => {
                self.ask_for_copy_data(bytes)?;
                Ok(Some(Flow::Next))
            }
            Verdict::Wait(waiting) => match self.await_decision(&waiting).await? {
                Some(refusal) => self.refuse_query(refusal).map(Some),
                None => Ok(None),
            },
            Verdict::Go(recorded, numbers, masks) => {
                let opens = matches!(analysis.statements.as_slice(), [one] if *one.effects == [SessionEffect::Begin]);
                let captured = match self.capture_of(&commands, sent, (&masks, 0)).await? {
                    Course::Captured(capture) => Ok(capture),
                    Course::Plain(reason) => Err(reason),
                    Course::Unbounded => {
                        self.record_not_run(&numbers, sqlstate::EFFECT_EXCEEDED);
                        return self.refuse_query(unbounded()).map(Some);
                    }
                };
                let outside = self.status == TransactionStatus::Idle && self.replies.is_empty();
                self.fresh_block = (opens && outside).then(|| decoded.as_ref().into());
                let not_read = match (captured, analysis.statements.as_slice(), numbers.as_slice()) {
                    (Ok(capture), [statement], [number]) => {
                        let permitted = Permitted {
                            recorded,
                            number: *number,
                            masks: &masks,
                            statement,
                            place: masks.place(&decoded, 0),
                            literals,
                            parameters: None,
                        };
                        let done = self.run_captured_query(capture, permitted).await?;
                        return Ok(done.then_some(Flow::Next));
                    }
                    (Ok(_), _, _) => None,
                    (Err(reason), _, _) => reason,
                };
                let Some(recorded) = self.may_end(&analysis.statements, &numbers, recorded).await? else {
                    return Ok(Some(Flow::Next));
                };
                match (&masks.rewritten, lever) {
                    (_, Some(lever)) => {
                        self.levers.set(lever);
                        self.server.lever_query(recorded)
                    }
                    (Some(rewritten), None) => self.server.rewritten_query(recorded, &rewritten.text),
                    (None, None) => self.server.statement(recorded, bytes),
                };
                let mut runs: VecDeque<Run> = numbers.into_iter().map(Run::new).collect();
                for (command, (run, statement)) in runs.iter_mut().zip(&analysis.statements).enumerate() {
                    masks.arm(command, &decoded, run);
                    self.guarded |= run.guard.is_some();
                    run.capturing = unread(not_read.as_deref(), &statement.facts);
                    self.apply_effects(statement, masks.place(&decoded, command), literals, run);
                }
                self.replies.push(Expected::Query { runs });
                self.send_copy_data();
                Ok(Some(Flow::Next))
            }
        }
    }

    /// Gives up a transaction block in which nothing has run, for as long as its first statement is held. Returns the
    /// text that opens it again.
    pub(super) async fn leave_fresh_block(&mut self) -> Result<Option<Box<str>>, End> {
        if self.status != TransactionStatus::InTransaction || self.replies.in_pipeline() {
            return Ok(None);
        }
        let Some(text) = self.fresh_block.take() else {
            return Ok(None);
        };
        if self.ask(&[OwnQuery::Rollback]).await?.is_err() || self.status != TransactionStatus::Idle {
            return Err(End::ServerFault("a transaction block that can't be left"));
        }
        Ok(Some(text))
    }

    /// Opens the transaction block again, judged and recorded like the first time.
    pub(super) async fn reenter_block(&mut self, text: Box<str>) -> Result<(), End> {
        const GONE: End = End::ServerFault("a transaction block that can't be opened again");
        let literals = self.gateway.ledger.keyed_digest(text.as_bytes());
        let Ok(analysis) = self.analyze(&text).await? else {
            return Err(GONE);
        };
        let Ok(commands) = self.subjects(&analysis, Origin::Gateway, literals).await? else {
            return Err(GONE);
        };
        let sent = Sent::Now {
            text: &text,
            origin: Origin::Gateway,
        };
        // It holds nothing that could be held: a transaction command.
        let Verdict::Go(recorded, numbers, _) = Box::pin(self.decide(&commands, sent)).await? else {
            return Err(GONE);
        };
        self.run_own(recorded, (&text, &[]), (&[], &[])).await?;
        if let Some(number) = numbers.first() {
            self.record_outcome(&Run::new(*number), None, None);
        }
        if self.status != TransactionStatus::InTransaction {
            return Err(GONE);
        }
        self.fresh_block = Some(text);
        Ok(())
    }

    fn refuse_query_text(&mut self, text: &[u8], refusal: Refusal) -> Result<Flow, End> {
        self.record_not_understood(Origin::Simple, text, &refusal);
        self.refuse_query(refusal)
    }

    /// Answers a refused simple query: here while the server is idle, else through the server, which then aborts what
    /// an error would abort.
    fn refuse_query(&mut self, refusal: Refusal) -> Result<Flow, End> {
        self.answer_refused(refusal);
        Ok(Flow::Next)
    }

    pub(super) fn answer_refused(&mut self, refusal: Refusal) {
        let idle = self.replies.is_empty() && !self.replies.in_pipeline() && self.status == TransactionStatus::Idle;
        if idle {
            self.tell(&refusal);
            self.client
                .outbound
                .extend_with(|out| write::ready_for_query(out, TransactionStatus::Idle));
        } else {
            self.server.refused_query();
            self.replies.push(Expected::RefusedQuery {
                refusal: Box::new(refusal),
            });
        }
    }

    /// Permitted statements that could not go on never ran.
    pub(super) fn record_not_run(&self, numbers: &[StatementId], code: &str) {
        for &number in numbers {
            self.record_outcome(&Run::new(number), None, Some(code));
        }
    }

    /// FunctionCall runs a function by number past every judgement: answered like a refused query.
    fn function_call(&mut self) -> Result<Flow, End> {
        let refusal = Refusal::denied("function-call-message", "the FunctionCall message is not allowed")
            .with_hint("Call the function in a SELECT.");
        self.record_violation(&refusal);
        self.refuse_query(refusal)
    }
}

/// Remembers a change whose effect isn't read, with why.
pub(super) fn unread(reason: Option<&str>, facts: &StatementFacts) -> Option<Box<Capturing>> {
    let reason = reason.filter(|_| changes(facts))?;
    Some(Box::new(Capturing::unread(reason, facts)))
}

/// Whether a statement may commit.
pub(super) fn ends_transaction(statement: &AnalyzedStatement) -> bool {
    statement
        .effects
        .iter()
        .any(|effect| matches!(effect, SessionEffect::Commit { .. } | SessionEffect::TwoPhase))
}

pub(super) fn violation(message: &str) -> End {
    End::ClientFault(Refusal::new(
        sqlstate::PROTOCOL_VIOLATION,
        "protocol-violation",
        message,
    ))
}
