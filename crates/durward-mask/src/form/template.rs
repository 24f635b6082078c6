//! Pseudonyms of texts: fixed words around a keyed hash and a few keyed check characters by which a mask is known again.

use super::key::{MaskKey, SqlKey};
use super::sql::{self, Steps, call, join, literal, op};
use super::tag;

/// Sixty-four words of five letters each, so that a word is cut out by its number.
const FIRST_WORDS: &str = "AgileAlertAmberAmpleAzureBasicBeigeBraveBriefBriskBroadBrownCivicCleanClearClose\
                           CoralCrispDenseEarlyEqualExactExtraFaintFinalFixedFleetFreshGiantGrandGreatGreen\
                           HappyHeavyHumidIdealIvoryJollyKhakiLargeLightLilacLuckyMajorMauveMerryMistyNoble\
                           OuterPlainPrimeProudQuickQuietRapidReadyRoyalRuralSharpSolidSunnyTidalVividWhite";
const SECOND_WORDS: &str = "AcornAlderAppleArrowAspenBadgeBasinBeachBirchBisonBrickBrookCabinCableCanalCanoe\
                            CedarChairChalkCliffCloudCoastCraneCreekDaisyDeltaEagleEmberFableFjordFlameFlint\
                            ForgeFrostGlobeGroveHavenHazelHeronHollyLarchLemonMapleMarshMedalOceanOliveOrbit\
                            OtterPearlPetalPlazaQuailQuillRavenRidgeRiverRobinShoreSlateSparkStoneStormTiger";
const WORD_LETTERS: usize = 5;
const WORD_MASK: u8 = 63;

/// Which bytes of the hash choose the words; the first ones make the body.
const FIRST_WORD_BYTE: usize = 30;
const SECOND_WORD_BYTE: usize = 31;

/// Check digits: a stranger's text passes by chance once in 2^24, in a column with little room once in 2^20.
const CHECK_DIGITS: usize = 6;

/// Unit: hexadecimal digits. Reason: with fewer, a stranger's text would pass by chance too often.
const CHECK_DIGITS_MIN: usize = 5;

/// Hashes of fewer bits than this meet by chance in ordinary tables.
const INJECTIVE_BITS: usize = 64;

/// The readable part of a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    None,
    Name,
    Street,
}

impl Words {
    /// What stands after the two words.
    const fn after(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Name => " ",
            Self::Street => " Street ",
        }
    }

    const fn letters(self) -> usize {
        match self {
            Self::None => 0,
            Self::Name | Self::Street => 2 * WORD_LETTERS + 1 + self.after().len(),
        }
    }

    const fn bits(self) -> usize {
        match self {
            Self::None => 0,
            Self::Name | Self::Street => 12,
        }
    }
}

/// A pseudonym's parts: prefix, words, body and check in hexadecimal, suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Template {
    prefix: &'static str,
    words: Words,
    body: usize,
    check: usize,
    suffix: &'static str,
}

impl Template {
    /// A well-formed address in a domain that can't exist.
    pub(super) fn email(limit: Option<usize>) -> Self {
        Self::fit("u", Words::None, 18, "@example.invalid", limit)
    }

    /// Two words and a hash.
    pub(super) fn person(limit: Option<usize>) -> Self {
        Self::fit("", Words::Name, 13, "", limit)
    }

    /// A street that says that it is none.
    pub(super) fn street(limit: Option<usize>) -> Self {
        Self::fit("", Words::Street, 13, "", limit)
    }

    /// A hash in brackets.
    pub(super) fn bracketed(prefix: &'static str, limit: Option<usize>) -> Self {
        Self::fit(prefix, Words::None, 18, "]", limit)
    }

    /// A hash alone.
    pub(super) fn bare(limit: Option<usize>) -> Self {
        Self::fit("", Words::None, 18, "", limit)
    }

    /// Whether different values surely (but for odds of 2^-64 a pair) have different masks.
    pub(super) const fn is_injective(&self) -> bool {
        self.body * 4 + self.words.bits() >= INJECTIVE_BITS
    }

    /// Whether there was room for check characters.
    pub(super) const fn is_recognisable(&self) -> bool {
        self.check >= CHECK_DIGITS_MIN
    }

    pub(super) fn apply(&self, key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
        self.push(key, &key.mac(value), out);
    }

    /// Writes the pseudonym of a value with this hash.
    pub(super) fn push(&self, key: &MaskKey, hash: &[u8; 32], out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix.as_bytes());
        let seen = out.len();
        match self.words {
            Words::None => {}
            Words::Name | Words::Street => {
                out.extend_from_slice(word(FIRST_WORDS, hash.get(FIRST_WORD_BYTE)));
                out.push(b' ');
                out.extend_from_slice(word(SECOND_WORDS, hash.get(SECOND_WORD_BYTE)));
                out.extend_from_slice(self.words.after().as_bytes());
            }
        }
        push_hex(hash, self.body, out);
        if self.check > 0 {
            let check = key.round(tag::CHECK, [out.get(seen..).unwrap_or_default(), &[]]);
            push_hex(&check, self.check, out);
        }
        out.extend_from_slice(self.suffix.as_bytes());
    }

    /// The twin of [`Self::apply`], of a text expression.
    pub(super) fn sql(&self, key: &SqlKey, text: &str) -> String {
        self.sql_of_bytes(key, &sql::bytes(text))
    }

    /// The same of a bytea expression; the pseudonym is a text.
    pub(super) fn sql_of_bytes(&self, key: &SqlKey, bytes: &str) -> String {
        let hash = sql::mac(key, bytes);
        let steps = match self.words {
            Words::None => Steps::of(&sql::hex(&hash, self.body)),
            Words::Name | Words::Street => {
                let seen = join(&[
                    &word_sql(FIRST_WORDS, FIRST_WORD_BYTE),
                    "' '",
                    &word_sql(SECOND_WORDS, SECOND_WORD_BYTE),
                    &literal(self.words.after()),
                    &sql::hex("m.h", self.body),
                ]);
                // The hash is a step of its own, since the words take bytes out of it.
                Steps::new(&[("h", &hash)]).with(&[("seen", &seen)])
            }
        };
        let seen = match self.words {
            Words::None => "m.x",
            Words::Name | Words::Street => "m.seen",
        };
        let check = sql::hex(&sql::round(key, &tag::CHECK.to_string(), &sql::bytes(seen)), self.check);
        steps.give(&join(&[&literal(self.prefix), seen, &check, &literal(self.suffix)]))
    }

    /// Whether a text has this shape and its check characters fit the rest.
    pub(super) fn could_be_own(&self, key: &MaskKey, text: &[u8]) -> bool {
        let inner = text
            .strip_prefix(self.prefix.as_bytes())
            .and_then(|rest| rest.strip_suffix(self.suffix.as_bytes()));
        let seen_bytes = self.words.letters() + self.body;
        let Some((seen, check)) = inner.and_then(|inner| inner.split_at_checked(seen_bytes)) else {
            return false;
        };
        let expected = key.round(tag::CHECK, [seen, &[]]);
        self.is_recognisable()
            && check.len() == self.check
            && hex_digits(&expected).take(self.check).eq(check.iter().copied())
    }

    /// What of a wish fits in a column of `limit` characters: fewer check characters, then none, then the hash alone.
    fn fit(prefix: &'static str, words: Words, body: usize, suffix: &'static str, limit: Option<usize>) -> Self {
        let full = Self {
            prefix,
            words,
            body,
            check: CHECK_DIGITS,
            suffix,
        };
        let Some(limit) = limit else {
            return full;
        };
        let around = prefix.len() + words.letters() + suffix.len();
        let body_min = (INJECTIVE_BITS - words.bits()).div_ceil(4);
        match limit.checked_sub(around) {
            Some(room) if room >= body + CHECK_DIGITS => full,
            Some(room) if room >= body_min + CHECK_DIGITS_MIN => Self {
                body: room - CHECK_DIGITS_MIN,
                check: CHECK_DIGITS_MIN,
                ..full
            },
            Some(room) if room >= body_min => Self {
                body: room.min(body),
                check: 0,
                ..full
            },
            Some(_) | None if around == 0 => Self {
                body: limit,
                check: 0,
                ..full
            },
            Some(_) | None => Self::bare(Some(limit)),
        }
    }
}

/// The first `digits` digits of a hash in hexadecimal.
pub(super) fn push_hex(hash: &[u8], digits: usize, out: &mut Vec<u8>) {
    out.extend(hex_digits(hash).take(digits));
}

/// Bytes in hexadecimal.
pub(super) fn hex_digits(hash: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    hash.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}

fn word(words: &'static str, byte: Option<&u8>) -> &'static [u8] {
    let number = usize::from(byte.copied().unwrap_or_default() & WORD_MASK);
    words.as_bytes().chunks(WORD_LETTERS).nth(number).unwrap_or_default()
}

fn word_sql(words: &'static str, byte: usize) -> String {
    let number = op(
        &call("get_byte", &["m.h", &byte.to_string()]),
        "&",
        &WORD_MASK.to_string(),
    );
    let letters = WORD_LETTERS.to_string();
    call(
        "substr",
        &[&literal(words), &op(&op(&number, "*", &letters), "+", "1"), &letters],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{FIRST_WORDS, SECOND_WORDS, Template, WORD_LETTERS};

    #[test]
    fn words_are_all_different_and_of_one_length() {
        for words in [FIRST_WORDS, SECOND_WORDS] {
            let all: HashSet<&[u8]> = words.as_bytes().chunks(WORD_LETTERS).collect();
            assert_eq!(all.len(), 64);
            assert!(
                all.iter()
                    .all(|word| word.len() == WORD_LETTERS && word[0].is_ascii_uppercase())
            );
            assert!(all.iter().all(|word| word[1..].iter().all(u8::is_ascii_lowercase)));
        }
    }

    #[test]
    fn little_room_takes_check_characters_first() {
        let shape = |limit| {
            let template = Template::email(limit);
            (template.prefix, template.body, template.check, template.is_injective())
        };
        assert_eq!(shape(None), ("u", 18, 6, true));
        assert_eq!(shape(Some(41)), ("u", 18, 6, true));
        assert_eq!(shape(Some(40)), ("u", 18, 5, true));
        assert_eq!(shape(Some(37)), ("u", 18, 0, true));
        assert_eq!(shape(Some(33)), ("u", 16, 0, true));
        assert_eq!(shape(Some(32)), ("", 18, 6, true));
        assert_eq!(shape(Some(21)), ("", 16, 5, true));
        assert_eq!(shape(Some(3)), ("", 3, 0, false));
    }
}
