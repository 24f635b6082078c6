//! The book's pages: what was found and what was said, brought together and kept in step with the catalog.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use durward_mask::verdict::Verdict;
use durward_model::{ColumnCopy, ColumnNumber, Label, Oid, RelationKind};
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::Relation;

use super::LabelsError;
use super::judge;
use super::path::ColumnPath;
use super::snapshot::{ColumnLabel, LabelSnapshot, Overridden, RelationLabels};
use super::store::{DatabaseIdentity, Override};

/// How many columns that aren't there yet may wait for a label.
///
/// Unit: columns. Reason: tables whose making fails leave theirs behind, and a file is written for each.
const WAITING_MAX: usize = 10_000;

/// What is known of all columns of a database.
#[derive(Debug, Default)]
pub(super) struct Pages {
    relations: HashMap<Oid, Arc<RelationLabels>>,
    /// Those that hold, by what they are about.
    overrides: HashMap<(Oid, ColumnNumber), (Override, Arc<Overridden>)>,
    /// Those whose column is gone, or is of another server.
    strays: Vec<Override>,
}

impl Pages {
    /// The pages of earlier runs, of the database with this identity. What was found in another database isn't believed.
    pub(super) fn new(identity: DatabaseIdentity, found: Vec<(Oid, RelationLabels)>, told: Vec<Override>) -> Self {
        let (ours, strays) = told.into_iter().partition(|told| told.identity == identity);
        let mut pages = Self {
            strays,
            ..Self::default()
        };
        for told in ours {
            pages.hold(told);
        }
        for (oid, labels) in found {
            pages.put(oid, labels);
        }
        pages
    }

    /// A snapshot of them.
    pub(super) fn snapshot(&self, generation: u64) -> LabelSnapshot {
        LabelSnapshot::new(generation, self.relations.clone())
    }

    pub(super) fn relation(&self, oid: Oid) -> Option<&Arc<RelationLabels>> {
        self.relations.get(&oid)
    }

    pub(super) fn relations(&self) -> impl Iterator<Item = (Oid, &Arc<RelationLabels>)> {
        self.relations.iter().map(|(oid, labels)| (*oid, labels))
    }

    /// What was found, to be kept.
    pub(super) fn found(&self) -> Vec<(Oid, RelationLabels)> {
        let mut found: Vec<_> = self
            .relations
            .iter()
            .map(|(oid, labels)| (*oid, RelationLabels::clone(labels)))
            .collect();
        found.sort_unstable_by_key(|(oid, _)| *oid);
        found
    }

    /// What was said, to be kept.
    pub(super) fn told(&self) -> Vec<Override> {
        let mut told: Vec<Override> = self.overrides.values().map(|(told, _)| told.clone()).collect();
        told.extend(self.strays.iter().cloned());
        told.sort_unstable_by_key(|told| (told.relation, told.number));
        told
    }

    /// The relations of a catalog that have to be judged by their names: new ones, and those with other columns.
    pub(super) fn outdated(&self, catalog: &CatalogSnapshot) -> Vec<Arc<Relation>> {
        let is_outdated = |relation: &&Arc<Relation>| {
            !self.relations.get(&relation.oid).is_some_and(|known| {
                known.partition_of.is_some() == relation.is_partition
                    && known.columns.len() == relation.columns.len()
                    && known
                        .columns
                        .iter()
                        .zip(&relation.columns)
                        .all(|(known, column)| known.number == column.number && known.is_same_as(column))
            })
        };
        catalog
            .relations()
            .filter(|relation| is_surveyed(relation))
            .filter(is_outdated)
            .cloned()
            .collect()
    }

    /// Goes with a new catalog: forgets relations that are gone and notes new names. Labels of columns that are gone
    /// go over to columns that now have their name; that something is harmless doesn't. Returns whether anything that is
    /// kept of what was said has changed.
    pub(super) fn follow(&mut self, catalog: &CatalogSnapshot, identity: DatabaseIdentity) -> bool {
        self.relations
            .retain(|oid, _| catalog.relation(*oid).is_some_and(|relation| is_surveyed(relation)));
        for (oid, labels) in &mut self.relations {
            if let Some(relation) = catalog.relation(*oid)
                && (labels.schema != relation.schema || labels.name != relation.name)
            {
                let labels = Arc::make_mut(labels);
                labels.schema = Arc::clone(&relation.schema);
                labels.name = Arc::clone(&relation.name);
            }
        }
        let is_gone = |(oid, number): &(Oid, ColumnNumber)| {
            catalog
                .relation(*oid)
                .is_none_or(|relation| relation.column_numbered(*number).is_none())
        };
        let gone: Vec<_> = self.overrides.keys().filter(|key| is_gone(key)).copied().collect();
        let mut changed = !gone.is_empty();
        for key in gone {
            if let Some((told, _)) = self.overrides.remove(&key) {
                self.strays.push(told);
            }
        }
        for stray in std::mem::take(&mut self.strays) {
            match home_of(&stray, catalog) {
                Some((relation, number)) if !self.overrides.contains_key(&(relation, number)) => {
                    changed = true;
                    self.hold(Override {
                        identity,
                        relation,
                        number,
                        ..stray
                    });
                    self.apply(relation);
                }
                // Somebody has said otherwise of the column that has its name now.
                Some(_) => changed = true,
                None => self.strays.push(stray),
            }
        }
        changed
    }

    fn hold(&mut self, told: Override) {
        let overridden = Arc::new(Overridden {
            label: told.label.clone(),
            by: told.by.clone(),
            verdict: judge::as_told(told.label.as_ref(), &told.by),
        });
        self.overrides.insert((told.relation, told.number), (told, overridden));
    }

    /// Puts a relation's page in.
    pub(super) fn put(&mut self, oid: Oid, labels: RelationLabels) {
        self.relations.insert(oid, Arc::new(labels));
        self.apply(oid);
    }

    /// Brings what was said to a relation's page.
    fn apply(&mut self, oid: Oid) {
        let Some(labels) = self.relations.get_mut(&oid) else {
            return;
        };
        let told = |column: &ColumnLabel| {
            let (_, overridden) = self.overrides.get(&(oid, column.number))?;
            Some(Arc::clone(overridden))
        };
        let differs = |column: &ColumnLabel| match (&column.overridden, told(column)) {
            (None, None) => false,
            (Some(old), Some(new)) => !Arc::ptr_eq(old, &new),
            (Some(_), None) | (None, Some(_)) => true,
        };
        // A partition's columns are told by its parent's.
        if labels.partition_of.is_none() && labels.columns.iter().any(differs) {
            for column in &mut Arc::make_mut(labels).columns {
                column.overridden = told(column);
            }
        }
    }

    /// Gives the partitions of a partitioned table what it has.
    pub(super) fn spread(&mut self, catalog: &CatalogSnapshot, root: Oid) {
        let Some(labels) = self.relations.get(&root).cloned() else {
            return;
        };
        for partition in partitions(catalog, root) {
            let page = judge::partition_page(catalog, &partition, root, &labels);
            self.relations.insert(partition.oid, Arc::new(page));
        }
    }

    /// Evens out what is found among tables that inherit from each other: rows of one are read as rows of another, so a
    /// label of one holds for all.
    pub(super) fn level_with_kin(&mut self, catalog: &CatalogSnapshot, oid: Oid) {
        let kin = kin_of(catalog, oid);
        if kin.len() < 2 {
            return;
        }
        let mut labelled: HashMap<Arc<str>, Verdict> = HashMap::new();
        for labels in kin.iter().filter_map(|oid| self.relations.get(oid)) {
            for column in &labels.columns {
                if column.found.label().is_some() {
                    labelled
                        .entry(Arc::clone(&column.name))
                        .or_insert_with(|| column.found.clone());
                }
            }
        }
        for oid in kin {
            let Some(labels) = self.relations.get_mut(&oid) else {
                continue;
            };
            let lacks = |column: &ColumnLabel| column.found.label().is_none() && labelled.contains_key(&column.name);
            if labels.columns.iter().any(lacks) {
                for column in Arc::make_mut(labels).columns.iter_mut().filter(|column| lacks(column)) {
                    if let Some(verdict) = labelled.get(&column.name) {
                        column.found = verdict.clone();
                    }
                }
            }
        }
    }

    /// Finds the column that somebody means.
    pub(super) fn find(&self, path: &ColumnPath) -> Result<FoundColumn, LabelsError> {
        let fits = |labels: &RelationLabels| {
            *labels.name == *path.table && path.schema.as_ref().is_none_or(|schema| **schema == *labels.schema)
        };
        let mut tables = self.relations.iter().filter(|(_, labels)| fits(labels));
        let (oid, labels) = tables
            .next()
            .ok_or_else(|| LabelsError::Unknown(format!("no table {}", path.of_table())))?;
        if let Some((_, other)) = tables.next() {
            return Err(LabelsError::Unknown(format!(
                "there are tables {} in {} and in {}: say which, as SCHEMA.TABLE.COLUMN",
                labels.name, labels.schema, other.schema
            )));
        }
        let column = labels
            .columns
            .iter()
            .find(|column| *column.name == *path.column)
            .ok_or_else(|| LabelsError::Unknown(format!("no column {} in {}", path.column, path.of_table())))?;
        if let Some(root) = labels.partition_of.and_then(|root| self.relations.get(&root)) {
            return Err(LabelsError::Unknown(format!(
                "{}.{} is a partition; label {}.{}.{} and it holds for all of them",
                labels.schema, labels.name, root.schema, root.name, column.name
            )));
        }
        Ok(FoundColumn {
            relation: *oid,
            number: column.number,
            schema: labels.schema.to_string(),
            table: labels.name.to_string(),
            column: column.name.to_string(),
        })
    }

    /// Notes what somebody said of a column.
    pub(super) fn tell(&mut self, told: Override) {
        let relation = told.relation;
        self.hold(told);
        self.apply_to_all_of(relation);
    }

    /// Gives a column the label of another whose values go into it: at once, or as soon as there is such a column. Returns
    /// whether that is new.
    pub(super) fn follow_data(&mut self, copy: &ColumnCopy, label: Label, identity: DatabaseIdentity) -> bool {
        let (schema, table) = (&copy.relation.schema, &copy.relation.name);
        let mut known = self
            .relations
            .iter()
            .filter(|(_, labels)| labels.schema == *schema && labels.name == *table)
            .flat_map(|(oid, labels)| {
                let root = labels.partition_of.unwrap_or(*oid);
                labels.columns.iter().map(move |column| (root, column))
            })
            .filter(|(_, column)| column.name == copy.column);
        let target = known.next().map(|(oid, column)| {
            let stands = column.overridden.is_some() || column.found.label().is_some();
            (oid, column.number, stands)
        });
        let waits =
            |stray: &Override| *stray.schema == **schema && *stray.table == **table && *stray.column == *copy.column;
        let (relation, number) = match target {
            Some((_, _, true)) => return false,
            Some((oid, number, false)) => (oid, number),
            None if self.strays.iter().any(waits) || self.strays.len() >= WAITING_MAX => return false,
            None => (Oid(0), ColumnNumber(0)),
        };
        let from = self.relations.get(&copy.from.0).and_then(|labels| {
            let column = labels.column(copy.from.1)?;
            Some(format!("{}.{}.{}", labels.schema, labels.name, column.name))
        });
        let told = Override {
            identity,
            relation,
            number,
            schema: schema.to_string(),
            table: table.to_string(),
            column: copy.column.to_string(),
            label: Some(label),
            by: format!("{}{}", judge::COPY_OF, from.unwrap_or_default()),
            set_unix_seconds: 0,
        };
        match target {
            Some(_) => self.tell(told),
            None => self.strays.push(told),
        }
        true
    }

    /// Forgets what somebody said of a column. Returns whether anybody had.
    pub(super) fn untell(&mut self, relation: Oid, number: ColumnNumber) -> bool {
        let had = self.overrides.remove(&(relation, number)).is_some();
        self.apply_to_all_of(relation);
        had
    }

    fn apply_to_all_of(&mut self, root: Oid) {
        self.apply(root);
        let Some(root_labels) = self.relations.get(&root).cloned() else {
            return;
        };
        for labels in self
            .relations
            .values_mut()
            .filter(|labels| labels.partition_of == Some(root))
        {
            for column in &mut Arc::make_mut(labels).columns {
                let of_root = root_labels.columns.iter().find(|known| known.name == column.name);
                column.overridden = of_root.and_then(|known| known.overridden.clone());
            }
        }
    }
}

/// A column that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundColumn {
    pub(super) relation: Oid,
    pub(super) number: ColumnNumber,
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) column: String,
}

/// Whether a relation's columns get verdicts of their own.
pub(super) fn is_surveyed(relation: &Relation) -> bool {
    let holds_rows = match relation.kind {
        RelationKind::Table
        | RelationKind::PartitionedTable
        | RelationKind::MaterializedView
        | RelationKind::ForeignTable => true,
        RelationKind::View
        | RelationKind::Sequence
        | RelationKind::Index
        | RelationKind::CompositeType
        | RelationKind::Toast => false,
    };
    holds_rows && !relation.temporary && !relation.oid.is_built_in()
}

/// The column to which a label goes over whose own column is gone. That something is harmless goes over to nothing.
fn home_of(stray: &Override, catalog: &CatalogSnapshot) -> Option<(Oid, ColumnNumber)> {
    stray.label.as_ref()?;
    let relation = catalog.relation_in(&stray.schema, &stray.table)?;
    let column = relation.column(&stray.column)?;
    is_surveyed(relation).then_some((relation.oid, column.number))
}

/// All partitions below a partitioned table.
pub(super) fn partitions(catalog: &CatalogSnapshot, root: Oid) -> Vec<Arc<Relation>> {
    let mut found = Vec::new();
    let mut open: Vec<Oid> = catalog.children(root).collect();
    while let Some(oid) = open.pop() {
        if let Some(relation) = catalog.relation(oid).filter(|relation| relation.is_partition) {
            open.extend(catalog.children(oid));
            found.push(Arc::clone(relation));
        }
    }
    found
}

/// The partitioned table that a partition belongs to in the end.
pub(super) fn root_of(catalog: &CatalogSnapshot, partition: &Relation) -> Option<Oid> {
    let mut root = None;
    let mut above = catalog.parents(partition.oid).next();
    while let Some(oid) = above {
        root = Some(oid);
        let relation = catalog.relation(oid)?;
        above = relation.is_partition.then(|| catalog.parents(oid).next()).flatten();
    }
    root
}

/// The tables that inherit from each other, directly or not, this one among them; partitions aside.
fn kin_of(catalog: &CatalogSnapshot, oid: Oid) -> HashSet<Oid> {
    let mut kin = HashSet::new();
    let mut open = vec![oid];
    while let Some(oid) = open.pop() {
        if catalog.relation(oid).is_some_and(|relation| !relation.is_partition) && kin.insert(oid) {
            open.extend(catalog.parents(oid));
            open.extend(catalog.children(oid));
        }
    }
    kin
}

/// Whether a label can be given to a column.
pub(super) fn check_label(label: Option<&Label>, known: &BTreeSet<Arc<str>>) -> Result<(), LabelsError> {
    match label {
        Some(Label::Custom(word)) if !known.contains(word) => Err(LabelsError::UnknownLabel(word.to_string())),
        Some(_) | None => Ok(()),
    }
}
