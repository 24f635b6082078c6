//! Held statements, decided over the control socket.

use durward_change::{Approver, Desk, Request, RequestId};
use durward_console::decide::{Decider, note};
use durward_identity::Directory;

/// A decision as it is asked for.
pub(crate) struct Decision<'a> {
    /// Which request.
    pub(crate) id: &'a str,
    /// The local identity that decides; the system account where none is named.
    pub(crate) identity: Option<&'a str>,
    /// The system account through which it is said.
    pub(crate) account: &'a str,
    /// What is said along with it.
    pub(crate) note: Option<&'a str>,
    /// A change of one's own is approved knowingly.
    pub(crate) confirms: bool,
}

/// The requests: open ones, or all that are kept.
pub(crate) fn list(desk: &Desk, all: bool) -> Vec<Request> {
    let mut requests = desk.list();
    requests.retain(|request| all || request.state.is_open() || request.state.awaits_review());
    requests
}

/// One request.
pub(crate) fn show(desk: &Desk, id: &str) -> anyhow::Result<Request> {
    let id: RequestId = id.parse()?;
    desk.get(id).ok_or_else(|| anyhow::anyhow!("there is no request {id}"))
}

/// Approves.
pub(crate) fn approve(
    desk: &Desk,
    directory: &Directory,
    decision: &Decision<'_>,
    now: i64,
) -> anyhow::Result<Request> {
    let request = show(desk, decision.id)?;
    let approver = approver(directory, decision, &request)?;
    Ok(desk.approve(request.id, &approver, note(decision.note)?.as_deref(), now)?)
}

/// Says no.
pub(crate) fn reject(desk: &Desk, directory: &Directory, decision: &Decision<'_>, now: i64) -> anyhow::Result<Request> {
    let request = show(desk, decision.id)?;
    let by = approver(directory, decision, &request)?;
    Ok(desk.reject(request.id, &by, note(decision.note)?.as_deref(), now)?)
}

/// Takes a request back.
pub(crate) fn withdraw(
    desk: &Desk,
    directory: &Directory,
    decision: &Decision<'_>,
    now: i64,
) -> anyhow::Result<Request> {
    let request = show(desk, decision.id)?;
    let by = match decision.identity {
        // An agent may take its own back, although it decides nothing.
        Some(name) if directory.list().iter().any(|known| *known.name == *name) => Approver {
            account: Some(decision.account.to_owned()),
            ..Approver::named(name)
        },
        Some(_) | None => approver(directory, decision, &request)?,
    };
    Ok(desk.withdraw(request.id, &by, note(decision.note)?.as_deref(), now)?)
}

/// Has looked at what ran without an approval.
pub(crate) fn review(desk: &Desk, directory: &Directory, decision: &Decision<'_>, now: i64) -> anyhow::Result<Request> {
    let request = show(desk, decision.id)?;
    let reviewer = approver(directory, decision, &request)?;
    Ok(desk.review(request.id, &reviewer, note(decision.note)?.as_deref(), now)?)
}

/// Takes access back.
pub(crate) fn revoke(desk: &Desk, directory: &Directory, decision: &Decision<'_>, now: i64) -> anyhow::Result<Request> {
    let request = show(desk, decision.id)?;
    let by = approver(directory, decision, &request)?.name;
    Ok(desk.revoke(request.id, &by, note(decision.note)?.as_deref(), now)?)
}

fn approver(directory: &Directory, decision: &Decision<'_>, request: &Request) -> anyhow::Result<Approver> {
    let decider = Decider {
        identity: decision.identity,
        account: decision.account,
        confirms: decision.confirms,
    };
    Ok(decider.approver(directory, request)?)
}
