//! Where the desk's transitions are recorded.

use durward_audit::{ApprovalMoved, Event, Ledger};
use durward_change::{Event as Move, Recorder, Request, StoreError};

/// Writes every transition of a request to the ledger.
#[derive(Debug, Clone)]
pub struct LedgerRecorder(pub Ledger);

impl Recorder for LedgerRecorder {
    fn record(&self, request: &Request, event: &Move) -> Result<(), StoreError> {
        let (by, note, self_confirmed) = match event {
            Move::Kept(request) => (Some(request.asked.session.clone()), request.asked.reason.clone(), None),
            Move::Approved(approval) => {
                let by = match &approval.account {
                    Some(account) if *account != approval.by => format!("{} ({account})", approval.by),
                    Some(_) | None => approval.by.clone(),
                };
                (Some(by), approval.note.clone(), Some(approval.self_confirmed))
            }
            Move::AutoApproved(ending)
            | Move::Rejected(ending)
            | Move::Withdrawn(ending)
            | Move::Expired(ending)
            | Move::Superseded(ending)
            | Move::Used(ending) => (ending.by.clone(), ending.why.clone(), None),
            Move::Numbered => return Ok(()),
        };
        let moved = ApprovalMoved {
            request: request.id.to_string(),
            change: event.word().to_owned(),
            principal: request.asked.principal.to_string(),
            database: request.asked.database.clone(),
            digest: request.asked.digest.clone(),
            rules: request.asked.rules.iter().map(ToString::to_string).collect(),
            rows: request.asked.rows.to_string(),
            by,
            note,
            self_confirmed,
        };
        self.0
            .record(&Event::ApprovalMoved(moved))
            .map(drop)
            .map_err(|error| StoreError(error.to_string().into()))
    }
}
