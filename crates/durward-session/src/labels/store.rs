//! What is kept of a label book between two runs: two files for each database in `DATA_DIR/labels`.
//!
//! What was found can be found again, so a file of it that can't be used is left aside. What somebody said can't: a file
//! of it that can't be used is an error. Neither holds a value of the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use durward_model::{ColumnNumber, DatabaseName, Label, Oid};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LabelsError;
use super::snapshot::RelationLabels;

const FORMAT_VERSION: u32 = 1;

/// The largest file that is read.
///
/// Unit: bytes. Reason: 100,000 tables of ten columns take about 400 MB.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Which database it is: names can be given to another one, these can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DatabaseIdentity {
    /// `pg_control_system().system_identifier`; zero where the login may not ask.
    pub(super) system: u64,
    /// The database's oid.
    pub(super) database: Oid,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    version: u32,
    pub(super) database: String,
    pub(super) identity: DatabaseIdentity,
    pub(super) relations: Vec<(Oid, RelationLabels)>,
}

/// What somebody said.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    version: u32,
    database: String,
    overrides: Vec<Override>,
}

/// What somebody said of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Override {
    pub(super) identity: DatabaseIdentity,
    pub(super) relation: Oid,
    pub(super) number: ColumnNumber,
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) column: String,
    /// None for harmless.
    pub(super) label: Option<Label>,
    pub(super) by: String,
    pub(super) set_unix_seconds: u64,
}

/// Where one database's files are.
#[derive(Debug, Clone)]
pub(super) struct LabelFiles {
    folder: PathBuf,
    database: String,
}

impl LabelFiles {
    pub(super) fn new(data_dir: &Path, database: &DatabaseName) -> Self {
        Self {
            folder: data_dir.join("labels"),
            database: database.as_str().to_owned(),
        }
    }

    /// All databases of which something is kept in `data_dir`, by name.
    pub(super) fn all(data_dir: &Path) -> Result<Vec<Self>, LabelsError> {
        let folder = data_dir.join("labels");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| LabelsError::io(&folder, error))?,
        };
        let name = |path: &Path| {
            let file = path.file_name()?.to_str()?;
            file.strip_suffix(".found.json").map(name_of_file)
        };
        let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(&entry.path())).collect();
        names.sort();
        let files = |database| Self {
            folder: folder.clone(),
            database,
        };
        Ok(names.into_iter().map(files).collect())
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}.json", file_name(&self.database)))
    }

    /// What was found; none where nothing is kept or the file can't be used.
    pub(super) fn read_found(&self) -> Option<Found> {
        let path = self.path("found");
        match read::<Found>(&path) {
            Ok(found) => found.filter(|found| found.version == FORMAT_VERSION && found.database == self.database),
            Err(error) => {
                tracing::warn!(%error, "what was found of the columns is found anew");
                None
            }
        }
    }

    pub(super) fn write_found(
        &self,
        identity: DatabaseIdentity,
        relations: Vec<(Oid, RelationLabels)>,
    ) -> Result<(), LabelsError> {
        let found = Found {
            version: FORMAT_VERSION,
            database: self.database.clone(),
            identity,
            relations,
        };
        self.replace(&self.path("found"), &found)
    }

    /// What somebody said.
    pub(super) fn read_told(&self) -> Result<Vec<Override>, LabelsError> {
        let path = self.path("told");
        let told = read::<Told>(&path)?.unwrap_or(Told {
            version: FORMAT_VERSION,
            database: self.database.clone(),
            overrides: Vec::new(),
        });
        if told.version != FORMAT_VERSION {
            return Err(LabelsError::unusable(&path, "it was written by another version"));
        }
        Ok(told.overrides)
    }

    pub(super) fn write_told(&self, overrides: &[Override]) -> Result<(), LabelsError> {
        let told = Told {
            version: FORMAT_VERSION,
            database: self.database.clone(),
            overrides: overrides.to_vec(),
        };
        self.replace(&self.path("told"), &told)
    }

    /// Puts a new version in place, whole or not at all.
    fn replace(&self, path: &Path, contents: &impl Serialize) -> Result<(), LabelsError> {
        let mut bytes =
            serde_json::to_vec(contents).map_err(|error| LabelsError::unusable(path, &error.to_string()))?;
        bytes.push(b'\n');
        let temporary = path.with_extension(format!("json.{}", std::process::id()));
        let written = make_private(&self.folder)
            .and_then(|()| write_durably(&temporary, &bytes))
            .and_then(|()| fs::rename(&temporary, path))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        written.map_err(|error| LabelsError::io(path, error))
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an earlier crash left behind is ours: its process is gone.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LabelsError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| LabelsError::io(path, error))?,
    };
    let metadata = file.metadata().map_err(|error| LabelsError::io(path, error))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(LabelsError::unusable(
            path,
            "other users can read or change it: chmod 600",
        ));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(LabelsError::unusable(path, "it is larger than 1 GiB"));
    }
    serde_json::from_reader(io::BufReader::new(file))
        .map(Some)
        .map_err(|error| LabelsError::unusable(path, &error.to_string()))
}

/// A database's name as the beginning of a file's: what a path could mean otherwise is written as `%` and its number.
pub(crate) fn file_name(database: &str) -> String {
    let mut name = String::new();
    for (place, byte) in database.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            b'.' if place > 0 => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

fn name_of_file(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match (
            after.get(..2).map(|digits| u8::from_str_radix(digits, 16)),
            after.get(2..),
        ) {
            (Some(Ok(byte)), Some(after)) => {
                bytes.push(byte);
                rest = after;
            }
            _ => rest = after,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{file_name, name_of_file};

    #[test]
    fn every_name_has_a_file_of_its_own() {
        for name in ["shop", "..", ".hidden", "a/b", "50%", "büro", "x.found", "A b"] {
            let file = file_name(name);
            assert!(!file.contains('/') && !file.starts_with('.'), "{file}");
            assert_eq!(name_of_file(&file), name);
        }
    }
}
