//! What has to be decided for a text: each of its commands, and what the prepared names and cursors in it stand for, in
//! the order in which the server will come to them.

use std::collections::HashMap;
use std::sync::Arc;

use durward_audit::{KeyedDigest, Origin};
use durward_model::{Certainty, Digest, Hazard, HazardKind, OpaqueReason, Refusal, StatementFacts};
use durward_sql::{Analysis, AnalyzedStatement, SessionEffect};

use super::judge::{NoAnalysis, catalog_unknown};
use super::{End, Session};
use crate::prepared::Prepared;
use crate::sight::depends_on_names;

/// Something to decide on: a command of a text, or what a prepared name or cursor stands for.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) facts: Arc<StatementFacts>,
    pub(super) normalized: Arc<str>,
    pub(super) shape: Digest,
    pub(super) origin: Origin,
    pub(super) literals: KeyedDigest,
    pub(super) parameters: Option<KeyedDigest>,
    /// Whether it takes rows from the client.
    pub(super) copies_in: bool,
    /// What went to the server with an earlier message, where this runs it.
    pub(super) sent: Option<Arc<Prepared>>,
}

impl Subject {
    pub(super) fn of(statement: &AnalyzedStatement, origin: Origin, literals: KeyedDigest) -> Self {
        Self {
            facts: Arc::clone(&statement.facts),
            normalized: Arc::clone(&statement.normalized),
            shape: statement.shape,
            origin,
            literals,
            parameters: None,
            copies_in: statement.effects.contains(&SessionEffect::CopyIn),
            sent: None,
        }
    }

    /// The same, of what an earlier message has sent.
    fn sent_before(self, prepared: &Arc<Prepared>) -> Self {
        Self {
            sent: Some(Arc::clone(prepared)),
            ..self
        }
    }

    /// The same, for names that will be looked up otherwise than they were here: what runs is then as unseen as a text
    /// made at run time.
    pub(super) fn with_moved_names(self) -> Self {
        let mut moved = self.opaque("search_path", "an earlier command changes how names are read");
        let mut facts = (*moved.facts).clone();
        facts.hazards.push(Hazard::new(HazardKind::DynamicSql, "search_path"));
        facts.hazards.sort();
        moved.facts = Arc::new(facts);
        moved
    }

    /// The same with facts that can't be relied on to be complete.
    pub(super) fn opaque(mut self, object: &str, reason: &str) -> Self {
        let mut facts = (*self.facts).clone();
        facts.certainty = Certainty::Opaque;
        facts.opaque.push(OpaqueReason {
            object: object.into(),
            reason: reason.into(),
        });
        self.facts = Arc::new(facts);
        self
    }
}

/// A statement under a name, and the keyed digest of the text that it came in.
type Named = (AnalyzedStatement, KeyedDigest);

/// What an EXECUTE runs: of its own text, or sent before.
type Executed = (AnalyzedStatement, KeyedDigest, Option<Arc<Prepared>>);

/// What earlier commands of a text do to one kind of names, before the server has run any of them. A command that fails
/// ends the text, so that each may be taken to succeed.
#[derive(Debug, Default)]
struct TextNames {
    changed: HashMap<Arc<str>, Option<Named>>,
    /// All names from before the text are gone.
    cleared: bool,
}

impl TextNames {
    fn set(&mut self, name: &Arc<str>, named: Option<Named>) {
        self.changed.insert(Arc::clone(name), named);
    }

    fn clear(&mut self) {
        self.changed.clear();
        self.cleared = true;
    }

    /// `None` where the text says nothing about the name; `Some(None)` where it makes sure that it stands for nothing.
    fn get(&self, name: &str) -> Option<Option<&Named>> {
        match self.changed.get(name) {
            Some(named) => Some(named.as_ref()),
            None => self.cleared.then_some(None),
        }
    }
}

/// What the commands of a text before the one that is looked at have done.
#[derive(Debug, Default)]
struct Before {
    statements: TextNames,
    cursors: TextNames,
    /// Settings may have changed how names are read.
    blurred: bool,
    /// The catalog may have changed, or what a name in it means.
    moved: bool,
    /// What an EXECUTE runs did one of these: analysis of the text, which has marked the rest, didn't see that.
    moved_by_executed: bool,
}

impl Before {
    fn note(&mut self, statement: &AnalyzedStatement, literals: KeyedDigest) {
        for effect in statement.effects.iter() {
            match effect {
                SessionEffect::Prepare { name, body } => self.statements.set(name, Some(((**body).clone(), literals))),
                SessionEffect::Deallocate { name: Some(name) } => self.statements.set(name, None),
                SessionEffect::Deallocate { name: None } => self.statements.clear(),
                SessionEffect::DeclareCursor { name } => self.cursors.set(name, Some((statement.clone(), literals))),
                SessionEffect::CloseCursor { name: Some(name) } => self.cursors.set(name, None),
                SessionEffect::CloseCursor { name: None } => self.cursors.clear(),
                SessionEffect::DiscardAll => {
                    self.statements.clear();
                    self.cursors.clear();
                }
                _ => {}
            }
        }
    }
}

impl Session {
    /// What has to be decided for the commands of a text: each command, and what prepared names and cursors it runs
    /// stand for.
    pub(super) async fn subjects(
        &mut self,
        analysis: &Analysis,
        origin: Origin,
        literals: KeyedDigest,
    ) -> Result<Result<Vec<Vec<Subject>>, NoAnalysis>, End> {
        if let Err(no) = self.keep_name(&analysis.statements).await? {
            return Ok(Err(no));
        }
        let mut subjects = Vec::with_capacity(analysis.statements.len());
        let mut before = Before::default();
        for statement in &analysis.statements {
            let mut own = Subject::of(statement, origin, literals);
            if (before.blurred || before.moved_by_executed) && depends_on_names(statement) {
                own = own.with_moved_names();
            }
            let mut of_this = vec![own];
            for effect in statement.effects.iter() {
                match effect {
                    SessionEffect::Execute { name } => {
                        let (executed, literals, sent) = match self.executed(name, &before.statements).await? {
                            Ok(executed) => executed,
                            Err(no) => return Ok(Err(no)),
                        };
                        let mut subject = Subject::of(&executed, Origin::SqlExecute, literals);
                        subject.sent = sent;
                        if (before.blurred || before.moved) && depends_on_names(&executed) {
                            subject = subject.with_moved_names();
                        }
                        of_this.push(subject);
                        before.blurred |= self.sight.blurs(&executed);
                        before.moved_by_executed |= executed.moves_names();
                        before.moved |= before.moved_by_executed;
                    }
                    SessionEffect::Fetch { name } => {
                        match self.cursor_subject(name, &before.cursors, &of_this).await? {
                            Ok(subject) => of_this.push(subject),
                            Err(no) => return Ok(Err(no)),
                        }
                    }
                    _ => {}
                }
            }
            before.note(statement, literals);
            before.blurred |= self.sight.blurs(statement);
            before.moved |= statement.moves_names();
            subjects.push(of_this);
        }
        Ok(Ok(subjects))
    }

    /// What SQL-level EXECUTE of this name runs, behind what its text has done to names.
    async fn executed(&mut self, name: &str, here: &TextNames) -> Result<Result<Executed, NoAnalysis>, End> {
        let prepared = match here.get(name) {
            Some(Some((statement, literals))) => return Ok(Ok((statement.clone(), *literals, None))),
            Some(None) => None,
            None => self.names.statement(name.as_bytes()).cloned(),
        };
        let Some(prepared) = prepared else {
            // The server's own words for a name that doesn't exist.
            return Ok(Err(NoAnalysis::Refused(Refusal::new(
                "26000",
                "unknown-prepared-statement",
                format!("prepared statement \"{name}\" does not exist"),
            ))));
        };
        match self.current(&prepared).await? {
            Ok(Some(statement)) => Ok(Ok((statement, prepared.literals, Some(prepared)))),
            Ok(None) => Ok(Err(NoAnalysis::Refused(catalog_unknown()))),
            Err(no) => Ok(Err(no)),
        }
    }

    /// What FETCH from this cursor returns. One that was opened out of our sight is opaque.
    async fn cursor_subject(
        &mut self,
        name: &str,
        here: &TextNames,
        of_this: &[Subject],
    ) -> Result<Result<Subject, NoAnalysis>, End> {
        if let Some(named) = here.get(name) {
            return Ok(Ok(match named {
                Some((statement, literals)) => Subject::of(statement, Origin::Fetch, *literals),
                None => self.unknown_cursor(name, of_this),
            }));
        }
        let portal = self.names.portal(name.as_bytes());
        let Some(prepared) = portal.map(|portal| Arc::clone(&portal.prepared)) else {
            return Ok(Ok(self.unknown_cursor(name, of_this)));
        };
        let Some(statement) = &prepared.statement else {
            return Ok(Ok(self.unknown_cursor(name, of_this)));
        };
        let subject = Subject::of(statement, Origin::Fetch, prepared.literals).sent_before(&prepared);
        Ok(self
            .has_moved_under(&prepared)
            .await?
            .map(|moved| if moved { subject.with_moved_names() } else { subject }))
    }

    /// Whether bodies of functions that an open cursor calls may touch other things than when it was opened: its own
    /// names stand since then, theirs are looked up as they run. Where anything has moved, its text is analysed anew:
    /// the same facts name the same functions, and all that these touch by now.
    pub(super) async fn has_moved_under(&mut self, cursor: &Arc<Prepared>) -> Result<Result<bool, NoAnalysis>, End> {
        let calls_bodies = cursor.statement.as_ref().is_some_and(AnalyzedStatement::calls_code);
        if !calls_bodies {
            return Ok(Ok(false));
        }
        Ok(match (self.current(cursor).await?, &cursor.statement) {
            (Ok(Some(now)), Some(then)) => Ok(now.facts != then.facts || now.unresolved != then.unresolved),
            (Err(NoAnalysis::Skipped), _) => Err(NoAnalysis::Skipped),
            (Ok(_) | Err(NoAnalysis::Refused(_)), _) => Ok(true),
        })
    }

    fn unknown_cursor(&self, name: &str, of_this: &[Subject]) -> Subject {
        let facts = StatementFacts::empty(durward_model::StatementClass::Read, "FETCH");
        let normalized: Arc<str> = "FETCH".into();
        Subject {
            facts: Arc::new(facts),
            shape: of_this.first().map(|own| own.shape).unwrap_or_default(),
            literals: of_this
                .first()
                .map_or_else(|| self.gateway.ledger.keyed_digest(b""), |own| own.literals),
            normalized,
            origin: Origin::Fetch,
            parameters: None,
            copies_in: false,
            sent: None,
        }
        .opaque(name, "a cursor that was opened out of sight")
    }
}
