//! The grammar of PL/pgSQL (`pl_gram.y`), as far as it says which parts of a body are SQL and how they run.
//!
//! The parser library's own PL/pgSQL entry is not used: it can't print trigger functions, knows no types outside
//! `public`, and swaps the process's standard error stream while it runs. Here the same scanner cuts tokens, statement
//! words decide as the server's grammar does, and every piece of SQL goes to the server's own parser. What doesn't fit
//! is an error, and the body then opaque.

use std::sync::Arc;

use super::cursors::Cursors;
use super::tokens::{Token, Word, into_target, scan};

/// Blocks and loops nested deeper than this are not followed. The server's own limit is its stack.
const NESTING_MAX: usize = 200;

/// A body, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// Its SQL, in order of the text.
    pub(super) pieces: Vec<Piece>,
    /// Names of variables and labels.
    pub(super) names: Vec<Arc<str>>,
    /// Whether it may fetch from cursors that it hasn't opened itself.
    pub(super) fetches_foreign: bool,
    /// Whether it reads what errors say, which may quote whole rows.
    pub(super) reads_errors: bool,
}

/// One piece of SQL in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// What it is.
    pub(super) kind: PieceKind,
    /// Its text: a whole statement, or for `Dynamic` the expression that makes the text.
    pub(super) text: String,
    /// Whether it may run more than once.
    pub(super) repeated: bool,
}

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A statement; expressions stand as `SELECT expression`.
    Statement,
    /// `SELECT expression`, whose value is run as a statement.
    Dynamic,
}

/// Why a body could not be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood(pub(super) &'static str);

/// Takes a body apart.
pub(super) fn parse(source: &str) -> Result<Body, NotUnderstood> {
    let tokens = scan(source).ok_or(NotUnderstood("its tokens can't be read"))?;
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        loops: 0,
        depth: 0,
        body: Body::default(),
        cursors: Cursors::default(),
    };
    parser.options()?;
    parser.block()?;
    parser.skip_symbol(";");
    if parser.peek().is_some() {
        return Err(NotUnderstood("text after its END"));
    }
    let Parser {
        mut body,
        cursors,
        tokens,
        ..
    } = parser;
    body.fetches_foreign = cursors.are_foreign(&tokens);
    body.reads_errors = tokens.iter().any(|token| match &token.word {
        Word::Plain(word) | Word::Quoted(word) => word == "sqlerrm" || word == "stacked",
        _ => false,
    });
    Ok(body)
}

struct Parser<'t> {
    source: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    loops: usize,
    depth: usize,
    body: Body,
    cursors: Cursors,
}

type Parsed<T> = Result<T, NotUnderstood>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&Token<'t>> {
        self.tokens.get(self.at)
    }

    fn peek_after(&self, count: usize) -> Option<&Token<'t>> {
        self.tokens.get(self.at.saturating_add(count))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token { word: Word::Plain(plain), .. }) if plain == word)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token { word: Word::Symbol(text), .. }) if *text == symbol)
    }

    fn symbol_after(&self, count: usize) -> Option<&'t str> {
        match self.peek_after(count) {
            Some(Token {
                word: Word::Symbol(text),
                ..
            }) => Some(text),
            _ => None,
        }
    }

    fn skip(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.skip();
        }
        found
    }

    fn skip_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.skip();
        }
        found
    }

    fn expect_word(&mut self, word: &'static str) -> Parsed<()> {
        if self.skip_word(word) {
            Ok(())
        } else {
            Err(NotUnderstood(word))
        }
    }

    fn expect_symbol(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.skip_symbol(symbol) {
            Ok(())
        } else {
            Err(NotUnderstood(symbol))
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token {
                word: Word::Plain(name) | Word::Quoted(name),
                ..
            }) => {
                let name = name.clone();
                self.skip();
                Ok(name)
            }
            _ => Err(NotUnderstood("a name is missing")),
        }
    }

    /// Skips tokens up to one of the stops outside brackets, and gives the text skipped; the stop stays.
    fn until(&mut self, stops: &[&str]) -> Parsed<&'t str> {
        let start = self.peek().map(|token| token.start);
        let mut end = start;
        let mut brackets = 0_usize;
        loop {
            let token = self.peek().ok_or(NotUnderstood("its end is missing"))?;
            let stops_here = match &token.word {
                Word::Plain(word) => stops.contains(&word.as_str()),
                Word::Symbol(symbol) => stops.contains(symbol),
                Word::Quoted(_) | Word::Text | Word::Other => false,
            };
            if stops_here && brackets == 0 {
                break;
            }
            match &token.word {
                Word::Symbol("(" | "[") => brackets = brackets.saturating_add(1),
                Word::Symbol(")" | "]") => {
                    brackets = brackets.checked_sub(1).ok_or(NotUnderstood("mismatched brackets"))?;
                }
                // A statement ends nowhere else.
                Word::Symbol(";") => return Err(NotUnderstood("mismatched brackets")),
                _ => {}
            }
            end = Some(token.end);
            self.skip();
        }
        match (start, end) {
            (Some(start), Some(end)) => self.source.get(start..end).ok_or(NotUnderstood("a broken text")),
            _ => Ok(""),
        }
    }

    fn push(&mut self, kind: PieceKind, text: String) {
        self.body.pieces.push(Piece {
            kind,
            text,
            repeated: self.loops > 0,
        });
    }

    fn statement_piece(&mut self, text: &str) {
        self.push(PieceKind::Statement, text.to_owned());
    }

    fn expression_piece(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.push(PieceKind::Statement, format!("SELECT {text}"));
        }
    }

    fn dynamic_piece(&mut self, text: &str) {
        self.push(PieceKind::Dynamic, format!("SELECT {text}"));
    }

    /// `#variable_conflict use_column` and kin.
    fn options(&mut self) -> Parsed<()> {
        while self.skip_symbol("#") {
            let option = self.name()?;
            let value = self.name()?;
            if option == "variable_conflict" && value == "use_variable" {
                return Err(NotUnderstood("variables hide columns in it"));
            }
        }
        Ok(())
    }

    fn label(&mut self) -> Parsed<()> {
        if self.skip_symbol("<<") {
            let name = self.name()?;
            self.body.names.push(name.into());
            self.expect_symbol(">>")?;
        }
        Ok(())
    }

    /// `[<<label>>] [DECLARE …] BEGIN … [EXCEPTION …] END [label]`, without what ends it.
    fn block(&mut self) -> Parsed<()> {
        self.label()?;
        self.unlabelled_block()
    }

    fn unlabelled_block(&mut self) -> Parsed<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > NESTING_MAX {
            return Err(NotUnderstood("nested too deeply"));
        }
        if self.skip_word("declare") {
            while !self.is_word("begin") {
                if !self.skip_word("declare") {
                    self.declaration()?;
                }
            }
        }
        self.expect_word("begin")?;
        self.statements(&["exception", "end"])?;
        if self.skip_word("exception") {
            while self.skip_word("when") {
                self.until(&["then"])?;
                self.skip();
                self.statements(&["when", "end"])?;
            }
        }
        self.expect_word("end")?;
        if !self.is_symbol(";") && self.peek().is_some() {
            self.name()?;
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn declaration(&mut self) -> Parsed<()> {
        let name = self.name()?;
        self.cursors.declare(&name);
        self.body.names.push(name.into());
        if self.skip_word("alias") {
            self.until(&[";"])?;
            self.skip();
            return Ok(());
        }
        let scrolls = self.is_word("no") || self.is_word("scroll");
        if scrolls || self.is_word("cursor") {
            self.skip_word("no");
            self.skip_word("scroll");
            self.expect_word("cursor")?;
            return self.cursor_declaration();
        }
        self.skip_word("constant");
        self.until(&[":=", "=", "default", "not", ";"])?;
        if self.skip_word("not") {
            self.expect_word("null")?;
        }
        if !self.is_symbol(";") {
            self.skip();
            let value = self.until(&[";"])?;
            self.expression_piece(value);
        }
        self.expect_symbol(";")
    }

    fn cursor_declaration(&mut self) -> Parsed<()> {
        if self.skip_symbol("(") {
            loop {
                let name = self.name()?;
                self.body.names.push(name.into());
                self.until_argument_end()?;
                if self.skip_symbol(")") {
                    break;
                }
                self.expect_symbol(",")?;
            }
        }
        if !self.skip_word("for") {
            self.expect_word("is")?;
        }
        let query = self.until(&[";"])?;
        self.statement_piece(query);
        self.expect_symbol(";")
    }

    fn until_argument_end(&mut self) -> Parsed<()> {
        let mut brackets = 0_usize;
        loop {
            match self.symbol_after(0) {
                Some("," | ")") if brackets == 0 => return Ok(()),
                Some("(" | "[") => brackets = brackets.saturating_add(1),
                Some(")" | "]") => brackets = brackets.saturating_sub(1),
                Some(";") => return Err(NotUnderstood("mismatched brackets")),
                _ if self.peek().is_none() => return Err(NotUnderstood("its end is missing")),
                _ => {}
            }
            self.skip();
        }
    }

    /// Statements up to one of the words that end a section.
    fn statements(&mut self, ends: &[&str]) -> Parsed<()> {
        self.cursors.begin_list();
        loop {
            let token = self.peek().ok_or(NotUnderstood("its end is missing"))?;
            if let Word::Plain(word) = &token.word
                && ends.contains(&word.as_str())
                && !self.assigns()
            {
                self.cursors.end_list();
                return Ok(());
            }
            self.statement()?;
        }
    }

    /// Whether what follows is an assignment: a name, then `:=`, `=`, `[` or `.`. Words of the grammar that are not
    /// reserved may be variables' names.
    fn assigns(&self) -> bool {
        matches!(self.symbol_after(1), Some(":=" | "=" | "[" | "."))
    }

    /// One statement. A match over the statement words, longer than a screen.
    fn statement(&mut self) -> Parsed<()> {
        if self.is_symbol("<<") {
            self.label()?;
            if self.is_word("declare") || self.is_word("begin") {
                self.unlabelled_block()?;
                return self.expect_symbol(";");
            }
        }
        let word = match self.peek().map(|token| &token.word) {
            Some(Word::Plain(word)) => word.clone(),
            Some(Word::Quoted(_) | Word::Other) => return self.assignment(),
            // A statement may stand in parentheses.
            Some(Word::Symbol("(")) => return self.sql(),
            Some(Word::Symbol(_) | Word::Text) | None => return Err(NotUnderstood("a statement that can't be read")),
        };
        if self.assigns() {
            return self.assignment();
        }
        match word.as_str() {
            "declare" | "begin" => {
                self.unlabelled_block()?;
                self.expect_symbol(";")
            }
            "if" => self.if_(),
            "case" => self.case(),
            "loop" => self.loop_(),
            "while" => {
                self.skip();
                self.loops = self.loops.saturating_add(1);
                let condition = self.until(&["loop"])?;
                self.expression_piece(condition);
                self.loops = self.loops.saturating_sub(1);
                self.loop_()
            }
            "for" => self.for_(),
            "foreach" => {
                self.skip();
                self.until(&["array"])?;
                self.skip();
                let array = self.until(&["loop"])?;
                self.expression_piece(array);
                self.loop_()
            }
            "exit" | "continue" => {
                self.until(&["when", ";"])?;
                if self.skip_word("when") {
                    let condition = self.until(&[";"])?;
                    self.expression_piece(condition);
                }
                self.expect_symbol(";")
            }
            "return" => self.return_(),
            "raise" => self.raise(),
            "assert" => {
                self.skip();
                self.expression_list(&[";"])?;
                self.expect_symbol(";")
            }
            "execute" => {
                self.skip();
                self.execute(&[";"])?;
                self.expect_symbol(";")
            }
            "perform" => {
                self.skip();
                let rest = self.until(&[";"])?;
                self.expression_piece(rest);
                self.expect_symbol(";")
            }
            "get" => {
                self.until(&[";"])?;
                self.expect_symbol(";")
            }
            "open" => self.open(),
            "fetch" | "move" => self.fetch(),
            "close" => {
                self.skip();
                let name = self.name()?;
                self.cursors.mention(&name);
                self.expect_symbol(";")
            }
            "null" => {
                self.skip();
                self.expect_symbol(";")
            }
            _ => self.sql(),
        }
    }

    /// `target := expression`: subscripts in the target are expressions too.
    fn assignment(&mut self) -> Parsed<()> {
        self.until_assignment()?;
        self.skip();
        let value = self.until(&[";"])?;
        self.expression_piece(value);
        self.expect_symbol(";")
    }

    fn until_assignment(&mut self) -> Parsed<()> {
        loop {
            let target = self.until(&[":=", "=", "[", ";"])?;
            if self.is_symbol("[") {
                let start = self.peek().map_or(0, |token| token.start);
                self.skip();
                self.until(&["]"])?;
                let end = self.peek().map_or(start, |token| token.end);
                self.skip();
                let subscript = self.source.get(start..end).ok_or(NotUnderstood("a broken text"))?;
                self.expression_piece(&format!("(NULL::pg_catalog.int4[]){subscript}"));
                continue;
            }
            if self.is_symbol(";") || target.contains('(') {
                return Err(NotUnderstood("a statement that can't be read"));
            }
            return Ok(());
        }
    }

    fn if_(&mut self) -> Parsed<()> {
        self.skip();
        loop {
            let condition = self.until(&["then"])?;
            self.skip();
            self.expression_piece(condition);
            self.statements(&["elsif", "elseif", "else", "end"])?;
            if !self.skip_word("elsif") && !self.skip_word("elseif") {
                break;
            }
        }
        if self.skip_word("else") {
            self.statements(&["end"])?;
        }
        self.expect_word("end")?;
        self.expect_word("if")?;
        self.expect_symbol(";")
    }

    fn case(&mut self) -> Parsed<()> {
        self.skip();
        let subject = self.until(&["when"])?;
        self.expression_piece(subject);
        while self.skip_word("when") {
            let value = self.until(&["then"])?;
            self.skip();
            self.expression_piece(value);
            self.statements(&["when", "else", "end"])?;
        }
        if self.skip_word("else") {
            self.statements(&["end"])?;
        }
        self.expect_word("end")?;
        self.expect_word("case")?;
        self.expect_symbol(";")
    }

    /// `LOOP … END LOOP [label];`
    fn loop_(&mut self) -> Parsed<()> {
        self.expect_word("loop")?;
        self.depth = self.depth.saturating_add(1);
        if self.depth > NESTING_MAX {
            return Err(NotUnderstood("nested too deeply"));
        }
        self.loops = self.loops.saturating_add(1);
        self.statements(&["end"])?;
        self.loops = self.loops.saturating_sub(1);
        self.depth = self.depth.saturating_sub(1);
        self.expect_word("end")?;
        self.expect_word("loop")?;
        if !self.is_symbol(";") {
            self.name()?;
        }
        self.expect_symbol(";")
    }

    fn for_(&mut self) -> Parsed<()> {
        self.skip();
        // The variable of an integer loop is declared by the loop.
        if let Some(Token {
            word: Word::Plain(name) | Word::Quoted(name),
            ..
        }) = self.peek()
        {
            let name = name.as_str().into();
            self.body.names.push(name);
        }
        self.until(&["in"])?;
        self.skip();
        if self.skip_word("execute") {
            self.execute(&["loop"])?;
            return self.loop_();
        }
        let reverse = self.is_word("reverse");
        // A query never is one word alone; what stands in parentheses after one is walked either way.
        let arguments = self.symbol_after(1) == Some("(");
        let loops_next = matches!(self.peek_after(1), Some(Token { word: Word::Plain(word), .. }) if word == "loop");
        let cursor = match self.peek().map(|token| &token.word) {
            Some(Word::Plain(name) | Word::Quoted(name)) => {
                loops_next || arguments && self.body.names.iter().any(|known| **known == **name)
            }
            _ => false,
        };
        if reverse {
            self.skip();
        }
        let first = self.until(&["..", "loop"])?;
        if self.skip_symbol("..") {
            self.expression_piece(first);
            let upper = self.until(&["by", "loop"])?;
            self.expression_piece(upper);
            if self.skip_word("by") {
                let step = self.until(&["loop"])?;
                self.expression_piece(step);
            }
        } else if cursor && !reverse {
            // It opens the cursor itself.
            let name = first.split('(').next().unwrap_or_default().trim();
            self.cursors.mention(&name.to_ascii_lowercase());
            if arguments {
                self.cursor_arguments(first)?;
            }
        } else {
            self.statement_piece(first);
        }
        self.loop_()
    }

    /// The arguments of a bound cursor, `c(1, x := f())`, as those of a harmless function.
    fn cursor_arguments(&mut self, call: &str) -> Parsed<()> {
        let (_, arguments) = call
            .split_once('(')
            .ok_or(NotUnderstood("a cursor that can't be read"))?;
        self.expression_piece(&format!("pg_catalog.concat({arguments}"));
        Ok(())
    }

    fn return_(&mut self) -> Parsed<()> {
        self.skip();
        if self.skip_word("query") {
            if self.skip_word("execute") {
                self.execute(&[";"])?;
            } else {
                let query = self.until(&[";"])?;
                self.statement_piece(query);
            }
            return self.expect_symbol(";");
        }
        self.skip_word("next");
        let value = self.until(&[";"])?;
        self.expression_piece(value);
        self.expect_symbol(";")
    }

    fn raise(&mut self) -> Parsed<()> {
        self.skip();
        if !matches!(self.peek().map(|token| &token.word), Some(Word::Text)) {
            // A level, a condition's name, or SQLSTATE 'code'.
            self.until_text_or(&["using", ";"])?;
        }
        if matches!(self.peek().map(|token| &token.word), Some(Word::Text)) {
            self.skip();
            if self.skip_symbol(",") {
                self.expression_list(&["using", ";"])?;
            }
        }
        if self.skip_word("using") {
            loop {
                self.name()?;
                if !self.skip_symbol("=") {
                    self.expect_symbol(":=")?;
                }
                let value = self.until(&[",", ";"])?;
                self.expression_piece(value);
                if !self.skip_symbol(",") {
                    break;
                }
            }
        }
        self.expect_symbol(";")
    }

    fn until_text_or(&mut self, stops: &[&str]) -> Parsed<()> {
        while let Some(token) = self.peek() {
            match &token.word {
                Word::Text => return Ok(()),
                Word::Plain(word) if stops.contains(&word.as_str()) => return Ok(()),
                Word::Symbol(symbol) if stops.contains(symbol) => return Ok(()),
                Word::Plain(_) => self.skip(),
                Word::Quoted(_) | Word::Symbol(_) | Word::Other => break,
            }
        }
        Err(NotUnderstood("a RAISE that can't be read"))
    }

    fn expression_list(&mut self, stops: &[&str]) -> Parsed<()> {
        let mut ends = vec![","];
        ends.extend_from_slice(stops);
        loop {
            let value = self.until(&ends)?;
            self.expression_piece(value);
            if !self.skip_symbol(",") {
                return Ok(());
            }
        }
    }

    /// What follows EXECUTE: the expression, INTO and USING in either order.
    fn execute(&mut self, stops: &[&str]) -> Parsed<()> {
        let mut ends = vec!["into", "using"];
        ends.extend_from_slice(stops);
        let text = self.until(&ends)?;
        self.dynamic_piece(text);
        loop {
            if self.skip_word("into") {
                self.skip_word("strict");
                self.until(&ends)?;
            } else if self.skip_word("using") {
                self.expression_list(&ends)?;
            } else {
                return Ok(());
            }
        }
    }

    fn open(&mut self) -> Parsed<()> {
        self.skip();
        let name = self.name()?;
        self.cursors.open(&name);
        if self.is_symbol("(") {
            let arguments = self.until(&[";"])?;
            self.expression_piece(&format!("pg_catalog.concat{arguments}"));
            return self.expect_symbol(";");
        }
        self.skip_word("no");
        self.skip_word("scroll");
        if self.skip_word("for") {
            if self.skip_word("execute") {
                self.execute(&[";"])?;
            } else {
                let query = self.until(&[";"])?;
                self.statement_piece(query);
            }
        }
        self.expect_symbol(";")
    }

    /// `FETCH [direction FROM|IN] cursor INTO target;` and MOVE. A direction's count is an expression.
    fn fetch(&mut self) -> Parsed<()> {
        self.skip();
        let start = self.at;
        let first = self.until(&["from", "in", "into", ";"])?;
        let mut cursor = start;
        if self.is_word("from") || self.is_word("in") {
            let mut words = first.trim().splitn(2, char::is_whitespace);
            let direction = words.next().unwrap_or_default().to_ascii_lowercase();
            let rest = words.next().unwrap_or_default().trim();
            match direction.as_str() {
                "absolute" | "relative" | "forward" | "backward" if rest.eq_ignore_ascii_case("all") => {}
                "absolute" | "relative" | "forward" | "backward" => self.expression_piece(rest),
                "next" | "prior" | "first" | "last" | "all" | "" if rest.is_empty() => {}
                _ => self.expression_piece(first),
            }
            self.skip();
            cursor = self.at;
        }
        let name = match self.tokens.get(cursor).map(|token| &token.word) {
            Some(Word::Plain(name) | Word::Quoted(name)) => Some(name.clone()),
            _ => None,
        };
        // Its name alone: no label before it, no direction without FROM.
        let ends_there = match self.tokens.get(cursor.saturating_add(1)).map(|token| &token.word) {
            Some(Word::Plain(word)) => word == "into",
            Some(Word::Symbol(symbol)) => *symbol == ";",
            _ => false,
        };
        match name.filter(|_| ends_there) {
            Some(name) => self.cursors.fetch(&name),
            None => self.cursors.fetch_unknown(),
        }
        self.until(&[";"])?;
        self.expect_symbol(";")
    }

    /// An SQL statement, its INTO clause taken out as the server does: the first INTO that doesn't follow INSERT or
    /// MERGE, in a statement that isn't IMPORT.
    fn sql(&mut self) -> Parsed<()> {
        let first = self.at;
        self.until(&[";"])?;
        let tokens = self.tokens.get(first..self.at).ok_or(NotUnderstood("a broken text"))?;
        let (Some(start), Some(end)) = (
            tokens.first().map(|token| token.start),
            tokens.last().map(|token| token.end),
        ) else {
            return Err(NotUnderstood("an empty statement"));
        };
        let mut text = self
            .source
            .get(start..end)
            .ok_or(NotUnderstood("a broken text"))?
            .to_owned();
        if let Some((into_start, into_end)) = into_target(tokens) {
            let range = into_start.saturating_sub(start)..into_end.saturating_sub(start);
            let blank = " ".repeat(range.len());
            if !text.is_char_boundary(range.start) || !text.is_char_boundary(range.end) {
                return Err(NotUnderstood("a broken text"));
            }
            text.replace_range(range, &blank);
        }
        self.push(PieceKind::Statement, text);
        self.expect_symbol(";")
    }
}
