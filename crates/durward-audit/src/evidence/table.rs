//! Tables as files, row by row: CSV for spreadsheets, JSON for programs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use crate::evidence::EvidenceError;
use crate::evidence::manifest::ManifestFile;
use crate::note::hexadecimal;

/// A file in the making that knows its digest.
pub(super) struct HashedFile {
    name: String,
    file: BufWriter<File>,
    bytes: u64,
    sha256: Sha256,
}

impl HashedFile {
    /// Makes a new file that only its owner can read.
    pub(super) fn create(directory: &Path, name: &str) -> Result<Self, EvidenceError> {
        let path = directory.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(EvidenceError::io("make", path))?;
        Ok(Self {
            name: name.to_owned(),
            file: BufWriter::new(file),
            bytes: 0,
            sha256: Sha256::new(),
        })
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> io::Result<ManifestFile> {
        self.file.flush()?;
        Ok(ManifestFile {
            name: self.name,
            bytes: self.bytes,
            sha256: hexadecimal(&self.sha256.finalize()),
        })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sha256.update(bytes.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Whole(i64),
    Real(f64),
    Text(String),
}

impl Cell {
    /// The cells of a row.
    pub(crate) fn row(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Self>> {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => Self::Nothing,
                    ValueRef::Integer(value) => Self::Whole(value),
                    ValueRef::Real(value) => Self::Real(value),
                    ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
                    ValueRef::Blob(bytes) => Self::Text(hexadecimal(bytes)),
                })
            })
            .collect()
    }

    /// The cell as plain text; nothing is empty.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Whole(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The cell as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Self::Nothing => serde_json::Value::Null,
            Self::Whole(value) => (*value).into(),
            Self::Real(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// Writes a table in both forms.
pub(super) struct TableFiles {
    csv: HashedFile,
    json: HashedFile,
    columns: Vec<String>,
    rows: u64,
}

impl TableFiles {
    pub(super) fn create(directory: &Path, name: &str, columns: Vec<String>) -> Result<Self, EvidenceError> {
        let mut files = Self {
            csv: HashedFile::create(directory, &format!("{name}.csv"))?,
            json: HashedFile::create(directory, &format!("{name}.json"))?,
            columns,
            rows: 0,
        };
        let headings: Vec<String> = files.columns.iter().map(|name| quoted(name)).collect();
        write!(files.csv, "{}\r\n", headings.join(","))
            .and_then(|()| files.json.write_all(b"["))
            .map_err(EvidenceError::io("write", directory.join(name)))?;
        Ok(files)
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        let fields: Vec<String> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => quoted(text),
                other => other.text(),
            })
            .collect();
        write!(self.csv, "{}\r\n", fields.join(","))?;
        self.json.write_all(if self.rows == 0 { b"\n" } else { b",\n" })?;
        // Members in the order of the columns.
        self.json.write_all(b"{")?;
        for (place, (name, cell)) in self.columns.iter().zip(cells).enumerate() {
            if place > 0 {
                self.json.write_all(b",")?;
            }
            write!(self.json, "{}:{}", serde_json::to_string(name)?, cell.json())?;
        }
        self.json.write_all(b"}")?;
        self.rows += 1;
        Ok(())
    }

    /// Ends the files: how many rows they have, and what they are.
    pub(super) fn finish(mut self) -> io::Result<(u64, [ManifestFile; 2])> {
        self.json.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
        Ok((self.rows, [self.csv.finish()?, self.json.finish()?]))
    }
}

/// A field of CSV (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe before it: the texts are
/// written by whoever uses the database. The JSON has them as they are.
fn quoted(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    let guard = if is_formula { "'" } else { "" };
    let needs_quotes = text.contains([',', '"', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_spreadsheet_takes_no_text_for_a_formula() {
        for (text, field) in [
            ("alice", "alice"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            (
                "=HYPERLINK(\"http://x\",\"y\")",
                "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"",
            ),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-1+1", "'-1+1"),
            ("  =1", "\"'  =1\""),
            ("\t=1", "'\t=1"),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }
}
