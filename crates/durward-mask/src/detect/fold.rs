//! Reads digits, spaces and dashes of every script as their plain forms, and knows the way back.
//!
//! Cost: nothing but a look at each byte for ASCII text and for letters of most scripts; a copy where there is
//! something to fold.

use std::borrow::Cow;
use std::ops::Range;

/// A text in plain forms, with the way back to where each part stood.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    text: Cow<'a, [u8]>,
    /// From which folded byte on the given text is how far on, ascending.
    shifts: Vec<Shift>,
}

#[derive(Debug, Clone, Copy)]
struct Shift {
    folded: usize,
    given: usize,
    /// Whether the character before it is still there, as one byte.
    is_visible: bool,
}

impl<'a> Folded<'a> {
    /// Folds a text. Bytes that are not UTF-8 stay as they are.
    pub(super) fn of(given: &'a [u8]) -> Self {
        let Some(first) = first_foldable(given) else {
            return Self {
                text: Cow::Borrowed(given),
                shifts: Vec::new(),
            };
        };
        let mut text = Vec::with_capacity(given.len());
        text.extend(given.iter().take(first));
        let mut shifts = Vec::new();
        let mut at = first;
        while let Some(byte) = given.get(at) {
            if let Some((length, plain)) = may_fold(*byte).then(|| foldable(given, at, *byte)).flatten() {
                text.extend(plain);
                at += length;
                shifts.push(Shift {
                    folded: text.len(),
                    given: at,
                    is_visible: plain.is_some(),
                });
            } else {
                text.push(*byte);
                at += 1;
            }
        }
        Self {
            text: Cow::Owned(text),
            shifts,
        }
    }

    /// The text in plain forms.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where a part of the plain text stands in the given one.
    pub(super) fn unfold(&self, span: &Range<usize>) -> Range<usize> {
        self.given(span.start, false)..self.given(span.end, true)
    }

    /// The place in the given text. Of what folds to nothing, a start leaves out what stands before it, and an end what
    /// stands behind it.
    fn given(&self, folded: usize, is_end: bool) -> usize {
        let known = if is_end {
            self.shifts.partition_point(|shift| shift.folded < folded)
        } else {
            self.shifts.partition_point(|shift| shift.folded <= folded)
        };
        let before = known.checked_sub(1).and_then(|place| self.shifts.get(place));
        let place = before.map_or(folded, |shift| shift.given + (folded - shift.folded));
        self.shifts
            .get(known)
            .filter(|after| is_end && after.folded == folded && after.is_visible)
            .map_or(place, |after| after.given)
    }
}

/// How much of a text is looked at in one step.
const STEP_BYTES: usize = 32;

/// The first place where something folds.
fn first_foldable(text: &[u8]) -> Option<usize> {
    let folds_at = |at: &usize| {
        text.get(*at)
            .is_some_and(|byte| may_fold(*byte) && foldable(text, *at, *byte).is_some())
    };
    // Most of a text is ASCII, which a processor sees in big steps.
    text.chunks(STEP_BYTES)
        .zip((0..).step_by(STEP_BYTES))
        .filter(|(step, _)| !step.is_ascii())
        .find_map(|(step, start)| (start..start + step.len()).find(folds_at))
}

/// Whether a character that folds may begin with a byte: those of the blocks below do.
const fn may_fold(lead: u8) -> bool {
    matches!(lead, 0xC2 | 0xD8 | 0xD9 | 0xDB | 0xDF | 0xE0..=0xE3 | 0xEF | 0xF0)
}

/// How many bytes fold at a place, and to what.
fn foldable(text: &[u8], at: usize, lead: u8) -> Option<(usize, Option<u8>)> {
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        _longest => 4,
    };
    let bytes = text.get(at..at.checked_add(length)?)?;
    let character = std::str::from_utf8(bytes).ok()?.chars().next()?;
    Some((length, plain(character)?))
}

/// The plain form of a character; `Some(None)` if it is invisible.
fn plain(character: char) -> Option<Option<u8>> {
    let plain = match character {
        '\u{00AD}'
        | '\u{061C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => return Some(None),
        '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => b' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => b'-',
        '\u{FF01}'..='\u{FF5E}' => u8::try_from(u32::from(character) - 0xFEE0).ok()?,
        '\u{1D7CE}'..='\u{1D7FF}' => digit((u32::from(character) - 0x1D7CE) % 10)?,
        other => {
            let number = u32::from(other);
            digit(number - DIGIT_ZEROS.iter().rev().find(|zero| **zero <= number)?)?
        }
    };
    Some(Some(plain))
}

/// The zeros of decimal digits in other scripts (Unicode's general category Nd), ascending.
const DIGIT_ZEROS: [u32; 19] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810,
];

fn digit(value: u32) -> Option<u8> {
    u8::try_from(value)
        .ok()
        .filter(|value| *value < 10)
        .map(|value| b'0' + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, plain: &str) {
        let folded = Folded::of(given.as_bytes());
        assert_eq!(String::from_utf8_lossy(folded.text()), plain, "{given}");
        assert_eq!(
            folded.unfold(&(0..0)).start,
            if given.starts_with('\u{FEFF}') { 3 } else { 0 },
            "{given}"
        );
    }

    #[test]
    fn digits_of_every_script_are_plain_digits() {
        check("４１１１", "4111");
        check("٠١٢٣٤٥٦٧٨٩", "0123456789");
        check("۰۱۲۳۴۵۶۷۸۹", "0123456789");
        check("०१२३४५६७८९", "0123456789");
        check("๐๑๒๓๔๕๖๗๘๙", "0123456789");
        check("𝟎𝟗𝟘𝟡", "0909");
    }

    #[test]
    fn invisible_characters_go_and_spaces_and_dashes_are_plain() {
        check("41\u{200B}11", "4111");
        check("\u{FEFF}41", "41");
        check("41\u{00A0}11\u{202F}1\u{3000}", "41 11 1 ");
        check("1\u{2011}2\u{2212}3", "1-2-3");
        check("ａ＠ｂ．ｄｅ", "a@b.de");
    }

    #[test]
    fn letters_stay() {
        for text in [
            "",
            "plain",
            "Grüße",
            "привет",
            "日本語",
            "ひらがな",
            "ไทย",
            "हिन्दी",
            "😀",
        ] {
            check(text, text);
        }
        assert_eq!(Folded::of(b"\xC2").text(), b"\xC2");
        assert_eq!(Folded::of(b"\xE2\x80\xFF1").text(), b"\xE2\x80\xFF1");
    }

    #[test]
    fn spans_lead_back_to_the_given_text() {
        let given = "é \u{200B}４\u{00A0}1\u{200B}";
        let folded = Folded::of(given.as_bytes());
        assert_eq!(folded.text(), "é 4 1".as_bytes());
        let part = |span: Range<usize>| &given[folded.unfold(&span)];
        assert_eq!(part(0..2), "é");
        assert_eq!(part(3..4), "４");
        assert_eq!(part(3..6), "４\u{00A0}1");
        assert_eq!(part(5..6), "1");
    }
}
