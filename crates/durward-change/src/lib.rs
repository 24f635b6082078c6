//! A change's life while it waits for people: asked, joined, approved, used once, or ended.
//!
//! It must not know any protocol, policy language or ledger, and has no clock: the time comes in with each call, and
//! whoever keeps the record is told of every transition before it counts.
//!
//! The three types to know: [`Desk`] (where requests are laid and decided), [`Request`] (one of them, as it is kept) and
//! [`Grant`] (proof that an approval was spent on just this statement).
//!
//! ```
//! use durward_change::{Answer, Approver, Asked, Desk, Manner, MemoryStore, NoRecorder};
//! # let asked = durward_change::example();
//!
//! let desk = Desk::open(MemoryStore::default(), NoRecorder)?;
//! let Answer::Pending(request) = desk.present(&asked, Manner::Parked, 0)? else { panic!("nobody has approved it yet") };
//! desk.approve(request.id, &Approver::named("bob"), None, 1)?;
//! assert!(matches!(desk.present(&asked, Manner::Parked, 2)?, Answer::Granted(_)));
//! // An approval is good for one run.
//! assert!(matches!(desk.present(&asked, Manner::Parked, 3)?, Answer::Pending(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod adviser;
mod binding;
mod book;
mod change_set;
mod ddl;
mod desk;
mod error;
mod file;
pub mod limits;
mod party;
mod precedent;
mod request;
mod risk;
mod rota;
mod routing;
mod state;
mod store;
pub mod undo;
mod visible;

pub use access::{Access, GivenAccess, Place};
pub use adviser::{Advice, AdvisedRisk, Adviser, Opinion};
pub use binding::Binding;
pub use change_set::{Outlook, Step, covers};
pub use ddl::{DdlEffect, RelationSize, bytes_in_words};
pub use desk::{Answer, Desk, Grant, Manner, NoRecorder, Recorder};
pub use error::DeskError;
pub use file::FileStore;
pub use party::{Party, PartyError, in_words};
pub use precedent::{precedents, similar};
#[doc(hidden)]
pub use request::example;
pub use request::{
    Approval, Approver, Asked, CarriedRows, Effect, Ending, MeasuredRows, Request, RequestId, Sample, Touched,
};
pub use risk::RiskRules;
pub use rota::{Rota, RotaError};
pub use routing::{Addressed, Asking, Escalated, Escalation, OwnerRule, Routing};
pub use state::{Entry, Event, State};
pub use store::{MemoryStore, Store, StoreError};
pub use visible::{Piece, hides, pieces, visible};
