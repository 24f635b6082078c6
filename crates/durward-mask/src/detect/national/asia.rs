//! Asia.

use super::super::Strength;
use super::super::checksum::{
    base36, digits, is_day_of_month, is_month_day, is_uniform, letter_of, luhn, number, value_in, verhoeff, weighted,
};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "in-aadhaar",
        &[],
        &["9999 9999 9999", "9999-9999-9999", "999999999999"],
        &["aadhaar", "aadhar", "uidai"],
        in_aadhaar,
    ),
    taxpayer("in-pan", &[], &["AAAAA9999A"], &["pan", "pancard"], in_pan),
    taxpayer("in-gstin", &["99AAAAA9999A***"], &[], &["gstin"], in_gstin),
    person(
        "cn-resident-id",
        &["99999999999999999*"],
        &["999999 99999999 999*"],
        &["身份证", "shenfenzheng"],
        cn_resident_id,
    ),
    person(
        "jp-my-number",
        &[],
        &["999999999999", "9999 9999 9999", "9999-9999-9999"],
        &["mynumber", "kojin", "マイナンバー", "個人番号"],
        jp_my_number,
    ),
    person(
        "kr-rrn",
        &[],
        &["999999-9999999", "9999999999999"],
        &["rrn", "jumin", "주민등록번호"],
        kr_rrn,
    ),
    taxpayer(
        "kr-brn",
        &[],
        &["999-99-99999", "9999999999"],
        &["brn", "사업자등록번호"],
        kr_brn,
    ),
    person(
        "tw-national-id",
        &[],
        &["A999999999"],
        &["身分證", "身份證"],
        tw_national_id,
    ),
    person(
        "hk-hkid",
        &["A999999(*)", "AA999999(*)"],
        &["A999999*", "AA999999*"],
        &["hkid", "identity"],
        hk_hkid,
    ),
    person("sg-nric", &["A9999999A"], &[], &["nric", "fin"], sg_nric),
    person(
        "th-national-id",
        &["9-9999-99999-99-9", "9 9999 99999 99 9"],
        &["9999999999999"],
        &["thai", "ประชาชน"],
        th_national_id,
    ),
    person(
        "my-mykad",
        &[],
        &["999999-99-9999", "999999999999"],
        &["mykad", "nric", "kad", "ic"],
        my_mykad,
    ),
    person(
        "id-nik",
        &[],
        &["9999999999999999", "999999 999999 9999"],
        &["nik", "ktp"],
        id_nik,
    ),
    person(
        "pk-cnic",
        &[],
        &["99999-9999999-9", "9999999999999"],
        &["cnic", "nadra"],
        pk_cnic,
    ),
    person(
        "ir-melli",
        &[],
        &["9999999999", "999-999999-9"],
        &["melli", "ملی"],
        ir_melli,
    ),
    person(
        "sa-national-id",
        &[],
        &["9999999999"],
        &["iqama", "saudi", "الهوية"],
        sa_national_id,
    ),
    person(
        "ae-emirates-id",
        &["999-9999-9999999-9"],
        &["999999999999999"],
        &["emirates", "eid"],
        ae_emirates_id,
    ),
    person("kw-civil-id", &[], &["999999999999"], &["civil"], kw_civil_id),
];

/// Unique Identification Authority of India: Verhoeff; none begins with 0 or 1.
fn in_aadhaar(text: &[u8]) -> Option<Strength> {
    let digits = digits::<12>(text)?;
    checked(digits[0] > 1 && verhoeff(&digits) && !is_uniform(&digits))
}

/// Income Tax Department: the fourth letter is the kind of holder. The check letter's rule is not published, but few
/// other things look like this.
fn in_pan(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 10] = text.try_into().ok()?;
    checked(b"ABCEFGHJKLPT".contains(&text[3]) && text[5..9] != *b"0000")
}

/// Goods and Services Tax Network: state, PAN, entity, Z, and Luhn's formula modulo 36.
fn in_gstin(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 15] = text.try_into().ok()?;
    let state = number(&digits::<2>(&text[..2])?);
    let mut sum = 0;
    for (byte, factor) in text[..14].iter().zip([1, 2].into_iter().cycle()) {
        let product = base36(*byte)? * factor;
        sum += product / 36 + product % 36;
    }
    checked(
        (1..=38).contains(&state) && in_pan(&text[2..12]).is_some() && base36(text[14]) == Some((36 - sum % 36) % 36),
    )
}

/// GB 11643-1999: division, birth, serial, and ISO 7064's MOD 11-2.
fn cn_resident_id(text: &[u8]) -> Option<Strength> {
    let (check, head) = text.split_last()?;
    let digits = digits::<17>(head)?;
    let is_region =
        matches!(number(&digits[..2]), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91);
    let is_birth = (1850..=2050).contains(&number(&digits[6..10]))
        && is_month_day([digits[10], digits[11]], [digits[12], digits[13]]);
    let sum = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    checked(is_region && is_birth && letter_of(b"10X98765432", sum % 11) == Some(*check))
}

/// Ministry of Internal Affairs and Communications, ordinance 85 of 2014: modulo 11.
fn jp_my_number(text: &[u8]) -> Option<Strength> {
    let digits = digits::<12>(text)?;
    let expected = match weighted(&digits[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    checked(expected == digits[11] && !is_uniform(&digits))
}

/// Ministry of the Interior and Safety: birth, sex and century; a check modulo 11 for numbers given before October
/// 2020, nothing since.
fn kr_rrn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let is_birth = is_month_day([digits[2], digits[3]], [digits[4], digits[5]]);
    let sum = weighted(&digits[..12], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    if (11 - sum % 11) % 10 == digits[12] {
        checked(is_birth)
    } else {
        shape(is_birth)
    }
}

/// National Tax Service: weights 1, 3, 7, and the tens of the last product.
fn kr_brn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits[..9], &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + digits[8] * 5 / 10;
    checked((10 - sum % 10) % 10 == digits[9] && !is_uniform(&digits))
}

/// Ministry of the Interior: a letter as two digits, sex, weights 1, 9 to 1, and 1.
fn tw_national_id(text: &[u8]) -> Option<Strength> {
    // The letters' values were given in the order in which the counties were named, from 10 on.
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let (letter, rest) = text.split_first()?;
    let value = value_in(LETTERS, *letter)? + 10;
    let digits = digits::<9>(rest)?;
    let sum = value / 10 + value % 10 * 9 + weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    checked(matches!(digits[0], 1 | 2 | 8 | 9) && sum.is_multiple_of(10))
}

/// Immigration Department: one or two letters (a space counts as 36), weights 9 to 1, modulo 11, 10 as A.
fn hk_hkid(text: &[u8]) -> Option<Strength> {
    let (head, check) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let (letters, tail) = head.split_at_checked(head.len().checked_sub(6)?)?;
    let digits = digits::<6>(tail)?;
    let (first, second) = match letters {
        [second] => (36, base36(*second)?),
        [first, second] => (base36(*first)?, base36(*second)?),
        [..] => return None,
    };
    let check = check.first().and_then(|byte| value_in(b"0123456789A", *byte))?;
    let sum = first * 9 + second * 8 + weighted(&digits, &[7, 6, 5, 4, 3, 2]) + check;
    checked(sum.is_multiple_of(11))
}

/// Immigration & Checkpoints Authority: weights 2, 7 to 2, modulo 11, with letters by series.
fn sg_nric(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 9] = text.try_into().ok()?;
    let sum = weighted(&digits::<7>(&text[1..8])?, &[2, 7, 6, 5, 4, 3, 2]);
    let (start, letters) = match text[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _no_series => return None,
    };
    checked(letter_of(letters, (sum + start) % 11) == Some(text[8]))
}

/// Department of Provincial Administration: weights 13 to 2, modulo 11, modulo 10.
fn th_national_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    let sum = weighted(&digits[..12], &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    checked((1..=8).contains(&digits[0]) && (11 - sum % 11) % 10 == digits[12] && !is_uniform(&digits))
}

/// Jabatan Pendaftaran Negara: birth, place, serial; without a check.
fn my_mykad(text: &[u8]) -> Option<Strength> {
    let digits = digits::<12>(text)?;
    let is_place = !matches!(number(&digits[6..8]), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97);
    shape(is_place && is_month_day([digits[2], digits[3]], [digits[4], digits[5]]))
}

/// Direktorat Jenderal Kependudukan: province, district, birth (women add 40 to the day), serial; without a check.
fn id_nik(text: &[u8]) -> Option<Strength> {
    let digits = digits::<16>(text)?;
    let day = u32::try_from(number(&digits[6..8]) % 40).ok()?;
    let month = u32::try_from(number(&digits[8..10])).ok()?;
    shape((11..=96).contains(&number(&digits[..2])) && is_day_of_month(month, day) && number(&digits[12..]) != 0)
}

/// NADRA: province 1 to 7, family, sex; without a check.
fn pk_cnic(text: &[u8]) -> Option<Strength> {
    let digits = digits::<13>(text)?;
    shape((1..=7).contains(&digits[0]) && digits[12] != 0)
}

/// Iran's civil registration: modulo 11, weights 10 to 2.
fn ir_melli(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let expected = match weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
        rest @ (0 | 1) => rest,
        rest => 11 - rest,
    };
    checked(!is_uniform(&digits) && number(&digits[..3]) != 0 && expected == digits[9])
}

/// Saudi Arabia's National Information Center: 1 for citizens and 2 for residents, Luhn.
fn sa_national_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    checked(matches!(digits[0], 1 | 2) && luhn(&digits))
}

/// Federal Authority for Identity: 784, year of birth, serial, Luhn.
fn ae_emirates_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<15>(text)?;
    checked(number(&digits[..3]) == 784 && (1900..=2050).contains(&number(&digits[3..7])) && luhn(&digits))
}

/// Kuwait's Public Authority for Civil Information: century, birth, serial, modulo 11.
fn kw_civil_id(text: &[u8]) -> Option<Strength> {
    let digits = digits::<12>(text)?;
    let is_birth = matches!(digits[0], 2 | 3) && is_month_day([digits[3], digits[4]], [digits[5], digits[6]]);
    let sum = weighted(&digits[..11], &[2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    checked(is_birth && 11 - sum % 11 == digits[11])
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("in-aadhaar", "3149 9721 3196", "3149 9721 3190"),
        ("in-gstin", "27UAJPO5002B1ZM", "27UAJPO5002B1ZA"),
        ("cn-resident-id", "11010519491231002X", "110105194912310020"),
        ("jp-my-number", "0786 9691 5740", "0786 9691 5741"),
        ("kr-rrn", "810627-1048366", "811327-1048366"),
        ("kr-brn", "116-82-00276", "116-82-00277"),
        ("th-national-id", "5-6494-05520-27-5", "5-6494-05520-27-0"),
        ("in-pan", "ABCPE1234F", "ABCDE1234F"),
        ("tw-national-id", "A123456789", "A123456788"),
        ("hk-hkid", "A123456(3)", "A123456(4)"),
        ("hk-hkid", "AB987654(3)", "AB987654(4)"),
        ("sg-nric", "S1234567D", "S1234567E"),
        ("sg-nric", "T1234567J", "T1234567K"),
        ("sg-nric", "F1234567N", "F1234567P"),
        ("sg-nric", "G1234567X", "G1234567W"),
        ("sg-nric", "M1234567K", "M1234567L"),
        ("my-mykad", "800101-14-5678", "801301-14-5678"),
        ("id-nik", "3171234101900001", "3171234113900001"),
        ("pk-cnic", "35202-1234567-1", "95202-1234567-1"),
        ("ir-melli", "0079531369", "0079531360"),
        ("sa-national-id", "1012345672", "1012345673"),
        ("ae-emirates-id", "784-1980-1234567-8", "784-1980-1234567-9"),
        ("kw-civil-id", "280101012341", "280101012342"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
