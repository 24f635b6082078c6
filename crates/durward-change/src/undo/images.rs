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
    /// What it dropped or emptied and is kept aside in the database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptImage>,
}

/// What a statement dropped or emptied, as what puts it back from where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptImage {
    /// What it is, for people: `table public.orders`.
    pub what: String,
    /// The schemas that it is kept in.
    pub schemas: Vec<String>,
    /// The search path under which its definitions are read.
    pub search_path: String,
    /// What must hold when it is put back.
    pub checks: Vec<KeptCheck>,
    /// The statements that put it back.
    pub undo: Vec<String>,
    /// The rows that are put back then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<KeptRows>,
    /// What is kept was copied, and isn't needed any more once it is back.
    #[serde(default)]
    pub holds_copies: bool,
}

/// A read that must still answer as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCheck {
    /// Its text.
    pub text: String,
    /// Its answer.
    pub rows: Vec<Row>,
    /// What it means if it answers otherwise.
    pub why: String,
}

/// Rows that were copied aside. All names are quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRows {
    /// Where they go back to, for people.
    pub name: String,
    /// The number of that table.
    pub oid: u32,
    /// Its name.
    pub table: String,
    /// Where they are.
    pub copy: String,
    /// The columns that are put back.
    pub columns: Vec<String>,
    /// The columns of each of its unique keys, the primary key's first.
    pub keys: Vec<Vec<String>>,
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
        let kept = self
            .kept
            .iter()
            .flat_map(|image| &image.undo)
            .map(|undo| undo.len() + 256);
        rows + definitions.sum::<usize>() + kept.sum::<usize>()
    }

    /// Whether there is nothing that could be taken back.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty() && self.kept.is_empty() && self.rows() == 0
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
