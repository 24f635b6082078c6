//! What PL/pgSQL bodies do.

mod body;
mod cursors;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use durward_model::{HazardKind, RowBound, StatementClass};
use pg_query::NodeEnum;

use self::body::{Body, Piece, PieceKind};
use crate::SessionEffect;
use crate::bind::Binder;
use crate::catalog::Function;
use crate::functions::{self, constant};
use crate::parser;

/// Variables that every body has, those of triggers and event triggers included.
const SPECIAL: [&str; 20] = [
    "found",
    "new",
    "old",
    "sqlerrm",
    "sqlstate",
    "tg_argv",
    "tg_event",
    "tg_level",
    "tg_name",
    "tg_nargs",
    "tg_op",
    "tg_relid",
    "tg_relname",
    "tg_table_name",
    "tg_table_schema",
    "tg_tag",
    "tg_when",
    "row_count",
    "pg_context",
    "returned_sqlstate",
];

/// Notes what the body of a function does. The caller has set the path and the arguments' names.
pub(crate) fn function(binder: &mut Binder<'_>, function: &Function) {
    body_text(binder, &function.source, &functions::qualified(function));
}

/// Notes what a DO block does.
pub(crate) fn do_block(binder: &mut Binder<'_>, text: &str) {
    binder.facts.class(StatementClass::Read);
    binder.facts.effect(SessionEffect::MayChangeSettings);
    let path = binder.run_path.clone();
    binder.with_path(path, |binder| body_text(binder, text, "DO"));
}

fn body_text(binder: &mut Binder<'_>, text: &str, what: &str) {
    if binder.settings.doubts_body(text) {
        binder
            .facts
            .opaque(what, "its strings may be read in another way when it runs");
        binder.facts.effect(SessionEffect::MayChangeSettings);
        return;
    }
    match body::parse(text) {
        Ok(parsed) => {
            let Body {
                pieces,
                names,
                fetches_foreign,
                reads_errors,
            } = parsed;
            if pieces.len() > 1 {
                binder.facts.rests_on_path();
            }
            let names = names.into_iter().chain(SPECIAL.into_iter().map(Arc::from));
            binder.with_variables(names, |binder| {
                for piece in &pieces {
                    run(binder, piece, what);
                }
            });
            if fetches_foreign {
                // It runs and reads what somebody else has opened, under a name that is known when it runs.
                unseen(binder, what, "a cursor that was opened out of sight");
            }
            if reads_errors {
                binder.errors_are_read();
            }
        }
        Err(reason) => {
            binder
                .facts
                .opaque(what, format!("a body that can't be read: {}", reason.0));
            binder.facts.effect(SessionEffect::MayChangeSettings);
        }
    }
}

fn run(binder: &mut Binder<'_>, piece: &Piece, what: &str) {
    let before = binder.facts.rows_so_far();
    let around = binder.repeated;
    binder.repeated |= piece.repeated;
    binder.sql_text(&piece.text, what);
    if piece.kind == PieceKind::Dynamic {
        dynamic(binder, &piece.text, what);
    }
    binder.repeated = around;
    if piece.repeated && binder.facts.rows_so_far() != before {
        binder.facts.rows(RowBound::Unbounded);
    }
}

/// EXECUTE of a text: one that stands in the body is walked, one built at run time is opaque.
fn dynamic(binder: &mut Binder<'_>, select: &str, what: &str) {
    let tree = parser::parse(select).ok();
    let text = tree.as_ref().and_then(|tree| {
        let [statement] = tree.stmts.as_slice() else {
            return None;
        };
        let Some(NodeEnum::SelectStmt(select)) = statement.stmt.as_ref()?.node.as_ref() else {
            return None;
        };
        let [target] = select.target_list.as_slice() else {
            return None;
        };
        match target.node.as_ref()? {
            NodeEnum::ResTarget(target) if select.from_clause.is_empty() => constant::text(target.val.as_ref()?),
            _ => None,
        }
    });
    match text {
        Some(text) => binder.sql_text(&text, what),
        None => unseen(binder, what, "dynamic SQL"),
    }
}

/// What is known only when it runs.
fn unseen(binder: &mut Binder<'_>, what: &str, reason: &str) {
    binder.facts.hazard(HazardKind::DynamicSql, what);
    binder.facts.opaque(what, reason);
    binder.facts.effect(SessionEffect::MayChangeSettings);
}
