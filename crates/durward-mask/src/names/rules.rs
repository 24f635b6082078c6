//! What concepts together mean.

use std::sync::LazyLock;

use durward_model::Label;

use super::lexicon::{Item, Lexicon};
use super::{Claim, Harmless, Subject, Turn};

/// The rules as data.
pub(super) const RULES: &str = include_str!("rules.tsv");

/// What a further concept that fits is worth.
const TERM_WORTH: u32 = 4;

/// Claims of less weight need more than the name.
const WEAK: u8 = 50;

/// Every rule.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

/// A combination of concepts and what it means.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) says: Says,
    pub(super) weight: u8,
    /// Looked for in the column's name.
    pub(super) own: Vec<&'static str>,
    /// Looked for in the table's name.
    pub(super) around: Vec<&'static str>,
}

/// What a rule says of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    Holds(Label),
    Harmless,
}

/// A rule that fits a name.
#[derive(Debug)]
pub(super) struct Hit<'a> {
    rule: &'a Rule,
    score: u32,
    /// Which of the name's items it uses.
    pub(super) used: Vec<usize>,
    /// What each of them means here.
    concepts: Vec<&'static str>,
}

impl Rules {
    /// The rules, read once.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Rules> = LazyLock::new(|| Rules(RULES.lines().filter_map(rule).collect()));
        &SHARED
    }

    /// The rules that fit a name, the best first.
    pub(super) fn hits(&self, lexicon: &Lexicon, items: &[Item], subject: &Subject) -> Vec<Hit<'_>> {
        let mut hits: Vec<Hit<'_>> = self
            .0
            .iter()
            .filter_map(|rule| fits(lexicon, rule, items, subject))
            .collect();
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.score));
        hits
    }
}

impl Hit<'_> {
    /// Whether the rule says that the column holds nothing personal.
    pub(super) fn is_harmless(&self) -> bool {
        self.rule.says == Says::Harmless
    }

    /// Whether this harmless reading makes another reading void: it explains all its words, and is clearer. A word's other
    /// meaning is no reason against the first.
    pub(super) fn outdoes(&self, other: &Self) -> bool {
        let ambiguous = self.used.iter().zip(&self.concepts).any(|(place, concept)| {
            other
                .used
                .iter()
                .zip(&other.concepts)
                .any(|(other_place, other_concept)| place == other_place && concept != other_concept)
        });
        let decided = self.used.len() > 1 || !ambiguous;
        let explains = other.used.iter().all(|place| self.used.contains(place));
        // A weak claim doesn't stand beside a clear word: the `content` of `content_hash`.
        let is_weak = other.rule.weight < WEAK && self.used.len() >= other.used.len();
        decided && (explains || is_weak) && self.score > other.score
    }

    /// What the name claims, if the rule is of data to be kept.
    pub(super) fn claim(&self, items: &[Item], turn: Option<Turn>) -> Option<Claim> {
        let Says::Holds(label) = &self.rule.says else {
            return None;
        };
        let first = self.used.first().and_then(|place| items.get(*place));
        let language = first
            .and_then(|item| {
                let concept = self.concepts.first()?;
                item.meanings.iter().find(|meaning| meaning.concept == *concept)
            })
            .map_or("en", |meaning| meaning.language);
        Some(Claim {
            label: label.clone(),
            weight: self.rule.weight,
            words: self.words(items),
            language,
            turn,
        })
    }

    /// Why the name is harmless.
    pub(super) fn harmless(&self, items: &[Item]) -> Harmless {
        Harmless {
            weight: self.rule.weight,
            words: self.words(items),
        }
    }

    fn words(&self, items: &[Item]) -> String {
        let mut used = self.used.clone();
        used.sort_unstable();
        let texts: Vec<&str> = used
            .iter()
            .filter_map(|place| items.get(*place))
            .map(|item| item.text.as_str())
            .collect();
        texts.join(" ")
    }
}

/// Whether a rule fits: each of its terms is meant by an item of its own.
fn fits<'a>(lexicon: &Lexicon, rule: &'a Rule, items: &[Item], subject: &Subject) -> Option<Hit<'a>> {
    if !rule.around.iter().all(|term| subject.has(term)) {
        return None;
    }
    let mut used: Vec<usize> = Vec::new();
    let mut concepts = Vec::new();
    for term in &rule.own {
        let (place, meaning) = items.iter().enumerate().find_map(|(place, item)| {
            let meaning = item
                .meanings
                .iter()
                .find(|meaning| meaning.concept == *term || lexicon.class(meaning.concept) == Some(term))?;
            (!used.contains(&place)).then_some((place, meaning))
        })?;
        used.push(place);
        concepts.push(meaning.concept);
    }
    let further = rule.own.len() + rule.around.len();
    let score = u32::from(rule.weight) + TERM_WORTH * u32::try_from(further.saturating_sub(1)).unwrap_or_default();
    Some(Hit {
        rule,
        score,
        used,
        concepts,
    })
}

/// A line of the rules' file.
pub(super) fn rule(line: &'static str) -> Option<Rule> {
    let mut fields = line.split('\t');
    let (says, weight, terms) = (fields.next()?, fields.next()?, fields.next()?);
    let says = if says == "harmless" {
        Says::Harmless
    } else {
        Says::Holds(Label::of_word(says))
    };
    let (around, own): (Vec<&str>, Vec<&str>) = terms.split(' ').partition(|term| term.starts_with('@'));
    Some(Rule {
        says,
        weight: weight.parse().ok()?,
        own,
        around: around.iter().filter_map(|term| term.strip_prefix('@')).collect(),
    })
}
