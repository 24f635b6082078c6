//! What the catalog holds, as far as analysis needs it. Fields are named after the catalog's.

use std::sync::Arc;

use durward_model::{ColumnNumber, FunctionRef, Oid, QualifiedName, RelationKind, RelationRef};

use super::queries::LOCKED;

/// A text of the catalog's (a view's query, a default, a check), as the server prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// SQL.
    pub text: Arc<str>,
    /// The search path under which it was printed: names that it finds stand unqualified.
    pub path: Arc<[Arc<str>]>,
}

impl Definition {
    /// Whether another session's lock kept it from being printed.
    pub fn is_locked(&self) -> bool {
        &*self.text == LOCKED
    }
}

/// A relation (`pg_class`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Identity.
    pub oid: Oid,
    /// Schema's name.
    pub schema: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Kind.
    pub kind: RelationKind,
    /// Owning role.
    pub owner: Oid,
    /// Whether it is temporary, of the session that loaded it.
    pub temporary: bool,
    /// Whether row policies are enabled.
    pub row_security: bool,
    /// Whether row policies bind the owner too.
    pub row_security_forced: bool,
    /// Its row type.
    pub row_type: Oid,
    /// Whether it is a partition.
    pub is_partition: bool,
    /// Columns by number, dropped ones left out.
    pub columns: Box<[Column]>,
}

impl Relation {
    /// The relation as facts name it.
    pub fn reference(&self) -> RelationRef {
        RelationRef {
            oid: self.oid,
            name: QualifiedName::new(Arc::clone(&self.schema), Arc::clone(&self.name)),
            kind: self.kind,
        }
    }

    /// The column of that name; system columns are not among them.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// The column of that number.
    pub fn column_numbered(&self, number: ColumnNumber) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }
}

/// A column (`pg_attribute`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Number, from 1.
    pub number: ColumnNumber,
    /// Name.
    pub name: Arc<str>,
    /// Type.
    pub type_oid: Oid,
    /// NOT NULL.
    pub not_null: bool,
    /// Whether it has a default or generation expression: see [`crate::CatalogSnapshot::default_of`].
    pub has_default: bool,
    /// Whether it is generated from other columns.
    pub generated: bool,
    /// Whether it is an identity column.
    pub identity: bool,
    /// The type's modifier (`atttypmod`), such as the length of a varchar plus 4; -1 for none.
    pub type_modifier: i32,
}

/// A type (`pg_type`). Row types of tables are not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Identity.
    pub oid: Oid,
    /// Schema's name.
    pub schema: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// `typtype`: b, c, d, e, p, r or m.
    pub kind: char,
    /// The relation of a composite type.
    pub relation: Oid,
    /// Element type of an array.
    pub element: Oid,
    /// Base type of a domain.
    pub base: Oid,
    /// `typcategory`.
    pub category: char,
    /// `typispreferred`.
    pub preferred: bool,
    /// Input function.
    pub input: Oid,
    /// Output function.
    pub output: Oid,
    /// The array type over it.
    pub array: Oid,
    /// The default of a domain, as an expression; of another type, as the text of a value.
    pub default: Option<Definition>,
}

/// What `pg_proc.prokind` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// `f`
    Function,
    /// `p`
    Procedure,
    /// `a`
    Aggregate,
    /// `w`
    Window,
}

/// A function, procedure, aggregate or window function (`pg_proc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Identity.
    pub oid: Oid,
    /// Schema's name.
    pub schema: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Kind.
    pub kind: FunctionKind,
    /// Owning role.
    pub owner: Oid,
    /// Element type of the variadic argument; zero for none, and the type `"any"` for VARIADIC "any".
    pub variadic: Oid,
    /// How many of the last input arguments have defaults.
    pub default_count: usize,
    /// Input argument types.
    pub argument_types: Box<[Oid]>,
    /// Result type.
    pub result_type: Oid,
    /// Whether it returns a set.
    pub returns_set: bool,
    /// Language's name.
    pub language: Arc<str>,
    /// Whether the language is trusted.
    pub language_trusted: bool,
    /// `i`, `s` or `v`.
    pub volatility: char,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// `prosrc`: source text, or C symbol.
    pub source: Arc<str>,
    /// The body of a SQL-standard function.
    pub sql_body: Option<Definition>,
    /// SET clauses: `name=value`.
    pub config: Box<[Arc<str>]>,
    /// Names of all arguments, output ones included; empty where none has a name.
    pub argument_names: Box<[Arc<str>]>,
    /// Modes of all arguments: i, o, b, v or t; empty where all are `i`.
    pub argument_modes: Box<[char]>,
    /// Types of all arguments; empty where all are input.
    pub all_argument_types: Box<[Oid]>,
    /// The extension that it is a member of.
    pub extension: Option<Arc<str>>,
}

impl Function {
    /// The function as facts name it.
    pub fn reference(&self) -> FunctionRef {
        FunctionRef {
            oid: self.oid,
            name: QualifiedName::new(Arc::clone(&self.schema), Arc::clone(&self.name)),
        }
    }

    /// Whether a call with `count` arguments may mean it.
    pub fn takes(&self, count: usize) -> bool {
        let inputs = self.argument_types.len();
        let least = inputs.saturating_sub(self.default_count);
        if self.variadic != Oid(0) {
            // VARIADIC "any" and arrays alike take one or more; with defaults before it, fewer may stand.
            return count.saturating_add(1) >= least;
        }
        (least..=inputs).contains(&count)
    }
}

/// An operator (`pg_operator`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Identity.
    pub oid: Oid,
    /// Schema's name.
    pub schema: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Left operand's type; zero for a prefix operator.
    pub left: Oid,
    /// Right operand's type.
    pub right: Oid,
    /// The function behind it.
    pub function: Oid,
    /// Result type.
    pub result: Oid,
}

/// A cast (`pg_cast`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// From.
    pub source: Oid,
    /// To.
    pub target: Oid,
    /// The function; zero for binary or in/out casts.
    pub function: Oid,
    /// `e` explicit only, `a` in assignments too, `i` implicit.
    pub context: char,
}

/// A rewrite rule other than a view's (`pg_rewrite`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name.
    pub name: Arc<str>,
    /// `2` update, `3` insert, `4` delete.
    pub event: char,
    /// INSTEAD.
    pub instead: bool,
    /// `O`, `D`, `R` or `A`.
    pub enabled: char,
    /// `CREATE RULE …` text.
    pub definition: Definition,
}

/// A trigger that a person made (`pg_trigger`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Name.
    pub name: Arc<str>,
    /// Function.
    pub function: Oid,
    /// `tgtype` bits: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead.
    pub bits: u16,
    /// `O`, `D`, `R` or `A`.
    pub enabled: char,
    /// `CREATE TRIGGER …` text, where it has a WHEN.
    pub definition: Option<Definition>,
    /// Columns of UPDATE OF; empty for all.
    pub columns: Box<[ColumnNumber]>,
}

/// A foreign key, kept with the relation that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name.
    pub name: Arc<str>,
    /// The referring relation.
    pub from: Oid,
    /// Its columns.
    pub from_columns: Box<[ColumnNumber]>,
    /// The relation referred to.
    pub to: Oid,
    /// Its columns.
    pub to_columns: Box<[ColumnNumber]>,
    /// `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default.
    pub on_update: char,
    /// As `on_update`.
    pub on_delete: char,
}

/// An index (`pg_index`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The index's own relation.
    pub oid: Oid,
    /// Key columns; 0 stands for an expression.
    pub columns: Box<[ColumnNumber]>,
    /// UNIQUE.
    pub unique: bool,
    /// PRIMARY KEY.
    pub primary: bool,
    /// Usable: valid, and checked at once. Deferred uniqueness proves nothing within a transaction.
    pub proves_uniqueness: bool,
    /// Its expressions, as a list.
    pub expressions: Option<Definition>,
    /// Its predicate, for a partial index.
    pub predicate: Option<Definition>,
}

/// A row policy (`pg_policy`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPolicy {
    /// Name.
    pub name: Arc<str>,
    /// `r` select, `a` insert, `w` update, `d` delete, `*` all.
    pub command: char,
    /// USING.
    pub using: Option<Definition>,
    /// WITH CHECK.
    pub check: Option<Definition>,
}

/// An event trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTrigger {
    /// Name.
    pub name: Arc<str>,
    /// `ddl_command_start` and so on.
    pub event: Arc<str>,
    /// Function.
    pub function: Oid,
    /// `O`, `D`, `R` or `A`.
    pub enabled: char,
}

/// An installed extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Name.
    pub name: Arc<str>,
    /// Version.
    pub version: Arc<str>,
    /// Schema of its objects.
    pub schema: Arc<str>,
}
