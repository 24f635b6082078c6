//! Places: coordinates, street addresses, postal codes. And dates, which only a name makes somebody's birth.
//!
//! Cost: a few looks at a short value.

use durward_model::Label;

use super::Strength;
use super::cell::Cell;
use super::checksum::is_day_of_month;

pub(super) const CELLS: &[Cell] = &[
    Cell {
        name: "coordinates",
        label: Label::Location,
        strength: coordinates,
    },
    Cell {
        name: "street-address",
        label: Label::StreetAddress,
        strength: street_address,
    },
    Cell {
        name: "postcode",
        label: Label::Postcode,
        strength: postcode,
    },
    Cell {
        name: "date",
        label: Label::BirthDate,
        strength: date,
    },
];

/// A value longer than this is a text, not an address.
const ADDRESS_BYTES_MAX: usize = 200;

/// Latitude and longitude in degrees (ISO 6709, and as people write): with four decimals, within some ten metres, a
/// precise place.
fn coordinates(value: &str) -> Option<Strength> {
    if value.len() > 80 {
        return None;
    }
    let inner = value
        .strip_prefix("POINT")
        .map(str::trim_start)
        .unwrap_or(value)
        .trim_matches(['(', ')', '[', ']']);
    let mut parts = inner.split([',', ';', ' ']).filter(|part| !part.is_empty());
    let (first, second) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let degrees = |part: &str| {
        let decimals = part.split_once('.')?.1.len();
        let number: f64 = part.parse().ok()?;
        (number.is_finite()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+')))
        .then_some((number.abs(), decimals))
    };
    let ((first, first_decimals), (second, second_decimals)) = (degrees(first)?, degrees(second)?);
    let is_place = first <= 180.0 && second <= 180.0 && (first <= 90.0 || second <= 90.0);
    let is_precise = first_decimals >= 4 && second_decimals >= 4;
    is_place.then_some(if is_precise { Strength::Checked } else { Strength::Shape })
}

/// Words for streets that stand alone, in lower case.
const STREET_WORDS: &[&str] = &[
    "street",
    "st",
    "st.",
    "road",
    "rd",
    "rd.",
    "avenue",
    "ave",
    "ave.",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "boulevard",
    "blvd",
    "way",
    "place",
    "square",
    "terrace",
    "close",
    "crescent",
    "highway",
    "hwy",
    "parkway",
    "rue",
    "av.",
    "av",
    "allée",
    "chemin",
    "quai",
    "impasse",
    "calle",
    "avenida",
    "paseo",
    "plaza",
    "carrer",
    "camino",
    "calzada",
    "rua",
    "travessa",
    "praça",
    "alameda",
    "estrada",
    "via",
    "viale",
    "piazza",
    "corso",
    "vicolo",
    "largo",
    "ulica",
    "ul.",
    "ul",
    "aleja",
    "al.",
    "plac",
    "straat",
    "laan",
    "weg",
    "platz",
    "allee",
    "gasse",
    "gata",
    "gatan",
    "vägen",
    "vej",
    "gade",
    "veien",
    "gate",
    "katu",
    "tie",
    "utca",
    "út",
    "strada",
    "bulevardul",
    "sokak",
    "sk.",
    "cadde",
    "caddesi",
    "cad.",
    "mah.",
    "улица",
    "ул.",
    "проспект",
    "пр.",
    "переулок",
    "вулиця",
    "вул.",
    "οδός",
    "jalan",
    "jl.",
    "marg",
    "nagar",
];

/// Ends of words for streets, in lower case.
const STREET_ENDS: &[&str] = &[
    "straße", "strasse", "str.", "weg", "platz", "allee", "gasse", "damm", "ufer", "ring", "straat", "laan", "gracht",
    "kade", "plein", "gatan", "vägen", "vej", "gade", "veien", "gata", "katu", "utca", "stígur",
];

/// A street and a house number, in several languages and in the notations of China and Japan (丁目, 番地, 路…号).
fn street_address(value: &str) -> Option<Strength> {
    let has_digit = value.chars().any(|letter| letter.is_ascii_digit());
    if value.len() > ADDRESS_BYTES_MAX || !has_digit {
        return None;
    }
    let lower = value.to_lowercase();
    let is_east_asian = ["丁目", "番地"].iter().any(|word| lower.contains(word))
        || (["路", "街", "道"].iter().any(|word| lower.contains(word)) && lower.contains(['号', '號']))
        || (lower.contains(['로', '길']) && lower.contains(['시', '구', '동']));
    let mut words = lower.split([' ', ',', ';', '\n']).filter(|word| !word.is_empty());
    let has_street = words.clone().count() >= 2
        && words.any(|word| {
            STREET_WORDS.contains(&word)
                || STREET_ENDS
                    .iter()
                    .any(|end| word.ends_with(end) && word.chars().count() > end.chars().count() + 1)
        });
    (is_east_asian || has_street).then_some(Strength::Shape)
}

/// Pictures of postal codes (Universal Postal Union): `9` is a digit, `A` a letter.
const POSTCODES: &[&str] = &[
    // Many countries.
    "9999",
    "99999",
    "999999",
    "999 99",
    // United States, Brazil, Japan, Poland, Portugal.
    "99999-9999",
    "99999-999",
    "999-9999",
    "99-999",
    "9999-999",
    // Canada, United Kingdom, Netherlands, Ireland, Malta, Argentina.
    "A9A 9A9",
    "A9A9A9",
    "A9 9AA",
    "A99 9AA",
    "AA9 9AA",
    "AA99 9AA",
    "A9A 9AA",
    "AA9A 9AA",
    "9999 AA",
    "9999AA",
    "A99 A9A9",
    "AAA 9999",
    "A9999AAA",
    // With the country in front.
    "D-99999",
    "A-9999",
    "CH-9999",
    "L-9999",
    "SE-999 99",
    "LV-9999",
    "LT-99999",
    "AD999",
];

fn postcode(value: &str) -> Option<Strength> {
    let is_like = |picture: &&str| {
        picture.len() == value.len()
            && picture.bytes().zip(value.bytes()).all(|(sign, byte)| match sign {
                b'9' => byte.is_ascii_digit(),
                b'A' if !picture.contains('-') => byte.is_ascii_uppercase(),
                literal => literal == byte,
            })
    };
    POSTCODES.iter().any(is_like).then_some(Strength::Shape)
}

/// A plausible day in somebody's life: year first, or last in either order, with a time of midnight or none.
fn date(value: &str) -> Option<Strength> {
    let day = value
        .strip_suffix("T00:00:00Z")
        .or_else(|| value.strip_suffix("T00:00:00"))
        .or_else(|| value.strip_suffix(" 00:00:00"))
        .unwrap_or(value);
    if !(8..=10).contains(&day.len()) {
        return None;
    }
    let parts: Vec<u32> = if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        [day.get(..4)?, day.get(4..6)?, day.get(6..)?]
            .iter()
            .filter_map(|part| part.parse().ok())
            .collect()
    } else {
        day.split(['-', '/', '.'])
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?
    };
    let is_year = |year: &u32| (1900..=2030).contains(year);
    let is_date = match parts.as_slice() {
        [year, month, day] if is_year(year) => is_day_of_month(*month, *day),
        [first, second, year] if is_year(year) => is_day_of_month(*second, *first) || is_day_of_month(*first, *second),
        [..] => false,
    };
    is_date.then_some(Strength::Shape)
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use crate::detect::tests::{Example, check};

    /// Formats, a value of each, and one that is not.
    pub(in crate::detect) const EXAMPLES: &[Example] = &[
        ("coordinates", "52.520008, 13.404954", "52.520008"),
        (
            "coordinates",
            "POINT(13.404954 52.520008)",
            "POINT(213.404954 52.520008)",
        ),
        ("coordinates", "-33.8688 151.2093", "-91.8688 191.2093"),
        ("street-address", "221B Baker Street, London", "Baker Street"),
        ("street-address", "Hauptstraße 12, 10115 Berlin", "12 Äpfel"),
        ("street-address", "12 rue de la Paix", "12 de la Paix"),
        ("street-address", "Calle Mayor 5, 2º", "5 mayores"),
        ("street-address", "ул. Ленина, д. 5", "5 рублей"),
        ("street-address", "東京都千代田区丸の内1丁目", "東京1"),
        ("postcode", "SW1A 1AA", "SW1A 1A1"),
        ("postcode", "10115", "101"),
        ("postcode", "K1A 0B1", "K1A 0B"),
        ("postcode", "1012 AB", "1012 A"),
        ("date", "1984-07-23", "1984-13-23"),
        ("date", "23.07.1984", "31.02.1984"),
        ("date", "07/23/1984", "07/33/1984"),
        ("date", "19840723", "18840723"),
        ("date", "1984-07-23T00:00:00Z", "1984-07-23T12:30:00Z"),
    ];

    #[test]
    fn values_are_told() {
        check(EXAMPLES);
    }
}
