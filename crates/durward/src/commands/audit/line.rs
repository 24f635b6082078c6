//! One event as one line of words.

use durward_audit::evidence::is_hidden;
use durward_audit::{ApprovalMoved, Event, ShownEvent};

use super::moment;
use crate::screen::{Style, styled};

/// How much of a statement a line shows.
///
/// Unit: characters. Reason: lists stay lists; JSON has the whole.
const STATEMENT_CHARACTERS_MAX: usize = 120;

/// The line, or none for events that only serve other events.
pub(super) fn of(event: &ShownEvent) -> Option<String> {
    let (style, what) = words(event)?;
    let who = event
        .whose
        .as_ref()
        .map(|session| session.principal.to_string())
        .unwrap_or_default();
    let number = event.stored.number;
    let time = styled(Style::Faint, &moment(event.time));
    let (who, what) = (shown(&who), shown(&what));
    let what = style.map_or_else(|| what.clone(), |style| styled(style, &what));
    Some(format!("{number:>6}  {time}  {who:20}  {what}"))
}

fn words(shown: &ShownEvent) -> Option<(Option<Style>, String)> {
    let statement = || {
        let text = shown
            .statement
            .as_ref()
            .map_or("a statement", |shape| shape.normalized.as_str());
        shortened(text)
    };
    let plain = |text: String| Some((None, text));
    match &shown.stored.event {
        Event::Definition(_) | Event::Checkpoint(_) => None,
        Event::LedgerOpened(opened) => {
            let verb = if opened.created {
                "record begun"
            } else {
                "record opened"
            };
            let end = if opened.unclean {
                ", after an end without a farewell"
            } else {
                ""
            };
            plain(format!("{verb} by version {}{end}", opened.program_version))
        }
        Event::KeyChanged(changed) => plain(format!("the signing key was changed, by {}", changed.by)),
        Event::SegmentsRetired(retired) => {
            let first = (retired.events + 1).saturating_sub(retired.new_events);
            let fate = match &retired.archive {
                Some(archive) => format!("were archived in {archive}"),
                None => "were removed".to_owned(),
            };
            plain(format!(
                "events {first} to {} {fate}: {}",
                retired.events, retired.reason
            ))
        }
        Event::ConfigurationLoaded(loaded) => plain(format!(
            "serves {} on {}",
            loaded.databases.join(", "),
            loaded.listen.join(", ")
        )),
        Event::PolicyChanged(changed) if changed.accepted => {
            plain(format!("policy version {} in force", changed.version))
        }
        Event::PolicyChanged(changed) => plain(format!(
            "new policies refused; version {} stays in force",
            changed.version
        )),
        Event::IdentityChanged(changed) => plain(format!(
            "identity {}: {}, by {}",
            changed.name,
            changed.change.replace('_', " "),
            changed.by
        )),
        Event::Administration(act) => plain(format!(
            "{} {}, by {}",
            act.action.replace('_', " "),
            act.object,
            act.by
        )),
        Event::ApprovalMoved(moved) => plain(format!(
            "{} {} {}{}{}{}",
            moved.principal,
            moved.change,
            moved.request,
            moved.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default(),
            moved.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default(),
            routed(moved)
        )),
        Event::SessionStarted(started) => plain(format!(
            "{} logs in to {} from {}",
            started.principal, started.database, started.client_address
        )),
        Event::SessionEnded(ended) => plain(format!(
            "leaves ({}): {} statements, {} refused",
            ended.reason.replace('_', " "),
            ended.statements,
            ended.refused
        )),
        Event::LoginRefused(refused) => Some((
            Some(Style::Bad),
            format!(
                "login refused: {} to {} from {}: {}",
                refused.user, refused.database, refused.client_address, refused.reason
            ),
        )),
        Event::ProtocolViolation(_) => Some((Some(Style::Bad), "broke the protocol".to_owned())),
        Event::StatementIntent(_) => plain(format!("runs     {}", statement())),
        Event::StatementRefused(refused) => Some((
            Some(Style::Bad),
            format!("refused  {}  [{}]", statement(), refused.rule),
        )),
        Event::StatementOutcome(outcome) => {
            let milliseconds = outcome.duration_microseconds / 1_000;
            plain(match (&outcome.sqlstate, outcome.rows_affected) {
                (Some(code), _) => format!("  failed with {code} after {milliseconds} ms"),
                (None, Some(rows)) => format!("  {rows} rows in {milliseconds} ms"),
                (None, None) => format!("  done in {milliseconds} ms"),
            })
        }
        Event::Unknown { code } => plain(format!("an event of kind {code}, of a later version of this program")),
    }
}

/// Who is asked, as long as they are, and why the risk is high.
fn routed(moved: &ApprovalMoved) -> String {
    let mut said = String::new();
    let asks = matches!(moved.change.as_str(), "asked" | "escalated");
    let asked_of = moved.asked_of.iter().flatten().filter(|_| asks);
    let asked_of: Vec<&str> = asked_of.map(String::as_str).collect();
    if !asked_of.is_empty() {
        said.push_str(&format!("; asked of {}", asked_of.join(", and of ")));
    }
    let speaks_for: Vec<&str> = moved.speaks_for.iter().flatten().map(String::as_str).collect();
    if !speaks_for.is_empty() {
        said.push_str(&format!("; speaks for {}", speaks_for.join(", and for ")));
    }
    let risk: Vec<&str> = moved.risk.iter().flatten().map(String::as_str).collect();
    if !risk.is_empty() {
        said.push_str(&format!("; high risk: {}", risk.join("; ")));
    }
    said
}

/// A text as a terminal may show it: nothing in it moves the cursor, changes colours or turns the direction of the rest.
pub(super) fn shown(text: &str) -> String {
    let plain = |character: char| {
        if character.is_control() || is_hidden(character) {
            '\u{fffd}'
        } else {
            character
        }
    };
    text.chars().map(plain).collect()
}

/// A statement on one line, cut to a bearable length.
pub(super) fn shortened(text: &str) -> String {
    let text = shown(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(STATEMENT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}
