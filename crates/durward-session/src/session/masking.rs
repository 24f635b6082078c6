//! Masks for one message: what its commands may show as it is, what is masked on the way out, what must be computed on
//! masks within the server, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use durward_audit::Origin;
use durward_model::{AccessModes, Label, Refusal, StatementClass, StatementFacts, sqlstate};
use durward_policy::Terms;
use durward_sql::{Analysis, CannotRewrite, Rewritten};
use durward_wire::postgres::backend::write::{self, Report, Severity};

use super::extended::body_of;
use super::judge::NoAnalysis;
use super::subjects::Subject;
use super::{End, Session};
use crate::assessment::{Assessment, MaskedColumns, Viewer, cannot_mask, is_person, tells_of_writes};
use crate::look_ups::look_ups_in;
use crate::masks::{Holding, ShownMasks, StatementMasks, column_type};
use crate::own_writes::is_counted_later;
use crate::prepared::{Place, Portal};
use crate::replies::{Guard, RewrittenRun, Run};

/// What is remembered of statements that were looked at before.
///
/// Unit: statements. Reason: a session runs some hundred; past it they are looked at again.
const ASSESSED_MAX: usize = 512;

/// The text that a message brings, and whose statements are to be masked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sent<'a> {
    /// It goes to the server with this message.
    Now { text: &'a str, origin: Origin },
    /// It went there with an earlier one; the portal's parameters come with its run.
    Before { portal: &'a Portal },
}

impl Sent<'_> {
    /// The text.
    pub(super) fn text(&self) -> Arc<str> {
        match self {
            Self::Now { text, .. } => (*text).into(),
            Self::Before { portal } => Arc::clone(&portal.prepared.text),
        }
    }

    /// The same, borrowed.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Now { text, .. } => text,
            Self::Before { portal } => &portal.prepared.text,
        }
    }
}

/// How the commands of a message are masked.
#[derive(Debug, Default)]
pub(super) struct MessageMasks {
    /// What goes to the server in the place of the text.
    pub(super) rewritten: Option<Arc<Rewritten>>,
    /// For each command, what is masked in its result, and whether its errors may hold what is masked.
    pub(super) commands: Vec<CommandMasks>,
    /// The strictest terms under which masks are in force.
    terms: Option<Arc<Terms>>,
    /// How much the person had written when they were made.
    own_writes: u64,
}

/// How one command is masked.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandMasks {
    pub(super) shown: Option<Arc<ShownMasks>>,
    pub(super) guarded: bool,
    /// What a text that was rewritten was rewritten for: see [`MaskedText`].
    pub(super) masked: MaskedColumns,
    /// Whether it may wait for rows that others hold.
    pub(super) locks: bool,
    /// What it writes, where only the server will say of how many rows.
    pub(super) counted_later: Option<Arc<StatementFacts>>,
}

/// A prepared text that was sent with masks in it.
#[derive(Debug)]
pub(crate) struct MaskedText {
    /// What it was rewritten for: one that must be masked otherwise by now can't run as it was prepared.
    pub(super) masked: MaskedColumns,
    /// What it still reads by itself.
    pub(super) facts: Arc<StatementFacts>,
    /// The text and where it differs from the client's.
    pub(super) rewritten: Arc<Rewritten>,
}

/// A command of a text that goes, or went, to the server, perhaps rewritten.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextPlace<'a> {
    /// The client's text.
    pub(super) text: &'a str,
    /// The command's number in it, from 0.
    pub(super) command: usize,
    /// What stands in its place, and for which masked columns.
    pub(super) masked: Option<(&'a Arc<Rewritten>, &'a MaskedColumns)>,
}

impl TextPlace<'_> {
    /// What a prepared statement or cursor keeps of the rewriting of its text.
    pub(super) fn masked_text(&self, place: &Place) -> Option<Arc<MaskedText>> {
        let (rewritten, masked) = self.masked?;
        let statements = &rewritten.analysis.statements;
        let statement = match place {
            Place::Command { command } => statements.get(*command).cloned(),
            Place::BodyOf { command } => statements.get(*command).and_then(body_of),
        };
        let facts = statement?.facts;
        Some(Arc::new(MaskedText {
            masked: masked.clone(),
            facts,
            rewritten: Arc::clone(rewritten),
        }))
    }
}

impl Portal {
    /// Where its statement stands in the text that was prepared.
    pub(super) fn place<'a>(&'a self, text: &'a str) -> TextPlace<'a> {
        let masked = self.prepared.masked.as_ref();
        TextPlace {
            text,
            command: 0,
            masked: masked.map(|masked| (&masked.rewritten, &masked.masked)),
        }
    }
}

impl MessageMasks {
    /// A command of the message's text.
    pub(super) fn place<'a>(&'a self, text: &'a str, command: usize) -> TextPlace<'a> {
        let masked = self.rewritten.as_ref().zip(self.commands.get(command));
        TextPlace {
            text,
            command,
            masked: masked.map(|(rewritten, masks)| (rewritten, &masks.masked)),
        }
    }

    /// Arms a run with what is masked in its result and kept back of its errors.
    pub(super) fn arm(&self, command: usize, text: &str, run: &mut Run) {
        let Some(masks) = self.commands.get(command) else {
            return;
        };
        run.terms.clone_from(&self.terms);
        run.own_writes = self.own_writes;
        run.rewritten =
            (!masks.masked.is_empty()).then(|| RewrittenRun::new(Arc::new(masks.masked.clone()), masks.locks));
        run.shown.clone_from(&masks.shown);
        run.counted_later.clone_from(&masks.counted_later);
        if masks.guarded {
            let rewritten = self
                .rewritten
                .as_ref()
                .map(|rewritten| (text.into(), Arc::clone(rewritten)));
            run.guard = Some(Arc::new(Guard { rewritten }));
        }
    }
}

/// An assessment and what it rests on.
pub(super) struct Assessed {
    facts: Arc<StatementFacts>,
    terms: Arc<Terms>,
    labels: u64,
    catalog: u64,
    own_writes: u64,
    assessment: Arc<Assessment>,
}

impl Session {
    /// How the commands of a message are masked, or why they can't be. `terms` are those of each subject.
    pub(super) async fn mask(
        &mut self,
        commands: &[Vec<Subject>],
        terms: &[Vec<Arc<Terms>>],
        sent: Sent<'_>,
    ) -> Result<Result<MessageMasks, Refusal>, End> {
        let before = self.database.labels.current().generation();
        let masks = self.mask_by(commands, terms, sent).await?;
        if masks.is_ok() || self.database.labels.current().generation() == before {
            return Ok(masks);
        }
        // What columns hold has become known meanwhile.
        self.mask_by(commands, terms, sent).await
    }

    /// The same, by what is known of columns now.
    async fn mask_by(
        &mut self,
        commands: &[Vec<Subject>],
        terms: &[Vec<Arc<Terms>>],
        sent: Sent<'_>,
    ) -> Result<Result<MessageMasks, Refusal>, End> {
        let Some(strictest) = Terms::strictest(terms.iter().flatten()) else {
            return Ok(Ok(MessageMasks::default()));
        };
        // A message is rewritten as a whole, and an EXECUTE has the result of what it runs: one measure for all of it.
        let measured = |own: &Arc<Terms>| match own.clear() {
            Some(clear) if Some(clear) != strictest.clear() => Arc::clone(&strictest),
            Some(_) | None => Arc::clone(own),
        };
        let terms: Vec<Vec<Arc<Terms>>> = terms
            .iter()
            .map(|command| command.iter().map(measured).collect())
            .collect();
        let mut masks = MessageMasks {
            terms: Some(Arc::clone(&strictest)),
            own_writes: self.own_writes.now().changes(),
            ..MessageMasks::default()
        };
        let mut rewrites = false;
        for (command, terms) in commands.iter().zip(&terms) {
            if let Err(refusal) = self.refuse_masks_as_data(command, terms, sent) {
                return Ok(Err(refusal));
            }
            match self.command_masks(command, terms) {
                Ok(Some(command)) => masks.commands.push(command),
                Ok(None) => {
                    rewrites = true;
                    masks.commands.push(CommandMasks::default());
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        if !rewrites {
            let mut shown = masks.commands.iter().filter_map(|masks| masks.shown.as_deref());
            if shown.any(ShownMasks::has_own_values) {
                self.tell_of_own_writes();
            }
            return Ok(Ok(masks));
        }
        let Sent::Now { text, origin } = sent else {
            return Ok(Err(masked_otherwise()));
        };
        self.rewrite(commands, &strictest, (text, origin)).await
    }

    /// A mask that comes back would take the place of the data that it stands for.
    fn refuse_masks_as_data(
        &mut self,
        command: &[Subject],
        terms: &[Arc<Terms>],
        sent: Sent<'_>,
    ) -> Result<(), Refusal> {
        for (subject, terms) in command.iter().zip(terms) {
            let Some(clear) = mask_of(terms) else { continue };
            let assessment = self.assess(&subject.facts, terms, clear);
            if assessment.writes.is_empty() {
                continue;
            }
            let constants = match sent {
                Sent::Now { text, .. } => durward_sql::string_constants(text),
                Sent::Before { .. } => Vec::new(),
            };
            let parameters = match sent {
                Sent::Now { .. } => [].as_slice(),
                Sent::Before { portal } => &portal.given,
            };
            let values = constants
                .iter()
                .map(String::as_bytes)
                .chain(parameters.iter().map(|value| &**value));
            let catalog = Arc::clone(&self.sight.context.catalog);
            for value in values {
                for (relation, number, holds) in &assessment.writes {
                    let known = catalog
                        .relation(*relation)
                        .and_then(|relation| relation.column_numbered(*number))
                        .and_then(|column| column_type(column.type_oid, column.type_modifier, &catalog));
                    if known.is_some_and(|known| self.keys.is_own_mask(value, holds, known)) {
                        return Err(mask_written());
                    }
                }
            }
        }
        Ok(())
    }

    /// The masks of one command; `None` where its text must be rewritten.
    fn command_masks(&mut self, command: &[Subject], terms: &[Arc<Terms>]) -> Result<Option<CommandMasks>, Refusal> {
        let mut masks = CommandMasks::default();
        let mut rewrites = false;
        let own = command.first().map(|own| Arc::clone(&own.facts));
        for (subject, terms) in command.iter().zip(terms) {
            let Some(clear) = mask_of(terms) else { continue };
            let explained = own.as_ref().is_some_and(|own| own.command.starts_with("EXPLAIN"));
            let before = subject.sent.as_ref().and_then(|prepared| prepared.masked.clone());
            let now = self.assess(&subject.facts, terms, clear);
            masks.guarded |= now.guarded;
            let mut modes = subject.facts.relations.iter().map(|usage| usage.modes);
            if is_counted_later(&subject.facts, &subject.normalized) {
                masks.counted_later = Some(Arc::clone(&subject.facts));
            }
            masks.locks |= modes.any(|modes| modes != AccessModes::READ);
            if own.as_ref().is_some_and(|own| &*own.command == "EXPLAIN ANALYZE")
                && subject.facts.writes()
                && now.guarded
            {
                return Err(tells_of_writes());
            }
            if explained && before.is_some() {
                return Err(cannot_mask("its plan would show what stands before masked columns"));
            }
            if let Some(refusal) = &now.refusal {
                return Err(refusal.clone());
            }
            let assessment = match &before {
                // What was sent has its masks in it, as long as they are the same.
                Some(before) if before.masked == now.masked => {
                    masks.masked.clone_from(&before.masked);
                    self.assess(&before.facts, terms, clear)
                }
                Some(_) => return Err(masked_otherwise()),
                None => now,
            };
            masks.guarded |= assessment.guarded;
            if assessment.needs_masks() {
                match &subject.sent {
                    Some(_) if before.is_some() => return Err(cannot_mask("it reads masked data in clear")),
                    Some(_) => return Err(masked_otherwise()),
                    None => rewrites = true,
                }
                continue;
            }
            if assessment.looks_up {
                self.count_look_up((subject, &assessment.masked), command.first())?;
            }
            if !assessment.shown.is_empty() {
                let shown = shown_by(own.as_deref(), subject)?;
                if shown {
                    masks.shown = Some(Arc::new(assessment.shown.clone()));
                }
            }
        }
        Ok((!rewrites).then_some(masks))
    }

    /// Masks the sources of a text, and masks what that leaves.
    async fn rewrite(
        &mut self,
        commands: &[Vec<Subject>],
        terms: &Arc<Terms>,
        (text, origin): (&str, Origin),
    ) -> Result<Result<MessageMasks, Refusal>, End> {
        let Some(clear) = mask_of(terms) else {
            return Ok(Ok(MessageMasks::default()));
        };
        let mut originals = Vec::with_capacity(commands.len());
        let mut looks_up = false;
        for command in commands {
            let mut masked = BTreeMap::new();
            for subject in command.iter().filter(|subject| subject.sent.is_none()) {
                let assessment = self.assess(&subject.facts, terms, clear);
                if assessment.computes
                    && let Some(refusal) = stores(&subject.facts)
                {
                    return Ok(Err(refusal));
                }
                looks_up |= assessment.looks_up;
                masked.extend(assessment.masked.iter().map(|(column, holds)| (*column, holds.clone())));
            }
            if masked.values().any(Holding::is_of_own_values) {
                self.tell_of_own_writes();
            }
            originals.push(masked);
        }
        let explained = commands
            .iter()
            .flatten()
            .any(|subject| subject.facts.command.starts_with("EXPLAIN"));
        let statement_masks = StatementMasks {
            keys: Arc::clone(&self.keys),
            labels: self.database.labels.current(),
            catalog: Arc::clone(&self.sight.context.catalog),
            clear: clear.to_vec(),
            is_person: self.is_person(),
            own: Arc::clone(&self.own_writes.now()),
            explained,
        };
        let rewritten = self
            .gateway
            .analyzer
            .rewrite(text, &self.sight.context, Arc::new(statement_masks))
            .await;
        let rewritten = match rewritten {
            Ok(Ok(rewritten)) => Arc::new(rewritten),
            Ok(Err(reason)) => return Ok(Err(unrewritten(&reason))),
            Err(error) => return Ok(Err(Refusal::from(&error))),
        };
        if rewritten.analysis.statements.len() != commands.len() {
            return Ok(Err(cannot_mask("its commands can't be told apart")));
        }
        let subjects = match self.subjects_of(&rewritten.analysis, origin, commands).await? {
            Ok(subjects) => subjects,
            Err(NoAnalysis::Refused(refusal)) => return Ok(Err(refusal)),
            Err(NoAnalysis::Skipped) => return Ok(Err(cannot_mask("its pipeline has failed"))),
        };
        let mut masks = MessageMasks {
            rewritten: Some(Arc::clone(&rewritten)),
            commands: Vec::with_capacity(commands.len()),
            terms: Some(Arc::clone(terms)),
            own_writes: self.own_writes.now().changes(),
        };
        let mut still_looks_up = false;
        for (command, masked) in subjects.iter().zip(originals) {
            for subject in command {
                still_looks_up |= self.assess(&subject.facts, terms, clear).looks_up;
            }
            let all: Vec<Arc<Terms>> = command.iter().map(|_| Arc::clone(terms)).collect();
            match self.command_masks(command, &all) {
                Ok(Some(one)) => masks.commands.push(CommandMasks {
                    guarded: true,
                    masked,
                    ..one
                }),
                Ok(None) => {
                    return Ok(Err(cannot_mask(
                        "it computes on masked columns of the table that it changes",
                    )));
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        if looks_up && !still_looks_up {
            self.tell_of_masks_compared();
        }
        Ok(Ok(masks))
    }

    /// Finding nothing would look as if there were nothing.
    fn tell_of_masks_compared(&mut self) {
        self.notify(
            "a value is compared with masks, because its column is masked for you",
            "Compare with the mask that you were shown, or look the row up by its key. People may also look up values of \
             columns with a unique index.",
        );
    }

    /// Masks that were all different yesterday would look broken.
    fn tell_of_own_writes(&mut self) {
        if std::mem::replace(&mut self.told_of_own_writes, true) {
            return;
        }
        self.notify(
            "columns that you or your agents have written much of show one value for all rows",
            "Otherwise values of your own choice would tell which masks stand for them. Look rows up by their key.",
        );
    }

    fn notify(&mut self, message: &str, hint: &'static str) {
        let mut notice = Report::new(Severity::Notice, "00000", message);
        notice.hint = Some(hint.into());
        self.client
            .outbound
            .extend_with(|out| write::notice_response(out, &notice));
    }

    async fn subjects_of(
        &mut self,
        analysis: &Analysis,
        origin: Origin,
        commands: &[Vec<Subject>],
    ) -> Result<Result<Vec<Vec<Subject>>, NoAnalysis>, End> {
        let literals = commands
            .first()
            .and_then(|command| command.first())
            .map_or_else(|| self.gateway.ledger.keyed_digest(b""), |subject| subject.literals);
        if origin == Origin::Parse {
            let of = |statement| vec![Subject::of(statement, Origin::Parse, literals)];
            return Ok(Ok(analysis.statements.iter().map(of).collect()));
        }
        self.subjects(analysis, origin, literals).await
    }

    /// What masks make of a statement, remembered while nothing that it rests on has moved.
    fn assess(&mut self, facts: &Arc<StatementFacts>, terms: &Arc<Terms>, clear: &[Label]) -> Arc<Assessment> {
        let labels = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        let own = self.own_writes.now();
        let key = Arc::as_ptr(facts).addr();
        if let Some(known) = self.assessed.get(&key)
            && Arc::ptr_eq(&known.terms, terms)
            && (known.labels, known.catalog) == (labels.generation(), catalog.generation())
            && known.own_writes == own.changes()
        {
            return Arc::clone(&known.assessment);
        }
        let viewer = Viewer {
            labels: &labels,
            catalog,
            clear,
            is_person: self.is_person(),
            own: &own,
            writing: BTreeSet::new(),
        };
        let assessment = Arc::new(viewer.assess(facts));
        if self.assessed.len() >= ASSESSED_MAX {
            self.assessed.clear();
        }
        let known = Assessed {
            facts: Arc::clone(facts),
            terms: Arc::clone(terms),
            labels: labels.generation(),
            catalog: catalog.generation(),
            own_writes: own.changes(),
            assessment: Arc::clone(&assessment),
        };
        debug_assert!(
            Arc::ptr_eq(&known.facts, facts),
            "the facts keep their address while they are remembered"
        );
        self.assessed.insert(key, known);
        assessment
    }

    fn is_person(&self) -> bool {
        is_person(&self.principal)
    }

    /// A number that no other look-up of this process has.
    fn next_look_up(&self) -> u64 {
        self.gateway.look_ups.next()
    }

    /// The value looked up stands in the text, in that of an EXECUTE, or among the parameters.
    fn count_look_up(
        &self,
        (subject, masked): (&Subject, &MaskedColumns),
        own: Option<&Subject>,
    ) -> Result<(), Refusal> {
        // What an EXECUTE computes may be another value each time.
        let computes = own.is_some_and(|own| !(own.facts.functions.is_empty() && own.facts.relations.is_empty()));
        let run = (subject.origin == Origin::SqlExecute && computes).then(|| self.next_look_up());
        let parts = (own.map(|own| own.literals), subject.literals, subject.parameters, run);
        if self.gateway.look_ups.admit(
            &self.principal.subject.name,
            &format!("{parts:?}"),
            look_ups_in(&subject.facts, masked),
        ) {
            return Ok(());
        }
        Err(Refusal::denied(
            "look-ups",
            "too many different values of masked columns were looked up within the hour",
        )
        .with_hint("Look rows up by a key that isn't masked, or ask for a grant to see the column."))
    }
}

/// The labels that are shown in clear to one who has masks in force; `None` for one who hasn't.
pub(super) fn mask_of(terms: &Terms) -> Option<&[Label]> {
    terms.clear()
}

/// Whether what a subject gives is the result of its command.
fn shown_by(own: Option<&StatementFacts>, subject: &Subject) -> Result<bool, Refusal> {
    if !matches!(subject.origin, Origin::SqlExecute | Origin::Fetch) {
        return Ok(true);
    }
    match own.map(|own| &*own.command) {
        Some("EXECUTE" | "FETCH" | "MOVE") => Ok(true),
        Some(command) if command.starts_with("EXPLAIN") && !own.is_some_and(makes_relations) => Ok(false),
        _ => Err(cannot_mask("it keeps what a prepared statement gives")),
    }
}

fn makes_relations(facts: &StatementFacts) -> bool {
    let mut modes = facts.relations.iter().map(|usage| usage.modes);
    modes.any(AccessModes::changes)
}

/// What a statement that would store masks is told.
fn stores(facts: &StatementFacts) -> Option<Refusal> {
    let harmless = match facts.class {
        StatementClass::Read | StatementClass::Session | StatementClass::Transaction => true,
        StatementClass::Write
        | StatementClass::Ddl
        | StatementClass::Maintenance
        | StatementClass::Privilege
        | StatementClass::Unknown => false,
    };
    (!harmless).then(|| cannot_mask("masks would decide which rows change, or be stored in place of data"))
}

fn masked_otherwise() -> Refusal {
    // The code and words by which drivers know that they must prepare again.
    Refusal::new("0A000", "masked-otherwise", "cached plan must not change result type")
        .with_detail("What is masked for you has changed since this statement was prepared.")
        .with_hint("Prepare it again.")
}

fn mask_written() -> Refusal {
    Refusal::new(
        sqlstate::MASK_WRITTEN,
        "mask-written",
        "a value that stands for masked data was sent back, and would take its place",
    )
    .with_hint("Leave columns that are masked for you out of what you write.")
}

fn unrewritten(reason: &CannotRewrite) -> Refusal {
    cannot_mask(&reason.to_string())
}
