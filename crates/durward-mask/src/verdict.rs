//! What a column holds: one verdict from its name, type, values and neighbours, with the evidence.
//!
//! Each kind of sensitive data gets a score: what the name claims (less what turns the claim around), joined with what
//! the sampled values show, less what contradicts. The type can forbid. A pointer to another column holds what that
//! one holds. Half of certainty is enough for a label: data masked in error are a nuisance, data shown in error are out.

mod arrays;
mod json;
mod kind;
mod look;
mod pairs;
mod people;
mod score;
mod values;

use std::fmt;

use durward_model::Label;
use serde::{Deserialize, Serialize};

use crate::detect::Detectors;
use crate::names::Subject;
use score::Neighbours;

pub use kind::{ColumnType, TypeCategory};

/// The version of the rules by which verdicts are reached. A kept verdict of another version is reached anew.
pub const VERDICT_VERSION: u32 = 1;

/// All that a verdict on a column rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnProfile {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Its type.
    pub column_type: ColumnType,
    /// The comment on it, if any.
    pub comment: Option<String>,
    /// Whether it alone is the table's primary key.
    pub is_primary_key: bool,
    /// The verdict on the column that it points at, if it is a foreign key.
    pub foreign_key: Option<Verdict>,
    /// Whether no value occurs twice.
    pub is_unique: bool,
    /// Whether it may be NULL.
    pub is_nullable: bool,
    /// The names of the table's other columns.
    pub siblings: Vec<String>,
    /// Sampled values in their text form, without NULLs.
    pub samples: Vec<String>,
    /// The share of rows that are NULL, if known.
    pub null_fraction: Option<f32>,
    /// How many different values there are, if known.
    pub distinct_count: Option<u64>,
    /// How many rows the table has, if known.
    pub row_count: Option<u64>,
}

impl ColumnProfile {
    /// A column of which no more is known than its name and type.
    pub fn new(table: &str, column: &str, column_type: ColumnType) -> Self {
        Self {
            schema: "public".to_owned(),
            table: table.to_owned(),
            column: column.to_owned(),
            column_type,
            comment: None,
            is_primary_key: false,
            foreign_key: None,
            is_unique: false,
            is_nullable: true,
            siblings: Vec::new(),
            samples: Vec::new(),
            null_fraction: None,
            distinct_count: None,
            row_count: None,
        }
    }
}

/// What was found about a column, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it holds.
    pub outcome: Outcome,
    /// How sure that is: 0 to 100.
    pub confidence: u8,
    /// What speaks for and against it, the weightiest first.
    pub evidence: Vec<Evidence>,
    /// The version of the rules: [`VERDICT_VERSION`] when it was reached.
    pub version: u32,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Data of this kind.
    Labelled {
        /// The kind.
        label: Label,
        /// Where in its JSON they stand; empty unless the label is [`Label::Json`].
        paths: Vec<LabelledPath>,
    },
    /// Nothing that needs a mask.
    Harmless,
    /// There are no values to look at, and its name is not clear.
    Undecided {
        /// What it may be, if its name gives a reason to be careful.
        suspect: Option<Label>,
    },
}

/// A place in JSON and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelledPath {
    /// The place: `$` is the whole, `.key` a member, `["odd key"]` one whose key is no plain word, `.*` any member, `[*]`
    /// any element. A path that ends at an object or array stands for all in it.
    pub path: String,
    /// What stands there.
    pub label: Label,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is drawn from.
    pub source: Source,
    /// The label that it is about, if it is about one.
    pub label: Option<Label>,
    /// What it says, for people to read: `97 of 100 values fit email`.
    pub text: String,
}

/// What evidence is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The column's name, in its table's.
    Name,
    /// The comment on it.
    Comment,
    /// Its type.
    Type,
    /// Its values.
    Values,
    /// The table's other columns.
    Siblings,
    /// A key that it is part of.
    Key,
}

impl Verdict {
    /// The label, if it has one.
    pub const fn label(&self) -> Option<&Label> {
        match &self.outcome {
            Outcome::Labelled { label, .. } => Some(label),
            Outcome::Harmless | Outcome::Undecided { .. } => None,
        }
    }

    /// What to mask it as: its label, or what it may be where that is undecided.
    pub const fn mask_as(&self) -> Option<&Label> {
        match &self.outcome {
            Outcome::Labelled { label, .. } => Some(label),
            Outcome::Undecided { suspect } => suspect.as_ref(),
            Outcome::Harmless => None,
        }
    }

    /// Whether its values may be shown: it is harmless, or undecided without any reason to be careful.
    pub const fn is_safe_in_clear(&self) -> bool {
        self.mask_as().is_none()
    }

    /// The labelled places in its JSON.
    pub fn paths(&self) -> &[LabelledPath] {
        match &self.outcome {
            Outcome::Labelled { paths, .. } => paths,
            Outcome::Harmless | Outcome::Undecided { .. } => &[],
        }
    }

    fn labelled(label: Label, confidence: u8, evidence: Vec<Evidence>) -> Self {
        Self {
            outcome: Outcome::Labelled {
                label,
                paths: Vec::new(),
            },
            confidence,
            evidence,
            version: VERDICT_VERSION,
        }
    }

    const fn harmless(confidence: u8, evidence: Vec<Evidence>) -> Self {
        Self {
            outcome: Outcome::Harmless,
            confidence,
            evidence,
            version: VERDICT_VERSION,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Judges a column by itself.
pub fn judge(profile: &ColumnProfile, detectors: &Detectors) -> Verdict {
    judge_among(profile, detectors, &Neighbours::of_names(profile))
}

/// Judges the columns of a table: what is sure of some helps to judge the others.
///
/// Verdicts come in the order of the profiles, which must be of one table.
pub fn judge_table(profiles: &[ColumnProfile], detectors: &Detectors) -> Vec<Verdict> {
    let alone: Vec<Verdict> = profiles.iter().map(|profile| judge(profile, detectors)).collect();
    profiles
        .iter()
        .zip(&alone)
        .enumerate()
        .map(|(place, (profile, verdict))| {
            let others = alone
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place)
                .map(|(_, verdict)| verdict);
            let neighbours = Neighbours::of_names(profile).with_verdicts(others);
            // Values are looked at again only where neighbours can tip the scales.
            if verdict.label().is_none() && neighbours.can_help(profile) {
                judge_among(profile, detectors, &neighbours)
            } else {
                verdict.clone()
            }
        })
        .collect()
}

fn judge_among(profile: &ColumnProfile, detectors: &Detectors, neighbours: &Neighbours<'_>) -> Verdict {
    if let Some(verdict) = profile.foreign_key.as_ref().and_then(by_foreign_key) {
        return verdict;
    }
    if profile.column_type.is_array {
        let elements = arrays::elements_of(profile);
        return judge_among(&elements, detectors, neighbours);
    }
    let subject = Subject::of_table(&profile.table);
    match profile.column_type.category {
        TypeCategory::Json => json::judge(profile, &subject, detectors),
        TypeCategory::Hstore | TypeCategory::Xml => pairs::judge(profile, &subject, detectors),
        TypeCategory::Text if json::is_json(&profile.samples) => json::judge(profile, &subject, detectors),
        TypeCategory::Text
        | TypeCategory::Integer
        | TypeCategory::Numeric
        | TypeCategory::Boolean
        | TypeCategory::Date
        | TypeCategory::Timestamp
        | TypeCategory::Uuid
        | TypeCategory::Inet
        | TypeCategory::Macaddr
        | TypeCategory::Bytes
        | TypeCategory::Point
        | TypeCategory::Enum
        | TypeCategory::Other => score::judge(profile, &subject, neighbours, detectors),
    }
}

/// A pointer holds what it points at: an email as a natural key is an email in every table.
fn by_foreign_key(target: &Verdict) -> Option<Verdict> {
    let says = |text: String| {
        vec![Evidence {
            source: Source::Key,
            label: target.label().cloned(),
            text,
        }]
    };
    match &target.outcome {
        Outcome::Labelled { label, paths } => Some(Verdict {
            outcome: Outcome::Labelled {
                label: label.clone(),
                paths: paths.clone(),
            },
            confidence: target.confidence,
            evidence: says(format!("it points at a key that holds {label}")),
            version: VERDICT_VERSION,
        }),
        Outcome::Harmless => Some(Verdict::harmless(
            target.confidence,
            says("it points at a harmless key".to_owned()),
        )),
        Outcome::Undecided { .. } => None,
    }
}

#[cfg(test)]
mod tests;
