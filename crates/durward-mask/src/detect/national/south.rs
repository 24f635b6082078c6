//! Australia, New Zealand and Africa.

use super::super::Strength;
use super::super::checksum::{digits, is_month_day, is_uniform, luhn, number, value_in, weighted};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    taxpayer(
        "au-tfn",
        &[],
        &["999 999 999", "999-999-999", "999999999"],
        &["tfn", "taxfile"],
        au_tfn,
    ),
    person(
        "au-medicare",
        &[],
        &["9999 99999 9", "9999-99999-9", "9999999999", "99999999999"],
        &["medicare"],
        au_medicare,
    ),
    taxpayer("au-abn", &[], &["99 999 999 999", "99999999999"], &["abn"], au_abn),
    taxpayer("au-acn", &[], &["999 999 999", "999999999"], &["acn"], au_acn),
    taxpayer(
        "nz-ird",
        &[],
        &["99-999-999", "999-999-999", "99999999", "999999999"],
        &["ird"],
        nz_ird,
    ),
    person("nz-nhi", &[], &["AAA9999"], &["nhi"], nz_nhi),
    person(
        "za-id",
        &[],
        &["999999 9999 999", "9999999999999"],
        &["said", "rsa", "identity"],
        za_id,
    ),
    person(
        "eg-national-id",
        &[],
        &["99999999999999"],
        &["egypt", "القومي"],
        eg_national_id,
    ),
];

/// Australian Taxation Office: modulo 11.
fn au_tfn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    checked(!is_uniform(&digits) && weighted(&digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11))
}

/// Services Australia: 2 to 6 in front, modulo 10, the number of issue and perhaps of the person.
fn au_medicare(text: &[u8]) -> Option<Strength> {
    let (card, person) = text.split_at_checked(10)?;
    let digits = digits::<10>(card)?;
    let is_person = person.first().is_none_or(u8::is_ascii_digit);
    let sum = weighted(&digits[..8], &[1, 3, 7, 9, 1, 3, 7, 9]);
    checked(is_person && (2..=6).contains(&digits[0]) && sum % 10 == digits[8] && digits[9] != 0)
}

/// Australian Business Register: one less in front, modulo 89.
fn au_abn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let sum = weighted(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    checked(digits[0] != 0 && (sum - 10).is_multiple_of(89))
}

/// Australian Securities and Investments Commission: weights 8 to 1, modulo 10.
fn au_acn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let sum = weighted(&digits[..8], &[8, 7, 6, 5, 4, 3, 2, 1]);
    checked((10 - sum % 10) % 10 == digits[8] && !is_uniform(&digits))
}

/// Inland Revenue: modulo 11, with a second row of weights.
fn nz_ird(text: &[u8]) -> Option<Strength> {
    let digits = match digits::<9>(text) {
        Some(digits) => digits,
        None => {
            let [a, b, c, d, e, f, g, h] = digits::<8>(text)?;
            [0, a, b, c, d, e, f, g, h]
        }
    };
    let check = |weights: &[u32]| (11 - weighted(&digits[..8], weights) % 11) % 11;
    let first = check(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let expected = if first == 10 {
        check(&[7, 4, 3, 2, 5, 2, 7, 6])
    } else {
        first
    };
    checked((10_000_000..150_000_000).contains(&number(&digits)) && expected == digits[8])
}

/// HISO 10046: three letters without I and O, weights 7 to 2, modulo 11.
fn nz_nhi(text: &[u8]) -> Option<Strength> {
    let (letters, tail) = text.split_at_checked(3)?;
    let digits = digits::<4>(tail)?;
    let mut sum = weighted(&digits[..3], &[4, 3, 2]);
    for (letter, weight) in letters.iter().zip([7, 6, 5]) {
        sum += (value_in(b"ABCDEFGHJKLMNPQRSTUVWXYZ", *letter)? + 1) * weight;
    }
    checked(!sum.is_multiple_of(11) && (11 - sum % 11) % 10 == digits[3])
}

/// Department of Home Affairs: birth, sex, citizenship, Luhn.
fn za_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let is_date = is_month_day([digits[2], digits[3]], [digits[4], digits[5]]);
    checked(is_date && digits[10] < 3 && luhn(&digits))
}

/// Egypt's Civil Status Organization: century, birth, governorate; its check is not published.
fn eg_national_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<14>(text)?;
    let is_birth = matches!(digits[0], 2 | 3) && is_month_day([digits[3], digits[4]], [digits[5], digits[6]]);
    shape(is_birth && matches!(number(&digits[7..9]), 1..=4 | 11..=19 | 21..=29 | 31..=35 | 88))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("au-tfn", "594 708 726", "594 708 720"),
        ("au-abn", "57 030 217 357", "57 030 217 350"),
        ("au-acn", "779 780 906", "779 780 900"),
        ("nz-ird", "16-118-567", "16-118-560"),
        ("za-id", "4204037539081", "4204037539080"),
        ("au-medicare", "2123 45670 1", "2123 45680 1"),
        ("nz-nhi", "ZZZ0016", "ZZZ0017"),
        ("eg-national-id", "29001011234567", "29013011234567"),
        ("za-id", "8001015009087", "8001015009088"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
