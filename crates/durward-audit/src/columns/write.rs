//! One file of a day.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::rows::{COLUMNS, Cell, Column, ColumnKind, row};
use super::{CHECKPOINT, ColumnsError, DAY, FILE, LAST_EVENT, LEDGER, io_error, make_folder};
use crate::resolve::ShownEvent;
use crate::store;

/// Rows that are gathered in memory and written together.
///
/// Unit: rows. Reason: some tens of megabytes, and few enough groups for readers to skip among.
const GROUP_ROWS: usize = 50_000;

/// A file in the making.
pub(super) struct DayFile {
    day: String,
    path: PathBuf,
    unfinished: PathBuf,
    writer: SerializedFileWriter<File>,
    rows: Vec<[Cell; COLUMNS.len()]>,
    rows_total: u64,
    last_event: u64,
    ledger: String,
}

impl DayFile {
    pub(super) fn create(target: &Path, day: &str, first_event: u64, ledger: &str) -> Result<Self, ColumnsError> {
        let folder = target.join(format!("{DAY}{day}"));
        make_folder(&folder)?;
        let path = folder.join(format!("{}{first_event:020}{}", FILE.0, FILE.1));
        let unfinished = path.with_extension("new");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(io_error(&unfinished))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let schema = Arc::new(parse_message_type(&schema())?);
        Ok(Self {
            day: day.to_owned(),
            writer: SerializedFileWriter::new(file, schema, Arc::new(properties))?,
            path,
            unfinished,
            rows: Vec::new(),
            rows_total: 0,
            last_event: 0,
            ledger: ledger.to_owned(),
        })
    }

    pub(super) fn day(&self) -> &str {
        &self.day
    }

    pub(super) fn add(&mut self, event: &ShownEvent) -> Result<(), ColumnsError> {
        self.last_event = event.stored.number.0;
        self.rows.extend(row(event));
        if self.rows.len() >= GROUP_ROWS {
            self.group()?;
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), ColumnsError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (place, column) in COLUMNS.iter().enumerate() {
            let cells = self.rows.iter().filter_map(|row| row.get(place));
            if let Some(mut writer) = group.next_column()? {
                write(&mut writer, column, cells)?;
                writer.close()?;
            }
        }
        group.close()?;
        self.rows_total += u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        self.rows.clear();
        Ok(())
    }

    /// Gives the file its name, once it is whole and on disk. Returns its rows.
    pub(super) fn finish(mut self, checkpoint: &str) -> Result<u64, ColumnsError> {
        self.group()?;
        for (key, value) in [
            (LEDGER, self.ledger),
            (LAST_EVENT, self.last_event.to_string()),
            (CHECKPOINT, checkpoint.to_owned()),
        ] {
            self.writer
                .append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let file = self.writer.into_inner()?;
        file.sync_all()
            .and_then(|()| fs::rename(&self.unfinished, &self.path))
            .and_then(|()| store::sync_directory(&self.path))
            .map_err(io_error(&self.path))?;
        Ok(self.rows_total)
    }
}

/// The schema in the format's own language.
fn schema() -> String {
    let columns = COLUMNS.map(|column| {
        let name = column.name;
        let presence = if column.required { "required" } else { "optional" };
        match column.kind {
            ColumnKind::Integer => format!("{presence} int64 {name};"),
            ColumnKind::Timestamp => format!("{presence} int64 {name} (TIMESTAMP(MICROS,true));"),
            ColumnKind::Text => format!("{presence} binary {name} (STRING);"),
            ColumnKind::Texts => format!(
                "{presence} group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}"
            ),
        }
    });
    format!("message event {{ {} }}", columns.join(" "))
}

fn write<'a>(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    cells: impl Iterator<Item = &'a Cell>,
) -> Result<(), ColumnsError> {
    let (mut integers, mut texts) = (Vec::new(), Vec::new());
    // How much of a value there is, and whether it goes on with a list (the format's definition and repetition levels).
    let (mut defined, mut repeated) = (Vec::new(), Vec::new());
    for cell in cells {
        match cell {
            Cell::None => defined.push(0_i16),
            Cell::Integer(value) => {
                defined.push(1);
                integers.push(i64::try_from(*value).unwrap_or(i64::MAX));
            }
            Cell::Text(text) => {
                defined.push(1);
                texts.push(ByteArray::from(text.as_str()));
            }
            Cell::Texts(several) => {
                if several.is_empty() {
                    defined.push(0);
                    repeated.push(0_i16);
                }
                for (place, text) in several.iter().enumerate() {
                    defined.push(1);
                    repeated.push(i16::from(place > 0));
                    texts.push(ByteArray::from(text.as_str()));
                }
            }
        }
    }
    let is_list = column.kind == ColumnKind::Texts;
    let defined = (is_list || !column.required).then_some(defined.as_slice());
    let repeated = is_list.then_some(repeated.as_slice());
    match column.kind {
        ColumnKind::Integer | ColumnKind::Timestamp => {
            writer.typed::<Int64Type>().write_batch(&integers, defined, repeated)?
        }
        ColumnKind::Text | ColumnKind::Texts => {
            writer.typed::<ByteArrayType>().write_batch(&texts, defined, repeated)?
        }
    };
    Ok(())
}
