//! Numbers with the checksums that real ones have.

use super::random::Random;

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn values(digits: &str) -> Vec<u64> {
    digits.bytes().map(|byte| u64::from(byte - b'0')).collect()
}

fn weighted(digits: &str, weights: &[u64]) -> u64 {
    values(digits)
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum()
}

/// The digit that makes a number pass the Luhn check.
fn luhn(digits: &str) -> u64 {
    let sum: u64 = values(digits)
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, doubled) => doubled / 10 + doubled % 10,
            _ => *digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A payment card's number.
pub(crate) fn card(random: &mut Random) -> String {
    let prefix = random.pick(&["4532", "4716", "4929", "5425", "5188", "2223", "4024"]);
    let body = format!("{prefix}{}", random.digits(11));
    format!("{body}{}", luhn(&body))
}

/// An IBAN of Germany, Spain, France, the Netherlands, Italy or Poland.
pub(crate) fn iban(random: &mut Random, country: &str) -> String {
    let account = match country {
        "es" => random.digits(20),
        "fr" => random.digits(23),
        "nl" => format!("{}{}", random.pick(&["ABNA", "INGB", "RABO"]), random.digits(10)),
        "it" => format!("{}{}", random.signs(UPPER, 1), random.digits(22)),
        "pl" => random.digits(24),
        _ => random.digits(18),
    };
    let code = if matches!(country, "es" | "fr" | "nl" | "it" | "pl") {
        country
    } else {
        "de"
    }
    .to_uppercase();
    let remainder = format!("{account}{code}00").bytes().fold(0, |rest: u64, byte| {
        let value = if byte.is_ascii_digit() {
            u64::from(byte - b'0')
        } else {
            u64::from(byte - b'A') + 10
        };
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    });
    format!("{code}{:02}{account}", 98 - remainder)
}

fn day(random: &mut Random) -> (u64, u64, u64) {
    (random.within(1940, 1999), random.within(1, 12), random.within(1, 28))
}

/// A national identifier of a country.
pub(crate) fn national(random: &mut Random, country: &str) -> String {
    let (year, month, day) = day(random);
    let yymmdd = format!("{:02}{month:02}{day:02}", year % 100);
    let ddmmyy = format!("{day:02}{month:02}{:02}", year % 100);
    match country {
        "us" => format!(
            "{:03}-{:02}-{:04}",
            random.within(1, 665),
            random.within(1, 99),
            random.within(1, 9999)
        ),
        "us-plain" => format!(
            "{:03}{:02}{:04}",
            random.within(1, 665),
            random.within(1, 99),
            random.within(1, 9999)
        ),
        "uk" => {
            let letters = random.pick(&["AB", "CE", "JK", "NP", "SX"]);
            format!("{letters}{}{}", random.digits(6), random.pick(&["A", "B", "C", "D"]))
        }
        "br" => {
            let body = random.digits(9);
            let check = |digits: &str, top: u64| {
                let weights: Vec<u64> = (2..=top).rev().collect();
                match weighted(digits, &weights) % 11 {
                    0 | 1 => 0,
                    rest => 11 - rest,
                }
            };
            let first = check(&body, 10);
            let second = check(&format!("{body}{first}"), 11);
            let plain = format!("{body}{first}{second}");
            format!("{}.{}.{}-{}", &plain[..3], &plain[3..6], &plain[6..9], &plain[9..])
        }
        "es" => {
            let number = random.within(10_000_000, 99_999_999);
            let letter = b"TRWAGMYFPDXBNJZSQVHLCKE"[usize::try_from(number % 23).unwrap()];
            format!("{number}{}", char::from(letter))
        }
        "fr" => {
            let body = format!(
                "{}{:02}{month:02}{:02}{:03}{:03}",
                random.within(1, 2),
                year % 100,
                random.within(1, 95),
                random.within(1, 500),
                random.within(1, 999)
            );
            let key = 97 - body.parse::<u64>().unwrap() % 97;
            format!("{body}{key:02}")
        }
        "it" => codice_fiscale(random, year, month, day),
        "se" => {
            let body = format!("{yymmdd}{:03}", random.within(100, 999));
            format!("{yymmdd}-{}{}", &body[6..], luhn(&body))
        }
        "no" => loop {
            let body = format!("{ddmmyy}{:03}", random.within(100, 499));
            let first = (11 - weighted(&body, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
            let second = (11 - weighted(&format!("{body}{first}"), &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
            if first < 10 && second < 10 {
                break format!("{body}{first}{second}");
            }
        },
        "dk" => format!("{ddmmyy}-{}", random.digits(4)),
        "fi" => {
            let number = random.within(2, 899);
            let sum: u64 = format!("{ddmmyy}{number:03}").parse().unwrap();
            let sign = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[usize::try_from(sum % 31).unwrap()];
            format!("{ddmmyy}-{number:03}{}", char::from(sign))
        }
        "pl" => {
            let body = format!("{yymmdd}{}", random.digits(4));
            format!(
                "{body}{}",
                (10 - weighted(&body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10
            )
        }
        "cs" => loop {
            let number: u64 = format!("{yymmdd}{}", random.digits(4)).parse().unwrap();
            if number.is_multiple_of(11) {
                let plain = format!("{number:010}");
                break format!("{}/{}", &plain[..6], &plain[6..]);
            }
        },
        "ro" => {
            let body = format!(
                "{}{yymmdd}{:02}{:03}",
                random.within(1, 2),
                random.within(1, 46),
                random.within(1, 999)
            );
            let rest = weighted(&body, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
            format!("{body}{}", if rest == 10 { 1 } else { rest })
        }
        "nl" => loop {
            let body = random.digits(8);
            let check = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            if check < 10 {
                break format!("{body}{check}");
            }
        },
        "tr" => {
            let digits = values(&random.digits(9));
            let odd: u64 = digits.iter().step_by(2).sum();
            let even: u64 = digits.iter().skip(1).step_by(2).sum();
            let tenth = (odd * 7 + 100 - even) % 10;
            let last = (digits.iter().sum::<u64>() + tenth) % 10;
            let body: String = digits.iter().map(ToString::to_string).collect();
            format!("{body}{tenth}{last}")
        }
        "zh" => {
            let body = format!(
                "{}{year}{month:02}{day:02}{:03}",
                random.pick(&["110101", "310104", "440106", "510107"]),
                random.within(1, 999)
            );
            let sum = weighted(&body, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
            format!(
                "{body}{}",
                char::from(b"10X98765432"[usize::try_from(sum % 11).unwrap()])
            )
        }
        "ko" => {
            let body = format!("{yymmdd}{}{}", random.within(1, 2), random.digits(5));
            let check = (11 - weighted(&body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10;
            format!("{}-{}{check}", &body[..6], &body[6..])
        }
        "id" => format!(
            "{}{ddmmyy}{:04}",
            random.pick(&["317101", "327304", "357802"]),
            random.within(1, 40)
        ),
        "ru" => {
            let body = random.digits(9);
            let rest = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101;
            let check = if rest == 100 { 0 } else { rest };
            format!("{}-{}-{} {check:02}", &body[..3], &body[3..6], &body[6..])
        }
        other => panic!("no national identifier of {other}"),
    }
}

/// Italy's code, but for the letters of the name, which are any consonants.
fn codice_fiscale(random: &mut Random, year: u64, month: u64, day: u64) -> String {
    const ODD: [u64; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let months = b"ABCDEHLMPRST";
    let letter = char::from(months[usize::try_from(month - 1).unwrap()]);
    let body = format!(
        "{}{:02}{letter}{day:02}{}{:03}",
        random.signs("BCDFGLMNPRST", 6),
        year % 100,
        random.pick(&["H", "F", "L", "A"]),
        random.within(100, 899)
    );
    let sum: u64 = body
        .bytes()
        .enumerate()
        .map(|(place, byte)| {
            let value = if byte.is_ascii_digit() {
                usize::from(byte - b'0')
            } else {
                usize::from(byte - b'A') + 10
            };
            if place % 2 == 0 {
                ODD[value]
            } else {
                (value as u64) - if value > 9 { 10 } else { 0 }
            }
        })
        .sum();
    format!("{body}{}", char::from(b'A' + u8::try_from(sum % 26).unwrap()))
}

/// A tax number of a country.
pub(crate) fn tax(random: &mut Random, country: &str) -> String {
    match country {
        "pl" => loop {
            let body = random.digits(9);
            let check = weighted(&body, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
            if check < 10 {
                break format!("{body}{check}");
            }
        },
        "it" => {
            let body = random.digits(10);
            format!("{body}{}", luhn(&body))
        }
        "ru" => {
            let body = random.digits(9);
            format!("{body}{}", weighted(&body, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10)
        }
        "us" => format!("{:02}-{}", random.within(10, 88), random.digits(7)),
        _ => format!("{}{}", country.to_uppercase(), random.digits(9)),
    }
}

/// An article's number in shops, with its check digit.
pub(crate) fn ean(random: &mut Random, prefix: &str) -> String {
    let body = format!("{prefix}{}", random.digits(12 - prefix.len()));
    let sum = weighted(&body, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A book's number in its older form.
pub(crate) fn isbn10(random: &mut Random) -> String {
    let body = random.digits(9);
    let check = (11 - weighted(&body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    format!("{body}{}", if check == 10 { "X".to_owned() } else { check.to_string() })
}

/// A device's number, which passes the Luhn check.
pub(crate) fn imei(random: &mut Random) -> String {
    let body = format!("35{}", random.digits(12));
    format!("{body}{}", luhn(&body))
}
