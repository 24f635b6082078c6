//! The labelled columns that a statement touches, for the record.

use std::sync::Arc;

use durward_audit::{ColumnTreatment, LabelledColumn};
use durward_model::{ColumnUse, Label, RelationUse, StatementFacts};

use super::Session;
use crate::labels::LabelSnapshot;
use crate::masks::holding;
use durward_sql::catalog::CatalogSnapshot;

/// What is remembered of statements that were looked at before.
///
/// Unit: statements. Reason: a session runs some hundred; past it they are looked at again.
const LABELLED_MAX: usize = 512;

/// The label of a column that nobody has judged yet: it is masked like a secret.
const NOT_JUDGED: &str = "not_judged";

/// What became of the labelled columns of a statement as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manner {
    /// It was permitted, and shows these labels alone in clear; all of them where none is masked.
    Permitted(Option<Vec<Label>>),
    /// It was refused.
    Refused,
}

/// The labelled columns of a statement, and what they rest on.
pub(super) struct Labelled {
    facts: Arc<StatementFacts>,
    manner: Manner,
    labels: u64,
    catalog: u64,
    columns: Arc<[LabelledColumn]>,
}

impl Session {
    /// The labelled columns that a statement touches, and what becomes of each.
    pub(super) fn labelled(&mut self, facts: &Arc<StatementFacts>, manner: Manner) -> Arc<[LabelledColumn]> {
        if facts.relations.is_empty() {
            return Arc::new([]);
        }
        let labels = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        let key = Arc::as_ptr(facts).addr();
        if let Some(known) = self.labelled.get(&key)
            && known.manner == manner
            && (known.labels, known.catalog) == (labels.generation(), catalog.generation())
        {
            return Arc::clone(&known.columns);
        }
        let columns: Arc<[LabelledColumn]> = find(facts, &manner, &labels, catalog).into();
        if self.labelled.len() >= LABELLED_MAX {
            self.labelled.clear();
        }
        let known = Labelled {
            facts: Arc::clone(facts),
            manner,
            labels: labels.generation(),
            catalog: catalog.generation(),
            columns: Arc::clone(&columns),
        };
        debug_assert!(
            Arc::ptr_eq(&known.facts, facts),
            "the facts keep their address while they are remembered"
        );
        self.labelled.insert(key, known);
        columns
    }
}

fn find(
    facts: &StatementFacts,
    manner: &Manner,
    labels: &LabelSnapshot,
    catalog: &CatalogSnapshot,
) -> Vec<LabelledColumn> {
    let mut found = Vec::new();
    for usage in &facts.relations {
        for column in usage.columns.iter().filter(|column| column.read || column.written) {
            found.extend(labelled(usage, column, manner, labels, catalog));
        }
    }
    found
}

fn labelled(
    usage: &RelationUse,
    column: &ColumnUse,
    manner: &Manner,
    labels: &LabelSnapshot,
    catalog: &CatalogSnapshot,
) -> Option<LabelledColumn> {
    let place = (usage.relation.oid, column.number);
    let holds = holding(labels, catalog, place, &[])?;
    let judged = place.0.is_built_in() || labels.verdict(place.0, place.1).is_some();
    let read = match manner {
        Manner::Refused => ColumnTreatment::Refused,
        Manner::Permitted(Some(clear)) if holding(labels, catalog, place, clear).is_some() => ColumnTreatment::Masked,
        Manner::Permitted(_) => ColumnTreatment::Clear,
    };
    let written = match manner {
        Manner::Refused => ColumnTreatment::Refused,
        Manner::Permitted(_) => ColumnTreatment::Written,
    };
    let mut treatments = Vec::with_capacity(2);
    treatments.extend(column.read.then_some(read));
    treatments.extend(column.written.then_some(written));
    treatments.dedup();
    Some(LabelledColumn {
        schema: usage.relation.name.schema.to_string(),
        relation: usage.relation.name.name.to_string(),
        column: column.name.to_string(),
        label: if judged { holds.label.word() } else { NOT_JUDGED }.to_owned(),
        treatments,
    })
}
