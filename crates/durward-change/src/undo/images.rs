//! What a change did to rows, as text that the server can read back.

use serde::{Deserialize, Serialize};

/// What one statement did to rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Images {
    /// The settings under which values were written as text, and must be read back.
    pub settings: Vec<(String, String)>,
    /// Each table, those referred to before those that refer.
    pub tables: Vec<TableImages>,
    /// What it did to definitions, in the order in which it did it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<DefinitionImage>,
}

/// What a statement did to one definition, as what takes that back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionImage {
    /// What it is, for people: `column note of public.orders`.
    pub what: String,
    /// The statement that takes it back.
    pub undo: String,
    /// The search path under which that is read.
    pub search_path: String,
    /// Reads that must still answer so: otherwise somebody has changed it since.
    pub checks: Vec<(String, Vec<Row>)>,
    /// Data that would go with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fills: Option<Filled>,
}

/// A table, or a column of it, that must hold nothing when what made it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The table, qualified and quoted.
    pub table: String,
    /// Its number.
    pub oid: u32,
    /// Which of its rows hold something; none for all.
    pub condition: Option<String>,
    /// In words.
    pub what: String,
}

/// What a statement did to the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableImages {
    /// Its number in the catalog.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ColumnImage>,
    /// The places of columns that tell its rows apart; empty where there are none.
    pub key: Vec<usize>,
    /// The places of columns that the statement itself wrote; empty for all. What else changed, triggers did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<usize>,
    /// Each row.
    pub rows: Vec<RowImages>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnImage {
    /// Its number within the table.
    pub number: i16,
    /// Its name.
    pub name: String,
    /// Its type, qualified and quoted.
    pub type_name: String,
    /// The server computes it.
    pub generated: bool,
    /// The expression that gives its value as text, of a row called `t`.
    pub as_text: String,
}

/// A row's values, in the order of the table's columns.
pub type Row = Vec<Option<String>>;

/// One row: inserted where it has no `before`, deleted where it has no `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowImages {
    /// As it was.
    pub before: Option<Row>,
    /// As it is afterwards.
    pub after: Option<Row>,
}

impl Images {
    /// How many rows changed.
    pub fn rows(&self) -> u64 {
        let rows: usize = self.tables.iter().map(|table| table.rows.len()).sum();
        rows.try_into().unwrap_or(u64::MAX)
    }

    /// The bytes of all values.
    pub fn bytes(&self) -> usize {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        let images = rows.flat_map(|row| [&row.before, &row.after]).flatten().flatten();
        let rows: usize = images.map(|value| value.as_ref().map_or(1, String::len) + 8).sum();
        let definitions = self.definitions.iter().map(|image| image.undo.len() + 256);
        rows + definitions.sum::<usize>()
    }
}

impl RowImages {
    /// The places of the columns that changed.
    pub(crate) fn changed(&self) -> Vec<usize> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                let pairs = before.iter().zip(after).enumerate();
                pairs
                    .filter(|(_, (old, new))| old != new)
                    .map(|(place, _)| place)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}
