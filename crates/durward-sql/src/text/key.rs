//! Keys of cached analyses, and texts for the record.

use super::scan::{Doubt, Scanner, TokenKind};

/// How many bytes of a text are worth a place in the cache.
const KEY_BYTES_MAX: usize = 32 * 1024;

/// What stands for a constant in a key. No token begins with these bytes.
const CONSTANT: u8 = 0x02;
const SEPARATOR: u8 = 0x1f;

/// How a text is found in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKey {
    /// By its tokens with constants left out: texts of one key differ in constants, blanks and comments alone.
    Shape,
    /// By the exact text: several commands, a utility command, or a text that the scanner isn't sure of.
    Exact,
    /// Too large to be kept.
    None,
}

/// Writes a text's literal-free key behind what `key` holds already, or says how else the text is found.
pub(crate) fn shape_key(text: &str, key: &mut Vec<u8>) -> TextKey {
    match shape(text, key) {
        Ok(true) if key.len() <= KEY_BYTES_MAX => TextKey::Shape,
        Ok(true) => TextKey::None,
        Ok(false) | Err(Doubt) if text.len() <= KEY_BYTES_MAX => TextKey::Exact,
        Ok(false) | Err(Doubt) => TextKey::None,
    }
}

/// False where constants may matter in ways that only the whole text shows.
fn shape(text: &str, key: &mut Vec<u8>) -> Result<bool, Doubt> {
    let mut scanner = Scanner::new(text);
    let Some(first) = scanner.next_token()? else {
        return Ok(false);
    };
    let word = text.get(first.span.clone()).unwrap_or_default();
    let known = ["select", "insert", "update", "delete", "with", "values"];
    if !(word == "(" || known.iter().any(|known| known.eq_ignore_ascii_case(word))) {
        return Ok(false);
    }
    let mut ended = false;
    let mut next = Some(first);
    while let Some(token) = next {
        let bytes = text.as_bytes().get(token.span).ok_or(Doubt)?;
        if ended {
            return Ok(false);
        }
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
            return Ok(true);
        }
        next = scanner.next_token()?;
    }
    Ok(true)
}

/// A text for the record: constants become parameters, comments go, blanks shrink. `None` where the scanner isn't sure
/// of the text: a password might then stay in it.
pub(crate) fn normalize(text: &str) -> Option<String> {
    /// Unit: bytes. Reason: what a person reads of a statement in the record; the rest says nothing more.
    const NORMALIZED_BYTES_MAX: usize = 16 * 1024;
    let mut next_parameter = largest_parameter(text)? + 1;
    let mut scanner = Scanner::new(text);
    let mut normalized = String::with_capacity(text.len().min(NORMALIZED_BYTES_MAX));
    let mut before: Option<usize> = None;
    let mut setting = CustomSetting::Start;
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
        let word = text.get(token.span)?;
        setting = setting.after(word);
        let is_constant = match token.kind {
            TokenKind::String | TokenKind::Integer | TokenKind::Number | TokenKind::BitString => true,
            TokenKind::Word | TokenKind::QuotedWord => {
                setting == CustomSetting::Value && !word.eq_ignore_ascii_case("default")
            }
            TokenKind::Parameter | TokenKind::Operator | TokenKind::Punctuation => false,
        };
        if is_constant {
            normalized.push('$');
            normalized.push_str(&next_parameter.to_string());
            next_parameter += 1;
        } else {
            normalized.push_str(word);
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

/// How far a text is in a `SET prefix.name TO word`: what applications keep there may be a person's name, without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CustomSetting {
    /// Before a command.
    Start,
    /// Behind SET, LOCAL or SESSION.
    Set,
    /// Behind the first part of a name.
    Prefix,
    /// Behind the dot of a name with two parts.
    Custom,
    /// Behind its TO or `=`.
    Assigned,
    /// At a part of the value.
    Value,
    /// In something else.
    Other,
}

impl CustomSetting {
    fn after(self, token: &str) -> Self {
        let is = |word: &str| token.eq_ignore_ascii_case(word);
        match self {
            _ if token == ";" => Self::Start,
            Self::Start if is("set") => Self::Set,
            Self::Set if is("local") || is("session") => Self::Set,
            Self::Set => Self::Prefix,
            Self::Prefix if token == "." => Self::Custom,
            Self::Custom if is("to") || token == "=" => Self::Assigned,
            Self::Custom => Self::Custom,
            Self::Assigned | Self::Value => Self::Value,
            Self::Start | Self::Prefix | Self::Other => Self::Other,
        }
    }
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
