use std::fmt::{self, Write as _};

use durward_model::Label;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::hash::{BLOCK_BYTES, Hash, KeyedState};
use super::sql::{call, op};

/// What stands before a value that is hashed. No tweak begins with it: that byte of a tweak is the number of a round.
pub(super) const VALUE_MARK: &str = "v";

/// Who sees equal masks for equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// One principal: what two people see can't be compared.
    Principal(&'a str),
    /// Everybody of a group that policy names.
    Group(&'a str),
    /// Everybody.
    Database,
}

impl Scope<'_> {
    const fn parts(&self) -> (&'static [u8], &str) {
        match self {
            Self::Principal(id) => (b"principal", id),
            Self::Group(name) => (b"group", name),
            Self::Database => (b"database", ""),
        }
    }
}

/// The key of the masks of one label in one database for one scope. Wiped when dropped, and never printed.
///
/// It is a secret block of SHA-256. What masks are made of is SHA-256 of that block and a message, of which no mask shows
/// more than 128 bits: whoever could go on hashing from one output, which a bare prefix key allows, would need all 256. A
/// prefix-keyed hash with a truncated output is a pseudo-random function if the compression function is one that stands
/// the loss of what is shown ("Hash-Function Based PRFs: AMAC and Its Multi-User Security", Bellare, Bernstein, Tessaro,
/// EUROCRYPT 2016). It takes one call of `sha256` where HMAC takes two, and those calls are most of what a mask in SQL
/// costs. The block itself is derived by HMAC-SHA-256.
#[derive(Clone)]
pub struct MaskKey {
    state: KeyedState,
    block: Zeroizing<[u8; BLOCK_BYTES]>,
}

impl MaskKey {
    /// Derives the key from the gateway's master key. Each part is preceded by its length, so no two triples meet.
    pub fn derive(master: &[u8; 32], database: &str, label: &Label, scope: Scope<'_>) -> Self {
        let (kind, whom) = scope.parts();
        let mut seed = keyed(master);
        for part in [
            b"durward mask key 2".as_slice(),
            database.as_bytes(),
            label.word().as_bytes(),
            kind,
            whom.as_bytes(),
        ] {
            seed.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            seed.update(part);
        }
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.finalize().into_bytes().into());
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        for (half, name) in block.chunks_mut(BLOCK_BYTES / 2).zip([b"block 1", b"block 2"]) {
            let mut state = keyed(&seed);
            state.update(name);
            let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(state.finalize().into_bytes().into());
            half.copy_from_slice(bytes.as_slice());
        }
        Self {
            state: KeyedState::after(&block),
            block,
        }
    }

    /// What the setting that SQL forms read must hold, in hexadecimal.
    pub fn setting(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * BLOCK_BYTES));
        for byte in self.block.iter() {
            // A String takes every write.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }

    /// The hash of a value of any length. A mask shows at most 128 bits of it.
    pub(super) fn hash(&self, value: &[u8]) -> [u8; 32] {
        self.hash_of([value, &[]])
    }

    /// [`Self::hash`] of a value in two parts.
    pub(super) fn hash_of(&self, parts: [&[u8]; 2]) -> [u8; 32] {
        let mut hash = self.begin_value();
        for part in parts {
            hash.update(part);
        }
        hash.finish()
    }

    /// [`Self::hash`] of bytes that come one by one; `None` as soon as one does.
    pub(super) fn hash_of_bytes(&self, bytes: &mut dyn Iterator<Item = Option<u8>>) -> Option<[u8; 32]> {
        let mut hash = self.begin_value();
        for byte in bytes {
            hash.update(&[byte?]);
        }
        Some(hash.finish())
    }

    /// The hash of a tweak and a message, for rounds and checks. The tweak says how the message is made, and the same
    /// bound holds for what is shown of the outcome.
    pub(super) fn round(&self, tweak: u64, message: &[u8]) -> [u8; 32] {
        let mut hash = self.state.begin();
        hash.update(&tweak.to_be_bytes());
        hash.update(message);
        hash.finish()
    }

    /// The first eight bytes of [`Self::round`] of a number.
    pub(super) fn round_number(&self, tweak: u64, half: u64) -> u64 {
        self.state.number(tweak, half)
    }

    fn begin_value(&self) -> Hash {
        let mut hash = self.state.begin();
        hash.update(VALUE_MARK.as_bytes());
        hash
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(‹redacted›)")
    }
}

/// The custom setting from which SQL forms read a key.
///
/// Its name is all that stands in SQL text. Where the setting is missing, empty or of another length, masks give NULL.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlKey {
    setting: String,
}

impl SqlKey {
    /// The setting `durward.<name>`. The name should be unguessable; it is one of letters, digits and underscores.
    /// `None` for any other.
    pub fn new(name: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        (starts && name.bytes().all(fits)).then(|| Self {
            setting: format!("durward.{name}"),
        })
    }

    /// The whole name of the setting.
    pub fn setting_name(&self) -> &str {
        &self.setting
    }

    /// The key's block: an uncorrelated subselect, which the server evaluates once a statement. NULL where the setting
    /// holds none.
    pub(super) fn block(&self) -> String {
        let held = call("current_setting", &[&format!("'{}'", self.setting), "true"]);
        let fits = op(&call("length", &[&held]), "=", &(2 * BLOCK_BYTES).to_string());
        format!(
            "(SELECT CASE WHEN {fits} THEN {} END)",
            call("decode", &[&held, "'hex'"])
        )
    }
}

impl fmt::Debug for SqlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlKey(‹redacted›)")
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; BLOCK_BYTES];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let state = Hmac::new(&block.into());
    block.zeroize();
    state
}

#[cfg(test)]
mod tests {
    use durward_model::Label;
    use sha2::{Digest as _, Sha256};

    use super::{MaskKey, Scope, SqlKey};

    fn key(database: &str, label: Label, scope: Scope<'_>) -> String {
        MaskKey::derive(&[7; 32], database, &label, scope).setting().to_string()
    }

    #[test]
    fn every_part_of_the_derivation_counts() {
        let keys = [
            key("shop", Label::Email, Scope::Principal("ada")),
            key("shop", Label::Email, Scope::Principal("bob")),
            key("shop", Label::Email, Scope::Group("ada")),
            key("shop", Label::Email, Scope::Database),
            key("shop", Label::Phone, Scope::Database),
            key("shopemail", Label::Custom("".into()), Scope::Database),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert_eq!(one.len(), 128);
            assert!(keys[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn hashes_begin_with_the_block_that_the_setting_holds() {
        let key = MaskKey::derive(&[1; 32], "shop", &Label::Email, Scope::Database);
        let setting = key.setting();
        let block: Vec<u8> = (0..64)
            .map(|at| u8::from_str_radix(&setting[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        let hash = |message: &[u8]| Sha256::new().chain_update(&block).chain_update(message).finalize();
        for value in [b"".as_slice(), b"a", &[0xff; 200]] {
            let expected = hash(&[b"v", value].concat());
            assert_eq!(key.hash(value).as_slice(), expected.as_slice());
            let bytes = &mut value.iter().map(|byte| Some(*byte));
            assert_eq!(key.hash_of_bytes(bytes), Some(key.hash(value)));
        }
        let message = [5_u64.to_be_bytes().as_slice(), b"abc"].concat();
        assert_eq!(key.round(5, b"abc").as_slice(), hash(&message).as_slice());
        let number = [5_u64.to_be_bytes(), 6_u64.to_be_bytes()].concat();
        assert_eq!(key.round_number(5, 6).to_be_bytes(), hash(&number)[..8]);
    }

    #[test]
    fn keys_are_never_printed() {
        let key = MaskKey::derive(&[1; 32], "shop", &Label::Email, Scope::Database);
        assert_eq!(format!("{key:?}"), "MaskKey(‹redacted›)");
        let name = SqlKey::new("k3f9a").expect("a fit name");
        assert!(!format!("{name:?}").contains("k3f9a"));
    }

    #[test]
    fn names_of_settings_need_no_quotes() {
        for name in ["", "9a", "a-b", "a'b", "A", "a b", "ä"] {
            assert_eq!(SqlKey::new(name), None, "{name}");
        }
        assert_eq!(SqlKey::new("k_1").expect("fits").setting_name(), "durward.k_1");
    }
}
