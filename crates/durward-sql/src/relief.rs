//! Locks and rewrites of tables that hold no rows: they end at once and hinder nobody.

use std::collections::BTreeSet;

use durward_model::{Hazard, HazardKind, Oid, RelationKind, RelationUse, StatementClass, StatementFacts};

use crate::CatalogSnapshot;

/// The tables that a statement locks or rewrites by a hazard which would be none if they held no rows. One with children
/// is never among them: the rows may be theirs.
pub fn tables_locked(facts: &StatementFacts, catalog: &CatalogSnapshot) -> BTreeSet<Oid> {
    // LOCK is there to hinder others.
    if facts.class != StatementClass::Ddl {
        return BTreeSet::new();
    }
    let waits = facts.hazards.iter().filter(|hazard| waits(hazard));
    waits
        .filter_map(|hazard| facts.relations.iter().find(|usage| is_of(hazard, usage)))
        .map(|usage| &usage.relation)
        .filter(|relation| relation.kind == RelationKind::Table && catalog.children(relation.oid).next().is_none())
        .map(|relation| relation.oid)
        .collect()
}

/// The facts without the locks and rewrites of these tables, which hold no rows.
#[must_use]
pub fn without_locks_of(facts: &StatementFacts, empty: &BTreeSet<Oid>) -> StatementFacts {
    let mut facts = facts.clone();
    let uses: Vec<RelationUse> = facts
        .relations
        .iter()
        .filter(|usage| empty.contains(&usage.relation.oid))
        .cloned()
        .collect();
    facts
        .hazards
        .retain(|hazard| !(waits(hazard) && uses.iter().any(|usage| is_of(hazard, usage))));
    facts
}

fn waits(hazard: &Hazard) -> bool {
    matches!(hazard.kind, HazardKind::TableLock | HazardKind::TableRewrite)
}

fn is_of(hazard: &Hazard, usage: &RelationUse) -> bool {
    *hazard.object == *usage.relation.name.to_string()
}
