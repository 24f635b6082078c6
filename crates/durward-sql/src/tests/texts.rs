use std::sync::Arc;

use super::{facts, shop};
use crate::{Analyzer, AnalyzerLimits};

#[tokio::test]
async fn texts_that_differ_in_constants_share_an_analysis() {
    let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
    let context = shop();
    assert!(
        analyzer
            .cached("SELECT name FROM customers WHERE id = 1", &context)
            .is_none()
    );
    let first = analyzer
        .analyze("SELECT name FROM customers WHERE id = 1", &context)
        .await
        .unwrap();
    for text in [
        "SELECT name FROM customers WHERE id = 2",
        "SELECT name  FROM customers\nWHERE id = 3 -- x",
    ] {
        let again = analyzer.cached(text, &context).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "{text}");
    }
    for text in [
        "SELECT name FROM customers WHERE id = '2'",
        "SELECT name FROM secrets WHERE id = 2",
        "SELECT name FROM hidden.customers WHERE id = 2",
        "SELECT name FROM customers WHERE id = 2; SELECT 1",
        "SELECT name FROM \"customers\" WHERE id = 2",
    ] {
        assert!(analyzer.cached(text, &context).is_none(), "{text}");
    }
}

#[tokio::test]
async fn facts_that_rest_on_constants_are_kept_for_the_exact_text() {
    let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
    let context = shop();
    analyzer
        .analyze("SELECT nextval('orders_id_seq')", &context)
        .await
        .unwrap();
    assert!(analyzer.cached("SELECT nextval('orders_id_seq')", &context).is_some());
    assert!(analyzer.cached("SELECT nextval('audit_id_seq')", &context).is_none());
}

#[tokio::test]
async fn normalized_texts_hold_no_constants() {
    let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
    let context = shop();
    for (text, normalized) in [
        (
            "SELECT  'a' , 1.5 /* 'x' */ FROM  customers WHERE id=$1",
            "SELECT $2 , $3 FROM customers WHERE id=$1",
        ),
        ("ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE bob PASSWORD $1"),
        ("SELECT E'it\\'s', $tag$ body $tag$, B'01';", "SELECT $1, $2, $3"),
        ("SELECT U&'d\\0061t'", "SELECT"),
    ] {
        let analysis = analyzer.analyze(text, &context).await.unwrap();
        assert_eq!(&*analysis.statements[0].normalized, normalized);
    }
}

#[test]
fn syntax_errors_read_as_the_servers() {
    assert_eq!(
        facts("SELEC 1"),
        "Syntax { message: \"syntax error at or near \\\"SELEC\\\"\", position: Some(1) }"
    );
    assert_eq!(
        facts("SELECT 'äöü' FORM x y"),
        "Syntax { message: \"syntax error at or near \\\"x\\\"\", position: Some(19) }"
    );
    assert_eq!(
        facts("SELECT ("),
        "Syntax { message: \"syntax error at end of input\", position: Some(9) }"
    );
    assert_eq!(
        facts("SELECT 'abc"),
        "Syntax { message: \"unterminated quoted string at or near \\\"'abc\\\"\", position: Some(8) }"
    );
}

/// What the cache says of a text is what a fresh look at it says, whatever was looked at before.
#[tokio::test]
async fn the_cache_never_lends_a_verdict() {
    let context = shop();
    for pair in [
        ["DELETE FROM products WHERE 1 = 2", "DELETE FROM products WHERE 1 = 1"],
        [
            "DELETE FROM products WHERE id = 1 OR 'a' = 'b'",
            "DELETE FROM products WHERE id = 1 OR 'a' = 'a'",
        ],
        [
            "DELETE FROM products WHERE name LIKE 'a'",
            "DELETE FROM products WHERE name LIKE '%'",
        ],
        [
            "DELETE FROM products WHERE name ~ 'a'",
            "DELETE FROM products WHERE name ~ ''",
        ],
        [
            "DELETE FROM products WHERE id = 1 OR 0",
            "DELETE FROM products WHERE id = 1 OR 1",
        ],
        [
            "UPDATE products SET price = 1 WHERE coalesce(false, 0 = 1)",
            "UPDATE products SET price = 1 WHERE coalesce(false, 1 = 1)",
        ],
        [
            "DELETE FROM products WHERE id = ANY ('{1}')",
            "DELETE FROM products WHERE id = ANY ('{1,2,3}')",
        ],
        [
            "DELETE FROM products WHERE 'no'::boolean",
            "DELETE FROM products WHERE 'yes'::boolean",
        ],
        ["SELECT nextval('orders_id_seq')", "SELECT nextval('audit_id_seq')"],
        [
            "SELECT set_config('work_mem', '1', true)",
            "SELECT set_config('search_path', 'hidden', true)",
        ],
        [
            "SELECT query_to_xml('SELECT 1', true, true, '')",
            "SELECT query_to_xml('DELETE FROM products', true, true, '')",
        ],
        [
            "SELECT table_to_xml('products', true, true, '')",
            "SELECT table_to_xml('secrets', true, true, '')",
        ],
        ["SELECT app.dynamic('products')", "SELECT app.dynamic('secrets')"],
        ["SELECT currval('orders_id_seq')", "SELECT currval('audit_id_seq')"],
        ["SELECT pg_sleep(0)", "SELECT pg_sleep(1000)"],
        ["SELECT generate_series(1, 2)", "SELECT generate_series(1, 2000000000)"],
        [
            "SELECT ts_stat('SELECT 1')",
            "SELECT ts_stat('SELECT token FROM secrets')",
        ],
        [
            "INSERT INTO products (id) SELECT 1 LIMIT 1",
            "INSERT INTO products (id) SELECT 1 LIMIT 5",
        ],
        ["SELECT pg_read_file('a')", "SELECT pg_read_file('/etc/passwd')"],
        ["SELECT lo_export(1, 'a')", "SELECT lo_export(2, 'b')"],
    ] {
        for [first, second] in [pair, [pair[1], pair[0]]] {
            let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
            let fresh = Analyzer::new(AnalyzerLimits::default()).unwrap();
            analyzer.analyze(first, &context).await.unwrap();
            let lent = analyzer.analyze(second, &context).await.unwrap();
            let own = fresh.analyze(second, &context).await.unwrap();
            assert_eq!(
                lent.statements[0].facts, own.statements[0].facts,
                "{first} then {second}"
            );
            assert_eq!(
                lent.statements[0].effects, own.statements[0].effects,
                "{first} then {second}"
            );
        }
    }
}
