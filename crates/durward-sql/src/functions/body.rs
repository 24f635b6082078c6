//! Functions whose bodies can be read: SQL and PL/pgSQL.

use std::sync::Arc;

use durward_model::{FunctionEffect, RowBound};
use pg_query::NodeEnum;

use super::{constant, qualified};
use crate::SessionEffect;
use crate::bind::{Binder, Call, CallKind, Origin};
use crate::catalog::Function;
use crate::utility::setting::{self, Value};
use crate::{SessionSettings, parser, plpgsql};

/// Notes a call of a function by what its body does. A body is walked once per command and path: more calls add only
/// the rows that each may write.
pub(super) fn call(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>) {
    binder.facts.function(function, FunctionEffect::Analyzed);
    if function.kind == crate::catalog::FunctionKind::Procedure {
        // A procedure may commit in its midst: what it set stands.
        binder.facts.effect(SessionEffect::MayChangeSettings);
    }
    let path = settings_and_path(binder, function);
    let sets_path = function.config.iter().any(|clause| clause.starts_with("search_path="));
    if !sets_path && function.sql_body.is_none() {
        binder.facts.rests_on_path();
    }
    let key = (function.oid, path.clone());
    match binder.walked.get(&key) {
        Some(Some(rows)) => {
            let rows = *rows;
            let counted = rows_of_calls(binder, rows, call.how);
            binder.facts.rows(counted);
        }
        // A call of itself: whatever it writes, it may write any number of times.
        Some(None) => binder.facts.rows(RowBound::Unbounded),
        None => {
            binder.walked.insert(key.clone(), None);
            let before = binder.facts.rows_so_far();
            walk(binder, function, path);
            let rows = difference(before, binder.facts.rows_so_far());
            binder.walked.insert(key, Some(rows));
            if rows != rows_of_calls(binder, rows, call.how) {
                binder.facts.rows(RowBound::Unbounded);
            }
        }
    }
}

/// How many rows calls may write when one may write `rows`: a query calls a function any number of times, unless it
/// has no FROM; a trigger's calls are counted by who fires it.
fn rows_of_calls(binder: &mut Binder<'_>, rows: RowBound, how: CallKind) -> RowBound {
    match (rows, how) {
        (RowBound::AtMost(0), _) => RowBound::AtMost(0),
        (rows, CallKind::Trigger) => rows,
        (rows, CallKind::Named) if binder.calls_once() => {
            binder.facts.counts_calls();
            rows
        }
        _ => RowBound::Unbounded,
    }
}

fn difference(before: RowBound, after: RowBound) -> RowBound {
    match (before, after) {
        (RowBound::AtMost(before), RowBound::AtMost(after)) => RowBound::AtMost(after.saturating_sub(before)),
        (RowBound::Unbounded, _) | (_, RowBound::Unbounded) => RowBound::Unbounded,
    }
}

/// Judges the SET clauses of a function, and gives the path that its body runs under.
fn settings_and_path(binder: &mut Binder<'_>, function: &Function) -> Vec<Arc<str>> {
    let mut path = binder.run_path.clone();
    for clause in &function.config {
        let Some((name, value)) = clause.split_once('=') else {
            binder
                .facts
                .opaque(qualified(function), "a SET clause that can't be read");
            continue;
        };
        if name == "search_path" {
            match effective_path(binder, value) {
                Some(found) => path = found,
                None => binder
                    .facts
                    .opaque(qualified(function), "a search_path that can't be read"),
            }
        } else {
            setting::judge_within_function(binder, name, &Value::Known(vec![value.to_owned()]));
        }
    }
    path
}

/// The schemas that a value of `search_path` stands for, as `current_schemas(true)` would give them.
pub(crate) fn effective_path(binder: &Binder<'_>, value: &str) -> Option<Vec<Arc<str>>> {
    let settings: &SessionSettings = binder.settings;
    let mut path: Vec<Arc<str>> = Vec::new();
    for name in constant::name_list(value)? {
        let name: Arc<str> = match name.as_str() {
            "$user" => Arc::clone(&settings.current_user),
            "pg_temp" => match &settings.temp_schema {
                Some(schema) => Arc::clone(schema),
                None => continue,
            },
            other => other.into(),
        };
        if binder.catalog.has_schema(&name) && !path.contains(&name) {
            path.push(name);
        }
    }
    if !path.iter().any(|schema| &**schema == "pg_catalog") {
        path.insert(0, "pg_catalog".into());
    }
    if let Some(schema) = &settings.temp_schema
        && !path.contains(schema)
    {
        path.insert(0, Arc::clone(schema));
    }
    Some(path)
}

fn walk(binder: &mut Binder<'_>, function: &Arc<Function>, path: Vec<Arc<str>>) {
    let before = std::mem::replace(&mut binder.run_path, path.clone());
    binder.nested(Origin::Code, |binder| match (&*function.language, &function.sql_body) {
        ("sql", Some(body)) => {
            // Its names were resolved when it was made, and are printed so that the definition's path finds them.
            binder.with_path(body.path.to_vec(), |binder| {
                binder.with_variables(variables(function), |binder| {
                    standard_body(binder, function, &body.text)
                });
            });
        }
        ("sql", None) => binder.with_path(path, |binder| {
            binder.with_variables(variables(function), |binder| {
                binder.sql_text(&function.source, &function.name);
            });
        }),
        _ => binder.with_path(path, |binder| {
            binder.with_variables(variables(function), |binder| plpgsql::function(binder, function));
        }),
    });
    binder.run_path = before;
}

/// The names that a body can use for its arguments: theirs, and the function's own before a dot.
fn variables(function: &Function) -> Vec<Arc<str>> {
    function
        .argument_names
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .chain([Arc::clone(&function.name)])
        .collect()
}

/// A body in the SQL standard's form: `RETURN …` or `BEGIN ATOMIC …; END`.
fn standard_body(binder: &mut Binder<'_>, function: &Function, body: &str) {
    let text = format!("CREATE FUNCTION f() RETURNS pg_catalog.void LANGUAGE sql {body}");
    let parsed = parser::parse(&text).ok();
    let statement = parsed
        .as_ref()
        .and_then(|tree| tree.stmts.first())
        .and_then(|raw| raw.stmt.as_ref())
        .and_then(|node| node.node.as_ref());
    let body = match statement {
        Some(NodeEnum::CreateFunctionStmt(create)) => create.sql_body.as_ref(),
        _ => None,
    };
    match body.and_then(|node| node.node.as_ref()) {
        Some(node) => statements(binder, function, node),
        None => unread(binder, function),
    }
}

fn statements(binder: &mut Binder<'_>, function: &Function, node: &NodeEnum) {
    match node {
        NodeEnum::List(list) => {
            for item in &list.items {
                match item.node.as_ref() {
                    Some(inner) => statements(binder, function, inner),
                    None => unread(binder, function),
                }
            }
        }
        NodeEnum::ReturnStmt(returned) => match returned.returnval.as_ref() {
            Some(value) => binder.expression(value),
            None => unread(binder, function),
        },
        statement => binder.statement(statement),
    }
}

fn unread(binder: &mut Binder<'_>, function: &Function) {
    binder.facts.function(function, FunctionEffect::Opaque);
    binder.facts.opaque(qualified(function), "its body can't be read");
}
