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

/// Who did it, and through which account.
fn through(by: &str, account: Option<&str>) -> String {
    match account {
        Some(account) if account != by => format!("{by} ({account})"),
        Some(_) | None => by.to_owned(),
    }
}

/// Who is asked, once this has happened.
fn asked_of(request: &Request, event: &Move) -> Vec<String> {
    let mut lines = request.addressed.lines();
    if let Move::Escalated(escalated) = event {
        lines.push(escalated.to_string());
    }
    lines
}

impl Recorder for LedgerRecorder {
    fn record(&self, request: &Request, event: &Move) -> Result<(), StoreError> {
        let (by, note) = match event {
            Move::Kept(request) => (Some(request.asked.session.clone()), request.asked.reason.clone()),
            Move::Approved(approval) | Move::Reviewed(approval) => {
                let by = through(&approval.by, approval.account.as_deref());
                (Some(by), approval.note.clone())
            }
            Move::Escalated(escalated) => {
                let note = format!("nobody has decided: asked of {} too", in_words(&escalated.to));
                (None, Some(note))
            }
            Move::AutoApproved(ending)
            | Move::Rejected(ending)
            | Move::Withdrawn(ending)
            | Move::Expired(ending)
            | Move::Superseded(ending)
            | Move::Revoked(ending)
            | Move::BrokeGlass(ending)
            | Move::Used(ending) => {
                let by = ending.by.as_deref().map(|by| through(by, ending.account.as_deref()));
                (by, ending.why.clone())
            }
            Move::Numbered => return Ok(()),
        };
        let said = match event {
            Move::Approved(approval) | Move::Reviewed(approval) => Some(approval),
            _ => None,
        };
        let speaks_for = match event {
            Move::Approved(approval) => Some(request.addressed.spoken_for_in_words(approval)),
            _ => None,
        };
        let escalates = request
            .addressed
            .escalates_at
            .filter(|_| matches!(event, Move::Kept(_)));
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
            self_confirmed: said.map(|approval| approval.self_confirmed),
            access: request.asked.access.as_ref().map(|access| access.sentence()),
            until: until(request, event),
            asked_of: Some(asked_of(request, event)),
            speaks_for,
            escalates: escalates.and_then(|at| u64::try_from(at).ok()),
            risk: Some(request.risk.clone()),
        };
        self.0
            .record(&Event::ApprovalMoved(moved))
            .map(drop)
            .map_err(|error| StoreError(error.to_string().into()))
    }
}
