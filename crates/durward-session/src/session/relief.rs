//! What the catalog doesn't tell of a statement: whether the tables that it locks hold any rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{HazardKind, Oid};
use durward_sql::relief::{tables_locked, without_locks_of};
use durward_wire::postgres::backend::TransactionStatus;

use super::subjects::Subject;
use super::{End, OwnQuery, Session};

impl Session {
    /// The subjects without the locks of empty tables: a migration that makes a table and then indexes it holds up
    /// nobody. `None` where that changes nothing. Asked anew each time: a table may have been filled since a Parse.
    pub(super) async fn relieved(&mut self, commands: &[Vec<Subject>]) -> Result<Option<Vec<Vec<Subject>>>, End> {
        let locked: BTreeSet<Oid> = commands
            .iter()
            .flatten()
            .filter(|subject| waits_for_tables(subject))
            .flat_map(|subject| tables_locked(&subject.facts, &self.sight.context.catalog))
            .collect();
        // In a failed transaction nothing can be asked, and nothing runs.
        if locked.is_empty() || self.status == TransactionStatus::Failed {
            return Ok(None);
        }
        let Ok(answers) = self.ask(&[OwnQuery::EmptyTables(locked.into_iter().collect())]).await? else {
            return Ok(None);
        };
        let empty: BTreeSet<Oid> = answers
            .iter()
            .flatten()
            .filter_map(|row| std::str::from_utf8(row.first()?.as_deref()?).ok()?.parse().ok())
            .map(Oid)
            .collect();
        if empty.is_empty() {
            return Ok(None);
        }
        let mut relieved = commands.to_vec();
        for subject in relieved
            .iter_mut()
            .flatten()
            .filter(|subject| waits_for_tables(subject))
        {
            subject.facts = Arc::new(without_locks_of(&subject.facts, &empty));
        }
        Ok(Some(relieved))
    }
}

fn waits_for_tables(subject: &Subject) -> bool {
    let mut hazards = subject.facts.hazards.iter();
    hazards.any(|hazard| matches!(hazard.kind, HazardKind::TableLock | HazardKind::TableRewrite))
}
