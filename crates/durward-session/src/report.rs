//! A refusal as the client's protocol says it.

use durward_model::Refusal;
use durward_wire::postgres::backend::write::{Report, Severity};

/// An ERROR or FATAL with the refusal's fields.
pub(crate) fn report(severity: Severity, refusal: &Refusal) -> Report<'_> {
    let mut report = Report::new(severity, &refusal.sqlstate, &*refusal.message);
    report.detail = refusal.detail.as_deref().map(Into::into);
    report.hint = refusal.hint.as_deref().map(Into::into);
    report.position = refusal.position;
    report
}
