//! Upserts that change every row of their target.

use std::sync::Arc;

use durward_model::HazardKind;
use pg_query::protobuf::{InsertStmt, OnConflictAction, SelectStmt};
use pg_query::{Node, NodeEnum};

use super::Binder;
use crate::catalog::Relation;
use crate::predicate;

impl Binder<'_> {
    /// An INSERT of a table's own rows into itself meets a conflict at each of them: its DO UPDATE is an UPDATE without a
    /// WHERE.
    pub(super) fn upsert_of_itself(&mut self, insert: &InsertStmt, target: &Arc<Relation>) {
        let Some(conflict) = &insert.on_conflict_clause else {
            return;
        };
        if OnConflictAction::try_from(conflict.action) != Ok(OnConflictAction::OnconflictUpdate)
            || self.holds_own_rows(target)
        {
            return;
        }
        let limited = match conflict.where_clause.as_deref() {
            Some(condition) => !predicate::always_true(self, condition),
            None => false,
        };
        if limited {
            return;
        }
        if let Some(NodeEnum::SelectStmt(select)) = insert.select_stmt.as_deref().and_then(|node| node.node.as_ref())
            && self.gives_all_rows(select, target)
        {
            let name = target.reference().name.to_string();
            self.facts.hazard(HazardKind::TautologicalWhere, name);
        }
    }

    /// Whether a query reads the relation without leaving rows out.
    fn gives_all_rows(&mut self, select: &SelectStmt, target: &Arc<Relation>) -> bool {
        if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
            return self.gives_all_rows(left, target) || self.gives_all_rows(right, target);
        }
        let limited = match select.where_clause.as_deref() {
            Some(condition) => !predicate::always_true(self, condition),
            None => false,
        };
        !limited && select.from_clause.iter().any(|item| self.is_all_rows(item, target))
    }

    fn is_all_rows(&mut self, item: &Node, target: &Arc<Relation>) -> bool {
        match &item.node {
            Some(NodeEnum::RangeVar(range)) => match self.find_relation(range) {
                Some(found) => found.oid == target.oid || self.view_bases(&found).contains(&target.oid),
                None => false,
            },
            Some(NodeEnum::RangeSubselect(subselect)) => {
                match subselect.subquery.as_deref().and_then(|node| node.node.as_ref()) {
                    Some(NodeEnum::SelectStmt(select)) => self.gives_all_rows(select, target),
                    _ => false,
                }
            }
            Some(NodeEnum::JoinExpr(join)) => [&join.larg, &join.rarg]
                .into_iter()
                .flatten()
                .any(|side| self.is_all_rows(side, target)),
            _ => false,
        }
    }
}
