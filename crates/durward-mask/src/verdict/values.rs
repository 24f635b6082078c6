//! What the sampled values of a column look like, counted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use durward_model::Label;

use super::look::{Look, looks, numbered_words};
use super::people::{PersonLook, person_look};
use crate::detect::{Detectors, Finding, Strength};

/// A longer value is a text: it is searched, not recognised as a whole.
const CELL_BYTES_MAX: usize = 400;
/// How much of a text is searched.
const TEXT_BYTES_MAX: usize = 4000;
/// Formats of numbers fit by chance one time in ten, so a rarer one counts for nothing.
const CHANCE: f64 = 0.2;

/// The values of a column, counted.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// How many were not blank.
    pub(super) filled: usize,
    /// How many different ones.
    pub(super) distinct: usize,
    /// How many of them each format fits.
    formats: BTreeMap<(Label, &'static str), Fit>,
    /// Of each label: which values fit any of its formats.
    fits: BTreeMap<Label, Fit>,
    /// How many look like this or that.
    looks: BTreeMap<Look, usize>,
    /// How many look like whole names of people, or one name.
    people: (usize, usize),
    /// How many texts have something inside, and what; its strength at least `Checked`.
    inside: BTreeMap<Label, usize>,
    /// How many have anything personal or secret, whole or inside, that is at least `Checked`.
    personal: usize,
    /// How many have a credential that is `Certain`.
    credentials: usize,
    /// Years of dates, sorted.
    years: Vec<u16>,
    /// The different words with numbers beside them.
    numbered: BTreeSet<String>,
}

/// How many values fit, by how sure that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) any: usize,
    pub(super) checked: usize,
    pub(super) certain: usize,
    /// How many of those are nothing but digits.
    pub(super) digits: usize,
}

impl Fit {
    fn add(&mut self, strength: Strength, is_digits: bool) {
        self.any += 1;
        self.digits += usize::from(is_digits);
        match strength {
            Strength::Shape => {}
            Strength::Checked => self.checked += 1,
            Strength::Certain => {
                self.checked += 1;
                self.certain += 1;
            }
        }
    }
}

/// What the values say of one label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coverage {
    pub(super) fit: Fit,
    /// Shares of the values that are not blank.
    pub(super) any: f64,
    pub(super) checked: f64,
    pub(super) certain: f64,
    /// The format that fits most.
    pub(super) format: Option<&'static str>,
    /// Whether most that fit are nothing but digits.
    pub(super) is_digits: bool,
}

impl Values {
    /// Looks at samples.
    pub(super) fn of(samples: &[String], detectors: &Detectors) -> Self {
        let mut values = Self::default();
        let mut seen = HashSet::new();
        for sample in samples {
            let value = sample.trim();
            if is_blank(value) {
                continue;
            }
            values.filled += 1;
            seen.insert(value);
            values.look_at(value, detectors);
        }
        values.distinct = seen.len();
        values.years.sort_unstable();
        values
    }

    /// The share of the values that look so.
    pub(super) fn share(&self, look: Look) -> f64 {
        self.share_of(self.looks.get(&look).copied().unwrap_or_default())
    }

    /// The shares of values that look like a person's whole name, and like one name alone.
    pub(super) fn people(&self) -> (f64, f64) {
        (self.share_of(self.people.0), self.share_of(self.people.1))
    }

    /// The share of values with something personal or secret in them.
    pub(super) fn personal(&self) -> f64 {
        self.share_of(self.personal)
    }

    /// How many values have a credential in them that is surely one.
    pub(super) const fn credentials(&self) -> usize {
        self.credentials
    }

    /// The share of values with a label's data inside.
    pub(super) fn inside(&self, label: &Label) -> f64 {
        self.share_of(self.inside.get(label).copied().unwrap_or_default())
    }

    /// The share of values that are words with a number beside them, each time other words.
    pub(super) fn numbered(&self) -> f64 {
        self.share_of(self.numbered.len())
    }

    /// The years of the dates among the values, sorted.
    pub(super) fn years(&self) -> &[u16] {
        &self.years
    }

    /// Every label that some value fits.
    pub(super) fn labels(&self) -> BTreeSet<Label> {
        self.fits.keys().chain(self.inside.keys()).cloned().collect()
    }

    /// What the values say of a label.
    pub(super) fn coverage(&self, label: &Label) -> Coverage {
        let of_label = || {
            self.formats
                .iter()
                .filter(|((formats_label, _), _)| formats_label == label)
        };
        let format = of_label()
            .max_by_key(|(_, fit)| (fit.checked, fit.any))
            .map(|((_, format), _)| *format);
        let fit = if is_of_many_numbers(label) {
            self.numbers(of_label().map(|(_, fit)| *fit))
        } else {
            self.fits.get(label).copied().unwrap_or_default()
        };
        Coverage {
            fit,
            any: self.share_of(fit.any),
            checked: self.share_of(fit.checked),
            certain: self.share_of(fit.certain),
            format,
            is_digits: fit.digits * 2 > fit.any,
        }
    }

    /// The formats of one family added up, but for those that fit no more often than by chance.
    fn numbers(&self, formats: impl Iterator<Item = Fit>) -> Fit {
        let mut best = Fit::default();
        let mut sum = Fit::default();
        for fit in formats {
            if (fit.checked, fit.any) > (best.checked, best.any) {
                best = fit;
            }
            if self.share_of(fit.checked) >= CHANCE {
                sum.any += fit.any;
                sum.checked += fit.checked;
                sum.certain += fit.certain;
                sum.digits += fit.digits;
            }
        }
        // Formats overlap, so the sum is no count; numbers of several countries give each a part of the column.
        let whole = self.filled;
        if sum.checked > best.checked && sum.checked <= whole {
            sum
        } else {
            best
        }
    }

    fn share_of(&self, count: usize) -> f64 {
        share(count, self.filled)
    }

    fn look_at(&mut self, value: &str, detectors: &Detectors) {
        for look in looks(value) {
            *self.looks.entry(look).or_default() += 1;
        }
        match person_look(value) {
            Some(PersonLook::Whole) => self.people.0 += 1,
            Some(PersonLook::Part) => self.people.1 += 1,
            None => {}
        }
        self.years.extend(super::look::year_of(value));
        self.numbered.extend(numbered_words(value));
        let is_cell = value.len() <= CELL_BYTES_MAX;
        let findings = if is_cell { detectors.whole(value) } else { Vec::new() };
        let mut is_personal = self.count(value, &findings);
        let mut has_credential = is_credential(&findings);
        if findings.iter().all(|finding| finding.strength < Strength::Checked) {
            let text = value.as_bytes();
            let inside = detectors.scan(text.get(..TEXT_BYTES_MAX).unwrap_or(text));
            let labels: BTreeSet<&Label> = inside
                .iter()
                .filter(|finding| finding.strength >= Strength::Checked)
                .map(|finding| &finding.label)
                .collect();
            is_personal |= !labels.is_empty();
            has_credential |= is_credential(&inside);
            for label in labels {
                *self.inside.entry(label.clone()).or_default() += 1;
            }
        }
        self.personal += usize::from(is_personal);
        self.credentials += usize::from(has_credential);
    }

    /// Counts what a value is as a whole. Says whether that is surely something.
    fn count(&mut self, value: &str, findings: &[Finding]) -> bool {
        let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let mut best: BTreeMap<&Label, Strength> = BTreeMap::new();
        for finding in findings {
            self.formats
                .entry((finding.label.clone(), finding.format))
                .or_default()
                .add(finding.strength, is_digits);
            let strength = best.entry(&finding.label).or_insert(finding.strength);
            *strength = (*strength).max(finding.strength);
        }
        for (label, strength) in &best {
            self.fits.entry((*label).clone()).or_default().add(*strength, is_digits);
        }
        // Digits pass some country's checksum more often than not.
        best.values()
            .any(|strength| *strength >= Strength::Certain || (*strength >= Strength::Checked && !is_digits))
    }
}

/// A share of a whole.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    let exact = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { exact(part) / exact(whole) }
}

fn is_credential(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.label == Label::Secret && finding.strength >= Strength::Certain)
}

/// Whether many formats of numbers are of this label, so that any digits fit one of them.
pub(super) fn is_of_many_numbers(label: &Label) -> bool {
    matches!(
        label,
        Label::NationalId | Label::TaxId | Label::Passport | Label::DrivingLicence | Label::BankAccount
    )
}

/// What people write where there is nothing to write.
fn is_blank(value: &str) -> bool {
    const BLANKS: [&str; 18] = [
        "", "-", "--", "---", ".", "?", "n/a", "na", "none", "null", "nil", "unknown", "tbd", "(null)", "\\n", "k.a.",
        "s/n", "x",
    ];
    value.len() <= 8 && BLANKS.contains(&value.to_lowercase().as_str())
}
