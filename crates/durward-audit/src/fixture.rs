//! Events and ledgers for this crate's tests.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use durward_model::{
    AccessModes, Assurance, ColumnNumber, ColumnUse, CredentialId, CredentialKind, Digest, Hazard, HazardKind, Oid,
    Principal, PrincipalKind, QualifiedName, RelationKind, RelationRef, RelationUse, SessionId, StatementClass,
    StatementFacts, StatementId, Subject,
};

use crate::{
    Clock, Durability, Event, EventNumber, Ledger, LedgerError, LedgerOptions, Origin, SessionEnded, SessionStarted,
    StatementIntentInput, StatementOutcome, StatementRefusedInput,
};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Options without an index, without regard to this machine's disk, and with a head that is signed only on opening,
/// on closing and after many events, so that what a test finds doesn't depend on the time.
pub(crate) fn options() -> LedgerOptions {
    LedgerOptions {
        free_bytes_min: 0,
        checkpoint_interval: std::time::Duration::from_secs(3600),
        index: false,
        ..LedgerOptions::default()
    }
}

pub(crate) fn open(directory: &Path) -> Ledger {
    Ledger::open(directory, options()).expect("the ledger opens")
}

pub(crate) fn principal(subject: &str, actors: &[&str]) -> Principal {
    let party = |name: &str, kind| Subject {
        name: name.into(),
        kind,
    };
    Principal {
        subject: party(subject, PrincipalKind::Person),
        actors: actors.iter().map(|name| party(name, PrincipalKind::Agent)).collect(),
        groups: vec!["engineering".into()],
        subject_groups: vec!["engineering".into()],
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId("pw-1".into()),
        purpose: None,
    }
}

pub(crate) fn session_started(session: u64, principal: Principal) -> Event {
    Event::SessionStarted(SessionStarted {
        session: SessionId(session),
        principal,
        database: "shop".into(),
        login: "alice".into(),
        upstream_user: "shop_owner".into(),
        client_address: "127.0.0.1:50000".into(),
        client_program: Some("psql".into()),
        tls: true,
        upstream_process: Some(4711),
    })
}

pub(crate) fn session_ended(session: u64) -> Event {
    Event::SessionEnded(SessionEnded {
        session: SessionId(session),
        reason: "client_left".into(),
        statements: 1,
        refused: 0,
        bytes_sent: 100,
        by: None,
    })
}

pub(crate) fn outcome(session: u64, statement: u64) -> StatementOutcome {
    StatementOutcome {
        session: SessionId(session),
        statement: StatementId(statement),
        rows: 1,
        bytes: 40,
        rows_affected: None,
        duration_microseconds: 350,
        sqlstate: None,
        transaction: Some(crate::TransactionStatus::Idle),
    }
}

/// A clock that tests set, and that goes on by a millisecond each time it is asked.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn unix_microseconds(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::SeqCst)
    }
}

impl TestClock {
    pub(crate) fn set(&self, time: u64) {
        self.0.store(time, Ordering::SeqCst);
    }
}

/// A statement that touches one table.
pub(crate) struct Statement {
    pub(crate) facts: Arc<StatementFacts>,
    pub(crate) normalized: Arc<str>,
    pub(crate) rules: Vec<Arc<str>>,
}

impl Statement {
    /// `SELECT email FROM public.<table> WHERE id = $1`
    pub(crate) fn read(table: &str) -> Self {
        let mut facts = StatementFacts::empty(StatementClass::Read, "SELECT");
        facts.relations = vec![relation(table, AccessModes::READ)];
        Self {
            facts: Arc::new(facts),
            normalized: format!("SELECT email FROM {table} WHERE id = $1").into(),
            rules: vec!["people-read".into()],
        }
    }

    /// `DELETE FROM public.<table>`
    pub(crate) fn delete(table: &str) -> Self {
        let mut facts = StatementFacts::empty(StatementClass::Write, "DELETE");
        facts.relations = vec![relation(table, AccessModes::DELETE)];
        facts.hazards = vec![Hazard::new(HazardKind::DeleteWithoutWhere, format!("public.{table}"))];
        Self {
            facts: Arc::new(facts),
            normalized: format!("DELETE FROM {table}").into(),
            rules: vec!["delete-without-where".into()],
        }
    }

    pub(crate) fn input(&self, ledger: &Ledger, session: u64, statement: u64) -> StatementIntentInput<'_> {
        StatementIntentInput {
            session: SessionId(session),
            statement: StatementId(statement),
            origin: Origin::Simple,
            facts: &self.facts,
            normalized: &self.normalized,
            shape: Digest([7; 32]),
            rules: &self.rules,
            policy_version: 1,
            obligations: &[],
            labelled: &[],
            literals: ledger.keyed_digest(self.normalized.as_bytes()),
            parameters: None,
            reason: None,
            trace: None,
        }
    }

    pub(crate) fn intend(
        &self,
        ledger: &Ledger,
        session: u64,
        statement: u64,
        durability: Durability,
    ) -> Result<EventNumber, LedgerError> {
        let input = self.input(ledger, session, statement);
        block_on(ledger.record_intent((), &input, durability)).map(|recorded| recorded.spend().1)
    }

    pub(crate) fn refuse(&self, ledger: &Ledger, session: u64, statement: u64) -> Result<EventNumber, LedgerError> {
        ledger.record_refusal(&StatementRefusedInput {
            session: SessionId(session),
            statement: StatementId(statement),
            origin: Origin::Simple,
            understood: Some((&self.facts, &self.normalized, Digest([7; 32]))),
            rules: &self.rules,
            policy_version: Some(1),
            labelled: &[],
            literals: None,
            parameters: None,
            reason: None,
            trace: None,
            rule: "delete-without-where",
            sqlstate: "42501",
            message: "this DELETE has no WHERE",
        })
    }
}

fn relation(table: &str, modes: AccessModes) -> RelationUse {
    RelationUse {
        relation: RelationRef {
            oid: Oid(16_400),
            name: QualifiedName::new("public", table),
            kind: RelationKind::Table,
        },
        modes,
        columns: vec![ColumnUse {
            number: ColumnNumber(2),
            name: "email".into(),
            read: true,
            written: false,
            reading: Default::default(),
        }],
        direct: true,
    }
}

/// What a crash leaves of a ledger that is open: its files as they are.
pub(crate) fn copy_ledger(from: &Path, to: &Path) {
    // The head first: it may not cover more than the segments that are copied after it.
    for folder in [".", "keys", "tree", "segments"] {
        fs::create_dir_all(to.join(folder)).expect("a folder");
        for entry in fs::read_dir(from.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_file() {
                fs::copy(entry.path(), to.join(folder).join(entry.file_name())).expect("a copy");
            }
        }
    }
}
