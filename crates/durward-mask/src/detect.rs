//! What a value looks like: detectors of personal data and secrets, a file for each kind.
//!
//! Two questions are answered. [`Detectors::whole`] says what one cell is, for judging a column by its samples: every
//! format that the value fits, also those that only a second signal would settle. [`Detectors::scan`] says what stands
//! inside a longer text, for cells that are masked in flight: only what is clear without a second signal, or has it
//! right before it (`SSN: …`).
//!
//! Digits of other scripts (fullwidth, Arabic-Indic, Devanagari and more), invisible characters, exotic spaces and
//! dashes are read as their plain forms first, and spans speak of the text as given. A value is not found if it is
//! written in words, split by more than one separator between groups, spread over lines, encoded (base64, UTF-16), or
//! joined to other letters or digits on either side; nor a token that is in pieces, or in another case than
//! its issuer's.

mod bank;
mod cell;
mod checksum;
mod contact;
mod cue;
mod fold;
mod national;
mod network;
mod number;
mod own;
mod passport;
mod place;
mod secret;
mod text;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use durward_model::Label;

pub use own::{OwnLabel, OwnLabelError};

use cell::Cell;
use fold::Folded;
use number::Numbers;
use own::OwnLabels;
use text::{Anchored, Anchors};

/// How far a value proves by itself what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Its shape fits, as that of much else does: it needs a second signal (a name, a neighbour).
    Shape,
    /// Shape and checksum fit, or the shape is rare: among many values of a column it decides. A check of one digit
    /// lets one random number in ten pass.
    Checked,
    /// Nothing else looks like this: a prefix that its issuer reserved, a private key's armour, a long checksum.
    Certain,
}

/// Something found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub label: Label,
    /// The format, as evidence names it: `aws-access-key-id`, `fr-nir`.
    pub format: &'static str,
    /// How sure that is.
    pub strength: Strength,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

/// Every detector, compiled once. Cloning shares it.
///
/// ```
/// use durward_mask::detect::{Detectors, Strength};
///
/// let detectors = Detectors::built_in();
/// let found = detectors.scan(b"Refund to DE89 3704 0044 0532 0130 00, please.");
/// assert_eq!((found[0].format, found[0].span.clone()), ("iban", 10..37));
/// // Eleven digits with the right check are a Brazilian's number only among many in a column.
/// assert!(detectors.scan(b"Order 52998224725").is_empty());
/// let whole = detectors.whole("52998224725");
/// assert!(whole.iter().any(|finding| finding.format == "br-cpf" && finding.strength == Strength::Checked));
/// ```
#[derive(Debug, Clone)]
pub struct Detectors(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    anchors: Anchors,
    numbers: Numbers,
    cells: Vec<&'static Cell>,
    own: OwnLabels,
}

/// Everything shorter than this that is found in running text has a byte that [`may_hold_something`] knows.
const UNGATED_BYTES: usize = 20;

impl Detectors {
    /// The product's own detectors.
    pub fn built_in() -> Self {
        Self::compile(OwnLabels::default())
    }

    /// The product's own detectors and those of the organisation's labels.
    ///
    /// # Errors
    /// When a pattern is not a regular expression, is too big when compiled, or fits an empty text.
    pub fn with_own(labels: &[OwnLabel]) -> Result<Self, OwnLabelError> {
        Ok(Self::compile(OwnLabels::compile(labels)?))
    }

    /// What a cell is as a whole, but for space around it: every format that fits, the surest first.
    ///
    /// A value that no detector knows gives nothing. Work is linear in the length of the value.
    pub fn whole(&self, value: &str) -> Vec<Finding> {
        let folded = Folded::of(value.as_bytes());
        let text = folded.text();
        let trimmed = trimmed(text);
        let Some(cell) = text.get(trimmed.clone()).filter(|cell| !cell.is_empty()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        self.0.anchors.find(cell, &mut found);
        found.retain(|finding| finding.span == (0..cell.len()));
        self.0.numbers.whole(cell, &mut found);
        if let Ok(cell) = std::str::from_utf8(cell) {
            found.extend(self.0.cells.iter().filter_map(|kind| kind.recognise(cell)));
        }
        let span = folded.unfold(&trimmed);
        for finding in &mut found {
            finding.span = span.clone();
        }
        let whole = value.trim();
        let start = value.len() - value.trim_start().len();
        self.0.own.whole(whole, start, &mut found);
        found.sort_by_key(|finding| std::cmp::Reverse(finding.strength));
        let mut formats = BTreeSet::new();
        found.retain(|finding| formats.insert((finding.format, finding.label.clone())));
        found
    }

    /// What stands inside a text, in order and without overlap. Where two findings overlap, the surer gives its name to
    /// the span of both.
    ///
    /// The text need not be UTF-8: bytes that are not are nobody's letters. Work is linear in the length of the text.
    pub fn scan(&self, text: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        if may_hold_something(text) {
            let folded = Folded::of(text);
            self.0.anchors.find(folded.text(), &mut found);
            self.0.numbers.scan(folded.text(), &mut found);
            for finding in &mut found {
                finding.span = folded.unfold(&finding.span);
            }
        }
        self.0.own.scan(text, &mut found);
        settled(found)
    }

    /// The words of the labels of one's own.
    pub fn own_labels(&self) -> &BTreeSet<Arc<str>> {
        self.0.own.names()
    }

    fn compile(own: OwnLabels) -> Self {
        Self(Arc::new(Compiled {
            anchors: Anchors::compile(anchored(), secret::tokens()),
            numbers: Numbers::compile(bank::NUMBERS.iter().chain(national::numbers())),
            cells: cells().collect(),
            own,
        }))
    }
}

/// Every format that is known by something fixed in it, other than tokens.
fn anchored() -> impl Iterator<Item = &'static Anchored> {
    contact::ANCHORED
        .iter()
        .chain(passport::ANCHORED)
        .chain(secret::anchored())
}

/// Every format that only a cell as a whole can have.
fn cells() -> impl Iterator<Item = &'static Cell> {
    [
        bank::CELLS,
        contact::CELLS,
        network::CELLS,
        passport::CELLS,
        place::CELLS,
    ]
    .into_iter()
    .flatten()
    .chain(secret::cells())
}

/// The cheap gate before all else: short cells of words alone hold nothing.
fn may_hold_something(text: &[u8]) -> bool {
    // All but letters, spaces and the signs of prose; bytes of other scripts may be their digits.
    let is_telling = |byte: &u8| !(byte.is_ascii_alphabetic() || matches!(byte, b' ' | b',' | b'.' | b'\''));
    text.len() >= UNGATED_BYTES || text.iter().any(is_telling)
}

/// Where a text stands without space around it.
fn trimmed(text: &[u8]) -> Range<usize> {
    let start = text.len() - text.trim_ascii_start().len();
    start..start + text.trim_ascii().len()
}

/// Findings in order, those that overlap joined under the surest one's name.
fn settled(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| (finding.span.start, std::cmp::Reverse(finding.span.end)));
    let mut settled: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match settled.last_mut() {
            Some(last) if finding.span.start < last.span.end => {
                let span = last.span.start..last.span.end.max(finding.span.end);
                if finding.strength > last.strength {
                    *last = finding;
                }
                last.span = span;
            }
            Some(_) | None => settled.push(finding),
        }
    }
    settled
}

#[cfg(test)]
mod tests;
