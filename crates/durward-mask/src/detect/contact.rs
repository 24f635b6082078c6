//! Email addresses and telephone numbers.
//!
//! Cost: at an `@`, at most 64 bytes before and 253 behind; at a `+` or `(`, at most 24.

use durward_model::Label;
use std::ops::Range;

use super::Strength;
use super::cell::Cell;
use super::text::{Anchored, Hit, begins_word, ends_word, run, run_before};

pub(super) const ANCHORED: &[Anchored] = &[
    Anchored {
        name: "email",
        label: Label::Email,
        // As it is, percent-encoded, and escaped in JSON and HTML.
        anchors: &["@", "%40", "\\u0040", "&#64;"],
        find: email_around,
    },
    Anchored {
        name: "phone-e164",
        label: Label::Phone,
        anchors: &["+"],
        find: international_at,
    },
    Anchored {
        name: "phone-nanp",
        label: Label::Phone,
        anchors: &["("],
        find: bracketed_at,
    },
];

pub(super) const CELLS: &[Cell] = &[
    Cell {
        name: "phone-international",
        label: Label::Phone,
        strength: international,
    },
    Cell {
        name: "phone-national",
        label: Label::Phone,
        strength: national,
    },
];

/// The longest part before the `@` (RFC 5321, section 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// The longest domain (RFC 5321, section 4.5.3.1.2, less its final dot).
const DOMAIN_BYTES_MAX: usize = 253;

/// Ends of file names and units, which stand where a domain's last label would.
const NOT_DOMAINS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "json", "html", "xml", "pdf", "txt", "log", "yml",
    "yaml", "toml", "lock", "service", "target", "socket", "timer", "mount", "dll", "exe",
];

/// The address around an `@`: a local part of RFC 5322's dot-atom or RFC 6531's letters of any script, and a domain of
/// at least two labels, internationalised ones included (RFC 5890). Quoted local parts and addresses in brackets are
/// not found. Where a longer text runs into the address, no more of it is taken than an address may have.
fn email_around(text: &[u8], at: Range<usize>) -> Option<Hit> {
    let start = local_start(text, at.start);
    let local = text.get(start..at.start)?;
    let has_letter = local.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    if !has_letter || local.ends_with(b".") {
        return None;
    }
    let domain = domain_at(text, at.end)?;
    let after = at.end + domain.len();
    // `git@host.org:path` is where a repository stands, not somebody's address.
    let is_remote = matches!(local, b"git" | b"hg") && text.get(after) == Some(&b':');
    (is_email_domain(domain) && !is_remote && text.get(after) != Some(&b'@')).then(|| Hit::checked(start..after))
}

/// Where the local part begins that ends at a place.
fn local_start(text: &[u8], end: usize) -> usize {
    let start = end - run_before(text, end, LOCAL_BYTES_MAX, is_local);
    let local = text.get(start..end).unwrap_or_default();
    // Chinese and its neighbours have no space before an address in ASCII.
    let is_ideograph = |bytes: &[u8]| matches!(bytes, [0xE3..=0xED, 0x80..=0xBF, 0x80..=0xBF, next] if next.is_ascii());
    let after_ideograph = local.windows(4).rposition(is_ideograph).map_or(0, |place| place + 3);
    let after_dots = local
        .windows(2)
        .rposition(|pair| pair == b"..")
        .map_or(0, |place| place + 2);
    let start = start + after_ideograph.max(after_dots);
    // Signs in front belong to the sentence, as the end of an escape does; so does half a letter.
    let local = text.get(start..end).unwrap_or_default();
    let start = start + run(local, |byte| matches!(byte, b'.' | b'-' | b'\'' | 0x80..=0xBF));
    let local = text.get(start..end).unwrap_or_default();
    let start = match std::str::from_utf8(local) {
        Ok(_) => start,
        Err(_) => end - run_before(local, local.len(), LOCAL_BYTES_MAX, |byte| byte.is_ascii()),
    };
    start + escape_at(text, start)
}

/// The domain that begins at a place.
fn domain_at(text: &[u8], start: usize) -> Option<&[u8]> {
    let rest = text.get(start..)?;
    let window = rest.get(..=DOMAIN_BYTES_MAX).unwrap_or(rest);
    let domain = window.get(..run(window, is_domain))?;
    let domain = domain.utf8_chunks().next()?.valid().as_bytes();
    let dots = domain.windows(2).position(|pair| pair == b"..");
    let domain = domain.get(..dots.unwrap_or(domain.len()))?;
    let domain = domain.get(..domain.iter().rposition(|byte| !matches!(byte, b'.' | b'-'))? + 1)?;
    // No last label mixes ASCII with other letters: those are a text without spaces.
    let last = domain.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    let letters = run(domain.get(last..)?, |byte| byte.is_ascii_alphabetic());
    let is_mixed = letters >= 2 && domain.get(last + letters).is_some_and(|byte| *byte >= 0x80);
    domain.get(..if is_mixed { last + letters } else { domain.len() })
}

/// How much of a local part is the end of a JSON escape (`\n`).
fn escape_at(text: &[u8], at: usize) -> usize {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    usize::from(before == Some(&b'\\') && matches!(text.get(at), Some(b'n' | b'r' | b't')))
}

fn is_local(byte: u8) -> bool {
    // Without those of RFC 5322's characters that end a value in URLs, templates and queries.
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$'*+-^_~.".contains(&byte)
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'-' | b'.')
}

fn is_email_domain(domain: &[u8]) -> bool {
    let mut labels = domain.split(|byte| *byte == b'.');
    let Some(last) = labels.next_back() else { return false };
    let is_label = |label: &[u8]| (1..=63).contains(&label.len()) && !label.starts_with(b"-") && !label.ends_with(b"-");
    let is_alphabetic = last.len() >= 2 && last.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    let is_known_other = NOT_DOMAINS
        .iter()
        .any(|other| last.eq_ignore_ascii_case(other.as_bytes()));
    let mut count = 0;
    let all_fit = labels.all(|label| {
        count += 1;
        is_label(label)
    });
    let is_last = is_alphabetic || last.starts_with(b"xn--");
    all_fit && count >= 1 && is_label(last) && is_last && !is_known_other && domain.len() <= DOMAIN_BYTES_MAX
}

/// Country calling codes (ITU-T E.164, list of assigned codes).
const CALLING_CODES: &[&str] = &[
    "1", "7", "20", "211", "212", "213", "216", "218", "220", "221", "222", "223", "224", "225", "226", "227", "228",
    "229", "230", "231", "232", "233", "234", "235", "236", "237", "238", "239", "240", "241", "242", "243", "244",
    "245", "246", "248", "249", "250", "251", "252", "253", "254", "255", "256", "257", "258", "260", "261", "262",
    "263", "264", "265", "266", "267", "268", "269", "27", "290", "291", "297", "298", "299", "30", "31", "32", "33",
    "34", "350", "351", "352", "353", "354", "355", "356", "357", "358", "359", "36", "370", "371", "372", "373",
    "374", "375", "376", "377", "378", "380", "381", "382", "383", "385", "386", "387", "389", "39", "40", "41", "420",
    "421", "423", "43", "44", "45", "46", "47", "48", "49", "500", "501", "502", "503", "504", "505", "506", "507",
    "508", "509", "51", "52", "53", "54", "55", "56", "57", "58", "590", "591", "592", "593", "594", "595", "596",
    "597", "598", "599", "60", "61", "62", "63", "64", "65", "66", "670", "672", "673", "674", "675", "676", "677",
    "678", "679", "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692", "81", "82", "84",
    "850", "852", "853", "855", "856", "86", "880", "886", "90", "91", "92", "93", "94", "95", "960", "961", "962",
    "963", "964", "965", "966", "967", "968", "970", "971", "972", "973", "974", "975", "976", "977", "98", "992",
    "993", "994", "995", "996", "998",
];

/// A number in international form in running text: `+`, a country's code, ten digits and more in all.
fn international_at(text: &[u8], plus: Range<usize>) -> Option<Hit> {
    let before = plus.start.checked_sub(1).and_then(|at| text.get(at));
    if !begins_word(text, plus.start) || before.is_some_and(|byte| matches!(byte, b'+' | b'/' | b'-')) {
        return None;
    }
    let rest = text.get(plus.start..)?;
    let window = rest.get(..25).unwrap_or(rest);
    let length = phone_length(window)?;
    let end = plus.start + length;
    let value = std::str::from_utf8(window.get(..length)?).ok()?;
    let digit_count = value.bytes().filter(u8::is_ascii_digit).count();
    (digit_count >= 10 && ends_word(text, end) && international(value)? >= Strength::Checked)
        .then(|| Hit::checked(plus.start..end))
}

/// A number of the North American plan with its area in brackets: `(212) 555-0123`.
fn bracketed_at(text: &[u8], bracket: Range<usize>) -> Option<Hit> {
    let rest = text.get(bracket.start..)?;
    if !rest.get(1..4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = rest
        .get(..14)
        .filter(|number| number.get(5) == Some(&b' '))
        .or_else(|| rest.get(..13))?;
    let end = bracket.start + number.len();
    let value = std::str::from_utf8(number).ok()?;
    (ends_word(text, end) && begins_word(text, bracket.start) && is_north_american(value))
        .then(|| Hit::checked(bracket.start..end))
}

/// How much of a text is digits with single separators, after a `+`.
fn phone_length(text: &[u8]) -> Option<usize> {
    let mut last_digit = None;
    let mut separators = 0;
    for (place, byte) in text.iter().enumerate().skip(1) {
        if byte.is_ascii_digit() {
            last_digit = Some(place);
            separators = 0;
        } else if matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/') && separators < 2 {
            separators += 1;
        } else {
            break;
        }
    }
    last_digit.map(|place| place + 1)
}

/// A number in international form (ITU-T E.123 and E.164): `+` or `00`, a country's code, 8 to 15 digits in all.
fn international(value: &str) -> Option<Strength> {
    let (rest, strength) = match value.strip_prefix('+') {
        Some(rest) => (rest, Strength::Checked),
        None => (value.strip_prefix("00")?, Strength::Shape),
    };
    let digits = digits_of(rest)?;
    let is_known = CALLING_CODES.iter().any(|code| digits.starts_with(code));
    let is_uniform = digits
        .bytes()
        .skip(3)
        .all(|byte| digits.as_bytes().get(3) == Some(&byte));
    // The zones of North America and of Russia and Kazakhstan have one length.
    let is_long_enough = match digits.as_bytes() {
        [b'1' | b'7', ..] => digits.len() == 11,
        _other_zones => (8..=15).contains(&digits.len()),
    };
    (is_long_enough && is_known && !is_uniform).then_some(strength)
}

/// A number in a national form: with the separators of telephone numbers it is likely, without it may be anything.
fn national(value: &str) -> Option<Strength> {
    if is_north_american(value) {
        return Some(if value.starts_with('(') {
            Strength::Checked
        } else {
            Strength::Shape
        });
    }
    let digits = digits_of(value.split(" ext").next().unwrap_or(value))?;
    (7..=13).contains(&digits.len()).then_some(Strength::Shape)
}

/// The North American plan: area and exchange begin with 2 to 9 and don't end in 11 (NANPA).
fn is_north_american(value: &str) -> bool {
    let Some(digits) = digits_of(value) else { return false };
    let digits = digits
        .strip_prefix('1')
        .filter(|rest| rest.len() == 10)
        .unwrap_or(&digits);
    let group = |from: usize| {
        let group = digits.get(from..from + 3).unwrap_or_default();
        group.starts_with(|digit: char| ('2'..='9').contains(&digit)) && !group.ends_with("11")
    };
    let shape: String = value
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '9' } else { letter })
        .collect();
    let is_written = matches!(
        shape.trim_start_matches("9-").trim_start_matches("9 "),
        "(999) 999-9999" | "(999)999-9999" | "(999) 999 9999" | "999-999-9999" | "999.999.9999" | "999 999 9999"
    );
    digits.len() == 10 && is_written && group(0) && group(3)
}

/// The digits of a number with the separators that telephone numbers have, if there is nothing else.
fn digits_of(value: &str) -> Option<String> {
    value
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')' | '/'))
        .map(|letter| letter.is_ascii_digit().then_some(letter))
        .collect()
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use crate::detect::tests::{Example, check};

    /// Formats, a value of each, and one that is not.
    pub(in crate::detect) const EXAMPLES: &[Example] = &[
        ("email", "anna.schmidt+news@example.co.uk", "anna.schmidt@example"),
        ("email", "用户@例子.公司", "用户@例子"),
        ("email", "jürgen@bücher.example", "@bücher.example"),
        ("email", "x@xn--bcher-kva.example", "x@-bcher.example"),
        ("email", "o'neill@example.org", "icon@2x.png"),
        ("email", "john%40example.com", "john%41example.com"),
        ("email", "a.b@example.museum", "a..b@example.museum"),
        ("phone-international", "+49 30 901820", "+999 30 901820"),
        ("phone-international", "+1 (212) 555-0123", "+1 (212) 555-01234567"),
        ("phone-international", "+33-1-42-68-53-00", "+33-1-42x68"),
        ("phone-e164", "+442071838750", "+4420"),
        ("phone-nanp", "(212) 555-0123", "(112) 555-0123"),
        ("phone-national", "212-555-0123", "12"),
        ("phone-national", "030 901820", "abc"),
    ];

    #[test]
    fn values_are_told() {
        check(EXAMPLES);
    }
}
