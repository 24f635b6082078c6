//! The rows of a kept change as people may see them: what a label says that a column holds is shown as the label.

use durward_change::undo::{ChangeId, ColumnImage, Row, TableImages};
use durward_model::{ColumnNumber, Oid};
use durward_sql::CatalogSnapshot;
use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;
use crate::labels::LabelSnapshot;
use crate::limits::EFFECT_CHARACTERS_MAX;
use crate::masks::holding;
use crate::undo::UndoError;

/// Some rows of one table, as they were and as a change left them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTable {
    /// `schema.name`, as it was.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Some of its rows.
    pub rows: Vec<ShownRow>,
    /// How many more rows of it changed.
    pub more: usize,
}

/// One row: inserted where it has no `before`, deleted where it has no `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRow {
    /// As it was.
    pub before: Option<Row>,
    /// As the change left it.
    pub after: Option<Row>,
}

impl Gateway {
    /// Up to `rows_max` rows of a change. Cancel safe: yes.
    ///
    /// # Errors
    /// There is no such change, or it can't be read.
    pub async fn changed_rows(&self, id: ChangeId, rows_max: usize) -> Result<Vec<ShownTable>, UndoError> {
        let undo = self.undo.as_ref().ok_or(UndoError::Off)?;
        let name = undo.vault.get(id)?.change.database;
        let database = self.database(&name, None).ok_or(UndoError::NoDatabase(name))?;
        let catalog = database.catalog.refresh().await;
        let catalog = catalog.map_err(|error| UndoError::NoSession(error.to_string()))?;
        let labels = database.labels.current();
        let vault = std::sync::Arc::clone(&undo.vault);
        let images = tokio::task::spawn_blocking(move || vault.images(id)).await;
        let images = images.map_err(|_| UndoError::NoSession("the gateway is ending".to_owned()))??;
        let mut left = rows_max;
        let tables = images.iter().flat_map(|images| &images.tables).map(|table| {
            let shown = shown(table, left, &labels, &catalog);
            left -= shown.rows.len();
            shown
        });
        Ok(tables.collect())
    }
}

fn shown(table: &TableImages, rows_max: usize, labels: &LabelSnapshot, catalog: &CatalogSnapshot) -> ShownTable {
    let hidden: Vec<Option<String>> = table
        .columns
        .iter()
        .map(|column| hidden_as(Oid(table.oid), column, labels, catalog))
        .collect();
    let row = |row: &Option<Row>| {
        let row = row.as_ref()?;
        let values = row.iter().zip(&hidden).map(|(value, hidden)| match (value, hidden) {
            (None, _) => None,
            (Some(_), Some(label)) => Some(format!("[{label}]")),
            (Some(value), None) => Some(clipped(value)),
        });
        Some(values.collect())
    };
    let rows = table.rows.iter().take(rows_max).map(|images| ShownRow {
        before: row(&images.before),
        after: row(&images.after),
    });
    let rows: Vec<ShownRow> = rows.collect();
    ShownTable {
        name: format!("{}.{}", table.schema, table.name),
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        more: table.rows.len() - rows.len(),
        rows,
    }
}

/// What stands in the place of a column's values. Of a column that is gone nobody can tell any more what it held.
fn hidden_as(table: Oid, column: &ColumnImage, labels: &LabelSnapshot, catalog: &CatalogSnapshot) -> Option<String> {
    let number = ColumnNumber(column.number);
    let is_there = catalog
        .relation(table)
        .is_some_and(|relation| relation.column_numbered(number).is_some());
    if !is_there {
        return Some("gone".to_owned());
    }
    let held = holding(labels, catalog, (table, number), &[])?;
    Some(held.label.word().to_owned())
}

fn clipped(value: &str) -> String {
    match value.char_indices().nth(EFFECT_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value.to_owned(),
    }
}
