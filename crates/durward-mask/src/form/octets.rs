//! Masks of uuids, hardware addresses and byte strings.
//!
//! A uuid becomes one of version 4 from a hash: 90 bits and 32 keyed check bits. Hardware addresses are permuted. A byte
//! string becomes 24 hexadecimal digits in ASCII, check digits included, which print well in both output formats.

use super::feistel::{Halves, int8, permute, permute_sql};
use super::key::MaskKey;
use super::sql::{self, Steps, call, cast, join, op};
use super::tag;
use super::template::{Template, hex_digits, push_hex};

const UUID_SEEN_BYTES: usize = 12;

/// How many bytes a hardware address has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hardware {
    /// `macaddr`.
    Six,
    /// `macaddr8`.
    Eight,
}

impl Hardware {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }

    const fn half(self) -> u64 {
        match self {
            Self::Six => 1 << 24,
            Self::Eight => 1 << 32,
        }
    }

    const fn tag(self) -> u64 {
        match self {
            Self::Six => tag::MAC48,
            Self::Eight => tag::MAC64,
        }
    }

    const fn sql_name(self) -> &'static str {
        match self {
            Self::Six => "macaddr",
            Self::Eight => "macaddr8",
        }
    }
}

/// The mask of a uuid.
pub(super) fn mask_uuid(key: &MaskKey, uuid: [u8; 16]) -> [u8; 16] {
    let mut image = [0; 16];
    for (place, byte) in image.iter_mut().zip(key.hash(&uuid)) {
        *place = byte;
    }
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut image;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    if let Some((seen, check)) = image.split_at_mut_checked(UUID_SEEN_BYTES) {
        for (place, byte) in check.iter_mut().zip(key.round(tag::CHECK, seen)) {
            *place = byte;
        }
    }
    image
}

/// Whether a uuid carries our check bits.
pub(super) fn could_be_own_uuid(key: &MaskKey, uuid: [u8; 16]) -> bool {
    uuid.split_at_checked(UUID_SEEN_BYTES)
        .is_some_and(|(seen, check)| key.round(tag::CHECK, seen).starts_with(check))
}

/// The twin of [`mask_uuid`].
pub(super) fn uuid_sql(block: &str, argument: &str) -> String {
    let bits = |place: &str, kept: &str, set: &str| op(&op(&call("get_byte", &["m.h", place]), "&", kept), "|", set);
    let image = call("substr", &["m.h", "1", &UUID_SEEN_BYTES.to_string()]);
    let seen = call("set_byte", &[&image, "6", &bits("6", "15", "64")]);
    let seen = call("set_byte", &[&seen, "8", &bits("8", "63", "128")]);
    let check = sql::round("m.q", &tag::CHECK.to_string(), "m.s");
    let check = call("substr", &[&check, "1", &(16 - UUID_SEEN_BYTES).to_string()]);
    let digits = call("encode", &[&join(&["m.s", &check]), "'hex'"]);
    Steps::keyed(&call("uuid_send", &[&cast(argument, "uuid")]), block)
        .with(&[("h", &sql::hash("m.q", "m.x"))])
        .with(&[("s", &seen)])
        .give(&cast(&digits, "uuid"))
}

/// Reads a uuid as the server writes it.
pub(super) fn read_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut uuid = [0; 16];
    let mut digits = text.iter().filter(|byte| **byte != b'-');
    for place in &mut uuid {
        *place = nibble(*digits.next()?)? << 4 | nibble(*digits.next()?)?;
    }
    digits.next().is_none().then_some(uuid)
}

/// Writes a uuid as the server does.
pub(super) fn push_uuid(uuid: [u8; 16], out: &mut Vec<u8>) {
    for (place, byte) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        push_byte(*byte, out);
    }
}

/// The mask of a hardware address.
pub(super) fn mask_hardware(key: &MaskKey, kind: Hardware, address: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if address.len() != kind.bytes() {
        return None;
    }
    let image = permuted_hardware(
        key,
        kind,
        address.iter().fold(0, |so_far, byte| so_far << 8 | u64::from(*byte)),
    );
    let bytes = image.to_be_bytes();
    out.extend_from_slice(bytes.get(bytes.len() - kind.bytes()..)?);
    Some(())
}

/// Writes the mask of a hardware address in pairs of digits. `separator` stands between them, or nothing does.
pub(super) fn push_hardware(
    key: &MaskKey,
    kind: Hardware,
    cell: &[u8],
    separator: Option<u8>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut number = 0;
    let mut digits = 0;
    for byte in cell.iter().filter(|byte| Some(**byte) != separator) {
        number = number << 4 | u64::from(nibble(*byte)?);
        digits += 1;
        if digits > 2 * kind.bytes() {
            return None;
        }
    }
    if digits != 2 * kind.bytes() {
        return None;
    }
    let image = permuted_hardware(key, kind, number).to_be_bytes();
    for (place, byte) in image.iter().skip(image.len() - kind.bytes()).enumerate() {
        if let Some(separator) = separator
            && place > 0
        {
            out.push(separator);
        }
        push_byte(*byte, out);
    }
    Some(())
}

/// The twin of [`mask_hardware`].
pub(super) fn hardware_sql(block: &str, kind: Hardware, argument: &str) -> String {
    let name = kind.sql_name();
    let bytes = call(&format!("{name}_send"), &[&cast(argument, name)]);
    let image = hardware_bytes_sql("m.q", kind, "m.x");
    Steps::keyed(&bytes, block).give(&cast(&call("encode", &[&image, "'hex'"]), name))
}

/// The image of an address as bytes, likewise.
pub(super) fn hardware_bytes_sql(block: &str, kind: Hardware, bytes: &str) -> String {
    let half = kind.bytes() / 2;
    // Eight bytes make a number.
    let zeros = call("substr", &[&call("int8send", &["0"]), "1", &(8 - half).to_string()]);
    let part = |from: usize| {
        let bytes = call("substr", &["m.x", &from.to_string(), &half.to_string()]);
        sql::number(&join(&[&zeros, &bytes]))
    };
    let steps = Steps::keyed(bytes, block).with(&[
        ("l", &part(1)),
        ("a", &int8(kind.half())),
        ("r", &part(half + 1)),
        ("b", &int8(kind.half())),
        ("t", &int8(kind.tag())),
    ]);
    let from = (9 - half).to_string();
    let part = |number: &str| call("substr", &[&call("int8send", &[number]), &from]);
    permute_sql(steps).give(&join(&[&part("m.v5"), &part("m.v6")]))
}

/// Writes the mask of a byte string in the output format of the cell. `None` where that is neither.
pub(super) fn push_bytea(key: &MaskKey, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let template = Template::bare(None);
    // The other format writes a backslash as two.
    match cell.strip_prefix(b"\\x") {
        Some(digits) => {
            let mut bytes = digits.chunks(2).map(|pair| match pair {
                [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
                _ => None,
            });
            let hash = key.hash_of_bytes(&mut bytes)?;
            out.extend_from_slice(b"\\x");
            let text = out.len();
            template.push(key, &hash, out);
            // Each byte becomes two digits, from the last on, so that none is overwritten before it is read.
            let bytes = out.len() - text;
            out.resize(text + 2 * bytes, 0);
            for place in (0..bytes).rev() {
                let byte = out.get(text + place).copied().unwrap_or_default();
                for (at, digit) in hex_digits(&[byte]).enumerate() {
                    if let Some(target) = out.get_mut(text + 2 * place + at) {
                        *target = digit;
                    }
                }
            }
        }
        None => {
            let mut rest = cell.iter();
            let mut bytes = std::iter::from_fn(|| Some(unescaped(*rest.next()?, &mut rest)));
            let hash = key.hash_of_bytes(&mut bytes)?;
            template.push(key, &hash, out);
        }
    }
    Some(())
}

/// Whether a byte string in text carries our check digits.
pub(super) fn could_be_own_bytea(key: &MaskKey, cell: &[u8]) -> bool {
    let template = Template::bare(None);
    match cell.strip_prefix(b"\\x") {
        Some(digits) => {
            let pairs = digits.chunks(2).map(|pair| match pair {
                [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
                _ => None,
            });
            let bytes: Option<Vec<u8>> = pairs.collect();
            bytes.is_some_and(|bytes| template.could_be_own(key, &bytes))
        }
        None => template.could_be_own(key, cell),
    }
}

/// The next byte of a string in the escape format.
fn unescaped(byte: u8, rest: &mut std::slice::Iter<'_, u8>) -> Option<u8> {
    if byte != b'\\' {
        return Some(byte);
    }
    match rest.next()? {
        b'\\' => Some(b'\\'),
        first => [first, rest.next()?, rest.next()?]
            .into_iter()
            .try_fold(0_u8, |so_far, digit| {
                let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
                so_far.checked_mul(8)?.checked_add(digit)
            }),
    }
}

fn permuted_hardware(key: &MaskKey, kind: Hardware, number: u64) -> u64 {
    let half = kind.half();
    let image = permute(
        key,
        kind.tag(),
        Halves {
            left: number / half,
            left_size: half,
            right: number % half,
            right_size: half,
        },
    );
    image.left * half + image.right
}

fn push_byte(byte: u8, out: &mut Vec<u8>) {
    push_hex(&[byte], 2, out);
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
