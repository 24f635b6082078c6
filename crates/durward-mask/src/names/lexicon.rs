//! Words and phrases of many languages, each with the concepts that it stands for.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fold::{fold, fold_to_pairs};
use super::segment;

/// Each language's words, under the code that evidence shows.
pub(super) const LANGUAGES: [(&str, &str); 25] = [
    ("en", include_str!("words/en.words")),
    ("abbreviation", include_str!("words/abbreviations.words")),
    ("sap", include_str!("words/sap.words")),
    ("de", include_str!("words/de.words")),
    ("fr", include_str!("words/fr.words")),
    ("es", include_str!("words/es.words")),
    ("pt", include_str!("words/pt.words")),
    ("it", include_str!("words/it.words")),
    ("nl", include_str!("words/nl.words")),
    ("sv/no/da", include_str!("words/nordic.words")),
    ("fi", include_str!("words/fi.words")),
    ("pl", include_str!("words/pl.words")),
    ("cs/sk", include_str!("words/cs.words")),
    ("hu", include_str!("words/hu.words")),
    ("ro", include_str!("words/ro.words")),
    ("tr", include_str!("words/tr.words")),
    ("ru/uk/bg", include_str!("words/slavic-cyrillic.words")),
    ("el", include_str!("words/el.words")),
    ("ja", include_str!("words/ja.words")),
    ("zh", include_str!("words/zh.words")),
    ("ko", include_str!("words/ko.words")),
    ("ar", include_str!("words/ar.words")),
    ("hi", include_str!("words/hi.words")),
    ("id/ms", include_str!("words/id.words")),
    ("vi", include_str!("words/vi.words")),
];

/// Each class and its concepts.
pub(super) const CLASSES: &str = include_str!("concepts.tsv");

/// Languages whose main word stands first: `fecha_envio`, not `sent_date`.
const HEAD_FIRST: [&str; 10] = ["fr", "es", "pt", "it", "ro", "ar", "id/ms", "vi", "pl", "cs/sk"];

/// Words that join others and say nothing themselves.
const JOINTS: [&str; 47] = [
    "of", "the", "for", "to", "and", "a", "an", "de", "du", "des", "da", "do", "das", "dos", "del", "della", "dello",
    "dei", "di", "d", "l", "la", "le", "les", "el", "los", "las", "al", "van", "von", "der", "den", "het", "et", "und",
    "y", "e", "i", "na", "w", "z", "ka", "ki", "ke", "og", "och", "si",
];

/// The longest phrase, in words.
const PHRASE_WORDS_MAX: usize = 6;

/// A word or phrase of a name, with all that it may mean.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// As it stands in the name.
    pub(super) text: String,
    /// What it may mean; nothing if it isn't known.
    pub(super) meanings: Vec<Meaning>,
}

impl Item {
    /// Whether it is a word of a language whose main word stands first.
    pub(super) fn is_head_first(&self) -> bool {
        self.meanings
            .iter()
            .any(|meaning| HEAD_FIRST.contains(&meaning.language))
    }
}

/// A concept, and the language in which a word stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) concept: &'static str,
    pub(super) language: &'static str,
}

/// Every word known.
#[derive(Debug)]
pub(super) struct Lexicon {
    phrases: HashMap<String, Vec<Meaning>>,
    /// Long words without their endings, for those that are inflected.
    stems: HashMap<String, String>,
    classes: HashMap<&'static str, &'static str>,
}

impl Lexicon {
    /// The lexicon, read once.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Lexicon> = LazyLock::new(Lexicon::load);
        &SHARED
    }

    /// The class of a concept, if it is of one.
    pub(super) fn class(&self, concept: &str) -> Option<&'static str> {
        self.classes.get(concept).copied()
    }

    /// The words of a name as items: phrases where they are known, joints left out.
    pub(super) fn items(&self, words: &[String]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut rest = words;
        while let Some((first, others)) = rest.split_first() {
            let is_joint = JOINTS.contains(&first.as_str());
            let is_inner = !items.is_empty() && !others.is_empty();
            if let Some((taken, item)) = self
                .phrase(rest)
                .filter(|(taken, _)| *taken > 1 || !(is_joint && is_inner))
            {
                items.push(item);
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            rest = others;
            let is_number = first.bytes().all(|byte| byte.is_ascii_digit());
            if is_number || is_joint {
                continue;
            }
            match segment::pieces(self, first) {
                Some(pieces) => items.extend(self.regroup(&pieces)),
                None => items.push(Item {
                    text: first.clone(),
                    meanings: Vec::new(),
                }),
            }
        }
        items
    }

    /// What a single word may mean.
    pub(super) fn word(&self, word: &str) -> Option<&[Meaning]> {
        self.phrases.get(word).map(Vec::as_slice)
    }

    /// The pieces of a compound as items, with phrases that they make.
    fn regroup(&self, pieces: &[String]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut rest = pieces;
        while let Some((first, others)) = rest.split_first() {
            let (taken, item) = self.phrase(rest).unwrap_or_else(|| {
                let unknown = Item {
                    text: first.clone(),
                    meanings: Vec::new(),
                };
                (rest.len() - others.len(), unknown)
            });
            items.push(item);
            rest = rest.get(taken..).unwrap_or_default();
        }
        items
    }

    /// The longest known phrase that the words begin with, and how many words it takes.
    fn phrase(&self, words: &[String]) -> Option<(usize, Item)> {
        (1..=words.len().min(PHRASE_WORDS_MAX)).rev().find_map(|length| {
            let window = words.get(..length)?;
            let whole = window.join(" ");
            let inner: Vec<&str> = window
                .iter()
                .enumerate()
                .filter(|(place, word)| *place == 0 || !JOINTS.contains(&word.as_str()))
                .map(|(_, word)| word.as_str())
                .collect();
            // A joint at the end would take words that the next phrase needs.
            let ends_in_joint = length > 1 && window.last().is_some_and(|last| JOINTS.contains(&last.as_str()));
            let found = self.known(&whole).or_else(|| {
                (inner.len() < length && !ends_in_joint)
                    .then(|| self.known(&inner.join(" ")))
                    .flatten()
            })?;
            let meanings = found.to_vec();
            Some((length, Item { text: whole, meanings }))
        })
    }

    /// What a word or phrase means: as it is, without a number at its end, in the singular, or inflected.
    fn known(&self, phrase: &str) -> Option<&[Meaning]> {
        if let Some(meanings) = self.word(phrase) {
            return Some(meanings);
        }
        let plain = phrase.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if plain.len() < phrase.len() && plain.len() > 1 {
            return self.known(plain.trim_end());
        }
        if phrase.is_ascii() {
            for (plural, singular) in [("ies", "y"), ("es", ""), ("s", "")] {
                let stem = phrase.strip_suffix(plural).filter(|stem| stem.len() > 2);
                if let Some(meanings) = stem.and_then(|stem| self.word(&format!("{stem}{singular}"))) {
                    return Some(meanings);
                }
            }
        }
        let stem = stem(phrase)?;
        self.stems.get(stem).and_then(|word| self.word(word))
    }

    fn load() -> Self {
        let mut phrases: HashMap<String, Vec<Meaning>> = HashMap::new();
        for (language, text) in LANGUAGES {
            for (concept, phrase) in entries(text) {
                for key in keys(phrase) {
                    let meanings = phrases.entry(key).or_default();
                    let meaning = Meaning { concept, language };
                    if !meanings.contains(&meaning) {
                        meanings.push(meaning);
                    }
                }
            }
        }
        let mut stems = HashMap::new();
        for phrase in phrases.keys() {
            if let Some(stem) = stem(phrase) {
                // Of several words with one stem the first in the alphabet counts, whatever the map's order.
                let kept: &mut String = stems.entry(stem.to_owned()).or_insert_with(|| phrase.clone());
                if phrase < kept {
                    kept.clone_from(phrase);
                }
            }
        }
        let classes = CLASSES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('\t'))
            .flat_map(|(class, concepts)| concepts.split(' ').map(move |concept| (concept, class)))
            .collect();
        Self {
            phrases,
            stems,
            classes,
        }
    }
}

/// The lines of a language: concepts, each with its phrases.
pub(super) fn entries(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(concept, phrases)| phrases.split(", ").map(move |phrase| (concept, phrase)))
}

/// Every way in which a phrase may be written: without marks, with pairs for them, as one word.
pub(super) fn keys(phrase: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for fold in [fold, fold_to_pairs] {
        let words: Vec<String> = phrase.split([' ', '\'']).map(fold).collect();
        let inner: Vec<&str> = words
            .iter()
            .enumerate()
            .filter(|(place, word)| *place == 0 || words.len() < 3 || !JOINTS.contains(&word.as_str()))
            .map(|(_, word)| word.as_str())
            .collect();
        for key in [words.join(" "), words.concat(), inner.join(" "), inner.concat()] {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// A long word without the ending that cases and genders change.
fn stem(word: &str) -> Option<&str> {
    /// Letters: shorter stems are shared by words that have nothing in common.
    const STEM_LETTERS_MIN: usize = 6;
    let ends = |letter: char| {
        matches!(
            letter,
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'а' | 'е' | 'и' | 'о' | 'у' | 'ы' | 'я' | 'й' | 'ь'
        )
    };
    if word.contains(' ') {
        return None;
    }
    let trimmed = word.trim_end_matches(ends);
    let cut = word.chars().count() - trimmed.chars().count();
    (cut <= 2 && trimmed.chars().count() >= STEM_LETTERS_MIN).then_some(trimmed)
}
