//! The gateway's own secret keys: each made once, and kept for its owner alone.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use zeroize::Zeroizing;

/// From which all masks are derived.
pub(crate) const MASKS: &str = "mask.key";

/// With which rows are sealed that can be put back.
pub(crate) const UNDO: &str = "undo.key";

/// 32 random bytes.
type Key = Zeroizing<[u8; 32]>;

/// Reads the key, or makes one where there is none yet.
///
/// # Errors
/// When the file can't be read or made, others may read it, or it holds no key.
pub(crate) fn open(path: &Path) -> anyhow::Result<Key> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => make(file).with_context(|| format!("can't write {}", path.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path).with_context(|| format!("can't use the key in {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("can't make {}", path.display())),
    }
}

fn make(mut file: File) -> anyhow::Result<Key> {
    let mut key = Key::default();
    getrandom::fill(&mut *key).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(&*key)?;
    file.sync_all()?;
    Ok(key)
}

fn read(path: &Path) -> anyhow::Result<Key> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    ensure!(mode & 0o077 == 0, "others may read it: its mode is {:o}", mode & 0o777);
    let mut key = Key::default();
    file.read_exact(&mut *key).context("it is too short")?;
    ensure!(file.read(&mut [0])? == 0, "it is too long");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_stays_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::MASKS);
        let made = super::open(&path).unwrap();
        assert_ne!(*made, [0; 32]);
        assert_eq!(super::open(&path).unwrap(), made);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            super::open(&path)
                .unwrap_err()
                .chain()
                .any(|cause| cause.to_string().contains("644"))
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, [0; 31]).unwrap();
        assert!(super::open(&path).is_err());
    }
}
