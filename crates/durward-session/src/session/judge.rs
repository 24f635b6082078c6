//! From a text to a recorded permission: analyse, decide, record. The order is the product.

use std::sync::Arc;

use durward_audit::{Durability, Origin, Recorded, StatementIntentInput, StatementRefusedInput};
use durward_model::{Obligation, PrincipalKind, Refusal, StatementClass, StatementId, sqlstate};
use durward_policy::{
    AccessGrant, Decision, DecisionRequest, HoldOrder, Permit, PolicySnapshot, SessionContext, Terms,
};
use durward_sql::catalog::CatalogReading;
use durward_sql::{Analysis, AnalysisError, SessionSettings};
use durward_wire::postgres::backend::TransactionStatus;

use super::capture::Allowance;
use super::hold::{Held, Holding, Waiting};
use super::labelled::Manner;
use super::masking::{MessageMasks, Sent, mask_of};
use super::subjects::Subject;
use super::trace::traceparent;
use super::{End, OwnQuery, Session};
use crate::catalog::{CatalogSource, TextRow};
use crate::limits::{DEFINITION_LOCK_PAUSE, DEFINITION_LOCK_SECONDS_MAX, STATEMENT_BYTES_MAX};
use crate::metrics::Counted;
use crate::sight::depends_on_names;

/// The answer about one message.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Recorded, and may be forwarded; each command has its number.
    Go(Recorded<Vec<Permit>>, Vec<StatementId>, MessageMasks),
    /// It may not, and that is recorded.
    No(Refusal),
    /// Not before people have decided; it is judged anew then.
    Wait(Box<Waiting>),
    /// The server skips it: an earlier message of its pipeline has failed.
    Skipped,
}

/// What policy says of one command.
#[derive(Debug)]
enum Ruling {
    Permit(Permit),
    Hold(Box<HoldOrder>),
}

impl Ruling {
    /// What is granted, now or once it is released.
    fn permit(&self) -> &Permit {
        match self {
            Self::Permit(permit) => permit,
            Self::Hold(order) => order.permit(),
        }
    }
}

/// What decisions rest on besides the statement.
struct Circumstances {
    context: SessionContext,
    policy: Arc<PolicySnapshot>,
    access: Arc<[AccessGrant]>,
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
        if self.sight.has_touched_settings() && text.contains('\\') {
            self.settle().await?;
            if self.status == TransactionStatus::Failed && !self.replies.in_pipeline() {
                // The failure has undone settings: which of two readings holds is not known.
                return Ok(Err(NoAnalysis::Refused(reading_unknown())));
            }
        }
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
        let settled = !self.in_transaction();
        let mut reading = match &self.sight.own_base {
            Some(base) => CatalogReading::update_of_session(base, None),
            // What differs from the shared catalog is all that this session has changed, and some.
            None => CatalogReading::update_of_session(shared.rest(), Some(self.sight.began)),
        };
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
        let own = CatalogSource::private(&shared, reading.finish());
        if settled {
            self.sight.own_base = Some(Arc::clone(own.rest()));
        }
        self.sight.set_catalog(own, true);
        self.sight.context.catalog_is_current = true;
        Ok(Ok(()))
    }

    fn catalog_unread(&self, error: &dyn std::fmt::Display) -> NoAnalysis {
        tracing::warn!(%error, session = %self.id, database = %self.database.name, "the catalog can't be read");
        NoAnalysis::Refused(catalog_unknown())
    }

    pub(super) fn no_answer(&self) -> NoAnalysis {
        if self.replies.is_skipping() {
            NoAnalysis::Skipped
        } else {
            NoAnalysis::Refused(catalog_unknown())
        }
    }

    /// What policy says of one subject by itself; nothing is recorded.
    pub(super) fn ruling_on(&mut self, subject: &Subject) -> Decision {
        let circumstances = self.circumstances();
        self.ruling_under(&circumstances, subject)
    }

    /// What decisions of this moment rest on.
    fn circumstances(&mut self) -> Circumstances {
        Circumstances {
            context: SessionContext {
                now_unix_seconds: unix_seconds(),
                encrypted: self.encrypted,
            },
            policy: self.gateway.policy.current(),
            access: self.access(),
        }
    }

    fn ruling_under(&mut self, circumstances: &Circumstances, subject: &Subject) -> Decision {
        let Circumstances {
            context,
            policy,
            access,
        } = circumstances;
        let labels = self.label_use(&subject.facts, policy, access);
        let request = DecisionRequest {
            principal: &self.principal,
            database: &self.database.context,
            facts: &subject.facts,
            session: context,
            labels: labels.as_ref(),
            access,
        };
        self.decisions.decide(policy, &request)
    }

    /// Decides on every subject of a message and records the intent of all, or the refusal of the first refused.
    pub(super) async fn decide(&mut self, commands: &[Vec<Subject>], sent: Sent<'_>) -> Result<Verdict, End> {
        let relieved = self.begin_judgement(commands, sent).await?;
        let commands = relieved.as_deref().unwrap_or(commands);
        let weighed = match self.weigh(commands, sent).await? {
            Ok(weighed) => weighed,
            Err(verdict) => return Ok(verdict),
        };
        Ok(match self.record_intents(weighed.permitted).await {
            Ok(recorded) => Verdict::Go(recorded, weighed.numbers, weighed.masks),
            Err(refusal) => Verdict::No(refusal),
        })
    }

    /// What every judgement begins with; the subjects that are to be judged in the place of these, if others are.
    pub(super) async fn begin_judgement(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
    ) -> Result<Option<Vec<Vec<Subject>>>, End> {
        if let Err(refusal) = self.standing.check() {
            return Err(End::Revoked(refusal));
        }
        self.allowance = Allowance::default();
        self.trace = traceparent(sent.as_str()).map(Box::from);
        self.relieved(commands).await
    }

    /// Decides on every subject of a message, and records the refusal of the first refused.
    pub(super) async fn weigh<'a>(
        &mut self,
        commands: &'a [Vec<Subject>],
        sent: Sent<'_>,
    ) -> Result<Result<Weighed<'a>, Verdict>, End> {
        let circumstances = self.circumstances();
        let policy_version = circumstances.policy.version().number;
        let mut ruled: Vec<(Ruling, &Subject, StatementId)> = Vec::with_capacity(commands.len());
        let mut numbers = Vec::with_capacity(commands.len());
        for command in commands {
            let number = self.next_statement();
            numbers.push(number);
            for subject in command {
                let ruling = match self.ruling_under(&circumstances, subject) {
                    Decision::Allow(permit) => Ok(Ruling::Permit(permit)),
                    Decision::Hold(order) => Ok(Ruling::Hold(Box::new(order))),
                    Decision::Deny(denial) => Err((denial.refusal, denial.rules)),
                };
                let (refusal, rules) = match ruling {
                    Ok(ruling) => match unenforceable(&ruling, &self.principal, subject, self.levers.reason()) {
                        None => {
                            ruled.push((ruling, subject, number));
                            continue;
                        }
                        Some(refusal) => (refusal, ruling.permit().terms().rules().to_vec()),
                    },
                    Err(denied) => denied,
                };
                self.record_refusal(number, subject, &refusal, (&rules, policy_version));
                return Ok(Err(Verdict::No(refusal)));
            }
        }
        let mut masks_of_message = MessageMasks::default();
        if ruled.iter().any(|(ruling, _, _)| masks(ruling.permit())) {
            self.masked = true;
            let mut terms = ruled.iter().map(|(ruling, _, _)| Arc::clone(ruling.permit().terms()));
            let terms: Vec<Vec<Arc<Terms>>> = commands
                .iter()
                .map(|command| terms.by_ref().take(command.len()).collect())
                .collect();
            match self.mask(commands, &terms, sent).await? {
                Ok(masks) => masks_of_message = masks,
                Err(refusal) => {
                    if let Some((ruling, subject, number)) = ruled.first() {
                        let rules = ruling.permit().terms().rules();
                        self.record_refusal(*number, subject, &refusal, (rules, policy_version));
                    }
                    return Ok(Err(Verdict::No(refusal)));
                }
            }
        }
        // What masks refuse is refused before anybody is asked, and before anything is counted by it.
        let released = self.release(commands, ruled, sent).await?;
        Ok(released.map(|permitted| Weighed {
            permitted,
            numbers,
            masks: masks_of_message,
        }))
    }

    /// The permits of a message: held ones are released together, or none runs.
    async fn release<'a>(
        &mut self,
        commands: &[Vec<Subject>],
        ruled: Vec<(Ruling, &'a Subject, StatementId)>,
        sent: Sent<'_>,
    ) -> Result<Result<Vec<Permitted<'a>>, Verdict>, End> {
        let held: Vec<Held<'_>> = ruled
            .iter()
            .filter_map(|(ruling, subject, number)| match ruling {
                Ruling::Permit(_) => None,
                Ruling::Hold(order) => Some(Held {
                    order,
                    subject,
                    number: *number,
                }),
            })
            .collect();
        // Nothing runs by a Parse: it is held when it runs.
        let prepares = |held: &Held<'_>| held.subject.origin == Origin::Parse;
        self.prepares_held = !held.is_empty();
        let note = match held.first() {
            None => {
                self.follow_change_sets(commands, sent).await;
                String::new()
            }
            Some(_) if held.iter().all(prepares) => "prepared and not run".to_owned(),
            Some(&first) => match self.hold_or_cover(commands, &held, sent).await? {
                Holding::Released(note) => note,
                Holding::Waiting(waiting) => return Ok(Err(Verdict::Wait(waiting))),
                Holding::Skipped => return Ok(Err(Verdict::Skipped)),
                Holding::Refused(refusal) => {
                    let version = first.order.permit().policy_version().number;
                    self.record_refusal(first.number, first.subject, &refusal, (&first.order.rules, version));
                    return Ok(Err(Verdict::No(refusal)));
                }
            },
        };
        drop(held);
        let permitted = ruled.into_iter().map(|(ruling, subject, number)| match ruling {
            Ruling::Permit(permit) => (permit, subject, number),
            Ruling::Hold(order) => (order.release(&note), subject, number),
        });
        Ok(Ok(permitted.collect()))
    }

    /// Records what is permitted: nothing is forwarded without.
    pub(super) async fn record_intents(
        &mut self,
        permitted: Vec<Permitted<'_>>,
    ) -> Result<Recorded<Vec<Permit>>, Refusal> {
        let durability = permitted
            .iter()
            .map(|(permit, subject, _)| durability(permit, subject))
            .max();
        // The terms are needed beside the permit, which moves into the record.
        let terms: Vec<_> = permitted
            .iter()
            .map(|(permit, _, _)| (Arc::clone(permit.terms()), permit.policy_version().number))
            .collect();
        for (_, subject, _) in permitted
            .iter()
            .filter(|(_, subject, _)| !subject.facts.copies.is_empty())
        {
            self.database.labels.follow_data(&subject.facts.copies);
        }
        let shows_masks = |permit: &Permit| self.principal.kind() != PrincipalKind::Service || masks(permit);
        if permitted
            .iter()
            .any(|(permit, subject, _)| runs(subject) && subject.facts.writes() && shows_masks(permit))
        {
            let about_to_run = permitted.iter().filter(|(_, subject, _)| runs(subject));
            let about_to_run: Vec<_> = about_to_run
                .map(|(_, subject, _)| (&*subject.facts, &*subject.normalized))
                .collect();
            self.own_writes.note(&about_to_run, &self.sight.context.catalog);
        }
        let ran: Vec<_> = permitted
            .iter()
            .filter(|(_, subject, _)| runs(subject))
            .map(|(_, subject, _)| subject.facts.class)
            .collect();
        let labelled: Vec<_> = permitted
            .iter()
            .map(|(permit, subject, _)| {
                let clear = mask_of(permit.terms()).map(<[_]>::to_vec);
                self.labelled(&subject.facts, Manner::Permitted(clear))
            })
            .collect();
        let inputs = permitted
            .into_iter()
            .zip(&terms)
            .zip(&labelled)
            .map(|(((permit, subject, statement), (terms, policy_version)), labelled)| {
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
                    labelled,
                    literals: subject.literals,
                    parameters: subject.parameters,
                    reason: self.levers.reason(),
                    trace: self.trace.as_deref(),
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
            Ok(recorded) => {
                for class in ran {
                    self.counters.statement(class, Counted::Permitted);
                }
                Ok(recorded)
            }
            Err(error) => {
                tracing::error!(%error, session = %self.id, "an intent could not be recorded: statement refused");
                Err(error.refusal())
            }
        }
    }

    pub(super) fn record_refusal(
        &mut self,
        statement: StatementId,
        subject: &Subject,
        refusal: &Refusal,
        by: (&[Arc<str>], u64),
    ) {
        self.refused += 1;
        let class = subject.facts.class;
        if *refusal.sqlstate == *sqlstate::APPROVAL_PENDING {
            self.counters.held();
        }
        self.counters.statement(class, Counted::Refused);
        let labelled = self.labelled(&subject.facts, Manner::Refused);
        let input = StatementRefusedInput {
            session: self.id,
            statement,
            origin: subject.origin,
            understood: Some((&subject.facts, &subject.normalized, subject.shape)),
            rules: by.0,
            policy_version: Some(by.1),
            labelled: &labelled,
            literals: Some(subject.literals),
            parameters: subject.parameters,
            reason: self.levers.reason(),
            trace: self.trace.as_deref(),
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
        self.counters.statement(StatementClass::Unknown, Counted::Refused);
        let input = StatementRefusedInput {
            session: self.id,
            statement: self.next_statement(),
            origin,
            understood: None,
            rules: &[],
            policy_version: None,
            labelled: &[],
            literals: Some(self.gateway.ledger.keyed_digest(text)),
            parameters: None,
            reason: self.levers.reason(),
            trace: std::str::from_utf8(text).ok().and_then(traceparent),
            rule: &refusal.rule,
            sqlstate: &refusal.sqlstate,
            message: &refusal.message,
        };
        if let Err(error) = self.gateway.ledger.record_refusal(&input) {
            tracing::error!(%error, session = %self.id, "a refusal could not be recorded");
        }
    }
}

/// A message that is permitted, and not recorded yet.
#[derive(Debug)]
pub(super) struct Weighed<'a> {
    pub(super) permitted: Vec<Permitted<'a>>,
    /// The number of each command.
    pub(super) numbers: Vec<StatementId>,
    pub(super) masks: MessageMasks,
}

/// A permit, what it is for, and the number of its statement.
pub(super) type Permitted<'a> = (Permit, &'a Subject, StatementId);

/// Whether a permit obliges to mask.
fn masks(permit: &Permit) -> bool {
    let mut obligations = permit.terms().obligations().iter();
    obligations.any(|obligation| matches!(obligation, Obligation::Mask { .. }))
}

fn has_unresolved(analysis: &Analysis) -> bool {
    analysis
        .statements
        .iter()
        .any(|statement| !statement.unresolved.is_empty())
}

/// Nothing runs by a Parse or a Describe: its Execute is judged and recorded again.
fn runs(subject: &Subject) -> bool {
    !matches!(subject.origin, Origin::Parse | Origin::Describe)
}

/// Writes must be on disk before they run; reads may follow within milliseconds.
fn durability(permit: &Permit, subject: &Subject) -> Durability {
    if !runs(subject) {
        return Durability::Soon;
    }
    let durable = permit.terms().obligations().contains(&Obligation::DurableIntent) || subject.facts.writes();
    if durable { Durability::Disk } else { Durability::Process }
}

/// An obligation that the session can't meet, or a permit for something else, refuses the statement.
fn unenforceable(
    ruling: &Ruling,
    principal: &durward_model::Principal,
    subject: &Subject,
    reason: Option<&str>,
) -> Option<Refusal> {
    let permit = ruling.permit();
    if !permit.covers(principal, &subject.facts) {
        return Some(Refusal::not_understood(
            "permit-mismatch",
            "the permit is for another statement",
        ));
    }
    // What only prepares is asked for its reason when it runs.
    if runs(subject)
        && let Some(refusal) = permit.terms().unreasoned(reason)
    {
        return Some(refusal);
    }
    permit
        .terms()
        .obligations()
        .iter()
        .find_map(|obligation| match obligation {
            Obligation::DurableIntent
            | Obligation::Annotate(_)
            | Obligation::Mask { .. }
            | Obligation::Reason { .. } => None,
            Obligation::Approve(_) if matches!(ruling, Ruling::Hold(_)) => None,
            Obligation::Approve(_) => Some(Refusal::not_understood(
                "obligation-not-enforceable",
                "policy permits this and asks for an approval at once, which can't be",
            )),
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

fn reading_unknown() -> Refusal {
    Refusal::not_understood(
        "reading-unknown",
        "settings changed in the failed transaction, so how this text's strings are read is not known",
    )
    .with_hint("Send ROLLBACK by itself first.")
}

/// What is prepared keeps the reading of then, and can't be read that way again.
pub(super) fn prepared_otherwise() -> Refusal {
    Refusal::not_understood(
        "prepared-otherwise",
        "standard_conforming_strings has changed since this statement was prepared, which reads its strings otherwise",
    )
    .with_hint("Prepare it again.")
}

pub(super) fn catalog_unknown() -> Refusal {
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
