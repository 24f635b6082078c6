//! Columns whose masks would tell somebody what they have written themselves: counted over all sessions of a person, those of
//! their agents included.
//!
//! Equal values have equal masks: whoever writes many values of their own choice into a column could tell by their masks what
//! those of others stand for. A few are nothing; past [`OWN_VALUES_MAX`] within a day, and in tables of their own at once, all
//! masks of the column are one constant for them, and it is compared with nothing but in look-ups. That is never forgotten:
//! the rows may be there for good.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use durward_model::{
    AccessModes, ColumnNumber, DatabaseName, Oid, QualifiedName, RelationUse, RowBound, StatementFacts,
};
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::Relation;
use serde::{Deserialize, Serialize};

use crate::assessment::MaskedColumns;
use crate::labels::file_name;

/// How many values somebody may write into a column within [`OWN_VALUES_WINDOW`] and still see its masks.
///
/// Unit: values. Reason: as many as a person may change in one statement without being asked; too few for a list of birth
/// dates.
const OWN_VALUES_MAX: u64 = 100;

/// The time over which written values are counted.
const OWN_VALUES_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// The most that is kept of one person in one database; past it all columns count as written.
///
/// Unit: columns and tables. Reason: whoever writes that many is a program that sees clear text, and each takes about 200
/// bytes.
const ENTRIES_MAX: usize = 50_000;

/// The folder in the data directory.
const FOLDER: &str = "own-writes";

/// What everybody has written in one database.
#[derive(Debug, Default)]
pub struct WriteBook {
    people: Mutex<HashMap<Arc<str>, Arc<OwnWrites>>>,
    file: Option<Arc<Mutex<File>>>,
}

impl WriteBook {
    /// The book of a database, with what earlier runs have kept of it in `data_dir`.
    ///
    /// # Errors
    /// When the file is there and can't be read, or can't be made.
    pub fn open(database: &DatabaseName, data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(format!("{}.jsonl", file_name(database.as_str())));
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let mut people: HashMap<Arc<str>, Written> = HashMap::new();
        let mut torn = false;
        for line in BufReader::new(&file).split(b'\n') {
            let line = line?;
            // The last line of a run that was killed may be half of one; the next run has ended it.
            match serde_json::from_slice::<Line<'static>>(&line) {
                Ok(Line { who, entry }) => people.entry((*who).into()).or_default().add(entry.into_owned()),
                Err(_) if line.is_empty() => {}
                Err(error) => tracing::warn!(%error, path = %path.display(), "a line of what was written is skipped"),
            }
            torn = !line.is_empty();
        }
        let mut file = file;
        if torn {
            file.write_all(b"\n")?;
        }
        let file = Arc::new(Mutex::new(file));
        let people = people.into_iter().map(|(who, written)| {
            let own = OwnWrites::new(Arc::clone(&who), written, Some(Arc::clone(&file)));
            (who, Arc::new(own))
        });
        Ok(Self {
            people: Mutex::new(people.collect()),
            file: Some(Arc::clone(&file)),
        })
    }

    /// What one person has written, and will.
    pub(crate) fn of(&self, who: &Arc<str>) -> Arc<OwnWrites> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let own = people.entry(Arc::clone(who)).or_insert_with(|| {
            let own = OwnWrites::new(Arc::clone(who), Written::default(), self.file.clone());
            Arc::new(own)
        });
        Arc::clone(own)
    }
}

/// What one person has written in one database.
#[derive(Debug)]
pub(crate) struct OwnWrites {
    who: Arc<str>,
    written: ArcSwap<Written>,
    file: Option<Arc<Mutex<File>>>,
    /// How many values went into columns lately; held while `written` changes.
    lately: Mutex<Lately>,
}

/// Values that went into each column.
type Lately = HashMap<(Oid, ColumnNumber), Window>;

/// Values that were written since then.
#[derive(Debug)]
struct Window {
    began: Instant,
    values: u64,
}

impl OwnWrites {
    fn new(who: Arc<str>, written: Written, file: Option<Arc<Mutex<File>>>) -> Self {
        Self {
            who,
            written: ArcSwap::from_pointee(written),
            file,
            lately: Mutex::default(),
        }
    }

    /// What is known now.
    pub(crate) fn now(&self) -> Guard<Arc<Written>> {
        self.written.load()
    }

    /// Notes what the statements of a message that is about to run write.
    pub(crate) fn note(&self, message: &[(&StatementFacts, &str)], catalog: &CatalogSnapshot) {
        let mut given: Vec<_> = message
            .iter()
            .flat_map(|(facts, normalized)| {
                let later = is_counted_later(facts, normalized);
                given(facts, if later { 0 } else { values(facts) }, catalog)
            })
            .collect();
        let known = self.now();
        given.retain(|(entry, _)| !known.has(entry));
        if given.is_empty() && known.news(message, catalog).is_empty() {
            return;
        }
        self.keep(catalog, |known, lately| {
            let mut news = known.news(message, catalog);
            news.extend(many(known, lately, given));
            news
        });
    }

    /// Notes how many rows a statement has changed of which that wasn't known before.
    pub(crate) fn count(&self, facts: &StatementFacts, rows: u64, catalog: &CatalogSnapshot) {
        let given = given(facts, rows, catalog);
        self.keep(catalog, |known, lately| many(known, lately, given));
    }

    /// Adds what is new. A file that can't be written is no reason not to mask.
    fn keep(&self, catalog: &CatalogSnapshot, news: impl FnOnce(&Written, &mut Lately) -> Vec<Entry>) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let news = news(&self.now(), &mut lately);
        if news.is_empty() {
            return;
        }
        let mut next = Written::clone(&self.now());
        if next.is_full() {
            next.forget_dropped(catalog);
        }
        let mut lines = Vec::new();
        for entry in news {
            let line = Line {
                who: Cow::Borrowed(&*self.who),
                entry: Cow::Borrowed(&entry),
            };
            // These types have no value that JSON hasn't.
            if serde_json::to_writer(&mut lines, &line).is_ok() {
                lines.push(b'\n');
            }
            next.add(entry);
        }
        self.written.store(Arc::new(next));
        if let Some(file) = &self.file
            && let Err(error) = append(&lock(file), &lines)
        {
            tracing::warn!(%error, who = %self.who, "what somebody has written couldn't be kept");
        }
    }
}

/// The columns that have got too many values by now.
fn many(known: &Written, lately: &mut Lately, given: Vec<(Entry, u64)>) -> Vec<Entry> {
    lately.retain(|_, window| window.began.elapsed() < OWN_VALUES_WINDOW);
    let new = given.into_iter().filter(|(entry, _)| !known.has(entry));
    new.filter_map(|(entry, values)| {
        let Entry::Column { relation, number, .. } = &entry else {
            return None;
        };
        let window = lately.entry((*relation, *number)).or_insert_with(Window::new);
        window.values = window.values.saturating_add(values);
        (window.values > OWN_VALUES_MAX).then_some(entry)
    })
    .collect()
}

impl Window {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            values: 0,
        }
    }
}

/// Whether a statement may write more values at once than anybody's masks bear.
pub(crate) fn writes_many(facts: &StatementFacts) -> bool {
    values(facts) > OWN_VALUES_MAX
}

/// Whether the server will say how many rows a statement has changed, and nothing else does. A WITH query's rows it doesn't.
pub(crate) fn is_counted_later(facts: &StatementFacts, normalized: &str) -> bool {
    let has_with = || {
        let mut words = normalized.split(|char: char| !char.is_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case("with"))
    };
    matches!(facts.rows_written, RowBound::Unbounded)
        && match &*facts.command {
            "INSERT" | "UPDATE" | "MERGE" => !has_with(),
            "COPY" => true,
            _ => false,
        }
}

/// How many values a statement can write into a column.
const fn values(facts: &StatementFacts) -> u64 {
    match facts.rows_written {
        RowBound::AtMost(rows) => rows,
        RowBound::Unbounded => u64::MAX,
    }
}

/// The columns that a statement gives values, those that are generated from them, and those of tables above, whose rows they
/// are as well; with how many values at most.
fn given(facts: &StatementFacts, values: u64, catalog: &CatalogSnapshot) -> Vec<(Entry, u64)> {
    let mut given = Vec::new();
    for usage in &facts.relations {
        if !usage.columns.iter().any(|column| column.written) {
            continue;
        }
        let Some(relation) = catalog.relation(usage.relation.oid) else {
            continue;
        };
        if relation.oid.is_built_in() {
            continue;
        }
        let inserts = usage.modes.contains(AccessModes::INSERT);
        let written = usage.columns.iter().filter(|column| column.written);
        // What is generated, and defaults that may be their own.
        let besides = relation.columns.iter().filter(|column| {
            let defaults = column.has_default
                || catalog
                    .type_(column.type_oid)
                    .is_some_and(|known| known.default.is_some());
            column.generated || (inserts && defaults)
        });
        let columns = written.map(|column| (column.number, &column.name));
        for (number, name) in columns.chain(besides.map(|column| (column.number, &column.name))) {
            // A document or a list holds as many values as it likes.
            let values = if holds_many(catalog, relation, number) {
                u64::MAX
            } else {
                values
            };
            if !relation.temporary {
                given.push((column_of(relation, number, name), values));
            }
            above(catalog, relation.oid, |above| {
                let same = above.column(name).map(|same| column_of(above, same.number, name));
                given.extend(same.map(|same| (same, values)));
            });
        }
    }
    given
}

/// Whether one value of a column may hold many: documents, arrays, and types of extensions.
fn holds_many(catalog: &CatalogSnapshot, relation: &Relation, number: ColumnNumber) -> bool {
    /// `json`, `jsonb` and `xml` (`pg_type.dat`).
    const DOCUMENTS: [Oid; 3] = [Oid(114), Oid(3802), Oid(142)];
    let column = relation.column_numbered(number);
    column.is_some_and(|column| {
        let known = catalog.type_(column.type_oid);
        DOCUMENTS.contains(&column.type_oid)
            || known.is_some_and(|known| known.element != Oid(0) && known.category == 'A' || known.kind == 'c')
            || known.is_some_and(|known| &*known.name == "hstore")
    })
}

/// Visits the tables whose rows a table's are as well.
fn above(catalog: &CatalogSnapshot, relation: Oid, mut visit: impl FnMut(&Relation)) {
    let mut seen = HashSet::from([relation]);
    let mut open: Vec<Oid> = catalog.parents(relation).collect();
    while let Some(oid) = open.pop() {
        if seen.insert(oid) {
            catalog.relation(oid).into_iter().for_each(|relation| visit(relation));
            open.extend(catalog.parents(oid));
        }
    }
}

fn lock(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn append(mut file: &File, lines: &[u8]) -> io::Result<()> {
    file.write_all(lines)?;
    file.sync_data()
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    who: Cow<'a, str>,
    entry: Cow<'a, Entry>,
}

/// Something that somebody has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// A column.
    Column {
        relation: Oid,
        number: ColumnNumber,
        /// What it was called: a database that is restored from a dump has other oids.
        table: QualifiedName,
        column: Arc<str>,
    },
    /// A table that they make, with all its columns.
    Made {
        table: QualifiedName,
        /// Whether it is made with rows.
        filled: bool,
    },
    /// That table, once it is there: it may be renamed.
    Found { table: QualifiedName, relation: Oid },
    /// Whatever columns a table has from this number on: they add some.
    ColumnsFrom { relation: Oid, number: ColumnNumber },
}

/// A snapshot of what one person has written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    columns: HashSet<(Oid, ColumnNumber)>,
    names: HashSet<(QualifiedName, Arc<str>)>,
    /// The names of tables that they have made.
    made: HashSet<QualifiedName>,
    /// The first of the columns that are theirs.
    columns_from: HashMap<Oid, ColumnNumber>,
    /// Tables that were made and whose oids aren't known yet, and whether with rows.
    pending: HashMap<QualifiedName, bool>,
    changes: u64,
}

impl Written {
    /// How often it has changed: two snapshots with the same number are the same.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    fn is_full(&self) -> bool {
        self.columns.len() + self.made.len() + self.columns_from.len() >= ENTRIES_MAX
    }

    /// Makes room: what is gone shows nothing.
    fn forget_dropped(&mut self, catalog: &CatalogSnapshot) {
        self.columns
            .retain(|(relation, _)| catalog.relation(*relation).is_some());
        self.columns_from
            .retain(|relation, _| catalog.relation(*relation).is_some());
        let is_there = |table: &QualifiedName| catalog.relation_in(&table.schema, &table.name).is_some();
        self.names.retain(|(table, _)| is_there(table));
        self.made
            .retain(|table| is_there(table) || self.pending.contains_key(table));
        self.changes += 1;
    }

    /// Whether a column may show values that this person has written: in its own rows, or in those of a table that stands
    /// above or below it and gives or takes rows.
    pub(crate) fn holds(&self, catalog: &CatalogSnapshot, (relation, number): (Oid, ColumnNumber)) -> bool {
        if self.changes == 0 {
            return false;
        }
        let is_from = |from: &ColumnNumber| number >= *from;
        if self.is_full() || self.columns_from.get(&relation).is_some_and(is_from) {
            return true;
        }
        let known = catalog.relation(relation);
        let Some((known, column)) = known.and_then(|known| Some((known, known.column_numbered(number)?))) else {
            return true;
        };
        let table = known.reference().name;
        self.columns.contains(&(relation, number))
            || self.made.contains(&table)
            || self.names.contains(&(table, Arc::clone(&column.name)))
            || self.holds_beyond(catalog, known, &column.name, |oid| catalog.parents(oid).collect())
            || self.holds_beyond(catalog, known, &column.name, |oid| catalog.children(oid).collect())
    }

    /// Whether one of these columns, whose masks aren't constants, may.
    pub(crate) fn holds_any(&self, catalog: &CatalogSnapshot, masked: &MaskedColumns) -> bool {
        let mut tell = masked.iter().filter(|(_, holds)| !holds.is_of_own_values());
        tell.any(|(column, _)| self.holds(catalog, *column))
    }

    /// Whether a column of this name was written in a relation that others lead to, one after another.
    fn holds_beyond(
        &self,
        catalog: &CatalogSnapshot,
        relation: &Relation,
        column: &str,
        next: impl Fn(Oid) -> Vec<Oid>,
    ) -> bool {
        let mut seen = HashSet::from([relation.oid]);
        let mut open = next(relation.oid);
        while let Some(oid) = open.pop() {
            if !seen.insert(oid) {
                continue;
            }
            let same = catalog.relation(oid).and_then(|relation| relation.column(column));
            if same.is_some_and(|same| self.columns.contains(&(oid, same.number))) {
                return true;
            }
            open.extend(next(oid));
        }
        false
    }

    /// What the statements of a message define that isn't known yet.
    fn news(&self, message: &[(&StatementFacts, &str)], catalog: &CatalogSnapshot) -> Vec<Entry> {
        let mut news = Vec::new();
        for (table, filled) in &self.pending {
            let Some(relation) = catalog.relation_in(&table.schema, &table.name) else {
                continue;
            };
            if *filled {
                let columns = relation.columns.iter();
                news.extend(columns.map(|column| column_of(relation, column.number, &column.name)));
            }
            news.push(Entry::Found {
                table: table.clone(),
                relation: relation.oid,
            });
        }
        for (facts, _) in message {
            let makes = facts
                .relations
                .iter()
                .any(|usage| usage.modes.contains(AccessModes::CREATE));
            for usage in &facts.relations {
                // Rows that go straight into a partition which the same message makes can't be counted.
                if makes && message.len() > 1 && usage.modes.contains(AccessModes::ALTER) {
                    let parent = catalog.relation(usage.relation.oid);
                    news.extend(parent.into_iter().flat_map(|parent| {
                        let columns = parent.columns.iter();
                        columns.map(|column| column_of(parent, column.number, &column.name))
                    }));
                }
                if usage.modes.contains(AccessModes::CREATE) {
                    news.extend(made(usage, facts, message.len() > 1, catalog));
                }
                if usage.modes.contains(AccessModes::ALTER) && &*facts.command == "ALTER TABLE" {
                    news.extend(
                        catalog
                            .relation(usage.relation.oid)
                            .and_then(|relation| added(relation)),
                    );
                }
            }
        }
        news.retain(|entry| !self.has(entry));
        news
    }

    fn has(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Column { relation, number, .. } => self.columns.contains(&(*relation, *number)) || self.is_full(),
            Entry::Made { table, filled } => self.pending.get(table).is_some_and(|known| *known || !filled),
            Entry::Found { table, .. } => !self.pending.contains_key(table),
            Entry::ColumnsFrom { relation, number } => {
                let known = self.columns_from.get(relation);
                known.is_some_and(|from| from <= number) || self.is_full()
            }
        }
    }

    fn add(&mut self, entry: Entry) {
        self.changes += 1;
        match entry {
            Entry::Column {
                relation,
                number,
                table,
                column,
            } => {
                self.columns.insert((relation, number));
                self.names.insert((table, column));
            }
            Entry::Made { table, filled } => {
                *self.pending.entry(table.clone()).or_default() |= filled;
                self.made.insert(table);
            }
            Entry::Found { table, relation } => {
                self.pending.remove(&table);
                self.columns_from.insert(relation, ColumnNumber(1));
            }
            Entry::ColumnsFrom { relation, number } => {
                let from = self.columns_from.entry(relation).or_insert(number);
                *from = number.min(*from);
            }
        }
    }
}

/// A table that a statement makes. By itself it makes nothing where there is one of that name.
fn made(usage: &RelationUse, facts: &StatementFacts, among_others: bool, catalog: &CatalogSnapshot) -> Option<Entry> {
    let table = &usage.relation.name;
    let is_there = catalog.relation_in(&table.schema, &table.name).is_some();
    // What is temporary holds what its session could read, and is gone with it.
    let counts = !table.schema.starts_with("pg_temp") && (among_others || !is_there);
    counts.then(|| Entry::Made {
        table: table.clone(),
        filled: facts.command.ends_with(" AS") || !facts.command.starts_with("CREATE TABLE"),
    })
}

/// The columns that an ALTER TABLE may add.
fn added(relation: &Relation) -> Option<Entry> {
    let last = relation.columns.iter().map(|column| column.number.0).max();
    (!relation.temporary).then(|| Entry::ColumnsFrom {
        relation: relation.oid,
        number: ColumnNumber(last.unwrap_or(0).saturating_add(1)),
    })
}

fn column_of(relation: &Relation, number: ColumnNumber, name: &Arc<str>) -> Entry {
    Entry::Column {
        relation: relation.oid,
        number,
        table: relation.reference().name,
        column: Arc::clone(name),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::sync::Arc;

    use durward_model::{ColumnNumber, DatabaseName, Oid, QualifiedName};

    use durward_sql::CatalogSnapshot;

    use super::{Entry, WriteBook};

    fn empty() -> CatalogSnapshot {
        CatalogSnapshot::new(0, Arc::default(), Arc::default())
    }

    fn email(relation: u32) -> Entry {
        Entry::Column {
            relation: Oid(relation),
            number: ColumnNumber(3),
            table: QualifiedName::new("public", "customers"),
            column: "email".into(),
        }
    }

    fn made(table: &str) -> Entry {
        Entry::Made {
            table: QualifiedName::new("public", table),
            filled: true,
        }
    }

    #[test]
    fn what_was_written_outlives_the_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = DatabaseName::from("shop");
        let (ada, eve): (Arc<str>, Arc<str>) = ("ada".into(), "eve".into());
        let book = WriteBook::open(&shop, folder.path()).expect("a book");
        book.of(&ada)
            .keep(&empty(), |_, _| vec![email(16_400), made("guesses")]);
        assert_eq!(book.of(&ada).now().changes(), 2, "all sessions of a person share one");
        assert_eq!(book.of(&eve).now().changes(), 0);

        let path = folder.path().join("own-writes/shop.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"{\"who\":\"ada\",\"en")
            .expect("half a line, of a process that was killed");
        let book = WriteBook::open(&shop, folder.path()).expect("the book again");
        book.of(&eve).keep(&empty(), |_, _| vec![email(16_400)]);

        let book = WriteBook::open(&shop, folder.path()).expect("the book again");
        let written = book.of(&ada).now().clone();
        assert!(written.columns.contains(&(Oid(16_400), ColumnNumber(3))));
        assert!(written.pending.contains_key(&QualifiedName::new("public", "guesses")));
        assert!(written.has(&email(16_400)) && !written.has(&email(16_500)));
        assert_eq!(book.of(&eve).now().changes(), 1, "the half line has spoilt no other");
    }
}
