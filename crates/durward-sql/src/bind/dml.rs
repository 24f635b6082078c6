//! INSERT, UPDATE, DELETE and MERGE.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{AccessModes, ColumnNumber, HazardKind, QualifiedName, RelationKind, RowBound, StatementClass};
use pg_query::protobuf::{
    CmdType, DeleteStmt, InsertStmt, MergeMatchKind, MergeStmt, MergeWhenClause, OnConflictAction, OnConflictClause,
    RangeVar, ReturningClause, ReturningOptionKind, SelectStmt, UpdateStmt,
};
use pg_query::{Node, NodeEnum};

use super::fires::Event;
use super::from::written_name;
use super::scope::{Entry, NamedValue, Position, Value};
use super::{Binder, Target};
use crate::catalog::{Column, Relation};
use crate::predicate;

impl Binder<'_> {
    pub(super) fn insert(&mut self, insert: &InsertStmt) -> Vec<NamedValue> {
        self.facts.class(StatementClass::Write);
        let ctes = self.ctes.len();
        if let Some(with) = &insert.with_clause {
            self.with_clause(with);
        }
        let sets = std::mem::replace(&mut self.returns_sets, false);
        let (values, defaults_within, bound) = match insert.select_stmt.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => {
                let values = self.in_level(|binder| binder.select(select));
                self.computes(&values);
                (values, has_default(select), insert_bound(select, self.returns_sets))
            }
            Some(other) => {
                self.not_known("source of INSERT", other);
                (Vec::new(), true, RowBound::Unbounded)
            }
            None => (Vec::new(), true, RowBound::AtMost(1)),
        };
        self.returns_sets = sets;
        self.facts.rows(bound);
        let Some(range) = &insert.relation else {
            return Vec::new();
        };
        let target = self.target(range, AccessModes::INSERT);
        let columns = self.target_entry(range, target.as_ref());
        if let Some(target) = &target {
            let given: Vec<&Column> = if insert.cols.is_empty() {
                target.columns.iter().take(values.len()).collect()
            } else {
                self.listed_columns(target, &insert.cols)
            };
            self.assign(target, &given, &values);
            let written: BTreeSet<ColumnNumber> = given.iter().map(|column| column.number).collect();
            self.writes_through(target, AccessModes::INSERT, &written);
            self.fires(target, Event::Insert, &written, bound);
            self.defaults(target, &written, defaults_within);
        }
        if let Some(target) = &target {
            self.upsert_of_itself(insert, target);
        }
        if let Some(conflict) = &insert.on_conflict_clause {
            self.on_conflict(conflict, range, target.as_ref(), columns, bound);
        }
        let output = self.returning(insert.returning_clause.as_ref(), range);
        self.ctes.truncate(ctes);
        output
    }

    /// Resolves the columns that an INSERT lists, indirections (`col.field`, `col[1]`) walked.
    fn listed_columns<'r>(&mut self, target: &'r Arc<Relation>, nodes: &[Node]) -> Vec<&'r Column> {
        let mut columns = Vec::with_capacity(nodes.len());
        for node in nodes {
            let Some(NodeEnum::ResTarget(item)) = &node.node else {
                continue;
            };
            self.all_values(&item.indirection);
            match target.column(&item.name) {
                Some(column) => columns.push(column),
                None => self.not_found("column", &item.name),
            }
        }
        columns
    }

    /// Notes that values are written to columns: conversions to their types included.
    fn assign(&mut self, target: &Arc<Relation>, columns: &[&Column], values: &[NamedValue]) {
        for (index, column) in columns.iter().enumerate() {
            let given = values.get(index).map(|value| &value.value);
            self.assign_one(target, column, given);
        }
    }

    fn assign_one(&mut self, target: &Arc<Relation>, column: &Column, value: Option<&Value>) {
        self.facts.column_written(target, column.number, &column.name);
        if let Some(value) =
            value.filter(|value| value.copied != Some((target.oid, column.number)) && !target.temporary)
        {
            let relation = QualifiedName::new(Arc::clone(&target.schema), Arc::clone(&target.name));
            self.copies(value, relation, &column.name);
        }
        if let Some(value) = value {
            self.carries_off(value, target, &column.name);
        }
        let source = value.and_then(|value| value.type_oid);
        if source != Some(column.type_oid) {
            if let Some(type_) = self.catalog.type_(column.type_oid) {
                let type_ = Arc::clone(type_);
                self.converts_to(&type_);
            }
            self.casts(source, column.type_oid);
        } else if let Some(type_) = self.catalog.type_(column.type_oid).filter(|type_| type_.kind == 'd') {
            let type_ = Arc::clone(type_);
            self.converts_to(&type_);
        }
        for child in self.descendants_written(target) {
            if let Some(same) = child.column(&column.name) {
                self.facts.column_written(&child, same.number, &same.name);
            }
        }
    }

    fn descendants_written(&self, target: &Arc<Relation>) -> Vec<Arc<Relation>> {
        if self.with_children.contains(&target.oid) {
            self.descendants(target.oid)
        } else {
            Vec::new()
        }
    }

    fn on_conflict(
        &mut self,
        conflict: &OnConflictClause,
        range: &RangeVar,
        target: Option<&Arc<Relation>>,
        columns: Vec<NamedValue>,
        bound: RowBound,
    ) {
        if let Some(infer) = &conflict.infer {
            for element in &infer.index_elems {
                if let Some(NodeEnum::IndexElem(element)) = &element.node {
                    if element.name.is_empty() {
                        self.optional_value(element.expr.as_deref());
                    } else {
                        self.position = Position::Shown;
                        self.resolve_column(&[&element.name]);
                        self.position = Position::Expression;
                    }
                }
            }
            self.optional_value(infer.where_clause.as_deref());
        }
        if OnConflictAction::try_from(conflict.action) != Ok(OnConflictAction::OnconflictUpdate) {
            return;
        }
        // `excluded` is the row that was to be inserted: its columns depend on nothing stored.
        let excluded = columns
            .into_iter()
            .map(|column| NamedValue {
                value: Value {
                    type_oid: column.value.type_oid,
                    ..Value::default()
                },
                ..column
            })
            .collect();
        self.level().entries.push(Entry {
            alias: "excluded".into(),
            relation: None,
            unaliased: false,
            columns: excluded,
            open: target.is_none().then(Value::default),
            hidden: false,
        });
        let written = self.set_clauses(target, &conflict.target_list);
        self.optional_value(conflict.where_clause.as_deref());
        if let Some(target) = target {
            let direct = self.is_direct();
            self.facts.relation(target, AccessModes::UPDATE, direct);
            self.writes_through(target, AccessModes::UPDATE, &written);
            self.fires(target, Event::Update, &written, bound);
        } else {
            self.facts.relation_named(
                self.assumed_name(range),
                RelationKind::Table,
                AccessModes::UPDATE,
                self.is_direct(),
            );
        }
        self.level().entries.pop();
    }

    pub(super) fn update(&mut self, update: &UpdateStmt) -> Vec<NamedValue> {
        self.facts.class(StatementClass::Write);
        let ctes = self.ctes.len();
        if let Some(with) = &update.with_clause {
            self.with_clause(with);
        }
        let Some(range) = &update.relation else {
            return Vec::new();
        };
        let target = self.target(range, AccessModes::UPDATE);
        self.target_entry(range, target.as_ref());
        self.walk_from(&update.from_clause);
        self.optional_value(update.where_clause.as_deref());
        let written = self.set_clauses(target.as_ref(), &update.target_list);
        let bound = self.condition(range, target.as_ref(), update.where_clause.as_deref(), Event::Update);
        self.facts.rows(bound);
        if let Some(target) = &target {
            self.writes_through(target, AccessModes::UPDATE, &written);
            self.fires(target, Event::Update, &written, bound);
        }
        let output = self.returning(update.returning_clause.as_ref(), range);
        self.ctes.truncate(ctes);
        output
    }

    pub(super) fn delete(&mut self, delete: &DeleteStmt) -> Vec<NamedValue> {
        self.facts.class(StatementClass::Write);
        let ctes = self.ctes.len();
        if let Some(with) = &delete.with_clause {
            self.with_clause(with);
        }
        let Some(range) = &delete.relation else {
            return Vec::new();
        };
        let target = self.target(range, AccessModes::DELETE);
        self.target_entry(range, target.as_ref());
        self.walk_from(&delete.using_clause);
        self.optional_value(delete.where_clause.as_deref());
        let bound = self.condition(range, target.as_ref(), delete.where_clause.as_deref(), Event::Delete);
        self.facts.rows(bound);
        if let Some(target) = &target {
            self.writes_through(target, AccessModes::DELETE, &BTreeSet::new());
            self.fires(target, Event::Delete, &BTreeSet::new(), bound);
        }
        let output = self.returning(delete.returning_clause.as_ref(), range);
        self.ctes.truncate(ctes);
        output
    }

    pub(super) fn merge(&mut self, merge: &MergeStmt) -> Vec<NamedValue> {
        self.facts.class(StatementClass::Write);
        let ctes = self.ctes.len();
        if let Some(with) = &merge.with_clause {
            self.with_clause(with);
        }
        let Some(range) = &merge.relation else {
            return Vec::new();
        };
        let target = self.target(range, AccessModes::NONE);
        // `RETURNING *` gives the source's columns first.
        if let Some(source) = merge.source_relation.as_deref() {
            self.walk_from(std::slice::from_ref(source));
        }
        self.target_entry(range, target.as_ref());
        self.optional_value(merge.join_condition.as_deref());
        self.facts.rows(RowBound::Unbounded);
        let everything = merge
            .join_condition
            .as_deref()
            .is_some_and(|condition| predicate::always_true(self, condition));
        for clause in &merge.merge_when_clauses {
            if let Some(NodeEnum::MergeWhenClause(clause)) = &clause.node {
                self.merge_action(clause, range, target.as_ref(), everything);
            }
        }
        let output = self.returning(merge.returning_clause.as_ref(), range);
        self.ctes.truncate(ctes);
        output
    }

    fn merge_action(
        &mut self,
        clause: &MergeWhenClause,
        range: &RangeVar,
        target: Option<&Arc<Relation>>,
        everything: bool,
    ) {
        self.optional_value(clause.condition.as_deref());
        let command = CmdType::try_from(clause.command_type).unwrap_or(CmdType::Undefined);
        let (modes, event) = match command {
            CmdType::CmdInsert => (AccessModes::INSERT, Event::Insert),
            CmdType::CmdUpdate => (AccessModes::UPDATE, Event::Update),
            CmdType::CmdDelete => (AccessModes::DELETE, Event::Delete),
            CmdType::CmdNothing => return,
            _ => {
                self.facts.opaque("MERGE", "action not known");
                return;
            }
        };
        let kind = MergeMatchKind::try_from(clause.match_kind).unwrap_or(MergeMatchKind::Undefined);
        // Rows that the source doesn't have are as a rule nearly all; so are all rows under a condition that is true.
        let unmatched = kind == MergeMatchKind::MergeWhenNotMatchedBySource;
        let always = match clause.condition.as_deref() {
            None => true,
            Some(condition) => predicate::always_true(self, condition),
        };
        let temporary = target.is_some_and(|target| self.holds_own_rows(target));
        if event != Event::Insert && (unmatched || everything) && always && !temporary {
            self.facts
                .hazard(HazardKind::TautologicalWhere, self.hazard_object(range, target));
        }
        let direct = self.is_direct();
        let Some(target) = target else {
            let name = self.assumed_name(range);
            self.facts.relation_named(name, RelationKind::Table, modes, direct);
            self.set_clauses(None, &clause.target_list);
            return;
        };
        self.facts.relation(target, modes, direct);
        let written = match event {
            Event::Insert => {
                let given: Vec<&Column> = if clause.target_list.is_empty() {
                    target.columns.iter().take(clause.values.len()).collect()
                } else {
                    self.listed_columns(target, &clause.target_list)
                };
                let values: Vec<NamedValue> = clause
                    .values
                    .iter()
                    .map(|node| NamedValue {
                        name: "".into(),
                        value: self.expression_value(node),
                    })
                    .collect();
                self.assign(target, &given, &values);
                let written: BTreeSet<ColumnNumber> = given.iter().map(|column| column.number).collect();
                let with_default = clause.values.iter().any(is_default);
                self.defaults(target, &written, with_default || clause.values.is_empty());
                written
            }
            Event::Update => self.set_clauses(Some(target), &clause.target_list),
            Event::Delete => BTreeSet::new(),
        };
        self.writes_through(target, modes, &written);
        self.fires(target, event, &written, RowBound::Unbounded);
    }

    /// SET of UPDATE, ON CONFLICT and MERGE: the columns written.
    fn set_clauses(&mut self, target: Option<&Arc<Relation>>, items: &[Node]) -> BTreeSet<ColumnNumber> {
        let mut written = BTreeSet::new();
        for node in items {
            let Some(NodeEnum::ResTarget(item)) = &node.node else {
                continue;
            };
            self.all_values(&item.indirection);
            let value = match item.val.as_deref().and_then(|node| node.node.as_ref()) {
                // `(a, b) = (…)`: the source stands with each column, and is walked once.
                Some(NodeEnum::MultiAssignRef(assign)) if assign.colno > 1 => Value::default(),
                _ => self.optional_value(item.val.as_deref()),
            };
            let Some(target) = target else { continue };
            let Some(column) = target.column(&item.name) else {
                self.not_found("column", &item.name);
                continue;
            };
            if item.val.as_deref().is_some_and(is_default) {
                self.default_of(target, column);
            }
            written.insert(column.number);
            self.assign_one(target, column, Some(&value));
        }
        written
    }

    /// Resolves what a statement changes and notes it. What isn't in the catalog is noted by its name.
    fn target(&mut self, range: &RangeVar, modes: AccessModes) -> Option<Arc<Relation>> {
        let direct = self.is_direct();
        let Some(relation) = self.find_relation(range) else {
            if !self.is_variable(&range.relname) && !self.is_created(&range.schemaname, &range.relname) {
                self.not_found("relation", &written_name(range));
            }
            if self.is_created_view(&range.schemaname, &range.relname) {
                self.facts.opaque(
                    written_name(range),
                    "a view that an earlier statement of the same text makes",
                );
            }
            let name = self.assumed_name(range);
            self.facts.relation_named(name, RelationKind::Table, modes, direct);
            return None;
        };
        self.may_be_shadowed(range);
        self.facts.relation(&relation, modes, direct);
        let insert_only = modes == AccessModes::INSERT;
        // Rows inserted into a partitioned table go to its partitions; otherwise INSERT leaves children alone.
        if (range.inh && !insert_only) || relation.kind == RelationKind::PartitionedTable {
            self.includes_children(&relation, modes);
        }
        Some(relation)
    }

    pub(super) fn assumed_name(&self, range: &RangeVar) -> QualifiedName {
        let schema = if range.schemaname.is_empty() {
            self.creation_schema()
        } else {
            range.schemaname.as_str().into()
        };
        QualifiedName::new(schema, range.relname.as_str())
    }

    /// Brings the target into scope. Its rows count as read only once a column is.
    fn target_entry(&mut self, range: &RangeVar, target: Option<&Arc<Relation>>) -> Vec<NamedValue> {
        let columns = target.map_or_else(Vec::new, |target| self.columns_of(target));
        let entry = Entry {
            alias: range
                .alias
                .as_ref()
                .map_or(range.relname.as_str(), |alias| alias.aliasname.as_str())
                .into(),
            relation: target.cloned(),
            unaliased: range.alias.is_none(),
            columns: columns.clone(),
            open: target.is_none().then(Value::default),
            hidden: false,
        };
        let level = self.level();
        level.columns.extend(columns.iter().cloned());
        level.entries.push(entry);
        columns
    }

    /// What a WHERE of UPDATE or DELETE proves: hazards where it proves nothing, and the most rows.
    fn condition(
        &mut self,
        range: &RangeVar,
        target: Option<&Arc<Relation>>,
        condition: Option<&Node>,
        event: Event,
    ) -> RowBound {
        let temporary = target.is_some_and(|target| self.holds_own_rows(target))
            || (target.is_none() && self.is_created_temporary(&range.schemaname, &range.relname));
        match condition {
            None if !temporary => {
                let kind = if event == Event::Update {
                    HazardKind::UpdateWithoutWhere
                } else {
                    HazardKind::DeleteWithoutWhere
                };
                self.facts.hazard(kind, self.hazard_object(range, target));
            }
            Some(condition) if predicate::always_true(self, condition) && !temporary => {
                self.facts
                    .hazard(HazardKind::TautologicalWhere, self.hazard_object(range, target));
            }
            None | Some(_) => {}
        }
        let Some(relation) = target else {
            return RowBound::Unbounded;
        };
        let target = Target {
            relation: Arc::clone(relation),
        };
        predicate::row_bound(self, &target, condition)
    }

    /// Whether a relation's rows are the session's own: a temporary view shows the rows of others.
    pub(super) fn holds_own_rows(&self, relation: &Relation) -> bool {
        relation.temporary && relation.kind != RelationKind::View
    }

    fn hazard_object(&self, range: &RangeVar, target: Option<&Arc<Relation>>) -> String {
        target.map_or_else(|| written_name(range), |target| target.reference().name.to_string())
    }

    /// RETURNING. `old` and `new` (PostgreSQL 18) stand for the target's row before and after.
    fn returning(&mut self, clause: Option<&ReturningClause>, range: &RangeVar) -> Vec<NamedValue> {
        let Some(clause) = clause else { return Vec::new() };
        let (mut old, mut new) = ("old", "new");
        for option in &clause.options {
            let Some(NodeEnum::ReturningOption(option)) = &option.node else {
                continue;
            };
            match ReturningOptionKind::try_from(option.option) {
                Ok(ReturningOptionKind::ReturningOptionOld) => old = &option.value,
                Ok(ReturningOptionKind::ReturningOptionNew) => new = &option.value,
                Ok(ReturningOptionKind::Undefined) | Err(_) => {}
            }
        }
        let alias = range
            .alias
            .as_ref()
            .map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        let target = self
            .level()
            .entries
            .iter()
            .find(|entry| &*entry.alias == alias)
            .cloned();
        if let Some(target) = target {
            for name in [old, new] {
                let taken = self.level().entries.iter().any(|entry| &*entry.alias == name);
                if !taken {
                    // INVARIANT: entries alone, no columns of the level: unqualified names mean the target's own.
                    self.level().entries.push(Entry {
                        alias: name.into(),
                        unaliased: false,
                        ..target.clone()
                    });
                }
            }
        }
        self.target_list(&clause.exprs)
    }
}

/// The most rows that the source of an INSERT gives.
fn insert_bound(select: &SelectStmt, returns_sets: bool) -> RowBound {
    if !select.values_lists.is_empty() && select.larg.is_none() {
        return if returns_sets {
            RowBound::Unbounded
        } else {
            RowBound::AtMost(select.values_lists.len() as u64)
        };
    }
    // Grouping sets give a row each, as many as two to the number of their terms.
    let single =
        select.from_clause.is_empty() && select.larg.is_none() && select.group_clause.is_empty() && !returns_sets;
    if single {
        RowBound::AtMost(1)
    } else {
        RowBound::Unbounded
    }
}

/// Whether DEFAULT stands among the values of an INSERT.
fn has_default(select: &SelectStmt) -> bool {
    select.values_lists.iter().any(|row| match &row.node {
        Some(NodeEnum::List(row)) => row.items.iter().any(is_default),
        _ => false,
    })
}

fn is_default(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::SetToDefault(_)))
}
