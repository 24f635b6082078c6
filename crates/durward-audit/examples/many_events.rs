//! How long a large ledger takes: recording, verifying, indexing, asking and reporting. Prints a section in Markdown.
//!
//! `cargo run --release -p durward-audit --example many_events [events]`; `cargo xtask bench-ledger` writes it down.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example that prints"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use durward_audit::evidence::{EvidenceRequest, Period, REPORTS, build_evidence, verify_evidence};
use durward_audit::{
    Administration, Clock, ColumnTreatment, Durability, Event, IdentityChanged, LabelledColumn, Ledger, LedgerOptions,
    Moment, Origin, SearchFilter, SessionEnded, SessionStarted, SqlLimits, StatementIntentInput, StatementOutcome,
    StatementRefusedInput, Subjects, Verdict, rebuild_index, search, sql, verify,
};
use durward_model::{
    AccessModes, Assurance, ColumnNumber, ColumnUse, CredentialId, CredentialKind, Digest, Oid, Principal,
    PrincipalKind, QualifiedName, RelationKind, RelationRef, RelationUse, SessionId, StatementClass, StatementFacts,
    StatementId, Subject,
};

/// 2026-01-01T00:00:00Z, and how long the events take from there.
const START: u64 = 1_767_225_600_000_000;
const SPAN: u64 = 30 * 86_400 * 1_000_000;
const IDENTITIES: u64 = 60;
const SESSIONS_OPEN: u64 = 50;
const TABLES: u64 = 40;
const SHAPES: u64 = 400;
/// How often a session runs a statement before another does something.
const BURST_MAX: u64 = 40;
/// Statements of a session before it ends.
const SESSION_STATEMENTS: u64 = 2_000;

#[derive(Debug)]
struct SteppedClock(AtomicU64);

impl Clock for SteppedClock {
    fn unix_microseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A xorshift generator: the same events in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct Shape {
    facts: Arc<StatementFacts>,
    normalized: Arc<str>,
    rules: Vec<Arc<str>>,
    digest: Digest,
    labelled: Vec<LabelledColumn>,
}

fn main() {
    let events: u64 = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(10_000_000);
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = directory.path().join("ledger");
    println!("| step | time | CPU | |\n|---|---:|---:|---|");
    record(&ledger, events);
    let before = Began::now();
    let report = verify(&ledger, None).expect("a sound ledger");
    line(
        "verify",
        &before,
        &format!("{} events in {} segments", report.events, report.segments),
    );
    let before = Began::now();
    rebuild_index(&ledger, |_| ()).expect("an index");
    let megabytes = std::fs::metadata(ledger.join("index.sqlite")).map_or(0, |file| file.len() >> 20);
    line("make the index anew", &before, &format!("{megabytes} MiB"));
    println!("\n| question, first 50 rows | median of 5 |\n|---|---:|");
    ask(&ledger);
    println!("\n| report over all events | build | CPU | verify |\n|---|---:|---:|---:|");
    reports(&ledger, directory.path());
}

/// When something began: by the clock, and by the CPU of the whole process.
struct Began(Instant, f64);

impl Began {
    fn now() -> Self {
        Self(Instant::now(), process_seconds())
    }

    /// Both, as cells of a table.
    fn cells(&self) -> String {
        let seconds = self.0.elapsed().as_secs_f64();
        format!("{seconds:.1} s | {:.1} s", process_seconds() - self.1)
    }
}

/// What this process has used: user and system time in ticks of a hundredth of a second (`proc(5)`, `stat`).
fn process_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("a process's times");
    let fields: Vec<&str> = text.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |place: usize| fields[place].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

fn line(step: &str, before: &Began, remark: &str) {
    let cells = before.cells();
    println!("| {step} | {cells} | {remark} |");
    eprintln!("{step}: {cells}");
}

fn shapes() -> Vec<Shape> {
    (0..SHAPES)
        .map(|number| {
            let table = format!("table_{}", number % TABLES);
            let (class, command, modes) = match number % 10 {
                0 => (StatementClass::Write, "UPDATE", AccessModes::UPDATE),
                1 => (StatementClass::Write, "INSERT", AccessModes::INSERT),
                2 if number % 100 == 2 => (StatementClass::Ddl, "ALTER TABLE", AccessModes::ALTER),
                _ => (StatementClass::Read, "SELECT", AccessModes::READ),
            };
            let oid = u32::try_from(16_400 + number % TABLES).expect("a small number");
            let mut facts = StatementFacts::empty(class, command);
            facts.relations = vec![RelationUse {
                relation: RelationRef {
                    oid: Oid(oid),
                    name: QualifiedName::new("public", table.as_str()),
                    kind: RelationKind::Table,
                },
                modes,
                columns: vec![ColumnUse {
                    number: ColumnNumber(1),
                    name: "email".into(),
                    read: true,
                    written: false,
                    reading: Default::default(),
                }],
                direct: true,
            }];
            let treatment = if number % 40 == 3 {
                ColumnTreatment::Clear
            } else {
                ColumnTreatment::Masked
            };
            let labelled = (number % 4 == 3).then(|| LabelledColumn {
                schema: "public".into(),
                relation: table.clone(),
                column: "email".into(),
                label: if number % 8 == 3 { "email" } else { "phone" }.into(),
                treatments: vec![treatment],
            });
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            Shape {
                facts: Arc::new(facts),
                normalized: format!("{command} shape {number} of {table} WHERE id = $1").into(),
                rules: vec![format!("rule-{}", number % 25).into()],
                digest: Digest(digest),
                labelled: labelled.into_iter().collect(),
            }
        })
        .collect()
}

fn principal(number: u64) -> Principal {
    let party = |name: String, kind| Subject {
        name: name.into(),
        kind,
    };
    let person = party(format!("person-{}", number % 20), PrincipalKind::Person);
    let (subject, actors) = match number % 3 {
        0 => (person, Vec::new()),
        1 => (person, vec![party(format!("agent-{number}"), PrincipalKind::Agent)]),
        _ => (party(format!("service-{number}"), PrincipalKind::Service), Vec::new()),
    };
    Principal {
        subject,
        actors,
        groups: Vec::new(),
        subject_groups: Vec::new(),
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId(format!("pw-{number}").into()),
        purpose: None,
    }
}

fn started(session: u64, number: u64) -> Event {
    Event::SessionStarted(SessionStarted {
        session: SessionId(session),
        principal: principal(number),
        database: format!("database-{}", number % 4),
        login: "login".into(),
        upstream_user: "owner".into(),
        client_address: format!("10.0.{}.{}:40000", number % 8, number),
        client_program: Some(format!("program-{}", number % 5)),
        tls: true,
        upstream_process: None,
    })
}

fn added(number: u64) -> Event {
    let principal = principal(number);
    Event::IdentityChanged(IdentityChanged {
        name: principal.acting().name.to_string(),
        change: "added".into(),
        kind: Some(principal.kind().to_string()),
        acts_for: None,
        credential: None,
        by: "unix:root".into(),
        groups: Some(Vec::new()),
        databases: None,
        valid_until: None,
    })
}

/// Records until the ledger has so many events.
fn record(directory: &Path, events: u64) {
    let clock = Arc::new(SteppedClock(AtomicU64::new(START)));
    let options = LedgerOptions {
        index: false,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..LedgerOptions::default()
    };
    let ledger = Ledger::open(directory, options).expect("the ledger opens");
    let shapes = shapes();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut sessions: Vec<(u64, u64)> = Vec::new();
    let mut next_session = 0;
    let (before, cpu_before) = (Began::now(), cpu_nanoseconds());
    for number in 0..IDENTITIES {
        ledger.record(&added(number)).expect("an identity");
    }
    let step = SPAN / events.max(1);
    let mut recorded = ledger.status().events;
    while recorded < events {
        if (sessions.len() as u64) < SESSIONS_OPEN {
            next_session += 1;
            ledger
                .record(&started(next_session, chance.below(IDENTITIES)))
                .expect("a session");
            sessions.push((next_session, 0));
        }
        let place = usize::try_from(chance.below(sessions.len() as u64)).expect("a small number");
        let shape = &shapes[usize::try_from(chance.below(SHAPES)).expect("a small number")];
        let (session, mut statements) = sessions[place];
        for _ in 0..=chance.below(BURST_MAX) {
            statements += 1;
            clock.0.fetch_add(2 * step, Ordering::Relaxed);
            if chance.below(200) == 0 {
                refuse(&ledger, session, statements, shape);
            } else {
                run(&ledger, session, statements, shape);
            }
        }
        sessions[place] = (session, statements);
        if statements >= SESSION_STATEMENTS {
            sessions.remove(place);
            let ended = SessionEnded {
                session: SessionId(session),
                reason: "client_left".into(),
                statements,
                refused: 0,
                bytes_sent: 0,
                by: None,
            };
            ledger.record(&Event::SessionEnded(ended)).expect("an end");
        }
        if chance.below(1_000) == 0 {
            let act = Administration {
                by: "unix:root".into(),
                action: "audit_search".into(),
                object: "who person-1".into(),
            };
            ledger.record(&Event::Administration(act)).expect("an act");
        }
        recorded = ledger.status().events;
    }
    let seconds = before.0.elapsed().as_secs_f64();
    let cpu = (cpu_nanoseconds() - cpu_before) / recorded;
    line(
        "record",
        &before,
        &format!(
            "{:.0} events/s, {cpu} ns of the recording thread's CPU each",
            recorded as f64 / seconds
        ),
    );
    clock.0.store(START + 2 * SPAN, Ordering::Relaxed);
    let before = Began::now();
    ledger.close().expect("a clean close");
    line("sign the rest and close", &before, "");
}

fn run(ledger: &Ledger, session: u64, statement: u64, shape: &Shape) {
    let intent = StatementIntentInput {
        session: SessionId(session),
        statement: StatementId(statement),
        origin: Origin::Execute,
        facts: &shape.facts,
        normalized: &shape.normalized,
        shape: shape.digest,
        rules: &shape.rules,
        policy_version: 1,
        obligations: &[],
        labelled: &shape.labelled,
        literals: ledger.keyed_digest(&statement.to_be_bytes()),
        parameters: None,
        reason: None,
        trace: None,
    };
    loop {
        let recording = std::pin::pin!(ledger.record_intent((), &intent, Durability::Process));
        match recording.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(recorded)) => {
                let ((), _) = recorded.spend();
                break;
            }
            // The disk has not kept up: a gateway would refuse.
            Poll::Ready(Err(_)) | Poll::Pending => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    let outcome = StatementOutcome {
        session: SessionId(session),
        statement: StatementId(statement),
        rows: 3,
        bytes: 120,
        rows_affected: None,
        duration_microseconds: 400,
        sqlstate: None,
        transaction: None,
    };
    ledger.record_outcome(&outcome).expect("an outcome");
}

fn refuse(ledger: &Ledger, session: u64, statement: u64, shape: &Shape) {
    let refused = StatementRefusedInput {
        session: SessionId(session),
        statement: StatementId(statement),
        origin: Origin::Simple,
        understood: Some((&shape.facts, &shape.normalized, shape.digest)),
        rules: &shape.rules,
        policy_version: Some(1),
        labelled: &shape.labelled,
        literals: None,
        parameters: None,
        reason: None,
        trace: None,
        rule: "nobody",
        sqlstate: "42501",
        message: "not permitted",
    };
    ledger.record_refusal(&refused).expect("a refusal");
}

fn ask(directory: &Path) {
    let any = || SearchFilter {
        limit: Some(50),
        ..SearchFilter::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let middle = Moment(START + SPAN / 2);
    let questions: Vec<(&str, SearchFilter)> = vec![
        ("the newest", any()),
        (
            "a person, and who acts for it",
            SearchFilter {
                who: text("person-7"),
                ..any()
            },
        ),
        (
            "an agent",
            SearchFilter {
                who: text("agent-7"),
                ..any()
            },
        ),
        (
            "nobody",
            SearchFilter {
                who: text("nobody"),
                ..any()
            },
        ),
        (
            "a table",
            SearchFilter {
                table: text("table_7"),
                ..any()
            },
        ),
        (
            "a column",
            SearchFilter {
                column: text("table_7.email"),
                ..any()
            },
        ),
        (
            "a label",
            SearchFilter {
                label: text("phone"),
                ..any()
            },
        ),
        (
            "labelled columns read in clear",
            SearchFilter {
                treatment: Some(ColumnTreatment::Clear),
                ..any()
            },
        ),
        (
            "a class",
            SearchFilter {
                class: text("ddl"),
                ..any()
            },
        ),
        (
            "a rule",
            SearchFilter {
                rule: text("rule-7"),
                ..any()
            },
        ),
        (
            "a client's address",
            SearchFilter {
                client: text("10.0.3.3"),
                ..any()
            },
        ),
        (
            "a client's program",
            SearchFilter {
                client: text("program-3"),
                ..any()
            },
        ),
        (
            "a database",
            SearchFilter {
                database: text("database-3"),
                ..any()
            },
        ),
        (
            "a session",
            SearchFilter {
                session: Some(SessionId(77)),
                ..any()
            },
        ),
        (
            "refused",
            SearchFilter {
                verdict: Some(Verdict::Refused),
                ..any()
            },
        ),
        (
            "failed (there are none)",
            SearchFilter {
                verdict: Some(Verdict::Failed),
                ..any()
            },
        ),
        (
            "refused, of a person, on a table, in a day",
            SearchFilter {
                verdict: Some(Verdict::Refused),
                who: text("person-7"),
                table: text("table_7"),
                since: Some(middle),
                until: Some(Moment(middle.0 + SPAN / 30)),
                ..any()
            },
        ),
        (
            "a day in the middle",
            SearchFilter {
                since: Some(middle),
                until: Some(Moment(middle.0 + SPAN / 30)),
                ..any()
            },
        ),
        (
            "an approval (there is none)",
            SearchFilter {
                approval: text("c1"),
                ..any()
            },
        ),
        (
            "sessions of a person",
            SearchFilter {
                subjects: Subjects::Sessions,
                who: text("person-7"),
                ..any()
            },
        ),
        (
            "first access",
            SearchFilter {
                subjects: Subjects::FirstAccess,
                ..any()
            },
        ),
    ];
    for (name, filter) in questions {
        let answer = || {
            search(directory, &filter).expect("an answer");
        };
        asked(name, answer);
    }
    let limits = SqlLimits {
        rows_max: 50,
        time_max: Duration::from_secs(600),
    };
    for (name, text) in [
        (
            "SQL: statements of a day by who",
            format!(
                "SELECT who, sum(executions) FROM statements WHERE last_us >= {0} AND last_us < {0} + 86400000000
                 GROUP BY who",
                middle.0
            ),
        ),
        (
            "SQL: reads in clear of all time by who and label",
            "SELECT who, label, sum(executions) FROM labelled_columns JOIN statements USING (statement_id)
             WHERE treatment = 'clear' GROUP BY who, label"
                .to_owned(),
        ),
    ] {
        asked(name, || {
            sql(directory, &text, limits).expect("an answer");
        });
    }
}

fn asked(name: &str, answer: impl Fn()) {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let before = Instant::now();
            answer();
            before.elapsed()
        })
        .collect();
    times.sort();
    let milliseconds = times[2].as_secs_f64() * 1_000.0;
    println!("| {name} | {milliseconds:.1} ms |");
    eprintln!("{name}: {milliseconds:.1} ms");
}

fn reports(directory: &Path, target: &Path) {
    let key = std::fs::read_to_string(directory.join("public-key")).expect("a key");
    let key = durward_audit::VerifierKey::parse(&key).expect("a key");
    let limits = SqlLimits {
        rows_max: 1,
        time_max: Duration::from_secs(60),
    };
    let write = "SELECT first_event FROM statements WHERE class = 'write' AND verdict = 'permitted' LIMIT 1";
    let change = sql(directory, write, limits).expect("an answer").rows[0][0].to_string();
    for report in &REPORTS {
        let out = target.join(report.name);
        let request = EvidenceRequest {
            report: report.name,
            period: Period {
                from: Moment(START),
                to: Moment(START + 2 * SPAN),
            },
            change: report.of_one_change.then_some(change.as_str()),
        };
        let before = Began::now();
        match build_evidence(directory, request, &out, |_| ()) {
            Ok(_) => {}
            Err(error) => {
                println!("| {} | {error} | | |", report.name);
                eprintln!("{}: {error}", report.name);
                continue;
            }
        }
        let built = before.cells();
        let before = Instant::now();
        verify_evidence(&out, &key).expect("sound");
        let verified = before.elapsed().as_secs_f64();
        println!("| {} | {built} | {verified:.2} s |", report.name);
        eprintln!("{}: {built}", report.name);
        std::fs::remove_dir_all(&out).expect("it is removed");
    }
}

/// What this thread has used (`proc(5)`, `schedstat`).
fn cpu_nanoseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a thread's times");
    text.split(' ')
        .next()
        .and_then(|used| used.parse().ok())
        .expect("a number")
}
