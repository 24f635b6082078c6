//! Numbers with checksums, and dates.

use super::random::Random;

/// A card number from the ranges that payment companies set aside for tests, with a valid check digit (Luhn).
pub(super) fn card_number(random: &mut Random) -> String {
    let (prefix, length) = *random.pick(&[
        ("424242", 16),
        ("400000", 16),
        ("555555", 16),
        ("222300", 16),
        ("378282", 15),
    ]);
    let body = format!("{prefix}{}", random.digits(length - 1 - prefix.len()));
    format!("{body}{}", luhn_digit(&body))
}

/// The digit that makes `body` followed by it valid under the Luhn formula (ISO/IEC 7812-1 annex B).
fn luhn_digit(body: &str) -> u32 {
    let sum: u32 = body
        .chars()
        .rev()
        .filter_map(|digit| digit.to_digit(10))
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit) {
            (0, 0..=4) => digit * 2,
            (0, _) => digit * 2 - 9,
            _ => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A German account number with valid check digits (ISO 13616).
pub(super) fn iban(random: &mut Random) -> String {
    let account = random.digits(18);
    // "DE00" moves to the end, letters become numbers: D = 13, E = 14.
    let remainder = format!("{account}131400")
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .fold(0, |rest, digit| (rest * 10 + digit) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

/// The calendar date `days` after 2023-01-01, as `YYYY-MM-DD`.
pub(super) fn date(days: u64) -> String {
    // Days from 0000-03-01, so that leap days end a year (H. Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 738_826;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A moment `minutes` after 2023-01-01 00:00 UTC.
pub(super) fn moment(minutes: u64) -> String {
    format!(
        "{} {:02}:{:02}:00+00",
        date(minutes / 1_440),
        minutes / 60 % 24,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_published_examples() {
        assert_eq!(luhn_digit("424242424242424"), 2);
        assert_eq!(luhn_digit("37828224631000"), 5);
        let mut random = Random::for_table("test");
        for _ in 0..100 {
            let iban = iban(&mut random);
            let (head, tail) = iban.split_at(4);
            let number = format!("{tail}1314{}", &head[2..]);
            let rest = number
                .chars()
                .filter_map(|digit| digit.to_digit(10))
                .fold(0, |rest, digit| (rest * 10 + digit) % 97);
            assert_eq!(rest, 1, "{iban}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "2023-01-01");
        assert_eq!(date(58), "2023-02-28");
        assert_eq!(date(59), "2023-03-01");
        assert_eq!(date(365 + 59), "2024-02-29");
        assert_eq!(date(3 * 365 + 1), "2026-01-01");
        assert_eq!(moment(1_441), "2023-01-02 00:01:00+00");
    }
}
