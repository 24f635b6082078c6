//! The Nordic and Baltic countries.

use super::super::Strength;
use super::super::checksum::{digits, is_month_day, letter_of, luhn, number, weighted};
use super::super::number::{Number, checked, shape};
use super::person;

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "se-personnummer",
        &[],
        &[
            "999999-9999",
            "999999+9999",
            "9999999999",
            "99999999-9999",
            "999999999999",
        ],
        &["personnummer", "pnr", "personnr", "samordningsnummer"],
        se_personnummer,
    ),
    person(
        "no-fodselsnummer",
        &[],
        &["99999999999", "999999 99999"],
        &["dselsnummer", "fodselsnummer", "fnr", "personnummer"],
        no_birth_number,
    ),
    person(
        "dk-cpr",
        &[],
        &["999999-9999", "9999999999"],
        &["cpr", "personnummer"],
        dk_cpr,
    ),
    person(
        "fi-hetu",
        &["999999-999A", "999999A999*"],
        &["999999-9999", "999999+999*"],
        &["hetu", "tunnus"],
        fi_hetu,
    ),
    person(
        "is-kennitala",
        &[],
        &["999999-9999", "9999999999"],
        &["kennitala", "kt"],
        is_kennitala,
    ),
    person("ee-isikukood", &[], &["99999999999"], &["isikukood"], ee_lt_code),
    person(
        "lt-asmens-kodas",
        &[],
        &["99999999999"],
        &["asmens", "kodas"],
        ee_lt_code,
    ),
    person(
        "lv-personas-kods",
        &[],
        &["999999-99999", "99999999999"],
        &["personas", "kods"],
        lv_code,
    ),
];

/// Skatteverket: birth (coordination numbers add 60 to the day), Luhn over the ten last digits.
fn se_personnummer(text: &[u8]) -> Option<Strength> {
    let century = text.len().checked_sub(10)?;
    let digits = digits::<10>(text.get(century..)?)?;
    let is_century = century == 0 || text.starts_with(b"19") || text.starts_with(b"20") || text.starts_with(b"18");
    let day = number(&digits[4..6]);
    let day = if day > 60 { day - 60 } else { day };
    let is_date = is_month_day([digits[2], digits[3]], [0, u32::try_from(day).ok()?]);
    checked(is_century && is_date && luhn(&digits))
}

/// Skatteetaten: birth (D-numbers add 40 to the day, synthetic ones 40 or 80 to the month), two checks modulo 11.
fn no_birth_number(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let is_date = is_month_day([digits[2] % 4, digits[3]], [digits[0] % 4, digits[1]]);
    let first = (11 - weighted(&digits[..9], &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let second = (11 - weighted(&digits[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    checked(is_date && digits[0] < 8 && first == digits[9] && second == digits[10])
}

/// Det Centrale Personregister: birth; modulo 11 for numbers given before 2007, nothing since.
fn dk_cpr(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let is_date = is_month_day([digits[2], digits[3]], [digits[0], digits[1]]);
    let sum = weighted(&digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    if sum.is_multiple_of(11) {
        checked(is_date)
    } else {
        shape(is_date)
    }
}

/// Digi- ja väestötietovirasto: birth, century, serial, and all digits modulo 31 as a character.
fn fi_hetu(text: &[u8]) -> Option<Strength> {
    // The sign of the century is gone if it was a dash or a plus.
    let (birth, rest) = text.split_at_checked(6)?;
    let rest = match rest {
        [b'A'..=b'F' | b'U'..=b'Y', rest @ ..] if rest.len() == 4 => rest,
        rest => rest,
    };
    let (check, serial) = rest.split_last()?;
    let birth = digits::<6>(birth)?;
    let serial = digits::<3>(serial)?;
    let rest = u32::try_from((number(&birth) * 1000 + number(&serial)) % 31).ok()?;
    let is_date = is_month_day([birth[2], birth[3]], [birth[0], birth[1]]);
    checked(is_date && letter_of(b"0123456789ABCDEFHJKLMNPRSTUVWXY", rest) == Some(*check))
}

/// Þjóðskrá: birth (companies add 40 to the day), modulo 11, century.
fn is_kennitala(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let is_date = is_month_day([digits[2], digits[3]], [digits[0] % 4, digits[1]]);
    let sum = weighted(&digits[..8], &[3, 2, 7, 6, 5, 4, 3, 2]);
    checked(is_date && matches!(digits[9], 0 | 8 | 9) && (11 - sum % 11) % 11 == digits[8])
}

/// Estonia's standard EVS 585 and Lithuania's law on the population register: sex and century, birth, serial, modulo 11
/// with a second row of weights.
fn ee_lt_code(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let is_date = is_month_day([digits[3], digits[4]], [digits[5], digits[6]]) && (1..=8).contains(&digits[0]);
    let rest = match weighted(&digits[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(&digits[..10], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        rest => rest,
    };
    checked(is_date && rest == digits[10])
}

/// Pilsonības un migrācijas lietu pārvalde: birth and serial, modulo 11; those from 2017 on begin with 32 and hide the
/// birth.
fn lv_code(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    if number(&digits[..2]) == 32 {
        return shape(true);
    }
    let is_date = is_month_day([digits[2], digits[3]], [digits[0], digits[1]]) && digits[6] < 3;
    let sum = weighted(&digits[..10], &[1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    checked(is_date && (1101 - sum) % 11 % 10 == digits[10])
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("se-personnummer", "870725-4523", "870725-4520"),
        ("no-fodselsnummer", "26078322445", "26078322440"),
        ("dk-cpr", "211062-5629", "321062-5629"),
        ("fi-hetu", "020786-021T", "020786-021A"),
        ("is-kennitala", "110664-3119", "110664-3111"),
        ("ee-isikukood", "32102102086", "32102102080"),
        ("lt-asmens-kodas", "37011104369", "37011104360"),
        ("lv-personas-kods", "161175-19997", "161175-19998"),
        ("fi-hetu", "131052-308T", "131052-308U"),
        ("fi-hetu", "131052A308T", "131052A308U"),
        ("se-personnummer", "19811218-9876", "19811218-9875"),
        ("se-personnummer", "811218-9876", "811318-9876"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
