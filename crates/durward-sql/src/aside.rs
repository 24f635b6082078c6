//! What a statement drops or empties is kept aside in a schema of its own, in the same transaction: what has to hold for
//! that, the statements that do it, and those that take it back.
//!
//! A dropped table is moved away and an empty one is put in its place, so that the client's own statement runs as it came,
//! and nothing is read. The rows of an emptied table are copied, under the lock that the statement takes anyway.
//!
//! Names are quoted into texts; nothing else of a client's is.

use std::collections::BTreeSet;

use durward_model::{AccessModes, HazardKind, Oid};
use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AlterTableCmd, AlterTableStmt, AlterTableType, DropBehavior, DropStmt, ObjectType, RangeVar, TruncateStmt,
};

use crate::analysis::analyze_text;
use crate::catalog::Column;
use crate::functions::constant;
use crate::inverse::{Probe, ProbeRows, existing, literal, node, qualified};
use crate::parser::parse_reading;
use crate::utility::name_parts;
use crate::{AnalysisContext, AnalysisError};

mod columns;
mod dropped;
mod emptied;
mod retyped;
mod terms;

use terms::{COLUMN_PARTS, COLUMNS, DROPPED, EMPTIED, EMPTIED_PARTS, Found, PARTS, RETYPED, found};

/// `varchar` (`pg_type.dat`).
const VARCHAR: Oid = Oid(1043);

/// What is to be kept aside, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsidePlan {
    /// The tables, those referred to before those that refer.
    pub tables: Vec<AsideTable>,
    /// What of the statement isn't kept, in words.
    pub besides: Vec<String>,
    kind: Kind,
}

/// A table that a statement drops or empties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideTable {
    /// Which.
    pub oid: Oid,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// DROP TABLE.
    Drop { cascade: bool },
    /// TRUNCATE.
    Empty { cascade: bool, restarts: bool },
    /// ALTER TABLE DROP COLUMN.
    Columns {
        cascade: bool,
        names: Vec<String>,
        numbers: Vec<i16>,
    },
    /// ALTER TABLE ALTER COLUMN TYPE.
    Types { names: Vec<String>, numbers: Vec<i16> },
}

/// How much may be kept aside, in bytes as `pg_total_relation_size` tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsideBounds {
    /// Of one statement.
    pub statement_bytes_max: u64,
    /// In one database, with what is kept there already.
    pub database_bytes_max: u64,
}

/// How something is kept aside, and taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aside {
    /// What it is, for people: `table public.orders`.
    pub what: String,
    /// The statements that keep it, to be run right before the client's own.
    pub keep: Vec<String>,
    /// More of them, to be run right behind it.
    pub then: Vec<String>,
    /// Which of them copy rows.
    pub copies: Vec<usize>,
    /// The schemas in which it is kept, and the bytes in each.
    pub places: Vec<(String, u64)>,
    /// What must hold when it is taken back.
    pub checks: Vec<AsideCheck>,
    /// The statements that take it back, but for rows.
    pub undo: Vec<String>,
    /// The rows that are put back, after that.
    pub rows: Vec<AsideRows>,
    /// What is in the places was copied there, and isn't needed any more once it is back.
    pub holds_copies: bool,
}

/// A read that must still answer as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideCheck {
    /// Its text.
    pub text: String,
    /// Its answer.
    pub rows: ProbeRows,
    /// What it means if it answers otherwise.
    pub why: String,
}

/// Rows that were copied aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideRows {
    /// Where they go back to, in words: `public.orders`.
    pub name: String,
    /// The number of that table.
    pub oid: Oid,
    /// The same, quoted.
    pub table: String,
    /// Where they are, quoted.
    pub copy: String,
    /// The columns that are put back, quoted.
    pub columns: Vec<String>,
    /// Each of its unique keys, as columns, quoted; the primary key first.
    pub keys: Vec<Vec<String>>,
}

impl AsidePlan {
    /// Asks what has to hold: see [`AsidePlan::judge`].
    pub fn terms(&self) -> Probe {
        match &self.kind {
            Kind::Drop { .. } => Probe::new(DROPPED, [&self.oids()]),
            Kind::Empty { .. } => Probe::new(EMPTIED, [&self.oids()]),
            Kind::Columns { numbers, .. } => Probe::new(COLUMNS, [&self.oids(), &array(numbers)]),
            Kind::Types { numbers, .. } => Probe::new(RETYPED, [&self.oids(), &array(numbers)]),
        }
    }

    /// How large it is, by the answer to [`AsidePlan::terms`].
    ///
    /// # Errors
    /// It can't be kept aside, and why, in words.
    pub fn judge(&self, answer: &ProbeRows, bounds: AsideBounds) -> Result<AsideWeight, String> {
        let found = self.found(answer)?;
        let mut bytes = 0_u64;
        for (table, found) in self.tables.iter().zip(&found) {
            if let Some(reason) = &found.reason {
                return Err(format!("{}.{}: {reason}", table.schema, table.name));
            }
            bytes = bytes.saturating_add(found.bytes);
        }
        let already = found.first().map_or(0, |found| found.kept_bytes);
        if let Some(along) = found.first().and_then(|found| found.along.as_ref()) {
            let cascades = match &self.kind {
                Kind::Drop { cascade } | Kind::Empty { cascade, .. } | Kind::Columns { cascade, .. } => *cascade,
                Kind::Types { .. } => false,
            };
            return Err(match cascades {
                true => format!("CASCADE takes along what isn't kept: {along}"),
                // The server will say so itself.
                false => format!("it is depended on by {along}"),
            });
        }
        if bytes > bounds.statement_bytes_max {
            let most = bounds.statement_bytes_max >> 20;
            return Err(format!(
                "it is larger than the {most} MiB that are kept aside of one statement"
            ));
        }
        if bytes.saturating_add(already) > bounds.database_bytes_max {
            let most = bounds.database_bytes_max >> 20;
            return Err(format!(
                "with it more than {most} MiB would be kept aside in this database"
            ));
        }
        Ok(AsideWeight { found, bytes })
    }

    /// Takes the lock that the statement itself takes. Works outside of a transaction block too, where LOCK TABLE
    /// doesn't (manual, LOCK): a block of code is none of its own.
    pub fn lock(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(AsideTable::quoted).collect();
        let lock = format!(
            "BEGIN LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE; END",
            names.join(", ONLY ")
        );
        format!("DO LANGUAGE plpgsql {}", literal(&lock))
    }

    /// Asks for the parts that have to be kept apart: see [`AsidePlan::aside`].
    pub fn parts(&self) -> Probe {
        match &self.kind {
            Kind::Drop { .. } => Probe::new(PARTS, [&self.oids()]),
            Kind::Empty { .. } => Probe::new(EMPTIED_PARTS, [&self.oids()]),
            Kind::Columns { numbers, .. } | Kind::Types { numbers, .. } => {
                Probe::new(COLUMN_PARTS, [&self.oids(), &array(numbers)])
            }
        }
    }

    /// How it is kept and taken back: `parts` is the answer to [`AsidePlan::parts`], `schemas` a new name for each table,
    /// `comment` what they are said to be for.
    pub fn aside(&self, weight: &AsideWeight, parts: &ProbeRows, (schemas, comment): (&[String], &str)) -> Aside {
        match &self.kind {
            Kind::Drop { .. } => dropped::aside(self, weight, parts, (schemas, comment)),
            Kind::Empty { restarts, .. } => emptied::aside(self, weight, parts, (schemas, comment, *restarts)),
            Kind::Columns { .. } => columns::aside(self, weight, parts, (schemas, comment)),
            Kind::Types { .. } => retyped::aside(self, weight, parts, (schemas, comment)),
        }
    }

    /// It in words, for people.
    pub fn in_words(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(AsideTable::in_words).collect();
        let tables = names.join(", ");
        match (&self.kind, names.len()) {
            (Kind::Drop { .. }, 1) => format!("table {tables}"),
            (Kind::Drop { .. }, _) => format!("tables {tables}"),
            (Kind::Empty { .. }, _) => format!("rows of {tables}"),
            (Kind::Columns { names, .. } | Kind::Types { names, .. }, _) => format!("{} of {tables}", names.join(", ")),
        }
    }

    fn oids(&self) -> String {
        let oids: Vec<String> = self.tables.iter().map(|table| table.oid.to_string()).collect();
        format!("{{{}}}", oids.join(","))
    }

    /// What was found of each table, in their order.
    fn found(&self, answer: &ProbeRows) -> Result<Vec<Found>, String> {
        let all = answer.iter().map(|row| found(row)).collect::<Option<Vec<_>>>();
        let all = all.ok_or("the catalog can't be asked")?;
        let of = |table: &AsideTable| {
            let same =
                |found: &&Found| found.oid == table.oid && found.schema == table.schema && found.name == table.name;
            all.iter().find(same).cloned()
        };
        let found = self.tables.iter().map(of).collect::<Option<Vec<_>>>();
        found.ok_or_else(|| "its name was given to something else meanwhile".to_owned())
    }
}

/// How large something is that is to be kept aside, and what else the catalog has said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideWeight {
    found: Vec<Found>,
    /// In all, in bytes.
    pub bytes: u64,
}

impl AsideTable {
    fn quoted(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    fn in_words(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// How what a text drops or empties is kept; `None` where it does nothing of that, or to nothing that stays. To be called
/// on a parser thread.
pub(crate) fn aside_plan(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<Option<Result<AsidePlan, String>>, AnalysisError> {
    let Ok(parsed) = parse_reading(text, context.settings.reading(text)) else {
        return Ok(None);
    };
    let [raw] = parsed.stmts.as_slice() else {
        return Ok(None);
    };
    let plan = match node(raw) {
        Some(NodeEnum::DropStmt(statement)) if statement.remove_type() == ObjectType::ObjectTable => {
            drop_plan(statement, context)
        }
        Some(NodeEnum::TruncateStmt(statement)) => truncate_plan(statement, context),
        Some(NodeEnum::AlterTableStmt(statement)) => columns_plan(statement, context),
        _ => return Ok(None),
    };
    let Ok(Some(mut plan)) = plan else {
        return Ok(plan.transpose());
    };
    let analysis = analyze_text(text, context, tokens_max)?.analysis;
    // Where no value can be lost, nobody has to wait for a copy.
    let mut hazards = analysis
        .statements
        .iter()
        .flat_map(|statement| &statement.facts.hazards);
    let loses = hazards.any(|hazard| hazard.kind == HazardKind::DataLoss);
    if matches!(plan.kind, Kind::Types { .. }) && !loses {
        return Ok(None);
    }
    let opaque = analysis.statements.iter().flat_map(|statement| &statement.facts.opaque);
    // What CASCADE takes along is asked of the server.
    let seen = |object: &str| {
        plan.tables
            .iter()
            .any(|table| table.name == object || table.in_words() == object)
    };
    let unseen = opaque.filter(|opaque| !seen(&opaque.object));
    let unseen: Vec<String> = unseen
        .map(|opaque| format!("whatever {} does", opaque.object))
        .collect();
    plan.besides.extend(unseen);
    // What triggers do.
    let rows = AccessModes::INSERT | AccessModes::UPDATE | AccessModes::DELETE;
    let uses = analysis
        .statements
        .iter()
        .flat_map(|statement| &statement.facts.relations);
    let changed = uses.filter(|used| !used.direct && used.modes.intersects(rows));
    plan.besides
        .extend(changed.map(|used| format!("rows of {} that triggers change", used.relation.name)));
    Ok(Some(Ok(plan)))
}

fn drop_plan(statement: &DropStmt, context: &AnalysisContext) -> Result<Option<AsidePlan>, String> {
    let mut tables = Vec::new();
    for object in &statement.objects {
        let (schema, name) = match name_parts(object).as_slice() {
            [name] => (String::new(), name.clone()),
            [schema, name] | [_, schema, name] => (schema.clone(), name.clone()),
            _ => return Ok(None),
        };
        let range = RangeVar {
            schemaname: schema,
            relname: name,
            ..RangeVar::default()
        };
        // Temporary tables are the session's own, and of what isn't there the server speaks.
        if let Some(table) = existing(&range, context)
            && tables.iter().all(|known: &AsideTable| known.oid != table.oid)
        {
            tables.push(AsideTable {
                oid: table.oid,
                schema: table.schema.to_string(),
                name: table.name.to_string(),
            });
        }
    }
    if tables.is_empty() {
        return Ok(None);
    }
    Ok(Some(AsidePlan {
        tables,
        besides: Vec::new(),
        kind: Kind::Drop {
            cascade: statement.behavior() == DropBehavior::DropCascade,
        },
    }))
}

/// With CASCADE, tables that refer to those named are emptied too, and those that refer to them.
fn truncate_plan(statement: &TruncateStmt, context: &AnalysisContext) -> Result<Option<AsidePlan>, String> {
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    let mut oids: Vec<Oid> = Vec::new();
    for object in &statement.relations {
        let Some(NodeEnum::RangeVar(range)) = &object.node else {
            return Ok(None);
        };
        oids.extend(existing(range, context).map(|table| table.oid));
    }
    let catalog = &context.catalog;
    let mut at = 0;
    while let Some(oid) = oids.get(at).copied().filter(|_| cascade) {
        let more: Vec<Oid> = catalog.foreign_keys_to(oid).map(|key| key.from).collect();
        for other in more {
            if !oids.contains(&other) {
                oids.push(other);
            }
        }
        at += 1;
    }
    if oids.is_empty() {
        return Ok(None);
    }
    let tables = referred_first(oids.into_iter().collect(), context)?;
    let tables = tables.into_iter().filter_map(|oid| {
        let table = catalog.relation(oid)?;
        Some(AsideTable {
            oid,
            schema: table.schema.to_string(),
            name: table.name.to_string(),
        })
    });
    Ok(Some(AsidePlan {
        tables: tables.collect(),
        besides: Vec::new(),
        kind: Kind::Empty {
            cascade,
            restarts: statement.restart_seqs,
        },
    }))
}

/// Of an ALTER TABLE that only drops columns, or only changes their types.
fn columns_plan(statement: &AlterTableStmt, context: &AnalysisContext) -> Result<Option<AsidePlan>, String> {
    let Some(table) = statement.relation.as_ref().and_then(|range| existing(range, context)) else {
        return Ok(None);
    };
    let (mut names, mut numbers, mut cascade) = (Vec::new(), Vec::new(), false);
    let (mut kinds, mut besides) = (Vec::new(), Vec::new());
    for node in &statement.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else {
            return Ok(None);
        };
        kinds.push(command.subtype());
        if let Some(column) = table.column(&command.name)
            && widens(column, command)
        {
            besides.push(format!("the type of {}", command.name));
            continue;
        }
        // Of what isn't there the server speaks.
        if let Some(column) = table.column(&command.name) {
            names.push(command.name.clone());
            numbers.push(column.number.0);
        }
        cascade |= command.behavior() == DropBehavior::DropCascade;
    }
    let drops = kinds.iter().all(|kind| *kind == AlterTableType::AtDropColumn);
    let retypes = kinds.iter().all(|kind| *kind == AlterTableType::AtAlterColumnType);
    if names.is_empty() || !(drops || retypes) {
        return Ok(None);
    }
    Ok(Some(AsidePlan {
        tables: vec![AsideTable {
            oid: table.oid,
            schema: table.schema.to_string(),
            name: table.name.to_string(),
        }],
        besides,
        kind: match drops {
            true => Kind::Columns {
                cascade,
                names,
                numbers,
            },
            false => Kind::Types { names, numbers },
        },
    }))
}

/// Whether a varchar only gets more room.
fn widens(column: &Column, command: &AlterTableCmd) -> bool {
    let Some(NodeEnum::ColumnDef(new)) = command.def.as_ref().and_then(|node| node.node.as_ref()) else {
        return false;
    };
    let Some(type_name) = new.type_name.as_ref().filter(|_| new.raw_default.is_none()) else {
        return false;
    };
    let is_varchar = constant::names(&type_name.names)
        .last()
        .is_some_and(|name| name == "varchar");
    let room = match type_name.typmods.as_slice() {
        [only] => match &only.node {
            Some(NodeEnum::AConst(AConst {
                val: Some(Val::Ival(room)),
                ..
            })) => room.ival,
            _ => return false,
        },
        _ => return false,
    };
    // The modifier counts four bytes more than fit (`atttypmod`).
    is_varchar && column.type_oid == VARCHAR && column.type_modifier >= 4 && room >= column.type_modifier - 4
}

fn array(numbers: &[i16]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i16::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Rows go back behind those that they refer to.
fn referred_first(mut left: BTreeSet<Oid>, context: &AnalysisContext) -> Result<Vec<Oid>, String> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let refers = |oid: Oid| {
            let mut keys = context.catalog.foreign_keys_from(oid);
            keys.any(|key| key.to != oid && left.contains(&key.to))
        };
        let ready: Vec<Oid> = left.iter().copied().filter(|oid| !refers(*oid)).collect();
        if ready.is_empty() {
            return Err("its tables refer to each other in a circle".to_owned());
        }
        left.retain(|oid| !ready.contains(oid));
        ordered.extend(ready);
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests;
