//! A process that is killed at any moment has lost no intent that it was told is recorded.
//!
//! The test runs itself as the process that writes, kills it, and looks for every intent that was acknowledged.

#![expect(clippy::expect_used, reason = "a test")]

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use durward_audit::{
    Durability, Event, Ledger, LedgerOptions, Origin, SessionStarted, StatementIntentInput, StatementOutcome, Tail,
    verify,
};
use durward_model::{
    Assurance, CredentialId, CredentialKind, Digest, Principal, PrincipalKind, SessionId, StatementClass,
    StatementFacts, StatementId, Subject,
};

const RUNS: u64 = 50;
/// Intents after which a child stops by itself. Unit: events. Reason: a run that nobody kills must end.
const ACKNOWLEDGED_MAX: u64 = 300;
const CHILD: &str = "DURWARD_AUDIT_KILLED_LEDGER";
/// Tells the child to open, close and change the key in turns.
const TURNS: &str = "turns";
/// Unit: microseconds. Reason: some turns of a child.
const TURNS_KILLED_AFTER_MAX: u64 = 60_000;

fn main() {
    match std::env::var_os(CHILD) {
        Some(directory) if std::env::args().nth(1).as_deref() == Some(TURNS) => {
            open_and_close_for_ever(Path::new(&directory))
        }
        Some(directory) => append_for_ever(Path::new(&directory)),
        None => {
            kill_many_times();
            kill_while_opening();
        }
    }
}

fn kill_many_times() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut acknowledged = HashMap::new();
    for run in 1..=RUNS {
        let session = SessionId(run);
        let mut child = start(directory.path(), session);
        let count = 1 + RandomState::new().build_hasher().finish() % ACKNOWLEDGED_MAX;
        acknowledged.extend(kill_after(&mut child, session, count));
        verify(directory.path(), None).expect("sound as it was left");
    }
    // Opening sets a torn record aside; whatever was acknowledged stands before it.
    Ledger::open(directory.path(), options())
        .expect("the ledger opens")
        .close()
        .expect("a clean close");
    let report = verify(directory.path(), None).expect("a sound ledger");
    assert_eq!(report.unclean_ends, RUNS);
    let recorded = recorded_intents(directory.path());
    for (intent, number) in &acknowledged {
        assert!(
            recorded.contains(&(*intent, *number)),
            "{intent:?}, acknowledged as event {number}, is lost"
        );
    }
    let count = acknowledged.len();
    writeln!(
        std::io::stdout(),
        "killed {RUNS} times: {count} acknowledged intents, none lost"
    )
    .expect("a line");
}

/// Kills a process in the middle of making, opening, closing and changing the key of a ledger.
fn kill_while_opening() {
    let directory = tempfile::tempdir().expect("a directory");
    for _ in 0..RUNS {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(CHILD, directory.path())
            .arg(TURNS)
            .spawn()
            .expect("a process");
        let moment = RandomState::new().build_hasher().finish() % TURNS_KILLED_AFTER_MAX;
        thread::sleep(Duration::from_micros(moment));
        child.kill().expect("a kill");
        child.wait().expect("an end");
        if directory.path().join("keys/signing-key").exists() {
            verify(directory.path(), None).expect("sound as it was left");
        }
    }
    Ledger::open(directory.path(), options())
        .expect("the ledger opens")
        .close()
        .expect("a clean close");
    let report = verify(directory.path(), None).expect("a sound ledger");
    writeln!(
        std::io::stdout(),
        "killed {RUNS} times while opening: {} events, the key changed {} times",
        report.events,
        report.key_changes
    )
    .expect("a line");
}

fn open_and_close_for_ever(directory: &Path) {
    loop {
        Ledger::rotate_key(directory, options(), "alice").expect("a new key");
        drop(Ledger::open(directory, options()).expect("the ledger opens"));
    }
}

fn start(directory: &Path, session: SessionId) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .env(CHILD, directory)
        .arg(session.0.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// Kills the process after `count` acknowledgements, and returns all that it gave.
fn kill_after(child: &mut Child, session: SessionId, count: u64) -> Vec<((SessionId, StatementId), u64)> {
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    let mut seen = 0;
    while lines.read_line(&mut line).expect("a line") > 0 {
        // A last line without its end was not yet said.
        if let Some((statement, number)) = line.strip_suffix('\n').and_then(|line| line.split_once(' ')) {
            let statement = StatementId(statement.parse().expect("a statement"));
            acknowledged.push(((session, statement), number.parse().expect("a number")));
        }
        line.clear();
        seen += 1;
        if seen == count {
            child.kill().expect("a kill");
        }
    }
    let ended = child.wait().expect("an end");
    assert!(
        !ended.success() && seen >= count,
        "the process ended by itself: {ended}"
    );
    acknowledged
}

fn recorded_intents(directory: &Path) -> HashSet<((SessionId, StatementId), u64)> {
    let mut tail = Tail::open(directory, u64::MAX).expect("the log");
    let mut recorded = HashSet::new();
    while let Some(shown) = tail.next_event().expect("an event") {
        if let Event::StatementIntent(intent) = &shown.stored.event {
            assert!(shown.whose.is_some() && shown.statement.is_some() && shown.decision.is_some());
            recorded.insert(((intent.session, intent.statement), shown.stored.number.0));
        }
    }
    recorded
}

fn options() -> LedgerOptions {
    LedgerOptions {
        segment_bytes_max: 100_000,
        free_bytes_min: 0,
        index: false,
        ..LedgerOptions::default()
    }
}

fn append_for_ever(directory: &Path) {
    let session = SessionId(
        std::env::args()
            .nth(1)
            .and_then(|id| id.parse().ok())
            .expect("a session"),
    );
    let ledger = Ledger::open(directory, options()).expect("the ledger opens");
    let party = Subject {
        name: "alice".into(),
        kind: PrincipalKind::Person,
    };
    let started = SessionStarted {
        session,
        principal: Principal {
            subject: party,
            actors: Vec::new(),
            groups: Vec::new(),
            subject_groups: Vec::new(),
            assurance: Assurance::Issued,
            credential_kind: CredentialKind::IssuedPassword,
            credential: CredentialId("pw-1".into()),
            purpose: None,
        },
        database: "shop".into(),
        login: "alice".into(),
        upstream_user: "shop".into(),
        client_address: "127.0.0.1:1".into(),
        client_program: None,
        tls: false,
        upstream_process: None,
    };
    ledger
        .record(&Event::SessionStarted(started))
        .expect("a session starts");
    thread::scope(|scope| {
        for thread in 0..3 {
            let ledger = &ledger;
            scope.spawn(move || append(ledger, session, thread));
        }
    });
}

fn append(ledger: &Ledger, session: SessionId, thread: u64) {
    let facts = Arc::new(StatementFacts::empty(StatementClass::Read, "SELECT"));
    let normalized: Arc<str> = format!("SELECT {thread}").into();
    for count in 0.. {
        let statement = StatementId(count * 3 + thread);
        let intent = StatementIntentInput {
            session,
            statement,
            origin: Origin::Simple,
            facts: &facts,
            normalized: &normalized,
            shape: Digest([1; 32]),
            rules: &[],
            policy_version: 1,
            obligations: &[],
            labelled: &[],
            literals: ledger.keyed_digest(b"SELECT 1"),
            parameters: None,
            reason: None,
            trace: None,
        };
        let mut recording = Box::pin(ledger.record_intent((), &intent, Durability::Process));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(recorded) = recording.as_mut().poll(&mut context) else {
            unreachable!("process durability never waits");
        };
        let number = recorded.expect("an intent").number();
        // One write of a whole line: lines of several threads don't mix.
        let line = format!("{} {number}\n", statement.0);
        std::io::stdout()
            .lock()
            .write_all(line.as_bytes())
            .expect("somebody listens");
        let outcome = StatementOutcome {
            session,
            statement,
            rows: 1,
            bytes: 1,
            rows_affected: None,
            duration_microseconds: 1,
            sqlstate: None,
            transaction: None,
        };
        ledger.record_outcome(&outcome).expect("an outcome");
    }
}
