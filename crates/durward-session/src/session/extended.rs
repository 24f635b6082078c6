//! The extended query protocol (manual section 55.2.3): what is prepared is judged, and judged again when it runs.

use std::sync::{Arc, Mutex};

use durward_audit::Origin;
use durward_model::{Refusal, sqlstate};
use durward_policy::Decision;
use durward_sql::{AnalyzedStatement, SessionEffect};
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::frame::Frame;
use durward_wire::postgres::frontend::{Bind, Parse};

use super::capture::{Course, Permitted, changes, unbounded};
use super::client_side::{Flow, ends_transaction, unread, violation};
use super::deferred::sets_constraints;
use super::judge::{NoAnalysis, Verdict};
use super::lever::lever_of;
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, Listen, Session};
use crate::forward::{OWN_NAME, Preparation};
use crate::limits::GIVEN_BYTES_MAX;
use crate::prepared::{Place, Portal, Prepared};
use crate::replies::{Expected, Run};

impl Session {
    pub(super) async fn parse(&mut self, parse: Parse<'_>, bytes: &[u8]) -> Result<Flow, End> {
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
        match self.decide_to_prepare(&commands, sent).await? {
            Err(Verdict::No(refusal)) => self.refuse_extended(refusal),
            Err(_) => Ok(Flow::Next),
            Ok((unrecorded, masks)) => {
                let keeps_bind = self.prepares_held
                    || (self.keeps_changes() && commands.iter().flatten().any(|own| changes(&own.facts)));
                let number = unrecorded.numbers.first().copied();
                let number = number.unwrap_or_else(|| self.next_statement());
                let mut run = Run::new(number);
                masks.arm(0, &decoded, &mut run);
                self.guarded |= run.guard.is_some();
                run.shown = None;
                let place = Place::Command { command: 0 };
                let types = || -> Box<[u32]> { parse.parameter_types.iter().collect() };
                let preparation = match &masks.rewritten {
                    _ if lever.is_some() => Preparation::Lever {
                        statement: parse.statement,
                    },
                    Some(rewritten) => Preparation::Rewritten {
                        statement: parse.statement,
                        text: &rewritten.text,
                        types: types(),
                    },
                    None => Preparation::AsSent(bytes),
                };
                let prepared = Arc::new(Prepared {
                    text: decoded.as_ref().into(),
                    masked: masks.place(&decoded, 0).masked_text(&place),
                    place,
                    statement: analysis.statements.first().cloned(),
                    stamp: self.sight.stamp(),
                    literals,
                    held_types: keeps_bind.then(types),
                    lever,
                    again: Mutex::default(),
                });
                run.undo
                    .push(self.names.set_statement(parse.statement, Some(Arc::clone(&prepared))));
                self.prepare(unrecorded, (prepared, run), preparation);
                Ok(Flow::Next)
            }
        }
    }

    pub(super) fn bind(&mut self, bind: Bind<'_>, frame: Frame<'_>, bytes: &[u8]) -> Result<Flow, End> {
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

    pub(super) async fn execute(&mut self, (name, rows_max): (&[u8], i32), bytes: &[u8]) -> Result<Flow, End> {
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
                        self.record_not_run(&numbers, sqlstate::EFFECT_EXCEEDED);
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
                let ends = statement.as_ref().is_some_and(ends_transaction);
                if (ends || statement.as_ref().is_some_and(sets_constraints))
                    && let Some(failure) = self.failure_at_end(ends).await?
                {
                    self.record_not_run(&numbers, &failure);
                    return Ok(Some(Flow::Next));
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
                self.run_is_recorded(&recorded, (&portal.prepared, number));
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
        let mut subjects = commands.iter().flatten();
        subjects.any(|subject| matches!(self.ruling_on(subject), Decision::Hold(_)))
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
        let is_settled = !self.sight.is_stale() && !self.database.catalog.is_behind();
        if is_settled && let Some(statement) = prepared.analyzed_again(&self.sight.stamp()) {
            return Ok(Ok(Some(statement)));
        }
        let analysis = match self.analyze(&prepared.text).await? {
            Ok(analysis) => analysis,
            Err(no) => return Ok(Err(no)),
        };
        if prepared.stamp.reads_otherwise(&self.sight.stamp(), &prepared.text) {
            return Ok(Err(NoAnalysis::Refused(super::judge::prepared_otherwise())));
        }
        let statement = match &prepared.place {
            Place::Command { command } => analysis.statements.get(*command).cloned(),
            Place::BodyOf { command } => analysis.statements.get(*command).and_then(body_of),
        };
        if let Some(statement) = &statement
            && statement.unresolved.is_empty()
            && !analysis.awaits_lock()
            && !self.sight.is_stale()
            && !self.database.catalog.is_behind()
        {
            prepared.remember(self.sight.stamp(), statement);
        }
        Ok(Ok(statement))
    }

    /// Whether nothing that the analysis of a prepared statement rests on has moved since.
    pub(super) fn is_unmoved(&self, prepared: &Prepared) -> bool {
        prepared.stamp == self.sight.stamp() && !self.sight.is_stale() && !self.database.catalog.is_behind()
    }

    fn refuse_name(&self, name: &[u8]) -> Option<Refusal> {
        if name.starts_with(OWN_NAME) {
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

    pub(super) fn refuse_extended_text(&mut self, origin: Origin, text: &[u8], refusal: Refusal) -> Result<Flow, End> {
        self.record_not_understood(origin, text, &refusal);
        self.refuse_extended(refusal)
    }

    pub(super) fn refuse_extended(&mut self, refusal: Refusal) -> Result<Flow, End> {
        self.server.refused_extended();
        self.replies.push(Expected::RefusedExtended {
            refusal: Box::new(refusal),
        });
        Ok(Flow::Next)
    }
}

pub(super) fn body_of(statement: &AnalyzedStatement) -> Option<AnalyzedStatement> {
    statement.effects.iter().find_map(|effect| match effect {
        SessionEffect::Prepare { body, .. } => Some((**body).clone()),
        _ => None,
    })
}
