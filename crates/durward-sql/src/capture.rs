//! How the effect of one INSERT, UPDATE, DELETE or MERGE is read: rows before it by a read of its own condition, rows
//! after it by what its RETURNING is extended with.
//!
//! Which rows a statement touches never changes by it. What is made from a text is parsed and analysed like any other
//! before it is used, and holds for all texts of its shape: only its words are cut anew.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, ColumnNumber, FunctionEffect, Oid, RelationKind, RelationRef, StatementFacts,
};
use pg_query::NodeEnum;
use pg_query::protobuf::{OnConflictAction, RangeVar, ReturningClause};

use crate::analysis::analyze_text;
use crate::catalog::{Column, Relation};
use crate::count::candidates;
use crate::functions::quoted;
use crate::parser::{Reading, parse_reading};
use crate::{AnalysisContext, AnalysisError};

mod cascade;
mod columns;
mod places;

pub use cascade::{CascadeEvent, CascadeKey, CascadeTable, Cascades};
pub use columns::{CapturedColumn, NewValue};
use places::Places;

/// The first server version whose RETURNING gives old rows too (manual section 6.4, of version 18).
const RETURNING_OLD: u32 = 180_000;

/// What a statement does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE, or INSERT … ON CONFLICT DO UPDATE: any of them.
    Mixed,
}

/// Which images of a row the extended RETURNING gives, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Images {
    /// As it is afterwards.
    New,
    /// As it was.
    Old,
    /// As it was and as it is afterwards; each begins with its `tableoid`, NULL where there is none.
    Both,
}

/// How the effect of all statements of one shape is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturePlan {
    /// Whose rows are changed.
    pub relation: RelationRef,
    /// What is done to them.
    pub kind: ChangeKind,
    /// All columns of the relation.
    pub columns: Arc<[CapturedColumn]>,
    /// The places in `columns` that make up a key which the statement doesn't change; empty where there is none.
    pub key: Box<[usize]>,
    /// The places in `columns` that an UPDATE writes.
    pub written: Box<[usize]>,
    /// The new values that can be computed beforehand, for an UPDATE.
    pub new_values: Box<[NewValue]>,
    /// What RETURNING gives.
    pub images: Images,
    /// How many columns the client's own RETURNING has.
    pub client_columns: usize,
    /// Whether its rows can be read before it runs, and locked.
    pub can_lock: bool,
    /// What else it may change, for people: rows of other tables, by triggers, foreign keys or functions.
    pub besides: Box<[Arc<str>]>,
    /// The rows that foreign keys change along with its own, where they can be followed.
    pub cascades: Option<Arc<Cascades>>,
    /// Those rows in words, to be said like `besides` where they aren't followed.
    pub carried: Box<[Arc<str>]>,
    places: Places,
}

/// Why a statement's effect can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CannotCapture {
    /// It isn't one INSERT, UPDATE, DELETE or MERGE.
    #[error("only a single INSERT, UPDATE or DELETE can be")]
    Kind,
    /// ON CONFLICT DO UPDATE or MERGE, on a server before 18.
    #[error("the server tells the old rows of ON CONFLICT DO UPDATE and MERGE only from version 18 on")]
    OldVersion,
    /// It is no plain table.
    #[error("it changes no plain table")]
    NoTable,
    /// Temporary tables end with their session.
    #[error("its table is temporary")]
    Temporary,
    /// Rules put something else in its place.
    #[error("its table has rules")]
    Rules,
    /// Other tables inherit from it.
    #[error("other tables inherit from its table")]
    Inherited,
    /// An UPDATE of rows that nothing tells apart.
    #[error("its table has no key that stays as it is")]
    NoKey,
    /// Its condition may say something else the next time.
    #[error("its condition isn't the same each time it is asked")]
    Volatile,
    /// A CTE of its changes rows too.
    #[error("it changes rows in a WITH query too")]
    WritingQuery,
    /// The text that comes out isn't what it should be.
    #[error("its parts can't be told apart")]
    Unreadable,
}

/// The texts by which one statement's effect is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureTexts {
    /// What is sent in its place: itself, with RETURNING extended.
    pub run: String,
    /// The read of its rows as they are before it.
    pub rows: Option<RowsText>,
}

/// A read of the rows that a statement would change: all columns, then the new values that can be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsText {
    /// The text, up to its LIMIT. Parameters keep their numbers.
    text: String,
    lock: String,
    /// The numbers of the parameters that it uses, from 1.
    pub parameters: BTreeSet<usize>,
}

impl RowsText {
    /// Reads up to so many rows and one more, and locks them as the statement would.
    pub fn locking(&self, rows_max: u64) -> String {
        format!("{}\nLIMIT {}{}", self.text, rows_max.saturating_add(1), self.lock)
    }

    /// Reads up to so many rows and one more, and locks nothing.
    pub fn reading(&self, rows_max: u64) -> String {
        format!("{}\nLIMIT {}", self.text, rows_max.saturating_add(1))
    }
}

impl CapturePlan {
    /// Cuts the texts for a statement of the shape that this plan was made from.
    ///
    /// # Errors
    /// It isn't of that shape.
    pub fn texts(&self, text: &str) -> Result<CaptureTexts, CannotCapture> {
        self.places.cut(self, text).ok_or(CannotCapture::Unreadable)
    }

    /// How many columns RETURNING is extended by.
    pub fn own_columns(&self) -> usize {
        match self.images {
            Images::New | Images::Old => self.columns.len(),
            Images::Both => 2 * (self.columns.len() + 1),
        }
    }

    fn of(own: &StatementFacts, node: &NodeEnum, text: &str, context: &AnalysisContext) -> Result<Self, CannotCapture> {
        let statement = Statement::of(node)?;
        let has_old = context.settings.server_version_num >= RETURNING_OLD;
        let relation = target(own, context)?;
        let kind = statement.kind;
        if kind == ChangeKind::Mixed && !has_old {
            return Err(CannotCapture::OldVersion);
        }
        let columns: Arc<[CapturedColumn]> = relation
            .columns
            .iter()
            .map(|column| CapturedColumn::of(column, context))
            .collect();
        let place = |number: &ColumnNumber| relation.columns.iter().position(|column| column.number == *number);
        let written: Vec<usize> = statement
            .assigned
            .iter()
            .filter_map(|name| relation.columns.iter().position(|column| &*column.name == *name))
            .collect();
        let changes: &[usize] = if kind == ChangeKind::Mixed { &[] } else { &written };
        let key = key_of(&relation, context, changes, place);
        let images = match (kind, has_old) {
            (ChangeKind::Insert, _) => Images::New,
            (ChangeKind::Delete, _) => Images::Old,
            (ChangeKind::Update, false) => Images::New,
            (ChangeKind::Update | ChangeKind::Mixed, true) => Images::Both,
            (ChangeKind::Mixed, false) => return Err(CannotCapture::OldVersion),
        };
        if kind == ChangeKind::Update && images == Images::New && key.is_empty() {
            return Err(CannotCapture::NoKey);
        }
        let places = Places::of(text, &statement).ok_or(CannotCapture::Unreadable)?;
        let cascades = Cascades::of(&relation, (kind, &written), context);
        let followed = cascades.as_ref().map(|cascades| cascades.covers(&context.catalog));
        let (carried, besides) = besides(own, &relation, followed.as_ref(), context);
        Ok(Self {
            relation: relation.reference(),
            kind,
            columns,
            key,
            written: written.into(),
            new_values: Box::default(),
            images,
            client_columns: own.output.len(),
            can_lock: matches!(kind, ChangeKind::Update | ChangeKind::Delete),
            besides,
            cascades: cascades.map(Arc::new),
            carried,
            places,
        })
    }
}

/// Makes the plan for a text of one statement. To be called on a parser thread.
pub(crate) fn capture_plan(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<Result<CapturePlan, CannotCapture>, AnalysisError> {
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err(CannotCapture::Unreadable));
    }
    let first = analyze_text(text, context, tokens_max)?.analysis;
    let [own] = first.statements.as_slice() else {
        return Ok(Err(CannotCapture::Kind));
    };
    let Ok(parsed) = parse_reading(text, Reading::Conforming) else {
        return Ok(Err(CannotCapture::Unreadable));
    };
    let [raw] = parsed.stmts.as_slice() else {
        return Ok(Err(CannotCapture::Kind));
    };
    let Some(node) = raw.stmt.as_ref().and_then(|node| node.node.as_ref()) else {
        return Ok(Err(CannotCapture::Kind));
    };
    let mut plan = match CapturePlan::of(&own.facts, node, text, context) {
        Ok(plan) => plan,
        Err(reason) => return Ok(Err(reason)),
    };
    let analyze = |text: &str| match analyze_text(text, context, tokens_max) {
        Ok(fresh) => Ok(Some(fresh.analysis)),
        Err(AnalysisError::Syntax(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let texts = match plan.texts(text) {
        Ok(texts) => texts,
        Err(reason) => return Ok(Err(reason)),
    };
    let run = analyze(&texts.run)?;
    let [run] = run.as_ref().map_or(&[][..], |run| &run.statements) else {
        return Ok(Err(CannotCapture::Unreadable));
    };
    if !is_same_change(&own.facts, &run.facts, plan.own_columns()) || run.effects != own.effects {
        return Ok(Err(CannotCapture::Unreadable));
    }
    if let Some(rows) = &texts.rows {
        let read = analyze(&rows.reading(1))?;
        let read = read.as_ref().map(|read| read.statements.as_slice());
        match read {
            Some([read]) => match check_rows(&own.facts, &read.facts, context) {
                Ok(()) if read.effects.is_empty() && read.unresolved.is_empty() => {}
                Ok(()) => return Ok(Err(CannotCapture::Unreadable)),
                Err(_) if plan.images != Images::New || plan.kind != ChangeKind::Update => plan.can_lock = false,
                Err(reason) => return Ok(Err(reason)),
            },
            _ => return Ok(Err(CannotCapture::Unreadable)),
        }
    }
    if !plan.can_lock && plan.cascades.take().is_some() {
        // What can't be read before can't be followed.
        plan.besides = plan.besides.iter().chain(&plan.carried).cloned().collect();
    }
    if plan.can_lock && plan.kind == ChangeKind::Update {
        let mut values = Vec::new();
        for (column, value) in plan.places.assigned_values(text, &plan.columns, &plan.written) {
            let probe = plan.places.value_probe(text, &value);
            let read = probe.as_deref().map(analyze).transpose()?.flatten();
            let read = read.as_ref().map(|read| read.statements.as_slice());
            let steadiness = match read {
                Some([read]) if read.unresolved.is_empty() && read.effects.is_empty() => {
                    columns::steadiness(&own.facts, &read.facts, context)
                }
                _ => None,
            };
            if let Some(is_steady) = steadiness {
                values.push(NewValue { column, is_steady });
            }
        }
        plan.new_values = values.into();
    }
    Ok(Ok(plan))
}

/// What is read of a statement's tree.
pub(crate) struct Statement<'a> {
    kind: ChangeKind,
    relation: &'a RangeVar,
    returning: Option<&'a ReturningClause>,
    has_with: bool,
    has_from: bool,
    has_condition: bool,
    /// The columns that SET names, in order; of INSERT … ON CONFLICT and MERGE, none.
    assigned: Vec<&'a str>,
}

impl<'a> Statement<'a> {
    fn of(node: &'a NodeEnum) -> Result<Self, CannotCapture> {
        let (kind, relation, returning, with) = match node {
            NodeEnum::InsertStmt(insert) => {
                let conflict = insert.on_conflict_clause.as_ref().map(|clause| clause.action());
                let kind = match conflict {
                    Some(OnConflictAction::OnconflictUpdate) => ChangeKind::Mixed,
                    _ => ChangeKind::Insert,
                };
                (kind, &insert.relation, &insert.returning_clause, &insert.with_clause)
            }
            NodeEnum::UpdateStmt(update) => (
                ChangeKind::Update,
                &update.relation,
                &update.returning_clause,
                &update.with_clause,
            ),
            NodeEnum::DeleteStmt(delete) => (
                ChangeKind::Delete,
                &delete.relation,
                &delete.returning_clause,
                &delete.with_clause,
            ),
            NodeEnum::MergeStmt(merge) => (
                ChangeKind::Mixed,
                &merge.relation,
                &merge.returning_clause,
                &merge.with_clause,
            ),
            _ => return Err(CannotCapture::Kind),
        };
        let (sources, condition, targets) = match node {
            NodeEnum::UpdateStmt(update) => (&update.from_clause[..], &update.where_clause, &update.target_list[..]),
            NodeEnum::DeleteStmt(delete) => (&delete.using_clause[..], &delete.where_clause, &[][..]),
            _ => (&[][..], &None, &[][..]),
        };
        let condition = condition.as_ref().and_then(|condition| condition.node.as_ref());
        let writes_in_with = with.as_ref().is_some_and(|with| {
            with.ctes.iter().any(|cte| match &cte.node {
                Some(NodeEnum::CommonTableExpr(cte)) => {
                    let query = cte.ctequery.as_ref().and_then(|query| query.node.as_ref());
                    !matches!(query, Some(NodeEnum::SelectStmt(_)))
                }
                _ => true,
            })
        });
        if writes_in_with {
            return Err(CannotCapture::WritingQuery);
        }
        if matches!(condition, Some(NodeEnum::CurrentOfExpr(_))) {
            return Err(CannotCapture::Kind);
        }
        // A name for old or new rows of its own choice hides ours.
        if returning
            .as_ref()
            .is_some_and(|returning| !returning.options.is_empty())
        {
            return Err(CannotCapture::Unreadable);
        }
        let assigned = targets.iter().filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) => Some(target.name.as_str()),
            _ => None,
        });
        Ok(Self {
            kind,
            relation: relation.as_ref().ok_or(CannotCapture::Unreadable)?,
            returning: returning.as_ref(),
            has_with: with.is_some(),
            has_from: !sources.is_empty(),
            has_condition: condition.is_some(),
            assigned: assigned.collect(),
        })
    }

    /// The name by which the statement itself calls its target, quoted.
    fn alias(&self) -> String {
        let alias = self.relation.alias.as_ref().map(|alias| alias.aliasname.as_str());
        quoted(alias.unwrap_or(&self.relation.relname))
    }
}

/// The one plain table whose rows a statement changes itself.
fn target(own: &StatementFacts, context: &AnalysisContext) -> Result<Arc<Relation>, CannotCapture> {
    let rows = AccessModes::INSERT | AccessModes::UPDATE | AccessModes::DELETE;
    let mut targets = own
        .relations
        .iter()
        .filter(|usage| usage.direct && usage.modes.intersects(rows));
    let (Some(usage), None) = (targets.next(), targets.next()) else {
        return Err(CannotCapture::NoTable);
    };
    let catalog = &context.catalog;
    let relation = catalog.relation(usage.relation.oid).ok_or(CannotCapture::NoTable)?;
    if !matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable) {
        return Err(CannotCapture::NoTable);
    }
    if relation.temporary {
        return Err(CannotCapture::Temporary);
    }
    if catalog.rules(relation.oid).next().is_some() {
        return Err(CannotCapture::Rules);
    }
    if relation.kind == RelationKind::Table && catalog.children(relation.oid).next().is_some() {
        return Err(CannotCapture::Inherited);
    }
    Ok(Arc::clone(relation))
}

/// The columns of the primary key, else of a unique index over columns that are never NULL, which stay as they are.
fn key_of(
    relation: &Relation,
    context: &AnalysisContext,
    written: &[usize],
    place: impl Fn(&ColumnNumber) -> Option<usize>,
) -> Box<[usize]> {
    let mut indexes: Vec<_> = context.catalog.indexes(relation.oid).collect();
    indexes.sort_by_key(|index| !index.primary);
    let mut keys = indexes.into_iter().filter_map(|index| {
        let tells_apart = index.proves_uniqueness && index.predicate.is_none() && index.expressions.is_none();
        let places: Option<Vec<usize>> = index.columns.iter().map(&place).collect();
        let places = places.filter(|places| tells_apart && !places.is_empty())?;
        let stays = places.iter().all(|place| !written.contains(place));
        let never_null = places.iter().all(|place| {
            relation
                .columns
                .get(*place)
                .is_some_and(|column: &Column| column.not_null)
        });
        (stays && never_null).then(|| places.into_boxed_slice())
    });
    keys.next().unwrap_or_default()
}

/// Things in words.
type Words = Box<[Arc<str>]>;

/// What a statement may change beyond the rows that it names: rows of the tables that are followed, and the rest.
fn besides(
    own: &StatementFacts,
    relation: &Relation,
    followed: Option<&HashSet<Oid>>,
    context: &AnalysisContext,
) -> (Words, Words) {
    let mut family = BTreeSet::from([relation.oid]);
    let mut open = vec![relation.oid];
    while let Some(oid) = open.pop() {
        let children = context.catalog.children(oid).filter(|child| family.insert(*child));
        open.extend(children.collect::<Vec<Oid>>());
    }
    let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut carried: BTreeSet<Arc<str>> = BTreeSet::new();
    for usage in &own.relations {
        let others = !family.contains(&usage.relation.oid) && usage.relation.kind != RelationKind::Sequence;
        if others && usage.modes.changes() {
            let is_followed = followed.is_some_and(|followed| followed.contains(&usage.relation.oid));
            let list = if is_followed { &mut carried } else { &mut found };
            list.insert(format!("rows of {}", usage.relation.name).into());
        }
    }
    for used in &own.functions {
        // Sequences are never put back, as no rollback does.
        let counts = used.function.oid.is_built_in() && &*used.function.name.name == "nextval";
        if used.effect == FunctionEffect::Writes && !counts {
            found.insert(format!("what {} does", used.function.name).into());
        }
    }
    if own.certainty == Certainty::Opaque {
        let reasons = own
            .opaque
            .iter()
            .map(|opaque| format!("whatever {} does", opaque.object).into());
        found.extend(reasons);
    }
    (carried.into_iter().collect(), found.into_iter().collect())
}

/// Whether the extended text changes just what the statement itself does.
fn is_same_change(own: &StatementFacts, run: &StatementFacts, added: usize) -> bool {
    let changes = |facts: &StatementFacts| -> BTreeSet<(Oid, AccessModes, bool)> {
        let relations = facts.relations.iter().filter(|usage| usage.modes.changes());
        relations
            .map(|usage| (usage.relation.oid, usage.modes, usage.direct))
            .map(|(oid, modes, direct)| (oid, AccessModes::READ.union(modes), direct))
            .collect()
    };
    own.class == run.class
        && own.command == run.command
        && own.rows_written == run.rows_written
        && own.hazards == run.hazards
        && own.certainty == run.certainty
        && changes(own) == changes(run)
        && run.output.len() == own.output.len() + added
}

/// The read of a statement's rows must be no more than a read, of what the statement reads itself.
fn check_rows(own: &StatementFacts, read: &StatementFacts, context: &AnalysisContext) -> Result<(), CannotCapture> {
    let only_reads = read.relations.iter().all(|usage| !usage.modes.changes());
    if !only_reads || !read.hazards.is_empty() || read.certainty == Certainty::Opaque {
        return Err(CannotCapture::Unreadable);
    }
    let known: BTreeSet<Oid> = own.relations.iter().map(|usage| usage.relation.oid).collect();
    if !read.relations.iter().all(|usage| known.contains(&usage.relation.oid)) {
        return Err(CannotCapture::Unreadable);
    }
    for used in &read.functions {
        let harmless = matches!(used.effect, FunctionEffect::Harmless | FunctionEffect::Analyzed);
        let mut candidates = candidates(&used.function, &context.catalog);
        let is_known = candidates.clone().next().is_some();
        if !harmless || !is_known || candidates.any(|function| function.volatility == 'v') {
            return Err(CannotCapture::Volatile);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
