//! The rows of other tables that foreign keys change along with a statement's own: which tables, by which keys, and the
//! texts that read them.
//!
//! The server changes them as each table's owner, at the end of the statement (manual section 5.5.5; cascades are never
//! deferred). All of it is followed or nothing: where a trigger or rule could change something besides, nothing is.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use durward_model::{Oid, RelationKind, RelationRef};

use super::columns::CapturedColumn;
use super::{ChangeKind, key_of};
use crate::AnalysisContext;
use crate::catalog::{CatalogSnapshot, ForeignKey, Relation};
use crate::functions::quoted;

/// The tables that are followed for one statement.
///
/// Unit: tables. Reason: each takes a read of its own before and after.
const TABLES_MAX: usize = 16;

/// What happens to a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CascadeEvent {
    /// They are deleted.
    Delete,
    /// These columns may change, by their places.
    Update(BTreeSet<usize>),
}

/// What foreign keys change along with a statement's own rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascades {
    /// The tables; the first is the statement's own.
    pub tables: Vec<CascadeTable>,
    /// What happens to the statement's own rows.
    pub event: CascadeEvent,
    /// All foreign keys between these tables.
    pub keys: Vec<CascadeKey>,
}

/// A table whose rows may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CascadeTable {
    /// Which.
    pub relation: RelationRef,
    /// All of its columns.
    pub columns: Arc<[CapturedColumn]>,
    /// The places of columns that tell its rows apart; empty where there are none.
    pub key: Box<[usize]>,
    /// Tables that inherit from it aren't meant.
    only: bool,
}

/// A foreign key between two of the tables, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CascadeKey {
    /// The table that is referred to.
    pub parent: usize,
    /// The referring table.
    pub child: usize,
    /// The places of the columns referred to.
    pub parent_places: Box<[usize]>,
    /// The places of the referring columns.
    pub child_places: Box<[usize]>,
    on_delete: char,
    on_update: char,
}

impl CascadeKey {
    /// What becomes of referring rows when this happens to the rows that they refer to; `None` for nothing.
    pub fn follows(&self, event: &CascadeEvent) -> Option<CascadeEvent> {
        let written = || CascadeEvent::Update(self.child_places.iter().copied().collect());
        match event {
            CascadeEvent::Delete => match self.on_delete {
                'c' => Some(CascadeEvent::Delete),
                'n' | 'd' => Some(written()),
                _ => None,
            },
            CascadeEvent::Update(columns) => {
                let concerns = self.parent_places.iter().any(|place| columns.contains(place));
                (concerns && matches!(self.on_update, 'c' | 'n' | 'd')).then(written)
            }
        }
    }

    /// Whether referring columns take over what the columns referred to are given.
    pub fn carries(&self) -> bool {
        self.on_update == 'c'
    }
}

impl Cascades {
    /// What a statement's change of `target` brings about; `None` where that is nothing, or can't be followed.
    pub(super) fn of(
        target: &Arc<Relation>,
        (kind, written): (ChangeKind, &[usize]),
        context: &AnalysisContext,
    ) -> Option<Self> {
        let event = match kind {
            ChangeKind::Delete => CascadeEvent::Delete,
            ChangeKind::Update => CascadeEvent::Update(written.iter().copied().collect()),
            ChangeKind::Insert | ChangeKind::Mixed => return None,
        };
        // Foreign keys do nothing then, and what triggers do isn't known.
        if &*context.settings.session_replication_role == "replica" {
            return None;
        }
        let catalog = &context.catalog;
        let mut relations = vec![Arc::clone(target)];
        let mut keys: Vec<CascadeKey> = Vec::new();
        let mut updated: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
        let mut open = vec![(0_usize, event.clone())];
        let mut seen: BTreeSet<(usize, CascadeEvent)> = open.iter().cloned().collect();
        while let Some((parent, event)) = open.pop() {
            let relation = Arc::clone(relations.get(parent)?);
            if fires_besides(&relation, &event, catalog) {
                return None;
            }
            for key in keys_to(relation.oid, catalog) {
                let child = catalog.relation(key.from)?;
                let number = relations.iter().position(|known| known.oid == child.oid);
                let number = number.unwrap_or(relations.len());
                let found = cascade_key(&key, (parent, &relation), (number, child))?;
                let Some(then) = found.follows(&event) else {
                    continue;
                };
                if number == relations.len() {
                    if number >= TABLES_MAX || !may_follow(child, catalog) {
                        return None;
                    }
                    relations.push(Arc::clone(child));
                    updated.push(BTreeSet::new());
                }
                if let CascadeEvent::Update(columns) = &then {
                    updated.get_mut(number)?.extend(columns);
                }
                keys.push(found);
                if seen.insert((number, then.clone())) {
                    open.push((number, then));
                }
            }
        }
        if keys.is_empty() {
            return None;
        }
        // Rows that nothing tells apart must come by one key alone.
        let ways = |number: usize| keys.iter().filter(|key| key.child == number).count();
        let ways: Vec<usize> = (0..relations.len()).map(ways).collect();
        // Rows come back in the order of all keys, those that do nothing by themselves too.
        keys.clear();
        for (parent, relation) in relations.iter().enumerate() {
            for key in keys_to(relation.oid, catalog) {
                let Some(child) = relations.iter().position(|known| known.oid == key.from) else {
                    continue;
                };
                keys.push(cascade_key(&key, (parent, relation), (child, relations.get(child)?))?);
            }
        }
        let tables: Option<Vec<CascadeTable>> = relations
            .iter()
            .zip(&updated)
            .map(|(relation, updated)| table(relation, updated, context))
            .collect();
        let tables = tables?;
        let told_apart = |(number, table): (usize, &CascadeTable)| {
            let by_one_key = ways.get(number).is_some_and(|ways| *ways <= 1);
            let is_updated = updated.get(number).is_none_or(|updated| !updated.is_empty());
            !table.key.is_empty() || (number != 0 && by_one_key && !is_updated)
        };
        if !tables.iter().enumerate().all(told_apart) {
            return None;
        }
        Some(Self { tables, event, keys })
    }

    /// The relations whose rows it changes besides the statement's own, partitions included.
    pub(super) fn covers(&self, catalog: &CatalogSnapshot) -> HashSet<Oid> {
        let mut covered: HashSet<Oid> = self.tables.iter().map(|table| table.relation.oid).collect();
        let mut open: Vec<Oid> = covered.iter().copied().collect();
        while let Some(oid) = open.pop() {
            open.extend(catalog.children(oid).filter(|child| covered.insert(*child)));
        }
        covered
    }

    /// Reads the rows that refer to certain values by a key, up to so many and one more; each parameter is an array of the
    /// values of one column, as text. With `lock` they stay as they are.
    pub fn referring_text(&self, key: &CascadeKey, rows_max: u64, lock: Option<&CascadeEvent>) -> Option<String> {
        let (parent, child) = (self.tables.get(key.parent)?, self.tables.get(key.child)?);
        let pairs: Option<Vec<(&CapturedColumn, &CapturedColumn)>> = key
            .child_places
            .iter()
            .zip(&key.parent_places)
            .map(|(own, other)| Some((child.columns.get(*own)?, parent.columns.get(*other)?)))
            .collect();
        let lock = match lock {
            None => "",
            Some(CascadeEvent::Delete) => " FOR UPDATE OF t",
            Some(CascadeEvent::Update(_)) => " FOR NO KEY UPDATE OF t",
        };
        let bound = rows_max.saturating_add(1);
        Some(format!("{} LIMIT {bound}{lock}", child.rows_where(&pairs?)))
    }

    /// Reads the rows of a table with certain keys; parameters as for [`Self::referring_text`].
    pub fn keyed_text(&self, table: usize) -> Option<String> {
        let table = self.tables.get(table)?;
        let columns: Option<Vec<_>> = table.key.iter().map(|place| table.columns.get(*place)).collect();
        let pairs: Vec<_> = columns?.into_iter().map(|column| (column, column)).collect();
        Some(table.rows_where(&pairs))
    }
}

impl CascadeTable {
    fn rows_where(&self, pairs: &[(&CapturedColumn, &CapturedColumn)]) -> String {
        let list: Vec<String> = self.columns.iter().map(|column| column.as_text("t")).collect();
        let arrays: Vec<String> = (1..=pairs.len())
            .map(|number| format!("${number}::pg_catalog.text[]"))
            .collect();
        let names: Vec<String> = (0..pairs.len()).map(|number| format!("k{number}")).collect();
        let values = pairs.iter().enumerate().map(|(number, (_, given))| {
            if given.is_built_in {
                format!("CAST(u.k{number} AS {}) AS k{number}", given.type_name)
            } else {
                format!("u.k{number}")
            }
        });
        let same = pairs.iter().enumerate().map(|(number, (own, given))| {
            if own.is_built_in && given.is_built_in {
                format!("t.{} OPERATOR(pg_catalog.=) v.k{number}", quoted(&own.name))
            } else if given.is_built_in {
                format!(
                    "{} OPERATOR(pg_catalog.=) v.k{number}::pg_catalog.text",
                    own.as_text("t")
                )
            } else {
                format!("{} OPERATOR(pg_catalog.=) v.k{number}", own.as_text("t"))
            }
        });
        format!(
            "SELECT {} FROM {}{}.{} AS t, (SELECT DISTINCT {} FROM ROWS FROM ({}) AS u ({})) AS v WHERE {}",
            list.join(", "),
            if self.only { "ONLY " } else { "" },
            quoted(&self.relation.name.schema),
            quoted(&self.relation.name.name),
            values.collect::<Vec<_>>().join(", "),
            arrays
                .iter()
                .map(|array| format!("pg_catalog.unnest({array})"))
                .collect::<Vec<_>>()
                .join(", "),
            names.join(", "),
            same.collect::<Vec<_>>().join(" AND ")
        )
    }
}

/// The foreign keys to a relation, but for those that a partition has from its parent.
fn keys_to(relation: Oid, catalog: &CatalogSnapshot) -> Vec<Arc<ForeignKey>> {
    let keys: Vec<Arc<ForeignKey>> = catalog.foreign_keys_to(relation).cloned().collect();
    let from: HashSet<Oid> = keys.iter().map(|key| key.from).collect();
    let mut own = keys.clone();
    own.retain(|key| {
        let mut open: Vec<Oid> = catalog.parents(key.from).collect();
        let mut is_own = true;
        while let Some(parent) = open.pop() {
            is_own &= !from.contains(&parent);
            open.extend(catalog.parents(parent));
        }
        is_own
    });
    own
}

fn cascade_key(key: &ForeignKey, parent: (usize, &Relation), child: (usize, &Relation)) -> Option<CascadeKey> {
    let places = |relation: &Relation, numbers: &[durward_model::ColumnNumber]| -> Option<Box<[usize]>> {
        numbers
            .iter()
            .map(|number| relation.columns.iter().position(|column| column.number == *number))
            .collect()
    };
    Some(CascadeKey {
        parent: parent.0,
        child: child.0,
        parent_places: places(parent.1, &key.to_columns)?,
        child_places: places(child.1, &key.from_columns)?,
        on_delete: key.on_delete,
        on_update: key.on_update,
    })
}

fn may_follow(relation: &Relation, catalog: &CatalogSnapshot) -> bool {
    matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable)
        && !relation.temporary
        && catalog.rules(relation.oid).next().is_none()
}

/// Whether triggers of somebody's run when this happens to a table's rows: what they change can't be told from what keys do.
fn fires_besides(relation: &Relation, event: &CascadeEvent, catalog: &CatalogSnapshot) -> bool {
    // Bits of `pg_trigger.tgtype`.
    let bit = match event {
        CascadeEvent::Delete => 8,
        CascadeEvent::Update(_) => 16,
    };
    let mut family = vec![relation.oid];
    let mut at = 0;
    while let Some(oid) = family.get(at).copied() {
        family.extend(catalog.children(oid).collect::<Vec<Oid>>());
        at += 1;
    }
    let mut triggers = family.iter().flat_map(|oid| catalog.triggers(*oid));
    triggers.any(|trigger| trigger.enabled != 'D' && trigger.bits & bit != 0)
}

fn table(relation: &Arc<Relation>, updated: &BTreeSet<usize>, context: &AnalysisContext) -> Option<CascadeTable> {
    let place =
        |number: &durward_model::ColumnNumber| relation.columns.iter().position(|column| column.number == *number);
    let updated: Vec<usize> = updated.iter().copied().collect();
    let mut key = key_of(relation, context, &updated, place);
    if key.is_empty() {
        key = key_of(relation, context, &[], place);
    }
    Some(CascadeTable {
        relation: relation.reference(),
        columns: relation
            .columns
            .iter()
            .map(|column| CapturedColumn::of(column, context))
            .collect(),
        key,
        only: relation.kind == RelationKind::Table,
    })
}
