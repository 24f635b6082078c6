//! Statement text and a catalog snapshot become statement facts.
//!
//! It must not know any protocol, policy, store or identity, and runs nothing upstream: catalog rows and settings are
//! handed in.
//!
//! The three types to know: [`Analyzer`] (a text in, an [`Analysis`] out), [`CatalogSnapshot`] (what names mean) and
//! [`SessionSettings`] (how a session reads them).
//!
//! Inside: `bind::Binder` walks trees and gathers facts in `binder.facts`; it carries the catalog, the settings and the
//! search path in force. It calls `functions::call` for every call, `utility::statement` for every statement
//! that is no SELECT or DML, and `predicate::{always_true, row_bound}` for the WHERE of UPDATE and DELETE. These call back:
//! `binder.statement` (a nested statement), `binder.sql_text` (a function's text), `binder.expression`,
//! `binder.expression_over`, `binder.expression_text` (defaults, checks), within `binder.once(oid, …)` for bodies
//! (not the client's own text, recursion cut), `binder.with_variables` (parameters, PL/pgSQL variables) and
//! `binder.with_path` (SET search_path of a function; `Definition::path` for definitions).

mod analysis;
mod analyzer;
mod aside;
mod bind;
mod cache;
mod capture;
pub mod catalog;
mod copy;
mod count;
mod ddl;
mod effect;
mod error;
#[doc(hidden)]
pub mod fixture;
mod functions;
mod inverse;
mod parser;
mod plpgsql;
mod predicate;
pub mod relief;
mod rewrite;
pub mod settings;
#[cfg(test)]
mod tests;
mod text;
mod utility;

pub use analyzer::{Analysis, AnalysisContext, AnalyzedStatement, Analyzer, AnalyzerLimits};
pub use aside::{Aside, AsideBounds, AsideCheck, AsidePlan, AsideRows, AsideTable, AsideWeight};
pub use capture::{
    CannotCapture, CapturePlan, CaptureTexts, CapturedColumn, CascadeEvent, CascadeKey, CascadeTable, Cascades,
    ChangeKind, Images, NewValue, RowsText,
};
pub use catalog::CatalogSnapshot;
pub use copy::{CannotReadCopy, CopyColumn, CopyForm, CopyFormat};
pub use count::{CannotCount, CountReach, CountText, definitions};
pub use ddl::{DdlTouch, LockMode};
pub use effect::SessionEffect;
pub use error::AnalysisError;
pub use inverse::{Fills, Inverse, InversePlan, InverseStep, Probe, ProbeRows};
pub use parser::ServerWords;
pub use rewrite::{CannotRewrite, NoSqlForm, Rewritten, SourceColumn, SourceMasks, Splice, string_constants};
pub use settings::SessionSettings;
pub use text::tokens;
