//! Columns whose type is changed: their values are copied with the key of each row, before the change and after it. They
//! come back as they were while each row still holds what the change has made of it.

use super::columns::parts_of;
use super::{Aside, AsideCheck, AsidePlan, AsideWeight};
use crate::functions::quoted;
use crate::inverse::probe::RELATION;
use crate::inverse::{Probe, ProbeRows, literal, qualified};

pub(super) fn aside(
    plan: &AsidePlan,
    weight: &AsideWeight,
    parts: &ProbeRows,
    (schemas, comment): (&[String], &str),
) -> Aside {
    let mut aside = Aside {
        what: plan.in_words(),
        holds_copies: true,
        ..Aside::default()
    };
    let (Some(table), Some(schema)) = (plan.tables.first(), schemas.first()) else {
        return aside;
    };
    let (columns, key) = parts_of(parts);
    let own = table.quoted();
    let (copy, left) = (qualified(schema, "before"), qualified(schema, "after"));
    let names: Vec<String> = columns.iter().map(|column| quoted(column.name)).collect();
    let copied = key.iter().chain(&names).cloned().collect::<Vec<_>>().join(", ");
    aside.keep.push(format!("CREATE SCHEMA {}", quoted(schema)));
    aside
        .keep
        .push(format!("COMMENT ON SCHEMA {} IS {}", quoted(schema), literal(comment)));
    aside.copies.push(aside.keep.len());
    aside
        .keep
        .push(format!("CREATE TABLE {copy} AS SELECT {copied} FROM ONLY {own}"));
    aside
        .then
        .push(format!("CREATE TABLE {left} AS SELECT {copied} FROM ONLY {own}"));
    for (column, name) in columns.iter().zip(&names) {
        let alter = format!("ALTER TABLE ONLY {own} ALTER COLUMN {name}");
        aside.undo.push(format!("{alter} DROP DEFAULT"));
        aside.undo.push(format!("{alter} DROP NOT NULL"));
        // A value that was cut or rounded can't be made of what was left of it.
        aside.undo.push(format!("{alter} TYPE {} USING NULL", column.of_type));
    }
    let same: Vec<String> = key.iter().map(|column| format!("t.{column} = k.{column}")).collect();
    let same = same.join(" AND ");
    let set: Vec<String> = names.iter().map(|name| format!("{name} = k.{name}")).collect();
    aside.undo.push(format!(
        "UPDATE ONLY {own} AS t SET {} FROM {copy} AS k WHERE {same}",
        set.join(", ")
    ));
    for (column, name) in columns.iter().zip(&names) {
        let alter = format!("ALTER TABLE ONLY {own} ALTER COLUMN {name}");
        if let Some(default) = column.expression {
            aside.undo.push(format!("{alter} SET DEFAULT {default}"));
        }
        if column.is_not_null {
            aside.undo.push(format!("{alter} SET NOT NULL"));
        }
    }
    let as_left = names
        .iter()
        .map(|name| format!("t.{name}::pg_catalog.text IS NOT DISTINCT FROM k.{name}::pg_catalog.text"));
    let as_left = as_left.collect::<Vec<_>>().join(" AND ");
    aside.checks.push(AsideCheck {
        text: Probe::new(RELATION, [&table.schema, &table.name]).in_full(),
        rows: vec![vec![Some(table.oid.to_string())]],
        why: "its table is gone, or isn't the same any more".to_owned(),
    });
    aside.checks.push(AsideCheck {
        text: format!(
            "SELECT 1 FROM ONLY {own} AS t WHERE NOT EXISTS (SELECT FROM {left} AS k WHERE {same} AND {as_left}) LIMIT 1"
        ),
        rows: Vec::new(),
        why: format!("rows have come, or were changed, in {} since", plan.in_words()),
    });
    aside
        .places
        .push((schema.clone(), weight.found.first().map_or(0, |found| found.bytes)));
    aside
}
