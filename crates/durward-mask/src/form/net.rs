//! Masks of network addresses. IPv4 and hardware addresses are permuted; an IPv6 address becomes a private one
//! (`fd00::/8`) from a hash, with 32 keyed check bits.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::feistel::{Halves, permute, permute_sql};
use super::key::MaskKey;
use super::sql::{self, Steps, call, case, cast, join, op};
use super::tag;

const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;

/// `inet` or `cidr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An address with the length of its network.
    Inet,
    /// A network: only its own bits are set.
    Cidr,
}

/// What becomes of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another address.
    Permute,
    /// Its network of 24 (48) bits.
    Network,
}

/// An address as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

/// Writes the mask of an address as text. `None` for what is no address.
pub(super) fn push_address(key: &MaskKey, kind: Kind, turn: Turn, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = std::str::from_utf8(cell).ok()?;
    let (address, bits) = text
        .split_once('/')
        .map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address = if let Ok(address) = address.parse() {
        Address::V4(address)
    } else {
        Address::V6(address.parse().ok()?)
    };
    let all = address.bits();
    let bits = match bits {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= all)?,
        None => all,
    };
    let image = address.mask(key, kind, turn, bits);
    // A vector takes every write.
    let _written = match image {
        Address::V4(image) => write!(out, "{image}"),
        Address::V6(image) => write!(out, "{image}"),
    };
    if bits != all || kind == Kind::Cidr {
        let _written = write!(out, "/{bits}");
    }
    Some(())
}

/// Writes the mask of an address in the server's binary form. `None` for what isn't one.
pub(super) fn push_address_binary(key: &MaskKey, kind: Kind, turn: Turn, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (head, address) = cell.split_at_checked(4)?;
    let [family, bits, _, _] = *head else {
        return None;
    };
    let address = match family {
        FAMILY_V4 => Address::V4(Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)),
        FAMILY_V6 => Address::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
        _ => return None,
    };
    let image = address.mask(key, kind, turn, u32::from(bits).min(address.bits()));
    out.extend_from_slice(head);
    match image {
        Address::V4(image) => out.extend_from_slice(&image.octets()),
        Address::V6(image) => out.extend_from_slice(&image.octets()),
    }
    Some(())
}

/// Writes the mask of a text that should be an address: dotted quads stay such, all else becomes a long IPv6 address.
pub(super) fn push_text_address(key: &MaskKey, text: &[u8], out: &mut Vec<u8>) {
    let v4: Option<Ipv4Addr> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    // A vector takes every write.
    let _written = match v4 {
        Some(address) => write!(out, "{}", permuted_v4(key, address, 32, tag::IPV4)),
        None => {
            let [a, b, c, d, e, f, g, h] = hashed_v6(key, text).segments();
            write!(out, "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04x}:{h:04x}")
        }
    };
}

/// Whether an address in text carries our check bits.
pub(super) fn could_be_own(key: &MaskKey, text: &[u8]) -> bool {
    let address: Option<Ipv6Addr> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    address.is_some_and(|address| {
        let octets = address.octets();
        octets
            .split_at_checked(12)
            .is_some_and(|(seen, check)| key.round(tag::CHECK, seen).starts_with(check))
    })
}

/// The twin of [`push_address`]: an inet or cidr.
pub(super) fn address_sql(block: &str, kind: Kind, turn: Turn, argument: &str) -> String {
    let bits = call("masklen", &["m.x"]);
    let is_v4 = op(&call("family", &["m.x"]), "=", "4");
    let image = match turn {
        Turn::Permute => {
            let v4 = match kind {
                Kind::Inet => v4_sql(&cast("32", "int4"), &tag::IPV4.to_string()),
                Kind::Cidr => {
                    let tweak = op(&op(&cast("m.k", "int8"), "+", "1"), "*", "256");
                    v4_sql("m.k", &op(&tweak, "+", &tag::IPV4.to_string()))
                }
            };
            let v6 = cast(&v6_text_sql("m.s"), "inet");
            case(&[(&is_v4, &op("('0.0.0.0')::pg_catalog.inet", "+", &v4))], &v6)
        }
        Turn::Network => {
            let narrow = case(&[(&is_v4, "24")], "48");
            let narrow = format!("LEAST(m.k, {narrow})");
            cast(&call("network", &[&call("set_masklen", &["m.x", &narrow])]), "inet")
        }
    };
    let kept = call("set_masklen", &[&format!("({image})"), "m.k"]);
    let result = match kind {
        Kind::Inet => kept,
        Kind::Cidr => cast(&kept, "cidr"),
    };
    let send = call("substr", &[&call("inet_send", &["m.x"]), "5"]);
    let steps = Steps::keyed(&cast(argument, "inet"), block).with(&[("k", &bits), ("s", &send)]);
    steps.give_keyed(&result)
}

/// The twin of [`push_text_address`].
pub(super) fn text_address_sql(block: &str, text: &str) -> String {
    let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    let is_v4 = op("m.x", "~", &format!("'^{octet}([.]{octet}){{3}}$'"));
    let send = call("substr", &[&call("inet_send", &[&cast("m.x", "inet")]), "5"]);
    let v4 = op(
        "('0.0.0.0')::pg_catalog.inet",
        "+",
        &v4_sql("32", &tag::IPV4.to_string()),
    );
    Steps::keyed(text, block)
        .with(&[("i", &is_v4)])
        .with(&[("s", &case(&[("m.i", &send)], &sql::bytes("m.x")))])
        .give_keyed(&case(&[("m.i", &call("host", &[&v4]))], &v6_text_sql("m.s")))
}

impl Address {
    const fn bits(self) -> u32 {
        match self {
            Self::V4(_) => 32,
            Self::V6(_) => 128,
        }
    }

    fn mask(self, key: &MaskKey, kind: Kind, turn: Turn, bits: u32) -> Self {
        match (self, turn) {
            (Self::V4(address), Turn::Permute) => {
                let (own_bits, tweak) = match kind {
                    Kind::Inet => (32, tag::IPV4),
                    Kind::Cidr => (bits, tag::IPV4 | (u64::from(bits) + 1) << 8),
                };
                Self::V4(permuted_v4(key, address, own_bits, tweak))
            }
            (Self::V6(address), Turn::Permute) => {
                let image = hashed_v6(key, &address.octets());
                match kind {
                    Kind::Inet => Self::V6(image),
                    Kind::Cidr => Self::V6(network_v6(image, bits)),
                }
            }
            (Self::V4(address), Turn::Network) => Self::V4(network_v4(address, bits.min(24))),
            (Self::V6(address), Turn::Network) => Self::V6(network_v6(address, bits.min(48))),
        }
    }
}

fn network_v4(address: Ipv4Addr, bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0))
}

fn network_v6(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0))
}

/// Moves the first `bits` bits.
fn permuted_v4(key: &MaskKey, address: Ipv4Addr, bits: u32, tweak: u64) -> Ipv4Addr {
    let number = u64::from(address.to_bits()) >> (32 - bits);
    let (left_size, right_size) = (1 << (bits - bits / 2), 1 << (bits / 2));
    let image = permute(
        key,
        tweak,
        Halves {
            left: number / right_size,
            left_size,
            right: number % right_size,
            right_size,
        },
    );
    let number = (image.left * right_size + image.right) << (32 - bits);
    Ipv4Addr::from_bits(u32::try_from(number).unwrap_or_default())
}

fn hashed_v6(key: &MaskKey, value: &[u8]) -> Ipv6Addr {
    let hash = key.hash(value);
    let mut octets = [0; 16];
    if let Some((seen, check)) = octets.split_at_mut_checked(12) {
        for (place, byte) in seen.iter_mut().zip(std::iter::once(&0xfd).chain(&hash)) {
            *place = *byte;
        }
        let checked = key.round(tag::CHECK, seen);
        for (place, byte) in check.iter_mut().zip(&checked) {
            *place = *byte;
        }
    }
    Ipv6Addr::from(octets)
}

/// The image, as a number of 32 bits, of the first `bits` bits of the four bytes `m.s`.
fn v4_sql(bits: &str, tweak: &str) -> String {
    let zeros = call("int4send", &["0"]);
    let number = op(&sql::number(&join(&[&zeros, "m.s"])), ">>", &op("32", "-", bits));
    let one = cast("1", "int8");
    let steps = Steps::new(&[("q", "m.q"), ("n", &number), ("k", bits), ("t", tweak)])
        .with(&[
            ("a", &op(&one, "<<", &op("m.k", "-", &op("m.k", "/", "2")))),
            ("b", &op(&one, "<<", &op("m.k", "/", "2"))),
        ])
        .with(&[("l", &op("m.n", "/", "m.b")), ("r", &op("m.n", "%", "m.b"))]);
    let image = op(&op("m.v5", "*", "m.b"), "+", "m.v6");
    permute_sql(steps).give(&op(&image, "<<", &op("32", "-", "m.k")))
}

/// The twin of `hashed_v6`, as text.
fn v6_text_sql(bytes: &str) -> String {
    let seen = join(&["'fd'", &sql::hex(&sql::hash("m.q", bytes), 22)]);
    let check = sql::round("m.q", &tag::CHECK.to_string(), &call("decode", &["m.x", "'hex'"]));
    let groups: Vec<String> = (0..8)
        .map(|group| call("substr", &["m.y", &(group * 4 + 1).to_string(), "4"]))
        .collect();
    let mut text = String::new();
    for group in &groups {
        text = if text.is_empty() {
            group.clone()
        } else {
            join(&[&text, "':'", group])
        };
    }
    Steps::keyed(&seen, "m.q")
        .with(&[("y", &join(&["m.x", &sql::hex(&check, 8)]))])
        .give(&text)
}
