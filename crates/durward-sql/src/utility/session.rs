//! Statements about this session alone.

use std::sync::Arc;

use durward_model::{Digest, StatementClass};
use pg_query::protobuf::{
    ClosePortalStmt, DeallocateStmt, DeclareCursorStmt, DiscardMode, DiscardStmt, ExecuteStmt, FetchStmt, PrepareStmt,
    TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt, a_const,
};
use pg_query::{Node, NodeEnum};

use super::setting::{self, Value};
use crate::bind::{Binder, FactsBuilder};
use crate::{AnalyzedStatement, SessionEffect};

pub(super) fn transaction(binder: &mut Binder<'_>, statement: &TransactionStmt, tag: &str) {
    binder.facts.class(StatementClass::Transaction);
    if !binder.facts.is_command(tag) {
        // Within a procedure or DO block: the session's transaction ends and begins again, and settings with it.
        binder.facts.effect(SessionEffect::MayChangeSettings);
        return;
    }
    let name: Arc<str> = statement.savepoint_name.as_str().into();
    let chain = statement.chain;
    let effect = match statement.kind() {
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => SessionEffect::Begin,
        TransactionStmtKind::TransStmtCommit => SessionEffect::Commit { chain },
        TransactionStmtKind::TransStmtRollback => SessionEffect::Rollback { chain },
        TransactionStmtKind::TransStmtSavepoint => SessionEffect::Savepoint { name },
        TransactionStmtKind::TransStmtRelease => SessionEffect::Release { name },
        TransactionStmtKind::TransStmtRollbackTo => SessionEffect::RollbackTo { name },
        TransactionStmtKind::TransStmtPrepare
        | TransactionStmtKind::TransStmtCommitPrepared
        | TransactionStmtKind::TransStmtRollbackPrepared => SessionEffect::TwoPhase,
        TransactionStmtKind::Undefined => {
            binder.facts.class(StatementClass::Unknown);
            binder.facts.opaque("transaction statement", "its kind is not known");
            return;
        }
    };
    binder.facts.effect(effect);
}

pub(super) fn set(binder: &mut Binder<'_>, statement: &VariableSetStmt) {
    binder.facts.class(StatementClass::Session);
    binder.facts.literals_matter();
    let name = statement.name.to_ascii_lowercase();
    let value = match statement.kind() {
        VariableSetKind::VarSetValue => values(&statement.args),
        VariableSetKind::VarSetDefault | VariableSetKind::VarReset => Value::Default,
        // Within CREATE FUNCTION only: the value of now.
        VariableSetKind::VarSetCurrent => Value::Unknown,
        VariableSetKind::VarSetMulti => {
            let local = !name.starts_with("session");
            let name = if name.contains("snapshot") {
                "transaction_snapshot"
            } else {
                "transaction_isolation"
            };
            binder.facts.effect(SessionEffect::SetSetting {
                name: name.into(),
                local,
            });
            return;
        }
        VariableSetKind::VarResetAll => {
            binder.facts.moves_names();
            binder.facts.effect(SessionEffect::ResetAll);
            return;
        }
        VariableSetKind::Undefined => {
            binder.facts.opaque("SET", "its kind is not known");
            Value::Unknown
        }
    };
    setting::note(binder, &name, &value);
    setting::changes_names(binder, &name);
    binder.facts.effect(SessionEffect::SetSetting {
        name: name.into(),
        local: statement.is_local,
    });
}

/// The constants of a SET.
fn values(nodes: &[Node]) -> Value {
    let values: Option<Vec<String>> = nodes.iter().map(|node| constant(node.node.as_ref()?)).collect();
    values.map_or(Value::Unknown, Value::Known)
}

fn constant(node: &NodeEnum) -> Option<String> {
    match node {
        NodeEnum::AConst(constant) => Some(match constant.val.as_ref()? {
            a_const::Val::Ival(value) => value.ival.to_string(),
            a_const::Val::Fval(value) => value.fval.clone(),
            a_const::Val::Sval(value) => value.sval.clone(),
            a_const::Val::Boolval(value) => value.boolval.to_string(),
            a_const::Val::Bsval(value) => value.bsval.clone(),
        }),
        // SET TIME ZONE INTERVAL '…'.
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_ref()?.node.as_ref()?),
        _ => None,
    }
}

pub(super) fn discard(binder: &mut Binder<'_>, statement: &DiscardStmt) {
    binder.facts.class(StatementClass::Session);
    match statement.target() {
        DiscardMode::DiscardAll => {
            binder.facts.moves_names();
            binder.facts.effect(SessionEffect::DiscardAll);
            binder.facts.effect(SessionEffect::ChangesCatalog);
        }
        DiscardMode::DiscardTemp => {
            binder.facts.effect(SessionEffect::DiscardSome);
            binder.facts.effect(SessionEffect::ChangesCatalog);
        }
        DiscardMode::DiscardPlans | DiscardMode::DiscardSequences => binder.facts.effect(SessionEffect::DiscardSome),
        DiscardMode::Undefined => binder.facts.opaque("DISCARD", "its kind is not known"),
    }
}

/// Walks a statement with facts of its own, for those who must keep it apart.
pub(super) fn apart(binder: &mut Binder<'_>, node: &NodeEnum) -> FactsBuilder {
    let outer = std::mem::replace(&mut binder.facts, FactsBuilder::new(command_word(node)));
    binder.command(node);
    std::mem::replace(&mut binder.facts, outer)
}

fn command_word(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::SelectStmt(_) => "SELECT",
        NodeEnum::InsertStmt(_) => "INSERT",
        NodeEnum::UpdateStmt(_) => "UPDATE",
        NodeEnum::DeleteStmt(_) => "DELETE",
        NodeEnum::MergeStmt(_) => "MERGE",
        // Utility statements name themselves.
        _ => "",
    }
}

/// PREPARE: the body's facts are kept for EXECUTE, and count for the PREPARE too, so that what will never be allowed
/// is refused at once.
pub(super) fn prepare(binder: &mut Binder<'_>, statement: &PrepareStmt) {
    binder.facts.class(StatementClass::Session);
    let Some(node) = statement.query.as_ref().and_then(|query| query.node.as_ref()) else {
        binder.facts.opaque("PREPARE", "without a statement");
        return;
    };
    let body = apart(binder, node);
    binder.facts.absorb(&body);
    let (facts, effects, unresolved) = body.finish();
    binder.facts.effect(SessionEffect::Prepare {
        name: statement.name.as_str().into(),
        body: Arc::new(AnalyzedStatement {
            span: 0..0,
            normalized: Arc::clone(&facts.command),
            facts: Arc::new(facts),
            effects: effects.into(),
            unresolved: unresolved.into(),
            shape: Digest::default(),
        }),
    });
}

pub(super) fn execute(binder: &mut Binder<'_>, statement: &ExecuteStmt) {
    binder.facts.class(StatementClass::Session);
    for argument in &statement.params {
        binder.expression(argument);
    }
    binder.facts.effect(SessionEffect::Execute {
        name: statement.name.as_str().into(),
    });
}

pub(super) fn deallocate(binder: &mut Binder<'_>, statement: &DeallocateStmt) {
    binder.facts.class(StatementClass::Session);
    let all = statement.isall || statement.name.is_empty();
    let name = (!all).then(|| statement.name.as_str().into());
    binder.facts.effect(SessionEffect::Deallocate { name });
}

/// DECLARE: its output is what FETCH gives.
pub(super) fn declare(binder: &mut Binder<'_>, statement: &DeclareCursorStmt) {
    binder.facts.class(StatementClass::Session);
    match statement.query.as_ref().and_then(|query| query.node.as_ref()) {
        Some(node) => binder.command(node),
        None => binder.facts.opaque("DECLARE", "without a query"),
    }
    binder.facts.effect(SessionEffect::DeclareCursor {
        name: statement.portalname.as_str().into(),
    });
}

/// What a cursor gives was judged when it was declared.
pub(super) fn fetch(binder: &mut Binder<'_>, statement: &FetchStmt) {
    binder.facts.class(StatementClass::Session);
    binder.facts.effect(SessionEffect::Fetch {
        name: statement.portalname.as_str().into(),
    });
}

pub(super) fn close(binder: &mut Binder<'_>, statement: &ClosePortalStmt) {
    binder.facts.class(StatementClass::Session);
    let name = (!statement.portalname.is_empty()).then(|| statement.portalname.as_str().into());
    binder.facts.effect(SessionEffect::CloseCursor { name });
}
