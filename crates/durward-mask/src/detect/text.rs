//! Finds, in one pass, everything that is known by something fixed in it: a prefix, a keyword, an `@`.
//!
//! INVARIANT: what a finder reads beyond its anchor is bounded, unless it then finds something Certain, which is not
//! looked into again. So the pass is linear.
//!
//! Cost: one automaton over the text (a few table look-ups for each byte), and a finder for each anchor.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use durward_model::Label;

use super::{Finding, Strength};

/// What a finder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Where.
    pub(super) span: Range<usize>,
    /// How sure.
    pub(super) strength: Strength,
}

impl Hit {
    /// A hit that its checksum or rare shape proves.
    pub(super) const fn checked(span: Range<usize>) -> Self {
        Self {
            span,
            strength: Strength::Checked,
        }
    }

    /// A hit that nothing else looks like.
    pub(super) const fn certain(span: Range<usize>) -> Self {
        Self {
            span,
            strength: Strength::Certain,
        }
    }
}

/// A format with fixed parts, found by a function.
#[derive(Debug)]
pub(super) struct Anchored {
    /// Its name in evidence.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) label: Label,
    /// What is fixed in it, each looked for by itself.
    pub(super) anchors: &'static [&'static str],
    /// Looks around an anchor, given where that stands.
    pub(super) find: fn(&[u8], Range<usize>) -> Option<Hit>,
}

/// A credential: a prefix that its issuer reserved, and a body of some characters.
#[derive(Debug)]
pub(super) struct Token {
    /// Its name in evidence.
    pub(super) name: &'static str,
    /// What it begins with.
    pub(super) prefix: &'static str,
    /// Which characters follow.
    pub(super) body: fn(u8) -> bool,
    /// How many of them, at least.
    pub(super) least: usize,
    /// How many of them, at most. A longer run is something else, unless this is [`ANY_LENGTH`].
    pub(super) most: usize,
    /// Whether words or encoded bytes might look alike, so that the body must hold a digit and a letter, and nothing of
    /// base64 may stand before it.
    pub(super) weak: bool,
}

/// No upper bound to a token's body.
pub(super) const ANY_LENGTH: usize = usize::MAX;

impl Token {
    /// The token whose prefix stands at a place.
    fn find(&self, text: &[u8], prefix: Range<usize>) -> Option<Hit> {
        let is_free = if self.weak {
            prefix
                .start
                .checked_sub(1)
                .and_then(|before| text.get(before))
                .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'/' | b'-' | b'_'))
                || begins_after_escape(text, prefix.start)
        } else {
            begins_word(text, prefix.start)
        };
        if !is_free {
            return None;
        }
        let rest = text.get(prefix.end..)?;
        let first = rest.get(..self.least)?;
        if !first.iter().all(|byte| (self.body)(*byte)) {
            return None;
        }
        if self.weak && !(first.iter().any(u8::is_ascii_digit) && first.iter().any(u8::is_ascii_alphabetic)) {
            return None;
        }
        let more = rest.get(self.least..)?;
        let length = self.least
            + run(
                more.get(..self.most.saturating_sub(self.least).saturating_add(1))
                    .unwrap_or(more),
                self.body,
            );
        if length > self.most {
            return None;
        }
        let end = prefix.end + trimmed_end(rest.get(..length)?).max(self.least);
        Some(Hit::certain(prefix.start..end))
    }
}

/// Every anchor in one automaton.
#[derive(Debug)]
pub(super) struct Anchors {
    automaton: Option<AhoCorasick>,
    /// What each of the automaton's patterns leads to, in its order.
    kinds: Vec<Kind>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Token(&'static Token),
    Anchored(&'static Anchored),
}

impl Anchors {
    /// Compiles all formats with fixed parts.
    pub(super) fn compile(
        anchored: impl Iterator<Item = &'static Anchored>,
        tokens: impl Iterator<Item = &'static Token>,
    ) -> Self {
        let anchored = anchored.flat_map(|format| {
            let anchors = format.anchors.iter();
            anchors.map(move |anchor| (*anchor, Kind::Anchored(format)))
        });
        // Formats with a finder come first, because a token that is found hides what begins at its prefix.
        let tokens = tokens.map(|token| (token.prefix, Kind::Token(token)));
        let (patterns, kinds): (Vec<_>, Vec<_>) = anchored.chain(tokens).unzip();
        // Some few hundred short literals are far below every limit of the automaton; a test compiles them.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns)
            .ok();
        Self { automaton, kinds }
    }

    /// Adds whatever stands in a text.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Finding>) {
        let Some(automaton) = &self.automaton else { return };
        let mut settled_to = 0;
        for anchor in automaton.find_overlapping_iter(text) {
            if anchor.start() < settled_to {
                continue;
            }
            let (name, label, hit) = match self.kinds.get(anchor.pattern().as_usize()) {
                Some(Kind::Token(token)) => (token.name, &Label::Secret, token.find(text, anchor.range())),
                Some(Kind::Anchored(format)) => (format.name, &format.label, (format.find)(text, anchor.range())),
                None => continue,
            };
            let Some(Hit { span, strength }) = hit else { continue };
            if strength == Strength::Certain {
                settled_to = settled_to.max(span.end);
            }
            found.push(Finding {
                label: label.clone(),
                format: name,
                strength,
                span,
            });
        }
    }
}

/// Whether a word may begin at a place: no ASCII letter or digit stands right before it, except as the end of an escape
/// (`\n`, `%20`, `\u003d`).
pub(super) fn begins_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    before.is_none_or(|byte| !byte.is_ascii_alphanumeric()) || begins_after_escape(text, at)
}

/// Whether an escape ends at a place.
pub(super) fn begins_after_escape(text: &[u8], at: usize) -> bool {
    let before = |length: usize| at.checked_sub(length).and_then(|start| text.get(start..at));
    matches!(before(2), Some([b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'"' | b'/']))
        || matches!(before(3), Some([b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        || matches!(before(6), Some([b'\\', b'u', code @ ..]) if code.iter().all(u8::is_ascii_hexdigit))
}

/// Whether a word may end at a place: no ASCII letter or digit stands there.
pub(super) fn ends_word(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// How many bytes of a kind a text begins with.
pub(super) fn run(text: &[u8], is_of_kind: impl Fn(u8) -> bool) -> usize {
    let length = text.iter().take_while(|byte| is_of_kind(**byte)).count();
    #[cfg(test)]
    work::count(length);
    length
}

/// How many bytes of a kind stand right before a place, at most `most`.
pub(super) fn run_before(text: &[u8], at: usize, most: usize, is_of_kind: impl Fn(u8) -> bool) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let length = before
        .iter()
        .rev()
        .take(most)
        .take_while(|byte| is_of_kind(**byte))
        .count();
    #[cfg(test)]
    work::count(length);
    length
}

/// How long a text is without the dots that end it, which are a sentence's.
pub(super) fn trimmed_end(text: &[u8]) -> usize {
    text.len() - text.iter().rev().take_while(|byte| **byte == b'.').count()
}

/// A character of standard base64, padding included.
pub(super) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// A character of base64url (RFC 4648, section 5), without padding.
pub(super) const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// An ASCII letter or digit.
pub(super) const fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// A lower-case hexadecimal digit.
pub(super) const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// How many bytes the finders have looked at beyond their anchors, so that tests can tell linear work from more.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    /// Adds what has been looked at.
    pub(in super::super) fn count(bytes: usize) {
        BYTES.set(BYTES.get() + bytes + 1);
    }

    /// What has been looked at since the last time.
    pub(in super::super) fn take() -> usize {
        BYTES.replace(0)
    }
}
