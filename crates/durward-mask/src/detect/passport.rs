//! Machine-readable lines of travel documents.
//!
//! Cost: at a run of `<`, at most 100 bytes either way.

use durward_model::Label;
use std::ops::Range;

use super::Strength;
use super::cell::Cell;
use super::checksum::base36;
use super::text::{Anchored, Hit, run, run_before};

pub(super) const ANCHORED: &[Anchored] = &[Anchored {
    name: "passport-mrz",
    label: Label::Passport,
    anchors: &["<<"],
    find: zone_around,
}];

pub(super) const CELLS: &[Cell] = &[Cell {
    name: "passport-number",
    label: Label::Passport,
    strength: number,
}];

/// The zone's longest forms are three lines of 30, two of 36 and two of 44 (ICAO Doc 9303, parts 4 to 6).
const ZONE_BYTES_MAX: usize = 100;

/// The zone of machine-readable lines around its fillers, with its check digits over number, birth and expiry.
fn zone_around(text: &[u8], fillers: Range<usize>) -> Option<Hit> {
    let before = fillers.start.checked_sub(1).and_then(|at| text.get(at));
    if before == Some(&b'<') {
        return None;
    }
    let is_zone =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'<' | b'\n' | b'\r' | b' ');
    let from = fillers.start - run_before(text, fillers.start, ZONE_BYTES_MAX, is_zone);
    let rest = text.get(from..)?;
    let window = rest.get(..2 * ZONE_BYTES_MAX).unwrap_or(rest);
    let window = window.get(..run(window, is_zone))?;
    let mut lines = Vec::new();
    let mut at = from;
    for line in window.split(|byte| matches!(byte, b'\n' | b'\r' | b' ')) {
        if !line.is_empty() {
            lines.push((at, line));
        }
        at += line.len() + 1;
    }
    lines
        .windows(2)
        .find_map(|pair| {
            let [(start, first), (second_start, second)] = pair else {
                return None;
            };
            let is_passport = first.len() == second.len() && matches!(first.len(), 36 | 44) && is_second_line(second);
            is_passport.then(|| Hit::certain(*start..second_start + second.len()))
        })
        .or_else(|| {
            lines.windows(3).find_map(|three| {
                let [(start, first), (_, second), (last_start, last)] = three else {
                    return None;
                };
                let is_card = [first, second, last].iter().all(|line| line.len() == 30) && is_card_zone(first, second);
                is_card.then(|| Hit::certain(*start..last_start + last.len()))
            })
        })
}

/// The second line of a passport, visa or bigger card: number, nationality, birth, sex, expiry, with their check
/// digits.
fn is_second_line(line: &[u8]) -> bool {
    has_check(line, 0..9, 9) && has_check(line, 13..19, 19) && has_check(line, 21..27, 27)
}

/// The first two lines of an identity card.
fn is_card_zone(first: &[u8], second: &[u8]) -> bool {
    has_check(first, 5..14, 14) && has_check(second, 0..6, 6) && has_check(second, 8..14, 14)
}

/// Weights 7, 3, 1 over digits, letters as 10 to 35 and fillers as nothing, modulo ten (ICAO Doc 9303, part 3, 4.9).
fn has_check(line: &[u8], part: Range<usize>, check: usize) -> bool {
    let mut sum = 0;
    for (byte, weight) in line
        .get(part)
        .unwrap_or_default()
        .iter()
        .zip([7, 3, 1].into_iter().cycle())
    {
        let value = if *byte == b'<' { Some(0) } else { base36(*byte) };
        let Some(value) = value else { return false };
        sum += value * weight;
    }
    line.get(check).and_then(|byte| char::from(*byte).to_digit(10)) == Some(sum % 10)
}

/// A passport's number: up to two letters and six to eight digits, as most issuers have it. Much else looks the same.
fn number(value: &str) -> Option<Strength> {
    let letters = value.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = value.bytes().skip(letters).filter(u8::is_ascii_digit).count();
    let is_whole = letters + digits == value.len();
    (is_whole && (letters <= 2) && (6..=9).contains(&digits) && (8..=9).contains(&value.len()))
        .then_some(Strength::Shape)
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use crate::detect::tests::{Example, check};

    /// Formats, a value of each, and one that is not.
    pub(in crate::detect) const EXAMPLES: &[Example] = &[
        (
            "passport-mrz",
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C46UTO7408122F1204159ZE184226B<<<<<10",
        ),
        (
            "passport-mrz",
            "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            "I<UTOD231458908<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        ),
        ("passport-number", "C01234567", "CCC1234567"),
    ];

    #[test]
    fn values_are_told() {
        check(EXAMPLES);
    }
}
