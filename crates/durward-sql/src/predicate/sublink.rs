//! Subqueries in conditions.

use pg_query::NodeEnum;
use pg_query::protobuf::{SelectStmt, SetOperation, SubLink, SubLinkType};

use super::mention::{Origin, Scope};
use super::{Judge, Verdict};
use crate::functions::constant;

impl Judge<'_, '_> {
    /// EXISTS, IN, ANY, ALL.
    pub(super) fn sub_link(&mut self, link: &SubLink, negated: bool) -> Verdict {
        let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_deref().and_then(|node| node.node.as_ref()) else {
            return Verdict::Unknown;
        };
        match link.sub_link_type() {
            SubLinkType::ExistsSublink | SubLinkType::ExprSublink => self.correlated(select),
            SubLinkType::AnySublink | SubLinkType::AllSublink => {
                let Some(test) = link.testexpr.as_deref() else {
                    return Verdict::Unknown;
                };
                match self.scope.uses_target(test) {
                    Some(true) if self.holds_every_row(test, select, negated) => Verdict::Unknown,
                    Some(true) => Verdict::Depends,
                    // `1 IN (SELECT … WHERE x = t.id)` looks at the row within.
                    Some(false) => self.correlated(select),
                    None => Verdict::Unknown,
                }
            }
            SubLinkType::Undefined
            | SubLinkType::RowcompareSublink
            | SubLinkType::MultiexprSublink
            | SubLinkType::ArraySublink
            | SubLinkType::CteSublink => Verdict::Unknown,
        }
    }

    /// Whether a subquery's own conditions look at the row.
    fn correlated(&mut self, select: &SelectStmt) -> Verdict {
        if select.larg.is_some() || select.with_clause.is_some() || !select.group_clause.is_empty() {
            return Verdict::Unknown;
        }
        let plain = select.target_list.iter().all(|target| match &target.node {
            // An aggregate without GROUP BY gives a row always: EXISTS (SELECT count(*) …).
            Some(NodeEnum::ResTarget(target)) => !matches!(
                target.val.as_deref().and_then(|value| value.node.as_ref()),
                Some(NodeEnum::FuncCall(_))
            ),
            _ => true,
        });
        if !plain {
            return Verdict::Unknown;
        }
        let scope = self.scope.within(self.scope.items(&select.from_clause));
        let mut conditions: Vec<&pg_query::Node> = select.where_clause.as_deref().into_iter().collect();
        join_conditions(&select.from_clause, &mut conditions);
        let mut inner = Judge {
            binder: self.binder,
            scope: &scope,
        };
        let verdicts: Vec<Verdict> = conditions
            .iter()
            .map(|condition| inner.verdict(condition, false))
            .collect();
        if verdicts.contains(&Verdict::Depends) {
            Verdict::Depends
        } else {
            Verdict::Unknown
        }
    }

    /// `x IN (SELECT x FROM the same relation)` without a condition that would leave rows out; NOT IN of nothing.
    pub(super) fn holds_every_row(&mut self, test: &pg_query::Node, select: &SelectStmt, negated: bool) -> bool {
        if let (Some(one), Some(other)) = (&select.larg, &select.rarg) {
            // Either arm of a UNION may give all rows.
            return select.op() == SetOperation::SetopUnion
                && !negated
                && !limits(select)
                && (self.holds_every_row(test, one, negated) || self.holds_every_row(test, other, negated));
        }
        let [from] = select.from_clause.as_slice() else {
            // Without FROM: one row of constants, which leaves rows out unless it is made from the row itself.
            return select.from_clause.is_empty()
                && (negated || select.values_lists.is_empty() && self.is_circular(select));
        };
        if let Some(NodeEnum::RangeSubselect(derived)) = &from.node {
            let inner = derived.subquery.as_deref().and_then(|node| node.node.as_ref());
            let whole = select.where_clause.is_none() && !limits(select) && selects_named(select, test);
            return match inner {
                Some(NodeEnum::SelectStmt(inner)) => whole && !negated && self.holds_every_row(test, inner, negated),
                _ => false,
            };
        }
        let Some(NodeEnum::RangeVar(range)) = &from.node else {
            return false;
        };
        let Some(relation) = self.binder.find_relation(range) else {
            return false;
        };
        if Some(relation.oid) != self.scope.relation || limits(select) {
            return false;
        }
        let alias = range
            .alias
            .as_ref()
            .map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        let same = match (
            &test.node,
            select.target_list.first().and_then(|target| target.node.as_ref()),
        ) {
            (Some(NodeEnum::ColumnRef(test)), Some(NodeEnum::ResTarget(target))) => {
                let inner = Scope::over(self.binder, alias, Some(&relation), false, Vec::new());
                match target.val.as_deref().and_then(|value| value.node.as_ref()) {
                    Some(NodeEnum::ColumnRef(selected)) => match (self.scope.origin(test), inner.origin(selected)) {
                        (Origin::Target(Some(mine)), Origin::Target(Some(theirs))) => mine == theirs,
                        // `*` gives the column, within a query that picks it.
                        (Origin::Target(Some(_)), Origin::Target(None)) => true,
                        _ => false,
                    },
                    _ => false,
                }
            }
            _ => false,
        };
        if !same {
            return false;
        }
        match select.where_clause.as_deref() {
            None => true,
            Some(condition) => {
                let scope = Scope::over(self.binder, alias, Some(&relation), false, Vec::new());
                let verdict = Judge {
                    binder: self.binder,
                    scope: &scope,
                }
                .verdict(condition, false);
                matches!(verdict, Verdict::Always | Verdict::Unknown)
            }
        }
    }

    /// `id IN (SELECT id)`: the subquery gives the row's own column back.
    fn is_circular(&self, select: &SelectStmt) -> bool {
        select.target_list.iter().any(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) => target
                .val
                .as_deref()
                .is_none_or(|value| self.scope.uses_target(value) != Some(false)),
            _ => true,
        })
    }
}

/// Whether LIMIT leaves rows out: LIMIT ALL and LIMIT NULL don't.
fn limits(select: &SelectStmt) -> bool {
    select
        .limit_count
        .as_deref()
        .is_some_and(|count| !matches!(&count.node, Some(NodeEnum::AConst(value)) if value.isnull))
}

/// Whether a query's first column has the name of the column tested.
fn selects_named(select: &SelectStmt, test: &pg_query::Node) -> bool {
    let last = |node: &pg_query::Node| match &node.node {
        Some(NodeEnum::ColumnRef(column)) => constant::names(&column.fields).pop(),
        _ => None,
    };
    match select.target_list.first().and_then(|target| target.node.as_ref()) {
        Some(NodeEnum::ResTarget(target)) => {
            let selected = target.val.as_deref().and_then(last);
            selected.is_some() && selected == last(test)
        }
        _ => false,
    }
}

fn join_conditions<'n>(from: &'n [pg_query::Node], conditions: &mut Vec<&'n pg_query::Node>) {
    for item in from {
        if let Some(NodeEnum::JoinExpr(join)) = &item.node {
            conditions.extend(join.quals.as_deref());
            for side in [&join.larg, &join.rarg].into_iter().flatten() {
                join_conditions(std::slice::from_ref(&**side), conditions);
            }
        }
    }
}
