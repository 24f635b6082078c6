//! France, Germany, Austria, Switzerland and the Low Countries.

use super::super::Strength;
use super::super::checksum::{
    base36, digits, is_day_of_month, is_month_day, is_uniform, luhn, mod_11_10, number, verhoeff, weighted,
};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "fr-nir",
        &["999999*99999999", "9 99 99 9* 999 999 99", "9 99 99 9* 999 999 - 99"],
        &[],
        &["nir", "insee", "curit"],
        fr_nir,
    ),
    taxpayer(
        "fr-spi",
        &[],
        &["9999999999999", "99 99 999 999 999"],
        &["spi", "fiscal"],
        fr_spi,
    ),
    taxpayer("fr-siren", &[], &["999 999 999", "999999999"], &["siren"], fr_siren),
    taxpayer(
        "fr-siret",
        &[],
        &["999 999 999 99999", "99999999999999"],
        &["siret"],
        fr_siret,
    ),
    taxpayer(
        "de-steuer-id",
        &[],
        &["99999999999", "99 999 999 999"],
        &["steuer", "idnr", "tin", "identifikationsnummer"],
        de_steuer_id,
    ),
    person(
        "de-rentenversicherungsnummer",
        &["99 999999 A 999"],
        &["99999999A999", "99 999999 A999"],
        &["rente", "sozialversicherung", "rvnr", "svnr", "versicherung"],
        de_pension,
    ),
    person(
        "de-kvnr",
        &[],
        &["A999999999"],
        &["versicherten", "krankenvers", "kvnr", "egk"],
        de_health,
    ),
    person(
        "de-ausweisnummer",
        &[],
        &["*********9", "*********"],
        &["ausweis", "perso", "personalausweis"],
        de_card,
    ),
    person(
        "at-svnr",
        &[],
        &["9999 999999", "9999999999"],
        &["svnr", "sozialversicherung", "versicherung"],
        at_svnr,
    ),
    person(
        "ch-ahv",
        &["999.9999.9999.99", "9999999999999"],
        &["999 9999 9999 99"],
        &["ahv", "avs"],
        ch_ahv,
    ),
    taxpayer(
        "ch-uid",
        &["AAA-999.999.999"],
        &["AAA999999999"],
        &["uid", "mwst"],
        ch_uid,
    ),
    person(
        "nl-bsn",
        &[],
        &["999999999", "9999.99.999", "9999 99 999"],
        &["bsn", "burgerservice", "sofi"],
        nl_bsn,
    ),
    person(
        "be-nrn",
        &["99.99.99-999.99"],
        &["99999999999", "99 99 99 999 99", "999999-999-99", "999999 999 99"],
        &["rijksregister", "national", "nrn", "niss", "insz"],
        be_nrn,
    ),
    person(
        "lu-matricule",
        &["9999999999999"],
        &["9999 9999 99999"],
        &["matricule"],
        lu_matricule,
    ),
];

/// INSEE: sex, year, month, department (Corsica's with a letter), and a key modulo 97.
fn fr_nir(text: &[u8]) -> Option<Strength> {
    let mut plain: [u8; 15] = text.try_into().ok()?;
    // The key is computed as if Corsica's departments were 19 and 18.
    match (plain[5], plain[6]) {
        (b'2', b'A') => (plain[5], plain[6]) = (b'1', b'9'),
        (b'2', b'B') => (plain[5], plain[6]) = (b'1', b'8'),
        _other_department => {}
    }
    let digits = digits::<15>(&plain)?;
    let month = number(&digits[3..5]);
    let is_person = matches!(digits[0], 1..=4 | 7 | 8) && matches!(month, 1..=12 | 20..=42 | 50..=99);
    checked(is_person && 97 - number(&digits[..13]) % 97 == number(&digits[13..]))
}

/// Direction générale des Finances publiques: the last three digits are the others modulo 511.
fn fr_spi(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    checked(digits[0] < 4 && number(&digits[..10]) % 511 == number(&digits[10..]) && !is_uniform(&digits))
}

/// INSEE: Luhn.
fn fr_siren(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    checked(luhn(&digits) && !is_uniform(&digits))
}

/// INSEE: a SIREN, a place's number, Luhn.
fn fr_siret(text: &[u8]) -> Option<Strength> {
    let digits = digits::<14>(text)?;
    checked(luhn(&digits) && luhn(&digits[..9]) && !is_uniform(&digits[..9]))
}

/// Bundeszentralamt für Steuern: one digit stands twice or three times in the first ten, the others at most once; MOD
/// 11,10.
fn de_steuer_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let counts = (0..10).map(|value| digits[..10].iter().filter(|digit| **digit == value).count());
    let (mut repeated, mut most) = (0, 0);
    for count in counts {
        repeated += usize::from(count > 1);
        most = most.max(count);
    }
    checked(digits[0] != 0 && repeated == 1 && most <= 3 && mod_11_10(&digits))
}

/// Deutsche Rentenversicherung (VKVV, section 4): area, birth, first letter of the name, serial; weighted cross sums.
fn de_pension(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 12] = text.try_into().ok()?;
    let birth = digits::<8>(&text[..8])?;
    let tail = digits::<3>(&text[9..])?;
    let letter = base36(text[8])?.checked_sub(9)?;
    let values = [&birth[..], &[letter / 10, letter % 10], &tail[..2]].concat();
    let sum: u32 = values
        .iter()
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    // Serial days (from 32 on) are given where a date ran out of numbers.
    let is_date = (1..=12).contains(&number(&birth[4..6])) && number(&birth[2..4]) != 0;
    checked(is_date && sum % 10 == tail[2])
}

/// Gesetzliche Krankenversicherung (SGB V, section 290): a letter as two digits, weights 1 and 2, cross sums, modulo
/// 10.
fn de_health(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 10] = text.try_into().ok()?;
    let letter = base36(text[0])?.checked_sub(9)?;
    let digits = digits::<9>(&text[1..])?;
    let values = [&[letter / 10, letter % 10], &digits[..8]].concat();
    let sum: u32 = values
        .iter()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    checked(sum % 10 == digits[8] && !is_uniform(&digits))
}

/// Bundesdruckerei: identity cards' serial numbers, of digits and consonants; with their check digit (ICAO Doc 9303) or
/// without.
fn de_card(text: &[u8]) -> Option<Strength> {
    let (serial, check) = text.split_at_checked(9)?;
    let is_serial = serial
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte))
        && serial.first().is_some_and(u8::is_ascii_uppercase)
        && serial.iter().any(u8::is_ascii_digit);
    let mut sum = 0;
    for (byte, weight) in serial.iter().zip([7, 3, 1].into_iter().cycle()) {
        sum += base36(*byte)? * weight;
    }
    match check.first().map(|byte| base36(*byte)) {
        Some(check) => checked(is_serial && check == Some(sum % 10)),
        None => shape(is_serial),
    }
}

/// Dachverband der Sozialversicherungsträger: the fourth digit checks serial and birth, modulo 11.
fn at_svnr(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    // Months 13 to 15 are given where a date ran out of serials.
    let is_date = (1..=31).contains(&number(&digits[4..6])) && (1..=15).contains(&number(&digits[6..8]));
    checked(digits[0] != 0 && is_date && sum % 11 == digits[3])
}

/// Zentrale Ausgleichsstelle: Switzerland's country code 756, and the check of EAN-13.
fn ch_ahv(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let sum = weighted(&digits[..12], &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    checked(number(&digits[..3]) == 756 && (10 - sum % 10) % 10 == digits[12])
}

/// Bundesamt für Statistik: `CHE`, modulo 11.
fn ch_uid(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text.strip_prefix(b"CHE")?)?;
    let sum = weighted(&digits[..8], &[5, 4, 3, 2, 7, 6, 5, 4]);
    checked((11 - sum % 11) % 11 == digits[8])
}

/// Rijksdienst voor Identiteitsgegevens: the test of eleven, weights 9 to 2 and minus 1.
fn nl_bsn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    checked(!is_uniform(&digits) && sum % 11 == digits[8])
}

/// Rijksregister: birth, serial, and 97 less the rest by 97, with a 2 in front for those born from 2000 on.
fn be_nrn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let (payload, check) = (number(&digits[..9]), number(&digits[9..]));
    // Months are raised by 20 or 40 where no citizenship stands behind the number; day and month may be unknown.
    let month = number(&digits[2..4]) % 20;
    let is_date = month <= 12 && number(&digits[4..6]) <= 31;
    let is_valid = [payload, payload + 2_000_000_000]
        .iter()
        .any(|payload| 97 - payload % 97 == check);
    checked(is_date && is_valid)
}

/// Centre des technologies de l'information de l'État: birth, serial, Luhn's check and then Verhoeff's, each over the
/// first eleven digits.
fn lu_matricule(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let is_birth = (1850..=2050).contains(&number(&digits[..4]))
        && is_month_day([digits[4], digits[5]], [digits[6], digits[7]])
        && is_day_of_month(1, 1);
    let with_verhoeff = [&digits[..11], &digits[12..]].concat();
    checked(is_birth && luhn(&digits[..12]) && verhoeff(&with_verhoeff))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("fr-nir", "170037559436922", "170037559436920"),
        ("fr-spi", "0644434293440", "0644434293441"),
        ("fr-siren", "005460456", "005460450"),
        ("fr-siret", "14631654245386", "14631654245380"),
        ("de-steuer-id", "54 209 134 874", "54 209 134 870"),
        ("at-svnr", "5454110768", "5454110760"),
        ("ch-ahv", "756.3518.2702.88", "756.3518.2702.80"),
        ("ch-uid", "CHE-892.840.874", "CHE-892.840.870"),
        ("nl-bsn", "679188976", "679188970"),
        ("be-nrn", "87.11.13-182.71", "87.11.13-182.70"),
        ("fr-nir", "2 94 03 75 120 005 91", "2 94 03 75 120 005 92"),
        ("fr-nir", "180012A00400564", "180012A00400565"),
        ("fr-nir", "1 80 01 2B 004 005 91", "1 80 01 2A 004 005 91"),
        ("de-rentenversicherungsnummer", "15070649C103", "15070649C104"),
        ("de-kvnr", "A123456780", "A123456781"),
        ("de-ausweisnummer", "L01X00T471", "L01X00T472"),
        ("lu-matricule", "1893120105732", "1893120105733"),
        ("be-nrn", "85.07.30-033.28", "85.07.30-033.29"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
