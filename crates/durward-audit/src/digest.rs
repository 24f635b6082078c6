//! Digests that events carry.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use minicbor::{Decode, Encode};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::event::DefinitionKind;

/// The digest by which events refer to a definition: SHA-256 over `0x03`, the kind and the content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct DefinitionDigest(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 32]);

impl DefinitionDigest {
    /// The digest of a definition's content.
    pub(crate) fn of(kind: DefinitionKind, content: &[u8]) -> Self {
        let kind = match kind {
            DefinitionKind::Session => 1,
            DefinitionKind::Shape => 2,
            DefinitionKind::Basis => 3,
        };
        let mut hasher = Sha256::new();
        hasher.update([0x03, kind]);
        hasher.update(content);
        Self(hasher.finalize().into())
    }
}

/// A digest of client bytes under the ledger's own secret: equal bytes have equal digests within one ledger, and short
/// values can't be guessed from the log alone. HMAC-SHA-256 cut to 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyedDigest(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 16]);

macro_rules! shown_as_hexadecimal {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

shown_as_hexadecimal!(DefinitionDigest);
shown_as_hexadecimal!(KeyedDigest);

/// Makes [`KeyedDigest`]s. Holds the secret in the form of a keyed hash state.
#[derive(Clone)]
pub(crate) struct DigestKey(Hmac<Sha256>);

impl DigestKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        // HMAC pads a short key with zeros to its block (RFC 2104 section 2).
        let mut block = Zeroizing::new([0_u8; 64]);
        let (start, _) = block.split_at_mut(secret.len());
        start.copy_from_slice(secret);
        Self(Hmac::<Sha256>::new((&*block).into()))
    }

    pub(crate) fn digest(&self, bytes: &[u8]) -> KeyedDigest {
        let mut mac = self.0.clone();
        mac.update(bytes);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let (first, _) = full.split_at(16);
        let mut short = [0; 16];
        short.copy_from_slice(first);
        KeyedDigest(short)
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(‹redacted›)")
    }
}
