//! An identifier becomes words.

use super::fold::fold_char;

/// Prefixes that say a variable's type, as in `strName`.
const HUNGARIAN: [&str; 16] = [
    "str", "int", "txt", "bln", "dbl", "dt", "sz", "obj", "chr", "psz", "lng", "cmb", "tb", "vc", "nvc", "dte",
];

/// The words of an identifier, in lower case and without diacritics: of `snake_case`, `camelCase`, `kebab-case`, text.
///
/// ```
/// assert_eq!(durward_mask::names::words("AdresseÉlectronique"), ["adresse", "electronique"]);
/// assert_eq!(durward_mask::names::words("userID"), ["user", "id"]);
/// ```
pub fn words(identifier: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    let mut letters = identifier.chars().peekable();
    let mut camel = false;
    while let Some(letter) = letters.next() {
        if !is_of_word(letter) {
            // An apostrophe stays inside a word: `ім'я`.
            if letter != '\'' && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            before = None;
            continue;
        }
        let hump = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || (before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase()))
                    || (before.is_ascii_digit() && letters.peek().is_some_and(|next| next.is_lowercase()))
            });
        // Where one script ends, a word ends: `ログインID`.
        let script = before.is_some_and(|before| is_cjk(before) != is_cjk(letter) && letter.is_alphabetic());
        if (hump || script) && !word.is_empty() {
            camel |= hump;
            words.push(std::mem::take(&mut word));
        }
        fold_char(letter, &mut word);
        before = Some(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    if camel && words.len() > 1 && words.first().is_some_and(|first| HUNGARIAN.contains(&first.as_str())) {
        words.remove(0);
    }
    words
}

/// Whether a sign belongs to words. Marks on letters do, also where they are no letters themselves.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}')
}

/// Whether a sign is of a script that is written without spaces.
pub(super) fn is_cjk(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}
