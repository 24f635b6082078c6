//! What isn't a statement that waits: broken glass and its review, access for a time, and decisions that come again.

use std::collections::BTreeSet;

use durward_change::{Access, Answer, Asked, DeskError, RequestId, State, example};

use super::world::{PEOPLE, STATEMENTS, World, approver};

impl World {
    pub(crate) fn break_glass(&mut self, client: usize) {
        if self.clients[client].waits.is_some() {
            return;
        }
        let statement = self.chance.index(STATEMENTS);
        let asked = self.asked(client, statement);
        self.seen = self.seen.max(self.clock);
        match self.desk.break_glass(&asked, self.clock) {
            Ok(Answer::Granted(grant)) if grant.request().state == State::BreakGlass => {
                let id = grant.request().id;
                let runs = self.runs.entry(id).or_default();
                *runs += 1;
                assert_eq!(*runs, 1, "seed {}: {id} ran twice", self.seed);
                assert_eq!(
                    self.over.get(&id),
                    None,
                    "seed {}: {id} ran after it was over",
                    self.seed
                );
                self.glass.insert(id, false);
                self.reached.glass += 1;
            }
            // Somebody had approved it: that is spent, and this gateway dies before it is used.
            Ok(Answer::Granted(grant)) => {
                assert_eq!(grant.request().state, State::Used, "seed {}", self.seed);
                let runs = self.runs.entry(grant.request().id).or_default();
                *runs += 1;
                assert_eq!(*runs, 1, "seed {}: {} ran twice", self.seed, grant.request().id);
            }
            Ok(Answer::Pending(request)) => panic!("seed {}: {} waits", self.seed, request.id),
            Ok(Answer::Rejected(request)) => assert_eq!(request.state, State::Rejected, "seed {}", self.seed),
            Err(DeskError::Store(_)) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    pub(crate) fn review(&mut self) {
        let Some(id) = self.glass.keys().next_back().copied() else {
            return;
        };
        let name = PEOPLE[self.chance.index(PEOPLE.len())].0;
        self.seen = self.seen.max(self.clock);
        match self.desk.review(id, &approver(name), Some("seen"), self.clock) {
            Ok(after) => {
                assert_ne!(name, "alice", "seed {}: {id} was reviewed by whoever ran it", self.seed);
                assert_eq!(after.state, State::Reviewed, "seed {}", self.seed);
                self.glass.insert(id, true);
                self.reached.reviews += 1;
            }
            Err(DeskError::Own(_) | DeskError::Store(_) | DeskError::TooLate { .. }) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    /// The mark stays until somebody has looked, and then the review does.
    pub(crate) fn check_glass(&self) {
        for (id, reviewed) in &self.glass {
            let state = self.desk.get(*id).expect("a broken glass is kept").state;
            let right = state == State::Reviewed || (state == State::BreakGlass && !reviewed);
            assert!(right, "seed {}: {id} is {state}", self.seed);
        }
    }

    /// Somebody asks for access: to a table, or to everything in clear, which takes two people.
    pub(crate) fn ask_for_access(&mut self) {
        let access = Access {
            relations: self.chance.one_in(2).then(Vec::new),
            schemas: Vec::new(),
            labels: vec!["email".to_owned()],
            classes: vec!["read".to_owned()],
            seconds: 10 + u32::try_from(self.chance.below(40)).expect("small"),
        };
        let asked = example();
        let asked = Asked {
            digest: access.digest(&asked.principal, "elsewhere"),
            database: "elsewhere".to_owned(),
            text: access.sentence(),
            access: Some(access),
            ..asked
        };
        self.seen = self.seen.max(self.clock);
        match self.desk.submit(&asked, self.clock) {
            Ok(_) | Err(DeskError::Store(_)) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    pub(crate) fn revoke(&mut self) {
        let given = self.desk.given_access(self.clock);
        self.seen = self.seen.max(self.clock);
        let Some(given) = given.first() else { return };
        if self.desk.revoke(given.id, "carol", Some("done"), self.clock).is_ok() {
            self.over.insert(given.id, State::Revoked);
            self.reached.revoked += 1;
        }
        self.note_over(given.id);
    }

    /// Access stands where people have given it, as long as it was given for, and not a moment longer.
    pub(crate) fn check_access(&mut self) {
        let seed = self.seed;
        let given = self.desk.given_access(self.clock);
        self.seen = self.seen.max(self.clock);
        for given in &given {
            let id = given.id;
            let by = self.approved.get(&id).cloned().unwrap_or_default();
            let names: BTreeSet<&str> = by.iter().map(|said| said.by.as_str()).collect();
            let needed = if given.access.relations.is_none() { 2 } else { 1 };
            assert!(names.len() >= needed, "seed {seed}: access {id} stands by {by:?}");
            assert!(!names.contains("alice"), "seed {seed}: access {id} is self-made");
            assert_eq!(self.over.get(&id), None, "seed {seed}: access {id} came back");
            assert!(self.seen < given.until, "seed {seed}: access {id} lasts too long");
        }
        self.reached.accesses += u64::from(!given.is_empty());
        // What was given and acknowledged isn't lost.
        let stands = |id: &RequestId| given.iter().any(|given| given.id == *id);
        for id in self.acknowledged.keys() {
            let request = self.desk.get(*id).expect("an approved request is kept");
            let is_given = request.asked.access.is_some() && request.state == State::Approved;
            if is_given && self.seen < request.expires_at {
                assert!(stands(id), "seed {seed}: access {id} is lost");
            }
        }
    }

    /// A message that was sent before comes again: a signed decision that was repeated, or came late.
    pub(crate) fn send_again(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let at = self.chance.index(self.sent.len());
        let (id, name, approves) = self.sent[at];
        let before = self.desk.get(id);
        self.decide(id, name, approves);
        // What had ended stays as it was.
        if let (Some(before), Some(after)) = (before, self.desk.get(id))
            && !before.state.is_open()
        {
            assert_eq!(before, after, "seed {}: {id} was decided again", self.seed);
        }
    }
}
