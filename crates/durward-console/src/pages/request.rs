use durward_change::{DeskError, Outlook, Request, State, Step, similar};
use maud::{Markup, html};

use super::effect::effect;
use super::layout::{Frame, page as framed, shown};
use crate::api::version;
use crate::app::Console;
use crate::limits::SIMILAR_MAX;
use crate::tickets::Entry;
use crate::words::{advice, cautions, escalates, moment, needs, outcome, proof, span, verdict};

/// What somebody who looks may do.
#[derive(Debug, PartialEq, Eq)]
enum Actions {
    /// Decide it.
    Decide,
    /// Approve it only knowing that it is their own, or take it back.
    Confirm,
    /// Say no, but not yes, and why not.
    RejectOnly(String),
    /// Take their own back, but not decide it, and why not.
    WithdrawOnly(String),
    /// Nothing, and why.
    Nothing(String),
}

/// The page of one request; `said` is why the last try to decide it failed.
pub(super) fn page(console: &Console, entry: &Entry, request: &Request, said: Option<&str>) -> Markup {
    let now = console.desk_now();
    let mut all = console.approvals.list();
    all.retain(|other| entry.viewer.sees(other));
    let body = html! {
        @if let Some(said) = said {
            p.message role="alert" { (shown(said)) }
        }
        p.crumbs {
            span.id { (request.id) }
            span class=(format!("state {}", request.state)) { (request.state) }
            @if request.state.is_open() {
                span.faint { "expires in " (span(request.expires_at - now)) }
            }
        }
        h1 { (shown(&verdict(request))) }
        @let cautions = cautions(request);
        @if cautions.is_empty() {
            p.calm { "Nothing about it stands out." }
        } @else {
            ul.cautions { @for caution in &cautions { li { (shown(caution)) } } }
        }
        (requester(request))
        (statement(request))
        @if request.asked.access.is_none() {
            section { h2 { "Effect" } (effect(&request.asked)) }
        }
        (reasons(request))
        (precedents(&similar(request, &all, SIMILAR_MAX)))
        @if request.state == State::Pending {
            (actions(entry, request, &console.actions(entry, request)))
        } @else {
            p.outcome { (shown(&outcome(request))) }
        }
        @if request.state == State::Approved && request.asked.access.is_some() {
            (revocation(entry, request))
        }
        @if request.state.awaits_review() {
            (review(entry, request, &console.review_actions(entry, request)))
        }
        p.faint {
            "In a terminal: " code { "durward approvals show " (request.id) }
            span.keys {
                "Keys: " kbd { "a" } " approve, " kbd { "r" } " reject, " kbd { "n" } " note: each moves there, "
                kbd { "Enter" } " does it; " kbd { "u" } " back to the list"
            }
        }
    };
    let title = format!("{} {}", request.id, request.state);
    let frame = Frame {
        title: &title,
        entry: Some(entry),
        watch: request
            .state
            .is_open()
            .then(|| (request.id.to_string(), version(request))),
    };
    framed(&frame, &body)
}

fn requester(request: &Request) -> Markup {
    let asked = &request.asked;
    let principal = &asked.principal;
    html! {
        section {
            h2 { "Who and why" }
            dl {
                dt { "Who" } dd { (shown(&principal.acting().name)) " (" (principal.kind()) ")" }
                @if !principal.actors.is_empty() {
                    dt { "On behalf of" } dd { (shown(&principal.subject.name)) " (" (principal.subject.kind) ")" }
                }
                dt { "Proved by" } dd { (shown(&proof(principal))) }
                @if let Some(purpose) = &principal.purpose { dt { "Purpose" } dd { (shown(purpose)) } }
                dt { "Why" } dd { @match &asked.reason { Some(reason) => (shown(reason)), None => span.faint { "no reason was given" } } }
                dt { "Database" } dd { (shown(&asked.database)) }
                dt { "From" } dd { (shown(&asked.client)) }
                @if let Some(by) = &asked.submitted_by { dt { "Submitted by" } dd { (shown(by)) } }
                dt { "Asked" } dd { (moment(request.asked_at)) }
            }
        }
    }
}

fn statement(request: &Request) -> Markup {
    let asked = &request.asked;
    html! {
        section {
            h2 { @if asked.access.is_some() { "Exactly what is asked for" } @else { "Exactly what would run" } }
            @if asked.steps.is_empty() {
                pre { code { (shown(&asked.text)) } }
            } @else {
                (steps(&asked.steps))
            }
            @if !asked.parameters.is_empty() {
                table.parameters {
                    @for (index, value) in asked.parameters.iter().enumerate() {
                        tr {
                            th { "$" (index + 1) }
                            td { @match value { Some(value) => code { (shown(value)) }, None => span.faint { "NULL" } } }
                        }
                    }
                }
            }
            @for text in &asked.prepared {
                p.faint { "runs, prepared before:" }
                pre { code { (shown(text)) } }
            }
            @if asked.access.is_some() {
                p.faint {
                    "From the decision on, by tables as they are now, whatever they are called later. Denials stand."
                }
            } @else { p.faint {
                "Names are looked up in " (shown(&asked.search_path.join(", ")))
                "; with the rights of " (shown(&asked.role)) "."
            } }
        }
    }
}

fn steps(steps: &[Step]) -> Markup {
    html! {
        p.faint { "In this order, once, by one session; what passes by itself may be left out." }
        ol.steps {
            @for step in steps {
                li {
                    pre { code { (shown(&step.text)) } }
                    p.faint {
                        @match step.outlook {
                            Outlook::Passes => "passes by itself",
                            Outlook::Held => { "held by " (shown(&step.rules.join(", "))) }
                            Outlook::Unknown => "names what earlier statements make: judged when it runs, and released if held",
                        }
                    }
                }
            }
        }
    }
}

fn reasons(request: &Request) -> Markup {
    let asked = &request.asked;
    html! {
        section {
            h2 { "Why it waits" }
            p { (shown(&asked.why)) }
            dl {
                dt { "Rules" } dd { (shown(&asked.rules.join(", "))) }
                dt { "Risk" } dd { @if request.risk.is_empty() { "ordinary" } @else { "high: " (shown(&request.risk.join("; "))) } }
                @if let Some(advice) = advice(request) { dt { "Adviser" } dd { (shown(&advice)) } }
                dt { "Needs" } dd { (shown(&needs(request))) }
                @for line in request.addressed.lines() { dt { "Asked of" } dd { (shown(&line)) } }
                @if let Some(at) = escalates(request) { dt { "Escalates" } dd { (moment(at)) ", if nobody has decided" } }
                @for approval in &request.approvals {
                    dt { "Approved" } dd {
                        "by " (shown(&approval.by)) ", " (moment(approval.at))
                        @if let Some(note) = &approval.note { ": " (shown(note)) }
                    }
                }
            }
        }
    }
}

fn precedents(similar: &[&Request]) -> Markup {
    html! {
        section {
            h2 { "Earlier, on the same tables" }
            @if similar.is_empty() {
                p.faint { "No such request was made before." }
            }
            ul.precedents {
                @for request in similar {
                    li {
                        a href=(format!("/requests/{}", request.id)) { (request.id) }
                        " " (shown(&request.asked.principal.to_string())) ", " (shown(&request.asked.rows.to_string())) " rows, "
                        (moment(request.asked_at)) ": "
                        @match outcome(request).as_str() { "" => (request.state), outcome => (shown(outcome)) }
                    }
                }
            }
        }
    }
}

fn actions(entry: &Entry, request: &Request, actions: &Actions) -> Markup {
    let approve = format!("/requests/{}/approve", request.id);
    html! {
        section.actions {
            h2 { "Decide" }
            @match actions {
                Actions::Nothing(why) => p.message { (shown(why)) },
                Actions::RejectOnly(why) => {
                    p.message { (shown(why)) }
                    (ending(entry, request, "reject", true))
                },
                Actions::WithdrawOnly(why) => {
                    p.message { (shown(why)) }
                    (ending(entry, request, "withdraw", true))
                },
                Actions::Decide | Actions::Confirm => {
                    form #approval method="post" action=(approve) {
                        input type="hidden" name="token" value=(entry.form_token(&approve));
                        label { "Note for whoever asked, and for the record" input #note name="note" maxlength="500" autocomplete="off"; }
                        @if *actions == Actions::Confirm {
                            label.confirm {
                                input type="checkbox" name="confirm" value="yes" required;
                                "This is my own change, nobody else could decide it, and I approve it knowingly."
                            }
                        }
                        button.primary #approve { "Approve" }
                    }
                    (ending(entry, request, if *actions == Actions::Confirm { "withdraw" } else { "reject" }, false))
                },
            }
        }
    }
}

/// What ends it without its being run: `reject`, or `withdraw` of one's own. `alone`: there is no other note on the page.
fn ending(entry: &Entry, request: &Request, verb: &str, alone: bool) -> Markup {
    let action = format!("/requests/{}/{verb}", request.id);
    html! {
        form method="post" action=(action) {
            input type="hidden" name="token" value=(entry.form_token(&action));
            label { "Why not" input id=[alone.then_some("note")] name="note" maxlength="500" autocomplete="off"; }
            button #reject { @if verb == "withdraw" { "Take it back" } @else { "Reject" } }
        }
    }
}

/// Access that stands can be taken back by whoever sees it: that takes nothing from anybody but what was given.
fn revocation(entry: &Entry, request: &Request) -> Markup {
    let revoke = format!("/requests/{}/revoke", request.id);
    html! {
        section.actions {
            h2 { "Take it back" }
            p { "It ends by itself at " (moment(request.expires_at)) "." }
            form method="post" action=(revoke) {
                input type="hidden" name="token" value=(entry.form_token(&revoke));
                label { "Why" input #note name="note" maxlength="500" autocomplete="off"; }
                button #reject { "Take it back now" }
            }
        }
    }
}

/// What somebody may do about what ran without an approval.
fn review(entry: &Entry, request: &Request, actions: &Actions) -> Markup {
    let review = format!("/requests/{}/review", request.id);
    html! {
        section.actions {
            h2 { "Review" }
            @match actions {
                Actions::Nothing(why) | Actions::RejectOnly(why) | Actions::WithdrawOnly(why) => p.message { (shown(why)) },
                Actions::Decide | Actions::Confirm => form method="post" action=(review) {
                    input type="hidden" name="token" value=(entry.form_token(&review));
                    label { "What you found, for the record" input #note name="note" maxlength="500" autocomplete="off"; }
                    @if *actions == Actions::Confirm {
                        label.confirm {
                            input type="checkbox" name="confirm" value="yes" required;
                            "I ran this myself, nobody else could review it, and I do so knowingly."
                        }
                    }
                    button.primary #approve { "I have reviewed it" }
                },
            }
        }
    }
}

impl Console {
    fn review_actions(&self, entry: &Entry, request: &Request) -> Actions {
        let reviewer = match self.approver(&entry.viewer, request, false) {
            Ok(reviewer) => reviewer,
            Err(problem) => return Actions::Nothing(problem.detail),
        };
        match self.approvals.may_review(request.id, &reviewer, self.desk_now()) {
            Ok(()) => Actions::Decide,
            Err(DeskError::OwnUnconfirmed(_)) => Actions::Confirm,
            Err(error) => Actions::Nothing(error.to_string()),
        }
    }

    fn actions(&self, entry: &Entry, request: &Request) -> Actions {
        let (desk, now) = (&self.approvals, self.desk_now());
        let is_own = desk.may_withdraw(request.id, &entry.viewer.as_requester(), now).is_ok();
        let approver = match self.approver(&entry.viewer, request, false) {
            Ok(approver) => approver,
            Err(problem) if is_own => return Actions::WithdrawOnly(problem.detail),
            Err(problem) => return Actions::Nothing(problem.detail),
        };
        match desk.may_approve(request.id, &approver, now) {
            Ok(()) => Actions::Decide,
            Err(DeskError::OwnUnconfirmed(_)) => Actions::Confirm,
            Err(error) if is_own => Actions::WithdrawOnly(error.to_string()),
            Err(error) if desk.may_reject(request.id, &approver, now).is_ok() => Actions::RejectOnly(error.to_string()),
            Err(error) => Actions::Nothing(error.to_string()),
        }
    }
}
