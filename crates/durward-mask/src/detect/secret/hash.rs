//! What is kept of passwords: modular crypt formats, and those of frameworks, databases and directories.

use std::ops::Range;

use durward_model::Label;

use super::super::text::{
    Anchored, Hit, begins_word, ends_word, is_alphanumeric, is_base64, run, run_before, trimmed_end,
};

pub(in super::super) const ANCHORED: &[Anchored] = &[
    hash("bcrypt", &["$2a$", "$2b$", "$2x$", "$2y$"], bcrypt),
    hash("argon2", &["$argon2id$", "$argon2i$", "$argon2d$"], parts::<40>),
    hash("md5-crypt", &["$1$", "$apr1$"], crypt::<22>),
    hash("sha256-crypt", &["$5$"], crypt::<43>),
    hash("sha512-crypt", &["$6$"], crypt::<86>),
    hash("yescrypt", &["$y$", "$gy$", "$7$"], crypt::<43>),
    hash("phpass", &["$P$", "$H$"], fixed::<31>),
    hash("drupal-hash", &["$S$"], fixed::<52>),
    hash("mysql-caching-sha2", &["$A$0"], fixed::<60>),
    hash("scrypt", &["$scrypt$", "$s0$", "scrypt:", "scrypt$"], parts::<40>),
    hash("pbkdf2", &["$pbkdf2", "pbkdf2_sha", "pbkdf2:sha"], parts::<40>),
    hash("django-hash", &["sha1$", "md5$"], django),
    hash("postgres-scram", &["SCRAM-SHA-256$", "SCRAM-SHA-1$"], scram),
    hash("postgres-md5", &["md5"], postgres_md5),
    hash("mysql-native", &["*"], mysql_native),
    hash(
        "ldap-hash",
        &[
            "{SSHA", "{SHA", "{SMD5}", "{MD5}", "{PBKDF2", "{CRYPT}", "{ARGON2}", "{ssha", "{bcrypt}",
        ],
        directory,
    ),
];

const fn hash(
    name: &'static str,
    anchors: &'static [&'static str],
    find: fn(&[u8], Range<usize>) -> Option<Hit>,
) -> Anchored {
    Anchored {
        name,
        label: Label::PasswordHash,
        anchors,
        find,
    }
}

/// The longest hash that is looked at.
const HASH_BYTES_MAX: usize = 400;

/// A character of crypt's own base 64.
const fn is_crypt64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

/// A character of crypt's own base 64 or of the standard one.
const fn is_crypt64_padded(byte: u8) -> bool {
    is_crypt64(byte) || matches!(byte, b'+' | b'=' | b'$')
}

/// A character of a hash with parameters.
const fn is_hash(byte: u8) -> bool {
    is_crypt64(byte) || matches!(byte, b'$' | b'=' | b',' | b'+' | b'-' | b'_' | b':')
}

fn window(text: &[u8], start: usize) -> Option<&[u8]> {
    let rest = text.get(start..)?;
    Some(rest.get(..HASH_BYTES_MAX).unwrap_or(rest))
}

/// Provos and Mazières' bcrypt: two digits of cost, 22 characters of salt, 31 of hash. Frameworks put a word before it.
fn bcrypt(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let [tens, ones, b'$', hash @ ..] = rest else {
        return None;
    };
    let length = run(hash, is_crypt64);
    (tens.is_ascii_digit() && ones.is_ascii_digit() && length == 53)
        .then(|| Hit::certain(with_framework(text, anchor.start)..anchor.end + 3 + length))
}

/// Where a hash begins with the name that a framework puts before it (`bcrypt_sha256$$2b$…`, `{bcrypt}$2b$…`).
fn with_framework(text: &[u8], start: usize) -> usize {
    let before = run_before(text, start, 20, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'{' | b'}')
    });
    let prefix = text.get(start - before..start).unwrap_or_default();
    if prefix.starts_with(b"bcrypt") || prefix.starts_with(b"argon2") || prefix.starts_with(b"{") {
        start - before
    } else {
        start
    }
}

/// Drepper's SHA-crypt, Kamp's MD5-crypt and their like: parameters, salt, and a last part of `N` characters.
fn crypt<const N: usize>(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let length = run(rest, |byte| is_crypt64(byte) || matches!(byte, b'$' | b'='));
    let hash = rest.get(..length)?;
    let dollar = hash.iter().rposition(|byte| *byte == b'$')?;
    let last = run(hash.get(dollar + 1..)?, is_crypt64);
    (last == N).then(|| Hit::certain(anchor.start..anchor.end + dollar + 1 + last))
}

/// A hash of `N` characters right behind its name.
fn fixed<const N: usize>(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let length = run(rest, |byte| is_crypt64(byte) || byte == b'$');
    (length == N || (N == 60 && length >= N)).then(|| Hit::certain(anchor.start..anchor.end + length))
}

/// Argon2 (RFC 9106), scrypt and PBKDF2 as frameworks write them: parameters, salt and hash, at least two separators
/// and `N` characters in all, the last part 16 and more.
fn parts<const N: usize>(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let hash = rest.get(..run(rest, is_hash))?;
    // Signs that end a hash's surroundings may be its parameters' as well, but not its last part's.
    let dollar = hash.iter().rposition(|byte| *byte == b'$')?;
    let length = dollar
        + 1
        + run(hash.get(dollar + 1..)?, |byte| {
            is_crypt64(byte) || matches!(byte, b'+' | b'=' | b'-' | b'_')
        });
    let length = trimmed_end(hash.get(..length)?);
    let hash = hash.get(..length)?;
    let dollars = hash.iter().filter(|byte| **byte == b'$').count();
    let last = hash.rsplit(|byte| *byte == b'$').next()?;
    let begins = text.get(anchor.start) == Some(&b'$') || begins_word(text, anchor.start);
    (begins && dollars >= 2 && length >= N && last.len() >= 16)
        .then(|| Hit::certain(with_framework(text, anchor.start)..anchor.end + length))
}

/// Django's unstretched hashes: salt and hexadecimal digits.
fn django(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let salt = run(rest, is_alphanumeric);
    let hash = rest.get(salt..)?.strip_prefix(b"$")?;
    let digits = run(hash, |byte| byte.is_ascii_hexdigit());
    let end = anchor.end + salt + 1 + digits;
    (begins_word(text, anchor.start) && (1..=64).contains(&salt) && matches!(digits, 32 | 40) && ends_word(text, end))
        .then(|| Hit::certain(anchor.start..end))
}

/// PostgreSQL's verifier: iterations and salt, stored and server key (`src/common/scram-common.c`,
/// `scram_build_secret`).
fn scram(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let length = run(rest, |byte| is_base64(byte) || matches!(byte, b'$' | b':'));
    let verifier = rest.get(..length)?;
    let colons = verifier.iter().filter(|byte| **byte == b':').count();
    (verifier.first().is_some_and(u8::is_ascii_digit) && colons == 2 && verifier.contains(&b'$') && length >= 60)
        .then(|| Hit::certain(anchor.start..anchor.end + length))
}

/// PostgreSQL's older form: `md5` and 32 hexadecimal digits.
fn postgres_md5(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let digits = run(window(text, anchor.end)?, |byte| byte.is_ascii_hexdigit());
    let end = anchor.end + digits;
    (digits == 32 && begins_word(text, anchor.start) && ends_word(text, end)).then(|| Hit::checked(anchor.start..end))
}

/// `mysql_native_password`: an asterisk and 40 hexadecimal digits in capitals.
fn mysql_native(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.end)?;
    let digits = run(rest, |byte| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F'));
    let end = anchor.end + digits;
    (digits == 40 && begins_word(text, anchor.start) && ends_word(text, end)).then(|| Hit::checked(anchor.start..end))
}

/// Directories' schemes (RFC 2307, section 5.3, and OpenLDAP's further ones): a name in braces and base64.
fn directory(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = window(text, anchor.start)?;
    let name = run(rest, |byte| byte != b'}') + 1;
    let hash = rest.get(name..)?;
    let length = trimmed_end(hash.get(..run(hash, is_crypt64_padded))?);
    (name <= 20 && length >= 13).then(|| Hit::certain(anchor.start..anchor.start + name + length))
}
