//! The world around the desk: who sends, who decides and what goes wrong, with its own account of what was said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use durward_change::{
    Answer, Approver, Asked, Binding, Desk, DeskError, Escalation, Event, Manner, OwnerRule, Party, Request, RequestId,
    Rota, Routing, State, example,
};
use durward_model::{ApprovalTerms, PrincipalKind, Subject};

use super::disk::{Chance, Disk, fault};

/// After how long others are asked too, in seconds.
pub(crate) const ESCALATES_AFTER: i64 = 5;

/// The statements: one of nobody's data, one that needs two, one of an owner's, one of two owners', one of high risk, and one
/// that a policy's terms may approve.
pub(crate) const STATEMENTS: usize = 6;

/// What each statement changes.
const CHANGES: [&[&str]; STATEMENTS] = [
    &["free.t"],
    &["free.t"],
    &["money.t"],
    &["money.t", "people.t"],
    &["free.t"],
    &["money.t"],
];

/// The one of high risk.
const RISKY: usize = 4;

/// The one that a policy's terms may approve; now and then it asks for the risky one too.
const AUTOMATIC: usize = 5;

/// Who decides, and in which groups.
pub(crate) const PEOPLE: [(&str, &[&str]); 5] = [
    ("bob", &["finance"]),
    ("carol", &["finance", "hr"]),
    ("dave", &["oncall"]),
    ("alice", &["finance", "hr", "oncall"]),
    ("robot", &["hr"]),
];

pub(crate) fn approver(name: &str) -> Approver {
    let groups = PEOPLE
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(&[][..], |(_, groups)| groups);
    Approver {
        groups: groups.iter().map(|group| Arc::from(*group)).collect(),
        ..Approver::named(name)
    }
}

fn is_in(name: &str, group: &str) -> bool {
    PEOPLE
        .iter()
        .any(|(known, groups)| *known == name && groups.contains(&group))
}

fn routing() -> Routing {
    let rule = |of: &str, parties: &str| OwnerRule {
        of: of.parse().expect("a pattern"),
        parties: Party::list(parties).expect("somebody"),
    };
    Routing {
        owners: [("shop".to_owned(), vec![rule("money", "finance"), rule("people", "hr")])].into(),
        rota: Rota::default(),
        escalation: Some(Escalation {
            after_seconds: u32::try_from(ESCALATES_AFTER).expect("small"),
            to: Party::list("oncall").expect("somebody"),
        }),
        ..Routing::default()
    }
}

pub(crate) fn open(disk: &Disk, now: i64) -> Result<Desk, DeskError> {
    Desk::open(disk.clone(), disk.clone())?.routed(routing(), now)
}

/// A connection.
pub(crate) struct Client {
    pub(crate) agent: bool,
    pub(crate) waits: Option<(RequestId, usize)>,
}

/// An approval that may count: who, and whether others had been asked by then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    pub(crate) by: String,
    pub(crate) escalated: bool,
}

/// How often something happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reached {
    pub(crate) runs: u64,
    pub(crate) automatic: u64,
    pub(crate) glass: u64,
    pub(crate) reviews: u64,
    pub(crate) accesses: u64,
    pub(crate) revoked: u64,
    pub(crate) escalated: u64,
    pub(crate) by_two_owners: u64,
    pub(crate) risky: u64,
    pub(crate) late: u64,
}

impl Reached {
    pub(crate) fn list(&self) -> [(&'static str, u64); 10] {
        [
            ("runs", self.runs),
            ("approved by policy", self.automatic),
            ("broken glass", self.glass),
            ("reviews", self.reviews),
            ("accesses", self.accesses),
            ("revocations", self.revoked),
            ("runs after an escalation", self.escalated),
            ("runs of two owners' data", self.by_two_owners),
            ("runs of high risk", self.risky),
            ("late or double decisions", self.late),
        ]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.automatic += other.automatic;
        self.glass += other.glass;
        self.reviews += other.reviews;
        self.accesses += other.accesses;
        self.revoked += other.revoked;
        self.escalated += other.escalated;
        self.by_two_owners += other.by_two_owners;
        self.risky += other.risky;
        self.late += other.late;
    }
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) chance: Chance,
    pub(crate) disk: Disk,
    pub(crate) desk: Desk,
    pub(crate) clients: Vec<Client>,
    pub(crate) clock: i64,
    /// The latest time that anybody saw.
    pub(crate) seen: i64,
    schema: u64,
    policy: u64,
    terms: Vec<ApprovalTerms>,
    /// Who has approved what, as far as it may have counted.
    pub(crate) approved: BTreeMap<RequestId, BTreeSet<Said>>,
    pub(crate) acknowledged: BTreeMap<RequestId, BTreeSet<String>>,
    /// The digests that a policy's terms have been said for.
    by_policy: BTreeSet<String>,
    /// What was acknowledged as over.
    pub(crate) over: BTreeMap<RequestId, State>,
    /// What ran without an approval, and was looked at since.
    pub(crate) glass: BTreeMap<RequestId, bool>,
    /// Decisions that were sent before, which may come again.
    pub(crate) sent: Vec<(RequestId, &'static str, bool)>,
    pub(crate) runs: BTreeMap<RequestId, u32>,
    pub(crate) reached: Reached,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let disk = Disk::default();
        let terms = (0..STATEMENTS)
            .map(|statement| ApprovalTerms {
                count: 1 + u32::from(statement == 1 || chance.one_in(6)),
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
            desk: open(&disk, 0).expect("an empty disk opens"),
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
            by_policy: BTreeSet::new(),
            over: BTreeMap::new(),
            glass: BTreeMap::new(),
            sent: Vec::new(),
            runs: BTreeMap::new(),
            reached: Reached::default(),
        }
    }

    pub(crate) fn asked(&self, client: usize, statement: usize) -> Asked {
        let mut asked = example();
        if self.clients[client].agent {
            asked.principal.actors = vec![Subject {
                name: "robot".into(),
                kind: PrincipalKind::Agent,
            }];
        }
        asked.text = format!("UPDATE t SET v = {statement}");
        asked.touched.changes = CHANGES[statement].iter().map(|name| (*name).to_owned()).collect();
        if statement == RISKY {
            asked.touched.hazards = vec!["data_loss free.t".to_owned()];
        }
        asked.terms = self.terms[statement].clone();
        asked.reason = Some("it burns".to_owned());
        let mut binding = Binding::new();
        binding.part("who", asked.principal.to_string().as_bytes());
        binding.part("text", asked.text.as_bytes());
        binding.part("schema", &self.schema.to_be_bytes());
        binding.part("policy", &self.policy.to_be_bytes());
        asked.digest = binding.finish().to_string();
        asked
    }

    pub(crate) fn step(&mut self) {
        if self.chance.one_in(12) {
            let fault = 1 + u8::try_from(self.chance.below(4)).expect("small");
            self.disk.fault.store(fault, Ordering::Relaxed);
        }
        let client = self.chance.index(self.clients.len());
        match self.chance.below(34) {
            0..=6 => self.send(client),
            7..=8 => self.look(client),
            9 => self.leave(client, "cancelled"),
            10 => self.leave(client, "disconnected"),
            11..=18 => self.approve(),
            19 => self.reject(),
            20 => self.advance(),
            21 => self.restart(),
            22 => match self.chance.below(4) {
                0 => self.schema += 1,
                1 => self.policy += 1,
                _ => self.supersede(),
            },
            23 => self.send_approved(client),
            24 => self.break_glass(client),
            25 => self.review(),
            26..=27 => self.ask_for_access(),
            28 => self.revoke(),
            29..=30 => self.send_again(),
            31..=32 => self.advance(),
            _ => drop(self.desk.sweep(self.clock)),
        }
        if self.chance.one_in(4) {
            self.check_access();
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
        let statement = self.chance.index(STATEMENTS);
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
        let answer = self.desk.present(&asked, manner, self.clock);
        self.answered(client, statement, &asked, manner, answer);
    }

    /// A policy's terms approve it: but for what is of high risk.
    fn send_approved(&mut self, client: usize) {
        let statement = if self.chance.one_in(4) { RISKY } else { AUTOMATIC };
        if self.clients[client].waits.is_some() {
            return;
        }
        let asked = self.asked(client, statement);
        self.by_policy.insert(asked.digest.clone());
        self.seen = self.seen.max(self.clock);
        let answer = self.desk.present_approved(&asked, "small", self.clock);
        self.answered(client, statement, &asked, Manner::Parked, answer);
    }

    fn answered(
        &mut self,
        client: usize,
        statement: usize,
        asked: &Asked,
        manner: Manner,
        answer: Result<Answer, DeskError>,
    ) {
        match answer {
            Ok(Answer::Granted(grant)) => {
                let request = grant.request().clone();
                assert_eq!(request.asked.digest, asked.digest, "seed {}", self.seed);
                // The gateway may die between spending the approval and forwarding.
                if self.chance.one_in(6) {
                    return self.restart();
                }
                self.run(&request, asked, statement);
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
    fn run(&mut self, request: &Request, asked: &Asked, statement: usize) {
        let (seed, id) = (self.seed, request.id);
        let runs = self.runs.entry(id).or_default();
        *runs += 1;
        assert_eq!(*runs, 1, "seed {seed}: {id} ran twice");
        assert_eq!(request.asked.text, asked.text, "seed {seed}: {id} is another text");
        assert_eq!(self.over.get(&id), None, "seed {seed}: {id} ran after it was over");
        self.reached.runs += 1;
        if request.by_policy.is_some() {
            assert!(
                self.by_policy.contains(&asked.digest),
                "seed {seed}: {id} ran by terms that nobody gave"
            );
            assert_ne!(statement, RISKY, "seed {seed}: {id} is of high risk, and ran by terms");
            self.reached.automatic += 1;
            return;
        }
        assert!(self.seen < request.expires_at, "seed {seed}: {id} ran too late");
        let by = self.approved.get(&id).cloned().unwrap_or_default();
        let names: BTreeSet<&str> = by.iter().map(|said| said.by.as_str()).collect();
        let needed = usize::try_from(asked.terms.count).expect("small");
        let needed = if statement == RISKY { needed.max(2) } else { needed };
        assert!(names.len() >= needed, "seed {seed}: {id} ran with {by:?} of {needed}");
        assert!(
            !names.contains("alice"),
            "seed {seed}: {id} was approved by whoever asked"
        );
        let is_agents = !asked.principal.actors.is_empty();
        assert!(
            !(is_agents && names.contains("robot")),
            "seed {seed}: {id} was approved by its agent"
        );
        let mut stood_in = false;
        for (schema, owner) in [("money", "finance"), ("people", "hr")] {
            if !CHANGES[statement].iter().any(|name| name.starts_with(schema)) {
                continue;
            }
            let of_them = names.iter().any(|name| is_in(name, owner));
            let for_them = by.iter().any(|said| said.escalated && is_in(&said.by, "oncall"));
            assert!(of_them || for_them, "seed {seed}: {id} ran without {owner}: {by:?}");
            stood_in |= !of_them;
        }
        self.reached.escalated += u64::from(stood_in);
        self.reached.by_two_owners += u64::from(CHANGES[statement].len() == 2);
        self.reached.risky += u64::from(statement == RISKY);
    }

    fn leave(&mut self, client: usize, why: &str) {
        if let Some((id, _)) = self.clients[client].waits.take() {
            drop(self.desk.leave(id, why, self.clock));
            self.note_over(id);
        }
    }

    /// What the desk itself says is over stays over.
    pub(crate) fn note_over(&mut self, id: RequestId) {
        if let Some(request) = self.desk.get(id)
            && !request.state.is_open()
            && !matches!(request.state, State::Used | State::BreakGlass | State::Reviewed)
        {
            self.over.insert(id, request.state);
        }
    }

    pub(crate) fn some_request(&mut self) -> Option<Request> {
        let all = self.desk.list();
        (!all.is_empty()).then(|| all[self.chance.index(all.len().min(4))].clone())
    }

    fn approve(&mut self) {
        let Some(request) = self.some_request() else { return };
        // Whoever stands in for owners comes more often: it takes the time of an escalation besides.
        let name = match self.chance.below(4) {
            0 => "dave",
            _ => PEOPLE[self.chance.index(PEOPLE.len())].0,
        };
        self.decide(request.id, name, true);
    }

    /// Somebody says yes or no, and what comes of it is taken down.
    pub(crate) fn decide(&mut self, id: RequestId, name: &'static str, approves: bool) {
        self.sent.push((id, name, approves));
        self.seen = self.seen.max(self.clock);
        if !approves {
            // What was acknowledged counts, whatever the desk says of it later.
            if self.desk.reject(id, &approver(name), Some("no"), self.clock).is_ok() {
                assert_ne!(name, "alice", "seed {}: {id} was rejected by whoever asked", self.seed);
                self.over.insert(id, State::Rejected);
            }
            return self.note_over(id);
        }
        // By the time that counts, not by what the desk says of itself.
        let escalated = self.desk.get(id).is_some_and(|request| {
            let half = i64::from(request.asked.terms.expires_seconds / 2);
            self.seen >= request.asked_at + ESCALATES_AFTER.min(half)
        });
        let said = Said {
            by: name.to_owned(),
            escalated,
        };
        match self.desk.approve(id, &approver(name), Some("fine"), self.clock) {
            Ok(after) => {
                assert!(after.approvals.iter().any(|approval| approval.by == name));
                self.approved.entry(id).or_default().insert(said);
                self.acknowledged.entry(id).or_default().insert(name.to_owned());
            }
            // It may have been written before the process died.
            Err(DeskError::Store(_)) => {
                let written = self.disk.entries.lock().expect("no panic").last().cloned();
                let counts = written.is_some_and(|entry| {
                    entry.id == id && matches!(&entry.event, Event::Approved(given) if given.by == name)
                });
                if counts {
                    self.approved.entry(id).or_default().insert(said);
                }
            }
            Err(DeskError::Own(_)) => assert!(["alice", "robot"].contains(&name), "seed {}", self.seed),
            Err(DeskError::TooLate { .. } | DeskError::Twice(_)) => self.reached.late += 1,
            Err(DeskError::NotAsked { .. } | DeskError::SameAccount(_) | DeskError::Unknown(_)) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
        self.note_over(id);
    }

    fn reject(&mut self) {
        let Some(request) = self.some_request() else { return };
        let name = PEOPLE[self.chance.index(PEOPLE.len())].0;
        self.decide(request.id, name, false);
        if self.chance.below(4) == 0 {
            let by = approver(name);
            if self.desk.withdraw(request.id, &by, None, self.clock).is_ok() {
                assert!(
                    ["alice", "robot"].contains(&name),
                    "seed {}: {name} took it back",
                    self.seed
                );
                self.over.insert(request.id, State::Withdrawn);
            }
            self.note_over(request.id);
        }
    }

    fn supersede(&mut self) {
        let Some(request) = self.some_request() else { return };
        self.seen = self.seen.max(self.clock);
        drop(self.desk.supersede(request.id, "the table changed", self.clock));
        self.note_over(request.id);
    }

    /// The process dies and comes back: connections are gone, the disk is what it was.
    pub(crate) fn restart(&mut self) {
        self.disk.dead.store(false, Ordering::Relaxed);
        self.disk.fault.store(fault::NONE, Ordering::Relaxed);
        for client in &mut self.clients {
            client.waits = None;
        }
        // Of earlier times it knows what is on the disk.
        let entries = self.disk.entries.lock().expect("no panic");
        self.seen = entries.iter().map(|entry| entry.at).max().unwrap_or_default();
        drop(entries);
        self.desk = open(&self.disk, self.seen).expect("the disk opens");
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
        self.check_glass();
        self.check_access();
    }
}
