//! Masks that keep a text's shape: digits stay digits, letters letters of their case, all else and the length stay.
//!
//! For ASCII values of up to 64 characters the mask is a permutation of all values of the same shape: up to eighteen
//! digits as one number, other mixtures below 2^64 by a Feistel network whose rounds add letter by letter. Values with
//! more to hide are filled from a hash, where two of up to 27 characters meet with odds of about 2^-64. Values outside ASCII (whose letters have
//! no alphabet to stay in) become a hash. A permutation has fixed points: a value is its own mask with odds of one in all
//! values of its shape, which tells nobody anything.

mod twin;

use super::digits::{fill_digits, power};
use super::feistel::{Halves, permute, round_tweak};
use super::key::MaskKey;
use super::tag;
use super::template::Template;

/// Longer values are filled from a hash, whatever little they hide.
const PERMUTED_CHARACTERS_MAX: usize = 64;

/// Digits that fit in both halves of a permutation.
const NUMBER_DIGITS_MAX: usize = 18;

/// Tenths of bits of a letter and of a digit, and where hashes don't meet.
const LETTER_TENTHS: usize = 47;
const DIGIT_TENTHS: usize = 33;
const FILL_TENTHS: usize = 640;

/// Below the limit stand at most 19 letters and digits.
const MIXED_MAX: usize = 20;
const MIXED_ROUNDS: u64 = 6;

/// How many bytes of a hash fill a text. Unit: bytes. Reason: letters from as many show 126.9 bits of the hash, and no mask
/// shows more than 128 (see [`MaskKey`]).
const FILL_BYTES: usize = 27;

/// A card's number has its last four digits kept if it has at least this many and at most that many.
const CARD_DIGITS_MIN: usize = 10;

/// Unit: digits. Reason: cards have at most 19 (ISO/IEC 7812), and some systems add a few of their own.
const CARD_DIGITS_MAX: usize = 22;
const CARD_KEPT: usize = 4;

/// What stays readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing but the shape.
    Nothing,
    /// Two letters at the beginning: an IBAN's country.
    Country,
    /// The last four digits of a card's number.
    LastFour,
}

/// A mask that keeps the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    keep: Keep,
    foreign: Template,
}

impl Shape {
    pub(super) fn new(keep: Keep, limit: Option<usize>) -> Self {
        Self {
            keep,
            foreign: Template::bare(limit),
        }
    }

    pub(super) fn apply(&self, key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
        if !value.is_ascii() {
            self.foreign.apply(key, value, out);
            return;
        }
        let (country, rest) = self.split_country(value);
        out.extend_from_slice(country);
        let letters = rest.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        let digits = rest.iter().filter(|byte| byte.is_ascii_digit()).count();
        let tail = self.tail(letters, digits);
        let hidden = digits - tail;
        if rest.len() > PERMUTED_CHARACTERS_MAX {
            fill(key, rest, out);
        } else if letters == 0 && hidden <= NUMBER_DIGITS_MAX {
            number(key, rest, hidden, out);
        } else if LETTER_TENTHS * letters + DIGIT_TENTHS * digits >= FILL_TENTHS {
            fill(key, rest, out);
        } else {
            mixed(key, rest, out);
        }
    }

    /// The twin of [`Self::apply`].
    pub(super) fn sql(&self, block: &str, text: &str) -> String {
        twin::shape(self, block, text)
    }

    fn split_country<'a>(&self, value: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let country = match (self.keep, value) {
            (Keep::Country, [one, two, ..]) if one.is_ascii_alphabetic() && two.is_ascii_alphabetic() => 2,
            (Keep::Country | Keep::Nothing | Keep::LastFour, _) => 0,
        };
        value.split_at_checked(country).unwrap_or((&[], value))
    }

    fn tail(&self, letters: usize, digits: usize) -> usize {
        match self.keep {
            Keep::LastFour if letters == 0 && (CARD_DIGITS_MIN..=CARD_DIGITS_MAX).contains(&digits) => CARD_KEPT,
            Keep::LastFour | Keep::Nothing | Keep::Country => 0,
        }
    }
}

/// Moves the first `hidden` digits as one number; those after it say which permutation.
fn number(key: &MaskKey, value: &[u8], hidden: usize, out: &mut Vec<u8>) {
    let digits = || value.iter().filter(|byte| byte.is_ascii_digit());
    let read = |so_far: u64, byte: &u8| so_far * 10 + u64::from(byte - b'0');
    let hidden_number = digits().take(hidden).fold(0, read);
    let kept = digits().skip(hidden);
    let marker = if kept.clone().next().is_some() { 1 } else { 0 };
    let kept_number = kept.clone().fold(0, read);
    let length = u64::try_from(hidden).unwrap_or_default();
    let tweak = tag::DIGITS | (length << 32) | (kept_number << 8) | marker;
    let low = hidden / 2;
    let image = permute(
        key,
        tweak,
        Halves {
            left: hidden_number / power(low),
            left_size: power(hidden - low),
            right: hidden_number % power(low),
            right_size: power(low),
        },
    );
    let image = image.left * power(low) + image.right;
    let mut room = [0; NUMBER_DIGITS_MAX];
    let room = room.get_mut(..hidden).unwrap_or_default();
    fill_digits(image, room);
    let mut next = room.iter().chain(kept).copied();
    refill(value, out, |_, byte| next.next().unwrap_or(byte));
}

/// Letter by letter: each half is shifted by a function of the other, of the round and of the length. What shape a value has
/// needn't be told: letters of another shape differ, and so does what they shift the other half by.
fn mixed(key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
    let mut content = [0_u8; MIXED_MAX];
    let mut length = 0;
    let held = value.iter().filter(|byte| byte.is_ascii_alphanumeric());
    for (place, byte) in content.iter_mut().zip(held) {
        *place = *byte;
        length += 1;
    }
    let content = content.get_mut(..length).unwrap_or_default();
    let (left, right) = content.split_at_mut(length.div_ceil(2));
    let tweak = tag::MIXED | u64::try_from(length).unwrap_or_default();
    for round in 1..=MIXED_ROUNDS {
        let (moved, other) = if round % 2 == 1 {
            (&mut *left, &*right)
        } else {
            (&mut *right, &*left)
        };
        let stream = key.round(round_tweak(tweak, round), other);
        for (byte, shift) in moved.iter_mut().zip(stream.chunks_exact(2)) {
            let shift = shift.iter().fold(0, |so_far, part| so_far * 256 + u64::from(*part));
            *byte = shifted(*byte, shift);
        }
    }
    let mut next = content.iter().copied();
    refill(value, out, |_, byte| next.next().unwrap_or(byte));
}

/// Each letter and digit from a byte of a hash of the whole, by its place.
fn fill(key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
    let hash = key.hash(value);
    refill(value, out, |place, byte| {
        let (first, _) = alphabet(byte);
        let drawn = hash.get(place % FILL_BYTES).copied().unwrap_or_default();
        shifted(first, u64::from(drawn))
    });
}

/// Copies a text with its letters and digits replaced by what `next` makes of their place and themselves.
fn refill(value: &[u8], out: &mut Vec<u8>, mut next: impl FnMut(usize, u8) -> u8) {
    out.extend(value.iter().enumerate().map(|(place, byte)| {
        if byte.is_ascii_alphanumeric() {
            next(place, *byte)
        } else {
            *byte
        }
    }));
}

/// The first letter of a letter's alphabet, and how many it has.
const fn alphabet(byte: u8) -> (u8, u8) {
    match byte {
        b'A'..=b'Z' => (b'A', 26),
        b'a'..=b'z' => (b'a', 26),
        _ => (b'0', 10),
    }
}

fn shifted(byte: u8, shift: u64) -> u8 {
    let (first, size) = alphabet(byte);
    let moved = (u64::from(byte.saturating_sub(first)) + shift) % u64::from(size);
    first + u8::try_from(moved).unwrap_or_default()
}

#[cfg(test)]
mod tests;
