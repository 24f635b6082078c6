//! How far an export has come, kept in a file.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// The last event that has arrived.
pub(super) struct Cursor {
    path: PathBuf,
    ledger: String,
    event: u64,
}

impl Cursor {
    /// Reads the file, or begins anew where there is none.
    ///
    /// # Errors
    /// When it is no cursor, or another record's.
    pub(super) fn open(path: &Path, ledger: &str) -> anyhow::Result<Self> {
        let event = match fs::read_to_string(path) {
            Ok(text) => {
                let (of, event) = text
                    .trim_end()
                    .split_once(' ')
                    .with_context(|| format!("{} is no cursor", path.display()))?;
                ensure!(of == ledger, "{} is the cursor of another record, {of}", path.display());
                event
                    .parse()
                    .with_context(|| format!("{} is no cursor", path.display()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        };
        let ledger = ledger.to_owned();
        Ok(Self {
            path: path.to_owned(),
            ledger,
            event,
        })
    }

    pub(super) const fn event(&self) -> u64 {
        self.event
    }

    /// Notes that everything up to `event` has arrived; on disk before this returns.
    pub(super) fn move_to(&mut self, event: u64) -> anyhow::Result<()> {
        let unfinished = self.path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&unfinished)?;
            writeln!(file, "{} {event}", self.ledger)?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.path)
        };
        write().with_context(|| format!("can't write {}", self.path.display()))?;
        self.event = event;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_goes_on_where_it_was_and_in_its_own_record_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cursor");
        let mut cursor = Cursor::open(&path, "00ff").expect("a cursor");
        assert_eq!(cursor.event(), 0);
        cursor.move_to(17).expect("it is written");
        assert_eq!(Cursor::open(&path, "00ff").expect("a cursor").event(), 17);
        assert!(Cursor::open(&path, "11ff").is_err());
        std::fs::write(&path, "17").expect("a file");
        assert!(Cursor::open(&path, "00ff").is_err());
    }
}
