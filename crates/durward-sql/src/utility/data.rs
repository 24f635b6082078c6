//! Statements that move or keep rows: COPY, EXPLAIN, CALL, TRUNCATE, LOCK and maintenance.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{AccessModes, ColumnNumber, HazardKind, Oid, RowBound, StatementClass};
use pg_query::protobuf::{
    CallStmt, ClusterStmt, ColumnRef, CopyStmt, DropBehavior, ExplainStmt, LockStmt, RangeVar, RefreshMatViewStmt,
    ReindexObjectType, ReindexStmt, ResTarget, SelectStmt, TruncateStmt, VacuumStmt,
};
use pg_query::{Node, NodeEnum};

use super::{existing, hazard_name, is_on, is_own, session};
use crate::SessionEffect;
use crate::bind::{Binder, Call, CallKind, Event, Origin};
use crate::catalog::Relation;
use crate::functions::{self, constant};

/// Lock modes of `LOCK TABLE` from this on stop writers (SHARE is 5, `storage/lockdefs.h`).
const LOCK_MODE_SHARE: i32 = 5;

/// The bit of TRUNCATE in `pg_trigger.tgtype`.
const TRIGGER_TRUNCATE: u16 = 32;

pub(super) fn copy(binder: &mut Binder<'_>, statement: &CopyStmt) {
    if statement.is_program {
        binder
            .facts
            .hazard(HazardKind::ServerProgram, first_word(&statement.filename));
    } else if !statement.filename.is_empty() {
        binder.facts.hazard(HazardKind::ServerFile, statement.filename.as_str());
    } else if statement.is_from {
        binder.facts.effect(SessionEffect::CopyIn);
    } else {
        binder.facts.effect(SessionEffect::CopyOut);
    }
    match (
        &statement.relation,
        statement.query.as_ref().and_then(|query| query.node.as_ref()),
    ) {
        (None, Some(query)) => {
            binder.stored_query(query);
        }
        (Some(range), None) if statement.is_from => copy_from(binder, statement, range),
        (Some(range), None) => copy_to(binder, range, &statement.attlist),
        _ => binder.facts.opaque("COPY", "neither a table nor a query"),
    }
}

/// A program's name without its arguments, which may hold secrets.
fn first_word(program: &str) -> &str {
    program.split_whitespace().next().unwrap_or_default()
}

fn copy_from(binder: &mut Binder<'_>, statement: &CopyStmt, range: &RangeVar) {
    binder.facts.class(StatementClass::Write);
    binder.facts.rows(RowBound::Unbounded);
    let Some(relation) = existing(binder, range, AccessModes::INSERT) else {
        return;
    };
    let named = constant::names(&statement.attlist);
    let mut written: BTreeSet<ColumnNumber> = BTreeSet::new();
    for column in relation.columns.iter().filter(|column| !column.generated) {
        if named.is_empty() || named.iter().any(|name| **name == *column.name) {
            written.insert(column.number);
            binder.facts.column_written(&relation, column.number, &column.name);
        }
    }
    if relation.kind == durward_model::RelationKind::PartitionedTable {
        for child in binder.descendants(relation.oid) {
            binder.facts.relation(&child, AccessModes::INSERT, false);
        }
    }
    if let Some(condition) = statement.where_clause.as_deref() {
        binder.expression_over(condition, &relation);
    }
    binder.defaults(&relation, &written, false);
    binder.fires(&relation, Event::Insert, &written, RowBound::Unbounded);
}

/// COPY of a table reads what a SELECT of the columns would.
fn copy_to(binder: &mut Binder<'_>, range: &RangeVar, columns: &[Node]) {
    let star = [Node {
        node: Some(NodeEnum::AStar(pg_query::protobuf::AStar {})),
    }];
    let fields: Vec<&Node> = if columns.is_empty() {
        star.iter().collect()
    } else {
        columns.iter().collect()
    };
    let targets = fields
        .into_iter()
        .map(|field| {
            let column = ColumnRef {
                fields: vec![field.clone()],
                location: -1,
            };
            let value = Node {
                node: Some(NodeEnum::ColumnRef(column)),
            };
            Node {
                node: Some(NodeEnum::ResTarget(Box::new(ResTarget {
                    val: Some(Box::new(value)),
                    ..ResTarget::default()
                }))),
            }
        })
        .collect();
    let select = SelectStmt {
        target_list: targets,
        from_clause: vec![Node {
            node: Some(NodeEnum::RangeVar(range.clone())),
        }],
        ..SelectStmt::default()
    };
    let named = constant::names(columns).into_iter().map(|name| name.to_string());
    binder.copied_table(&NodeEnum::SelectStmt(Box::new(select)), named.collect());
}

/// EXPLAIN ANALYZE runs its statement. Plain EXPLAIN plans it, which reads the catalog and statistics, and may run
/// functions that say they don't change anything: what a planner may run keeps its facts.
pub(super) fn explain(binder: &mut Binder<'_>, statement: &ExplainStmt) {
    let Some(node) = statement.query.as_ref().and_then(|query| query.node.as_ref()) else {
        binder.facts.opaque("EXPLAIN", "without a statement");
        return;
    };
    binder.facts.class(StatementClass::Read);
    let inner = session::apart(binder, node);
    if is_on(&statement.options, "analyze") || inner.calls_analyzed_functions() {
        binder.facts.absorb(&inner);
    } else {
        binder.facts.absorb_as_read(&inner);
    }
}

/// CALL: arguments are expressions, the procedure is a function.
pub(super) fn call(binder: &mut Binder<'_>, statement: &CallStmt) {
    binder.facts.class(StatementClass::Read);
    match &statement.funccall {
        Some(call) => binder.expression(&Node {
            node: Some(NodeEnum::FuncCall(call.clone())),
        }),
        None => binder.facts.opaque("CALL", "without a procedure"),
    }
}

pub(super) fn truncate(binder: &mut Binder<'_>, statement: &TruncateStmt) {
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    let mut seen: BTreeSet<Oid> = BTreeSet::new();
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(range)) = node.node.as_ref() else {
            binder.facts.opaque("TRUNCATE", "a target that can't be read");
            continue;
        };
        let relation = existing(binder, range, AccessModes::TRUNCATE);
        if is_own(binder, range, relation.as_ref()) {
            binder.facts.class(StatementClass::Session);
            continue;
        }
        binder.facts.class(StatementClass::Write);
        binder.facts.rows(RowBound::Unbounded);
        binder
            .facts
            .hazard(HazardKind::Truncate, hazard_name(range, relation.as_ref()));
        if let Some(relation) = relation {
            truncated(binder, &relation, cascade, range.inh, &mut seen);
        }
    }
}

/// What goes with a truncated table: children, tables that refer to it, triggers.
fn truncated(
    binder: &mut Binder<'_>,
    relation: &Arc<Relation>,
    cascade: bool,
    with_children: bool,
    seen: &mut BTreeSet<Oid>,
) {
    if !seen.insert(relation.oid) {
        return;
    }
    let catalog = binder.catalog;
    for trigger in catalog.triggers(relation.oid) {
        if trigger.bits & TRIGGER_TRUNCATE == 0 || trigger.enabled == 'D' {
            continue;
        }
        match catalog.function(trigger.function) {
            Some(function) => {
                let candidates = [Arc::clone(function)];
                let call = Call {
                    candidates: &candidates,
                    arguments: &[],
                    how: CallKind::Trigger,
                };
                binder.nested(Origin::Code, |binder| functions::call(binder, &call));
            }
            None => binder
                .facts
                .opaque(&*trigger.name, "trigger function not in the catalog"),
        }
    }
    let mut more = Vec::new();
    if with_children {
        more.extend(binder.descendants(relation.oid));
    }
    if cascade {
        more.extend(
            catalog
                .foreign_keys_to(relation.oid)
                .filter_map(|key| catalog.relation(key.from).cloned()),
        );
    }
    for other in more {
        binder.facts.relation(&other, AccessModes::TRUNCATE, false);
        binder.nested(Origin::Code, |binder| truncated(binder, &other, cascade, true, seen));
    }
}

pub(super) fn lock(binder: &mut Binder<'_>, statement: &LockStmt) {
    binder.facts.class(StatementClass::Maintenance);
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(range)) = node.node.as_ref() else {
            binder.facts.opaque("LOCK", "a target that can't be read");
            continue;
        };
        let relation = existing(binder, range, AccessModes::LOCK);
        let temporary = is_own(binder, range, relation.as_ref());
        if statement.mode >= LOCK_MODE_SHARE && !temporary {
            binder
                .facts
                .hazard(HazardKind::TableLock, hazard_name(range, relation.as_ref()));
        }
    }
}

/// VACUUM and ANALYZE.
pub(super) fn vacuum(binder: &mut Binder<'_>, statement: &VacuumStmt) {
    binder.facts.class(StatementClass::Maintenance);
    let full = statement.is_vacuumcmd && is_on(&statement.options, "full");
    if full && statement.rels.is_empty() {
        binder.facts.hazard(HazardKind::TableRewrite, "every table");
        binder.facts.hazard(HazardKind::TableLock, "every table");
    }
    for node in &statement.rels {
        let Some(NodeEnum::VacuumRelation(target)) = node.node.as_ref() else {
            binder.facts.opaque("VACUUM", "a target that can't be read");
            continue;
        };
        let Some(range) = &target.relation else { continue };
        maintained(binder, range, full, full);
    }
}

fn maintained(binder: &mut Binder<'_>, range: &RangeVar, rewrites: bool, locks: bool) {
    let relation = existing(binder, range, AccessModes::MAINTAIN);
    if is_own(binder, range, relation.as_ref()) {
        return;
    }
    let name = hazard_name(range, relation.as_ref());
    if rewrites {
        binder.facts.hazard(HazardKind::TableRewrite, name.as_str());
    }
    if locks {
        binder.facts.hazard(HazardKind::TableLock, name);
    }
}

pub(super) fn cluster(binder: &mut Binder<'_>, statement: &ClusterStmt) {
    binder.facts.class(StatementClass::Maintenance);
    match &statement.relation {
        Some(range) => maintained(binder, range, true, true),
        None => {
            binder.facts.hazard(HazardKind::TableRewrite, "every clustered table");
            binder.facts.hazard(HazardKind::TableLock, "every clustered table");
        }
    }
}

pub(super) fn reindex(binder: &mut Binder<'_>, statement: &ReindexStmt) {
    binder.facts.class(StatementClass::Maintenance);
    let locks = !is_on(&statement.params, "concurrently");
    match &statement.relation {
        Some(range) => maintained(binder, range, false, locks),
        None if locks => {
            let what = match statement.kind() {
                ReindexObjectType::ReindexObjectSchema => format!("schema {}", statement.name),
                _ => format!("database {}", statement.name),
            };
            binder.facts.hazard(HazardKind::TableLock, what);
        }
        None => {}
    }
}

pub(super) fn refresh(binder: &mut Binder<'_>, statement: &RefreshMatViewStmt) {
    binder.facts.class(StatementClass::Maintenance);
    let Some(range) = &statement.relation else {
        binder.facts.opaque("REFRESH", "without a view");
        return;
    };
    let relation = existing(binder, range, AccessModes::MAINTAIN);
    if !statement.concurrent {
        binder
            .facts
            .hazard(HazardKind::TableLock, hazard_name(range, relation.as_ref()));
    }
    if statement.skip_data {
        binder
            .facts
            .hazard(HazardKind::DataLoss, hazard_name(range, relation.as_ref()));
        return;
    }
    let Some(relation) = relation else { return };
    let catalog = binder.catalog;
    match catalog.view_definition(relation.oid) {
        Some(definition) => {
            binder.nested(Origin::Code, |binder| {
                let path = definition.path.to_vec();
                binder.with_path(path, |binder| binder.sql_text(&definition.text, &relation.name));
            });
        }
        None => binder
            .facts
            .opaque(&*relation.name, "its definition is not in the catalog"),
    }
}
