//! Keeps what takes a change of definitions back: the catalog is asked before and after it, in the same transaction.

use durward_change::undo::{DefinitionImage, Filled};
use durward_model::StatementClass;
use durward_sql::{InversePlan, Probe, ProbeRows};

use super::capture::texts;
use super::masking::{MessageMasks, Sent};
use super::subjects::Subject;
use super::{End, OwnQuery, Session};
use crate::changes::Definitions;

impl Session {
    /// How a message that changes definitions is taken back, or why it can't be; `None` for one that does something else.
    pub(super) async fn inverse_of(
        &self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (masks, rows_max): (&MessageMasks, i32),
    ) -> Option<Result<InversePlan, String>> {
        let [command] = commands else {
            return None;
        };
        let [own] = command.as_slice() else {
            return None;
        };
        if own.facts.class != StatementClass::Ddl || !self.keeps_changes() {
            return None;
        }
        if masks.rewritten.is_some() || rows_max != 0 || !self.sight.own_queries_are_safe() {
            return None;
        }
        if matches!(sent, Sent::Before { portal } if portal.is_cursor || portal.prepared.masked.is_some()) {
            return None;
        }
        let analyzer = &self.gateway.analyzer;
        analyzer.inverse_plan(&sent.text(), &self.sight.context).await.ok()
    }

    /// What the catalog says of each part before the change; `None` where the server has failed.
    pub(super) async fn definitions_before(&mut self, plan: &InversePlan) -> Result<Option<Vec<ProbeRows>>, End> {
        let mut before = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            match self.asked_of_catalog(&step.before).await? {
                Some(rows) => before.push(rows),
                None => return Ok(None),
            }
        }
        Ok(Some(before))
    }

    /// What takes the change back, once it has run; `None` where the server has failed.
    pub(super) async fn definitions_after(
        &mut self,
        plan: &InversePlan,
        before: &[ProbeRows],
    ) -> Result<Option<Definitions>, End> {
        let mut images = Vec::new();
        let mut besides = plan.besides.clone();
        for (step, before) in plan.steps.iter().zip(before) {
            let Some(after) = self.asked_of_catalog(&step.after_with(before)).await? else {
                return Ok(None);
            };
            match step.inverse(before, &after) {
                Ok(None) => {}
                Ok(Some(inverse)) => images.push(DefinitionImage {
                    what: inverse.what,
                    undo: inverse.undo,
                    search_path: self.sight.context.settings.search_path_setting.to_string(),
                    checks: inverse.checks,
                    fills: inverse.fills.map(|fills| Filled {
                        table: fills.table,
                        oid: fills.oid.0,
                        condition: fills.condition,
                        what: fills.what,
                    }),
                }),
                Err(reason) => besides.push(reason),
            }
        }
        Ok(Some(Definitions { images, besides }))
    }

    /// Rows of the catalog, in the transaction in which the statement runs; `None` where the server has failed.
    pub(super) async fn asked_of_catalog(&mut self, probe: &Probe) -> Result<Option<ProbeRows>, End> {
        let query = OwnQuery::Rows(probe.text.into(), probe.values.clone());
        let answers = self.ask_within(&[query]).await?;
        Ok(answers
            .ok()
            .map(|answers| answers.into_iter().flat_map(texts).collect()))
    }
}
