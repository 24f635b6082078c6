use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durward_model::{CredentialId, PrincipalKind};
use serde::{Deserialize, Serialize};

use super::DirectoryError;
use crate::scram::{ScramKeys, ScramSalt};

const FILE_NAME: &str = "identities.json";
const LOCK_NAME: &str = "identities.lock";
const FORMAT_VERSION: u32 = 1;
/// A directory of 10,000 identities takes about 5 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The whole directory as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    pub(super) version: u32,
    /// Makes the salts of users who don't exist.
    pub(super) mock_key: ScramSalt,
    pub(super) identities: Vec<Identity>,
    /// Names of other directories (issuers' subjects, database accounts) that may not log in.
    #[serde(default)]
    pub(super) revoked_names: Vec<Arc<str>>,
    /// Credentials of other directories that may not be used.
    #[serde(default)]
    pub(super) revoked_credentials: Vec<CredentialId>,
}

impl Contents {
    fn new() -> Result<Self, DirectoryError> {
        Ok(Self {
            version: FORMAT_VERSION,
            mock_key: ScramSalt::generate()?,
            identities: Vec::new(),
            revoked_names: Vec::new(),
            revoked_credentials: Vec::new(),
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) name: Arc<str>,
    pub(super) kind: PrincipalKind,
    #[serde(default)]
    pub(super) groups: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acts_for: Option<Arc<str>>,
    pub(super) created_unix_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked_unix_seconds: Option<u64>,
    pub(super) salt: ScramSalt,
    #[serde(default)]
    pub(super) credentials: Vec<Credential>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    pub(super) id: CredentialId,
    /// The databases that it opens.
    pub(super) databases: Vec<Arc<str>>,
    pub(super) created_unix_seconds: u64,
    pub(super) expires_unix_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked_unix_seconds: Option<u64>,
    pub(super) scram_sha_256: ScramKeys,
}

/// Tells one version of the file from the next without reading it. A rename always changes the inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
    size_bytes: u64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            size_bytes: metadata.len(),
        }
    }
}

/// The directory's file and its lock.
#[derive(Debug)]
pub(super) struct DirectoryFile {
    data_dir: PathBuf,
    path: PathBuf,
}

impl DirectoryFile {
    /// Opens the file in `data_dir`, and makes both where they are missing.
    pub(super) fn open(data_dir: &Path) -> Result<Self, DirectoryError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|error| DirectoryError::io(data_dir, error))?;
        let file = Self {
            data_dir: data_dir.to_owned(),
            path: data_dir.join(FILE_NAME),
        };
        let _lock = file.lock()?;
        if !file.path.exists() {
            file.replace(&Contents::new()?)?;
        }
        Ok(file)
    }

    pub(super) fn stamp(&self) -> Result<Stamp, DirectoryError> {
        fs::metadata(&self.path)
            .map(|metadata| Stamp::of(&metadata))
            .map_err(|error| self.io(error))
    }

    pub(super) fn read(&self) -> Result<(Contents, Stamp), DirectoryError> {
        let file = File::open(&self.path).map_err(|error| self.io(error))?;
        let metadata = file.metadata().map_err(|error| self.io(error))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(DirectoryError::Readable {
                path: self.path.clone(),
            });
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(self.unreadable("it is larger than 64 MiB"));
        }
        let contents: Contents =
            serde_json::from_reader(io::BufReader::new(file)).map_err(|error| self.unreadable(&error.to_string()))?;
        if contents.version != FORMAT_VERSION {
            return Err(self.unreadable("it was written by another version"));
        }
        Ok((contents, Stamp::of(&metadata)))
    }

    /// Keeps other processes from changing the file until dropped.
    pub(super) fn lock(&self) -> Result<File, DirectoryError> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.data_dir.join(LOCK_NAME))
            .map_err(|error| self.io(error))?;
        lock.lock().map_err(|error| self.io(error))?;
        Ok(lock)
    }

    /// Puts a new version in place, whole or not at all. The lock must be held.
    pub(super) fn replace(&self, contents: &Contents) -> Result<(), DirectoryError> {
        let bytes = serde_json::to_vec_pretty(contents).map_err(|error| self.unreadable(&error.to_string()))?;
        let temporary = self.path.with_extension(format!("json.{}", std::process::id()));
        let written = write_durably(&temporary, &bytes)
            .and_then(|()| fs::rename(&temporary, &self.path))
            .and_then(|()| File::open(&self.data_dir)?.sync_all());
        written.map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> DirectoryError {
        DirectoryError::io(&self.path, error)
    }

    fn unreadable(&self, problem: &str) -> DirectoryError {
        DirectoryError::Unreadable {
            path: self.path.clone(),
            problem: problem.to_owned(),
        }
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an earlier crash left behind is ours: the lock is held.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
