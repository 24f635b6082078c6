//! The SQL form of masks that keep the shape.

use super::{
    CARD_DIGITS_MAX, CARD_DIGITS_MIN, CARD_KEPT, DIGIT_TENTHS, FILL_TENTHS, Keep, LETTER_TENTHS, MIXED_ROUNDS,
    NUMBER_DIGITS_MAX, PERMUTED_CHARACTERS_MAX, Shape,
};
use crate::form::feistel::{permute_sql, round_tweak};
use crate::form::key::SqlKey;
use crate::form::sql::{self, Steps, call, case, cast, join, op};
use crate::form::tag;

const ALPHABETS: &str = "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'";
const FIRSTS: &str = "'AAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaa0000000000'";
const DIGITS: &str = "'0123456789'";
const POWERS: &str = "'1000000000000000000'";

/// A power of ten, up to the eighteenth, of an int4.
pub(in crate::form) fn power_sql(exponent: &str) -> String {
    cast(&call("substr", &[POWERS, "1", &op(exponent, "+", "1")]), "int8")
}

/// Columns: `p` what is kept before, `y` the rest, `w` whether there is more than ASCII, `c` the letters and digits of
/// `y`, `n` the letters
/// alone, `e` those kept at its end, `d` those to hide, `f` whether they are filled, `o` what else replaces them.
pub(super) fn shape(shape: &Shape, key: &SqlKey, text: &str) -> String {
    let wide = op(
        &call("octet_length", &[&sql::bytes("m.x")]),
        "<>",
        &call("length", &["m.x"]),
    );
    let (before, rest) = country(shape.keep);
    let content = call("regexp_replace", &["m.y", "'[^0-9A-Za-z]'", "''", "'g'"]);
    let hidden = call(
        "left",
        &["m.c", &op(&call("length", &["m.c"]), "-", &call("length", &["m.e"]))],
    );
    let empty = op("m.c", "=", "''");
    let other = case(
        &[
            (&format!("(m.w OR m.f OR {empty})"), "NULL"),
            (&is_number(), &join(&[&number(key), "m.e"])),
        ],
        &mixed(key),
    );
    let result = case(
        &[
            ("m.w", &shape.foreign.sql(key, "m.x")),
            (&empty, "m.x"),
            ("m.f", &join(&["m.p", &fill(key)])),
            (&op("m.c", "=", "m.y"), &join(&["m.p", "m.o"])),
        ],
        &join(&["m.p", &refill()]),
    );
    let steps = Steps::of(text)
        .with(&[("p", &before), ("y", &rest), ("w", &wide)])
        .with(&[("c", &content)])
        .with(&[("n", &call("translate", &["m.c", DIGITS, "''"]))])
        .with(&[("e", &end(shape.keep))])
        .with(&[("d", &hidden)])
        .with(&[("f", &filled())])
        .with(&[("o", &other)]);
    steps.give(&result)
}

fn country(keep: Keep) -> (String, String) {
    match keep {
        Keep::Nothing | Keep::LastFour => ("''".to_owned(), "m.x".to_owned()),
        Keep::Country => {
            let country = op("m.x", "~", "'^[A-Za-z]{2}'");
            (
                case(&[(&country, &call("left", &["m.x", "2"]))], "''"),
                case(&[(&country, &call("substr", &["m.x", "3"]))], "m.x"),
            )
        }
    }
}

fn end(keep: Keep) -> String {
    match keep {
        Keep::Nothing | Keep::Country => "''".to_owned(),
        Keep::LastFour => {
            let length = call("length", &["m.c"]);
            let is_card = format!(
                "(m.n OPERATOR(pg_catalog.=) '' AND {} AND {})",
                op(&length, ">=", &CARD_DIGITS_MIN.to_string()),
                op(&length, "<=", &CARD_DIGITS_MAX.to_string())
            );
            let kept = call("right", &["m.c", &CARD_KEPT.to_string()]);
            case(&[(&is_card, &kept)], "''")
        }
    }
}

/// Whether `m.d` is permuted as a number. (A pattern with bounds would cost more than the permutation.)
fn is_number() -> String {
    format!(
        "(m.n OPERATOR(pg_catalog.=) '' AND {})",
        op(&call("length", &["m.d"]), "<=", &NUMBER_DIGITS_MAX.to_string())
    )
}

/// Whether the letters and digits come from a hash.
fn filled() -> String {
    let long = op(&call("length", &["m.y"]), ">", &PERMUTED_CHARACTERS_MAX.to_string());
    let tenths = op(
        &op(&call("length", &["m.c"]), "*", &DIGIT_TENTHS.to_string()),
        "+",
        &op(
            &call("length", &["m.n"]),
            "*",
            &(LETTER_TENTHS - DIGIT_TENTHS).to_string(),
        ),
    );
    case(
        &[(&long, "true"), (&is_number(), "false")],
        &op(&tenths, ">=", &FILL_TENTHS.to_string()),
    )
}

/// The twin of `number`, of `m.d` with `m.e` behind it.
fn number(key: &SqlKey) -> String {
    let kept = case(
        &[(&op("m.e", "=", "''"), "0")],
        &op(&op(&cast("m.e", "int8"), "*", "256"), "+", "1"),
    );
    let half = op(&op(&call("length", &["m.d"]), "+", "1"), "/", "2");
    let length = op(&cast("m.k", "int8"), "*", &(1_u64 << 32).to_string());
    let tweak = op(&op(&tag::DIGITS.to_string(), "+", &length), "+", "m.e");
    let low = op("m.k", "-", "m.u");
    // A single digit has no right half.
    let right = join(&["'0'", &call("substr", &["m.x", &op("m.u", "+", "1")])]);
    let steps = Steps::new(&[
        ("x", "m.d"),
        ("e", &kept),
        ("k", &call("length", &["m.d"])),
        ("u", &half),
    ])
    .with(&[
        ("l", &cast(&call("left", &["m.x", "m.u"]), "int8")),
        ("a", &power_sql("m.u")),
        ("r", &cast(&right, "int8")),
        ("b", &power_sql(&low)),
        ("t", &tweak),
    ]);
    permute_sql(key, steps).give(&join(&[
        &call("lpad", &[&cast("m.v5", "text"), "m.u", "'0'"]),
        &call("lpad", &[&cast("m.v6", "text"), &low, "'0'"]),
    ]))
}

/// The twin of `mixed`, of `m.d`.
fn mixed(key: &SqlKey) -> String {
    let half = op(&op(&call("length", &["m.x"]), "+", "1"), "/", "2");
    let mut steps = Steps::of("m.d")
        .with(&[("s", &call("translate", &["m.x", ALPHABETS, FIRSTS])), ("u", &half)])
        .with(&[
            ("l", &call("left", &["m.x", "m.u"])),
            ("r", &call("substr", &["m.x", &op("m.u", "+", "1")])),
        ]);
    let (mut moved, mut other) = ("m.l".to_owned(), "m.r".to_owned());
    for round in 1..=MIXED_ROUNDS {
        let tweak = round_tweak(tag::MIXED, round).to_string();
        let stream = sql::round(key, &tweak, &sql::bytes(&join(&["m.s", &other])));
        let (hash, name) = (format!("h{round}"), format!("v{round}"));
        steps = steps.with(&[(&hash, &stream)]);
        // An empty half would be NULL as an aggregate.
        let next = case(
            &[(&op(&moved, "=", "''"), "''")],
            &shifted(&moved, &format!("m.{hash}")),
        );
        steps = steps.with(&[(&name, &next)]);
        moved = other;
        other = format!("m.{name}");
    }
    steps.give(&join(&["m.v5", "m.v6"]))
}

/// Each letter of a text moved by two bytes of a hash.
fn shifted(text: &str, hash: &str) -> String {
    let byte = |offset: &str| {
        let place = op(&op(&cast("g.i", "int4"), "*", "2"), "-", offset);
        call("get_byte", &[hash, &place])
    };
    let shift = op(&op(&byte("2"), "*", "256"), "+", &byte("1"));
    let (first, size) = alphabet();
    let place = op(&op(&call("ascii", &["g.c"]), "-", &first), "+", &shift);
    let letter = call("chr", &[&op(&first, "+", &op(&place, "%", &size))]);
    each(text, &letter)
}

/// The twin of `fill`, of `m.y`.
fn fill(key: &SqlKey) -> String {
    let place = op(&op(&cast("g.i", "int4"), "-", "1"), "%", "32");
    let (first, size) = alphabet();
    let letter = call(
        "chr",
        &[&op(&first, "+", &op(&call("get_byte", &["m.h", &place]), "%", &size))],
    );
    let filled = case(&[(&is_content(), &letter)], "g.c");
    Steps::new(&[("y", "m.y"), ("h", &sql::mac(key, &sql::bytes("m.y")))]).give(&each("m.y", &filled))
}

/// `m.y` with its letters and digits replaced by those of `m.o`: the number of such before a place says which.
fn refill() -> String {
    let letters = call("unnest", &[&call("string_to_array", &["m.y", "NULL"])]);
    let flagged = format!(
        "(SELECT g.c, {} AS b FROM {letters} WITH ORDINALITY AS g(c, i) OFFSET 0) AS f",
        is_content()
    );
    let counted = format!(
        "(SELECT f.c, f.b, pg_catalog.count(CASE WHEN f.b THEN 1 END) OVER (ROWS UNBOUNDED PRECEDING) AS n FROM {flagged})"
    );
    let letter = call("substr", &["m.o", &cast("w.n", "int4"), "1"]);
    let letter = case(&[("w.b", &letter)], "w.c");
    format!("(SELECT {} FROM {counted} AS w)", call("string_agg", &[&letter, "''"]))
}

fn is_content() -> String {
    op(&call("strpos", &[ALPHABETS, "g.c"]), ">", "0")
}

/// The first letter's code and the size of the alphabet of `g.c`.
fn alphabet() -> (String, String) {
    let code = call("ascii", &["g.c"]);
    let (digit, upper) = (op(&code, "<", "58"), op(&code, "<", "97"));
    (
        case_number(&[(&digit, "48"), (&upper, "65")], "97"),
        case_number(&[(&digit, "10")], "26"),
    )
}

fn case_number(branches: &[(&str, &str)], otherwise: &str) -> String {
    format!("({})", case(branches, otherwise))
}

/// A text put together from what becomes of each character `g.c` at its place `g.i`, from 1.
fn each(text: &str, letter: &str) -> String {
    let letters = call("unnest", &[&call("string_to_array", &[text, "NULL"])]);
    format!(
        "(SELECT {} FROM {letters} WITH ORDINALITY AS g(c, i))",
        call("string_agg", &[letter, "''"])
    )
}
