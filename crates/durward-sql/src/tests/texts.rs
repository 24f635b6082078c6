use std::sync::Arc;

use super::{on_big_stack, shop};
use crate::{Analysis, AnalysisContext, AnalysisError, Analyzer, AnalyzerLimits, fixture};

fn here(text: &str, context: &AnalysisContext) -> Result<Analysis, AnalysisError> {
    on_big_stack(|| fixture::analyze_here(text, context))
}

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
    let check = |text: &str, message: &str, position: u32| match here(text, &shop()) {
        Err(AnalysisError::Syntax(words)) => assert_eq!((&*words.message, words.position), (message, Some(position))),
        other => panic!("{other:?}"),
    };
    check("SELEC 1", "syntax error at or near \"SELEC\"", 1);
    check("SELECT 'äöü' FORM x y", "syntax error at or near \"x\"", 19);
    check("SELECT (", "syntax error at end of input", 9);
    check("SELECT 'abc", "unterminated quoted string at or near \"'abc\"", 8);
}

/// The context of a session that has set `standard_conforming_strings` off.
fn escaping() -> AnalysisContext {
    let mut context = shop();
    let mut settings = (*context.settings).clone();
    settings.standard_conforming_strings = false;
    context.settings = Arc::new(settings);
    context
}

#[test]
fn strings_are_read_as_the_session_reads_them() {
    let tricky = r"SELECT 'it\'; DELETE FROM shop.orders; --'";
    let commands = |context: &AnalysisContext| here(tricky, context).map(|analysis| analysis.statements.len());
    assert_eq!(commands(&shop()), Ok(2));
    assert_eq!(commands(&escaping()), Ok(1));
    // A scan or parse after one that failed in the other reading is in the standard one.
    assert!(here(r"SELECT 'open\'", &escaping()).is_err());
    assert_eq!(commands(&shop()), Ok(2));
}

#[test]
fn bodies_that_may_be_read_otherwise_are_not_seen_through() {
    let text = r"DO $$ BEGIN PERFORM 'a\b'; END $$";
    let is_opaque = |context: &AnalysisContext| {
        let analysis = here(text, context).expect("it parses");
        !analysis.statements[0].facts.opaque.is_empty()
    };
    assert!(!is_opaque(&shop()));
    assert!(is_opaque(&escaping()));
    let mut back = shop();
    back.settings = Arc::new((*back.settings).clone().following(&escaping().settings));
    assert_ne!(back.settings.digest(), shop().settings.digest());
    assert!(is_opaque(&back));
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
