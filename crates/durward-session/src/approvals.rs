//! Where the desk's transitions are recorded.

use durward_audit::{ApprovalMoved, Event, Ledger};
use durward_change::{Event as Move, Recorder, Request, StoreError, in_words};

/// Writes every transition of a request to the ledger.
#[derive(Debug, Clone)]
pub struct LedgerRecorder(pub Ledger);

/// Until when access is given that begins with this step, in seconds since 1970.
fn until(request: &Request, event: &Move) -> Option<u64> {
    let access = request.asked.access.as_ref()?;
    let Move::Approved(approval) = event else {
        return None;
    };
    let until = request
        .begins_with(event)
        .then(|| approval.at.saturating_add(i64::from(access.seconds)))?;
    u64::try_from(until).ok()
}

impl Recorder for LedgerRecorder {
    fn record(&self, request: &Request, event: &Move) -> Result<(), StoreError> {
        let (by, note, self_confirmed) = match event {
            Move::Kept(request) => (Some(request.asked.session.clone()), request.asked.reason.clone(), None),
            Move::Approved(approval) | Move::Reviewed(approval) => {
                let by = match &approval.account {
                    Some(account) if *account != approval.by => format!("{} ({account})", approval.by),
                    Some(_) | None => approval.by.clone(),
                };
                (Some(by), approval.note.clone(), Some(approval.self_confirmed))
            }
            Move::Escalated(escalated) => {
                let note = format!("nobody has decided: asked of {} too", in_words(&escalated.to));
                (None, Some(note), None)
            }
            Move::AutoApproved(ending)
            | Move::Rejected(ending)
            | Move::Withdrawn(ending)
            | Move::Expired(ending)
            | Move::Superseded(ending)
            | Move::Revoked(ending)
            | Move::BrokeGlass(ending)
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
            access: request.asked.access.as_ref().map(|access| access.sentence()),
            until: until(request, event),
        };
        self.0
            .record(&Event::ApprovalMoved(moved))
            .map(drop)
            .map_err(|error| StoreError(error.to_string().into()))
    }
}
