use insta::assert_snapshot;

use crate::tests::all_facts;

#[test]
fn built_in_functions_with_effects() {
    assert_snapshot!(all_facts(&[
        "SELECT nextval('orders_id_seq')",
        "SELECT nextval('public.orders_id_seq'::regclass)",
        "SELECT nextval($1)",
        "SELECT setval('orders_id_seq', 5)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(5, '/tmp/x')",
        "SELECT set_config('role', 'postgres', false)",
        "SELECT set_config('search_path', '', false)",
        "SELECT set_config($1, 'x', false)",
        "SELECT query_to_xml('DELETE FROM products', true, true, '')",
        "SELECT query_to_xml($1, true, true, '')",
        "SELECT query_to_xml('DELETE FROM ' || 'products', true, true, '')",
        "SELECT table_to_xml('customers', true, true, '')",
        "SELECT database_to_xml(true, true, '')",
        "SELECT pg_terminate_backend(5)",
        "SELECT * FROM ts_stat('SELECT to_tsvector(token) FROM secrets')",
        "SELECT pg_sleep(5)",
        "SELECT app.add(1), app.search('x')",
        "SELECT app.dynamic('x')",
        "SELECT app.purge()",
        "SELECT app.customer_email(5)",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_advisory_lock(1)",
        "SELECT nextval(pg_get_serial_sequence('orders', 'id'))",
        "SELECT setval(pg_get_serial_sequence('orders', 'id'), coalesce(max(id), 1)) FROM orders",
        "SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)",
        "SELECT pg_reload_conf(), pg_rotate_logfile(), pg_stat_reset()",
    ]));
}

#[test]
fn relations_with_secrets() {
    assert_snapshot!(all_facts(&[
        "SELECT * FROM pg_authid",
        "SELECT rolname FROM pg_authid",
        "SELECT * FROM pg_roles",
        "SELECT * FROM pg_user",
        "SELECT * FROM pg_shadow",
        "SELECT usename FROM pg_shadow",
        "UPDATE pg_authid SET rolsuper = true WHERE rolname = 'x'",
        "UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'",
        "SELECT * FROM pg_hba_file_rules",
        "SELECT * FROM pg_user_mappings",
        "SELECT umoptions FROM pg_user_mapping",
        "SELECT subconninfo FROM pg_subscription",
        "SELECT a FROM pg_authid a",
        "SELECT row_to_json(a) FROM pg_authid a",
        "SELECT a.rolname, (a).rolpassword FROM pg_authid a",
        "DELETE FROM pg_proc WHERE proname = 'x'",
        "INSERT INTO pg_largeobject VALUES (1, 0, 'x')",
    ]));
}

#[test]
fn harmless_functions() {
    assert_snapshot!(all_facts(&[
        "SELECT crypt('x', gen_salt('bf'))",
        "SELECT lo_get(5)",
        "SELECT current_setting('x')",
        "SELECT app.add(a => 1, b => 2)",
        "SELECT app.concat_all(name) FROM customers",
        "SELECT * FROM customers TABLESAMPLE system (10)",
        "SELECT txid_current(), now(), random(), gen_random_uuid(), version()",
        "SELECT pg_size_pretty(pg_total_relation_size('customers'))",
        "SELECT has_table_privilege('customers', 'select')",
        "SELECT currval('orders_id_seq'), lastval()",
    ]));
}

#[test]
fn calls_stand_anywhere() {
    assert_snapshot!(all_facts(&[
        "SELECT public.pg_read_file('/etc/passwd')",
        r#"SELECT "pg_catalog"."pg_read_file"('/etc/passwd')"#,
        "SELECT pg_catalog.pg_read_file(filename => '/etc/passwd')",
        "SELECT (pg_stat_file('x')).size",
        "SELECT * FROM pg_ls_dir('.') d",
        "SELECT count(*) FROM customers WHERE pg_read_file('x') = name",
        "SELECT * FROM customers ORDER BY pg_read_file('x')",
        "WITH x AS (SELECT pg_read_file('x')) SELECT 1",
        "INSERT INTO products (name) VALUES (pg_read_file('x'))",
        "UPDATE products SET name = pg_read_file('x') WHERE id = 1",
        "SELECT CASE WHEN true THEN pg_read_file('x') END",
        "VALUES (lo_import('x'))",
    ]));
}

#[test]
fn names_that_move() {
    assert_snapshot!(all_facts(&[
        "DO $$ BEGIN SET search_path = hidden; DELETE FROM customers WHERE id = 1; END $$",
        "SELECT set_config('search_path', 'hidden', true), app.customer_email(1)",
        "SELECT set_config('search_path', 'hidden', true), app.add(1)",
        "DO $$ BEGIN ALTER TABLE customers RENAME TO x; DELETE FROM x; END $$",
    ]));
}

#[test]
fn rows_of_calls() {
    assert_snapshot!(all_facts(&[
        "SELECT app.noisy_equal(ROW('a', 'b'), ROW('c', 'd'))",
        "SELECT app.noisy_equal(ROW('a', 'b'), ROW('c', 'd')), generate_series(1, 100)",
        "SELECT app.noisy_equal(home, home) FROM customers",
        "SELECT (SELECT app.noisy_equal(ROW('a', 'b'), ROW('c', 'd')))",
        "DO $$ BEGIN PERFORM app.noisy_equal(ROW('a', 'b'), ROW('c', 'd')); END $$",
        "DO $$ BEGIN LOOP PERFORM app.noisy_equal(ROW('a', 'b'), ROW('c', 'd')); END LOOP; END $$",
    ]));
}
