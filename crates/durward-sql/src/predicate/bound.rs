//! How many rows a condition leaves at most: unique keys compared to constants, parameters and lists.

use std::collections::BTreeMap;

use durward_model::{ColumnNumber, Oid, RelationKind, RowBound};
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, SelectStmt, SubLinkType, a_const};
use pg_query::{Node, NodeEnum};

use super::atom::operator;
use super::mention::{Origin, Scope};
use crate::bind::{Binder, Target};
use crate::functions::constant;

/// `ctid`'s number (`SelfItemPointerAttributeNumber`).
const CTID: ColumnNumber = ColumnNumber(-1);

/// How many values each column of the target is compared to.
type Values = BTreeMap<ColumnNumber, u64>;

/// The bound that a condition proves.
pub(super) fn of<'a>(binder: &mut Binder<'a>, scope: &Scope<'a>, target: &Target, condition: &Node) -> RowBound {
    let has_children = !binder.descendants(target.relation.oid).is_empty();
    match target.relation.kind {
        RelationKind::PartitionedTable => {}
        // Those that inherit from a table don't inherit its keys.
        RelationKind::Table if !has_children => {}
        _ => return RowBound::Unbounded,
    }
    let places = binder.descendants(target.relation.oid).len().saturating_add(1);
    let mut prover = Prover {
        binder,
        scope,
        target,
        places: u64::try_from(places).unwrap_or(u64::MAX),
    };
    prover.bound(condition).map_or(RowBound::Unbounded, RowBound::AtMost)
}

struct Prover<'p, 'a> {
    binder: &'p mut Binder<'a>,
    scope: &'p Scope<'a>,
    target: &'p Target,
    /// Tables that share a `ctid`.
    places: u64,
}

impl Prover<'_, '_> {
    fn bound(&mut self, node: &Node) -> Option<u64> {
        match node.node.as_ref()? {
            NodeEnum::BoolExpr(expression) => match expression.boolop() {
                BoolExprType::AndExpr => {
                    let mut values = Values::new();
                    let mut best: Option<u64> = None;
                    for argument in &expression.args {
                        self.equalities(argument, &mut values);
                        best = least(best, self.bound(argument));
                    }
                    least(best, self.keyed(&values))
                }
                // Each alternative may leave its own rows.
                BoolExprType::OrExpr => {
                    let mut sum: u64 = 0;
                    for argument in &expression.args {
                        sum = sum.checked_add(self.bound(argument)?)?;
                    }
                    Some(sum)
                }
                BoolExprType::NotExpr | BoolExprType::Undefined => None,
            },
            NodeEnum::CurrentOfExpr(_) => Some(1),
            NodeEnum::AConst(value) if value.isnull => Some(0),
            NodeEnum::AConst(value) => match value.val.as_ref() {
                Some(a_const::Val::Boolval(truth)) if !truth.boolval => Some(0),
                _ => None,
            },
            _ => {
                let mut values = Values::new();
                self.equalities(node, &mut values);
                self.keyed(&values)
            }
        }
    }

    /// The rows that equalities on all columns of a unique key leave.
    fn keyed(&self, values: &Values) -> Option<u64> {
        let mut best = values.get(&CTID).and_then(|count| count.checked_mul(self.places));
        for index in self.binder.catalog.indexes(self.target.relation.oid) {
            if !index.proves_uniqueness || !index.unique || index.predicate.is_some() || index.expressions.is_some() {
                continue;
            }
            let rows = index
                .columns
                .iter()
                .try_fold(1_u64, |product, column| product.checked_mul(*values.get(column)?));
            best = least(best, rows);
        }
        best
    }

    /// Notes the columns that a condition compares to a known number of values.
    fn equalities(&mut self, node: &Node, values: &mut Values) {
        match node.node.as_ref() {
            Some(NodeEnum::AExpr(expression)) => self.equality(expression, values),
            Some(NodeEnum::SubLink(link)) if link.sub_link_type() == SubLinkType::AnySublink => {
                // IN has no operator name; = ANY has.
                let equal = link.oper_name.is_empty() || constant::names(&link.oper_name) == ["="];
                let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_deref().and_then(|node| node.node.as_ref())
                else {
                    return;
                };
                // One that looks at the row gives others for each.
                if self.scope.subquery_uses_target(select) != Some(false) {
                    return;
                }
                let column = link.testexpr.as_deref().and_then(|node| self.column(node));
                if let (true, Some(column), Some(count)) = (equal, column, self.limit(select)) {
                    note(values, column, count);
                }
            }
            _ => {}
        }
    }

    fn equality(&mut self, expression: &AExpr, values: &mut Values) {
        let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref()) else {
            return;
        };
        let plain = constant::names(&expression.name) == ["="];
        match expression.kind() {
            AExprKind::AexprOp | AExprKind::AexprNotDistinct if plain => {
                if let (Some(NodeEnum::RowExpr(lefts)), Some(NodeEnum::RowExpr(rights))) = (&left.node, &right.node) {
                    for (left, right) in lefts.args.iter().zip(&rights.args) {
                        self.one_value(left, right, values);
                    }
                    return;
                }
                // NULL may stand in a unique key any number of times.
                if expression.kind() == AExprKind::AexprOp {
                    self.one_value(left, right, values);
                }
            }
            AExprKind::AexprIn if operator(expression) == "=" => {
                let Some(NodeEnum::List(list)) = &right.node else {
                    return;
                };
                let count = u64::try_from(list.items.len()).unwrap_or(u64::MAX);
                match self.column(left) {
                    Some(column) if list.items.iter().all(|item| self.is_value(item)) => note(values, column, count),
                    _ => {}
                }
            }
            AExprKind::AexprOpAny if plain => {
                let Some(count) = self.array_length(right) else { return };
                if let Some(column) = self.column(left) {
                    note(values, column, count);
                }
            }
            _ => {}
        }
    }

    fn one_value(&mut self, left: &Node, right: &Node, values: &mut Values) {
        if let Some(column) = self.column(left).filter(|_| self.is_value(right)) {
            note(values, column, 1);
        } else if let Some(column) = self.column(right).filter(|_| self.is_value(left)) {
            note(values, column, 1);
        }
    }

    /// The target's column that a node is, bare.
    fn column(&self, node: &Node) -> Option<ColumnNumber> {
        let Some(NodeEnum::ColumnRef(column)) = &node.node else {
            return None;
        };
        let Origin::Target(Some(name)) = self.scope.origin(column) else {
            return None;
        };
        match self.target.relation.column(&name) {
            Some(column) => Some(column.number),
            None => (&*name == "ctid").then_some(CTID),
        }
    }

    /// Whether an expression has one value for the whole statement, of a type that compares as the key does.
    fn is_value(&self, node: &Node) -> bool {
        match node.node.as_ref() {
            Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_) | NodeEnum::SqlvalueFunction(_)) => true,
            Some(NodeEnum::TypeCast(cast)) => {
                cast.arg.as_deref().is_some_and(|inner| self.is_value(inner))
                    && cast
                        .type_name
                        .as_ref()
                        .is_some_and(|name| self.is_built_in_type(&constant::names(&name.names)))
            }
            Some(NodeEnum::AExpr(expression)) => {
                matches!(operator(expression).as_str(), "+" | "-" | "*" | "/" | "||")
                    && [&expression.lexpr, &expression.rexpr]
                        .into_iter()
                        .flatten()
                        .all(|side| self.is_value(side))
            }
            // A scalar subquery runs once, unless it looks at the row.
            Some(NodeEnum::SubLink(link)) => {
                link.sub_link_type() == SubLinkType::ExprSublink && self.scope.uses_target(node) == Some(false)
            }
            // A variable of a function's body.
            Some(NodeEnum::ColumnRef(column)) => {
                self.scope.others.is_empty() && self.scope.origin(column) == Origin::Nobody
            }
            _ => false,
        }
    }

    /// Types of extensions may compare otherwise: citext knows no case.
    fn is_built_in_type(&self, names: &[String]) -> bool {
        let (schema, name) = match names {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return false,
        };
        self.binder
            .catalog
            .find_type(self.binder.settings, &self.binder.path, schema, name)
            .is_some_and(|found| found.oid.is_built_in() && !INEXACT_TYPES.contains(&found.oid))
    }

    /// How many elements `ARRAY[…]` or a constant `'{…}'` holds.
    fn array_length(&mut self, node: &Node) -> Option<u64> {
        match node.node.as_ref()? {
            NodeEnum::AArrayExpr(array) if array.elements.iter().all(is_scalar_constant) => {
                u64::try_from(array.elements.len()).ok()
            }
            // Vectors and other types that hold many values are written otherwise.
            NodeEnum::TypeCast(cast) if !cast.type_name.as_ref()?.array_bounds.is_empty() => {
                self.array_length(cast.arg.as_deref()?)
            }
            NodeEnum::AConst(_) => {
                let text = constant::text(node)?;
                self.binder.facts.literals_matter();
                // Commas within quotes only raise the count.
                u64::try_from(text.matches(',').count()).ok()?.checked_add(1)
            }
            _ => None,
        }
    }

    /// The most rows that a subquery gives, by LIMIT or FETCH FIRST.
    fn limit(&mut self, select: &SelectStmt) -> Option<u64> {
        let count = limit(select)?;
        self.binder.facts.literals_matter();
        Some(count)
    }
}

/// Types by which one value equals several of a key of another type: `real`, `double precision` and `char(n)`
/// (`pg_type.dat`).
const INEXACT_TYPES: [Oid; 3] = [Oid(700), Oid(701), Oid(1042)];

/// Whether an element of ARRAY[…] is surely one value, and not an array of some: a constant, perhaps cast.
fn is_scalar_constant(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::AConst(_)) => constant::text(node).is_none_or(|text| !text.trim_start().starts_with('{')),
        Some(NodeEnum::TypeCast(cast)) => {
            let scalar = cast.type_name.as_ref().is_some_and(|name| name.array_bounds.is_empty());
            scalar && cast.arg.as_deref().is_some_and(is_scalar_constant)
        }
        _ => false,
    }
}

/// The constant in LIMIT. WITH TIES may give more.
pub(super) fn limit(select: &SelectStmt) -> Option<u64> {
    if select.limit_option() == pg_query::protobuf::LimitOption::WithTies {
        return None;
    }
    u64::try_from(constant::integer(select.limit_count.as_deref()?)?).ok()
}

fn note(values: &mut Values, column: ColumnNumber, count: u64) {
    let entry = values.entry(column).or_insert(count);
    *entry = (*entry).min(count);
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
