//! Audit events, the log, its index and its queries; the only maker of a record of intent.
//!
//! This crate must not know any protocol or policy: it is told what was decided, and proves that it was written down.
//! The bytes are described in `docs/audit.md`.
//!
//! The three types to know: [`Ledger`] (where events go), [`Recorded`] (proof that an intent is in it) and [`Event`]
//! (what is read back).
//!
//! ```
//! use durward_audit::{Administration, Event, Ledger, LedgerOptions, verify};
//!
//! let directory = tempfile::tempdir()?;
//! let ledger = Ledger::open(directory.path(), LedgerOptions::default())?;
//! let act = Administration { by: "alice".into(), action: "session_kill".into(), object: "s000000000001".into() };
//! ledger.record(&Event::Administration(act))?;
//! ledger.close()?;
//! assert_eq!(verify(directory.path(), None)?.unsigned_events, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod background;
mod clock;
mod columns;
mod consistency;
mod definition;
mod digest;
mod error;
mod event;
pub mod evidence;
#[cfg(test)]
mod fixture;
mod index;
mod intent;
mod keys;
mod layout;
mod ledger;
mod merkle;
mod note;
mod ocsf;
mod proof;
mod publish;
mod record;
mod resolve;
mod retain;
mod search;
mod segment;
mod spool;
mod sql;
mod store;
mod tail;
mod time;
mod tree;
mod verify;
mod walk;
mod witness;
mod writer;

pub use clock::{Clock, SystemClock};
pub use columns::{COLUMNS, Column, ColumnKind, ColumnsError, ColumnsWritten, write_columns};
pub use consistency::{Consistency, ConsistencyError, consistency};
pub use definition::{Basis, ColumnTreatment, LabelledColumn, Shape, TouchedObject, TouchedRelation};
pub use digest::{DefinitionDigest, KeyedDigest};
pub use error::LedgerError;
pub use event::{
    Administration, ApprovalMoved, Checkpoint, ConfigurationLoaded, Definition, DefinitionKind, Event, EventNumber,
    IdentityChanged, KeyChanged, KeyInForce, LedgerOpened, LoginRefused, Origin, PolicyChanged, ProtocolViolation,
    SegmentsRetired, SessionEnded, SessionStarted, StatementIntent, StatementOutcome, StatementRefused,
    TransactionStatus,
};
pub use index::{IndexCheck, IndexDifference, IndexError, VIEWS, View, check_index};
pub use intent::{Durability, Recorded, StatementIntentInput, StatementRefusedInput};
pub use layout::Layout as LedgerFiles;
pub use ledger::{Ledger, LedgerOptions, LedgerStatus};
pub use note::{NoteError, VerifierKey};
pub use ocsf::Ocsf;
pub use proof::{Proof, ProofError, ProvedEvent, ProvedRecord, prove, verify_proof};
pub use publish::{PublishError, Published, publish};
pub use record::StoredEvent;
pub use resolve::ShownEvent;
pub use retain::{Retainer, Retention, RetentionError};
pub use search::{SearchAnswer, SearchFilter, SearchRow, Subjects, Verdict, rebuild_index, search};
pub use spool::{RestoreError, Restorer, Spool, SpooledRecord};
pub use sql::{SqlAnswer, SqlError, SqlLimits, sql};
pub use tail::{Tail, ledger_id, show};
pub use time::Moment;
pub use verify::{VerifyError, VerifyOptions, VerifyReport, verify, verify_since, verify_with};
pub use witness::{Cosigned, WitnessError, WitnessKey, WitnessRequest};
