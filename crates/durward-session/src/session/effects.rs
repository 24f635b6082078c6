//! What the session must remember of statements: names, settings, the transaction.

use std::sync::{Arc, Mutex};

use durward_audit::KeyedDigest;
use durward_sql::{AnalyzedStatement, SessionEffect};

use super::Session;
use super::masking::TextPlace;
use crate::changes::Boundary;
use crate::names::Undo;
use crate::prepared::{Place, Portal, Prepared};
use crate::replies::Run;

impl Session {
    /// What the session must remember once this statement has been forwarded.
    /// `command` is its number in the text, from 0.
    pub(super) fn apply_effects(
        &mut self,
        statement: &AnalyzedStatement,
        place: TextPlace<'_>,
        literals: KeyedDigest,
        run: &mut Run,
    ) {
        for effect in statement.effects.iter() {
            self.sight.note(effect);
            self.name.note(effect);
            match effect {
                SessionEffect::Prepare { name, body } => {
                    let body_place = Place::BodyOf { command: place.command };
                    let prepared = Prepared {
                        text: place.text.into(),
                        masked: place.masked_text(&body_place),
                        place: body_place,
                        statement: Some((**body).clone()),
                        stamp: self.sight.stamp(),
                        literals,
                        held_types: None,
                        lever: None,
                        again: Mutex::default(),
                    };
                    run.undo
                        .push(self.names.set_statement(name.as_bytes(), Some(Arc::new(prepared))));
                }
                SessionEffect::Execute { name } => self.apply_prepared_effects(name, run),
                SessionEffect::Deallocate { name: Some(name) } => {
                    run.undo.push(self.names.set_statement(name.as_bytes(), None));
                }
                SessionEffect::Deallocate { name: None } => {
                    self.server.forget_texts();
                    run.undo.push(self.names.clear_statements());
                }
                SessionEffect::DeclareCursor { name } => {
                    let undo = self.declare(statement, name, place, literals);
                    run.undo.push(undo);
                }
                SessionEffect::CloseCursor { name: Some(name) } => {
                    run.undo.push(self.names.set_portal(name.as_bytes(), None));
                }
                SessionEffect::CloseCursor { name: None } => run.undo.push(self.names.clear_portals()),
                SessionEffect::ResetAll => {
                    self.levers.reset();
                    self.changes.forget_settings();
                }
                SessionEffect::DiscardAll => {
                    self.server.forget_texts();
                    self.levers.reset();
                    self.changes.forget_settings();
                    run.undo.push(self.names.clear_statements());
                    run.undo.push(self.names.clear_portals());
                }
                SessionEffect::CopyIn => run.copies_in = true,
                SessionEffect::Begin => self.in_block = true,
                SessionEffect::Commit { chain } | SessionEffect::Rollback { chain } => {
                    self.in_block = *chain;
                    run.boundary = Some(Boundary::End);
                    self.changes.forget_settings();
                }
                SessionEffect::TwoPhase => {
                    self.in_block = false;
                    run.boundary = Some(Boundary::End);
                }
                SessionEffect::Savepoint { name } => run.boundary = Some(Boundary::Savepoint(Arc::clone(name))),
                SessionEffect::RollbackTo { name } => {
                    run.boundary = Some(Boundary::BackTo(Arc::clone(name)));
                    self.changes.forget_settings();
                }
                SessionEffect::SetSetting { .. } => self.changes.forget_settings(),
                SessionEffect::MayChangeSettings => {
                    // Code that isn't seen through may drop what is prepared too.
                    self.server.forget_texts();
                    self.changes.forget_settings();
                }
                _ => {}
            }
        }
    }

    /// EXECUTE has the effects of what it runs.
    fn apply_prepared_effects(&mut self, name: &str, run: &mut Run) {
        let Some(prepared) = self.names.statement(name.as_bytes()).cloned() else {
            return;
        };
        for effect in prepared.statement.iter().flat_map(|statement| statement.effects.iter()) {
            self.sight.note(effect);
            self.name.note(effect);
            run.copies_in |= matches!(effect, SessionEffect::CopyIn);
        }
    }

    fn declare(
        &mut self,
        statement: &AnalyzedStatement,
        name: &str,
        place: TextPlace<'_>,
        literals: KeyedDigest,
    ) -> Undo {
        let command = Place::Command { command: place.command };
        let prepared = Prepared {
            text: place.text.into(),
            masked: place.masked_text(&command),
            place: command,
            statement: Some(statement.clone()),
            stamp: self.sight.stamp(),
            literals,
            held_types: None,
            lever: None,
            again: Mutex::default(),
        };
        let portal = Portal {
            prepared: Arc::new(prepared),
            parameters: None,
            given: Box::default(),
            bind: None,
            is_cursor: true,
            is_holdable: true,
        };
        self.names.set_portal(name.as_bytes(), Some(Arc::new(portal)))
    }
}
