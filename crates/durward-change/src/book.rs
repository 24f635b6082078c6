//! All requests and their places, in memory: entries in, entries applied. It writes nothing.

use std::collections::{BTreeMap, HashMap};

use durward_model::Principal;

use crate::error::DeskError;
use crate::limits::{ENDED_KEPT_MAX, OPEN_MAX, OPEN_PER_PRINCIPAL_MAX, TEXT_BYTES_MAX};
use crate::request::{Approval, Approver, Asked, Ending, Request, RequestId};
use crate::routing::{Escalated, Routing};
use crate::state::{Entry, Event, State, apply, next};

/// Why a request ends that waits for others than those who would be asked now.
const REROUTED: &str = "who is asked about it, or what that takes, was configured anew";

/// The requests.
#[derive(Debug, Default)]
pub(crate) struct Book {
    requests: BTreeMap<RequestId, Request>,
    /// The latest request of each digest.
    by_digest: HashMap<String, RequestId>,
    latest: u64,
    /// The latest time that was seen: a clock that is set back prolongs nothing.
    seen: i64,
    /// Who is asked about what comes.
    routing: Routing,
}

impl Book {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut book = Self::default();
        for entry in entries {
            book.apply(entry);
        }
        book
    }

    /// The time, which never runs backwards.
    pub(crate) fn now(&mut self, now: i64) -> i64 {
        self.seen = self.seen.max(now);
        self.seen
    }

    pub(crate) fn route_by(&mut self, routing: Routing) {
        self.routing = routing;
    }

    pub(crate) fn routing(&self) -> &Routing {
        &self.routing
    }

    /// The entries that end what waits for others than those who would be asked now.
    pub(crate) fn misrouted(&self, now: i64) -> Vec<Entry> {
        let waits = self.requests.values().filter(|request| request.state == State::Pending);
        let others = waits.filter(|request| {
            let asked = &request.asked;
            let addressed = self
                .routing
                .address(asked, asked.terms.expires_seconds, request.asked_at);
            let risk = self.routing.risk.reasons(asked);
            let is_short = !risk.is_empty() && asked.terms.count < self.routing.risk.approvers;
            request.addressed.sets != addressed.sets || request.risk != risk || is_short
        });
        others
            .map(|request| Entry {
                id: request.id,
                at: now,
                event: Event::Superseded(Ending::of(None, Some(REROUTED), now)),
            })
            .collect()
    }

    pub(crate) fn has_open_sets(&self) -> bool {
        let mut open = self.requests.values().filter(|request| request.state.is_open());
        open.any(|request| !request.asked.steps.is_empty())
    }

    pub(crate) fn get(&self, id: RequestId) -> Option<&Request> {
        self.requests.get(&id)
    }

    pub(crate) fn requests(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.requests.values()
    }

    pub(crate) fn latest_of(&self, digest: &str) -> Option<&Request> {
        self.by_digest.get(digest).and_then(|id| self.requests.get(id))
    }

    /// What is left to be kept of the journal.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let numbered = Entry {
            id: RequestId(self.latest),
            at: self.seen,
            event: Event::Numbered,
        };
        let kept = self.requests.values().map(|request| Entry {
            id: request.id,
            at: request.asked_at,
            event: Event::Kept(Box::new(request.clone())),
        });
        std::iter::once(numbered).chain(kept).collect()
    }

    /// Takes an entry in. One that can't move its request changes nothing: it was made before another was written.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.now(entry.at);
        self.latest = self.latest.max(entry.id.0);
        match &entry.event {
            Event::Numbered => {}
            Event::Kept(request) => {
                self.by_digest.insert(request.asked.digest.clone(), request.id);
                self.requests.insert(request.id, (**request).clone());
                self.forget_oldest();
            }
            Event::Approved(_)
            | Event::Escalated(_)
            | Event::AutoApproved(_)
            | Event::Rejected(_)
            | Event::Withdrawn(_)
            | Event::Expired(_)
            | Event::Superseded(_)
            | Event::Revoked(_)
            | Event::BrokeGlass(_)
            | Event::Reviewed(_)
            | Event::Used(_) => {
                if let Some(request) = self.requests.get_mut(&entry.id) {
                    // Only the journal's own order counts.
                    let _too_late = apply(request, entry).is_err();
                }
            }
        }
    }

    fn forget_oldest(&mut self) {
        if self.requests.len() <= ENDED_KEPT_MAX + OPEN_MAX {
            return;
        }
        let ended: Vec<RequestId> = self
            .requests
            .values()
            .filter(|request| !request.state.is_open() && !request.state.awaits_review())
            .map(|request| request.id)
            .collect();
        let too_many = ended.len().saturating_sub(ENDED_KEPT_MAX / 2);
        for id in ended.into_iter().take(too_many) {
            if let Some(request) = self.requests.remove(&id)
                && self.by_digest.get(&request.asked.digest) == Some(&id)
            {
                self.by_digest.remove(&request.asked.digest);
            }
        }
    }

    /// The entry that lays a new request on the desk.
    pub(crate) fn ask(&self, asked: &Asked, now: i64) -> Result<Entry, DeskError> {
        let bytes = asked.text.len()
            + asked.prepared.iter().map(String::len).sum::<usize>()
            + asked.parameters.iter().flatten().map(String::len).sum::<usize>();
        let steps = &asked.steps;
        let bytes = bytes.max(steps.iter().map(|step| step.text.len()).sum());
        if bytes > TEXT_BYTES_MAX {
            return Err(DeskError::TooLong);
        }
        let counts = |request: &&Request| request.state.is_open() || request.state.awaits_review();
        let open = self.requests.values().filter(counts);
        let (mut all, mut own) = (0, 0);
        for request in open {
            all += 1;
            own += usize::from(is_same(&request.asked.principal, &asked.principal));
        }
        if all >= OPEN_MAX || own >= OPEN_PER_PRINCIPAL_MAX {
            return Err(DeskError::Full);
        }
        let id = RequestId(self.latest + 1);
        let (mut asked, risk) = (asked.clone(), self.routing.risk.reasons(asked));
        if !risk.is_empty() {
            asked.terms.count = asked.terms.count.max(self.routing.risk.approvers);
        }
        let open_seconds = asked.terms.expires_seconds;
        let request = Request {
            id,
            addressed: self.routing.address(&asked, open_seconds, now),
            rows_backstop: (risk.is_empty())
                .then(|| self.routing.risk.rows_backstop(&asked))
                .flatten(),
            risk,
            asked,
            state: State::Pending,
            asked_at: now,
            expires_at: now.saturating_add(i64::from(open_seconds)),
            approvals: Vec::new(),
            ending: None,
            by_policy: None,
            review: None,
        };
        Ok(Entry {
            id,
            at: now,
            event: Event::Kept(Box::new(request)),
        })
    }

    /// The entry by which somebody approves.
    pub(crate) fn approve(
        &self,
        id: RequestId,
        approver: &Approver,
        note: Option<&str>,
        now: i64,
    ) -> Result<Entry, DeskError> {
        let request = self.requests.get(&id).ok_or(DeskError::Unknown(id))?;
        let own = is_own(request, approver);
        let speaks_for = request.addressed.spoken_for(approver);
        let mut given = approval(approver, own, note, now);
        given.speaks_for = speaks_for.clone().unwrap_or_default();
        let entry = self.move_by(id, Event::Approved(given), now)?;
        if own && request.takes_others() {
            return Err(match approver.is_only_one {
                true => DeskError::TakesOthers(id),
                false => DeskError::Own(id),
            });
        }
        stands_apart(id, own, approver)?;
        if speaks_for.is_none() {
            let asked = request.addressed.lines();
            return Err(DeskError::NotAsked { id, asked });
        }
        is_in_groups(request, approver)?;
        if request.approvals.iter().any(|known| known.by == approver.name) {
            return Err(DeskError::Twice(id));
        }
        let voices = approver.voices();
        let mut known = request.approvals.iter().flat_map(Approval::voices);
        if request.takes_others() && known.any(|known| voices.contains(&known)) {
            return Err(DeskError::SameAccount(id));
        }
        Ok(entry)
    }

    /// The entry by which somebody says no: an owner or whoever else is asked, and where nobody is in particular, whoever
    /// is in the groups that policy names. What is one's own is taken back instead.
    pub(crate) fn reject(
        &self,
        id: RequestId,
        approver: &Approver,
        why: Option<&str>,
        now: i64,
    ) -> Result<Entry, DeskError> {
        let request = self.requests.get(&id).ok_or(DeskError::Unknown(id))?;
        let entry = self.move_by(id, Event::Rejected(Ending::decided(approver, why, now)), now)?;
        if is_own(request, approver) {
            return Err(DeskError::OwnRejected(id));
        }
        if request.addressed.spoken_for(approver).is_none() {
            let asked = request.addressed.lines();
            return Err(DeskError::NotAsked { id, asked });
        }
        if request.addressed.sets.is_empty() {
            is_in_groups(request, approver)?;
        }
        Ok(entry)
    }

    /// The entry by which whoever asked, or is behind that, takes a request back.
    pub(crate) fn withdraw(
        &self,
        id: RequestId,
        by: &Approver,
        why: Option<&str>,
        now: i64,
    ) -> Result<Entry, DeskError> {
        let request = self.requests.get(&id).ok_or(DeskError::Unknown(id))?;
        let entry = self.move_by(id, Event::Withdrawn(Ending::decided(by, why, now)), now)?;
        if is_own(request, by) {
            Ok(entry)
        } else {
            Err(DeskError::NotOwn(id))
        }
    }

    /// The entry by which somebody has looked at what ran without an approval.
    pub(crate) fn review(
        &self,
        id: RequestId,
        reviewer: &Approver,
        note: Option<&str>,
        now: i64,
    ) -> Result<Entry, DeskError> {
        let request = self.requests.get(&id).ok_or(DeskError::Unknown(id))?;
        let own = is_own(request, reviewer);
        let entry = self.move_by(id, Event::Reviewed(approval(reviewer, own, note, now)), now)?;
        stands_apart(id, own, reviewer)?;
        Ok(entry)
    }

    /// The entry by which anything else happens to a request, as long as it still can.
    pub(crate) fn move_by(&self, id: RequestId, event: Event, now: i64) -> Result<Entry, DeskError> {
        let request = self.requests.get(&id).ok_or(DeskError::Unknown(id))?;
        next(request, &event).map_err(|late| DeskError::TooLate { id, state: late.0 })?;
        Ok(Entry { id, at: now, event })
    }

    /// The entries by which others are asked about what nobody has decided.
    pub(crate) fn overdue(&self, now: i64) -> Vec<Entry> {
        let waits = self.requests.values().filter(|request| {
            let addressed = &request.addressed;
            let is_due = addressed.escalates_at.is_some_and(|at| at <= now) && request.expires_at > now;
            request.state == State::Pending && is_due && addressed.escalated.is_none()
        });
        let to = self.routing.escalates_to(now);
        // Between shifts there is nobody to ask: later, perhaps.
        let waits = waits.filter(|_| !to.is_empty());
        waits
            .map(|request| Entry {
                id: request.id,
                at: now,
                event: Event::Escalated(Escalated {
                    to: to.clone(),
                    at: now,
                }),
            })
            .collect()
    }

    /// The entries by which time ends what has waited too long.
    pub(crate) fn expired(&self, now: i64) -> Vec<Entry> {
        self.requests
            .values()
            .filter(|request| request.state.is_open() && request.expires_at <= now)
            .map(|request| Entry {
                id: request.id,
                at: now,
                event: Event::Expired(Ending::of(None, None, now)),
            })
            .collect()
    }
}

/// Whether a request is of whoever decides, or of somebody that they speak for.
fn is_own(request: &Request, approver: &Approver) -> bool {
    let asked = &request.asked;
    approver.is_within(&asked.principal) || asked.submitted_by.as_deref() == Some(approver.name.as_str())
}

/// Whoever decides is in one group of each set that policy names.
fn is_in_groups(request: &Request, approver: &Approver) -> Result<(), DeskError> {
    let mut sets = request.asked.terms.groups.iter();
    let missing = sets.find(|set| !set.iter().any(|group| approver.groups.contains(group)));
    match missing {
        None => Ok(()),
        Some(set) => Err(DeskError::NotInGroup {
            id: request.id,
            groups: set.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// Nobody decides their own, but for the only one there is, knowingly.
fn stands_apart(id: RequestId, own: bool, approver: &Approver) -> Result<(), DeskError> {
    match (own, approver.is_only_one, approver.confirms) {
        (false, _, _) | (true, true, true) => Ok(()),
        (true, false, _) => Err(DeskError::Own(id)),
        (true, true, false) => Err(DeskError::OwnUnconfirmed(id)),
    }
}

fn approval(approver: &Approver, own: bool, note: Option<&str>, now: i64) -> Approval {
    Approval {
        by: approver.name.clone(),
        account: approver.account.clone(),
        note: note.map(str::to_owned),
        self_confirmed: own,
        speaks_for: Vec::new(),
        at: now,
    }
}

/// Whether two principals are the same chain: by names and kinds, not by the credential of the day.
fn is_same(one: &Principal, other: &Principal) -> bool {
    one.subject == other.subject && one.actors == other.actors
}
