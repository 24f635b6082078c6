//! Events with what they refer to.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use durward_model::SessionId;
use minicbor::Decode as _;
use serde::Serialize;

use crate::definition::{Basis, Shape};
use crate::digest::DefinitionDigest;
use crate::event::{DefinitionKind, Event, SessionStarted};
use crate::record::StoredEvent;
use crate::time::Moment;

/// An event with whatever it refers to, ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownEvent {
    /// When it was recorded.
    pub time: Moment,
    /// The event itself.
    #[serde(flatten)]
    pub stored: StoredEvent,
    /// Whose session it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whose: Option<Arc<SessionStarted>>,
    /// The statement's text and facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Arc<Shape>>,
    /// What the decision rested on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Arc<Basis>>,
}

/// Knows what the events of one segment refer to.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    sessions: HashMap<SessionId, Arc<SessionStarted>>,
    shapes: HashMap<DefinitionDigest, Arc<Shape>>,
    bases: HashMap<DefinitionDigest, Arc<Basis>>,
}

impl Resolver {
    /// Takes note of an event, and returns it with what it refers to. Events must come in order from the segment's
    /// first.
    pub(crate) fn see(&mut self, stored: StoredEvent) -> ShownEvent {
        let (session, shape, basis) = match &stored.event {
            Event::SessionStarted(started) => {
                self.sessions.insert(started.session, Arc::new(started.clone()));
                (None, None, None)
            }
            Event::Definition(definition) => {
                self.define(definition.kind, &definition.content);
                (None, None, None)
            }
            Event::SessionEnded(ended) => (Some(ended.session), None, None),
            Event::StatementOutcome(outcome) => (Some(outcome.session), None, None),
            Event::StatementIntent(intent) => (Some(intent.session), Some(intent.shape), Some(intent.basis)),
            Event::StatementRefused(refused) => (Some(refused.session), refused.shape, refused.basis),
            Event::ProtocolViolation(violation) => (violation.session, None, None),
            Event::LedgerOpened(_)
            | Event::Checkpoint(_)
            | Event::KeyChanged(_)
            | Event::SegmentsRetired(_)
            | Event::ConfigurationLoaded(_)
            | Event::PolicyChanged(_)
            | Event::IdentityChanged(_)
            | Event::Administration(_)
            | Event::ApprovalMoved(_)
            | Event::LoginRefused(_)
            | Event::Unknown { .. } => (None, None, None),
        };
        let whose = session.and_then(|session| self.sessions.get(&session).cloned());
        if let Event::SessionEnded(ended) = &stored.event {
            self.sessions.remove(&ended.session);
        }
        ShownEvent {
            time: Moment(stored.time_microseconds),
            whose,
            statement: shape.and_then(|shape| self.shapes.get(&shape).cloned()),
            decision: basis.and_then(|basis| self.bases.get(&basis).cloned()),
            stored,
        }
    }

    /// A definition that can't be read is of a later version: what refers to it is shown without it.
    fn define(&mut self, kind: DefinitionKind, content: &[u8]) {
        let mut decoder = minicbor::Decoder::new(content);
        match kind {
            DefinitionKind::Session => {
                if let Ok(started) = SessionStarted::decode(&mut decoder, &mut ()) {
                    self.sessions.insert(started.session, Arc::new(started));
                }
            }
            DefinitionKind::Shape => {
                if let Ok(shape) = Shape::decode(&mut decoder, &mut ()) {
                    self.shapes.insert(DefinitionDigest::of(kind, content), Arc::new(shape));
                }
            }
            DefinitionKind::Basis => {
                if let Ok(basis) = Basis::decode(&mut decoder, &mut ()) {
                    self.bases.insert(DefinitionDigest::of(kind, content), Arc::new(basis));
                }
            }
        }
    }
}

impl ShownEvent {
    /// Whether the event says something by itself; definitions and checkpoints don't.
    pub fn is_news(&self) -> bool {
        !matches!(self.stored.event, Event::Definition(_) | Event::Checkpoint(_))
    }

    fn who(&self) -> String {
        self.whose
            .as_ref()
            .map_or_else(|| "-".into(), |session| session.principal.to_string())
    }

    fn text(&self) -> &str {
        self.statement.as_ref().map_or("", |statement| &statement.normalized)
    }
}

impl fmt::Display for ShownEvent {
    /// One line: number, time, what happened, who, and the particulars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8}  {}  ", self.stored.number.0, self.time)?;
        match &self.stored.event {
            Event::LedgerOpened(opened) if opened.created => f.write_str("ledger created"),
            Event::LedgerOpened(opened) => {
                f.write_str("ledger opened")?;
                f.write_str(if opened.unclean { " after an unclean end" } else { "" })
            }
            Event::KeyChanged(changed) => write!(f, "signing key changed to {}  by {}", changed.to, changed.by),
            Event::SegmentsRetired(retired) => {
                let first = retired.events - retired.new_events + 1;
                write!(f, "events {first} to {} ", retired.events)?;
                match &retired.archive {
                    Some(archive) => write!(f, "archived in {archive}")?,
                    None => f.write_str("removed")?,
                }
                write!(f, ": {}", retired.reason)
            }
            Event::Checkpoint(checkpoint) => write!(f, "checkpoint of {} events", checkpoint.events),
            Event::Definition(definition) => write!(f, "definition of {:?}", definition.kind),
            Event::ConfigurationLoaded(loaded) => {
                write!(f, "configuration  databases {}", loaded.databases.join(", "))
            }
            Event::PolicyChanged(changed) => {
                let verdict = if changed.accepted { "in force" } else { "rejected" };
                write!(f, "policy {verdict}  version {}", changed.version)?;
                changed.message.iter().try_for_each(|message| write!(f, ": {message}"))
            }
            Event::IdentityChanged(changed) => {
                write!(f, "identity {}  {}  by {}", changed.change, changed.name, changed.by)
            }
            Event::Administration(act) => write!(f, "{}  {}  by {}", act.action, act.object, act.by),
            Event::SessionStarted(started) => write!(
                f,
                "login  {}  {}  from {}  {}",
                started.principal,
                started.database,
                started.client_address,
                started.client_program.as_deref().unwrap_or("-")
            ),
            Event::SessionEnded(ended) => {
                write!(
                    f,
                    "logout  {}  {}  {} statements",
                    self.who(),
                    ended.reason,
                    ended.statements
                )
            }
            Event::LoginRefused(refused) => write!(
                f,
                "login refused  {}  {}  from {}  {}: {}",
                refused.user, refused.database, refused.client_address, refused.sqlstate, refused.reason
            ),
            Event::ProtocolViolation(violation) => write!(
                f,
                "protocol violation  {}  from {}  {}: {}",
                self.who(),
                violation.client_address,
                violation.sqlstate,
                violation.message
            ),
            Event::StatementIntent(_) => write!(f, "permitted  {}  {}", self.who(), one_line(self.text())),
            Event::StatementRefused(refused) => write!(
                f,
                "refused  {}  {}  {} [{}] {}",
                self.who(),
                one_line(self.text()),
                refused.sqlstate,
                refused.rule,
                refused.message
            ),
            Event::StatementOutcome(outcome) => {
                write!(f, "outcome  {}  ", self.who())?;
                match &outcome.sqlstate {
                    Some(sqlstate) => write!(f, "error {sqlstate}")?,
                    None => write!(f, "{} rows", outcome.rows_affected.unwrap_or(outcome.rows))?,
                }
                let milliseconds = outcome.duration_microseconds / 1_000;
                write!(f, "  {milliseconds}.{:03} ms", outcome.duration_microseconds % 1_000)
            }
            Event::ApprovalMoved(moved) => {
                write!(f, "approval {} {}  {}", moved.request, moved.change, moved.principal)?;
                moved.by.iter().try_for_each(|by| write!(f, "  by {by}"))?;
                moved.note.iter().try_for_each(|note| write!(f, ": {}", one_line(note)))
            }
            Event::Unknown { code } => write!(f, "an event of kind {code}, from a later version"),
        }
    }
}

/// A text in one line of a terminal's width, without control characters.
fn one_line(text: &str) -> String {
    // Unit: characters. Reason: a line or two of a terminal.
    const CHARACTERS_MAX: usize = 160;
    let mut line: String = text
        .split_whitespace()
        .flat_map(|word| word.chars().chain([' ']))
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .take(CHARACTERS_MAX)
        .collect();
    line.truncate(line.trim_end().len());
    line
}
