//! DROP of anything but roles, databases, tablespaces, user mappings and subscriptions.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind};
use pg_query::protobuf::{DropBehavior, DropStmt, ObjectType, RangeVar};
use pg_query::{Node, NodeEnum};

use super::{ddl, existing, hazard_name, is_own, temporary_ddl};
use crate::bind::Binder;
use crate::functions::constant;

pub(super) fn drop(binder: &mut Binder<'_>, statement: &DropStmt) {
    binder.facts.moves_names();
    let kind = statement.remove_type();
    for node in &statement.objects {
        let parts = name_parts(node);
        match kind {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectIndex => {
                if relation(binder, &parts) {
                    continue;
                }
            }
            ObjectType::ObjectTrigger | ObjectType::ObjectRule | ObjectType::ObjectPolicy => {
                on_relation(binder, &parts, kind);
            }
            other => {
                ddl(binder);
                let object = object_kind(other);
                let (schema, name) = split(&parts);
                binder
                    .facts
                    .object(object, schema.map(Into::into), name.as_str(), AccessModes::DROP);
                binder.facts.hazard(HazardKind::Drop, parts.join("."));
                if let Some(more) = further_hazard(other) {
                    binder.facts.hazard(more, parts.join("."));
                }
            }
        }
        if statement.behavior() == DropBehavior::DropCascade {
            binder
                .facts
                .opaque(parts.join("."), "CASCADE: what depends on it is not listed");
        }
    }
}

/// DROP of a relation. True if it is the session's own.
fn relation(binder: &mut Binder<'_>, parts: &[String]) -> bool {
    let Some(range) = range(parts) else {
        ddl(binder);
        binder.facts.opaque("DROP", "a name that can't be read");
        return false;
    };
    let found = existing(binder, &range, AccessModes::DROP);
    if let Some(found) = &found {
        for child in binder.descendants(found.oid) {
            binder.facts.relation(&child, AccessModes::DROP, false);
        }
    }
    let temporary = is_own(binder, &range, found.as_ref());
    if temporary {
        temporary_ddl(binder);
        return true;
    }
    ddl(binder);
    let name = hazard_name(&range, found.as_ref());
    binder.facts.hazard(HazardKind::Drop, name);
    if found.is_none() {
        binder.facts.object(
            ObjectKind::Relation,
            (!range.schemaname.is_empty()).then(|| range.schemaname.as_str().into()),
            range.relname.as_str(),
            AccessModes::DROP,
        );
    }
    false
}

/// DROP of a trigger, rule or policy: its table's name comes before its own.
fn on_relation(binder: &mut Binder<'_>, parts: &[String], kind: ObjectType) {
    ddl(binder);
    let Some((name, table)) = parts.split_last() else {
        binder.facts.opaque("DROP", "a name that can't be read");
        return;
    };
    let relation = range(table).and_then(|range| existing(binder, &range, AccessModes::ALTER));
    if relation.as_ref().is_some_and(|relation| relation.temporary) {
        return;
    }
    let schema = relation.map(|relation| Arc::clone(&relation.schema));
    binder
        .facts
        .object(object_kind(kind), schema, name.as_str(), AccessModes::DROP);
    binder.facts.hazard(HazardKind::Drop, parts.join("."));
    binder.facts.hazard(HazardKind::ProtectionRemoved, parts.join("."));
}

/// What goes with dropping a kind of object, beyond its being dropped.
fn further_hazard(kind: ObjectType) -> Option<HazardKind> {
    match kind {
        ObjectType::ObjectEventTrigger | ObjectType::ObjectDomconstraint => Some(HazardKind::ProtectionRemoved),
        ObjectType::ObjectExtension => Some(HazardKind::Extension),
        ObjectType::ObjectFdw | ObjectType::ObjectForeignServer => Some(HazardKind::ForeignData),
        ObjectType::ObjectPublication => Some(HazardKind::Replication),
        _ => None,
    }
}

/// The kind of object that facts name.
pub(super) fn object_kind(kind: ObjectType) -> ObjectKind {
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectIndex
        | ObjectType::ObjectColumn
        | ObjectType::ObjectTabconstraint
        | ObjectType::ObjectDefault => ObjectKind::Relation,
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectDatabase => ObjectKind::Database,
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => ObjectKind::Function,
        ObjectType::ObjectType
        | ObjectType::ObjectDomain
        | ObjectType::ObjectAttribute
        | ObjectType::ObjectDomconstraint => ObjectKind::Type,
        ObjectType::ObjectTrigger | ObjectType::ObjectEventTrigger | ObjectType::ObjectRule => ObjectKind::Trigger,
        ObjectType::ObjectPolicy => ObjectKind::RowPolicy,
        ObjectType::ObjectRole => ObjectKind::Role,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectFdw
        | ObjectType::ObjectForeignServer
        | ObjectType::ObjectUserMapping
        | ObjectType::ObjectPublication
        | ObjectType::ObjectPublicationNamespace
        | ObjectType::ObjectPublicationRel
        | ObjectType::ObjectSubscription => ObjectKind::Foreign,
        ObjectType::ObjectParameterAcl => ObjectKind::Setting,
        ObjectType::ObjectTablespace => ObjectKind::Tablespace,
        ObjectType::Undefined
        | ObjectType::ObjectAccessMethod
        | ObjectType::ObjectAmop
        | ObjectType::ObjectAmproc
        | ObjectType::ObjectCast
        | ObjectType::ObjectCollation
        | ObjectType::ObjectConversion
        | ObjectType::ObjectDefacl
        | ObjectType::ObjectLanguage
        | ObjectType::ObjectLargeobject
        | ObjectType::ObjectOpclass
        | ObjectType::ObjectOperator
        | ObjectType::ObjectOpfamily
        | ObjectType::ObjectStatisticExt
        | ObjectType::ObjectTransform
        | ObjectType::ObjectTsconfiguration
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTstemplate => ObjectKind::Other,
    }
}

/// The parts of the name of any object: a list of strings, one string, a type, or a function with its arguments.
pub(crate) fn name_parts(node: &Node) -> Vec<String> {
    match node.node.as_ref() {
        Some(NodeEnum::String(name)) => vec![name.sval.clone()],
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(name_parts).collect(),
        Some(NodeEnum::TypeName(name)) => constant::names(&name.names),
        Some(NodeEnum::ObjectWithArgs(object)) => constant::names(&object.objname),
        Some(NodeEnum::RangeVar(range)) if range.schemaname.is_empty() => vec![range.relname.clone()],
        Some(NodeEnum::RangeVar(range)) => vec![range.schemaname.clone(), range.relname.clone()],
        _ => Vec::new(),
    }
}

/// Schema and name; a database's name before them is left out.
pub(super) fn split(parts: &[String]) -> (Option<&str>, String) {
    match parts {
        [] => (None, String::new()),
        [name] => (None, name.clone()),
        [.., schema, name] => (Some(schema), name.clone()),
    }
}

fn range(parts: &[String]) -> Option<RangeVar> {
    let (schema, name) = match parts {
        [name] => ("", name),
        [schema, name] | [_, schema, name] => (schema.as_str(), name),
        _ => return None,
    };
    Some(RangeVar {
        schemaname: schema.to_owned(),
        relname: name.clone(),
        inh: true,
        relpersistence: "p".to_owned(),
        ..RangeVar::default()
    })
}
