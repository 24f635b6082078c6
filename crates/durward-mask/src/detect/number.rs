//! Finds formats of groups of digits and letters: national identifiers, cards and the like.
//!
//! Each format is given by pictures of how it is written, in which `9` is a digit, `A` a letter, `*` either, and all
//! else stands for itself. All pictures are in one tree of group lengths and separators, so that a text is walked once.
//!
//! Cost: a look at each byte for digits; at each word with a digit, a few steps down the tree, and the checks of the
//! formats at its leaves.

use std::ops::Range;

use durward_model::Label;

use super::cue::{CueSet, Cues};
use super::text::{run, run_before};
use super::{Finding, Strength, bank, network};

/// A format of groups of digits and letters.
#[derive(Debug)]
pub(super) struct Number {
    /// Its name in evidence.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) label: Label,
    /// Pictures that are clear in running text too, if the check passes.
    pub(super) clear: &'static [&'static str],
    /// Pictures that much else has: in running text they count after a cue.
    pub(super) bare: &'static [&'static str],
    /// Words that say what follows.
    pub(super) cues: &'static [&'static str],
    /// How sure letters (in upper case) and digits of one of the pictures are of this format, if they are.
    pub(super) check: fn(&[u8]) -> Option<Strength>,
}

/// `Checked` for what passes a check.
pub(super) fn checked(is_valid: bool) -> Option<Strength> {
    is_valid.then_some(Strength::Checked)
}

/// `Shape` for what has nothing to check, or no more than a rule of ranges.
pub(super) fn shape(is_possible: bool) -> Option<Strength> {
    is_possible.then_some(Strength::Shape)
}

/// The longest written form, with separators.
const PICTURE_BYTES_MAX: usize = 40;
/// The longest group of letters with which a number may begin (`QQ 12 34 56 C`).
const LEADING_LETTERS_MAX: usize = 3;

/// Every format, by the lengths and separators of its groups.
#[derive(Debug)]
pub(super) struct Numbers {
    /// A tree: the first node is the root, and a node's edges lead to later ones.
    nodes: Vec<Node>,
    cues: Cues,
}

#[derive(Debug, Default)]
struct Node {
    edges: Vec<Edge>,
    /// Pictures that end here: those that are clear in running text, and those that need a cue.
    clear: Vec<Fit>,
    bare: Vec<Fit>,
    /// The cues of all the latter.
    bare_cues: CueSet,
}

/// One more group.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// What stands before it; 0 before the first.
    separator: u8,
    length: usize,
    /// Whether all of its pictures have digits alone in it.
    is_digits: bool,
    node: usize,
}

#[derive(Debug, Clone, Copy)]
struct Fit {
    format: &'static Number,
    picture: &'static [u8],
    is_clear: bool,
    cues: CueSet,
}

impl Numbers {
    /// Builds the tree of all pictures.
    pub(super) fn compile(formats: impl Iterator<Item = &'static Number> + Clone) -> Self {
        let mut numbers = Self {
            nodes: vec![Node::default()],
            cues: Cues::compile(formats.clone()),
        };
        for format in formats {
            let cues = numbers.cues.of(format.cues);
            let clear = format.clear.iter().map(|picture| (picture, true));
            let bare = format.bare.iter().map(|picture| (picture, false));
            for (picture, is_clear) in clear.chain(bare) {
                numbers.add(Fit {
                    format,
                    picture: picture.as_bytes(),
                    is_clear,
                    cues,
                });
            }
        }
        numbers
    }

    /// Adds every format that a cell has as a whole.
    pub(super) fn whole(&self, cell: &[u8], found: &mut Vec<Finding>) {
        if cell.len() > PICTURE_BYTES_MAX {
            return;
        }
        self.walk(cell, 0, |node, _| {
            for fit in node.clear.iter().chain(&node.bare) {
                if fit.is_like(cell) {
                    found.extend(fit.strength(cell).map(|strength| fit.finding(0..cell.len(), strength)));
                }
            }
        });
        if let Some(hit) = bank::iban_at(cell, 0).filter(|hit| hit.span.end == cell.len()) {
            found.push(bank::iban_finding(hit));
        }
    }

    /// Adds what stands in a text and is clear there, or has a cue before it.
    pub(super) fn scan(&self, text: &[u8], found: &mut Vec<Finding>) {
        let mut at = 0;
        let mut colons_tried_to = 0;
        while let Some(word) = next_word(text, at) {
            at = word.end;
            let hit = bank::iban_at(text, word.start)
                .map(bank::iban_finding)
                .or_else(|| network::address_at(text, &word, &mut colons_tried_to))
                .or_else(|| self.number_at(text, word.start))
                .or_else(|| self.number_at(text, leading_letters(text, word.start)?));
            if let Some(hit) = hit {
                at = at.max(hit.span.end);
                found.push(hit);
            }
        }
    }

    /// The longest number that begins at a place in running text.
    fn number_at(&self, text: &[u8], start: usize) -> Option<Finding> {
        let mut best: Option<Finding> = None;
        let mut cues = None;
        self.walk(text, start, |node, end| {
            let mut has_cue = |wanted| {
                let cues: &mut CueSet = cues.get_or_insert_with(|| self.cues.before(text, start));
                cues.meets(wanted)
            };
            let is_cued = !node.bare.is_empty() && has_cue(node.bare_cues);
            let bare = if is_cued { node.bare.as_slice() } else { &[] };
            for fit in node.clear.iter().chain(bare) {
                let span = start..end + fit.closing();
                let Some(number) = text.get(span.clone()).filter(|number| fit.is_like(number)) else {
                    continue;
                };
                let Some(strength) = fit.strength(number) else { continue };
                // Issuers write capitals; hashes and encoded bytes in small letters pass a check by chance.
                let is_clear =
                    fit.is_clear && strength >= Strength::Checked && !number.iter().any(u8::is_ascii_lowercase);
                let is_longest = best.as_ref().is_none_or(|best| best.span.end < span.end);
                if is_longest && (is_clear || has_cue(fit.cues)) && stands_alone(text, &span) {
                    best = Some(fit.finding(span, strength.max(Strength::Checked)));
                }
            }
        });
        best
    }

    /// Visits every node that the groups at a place lead to, with where the last of them ends; shorter ones first.
    fn walk(&self, text: &[u8], start: usize, mut visit: impl FnMut(&Node, usize)) {
        let mut node = self.nodes.first();
        let mut separator = 0;
        let mut at = start;
        while let Some(from) = node {
            let window = text.get(at..).unwrap_or_default();
            let window = window.get(..PICTURE_BYTES_MAX).unwrap_or(window);
            let length = run(window, |byte| byte.is_ascii_alphanumeric());
            let group = window.get(..length).unwrap_or_default();
            let edge = from.edges.iter().find(|edge| {
                edge.separator == separator
                    && edge.length == length
                    && (!edge.is_digits || group.iter().all(u8::is_ascii_digit))
            });
            node = edge.and_then(|edge| self.nodes.get(edge.node));
            let Some(to) = node else { break };
            visit(to, at + length);
            separator = text.get(at + length).copied().unwrap_or(0);
            at += length + 1;
        }
    }

    fn add(&mut self, fit: Fit) {
        let mut at = 0;
        let mut separator = 0;
        for group in fit.picture.chunk_by(|left, right| is_group(*left) == is_group(*right)) {
            let Some(first) = group.first().copied() else { continue };
            if is_group(first) {
                at = self.step(at, separator, group);
            } else {
                separator = first;
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            if fit.is_clear {
                node.clear.push(fit);
            } else {
                node.bare_cues = node.bare_cues.or(fit.cues);
                node.bare.push(fit);
            }
        }
    }

    /// The node that one more group leads to, made if there is none.
    fn step(&mut self, from: usize, separator: u8, group: &[u8]) -> usize {
        let new = self.nodes.len();
        let length = group.len();
        let is_digits = group.iter().all(|sign| *sign == b'9');
        let Some(node) = self.nodes.get_mut(from) else {
            return from;
        };
        let known = node
            .edges
            .iter_mut()
            .find(|edge| edge.separator == separator && edge.length == length);
        if let Some(edge) = known {
            edge.is_digits &= is_digits;
            return edge.node;
        }
        node.edges.push(Edge {
            separator,
            length,
            is_digits,
            node: new,
        });
        self.nodes.push(Node::default());
        new
    }
}

impl Fit {
    /// How many signs stand behind the last group.
    fn closing(&self) -> usize {
        usize::from(self.picture.ends_with(b")"))
    }

    /// Whether a text looks like the picture.
    fn is_like(&self, text: &[u8]) -> bool {
        text.len() == self.picture.len()
            && self.picture.iter().zip(text).all(|(sign, byte)| match sign {
                b'9' => byte.is_ascii_digit(),
                b'A' => byte.is_ascii_alphabetic(),
                b'*' => byte.is_ascii_alphanumeric(),
                literal => literal == byte,
            })
    }

    /// How sure the letters and digits of a text are of the format.
    fn strength(&self, text: &[u8]) -> Option<Strength> {
        let mut compact = [0; PICTURE_BYTES_MAX];
        let mut length = 0;
        for (place, byte) in compact
            .iter_mut()
            .zip(text.iter().filter(|byte| byte.is_ascii_alphanumeric()))
        {
            *place = byte.to_ascii_uppercase();
            length += 1;
        }
        (self.format.check)(compact.get(..length)?)
    }

    fn finding(&self, span: Range<usize>, strength: Strength) -> Finding {
        Finding {
            label: self.format.label.clone(),
            format: self.format.name,
            strength,
            span,
        }
    }
}

/// Whether a picture's sign stands for a letter or digit.
fn is_group(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || sign == b'*'
}

/// The next run of letters and digits that holds a digit. What an escape ends (`\n`, `%20`) is no part of it.
fn next_word(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let rest = text.get(from..)?;
        let digit = from + first_digit(rest)?;
        let letters = text.get(from..digit)?;
        let start = digit - run_before(letters, letters.len(), usize::MAX, |byte| byte.is_ascii_alphanumeric());
        let end = digit + run(text.get(digit..)?, |byte| byte.is_ascii_alphanumeric());
        let start = start + escaped(text, start);
        if start < end {
            return Some(start..end);
        }
        from = end;
    }
}

/// The first digit of a text.
fn first_digit(text: &[u8]) -> Option<usize> {
    const STEP_BYTES: usize = 32;
    // Without an early end in the step, a processor looks at all its bytes at once.
    let holds_digit = |step: &[u8]| step.iter().fold(false, |holds, byte| holds | byte.is_ascii_digit());
    text.chunks(STEP_BYTES)
        .zip((0..).step_by(STEP_BYTES))
        .filter(|(step, _)| holds_digit(step))
        .find_map(|(step, start)| Some(start + step.iter().position(u8::is_ascii_digit)?))
}

/// How many of the bytes at a place belong to an escape that begins before it.
fn escaped(text: &[u8], at: usize) -> usize {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let ahead = text.get(at..).unwrap_or_default();
    match (before, ahead) {
        (Some(b'\\'), [b'n' | b'r' | b't' | b'b' | b'f', ..]) => 1,
        (Some(b'\\'), [b'u', code @ ..])
            if run(code.get(..4).unwrap_or_default(), |byte| byte.is_ascii_hexdigit()) == 4 =>
        {
            5
        }
        (Some(b'%'), [high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 2,
        _ => 0,
    }
}

/// Where a short group of letters begins that stands before a place, with one separator between.
fn leading_letters(text: &[u8], at: usize) -> Option<usize> {
    let end = at.checked_sub(1)?;
    if !matches!(text.get(end), Some(b' ' | b'-')) {
        return None;
    }
    let before = text.get(..end)?;
    let window = before.iter().rev().take(LEADING_LETTERS_MAX + 1);
    let length = window.take_while(|byte| byte.is_ascii_alphabetic()).count();
    (1..=LEADING_LETTERS_MAX).contains(&length).then(|| end - length)
}

/// Whether a number is not a part of a longer one: of a decimal, a path of numbers, a uuid.
fn stands_alone(text: &[u8], span: &Range<usize>) -> bool {
    let byte_before = |distance: usize| span.start.checked_sub(distance).and_then(|at| text.get(at)).copied();
    let byte_after = |distance: usize| text.get(span.end + distance).copied();
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let joins = |byte: Option<u8>| matches!(byte, Some(b'.' | b'-' | b'/'));
    let has_dash = text.get(span.clone()).is_some_and(|number| number.contains(&b'-'));
    let goes_on_before = joins(byte_before(1)) && is_digit(byte_before(2));
    let goes_on_after = joins(byte_after(0)) && is_digit(byte_after(1));
    let is_in_dashes = has_dash
        && ((byte_before(1) == Some(b'-') && is_word(byte_before(2)))
            || (byte_after(0) == Some(b'-') && is_word(byte_after(1))));
    !goes_on_before && !goes_on_after && !is_in_dashes
}
