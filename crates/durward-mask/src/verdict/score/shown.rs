//! What values show for a label, and what they show against it.

use durward_model::Label;

use super::super::look::Look;
use super::super::values::Coverage;
use super::super::{Source, TypeCategory};
use super::Case;

/// What is shown for a label.
#[derive(Debug)]
pub(super) struct Shown {
    /// 0 to 100.
    pub(super) weight: f64,
    pub(super) source: Source,
    /// What it is that shows, if anything does.
    pub(super) text: Option<String>,
}

/// What the values and the type show for a label.
pub(super) fn shown(case: &Case<'_>, label: &Label) -> Shown {
    if let Some(shown) = by_type(case, label) {
        return shown;
    }
    if case.values.filled == 0 {
        return nothing();
    }
    let mut shown = match label {
        Label::PersonName => person(case),
        Label::BirthDate => birth(case),
        Label::FreeText | Label::Untrusted => prose(case, label),
        Label::Email
        | Label::Phone
        | Label::StreetAddress
        | Label::Postcode
        | Label::NationalId
        | Label::Passport
        | Label::DrivingLicence
        | Label::TaxId
        | Label::CardNumber
        | Label::CardCode
        | Label::Iban
        | Label::BankAccount
        | Label::IpAddress
        | Label::MacAddress
        | Label::Location
        | Label::Username
        | Label::Health
        | Label::Salary
        | Label::Password
        | Label::PasswordHash
        | Label::Secret
        | Label::Json
        | Label::Custom(_) => covered(case, label),
    };
    if case.values.filled < super::TELLING_VALUES {
        shown.weight *= 0.8;
    }
    shown.weight *= unless_harmless(case, label);
    shown
}

const fn nothing() -> Shown {
    Shown {
        weight: 0.0,
        source: Source::Values,
        text: None,
    }
}

/// Types that are made for one kind of data.
fn by_type(case: &Case<'_>, label: &Label) -> Option<Shown> {
    let (made_for, weight) = match case.profile.column_type.category {
        TypeCategory::Inet => (Label::IpAddress, 90.0),
        TypeCategory::Macaddr => (Label::MacAddress, 90.0),
        TypeCategory::Point if case.subject.is_of_things() => (Label::Location, 25.0),
        TypeCategory::Point => (Label::Location, 75.0),
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
        | TypeCategory::Other => return None,
    };
    (made_for == *label).then(|| Shown {
        weight,
        source: Source::Type,
        text: Some(format!("its type is made for {label}")),
    })
}

/// Values that are recognised one by one.
fn covered(case: &Case<'_>, label: &Label) -> Shown {
    let coverage = case.values.coverage(label);
    let mut weight = weight_of(&coverage, label).max(inside(case, label));
    if coverage.is_digits {
        if case.is_counted_key() {
            weight *= 0.2;
        } else if case.values.share(Look::Book) >= 0.04 {
            // Books' numbers have check digits like those of people, one in eleven of them an X.
            weight *= 0.3;
        } else if case.values.distinct * 4 < case.values.filled {
            // Few values over and over: a code, whatever checksum it passes.
            weight *= 0.6;
        }
    }
    let by_look = by_look(case, label, &coverage);
    if by_look.is_some_and(|(looks, _)| looks > weight) {
        return by_look.map_or_else(nothing, |(weight, text)| Shown {
            weight,
            source: Source::Values,
            text: Some(text.to_owned()),
        });
    }
    if weight <= 0.0 {
        return nothing();
    }
    let (count, verb) = if coverage.fit.checked * 2 > coverage.fit.any {
        (coverage.fit.checked, "pass the check of")
    } else {
        (coverage.fit.any, "have the shape of")
    };
    let format = coverage.format.unwrap_or("it");
    Shown {
        weight,
        source: Source::Values,
        text: Some(if coverage.fit.any == 0 {
            format!(
                "{:.0} % of its values have {label} in them",
                case.values.inside(label) * 100.0
            )
        } else {
            format!("{count} of {} values {verb} {format}", case.values.filled)
        }),
    }
}

/// What shares of values that fit are worth.
fn weight_of(coverage: &Coverage, label: &Label) -> f64 {
    let by_certain: f64 = match coverage.certain {
        share if share >= 0.4 => 96.0,
        share if share >= 0.1 && label.is_secret() => 75.0,
        share if share >= 0.25 => 55.0,
        _ => 0.0,
    };
    let by_checked = match coverage.checked {
        share if share >= 0.8 => 90.0,
        share if share >= 0.55 => 78.0,
        share if share >= 0.35 && !coverage.is_digits => 55.0,
        share if share >= 0.2 && !coverage.is_digits => 30.0,
        _ => 0.0,
    };
    // Streets have words that little else has; other shapes are shared with much.
    let (most, many) = match label {
        Label::StreetAddress => (76.0, 60.0),
        Label::Postcode | Label::Passport | Label::DrivingLicence => (18.0, 8.0),
        Label::PasswordHash | Label::Secret => (34.0, 20.0),
        Label::Custom(_) => (80.0, 60.0),
        Label::Email
        | Label::Phone
        | Label::PersonName
        | Label::BirthDate
        | Label::NationalId
        | Label::TaxId
        | Label::CardNumber
        | Label::CardCode
        | Label::Iban
        | Label::BankAccount
        | Label::IpAddress
        | Label::MacAddress
        | Label::Location
        | Label::Username
        | Label::Health
        | Label::Salary
        | Label::Password
        | Label::FreeText
        | Label::Json
        | Label::Untrusted => (if coverage.is_digits { 22.0 } else { 36.0 }, 15.0),
    };
    let by_shape = match coverage.any {
        share if share >= 0.75 => most,
        share if share >= 0.45 => many,
        _ => 0.0,
    };
    by_certain.max(by_checked).max(by_shape)
}

/// Values with something more around it: `Anna <anna@example.org>`, `home: +49 30 …`. In longer ones it is one thing among
/// others, and the column a text.
fn inside(case: &Case<'_>, label: &Label) -> f64 {
    /// Bytes a value, on average: room for an address and a name around it.
    const BYTES_MAX: usize = 64;
    let samples = &case.profile.samples;
    let bytes: usize = samples.iter().map(String::len).sum();
    let is_short = bytes <= samples.len().saturating_mul(BYTES_MAX);
    let is_text = case.values.share(Look::Prose) >= 0.3 || !is_short;
    if case.values.inside(label) >= 0.5 && !is_text {
        70.0
    } else {
        0.0
    }
}

/// What the look of all values together is worth, where no single one proves anything.
fn by_look(case: &Case<'_>, label: &Label, coverage: &Coverage) -> Option<(f64, &'static str)> {
    let share = |look| case.values.share(look);
    let is_varied = case.values.distinct * 2 >= case.values.filled;
    let has_neighbours = case.neighbours.labelled > 0;
    match label {
        Label::Phone if share(Look::Phone) >= 0.75 && share(Look::PhoneStart) >= 0.7 && is_varied => {
            Some((58.0, "its values are written as telephone numbers"))
        }
        Label::Phone if share(Look::Phone) >= 0.75 && share(Look::Digits) < 0.5 && is_varied => {
            let weight = if share(Look::PhoneStart) >= 0.2 { 54.0 } else { 40.0 };
            Some((weight, "its values are groups of digits as in telephone numbers"))
        }
        Label::NationalId if coverage.any >= 0.85 && !coverage.is_digits && is_varied => {
            Some((57.0, "its values are written as a state's numbers for people"))
        }
        // A bare `user` or `owner` is a person; how people log in tells which part of them.
        Label::Username if is_bare_person(case) && share(Look::Login) >= 0.6 && share(Look::HasDigit) >= 0.2 => {
            Some((68.0, "its values are written as people log in by"))
        }
        Label::StreetAddress if share(Look::Address) + coverage.any >= 0.6 => {
            Some((66.0, "its values are written as postal addresses"))
        }
        Label::StreetAddress if case.values.numbered() + coverage.any >= 0.75 => {
            let weight = if has_neighbours { 54.0 } else { 34.0 };
            Some((weight, "its values are words with a number, as streets with houses"))
        }
        Label::Email
        | Label::Phone
        | Label::PersonName
        | Label::StreetAddress
        | Label::Postcode
        | Label::BirthDate
        | Label::NationalId
        | Label::Passport
        | Label::DrivingLicence
        | Label::TaxId
        | Label::CardNumber
        | Label::CardCode
        | Label::Iban
        | Label::BankAccount
        | Label::IpAddress
        | Label::MacAddress
        | Label::Location
        | Label::Username
        | Label::Health
        | Label::Salary
        | Label::Password
        | Label::PasswordHash
        | Label::Secret
        | Label::FreeText
        | Label::Json
        | Label::Untrusted
        | Label::Custom(_) => None,
    }
}

fn is_bare_person(case: &Case<'_>) -> bool {
    let claims = &case.reading.claims;
    claims
        .iter()
        .any(|claim| claim.label == Label::PersonName && claim.weight < 60)
}

fn person(case: &Case<'_>) -> Shown {
    let (whole, part) = case.values.people();
    let few = case.values.distinct * 10 < case.values.filled && case.values.distinct <= 6;
    let mut weight: f64 = match (whole, whole + part) {
        (share, _) if share >= 0.5 => 76.0,
        (share, _) if share >= 0.3 => 58.0,
        (_, share) if share >= 0.6 => 64.0,
        (_, share) if share >= 0.4 => 45.0,
        (_, share) if share >= 0.25 => 25.0,
        _ => 0.0,
    };
    if few {
        weight *= 0.5;
    }
    // Firms are called after people, and some of them say so.
    if case.values.share(Look::Organisation) >= 0.08 {
        weight *= 0.4;
    }
    if (40.0..60.0).contains(&weight) && case.neighbours.labelled > 0 {
        weight += 12.0;
    }
    Shown {
        weight,
        source: Source::Values,
        text: (weight > 0.0).then(|| {
            format!(
                "{:.0} % of its values look like names of people",
                (whole + part) * 100.0
            )
        }),
    }
}

/// Dates of birth spread over the decades of people's lives.
fn birth(case: &Case<'_>) -> Shown {
    let years = case.values.years();
    let enough = years.len() >= 8 && years.len() * 5 >= case.values.filled * 4;
    let year_at = |part: usize| years.get(years.len() * part / 10).copied().unwrap_or_default();
    let spread = year_at(9).saturating_sub(year_at(1));
    let looks_like_birth =
        enough && spread >= 22 && (1930..=2008).contains(&year_at(5)) && year_at(1) >= 1900 && year_at(9) <= 2012;
    if !looks_like_birth || case.values.share(Look::Moment) > 0.5 {
        return nothing();
    }
    let weight = if case.neighbours.labelled > 0 || case.neighbours.personal() > 0 {
        55.0
    } else {
        34.0
    };
    Shown {
        weight,
        source: Source::Values,
        text: Some(format!(
            "its dates spread from {} to {}, as births do",
            year_at(1),
            year_at(9)
        )),
    }
}

fn prose(case: &Case<'_>, label: &Label) -> Shown {
    let values = &case.values;
    let share = values.share(Look::Prose);
    let varied = values.distinct * 2 >= values.filled;
    let address = values.coverage(&Label::StreetAddress).any + values.share(Look::Address);
    if share < 0.35 || !varied || address >= 0.5 {
        return nothing();
    }
    // What strangers write is theirs even where the column has a plain name.
    let is_theirs = case.subject.is_of_strangers();
    if !claims(case, label) && is_theirs != (*label == Label::Untrusted) {
        return nothing();
    }
    let is_of_thing = case.subject.is_of_things() && values.personal() < 0.05;
    Shown {
        weight: if is_of_thing { 20.0 } else { 62.0 },
        source: Source::Values,
        text: Some(format!("{:.0} % of its values are sentences", share * 100.0)),
    }
}

fn claims(case: &Case<'_>, label: &Label) -> bool {
    case.reading.claims.iter().any(|claim| claim.label == *label)
}

/// What is left of what values show where the name says that they are harmless. Much else passes a check digit by
/// design or by chance; nothing else looks like an email address.
fn unless_harmless(case: &Case<'_>, label: &Label) -> f64 {
    let Some(harmless) = &case.reading.harmless else {
        return 1.0;
    };
    let coverage = case.values.coverage(label);
    let is_of_words = matches!(
        label,
        Label::PersonName | Label::BirthDate | Label::StreetAddress | Label::Location
    );
    let share = if is_of_words {
        0.7
    } else if matches!(label, Label::FreeText | Label::Untrusted) {
        0.5
    } else if *label == Label::IpAddress {
        0.4
    } else if *label == Label::NationalId && !coverage.is_digits {
        // An `id` or `code` may well be that of a person.
        0.15
    } else if coverage.is_digits || coverage.checked < 0.5 {
        0.6
    } else {
        0.1
    };
    1.0 - share * f64::from(harmless.weight) / 100.0
}

/// Whether values are plainly of a label that little else looks like.
pub(super) fn is_plain(case: &Case<'_>, label: &Label) -> bool {
    let coverage = case.values.coverage(label);
    match label {
        Label::Email | Label::Iban | Label::IpAddress | Label::MacAddress | Label::PasswordHash | Label::Custom(_) => {
            coverage.checked >= 0.55
        }
        Label::CardNumber | Label::NationalId | Label::TaxId => coverage.checked >= 0.7,
        Label::Secret => coverage.certain >= 0.5,
        Label::Phone => coverage.checked >= 0.7 && !coverage.is_digits,
        Label::PersonName
        | Label::StreetAddress
        | Label::Postcode
        | Label::BirthDate
        | Label::Passport
        | Label::DrivingLicence
        | Label::CardCode
        | Label::BankAccount
        | Label::Location
        | Label::Username
        | Label::Health
        | Label::Salary
        | Label::Password
        | Label::FreeText
        | Label::Json
        | Label::Untrusted => false,
    }
}
