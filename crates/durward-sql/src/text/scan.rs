//! A scanner for the hot path. It reads texts as `scan.l` of the server does with `standard_conforming_strings` on, and
//! gives up on whatever it isn't sure of: its caller then goes by the exact text or asks the real scanner.

use std::ops::Range;

/// The scanner isn't sure how the server reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubt;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A key word or unquoted identifier.
    Word,
    /// An identifier in double quotes.
    QuotedWord,
    /// A string constant of any form.
    String,
    /// An integer constant of up to nine digits: an `int4`.
    Integer,
    /// Any other number.
    Number,
    /// A bit string, `B'…'` or `X'…'`.
    BitString,
    /// `$1`.
    Parameter,
    /// A run of operator characters.
    Operator,
    /// One of `,()[].;:`.
    Punctuation,
}

/// One token: its kind and its bytes in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

/// Gives a text's tokens one by one; comments and white space are skipped.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    after_string: bool,
}

const fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

const fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

impl<'t> Scanner<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            after_string: false,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        // Zero stands for the end: it can't occur in a text that reached a server.
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token; `None` at the end.
    pub(crate) fn next_token(&mut self) -> Result<Option<Token>, Doubt> {
        self.skip_blank()?;
        let start = self.at;
        let Some(&first) = self.bytes.get(start) else {
            return Ok(None);
        };
        let kind = match first {
            // Strings side by side are one if a new line stands between them, read as the first of them is.
            b'\'' if self.after_string => return Err(Doubt),
            b'\'' => self.string(false)?,
            b'"' => self.quoted_word()?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number()?,
            // The server takes two dots for one token, whatever follows.
            b'.' if self.peek(1) == b'.' => return Err(Doubt),
            b'.' if self.peek(1).is_ascii_digit() => self.number()?,
            b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':' => {
                self.at += 1;
                TokenKind::Punctuation
            }
            byte if is_operator(byte) => self.operator(),
            byte if is_word_start(byte) => self.word()?,
            _ => return Err(Doubt),
        };
        self.after_string = matches!(kind, TokenKind::String | TokenKind::BitString);
        Ok(Some(Token {
            kind,
            span: start..self.at,
        }))
    }

    fn skip_blank(&mut self) -> Result<(), Doubt> {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    while !matches!(self.peek(0), b'\n' | b'\r') && self.at < self.bytes.len() {
                        self.at += 1;
                    }
                }
                b'/' if self.peek(1) == b'*' => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Doubt> {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ if self.at >= self.bytes.len() => return Err(Doubt),
                _ => self.at += 1,
            }
        }
    }

    /// A string in single quotes, `at` on the opening one.
    fn string(&mut self, escapes: bool) -> Result<TokenKind, Doubt> {
        self.at += 1;
        loop {
            match self.peek(0) {
                b'\'' if self.peek(1) == b'\'' => self.at += 2,
                b'\'' => break,
                b'\\' if escapes => self.at += 2,
                _ if self.at >= self.bytes.len() => return Err(Doubt),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        if self.at > self.bytes.len() {
            return Err(Doubt);
        }
        Ok(TokenKind::String)
    }

    fn quoted_word(&mut self) -> Result<TokenKind, Doubt> {
        self.at += 1;
        loop {
            match self.peek(0) {
                b'"' if self.peek(1) == b'"' => self.at += 2,
                b'"' => break,
                _ if self.at >= self.bytes.len() => return Err(Doubt),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(TokenKind::QuotedWord)
    }

    /// `$1` or a dollar-quoted string.
    fn dollar(&mut self) -> Result<TokenKind, Doubt> {
        if self.peek(1).is_ascii_digit() {
            self.at += 1;
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
            return if is_word(self.peek(0)) {
                Err(Doubt)
            } else {
                Ok(TokenKind::Parameter)
            };
        }
        let start = self.at;
        self.at += 1;
        if is_word_start(self.peek(0)) {
            while is_word(self.peek(0)) && self.peek(0) != b'$' {
                self.at += 1;
            }
        }
        if self.peek(0) != b'$' {
            return Err(Doubt);
        }
        self.at += 1;
        let tag = self.bytes.get(start..self.at).ok_or(Doubt)?;
        loop {
            let rest = self.bytes.get(self.at..).ok_or(Doubt)?;
            let next = rest.iter().position(|byte| *byte == b'$').ok_or(Doubt)?;
            self.at += next;
            if self.bytes.get(self.at..self.at + tag.len()) == Some(tag) {
                self.at += tag.len();
                return Ok(TokenKind::String);
            }
            self.at += 1;
        }
    }

    /// Decimal numbers. Hexadecimal, octal and binary ones, underscores and what follows a number without a blank are
    /// read differently by different versions.
    fn number(&mut self) -> Result<TokenKind, Doubt> {
        let start = self.at;
        let digits = |scanner: &mut Self| {
            while scanner.peek(0).is_ascii_digit() {
                scanner.at += 1;
            }
        };
        digits(self);
        let mut integer = self.at - start <= 9;
        if self.peek(0) == b'.' {
            // `1..10` is two tokens around `..`.
            if self.peek(1) == b'.' {
                return Err(Doubt);
            }
            integer = false;
            self.at += 1;
            digits(self);
        }
        if matches!(self.peek(0), b'e' | b'E') {
            integer = false;
            self.at += 1;
            if matches!(self.peek(0), b'+' | b'-') {
                self.at += 1;
            }
            if !self.peek(0).is_ascii_digit() {
                return Err(Doubt);
            }
            digits(self);
        }
        if is_word(self.peek(0)) || self.peek(0) == b'.' {
            return Err(Doubt);
        }
        Ok(if integer { TokenKind::Integer } else { TokenKind::Number })
    }

    /// A run of operator characters, ended by what begins a comment. The server may cut a trailing `+` or `-` off such a
    /// run; the run as a whole says the same.
    fn operator(&mut self) -> TokenKind {
        while is_operator(self.peek(0))
            && !(self.peek(0) == b'-' && self.peek(1) == b'-')
            && !(self.peek(0) == b'/' && self.peek(1) == b'*')
        {
            self.at += 1;
        }
        TokenKind::Operator
    }

    fn word(&mut self) -> Result<TokenKind, Doubt> {
        let first = self.peek(0) | 0x20;
        if self.peek(1) == b'\'' {
            let kind = match first {
                b'e' => Some((true, TokenKind::String)),
                b'b' | b'x' => Some((false, TokenKind::BitString)),
                _ => None,
            };
            if let Some((escapes, kind)) = kind {
                self.at += 1;
                self.string(escapes)?;
                return Ok(kind);
            }
        }
        if first == b'u' && self.peek(1) == b'&' && matches!(self.peek(2), b'\'' | b'"') {
            return Err(Doubt);
        }
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        Ok(TokenKind::Word)
    }
}
