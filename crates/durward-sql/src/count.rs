//! How many rows an UPDATE or DELETE would change: its own condition in a read of the same relation, which is analysed
//! like any other text before it is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, FunctionEffect, FunctionRef, Oid, RelationUse, StatementClass, StatementFacts,
};
use pg_query::NodeEnum;
use pg_query::protobuf::Token;

use crate::analysis::analyze_text;
use crate::catalog::{CatalogSnapshot, Function};
use crate::parser::{Reading, parse_reading};
use crate::text::Words;
use crate::{Analysis, AnalysisContext, AnalysisError};

/// A read that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountText {
    /// Its text: one row with one number. Parameters keep their numbers.
    pub text: String,
    /// Its analysis.
    pub analysis: Analysis,
    /// The numbers of the parameters that it uses, from 1.
    pub parameters: BTreeSet<usize>,
}

/// Why a statement's rows can't be counted beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotCount {
    /// It isn't one UPDATE or DELETE.
    #[error("only a single UPDATE or DELETE can be counted")]
    Kind,
    /// It takes its rows from other tables.
    #[error("it joins other tables")]
    Joins,
    /// Its condition may say something else the next time.
    #[error("its condition isn't the same each time it is asked")]
    Volatile,
    /// Its condition can't be seen through, or does more than read.
    #[error("its condition can't be seen through")]
    Opaque,
    /// The text that comes out isn't what it should be.
    #[error("its condition can't be taken out of it")]
    Unreadable,
}

/// Makes the text that counts, up to `rows_max` rows. To be called on a parser thread.
pub(crate) fn count_text(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
    rows_max: u64,
) -> Result<Result<CountText, CannotCount>, AnalysisError> {
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err(CannotCount::Unreadable));
    }
    let first = analyze_text(text, context, tokens_max)?.analysis;
    let [own] = first.statements.as_slice() else {
        return Ok(Err(CannotCount::Kind));
    };
    let spliced = match splice(text, rows_max) {
        Ok(spliced) => spliced,
        Err(reason) => return Ok(Err(reason)),
    };
    let analysis = match analyze_text(&spliced.text, context, tokens_max) {
        Ok(second) => second.analysis,
        Err(AnalysisError::Syntax(_)) => return Ok(Err(CannotCount::Unreadable)),
        Err(error) => return Err(error),
    };
    let checked = check(&own.facts, &analysis, context);
    Ok(checked.map(|()| CountText { analysis, ..spliced }))
}

/// Takes target and condition out of the text, by the places of its words.
fn splice(text: &str, rows_max: u64) -> Result<CountText, CannotCount> {
    let parsed = parse_reading(text, Reading::Conforming).map_err(|_| CannotCount::Unreadable)?;
    let [raw] = parsed.stmts.as_slice() else {
        return Err(CannotCount::Kind);
    };
    let node = raw.stmt.as_ref().and_then(|node| node.node.as_ref());
    let (verb, joins, condition) = match node {
        Some(NodeEnum::UpdateStmt(update)) => (Token::Update, !update.from_clause.is_empty(), &update.where_clause),
        Some(NodeEnum::DeleteStmt(delete)) => (Token::DeleteP, !delete.using_clause.is_empty(), &delete.where_clause),
        _ => return Err(CannotCount::Kind),
    };
    if joins {
        return Err(CannotCount::Joins);
    }
    if let Some(NodeEnum::CurrentOfExpr(_)) = condition.as_ref().and_then(|condition| condition.node.as_ref()) {
        return Err(CannotCount::Kind);
    }
    let words = Words::of(text).ok_or(CannotCount::Unreadable)?;
    let verb_at = words.find(verb, 0).ok_or(CannotCount::Unreadable)?;
    let end = words
        .find(Token::Returning, verb_at + 1)
        .or_else(|| words.find(Token::Ascii59, verb_at + 1))
        .unwrap_or(words.len());
    let where_at = words.find(Token::Where, verb_at + 1).filter(|at| *at < end);
    if where_at.is_some() != condition.is_some() {
        return Err(CannotCount::Unreadable);
    }
    let (target_from, target_to) = match verb {
        // UPDATE [ONLY] name [*] [[AS] alias] SET
        Token::Update => {
            let set = words.find(Token::Set, verb_at + 2).ok_or(CannotCount::Unreadable)?;
            (verb_at + 1, set)
        }
        // DELETE FROM [ONLY] name [*] [[AS] alias]
        _ => (verb_at + 2, where_at.unwrap_or(end)),
    };
    let before = words.text(text, 0..verb_at);
    let target = words.text(text, target_from..target_to);
    let condition = match where_at {
        Some(at) => format!(" WHERE {}", words.text(text, at + 1..end)),
        None => String::new(),
    };
    let bound = rows_max.saturating_add(1);
    // The condition stands on a line of its own, so that a comment in it ends with it.
    let counted = format!(
        "{before} SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {target}{condition}\nLIMIT {bound}) durward_count"
    );
    let parameters = Words::of(&counted).ok_or(CannotCount::Unreadable)?.parameters(&counted);
    Ok(CountText {
        text: counted.trim_start().to_owned(),
        analysis: Analysis { statements: Vec::new() },
        parameters,
    })
}

/// What counts must be a read, of the relation that would be changed, by nothing but what the statement itself uses.
fn check(own: &StatementFacts, counted: &Analysis, context: &AnalysisContext) -> Result<(), CannotCount> {
    let [count] = counted.statements.as_slice() else {
        return Err(CannotCount::Unreadable);
    };
    let facts = &count.facts;
    let seen = facts.certainty != Certainty::Opaque && facts.opaque.is_empty() && count.unresolved.is_empty();
    if !seen || !facts.hazards.is_empty() {
        return Err(CannotCount::Opaque);
    }
    let only_reads = facts.relations.iter().all(|usage| usage.modes == AccessModes::READ);
    if facts.class != StatementClass::Read || !only_reads || !count.effects.is_empty() {
        return Err(CannotCount::Opaque);
    }
    for used in &facts.functions {
        let harmless = matches!(used.effect, FunctionEffect::Harmless | FunctionEffect::Analyzed);
        let mut candidates = candidates(&used.function, &context.catalog);
        if !harmless {
            return Err(CannotCount::Opaque);
        }
        if candidates.clone().next().is_none() || !candidates.all(|function| is_steady(function)) {
            return Err(CannotCount::Volatile);
        }
    }
    let changes = AccessModes::UPDATE | AccessModes::DELETE;
    let target = |usage: &&RelationUse| usage.direct && usage.modes.intersects(changes);
    let targets: BTreeSet<Oid> = own
        .relations
        .iter()
        .filter(target)
        .map(|usage| usage.relation.oid)
        .collect();
    let known: BTreeSet<Oid> = own.relations.iter().map(|usage| usage.relation.oid).collect();
    let counts: BTreeSet<Oid> = facts.relations.iter().map(|usage| usage.relation.oid).collect();
    if targets.is_empty() || !targets.is_subset(&counts) || !counts.is_subset(&known) {
        return Err(CannotCount::Unreadable);
    }
    Ok(())
}

/// The functions that a call may mean: calls of the server's own aren't always resolved to one.
pub(crate) fn candidates<'a>(
    used: &FunctionRef,
    catalog: &'a CatalogSnapshot,
) -> impl Iterator<Item = &'a Arc<Function>> + Clone {
    let schema = Arc::clone(&used.name.schema);
    let named = (used.oid == Oid(0)).then(|| catalog.functions_named(&used.name.name).collect::<Vec<_>>());
    let named = named.unwrap_or_default().into_iter();
    catalog
        .function(used.oid)
        .into_iter()
        .chain(named.filter(move |function| function.schema == schema))
}

/// Whether a function gives the same in the count as in the statement itself. Most stable ones may look at the statement,
/// the transaction or a setting; those that only know the time zone and the time of day don't.
fn is_steady(function: &Function) -> bool {
    const OF_TIME: [&str; 8] = [
        "timestamp",
        "date",
        "time",
        "interval",
        "age",
        "now",
        "to_char",
        "extract",
    ];
    match function.volatility {
        'i' => true,
        's' => !function.oid.is_built_in() || OF_TIME.iter().any(|word| function.name.contains(word)),
        _ => false,
    }
}

/// The bodies of functions and views that a statement rests on, so that an approval ends when one of them changes.
pub fn definitions(facts: &StatementFacts, context: &AnalysisContext) -> Vec<Arc<str>> {
    let catalog = &context.catalog;
    let functions = facts.functions.iter().filter(|used| !used.function.oid.is_built_in());
    let mut bodies: Vec<Arc<str>> = functions
        .filter_map(|used| catalog.function(used.function.oid))
        .map(|function| {
            let body = function.sql_body.as_ref().map(|body| format!("{body:?}"));
            format!("{} {} {:?}", function.oid, function.source, body).into()
        })
        .collect();
    let views = facts.relations.iter().map(|usage| usage.relation.oid);
    bodies.extend(views.filter_map(|oid| {
        let view = catalog.view_definition(oid)?;
        Some(format!("{oid} {view:?}").into())
    }));
    bodies
}

#[cfg(test)]
mod tests;
