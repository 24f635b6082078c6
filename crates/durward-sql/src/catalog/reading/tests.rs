//! Updates against first readings of a real server: whatever changed, both give the same part.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

use durward_testkit::PostgresServer;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::*;

/// One change a line; `@` begins those that a transaction takes back in the end.
const CHANGES: &str = "
CREATE TABLE a (id integer PRIMARY KEY, name text DEFAULT 'x', CHECK (id > 0))
CREATE TABLE b (id integer REFERENCES a ON DELETE CASCADE, price numeric, total numeric GENERATED ALWAYS AS (price * 2) STORED)
CREATE VIEW v AS SELECT a.id, a.name, b.price FROM a JOIN b USING (id)
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql RETURN $1 + (SELECT count(*)::integer FROM a)
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'
CREATE TRIGGER on_a BEFORE UPDATE ON a FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION t()
CREATE RULE on_v AS ON INSERT TO v DO INSTEAD INSERT INTO a VALUES (NEW.id, NEW.name)
CREATE INDEX by_name ON a (lower(name)) WHERE id > 7
ALTER TABLE a RENAME COLUMN name TO title
ALTER TABLE a RENAME TO things
ALTER TABLE things ADD COLUMN price numeric
CREATE TABLE c (id integer, extra text)
CREATE VIEW w AS SELECT id, c.extra, price FROM b JOIN c USING (id)
ALTER TABLE c ADD COLUMN price text
ALTER FUNCTION f(integer) RENAME TO g
CREATE SCHEMA other
ALTER TABLE things SET SCHEMA other
ALTER SCHEMA other RENAME TO elsewhere
CREATE DOMAIN positive AS integer DEFAULT 7 CHECK (VALUE > 0)
ALTER TABLE b ADD COLUMN count positive
CREATE TYPE pair AS (x integer, y integer)
CREATE TYPE mood AS ENUM ('good', 'bad')
CREATE AGGREGATE most(integer) (SFUNC = int4larger, STYPE = integer)
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq)
CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT
CREATE TABLE parent (day date, n integer) PARTITION BY RANGE ((n + 1))
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (1) TO (9)
ALTER TABLE b ENABLE ROW LEVEL SECURITY
CREATE POLICY mine ON b USING (price > 1) WITH CHECK (EXISTS (SELECT FROM elsewhere.things))
CREATE EXTENSION pg_trgm
ALTER EXTENSION pg_trgm DROP FUNCTION show_trgm(text)
ALTER TABLE b DROP COLUMN price CASCADE
ALTER TABLE b DROP COLUMN id, DROP COLUMN count
CREATE MATERIALIZED VIEW m AS SELECT id FROM elsewhere.things
CREATE TEMPORARY TABLE passing (id integer)
DROP TRIGGER on_a ON elsewhere.things
CREATE OR REPLACE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'
ALTER TABLE elsewhere.things ALTER COLUMN title SET DEFAULT upper('y'), ALTER COLUMN title SET NOT NULL
DROP EXTENSION pg_trgm
DROP AGGREGATE most(integer)
DROP OPERATOR === (integer, integer)
DROP TABLE parent
@BEGIN
@CREATE TABLE fresh (id integer PRIMARY KEY, note text)
@ALTER TABLE fresh ADD CHECK (note <> '')
@CREATE INDEX ON fresh (note)
@SAVEPOINT s
@DROP TABLE elsewhere.things CASCADE
@ALTER TABLE fresh RENAME COLUMN note TO remark
@ROLLBACK TO s
@DROP TABLE fresh
@ROLLBACK
DROP SCHEMA elsewhere CASCADE
";

async fn connect(server: &PostgresServer) -> Client {
    let (client, connection) = tokio_postgres::connect(&server.access("shop").url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path = public").await.unwrap();
    client
}

async fn read(client: &Client, mut reading: CatalogReading) -> CatalogPart {
    while !reading.requests().is_empty() {
        let mut answers = Vec::new();
        for request in reading.requests() {
            let sql = request.sql();
            let messages = client.simple_query(&sql).await;
            let rows = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let rows = rows.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            answers.push(
                rows.map(|row| (0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect())
                    .collect(),
            );
        }
        reading.answer(&answers).unwrap();
    }
    reading.finish()
}

/// All that a part holds, in one order.
fn contents(part: &CatalogPart) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let mut note = |what: &str, line: String| {
        lines.insert(format!("{what} {line}"));
    };
    fn map<K: Debug + Eq + Hash, V: Debug, S: BuildHasher>(map: &HashMap<K, V, S>) -> Vec<String> {
        map.iter().map(|(key, value)| format!("{key:?} {value:?}")).collect()
    }
    fn lists<K: Debug + Eq + Hash, V: Debug>(map: &HashMap<K, Vec<V>>) -> Vec<String> {
        map.iter()
            .flat_map(|(key, values)| values.iter().map(move |value| format!("{key:?} {value:?}")))
            .collect()
    }
    for (what, found) in [
        ("namespace", map(&part.namespaces)),
        ("relation", map(&part.relations)),
        ("row type", map(&part.row_types)),
        ("child", lists(&part.children)),
        ("parent", lists(&part.parents)),
        ("type", map(&part.types)),
        ("function", map(&part.functions)),
        ("function name", lists(&part.function_names)),
        ("aggregate", map(&part.aggregates)),
        ("operator", map(&part.operators)),
        ("operator name", lists(&part.operator_names)),
        ("cast", map(&part.casts)),
        ("view", map(&part.views)),
        ("policy", lists(&part.row_policies)),
        ("partition key", map(&part.partition_keys)),
        ("extension", map(&part.extensions)),
    ] {
        found.into_iter().for_each(|line| note(what, line));
    }
    for (schema, names) in part.relation_names.iter().chain(part.type_names.iter()) {
        map(names)
            .into_iter()
            .for_each(|line| note("name", format!("{schema} {line}")));
    }
    for relation in part.relations.keys().chain(part.types.keys()) {
        for rule in part.rules.of(*relation) {
            note("rule", format!("{relation} {rule:?}"));
        }
        for trigger in part.triggers.of(*relation) {
            note("trigger", format!("{relation} {trigger:?}"));
        }
        for key in part
            .foreign_keys_to
            .of(*relation)
            .chain(part.foreign_keys_from.of(*relation))
        {
            note("foreign key", format!("{relation} {key:?}"));
        }
        for check in part.checks.of(*relation) {
            note("check", format!("{relation} {check:?}"));
        }
        for index in part.indexes.of(*relation) {
            note("index", format!("{relation} {index:?}"));
        }
        for default in part.defaults.of(*relation) {
            note("default", format!("{relation} {default:?}"));
        }
    }
    for query in CatalogQuery::ALL {
        note("rows", format!("{query:?} {:?}", part.rows(query)));
    }
    lines
}

fn check_same(updated: &CatalogPart, first: &CatalogPart, after: &str) {
    let (updated, first) = (contents(updated), contents(first));
    let missing: Vec<_> = first.difference(&updated).collect();
    let surplus: Vec<_> = updated.difference(&first).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "after {after}\nmissing: {missing:#?}\nsurplus: {surplus:#?}"
    );
}

#[tokio::test]
async fn an_update_gives_what_a_first_reading_gives() {
    let server = PostgresServer::start();
    server.create_database("shop", None);
    let client = connect(&server).await;
    // The temporary schema stands in the search path that definitions are printed under.
    client
        .batch_execute("CREATE TEMPORARY TABLE first (id integer)")
        .await
        .unwrap();
    let mut part = read(&client, CatalogReading::first(CatalogScope::Rest)).await;
    for line in CHANGES.lines().filter(|line| !line.is_empty()) {
        let (inside, change) = match line.strip_prefix('@') {
            Some(change) => (true, change),
            None => (false, line),
        };
        client
            .batch_execute(change)
            .await
            .unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let updated = read(&client, CatalogReading::update(&part)).await;
        check_same(
            &updated,
            &read(&client, CatalogReading::first(CatalogScope::Rest)).await,
            change,
        );
        // What is uncommitted may be taken back: updates begin with what was committed.
        if !inside || change == "ROLLBACK" {
            part = updated;
        }
    }
}

#[tokio::test]
async fn relations_of_the_open_transaction_are_known() {
    let server = PostgresServer::start();
    server.create_database("shop", None);
    let (client, other) = (connect(&server).await, connect(&server).await);
    client.batch_execute("CREATE TABLE old (id integer)").await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    let part = read(&other, CatalogReading::first(CatalogScope::Rest)).await;
    other.batch_execute("CREATE TABLE theirs (id integer)").await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE mine (id integer); ALTER TABLE old ADD COLUMN x text; ALTER TABLE theirs ADD COLUMN x text; \
             SAVEPOINT s; CREATE TABLE nested (id integer)",
        )
        .await
        .unwrap();
    let made_here = |part: &CatalogPart| -> BTreeSet<String> {
        part.made_here
            .iter()
            .filter_map(|oid| part.relations.get(oid))
            .filter(|relation| &*relation.schema == "public")
            .map(|relation| relation.name.to_string())
            .collect()
    };
    let own = read(&client, CatalogReading::update_of_session(&part, Some(part.since()))).await;
    assert_eq!(made_here(&own), ["mine".to_owned(), "nested".to_owned()].into());
    client.batch_execute("COMMIT").await.unwrap();
    let own = read(&client, CatalogReading::update_of_session(&part, Some(part.since()))).await;
    assert_eq!(made_here(&own), BTreeSet::new());
}

#[tokio::test]
async fn a_reading_neither_waits_for_locks_nor_keeps_any() {
    let server = PostgresServer::start();
    server.create_database("shop", None);
    let (client, other) = (connect(&server).await, connect(&server).await);
    client
        .batch_execute(
            "CREATE TABLE t (id integer DEFAULT 1 + 1, CHECK (id > 0)); CREATE TABLE u (id integer); \
             CREATE VIEW v AS SELECT t.id FROM t JOIN u USING (id); CREATE INDEX ON t ((id + 1)) WHERE id > 3; \
             CREATE FUNCTION f() RETURNS bigint LANGUAGE sql RETURN (SELECT count(*) FROM t)",
        )
        .await
        .unwrap();
    other
        .batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    client.batch_execute("SET lock_timeout = '1ms'; BEGIN").await.unwrap();
    let part = read(&client, CatalogReading::first(CatalogScope::Rest)).await;
    let held = client
        .query_one(
            "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(held.get::<_, i64>(0), 0, "a view's tables stay locked");
    assert_eq!(part.locked.len(), 3, "the table, the view, the function");
    let view = part.views.values().next().unwrap();
    assert!(view.is_locked());

    other.batch_execute("COMMIT").await.unwrap();
    let part = read(&client, CatalogReading::update(&part)).await;
    assert!(part.locked.is_empty());
    check_same(
        &part,
        &read(&client, CatalogReading::first(CatalogScope::Rest)).await,
        "COMMIT",
    );
}

#[tokio::test]
async fn a_session_knows_its_temporary_objects_whenever_others_read() {
    let server = PostgresServer::start();
    server.create_database("shop", None);
    let (client, other) = (connect(&server).await, connect(&server).await);
    let began = read(&other, CatalogReading::first(CatalogScope::Rest)).await.since();
    client
        .batch_execute("CREATE TEMPORARY TABLE draft (id integer)")
        .await
        .unwrap();
    other.batch_execute("CREATE TABLE kept (id integer)").await.unwrap();
    let shared = read(&other, CatalogReading::first(CatalogScope::Rest)).await;
    let own = read(&client, CatalogReading::update_of_session(&shared, Some(began))).await;
    let drafts: Vec<_> = own.relations.values().filter(|relation| relation.temporary).collect();
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].columns.len(), 1);
    check_same(
        &own,
        &read(&client, CatalogReading::first(CatalogScope::Rest)).await,
        "CREATE TEMPORARY TABLE",
    );
    // Further readings begin from the session's own.
    let mut base = own;
    for change in [
        "ALTER TABLE draft ADD COLUMN note text; CREATE VIEW pg_temp.shown AS SELECT note FROM draft",
        "DROP VIEW shown; ALTER TABLE kept RENAME TO left_over",
        "BEGIN; DROP TABLE draft; CREATE TEMPORARY TABLE draft (other integer); ROLLBACK",
        "DROP TABLE draft, left_over",
    ] {
        client.batch_execute(change).await.unwrap();
        other
            .batch_execute(
                "CREATE TABLE passing (id integer); DROP TABLE passing; CREATE TABLE IF NOT EXISTS stays (id integer)",
            )
            .await
            .unwrap();
        base = read(&client, CatalogReading::update_of_session(&base, None)).await;
        check_same(
            &base,
            &read(&client, CatalogReading::first(CatalogScope::Rest)).await,
            change,
        );
    }
}
