//! Takes back what was done to definitions: only where they are as they were left, and never data with them.

use durward_change::undo::{ChangeId, DefinitionImage, Filled, Row};

use super::{UndoError, Undoing, text_constant};
use crate::upstream::UpstreamError;

/// What the server says of a DROP that would need CASCADE (manual, appendix A, class 2B).
const DEPENDENT_OBJECTS_STILL_EXIST: &str = "2BP01";
impl Undoing {
    pub(super) async fn definition(&mut self, id: ChangeId, image: &DefinitionImage) -> Result<(), UndoError> {
        // It names what is looked up under the path of then, whose text is whatever a client has made of it.
        let path = text_constant(&image.search_path);
        self.rows(&format!("SELECT pg_catalog.set_config('search_path', {path}, true)"))
            .await?;
        if !self.stands(image).await? {
            if self.plan_only && self.report.definitions > 0 {
                // Later changes of the same definition go first, which a plan only looks at.
                let what = &image.what;
                let note = format!("whether {what} is as it was left shows only once later changes are taken back");
                self.report.notes.push(note);
                self.report.definitions += 1;
                return Ok(());
            }
            let why = "somebody has changed it since".to_owned();
            self.conflict(id, image.what.clone(), String::new(), why);
            return Ok(());
        }
        if let Some(filled) = &image.fills {
            if !self.plan_only {
                let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", filled.table);
                self.connection.simple_query(&lock).await?;
                // The name may have been given to another before that.
                if !self.stands(image).await? {
                    return Err(UndoError::Moved(image.what.clone()));
                }
            }
            if self.is_filled(filled).await? {
                self.conflict(id, image.what.clone(), String::new(), filled.what.clone());
                return Ok(());
            }
        }
        if !self.plan_only
            && let Some(why) = self.undo_definition(&image.undo).await?
        {
            self.conflict(id, image.what.clone(), String::new(), why);
            return Ok(());
        }
        self.report.definitions += 1;
        Ok(())
    }

    /// Runs what takes a definition back; why not, where something else rests on it by now.
    async fn undo_definition(&mut self, text: &str) -> Result<Option<String>, UndoError> {
        self.connection.simple_query("SAVEPOINT durward_definition").await?;
        match self.connection.simple_query(text).await {
            Ok(_) => {
                self.connection
                    .simple_query("RELEASE SAVEPOINT durward_definition")
                    .await?;
                Ok(None)
            }
            Err(UpstreamError::Server(error)) if error.code() == DEPENDENT_OBJECTS_STILL_EXIST => {
                self.connection
                    .simple_query("ROLLBACK TO SAVEPOINT durward_definition")
                    .await?;
                Ok(Some(format!("something else rests on it by now: {}", error.message())))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it is as it was left.
    async fn stands(&mut self, image: &DefinitionImage) -> Result<bool, UndoError> {
        for (text, expected) in &image.checks {
            if self.rows(text).await? != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether data would be lost that isn't taken back itself.
    async fn is_filled(&mut self, filled: &Filled) -> Result<bool, UndoError> {
        let would_go = self.removed.get(&filled.oid).copied().filter(|_| self.plan_only);
        let would_go = would_go.unwrap_or_default();
        // Whoever sees masks sees no difference between a mask and nothing.
        let condition = filled.condition.as_ref().filter(|_| self.sees_all);
        let condition = condition
            .map(|condition| format!(" WHERE {condition}"))
            .unwrap_or_default();
        let text = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {}{condition} LIMIT {}) AS filled",
            filled.table,
            would_go + 1
        );
        let rows: Vec<Row> = self.rows(&text).await?;
        let count = rows
            .first()
            .and_then(|row| row.first()?.as_deref()?.parse::<usize>().ok());
        // What can't be counted may be there.
        Ok(count.is_none_or(|count| count > would_go))
    }
}
