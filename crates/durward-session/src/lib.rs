//! Owns one client connection and its server connection, and walks every statement through the pipeline: read, analyse,
//! decide, record, forward.
//!
//! Here alone the other crates meet. It must not know the console, nor how a mask, a policy or a record is made.
//!
//! The three types to know: [`Gateway`] (what sessions share, and the door), [`Database`] (what is behind it) and
//! [`SessionRegistry`] (who is there, and how to end it).

mod access;
mod approvals;
mod assessment;
mod buffer;
mod cascades;
mod catalog;
pub mod change_set;
mod changes;
mod copy_rows;
mod ddl;
mod forward;
mod gateway;
mod greeting;
mod inside;
mod kept;
mod labels;
mod levers;
pub mod limits;
mod link;
mod login;
mod look_ups;
mod masks;
mod measuring;
pub mod metrics;
mod names;
mod own_texts;
mod own_writes;
mod prepared;
mod registry;
mod replies;
mod report;
mod session;
mod shown;
mod sight;
mod startup;
pub mod stream;
pub mod tls;
mod undo;
pub mod upstream;
mod workers;

pub use access::{ACCESS_CLASSES, ALL_LABELS};
pub use approvals::LedgerRecorder;
pub use assessment::Foreseen;
pub use catalog::{CatalogSource, CatalogSourceError};
pub use changes::{UndoDesk, UndoScope};
pub use ddl::DdlLook;
pub use gateway::{Database, Gateway, GatewayParts, Listener};
pub use labels::{
    Basis, ColumnLabel, ColumnPath, KeptLabels, LabelBook, LabelChoice, LabelSnapshot, LabelsError, Overridden,
    RelationLabels, SurveyReport,
};
pub use masks::MasterKey;
pub use own_writes::WriteBook;
pub use registry::{SessionHandle, SessionRegistry, SessionSummary};
pub use session::labelled::label_use;
pub use shown::{ShownRow, ShownTable};
pub use undo::{UndoConflict, UndoError, UndoReport, UndoWish};
pub use workers::Workers;
