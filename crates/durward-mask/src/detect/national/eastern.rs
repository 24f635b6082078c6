//! Russia and its neighbours.

use super::super::Strength;
use super::super::checksum::{digits, is_month_day, is_uniform, number, weighted};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "ru-snils",
        &["999-999-999 99", "999-999-999-99"],
        &["99999999999"],
        &["snils", "снилс", "СНИЛС"],
        ru_snils,
    ),
    taxpayer(
        "ru-inn",
        &[],
        &["999999999999", "9999999999"],
        &["inn", "инн", "ИНН"],
        ru_inn,
    ),
    person(
        "ru-passport",
        &[],
        &["9999 999999", "99 99 999999", "9999999999"],
        &["passport", "паспорт", "Паспорт"],
        ru_passport,
    ),
    taxpayer(
        "ua-rnokpp",
        &[],
        &["9999999999"],
        &["rnokpp", "рнокпп", "РНОКПП", "ipn", "іпн", "ІПН"],
        ua_rnokpp,
    ),
    person(
        "kz-iin",
        &[],
        &["999999999999"],
        &["iin", "жсн", "ЖСН", "иин", "ИИН"],
        kz_iin,
    ),
    person("md-idnp", &[], &["9999999999999"], &["idnp"], md_idnp),
];

/// Социальный фонд России: weights 9 to 1, modulo 101; for numbers above 001-001-998.
fn ru_snils(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let sum = weighted(&digits[..9], &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    checked(number(&digits[..9]) > 1_001_998 && u64::from(sum) == number(&digits[9..]))
}

/// Федеральная налоговая служба: ten digits with one check for companies, twelve with two for people; modulo 11,
/// modulo 10.
fn ru_inn(text: &[u8]) -> Option<Strength> {
    if let Some(digits) = digits::<10>(text) {
        let sum = weighted(&digits[..9], &[2, 4, 10, 3, 5, 9, 4, 6, 8]);
        return checked(sum % 11 % 10 == digits[9] && number(&digits[..2]) != 0 && !is_uniform(&digits));
    }
    let digits = digits::<12>(text)?;
    let first = weighted(&digits[..10], &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let second = weighted(&digits[..11], &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    checked(number(&digits[..2]) != 0 && first == digits[10] && second == digits[11])
}

/// Internal passports: region, year of print, number; without a check.
fn ru_passport(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    shape(number(&digits[..2]) != 0 && matches!(number(&digits[2..4]), 0..=35 | 97..=99) && !is_uniform(&digits))
}

/// Державна податкова служба: days since 1899, serial, modulo 11, modulo 10, the first weight being minus 1.
fn ua_rnokpp(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits[..9], &[10, 5, 7, 9, 4, 6, 10, 5, 7]);
    checked(digits[0] != 0 && sum % 11 % 10 == digits[9] && !is_uniform(&digits))
}

/// Kazakhstan's Ministry of Justice: birth, century, serial, places as weights modulo 11, with a second row of weights.
fn kz_iin(text: &[u8]) -> Option<Strength> {
    let digits = digits::<12>(text)?;
    let is_date = is_month_day([digits[2], digits[3]], [digits[4], digits[5]]) && digits[6] < 7;
    let rest = match weighted(&digits[..11], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11 {
        10 => weighted(&digits[..11], &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11,
        rest => rest,
    };
    checked(is_date && rest == digits[11])
}

/// Moldova's Agenția Servicii Publice: a 2 or 0, weights 7, 3, 1, modulo 10.
fn md_idnp(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let sum = weighted(&digits[..12], &[7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1]);
    checked(matches!(digits[0], 0 | 2) && sum % 10 == digits[12] && !is_uniform(&digits))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("ru-inn", "779241999491", "779241999490"),
        ("ru-inn", "7739750758", "7739750750"),
        ("ua-rnokpp", "3520286805", "3520286800"),
        ("ru-snils", "112-233-445 95", "112-233-445 96"),
        ("ru-passport", "45 04 123456", "00 04 123456"),
        ("kz-iin", "900701350124", "900701350125"),
        ("md-idnp", "2000004123455", "2000004123456"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
