//! Private keys in armour: PEM (RFC 7468), OpenSSH, PGP (RFC 9580, section 6.2), PuTTY.

use std::ops::Range;

use durward_model::Label;

use super::super::text::{Anchored, Hit, is_base64, run};

pub(in super::super) const ANCHORED: &[Anchored] = &[
    Anchored {
        name: "private-key",
        label: Label::Secret,
        anchors: &["-----BEGIN ", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY"],
        find: private_key,
    },
    Anchored {
        name: "putty-private-key",
        label: Label::Secret,
        anchors: &["PuTTY-User-Key-File-"],
        find: putty_key,
    },
];

/// How far into the armour the first line of the key stands, behind headers.
const HEADER_BYTES_MAX: usize = 400;
/// What is shorter in a line is a header, or prose about keys.
const KEY_LINE_BYTES_MIN: usize = 16;

/// A private key, up to the end of its armour; or, where that is cut off, of the text in which it stands.
fn private_key(text: &[u8], begin: Range<usize>) -> Option<Hit> {
    let rest = text.get(begin.start..)?;
    let first_line = rest.get(..80).unwrap_or(rest);
    let title = first_line.get(..find(first_line.get(5..)?, b"----")? + 5)?;
    (find(title, b"PRIVATE KEY").is_some() && has_key_line(rest.get(title.len()..)?))
        .then(|| Hit::certain(begin.start..begin.start + block_length(rest)))
}

/// PuTTY's own file, up to its MAC; there is always one.
fn putty_key(text: &[u8], begin: Range<usize>) -> Option<Hit> {
    let rest = text.get(begin.start..)?;
    let head = rest.get(..2 * HEADER_BYTES_MAX).unwrap_or(rest);
    find(head, b"Public-Lines")?;
    let length = find(rest, b"Private-MAC: ").map_or(rest.len(), |mac| {
        let digits = rest.get(mac + 13..).unwrap_or_default();
        mac + 13 + run(digits, |byte| byte.is_ascii_hexdigit())
    });
    Some(Hit::certain(begin.start..begin.start + length))
}

/// Whether a line of base64 follows soon. Lines may be joined by escapes.
fn has_key_line(text: &[u8]) -> bool {
    let window = text.get(..HEADER_BYTES_MAX).unwrap_or(text);
    window
        .split(|byte| !is_base64(*byte))
        .any(|line| line.len() >= KEY_LINE_BYTES_MIN)
}

/// How long the block is that a text begins with.
fn block_length(text: &[u8]) -> usize {
    let within = run(text, |byte| !matches!(byte, b'"' | b'<' | b'`'));
    let block = text.get(..within).unwrap_or(text);
    let end = find(block, b"-----END ").or_else(|| find(block, b"---- END "));
    let Some(end) = end else { return block.len() };
    let footer = block.get(end..).unwrap_or_default();
    let title = run(footer.get(5..).unwrap_or_default(), |byte| {
        byte.is_ascii_alphanumeric() || byte == b' '
    });
    let dashes = run(footer.get(5 + title..).unwrap_or_default(), |byte| byte == b'-');
    end + 5 + title + dashes.min(5)
}

/// Where a text has another.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let place = text.windows(part.len()).position(|window| window == part);
    #[cfg(test)]
    super::super::text::work::count(place.unwrap_or(text.len()));
    place
}
