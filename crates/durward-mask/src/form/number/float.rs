use std::fmt::LowerExp;
use std::io::Write as _;
use std::str::FromStr;

use super::{Bucket, Decimal, Digits, FLOAT4, FLOAT8, Image};
use crate::form::digits::push_digits;
use crate::form::key::MaskKey;

/// Room for a float in scientific notation.
const TEXT_BYTES: usize = 64;

/// Digits of the longest float's whole part and of the shortest one's fraction, with room for what is added to them.
const EXPANDED_DIGITS: usize = 400;

/// Below these a float is masked as zero: what lies there has not all its digits.
const FLOAT8_LEAST: f64 = 1e-290;
const FLOAT4_LEAST: f32 = 1e-30;

/// The mask of a `double precision`; `None` for what says nothing of anybody: infinity, and no number at all.
pub(in crate::form) fn mask_float8(key: &MaskKey, bucket: Option<Bucket>, value: f64) -> Option<Image> {
    let value = if value.abs() < FLOAT8_LEAST { 0.0 } else { value };
    mask(key, bucket, value.is_finite().then_some(value), FLOAT8)
}

/// The mask of a `real`, likewise.
pub(in crate::form) fn mask_float4(key: &MaskKey, bucket: Option<Bucket>, value: f32) -> Option<Image> {
    let value = if value.abs() < FLOAT4_LEAST { 0.0 } else { value };
    mask(key, bucket, value.is_finite().then_some(value), FLOAT4)
}

fn mask(key: &MaskKey, bucket: Option<Bucket>, value: Option<impl LowerExp>, kind: Digits) -> Option<Image> {
    let value = value?;
    let mut text = [0; TEXT_BYTES];
    let places = kind.permuted_max - 1;
    let mut rest = text.as_mut_slice();
    let written = write!(rest, "{value:.places$e}").is_ok();
    let free = rest.len();
    let text = text.get(..TEXT_BYTES - free).unwrap_or_default();
    let mut expanded = [b'0'; EXPANDED_DIGITS];
    let decimal = expand(text, &mut expanded)
        .and_then(Decimal::read)
        .filter(|_| written)?;
    Some(decimal.image(key, kind, bucket))
}

/// Scientific notation as digits and a point. `room` is all zeros.
fn expand<'a>(text: &[u8], room: &'a mut [u8; EXPANDED_DIGITS]) -> Option<&'a [u8]> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or((false, mantissa), |rest| (true, rest));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let count = digits.clone().count();
    // The sign, zeros before the digits, the digits, zeros behind them, and a point between.
    let zeros = usize::try_from(exponent.min(0).unsigned_abs()).ok()?;
    let whole = usize::try_from(exponent.max(0)).ok()? + 1;
    let length = 2 + (zeros + count).max(whole);
    if sign {
        *room.first_mut()? = b'-';
    }
    *room.get_mut(1 + whole)? = b'.';
    for (index, digit) in digits.enumerate() {
        let place = zeros + index;
        let place = if place < whole { place } else { place + 1 };
        *room.get_mut(1 + place)? = digit;
    }
    room.get(usize::from(!sign)..length)
}

/// Writes a float as the server does with its shortest digits, which are ours: no two decimals of so few are one float.
pub(in crate::form) fn push_float(image: Option<Image>, kind: Digits, out: &mut Vec<u8>) -> Option<()> {
    let image = &image?;
    let (digits, zeros) = significant(image);
    if digits == 0 {
        out.push(b'0');
        return Some(());
    }
    let exponent = exponent(image);
    let fixed = i32::try_from(kind.permuted_max).unwrap_or(i32::MAX);
    if (-4..fixed).contains(&exponent) {
        image.push(image.scale.saturating_sub(zeros), out);
        return Some(());
    }
    if image.negative {
        out.push(b'-');
    }
    let count = digits
        .checked_ilog10()
        .map_or(1, |below| usize::try_from(below).unwrap_or_default() + 1);
    let start = out.len();
    push_digits(digits, count, out);
    if count > 1 {
        out.insert(start + 1, b'.');
    }
    // A vector takes every write.
    let _written = write!(out, "e{exponent:+03}");
    Some(())
}

impl Image {
    /// The number as a float.
    pub(in crate::form) fn to_float<F: FromStr>(self) -> Option<F> {
        let mut text = [0; TEXT_BYTES];
        let mut rest = text.as_mut_slice();
        let sign = if self.negative { "-" } else { "" };
        let held = i32::try_from(self.held).ok()?;
        write!(rest, "{sign}{}e{}", self.digits, exponent(&self) + 1 - held).ok()?;
        let free = rest.len();
        std::str::from_utf8(text.get(..TEXT_BYTES - free)?).ok()?.parse().ok()
    }
}

/// The power of ten of the first digit.
fn exponent(image: &Image) -> i32 {
    let length = i32::try_from(image.length).unwrap_or_default();
    length - 1 - i32::try_from(image.scale).unwrap_or_default()
}

/// The digits without the zeros at the end of the number, and how many those are.
fn significant(image: &Image) -> (u64, usize) {
    let mut digits = image.digits;
    let mut zeros = image.length.saturating_sub(image.held);
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
        zeros += 1;
    }
    (digits, zeros)
}
