//! Long lists of constants cut short before parsing: a tree costs far more than the text, and a constant among
//! thousands of its kind says nothing that the others don't.

use std::ops::Range;

use super::scan::{Doubt, Scanner, TokenKind};

/// Items of one list that are kept. Facts rest on no more of them; the number left out is added to row bounds.
const LIST_ITEMS_KEPT: usize = 1_000;

/// A text with long lists of constants cut short.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thinned {
    pub(crate) text: String,
    /// Items left out, in all.
    pub(crate) items_left_out: u64,
    /// Tokens left, in all.
    pub(crate) tokens: usize,
    /// The places left out, in bytes of the whole text.
    cuts: Vec<Range<usize>>,
}

impl Thinned {
    /// Where a byte of the thinned text stands in the whole one.
    pub(crate) fn place(&self, at: usize) -> usize {
        let mut place = at;
        for cut in &self.cuts {
            if cut.start > place {
                break;
            }
            place += cut.end - cut.start;
        }
        place
    }
}

/// Cuts lists short. An item is `, constant` or `, (constant, …)`; one that follows a thousand like it goes.
/// Constants here are numbers, strings, parameters, NULL, TRUE, FALSE, DEFAULT, signs included.
pub(crate) fn thin(text: &str) -> Result<Thinned, Doubt> {
    let mut lists = Lists::default();
    let mut scanner = Scanner::new(text);
    while let Some(token) = scanner.next_token()? {
        lists.token(text, token.kind, token.span);
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for cut in &lists.cuts {
        kept.push_str(text.get(from..cut.start).ok_or(Doubt)?);
        from = cut.end;
    }
    kept.push_str(text.get(from..).ok_or(Doubt)?);
    Ok(Thinned {
        text: kept,
        items_left_out: lists.items_left_out,
        tokens: lists.tokens,
        cuts: lists.cuts,
    })
}

/// Where the scan stands in a list of constants.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In no item.
    #[default]
    Outside,
    /// After the comma that may begin an item.
    Comma,
    /// In a bare item; a constant has been read.
    Constant,
    /// After `, (` or a comma within: a constant must follow.
    RowOpen,
    /// In a row after a constant.
    RowConstant,
    /// After the row's `)`.
    RowClosed,
}

#[derive(Debug, Default)]
struct Lists {
    place: Place,
    /// Where the item under way begins: at its comma.
    start: usize,
    /// Where the last token of the item under way ended.
    end: usize,
    item_tokens: usize,
    /// Whole items read one after another.
    run: usize,
    cuts: Vec<Range<usize>>,
    items_left_out: u64,
    tokens: usize,
}

impl Lists {
    fn token(&mut self, text: &str, kind: TokenKind, span: Range<usize>) {
        self.tokens += 1;
        let token = text.get(span.clone()).unwrap_or_default();
        let constant = match kind {
            TokenKind::String
            | TokenKind::Integer
            | TokenKind::Number
            | TokenKind::BitString
            | TokenKind::Parameter => true,
            TokenKind::Word => ["null", "true", "false", "default"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(token)),
            TokenKind::QuotedWord | TokenKind::Operator | TokenKind::Punctuation => false,
        };
        let sign = kind == TokenKind::Operator && matches!(token, "-" | "+");
        let next = match (self.place, token) {
            (Place::Comma, "(") => Some(Place::RowOpen),
            (Place::Comma | Place::RowOpen, _) if sign => Some(self.place),
            (Place::Comma, _) if constant => Some(Place::Constant),
            (Place::RowOpen, _) if constant => Some(Place::RowConstant),
            (Place::RowConstant, ",") => Some(Place::RowOpen),
            (Place::RowConstant, ")") => Some(Place::RowClosed),
            _ => None,
        };
        if let Some(next) = next {
            self.place = next;
            self.end = span.end;
            self.item_tokens += 1;
            return;
        }
        // The item ends before this token: whole only if what follows can follow a list's item.
        let whole = matches!(self.place, Place::Constant | Place::RowClosed) && matches!(token, "," | ")" | ";");
        let bare_end = matches!(self.place, Place::RowClosed)
            && (kind == TokenKind::Word && ["on", "returning"].iter().any(|word| word.eq_ignore_ascii_case(token)));
        if whole || bare_end {
            self.item();
        } else if self.place != Place::Outside {
            self.run = 0;
        }
        if token == "," {
            self.place = Place::Comma;
            self.start = span.start;
            self.end = span.end;
            self.item_tokens = 1;
        } else {
            self.place = Place::Outside;
            self.run = 0;
        }
    }

    /// A whole item has been read.
    fn item(&mut self) {
        self.run += 1;
        if self.run <= LIST_ITEMS_KEPT {
            return;
        }
        self.items_left_out += 1;
        self.tokens = self.tokens.saturating_sub(self.item_tokens);
        let cut = self.start..self.end;
        match self.cuts.last_mut() {
            // Cuts with nothing but blanks between them stay apart: the blanks are kept.
            Some(last) if last.end == cut.start => last.end = cut.end,
            _ => self.cuts.push(cut),
        }
    }
}
