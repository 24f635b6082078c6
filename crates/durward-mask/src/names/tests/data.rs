//! Whether the data of names are in order.

use std::collections::{BTreeMap, BTreeSet};

use durward_model::Label;

use crate::names::lexicon::{CLASSES, LANGUAGES, entries, keys};
use crate::names::rules::{RULES, Says, rule};

#[test]
fn every_line_of_the_data_is_well_formed() {
    let mut concepts = BTreeSet::new();
    for (language, text) in LANGUAGES {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (concept, phrases) = line.split_once(": ").unwrap_or_else(|| panic!("{language}: {line}"));
            assert!(
                phrases.split(", ").all(|phrase| !phrase.trim().is_empty()),
                "{language}: {line}"
            );
            concepts.insert(concept);
        }
    }
    let mut classes = BTreeSet::new();
    let mut classed = BTreeSet::new();
    for line in CLASSES.lines().filter(|line| !line.starts_with('#')) {
        let (class, members) = line.split_once('\t').expect(line);
        classes.insert(class);
        for concept in members.split(' ') {
            assert!(
                concepts.contains(concept),
                "class {class} has {concept}, which no language says"
            );
            assert!(classed.insert(concept), "{concept} is of two classes");
        }
    }
    let mut ruled = BTreeSet::new();
    for line in RULES.lines().filter(|line| !line.starts_with('#')) {
        let rule = rule(line).unwrap_or_else(|| panic!("{line}"));
        assert!(
            !matches!(rule.says, Says::Holds(Label::Custom(_))),
            "unknown label: {line}"
        );
        assert!(rule.weight <= 100, "{line}");
        for term in rule.own.iter().chain(&rule.around) {
            assert!(
                concepts.contains(term) || classes.contains(term),
                "unknown concept {term}: {line}"
            );
            ruled.insert(*term);
        }
    }
    for concept in concepts {
        assert!(
            ruled.contains(concept) || classed.contains(concept),
            "{concept} leads nowhere"
        );
    }
}

#[test]
fn no_two_rules_have_the_same_terms() {
    let mut seen = BTreeMap::new();
    for line in RULES.lines().filter(|line| !line.starts_with('#')) {
        let rule = rule(line).expect(line);
        let mut terms: Vec<&str> = line.split('\t').nth(2).expect(line).split(' ').collect();
        terms.sort_unstable();
        if let Some(before) = seen.insert(terms, rule.says.clone()) {
            panic!("{line} has the terms of a rule that says {before:?}");
        }
    }
}

/// Words that mean two kinds of sensitive data, in one language or in two, and are known to.
const AMBIGUOUS: [&str; 10] = [
    "c p",
    "cep",
    "cip",
    "cp",
    "lon",
    "pasnummer",
    "pin code",
    "pincode",
    "pinkod",
    "tfn",
];

#[test]
fn words_do_not_contradict_each_other() {
    let strong: BTreeMap<&str, Label> = RULES
        .lines()
        .filter_map(rule)
        .filter(|rule| rule.weight >= 70 && rule.around.is_empty())
        .filter_map(|rule| match (rule.own.as_slice(), rule.says) {
            ([concept], Says::Holds(label)) => Some((*concept, label)),
            _ => None,
        })
        .collect();
    let mut meanings: BTreeMap<String, BTreeMap<String, &str>> = BTreeMap::new();
    for (language, text) in LANGUAGES {
        for (concept, phrase) in entries(text) {
            if let Some(label) = strong.get(concept) {
                for key in keys(phrase) {
                    meanings.entry(key).or_default().insert(label.to_string(), language);
                }
            }
        }
    }
    let contradicting: Vec<String> = meanings
        .iter()
        .filter(|(key, labels)| labels.len() > 1 && !AMBIGUOUS.contains(&key.as_str()))
        .map(|(key, labels)| format!("{key}: {labels:?}"))
        .collect();
    assert!(contradicting.is_empty(), "{}", contradicting.join("\n"));
}
