//! Italy, Spain, Portugal, Greece, Turkey and Israel.

use super::super::Strength;
use super::super::checksum::{base36, digits, is_month_day, is_uniform, letter_of, luhn, number, value_in, weighted};
use super::super::number::{Number, checked};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "it-codice-fiscale",
        &["AAAAAA**A**A***A"],
        &[],
        &["codice", "fiscale"],
        it_codice_fiscale,
    ),
    taxpayer(
        "it-partita-iva",
        &[],
        &["99999999999"],
        &["iva", "partita", "piva"],
        it_partita_iva,
    ),
    person(
        "es-dni",
        &["99999999A", "99999999-A"],
        &["99.999.999-A", "99999999 A"],
        &["dni", "nif"],
        es_dni,
    ),
    person(
        "es-nie",
        &["A9999999A", "A-9999999-A"],
        &["A9999999-A"],
        &["nie", "nif"],
        es_nie,
    ),
    taxpayer(
        "es-cif",
        &[],
        &["A9999999*", "A-9999999*", "A99999999"],
        &["cif", "nif"],
        es_cif,
    ),
    taxpayer(
        "pt-nif",
        &[],
        &["999999999", "999 999 999"],
        &["nif", "contribuinte"],
        pt_nif,
    ),
    person("gr-amka", &[], &["99999999999"], &["amka", "αμκα", "ΑΜΚΑ"], gr_amka),
    taxpayer("gr-afm", &[], &["999999999"], &["afm", "αφμ", "ΑΦΜ"], gr_afm),
    person(
        "tr-tckn",
        &[],
        &["99999999999", "999 999 999 99"],
        &["tckn", "tc", "kimlik"],
        tr_tckn,
    ),
    taxpayer("tr-vkn", &[], &["9999999999"], &["vkn", "vergi"], tr_vkn),
    person(
        "il-teudat-zehut",
        &[],
        &["999999999", "99999999-9", "9-9999999-9"],
        &["teudat", "zehut", "tz", "זהות"],
        il_teudat_zehut,
    ),
];

/// Ministero delle Finanze, decree of 23 December 1976: name, birth, sex, place, and a check letter; letters may stand
/// for digits where two people would get the same code.
fn it_codice_fiscale(text: &[u8]) -> Option<Strength> {
    /// What characters in odd places count, by their value in even ones.
    const ODD: &[u8] = &[
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let text: &[u8; 16] = text.try_into().ok()?;
    let mut plain = *text;
    for place in [6, 7, 9, 10, 12, 13, 14] {
        let byte = plain.get_mut(place)?;
        if byte.is_ascii_uppercase() {
            *byte = letter_of(b"0123456789", value_in(b"LMNPQRSTUV", *byte)?)?;
        }
    }
    let day = number(&digits::<2>(&plain[9..11])?) % 40;
    let is_born = b"ABCDEHLMPRST".contains(&plain[8]) && (1..=31).contains(&day);
    let mut sum = 0;
    for (place, byte) in text[..15].iter().enumerate() {
        let value = base36(*byte)?;
        let value = if value > 9 { value - 10 } else { value };
        sum += if place % 2 == 0 {
            u32::from(letter_of(ODD, value)?)
        } else {
            value
        };
    }
    checked(is_born && letter_of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", sum % 26) == Some(text[15]))
}

/// Agenzia delle Entrate: Luhn; a zero company is not given out.
fn it_partita_iva(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    checked(luhn(&digits) && number(&digits[..7]) != 0 && !is_uniform(&digits))
}

const DNI_LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Dirección General de la Policía: the number modulo 23 as a letter.
fn es_dni(text: &[u8]) -> Option<Strength> {
    let (letter, head) = text.split_last()?;
    let digits = digits::<8>(head)?;
    let rest = u32::try_from(number(&digits) % 23).ok()?;
    checked(!is_uniform(&digits) && letter_of(DNI_LETTERS, rest) == Some(*letter))
}

/// Dirección General de la Policía: foreigners' numbers, X, Y and Z as 0, 1 and 2.
fn es_nie(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 9] = text.try_into().ok()?;
    let first = letter_of(b"012", value_in(b"XYZ", text[0])?)?;
    let digits = digits::<7>(&text[1..8])?;
    let number = number(&digits) + u64::from(first - b'0') * 10_000_000;
    checked(letter_of(DNI_LETTERS, u32::try_from(number % 23).ok()?) == Some(text[8]))
}

/// Agencia Tributaria: kind of company, Luhn over seven digits, the check as digit or letter by kind.
fn es_cif(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 9] = text.try_into().ok()?;
    let digits = digits::<7>(&text[1..8])?;
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 0 {
                digit * 2 / 10 + digit * 2 % 10
            } else {
                *digit
            }
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    let as_digit = letter_of(b"0123456789", check) == Some(text[8]);
    let as_letter = letter_of(b"JABCDEFGHI", check) == Some(text[8]);
    checked(match text[0] {
        b'A' | b'B' | b'E' | b'H' => as_digit,
        b'K' | b'P' | b'Q' | b'S' | b'R' | b'N' | b'W' => as_letter,
        b'C' | b'D' | b'F' | b'G' | b'J' | b'L' | b'M' | b'U' | b'V' => as_digit || as_letter,
        _no_kind => false,
    })
}

/// Autoridade Tributária: kind of taxpayer, modulo 11, weights 9 to 2.
fn pt_nif(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let is_kind = matches!(digits[0], 1..=3 | 5 | 6 | 8)
        || matches!(
            number(&digits[..2]),
            45 | 70..=72 | 74 | 75 | 77 | 79 | 90 | 91 | 98 | 99
        );
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    checked(is_kind && (11 - sum % 11) % 11 % 10 == digits[8])
}

/// Greek social security: birth and Luhn.
fn gr_amka(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    checked(is_month_day([digits[2], digits[3]], [digits[0], digits[1]]) && luhn(&digits))
}

/// Independent Authority for Public Revenue: powers of two as weights, modulo 11, modulo 10.
fn gr_afm(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let sum = weighted(&digits[..8], &[256, 128, 64, 32, 16, 8, 4, 2]);
    checked(sum % 11 % 10 == digits[8] && !is_uniform(&digits))
}

/// Nüfus ve Vatandaşlık İşleri: two checks, from odd and even places and from the sum.
fn tr_tckn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let odd = weighted(&digits[..9], &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&digits[..9], &[0, 1, 0, 1, 0, 1, 0, 1, 0]);
    let tenth = (odd * 7 + 100 - even) % 10;
    let eleventh = digits[..10].iter().sum::<u32>() % 10;
    checked(digits[0] != 0 && tenth == digits[9] && eleventh == digits[10])
}

/// Gelir İdaresi Başkanlığı: each digit raised by its place and multiplied by a power of two, modulo 9.
fn tr_vkn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum: u32 = digits[..9]
        .iter()
        .zip((1..=9).rev())
        .map(|(digit, place)| {
            let raised = (digit + place) % 10;
            match (raised, raised * (1 << place) % 9) {
                (0, _) => 0,
                (_, 0) => 9,
                (_, rest) => rest,
            }
        })
        .sum();
    checked(!is_uniform(&digits) && (10 - sum % 10) % 10 == digits[9])
}

/// Population and Immigration Authority: Luhn.
fn il_teudat_zehut(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    checked(luhn(&digits) && !is_uniform(&digits))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("it-codice-fiscale", "RSSMRX75H41F205R", "RSSMRX75H41F205A"),
        ("it-partita-iva", "00963090576", "00963090570"),
        ("es-dni", "31097615M", "31097615A"),
        ("es-nie", "X8999133S", "X8999133A"),
        ("es-cif", "B31762768", "B31762760"),
        ("pt-nif", "296844373", "296844370"),
        ("gr-amka", "03058285838", "03058285830"),
        ("gr-afm", "372616966", "372616960"),
        ("tr-tckn", "92471794946", "92471794940"),
        ("tr-vkn", "0334058907", "0334058900"),
        ("il-teudat-zehut", "091691048", "091691040"),
        ("es-dni", "54362315-K", "54362315-L"),
        ("it-codice-fiscale", "RCCMNL83S18D969H", "RCCMNL83S18D969I"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
