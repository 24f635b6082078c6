//! Statements about objects of any kind: rename, move, own, comment; schemas, types, statistics.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind, StatementClass};
use pg_query::protobuf::{
    AlterDomainStmt, AlterEnumStmt, AlterObjectSchemaStmt, AlterOwnerStmt, CommentStmt, CompositeTypeStmt,
    CreateDomainStmt, CreateSchemaStmt, CreateStatsStmt, ObjectType, RenameStmt,
};
use pg_query::{Node, NodeEnum};

use super::drop::{name_parts, object_kind, split};
use super::table::{column_definition, over_new_row};
use super::{ddl, existing, hazard_name, is_own, role, temporary_ddl};
use crate::bind::Binder;
use crate::functions::constant;

/// An object without a schema, or one whose schema doesn't matter.
pub(super) fn simple(
    binder: &mut Binder<'_>,
    kind: ObjectKind,
    name: &str,
    modes: AccessModes,
    hazards: &[HazardKind],
) {
    ddl(binder);
    binder.facts.object(kind, None, name, modes);
    for hazard in hazards {
        binder.facts.hazard(*hazard, name);
    }
}

/// An object with a name that may be qualified.
pub(super) fn named(binder: &mut Binder<'_>, kind: ObjectKind, names: &[Node], modes: AccessModes) {
    ddl(binder);
    let parts = constant::names(names);
    let (schema, name) = split(&parts);
    let schema = match schema {
        Some(schema) => schema.into(),
        None => binder.creation_schema(),
    };
    binder.facts.object(kind, Some(schema), name, modes);
}

/// An object whose code later runs in others' statements.
pub(super) fn planted(binder: &mut Binder<'_>, kind: ObjectKind, names: &[Node], modes: AccessModes) {
    named(binder, kind, names, modes);
    binder
        .facts
        .hazard(HazardKind::PlantedCode, constant::names(names).join("."));
}

/// The object that a statement on any kind of object names, as far as it has one.
fn target(
    binder: &mut Binder<'_>,
    kind: ObjectType,
    relation: Option<&pg_query::protobuf::RangeVar>,
    object: Option<&Node>,
    modes: AccessModes,
) -> (String, bool) {
    if let Some(range) = relation.filter(|range| !range.relname.is_empty()) {
        let found = existing(binder, range, modes);
        let temporary = is_own(binder, range, found.as_ref());
        return (hazard_name(range, found.as_ref()), temporary);
    }
    let parts = object.map(name_parts).unwrap_or_default();
    let (schema, name) = split(&parts);
    binder
        .facts
        .object(object_kind(kind), schema.map(Arc::from), name, modes);
    (parts.join("."), false)
}

/// ALTER TYPE of an enum: what adds a value is additive, what renames one takes it from those who use it.
pub(super) fn alter_enum(binder: &mut Binder<'_>, statement: &AlterEnumStmt) {
    named(binder, ObjectKind::Type, &statement.type_name, AccessModes::ALTER);
    if !statement.old_val.is_empty() {
        let name = constant::names(&statement.type_name).join(".");
        binder.facts.hazard(HazardKind::DataLoss, name);
    }
}

/// RENAME: what others use under the old name is gone for them.
pub(super) fn rename(binder: &mut Binder<'_>, statement: &RenameStmt) {
    binder.facts.moves_names();
    let kind = statement.rename_type();
    let (name, temporary) = target(
        binder,
        kind,
        statement.relation.as_ref(),
        statement.object.as_deref(),
        AccessModes::ALTER,
    );
    if temporary {
        temporary_ddl(binder);
        return;
    }
    ddl(binder);
    match kind {
        ObjectType::ObjectRole => role::privilege(binder, if name.is_empty() { &statement.subname } else { &name }),
        ObjectType::ObjectDatabase | ObjectType::ObjectTablespace => {
            binder
                .facts
                .hazard(HazardKind::Configuration, statement.subname.as_str());
        }
        // To everybody who uses the old name the rows are gone.
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectColumn
        | ObjectType::ObjectAttribute
        | ObjectType::ObjectSequence
        | ObjectType::ObjectType
        | ObjectType::ObjectDomain => binder.facts.hazard(HazardKind::DataLoss, name),
        // What calls the old name breaks; what calls the new one runs this code.
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => binder.facts.hazard(HazardKind::PlantedCode, name),
        ObjectType::ObjectSchema => binder.facts.hazard(HazardKind::DataLoss, statement.subname.as_str()),
        _ => {}
    }
}

pub(super) fn set_schema(binder: &mut Binder<'_>, statement: &AlterObjectSchemaStmt) {
    binder.facts.moves_names();
    ddl(binder);
    let kind = statement.object_type();
    let (name, _) = target(
        binder,
        kind,
        statement.relation.as_ref(),
        statement.object.as_deref(),
        AccessModes::ALTER,
    );
    binder.facts.object(
        ObjectKind::Schema,
        None,
        statement.newschema.as_str(),
        AccessModes::ALTER,
    );
    match kind {
        ObjectType::ObjectExtension => binder.facts.hazard(HazardKind::Extension, name),
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable => binder.facts.hazard(HazardKind::DataLoss, name),
        // A function or operator that moves into a schema on others' search paths runs in their statements.
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate
        | ObjectType::ObjectOperator
        | ObjectType::ObjectOpclass
        | ObjectType::ObjectOpfamily => binder.facts.hazard(HazardKind::PlantedCode, name),
        _ => {}
    }
}

pub(super) fn owner(binder: &mut Binder<'_>, statement: &AlterOwnerStmt) {
    ddl(binder);
    let kind = statement.object_type();
    let (name, _) = target(
        binder,
        kind,
        statement.relation.as_ref(),
        statement.object.as_deref(),
        AccessModes::ALTER,
    );
    binder.facts.class(StatementClass::Privilege);
    binder.facts.hazard(HazardKind::PrivilegeChange, name);
}

pub(super) fn comment(binder: &mut Binder<'_>, statement: &CommentStmt) {
    ddl(binder);
    let parts = statement.object.as_deref().map(name_parts).unwrap_or_default();
    let (schema, name) = split(&parts);
    let kind = object_kind(statement.objtype());
    let schema = schema
        .map(Arc::from)
        .or_else(|| (kind == ObjectKind::Relation).then(|| binder.creation_schema()));
    binder.facts.object(kind, schema, name, AccessModes::ALTER);
}

/// CREATE SCHEMA, with the elements made in it.
pub(super) fn schema(binder: &mut Binder<'_>, statement: &CreateSchemaStmt) {
    ddl(binder);
    let owner = statement.authrole.as_ref().map(|authrole| role::spec(Some(authrole)));
    let name = if statement.schemaname.is_empty() {
        owner.clone().unwrap_or_default()
    } else {
        statement.schemaname.clone()
    };
    binder
        .facts
        .object(ObjectKind::Schema, None, name.as_str(), AccessModes::CREATE);
    if owner.is_some() {
        binder.facts.hazard(HazardKind::PrivilegeChange, name.as_str());
    }
    // "$user" stands first in the path: what is made in it stands before what everybody else's names mean.
    if *name == *binder.settings.session_user || *name == *binder.settings.current_user {
        binder.facts.hazard(HazardKind::PlantedCode, name.as_str());
    }
    let mut path: Vec<Arc<str>> = vec![name.into()];
    path.extend(binder.path.iter().cloned());
    binder.with_path(path, |binder| {
        for element in &statement.schema_elts {
            match &element.node {
                Some(element) => binder.statement(element),
                None => binder.facts.opaque("CREATE SCHEMA", "a part of it is not known"),
            }
        }
    });
}

pub(super) fn statistics(binder: &mut Binder<'_>, statement: &CreateStatsStmt) {
    named(binder, ObjectKind::Other, &statement.defnames, AccessModes::CREATE);
    let mut over = None;
    for relation in &statement.relations {
        if let Some(NodeEnum::RangeVar(range)) = &relation.node {
            over = existing(binder, range, AccessModes::MAINTAIN);
        }
    }
    for element in &statement.exprs {
        if let Some(NodeEnum::StatsElem(element)) = &element.node
            && let Some(expression) = element.expr.as_deref()
        {
            match &over {
                Some(relation) => binder.expression_over(expression, relation),
                None => binder.expression(expression),
            }
        }
    }
}

/// The name that a domain's checks use for the value.
fn domain_value() -> [Arc<str>; 1] {
    ["value".into()]
}

pub(super) fn domain(binder: &mut Binder<'_>, statement: &CreateDomainStmt) {
    named(binder, ObjectKind::Type, &statement.domainname, AccessModes::CREATE);
    if let Some(type_name) = &statement.type_name {
        binder.type_name(type_name);
    }
    for constraint in &statement.constraints {
        domain_constraint(binder, constraint);
    }
}

fn domain_constraint(binder: &mut Binder<'_>, node: &Node) {
    match &node.node {
        Some(NodeEnum::Constraint(constraint)) => {
            if let Some(expression) = constraint.raw_expr.as_deref() {
                over_new_row(binder, expression, &domain_value());
            }
        }
        _ => binder.facts.opaque("DOMAIN", "a constraint that is not known"),
    }
}

pub(super) fn alter_domain(binder: &mut Binder<'_>, statement: &AlterDomainStmt) {
    named(binder, ObjectKind::Type, &statement.type_name, AccessModes::ALTER);
    let name = constant::names(&statement.type_name).join(".");
    match statement.subtype.as_str() {
        // SET or DROP DEFAULT.
        "T" => {
            if let Some(default) = statement.def.as_deref() {
                binder.expression(default);
            }
        }
        // DROP NOT NULL; VALIDATE CONSTRAINT.
        "N" | "V" => {}
        // SET NOT NULL: every column of the type is read.
        "O" => binder.facts.hazard(HazardKind::TableLock, name),
        "C" => {
            if let Some(constraint) = statement.def.as_deref() {
                domain_constraint(binder, constraint);
            }
            binder.facts.hazard(HazardKind::TableLock, name);
        }
        "X" => binder.facts.hazard(HazardKind::ProtectionRemoved, name),
        _ => binder.facts.opaque(name, "a part of ALTER DOMAIN is not known"),
    }
}

pub(super) fn composite(binder: &mut Binder<'_>, statement: &CompositeTypeStmt) {
    ddl(binder);
    if let Some(range) = &statement.typevar {
        let schema = if range.schemaname.is_empty() {
            binder.creation_schema()
        } else {
            range.schemaname.as_str().into()
        };
        binder.facts.object(
            ObjectKind::Type,
            Some(schema),
            range.relname.as_str(),
            AccessModes::CREATE,
        );
    }
    for column in &statement.coldeflist {
        if let Some(NodeEnum::ColumnDef(column)) = &column.node {
            column_definition(binder, column, &[]);
        }
    }
}
