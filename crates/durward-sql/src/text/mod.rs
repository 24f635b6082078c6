//! Statement texts without a parser: tokens, keys that leave constants out, normalised texts.

mod key;
mod scan;
mod thin;
mod tokens;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use key::{TextKey, normalize, shape_key};
pub(crate) use scan::Doubt;
pub(crate) use thin::{Thinned, thin};
pub use tokens::tokens;
pub(crate) use words::Words;

use scan::{Scanner, TokenKind};

/// Whether our scanner cuts a text into the same tokens as the server's, or gives up on it. Operator runs count as one.
pub(crate) fn agrees_with_server(text: &str) -> bool {
    let mut ours = Vec::new();
    let mut scanner = Scanner::new(text);
    loop {
        match scanner.next_token() {
            Ok(Some(token)) => ours.push((token.span, token.kind == TokenKind::Operator)),
            Ok(None) => break,
            Err(Doubt) => return true,
        }
    }
    let Ok(theirs) = pg_query::scan(text) else {
        // What the server can't scan it won't run; a key for it does no harm, since no analysis is ever kept.
        return true;
    };
    let mut spans: Vec<std::ops::Range<usize>> = Vec::new();
    for token in theirs.tokens {
        let comment = matches!(
            pg_query::protobuf::Token::try_from(token.token),
            Ok(pg_query::protobuf::Token::SqlComment | pg_query::protobuf::Token::CComment)
        );
        let (Ok(start), Ok(end)) = (usize::try_from(token.start), usize::try_from(token.end)) else {
            return false;
        };
        if comment {
            continue;
        }
        // The parts of one of our operator runs count as one token; so do `::`, `:=` and `..`.
        let within = ours
            .iter()
            .find(|(span, _)| span.contains(&start))
            .is_some_and(|(span, operator)| *operator && span.start < start && end <= span.end);
        if !within {
            spans.push(start..end);
        }
    }
    join_punctuation(text, &mut ours);
    ours.iter()
        .map(|(span, _)| span.start)
        .eq(spans.iter().map(|span| span.start))
}

/// Joins `::`, `:=` and `..`, which our scanner gives as single characters, as the server does.
fn join_punctuation(text: &str, tokens: &mut Vec<(std::ops::Range<usize>, bool)>) {
    let bytes = text.as_bytes();
    let mut joined: Vec<(std::ops::Range<usize>, bool)> = Vec::with_capacity(tokens.len());
    for (span, operator) in tokens.drain(..) {
        let first = bytes.get(span.start).copied().unwrap_or(0);
        if let Some((last, _)) = joined.last_mut()
            && last.end == span.start
            && last.end - last.start == 1
        {
            let before = bytes.get(last.start).copied().unwrap_or(0);
            if matches!((before, first), (b':', b':' | b'=') | (b'.', b'.')) {
                last.end = span.end;
                continue;
            }
        }
        joined.push((span, operator));
    }
    *tokens = joined;
}
