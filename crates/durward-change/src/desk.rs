//! The desk: where statements are laid, decided and spent. Everything counts only once it is recorded and on disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durward_model::Principal;
use tokio::sync::watch;

use crate::access::GivenAccess;
use crate::book::Book;
use crate::change_set::is_runnable;
use crate::error::DeskError;
use crate::request::{Approver, Asked, Ending, Request, RequestId, Touched};
use crate::routing::Routing;
use crate::state::{Entry, Event, State};
use crate::store::{Store, StoreError};

/// Keeps the record of every transition. It is told before the transition counts.
pub trait Recorder: Send + Sync {
    /// Records what is about to happen to `request`; for a new one, the request as it will be.
    ///
    /// # Errors
    /// It can't be recorded, and so doesn't happen.
    fn record(&self, request: &Request, event: &Event) -> Result<(), StoreError>;
}

/// Keeps no record.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    fn record(&self, _: &Request, _: &Event) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Proof that an approval of just this statement was spent, durably. Only the desk makes one; it can't be copied.
#[derive(Debug)]
#[must_use = "an approval that was spent and isn't used lets nothing run"]
pub struct Grant {
    request: Request,
}

impl Grant {
    /// The request that was granted.
    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// How whoever asks goes on while people decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It waits with its connection: gone, it takes the request back.
    Waiting,
    /// It goes away and comes back: the request stays.
    Parked,
}

/// What the desk says about a statement.
#[derive(Debug)]
pub enum Answer {
    /// It may run now, this once.
    Granted(Box<Grant>),
    /// People are to decide. Who waits must [`Desk::leave`] or [`Desk::park`] in the end.
    Pending(Box<Request>),
    /// Somebody has said no, and that stands for as long as the request would have.
    Rejected(Box<Request>),
}

/// The desk.
pub struct Desk {
    inner: Mutex<Inner>,
    recorder: Box<dyn Recorder>,
    /// Moves with every transition.
    moved: watch::Sender<u64>,
    /// Whether any change set is open: asked for each statement.
    has_open_sets: AtomicBool,
    /// Moves with everything that may begin or end access: asked for each statement.
    access_version: AtomicU64,
}

struct Inner {
    book: Book,
    store: Box<dyn Store>,
    waiters: HashMap<RequestId, Waiters>,
}

/// Who is interested in a pending request.
#[derive(Debug, Clone, Copy, Default)]
struct Waiters {
    waiting: usize,
    /// Somebody may come back for it.
    parked: bool,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Opens the desk on what the store holds.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn open(mut store: impl Store + 'static, recorder: impl Recorder + 'static) -> Result<Self, DeskError> {
        let book = Book::of(&store.read()?);
        if store.is_long() {
            store.replace(&book.entries())?;
        }
        let has_open_sets = AtomicBool::new(book.has_open_sets());
        let has_access = book.requests().any(|request| request.asked.access.is_some());
        let inner = Inner {
            book,
            store: Box::new(store),
            waiters: HashMap::new(),
        };
        Ok(Self {
            inner: Mutex::new(inner),
            recorder: Box::new(recorder),
            moved: watch::Sender::new(0),
            has_open_sets,
            access_version: AtomicU64::new(u64::from(has_access)),
        })
    }

    /// Asks those whom `routing` names about what is laid on the desk from now on. What waits for others than these is
    /// ended, and asked for anew by whoever still wants it; what was approved stays so.
    ///
    /// # Errors
    /// It can't be kept or recorded.
    pub fn routed(self, routing: Routing, now: i64) -> Result<Self, DeskError> {
        {
            let mut inner = self.lock();
            inner.book.route_by(routing);
            let now = inner.book.now(now);
            for entry in inner.book.misrouted(now) {
                self.commit(&mut inner, &entry)?;
            }
        }
        Ok(self)
    }

    /// Why the risk of something would be high; empty where it isn't.
    pub fn risk_of(&self, asked: &Asked) -> Vec<String> {
        self.lock().book.routing().risk.reasons(asked)
    }

    /// Whether a statement of an approved change set is what its approvers were asked about: it touches nobody's data but
    /// that of owners who were, and its risk is high only where theirs was.
    pub fn foresaw(&self, set: &Request, touched: &Touched) -> bool {
        let inner = self.lock();
        let routing = inner.book.routing();
        let mut now = set.asked.clone();
        now.touched.hazards.clone_from(&touched.hazards);
        let risk = routing.risk.reasons(&now);
        let owners = routing.owners_of_touched(&set.asked.database, touched);
        set.addressed.includes(&owners) && (risk.is_empty() || !set.risk.is_empty())
    }

    /// Lays a statement on the desk: joins the open request for just this one, or opens one. Where it was approved, the
    /// approval is spent here, once and for all: what happens to the caller afterwards doesn't give it back.
    ///
    /// # Errors
    /// Too many are open, the statement is too long, or nothing can be kept or recorded.
    pub fn present(&self, asked: &Asked, manner: Manner, now: i64) -> Result<Answer, DeskError> {
        if !asked.steps.is_empty() || asked.access.is_some() {
            return Err(DeskError::NoStatement);
        }
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let known = inner.book.latest_of(&asked.digest).map(|known| {
            let rejected = known.state == State::Rejected && known.expires_at > now;
            (known.id, known.state, rejected)
        });
        let id = match known {
            Some((id, state, _)) if state.may_run() => {
                let used = Event::Used(Ending::of(Some(&asked.session), None, now));
                let entry = inner.book.move_by(id, used, now)?;
                let request = self.commit(&mut inner, &entry)?;
                return Ok(Answer::Granted(Box::new(Grant { request })));
            }
            Some((id, State::Pending, _)) => id,
            Some((id, _, true)) => {
                let request = inner.book.get(id).cloned().ok_or(DeskError::Unknown(id))?;
                return Ok(Answer::Rejected(Box::new(request)));
            }
            Some(_) | None => {
                let entry = inner.book.ask(asked, now)?;
                self.commit(&mut inner, &entry)?.id
            }
        };
        let waiters = inner.waiters.entry(id).or_default();
        match manner {
            Manner::Waiting => waiters.waiting += 1,
            Manner::Parked => waiters.parked = true,
        }
        let request = inner.book.get(id).cloned().ok_or(DeskError::Unknown(id))?;
        Ok(Answer::Pending(Box::new(request)))
    }

    /// Lays a statement on the desk that a policy's own terms approve, and spends that. `why` is which terms.
    ///
    /// # Errors
    /// Too many are open, the statement is too long, or nothing can be kept or recorded.
    pub fn present_approved(&self, asked: &Asked, why: &str, now: i64) -> Result<Answer, DeskError> {
        if !asked.steps.is_empty() || asked.access.is_some() {
            return Err(DeskError::NoStatement);
        }
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let known = inner.book.latest_of(&asked.digest).cloned();
        let id = match known {
            Some(known) if known.state == State::Rejected && known.expires_at > now => {
                return Ok(Answer::Rejected(Box::new(known)));
            }
            Some(known) if known.state.is_open() => known.id,
            Some(_) | None => {
                let entry = inner.book.ask(asked, now)?;
                self.commit(&mut inner, &entry)?.id
            }
        };
        // Nobody's terms stand for two people who look.
        let waits = inner.book.get(id).filter(|request| request.state == State::Pending);
        if let Some(request) = waits.filter(|request| !request.risk.is_empty()).cloned() {
            inner.waiters.entry(id).or_default().parked = true;
            return Ok(Answer::Pending(Box::new(request)));
        }
        // What people have approved already is spent as it is.
        if inner
            .book
            .get(id)
            .is_some_and(|request| request.state == State::Pending)
        {
            let approved = Event::AutoApproved(Ending::of(None, Some(why), now));
            let entry = inner.book.move_by(id, approved, now)?;
            self.commit(&mut inner, &entry)?;
        }
        let used = Event::Used(Ending::of(Some(&asked.session), None, now));
        let entry = inner.book.move_by(id, used, now)?;
        let request = self.commit(&mut inner, &entry)?;
        Ok(Answer::Granted(Box::new(Grant { request })))
    }

    /// Lays a statement on the desk that runs now without anybody's approval, by whoever says why. It stays there until
    /// somebody else has looked at it. An approval that is there already is spent instead.
    ///
    /// # Errors
    /// Too many are open or unreviewed, the statement is too long, or nothing can be kept or recorded.
    pub fn break_glass(&self, asked: &Asked, now: i64) -> Result<Answer, DeskError> {
        if !asked.steps.is_empty() || asked.access.is_some() {
            return Err(DeskError::NoStatement);
        }
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let known = inner.book.latest_of(&asked.digest).cloned();
        let ending = Ending::of(Some(&asked.session), asked.reason.as_deref(), now);
        let (id, event) = match known {
            Some(known) if known.state.may_run() => (known.id, Event::Used(Ending { why: None, ..ending })),
            Some(known) if known.state == State::Rejected && known.expires_at > now => {
                return Ok(Answer::Rejected(Box::new(known)));
            }
            Some(known) if known.state == State::Pending => (known.id, Event::BrokeGlass(ending)),
            Some(_) | None => {
                let entry = inner.book.ask(asked, now)?;
                (self.commit(&mut inner, &entry)?.id, Event::BrokeGlass(ending))
            }
        };
        let entry = inner.book.move_by(id, event, now)?;
        let request = self.commit(&mut inner, &entry)?;
        Ok(Answer::Granted(Box::new(Grant { request })))
    }

    /// Somebody has looked at what ran without an approval.
    ///
    /// # Errors
    /// It is no such request, was reviewed already, is the reviewer's own, or that can't be kept.
    pub fn review(
        &self,
        id: RequestId,
        reviewer: &Approver,
        note: Option<&str>,
        now: i64,
    ) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let entry = inner.book.review(id, reviewer, note, now)?;
        self.commit(&mut inner, &entry)
    }

    /// Whether somebody's review would count, without giving it.
    ///
    /// # Errors
    /// As [`Desk::review`].
    pub fn may_review(&self, id: RequestId, reviewer: &Approver, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        inner.book.review(id, reviewer, None, now).map(drop)
    }

    /// Lays a change set or a wish for access on the desk, or finds the open request for just this one, or the rejection that still stands.
    /// Nothing is spent.
    ///
    /// # Errors
    /// Too many are open, it is too long, or nothing can be kept or recorded.
    pub fn submit(&self, asked: &Asked, now: i64) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let known = inner.book.latest_of(&asked.digest).filter(|known| {
            let stands = known.state.is_open() || known.state == State::Rejected;
            stands && known.expires_at > now
        });
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let entry = inner.book.ask(asked, now)?;
        self.commit(&mut inner, &entry)
    }

    /// Whether there can be an open change set at all. Takes no lock.
    pub fn may_hold_sets(&self) -> bool {
        self.has_open_sets.load(Ordering::Acquire)
    }

    /// A number that is another one after each step of a request for access; 0 where there was none. Takes no lock.
    pub fn access_version(&self) -> u64 {
        self.access_version.load(Ordering::Acquire)
    }

    /// The access that stands, oldest first.
    pub fn given_access(&self, now: i64) -> Vec<GivenAccess> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        let requests = inner.book.requests();
        requests.filter_map(|request| GivenAccess::of(request, now)).collect()
    }

    /// Takes access back before its time.
    ///
    /// # Errors
    /// It is no access, or hasn't been given or has ended, or that can't be kept.
    pub fn revoke(&self, id: RequestId, by: &str, why: Option<&str>, now: i64) -> Result<Request, DeskError> {
        if self.get(id).is_some_and(|request| request.asked.access.is_none()) {
            return Err(DeskError::NoAccess(id));
        }
        self.end(id, |at| Event::Revoked(Ending::of(Some(by), why, at)), now)
    }

    /// The approved change sets that a principal may begin to run on a database, oldest first.
    pub fn runnable_sets(&self, principal: &Principal, database: &str) -> Vec<Request> {
        let inner = self.lock();
        let requests = inner.book.requests();
        requests
            .filter(|request| is_runnable(request, principal, database))
            .cloned()
            .collect()
    }

    /// Spends the approval of a change set on the session that begins to run it, once and for all.
    ///
    /// # Errors
    /// It is no change set, isn't approved any more, or that can't be kept or recorded.
    pub fn begin(&self, id: RequestId, session: &str, now: i64) -> Result<Grant, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let request = inner.book.get(id).ok_or(DeskError::Unknown(id))?;
        if request.asked.steps.is_empty() {
            return Err(DeskError::NoChangeSet(id));
        }
        let used = Event::Used(Ending::of(Some(session), None, now));
        let entry = inner.book.move_by(id, used, now)?;
        let request = self.commit(&mut inner, &entry)?;
        Ok(Grant { request })
    }

    /// Somebody who waited goes, and takes the request back unless others wait for it, or it is decided.
    ///
    /// # Errors
    /// It can't be kept or recorded; the request then ends by time.
    pub fn leave(&self, id: RequestId, why: &str, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        if !inner.stop_waiting(id) {
            return Ok(());
        }
        let ending = Ending::of(None, Some(why), now);
        match inner.book.move_by(id, Event::Withdrawn(ending), now) {
            Ok(entry) => self.commit(&mut inner, &entry).map(drop),
            Err(DeskError::TooLate { .. } | DeskError::Unknown(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Somebody who waited goes, and may come back: the request stays.
    pub fn park(&self, id: RequestId) {
        let mut inner = self.lock();
        let pending = inner
            .book
            .get(id)
            .is_some_and(|request| request.state == State::Pending);
        if pending {
            inner.waiters.entry(id).or_default().parked = true;
        }
        inner.stop_waiting(id);
    }

    /// Approves. Returns the request as it is then: still pending where more than one must approve.
    ///
    /// # Errors
    /// It is decided already, is the approver's own, needs somebody of another group, or can't be kept.
    pub fn approve(
        &self,
        id: RequestId,
        approver: &Approver,
        note: Option<&str>,
        now: i64,
    ) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let entry = inner.book.approve(id, approver, note, now)?;
        self.commit(&mut inner, &entry)
    }

    /// Whether somebody's approval would count, without giving it.
    ///
    /// # Errors
    /// As [`Desk::approve`].
    pub fn may_approve(&self, id: RequestId, approver: &Approver, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        inner.book.approve(id, approver, None, now).map(drop)
    }

    /// Says no.
    ///
    /// # Errors
    /// It is decided already, is the approver's own, is asked of others, or that can't be kept.
    pub fn reject(&self, id: RequestId, by: &Approver, why: Option<&str>, now: i64) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let entry = inner.book.reject(id, by, why, now)?;
        self.commit(&mut inner, &entry)
    }

    /// Whether somebody's no would count, without saying it.
    ///
    /// # Errors
    /// As [`Desk::reject`].
    pub fn may_reject(&self, id: RequestId, by: &Approver, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        inner.book.reject(id, by, None, now).map(drop)
    }

    /// Takes a request back that is one's own, or of an agent of one's own, before anybody has decided it.
    ///
    /// # Errors
    /// It is decided already, is somebody else's, or that can't be kept.
    pub fn withdraw(&self, id: RequestId, by: &Approver, why: Option<&str>, now: i64) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let entry = inner.book.withdraw(id, by, why, now)?;
        self.commit(&mut inner, &entry)
    }

    /// Whether a request is somebody's to take back.
    ///
    /// # Errors
    /// As [`Desk::withdraw`].
    pub fn may_withdraw(&self, id: RequestId, by: &Approver, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        inner.book.withdraw(id, by, None, now).map(drop)
    }

    /// What was asked is no longer what would run.
    ///
    /// # Errors
    /// It has ended already, or that can't be kept.
    pub fn supersede(&self, id: RequestId, why: &str, now: i64) -> Result<Request, DeskError> {
        self.end(id, |at| Event::Superseded(Ending::of(None, Some(why), at)), now)
    }

    /// A policy's own terms approve.
    ///
    /// # Errors
    /// It is decided already, or that can't be kept.
    pub fn auto_approve(&self, id: RequestId, why: &str, now: i64) -> Result<Request, DeskError> {
        self.end(id, |at| Event::AutoApproved(Ending::of(None, Some(why), at)), now)
    }

    /// Ends what has waited too long, and asks others about what nobody has decided.
    ///
    /// # Errors
    /// It can't be kept or recorded: it is tried again next time, and nothing expired runs meanwhile.
    pub fn sweep(&self, now: i64) -> Result<(), DeskError> {
        let mut inner = self.lock();
        self.expire(&mut inner, now).map(drop)
    }

    /// The request for a statement that is open, or was rejected and still stands so.
    pub fn known(&self, digest: &str, now: i64) -> Option<Request> {
        let mut inner = self.lock();
        let now = inner.book.now(now);
        let known = inner.book.latest_of(digest)?;
        let stands = known.state.is_open() || known.state == State::Rejected;
        (stands && known.expires_at > now).then(|| known.clone())
    }

    /// One request.
    pub fn get(&self, id: RequestId) -> Option<Request> {
        self.lock().book.get(id).cloned()
    }

    /// The requests, newest first.
    pub fn list(&self) -> Vec<Request> {
        self.lock().book.requests().rev().cloned().collect()
    }

    /// Moves with every transition of any request.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    fn end(&self, id: RequestId, event: impl FnOnce(i64) -> Event, now: i64) -> Result<Request, DeskError> {
        let mut inner = self.lock();
        let now = self.expire(&mut inner, now)?;
        let entry = inner.book.move_by(id, event(now), now)?;
        self.commit(&mut inner, &entry)
    }

    /// Ends what has waited too long, before anything else is decided. Returns the time that counts.
    fn expire(&self, inner: &mut Inner, now: i64) -> Result<i64, DeskError> {
        let now = inner.book.now(now);
        for entry in inner.book.expired(now) {
            self.commit(inner, &entry)?;
        }
        for entry in inner.book.overdue(now) {
            self.commit(inner, &entry)?;
        }
        Ok(now)
    }

    /// The record first, then the disk, then the book.
    fn commit(&self, inner: &mut Inner, entry: &Entry) -> Result<Request, DeskError> {
        let about = match &entry.event {
            Event::Kept(request) => Some(&**request),
            _ => inner.book.get(entry.id),
        };
        let about = about.ok_or(DeskError::Unknown(entry.id))?;
        self.recorder.record(about, &entry.event)?;
        inner.store.append(entry)?;
        inner.book.apply(entry);
        let request = inner.book.get(entry.id).cloned();
        let request = request.ok_or(DeskError::Unknown(entry.id))?;
        if !request.state.is_open() {
            inner.waiters.remove(&entry.id);
        }
        self.has_open_sets.store(inner.book.has_open_sets(), Ordering::Release);
        if request.asked.access.is_some() {
            self.access_version.fetch_add(1, Ordering::AcqRel);
        }
        self.moved.send_modify(|moves| *moves += 1);
        Ok(request)
    }

    /// A panic while the lock was held leaves what was written before it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// One waiter less. True when nobody is left who could come back.
    fn stop_waiting(&mut self, id: RequestId) -> bool {
        let Some(waiters) = self.waiters.get_mut(&id) else {
            return false;
        };
        waiters.waiting = waiters.waiting.saturating_sub(1);
        let nobody = waiters.waiting == 0 && !waiters.parked;
        if nobody {
            self.waiters.remove(&id);
        }
        nobody
    }
}

impl<R: Recorder> Recorder for Arc<R> {
    fn record(&self, request: &Request, event: &Event) -> Result<(), StoreError> {
        R::record(self, request, event)
    }
}
