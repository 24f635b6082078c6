//! Errors and notices of statements that touch masked columns: code, constraint, table and column stay; values go.

use std::borrow::Cow;

use durward_mask::detect::Detectors;
use durward_wire::postgres::backend::write::{self, Report, Severity};
use durward_wire::postgres::backend::{BackendMessage, ErrorFields, field};
use durward_wire::postgres::frame::Frame;

use super::Session;
use super::server_side::Fate;
use crate::replies::Guard;

/// Classes of SQLSTATE whose messages are about names and syntax, connections and transactions, and never quote data
/// (manual, appendix A). Class 23 names constraints in its message, and quotes rows in its detail alone.
const NAMING_CLASSES: [&str; 20] = [
    "00", "02", "03", "08", "0A", "0B", "23", "25", "26", "28", "2B", "2D", "34", "3B", "3D", "3F", "40", "42", "53",
    "57",
];

/// Fields that name objects and hold no data.
const NAMING_FIELDS: [u8; 5] = [
    field::SCHEMA,
    field::TABLE,
    field::COLUMN,
    field::DATA_TYPE,
    field::CONSTRAINT,
];

impl Session {
    /// Passes an error on: as it came, or without the values that it may hold.
    pub(super) fn tell_error(&mut self, fields: ErrorFields<'_>, guard: Option<&Guard>) -> Fate {
        if let Some(refusal) = self.copy_refusal.take() {
            self.tell(&refusal);
            return Fate::Keep;
        }
        if !self.guarded {
            return Fate::Forward;
        }
        let report = guarded(fields, guard, Severity::Error);
        self.client
            .outbound
            .extend_with(|out| write::error_response(out, &report));
        Fate::Keep
    }

    /// Notices that the server itself words name objects; those that code raises, and the server's own log, go.
    pub(super) fn follow_guarded_notice(&mut self, frame: Frame<'_>) -> Fate {
        let Ok(BackendMessage::NoticeResponse(fields)) = BackendMessage::decode(frame) else {
            return Fate::Keep;
        };
        let severity = match fields.severity() {
            b"NOTICE" => Severity::Notice,
            b"WARNING" => Severity::Warning,
            _ => return Fate::Keep,
        };
        let raised = fields.get(field::ROUTINE) == Some(b"exec_stmt_raise".as_slice());
        if raised || matches!(fields.code(), "00000" | "01000") || !names_only(fields.code()) {
            return Fate::Keep;
        }
        let guard = self.replies.front_run().and_then(|run| run.guard.clone());
        let report = guarded(fields, guard.as_deref(), severity);
        self.client
            .outbound
            .extend_with(|out| write::notice_response(out, &report));
        Fate::Keep
    }
}

/// A notification with what is found in its payload replaced.
pub(super) fn scanned_notification(frame: Frame<'_>, detectors: &Detectors, out: &mut Vec<u8>) -> Option<()> {
    let (process, names) = frame.body.split_at_checked(4)?;
    let channel = names.iter().position(|byte| *byte == 0)? + 1;
    let (channel, payload) = names.split_at_checked(channel)?;
    let mut scanned = Vec::with_capacity(payload.len());
    crate::masks::scanned(payload.strip_suffix(b"\0")?, detectors, &mut scanned);
    let length = u32::try_from(4 + process.len() + channel.len() + scanned.len() + 1).ok()?;
    out.push(frame.tag);
    out.extend_from_slice(&length.to_be_bytes());
    for part in [process, channel, &scanned, b"\0"] {
        out.extend_from_slice(part);
    }
    Some(())
}

fn names_only(code: &str) -> bool {
    code.get(..2).is_some_and(|class| NAMING_CLASSES.contains(&class))
}

fn guarded<'a>(fields: ErrorFields<'a>, guard: Option<&Guard>, severity: Severity) -> Report<'a> {
    let raised = fields.get(field::ROUTINE) == Some(b"exec_stmt_raise".as_slice());
    let message = if names_only(fields.code()) && !raised {
        String::from_utf8_lossy(fields.message())
    } else {
        Cow::Borrowed("the statement failed on data that is masked for you")
    };
    let mut report = Report::new(severity, fields.code(), message);
    report.position = match guard.and_then(|guard| guard.rewritten.as_ref()) {
        None => fields.position(),
        Some((original, rewritten)) => fields
            .position()
            .and_then(|position| rewritten.original_position(original, position)),
    };
    report.others = fields
        .iter()
        .filter(|(code, _)| !raised && NAMING_FIELDS.contains(code))
        .map(|(code, value)| (code, String::from_utf8_lossy(value)))
        .collect();
    report
}
