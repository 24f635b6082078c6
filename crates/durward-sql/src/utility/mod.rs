//! What utility statements do: everything but SELECT, INSERT, UPDATE, DELETE, MERGE.

pub(crate) mod setting;

use durward_model::StatementClass;
use pg_query::NodeEnum;

use crate::bind::Binder;

/// Notes what a utility statement does: class, command, objects, hazards, session effects.
pub(crate) fn statement(binder: &mut Binder<'_>, node: &NodeEnum) {
    let _ = node;
    binder.facts.class(StatementClass::Unknown);
    binder.facts.opaque("statement", "not known");
}
