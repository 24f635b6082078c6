//! JSON is judged place by place, each as if it were a column of its own.

use std::collections::BTreeMap;

use durward_model::Label;
use serde_json::Value;

use super::look::{Look, looks};
use super::score::{Neighbours, judge as judge_column};
use super::{
    ColumnProfile, ColumnType, Evidence, LabelledPath, Outcome, Source, TypeCategory, VERDICT_VERSION, Verdict,
};
use crate::detect::{Detectors, Strength};
use crate::names::Subject;

/// What lies deeper is not told apart: the place where it begins is judged as text.
const DEPTH_MAX: usize = 16;
/// More places than this are not judged one by one.
const PLACES_MAX: usize = 500;
/// How many values of one place are looked at.
const VALUES_MAX: usize = 300;

/// A place, and what stands there.
#[derive(Debug, Default)]
struct Place {
    /// The key next to it, and the one around that.
    key: String,
    around: String,
    siblings: Vec<String>,
    values: Vec<String>,
    is_text: bool,
    is_number: bool,
}

/// Whether texts are JSON: most of them objects or lists that can be read.
pub(super) fn is_json(samples: &[String]) -> bool {
    let readable = samples
        .iter()
        .filter(|sample| looks(sample.trim()).contains(&Look::Json))
        .filter(|sample| serde_json::from_str::<Value>(sample).is_ok_and(|value| value.is_object() || value.is_array()))
        .count();
    readable > 0 && readable * 10 >= samples.len() * 6
}

/// Judges a column of JSON.
pub(super) fn judge(profile: &ColumnProfile, subject: &Subject, detectors: &Detectors) -> Verdict {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut walker = Walker {
        detectors,
        places: &mut places,
        labelled_keys: BTreeMap::new(),
    };
    for sample in &profile.samples {
        if let Ok(value) = serde_json::from_str(sample) {
            let top = Step {
                path: "$".to_owned(),
                key: profile.column.clone(),
                around: profile.table.clone(),
                siblings: Vec::new(),
                depth: 0,
            };
            walker.walk(&value, top);
        }
    }
    let mut paths: Vec<LabelledPath> = walker
        .labelled_keys
        .into_iter()
        .map(|(path, label)| LabelledPath { path, label })
        .collect();
    let mut evidence = Vec::new();
    let mut confidence = 0;
    for (path, place) in &places {
        let verdict = judge_place(place, detectors);
        if let Some(label) = verdict.mask_as() {
            let reasons: Vec<String> = verdict
                .evidence
                .iter()
                .take(2)
                .map(|reason| reason.text.clone())
                .collect();
            evidence.push(Evidence {
                source: Source::Values,
                label: Some(label.clone()),
                text: format!("{path} holds {label}: {}", reasons.join("; ")),
            });
            confidence = confidence.max(verdict.confidence);
            paths.push(LabelledPath {
                path: path.clone(),
                label: label.clone(),
            });
        }
    }
    if places.is_empty() && paths.is_empty() {
        return without_values(profile, subject, detectors);
    }
    paths.sort();
    paths.dedup();
    if paths.is_empty() {
        let text = format!(
            "no place in {} values of JSON holds anything personal",
            profile.samples.len()
        );
        return Verdict::harmless(
            70,
            vec![Evidence {
                source: Source::Values,
                label: None,
                text,
            }],
        );
    }
    Verdict {
        outcome: Outcome::Labelled {
            label: Label::Json,
            paths,
        },
        confidence: confidence.max(60),
        evidence,
        version: VERDICT_VERSION,
    }
}

/// JSON that was never seen: its name alone says whether all of it is to be kept.
fn without_values(profile: &ColumnProfile, subject: &Subject, detectors: &Detectors) -> Verdict {
    let mut named = profile.clone();
    named.column_type = ColumnType::of(TypeCategory::Text);
    named.samples.clear();
    let neighbours = Neighbours::of_names(&named);
    let mut verdict = judge_column(&named, subject, &neighbours, detectors);
    if let Some(label) = verdict.label().cloned() {
        verdict.outcome = Outcome::Labelled {
            label: Label::Json,
            paths: vec![LabelledPath {
                path: "$".to_owned(),
                label,
            }],
        };
    }
    verdict
}

fn judge_place(place: &Place, detectors: &Detectors) -> Verdict {
    let category = match (place.is_text, place.is_number) {
        (false, true) => TypeCategory::Numeric,
        (true, _) | (false, false) => TypeCategory::Text,
    };
    let mut profile = ColumnProfile::new(&place.around, &place.key, ColumnType::of(category));
    profile.samples.clone_from(&place.values);
    profile.siblings.clone_from(&place.siblings);
    let neighbours = Neighbours::of_names(&profile);
    judge_column(&profile, &Subject::of_table(&place.around), &neighbours, detectors)
}

struct Walker<'a> {
    detectors: &'a Detectors,
    places: &'a mut BTreeMap<String, Place>,
    /// Objects whose keys are personal data themselves.
    labelled_keys: BTreeMap<String, Label>,
}

/// Where a walk stands.
#[derive(Debug, Clone)]
struct Step {
    path: String,
    key: String,
    around: String,
    siblings: Vec<String>,
    depth: usize,
}

impl Walker<'_> {
    /// Recursion ends at `DEPTH_MAX`; the reader of JSON has its own limit before that.
    fn walk(&mut self, value: &Value, step: Step) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Object(members) if step.depth < DEPTH_MAX => self.walk_members(members, &step),
            Value::Array(elements) if step.depth < DEPTH_MAX => {
                for element in elements {
                    let mut inner = step.clone();
                    inner.path.push_str("[*]");
                    inner.depth += 1;
                    self.walk(element, inner);
                }
            }
            Value::Object(_) | Value::Array(_) => self.keep(step, value.to_string(), true),
            Value::Number(number) => self.keep(step, number.to_string(), false),
            Value::String(text) => self.keep(step, text.clone(), true),
        }
    }

    fn walk_members(&mut self, members: &serde_json::Map<String, Value>, step: &Step) {
        let generic = members.len() > 1 && members.keys().all(|key| is_data(key));
        let siblings: Vec<String> = members.keys().take(40).cloned().collect();
        for (key, value) in members {
            let key_label = self.detectors.whole(key).into_iter().find(|finding| {
                finding.strength >= Strength::Checked && !key.bytes().all(|byte| byte.is_ascii_digit())
            });
            if let Some(finding) = key_label {
                self.labelled_keys.insert(step.path.clone(), finding.label);
            }
            let mut path = step.path.clone();
            if generic {
                path.push_str(".*");
            } else {
                path.push_str(&segment(key));
            }
            // A key that says little stands for the one around it: `{"email": {"value": …}}`.
            let is_plain = generic || ["value", "val", "data", "text", "content", "new", "old"].contains(&key.as_str());
            let inner = Step {
                path,
                key: if is_plain { step.key.clone() } else { key.clone() },
                around: if is_plain {
                    step.around.clone()
                } else {
                    step.key.clone()
                },
                siblings: siblings.iter().filter(|other| *other != key).cloned().collect(),
                depth: step.depth + 1,
            };
            self.walk(value, inner);
        }
    }

    fn keep(&mut self, step: Step, value: String, is_text: bool) {
        if self.places.len() >= PLACES_MAX && !self.places.contains_key(&step.path) {
            return;
        }
        let place = self.places.entry(step.path).or_default();
        place.key = step.key;
        place.around = step.around;
        place.siblings = step.siblings;
        place.is_text |= is_text;
        place.is_number |= !is_text;
        if place.values.len() < VALUES_MAX {
            place.values.push(value);
        }
    }
}

/// A key as part of a path.
fn segment(key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if is_plain {
        format!(".{key}")
    } else {
        format!("[{}]", Value::from(key))
    }
}

/// Whether a key is data itself, as where objects are used as maps.
fn is_data(key: &str) -> bool {
    let looks = looks(key);
    looks.contains(&Look::Digits) || looks.contains(&Look::Uuid) || key.contains('@') || looks.contains(&Look::Date)
}
