//! Columns as they are read: every value as its type's text, so that it can be put back.

use std::sync::Arc;

use durward_model::{Certainty, ColumnNumber, FunctionEffect, Oid, StatementFacts};

use crate::AnalysisContext;
use crate::catalog::Column;
use crate::count::candidates;
use crate::functions::quoted;

/// A column whose values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedColumn {
    /// Its number.
    pub number: ColumnNumber,
    /// Its name.
    pub name: Arc<str>,
    /// Its type, qualified and quoted, without its modifier.
    pub type_name: Arc<str>,
    /// Whether the server computes it from other columns.
    pub generated: bool,
    /// The type is the server's own, and its cast to text is its output function.
    pub(super) is_built_in: bool,
}

/// A value that an UPDATE gives a column, computed before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewValue {
    /// The column's place.
    pub column: usize,
    /// Whether it is the same whenever it is computed from the same row.
    pub is_steady: bool,
}

impl CapturedColumn {
    pub(super) fn of(column: &Column, context: &AnalysisContext) -> Self {
        let known = context.catalog.type_(column.type_oid);
        let type_name = known.map(|known| format!("{}.{}", quoted(&known.schema), quoted(&known.name)));
        Self {
            number: column.number,
            name: Arc::clone(&column.name),
            type_name: type_name.unwrap_or_else(|| "pg_catalog.text".to_owned()).into(),
            generated: column.generated,
            is_built_in: column.type_oid.is_built_in() && column.type_oid != Oid(0),
        }
    }

    /// The column's value as text, of a row called `row`.
    pub fn as_text(&self, row: &str) -> String {
        self.value_as_text(&format!("{row}.{}", quoted(&self.name)))
    }

    /// A value of the column's type, as text.
    fn value_as_text(&self, value: &str) -> String {
        if self.is_built_in {
            format!("{value}::pg_catalog.text")
        } else {
            // A type of somebody's may have a cast to text that is more than its output.
            format!("CASE WHEN {value} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {value}) END")
        }
    }

    /// What an assignment of `value` makes of it, as text.
    pub(super) fn assigned_as_text(&self, value: &str) -> String {
        self.value_as_text(&format!("CAST(({value}) AS {})", self.type_name))
    }
}

/// Whether a value that is read by `read` is the same each time; `None` where it can't be computed beforehand.
pub(super) fn steadiness(own: &StatementFacts, read: &StatementFacts, context: &AnalysisContext) -> Option<bool> {
    let known = |oid: Oid| own.relations.iter().any(|usage| usage.relation.oid == oid);
    let only_reads = read
        .relations
        .iter()
        .all(|usage| !usage.modes.changes() && known(usage.relation.oid));
    if !only_reads || !read.hazards.is_empty() || read.certainty == Certainty::Opaque {
        return None;
    }
    let mut is_steady = true;
    for used in &read.functions {
        let harmless = matches!(used.effect, FunctionEffect::Harmless | FunctionEffect::Analyzed);
        let mut candidates = candidates(&used.function, &context.catalog);
        if !harmless || candidates.clone().next().is_none() {
            return None;
        }
        is_steady &= candidates.all(|function| function.volatility == 'i');
    }
    Some(is_steady)
}
