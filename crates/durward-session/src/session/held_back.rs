//! A Bind plans, and planning runs functions that call themselves immutable or stable (manual section 38.7), with all
//! that these call in turn. Where a statement calls code of the database's own, its Bind goes to the server only once it
//! is judged what it runs: with its Execute.

use std::sync::Arc;

use durward_audit::Origin;
use durward_model::Refusal;
use durward_wire::postgres::frame::{Frame, HEADER_BYTES};
use durward_wire::postgres::frontend::{FrontendMessage, Target};
use durward_wire::postgres::tag::frontend as tag;

use super::capture::changes;
use super::judge::{NoAnalysis, Verdict};
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, Session};
use crate::names::Undo;
use crate::prepared::{Portal, Prepared};
use crate::replies::{Answers, Expected};
use crate::sight::depends_on_names;

/// A Bind that waits for its Execute.
#[derive(Debug)]
pub(super) struct HeldBack {
    portal: Box<[u8]>,
    /// The whole message.
    bind: Box<[u8]>,
    /// The Describe of the portal behind it.
    describe: Option<Box<[u8]>>,
    undo: Undo,
}

impl HeldBack {
    /// What a run in its place has to answer.
    pub(super) const fn answers(&self) -> Answers {
        Answers {
            bind: true,
            describe: self.describe.is_some(),
            no_data: self.describe.is_some(),
        }
    }
}

impl Session {
    /// Whether planning this may run code that its Parse wasn't judged by.
    pub(super) fn may_run_as_planned(&mut self, prepared: &Prepared) -> bool {
        let Some(statement) = &prepared.statement else {
            return false;
        };
        if statement.calls_code() {
            return true;
        }
        // A command of its own, whose plan is made when it runs.
        if &*statement.facts.command == "EXECUTE" {
            return false;
        }
        self.follow_catalog();
        !self.is_unmoved(prepared) && depends_on_names(statement)
    }

    /// Keeps a Bind until its Execute comes.
    pub(super) fn hold_back(&mut self, portal: &[u8], bind: &[u8], undo: Undo) {
        self.held_back = Some(HeldBack {
            portal: portal.into(),
            bind: bind.into(),
            describe: None,
            undo,
        });
    }

    /// Whether a message belongs to the Bind that waits, and needn't be seen to any more.
    pub(super) async fn goes_with_held_back(
        &mut self,
        message: &FrontendMessage<'_>,
        bytes: &[u8],
    ) -> Result<bool, End> {
        let Some(held) = &mut self.held_back else {
            return Ok(false);
        };
        match message {
            FrontendMessage::Execute { portal, .. } if **portal == *held.portal => Ok(false),
            FrontendMessage::Describe {
                target: Target::Portal,
                name,
            } if **name == *held.portal && held.describe.is_none() => {
                held.describe = Some(bytes.into());
                Ok(true)
            }
            _ => {
                self.let_go().await?;
                // What fails a pipeline is followed by what is skipped.
                Ok(false)
            }
        }
    }

    /// Forgets a Bind whose pipeline has failed, or whose Execute was refused.
    pub(super) fn drop_held_back(&mut self) {
        if let Some(held) = self.held_back.take() {
            self.names.undo(held.undo);
        }
    }

    /// Takes the Bind that a run of our own answers in its place.
    pub(super) fn answer_held_back(&mut self) -> Answers {
        let answers = self.held_back.as_ref().map(HeldBack::answers).unwrap_or_default();
        self.held_back = None;
        answers
    }

    /// Sends a Bind whose Execute, right behind it, may run.
    pub(super) fn send_held_back(&mut self, portal: &Arc<Portal>) -> Result<bool, End> {
        let Some(held) = self.held_back.take() else {
            return Ok(false);
        };
        // While its Execute was judged, the end of a transaction may have taken the name.
        drop(self.names.set_portal(&held.portal, Some(Arc::clone(portal))));
        let expected = Expected::Bind { undo: Some(held.undo) };
        self.pass(frame(tag::BIND, &held.bind), &held.bind, Some(expected))?;
        if let Some(describe) = &held.describe {
            self.pass(frame(tag::DESCRIBE, describe), describe, Some(Expected::Describe))?;
        }
        Ok(true)
    }

    /// Something else comes before its Execute: by itself a Bind passes only where its Execute would pass too, and
    /// nothing about it has to be measured.
    async fn let_go(&mut self) -> Result<(), End> {
        let name = self
            .held_back
            .as_ref()
            .map(|held| held.portal.clone())
            .unwrap_or_default();
        let Some(portal) = self.names.portal(&name).cloned() else {
            self.drop_held_back();
            return Ok(());
        };
        let refusal = match self.current(&portal.prepared).await? {
            Ok(None) => None,
            Ok(Some(statement)) => {
                let subject = Subject::of(&statement, Origin::Parse, portal.prepared.literals);
                let commands = vec![vec![subject]];
                let measured = self.keeps_changes() && commands.iter().flatten().any(|own| changes(&own.facts));
                if measured || self.would_hold(&commands) {
                    Some(bound_alone())
                } else {
                    match self.decide(&commands, Sent::Before { portal: &portal }).await? {
                        Verdict::Go(..) => None,
                        Verdict::No(refusal) => Some(refusal),
                        Verdict::Wait(_) | Verdict::Skipped => {
                            self.drop_held_back();
                            return Ok(());
                        }
                    }
                }
            }
            Err(NoAnalysis::Skipped) => {
                self.drop_held_back();
                return Ok(());
            }
            Err(NoAnalysis::Refused(refusal)) => Some(refusal),
        };
        match refusal {
            None => {
                self.send_held_back(&portal)?;
            }
            Some(refusal) => {
                self.drop_held_back();
                self.refuse_extended_text(Origin::Execute, b"", refusal)?;
            }
        }
        Ok(())
    }
}

fn frame(tag: u8, bytes: &[u8]) -> Frame<'_> {
    Frame {
        tag,
        body: bytes.get(HEADER_BYTES..).unwrap_or_default(),
    }
}

fn bound_alone() -> Refusal {
    Refusal::not_understood(
        "bound-alone",
        "this statement calls functions of the database's own, which may run as soon as it is bound, and what they change \
         is measured or needs approval",
    )
    .with_hint("Send its Execute right behind its Bind, or send it as a simple query.")
}
