//! Ways round the gateway that were once thought of, each with what an operator sees: the hazard, or that the statement
//! is not understood. A line here is never taken out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use durward_model::{Certainty, HazardKind, StatementFacts};
use durward_sql::{AnalysisContext, fixture};

/// What must be seen.
enum Seen {
    Hazard(HazardKind),
    /// Marked as not understood, whatever else.
    Opaque,
    /// The relation is among those written.
    Written(&'static str),
    /// The relation is among those read.
    Read(&'static str),
}

use HazardKind as H;
use Seen::{Hazard, Opaque, Read, Written};

/// The facts of a text's statements, one after the other.
fn facts(sql: &str, context: &AnalysisContext) -> Vec<StatementFacts> {
    let analysis = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, || fixture::analyze_here(sql, context))
            .unwrap()
            .join()
            .unwrap()
    });
    let analysis = analysis.unwrap_or_else(|error| panic!("{sql}: {error}"));
    analysis
        .statements
        .iter()
        .map(|statement| (*statement.facts).clone())
        .collect()
}

fn check(attempts: &[(&str, Seen)]) {
    let context = fixture::context(include_str!("fixtures/catalog.copy"), &["pg_catalog", "public"]).unwrap();
    for (sql, seen) in attempts {
        let facts = facts(sql, &context);
        let found = facts.iter().any(|facts| match seen {
            Hazard(kind) => facts.has_hazard(*kind),
            Opaque => facts.certainty == Certainty::Opaque,
            Written(name) => facts
                .relations
                .iter()
                .any(|usage| usage.relation.name.to_string() == *name && usage.modes.changes()),
            Read(name) => facts
                .relations
                .iter()
                .any(|usage| usage.relation.name.to_string() == *name),
        });
        assert!(found, "{sql}\n{facts:#?}");
    }
}

#[test]
fn statements_hidden_in_other_statements() {
    check(&[
        (
            "WITH gone AS (DELETE FROM customers RETURNING *) SELECT count(*) FROM gone",
            Hazard(H::DeleteWithoutWhere),
        ),
        ("EXPLAIN ANALYZE DELETE FROM customers", Hazard(H::DeleteWithoutWhere)),
        (
            "EXPLAIN (ANALYZE, COSTS off) UPDATE customers SET name = ''",
            Hazard(H::UpdateWithoutWhere),
        ),
        (
            "EXPLAIN (ANALYZE true) DELETE FROM customers",
            Hazard(H::DeleteWithoutWhere),
        ),
        (
            "COPY (DELETE FROM customers RETURNING *) TO STDOUT",
            Hazard(H::DeleteWithoutWhere),
        ),
        ("PREPARE p AS DELETE FROM customers", Hazard(H::DeleteWithoutWhere)),
        (
            "CREATE TABLE c AS WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone",
            Hazard(H::DeleteWithoutWhere),
        ),
        (
            "DO $$ BEGIN DELETE FROM customers; END $$",
            Hazard(H::DeleteWithoutWhere),
        ),
        (
            "DO $x$ BEGIN BEGIN DELETE FROM customers; EXCEPTION WHEN others THEN NULL; END; END $x$",
            Hazard(H::DeleteWithoutWhere),
        ),
        (
            "DO $$ BEGIN RAISE EXCEPTION 'x'; EXCEPTION WHEN others THEN DROP TABLE customers; END $$",
            Hazard(H::Drop),
        ),
        ("DO 'BEGIN TRUNCATE customers; END'", Hazard(H::Truncate)),
        (
            "DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE customers'; END $$",
            Hazard(H::Drop),
        ),
        (
            "DO $$ DECLARE t text := 'customers'; BEGIN EXECUTE 'DROP TABLE ' || t; END $$",
            Hazard(H::DynamicSql),
        ),
        (
            "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'customers'); END $$",
            Opaque,
        ),
        ("DO $$ BEGIN EXECUTE concat('DROP TABLE ', 'customers'); END $$", Opaque),
        (
            "DO $$ BEGIN EXECUTE convert_from('\\x44524f50', 'UTF8'); END $$",
            Opaque,
        ),
        (
            "DO $$ DECLARE n int := (SELECT count(*) FROM secrets); BEGIN NULL; END $$",
            Read("public.secrets"),
        ),
        ("DO $$ BEGIN RETURN; DROP TABLE customers; END $$", Hazard(H::Drop)),
        (
            "DO $$ DECLARE select int; r record; BEGIN FOR r IN select * FROM secrets LOOP NULL; END LOOP; END $$",
            Read("public.secrets"),
        ),
        (
            "DO $$ DECLARE r refcursor; x int; BEGIN FETCH ABSOLUTE (SELECT 1 FROM secrets) FROM r INTO x; END $$",
            Read("public.secrets"),
        ),
        (
            "DO $$ DECLARE a int[]; BEGIN a[(SELECT id FROM secrets LIMIT 1)] := 1; END $$",
            Read("public.secrets"),
        ),
        ("DO $$ BEGIN NULL; END; DROP TABLE customers; $$", Opaque),
        (
            "DO $$ DECLARE c CURSOR FOR SELECT * FROM products FOR UPDATE; BEGIN FOR r IN c LOOP DELETE FROM products WHERE CURRENT OF c; END LOOP; END $$",
            Hazard(H::TautologicalWhere),
        ),
        ("DO LANGUAGE plperlu $$ system('id') $$", Hazard(H::UntrustedCode)),
        (
            "SELECT query_to_xml('DELETE FROM customers', true, true, '')",
            Hazard(H::DeleteWithoutWhere),
        ),
        (
            "SELECT query_to_xml(nulls => true, query => 'DROP TABLE customers', tableforest => true, targetns => '')",
            Hazard(H::Drop),
        ),
        (
            "SELECT query_to_xml(reverse('sremotsuc MORF ETELED'), true, true, '')",
            Hazard(H::DynamicSql),
        ),
        (
            "SELECT * FROM ts_stat('SELECT to_tsvector(token) FROM secrets')",
            Read("public.secrets"),
        ),
        ("SELECT table_to_xml('secrets', true, true, '')", Read("public.secrets")),
        (
            "SELECT table_to_xml(('sec' || 'rets')::regclass, true, true, '')",
            Read("public.secrets"),
        ),
        ("SELECT database_to_xml(true, true, '')", Opaque),
    ]);
}

#[test]
fn functions_that_reach_further_than_they_seem() {
    check(&[
        ("SELECT app.purge()", Written("hidden.customers")),
        ("EXPLAIN SELECT app.purge()", Written("hidden.customers")),
        ("CALL app.purge()", Written("hidden.customers")),
        ("SELECT app.dynamic('secrets')", Opaque),
        (
            "SELECT ROW('a', 'b')::address === ROW('a', 'b')::address",
            Written("public.audit"),
        ),
        ("INSERT INTO orders (customer_id) VALUES (1)", Written("public.audit")),
        ("COPY orders (customer_id) FROM STDIN", Written("public.audit")),
        ("DELETE FROM customers WHERE id = 1", Written("public.orders")),
        ("DELETE FROM ruled WHERE id = 1", Written("public.ruled")),
        ("TRUNCATE customers CASCADE", Written("public.order_items")),
        ("SELECT nextval('orders_id_seq')", Written("public.orders_id_seq")),
        (
            "SELECT pg_catalog.set_config('role', 'postgres', false)",
            Hazard(H::RoleChange),
        ),
        (
            "SELECT set_config(is_local => false, setting_name => 'ro' || 'le', new_value => 'x')",
            Opaque,
        ),
        ("SELECT set_config(lower('ROLE'), 'postgres', false)", Opaque),
        (
            "UPDATE pg_settings SET setting = 'replica' WHERE name = 'session_replication_role'",
            Opaque,
        ),
        (
            "SELECT set_config('session_replication_role', 'replica', false)",
            Hazard(H::SessionSetting),
        ),
        (
            "SELECT set_config('search_path', 'hidden', true), app.customer_email(1)",
            Opaque,
        ),
        (
            "DO $$ BEGIN SET search_path = hidden; DELETE FROM customers WHERE id = 1; END $$",
            Opaque,
        ),
        (
            "DO $$ BEGIN ALTER TABLE customers RENAME TO c; DELETE FROM c; END $$",
            Opaque,
        ),
        ("SELECT (pg_stat_file('postgresql.conf')).size", Hazard(H::ServerFile)),
        (
            "SELECT * FROM customers ORDER BY pg_read_file('/etc/passwd')",
            Hazard(H::ServerFile),
        ),
        (
            "SELECT 1 LIMIT length(pg_read_file('/etc/passwd'))",
            Hazard(H::ServerFile),
        ),
        (
            "SELECT count(*) FILTER (WHERE pg_read_file('x') = '') FROM customers",
            Hazard(H::ServerFile),
        ),
        ("SELECT sum(1) OVER (ORDER BY pg_read_file('x'))", Hazard(H::ServerFile)),
        (
            "SELECT 1 FROM customers GROUP BY pg_read_file('x')",
            Hazard(H::ServerFile),
        ),
        (
            "SELECT 1 FROM customers JOIN orders ON pg_read_file('x') = ''",
            Hazard(H::ServerFile),
        ),
        (
            "SELECT * FROM ROWS FROM (pg_ls_dir('.'), generate_series(1, 2)) AS f(a, b)",
            Hazard(H::ServerFile),
        ),
        (
            "INSERT INTO products (name) VALUES ('x') RETURNING pg_read_file('x')",
            Hazard(H::ServerFile),
        ),
        (
            "INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = pg_read_file('x')",
            Hazard(H::ServerFile),
        ),
        ("EXECUTE p(pg_read_file('x'))", Hazard(H::ServerFile)),
        (
            "CREATE TABLE t (a text DEFAULT pg_read_file('x'))",
            Hazard(H::ServerFile),
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON customers (pg_read_file(name))",
            Hazard(H::ServerFile),
        ),
        ("SELECT lo_export(1, '/tmp/x')", Hazard(H::LargeObject)),
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
            Hazard(H::OtherSessions),
        ),
        ("SELECT (a).rolpassword FROM pg_authid a", Hazard(H::CredentialRead)),
        ("SELECT row_to_json(a) FROM pg_authid a", Hazard(H::CredentialRead)),
        ("SELECT passwd FROM pg_shadow", Hazard(H::CredentialRead)),
        ("TABLE pg_user_mapping", Hazard(H::CredentialRead)),
        (
            "UPDATE pg_authid SET rolsuper = true WHERE rolname = current_user",
            Hazard(H::PrivilegeChange),
        ),
        (
            "INSERT INTO pg_auth_members VALUES (1, 10, 16384, 10, true)",
            Hazard(H::PrivilegeChange),
        ),
        ("DELETE FROM pg_trigger WHERE tgname = 'x'", Hazard(H::Configuration)),
    ]);
}

#[test]
fn ddl_that_is_not_what_its_first_words_say() {
    check(&[
        (
            "ALTER TABLE products ADD COLUMN a int, DROP COLUMN name",
            Hazard(H::DataLoss),
        ),
        ("ALTER TABLE IF EXISTS ONLY products DROP name", Hazard(H::DataLoss)),
        ("ALTER TABLE products ALTER name TYPE varchar(1)", Hazard(H::DataLoss)),
        (
            "ALTER TABLE products ALTER name TYPE text USING NULL",
            Hazard(H::DataLoss),
        ),
        (
            "ALTER TABLE products ADD COLUMN a uuid DEFAULT gen_random_uuid()",
            Hazard(H::TableRewrite),
        ),
        ("ALTER TABLE events DETACH PARTITION events_2025", Hazard(H::DataLoss)),
        ("ALTER TABLE orders DISABLE TRIGGER USER", Hazard(H::ProtectionRemoved)),
        (
            "ALTER TABLE orders ENABLE REPLICA TRIGGER orders_log",
            Hazard(H::ProtectionRemoved),
        ),
        (
            "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY",
            Hazard(H::ProtectionRemoved),
        ),
        ("ALTER TABLE products OWNER TO alice", Hazard(H::PrivilegeChange)),
        ("ALTER TABLE products SET UNLOGGED", Hazard(H::DataLoss)),
        (
            "CREATE OR REPLACE FUNCTION app.log_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            Hazard(H::PlantedCode),
        ),
        (
            "CREATE OR REPLACE VIEW customer_names AS SELECT id, name FROM hidden.customers",
            Hazard(H::PlantedCode),
        ),
        (
            "CREATE SCHEMA s CREATE TRIGGER t BEFORE INSERT ON public.products EXECUTE FUNCTION app.log_change()",
            Hazard(H::PlantedCode),
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc.so.6', 'system'",
            Hazard(H::UntrustedCode),
        ),
        (
            "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'",
            Hazard(H::UntrustedCode),
        ),
        ("ALTER FUNCTION app.purge() SET role = postgres", Hazard(H::PlantedCode)),
        (
            "ALTER ROLE alice SET session_replication_role = replica",
            Hazard(H::Configuration),
        ),
        ("ALTER DATABASE d SET log_statement = none", Hazard(H::Configuration)),
        ("DROP SCHEMA app CASCADE", Hazard(H::Drop)),
        ("DROP OWNED BY alice", Hazard(H::Drop)),
        ("REFRESH MATERIALIZED VIEW totals WITH NO DATA", Hazard(H::DataLoss)),
        ("VACUUM (FULL) products", Hazard(H::TableRewrite)),
        ("VACUUM (FULL 1) products", Hazard(H::TableRewrite)),
        ("LOCK products", Hazard(H::TableLock)),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET ROLE postgres",
            Hazard(H::RoleChange),
        ),
        ("SET LOCAL session_authorization = 'postgres'", Hazard(H::RoleChange)),
        ("SET \"role\" TO 'postgres'", Hazard(H::RoleChange)),
        ("SET ROLE NONE", Hazard(H::RoleChange)),
        ("ALTER TABLE customers RENAME TO c", Hazard(H::DataLoss)),
        ("ALTER TABLE orders ALTER id DROP DEFAULT", Hazard(H::ProtectionRemoved)),
        ("SET backslash_quote = on", Hazard(H::SessionSetting)),
        ("COPY products FROM PROGRAM 'id'", Hazard(H::ServerProgram)),
        ("COPY products TO '/tmp/x'", Hazard(H::ServerFile)),
    ]);
}

#[test]
fn harmless_things_stay_harmless() {
    let context = fixture::context(include_str!("fixtures/catalog.copy"), &["pg_catalog", "public"]).unwrap();
    for sql in [
        "SELECT now(), random(), version(), current_database(), pg_backend_pid(), txid_current()",
        "SELECT pg_size_pretty(pg_database_size(current_database()))",
        "SELECT set_config('search_path', '', false)",
        "SELECT set_config('app.tenant', '7', true)",
        "SET statement_timeout = '5s'",
        "SET application_name = 'psql'",
        "SET standard_conforming_strings = on",
        "RESET ROLE",
        "RESET ALL",
        "SHOW ALL",
        "DISCARD ALL",
        "SELECT rolname, rolsuper FROM pg_roles",
        "SELECT * FROM pg_user",
        "SELECT rolname FROM pg_authid",
        "SELECT app.add(1, 2), app.customer_email(3)",
        "SELECT * FROM app.search('x')",
        "SELECT digest('x', 'sha256'), crypt('x', gen_salt('bf'))",
        "SELECT upper(name) || lower(email) FROM customers WHERE nick = 'x'",
        "SELECT * FROM generate_series(1, 1000)",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'x') THEN RAISE NOTICE 'none'; END IF; END $$",
        "DO $$ DECLARE r record; n int := 0; BEGIN FOR r IN SELECT id FROM customers LOOP n := n + r.id; END LOOP; END $$",
        "CREATE TEMP TABLE t AS SELECT id FROM customers",
        "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); DELETE FROM t; TRUNCATE t; DROP TABLE t",
        "ALTER TABLE products ADD COLUMN note text",
        "ALTER TABLE products ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        "CREATE INDEX CONCURRENTLY i ON products (name)",
        "CREATE TABLE n (id serial PRIMARY KEY, c int REFERENCES customers, t text DEFAULT 'x' CHECK (t <> ''))",
        "CREATE VIEW v AS SELECT id FROM customers",
        "COMMENT ON TABLE products IS 'x'",
        "EXPLAIN DELETE FROM products",
        "COPY products TO STDOUT",
        "DECLARE c CURSOR FOR SELECT * FROM products",
        "LISTEN x",
        "BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT",
    ] {
        for facts in facts(sql, &context) {
            assert!(facts.hazards.is_empty(), "{sql}: {:?}", facts.hazards);
            assert!(facts.opaque.is_empty(), "{sql}: {:?}", facts.opaque);
        }
    }
}
