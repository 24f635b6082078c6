//! Sentences about a request.

use durward_audit::Moment;
use durward_change::{MeasuredRows, Request, State};
use durward_model::{Assurance, CredentialKind, Principal};

/// What it comes to, in a line: an aid for whoever decides, made from facts alone.
pub(crate) fn verdict(request: &Request) -> String {
    let asked = &request.asked;
    if let Some(access) = &asked.access {
        return format!("{} wants {}", asked.principal, access.sentence());
    }
    let touched = &asked.touched;
    let what = match touched.changes.as_slice() {
        [] => "nothing by name".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let who = asked.principal.to_string();
    match &asked.rows {
        _ if !changes_rows(request) => format!("{who} wants to run {} on {what}", touched.command),
        MeasuredRows::Counted(1) => format!("{who} wants to {} 1 row of {what}", touched.command),
        MeasuredRows::Counted(_) | MeasuredRows::MoreThan(_) | MeasuredRows::AtMost(_) => {
            format!("{who} wants to {} {} rows of {what}", touched.command, asked.rows)
        }
        MeasuredRows::Estimated { rows, .. } => {
            format!(
                "{who} wants to {} about {rows} rows of {what}, as the planner estimates",
                touched.command
            )
        }
        MeasuredRows::NotMeasured(_) | MeasuredRows::Failed => {
            format!("{who} wants to {} an unknown number of rows of {what}", touched.command)
        }
    }
}

/// What to look at before saying yes; empty where nothing stands out.
pub(crate) fn cautions(request: &Request) -> Vec<String> {
    let asked = &request.asked;
    let touched = &asked.touched;
    let mut cautions = Vec::new();
    if request.state.awaits_review() {
        cautions
            .push("The glass was broken: it ran without anybody's approval, and nobody has reviewed it.".to_owned());
    }
    if !request.risk.is_empty() {
        cautions.push(format!("High risk: {}.", request.risk.join("; ")));
    }
    if !touched.hazards.is_empty() {
        cautions.push(format!("Hazards: {}.", touched.hazards.join(", ")));
    }
    if !touched.labels.is_empty() {
        let verb = if asked.access.is_some() {
            "shows in clear"
        } else {
            "touches"
        };
        cautions.push(format!("It {verb} columns labelled {}.", touched.labels.join(", ")));
    }
    if asked.access.as_ref().is_some_and(|access| access.relations.is_none()) {
        cautions.push("It is about the whole database.".to_owned());
    }
    if changes_rows(request) && matches!(asked.rows, MeasuredRows::NotMeasured(_) | MeasuredRows::Failed) {
        cautions.push(format!("How many rows it changes isn't known: {}.", asked.rows));
    }
    if let MeasuredRows::Estimated { why, .. } = &asked.rows {
        cautions.push(format!(
            "The number of rows is an estimate, and nothing binds it: {why}."
        ));
    }
    if asked.undo.as_deref().is_some_and(|undo| !undo.starts_with("full")) {
        cautions.push("Not all of it can be taken back.".to_owned());
    }
    if asked.reason.is_none() {
        cautions.push("No reason was given.".to_owned());
    }
    let hidden = [&asked.text]
        .into_iter()
        .chain(&asked.prepared)
        .chain(asked.parameters.iter().flatten());
    if hidden.clone().any(|text| text.chars().any(durward_change::hides)) {
        cautions.push(
            "It holds characters that hide, or steer how others are shown: they are spelled out below.".to_owned(),
        );
    }
    cautions.extend(touched.notes.iter().cloned());
    cautions
}

fn changes_rows(request: &Request) -> bool {
    matches!(
        &*request.asked.touched.command,
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY"
    )
}

/// How the identity was proved.
pub(crate) fn proof(principal: &Principal) -> String {
    let by = match principal.credential_kind {
        CredentialKind::IssuedPassword => "a password that the gateway issued",
        CredentialKind::Jwt => "a signed token of an identity provider",
        CredentialKind::Passthrough => "a password of the database's own",
        CredentialKind::SystemAccount => "the gateway's own account on its machine",
    };
    let how = match principal.assurance {
        Assurance::Weak => "weak: a shared account",
        Assurance::Issued => "issued to one identity",
        Assurance::Asserted => "asserted by an identity provider",
    };
    format!("{by} ({}), {how}", principal.credential.0)
}

/// What an adviser says, if one does.
pub(crate) fn advice(request: &Request) -> Option<String> {
    let advice = request.asked.advice.as_ref()?;
    let why = match advice.why.as_str() {
        "" => String::new(),
        why => format!(": {why}"),
    };
    Some(format!("{} risk{why}", advice.risk.as_str()))
}

/// When others are asked too, where that is still to come.
pub(crate) fn escalates(request: &Request) -> Option<i64> {
    let addressed = &request.addressed;
    let is_ahead = request.state == State::Pending && addressed.escalated.is_none();
    addressed.escalates_at.filter(|_| is_ahead)
}

/// What approving it takes, and what it has.
pub(crate) fn needs(request: &Request) -> String {
    let terms = &request.asked.terms;
    let mut needs = format!(
        "{} of {} approvals, of {}",
        request.approvals.len(),
        terms.count,
        request.asked.approver
    );
    for set in &terms.groups {
        needs.push_str(&format!("; one of {}", set.join(" or ")));
    }
    if request.state == State::Pending && !request.approvals.is_empty() {
        for missing in request.unheard() {
            needs.push_str(&format!("; {missing} is still to be heard"));
        }
    }
    needs
}

/// How it ended or was decided, in a line.
pub(crate) fn outcome(request: &Request) -> String {
    let approved = request.approvals.iter().map(|approval| {
        let own = if approval.self_confirmed {
            ", confirmed by themselves"
        } else {
            ""
        };
        let note = approval
            .note
            .as_deref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        format!("approved by {}{own}{note}", approval.by)
    });
    let mut parts: Vec<String> = approved.collect();
    if let Some(terms) = &request.by_policy {
        parts.push(format!("approved {}", terms.why.as_deref().unwrap_or("by policy")));
    }
    if let Some(ending) = &request.ending {
        let by = match (request.state, ending.by.as_deref()) {
            (State::Used | State::BreakGlass | State::Reviewed, Some(session)) => format!(" in session {session}"),
            (_, Some(by)) => format!(" by {by}"),
            (_, None) => String::new(),
        };
        let why = ending.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let what = match request.state {
            State::BreakGlass | State::Reviewed => "run without an approval".to_owned(),
            state => state.to_string(),
        };
        parts.push(format!("{what}{by}{why}"));
    }
    if let Some(review) = &request.review {
        let note = review
            .note
            .as_deref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        parts.push(format!("reviewed by {}{note}", review.by));
    }
    parts.join("; ")
}

/// A moment, as people and programs read it.
pub(crate) fn moment(unix_seconds: i64) -> String {
    let seconds = u64::try_from(unix_seconds).unwrap_or_default();
    let text = Moment(seconds.saturating_mul(1_000_000)).to_string();
    let short = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{short} UTC")
}

/// A number of seconds in one unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
