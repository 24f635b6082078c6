//! FROM: tables, views, subqueries, functions, joins.

use std::sync::Arc;

use durward_model::{AccessModes, Oid, RelationKind};
use pg_query::protobuf::{self as pb, Alias, JoinExpr, JoinType, RangeFunction, RangeVar};
use pg_query::{Node, NodeEnum};

use super::expr::together;
use super::scope::{Entry, NamedValue, Position, Value};
use super::select::renamed;
use super::types::strings;
use super::{Binder, Origin, Source, SourcePlace};
use crate::catalog::Relation;

impl Binder<'_> {
    pub(super) fn walk_from(&mut self, items: &[Node]) {
        for item in items {
            let columns = self.walk_from_item(item);
            self.level().columns.extend(columns);
        }
    }

    /// Walks one FROM item, adds its entries to the level, and gives the columns that `*` sees.
    fn walk_from_item(&mut self, item: &Node) -> Vec<NamedValue> {
        if !self.enter() {
            return Vec::new();
        }
        let columns = match &item.node {
            Some(NodeEnum::RangeVar(relation)) => self.range_var(relation),
            Some(NodeEnum::RangeSubselect(subselect)) => self.range_subselect(subselect),
            Some(NodeEnum::RangeFunction(function)) => self.range_function(function),
            Some(NodeEnum::JoinExpr(join)) => self.join(join),
            Some(NodeEnum::RangeTableSample(sample)) => {
                self.all_values(&sample.args);
                self.optional_value(sample.repeatable.as_deref());
                let parts = strings(&sample.method);
                if !matches!(parts.last(), Some(&"system" | &"bernoulli")) {
                    // A method of an extension: its handler is looked up as a function.
                    self.facts.opaque(parts.join("."), "TABLESAMPLE method of an extension");
                }
                let before = std::mem::replace(&mut self.sampled, true);
                let columns = sample
                    .relation
                    .as_deref()
                    .map_or_else(Vec::new, |relation| self.walk_from_item(relation));
                self.sampled = before;
                columns
            }
            Some(NodeEnum::RangeTableFunc(table)) => self.xml_table(table),
            Some(NodeEnum::JsonTable(table)) => self.json_table(table),
            Some(other) => {
                self.not_known("FROM item", other);
                Vec::new()
            }
            None => Vec::new(),
        };
        self.leave();
        columns
    }

    fn push_entry(&mut self, entry: Entry) {
        self.level().entries.push(entry);
    }

    /// A table, view, WITH query or the like by name.
    fn range_var(&mut self, range: &RangeVar) -> Vec<NamedValue> {
        if range.schemaname.is_empty()
            && let Some(cte) = self.ctes.iter().rev().find(|cte| *cte.name == range.relname).cloned()
        {
            return self.with_reference(range, cte);
        }
        let Some(relation) = self.find_relation(range) else {
            return self.unknown_relation(range);
        };
        self.may_be_shadowed(range);
        let mut columns = self.read_relation(&relation, range.inh);
        self.note_source(range, &relation, &mut columns);
        self.relation_entry(range, Some(relation), columns, None)
    }

    /// Notes where the client's own text names a relation, or what masks keep back of it there.
    fn note_source(&mut self, range: &RangeVar, relation: &Arc<Relation>, columns: &mut [NamedValue]) {
        let Ok(location) = usize::try_from(range.location) else {
            return;
        };
        if !self.is_direct() {
            return;
        }
        if let Some(masked) = self.masked.and_then(|masked| masked.relations.get(&location)) {
            for (column, named) in relation.columns.iter().zip(columns) {
                if masked.contains(&column.number) {
                    named.value = Value::of_type(column.type_oid.0);
                }
            }
            return;
        }
        let place = match &self.copied {
            Some(columns) => SourcePlace::Copy {
                columns: columns.clone(),
            },
            None if self.sampled => SourcePlace::Relation,
            None => SourcePlace::From {
                aliased: range.alias.is_some(),
            },
        };
        let source = Source {
            relation: Arc::clone(relation),
            columns: columns.to_vec(),
            place,
            only: !range.inh,
        };
        self.sources.insert(location, source);
    }

    /// The relation that a name in the text means; `None` where there is none. Another database's name never matches.
    pub(crate) fn find_relation(&self, range: &RangeVar) -> Option<Arc<Relation>> {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        self.catalog
            .find_relation(self.settings, &self.path, schema, &range.relname)
            .cloned()
    }

    /// A relation of the same name that an earlier statement of the text makes may stand before the one found.
    pub(super) fn may_be_shadowed(&mut self, range: &RangeVar) {
        if self.is_created(&range.schemaname, &range.relname) {
            self.facts.opaque(
                written_name(range),
                "an earlier statement of the same text makes a relation of this name",
            );
        }
    }

    fn with_reference(&mut self, range: &RangeVar, cte: super::scope::Cte) -> Vec<NamedValue> {
        let (columns, open) = match cte.columns {
            Some(columns) => (columns, None),
            None => {
                self.facts.opaque(&*cte.name, "WITH query named before it is defined");
                (Vec::new(), Some(Value::default()))
            }
        };
        self.relation_entry(range, None, columns, open)
    }

    fn unknown_relation(&mut self, range: &RangeVar) -> Vec<NamedValue> {
        let name = written_name(range);
        if range.schemaname.is_empty() && self.is_variable(&range.relname) {
            // A transition table of a trigger.
            return self.relation_entry(range, None, Vec::new(), Some(Value::default()));
        }
        if self.is_created(&range.schemaname, &range.relname) {
            self.facts.relation_named(
                self.assumed_name(range),
                RelationKind::Table,
                AccessModes::READ,
                self.is_direct(),
            );
            return self.relation_entry(range, None, Vec::new(), Some(Value::default()));
        }
        self.not_found("relation", &name);
        self.facts.relation_named(
            self.assumed_name(range),
            RelationKind::Table,
            AccessModes::READ,
            self.is_direct(),
        );
        self.relation_entry(range, None, Vec::new(), Some(Value::default()))
    }

    fn relation_entry(
        &mut self,
        range: &RangeVar,
        relation: Option<Arc<Relation>>,
        columns: Vec<NamedValue>,
        open: Option<Value>,
    ) -> Vec<NamedValue> {
        let columns = aliased(columns, range.alias.as_ref());
        self.push_entry(Entry {
            alias: range
                .alias
                .as_ref()
                .map_or(range.relname.as_str(), |alias| alias.aliasname.as_str())
                .into(),
            relation,
            unaliased: range.alias.is_none(),
            columns: columns.clone(),
            open,
            hidden: false,
        });
        columns
    }

    /// Notes that a relation is read, and gives its columns: a view's are those of its query.
    pub(super) fn read_relation(&mut self, relation: &Arc<Relation>, with_children: bool) -> Vec<NamedValue> {
        let direct = self.is_direct();
        self.facts.relation(relation, AccessModes::READ, direct);
        if with_children {
            self.includes_children(relation, AccessModes::READ);
        }
        self.row_policies(relation, &['r', '*']);
        self.columns_of(relation)
    }

    /// Notes that what is done to a relation is done to all that inherit from it.
    pub(super) fn includes_children(&mut self, relation: &Arc<Relation>, modes: AccessModes) {
        let descendants = self.descendants(relation.oid);
        if descendants.is_empty() {
            return;
        }
        self.with_children.insert(relation.oid);
        for child in descendants {
            self.facts.relation(&child, modes, false);
        }
    }

    /// The columns of a relation as values: each its own lineage, or for a view that of its query.
    pub(super) fn columns_of(&mut self, relation: &Arc<Relation>) -> Vec<NamedValue> {
        let expanded =
            (relation.kind == RelationKind::View && !relation.oid.is_built_in()).then(|| self.view_columns(relation));
        relation
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let own = (relation.oid, column.number);
                let mut value = match &expanded {
                    Some(columns) => columns.get(index).cloned().unwrap_or_default(),
                    None => Value {
                        lineage: [own].into(),
                        unchanged: true,
                        copied: Some(own),
                        ..Value::default()
                    },
                };
                value.reads.insert(own);
                value.origin = Some(own);
                value.type_oid = Some(column.type_oid);
                NamedValue {
                    name: Arc::clone(&column.name),
                    value,
                }
            })
            .collect()
    }

    /// What a view's columns come from. Its query is walked once per command; its columns are noted as read only when
    /// they are used.
    fn view_columns(&mut self, view: &Arc<Relation>) -> Vec<Value> {
        if let Some(known) = self.view_values.get(&view.oid) {
            return known.clone();
        }
        let catalog = self.catalog;
        let Some(definition) = catalog.view_definition(view.oid) else {
            self.facts
                .opaque(view.reference().name.to_string(), "view definition not in the catalog");
            return Vec::new();
        };
        let Some(parsed) = self.definition_tree("view", &view.reference().name.to_string(), definition) else {
            return Vec::new();
        };
        // A view may not be recursive; a broken catalog must not loop.
        self.view_values.insert(view.oid, Vec::new());
        let path = definition.path.to_vec();
        let mut columns = Vec::new();
        for statement in &parsed.stmts {
            if let Some(NodeEnum::SelectStmt(select)) = statement.stmt.as_ref().and_then(|node| node.node.as_ref()) {
                columns = self.nested(Origin::View, |binder| {
                    binder.with_path(path.clone(), |binder| {
                        binder.isolated(|binder| {
                            binder.reads_deferred = true;
                            binder.in_level(|binder| binder.select(select))
                        })
                    })
                });
            }
        }
        let values: Vec<Value> = columns.into_iter().map(|column| column.value).collect();
        self.view_values.insert(view.oid, values.clone());
        values
    }

    fn range_subselect(&mut self, subselect: &pb::RangeSubselect) -> Vec<NamedValue> {
        let hidden = self.hide_level(!subselect.lateral);
        let columns = match subselect.subquery.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.in_level(|binder| binder.select(select)),
            Some(other) => {
                self.not_known("subquery", other);
                Vec::new()
            }
            None => Vec::new(),
        };
        self.show_level(hidden);
        self.derived_entry(subselect.alias.as_ref(), columns, None)
    }

    /// Adds an entry that is no relation.
    fn derived_entry(
        &mut self,
        alias: Option<&Alias>,
        columns: Vec<NamedValue>,
        open: Option<Value>,
    ) -> Vec<NamedValue> {
        let columns = aliased(columns, alias);
        self.push_entry(Entry {
            alias: alias.map_or("", |alias| alias.aliasname.as_str()).into(),
            relation: None,
            unaliased: false,
            columns: columns.clone(),
            open,
            hidden: false,
        });
        columns
    }

    fn hide_level(&mut self, hide: bool) -> bool {
        let before = self.level().hidden;
        if hide {
            self.level().hidden = true;
        }
        before
    }

    fn show_level(&mut self, before: bool) {
        self.level().hidden = before;
    }

    fn range_function(&mut self, function: &RangeFunction) -> Vec<NamedValue> {
        let mut columns = Vec::new();
        let mut open: Option<Value> = None;
        for item in &function.functions {
            let Some(NodeEnum::List(pair)) = &item.node else {
                continue;
            };
            let [call, definitions @ ..] = pair.items.as_slice() else {
                continue;
            };
            let value = self.expression_value(call);
            let definitions = definitions
                .first()
                .and_then(|node| match &node.node {
                    Some(NodeEnum::List(list)) => Some(list.items.as_slice()),
                    _ => None,
                })
                .unwrap_or_default();
            let definitions = if definitions.is_empty() {
                &function.coldeflist
            } else {
                definitions
            };
            match self.function_columns(call, &value, definitions) {
                Some(found) => columns.extend(found),
                None => open = Some(value.computed(None)),
            }
        }
        if function.ordinality {
            columns.push(NamedValue {
                name: "ordinality".into(),
                value: Value::of_type(20),
            });
        }
        // A scalar function's single column is known by the alias.
        if let (Some(alias), [column]) = (&function.alias, columns.as_mut_slice())
            && open.is_none()
            && alias.colnames.is_empty()
            && column
                .value
                .type_oid
                .is_none_or(|type_oid| self.catalog.relation_of_row_type(type_oid).is_none())
            && function.coldeflist.is_empty()
            && self.scalar_column
        {
            column.name = alias.aliasname.as_str().into();
        }
        let default_alias = function.functions.first().and_then(|item| match &item.node {
            Some(NodeEnum::List(pair)) => pair.items.first().map(super::name::column_name),
            _ => None,
        });
        let mut unnamed = Alias::default();
        let alias = match (&function.alias, default_alias) {
            (Some(alias), _) => Some(alias),
            (None, Some(name)) => {
                unnamed.aliasname = name;
                Some(&unnamed)
            }
            (None, None) => None,
        };
        if let (Some(value), Some(alias)) = (&open, alias)
            && !alias.colnames.is_empty()
        {
            for name in strings(&alias.colnames) {
                columns.push(NamedValue {
                    name: name.into(),
                    value: value.clone(),
                });
            }
        }
        self.derived_entry(alias, columns, open)
    }

    /// The columns of a function in FROM; `None` where they aren't known.
    fn function_columns(&mut self, call: &Node, value: &Value, definitions: &[Node]) -> Option<Vec<NamedValue>> {
        self.scalar_column = false;
        if !definitions.is_empty() {
            let mut columns = Vec::new();
            for definition in definitions {
                let Some(NodeEnum::ColumnDef(definition)) = &definition.node else {
                    continue;
                };
                let type_oid = definition
                    .type_name
                    .as_ref()
                    .and_then(|type_name| self.type_name(type_name));
                let value = value.clone().computed(type_oid);
                columns.push(NamedValue {
                    name: definition.colname.as_str().into(),
                    value,
                });
            }
            return Some(columns);
        }
        let Some(NodeEnum::FuncCall(function)) = &call.node else {
            // CURRENT_DATE, COALESCE and kin: one column of that name.
            self.scalar_column = true;
            let name = super::name::column_name(call);
            return Some(vec![NamedValue {
                name: name.into(),
                value: value.clone(),
            }]);
        };
        if function.funcname.is_empty() {
            return None;
        }
        let candidates = std::mem::take(&mut self.last_candidates);
        let [candidate, rest @ ..] = candidates.as_slice() else {
            return None;
        };
        let outputs = |function: &crate::catalog::Function| -> Vec<Arc<str>> {
            function
                .argument_modes
                .iter()
                .zip(&function.argument_names)
                .filter(|(mode, _)| matches!(mode, 'o' | 'b' | 't'))
                .map(|(_, name)| Arc::clone(name))
                .collect()
        };
        let names = outputs(candidate);
        if rest
            .iter()
            .any(|other| outputs(other) != names || other.result_type != candidate.result_type)
        {
            return self.same_shape(&candidates, call, value);
        }
        if names.len() > 1 || (names.len() == 1 && candidate.argument_modes.contains(&'t')) {
            let named = |name: Arc<str>| NamedValue {
                name,
                value: value.clone().computed(None),
            };
            return Some(names.into_iter().map(named).collect());
        }
        let composite = self
            .catalog
            .relation_of_row_type(candidate.result_type)
            .cloned()
            .or_else(|| {
                let composite = self
                    .catalog
                    .type_(candidate.result_type)
                    .filter(|type_| type_.kind == 'c')?;
                self.catalog.relation(composite.relation).cloned()
            });
        if let Some(relation) = composite {
            let column = |column: &crate::catalog::Column| NamedValue {
                name: Arc::clone(&column.name),
                value: value.clone().computed(Some(column.type_oid)),
            };
            return Some(relation.columns.iter().map(column).collect());
        }
        const RECORD: Oid = Oid(2249);
        if candidate.result_type == RECORD {
            return None;
        }
        self.scalar_column = true;
        let name = names.into_iter().next().unwrap_or_else(|| Arc::clone(&candidate.name));
        Some(vec![NamedValue {
            name,
            value: value.clone().computed(Some(candidate.result_type)),
        }])
    }

    /// Overloads that all give one scalar column.
    fn same_shape(
        &mut self,
        candidates: &[Arc<crate::catalog::Function>],
        call: &Node,
        value: &Value,
    ) -> Option<Vec<NamedValue>> {
        let scalar = candidates.iter().all(|candidate| {
            candidate.argument_modes.iter().all(|mode| matches!(mode, 'i' | 'v'))
                && self
                    .catalog
                    .type_(candidate.result_type)
                    .is_some_and(|type_| type_.kind != 'c' && type_.oid.0 != 2249)
        });
        if !scalar {
            return None;
        }
        self.scalar_column = true;
        let name = super::name::column_name(call);
        Some(vec![NamedValue {
            name: name.into(),
            value: value.clone().computed(None),
        }])
    }

    fn xml_table(&mut self, table: &pb::RangeTableFunc) -> Vec<NamedValue> {
        let mut value = self.optional_value(table.docexpr.as_deref());
        let row = self.optional_value(table.rowexpr.as_deref());
        value.absorb(&row);
        self.all_values(&table.namespaces);
        let mut columns = Vec::new();
        for column in &table.columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = &column.node else {
                continue;
            };
            if let Some(type_name) = &column.type_name {
                self.type_name(type_name);
            }
            let mut own = value.clone().computed(None);
            for node in [&column.colexpr, &column.coldefexpr] {
                let part = self.optional_value(node.as_deref());
                own.absorb(&part);
            }
            columns.push(NamedValue {
                name: column.colname.as_str().into(),
                value: own,
            });
        }
        self.derived_entry(table.alias.as_ref(), columns, None)
    }

    fn json_table(&mut self, table: &pb::JsonTable) -> Vec<NamedValue> {
        let mut value = self.json_value(table.context_item.as_deref());
        let passing = self.all_values(&table.passing);
        value.absorb(&passing);
        let mut columns = Vec::new();
        self.json_table_columns(&table.columns, &value.computed(None), &mut columns);
        self.derived_entry(table.alias.as_ref(), columns, None)
    }

    fn json_table_columns(&mut self, nodes: &[Node], value: &Value, columns: &mut Vec<NamedValue>) {
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = &node.node else {
                continue;
            };
            if let Some(type_name) = &column.type_name {
                self.type_name(type_name);
            }
            let mut own = value.clone();
            for behavior in [&column.on_empty, &column.on_error].into_iter().flatten() {
                let default = self.optional_value(behavior.expr.as_deref());
                own.absorb(&default);
            }
            if column.columns.is_empty() {
                columns.push(NamedValue {
                    name: column.name.as_str().into(),
                    value: own,
                });
            } else {
                self.json_table_columns(&column.columns, value, columns);
            }
        }
    }

    fn join(&mut self, join: &JoinExpr) -> Vec<NamedValue> {
        let first_entry = self.level().entries.len();
        let before = self.level().columns.len();
        let left = join
            .larg
            .as_deref()
            .map_or_else(Vec::new, |item| self.walk_from_item(item));
        // The right side sees the left one if it is LATERAL.
        self.level().columns.extend(left.iter().cloned());
        let right = join
            .rarg
            .as_deref()
            .map_or_else(Vec::new, |item| self.walk_from_item(item));
        let outside = {
            let level = self.level();
            level.columns.truncate(before);
            std::mem::take(&mut level.columns)
        };
        let shared: Vec<Arc<str>> = if join.is_natural {
            left.iter()
                .map(|column| Arc::clone(&column.name))
                .filter(|name| right.iter().any(|column| column.name == *name))
                .collect()
        } else {
            strings(&join.using_clause).into_iter().map(Into::into).collect()
        };
        let side = JoinType::try_from(join.jointype).unwrap_or(JoinType::Undefined);
        let (columns, merged) = self.merge_shared(left, right, &shared, side);
        // ON sees the two sides alone.
        self.level().columns.clone_from(&columns);
        let deferred = std::mem::replace(&mut self.reads_deferred, false);
        self.optional_value(join.quals.as_deref());
        self.reads_deferred = deferred;
        self.level().columns = outside;
        if let Some(alias) = &join.join_using_alias {
            self.derived_entry(Some(alias), merged, None);
        }
        let Some(alias) = &join.alias else { return columns };
        let mut open: Option<Value> = None;
        for entry in self.level().entries.iter_mut().skip(first_entry) {
            entry.hidden = true;
            open = open.or_else(|| entry.open.clone());
        }
        self.derived_entry(Some(alias), columns, open)
    }

    /// Columns of a join: the shared ones first and once, then the rest of either side.
    fn merge_shared(
        &mut self,
        left: Vec<NamedValue>,
        right: Vec<NamedValue>,
        shared: &[Arc<str>],
        side: JoinType,
    ) -> (Vec<NamedValue>, Vec<NamedValue>) {
        let mut merged = Vec::with_capacity(shared.len());
        for name in shared {
            let find = |side: &[NamedValue]| {
                side.iter()
                    .find(|column| column.name == *name)
                    .map(|found| found.value.clone())
            };
            let (one, other) = (find(&left), find(&right));
            let deferred = std::mem::replace(&mut self.reads_deferred, false);
            match (&one, &other) {
                (Some(one), Some(other)) if self.operator_named(None, "=", Some(one), Some(other)) => {
                    self.note_reads_as(one, Position::Matched.reading());
                    self.note_reads_as(other, Position::Matched.reading());
                    self.note_match(one, other);
                }
                _ => {
                    for value in [&one, &other].into_iter().flatten() {
                        self.note_reads(value);
                    }
                }
            }
            self.reads_deferred = deferred;
            let value = match side {
                // The server takes the value of the side that is always there.
                JoinType::JoinInner | JoinType::JoinLeft => one.unwrap_or_default(),
                JoinType::JoinRight => other.unwrap_or_default(),
                _ => {
                    let mut value = together([&one, &other].into_iter().flatten());
                    value.type_oid = one.and_then(|one| one.type_oid);
                    value
                }
            };
            merged.push(NamedValue {
                name: Arc::clone(name),
                value,
            });
        }
        let mut columns = merged.clone();
        columns.extend(
            left.into_iter()
                .chain(right)
                .filter(|column| !shared.contains(&column.name)),
        );
        (columns, merged)
    }
}

/// Gives columns the names of an alias's column list.
fn aliased(columns: Vec<NamedValue>, alias: Option<&Alias>) -> Vec<NamedValue> {
    match alias {
        Some(alias) => renamed(columns, &strings(&alias.colnames)),
        None => columns,
    }
}

/// A relation's name as the text writes it.
pub(crate) fn written_name(range: &RangeVar) -> String {
    if range.schemaname.is_empty() {
        range.relname.clone()
    } else {
        format!("{}.{}", range.schemaname, range.relname)
    }
}
