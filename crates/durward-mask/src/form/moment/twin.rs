//! The SQL forms of masks of dates and timestamps.

use super::{
    Clock, DAY_MICROS, DAY_SECONDS, END_DAY, FIRST_DAY, SECOND_MICROS, SPAN_DAYS, SPAN_SIDE, Turn, unit_micros,
};
use crate::form::feistel::permute_sql;
use crate::form::sql::{self, Steps, call, case, cast, op};
use crate::form::tag;

const DATE_2000: &str = "('2000-01-01')::pg_catalog.date";

/// The twin of `mask_day`: a date.
pub(in crate::form) fn day_sql(block: &str, turn: Turn, argument: &str) -> String {
    let finite = call("isfinite", &["m.x"]);
    let day = case(&[(&finite, &op("m.x", "-", DATE_2000))], "NULL");
    let first_of_year = cast(&call("date_trunc", &["'year'", &cast("m.x", "timestamp")]), "date");
    let image = match turn {
        Turn::Permute => op(DATE_2000, "+", &cast(&permuted_day(), "int4")),
        Turn::YearStart => first_of_year,
    };
    let steps = Steps::keyed(argument, block).with(&[("d", &day)]);
    steps.give_keyed(&case(&[("m.d IS NULL", "m.x"), (&in_span("m.d"), &image)], DATE_2000))
}

/// The twin of `mask_micros`: a timestamp, with or without time zone.
pub(in crate::form) fn moment_sql(block: &str, turn: Turn, clock: Clock, places: usize, argument: &str) -> String {
    let (send, base) = match clock {
        Clock::Naive => ("timestamp_send", "('2000-01-01 00:00:00')::pg_catalog.timestamp"),
        Clock::Zoned => ("timestamptz_send", "('2000-01-01 00:00:00+00')::pg_catalog.timestamptz"),
    };
    let micros = cast(
        &cast(
            &sql::join(&["'x'", &call("encode", &[&call(send, &["m.x"]), "'hex'"])]),
            "bit(64)",
        ),
        "int8",
    );
    let micros = case(&[(&call("isfinite", &["m.x"]), &micros)], "NULL");
    let day_micros = DAY_MICROS.to_string();
    // The end of time less the shift would overflow, so the span is tested first.
    let (first, end) = (FIRST_DAY * DAY_MICROS, END_DAY * DAY_MICROS);
    let inside = format!(
        "({} AND {})",
        op("m.n", ">=", &format!("({first})")),
        op("m.n", "<", &end.to_string())
    );
    let shifted = case(&[(&inside, &op("m.n", "+", &(-first).to_string()))], "NULL");
    let image = match turn {
        Turn::Permute => {
            let (seconds, micros) = (
                op("m.y", "/", &SECOND_MICROS.to_string()),
                op("m.y", "%", &SECOND_MICROS.to_string()),
            );
            let days = op(
                &op(&seconds, "/", &DAY_SECONDS.to_string()),
                "+",
                &format!("({FIRST_DAY})"),
            );
            let seconds = op(&seconds, "%", &DAY_SECONDS.to_string());
            let after = |count: &str, unit: &str| op(&cast(count, "float8"), "*", &cast(unit, "interval"));
            let moved = op(
                &op(
                    &op(base, "+", &after(&days, "'24:00:00'")),
                    "+",
                    &after(&seconds, "'00:00:01'"),
                ),
                "+",
                &after(&micros, "'00:00:00.000001'"),
            );
            Steps::new(&[("y", &permuted_micros(places))]).give(&moved)
        }
        Turn::YearStart => match clock {
            Clock::Naive => call("date_trunc", &["'year'", "m.x"]),
            Clock::Zoned => call("date_trunc", &["'year'", "m.x", "'UTC'"]),
        },
    };
    let steps = Steps::keyed(argument, block)
        .with(&[("n", &micros)])
        .with(&[("z", &shifted)])
        .with(&[
            ("o", &op(&op("m.z", "/", &day_micros), "%", &SPAN_DAYS.to_string())),
            ("c", &op(&op("m.z", "/", &day_micros), "/", &SPAN_DAYS.to_string())),
            ("w", &op("m.z", "%", &day_micros)),
        ]);
    steps.give_keyed(&case(&[("m.n IS NULL", "m.x"), ("m.z IS NULL", base)], &image))
}

/// The twin of `push_text_day`: a text, or what else says where it isn't a date.
pub(in crate::form) fn text_day_sql(block: &str, text: &str, otherwise: impl Fn(&str) -> String) -> String {
    let part = |from: &str, length: &str| cast(&call("substr", &["m.x", from, length]), "int4");
    let first = call("make_date", &[&part("1", "4"), &part("6", "2"), "1"]);
    let day = op(&op(&op(&first, "+", &part("9", "2")), "-", "1"), "-", DATE_2000);
    let date = call(
        "to_char",
        &[
            &cast(
                &op(
                    DATE_2000,
                    "+",
                    &cast(
                        &format!("({})", case(&[(&in_span("m.d"), &permuted_day())], "0")),
                        "int4",
                    ),
                ),
                "timestamp",
            ),
            "'YYYY-MM-DD'",
        ],
    );
    let is_date = format!(
        "({} AND {})",
        op("m.x", "~", "'^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'"),
        op(&call("left", &["m.x", "4"]), "<>", "'0000'")
    );
    Steps::keyed(text, block)
        .with(&[("i", &is_date)])
        .with(&[("d", &case(&[("m.i", &day)], "NULL"))])
        .give_keyed(&case(&[("m.i", &date)], &otherwise("m.x")))
}

fn in_span(day: &str) -> String {
    format!(
        "({} AND {})",
        op(day, ">=", &format!("({FIRST_DAY})")),
        op(day, "<", &END_DAY.to_string())
    )
}

/// The image of the day `m.d`, an int8 from 2000-01-01.
fn permuted_day() -> String {
    let shifted = op(&cast("m.d", "int8"), "+", &(-FIRST_DAY).to_string());
    permuted_span_day(&shifted)
}

/// The image of a day, counted from the first that is masked, but from 2000-01-01 as a result.
fn permuted_span_day(day: &str) -> String {
    let side = format!("({SPAN_SIDE})::pg_catalog.int8");
    let steps = Steps::new(&[("q", "m.q"), ("d", day)])
        .with(&[("o", &op("m.d", "%", &SPAN_DAYS.to_string()))])
        .with(&[
            ("l", &op("m.o", "/", &side)),
            ("a", &side),
            ("r", &op("m.o", "%", &side)),
            ("b", &side),
            (
                "t",
                &op(&op("m.d", "/", &SPAN_DAYS.to_string()), "+", &tag::DAY.to_string()),
            ),
        ]);
    let offset = op(&op("m.v5", "*", &side), "+", "m.v6");
    let start = op(&op("m.d", "-", "m.o"), "+", &format!("({FIRST_DAY})"));
    permute_sql(steps).give(&op(&start, "+", &offset))
}

/// The image of a moment: its span `m.c`, day of the span `m.o` and time of day `m.w`; from the first day that is masked.
fn permuted_micros(places: usize) -> String {
    let unit = unit_micros(places);
    let parts = SECOND_MICROS / unit - 1;
    let second = SECOND_MICROS.to_string();
    let span_start = op(&op("m.c", "*", &SPAN_DAYS.to_string()), "*", &DAY_MICROS.to_string());
    let midnight = {
        let day = op(&op("m.c", "*", &SPAN_DAYS.to_string()), "+", "m.o");
        let image = op(&permuted_span_day(&day), "-", &format!("({FIRST_DAY})"));
        op(&image, "*", &DAY_MICROS.to_string())
    };
    let whole = {
        let time = op(&op("m.w", "/", &second), "-", "1");
        let moved = op(&op("m.v6", "+", "1"), "*", &second);
        permuted_time(tag::SECOND, &time, DAY_SECONDS - 1, &moved)
    };
    let mut branches = vec![(op("m.w", "=", "0"), midnight)];
    let otherwise = if parts > 0 {
        let (seconds, part) = (
            op("m.w", "/", &second),
            op(&op("m.w", "%", &second), "/", &unit.to_string()),
        );
        let time = op(&op(&op(&seconds, "*", &parts.to_string()), "+", &part), "-", "1");
        let parts_text = parts.to_string();
        let fraction = op(&op(&op("m.v6", "%", &parts_text), "+", "1"), "*", &unit.to_string());
        let moved = op(&op(&op("m.v6", "/", &parts_text), "*", &second), "+", &fraction);
        let fraction = permuted_time(tag::FRACTION, &time, DAY_SECONDS * parts, &moved);
        branches.push((op(&op("m.w", "%", &second), "=", "0"), op(&span_start, "+", &whole)));
        op(&span_start, "+", &fraction)
    } else {
        op(&span_start, "+", &whole)
    };
    let branches: Vec<(&str, &str)> = branches.iter().map(|(one, two)| (one.as_str(), two.as_str())).collect();
    case(&branches, &otherwise)
}

/// Day of the span and time permuted together, and microseconds made of the image.
fn permuted_time(tag: u64, time: &str, size: i64, moved: &str) -> String {
    let steps = Steps::new(&[
        ("q", "m.q"),
        ("l", "m.o"),
        ("a", &format!("({SPAN_DAYS})::pg_catalog.int8")),
        ("r", time),
        ("b", &format!("({size})::pg_catalog.int8")),
        ("t", &op("m.c", "+", &tag.to_string())),
    ]);
    permute_sql(steps).give(&op(&op("m.v5", "*", &DAY_MICROS.to_string()), "+", moved))
}
