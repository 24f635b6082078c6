//! What a value looks like, where it is nothing personal by itself.

/// A look that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Look {
    /// Yes, no, true, false, 0, 1.
    Boolean,
    /// A universally unique identifier.
    Uuid,
    /// A digest in hexadecimal digits.
    Digest,
    /// Numbers with points, as versions are written.
    Version,
    /// A web address or a path.
    Url,
    /// Nothing but digits.
    Digits,
    /// A number, perhaps with a fraction, a sign, a currency.
    Number,
    /// A date.
    Date,
    /// A moment, with a time of day.
    Moment,
    /// A word in capitals or with underscores, as lists of choices have.
    Code,
    /// At least one digit.
    HasDigit,
    /// Several words.
    Words,
    /// Sentences.
    Prose,
    /// A long run of mixed letters and digits without spaces.
    Random,
    /// JSON: an object or a list.
    Json,
    /// A postal address in one line: words, a house number and a postal code, with a comma.
    Address,
    /// Words with a number before or behind them, as a street with a house number.
    NumberedWords,
    /// Groups of digits as people write telephone numbers.
    Phone,
    /// A telephone number that begins as one: with a plus, a bracket, or a single zero.
    PhoneStart,
    /// One word in small letters, perhaps with digits, as people log in by.
    Login,
    /// Two letters, two digits and more of both, as account numbers of banks begin, whatever their check digits.
    Account,
    /// Twelve digits and more, perhaps in groups or with all but the last hidden.
    LongNumber,
    /// A firm's name with its legal form.
    Organisation,
    /// A book's number that no person's looks like: it ends in X, or begins with 978 or 979.
    Book,
}

/// Whether a value looks so.
type Test = fn(&str) -> bool;

/// All the looks of a value.
pub(super) fn looks(value: &str) -> Vec<Look> {
    let tests: [(Look, Test); 24] = [
        (Look::Boolean, is_boolean),
        (Look::Uuid, is_uuid),
        (Look::Digest, is_digest),
        (Look::Version, is_version),
        (Look::Url, is_url),
        (Look::Digits, |value| value.bytes().all(|byte| byte.is_ascii_digit())),
        (Look::Number, is_number),
        (Look::Date, |value| year_of(value).is_some() && value.len() <= 10),
        (Look::Moment, |value| year_of(value).is_some() && value.len() > 10),
        (Look::Code, is_code),
        (Look::HasDigit, |value| value.chars().any(char::is_numeric)),
        (Look::Words, |value| word_count(value) >= 2),
        (Look::Prose, is_prose),
        (Look::Random, is_random),
        (Look::Json, is_json),
        (Look::Book, is_book),
        (Look::Address, is_address),
        (Look::NumberedWords, |value| numbered_words(value).is_some()),
        (Look::Phone, is_phone),
        (Look::PhoneStart, |value| is_phone(value) && begins_as_phone(value)),
        (Look::Login, is_login),
        (Look::Account, is_account),
        (Look::LongNumber, is_long_number),
        (Look::Organisation, super::people::is_organisation),
    ];
    tests
        .iter()
        .filter(|(_, test)| test(value))
        .map(|(look, _)| *look)
        .collect()
}

/// The year of a date or moment that begins with it, or of a date that ends with it.
pub(super) fn year_of(value: &str) -> Option<u16> {
    const YEARS: std::ops::RangeInclusive<u16> = 1850..=2100;
    let bytes = value.as_bytes();
    let is_separator = |place: usize| matches!(bytes.get(place), Some(b'-' | b'/' | b'.'));
    let digits_at = |range: std::ops::Range<usize>| {
        value
            .get(range)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let year_first = is_separator(4) && is_separator(7) && digits_at(8..10).is_some();
    let year_last = bytes.len() == 10 && is_separator(2) && is_separator(5) && digits_at(0..2).is_some();
    let rest = value.get(10..).unwrap_or_default();
    let is_moment = rest.is_empty() || rest.starts_with([' ', 'T']);
    let year = match (year_first && is_moment, year_last) {
        (true, _) => digits_at(0..4)?,
        (false, true) => digits_at(6..10)?,
        (false, false) => return None,
    };
    year.parse().ok().filter(|year| YEARS.contains(year))
}

fn is_boolean(value: &str) -> bool {
    const WORDS: [&str; 20] = [
        "0", "1", "t", "f", "true", "false", "y", "n", "yes", "no", "ja", "nein", "oui", "non", "si", "sí", "on",
        "off", "j", "是",
    ];
    WORDS.contains(&value.to_lowercase().as_str())
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_digest(value: &str) -> bool {
    let plain = value.strip_prefix("sha256:").unwrap_or(value);
    let plain = plain.strip_prefix("\\x").unwrap_or(plain);
    matches!(plain.len(), 32 | 40 | 56 | 64 | 96 | 128) && plain.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_version(value: &str) -> bool {
    let plain = value.strip_prefix(['v', 'V']).unwrap_or(value);
    let mut parts = plain.split(['.', '-', '+']);
    let numbers = parts
        .by_ref()
        .take_while(|part| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    (2..=4).contains(&numbers) && plain.contains('.')
}

fn is_url(value: &str) -> bool {
    let is_path = value.starts_with('/') && value.len() > 1 && !value.contains(' ');
    is_path
        || value
            .split_once("://")
            .is_some_and(|(scheme, _)| scheme.len() <= 10 && !scheme.contains(' '))
}

fn is_number(value: &str) -> bool {
    let plain =
        value.trim_matches(|letter: char| matches!(letter, '$' | '€' | '£' | '¥' | '₹' | '₽' | '+' | '-' | '%' | ' '));
    let plain = plain
        .trim_end_matches(|letter: char| letter.is_ascii_uppercase())
        .trim_end();
    plain.bytes().any(|byte| byte.is_ascii_digit())
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'\'' | b' '))
}

fn is_code(value: &str) -> bool {
    value.len() <= 24
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'/'))
}

/// Words in a script with spaces; elsewhere, four signs count as a word.
fn word_count(value: &str) -> usize {
    let wide = value.chars().filter(|letter| *letter > '\u{2e80}').count();
    value.split_whitespace().count().max(wide / 4)
}

/// Sentences have words in small letters; names, addresses and programs' versions have capitals and numbers.
fn is_prose(value: &str) -> bool {
    let words = word_count(value);
    let has_sentence = value.contains(['.', '!', '?', '…', '。', '！', '？', ';', '\n']);
    let small = value
        .split_whitespace()
        .filter(|word| {
            word.chars()
                .find(|letter| letter.is_alphanumeric())
                .is_some_and(is_small)
        })
        .count();
    let is_wide = value.chars().any(|letter| letter > '\u{2e80}');
    let ends = value.ends_with(['。', '！', '？', '!', '?']);
    let is_long = words >= 8 || (words >= 5 && has_sentence) || (words >= 4 && value.chars().count() > 12 && ends);
    is_long && (is_wide || small * 2 >= value.split_whitespace().count())
}

/// Whether a letter is a small one, or of a script that has no capitals.
fn is_small(letter: char) -> bool {
    letter.is_alphabetic() && !letter.is_uppercase()
}

fn is_address(value: &str) -> bool {
    let is_number = |word: &&&str| word.starts_with(|first: char| first.is_ascii_digit());
    let words: Vec<&str> = value
        .split([' ', ',', '/', '-', '\u{a0}'])
        .filter(|word| !word.is_empty())
        .collect();
    let numbers = words.iter().filter(is_number).count();
    let capitals = words
        .iter()
        .filter(|word| {
            word.chars()
                .next()
                .is_some_and(|first| first.is_alphabetic() && !is_small_cased(first))
        })
        .count();
    let has_code = words.iter().any(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        (3..=7).contains(&digits) && word.len() <= 8
    });
    (16..=160).contains(&value.len())
        && value.contains(',')
        && numbers >= 2
        && capitals >= 2
        && has_code
        && words.len() <= 20
        && !value.contains(['{', '=', ':', ';', '@', '?', '!'])
}

fn is_small_cased(letter: char) -> bool {
    letter.is_lowercase()
}

/// The words of a value of one to five words with one short number before or behind them, as streets have; that of a
/// flat after it doesn't count.
pub(super) fn numbered_words(value: &str) -> Option<String> {
    const UNITS: [&str; 10] = [
        "apt", "suite", "unit", "flat", "interior", "piso", "no", "nr", "room", "bl",
    ];
    let is_number = |word: &str| {
        let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        word.len() <= 7
            && digits.starts_with(|first: char| first.is_ascii_digit())
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'/'))
    };
    let mut parts: Vec<&str> = value.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let before_last = parts.len().checked_sub(2).and_then(|place| parts.get(place));
    if before_last.is_some_and(|unit| UNITS.contains(&unit.trim_end_matches('.').to_lowercase().as_str())) {
        let kept = parts.len() - 2;
        parts.truncate(kept);
    }
    let (first, last) = (parts.first()?, parts.last()?);
    let words: Vec<&str> = parts.iter().copied().filter(|part| !is_number(part)).collect();
    let begins_with_letter = |word: &&str| word.chars().next().is_some_and(char::is_alphabetic);
    let has_letters = words
        .iter()
        .all(|word| begins_with_letter(word) && word.chars().count() > 1);
    let has_word = words
        .iter()
        .any(|word| word.chars().count() >= 4 && word.chars().skip(1).any(is_small));
    let is_numbered = is_number(first) != is_number(last) && words.len() + 1 == parts.len();
    (is_numbered && has_letters && has_word && (1..=5).contains(&words.len())).then(|| words.join(" "))
}

fn is_phone(value: &str) -> bool {
    let number = value
        .split_once(" ext")
        .or_else(|| value.split_once('x'))
        .map_or(value, |(number, _)| number)
        .trim();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let groups: Vec<usize> = number
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::len)
        .filter(|length| *length > 0)
        .collect();
    let is_written = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'(' | b')' | b'-' | b'.' | b'/' | b'+'));
    let is_other = matches!(groups.as_slice(), [3, 2, 4] | [4, 2, 2] | [2, 2, 4] | [4, 4, 4, 4])
        || groups.last() == Some(&1)
        || number.contains('.') && number.parse::<f64>().is_ok()
        || year_of(number).is_some()
        || is_version(number) && groups.len() == 4;
    (7..=15).contains(&digits) && is_written && !is_other
}

/// National numbers begin with a zero and go on without one; keys that are filled up go on with more. China's mobile
/// numbers begin with 13 to 19.
fn begins_as_phone(value: &str) -> bool {
    let rest = value.strip_prefix('0');
    let is_national = rest.is_some_and(|rest| !rest.starts_with('0') && rest.len() >= 8);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_from_abroad = value.starts_with("00") && !value.starts_with("000") && digits >= 11;
    let second = value.as_bytes().get(1).copied().unwrap_or_default();
    let is_chinese = value.len() == 11 && value.starts_with('1') && (b'3'..=b'9').contains(&second);
    value.starts_with(['+', '(']) || is_from_abroad || is_national || is_chinese
}

fn is_account(value: &str) -> bool {
    let plain: Vec<u8> = value.bytes().filter(|byte| *byte != b' ').collect();
    let begins = |range: std::ops::Range<usize>, test: fn(&u8) -> bool| {
        plain.get(range).is_some_and(|bytes| bytes.iter().all(test))
    };
    (15..=34).contains(&plain.len())
        && begins(0..2, u8::is_ascii_alphabetic)
        && begins(2..4, u8::is_ascii_digit)
        && plain.iter().all(u8::is_ascii_alphanumeric)
}

fn is_long_number(value: &str) -> bool {
    let signs = value
        .bytes()
        .filter(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'X' | b'x'))
        .count();
    let has_digits = value.bytes().filter(u8::is_ascii_digit).count() >= 4;
    let is_written = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'X' | b'x' | b' ' | b'-'));
    (12..=19).contains(&signs) && has_digits && is_written
}

fn is_login(value: &str) -> bool {
    let separators = value.bytes().filter(|byte| matches!(byte, b'.' | b'_' | b'-')).count();
    separators <= 1
        && (3..=30).contains(&value.len())
        && value.starts_with(|first: char| first.is_ascii_lowercase())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_random(value: &str) -> bool {
    value.len() >= 16
        && value.is_ascii()
        && !value.contains(' ')
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_json(value: &str) -> bool {
    let bracketed = |open, close| value.starts_with(open) && value.ends_with(close);
    bracketed('{', '}') && value.contains(':') || bracketed('[', ']')
}

/// ISBN, with its check digit unlooked at (ISO 2108).
fn is_book(value: &str) -> bool {
    let plain: String = value.chars().filter(|letter| !matches!(letter, '-' | ' ')).collect();
    let is_grouped = value.split('-').count() == 4 && value.split('-').next_back().is_some_and(|last| last.len() == 1);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match plain.len() {
        10 => {
            is_grouped && is_digits(plain.trim_end_matches(['X', 'x']))
                || plain.strip_suffix(['X', 'x']).is_some_and(is_digits)
        }
        13 => plain.starts_with("978") || plain.starts_with("979"),
        _ => false,
    }
}
