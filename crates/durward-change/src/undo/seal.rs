//! Images at rest: sealed with a key that is kept apart from them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;

/// The key that images are sealed with (AES-256-GCM, NIST SP 800-38D).
pub struct UndoKey(LessSafeKey);

/// A sealed text can't be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was sealed with another key, or is damaged")]
pub(crate) struct Unsealed;

impl UndoKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes)
            .ok()
            .map(LessSafeKey::new)
            .map(Self)
    }

    /// Seals `plain`; opening needs the same `label` beside it. Returns nonce, ciphertext and tag.
    pub(crate) fn seal(&self, label: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| Unsealed)?;
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label), &mut sealed)
            .map_err(|_| Unsealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, label: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unsealed)?;
        let mut bytes = sealed.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(label), &mut bytes)
            .map_err(|_| Unsealed)?;
        Ok(plain.to_vec())
    }
}

impl fmt::Debug for UndoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UndoKey")
    }
}
