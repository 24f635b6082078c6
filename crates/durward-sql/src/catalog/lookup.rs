use std::sync::Arc;

use durward_model::{ColumnNumber, Oid};

use super::entries::{
    Cast, Definition, EventTrigger, Extension, ForeignKey, Function, Index, Operator, Relation, RowPolicy, Rule,
    Trigger, Type,
};
use super::part::CatalogPart;
use crate::SessionSettings;

/// The catalog of one database at one moment, as one session sees it: immutable and numbered.
#[derive(Debug)]
pub struct CatalogSnapshot {
    generation: u64,
    built_in: Arc<CatalogPart>,
    rest: Arc<CatalogPart>,
}

impl CatalogSnapshot {
    /// A snapshot of the two parts. `generation` must be unique among all snapshots that share an analyser: cached
    /// analyses are keyed by it.
    pub const fn new(generation: u64, built_in: Arc<CatalogPart>, rest: Arc<CatalogPart>) -> Self {
        Self {
            generation,
            built_in,
            rest,
        }
    }

    /// Whether nobody but the session that read the snapshot can see the relation yet, so that its locks hinder nobody:
    /// one made by its open transaction, or a temporary one.
    pub fn is_made_here(&self, oid: Oid) -> bool {
        self.rest.made_here.contains(&oid) || self.relation(oid).is_some_and(|relation| relation.temporary)
    }

    /// Whether another session's lock kept a definition from being read.
    pub fn has_locked_definitions(&self) -> bool {
        !self.rest.locked.is_empty()
    }

    /// Its number.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The part that `initdb` made, to be shared by later snapshots of the same database.
    pub const fn built_in(&self) -> &Arc<CatalogPart> {
        &self.built_in
    }

    /// The part that others than `initdb` made.
    pub const fn rest(&self) -> &Arc<CatalogPart> {
        &self.rest
    }

    fn parts(&self) -> [&CatalogPart; 2] {
        [&self.rest, &self.built_in]
    }

    /// Whether a schema exists.
    pub fn has_schema(&self, name: &str) -> bool {
        // All schemas are read with the rest.
        self.rest.namespace_names.contains(name)
    }

    /// A relation by oid.
    pub fn relation(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.parts().into_iter().find_map(|part| part.relations.get(&oid))
    }

    /// Every relation that others than `initdb` made, in no order: indexes, sequences and composite types too.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.rest.relations.values()
    }

    /// A relation by schema and name, indexes and composite types included.
    pub fn relation_in(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.parts()
            .into_iter()
            .find_map(|part| part.relations.get(part.relation_names.get(schema)?.get(name)?))
    }

    /// A relation as the server finds it: in `schema` where given (`pg_temp` is the session's), else along the search
    /// path.
    pub fn find_relation(
        &self,
        settings: &SessionSettings,
        path: &[Arc<str>],
        schema: Option<&str>,
        name: &str,
    ) -> Option<&Arc<Relation>> {
        match schema {
            Some(schema) => self.relation_in(settings.resolve_schema(schema), name),
            None => path.iter().find_map(|schema| self.relation_in(schema, name)),
        }
    }

    /// The relation whose row type this is.
    pub fn relation_of_row_type(&self, oid: Oid) -> Option<&Arc<Relation>> {
        let relation = self.parts().into_iter().find_map(|part| part.row_types.get(&oid))?;
        self.relation(*relation)
    }

    /// Whether a column alone is a unique key of its relation.
    pub fn is_unique_column(&self, oid: Oid, column: ColumnNumber) -> bool {
        self.indexes(oid).into_iter().any(|index| {
            index.proves_uniqueness
                && index.predicate.is_none()
                && index.expressions.is_none()
                && index.columns.first() == Some(&column)
                && index.columns.len() == 1
        })
    }

    /// Relations that inherit directly from this one, partitions included.
    pub fn children(&self, oid: Oid) -> impl Iterator<Item = Oid> {
        self.parts()
            .into_iter()
            .flat_map(move |part| part.children.get(&oid).into_iter().flatten().copied())
    }

    /// Relations that this one inherits from directly.
    pub fn parents(&self, oid: Oid) -> impl Iterator<Item = Oid> {
        self.parts()
            .into_iter()
            .flat_map(move |part| part.parents.get(&oid).into_iter().flatten().copied())
    }

    /// A type by oid; row types of tables are not held.
    pub fn type_(&self, oid: Oid) -> Option<&Arc<Type>> {
        self.parts().into_iter().find_map(|part| part.types.get(&oid))
    }

    /// A type by schema and name.
    pub fn type_in(&self, schema: &str, name: &str) -> Option<&Arc<Type>> {
        self.parts()
            .into_iter()
            .find_map(|part| part.types.get(part.type_names.get(schema)?.get(name)?))
    }

    /// A type as the server finds it.
    pub fn find_type(
        &self,
        settings: &SessionSettings,
        path: &[Arc<str>],
        schema: Option<&str>,
        name: &str,
    ) -> Option<&Arc<Type>> {
        match schema {
            Some(schema) => self.type_in(settings.resolve_schema(schema), name),
            None => path.iter().find_map(|schema| self.type_in(schema, name)),
        }
    }

    /// The checks of a domain.
    pub fn domain_checks(&self, oid: Oid) -> impl Iterator<Item = &Definition> {
        self.parts().into_iter().flat_map(move |part| part.checks.of(oid))
    }

    /// A function by oid.
    pub fn function(&self, oid: Oid) -> Option<&Arc<Function>> {
        self.parts().into_iter().find_map(|part| part.functions.get(&oid))
    }

    /// All functions of a name, in any schema.
    pub fn functions_named(&self, name: &str) -> impl Iterator<Item = &Arc<Function>> {
        self.parts().into_iter().flat_map(move |part| {
            part.function_names
                .get(name)
                .into_iter()
                .flatten()
                .filter_map(move |oid| part.functions.get(oid))
        })
    }

    /// Functions that a name can mean: those in `schema` where given, else those in any schema of the search path
    /// (functions are not looked up in the temporary schema). Overloads are not resolved.
    pub fn find_functions(
        &self,
        settings: &SessionSettings,
        path: &[Arc<str>],
        schema: Option<&str>,
        name: &str,
    ) -> Vec<Arc<Function>> {
        let schema = schema.map(|schema| settings.resolve_schema(schema));
        self.functions_named(name)
            .filter(|function| match schema {
                Some(schema) => &*function.schema == schema,
                None => settings.temp_schema.as_ref() != Some(&function.schema) && path.contains(&function.schema),
            })
            .cloned()
            .collect()
    }

    /// The support functions of an aggregate.
    pub fn aggregate_functions(&self, oid: Oid) -> &[Oid] {
        self.parts()
            .into_iter()
            .find_map(|part| part.aggregates.get(&oid))
            .map_or(&[], |functions| functions)
    }

    /// All operators of a name, in any schema.
    pub fn operators_named(&self, name: &str) -> impl Iterator<Item = &Arc<Operator>> {
        self.parts().into_iter().flat_map(move |part| {
            part.operator_names
                .get(name)
                .into_iter()
                .flatten()
                .filter_map(move |oid| part.operators.get(oid))
        })
    }

    /// The cast between two types.
    pub fn cast(&self, source: Oid, target: Oid) -> Option<&Cast> {
        self.parts()
            .into_iter()
            .find_map(|part| part.casts.get(&(source, target)))
    }

    /// All casts to a type that a person or an extension made.
    pub fn casts_made_to(&self, target: Oid) -> impl Iterator<Item = &Cast> {
        self.rest.casts.values().filter(move |cast| cast.target == target)
    }

    /// Functions that a value of this type may pass through unasked: those of implicit casts that a person made.
    pub fn implicit_casts_made_from(&self, source: Oid) -> impl Iterator<Item = &Arc<Function>> {
        let functions = self.rest.implicit_casts.get(&source).into_iter().flatten();
        functions
            .filter_map(|oid| self.function(*oid))
            .filter(|function| function.extension.is_none() && !function.oid.is_built_in())
    }

    /// The query of a view or materialised view.
    pub fn view_definition(&self, oid: Oid) -> Option<&Definition> {
        self.parts().into_iter().find_map(|part| part.views.get(&oid))
    }

    /// Rules of a relation, views' own left out.
    pub fn rules(&self, oid: Oid) -> impl Iterator<Item = &Arc<Rule>> {
        self.parts().into_iter().flat_map(move |part| part.rules.of(oid))
    }

    /// Triggers of a relation, those behind constraints left out.
    pub fn triggers(&self, oid: Oid) -> impl Iterator<Item = &Arc<Trigger>> {
        self.parts().into_iter().flat_map(move |part| part.triggers.of(oid))
    }

    /// Foreign keys that refer to a relation.
    pub fn foreign_keys_to(&self, oid: Oid) -> impl Iterator<Item = &Arc<ForeignKey>> {
        self.parts()
            .into_iter()
            .flat_map(move |part| part.foreign_keys_to.of(oid))
    }

    /// Foreign keys of a relation.
    pub fn foreign_keys_from(&self, oid: Oid) -> impl Iterator<Item = &Arc<ForeignKey>> {
        self.parts()
            .into_iter()
            .flat_map(move |part| part.foreign_keys_from.of(oid))
    }

    /// Check constraints of a relation, as expressions over its columns.
    pub fn checks(&self, oid: Oid) -> impl Iterator<Item = &Definition> {
        self.parts().into_iter().flat_map(move |part| part.checks.of(oid))
    }

    /// Indexes of a relation.
    pub fn indexes(&self, oid: Oid) -> impl Iterator<Item = &Arc<Index>> {
        self.parts().into_iter().flat_map(move |part| part.indexes.of(oid))
    }

    /// The default or generation expression of a column.
    pub fn default_of(&self, relation: Oid, column: ColumnNumber) -> Option<&Definition> {
        self.parts()
            .into_iter()
            .find_map(|part| part.default_of(relation, column))
    }

    /// Row policies of a relation.
    pub fn row_policies(&self, oid: Oid) -> impl Iterator<Item = &Arc<RowPolicy>> {
        self.parts()
            .into_iter()
            .flat_map(move |part| part.row_policies.get(&oid).into_iter().flatten())
    }

    /// The expressions in the partition key of a relation.
    pub fn partition_key_expressions(&self, oid: Oid) -> Option<&Definition> {
        self.parts().into_iter().find_map(|part| part.partition_keys.get(&oid))
    }

    /// Event triggers.
    pub fn event_triggers(&self) -> impl Iterator<Item = &Arc<EventTrigger>> {
        self.parts().into_iter().flat_map(|part| part.event_triggers.iter())
    }

    /// An installed extension.
    pub fn extension(&self, name: &str) -> Option<&Arc<Extension>> {
        self.parts().into_iter().find_map(|part| part.extensions.get(name))
    }
}
