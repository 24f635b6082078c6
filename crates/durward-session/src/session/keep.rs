//! What a session has changed is kept before its transaction may commit, and how that has ended.

use std::sync::Arc;

use durward_change::undo::NewChange;
use durward_model::{Refusal, StatementId, sqlstate};

use super::judge::unix_seconds;
use super::{End, Session};
use crate::changes::{Boundary, TextSettings};
use crate::replies::Run;

impl Session {
    /// Notes what a run has changed, once the server says that it is done.
    pub(super) fn change_of(&mut self, mut run: Run, settings: &TextSettings) -> Result<(), Refusal> {
        let Some(capturing) = run.capturing.take() else {
            return Ok(());
        };
        // A statement that empties a table doesn't say of how many rows.
        let emptied = capturing.kept.as_ref().map_or(0, |kept| kept.rows);
        let affected = capturing.affected.max(emptied);
        let told = (
            Arc::clone(&capturing.command),
            capturing.tables.clone(),
            capturing.request,
        );
        let places = capturing
            .kept
            .as_ref()
            .map(|kept| kept.places.clone())
            .unwrap_or_default();
        let finished = capturing.finish(&settings.values, settings.is_exact);
        let Ok((coverage, images)) = finished else {
            let refusal = Refusal::new(
                sqlstate::SERIALIZATION_FAILURE,
                "rows-moved",
                "other rows came under this statement's condition while it ran, so it was taken back",
            )
            .with_hint("Send it again.");
            self.record_outcome(&run, None, Some(&refusal.sqlstate));
            return Err(refusal);
        };
        self.record_outcome(&run, Some(affected), None);
        let (command, tables, request) = told;
        let rows = affected.max(images.as_ref().map_or(0, durward_change::undo::Images::rows));
        if !self.keeps_changes() || (rows == 0 && images.as_ref().is_some_and(durward_change::undo::Images::is_empty)) {
            return Ok(());
        }
        let mut change = self.new_change(run.statement, (command, tables, request), rows, coverage);
        change.kept = places;
        self.changes.push(change, images);
        Ok(())
    }

    fn new_change(
        &self,
        statement: StatementId,
        (command, tables, request): (Arc<str>, Vec<String>, Option<durward_change::RequestId>),
        rows: u64,
        coverage: durward_change::undo::Coverage,
    ) -> NewChange {
        NewChange {
            principal: (*self.principal).clone(),
            database: self.database.name.to_string(),
            session: self.id.to_string(),
            statement: statement.to_string(),
            command: command.to_string(),
            tables,
            rows,
            coverage,
            request,
            undoes: self.changes.undoes.clone(),
            kept: Vec::new(),
        }
    }

    /// Notes a change whose effect isn't read, once it is done.
    pub(super) fn note_unread(&mut self, run: &mut Run, affected: Option<u64>) {
        let Some(capturing) = run.capturing.take() else {
            return;
        };
        let affected = affected.unwrap_or_default();
        let told = (
            Arc::clone(&capturing.command),
            capturing.tables.clone(),
            capturing.request,
        );
        if let Ok((coverage, _)) = capturing.finish(&[], false) {
            let change = self.new_change(run.statement, told, affected, coverage);
            self.changes.push(change, None);
        }
    }

    /// Keeps what the open transaction has changed, before it may commit. Where that can't be, it may not: false, and the
    /// client hears why.
    pub(super) async fn keep_changes(&mut self) -> Result<bool, End> {
        let (Some(undo), Some(changes)) = (self.gateway.undo.as_ref(), self.changes.take_to_keep()) else {
            return Ok(true);
        };
        let vault = Arc::clone(&undo.vault);
        let now = unix_seconds().unwrap_or_default();
        let kept = tokio::task::spawn_blocking(move || vault.keep(&changes, now)).await;
        match kept {
            Ok(Ok((transaction, _))) => {
                self.changes.are_kept(transaction);
                Ok(true)
            }
            Ok(Err(error)) => {
                tracing::error!(%error, session = %self.id, "a change can't be kept: its transaction is rolled back");
                self.take_back(Refusal::new(
                    sqlstate::LEDGER_UNAVAILABLE,
                    "undo-unavailable",
                    "what this changes can't be kept for undo, so it was not committed",
                ));
                Ok(false)
            }
            Err(_) => Err(End::Killed),
        }
    }

    /// A statement is done: what it means for the transaction's changes.
    pub(super) fn follow_boundary(&mut self, boundary: Option<Boundary>, tag: &[u8]) {
        match boundary {
            // What PREPARE TRANSACTION leaves is decided elsewhere.
            Some(Boundary::End) if tag.starts_with(b"PREPARE") => self.end_changes(None),
            Some(Boundary::End) => self.end_changes(Some(tag.starts_with(b"COMMIT"))),
            Some(Boundary::Savepoint(name)) => self.changes.savepoint(name),
            Some(Boundary::BackTo(name)) => self.changes.back_to(&name),
            None => {}
        }
    }

    /// The open transaction is over; how, where that is known.
    pub(super) fn end_changes(&mut self, committed: Option<bool>) {
        if self.changes.is_empty() {
            return;
        }
        let (kept, late) = self.changes.end();
        let Some(undo) = self.gateway.undo.as_ref() else {
            return;
        };
        let vault = Arc::clone(&undo.vault);
        let now = unix_seconds().unwrap_or_default();
        let session = self.id;
        // Nobody waits for it: lost in a crash, the change is called unknown, and each row says how it stands.
        tokio::task::spawn_blocking(move || {
            let late = if committed == Some(true) && !late.is_empty() {
                vault
                    .keep(&late, now)
                    .and_then(|(transaction, _)| vault.end(transaction, true, now))
            } else {
                Ok(())
            };
            let ended = kept.zip(committed).map_or(Ok(()), |(transaction, committed)| {
                vault.end(transaction, committed, now)
            });
            if let Err(error) = late.and(ended) {
                tracing::error!(%error, %session, "the end of a transaction can't be kept");
            }
        });
    }
}
