//! Reads the rows that foreign keys change along with a statement's own: locked before it, looked at again after it, in the
//! same transaction.

use std::sync::Arc;

use durward_audit::Recorded;
use durward_change::CarriedRows;
use durward_change::undo::Row;
use durward_policy::Permit;
use durward_sql::{CapturePlan, Cascades};

use super::capture::{Before, texts};
use super::{End, OwnQuery, Session};
use crate::cascades::{CascadeRows, Left};
use crate::changes::{Capturing, Carried, Reach, UNDO_ROWS_MAX};
use crate::replies::Expected;

/// The type `text[]` (`pg_type.dat`).
const TEXT_ARRAY: u32 = 1009;

impl Session {
    /// The cascades of a plan, where the session's role may read and lock the rows of all their tables.
    pub(super) async fn followed(&mut self, plan: &CapturePlan) -> Result<Option<Arc<Cascades>>, End> {
        let Some(cascades) = &plan.cascades else {
            return Ok(None);
        };
        for table in cascades.tables.iter().skip(1) {
            let terms = self.text_settings((table.relation.oid, Reach::Lock)).await?;
            if !terms.is_some_and(|(may, _)| may) {
                return Ok(None);
            }
        }
        Ok(Some(Arc::clone(cascades)))
    }

    /// Reads and locks the rows that refer to a statement's own, and those that refer to them. The outer `None`: the server
    /// has failed, and its client hears why; the inner: there are too many.
    pub(super) async fn rows_carried(
        &mut self,
        recorded: &Recorded<Vec<Permit>>,
        cascades: &Arc<Cascades>,
        own: &[Row],
    ) -> Result<Option<Option<Carried>>, End> {
        let mut rows = CascadeRows::new(cascades, own);
        while let Some(ask) = rows.next_ask() {
            let left = UNDO_ROWS_MAX.saturating_sub(rows.count());
            let key = cascades.keys.get(ask.key);
            let text = key.and_then(|key| cascades.referring_text(key, left, Some(&ask.event)));
            let Some(text) = text else {
                return Ok(Some(None));
            };
            let values: Vec<Option<&[u8]>> = ask.values.iter().map(|value| Some(value.as_bytes())).collect();
            self.close_left();
            self.probe = super::probe::Probe::default();
            let types = vec![TEXT_ARRAY; values.len()];
            self.server.before_images(recorded, (&text, &types), (&[], &values));
            self.replies.push(Expected::Before);
            match self.rows_before().await? {
                Before::Rows(found) => rows.answer(cascades, &ask, &found),
                Before::Failed => return Ok(None),
                Before::Awaited | Before::TooMany => return Ok(Some(None)),
            }
            if rows.count() > UNDO_ROWS_MAX {
                return Ok(Some(None));
            }
        }
        Ok(Some(Some(Carried {
            cascades: Arc::clone(cascades),
            rows,
            left: Left::default(),
        })))
    }

    /// How many rows would go along with a statement's own: read without locks, where no transaction is open. `None` where
    /// that can't be told.
    pub(super) async fn rows_going_along(
        &mut self,
        cascades: &Cascades,
        own: &[Row],
    ) -> Result<Option<Vec<CarriedRows>>, End> {
        if self.in_transaction() {
            return Ok(None);
        }
        let mut rows = CascadeRows::new(cascades, own);
        while let Some(ask) = rows.next_ask() {
            let left = UNDO_ROWS_MAX.saturating_sub(rows.count());
            let key = cascades.keys.get(ask.key);
            let Some(text) = key.and_then(|key| cascades.referring_text(key, left, None)) else {
                return Ok(None);
            };
            let queries = [OwnQuery::CountLimits, OwnQuery::Rows(text.into(), ask.values.clone())];
            let Ok(mut answers) = self.ask(&queries).await? else {
                return Ok(None);
            };
            rows.answer(cascades, &ask, &texts(answers.pop().unwrap_or_default()));
            if rows.count() > UNDO_ROWS_MAX {
                return Ok(None);
            }
        }
        Ok(Some(rows.summary(cascades)))
    }

    /// Looks at those rows again, once the statement has run. False where the server has failed.
    pub(super) async fn rows_left(&mut self, capturing: &mut Capturing) -> Result<bool, End> {
        let own = match &capturing.carried {
            Some(carried) if carried.rows.count() > 0 => capturing.own_images(),
            Some(_) | None => return Ok(true),
        };
        let Some(carried) = capturing.carried.as_mut() else {
            return Ok(true);
        };
        let cascades = Arc::clone(&carried.cascades);
        carried.left.note(&cascades, 0, &own);
        for table in 0..cascades.tables.len() {
            let Some(look) = carried.rows.look(&cascades, table, &carried.left) else {
                continue;
            };
            let Some(text) = cascades.keyed_text(look.table) else {
                continue;
            };
            let query = OwnQuery::Rows(text.into(), look.values);
            let Ok(answers) = self.ask_within(&[query]).await? else {
                return Ok(false);
            };
            let now: Vec<Row> = answers.into_iter().flat_map(texts).collect();
            carried.left.answer(&cascades, &carried.rows, table, now);
        }
        Ok(true)
    }
}
