//! What calling a function can do.
//!
//! Built-in functions and members of reviewed extensions are known by tables ([`builtin`], [`extension`]); functions
//! in SQL and PL/pgSQL by their bodies ([`body`]); everything else is opaque.

mod body;
mod builtin;
pub(crate) mod constant;
mod extension;
mod known;
pub(crate) mod relation;

#[cfg(test)]
mod tests;

pub(crate) use known::quoted;

use std::sync::Arc;

use durward_model::{FunctionEffect, HazardKind};

use self::builtin::Known;
use crate::SessionEffect;
use crate::bind::{Binder, Call};
use crate::catalog::{Function, FunctionKind};

/// Notes a call: its effect, its hazards, and what its body does. Overloads aren't resolved: every candidate counts.
pub(crate) fn call(binder: &mut Binder<'_>, call: &Call<'_>) {
    for function in call.candidates {
        if function.returns_set {
            binder.facts.calls_set();
        }
        one(binder, call, function);
    }
}

fn one(binder: &mut Binder<'_>, call: &Call<'_>, function: &Arc<Function>) {
    if let Some(known) = known_effect(function) {
        known::apply(binder, call, function, known);
        return;
    }
    match &*function.language {
        // The support functions of an aggregate are calls of their own.
        "internal" if function.kind == FunctionKind::Aggregate && !function.oid.is_built_in() => {
            binder.facts.function(function, FunctionEffect::Analyzed);
            aggregate(binder, function);
        }
        "internal" if is_range_constructor(function) => binder.facts.function(function, FunctionEffect::Harmless),
        "sql" | "plpgsql" => body::call(binder, call, function),
        language => {
            if !function.language_trusted && !matches!(language, "c" | "internal") {
                binder.facts.hazard(HazardKind::UntrustedCode, qualified(function));
            }
            opaque(binder, function, &format!("language {language}"));
        }
    }
}

/// What the tables say of a function; `None` where its body or nothing speaks for it.
fn known_effect(function: &Function) -> Option<Known> {
    let compiled = matches!(&*function.language, "internal" | "c");
    if function.oid.is_built_in() && (compiled || &*function.language == "sql") {
        return builtin::effect(&function.name, function.volatility);
    }
    match &function.extension {
        Some(extension) if compiled && function.kind != FunctionKind::Aggregate => {
            extension::effect(extension, &function.name, function.volatility)
        }
        // Members in a language that can be read may still run text that only the table knows of.
        Some(extension) => extension::effect(extension, &function.name, function.volatility)
            .filter(|known| !matches!(known, Known::Harmless)),
        None => None,
    }
}

/// The support functions of an aggregate that a person or an extension made.
fn aggregate(binder: &mut Binder<'_>, function: &Arc<Function>) {
    let catalog = binder.catalog;
    for oid in catalog.aggregate_functions(function.oid) {
        if oid.0 == 0 {
            continue;
        }
        match catalog.function(*oid) {
            // An aggregate that names itself can't be made; the check keeps a broken catalog from looping.
            Some(support) if support.oid != function.oid => {
                let support = [Arc::clone(support)];
                let nested = Call {
                    candidates: &support,
                    arguments: &[],
                    how: crate::bind::CallKind::Aggregate,
                };
                call(binder, &nested);
            }
            Some(_) | None => binder
                .facts
                .opaque(qualified(function), "support function not in the catalog"),
        }
    }
}

/// The constructors that CREATE TYPE … AS RANGE makes.
fn is_range_constructor(function: &Function) -> bool {
    matches!(
        &*function.source,
        "range_constructor2"
            | "range_constructor3"
            | "multirange_constructor0"
            | "multirange_constructor1"
            | "multirange_constructor2"
    )
}

/// Notes a function that can't be seen through: it may do anything, settings included.
fn opaque(binder: &mut Binder<'_>, function: &Function, reason: &str) {
    binder.facts.function(function, FunctionEffect::Opaque);
    binder.facts.opaque(qualified(function), reason);
    binder.facts.effect(SessionEffect::MayChangeSettings);
}

/// `schema.name`.
pub(crate) fn qualified(function: &Function) -> String {
    format!("{}.{}", function.schema, function.name)
}
