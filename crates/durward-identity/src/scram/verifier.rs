use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// PBKDF2 rounds: the least that RFC 7677 section 4 allows and PostgreSQL's default. More would guard weak passwords;
/// ours carry 178 random bits.
pub const ITERATIONS: u32 = 4_096;
/// Bytes of a SHA-256 key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a salt, as in PostgreSQL (`SCRAM_DEFAULT_SALT_LEN`).
pub const SALT_BYTES: usize = 16;

/// The salt of one identity. All its credentials share it, so that one exchange can be checked against each of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ScramSalt([u8; SALT_BYTES]);

impl ScramSalt {
    /// Draws a new salt.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SALT_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The salt of a user who doesn't exist: always the same for the same name, unguessable without `mock_key`, so that
    /// it looks like a real one.
    pub fn mock(mock_key: &[u8], user: &str) -> Self {
        let mac = hmac_sha256(mock_key, user.as_bytes());
        let mut bytes = [0; SALT_BYTES];
        for (byte, mac_byte) in bytes.iter_mut().zip(mac) {
            *byte = mac_byte;
        }
        Self(bytes)
    }

    /// The salt itself; it is no secret.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ScramSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramSalt")
    }
}

impl Serialize for ScramSalt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for ScramSalt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed_bytes(&String::deserialize(deserializer)?).map(Self)
    }
}

/// What is kept of a password (RFC 5802 section 3): enough to check a proof, not enough to make one.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ScramKeys {
    pub(super) stored_key: [u8; KEY_BYTES],
    pub(super) server_key: [u8; KEY_BYTES],
}

impl ScramKeys {
    /// Derives the keys of `password`. A password that SASLprep refuses is used as it is, as PostgreSQL does.
    pub fn derive(password: &[u8], salt: &ScramSalt) -> Self {
        let prepared = std::str::from_utf8(password)
            .ok()
            .and_then(|text| stringprep::saslprep(text).ok())
            .map(|text| Zeroizing::new(text.into_owned().into_bytes()));
        let password = prepared.as_ref().map_or(password, |bytes| bytes.as_slice());
        let mut salted = Zeroizing::new([0; KEY_BYTES]);
        pbkdf2_sha256(password, salt.as_bytes(), &mut salted);
        Self {
            stored_key: sha256(&hmac_sha256(salted.as_slice(), b"Client Key")),
            server_key: hmac_sha256(salted.as_slice(), b"Server Key"),
        }
    }

    /// Keys that no proof fits, for an exchange that can only fail.
    pub(super) fn mock(salt: &ScramSalt) -> Self {
        Self {
            stored_key: sha256(salt.as_bytes()),
            server_key: sha256(salt.as_bytes()),
        }
    }

    /// Whether the keys are those of `password`, in constant time once derived.
    pub fn matches(&self, password: &[u8], salt: &ScramSalt) -> bool {
        use subtle::ConstantTimeEq as _;
        Self::derive(password, salt).stored_key.ct_eq(&self.stored_key).into()
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramKeys(‹redacted›)")
    }
}

impl Serialize for ScramKeys {
    /// `StoredKey:ServerKey` in base64, the tail of PostgreSQL's `rolpassword`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!(
            "{}:{}",
            STANDARD.encode(self.stored_key),
            STANDARD.encode(self.server_key)
        );
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for ScramKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let Some((stored_key, server_key)) = text.split_once(':') else {
            return Err(de::Error::custom("expected StoredKey:ServerKey"));
        };
        Ok(Self {
            stored_key: fixed_bytes(stored_key)?,
            server_key: fixed_bytes(server_key)?,
        })
    }
}

fn fixed_bytes<const N: usize, E: de::Error>(text: &str) -> Result<[u8; N], E> {
    let bytes = STANDARD.decode(text).map_err(E::custom)?;
    bytes
        .try_into()
        .map_err(|_| E::custom(format_args!("expected {N} bytes in base64")))
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; KEY_BYTES] {
    Sha256::digest(bytes).into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 2)")]
pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; KEY_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 2)")]
fn pbkdf2_sha256(password: &[u8], salt: &[u8], output: &mut [u8; KEY_BYTES]) {
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, ITERATIONS, output).expect("a key of any length");
}
