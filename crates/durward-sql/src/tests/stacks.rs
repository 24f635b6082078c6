use super::facts;

type Form = (fn(usize) -> String, usize);

/// Ways to nest, with a depth that must pass: near what a server with ordinary settings accepts (measured on 15), but
/// for scalar subqueries (it takes 2,109) and NOT (7,695), where the parser's library ends earlier.
const FORMS: [Form; 8] = [
    (
        |depth| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth)),
        9_900,
    ),
    (|depth| format!("SELECT 1{}", " + 1".repeat(depth)), 4_000),
    (
        |depth| format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth)),
        4_000,
    ),
    (|depth| format!("SELECT {}true", "NOT ".repeat(depth)), 4_900),
    (
        |depth| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(depth)),
        7_000,
    ),
    (
        |depth| format!("SELECT {}1{}", "(SELECT ".repeat(depth), ")".repeat(depth)),
        1_600,
    ),
    (
        |depth| {
            format!(
                "SELECT {}1{}",
                "CASE WHEN true THEN ".repeat(depth),
                " END".repeat(depth)
            )
        },
        1_900,
    ),
    (
        |depth| {
            format!(
                "SELECT id FROM {}products{}",
                "(SELECT * FROM ".repeat(depth),
                ") s".repeat(depth)
            )
        },
        1_600,
    ),
];

fn head(text: &str) -> String {
    text.chars().take(60).collect()
}

#[test]
fn what_the_server_accepts_passes() {
    for (form, depth) in FORMS {
        let text = form(depth);
        let found = facts(&text);
        assert!(
            found.starts_with("read select"),
            "{} x {depth}: {}",
            head(&text),
            head(&found)
        );
    }
}

/// What overflows the server's stack is said to overflow here too, and nothing aborts.
#[test]
fn what_is_too_deep_is_refused() {
    for (form, _) in FORMS {
        let text = form(100_000);
        let found = facts(&text);
        assert!(
            found == "TooComplex" || found == "TooLarge",
            "{}: {}",
            head(&text),
            head(&found)
        );
    }
}

#[test]
fn wide_texts() {
    let rows = vec!["(1, 'a', -2.5, NULL)"; 180_000].join(", ");
    let found = facts(&format!("INSERT INTO products VALUES {rows}"));
    assert!(
        found.starts_with("write insert, rows 180000, exact"),
        "{}",
        head(&found)
    );
    let numbers = (1..1_500_000)
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let found = facts(&format!("SELECT name FROM customers WHERE id IN ({numbers})"));
    assert!(found.starts_with("read select, rows 0, exact"), "{}", head(&found));
    let literal = "x".repeat(10 << 20);
    let found = facts(&format!("INSERT INTO products VALUES (1, '{literal}', 2, NULL)"));
    assert!(found.starts_with("write insert, rows 1, exact"), "{}", head(&found));
    assert_eq!(facts(&"SELECT 1;".repeat(1_000_000)), "TooLarge");
}

/// Each WITH query that reads the one before twice doubles what it shows: a kilobyte would fill any memory.
#[test]
fn columns_that_double_are_refused() {
    let doubled = (1..60).map(|level| {
        let before = level - 1;
        format!("c{level} AS (SELECT x.*, y.* FROM c{before} x, c{before} y)")
    });
    let queries: Vec<String> = std::iter::once("c0 AS (SELECT 1 AS a)".to_owned())
        .chain(doubled)
        .collect();
    let text = format!("WITH {} SELECT 1 FROM c59", queries.join(", "));
    assert_eq!(facts(&text), "TooComplex");
}
