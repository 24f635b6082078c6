//! The labelled columns that a statement touches, for the record and for policies that ask.

use std::sync::Arc;

use durward_audit::{ColumnTreatment, LabelledColumn};
use durward_model::{ColumnUse, Label, RelationUse, StatementFacts};
use durward_policy::{AccessGrant, LabelUse, PolicySnapshot};

use super::Session;
use super::hold::now;
use crate::access::Asker;
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

/// The labels of a statement, and what they rest on.
pub(super) struct KnownLabels {
    facts: Arc<StatementFacts>,
    labels: u64,
    catalog: u64,
    uses: Arc<LabelUse>,
}

impl Session {
    /// The access that stands now for this principal here.
    pub(super) fn access(&mut self) -> Arc<[AccessGrant]> {
        let asker = Asker {
            principal: &self.principal,
            database: self.database.name.as_str(),
            catalog: &self.sight.context.catalog,
        };
        let (desk, book) = (&self.gateway.approvals, &self.gateway.access);
        self.access.now(desk, book, asker, now())
    }

    /// The labels of what a statement touches, where a policy asks for them or access may show them in clear.
    pub(super) fn label_use(
        &mut self,
        facts: &Arc<StatementFacts>,
        policy: &PolicySnapshot,
        access: &[AccessGrant],
    ) -> Option<Arc<LabelUse>> {
        if !policy.asks_for_labels() && access.is_empty() {
            return None;
        }
        let labels = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        let key = Arc::as_ptr(facts).addr();
        if let Some(known) = self.label_uses.get(&key)
            && (known.labels, known.catalog) == (labels.generation(), catalog.generation())
        {
            return Some(Arc::clone(&known.uses));
        }
        let uses = Arc::new(label_use(facts, &labels, catalog));
        if self.label_uses.len() >= LABELLED_MAX {
            self.label_uses.clear();
        }
        let known = KnownLabels {
            facts: Arc::clone(facts),
            labels: labels.generation(),
            catalog: catalog.generation(),
            uses: Arc::clone(&uses),
        };
        debug_assert!(
            Arc::ptr_eq(&known.facts, facts),
            "the facts keep their address while they are remembered"
        );
        self.label_uses.insert(key, known);
        Some(uses)
    }

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

/// The labels of the columns that a statement touches.
pub fn label_use(facts: &StatementFacts, labels: &LabelSnapshot, catalog: &CatalogSnapshot) -> LabelUse {
    let mut uses = LabelUse::default();
    for usage in &facts.relations {
        for column in usage.columns.iter().filter(|column| column.read || column.written) {
            let Some(label) = label_of(usage, column, labels, catalog) else {
                continue;
            };
            if column.read {
                uses.relations.insert(usage.relation.oid);
                uses.read.insert(label.as_str().into());
            }
            if column.written {
                uses.written.insert(label.into());
            }
        }
    }
    uses
}

/// The word for what a column holds, where that is anything to be careful with.
fn label_of(
    usage: &RelationUse,
    column: &ColumnUse,
    labels: &LabelSnapshot,
    catalog: &CatalogSnapshot,
) -> Option<String> {
    let place = (usage.relation.oid, column.number);
    let holds = holding(labels, catalog, place, &[])?;
    let judged = place.0.is_built_in() || labels.verdict(place.0, place.1).is_some();
    Some(if judged { holds.label.word() } else { NOT_JUDGED }.to_owned())
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
    let label = label_of(usage, column, labels, catalog)?;
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
        label,
        treatments,
    })
}
