//! Compounds fall into the words that they are made of: `kundentelefonnummer`, `custphone`, `顧客電話番号`.

use super::lexicon::Lexicon;
use super::split::is_cjk;

/// Letters that tie the parts of compounds.
const TIES: [&str; 5] = ["s", "n", "en", "es", "e"];

/// Two-letter words that old names begin or end with.
const SHORT: [&str; 22] = [
    "dt", "nm", "nr", "no", "cd", "tx", "vl", "tp", "id", "fl", "qt", "ds", "ip", "cc", "ph", "ad", "st", "is", "tm",
    "by", "at", "pw",
];

/// Longer words than this are not cut up: the work is quadratic.
const WORD_LETTERS_MAX: usize = 40;

/// The parts of a compound, all of them known; nothing if it isn't one. Where a script has no spaces, unknown parts are
/// left between known ones.
pub(super) fn pieces(lexicon: &Lexicon, word: &str) -> Option<Vec<String>> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() > WORD_LETTERS_MAX {
        return None;
    }
    let cjk = letters.iter().any(|letter| is_cjk(*letter));
    if !cjk && letters.len() < 5 {
        return None;
    }
    // The cheapest way to each place: its cost, where its last piece began, and whether that piece is known.
    let mut ways: Vec<Option<(usize, usize, bool)>> = vec![None; letters.len() + 1];
    if let Some(start) = ways.first_mut() {
        *start = Some((0, 0, true));
    }
    for end in 1..=letters.len() {
        let best = (0..end)
            .filter_map(|start| {
                let (before, _, _) = (*ways.get(start)?)?;
                let piece: String = letters.get(start..end)?.iter().collect();
                let cost = cost(lexicon, &piece, end - start, cjk, start == 0 || end == letters.len())?;
                Some((before + cost.0, start, cost.1))
            })
            .min();
        if let Some(slot) = ways.get_mut(end) {
            *slot = best;
        }
    }
    let mut parts = Vec::new();
    let mut end = letters.len();
    while end > 0 {
        let (_, start, known) = (*ways.get(end)?)?;
        let piece: String = letters.get(start..end)?.iter().collect();
        if known || cjk {
            parts.push(piece);
        }
        end = start;
    }
    parts.reverse();
    parts.iter().any(|part| lexicon.word(part).is_some()).then_some(parts)
}

/// What a piece costs, and whether it is known. Few and long pieces are cheapest.
fn cost(lexicon: &Lexicon, piece: &str, letters: usize, cjk: bool, at_edge: bool) -> Option<(usize, bool)> {
    let known = lexicon.word(piece).is_some();
    if cjk {
        return match (known, letters) {
            (true, 1) => Some((14, true)),
            (true, _) => Some((10, true)),
            (false, _) => Some((12 * letters, false)),
        };
    }
    if known && letters >= 3 {
        // Short words fit by chance, so a longer one is better.
        return Some((if letters == 3 { 14 } else { 10 }, true));
    }
    if known && at_edge && SHORT.contains(&piece) {
        return Some((18, true));
    }
    let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
    (is_number || (!at_edge && TIES.contains(&piece))).then_some((4, false))
}
