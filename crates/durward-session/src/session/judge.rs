//! From a text to a recorded permission: analyse, decide, record. The order is the product.

use std::sync::Arc;

use durward_audit::{Durability, KeyedDigest, Origin, Recorded, StatementIntentInput, StatementRefusedInput};
use durward_model::{
    Certainty, Digest, Hazard, HazardKind, Obligation, OpaqueReason, Refusal, StatementFacts, StatementId, sqlstate,
};
use durward_policy::{Decision, DecisionRequest, Permit, SessionContext};
use durward_sql::catalog::CatalogReading;
use durward_sql::{Analysis, AnalysisError, AnalyzedStatement, SessionEffect, SessionSettings};
use durward_wire::postgres::backend::TransactionStatus;

use super::{End, OwnQuery, Session};
use crate::catalog::{CatalogSource, TextRow};
use crate::limits::{DEFINITION_LOCK_PAUSE, DEFINITION_LOCK_SECONDS_MAX, STATEMENT_BYTES_MAX};
use crate::sight::depends_on_names;

/// Something to decide on: a command of a text, or what a prepared name or cursor stands for.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) facts: Arc<StatementFacts>,
    pub(super) normalized: Arc<str>,
    pub(super) shape: Digest,
    pub(super) origin: Origin,
    pub(super) literals: KeyedDigest,
    pub(super) parameters: Option<KeyedDigest>,
}

impl Subject {
    pub(super) fn of(statement: &AnalyzedStatement, origin: Origin, literals: KeyedDigest) -> Self {
        Self {
            facts: Arc::clone(&statement.facts),
            normalized: Arc::clone(&statement.normalized),
            shape: statement.shape,
            origin,
            literals,
            parameters: None,
        }
    }

    /// The same, for names that will be looked up otherwise than they were here: what runs is then as unseen as a text
    /// made at run time.
    fn with_moved_names(self) -> Self {
        let mut moved = self.opaque(
            "search_path",
            "an earlier command of the same text changes how names are read",
        );
        let mut facts = (*moved.facts).clone();
        facts.hazards.push(Hazard::new(HazardKind::DynamicSql, "search_path"));
        facts.hazards.sort();
        moved.facts = Arc::new(facts);
        moved
    }

    /// The same with facts that can't be relied on to be complete.
    fn opaque(mut self, object: &str, reason: &str) -> Self {
        let mut facts = (*self.facts).clone();
        facts.certainty = Certainty::Opaque;
        facts.opaque.push(OpaqueReason {
            object: object.into(),
            reason: reason.into(),
        });
        self.facts = Arc::new(facts);
        self
    }
}

/// The answer about one message.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Recorded, and may be forwarded; each command has its number.
    Go(Recorded<Vec<Permit>>, Vec<StatementId>),
    /// It may not, and that is recorded.
    No(Refusal),
}

/// Why a text has no analysis.
#[derive(Debug)]
pub(super) enum NoAnalysis {
    /// The client is told.
    Refused(Refusal),
    /// The server skips this message anyway: an earlier one of its pipeline has failed.
    Skipped,
}

impl Session {
    /// The text as analysis reads it.
    pub(super) async fn decode_text<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<Result<std::borrow::Cow<'a, str>, NoAnalysis>, End> {
        if bytes.is_ascii() && bytes.len() <= STATEMENT_BYTES_MAX {
            // INVARIANT: every encoding that a client may choose reads ASCII bytes alone as ASCII.
            return Ok(Ok(String::from_utf8_lossy(bytes)));
        }
        // An encoding set earlier in the pipeline is in force although the server hasn't said so yet.
        if self.sight.settings_stale {
            self.settle().await?;
            if let Err(no) = self.refresh_settings().await? {
                return Ok(Err(no));
            }
        }
        Ok(self.decode_known(bytes).map_err(NoAnalysis::Refused))
    }

    fn decode_known<'a>(&self, bytes: &'a [u8]) -> Result<std::borrow::Cow<'a, str>, Refusal> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(Refusal::new(
                sqlstate::PROGRAM_LIMIT_EXCEEDED,
                "statement-too-long",
                format!("the statement is longer than {STATEMENT_BYTES_MAX} bytes"),
            ));
        }
        match &*self.sight.context.settings.client_encoding {
            "UTF8" | "SQL_ASCII" => std::str::from_utf8(bytes).map(Into::into).map_err(|_| {
                Refusal::new(
                    "22021",
                    "invalid-encoding",
                    "invalid byte sequence for encoding \"UTF8\" in the statement text",
                )
            }),
            "LATIN1" => Ok(bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into()),
            other => Err(Refusal::not_understood(
                "client-encoding",
                format!("statement texts beyond ASCII can't be judged in client_encoding \"{other}\""),
            )
            .with_hint("Use client_encoding UTF8.")),
        }
    }

    /// Analyses a text under settings and a catalog that are current for it.
    pub(super) async fn analyze(&mut self, text: &str) -> Result<Result<Arc<Analysis>, NoAnalysis>, End> {
        self.follow_catalog();
        // Somebody's DDL has been committed since the shared catalog was read.
        self.sight.catalog_stale |= self.database.catalog.is_behind();
        self.sight.context.catalog_is_current = false;
        let first = self.analyze_now(text).await;
        if !self.sight.is_stale() {
            match &first {
                Ok(analysis) if !has_unresolved(analysis) => return Ok(first.map_err(NoAnalysis::Refused)),
                Err(_) => return Ok(first.map_err(NoAnalysis::Refused)),
                Ok(_) => {}
            }
        } else if let Ok(analysis) = &first
            && !analysis.statements.iter().any(depends_on_names)
            && !(self.sight.settings_stale && text.contains('\\'))
        {
            // Settings that may have changed change how names are found, and where a string with a backslash ends.
            return Ok(first.map_err(NoAnalysis::Refused));
        }
        // In a failed transaction the server runs nothing but its end, and nothing can be asked.
        self.settle().await?;
        if self.status == TransactionStatus::Failed && !self.replies.in_pipeline() {
            return Ok(first.map_err(NoAnalysis::Refused));
        }
        let mut unresolved = first.as_ref().is_ok_and(|analysis| has_unresolved(analysis));
        let gives_up = tokio::time::Instant::now() + DEFINITION_LOCK_SECONDS_MAX;
        loop {
            if let Err(no) = self.refresh_sight(unresolved).await? {
                return Ok(Err(no));
            }
            let analysis = self.analyze_now(text).await;
            let awaits_lock = analysis.as_ref().is_ok_and(|analysis| analysis.awaits_lock());
            if !awaits_lock || tokio::time::Instant::now() >= gives_up {
                return Ok(analysis.map_err(NoAnalysis::Refused));
            }
            // The statement would wait for that lock on the server too.
            tokio::select! {
                () = self.lease.handle.ended() => return Err(End::Killed),
                () = tokio::time::sleep(DEFINITION_LOCK_PAUSE) => unresolved = true,
            }
        }
    }

    async fn analyze_now(&self, text: &str) -> Result<Arc<Analysis>, Refusal> {
        let analyzer = &self.gateway.analyzer;
        match analyzer.cached(text, &self.sight.context) {
            Some(analysis) => Ok(analysis),
            None => analyzer
                .analyze(text, &self.sight.context)
                .await
                .map_err(|error: AnalysisError| Refusal::from(error)),
        }
    }

    pub(super) fn follow_catalog(&mut self) {
        if let Some(latest) = self.database.catalog.latest() {
            self.sight.follow(&latest, &mut self.followed_generation);
        }
    }

    /// Brings settings and catalog up to what the server would use for the next statement.
    async fn refresh_sight(&mut self, unresolved: bool) -> Result<Result<(), NoAnalysis>, End> {
        if let Err(no) = self.refresh_settings().await? {
            return Ok(Err(no));
        }
        if !self.sight.catalog_stale && !unresolved {
            return Ok(Ok(()));
        }
        // A lock that keeps a definition from the gateway's own connection may be this transaction's.
        let locked = unresolved && self.sight.context.catalog.has_locked_definitions();
        if self.sight.needs_own_catalog(self.in_transaction()) || (locked && self.in_transaction()) {
            return self.read_own_catalog().await;
        }
        match self.database.catalog.refresh().await {
            Ok(snapshot) => {
                self.followed_generation = snapshot.generation();
                self.sight.set_catalog(snapshot, false);
                self.sight.context.catalog_is_current = true;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(self.catalog_unread(&error))),
        }
    }

    async fn refresh_settings(&mut self) -> Result<Result<(), NoAnalysis>, End> {
        if !self.sight.settings_stale {
            return Ok(Ok(()));
        }
        match self.ask(&[OwnQuery::Settings]).await? {
            Ok(answers) => match read_settings(&answers) {
                Ok(settings) => {
                    self.sight.set_settings(settings);
                    Ok(Ok(()))
                }
                Err(refusal) => Ok(Err(NoAnalysis::Refused(refusal))),
            },
            Err(_) => Ok(Err(self.no_answer())),
        }
    }

    /// Reads the catalog as this session's open transaction and temporary schema see it.
    async fn read_own_catalog(&mut self) -> Result<Result<(), NoAnalysis>, End> {
        if !self.sight.own_queries_are_safe() {
            return Ok(Err(NoAnalysis::Refused(
                Refusal::not_understood(
                    "search-path-before-catalog",
                    "with a schema before pg_catalog in search_path, the transaction's own objects can't be judged",
                )
                .with_hint("Leave pg_catalog out of search_path: it then comes first."),
            )));
        }
        let shared = match self.database.catalog.ready().await {
            Ok(shared) => shared,
            Err(error) => return Ok(Err(self.catalog_unread(&error))),
        };
        // What differs from the shared catalog is all that this transaction has changed, and some.
        let mut reading = CatalogReading::update_of_session(shared.rest());
        while !reading.requests().is_empty() {
            let queries: Vec<OwnQuery> = reading.requests().iter().cloned().map(OwnQuery::Catalog).collect();
            let answers = match self.ask(&queries).await? {
                Ok(answers) => answers,
                Err(_) => return Ok(Err(self.no_answer())),
            };
            if let Err(error) = reading.answer(&answers) {
                return Ok(Err(self.catalog_unread(&error)));
            }
        }
        self.sight
            .set_catalog(CatalogSource::private(&shared, reading.finish()), true);
        self.sight.context.catalog_is_current = true;
        Ok(Ok(()))
    }

    fn catalog_unread(&self, error: &dyn std::fmt::Display) -> NoAnalysis {
        tracing::warn!(%error, session = %self.id, database = %self.database.name, "the catalog can't be read");
        NoAnalysis::Refused(catalog_unknown())
    }

    fn no_answer(&self) -> NoAnalysis {
        if self.replies.is_skipping() {
            NoAnalysis::Skipped
        } else {
            NoAnalysis::Refused(catalog_unknown())
        }
    }

    /// What has to be decided for the commands of a text: each command, and what prepared names and cursors it runs
    /// stand for.
    pub(super) async fn subjects(
        &mut self,
        analysis: &Analysis,
        origin: Origin,
        literals: KeyedDigest,
    ) -> Result<Result<Vec<Vec<Subject>>, NoAnalysis>, End> {
        let mut subjects = Vec::with_capacity(analysis.statements.len());
        let mut blurred = false;
        for statement in &analysis.statements {
            let mut own = Subject::of(statement, origin, literals);
            if blurred && depends_on_names(statement) {
                own = own.with_moved_names();
            }
            let mut of_this = vec![own];
            for effect in statement.effects.iter() {
                match effect {
                    SessionEffect::Execute { name } => match self.prepared_subject(name).await? {
                        Ok(subject) => of_this.push(subject),
                        Err(no) => return Ok(Err(no)),
                    },
                    SessionEffect::Fetch { name } => of_this.push(self.cursor_subject(name, &of_this)),
                    _ => {}
                }
            }
            blurred |= self.sight.blurs(statement);
            subjects.push(of_this);
        }
        Ok(Ok(subjects))
    }

    /// What SQL-level EXECUTE of this name runs.
    async fn prepared_subject(&mut self, name: &str) -> Result<Result<Subject, NoAnalysis>, End> {
        let Some(prepared) = self.names.statement(name.as_bytes()).cloned() else {
            // The server's own words for a name that doesn't exist.
            return Ok(Err(NoAnalysis::Refused(Refusal::new(
                "26000",
                "unknown-prepared-statement",
                format!("prepared statement \"{name}\" does not exist"),
            ))));
        };
        match self.current(&prepared).await? {
            Ok(Some(statement)) => Ok(Ok(Subject::of(&statement, Origin::SqlExecute, prepared.literals))),
            Ok(None) => Ok(Err(NoAnalysis::Refused(catalog_unknown()))),
            Err(no) => Ok(Err(no)),
        }
    }

    /// What FETCH from this cursor returns. One that was opened out of our sight is opaque.
    fn cursor_subject(&self, name: &str, of_this: &[Subject]) -> Subject {
        match self.names.portal(name.as_bytes()) {
            Some(portal) => match &portal.prepared.statement {
                Some(statement) => Subject::of(statement, Origin::Fetch, portal.prepared.literals),
                None => self.unknown_cursor(name, of_this),
            },
            None => self.unknown_cursor(name, of_this),
        }
    }

    fn unknown_cursor(&self, name: &str, of_this: &[Subject]) -> Subject {
        let facts = StatementFacts::empty(durward_model::StatementClass::Read, "FETCH");
        let normalized: Arc<str> = "FETCH".into();
        Subject {
            facts: Arc::new(facts),
            shape: of_this.first().map(|own| own.shape).unwrap_or_default(),
            literals: of_this
                .first()
                .map_or_else(|| self.gateway.ledger.keyed_digest(b""), |own| own.literals),
            normalized,
            origin: Origin::Fetch,
            parameters: None,
        }
        .opaque(name, "a cursor that was opened out of sight")
    }

    /// Decides on every subject of a message and records the intent of all, or the refusal of the first refused.
    pub(super) async fn decide(&mut self, commands: &[Vec<Subject>]) -> Result<Verdict, End> {
        if let Err(refusal) = self.standing.check() {
            return Err(End::Revoked(refusal));
        }
        let relieved = self.relieved(commands).await?;
        let commands = relieved.as_deref().unwrap_or(commands);
        let context = SessionContext {
            now_unix_seconds: unix_seconds(),
            encrypted: self.encrypted,
        };
        let snapshot = self.gateway.policy.current();
        let mut permitted: Vec<(Permit, &Subject, StatementId)> = Vec::with_capacity(commands.len());
        let mut numbers = Vec::with_capacity(commands.len());
        for command in commands {
            let number = self.next_statement();
            numbers.push(number);
            for subject in command {
                let request = DecisionRequest {
                    principal: &self.principal,
                    database: &self.database.context,
                    facts: &subject.facts,
                    session: &context,
                };
                let (refusal, rules) = match self.decisions.decide(&snapshot, &request) {
                    Decision::Allow(permit) => match unenforceable(&permit, &self.principal, subject) {
                        None => {
                            permitted.push((permit, subject, number));
                            continue;
                        }
                        Some(refusal) => (refusal, permit.terms().rules().to_vec()),
                    },
                    Decision::Hold(order) => {
                        let rules = order.rules.clone();
                        (order.into_refusal(), rules)
                    }
                    Decision::Deny(denial) => (denial.refusal, denial.rules),
                };
                let version = snapshot.version().number;
                self.record_refusal(number, subject, &refusal, (&rules, version));
                return Ok(Verdict::No(refusal));
            }
        }
        self.record_intents(permitted, numbers).await
    }

    async fn record_intents(
        &self,
        permitted: Vec<(Permit, &Subject, StatementId)>,
        numbers: Vec<StatementId>,
    ) -> Result<Verdict, End> {
        let durability = permitted
            .iter()
            .map(|(permit, subject, _)| durability(permit, subject))
            .max();
        // The terms are needed beside the permit, which moves into the record.
        let terms: Vec<_> = permitted
            .iter()
            .map(|(permit, _, _)| (Arc::clone(permit.terms()), permit.policy_version().number))
            .collect();
        let inputs = permitted
            .into_iter()
            .zip(&terms)
            .map(|((permit, subject, statement), (terms, policy_version))| {
                let input = StatementIntentInput {
                    session: self.id,
                    statement,
                    origin: subject.origin,
                    facts: &subject.facts,
                    normalized: &subject.normalized,
                    shape: subject.shape,
                    rules: terms.rules(),
                    policy_version: *policy_version,
                    obligations: terms.obligations(),
                    literals: subject.literals,
                    parameters: subject.parameters,
                    trace: None,
                };
                (permit, input)
            })
            .collect();
        match self
            .gateway
            .ledger
            .record_intents(inputs, durability.unwrap_or(Durability::Process))
            .await
        {
            Ok(recorded) => Ok(Verdict::Go(recorded, numbers)),
            Err(error) => {
                tracing::error!(%error, session = %self.id, "an intent could not be recorded: statement refused");
                Ok(Verdict::No(error.refusal()))
            }
        }
    }

    fn record_refusal(&mut self, statement: StatementId, subject: &Subject, refusal: &Refusal, by: (&[Arc<str>], u64)) {
        self.refused += 1;
        let input = StatementRefusedInput {
            session: self.id,
            statement,
            origin: subject.origin,
            understood: Some((&subject.facts, &subject.normalized, subject.shape)),
            rules: by.0,
            policy_version: Some(by.1),
            literals: Some(subject.literals),
            parameters: subject.parameters,
            trace: None,
            rule: &refusal.rule,
            sqlstate: &refusal.sqlstate,
            message: &refusal.message,
        };
        if let Err(error) = self.gateway.ledger.record_refusal(&input) {
            tracing::error!(%error, session = %self.id, "a refusal could not be recorded");
        }
    }

    /// Records a refusal of a text that was not understood.
    pub(super) fn record_not_understood(&mut self, origin: Origin, text: &[u8], refusal: &Refusal) {
        self.refused += 1;
        let input = StatementRefusedInput {
            session: self.id,
            statement: self.next_statement(),
            origin,
            understood: None,
            rules: &[],
            policy_version: None,
            literals: Some(self.gateway.ledger.keyed_digest(text)),
            parameters: None,
            trace: None,
            rule: &refusal.rule,
            sqlstate: &refusal.sqlstate,
            message: &refusal.message,
        };
        if let Err(error) = self.gateway.ledger.record_refusal(&input) {
            tracing::error!(%error, session = %self.id, "a refusal could not be recorded");
        }
    }
}

fn has_unresolved(analysis: &Analysis) -> bool {
    analysis
        .statements
        .iter()
        .any(|statement| !statement.unresolved.is_empty())
}

/// Writes must be on disk before they run; reads may follow within milliseconds.
fn durability(permit: &Permit, subject: &Subject) -> Durability {
    // Nothing runs by a Parse: its Execute is recorded again.
    let runs = !matches!(subject.origin, Origin::Parse | Origin::Describe);
    let durable = permit.terms().obligations().contains(&Obligation::DurableIntent) || subject.facts.writes();
    if runs && durable {
        Durability::Disk
    } else {
        Durability::Process
    }
}

/// An obligation that the session can't meet, or a permit for something else, refuses the statement.
fn unenforceable(permit: &Permit, principal: &durward_model::Principal, subject: &Subject) -> Option<Refusal> {
    if !permit.covers(principal, &subject.facts) {
        return Some(Refusal::not_understood(
            "permit-mismatch",
            "the permit is for another statement",
        ));
    }
    permit
        .terms()
        .obligations()
        .iter()
        .find_map(|obligation| match obligation {
            Obligation::DurableIntent | Obligation::Annotate(_) => None,
            Obligation::ReadOnly => Some(Refusal::not_understood(
                "obligation-not-enforceable",
                "policy asks for a read-only transaction, which can't be enforced here",
            )),
        })
}

fn read_settings(answers: &[Vec<TextRow>]) -> Result<SessionSettings, Refusal> {
    let row = answers
        .first()
        .and_then(|rows| rows.first())
        .ok_or_else(catalog_unknown)?;
    let fields: Result<Vec<Option<&str>>, _> = row
        .iter()
        .map(|field| field.as_deref().map(std::str::from_utf8).transpose())
        .collect();
    let fields = fields.map_err(|_| catalog_unknown())?;
    SessionSettings::from_row(&fields).map_err(|_| catalog_unknown())
}

fn catalog_unknown() -> Refusal {
    Refusal::not_understood(
        "session-state-unknown",
        "the session's settings or the catalog could not be read, so this statement was not run",
    )
    .with_hint("Try again.")
}

pub(crate) fn unix_seconds() -> Option<i64> {
    let elapsed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    i64::try_from(elapsed.as_secs()).ok()
}
