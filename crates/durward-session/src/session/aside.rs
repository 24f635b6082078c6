//! Keeps aside what a statement is about to drop or empty: in the same transaction, by statements of the gateway's own
//! right before it, so that both are committed or neither.

use durward_audit::Moment;
use durward_change::undo::{Images, KeptCheck, KeptImage, KeptPlace, KeptRows};
use durward_model::KEPT_SCHEMA_PREFIX;
use durward_sql::{Aside, AsidePlan, AsideWeight, Probe};

use super::capture::texts;
use super::judge::unix_seconds;
use super::masking::{MessageMasks, Sent};
use super::subjects::Subject;
use super::{End, OwnQuery, Session};
use crate::replies::Expected;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// What has come of keeping something aside.
#[derive(Debug)]
pub(super) enum KeptAside {
    /// It is kept, once the transaction commits.
    Kept(Box<Kept>),
    /// It isn't, and why; nothing was done.
    Not(String),
    /// The server has failed, and said why.
    Failed,
}

/// What is kept aside, until the statement has run.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) image: KeptImage,
    pub(crate) places: Vec<KeptPlace>,
    /// How many rows were copied.
    pub(crate) rows: u64,
    /// What is to be done right behind the statement.
    pub(crate) then: Vec<String>,
    /// What of the statement isn't.
    pub(crate) besides: Vec<String>,
}

impl Kept {
    /// As it is kept in the vault.
    pub(crate) fn images(self) -> Images {
        Images {
            kept: vec![self.image],
            ..Images::default()
        }
    }
}

impl Session {
    /// How what a message drops or empties is kept aside, or why it can't be; `None` for one that does neither.
    pub(super) async fn aside_of(
        &self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (masks, rows_max): (&MessageMasks, i32),
    ) -> Option<Result<AsidePlan, String>> {
        let [command] = commands else {
            return None;
        };
        let [own] = command.as_slice() else {
            return None;
        };
        // Of what an undo removes, no data is lost that isn't taken back itself.
        if !matches!(&*own.facts.command, "DROP TABLE" | "TRUNCATE TABLE" | "ALTER TABLE")
            || !self.keeps_changes()
            || self.is_undo()
        {
            return None;
        }
        if masks.rewritten.is_some() || rows_max != 0 || !self.sight.own_queries_are_safe() {
            return None;
        }
        if matches!(sent, Sent::Before { portal } if portal.is_cursor || portal.prepared.masked.is_some()) {
            return None;
        }
        let analyzer = &self.gateway.analyzer;
        let plan = analyzer.aside_plan(&sent.text(), &self.sight.context).await;
        let plan = plan.ok().flatten()?;
        let bounds = self.gateway.undo.as_ref().map(|undo| undo.aside)?;
        if bounds.statement_bytes_max == 0 {
            return Some(Err(
                "keeping aside is switched off (option undo_kept_mebibytes)".to_owned()
            ));
        }
        Some(plan)
    }

    /// What approvers are told of it beforehand.
    pub(super) async fn aside_foreseen(&mut self, plan: &AsidePlan) -> Result<String, End> {
        if self.replies.in_pipeline() || self.replies.is_skipping() {
            return Ok("not known before it runs: it stands in a pipeline".to_owned());
        }
        let Probe { text, values } = plan.terms();
        let query = OwnQuery::Rows(text.into(), values);
        let Ok(answers) = self.ask(&[query]).await? else {
            return Ok("none: whether it can be kept aside isn't known".to_owned());
        };
        let rows = answers.into_iter().flat_map(texts).collect();
        let judged = self.weighed(plan, &rows);
        Ok(match (judged, plan.besides.as_slice()) {
            (Err(reason), _) => format!("none: {reason}"),
            (Ok(_), []) => format!("full: {} until {}", KEPT_ASIDE, self.kept_until()),
            (Ok(_), besides) => format!(
                "partial: {} until {}, but not {}",
                KEPT_ASIDE,
                self.kept_until(),
                besides.join(", ")
            ),
        })
    }

    /// Keeps it, right before the statement runs.
    pub(super) async fn keep_aside(&mut self, plan: &AsidePlan) -> Result<KeptAside, End> {
        // First without a lock: what can't be kept isn't waited for twice.
        let terms = plan.terms();
        let Some(found) = self.asked_of_catalog(&terms).await? else {
            return Ok(KeptAside::Failed);
        };
        if let Err(reason) = self.weighed(plan, &found) {
            return Ok(KeptAside::Not(reason));
        }
        if self.run_aside(vec![plan.lock()]).await?.is_none() {
            return Ok(KeptAside::Failed);
        }
        let (Some(found), Some(parts)) = (
            self.asked_of_catalog(&terms).await?,
            self.asked_of_catalog(&plan.parts()).await?,
        ) else {
            return Ok(KeptAside::Failed);
        };
        let weight = match self.weighed(plan, &found) {
            Ok(weight) => weight,
            Err(reason) => return Ok(KeptAside::Not(reason)),
        };
        let until = self.kept_until();
        let Some(schemas) = new_schemas(plan.tables.len(), &until) else {
            return Ok(KeptAside::Not("the system gives no random numbers".to_owned()));
        };
        let comment = format!("{COMMENT}: {} until {until}", plan.in_words());
        let aside = plan.aside(&weight, &parts, (&schemas, &comment));
        let Some(counts) = self.run_aside(aside.keep.clone()).await? else {
            return Ok(KeptAside::Failed);
        };
        let copied = aside.copies.iter().filter_map(|at| counts.get(*at)).sum();
        let search_path = self.sight.context.settings.search_path_setting.to_string();
        Ok(KeptAside::Kept(Box::new(kept(
            aside,
            plan,
            (search_path, &until, copied),
        ))))
    }

    /// Keeps what the statement has made of it, once it has run: false where the server has failed, and said why.
    pub(super) async fn keep_behind(&mut self, kept: &mut Kept) -> Result<bool, End> {
        let texts = std::mem::take(&mut kept.then);
        Ok(texts.is_empty() || self.run_aside(texts).await?.is_some())
    }

    fn weighed(&self, plan: &AsidePlan, found: &durward_sql::ProbeRows) -> Result<AsideWeight, String> {
        let bounds = self.gateway.undo.as_ref().map(|undo| undo.aside);
        let bounds = bounds.ok_or("changes are not kept")?;
        plan.judge(found, bounds)
    }

    /// The last day on which what is kept now is there.
    fn kept_until(&self) -> String {
        let days = self.gateway.undo.as_ref().map_or(0, |undo| undo.vault.kept_days());
        let now = unix_seconds().unwrap_or_default();
        day(now.saturating_add(i64::from(days) * DAY_SECONDS))
    }

    fn is_undo(&self) -> bool {
        !self.changes.undoes.is_empty()
    }

    /// Runs texts of our own in the transaction in which the statement will; what fails fails for the client.
    async fn run_aside(&mut self, texts: Vec<String>) -> Result<Option<Vec<u64>>, End> {
        self.close_left();
        self.probe = super::probe::Probe::default();
        let count = texts.len();
        for text in texts {
            self.server.own_extended(&OwnQuery::Aside(text.into()));
            self.replies.push(Expected::Before);
        }
        while self.replies.awaits_before() {
            self.turn(super::Listen::Server).await?;
        }
        Ok(std::mem::take(&mut self.probe).into_counts(count))
    }
}

/// What schemas of the gateway's own are for, as their comments begin: none without it is ever removed.
pub(crate) const COMMENT: &str = "Kept aside by Durward";

/// How an undo begins that rests on what is kept aside.
const KEPT_ASIDE: &str = "kept aside";

/// Whether an undo that approvers were told of does.
pub(super) fn rests_on_aside(undo: &str) -> bool {
    let (_, how) = undo.split_once(": ").unwrap_or_default();
    !undo.starts_with("none") && how.starts_with(KEPT_ASIDE)
}

/// A time's day, such as 2026-12-03.
pub(crate) fn day(unix_seconds: i64) -> String {
    let microseconds = u64::try_from(unix_seconds)
        .unwrap_or_default()
        .saturating_mul(1_000_000);
    let moment = Moment(microseconds).to_string();
    moment.split('T').next().unwrap_or_default().to_owned()
}

/// Names that say until when they are there, and that nobody has.
fn new_schemas(count: usize, until: &str) -> Option<Vec<String>> {
    let digits: String = until.chars().filter(char::is_ascii_digit).collect();
    let name = |_| {
        let mut random = [0; 6];
        getrandom::fill(&mut random).ok()?;
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{KEPT_SCHEMA_PREFIX}{digits}_{random}"))
    };
    (0..count).map(name).collect()
}

fn kept(aside: Aside, plan: &AsidePlan, (search_path, until, copied): (String, &str, u64)) -> Kept {
    let places = aside.places.into_iter();
    let places: Vec<KeptPlace> = places
        .map(|(schema, bytes)| KeptPlace {
            schema,
            bytes,
            until: until.to_owned(),
        })
        .collect();
    let checks = aside.checks.into_iter().map(|check| KeptCheck {
        text: check.text,
        rows: check.rows,
        why: check.why,
    });
    let rows = aside.rows.into_iter().map(|rows| KeptRows {
        name: rows.name,
        oid: rows.oid.0,
        table: rows.table,
        copy: rows.copy,
        columns: rows.columns,
        keys: rows.keys,
    });
    Kept {
        image: KeptImage {
            what: aside.what,
            schemas: places.iter().map(|place| place.schema.clone()).collect(),
            search_path,
            checks: checks.collect(),
            undo: aside.undo,
            rows: rows.collect(),
            holds_copies: aside.holds_copies,
        },
        places,
        rows: copied,
        then: aside.then,
        besides: plan.besides.clone(),
    }
}
