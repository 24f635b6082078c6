use std::fmt;

use zeroize::Zeroizing;

/// What every issued password begins with, so that leak scanners find it.
pub const PASSWORD_PREFIX: &str = "dwp_";
/// Random characters in an issued password: 30 of base 62 carry 178 bits.
pub const PASSWORD_RANDOM_CHARACTERS: usize = 30;
/// Characters of the checksum: a CRC-32 in base 62, padded with zeros.
pub const PASSWORD_CHECKSUM_CHARACTERS: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The largest multiple of 62 in a byte: bytes from here up are drawn again, so that each character is equally likely.
const UNBIASED_BYTE_LIMIT: u8 = 248;

/// A password that the gateway issued: `dwp_`, 30 random characters, 6 characters of checksum.
///
/// It exists in clear only between being drawn and being shown once; what is stored is a SCRAM verifier.
#[derive(Clone)]
pub struct IssuedPassword(Zeroizing<String>);

impl IssuedPassword {
    /// Draws a new password from the system's random source.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut text = Zeroizing::new(String::with_capacity(
            PASSWORD_PREFIX.len() + PASSWORD_RANDOM_CHARACTERS + PASSWORD_CHECKSUM_CHARACTERS,
        ));
        text.push_str(PASSWORD_PREFIX);
        let mut pool = Zeroizing::new([0_u8; 64]);
        let length = PASSWORD_PREFIX.len() + PASSWORD_RANDOM_CHARACTERS;
        while text.len() < length {
            getrandom::fill(pool.as_mut_slice())?;
            for byte in pool.iter().filter(|byte| **byte < UNBIASED_BYTE_LIMIT) {
                if text.len() < length {
                    text.push(base62_character(u32::from(*byte)));
                }
            }
        }
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text))
    }

    /// The password itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `text` has the form and the checksum of a password that a gateway issued. Says nothing about whether
    /// it is valid anywhere; a leak scanner needs no more.
    pub fn is_well_formed(text: &str) -> bool {
        let Some(body) = text.strip_prefix(PASSWORD_PREFIX) else {
            return false;
        };
        if body.len() != PASSWORD_RANDOM_CHARACTERS + PASSWORD_CHECKSUM_CHARACTERS
            || !body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return false;
        }
        text.split_at_checked(text.len() - PASSWORD_CHECKSUM_CHARACTERS)
            .is_some_and(|(checked, sum)| checksum(checked) == sum)
    }
}

impl fmt::Debug for IssuedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuedPassword(‹redacted›)")
    }
}

/// The CRC-32 (IEEE 802.3) of `text`, most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = ['0'; PASSWORD_CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = base62_character(rest % 62);
        rest /= 62;
    }
    digits.iter().collect()
}

fn base62_character(number: u32) -> char {
    let place = usize::try_from(number % 62).unwrap_or(0);
    BASE62.get(place).map_or('0', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_is_well_formed_and_new_each_time() {
        let one = IssuedPassword::generate().unwrap();
        let two = IssuedPassword::generate().unwrap();
        assert_eq!(one.expose().len(), 40);
        assert!(IssuedPassword::is_well_formed(one.expose()));
        assert_ne!(one.expose(), two.expose());
    }

    #[test]
    fn a_changed_character_breaks_the_checksum() {
        let password = IssuedPassword::generate().unwrap();
        for place in PASSWORD_PREFIX.len()..password.expose().len() {
            let mut changed = password.expose().as_bytes().to_vec();
            changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
            assert!(!IssuedPassword::is_well_formed(std::str::from_utf8(&changed).unwrap()));
        }
    }

    #[test]
    fn the_checksum_is_that_of_a_known_password() {
        // CRC-32 of the text before the checksum, in base 62: fixed, because scanners rely on it.
        let text = "dwp_000000000000000000000000000000";
        let sum = checksum(text);
        let number = sum.bytes().fold(0_u64, |number, byte| {
            number * 62 + BASE62.iter().position(|digit| *digit == byte).unwrap() as u64
        });
        assert_eq!(number, u64::from(crc32fast::hash(text.as_bytes())));
        assert!(IssuedPassword::is_well_formed(&format!("{text}{sum}")));
    }

    #[test]
    fn nothing_else_is_well_formed() {
        for text in [
            "",
            "dwp_",
            "dwp_short",
            "hunter2",
            "dwp_é00000000000000000000000000000000000",
        ] {
            assert!(!IssuedPassword::is_well_formed(text), "{text}");
        }
    }

    #[test]
    fn debug_output_hides_it() {
        let password = IssuedPassword::generate().unwrap();
        assert!(!format!("{password:?}").contains(password.expose()));
    }
}
