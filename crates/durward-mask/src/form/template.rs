//! Pseudonyms of texts: a keyed hash with fixed words around it, by which a mask is known again. A hash alone could be
//! anybody's, so that a few keyed check characters stand at its end.

use super::key::MaskKey;
use super::sql::{self, Steps, call, cast, join, literal, op};
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

/// Check digits of a hash alone: a stranger's passes by chance once in 2^24, in a column with little room once in 2^20.
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

    /// What follows the words; `None` for a text that doesn't begin with two of the lists.
    fn strip(self, text: &[u8]) -> Option<&[u8]> {
        if matches!(self, Self::None) {
            return Some(text);
        }
        let (first, rest) = text.split_at_checked(WORD_LETTERS)?;
        let (second, rest) = rest.strip_prefix(b" ")?.split_at_checked(WORD_LETTERS)?;
        let listed = |words: &str, word: &[u8]| words.as_bytes().chunks(WORD_LETTERS).any(|known| known == word);
        let listed = listed(FIRST_WORDS, first) && listed(SECOND_WORDS, second);
        rest.strip_prefix(self.after().as_bytes()).filter(|_| listed)
    }

    const fn bits(self) -> usize {
        match self {
            Self::None => 0,
            Self::Name | Self::Street => 12,
        }
    }
}

/// A pseudonym's parts: prefix, words, body and check in hexadecimal, suffix. At most 108 bits of the hash show.
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
        Self::fit("u", Words::None, 24, "@example.invalid", limit)
    }

    /// Two words and a hash.
    pub(super) fn person(limit: Option<usize>) -> Self {
        Self::fit("", Words::Name, 19, "", limit)
    }

    /// A street that says that it is none.
    pub(super) fn street(limit: Option<usize>) -> Self {
        Self::fit("", Words::Street, 19, "", limit)
    }

    /// A hash in brackets.
    pub(super) fn bracketed(prefix: &'static str, limit: Option<usize>) -> Self {
        Self::fit(prefix, Words::None, 24, "]", limit)
    }

    /// A hash and its check characters. In a column with little room those go first.
    pub(super) fn bare(limit: Option<usize>) -> Self {
        const BODY: usize = 18;
        /// Unit: hexadecimal digits. Reason: with fewer, different values would meet by chance.
        const BODY_MIN: usize = INJECTIVE_BITS.div_ceil(4);
        let (body, check) = match limit {
            Some(limit) if limit < BODY_MIN + CHECK_DIGITS_MIN => (limit.min(BODY), 0),
            Some(limit) if limit < BODY + CHECK_DIGITS => (limit - CHECK_DIGITS_MIN, CHECK_DIGITS_MIN),
            Some(_) | None => (BODY, CHECK_DIGITS),
        };
        Self {
            prefix: "",
            words: Words::None,
            body,
            check,
            suffix: "",
        }
    }

    /// Whether different values surely (but for odds of 2^-64 a pair) have different masks.
    pub(super) const fn is_injective(&self) -> bool {
        self.body * 4 + self.words.bits() >= INJECTIVE_BITS
    }

    /// Whether a mask is known again: by its form, or by check characters where there was room for them.
    pub(super) const fn is_recognisable(&self) -> bool {
        self.is_marked() || self.check > 0
    }

    const fn is_marked(&self) -> bool {
        !(self.prefix.is_empty() && self.suffix.is_empty() && matches!(self.words, Words::None))
    }

    pub(super) fn apply(&self, key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
        self.push(key, &key.hash(value), out);
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
            let check = key.round(tag::CHECK, out.get(seen..).unwrap_or_default());
            push_hex(&check, self.check, out);
        }
        out.extend_from_slice(self.suffix.as_bytes());
    }

    /// The twin of [`Self::apply`], of a text expression: NULL without a key.
    pub(super) fn sql(&self, block: &str, text: &str) -> String {
        self.sql_of_bytes(block, &sql::bytes(text))
    }

    /// The same of a bytea expression; the pseudonym is a text.
    pub(super) fn sql_of_bytes(&self, block: &str, bytes: &str) -> String {
        let around = |inner: &str| match (self.prefix, self.suffix) {
            ("", "") => inner.to_owned(),
            ("", suffix) => join(&[inner, &literal(suffix)]),
            (prefix, "") => join(&[&literal(prefix), inner]),
            (prefix, suffix) => join(&[&literal(prefix), inner, &literal(suffix)]),
        };
        match self.words {
            // An expression without a subselect: those cost as much as half a hash.
            Words::None if self.check == 0 => around(&sql::hex(&sql::hash(block, bytes), self.body)),
            Words::None => {
                let check = sql::round("m.q", &tag::CHECK.to_string(), &sql::bytes("m.s"));
                Steps::keyed(bytes, block)
                    .with(&[("s", &sql::hex(&sql::hash("m.q", "m.x"), self.body))])
                    .give(&around(&join(&["m.s", &sql::hex(&check, self.check)])))
            }
            Words::Name | Words::Street => {
                let between = literal(self.words.after());
                // The hash is a step of its own, since the words take bytes out of it.
                Steps::new(&[("h", &sql::hash(block, bytes))]).give(&around(&join(&[
                    &word_sql(FIRST_WORDS, FIRST_WORD_BYTE),
                    "' '",
                    &word_sql(SECOND_WORDS, SECOND_WORD_BYTE),
                    &between,
                    &sql::hex("m.h", self.body),
                ])))
            }
        }
    }

    /// Whether a text has this form and, where it is a hash alone, its check characters fit the rest.
    pub(super) fn could_be_own(&self, key: &MaskKey, text: &[u8]) -> bool {
        let inner = text
            .strip_prefix(self.prefix.as_bytes())
            .and_then(|rest| rest.strip_suffix(self.suffix.as_bytes()));
        let Some(digits) = inner.and_then(|inner| self.words.strip(inner)) else {
            return false;
        };
        let Some((body, check)) = digits.split_at_checked(self.body) else {
            return false;
        };
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.is_recognisable()
            && body.iter().all(is_digit)
            && check.len() == self.check
            && hex_digits(&key.round(tag::CHECK, body))
                .take(self.check)
                .eq(check.iter().copied())
    }

    /// What of a wish fits in a column of `limit` characters: a shorter hash, then a hash alone.
    fn fit(prefix: &'static str, words: Words, body: usize, suffix: &'static str, limit: Option<usize>) -> Self {
        let around = prefix.len() + words.letters() + suffix.len();
        let body_min = (INJECTIVE_BITS - words.bits()).div_ceil(4);
        let room = limit.map_or(Some(body), |limit| limit.checked_sub(around));
        match room {
            Some(room) if room >= body_min => Self {
                prefix,
                words,
                body: room.min(body),
                check: 0,
                suffix,
            },
            Some(_) | None => Self::bare(limit),
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
    // In a text, the server would count characters up to the place.
    let words = cast(&literal(words), "bytea");
    let word = call(
        "substr",
        &[&words, &op(&op(&number, "*", &letters), "+", "1"), &letters],
    );
    call("encode", &[&word, "'escape'"])
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
    fn little_room_shortens_the_hash_first() {
        let shape = |limit| {
            let template = Template::email(limit);
            (
                template.prefix,
                template.body,
                template.check,
                template.is_injective(),
                template.is_recognisable(),
            )
        };
        assert_eq!(shape(None), ("u", 24, 0, true, true));
        assert_eq!(shape(Some(41)), ("u", 24, 0, true, true));
        assert_eq!(shape(Some(40)), ("u", 23, 0, true, true));
        assert_eq!(shape(Some(33)), ("u", 16, 0, true, true));
        assert_eq!(shape(Some(32)), ("", 18, 6, true, true));
        assert_eq!(shape(Some(23)), ("", 18, 5, true, true));
        assert_eq!(shape(Some(21)), ("", 16, 5, true, true));
        assert_eq!(shape(Some(20)), ("", 18, 0, true, false));
        assert_eq!(shape(Some(3)), ("", 3, 0, false, false));
    }
}
