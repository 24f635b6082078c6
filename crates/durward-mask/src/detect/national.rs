//! Numbers that states give to people and taxpayers, by region. Each has its check computed as its issuer says.
//!
//! Cost: arithmetic over at most 20 characters.

mod america;
mod asia;
mod british;
mod central;
mod eastern;
mod mediterranean;
mod nordic;
mod south;
mod western;

use durward_model::Label;

use super::Strength;
use super::number::Number;

/// Every national format.
pub(super) fn numbers() -> impl Iterator<Item = &'static Number> + Clone {
    [
        america::NUMBERS,
        asia::NUMBERS,
        british::NUMBERS,
        central::NUMBERS,
        eastern::NUMBERS,
        mediterranean::NUMBERS,
        nordic::NUMBERS,
        south::NUMBERS,
        western::NUMBERS,
    ]
    .into_iter()
    .flatten()
}

/// A person's number: its name, the pictures that are clear in running text, those that need a cue, the cues, the
/// check.
const fn person(
    name: &'static str,
    clear: &'static [&'static str],
    bare: &'static [&'static str],
    cues: &'static [&'static str],
    check: fn(&[u8]) -> Option<Strength>,
) -> Number {
    Number {
        name,
        label: Label::NationalId,
        clear,
        bare,
        cues,
        check,
    }
}

/// A taxpayer's number, given like a person's.
const fn taxpayer(
    name: &'static str,
    clear: &'static [&'static str],
    bare: &'static [&'static str],
    cues: &'static [&'static str],
    check: fn(&[u8]) -> Option<Strength>,
) -> Number {
    Number {
        name,
        label: Label::TaxId,
        clear,
        bare,
        cues,
        check,
    }
}

/// The examples of every region.
#[cfg(test)]
pub(super) fn examples() -> [&'static [super::tests::Example]; 9] {
    [
        america::tests::EXAMPLES,
        asia::tests::EXAMPLES,
        british::tests::EXAMPLES,
        central::tests::EXAMPLES,
        eastern::tests::EXAMPLES,
        mediterranean::tests::EXAMPLES,
        nordic::tests::EXAMPLES,
        south::tests::EXAMPLES,
        western::tests::EXAMPLES,
    ]
}
