//! Change sets: what would become of a file of statements, and the whole of it laid on the desk.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use durward_change::{Asked, Binding, DdlEffect, MeasuredRows, Outlook, Request, Step, Touched};
use durward_model::{ApprovalTerms, Principal, Refusal, StatementFacts};
use durward_policy::{Decision, DecisionRequest, SessionContext};
use durward_session::{Database, DdlLook, Gateway, change_set, label_use};
use durward_sql::{AnalysisContext, SessionSettings};
use serde::{Deserialize, Serialize};

use crate::explain::fresh_settings;

/// The statements of one change set.
///
/// Unit: statements. Reason: more than anybody reads before approving.
const STATEMENTS_MAX: usize = 1_000;

/// What would become of a file of statements, run in order by a fresh session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The database.
    pub(crate) database: String,
    /// Who would run it: `alice`, or `claude for alice`.
    pub(crate) principal: String,
    /// Its statements, in order.
    pub(crate) statements: Vec<Planned>,
}

/// What would become of one statement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// As it stands in the file.
    pub(crate) text: String,
    /// What is to be expected.
    pub(crate) verdict: Verdict,
    /// Why, where it doesn't pass.
    pub(crate) message: Option<String>,
    /// What would pass.
    pub(crate) hint: Option<String>,
    /// The rules that hold or refuse it.
    pub(crate) rules: Vec<Arc<str>>,
    /// What it changes.
    pub(crate) changes: BTreeSet<String>,
    /// What it does to the relations whose definitions it changes, as far as they are there already.
    #[serde(default)]
    pub(crate) ddl: Vec<DdlEffect>,
    /// What it reads besides.
    #[serde(default)]
    pub(crate) reads: BTreeSet<String>,
    /// What approving it takes.
    pub(crate) terms: Option<ApprovalTerms>,
    /// Who may approve it, in words.
    approver: Option<Arc<str>>,
    /// Everything that it names is there already.
    is_resolved: bool,
    hazards: Vec<String>,
    bodies: String,
    command: Arc<str>,
}

/// What is to be expected of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It passes.
    Passes,
    /// It waits for approval.
    Held,
    /// It names what statements before it make: it is judged when it runs.
    Unknown,
    /// It is refused.
    Refused,
}

/// A plan with what a submission takes besides.
struct Judged {
    plan: Plan,
    settings: Arc<SessionSettings>,
}

/// What would become of `text`.
///
/// # Errors
/// When the text can't be read, or the database can't be asked for its catalog and settings.
pub(crate) async fn plan(
    gateway: &Gateway,
    database: &Database,
    principal: &Principal,
    text: &str,
) -> anyhow::Result<Plan> {
    Ok(judge(gateway, database, principal, text).await?.plan)
}

/// Lays `text` on the desk for `principal`, as one request; `by` is who does, where that is somebody else.
///
/// # Errors
/// As [`plan`], and when a statement would be refused, none needs approval, or the request can't be kept.
pub(crate) async fn submit(
    gateway: &Gateway,
    database: &Database,
    (principal, by): (&Principal, Option<&str>),
    text: &str,
    reason: Option<&str>,
    now: i64,
) -> anyhow::Result<Request> {
    let judged = judge(gateway, database, principal, text).await?;
    let statements = &judged.plan.statements;
    for (place, planned) in statements.iter().enumerate() {
        let place = place + 1;
        if planned.verdict == Verdict::Refused {
            bail!(
                "statement {place} would be refused, so nothing was submitted: {}",
                planned.message.as_deref().unwrap_or("it isn't permitted")
            );
        }
        let passes = planned.verdict == Verdict::Passes;
        ensure!(
            passes || &*planned.command != "COPY",
            "statement {place} is a COPY, whose rows come only when it runs: nothing was submitted"
        );
    }
    ensure!(
        statements.iter().any(|planned| planned.verdict != Verdict::Passes),
        "nothing in this file needs approval: run it"
    );
    let mut asked = asked(&judged, principal, text);
    asked.reason = reason.map(str::to_owned);
    asked.submitted_by = by.map(str::to_owned);
    asked.client = match by {
        Some(by) => format!("durward change submit by {by}"),
        None => "change set by HTTP".to_owned(),
    };
    let desk = Arc::clone(&gateway.approvals);
    let request = tokio::task::spawn_blocking(move || desk.submit(&asked, now)).await??;
    Ok(request)
}

async fn judge(gateway: &Gateway, database: &Database, principal: &Principal, text: &str) -> anyhow::Result<Judged> {
    let catalog = database.catalog.refresh().await.context("can't read the catalog")?;
    let settings = Arc::new(fresh_settings(database).await?);
    let context = AnalysisContext {
        catalog,
        settings: Arc::clone(&settings),
        catalog_is_current: true,
    };
    let analysis = gateway.analyzer.analyze(text, &context).await.map_err(|error| {
        let refusal = Refusal::from(&error);
        anyhow::anyhow!("the file can't be read: {}", refusal.message)
    })?;
    ensure!(!analysis.statements.is_empty(), "there is no statement in this file");
    ensure!(
        analysis.statements.len() <= STATEMENTS_MAX,
        "there are more than {STATEMENTS_MAX} statements in this file"
    );
    let policy = gateway.policy.current();
    let access = gateway.access_of(principal, database, &context.catalog);
    let mut look = DdlLook::new(database);
    let mut statements = Vec::with_capacity(analysis.statements.len());
    for together in &analysis.statements {
        let span = text.get(together.span.clone()).unwrap_or(text).trim();
        // By itself it reads as it will where nothing before it changes what its names mean. Where it names what isn't
        // there yet, what the statements before it make is looked at too.
        let alone = gateway.analyzer.analyze(span, &context).await.ok();
        let alone = alone.as_ref().and_then(|analysis| analysis.statements.first());
        let resolved = alone.filter(|statement| statement.unresolved.is_empty());
        let statement = resolved.unwrap_or(together);
        let labels = Arc::new(label_use(
            &statement.facts,
            &database.labels.current(),
            &context.catalog,
        ));
        let decision = policy.decide(&DecisionRequest {
            principal,
            database: &database.context,
            facts: &statement.facts,
            session: &SessionContext::default(),
            labels: Some(&labels),
            access: &access,
        });
        let mut planned = planned(decision, &statement.facts, span);
        planned.bodies = change_set::bodies(&statement.facts, &context);
        planned.is_resolved = resolved.is_some();
        planned.ddl = look.effects(&gateway.analyzer, span, &context).await;
        if resolved.is_none() && planned.verdict == Verdict::Refused {
            let missing = alone
                .map(|statement| statement.unresolved.join(", "))
                .unwrap_or_default();
            planned.verdict = Verdict::Unknown;
            planned.hint = None;
            planned.message = Some(format!(
                "it names what isn't there yet ({missing}): it is judged when it runs"
            ));
        }
        statements.push(planned);
    }
    Ok(Judged {
        plan: Plan {
            database: database.name.to_string(),
            principal: principal.to_string(),
            statements,
        },
        settings,
    })
}

fn planned(decision: Decision, facts: &StatementFacts, text: &str) -> Planned {
    let hazards = facts.hazards.iter();
    let mut planned = Planned {
        text: text.to_owned(),
        verdict: Verdict::Passes,
        message: None,
        hint: None,
        rules: Vec::new(),
        changes: change_set::changes(facts),
        ddl: Vec::new(),
        reads: change_set::reads(facts),
        terms: None,
        approver: None,
        hazards: hazards
            .map(|hazard| format!("{} {}", hazard.kind, hazard.object).trim().to_owned())
            .collect(),
        is_resolved: true,
        bodies: String::new(),
        command: Arc::clone(&facts.command),
    };
    let refusal = match decision {
        Decision::Allow(_) => return planned,
        Decision::Hold(order) => {
            planned.verdict = Verdict::Held;
            planned.rules = order.rules;
            planned.terms = Some(order.approval);
            planned.approver = Some(order.approver);
            order.refusal
        }
        Decision::Deny(denial) => {
            planned.verdict = Verdict::Refused;
            planned.rules = denial.rules;
            denial.refusal
        }
    };
    planned.message = Some(refusal.message.to_string());
    planned.hint = refusal.hint.map(|hint| hint.to_string());
    planned
}

fn asked(judged: &Judged, principal: &Principal, text: &str) -> Asked {
    let statements = &judged.plan.statements;
    let held = || statements.iter().filter(|planned| planned.verdict == Verdict::Held);
    let unknown = statements
        .iter()
        .filter(|planned| planned.verdict == Verdict::Unknown)
        .count();
    let terms = held()
        .filter_map(|planned| planned.terms.clone())
        .reduce(|all, one| all.merge(&one))
        .unwrap_or_default();
    let terms = ApprovalTerms {
        rows_pass: None,
        unmeasured_pass: false,
        ..terms
    };
    let mut rules: Vec<Arc<str>> = Vec::new();
    for rule in held().flat_map(|planned| &planned.rules) {
        if !rules.contains(rule) {
            rules.push(Arc::clone(rule));
        }
    }
    let mut notes = Vec::new();
    if unknown > 0 {
        notes.push(format!(
            "{unknown} of its statements name what earlier ones make, and are judged when they run"
        ));
    }
    let settings = &judged.settings;
    let mut asked = Asked {
        digest: String::new(),
        principal: principal.clone(),
        database: judged.plan.database.clone(),
        text: text.trim().to_owned(),
        prepared: Vec::new(),
        parameters: Vec::new(),
        search_path: settings.search_path.iter().map(ToString::to_string).collect(),
        role: settings.current_user.to_string(),
        touched: Touched {
            class: "change set".into(),
            command: "a change set".into(),
            changes: union(statements.iter().flat_map(|planned| planned.changes.iter().cloned())),
            reads: union(statements.iter().flat_map(|planned| planned.reads.iter().cloned())),
            hazards: union(statements.iter().flat_map(|planned| planned.hazards.iter().cloned())),
            notes,
            ..Touched::default()
        },
        rows: MeasuredRows::NotMeasured("a change set is approved by its statements".into()),
        effect: None,
        ddl: statements.iter().flat_map(|planned| planned.ddl.clone()).collect(),
        undo: None,
        rules,
        why: format!(
            "{} of its {} statements need approval, and it is approved as a whole",
            held().count() + unknown,
            statements.len()
        )
        .into(),
        approver: held()
            .find_map(|planned| planned.approver.clone())
            .unwrap_or_else(|| "an operator".into()),
        terms,
        reason: None,
        shape: None,
        session: String::new(),
        client: String::new(),
        steps: statements.iter().map(step).collect(),
        settings: change_set::settings(settings),
        access: None,
        submitted_by: None,
        advice: None,
    };
    asked.digest = digest(&asked);
    asked
}

fn step(planned: &Planned) -> Step {
    let outlook = match planned.verdict {
        Verdict::Passes => Outlook::Passes,
        Verdict::Held => Outlook::Held,
        Verdict::Unknown | Verdict::Refused => Outlook::Unknown,
    };
    Step {
        text: planned.text.clone(),
        tokens: durward_sql::tokens(&planned.text),
        outlook,
        rules: planned.rules.clone(),
        changes: planned.is_resolved.then(|| planned.changes.iter().cloned().collect()),
        bodies: planned.bodies.clone(),
    }
}

/// What makes two submissions the same request.
fn digest(asked: &Asked) -> String {
    let mut binding = Binding::new();
    binding.part("change set", b"1");
    let chain = std::iter::once(&asked.principal.subject).chain(&asked.principal.actors);
    let chain: Vec<String> = chain.map(|party| format!("{} {}", party.kind, party.name)).collect();
    binding.list("chain", chain.iter().map(String::as_bytes));
    binding.part("database", asked.database.as_bytes());
    binding.part("settings", asked.settings.as_bytes());
    binding.part("terms", format!("{:?}", asked.terms).as_bytes());
    for step in &asked.steps {
        let rest = format!("{:?} {:?} {:?} {}", step.outlook, step.rules, step.changes, step.bodies);
        binding.part("statement", step.tokens.as_bytes());
        binding.part("foreseen", rest.as_bytes());
    }
    binding.finish().to_string()
}

fn union(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
