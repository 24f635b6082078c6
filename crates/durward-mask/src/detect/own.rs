//! Labels of the organisation's own: patterns and words that its policy names.
//!
//! Cost: one automaton for all words, one set of all patterns, and each pattern that fits.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use durward_model::Label;
use regex::bytes::{Regex, RegexSet};

use super::{Finding, Strength};

/// A label of the organisation's own, and what tells its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnLabel {
    /// The word for it; a word of the product's own gives that label.
    pub label: String,
    /// Regular expressions, in the syntax of the crate `regex`. They are looked for in the text as it is.
    pub patterns: Vec<String>,
    /// Words and phrases, found whole and in any case.
    pub words: Vec<String>,
}

/// Why labels of the organisation's own can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnLabelError {
    /// A pattern is no regular expression, or too big when compiled.
    #[error("label `{label}`: pattern `{pattern}` can't be used")]
    Pattern {
        /// The label's word.
        label: String,
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
    /// A pattern fits an empty text, so it would be found everywhere.
    #[error("label `{label}`: pattern `{pattern}` fits an empty text")]
    EmptyMatch {
        /// The label's word.
        label: String,
        /// The pattern as given.
        pattern: String,
    },
    /// A word is empty.
    #[error("label `{label}`: a word is empty")]
    EmptyWord {
        /// The label's word.
        label: String,
    },
    /// All words together, or all patterns together, are too many.
    #[error("the words and patterns of all labels are too many: {reason}")]
    TooMany {
        /// What the automaton says.
        reason: String,
    },
}

/// How often one pattern is looked for in one text; behind that, the rest of the text counts as found. So a text in
/// which a pattern fits at every byte can't cost the square of its length.
const MATCHES_MAX: usize = 1000;

/// Labels of the organisation's own, compiled.
#[derive(Debug, Default)]
pub(super) struct OwnLabels {
    names: BTreeSet<Arc<str>>,
    patterns: Option<Patterns>,
    words: Option<Words>,
}

#[derive(Debug)]
struct Patterns {
    set: RegexSet,
    each: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    label: Label,
    anywhere: Regex,
    whole: Regex,
}

#[derive(Debug)]
struct Words {
    automaton: AhoCorasick,
    /// Whose each word is, in the automaton's order.
    labels: Vec<Label>,
}

impl OwnLabels {
    /// Compiles labels.
    pub(super) fn compile(labels: &[OwnLabel]) -> Result<Self, OwnLabelError> {
        let mut each = Vec::new();
        let mut words: Vec<(String, Label)> = Vec::new();
        for own in labels {
            let label = Label::of_word(&own.label);
            for pattern in &own.patterns {
                each.push(compiled(own, pattern, label.clone())?);
            }
            for word in &own.words {
                if word.trim().is_empty() {
                    return Err(OwnLabelError::EmptyWord {
                        label: own.label.clone(),
                    });
                }
                // The automaton knows the cases of ASCII; those of other letters are words of their own.
                let mut forms = vec![
                    word.trim().to_owned(),
                    word.trim().to_lowercase(),
                    word.trim().to_uppercase(),
                ];
                forms.dedup();
                words.extend(forms.into_iter().map(|form| (form, label.clone())));
            }
        }
        Ok(Self {
            names: labels.iter().map(|own| own.label.as_str().into()).collect(),
            patterns: (!each.is_empty()).then(|| Patterns::of(each)).transpose()?,
            words: (!words.is_empty()).then(|| Words::of(words)).transpose()?,
        })
    }

    /// The labels' words.
    pub(super) const fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// Adds the labels that a trimmed value has as a whole, given where it begins.
    pub(super) fn whole(&self, value: &str, start: usize, found: &mut Vec<Finding>) {
        let span = start..start + value.len();
        if let Some(patterns) = &self.patterns {
            let fitting = patterns
                .each
                .iter()
                .filter(|pattern| pattern.whole.is_match(value.as_bytes()));
            found.extend(fitting.map(|pattern| finding(&pattern.label, "own-pattern", span.clone())));
        }
        if let Some(words) = &self.words {
            let all = words.found(value.as_bytes());
            found.extend(
                all.filter(|word| word.span == (0..value.len()))
                    .map(|word| finding(&word.label, "own-word", span.clone())),
            );
        }
    }

    /// Adds what stands in a text.
    pub(super) fn scan(&self, text: &[u8], found: &mut Vec<Finding>) {
        if let Some(patterns) = &self.patterns {
            for fitting in &patterns.set.matches(text) {
                let Some(pattern) = patterns.each.get(fitting) else {
                    continue;
                };
                found.extend(pattern.found(text));
            }
        }
        if let Some(words) = &self.words {
            found.extend(words.found(text));
        }
    }
}

impl Patterns {
    fn of(each: Vec<Pattern>) -> Result<Self, OwnLabelError> {
        let set = RegexSet::new(each.iter().map(|pattern| pattern.anywhere.as_str())).map_err(|error| {
            OwnLabelError::TooMany {
                reason: error.to_string(),
            }
        })?;
        Ok(Self { set, each })
    }
}

impl Pattern {
    fn found(&self, text: &[u8]) -> Vec<Finding> {
        let mut all: Vec<Finding> = self
            .anywhere
            .find_iter(text)
            .filter(|part| !part.is_empty())
            .take(MATCHES_MAX)
            .map(|part| finding(&self.label, "own-pattern", part.range()))
            .collect();
        if all.len() == MATCHES_MAX
            && let Some(last) = all.last_mut()
        {
            last.span.end = text.len();
        }
        all
    }
}

impl Words {
    fn of(words: Vec<(String, Label)>) -> Result<Self, OwnLabelError> {
        let (words, labels): (Vec<String>, Vec<Label>) = words.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words)
            .map_err(|error| OwnLabelError::TooMany {
                reason: error.to_string(),
            })?;
        Ok(Self { automaton, labels })
    }

    fn found(&self, text: &[u8]) -> impl Iterator<Item = Finding> {
        self.automaton.find_overlapping_iter(text).filter_map(|word| {
            let is_whole = !continues(text, word.start()) && !continues(text, word.end());
            let label = self.labels.get(word.pattern().as_usize())?;
            is_whole.then(|| finding(label, "own-word", word.range()))
        })
    }
}

fn compiled(own: &OwnLabel, pattern: &str, label: Label) -> Result<Pattern, OwnLabelError> {
    let regex = |text: &str| {
        Regex::new(text).map_err(|error| OwnLabelError::Pattern {
            label: own.label.clone(),
            pattern: pattern.to_owned(),
            source: Box::new(error),
        })
    };
    let anywhere = regex(pattern)?;
    if anywhere.is_match(b"") {
        return Err(OwnLabelError::EmptyMatch {
            label: own.label.clone(),
            pattern: pattern.to_owned(),
        });
    }
    Ok(Pattern {
        label,
        anywhere,
        whole: regex(&format!("\\A(?:{pattern})\\z"))?,
    })
}

fn finding(label: &Label, format: &'static str, span: std::ops::Range<usize>) -> Finding {
    Finding {
        label: label.clone(),
        format,
        strength: Strength::Certain,
        span,
    }
}

/// Whether a word goes on across a place: both sides are letters or digits, of a script that has spaces between words.
fn continues(text: &[u8], at: usize) -> bool {
    let is_letter =
        |character: Option<char>| character.is_some_and(|letter| letter.is_alphanumeric() && !is_spaceless(letter));
    is_letter(character_before(text, at)) && is_letter(character_after(text, at))
}

/// A letter of a script that has no spaces between words: Chinese, Japanese, Thai and their neighbours.
fn is_spaceless(letter: char) -> bool {
    matches!(
        letter,
        '\u{0E00}'..='\u{0EFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{2E80}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{3FFFF}'
    )
}

fn character_before(text: &[u8], at: usize) -> Option<char> {
    let before = text.get(at.saturating_sub(4)..at)?;
    before
        .utf8_chunks()
        .last()
        .filter(|chunk| chunk.invalid().is_empty())?
        .valid()
        .chars()
        .next_back()
}

fn character_after(text: &[u8], at: usize) -> Option<char> {
    let rest = text.get(at..)?;
    let ahead = rest.get(..4).unwrap_or(rest);
    ahead.utf8_chunks().next()?.valid().chars().next()
}

#[cfg(test)]
mod tests {
    use super::super::Detectors;
    use super::*;

    fn own(label: &str, patterns: &[&str], words: &[&str]) -> OwnLabel {
        OwnLabel {
            label: label.to_owned(),
            patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
            words: words.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    fn found(labels: &[OwnLabel], text: &str) -> Vec<(String, String)> {
        let detectors = Detectors::with_own(labels).unwrap();
        let found = detectors.scan(text.as_bytes());
        found
            .iter()
            .map(|finding| (finding.label.word().to_owned(), text[finding.span.clone()].to_owned()))
            .collect()
    }

    #[test]
    fn words_are_found_whole_and_in_any_case() {
        let labels = [own("project_names", &[], &["Blue Heron", "Überflieger", "青鷺"])];
        for (text, expected) in [
            ("the BLUE heron plan", Some("BLUE heron")),
            ("blue heron", Some("blue heron")),
            ("(Blue Heron)", Some("Blue Heron")),
            ("blue herons", None),
            ("skyblue heron", None),
            ("der ÜBERFLIEGER!", Some("ÜBERFLIEGER")),
            ("Überfliegerin", None),
            ("überflieger", Some("überflieger")),
            ("計画青鷺です", Some("青鷺")),
        ] {
            let found = found(&labels, text);
            let expected: Vec<_> = expected
                .map(|word| ("project_names".to_owned(), word.to_owned()))
                .into_iter()
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn patterns_are_found_in_texts_and_fit_cells_whole() {
        let labels = [own("staff_number", &["P-[0-9]{5}", "(?i)emp[0-9]+"], &[])];
        assert_eq!(
            found(&labels, "by P-12345 and EMP7")[0],
            ("staff_number".to_owned(), "P-12345".to_owned())
        );
        let detectors = Detectors::with_own(&labels).unwrap();
        let whole = |value: &str| {
            detectors
                .whole(value)
                .iter()
                .any(|finding| finding.label.word() == "staff_number")
        };
        assert!(whole(" P-12345 "));
        assert!(!whole("P-123456"));
        assert!(!whole("see P-12345"));
    }

    #[test]
    fn a_word_of_the_products_own_gives_that_label() {
        let detectors = Detectors::with_own(&[own("email", &["user#[0-9]+"], &[])]).unwrap();
        assert_eq!(detectors.whole("user#17")[0].label, Label::Email);
    }

    #[test]
    fn a_bad_pattern_is_named() {
        for (label, error) in [
            (
                own("a", &["ok", "(broken"], &[]),
                "label `a`: pattern `(broken` can't be used",
            ),
            (own("b", &["x*"], &[]), "label `b`: pattern `x*` fits an empty text"),
            (
                own("c", &["(?:(?:a{1000}){1000}){1000}"], &[]),
                "label `c`: pattern `(?:(?:a{1000}){1000}){1000}` can't be used",
            ),
            (own("d", &[], &["fine", " "]), "label `d`: a word is empty"),
        ] {
            assert_eq!(Detectors::with_own(&[label]).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_pattern_that_fits_everywhere_is_given_up_in_favour_of_all() {
        let labels = [own("everything", &["[a-z]"], &[])];
        let text = "a ".repeat(5000);
        let detectors = Detectors::with_own(&labels).unwrap();
        let found = detectors.scan(text.as_bytes());
        assert_eq!(found.len(), MATCHES_MAX);
        assert_eq!(found.last().unwrap().span.end, text.len());
    }
}
