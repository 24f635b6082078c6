//! Facts of calls that the tables know.

use std::sync::Arc;

use durward_model::{AccessModes, FunctionEffect, HazardKind, Oid, RelationKind, RowBound, StatementClass};
use pg_query::{Node, NodeEnum};

use super::builtin::Known;
use super::{constant, opaque, qualified};
use crate::SessionEffect;
use crate::bind::{Binder, Call, is_setting_name};
use crate::catalog::{Function, Relation};
use crate::utility::setting::{self, Value};

/// A series or repetition longer than this is waste.
const SERIES_LENGTH_MAX: i64 = 100_000_000;

/// Notes a call of a function that the tables know.
pub(super) fn apply(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>, known: Known) {
    let facts = &mut binder.facts;
    match known {
        Known::Harmless => facts.function(function, FunctionEffect::Harmless),
        Known::Hazardous(kinds) => {
            facts.function(function, FunctionEffect::Writes);
            for kind in kinds {
                facts.hazard(*kind, qualified(function));
            }
            if changes_the_server(kinds) {
                facts.class(StatementClass::Maintenance);
            }
        }
        Known::AdvancesSequence => sequence(binder, call, function, RowBound::AtMost(0)),
        Known::SetsSequence => sequence(binder, call, function, RowBound::Unbounded),
        Known::RunsText(index) => runs_text(binder, call, function, index),
        Known::ReadsRelation => reads_relation(binder, call, function),
        Known::ReadsEverything => opaque(binder, function, "reads every relation of a schema or database"),
        Known::SetsSetting => sets_setting(binder, call, function),
        Known::WritesLargeObject => {
            facts.function(function, FunctionEffect::Writes);
            facts.class(StatementClass::Write);
            facts.rows(RowBound::Unbounded);
            large_objects(binder, AccessModes::INSERT | AccessModes::UPDATE);
        }
        Known::ReadsLargeObject => {
            facts.function(function, FunctionEffect::Harmless);
            large_objects(binder, AccessModes::READ);
        }
        Known::Maintains => {
            facts.function(function, FunctionEffect::Writes);
            facts.class(StatementClass::Maintenance);
            if let Some(relation) = relation_argument(binder, call, function) {
                let direct = binder.is_direct();
                binder.facts.relation(&relation, AccessModes::MAINTAIN, direct);
            }
        }
        Known::Notifies => {
            facts.function(function, FunctionEffect::Writes);
            facts.class(StatementClass::Session);
            facts.effect(SessionEffect::Notify);
        }
        Known::MakesSeries => series(binder, call, function),
    }
}

/// Whether hazards are of acts that change the server, and not only wait or read.
fn changes_the_server(kinds: &[HazardKind]) -> bool {
    kinds.iter().any(|kind| {
        matches!(
            kind,
            HazardKind::Configuration
                | HazardKind::PrivilegeChange
                | HazardKind::Replication
                | HazardKind::OtherSessions
                | HazardKind::HidesTracks
                | HazardKind::LargeObject
                | HazardKind::Extension
                | HazardKind::ForeignData
                | HazardKind::DataLoss
        )
    })
}

/// The argument at `index`, by position or by the name that the function gives it.
fn argument<'n>(call: &Call<'n>, function: &Function, index: usize) -> Option<&'n Node> {
    let named = function.argument_names.get(index).and_then(|wanted| {
        call.arguments.iter().find(|node| match node.node.as_ref() {
            Some(NodeEnum::NamedArgExpr(named)) => named.name == **wanted,
            _ => false,
        })
    });
    named.or_else(|| {
        call.arguments
            .get(index)
            .filter(|node| !matches!(node.node, Some(NodeEnum::NamedArgExpr(_))))
    })
}

/// The relation that the first argument names as a constant.
fn relation_argument(binder: &mut Binder<'_>, call: &Call<'_>, function: &Function) -> Option<Arc<Relation>> {
    let node = argument(call, function, 0)?;
    let found = if let Some(text) = constant::text(node) {
        find_relation(binder, &text)
    } else {
        let oid = constant::integer(node).and_then(|number| u32::try_from(number).ok())?;
        binder.catalog.relation(Oid(oid)).cloned()
    };
    binder.facts.literals_matter();
    found
}

/// The relation that a text names, as `regclass` input reads it.
pub(crate) fn find_relation(binder: &Binder<'_>, text: &str) -> Option<Arc<Relation>> {
    if let Ok(number) = text.trim().parse::<u32>() {
        return binder.catalog.relation(Oid(number)).cloned();
    }
    let parts = constant::qualified_name(text)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        [_, schema, name] => (Some(schema.as_str()), name),
        _ => return None,
    };
    binder
        .catalog
        .find_relation(binder.settings, &binder.run_path, schema, name)
        .cloned()
}

fn sequence(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>, rows: RowBound) {
    binder.facts.function(function, FunctionEffect::Writes);
    binder.facts.class(StatementClass::Write);
    binder.facts.rows(rows);
    let found = relation_argument(binder, call, function);
    let direct = binder.is_direct();
    match found {
        // Whatever else the name finds, the server refuses: only a sequence can be advanced.
        Some(relation) if relation.kind == RelationKind::Sequence => {
            binder.facts.relation(&relation, AccessModes::UPDATE, direct);
        }
        Some(_) | None => binder.facts.conservative(),
    }
}

/// A function that runs the SQL text in one of its arguments.
fn runs_text(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>, index: usize) {
    // Overloads of the same name without a text there (as ts_rewrite of three queries) run nothing.
    if function.argument_types.len() <= index || function.volatility == 'i' {
        binder.facts.function(function, FunctionEffect::Harmless);
        return;
    }
    let text = argument(call, function, index).and_then(constant::text);
    if let Some(text) = text {
        binder.facts.function(function, FunctionEffect::Analyzed);
        binder.facts.literals_matter();
        let path = binder.run_path.clone();
        binder.with_path(path, |binder| binder.sql_text(&text, &function.name));
    } else {
        binder.facts.hazard(HazardKind::DynamicSql, qualified(function));
        opaque(binder, function, "runs a statement text built at run time");
    }
}

fn reads_relation(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>) {
    let Some(relation) = relation_argument(binder, call, function) else {
        opaque(binder, function, "reads a relation named at run time");
        return;
    };
    binder.facts.function(function, FunctionEffect::Analyzed);
    // As a query over it, so that views and policies are seen through.
    let text = format!("SELECT * FROM {}.{}", quoted(&relation.schema), quoted(&relation.name));
    binder.sql_text(&text, &function.name);
}

/// An identifier in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn sets_setting(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>) {
    let name = argument(call, function, 0).and_then(|node| match &binder.pinned_setting {
        Some(pinned) if is_setting_name(node) => Some(pinned.clone()),
        _ => constant::text(node),
    });
    let value = argument(call, function, 1).and_then(constant::text);
    binder.facts.effect(SessionEffect::MayChangeSettings);
    binder.facts.literals_matter();
    let Some(name) = name else {
        binder.facts.hazard(HazardKind::SessionSetting, qualified(function));
        opaque(binder, function, "changes a setting named at run time");
        return;
    };
    binder.facts.function(function, FunctionEffect::Writes);
    let value = value.map_or(Value::Unknown, |value| Value::Known(vec![value]));
    setting::judge(binder, &name, &value);
}

/// Large objects live in one catalog table.
fn large_objects(binder: &mut Binder<'_>, modes: AccessModes) {
    let direct = binder.is_direct();
    match binder.catalog.relation_in("pg_catalog", "pg_largeobject").cloned() {
        Some(relation) => binder.facts.relation(&relation, modes, direct),
        None => binder.facts.conservative(),
    }
}

fn series(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>) {
    binder.facts.function(function, FunctionEffect::Harmless);
    let number = |index| argument(call, function, index).and_then(constant::integer);
    let long = if &*function.name == "repeat" {
        number(1).is_some_and(|times| times > SERIES_LENGTH_MAX)
    } else {
        let step = number(2).unwrap_or(1).unsigned_abs().max(1);
        number(0)
            .zip(number(1))
            .is_some_and(|(start, stop)| start.abs_diff(stop) / step > SERIES_LENGTH_MAX.unsigned_abs())
    };
    binder.facts.literals_matter();
    if long {
        binder.facts.hazard(HazardKind::ResourceUse, qualified(function));
    }
}
