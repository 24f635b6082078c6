use insta::assert_snapshot;

use super::all_facts;

#[test]
fn columns_stars_and_joins() {
    assert_snapshot!(all_facts(&[
        "SELECT 1",
        "SELECT id, name AS who FROM customers WHERE phone = '1'",
        "SELECT * FROM customers c",
        "SELECT c.*, o.total FROM public.customers c JOIN orders o ON o.customer_id = c.id",
        "SELECT customers.name FROM customers, orders",
        "SELECT public.customers.name FROM public.customers",
        "SELECT * FROM customers NATURAL JOIN products",
        "SELECT id FROM customers JOIN products USING (id)",
        "SELECT j.name FROM (customers c JOIN orders o ON true) AS j (a, b, c, d, e, f, name)",
        "SELECT c FROM customers c",
        "SELECT row_to_json(c) FROM customers c",
        "SELECT count(*) FROM orders",
        "SELECT ctid, tableoid FROM orders",
        "SELECT name FROM customers ORDER BY phone LIMIT 3",
        "SELECT name AS phone FROM customers GROUP BY phone",
        "SELECT (home).city, (home).* FROM customers",
        "TABLE customers",
        "SELECT id FROM customers FOR UPDATE",
    ]));
}

#[test]
fn subqueries_with_and_sets() {
    assert_snapshot!(all_facts(&[
        "SELECT a FROM (SELECT email AS a FROM customers) s",
        "SELECT x.e FROM orders o, LATERAL (SELECT email AS e FROM customers WHERE id = o.customer_id) x",
        "WITH c AS (SELECT email FROM customers) SELECT email FROM c",
        "WITH customers AS (SELECT 1 AS id) SELECT id FROM customers",
        "WITH customers AS (SELECT 1 AS id) SELECT id FROM public.customers",
        "WITH RECURSIVE t(a, b) AS (SELECT id, email FROM customers UNION ALL SELECT b::int, a::text FROM t) SELECT a FROM t",
        "WITH d AS (DELETE FROM audit WHERE id = 1 RETURNING what) SELECT what FROM d",
        "SELECT name FROM customers UNION SELECT name FROM products ORDER BY name",
        "SELECT name FROM customers EXCEPT SELECT token FROM secrets",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT (SELECT email FROM customers LIMIT 1), EXISTS (SELECT token FROM secrets)",
        "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders)",
        "SELECT CASE WHEN phone IS NULL THEN name ELSE email END FROM customers",
        "SELECT email::text, upper(name), coalesce(phone, name), name || phone FROM customers",
        "SELECT sum(total) OVER (PARTITION BY customer_id ORDER BY placed_at) FROM orders",
    ]));
}

#[test]
fn functions_in_from() {
    assert_snapshot!(all_facts(&[
        "SELECT g FROM generate_series(1, 3) g",
        "SELECT name FROM app.search('a%')",
        "SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS u (a, n)",
        "SELECT key, value FROM customers c, jsonb_each(c.profile)",
        "SELECT x.a FROM json_to_recordset('[]') AS x (a int, b text)",
        "SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r (a, b)",
        "SELECT t.n FROM XMLTABLE('/r' PASSING ('<r/>'::xml) COLUMNS n int PATH 'n') t",
    ]));
}
