//! How many rows a statement would change: its own condition in a read of the same relations, or the query that an INSERT
//! takes its rows from, which is analysed like any other text before it is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, FunctionEffect, FunctionRef, Oid, RelationUse, StatementClass, StatementFacts,
};
use pg_query::NodeEnum;
use pg_query::protobuf::Token;

use crate::analysis::analyze_text;
use crate::catalog::{CatalogSnapshot, Function};
use crate::functions::quoted;
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
    /// Whether it is the number of rows; else there are at most so many.
    pub is_exact: bool,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountReach {
    /// A single UPDATE or DELETE by its own condition: quick, and what policy decides by.
    Condition,
    /// Joins and the query behind an INSERT too, which may take long: for approvers.
    Source,
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
    (rows_max, reach): (u64, CountReach),
) -> Result<Result<CountText, CannotCount>, AnalysisError> {
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err(CannotCount::Unreadable));
    }
    let first = analyze_text(text, context, tokens_max)?.analysis;
    let [own] = first.statements.as_slice() else {
        return Ok(Err(CannotCount::Kind));
    };
    let spliced = match splice(text, rows_max, reach) {
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
fn splice(text: &str, rows_max: u64, reach: CountReach) -> Result<CountText, CannotCount> {
    let parsed = parse_reading(text, Reading::Conforming).map_err(|_| CannotCount::Unreadable)?;
    let [raw] = parsed.stmts.as_slice() else {
        return Err(CannotCount::Kind);
    };
    let node = raw.stmt.as_ref().and_then(|node| node.node.as_ref());
    let (verb, range, sources, condition) = match node {
        Some(NodeEnum::UpdateStmt(update)) => (
            Token::Update,
            &update.relation,
            &update.from_clause,
            &update.where_clause,
        ),
        Some(NodeEnum::DeleteStmt(delete)) => (
            Token::DeleteP,
            &delete.relation,
            &delete.using_clause,
            &delete.where_clause,
        ),
        Some(NodeEnum::InsertStmt(insert)) if reach == CountReach::Source => {
            return splice_insert(text, rows_max, insert.on_conflict_clause.is_some());
        }
        _ => return Err(CannotCount::Kind),
    };
    let joins = !sources.is_empty();
    if joins && reach == CountReach::Condition {
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
    let body_end = where_at.unwrap_or(end);
    let sources_at = if joins {
        let word = if verb == Token::Update {
            Token::From
        } else {
            Token::Using
        };
        Some(sources_at(&words, word, verb_at + 2, body_end).ok_or(CannotCount::Unreadable)?)
    } else {
        None
    };
    let (target_from, target_to) = match verb {
        // UPDATE [ONLY] name [*] [[AS] alias] SET
        Token::Update => {
            let set = words.find(Token::Set, verb_at + 2).ok_or(CannotCount::Unreadable)?;
            (verb_at + 1, set)
        }
        // DELETE FROM [ONLY] name [*] [[AS] alias]
        _ => (verb_at + 2, sources_at.unwrap_or(body_end)),
    };
    let before = words.text(text, 0..verb_at);
    let target = words.text(text, target_from..target_to);
    let condition = match where_at {
        Some(at) => format!(" WHERE {}", words.text(text, at + 1..end)),
        None => String::new(),
    };
    let bound = rows_max.saturating_add(1);
    // Each row that joins several is changed once.
    let (rows, sources) = match (sources_at, range) {
        (Some(at), Some(range)) => {
            let alias = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
            let alias = quoted(alias);
            let sources = words.text(text, at + 1..body_end);
            (
                format!("DISTINCT {alias}.tableoid, {alias}.ctid"),
                format!(", {sources}\n"),
            )
        }
        _ => ("1".to_owned(), String::new()),
    };
    // The condition stands on a line of its own, so that a comment in it ends with it.
    let counted = format!(
        "{before} SELECT pg_catalog.count(*) FROM (SELECT {rows} FROM {target}{sources}{condition}\nLIMIT {bound}) \
         durward_count"
    );
    count_of(counted, true)
}

/// Where FROM or USING stands: not the one of IS DISTINCT FROM.
fn sources_at(words: &Words, word: Token, from: usize, end: usize) -> Option<usize> {
    let mut at = words.find(word, from)?;
    while words.token(at.checked_sub(1)?)? == Token::Distinct {
        at = words.find(word, at + 1)?;
    }
    (at < end).then_some(at)
}

/// The query that an INSERT takes its rows from. Those that are there already may be left out.
fn splice_insert(text: &str, rows_max: u64, skips: bool) -> Result<CountText, CannotCount> {
    let words = Words::of(text).ok_or(CannotCount::Unreadable)?;
    let verb_at = words.find(Token::Insert, 0).ok_or(CannotCount::Unreadable)?;
    let query = [Token::Select, Token::With, Token::Table];
    let query_at = query.into_iter().filter_map(|word| words.find(word, verb_at + 1)).min();
    let query_at = query_at.ok_or(CannotCount::Kind)?;
    let mut end = words
        .find(Token::Returning, query_at)
        .or_else(|| words.find(Token::Ascii59, query_at))
        .unwrap_or(words.len());
    if skips {
        let mut at = words.find(Token::On, query_at).ok_or(CannotCount::Unreadable)?;
        while words.token(at + 1) != Some(Token::Conflict) {
            at = words.find(Token::On, at + 1).ok_or(CannotCount::Unreadable)?;
        }
        end = end.min(at);
    }
    let before = words.text(text, 0..verb_at);
    let query = words.text(text, query_at..end);
    let bound = rows_max.saturating_add(1);
    let counted = format!(
        "{before} SELECT pg_catalog.count(*) FROM (SELECT 1 FROM ({query}\n) durward_source LIMIT {bound}) durward_count"
    );
    count_of(counted, !skips)
}

fn count_of(counted: String, is_exact: bool) -> Result<CountText, CannotCount> {
    let parameters = Words::of(&counted).ok_or(CannotCount::Unreadable)?.parameters(&counted);
    Ok(CountText {
        text: counted.trim_start().to_owned(),
        analysis: Analysis { statements: Vec::new() },
        parameters,
        is_exact,
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
    if &*own.command == "INSERT" {
        let known: BTreeSet<Oid> = own.relations.iter().map(|usage| usage.relation.oid).collect();
        let reads_its_own = facts.relations.iter().all(|usage| known.contains(&usage.relation.oid));
        return reads_its_own.then_some(()).ok_or(CannotCount::Unreadable);
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
