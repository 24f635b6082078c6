//! A change set as a session runs it: its approval is spent on the first held statement, and then statement follows
//! statement. What was begun and not ended goes with the session: nothing of it ever runs twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_audit::Origin;
use durward_change::{Outlook, Request, RequestId, Step, covers};
use durward_sql::AnalysisContext;
use durward_wire::postgres::backend::TransactionStatus;

use super::binding::bind_of;
use super::hold::{Held, Holding, merged, now, on_desk};
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, Session};
use crate::change_set::{bodies, changes, settings};

/// How far a session has come with one change set.
#[derive(Debug)]
pub(super) struct Run {
    request: Arc<Request>,
    /// The first statement that hasn't been sent.
    next: usize,
    /// The approval was spent on this session.
    is_begun: bool,
}

impl Session {
    /// Releases a held message that is the next of an approved change set; holds any other.
    pub(super) async fn hold_or_cover(
        &mut self,
        commands: &[Vec<Subject>],
        held: &[Held<'_>],
        sent: Sent<'_>,
    ) -> Result<Holding, End> {
        if let Some(note) = self.cover(commands, held, sent).await? {
            return Ok(Holding::Released(note));
        }
        let holding = self.hold(commands, held, sent).await?;
        if matches!(holding, Holding::Released(_)) {
            self.follow_change_sets(commands, sent).await;
        }
        Ok(holding)
    }

    /// Takes note of a message that passes by itself, where it is the next of a change set.
    pub(super) async fn follow_change_sets(&mut self, commands: &[Vec<Subject>], sent: Sent<'_>) {
        if !self.may_run_change_sets() || is_parse(commands) {
            return;
        }
        self.find_change_sets();
        if self.change_sets.is_empty() {
            return;
        }
        let Some(sent) = self.sent_tokens(commands, sent).await else {
            return;
        };
        let context = &self.sight.context;
        for run in &mut self.change_sets {
            for (command, tokens) in commands.iter().zip(&sent) {
                let steps = &run.request.asked.steps;
                if let Some(place) = next(steps, run.next, tokens)
                    && steps
                        .get(place)
                        .is_some_and(|step| touches_the_same(step, steps, command, context))
                {
                    run.next = place + 1;
                }
            }
        }
        self.change_sets.retain(|run| !run.is_over());
    }

    /// Spends or goes on with the approval of a change set; why, for the record.
    async fn cover(
        &mut self,
        commands: &[Vec<Subject>],
        held: &[Held<'_>],
        sent: Sent<'_>,
    ) -> Result<Option<String>, End> {
        if !self.may_run_change_sets() {
            return Ok(None);
        }
        self.find_change_sets();
        if self.change_sets.is_empty() || says_more_than_its_text(commands, sent) {
            return Ok(None);
        }
        // Nothing is spent on what the server won't run: in a failed transaction, or behind an error of its pipeline.
        self.settle().await?;
        if self.status == TransactionStatus::Failed || self.replies.is_skipping() || self.sight.settings_stale {
            return Ok(None);
        }
        Ok(self.cover_settled(commands, held, sent).await)
    }

    async fn cover_settled(&mut self, commands: &[Vec<Subject>], held: &[Held<'_>], sent: Sent<'_>) -> Option<String> {
        let tokens = self.sent_tokens(commands, sent).await?;
        let terms = merged(held);
        let settings = settings(&self.sight.context.settings);
        let fits = |run: &Run| {
            let asked = &run.request.asked;
            if asked.settings != settings || !covers(&asked.terms, &terms) {
                return None;
            }
            let mut at = run.next;
            for (command, tokens) in commands.iter().zip(&tokens) {
                let holds = held
                    .iter()
                    .filter(|held| command.iter().any(|subject| std::ptr::eq(subject, held.subject)));
                let holds: Vec<&Held<'_>> = holds.collect();
                // Whatever else stands in a message could change what the rest of it means.
                let place = next(&asked.steps, at, tokens)?;
                let step = asked.steps.get(place)?;
                let touched = self.touched(std::slice::from_ref(command));
                if !touches_the_same(step, &asked.steps, command, &self.sight.context)
                    || !is_held_as_foreseen(step, &holds)
                    || !self.gateway.approvals.foresaw(&run.request, &touched)
                {
                    return None;
                }
                at = place + 1;
            }
            Some(at)
        };
        let (place, at) = self
            .change_sets
            .iter()
            .enumerate()
            .find_map(|(place, run)| Some((place, fits(run)?)))?;
        let run = self.change_sets.get(place)?;
        let (id, total, is_begun) = (run.request.id, run.request.asked.steps.len(), run.is_begun);
        if !is_begun && !self.begin_change_set(id, total).await {
            self.change_sets.retain(|run| run.request.id != id);
            return None;
        }
        let run = self.change_sets.get_mut(place)?;
        run.is_begun = true;
        run.next = at;
        self.change_sets.retain(|run| !run.is_over());
        self.allowance.request = Some(id);
        Some(format!("approved: {id}, statement {at} of {total}"))
    }

    async fn begin_change_set(&mut self, id: RequestId, total: usize) -> bool {
        let (desk, session) = (Arc::clone(&self.gateway.approvals), self.id.to_string());
        match on_desk(move || desk.begin(id, &session, now())).await {
            Ok(grant) => {
                let by = grant.request().approvals.iter().map(|approval| approval.by.as_str());
                let by = by.collect::<Vec<_>>().join(", ");
                let message = format!("{id} begins here: a change set of {total} statements, approved by {by}");
                self.notice(&message, None, None);
                true
            }
            Err(error) => {
                tracing::warn!(%error, session = %self.id, "an approved change set can't be begun");
                false
            }
        }
    }

    fn may_run_change_sets(&self) -> bool {
        !self.change_sets.is_empty() || self.gateway.approvals.may_hold_sets()
    }

    /// Brings the list up to what is approved now; what was begun here stays.
    fn find_change_sets(&mut self) {
        let runnable = self
            .gateway
            .approvals
            .runnable_sets(&self.principal, self.database.name.as_str());
        let now = now();
        self.change_sets.retain(|run| match run.is_begun {
            // What was begun is to be ended within the time that the approval was given for.
            true => run.request.expires_at > now,
            false => runnable.iter().any(|request| request.id == run.request.id),
        });
        for request in runnable {
            if !self.change_sets.iter().any(|run| run.request.id == request.id) {
                self.change_sets.push(Run {
                    request: Arc::new(request),
                    next: 0,
                    is_begun: false,
                });
            }
        }
    }

    /// The tokens of each command of a message; `None` where they can't be told apart.
    async fn sent_tokens(&self, commands: &[Vec<Subject>], sent: Sent<'_>) -> Option<Vec<String>> {
        let text = match sent {
            Sent::Now { text, .. } => text,
            Sent::Before { portal } => &portal.prepared.text,
        };
        if commands.len() == 1 {
            return Some(vec![durward_sql::tokens(text)]);
        }
        let analysis = self.gateway.analyzer.analyze(text, &self.sight.context).await.ok()?;
        if analysis.statements.len() != commands.len() {
            return None;
        }
        let spans = analysis
            .statements
            .iter()
            .map(|statement| text.get(statement.span.clone()));
        spans.map(|span| span.map(durward_sql::tokens)).collect()
    }
}

/// Whether a statement is held, if it is, for what was known when its change set was submitted.
fn is_held_as_foreseen(step: &Step, holds: &[&Held<'_>]) -> bool {
    let mut rules = holds.iter().flat_map(|held| &held.order.rules);
    match step.outlook {
        Outlook::Unknown => true,
        Outlook::Held => rules.all(|rule| step.rules.contains(rule)),
        Outlook::Passes => holds.is_empty(),
    }
}

/// Whether a statement changes what it would have when its change set was submitted, as far as that was known: the same
/// text may mean a temporary table by now. Where it wasn't known, it may change what other steps were known to make or change,
/// and make something new, but change nothing else that is there.
fn touches_the_same(step: &Step, steps: &[Step], command: &[Subject], context: &AnalysisContext) -> bool {
    let changed: BTreeSet<String> = command.iter().flat_map(|subject| changes(&subject.facts)).collect();
    let Some(foreseen) = &step.changes else {
        let seen: BTreeSet<&String> = steps
            .iter()
            .filter_map(|step| step.changes.as_ref())
            .flatten()
            .collect();
        let is_new = |name: &str| {
            let parts = name.split_once('.');
            parts.is_none_or(|(schema, name)| context.catalog.relation_in(schema, name).is_none())
        };
        return changed
            .iter()
            .all(|name| !name.starts_with("pg_temp") && (seen.contains(name) || is_new(name)));
    };
    let bodies_now = command.first().map(|subject| bodies(&subject.facts, context));
    changed.iter().eq(foreseen) && bodies_now.as_ref() == Some(&step.bodies)
}

impl Run {
    fn is_over(&self) -> bool {
        self.next >= self.request.asked.steps.len()
    }
}

/// Where a statement stands among those that may come next: what passes by itself may be left out.
fn next(steps: &[Step], from: usize, tokens: &str) -> Option<usize> {
    for (place, step) in steps.iter().enumerate().skip(from) {
        if step.tokens == tokens {
            return Some(place);
        }
        if step.outlook != Outlook::Passes {
            return None;
        }
    }
    None
}

fn is_parse(commands: &[Vec<Subject>]) -> bool {
    let mut subjects = commands.iter().flatten();
    subjects.any(|subject| matches!(subject.origin, Origin::Parse | Origin::Describe))
}

/// Whether a message runs more than stands in its text: parameters, rows, and what was prepared before.
fn says_more_than_its_text(commands: &[Vec<Subject>], sent: Sent<'_>) -> bool {
    let mut subjects = commands.iter().flatten();
    let refers = subjects.any(|subject| {
        matches!(subject.origin, Origin::SqlExecute | Origin::Fetch) || &*subject.facts.command == "COPY"
    });
    refers
        || match sent {
            Sent::Now { .. } => commands.iter().flatten().any(|subject| subject.sent.is_some()),
            Sent::Before { portal } => {
                portal.is_cursor || bind_of(portal).is_none_or(|bind| bind.parameters.iter().next().is_some())
            }
        }
}
