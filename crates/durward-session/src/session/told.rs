//! What clients are told of what waits for approval, is rejected, or can't be asked for.

use std::sync::Arc;

use durward_audit::Moment;
use durward_change::{Asked, DdlEffect, DeskError, MeasuredRows, Request};
use durward_model::{Refusal, sqlstate};
use durward_policy::HoldOrder;

use crate::limits::HOLD_POLL_SECONDS;

/// What is said of a COPY, whose approval is for its data too.
const SAME_DATA: &str = "Once it is approved, send the same COPY with the same data: one byte more or less asks anew.";

fn is_copy(asked: &Asked) -> bool {
    &*asked.touched.command == "COPY"
}

pub(super) fn pending(request: &Request, page: Option<String>, order: &HoldOrder) -> Refusal {
    let message = format!("{} waits for approval: {}", request.id, request.asked.why);
    let refusal =
        Refusal::new(sqlstate::APPROVAL_PENDING, "approval-pending", message).with_detail(detail(request, page));
    match &order.refusal.hint {
        _ if is_copy(&request.asked) => refusal.with_hint(SAME_DATA),
        Some(hint) => refusal.with_hint(Arc::clone(hint)),
        None => refusal,
    }
}

pub(super) fn rejected(request: &Request, page: Option<String>) -> Refusal {
    let ending = request.ending.as_ref();
    let by = ending.and_then(|ending| ending.by.as_deref()).unwrap_or("an approver");
    let why = ending.and_then(|ending| ending.why.as_deref());
    let why = why.map(|why| format!(": {}", one_line(why))).unwrap_or_default();
    let message = format!("{} is rejected by {by}{why}", request.id);
    Refusal::new(sqlstate::APPROVAL_REJECTED, "approval-rejected", message).with_detail(detail(request, page))
}

/// Whoever asked, or is behind that, has taken it back elsewhere.
pub(super) fn withdrawn(request: &Request) -> Refusal {
    let ending = request.ending.as_ref();
    let by = ending
        .and_then(|ending| ending.by.as_deref())
        .unwrap_or("whoever asked");
    let why = ending.and_then(|ending| ending.why.as_deref());
    let why = why.map(|why| format!(": {}", one_line(why))).unwrap_or_default();
    let message = format!("canceling statement: {} was taken back by {by}{why}", request.id);
    Refusal::new(sqlstate::QUERY_CANCELED, "hold-withdrawn", message)
}

pub(super) fn desk_refusal(error: &DeskError, order: &HoldOrder) -> Refusal {
    match error {
        DeskError::Store(_) => {
            tracing::error!(%error, "a request for approval can't be kept: statement refused");
            Refusal::new(sqlstate::LEDGER_UNAVAILABLE, "approvals-unavailable", error.to_string())
        }
        _ => Refusal::new(
            sqlstate::PROGRAM_LIMIT_EXCEEDED,
            "approval-impossible",
            format!("{}, and {error}", order.refusal.message),
        ),
    }
}

/// What a program is told, as one line of JSON.
pub(super) fn detail(request: &Request, page: Option<String>) -> String {
    let rows = match &request.asked.rows {
        MeasuredRows::Counted(rows) => Some(*rows),
        MeasuredRows::MoreThan(_)
        | MeasuredRows::AtMost(_)
        | MeasuredRows::Estimated { .. }
        | MeasuredRows::NotMeasured(_)
        | MeasuredRows::Failed => None,
    };
    let micros = u64::try_from(request.expires_at)
        .unwrap_or_default()
        .saturating_mul(1_000_000);
    let detail = serde_json::json!({
        "id": request.id.to_string(),
        "status": request.state.as_str(),
        "url": page,
        "rule": request.asked.rules.first(),
        "rows": rows,
        "rows_in_words": request.asked.rows.to_string(),
        "tables": request.asked.touched.changes,
        "locks": locks(&request.asked),
        "risk": request.risk,
        "asked_of": request.addressed.everybody(),
        "undo": request.asked.undo,
        "retry": "same_statement",
        "poll_seconds": HOLD_POLL_SECONDS,
        "expires": Moment(micros).to_string(),
    });
    detail.to_string()
}

/// What a change of definitions does to each relation, in short.
pub(super) fn locks(asked: &Asked) -> Vec<String> {
    asked.ddl.iter().map(DdlEffect::brief).collect()
}

pub(super) fn approvals_in_words(request: &Request) -> String {
    if request.approvals.is_empty() {
        let why = request.by_policy.as_ref().and_then(|ending| ending.why.as_deref());
        return one_line(why.unwrap_or("by policy"));
    }
    let said = request.approvals.iter().map(|approval| {
        let confirmed = if approval.self_confirmed {
            " (confirmed by themselves)"
        } else {
            ""
        };
        let note = approval.note.as_deref().map(|note| format!(": {}", one_line(note)));
        format!("by {}{confirmed}{}", approval.by, note.unwrap_or_default())
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Words of people in one line, without control characters.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(500)
        .collect()
}
