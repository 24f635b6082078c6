//! The shared nouns of Durward: ids, principals, relations, facts, obligations and refusals.
//!
//! This crate must not know any protocol, SQL text, policy language, store or runtime: it is plain data that the other
//! crates hand to each other, so that they need not know one another.
//!
//! The three types to know: [`Principal`] (who), [`StatementFacts`] (what a statement touches), [`Refusal`] (the only
//! thing that a client may be told when the answer is no).
//!
//! ```
//! use durward_model::{Refusal, sqlstate};
//!
//! let refusal = Refusal::denied("delete-without-where", "this DELETE has no WHERE").with_hint("Add a WHERE.");
//! assert_eq!(&*refusal.sqlstate, sqlstate::INSUFFICIENT_PRIVILEGE);
//! ```

mod approval;
mod facts;
mod hazard;
mod id;
mod label;
mod obligation;
mod pattern;
mod principal;
mod redacted;
mod refusal;
mod relation;
pub mod sqlstate;

pub use approval::{APPROVAL_SECONDS_DEFAULT, ApprovalTerms, RiskTerm};
pub use facts::{
    AccessModes, Certainty, ColumnCopy, ColumnLookUps, ColumnMatch, ColumnUse, FunctionEffect, FunctionUse, ObjectKind,
    ObjectUse, OpaqueReason, OutputColumn, Reading, RelationUse, RowBound, StatementClass, StatementFacts,
};
pub use hazard::{Hazard, HazardKind};
pub use id::{DatabaseName, Digest, SessionId, StatementId};
pub use label::Label;
pub use obligation::Obligation;
pub use pattern::{NamePattern, ObjectPattern, PatternError};
pub use principal::{Assurance, CredentialId, CredentialKind, Principal, PrincipalKind, Subject};
pub use redacted::Redacted;
pub use refusal::Refusal;
pub use relation::{ColumnNumber, FunctionRef, KEPT_SCHEMA_PREFIX, Oid, QualifiedName, RelationKind, RelationRef};
