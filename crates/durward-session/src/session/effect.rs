//! What a held change would do to rows: read beforehand, without changing or locking any, for whoever is to approve it.

use durward_change::undo::Row;
use durward_change::{Binding, Effect, MeasuredRows, Sample};
use durward_sql::{CapturePlan, ChangeKind, CountReach};
use durward_wire::postgres::backend::TransactionStatus;

use super::capture::texts;
use super::given::Given;
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, OwnQuery, Session};
use crate::changes::UNDO_ROWS_MAX;
use crate::limits::{EFFECT_CHARACTERS_MAX, EFFECT_ROWS_MAX, EFFECT_SAMPLES_MAX};
use crate::masks::holding;

impl Session {
    /// The effect of a message that changes a known number of rows, where it can be read.
    pub(super) async fn measured_effect(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        rows: &MeasuredRows,
    ) -> Result<Option<Effect>, End> {
        let (MeasuredRows::Counted(count) | MeasuredRows::AtMost(count)) = *rows else {
            return Ok(None);
        };
        let [command] = commands else {
            return Ok(None);
        };
        let [own] = command.as_slice() else {
            return Ok(None);
        };
        if count > EFFECT_ROWS_MAX || self.replies.in_pipeline() || self.replies.is_skipping() {
            return Ok(None);
        }
        let text = sent.text();
        let Ok(plan) = self.capture_plan(own, &text).await else {
            return Ok(None);
        };
        let rows = plan.texts(&text).ok().and_then(|texts| texts.rows);
        let (Some(rows), true, false) = (rows, plan.can_lock, plan.key.is_empty()) else {
            return Ok(None);
        };
        // Whoever asks must be allowed to read the condition; what comes of it is for approvers alone.
        let counted = self
            .gateway
            .analyzer
            .count_text(&text, &self.sight.context, (count, CountReach::Source))
            .await;
        let may = match counted {
            Ok(Ok(counted)) => self.judge_count(&counted, own).await?,
            Ok(Err(_)) | Err(_) => return Ok(None),
        };
        let (Ok(verdict), Some(given)) = (may, Given::with(sent)) else {
            return Ok(None);
        };
        let in_block = self.status == TransactionStatus::InTransaction;
        if in_block && self.ask(&[OwnQuery::Savepoint]).await?.is_err() {
            return Ok(None);
        }
        let only = given.only(&rows.parameters);
        let found = self.read_within_limits((&rows.reading(count), only), verdict).await?;
        if in_block {
            let back = [OwnQuery::RollBackToSavepoint, OwnQuery::ReleaseSavepoint];
            if self.ask(&back).await?.is_err() {
                return Err(End::ServerFault("a savepoint of the gateway's is gone"));
            }
        }
        let Some(found) = found else {
            return Ok(None);
        };
        let found = texts(found);
        if u64::try_from(found.len()).is_ok_and(|found| found > count) {
            return Ok(None);
        }
        let mut effect = self.effect(&plan, &found);
        if let Some(cascades) = plan.cascades.clone() {
            let carried = self.rows_going_along(&cascades, &found).await?;
            effect.carried = carried.unwrap_or_default();
        }
        Ok(Some(effect))
    }

    fn effect(&self, plan: &CapturePlan, rows: &[Row]) -> Effect {
        let shown: Vec<usize> = match plan.kind {
            ChangeKind::Update => plan.written.to_vec(),
            _ => (0..plan.columns.len())
                .filter(|place| !plan.key.contains(place))
                .collect(),
        };
        let name = |place: &usize| plan.columns.get(*place).map(|column| column.name.to_string());
        let book = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        // What approvers may see isn't known here: nobody is shown what a label says that it holds.
        let value = |place: usize, value: Option<&Option<String>>| {
            let value = value?.clone()?;
            let column = (plan.relation.oid, plan.columns.get(place)?.number);
            let held = holding(&book, catalog, column, &[]);
            Some(held.map_or_else(|| clipped(value), |held| format!("[{}]", held.label.word())))
        };
        let samples = rows.iter().take(EFFECT_SAMPLES_MAX).map(|row| Sample {
            key: plan.key.iter().map(|place| value(*place, row.get(*place))).collect(),
            before: shown.iter().map(|place| value(*place, row.get(*place))).collect(),
            after: match plan.kind {
                ChangeKind::Update => shown
                    .iter()
                    .map(|place| {
                        let at = plan.new_values.iter().position(|new| new.column == *place)?;
                        Some(value(*place, row.get(plan.columns.len() + at)))
                    })
                    .collect(),
                _ => Vec::new(),
            },
        });
        let undo = match self.keeps_changes() {
            true => undo_in_words(plan),
            false => "none: this identity's changes are not kept".to_owned(),
        };
        Effect {
            digest: effect_digest(plan, rows),
            key: plan.key.iter().filter_map(name).collect(),
            columns: shown.iter().filter_map(name).collect(),
            samples: samples.collect(),
            undo,
            carried: Vec::new(),
        }
    }
}

/// The digest of an effect: which rows, what an UPDATE overwrites in them, and with what, as far as that is the same
/// whenever it is computed.
pub(super) fn effect_digest(plan: &CapturePlan, rows: &[Row]) -> String {
    let steady = plan.new_values.iter().enumerate().filter(|(_, new)| new.is_steady);
    let steady: Vec<usize> = steady.map(|(at, _)| plan.columns.len() + at).collect();
    let bound: Vec<usize> = plan.key.iter().chain(&plan.written).chain(&steady).copied().collect();
    let mut lines: Vec<Vec<Option<&str>>> = rows
        .iter()
        .map(|row| {
            bound
                .iter()
                .map(|place| row.get(*place).and_then(Option::as_deref))
                .collect()
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let mut binding = Binding::new();
    for line in lines {
        for value in line {
            match value {
                Some(value) => binding.part("value", value.as_bytes()),
                None => binding.part("null", b""),
            }
        }
    }
    binding.finish().to_string()
}

/// How much of what a plan reads could be taken back. Only what surely is all of it is just `full`.
pub(super) fn undo_in_words(plan: &CapturePlan) -> String {
    match (&*plan.besides, &plan.cascades) {
        ([], None) => "full".to_owned(),
        ([], Some(_)) => format!(
            "full, along with {} that foreign keys change, if they are at most {UNDO_ROWS_MAX}",
            plan.carried.join(", ")
        ),
        (besides, _) => format!("partial: not {}", besides.join(", ")),
    }
}

/// A value as far as people read it.
pub(super) fn clipped(value: String) -> String {
    match value.char_indices().nth(EFFECT_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value,
    }
}
