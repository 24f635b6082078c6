//! Credentials that their key or header names: `"password": "…"`, `API_KEY=…`, `Authorization: Bearer …`.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_model::Label;

use super::super::text::{Anchored, Hit, begins_word, is_base64, run, trimmed_end};
use super::entropy::bits_per_character;

pub(in super::super) const ANCHORED: &[Anchored] = &[
    Anchored {
        name: "assigned-password",
        label: Label::Password,
        // Without their first letter, so that it may be a capital.
        anchors: &[
            "assword",
            "ASSWORD",
            "asswd",
            "ASSWD",
            "assphrase",
            "pwd",
            "PWD",
            "Pwd",
            "PGPASS",
            "asswort",
            "ontraseña",
        ],
        find: password_after,
    },
    Anchored {
        name: "assigned-secret",
        label: Label::Secret,
        anchors: &[
            "ecret",
            "ECRET",
            "oken",
            "OKEN",
            "pi_key",
            "pi-key",
            "piKey",
            "PI_KEY",
            "pikey",
            "PI-Key",
            "Api-Key",
            "ccess_key",
            "ccessKey",
            "CCESS_KEY",
            "ccountKey",
            "rivate_key",
            "RIVATE_KEY",
            "app_key",
            "APP_KEY",
            "uth_key",
            "AUTH_KEY",
            "redential",
        ],
        find: secret_after,
    },
    Anchored {
        name: "authorization-bearer",
        label: Label::Secret,
        anchors: &["earer ", "EARER "],
        find: bearer_after,
    },
    Anchored {
        name: "authorization-basic",
        label: Label::Secret,
        anchors: &["asic ", "ASIC "],
        find: basic_after,
    },
];

/// How much of a value is looked at to judge it.
const VALUE_BYTES_MAX: usize = 512;
/// The longest rest of a key behind its telling part (`secret_access_key`).
const KEY_REST_BYTES_MAX: usize = 24;

/// What is assigned to a key.
struct Assigned {
    value: Range<usize>,
    is_quoted: bool,
}

/// A password: six characters and more, with a letter and a digit or sign.
fn password_after(text: &[u8], key: Range<usize>) -> Option<Hit> {
    let assigned = Assigned::to(text, key.end)?;
    let password = assigned.text(text);
    let has_letter = password.iter().any(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    // Words joined by dashes are no passwords, and prose is none either.
    let has_other = password
        .iter()
        .any(|byte| byte.is_ascii_digit() || b"!#$%^&*@+=?~".contains(byte));
    (password.len() >= 6 && has_letter && has_other && !assigned.is_reference(text)).then(|| assigned.hit(text))
}

/// A key or token: sixteen characters and more, with letters and digits, and as many different ones as random has.
fn secret_after(text: &[u8], key: Range<usize>) -> Option<Hit> {
    let assigned = Assigned::to(text, key.end)?;
    let secret = assigned.text(text);
    let is_mixed = secret.iter().any(u8::is_ascii_digit) && secret.iter().any(u8::is_ascii_alphabetic);
    let is_token = secret
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~%:|".contains(byte));
    let is_likely = secret.len() >= 16 && is_mixed && is_token && bits_per_character(secret) >= 3.0;
    (is_likely && !assigned.is_reference(text)).then(|| assigned.hit(text))
}

/// Rests of keys behind their telling part that leave it what it is (`secret_access_key`, `passwordHash`), without
/// separators and in lower case. Others tell about it (`password_changed_at`, `secretName`).
const KEY_RESTS: &[&str] = &[
    "",
    "s",
    "1",
    "2",
    "accesskey",
    "confirm",
    "confirmation",
    "digest",
    "encoded",
    "encrypted",
    "hash",
    "key",
    "new",
    "old",
    "plain",
    "raw",
    "salt",
    "text",
    "value",
];

impl Assigned {
    /// What is assigned to a key that ends at a place: behind the rest of it, quotes, and `=`, `:`, `=>` or `:=`.
    fn to(text: &[u8], key_end: usize) -> Option<Self> {
        let rest = text.get(key_end..)?;
        let rest = rest.get(..KEY_REST_BYTES_MAX + 16 + VALUE_BYTES_MAX).unwrap_or(rest);
        let mut at = run_of(rest, 0, KEY_REST_BYTES_MAX, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
        });
        if !is_key_rest(rest.get(..at)?) {
            return None;
        }
        at += run_of(rest, at, 3, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']'));
        at += run_of(rest, at, 2, |byte| byte == b' ');
        let signs = run_of(rest, at, 2, |byte| matches!(byte, b'=' | b':' | b'>'));
        // Not what compares (`==`) or leads into a module (`::`).
        let assigns: [&[u8]; 4] = [b"=", b":", b":=", b"=>"];
        if !assigns.contains(&rest.get(at..at + signs)?) {
            return None;
        }
        at += signs;
        at += run_of(rest, at, 2, |byte| byte == b' ');
        let quotes = run_of(rest, at, 2, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b'`'));
        at += quotes;
        let is_quoted = quotes > 0;
        let length = run_of(rest, at, VALUE_BYTES_MAX, |byte| !ends_value(byte, is_quoted));
        let length = trimmed_end(rest.get(at..at + length)?);
        let start = key_end + at;
        (length > 0).then_some(Self {
            value: start..start + length,
            is_quoted,
        })
    }

    fn text<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.value.clone()).unwrap_or_default()
    }

    /// The finding, up to the end of the value.
    fn hit(self, text: &[u8]) -> Hit {
        hit_to_end(text, self.value, |byte| !ends_value(byte, self.is_quoted))
    }

    /// Whether the value only says where the real one is: a variable, a template, a path, a type, a function's result, a
    /// mask.
    fn is_reference(&self, text: &[u8]) -> bool {
        let value = self.text(text);
        let begins = |beginnings: &[&[u8]]| beginnings.iter().any(|beginning| value.starts_with(beginning));
        let is_variable = value.strip_prefix(b"$").is_some_and(|name| {
            name.iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        });
        let is_template = is_variable || begins(&[b"${", b"$(", b"{{", b"%(", b"%{", b"vault:", b"arn:"]);
        // A day on which something happened to the password.
        let is_day =
            matches!(value, [y, e, a, r, b'-', m, ..] if [y, e, a, r, m].iter().all(|byte| byte.is_ascii_digit()));
        let is_mask = value.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'));
        let is_code = !self.is_quoted
            && (begins(&[
                b"$",
                b"{",
                b"*",
                b"&",
                b"/",
                b"./",
                b"~/",
                b"process.env",
                b"os.",
                b"env.",
                b"http",
            ]) || value.iter().any(|byte| matches!(byte, b'(' | b'['))
                || value.windows(2).any(|pair| pair == b"::"));
        is_template || is_day || is_mask || is_code
    }
}

/// Whether a byte ends a value: space, a quote, what closes a tag or a pair; without quotes, also what closes a list.
const fn ends_value(byte: u8, is_quoted: bool) -> bool {
    byte <= b' '
        || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b';')
        || (!is_quoted && matches!(byte, b',' | b'&' | b'}' | b')'))
}

/// A finding whose value was looked at up to [`VALUE_BYTES_MAX`] and goes on to its end. Such a long one is certain, so
/// that what is in it is not looked at again.
fn hit_to_end(text: &[u8], value: Range<usize>, is_part: impl Fn(u8) -> bool) -> Hit {
    if value.len() < VALUE_BYTES_MAX {
        return Hit::checked(value);
    }
    let more = run(text.get(value.end..).unwrap_or_default(), is_part);
    Hit::certain(value.start..value.end + more)
}

fn is_key_rest(rest: &[u8]) -> bool {
    let mut letters = rest
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase);
    KEY_RESTS.iter().any(|known| letters.clone().eq(known.bytes())) || letters.all(|byte| byte.is_ascii_digit())
}

fn run_of(text: &[u8], at: usize, most: usize, is_of_kind: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    run(rest.get(..most).unwrap_or(rest), is_of_kind)
}

/// A token behind `Bearer` (RFC 6750, section 2.1), as a header or in prose: sixteen characters and more, with a digit.
fn bearer_after(text: &[u8], scheme: Range<usize>) -> Option<Hit> {
    let is_bearer = scheme
        .start
        .checked_sub(1)
        .is_some_and(|first| matches!(text.get(first), Some(b'B' | b'b')) && begins_word(text, first));
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let rest = text.get(scheme.end..)?;
    let length = run_of(rest, 0, VALUE_BYTES_MAX, is_part);
    let length = trimmed_end(rest.get(..length)?);
    let has_digit = rest.get(..length)?.iter().any(u8::is_ascii_digit);
    (is_bearer && length >= 16 && has_digit).then(|| hit_to_end(text, scheme.end..scheme.end + length, is_part))
}

/// Name and password in base64 behind `Basic` (RFC 7617, section 2).
fn basic_after(text: &[u8], scheme: Range<usize>) -> Option<Hit> {
    let is_basic = scheme
        .start
        .checked_sub(1)
        .is_some_and(|first| matches!(text.get(first), Some(b'B' | b'b')) && begins_word(text, first));
    let rest = text.get(scheme.end..)?;
    let length = run_of(rest, 0, VALUE_BYTES_MAX, is_base64);
    if !is_basic || length < 8 {
        return None;
    }
    let decoded = STANDARD.decode(rest.get(..length)?).ok()?;
    let is_pair = decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ');
    let end = scheme.end + length;
    is_pair.then(|| Hit::certain(scheme.end..end + run(text.get(end..).unwrap_or_default(), is_base64)))
}
