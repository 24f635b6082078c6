use super::*;
use crate::fixture::{self, Statement, options, outcome, session_ended, session_started};
use crate::{Durability, Event, Ledger, LedgerOptions};

fn small_segments() -> LedgerOptions {
    LedgerOptions {
        segment_bytes_max: 1_000,
        ..options()
    }
}

fn all(tail: &mut Tail) -> Vec<ShownEvent> {
    std::iter::from_fn(|| tail.next_event().expect("an event")).collect()
}

#[test]
fn the_last_events_come_with_what_they_refer_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &["claude"])))
        .expect("a session starts");
    let read = Statement::read("customers");
    for statement in 1..=30 {
        read.intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    Statement::delete("orders").refuse(&ledger, 1, 31).expect("a refusal");
    let mut tail = Tail::open(directory.path(), 3).expect("the log");
    let last = all(&mut tail);
    assert_eq!(last.len(), 3);
    let refused = last.last().expect("a refusal");
    assert_eq!(
        refused
            .whose
            .as_ref()
            .map(|session| session.principal.to_string())
            .as_deref(),
        Some("claude for alice")
    );
    assert_eq!(
        refused.statement.as_ref().map(|shape| shape.normalized.as_str()),
        Some("DELETE FROM orders")
    );
    assert_eq!(
        refused.to_string().split_once("Z  ").map(|(_, line)| line),
        Some("refused  claude for alice  DELETE FROM orders  42501 [delete-without-where] this DELETE has no WHERE")
    );
    // Following: nothing new, then what is new, over the ends of segments.
    assert_eq!(tail.next_event().expect("nothing"), None);
    for statement in 40..60 {
        read.intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
    }
    ledger.record(&session_ended(1)).expect("an end");
    let intents = |shown: &ShownEvent| matches!(shown.stored.event, Event::StatementIntent(_)) && shown.whose.is_some();
    assert_eq!(all(&mut tail).iter().filter(|shown| intents(shown)).count(), 20);
}

#[test]
fn any_event_can_be_shown_by_its_number() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), small_segments()).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    for statement in 1..=20 {
        Statement::read("customers")
            .intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
    }
    let events = ledger.status().events;
    for number in 1..=events {
        let shown = show(directory.path(), EventNumber(number))
            .expect("the log")
            .expect("an event");
        assert_eq!(shown.stored.number, EventNumber(number));
        let json = serde_json::to_value(&shown).expect("JSON");
        assert!(json["event"].is_string() && json["time"].is_string(), "{json}");
    }
    for number in [0, events + 1] {
        assert_eq!(show(directory.path(), EventNumber(number)).expect("the log"), None);
    }
}

#[test]
fn text_from_clients_cannot_drive_a_terminal() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = fixture::open(directory.path());
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    Statement::read("\u{1b}[2Jx\ny")
        .intend(&ledger, 1, 1, Durability::Process)
        .expect("an intent");
    let shown = all(&mut Tail::open(directory.path(), 1).expect("the log"))
        .pop()
        .expect("an event");
    assert!(!shown.to_string().contains(char::is_control), "{shown}");
}
