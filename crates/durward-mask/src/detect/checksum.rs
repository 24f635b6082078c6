//! Checksums and dates that many formats share.

/// The values of exactly `N` decimal digits.
pub(super) fn digits<const N: usize>(text: &[u8]) -> Option<[u32; N]> {
    let bytes: &[u8; N] = text.try_into().ok()?;
    bytes
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| bytes.map(|byte| u32::from(byte - b'0')))
}

/// The number that digits stand for. Saturates.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number: u64, digit| {
        number.saturating_mul(10).saturating_add(u64::from(*digit))
    })
}

/// The sum of digits times their weights, for as many as have one.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The place of a byte in an alphabet, as its value.
pub(super) fn value_in(alphabet: &[u8], byte: u8) -> Option<u32> {
    let place = alphabet.iter().position(|letter| *letter == byte)?;
    u32::try_from(place).ok()
}

/// The byte of a value in an alphabet.
pub(super) fn letter_of(alphabet: &[u8], value: u32) -> Option<u8> {
    alphabet.get(usize::try_from(value).ok()?).copied()
}

/// A digit's value, or 10 and on for `A` and on (upper case).
pub(super) fn base36(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(36).filter(|_| !byte.is_ascii_lowercase())
}

/// Luhn's formula over digits of which the last is the check (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The system MOD 11,10 over digits of which the last is the check (ISO/IEC 7064).
pub(super) fn mod_11_10(digits: &[u32]) -> bool {
    let Some((check, payload)) = digits.split_last() else {
        return false;
    };
    let product = payload.iter().fold(10, |product, digit| {
        let sum = match (product + digit) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// Verhoeff's check over digits of which the last is the check: multiplication in the dihedral group D5, with the
/// permutation of J. Verhoeff, "Error Detecting Decimal Codes" (1969).
pub(super) fn verhoeff(digits: &[u32]) -> bool {
    let sum = digits
        .iter()
        .rev()
        .zip(0_u32..)
        .fold(0, |sum, (digit, place)| dihedral(sum, permuted(*digit, place % 8)));
    sum == 0
}

/// The product in D5, with the rotations as 0 to 4 and the reflections as 5 to 9.
fn dihedral(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right) % 5 + 5,
        (false, true) => (left + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// Verhoeff's permutation, applied a number of times: the cycle (1 5 8 9 4 2 7 0) and (3 6).
fn permuted(digit: u32, times: u32) -> u32 {
    (0..times).fold(digit, |digit, _| {
        letter_of(&[1, 5, 7, 6, 2, 8, 3, 0, 9, 4], digit).map_or(digit, u32::from)
    })
}

/// The remainder by 97 of letters and digits, letters as 10 to 35 (ISO/IEC 7064, MOD 97-10).
pub(super) fn mod_97(text: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0;
    for byte in text {
        let value = base36(byte)?;
        rest = (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    Some(rest)
}

/// Whether a day can be in a month, in some year.
pub(super) fn is_day_of_month(month: u32, day: u32) -> bool {
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether two digits of a month and two of a day can be a date.
pub(super) fn is_month_day(month: [u32; 2], day: [u32; 2]) -> bool {
    let [month, day] = [month, day].map(|[tens, ones]| tens * 10 + ones);
    is_day_of_month(month, day)
}

/// Whether all digits are the same, as placeholders are.
pub(super) fn is_uniform(digits: &[u32]) -> bool {
    digits
        .windows(2)
        .all(|pair| matches!(pair, [left, right] if left == right))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every change of one digit must break the checks that promise to notice it.
    fn check(is_valid: fn(&[u32]) -> bool, valid: &[u8]) {
        let mut given: Vec<u32> = valid.iter().map(|byte| u32::from(byte - b'0')).collect();
        assert!(is_valid(&given), "{given:?}");
        for place in 0..given.len() {
            for change in 1..10 {
                given[place] = (given[place] + change) % 10;
                assert!(!is_valid(&given), "{given:?}");
                given[place] = (given[place] + 10 - change) % 10;
            }
        }
    }

    #[test]
    fn luhn_of_the_standards_example() {
        check(luhn, b"79927398713");
    }

    #[test]
    fn mod_11_10_of_the_standards_example() {
        check(mod_11_10, b"07945");
    }

    #[test]
    fn verhoeff_of_a_known_number() {
        check(verhoeff, b"2363");
        check(verhoeff, b"123451");
    }

    #[test]
    fn days_of_months() {
        for (month, day, expected) in [
            (2, 29, true),
            (2, 30, false),
            (4, 31, false),
            (12, 31, true),
            (13, 1, false),
            (1, 0, false),
        ] {
            assert_eq!(is_day_of_month(month, day), expected, "{month}-{day}");
        }
    }
}
