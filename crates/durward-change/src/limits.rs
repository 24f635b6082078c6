//! What the desk is bounded by. Passing a bound refuses the statement with a clear error.

/// The requests of one principal that may be open at a time.
///
/// Unit: requests. Reason: a person or agent that waits for more has lost the thread, and so have the approvers.
pub const OPEN_PER_PRINCIPAL_MAX: usize = 200;

/// The requests that may be open at a time.
///
/// Unit: requests. Reason: bounds memory and the approvers' list.
pub const OPEN_MAX: usize = 5_000;

/// The longest statement that can be held, with its parameters.
///
/// Unit: bytes. Reason: it is kept whole and read by people.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// The ended requests that are kept for looking at.
///
/// Unit: requests. Reason: a rejection stands until its request would have expired; the record keeps the rest.
pub const ENDED_KEPT_MAX: usize = 2_000;

/// The longest reason or note.
///
/// Unit: bytes. Reason: it is one line for people.
pub const NOTE_BYTES_MAX: usize = 2_000;

/// The file is written anew on opening once it has grown past this.
///
/// Unit: bytes. Reason: reading it takes well under a second.
pub(crate) const JOURNAL_BYTES_HIGH: u64 = 16 << 20;

/// The longest access that can be asked for.
///
/// Unit: seconds. Reason: a week; what is needed for longer is a matter of policy.
pub const ACCESS_SECONDS_MAX: u32 = 7 * 24 * 3_600;

/// The relations that one wish for access may name.
///
/// Unit: relations. Reason: whoever decides reads the list; beyond it the whole database is meant.
pub const ACCESS_RELATIONS_MAX: usize = 500;
