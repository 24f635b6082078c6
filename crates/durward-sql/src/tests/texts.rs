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

/// A scale for the person at work; no limit is asserted.
#[tokio::test]
#[ignore = "a bench for the person at work"]
async fn bench_cached() {
    let analyzer = Analyzer::new(AnalyzerLimits::default()).unwrap();
    let context = shop();
    let text = "SELECT name FROM customers WHERE id = 12345;";
    analyzer.analyze(text, &context).await.unwrap();
    let start = std::time::Instant::now();
    for _ in 0..1_000_000 {
        std::hint::black_box(analyzer.cached(std::hint::black_box(text), &context).unwrap());
    }
    eprintln!("{:?} each", start.elapsed() / 1_000_000);
}
