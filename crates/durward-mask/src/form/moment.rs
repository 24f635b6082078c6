//! Masks of dates and timestamps: another moment of the same span of 4096 days (eleven years), keyed.
//!
//! Midnights stay midnights and whole seconds stay whole, so that a date and a timestamp at its beginning have one mask
//! and a column's precision is kept. Infinity stays. Outside the years 4 to 9994 everything becomes 2000-01-01.
//!
//! Text is read in the ISO style alone: what the other styles print depends on a setting that a cell doesn't tell. There a
//! fixed date in the cell's own style stands for each value. A timestamp with time zone keeps the offset that it was
//! printed with.

mod twin;

use super::digits::{power, push_digits};
use super::feistel::{Halves, permute};
use super::key::MaskKey;
use super::tag;

pub(super) use twin::{day_sql, moment_sql, text_day_sql};

/// Days of a span.
const SPAN_DAYS: i64 = 4_096;
const SPAN_SIDE: u64 = 64;

/// The first day that is masked and the one after the last, counted from 2000-01-01 as the server counts.
const FIRST_DAY: i64 = -178 * SPAN_DAYS;
const END_DAY: i64 = 713 * SPAN_DAYS;

const DAY_SECONDS: i64 = 86_400;
const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = DAY_SECONDS * SECOND_MICROS;

/// Days from 0000-03-01, where the calendar's cycle begins, to 2000-01-01.
const CYCLE_TO_2000: i64 = 730_425;
const CYCLE_DAYS: i64 = 146_097;

/// What becomes of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another moment.
    Permute,
    /// The first of its year (by UTC).
    YearStart,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// `timestamp` or `timestamptz`.
    Naive,
    /// `timestamptz`.
    Zoned,
}

/// The mask of a date, in days from 2000-01-01.
pub(super) fn mask_day(key: &MaskKey, turn: Turn, day: i64) -> i64 {
    if !(FIRST_DAY..END_DAY).contains(&day) {
        return 0;
    }
    match turn {
        Turn::Permute => {
            let (span, offset) = (day.div_euclid(SPAN_DAYS), day.rem_euclid(SPAN_DAYS));
            let offset = number(offset);
            let image = permute(
                key,
                tag::DAY | span_number(span),
                Halves {
                    left: offset / SPAN_SIDE,
                    left_size: SPAN_SIDE,
                    right: offset % SPAN_SIDE,
                    right_size: SPAN_SIDE,
                },
            );
            span * SPAN_DAYS + signed(image.left * SPAN_SIDE + image.right)
        }
        Turn::YearStart => day_of(civil(day).0, 1, 1),
    }
}

/// The mask of a timestamp, in microseconds from 2000-01-01, in a column with so many decimal places of seconds.
pub(super) fn mask_micros(key: &MaskKey, turn: Turn, places: usize, micros: i64) -> i64 {
    let (day, time) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    let permuted = (FIRST_DAY..END_DAY).contains(&day) && turn == Turn::Permute && time != 0;
    if !permuted {
        return mask_day(key, turn, day) * DAY_MICROS;
    }
    let (span, offset) = (day.div_euclid(SPAN_DAYS), day.rem_euclid(SPAN_DAYS));
    let moved = |tag: u64, time: i64, size: i64| {
        let tweak = tag | span_number(span);
        let image = permute(
            key,
            tweak,
            Halves {
                left: number(offset),
                left_size: number(SPAN_DAYS),
                right: number(time),
                right_size: number(size),
            },
        );
        (
            (span * SPAN_DAYS + signed(image.left)) * DAY_MICROS,
            signed(image.right),
        )
    };
    if time % SECOND_MICROS == 0 {
        let (day, second) = moved(tag::SECOND, time / SECOND_MICROS - 1, DAY_SECONDS - 1);
        return day + (second + 1) * SECOND_MICROS;
    }
    let unit = unit_micros(places);
    let parts = SECOND_MICROS / unit - 1;
    let (second, part) = (time / SECOND_MICROS, time % SECOND_MICROS / unit);
    let (day, image) = moved(tag::FRACTION, second * parts + (part - 1).max(0), DAY_SECONDS * parts);
    day + image / parts * SECOND_MICROS + (image % parts + 1) * unit
}

/// Writes the mask of a date as text.
pub(super) fn push_day(key: &MaskKey, turn: Turn, cell: &[u8], out: &mut Vec<u8>) {
    if is_infinite(cell) {
        out.extend_from_slice(cell);
    } else if let Some((day, [])) = read_day(cell) {
        push_iso(mask_day(key, turn, day), out);
    } else {
        push_fixed_day(cell, out);
    }
}

/// Writes the mask of a timestamp as text.
pub(super) fn push_moment(key: &MaskKey, turn: Turn, clock: Clock, places: usize, cell: &[u8], out: &mut Vec<u8>) {
    if is_infinite(cell) {
        out.extend_from_slice(cell);
        return;
    }
    let Some((local, zone)) = read_moment(cell) else {
        push_fixed_moment(clock, cell, out);
        return;
    };
    let offset = match clock {
        Clock::Naive => zone.is_empty().then_some(0),
        Clock::Zoned => read_offset(zone),
    };
    let Some(offset) = offset else {
        push_fixed_moment(clock, cell, out);
        return;
    };
    let offset = offset * SECOND_MICROS;
    let image = mask_micros(key, turn, places, local - offset) + offset;
    let (day, time) = (image.div_euclid(DAY_MICROS), image.rem_euclid(DAY_MICROS));
    push_iso(day, out);
    let (seconds, micros) = (time / SECOND_MICROS, time % SECOND_MICROS);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    for (mark, part) in [(b' ', hour), (b':', minute), (b':', second)] {
        out.push(mark);
        push_digits(number(part), 2, out);
    }
    if micros != 0 {
        out.push(b'.');
        push_digits(number(micros), 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.extend_from_slice(zone);
}

/// Writes another date for a text that is one in the ISO style. `false` for other texts.
pub(super) fn push_text_day(key: &MaskKey, text: &[u8], out: &mut Vec<u8>) -> bool {
    match read_loose_day(text) {
        Some(day) => {
            push_iso(mask_day(key, Turn::Permute, day), out);
            true
        }
        None => false,
    }
}

/// 2000-01-01 in the style of a cell.
pub(super) fn push_fixed_day(cell: &[u8], out: &mut Vec<u8>) {
    let fixed: &[u8] = match (cell.get(2), cell.get(4)) {
        (Some(b'/'), _) => b"01/01/2000",
        (Some(b'.'), _) => b"01.01.2000",
        (Some(b'-'), _) => b"01-01-2000",
        (_, _) => b"2000-01-01",
    };
    out.extend_from_slice(fixed);
}

/// The beginning of 2000-01-01 in the style of a cell.
pub(super) fn push_fixed_moment(clock: Clock, cell: &[u8], out: &mut Vec<u8>) {
    let is_iso = !matches!(cell, [_, _, b'/' | b'.', ..]) && !cell.first().is_some_and(u8::is_ascii_uppercase);
    if cell.first().is_some_and(u8::is_ascii_uppercase) {
        out.extend_from_slice(b"Sat Jan 01 00:00:00 2000");
    } else {
        push_fixed_day(cell, out);
        out.extend_from_slice(b" 00:00:00");
    }
    match clock {
        Clock::Naive => {}
        Clock::Zoned if is_iso => out.extend_from_slice(b"+00"),
        Clock::Zoned => out.extend_from_slice(b" UTC"),
    }
}

/// The microseconds of the last decimal place of seconds.
fn unit_micros(places: usize) -> i64 {
    signed(power(6 - places.min(6)))
}

fn is_infinite(cell: &[u8]) -> bool {
    cell == b"infinity" || cell == b"-infinity"
}

/// A day and what follows it. Years of other than four digits are none.
fn read_day(cell: &[u8]) -> Option<(i64, &[u8])> {
    let (day, rest) = cell.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = day else {
        return None;
    };
    let (year, month, day) = (
        digits(&[*y1, *y2, *y3, *y4])?,
        digits(&[*m1, *m2])?,
        digits(&[*d1, *d2])?,
    );
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
    fits.then(|| (day_of(year, month, day), rest))
}

/// As [`read_day`] for the whole of a text.
fn read_loose_day(text: &[u8]) -> Option<i64> {
    match read_day(text)? {
        (day, []) => Some(day),
        (_, _) => None,
    }
}

/// Local microseconds and the zone that follows them.
fn read_moment(cell: &[u8]) -> Option<(i64, &[u8])> {
    let (day, rest) = read_day(cell)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [b' ', h1, h2, b':', m1, m2, b':', s1, s2] = time else {
        return None;
    };
    let seconds = digits(&[*h1, *h2])? * 3_600 + digits(&[*m1, *m2])? * 60 + digits(&[*s1, *s2])?;
    let (micros, zone) = match rest {
        [b'.', fraction @ ..] => {
            let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, zone) = fraction.split_at_checked(count)?;
            let scale = 6_usize.checked_sub(count)?;
            (digits(fraction)? * signed(power(scale)), zone)
        }
        zone => (0, zone),
    };
    let in_day = seconds < DAY_SECONDS;
    in_day.then_some((day * DAY_MICROS + seconds * SECOND_MICROS + micros, zone))
}

/// `+05`, `-03:30` or `+00:19:32` in seconds.
fn read_offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let mut units = [3_600, 60, 1].into_iter();
    let mut seconds = 0;
    for part in rest.split(|byte| *byte == b':') {
        if part.len() != 2 {
            return None;
        }
        seconds += digits(part)? * units.next()?;
    }
    Some(sign * seconds)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |so_far, byte| {
        byte.is_ascii_digit()
            .then(|| so_far * 10 + i64::from(byte.saturating_sub(b'0')))
    })
}

fn push_iso(day: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(day);
    push_digits(number(year), 4, out);
    for part in [month, day] {
        out.push(b'-');
        push_digits(number(part), 2, out);
    }
}

/// The number of a day. A day that its month lacks is one of the next.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * CYCLE_DAYS + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - CYCLE_TO_2000
}

/// Year, month and day of a number.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + CYCLE_TO_2000;
    let (cycle, of_cycle) = (day.div_euclid(CYCLE_DAYS), day.rem_euclid(CYCLE_DAYS));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = cycle * 400 + year + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn span_number(span: i64) -> u64 {
    number(span - FIRST_DAY / SPAN_DAYS)
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
