use std::collections::HashMap;
use std::sync::Arc;

use durward_mask::verdict::{Outcome, Verdict};
use durward_model::{ColumnNumber, Label, Oid, RelationKind};
use durward_sql::catalog::Column;
use serde::{Deserialize, Serialize};

/// What is known of the columns of one database at one moment: immutable and numbered.
///
/// Views are not in it: their columns go by those that they come from. Partitions have what their parent has.
#[derive(Debug)]
pub struct LabelSnapshot {
    generation: u64,
    relations: HashMap<Oid, Arc<RelationLabels>>,
}

impl LabelSnapshot {
    pub(super) fn new(generation: u64, relations: HashMap<Oid, Arc<RelationLabels>>) -> Self {
        Self { generation, relations }
    }

    /// Its number: what was decided by an older one may have to be decided anew. No two databases share one.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What a column holds; none where nobody has judged it yet.
    pub fn verdict(&self, relation: Oid, column: ColumnNumber) -> Option<&Verdict> {
        Some(self.relations.get(&relation)?.column(column)?.verdict())
    }

    /// What a column holds, where it still is what was judged: a column that was judged harmless under another type or
    /// name has no verdict.
    pub fn verdict_on(&self, relation: Oid, column: &Column) -> Option<&Verdict> {
        let known = self.relations.get(&relation)?.column(column.number)?;
        let stands = known.is_same_as(column) || known.overridden.is_some() || !known.verdict().is_safe_in_clear();
        stands.then(|| known.verdict())
    }

    /// Whether the column has to be masked for whoever has masks in force: it is labelled, undecided with a reason to be
    /// careful, or was never judged.
    pub fn is_unsafe(&self, relation: Oid, column: ColumnNumber) -> bool {
        !self.verdict(relation, column).is_some_and(Verdict::is_safe_in_clear)
    }

    /// Whether it is known what the column holds. Texts of one that isn't pass the edge net, even where there is no reason
    /// to be careful.
    pub fn is_decided(&self, relation: Oid, column: ColumnNumber) -> bool {
        self.verdict(relation, column)
            .is_some_and(|verdict| !matches!(verdict.outcome, Outcome::Undecided { .. }))
    }

    /// All that is known, in no order.
    pub fn relations(&self) -> impl Iterator<Item = (Oid, &Arc<RelationLabels>)> {
        self.relations.iter().map(|(oid, labels)| (*oid, labels))
    }

    /// What is known of one relation.
    pub fn relation(&self, oid: Oid) -> Option<&Arc<RelationLabels>> {
        self.relations.get(&oid)
    }
}

/// What is known of the columns of one relation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RelationLabels {
    /// Schema's name.
    pub schema: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Kind.
    pub kind: RelationKind,
    /// The partitioned table whose verdicts these are, of a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_of: Option<Oid>,
    /// Columns, by number.
    pub columns: Vec<ColumnLabel>,
}

impl RelationLabels {
    /// The column of that number.
    pub fn column(&self, number: ColumnNumber) -> Option<&ColumnLabel> {
        let place = self.columns.binary_search_by_key(&number, |column| column.number);
        self.columns.get(place.ok()?)
    }
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Name, type and neighbours alone.
    Name,
    /// Values of the server's statistics too.
    Statistics,
    /// Values of rows too.
    Rows,
}

/// What is known of one column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnLabel {
    /// Number.
    pub number: ColumnNumber,
    /// Name when it was judged.
    pub name: Arc<str>,
    /// Type when it was judged.
    pub type_oid: Oid,
    /// That type's name.
    pub type_name: Arc<str>,
    /// What was found.
    pub found: Verdict,
    /// What that rests on.
    pub basis: Basis,
    /// Whether values of its type say more than its name.
    pub values_tell: bool,
    /// How many values were seen.
    pub values_seen: usize,
    /// What somebody said: it wins over what was found.
    #[serde(skip)]
    pub overridden: Option<Arc<Overridden>>,
}

impl ColumnLabel {
    /// What holds.
    pub fn verdict(&self) -> &Verdict {
        self.overridden.as_ref().map_or(&self.found, |told| &told.verdict)
    }

    pub(super) fn is_same_as(&self, column: &Column) -> bool {
        self.type_oid == column.type_oid && self.name == column.name
    }
}

/// What somebody said of a column, with the verdict that follows.
#[derive(Debug)]
pub struct Overridden {
    /// The label; none for harmless.
    pub label: Option<Label>,
    /// Who said so.
    pub by: String,
    /// The verdict.
    pub verdict: Verdict,
}
