//! Strings that look random: without a telling name, they are as likely a digest, a number or an image.

use durward_model::Label;

use super::super::Strength;
use super::super::cell::Cell;
use super::super::text::is_base64url;

pub(in super::super) const CELLS: &[Cell] = &[Cell {
    name: "high-entropy",
    label: Label::Secret,
    strength: high_entropy,
}];

/// Shorter ones are words and numbers; longer ones are files.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=512;
/// English has about 4 bits for a character with spaces; what is random has 3 and more from sixteen characters on, in
/// hexadecimal too.
const BITS_MIN: f64 = 3.0;

/// A word with letters and digits that has as many different characters as random ones have.
fn high_entropy(value: &str) -> Option<Strength> {
    let bytes = value.as_bytes();
    let is_word = bytes
        .iter()
        .all(|byte| is_base64url(*byte) || matches!(byte, b'+' | b'/' | b'=' | b'.' | b'~' | b'$' | b'!'));
    let is_mixed = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    (LENGTHS.contains(&bytes.len()) && is_word && is_mixed && bits_per_character(bytes) >= BITS_MIN)
        .then_some(Strength::Shape)
}

/// Shannon's entropy of the characters of a text, in bits for each.
pub(super) fn bits_per_character(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = counts.iter().map(|count| f64::from(*count)).sum::<f64>();
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}
