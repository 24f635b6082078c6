//! The SQL form of masks that keep the shape.
//!
//! Digits among ordinary punctuation, which is most of phones, cards and codes, are masked as one number that `to_char` lays
//! back into the value's own pattern. All else goes character by character, over bytes: functions that take sets of
//! characters or patterns cost the server as much as a hash for each character of a value.

use super::{
    CARD_DIGITS_MAX, CARD_DIGITS_MIN, CARD_KEPT, DIGIT_TENTHS, FILL_BYTES, FILL_TENTHS, Keep, LETTER_TENTHS,
    MIXED_ROUNDS, NUMBER_DIGITS_MAX, PERMUTED_CHARACTERS_MAX, Shape,
};
use crate::form::digits::power_sql;
use crate::form::feistel::{permute_sql, round_tweak};
use crate::form::sql::{self, Steps, call, case, cast, join, op};
use crate::form::tag;

/// Punctuation that `to_char` copies as it is: it has no meaning in a template of numbers (manual, "Template Patterns for
/// Numeric Formatting").
const PLAIN: [&str; 6] = [" ", "-", "+", "(", ")", "/"];

/// What it copies between double quotes.
const QUOTED: &str = ".";

/// Columns: `p` what is kept before, `y` the rest, `b` its bytes, `w` whether there is more than ASCII; `d` without
/// ordinary punctuation, `u` whether that leaves digits alone; `c` the letters and digits, `n` how many letters; `k` how many
/// of `c` are hidden (the rest stays at its end), `f` whether they are filled, `s` whether `to_char` does it, `v` the number
/// that digits become.
pub(super) fn shape(shape: &Shape, block: &str, text: &str) -> String {
    let (before, rest) = country(shape.keep);
    let all = sql::bytes("m.x");
    let rest_bytes = match shape.keep {
        Keep::Nothing | Keep::LastFour => all.clone(),
        Keep::Country => sql::bytes(&format!("({rest})")),
    };
    let wide = op(&call("octet_length", &[&all]), "<>", &call("length", &["m.x"]));
    let empty = op("m.c", "=", "''");
    let result = case(
        &[
            ("m.w", &shape.foreign.sql("m.q", "m.x")),
            (&empty, "m.x"),
            ("m.s", &join(&["m.p", &call("to_char", &["m.v", &template()])])),
            ("m.f", &join(&["m.p", &fill()])),
        ],
        &join(&["m.p", &laid_back()]),
    );
    Steps::keyed(text, block)
        .with(&[("p", &before), ("y", &rest), ("b", &rest_bytes), ("w", &wide)])
        .with(&[("d", &without_punctuation())])
        .with(&[("u", &op(&call("ltrim", &["m.d", "'0123456789'"]), "=", "''"))])
        .with(&[("c", &content()), ("n", &letters())])
        .with(&[("k", &hidden(shape.keep))])
        .with(&[("f", &filled())])
        .with(&[("s", &is_laid_by_template()), ("v", &number())])
        .give_keyed(&result)
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

fn without_punctuation() -> String {
    let marks = PLAIN.into_iter().chain([QUOTED]);
    marks.fold("m.y".to_owned(), |text, mark| {
        call("replace", &[&text, &sql::literal(mark), "''"])
    })
}

fn content() -> String {
    let kept = call("regexp_replace", &["m.d", "'[^0-9A-Za-z]+'", "''", "'g'"]);
    case(&[("m.u", "m.d")], &kept)
}

fn letters() -> String {
    let kept = call("regexp_replace", &["m.d", "'[^A-Za-z]+'", "''", "'g'"]);
    case(&[("m.u", "0")], &call("length", &[&kept]))
}

/// How many letters and digits are hidden.
fn hidden(keep: Keep) -> String {
    let length = call("length", &["m.c"]);
    match keep {
        Keep::Nothing | Keep::Country => length,
        Keep::LastFour => {
            let is_card = format!(
                "(m.n OPERATOR(pg_catalog.=) 0 AND {} AND {})",
                op(&length, ">=", &CARD_DIGITS_MIN.to_string()),
                op(&length, "<=", &CARD_DIGITS_MAX.to_string())
            );
            case(&[(&is_card, &op(&length, "-", &CARD_KEPT.to_string()))], &length)
        }
    }
}

/// Whether digits alone are hidden, which are permuted as a number.
fn is_number() -> String {
    format!(
        "(m.n OPERATOR(pg_catalog.=) 0 AND {})",
        op("m.k", "<=", &NUMBER_DIGITS_MAX.to_string())
    )
}

/// Whether the letters and digits come from a hash.
fn filled() -> String {
    let long = op(&call("length", &["m.y"]), ">", &PERMUTED_CHARACTERS_MAX.to_string());
    let tenths = op(
        &op(&call("length", &["m.c"]), "*", &DIGIT_TENTHS.to_string()),
        "+",
        &op("m.n", "*", &(LETTER_TENTHS - DIGIT_TENTHS).to_string()),
    );
    case(
        &[(&long, "true"), (&is_number(), "false")],
        &op(&tenths, ">=", &FILL_TENTHS.to_string()),
    )
}

/// Whether all digits, hidden and kept, fit in one number and nothing but ordinary punctuation stands among them.
fn is_laid_by_template() -> String {
    let fits = op(&call("length", &["m.c"]), "<=", &NUMBER_DIGITS_MAX.to_string());
    format!("(m.u AND NOT m.w AND NOT m.f AND {fits} AND m.c OPERATOR(pg_catalog.<>) '')")
}

/// The pattern of `m.y` for `to_char`: each digit a place with leading zeros.
fn template() -> String {
    let places = ('1'..='9').fold("m.y".to_owned(), |text, digit| {
        call("replace", &[&text, &format!("'{digit}'"), "'0'"])
    });
    let quoted = call("replace", &[&places, &sql::literal(QUOTED), &format!("'\"{QUOTED}\"'")]);
    join(&["'FM'", &quoted])
}

/// The twin of `number`: an int8 of the digits hidden, and of those kept behind them where it has room.
fn number() -> String {
    let is_permuted = format!("({} AND NOT m.w AND NOT m.f AND {})", is_number(), op("m.k", ">", "0"));
    let kept = op(&call("length", &["m.c"]), "-", "m.k");
    let end = call("right", &["m.c", "m.e"]);
    let tweak = op(
        &op(
            &tag::DIGITS.to_string(),
            "+",
            &op(&cast("m.k", "int8"), "*", &(1_u64 << 32).to_string()),
        ),
        "+",
        &op(
            &op("m.i", "*", "256"),
            "+",
            &cast(&cast(&op("m.e", ">", "0"), "int4"), "int8"),
        ),
    );
    let end = case(&[(&op("m.e", ">", "0"), &cast(&end, "int8"))], "0");
    let low = op("m.k", "/", "2");
    let image = op(&op("m.v5", "*", "m.b"), "+", "m.v6");
    let steps = Steps::new(&[("q", "m.q"), ("c", "m.c"), ("k", "m.k"), ("e", &kept)])
        .with(&[
            ("x", &cast(&call("left", &["m.c", "m.k"]), "int8")),
            ("i", &end),
            ("b", &power_sql(&low)),
            ("a", &power_sql(&op("m.k", "-", &low))),
        ])
        .with(&[
            ("l", &op("m.x", "/", "m.b")),
            ("r", &op("m.x", "%", "m.b")),
            ("t", &tweak),
        ]);
    let with_end = op(&op(&image, "*", &power_sql("m.e")), "+", "m.i");
    let fits = op(&op("m.k", "+", "m.e"), "<=", &NUMBER_DIGITS_MAX.to_string());
    let number = permute_sql(steps).give(&case(&[(&fits, &with_end)], &image));
    case(&[(&is_permuted, &number)], "NULL")
}

/// `m.y` with its letters and digits replaced by their image.
fn laid_back() -> String {
    let kept = call("substr", &["m.c", &op("m.k", "+", "1")]);
    let fits = op(&call("length", &["m.c"]), "<=", &NUMBER_DIGITS_MAX.to_string());
    let padded = |width: &str| call("lpad", &[&cast("m.v", "text"), width, "'0'"]);
    let image = case(
        &[("m.v IS NULL", &mixed()), (&fits, &padded(&call("length", &["m.c"])))],
        &join(&[&padded("m.k"), &kept]),
    );
    let places = each("m.b", |code| {
        let percent = op(code, "=", "37");
        case(
            &[(&is_content(code), "'%s'"), (&percent, "'%%'")],
            &call("chr", &[code]),
        )
    });
    let letters = call("string_to_array", &["m.o", "NULL"]);
    let refilled = call("format", &[&places, &format!("VARIADIC {letters}")]);
    Steps::new(&[("o", &image), ("b", "m.b"), ("c", "m.c"), ("y", "m.y")])
        .give(&case(&[(&op("m.c", "=", "m.y"), "m.o")], &refilled))
}

/// The twin of `mixed`, of `m.c`.
fn mixed() -> String {
    let half = op(&op("m.k", "+", "1"), "/", "2");
    let tweak = op(&cast("m.k", "int8"), "+", &tag::MIXED.to_string());
    let mut steps = Steps::new(&[("q", "m.q"), ("x", &sql::bytes("m.c")), ("u", &half), ("t", &tweak)]).with(&[
        ("l", &call("substr", &["m.x", "1", "m.u"])),
        ("r", &call("substr", &["m.x", &op("m.u", "+", "1")])),
    ]);
    let (mut moved, mut other) = ("m.l".to_owned(), "m.r".to_owned());
    for round in 1..=MIXED_ROUNDS {
        let tweak = op("m.t", "+", &round_tweak(0, round).to_string());
        let (hash, name) = (format!("h{round}"), format!("v{round}"));
        steps = steps.with(&[(&hash, &sql::round("m.q", &tweak, &other))]);
        // An empty half would be NULL as an aggregate.
        let next = sql::bytes(&shifted(&moved, &format!("m.{hash}")));
        let next = case(&[(&op(&call("octet_length", &[&moved]), "=", "0"), &moved)], &next);
        steps = steps.with(&[(&name, &next)]);
        moved = other;
        other = format!("m.{name}");
    }
    let text = call("convert_from", &[&join(&["m.v5", "m.v6"]), "'UTF8'"]);
    steps.give(&text)
}

/// Each letter of some bytes moved by two bytes of a hash.
fn shifted(bytes: &str, hash: &str) -> String {
    let byte = |offset: &str| call("get_byte", &[hash, &op(&op("g.i", "*", "2"), "+", offset)]);
    let shift = op(&op(&byte("0"), "*", "256"), "+", &byte("1"));
    each(bytes, |code| {
        let (first, size) = alphabet(code);
        let place = op(&op(code, "-", &first), "+", &shift);
        call("chr", &[&op(&first, "+", &op(&place, "%", &size))])
    })
}

/// The twin of `fill`, of `m.y`.
fn fill() -> String {
    let place = op("g.i", "%", &FILL_BYTES.to_string());
    let filled = each("m.b", |code| {
        let (first, size) = alphabet(code);
        let drawn = op(&call("get_byte", &["m.h", &place]), "%", &size);
        let letter = call("chr", &[&op(&first, "+", &drawn)]);
        case(&[(&is_content(code), &letter)], &call("chr", &[code]))
    });
    Steps::new(&[("b", "m.b"), ("h", &sql::hash("m.q", "m.b"))]).give(&filled)
}

/// Whether a code is that of a letter or digit.
fn is_content(code: &str) -> String {
    let between = |first: u8, last: u8| {
        let (from, to) = (op(code, ">=", &first.to_string()), op(code, "<=", &last.to_string()));
        format!("({from} AND {to})")
    };
    let ranges = [between(b'0', b'9'), between(b'a', b'z'), between(b'A', b'Z')];
    format!("({})", ranges.join(" OR "))
}

/// The first letter's code and the size of the alphabet of a letter or digit.
fn alphabet(code: &str) -> (String, String) {
    let (digit, upper) = (op(code, "<", "58"), op(code, "<", "97"));
    let first = case(&[(&digit, "48"), (&upper, "65")], "97");
    (format!("({first})"), format!("({})", case(&[(&digit, "10")], "26")))
}

/// A text put together from what becomes of each byte, `c`, at its place `g.i`, from 0, in order. NULL for no bytes.
fn each(bytes: &str, letter: impl Fn(&str) -> String) -> String {
    let places = call(
        "generate_series",
        &["0", &op(&call("octet_length", &[bytes]), "-", "1")],
    );
    let letter = letter(&call("get_byte", &[bytes, "g.i"]));
    format!(
        "(SELECT {} FROM {places} AS g(i))",
        call("string_agg", &[&letter, "''"])
    )
}
