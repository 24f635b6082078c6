//! The sessions that are alive: for listing, for ending, and for cancel requests.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;

use durward_model::{DatabaseName, Principal, SessionId};
use futures_util::task::AtomicWaker;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::upstream::CancelTarget;

/// What a CancelRequest names: the process id and the secret that the client was given.
type CancelKey = (i32, Box<[u8]>);

/// Every live session of the gateway.
#[derive(Debug, Default)]
pub struct SessionRegistry {
    sessions: Mutex<HashMap<SessionId, Arc<SessionHandle>>>,
    /// By the cancel key that the client was given: the server's process id and a secret of ours.
    keys: Mutex<HashMap<CancelKey, Arc<SessionHandle>>>,
}

/// What others may know of, and do to, a live session.
#[derive(Debug)]
pub struct SessionHandle {
    id: SessionId,
    principal: Arc<Principal>,
    database: DatabaseName,
    client_address: IpAddr,
    program: Arc<str>,
    started: Instant,
    process_id: i32,
    cancel: CancelTarget,
    secret_key: Box<[u8]>,
    statements: AtomicU64,
    killed: AtomicBool,
    /// The session's own task.
    wake: AtomicWaker,
    /// A statement of the session's waits for approval: cancelling means to take it back.
    holding: AtomicBool,
    cancels: AtomicU64,
    cancelled: Notify,
}

/// One line of `durward sessions ls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The session.
    pub id: String,
    /// Who: `agent for person`.
    pub principal: String,
    /// The database as clients name it.
    pub database: String,
    /// Where from.
    pub client_address: String,
    /// What the client calls itself.
    pub program: String,
    /// How long it has lived.
    pub age_seconds: u64,
    /// How many statements it has sent.
    pub statements: u64,
    /// The server's process id for it.
    pub server_process_id: i32,
}

/// What a new session tells of itself.
#[derive(Debug)]
pub(crate) struct SessionFacts {
    pub(crate) id: SessionId,
    pub(crate) principal: Arc<Principal>,
    pub(crate) database: DatabaseName,
    pub(crate) client_address: IpAddr,
    pub(crate) program: Arc<str>,
    pub(crate) process_id: i32,
    pub(crate) cancel: CancelTarget,
    pub(crate) secret_key: Box<[u8]>,
}

/// A session's place in the registry, given up when dropped.
#[derive(Debug)]
pub(crate) struct SessionLease {
    registry: Arc<SessionRegistry>,
    pub(crate) handle: Arc<SessionHandle>,
}

impl SessionRegistry {
    /// The live sessions, oldest first.
    pub fn list(&self) -> Vec<SessionSummary> {
        let mut handles: Vec<_> = lock(&self.sessions).values().cloned().collect();
        handles.sort_by_key(|handle| handle.started);
        handles.iter().map(|handle| handle.summary()).collect()
    }

    /// How many sessions are alive.
    pub fn len(&self) -> usize {
        lock(&self.sessions).len()
    }

    /// Whether no session is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends one session by the id that `list` shows, its running statement included. False if there is none.
    pub fn kill(&self, id: &str) -> bool {
        let handle = lock(&self.sessions)
            .values()
            .find(|handle| handle.id.to_string() == id)
            .cloned();
        handle.inspect(|handle| handle.kill()).is_some()
    }

    /// Ends every session of which `name` is the subject or in the chain of actors. Returns how many.
    pub fn kill_all_of(&self, name: &str) -> usize {
        let handles: Vec<_> = lock(&self.sessions)
            .values()
            .filter(|handle| handle.principal.involves(name))
            .cloned()
            .collect();
        handles.iter().for_each(|handle| handle.kill());
        handles.len()
    }

    /// Ends every session.
    pub fn kill_all(&self) {
        let handles: Vec<_> = lock(&self.sessions).values().cloned().collect();
        handles.iter().for_each(|handle| handle.kill());
    }

    /// Where a cancel request with this key must go. One that ends a wait for approval needn't go anywhere.
    pub(crate) fn cancel_target(&self, process_id: i32, secret_key: &[u8]) -> Option<CancelTarget> {
        let handle = lock(&self.keys).get(&(process_id, secret_key.into())).cloned()?;
        if handle.holding.load(Ordering::Acquire) {
            handle.cancels.fetch_add(1, Ordering::AcqRel);
            handle.cancelled.notify_one();
            return None;
        }
        Some(handle.cancel.clone())
    }

    pub(crate) fn register(self: &Arc<Self>, facts: SessionFacts) -> SessionLease {
        let handle = Arc::new(SessionHandle {
            id: facts.id,
            principal: facts.principal,
            database: facts.database,
            client_address: facts.client_address,
            program: facts.program,
            started: Instant::now(),
            process_id: facts.process_id,
            cancel: facts.cancel,
            secret_key: facts.secret_key,
            statements: AtomicU64::new(0),
            killed: AtomicBool::new(false),
            wake: AtomicWaker::new(),
            holding: AtomicBool::new(false),
            cancels: AtomicU64::new(0),
            cancelled: Notify::new(),
        });
        lock(&self.sessions).insert(handle.id, Arc::clone(&handle));
        lock(&self.keys).insert(handle.key(), Arc::clone(&handle));
        SessionLease {
            registry: Arc::clone(self),
            handle,
        }
    }
}

impl SessionHandle {
    /// Waits until the session is to end, for the session's own task alone. Cancel safe: yes.
    pub(crate) async fn ended(&self) {
        poll_fn(|cx| {
            self.wake.register(cx.waker());
            if self.is_killed() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Whether a statement waits for approval from here on.
    pub(crate) fn set_holding(&self, holding: bool) {
        self.holding.store(holding, Ordering::Release);
    }

    /// How often the client has taken a held statement back.
    pub(crate) fn cancels(&self) -> u64 {
        self.cancels.load(Ordering::Acquire)
    }

    /// Waits until the client has done so more often than `before`. Cancel safe: yes.
    pub(crate) async fn hold_cancelled(&self, before: u64) {
        while self.cancels() == before {
            self.cancelled.notified().await;
        }
    }

    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// The number of the next statement, from 1.
    pub(crate) fn next_statement(&self) -> u64 {
        self.statements.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn client_address(&self) -> IpAddr {
        self.client_address
    }

    pub(crate) fn cancel_target(&self) -> &CancelTarget {
        &self.cancel
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.wake.wake();
    }

    fn key(&self) -> CancelKey {
        (self.process_id, self.secret_key.clone())
    }

    fn summary(&self) -> SessionSummary {
        SessionSummary {
            id: self.id.to_string(),
            principal: self.principal.to_string(),
            database: self.database.to_string(),
            client_address: self.client_address.to_string(),
            program: self.program.to_string(),
            age_seconds: self.started.elapsed().as_secs(),
            statements: self.statements(),
            server_process_id: self.process_id,
        }
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        lock(&self.registry.sessions).remove(&self.handle.id);
        lock(&self.registry.keys).remove(&self.handle.key());
    }
}

/// A panic while the lock was held leaves plain maps, which are whole at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
