use std::sync::OnceLock;

use durward_model::{HazardKind, RowBound, StatementFacts};

use crate::tests::on_big_stack;
use crate::{AnalysisContext, fixture};

/// The shop, with a boolean column in `customers`.
fn shop() -> &'static AnalysisContext {
    static SHOP: OnceLock<AnalysisContext> = OnceLock::new();
    SHOP.get_or_init(read_shop)
}

fn read_shop() -> AnalysisContext {
    let dump = include_str!("../../tests/fixtures/catalog.copy");
    let customers = dump
        .lines()
        .find(|line| line.starts_with("Relations\t") && line.contains("\tcustomers\t"))
        .and_then(|line| line.split('\t').nth(1))
        .unwrap();
    // The columns of a relation come one after another, as the query orders them.
    let columns = format!("Columns\t{customers}\t");
    let end = dump.rfind(&columns).unwrap();
    let end = end + dump[end..].find('\n').unwrap() + 1;
    let (before, behind) = dump.split_at(end);
    let dump = format!("{before}{columns}90\tactive\t16\tt\tf\t\t\t-1\n{behind}");
    fixture::context(&dump, &["pg_catalog", "public"]).unwrap()
}

fn check(statements: &[&str], expected: impl Fn(&StatementFacts) -> Option<String> + Sync) {
    let context = shop();
    let wrong = on_big_stack(|| {
        let mut wrong = Vec::new();
        for sql in statements {
            match fixture::analyze_here(sql, context) {
                Ok(analysis) => {
                    let facts = &analysis.statements[0].facts;
                    assert!(facts.opaque.is_empty(), "{sql}: {:?}", facts.opaque);
                    wrong.extend(expected(facts).map(|problem| format!("{sql}: {problem}")));
                }
                Err(error) => wrong.push(format!("{sql}: {error}")),
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn all_rows(conditions: &[&str]) {
    let statements: Vec<String> = conditions
        .iter()
        .map(|condition| format!("DELETE FROM customers WHERE {condition}"))
        .collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    check(&statements, |facts| {
        (!facts.has_hazard(HazardKind::TautologicalWhere)).then(|| "not noticed".to_owned())
    });
}

fn some_rows(statements: &[&str]) {
    check(statements, |facts| {
        facts
            .has_hazard(HazardKind::TautologicalWhere)
            .then(|| "taken for a tautology".to_owned())
    });
}

#[test]
fn evasion_constants_for_conditions() {
    all_rows(&[
        "true",
        "1 = 1",
        "'a' = 'a'",
        "NOT false",
        "NOT (1 = 2)",
        "1 IN (1)",
        "2 > 1",
        "1 BETWEEN 0 AND 2",
        "'t'::boolean",
        "CAST(1 AS boolean)",
        "coalesce(true, false)",
        "coalesce(NULL, true)",
        "CASE WHEN true THEN true ELSE false END",
        "CASE WHEN id > 5 THEN true ELSE true END",
        "CASE WHEN id = 7 THEN true WHEN id <> 7 THEN true END",
        "(SELECT true)",
        "EXISTS (SELECT 1)",
        "EXISTS (SELECT FROM orders)",
        "EXISTS (SELECT FROM orders WHERE total > 5)",
        "EXISTS (SELECT count(*) FROM orders WHERE customer_id = customers.id)",
        "NOT EXISTS (SELECT 1 WHERE false)",
        "random() < 2",
        "now() > '2000-01-01'",
        "current_user = 'alice'",
        "$1",
        "$1 = 1",
        "1 = ANY (ARRAY[1, 2])",
        "NULL IS NULL",
        "current_setting('x', true) IS NULL",
        "(1, 2) = (1, 2)",
        "true IS TRUE",
        "pg_sleep(0) IS NOT NULL",
    ]);
}

#[test]
fn evasion_a_row_compared_to_itself() {
    all_rows(&[
        "id = id",
        "customers.id = id",
        "id <= id",
        "id::text = id::text",
        "id + 0 = id",
        "lower(name) = lower(name)",
        "id IN (id)",
        "id = ANY (ARRAY[id])",
        "id BETWEEN id AND id",
        "id BETWEEN id - 1 AND id + 1",
        "id IS NOT DISTINCT FROM id",
        "name LIKE name",
        "(id, name) = (id, name)",
        "coalesce(id, 1) = coalesce(id, 1)",
        "(id = id) = true",
        "(id = id) IS TRUE",
        "NOT (id <> id)",
        "id IN (SELECT id FROM customers)",
        "id IN (SELECT c.id FROM customers c)",
        "id IN (SELECT id FROM customers WHERE true)",
        "id IN (SELECT c.id FROM customers c WHERE c.id = c.id)",
        "id = (SELECT c.id FROM customers c WHERE c.id = customers.id)",
        "EXISTS (SELECT FROM customers c WHERE c.id = customers.id)",
        "id IN (SELECT customers.id)",
        "id IN (SELECT id)",
        "customers IS NOT NULL",
        "customers.* IS NOT NULL",
    ]);
}

#[test]
fn evasion_alternatives_that_cover_all() {
    all_rows(&[
        "id = 5 OR true",
        "id = 5 OR 1 = 1",
        "phone IS NULL OR phone IS NOT NULL",
        "id > 0 OR id <= 0",
        "id < 10 OR id >= 10",
        "id <= 10 OR id >= 11",
        "total_of(id) OR NOT total_of(id)",
        "id = 5 OR id <> 5",
        "id <> 5 OR id <> 6",
        "NOT (id = 5 AND id = 6)",
        "NOT (id > 5 AND id < 5)",
        "active OR NOT active",
        "active OR active IS FALSE",
        "name = 'x' OR NOT name = 'x'",
        "name LIKE 'x' OR name NOT LIKE 'x'",
        "name < 'm' OR name >= 'm'",
        "id > $1 OR id <= $1",
        "$1 IS NULL OR name = $1",
        "id NOT IN (1) OR id = 1",
    ]);
}

#[test]
fn evasion_comparisons_that_always_hold() {
    all_rows(&[
        "id IS NOT NULL",
        "NOT (id IS NULL)",
        "ctid IS NOT NULL",
        "tableoid IS NOT NULL",
        "id IS DISTINCT FROM NULL",
        "name LIKE '%'",
        "name LIKE '%%'",
        "name ILIKE '%'",
        "name SIMILAR TO '%'",
        "name ~ '.*'",
        "name ~ ''",
        "name ~~ '%'",
        "length(name) >= 0",
        "length(name) > -1",
        "char_length(name) >= 0",
        "abs(id) >= 0",
        "id > 0",
        "id >= 1",
        "id > -100",
        "id <> 0",
        "id <> -1",
        "0 < id",
        "NOT (id <= 0)",
        "id < 2147483647",
        "id BETWEEN 0 AND 2147483647",
        "id * 0 = 0",
        "id % 1 = 0",
        "id & 0 = 0",
        "profile @> '{}'",
        "'{}' <@ profile",
        "starts_with(name, '')",
        "id IS NOT NULL AND name IS NOT NULL",
        "id <> ANY (ARRAY[1, 2])",
    ]);
}

#[test]
fn ordinary_conditions_depend_on_the_row() {
    some_rows(&[
        "DELETE FROM customers WHERE id = 5",
        "DELETE FROM customers WHERE id = $1",
        "DELETE FROM customers WHERE $1 = id",
        "DELETE FROM customers WHERE id IN (1, 2, 3)",
        "DELETE FROM customers WHERE id = ANY ($1)",
        "DELETE FROM customers WHERE id = ANY ($1::int[])",
        "DELETE FROM customers WHERE name = 'x'",
        "DELETE FROM customers WHERE name = 'x' AND 1 = 1",
        "DELETE FROM customers WHERE true AND name = 'x'",
        "DELETE FROM customers WHERE name LIKE 'a%'",
        "DELETE FROM customers WHERE name LIKE $1",
        "DELETE FROM customers WHERE lower(name) = 'x'",
        "DELETE FROM customers WHERE phone IS NULL",
        "DELETE FROM customers WHERE phone IS NOT NULL",
        "DELETE FROM customers WHERE active",
        "DELETE FROM customers WHERE NOT active",
        "DELETE FROM customers WHERE active = false",
        "DELETE FROM customers WHERE active IS NOT TRUE",
        "DELETE FROM customers WHERE false",
        "DELETE FROM customers WHERE NULL",
        "DELETE FROM customers WHERE name = NULL",
        "DELETE FROM customers WHERE id > 100",
        "DELETE FROM customers WHERE id BETWEEN 5 AND 10",
        "DELETE FROM customers WHERE id < 5 OR id > 100",
        "DELETE FROM customers WHERE name = 'a' OR name = 'b'",
        "DELETE FROM customers WHERE phone IS NULL OR phone = ''",
        "DELETE FROM customers WHERE name <> 'x' OR name IS NULL",
        "DELETE FROM customers WHERE profile @> '{\"a\": 1}'",
        "DELETE FROM customers WHERE profile ->> 'a' = 'b'",
        "DELETE FROM customers WHERE profile ? 'a'",
        "DELETE FROM customers WHERE nick = 'x'",
        "DELETE FROM customers WHERE (id, name) IN ((1, 'a'), (2, 'b'))",
        "DELETE FROM customers WHERE (id, name) = (1, 'a')",
        "DELETE FROM customers WHERE coalesce(phone, '') = ''",
        "DELETE FROM customers WHERE length(name) > 50",
        "DELETE FROM customers WHERE name = phone",
        "DELETE FROM customers WHERE starts_with(name, 'x')",
        "DELETE FROM orders WHERE placed_at < now()",
        "DELETE FROM orders WHERE placed_at < now() - interval '30 days'",
        "DELETE FROM orders WHERE placed_at >= '2024-01-01' AND placed_at < '2024-02-01'",
        "DELETE FROM orders WHERE date_trunc('day', placed_at) = current_date",
        "DELETE FROM orders WHERE state = $1",
        "DELETE FROM orders WHERE total > 100",
        "DELETE FROM orders o USING customers c WHERE o.customer_id = c.id AND c.name = 'x'",
        "DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE name = 'x')",
        "DELETE FROM orders WHERE customer_id NOT IN (SELECT id FROM customers)",
        "DELETE FROM orders WHERE EXISTS (SELECT FROM customers c WHERE c.id = orders.customer_id AND c.name = 'x')",
        "DELETE FROM orders WHERE NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = orders.id)",
        "DELETE FROM orders WHERE NOT EXISTS (SELECT 1 FROM order_items WHERE order_id = id)",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE total > 5)",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders LIMIT 10)",
        "DELETE FROM orders WHERE id = (SELECT max(id) FROM orders)",
        "DELETE FROM orders WHERE ctid IN (SELECT ctid FROM orders WHERE total = 0 LIMIT 10)",
        "DELETE FROM orders a USING orders b WHERE a.id < b.id AND a.customer_id = b.customer_id",
        "DELETE FROM orders a USING orders b WHERE a.id = b.id AND b.total > 5 AND a.total < 7",
        "DELETE FROM orders USING (VALUES (1), (2)) v(x) WHERE orders.id = v.x",
        "UPDATE orders SET total = v.t FROM (VALUES (1, 2)) v(id, t) WHERE orders.id = v.id",
        "UPDATE orders SET state = 'paid' FROM customers c WHERE c.id = customer_id",
        "UPDATE orders SET state = 'paid' WHERE CASE WHEN total > 5 THEN state = 'open' ELSE false END",
        "UPDATE customers SET name = 'x' WHERE id = 1 OR email = 'a@b.c'",
        "DELETE FROM customers WHERE CURRENT OF c",
        "MERGE INTO products p USING orders o ON o.id = p.id WHEN MATCHED THEN DELETE",
    ]);
}

#[test]
fn evasion_joins_of_a_table_with_itself() {
    check(
        &[
            "DELETE FROM orders a USING orders b WHERE a.id = b.id",
            "DELETE FROM orders a USING orders b WHERE a.id < b.id",
            "DELETE FROM orders a USING orders b WHERE a.id <= b.id AND a.total = b.total",
            "DELETE FROM orders a USING customers c WHERE c.name = 'x'",
            "UPDATE orders SET total = 0 FROM customers c WHERE c.id = 5",
            "UPDATE orders a SET total = 0 FROM orders b WHERE a.id = b.id",
            "MERGE INTO products p USING orders o ON true WHEN MATCHED THEN DELETE",
        ],
        |facts| (!facts.has_hazard(HazardKind::TautologicalWhere)).then(|| "not noticed".to_owned()),
    );
}

fn rows(statement: &str, expected: Option<u64>) {
    let expected = expected.map_or(RowBound::Unbounded, RowBound::AtMost);
    check(&[statement], |facts| {
        (facts.rows_written != expected).then(|| format!("{:?}, not {expected:?}", facts.rows_written))
    });
}

#[test]
fn unique_keys_bound_the_rows() {
    // A table without triggers, cascades or rules.
    rows("DELETE FROM products WHERE id = 1", Some(1));
    rows("DELETE FROM products WHERE id = $1", Some(1));
    rows("DELETE FROM products WHERE $1 = id AND name = 'x'", Some(1));
    rows("DELETE FROM products WHERE id IN (1, 2, 3)", Some(3));
    rows("DELETE FROM products WHERE id = ANY (ARRAY[1, 2])", Some(2));
    rows("DELETE FROM products WHERE id = ANY ('{1,2,3}')", Some(3));
    rows("DELETE FROM products WHERE id = 1 OR id = 2", Some(2));
    rows(
        "DELETE FROM products WHERE id = (SELECT max(id) FROM products)",
        Some(1),
    );
    rows(
        "DELETE FROM products WHERE id IN (SELECT id FROM orders LIMIT 2)",
        Some(2),
    );
    rows("DELETE FROM products WHERE ctid = '(0,1)'", Some(1));
    rows("DELETE FROM products WHERE false", Some(0));
    rows("DELETE FROM products WHERE CURRENT OF c", Some(1));
    rows("UPDATE products SET price = 1 WHERE id = 7 AND price > 3", Some(1));
    rows("UPDATE products p SET price = 1 WHERE p.id = 7", Some(1));
    rows(
        "UPDATE order_items SET price = 1 WHERE (order_id, line) = (1, 2)",
        Some(1),
    );
    rows(
        "UPDATE order_items SET price = 1 WHERE order_id = 1 AND line IN (1, 2)",
        Some(2),
    );
}

#[test]
fn what_is_no_key_bounds_nothing() {
    rows("DELETE FROM products WHERE name = 'x'", None);
    rows("DELETE FROM products WHERE id = ANY ($1)", None);
    rows("DELETE FROM products WHERE id > 5", None);
    rows("DELETE FROM products WHERE id = 1 OR name = 'x'", None);
    rows("DELETE FROM products WHERE NOT id = 1", None);
    rows("DELETE FROM products WHERE id = owner_id", None);
    rows("DELETE FROM products WHERE id = floor(random() * 10)", None);
    rows("DELETE FROM products WHERE id IS NOT DISTINCT FROM 1", None);
    rows("DELETE FROM products USING orders o WHERE products.id = o.id", None);
    rows("UPDATE order_items SET price = 1 WHERE order_id = 1", None);
    rows("DELETE FROM events WHERE id = 1", None);
}
