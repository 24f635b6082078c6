//! What the client says: each message is judged or followed, and only then passed on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use durward_audit::Origin;
use durward_model::{Refusal, StatementFacts, StatementId, sqlstate};
use durward_policy::{Decision, DecisionRequest, SessionContext};
use durward_sql::{AnalyzedStatement, SessionEffect};
use durward_wire::limits::frontend_body_bytes_max;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write;
use durward_wire::postgres::frame::{Frame, HEADER_BYTES, peek_header};
use durward_wire::postgres::frontend::{Bind, FrontendMessage, Parse, Target};
use durward_wire::postgres::table::{Direction, State, Treatment, treatment};
use durward_wire::postgres::tag::frontend as tag;

use super::capture::{Course, Permitted, changes, unbounded};
use super::judge::{NoAnalysis, Verdict, unix_seconds};
use super::lever::lever_of;
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, Listen, OwnQuery, Session};
use crate::changes::Capturing;
use crate::forward::OWN_NAME;
use crate::limits::{CLIENT_MESSAGE_BYTES_MAX, GIVEN_BYTES_MAX, REPLIES_EXPECTED_MAX};
use crate::prepared::{Place, Portal, Prepared};
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
            FrontendMessage::Sync if self.copying_in => self.pass(frame, bytes, None),
            FrontendMessage::Sync => {
                if !self.in_block && !self.replies.is_skipping() {
                    self.keep_changes().await?;
                }
                let flow = self.pass(frame, bytes, Some(Expected::Sync))?;
                self.leave_nothing();
                Ok(flow)
            }
            FrontendMessage::Flush => self.pass(frame, bytes, None),
            FrontendMessage::CopyDone | FrontendMessage::CopyFail { .. } => {
                self.copying_in = false;
                if self.ends_within_bound() {
                    self.pass(frame, bytes, None)
                } else {
                    Ok(Flow::Next)
                }
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

    async fn query(&mut self, text: &[u8], bytes: &[u8]) -> Result<Flow, End> {
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
            Verdict::Skipped => Ok(Some(Flow::Next)),
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
                        self.record_unbounded(numbers);
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
                if analysis.statements.iter().any(ends_transaction) {
                    self.keep_changes().await?;
                }
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
                Ok(Some(Flow::Next))
            }
        }
    }

    async fn parse(&mut self, parse: Parse<'_>, bytes: &[u8]) -> Result<Flow, End> {
        if let Some(refusal) = self.refuse_name(parse.statement) {
            return self.refuse_extended_text(Origin::Parse, parse.text, refusal);
        }
        let decoded = match self.decode_text(parse.text).await? {
            Ok(decoded) => decoded,
            Err(NoAnalysis::Skipped) => return Ok(Flow::Next),
            Err(NoAnalysis::Refused(refusal)) => {
                return self.refuse_extended_text(Origin::Parse, parse.text, refusal);
            }
        };
        let analysis = match self.analyze(&decoded).await? {
            Ok(analysis) => analysis,
            Err(NoAnalysis::Skipped) => return Ok(Flow::Next),
            Err(NoAnalysis::Refused(refusal)) => {
                return self.refuse_extended_text(Origin::Parse, parse.text, refusal);
            }
        };
        let lever = match lever_of(&analysis, &decoded) {
            Ok(lever) => lever,
            Err(refusal) => return self.refuse_extended_text(Origin::Parse, parse.text, refusal),
        };
        let literals = self.gateway.ledger.keyed_digest(parse.text);
        // What an EXECUTE or FETCH in it runs is decided when it runs; the text alone is prepared now.
        let commands: Vec<Vec<Subject>> = analysis
            .statements
            .iter()
            .map(|statement| vec![Subject::of(statement, Origin::Parse, literals)])
            .collect();
        let sent = Sent::Now {
            text: &decoded,
            origin: Origin::Parse,
        };
        match self.decide(&commands, sent).await? {
            Verdict::No(refusal) => self.refuse_extended(refusal),
            Verdict::Wait(_) | Verdict::Skipped => Ok(Flow::Next),
            Verdict::Go(recorded, numbers, masks) => {
                let keeps_bind = self.would_hold(&commands)
                    || (self.keeps_changes() && commands.iter().flatten().any(|own| changes(&own.facts)));
                match &masks.rewritten {
                    _ if lever.is_some() => self.server.lever_parse(recorded, parse.statement),
                    Some(rewritten) => {
                        let types: Vec<u32> = parse.parameter_types.iter().collect();
                        self.server
                            .rewritten_parse(recorded, (parse.statement, &rewritten.text), &types)
                    }
                    None => self.server.statement(recorded, bytes),
                };
                let number = numbers.first().copied().unwrap_or_else(|| self.next_statement());
                let mut run = Run::new(number);
                masks.arm(0, &decoded, &mut run);
                self.guarded |= run.guard.is_some();
                run.shown = None;
                let place = Place::Command { command: 0 };
                let prepared = Prepared {
                    text: decoded.as_ref().into(),
                    masked: masks.place(&decoded, 0).masked_text(&place),
                    place,
                    statement: analysis.statements.first().cloned(),
                    stamp: self.sight.stamp(),
                    literals,
                    held_types: keeps_bind.then(|| parse.parameter_types.iter().collect()),
                    lever,
                };
                run.undo
                    .push(self.names.set_statement(parse.statement, Some(Arc::new(prepared))));
                self.replies.push(Expected::Parse { run: Box::new(run) });
                Ok(Flow::Next)
            }
        }
    }

    fn bind(&mut self, bind: Bind<'_>, frame: Frame<'_>, bytes: &[u8]) -> Result<Flow, End> {
        if let Some(refusal) = self
            .refuse_name(bind.portal)
            .or_else(|| self.refuse_name(bind.statement))
        {
            return self.refuse_extended_text(Origin::Execute, b"", refusal);
        }
        let portal = self.names.statement(bind.statement).map(|prepared| {
            let parameters = (bind.parameters.count() > 0).then(|| self.gateway.ledger.keyed_digest(frame.body));
            let writes = prepared
                .statement
                .as_ref()
                .is_some_and(|statement| statement.facts.writes());
            let given = bind.parameters.iter().flatten().filter(|_| writes);
            Arc::new(Portal {
                prepared: Arc::clone(prepared),
                parameters,
                given: given
                    .filter(|value| value.len() <= GIVEN_BYTES_MAX)
                    .map(Into::into)
                    .collect(),
                bind: prepared.held_types.is_some().then(|| frame.body.into()),
                is_cursor: false,
                is_holdable: false,
            })
        });
        let waits = self.names.statement(bind.statement).cloned();
        let waits = waits.is_some_and(|prepared| self.may_run_as_planned(&prepared));
        let undo = self.names.set_portal(bind.portal, portal);
        if waits {
            self.hold_back(bind.portal, bytes, undo);
            return Ok(Flow::Next);
        }
        self.pass(frame, bytes, Some(Expected::Bind { undo: Some(undo) }))
    }

    async fn execute(&mut self, (name, rows_max): (&[u8], i32), bytes: &[u8]) -> Result<Flow, End> {
        let Some(portal) = self.names.portal(name).cloned() else {
            let refusal = Refusal::new(
                "34000",
                "unknown-portal",
                format!("portal \"{}\" does not exist", String::from_utf8_lossy(name)),
            );
            return self.refuse_extended_text(Origin::Execute, b"", refusal);
        };
        let flow = loop {
            if let Some(flow) = self.execute_once((name, rows_max), &portal, bytes).await? {
                break flow;
            }
        };
        self.unbound = false;
        // What was refused isn't bound.
        self.drop_held_back();
        Ok(flow)
    }

    /// Judges the run of a portal; `None` once people have decided on it, so that it is judged anew.
    async fn execute_once(
        &mut self,
        (name, rows_max): (&[u8], i32),
        portal: &Arc<Portal>,
        bytes: &[u8],
    ) -> Result<Option<Flow>, End> {
        let statement = if portal.is_cursor {
            portal.prepared.statement.clone()
        } else {
            match self.current(&portal.prepared).await? {
                Ok(statement) => statement,
                Err(NoAnalysis::Skipped) => return Ok(Some(Flow::Next)),
                Err(NoAnalysis::Refused(refusal)) => {
                    return self.refuse_extended_text(Origin::Execute, b"", refusal).map(Some);
                }
            }
        };
        let commands = match &statement {
            None => Vec::new(),
            Some(statement) => match self.execution_subjects(statement, portal).await? {
                Ok(commands) => commands,
                Err(NoAnalysis::Skipped) => return Ok(Some(Flow::Next)),
                Err(NoAnalysis::Refused(refusal)) => {
                    return self.refuse_extended_text(Origin::Execute, b"", refusal).map(Some);
                }
            },
        };
        match self.decide(&commands, Sent::Before { portal }).await? {
            Verdict::No(refusal) => self.refuse_extended(refusal).map(Some),
            Verdict::Skipped => Ok(Some(Flow::Next)),
            Verdict::Wait(waiting) => match self.await_decision(&waiting).await? {
                Some(refusal) => self.refuse_extended(refusal).map(Some),
                None => Ok(None),
            },
            Verdict::Go(recorded, numbers, masks) => {
                let sent = Sent::Before { portal };
                let captured = match self.capture_of(&commands, sent, (&masks, rows_max)).await? {
                    Course::Captured(capture) => Ok(capture),
                    Course::Plain(reason) => Err(reason),
                    Course::Unbounded => {
                        self.record_unbounded(numbers);
                        return self.refuse_extended(unbounded()).map(Some);
                    }
                };
                self.fresh_block = None;
                if self.replies.is_skipping() {
                    // Meanwhile an earlier message of its pipeline has failed.
                    for number in numbers {
                        self.record_outcome(&Run::new(number), None, Some(sqlstate::QUERY_CANCELED));
                    }
                    return Ok(Some(Flow::Next));
                }
                let not_read = match (captured, &statement, numbers.as_slice()) {
                    (Ok(capture), Some(statement), [number]) => {
                        let text = Arc::clone(&portal.prepared.text);
                        let permitted = Permitted {
                            recorded,
                            number: *number,
                            masks: &masks,
                            statement,
                            place: portal.place(&text),
                            literals: portal.prepared.literals,
                            parameters: portal.parameters,
                        };
                        self.run_captured_portal(capture, permitted, (name, portal)).await?;
                        return Ok(Some(Flow::Next));
                    }
                    (Ok(_), _, _) => None,
                    (Err(reason), _, _) => reason,
                };
                if statement.as_ref().is_some_and(ends_transaction) {
                    self.keep_changes().await?;
                }
                if self.send_held_back(portal)? {
                    self.unbound = false;
                } else if self.unbound {
                    self.rebind(name, portal)?;
                }
                if let Some(lever) = &portal.prepared.lever {
                    self.levers.set(lever.clone());
                }
                let number = numbers.first().copied().unwrap_or_else(|| self.next_statement());
                let mut run = Run::new(number);
                let text = Arc::clone(&portal.prepared.text);
                masks.arm(0, &text, &mut run);
                self.guarded |= run.guard.is_some();
                if run.shown.is_some() {
                    // The server's word on where each column comes from, right before its rows.
                    self.server.own_describe(name);
                    self.replies.push(Expected::Shape);
                }
                self.server.statement(recorded, bytes);
                if let Some(statement) = &statement {
                    run.capturing = unread(not_read.as_deref(), &statement.facts);
                    let place = portal.place(&text);
                    self.apply_effects(statement, place, portal.prepared.literals, &mut run);
                }
                self.replies.push(Expected::Execute { run: Box::new(run) });
                Ok(Some(Flow::Next))
            }
        }
    }

    /// Whether policy holds any of these.
    pub(super) fn would_hold(&mut self, commands: &[Vec<Subject>]) -> bool {
        let context = SessionContext {
            now_unix_seconds: unix_seconds(),
            encrypted: self.encrypted,
        };
        let snapshot = self.gateway.policy.current();
        let access = self.access();
        commands.iter().flatten().any(|subject| {
            let labels = self.label_use(&subject.facts, &snapshot, &access);
            let request = DecisionRequest {
                principal: &self.principal,
                database: &self.database.context,
                facts: &subject.facts,
                session: &context,
                labels: labels.as_ref(),
                access: &access,
            };
            matches!(self.decisions.decide(&snapshot, &request), Decision::Hold(_))
        })
    }

    /// Ends the implicit transaction of a pipeline that hasn't run anything yet, or stands in a block anyway, so that
    /// nothing upstream is kept busy by a hold. The portal goes with it.
    pub(super) async fn leave_idle_pipeline(&mut self, sent: Sent<'_>) -> Result<(), End> {
        let ends_something = self.replies.has_executed() && !self.in_block;
        if matches!(sent, Sent::Now { .. }) || !self.replies.in_pipeline() || ends_something {
            return Ok(());
        }
        self.server.own_sync();
        self.replies.push(Expected::ProbeSync);
        while self.replies.awaits_own() {
            self.turn(Listen::Server).await?;
        }
        // Within a transaction block it lives on.
        self.unbound = self.status == TransactionStatus::Idle;
        Ok(())
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

    /// Makes the portal again that was lost with a Sync of ours.
    fn rebind(&mut self, name: &[u8], portal: &Arc<Portal>) -> Result<(), End> {
        self.unbound = false;
        let Some(body) = portal.bind.as_deref() else {
            return Err(violation("a portal that can't be made again"));
        };
        self.server.bind_again(body);
        let undo = self.names.set_portal(name, Some(Arc::clone(portal)));
        self.replies.push(Expected::Rebind { undo: Some(undo) });
        Ok(())
    }

    /// The command of a portal, with what a prepared name or cursor in it stands for.
    async fn execution_subjects(
        &mut self,
        statement: &AnalyzedStatement,
        portal: &Portal,
    ) -> Result<Result<Vec<Vec<Subject>>, NoAnalysis>, End> {
        let analysis = durward_sql::Analysis {
            statements: vec![statement.clone()],
        };
        let subjects = self
            .subjects(&analysis, Origin::Execute, portal.prepared.literals)
            .await?;
        let moved = if portal.is_cursor {
            match self.has_moved_under(&portal.prepared).await? {
                Ok(moved) => moved,
                Err(no) => return Ok(Err(no)),
            }
        } else {
            false
        };
        Ok(subjects.map(|mut commands| {
            if let Some(own) = commands.first_mut().and_then(|command| command.first_mut()) {
                own.sent = Some(Arc::clone(&portal.prepared));
            }
            for subject in commands.iter_mut().flatten() {
                if moved {
                    *subject = subject.clone().with_moved_names();
                }
                subject.parameters = portal.parameters;
            }
            commands
        }))
    }

    /// A prepared statement's analysis under what holds now: the one from its Parse while nothing has moved.
    pub(super) async fn current(
        &mut self,
        prepared: &Arc<Prepared>,
    ) -> Result<Result<Option<AnalyzedStatement>, NoAnalysis>, End> {
        self.follow_catalog();
        let unmoved = self.is_unmoved(prepared);
        let Some(statement) = &prepared.statement else {
            return Ok(Ok(None));
        };
        if unmoved || !crate::sight::depends_on_names(statement) {
            return Ok(Ok(Some(statement.clone())));
        }
        let analysis = match self.analyze(&prepared.text).await? {
            Ok(analysis) => analysis,
            Err(no) => return Ok(Err(no)),
        };
        if prepared.stamp.reads_otherwise(&self.sight.stamp(), &prepared.text) {
            return Ok(Err(NoAnalysis::Refused(super::judge::prepared_otherwise())));
        }
        Ok(Ok(match &prepared.place {
            Place::Command { command } => analysis.statements.get(*command).cloned(),
            Place::BodyOf { command } => analysis.statements.get(*command).and_then(body_of),
        }))
    }

    /// Whether nothing that the analysis of a prepared statement rests on has moved since.
    pub(super) fn is_unmoved(&self, prepared: &Prepared) -> bool {
        prepared.stamp == self.sight.stamp() && !self.sight.is_stale() && !self.database.catalog.is_behind()
    }

    fn refuse_name(&self, name: &[u8]) -> Option<Refusal> {
        if name == OWN_NAME {
            return Some(Refusal::not_understood(
                "reserved-name",
                "this name is the gateway's own",
            ));
        }
        self.names.is_full().then(|| {
            Refusal::new(
                sqlstate::PROGRAM_LIMIT_EXCEEDED,
                "too-many-prepared-statements",
                "the session holds too many prepared statements and portals",
            )
            .with_hint("Close those that are no longer used.")
        })
    }

    fn refuse_query_text(&mut self, text: &[u8], refusal: Refusal) -> Result<Flow, End> {
        self.record_not_understood(Origin::Simple, text, &refusal);
        self.refuse_query(refusal)
    }

    pub(super) fn refuse_extended_text(&mut self, origin: Origin, text: &[u8], refusal: Refusal) -> Result<Flow, End> {
        self.record_not_understood(origin, text, &refusal);
        self.refuse_extended(refusal)
    }

    /// Answers a refused simple query: here while the server is idle, else through the server, which then aborts what
    /// an error would abort.
    fn refuse_query(&mut self, refusal: Refusal) -> Result<Flow, End> {
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
        Ok(Flow::Next)
    }

    /// Permitted statements that nothing could keep within what they may do never ran.
    fn record_unbounded(&self, numbers: Vec<StatementId>) {
        for number in numbers {
            self.record_outcome(&Run::new(number), None, Some(sqlstate::EFFECT_EXCEEDED));
        }
    }

    fn refuse_extended(&mut self, refusal: Refusal) -> Result<Flow, End> {
        self.server.refused_extended();
        self.replies.push(Expected::RefusedExtended {
            refusal: Box::new(refusal),
        });
        Ok(Flow::Next)
    }

    /// FunctionCall runs a function by number past every judgement: answered like a refused query.
    fn function_call(&mut self) -> Result<Flow, End> {
        let refusal = Refusal::denied("function-call-message", "the FunctionCall message is not allowed")
            .with_hint("Call the function in a SELECT.");
        self.record_violation(&refusal);
        self.refuse_query(refusal)
    }
}

pub(super) fn body_of(statement: &AnalyzedStatement) -> Option<AnalyzedStatement> {
    statement.effects.iter().find_map(|effect| match effect {
        SessionEffect::Prepare { body, .. } => Some((**body).clone()),
        _ => None,
    })
}

/// Remembers a change whose effect isn't read, with why.
fn unread(reason: Option<&str>, facts: &StatementFacts) -> Option<Box<Capturing>> {
    let reason = reason.filter(|_| changes(facts))?;
    Some(Box::new(Capturing::unread(reason, facts)))
}

/// Whether a statement may commit.
fn ends_transaction(statement: &AnalyzedStatement) -> bool {
    statement
        .effects
        .iter()
        .any(|effect| matches!(effect, SessionEffect::Commit { .. } | SessionEffect::TwoPhase))
}

fn violation(message: &str) -> End {
    End::ClientFault(Refusal::new(
        sqlstate::PROTOCOL_VIOLATION,
        "protocol-violation",
        message,
    ))
}
