//! What repeats, in its stored form: shapes of statements, and what decisions rest on.

use std::sync::Arc;

use durward_model::{
    Certainty, ColumnUse, Digest, FunctionEffect, ObjectKind, Obligation, RelationKind, RelationUse, RowBound,
    StatementFacts,
};
use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::event::codec;

/// A statement's normalized text is recorded up to this length; its shape's digest covers the whole.
pub(crate) const NORMALIZED_BYTES_MAX: usize = 1 << 20;

/// Normalized text and facts of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct Shape {
    /// The digest of the shape, given by the analyser.
    #[cbor(n(1), with = "codec::digest")]
    #[serde(serialize_with = "codec::hex")]
    pub shape: Digest,
    /// The text without literals.
    #[n(2)]
    pub normalized: String,
    /// The text's whole length in bytes, where it was cut.
    #[n(3)]
    pub normalized_bytes: Option<u64>,
    /// The class: `read`, `write`, `ddl`, …
    #[n(4)]
    pub class: String,
    /// The command: `SELECT`, `DROP TABLE`, …
    #[n(5)]
    pub command: String,
    /// Relations touched.
    #[n(6)]
    pub relations: Vec<TouchedRelation>,
    /// Functions called, as `schema.name`, and what each can do.
    #[n(7)]
    pub functions: Vec<(String, String)>,
    /// Objects made, changed or dropped.
    #[n(8)]
    pub objects: Vec<TouchedObject>,
    /// Hazards: kind and object.
    #[n(9)]
    pub hazards: Vec<(String, String)>,
    /// The most rows that it can write; none when not known.
    #[n(10)]
    pub rows_written_max: Option<u64>,
    /// `exact`, `conservative` or `opaque`.
    #[n(11)]
    pub certainty: String,
    /// What could not be seen through, and why.
    #[n(12)]
    pub opaque: Vec<(String, String)>,
}

/// One relation that a statement touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct TouchedRelation {
    /// The schema.
    #[n(1)]
    pub schema: String,
    /// The name within the schema.
    #[n(2)]
    pub name: String,
    /// The oid.
    #[n(3)]
    pub oid: u32,
    /// `table`, `view`, …
    #[n(4)]
    pub kind: String,
    /// `read`, `insert`, `update`, …
    #[n(5)]
    pub modes: Vec<String>,
    /// Columns read.
    #[n(6)]
    pub columns_read: Vec<String>,
    /// Columns written.
    #[n(7)]
    pub columns_written: Vec<String>,
    /// Whether the client's own text names it.
    #[n(8)]
    pub direct: bool,
}

/// One object that a statement makes, changes or drops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct TouchedObject {
    /// `schema`, `function`, `role`, …
    #[n(1)]
    pub kind: String,
    /// The schema that it is in.
    #[n(2)]
    pub schema: Option<String>,
    /// Its name.
    #[n(3)]
    pub name: String,
    /// `create`, `alter`, `drop`, `grant`.
    #[n(4)]
    pub modes: Vec<String>,
}

impl Shape {
    /// The stored form of what the analyser found.
    pub(crate) fn new(facts: &StatementFacts, normalized: &str, shape: Digest) -> Self {
        let cut = normalized.floor_char_boundary(NORMALIZED_BYTES_MAX);
        let recorded = normalized.get(..cut).unwrap_or_default();
        Self {
            shape,
            normalized: recorded.into(),
            normalized_bytes: (recorded.len() < normalized.len())
                .then(|| u64::try_from(normalized.len()).unwrap_or(u64::MAX)),
            class: facts.class.as_str().into(),
            command: facts.command.to_string(),
            relations: facts.relations.iter().map(TouchedRelation::from).collect(),
            functions: facts
                .functions
                .iter()
                .map(|used| (used.function.name.to_string(), function_effect(used.effect).into()))
                .collect(),
            objects: facts
                .objects
                .iter()
                .map(|object| TouchedObject {
                    kind: object_kind(object.kind).into(),
                    schema: object.schema.as_ref().map(ToString::to_string),
                    name: object.name.to_string(),
                    modes: object.modes.words().map(String::from).collect(),
                })
                .collect(),
            hazards: facts
                .hazards
                .iter()
                .map(|hazard| (hazard.kind.as_str().into(), hazard.object.to_string()))
                .collect(),
            rows_written_max: match facts.rows_written {
                RowBound::AtMost(rows) => Some(rows),
                RowBound::Unbounded => None,
            },
            certainty: match facts.certainty {
                Certainty::Exact => "exact",
                Certainty::Conservative => "conservative",
                Certainty::Opaque => "opaque",
            }
            .into(),
            opaque: facts
                .opaque
                .iter()
                .map(|opaque| (opaque.object.to_string(), opaque.reason.to_string()))
                .collect(),
        }
    }
}

impl From<&RelationUse> for TouchedRelation {
    fn from(used: &RelationUse) -> Self {
        let columns = |wanted: fn(&ColumnUse) -> bool| {
            used.columns
                .iter()
                .filter(|column| wanted(column))
                .map(|column| column.name.to_string())
                .collect()
        };
        Self {
            schema: used.relation.name.schema.to_string(),
            name: used.relation.name.name.to_string(),
            oid: used.relation.oid.0,
            kind: relation_kind(used.relation.kind).into(),
            modes: used.modes.words().map(String::from).collect(),
            columns_read: columns(|column| column.read),
            columns_written: columns(|column| column.written),
            direct: used.direct,
        }
    }
}

const fn relation_kind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "table",
        RelationKind::PartitionedTable => "partitioned_table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized_view",
        RelationKind::ForeignTable => "foreign_table",
        RelationKind::Sequence => "sequence",
        RelationKind::Index => "index",
        RelationKind::CompositeType => "composite_type",
        RelationKind::Toast => "toast",
    }
}

const fn function_effect(effect: FunctionEffect) -> &'static str {
    match effect {
        FunctionEffect::Harmless => "harmless",
        FunctionEffect::Analyzed => "analyzed",
        FunctionEffect::Writes => "writes",
        FunctionEffect::Opaque => "opaque",
    }
}

const fn object_kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Relation => "relation",
        ObjectKind::Schema => "schema",
        ObjectKind::Database => "database",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
        ObjectKind::Trigger => "trigger",
        ObjectKind::RowPolicy => "row_policy",
        ObjectKind::Role => "role",
        ObjectKind::Extension => "extension",
        ObjectKind::Foreign => "foreign",
        ObjectKind::Setting => "setting",
        ObjectKind::Tablespace => "tablespace",
        ObjectKind::Other => "other",
    }
}

/// What a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct Basis {
    /// The rules that decided.
    #[n(1)]
    pub rules: Vec<String>,
    /// The policy's version.
    #[n(2)]
    pub policy_version: Option<u64>,
    /// What had to be done along with the statement: a word, and its arguments where it has any.
    #[n(3)]
    pub obligations: Vec<Vec<String>>,
    /// The labelled columns that the statement touches; none where there are none.
    #[n(4)]
    pub labelled: Option<Vec<LabelledColumn>>,
    /// What the client said that the statement is for.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the note of a permit says that an approval was spent for, before the request's name.
const APPROVED: &str = "approved: ";

impl Basis {
    /// The request whose approval the statement has spent.
    pub(crate) fn approval(&self) -> Option<&str> {
        self.obligations.iter().find_map(|words| match words.as_slice() {
            [word, note] if word == "annotate" => note.strip_prefix(APPROVED),
            _ => None,
        })
    }
}

/// A column whose label says what it holds, and what becomes of it in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, serde::Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct LabelledColumn {
    /// The schema.
    #[n(1)]
    pub schema: String,
    /// The relation.
    #[n(2)]
    pub relation: String,
    /// The column.
    #[n(3)]
    pub column: String,
    /// What it holds: a label's word, or `not_judged`.
    #[n(4)]
    pub label: String,
    /// What becomes of it.
    #[n(5)]
    pub treatments: Vec<ColumnTreatment>,
}

/// What becomes of a labelled column in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum ColumnTreatment {
    /// It is read as it is.
    #[n(1)]
    Clear,
    /// It is read, and masked for who asks.
    #[n(2)]
    Masked,
    /// It is written.
    #[n(3)]
    Written,
    /// The statement that would touch it was refused.
    #[n(4)]
    Refused,
}

impl ColumnTreatment {
    /// The word used in output and queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Masked => "masked",
            Self::Written => "written",
            Self::Refused => "refused",
        }
    }
}

/// A [`Basis`] in the caller's hands: encodes to the same bytes without copying.
pub(crate) struct BasisInput<'a> {
    pub(crate) rules: &'a [Arc<str>],
    pub(crate) policy_version: Option<u64>,
    pub(crate) obligations: &'a [Obligation],
    pub(crate) labelled: &'a [LabelledColumn],
    pub(crate) reason: Option<&'a str>,
}

impl<C> Encode<C> for BasisInput<'_> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let optional = [
            self.policy_version.is_some(),
            !self.labelled.is_empty(),
            self.reason.is_some(),
        ];
        e.map(2 + optional.into_iter().map(u64::from).sum::<u64>())?;
        e.u8(1)?.array(length(self.rules))?;
        for rule in self.rules {
            e.str(rule)?;
        }
        if let Some(version) = self.policy_version {
            e.u8(2)?.u64(version)?;
        }
        e.u8(3)?.array(length(self.obligations))?;
        for obligation in self.obligations {
            match obligation {
                Obligation::ReadOnly => e.array(1)?.str("read_only")?,
                Obligation::DurableIntent => e.array(1)?.str("durable_intent")?,
                Obligation::Mask { clear } => {
                    e.array(1 + length(clear))?.str("mask")?;
                    for label in clear {
                        e.str(label.word())?;
                    }
                    &mut *e
                }
                Obligation::Approve(terms) => e.array(2)?.str("approve")?.str(&terms.count.to_string())?,
                Obligation::Reason { pattern: None } => e.array(1)?.str("reason")?,
                Obligation::Reason { pattern: Some(pattern) } => e.array(2)?.str("reason")?.str(pattern)?,
                Obligation::Annotate(text) => e.array(2)?.str("annotate")?.str(text)?,
            };
        }
        if !self.labelled.is_empty() {
            e.u8(4)?.array(length(self.labelled))?;
            for column in self.labelled {
                e.encode(column)?;
            }
        }
        if let Some(reason) = self.reason {
            e.u8(5)?.str(reason)?;
        }
        Ok(())
    }
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use durward_model::{Label, Obligation};

    use super::{Basis, BasisInput, ColumnTreatment, LabelledColumn};

    #[test]
    fn a_basis_is_read_as_it_was_written() {
        let clear = vec![Label::Email, Label::Phone];
        let phone = LabelledColumn {
            schema: "public".into(),
            relation: "customers".into(),
            column: "phone".into(),
            label: "phone".into(),
            treatments: vec![ColumnTreatment::Masked, ColumnTreatment::Written],
        };
        for (labelled, reason) in [(vec![], None), (vec![phone], Some("OPS-17: a customer has called"))] {
            let input = BasisInput {
                rules: &["people".into()],
                policy_version: Some(2),
                obligations: &[Obligation::ReadOnly, Obligation::Mask { clear: clear.clone() }],
                labelled: &labelled,
                reason,
            };
            let bytes = minicbor::to_vec(&input).expect("a vector takes every write");
            let basis: Basis = minicbor::decode(&bytes).expect("what was written");
            assert_eq!(minicbor::to_vec(&basis).expect("a vector takes every write"), bytes);
            assert_eq!(basis.rules, ["people"]);
            let words: Vec<Vec<&str>> = basis
                .obligations
                .iter()
                .map(|words| words.iter().map(String::as_str).collect())
                .collect();
            assert_eq!(words, [vec!["read_only"], vec!["mask", "email", "phone"]]);
            assert_eq!(basis.labelled.unwrap_or_default(), labelled);
            assert_eq!(basis.reason.as_deref(), reason);
        }
    }
}
