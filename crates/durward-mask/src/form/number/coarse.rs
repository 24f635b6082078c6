use super::{Decimal, Digits, Image, Integer, digits_of};
use crate::form::digits::power;

/// Digits of a decimal that a coarser one keeps at most.
pub(super) const KEPT_MAX: usize = 18;

/// Digits of a place in ten-millionths of a degree that are dropped: what is left is a tenth of a degree.
pub(super) const PLACE_DROPPED: usize = 6;

/// How much of a number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::form) enum Bucket {
    /// The first digit.
    Lead,
    /// A tenth of a degree, about ten kilometres; integers count ten-millionths.
    Place,
}

impl Bucket {
    /// An integer with zeros behind what is kept.
    pub(in crate::form) fn integer(self, kind: Integer, value: i64) -> i64 {
        let dropped = match self {
            Self::Lead => digits_of(value.unsigned_abs()) - 1,
            Self::Place => PLACE_DROPPED,
        };
        let unit = i64::try_from(power(dropped.min(kind.digits))).unwrap_or(i64::MAX);
        value / unit * unit
    }

    /// How many digits of a decimal are kept.
    fn kept(self, length: usize, scale: usize) -> usize {
        match self {
            Self::Lead => 1,
            Self::Place => (length + 1).saturating_sub(scale).min(length).min(KEPT_MAX),
        }
    }
}

/// A decimal with zeros behind what is kept. Floats with more digits than they surely hold are all one: what is left of
/// those could lie beyond the type's limit, and print otherwise in the server.
pub(super) fn coarse(bucket: Bucket, kind: Digits, decimal: &Decimal<'_>) -> Image {
    let digits = decimal.digits();
    let length = digits.iter().map(|part| part.len()).sum();
    let scale = decimal.fraction.len();
    if kind.float.is_some() && length > kind.permuted_max {
        return Image {
            negative: decimal.negative,
            digits: 1,
            held: 1,
            length: kind.permuted_max + 1,
            scale: 0,
        };
    }
    let held = bucket.kept(length, scale);
    let kept = digits.iter().flat_map(|part| part.iter()).take(held);
    let digits = kept.fold(0, |so_far, byte| so_far * 10 + u64::from(byte.saturating_sub(b'0')));
    Image {
        negative: decimal.negative && digits != 0,
        digits,
        held,
        length,
        scale,
    }
}
