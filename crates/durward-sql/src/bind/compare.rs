//! Comparisons and counts that tell of a column alone, or of two, no more than which values are equal.

use pg_query::protobuf::{AExpr, AExprKind, FuncCall};
use pg_query::{Node, NodeEnum};

use super::Binder;
use super::scope::Position;
use super::types::strings;

impl Binder<'_> {
    /// `count(column)` asks which values are NULL, `count(DISTINCT column)` which are equal, and no more.
    pub(super) fn counted_position(&mut self, call: &FuncCall) -> Position {
        let named = matches!(strings(&call.funcname).as_slice(), ["count"] | ["pg_catalog", "count"]);
        if !named || call.args.len() != 1 || call.func_variadic || call.agg_within_group {
            return Position::Expression;
        }
        let candidates = self.function_candidates(call, &[None]);
        let built_in = !candidates.is_empty() && candidates.iter().all(|function| function.oid.is_built_in());
        match (built_in, call.agg_distinct) {
            (false, _) => Position::Expression,
            (true, false) => Position::Shown,
            (true, true) => Position::Matched,
        }
    }
}

/// Whether an expression compares a column for equality with a constant or a parameter.
pub(super) fn looks_up(expression: &AExpr, kind: AExprKind) -> bool {
    let names = strings(&expression.name);
    let equality = matches!(kind, AExprKind::AexprOp | AExprKind::AexprIn)
        && matches!(names.as_slice(), ["="] | ["pg_catalog", "="]);
    let sides = [&expression.lexpr, &expression.rexpr].map(|side| side.as_deref().and_then(|node| node.node.as_ref()));
    let [Some(left), Some(right)] = sides else { return false };
    let is_column = |node: &NodeEnum| matches!(node, NodeEnum::ColumnRef(_));
    equality && ((is_column(left) && is_given(right)) || (is_given(left) && is_column(right)))
}

/// Whether an expression compares two columns for equality.
pub(super) fn matches_columns(expression: &AExpr, kind: AExprKind) -> bool {
    let names = strings(&expression.name);
    let equality = match kind {
        AExprKind::AexprOp => matches!(
            names.as_slice(),
            ["=" | "<>" | "!="] | ["pg_catalog", "=" | "<>" | "!="]
        ),
        AExprKind::AexprDistinct | AExprKind::AexprNotDistinct => true,
        _ => false,
    };
    let is_column = |side: &Option<Box<Node>>| {
        matches!(
            side.as_deref(),
            Some(Node {
                node: Some(NodeEnum::ColumnRef(_))
            })
        )
    };
    equality && is_column(&expression.lexpr) && is_column(&expression.rexpr)
}

/// Whether a value stands in the text or comes as a parameter.
fn is_given(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::AConst(_) | NodeEnum::ParamRef(_) => true,
        // A list of one, as IN has it.
        NodeEnum::List(list) => match list.items.as_slice() {
            [one] => one.node.as_ref().is_some_and(is_given),
            _ => false,
        },
        NodeEnum::TypeCast(cast) => cast
            .arg
            .as_deref()
            .and_then(|node| node.node.as_ref())
            .is_some_and(is_given),
        _ => false,
    }
}
