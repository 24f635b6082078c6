//! Statements about who may do what.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind, StatementClass};
use pg_query::protobuf::{
    AlterRoleSetStmt, DropRoleStmt, GrantRoleStmt, GrantStmt, GrantTargetType, RoleSpec, RoleSpecType,
};
use pg_query::{Node, NodeEnum};

use super::drop::{name_parts, object_kind, split};
use super::{ddl, existing, hazard_name};
use crate::SessionEffect;
use crate::bind::Binder;

/// Notes a change of rights that concerns `object`.
pub(super) fn privilege(binder: &mut Binder<'_>, object: &str) {
    ddl(binder);
    binder.facts.class(StatementClass::Privilege);
    binder.facts.hazard(HazardKind::PrivilegeChange, object);
}

/// A role as written.
pub(super) fn spec(role: Option<&RoleSpec>) -> String {
    let Some(role) = role else { return String::new() };
    match role.roletype() {
        RoleSpecType::RolespecCstring => role.rolename.clone(),
        RoleSpecType::RolespecCurrentRole | RoleSpecType::RolespecCurrentUser => "CURRENT_USER".to_owned(),
        RoleSpecType::RolespecSessionUser => "SESSION_USER".to_owned(),
        RoleSpecType::RolespecPublic => "PUBLIC".to_owned(),
        RoleSpecType::Undefined => String::new(),
    }
}

fn roles(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::RoleSpec(role)) => spec(Some(role)),
            Some(NodeEnum::AccessPriv(role)) => role.priv_name.clone(),
            _ => String::new(),
        })
        .collect()
}

/// GRANT and REVOKE on objects.
pub(super) fn grant(binder: &mut Binder<'_>, statement: &GrantStmt) {
    ddl(binder);
    binder.facts.class(StatementClass::Privilege);
    let kind = statement.objtype();
    for node in &statement.objects {
        let name = match &node.node {
            Some(NodeEnum::RangeVar(range)) => {
                let found = existing(binder, range, AccessModes::GRANT);
                hazard_name(range, found.as_ref())
            }
            _ => {
                let parts = name_parts(node);
                let (schema, name) = split(&parts);
                let all = statement.targtype() == GrantTargetType::AclTargetAllInSchema;
                let kind = if all { ObjectKind::Schema } else { object_kind(kind) };
                binder
                    .facts
                    .object(kind, schema.map(Arc::from), name, AccessModes::GRANT);
                parts.join(".")
            }
        };
        binder.facts.hazard(HazardKind::PrivilegeChange, name);
    }
    if statement.objects.is_empty() {
        binder.facts.hazard(HazardKind::PrivilegeChange, "");
    }
}

/// GRANT and REVOKE of membership.
pub(super) fn grant_role(binder: &mut Binder<'_>, statement: &GrantRoleStmt) {
    for role in roles(&statement.granted_roles) {
        privilege(binder, &role);
        binder.facts.object(ObjectKind::Role, None, role, AccessModes::GRANT);
    }
}

/// CREATE and ALTER ROLE.
pub(super) fn role(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    privilege(binder, name);
    binder.facts.object(ObjectKind::Role, None, name, modes);
}

/// ALTER ROLE … SET: the settings of sessions to come.
pub(super) fn alter_role_set(binder: &mut Binder<'_>, statement: &AlterRoleSetStmt) {
    let name = spec(statement.role.as_ref());
    let name = if name.is_empty() { "ALL" } else { name.as_str() };
    ddl(binder);
    binder.facts.object(ObjectKind::Role, None, name, AccessModes::ALTER);
    binder.facts.hazard(HazardKind::Configuration, name);
}

pub(super) fn drop(binder: &mut Binder<'_>, statement: &DropRoleStmt) {
    for role in roles(&statement.roles) {
        privilege(binder, &role);
        binder.facts.hazard(HazardKind::Drop, role.as_str());
        binder.facts.object(ObjectKind::Role, None, role, AccessModes::DROP);
    }
}

pub(super) fn reassign(binder: &mut Binder<'_>, owners: &[Node]) {
    for role in roles(owners) {
        privilege(binder, &role);
        binder.facts.opaque(role, "what the role owns is not listed");
    }
}

pub(super) fn drop_owned(binder: &mut Binder<'_>, owners: &[Node]) {
    for role in roles(owners) {
        privilege(binder, &role);
        binder.facts.hazard(HazardKind::Drop, role.as_str());
        binder.facts.opaque(role, "what the role owns is not listed");
    }
    binder.facts.effect(SessionEffect::ChangesCatalog);
}
