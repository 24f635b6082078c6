//! What names can mean at one place of a statement.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{AccessModes, ColumnMatch, ColumnNumber, Oid, Reading};

use super::Binder;
use crate::catalog::Relation;

/// Base columns, by relation and number.
pub(crate) type Lineage = BTreeSet<(Oid, ColumnNumber)>;

/// Where a column reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Position {
    /// Within an expression, or anywhere that isn't known to be one of the others.
    #[default]
    Expression,
    /// It alone is a result column, a grouping key, or what is tested for NULL.
    Shown,
    /// It alone is compared for equality with a constant or a parameter.
    LookedUp,
    /// It alone is compared for equality with another column alone, or its different values are counted.
    Matched,
}

impl Position {
    pub(super) const fn reading(self) -> Reading {
        match self {
            Self::Expression => COMPUTED,
            Self::Shown => SHOWN,
            Self::LookedUp => Reading {
                looked_up: true,
                ..SHOWN
            },
            Self::Matched => Reading { matched: true, ..SHOWN },
        }
    }
}

const SHOWN: Reading = Reading {
    looked_up: false,
    matched: false,
    computed: false,
    in_code: false,
};

const COMPUTED: Reading = Reading {
    computed: true,
    ..SHOWN
};

/// Whose code is being walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// The client's own text.
    #[default]
    Text,
    /// A view's query.
    View,
    /// A trigger, rule, policy, check or cascade: the database's own doing.
    Fired,
    /// The body of a function or block that the text runs.
    Code,
}

impl Origin {
    const CODE_READING: Reading = Reading { in_code: true, ..SHOWN };
}

/// What is known of an expression's value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Value {
    /// The base columns that it depends on.
    pub(crate) lineage: Lineage,
    /// All columns that are read for it, those of views included.
    pub(crate) reads: Lineage,
    /// Whether it is one base column's value, unchanged.
    pub(crate) unchanged: bool,
    /// The base column whose values it has, unchanged or cast.
    pub(crate) copied: Option<(Oid, ColumnNumber)>,
    /// The column of a relation in FROM that it is, unchanged: a view's own where it comes through one.
    pub(crate) origin: Option<(Oid, ColumnNumber)>,
    /// Its type, where known.
    pub(crate) type_oid: Option<Oid>,
}

impl Value {
    /// A value of known type that depends on nothing.
    pub(crate) fn of_type(type_oid: u32) -> Self {
        Self {
            type_oid: Some(Oid(type_oid)),
            ..Self::default()
        }
    }

    /// The stored column that it is, unchanged.
    pub(crate) fn stored(&self) -> Option<(Oid, ColumnNumber)> {
        let mut columns = self.lineage.iter();
        match (columns.next(), columns.next()) {
            (Some(column), None) if self.unchanged => Some(*column),
            _ => None,
        }
    }

    /// Takes in what another value depends on.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.lineage.extend(&other.lineage);
        self.reads.extend(&other.reads);
    }

    /// The same dependencies of something computed, of another type.
    pub(crate) fn computed(mut self, type_oid: Option<Oid>) -> Self {
        self.unchanged = false;
        self.copied = None;
        self.origin = None;
        self.type_oid = type_oid;
        self
    }
}

/// A named column of a FROM item or of a query's result.
#[derive(Debug, Clone)]
pub(crate) struct NamedValue {
    pub(crate) name: Arc<str>,
    pub(crate) value: Value,
}

/// A FROM item.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The name that qualifies its columns; empty for one that can't be named.
    pub(crate) alias: Arc<str>,
    /// The relation behind it, for system columns and schema-qualified references.
    pub(crate) relation: Option<Arc<Relation>>,
    /// Whether `alias` is the relation's own name, so that `schema.name.column` finds it.
    pub(crate) unaliased: bool,
    pub(crate) columns: Vec<NamedValue>,
    /// Whether it may have columns that aren't known; what they depend on is then this.
    pub(crate) open: Option<Value>,
    /// Hidden behind a join's alias.
    pub(crate) hidden: bool,
}

impl Entry {
    /// Everything in it together: a whole-row reference.
    pub(crate) fn whole_row(&self) -> Value {
        let mut value = Value::default();
        for column in &self.columns {
            value.absorb(&column.value);
        }
        if let Some(open) = &self.open {
            value.absorb(open);
        }
        value
    }

    fn column(&self, name: &str) -> Option<Value> {
        let mut found: Option<Value> = None;
        for column in self.columns.iter().filter(|column| &*column.name == name) {
            match &mut found {
                None => found = Some(column.value.clone()),
                // Ambiguous: the server refuses unless one hides the other. Both count.
                Some(value) => {
                    value.absorb(&column.value);
                    value.unchanged = false;
                }
            }
        }
        found
            .or_else(|| self.relation.as_ref().and_then(|_| system_column(name)))
            .or_else(|| self.open.clone())
    }
}

/// The value of a system column: it says where and when a row stands, nothing of its data.
fn system_column(name: &str) -> Option<Value> {
    // Types: tid, xid, cid, xid, cid, oid.
    let type_oid = match name {
        "ctid" => 27,
        "xmin" | "xmax" => 28,
        "cmin" | "cmax" => 29,
        "tableoid" => 26,
        _ => return None,
    };
    Some(Value::of_type(type_oid))
}

/// One query level.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) entries: Vec<Entry>,
    /// The columns that unqualified names and `*` see, in order.
    pub(crate) columns: Vec<NamedValue>,
    /// Whether what is being walked can't see this level (a subquery in FROM without LATERAL).
    pub(crate) hidden: bool,
}

/// A FROM item as conditions are judged over it: without values.
#[derive(Debug, Clone)]
pub(crate) struct ScopeEntry {
    pub(crate) alias: Arc<str>,
    pub(crate) relation: Option<Arc<Relation>>,
    pub(crate) columns: Vec<Arc<str>>,
    /// Whether it may have columns that aren't known.
    pub(crate) open: bool,
}

/// A WITH query in scope.
#[derive(Debug, Clone)]
pub(crate) struct Cte {
    pub(crate) name: Arc<str>,
    /// `None` while it hasn't been walked.
    pub(crate) columns: Option<Vec<NamedValue>>,
}

impl Binder<'_> {
    /// The FROM items of the level being walked; the target of an UPDATE, DELETE or MERGE comes first.
    pub(crate) fn scope_entries(&mut self) -> Vec<ScopeEntry> {
        let entries = self.level().entries.iter();
        entries
            .map(|entry| ScopeEntry {
                alias: Arc::clone(&entry.alias),
                relation: entry.relation.clone(),
                columns: entry.columns.iter().map(|column| Arc::clone(&column.name)).collect(),
                open: entry.open.is_some(),
            })
            .collect()
    }

    /// The query level being walked.
    pub(super) fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "one level was pushed just above")]
        &mut self.levels[last]
    }

    /// Walks a query level of its own.
    pub(super) fn in_level<R>(&mut self, walk: impl FnOnce(&mut Self) -> R) -> R {
        self.levels.push(Level::default());
        let result = walk(self);
        self.levels.pop();
        result
    }

    /// Walks a text that sees none of the names around it: a definition or a body.
    pub(super) fn isolated<R>(&mut self, walk: impl FnOnce(&mut Self) -> R) -> R {
        let levels = std::mem::take(&mut self.levels);
        let ctes = std::mem::take(&mut self.ctes);
        let deferred = std::mem::replace(&mut self.reads_deferred, false);
        let result = walk(self);
        self.levels = levels;
        self.ctes = ctes;
        self.reads_deferred = deferred;
        result
    }

    /// What a column reference means; `None` where no column has the name.
    pub(super) fn resolve_column(&mut self, fields: &[&str]) -> Option<Value> {
        let value = match fields {
            [name] => self.unqualified(name),
            [alias, name] => self.qualified(None, alias, name),
            [schema, alias, name] | [_, schema, alias, name] => self.qualified(Some(schema), alias, name),
            _ => None,
        }?;
        let reading = self.position.reading();
        self.note_reads_as(&value, reading);
        Some(value)
    }

    pub(super) fn unqualified(&self, name: &str) -> Option<Value> {
        for level in self.levels.iter().rev().filter(|level| !level.hidden) {
            let mut found: Option<Value> = None;
            for column in level.columns.iter().filter(|column| &*column.name == name) {
                match &mut found {
                    None => found = Some(column.value.clone()),
                    Some(value) => {
                        value.absorb(&column.value);
                        value.unchanged = false;
                    }
                }
            }
            if found.is_some() {
                return found;
            }
            let visible = || level.entries.iter().filter(|entry| !entry.hidden);
            if visible().any(|entry| entry.relation.is_some()) && system_column(name).is_some() {
                return system_column(name);
            }
            // A name may belong to an entry whose columns aren't known; it depends on all that they depend on.
            if let Some(open) = visible().find_map(|entry| entry.open.clone()) {
                return Some(open);
            }
        }
        None
    }

    fn find_entry(&self, schema: Option<&str>, alias: &str) -> Option<&Entry> {
        let schema = schema.map(|schema| self.settings.resolve_schema(schema));
        self.levels
            .iter()
            .rev()
            .filter(|level| !level.hidden)
            .flat_map(|level| level.entries.iter().rev())
            .find(|entry| {
                let named = &*entry.alias == alias && !entry.hidden;
                match schema {
                    None => named,
                    Some(schema) => {
                        let relation = entry.relation.as_ref();
                        named && entry.unaliased && relation.is_none_or(|relation| &*relation.schema == schema)
                    }
                }
            })
    }

    fn qualified(&self, schema: Option<&str>, alias: &str, name: &str) -> Option<Value> {
        let entry = self.find_entry(schema, alias)?;
        // A name that is no column may be a function of the row (`t.f` for `f(t)`): it then depends on the whole row.
        entry.column(name)
    }

    /// What a whole-row reference means; `None` where no FROM item has the name.
    pub(super) fn resolve_row(&mut self, fields: &[&str]) -> Option<Value> {
        let entry = match fields {
            [alias] => self.find_entry(None, alias),
            [schema, alias] | [_, schema, alias] => self.find_entry(Some(schema), alias),
            _ => None,
        }?;
        let mut value = entry.whole_row();
        value.type_oid = entry.relation.as_ref().map(|relation| relation.row_type);
        self.note_reads(&value);
        Some(value)
    }

    /// The columns that `alias.*` gives, with whether more may follow.
    pub(super) fn expand_star(&mut self, fields: &[&str]) -> Option<Vec<NamedValue>> {
        let columns = match fields {
            [] => {
                let level = self.levels.last()?;
                let mut columns = level.columns.clone();
                for entry in level.entries.iter().filter(|entry| !entry.hidden) {
                    columns.extend(entry.open.clone().map(|value| NamedValue {
                        name: "*".into(),
                        value,
                    }));
                }
                columns
            }
            fields => {
                let entry = match fields {
                    [alias] => self.find_entry(None, alias),
                    [schema, alias] | [_, schema, alias] => self.find_entry(Some(schema), alias),
                    _ => None,
                }?;
                let mut columns = entry.columns.clone();
                columns.extend(entry.open.clone().map(|value| NamedValue {
                    name: "*".into(),
                    value,
                }));
                columns
            }
        };
        for column in &columns {
            self.note_reads_as(&column.value, Reading::default());
        }
        Some(columns)
    }

    /// Whether a name is a variable or parameter of the body being walked.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|names| names.contains(name))
    }

    /// Notes that the columns behind a value are read, and computed with.
    pub(super) fn note_reads(&mut self, value: &Value) {
        self.note_reads_as(value, COMPUTED);
    }

    /// Notes that the columns behind a value are read, and what becomes of it.
    pub(super) fn note_reads_as(&mut self, value: &Value, reading: Reading) {
        if self.reads_deferred {
            return;
        }
        let reading = match self.origin {
            Origin::Text => reading,
            // What a view's query or a trigger does with a value is not the client's doing.
            Origin::View | Origin::Fired => Reading::default(),
            Origin::Code => Origin::CODE_READING,
        };
        for (oid, number) in &value.reads {
            self.note_read(*oid, *number, reading);
        }
    }

    /// Notes that two values are compared for equality, which were read as [`Position::Matched`].
    pub(super) fn note_match(&mut self, one: &Value, other: &Value) {
        if self.reads_deferred || self.origin != Origin::Text {
            return;
        }
        match (one.stored(), other.stored()) {
            (Some(one), Some(other)) => self.facts.columns_match(ColumnMatch::new(one, other)),
            _ => {
                self.note_reads(one);
                self.note_reads(other);
            }
        }
    }

    /// Notes what the bodies of functions read that the client's own text calls.
    pub(super) fn note_code_reads(&mut self, reads: &Lineage) {
        if self.origin == Origin::Text {
            for (oid, number) in reads {
                self.note_read(*oid, *number, Origin::CODE_READING);
            }
        }
    }

    /// Notes that code reads what errors say: that of a row which can't be written quotes the whole of it.
    pub(crate) fn errors_are_read(&mut self) {
        if matches!(self.origin, Origin::View | Origin::Fired) {
            return;
        }
        for oid in self.facts.relations_changed() {
            let Some(relation) = self.catalog.relation(oid).cloned() else {
                continue;
            };
            for column in &relation.columns {
                self.facts
                    .column_read(&relation, column.number, &column.name, Origin::CODE_READING);
            }
        }
    }

    /// Notes that columns of a query are computed with: as those of a set operation or of a scalar subquery are.
    pub(super) fn computes(&mut self, columns: &[NamedValue]) {
        for column in columns {
            self.note_reads(&column.value);
        }
    }

    fn note_read(&mut self, oid: Oid, number: ColumnNumber, reading: Reading) {
        // One set stands before the facts: the same columns are read over and over.
        if !self.noted_reads.insert((oid, number, reading)) {
            return;
        }
        let catalog = self.catalog;
        let Some(relation) = catalog.relation(oid) else { return };
        let Some(column) = relation.column_numbered(number) else {
            return;
        };
        self.facts.relation(relation, AccessModes::READ, false);
        self.facts.column_read(relation, number, &column.name, reading);
        self.may_be_cast(column.type_oid);
        if self.with_children.contains(&oid) {
            // Which children's columns match which isn't followed.
            let reading = Reading {
                computed: reading.computed || reading.matched,
                matched: false,
                ..reading
            };
            for child in self.descendants(oid) {
                if let Some(same) = child.column(&column.name) {
                    self.facts.column_read(&child, same.number, &same.name, reading);
                }
            }
        }
    }

    /// All relations that inherit from one, at any depth.
    pub(crate) fn descendants(&self, oid: Oid) -> Vec<Arc<Relation>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([oid]);
        let mut queue = vec![oid];
        while let Some(parent) = queue.pop() {
            for child in self.catalog.children(parent) {
                if seen.insert(child) {
                    queue.push(child);
                    found.extend(self.catalog.relation(child).cloned());
                }
            }
        }
        found
    }
}
