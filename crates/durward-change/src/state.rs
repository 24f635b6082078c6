//! Where a request stands and how it moves: one pure function.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::request::{Approval, Ending, Request, RequestId};
use crate::routing::Escalated;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// People are to decide.
    Pending,
    /// It may run once.
    Approved,
    /// A policy's own terms approved it: it may run once.
    AutoApproved,
    /// Its one run was begun.
    Used,
    /// Somebody said no.
    Rejected,
    /// Whoever asked has taken it back, or is gone.
    Withdrawn,
    /// Nobody decided in time, or the approval wasn't used in time.
    Expired,
    /// What was asked is no longer what would run.
    Superseded,
    /// Access that was given was taken back before its time.
    Revoked,
    /// It ran without anybody's approval, by somebody who said why; nobody else has looked at it yet.
    BreakGlass,
    /// It ran so, and somebody else has looked at it since.
    Reviewed,
}

impl State {
    /// The word used in output and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::AutoApproved => "auto-approved",
            Self::Used => "used",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
            Self::BreakGlass => "break-glass",
            Self::Reviewed => "reviewed",
        }
    }

    /// Whether somebody has to look at it, although it has run.
    pub const fn awaits_review(self) -> bool {
        matches!(self, Self::BreakGlass)
    }

    /// Whether it may still run, or be decided.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Approved | Self::AutoApproved => true,
            Self::Used
            | Self::Rejected
            | Self::Withdrawn
            | Self::Expired
            | Self::Superseded
            | Self::Revoked
            | Self::BreakGlass
            | Self::Reviewed => false,
        }
    }

    /// Whether it may run once.
    pub const fn may_run(self) -> bool {
        matches!(self, Self::Approved | Self::AutoApproved)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is laid on the desk, or kept from an earlier file as it stood.
    Kept(Box<Request>),
    /// Somebody approves; the count may not be reached yet.
    Approved(Approval),
    /// Nobody has decided: others are asked too.
    Escalated(Escalated),
    /// A policy's terms approve.
    AutoApproved(Ending),
    /// Somebody says no.
    Rejected(Ending),
    /// Whoever asked takes it back, or is gone.
    Withdrawn(Ending),
    /// Time is over.
    Expired(Ending),
    /// What was asked is no longer what would run.
    Superseded(Ending),
    /// Access that was given is taken back.
    Revoked(Ending),
    /// Its run begins without anybody's approval: recorded before anything is forwarded.
    BrokeGlass(Ending),
    /// Somebody else has looked at it.
    Reviewed(Approval),
    /// Its run begins: recorded before anything is forwarded.
    Used(Ending),
    /// The next request has at least this number.
    Numbered,
}

impl Event {
    /// The word used in records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Kept(_) => "asked",
            Self::Approved(_) => "approved",
            Self::Escalated(_) => "escalated",
            Self::AutoApproved(_) => "auto-approved",
            Self::Rejected(_) => "rejected",
            Self::Withdrawn(_) => "withdrawn",
            Self::Expired(_) => "expired",
            Self::Superseded(_) => "superseded",
            Self::Revoked(_) => "revoked",
            Self::BrokeGlass(_) => "break-glass",
            Self::Reviewed(_) => "reviewed",
            Self::Used(_) => "used",
            Self::Numbered => "numbered",
        }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which request.
    pub id: RequestId,
    /// When, in seconds since 1970.
    pub at: i64,
    /// What happened.
    pub event: Event,
}

/// A request is no longer where the event could reach it: the first terminal decision has won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLate(pub(crate) State);

/// The whole table of transitions. Returns where the request stands afterwards.
pub(crate) fn next(request: &Request, event: &Event) -> Result<State, TooLate> {
    let late = Err(TooLate(request.state));
    match (request.state, event) {
        (State::Pending, Event::Approved(approval)) => {
            let given = request.approvals.len() + 1;
            let enough = u32::try_from(given).is_ok_and(|given| given >= request.asked.terms.count.max(1));
            let by_all = request.addressed.is_covered(request.approvals.iter().chain([approval]));
            Ok(if enough && by_all {
                State::Approved
            } else {
                State::Pending
            })
        }
        (State::Pending, Event::Escalated(_)) if request.addressed.escalated.is_none() => Ok(State::Pending),
        (State::Pending, Event::AutoApproved(_)) => Ok(State::AutoApproved),
        (State::Pending, Event::BrokeGlass(_)) if request.asked.access.is_none() => Ok(State::BreakGlass),
        (State::BreakGlass, Event::Reviewed(_)) => Ok(State::Reviewed),
        (State::Pending, Event::Rejected(_)) => Ok(State::Rejected),
        (State::Pending, Event::Withdrawn(_)) => Ok(State::Withdrawn),
        (State::Pending | State::Approved | State::AutoApproved, Event::Expired(_)) => Ok(State::Expired),
        (State::Pending | State::Approved | State::AutoApproved, Event::Superseded(_)) => Ok(State::Superseded),
        (State::Approved | State::AutoApproved, Event::Used(_)) if request.asked.access.is_none() => Ok(State::Used),
        (State::Approved, Event::Revoked(_)) if request.asked.access.is_some() => Ok(State::Revoked),
        (
            State::Approved | State::AutoApproved,
            Event::Approved(_)
            | Event::Escalated(_)
            | Event::AutoApproved(_)
            | Event::Rejected(_)
            | Event::Withdrawn(_)
            | Event::Used(_)
            | Event::BrokeGlass(_)
            | Event::Reviewed(_)
            | Event::Revoked(_),
        )
        | (
            State::Pending,
            Event::Used(_) | Event::Revoked(_) | Event::BrokeGlass(_) | Event::Reviewed(_) | Event::Escalated(_),
        )
        | (
            State::Used
            | State::Rejected
            | State::Withdrawn
            | State::Expired
            | State::Superseded
            | State::Revoked
            | State::BreakGlass
            | State::Reviewed,
            _,
        )
        | (_, Event::Kept(_) | Event::Numbered) => late,
    }
}

impl Request {
    /// Whether what is asked for may run, or begins, with this step.
    pub fn begins_with(&self, event: &Event) -> bool {
        next(self, event).is_ok_and(State::may_run)
    }
}

/// Moves a request, where it can.
pub(crate) fn apply(request: &mut Request, entry: &Entry) -> Result<(), TooLate> {
    request.state = next(request, &entry.event)?;
    match &entry.event {
        Event::Approved(approval) => {
            request.approvals.push(approval.clone());
            if request.state == State::Approved {
                let lasts = match &request.asked.access {
                    Some(access) => access.seconds,
                    None => request.asked.terms.expires_seconds,
                };
                request.expires_at = entry.at.saturating_add(i64::from(lasts));
            }
        }
        Event::Escalated(escalated) => request.addressed.escalated = Some(escalated.clone()),
        Event::AutoApproved(ending) => request.by_policy = Some(ending.clone()),
        Event::Rejected(ending)
        | Event::Withdrawn(ending)
        | Event::Expired(ending)
        | Event::Superseded(ending)
        | Event::Revoked(ending)
        | Event::BrokeGlass(ending)
        | Event::Used(ending) => request.ending = Some(ending.clone()),
        Event::Reviewed(review) => request.review = Some(review.clone()),
        Event::Kept(_) | Event::Numbered => {}
    }
    Ok(())
}
