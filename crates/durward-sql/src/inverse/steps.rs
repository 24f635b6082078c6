//! The parts of a statement, each with how it is taken back.

use durward_model::Oid;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, CommentStmt, ConstrType, CreateStmt, ObjectType,
    RangeVar, RenameStmt,
};
use pg_query::{Node, NodeEnum};

use super::probe::{self, Probe};
use super::{InversePlan, InverseStep, Kind, existing, kind_words, name_of, place, qualified};
use crate::AnalysisContext;
use crate::catalog::Relation;
use crate::functions::{constant, quoted};
use crate::utility::name_parts;

/// Notes how a statement is taken back. A match over the statement kinds, longer than a screen.
pub(super) fn of(node: &NodeEnum, context: &AnalysisContext, plan: &mut InversePlan) {
    match node {
        NodeEnum::CreateStmt(s) => table(s, context, plan),
        NodeEnum::ViewStmt(s) => {
            if let Some((schema, name)) = range(s.view.as_ref(), context) {
                plan.step(
                    format!("view {schema}.{name}"),
                    Probe::new(probe::VIEW, [&schema, &name]),
                    Kind::View {
                        name: qualified(&schema, &name),
                    },
                );
            }
        }
        NodeEnum::CreateTableAsStmt(s) if s.objtype() == ObjectType::ObjectMatview => {
            let made = s.into.as_ref().and_then(|into| into.rel.as_ref());
            relation(made, ("MATERIALIZED VIEW", "materialized view"), context, plan);
        }
        NodeEnum::CreateSeqStmt(s) => relation(s.sequence.as_ref(), ("SEQUENCE", "sequence"), context, plan),
        NodeEnum::IndexStmt(s) if !s.concurrent => {
            if let Some(table) = s.relation.as_ref().and_then(|range| existing(range, context)) {
                plan.step(
                    format!("index of {}.{}", table.schema, table.name),
                    Probe::new(probe::INDEXES, [&table.oid.to_string(), ""]),
                    Kind::Index,
                );
            }
        }
        NodeEnum::IndexStmt(_) => plan.besides.push("CREATE INDEX CONCURRENTLY".to_owned()),
        NodeEnum::CreateSchemaStmt(s) if s.schema_elts.is_empty() && !s.schemaname.is_empty() => plan.step(
            format!("schema {}", s.schemaname),
            Probe::new(probe::SCHEMA, [&s.schemaname]),
            Kind::Make {
                drop: format!("DROP SCHEMA {}", quoted(&s.schemaname)),
                table: None,
            },
        ),
        NodeEnum::CreateEnumStmt(s) => named_type(&s.type_name, "TYPE", context, plan),
        NodeEnum::CreateRangeStmt(s) => named_type(&s.type_name, "TYPE", context, plan),
        NodeEnum::CreateDomainStmt(s) => named_type(&s.domainname, "DOMAIN", context, plan),
        NodeEnum::CompositeTypeStmt(s) => {
            if let Some((schema, name)) = range(s.typevar.as_ref(), context) {
                type_step(&schema, &name, "TYPE", plan);
            }
        }
        NodeEnum::CreateFunctionStmt(s) => {
            if let Some((schema, name)) = names(&s.funcname, context) {
                plan.step(
                    format!("routine {schema}.{name}"),
                    Probe::new(probe::ROUTINES, [&schema, &name]),
                    Kind::Routine {
                        name: qualified(&schema, &name),
                    },
                );
            }
        }
        NodeEnum::AlterTableStmt(s) => alter(s, context, plan),
        NodeEnum::RenameStmt(s) => rename(s, context, plan),
        NodeEnum::CommentStmt(s) => comment(s, context, plan),
        _ => {}
    }
}

impl InversePlan {
    fn step(&mut self, what: String, probe: Probe, kind: Kind) {
        self.steps.push(InverseStep {
            what,
            table: None,
            before: probe.clone(),
            after: probe,
            kind,
        });
    }

    /// One that is about a relation which is there.
    fn step_on(&mut self, relation: &Relation, what: String, probe: Probe, kind: Kind) {
        self.step(what, probe, kind);
        if let Some(step) = self.steps.last_mut() {
            step.table = Some(named(relation));
        }
    }
}

/// That a relation still has its name.
fn named(relation: &Relation) -> (Probe, Oid) {
    (
        Probe::new(probe::RELATION, [&relation.schema, &relation.name]),
        relation.oid,
    )
}

fn range(range: Option<&RangeVar>, context: &AnalysisContext) -> Option<(String, String)> {
    let range = range.filter(|range| range.relpersistence != "t")?;
    place(&range.schemaname, &range.relname, context)
}

fn names(parts: &[Node], context: &AnalysisContext) -> Option<(String, String)> {
    let parts = constant::names(parts);
    match parts.as_slice() {
        [name] => place("", name, context),
        [schema, name] => place(schema, name, context),
        _ => None,
    }
}

fn relation(made: Option<&RangeVar>, (kind, word): (&str, &str), context: &AnalysisContext, plan: &mut InversePlan) {
    if let Some((schema, name)) = range(made, context) {
        plan.step(
            format!("{word} {schema}.{name}"),
            Probe::new(probe::RELATION, [&schema, &name]),
            Kind::Make {
                drop: format!("DROP {kind} {}", qualified(&schema, &name)),
                table: None,
            },
        );
    }
}

fn table(statement: &CreateStmt, context: &AnalysisContext, plan: &mut InversePlan) {
    if let Some((schema, name)) = range(statement.relation.as_ref(), context) {
        plan.step(
            format!("table {schema}.{name}"),
            Probe::new(probe::RELATION, [&schema, &name]),
            Kind::Make {
                drop: format!("DROP TABLE {}", qualified(&schema, &name)),
                table: Some((qualified(&schema, &name), format!("{schema}.{name}"))),
            },
        );
    }
}

fn named_type(parts: &[Node], kind: &str, context: &AnalysisContext, plan: &mut InversePlan) {
    if let Some((schema, name)) = names(parts, context) {
        type_step(&schema, &name, kind, plan);
    }
}

fn type_step(schema: &str, name: &str, kind: &str, plan: &mut InversePlan) {
    plan.step(
        format!("type {schema}.{name}"),
        Probe::new(probe::TYPE, [schema, name]),
        Kind::Make {
            drop: format!("DROP {kind} {}", qualified(schema, name)),
            table: None,
        },
    );
}

fn alter(statement: &AlterTableStmt, context: &AnalysisContext, plan: &mut InversePlan) {
    let Some(relation) = statement.relation.as_ref().and_then(|range| existing(range, context)) else {
        return;
    };
    let is_table = matches!(kind_words(relation.kind), Some("TABLE"));
    for node in &statement.cmds {
        match &node.node {
            Some(NodeEnum::AlterTableCmd(command)) if is_table => subcommand(&relation, command, plan),
            _ => plan
                .besides
                .push(format!("a part of it on {}.{}", relation.schema, relation.name)),
        }
    }
}

fn subcommand(relation: &Relation, command: &AlterTableCmd, plan: &mut InversePlan) {
    use AlterTableType as At;
    let table = name_of(relation);
    let in_words = format!("{}.{}", relation.schema, relation.name);
    let oid = relation.oid.to_string();
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    match (command.subtype(), definition) {
        (At::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => plan.step_on(
            relation,
            format!("column {} of {in_words}", column.colname),
            Probe::new(probe::COLUMN, [&oid, &column.colname]),
            Kind::Column {
                table,
                column: column.colname.clone(),
                has_default: is_filled(column),
            },
        ),
        (At::AtColumnDefault, _) => plan.step_on(
            relation,
            format!("the default of column {} of {in_words}", command.name),
            Probe::new(probe::DEFAULT, [&oid, &command.name]),
            Kind::Default {
                table,
                column: command.name.clone(),
            },
        ),
        (At::AtSetNotNull | At::AtDropNotNull, _) => plan.step_on(
            relation,
            format!("NOT NULL of column {} of {in_words}", command.name),
            Probe::new(probe::NOT_NULL, [&oid, &command.name]),
            Kind::NotNull {
                table,
                column: command.name.clone(),
            },
        ),
        (At::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
            if constraint.contype() == ConstrType::ConstrPrimary {
                plan.besides
                    .push(format!("NOT NULL of the key's columns of {in_words}"));
            }
            // One on a partitioned table, or inherited, comes to others too, and goes with it.
            plan.step_on(
                relation,
                in_words,
                Probe::new(probe::CONSTRAINTS, [&oid, ""]),
                Kind::Constraint { table },
            );
        }
        _ => plan.besides.push(format!("a part of ALTER TABLE {in_words}")),
    }
}

/// Whether a new column holds values from the start, or is filled by the server.
fn is_filled(column: &ColumnDef) -> bool {
    let serial = column.type_name.as_ref().is_some_and(|name| {
        let names = constant::names(&name.names);
        names.last().is_some_and(|name| name.contains("serial"))
    });
    let constraints = column.constraints.iter().any(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => matches!(
            constraint.contype(),
            ConstrType::ConstrDefault | ConstrType::ConstrIdentity | ConstrType::ConstrGenerated
        ),
        _ => true,
    });
    serial || constraints || column.raw_default.is_some()
}

fn rename(statement: &RenameStmt, context: &AnalysisContext, plan: &mut InversePlan) {
    let Some(relation) = statement.relation.as_ref().and_then(|range| existing(range, context)) else {
        return;
    };
    let (schema, new) = (relation.schema.to_string(), statement.newname.as_str());
    match statement.rename_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectIndex => {
            let Some(kind) = kind_words(relation.kind) else {
                return;
            };
            let undo = format!(
                "ALTER {kind} {} RENAME TO {}",
                qualified(&schema, new),
                quoted(&relation.name)
            );
            plan.steps.push(InverseStep {
                what: format!("the name of {schema}.{new}"),
                table: None,
                before: Probe::new(probe::RELATION, [&schema, &relation.name]),
                after: Probe::new(probe::RELATION, [&schema, new]),
                kind: Kind::Rename { undo },
            });
        }
        ObjectType::ObjectColumn => {
            let oid = relation.oid.to_string();
            let undo = format!(
                "ALTER TABLE {} RENAME COLUMN {} TO {}",
                name_of(&relation),
                quoted(new),
                quoted(&statement.subname)
            );
            plan.steps.push(InverseStep {
                what: format!("the name of column {new} of {schema}.{}", relation.name),
                table: Some(named(&relation)),
                before: Probe::new(probe::COLUMN, [&oid, &statement.subname]),
                after: Probe::new(probe::COLUMN, [&oid, new]),
                kind: Kind::Rename { undo },
            });
        }
        _ => {}
    }
}

fn comment(statement: &CommentStmt, context: &AnalysisContext, plan: &mut InversePlan) {
    let Some(object) = statement.object.as_deref() else {
        return;
    };
    let mut parts = name_parts(object);
    let column = (statement.objtype() == ObjectType::ObjectColumn)
        .then(|| parts.pop())
        .flatten();
    let Some(name) = parts.pop() else {
        return;
    };
    let range = RangeVar {
        schemaname: parts.pop().unwrap_or_default(),
        relname: name,
        ..RangeVar::default()
    };
    let Some(relation) = existing(&range, context) else {
        return;
    };
    let oid = relation.oid.to_string();
    let in_words = format!("{}.{}", relation.schema, relation.name);
    match (statement.objtype(), column, kind_words(relation.kind)) {
        (ObjectType::ObjectColumn, Some(column), _) => plan.step_on(
            &relation,
            format!("the comment of column {column} of {in_words}"),
            Probe::new(probe::COLUMN_COMMENT, [&oid, &column]),
            Kind::Comment {
                on: format!("COLUMN {}.{}", name_of(&relation), quoted(&column)),
            },
        ),
        (
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectIndex,
            None,
            Some(kind),
        ) => plan.step_on(
            &relation,
            format!("the comment of {in_words}"),
            Probe::new(probe::COMMENT, [&oid]),
            Kind::Comment {
                on: format!("{kind} {}", name_of(&relation)),
            },
        ),
        _ => {}
    }
}
