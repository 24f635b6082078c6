//! Texts of keys and values that are not JSON: hstore and XML. They are judged as JSON would be, and masked as a whole.

use durward_model::Label;
use serde_json::{Map, Value};

use super::{ColumnProfile, Outcome, TypeCategory, Verdict, json};
use crate::detect::Detectors;
use crate::names::Subject;

/// Judges a column of hstore or XML.
pub(super) fn judge(profile: &ColumnProfile, subject: &Subject, detectors: &Detectors) -> Verdict {
    let members_of = if profile.column_type.category == TypeCategory::Xml {
        xml_members
    } else {
        hstore_members
    };
    let mut read = profile.clone();
    read.samples = profile
        .samples
        .iter()
        .map(|sample| Value::Object(members_of(sample)).to_string())
        .collect();
    let mut verdict = json::judge(&read, subject, detectors);
    if let Outcome::Labelled { label, paths } = &mut verdict.outcome {
        *label = Label::FreeText;
        paths.clear();
    }
    verdict
}

/// The pairs of hstore's text form: `"key"=>"value", "other"=>NULL` (PostgreSQL manual, F.17.1).
fn hstore_members(text: &str) -> Map<String, Value> {
    let mut members = Map::new();
    let mut strings = Vec::new();
    let mut current = String::new();
    let mut is_quoted = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => current.extend(letters.next()),
            '"' if is_quoted => {
                strings.push(std::mem::take(&mut current));
                is_quoted = false;
            }
            '"' => {
                current.clear();
                is_quoted = true;
            }
            other => current.push(other),
        }
        // A key whose value is NULL has no string after it.
        if !is_quoted && current.ends_with("NULL") {
            strings.push(String::new());
            current.clear();
        }
    }
    let mut strings = strings.into_iter();
    while let (Some(key), Some(value)) = (strings.next(), strings.next()) {
        members.insert(key, Value::from(value));
    }
    members
}

/// Elements and attributes with their text. Of elements of one name the last counts.
fn xml_members(text: &str) -> Map<String, Value> {
    let mut members = Map::new();
    for part in text.split('<').skip(1) {
        let Some((tag, content)) = part.split_once('>') else {
            continue;
        };
        let mut words = tag.split_whitespace();
        let Some(name) = words.next() else { continue };
        if !content.trim().is_empty() && !name.starts_with(['/', '?', '!']) {
            members.insert(name.to_owned(), Value::from(content.trim()));
        }
        for word in words {
            if let Some((attribute, value)) = word.split_once('=') {
                members.insert(attribute.to_owned(), Value::from(value.trim_matches(['"', '\'', '/'])));
            }
        }
    }
    members
}
