//! What a survey asks the server. Every text is closed but for names, which stand quoted, and numbers.
//!
//! No text runs code that a user of the database wrote: values are printed by the output functions of their types
//! (`format`), never by casts; relations are read with `ONLY` and proved by their `tableoid` not to be views in
//! disguise; row policies and views make a query fail instead of being run (`SURVEY_PARAMETERS`).

use std::fmt::Write as _;

use durward_model::Oid;

/// The rows of a table that are looked at.
///
/// Unit: rows. Reason: a kind of value that one row in fifty holds shows with a probability of 98 %.
pub(super) const ROWS_MAX: usize = 200;

/// The values of a table that are looked at, over all its columns.
///
/// Unit: values. Reason: a table of 1,600 columns shall not take 1,600 times the memory of one; at the longest value it
/// is 20 MB.
pub(super) const VALUES_MAX: usize = 20_000;

/// How much of a value is looked at.
///
/// Unit: characters. Reason: what a text holds shows at its beginning; a whole one may take a gigabyte.
pub(super) const VALUE_CHARACTERS_MAX: usize = 1_000;

/// How much of a JSON value is looked at.
///
/// Unit: characters. Reason: half a document can't be read, and most are shorter than this.
pub(super) const DOCUMENT_CHARACTERS_MAX: usize = 8_000;

/// The largest stored value that is printed before it is cut, where the type has no shorter way.
///
/// Unit: bytes, as stored. Reason: printing takes the server memory of its size, many times over where it is compressed.
const PRINTED_BYTES_MAX: usize = 256 * 1024;

/// The pages of a table that are read.
///
/// Unit: pages of 8 KiB. Reason: enough for the rows wanted from different places; a cold disk reads them in 0.4 seconds.
const PAGES_READ_MAX: u32 = 40;

/// How many more rows are let through than are wanted, since chance picks them.
const SPARE_ROWS: f64 = 1.5;

/// The values of a column that the statistics show.
///
/// Unit: values of each list. Reason: the server keeps 100 unless told otherwise.
const STATISTICS_VALUES_MAX: usize = 100;

/// Which server and which of its databases this is. An ordinary account may ask on every version unless it was taken
/// away; [`DATABASE_ALONE`] is asked then.
pub(super) const IDENTITY: &str = "SELECT s.system_identifier, d.oid FROM pg_catalog.pg_control_system() s, \
     pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";

/// Which database this is.
pub(super) const DATABASE_ALONE: &str =
    "SELECT 0, d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";

/// Makes servers that can (14.13, 15.8, 16.4, 17 and later) refuse a view or foreign table that was put in a table's
/// place.
pub(super) const NO_DISGUISE: &str = "SELECT pg_catalog.set_config(name, 'view, foreign-table', false) \
     FROM pg_catalog.pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";

/// A name as an identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as a string. `standard_conforming_strings` is on, on this connection.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn list(relations: &[Oid]) -> String {
    let numbers: Vec<String> = relations.iter().map(Oid::to_string).collect();
    numbers.join(", ")
}

/// Comments on columns, and on the relations themselves as column 0: relation, column, text.
pub(super) fn comments(relations: &[Oid]) -> String {
    format!(
        "SELECT d.objoid, d.objsubid, pg_catalog.left(d.description, {VALUE_CHARACTERS_MAX}) \
         FROM pg_catalog.pg_description d \
         WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid IN ({})",
        list(relations)
    )
}

/// How large relations are, and what was ever written to them: relation, rows (-1 unknown), pages, whether it holds
/// anything to read, whether all of it may be read, a number that moves with each write. Takes no lock.
pub(super) fn sizes(relations: &[Oid]) -> String {
    format!(
        "SELECT c.oid, c.reltuples::pg_catalog.int8, c.relpages, c.relispopulated, \
         pg_catalog.has_table_privilege(c.oid, 'SELECT'), \
         pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid) \
         FROM pg_catalog.pg_class c WHERE c.oid IN ({})",
        list(relations)
    )
}

/// What the statistics show of a relation: its oid under this name now, then a row for each column: name, share of
/// NULLs, number of distinct values (negative: as a share of the rows, with its sign turned), average width, common and
/// other values as JSON arrays, the shares of the common ones.
pub(super) fn statistics(schema: &str, name: &str) -> String {
    let values = |list: &str| {
        format!(
            "(SELECT pg_catalog.json_agg(pg_catalog.left(v, {VALUE_CHARACTERS_MAX})) FROM \
             (SELECT v FROM pg_catalog.unnest(s.{list}::pg_catalog.text::pg_catalog._text) v \
             LIMIT {STATISTICS_VALUES_MAX}) l)"
        )
    };
    format!(
        "SELECT pg_catalog.to_regclass({path})::pg_catalog.oid, s.attname, s.null_frac, s.n_distinct, s.avg_width, \
         {common}, {bounds}, pg_catalog.array_to_json(s.most_common_freqs) FROM pg_catalog.pg_stats s \
         WHERE s.schemaname = {schema} AND s.tablename = {name} AND NOT s.inherited",
        path = literal(&format!("{}.{}", identifier(schema), identifier(name))),
        common = values("most_common_vals"),
        bounds = values("histogram_bounds"),
        schema = literal(schema),
        name = literal(name),
    )
}

/// How a column is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printing {
    /// A built-in text type: cut without reading the rest of it.
    Text,
    /// A JSON type.
    Document,
    /// Any other.
    Any,
}

/// How large a relation is thought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Rows; negative where it was never counted.
    pub(super) rows: i64,
    /// Pages of 8 KiB.
    pub(super) pages: u32,
}

impl Size {
    /// The rows, where they were ever counted.
    pub(super) fn row_count(self) -> Option<u64> {
        u64::try_from(self.rows).ok()
    }
}

/// Some rows of a relation, from all over it: `tableoid`, then each column as text. `whole` reads from the beginning
/// instead.
pub(super) fn rows(schema: &str, name: &str, columns: &[(&str, Printing)], size: Size, whole: bool) -> String {
    let mut sql = String::from("SELECT t.tableoid");
    for (column, printing) in columns {
        let column = format!("t.{}", identifier(column));
        let expression = match printing {
            Printing::Text => format!("pg_catalog.left({column}::pg_catalog.text, {VALUE_CHARACTERS_MAX})"),
            Printing::Document => printed(&column, DOCUMENT_CHARACTERS_MAX),
            Printing::Any => printed(&column, VALUE_CHARACTERS_MAX),
        };
        sql.push_str(", ");
        sql.push_str(&expression);
    }
    let wanted = rows_wanted(columns.len());
    write!(sql, " FROM ONLY {}.{} t", identifier(schema), identifier(name)).ok();
    if let Some(chances) = (!whole).then(|| Chances::new(size, wanted)).flatten() {
        if chances.pages_percent < 100.0 {
            write!(sql, " TABLESAMPLE SYSTEM ({:.6})", chances.pages_percent).ok();
        }
        if chances.row < 1.0 {
            write!(sql, " WHERE pg_catalog.random() < {:.6}", chances.row).ok();
        }
    }
    write!(sql, " LIMIT {wanted}").ok();
    sql
}

fn printed(column: &str, characters_max: usize) -> String {
    format!(
        "CASE WHEN {column} IS NULL OR pg_catalog.pg_column_size({column}) > {PRINTED_BYTES_MAX} THEN NULL \
         ELSE pg_catalog.left(pg_catalog.format('%s', {column}), {characters_max}) END"
    )
}

/// How many rows are read of a table from which so many columns are wanted.
pub(super) fn rows_wanted(columns: usize) -> usize {
    (VALUES_MAX / columns.max(1)).clamp(1, ROWS_MAX)
}

/// With which chance a page is read, and a row of it taken.
struct Chances {
    pages_percent: f64,
    row: f64,
}

impl Chances {
    /// None where the relation is small or its size unknown: it is read from the beginning then.
    fn new(size: Size, wanted: usize) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate either way")]
        let (rows, wanted) = (size.rows as f64, wanted as f64 * SPARE_ROWS);
        if rows <= wanted || size.pages == 0 {
            return None;
        }
        let pages = f64::from(size.pages);
        let read = f64::from(size.pages.min(PAGES_READ_MAX));
        Some(Self {
            pages_percent: 100.0 * read / pages,
            row: wanted / (rows * read / pages),
        })
    }
}

#[cfg(test)]
mod tests {
    use durward_model::Oid;

    use super::{Printing, Size, comments, rows, rows_wanted, sizes, statistics};

    const COLUMNS: [(&str, Printing); 3] = [
        ("e\"mail", Printing::Text),
        ("data", Printing::Document),
        ("born", Printing::Any),
    ];

    #[test]
    fn texts() {
        let size = |rows, pages| Size { rows, pages };
        let of = |size, whole| rows("Shop's", "Custo\"mers", &COLUMNS, size, whole);
        let texts = [
            comments(&[Oid(16_385), Oid(16_390)]),
            sizes(&[Oid(16_385)]),
            statistics("Shop's", "Custo\"mers"),
            of(size(-1, 0), false),
            of(size(250, 3), false),
            of(size(4_000, 40), false),
            of(size(2_000_000_000, 40_000_000), false),
            of(size(2_000_000_000, 40_000_000), true),
        ];
        insta::assert_snapshot!(texts.join("\n\n"));
    }

    #[test]
    fn wide_tables_give_fewer_rows() {
        assert_eq!([0, 1, 100, 1_600].map(rows_wanted), [200, 200, 200, 12]);
    }
}
