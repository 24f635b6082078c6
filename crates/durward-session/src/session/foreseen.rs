//! What approvers are told that a held statement would do, looked at once for each open request.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_change::{DdlEffect, Effect, MeasuredRows, Request};
use durward_model::StatementClass;
use durward_sql::{CountReach, CountText};
use serde_json::Value;

use super::capture::changes;
use super::effect::undo_in_words;
use super::given::Given;
use super::masking::{MessageMasks, Sent};
use super::subjects::Subject;
use super::{End, Session};
use crate::ddl::DdlLook;

/// What a held statement would do, as far as that can be known without doing it.
#[derive(Debug)]
pub(super) struct Foreseen {
    pub(super) rows: MeasuredRows,
    pub(super) effect: Option<Effect>,
    pub(super) ddl: Vec<DdlEffect>,
    pub(super) undo: Option<String>,
}

impl Session {
    /// What a held message would do. `rows` is what was counted to decide on it, `known` the request that it has already.
    pub(super) async fn foresee(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (rows, rows_max): (Option<MeasuredRows>, u64),
        known: Option<&Request>,
    ) -> Result<Foreseen, End> {
        if let Some(known) = known {
            let asked = &known.asked;
            return Ok(Foreseen {
                rows: match rows {
                    None | Some(MeasuredRows::NotMeasured(_)) => asked.rows.clone(),
                    Some(rows) => rows,
                },
                effect: asked.effect.clone(),
                ddl: asked.ddl.clone(),
                undo: asked.undo.clone(),
            });
        }
        let may = self.may_measure();
        let rows = match rows {
            Some(rows) => rows,
            None => self.measured_rows(commands, sent, rows_max).await?,
        };
        let rows = match (rows, may) {
            (MeasuredRows::NotMeasured(why), Ok(())) => self.measured_widely(commands, sent, (why, rows_max)).await?,
            (MeasuredRows::NotMeasured(why), Err(not)) => MeasuredRows::NotMeasured(format!("{why}; {not}").into()),
            (rows, _) => rows,
        };
        let mut effect = match may {
            Ok(()) => self.measured_effect(commands, sent, &rows).await?,
            Err(_) => None,
        };
        let undo = match &effect {
            Some(effect) => Some(effect.undo.clone()),
            None => self.undo_foreseen(commands, sent).await?,
        };
        if let Some(there) = self.copy_data.there() {
            effect = Some(Effect {
                undo: undo.clone().unwrap_or_default(),
                ..there.effect.clone()
            });
        }
        let ddl = match changes_definitions(commands) && may.is_ok() {
            true => {
                let mut look = DdlLook::new(&self.database);
                look.effects(&self.gateway.analyzer, &sent.text(), &self.sight.context)
                    .await
            }
            false => Vec::new(),
        };
        Ok(Foreseen {
            rows,
            effect,
            ddl,
            undo,
        })
    }

    /// Whether what is held may be looked at for approvers.
    fn may_measure(&self) -> Result<(), &'static str> {
        if !self.database.measures {
            return Err("measuring is switched off for this database");
        }
        if !self.gateway.measurements.admit(&self.principal.subject.name) {
            return Err("too many statements of this identity were measured within a minute");
        }
        Ok(())
    }

    /// The rows of a statement whose own condition doesn't tell them: by its joins or the query behind it, else by the
    /// planner.
    async fn measured_widely(
        &mut self,
        commands: &[Vec<Subject>],
        sent: Sent<'_>,
        (why, rows_max): (Arc<str>, u64),
    ) -> Result<MeasuredRows, End> {
        let [command] = commands else {
            return Ok(MeasuredRows::NotMeasured(why));
        };
        let [own] = command.as_slice() else {
            return Ok(MeasuredRows::NotMeasured(why));
        };
        let plans = matches!(&*own.facts.command, "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "SELECT");
        if !plans || !changes(&own.facts) || self.replies.in_pipeline() || self.replies.is_skipping() {
            return Ok(MeasuredRows::NotMeasured(why));
        }
        let text = sent.text();
        let reach = (rows_max, CountReach::Source);
        let counted = self
            .gateway
            .analyzer
            .count_text(&text, &self.sight.context, reach)
            .await;
        let why: Arc<str> = match counted {
            Ok(Ok(counted)) => match self.judge_count(&counted, own).await? {
                Ok(verdict) => match self.count_apart(&counted, sent, verdict).await? {
                    Ok(Some(rows)) if rows > rows_max => return Ok(MeasuredRows::MoreThan(rows_max)),
                    Ok(Some(rows)) if counted.is_exact => return Ok(MeasuredRows::Counted(rows)),
                    Ok(Some(rows)) => return Ok(MeasuredRows::AtMost(rows)),
                    Ok(None) => "counting them failed, or took too long".into(),
                    Err(reason) => reason.into(),
                },
                Err(reason) => reason.into(),
            },
            Ok(Err(reason)) => format!("{why}; {reason}").into(),
            Err(_) => why,
        };
        Ok(match self.estimated(own, sent).await? {
            Some(rows) => MeasuredRows::Estimated { rows, why },
            None => MeasuredRows::NotMeasured(why),
        })
    }

    /// How many rows the planner thinks that a statement would change. Planning runs nothing of it.
    async fn estimated(&mut self, own: &Subject, sent: Sent<'_>) -> Result<Option<u64>, End> {
        let text = format!("EXPLAIN (FORMAT JSON) {}", sent.text());
        let analysis = self.gateway.analyzer.analyze(&text, &self.sight.context).await;
        let (Ok(analysis), Some(given)) = (analysis, Given::with(sent)) else {
            return Ok(None);
        };
        let is_read = |class: StatementClass| class == StatementClass::Read;
        if !analysis
            .statements
            .iter()
            .all(|statement| is_read(statement.facts.class))
        {
            return Ok(None);
        }
        let parameters: BTreeSet<usize> = (1..=given.types.len()).collect();
        let explained = CountText {
            text,
            analysis: (*analysis).clone(),
            parameters,
            is_exact: false,
        };
        let Ok(verdict) = self.judge_count(&explained, own).await? else {
            return Ok(None);
        };
        let answer = self.read_apart(&explained, sent, verdict).await?;
        Ok(answer.ok().flatten().and_then(|rows| {
            let plan = rows.first()?.first()?.as_deref()?;
            rows_planned(&serde_json::from_slice(plan).ok()?)
        }))
    }

    /// How much of a held message could be taken back, where its rows aren't read beforehand.
    async fn undo_foreseen(&mut self, commands: &[Vec<Subject>], sent: Sent<'_>) -> Result<Option<String>, End> {
        let told = |told: &str| Ok(Some(told.to_owned()));
        if !commands.iter().flatten().any(|subject| changes(&subject.facts)) {
            return Ok(None);
        }
        if !self.keeps_changes() {
            return told("none: this identity's changes are not kept");
        }
        let [command] = commands else {
            return told("none: several commands in one message");
        };
        let [own] = command.as_slice() else {
            return told("none: it runs what was prepared or opened before");
        };
        let none = (&MessageMasks::default(), 0);
        match self.aside_of(commands, sent, none).await {
            Some(Ok(plan)) => return self.aside_foreseen(&plan).await.map(Some),
            Some(Err(reason)) => return Ok(Some(format!("none: {reason}"))),
            None => {}
        }
        if !matches!(&*own.facts.command, "INSERT" | "UPDATE" | "DELETE" | "MERGE") {
            return Ok(Some(match self.inverse_of(commands, sent, none).await {
                Some(Ok(inverse)) if inverse.besides.is_empty() => "full, as long as it holds no data".to_owned(),
                Some(Ok(inverse)) => format!("partial: not {}", inverse.besides.join(", ")),
                Some(Err(reason)) => format!("none: {reason}"),
                None => format!("none: the effect of {} isn't kept", own.facts.command),
            }));
        }
        Ok(Some(match self.capture_plan(own, &sent.text()).await {
            Ok(plan) => undo_in_words(&plan),
            Err(reason) => format!("none: {reason}"),
        }))
    }
}

/// Whether something of a message is no plain change of rows.
fn changes_definitions(commands: &[Vec<Subject>]) -> bool {
    let rows = ["INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "SELECT"];
    let mut subjects = commands.iter().flatten();
    subjects.any(|subject| {
        let facts = &subject.facts;
        let maintains = facts.class == StatementClass::Maintenance;
        (changes(facts) || maintains) && !rows.contains(&&*facts.command)
    })
}

/// The rows that a plan's `ModifyTable` nodes are fed with, which is what they change (manual section 14.1.1: of the node
/// itself only those of RETURNING are told). `None` for a plan that changes nothing.
fn rows_planned(plan: &Value) -> Option<u64> {
    match plan {
        Value::Array(parts) => sum(parts.iter().filter_map(rows_planned)),
        Value::Object(node) => {
            let inner = node.values().filter(|value| value.is_array() || value.is_object());
            let below = sum(inner.filter_map(rows_planned));
            if node.get("Node Type").and_then(Value::as_str) != Some("ModifyTable") {
                return below;
            }
            let inputs = node.get("Plans").and_then(Value::as_array).into_iter().flatten();
            let inputs = inputs.filter(|input| {
                let relationship = input.get("Parent Relationship").and_then(Value::as_str);
                matches!(relationship, Some("Outer" | "Member"))
            });
            let own = inputs.filter_map(|input| input.get("Plan Rows")?.as_u64()).sum::<u64>();
            Some(own.saturating_add(below.unwrap_or_default()))
        }
        _ => None,
    }
}

fn sum(mut counts: impl Iterator<Item = u64>) -> Option<u64> {
    let first = counts.next()?;
    Some(counts.fold(first, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_planned;

    #[test]
    fn all_that_a_plan_changes_is_added_up() {
        let scan = |relationship: &str, rows: u64| json!({"Node Type": "Seq Scan", "Parent Relationship": relationship, "Plan Rows": rows});
        let update = json!({"Node Type": "ModifyTable", "Plan Rows": 0, "Plans": [scan("Outer", 150)]});
        assert_eq!(rows_planned(&json!([{"Plan": update}])), Some(150));
        let writing_query = json!([{"Plan": {"Node Type": "ModifyTable", "Plans": [
            {"Node Type": "ModifyTable", "Parent Relationship": "InitPlan", "Plans": [scan("Outer", 3)]},
            scan("Outer", 4),
        ]}}]);
        assert_eq!(rows_planned(&writing_query), Some(7));
        assert_eq!(rows_planned(&json!([{"Plan": scan("Outer", 9)}])), None);
    }
}
