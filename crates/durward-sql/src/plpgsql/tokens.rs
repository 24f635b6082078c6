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
