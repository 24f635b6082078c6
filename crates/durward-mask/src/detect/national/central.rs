//! Central and south-eastern Europe.

use super::super::Strength;
use super::super::checksum::{base36, digits, is_month_day, is_uniform, mod_11_10, number, weighted};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person("pl-pesel", &[], &["99999999999"], &["pesel"], pl_pesel),
    taxpayer(
        "pl-nip",
        &[],
        &["999-999-99-99", "999-99-99-999", "9999999999"],
        &["nip"],
        pl_nip,
    ),
    taxpayer("pl-regon", &[], &["999999999"], &["regon"], pl_regon),
    person(
        "pl-dowod",
        &[],
        &["AAA999999", "AAA 999999"],
        &["dowod", "osobisty"],
        pl_dowod,
    ),
    person(
        "cz-rodne-cislo",
        &[],
        &["999999/9999", "9999999999", "999999/999", "999999999"],
        &["rodne", "rodn", "slo"],
        cz_birth_number,
    ),
    taxpayer(
        "hu-adoazonosito",
        &[],
        &["9999999999"],
        &["ado", "azonos"],
        hu_tax_number,
    ),
    person(
        "hu-taj",
        &[],
        &["999999999", "999 999 999", "999-999-999"],
        &["taj"],
        hu_taj,
    ),
    person(
        "hu-szemelyi-szam",
        &[],
        &["9-999999-9999", "9 999999 9999", "99999999999"],
        &["szem", "lyi"],
        hu_person,
    ),
    person("ro-cnp", &[], &["9999999999999"], &["cnp"], ro_cnp),
    person("bg-egn", &[], &["9999999999"], &["egn", "егн", "ЕГН"], bg_egn),
    person("hr-oib", &[], &["99999999999"], &["oib"], hr_oib),
    person(
        "si-emso",
        &[],
        &["9999999999999"],
        &["emso", "jmbg", "матични", "ematični"],
        si_emso,
    ),
    taxpayer("si-davcna", &[], &["99999999"], &["davcna", "davčna"], si_tax_number),
];

/// Ministerstwo Cyfryzacji: birth (the month tells the century), serial, weights 1, 3, 7, 9, modulo 10.
fn pl_pesel(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let sum = weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    let is_date = is_month_day([digits[2] % 2, digits[3]], [digits[4], digits[5]]);
    checked(is_date && (10 - sum % 10) % 10 == digits[10])
}

/// Ministerstwo Finansów: modulo 11; 10 is not given out.
fn pl_nip(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]);
    checked(sum % 11 == digits[9] && number(&digits[..3]) != 0 && !is_uniform(&digits))
}

/// Główny Urząd Statystyczny: modulo 11, modulo 10.
fn pl_regon(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let sum = weighted(&digits[..8], &[8, 9, 2, 3, 4, 5, 6, 7]);
    checked(sum % 11 % 10 == digits[8] && !is_uniform(&digits))
}

/// Identity cards: three letters and six digits of which the first checks the others; weights 7, 3, 1, modulo 10.
fn pl_dowod(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 9] = text.try_into().ok()?;
    let mut sum = 0;
    for (byte, weight) in text.iter().zip([7, 3, 1, 0, 7, 3, 1, 7, 3]) {
        sum += base36(*byte)? * weight;
    }
    let is_card = text[..3]
        .iter()
        .all(|byte| byte.is_ascii_uppercase() && !b"OQ".contains(byte));
    checked(is_card && Some(sum % 10) == base36(text[3]))
}

/// Law 133/2000 (Czechia) and 301/1995 (Slovakia): birth (women add 50 to the month, and 20 where serials ran out), all
/// a multiple of 11 from 1954 on; before, there was no check.
fn cz_birth_number(text: &[u8]) -> Option<Strength> {
    let is_date = |digits: &[u32]| {
        let month = number(digits.get(2..4).unwrap_or_default()) % 50;
        let month = u32::try_from(if month > 20 { month - 20 } else { month }).unwrap_or(0);
        matches!(digits, [_, _, _, _, tens, ones, ..] if is_month_day([0, month], [*tens, *ones]))
    };
    if let Some(digits) = digits::<9>(text) {
        return shape(is_date(&digits) && number(&digits[..2]) < 54);
    }
    let digits = digits::<10>(text)?;
    // Some numbers before 1986 whose rest would be 10 end in 0.
    checked(is_date(&digits) && number(&digits[..9]) % 11 % 10 == u64::from(digits[9]))
}

/// Nemzeti Adó- és Vámhivatal: an 8, the days since 1867, and places as weights, modulo 11.
fn hu_tax_number(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits[..9], &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    checked(digits[0] == 8 && sum % 11 == digits[9])
}

/// Hungarian social security: weights 3 and 7, modulo 10.
fn hu_taj(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    checked(!is_uniform(&digits) && weighted(&digits[..8], &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == digits[8])
}

/// Law XX of 1996: sex and century, birth, serial, modulo 11; places as weights, counted from the end for those born
/// from 1997 on.
fn hu_person(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let is_date = (1..=8).contains(&digits[0]) && is_month_day([digits[3], digits[4]], [digits[5], digits[6]]);
    let rising = weighted(&digits[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let falling = weighted(&digits[..10], &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    let is_late = matches!(digits[0], 3 | 4) || number(&digits[1..3]) >= 97;
    checked(is_date && (if is_late { falling } else { rising }) == digits[10])
}

/// Direcția pentru Evidența Persoanelor: sex and century, birth, county, modulo 11; 10 as 1.
fn ro_cnp(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let is_date = digits[0] != 0 && is_month_day([digits[3], digits[4]], [digits[5], digits[6]]);
    let is_county = matches!(number(&digits[7..9]), 1..=52 | 70 | 80..=83);
    let rest = match weighted(&digits[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        rest => rest,
    };
    checked(is_date && is_county && rest == digits[12])
}

/// ГРАО: birth (20 or 40 on the month tell the century), modulo 11, modulo 10.
fn bg_egn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let is_date = digits[2] < 6 && is_month_day([digits[2] % 2, digits[3]], [digits[4], digits[5]]);
    let sum = weighted(&digits[..9], &[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    checked(is_date && sum % 11 % 10 == digits[9])
}

/// Porezna uprava: MOD 11,10.
fn hr_oib(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    checked(mod_11_10(&digits) && !is_uniform(&digits))
}

/// The number of all countries of the former Yugoslavia: birth with three digits of the year, region, modulo 11.
fn si_emso(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let is_birth = is_month_day([digits[2], digits[3]], [digits[0], digits[1]]) && matches!(digits[4], 9 | 0);
    let sum = weighted(&digits[..12], &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    checked(is_birth && (11 - sum % 11) % 11 == digits[12])
}

/// Finančna uprava: modulo 11, weights 8 to 2; 10 as 0.
fn si_tax_number(text: &[u8]) -> Option<Strength> {
    let digits = digits::<8>(text)?;
    let sum = weighted(&digits[..7], &[8, 7, 6, 5, 4, 3, 2]);
    let check = 11 - sum % 11;
    checked(digits[0] != 0 && check < 11 && check % 10 == digits[7] && !is_uniform(&digits))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("pl-pesel", "31050384473", "31050384470"),
        ("pl-nip", "462-467-10-70", "462-467-10-71"),
        ("pl-regon", "709202516", "709202510"),
        ("cz-rodne-cislo", "611208/6189", "611208/6180"),
        ("ro-cnp", "1750206121547", "1750206121540"),
        ("bg-egn", "5703203768", "5703203760"),
        ("hr-oib", "04295010964", "04295010960"),
        ("si-emso", "0101006500006", "0101006500007"),
        ("si-davcna", "15532305", "15532300"),
        ("pl-dowod", "ABA 300000", "ABA 400000"),
        ("hu-adoazonosito", "8071592153", "8071592154"),
        ("hu-taj", "123456788", "123456789"),
        ("hu-szemelyi-szam", "1-800101-0016", "1-801301-0014"),
        ("cz-rodne-cislo", "736028/5163", "736028/5164"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
