//! Expressions.

use std::sync::Arc;

use durward_model::Oid;
use pg_query::protobuf::{
    self as pb, AConst, AExpr, AExprKind, AIndirection, BoolExprType, ColumnRef, FuncCall, SubLink, SubLinkType,
    WindowDef, a_const,
};
use pg_query::{Node, NodeEnum};

use super::compare::{looks_up, matches_columns};
use super::scope::{Position, Value};
use super::types::{UNKNOWN, schema_and_name, strings};
use super::{Binder, CallKind, Reference};
use crate::catalog::Function;

const BOOL: u32 = 16;
const INT4: u32 = 23;
const INT8: u32 = 20;
const NUMERIC: u32 = 1700;

impl Binder<'_> {
    /// Walks an expression and says what its value depends on.
    pub(super) fn expression_value(&mut self, node: &Node) -> Value {
        match &node.node {
            Some(node) => self.value(node),
            None => Value::default(),
        }
    }

    /// Walks an expression. Where it is a column alone, its value is used as its position says.
    pub(super) fn value_at(&mut self, node: &Node, position: Position) -> Value {
        if !matches!(node.node, Some(NodeEnum::ColumnRef(_))) {
            self.result_name = None;
            return self.expression_value(node);
        }
        self.position = position;
        let value = self.expression_value(node);
        self.position = Position::Expression;
        value
    }

    pub(super) fn optional_value(&mut self, node: Option<&Node>) -> Value {
        node.map_or_else(Value::default, |node| self.expression_value(node))
    }

    fn boxed_value(&mut self, node: &Option<Box<Node>>) -> Value {
        self.optional_value(node.as_deref())
    }

    /// What all of several expressions together depend on.
    pub(super) fn all_values<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) -> Value {
        let mut all = Value::default();
        for node in nodes {
            let value = self.expression_value(node);
            all.absorb(&value);
        }
        all
    }

    fn value(&mut self, node: &NodeEnum) -> Value {
        if !self.enter() {
            return Value::default();
        }
        let value = self.value_of_kind(node);
        self.leave();
        value
    }

    // One match over all kinds of expression, each arm a call, so that the frame of the recursion stays small.
    fn value_of_kind(&mut self, node: &NodeEnum) -> Value {
        match node {
            NodeEnum::ColumnRef(column) => self.column_ref(column),
            NodeEnum::AConst(constant) => constant_value(constant),
            NodeEnum::AExpr(expression) => self.operator_expression(expression),
            NodeEnum::BoolExpr(expression) => {
                // Behind OR and NOT one comparison is one guess among many.
                let and = BoolExprType::try_from(expression.boolop) == Ok(BoolExprType::AndExpr);
                let before = self.guesses;
                self.guesses |= !and;
                let value = self.all_values(&expression.args).computed(Some(Oid(BOOL)));
                self.guesses = before;
                value
            }
            NodeEnum::FuncCall(call) => self.function_call(call),
            NodeEnum::TypeCast(cast) => self.type_cast(cast),
            NodeEnum::SubLink(link) => self.sub_link(link),
            NodeEnum::ParamRef(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::CurrentOfExpr(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::String(_)
            | NodeEnum::BitString(_)
            | NodeEnum::AStar(_)
            | NodeEnum::SqlvalueFunction(_) => Value::default(),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::AArrayExpr(array) => self.array(&array.elements),
            NodeEnum::CollateClause(clause) => {
                let value = self.boxed_value(&clause.arg);
                Value {
                    unchanged: false,
                    ..value
                }
            }
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::RowExpr(row) => self.all_values(&row.args).computed(None),
            NodeEnum::CoalesceExpr(coalesce) => self.same_type(&coalesce.args),
            NodeEnum::MinMaxExpr(min_max) => self.same_type(&min_max.args),
            NodeEnum::NullTest(test) => self.null_test(test),
            NodeEnum::BooleanTest(test) => self.boxed_value(&test.arg).computed(Some(Oid(BOOL))),
            NodeEnum::NamedArgExpr(argument) => self.boxed_value(&argument.arg),
            NodeEnum::List(list) => self.all_values(&list.items).computed(None),
            NodeEnum::ResTarget(target) => self.boxed_value(&target.val),
            NodeEnum::SortBy(sort) => {
                if !sort.use_op.is_empty() {
                    self.operator(&sort.use_op, None, None);
                }
                self.boxed_value(&sort.node)
            }
            NodeEnum::GroupingFunc(grouping) => self.all_values(&grouping.args).computed(Some(Oid(INT4))),
            NodeEnum::GroupingSet(set) => self.all_values(&set.content).computed(None),
            NodeEnum::MultiAssignRef(assign) => self.boxed_value(&assign.source).computed(None),
            NodeEnum::XmlExpr(xml) => {
                let mut value = self.all_values(&xml.named_args);
                let rest = self.all_values(&xml.args);
                value.absorb(&rest);
                value.computed(None)
            }
            NodeEnum::XmlSerialize(xml) => {
                if let Some(type_name) = &xml.type_name {
                    self.type_name(type_name);
                }
                self.boxed_value(&xml.expr).computed(None)
            }
            NodeEnum::TypeName(type_name) => {
                self.type_name(type_name);
                Value::default()
            }
            NodeEnum::AIndices(indices) => {
                let mut value = self.boxed_value(&indices.lidx);
                let upper = self.boxed_value(&indices.uidx);
                value.absorb(&upper);
                value
            }
            NodeEnum::SelectStmt(select) => {
                // A bare SELECT where an expression stands: as in ARRAY(…) of JSON constructors.
                let columns = self.in_level(|binder| binder.select(select));
                self.computes(&columns);
                together(columns.iter().map(|column| &column.value))
            }
            other => self.json(other),
        }
    }

    /// SQL/JSON expressions; anything else is not known.
    #[inline(never)]
    fn json(&mut self, node: &NodeEnum) -> Value {
        self.called_before_syntax(node);
        match node {
            NodeEnum::JsonValueExpr(value) => self.json_value(Some(value)),
            NodeEnum::JsonIsPredicate(predicate) => self.boxed_value(&predicate.expr).computed(Some(Oid(BOOL))),
            NodeEnum::JsonParseExpr(parse) => self.json_value(parse.expr.as_deref()),
            NodeEnum::JsonScalarExpr(scalar) => self.boxed_value(&scalar.expr).computed(None),
            NodeEnum::JsonSerializeExpr(serialize) => self.json_value(serialize.expr.as_deref()),
            NodeEnum::JsonObjectConstructor(object) => self.all_values(&object.exprs).computed(None),
            NodeEnum::JsonArrayConstructor(array) => self.all_values(&array.exprs).computed(None),
            NodeEnum::JsonArrayQueryConstructor(array) => self.boxed_value(&array.query).computed(None),
            NodeEnum::JsonKeyValue(pair) => self.json_pair(Some(pair)),
            NodeEnum::JsonObjectAgg(aggregate) => {
                let mut value = self.json_pair(aggregate.arg.as_deref());
                let rest = self.json_aggregate(aggregate.constructor.as_deref());
                value.absorb(&rest);
                value
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                let mut value = self.json_value(aggregate.arg.as_deref());
                let rest = self.json_aggregate(aggregate.constructor.as_deref());
                value.absorb(&rest);
                value
            }
            NodeEnum::JsonFuncExpr(function) => {
                let mut value = self.json_value(function.context_item.as_deref());
                let path = self.boxed_value(&function.pathspec);
                let passing = self.all_values(&function.passing);
                for behavior in [&function.on_empty, &function.on_error].into_iter().flatten() {
                    let default = self.boxed_value(&behavior.expr);
                    value.absorb(&default);
                }
                if let Some(type_name) = function.output.as_ref().and_then(|output| output.type_name.as_ref()) {
                    self.type_name(type_name);
                }
                value.absorb(&path);
                value.absorb(&passing);
                value.computed(None)
            }
            NodeEnum::JsonArgument(argument) => self.json_value(argument.val.as_deref()),
            NodeEnum::MergeSupportFunc(_) => Value::default(),
            other => {
                self.not_known("expression", other);
                Value::default()
            }
        }
    }

    /// Syntax that is newer than the server: there the same words call a function of that name, which anybody may have
    /// made. All of that name count.
    fn called_before_syntax(&mut self, node: &NodeEnum) {
        const VERSION_16: u32 = 160_000;
        const VERSION_17: u32 = 170_000;
        let since = match node {
            NodeEnum::JsonObjectConstructor(_)
            | NodeEnum::JsonArrayConstructor(_)
            | NodeEnum::JsonArrayQueryConstructor(_)
            | NodeEnum::JsonObjectAgg(_)
            | NodeEnum::JsonArrayAgg(_) => VERSION_16,
            NodeEnum::JsonParseExpr(_)
            | NodeEnum::JsonScalarExpr(_)
            | NodeEnum::JsonSerializeExpr(_)
            | NodeEnum::JsonFuncExpr(_)
            | NodeEnum::MergeSupportFunc(_) => VERSION_17,
            _ => return,
        };
        if self.settings.server_version_num >= since {
            return;
        }
        let name = super::name::column_name(&Node {
            node: Some(node.clone()),
        });
        let candidates = self.catalog.find_functions(self.settings, &self.path, None, &name);
        self.calls(&candidates, &[], CallKind::Named);
    }

    pub(super) fn json_value(&mut self, value: Option<&pb::JsonValueExpr>) -> Value {
        let Some(value) = value else { return Value::default() };
        let mut all = self.boxed_value(&value.raw_expr);
        let formatted = self.boxed_value(&value.formatted_expr);
        all.absorb(&formatted);
        all.computed(None)
    }

    fn json_pair(&mut self, pair: Option<&pb::JsonKeyValue>) -> Value {
        let Some(pair) = pair else { return Value::default() };
        let mut value = self.boxed_value(&pair.key);
        let inner = self.json_value(pair.value.as_deref());
        value.absorb(&inner);
        value.computed(None)
    }

    fn json_aggregate(&mut self, constructor: Option<&pb::JsonAggConstructor>) -> Value {
        let Some(constructor) = constructor else {
            return Value::default();
        };
        let mut value = self.boxed_value(&constructor.agg_filter);
        let order = self.all_values(&constructor.agg_order);
        value.absorb(&order);
        if let Some(over) = &constructor.over {
            self.window(over);
        }
        value
    }

    #[inline(never)]
    fn column_ref(&mut self, column: &ColumnRef) -> Value {
        let fields = strings(&column.fields);
        let result_name = self.result_name.take();
        if self.is_direct()
            && let (Some(masked), Ok(location)) = (self.masked, usize::try_from(column.location))
            && masked.columns.contains(&location)
        {
            // A mask stands before it.
            return Value::default();
        }
        let star = matches!(
            column.fields.last().and_then(|node| node.node.as_ref()),
            Some(NodeEnum::AStar(_))
        );
        if star {
            // `t.*` as a value is the whole row.
            if let Some(value) = self.resolve_row(&fields) {
                self.note_row_reference(column, &fields, value.clone(), Position::Expression);
                return value;
            }
        } else if let Some(value) = self.resolve_column(&fields) {
            self.note_reference(
                column,
                Reference {
                    origin: value.origin,
                    value: value.clone(),
                    qualifiers: fields.len().saturating_sub(2),
                    result_name,
                    position: self.position,
                },
            );
            return value;
        } else if let Some(value) = self.resolve_row(&fields) {
            self.note_row_reference(column, &fields, value.clone(), Position::Expression);
            return value;
        }
        if let [first, ..] = fields.as_slice() {
            if self.is_variable(first) {
                return self.of_fired_row(&fields);
            }
            // `t.f` may be the function f of the row t.
            if let [.., alias, name] = fields.as_slice()
                && let Some(value) = self.resolve_row(&[alias])
            {
                self.functional_column(name);
                return value.computed(None);
            }
        }
        self.not_found("column", &fields.join("."));
        Value::default()
    }

    pub(super) fn note_row_reference(&mut self, column: &ColumnRef, fields: &[&str], value: Value, position: Position) {
        self.note_reference(
            column,
            Reference {
                origin: None,
                value,
                qualifiers: fields.len().saturating_sub(1),
                result_name: None,
                position,
            },
        );
    }

    /// Notes where the client's own text names a column.
    pub(super) fn note_reference(&mut self, column: &ColumnRef, reference: Reference) {
        if self.is_direct()
            && let Ok(location) = usize::try_from(column.location)
        {
            self.references.insert(location, reference);
        }
    }

    /// `row.name` where the row has no such column: a function of one argument.
    fn functional_column(&mut self, name: &str) {
        let candidates: Vec<Arc<Function>> = self
            .catalog
            .find_functions(self.settings, &self.path, None, name)
            .into_iter()
            .filter(|function| function.takes(1))
            .collect();
        if candidates.is_empty() {
            self.not_found("column", name);
        } else {
            self.calls(&candidates, &[], CallKind::Named);
        }
    }

    #[inline(never)]
    fn operator_expression(&mut self, expression: &AExpr) -> Value {
        let kind = AExprKind::try_from(expression.kind).unwrap_or(AExprKind::Undefined);
        let position = if !self.guesses && looks_up(expression, kind) {
            Position::LookedUp
        } else if matches_columns(expression, kind) {
            Position::Matched
        } else {
            Position::Expression
        };
        let left = expression.lexpr.as_deref().map(|node| self.value_at(node, position));
        // The items of IN and BETWEEN are compared one by one.
        let right = expression.rexpr.as_deref().map(|node| self.value_at(node, position));
        let built_in = match kind {
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => {
                for name in ["<=", ">=", "<", ">"] {
                    self.operator_named(None, name, left.as_ref(), Some(&Value::default()));
                }
                false
            }
            AExprKind::AexprOpAny | AExprKind::AexprOpAll | AExprKind::AexprIn => {
                self.operator(&expression.name, left.as_ref(), Some(&Value::default()))
            }
            AExprKind::Undefined
            | AExprKind::AexprOp
            | AExprKind::AexprDistinct
            | AExprKind::AexprNotDistinct
            | AExprKind::AexprNullif
            | AExprKind::AexprLike
            | AExprKind::AexprIlike
            | AExprKind::AexprSimilar => self.operator(&expression.name, left.as_ref(), right.as_ref()),
        };
        if position == Position::LookedUp {
            self.note_look_up([&left, &right]);
        }
        match (position, &left, &right) {
            (Position::Matched, Some(left), Some(right)) if built_in => {
                self.note_match(left, right);
                // That two are equal tells no more than their masks do.
                return Value::of_type(BOOL);
            }
            (Position::Matched | Position::LookedUp, left, right) if !built_in => {
                // A function of somebody's own gets the values.
                for value in [left, right].into_iter().flatten() {
                    self.note_reads(value);
                }
            }
            _ => {}
        }
        let type_oid = result_type(self, expression, kind, left.as_ref(), right.as_ref());
        let mut value = left.unwrap_or_default();
        if let Some(right) = &right {
            value.absorb(right);
        }
        value.computed(type_oid)
    }

    /// Counts a comparison of each column with something given.
    fn note_look_up(&mut self, sides: [&Option<Value>; 2]) {
        for value in sides.into_iter().flatten() {
            for column in &value.reads {
                self.facts.column_looked_up(*column);
            }
        }
    }

    /// Masks keep NULL, so that a test for it tells nothing more.
    fn null_test(&mut self, test: &pb::NullTest) -> Value {
        let value = test
            .arg
            .as_deref()
            .map_or_else(Value::default, |node| self.value_at(node, Position::Shown));
        match test.arg.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::ColumnRef(_)) => Value::of_type(BOOL),
            _ => value.computed(Some(Oid(BOOL))),
        }
    }

    #[inline(never)]
    fn function_call(&mut self, call: &FuncCall) -> Value {
        let mut value = Value::default();
        let mut types = Vec::with_capacity(call.args.len());
        let position = self.counted_position(call);
        for argument in &call.args {
            let argument = self.value_at(argument, position);
            if position == Position::Matched {
                self.note_match(&argument, &argument);
            }
            types.push(argument.type_oid);
            // A count tells nothing of what was counted.
            if position == Position::Expression {
                value.absorb(&argument);
            }
        }
        for part in [self.all_values(&call.agg_order), self.boxed_value(&call.agg_filter)] {
            value.absorb(&part);
        }
        if let Some(over) = &call.over {
            let window = self.window(over);
            value.absorb(&window);
        }
        let candidates = self.function_candidates(call, &types);
        let result = match candidates.as_slice() {
            [] => None,
            [first, rest @ ..] => rest
                .iter()
                .all(|other| other.result_type == first.result_type)
                .then_some(first.result_type),
        };
        if candidates.is_empty() {
            self.unknown_function(call, &types);
        } else {
            if candidates.iter().any(|candidate| candidate.returns_set) {
                self.returns_sets = true;
            }
            let within = self.calls(&candidates, &call.args, CallKind::Named);
            value.absorb(&within);
        }
        for candidate in &candidates {
            self.may_be_cast(candidate.result_type);
        }
        self.last_candidates = candidates;
        value.computed(result)
    }

    /// What a call can mean, by name, number of arguments and what is known of their types.
    pub(super) fn function_candidates(&mut self, call: &FuncCall, types: &[Option<Oid>]) -> Vec<Arc<Function>> {
        let parts = strings(&call.funcname);
        let Some((schema, name)) = schema_and_name(&parts) else {
            return Vec::new();
        };
        let named = call
            .args
            .iter()
            .any(|argument| matches!(argument.node, Some(NodeEnum::NamedArgExpr(_))));
        let mut candidates = self.catalog.find_functions(self.settings, &self.path, schema, name);
        // Since 16 the grammar itself gives `json_object(…)` the server's schema; before, the path did.
        if parts == ["pg_catalog", "json_object"] && self.settings.server_version_num < 160_000 {
            candidates.extend(self.catalog.find_functions(self.settings, &self.path, None, name));
        }
        candidates.retain(|function| {
            if call.func_variadic {
                return function.variadic != Oid(0) && call.args.len() <= function.argument_types.len();
            }
            // An ordered-set aggregate takes its WITHIN GROUP arguments too.
            let count = call.args.len() + if call.agg_within_group { call.agg_order.len() } else { 0 };
            function.takes(count)
        });
        if named || call.func_variadic || call.agg_within_group {
            return candidates;
        }
        // Types rule out only what can't be meant; in doubt a candidate stays.
        let fitting: Vec<Arc<Function>> = candidates
            .iter()
            .filter(|function| {
                types.iter().enumerate().all(|(index, given)| {
                    let wanted = function.argument_types.get(index).or(function.argument_types.last());
                    let variadic = function.variadic != Oid(0) && index + 1 >= function.argument_types.len();
                    match (given, wanted) {
                        (Some(given), Some(wanted)) => variadic || self.fits(*given, *wanted),
                        (None, _) | (_, None) => true,
                    }
                })
            })
            .cloned()
            .collect();
        if fitting.is_empty() {
            candidates
        } else {
            self.hide_shadowed(fitting)
        }
    }

    /// Of functions with the very same argument types, the first on the path hides the others.
    fn hide_shadowed(&self, mut candidates: Vec<Arc<Function>>) -> Vec<Arc<Function>> {
        if candidates.len() < 2 {
            return candidates;
        }
        let rank = |function: &Function| self.path.iter().position(|schema| *schema == function.schema);
        let all = candidates.clone();
        candidates.retain(|function| {
            !all.iter().any(|other| {
                other.oid != function.oid
                    && other.argument_types == function.argument_types
                    && rank(other) < rank(function)
            })
        });
        candidates
    }

    /// A call that finds no function: a cast in the form of a call, a column in the form of a call, or an error.
    fn unknown_function(&mut self, call: &FuncCall, types: &[Option<Oid>]) {
        let parts = strings(&call.funcname);
        let Some((schema, name)) = schema_and_name(&parts) else {
            return;
        };
        if call.args.len() == 1 {
            let catalog = self.catalog;
            if let Some(found) = catalog.find_type(self.settings, &self.path, schema, name) {
                let found = Arc::clone(found);
                self.converts_to(&found);
                self.casts(types.first().copied().flatten(), found.oid);
                return;
            }
            // `email(customers)` is `customers.email`; the argument is a whole row, which has been noted.
            if let Some(row) = types.first().copied().flatten()
                && let Some(relation) = catalog.relation_of_row_type(row)
                && relation.column(name).is_some()
            {
                return;
            }
        }
        self.not_found("function", name);
    }

    #[inline(never)]
    fn type_cast(&mut self, cast: &pb::TypeCast) -> Value {
        let value = self.boxed_value(&cast.arg);
        let Some(type_name) = &cast.type_name else {
            return value.computed(None);
        };
        let target = self.type_name(type_name);
        if let Some(target) = target {
            if value.type_oid != Some(target) {
                self.casts(value.type_oid, target);
            } else if value.unchanged && type_name.typmods.is_empty() {
                // A cast to the type that it has already.
                return value;
            }
        }
        Value {
            copied: value.copied,
            ..value.computed(target)
        }
    }

    #[inline(never)]
    fn sub_link(&mut self, link: &SubLink) -> Value {
        let kind = SubLinkType::try_from(link.sub_link_type).unwrap_or(SubLinkType::Undefined);
        let mut value = self.boxed_value(&link.testexpr);
        let deferred = std::mem::replace(&mut self.reads_deferred, false);
        let sets = self.returns_sets;
        let columns = match link.subselect.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.in_level(|binder| binder.select(select)),
            Some(other) => {
                self.not_known("subquery", other);
                Vec::new()
            }
            None => Vec::new(),
        };
        self.returns_sets = sets;
        self.reads_deferred = deferred;
        if !link.oper_name.is_empty() {
            self.operator(&link.oper_name, Some(&value.clone()), Some(&Value::default()));
        } else if kind == SubLinkType::AnySublink {
            self.operator_named(None, "=", Some(&value.clone()), Some(&Value::default()));
        }
        if kind != SubLinkType::ExistsSublink {
            self.computes(&columns);
        }
        match (kind, columns.as_slice()) {
            (SubLinkType::ExprSublink, [one]) => {
                value.absorb(&one.value);
                value.unchanged = one.value.unchanged;
                value.copied = one.value.copied;
                value.type_oid = one.value.type_oid;
                value
            }
            (SubLinkType::ExistsSublink, _) => value.computed(Some(Oid(BOOL))),
            (_, columns) => {
                for column in columns {
                    value.absorb(&column.value);
                }
                value.computed(None)
            }
        }
    }

    #[inline(never)]
    fn indirection(&mut self, indirection: &AIndirection) -> Value {
        let mut value = self.boxed_value(&indirection.arg);
        for part in &indirection.indirection {
            let part = self.expression_value(part);
            value.absorb(&part);
        }
        value.computed(None)
    }

    #[inline(never)]
    fn case(&mut self, case: &pb::CaseExpr) -> Value {
        let mut value = self.boxed_value(&case.arg);
        let subject = case.arg.is_some().then(|| value.clone());
        for when in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = &when.node else {
                continue;
            };
            let condition = self.boxed_value(&when.expr);
            if let Some(subject) = &subject {
                self.operator_named(None, "=", Some(subject), Some(&condition));
            }
            let result = self.boxed_value(&when.result);
            value.absorb(&condition);
            value.absorb(&result);
        }
        let default = self.boxed_value(&case.defresult);
        value.absorb(&default);
        value.computed(None)
    }

    fn array(&mut self, elements: &[Node]) -> Value {
        let value = self.same_type(elements);
        let array = value
            .type_oid
            .and_then(|element| self.catalog.type_(element))
            .map(|element| element.array);
        value.computed(array.filter(|array| *array != Oid(0)))
    }

    fn same_type(&mut self, arguments: &[Node]) -> Value {
        let mut all = Value::default();
        let mut known = None;
        for argument in arguments {
            let value = self.expression_value(argument);
            known = known.or(value.type_oid.filter(|type_oid| *type_oid != UNKNOWN));
            all.absorb(&value);
        }
        all.computed(known)
    }

    pub(super) fn window(&mut self, window: &WindowDef) -> Value {
        let mut value = self.all_values(&window.partition_clause);
        for part in [
            self.all_values(&window.order_clause),
            self.boxed_value(&window.start_offset),
            self.boxed_value(&window.end_offset),
        ] {
            value.absorb(&part);
        }
        value
    }
}

/// What several values together depend on.
pub(super) fn together<'v>(values: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut all = Value::default();
    for value in values {
        all.absorb(value);
    }
    all
}

fn constant_value(constant: &AConst) -> Value {
    let type_oid = match &constant.val {
        Some(a_const::Val::Ival(_)) => Oid(INT4),
        Some(a_const::Val::Fval(number)) if number.fval.parse::<i64>().is_ok() => Oid(INT8),
        Some(a_const::Val::Fval(_)) => Oid(NUMERIC),
        Some(a_const::Val::Boolval(_)) => Oid(BOOL),
        Some(a_const::Val::Bsval(_)) => Oid(1560),
        Some(a_const::Val::Sval(_)) | None => UNKNOWN,
    };
    Value {
        type_oid: Some(type_oid),
        ..Value::default()
    }
}

/// The type of an operator's result, where all operators that can be meant agree.
fn result_type(
    binder: &Binder<'_>,
    expression: &AExpr,
    kind: AExprKind,
    left: Option<&Value>,
    right: Option<&Value>,
) -> Option<Oid> {
    if kind == AExprKind::AexprNullif {
        return left.and_then(|left| left.type_oid);
    }
    if kind != AExprKind::AexprOp {
        return Some(Oid(BOOL));
    }
    let parts = strings(&expression.name);
    let name = parts.last()?;
    let fits = |value: Option<&Value>, operand: Oid| match value {
        None => operand == Oid(0),
        Some(value) => operand != Oid(0) && value.type_oid.is_none_or(|known| known == operand || known == UNKNOWN),
    };
    let mut results = binder
        .catalog
        .operators_named(name)
        .filter(|operator| fits(left, operator.left) && fits(right, operator.right))
        .map(|operator| operator.result);
    let first = results.next()?;
    results.all(|other| other == first).then_some(first)
}
