use super::facts;

/// What the server accepts passes; what overflows its stack is said to overflow here too, and nothing aborts.
#[test]
fn deep_nesting() {
    for depth in [50, 500, 2_000, 100_000] {
        let texts = [
            format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("SELECT 1{}", " + 1".repeat(depth)),
            format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth)),
            format!("SELECT {}true", "NOT ".repeat(depth)),
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(depth)),
            format!("{}1{}", "SELECT (".repeat(depth), ")".repeat(depth)),
            format!(
                "SELECT a FROM {}customers{}",
                "(SELECT * FROM ".repeat(depth),
                ") s".repeat(depth)
            ),
        ];
        for text in texts {
            let found = facts(&text);
            let head: String = text.chars().take(30).collect();
            let expected =
                found.starts_with("read select") || depth > 500 && (found == "TooComplex" || found == "TooLarge");
            assert!(
                expected,
                "{head} x {depth}: {}",
                found.chars().take(200).collect::<String>()
            );
        }
    }
}

#[test]
fn wide_texts() {
    let rows = vec!["(1, 'a', -2.5, NULL)"; 180_000].join(", ");
    let found = facts(&format!("INSERT INTO products VALUES {rows}"));
    assert!(found.starts_with("write insert, rows 180000, exact"), "{found}");
    let numbers = (1..1_500_000)
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let found = facts(&format!("SELECT name FROM customers WHERE id IN ({numbers})"));
    assert!(found.starts_with("read select, rows 0, exact"), "{found}");
    let literal = "x".repeat(10 << 20);
    let found = facts(&format!("INSERT INTO products VALUES (1, '{literal}', 2, NULL)"));
    assert!(found.starts_with("write insert, rows 1, exact"), "{found}");
    assert_eq!(facts(&"SELECT 1;".repeat(1_000_000)), "TooLarge");
}
