//! What values show against a name's claim.

use durward_model::Label;

use super::super::TypeCategory;
use super::super::look::Look;
use super::super::values::{is_of_many_numbers, share as share_of};
use super::Case;

/// What speaks against a claim.
#[derive(Debug)]
pub(super) struct Against {
    /// What is left of the claim: less than 1.
    pub(super) factor: f64,
    pub(super) text: String,
}

/// What values show against a name's claim.
pub(super) fn against(case: &Case<'_>, label: &Label) -> Option<Against> {
    if !case.has_telling_values() {
        return None;
    }
    let values = &case.values;
    let share = |look| values.share(look);
    let none = |what: &str| Some((0.3, format!("few of its values {what}")));
    let all = |what: &str, factor: f64| Some((factor, format!("its values are {what}")));
    let covered = values.coverage(label).any.max(values.inside(label));
    let of_type = match case.profile.column_type.category {
        TypeCategory::Text | TypeCategory::Other => true,
        TypeCategory::Integer
        | TypeCategory::Numeric
        | TypeCategory::Boolean
        | TypeCategory::Date
        | TypeCategory::Timestamp
        | TypeCategory::Uuid
        | TypeCategory::Json
        | TypeCategory::Inet
        | TypeCategory::Macaddr
        | TypeCategory::Bytes
        | TypeCategory::Point
        | TypeCategory::Enum
        | TypeCategory::Hstore
        | TypeCategory::Xml => false,
    };
    if !of_type {
        return against_number(case, label).map(|(factor, text)| Against { factor, text });
    }
    let dates = share(Look::Date) + share(Look::Moment);
    let is_credential = matches!(label, Label::Password | Label::PasswordHash | Label::Secret);
    // Numbers with wrong check digits are still meant as such: test data have them, and typing errors.
    let has_form = if *label == Label::Iban {
        covered + share(Look::Account) >= 0.2
    } else if *label == Label::CardNumber {
        covered + share(Look::LongNumber) >= 0.2
    } else {
        covered >= 0.2 || !matches!(label, Label::IpAddress | Label::MacAddress)
    };
    let of_digits = is_of_many_numbers(label) || *label == Label::Postcode;
    let found = if share(Look::Boolean) >= 0.9 {
        all("yes or no", 0.2)
    } else if is_credential && dates >= 0.8 {
        all("dates", 0.2)
    } else if *label == Label::Email && covered < 0.2 {
        none("are email addresses")
    } else if !has_form {
        none("have its form")
    } else if *label == Label::Location && covered < 0.2 && share(Look::Number) < 0.5 {
        none("are coordinates")
    } else if *label == Label::BirthDate && dates < 0.3 && share(Look::HasDigit) < 0.6 {
        none("are dates")
    } else if *label == Label::Phone && covered < 0.2 && long_digits(case) < 0.3 {
        none("have the digits of a phone number")
    } else if *label == Label::Salary && share(Look::Number) < 0.5 {
        none("are amounts")
    } else if *label == Label::CardCode && share(Look::Digits) < 0.5 || of_digits && share(Look::HasDigit) < 0.5 {
        none("have digits")
    } else if *label == Label::Secret && !is_random(case) {
        none("look random")
    } else if is_in_words(label) {
        against_words(case, label)
    } else {
        None
    };
    found.map(|(factor, text)| Against { factor, text })
}

/// Labels of data that are written in words.
const fn is_in_words(label: &Label) -> bool {
    matches!(
        label,
        Label::PersonName | Label::Username | Label::StreetAddress | Label::Health | Label::FreeText | Label::Untrusted
    )
}

fn against_words(case: &Case<'_>, label: &Label) -> Option<(f64, String)> {
    let share = |look| case.values.share(look);
    let all = |what: &str, factor: f64| Some((factor, format!("its values are {what}")));
    if share(Look::Uuid) >= 0.8 {
        return all("uuids", 0.2);
    }
    if share(Look::Date) + share(Look::Moment) >= 0.8 {
        return all("dates", 0.3);
    }
    if share(Look::Url) >= 0.8 {
        return all("addresses of pages or files", 0.3);
    }
    if share(Look::Digest) >= 0.8 {
        return all("digests", 0.3);
    }
    if share(Look::Number) >= 0.8 && *label != Label::Health && *label != Label::StreetAddress {
        return all("numbers", 0.4);
    }
    let few = case.has_few_words();
    let is_address = *label == Label::StreetAddress && case.values.coverage(label).any >= 0.2;
    if few && *label != Label::Health && !is_address {
        return all("a few words over and over", 0.45);
    }
    if *label == Label::PersonName {
        let (whole, part) = case.values.people();
        let is_bare = case
            .reading
            .claims
            .iter()
            .any(|claim| claim.label == *label && claim.weight < 60);
        if share(Look::HasDigit) >= 0.6 {
            return all("words with digits", 0.5);
        }
        if share(Look::Prose) >= 0.5 {
            return all("sentences", 0.3);
        }
        if is_bare && whole + part < 0.1 {
            return all("unlike names of people", 0.5);
        }
    }
    None
}

/// Numbers have few forms, but amounts of a few digits are no phone numbers.
fn against_number(case: &Case<'_>, label: &Label) -> Option<(f64, String)> {
    let is_number = matches!(
        label,
        Label::Phone | Label::NationalId | Label::CardNumber | Label::BankAccount | Label::Passport | Label::TaxId
    );
    (is_number && long_digits(case) < 0.3).then(|| (0.3, "its numbers are short".to_owned()))
}

/// The share of samples with at least six digits.
fn long_digits(case: &Case<'_>) -> f64 {
    let long = case
        .profile
        .samples
        .iter()
        .filter(|sample| sample.chars().filter(|letter| letter.is_numeric()).count() >= 6)
        .count();
    share_of(long, case.profile.samples.len())
}

/// Whether values may be keys and tokens: long and mixed, or short codes of digits.
fn is_random(case: &Case<'_>) -> bool {
    let values = &case.values;
    values.share(Look::Random) >= 0.4
        || values.share(Look::Digits) >= 0.5
        || values.coverage(&Label::Secret).any >= 0.3
        || values.inside(&Label::Secret) >= 0.3
        || values.share(Look::HasDigit) >= 0.7 && values.share(Look::Words) < 0.3 && values.distinct * 2 > values.filled
}
