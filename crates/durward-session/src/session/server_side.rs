//! What the server says: followed message by message, passed on in runs as it came, but for the answers to messages of
//! our own and for errors that stand for a refusal.

use std::collections::BTreeSet;

use durward_model::{Refusal, sqlstate};
use durward_wire::limits::{BACKEND_BODY_BYTES_MAX, BACKEND_HELD_BODY_BYTES_MAX};
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write::{self, Severity};
use durward_wire::postgres::backend::{BackendMessage, ErrorFields, cut};
use durward_wire::postgres::frame::{Frame, FrameHeader, HEADER_BYTES, peek_header};
use durward_wire::postgres::tag::backend as tag;

use super::guard::scanned_notification;
use super::masking::mask_of;
use super::{APPLICATION_NAME, End, Session};
use crate::assessment::Viewer;
use crate::masks::{ReadyMasks, holds_masked};
use crate::replies::{Answers, Expected, Run};
use crate::report::report;

/// Rows whose columns come from elsewhere than their lineage says are never shown.
const DISAGREEMENT: End = End::ServerFault("a result whose columns are other than what was judged");

/// Rows that waited may hold what was written meanwhile, and the server has masked them as if it weren't known.
const WRITTEN_MEANWHILE: End = End::ServerFault("rows of columns that were written meanwhile");

/// What becomes of one message.
pub(super) enum Fate {
    /// It goes to the client as it came.
    Forward,
    /// It was for us.
    Keep,
}

impl Session {
    /// Takes in everything whole that the server has sent.
    pub(super) fn serve_server(&mut self) -> Result<(), End> {
        let mut inbound = std::mem::take(self.server.inbound());
        let result = self.walk(inbound.filled());
        let consumed = match &result {
            Ok(consumed) => *consumed,
            Err(_) => 0,
        };
        inbound.consume(consumed);
        *self.server.inbound() = inbound;
        result?;
        if self.server.has_ended() {
            Err(End::ServerLost)
        } else {
            Ok(())
        }
    }

    /// Walks messages, passing runs of untouched ones on as one slice. Returns how many bytes were taken in.
    fn walk(&mut self, input: &[u8]) -> Result<usize, End> {
        let relayed = self.server_relay_bytes.min(input.len());
        self.server_relay_bytes -= relayed;
        let mut position = relayed;
        let mut run_start = 0;
        self.server.expect_bytes(0);
        while self.server_relay_bytes == 0 {
            let rest = input.get(position..).unwrap_or_default();
            let Some(header) = peek_header(rest, BACKEND_BODY_BYTES_MAX)
                .map_err(|_| End::ServerFault("a message of impossible length"))?
            else {
                break;
            };
            let frame_bytes = header.frame_len();
            let body = rest.get(HEADER_BYTES..frame_bytes);
            if let Some(streamed) = self.count_data(header) {
                streamed?;
                position += frame_bytes.min(rest.len());
                self.server_relay_bytes = frame_bytes.saturating_sub(rest.len());
                continue;
            }
            let Some(body) = body else {
                if header.body_len > BACKEND_HELD_BODY_BYTES_MAX {
                    return Err(End::ServerFault("a message too long to be held"));
                }
                self.server.expect_bytes(frame_bytes);
                break;
            };
            let frame = Frame { tag: header.tag, body };
            self.pass_on(input.get(run_start..position).unwrap_or_default());
            run_start = position;
            position += frame_bytes;
            if let Fate::Keep = self.follow(frame)? {
                run_start = position;
            }
        }
        self.pass_on(input.get(run_start..position).unwrap_or_default());
        Ok(position)
    }

    fn pass_on(&mut self, bytes: &[u8]) {
        self.client.outbound.extend(bytes);
        self.bytes_sent += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    /// Rows and COPY data of a client's statement are counted and passed on unseen, even in pieces. `None` for
    /// everything else.
    fn count_data(&mut self, header: FrameHeader) -> Option<Result<(), End>> {
        if !matches!(header.tag, tag::DATA_ROW | tag::COPY_DATA) {
            return None;
        }
        if matches!(
            self.replies.front_mut(),
            Some(Expected::ProbeExtended | Expected::ProbeSync | Expected::Before)
        ) {
            return None;
        }
        let Some(run) = self.replies.front_run() else {
            return Some(Err(End::ServerFault("rows that nobody asked for")));
        };
        let is_read = run.capturing.as_ref().is_some_and(|capturing| capturing.reads_rows);
        if run.masks.is_some() || run.shown.is_some() || is_read {
            // Each cell is looked at, so that its row must be whole.
            return None;
        }
        if let Some(rewritten) = &mut run.rewritten
            && !rewritten.has_begun(run.own_writes, &self.own_writes.now(), &self.sight.context.catalog)
        {
            return Some(Err(WRITTEN_MEANWHILE));
        }
        run.rows += u64::from(header.tag == tag::DATA_ROW);
        run.bytes += u64::try_from(header.body_len).unwrap_or(u64::MAX);
        Some(Ok(()))
    }

    /// Follows one message. What doesn't answer anything that is expected ends the session.
    fn follow(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        match frame.tag {
            tag::NOTICE_RESPONSE if self.replies.front_is_own() => return Ok(Fate::Keep),
            tag::NOTICE_RESPONSE if self.guarded => return Ok(self.follow_guarded_notice(frame)),
            tag::NOTIFICATION_RESPONSE if self.masked => {
                // One that can't be read is not for this client.
                let detectors = self.database.labels.detectors();
                self.client.outbound.extend_with(|out| {
                    scanned_notification(frame, detectors, out);
                });
                return Ok(Fate::Keep);
            }
            tag::DATA_ROW if !self.replies.front_is_own() => return self.follow_row(frame),
            tag::NOTICE_RESPONSE | tag::NOTIFICATION_RESPONSE => return Ok(Fate::Forward),
            tag::PARAMETER_STATUS => return self.follow_setting(frame),
            tag::ERROR_RESPONSE => return self.follow_error(frame),
            tag::READY_FOR_QUERY => return self.follow_ready(frame),
            _ => {}
        }
        match self.replies.front_mut() {
            Some(Expected::ProbeExtended | Expected::ProbeSync | Expected::Before) => self.follow_probe(frame),
            Some(Expected::Captured { answers, .. }) => {
                let answers = *answers;
                self.follow_captured(frame, answers)
            }
            Some(Expected::OwnClose) if frame.tag == tag::CLOSE_COMPLETE => {
                self.replies.pop();
                Ok(Fate::Keep)
            }
            Some(Expected::Shape) => self.follow_shape(frame),
            Some(Expected::Query { .. }) => self.follow_query(frame),
            Some(Expected::Execute { .. }) => self.follow_execute(frame),
            Some(Expected::Parse { .. }) if frame.tag == tag::PARSE_COMPLETE => {
                // Nothing has run: of what is prepared only a failure is an outcome.
                self.answered()
            }
            Some(Expected::Bind { .. }) if frame.tag == tag::BIND_COMPLETE => {
                self.replies.pop();
                self.rewritten_begins()?;
                Ok(Fate::Forward)
            }
            Some(Expected::Rebind { .. }) if frame.tag == tag::BIND_COMPLETE => {
                self.replies.pop();
                Ok(Fate::Keep)
            }
            Some(Expected::Close { .. }) if frame.tag == tag::CLOSE_COMPLETE => self.answered(),
            Some(Expected::Describe) => match frame.tag {
                tag::PARAMETER_DESCRIPTION => Ok(Fate::Forward),
                tag::ROW_DESCRIPTION | tag::NO_DATA => self.answered(),
                _ => Err(End::ServerFault("an answer that Describe doesn't have")),
            },
            _ => Err(End::ServerFault("an answer that nobody waits for")),
        }
    }

    fn answered(&mut self) -> Result<Fate, End> {
        self.replies.pop();
        Ok(Fate::Forward)
    }

    fn follow_query(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        match frame.tag {
            tag::ROW_DESCRIPTION => {
                self.rewritten_begins()?;
                self.ready_masks(frame)?;
            }
            tag::EMPTY_QUERY_RESPONSE | tag::COPY_OUT_RESPONSE | tag::COPY_DONE => {}
            tag::COPY_IN_RESPONSE if self.open_copy(frame.body.first() == Some(&0)) => return Ok(Fate::Keep),
            tag::COPY_IN_RESPONSE => self.begin_copy_in(frame.body),
            tag::COMMAND_COMPLETE => {
                let affected = command_rows(frame)?;
                let Some(Expected::Query { runs }) = self.replies.front_mut() else {
                    return Err(End::ServerFault("a completion that nobody waits for"));
                };
                let Some(run) = runs.pop_front() else {
                    return Err(End::ServerFault("more completions than statements"));
                };
                self.complete(run, affected, frame.body);
            }
            _ => return Err(End::ServerFault("an answer that a simple query doesn't have")),
        }
        Ok(Fate::Forward)
    }

    /// The server has taken the snapshot for what runs next: what is written from now on isn't in it.
    fn rewritten_begins(&mut self) -> Result<(), End> {
        let Some(run) = self.replies.next_run() else {
            return Ok(());
        };
        let Some(rewritten) = &mut run.rewritten else {
            return Ok(());
        };
        if rewritten.has_begun(run.own_writes, &self.own_writes.now(), &self.sight.context.catalog) {
            return Ok(());
        }
        Err(WRITTEN_MEANWHILE)
    }

    fn follow_execute(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let affected = match frame.tag {
            tag::COPY_OUT_RESPONSE | tag::COPY_DONE => return Ok(Fate::Forward),
            tag::COPY_IN_RESPONSE => {
                self.begin_copy_in(frame.body);
                return Ok(Fate::Forward);
            }
            tag::COMMAND_COMPLETE => command_rows(frame)?,
            tag::EMPTY_QUERY_RESPONSE | tag::PORTAL_SUSPENDED => None,
            _ => return Err(End::ServerFault("an answer that Execute doesn't have")),
        };
        if let Some(Expected::Execute { run }) = self.replies.pop() {
            self.complete(*run, affected, frame.body);
        }
        Ok(Fate::Forward)
    }

    /// A statement is done.
    fn complete(&mut self, mut run: Run, affected: Option<u64>, tag: &[u8]) {
        self.record_outcome(&run, affected, None);
        self.note_unread(&mut run, affected);
        self.follow_boundary(run.boundary.take(), tag);
    }

    /// The answers to a change that runs under names of ours: the client hears of its own columns and of its end.
    fn follow_captured(&mut self, frame: Frame<'_>, answers: Answers) -> Result<Fate, End> {
        match frame.tag {
            tag::PARSE_COMPLETE => Ok(Fate::Keep),
            tag::BIND_COMPLETE if answers.bind => Ok(Fate::Forward),
            tag::NO_DATA if answers.no_data => Ok(Fate::Forward),
            tag::BIND_COMPLETE | tag::NO_DATA => Ok(Fate::Keep),
            tag::ROW_DESCRIPTION => self.follow_captured_shape(frame, answers),
            tag::COMMAND_COMPLETE => {
                let affected = command_rows(frame)?;
                if let Some(run) = self.replies.front_run().and_then(|run| run.capturing.as_mut()) {
                    run.affected = affected.unwrap_or_default();
                }
                Ok(Fate::Forward)
            }
            tag::CLOSE_COMPLETE => {
                if self.probe.close()
                    && let Some(Expected::Captured { run, .. }) = self.replies.pop()
                {
                    self.captured = Some(*run);
                }
                Ok(Fate::Keep)
            }
            _ => Err(End::ServerFault("an answer that a change doesn't have")),
        }
    }

    fn follow_captured_shape(&mut self, frame: Frame<'_>, answers: Answers) -> Result<Fate, End> {
        let Some(run) = self.replies.front_run() else {
            return Err(End::ServerFault("a description that nobody waits for"));
        };
        let read = run.capturing.as_ref().filter(|capturing| capturing.reads_rows);
        let Some(clients) = read.map(|capturing| capturing.client_columns) else {
            // All of it is the client's.
            self.ready_masks(frame)?;
            return Ok(if answers.describe { Fate::Forward } else { Fate::Keep });
        };
        if clients == 0 {
            if answers.no_data {
                self.say(Frame {
                    tag: tag::NO_DATA,
                    body: &[],
                })?;
            }
            return Ok(Fate::Keep);
        }
        let body = cut::row_description(frame.body, clients).map_err(|_| DISAGREEMENT)?;
        let shown = Frame {
            tag: frame.tag,
            body: &body,
        };
        self.ready_masks(shown)?;
        if answers.describe {
            self.say(shown)?;
        }
        Ok(Fate::Keep)
    }

    /// A row of a result: what is for us is kept, the rest masked.
    fn follow_row(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let Some(run) = self.replies.front_run() else {
            return Err(End::ServerFault("rows that nobody asked for"));
        };
        let Some(capturing) = run.capturing.as_mut().filter(|capturing| capturing.reads_rows) else {
            return self.mask_row(frame);
        };
        let clients = capturing.client_columns;
        let (body, ours) = cut::data_row(frame.body, clients).map_err(|_| DISAGREEMENT)?;
        capturing.take(ours);
        if clients == 0 {
            return Ok(Fate::Keep);
        }
        if run.masks.is_some() || run.shown.is_some() {
            return self.mask_row(Frame {
                tag: frame.tag,
                body: &body,
            });
        }
        run.rows += 1;
        run.bytes += u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.say(Frame {
            tag: frame.tag,
            body: &body,
        })?;
        Ok(Fate::Keep)
    }

    /// Sends the client a part of a message of the server's.
    fn say(&mut self, frame: Frame<'_>) -> Result<(), End> {
        let mut written = Ok(());
        self.client.outbound.extend_with(|out| written = write::raw(out, frame));
        written.map_err(|_| End::ServerFault("a message too long to be passed on"))
    }

    /// The answer to a Describe of ours: the run behind it is the one whose rows are masked.
    fn follow_shape(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        if !matches!(frame.tag, tag::ROW_DESCRIPTION | tag::NO_DATA) {
            return Err(End::ServerFault("an answer that Describe doesn't have"));
        }
        self.replies.pop();
        if frame.tag == tag::ROW_DESCRIPTION {
            self.ready_masks(frame)?;
        }
        Ok(Fate::Keep)
    }

    /// Puts the masks of the run in front together with the server's description of its result.
    fn ready_masks(&mut self, frame: Frame<'_>) -> Result<(), End> {
        let Some(run) = self.replies.front_run() else {
            return Err(End::ServerFault("a description that nobody waits for"));
        };
        let Some(clear) = run.terms.as_deref().and_then(mask_of) else {
            return Ok(());
        };
        let Ok(BackendMessage::RowDescription(description)) = BackendMessage::decode(frame) else {
            return Err(End::ServerFault("a description that can't be read"));
        };
        let labels = self.database.labels.current();
        let own = self.own_writes.now();
        let viewer = Viewer {
            labels: &labels,
            catalog: &self.sight.context.catalog,
            clear,
            // Nothing is looked up any more.
            is_person: false,
            own: &own,
            writing: BTreeSet::new(),
        };
        match &run.shown {
            Some(shown) => {
                let masks = ReadyMasks::new(shown, description, &self.keys, &viewer).map_err(|_| DISAGREEMENT)?;
                run.masks = Some(Box::new(masks));
            }
            // A column that was renamed behind our back is known by its number.
            None if description.iter().any(|column| holds_masked(&viewer, &column)) => return Err(DISAGREEMENT),
            None => {}
        }
        Ok(())
    }

    /// Masks a row. One whose columns the server hasn't described never passes.
    fn mask_row(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let Some(run) = self.replies.front_run() else {
            return Err(End::ServerFault("rows that nobody asked for"));
        };
        let Some(masks) = &mut run.masks else {
            return Err(End::ServerFault("masked rows without their description"));
        };
        let own = self.own_writes.now();
        if own.changes() != run.own_writes
            && let Some(shown) = &run.shown
        {
            masks.follow_writes(shown, &own, &self.sight.context.catalog);
            run.own_writes = own.changes();
        }
        let detectors = self.database.labels.detectors();
        let before = self.client.outbound.len();
        let mut written = Ok(());
        self.client
            .outbound
            .extend_with(|out| written = masks.row(frame.body, detectors, out));
        written.map_err(|_| DISAGREEMENT)?;
        self.counters.masked(masks.masked);
        let bytes = u64::try_from(self.client.outbound.len() - before).unwrap_or(u64::MAX);
        run.rows += 1;
        run.bytes += bytes;
        self.bytes_sent += bytes;
        Ok(Fate::Keep)
    }

    fn follow_probe(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        match frame.tag {
            tag::DATA_ROW => {
                if let Ok(BackendMessage::DataRow(values)) = BackendMessage::decode(frame) {
                    self.probe.row(values.iter());
                }
            }
            tag::CLOSE_COMPLETE => {
                if self.probe.close() {
                    self.replies.pop();
                }
            }
            tag::PARSE_COMPLETE | tag::BIND_COMPLETE | tag::ROW_DESCRIPTION => {}
            tag::COMMAND_COMPLETE => self.probe.complete(command_rows(frame)?),
            _ => return Err(End::ServerFault("an answer that a query of the gateway's doesn't have")),
        }
        Ok(Fate::Keep)
    }

    fn follow_setting(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let Ok(BackendMessage::ParameterStatus { name, value }) = BackendMessage::decode(frame) else {
            return Ok(Fate::Forward);
        };
        if name == APPLICATION_NAME.as_bytes() {
            self.follow_name(value);
            return Ok(Fate::Keep);
        }
        let settings = &self.sight.context.settings;
        let moved = match name {
            b"client_encoding" => value != settings.client_encoding.as_bytes(),
            b"standard_conforming_strings" => (value == b"on") != settings.standard_conforming_strings,
            _ => false,
        };
        self.sight.settings_stale |= moved;
        Ok(Fate::Forward)
    }

    fn follow_ready(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let Ok(BackendMessage::ReadyForQuery(status)) = BackendMessage::decode(frame) else {
            return Err(End::ServerFault("a transaction status that isn't known"));
        };
        self.status = status;
        self.copying_in = false;
        let failed = std::mem::take(&mut self.changes.failed);
        let fate = match self.replies.pop() {
            Some(Expected::ProbeSync) => Fate::Keep,
            Some(Expected::Query { runs }) => {
                for run in runs {
                    self.abandon_run(run, sqlstate::QUERY_CANCELED);
                }
                Fate::Forward
            }
            Some(Expected::Sync | Expected::RefusedQuery { .. }) => Fate::Forward,
            _ => return Err(End::ServerFault("a ReadyForQuery that nobody waits for")),
        };
        if self.replies.is_empty() {
            self.in_block = status != TransactionStatus::Idle;
        }
        if status == TransactionStatus::Idle {
            self.deferred_rows_max = None;
            self.guarded = !self.replies.is_empty() && self.guarded;
            self.names.end_transaction();
            if self.sight.end_transaction() {
                self.database.catalog.note_change();
            }
            // What a block has changed ended with its COMMIT or ROLLBACK.
            self.end_changes(Some(!failed));
        }
        Ok(fate)
    }

    fn follow_error(&mut self, frame: Frame<'_>) -> Result<Fate, End> {
        let Ok(BackendMessage::ErrorResponse(fields)) = BackendMessage::decode(frame) else {
            return Err(End::ServerFault("an error whose fields can't be read"));
        };
        if fields.is_fatal() {
            // The connection ends; the client hears it in the server's words.
            self.server_said_farewell = true;
            return Ok(Fate::Forward);
        }
        self.copying_in = false;
        self.forget_copy();
        self.changes.failed = true;
        // What follows an error is skipped, the Close of our own statement too.
        self.own_left |= matches!(
            self.replies.front_mut(),
            Some(
                Expected::ProbeExtended
                    | Expected::Before
                    | Expected::Captured { .. }
                    | Expected::RefusedExtended { .. }
            )
        );
        if matches!(
            self.replies.front_mut(),
            Some(Expected::Before | Expected::Captured { .. })
        ) {
            self.server.forget_texts();
        }
        let guard = self.replies.front_run().and_then(|run| run.guard.clone());
        match self.replies.front_mut() {
            Some(Expected::RefusedQuery { refusal }) => {
                let refusal = refusal.clone();
                self.tell(&refusal);
                Ok(Fate::Keep)
            }
            Some(Expected::RefusedExtended { refusal }) => {
                let refusal = refusal.clone();
                self.tell(&refusal);
                self.skip_to_sync(&refusal.sqlstate);
                Ok(Fate::Keep)
            }
            Some(Expected::ProbeSync) => {
                self.note_probe_error(fields);
                Ok(Fate::Keep)
            }
            Some(Expected::ProbeExtended) => {
                self.note_probe_error(fields);
                if self.replies.fail_own() {
                    return Ok(Fate::Keep);
                }
                let refusal = Refusal::not_understood(
                    "session-state-unknown",
                    "the session's settings could not be read, so this statement was not run",
                );
                self.tell(&refusal);
                self.skip_to_sync(&refusal.sqlstate);
                Ok(Fate::Keep)
            }
            Some(Expected::Query { runs }) => {
                let runs: Vec<Run> = runs.drain(..).collect();
                for (index, run) in runs.into_iter().enumerate().rev() {
                    // Those behind the one that failed never began.
                    self.abandon_run(
                        run,
                        if index == 0 {
                            fields.code()
                        } else {
                            sqlstate::QUERY_CANCELED
                        },
                    );
                }
                Ok(self.tell_error(fields, guard.as_deref()))
            }
            // A deferred check that fails as the transaction of a Sync commits.
            Some(Expected::Sync) | None => Ok(self.tell_error(fields, None)),
            Some(
                Expected::Parse { .. }
                | Expected::Bind { .. }
                | Expected::Rebind { .. }
                | Expected::Describe
                | Expected::Shape
                | Expected::Close { .. }
                | Expected::OwnClose
                | Expected::Before
                | Expected::Captured { .. }
                | Expected::Execute { .. },
            ) => {
                self.skip_to_sync(fields.code());
                Ok(self.tell_error(fields, guard.as_deref()))
            }
        }
    }

    fn note_probe_error(&mut self, fields: ErrorFields<'_>) {
        tracing::warn!(session = %self.id, code = fields.code(), "a query of the gateway's failed in a session");
        self.probe.fail(fields.code());
    }

    /// The server skips everything up to the next Sync: what it skips never happened.
    fn skip_to_sync(&mut self, sqlstate: &str) {
        let mut failed = self.replies.fail_pipeline();
        let first = (!failed.is_empty()).then(|| failed.remove(0));
        let fails_along = first.as_ref().and_then(Expected::fails_as);
        for skipped in failed.into_iter().rev() {
            let code = match skipped.statement() {
                Some(statement) if fails_along == Some(statement) => sqlstate,
                _ => sqlstate::QUERY_CANCELED,
            };
            self.abandon(skipped, code);
        }
        if let Some(first) = first {
            self.abandon(first, sqlstate);
        }
    }

    pub(super) fn tell(&mut self, refusal: &Refusal) {
        self.client
            .outbound
            .extend_with(|out| write::error_response(out, &report(Severity::Error, refusal)));
    }
}

fn command_rows(frame: Frame<'_>) -> Result<Option<u64>, End> {
    match BackendMessage::decode(frame) {
        Ok(BackendMessage::CommandComplete(command)) => Ok(command.rows()),
        _ => Err(End::ServerFault("a completion that can't be read")),
    }
}
