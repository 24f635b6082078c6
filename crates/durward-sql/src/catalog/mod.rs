//! The catalog as analysis sees it: an immutable, numbered snapshot.

mod change;
mod entries;
mod loader;
mod lookup;
pub mod queries;

pub use change::change_probe_sql;
pub use entries::{
    Cast, Column, EventTrigger, Extension, ForeignKey, Function, FunctionKind, Index, Operator, Relation, RowPolicy,
    Rule, Trigger, Type,
};
pub use loader::{CatalogError, CatalogLoader, CatalogPart};
pub use lookup::CatalogSnapshot;
pub use queries::{CatalogQuery, CatalogScope};
