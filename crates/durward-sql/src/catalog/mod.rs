//! The catalog as analysis sees it: an immutable, numbered snapshot.

mod change;
mod entries;
mod loader;
mod lookup;
mod part;
pub mod queries;
mod reading;

pub use change::change_probe_sql;
pub use entries::{
    Cast, Column, Definition, EventTrigger, Extension, ForeignKey, Function, FunctionKind, Index, Operator, Relation,
    RowPolicy, Rule, Trigger, Type,
};
pub use loader::{CatalogError, CatalogLoader};
pub use lookup::CatalogSnapshot;
pub use part::CatalogPart;
pub use queries::{BEGIN_READING, CatalogQuery, CatalogRequest, CatalogScope, END_READING, TransactionId};
pub use reading::CatalogReading;
