//! The rows that foreign keys change along with a statement's own, as they were and as they were left, in the order in which
//! they can be put back.

use std::collections::{BTreeSet, HashMap, HashSet};

use durward_change::CarriedRows;
use durward_change::undo::{ColumnImage, Row, RowImages, TableImages};
use durward_sql::{CapturedColumn, CascadeEvent, CascadeTable, Cascades};

/// The values of some columns of a row.
pub(crate) type Tuple = Vec<Option<String>>;

/// A read that is still to be done before a change: the rows that refer to others by one key.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The number of the key in [`Cascades::keys`].
    pub(crate) key: usize,
    /// What happens to the rows that it finds.
    pub(crate) event: CascadeEvent,
    /// The values that they refer to: an array for each column.
    pub(crate) values: Vec<String>,
}

/// The rows of all tables, by the numbers of [`Cascades::tables`].
#[derive(Debug)]
pub(crate) struct CascadeRows {
    /// The statement's own, by their keys.
    own: HashSet<Tuple>,
    /// The values of the statement's own rows to which others may refer, for each key to its table.
    referred: HashMap<usize, HashSet<Tuple>>,
    /// All others.
    found: Vec<Vec<Row>>,
    known: Vec<HashMap<Tuple, BTreeSet<CascadeEvent>>>,
    open: Vec<Ask>,
    count: u64,
}

/// The rows that changed aren't those that were read beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strayed;

/// The rows of a table that are to be read after a change.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) table: usize,
    /// The keys as they should be now: an array for each column.
    pub(crate) values: Vec<String>,
}

impl CascadeRows {
    /// Begins with the statement's own rows, as they are before it.
    pub(crate) fn new(cascades: &Cascades, own: &[Row]) -> Self {
        let tables = cascades.tables.len();
        let mut rows = Self {
            own: own.iter().map(|row| identity(cascades, 0, row)).collect(),
            referred: HashMap::new(),
            found: vec![Vec::new(); tables],
            known: vec![HashMap::new(); tables],
            open: Vec::new(),
            count: 0,
        };
        for (number, key) in cascades.keys.iter().enumerate().filter(|(_, key)| key.parent == 0) {
            let tuples = own.iter().map(|row| tuple(row, &key.parent_places));
            rows.referred.insert(number, tuples.collect());
        }
        rows.take_in(cascades, 0, &cascades.event, own);
        rows
    }

    /// The next read, if there is one.
    pub(crate) fn next_ask(&mut self) -> Option<Ask> {
        self.open.pop()
    }

    /// How many rows there are besides the statement's own.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many rows of each table there are besides the statement's own: those that would be deleted, and the others.
    pub(crate) fn summary(&self, cascades: &Cascades) -> Vec<CarriedRows> {
        let mut summary = Vec::new();
        for (number, table) in cascades.tables.iter().enumerate() {
            let rows = self.found.get(number).into_iter().flatten();
            let is_deleted = |row: &&Row| {
                let events = self
                    .known
                    .get(number)
                    .and_then(|known| known.get(&identity(cascades, number, row)));
                events.is_some_and(|events| events.contains(&CascadeEvent::Delete))
            };
            let (deleted, changed): (Vec<&Row>, Vec<&Row>) = rows.partition(is_deleted);
            for (rows, deleted) in [(deleted.len(), true), (changed.len(), false)] {
                if rows > 0 {
                    summary.push(CarriedRows {
                        table: table.relation.name.to_string(),
                        rows: u64::try_from(rows).unwrap_or(u64::MAX),
                        deleted,
                    });
                }
            }
        }
        summary
    }

    /// Takes in what a read has found.
    pub(crate) fn answer(&mut self, cascades: &Cascades, ask: &Ask, rows: &[Row]) {
        if let Some(key) = cascades.keys.get(ask.key) {
            self.take_in(cascades, key.child, &ask.event, rows);
        }
    }

    /// Rows to which this hadn't happened yet lead on to those that refer to them.
    fn take_in(&mut self, cascades: &Cascades, table: usize, event: &CascadeEvent, rows: &[Row]) {
        let (Some(known), Some(found)) = (self.known.get_mut(table), self.found.get_mut(table)) else {
            return;
        };
        let has_key = cascades.tables.get(table).is_some_and(|table| !table.key.is_empty());
        let mut fresh: Vec<&Row> = Vec::new();
        for row in rows {
            let identity = identity(cascades, table, row);
            let is_own = table == 0 && self.own.contains(&identity);
            let events = known.entry(identity).or_default();
            if (events.is_empty() || !has_key) && !is_own {
                found.push(row.clone());
                self.count += 1;
            }
            if events.insert(event.clone()) || !has_key {
                fresh.push(row);
            }
        }
        for (number, key) in cascades.keys.iter().enumerate().filter(|(_, key)| key.parent == table) {
            let Some(then) = key.follows(event) else { continue };
            let tuples = fresh.iter().map(|row| tuple(row, &key.parent_places));
            // NULL is never referred to.
            let tuples: HashSet<Tuple> = tuples.filter(|tuple| tuple.iter().all(Option::is_some)).collect();
            if !tuples.is_empty() {
                self.open.push(Ask {
                    key: number,
                    event: then,
                    values: arrays(tuples.iter(), key.parent_places.len()),
                });
            }
        }
    }

    /// Whether all of these rows of the statement's own, as they were, were read beforehand.
    pub(crate) fn check(&self, cascades: &Cascades, own: &[RowImages]) -> Result<(), Strayed> {
        let strays = own.iter().filter_map(|row| row.before.as_ref()).any(|before| {
            self.referred.iter().any(|(number, known)| {
                let places = cascades.keys.get(*number).map(|key| &key.parent_places);
                places.is_none_or(|places| !known.contains(&tuple(before, places)))
            })
        });
        if strays { Err(Strayed) } else { Ok(()) }
    }

    /// What is to be read after the change, one table after the other: those referred to first, since what their rows were
    /// given may be part of the keys of others.
    pub(crate) fn look(&self, cascades: &Cascades, table: usize, left: &Left) -> Option<Look> {
        let known = cascades.tables.get(table)?;
        let found = self.found.get(table).filter(|found| !found.is_empty())?;
        if known.key.is_empty() {
            return None;
        }
        let keys: HashSet<Tuple> = found
            .iter()
            .map(|row| tuple(&left.moved(cascades, table, row), &known.key))
            .collect();
        Some(Look {
            table,
            values: arrays(keys.iter(), known.key.len()),
        })
    }

    /// The images of all rows in the order in which they can be put back: those that are to be inserted each behind what
    /// they refer to, then those that are to be changed. False where some refer to each other in a circle.
    pub(crate) fn images(
        self,
        cascades: &Cascades,
        (own, written): (Vec<RowImages>, Vec<usize>),
        left: &Left,
    ) -> (Vec<TableImages>, bool) {
        let mut gone: Vec<(usize, RowImages)> = Vec::new();
        let mut changed: Vec<(usize, RowImages)> = Vec::new();
        let others = self
            .found
            .into_iter()
            .enumerate()
            .flat_map(|(table, rows)| rows.into_iter().map(move |before| (table, before)));
        for row in own {
            let list = if row.after.is_none() { &mut gone } else { &mut changed };
            list.push((0, row));
        }
        let first_other = changed.len();
        let mut is_whole = true;
        for (table, before) in others {
            let events = self
                .known
                .get(table)
                .and_then(|known| known.get(&identity(cascades, table, &before)));
            match left.of(cascades, table, &before) {
                None if !events.is_some_and(|events| events.contains(&CascadeEvent::Delete)) => is_whole = false,
                None => gone.push((
                    table,
                    RowImages {
                        before: Some(before),
                        after: None,
                    },
                )),
                Some(after) if *after == before => {}
                Some(after) => changed.push((
                    table,
                    RowImages {
                        after: Some(after.clone()),
                        before: Some(before),
                    },
                )),
            }
        }
        let (order, is_a_circle) = in_order(cascades, &gone);
        let mut slots: Vec<Option<(usize, RowImages)>> = gone.into_iter().map(Some).collect();
        let gone = order.into_iter().filter_map(|at| slots.get_mut(at)?.take());
        let mut tables: Vec<TableImages> = Vec::new();
        let mut last = None;
        let all = gone.map(|row| (row, false)).chain(
            changed
                .into_iter()
                .enumerate()
                .map(|(at, row)| (row, at >= first_other)),
        );
        for ((table, row), is_carried) in all {
            let Some(known) = cascades.tables.get(table) else {
                continue;
            };
            if last != Some((table, row.after.is_some(), is_carried)) {
                last = Some((table, row.after.is_some(), is_carried));
                let places = match (row.after.is_some(), is_carried) {
                    (true, true) => carried(cascades, table),
                    (true, false) => written.clone(),
                    (false, _) => Vec::new(),
                };
                tables.push(table_images(known, places));
            }
            if let Some(images) = tables.last_mut() {
                images.rows.push(row);
            }
        }
        (tables, is_whole && !is_a_circle)
    }
}

/// How rows were left.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// By table and by the key that they have now.
    rows: HashMap<(usize, Tuple), Row>,
    /// For each key that carries values over: what rows referred to, and what that is now.
    carried: HashMap<(usize, Tuple), Tuple>,
}

impl Left {
    /// Takes note of what was referred to and how it is now.
    pub(crate) fn note(&mut self, cascades: &Cascades, table: usize, rows: &[RowImages]) {
        for (number, key) in cascades.keys.iter().enumerate() {
            if key.parent != table || !key.carries() {
                continue;
            }
            for row in rows {
                if let (Some(before), Some(after)) = (&row.before, &row.after) {
                    let (old, new) = (tuple(before, &key.parent_places), tuple(after, &key.parent_places));
                    if old != new {
                        self.carried.insert((number, old), new);
                    }
                }
            }
        }
    }

    /// Takes in the rows of a table as they are now, and notes what that means for those that refer to them.
    pub(crate) fn answer(&mut self, cascades: &Cascades, rows: &CascadeRows, table: usize, now: Vec<Row>) {
        for row in now {
            self.rows.insert((table, identity(cascades, table, &row)), row);
        }
        let found = rows.found.get(table).into_iter().flatten();
        let images: Vec<RowImages> = found
            .map(|before| RowImages {
                after: self.of(cascades, table, before).cloned(),
                before: Some(before.clone()),
            })
            .collect();
        self.note(cascades, table, &images);
    }

    /// A row as it was left; `None` where it is gone.
    fn of(&self, cascades: &Cascades, table: usize, before: &Row) -> Option<&Row> {
        let key = &cascades.tables.get(table)?.key;
        if key.is_empty() {
            return None;
        }
        self.rows
            .get(&(table, tuple(&self.moved(cascades, table, before), key)))
    }

    /// A row with what it has taken over from those that it refers to.
    fn moved(&self, cascades: &Cascades, table: usize, before: &Row) -> Row {
        let mut row = before.clone();
        for (number, key) in cascades.keys.iter().enumerate().filter(|(_, key)| key.child == table) {
            let Some(new) = self.carried.get(&(number, tuple(before, &key.child_places))) else {
                continue;
            };
            for (place, value) in key.child_places.iter().zip(new) {
                if let Some(own) = row.get_mut(*place) {
                    own.clone_from(value);
                }
            }
        }
        row
    }
}

/// The order in which rows can be inserted, and whether some refer to each other in a circle.
fn in_order(cascades: &Cascades, rows: &[(usize, RowImages)]) -> (Vec<usize>, bool) {
    let mut places: HashMap<(usize, Tuple), usize> = HashMap::new();
    for (at, (table, row)) in rows.iter().enumerate() {
        let Some(before) = &row.before else { continue };
        for (number, key) in cascades.keys.iter().enumerate().filter(|(_, key)| key.parent == *table) {
            places.insert((number, tuple(before, &key.parent_places)), at);
        }
    }
    let needs = |at: usize| -> Vec<usize> {
        let Some((
            table,
            RowImages {
                before: Some(before), ..
            },
        )) = rows.get(at)
        else {
            return Vec::new();
        };
        let keys = cascades.keys.iter().enumerate().filter(|(_, key)| key.child == *table);
        let needed = keys.filter_map(|(number, key)| places.get(&(number, tuple(before, &key.child_places))));
        // One that refers to itself comes with it.
        needed.copied().filter(|needed| *needed != at).collect()
    };
    let mut order = Vec::with_capacity(rows.len());
    let mut is_a_circle = false;
    // Not begun, under way, or done.
    let mut states = vec![0_u8; rows.len()];
    for start in 0..rows.len() {
        let mut path = vec![(start, false)];
        while let Some((at, is_ready)) = path.pop() {
            let Some(state) = states.get_mut(at) else { continue };
            match (*state, is_ready) {
                (_, true) => {
                    *state = 2;
                    order.push(at);
                }
                (0, false) => {
                    *state = 1;
                    path.push((at, true));
                    for needed in needs(at) {
                        match states.get(needed) {
                            Some(0) => path.push((needed, false)),
                            Some(1) => is_a_circle = true,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    (order, is_a_circle)
}

/// The columns of a table that keys may change.
fn carried(cascades: &Cascades, table: usize) -> Vec<usize> {
    let keys = cascades.keys.iter().filter(|key| key.child == table);
    let places: BTreeSet<usize> = keys.flat_map(|key| key.child_places.iter().copied()).collect();
    places.into_iter().collect()
}

fn table_images(table: &CascadeTable, written: Vec<usize>) -> TableImages {
    TableImages {
        oid: table.relation.oid.0,
        schema: table.relation.name.schema.to_string(),
        name: table.relation.name.name.to_string(),
        columns: column_images(&table.columns),
        key: table.key.to_vec(),
        written,
        rows: Vec::new(),
    }
}

/// Columns as they are kept.
pub(crate) fn column_images(columns: &[CapturedColumn]) -> Vec<ColumnImage> {
    let images = columns.iter().map(|column| ColumnImage {
        number: column.number.0,
        name: column.name.to_string(),
        type_name: column.type_name.to_string(),
        generated: column.generated,
        as_text: column.as_text("t"),
    });
    images.collect()
}

fn identity(cascades: &Cascades, table: usize, row: &Row) -> Tuple {
    match cascades.tables.get(table) {
        Some(known) if !known.key.is_empty() => tuple(row, &known.key),
        _ => row.clone(),
    }
}

fn tuple(row: &Row, places: &[usize]) -> Tuple {
    places.iter().map(|place| row.get(*place).cloned().flatten()).collect()
}

/// An array of text for each column (manual section 8.15.2).
fn arrays<'a>(tuples: impl Iterator<Item = &'a Tuple>, columns: usize) -> Vec<String> {
    let mut arrays = vec![String::from("{"); columns];
    for (number, tuple) in tuples.enumerate() {
        for (array, value) in arrays.iter_mut().zip(tuple) {
            if number > 0 {
                array.push(',');
            }
            match value {
                None => array.push_str("NULL"),
                Some(value) => {
                    array.push('"');
                    array.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
                    array.push('"');
                }
            }
        }
    }
    arrays.iter_mut().for_each(|array| array.push('}'));
    arrays
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_read_back_from_arrays_as_they_were() {
        let rows = [
            vec![Some("a\"b\\".to_owned()), None],
            vec![Some("{,}".to_owned()), Some(String::new())],
        ];
        assert_eq!(super::arrays(rows.iter(), 2), [r#"{"a\"b\\","{,}"}"#, r#"{NULL,""}"#]);
    }
}
