//! Keys of cached analyses, and texts for the record.

use super::scan::{Doubt, Scanner, TokenKind};

/// How many bytes of a text are worth a place in the cache.
const KEY_BYTES_MAX: usize = 32 * 1024;

/// What stands for a constant in a key. No token begins with these bytes.
const CONSTANT: u8 = 0x02;
const SEPARATOR: u8 = 0x1f;

/// The key of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TextKey {
    /// The tokens with constants left out: texts of one key differ in constants, blanks and comments alone.
    Shape(Vec<u8>),
    /// Only the exact text will do.
    Exact,
    /// Too large to be kept.
    None,
}

impl TextKey {
    /// The key of a text. Texts of several commands, utility commands and texts that the scanner isn't sure of go by
    /// their exact text.
    pub(crate) fn of(text: &str) -> Self {
        match shape(text) {
            Ok(Some(shape)) if shape.len() <= KEY_BYTES_MAX => Self::Shape(shape),
            Ok(Some(_)) => Self::None,
            Ok(None) | Err(Doubt) if text.len() <= KEY_BYTES_MAX => Self::Exact,
            Ok(None) | Err(Doubt) => Self::None,
        }
    }
}

/// The literal-free key; `None` where constants may matter in ways that only the whole text shows.
fn shape(text: &str) -> Result<Option<Vec<u8>>, Doubt> {
    let mut scanner = Scanner::new(text);
    let mut key = Vec::with_capacity(text.len().min(KEY_BYTES_MAX) + 16);
    let Some(first) = scanner.next_token()? else { return Ok(None) };
    let word = text.get(first.span.clone()).unwrap_or_default();
    let known = ["select", "insert", "update", "delete", "with", "values"];
    if !(word == "(" || known.iter().any(|known| known.eq_ignore_ascii_case(word))) {
        return Ok(None);
    }
    let mut ended = false;
    let mut next = Some(first);
    let mut after_string = false;
    while let Some(token) = next {
        let bytes = text.as_bytes().get(token.span).ok_or(Doubt)?;
        if ended {
            return Ok(None);
        }
        let is_string = matches!(token.kind, TokenKind::String | TokenKind::BitString);
        // Strings side by side are one string if a new line stands between them.
        if is_string && after_string {
            return Err(Doubt);
        }
        after_string = is_string;
        match token.kind {
            TokenKind::String => key.extend([CONSTANT, b's']),
            TokenKind::Integer => key.extend([CONSTANT, b'i']),
            TokenKind::Number => key.extend([CONSTANT, b'n']),
            TokenKind::BitString => key.extend([CONSTANT, b'b']),
            TokenKind::Word
            | TokenKind::QuotedWord
            | TokenKind::Parameter
            | TokenKind::Operator
            | TokenKind::Punctuation => {
                ended = bytes == b";";
                key.extend_from_slice(bytes);
            }
        }
        key.push(SEPARATOR);
        // A large text's key is not wanted; the scan ends early.
        if key.len() > KEY_BYTES_MAX {
            return Ok(Some(key));
        }
        next = scanner.next_token()?;
    }
    Ok(Some(key))
}

/// A text for the record: constants become parameters, comments go, blanks shrink. `None` where the scanner isn't sure
/// of the text: a password might then stay in it.
pub(crate) fn normalize(text: &str) -> Option<String> {
    const NORMALIZED_BYTES_MAX: usize = 16 * 1024;
    let mut next_parameter = largest_parameter(text)? + 1;
    let mut scanner = Scanner::new(text);
    let mut normalized = String::with_capacity(text.len().min(NORMALIZED_BYTES_MAX));
    let mut before: Option<usize> = None;
    loop {
        let token = match scanner.next_token() {
            Ok(Some(token)) => token,
            Ok(None) => break,
            Err(Doubt) => return None,
        };
        if before.is_some_and(|end| end < token.span.start) && !normalized.is_empty() {
            normalized.push(' ');
        }
        before = Some(token.span.end);
        match token.kind {
            TokenKind::String | TokenKind::Integer | TokenKind::Number | TokenKind::BitString => {
                normalized.push('$');
                normalized.push_str(&next_parameter.to_string());
                next_parameter += 1;
            }
            TokenKind::Word
            | TokenKind::QuotedWord
            | TokenKind::Parameter
            | TokenKind::Operator
            | TokenKind::Punctuation => normalized.push_str(text.get(token.span)?),
        }
        if normalized.len() > NORMALIZED_BYTES_MAX {
            normalized.push_str(" …");
            break;
        }
    }
    if normalized.ends_with(';') {
        normalized.pop();
    }
    Some(normalized)
}

fn largest_parameter(text: &str) -> Option<u64> {
    let mut scanner = Scanner::new(text);
    let mut largest = 0;
    while let Some(token) = scanner.next_token().ok()? {
        if token.kind == TokenKind::Parameter {
            let number = text.get(token.span)?.trim_start_matches('$').parse().ok()?;
            largest = largest.max(number);
        }
    }
    Some(largest)
}
