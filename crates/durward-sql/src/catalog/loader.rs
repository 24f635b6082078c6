use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use durward_model::{ColumnNumber, Oid, RelationKind};

use super::entries::{
    Cast, Column, EventTrigger, Extension, ForeignKey, Function, FunctionKind, Index, Operator, Relation, RowPolicy,
    Rule, Trigger, Type,
};
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

/// One part of the catalog, indexed.
#[derive(Debug, Default)]
pub struct CatalogPart {
    pub(crate) definition_path: Vec<Arc<str>>,
    pub(crate) namespaces: HashMap<Oid, Arc<str>>,
    pub(crate) namespace_names: HashSet<Arc<str>>,
    pub(crate) relations: HashMap<Oid, Arc<Relation>>,
    pub(crate) relation_names: HashMap<Arc<str>, HashMap<Arc<str>, Oid>>,
    pub(crate) row_types: HashMap<Oid, Oid>,
    pub(crate) children: HashMap<Oid, Vec<Oid>>,
    pub(crate) parents: HashMap<Oid, Vec<Oid>>,
    pub(crate) types: HashMap<Oid, Arc<Type>>,
    pub(crate) type_names: HashMap<Arc<str>, HashMap<Arc<str>, Oid>>,
    pub(crate) functions: HashMap<Oid, Arc<Function>>,
    pub(crate) function_names: HashMap<Arc<str>, Vec<Oid>>,
    pub(crate) aggregates: HashMap<Oid, Box<[Oid]>>,
    pub(crate) operator_names: HashMap<Arc<str>, Vec<Arc<Operator>>>,
    pub(crate) casts: HashMap<(Oid, Oid), Cast>,
    /// Functions of implicit casts, by source type.
    pub(crate) implicit_casts: HashMap<Oid, Vec<Oid>>,
    pub(crate) views: HashMap<Oid, Arc<str>>,
    pub(crate) security_invoker_views: HashSet<Oid>,
    pub(crate) rules: HashMap<Oid, Vec<Arc<Rule>>>,
    pub(crate) triggers: HashMap<Oid, Vec<Arc<Trigger>>>,
    pub(crate) foreign_keys_to: HashMap<Oid, Vec<Arc<ForeignKey>>>,
    pub(crate) foreign_keys_from: HashMap<Oid, Vec<Arc<ForeignKey>>>,
    pub(crate) checks: HashMap<Oid, Vec<Arc<str>>>,
    pub(crate) domain_checks: HashMap<Oid, Vec<Arc<str>>>,
    pub(crate) indexes: HashMap<Oid, Vec<Arc<Index>>>,
    pub(crate) defaults: HashMap<(Oid, ColumnNumber), Arc<str>>,
    pub(crate) row_policies: HashMap<Oid, Vec<Arc<RowPolicy>>>,
    pub(crate) partition_keys: HashMap<Oid, Arc<str>>,
    pub(crate) event_triggers: Vec<Arc<EventTrigger>>,
    pub(crate) extensions: HashMap<Arc<str>, Arc<Extension>>,
}

/// Builds one part of the catalog from rows as they arrive.
#[derive(Debug, Default)]
pub struct CatalogLoader {
    part: CatalogPart,
    names: HashSet<Arc<str>>,
    /// Columns of the relation whose rows are arriving; `ORDER BY` keeps a relation's together.
    columns: HashMap<Oid, Vec<Column>>,
    relations: Vec<Relation>,
}

impl CatalogLoader {
    /// An empty loader.
    pub fn new() -> Self {
        Self::default()
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
        match query {
            CatalogQuery::Path => {
                let text = row.text()?;
                let path: Vec<String> = row.json(Some(text))?;
                self.part.definition_path = path.iter().map(|name| self.intern(name)).collect();
            }
            CatalogQuery::Namespaces => {
                let oid = row.oid()?;
                let name = row.text()?;
                let name = self.intern(name);
                self.part.namespace_names.insert(Arc::clone(&name));
                self.part.namespaces.insert(oid, name);
            }
            CatalogQuery::Relations => self.relation(row)?,
            CatalogQuery::Columns => self.column(row)?,
            CatalogQuery::Inheritance => {
                let (child, parent) = (row.oid()?, row.oid()?);
                self.part.children.entry(parent).or_default().push(child);
                self.part.parents.entry(child).or_default().push(parent);
            }
            CatalogQuery::Types => self.type_(row)?,
            CatalogQuery::Functions => self.function(row)?,
            CatalogQuery::Aggregates => {
                let (oid, functions) = (row.oid()?, row.oids()?);
                let functions = functions.iter().copied().filter(|oid| *oid != Oid(0)).collect();
                self.part.aggregates.insert(oid, functions);
            }
            CatalogQuery::Operators => self.operator(row)?,
            CatalogQuery::Casts => {
                row.oid()?;
                let (source, target, function, context) = (row.oid()?, row.oid()?, row.oid()?, row.char()?);
                if context == 'i' && function != Oid(0) {
                    self.part.implicit_casts.entry(source).or_default().push(function);
                }
                self.part.casts.insert(
                    (source, target),
                    Cast {
                        source,
                        target,
                        function,
                        context,
                    },
                );
            }
            CatalogQuery::Views => {
                let (oid, text) = (row.oid()?, row.optional()?);
                if let Some(text) = text {
                    self.part.views.insert(oid, text.into());
                }
                if row.optional()?.is_some_and(|options| {
                    options.contains("security_invoker=true") || options.contains("security_invoker=on")
                }) {
                    self.part.security_invoker_views.insert(oid);
                }
            }
            CatalogQuery::Rules => {
                row.oid()?;
                let name = row.text()?;
                let name = self.intern(name);
                let relation = row.oid()?;
                let rule = Rule {
                    name,
                    event: row.char()?,
                    instead: row.bool()?,
                    enabled: row.char()?,
                    definition: row.text()?.into(),
                };
                self.part.rules.entry(relation).or_default().push(Arc::new(rule));
            }
            CatalogQuery::Triggers => self.trigger(row)?,
            CatalogQuery::Constraints => self.constraint(row)?,
            CatalogQuery::Indexes => {
                let (oid, relation, mut columns, key_count) = (row.oid()?, row.oid()?, row.numbers()?, row.number()?);
                columns.truncate(usize::try_from(key_count).unwrap_or(0));
                let (unique, primary, valid, immediate) = (row.bool()?, row.bool()?, row.bool()?, row.bool()?);
                let index = Index {
                    oid,
                    columns: columns.into(),
                    unique,
                    primary,
                    proves_uniqueness: unique && valid && immediate,
                    expressions: row.optional()?.map(Into::into),
                    predicate: row.optional()?.map(Into::into),
                };
                self.part.indexes.entry(relation).or_default().push(Arc::new(index));
            }
            CatalogQuery::Defaults => {
                let key = (row.oid()?, ColumnNumber(row.short()?));
                let text = row.text()?;
                // Many tables share a few default expressions.
                let text = self.intern(text);
                self.part.defaults.insert(key, text);
            }
            CatalogQuery::RowPolicies => {
                let relation = row.oid()?;
                let policy = RowPolicy {
                    name: row.text()?.into(),
                    command: row.char()?,
                    using: row.optional()?.map(Into::into),
                    check: row.optional()?.map(Into::into),
                };
                self.part
                    .row_policies
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
                self.part.event_triggers.push(Arc::new(trigger));
            }
            CatalogQuery::Extensions => {
                let extension = Extension {
                    name: row.text()?.into(),
                    version: row.text()?.into(),
                    schema: row.text()?.into(),
                };
                self.part
                    .extensions
                    .insert(Arc::clone(&extension.name), Arc::new(extension));
            }
            CatalogQuery::PartitionKeys => {
                let relation = row.oid()?;
                if let Some(text) = row.optional()? {
                    self.part.partition_keys.insert(relation, text.into());
                }
            }
        }
        Ok(())
    }

    /// The part, once every query's rows have been pushed.
    pub fn finish(mut self) -> CatalogPart {
        for mut relation in std::mem::take(&mut self.relations) {
            if let Some(columns) = self.columns.remove(&relation.oid) {
                relation.columns = columns.into();
            }
            let (oid, schema, name) = (relation.oid, Arc::clone(&relation.schema), Arc::clone(&relation.name));
            self.part.relation_names.entry(schema).or_default().insert(name, oid);
            if relation.row_type != Oid(0) {
                self.part.row_types.insert(relation.row_type, oid);
            }
            self.part.relations.insert(oid, Arc::new(relation));
        }
        self.part
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
        self.relations.push(relation);
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
        };
        self.columns.entry(relation).or_default().push(column);
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
            default: row.optional()?.map(Into::into),
        };
        let names = self.part.type_names.entry(Arc::clone(&type_.schema)).or_default();
        names.insert(Arc::clone(&type_.name), oid);
        self.part.types.insert(oid, Arc::new(type_));
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
            sql_body: row.optional()?.map(Into::into),
            config: row.names()?,
            argument_names: row.names()?,
            argument_modes: row.chars()?,
            all_argument_types: row.oids()?.into(),
            extension: row.optional()?.map(|extension| self.intern(extension)),
        };
        let by_name = self.part.function_names.entry(name).or_default();
        // A function of two extensions comes twice; none is then trusted as a member.
        if let Some(known) = self.part.functions.get_mut(&oid) {
            Arc::make_mut(known).extension = None;
        } else {
            by_name.push(oid);
            self.part.functions.insert(oid, Arc::new(function));
        }
        Ok(())
    }

    fn operator(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        let (oid, name, namespace) = (row.oid()?, row.text()?, row.oid()?);
        let name = self.intern(name);
        let operator = Operator {
            oid,
            schema: self.schema(namespace),
            name: Arc::clone(&name),
            left: row.oid()?,
            right: row.oid()?,
            function: row.oid()?,
            result: row.oid()?,
        };
        self.part
            .operator_names
            .entry(name)
            .or_default()
            .push(Arc::new(operator));
        Ok(())
    }

    fn trigger(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        row.oid()?;
        let relation = row.oid()?;
        let trigger = Trigger {
            name: row.text()?.into(),
            function: row.oid()?,
            bits: u16::try_from(row.number()?).map_err(|_| row.error("has a trigger type out of range"))?,
            enabled: row.char()?,
            definition: row.optional()?.map(Into::into),
            columns: row.numbers()?.into(),
        };
        self.part.triggers.entry(relation).or_default().push(Arc::new(trigger));
        Ok(())
    }

    fn constraint(&mut self, mut row: Row<'_>) -> Result<(), CatalogError> {
        row.oid()?;
        let (name, kind, from, to) = (row.text()?, row.char()?, row.oid()?, row.oid()?);
        let (on_update, on_delete) = (row.char()?, row.char()?);
        let (from_columns, to_columns, domain, expression) =
            (row.numbers()?, row.numbers()?, row.oid()?, row.optional()?);
        if kind == 'f' {
            let key = Arc::new(ForeignKey {
                name: self.intern(name),
                from,
                from_columns: from_columns.into(),
                to,
                to_columns: to_columns.into(),
                on_update,
                on_delete,
            });
            self.part.foreign_keys_to.entry(to).or_default().push(Arc::clone(&key));
            self.part.foreign_keys_from.entry(from).or_default().push(key);
            return Ok(());
        }
        let Some(expression) = expression else { return Ok(()) };
        let expression = self.intern(expression);
        if domain == Oid(0) {
            self.part.checks.entry(from).or_default().push(expression);
        } else {
            self.part.domain_checks.entry(domain).or_default().push(expression);
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
