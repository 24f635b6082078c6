//! Whether the catalog has changed, asked cheaply.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// The catalogs that analysis reads.
const CATALOGS: [&str; 19] = [
    "pg_aggregate",
    "pg_attrdef",
    "pg_attribute",
    "pg_cast",
    "pg_class",
    "pg_constraint",
    "pg_event_trigger",
    "pg_extension",
    "pg_index",
    "pg_inherits",
    "pg_language",
    "pg_namespace",
    "pg_operator",
    "pg_partitioned_table",
    "pg_policy",
    "pg_proc",
    "pg_rewrite",
    "pg_trigger",
    "pg_type",
];

/// Catalogs above this size are asked by their counters of changed rows, the others row by row.
const SCANNED_BYTES_MAX: u64 = 4 << 20;

/// A cheap query whose one text column changes whenever a catalog that analysis reads has changed.
///
/// A catalog of up to 4 MiB is scanned: the number of its rows and the sum of their `xmin` change with each committed
/// change, at once. Of a larger one (tens of thousands of tables) only the newest oid is seen at once; other changes show in
/// the server's statistics of it, which lag by up to some seconds and need `track_counts`.
pub fn change_probe_sql() -> &'static str {
    static SQL: LazyLock<String> = LazyLock::new(text);
    &SQL
}

fn text() -> String {
    let mut sql = String::from("SELECT pg_catalog.concat_ws(','");
    for catalog in CATALOGS {
        // Writing to a string can't fail.
        let written = write!(
            sql,
            ", CASE WHEN pg_catalog.pg_relation_size('pg_catalog.{catalog}'::pg_catalog.regclass) \
             OPERATOR(pg_catalog.<=) {SCANNED_BYTES_MAX} \
             THEN (SELECT pg_catalog.concat(pg_catalog.count(*), ':', \
             pg_catalog.sum(c.xmin::pg_catalog.text::pg_catalog.int8)) FROM pg_catalog.{catalog} c) \
             ELSE pg_catalog.concat({newest}, '/', \
             pg_catalog.pg_stat_get_tuples_inserted('pg_catalog.{catalog}'::pg_catalog.regclass), '/', \
             pg_catalog.pg_stat_get_tuples_updated('pg_catalog.{catalog}'::pg_catalog.regclass), '/', \
             pg_catalog.pg_stat_get_tuples_deleted('pg_catalog.{catalog}'::pg_catalog.regclass)) END",
            newest = newest(catalog)
        );
        debug_assert!(written.is_ok());
    }
    sql.push(')');
    sql
}

/// The newest oid of a catalog by its index, where it has oids of its own.
fn newest(catalog: &str) -> String {
    match catalog {
        "pg_aggregate" | "pg_attribute" | "pg_index" | "pg_inherits" | "pg_partitioned_table" => "''".to_owned(),
        _ => format!("(SELECT pg_catalog.max(c.oid) FROM pg_catalog.{catalog} c)"),
    }
}
