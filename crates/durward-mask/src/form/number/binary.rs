//! `numeric` in binary: counts, then groups of four decimal digits (`numeric_send`).

use super::{Bucket, Decimal, Image};
use crate::form::key::MaskKey;

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;
const GROUP_DIGITS: i32 = 4;
const GROUP_PLACES: [u16; 4] = [1_000, 100, 10, 1];

/// Writes the mask of a numeric in binary. `None` for what isn't one.
pub(in crate::form) fn push_numeric_binary(
    key: &MaskKey,
    bucket: Option<Bucket>,
    cell: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let start = out.len();
    if push_text(cell, out)? {
        let decimal = Decimal::read(out.get(start..)?)?;
        let image = decimal.image(key, super::NUMERIC, bucket);
        let places = u16::try_from(decimal.places).ok()?;
        out.truncate(start);
        push(&image, places, out)
    } else {
        out.extend_from_slice(cell);
        Some(())
    }
}

/// Writes a number's text; `false` where it is none or infinite.
fn push_text(cell: &[u8], out: &mut Vec<u8>) -> Option<bool> {
    let (head, groups) = cell.split_at_checked(8)?;
    let mut head = head
        .chunks_exact(2)
        .map(|pair| pair.try_into().map(u16::from_be_bytes).ok());
    let (count, weight, sign, places) = (head.next()??, head.next()??, head.next()??, head.next()??);
    match sign {
        POSITIVE => {}
        NEGATIVE => out.push(b'-'),
        _ => return Some(false),
    }
    let groups = || groups.chunks_exact(2).take(count.into());
    let weight = i32::from(weight.cast_signed());
    let group = |weight_wanted: i32| -> u16 {
        let index = usize::try_from(weight - weight_wanted).ok();
        let pair = index
            .and_then(|index| groups().nth(index))
            .and_then(|pair| pair.try_into().ok());
        pair.map_or(0, u16::from_be_bytes)
    };
    for weight in (0..=weight.max(0)).rev() {
        push_group(group(weight), out);
    }
    if places > 0 {
        out.push(b'.');
        let end = out.len() + usize::from(places);
        let mut weight = -1;
        while out.len() < end {
            push_group(group(weight), out);
            weight -= 1;
        }
        out.truncate(end);
    }
    Some(true)
}

fn push_group(group: u16, out: &mut Vec<u8>) {
    for place in GROUP_PLACES {
        out.push(b'0' + u8::try_from(group / place % 10).unwrap_or_default());
    }
}

fn push(image: &Image, places: u16, out: &mut Vec<u8>) -> Option<()> {
    let length = i32::try_from(image.length).ok()?;
    let highest = length - 1 - i32::try_from(image.scale).ok()?;
    let held = i32::try_from(image.held).ok()?;
    let mut lowest = highest + 1 - held;
    let mut digits = image.digits;
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
        lowest += 1;
    }
    let (top, bottom) = (highest.div_euclid(GROUP_DIGITS), lowest.div_euclid(GROUP_DIGITS));
    let (count, weight) = if digits == 0 { (0, 0) } else { (top - bottom + 1, top) };
    let sign = if image.negative { NEGATIVE } else { POSITIVE };
    out.extend_from_slice(&i16::try_from(count).ok()?.to_be_bytes());
    out.extend_from_slice(&i16::try_from(weight).ok()?.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&places.to_be_bytes());
    for index in 0..count {
        let first = (top - index) * GROUP_DIGITS + GROUP_DIGITS - 1;
        let mut group = 0_u16;
        for (offset, place) in (0..).zip(GROUP_PLACES) {
            let digit = usize::try_from(highest - (first - offset))
                .ok()
                .filter(|at| *at < image.length)
                .map_or(0, |at| image.digit(at) - b'0');
            group += u16::from(digit) * place;
        }
        out.extend_from_slice(&group.to_be_bytes());
    }
    Some(())
}
