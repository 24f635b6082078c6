//! SELECT, VALUES, set operations and WITH.

use std::sync::Arc;

use durward_model::{AccessModes, ColumnCopy, ObjectKind, QualifiedName, RelationKind, StatementClass};
use pg_query::protobuf::{AExprKind, CommonTableExpr, RangeVar, SelectStmt, SetOperation, WithClause, a_const};
use pg_query::{Node, NodeEnum};

use super::expr::together;
use super::name::column_name;
use super::scope::{Cte, Lineage, NamedValue, Position, Value};
use super::types::strings;
use super::{Binder, Reference};

/// How often a recursive query is walked again until its columns' lineage stands still.
const RECURSION_PASSES_MAX: usize = 8;

/// Result columns beyond which the server fails a query (`MaxTupleAttributeNumber`).
const RESULT_COLUMNS_MAX: usize = 1664;

impl Binder<'_> {
    /// Walks a SELECT in the level that its caller has made, and gives its result's columns.
    pub(super) fn select(&mut self, select: &SelectStmt) -> Vec<NamedValue> {
        if !self.enter() {
            return Vec::new();
        }
        let ctes = self.ctes.len();
        if let Some(with) = &select.with_clause {
            self.with_clause(with);
        }
        let operation = SetOperation::try_from(select.op).unwrap_or(SetOperation::Undefined);
        let columns = match operation {
            SetOperation::SetopUnion | SetOperation::SetopIntersect | SetOperation::SetopExcept => {
                self.set_operation(select)
            }
            SetOperation::Undefined | SetOperation::SetopNone if !select.values_lists.is_empty() => {
                self.values_lists(&select.values_lists)
            }
            SetOperation::Undefined | SetOperation::SetopNone => self.plain_select(select),
        };
        self.result_clauses(select, &columns);
        if let Some(target) = select.into_clause.as_ref().and_then(|into| into.rel.as_ref()) {
            self.computes(&columns);
            self.creates(target, &columns);
        }
        self.ctes.truncate(ctes);
        self.leave();
        columns
    }

    fn plain_select(&mut self, select: &SelectStmt) -> Vec<NamedValue> {
        self.walk_from(&select.from_clause);
        let deferred = std::mem::replace(&mut self.reads_deferred, false);
        self.optional_value(select.where_clause.as_deref());
        self.reads_deferred = deferred;
        let selected = self.setting_selected(select);
        let outer = std::mem::replace(&mut self.pinned_setting, selected);
        let columns = self.target_list(&select.target_list);
        self.pinned_setting = outer;
        self.locking(&select.locking_clause);
        columns
    }

    /// The setting named by a SELECT of its row alone: `FROM pg_settings WHERE name = '…'`, as pg_dump asks.
    fn setting_selected(&mut self, select: &SelectStmt) -> Option<String> {
        let [
            Node {
                node: Some(NodeEnum::RangeVar(range)),
            },
        ] = select.from_clause.as_slice()
        else {
            return None;
        };
        let relation = self.find_relation(range)?;
        let is_with_query = range.schemaname.is_empty() && self.ctes.iter().any(|cte| *cte.name == *range.relname);
        if is_with_query || !relation.oid.is_built_in() || &*relation.name != "pg_settings" {
            return None;
        }
        let Some(NodeEnum::AExpr(condition)) = select.where_clause.as_deref().and_then(|node| node.node.as_ref())
        else {
            return None;
        };
        let equals = AExprKind::try_from(condition.kind) == Ok(AExprKind::AexprOp)
            && strings(&condition.name) == ["="]
            && condition.lexpr.as_deref().is_some_and(is_setting_name);
        const TEXT: u32 = 25;
        let built_in = self.operator(&condition.name, Some(&Value::of_type(TEXT)), Some(&Value::default()));
        let value = condition.rexpr.as_deref().filter(|_| equals && built_in)?;
        crate::functions::constant::text(value)
    }

    /// The result columns of a target list or RETURNING. What has more than the server takes isn't followed.
    pub(super) fn target_list(&mut self, targets: &[Node]) -> Vec<NamedValue> {
        let mut columns = Vec::with_capacity(targets.len());
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = &target.node else {
                if let Some(other) = &target.node {
                    self.not_known("result column", other);
                }
                continue;
            };
            let Some(node) = target.val.as_deref() else { continue };
            if let Some(expanded) = self.star(node) {
                columns.extend(expanded);
                if columns.len() > RESULT_COLUMNS_MAX {
                    self.gives_up();
                    columns.truncate(RESULT_COLUMNS_MAX);
                }
                continue;
            }
            self.result_name = target.name.is_empty().then(|| column_name(node));
            let value = self.value_at(node, Position::Shown);
            self.result_name = None;
            let name = if target.name.is_empty() {
                column_name(node)
            } else {
                target.name.clone()
            };
            columns.push(NamedValue {
                name: name.into(),
                value,
            });
        }
        columns
    }

    /// What `*`, `t.*` or `(row).*` expands to; `None` for anything else.
    fn star(&mut self, node: &Node) -> Option<Vec<NamedValue>> {
        match &node.node {
            Some(NodeEnum::ColumnRef(column)) => {
                if !matches!(column.fields.last()?.node, Some(NodeEnum::AStar(_))) {
                    return None;
                }
                let fields = strings(&column.fields);
                if let Some(columns) = self.expand_star(&fields) {
                    self.note_row_reference(
                        column,
                        &fields,
                        super::expr::together(columns.iter().map(|one| &one.value)),
                        Position::Shown,
                    );
                    return Some(columns);
                }
                if !fields.first().is_some_and(|name| self.is_variable(name)) {
                    self.not_found("relation", &fields.join("."));
                }
                let row = self.of_fired_row(&fields);
                Some(vec![open_column(row)])
            }
            Some(NodeEnum::AIndirection(indirection)) => {
                if !matches!(indirection.indirection.last()?.node, Some(NodeEnum::AStar(_))) {
                    return None;
                }
                let value = self.expression_value(node);
                Some(self.fields_of(value))
            }
            _ => None,
        }
    }

    /// The columns that a composite value expands to: those of its row type, where it is known.
    fn fields_of(&mut self, value: Value) -> Vec<NamedValue> {
        let row_type = value
            .type_oid
            .and_then(|type_oid| self.catalog.relation_of_row_type(type_oid));
        match row_type {
            Some(relation) => relation
                .columns
                .iter()
                .map(|column| NamedValue {
                    name: Arc::clone(&column.name),
                    value: value.clone().computed(Some(column.type_oid)),
                })
                .collect(),
            None => vec![open_column(value.computed(None))],
        }
    }

    /// ORDER BY, GROUP BY and the other clauses that may name result columns.
    fn result_clauses(&mut self, select: &SelectStmt, columns: &[NamedValue]) {
        self.groups |= self.is_direct() && !select.group_clause.is_empty();
        let deferred = std::mem::replace(&mut self.reads_deferred, false);
        for node in &select.group_clause {
            self.group_item(node, columns);
        }
        self.optional_value(select.having_clause.as_deref());
        for window in &select.window_clause {
            if let Some(NodeEnum::WindowDef(window)) = &window.node {
                self.window(window);
            }
        }
        let plain =
            select.distinct_clause.is_empty() && SetOperation::try_from(select.op) == Ok(SetOperation::SetopNone);
        for node in &select.sort_clause {
            let Some(NodeEnum::SortBy(sort)) = &node.node else {
                continue;
            };
            if !sort.use_op.is_empty() {
                self.operator(&sort.use_op, None, None);
            }
            if let Some(node) = sort.node.as_deref() {
                self.sort_item(node, columns);
                if plain {
                    self.note_sorted_reference(node, columns);
                }
            }
        }
        for node in &select.distinct_clause {
            if node.node.is_some() {
                self.sort_item(node, columns);
            } else {
                columns.iter().for_each(|column| self.tells_apart(&column.value));
            }
        }
        self.optional_value(select.limit_offset.as_deref());
        self.optional_value(select.limit_count.as_deref());
        self.reads_deferred = deferred;
    }

    /// An item of ORDER BY or DISTINCT ON: a result column's name first, else an expression.
    fn sort_item(&mut self, node: &Node, columns: &[NamedValue]) {
        let column = named_result(node, columns).or_else(|| numbered_result(node, columns));
        if let Some(column) = column {
            self.note_reads(&column.value);
            return;
        }
        self.expression_value(node);
    }

    /// Notes an item of ORDER BY that is a result column and an input column in one, so that an expression over the input
    /// column may stand in its place.
    fn note_sorted_reference(&mut self, node: &Node, columns: &[NamedValue]) {
        let (Some(NodeEnum::ColumnRef(column)), Some(result)) = (&node.node, named_result(node, columns)) else {
            return;
        };
        let input = self.unqualified(&result.name);
        if let Some(input) = input.filter(|input| input.origin.is_some() && input.origin == result.value.origin) {
            self.note_reference(
                column,
                Reference {
                    origin: input.origin,
                    value: input,
                    qualifiers: 0,
                    result_name: None,
                    position: Position::Expression,
                },
            );
        }
    }

    /// An item of GROUP BY: an input column first, then a result column's name.
    fn group_item(&mut self, node: &Node, columns: &[NamedValue]) {
        if let Some(NodeEnum::GroupingSet(set)) = &node.node {
            for item in &set.content {
                self.group_item(item, columns);
            }
            return;
        }
        if let Some(column) = named_result(node, columns) {
            let value = column.value.clone();
            self.position = Position::Matched;
            let input = self.resolve_column(&[&column.name]);
            self.position = Position::Expression;
            self.tells_apart(&value);
            if let Some(input) = input {
                self.tells_apart(&input);
            }
            return;
        }
        let value = match numbered_result(node, columns) {
            Some(column) => column.value.clone(),
            None => self.value_at(node, Position::Matched),
        };
        self.tells_apart(&value);
    }

    /// Notes that rows are put together by whether values are equal.
    fn tells_apart(&mut self, value: &Value) {
        self.note_reads_as(value, Position::Matched.reading());
        self.note_match(value, value);
    }

    fn set_operation(&mut self, select: &SelectStmt) -> Vec<NamedValue> {
        let left = select
            .larg
            .as_deref()
            .map_or_else(Vec::new, |arm| self.in_level(|binder| binder.select(arm)));
        let right = select
            .rarg
            .as_deref()
            .map_or_else(Vec::new, |arm| self.in_level(|binder| binder.select(arm)));
        self.computes(&left);
        self.computes(&right);
        combine(left, &right)
    }

    pub(super) fn values_lists(&mut self, rows: &[Node]) -> Vec<NamedValue> {
        let mut columns: Vec<NamedValue> = Vec::new();
        for row in rows {
            let Some(NodeEnum::List(row)) = &row.node else { continue };
            for (index, node) in row.items.iter().enumerate() {
                let value = self.expression_value(node);
                match columns.get_mut(index) {
                    Some(column) => {
                        column.value.absorb(&value);
                        column.value.unchanged = false;
                        if column.value.type_oid != value.type_oid {
                            column.value.type_oid = None;
                        }
                    }
                    None => columns.push(NamedValue {
                        name: format!("column{}", index + 1).into(),
                        value,
                    }),
                }
            }
        }
        columns
    }

    /// Walks the WITH queries of a statement and brings their names into scope.
    pub(super) fn with_clause(&mut self, with: &WithClause) {
        let queries: Vec<&CommonTableExpr> = with
            .ctes
            .iter()
            .filter_map(|node| match &node.node {
                Some(NodeEnum::CommonTableExpr(cte)) => Some(cte.as_ref()),
                _ => None,
            })
            .collect();
        let first = self.ctes.len();
        if with.recursive {
            // Each may name any other, later ones too.
            for cte in &queries {
                self.ctes.push(Cte {
                    name: cte.ctename.as_str().into(),
                    columns: None,
                });
            }
        }
        for (index, cte) in queries.iter().enumerate() {
            let columns = if with.recursive {
                self.recursive_query(cte, first + index)
            } else {
                self.with_query(cte)
            };
            let columns = renamed(columns, &strings(&cte.aliascolnames));
            let columns = self.search_and_cycle(cte, columns);
            if with.recursive {
                if let Some(slot) = self.ctes.get_mut(first + index) {
                    slot.columns = Some(columns);
                }
            } else {
                self.ctes.push(Cte {
                    name: cte.ctename.as_str().into(),
                    columns: Some(columns),
                });
            }
        }
    }

    fn with_query(&mut self, cte: &CommonTableExpr) -> Vec<NamedValue> {
        let Some(query) = cte.ctequery.as_deref().and_then(|node| node.node.as_ref()) else {
            return Vec::new();
        };
        self.subquery(query)
    }

    /// Any query that may stand in WITH: SELECT, or a statement with RETURNING.
    pub(super) fn subquery(&mut self, query: &NodeEnum) -> Vec<NamedValue> {
        self.in_level(|binder| match query {
            NodeEnum::SelectStmt(select) => binder.select(select),
            NodeEnum::InsertStmt(insert) => binder.insert(insert),
            NodeEnum::UpdateStmt(update) => binder.update(update),
            NodeEnum::DeleteStmt(delete) => binder.delete(delete),
            NodeEnum::MergeStmt(merge) => binder.merge(merge),
            other => {
                binder.not_known("query", other);
                Vec::new()
            }
        })
    }

    /// A query of WITH RECURSIVE: walked until the lineage of its own columns stands still.
    fn recursive_query(&mut self, cte: &CommonTableExpr, slot: usize) -> Vec<NamedValue> {
        let names = strings(&cte.aliascolnames);
        let union = match cte.ctequery.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) if select.larg.is_some() => Some(select),
            _ => None,
        };
        let Some(union) = union else {
            return self.with_query(cte);
        };
        let before = self.ctes.len();
        if let Some(with) = &union.with_clause {
            self.with_clause(with);
        }
        let mut columns = union
            .larg
            .as_deref()
            .map_or_else(Vec::new, |arm| self.in_level(|binder| binder.select(arm)));
        for pass in 0..RECURSION_PASSES_MAX {
            if let Some(cte) = self.ctes.get_mut(slot) {
                cte.columns = Some(renamed(columns.clone(), &names));
            }
            let right = union
                .rarg
                .as_deref()
                .map_or_else(Vec::new, |arm| self.in_level(|binder| binder.select(arm)));
            self.computes(&columns);
            self.computes(&right);
            let lineage: Vec<Lineage> = columns.iter().map(|column| column.value.lineage.clone()).collect();
            columns = combine(columns, &right);
            if columns.iter().map(|column| &column.value.lineage).eq(lineage.iter()) {
                break;
            }
            if pass + 1 == RECURSION_PASSES_MAX {
                let all = together(columns.iter().map(|column| &column.value));
                for column in &mut columns {
                    column.value.absorb(&all);
                }
            }
        }
        self.ctes.truncate(before);
        columns
    }

    fn search_and_cycle(&mut self, cte: &CommonTableExpr, mut columns: Vec<NamedValue>) -> Vec<NamedValue> {
        let all = together(columns.iter().map(|column| &column.value)).computed(None);
        if let Some(search) = &cte.search_clause {
            columns.push(NamedValue {
                name: search.search_seq_column.as_str().into(),
                value: all.clone(),
            });
        }
        if let Some(cycle) = &cte.cycle_clause {
            for name in [&cycle.cycle_mark_column, &cycle.cycle_path_column] {
                columns.push(NamedValue {
                    name: name.as_str().into(),
                    value: all.clone(),
                });
            }
        }
        columns
    }

    /// FOR UPDATE and kin: locks rows of the tables named, or of all.
    fn locking(&mut self, clauses: &[Node]) {
        for clause in clauses {
            let Some(NodeEnum::LockingClause(clause)) = &clause.node else {
                continue;
            };
            let names: Vec<&str> = clause
                .locked_rels
                .iter()
                .filter_map(|node| match &node.node {
                    Some(NodeEnum::RangeVar(relation)) => Some(relation.relname.as_str()),
                    _ => None,
                })
                .collect();
            let catalog = self.catalog;
            let mut relations = Vec::new();
            for entry in &self.level().entries {
                if !names.is_empty() && !names.contains(&&*entry.alias) {
                    continue;
                }
                relations.extend(entry.relation.iter().map(|relation| relation.oid));
                // Through views and subqueries the rows of their tables are locked.
                relations.extend(entry.whole_row().reads.iter().map(|(oid, _)| *oid));
            }
            for oid in relations {
                if let Some(relation) = catalog.relation(oid) {
                    self.facts.relation(relation, AccessModes::LOCK, false);
                }
            }
        }
    }

    /// SELECT INTO.
    fn creates(&mut self, target: &RangeVar, columns: &[NamedValue]) {
        // A temporary table is the session's own.
        let temporary = target.relpersistence == "t" || target.schemaname == "pg_temp";
        self.facts.class(if temporary {
            StatementClass::Session
        } else {
            StatementClass::Ddl
        });
        self.facts.effect(crate::SessionEffect::ChangesCatalog);
        let schema: Arc<str> = if !target.schemaname.is_empty() {
            target.schemaname.as_str().into()
        } else if target.relpersistence == "t" {
            "pg_temp".into()
        } else {
            self.creation_schema()
        };
        let direct = self.is_direct();
        let name: Arc<str> = target.relname.as_str().into();
        self.facts.relation_named(
            QualifiedName::new(Arc::clone(&schema), Arc::clone(&name)),
            RelationKind::Table,
            AccessModes::CREATE,
            direct,
        );
        if !temporary {
            for column in columns {
                let relation = QualifiedName::new(Arc::clone(&schema), Arc::clone(&name));
                self.copies(&column.value, relation, &column.name);
            }
        }
        self.facts
            .object(ObjectKind::Relation, Some(schema), name, AccessModes::CREATE);
    }

    /// Notes where the values of a base column go.
    pub(crate) fn copies(&mut self, value: &Value, relation: QualifiedName, column: &Arc<str>) {
        if let Some(from) = value.copied {
            self.facts.column_copied(ColumnCopy {
                from,
                relation,
                column: Arc::clone(column),
            });
        }
    }

    /// The schema in which an unqualified new object is made: the first of the path that isn't implicit.
    pub(crate) fn creation_schema(&self) -> Arc<str> {
        let temporary = self.settings.temp_schema.as_ref();
        let explicit = self.settings.search_path_setting.contains("pg_catalog");
        self.path
            .iter()
            .find(|schema| Some(*schema) != temporary && (explicit || &***schema != "pg_catalog"))
            .cloned()
            .unwrap_or_else(|| "pg_temp".into())
    }
}

/// A column that stands for any number of columns that aren't known.
pub(super) fn open_column(value: Value) -> NamedValue {
    NamedValue {
        name: "*".into(),
        value,
    }
}

fn named_result<'c>(node: &Node, columns: &'c [NamedValue]) -> Option<&'c NamedValue> {
    let NodeEnum::ColumnRef(column) = node.node.as_ref()? else {
        return None;
    };
    let [name] = *strings(&column.fields).as_slice() else {
        return None;
    };
    columns.iter().find(|column| &*column.name == name)
}

/// `ORDER BY 2` and the like.
fn numbered_result<'c>(node: &Node, columns: &'c [NamedValue]) -> Option<&'c NamedValue> {
    let NodeEnum::AConst(constant) = node.node.as_ref()? else {
        return None;
    };
    let Some(a_const::Val::Ival(number)) = &constant.val else {
        return None;
    };
    columns.get(usize::try_from(number.ival).ok()?.checked_sub(1)?)
}

/// The columns of a set operation: named by the left arm, depending on both.
fn combine(mut left: Vec<NamedValue>, right: &[NamedValue]) -> Vec<NamedValue> {
    for (index, column) in left.iter_mut().enumerate() {
        let Some(other) = right.get(index) else { continue };
        let same = column.value.unchanged && other.value.unchanged && column.value.lineage == other.value.lineage;
        column.value.absorb(&other.value);
        column.value.unchanged = same;
        if column.value.type_oid != other.value.type_oid {
            column.value.type_oid = None;
        }
    }
    left
}

/// Gives columns the names of an alias's column list, as far as it goes.
pub(crate) fn renamed(mut columns: Vec<NamedValue>, names: &[&str]) -> Vec<NamedValue> {
    for (column, name) in columns.iter_mut().zip(names) {
        column.name = (*name).into();
    }
    columns
}

/// Whether an expression is the column `name` of pg_settings, the only table in sight.
pub(crate) fn is_setting_name(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::ColumnRef(column)) if strings(&column.fields) == ["name"])
}
