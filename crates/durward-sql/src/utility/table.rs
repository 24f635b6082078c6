//! CREATE of tables, views, indexes and sequences.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind, RelationKind, StatementClass};
use pg_query::protobuf::{
    AlterSeqStmt, ColumnDef, ConstrType, Constraint, CreateForeignTableStmt, CreateSeqStmt, CreateStmt,
    CreateTableAsStmt, IndexStmt, ObjectType, RangeVar, ViewStmt,
};
use pg_query::{Node, NodeEnum};

use super::{created, ddl, existing, hazard_name, is_own, makes_temporary, temporary_ddl};
use crate::bind::{Binder, renamed, strings};
use crate::catalog::Relation;

/// CREATE TABLE.
pub(super) fn create(binder: &mut Binder<'_>, statement: &CreateStmt, kind: RelationKind) {
    let Some(range) = &statement.relation else {
        binder.facts.opaque("CREATE TABLE", "without a name");
        return;
    };
    if makes_temporary(range) {
        temporary_ddl(binder)
    } else {
        ddl(binder)
    }
    let kind = if statement.partspec.is_some() {
        RelationKind::PartitionedTable
    } else {
        kind
    };
    created(binder, range, kind);
    for parent in &statement.inh_relations {
        // Rows of the child are rows of the parent from now on.
        if let Some(NodeEnum::RangeVar(parent)) = &parent.node {
            existing(binder, parent, AccessModes::ALTER);
        }
    }
    if let Some(type_name) = &statement.of_typename {
        binder.type_name(type_name);
    }
    let columns = column_names(&statement.table_elts);
    for element in statement.table_elts.iter().chain(&statement.constraints) {
        table_element(binder, element, &columns);
    }
    if let Some(specification) = &statement.partspec {
        for part in &specification.part_params {
            if let Some(NodeEnum::PartitionElem(part)) = &part.node
                && let Some(expression) = part.expr.as_deref()
            {
                over_new_row(binder, expression, &columns);
            }
        }
    }
    if let Some(bound) = &statement.partbound {
        for datum in bound
            .listdatums
            .iter()
            .chain(&bound.lowerdatums)
            .chain(&bound.upperdatums)
        {
            if !matches!(
                datum.node,
                Some(NodeEnum::PartitionRangeDatum(_) | NodeEnum::ColumnRef(_))
            ) {
                binder.expression(datum);
            }
        }
    }
}

fn column_names(elements: &[Node]) -> Vec<Arc<str>> {
    elements
        .iter()
        .filter_map(|element| match &element.node {
            Some(NodeEnum::ColumnDef(column)) => Some(column.colname.as_str().into()),
            _ => None,
        })
        .collect()
}

/// Walks an expression over the row of a relation that is being made.
pub(super) fn over_new_row(binder: &mut Binder<'_>, expression: &Node, columns: &[Arc<str>]) {
    binder.with_variables(columns.iter().cloned(), |binder| binder.expression(expression));
}

fn table_element(binder: &mut Binder<'_>, element: &Node, columns: &[Arc<str>]) {
    match &element.node {
        Some(NodeEnum::ColumnDef(column)) => column_definition(binder, column, columns),
        Some(NodeEnum::Constraint(constraint)) => new_constraint(binder, constraint, columns),
        Some(NodeEnum::TableLikeClause(like)) => {
            if let Some(source) = &like.relation {
                existing(binder, source, AccessModes::READ);
            }
        }
        _ => binder.facts.opaque("CREATE TABLE", "a part of it is not known"),
    }
}

/// A column's type, default and constraints.
pub(super) fn column_definition(binder: &mut Binder<'_>, column: &ColumnDef, columns: &[Arc<str>]) {
    if let Some(type_name) = &column.type_name
        && !is_serial(column)
    {
        binder.type_name(type_name);
    }
    if let Some(default) = column.raw_default.as_deref() {
        over_new_row(binder, default, columns);
    }
    for constraint in &column.constraints {
        if let Some(NodeEnum::Constraint(constraint)) = &constraint.node {
            new_constraint(binder, constraint, columns);
        }
    }
}

/// Whether the type is a notation for an integer with a sequence.
pub(super) fn is_serial(column: &ColumnDef) -> bool {
    column.type_name.as_ref().is_some_and(|name| {
        matches!(name.names.as_slice(), [Node { node: Some(NodeEnum::String(name)) }]
            if matches!(name.sval.as_str(), "smallserial" | "serial2" | "serial" | "serial4" | "bigserial" | "serial8"))
    })
}

/// What a constraint's expressions call, and the table that a foreign key refers to.
pub(super) fn new_constraint(binder: &mut Binder<'_>, constraint: &Constraint, columns: &[Arc<str>]) {
    if let Some(expression) = constraint.raw_expr.as_deref() {
        over_new_row(binder, expression, columns);
    }
    if let Some(condition) = constraint.where_clause.as_deref() {
        over_new_row(binder, condition, columns);
    }
    if constraint.contype() == ConstrType::ConstrForeign
        && let Some(referred) = &constraint.pktable
        && !referred.relname.is_empty()
    {
        existing(binder, referred, AccessModes::READ);
    }
}

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
pub(super) fn create_as(binder: &mut Binder<'_>, statement: &CreateTableAsStmt) {
    let Some(range) = statement.into.as_ref().and_then(|into| into.rel.as_ref()) else {
        binder.facts.opaque("CREATE TABLE AS", "without a name");
        return;
    };
    match statement.query.as_ref().and_then(|query| query.node.as_ref()) {
        Some(query) => {
            let columns = binder.stored_query(query);
            let names = statement.into.as_ref().map_or(&[][..], |into| &into.col_names);
            if !makes_temporary(range) {
                let relation = super::assumed_name(binder, range);
                for column in renamed(columns, &strings(names)) {
                    binder.copies(&column.value, relation.clone(), &column.name);
                }
            }
        }
        None => binder.facts.opaque("CREATE TABLE AS", "without a query"),
    }
    if makes_temporary(range) {
        temporary_ddl(binder)
    } else {
        ddl(binder)
    }
    let view = statement.objtype() == ObjectType::ObjectMatview;
    created(
        binder,
        range,
        if view {
            RelationKind::MaterializedView
        } else {
            RelationKind::Table
        },
    );
}

/// CREATE VIEW. Replacing one changes what everybody who reads it sees.
pub(super) fn view(binder: &mut Binder<'_>, statement: &ViewStmt) {
    let Some(range) = &statement.view else {
        binder.facts.opaque("CREATE VIEW", "without a name");
        return;
    };
    match statement.query.as_ref().and_then(|query| query.node.as_ref()) {
        Some(query) => binder.statement(query),
        None => binder.facts.opaque("CREATE VIEW", "without a query"),
    }
    if makes_temporary(range) {
        temporary_ddl(binder);
    } else {
        ddl(binder);
        let replaced = if statement.replace {
            in_creation_schema(binder, range)
        } else {
            None
        };
        if let Some(replaced) = replaced {
            let direct = binder.is_direct();
            binder.facts.relation(&replaced, AccessModes::ALTER, direct);
            binder
                .facts
                .hazard(HazardKind::PlantedCode, hazard_name(range, Some(&replaced)));
        }
    }
    created(binder, range, RelationKind::View);
}

/// The relation that stands where a new one would be made.
fn in_creation_schema(binder: &Binder<'_>, range: &RangeVar) -> Option<Arc<Relation>> {
    let name = super::assumed_name(binder, range);
    binder.catalog.relation_in(&name.schema, &name.name).cloned()
}

/// CREATE INDEX. Without CONCURRENTLY, writers of an existing table wait until it is built.
pub(super) fn index(binder: &mut Binder<'_>, statement: &IndexStmt) {
    let Some(range) = &statement.relation else {
        binder.facts.opaque("CREATE INDEX", "without a table");
        return;
    };
    let relation = existing(binder, range, AccessModes::MAINTAIN);
    let temporary = is_own(binder, range, relation.as_ref());
    if temporary {
        temporary_ddl(binder);
    } else {
        ddl(binder);
        if !statement.concurrent {
            binder
                .facts
                .hazard(HazardKind::TableLock, hazard_name(range, relation.as_ref()));
        }
    }
    let schema = relation.as_ref().map(|relation| Arc::clone(&relation.schema));
    let name = if statement.idxname.is_empty() {
        "index"
    } else {
        statement.idxname.as_str()
    };
    binder
        .facts
        .object(ObjectKind::Relation, schema, name, AccessModes::CREATE);
    let elements = statement.index_params.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::IndexElem(element)) => element.expr.as_deref(),
        _ => None,
    });
    for expression in elements.chain(statement.where_clause.as_deref()) {
        match &relation {
            Some(relation) => binder.expression_over(expression, relation),
            None => binder.expression(expression),
        }
    }
}

pub(super) fn sequence(binder: &mut Binder<'_>, statement: &CreateSeqStmt) {
    let Some(range) = &statement.sequence else {
        binder.facts.opaque("CREATE SEQUENCE", "without a name");
        return;
    };
    if makes_temporary(range) {
        temporary_ddl(binder)
    } else {
        ddl(binder)
    }
    created(binder, range, RelationKind::Sequence);
}

pub(super) fn alter_sequence(binder: &mut Binder<'_>, statement: &AlterSeqStmt) {
    ddl(binder);
    match &statement.sequence {
        Some(range) => {
            let sequence = existing(binder, range, AccessModes::ALTER);
            if !is_own(binder, range, sequence.as_ref()) && restarts(&statement.options) {
                binder
                    .facts
                    .hazard(HazardKind::DataLoss, hazard_name(range, sequence.as_ref()));
            }
        }
        None => binder.facts.opaque("ALTER SEQUENCE", "without a name"),
    }
}

/// Whether options of a sequence set its counter back: keys would be given a second time.
pub(super) fn restarts(options: &[Node]) -> bool {
    super::option(options, "restart").is_some()
}

pub(super) fn foreign_table(binder: &mut Binder<'_>, statement: &CreateForeignTableStmt) {
    match &statement.base_stmt {
        Some(base) => create(binder, base, RelationKind::ForeignTable),
        None => binder.facts.opaque("CREATE FOREIGN TABLE", "without a definition"),
    }
    binder.facts.class(StatementClass::Ddl);
    binder
        .facts
        .hazard(HazardKind::ForeignData, statement.servername.as_str());
}
