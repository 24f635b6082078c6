//! Dropped tables: each is moved into a schema of its own, with its indexes, its sequences, its rights and its rows. What
//! would keep others from changing things elsewhere, such as its foreign keys, is dropped and made again.

use super::terms::Found;
use super::{Aside, AsideCheck, AsidePlan, AsideTable, AsideWeight};
use crate::functions::quoted;
use crate::inverse::probe::{RELATION, SCHEMA};
use crate::inverse::{Probe, ProbeRows, literal, qualified};

/// A part of a table that is kept apart from it.
struct Part<'a> {
    kind: &'a str,
    name: &'a str,
    definition: &'a str,
    more: &'a str,
    comment: Option<&'a str>,
}

pub(super) fn aside(
    plan: &AsidePlan,
    weight: &AsideWeight,
    parts: &ProbeRows,
    (schemas, comment): (&[String], &str),
) -> Aside {
    let mut aside = Aside {
        what: plan.in_words(),
        ..Aside::default()
    };
    // All tables are back before what refers from one to another.
    let mut then = Vec::new();
    for ((table, found), schema) in plan.tables.iter().zip(&weight.found).zip(schemas) {
        let parts: Vec<Part<'_>> = parts
            .iter()
            .filter_map(|row| part(row, &table.oid.to_string()))
            .collect();
        aside.keep.push(format!("CREATE SCHEMA {}", quoted(schema)));
        aside
            .keep
            .push(format!("COMMENT ON SCHEMA {} IS {}", quoted(schema), literal(comment)));
        aside.undo.push(format!(
            "ALTER TABLE {} SET SCHEMA {}",
            qualified(schema, &table.name),
            quoted(&table.schema)
        ));
        for part in &parts {
            aside.keep.extend(part.keep(table, schema));
            part.give_back(table, schema, &mut then);
            aside.checks.extend(part.check(plan));
        }
        // What is left there in its place is what the client drops.
        aside
            .keep
            .push(format!("ALTER TABLE {} SET SCHEMA {}", table.quoted(), quoted(schema)));
        aside.keep.push(format!("CREATE TABLE {} ()", table.quoted()));
        aside.checks.extend(checks(table, found, schema));
        aside.places.push((schema.clone(), found.bytes));
    }
    aside.undo.extend(then);
    aside
}

/// That it is still there as it was, and has a place to go back to.
fn checks(table: &AsideTable, found: &Found, schema: &str) -> [AsideCheck; 4] {
    let oid = table.oid.to_string();
    let answers = |value: &str| vec![vec![Some(value.to_owned())]];
    let kept = literal(schema);
    let place = literal(&table.schema);
    [
        AsideCheck {
            text: Probe::new(RELATION, [schema, &table.name]).in_full(),
            rows: answers(&oid),
            why: "what was kept aside is gone".to_owned(),
        },
        AsideCheck {
            text: format!(
                "SELECT pg_catalog.count(*)::pg_catalog.text FROM pg_catalog.pg_attribute \
                 WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped"
            ),
            rows: answers(&found.columns),
            why: "somebody has changed what was kept aside".to_owned(),
        },
        AsideCheck {
            text: Probe::new(SCHEMA, [&table.schema]).in_full(),
            rows: answers(&found.schema_oid),
            why: format!("the schema {} isn't the same any more", table.schema),
        },
        AsideCheck {
            text: format!(
                "SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {place} \
                 AND c.relname IN (SELECT k.relname FROM pg_catalog.pg_class k \
                 JOIN pg_catalog.pg_namespace s ON s.oid = k.relnamespace WHERE s.nspname = {kept}) LIMIT 1"
            ),
            rows: Vec::new(),
            why: format!(
                "its name, or that of one of its indexes or sequences, is taken in {} by now",
                table.schema
            ),
        },
    ]
}

fn part<'a>(row: &'a [Option<String>], table: &str) -> Option<Part<'a>> {
    let [of, kind, name, definition, more, comment] = row else {
        return None;
    };
    (of.as_deref() == Some(table)).then_some(())?;
    Some(Part {
        kind: kind.as_deref()?,
        name: name.as_deref()?,
        definition: definition.as_deref().unwrap_or_default(),
        more: more.as_deref().unwrap_or_default(),
        comment: comment.as_deref(),
    })
}

impl Part<'_> {
    fn keep(&self, table: &AsideTable, schema: &str) -> Option<String> {
        let (own, name) = (table.quoted(), quoted(self.name));
        match self.kind {
            "foreign key" => Some(format!("ALTER TABLE {own} DROP CONSTRAINT {name}")),
            "trigger" => Some(format!("DROP TRIGGER {name} ON {own}")),
            "publication" => Some(format!("ALTER PUBLICATION {name} DROP TABLE ONLY {own}")),
            "statistics" => Some(format!(
                "ALTER STATISTICS {} SET SCHEMA {}",
                qualified(self.more, self.name),
                quoted(schema)
            )),
            _ => None,
        }
    }

    fn give_back(&self, table: &AsideTable, schema: &str, undo: &mut Vec<String>) {
        let (own, name) = (table.quoted(), quoted(self.name));
        match self.kind {
            "foreign key" => {
                undo.push(format!("ALTER TABLE {own} ADD CONSTRAINT {name} {}", self.definition));
                undo.extend(
                    self.comment
                        .map(|comment| format!("COMMENT ON CONSTRAINT {name} ON {own} IS {}", literal(comment))),
                );
            }
            "trigger" => {
                undo.push(self.definition.to_owned());
                // As `pg_trigger.tgenabled` has it; O is how a new one is.
                let state = match self.more {
                    "D" => Some("DISABLE"),
                    "R" => Some("ENABLE REPLICA"),
                    "A" => Some("ENABLE ALWAYS"),
                    _ => None,
                };
                undo.extend(state.map(|state| format!("ALTER TABLE {own} {state} TRIGGER {name}")));
                undo.extend(
                    self.comment
                        .map(|comment| format!("COMMENT ON TRIGGER {name} ON {own} IS {}", literal(comment))),
                );
            }
            "publication" => undo.push(format!("ALTER PUBLICATION {name} ADD TABLE ONLY {own}")),
            "statistics" => undo.push(format!(
                "ALTER STATISTICS {} SET SCHEMA {}",
                qualified(schema, self.name),
                quoted(self.more)
            )),
            _ => {}
        }
    }

    /// A table that a foreign key refers to must be the same; one that is put back along with it will be.
    fn check(&self, plan: &AsidePlan) -> Option<AsideCheck> {
        if self.kind != "foreign key" {
            return None;
        }
        let [schema, name, oid]: [String; 3] = serde_json::from_str(self.more).ok()?;
        if plan.tables.iter().any(|table| table.oid.to_string() == oid) {
            return None;
        }
        Some(AsideCheck {
            text: Probe::new(RELATION, [&schema, &name]).in_full(),
            rows: vec![vec![Some(oid)]],
            why: format!("{schema}.{name}, which it refers to, is gone"),
        })
    }
}
