//! Runs a change so that its effect is known: its rows before and after, in the same transaction, before the client
//! hears of it.

use std::collections::HashMap;
use std::sync::Arc;

use durward_audit::{KeyedDigest, Recorded};
use durward_change::RequestId;
use durward_change::undo::Row;
use durward_model::{
    Oid, PrincipalKind, Refusal, RelationKind, RowBound, StatementClass, StatementFacts, StatementId, sqlstate,
};
use durward_policy::Permit;
use durward_sql::{
    AnalyzedStatement, AsidePlan, CapturePlan, CaptureTexts, Cascades, ChangeKind, Images, InversePlan, RowsText,
};
use durward_wire::postgres::backend::TransactionStatus;

use super::aside::KeptAside;
use super::effect::effect_digest;
use super::given::Given;
use super::masking::{MessageMasks, Sent, TextPlace};
use super::subjects::Subject;
use super::{End, Listen, OwnQuery, Session};
use crate::catalog::TextRow;
use crate::changes::{Capturing, Excess, ExcessKey, Reach, TextSettings, UNDO_ROWS_MAX};
use crate::prepared::Portal;
use crate::replies::{Answers, Expected, Run};

/// A change that is about to run, and how its effect is read.
#[derive(Debug)]
pub(super) struct Capture {
    /// How; or why not: then only the number of its rows is looked at.
    read: Result<Read, String>,
    /// How what it does to definitions is taken back.
    inverse: Option<Box<InversePlan>>,
    /// How what it drops or empties is kept aside.
    aside: Option<Box<AsidePlan>>,
    /// What it may do.
    allowance: Allowance,
}

/// How a permitted message goes to the server.
#[derive(Debug)]
pub(super) enum Course {
    /// So that its effect is known.
    Captured(Capture),
    /// As it came; the text says why the effect of what is kept otherwise isn't read.
    Plain(Option<String>),
    /// Not at all: it may change so many rows and no more, and in this form nothing could stop it.
    Unbounded,
}

/// How a change's effect is read.
#[derive(Debug)]
struct Read {
    plan: Arc<CapturePlan>,
    texts: CaptureTexts,
    settings: Arc<TextSettings>,
    /// Its rows have to be read before it runs.
    reads_before: bool,
    /// It can't change more rows than are kept: it needn't wait for those that are read.
    is_few: bool,
    /// The rows that foreign keys change along, where they may be read.
    cascades: Option<Arc<Cascades>>,
}

/// What a released change may do. More than that is taken back.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowance {
    /// So many rows.
    pub(super) rows_max: Option<u64>,
    /// No more than the text proves, where that can be told before it is kept.
    pub(super) proven_max: Option<u64>,
    /// Just this: see [`durward_change::Effect`].
    pub(super) effect: Option<String>,
    /// By this request.
    pub(super) request: Option<RequestId>,
    /// Only if what it drops or empties is kept aside.
    pub(super) keeps_aside: bool,
}

impl Allowance {
    fn binds(&self) -> bool {
        self.rows_max.is_some() || self.effect.is_some() || self.keeps_aside
    }
}

/// How a change has ended.
#[derive(Debug)]
enum Ran {
    /// It is done, or the server has said why not.
    Done,
    /// It did, or would have done, more than it may; it is still to be taken back.
    Exceeded(String),
}

/// A recorded message that brings a change.
pub(super) struct Permitted<'a> {
    pub(super) recorded: Recorded<Vec<Permit>>,
    pub(super) number: StatementId,
    pub(super) masks: &'a MessageMasks,
    pub(super) statement: &'a AnalyzedStatement,
    pub(super) place: TextPlace<'a>,
    pub(super) literals: KeyedDigest,
    pub(super) parameters: Option<KeyedDigest>,
}

/// The rows of a change as they are before it.
pub(super) enum Before {
    Rows(Vec<Row>),
    /// They are asked for in the same flight as the change.
    Awaited,
    /// More than are kept.
    TooMany,
    /// The server failed.
    Failed,
}

impl Session {
    /// Whether changes of this session are kept.
    pub(super) fn keeps_changes(&self) -> bool {
        let undo = self.gateway.undo.as_ref();
        undo.is_some_and(|undo| undo.scope.covers(self.principal.kind()))
    }

    /// How the effect of a message is read and bounded.
    pub(super) async fn capture_of(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (masks, rows_max): (&MessageMasks, i32),
    ) -> Result<Course, End> {
        let mut allowance = std::mem::take(&mut self.allowance);
        // What its text proves is held to: a proof that is wrong lets nothing pass.
        let mut subjects = commands.iter().flatten();
        // Their tags tell the rows that they change.
        let told = ["INSERT", "UPDATE", "DELETE", "MERGE", "EXECUTE"];
        let is_told = subjects.all(|subject| told.contains(&&*subject.facts.command));
        let is_bound = self.principal.kind() != PrincipalKind::Operator && allowance.rows_max.is_none();
        if self.keeps_changes() && is_told && is_bound && commands.len() == 1 {
            allowance.proven_max = proven_rows(commands);
        }
        let copies = copies(commands);
        if copies {
            self.bound_copy(allowance.rows_max);
        }
        let changes = commands.iter().flatten().any(|subject| changes(&subject.facts));
        if !changes || !(self.keeps_changes() || allowance.binds()) {
            return Ok(Course::Plain(None));
        }
        if self.status == TransactionStatus::Failed || self.replies.is_skipping() {
            return Ok(Course::Plain(None));
        }
        match self.aside_of(commands, sent, (masks, rows_max)).await {
            Some(Ok(aside)) => {
                return Ok(Course::Captured(Capture {
                    read: Err("what it drops or empties isn't kept".to_owned()),
                    inverse: None,
                    aside: Some(Box::new(aside)),
                    allowance,
                }));
            }
            Some(Err(reason)) if !allowance.binds() => return Ok(Course::Plain(Some(reason))),
            Some(Err(_)) | None => {}
        }
        match self.inverse_of(commands, sent, (masks, rows_max)).await {
            Some(Ok(inverse)) => {
                return Ok(Course::Captured(Capture {
                    read: Err("it changes definitions".to_owned()),
                    inverse: Some(Box::new(inverse)),
                    aside: None,
                    allowance,
                }));
            }
            Some(Err(reason)) if !allowance.binds() => return Ok(Course::Plain(Some(reason))),
            Some(Err(_)) | None => {}
        }
        let read = self.read_of(commands, sent, (masks, rows_max)).await?;
        let is_single = commands.len() == 1;
        Ok(match read {
            Ok(read) => Course::Captured(Capture {
                read: Ok(read),
                inverse: None,
                aside: None,
                allowance,
            }),
            // The rows of a COPY from the client are counted as they come; what else it changes isn't, so that only people
            // who know that let it pass.
            Err(_) if allowance.binds() && allowance.request.is_none() && sets_off_more(commands) => Course::Unbounded,
            Err(reason) if copies || !(allowance.binds() || allowance.proven_max.is_some()) => {
                Course::Plain(self.keeps_changes().then_some(reason))
            }
            // A stream or a cursor may change rows behind what is counted.
            Err(_) if allowance.binds() && commands.iter().flatten().any(runs_later) => Course::Unbounded,
            // Its rows can be counted all the same.
            Err(reason) if is_single && masks.rewritten.is_none() && rows_max == 0 => Course::Captured(Capture {
                read: Err(reason),
                inverse: None,
                aside: None,
                allowance,
            }),
            Err(reason) if is_proven(commands, &allowance) => Course::Plain(self.keeps_changes().then_some(reason)),
            Err(_) => Course::Unbounded,
        })
    }

    /// How the effect of a message is read, or why it isn't.
    async fn read_of(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (masks, rows_max): (&MessageMasks, i32),
    ) -> Result<Result<Read, String>, End> {
        let not = |reason: &str| Ok(Err(reason.to_owned()));
        let [command] = commands else {
            return not("several commands in one message");
        };
        let [own] = command.as_slice() else {
            return not("it runs what was prepared or opened before");
        };
        if !matches!(&*own.facts.command, "INSERT" | "UPDATE" | "DELETE" | "MERGE") {
            return not(&format!("the effect of {} isn't kept", own.facts.command));
        }
        if masks.rewritten.is_some() || matches!(sent, Sent::Before { portal } if portal.prepared.masked.is_some()) {
            return not("it was rewritten because it computes on masked columns");
        }
        if matches!(sent, Sent::Before { portal } if portal.is_cursor) || Given::with(sent).is_none() {
            return not("its parameters aren't known any more");
        }
        let text = sent.text();
        let plan = match self.capture_plan(own, &text).await {
            Ok(plan) => plan,
            Err(reason) => return not(&reason),
        };
        if rows_max != 0 && plan.client_columns > 0 {
            return not("its rows are fetched a few at a time");
        }
        let Ok(texts) = plan.texts(&text) else {
            return not("its parts can't be told apart");
        };
        let Some((may, settings)) = self.text_settings((plan.relation.oid, Reach::Read)).await? else {
            return not("the session's settings can't be read");
        };
        if !may {
            return not("the database account may not read all columns of its table, or not all rows");
        }
        let few = matches!(own.facts.rows_written, RowBound::AtMost(rows) if rows <= UNDO_ROWS_MAX);
        let cascades = self.followed(&plan).await?;
        let reads_before = match (plan.kind, plan.images) {
            _ if cascades.is_some() => true,
            (ChangeKind::Update, Images::New) => true,
            // Only to know whether there are too many.
            (ChangeKind::Update | ChangeKind::Delete, _) => plan.can_lock && !few,
            (ChangeKind::Insert | ChangeKind::Mixed, _) => false,
        };
        Ok(Ok(Read {
            plan,
            texts,
            settings,
            reads_before,
            is_few: few,
            cascades,
        }))
    }

    /// The plan for a text, made once for each shape.
    pub(super) async fn capture_plan(&mut self, own: &Subject, text: &str) -> Result<Arc<CapturePlan>, String> {
        let plan = match self.changes.plan(&own.facts) {
            Some(plan) => plan,
            None => {
                let made = self.gateway.analyzer.capture_plan(text, &self.sight.context).await;
                let made = made.map_err(|_| "its parts can't be told apart".to_owned())?;
                let plan = made.map(Arc::new);
                self.changes.remember(&own.facts, plan.clone());
                plan
            }
        };
        plan.map_err(|reason| reason.to_string())
    }

    /// Whether the session's role may read what is to be kept, and how values are written.
    pub(super) async fn text_settings(
        &mut self,
        table: (Oid, Reach),
    ) -> Result<Option<(bool, Arc<TextSettings>)>, End> {
        let role = Arc::clone(&self.sight.context.settings.current_user);
        let generation = self.sight.context.catalog.generation();
        if let Some(known) = self.changes.known(table, &role, generation) {
            return Ok(Some(known));
        }
        let Ok(answers) = self.ask(&[OwnQuery::CaptureTerms(table.0, table.1)]).await? else {
            return Ok(None);
        };
        let row = answers.first().and_then(|rows| rows.first());
        let fields: Option<Vec<String>> = row.and_then(|row| {
            let text = |field: &Option<bytes::Bytes>| Some(std::str::from_utf8(field.as_deref()?).ok()?.to_owned());
            row.iter().map(text).collect()
        });
        let Some([may, values @ ..]) = fields.as_deref() else {
            return Ok(None);
        };
        let names = OwnQuery::TEXT_SETTINGS.iter().map(|name| (*name).to_owned());
        let values: Vec<(String, String)> = names.zip(values.iter().cloned()).collect();
        let value = |name: &str| {
            values
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let is_exact = value("DateStyle").is_some_and(|style| style.starts_with("ISO"))
            && value("extra_float_digits").and_then(|digits| digits.parse::<i32>().ok()) >= Some(1);
        let may = may == "t";
        let settings = self.changes.learn(table, &role, may, TextSettings { values, is_exact });
        Ok(Some((may, settings)))
    }

    /// Runs a change that came as a simple query. False where it was taken back, and is to be judged anew by what it has
    /// turned out to do.
    pub(super) async fn run_captured_query(&mut self, capture: Capture, permitted: Permitted<'_>) -> Result<bool, End> {
        self.settle().await?;
        let ends_transaction = self.status == TransactionStatus::Idle;
        // A simple query hears of columns, and of none of their absence.
        let of_query = Answers {
            describe: true,
            ..Answers::default()
        };
        match self
            .run_captured(capture, permitted, &Given::default(), (of_query, ends_transaction))
            .await?
        {
            Ran::Exceeded(_) if ends_transaction && self.waits() => {
                self.roll_back_quietly().await?;
                return Ok(false);
            }
            Ran::Exceeded(why) => self.take_back(exceeded(&why)),
            Ran::Done if ends_transaction && !self.replies.is_skipping() => {
                self.keep_changes().await?;
            }
            Ran::Done => {}
        }
        self.server.own_sync();
        self.replies.push(Expected::Sync);
        self.leave_nothing();
        self.client.open_gate();
        Ok(true)
    }

    /// Runs a change whose portal the client has made.
    pub(super) async fn run_captured_portal(
        &mut self,
        capture: Capture,
        permitted: Permitted<'_>,
        (name, portal): (&[u8], &Arc<Portal>),
    ) -> Result<(), End> {
        let given = Given::of(portal).unwrap_or_default();
        self.unbound = false;
        // The portal itself never runs.
        let gone = self.names.set_portal(name, None);
        let answers = self.answer_held_back();
        if let Ran::Exceeded(why) = self.run_captured(capture, permitted, &given, (answers, false)).await? {
            self.take_back(exceeded(&why));
        }
        drop(gone);
        self.client.open_gate();
        Ok(())
    }

    /// What the client hears waits behind a gate until the effect is known to be what it may be.
    async fn run_captured(
        &mut self,
        capture: Capture,
        permitted: Permitted<'_>,
        given: &Given<'_>,
        (answers, commits): (Answers, bool),
    ) -> Result<Ran, End> {
        self.client.close_gate();
        self.server.follow_catalog(self.sight.context.catalog.generation());
        let Capture {
            read,
            inverse,
            aside,
            allowance,
        } = capture;
        let Permitted {
            recorded,
            number,
            masks,
            statement,
            place,
            literals,
            parameters,
        } = permitted;
        let mut capturing = Capturing::unread("", &statement.facts);
        capturing.request = allowance.request;
        let clients = statement.facts.output.len();
        capturing.client_columns = u16::try_from(clients).unwrap_or(u16::MAX);
        // The rows that a statement's tag tells aren't all that it changes.
        let may_change_more =
            !matches!(&read, Ok(read) if read.plan.besides.is_empty() && read.plan.cascades.is_none());
        let looks_around = allowance.rows_max.is_some() && may_change_more;
        let mut sent = (place.text, 0);
        let mut settings = None;
        let mut is_before_awaited = false;
        match &read {
            Ok(read) => {
                settings = Some(Arc::clone(&read.settings));
                capturing.plan = Ok(Arc::clone(&read.plan));
                let compares = allowance.effect.is_some() && read.plan.can_lock;
                let before = match &read.texts.rows {
                    Some(rows) if read.reads_before || compares => {
                        self.ask_for_rows(&recorded, rows, given);
                        if read.is_few && !compares && !looks_around && read.cascades.is_none() {
                            Before::Awaited
                        } else {
                            self.rows_before().await?
                        }
                    }
                    Some(_) | None => Before::Rows(Vec::new()),
                };
                match before {
                    Before::Failed => {
                        // The server has said why, and aborted what an error aborts.
                        self.record_outcome(&Run::new(number), None, Some(sqlstate::QUERY_CANCELED));
                        return Ok(Ran::Done);
                    }
                    Before::TooMany => capturing.is_too_large = true,
                    Before::Awaited => {
                        is_before_awaited = true;
                        capturing.reads_rows = true;
                        sent = (read.texts.run.as_str(), read.plan.own_columns());
                    }
                    Before::Rows(rows) => {
                        let now = compares.then(|| effect_digest(&read.plan, &rows));
                        if now != allowance.effect && compares {
                            let why = "its rows, or what they would hold, aren't those that were approved any more";
                            self.remember_excess((literals, parameters), None, why);
                            self.record_outcome(&Run::new(number), None, Some(sqlstate::EFFECT_EXCEEDED));
                            return Ok(Ran::Exceeded(why.to_owned()));
                        }
                        if let Some(cascades) = &read.cascades {
                            match self.rows_carried(&recorded, cascades, &rows).await? {
                                Some(carried) => capturing.carried = carried,
                                None => {
                                    self.record_outcome(&Run::new(number), None, Some(sqlstate::QUERY_CANCELED));
                                    return Ok(Ran::Done);
                                }
                            }
                        }
                        capturing.before = rows;
                        capturing.reads_rows = true;
                        sent = (read.texts.run.as_str(), read.plan.own_columns());
                    }
                }
            }
            Err(reason) => capturing.plan = Err(reason.clone()),
        }
        let definitions = match &inverse {
            Some(inverse) => self.definitions_before(inverse).await?,
            None => None,
        };
        if let Some(aside) = &aside {
            match self.keep_aside(aside).await? {
                KeptAside::Kept(kept) => capturing.kept = Some(kept),
                KeptAside::Not(reason) if allowance.keeps_aside => {
                    let why = format!("what it takes can't be kept aside any more: {reason}");
                    self.remember_excess((literals, parameters), None, &why);
                    self.record_outcome(&Run::new(number), None, Some(sqlstate::EFFECT_EXCEEDED));
                    return Ok(Ran::Exceeded(why));
                }
                KeptAside::Not(reason) => capturing.plan = Err(reason),
                // Told below.
                KeptAside::Failed => {}
            }
        }
        let before = if looks_around { self.rows_changed().await? } else { None };
        if self.replies.is_skipping() {
            self.record_outcome(&Run::new(number), None, Some(sqlstate::QUERY_CANCELED));
            return Ok(Ran::Done);
        }
        let mut run = Run::new(number);
        masks.arm(0, place.text, &mut run);
        self.guarded |= run.guard.is_some();
        run.capturing = Some(Box::new(capturing));
        let results = match sent.1 {
            0 => given.results.clone(),
            own => given.result_formats(clients, own),
        };
        let values = (given.formats.as_slice(), given.values.as_slice());
        self.close_left();
        self.server.captured(recorded, (sent.0, given.types), values, &results);
        self.apply_effects(statement, place, literals, &mut run);
        self.replies.push(Expected::Captured {
            run: Box::new(run),
            answers,
        });
        while self.replies.awaits_captured() {
            if self.client.is_congested() {
                self.client.open_gate();
            }
            self.turn(Listen::Server).await?;
        }
        let Some(mut run) = self.captured.take() else {
            return Ok(Ran::Done);
        };
        self.server.texts_are_there();
        if let Some(capturing) = run.capturing.as_mut().filter(|_| is_before_awaited) {
            match self.taken_before() {
                Before::Rows(rows) => capturing.before = rows,
                Before::TooMany => capturing.is_too_large = true,
                Before::Awaited | Before::Failed => {
                    return Err(End::ServerFault("a change without its rows before it"));
                }
            }
        }
        if let Some(capturing) = run.capturing.as_mut()
            && !self.rows_left(capturing).await?
        {
            self.record_outcome(&run, None, Some(sqlstate::QUERY_CANCELED));
            return Ok(Ran::Done);
        }
        if let Some(kept) = run.capturing.as_mut().and_then(|capturing| capturing.kept.as_mut())
            && !self.keep_behind(kept).await?
        {
            self.record_outcome(&run, None, Some(sqlstate::QUERY_CANCELED));
            return Ok(Ran::Done);
        }
        if let (Some(inverse), Some(before), Some(capturing)) = (&inverse, definitions, run.capturing.as_mut()) {
            capturing.definitions = self.definitions_after(inverse, &before).await?;
            if self.replies.is_skipping() {
                self.record_outcome(&run, None, Some(sqlstate::QUERY_CANCELED));
                return Ok(Ran::Done);
            }
        }
        let mut affected = run.capturing.as_ref().map_or(0, |capturing| capturing.affected);
        if looks_around && !commits {
            self.note_deferred(allowance.rows_max);
        } else if looks_around && let Err(failure) = self.do_deferred().await? {
            self.record_outcome(&run, None, Some(&failure));
            return Ok(Ran::Done);
        }
        if looks_around {
            affected = match (self.rows_changed().await?, before) {
                (Some(after), Some(before)) => most_changed(&before, &after).max(affected),
                // What can't be told may be any number.
                _ => u64::MAX,
            };
        }
        let most = allowance.rows_max.into_iter().chain(allowance.proven_max).min();
        if let Some(rows_max) = most.filter(|rows_max| affected > *rows_max) {
            let changed = number_of_rows(affected);
            let why = format!("it changed {changed}, and may change {rows_max}");
            self.remember_excess((literals, parameters), Some(affected), &why);
            self.record_outcome(&run, None, Some(sqlstate::EFFECT_EXCEEDED));
            return Ok(Ran::Exceeded(why));
        }
        if let Err(refusal) = self.change_of(run, settings.as_deref().unwrap_or(&TextSettings::default())) {
            self.take_back(refusal);
        }
        Ok(Ran::Done)
    }

    /// How many rows of each table the open transaction has changed, and those before it that the server hasn't reported
    /// yet: it does that only between transactions. `None` where it doesn't say.
    pub(super) async fn rows_changed(&mut self) -> Result<Option<HashMap<String, u64>>, End> {
        let Ok(answers) = self.ask_within(&[OwnQuery::RowsChanged]).await? else {
            return Ok(None);
        };
        let mut counts: HashMap<String, u64> = HashMap::new();
        for row in answers.into_iter().flat_map(texts) {
            let [Some(table), Some(rows)] = row.as_slice() else {
                return Ok(None);
            };
            let Ok(rows) = rows.parse::<u64>() else {
                return Ok(None);
            };
            *counts.entry(table.clone()).or_default() += rows;
        }
        Ok(Some(counts))
    }

    /// Rolls a single statement back that has run outside of a block, without the client hearing anything.
    pub(super) async fn roll_back_quietly(&mut self) -> Result<(), End> {
        self.client.forget_gated();
        let rolled_back = self.ask(&[OwnQuery::Rollback]).await?;
        if rolled_back.is_ok() {
            self.server.own_sync();
            self.replies.push(Expected::ProbeSync);
            while self.replies.awaits_own() {
                self.turn(Listen::Server).await?;
            }
        }
        self.client.open_gate();
        if rolled_back.is_err() || self.status != TransactionStatus::Idle {
            return Err(End::ServerFault("a change that can't be rolled back"));
        }
        Ok(())
    }

    /// When the statement comes again it is held by this.
    fn remember_excess(&mut self, statement: ExcessKey, rows: Option<u64>, why: &str) {
        let why = why.to_owned();
        self.changes.remember_excess(statement, Excess { rows, why });
    }

    /// Makes the server undo what has run, and the client hear why instead of what it did.
    pub(super) fn take_back(&mut self, refusal: Refusal) {
        self.deferred_rows_max = None;
        self.client.forget_gated();
        self.server.refused_extended();
        self.replies.push(Expected::RefusedExtended {
            refusal: Box::new(refusal),
        });
    }

    /// Asks for the rows that a change is about to touch, locked.
    fn ask_for_rows(&mut self, recorded: &Recorded<Vec<Permit>>, rows: &RowsText, given: &Given<'_>) {
        let (types, formats, values) = given.only(&rows.parameters);
        self.close_left();
        self.probe = super::probe::Probe::default();
        let text = rows.locking(UNDO_ROWS_MAX);
        self.server
            .before_images(recorded, (&text, &types), (&formats, &values));
        self.replies.push(Expected::Before);
    }

    /// Waits for them.
    pub(super) async fn rows_before(&mut self) -> Result<Before, End> {
        while self.replies.awaits_before() {
            self.turn(Listen::Server).await?;
        }
        Ok(self.taken_before())
    }

    /// What has come of them.
    fn taken_before(&mut self) -> Before {
        let Some(answers) = std::mem::take(&mut self.probe).into_answers(1) else {
            return Before::Failed;
        };
        let rows = answers.into_iter().next().unwrap_or_default();
        if u64::try_from(rows.len()).is_ok_and(|count| count > UNDO_ROWS_MAX) {
            return Before::TooMany;
        }
        Before::Rows(texts(rows))
    }
}

/// Whether rows come from the client by COPY.
fn copies(commands: &[Vec<Subject>]) -> bool {
    let mut subjects = commands.iter().flatten();
    subjects.any(|subject| subject.copies_in)
}

/// Whether code that a COPY from the client runs or sets off changes rows besides.
pub(super) fn sets_off_more(commands: &[Vec<Subject>]) -> bool {
    let mut subjects = commands.iter().flatten();
    subjects.any(|subject| subject.copies_in && changes_besides(subject))
}

fn changes_besides(subject: &Subject) -> bool {
    let mut relations = subject.facts.relations.iter();
    relations.any(|usage| {
        let holds_rows = usage.relation.kind != RelationKind::Sequence;
        holds_rows && !usage.direct && usage.modes.changes()
    })
}

/// Whether a statement runs its query as its rows go out, or at the end of its transaction.
fn runs_later(subject: &Subject) -> bool {
    !subject.copies_in && matches!(&*subject.facts.command, "COPY" | "DECLARE CURSOR")
}

/// Whether a message can't do more than it may, whatever the tables hold.
fn is_proven(commands: &[Vec<Subject>], allowance: &Allowance) -> bool {
    let proven = proven_rows(commands);
    allowance.effect.is_none() && proven.is_some_and(|rows| allowance.rows_max.is_none_or(|most| rows <= most))
}

/// The most rows that a message changes, where its texts alone say that: by their conditions, and with nothing that is
/// changed besides.
pub(super) fn proven_rows(commands: &[Vec<Subject>]) -> Option<u64> {
    commands.iter().flatten().try_fold(0_u64, |sum, subject| {
        let facts = &subject.facts;
        let mut changed = facts.relations.iter().filter(|usage| usage.modes.changes());
        match facts.rows_written {
            RowBound::AtMost(rows) if facts.opaque.is_empty() && changed.all(|usage| usage.direct) => {
                sum.checked_add(rows)
            }
            RowBound::AtMost(_) | RowBound::Unbounded => None,
        }
    })
}

/// What a client is told whose change can't be bounded in the form in which it came.
pub(super) fn unbounded() -> Refusal {
    Refusal::not_understood(
        "rows-unbounded",
        "how many rows this changes can't be bounded in this form",
    )
    .with_hint(
        "Send the change by itself, with all of its rows fetched at once, and without computing on masked columns.",
    )
}

/// Whether a statement changes something that could be taken back.
pub(super) fn changes(facts: &StatementFacts) -> bool {
    match facts.class {
        StatementClass::Write | StatementClass::Ddl | StatementClass::Privilege => true,
        StatementClass::Transaction
        | StatementClass::Session
        | StatementClass::Read
        | StatementClass::Maintenance
        | StatementClass::Unknown => false,
    }
}

/// Rows of a query of our own, as text.
pub(super) fn texts(rows: Vec<TextRow>) -> Vec<Row> {
    let text = |value: Option<bytes::Bytes>| value.map(|value| String::from_utf8_lossy(&value).into_owned());
    rows.into_iter()
        .map(|row| row.into_iter().map(text).collect())
        .collect()
}

/// The rows of that table of which most have changed.
pub(super) fn most_changed(before: &HashMap<String, u64>, after: &HashMap<String, u64>) -> u64 {
    let changed = after
        .iter()
        .map(|(table, rows)| rows.saturating_sub(before.get(table).copied().unwrap_or_default()));
    changed.max().unwrap_or_default()
}

/// The most rows of a table, in words.
pub(super) fn number_of_rows(rows: u64) -> String {
    match rows {
        u64::MAX => "a number of rows that can't be told".to_owned(),
        rows => format!("{rows} rows of a table"),
    }
}

/// What a client is told whose change did more than it may.
pub(super) fn exceeded(why: &str) -> Refusal {
    Refusal::new(
        sqlstate::EFFECT_EXCEEDED,
        "effect-exceeded",
        format!("this was taken back: {why}"),
    )
    .with_hint("Send it again, by itself and outside of a transaction, to ask for its approval.")
}
