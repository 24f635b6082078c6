//! `durward explain`: what would become of a statement, and why, without running it.

use std::sync::Arc;

use anyhow::Context as _;
use durward_identity::Directory;
use durward_model::{
    Assurance, Certainty, CredentialId, CredentialKind, Obligation, Principal, PrincipalKind, Refusal, RowBound,
    StatementFacts, Subject,
};
use durward_policy::{DecisionRequest, PolicySnapshot, SessionContext};
use durward_session::upstream::{UpstreamConnection, UpstreamCredentials};
use durward_session::{Database, Foreseen, Gateway, label_use};
use durward_sql::{AnalysisContext, Analyzer, SessionSettings, settings::PROBE_SQL};
use serde::{Deserialize, Serialize};

use crate::screen::{Style, say, styled};

/// What would become of a text.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The database.
    database: String,
    /// Who: `alice`, or `claude for alice`.
    principal: String,
    /// Its statements, in order.
    statements: Vec<StatementReport>,
    /// Why the text as a whole can't be read.
    not_read: Option<Refusal>,
}

/// What would become of one statement.
#[derive(Debug, Serialize, Deserialize)]
struct StatementReport {
    text: String,
    facts: StatementFacts,
    decision: DecisionReport,
    /// What masks make of it; none where no masks are in force or no gateway knows the labels.
    masks: Option<MaskReport>,
}

/// What masks would make of one statement.
#[derive(Debug, Serialize, Deserialize)]
struct MaskReport {
    /// Columns and what they hold.
    columns: Vec<(String, String)>,
    /// Whether it computes on masks.
    computes: bool,
    refusal: Option<Refusal>,
}

/// The part of an explanation that is shown; the rest is kept for JSON.
#[derive(Debug, Serialize, Deserialize)]
struct DecisionReport {
    verdict: String,
    message: Option<String>,
    members: Vec<MemberReport>,
    would_pass: Vec<String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MemberReport {
    kind: String,
    name: String,
    verdict: String,
    rules: Vec<RuleReport>,
    errors: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RuleReport {
    rule: String,
    effect: String,
    lifted_by: Option<String>,
    reason: String,
    place: String,
}

/// The principal that `name` stands for: a local identity, or a kind as such (`operator`, `person`, `agent`, `service`).
///
/// # Errors
/// When it is neither.
pub(crate) fn principal(directory: Option<&Directory>, name: &str) -> anyhow::Result<Principal> {
    if let Some(principal) = directory.and_then(|directory| directory.principal(name)) {
        return Ok(principal);
    }
    let subject = |name: &str, kind| Subject {
        name: name.into(),
        kind,
    };
    let (subject, actors) = match name {
        "operator" => (subject(name, PrincipalKind::Operator), Vec::new()),
        "person" | "engineer" => (subject(name, PrincipalKind::Person), Vec::new()),
        "agent" => (
            subject("engineer", PrincipalKind::Person),
            vec![subject(name, PrincipalKind::Agent)],
        ),
        "service" => (subject(name, PrincipalKind::Service), Vec::new()),
        _ => anyhow::bail!("there is no identity {name}"),
    };
    Ok(Principal {
        subject,
        actors,
        groups: Vec::new(),
        subject_groups: Vec::new(),
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId("none".into()),
        purpose: None,
    })
}

/// Analyses and judges `sql` as a fresh session of `principal` on `database` would have it judged. Nothing of it runs.
///
/// # Errors
/// When the database can't be asked for its catalog and settings.
pub(crate) async fn explain(
    analyzer: &Analyzer,
    (policy, gateway): (&PolicySnapshot, Option<&Gateway>),
    database: &Database,
    principal: &Principal,
    sql: &str,
) -> anyhow::Result<Report> {
    let catalog = database.catalog.refresh().await.context("can't read the catalog")?;
    let settings = Arc::new(fresh_settings(database).await?);
    let context = AnalysisContext {
        catalog,
        settings,
        catalog_is_current: true,
    };
    let mut report = Report {
        database: database.name.to_string(),
        principal: principal.to_string(),
        statements: Vec::new(),
        not_read: None,
    };
    let analysis = match analyzer.analyze(sql, &context).await {
        Ok(analysis) => analysis,
        Err(error) => {
            report.not_read = Some(Refusal::from(&error));
            return Ok(report);
        }
    };
    // Without a gateway nobody has been given anything.
    let access = gateway.map(|gateway| gateway.access_of(principal, database, &context.catalog));
    let access = access.unwrap_or_default();
    for statement in &analysis.statements {
        let labels = Arc::new(label_use(
            &statement.facts,
            &database.labels.current(),
            &context.catalog,
        ));
        let explanation = policy.explain(&DecisionRequest {
            principal,
            database: &database.context,
            facts: &statement.facts,
            session: &SessionContext::default(),
            labels: Some(&labels),
            access: &access,
        });
        // Without a gateway nobody has judged any column.
        let judged = database.labels.current().relations().next().is_some();
        let mut obligations = explanation.obligations.iter().filter(|_| judged);
        let clear = obligations.find_map(|obligation| match obligation {
            Obligation::Mask { clear } => Some(clear.as_slice()),
            _ => None,
        });
        let masks = clear.map(|clear| {
            let foreseen = Foreseen::of(&statement.facts, database, &context.catalog, (clear, principal));
            let columns = foreseen.columns.into_iter();
            MaskReport {
                columns: columns.map(|(column, label)| (column, label.to_string())).collect(),
                computes: foreseen.computes,
                refusal: foreseen.refusal,
            }
        });
        report.statements.push(StatementReport {
            masks,
            text: sql
                .get(statement.span.clone())
                .unwrap_or(&statement.normalized)
                .trim()
                .to_owned(),
            facts: StatementFacts::clone(&statement.facts),
            decision: serde_json::from_value(serde_json::to_value(&explanation)?)?,
        });
    }
    Ok(report)
}

/// The settings that a session begins with.
pub(crate) async fn fresh_settings(database: &Database) -> anyhow::Result<SessionSettings> {
    let target = &database.target;
    let parameters = [("application_name", "durward: explain"), ("client_encoding", "UTF8")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut connection =
        UpstreamConnection::connect(target, &UpstreamCredentials::configured(target), &parameters).await?;
    let answers = connection.simple_query(PROBE_SQL).await?;
    let row = answers
        .first()
        .and_then(|rows| rows.first())
        .context("the server gave no settings")?;
    let texts: Vec<Option<&str>> = row
        .iter()
        .map(|cell| cell.as_deref().map(std::str::from_utf8).transpose())
        .collect::<Result<_, _>>()?;
    Ok(SessionSettings::from_row(&texts)?)
}

impl Report {
    /// Whether all of it would pass.
    pub(crate) fn passes(&self) -> bool {
        self.not_read.is_none()
            && self.statements.iter().all(|statement| {
                let refused = statement.masks.as_ref().is_some_and(|masks| masks.refusal.is_some());
                statement.decision.verdict == "allow" && !refused
            })
    }

    /// Prints it.
    pub(crate) fn show(&self) {
        if let Some(refusal) = &self.not_read {
            say(format!(
                "{}  {} ({})",
                styled(Style::Bad, "refused"),
                refusal.message,
                refusal.sqlstate
            ));
            refusal.hint.iter().for_each(|hint| line("hint", hint));
        }
        if self.not_read.is_none() && self.statements.is_empty() {
            say("There is no statement in this text: it passes, and nothing runs.");
        }
        for (place, statement) in self.statements.iter().enumerate() {
            if place > 0 {
                say("");
            }
            statement.show(self);
        }
    }
}

impl StatementReport {
    fn show(&self, report: &Report) {
        let verdict = match self.decision.verdict.as_str() {
            "allow" => styled(Style::Good, "passes"),
            "hold" => styled(Style::Bad, "is refused until it is approved"),
            _ => styled(Style::Bad, "is refused"),
        };
        say(styled(Style::Strong, &self.text));
        say(format!("{verdict}, as {} on {}", report.principal, report.database));
        self.decision
            .message
            .iter()
            .for_each(|message| line("because", message));
        self.show_facts();
        self.show_masks();
        for member in &self.decision.members {
            for rule in &member.rules {
                line("rule", &rule.sentence(&member.name));
            }
            member.errors.iter().for_each(|error| line("error", error));
        }
        self.decision
            .would_pass
            .iter()
            .for_each(|hint| line("would pass", hint));
    }

    fn show_masks(&self) {
        let Some(masks) = &self.masks else { return };
        for (column, label) in &masks.columns {
            line("masked", &format!("{column} ({label})"));
        }
        if let Some(refusal) = &masks.refusal {
            line("masks", &format!("refused: {}", refusal.message));
        } else if masks.computes {
            line(
                "masks",
                "it computes on masks, which the server puts in the place of values",
            );
        }
    }

    fn show_facts(&self) {
        let facts = &self.facts;
        line("class", &format!("{} ({})", facts.class, facts.command));
        for relation in &facts.relations {
            let modes: Vec<&str> = relation.modes.words().collect();
            let columns: Vec<&str> = relation.columns.iter().map(|column| &*column.name).collect();
            let columns = if columns.is_empty() {
                String::new()
            } else {
                format!(": {}", columns.join(", "))
            };
            let via = if relation.direct { "" } else { ", indirectly" };
            line(
                "touches",
                &format!("{} ({}{via}){columns}", relation.relation.name, modes.join(", ")),
            );
        }
        let functions: Vec<String> = facts
            .functions
            .iter()
            .map(|call| call.function.name.to_string())
            .collect();
        if !functions.is_empty() {
            line("calls", &functions.join(", "));
        }
        for hazard in &facts.hazards {
            let object = if hazard.object.is_empty() {
                String::new()
            } else {
                format!(": {}", hazard.object)
            };
            line("hazard", &format!("{}{object}", hazard.kind.as_str().replace('_', " ")));
        }
        if facts.writes() {
            line(
                "rows",
                &match facts.rows_written {
                    RowBound::AtMost(rows) => format!("at most {rows}"),
                    RowBound::Unbounded => "any number".to_owned(),
                },
            );
        }
        match facts.certainty {
            Certainty::Exact => {}
            Certainty::Conservative => line("certainty", "on the safe side: it may touch less than this"),
            Certainty::Opaque => line("certainty", "not all of it can be seen"),
        }
        for reason in &facts.opaque {
            line("unseen", &format!("{}: {}", reason.object, reason.reason));
        }
    }
}

impl RuleReport {
    fn sentence(&self, member: &str) -> String {
        let effect = match (&self.lifted_by, self.effect.as_str()) {
            (Some(rule), _) => format!("would forbid {member}, lifted by {rule}"),
            (None, "permit") => format!("permits {member}"),
            (None, "forbid") => format!("forbids {member}"),
            (None, "hold") => format!("holds for approval, for {member}"),
            (None, other) => format!("{other} {member}"),
        };
        let reason = if self.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", self.reason)
        };
        format!("{} {effect}{reason} ({})", self.rule, self.place)
    }
}

fn line(name: &str, value: &str) {
    say(format!("  {}  {value}", styled(Style::Faint, &format!("{name:10}"))));
}
