//! Types, casts and operators, as far as user-made functions may stand behind them.

use std::sync::Arc;

use durward_model::{Oid, RelationKind};
use pg_query::protobuf::TypeName;
use pg_query::{Node, NodeEnum};

use super::scope::{Lineage, Value};
use super::{Binder, Call, CallKind, Origin};
use crate::catalog::{Function, Type};

/// `unknown`, the type of a bare string constant.
pub(super) const UNKNOWN: Oid = Oid(705);

/// The strings of a list of String nodes.
pub(crate) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(string)) => Some(string.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// Splits a possibly qualified name into schema and name; the database's name is left out.
pub(crate) fn schema_and_name<'n>(parts: &[&'n str]) -> Option<(Option<&'n str>, &'n str)> {
    match parts {
        [name] => Some((None, name)),
        [schema, name] | [_, schema, name] => Some((Some(schema), name)),
        _ => None,
    }
}

impl Binder<'_> {
    /// Resolves a type name and notes what a conversion to it may call. `None` where it isn't known, as for row types
    /// of tables.
    pub(crate) fn type_name(&mut self, type_name: &TypeName) -> Option<Oid> {
        for modifier in &type_name.typmods {
            self.expression_value(modifier);
        }
        let parts = strings(&type_name.names);
        let (schema, name) = schema_and_name(&parts)?;
        if type_name.pct_type {
            // `table.column%TYPE`: the type of a column, which can be any.
            return None;
        }
        let catalog = self.catalog;
        let found = catalog.find_type(self.settings, &self.path, schema, name);
        let Some(found) = found else {
            // A row type of a table has the table's name.
            if catalog.find_relation(self.settings, &self.path, schema, name).is_none() {
                self.not_found("type", name);
            }
            return None;
        };
        let found = Arc::clone(found);
        self.converts_to(&found);
        self.may_be_cast(found.oid);
        let is_array = !type_name.array_bounds.is_empty();
        Some(if is_array { found.array } else { found.oid })
    }

    /// Notes what input to a type calls: checks of a domain, the input function of a type that someone made.
    pub(super) fn converts_to(&mut self, type_: &Arc<Type>) {
        if type_.oid.is_built_in() || !self.converted.insert(type_.oid) {
            return;
        }
        let catalog = self.catalog;
        match type_.kind {
            'd' => {
                for check in catalog.domain_checks(type_.oid) {
                    self.nested(Origin::Fired, |binder| {
                        binder.with_variables(["value".into(), "VALUE".into()], |binder| {
                            binder.definition_expression(check, None, "domain check");
                        });
                    });
                }
                if let Some(base) = catalog.type_(type_.base) {
                    let base = Arc::clone(base);
                    self.converts_to(&base);
                }
            }
            _ => {
                if let Some(element) = catalog.type_(type_.element).filter(|_| type_.category == 'A') {
                    let element = Arc::clone(element);
                    self.converts_to(&element);
                }
                if let Some(input) = catalog
                    .function(type_.input)
                    .filter(|function| !function.oid.is_built_in())
                {
                    self.calls(&[Arc::clone(input)], &[], CallKind::Cast);
                }
            }
        }
        if type_.kind == 'c' {
            // Fields of a composite type are converted too.
            if let Some(relation) = catalog.relation(type_.relation) {
                for column in &relation.columns {
                    if let Some(field) = catalog.type_(column.type_oid) {
                        let field = Arc::clone(field);
                        self.converts_to(&field);
                    }
                }
            }
        }
    }

    /// Notes the function behind a cast, where someone made one.
    pub(super) fn casts(&mut self, source: Option<Oid>, target: Oid) {
        let catalog = self.catalog;
        let functions: Vec<Arc<Function>> = catalog
            .casts_made_to(target)
            .filter(|cast| source.is_none_or(|source| source != UNKNOWN && self.fits(source, cast.source)))
            .filter_map(|cast| catalog.function(cast.function))
            .cloned()
            .collect();
        if !functions.is_empty() {
            self.calls(&functions, &[], CallKind::Cast);
        }
    }

    /// Notes the functions that a value of a type may pass through by implicit casts that someone made.
    pub(super) fn may_be_cast(&mut self, type_oid: Oid) {
        if !self.cast_from.insert(type_oid) {
            return;
        }
        let functions: Vec<Arc<Function>> = self.catalog.implicit_casts_made_from(type_oid).cloned().collect();
        if !functions.is_empty() {
            self.facts.conservative();
            self.calls(&functions, &[], CallKind::Cast);
        }
    }

    /// Notes the functions behind an operator that someone made; built-in operators compute from their operands alone.
    /// Says whether only the server's own can be meant.
    pub(super) fn operator(&mut self, name: &[Node], left: Option<&Value>, right: Option<&Value>) -> bool {
        let parts = strings(name);
        let Some((schema, name)) = schema_and_name(&parts) else {
            return false;
        };
        self.operator_named(schema, name, left, right)
    }

    pub(super) fn operator_named(
        &mut self,
        schema: Option<&str>,
        name: &str,
        left: Option<&Value>,
        right: Option<&Value>,
    ) -> bool {
        let catalog = self.catalog;
        let schema = schema.map(|schema| self.settings.resolve_schema(schema));
        let fits = |value: Option<&Value>, operand: Oid| match value {
            None => operand == Oid(0),
            Some(value) => operand != Oid(0) && value.type_oid.is_none_or(|known| self.fits(known, operand)),
        };
        let functions: Vec<Arc<Function>> = catalog
            .operators_named(name)
            .filter(|operator| !operator.oid.is_built_in())
            .filter(|operator| match schema {
                Some(schema) => &*operator.schema == schema,
                None => self.path.contains(&operator.schema),
            })
            .filter(|operator| fits(left, operator.left) && fits(right, operator.right))
            .filter_map(|operator| catalog.function(operator.function))
            .cloned()
            .collect();
        if !functions.is_empty() {
            self.facts.conservative();
            self.calls(&functions, &[], CallKind::Operator);
        }
        functions.is_empty()
    }

    /// Whether a value of one type may stand where another is wanted, without an explicit cast. Says yes in doubt.
    pub(super) fn fits(&self, given: Oid, wanted: Oid) -> bool {
        if given == wanted || given == UNKNOWN || is_pseudo(wanted) {
            return true;
        }
        if let Some(given) = self.catalog.type_(given) {
            if given.kind == 'd' && self.fits(given.base, wanted) {
                return true;
            }
            // Composite values and records go both ways; ranges, enums and arrays only through their own types.
            if given.kind == 'c' {
                return true;
            }
        } else {
            // A row type.
            return self
                .catalog
                .type_(wanted)
                .is_none_or(|wanted| matches!(wanted.kind, 'c' | 'p'));
        }
        self.catalog.cast(given, wanted).is_some_and(|cast| cast.context == 'i')
    }

    /// Hands a call to the table of functions, and gives the columns that the functions' bodies read: their results may
    /// depend on them.
    pub(super) fn calls(&mut self, candidates: &[Arc<Function>], arguments: &[Node], how: CallKind) -> Value {
        let mut value = Value::default();
        if candidates.is_empty() {
            return value;
        }
        let made = candidates.iter().any(|candidate| !candidate.oid.is_built_in());
        if candidates.len() > 1 && made {
            self.facts.conservative();
        }
        let call = Call {
            candidates,
            arguments,
            how,
        };
        if !made {
            crate::functions::call(self, &call);
            return value;
        }
        // Arguments and results become values of their types: checks of domains run.
        for candidate in candidates {
            for type_oid in candidate.argument_types.iter().chain([&candidate.result_type]) {
                if let Some(type_) = self.catalog.type_(*type_oid).filter(|type_| !type_.oid.is_built_in()) {
                    let type_ = Arc::clone(type_);
                    self.converts_to(&type_);
                }
            }
        }
        let before = std::mem::take(&mut self.noted_reads);
        crate::functions::call(self, &call);
        let within = std::mem::replace(&mut self.noted_reads, before);
        self.noted_reads.extend(&within);
        for candidate in candidates {
            // A body is walked once; later calls of it depend on the same columns.
            let known = self.function_reads.entry(candidate.oid).or_default();
            known.extend(within.iter().map(|(oid, number, _)| (*oid, *number)));
            value.lineage.extend(known.iter());
        }
        // A body that a trigger ran first is not walked again.
        let by_candidates = candidates
            .iter()
            .filter_map(|candidate| self.function_reads.get(&candidate.oid));
        let reads: Lineage = by_candidates.flatten().copied().collect();
        self.note_code_reads(&reads);
        let catalog = self.catalog;
        value.lineage.retain(|(oid, _)| {
            catalog
                .relation(*oid)
                .is_some_and(|relation| relation.kind != RelationKind::View)
        });
        value
    }
}

/// Pseudo-types that take any value, or values of many types (`pg_type.dat`).
fn is_pseudo(oid: Oid) -> bool {
    matches!(
        oid.0,
        2276 | 2283 | 2277 | 2776 | 3500 | 3831 | 4537 | 5077 | 5078 | 5079 | 5080 | 4538 | 2249 | 2287 | 705 | 2275
    )
}
