//! Which cursors a body fetches from: its own, or one that it is given by name, which may be any of the session.

use std::collections::HashMap;

use super::tokens::{Token, Word};

/// What a body says of cursor variables.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    /// The variables that are open for sure, by the statement list that opens them.
    opened: Vec<Vec<String>>,
    /// How often a variable stands where that can't change which cursor it is, and how often it is declared.
    mentions: HashMap<String, Mentions>,
    /// Fetched from while open for sure.
    fetched: Vec<String>,
    /// Fetched from otherwise.
    foreign: bool,
}

#[derive(Debug, Default)]
struct Mentions {
    harmless: usize,
    declared: usize,
}

impl Cursors {
    /// A list of statements begins.
    pub(super) fn begin_list(&mut self) {
        self.opened.push(Vec::new());
    }

    pub(super) fn end_list(&mut self) {
        self.opened.pop();
    }

    pub(super) fn declare(&mut self, name: &str) {
        let mentions = self.mentions.entry(name.to_owned()).or_default();
        mentions.harmless += 1;
        mentions.declared += 1;
    }

    pub(super) fn open(&mut self, name: &str) {
        self.mention(name);
        if let Some(list) = self.opened.last_mut() {
            list.push(name.to_owned());
        }
    }

    /// CLOSE, or a loop over a bound cursor, which opens it anew.
    pub(super) fn mention(&mut self, name: &str) {
        self.mentions.entry(name.to_owned()).or_default().harmless += 1;
    }

    pub(super) fn fetch(&mut self, name: &str) {
        self.mention(name);
        if self.opened.iter().flatten().any(|open| open == name) {
            self.fetched.push(name.to_owned());
        } else {
            self.foreign = true;
        }
    }

    /// A cursor that can't be told.
    pub(super) fn fetch_unknown(&mut self) {
        self.foreign = true;
    }

    /// Whether it may fetch from a cursor that it hasn't opened: one that is assigned, given, or declared twice isn't
    /// known to be the one that was opened.
    pub(super) fn are_foreign(&self, tokens: &[Token<'_>]) -> bool {
        self.foreign
            || self.fetched.iter().any(|name| {
                let all = tokens.iter().filter(|token| is(token, name)).count();
                let known = self.mentions.get(name);
                known.is_none_or(|known| known.declared > 1 || known.harmless != all)
            })
    }
}

fn is(token: &Token<'_>, name: &str) -> bool {
    matches!(&token.word, Word::Plain(word) | Word::Quoted(word) if word == name)
}
