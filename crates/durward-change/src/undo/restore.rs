//! The statements that take a change back: each looks first whether a row still is as the change left it.

use std::collections::BTreeMap;

use super::images::{ColumnImage, Images, Row, RowImages, TableImages};

/// The most rows that one statement restores.
///
/// Unit: rows. Reason: a text of some ten kilobytes; what is beyond a hundred rows by hand needs a second look.
const ROWS_TOGETHER: usize = 100;

/// A part of a change that is taken back by one statement: rows of one table, all changed alike.
#[derive(Debug, Clone)]
pub struct Restore<'a> {
    table: &'a TableImages,
    rows: Vec<&'a RowImages>,
    action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    /// Rows that were inserted are deleted.
    Delete,
    /// Rows get back what they held in these columns, and in the others that triggers set, as far as they still hold
    /// what those gave them.
    Update {
        own: Vec<usize>,
        set_by_triggers: Vec<usize>,
    },
    /// Rows that were deleted are inserted.
    Insert,
}

/// A table whose rows refer to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The numbers of the columns that they refer to.
    pub referred: Vec<i16>,
}

/// Reads that say whether rows still are as they were left. Each answers with the row's number first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The rows with that key, each column as text behind its number.
    pub rows: Option<String>,
    /// The numbers of rows to which others refer, and the referring table.
    pub referring: Vec<String>,
}

/// A row that is not as the change left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The table, as `schema.name`.
    pub table: String,
    /// The row's key, as `column=value`.
    pub row: String,
    /// What is otherwise.
    pub why: String,
}

/// The parts of a change, in the order in which they are to be taken back.
pub fn restore(images: &Images) -> Vec<Restore<'_>> {
    let mut parts = Vec::new();
    for table in &images.tables {
        let mut alike: BTreeMap<Action, Vec<&RowImages>> = BTreeMap::new();
        for row in &table.rows {
            let action = match (&row.before, &row.after) {
                (None, None) => continue,
                (None, Some(_)) => Action::Delete,
                (Some(_), None) => Action::Insert,
                (Some(_), Some(_)) => {
                    let stored = |place: &usize| table.columns.get(*place).is_some_and(|column| !column.generated);
                    let changed: Vec<usize> = row.changed().into_iter().filter(stored).collect();
                    if changed.is_empty() {
                        continue;
                    }
                    let is_own = |place: &usize| table.written.is_empty() || table.written.contains(place);
                    let (own, set_by_triggers): (Vec<usize>, Vec<usize>) =
                        changed.iter().partition(|place| is_own(place));
                    if own.is_empty() {
                        Action::Update {
                            own: changed,
                            set_by_triggers: own,
                        }
                    } else {
                        Action::Update { own, set_by_triggers }
                    }
                }
            };
            alike.entry(action).or_default().push(row);
        }
        for (action, mut rows) in alike {
            if action == Action::Delete {
                // What came last may refer to what came before.
                rows.reverse();
            }
            parts.extend(rows.chunks(ROWS_TOGETHER).map(|rows| Restore {
                table,
                rows: rows.to_vec(),
                action: action.clone(),
            }));
        }
    }
    parts
}

impl Restore<'_> {
    /// The table's number in the catalog.
    pub fn table(&self) -> u32 {
        self.table.oid
    }

    /// The table, as `schema.name`.
    pub fn name_in_words(&self) -> String {
        format!("{}.{}", self.table.schema, self.table.name)
    }

    /// The key of a row; `None` where nothing tells it apart.
    pub fn key(&self, number: usize) -> Option<Row> {
        let row = self.rows.get(number)?;
        let image = row.after.as_ref().or(row.before.as_ref())?;
        let key: Option<Row> = self.table.key.iter().map(|place| image.get(*place).cloned()).collect();
        key.filter(|key| !key.is_empty())
    }

    /// A row as it was.
    pub fn before(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)?.before.as_ref()
    }

    /// Whether its rows go.
    pub fn deletes(&self) -> bool {
        self.action == Action::Delete
    }

    /// How many rows it restores.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The reads that must come before it. With `lock`, the rows stay as they are until the transaction ends.
    pub fn check(&self, children: &[Children], lock: bool) -> Check {
        let referring = match self.action {
            Action::Delete => children.iter().filter_map(|child| self.referring(child)).collect(),
            Action::Update { .. } | Action::Insert => Vec::new(),
        };
        Check {
            rows: self.rows_text(lock),
            referring,
        }
    }

    fn rows_text(&self, lock: bool) -> Option<String> {
        let places: Vec<usize> = match (&self.action, self.table.key.as_slice()) {
            // Without a key nothing can stand in a deleted row's place.
            (Action::Insert, []) => return None,
            (_, []) => (0..self.table.columns.len()).collect(),
            (_, key) => key.to_vec(),
        };
        let columns = self.table.columns.iter().map(|column| column.as_text.as_str());
        let list: Vec<&str> = std::iter::once("v.i").chain(columns).collect();
        Some(format!(
            "SELECT {} FROM {} AS t, {} WHERE {}{}",
            list.join(", "),
            self.name(),
            self.values(&places, true),
            self.same(&places),
            if lock { " FOR UPDATE OF t" } else { "" }
        ))
    }

    fn referring(&self, child: &Children) -> Option<String> {
        let places: Option<Vec<usize>> = child
            .referred
            .iter()
            .map(|number| self.table.columns.iter().position(|column| column.number == *number))
            .collect();
        let places = places?;
        let pairs = child.columns.iter().zip(&places).enumerate();
        let same: Option<Vec<String>> = pairs
            .map(|(at, (name, place))| {
                let column = self.table.columns.get(*place)?;
                Some(format!("c.{} = CAST(v.k{at} AS {})", quoted(name), column.type_name))
            })
            .collect();
        let name = format!("{}.{}", quoted(&child.schema), quoted(&child.name));
        Some(format!(
            "SELECT v.i, {} FROM {} WHERE EXISTS (SELECT 1 FROM {name} AS c WHERE {}{})",
            literal(Some(&format!("{}.{}", child.schema, child.name))),
            self.values(&places, true),
            same?.join(" AND "),
            self.goes_along(child)
        ))
    }

    /// That a referring row `c` of the same table isn't deleted together with these.
    fn goes_along(&self, child: &Children) -> String {
        let is_own = child.schema == self.table.schema && child.name == self.table.name;
        let columns: Option<Vec<&ColumnImage>> = self
            .table
            .key
            .iter()
            .map(|place| self.table.columns.get(*place))
            .collect();
        let columns = columns.filter(|columns| {
            let mut columns = columns.iter();
            is_own
                && !self.table.key.is_empty()
                && columns.all(|column| column.type_name.starts_with("\"pg_catalog\"."))
        });
        let Some(columns) = columns else {
            return String::new();
        };
        let same = columns
            .iter()
            .enumerate()
            .map(|(at, column)| format!("c.{} = CAST(w.k{at} AS {})", quoted(&column.name), column.type_name));
        let values = self.values_as("w", &self.table.key, false);
        format!(
            " AND NOT EXISTS (SELECT 1 FROM {values} WHERE {})",
            same.collect::<Vec<_>>().join(" AND ")
        )
    }

    /// Compares what a check has found with how the change left the rows. Returns the numbers of those that can be
    /// restored, and the others; rows that are as before already are neither.
    pub fn compare(&self, found: &[Row], referring: &[Row]) -> (Vec<usize>, Vec<Conflict>) {
        let numbered = |row: &Row| row.first()?.as_ref()?.parse::<usize>().ok();
        let current: BTreeMap<usize, &[Option<String>]> = found
            .iter()
            .filter_map(|row| Some((numbered(row)?, row.get(1..)?)))
            .collect();
        let referring: BTreeMap<usize, &str> = referring
            .iter()
            .filter_map(|row| Some((numbered(row)?, row.get(1)?.as_deref()?)))
            .collect();
        let (mut fits, mut conflicts) = (Vec::new(), Vec::new());
        for (number, row) in self.rows.iter().enumerate() {
            let now = current.get(&number).copied();
            let judged = match (&self.action, now, &row.before, &row.after) {
                (Action::Insert, None, _, _) => Judged::Fits,
                (Action::Insert, Some(now), Some(before), _) if now == before.as_slice() => Judged::AsBefore,
                (Action::Insert, Some(_), _, _) => Judged::Conflict("a row with its key is there again".into()),
                (Action::Delete, None, _, _) => Judged::AsBefore,
                (Action::Delete, Some(now), _, Some(after)) => match referring.get(&number) {
                    Some(table) => Judged::Conflict(format!("rows of {table} refer to it")),
                    None => self.same_in(now, after, 0..after.len()),
                },
                (Action::Update { .. }, None, _, _) => Judged::Conflict("it is gone".into()),
                (Action::Update { own, .. }, Some(now), Some(before), Some(after)) => {
                    let is_before = own.iter().all(|place| now.get(*place) == before.get(*place));
                    if is_before {
                        Judged::AsBefore
                    } else {
                        self.same_in(now, after, own.iter().copied())
                    }
                }
                (Action::Delete | Action::Update { .. }, Some(_), _, _) => {
                    Judged::Conflict("its image is not whole".into())
                }
            };
            match judged {
                Judged::Fits => fits.push(number),
                Judged::AsBefore => {}
                Judged::Conflict(why) => conflicts.push(Conflict {
                    table: self.name_in_words(),
                    row: self.key_in_words(row),
                    why,
                }),
            }
        }
        (fits, conflicts)
    }

    fn same_in(&self, now: &[Option<String>], left: &Row, places: impl Iterator<Item = usize>) -> Judged {
        let other = places
            .filter(|place| now.get(*place) != left.get(*place))
            .filter_map(|place| self.table.columns.get(place))
            .map(|column| column.name.as_str())
            .collect::<Vec<_>>();
        if other.is_empty() {
            Judged::Fits
        } else {
            Judged::Conflict(format!("changed since: {}", other.join(", ")))
        }
    }

    fn key_in_words(&self, row: &RowImages) -> String {
        let image = row.before.as_ref().or(row.after.as_ref());
        let pairs = self.table.key.iter().filter_map(|place| {
            let column = self.table.columns.get(*place)?;
            let value = image?.get(*place)?.as_deref().unwrap_or("NULL");
            Some(format!("{}={value}", column.name))
        });
        let pairs: Vec<String> = pairs.collect();
        if pairs.is_empty() {
            "a row without a key".to_owned()
        } else {
            pairs.join(", ")
        }
    }

    /// The statements that restore the rows of these numbers, each with the number of rows that it must change.
    pub fn apply(&self, numbers: &[usize]) -> Vec<(String, u64)> {
        let rows: Vec<&RowImages> = numbers
            .iter()
            .filter_map(|number| self.rows.get(*number).copied())
            .collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let part = Self {
            table: self.table,
            rows,
            action: self.action.clone(),
        };
        let count = u64::try_from(part.rows.len()).unwrap_or(u64::MAX);
        match &part.action {
            Action::Insert => vec![(part.insert(), count)],
            Action::Update { own, set_by_triggers } if part.table.key.is_empty() => {
                let places: Vec<usize> = own.iter().chain(set_by_triggers).copied().collect();
                part.rows.iter().map(|row| (part.update_one(row, &places), 1)).collect()
            }
            Action::Update { own, set_by_triggers } => vec![(part.update(own, set_by_triggers), count)],
            Action::Delete if part.table.key.is_empty() => {
                part.rows.iter().map(|row| (part.delete_one(row), 1)).collect()
            }
            Action::Delete => {
                let text = format!(
                    "DELETE FROM {} AS t USING {} WHERE {}",
                    part.name(),
                    part.values(&part.table.key, false),
                    part.same(&part.table.key)
                );
                vec![(text, count)]
            }
        }
    }

    fn insert(&self) -> String {
        let stored: Vec<(usize, &ColumnImage)> = self
            .table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.generated)
            .collect();
        let names: Vec<String> = stored.iter().map(|(_, column)| quoted(&column.name)).collect();
        let rows = self.rows.iter().map(|row| {
            let values = stored.iter().map(|(place, column)| {
                let value = row.before.as_ref().and_then(|before| before.get(*place)?.as_deref());
                format!("CAST({} AS {})", literal(value), column.type_name)
            });
            format!("({})", values.collect::<Vec<_>>().join(", "))
        });
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {}",
            self.name(),
            names.join(", "),
            rows.collect::<Vec<_>>().join(", ")
        )
    }

    fn update(&self, own: &[usize], set_by_triggers: &[usize]) -> String {
        let key = &self.table.key;
        let places: Vec<usize> = own.iter().chain(set_by_triggers).copied().collect();
        let set = places.iter().enumerate().filter_map(|(at, place)| {
            let column = self.table.columns.get(*place)?;
            let name = quoted(&column.name);
            let before = format!("CAST(v.b{at} AS {})", column.type_name);
            Some(if at < own.len() {
                format!("{name} = {before}")
            } else {
                let stands = format!("{} IS NOT DISTINCT FROM v.a{at}", column.as_text);
                format!("{name} = CASE WHEN {stands} THEN {before} ELSE t.{name} END")
            })
        });
        let set: Vec<String> = set.collect();
        let images = |row: &RowImages| {
            let text = |image: &Option<Row>, place: usize| {
                literal(image.as_ref().and_then(|image| image.get(place)?.as_deref()))
            };
            let key = key.iter().map(|place| text(&row.after, *place));
            let before = places.iter().map(|place| text(&row.before, *place));
            let after = set_by_triggers.iter().map(|place| text(&row.after, *place));
            let values: Vec<String> = key.chain(before).chain(after).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = self.rows.iter().map(|row| images(row)).collect();
        let names = (0..key.len()).map(|at| format!("k{at}"));
        let names = names.chain((0..places.len()).map(|at| format!("b{at}")));
        let names = names.chain((own.len()..places.len()).map(|at| format!("a{at}")));
        format!(
            "UPDATE {} AS t SET {} FROM (VALUES {}) AS v ({}) WHERE {}",
            self.name(),
            set.join(", "),
            rows.join(", "),
            names.collect::<Vec<_>>().join(", "),
            self.same(key)
        )
    }

    fn delete_one(&self, row: &RowImages) -> String {
        format!("DELETE FROM {} WHERE {}", self.name(), self.one_like(row))
    }

    fn update_one(&self, row: &RowImages, places: &[usize]) -> String {
        let set = places.iter().filter_map(|place| {
            let column = self.table.columns.get(*place)?;
            let value = literal(row.before.as_ref().and_then(|before| before.get(*place)?.as_deref()));
            Some(format!(
                "{} = CAST({value} AS {})",
                quoted(&column.name),
                column.type_name
            ))
        });
        let set: Vec<String> = set.collect();
        format!(
            "UPDATE {} SET {} WHERE {}",
            self.name(),
            set.join(", "),
            self.one_like(row)
        )
    }

    /// That a row is a certain one of those that are as this one was left: nothing tells them apart.
    fn one_like(&self, row: &RowImages) -> String {
        let image = row.after.as_ref();
        let same = self.table.columns.iter().enumerate().map(|(place, column)| {
            let value = image.and_then(|image| image.get(place)?.as_deref());
            format!("{} IS NOT DISTINCT FROM {}", column.as_text, literal(value))
        });
        let same: Vec<String> = same.collect();
        format!(
            "(tableoid, ctid) = (SELECT t.tableoid, t.ctid FROM {} AS t WHERE {} LIMIT 1)",
            self.name(),
            same.join(" AND ")
        )
    }

    fn name(&self) -> String {
        format!("{}.{}", quoted(&self.table.schema), quoted(&self.table.name))
    }

    /// The rows' values in some columns as a relation `v`: `k0`, `k1`, … and, where wanted, the row's number `i` first.
    /// A row that stands is known by how it was left.
    fn values(&self, places: &[usize], numbered: bool) -> String {
        self.values_as("v", places, numbered)
    }

    /// The same under another name.
    fn values_as(&self, name: &str, places: &[usize], numbered: bool) -> String {
        let rows = self.rows.iter().enumerate().map(|(number, row)| {
            let known = row.after.as_ref().or(row.before.as_ref());
            let number = numbered.then(|| number.to_string());
            let values = places
                .iter()
                .map(|place| literal(known.and_then(|image| image.get(*place)?.as_deref())));
            let values: Vec<String> = number.into_iter().chain(values).collect();
            format!("({})", values.join(", "))
        });
        let names = (0..places.len()).map(|at| format!("k{at}"));
        let names: Vec<String> = numbered.then(|| "i".to_owned()).into_iter().chain(names).collect();
        format!(
            "(VALUES {}) AS {name} ({})",
            rows.collect::<Vec<_>>().join(", "),
            names.join(", ")
        )
    }

    /// That a row `t` has these values.
    fn same(&self, places: &[usize]) -> String {
        let has_key = !self.table.key.is_empty();
        let same = places.iter().enumerate().filter_map(|(at, place)| {
            let column = self.table.columns.get(*place)?;
            Some(if has_key && column.type_name.starts_with("\"pg_catalog\".") {
                format!("t.{} = CAST(v.k{at} AS {})", quoted(&column.name), column.type_name)
            } else {
                // Types of others may have no equality, or one that isn't found here.
                format!("{} IS NOT DISTINCT FROM v.k{at}", column.as_text)
            })
        });
        same.collect::<Vec<_>>().join(" AND ")
    }
}

enum Judged {
    Fits,
    AsBefore,
    Conflict(String),
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A constant of type text, whatever `standard_conforming_strings` says.
fn literal(value: Option<&str>) -> String {
    match value {
        None => "NULL::pg_catalog.text".to_owned(),
        Some(value) if value.contains('\\') => {
            format!(
                "E'{}'::pg_catalog.text",
                value.replace('\\', "\\\\").replace('\'', "''")
            )
        }
        Some(value) => format!("'{}'::pg_catalog.text", value.replace('\'', "''")),
    }
}
