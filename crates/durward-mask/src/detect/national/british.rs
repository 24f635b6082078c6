//! The United Kingdom and Ireland.

use durward_model::Label;

use super::super::Strength;
use super::super::checksum::{digits, is_month_day, is_uniform, letter_of, value_in, weighted};
use super::super::number::{Number, checked};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "uk-nino",
        &["AA 99 99 99 A"],
        &["AA999999A", "AA-99-99-99-A", "AA 999999 A"],
        &["nino", "insurance", "ni"],
        uk_nino,
    ),
    person(
        "uk-nhs",
        &[],
        &["999 999 9999", "999-999-9999", "9999999999"],
        &["nhs", "patient"],
        uk_nhs,
    ),
    Number {
        name: "uk-driving-licence",
        label: Label::DrivingLicence,
        clear: &["*****999999*****"],
        bare: &[],
        cues: &["licence", "driving", "driver"],
        check: uk_driving_licence,
    },
    taxpayer(
        "uk-utr",
        &[],
        &["9999999999", "99999 99999", "999 999 9999"],
        &["utr", "taxpayer"],
        uk_utr,
    ),
    person(
        "ie-pps",
        &["9999999AA"],
        &["9999999A"],
        &["pps", "ppsn", "pps-number"],
        ie_pps,
    ),
];

/// HM Revenue & Customs, NIM39110: letters that are not given out, and the suffix A to D. There is no check, but few
/// other things look like this.
fn uk_nino(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 9] = text.try_into().ok()?;
    let prefix = [text[0], text[1]];
    let is_given = !prefix.iter().any(|letter| b"DFIQUV".contains(letter))
        && prefix[1] != b'O'
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&prefix);
    checked(is_given && matches!(text[8], b'A'..=b'D'))
}

/// NHS Data Dictionary: modulo 11, weights 10 to 2; 10 is not given out.
fn uk_nhs(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let sum = weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    checked((11 - sum % 11) % 11 == digits[9] && !is_uniform(&digits))
}

/// Driver and Vehicle Licensing Agency: five letters of the name (9 for none), the birth's year around its month (women
/// add 50) and day, initials, and two computed letters; the rule of the latter is not published.
fn uk_driving_licence(text: &[u8]) -> Option<Strength> {
    let (name, rest) = text.split_at_checked(5)?;
    let (birth, rest) = rest.split_at_checked(6)?;
    let (initials, computed) = rest.split_at_checked(2)?;
    let birth = digits::<6>(birth)?;
    let is_name = |letters: &[u8]| {
        let length = letters.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        letters.iter().skip(length).all(|byte| *byte == b'9')
    };
    let is_date = is_month_day([birth[1] % 5, birth[2]], [birth[3], birth[4]]);
    let [_serial, computed @ ..] = computed else {
        return None;
    };
    let has_letters = name.first().is_some_and(u8::is_ascii_uppercase) && computed.iter().all(u8::is_ascii_uppercase);
    checked(is_name(name) && is_name(initials) && has_letters && is_date && computed.len() == 2)
}

/// HM Revenue & Customs: the first digit checks the others, modulo 11.
fn uk_utr(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let rest = weighted(&digits[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    checked(letter_of(b"21987654321", rest) == text.first().copied() && !is_uniform(&digits))
}

/// Department of Social Protection: modulo 23, weights 8 to 2, and 9 for a second letter from 2013 on (before, W, T and
/// X told of spouses and did not count).
fn ie_pps(text: &[u8]) -> Option<Strength> {
    const LETTERS: &[u8] = b"WABCDEFGHIJKLMNOPQRSTUV";
    let (head, letters) = text.split_at_checked(7)?;
    let digits = digits::<7>(head)?;
    let (check, second) = match letters {
        [check] => (*check, 0),
        [check, b'W' | b'T' | b'X'] => (*check, 0),
        [check, second @ (b'A' | b'B' | b'H')] => (*check, value_in(LETTERS, *second)?),
        [..] => return None,
    };
    let sum = weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    checked(letter_of(LETTERS, sum % 23) == Some(check))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("uk-nhs", "598 982 8217", "598 982 8210"),
        ("uk-utr", "5012280292", "5012280290"),
        ("ie-pps", "6433435F", "6433435G"),
        ("uk-nino", "AB 12 34 56 C", "DB 12 34 56 C"),
        ("uk-nino", "AB123456C", "AB123456E"),
        ("uk-driving-licence", "MORGA657054SM9IJ", "MORGA613054SM9IJ"),
        ("ie-pps", "6433435FW", "6433435GW"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
