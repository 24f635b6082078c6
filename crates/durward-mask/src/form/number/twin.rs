//! The SQL forms of masks of numbers.

use super::coarse::{KEPT_MAX, PLACE_DROPPED};
use super::{Bucket, Digits, FLOAT8, Integer};
use crate::form::digits::power_sql;
use crate::form::feistel::{first_bits_sql, int8, permute_sql};
use crate::form::sql::{self, Steps, call, case, cast, join, op};
use crate::form::tag;

/// The twin of `mask_integer`: an int8.
pub(in crate::form) fn integer_sql(block: &str, kind: Integer, argument: &str) -> String {
    // A literal's minus sign would be an operator.
    let least = cast(&format!("'{}'", kind.least), "int8");
    let is_least = op("m.x", "=", &least);
    let magnitude = case(&[(&is_least, "0")], &call("abs", &["m.x"]));
    let image = permuted(Some(kind));
    Steps::keyed(&cast(argument, "int8"), block)
        .with(&[("n", &magnitude), ("g", &op("m.x", "<", "0")), ("s", "0")])
        .with(&[("k", &call("length", &[&cast("m.n", "text")]))])
        .with(&[("y", &image)])
        .give_keyed(&case(&[(&is_least, "m.x"), ("m.g", &op("0", "-", "m.y"))], "m.y"))
}

/// The twin of `Bucket::integer`: a numeric.
pub(in crate::form) fn coarse_integer_sql(block: &str, bucket: Bucket, argument: &str) -> String {
    let places = match bucket {
        Bucket::Lead => op("1", "-", &call("length", &[&cast(&call("abs", &["m.x"]), "text")])),
        Bucket::Place => format!("(-{PLACE_DROPPED})"),
    };
    Steps::keyed(&cast(argument, "numeric"), block).give_keyed(&call("trunc", &["m.x", &places]))
}

/// The twin of `mask_float8` and `mask_float4`: a numeric.
pub(in crate::form) fn float_sql(block: &str, kind: Digits, bucket: Option<Bucket>, argument: &str) -> String {
    let least = if kind == FLOAT8 { "'1e-290'" } else { "'1e-30'" };
    let magnitude = call("abs", &[&cast("m.x", "float8")]);
    let is_small = op(&magnitude, "<", &cast(least, "float8"));
    let number = format!("({})", case(&[(&is_small, "0")], &cast("m.x", "numeric")));
    Steps::of(argument).give(&decimal_sql(block, kind, bucket, &number))
}

/// The twin of `Decimal::image`: a numeric.
pub(in crate::form) fn decimal_sql(block: &str, kind: Digits, bucket: Option<Bucket>, argument: &str) -> String {
    let no_number = "m.d IS NULL";
    let plain = cast(&call("trim_scale", &[&call("abs", &["m.x"])]), "text");
    let digits = call("ltrim", &[&call("translate", &["m.t", "'.'", "''"]), "'0'"]);
    let digits = case(&[(no_number, "'0'")], &digits);
    let digits_or_zero = case(&[(&op("m.u", "=", "''"), "'0'")], "m.u");
    let few = op("m.k", "<=", &kind.permuted_max.to_string());
    let short = case(&[(&few, &cast("m.z", "int8"))], "NULL");
    let image = case(
        &[(&few, &call("lpad", &[&cast(&permuted(None), "text"), "m.k", "'0'"]))],
        &call("rpad", &[&cast(&filled(kind), "text"), "m.k", "'0'"]),
    );
    let padded = case(
        &[(&op("m.k", ">", "m.s"), "m.y")],
        &call("lpad", &["m.y", &op("m.s", "+", "1"), "'0'"]),
    );
    let whole = op(&call("length", &["m.p"]), "-", "m.s");
    let text = join(&[
        &format!("({})", case(&[("m.g", "'-'")], "''")),
        &call("left", &["m.p", &whole]),
        "'.'",
        &call("substr", &["m.p", &op(&whole, "+", "1")]),
        &call("repeat", &["'0'", &op("m.d", "-", "m.s")]),
    ]);
    let steps = Steps::keyed(&cast(argument, "numeric"), block)
        .with(&[
            ("d", &call("scale", &["m.x"])),
            ("s", &call("min_scale", &["m.x"])),
            ("g", &op("m.x", "<", "0")),
            ("t", &plain),
        ])
        .with(&[("u", &digits)])
        .with(&[("z", &digits_or_zero)])
        .with(&[("k", &call("length", &["m.z"]))]);
    if let Some(bucket) = bucket {
        return steps.give_keyed(&case(&[(no_number, "m.x")], &coarse(bucket, kind)));
    }
    steps
        .with(&[("n", &short)])
        .with(&[("y", &image)])
        .with(&[("p", &padded)])
        .give_keyed(&case(&[(no_number, "m.x")], &cast(&text, "numeric")))
}

/// The twin of `permuted` and of the top of integers: of `m.n` with `m.k` digits, `m.s` places and the sign `m.g`.
fn permuted(kind: Option<Integer>) -> String {
    let low = power_sql("m.h");
    let high_digits = op("m.k", "-", "m.h");
    let first = case(
        &[(
            "(m.k OPERATOR(pg_catalog.=) 1 AND m.s OPERATOR(pg_catalog.=) 0 AND NOT m.g)",
            "0",
        )],
        &power_sql(&op(&high_digits, "-", "1")),
    );
    let rest = op("m.n", "%", "m.w");
    let ends_rest = op(
        &op(&op(&op(&rest, "/", "10"), "*", "9"), "+", &op(&rest, "%", "10")),
        "-",
        "1",
    );
    let columns = [
        ("l", op(&op("m.n", "/", "m.w"), "-", "m.f")),
        ("a", op(&power_sql(&high_digits), "-", "m.f")),
        ("r", case(&[("m.e", &ends_rest)], &rest)),
        ("b", case(&[("m.e", &op(&op("m.w", "/", "10"), "*", "9"))], "m.w")),
    ];
    let ends_image = op(
        &op(&op(&op("m.v6", "/", "9"), "*", "10"), "+", &op("m.v6", "%", "9")),
        "+",
        "1",
    );
    let image = op(
        &op(&op("m.v5", "+", "m.f"), "*", "m.w"),
        "+",
        &format!("({})", case(&[("m.e", &ends_image)], "m.v6")),
    );
    let (columns, image) = match kind {
        None => (columns.to_vec(), image),
        Some(kind) => with_top(kind, &columns, &image),
    };
    let mut columns: Vec<(&str, &str)> = columns.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let length = op(&cast("m.k", "int8"), "*", &(1_u64 << 32).to_string());
    let scale = op(&cast("m.s", "int8"), "*", "256");
    let sign = cast("m.g", "int4");
    let tweak = op(
        &op(&op(&tag::NUMBER.to_string(), "+", &length), "+", &scale),
        "+",
        &sign,
    );
    columns.push(("t", &tweak));
    let steps = Steps::new(&[
        ("q", "m.q"),
        ("n", "m.n"),
        ("k", "m.k"),
        ("s", "m.s"),
        ("g", "m.g"),
        ("h", &op("m.k", "/", "2")),
    ])
    .with(&[
        ("w", &low),
        ("f", &first),
        ("e", "(m.s OPERATOR(pg_catalog.>) 0 AND m.h OPERATOR(pg_catalog.>) 0)"),
    ])
    .with(&columns);
    permute_sql(steps).give(&image)
}

/// The numbers of an integer type's greatest length.
fn with_top<'a>(kind: Integer, columns: &[(&'a str, String)], image: &str) -> (Vec<(&'a str, String)>, String) {
    let top = op("m.k", "=", &kind.digits.to_string());
    let first = int8(super::power(kind.digits - 1));
    let right_size = int8(kind.top.1);
    let above = op("m.n", "-", &first);
    let tops = [
        op(&above, "/", &right_size),
        int8(kind.top.0),
        op(&above, "%", &right_size),
        right_size.clone(),
    ];
    let columns = columns
        .iter()
        .zip(&tops)
        .map(|((name, value), of_top)| (*name, case(&[(&top, of_top)], value)))
        .collect();
    let of_top = op(&op(&op("m.v5", "*", &right_size), "+", "m.v6"), "+", &first);
    (columns, case(&[(&top, &of_top)], image))
}

/// The twin of `filled`, of `m.z` with `m.k` digits.
fn filled(kind: Digits) -> String {
    let bits = first_bits_sql(&sql::hash("m.q", &sql::bytes("m.z")));
    let drawn = |first: u64, size: &str| op(&int8(first), "+", &op(&bits, "%", size));
    let full = super::power(kind.permuted_max - 1);
    let Some(float) = kind.float else {
        return drawn(full, &int8(full * 9));
    };
    let few = super::power(float.near_filled - 1);
    let is_near = op("m.k", "<=", &float.near.to_string());
    let is_greatest = op("m.k", ">=", &float.greatest.to_string());
    let size = format!("({})", case(&[(&is_greatest, &int8(full / 10 * 7))], &int8(full * 9)));
    case(
        &[(&is_near, &drawn(few, &int8(few * 9)))],
        &op(&drawn(full, &size), "|", "1"),
    )
}

/// The twin of `coarse`.
fn coarse(bucket: Bucket, kind: Digits) -> String {
    let below = op("m.s", "-", "m.k");
    let kept = match bucket {
        Bucket::Lead => "1".to_owned(),
        Bucket::Place => {
            let wanted = op(&op("m.k", "+", "1"), "-", "m.s");
            format!("GREATEST(LEAST({wanted}, m.k, {KEPT_MAX}), 0)")
        }
    };
    let cut = call("round", &[&call("trunc", &["m.x", &op(&below, "+", &kept)]), "m.d"]);
    if kind.float.is_none() {
        return cut;
    }
    let is_long = op("m.k", ">", &kind.permuted_max.to_string());
    let one = |sign: &str| format!("({sign}{})", super::power(kind.permuted_max));
    let long = format!("({})", case(&[("m.g", &one("-"))], &one("")));
    format!("({})", case(&[(&is_long, &cast(&long, "numeric"))], &cut))
}
