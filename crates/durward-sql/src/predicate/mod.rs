//! What a WHERE proves: that it depends on the row, and how many rows it leaves.
//!
//! The rule: a condition counts as depending on the row once it compares a column of the target with something that
//! isn't made from the same row. Whatever can't be shown to do that is taken as always true.

mod atom;
mod bound;
mod mention;
mod overlap;
mod sublink;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use durward_model::RowBound;
use pg_query::protobuf::{AExprKind, BoolExprType, BoolTestType, NullTestType, a_const};
use pg_query::{Node, NodeEnum};

use self::mention::Scope;
use crate::bind::{Binder, Target};
use crate::functions::constant;

/// What a condition is, as far as its text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// False or NULL for every row.
    Never,
    /// Shown to depend on the row.
    Depends,
    /// True for every row.
    Always,
    /// Not shown to depend on the row.
    Unknown,
}

/// Whether a condition is true for every row, or can't be shown to depend on the row.
pub(crate) fn always_true(binder: &mut Binder<'_>, condition: &Node) -> bool {
    let scope = Scope::of(binder);
    let verdict = Judge { binder, scope: &scope }.verdict(condition, false);
    matches!(verdict, Verdict::Always | Verdict::Unknown)
}

/// The most rows of the target that a condition leaves, by unique keys compared to constants or parameters.
pub(crate) fn row_bound(binder: &mut Binder<'_>, target: &Target, condition: Option<&Node>) -> RowBound {
    let Some(condition) = condition else {
        return RowBound::Unbounded;
    };
    let scope = Scope::of(binder);
    bound::of(binder, &scope, target, condition)
}

/// Judges conditions over one target.
struct Judge<'j, 'a> {
    binder: &'j mut Binder<'a>,
    scope: &'j Scope<'a>,
}

impl Judge<'_, '_> {
    /// Judges a condition, or its negation.
    fn verdict(&mut self, node: &Node, negated: bool) -> Verdict {
        let Some(node) = node.node.as_ref() else {
            return Verdict::Unknown;
        };
        match node {
            NodeEnum::BoolExpr(expression) => match expression.boolop() {
                BoolExprType::NotExpr => match expression.args.as_slice() {
                    [only] => self.verdict(only, !negated),
                    _ => Verdict::Unknown,
                },
                // De Morgan: a negated OR is an AND of negations.
                BoolExprType::AndExpr if !negated => self.all(&expression.args, negated),
                BoolExprType::OrExpr if negated => self.all(&expression.args, negated),
                BoolExprType::AndExpr | BoolExprType::OrExpr => self.any(&expression.args, negated),
                BoolExprType::Undefined => Verdict::Unknown,
            },
            NodeEnum::AConst(value) => match (value.isnull, value.val.as_ref()) {
                (true, _) => Verdict::Never,
                (false, Some(a_const::Val::Boolval(value))) => known(value.boolval != negated),
                (false, _) => Verdict::Unknown,
            },
            NodeEnum::ColumnRef(column) => {
                if self.scope.boolean_column(column) {
                    Verdict::Depends
                } else {
                    Verdict::Unknown
                }
            }
            NodeEnum::AExpr(expression) => match expression.kind() {
                AExprKind::Undefined | AExprKind::AexprNullif => Verdict::Unknown,
                _ => self.comparison(expression, negated),
            },
            NodeEnum::NullTest(test) => {
                let Some(argument) = test.arg.as_deref() else {
                    return Verdict::Unknown;
                };
                let is_null = test.nulltesttype() == NullTestType::IsNull;
                self.null_test(argument, is_null != negated)
            }
            NodeEnum::BooleanTest(test) => {
                let Some(argument) = test.arg.as_deref() else {
                    return Verdict::Unknown;
                };
                match test.booltesttype() {
                    BoolTestType::IsTrue => self.verdict(argument, negated),
                    BoolTestType::IsNotTrue => self.verdict(argument, !negated),
                    BoolTestType::IsFalse => self.verdict(argument, !negated),
                    BoolTestType::IsNotFalse => self.verdict(argument, negated),
                    BoolTestType::IsUnknown => self.null_test(argument, !negated),
                    BoolTestType::IsNotUnknown => self.null_test(argument, negated),
                    BoolTestType::Undefined => Verdict::Unknown,
                }
            }
            NodeEnum::SubLink(link) => self.sub_link(link, negated),
            NodeEnum::FuncCall(call) => self.function(call),
            NodeEnum::CaseExpr(case) => self.case(case, negated),
            NodeEnum::CoalesceExpr(coalesce) => self.coalesce(&coalesce.args, negated),
            NodeEnum::TypeCast(cast) => {
                let boolean = cast
                    .type_name
                    .as_ref()
                    .is_some_and(|name| constant::names(&name.names).last().is_some_and(|last| last == "bool"));
                match cast.arg.as_deref() {
                    Some(inner) if boolean && !matches!(inner.node, Some(NodeEnum::AConst(_))) => {
                        self.verdict(inner, negated)
                    }
                    _ => Verdict::Unknown,
                }
            }
            NodeEnum::CollateClause(clause) => match clause.arg.as_deref() {
                Some(inner) => self.verdict(inner, negated),
                None => Verdict::Unknown,
            },
            // The row at a cursor; in a loop, each row that the cursor passes.
            NodeEnum::CurrentOfExpr(_) if self.binder.repeated => Verdict::Unknown,
            NodeEnum::CurrentOfExpr(_) => Verdict::Depends,
            _ => Verdict::Unknown,
        }
    }

    /// AND.
    fn all(&mut self, nodes: &[Node], negated: bool) -> Verdict {
        let verdicts: Vec<Verdict> = nodes.iter().map(|node| self.verdict(node, negated)).collect();
        if verdicts.contains(&Verdict::Never) {
            Verdict::Never
        } else if verdicts.contains(&Verdict::Depends) || (!negated && self.finds_duplicates(nodes)) {
            Verdict::Depends
        } else if verdicts.iter().all(|verdict| *verdict == Verdict::Always) {
            Verdict::Always
        } else {
            Verdict::Unknown
        }
    }

    /// OR.
    fn any(&mut self, nodes: &[Node], negated: bool) -> Verdict {
        let verdicts: Vec<Verdict> = nodes.iter().map(|node| self.verdict(node, negated)).collect();
        if verdicts.contains(&Verdict::Always) {
            Verdict::Always
        } else if verdicts.contains(&Verdict::Unknown) {
            Verdict::Unknown
        } else if !verdicts.contains(&Verdict::Depends) {
            Verdict::Never
        } else if overlap::covers(self.binder, self.scope, nodes, negated) {
            Verdict::Unknown
        } else {
            Verdict::Depends
        }
    }

    /// `argument IS NULL`, or its negation.
    fn null_test(&mut self, argument: &Node, is_null: bool) -> Verdict {
        if let Some(NodeEnum::ColumnRef(column)) = argument.node.as_ref() {
            return match self.scope.target_column(column) {
                // NULL can't stand there: the test says nothing.
                Some(found) if found.never_null => {
                    if is_null {
                        Verdict::Never
                    } else {
                        Verdict::Always
                    }
                }
                Some(_) => Verdict::Depends,
                None => Verdict::Unknown,
            };
        }
        // A document has a key or hasn't, as a column that may be NULL.
        if self.is_member(argument) {
            return Verdict::Depends;
        }
        // Few rows have NULL in an expression; all may have something.
        if is_null && self.scope.mentions_target(argument) {
            Verdict::Depends
        } else {
            Verdict::Unknown
        }
    }

    /// Whether an expression is a member of one of the row's JSON documents, by constant keys.
    fn is_member(&self, node: &Node) -> bool {
        let Some(NodeEnum::AExpr(expression)) = &node.node else {
            return false;
        };
        let by_key = matches!(atom::operator(expression).as_str(), "->" | "->>" | "#>" | "#>>");
        let key = expression.rexpr.as_deref().is_some_and(|key| {
            matches!(&key.node, Some(NodeEnum::AConst(constant)) if !constant.isnull)
                && constant::text(key).is_none_or(|path| path.chars().any(char::is_alphanumeric))
        });
        let document = expression.lexpr.as_deref();
        by_key
            && key
            && document.is_some_and(|document| match &document.node {
                Some(NodeEnum::ColumnRef(column)) => self.scope.target_column(column).is_some(),
                _ => self.is_member(document),
            })
    }

    /// CASE as a condition: a branch that is true must be guarded by a condition that depends on the row.
    fn case(&mut self, case: &pg_query::protobuf::CaseExpr, negated: bool) -> Verdict {
        if case.arg.is_some() {
            return Verdict::Unknown;
        }
        let mut guarded = 0_usize;
        let mut depends = false;
        for branch in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = branch.node.as_ref() else {
                return Verdict::Unknown;
            };
            let (Some(condition), Some(result)) = (when.expr.as_deref(), when.result.as_deref()) else {
                return Verdict::Unknown;
            };
            match self.verdict(result, negated) {
                Verdict::Never => {}
                Verdict::Depends => depends = true,
                Verdict::Always if self.verdict(condition, false) == Verdict::Depends => {
                    guarded = guarded.saturating_add(1);
                    depends = true;
                }
                Verdict::Always | Verdict::Unknown => return Verdict::Unknown,
            }
        }
        if let Some(result) = case.defresult.as_deref() {
            match self.verdict(result, negated) {
                Verdict::Never => {}
                Verdict::Depends => depends = true,
                Verdict::Always | Verdict::Unknown => return Verdict::Unknown,
            }
        }
        // Two guarded branches may cover all rows between them.
        if depends && guarded < 2 {
            Verdict::Depends
        } else {
            Verdict::Unknown
        }
    }

    /// COALESCE as a condition: what stands first decides, a constant after it only for NULL.
    fn coalesce(&mut self, arguments: &[Node], negated: bool) -> Verdict {
        let Some((first, rest)) = arguments.split_first() else {
            return Verdict::Unknown;
        };
        match self.verdict(first, negated) {
            Verdict::Depends => Verdict::Depends,
            Verdict::Never if matches!(&first.node, Some(NodeEnum::AConst(value)) if value.isnull) => {
                self.coalesce(rest, negated)
            }
            other => other,
        }
    }
}

fn known(truth: bool) -> Verdict {
    if truth { Verdict::Always } else { Verdict::Never }
}

/// A column of the target, as far as conditions ask.
#[derive(Debug, Clone)]
struct TargetColumn {
    name: Arc<str>,
    never_null: bool,
    /// Part of a unique key.
    key: bool,
    boolean: bool,
}
