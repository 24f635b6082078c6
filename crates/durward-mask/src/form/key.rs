use std::fmt::{self, Write as _};

use durward_model::Label;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::hash::{BLOCK_BYTES, Hash, KeyedState};

/// Bytes of what a setting holds: the outer and the inner key of HMAC and the key of rounds, each a block.
const SETTING_BYTES: usize = 3 * BLOCK_BYTES;

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
#[derive(Clone)]
pub struct MaskKey {
    outer: KeyedState,
    inner: KeyedState,
    round: KeyedState,
    blocks: Zeroizing<[u8; SETTING_BYTES]>,
}

impl MaskKey {
    /// Derives the key from the gateway's master key. Each part is preceded by its length, so no two triples meet.
    pub fn derive(master: &[u8; 32], database: &str, label: &Label, scope: Scope<'_>) -> Self {
        let (kind, whom) = scope.parts();
        let mut seed = keyed(master);
        for part in [
            b"durward mask key 1".as_slice(),
            database.as_bytes(),
            label.word().as_bytes(),
            kind,
            whom.as_bytes(),
        ] {
            seed.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            seed.update(part);
        }
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.finalize().into_bytes().into());
        let purpose = |name: &[u8]| -> Zeroizing<[u8; 32]> {
            let mut state = keyed(&seed);
            state.update(name);
            Zeroizing::new(state.finalize().into_bytes().into())
        };
        Self::from_parts(&purpose(b"mac"), [&purpose(b"round 1"), &purpose(b"round 2")])
    }

    /// What the setting that SQL forms read must hold, in hexadecimal.
    pub fn setting(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * SETTING_BYTES));
        for byte in self.blocks.iter() {
            // A String takes every write.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }

    fn from_parts(mac: &[u8; 32], round: [&[u8; 32]; 2]) -> Self {
        let (outer, inner) = (padded(mac, 0x5c), padded(mac, 0x36));
        let [first, second] = round;
        let mut rounds = Zeroizing::new([0; BLOCK_BYTES]);
        for (place, byte) in rounds.iter_mut().zip(first.iter().chain(second)) {
            *place = *byte;
        }
        let mut blocks = Zeroizing::new([0; SETTING_BYTES]);
        let all = outer.iter().chain(inner.iter()).chain(rounds.iter());
        for (place, byte) in blocks.iter_mut().zip(all) {
            *place = *byte;
        }
        Self {
            outer: KeyedState::after(&outer),
            inner: KeyedState::after(&inner),
            round: KeyedState::after(&rounds),
            blocks,
        }
    }

    /// HMAC-SHA-256 of a value of any length.
    pub(super) fn mac(&self, value: &[u8]) -> [u8; 32] {
        self.mac_of([value, &[]])
    }

    /// [`Self::mac`] of a value in two parts.
    pub(super) fn mac_of(&self, parts: [&[u8]; 2]) -> [u8; 32] {
        let mut inner = self.inner.begin();
        for part in parts {
            inner.update(part);
        }
        self.closed(inner)
    }

    /// [`Self::mac`] of bytes that come one by one; `None` as soon as one does.
    pub(super) fn mac_of_bytes(&self, bytes: &mut dyn Iterator<Item = Option<u8>>) -> Option<[u8; 32]> {
        let mut inner = self.inner.begin();
        for byte in bytes {
            inner.update(&[byte?]);
        }
        Some(self.closed(inner))
    }

    /// The first eight bytes of [`Self::round`] of a number.
    pub(super) fn round_number(&self, tweak: u64, half: u64) -> u64 {
        self.round.number(tweak, half)
    }

    fn closed(&self, inner: Hash) -> [u8; 32] {
        let mut outer = self.outer.begin();
        outer.update(&inner.finish());
        outer.finish()
    }

    /// SHA-256 of the key's block and a message. `tweak` and what it implies fix the lengths of the other parts, and all
    /// fit in one block, so that no message is the beginning of another: that makes it a pseudo-random function in one
    /// compression.
    pub(super) fn round(&self, tweak: u64, parts: [&[u8]; 2]) -> [u8; 32] {
        let mut hash = self.round.begin();
        hash.update(&tweak.to_be_bytes());
        for part in parts {
            hash.update(part);
        }
        hash.finish()
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

    pub(super) fn outer(&self) -> String {
        self.part(0)
    }

    pub(super) fn inner(&self) -> String {
        self.part(1)
    }

    pub(super) fn round(&self) -> String {
        self.part(2)
    }

    /// An uncorrelated subselect, which the server evaluates once a statement.
    fn part(&self, index: usize) -> String {
        let digits = 2 * BLOCK_BYTES;
        let from = index * digits + 1;
        let whole = 2 * SETTING_BYTES;
        format!(
            "(SELECT CASE WHEN pg_catalog.length(k.s) OPERATOR(pg_catalog.=) {whole} \
             THEN pg_catalog.decode(pg_catalog.substr(k.s, {from}, {digits}), 'hex') END \
             FROM (SELECT pg_catalog.current_setting('{}', true) AS s) AS k)",
            self.setting
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

/// A key as HMAC pads it.
fn padded(key: &[u8; 32], with: u8) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([with; BLOCK_BYTES]);
    for (place, byte) in block.iter_mut().zip(key) {
        *place ^= byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use durward_model::Label;
    use hmac::{Hmac, KeyInit as _, Mac as _};
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
            assert_eq!(one.len(), 384);
            assert!(keys[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn the_setting_holds_the_padded_keys_of_hmac() {
        let key = MaskKey::derive(&[1; 32], "shop", &Label::Email, Scope::Database);
        let (outer, rest) = key.blocks.split_at(64);
        let (inner, round) = rest.split_at(64);
        let hash = |one: &[u8], two: &[u8]| Sha256::new().chain_update(one).chain_update(two).finalize();
        for value in [b"".as_slice(), b"a", &[0xff; 200]] {
            assert_eq!(key.mac(value).as_slice(), hash(outer, &hash(inner, value)).as_slice());
            let mut mac = Hmac::<Sha256>::new_from_slice(&inner.iter().map(|byte| byte ^ 0x36).collect::<Vec<_>>())
                .expect("any length");
            mac.update(value);
            assert_eq!(key.mac(value).as_slice(), mac.finalize().into_bytes().as_slice());
            let bytes = &mut value.iter().map(|byte| Some(*byte));
            assert_eq!(key.mac_of_bytes(bytes), Some(key.mac(value)));
        }
        let message = [5_u64.to_be_bytes().as_slice(), b"ab", b"c"].concat();
        assert_eq!(key.round(5, [b"ab", b"c"]).as_slice(), hash(round, &message).as_slice());
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
