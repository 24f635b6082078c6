//! What a real server says that it needed, against our facts: result columns, columns that views depend on, locks taken.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{AccessModes, Certainty, ColumnNumber, StatementFacts};
use durward_sql::catalog::{CatalogPart, CatalogReading, CatalogScope, CatalogSnapshot, change_probe_sql};
use durward_sql::settings::PROBE_SQL;
use durward_sql::{AnalysisContext, Analyzer, AnalyzerLimits, SessionSettings};
use durward_testkit::PostgresServer;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

struct Shop {
    client: Client,
    analyzer: Analyzer,
    context: AnalysisContext,
    _server: PostgresServer,
}

async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let mut rows = Vec::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect());
        }
    }
    rows
}

fn borrowed(row: &[Option<String>]) -> Vec<Option<&str>> {
    row.iter().map(Option::as_deref).collect()
}

async fn part(client: &Client, mut reading: CatalogReading) -> CatalogPart {
    while !reading.requests().is_empty() {
        let mut answers = Vec::new();
        for request in reading.requests() {
            answers.push(rows(client, &request.sql()).await);
        }
        reading.answer(&answers).unwrap();
    }
    reading.finish()
}

async fn shop() -> Shop {
    let server = PostgresServer::start();
    let access = server.create_database("shop", None);
    server.execute("shop", include_str!("fixtures/shop.sql"));
    let (client, connection) = tokio_postgres::connect(&access.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let built_in = part(&client, CatalogReading::first(CatalogScope::BuiltIn)).await;
    let rest = part(&client, CatalogReading::first(CatalogScope::Rest)).await;
    let probe = rows(&client, PROBE_SQL).await;
    let context = AnalysisContext {
        catalog: Arc::new(CatalogSnapshot::new(1, Arc::new(built_in), Arc::new(rest))),
        settings: Arc::new(SessionSettings::from_row(&borrowed(&probe[0])).unwrap()),
        catalog_is_current: true,
    };
    let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
    Shop {
        client,
        analyzer,
        context,
        _server: server,
    }
}

impl Shop {
    async fn facts(&self, sql: &str) -> Arc<StatementFacts> {
        let analysis = self
            .analyzer
            .analyze(sql, &self.context)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(analysis.statements.len(), 1, "{sql}");
        Arc::clone(&analysis.statements[0].facts)
    }

    /// Names, and for columns that the server knows to be a table's own, the lineage.
    async fn check_output(&self, sql: &str) {
        let facts = self.facts(sql).await;
        let statement = self
            .client
            .prepare(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let theirs: Vec<&str> = statement.columns().iter().map(tokio_postgres::Column::name).collect();
        let ours: Vec<&str> = facts.output.iter().map(|column| &*column.name).collect();
        assert_eq!(ours, theirs, "{sql}");
        for (column, ours) in statement.columns().iter().zip(&facts.output) {
            let (Some(table), Some(number)) = (column.table_oid(), column.column_id()) else {
                continue;
            };
            // System columns say nothing of the data.
            if number < 0 {
                continue;
            }
            let relation = self.context.catalog.relation(durward_model::Oid(table)).unwrap();
            if relation.kind == durward_model::RelationKind::View && !relation.oid.is_built_in() {
                continue;
            }
            assert!(ours.unchanged, "{sql}: {} is {}.{number}", ours.name, relation.name);
            assert_eq!(
                ours.lineage,
                [(relation.reference(), ColumnNumber(number))],
                "{sql}: {}",
                ours.name
            );
        }
    }

    /// A view made of a query depends on each column that the query names: ours are the same.
    async fn check_columns(&self, sql: &str) {
        let facts = self.facts(sql).await;
        self.client
            .batch_execute("DROP VIEW IF EXISTS pg_temp.probe")
            .await
            .unwrap();
        let create = format!("CREATE TEMP VIEW probe AS SELECT 1 AS one WHERE EXISTS ({sql})");
        self.client
            .batch_execute(&create)
            .await
            .unwrap_or_else(|error| panic!("{create}: {error:?}"));
        let theirs: BTreeSet<String> = rows(
            &self.client,
            "SELECT DISTINCT c.relname || '.' || a.attname FROM pg_depend d \
             JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class = 'pg_temp.probe'::regclass \
             JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid \
             WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND c.relkind <> 'c' AND c.oid >= 16384 \
             AND c.oid <> 'pg_temp.probe'::regclass",
        )
        .await
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect();
        let ours: BTreeSet<String> = facts
            .relations
            .iter()
            // The server keeps no record of what depends on the catalog itself.
            .filter(|usage| usage.direct && !usage.relation.oid.is_built_in())
            .flat_map(|usage| {
                let read = usage.columns.iter().filter(|column| column.read);
                read.map(|column| format!("{}.{}", usage.relation.name.name, column.name))
            })
            .collect();
        if facts.certainty == Certainty::Exact {
            assert_eq!(ours, theirs, "{sql}");
        }
        assert!(ours.is_superset(&theirs), "{sql}: {ours:?} {theirs:?}");
    }

    /// Every table that the server locks to run a statement is in our facts, as written where it is locked so. The
    /// sequence behind an identity column is a part of the column.
    async fn check_locks(&self, sql: &str) {
        let facts = self.facts(sql).await;
        self.client.batch_execute("BEGIN").await.unwrap();
        self.client
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let locks = rows(
            &self.client,
            "SELECT DISTINCT n.nspname || '.' || c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE l.pid = pg_backend_pid() AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S') \
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i' AND c.relkind = 'S')",
        )
        .await;
        self.client.batch_execute("ROLLBACK").await.unwrap();
        for lock in locks {
            let (name, mode) = (lock[0].clone().unwrap(), lock[1].clone().unwrap());
            // Foreign keys lock the rows that they refer to, and nothing of them is seen.
            if mode == "RowShareLock" {
                continue;
            }
            let usage = facts
                .relations
                .iter()
                .find(|usage| usage.relation.name.to_string() == name);
            let Some(usage) = usage else {
                panic!("{sql}: {name} is locked ({mode}) and not in the facts")
            };
            if mode == "RowExclusiveLock" {
                assert!(
                    usage.modes.changes() || usage.modes.contains(AccessModes::LOCK),
                    "{sql}: {name} is written"
                );
            }
        }
    }
}

const QUERIES: &[&str] = &[
    "SELECT 1 AS a, 'x', now(), current_date, 1 + 1, NULL::int",
    "SELECT id, name AS who FROM customers WHERE phone = '1'",
    "SELECT * FROM customers c",
    "SELECT c.*, o.total FROM public.customers c JOIN orders o ON o.customer_id = c.id",
    "SELECT customers.name FROM customers, orders",
    "SELECT * FROM customers NATURAL JOIN products",
    "SELECT id FROM customers JOIN products USING (id)",
    "SELECT * FROM customers LEFT JOIN products USING (id, name)",
    "SELECT * FROM customers RIGHT JOIN products USING (id)",
    "SELECT * FROM customers FULL JOIN products USING (id)",
    "SELECT j.name FROM (customers c JOIN orders o ON true) AS j (a, b, c, d, e, f, name)",
    "SELECT name FROM customers ORDER BY phone LIMIT 3",
    "SELECT name AS phone FROM customers GROUP BY phone, name",
    "SELECT (home).city FROM customers",
    "SELECT a FROM (SELECT email AS a, phone FROM customers) s WHERE phone IS NULL",
    "SELECT x.e FROM orders o, LATERAL (SELECT email AS e FROM customers WHERE id = o.customer_id) x",
    "WITH c AS (SELECT email FROM customers) SELECT email FROM c",
    "WITH customers AS (SELECT 1 AS id) SELECT id FROM customers",
    "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
    "SELECT name FROM customers UNION SELECT name FROM products ORDER BY name",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT (SELECT email FROM customers LIMIT 1), EXISTS (SELECT 1 FROM orders), ARRAY(SELECT id FROM products)",
    "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE total > 5)",
    "SELECT CASE WHEN phone IS NULL THEN name ELSE email END, CASE id WHEN 1 THEN 2 END FROM customers",
    "SELECT email::text, upper(name), coalesce(phone, name), name || phone, nullif(phone, ''), greatest(1, id) FROM customers",
    "SELECT sum(total) OVER w, row_number() OVER (ORDER BY id) FROM orders WINDOW w AS (PARTITION BY customer_id)",
    "SELECT g FROM generate_series(1, 3) g",
    "SELECT * FROM generate_series(1, 3)",
    "SELECT name FROM app.search('a%')",
    "SELECT key, value FROM customers c, jsonb_each(c.profile)",
    "SELECT * FROM jsonb_array_elements('[1]') WITH ORDINALITY",
    "SELECT x.a FROM json_to_recordset('[]') AS x (a int, b text)",
    "SELECT count(*), count(DISTINCT state), max(total) FILTER (WHERE id > 3) FROM orders HAVING count(*) > 1",
    "SELECT id, name FROM customer_names",
    "SELECT * FROM rich",
    "SELECT who, loud FROM rich_names",
    "SELECT customer_id, total FROM totals",
    "SELECT payload FROM events WHERE at > '2025-01-01'",
    "SELECT name FROM people",
    "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "SELECT table_name FROM information_schema.tables",
    "SELECT tableoid::regclass, ctid FROM orders",
    "SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM order_items i WHERE i.order_id = o.id AND i.price > o.total)",
    "SELECT DISTINCT ON (customer_id) customer_id, total FROM orders ORDER BY customer_id, placed_at DESC",
    "SELECT a.name, b.name FROM customers a, customers b WHERE a.id < b.id",
    "SELECT state, count(*) FROM orders GROUP BY ROLLUP (state), 1",
    "SELECT xmlelement(name foo, name), ROW(id, name), ARRAY[id], (ARRAY[1, 2])[1] FROM customers",
    "SELECT p.name FROM products p TABLESAMPLE system (10)",
    "SELECT r.a FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r (a, b)",
    "SELECT app.add(1), app.customer_email(2)",
];

const CHANGES: &[&str] = &[
    "INSERT INTO products VALUES (1, 'a', 2, NULL)",
    "INSERT INTO products (id, name) VALUES (1, 'a'), (2, 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    "INSERT INTO customers (name, email) VALUES ('a', 'a@b')",
    "INSERT INTO audit DEFAULT VALUES",
    "INSERT INTO events VALUES (1, '2025-02-02', 'x')",
    "INSERT INTO inbox (what) VALUES ('x')",
    "INSERT INTO customer_names (name) VALUES ('x')",
    "UPDATE products SET price = price * 2 WHERE id = 1",
    "UPDATE products SET name = c.name FROM customers c WHERE c.id = owner_id",
    "UPDATE orders SET state = 'paid' WHERE id = 3",
    "DELETE FROM customers WHERE id = 1",
    "DELETE FROM orders USING customers c WHERE c.id = customer_id AND c.name = 'x'",
    "DELETE FROM ruled WHERE id = 1",
    "DELETE FROM events WHERE id = 1",
    "DELETE FROM customer_names WHERE id = 1",
    "WITH d AS (DELETE FROM audit WHERE id = 1 RETURNING what) INSERT INTO ruled (note) SELECT what FROM d",
    "MERGE INTO products p USING orders o ON o.id = p.id WHEN MATCHED THEN UPDATE SET price = o.total WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id)",
    "SELECT app.purge()",
    "SELECT name FROM customers FOR UPDATE",
    "SELECT app.customer_email(1)",
    "SELECT who FROM rich_names",
    "SELECT token FROM secrets",
    "SELECT nextval('orders_id_seq')",
    "TRUNCATE orders CASCADE",
    "REFRESH MATERIALIZED VIEW totals",
    "DO $$ BEGIN DELETE FROM audit WHERE id = 1; END $$",
    "CREATE TABLE copied AS SELECT * FROM products",
    "EXPLAIN ANALYZE DELETE FROM products WHERE id = 1",
];

#[tokio::test]
async fn the_server_agrees() {
    let shop = shop().await;
    for sql in QUERIES {
        shop.check_output(sql).await;
        shop.check_columns(sql).await;
    }
    for sql in CHANGES {
        shop.check_locks(sql).await;
    }
}

#[tokio::test]
async fn the_change_probe_sees_every_kind_of_change() {
    let shop = shop().await;
    let mut before = rows(&shop.client, change_probe_sql()).await;
    for change in [
        "CREATE TABLE probed (a int)",
        "ALTER TABLE probed RENAME COLUMN a TO b",
        "ALTER TABLE probed ALTER b SET DEFAULT 1",
        "CREATE VIEW probing AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW probing AS SELECT 2 AS a",
        "CREATE OR REPLACE FUNCTION app.add(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql RETURN a",
        "CREATE POLICY all_rows ON probed USING (true)",
        "ALTER TABLE probed ENABLE ROW LEVEL SECURITY",
        "CREATE TRIGGER t BEFORE INSERT ON probed FOR EACH ROW EXECUTE FUNCTION app.log_change()",
        "ALTER TABLE probed DISABLE TRIGGER t",
        "CREATE RULE r AS ON INSERT TO probed DO ALSO NOTHING",
        "ALTER SCHEMA hidden RENAME TO shown",
        "CREATE CAST (address AS positive) WITH INOUT",
        "CREATE TABLE child () INHERITS (probed)",
        "ALTER TABLE child NO INHERIT probed",
        "DROP TABLE child",
    ] {
        shop.client
            .batch_execute(change)
            .await
            .unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let after = rows(&shop.client, change_probe_sql()).await;
        assert_ne!(before, after, "{change}");
        before = after;
    }
    shop.client
        .batch_execute("INSERT INTO products VALUES (77, 'x', 1, NULL)")
        .await
        .unwrap();
    assert_eq!(before, rows(&shop.client, change_probe_sql()).await);
}
