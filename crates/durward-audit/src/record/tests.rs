use std::fmt::Write as _;

use durward_model::{Digest, SessionId, StatementId};
use proptest::prelude::*;

use super::*;
use crate::digest::{DefinitionDigest, KeyedDigest};
use crate::event::{
    Administration, ApprovalMoved, Checkpoint, ConfigurationLoaded, Definition, DefinitionKind, IdentityChanged,
    KeyChanged, KeyInForce, LedgerOpened, LoginRefused, Origin, PolicyChanged, ProtocolViolation, SegmentsRetired,
    SessionEnded, StatementIntent, StatementOutcome, StatementRefused, TransactionStatus,
};
use crate::fixture::{self, Statement};
use crate::intent::{StatementIntentInput, StatementRefusedInput};
use crate::note::hexadecimal;
use crate::segment::FRAME_BYTES;
use crate::tree::Tree;
use crate::writer::Writer;

const TIME: u64 = 1_795_228_971_123_456;

fn encoded(number: u64, time: u64, event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    let code = event.code();
    let encode = match event {
        Event::LedgerOpened(body) => encode(&mut bytes, code, number, time, body),
        Event::Checkpoint(body) => encode(&mut bytes, code, number, time, body),
        Event::KeyChanged(body) => encode(&mut bytes, code, number, time, body),
        Event::SegmentsRetired(body) => encode(&mut bytes, code, number, time, body),
        Event::Definition(body) => encode(&mut bytes, code, number, time, body),
        Event::ConfigurationLoaded(body) => encode(&mut bytes, code, number, time, body),
        Event::PolicyChanged(body) => encode(&mut bytes, code, number, time, body),
        Event::IdentityChanged(body) => encode(&mut bytes, code, number, time, body),
        Event::Administration(body) => encode(&mut bytes, code, number, time, body),
        Event::SessionStarted(body) => encode(&mut bytes, code, number, time, body),
        Event::SessionEnded(body) => encode(&mut bytes, code, number, time, body),
        Event::LoginRefused(body) => encode(&mut bytes, code, number, time, body),
        Event::ProtocolViolation(body) => encode(&mut bytes, code, number, time, body),
        Event::StatementIntent(body) => encode(&mut bytes, code, number, time, body),
        Event::StatementRefused(body) => encode(&mut bytes, code, number, time, body),
        Event::StatementOutcome(body) => encode(&mut bytes, code, number, time, body),
        Event::ApprovalMoved(body) => encode(&mut bytes, code, number, time, body),
        Event::Unknown { .. } => encode(&mut bytes, code, number, time, &()),
    };
    encode.expect("a vector takes every byte");
    bytes
}

/// The stored format: if this changes, ledgers that exist can't be verified any more. A new field or kind adds lines;
/// anything else needs a new `RECORD_VERSION`.
#[test]
fn canonical_bytes_are_these() {
    let mut writer = Writer::new(0, 1);
    let mut tree = Tree::default();
    let mut lines = format!("root {}\n\n", hexadecimal(&tree.root()));
    let mut show = |writer: &mut Writer| {
        let mut pending = writer.pending();
        while let Some((length, rest)) = pending.split_first_chunk::<4>() {
            let (record, after) =
                rest[FRAME_BYTES - 4..].split_at(u32::from_le_bytes(*length).try_into().expect("it fits"));
            let leaf = leaf_hash(record);
            writeln!(lines, "record {}\nleaf   {}", hexadecimal(record), hexadecimal(&leaf)).expect("a line");
            pending = after;
        }
        tree.extend(writer.take_leaves(writer.events()));
        writeln!(lines, "root   {}\n", hexadecimal(&tree.root())).expect("a line");
        writer.clear_pending();
    };
    for event in stand_alone_events() {
        writer.append_event(TIME, &event).expect("an event");
        show(&mut writer);
    }
    let read = Statement::read("customers");
    let obligations = [
        durward_model::Obligation::ReadOnly,
        durward_model::Obligation::Annotate("ticket 7".into()),
    ];
    let intent = StatementIntentInput {
        session: SessionId(1),
        statement: StatementId(1),
        origin: Origin::Execute,
        facts: &read.facts,
        normalized: &read.normalized,
        shape: Digest([7; 32]),
        rules: &read.rules,
        policy_version: 3,
        obligations: &obligations,
        labelled: &[],
        literals: KeyedDigest([8; 16]),
        parameters: Some(KeyedDigest([9; 16])),
        reason: None,
        trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    };
    writer.append_intent(TIME, &intent).expect("an intent");
    show(&mut writer);
    writer
        .append_outcome(TIME, &fixture::outcome(1, 1))
        .expect("an outcome");
    show(&mut writer);
    let refused = StatementRefusedInput {
        session: SessionId(1),
        statement: StatementId(2),
        origin: Origin::Simple,
        understood: None,
        rules: &[],
        policy_version: None,
        labelled: &[],
        literals: None,
        parameters: None,
        reason: None,
        trace: None,
        rule: "syntax",
        sqlstate: "42601",
        message: "syntax error",
    };
    writer.append_refusal(TIME, &refused).expect("a refusal");
    show(&mut writer);
    writer.append_event(TIME, &fixture::session_ended(1)).expect("an end");
    show(&mut writer);
    writer
        .append_event(TIME, &fixture::session_started(2, fixture::principal("alice", &[])))
        .expect("a session");
    let reasoned = StatementIntentInput {
        session: SessionId(2),
        obligations: &[durward_model::Obligation::Reason {
            pattern: Some("OPS-[0-9]+".into()),
        }],
        reason: Some("OPS-17"),
        parameters: None,
        trace: None,
        ..intent
    };
    writer.append_intent(TIME, &reasoned).expect("an intent");
    show(&mut writer);
    for event in steps_of_requests() {
        writer.append_event(TIME, &event).expect("an event");
        show(&mut writer);
    }
    insta::assert_snapshot!("canonical_bytes", lines);
}

pub(crate) fn stand_alone_events() -> Vec<Event> {
    vec![
        Event::LedgerOpened(LedgerOpened {
            program_version: "0.1.0".into(),
            created: true,
            unclean: false,
            torn_bytes: 0,
            verifier_key: "durward-ledger/1111+00000000+AQ==".into(),
            tree_rebuilt: None,
            digest_check: Some(KeyedDigest([6; 16])),
        }),
        Event::KeyChanged(KeyChanged {
            from: "durward-ledger/1111+00000000+AQ==".into(),
            to: "durward-ledger/1111+00000001+AQ==".into(),
            note: "note\n".into(),
            by: "operator".into(),
        }),
        Event::Checkpoint(Checkpoint {
            events: 1,
            note: "note\n".into(),
            closing: false,
        }),
        Event::ConfigurationLoaded(ConfigurationLoaded {
            digest: Digest([2; 32]),
            databases: vec!["shop".into()],
            listen: vec!["127.0.0.1:5432".into()],
            notes: Vec::new(),
        }),
        Event::PolicyChanged(PolicyChanged {
            version: 3,
            digest: Digest([3; 32]),
            accepted: false,
            message: Some("line 4".into()),
        }),
        Event::IdentityChanged(IdentityChanged {
            name: "claude".into(),
            change: "added".into(),
            kind: Some("agent".into()),
            acts_for: Some("alice".into()),
            credential: None,
            by: "operator".into(),
            groups: None,
            databases: None,
            valid_until: None,
        }),
        Event::Administration(Administration {
            by: "operator".into(),
            action: "session_kill".into(),
            object: "s000000000001".into(),
        }),
        Event::LoginRefused(LoginRefused {
            user: "mallory".into(),
            database: "shop".into(),
            client_address: "127.0.0.1:6".into(),
            client_program: None,
            reason: "wrong password".into(),
            sqlstate: "28P01".into(),
            tls: true,
        }),
        Event::ProtocolViolation(ProtocolViolation {
            session: None,
            client_address: "127.0.0.1:6".into(),
            sqlstate: "08P01".into(),
            message: "unknown message".into(),
        }),
        fixture::session_started(1, fixture::principal("alice", &["claude"])),
        Event::SegmentsRetired(SegmentsRetired {
            segments: 2,
            events: 40,
            new_events: 30,
            archive: Some("/srv/archive".into()),
            removed_events: 10,
            reason: "older than 30 days".into(),
            keys: vec![KeyInForce {
                event: 1,
                key: "durward-ledger/1111+00000000+AQ==".into(),
                note: None,
            }],
            first_time: TIME,
            digest_check: Some(KeyedDigest([6; 16])),
        }),
    ]
}

/// A held statement that is asked about, as earlier versions recorded it too, and of whom, and access for a time that is given.
fn steps_of_requests() -> Vec<Event> {
    let asked = ApprovalMoved {
        request: "c1".into(),
        change: "asked".into(),
        principal: "alice".into(),
        database: "shop".into(),
        digest: "00".into(),
        rules: vec!["people-many-rows".into()],
        rows: "199".into(),
        by: Some("s000000000002".into()),
        note: Some("OPS-17".into()),
        self_confirmed: None,
        access: None,
        until: None,
        asked_of: None,
        speaks_for: None,
        escalates: None,
        risk: None,
    };
    let routed = ApprovalMoved {
        asked_of: Some(vec![
            "finance or carol, for public.payments".into(),
            "hr, for hr.salaries".into(),
        ]),
        speaks_for: Some(vec!["hr, for hr.salaries".into()]),
        escalates: Some(1_795_236_171),
        risk: Some(vec!["it may change more than 10000 rows".into()]),
        ..asked.clone()
    };
    let given = ApprovalMoved {
        request: "c2".into(),
        change: "approved".into(),
        rules: Vec::new(),
        by: Some("bob".into()),
        self_confirmed: Some(false),
        access: Some("access for 2 h: read statements, with email in clear, on public.customers".into()),
        until: Some(1_795_236_171),
        ..asked.clone()
    };
    vec![
        Event::ApprovalMoved(asked),
        Event::ApprovalMoved(given),
        Event::ApprovalMoved(routed),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~äß漢]{0,40}").expect("an expression")
}

fn session() -> impl Strategy<Value = SessionId> + Clone {
    any::<u64>().prop_map(SessionId)
}

fn any_event() -> impl Strategy<Value = Event> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let origin = prop_oneof![Just(Origin::Simple), Just(Origin::Execute), Just(Origin::Describe)];
    let keyed = any::<[u8; 16]>().prop_map(KeyedDigest);
    let definition = any::<[u8; 32]>().prop_map(DefinitionDigest);
    let statement = (session(), any::<u64>().prop_map(StatementId), origin);
    let ended = (
        session(),
        text(),
        any::<u64>(),
        any::<u64>(),
        proptest::option::of(text()),
    );
    let outcome = (
        (session(), any::<u64>().prop_map(StatementId)),
        (
            any::<u64>(),
            any::<u64>(),
            proptest::option::of(any::<u64>()),
            any::<u64>(),
        ),
        proptest::option::of(text()),
        proptest::option::of(Just(TransactionStatus::Failed)),
    );
    prop_oneof![
        proptest::sample::select([stand_alone_events(), steps_of_requests()].concat()),
        bytes.prop_map(|content| Event::Definition(Definition {
            kind: DefinitionKind::Shape,
            content
        })),
        (
            statement.clone(),
            definition.clone(),
            keyed.clone(),
            proptest::option::of(keyed.clone())
        )
            .prop_map(|((session, statement, origin), shape, literals, parameters)| {
                let (basis, trace) = (shape, None);
                Event::StatementIntent(StatementIntent {
                    session,
                    statement,
                    origin,
                    shape,
                    basis,
                    literals,
                    parameters,
                    trace,
                })
            }),
        (
            statement,
            proptest::option::of(definition),
            proptest::option::of(keyed),
            [text(), text(), text()]
        )
            .prop_map(
                |((session, statement, origin), shape, literals, [rule, sqlstate, message])| {
                    let (basis, parameters, trace) = (shape, literals, Some(rule.clone()));
                    Event::StatementRefused(StatementRefused {
                        session,
                        statement,
                        origin,
                        shape,
                        basis,
                        literals,
                        parameters,
                        trace,
                        rule,
                        sqlstate,
                        message,
                    })
                }
            ),
        ended.prop_map(|(session, reason, statements, bytes_sent, by)| {
            Event::SessionEnded(SessionEnded {
                session,
                reason,
                statements,
                refused: 0,
                bytes_sent,
                by,
            })
        }),
        outcome.prop_map(
            |((session, statement), (rows, bytes, rows_affected, duration), sqlstate, transaction)| {
                let duration_microseconds = duration;
                Event::StatementOutcome(StatementOutcome {
                    session,
                    statement,
                    rows,
                    bytes,
                    rows_affected,
                    duration_microseconds,
                    sqlstate,
                    transaction,
                })
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_gives_back_what_was_encoded(number: u64, time: u64, event in any_event()) {
        let bytes = encoded(number, time, &event);
        let stored = decode(&bytes).expect("a record");
        prop_assert_eq!(&stored.event, &event);
        prop_assert_eq!((stored.number.0, stored.time_microseconds), (number, time));
        // One event has one form.
        prop_assert_eq!(encoded(number, time, &stored.event), bytes);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), event in any_event(), cut: prop::sample::Index) {
        drop(decode(&bytes));
        let good = encoded(1, 1, &event);
        prop_assert!(decode(&good[..cut.index(good.len())]).is_err());
    }
}

#[test]
fn later_versions_are_not_guessed_at() {
    let mut bytes = encoded(5, TIME, &fixture::session_ended(1));
    bytes[1] = RECORD_VERSION + 1;
    assert_eq!(decode(&bytes).expect("a record").event, Event::Unknown { code: 21 });
    // A field that isn't known is passed over: later programs may add some.
    let mut longer = Vec::new();
    minicbor::Encoder::new(&mut longer)
        .array(5)
        .and_then(|e| e.u8(RECORD_VERSION))
        .and_then(|e| e.u8(13))
        .and_then(|e| e.u8(1))
        .and_then(|e| e.u8(1))
        .and_then(|e| e.map(4))
        .and_then(|e| {
            e.u8(1)?
                .str("a")?
                .u8(2)?
                .str("b")?
                .u8(3)?
                .str("c")?
                .u8(99)?
                .array(1)?
                .u8(0)
        })
        .expect("a vector takes every byte");
    assert!(matches!(decode(&longer).expect("a record").event, Event::Administration(act) if act.object == "c"));
}
