//! What a statement that changes definitions does to each relation: the lock that it takes, and whether rows are rewritten
//! or lost. Locks are those of the manual, `locks` has the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use durward_model::{ColumnNumber, HazardKind, Oid};
use pg_query::NodeEnum;
use pg_query::protobuf::RangeVar;

use crate::analysis::analyze_text;
use crate::catalog::Relation;
use crate::parser::parse_reading;
use crate::{AnalysisContext, AnalysisError};

mod locks;

/// The lock modes of tables (manual section 13.3.1), weakest first; those of reads and writes of rows are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// `SHARE UPDATE EXCLUSIVE`.
    ShareUpdateExclusive,
    /// `SHARE`.
    Share,
    /// `SHARE ROW EXCLUSIVE`.
    ShareRowExclusive,
    /// `EXCLUSIVE`.
    Exclusive,
    /// `ACCESS EXCLUSIVE`.
    AccessExclusive,
}

impl LockMode {
    /// Its name in the manual.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Who waits for it, by the table of conflicts in manual section 13.3.1.
    pub const fn waits(self) -> &'static str {
        match self {
            Self::ShareUpdateExclusive => "only other DDL and vacuum wait",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writers wait",
            Self::AccessExclusive => "readers and writers wait",
        }
    }
}

/// What a statement does to one relation that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdlTouch {
    /// Which.
    pub oid: Oid,
    /// `schema.name`.
    pub name: String,
    /// It, and the partitions and inheriting tables that it has now.
    pub family: Vec<Oid>,
    /// The strongest lock that is taken on it.
    pub lock: LockMode,
    /// All rows are written anew.
    pub rewrites: bool,
    /// Stored values are lost.
    pub loses_data: bool,
    /// The columns that it is about; empty for all.
    pub columns: Vec<ColumnNumber>,
}

/// A lock on a relation by its name, as the text has it.
struct Named {
    schema: String,
    name: String,
    lock: LockMode,
    columns: Vec<String>,
}

impl Named {
    fn of(range: &RangeVar, lock: LockMode) -> Self {
        Self {
            schema: range.schemaname.clone(),
            name: range.relname.clone(),
            lock,
            columns: Vec::new(),
        }
    }
}

/// What a text does to the relations that are there, in the order of their names. To be called on a parser thread.
pub(crate) fn ddl_touches(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<Vec<DdlTouch>, AnalysisError> {
    let analysis = analyze_text(text, context, tokens_max)?.analysis;
    let Ok(parsed) = parse_reading(text, context.settings.reading(text)) else {
        return Ok(Vec::new());
    };
    let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref());
    // What a new name breaks is a hazard of that kind; what is stored stays.
    let only_names = nodes
        .clone()
        .all(|node| matches!(node, NodeEnum::RenameStmt(_) | NodeEnum::AlterObjectSchemaStmt(_)));
    let mut touches: BTreeMap<Oid, DdlTouch> = BTreeMap::new();
    for named in nodes.flat_map(|node: &NodeEnum| locks::locks(node)) {
        let Some(relation) = found(&named, context) else {
            continue;
        };
        if relation.temporary {
            continue;
        }
        let numbers = named
            .columns
            .iter()
            .filter_map(|name| Some(relation.column(name)?.number));
        let numbers: Vec<ColumnNumber> = numbers.collect();
        let touch = touches
            .entry(relation.oid)
            .or_insert_with(|| touch(&relation, named.lock, &numbers, context));
        touch.lock = touch.lock.max(named.lock);
        // Two parts of a statement may be about different columns; one that names none is about all.
        if numbers.is_empty() || touch.columns.is_empty() {
            touch.columns = Vec::new();
        } else {
            touch.columns.extend(
                numbers
                    .iter()
                    .filter(|number| !touch.columns.contains(number))
                    .copied()
                    .collect::<Vec<_>>(),
            );
        }
    }
    for hazard in analysis
        .statements
        .iter()
        .flat_map(|statement| &statement.facts.hazards)
    {
        for touch in touches.values_mut().filter(|touch| *touch.name == *hazard.object) {
            touch.rewrites |= hazard.kind == HazardKind::TableRewrite;
            touch.loses_data |= !only_names
                && matches!(
                    hazard.kind,
                    HazardKind::DataLoss | HazardKind::Drop | HazardKind::Truncate
                )
                && holds_rows(touch.oid, context);
        }
    }
    Ok(touches.into_values().collect())
}

fn found(named: &Named, context: &AnalysisContext) -> Option<Arc<Relation>> {
    let schema = (!named.schema.is_empty()).then_some(named.schema.as_str());
    let settings = &context.settings;
    context
        .catalog
        .find_relation(settings, &settings.search_path, schema, &named.name)
        .cloned()
}

fn touch(relation: &Relation, lock: LockMode, columns: &[ColumnNumber], context: &AnalysisContext) -> DdlTouch {
    let mut family = vec![relation.oid];
    let mut at = 0;
    while let Some(oid) = family.get(at).copied() {
        let children = context.catalog.children(oid).filter(|child| !family.contains(child));
        let children: Vec<Oid> = children.collect();
        family.extend(children);
        at += 1;
    }
    DdlTouch {
        oid: relation.oid,
        name: relation.reference().name.to_string(),
        family,
        lock,
        rewrites: false,
        loses_data: false,
        columns: columns.to_vec(),
    }
}

/// A dropped view or index can be made again from its definition.
fn holds_rows(oid: Oid, context: &AnalysisContext) -> bool {
    use durward_model::RelationKind as Kind;
    context
        .catalog
        .relation(oid)
        .is_some_and(|relation| match relation.kind {
            Kind::Table | Kind::PartitionedTable | Kind::Sequence => true,
            Kind::View
            | Kind::MaterializedView
            | Kind::ForeignTable
            | Kind::Index
            | Kind::CompositeType
            | Kind::Toast => false,
        })
}

#[cfg(test)]
mod tests;
