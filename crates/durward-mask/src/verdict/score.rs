//! A column's score for each label: what the name claims and what the values show, less what contradicts.

mod against;
mod name;
mod shown;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use durward_model::Label;

use super::look::Look;
use super::values::{Values, is_of_many_numbers};
use super::{ColumnProfile, Evidence, Outcome, Source, TypeCategory, VERDICT_VERSION, Verdict};
use crate::detect::Detectors;
use crate::names::{self, Reading, Subject};
use name::Claimed;
use shown::Shown;

/// From here on a column has a label.
const LABELLED: f64 = 50.0;
/// From here on it isn't shown while nothing more is known.
const SUSPECT: f64 = 30.0;
/// Fewer values than this prove nothing against a name.
const TELLING_VALUES: usize = 5;

/// What a table's other columns tell.
#[derive(Debug)]
pub(super) struct Neighbours<'a> {
    siblings: &'a [String],
    /// How many are of people, and how many of things, by their names. Few verdicts need it, so it is read when it is.
    by_name: OnceCell<(usize, usize)>,
    /// How many surely hold personal data.
    labelled: usize,
}

impl<'a> Neighbours<'a> {
    /// What the names of a column's siblings tell.
    pub(super) const fn of_names(profile: &'a ColumnProfile) -> Self {
        Self {
            siblings: profile.siblings.as_slice(),
            by_name: OnceCell::new(),
            labelled: 0,
        }
    }

    /// The same, with what is known of those columns themselves.
    pub(super) fn with_verdicts<'v>(mut self, verdicts: impl Iterator<Item = &'v Verdict>) -> Self {
        self.labelled = verdicts
            .filter(|verdict| verdict.confidence >= 70 && verdict.label().is_some_and(is_of_people))
            .count();
        self
    }

    /// Whether they can tip the scales for a column.
    pub(super) const fn can_help(&self, profile: &ColumnProfile) -> bool {
        self.labelled > 0 && !profile.samples.is_empty()
    }

    /// How many are of people by their names.
    fn personal(&self) -> usize {
        self.by_name.get_or_init(|| of_people_and_things(self.siblings)).0
    }

    /// How many are of things by their names.
    fn things(&self) -> usize {
        self.by_name.get_or_init(|| of_people_and_things(self.siblings)).1
    }
}

fn of_people_and_things(siblings: &[String]) -> (usize, usize) {
    /// Tables have up to 1,600 columns; a few dozen tell as much.
    const SIBLINGS_MAX: usize = 60;
    let nowhere = Subject::default();
    let is_personal = |sibling: &str| {
        names::read(sibling, &nowhere)
            .claims
            .first()
            .is_some_and(|claim| claim.turn.is_none() && claim.weight >= 80 && is_of_people(&claim.label))
    };
    siblings
        .iter()
        .take(SIBLINGS_MAX)
        .fold((0, 0), |(people, things), sibling| {
            (
                people + usize::from(is_personal(sibling)),
                things + usize::from(names::is_of_thing(sibling)),
            )
        })
}

/// Labels of data that stand in tables of people.
fn is_of_people(label: &Label) -> bool {
    matches!(
        label,
        Label::Email
            | Label::Phone
            | Label::PersonName
            | Label::StreetAddress
            | Label::BirthDate
            | Label::NationalId
            | Label::Passport
            | Label::DrivingLicence
            | Label::Password
            | Label::PasswordHash
            | Label::Salary
            | Label::Health
    )
}

/// All that a verdict weighs.
pub(super) struct Case<'a> {
    pub(super) profile: &'a ColumnProfile,
    pub(super) subject: &'a Subject,
    pub(super) neighbours: &'a Neighbours<'a>,
    pub(super) reading: Reading,
    pub(super) values: Values,
}

impl Case<'_> {
    /// Whether enough values were seen to speak against a name.
    pub(super) const fn has_telling_values(&self) -> bool {
        self.values.filled >= TELLING_VALUES
    }

    /// Whether a label that values alone give is of few of those that are personal: then they are of many kinds.
    fn is_mixed(&self, label: Option<&Label>) -> bool {
        let Some(label) = label else { return false };
        let is_claimed = self.reading.claims.iter().any(|claim| claim.label == *label);
        let coverage = self.values.coverage(label);
        let is_recognised = coverage.fit.any > 0 && coverage.any < 0.45;
        is_recognised && !is_claimed && self.values.personal() > coverage.checked + 0.1
    }

    /// Whether there are a few words only, over and over, as in a list of choices.
    pub(super) fn has_few_words(&self) -> bool {
        let few = |distinct: u64, of: u64| distinct <= 8 && of >= 30 && distinct.saturating_mul(6) < of;
        let in_samples = few(counted(self.values.distinct), counted(self.values.filled));
        let in_table = match (self.profile.distinct_count, self.profile.row_count) {
            (Some(distinct), Some(rows)) => !self.profile.is_unique && distinct > 0 && few(distinct, rows),
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        in_samples || in_table
    }

    /// Whether the values are counted off: a key made by the database.
    pub(super) const fn is_counted_key(&self) -> bool {
        self.profile.is_primary_key && matches!(self.profile.column_type.category, TypeCategory::Integer)
    }
}

/// A label with its score.
#[derive(Debug)]
struct Scored {
    label: Label,
    score: f64,
    evidence: Vec<Evidence>,
}

/// Judges a column of a plain type.
pub(super) fn judge(
    profile: &ColumnProfile,
    subject: &Subject,
    neighbours: &Neighbours<'_>,
    detectors: &Detectors,
) -> Verdict {
    let case = Case {
        profile,
        subject,
        neighbours,
        reading: names::read(&profile.column, subject),
        values: Values::of(&profile.samples, detectors),
    };
    let claimed = name::claimed(&case);
    let mut evidence = Vec::new();
    let mut scored: Vec<Scored> = Vec::new();
    for label in candidates(&case, &claimed) {
        let claim = claimed.iter().find(|claim| claim.label == label);
        let shown = shown::shown(&case, &label);
        let is_clear = claim.is_some_and(|claim| claim.weight >= 80.0) || shown.weight >= 80.0;
        if !profile.column_type.can_hold(&label, is_clear) {
            evidence.extend(claim.map(|claim| veto(profile, claim)));
            continue;
        }
        scored.push(score(&case, label, claim, shown));
    }
    settle_rivals(&case, &claimed, &mut scored);
    scored.sort_by(|one, other| other.score.total_cmp(&one.score));
    let best = scored.into_iter().next().filter(|best| best.score > 0.0);
    decide(&case, best, evidence)
}

/// Every label that the name, the values or the type give a reason for.
fn candidates(case: &Case<'_>, claimed: &[Claimed]) -> Vec<Label> {
    let mut labels: BTreeSet<Label> = claimed.iter().map(|claim| claim.label.clone()).collect();
    labels.extend(case.values.labels());
    labels.extend([
        Label::PersonName,
        Label::BirthDate,
        Label::FreeText,
        Label::Phone,
        Label::StreetAddress,
        Label::Username,
    ]);
    if case.subject.is_of_strangers() {
        labels.insert(Label::Untrusted);
    }
    match case.profile.column_type.category {
        TypeCategory::Inet => labels.insert(Label::IpAddress),
        TypeCategory::Macaddr => labels.insert(Label::MacAddress),
        TypeCategory::Point => labels.insert(Label::Location),
        TypeCategory::Text
        | TypeCategory::Integer
        | TypeCategory::Numeric
        | TypeCategory::Boolean
        | TypeCategory::Date
        | TypeCategory::Timestamp
        | TypeCategory::Uuid
        | TypeCategory::Json
        | TypeCategory::Bytes
        | TypeCategory::Enum
        | TypeCategory::Hstore
        | TypeCategory::Xml
        | TypeCategory::Other => false,
    };
    labels.into_iter().collect()
}

/// Joins what the name claims with what the values show.
fn score(case: &Case<'_>, label: Label, claim: Option<&Claimed>, shown: Shown) -> Scored {
    let mut evidence: Vec<Evidence> = claim.map(|claim| claim.evidence.clone()).unwrap_or_default();
    let mut by_name = claim.map_or(0.0, |claim| claim.weight);
    if let Some(against) = against::against(case, &label).filter(|_| by_name > 0.0) {
        by_name *= against.factor;
        evidence.push(Evidence {
            source: Source::Values,
            label: Some(label.clone()),
            text: against.text,
        });
    }
    let score = 100.0 * (1.0 - (1.0 - by_name / 100.0) * (1.0 - shown.weight / 100.0));
    if let Some(text) = shown.text {
        let of_values = Evidence {
            source: shown.source,
            label: Some(label.clone()),
            text,
        };
        let place = if shown.weight > by_name { 0 } else { evidence.len() };
        evidence.insert(place, of_values);
    }
    Scored { label, score, evidence }
}

/// Where name and values speak of different kinds: values that are plainly one thing beat a name that says another, but
/// among kinds of numbers, which share checksums, a clear name decides.
fn settle_rivals(case: &Case<'_>, claimed: &[Claimed], scored: &mut [Scored]) {
    let plain: Vec<Label> = scored
        .iter()
        .map(|one| one.label.clone())
        .filter(|label| shown::is_plain(case, label))
        .collect();
    for one in scored.iter_mut() {
        let claim = claimed.iter().find(|claim| claim.label == one.label);
        let beaten = claim.is_some()
            && plain
                .iter()
                .any(|label| *label != one.label && !are_kin(label, &one.label));
        if beaten && !plain.contains(&one.label) {
            one.score *= 0.5;
        }
        let clear_kin = claimed
            .iter()
            .any(|claim| claim.label != one.label && claim.weight >= 70.0 && are_kin(&claim.label, &one.label));
        if claim.is_none() && clear_kin {
            one.score *= 0.6;
        }
    }
}

/// Labels that the same values may have.
fn are_kin(one: &Label, other: &Label) -> bool {
    let both = |test: fn(&Label) -> bool| test(one) && test(other);
    both(is_of_many_numbers)
        || both(|label| matches!(label, Label::Password | Label::Secret))
        || both(|label| matches!(label, Label::FreeText | Label::Untrusted | Label::Health))
        || both(|label| matches!(label, Label::Phone | Label::Postcode | Label::CardCode))
        || both(|label| matches!(label, Label::NationalId | Label::Health))
}

fn decide(case: &Case<'_>, best: Option<Scored>, vetoes: Vec<Evidence>) -> Verdict {
    let has_values = case.values.filled > 0;
    let (score, label, mut evidence) = match best {
        Some(best) => (best.score, Some(best.label), best.evidence),
        None => (0.0, None, Vec::new()),
    };
    evidence.extend(vetoes);
    let is_labelled = score >= LABELLED;
    if let Some(verdict) = of_many_kinds(case).filter(|_| !is_labelled || case.is_mixed(label.as_ref())) {
        return verdict;
    }
    if let (Some(label), true) = (&label, is_labelled) {
        return Verdict::labelled(label.clone(), rounded(score), evidence);
    }
    if let Some(harmless) = case.reading.harmless.as_ref().filter(|harmless| harmless.weight >= 50) {
        evidence.push(Evidence {
            source: Source::Name,
            label: None,
            text: format!("name \"{}\" says nothing personal", harmless.words),
        });
    }
    if name::is_called_personal(case.profile) && holds_text(case.profile) {
        evidence.push(Evidence {
            source: Source::Comment,
            label: None,
            text: "the comment calls it personal data".to_owned(),
        });
        return undecided(Some(label.unwrap_or(Label::FreeText)), score, evidence);
    }
    let suspicious = if case.has_telling_values() {
        LABELLED - 6.0
    } else {
        SUSPECT
    };
    if score >= suspicious {
        return undecided(label, score, evidence);
    }
    let is_clear = has_values || !evidence.is_empty() || !holds_text(case.profile);
    if is_clear {
        evidence.extend(has_values.then(|| nothing_seen(case)));
        return Verdict::harmless(rounded(100.0 - score).max(50), evidence);
    }
    undecided(None, score, evidence)
}

/// A column of many kinds, as in tables of keys and values: one value is an email address, the next a colour.
fn of_many_kinds(case: &Case<'_>) -> Option<Verdict> {
    const SHARE: f64 = 0.15;
    let values = &case.values;
    if !case.profile.column_type.can_hold(&Label::FreeText, true) {
        return None;
    }
    let says = |label: &Label, text: String| {
        vec![Evidence {
            source: Source::Values,
            label: Some(label.clone()),
            text,
        }]
    };
    if values.credentials() > 0 {
        let text = format!(
            "{} of {} values have a credential in them",
            values.credentials(),
            values.filled
        );
        let label = if values.share(Look::Prose) >= 0.3 {
            Label::FreeText
        } else {
            Label::Secret
        };
        return Some(Verdict::labelled(label.clone(), 65, says(&label, text)));
    }
    if values.filled >= TELLING_VALUES && values.personal() >= SHARE {
        let text = format!(
            "{:.0} % of its values are personal data of many kinds",
            values.personal() * 100.0
        );
        return Some(Verdict::labelled(Label::FreeText, 60, says(&Label::FreeText, text)));
    }
    None
}

fn undecided(suspect: Option<Label>, score: f64, evidence: Vec<Evidence>) -> Verdict {
    Verdict {
        outcome: Outcome::Undecided { suspect },
        confidence: rounded(score),
        evidence,
        version: VERDICT_VERSION,
    }
}

const fn holds_text(profile: &ColumnProfile) -> bool {
    matches!(
        profile.column_type.category,
        TypeCategory::Text | TypeCategory::Other | TypeCategory::Bytes
    )
}

fn veto(profile: &ColumnProfile, claim: &Claimed) -> Evidence {
    let kind = format!("{:?}", profile.column_type.category).to_lowercase();
    Evidence {
        source: Source::Type,
        label: Some(claim.label.clone()),
        text: format!("its type ({kind}) can't hold {}", claim.label),
    }
}

fn nothing_seen(case: &Case<'_>) -> Evidence {
    Evidence {
        source: Source::Values,
        label: None,
        text: format!("nothing personal stands out in {} values", case.values.filled),
    }
}

fn counted(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A score as whole points.
fn rounded(score: f64) -> u8 {
    (0..=100_u8)
        .rev()
        .find(|points| f64::from(*points) <= score + 0.5)
        .unwrap_or_default()
}
