//! A text by its words: where clauses begin and end.

use std::collections::BTreeSet;
use std::ops::Range;

use pg_query::protobuf::Token;

/// A text's words at its outermost level, and all others with their depth.
pub(crate) struct Words(Vec<Word>);

struct Word {
    span: Range<usize>,
    token: Token,
    depth: usize,
}

impl Words {
    pub(crate) fn of(text: &str) -> Option<Self> {
        let scanned = pg_query::scan(text).ok()?;
        let mut depth = 0_usize;
        let mut words = Vec::with_capacity(scanned.tokens.len());
        for token in &scanned.tokens {
            let kind = token.token();
            if matches!(kind, Token::SqlComment | Token::CComment) {
                continue;
            }
            if matches!(kind, Token::Ascii41 | Token::Ascii93) {
                depth = depth.checked_sub(1)?;
            }
            let span = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
            words.push(Word {
                span,
                token: kind,
                depth,
            });
            if matches!(kind, Token::Ascii40 | Token::Ascii91) {
                depth += 1;
            }
        }
        Some(Self(words))
    }

    /// The first such word at the outermost level, from a word on.
    pub(crate) fn find(&self, token: Token, from: usize) -> Option<usize> {
        let behind = self.0.iter().enumerate().skip(from);
        behind
            .into_iter()
            .find(|(_, word)| word.depth == 0 && word.token == token)
            .map(|(at, _)| at)
    }

    pub(crate) fn text<'a>(&self, text: &'a str, words: Range<usize>) -> &'a str {
        let inner = self.0.get(words).unwrap_or_default();
        let (Some(first), Some(last)) = (inner.first(), inner.last()) else {
            return "";
        };
        text.get(first.span.start..last.span.end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The word of that number.
    pub(crate) fn token(&self, at: usize) -> Option<Token> {
        self.0.get(at).map(|word| word.token)
    }

    /// Where the text before a word ends.
    pub(crate) fn end_before(&self, at: usize) -> Option<usize> {
        let last = self.0.get(at.checked_sub(1)?)?;
        Some(last.span.end)
    }

    /// The numbers of the parameters that it uses, from 1.
    pub(crate) fn parameters(&self, text: &str) -> BTreeSet<usize> {
        let parameters = self.0.iter().filter(|word| word.token == Token::Param);
        parameters
            .filter_map(|word| text.get(word.span.clone())?.trim_start_matches('$').parse().ok())
            .collect()
    }
}
