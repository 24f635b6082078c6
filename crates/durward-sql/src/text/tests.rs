use proptest::prelude::*;

use super::{agrees_with_server, normalize, thin};

#[test]
fn the_scanner_agrees_on_corner_cases() {
    for text in [
        "SELECT 1",
        "a.b.c::int, x[1:2], y := 3",
        "SELECT 'it''s', E'a\\'b', \"q\"\"q\", $$a$b$$, $t$ $$ $t$",
        "1+-2, a->>'b', a@>b, a--comment\n+b, a/*c/*d*/e*/+b",
        "1.5e-3 .5 5. 1e10",
        "$1+$2",
        "a<b>=c!=d<>e=>f",
        "B'01' x'ff' N'a'",
        "äöü = \"ß\"",
    ] {
        assert!(agrees_with_server(text), "{text}");
    }
}

#[test]
fn values_of_custom_settings_are_constants() {
    for (text, recorded) in [
        ("SET app.who TO alice", "SET app.who TO $1"),
        (
            "set local app.who = alice, bob; select a.b",
            "set local app.who = $1, $2; select a.b",
        ),
        (
            "SET SESSION app.tenant.who = \"Alice\"",
            "SET SESSION app.tenant.who = $1",
        ),
        ("SET app.who TO DEFAULT", "SET app.who TO DEFAULT"),
        ("SET search_path TO shop, public", "SET search_path TO shop, public"),
        ("SET ROLE alice", "SET ROLE alice"),
        ("UPDATE t SET a.b = c", "UPDATE t SET a.b = c"),
    ] {
        assert_eq!(normalize(text).as_deref(), Some(recorded));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text, our scanner cuts it as the server does or leaves it alone.
    #[test]
    fn the_scanner_agrees_or_gives_up(parts in proptest::collection::vec(part(), 0..24)) {
        let text = parts.concat();
        prop_assert!(agrees_with_server(&text), "{text:?}");
    }

    /// What is left out of a text is constants and commas alone, and places lead back to the whole text.
    #[test]
    fn thinning_keeps_places(count in 0_usize..3_000, tail in "[a-z]{0,5}") {
        let list = vec!["(1, 'x')"; count + 1].join(", ");
        let text = format!("INSERT INTO t VALUES {list} {tail}");
        let thinned = thin(&text).unwrap();
        prop_assert!(thinned.text.len() <= text.len());
        let end = thinned.place(thinned.text.len());
        prop_assert_eq!(end, text.len());
    }
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,6}",
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("$$".to_owned()),
        Just("$a$".to_owned()),
        Just("--".to_owned()),
        Just("/*".to_owned()),
        Just("*/".to_owned()),
        Just("\n".to_owned()),
        Just("E'".to_owned()),
        Just("\\".to_owned()),
        Just("1.".to_owned()),
        Just("..".to_owned()),
        Just("::".to_owned()),
        Just("U&'".to_owned()),
        Just("é".to_owned()),
    ]
}
