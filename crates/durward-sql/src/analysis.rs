//! From a text to its commands' facts. Runs on a parser thread.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use durward_model::{
    AccessModes, Digest, Hazard, HazardKind, Oid, QualifiedName, RelationKind, RelationUse, RowBound, StatementClass,
    StatementFacts,
};
use pg_query::NodeEnum;
use sha2::{Digest as _, Sha256};

use crate::bind::{Binder, MadeBefore, MaskedPlaces, Reference, Source};
use crate::parser::{ParseFailure, Reading, ServerWords, parse_reading};
use crate::text::{Doubt, Thinned, normalize, thin};
use crate::{
    Analysis, AnalysisContext, AnalysisError, AnalyzedStatement, CatalogSnapshot, SessionEffect, SessionSettings,
};

/// Texts up to this many bytes are parsed as they are: their trees are small enough whatever they hold.
const PLAIN_TEXT_BYTES_MAX: usize = 128 * 1024;

/// An analysis, fresh.
pub(crate) struct FreshAnalysis {
    pub(crate) analysis: Analysis,
    /// Whether some fact rests on a constant's value.
    pub(crate) rests_on_constants: bool,
    /// Where the text itself names relations and columns.
    pub(crate) places: Places,
}

/// Where a text itself names what it reads, in bytes from its start.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) sources: BTreeMap<usize, Source>,
    pub(crate) references: BTreeMap<usize, Reference>,
    /// Whether any of its commands groups rows.
    pub(crate) groups: bool,
}

impl Places {
    /// Takes over what one command names.
    fn take(&mut self, one: &mut One, thinned: Option<&Thinned>) {
        let place = |at: usize| thinned.map_or(at, |thinned| thinned.place(at));
        let sources = std::mem::take(&mut one.places.sources);
        self.sources
            .extend(sources.into_iter().map(|(at, source)| (place(at), source)));
        let references = std::mem::take(&mut one.places.references);
        self.references
            .extend(references.into_iter().map(|(at, reference)| (place(at), reference)));
        self.groups |= one.places.groups;
    }
}

/// Analyses a text.
pub(crate) fn analyze_text(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<FreshAnalysis, AnalysisError> {
    analyze_masked(text, context, tokens_max, None)
}

/// Analyses a text in which masks stand before columns.
pub(crate) fn analyze_masked(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
    masked: Option<&MaskedPlaces>,
) -> Result<FreshAnalysis, AnalysisError> {
    let settings = &context.settings;
    let reading = settings.reading(text);
    let thinned = match reading {
        Reading::Conforming => thinned(text, tokens_max)?,
        // Our scanner knows the standard reading alone. A token has at least one byte.
        Reading::Escaping if text.len() <= tokens_max => None,
        Reading::Escaping => return Err(AnalysisError::TooLarge),
    };
    let parsed_text = thinned.as_ref().map_or(text, |thinned| &thinned.text);
    let parsed = parse_reading(parsed_text, reading)
        .map_err(|failure| syntax_error(text, failure, thinned.as_ref(), settings.server_version_num))?;
    let left_out = thinned.as_ref().map_or(0, |thinned| thinned.items_left_out);
    let mut statements = Vec::with_capacity(parsed.stmts.len());
    let mut rests_on_constants = false;
    let mut places = Places::default();
    let mut before = Before::default();
    for raw in &parsed.stmts {
        let Some(node) = raw.stmt.as_ref().and_then(|node| node.node.as_ref()) else {
            continue;
        };
        let span = span(parsed_text, raw.stmt_location, raw.stmt_len);
        let span = match &thinned {
            Some(thinned) => thinned.place(span.start)..thinned.place(span.end),
            None => span,
        };
        let source = text.get(span.clone()).unwrap_or_default();
        let mut one = statement(node, context, (&before, masked), (source, reading))?;
        places.take(&mut one, thinned.as_ref());
        rests_on_constants |= one.rests_on_constants;
        if left_out > 0 {
            add_rows(&mut one.facts, left_out);
        }
        before.mark(&mut one);
        before.after(&one.facts, &one.effects);
        statements.push(one.finish(span));
    }
    Ok(FreshAnalysis {
        analysis: Analysis { statements },
        rests_on_constants,
        places,
    })
}

/// One statement's analysis before its place is known.
struct One {
    facts: StatementFacts,
    effects: Vec<SessionEffect>,
    unresolved: Vec<Arc<str>>,
    normalized: Arc<str>,
    rests_on_constants: bool,
    places: Places,
}

impl One {
    fn finish(self, span: Range<usize>) -> AnalyzedStatement {
        let shape = Digest(Sha256::digest(self.normalized.as_bytes()).into());
        AnalyzedStatement {
            span,
            facts: Arc::new(self.facts),
            effects: self.effects.into(),
            unresolved: self.unresolved.into(),
            normalized: self.normalized,
            shape,
        }
    }
}

fn statement(
    node: &NodeEnum,
    context: &AnalysisContext,
    (before, masked): (&Before, Option<&MaskedPlaces>),
    (source, reading): (&str, Reading),
) -> Result<One, AnalysisError> {
    let mut binder = Binder::new(context, command_word(node));
    binder.created_before(before.made());
    if let Some(masked) = masked {
        binder.masked_before(masked);
    }
    binder.command(node);
    if binder.is_too_deep() {
        return Err(AnalysisError::TooComplex);
    }
    let rests_on_constants = binder.facts.do_literals_matter();
    let places = Places {
        sources: std::mem::take(&mut binder.sources),
        references: std::mem::take(&mut binder.references),
        groups: binder.groups,
    };
    let (mut facts, effects, unresolved) = binder.facts.finish();
    drop_harmless_locks(&mut facts, context, &before.created);
    guard_temporary(&mut facts, &context.settings);
    let mut hazards = crate::functions::relation::hazards(&facts.relations);
    if !hazards.is_empty() {
        facts.hazards.append(&mut hazards);
        facts.hazards.sort();
        facts.hazards.dedup();
    }
    let normalized = match reading {
        Reading::Conforming => normalize(source),
        // The scanner would take a part of a constant for something else.
        Reading::Escaping => None,
    };
    let normalized = normalized.map_or_else(|| Arc::clone(&facts.command), Into::into);
    Ok(One {
        facts,
        effects,
        unresolved,
        normalized,
        rests_on_constants,
        places,
    })
}

/// A schema `pg_temp_N` may be another session's, which then works on what others have put there; and a temporary relation
/// behind other schemas of the path may not be what its name means by the time that it is looked up.
fn guard_temporary(facts: &mut StatementFacts, settings: &SessionSettings) {
    let own = settings.temp_schema.as_deref();
    let is_numbered = |schema: &str| {
        let number = schema.strip_prefix("pg_temp_");
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let changed = facts.relations.iter().filter(|usage| usage.modes.changes());
    let objects = facts
        .objects
        .iter()
        .filter_map(|object| Some((object.schema.as_deref()?, &object.name)));
    let touched: Vec<(String, bool)> = changed
        .map(|usage| (&*usage.relation.name.schema, &usage.relation.name.name))
        .chain(objects)
        .filter(|(schema, _)| is_numbered(schema))
        .map(|(schema, name)| (format!("{schema}.{name}"), Some(schema) == own))
        .collect();
    let stands_first = settings
        .search_path
        .iter()
        .find(|schema| &***schema != "pg_catalog")
        .is_none_or(|first| Some(&**first) == own);
    for (name, is_own) in touched {
        if !is_own {
            facts.hazards.push(Hazard::new(HazardKind::OtherSessions, name));
        } else if !stands_first {
            facts.hazards.push(Hazard::new(HazardKind::DynamicSql, name));
        }
    }
    facts.hazards.sort();
    facts.hazards.dedup();
}

/// Locks and rewrites of a relation that the open transaction, or the text itself, made hinder nobody.
fn drop_harmless_locks(facts: &mut StatementFacts, context: &AnalysisContext, created: &[RelationUse]) {
    let own: Vec<&QualifiedName> = facts
        .relations
        .iter()
        .filter(|usage| context.catalog.is_made_here(usage.relation.oid))
        .chain(created.iter().filter(|made| made.modes.contains(AccessModes::CREATE)))
        .map(|usage| &usage.relation.name)
        .collect();
    if own.is_empty() {
        return;
    }
    let catalog = &context.catalog;
    // A relation of the same name that others see keeps its hazards.
    let is_own = |object: &str| {
        own.iter().any(|name| {
            let seen = catalog
                .relation_in(&name.schema, &name.name)
                .is_some_and(|relation| !catalog.is_made_here(relation.oid));
            !seen && (name.to_string() == object || &*name.name == object)
        })
    };
    // What is lost of a table that this transaction made, nobody had.
    let lost_rows: Vec<String> = facts
        .relations
        .iter()
        .filter(|usage| holds_rows_of_this_transaction(catalog, usage.relation.oid))
        .map(|usage| usage.relation.name.to_string())
        .collect();
    // CASCADE empties what refers to it as well.
    let empties_more = facts.relations.iter().any(|usage| {
        usage.modes.contains(AccessModes::TRUNCATE) && !holds_rows_of_this_transaction(catalog, usage.relation.oid)
    });
    let hazards = std::mem::take(&mut facts.hazards);
    facts.hazards = hazards
        .into_iter()
        .filter(|hazard| match hazard.kind {
            HazardKind::TableLock | HazardKind::TableRewrite => !is_own(&hazard.object),
            HazardKind::Truncate if empties_more => true,
            HazardKind::DeleteWithoutWhere
            | HazardKind::UpdateWithoutWhere
            | HazardKind::TautologicalWhere
            | HazardKind::Truncate
            | HazardKind::Drop
            | HazardKind::DataLoss => !lost_rows.iter().any(|name| **name == *hazard.object),
            _ => true,
        })
        .collect();
}

/// Whether a table and all that inherits from it were made by the open transaction. Of other relations that isn't known
/// for sure.
fn holds_rows_of_this_transaction(catalog: &CatalogSnapshot, oid: Oid) -> bool {
    let mut open = vec![oid];
    while let Some(oid) = open.pop() {
        let is_own = catalog.relation(oid).is_some_and(|relation| {
            let has_rows = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
            has_rows && !relation.temporary && catalog.is_made_here(oid)
        });
        if !is_own {
            return false;
        }
        open.extend(catalog.children(oid));
    }
    true
}

/// The tag's first word for what the binder walks itself; utility statements name themselves.
const fn command_word(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::SelectStmt(_) => "SELECT",
        NodeEnum::InsertStmt(_) => "INSERT",
        NodeEnum::UpdateStmt(_) => "UPDATE",
        NodeEnum::DeleteStmt(_) => "DELETE",
        NodeEnum::MergeStmt(_) => "MERGE",
        _ => "",
    }
}

/// What earlier statements of the same text mean for later ones: the catalog and the settings that they are analysed
/// against are those from before the text.
#[derive(Default)]
struct Before {
    /// Relations that earlier statements make.
    created: Vec<RelationUse>,
    /// Whether one of them changes what names mean, and how many of the relations were made before it.
    moved: bool,
    made_before_move: usize,
    /// Whether one of them makes code, or takes a name from what had it.
    replaced: bool,
}

impl Before {
    /// Makes facts opaque that rest on what has moved.
    fn mark(&self, one: &mut One) {
        let facts = &mut one.facts;
        if !self.moved || rests_on_no_name(facts) {
            return;
        }
        facts.certainty = durward_model::Certainty::Opaque;
        facts.opaque.push(durward_model::OpaqueReason {
            object: Arc::clone(&facts.command),
            reason: "an earlier statement of the same text changes what names mean".into(),
        });
        facts.opaque.sort();
        // What a name means now can't be seen, and the statement changes it or runs it.
        let runs = facts.class == StatementClass::Write
            || (facts.class == StatementClass::Read
                && (!one.unresolved.is_empty() || facts.functions.iter().any(|used| !used.function.oid.is_built_in())));
        if self.replaced && runs {
            let command = Arc::clone(&facts.command);
            facts.hazards.push(Hazard::new(HazardKind::DynamicSql, command));
            facts.hazards.sort();
        }
    }

    fn after(&mut self, facts: &StatementFacts, effects: &[SessionEffect]) {
        if effects.contains(&SessionEffect::ChangesCatalog) {
            let made = facts
                .relations
                .iter()
                .filter(|usage| usage.modes.contains(AccessModes::CREATE));
            self.created.extend(made.cloned());
        }
        // With the end of a transaction temporary relations may go.
        let ends = effects
            .iter()
            .any(|effect| matches!(effect, SessionEffect::Commit { .. } | SessionEffect::TwoPhase));
        let may_go = self.created.iter().any(|made| &*made.relation.name.schema == "pg_temp");
        if moves_names(facts, effects) || (ends && may_go) {
            self.moved = true;
            self.replaced |= replaces(facts, effects) || (ends && may_go);
            self.made_before_move = self.created.len();
        }
    }

    /// What a statement behind them must know.
    fn made(&self) -> MadeBefore<'_> {
        MadeBefore {
            all: &self.created,
            since_move: self.created.get(self.made_before_move..).unwrap_or_default(),
            moved: self.moved,
        }
    }
}

/// Whether a statement that moves names takes one from what had it, or makes code.
fn replaces(facts: &StatementFacts, effects: &[SessionEffect]) -> bool {
    let command = &*facts.command;
    let is_temporary = |usage: &RelationUse| usage.relation.name.schema.starts_with("pg_temp");
    let renames = command.starts_with("ALTER") && facts.relations.iter().any(is_temporary);
    let takes = renames || command.starts_with("DROP") || command.starts_with("DISCARD");
    let makes_code = matches!(
        command,
        "CREATE FUNCTION" | "CREATE PROCEDURE" | "CREATE OPERATOR" | "CREATE CAST" | "CREATE AGGREGATE"
    );
    let goes_back = effects.iter().any(|effect| {
        matches!(
            effect,
            SessionEffect::Rollback { .. } | SessionEffect::RollbackTo { .. }
        )
    });
    takes || makes_code || goes_back
}

/// Whether a statement is what its facts say, whatever names mean by now: it names nothing, or only what is known to be
/// the session's own.
fn rests_on_no_name(facts: &StatementFacts) -> bool {
    let reads_nothing = |usage: &RelationUse| !usage.modes.contains(AccessModes::READ) && usage.columns.is_empty();
    facts.class <= durward_model::StatementClass::Session
        && facts.functions.is_empty()
        && facts.relations.iter().all(reads_nothing)
}

/// Whether a statement changes what names mean, or the rights under which they are looked up, so that what comes later
/// in its text can't be judged by what held before the text. What EXECUTE runs is for the session to say.
pub(crate) fn moves_names(facts: &StatementFacts, effects: &[SessionEffect]) -> bool {
    effects.iter().any(|effect| match effect {
        // What these make is empty, or changes nothing that statements rest on.
        SessionEffect::ChangesCatalog => ![
            "CREATE TABLE",
            "CREATE INDEX",
            "CREATE SEQUENCE",
            "CREATE SCHEMA",
            "COMMENT",
            "ANALYZE",
        ]
        .contains(&&*facts.command),
        SessionEffect::SetSetting { name, .. } => matches!(
            &**name,
            "search_path"
                | "role"
                | "session_authorization"
                | "session_replication_role"
                | "standard_conforming_strings"
                | "row_security"
                | "transform_null_equals"
                | "backslash_quote"
                | "client_encoding"
        ),
        SessionEffect::ResetAll
        | SessionEffect::DiscardAll
        | SessionEffect::MayChangeSettings
        | SessionEffect::Rollback { .. }
        | SessionEffect::RollbackTo { .. } => true,
        SessionEffect::Begin
        | SessionEffect::Commit { .. }
        | SessionEffect::Savepoint { .. }
        | SessionEffect::Release { .. }
        | SessionEffect::TwoPhase
        | SessionEffect::DiscardSome
        | SessionEffect::Prepare { .. }
        | SessionEffect::Execute { .. }
        | SessionEffect::Deallocate { .. }
        | SessionEffect::DeclareCursor { .. }
        | SessionEffect::Fetch { .. }
        | SessionEffect::CloseCursor { .. }
        | SessionEffect::CopyIn
        | SessionEffect::CopyOut
        | SessionEffect::Listen
        | SessionEffect::Notify => false,
    })
}

/// Cuts long lists of constants short where the text is large.
fn thinned(text: &str, tokens_max: usize) -> Result<Option<Thinned>, AnalysisError> {
    if text.len() <= PLAIN_TEXT_BYTES_MAX {
        return Ok(None);
    }
    match thin(text) {
        Ok(thinned) if thinned.tokens <= tokens_max => Ok(Some(thinned)),
        Ok(_) => Err(AnalysisError::TooLarge),
        // The scanner isn't sure of the text. A token has at least one byte, and most have many.
        Err(Doubt) if text.len() <= tokens_max => Ok(None),
        Err(Doubt) => match pg_query::scan(text) {
            Ok(scanned) if scanned.tokens.len() <= tokens_max => Ok(None),
            Ok(_) => Err(AnalysisError::TooLarge),
            // What doesn't scan doesn't parse either, and fails early.
            Err(_) => Ok(None),
        },
    }
}

/// Items of lists that were left out may each be a row.
fn add_rows(facts: &mut StatementFacts, left_out: u64) {
    facts.rows_written = match facts.rows_written {
        RowBound::AtMost(0) => RowBound::AtMost(0),
        RowBound::AtMost(rows) => RowBound::AtMost(rows.saturating_add(left_out)),
        RowBound::Unbounded => RowBound::Unbounded,
    };
}

/// A statement's bytes, blanks around it left out.
fn span(text: &str, location: i32, length: i32) -> Range<usize> {
    let start = usize::try_from(location).unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(0);
    // Zero stands for the rest of the text.
    let end = if length == 0 {
        text.len()
    } else {
        (start + length).min(text.len())
    };
    let slice = text.get(start..end).unwrap_or_default();
    let leading = slice.len() - slice.trim_start().len();
    let trimmed = slice.trim().len();
    start + leading..start + leading + trimmed
}

fn syntax_error(
    text: &str,
    mut failure: ParseFailure,
    thinned: Option<&Thinned>,
    server_version_num: u32,
) -> AnalysisError {
    let message = &*failure.message;
    let too_deep = ["stack depth limit", "memory exhausted", "nested too deeply"];
    if too_deep.iter().any(|words| message.contains(words)) {
        return AnalysisError::TooComplex;
    }
    if let (Some(position), Some(thinned)) = (failure.position, thinned) {
        failure.position = characters_to_place(text, position, thinned);
    }
    AnalysisError::Syntax(Box::new(ServerWords::of(failure, text, server_version_num)))
}

/// A position in the thinned text, in characters from 1, as a position in the whole text.
fn characters_to_place(text: &str, position: u32, thinned: &Thinned) -> Option<u32> {
    let characters = usize::try_from(position).ok()?.checked_sub(1)?;
    let byte = thinned
        .text
        .char_indices()
        .nth(characters)
        .map_or(thinned.text.len(), |(byte, _)| byte);
    let place = thinned.place(byte);
    let before = text.get(..place)?.chars().count();
    u32::try_from(before + 1).ok()
}
