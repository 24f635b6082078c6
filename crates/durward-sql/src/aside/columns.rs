//! Dropped columns: their values are copied with the key of each row, and come back into a column that is made again, as
//! the table's last, with what was made for it.

use super::{Aside, AsideCheck, AsidePlan, AsideWeight};
use crate::functions::quoted;
use crate::inverse::probe::{COLUMN, RELATION};
use crate::inverse::{Probe, ProbeRows, literal, qualified};

/// A column as it was.
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    /// Its type and collation.
    pub(super) of_type: &'a str,
    pub(super) is_not_null: bool,
    is_generated: bool,
    /// Its default, or what generates it.
    pub(super) expression: Option<&'a str>,
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
    let (Some(table), Some(schema)) = (plan.tables.first(), schemas.first()) else {
        return aside;
    };
    let (columns, key) = parts_of(parts);
    let stored: Vec<&Column<'_>> = columns.iter().filter(|column| !column.is_generated).collect();
    let (own, copy) = (table.quoted(), qualified(schema, &table.name));
    aside.keep.push(format!("CREATE SCHEMA {}", quoted(schema)));
    aside
        .keep
        .push(format!("COMMENT ON SCHEMA {} IS {}", quoted(schema), literal(comment)));
    let copied: Vec<String> = key
        .iter()
        .cloned()
        .chain(stored.iter().map(|column| quoted(column.name)))
        .collect();
    aside.copies.push(aside.keep.len());
    aside.keep.push(format!(
        "CREATE TABLE {copy} AS SELECT {} FROM ONLY {own}",
        copied.join(", ")
    ));
    for column in &columns {
        aside.undo.push(column.add(&own));
    }
    let same: Vec<String> = key.iter().map(|column| format!("t.{column} = k.{column}")).collect();
    let same = same.join(" AND ");
    if !stored.is_empty() {
        let set = stored.iter().map(|column| {
            let name = quoted(column.name);
            format!("{name} = k.{name}")
        });
        aside.undo.push(format!(
            "UPDATE ONLY {own} AS t SET {} FROM {copy} AS k WHERE {same}",
            set.collect::<Vec<_>>().join(", ")
        ));
    }
    for column in &columns {
        let name = quoted(column.name);
        if column.is_not_null {
            aside
                .undo
                .push(format!("ALTER TABLE ONLY {own} ALTER COLUMN {name} SET NOT NULL"));
        }
        if let Some(comment) = column.comment {
            aside
                .undo
                .push(format!("COMMENT ON COLUMN {own}.{name} IS {}", literal(comment)));
        }
        aside.checks.push(AsideCheck {
            text: Probe::new(COLUMN, [&table.oid.to_string(), column.name]).in_full(),
            rows: Vec::new(),
            why: format!("its table has another column {} by now", column.name),
        });
        if column.is_not_null && column.expression.is_none() {
            aside.checks.push(AsideCheck {
                text: format!(
                    "SELECT 1 FROM ONLY {own} AS t WHERE NOT EXISTS (SELECT FROM {copy} AS k WHERE {same}) LIMIT 1"
                ),
                rows: Vec::new(),
                why: format!("rows have come since that would have nothing in {}", column.name),
            });
        }
    }
    // Constraints before other indexes, as theirs come with them.
    for row in of(parts, "constraint").chain(of(parts, "index")) {
        aside.undo.extend(row.get(3).cloned().flatten());
    }
    aside.checks.push(AsideCheck {
        text: Probe::new(RELATION, [&table.schema, &table.name]).in_full(),
        rows: vec![vec![Some(table.oid.to_string())]],
        why: "its table is gone, or isn't the same any more".to_owned(),
    });
    aside.checks.rotate_right(1);
    aside.holds_copies = true;
    aside
        .places
        .push((schema.clone(), weight.found.first().map_or(0, |found| found.bytes)));
    aside
}

/// The columns that are meant, and those of the primary key, quoted.
pub(super) fn parts_of(parts: &ProbeRows) -> (Vec<Column<'_>>, Vec<String>) {
    let columns = of(parts, "column").filter_map(|row| column(row));
    let key = of(parts, "key").filter_map(|row| Some(quoted(row.get(2)?.as_deref()?)));
    (columns.collect(), key.collect())
}

/// The parts of a kind.
fn of<'a>(parts: &'a ProbeRows, kind: &'static str) -> impl Iterator<Item = &'a Vec<Option<String>>> {
    parts
        .iter()
        .filter(move |row| row.get(1).is_some_and(|found| found.as_deref() == Some(kind)))
}

fn column(row: &[Option<String>]) -> Option<Column<'_>> {
    let [_, _, name, of_type, more, comment] = row else {
        return None;
    };
    // Whether it is NOT NULL, whether it is generated, and an expression where there is one.
    let mut more = more.as_deref()?.splitn(3, ' ');
    let (is_not_null, is_generated) = (more.next()? == "t", more.next()? == "t");
    Some(Column {
        name: name.as_deref()?,
        of_type: of_type.as_deref()?,
        is_not_null,
        is_generated,
        expression: more.next().filter(|expression| !expression.is_empty()),
        comment: comment.as_deref(),
    })
}

impl Column<'_> {
    fn add(&self, table: &str) -> String {
        let filled = match self.expression {
            Some(expression) if self.is_generated => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
            Some(expression) => format!(" DEFAULT {expression}"),
            None => String::new(),
        };
        format!(
            "ALTER TABLE ONLY {table} ADD COLUMN {} {}{filled}",
            quoted(self.name),
            self.of_type
        )
    }
}
