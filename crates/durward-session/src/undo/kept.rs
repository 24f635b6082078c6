//! Puts back what a statement dropped or emptied, from where it is kept aside in the database.

use durward_change::undo::{ChangeId, KeptImage, KeptRows};

use super::{UndoError, Undoing, text_constant};

/// The rows of one table that are named as conflicts.
const CONFLICTS_MAX: usize = 50;

impl Undoing {
    pub(super) async fn kept(&mut self, id: ChangeId, image: &KeptImage) -> Result<(), UndoError> {
        if !self.sees_all {
            // Rows would come back as masks, and policy keeps others away from there anyway.
            let why = "what is kept aside is put back by the system account alone".to_owned();
            self.conflict(id, image.what.clone(), String::new(), why);
            return Ok(());
        }
        let path = text_constant(&image.search_path);
        self.rows(&format!("SELECT pg_catalog.set_config('search_path', {path}, true)"))
            .await?;
        for check in &image.checks {
            if self.rows(&check.text).await? != check.rows {
                self.conflict(id, image.what.clone(), String::new(), check.why.clone());
                return Ok(());
            }
        }
        // Older changes are looked at as they will find it; all of it is rolled back.
        let does = !self.plan_only || self.report.changes.len() > 1;
        self.report.definitions += u64::from(!image.undo.is_empty());
        if does {
            for statement in &image.undo {
                self.connection.simple_query(statement).await?;
            }
        }
        let mut is_whole = true;
        for rows in &image.rows {
            is_whole &= self.put_back(id, rows, does).await?;
        }
        if does && is_whole {
            for schema in &image.schemas {
                self.leave(schema, image.holds_copies).await?;
            }
        }
        Ok(())
    }

    /// Puts rows back whose keys nobody has taken; whether those are all of them.
    async fn put_back(&mut self, id: ChangeId, kept: &KeptRows, does: bool) -> Result<bool, UndoError> {
        if does {
            let lock = format!("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE", kept.table);
            self.connection.simple_query(&lock).await?;
        }
        let taken = taken(kept);
        let mut taken_rows = Vec::new();
        if let Some(taken) = &taken {
            let named = kept.keys.first().map(|key| in_words(key)).unwrap_or_default();
            let most = CONFLICTS_MAX + 1;
            let text = format!("SELECT {named} FROM {} AS k WHERE {taken} LIMIT {most}", kept.copy);
            taken_rows = self.rows(&text).await?;
        }
        let is_whole = taken_rows.is_empty();
        for (at, row) in taken_rows.into_iter().enumerate() {
            let row = match at {
                CONFLICTS_MAX => "and more".to_owned(),
                _ => row.into_iter().next().flatten().unwrap_or_default(),
            };
            self.conflict(id, kept.name.clone(), row, "another row has its key by now".to_owned());
        }
        let free = taken.map(|taken| format!(" WHERE NOT ({taken})")).unwrap_or_default();
        let count = format!("SELECT pg_catalog.count(*) FROM {} AS k{free}", kept.copy);
        let count = self.rows(&count).await?;
        let count = count
            .first()
            .and_then(|row| row.first()?.as_deref()?.parse::<u64>().ok());
        self.report.rows += count.unwrap_or_default();
        if does && count != Some(0) && !kept.columns.is_empty() {
            let columns = kept.columns.join(", ");
            let text = format!(
                "INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {} AS k{free}",
                kept.table, kept.copy
            );
            self.connection.simple_query(&text).await?;
        }
        Ok(is_whole)
    }

    /// Removes a schema that is done with: one from which a table was moved if nothing else is in it.
    async fn leave(&mut self, schema: &str, holds_copies: bool) -> Result<(), UndoError> {
        let name = text_constant(schema);
        let held = self
            .rows(&format!(
                "SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_namespace n ON n.oid = d.refobjid \
                 WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND n.nspname = {name} LIMIT 1"
            ))
            .await?;
        if held.is_empty() || holds_copies {
            let cascade = if holds_copies { " CASCADE" } else { "" };
            let drop = format!("DROP SCHEMA \"{}\"{cascade}", schema.replace('"', "\"\""));
            self.connection.simple_query(&drop).await?;
        }
        Ok(())
    }
}

/// That a row `k` of the copy can't go back, as another has one of its keys.
fn taken(kept: &KeptRows) -> Option<String> {
    let same = |key: &Vec<String>| {
        let columns = key.iter().map(|column| format!("t.{column} = k.{column}"));
        let columns: Vec<String> = columns.collect();
        format!(
            "EXISTS (SELECT FROM {} AS t WHERE {})",
            kept.table,
            columns.join(" AND ")
        )
    };
    let any: Vec<String> = kept.keys.iter().map(same).collect();
    (!any.is_empty()).then(|| any.join(" OR "))
}

/// A key's values as people read them.
fn in_words(key: &[String]) -> String {
    let parts = key.iter().map(|column| {
        let name = column.trim_matches('"').replace("\"\"", "\"");
        format!("{}, k.{column}::pg_catalog.text", text_constant(&format!("{name}=")))
    });
    let parts: Vec<String> = parts.collect();
    format!("pg_catalog.concat({})", parts.join(", ', ', "))
}
