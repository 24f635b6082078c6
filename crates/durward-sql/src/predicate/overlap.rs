//! Alternatives that cover all rows between them: `x IS NULL OR x IS NOT NULL`, `id > 0 OR id <= 0`.

use std::sync::Arc;

use pg_query::protobuf::{AExprKind, BoolExprType, BoolTestType, NullTestType};
use pg_query::{Node, NodeEnum};

use super::atom::{mirrored, operator, opposite};
use super::mention::Scope;
use crate::bind::Binder;
use crate::functions::constant;

/// One alternative about one column, as far as overlaps ask.
struct Range {
    column: Arc<str>,
    kind: Kind,
    value: Option<Bound>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Equal,
    /// All but one value.
    Except,
    Below {
        inclusive: bool,
    },
    Above {
        inclusive: bool,
    },
    Null,
    NotNull,
    True,
    False,
}

#[derive(PartialEq)]
enum Bound {
    Number(f64),
    Text(String),
    Parameter(i32),
}

/// Whether two of the alternatives may cover all rows between them.
pub(super) fn covers(binder: &mut Binder<'_>, scope: &Scope<'_>, nodes: &[Node], negated: bool) -> bool {
    let mut ranges = Vec::new();
    for node in nodes {
        collect(scope, node, negated, &mut ranges);
    }
    for (index, one) in ranges.iter().enumerate() {
        for other in ranges.iter().skip(index.saturating_add(1)) {
            if one.column != other.column {
                continue;
            }
            if one.value.is_some() && other.value.is_some() {
                binder.facts.literals_matter();
            }
            if cover(one, other) || cover(other, one) {
                return true;
            }
        }
    }
    false
}

fn cover(one: &Range, other: &Range) -> bool {
    match (one.kind, other.kind) {
        (Kind::Null, Kind::NotNull) | (Kind::True, Kind::False) => true,
        // All but one value, and anything else about the column that isn't NULL.
        (Kind::Except, Kind::Null) | (Kind::Null, _) => false,
        (Kind::Except, _) => true,
        (Kind::Below { inclusive: below }, Kind::Above { inclusive: above }) => match (&one.value, &other.value) {
            (Some(Bound::Number(upper)), Some(Bound::Number(lower))) => {
                // Whole numbers leave no gap between 4 and 5.
                upper > lower || (upper == lower && (below || above)) || (below && above && *lower - *upper <= 1.0)
            }
            (Some(Bound::Text(upper)), Some(Bound::Text(lower))) => {
                upper > lower || (upper == lower && (below || above))
            }
            (Some(Bound::Parameter(upper)), Some(Bound::Parameter(lower))) => upper == lower && (below || above),
            _ => false,
        },
        _ => false,
    }
}

fn collect(scope: &Scope<'_>, node: &Node, negated: bool, ranges: &mut Vec<Range>) {
    let Some(node) = node.node.as_ref() else { return };
    let column_of = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::ColumnRef(column)) => scope.target_column(column).map(|column| column.name),
        _ => None,
    };
    match node {
        NodeEnum::BoolExpr(expression) => match (expression.boolop(), negated) {
            (BoolExprType::NotExpr, _) => {
                for argument in &expression.args {
                    collect(scope, argument, !negated, ranges);
                }
            }
            (BoolExprType::OrExpr, false) | (BoolExprType::AndExpr, true) => {
                for argument in &expression.args {
                    collect(scope, argument, negated, ranges);
                }
            }
            _ => {}
        },
        NodeEnum::ColumnRef(column) => {
            if let Some(column) = scope.target_column(column) {
                let kind = if negated { Kind::False } else { Kind::True };
                ranges.push(Range {
                    column: column.name,
                    kind,
                    value: None,
                });
            }
        }
        NodeEnum::NullTest(test) => {
            if let Some(column) = test.arg.as_deref().and_then(column_of) {
                let is_null = (test.nulltesttype() == NullTestType::IsNull) != negated;
                let kind = if is_null { Kind::Null } else { Kind::NotNull };
                ranges.push(Range {
                    column,
                    kind,
                    value: None,
                });
            }
        }
        NodeEnum::BooleanTest(test) => {
            let truth = match test.booltesttype() {
                BoolTestType::IsTrue | BoolTestType::IsNotFalse => true,
                BoolTestType::IsFalse | BoolTestType::IsNotTrue => false,
                BoolTestType::Undefined | BoolTestType::IsUnknown | BoolTestType::IsNotUnknown => return,
            };
            if let Some(argument) = test.arg.as_deref() {
                collect(scope, argument, negated == truth, ranges);
            }
        }
        NodeEnum::AExpr(expression) => {
            let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref()) else {
                return;
            };
            let operator = operator(expression);
            let (column, value, operator) = match (column_of(left), column_of(right)) {
                (Some(column), None) => (column, right, operator),
                (None, Some(column)) => (column, left, mirrored(&operator)),
                _ => return,
            };
            let operator = if negated { opposite(&operator) } else { operator };
            let kind = match (expression.kind(), operator.as_str()) {
                (AExprKind::AexprOp | AExprKind::AexprIn, "=") => Kind::Equal,
                (AExprKind::AexprOp | AExprKind::AexprIn, "<>") => Kind::Except,
                (AExprKind::AexprDistinct, _) => Kind::Except,
                (AExprKind::AexprOp, "<") => Kind::Below { inclusive: false },
                (AExprKind::AexprOp, "<=") => Kind::Below { inclusive: true },
                (AExprKind::AexprOp, ">") => Kind::Above { inclusive: false },
                (AExprKind::AexprOp, ">=") => Kind::Above { inclusive: true },
                (AExprKind::AexprNotBetween, _) => Kind::Except,
                (AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprOp, not) if not.starts_with('!') => {
                    Kind::Except
                }
                (AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprNotDistinct, _) => Kind::Equal,
                _ => return,
            };
            ranges.push(Range {
                column,
                kind,
                value: bound(value),
            });
        }
        _ => {}
    }
}

fn bound(node: &Node) -> Option<Bound> {
    if let Some(NodeEnum::ParamRef(parameter)) = &node.node {
        return Some(Bound::Parameter(parameter.number));
    }
    if let Some(NodeEnum::AConst(_)) = &node.node
        && let Some(text) = constant::text(node)
    {
        return Some(text.parse().map_or(Bound::Text(text), Bound::Number));
    }
    number(node)
        .map(Bound::Number)
        .or_else(|| constant::text(node).map(Bound::Text))
}

fn number(node: &Node) -> Option<f64> {
    use pg_query::protobuf::a_const;
    match node.node.as_ref()? {
        NodeEnum::AConst(value) => match value.val.as_ref()? {
            a_const::Val::Ival(value) => Some(f64::from(value.ival)),
            a_const::Val::Fval(value) => value.fval.parse().ok(),
            _ => None,
        },
        NodeEnum::AExpr(expression) if expression.lexpr.is_none() && operator(expression) == "-" => {
            Some(-number(expression.rexpr.as_deref()?)?)
        }
        NodeEnum::TypeCast(cast) => number(cast.arg.as_deref()?),
        _ => None,
    }
}
