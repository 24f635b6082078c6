//! What takes a change of definitions back: the statement that does, made from what the catalog says before and after the
//! change, and what must still hold for it.
//!
//! A part of a statement that has no inverse here is said, and never guessed at.

use std::sync::Arc;

use durward_model::{Oid, RelationKind};
use pg_query::NodeEnum;
use pg_query::protobuf::{RangeVar, RawStmt};

use crate::analysis::analyze_text;
use crate::catalog::Relation;
use crate::functions::quoted;
use crate::parser::{Reading, parse_reading};
use crate::{AnalysisContext, AnalysisError};

pub(crate) mod probe;
mod steps;

pub use probe::Probe;

/// How all of a statement is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InversePlan {
    /// Its parts, in the order in which they are done.
    pub steps: Vec<InverseStep>,
    /// The parts that have no inverse, in words.
    pub besides: Vec<String>,
}

/// How one part of a statement is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverseStep {
    /// What it is, for people: `column note of public.orders`.
    pub what: String,
    /// The table that it is about, where that was there before: its name must still be its own.
    table: Option<(Probe, Oid)>,
    /// Asked before.
    pub before: Probe,
    /// Asked afterwards. Where it looks for what is new, what was there before comes as its last value.
    pub after: Probe,
    kind: Kind,
}

/// Rows of a question to the catalog.
pub type ProbeRows = Vec<Vec<Option<String>>>;

/// What takes one part back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inverse {
    /// What it is, for people.
    pub what: String,
    /// The statement.
    pub undo: String,
    /// Reads that must answer as they did afterwards, and their answers.
    pub checks: Vec<(String, ProbeRows)>,
    /// A table that must not have been filled meanwhile.
    pub fills: Option<Fills>,
}

/// Data that the inverse would lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fills {
    /// The table, qualified and quoted.
    pub table: String,
    /// Its number.
    pub oid: Oid,
    /// Which of its rows hold something; none for all.
    pub condition: Option<String>,
    /// In words.
    pub what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Something new under a name: how it is dropped, and whether rows go with it.
    Make {
        drop: String,
        table: Option<(String, String)>,
    },
    View {
        name: String,
    },
    Routine {
        name: String,
    },
    Index,
    Constraint {
        table: String,
    },
    Column {
        table: String,
        column: String,
        has_default: bool,
    },
    Default {
        table: String,
        column: String,
    },
    NotNull {
        table: String,
        column: String,
    },
    /// The answer before is the old name's, the one afterwards the new name's.
    Rename {
        undo: String,
    },
    Comment {
        on: String,
    },
}

impl InverseStep {
    /// Where the last question needs what was there before as its last value: the numbers of that.
    pub fn after_with(&self, before: &ProbeRows) -> Probe {
        let mut probe = self.after.clone();
        if matches!(self.kind, Kind::Index | Kind::Constraint { .. })
            && let Some(last) = probe.values.last_mut()
        {
            let numbers = before.iter().filter_map(|row| row.first().cloned().flatten());
            *last = numbers.collect::<Vec<_>>().join(",");
        }
        probe
    }

    /// What takes it back, by what was found before and afterwards. `None` where nothing has changed.
    ///
    /// # Errors
    /// It can't be, and why.
    pub fn inverse(&self, before: &ProbeRows, after: &ProbeRows) -> Result<Option<Inverse>, String> {
        let value = |rows: &ProbeRows, at: usize| rows.first().and_then(|row| row.get(at).cloned().flatten());
        let on_table = self
            .table
            .as_ref()
            .map(|(probe, oid)| (probe.in_full(), vec![vec![Some(oid.to_string())]]));
        let checks = |probe: &Probe, rows: ProbeRows| {
            let own = std::iter::once((probe.in_full(), rows));
            on_table.clone().into_iter().chain(own).collect::<Vec<_>>()
        };
        let plain = |undo: String| Inverse {
            what: self.what.clone(),
            undo,
            checks: checks(&self.after, after.clone()),
            fills: None,
        };
        if before == after && !matches!(self.kind, Kind::Index | Kind::Constraint { .. } | Kind::Rename { .. }) {
            return Ok(None);
        }
        let gone = || format!("{} isn't found after it", self.what);
        Ok(Some(match &self.kind {
            Kind::Make { drop, table } => {
                let oid = value(after, 0).ok_or_else(gone)?;
                let fills = table.as_ref().map(|(table, name)| Fills {
                    table: table.clone(),
                    oid: number(&oid),
                    condition: None,
                    what: format!("{name} holds rows by now"),
                });
                Inverse {
                    fills,
                    ..plain(drop.clone())
                }
            }
            Kind::View { name } => match value(before, 1) {
                None => plain(format!("DROP VIEW {name}")),
                Some(query) => plain(format!("CREATE OR REPLACE VIEW {name} AS {query}")),
            },
            Kind::Routine { name } => match (before.as_slice(), after.as_slice()) {
                ([], [_]) => plain(format!("DROP ROUTINE {name}")),
                ([_], [_]) if value(before, 0) == value(after, 0) => plain(value(before, 1).ok_or_else(gone)?),
                _ => return Err(format!("several routines are called {name}")),
            },
            Kind::Index => match after.as_slice() {
                [] => return Ok(None),
                [_] => {
                    let (schema, name) = (value(after, 1).ok_or_else(gone)?, value(after, 2).ok_or_else(gone)?);
                    let named = Probe::new(probe::RELATION, [&schema, &name]);
                    Inverse {
                        what: format!("index {schema}.{name}"),
                        checks: checks(&named, vec![vec![value(after, 0)]]),
                        ..plain(format!("DROP INDEX {}.{}", quoted(&schema), quoted(&name)))
                    }
                }
                _ => return Err("several indexes came of it".to_owned()),
            },
            Kind::Constraint { table } => match after.as_slice() {
                [] => return Ok(None),
                [_] => {
                    let name = value(after, 1).ok_or_else(gone)?;
                    let probe = self.after_with(before);
                    Inverse {
                        what: format!("constraint {name} of {}", self.what),
                        checks: checks(&probe, after.clone()),
                        ..plain(format!("ALTER TABLE {table} DROP CONSTRAINT {}", quoted(&name)))
                    }
                }
                _ => return Err("several constraints came of it".to_owned()),
            },
            Kind::Column {
                table,
                column,
                has_default,
            } => {
                let column = quoted(column);
                Inverse {
                    fills: Some(Fills {
                        table: table.clone(),
                        oid: number(&value(after, 0).ok_or_else(gone)?),
                        condition: (!has_default).then(|| format!("{column} IS NOT NULL")),
                        what: format!("{} holds values by now", self.what),
                    }),
                    ..plain(format!("ALTER TABLE {table} DROP COLUMN {column}"))
                }
            }
            Kind::Default { table, column } => {
                let column = quoted(column);
                plain(match value(before, 2) {
                    Some(default) => format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}"),
                    None => format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT"),
                })
            }
            Kind::NotNull { table, column } => {
                let verb = if value(before, 2).as_deref() == Some("true") {
                    "SET"
                } else {
                    "DROP"
                };
                plain(format!(
                    "ALTER TABLE {table} ALTER COLUMN {} {verb} NOT NULL",
                    quoted(column)
                ))
            }
            Kind::Rename { undo } => {
                if before.is_empty() {
                    return Ok(None);
                }
                if after != before {
                    return Err(gone());
                }
                plain(undo.clone())
            }
            Kind::Comment { on } => {
                let comment = value(before, 2).map_or_else(|| "NULL".to_owned(), |comment| literal(&comment));
                plain(format!("COMMENT ON {on} IS {comment}"))
            }
        }))
    }
}

fn number(oid: &str) -> Oid {
    Oid(oid.parse().unwrap_or_default())
}

/// How a text of one statement is taken back; `None` where no part of it can be. To be called on a parser thread.
pub(crate) fn inverse_plan(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<Result<InversePlan, String>, AnalysisError> {
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err("its parts can't be told apart".to_owned()));
    }
    let analysis = analyze_text(text, context, tokens_max)?.analysis;
    let [own] = analysis.statements.as_slice() else {
        return Ok(Err("several commands in one message".to_owned()));
    };
    let Ok(parsed) = parse_reading(text, Reading::Conforming) else {
        return Ok(Err("its parts can't be told apart".to_owned()));
    };
    let [raw] = parsed.stmts.as_slice() else {
        return Ok(Err("several commands in one message".to_owned()));
    };
    let mut plan = InversePlan::default();
    if let Some(node) = node(raw) {
        steps::of(node, context, &mut plan);
    }
    if plan.steps.is_empty() {
        let besides = plan.besides.join(", ");
        let what = if besides.is_empty() {
            own.facts.command.to_string()
        } else {
            besides
        };
        return Ok(Err(format!("{what} has no inverse that is known here")));
    }
    // Event triggers, and whatever else isn't seen.
    plan.besides.extend(
        own.facts
            .opaque
            .iter()
            .map(|opaque| format!("whatever {} does", opaque.object)),
    );
    Ok(Ok(plan))
}

pub(crate) fn node(raw: &RawStmt) -> Option<&NodeEnum> {
    raw.stmt.as_ref()?.node.as_ref()
}

/// A relation that is there.
pub(crate) fn existing(range: &RangeVar, context: &AnalysisContext) -> Option<Arc<Relation>> {
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    let settings = &context.settings;
    let found = context
        .catalog
        .find_relation(settings, &settings.search_path, schema, &range.relname)?;
    (!found.temporary).then(|| Arc::clone(found))
}

/// Where a new object goes: schema and name.
fn place(schema: &str, name: &str, context: &AnalysisContext) -> Option<(String, String)> {
    if !schema.is_empty() {
        return (schema != "pg_temp").then(|| (schema.to_owned(), name.to_owned()));
    }
    let settings = &context.settings;
    let temporary = settings.temp_schema.as_ref();
    let explicit = settings.search_path_setting.contains("pg_catalog");
    let schema = settings
        .search_path
        .iter()
        .find(|schema| Some(*schema) != temporary && (explicit || &***schema != "pg_catalog"))?;
    Some((schema.to_string(), name.to_owned()))
}

/// A constant, whatever `standard_conforming_strings` says.
pub(crate) fn literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if value.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

fn name_of(relation: &Relation) -> String {
    qualified(&relation.schema, &relation.name)
}

fn kind_words(kind: RelationKind) -> Option<&'static str> {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable => Some("TABLE"),
        RelationKind::View => Some("VIEW"),
        RelationKind::MaterializedView => Some("MATERIALIZED VIEW"),
        RelationKind::Sequence => Some("SEQUENCE"),
        RelationKind::Index => Some("INDEX"),
        RelationKind::ForeignTable | RelationKind::CompositeType | RelationKind::Toast => None,
    }
}

#[cfg(test)]
mod tests;
