//! The ledger's two secrets: the key that signs its checkpoints, and the key of its digests.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::error::LedgerError;
use crate::layout::Layout;
use crate::note::VerifierKey;
use crate::store;

/// The file with the signing key's seed. Written last when a ledger is made: where it stands, the ledger is whole.
pub(crate) const SIGNING_KEY: &str = "signing-key";
/// The file with the key of keyed digests.
pub(crate) const DIGEST_KEY: &str = "digest-key";

/// A secret of 32 bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Draws a secret.
pub(crate) fn draw() -> Result<Secret, LedgerError> {
    let mut secret = Secret::default();
    draw_into(secret.as_mut_slice())?;
    Ok(secret)
}

/// Fills `bytes` with randomness of the operating system.
pub(crate) fn draw_into(bytes: &mut [u8]) -> Result<(), LedgerError> {
    getrandom::fill(bytes).map_err(|error| LedgerError::Key {
        path: PathBuf::from("/dev/urandom"),
        reason: error.to_string().into(),
    })
}

/// The key made from a seed. The key wipes itself when dropped.
pub(crate) fn signing_key(seed: &Secret) -> SigningKey {
    SigningKey::from_bytes(seed)
}

/// Writes a secret to a new file that only its owner can read.
pub(crate) fn write(path: &Path, secret: &Secret) -> Result<(), LedgerError> {
    let text = Zeroizing::new(format!("{}\n", BASE64.encode(secret.as_slice())));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|error| LedgerError::io("write", path, &error))
}

/// Writes the public half beside the log, unless it stands there.
pub(crate) fn write_public(layout: &Layout, verifier: &VerifierKey) -> Result<(), LedgerError> {
    let path = layout.public_key();
    let text = format!("{verifier}\n");
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    store::write_whole(&path, text.as_bytes(), 0o644).map_err(|error| LedgerError::io("write", path, &error))
}

/// Reads a secret, and refuses a file that others could have read.
pub(crate) fn read(path: &Path) -> Result<Secret, LedgerError> {
    let wrong = |reason: &str| LedgerError::Key {
        path: path.into(),
        reason: Arc::from(reason),
    };
    let file = File::open(path).map_err(|error| wrong(&error.to_string()))?;
    let mode = file
        .metadata()
        .map_err(|error| wrong(&error.to_string()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(wrong("others than its owner may read it; chmod 600"));
    }
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| wrong(&error.to_string()))?;
    let bytes = BASE64
        .decode(text.trim())
        .map(Zeroizing::new)
        .map_err(|_| wrong("not base64"))?;
    let mut secret = Secret::default();
    if bytes.len() != secret.len() {
        return Err(wrong("not 32 bytes"));
    }
    secret.copy_from_slice(&bytes);
    Ok(secret)
}
