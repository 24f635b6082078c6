//! Passwords in addresses and in connection strings.

use std::ops::Range;

use durward_model::Label;

use super::super::Strength;
use super::super::cell::Cell;
use super::super::text::{Anchored, Hit, run, run_before};

pub(in super::super) const ANCHORED: &[Anchored] = &[
    Anchored {
        name: "url-password",
        label: Label::Secret,
        anchors: &["://"],
        find: url_around,
    },
    Anchored {
        name: "jdbc-password",
        label: Label::Secret,
        anchors: &[
            "jdbc:postgresql:",
            "jdbc:mysql:",
            "jdbc:mariadb:",
            "jdbc:sqlserver:",
            "jdbc:jtds:",
            "jdbc:oracle:",
            "jdbc:redshift:",
            "jdbc:snowflake:",
            "jdbc:clickhouse:",
            "jdbc:vertica:",
            "jdbc:trino:",
        ],
        find: jdbc_at,
    },
];

pub(in super::super) const CELLS: &[Cell] = &[Cell {
    name: "connection-string",
    label: Label::Secret,
    strength: connection_string,
}];

/// The longest address that is looked at.
const URL_BYTES_MAX: usize = 1024;

/// An address with a password in it (RFC 3986, section 3.2.1): `postgres://user:password@host/db`.
fn url_around(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let scheme = run_before(text, anchor.start, 32, is_scheme);
    let start = anchor.start - scheme;
    let rest = text.get(anchor.end..)?;
    let window = rest.get(..URL_BYTES_MAX).unwrap_or(rest);
    // The password may hold what should be encoded, but no slash: that begins the path.
    let authority = window.get(..run(window, |byte| is_url(byte) && byte != b'/'))?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let user = authority.get(..at)?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.get(colon + 1..)?;
    // An image's digest stands behind an `@` too.
    let is_digest = authority.get(at + 1..)?.starts_with(b"sha256:");
    let length = run(window, is_url);
    (scheme > 0 && !is_digest && is_filled(password)).then(|| Hit::certain(start..anchor.end + length))
}

/// An address for Java's drivers that has a password among its parameters, or before an `@` (Oracle).
fn jdbc_at(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = text.get(anchor.start..)?;
    let window = rest.get(..URL_BYTES_MAX).unwrap_or(rest);
    let url = window.get(..run(window, is_url))?;
    let has_parameter = url
        .split(|byte| matches!(byte, b'?' | b'&' | b';' | b'('))
        .any(|parameter| {
            let mut halves = parameter.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            [b"password".as_slice(), b"pwd", b"ssl_password"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
                && halves.next().is_some_and(is_filled)
        });
    let oracle = url
        .strip_prefix(b"jdbc:oracle:")
        .and_then(|rest| rest.get(..rest.iter().position(|byte| *byte == b'@')?))
        .and_then(|user| user.splitn(2, |byte| *byte == b'/').nth(1));
    (has_parameter || oracle.is_some_and(is_filled)).then(|| Hit::certain(anchor.start..anchor.start + url.len()))
}

/// A character of an address in text, brackets and braces of templates included.
const fn is_url(byte: u8) -> bool {
    byte > b' ' && byte != 0x7F && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
}

/// Whether a password is one, not a placeholder that stands for none.
fn is_filled(password: &[u8]) -> bool {
    let is_masked = password.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'));
    let is_template = password.starts_with(b"$")
        || password.starts_with(b"{")
        || password.starts_with(b"%{")
        || password.starts_with(b"[");
    !is_masked && !is_template
}

/// Names of passwords and keys in connection strings, in lower case without spaces.
const SECRET_NAMES: &[&str] = &[
    "password",
    "pwd",
    "accountkey",
    "sharedaccesskey",
    "secret",
    "apikey",
    "accesskey",
];

/// A connection string of pairs, with semicolons (ADO.NET, ODBC, Azure) or spaces (libpq) between them, among which
/// there is a password or key.
fn connection_string(value: &str) -> Option<Strength> {
    if value.len() > URL_BYTES_MAX || !value.contains('=') {
        return None;
    }
    let separator = if value.contains(';') { ';' } else { ' ' };
    let (mut count, mut has_secret) = (0, false);
    for pair in value.split(separator).filter(|pair| !pair.trim().is_empty()) {
        let (name, held) = pair.split_once('=')?;
        let name = name.replace(' ', "").to_ascii_lowercase();
        count += 1;
        has_secret |= SECRET_NAMES.contains(&name.as_str()) && !held.is_empty() && is_filled(held.as_bytes());
    }
    (count >= 2 && has_secret).then_some(Strength::Certain)
}
