//! Facts, principal and circumstances become a [`Decision`] with obligations; the only maker of a [`Permit`].
//!
//! This crate must not know any protocol, statement text, store or runtime, and has no clock: the time comes in with the
//! request.
//!
//! The three types to know: [`PolicySnapshot`] (a checked policy), [`DecisionRequest`] (all that a decision rests on),
//! [`Permit`] (the proof without which nothing goes upstream).
//!
//! ```
//! use std::sync::Arc;
//! use durward_model::{
//!     Assurance, CredentialId, CredentialKind, Hazard, HazardKind, Principal, PrincipalKind, StatementClass,
//!     StatementFacts, Subject,
//! };
//! use durward_policy::{
//!     DatabaseContext, DatabaseMarks, Decision, DecisionRequest, PolicySnapshot, PolicySources, SessionContext,
//! };
//!
//! let policy = PolicySnapshot::load(&PolicySources::default())?;
//! let alice = Principal {
//!     subject: Subject { name: "alice".into(), kind: PrincipalKind::Person },
//!     actors: vec![],
//!     groups: vec![],
//!     subject_groups: vec![],
//!     assurance: Assurance::Issued,
//!     credential_kind: CredentialKind::IssuedPassword,
//!     credential: CredentialId("c1".into()),
//!     purpose: None,
//! };
//! let mut facts = StatementFacts::empty(StatementClass::Ddl, "DROP TABLE");
//! facts.hazards.push(Hazard::new(HazardKind::Drop, "public.orders"));
//! let decision = policy.decide(&DecisionRequest {
//!     principal: &alice,
//!     database: &DatabaseContext::new("shop".into(), DatabaseMarks::default()),
//!     facts: &Arc::new(facts),
//!     session: &SessionContext::default(),
//!     labels: None,
//!     access: &Arc::default(),
//! });
//! let Decision::Deny(denial) = decision else { panic!("a drop by a person is refused") };
//! assert_eq!(&*denial.refusal.rule, "drop");
//! # Ok::<(), durward_policy::PolicyError>(())
//! ```

mod access;
mod approval;
mod assessment;
mod auto;
mod cache;
mod database;
mod decision;
mod demand;
mod error;
mod evaluate;
mod explain;
mod load;
mod pack;
mod request;
mod rule;
mod schema;
mod snapshot;
mod store;
mod verdict;
mod wording;

pub use access::{AccessGrant, AccessLabels, AccessScope};
pub use auto::{AutoApproval, HeldChange};
pub use cache::DecisionCache;
pub use database::{DEFAULT_TAG, DatabaseContext, DatabaseMarks, Protection, ProtectionKind};
pub use decision::{Decision, Denial, HoldOrder, Permit, Terms};
pub use error::{PolicyError, PolicyProblem};
pub use explain::{Explanation, HazardExplanation, MemberExplanation, RuleExplanation};
pub use pack::built_in_files;
pub use request::{DecisionRequest, LabelUse, SessionContext};
pub use schema::schema_text;
pub use snapshot::{PolicyFile, PolicySnapshot, PolicySources, PolicyVersion, RuleSummary};
pub use store::PolicyStore;
pub use wording::hazard_hint;

#[cfg(test)]
mod tests;
