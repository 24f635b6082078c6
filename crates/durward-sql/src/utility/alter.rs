//! ALTER TABLE and kin: which changes are cheap and additive, which lose data, rewrite, lock, or end checks.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind, Oid};
use pg_query::protobuf::{
    AlterTableCmd, AlterTableMoveAllStmt, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, ObjectType,
};
use pg_query::{Node, NodeEnum};

use super::table::{column_definition, is_serial, new_constraint, restarts};
use super::{ddl, existing, hazard_name, is_own, option, temporary_ddl};
use crate::bind::Binder;
use crate::catalog::Relation;
use crate::functions::constant;

/// ALTER of one relation, with what its subcommands need.
struct Altered {
    relation: Option<Arc<Relation>>,
    /// The name for hazards.
    name: String,
    /// Columns, and those added by earlier subcommands.
    columns: Vec<Arc<str>>,
    /// A temporary table is the session's own: nothing done to it is a hazard.
    temporary: bool,
    view: bool,
}

pub(super) fn table(binder: &mut Binder<'_>, statement: &AlterTableStmt) {
    let Some(range) = &statement.relation else {
        ddl(binder);
        binder.facts.opaque("ALTER TABLE", "without a name");
        return;
    };
    // ALTER TYPE … ADD ATTRIBUTE comes here too; composite types are relations.
    let relation = existing(binder, range, AccessModes::ALTER);
    let temporary = is_own(binder, range, relation.as_ref());
    if temporary {
        temporary_ddl(binder)
    } else {
        ddl(binder)
    }
    if range.inh
        && let Some(relation) = &relation
    {
        for child in binder.descendants(relation.oid) {
            binder.facts.relation(&child, AccessModes::ALTER, false);
        }
    }
    let mut altered = Altered {
        name: hazard_name(range, relation.as_ref()),
        columns: relation
            .iter()
            .flat_map(|relation| relation.columns.iter())
            .map(|column| Arc::clone(&column.name))
            .collect(),
        relation,
        temporary,
        view: statement.objtype() == ObjectType::ObjectView,
    };
    for command in &statement.cmds {
        match &command.node {
            Some(NodeEnum::AlterTableCmd(command)) => subcommand(binder, &mut altered, command),
            _ => binder
                .facts
                .opaque(altered.name.as_str(), "a part of ALTER TABLE is not known"),
        }
    }
}

fn hazard(binder: &mut Binder<'_>, altered: &Altered, kind: HazardKind) {
    if !altered.temporary {
        binder.facts.hazard(kind, altered.name.as_str());
    }
}

/// One subcommand. A match over the kinds, longer than a screen.
fn subcommand(binder: &mut Binder<'_>, altered: &mut Altered, command: &AlterTableCmd) {
    use AlterTableType as At;
    match command.subtype() {
        // Changes of the catalog alone.
        At::AtSetStatistics
        | At::AtSetOptions
        | At::AtResetOptions
        | At::AtSetStorage
        | At::AtSetCompression
        | At::AtDropExpression
        | At::AtValidateConstraint
        | At::AtClusterOn
        | At::AtDropCluster
        | At::AtAddOf
        | At::AtDropOf
        | At::AtAddIdentity
        | At::AtEnableTrig
        | At::AtEnableTrigAll
        | At::AtEnableTrigUser
        | At::AtEnableRule
        | At::AtEnableAlwaysTrig
        | At::AtEnableAlwaysRule => {}
        // Who sees and changes which rows: without a policy, nobody but the owner any.
        At::AtEnableRowSecurity | At::AtForceRowSecurity => hazard(binder, altered, HazardKind::PrivilegeChange),
        // Rows without the value may come in from now on.
        At::AtDropNotNull => hazard(binder, altered, HazardKind::ProtectionRemoved),
        At::AtSetIdentity => match definition(command) {
            Some(NodeEnum::List(options)) if restarts(&options.items) => {
                hazard(binder, altered, HazardKind::DataLoss);
            }
            Some(NodeEnum::List(_)) => {}
            _ => unknown(binder, altered),
        },
        // Inserts that left a key to the server fail from now on.
        At::AtDropIdentity => hazard(binder, altered, HazardKind::ProtectionRemoved),
        At::AtColumnDefault => match command.def.as_deref() {
            Some(default) => super::table::over_new_row(binder, default, &altered.columns),
            None if needs_default(altered, &command.name) => hazard(binder, altered, HazardKind::ProtectionRemoved),
            None => {}
        },
        At::AtAddColumn | At::AtAddColumnToView => match definition(command) {
            Some(NodeEnum::ColumnDef(column)) => add_column(binder, altered, column),
            _ => unknown(binder, altered),
        },
        At::AtAddConstraint => match definition(command) {
            Some(NodeEnum::Constraint(constraint)) => add_constraint(binder, altered, constraint),
            _ => unknown(binder, altered),
        },
        At::AtAlterConstraint => match definition(command) {
            Some(NodeEnum::AtalterConstraint(change))
                if (change.alter_enforceability && !change.is_enforced)
                    || (change.alter_deferrability && change.deferrable) =>
            {
                hazard(binder, altered, HazardKind::ProtectionRemoved);
            }
            Some(NodeEnum::AtalterConstraint(_) | NodeEnum::Constraint(_)) => {}
            _ => unknown(binder, altered),
        },
        At::AtSetNotNull => hazard(binder, altered, HazardKind::TableLock),
        At::AtSetExpression => {
            hazard(binder, altered, HazardKind::TableRewrite);
            if let Some(expression) = command.def.as_deref() {
                super::table::over_new_row(binder, expression, &altered.columns);
            }
        }
        At::AtDropColumn | At::AtDropInherit | At::AtDetachPartition | At::AtDetachPartitionFinalize => {
            hazard(binder, altered, HazardKind::DataLoss);
            other_relation(binder, command);
            if command.behavior() == pg_query::protobuf::DropBehavior::DropCascade {
                binder.facts.opaque(altered.name.as_str(), "CASCADE: what depends on it is not listed");
            }
        }
        At::AtAlterColumnType => match definition(command) {
            Some(NodeEnum::ColumnDef(column)) => alter_type(binder, altered, &command.name, column),
            _ => unknown(binder, altered),
        },
        At::AtChangeOwner => {
            binder.facts.class(durward_model::StatementClass::Privilege);
            hazard(binder, altered, HazardKind::PrivilegeChange);
        }
        At::AtSetLogged | At::AtSetAccessMethod | At::AtSetTableSpace | At::AtDropOids => {
            hazard(binder, altered, HazardKind::TableRewrite);
        }
        // An unlogged table is empty after a crash.
        At::AtSetUnLogged => {
            hazard(binder, altered, HazardKind::TableRewrite);
            hazard(binder, altered, HazardKind::DataLoss);
        }
        At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
            if altered.view || changes_view_security(command) {
                hazard(binder, altered, HazardKind::ProtectionRemoved);
            }
        }
        At::AtDropConstraint
        | At::AtDisableTrig
        | At::AtDisableTrigAll
        | At::AtDisableTrigUser
        | At::AtDisableRule
        // These fire on replicas only: disabled for everybody else.
        | At::AtEnableReplicaTrig
        | At::AtEnableReplicaRule
        | At::AtDisableRowSecurity
        | At::AtNoForceRowSecurity => hazard(binder, altered, HazardKind::ProtectionRemoved),
        // Rows of the child become rows of the parent.
        At::AtAddInherit => other_relation(binder, command),
        At::AtAttachPartition => {
            other_relation(binder, command);
            // The partition's rows are checked under a lock; indexes are only joined.
            if altered
                .relation
                .as_ref()
                .is_none_or(|relation| relation.kind != durward_model::RelationKind::Index)
            {
                hazard(binder, altered, HazardKind::TableLock);
            }
        }
        At::AtReplicaIdentity => hazard(binder, altered, HazardKind::Replication),
        At::AtGenericOptions | At::AtAlterColumnGenericOptions => hazard(binder, altered, HazardKind::ForeignData),
        // Made by the server itself, never by the parser.
        At::Undefined
        | At::AtCookedColumnDefault
        | At::AtAddIndex
        | At::AtReAddIndex
        | At::AtReAddConstraint
        | At::AtReAddDomainConstraint
        | At::AtAddIndexConstraint
        | At::AtReAddComment
        | At::AtReAddStatistics => unknown(binder, altered),
    }
}

/// Whether rows can't be inserted without the column's default: it is NOT NULL, or nobody knows.
fn needs_default(altered: &Altered, name: &str) -> bool {
    let column = altered.relation.as_ref().and_then(|relation| relation.column(name));
    column.is_none_or(|column| column.not_null)
}

fn definition(command: &AlterTableCmd) -> Option<&NodeEnum> {
    command.def.as_ref()?.node.as_ref()
}

fn unknown(binder: &mut Binder<'_>, altered: &Altered) {
    binder
        .facts
        .opaque(altered.name.as_str(), "a part of ALTER TABLE is not known");
}

/// The other relation of INHERIT, ATTACH and DETACH.
fn other_relation(binder: &mut Binder<'_>, command: &AlterTableCmd) {
    let range = match definition(command) {
        Some(NodeEnum::RangeVar(range)) => Some(range),
        Some(NodeEnum::PartitionCmd(partition)) => partition.name.as_ref(),
        _ => None,
    };
    if let Some(range) = range {
        existing(binder, range, AccessModes::ALTER);
    }
}

fn changes_view_security(command: &AlterTableCmd) -> bool {
    match definition(command) {
        Some(NodeEnum::List(list)) => {
            option(&list.items, "security_invoker").is_some() || option(&list.items, "security_barrier").is_some()
        }
        _ => false,
    }
}

/// ADD COLUMN: rewrites where each row needs a value of its own, locks where rows must be checked.
fn add_column(binder: &mut Binder<'_>, altered: &mut Altered, column: &ColumnDef) {
    altered.columns.push(column.colname.as_str().into());
    let columns = altered.columns.clone();
    column_definition(binder, column, &columns);
    let mut rewrites = is_serial(column) || has_checked_type(binder, column);
    let mut locks = false;
    if let Some(default) = column.raw_default.as_deref() {
        rewrites |= !is_stable(binder, default);
    }
    for constraint in &column.constraints {
        let Some(NodeEnum::Constraint(constraint)) = &constraint.node else {
            unknown(binder, altered);
            continue;
        };
        match constraint.contype() {
            ConstrType::ConstrDefault => {
                rewrites |= constraint
                    .raw_expr
                    .as_deref()
                    .is_none_or(|default| !is_stable(binder, default));
            }
            ConstrType::ConstrIdentity => rewrites = true,
            // Virtual generated columns store nothing.
            ConstrType::ConstrGenerated => rewrites |= constraint.generated_kind != "v",
            ConstrType::ConstrCheck
            | ConstrType::ConstrPrimary
            | ConstrType::ConstrUnique
            | ConstrType::ConstrExclusion => locks = true,
            ConstrType::ConstrForeign => locks |= !constraint.skip_validation,
            ConstrType::ConstrNull
            | ConstrType::ConstrNotnull
            | ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced => {}
            ConstrType::Undefined => unknown(binder, altered),
        }
    }
    let stored = altered.relation.as_ref().is_none_or(|relation| {
        !matches!(
            relation.kind,
            durward_model::RelationKind::View
                | durward_model::RelationKind::CompositeType
                | durward_model::RelationKind::ForeignTable
        )
    });
    if rewrites && stored {
        hazard(binder, altered, HazardKind::TableRewrite);
    }
    if locks && stored {
        hazard(binder, altered, HazardKind::TableLock);
    }
}

/// Whether a column's type is a domain: its checks are made on every row.
fn has_checked_type(binder: &Binder<'_>, column: &ColumnDef) -> bool {
    let Some(type_name) = &column.type_name else {
        return false;
    };
    let names = constant::names(&type_name.names);
    let parts: Vec<&str> = names.iter().map(String::as_str).collect();
    let (schema, name) = match parts.as_slice() {
        [name] => (None, *name),
        [schema, name] => (Some(*schema), *name),
        _ => return false,
    };
    binder
        .catalog
        .find_type(binder.settings, &binder.path, schema, name)
        .is_some_and(|found| found.kind == 'd' && binder.catalog.domain_checks(found.oid).next().is_some())
}

/// Whether an expression surely has one value for all rows: constants, and functions that aren't volatile of such.
fn is_stable(binder: &Binder<'_>, node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::AConst(_) | NodeEnum::SqlvalueFunction(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(|inner| is_stable(binder, inner)),
        Some(NodeEnum::AArrayExpr(array)) => array.elements.iter().all(|element| is_stable(binder, element)),
        Some(NodeEnum::AExpr(expression)) => [&expression.lexpr, &expression.rexpr]
            .into_iter()
            .flatten()
            .all(|operand| is_stable(binder, operand)),
        Some(NodeEnum::FuncCall(call)) => {
            let names = constant::names(&call.funcname);
            let parts: Vec<&str> = names.iter().map(String::as_str).collect();
            let (schema, name) = match parts.as_slice() {
                [name] => (None, *name),
                [schema, name] => (Some(*schema), *name),
                _ => return false,
            };
            let candidates = binder
                .catalog
                .find_functions(binder.settings, &binder.path, schema, name);
            !candidates.is_empty()
                && candidates.iter().all(|function| function.volatility != 'v')
                && call.args.iter().all(|argument| is_stable(binder, argument))
        }
        _ => false,
    }
}

/// ADD CONSTRAINT: rows that stand are checked under a lock, unless NOT VALID.
fn add_constraint(binder: &mut Binder<'_>, altered: &Altered, constraint: &Constraint) {
    new_constraint(binder, constraint, &altered.columns);
    // A check that reads no column lets every row pass or none.
    let constant = constraint
        .raw_expr
        .as_deref()
        .is_some_and(|check| is_stable(binder, check));
    let locks = match constraint.contype() {
        ConstrType::ConstrCheck if constant => true,
        ConstrType::ConstrCheck | ConstrType::ConstrForeign | ConstrType::ConstrNotnull => !constraint.skip_validation,
        // USING INDEX takes an index that is built already; a primary key may still check for NULL.
        ConstrType::ConstrUnique => constraint.indexname.is_empty(),
        ConstrType::ConstrPrimary | ConstrType::ConstrExclusion => true,
        ConstrType::Undefined
        | ConstrType::ConstrNull
        | ConstrType::ConstrDefault
        | ConstrType::ConstrIdentity
        | ConstrType::ConstrGenerated
        | ConstrType::ConstrAttrDeferrable
        | ConstrType::ConstrAttrNotDeferrable
        | ConstrType::ConstrAttrDeferred
        | ConstrType::ConstrAttrImmediate
        | ConstrType::ConstrAttrEnforced
        | ConstrType::ConstrAttrNotEnforced => {
            unknown(binder, altered);
            return;
        }
    };
    if locks {
        hazard(binder, altered, HazardKind::TableLock);
    }
}

const INT8: Oid = Oid(20);
const INT2: Oid = Oid(21);
const INT4: Oid = Oid(23);
const TEXT: Oid = Oid(25);
const FLOAT4: Oid = Oid(700);
const FLOAT8: Oid = Oid(701);
const VARCHAR: Oid = Oid(1_043);
const NUMERIC: Oid = Oid(1_700);

/// ALTER COLUMN TYPE: only what keeps every value is no loss, and only what keeps every byte is no rewrite.
fn alter_type(binder: &mut Binder<'_>, altered: &Altered, name: &str, column: &ColumnDef) {
    if let Some(expression) = column.raw_default.as_deref() {
        super::table::over_new_row(binder, expression, &altered.columns);
    }
    let new = column
        .type_name
        .as_ref()
        .and_then(|type_name| binder.type_name(type_name));
    let limited = column
        .type_name
        .as_ref()
        .is_none_or(|type_name| !type_name.typmods.is_empty());
    let old = altered
        .relation
        .as_ref()
        .and_then(|relation| relation.column(name))
        .map(|column| column.type_oid);
    let converts = column.raw_default.is_some();
    let (same_bytes, same_values) = match (old, new) {
        (Some(old), Some(new)) if !limited && !converts => {
            let same_bytes = matches!((old, new), (VARCHAR | TEXT, TEXT | VARCHAR));
            let widens = matches!(
                (old, new),
                (INT2, INT4 | INT8 | NUMERIC) | (INT4, INT8 | NUMERIC | FLOAT8) | (INT8, NUMERIC) | (FLOAT4, FLOAT8)
            ) || new == TEXT;
            (same_bytes, same_bytes || widens)
        }
        _ => (false, false),
    };
    if !same_bytes {
        hazard(binder, altered, HazardKind::TableRewrite);
    }
    if !same_values {
        hazard(binder, altered, HazardKind::DataLoss);
    }
}

/// ALTER TABLE ALL IN TABLESPACE … SET TABLESPACE.
pub(super) fn move_all(binder: &mut Binder<'_>, statement: &AlterTableMoveAllStmt) {
    ddl(binder);
    binder.facts.object(
        ObjectKind::Tablespace,
        None,
        statement.orig_tablespacename.as_str(),
        AccessModes::ALTER,
    );
    binder.facts.hazard(
        HazardKind::TableRewrite,
        format!("tablespace {}", statement.orig_tablespacename),
    );
    binder.facts.hazard(
        HazardKind::TableLock,
        format!("tablespace {}", statement.orig_tablespacename),
    );
    binder.facts.opaque("ALTER TABLE ALL", "the relations are not listed");
}
