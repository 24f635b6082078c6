//! Requests under every order of events and faults that a seed gives: never more than one run for an approval, never a
//! run without one, and no decision that was acknowledged is lost.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: whatever fails here says why and ends it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use durward_change::{
    Answer, Approver, Asked, Binding, Desk, DeskError, Entry, Event, Manner, Recorder, Request, RequestId, State,
    Store, StoreError, example,
};
use durward_model::{ApprovalTerms, PrincipalKind, Subject};

const SCHEDULES: u64 = 12_000;
const STEPS: u32 = 60;

/// A generator of numbers (xorshift64*): the same schedule for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("small")
    }
}

/// What the next write meets.
mod fault {
    pub(crate) const NONE: u8 = 0;
    /// The disk refuses; the process lives on.
    pub(crate) const REFUSED: u8 = 1;
    /// The process dies before the bytes are there.
    pub(crate) const DIES_BEFORE: u8 = 2;
    /// The process dies once they are.
    pub(crate) const DIES_AFTER: u8 = 3;
    /// The record of what was done can't be written.
    pub(crate) const NO_RECORD: u8 = 4;
}

/// What outlives the process.
#[derive(Clone, Default)]
struct Disk {
    entries: Arc<Mutex<Vec<Entry>>>,
    fault: Arc<AtomicU8>,
    dead: Arc<AtomicBool>,
}

impl Store for Disk {
    fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.entries.lock().expect("no panic").clone())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if self.dead.load(Ordering::Relaxed) {
            return Err(StoreError("dead".into()));
        }
        let fault = self.fault.swap(fault::NONE, Ordering::Relaxed);
        if matches!(fault, fault::NONE | fault::DIES_AFTER | fault::NO_RECORD) {
            self.entries.lock().expect("no panic").push(entry.clone());
        }
        if matches!(fault, fault::DIES_BEFORE | fault::DIES_AFTER) {
            self.dead.store(true, Ordering::Relaxed);
        }
        match fault {
            fault::NONE | fault::NO_RECORD => Ok(()),
            fault::REFUSED => Err(StoreError("disk full".into())),
            _ => Err(StoreError("dead".into())),
        }
    }

    fn replace(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        *self.entries.lock().expect("no panic") = entries.to_vec();
        Ok(())
    }

    fn is_long(&self) -> bool {
        // Now and then, so that opening writes anew.
        self.entries.lock().expect("no panic").len().is_multiple_of(7)
    }
}

impl Recorder for Disk {
    fn record(&self, _: &Request, _: &Event) -> Result<(), StoreError> {
        if self
            .fault
            .compare_exchange(fault::NO_RECORD, fault::NONE, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            return Err(StoreError("no record".into()));
        }
        Ok(())
    }
}

/// A connection.
struct Client {
    agent: bool,
    waits: Option<(RequestId, usize)>,
}

/// The world around the desk, with its own account of what was said.
struct World {
    seed: u64,
    chance: Chance,
    disk: Disk,
    desk: Desk,
    clients: Vec<Client>,
    clock: i64,
    /// The latest time that anybody saw.
    seen: i64,
    schema: u64,
    policy: u64,
    terms: Vec<ApprovalTerms>,
    /// Who has approved what, as far as it may have counted.
    approved: BTreeMap<RequestId, BTreeSet<String>>,
    acknowledged: BTreeMap<RequestId, BTreeSet<String>>,
    /// What was acknowledged as over.
    over: BTreeMap<RequestId, State>,
    runs: BTreeMap<RequestId, u32>,
    total_runs: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let disk = Disk::default();
        let terms = (0..3)
            .map(|_| ApprovalTerms {
                count: 1 + u32::from(chance.one_in(3)),
                expires_seconds: 20 + u32::try_from(chance.below(60)).expect("small"),
                ..ApprovalTerms::default()
            })
            .collect();
        let clients = (0..4)
            .map(|number| Client {
                agent: number % 2 == 0,
                waits: None,
            })
            .collect();
        Self {
            seed,
            desk: Desk::open(disk.clone(), disk.clone()).expect("an empty disk opens"),
            disk,
            chance,
            clients,
            clock: 1_000,
            seen: 0,
            schema: 0,
            policy: 0,
            terms,
            approved: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            over: BTreeMap::new(),
            runs: BTreeMap::new(),
            total_runs: 0,
        }
    }

    fn asked(&self, client: usize, statement: usize) -> Asked {
        let mut asked = example();
        if self.clients[client].agent {
            asked.principal.actors = vec![Subject {
                name: "robot".into(),
                kind: PrincipalKind::Agent,
            }];
        }
        asked.text = format!("UPDATE t SET v = {statement}");
        asked.terms = self.terms[statement].clone();
        let mut binding = Binding::new();
        binding.part("who", asked.principal.to_string().as_bytes());
        binding.part("text", asked.text.as_bytes());
        binding.part("schema", &self.schema.to_be_bytes());
        binding.part("policy", &self.policy.to_be_bytes());
        asked.digest = binding.finish().to_string();
        asked
    }

    fn step(&mut self) {
        if self.chance.one_in(12) {
            let fault = 1 + u8::try_from(self.chance.below(4)).expect("small");
            self.disk.fault.store(fault, Ordering::Relaxed);
        }
        let client = self.chance.index(self.clients.len());
        match self.chance.below(20) {
            0..=5 => self.send(client),
            6..=7 => self.look(client),
            8 => self.leave(client, "cancelled"),
            9 => self.leave(client, "disconnected"),
            10..=14 => self.approve(),
            15 => self.reject(),
            16 => self.advance(),
            17 => self.restart(),
            18 => match self.chance.below(3) {
                0 => self.schema += 1,
                1 => self.policy += 1,
                _ => self.supersede(),
            },
            _ => drop(self.desk.sweep(self.clock)),
        }
        if self.disk.dead.load(Ordering::Relaxed) {
            self.restart();
        }
    }

    fn advance(&mut self) {
        let by = i64::try_from(self.chance.below(30)).expect("small");
        // A clock that is set back, or jumps ahead.
        self.clock += match self.chance.below(6) {
            0 => -3 * by,
            1 => 5 * by,
            _ => by,
        };
    }

    fn send(&mut self, client: usize) {
        if self.clients[client].waits.is_some() {
            return self.look(client);
        }
        let statement = self.chance.index(self.terms.len());
        self.present(client, statement);
    }

    /// Somebody who waits looks whether it was decided, and goes on as a session does.
    fn look(&mut self, client: usize) {
        let Some((id, statement)) = self.clients[client].waits else {
            return;
        };
        let pending = self.desk.get(id).is_some_and(|request| request.state == State::Pending);
        if !pending {
            self.clients[client].waits = None;
            drop(self.desk.leave(id, "decided", self.clock));
            self.present(client, statement);
        } else if self.chance.one_in(4) {
            self.clients[client].waits = None;
            self.desk.park(id);
        }
    }

    fn present(&mut self, client: usize, statement: usize) {
        let asked = self.asked(client, statement);
        let manner = if self.clients[client].agent || self.chance.one_in(3) {
            Manner::Parked
        } else {
            Manner::Waiting
        };
        self.seen = self.seen.max(self.clock);
        match self.desk.present(&asked, manner, self.clock) {
            Ok(Answer::Granted(grant)) => {
                let request = grant.request().clone();
                assert_eq!(request.asked.digest, asked.digest, "seed {}", self.seed);
                // The gateway may die between spending the approval and forwarding.
                if self.chance.one_in(6) {
                    return self.restart();
                }
                self.run(&request, &asked);
            }
            Ok(Answer::Pending(request)) => {
                assert_eq!(request.asked.digest, asked.digest, "seed {}", self.seed);
                if manner == Manner::Waiting {
                    self.clients[client].waits = Some((request.id, statement));
                }
            }
            Ok(Answer::Rejected(request)) => assert_eq!(request.state, State::Rejected, "seed {}", self.seed),
            Err(DeskError::Store(_)) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    /// The statement runs: that must be right.
    fn run(&mut self, request: &Request, asked: &Asked) {
        let (seed, id) = (self.seed, request.id);
        let runs = self.runs.entry(id).or_default();
        *runs += 1;
        assert_eq!(*runs, 1, "seed {seed}: {id} ran twice");
        assert_eq!(request.asked.text, asked.text, "seed {seed}: {id} is another text");
        let by = self.approved.get(&id).cloned().unwrap_or_default();
        let needed = usize::try_from(asked.terms.count).expect("small");
        assert!(by.len() >= needed, "seed {seed}: {id} ran with {by:?} of {needed}");
        assert!(!by.contains("alice"), "seed {seed}: {id} was approved by whoever asked");
        assert_eq!(self.over.get(&id), None, "seed {seed}: {id} ran after it was over");
        assert!(self.seen < request.expires_at, "seed {seed}: {id} ran too late");
        self.total_runs += 1;
    }

    fn leave(&mut self, client: usize, why: &str) {
        if let Some((id, _)) = self.clients[client].waits.take() {
            drop(self.desk.leave(id, why, self.clock));
            self.note_over(id);
        }
    }

    /// What the desk itself says is over stays over.
    fn note_over(&mut self, id: RequestId) {
        if let Some(request) = self.desk.get(id)
            && !request.state.is_open()
            && request.state != State::Used
        {
            self.over.insert(id, request.state);
        }
    }

    fn some_request(&mut self) -> Option<Request> {
        let all = self.desk.list();
        (!all.is_empty()).then(|| all[self.chance.index(all.len().min(4))].clone())
    }

    fn approve(&mut self) {
        let Some(request) = self.some_request() else { return };
        let name = ["bob", "carol", "alice", "robot"][self.chance.index(4)];
        self.seen = self.seen.max(self.clock);
        match self
            .desk
            .approve(request.id, &Approver::named(name), Some("fine"), self.clock)
        {
            Ok(after) => {
                assert!(after.approvals.iter().any(|approval| approval.by == name));
                self.approved.entry(request.id).or_default().insert(name.to_owned());
                self.acknowledged.entry(request.id).or_default().insert(name.to_owned());
            }
            // It may have been written before the process died.
            Err(DeskError::Store(_)) => {
                let written = self.disk.entries.lock().expect("no panic").last().cloned();
                let counts = written.is_some_and(|entry| {
                    entry.id == request.id && matches!(&entry.event, Event::Approved(given) if given.by == name)
                });
                if counts {
                    self.approved.entry(request.id).or_default().insert(name.to_owned());
                }
            }
            Err(DeskError::Own(_)) => assert!(["alice", "robot"].contains(&name), "seed {}", self.seed),
            Err(DeskError::TooLate { .. } | DeskError::Twice(_)) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
        self.note_over(request.id);
    }

    fn reject(&mut self) {
        let Some(request) = self.some_request() else { return };
        self.seen = self.seen.max(self.clock);
        drop(self.desk.reject(request.id, "bob", Some("no"), self.clock));
        self.note_over(request.id);
    }

    fn supersede(&mut self) {
        let Some(request) = self.some_request() else { return };
        self.seen = self.seen.max(self.clock);
        drop(self.desk.supersede(request.id, "the table changed", self.clock));
        self.note_over(request.id);
    }

    /// The process dies and comes back: connections are gone, the disk is what it was.
    fn restart(&mut self) {
        self.disk.dead.store(false, Ordering::Relaxed);
        self.disk.fault.store(fault::NONE, Ordering::Relaxed);
        for client in &mut self.clients {
            client.waits = None;
        }
        self.desk = Desk::open(self.disk.clone(), self.disk.clone()).expect("the disk opens");
        // Of earlier times it knows what is on the disk.
        let entries = self.disk.entries.lock().expect("no panic");
        self.seen = entries.iter().map(|entry| entry.at).max().unwrap_or_default();
        drop(entries);
        for (id, names) in &self.acknowledged {
            let request = self.desk.get(*id).expect("an approved request is kept");
            for name in names {
                let kept = request.approvals.iter().any(|approval| approval.by == *name);
                assert!(kept, "seed {}: {id} lost the approval of {name}", self.seed);
            }
        }
        for (id, state) in &self.over {
            let request = self.desk.get(*id).expect("an ended request is kept");
            assert_eq!(request.state, *state, "seed {}: {id} came back", self.seed);
        }
    }
}

#[test]
fn never_two_runs_for_one_approval_and_none_without() {
    let mut runs = 0;
    for seed in 1..=SCHEDULES {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.restart();
        runs += world.total_runs;
    }
    assert!(
        runs > SCHEDULES / 2,
        "only {runs} statements ran: the schedules try too little"
    );
}
