//! The locks that statements take on tables. For ALTER TABLE: the manual's page of that command ("an ACCESS EXCLUSIVE lock is
//! acquired unless explicitly noted"); for the rest: manual section 13.3.1 and each command's page. What isn't noted there
//! counts as ACCESS EXCLUSIVE.

use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, CreateStmt, DropStmt, ObjectType, RangeVar,
};
use pg_query::{Node, NodeEnum};

use super::{LockMode, Named};
use crate::utility::name_parts;

use LockMode::{AccessExclusive, Exclusive, Share, ShareRowExclusive, ShareUpdateExclusive};

/// Storage parameters that take a weaker lock (manual, ALTER TABLE, `SET ( storage_parameter )`), by how they begin.
const LIGHT_PARAMETERS: [&str; 4] = ["fillfactor", "toast.", "autovacuum_", "parallel_workers"];

/// The locks on relations that are named in the text. A match over the statement kinds, longer than a screen.
pub(super) fn locks(node: &NodeEnum) -> Vec<Named> {
    let one = |range: Option<&RangeVar>, lock| range.map(|range| Named::of(range, lock)).into_iter().collect();
    let concurrently = |concurrent: bool, lock| if concurrent { ShareUpdateExclusive } else { lock };
    match node {
        NodeEnum::AlterTableStmt(s) => alter_table(s),
        NodeEnum::IndexStmt(s) => one(s.relation.as_ref(), concurrently(s.concurrent, Share)),
        NodeEnum::DropStmt(s) => drop(s),
        NodeEnum::RenameStmt(s) => rename(s.relation.as_ref(), s.rename_type(), &s.subname),
        NodeEnum::AlterObjectSchemaStmt(s) => one(s.relation.as_ref(), AccessExclusive),
        NodeEnum::AlterOwnerStmt(s) => one(s.relation.as_ref(), AccessExclusive),
        NodeEnum::TruncateStmt(s) => ranges(&s.relations, AccessExclusive),
        NodeEnum::CreateStmt(s) => create(s),
        NodeEnum::ViewStmt(s) if s.replace => one(s.view.as_ref(), AccessExclusive),
        NodeEnum::CreateTrigStmt(s) => {
            let mut locks: Vec<Named> = one(s.relation.as_ref(), ShareRowExclusive);
            locks.extend(s.constrrel.as_ref().map(|range| Named::of(range, ShareRowExclusive)));
            locks
        }
        NodeEnum::RuleStmt(s) => one(s.relation.as_ref(), AccessExclusive),
        NodeEnum::CreatePolicyStmt(s) => one(s.table.as_ref(), AccessExclusive),
        NodeEnum::AlterPolicyStmt(s) => one(s.table.as_ref(), AccessExclusive),
        NodeEnum::CreateStatsStmt(s) => ranges(&s.relations, ShareUpdateExclusive),
        NodeEnum::CommentStmt(s) if s.objtype() == ObjectType::ObjectTable => {
            parts_of(s.object.as_deref(), ShareUpdateExclusive)
                .into_iter()
                .collect()
        }
        NodeEnum::RefreshMatViewStmt(s) => one(
            s.relation.as_ref(),
            if s.concurrent { Exclusive } else { AccessExclusive },
        ),
        NodeEnum::ClusterStmt(s) => one(s.relation.as_ref(), AccessExclusive),
        NodeEnum::ReindexStmt(s) => {
            let concurrent = crate::utility::is_on(&s.params, "concurrently");
            one(s.relation.as_ref(), concurrently(concurrent, AccessExclusive))
        }
        NodeEnum::VacuumStmt(s) => {
            let full = s.is_vacuumcmd && crate::utility::is_on(&s.options, "full");
            let lock = if full { AccessExclusive } else { ShareUpdateExclusive };
            let relations = s.rels.iter().filter_map(|node| match &node.node {
                Some(NodeEnum::VacuumRelation(relation)) => relation.relation.as_ref(),
                _ => None,
            });
            relations.map(|range| Named::of(range, lock)).collect()
        }
        NodeEnum::LockStmt(s) => match s.mode {
            // The weaker ones are those of reads and writes of rows.
            ..=3 => Vec::new(),
            4 => ranges(&s.relations, ShareUpdateExclusive),
            5 => ranges(&s.relations, Share),
            6 => ranges(&s.relations, ShareRowExclusive),
            7 => ranges(&s.relations, Exclusive),
            _ => ranges(&s.relations, AccessExclusive),
        },
        _ => Vec::new(),
    }
}

fn ranges(nodes: &[Node], lock: LockMode) -> Vec<Named> {
    let ranges = nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::RangeVar(range)) => Some(Named::of(range, lock)),
        _ => None,
    });
    ranges.collect()
}

fn parts_of(node: Option<&Node>, lock: LockMode) -> Option<Named> {
    let parts = name_parts(node?);
    let (name, before) = parts.split_last()?;
    Some(Named {
        schema: before.last().cloned().unwrap_or_default(),
        name: name.clone(),
        lock,
        columns: Vec::new(),
    })
}

fn drop(statement: &DropStmt) -> Vec<Named> {
    let lock = if statement.concurrent {
        ShareUpdateExclusive
    } else {
        AccessExclusive
    };
    let named = statement
        .objects
        .iter()
        .filter_map(|node| match statement.remove_type() {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectIndex => parts_of(Some(node), lock),
            // Their table's name comes before their own.
            ObjectType::ObjectTrigger | ObjectType::ObjectRule | ObjectType::ObjectPolicy => {
                let mut parts = name_parts(node);
                parts.pop();
                let name = parts.pop()?;
                Some(Named {
                    schema: parts.pop().unwrap_or_default(),
                    name,
                    lock,
                    columns: Vec::new(),
                })
            }
            _ => None,
        });
    named.collect()
}

fn rename(range: Option<&RangeVar>, kind: ObjectType, column: &str) -> Vec<Named> {
    let lock = if kind == ObjectType::ObjectIndex {
        ShareUpdateExclusive
    } else {
        AccessExclusive
    };
    let mut named: Vec<Named> = range.map(|range| Named::of(range, lock)).into_iter().collect();
    if kind == ObjectType::ObjectColumn {
        named
            .iter_mut()
            .for_each(|named| named.columns = vec![column.to_owned()]);
    }
    named
}

/// CREATE TABLE: the tables that it comes to be connected with.
fn create(statement: &CreateStmt) -> Vec<Named> {
    let lock = if statement.partbound.is_some() {
        AccessExclusive
    } else {
        ShareUpdateExclusive
    };
    let mut locks = ranges(&statement.inh_relations, lock);
    for element in statement.table_elts.iter().chain(&statement.constraints) {
        match &element.node {
            Some(NodeEnum::ColumnDef(column)) => locks.extend(column.constraints.iter().filter_map(referred)),
            _ => locks.extend(referred(element)),
        }
    }
    locks
}

/// The table that a foreign key refers to.
fn referred(node: &Node) -> Option<Named> {
    match &node.node {
        Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrForeign => {
            Some(Named::of(constraint.pktable.as_ref()?, ShareRowExclusive))
        }
        _ => None,
    }
}

fn alter_table(statement: &AlterTableStmt) -> Vec<Named> {
    let Some(range) = &statement.relation else {
        return Vec::new();
    };
    let mut locks = Vec::new();
    for node in &statement.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else {
            locks.push(Named::of(range, AccessExclusive));
            continue;
        };
        let mut own = Named::of(range, alter_lock(command));
        if is_about_a_column(command) {
            own.columns = vec![command.name.clone()];
        }
        locks.push(own);
        let definition = command.def.as_deref();
        locks.extend(definition.and_then(referred));
        match definition.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::PartitionCmd(partition)) => {
                locks.extend(partition.name.as_ref().map(|range| Named::of(range, AccessExclusive)));
            }
            Some(NodeEnum::RangeVar(parent)) => locks.push(Named::of(parent, ShareUpdateExclusive)),
            Some(NodeEnum::ColumnDef(column)) => locks.extend(column.constraints.iter().filter_map(referred)),
            _ => {}
        }
    }
    locks
}

fn is_about_a_column(command: &AlterTableCmd) -> bool {
    use AlterTableType as At;
    matches!(
        command.subtype(),
        At::AtDropColumn | At::AtAlterColumnType | At::AtColumnDefault | At::AtSetNotNull | At::AtDropNotNull
    )
}

/// The lock of one subcommand.
fn alter_lock(command: &AlterTableCmd) -> LockMode {
    use AlterTableType as At;
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    match command.subtype() {
        At::AtSetStatistics
        | At::AtSetOptions
        | At::AtResetOptions
        | At::AtValidateConstraint
        | At::AtClusterOn
        | At::AtDropCluster
        | At::AtAttachPartition
        | At::AtDetachPartitionFinalize => ShareUpdateExclusive,
        At::AtDetachPartition => match definition {
            Some(NodeEnum::PartitionCmd(partition)) if partition.concurrent => ShareUpdateExclusive,
            _ => AccessExclusive,
        },
        At::AtEnableTrig
        | At::AtEnableTrigAll
        | At::AtEnableTrigUser
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtDisableTrig
        | At::AtDisableTrigAll
        | At::AtDisableTrigUser => ShareRowExclusive,
        At::AtAddConstraint => match definition {
            Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrForeign => {
                ShareRowExclusive
            }
            _ => AccessExclusive,
        },
        At::AtSetRelOptions | At::AtResetRelOptions => match definition {
            Some(NodeEnum::List(list)) if list.items.iter().all(is_light) => ShareUpdateExclusive,
            _ => AccessExclusive,
        },
        _ => AccessExclusive,
    }
}

fn is_light(option: &Node) -> bool {
    let Some(NodeEnum::DefElem(option)) = &option.node else {
        return false;
    };
    let name = if option.defnamespace.is_empty() {
        option.defname.clone()
    } else {
        format!("{}.{}", option.defnamespace, option.defname)
    };
    LIGHT_PARAMETERS.iter().any(|light| name.starts_with(light))
}
