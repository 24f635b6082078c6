use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ColumnNumber, FunctionRef, Hazard, HazardKind, Oid, QualifiedName, RelationRef};

/// What one SQL command touches, resolved against the live catalog. Everything that it contains or fires is in here:
/// CTEs, subqueries, views, functions whose bodies are understood, triggers, rules, cascades.
///
/// What could not be resolved is marked in `certainty` and `opaque`, never left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatementFacts {
    /// The class by the strongest thing that the command does.
    pub class: StatementClass,
    /// The command as its tag begins: `SELECT`, `DROP TABLE`, `ALTER TABLE`.
    pub command: Arc<str>,
    /// Relations used, each once, sorted by name.
    pub relations: Vec<RelationUse>,
    /// Functions and procedures called, each once, sorted by name. Operators and casts appear by their functions.
    pub functions: Vec<FunctionUse>,
    /// Objects other than relations' rows that are made, changed or dropped.
    pub objects: Vec<ObjectUse>,
    /// Stored columns that are compared for equality, each pair once and sorted; a column whose different values are
    /// counted stands beside itself.
    pub matches: Vec<ColumnMatch>,
    /// How often each stored column is compared for equality with a constant or a parameter.
    #[serde(default)]
    pub look_ups: Vec<ColumnLookUps>,
    /// Stored columns whose values go into others as they are, or cast: what one holds, the other will.
    pub copies: Vec<ColumnCopy>,
    /// The columns that the client receives, with their lineage; empty for commands that return no rows.
    pub output: Vec<OutputColumn>,
    /// Hazards, sorted, each once.
    pub hazards: Vec<Hazard>,
    /// The most rows that the command can write, as far as its text and the catalog prove it.
    pub rows_written: RowBound,
    /// How far these facts can be trusted to be complete.
    pub certainty: Certainty,
    /// Why `certainty` is [`Certainty::Opaque`]; empty otherwise.
    pub opaque: Vec<OpaqueReason>,
}

impl StatementFacts {
    /// Facts of a command that touches nothing.
    pub fn empty(class: StatementClass, command: impl Into<Arc<str>>) -> Self {
        Self {
            class,
            command: command.into(),
            relations: Vec::new(),
            functions: Vec::new(),
            objects: Vec::new(),
            matches: Vec::new(),
            look_ups: Vec::new(),
            copies: Vec::new(),
            output: Vec::new(),
            hazards: Vec::new(),
            rows_written: RowBound::AtMost(0),
            certainty: Certainty::Exact,
            opaque: Vec::new(),
        }
    }

    /// Whether a hazard of `kind` is present.
    pub fn has_hazard(&self, kind: HazardKind) -> bool {
        self.hazards.iter().any(|hazard| hazard.kind == kind)
    }

    /// Whether the command can change anything that outlives the session.
    pub fn writes(&self) -> bool {
        match self.class {
            StatementClass::Read | StatementClass::Session | StatementClass::Transaction => false,
            StatementClass::Write
            | StatementClass::Ddl
            | StatementClass::Privilege
            | StatementClass::Maintenance
            | StatementClass::Unknown => true,
        }
    }
}

/// The class of a command. Later ones are stronger: a command that does several things has the strongest class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementClass {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and kin.
    Transaction,
    /// SET, RESET, SHOW, LISTEN, DEALLOCATE, DISCARD, CLOSE and kin: this session only.
    Session,
    /// Reads and changes nothing.
    Read,
    /// Changes rows: INSERT, UPDATE, DELETE, MERGE, COPY … FROM, TRUNCATE, calls that write.
    Write,
    /// VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT, REFRESH MATERIALIZED VIEW, LOCK.
    Maintenance,
    /// Makes, changes or drops objects.
    Ddl,
    /// Changes who may do what.
    Privilege,
    /// Not known.
    Unknown,
}

impl StatementClass {
    /// The word used in policies, records and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Read => "read",
            Self::Write => "write",
            Self::Maintenance => "maintenance",
            Self::Ddl => "ddl",
            Self::Privilege => "privilege",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for StatementClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far facts can be trusted to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Every reference was resolved as the server resolves it.
    Exact,
    /// Some reference was resolved to more than the server will use; nothing is missing.
    Conservative,
    /// Something may be missing; see `opaque`.
    Opaque,
}

/// Why facts may be incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpaqueReason {
    /// What could not be seen through: a function, a statement kind, a name.
    pub object: Arc<str>,
    /// Why, in a few words: `dynamic SQL`, `language plpython3u`, `no such function in the catalog`.
    pub reason: Arc<str>,
}

/// One relation and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationUse {
    /// Which relation.
    pub relation: RelationRef,
    /// In which ways.
    pub modes: AccessModes,
    /// Columns read or written, sorted by number.
    pub columns: Vec<ColumnUse>,
    /// Whether it is named by the client's own text, and not only reached through a view, function, trigger, rule,
    /// cascade or partition.
    pub direct: bool,
}

/// One column of a relation and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnUse {
    /// Its number.
    pub number: ColumnNumber,
    /// Its name at analysis.
    pub name: Arc<str>,
    /// Whether its value is read.
    pub read: bool,
    /// Whether its value is written.
    pub written: bool,
    /// What becomes of the value that is read.
    pub reading: Reading,
}

/// What becomes of values that a command reads, beyond being shown as they are or tested for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Compared for equality with a constant or a parameter.
    pub looked_up: bool,
    /// Compared for equality with a stored column, as [`StatementFacts::matches`] says.
    pub matched: bool,
    /// Used in any other way: computed with, ordered by, joined on, stored.
    pub computed: bool,
    /// Read in the body of a function or block that the command runs.
    pub in_code: bool,
}

impl Reading {
    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            looked_up: self.looked_up || other.looked_up,
            matched: self.matched || other.matched,
            computed: self.computed || other.computed,
            in_code: self.in_code || other.in_code,
        }
    }
}

/// Two stored columns, the lesser first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnMatch([(Oid, ColumnNumber); 2]);

impl ColumnMatch {
    /// Both columns, in any order.
    pub fn new(one: (Oid, ColumnNumber), other: (Oid, ColumnNumber)) -> Self {
        Self([one.min(other), one.max(other)])
    }

    /// Both columns.
    pub const fn columns(self) -> [(Oid, ColumnNumber); 2] {
        self.0
    }
}

/// A stored column, and how often it is compared for equality with a constant or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnLookUps {
    /// The relation.
    pub relation: Oid,
    /// The column there.
    pub number: ColumnNumber,
    /// How many comparisons the text has.
    pub comparisons: u32,
}

/// A stored column whose values go into another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnCopy {
    /// Where they come from.
    pub from: (Oid, ColumnNumber),
    /// The relation that they go into, which the command itself may make.
    pub relation: QualifiedName,
    /// The column there.
    pub column: Arc<str>,
}

/// The ways in which a relation is used: a small set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessModes(u16);

impl AccessModes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Rows are read.
    pub const READ: Self = Self(1);
    /// Rows are inserted.
    pub const INSERT: Self = Self(1 << 1);
    /// Rows are updated.
    pub const UPDATE: Self = Self(1 << 2);
    /// Rows are deleted.
    pub const DELETE: Self = Self(1 << 3);
    /// All rows are removed.
    pub const TRUNCATE: Self = Self(1 << 4);
    /// The relation is made.
    pub const CREATE: Self = Self(1 << 5);
    /// Its definition is changed.
    pub const ALTER: Self = Self(1 << 6);
    /// It is dropped.
    pub const DROP: Self = Self(1 << 7);
    /// It is locked explicitly, rows (FOR UPDATE) or whole (LOCK TABLE).
    pub const LOCK: Self = Self(1 << 8);
    /// It is maintained: vacuumed, analysed, reindexed, clustered, refreshed.
    pub const MAINTAIN: Self = Self(1 << 9);
    /// Rights on it are changed.
    pub const GRANT: Self = Self(1 << 10);

    const WORDS: [(Self, &'static str); 11] = [
        (Self::READ, "read"),
        (Self::INSERT, "insert"),
        (Self::UPDATE, "update"),
        (Self::DELETE, "delete"),
        (Self::TRUNCATE, "truncate"),
        (Self::CREATE, "create"),
        (Self::ALTER, "alter"),
        (Self::DROP, "drop"),
        (Self::LOCK, "lock"),
        (Self::MAINTAIN, "maintain"),
        (Self::GRANT, "grant"),
    ];

    /// Whether all of `other` are in here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in here.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether rows or the definition are changed.
    pub const fn changes(self) -> bool {
        self.0 & !(Self::READ.0 | Self::LOCK.0) != 0
    }

    /// The words of the flags that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS
            .into_iter()
            .filter_map(move |(mode, word)| self.contains(mode).then_some(word))
    }
}

impl std::ops::BitOr for AccessModes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl std::ops::BitOrAssign for AccessModes {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

/// One function and what calling it can do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionUse {
    /// Which function.
    pub function: FunctionRef,
    /// What it can do beyond what the facts already show.
    pub effect: FunctionEffect,
}

/// What calling a function can do beyond what the facts already show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionEffect {
    /// Nothing: computes from its arguments, or reads public state (clock, catalog, settings).
    Harmless,
    /// Its body was analysed and is part of these facts.
    Analyzed,
    /// It changes rows, sequences or state, in a way named by a hazard or by `relations`.
    Writes,
    /// Its body could not be seen; the facts are opaque.
    Opaque,
}

/// A kind of object other than a relation's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A table, view, index, sequence or any other relation, as an object of DDL.
    Relation,
    /// A schema.
    Schema,
    /// A database.
    Database,
    /// A function, procedure or aggregate.
    Function,
    /// A type or domain.
    Type,
    /// A trigger, event trigger or rule.
    Trigger,
    /// A row security policy.
    RowPolicy,
    /// A role.
    Role,
    /// An extension.
    Extension,
    /// A foreign server, wrapper, user mapping, publication or subscription.
    Foreign,
    /// A setting.
    Setting,
    /// A tablespace.
    Tablespace,
    /// Anything else.
    Other,
}

/// One object that is made, changed or dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectUse {
    /// What it is.
    pub kind: ObjectKind,
    /// The schema that it is in, where it has one.
    pub schema: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// What is done: CREATE, ALTER, DROP or GRANT.
    pub modes: AccessModes,
}

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutputColumn {
    /// The name that the client sees.
    pub name: Arc<str>,
    /// The base columns that its value depends on, sorted; empty for constants.
    pub lineage: Vec<(RelationRef, ColumnNumber)>,
    /// Whether the value is one base column's, unchanged.
    pub unchanged: bool,
    /// The column of a relation named in FROM that an unchanged value is, as the server tells it of its results: a
    /// view's own where it comes through one.
    pub origin: Option<(Oid, ColumnNumber)>,
}

/// The most rows that a command can write, as far as its text and the catalog prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowBound {
    /// At most so many.
    AtMost(u64),
    /// Not known.
    Unbounded,
}
