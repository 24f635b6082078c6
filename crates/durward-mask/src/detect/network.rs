//! Addresses of machines: IP (versions 4 and 6) and MAC.
//!
//! Cost: at a word with a digit that a dot or colon follows, at most 45 bytes either way.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use durward_model::Label;

use super::cell::Cell;
use super::cue::has_cue;
use super::text::{ends_word, run, run_before};
use super::{Finding, Strength};

pub(super) const CELLS: &[Cell] = &[
    Cell {
        name: "ipv4",
        label: Label::IpAddress,
        strength: |value| ipv4(without_suffix(value)),
    },
    Cell {
        name: "ipv6",
        label: Label::IpAddress,
        strength: |value| ipv6(without_suffix(value)),
    },
    Cell {
        name: "mac-address",
        label: Label::MacAddress,
        strength: mac,
    },
];

/// Words that tell an address of version 4 from a version number.
const CUES: &[&str] = &[
    "ip", "ipv4", "addr", "address", "host", "remote", "client", "from", "server", "peer", "login",
];

/// Words that announce a hardware address.
const MAC_CUES: &[&str] = &["mac", "hwaddr", "ether", "lladdr", "address", "bssid"];

/// The longest address: version 6 with an address of version 4 at its end.
const ADDRESS_BYTES_MAX: usize = 45;

/// The address around a word of running text. `tried_to` is how far addresses with colons have been tried.
pub(super) fn address_at(text: &[u8], word: &Range<usize>, tried_to: &mut usize) -> Option<Finding> {
    let before = word.start.checked_sub(1).and_then(|at| text.get(at)).copied();
    let after = text.get(word.end).copied();
    if after == Some(b'.') && before != Some(b'.') {
        return match word.len() {
            0..=3 => dotted(text, word.start).or_else(|| grouped(text, word, tried_to)),
            4 => three_groups(text, word.start),
            _longer => None,
        };
    }
    let is_grouped =
        [before, after].contains(&Some(b':')) || (word.len() == 2 && [before, after].contains(&Some(b'-')));
    if is_grouped {
        grouped(text, word, tried_to)
    } else {
        None
    }
}

/// An address of version 4 in running text: clear ones, and others after a cue.
fn dotted(text: &[u8], start: usize) -> Option<Finding> {
    let rest = text.get(start..)?;
    let length = run(rest.get(..16).unwrap_or(rest), |byte| {
        byte.is_ascii_digit() || byte == b'.'
    });
    let length = super::text::trimmed_end(rest.get(..length)?);
    let strength = ipv4(std::str::from_utf8(rest.get(..length)?).ok()?)?;
    let end = start + length;
    (ends_word(text, end) && (strength >= Strength::Checked) && has_cue(text, start, CUES)).then_some(Finding {
        label: Label::IpAddress,
        format: "ipv4",
        strength,
        span: start..end,
    })
}

/// A hardware address in three groups, of which the first has a digit, after a cue: collation tables have such groups
/// too.
fn three_groups(text: &[u8], start: usize) -> Option<Finding> {
    let span = start..start.checked_add(14)?;
    let value = std::str::from_utf8(text.get(span.clone())?).ok()?;
    (mac(value) == Some(Strength::Checked) && ends_word(text, span.end) && has_cue(text, start, MAC_CUES)).then_some(
        Finding {
            label: Label::MacAddress,
            format: "mac-address",
            strength: Strength::Checked,
            span,
        },
    )
}

/// An address of version 6, or of hardware, around a word of running text.
fn grouped(text: &[u8], word: &Range<usize>, tried_to: &mut usize) -> Option<Finding> {
    if word.start < *tried_to || word.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-');
    let start = word.start - run_before(text, word.start, ADDRESS_BYTES_MAX, is_part);
    let rest = text.get(start..)?;
    let window = rest.get(..=ADDRESS_BYTES_MAX).unwrap_or(rest);
    let length = run(window, |byte| is_part(byte) || byte == b'.');
    let length = window
        .get(..length)?
        .iter()
        .rposition(|byte| byte.is_ascii_hexdigit())?
        + 1;
    let end = start + length;
    *tried_to = end;
    if !super::text::begins_word(text, start) || !ends_word(text, end) {
        return None;
    }
    let bytes = text.get(start..end)?;
    // Clocks, dates and the like have fewer separators than either address.
    let separators = bytes.iter().filter(|byte| matches!(byte, b':' | b'-')).count();
    if separators < 5 && !bytes.windows(2).any(|pair| pair == b"::") {
        return None;
    }
    let value = std::str::from_utf8(bytes).ok()?;
    let (label, format) = match (ipv6(value), mac(value)) {
        (Some(Strength::Checked), _) => (Label::IpAddress, "ipv6"),
        (_, Some(Strength::Checked)) => (Label::MacAddress, "mac-address"),
        (None | Some(_), None | Some(_)) => return None,
    };
    Some(Finding {
        label,
        format,
        strength: Strength::Checked,
        span: start..end,
    })
}

/// An address without its length of network or zone (RFC 4291, section 2.3; RFC 4007, section 11).
fn without_suffix(value: &str) -> &str {
    value.split(['/', '%']).next().unwrap_or(value)
}

/// An address of version 4 (RFC 1123, section 2.1). Versions look the same, but rarely have big numbers in front, or
/// two of them.
fn ipv4(value: &str) -> Option<Strength> {
    let address: Ipv4Addr = value.parse().ok()?;
    let [first, ..] = address.octets();
    let big = address.octets().iter().filter(|octet| **octet >= 32).count();
    Some(if first >= 32 || big >= 2 {
        Strength::Checked
    } else {
        Strength::Shape
    })
}

/// An address of version 6 (RFC 4291, section 2.2). Short ones look like a clock, or like names joined by `::`.
fn ipv6(value: &str) -> Option<Strength> {
    let _: Ipv6Addr = value.parse().ok()?;
    let groups = value.split(':').filter(|group| !group.is_empty()).count();
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    Some(if groups >= 3 && has_digit {
        Strength::Checked
    } else {
        Strength::Shape
    })
}

/// A hardware address (IEEE 802, EUI-48): six pairs, or three groups of four as some vendors write.
fn mac(value: &str) -> Option<Strength> {
    let has_groups = |separator: char, count: usize, length: usize| {
        let mut groups = value.split(separator);
        groups.clone().count() == count
            && groups.all(|group| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let is_mac = has_groups(':', 6, 2) || has_groups('-', 6, 2) || has_groups('.', 3, 4);
    // All decimal pairs with dashes or dots are as likely a date or an order's number.
    let has_letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_mac.then_some(if has_letter || value.contains(':') {
        Strength::Checked
    } else {
        Strength::Shape
    })
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use crate::detect::tests::{Example, check};

    /// Formats, a value of each, and one that is not.
    pub(in crate::detect) const EXAMPLES: &[Example] = &[
        ("ipv4", "192.168.1.17", "192.168.1.256"),
        ("ipv4", "203.0.113.77", "203.0.113"),
        ("ipv6", "2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3:8a2e:370:7334"),
        ("ipv6", "fe80::1ff:fe23:4567:890a", "12:34:56"),
        ("mac-address", "00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D"),
        ("mac-address", "00-1a-2b-3c-4d-5e", "00-1a-2b-3c-4d-5g"),
        ("mac-address", "001a.2b3c.4d5e", "001a.2b3c.4d5"),
    ];

    #[test]
    fn values_are_told() {
        check(EXAMPLES);
    }
}
