//! Texts without sense: analysis answers each, and never panics.

use proptest::prelude::*;

use super::{on_big_stack, shop};
use crate::fixture;

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "customers",
    "orders",
    "c",
    "o",
    "*",
    ",",
    "(",
    ")",
    "=",
    "1",
    "'x'",
    "AND",
    "OR",
    "NOT",
    "JOIN",
    "ON",
    "USING",
    "(id)",
    "LATERAL",
    "AS",
    "x",
    "id",
    "name",
    "email",
    "c.id",
    "o.customer_id",
    "customers.*",
    "INSERT INTO products",
    "VALUES (1)",
    "UPDATE products SET",
    "price = 1",
    "DELETE FROM products",
    "RETURNING *",
    "WITH",
    "RECURSIVE",
    "t AS",
    "UNION ALL",
    "ORDER BY 1",
    "GROUP BY",
    "LIMIT 1",
    "EXISTS",
    "IN",
    "IS NULL",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "::text",
    "::email_address",
    "app.add(1)",
    "rich_names",
    "events",
    "secrets",
    "inbox",
    "$1",
    "MERGE INTO products",
    "WHEN MATCHED THEN DELETE",
    "ON CONFLICT DO NOTHING",
    "TABLE",
    "CREATE",
    "VIEW v AS",
    "DROP",
    "EXPLAIN",
    "PREPARE p AS",
    "COPY",
    "TO STDOUT",
    "DO $$ BEGIN END $$",
    "FOR UPDATE",
    ";",
    "DEFAULT",
    "ARRAY[1]",
    "generate_series(1, 2)",
    "OVER ()",
    "count(*)",
    "BEGIN",
    "COMMIT",
    "SET search_path = public",
];

/// Statements that parse, to be broken.
const SEEDS: &[&str] = &[
    "SELECT c.name, sum(o.total) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name HAVING count(*) > 1",
    "WITH RECURSIVE t(n) AS (SELECT id FROM customers UNION SELECT n + 1 FROM t) SELECT * FROM t, LATERAL (SELECT n) u",
    "INSERT INTO customers (name, email) SELECT what, who FROM audit ON CONFLICT (email) DO UPDATE SET name = excluded.name RETURNING *",
    "MERGE INTO products p USING orders o ON o.id = p.id WHEN MATCHED AND o.total > 1 THEN UPDATE SET price = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (1)",
    "UPDATE products SET (name, price) = (SELECT name, 1 FROM customers) FROM orders WHERE owner_id IN (SELECT 1) RETURNING products.*",
    "SELECT who, loud FROM rich_names WHERE spent BETWEEN 1 AND 2 ORDER BY loud USING < FOR UPDATE",
    "SELECT * FROM events TABLESAMPLE bernoulli (1), ROWS FROM (generate_series(1, 2)) WITH ORDINALITY AS r (a, b)",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM customers'; RETURN 1; END $$",
    "ALTER TABLE customers ADD COLUMN x int DEFAULT app.add(1), DROP COLUMN phone",
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO bob WITH GRANT OPTION",
];

fn check(texts: &[String]) {
    let context = shop();
    on_big_stack(|| {
        for text in texts {
            // An error is an answer too.
            if let Ok(analysis) = fixture::analyze_here(text, &context) {
                for statement in &analysis.statements {
                    assert!(text.get(statement.span.clone()).is_some(), "{text}");
                }
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order(texts in proptest::collection::vec(
        proptest::collection::vec(proptest::sample::select(WORDS), 1..16), 200,
    )) {
        check(&texts.iter().map(|words| words.join(" ")).collect::<Vec<_>>());
    }

    #[test]
    fn statements_with_pieces_moved(edits in proptest::collection::vec(
        (proptest::sample::select(SEEDS), proptest::sample::select(SEEDS), 0_usize..20, 0_usize..20, 0_usize..8), 200,
    )) {
        let texts: Vec<String> = edits
            .into_iter()
            .map(|(one, other, from, to, length)| {
                let mut words: Vec<&str> = one.split(' ').collect();
                let piece: Vec<&str> = other.split(' ').skip(from).take(length).collect();
                let at = to.min(words.len());
                let end = (at + length / 2).min(words.len());
                words.splice(at..end, piece);
                words.join(" ")
            })
            .collect();
        check(&texts);
    }
}
