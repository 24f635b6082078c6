//! Takes changes back: in reverse order, in one transaction, by statements that go the way of all others.

use std::collections::HashMap;
use std::sync::Arc;

use durward_change::undo::{
    ChangeId, ChangeRecord, ChangeState, Children, Coverage, Images, Restore, Row, UndoVault, VaultError, restore,
};
use durward_identity::Standing;
use durward_model::{Oid, Principal, PrincipalKind};
use durward_sql::CatalogSnapshot;
use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;
use crate::inside::{NoVisit, Visit};
use crate::session::unix_seconds;
use crate::upstream::{UpstreamConnection, UpstreamError};

mod definition;
mod kept;

/// What the session calls itself.
const PROGRAM: &str = "durward undo";

/// How long a row that somebody else holds is waited for.
const LOCK_TIMEOUT: &str = "5s";

/// What is to be taken back.
#[derive(Debug)]
pub struct UndoWish {
    /// The changes, in any order.
    pub changes: Vec<ChangeId>,
    /// In whose name.
    pub principal: Principal,
    /// Whether they still may.
    pub standing: Standing,
    /// Rows that were changed since are left as they are; otherwise one of them stops all.
    pub partial: bool,
    /// Only looks.
    pub plan_only: bool,
    /// What it is for.
    pub reason: Option<String>,
}

/// What was, or would be, taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    /// The changes, newest first.
    pub changes: Vec<ChangeRecord>,
    /// How many rows get back what they held.
    pub rows: u64,
    /// How many definitions are as before.
    #[serde(default)]
    pub definitions: u64,
    /// What can't be taken back.
    pub conflicts: Vec<UndoConflict>,
    /// What won't be just as before.
    pub notes: Vec<String>,
    /// It was done.
    pub applied: bool,
}

/// What can't be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoConflict {
    /// Of which change.
    pub change: ChangeId,
    /// In which table; empty for the whole change.
    pub table: String,
    /// Which row, by its key.
    pub row: String,
    /// Why not.
    pub why: String,
}

/// Nothing was taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Changes aren't kept here.
    #[error("changes are not kept: the option undo is off")]
    Off,
    /// There is nothing to be taken back.
    #[error("no change is named")]
    Nothing,
    /// They can't be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// They are of different databases.
    #[error("the changes are of several databases: {0}; take them back one database at a time")]
    SeveralDatabases(String),
    /// Their database isn't served any more.
    #[error("the database {0} isn't served here")]
    NoDatabase(String),
    /// It is no change any more.
    #[error("{0} is {1} already")]
    Over(ChangeId, &'static str),
    /// There is no session.
    #[error("{0}")]
    NoSession(String),
    /// The database, or the gateway in its place, said no; everything is as it was.
    #[error("{0}; nothing was changed")]
    Refused(String),
    /// Rows moved while they were restored.
    #[error("rows of {0} were changed at the same time; nothing was changed, try again")]
    Moved(String),
}

impl From<NoVisit> for UndoError {
    fn from(no: NoVisit) -> Self {
        Self::NoSession(no.to_string())
    }
}

impl From<UpstreamError> for UndoError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Server(error) => Self::Refused(error.message().to_owned()),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl Gateway {
    /// Takes changes back, or looks what that would do. Cancel safe: yes; what isn't committed by then is rolled back.
    ///
    /// # Errors
    /// Nothing was taken back.
    pub async fn undo(self: &Arc<Self>, wish: UndoWish) -> Result<UndoReport, UndoError> {
        let vault = self
            .undo
            .as_ref()
            .map(|undo| Arc::clone(&undo.vault))
            .ok_or(UndoError::Off)?;
        let records = records(&vault, &wish.changes)?;
        let names: Vec<&str> = records.iter().map(|record| record.change.database.as_str()).collect();
        let name = names.first().copied().ok_or(UndoError::Nothing)?;
        if names.iter().any(|other| *other != name) {
            let mut names: Vec<&str> = names;
            names.sort_unstable();
            names.dedup();
            return Err(UndoError::SeveralDatabases(names.join(", ")));
        }
        let database = self
            .database(name, None)
            .ok_or_else(|| UndoError::NoDatabase(name.to_owned()))?;
        let catalog = database
            .catalog
            .ready()
            .await
            .map_err(|error| UndoError::NoSession(error.to_string()))?;
        let wish_sees_all = wish.principal.kind() == PrincipalKind::Operator;
        let connection = self
            .visit(Visit {
                database,
                principal: Arc::new(wish.principal),
                standing: wish.standing,
                program: PROGRAM,
                undoes: records.iter().map(|record| record.id).collect(),
            })
            .await?;
        let mut undoing = Undoing {
            connection,
            catalog,
            vault: Arc::clone(&vault),
            plan_only: wish.plan_only,
            sees_all: wish_sees_all,
            restored: HashMap::new(),
            removed: HashMap::new(),
            report: UndoReport {
                changes: records.clone(),
                rows: 0,
                definitions: 0,
                conflicts: Vec::new(),
                notes: Vec::new(),
                applied: false,
            },
        };
        undoing.begin(wish.reason.as_deref()).await?;
        for record in &records {
            undoing.change(record).await?;
        }
        let stops = !wish.partial && !undoing.report.conflicts.is_empty();
        if wish.plan_only || stops || (undoing.report.rows == 0 && undoing.report.definitions == 0) {
            undoing.connection.simple_query("ROLLBACK").await?;
            return Ok(undoing.report);
        }
        undoing.connection.simple_query("COMMIT").await?;
        let ids: Vec<ChangeId> = records.iter().map(|record| record.id).collect();
        let kept = tokio::task::spawn_blocking(move || vault.undone(&ids, unix_seconds().unwrap_or_default())).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::error!("changes were taken back, and that can't be kept");
        }
        undoing.report.applied = true;
        Ok(undoing.report)
    }
}

/// The changes, newest first.
fn records(vault: &UndoVault, ids: &[ChangeId]) -> Result<Vec<ChangeRecord>, UndoError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut records = Vec::new();
    for id in ids.into_iter().rev() {
        let record = vault.get(id)?;
        match record.state {
            ChangeState::Committed | ChangeState::Unknown => records.push(record),
            over @ (ChangeState::RolledBack | ChangeState::Undone) => return Err(UndoError::Over(id, over.as_str())),
        }
    }
    Ok(records)
}

/// An undo under way.
struct Undoing {
    connection: UpstreamConnection,
    catalog: Arc<CatalogSnapshot>,
    vault: Arc<UndoVault>,
    plan_only: bool,
    /// Nothing is masked for whoever asks.
    sees_all: bool,
    /// How rows are by now, but for what triggers have made of them: by table and key.
    restored: HashMap<(u32, Vec<Option<String>>), Option<Row>>,
    /// How many rows of each table are gone by now, or would be.
    removed: HashMap<u32, usize>,
    report: UndoReport,
}

impl Undoing {
    async fn begin(&mut self, reason: Option<&str>) -> Result<(), UndoError> {
        if let Some(reason) = reason {
            let text = format!("SET durward.reason TO '{}'", reason.replace('\'', "''"));
            self.connection.simple_query(&text).await?;
        }
        // Whoever waits for an approval comes back with the same statements.
        self.connection.simple_query("SET durward.hold TO 'error'").await?;
        self.connection.simple_query("BEGIN").await?;
        let timeout = format!("SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'");
        self.connection.simple_query(&timeout).await?;
        Ok(())
    }

    async fn change(&mut self, record: &ChangeRecord) -> Result<(), UndoError> {
        let (vault, id) = (Arc::clone(&self.vault), record.id);
        let images = tokio::task::spawn_blocking(move || vault.images(id)).await;
        let images = images.map_err(|_| UndoError::NoSession("the gateway is ending".to_owned()))??;
        match (&record.change.coverage, images) {
            (Coverage::None(reason), _) => self.conflict(id, String::new(), String::new(), reason.clone()),
            (Coverage::Full | Coverage::Partial(_), None) => {
                self.conflict(id, String::new(), String::new(), "its rows weren't kept".to_owned());
            }
            (Coverage::Full, Some(images)) => self.images(id, &images).await?,
            (Coverage::Partial(besides), Some(images)) => {
                self.images(id, &images).await?;
                let why = format!("not taken back: {}", besides.join(", "));
                self.conflict(id, String::new(), String::new(), why);
            }
        }
        Ok(())
    }

    fn conflict(&mut self, change: ChangeId, table: String, row: String, why: String) {
        self.report.conflicts.push(UndoConflict {
            change,
            table,
            row,
            why,
        });
    }

    async fn images(&mut self, id: ChangeId, images: &Images) -> Result<(), UndoError> {
        // Values must be read as they were written.
        for (name, value) in &images.settings {
            let text = format!("SET LOCAL {name} TO '{}'", value.replace('\'', "''"));
            self.connection.simple_query(&text).await?;
        }
        for part in restore(images) {
            self.part(id, &part).await?;
        }
        for image in images.definitions.iter().rev() {
            self.definition(id, image).await?;
        }
        for image in &images.kept {
            self.kept(id, image).await?;
        }
        Ok(())
    }

    async fn part(&mut self, id: ChangeId, part: &Restore<'_>) -> Result<(), UndoError> {
        let children = children(&self.catalog, Oid(part.table()));
        let check = part.check(&children, !self.plan_only);
        let mut found = match &check.rows {
            Some(text) => self.rows(text).await?,
            None => Vec::new(),
        };
        let mut referring = Vec::new();
        for text in &check.referring {
            referring.extend(self.rows(text).await?);
        }
        self.as_if_restored(part, &mut found);
        let (fits, conflicts) = part.compare(&found, &referring);
        for conflict in conflicts {
            self.conflict(id, conflict.table, conflict.row, conflict.why);
        }
        self.report.rows += u64::try_from(fits.len()).unwrap_or(u64::MAX);
        if part.deletes() {
            *self.removed.entry(part.table()).or_default() += fits.len();
        }
        self.note_triggers(part);
        self.note_restored(part, &fits);
        if self.plan_only {
            return Ok(());
        }
        for (text, rows) in part.apply(&fits) {
            let done = self.rows(&format!("{text} RETURNING 1")).await?;
            if u64::try_from(done.len()) != Ok(rows) {
                return Err(UndoError::Moved(part.name_in_words()));
            }
        }
        Ok(())
    }

    /// Triggers run when rows are restored too.
    fn note_triggers(&mut self, part: &Restore<'_>) {
        let names: Vec<String> = self
            .catalog
            .triggers(Oid(part.table()))
            .filter(|trigger| trigger.enabled != 'D')
            .map(|trigger| trigger.name.to_string())
            .collect();
        if names.is_empty() {
            return;
        }
        let note = format!(
            "the triggers of {} run again, and what they set may not be as before: {}",
            part.name_in_words(),
            names.join(", ")
        );
        if !self.report.notes.contains(&note) {
            self.report.notes.push(note);
        }
    }

    fn note_restored(&mut self, part: &Restore<'_>, numbers: &[usize]) {
        for number in numbers {
            if let Some(key) = part.key(*number) {
                self.restored.insert((part.table(), key), part.before(*number).cloned());
                continue;
            }
            // Which of the rows noted before this one was isn't known.
            self.restored.retain(|(table, _), _| *table != part.table());
            let note = format!(
                "keys of {} were changed too: of what came before, only doing it shows conflicts",
                part.name_in_words()
            );
            if self.plan_only && !self.report.notes.contains(&note) {
                self.report.notes.push(note);
            }
        }
    }

    fn has_triggers(&self, table: u32) -> bool {
        self.catalog.triggers(Oid(table)).any(|trigger| trigger.enabled != 'D')
    }

    /// Later parts see what earlier ones have restored, or would have: triggers may have set something else besides.
    fn as_if_restored(&self, part: &Restore<'_>, found: &mut Vec<Row>) {
        if !self.plan_only && !self.has_triggers(part.table()) {
            return;
        }
        for number in 0..part.rows() {
            let Some(key) = part.key(number) else { continue };
            let Some(restored) = self.restored.get(&(part.table(), key)) else {
                continue;
            };
            let numbered = Some(number.to_string());
            found.retain(|row| row.first() != Some(&numbered));
            if let Some(row) = restored {
                found.push(std::iter::once(numbered).chain(row.iter().cloned()).collect());
            }
        }
    }

    async fn rows(&mut self, text: &str) -> Result<Vec<Row>, UndoError> {
        let answers = self.connection.simple_query(text).await?;
        let rows = answers.into_iter().next().unwrap_or_default();
        let text = |value: Option<bytes::Bytes>| value.map(|value| String::from_utf8_lossy(&value).into_owned());
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(text).collect())
            .collect())
    }
}

/// A constant whose text is whatever a client has made of it.
fn text_constant(value: &str) -> String {
    format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// The tables whose rows refer to a table's.
fn children(catalog: &CatalogSnapshot, table: Oid) -> Vec<Children> {
    let keys = catalog.foreign_keys_to(table);
    let children = keys.filter_map(|key| {
        let child = catalog.relation(key.from)?;
        let names = key
            .from_columns
            .iter()
            .map(|number| Some(child.column_numbered(*number)?.name.to_string()));
        Some(Children {
            schema: child.schema.to_string(),
            name: child.name.to_string(),
            columns: names.collect::<Option<_>>()?,
            referred: key.to_columns.iter().map(|number| number.0).collect(),
        })
    });
    children.collect()
}
