//! Payment cards, bank accounts and banks.
//!
//! Cost: arithmetic over at most 34 characters.

use durward_model::Label;

use super::cell::Cell;
use super::checksum::{digits, is_uniform, luhn, mod_97, number, weighted};
use super::number::{Number, checked};
use super::text::{Hit, ends_word};
use super::{Finding, Strength};

pub(super) const NUMBERS: &[Number] = &[
    // The issuer's range (ISO/IEC 7812; ranges as the networks publish them) and Luhn's check.
    Number {
        name: "card-number",
        label: Label::CardNumber,
        clear: &[
            "9999999999999999",
            "9999 9999 9999 9999",
            "9999-9999-9999-9999",
            "9999.9999.9999.9999",
            "999999999999999",
            "9999 999999 99999",
            "9999-999999-99999",
            "99999999999999",
            "9999 999999 9999",
            "9999-999999-9999",
            "9999999999999999999",
            "9999 9999 9999 9999 999",
            "9999-9999-9999-9999-999",
            "999999 9999999999999",
        ],
        bare: &[
            "999999999999",
            "9999999999999",
            "99999999999999999",
            "999999999999999999",
        ],
        cues: &[
            "card",
            "visa",
            "mastercard",
            "amex",
            "maestro",
            "pan",
            "ccnum",
            "karte",
            "carte",
            "tarjeta",
            "carta",
            "cartao",
            "kaart",
        ],
        check: card,
    },
    // The nine digits of the American Bankers Association: weights 3, 7, 1 and a multiple of ten; the first two name a
    // district of the Federal Reserve.
    Number {
        name: "us-routing-number",
        label: Label::BankAccount,
        clear: &[],
        bare: &["999999999"],
        cues: &["routing", "aba", "rtn"],
        check: routing_number,
    },
    // Mexico's CLABE: 18 digits, weights 3, 7, 1, products modulo ten (Asociación de Bancos de México).
    Number {
        name: "mx-clabe",
        label: Label::BankAccount,
        clear: &[],
        bare: &["999999999999999999"],
        cues: &["clabe", "cuenta", "interbancaria"],
        check: clabe,
    },
];

pub(super) const CELLS: &[Cell] = &[
    Cell {
        name: "bic",
        label: Label::BankAccount,
        strength: bic,
    },
    Cell {
        name: "bitcoin-address",
        label: Label::BankAccount,
        strength: bitcoin,
    },
    Cell {
        name: "ethereum-address",
        label: Label::BankAccount,
        strength: ethereum,
    },
];

/// Lengths of IBANs by country (ISO 13616, SWIFT's IBAN registry).
const IBAN_LENGTHS: &[&str] = &[
    "AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27", "BR29", "BY28", "CH21", "CR22",
    "CY28", "CZ24", "DE22", "DJ27", "DK18", "DO28", "EE20", "EG29", "ES24", "FI18", "FK18", "FO18", "FR27", "GB22",
    "GE22", "GI23", "GL18", "GR27", "GT28", "HN28", "HR21", "HU28", "IE22", "IL23", "IQ23", "IS26", "IT27", "JO30",
    "KW30", "KZ20", "LB28", "LC32", "LI21", "LT20", "LU20", "LV21", "LY25", "MC27", "MD24", "ME22", "MK19", "MN20",
    "MR27", "MT31", "MU30", "NI28", "NL18", "NO15", "OM23", "PK24", "PL28", "PS29", "PT25", "QA29", "RO24", "RS22",
    "RU33", "SA24", "SC31", "SD18", "SE24", "SI19", "SK24", "SM27", "SO23", "ST25", "SV28", "TL23", "TN24", "TR26",
    "UA29", "VA22", "VG24", "XK20", "YE30",
];

/// How long a country's IBANs are, if it has any.
fn iban_length(country: [u8; 2]) -> Option<usize> {
    IBAN_LENGTHS
        .iter()
        .find_map(|known| known.strip_prefix(std::str::from_utf8(&country).ok()?))
        .and_then(|length| length.parse().ok())
}

/// The IBAN that begins at a place, whole or in groups of four: country, length and MOD 97-10 (ISO 13616).
pub(super) fn iban_at(text: &[u8], start: usize) -> Option<Hit> {
    let head = text.get(start..start.checked_add(4)?)?;
    let [first, second, tens, ones] = head else { return None };
    if !(first.is_ascii_alphabetic() && second.is_ascii_alphabetic() && tens.is_ascii_digit() && ones.is_ascii_digit())
    {
        return None;
    }
    let country = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let length = iban_length(country)?;
    let separator = text
        .get(start + 4)
        .copied()
        .filter(|byte| matches!(byte, b' ' | b'-' | b'.'));
    let mut letters = [0; 34];
    let mut at = start;
    for (place, letter) in letters.iter_mut().take(length).enumerate() {
        if place % 4 == 0 && place > 0 && separator.is_some() {
            if text.get(at).copied() != separator {
                return None;
            }
            at += 1;
        }
        let byte = text.get(at).copied().filter(u8::is_ascii_alphanumeric)?;
        *letter = byte.to_ascii_uppercase();
        at += 1;
    }
    let letters = letters.get(..length)?;
    let digit_count = letters.iter().filter(|byte| byte.is_ascii_digit()).count();
    let (head, account) = letters.split_at_checked(4)?;
    let rest = mod_97(account.iter().chain(head).copied())?;
    // The fewest digits of a real one are Malta's and Saint Lucia's, which may hold letters in two thirds.
    (rest == 1 && digit_count >= 8 && ends_word(text, at)).then(|| Hit::certain(start..at))
}

/// The finding of an IBAN.
pub(super) fn iban_finding(hit: Hit) -> Finding {
    Finding {
        label: Label::Iban,
        format: "iban",
        strength: hit.strength,
        span: hit.span,
    }
}

fn card(text: &[u8]) -> Option<Strength> {
    let mut values = [0; 19];
    let length = text.len();
    let values = values.get_mut(..length)?;
    for (value, byte) in values.iter_mut().zip(text) {
        *value = char::from(*byte).to_digit(10)?;
    }
    if is_uniform(values) || !luhn(values) {
        return None;
    }
    let first = number(values.get(..6)?);
    match (first, length) {
        // American Express.
        (340_000..=349_999 | 370_000..=379_999, 15)
        // Diners Club.
        | (300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999, 14 | 16)
        // JCB.
        | (352_800..=358_999, 16..=19)
        // Visa.
        | (400_000..=499_999, 16 | 19)
        // Mastercard.
        | (510_000..=559_999 | 222_100..=272_099, 16)
        // Maestro.
        | (500_000..=509_999 | 560_000..=589_999 | 630_400..=630_499 | 639_000..=639_099 | 670_000..=679_999, 16 | 19)
        // Discover, and what runs on its network.
        | (601_100..=601_199 | 644_000..=659_999, 16 | 19)
        // RuPay.
        | (606_900..=608_999 | 817_200..=820_199, 16)
        // UnionPay.
        | (620_000..=629_999 | 810_000..=817_199, 16 | 19)
        // Mir.
        | (220_000..=220_499, 16 | 19) => Some(Strength::Checked),
        // Old lengths of Visa and Maestro; barcodes and serial numbers look the same.
        (400_000..=499_999, 13)
        | (500_000..=509_999 | 560_000..=589_999 | 600_000..=699_999, 12 | 13 | 17 | 18) => Some(Strength::Shape),
        (0..300_000 | 306_000.., _) | (300_000..=305_999, _) => None,
    }
}

fn routing_number(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let district = number(&digits[..2]);
    let is_district = matches!(district, 1..=12 | 21..=32 | 61..=72 | 80);
    checked(is_district && weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
}

fn clabe(text: &[u8]) -> Option<Strength> {
    let digits = digits::<18>(text)?;
    let weights = [3, 7, 1].into_iter().cycle();
    let sum: u32 = digits[..17]
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight % 10)
        .sum();
    checked((10 - sum % 10) % 10 == digits[17] && !is_uniform(&digits))
}

/// A bank's identifier code (ISO 9362): bank, country, place, branch. Many words look the same.
fn bic(value: &str) -> Option<Strength> {
    let bytes = value.as_bytes();
    let (bank, rest) = bytes.split_at_checked(4)?;
    let (country, place) = rest.split_at_checked(2)?;
    let is_upper_or_digit = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let is_known = iban_length(country.try_into().ok()?).is_some()
        || [
            b"US", b"CA", b"AU", b"NZ", b"JP", b"CN", b"IN", b"SG", b"HK", b"ZA", b"MX", b"KR",
        ]
        .iter()
        .any(|known| *known == country);
    let fits =
        matches!(place.len(), 2 | 5) && bank.iter().all(u8::is_ascii_uppercase) && place.iter().all(is_upper_or_digit);
    (fits && is_known).then_some(Strength::Shape)
}

/// Bitcoin's address: base58 that begins with 1 or 3, or bech32 with `bc1` (BIP 173, BIP 350). The checksums are not
/// computed, so that it stays a shape, but for bech32's prefix.
fn bitcoin(value: &str) -> Option<Strength> {
    const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    if let Some(data) = value.strip_prefix("bc1") {
        return checked(matches!(data.len(), 39 | 59) && data.bytes().all(|byte| BECH32.contains(&byte)));
    }
    let is_base58 = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'));
    let is_mixed =
        value.bytes().any(|byte| byte.is_ascii_lowercase()) && value.bytes().any(|byte| byte.is_ascii_uppercase());
    (value.starts_with(['1', '3']) && (26..=35).contains(&value.len()) && is_base58 && is_mixed)
        .then_some(Strength::Shape)
}

/// Ethereum's address: `0x` and 40 hexadecimal digits; object hashes look the same.
fn ethereum(value: &str) -> Option<Strength> {
    let digits = value.strip_prefix("0x")?;
    (digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(Strength::Shape)
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use crate::detect::tests::{Example, check};

    /// Formats, a value of each, and one that is not.
    pub(in crate::detect) const EXAMPLES: &[Example] = &[
        ("card-number", "4111111111111111", "4111111111111112"),
        ("card-number", "4111 1111 1111 1111", "4111 1111 1111 1121"),
        ("card-number", "5500-0055-5555-5559", "5500-0055-5555-5558"),
        ("card-number", "378282246310005", "378282246310006"),
        ("card-number", "3782 822463 10005", "3782 822463 10006"),
        ("card-number", "30569309025904", "30569309025905"),
        ("card-number", "6011111111111117", "6011111111111118"),
        ("card-number", "3530111333300000", "3530111333300001"),
        ("card-number", "2223003122003222", "2223003122003223"),
        ("card-number", "6205500000000000004", "6205500000000000005"),
        ("card-number", "6759649826438453", "1759649826438453"),
        ("us-routing-number", "021000021", "021000022"),
        ("mx-clabe", "032180000118359719", "032180000118359718"),
        ("iban", "DE89370400440532013000", "DE89370400440532013001"),
        ("iban", "GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 18"),
        ("iban", "NO9386011117947", "NO93860111179470"),
        (
            "iban",
            "MT84MALT011000012345MTLCAST001S",
            "MT84MALT011000012345MTLCAST001T",
        ),
        ("iban", "fr1420041010050500013m02606", "fr1420041010050500013m02607"),
        ("bic", "DEUTDEFF500", "DEUTXXFF500"),
        (
            "bitcoin-address",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3b4",
        ),
        (
            "bitcoin-address",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0",
        ),
        (
            "ethereum-address",
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x52908400098527886E0F7030069857D2E4169EE",
        ),
    ];

    #[test]
    fn values_are_told() {
        check(EXAMPLES);
    }
}
