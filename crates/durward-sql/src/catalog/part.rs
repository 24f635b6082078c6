//! One part of the catalog, indexed, and how rows are put in and taken out.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use durward_model::{ColumnNumber, Oid};

use super::entries::{
    Cast, Column, Definition, EventTrigger, Extension, ForeignKey, Function, Index, Operator, Relation, RowPolicy,
    Rule, Trigger, Type,
};
use super::queries::{CatalogQuery, TransactionId};

/// What a row of a query is known by: its object, and for columns' defaults the column.
pub(crate) type RowKey = (Oid, i16);

/// Objects by schema and name.
type Names = HashMap<Arc<str>, HashMap<Arc<str>, Oid>>;

/// Entries that belong to an owner (a relation, a domain) and have a key of their own.
#[derive(Debug, Clone)]
pub(crate) struct Owned<T> {
    by_owner: Arc<HashMap<Oid, Vec<(RowKey, T)>>>,
    owners: Arc<HashMap<RowKey, Oid>>,
}

impl<T> Default for Owned<T> {
    fn default() -> Self {
        Self {
            by_owner: Arc::default(),
            owners: Arc::default(),
        }
    }
}

impl<T: Clone> Owned<T> {
    /// What belongs to an owner.
    pub(crate) fn of(&self, owner: Oid) -> impl Iterator<Item = &T> {
        self.by_owner.get(&owner).into_iter().flatten().map(|(_, entry)| entry)
    }

    /// The entry of that key.
    pub(crate) fn get(&self, key: RowKey) -> Option<&T> {
        let entries = self.by_owner.get(self.owners.get(&key)?)?;
        entries.iter().find(|(known, _)| *known == key).map(|(_, entry)| entry)
    }

    pub(crate) fn insert(&mut self, key: RowKey, owner: Oid, entry: T) {
        self.remove(key);
        Arc::make_mut(&mut self.owners).insert(key, owner);
        Arc::make_mut(&mut self.by_owner)
            .entry(owner)
            .or_default()
            .push((key, entry));
    }

    pub(crate) fn remove(&mut self, key: RowKey) {
        if !self.owners.contains_key(&key) {
            return;
        }
        let Some(owner) = Arc::make_mut(&mut self.owners).remove(&key) else {
            return;
        };
        if let Entry::Occupied(mut entries) = Arc::make_mut(&mut self.by_owner).entry(owner) {
            entries.get_mut().retain(|(known, _)| *known != key);
            if entries.get().is_empty() {
                entries.remove();
            }
        }
    }

    fn keys(&self) -> Vec<RowKey> {
        self.owners.keys().copied().collect()
    }

    fn len(&self) -> usize {
        self.owners.len()
    }
}

/// One part of the catalog, indexed. Cheap to clone: what a later change doesn't touch stays shared.
#[derive(Debug, Clone, Default)]
pub struct CatalogPart {
    /// Rows written by transactions older than this one were seen when the part was read.
    pub(crate) since: TransactionId,
    pub(crate) namespaces: Arc<HashMap<Oid, Arc<str>>>,
    pub(crate) namespace_names: Arc<HashSet<Arc<str>>>,
    pub(crate) relations: Arc<HashMap<Oid, Arc<Relation>>>,
    pub(crate) relation_names: Arc<Names>,
    pub(crate) row_types: Arc<HashMap<Oid, Oid>>,
    columns: usize,
    pub(crate) children: Arc<HashMap<Oid, Vec<Oid>>>,
    pub(crate) parents: Arc<HashMap<Oid, Vec<Oid>>>,
    pub(crate) types: Arc<HashMap<Oid, Arc<Type>>>,
    pub(crate) type_names: Arc<Names>,
    pub(crate) functions: Arc<HashMap<Oid, Arc<Function>>>,
    pub(crate) function_names: Arc<HashMap<Arc<str>, Vec<Oid>>>,
    extension_members: usize,
    pub(crate) aggregates: Arc<HashMap<Oid, Box<[Oid]>>>,
    pub(crate) operators: Arc<HashMap<Oid, Arc<Operator>>>,
    pub(crate) operator_names: Arc<HashMap<Arc<str>, Vec<Oid>>>,
    pub(crate) casts: Arc<HashMap<(Oid, Oid), Cast>>,
    /// Functions of implicit casts, by source type.
    pub(crate) implicit_casts: Arc<HashMap<Oid, Vec<Oid>>>,
    pub(crate) views: Arc<HashMap<Oid, Definition>>,
    pub(crate) rules: Owned<Arc<Rule>>,
    pub(crate) triggers: Owned<Arc<Trigger>>,
    pub(crate) foreign_keys_to: Owned<Arc<ForeignKey>>,
    pub(crate) foreign_keys_from: Owned<Arc<ForeignKey>>,
    /// Checks of relations and of domains.
    pub(crate) checks: Owned<Definition>,
    pub(crate) indexes: Owned<Arc<Index>>,
    pub(crate) defaults: Owned<Definition>,
    pub(crate) row_policies: Arc<HashMap<Oid, Vec<Arc<RowPolicy>>>>,
    pub(crate) partition_keys: Arc<HashMap<Oid, Definition>>,
    pub(crate) event_triggers: Arc<Vec<Arc<EventTrigger>>>,
    pub(crate) extensions: Arc<HashMap<Arc<str>, Arc<Extension>>>,
    /// How many rows the queries have that are always read whole.
    whole_rows: HashMap<CatalogQuery, usize>,
    /// Objects of which a definition could not be printed without waiting for a lock.
    pub(crate) locked: HashSet<Oid>,
    /// Relations that the open transaction of the session that read this has made.
    pub(crate) made_here: HashSet<Oid>,
}

/// Which definitions that name an object are printed otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outdates {
    Nothing,
    /// Queries: a column's name that more than one of their relations has now needs more to be told apart.
    Queries,
    /// All: a name is another.
    All,
}

impl CatalogPart {
    /// The oldest transaction that was under way when the part was read: rows that it or a later one wrote may be missing.
    pub const fn since(&self) -> TransactionId {
        self.since
    }

    /// Whether the part holds definitions of a query.
    pub(crate) fn has_definitions(&self, query: CatalogQuery) -> bool {
        match query {
            CatalogQuery::Functions => self.functions.values().any(|function| function.sql_body.is_some()),
            _ => self.rows(query).0 > 0,
        }
    }

    /// How many rows of a query the part holds, and how many of them are members of an extension.
    pub(crate) fn rows(&self, query: CatalogQuery) -> (usize, usize) {
        let rows = match query {
            CatalogQuery::Relations => self.relations.len(),
            CatalogQuery::Columns => self.columns,
            CatalogQuery::Types => self.types.len(),
            CatalogQuery::Functions => return (self.functions.len(), self.extension_members),
            CatalogQuery::Aggregates => self.aggregates.len(),
            CatalogQuery::Operators => self.operators.len(),
            CatalogQuery::Views => self.views.len(),
            CatalogQuery::Rules => self.rules.len(),
            CatalogQuery::Triggers => self.triggers.len(),
            CatalogQuery::Constraints => self.foreign_keys_from.len() + self.checks.len(),
            CatalogQuery::Indexes => self.indexes.len(),
            CatalogQuery::Defaults => self.defaults.len(),
            CatalogQuery::Path
            | CatalogQuery::Namespaces
            | CatalogQuery::Inheritance
            | CatalogQuery::Casts
            | CatalogQuery::RowPolicies
            | CatalogQuery::EventTriggers
            | CatalogQuery::Extensions
            | CatalogQuery::PartitionKeys => self.whole_rows.get(&query).copied().unwrap_or(0),
        };
        (rows, 0)
    }

    /// Counts a row of a query that is always read whole.
    pub(crate) fn count_whole_row(&mut self, query: CatalogQuery) {
        *self.whole_rows.entry(query).or_default() += 1;
    }

    /// Takes out all rows of a query.
    pub(crate) fn clear(&mut self, query: CatalogQuery) {
        self.whole_rows.remove(&query);
        match query {
            CatalogQuery::Path | CatalogQuery::Columns => {}
            CatalogQuery::Namespaces => {
                self.namespaces = Arc::default();
                self.namespace_names = Arc::default();
            }
            CatalogQuery::Inheritance => {
                self.children = Arc::default();
                self.parents = Arc::default();
            }
            CatalogQuery::Casts => {
                self.casts = Arc::default();
                self.implicit_casts = Arc::default();
            }
            CatalogQuery::RowPolicies => self.row_policies = Arc::default(),
            CatalogQuery::EventTriggers => self.event_triggers = Arc::default(),
            CatalogQuery::Extensions => self.extensions = Arc::default(),
            CatalogQuery::PartitionKeys => self.partition_keys = Arc::default(),
            CatalogQuery::Relations
            | CatalogQuery::Types
            | CatalogQuery::Functions
            | CatalogQuery::Aggregates
            | CatalogQuery::Operators
            | CatalogQuery::Views
            | CatalogQuery::Rules
            | CatalogQuery::Triggers
            | CatalogQuery::Constraints
            | CatalogQuery::Indexes
            | CatalogQuery::Defaults => self.keep(query, &HashSet::new()),
        }
    }

    /// Takes out the rows of a query whose keys are not among those.
    pub(crate) fn keep(&mut self, query: CatalogQuery, keys: &HashSet<RowKey>) {
        if query == CatalogQuery::Columns {
            self.keep_columns(keys);
        }
        let gone: Vec<RowKey> = self.keys(query).into_iter().filter(|key| !keys.contains(key)).collect();
        for key in gone {
            self.remove(query, key);
        }
    }

    fn keys(&self, query: CatalogQuery) -> Vec<RowKey> {
        fn of_map<T>(map: &HashMap<Oid, T>) -> Vec<RowKey> {
            map.keys().map(|oid| (*oid, 0)).collect()
        }
        match query {
            CatalogQuery::Relations => of_map(&self.relations),
            CatalogQuery::Types => of_map(&self.types),
            CatalogQuery::Functions => of_map(&self.functions),
            CatalogQuery::Aggregates => of_map(&self.aggregates),
            CatalogQuery::Operators => of_map(&self.operators),
            CatalogQuery::Views => of_map(&self.views),
            CatalogQuery::Rules => self.rules.keys(),
            CatalogQuery::Triggers => self.triggers.keys(),
            CatalogQuery::Constraints => {
                let mut keys = self.foreign_keys_from.keys();
                keys.extend(self.checks.keys());
                keys
            }
            CatalogQuery::Indexes => self.indexes.keys(),
            CatalogQuery::Defaults => self.defaults.keys(),
            CatalogQuery::Path
            | CatalogQuery::Columns
            | CatalogQuery::Namespaces
            | CatalogQuery::Inheritance
            | CatalogQuery::Casts
            | CatalogQuery::RowPolicies
            | CatalogQuery::EventTriggers
            | CatalogQuery::Extensions
            | CatalogQuery::PartitionKeys => Vec::new(),
        }
    }

    fn remove(&mut self, query: CatalogQuery, key: RowKey) {
        let (oid, _) = key;
        match query {
            CatalogQuery::Relations => self.remove_relation(oid),
            CatalogQuery::Types => self.remove_type(oid),
            CatalogQuery::Functions => self.remove_function(oid),
            CatalogQuery::Aggregates => {
                Arc::make_mut(&mut self.aggregates).remove(&oid);
            }
            CatalogQuery::Operators => self.remove_operator(oid),
            CatalogQuery::Views => {
                Arc::make_mut(&mut self.views).remove(&oid);
            }
            CatalogQuery::Rules => self.rules.remove(key),
            CatalogQuery::Triggers => self.triggers.remove(key),
            CatalogQuery::Constraints => self.remove_constraint(key),
            CatalogQuery::Indexes => self.indexes.remove(key),
            CatalogQuery::Defaults => self.defaults.remove(key),
            CatalogQuery::Path
            | CatalogQuery::Columns
            | CatalogQuery::Namespaces
            | CatalogQuery::Inheritance
            | CatalogQuery::Casts
            | CatalogQuery::RowPolicies
            | CatalogQuery::EventTriggers
            | CatalogQuery::Extensions
            | CatalogQuery::PartitionKeys => {}
        }
    }

    /// Puts a relation in, with the columns that were known of it. Returns whether it had another name before.
    pub(crate) fn set_relation(&mut self, mut relation: Relation) -> bool {
        let oid = relation.oid;
        let before = self.relations.get(&oid).cloned();
        if let Some(before) = &before {
            relation.columns.clone_from(&before.columns);
        }
        let renamed = before
            .as_ref()
            .is_some_and(|before| before.schema != relation.schema || before.name != relation.name);
        if renamed {
            self.forget_relation_name(oid);
        }
        Arc::make_mut(&mut self.relation_names)
            .entry(Arc::clone(&relation.schema))
            .or_default()
            .insert(Arc::clone(&relation.name), oid);
        if relation.row_type != Oid(0) {
            Arc::make_mut(&mut self.row_types).insert(relation.row_type, oid);
        }
        Arc::make_mut(&mut self.relations).insert(oid, Arc::new(relation));
        renamed
    }

    /// Sets all columns of a relation. Returns what that does to definitions that name the relation.
    pub(crate) fn set_columns(&mut self, oid: Oid, columns: Vec<Column>) -> Outdates {
        // One made since the relations were read: the next read brings both.
        let Some(relation) = Arc::make_mut(&mut self.relations).get_mut(&oid) else {
            return Outdates::Nothing;
        };
        let relation = Arc::make_mut(relation);
        self.columns = self.columns + columns.len() - relation.columns.len();
        let names = |column: &Column| (column.number, Arc::clone(&column.name));
        let outdates = if relation.columns.is_empty() {
            Outdates::Nothing
        } else if !relation
            .columns
            .iter()
            .map(names)
            .eq(columns.iter().map(names).take(relation.columns.len()))
        {
            Outdates::All
        } else if columns.len() > relation.columns.len() {
            Outdates::Queries
        } else {
            Outdates::Nothing
        };
        relation.columns = columns.into();
        outdates
    }

    /// Relations that are not among those have lost their last column.
    fn keep_columns(&mut self, keys: &HashSet<RowKey>) {
        let bare: Vec<Oid> = self
            .relations
            .values()
            .filter(|relation| !relation.columns.is_empty() && !keys.contains(&(relation.oid, 0)))
            .map(|relation| relation.oid)
            .collect();
        for oid in bare {
            self.set_columns(oid, Vec::new());
        }
    }

    fn forget_relation_name(&mut self, oid: Oid) {
        let Some(relation) = self.relations.get(&oid) else {
            return;
        };
        if let Some(names) = Arc::make_mut(&mut self.relation_names).get_mut(&relation.schema)
            && names.get(&relation.name) == Some(&oid)
        {
            names.remove(&relation.name);
        }
    }

    fn remove_relation(&mut self, oid: Oid) {
        self.forget_relation_name(oid);
        if let Some(relation) = Arc::make_mut(&mut self.relations).remove(&oid) {
            self.columns -= relation.columns.len();
            if self.row_types.get(&relation.row_type) == Some(&oid) {
                Arc::make_mut(&mut self.row_types).remove(&relation.row_type);
            }
        }
    }

    /// Puts a type in. Returns whether it had another name before.
    pub(crate) fn set_type(&mut self, type_: Type) -> bool {
        let oid = type_.oid;
        let renamed = self
            .types
            .get(&oid)
            .is_some_and(|before| before.schema != type_.schema || before.name != type_.name);
        self.remove_type(oid);
        Arc::make_mut(&mut self.type_names)
            .entry(Arc::clone(&type_.schema))
            .or_default()
            .insert(Arc::clone(&type_.name), oid);
        Arc::make_mut(&mut self.types).insert(oid, Arc::new(type_));
        renamed
    }

    fn remove_type(&mut self, oid: Oid) {
        if !self.types.contains_key(&oid) {
            return;
        }
        if let Some(type_) = Arc::make_mut(&mut self.types).remove(&oid)
            && let Some(names) = Arc::make_mut(&mut self.type_names).get_mut(&type_.schema)
            && names.get(&type_.name) == Some(&oid)
        {
            names.remove(&type_.name);
        }
    }

    /// Puts a function in. Returns whether it had another name before.
    pub(crate) fn set_function(&mut self, function: Function) -> bool {
        let oid = function.oid;
        let renamed = self
            .functions
            .get(&oid)
            .is_some_and(|before| before.schema != function.schema || before.name != function.name);
        self.remove_function(oid);
        self.extension_members += usize::from(function.extension.is_some());
        Arc::make_mut(&mut self.function_names)
            .entry(Arc::clone(&function.name))
            .or_default()
            .push(oid);
        Arc::make_mut(&mut self.functions).insert(oid, Arc::new(function));
        renamed
    }

    fn remove_function(&mut self, oid: Oid) {
        if !self.functions.contains_key(&oid) {
            return;
        }
        if let Some(function) = Arc::make_mut(&mut self.functions).remove(&oid) {
            self.extension_members -= usize::from(function.extension.is_some());
            forget_name(&mut self.function_names, &function.name, oid);
        }
    }

    /// Puts an operator in. Returns whether it had another name before.
    pub(crate) fn set_operator(&mut self, operator: Operator) -> bool {
        let oid = operator.oid;
        let renamed = self
            .operators
            .get(&oid)
            .is_some_and(|before| before.schema != operator.schema || before.name != operator.name);
        self.remove_operator(oid);
        Arc::make_mut(&mut self.operator_names)
            .entry(Arc::clone(&operator.name))
            .or_default()
            .push(oid);
        Arc::make_mut(&mut self.operators).insert(oid, Arc::new(operator));
        renamed
    }

    fn remove_operator(&mut self, oid: Oid) {
        if !self.operators.contains_key(&oid) {
            return;
        }
        if let Some(operator) = Arc::make_mut(&mut self.operators).remove(&oid) {
            forget_name(&mut self.operator_names, &operator.name, oid);
        }
    }

    pub(crate) fn remove_constraint(&mut self, key: RowKey) {
        self.foreign_keys_to.remove(key);
        self.foreign_keys_from.remove(key);
        self.checks.remove(key);
    }

    /// The default or generation expression of a column.
    pub(crate) fn default_of(&self, relation: Oid, column: ColumnNumber) -> Option<&Definition> {
        self.defaults.get((relation, column.0))
    }
}

fn forget_name(names: &mut Arc<HashMap<Arc<str>, Vec<Oid>>>, name: &Arc<str>, oid: Oid) {
    if let Entry::Occupied(mut known) = Arc::make_mut(names).entry(Arc::clone(name)) {
        known.get_mut().retain(|other| *other != oid);
        if known.get().is_empty() {
            known.remove();
        }
    }
}
