//! What each step of a statement's way costs by itself, in nanoseconds of CPU.
//!
//! `cargo run --release --package durward-session --example steps` measures all. With the name of one and a number it
//! runs that one so often and prints nothing: `valgrind --tool=callgrind --toggle-collect='*measured*'` then counts its
//! instructions, which don't depend on what else the machine does.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "an example that prints")]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use durward_audit::{
    Durability, Event, Ledger, LedgerOptions, Origin, SessionStarted, StatementIntentInput, StatementOutcome,
};
use durward_mask::detect::Detectors;
use durward_mask::form::{ColumnType, Form, Mask, MaskKey, Scalar, Scope};
use durward_model::{
    Assurance, CredentialId, CredentialKind, Digest, Label, Principal, PrincipalKind, SessionId, StatementFacts,
    StatementId, Subject,
};
use durward_policy::{
    DatabaseContext, DatabaseMarks, Decision, DecisionCache, DecisionRequest, PolicySnapshot, PolicySources,
    SessionContext,
};
use durward_sql::{AnalysisContext, Analyzer, AnalyzerLimits, fixture};
use durward_wire::postgres::frame::{Frame, HEADER_BYTES, peek_header};
use durward_wire::postgres::frontend::{FrontendMessage, write};
use durward_wire::postgres::tag::backend as tag;

/// The catalog that texts are bound against.
const CATALOG: &str = include_str!("../../durward-sql/tests/fixtures/catalog.copy");
/// How often each step is measured; the fastest counts.
const ROUNDS: u32 = 7;
/// Bytes of the results that are walked and scanned.
const RESULT_BYTES: usize = 1 << 20;

/// The least CPU time of a round, in nanoseconds: the system counts it in steps of some milliseconds.
const ROUND_NANOSECONDS_MIN: f64 = 60e6;

/// A step: its name, and what runs, told how often.
struct Step {
    name: &'static str,
    run: Box<dyn FnMut(u32)>,
}

impl Step {
    fn new(name: &'static str, run: impl FnMut(u32) + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }

    /// Nanoseconds of CPU for one time, in the fastest round.
    fn fastest(&mut self) -> f64 {
        let mut times = 16;
        let mut fastest = f64::INFINITY;
        let mut rounds = 0;
        while rounds < ROUNDS {
            let before = processor_nanoseconds();
            self.measured(times);
            let used = processor_nanoseconds() - before;
            if used < ROUND_NANOSECONDS_MIN {
                times *= 2;
            } else {
                fastest = fastest.min(used / f64::from(times));
                rounds += 1;
            }
        }
        fastest
    }

    /// Known to profilers by its name.
    #[inline(never)]
    fn measured(&mut self, times: u32) {
        (self.run)(times);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = tempfile::tempdir().expect("a directory");
    if let (Some(name), Some(times)) = (arguments.next(), arguments.next()) {
        let times = times.parse().expect("a number");
        let mut step = all(&directory)
            .into_iter()
            .find(|step| step.name == name)
            .expect("a step's name");
        // What is only done the first time isn't counted.
        (step.run)(3);
        step.measured(times);
        return;
    }
    for mut step in all(&directory) {
        let fastest = step.fastest();
        println!("{}\t{fastest:.0}", step.name);
    }
}

fn all(directory: &tempfile::TempDir) -> Vec<Step> {
    let mut steps = wire();
    steps.extend(facts());
    steps.extend(decisions());
    steps.push(ledger(directory));
    steps.extend(masks());
    steps
}

/// Frames of rows, and the messages of a prepared statement's execution.
fn wire() -> Vec<Step> {
    let mut rows = Vec::new();
    while rows.len() < RESULT_BYTES {
        rows.push(tag::DATA_ROW);
        rows.extend_from_slice(&100_u32.to_be_bytes());
        rows.extend_from_slice(&[b'x'; 96]);
    }
    let mut bind = Vec::new();
    write::bind(&mut bind, b"", b"S_1", &[Some(b"4711")]).expect("a message");
    vec![
        Step::new("walk a frame of a result", move |times| {
            let mut place = 0;
            for _ in 0..times {
                let input = rows.get(place..).unwrap_or_default();
                match peek_header(input, RESULT_BYTES).expect("frames") {
                    Some(header) => place += black_box(header.frame_len()),
                    None => place = 0,
                }
            }
        }),
        Step::new("decode a Bind", move |times| {
            for _ in 0..times {
                let frame = Frame {
                    tag: bind.first().copied().unwrap_or_default(),
                    body: bind.get(HEADER_BYTES..).unwrap_or_default(),
                };
                black_box(FrontendMessage::decode(frame).expect("a message"));
            }
        }),
    ]
}

fn context() -> AnalysisContext {
    fixture::context(CATALOG, &["pg_catalog", "public"]).expect("a catalog")
}

/// A text that was seen, one of a known shape, and one of a new shape.
fn facts() -> Vec<Step> {
    let analyzer = Analyzer::new(AnalyzerLimits::default()).expect("threads");
    let context = Arc::new(context());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let text = "SELECT name FROM customers WHERE id = 4711";
    runtime.block_on(analyzer.analyze(text, &context)).expect("an analysis");
    let analyzer = Arc::new(analyzer);
    let seen = (Arc::clone(&analyzer), Arc::clone(&context));
    let known = (analyzer, Arc::clone(&context));
    let (mut literal, mut shape) = (0_u64, 0_u64);
    vec![
        Step::new("facts of a text that was seen", move |times| {
            for _ in 0..times {
                black_box(seen.0.cached(text, &seen.1).expect("cached facts"));
            }
        }),
        Step::new("facts of a new text of a known shape", move |times| {
            for _ in 0..times {
                literal += 1;
                let text = format!("SELECT name FROM customers WHERE id = {literal}");
                black_box(known.0.cached(&text, &known.1).expect("cached facts"));
            }
        }),
        Step::new("facts of a new shape", move |times| {
            for _ in 0..times {
                shape += 1;
                let text = format!("SELECT name AS n{shape} FROM customers WHERE id = 4711");
                black_box(fixture::analyze_here(&text, &context).expect("an analysis"));
            }
        }),
    ]
}

fn principal() -> Principal {
    Principal {
        subject: Subject {
            name: "shop-api".into(),
            kind: PrincipalKind::Service,
        },
        actors: Vec::new(),
        groups: vec!["shop".into()],
        subject_groups: vec!["shop".into()],
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId("pw-1".into()),
        purpose: None,
    }
}

fn read_of_customers() -> (Arc<StatementFacts>, Arc<str>) {
    let text = "SELECT name FROM customers WHERE id = $1";
    let analysis = fixture::analyze_here(text, &context()).expect("an analysis");
    let statement = analysis.statements.into_iter().next().expect("a statement");
    (statement.facts, text.into())
}

/// A decision that the session remembers, and one that nobody does.
fn decisions() -> Vec<Step> {
    let policy = Arc::new(PolicySnapshot::load(&PolicySources::default()).expect("the default pack"));
    let database = DatabaseContext::new("shop".into(), DatabaseMarks::default());
    let session = SessionContext {
        now_unix_seconds: Some(1_700_000_000),
        encrypted: true,
    };
    let (facts, _) = read_of_customers();
    let access = Arc::default();
    let decide = move |cache: &mut DecisionCache, facts: &Arc<StatementFacts>| -> Decision {
        let request = DecisionRequest {
            principal: &principal(),
            database: &database,
            facts,
            session: &session,
            labels: None,
            access: &access,
        };
        cache.decide(&policy, &request)
    };
    let mut cache = DecisionCache::new();
    let (known, decide_known) = (Arc::clone(&facts), decide.clone());
    let mut number = 0_u32;
    vec![
        Step::new("a decision that the session knows", move |times| {
            for _ in 0..times {
                black_box(decide_known(&mut cache, &known));
            }
        }),
        Step::new("a new decision", move |times| {
            for _ in 0..times {
                number += 1;
                let mut new = StatementFacts::clone(&facts);
                for used in &mut new.relations {
                    used.relation.oid = durward_model::Oid(100_000 + number);
                }
                black_box(decide(&mut DecisionCache::new(), &Arc::new(new)));
            }
        }),
    ]
}

/// The intent and the outcome of a repeated statement, with the write, as far as the thread that records pays for it.
fn ledger(directory: &tempfile::TempDir) -> Step {
    let ledger = Ledger::open(directory.path(), LedgerOptions::default()).expect("a ledger");
    let session = SessionId(1);
    let started = SessionStarted {
        session,
        principal: principal(),
        database: "shop".into(),
        login: "shop-api".into(),
        upstream_user: "shop".into(),
        client_address: "127.0.0.1:1".into(),
        client_program: None,
        tls: false,
        upstream_process: None,
    };
    ledger
        .record(&Event::SessionStarted(started))
        .expect("a session starts");
    let (facts, normalized) = read_of_customers();
    let rules: Vec<Arc<str>> = vec!["services-read".into()];
    let literals = ledger.keyed_digest(normalized.as_bytes());
    let mut number = 0;
    Step::new("record intent and outcome", move |times| {
        for _ in 0..times {
            number += 1;
            let statement = StatementId(number);
            let intent = StatementIntentInput {
                session,
                statement,
                origin: Origin::Execute,
                facts: &facts,
                normalized: &normalized,
                shape: Digest([1; 32]),
                rules: &rules,
                policy_version: 1,
                obligations: &[],
                labelled: &[],
                literals,
                parameters: Some(ledger.keyed_digest(&number.to_be_bytes())),
                reason: None,
                trace: None,
            };
            let recording = pin!(ledger.record_intents(vec![((), intent)], Durability::Process));
            let Poll::Ready(recorded) = recording.poll(&mut Context::from_waker(Waker::noop())) else {
                unreachable!("process durability never waits");
            };
            black_box(recorded.expect("an intent").spend());
            let outcome = StatementOutcome {
                session,
                statement,
                rows: 1,
                bytes: 12,
                rows_affected: None,
                duration_microseconds: 90,
                sqlstate: None,
                transaction: None,
            };
            ledger.record_outcome(&outcome).expect("an outcome");
        }
    })
}

/// Masks of cells, and the look at those that no verdict covers.
fn masks() -> Vec<Step> {
    let mask = |label: Label| {
        let key = MaskKey::derive(&[7; 32], "shop", &label, Scope::Principal("ada"));
        let text = ColumnType::new(Scalar::Text { limit: None }, "pg_catalog.text");
        Mask::new(&label, text, Form::Pseudonym, Arc::new(key)).expect("a mask")
    };
    let cells = |mask: Mask, cell: &'static [u8]| {
        let mut out = Vec::new();
        move |times: u32| {
            for _ in 0..times {
                out.clear();
                black_box(mask.apply_text(black_box(cell), &mut out));
            }
        }
    };
    let detectors = Detectors::built_in();
    let prose = "The parcel, ordered on Monday, has not arrived. Please check with the carrier. ".repeat(13);
    vec![
        Step::new(
            "mask an e-mail address",
            cells(mask(Label::Email), b"ada.lovelace@example.org"),
        ),
        Step::new("mask a phone number", cells(mask(Label::Phone), b"+49 30 901820")),
        Step::new("scan 1 KiB of prose for personal data", move |times| {
            let kibibyte = prose.as_bytes().get(..1024).unwrap_or_default();
            for _ in 0..times {
                black_box(detectors.scan(black_box(kibibyte)));
            }
        }),
    ]
}

/// What this thread has used (`proc(5)`, `schedstat`).
fn processor_nanoseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a thread's times");
    let used = text.split(' ').next().and_then(|used| used.parse().ok());
    used.expect("a number")
}
