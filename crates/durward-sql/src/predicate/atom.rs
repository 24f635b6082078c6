//! Single conditions: comparisons and calls.

use pg_query::protobuf::{AExpr, AExprKind, FuncCall, a_const};
use pg_query::{Node, NodeEnum};

use super::mention::Origin;
use super::{Judge, Verdict};
use crate::functions::constant;

/// Keys are positive as a rule, and end at the type's end.
const KEY_FIRST: i64 = 1;
const KEY_LAST: i64 = i32::MAX as i64;

impl Judge<'_, '_> {
    /// A comparison, or its negation: what counts is that one side is made from the row and the other isn't.
    pub(super) fn comparison(&mut self, expression: &AExpr, negated: bool) -> Verdict {
        let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref()) else {
            return Verdict::Unknown;
        };
        if let Some(verdict) = self.with_truth_or_null(expression, left, right, negated) {
            return verdict;
        }
        if let (Some(lefts), Some(rights)) = (row_items(left), row_items(right))
            && lefts.len() == rights.len()
        {
            // Rows compare item by item; one item that depends is enough for equality.
            let depends = operator(expression) == "="
                && !negated
                && lefts
                    .iter()
                    .zip(rights)
                    .any(|(left, right)| self.sides(left, right) == Verdict::Depends);
            return if depends { Verdict::Depends } else { Verdict::Unknown };
        }
        if let (Some(lefts), AExprKind::AexprIn) = (row_items(left), expression.kind()) {
            let depends = lefts.iter().any(|item| self.scope.mentions_target(item))
                && self.scope.uses_target(right) == Some(false);
            return if depends { Verdict::Depends } else { Verdict::Unknown };
        }
        if self.holds_by_an_item(expression, left, right) {
            return Verdict::Unknown;
        }
        let verdict = self.sides(left, right);
        if verdict != Verdict::Depends {
            return self.columns_of_one_row(expression, left, right);
        }
        if self.accepts_everything(expression, left, right, negated) {
            Verdict::Unknown
        } else {
            Verdict::Depends
        }
    }

    /// `'a' IN (name, 'a')`, `1 = ANY (ARRAY[id, 1])`: one item that isn't made from the row may decide for all rows;
    /// `id = ANY (ARRAY(SELECT id FROM the same relation))`.
    fn holds_by_an_item(&mut self, expression: &AExpr, left: &Node, right: &Node) -> bool {
        let items = match (expression.kind(), &right.node) {
            (AExprKind::AexprIn, Some(NodeEnum::List(list))) => &list.items,
            (AExprKind::AexprOpAny, Some(NodeEnum::AArrayExpr(array))) => &array.elements,
            (AExprKind::AexprOpAny, Some(NodeEnum::SubLink(link))) => {
                return match link.subselect.as_deref().and_then(|node| node.node.as_ref()) {
                    Some(NodeEnum::SelectStmt(select)) => self.holds_every_row(left, select, false),
                    _ => false,
                };
            }
            _ => return false,
        };
        self.scope.uses_target(left) == Some(false)
            && items.iter().any(|item| self.scope.uses_target(item) == Some(false))
    }

    /// `x = TRUE` is x; `x = NULL` is NULL.
    fn with_truth_or_null(&mut self, expression: &AExpr, left: &Node, right: &Node, negated: bool) -> Option<Verdict> {
        let (value, other) = match (literal(left), literal(right)) {
            (None, Some(value)) => (value, left),
            (Some(value), None) => (value, right),
            _ => return None,
        };
        let kind = expression.kind();
        let operator = operator(expression);
        match value {
            Literal::Null => Some(match kind {
                AExprKind::AexprDistinct => self.null_test(other, negated),
                AExprKind::AexprNotDistinct => self.null_test(other, !negated),
                AExprKind::AexprOp if operator == "=" && self.binder.settings.transform_null_equals => {
                    self.null_test(other, !negated)
                }
                AExprKind::AexprOp => Verdict::Never,
                _ => return None,
            }),
            Literal::Truth(truth) => {
                let equal = match (kind, operator.as_str()) {
                    (AExprKind::AexprOp, "=") | (AExprKind::AexprNotDistinct, _) => true,
                    (AExprKind::AexprOp, "<>") | (AExprKind::AexprDistinct, _) => false,
                    // Comparing truth values by order says nothing plain.
                    (AExprKind::AexprOp, "<" | ">" | "<=" | ">=") => return Some(Verdict::Unknown),
                    _ => return None,
                };
                Some(self.verdict(other, negated != (truth != equal)))
            }
        }
    }

    /// Whether one side is made from the row and the other surely isn't.
    fn sides(&mut self, left: &Node, right: &Node) -> Verdict {
        match (self.scope.uses_target(left), self.scope.uses_target(right)) {
            (Some(true), Some(false)) | (Some(false), Some(true)) => {
                if self.is_the_same_column(left, right) {
                    Verdict::Unknown
                } else {
                    Verdict::Depends
                }
            }
            // A key compared to a subquery that looks at the row.
            (Some(true), Some(true)) => match (&left.node, &right.node) {
                (Some(NodeEnum::ColumnRef(_)), Some(NodeEnum::SubLink(link)))
                | (Some(NodeEnum::SubLink(link)), Some(NodeEnum::ColumnRef(_))) => self.sub_link(link, false),
                _ => Verdict::Unknown,
            },
            _ => Verdict::Unknown,
        }
    }

    /// `t.id = t2.id`, where both are of one relation: every row finds itself.
    fn is_the_same_column(&self, left: &Node, right: &Node) -> bool {
        let (Some(NodeEnum::ColumnRef(left)), Some(NodeEnum::ColumnRef(right))) = (&left.node, &right.node) else {
            return false;
        };
        match (self.scope.origin(left), self.scope.origin(right)) {
            (Origin::Target(Some(mine)), Origin::Other(relation, other))
            | (Origin::Other(relation, other), Origin::Target(Some(mine))) => {
                relation.is_some() && relation == self.scope.relation && mine == other
            }
            _ => false,
        }
    }

    /// `a.id < b.id AND a.email = b.email` over one relation twice: rows that have a twin.
    pub(super) fn finds_duplicates(&self, conditions: &[Node]) -> bool {
        let (mut strict, mut equal) = (false, false);
        for condition in conditions {
            let Some(NodeEnum::AExpr(expression)) = &condition.node else {
                continue;
            };
            let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref()) else {
                continue;
            };
            if expression.kind() == AExprKind::AexprOp && self.is_the_same_column(left, right) {
                match operator(expression).as_str() {
                    "<" | ">" | "<>" => strict = true,
                    "=" => equal = true,
                    _ => {}
                }
            }
        }
        strict && equal
    }

    /// Two different columns of the row may well differ from row to row: `updated_at > created_at`.
    fn columns_of_one_row(&self, expression: &AExpr, left: &Node, right: &Node) -> Verdict {
        let (Some(NodeEnum::ColumnRef(left)), Some(NodeEnum::ColumnRef(right))) = (&left.node, &right.node) else {
            return Verdict::Unknown;
        };
        let ordered = expression.kind() == AExprKind::AexprOp
            && matches!(operator(expression).as_str(), "=" | "<" | ">" | "<=" | ">=");
        match (self.scope.target_column(left), self.scope.target_column(right)) {
            (Some(left), Some(right)) if ordered && left.name != right.name => Verdict::Depends,
            _ => Verdict::Unknown,
        }
    }

    /// Comparisons that hold for every row, or for all but one, whatever the data: patterns of wildcards alone, keys
    /// compared to the edge of their range, lengths that are at least nothing, what everything contains.
    fn accepts_everything(&mut self, expression: &AExpr, left: &Node, right: &Node, negated: bool) -> bool {
        let operator = operator(expression);
        match expression.kind() {
            AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
                self.binder.facts.literals_matter();
                pattern_text(right).is_some_and(|pattern| is_wild(&pattern, &['%', '_']))
                    && !operator.starts_with('!')
                    && !negated
            }
            AExprKind::AexprOp if matches!(operator.as_str(), "~" | "~*" | "~~" | "~~*") => {
                self.binder.facts.literals_matter();
                let wild: &[char] = if operator.starts_with("~~") {
                    &['%', '_']
                } else {
                    &['.', '*', '^', '$', '+', '?', '(', ')', '|']
                };
                pattern_text(right).is_some_and(|pattern| is_wild(&pattern, wild)) && !negated
            }
            AExprKind::AexprOp if matches!(operator.as_str(), "@>" | "<@" | "^@") => {
                self.binder.facts.literals_matter();
                let inner = if operator == "<@" { left } else { right };
                pattern_text(inner).is_some_and(|text| matches!(text.trim(), "" | "{}" | "[]")) || is_empty_array(inner)
            }
            // All but the listed, where no key is listed.
            AExprKind::AexprIn if (operator == "<>") != negated => {
                self.binder.facts.literals_matter();
                let no_key = |item: &Node| constant::integer(item).is_some_and(|value| value < KEY_FIRST);
                matches!(&right.node, Some(NodeEnum::List(list)) if list.items.iter().all(no_key)) && self.is_key(left)
            }
            AExprKind::AexprOpAll if operator == "<>" && !negated => {
                self.binder.facts.literals_matter();
                is_empty_array(right) || pattern_text(right).is_some_and(|text| text.trim() == "{}")
            }
            AExprKind::AexprOpAny => operator == "<>" && !negated,
            AExprKind::AexprOpAll => operator == "=" && negated,
            AExprKind::AexprBetween => {
                let Some((low, high)) = pair(right) else { return false };
                let key = self.is_key(left);
                if key {
                    self.binder.facts.literals_matter();
                }
                !negated
                    && key
                    && constant::integer(low).is_some_and(|low| low <= KEY_FIRST)
                    && constant::integer(high).is_some_and(|high| high >= KEY_LAST)
            }
            AExprKind::AexprDistinct => !negated && self.is_key(left),
            AExprKind::AexprOp => {
                let (column, value, operator) = if self.scope.mentions_target(left) {
                    (left, right, operator)
                } else {
                    (right, left, mirrored(&operator))
                };
                let operator = if negated { opposite(&operator) } else { operator };
                self.is_edge(column, value, &operator)
            }
            _ => false,
        }
    }

    /// Whether a value is a column of a key, or as large as one: cast, added to or multiplied.
    fn is_key(&self, node: &Node) -> bool {
        match node.node.as_ref() {
            Some(NodeEnum::ColumnRef(column)) => self.scope.target_column(column).is_some_and(|column| column.key),
            Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(|inner| self.is_key(inner)),
            Some(NodeEnum::AExpr(expression)) if expression.kind() == AExprKind::AexprOp => {
                let (Some(left), Some(right)) = (expression.lexpr.as_deref(), expression.rexpr.as_deref()) else {
                    return false;
                };
                let least = match operator(expression).as_str() {
                    "+" => 0,
                    "*" => 1,
                    _ => return false,
                };
                self.is_key(left) && constant::integer(right).is_some_and(|value| value >= least)
            }
            _ => false,
        }
    }

    /// `key > 0`, `key <> 5`, `length(x) >= 0`.
    fn is_edge(&mut self, column: &Node, value: &Node, operator: &str) -> bool {
        if self.is_key(column) {
            if operator == "<>" {
                return true;
            }
            if !matches!(operator, "<" | "<=" | ">" | ">=") {
                return false;
            }
            self.binder.facts.literals_matter();
            return match (operator, constant::integer(value)) {
                (">", Some(value)) => value < KEY_FIRST,
                (">=", Some(value)) => value <= KEY_FIRST,
                ("<" | "<=", Some(value)) => value >= KEY_LAST,
                _ => false,
            };
        }
        if let Some(text) = pattern_text(value) {
            self.binder.facts.literals_matter();
            // The edges of dates and texts.
            if matches!(
                (operator, text.as_str()),
                (">=", "") | (">" | ">=", "-infinity") | ("<" | "<=", "infinity")
            ) {
                return true;
            }
        }
        if is_never_negative(column) && matches!(operator, ">" | ">=" | "<>") {
            self.binder.facts.literals_matter();
            return match (operator, constant::integer(value)) {
                (">", Some(value)) => value < 0,
                (">=", Some(value)) => value <= 0,
                ("<>", Some(value)) => value < 0,
                _ => false,
            };
        }
        // `id * 0 = 0` and kin.
        is_multiplied_by_zero(column)
    }

    /// A call as a condition: one that compares the row to something else, and whose result its arguments decide.
    pub(super) fn function(&mut self, call: &FuncCall) -> Verdict {
        let names = constant::names(&call.funcname);
        let (schema, name) = match names.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return Verdict::Unknown,
        };
        let path = self.binder.path.clone();
        let candidates = self
            .binder
            .catalog
            .find_functions(self.binder.settings, &path, schema, name);
        let computed = !candidates.is_empty() && candidates.iter().all(|function| function.volatility != 'v');
        let built_in = candidates
            .iter()
            .all(|function| function.oid.is_built_in() || function.extension.is_some());
        let uses: Option<Vec<bool>> = call
            .args
            .iter()
            .map(|argument| self.scope.uses_target(argument))
            .collect();
        match uses {
            Some(uses) if computed && built_in && uses.contains(&true) && uses.contains(&false) => {
                self.binder.facts.literals_matter();
                // Text functions with nothing to look for accept everything.
                let empty = call
                    .args
                    .iter()
                    .any(|argument| constant::text(argument).is_some_and(|text| text.is_empty()));
                if empty { Verdict::Unknown } else { Verdict::Depends }
            }
            _ => Verdict::Unknown,
        }
    }
}

enum Literal {
    Truth(bool),
    Null,
}

fn literal(node: &Node) -> Option<Literal> {
    match node.node.as_ref()? {
        NodeEnum::AConst(value) if value.isnull => Some(Literal::Null),
        NodeEnum::AConst(value) => match value.val.as_ref()? {
            a_const::Val::Boolval(truth) => Some(Literal::Truth(truth.boolval)),
            _ => None,
        },
        NodeEnum::TypeCast(cast) => match literal(cast.arg.as_deref()?)? {
            Literal::Null => Some(Literal::Null),
            Literal::Truth(_) => None,
        },
        _ => None,
    }
}

/// The operator's own name.
pub(super) fn operator(expression: &AExpr) -> String {
    constant::names(&expression.name).pop().unwrap_or_default()
}

/// The operator with its sides exchanged.
pub(super) fn mirrored(operator: &str) -> String {
    match operator {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        other => other,
    }
    .to_owned()
}

/// The operator that holds where this one doesn't.
pub(super) fn opposite(operator: &str) -> String {
    match operator {
        "=" => "<>",
        "<>" => "=",
        "<" => ">=",
        ">" => "<=",
        "<=" => ">",
        ">=" => "<",
        other => other,
    }
    .to_owned()
}

fn row_items(node: &Node) -> Option<&[Node]> {
    match node.node.as_ref()? {
        NodeEnum::RowExpr(row) => Some(&row.args),
        _ => None,
    }
}

/// The two bounds of BETWEEN.
pub(super) fn pair(node: &Node) -> Option<(&Node, &Node)> {
    match node.node.as_ref()? {
        NodeEnum::List(list) => match list.items.as_slice() {
            [low, high] => Some((low, high)),
            _ => None,
        },
        _ => None,
    }
}

/// The constant that a pattern is; SIMILAR TO and LIKE … ESCAPE wrap it into a call.
fn pattern_text(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::FuncCall(call) => constant::text(call.args.first()?),
        NodeEnum::TypeCast(cast) => pattern_text(cast.arg.as_deref()?),
        _ => constant::text(node),
    }
}

fn is_wild(pattern: &str, wild: &[char]) -> bool {
    pattern.chars().all(|character| wild.contains(&character))
}

fn is_empty_array(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::AArrayExpr(array)) => array.elements.is_empty(),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_empty_array),
        _ => false,
    }
}

/// Calls whose result is nothing or more.
fn is_never_negative(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::FuncCall(call)) => constant::names(&call.funcname).last().is_some_and(|name| {
            matches!(
                name.as_str(),
                "length"
                    | "char_length"
                    | "character_length"
                    | "octet_length"
                    | "bit_length"
                    | "abs"
                    | "cardinality"
                    | "array_length"
                    | "strpos"
                    | "position"
                    | "sqrt"
                    | "exp"
                    | "ascii"
                    | "pg_column_size"
            )
        }),
        _ => false,
    }
}

fn is_multiplied_by_zero(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::AExpr(expression)) => {
            let zero = [&expression.lexpr, &expression.rexpr]
                .into_iter()
                .flatten()
                .any(|side| constant::integer(side) == Some(0));
            let one = expression.rexpr.as_deref().and_then(constant::integer) == Some(1);
            match operator(expression).as_str() {
                "*" | "&" => zero,
                "%" => one,
                _ => false,
            }
        }
        _ => false,
    }
}
