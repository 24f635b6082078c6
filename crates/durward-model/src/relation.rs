use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A PostgreSQL object identifier (manual section 8.19). Zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Oid(pub u32);

impl Oid {
    /// The first oid that `initdb` doesn't hand out (`FirstNormalObjectId` in `access/transam.h`).
    pub const FIRST_NORMAL: Self = Self(16_384);

    /// Whether the object was made by `initdb`.
    pub fn is_built_in(self) -> bool {
        self < Self::FIRST_NORMAL
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A column's number within its relation (`pg_attribute.attnum`): 1 and up for columns, below 0 for system columns,
/// 0 for the whole row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnNumber(pub i16);

/// A schema-qualified name as stored in the catalog: unquoted, case as stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema (namespace).
    pub schema: Arc<str>,
    /// The name within the schema.
    pub name: Arc<str>,
}

impl QualifiedName {
    /// Builds a name from its two parts.
    pub fn new(schema: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What a relation is (`pg_class.relkind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// `r`: an ordinary table.
    Table,
    /// `p`: a partitioned table.
    PartitionedTable,
    /// `v`: a view.
    View,
    /// `m`: a materialised view.
    MaterializedView,
    /// `f`: a foreign table.
    ForeignTable,
    /// `S`: a sequence.
    Sequence,
    /// `i` and `I`: an index.
    Index,
    /// `c`: a composite type.
    CompositeType,
    /// `t`: a TOAST table.
    Toast,
}

/// A resolved relation: known by oid, carried with the name that it had when the snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationRef {
    /// The identity.
    pub oid: Oid,
    /// The name at analysis.
    pub name: QualifiedName,
    /// The kind.
    pub kind: RelationKind,
}

/// A resolved function or procedure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionRef {
    /// The identity; zero where overload resolution left more than one candidate.
    pub oid: Oid,
    /// The name at analysis.
    pub name: QualifiedName,
}

/// How the schemas are called in which the gateway keeps aside what was dropped or truncated: the day behind which it goes
/// follows, and a random number.
pub const KEPT_SCHEMA_PREFIX: &str = "durward_kept_";
