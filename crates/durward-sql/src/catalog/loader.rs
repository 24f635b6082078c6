use std::collections::HashSet;
use std::sync::Arc;

use durward_model::{ColumnNumber, Oid, RelationKind};

use super::entries::{
    Cast, Column, Definition, EventTrigger, Extension, ForeignKey, Function, FunctionKind, Index, Operator, Relation,
    RowPolicy, Rule, Trigger, Type,
};
use super::part::{CatalogPart, Outdates, RowKey};
use super::queries::CatalogQuery;

/// A catalog row that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("catalog query {query:?}: {problem}")]
pub struct CatalogError {
    /// Which query's.
    pub query: CatalogQuery,
    /// What is wrong.
    pub problem: Arc<str>,
}

/// Puts rows into one part of the catalog as they arrive.
#[derive(Debug, Default)]
pub struct CatalogLoader {
    part: CatalogPart,
    names: HashSet<Arc<str>>,
    /// The search path under which the definitions that arrive were printed.
    path: Arc<[Arc<str>]>,
    /// The relation whose columns are arriving; `ORDER BY` keeps a relation's together.
    columns_of: Option<(Oid, Vec<Column>)>,
    /// Functions that have arrived.
    functions: HashSet<Oid>,
    /// Objects that have another name now than in the part: definitions that name them are out of date.
    renamed: HashSet<Oid>,
    /// Relations that have more columns now: queries that name them are out of date.
    widened: HashSet<Oid>,
}

impl CatalogLoader {
    /// A loader of an empty part.
    pub fn new() -> Self {
        Self::default()
    }

    /// A loader that changes a part.
    pub(crate) fn over(part: CatalogPart) -> Self {
        Self {
            part,
            ..Self::default()
        }
    }

    pub(crate) const fn part(&mut self) -> &mut CatalogPart {
        &mut self.part
    }

    /// Objects that have got another name, and relations that have got more columns, by what was pushed.
    pub(crate) const fn outdated(&self) -> (&HashSet<Oid>, &HashSet<Oid>) {
        (&self.renamed, &self.widened)
    }

    /// Takes one row of one query's answer, in text format.
    ///
    /// # Errors
    /// The row has another shape than the query's.
    pub fn push(&mut self, query: CatalogQuery, row: &[Option<&str>]) -> Result<(), CatalogError> {
        let mut row = Row {
            query,
            fields: row.iter(),
        };
        if query.is_read_whole() {
            self.part.count_whole_row(query);
        }
        match query {
            CatalogQuery::Path => {
                let text = row.text()?;
                let path: Vec<String> = row.json(Some(text))?;
                self.path = path.iter().map(|name| self.intern(name)).collect();
            }
            CatalogQuery::Namespaces => {
                let oid = row.oid()?;
                let name = row.text()?;
                let name = self.intern(name);
                Arc::make_mut(&mut self.part.namespace_names).insert(Arc::clone(&name));
                Arc::make_mut(&mut self.part.namespaces).insert(oid, name);
            }
            CatalogQuery::Relations => self.relation(row)?,
            CatalogQuery::Columns => self.column(row)?,
            CatalogQuery::Inheritance => {
                let (child, parent) = (row.oid()?, row.oid()?);
                let children = Arc::make_mut(&mut self.part.children);
                children.entry(parent).or_default().push(child);
                Arc::make_mut(&mut self.part.parents)
                    .entry(child)
                    .or_default()
                    .push(parent);
            }
            CatalogQuery::Types => self.type_(row)?,
            CatalogQuery::Functions => self.function(row)?,
            CatalogQuery::Aggregates => {
                let (oid, functions) = (row.oid()?, row.oids()?);
                let functions = functions.iter().copied().filter(|oid| *oid != Oid(0)).collect();
                Arc::make_mut(&mut self.part.aggregates).insert(oid, functions);
            }
            CatalogQuery::Operators => self.operator(row)?,
            CatalogQuery::Casts => self.cast(row)?,
            CatalogQuery::Views => {
                let oid = row.oid()?;
                // One that is gone again has no text.
                if let Some(definition) = self.definition(row.optional()?, oid) {
                    Arc::make_mut(&mut self.part.views).insert(oid, definition);
                }
            }
            CatalogQuery::Rules => self.rule(row)?,
            CatalogQuery::Triggers => self.trigger(row)?,
            CatalogQuery::Constraints => self.constraint(row)?,
            CatalogQuery::Indexes => self.index(row)?,
            CatalogQuery::Defaults => {
                let (relation, column) = (row.oid()?, row.short()?);
                if let Some(definition) = self.definition(row.optional()?, relation) {
                    self.part.defaults.insert((relation, column), relation, definition);
                }
            }
            CatalogQuery::RowPolicies => {
                let relation = row.oid()?;
                let policy = RowPolicy {
                    name: row.text()?.into(),
                    command: row.char()?,
                    using: self.definition(row.optional()?, relation),
                    check: self.definition(row.optional()?, relation),
                };
                Arc::make_mut(&mut self.part.row_policies)
                    .entry(relation)
                    .or_default()
                    .push(Arc::new(policy));
            }
            CatalogQuery::EventTriggers => {
                let trigger = EventTrigger {
                    name: row.text()?.into(),
                    event: row.text()?.into(),
                    function: row.oid()?,
                    enabled: row.char()?,
                };
                Arc::make_mut(&mut self.part.event_triggers).push(Arc::new(trigger));
            }
            CatalogQuery::Extensions => {
                let extension = Extension {
                    name: row.text()?.into(),
                    version: row.text()?.into(),
                    schema: row.text()?.into(),
                };
                Arc::make_mut(&mut self.part.extensions).insert(Arc::clone(&extension.name), Arc::new(extension));
            }
            CatalogQuery::PartitionKeys => {
                let relation = row.oid()?;
                if let Some(definition) = self.definition(row.optional()?, relation) {
                    Arc::make_mut(&mut self.part.partition_keys).insert(relation, definition);
                }
            }
        }
        Ok(())
    }

    /// The key of a row of a [`Selection::Keys`](super::queries::Selection) answer, or of one that begins with an oid.
    pub(crate) fn key(&self, query: CatalogQuery, row: &[Option<&str>]) -> Result<RowKey, CatalogError> {
        let mut row = Row {
            query,
            fields: row.iter(),
        };
        let oid = row.oid()?;
        let number = if row.fields.len() == 0 { 0 } else { row.short()? };
        Ok((oid, number))
    }

    /// The part, once every query's rows have been pushed.
    pub fn finish(mut self) -> CatalogPart {
        self.end_columns();
        self.part
    }

    /// Puts in the columns of the relation whose rows have arrived last.
    pub(crate) fn end_columns(&mut self) {
        let Some((relation, columns)) = self.columns_of.take() else {
            return;
        };
        match self.part.set_columns(relation, columns) {
            Outdates::Nothing => {}
            Outdates::Queries => {
                self.widened.insert(relation);
            }
            Outdates::All => {
                self.renamed.insert(relation);
            }
        }
    }

    /// A text that belongs to `owner`. Many tables share a few default expressions.
    fn definition(&mut self, text: Option<&str>, owner: Oid) -> Option<Definition> {
        let definition = Definition {
            text: self.intern(text?),
            path: Arc::clone(&self.path),
        };
        if definition.is_locked() {
            self.part.locked.insert(owner);
        }
        Some(definition)
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.names.insert(Arc::clone(&new));
        new
    }

    /// A schema's name. One made since the schemas were read has none yet: what is in it can't be named until the
    /// change brings another read.
    fn schema(&mut self, oid: Oid) -> Arc<str> {
        match self.part.namespaces.get(&oid) {
            Some(name) => Arc::clone(name),
            None => self.intern(""),
        }
    }

    fn relation(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, namespace) = (row.oid()?, row.text()?, row.oid()?);
        let kind = match row.char()? {
            'r' => RelationKind::Table,
            'p' => RelationKind::PartitionedTable,
            'v' => RelationKind::View,
            'm' => RelationKind::MaterializedView,
            'f' => RelationKind::ForeignTable,
            'S' => RelationKind::Sequence,
            'i' | 'I' => RelationKind::Index,
            'c' => RelationKind::CompositeType,
            't' => RelationKind::Toast,
            _ => return Err(row.error("has a relation kind that isn't known")),
        };
        let relation = Relation {
            oid,
            schema: self.schema(namespace),
            name: self.intern(name),
            kind,
            owner: row.oid()?,
            temporary: row.char()? == 't',
            row_security: row.bool()?,
            row_security_forced: row.bool()?,
            row_type: row.oid()?,
            is_partition: row.bool()?,
            columns: Box::default(),
        };
        if self.part.set_relation(relation) {
            self.renamed.insert(oid);
        }
        Ok(())
    }

    fn column(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let relation = row.oid()?;
        let (number, name) = (ColumnNumber(row.short()?), row.text()?);
        let column = Column {
            number,
            name: self.intern(name),
            type_oid: row.oid()?,
            not_null: row.bool()?,
            has_default: row.bool()?,
            generated: !row.text()?.is_empty(),
            identity: !row.text()?.is_empty(),
            type_modifier: row.modifier()?,
        };
        match &mut self.columns_of {
            Some((known, columns)) if *known == relation => columns.push(column),
            _ => {
                self.end_columns();
                self.columns_of = Some((relation, vec![column]));
            }
        }
        Ok(())
    }

    fn type_(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, namespace) = (row.oid()?, row.text()?, row.oid()?);
        let type_ = Type {
            oid,
            schema: self.schema(namespace),
            name: self.intern(name),
            kind: row.char()?,
            relation: row.oid()?,
            element: row.oid()?,
            base: row.oid()?,
            category: row.char()?,
            preferred: row.bool()?,
            input: row.oid()?,
            output: row.oid()?,
            array: row.oid()?,
            default: self.definition(row.optional()?, oid),
        };
        if self.part.set_type(type_) {
            self.renamed.insert(oid);
        }
        Ok(())
    }

    fn function(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, namespace) = (row.oid()?, row.text()?, row.oid()?);
        let schema = self.schema(namespace);
        let name = self.intern(name);
        let kind = match row.char()? {
            'f' => FunctionKind::Function,
            'p' => FunctionKind::Procedure,
            'a' => FunctionKind::Aggregate,
            'w' => FunctionKind::Window,
            _ => return Err(row.error("has a function kind that isn't known")),
        };
        let function = Function {
            oid,
            schema,
            name: Arc::clone(&name),
            kind,
            owner: row.oid()?,
            variadic: row.oid()?,
            default_count: usize::try_from(row.number()?).unwrap_or(0),
            argument_types: row.oid_vector()?,
            result_type: row.oid()?,
            returns_set: row.bool()?,
            language: {
                let language = row.text()?;
                self.intern(language)
            },
            language_trusted: row.bool()?,
            volatility: row.char()?,
            security_definer: row.bool()?,
            source: row.optional()?.unwrap_or_default().into(),
            sql_body: self.definition(row.optional()?, oid),
            config: row.names()?,
            argument_names: row.names()?,
            argument_modes: row.chars()?,
            all_argument_types: row.oids()?.into(),
            // A function of two extensions comes twice; none is then trusted as a member.
            extension: row
                .optional()?
                .filter(|_| self.functions.insert(oid))
                .map(|extension| self.intern(extension)),
        };
        if self.part.set_function(function) {
            self.renamed.insert(oid);
        }
        Ok(())
    }

    fn operator(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, namespace) = (row.oid()?, row.text()?, row.oid()?);
        let operator = Operator {
            oid,
            schema: self.schema(namespace),
            name: self.intern(name),
            left: row.oid()?,
            right: row.oid()?,
            function: row.oid()?,
            result: row.oid()?,
        };
        if self.part.set_operator(operator) {
            self.renamed.insert(oid);
        }
        Ok(())
    }

    fn cast(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        row.oid()?;
        let (source, target, function, context) = (row.oid()?, row.oid()?, row.oid()?, row.char()?);
        if context == 'i' && function != Oid(0) {
            Arc::make_mut(&mut self.part.implicit_casts)
                .entry(source)
                .or_default()
                .push(function);
        }
        let cast = Cast {
            source,
            target,
            function,
            context,
        };
        Arc::make_mut(&mut self.part.casts).insert((source, target), cast);
        Ok(())
    }

    fn rule(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, relation) = (row.oid()?, row.text()?, row.oid()?);
        let (event, instead, enabled) = (row.char()?, row.bool()?, row.char()?);
        if let Some(definition) = self.definition(row.optional()?, relation) {
            let rule = Rule {
                name: self.intern(name),
                event,
                instead,
                enabled,
                definition,
            };
            self.part.rules.insert((oid, 0), relation, Arc::new(rule));
        }
        Ok(())
    }

    fn index(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, relation, mut columns, key_count) = (row.oid()?, row.oid()?, row.numbers()?, row.number()?);
        columns.truncate(usize::try_from(key_count).unwrap_or(0));
        // At once, and by the collation by which its columns are compared.
        let (unique, primary, valid, immediate) = (row.bool()?, row.bool()?, row.bool()?, row.bool()?);
        let index = Index {
            oid,
            columns: columns.into(),
            unique,
            primary,
            proves_uniqueness: unique && valid && immediate,
            expressions: self.definition(row.optional()?, relation),
            predicate: self.definition(row.optional()?, relation),
        };
        self.part.indexes.insert((oid, 0), relation, Arc::new(index));
        Ok(())
    }

    fn trigger(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, relation) = (row.oid()?, row.oid()?);
        let trigger = Trigger {
            name: row.text()?.into(),
            function: row.oid()?,
            bits: u16::try_from(row.number()?).map_err(|_| row.error("has a trigger type out of range"))?,
            enabled: row.char()?,
            definition: self.definition(row.optional()?, relation),
            columns: row.numbers()?.into(),
        };
        self.part.triggers.insert((oid, 0), relation, Arc::new(trigger));
        Ok(())
    }

    fn constraint(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let key = (row.oid()?, 0);
        let (name, kind, from, to) = (row.text()?, row.char()?, row.oid()?, row.oid()?);
        let (on_update, on_delete) = (row.char()?, row.char()?);
        let (from_columns, to_columns, domain, expression) =
            (row.numbers()?, row.numbers()?, row.oid()?, row.optional()?);
        self.part.remove_constraint(key);
        if kind == 'f' {
            let foreign_key = Arc::new(ForeignKey {
                name: self.intern(name),
                from,
                from_columns: from_columns.into(),
                to,
                to_columns: to_columns.into(),
                on_update,
                on_delete,
            });
            self.part.foreign_keys_to.insert(key, to, Arc::clone(&foreign_key));
            self.part.foreign_keys_from.insert(key, from, foreign_key);
            return Ok(());
        }
        let owner = if domain == Oid(0) { from } else { domain };
        if let Some(definition) = self.definition(expression, owner) {
            self.part.checks.insert(key, owner, definition);
        }
        Ok(())
    }
}

/// Reads the fields of one row in order.
struct Row<'a> {
    query: CatalogQuery,
    fields: std::slice::Iter<'a, Option<&'a str>>,
}

impl<'a> Row<'a> {
    fn error(&self, problem: &str) -> CatalogError {
        CatalogError {
            query: self.query,
            problem: format!("a row {problem}").into(),
        }
    }

    fn optional(&mut self) -> Result<Option<&'a str>, CatalogError> {
        match self.fields.next() {
            Some(field) => Ok(*field),
            None => Err(self.error("is too short")),
        }
    }

    fn text(&mut self) -> Result<&'a str, CatalogError> {
        self.optional()?
            .ok_or_else(|| self.error("has a null where none may be"))
    }

    fn oid(&mut self) -> Result<Oid, CatalogError> {
        let text = self.text()?;
        text.parse()
            .map(Oid)
            .map_err(|_| self.error("has no oid where one must be"))
    }

    fn number(&mut self) -> Result<i64, CatalogError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error("has no number where one must be"))
    }

    fn modifier(&mut self) -> Result<i32, CatalogError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.error("has no type modifier where one must be"))
    }

    fn short(&mut self) -> Result<i16, CatalogError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.error("has no column number where one must be"))
    }

    /// A boolean, or a flag that some versions give as another type.
    fn bool(&mut self) -> Result<bool, CatalogError> {
        match self.text()? {
            "t" => Ok(true),
            "f" => Ok(false),
            _ => Err(self.error("has no boolean where one must be")),
        }
    }

    /// A `"char"`; an empty one reads as a space.
    fn char(&mut self) -> Result<char, CatalogError> {
        Ok(self.text()?.chars().next().unwrap_or(' '))
    }

    fn json<T: serde::de::DeserializeOwned + Default>(&self, text: Option<&str>) -> Result<T, CatalogError> {
        text.map_or_else(
            || Ok(T::default()),
            |text| serde_json::from_str(text).map_err(|_| self.error("has no JSON array where one must be")),
        )
    }

    fn numbers(&mut self) -> Result<Vec<ColumnNumber>, CatalogError> {
        let text = self.optional()?;
        let numbers: Vec<i16> = self.json(text)?;
        Ok(numbers.into_iter().map(ColumnNumber).collect())
    }

    fn oids(&mut self) -> Result<Vec<Oid>, CatalogError> {
        let text = self.optional()?;
        let numbers: Vec<u32> = self.json(text)?;
        Ok(numbers.into_iter().map(Oid).collect())
    }

    fn names(&mut self) -> Result<Box<[Arc<str>]>, CatalogError> {
        let text = self.optional()?;
        self.json::<Vec<Arc<str>>>(text).map(Into::into)
    }

    fn chars(&mut self) -> Result<Box<[char]>, CatalogError> {
        let text = self.optional()?;
        self.json::<Vec<char>>(text).map(Into::into)
    }

    fn oid_vector(&mut self) -> Result<Box<[Oid]>, CatalogError> {
        let text = self.text()?;
        text.split_ascii_whitespace()
            .map(|word| {
                word.parse()
                    .map(Oid)
                    .map_err(|_| self.error("has no oid where one must be"))
            })
            .collect()
    }
}
