//! Emptied tables: their rows are copied, under the lock that the statement takes, and so are their sequences where it
//! begins them anew.

use super::{Aside, AsideCheck, AsidePlan, AsideRows, AsideTable, AsideWeight};
use crate::functions::quoted;
use crate::inverse::probe::RELATION;
use crate::inverse::{Probe, ProbeRows, literal, qualified};

pub(super) fn aside(
    plan: &AsidePlan,
    weight: &AsideWeight,
    parts: &ProbeRows,
    (schemas, comment, restarts): (&[String], &str, bool),
) -> Aside {
    let mut aside = Aside {
        what: plan.in_words(),
        holds_copies: true,
        ..Aside::default()
    };
    for ((table, found), schema) in plan.tables.iter().zip(&weight.found).zip(schemas) {
        let copy = qualified(schema, &table.name);
        aside.keep.push(format!("CREATE SCHEMA {}", quoted(schema)));
        aside
            .keep
            .push(format!("COMMENT ON SCHEMA {} IS {}", quoted(schema), literal(comment)));
        aside.copies.push(aside.keep.len());
        aside
            .keep
            .push(format!("CREATE TABLE {copy} AS SELECT * FROM ONLY {}", table.quoted()));
        let of = |kind: &'static str| {
            let own = table.oid.to_string();
            let rows = parts.iter().filter_map(move |row| match row.as_slice() {
                [Some(of), Some(found), Some(name), definition, more, _] if *of == own && found == kind => {
                    Some((name.clone(), definition.clone(), more.clone()))
                }
                _ => None,
            });
            rows.collect::<Vec<_>>()
        };
        if restarts {
            for (name, _, ascends) in of("sequence") {
                keep_sequence(table, (schema, &name), ascends.as_deref() == Some("true"), &mut aside);
            }
        }
        let columns = of("column");
        let stored = columns.iter().filter(|(_, _, generated)| generated.is_none());
        let keys = of("key").into_iter().filter_map(|(_, _, columns)| {
            let names: Vec<String> = serde_json::from_str(&columns?).ok()?;
            Some(names.iter().map(|name| quoted(name)).collect())
        });
        aside.rows.push(AsideRows {
            name: table.in_words(),
            oid: table.oid,
            table: table.quoted(),
            copy,
            columns: stored.map(|(name, _, _)| quoted(name)).collect(),
            keys: keys.collect(),
        });
        aside.checks.extend(checks(table, schema, &columns));
        aside.places.push((schema.clone(), found.bytes));
    }
    aside
}

/// A sequence goes back to where it was, unless it has come further since.
fn keep_sequence(table: &AsideTable, (schema, name): (&str, &str), ascends: bool, aside: &mut Aside) {
    let own = qualified(&table.schema, name);
    let copy = qualified(schema, name);
    let further = if ascends { ">" } else { "<" };
    aside.keep.push(format!(
        "CREATE TABLE {copy} AS SELECT last_value, is_called FROM {own}"
    ));
    aside.undo.push(format!(
        "SELECT pg_catalog.setval({}::pg_catalog.regclass, k.last_value, k.is_called) FROM {copy} AS k, {own} AS s \
         WHERE k.last_value {further} s.last_value OR (k.last_value = s.last_value AND k.is_called)",
        literal(&own)
    ));
}

/// That the copy is there, and fits into the same table.
fn checks(table: &AsideTable, schema: &str, columns: &[(String, Option<String>, Option<String>)]) -> [AsideCheck; 3] {
    let named = |schema: &str, name: &str| {
        format!(
            "SELECT pg_catalog.count(*)::pg_catalog.text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {}",
            literal(schema),
            literal(name)
        )
    };
    let same = columns
        .iter()
        .map(|(name, of_type, _)| vec![Some(name.clone()), of_type.clone()]);
    [
        AsideCheck {
            text: named(schema, &table.name),
            rows: vec![vec![Some("1".to_owned())]],
            why: "what was kept aside is gone".to_owned(),
        },
        AsideCheck {
            text: Probe::new(RELATION, [&table.schema, &table.name]).in_full(),
            rows: vec![vec![Some(table.oid.to_string())]],
            why: "its table is gone, or isn't the same any more".to_owned(),
        },
        AsideCheck {
            text: format!(
                "SELECT attname::pg_catalog.text, pg_catalog.format_type(atttypid, atttypmod) \
                 FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                table.oid
            ),
            rows: same.collect(),
            why: "its table has other columns by now".to_owned(),
        },
    ]
}
