//! Masks of numbers: sign, count of digits and decimal places stay, the rest is permuted.
//!
//! A number is its digits without the point and without zeros that say nothing (leading ones, and trailing ones of a
//! fraction), so that 1.5 and 1.50 have one mask, and the mask has no more places than the number. Up to eighteen digits
//! are permuted among all of that length, which makes unique numbers stay unique; a single digit has little to hide
//! behind. Longer ones get eighteen digits from a hash and zeros. Integers of a type's greatest length are permuted up to
//! the type's limit, and its least value stays. Floats are masked as the 15 (6) digits that they surely hold.

mod binary;
mod coarse;
mod float;
mod twin;

use super::digits::{fill_digits, power};
use super::feistel::{Halves, first_bits, permute};
use super::key::MaskKey;
use super::tag;

pub(super) use binary::push_numeric_binary;
pub(super) use coarse::Bucket;
pub(super) use float::{mask_float4, mask_float8, push_float};
pub(super) use twin::{coarse_integer_sql, decimal_sql, float_sql, integer_sql};

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    least: i64,
    digits: usize,
    /// What lies between the least number of that many digits and the greatest of the type, as a product.
    top: (u64, u64),
}

/// `smallint`.
pub(super) const INT2: Integer = Integer {
    least: -32_768,
    digits: 5,
    top: (16, 1_423),
};
/// `integer`.
pub(super) const INT4: Integer = Integer {
    least: -2_147_483_648,
    digits: 10,
    top: (128_512, 8_929),
};
/// `bigint`.
pub(super) const INT8: Integer = Integer {
    least: i64::MIN,
    digits: 19,
    top: (4_493_934_592, 1_829_882_449),
};

/// How many digits of a decimal are permuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) permuted_max: usize,
    /// What is known of longer numbers of a float.
    pub(super) float: Option<FloatDigits>,
}

/// How long numbers of a float are filled.
///
/// The server's shortest digits aren't the shortest where a decimal lies just between two floats: it writes more digits
/// then. An odd number times a power of ten lies there only if the power of two is the float's half step, which can be for
/// the first lengths that exceed its precision alone; there few digits make a number that a float holds exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FloatDigits {
    /// Up to this length few digits are filled.
    pub(super) near: usize,
    pub(super) near_filled: usize,
    /// The length of the type's greatest number, whose first digits are 17 at least.
    pub(super) greatest: usize,
}

/// `numeric`.
pub(super) const NUMERIC: Digits = Digits {
    permuted_max: 18,
    float: None,
};
/// `double precision`.
pub(super) const FLOAT8: Digits = Digits {
    permuted_max: 15,
    float: Some(FloatDigits {
        near: 18,
        near_filled: 10,
        greatest: 309,
    }),
};
/// `real`.
pub(super) const FLOAT4: Digits = Digits {
    permuted_max: 6,
    float: Some(FloatDigits {
        near: 9,
        near_filled: 3,
        greatest: 39,
    }),
};

/// The mask of an integer.
pub(super) fn mask_integer(key: &MaskKey, kind: Integer, value: i64) -> i64 {
    let magnitude = value.unsigned_abs();
    let length = digits_of(magnitude);
    if value == kind.least {
        return value;
    }
    let negative = value < 0;
    let image = if length == kind.digits {
        let first = power(length - 1);
        let above = magnitude.saturating_sub(first);
        let halves = Halves {
            left: above / kind.top.1,
            left_size: kind.top.0,
            right: above % kind.top.1,
            right_size: kind.top.1,
        };
        let image = permute(key, tweak(length, 0, negative), halves);
        image.left * kind.top.1 + image.right + first
    } else {
        permuted(key, magnitude, length, 0, negative)
    };
    let image = i64::try_from(image).unwrap_or_default();
    if negative { -image } else { image }
}

/// A decimal number in its parts: `whole` without leading zeros, `fraction` without trailing ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Decimal places as shown.
    places: usize,
}

impl<'a> Decimal<'a> {
    /// Reads a sign, digits and a point. `None` for anything else.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let point = text.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point.and_then(|at| text.split_at_checked(at)) {
            Some((whole, fraction)) => (whole, fraction.strip_prefix(b".")?),
            None => (text, [].as_slice()),
        };
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !all_digits || whole.is_empty() {
            return None;
        }
        let places = fraction.len();
        let fraction = trim_end(fraction);
        let whole = trim_start(whole);
        // There is no negative zero.
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        Some(Self {
            negative,
            whole,
            fraction,
            places,
        })
    }

    /// The digits that say something.
    fn digits(&self) -> [&'a [u8]; 2] {
        match (self.whole, self.fraction) {
            ([], []) => [b"0", &[]],
            ([], fraction) => [&[], trim_start(fraction)],
            (whole, fraction) => [whole, fraction],
        }
    }

    fn mask(&self, key: &MaskKey, kind: Digits) -> Image {
        let digits = self.digits();
        let length = digits.iter().map(|part| part.len()).sum();
        let scale = self.fraction.len();
        let (digits, held) = if length <= kind.permuted_max {
            let number = digits.iter().flat_map(|part| part.iter());
            let number = number.fold(0, |so_far, byte| so_far * 10 + u64::from(byte.saturating_sub(b'0')));
            (permuted(key, number, length, scale, self.negative), length)
        } else {
            filled(&key.hash_of(digits), kind, length)
        };
        Image {
            negative: self.negative,
            digits,
            held,
            length,
            scale,
        }
    }

    /// Writes the mask, or a coarser number, with as many places as are shown.
    pub(super) fn push_mask(&self, key: &MaskKey, bucket: Option<Bucket>, out: &mut Vec<u8>) {
        self.image(key, NUMERIC, bucket).push(self.places, out);
    }

    fn image(&self, key: &MaskKey, kind: Digits, bucket: Option<Bucket>) -> Image {
        match bucket {
            Some(bucket) => coarse::coarse(bucket, kind, self),
            None => self.mask(key, kind),
        }
    }
}

/// A masked number: `held` digits, zeros up to `length`, `scale` of them after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image {
    negative: bool,
    digits: u64,
    held: usize,
    length: usize,
    scale: usize,
}

impl Image {
    fn push(&self, places: usize, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let whole = self.length.saturating_sub(self.scale);
        if whole == 0 {
            out.push(b'0');
        }
        let mut room = [0; NUMERIC.permuted_max];
        let held = room.get_mut(..self.held).unwrap_or_default();
        fill_digits(self.digits, held);
        let mut digits = held.iter().copied().chain(std::iter::repeat(b'0'));
        out.extend(digits.by_ref().take(whole));
        if places > 0 {
            out.push(b'.');
            let end = out.len() + places;
            out.extend(std::iter::repeat_n(b'0', self.scale.saturating_sub(self.length)));
            out.extend(digits.take(self.length - whole));
            out.resize(end, b'0');
        }
    }

    fn digit(&self, place: usize) -> u8 {
        let digit = match self.held.checked_sub(place + 1) {
            Some(below) => self.digits / power(below) % 10,
            None => 0,
        };
        b'0' + u8::try_from(digit).unwrap_or_default()
    }
}

/// Up to eighteen digits among those of their length, sign and decimal places. A number's first digit isn't 0 (but for
/// zero itself), nor is its last one where there are places.
fn permuted(key: &MaskKey, number: u64, length: usize, scale: usize, negative: bool) -> u64 {
    let low_digits = length / 2;
    let low_size = power(low_digits);
    let first = if length == 1 && scale == 0 && !negative {
        0
    } else {
        power((length - low_digits).saturating_sub(1))
    };
    let low = number % low_size;
    let ends = scale > 0 && low_digits > 0;
    let halves = Halves {
        left: (number / low_size).saturating_sub(first),
        left_size: power(length - low_digits) - first,
        right: if ends {
            (low / 10 * 9 + low % 10).saturating_sub(1)
        } else {
            low
        },
        right_size: if ends { low_size / 10 * 9 } else { low_size },
    };
    let image = permute(key, tweak(length, scale, negative), halves);
    let low = if ends {
        image.right / 9 * 10 + image.right % 9 + 1
    } else {
        image.right
    };
    (image.left + first) * low_size + low
}

fn tweak(length: usize, scale: usize, negative: bool) -> u64 {
    let length = u64::try_from(length).unwrap_or_default();
    let scale = u64::try_from(scale).unwrap_or_default();
    tag::NUMBER | (length << 32) | (scale << 8) | u64::from(negative)
}

/// The first digits of a long number from a hash, and how many they are.
fn filled(hash: &[u8; 32], kind: Digits, length: usize) -> (u64, usize) {
    let bits = first_bits(hash);
    let full = power(kind.permuted_max - 1);
    match kind.float {
        None => (full + bits % (full * 9), kind.permuted_max),
        Some(float) if length <= float.near => {
            let few = power(float.near_filled - 1);
            (few + bits % (few * 9), float.near_filled)
        }
        Some(float) => {
            let size = if length >= float.greatest {
                full / 10 * 7
            } else {
                full * 9
            };
            ((full + bits % size) | 1, kind.permuted_max)
        }
    }
}

fn digits_of(number: u64) -> usize {
    number
        .checked_ilog10()
        .map_or(1, |below| usize::try_from(below).unwrap_or_default() + 1)
}

fn trim_start(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

fn trim_end(mut digits: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests;
