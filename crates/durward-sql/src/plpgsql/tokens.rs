//! A PL/pgSQL body as tokens of the server's own scanner, which PL/pgSQL uses too.

use pg_query::protobuf::{KeywordKind, Token as Kind};

/// One token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// What it is.
    pub(super) word: Word<'t>,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
}

/// What a token is, as far as the grammar asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word<'t> {
    /// An unquoted identifier or keyword, folded.
    Plain(String),
    /// A quoted identifier, its quotes undone.
    Quoted(String),
    /// A string constant.
    Text,
    /// Punctuation or an operator.
    Symbol(&'t str),
    /// A number, a parameter, a bit string.
    Other,
}

/// The tokens of a body, comments left out; `None` if the scanner refuses it.
pub(super) fn scan(source: &str) -> Option<Vec<Token<'_>>> {
    let scanned = pg_query::scan(source).ok()?;
    let mut tokens = Vec::with_capacity(scanned.tokens.len());
    for token in scanned.tokens {
        let kind = token.token();
        if matches!(kind, Kind::SqlComment | Kind::CComment) {
            continue;
        }
        let start = usize::try_from(token.start).ok()?;
        let end = usize::try_from(token.end).ok()?;
        let text = source.get(start..end)?;
        let word = match kind {
            // Unicode escapes would have to be undone to know the name.
            Kind::Uident => return None,
            Kind::Ident if text.starts_with('"') => Word::Quoted(unquoted(text)?),
            Kind::Ident => Word::Plain(text.to_ascii_lowercase()),
            Kind::Sconst | Kind::Usconst => Word::Text,
            _ if token.keyword_kind() != KeywordKind::NoKeyword => Word::Plain(text.to_ascii_lowercase()),
            Kind::Iconst | Kind::Fconst | Kind::Bconst | Kind::Xconst | Kind::Param => Word::Other,
            _ => Word::Symbol(text),
        };
        tokens.push(Token { word, start, end });
    }
    Some(tokens)
}

fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\""))
}

/// Where the INTO clause of a statement stands: `INTO [STRICT] name[.name…] [, …]`.
pub(super) fn into_target(tokens: &[Token<'_>]) -> Option<(usize, usize)> {
    let is = |token: &Token<'_>, wanted: &str| matches!(&token.word, Word::Plain(word) if word == wanted);
    if tokens.first().is_some_and(|token| is(token, "import")) {
        return None;
    }
    let at = (1..tokens.len()).find(|index| {
        let before = tokens.get(index.saturating_sub(1));
        tokens.get(*index).is_some_and(|token| is(token, "into"))
            && !before.is_some_and(|token| is(token, "insert") || is(token, "merge"))
    })?;
    let start = tokens.get(at)?.start;
    let mut end = tokens.get(at)?.end;
    let mut next = at.saturating_add(1);
    if tokens.get(next).is_some_and(|token| is(token, "strict")) {
        end = tokens.get(next)?.end;
        next = next.saturating_add(1);
    }
    // Names and the dots and commas between them take turns.
    let mut name_expected = true;
    while let Some(token) = tokens.get(next) {
        match (&token.word, name_expected) {
            (Word::Plain(_) | Word::Quoted(_) | Word::Other, true) => name_expected = false,
            (Word::Symbol("." | ","), false) => name_expected = true,
            _ => break,
        }
        end = token.end;
        next = next.saturating_add(1);
    }
    Some((start, end))
}
