//! Words that say what follows: a second signal for what much else looks like.
//!
//! Cost: one automaton over at most 40 bytes before a candidate.

use aho_corasick::AhoCorasick;

use super::number::Number;

/// How far before a candidate a cue may stand.
const WINDOW_BYTES: usize = 40;
/// How many words before a candidate count.
const WORDS_MAX: usize = 5;
/// A cue of as many letters may be part of a longer word (`taxIdNumber`).
const PART_BYTES_MIN: usize = 4;

/// A few cues out of all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CueSet {
    low: u128,
    high: u128,
}

impl CueSet {
    /// Whether two sets have a cue in common.
    pub(super) fn meets(self, other: Self) -> bool {
        (self.low & other.low) | (self.high & other.high) != 0
    }

    /// The cues of both sets.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            low: self.low | other.low,
            high: self.high | other.high,
        }
    }

    /// Adds a cue by its number. There are fewer than 256, as a test says.
    fn insert(&mut self, number: usize) {
        match number {
            0..128 => self.low |= 1 << number,
            128..256 => self.high |= 1 << (number - 128),
            _too_many => {}
        }
    }
}

/// Every cue of every format, in one automaton.
#[derive(Debug)]
pub(super) struct Cues {
    automaton: Option<AhoCorasick>,
    words: Vec<&'static str>,
}

impl Cues {
    /// Compiles the cues of all formats.
    pub(super) fn compile(formats: impl Iterator<Item = &'static Number>) -> Self {
        let mut words: Vec<&'static str> = formats.flat_map(|format| format.cues).copied().collect();
        words.sort_unstable();
        words.dedup();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).ok();
        Self { automaton, words }
    }

    /// The set of some cues.
    pub(super) fn of(&self, cues: &[&str]) -> CueSet {
        let mut set = CueSet::default();
        for cue in cues {
            if let Some(number) = self.words.iter().position(|word| word == cue) {
                set.insert(number);
            }
        }
        set
    }

    /// The cues that stand before a place.
    pub(super) fn before(&self, text: &[u8], at: usize) -> CueSet {
        let mut set = CueSet::default();
        let words = words_before(text, at);
        if let Some(automaton) = self.automaton.as_ref().filter(|_| !words.is_empty()) {
            for cue in automaton.find_overlapping_iter(words) {
                let before = cue.start().checked_sub(1).and_then(|before| words.get(before));
                let is_word = !before.is_some_and(is_letter) && !words.get(cue.end()).is_some_and(is_letter);
                if is_word || cue.len() >= PART_BYTES_MIN {
                    set.insert(cue.pattern().as_usize());
                }
            }
        }
        set
    }
}

/// Whether one of a few cues stands before a place.
pub(super) fn has_cue(text: &[u8], at: usize, cues: &[&str]) -> bool {
    words_before(text, at).split(|byte| !is_letter(byte)).any(|word| {
        cues.iter().any(|cue| {
            word.eq_ignore_ascii_case(cue.as_bytes())
                || (cue.len() >= PART_BYTES_MIN
                    && word
                        .windows(cue.len())
                        .any(|part| part.eq_ignore_ascii_case(cue.as_bytes())))
        })
    })
}

/// The last few words before a place, in the same clause.
fn words_before(text: &[u8], at: usize) -> &[u8] {
    let window = text.get(at.saturating_sub(WINDOW_BYTES)..at).unwrap_or_default();
    let mut words = 0;
    let mut was_letter = false;
    let clause = window.iter().rev().take_while(|byte| {
        words += usize::from(is_letter(byte) && !was_letter);
        was_letter = is_letter(byte);
        words <= WORDS_MAX && !matches!(byte, b'\n' | b';' | b',' | b'{' | b'}' | b'|' | b'\t')
    });
    let length = clause.count();
    window.get(window.len() - length..).unwrap_or_default()
}

/// A letter or digit of any script.
fn is_letter(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::super::{bank, national};
    use super::*;

    #[test]
    fn every_cue_has_a_place_in_the_sets() {
        let cues = Cues::compile(bank::NUMBERS.iter().chain(national::numbers()));
        assert!(cues.automaton.is_some());
        assert!(cues.words.len() <= 256);
    }
}
