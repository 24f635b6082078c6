//! What a session is bounded by. Passing a bound is a clear error and nothing is lost.

use std::time::Duration;

/// How long a peer may take to read the last message before its connection is closed.
///
/// Unit: seconds. Reason: a peer that reads at all takes milliseconds.
pub const FAREWELL_SECONDS_MAX: Duration = Duration::from_secs(2);

/// How long a client may take from connecting to the end of its login.
///
/// Unit: seconds. Reason: the server's own `authentication_timeout` is 60 seconds by default.
pub const LOGIN_SECONDS_MAX: Duration = Duration::from_secs(60);

/// The largest message of a client that is held whole (all but CopyData).
///
/// Unit: bytes. Reason: large parameters are real; memory for them is taken only as they arrive.
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The longest statement text that is judged.
///
/// Unit: bytes. Reason: a bulk INSERT of some ten megabytes is real; the analyser bounds its own memory by tokens.
pub const STATEMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The messages that may be unanswered before the client's next one is looked at.
///
/// Unit: messages. Reason: bounds the queue of expected replies; drivers pipeline some thousands.
pub const REPLIES_EXPECTED_MAX: usize = 100_000;

/// How many connections may be logging in at a time.
///
/// Unit: connections. Reason: bounds what strangers can make the gateway hold.
pub const LOGINS_MAX: usize = 1_000;

/// How long a statement waits for another session's lock on a definition that it rests on.
///
/// Unit: seconds. Reason: most changes of a table are done by then; the server itself would wait for as long as it takes.
pub const DEFINITION_LOCK_SECONDS_MAX: Duration = Duration::from_secs(10);

/// How long after a look at such a lock the next one follows.
///
/// Unit: milliseconds. Reason: a look costs the server some milliseconds.
pub const DEFINITION_LOCK_PAUSE: Duration = Duration::from_millis(200);

/// How many sessions a thread takes before the next thread gets one.
///
/// Unit: sessions. Reason: a thread that several sessions keep awake sleeps and wakes less for each statement, with
/// warmer caches; four at a time can hardly want more than one processor.
pub const SESSIONS_TOGETHER: usize = 4;

/// The longest parameter that is compared with masks before it is written.
///
/// Unit: bytes. Reason: no mask that can be recognised is longer.
pub const GIVEN_BYTES_MAX: usize = 1_024;

/// How long a person's client waits for an approval before the request expires.
///
/// Unit: seconds. Reason: longer than that nobody looks at a prompt; an approval that comes later is asked for again.
pub const HOLD_SECONDS_MAX: Duration = Duration::from_secs(600);

/// How long it waits within a transaction that has already done something.
///
/// Unit: seconds. Reason: its locks and its server connection wait with it.
pub const HOLD_IN_TRANSACTION_SECONDS_MAX: Duration = Duration::from_secs(5);

/// How often a client that waits for approval is told so.
///
/// Unit: seconds. Reason: drivers with a socket timeout of a few seconds must hear something before that.
pub const HOLD_HEARTBEAT_SECONDS: Duration = Duration::from_secs(2);

/// How often whoever was told to come back should look.
///
/// Unit: seconds. Reason: people take minutes.
pub const HOLD_POLL_SECONDS: u32 = 5;

/// The rows that are counted before a write, where no policy asks for more.
///
/// Unit: rows. Reason: above that the exact number decides nothing.
pub const ROWS_COUNTED_MAX: u64 = 10_000;

/// The rows whose effect is read for approvers.
///
/// Unit: rows. Reason: what is read must be held in memory; beyond that the number decides.
pub const EFFECT_ROWS_MAX: u64 = 10_000;

/// The rows that approvers are shown.
///
/// Unit: rows. Reason: more than a screen nobody reads.
pub const EFFECT_SAMPLES_MAX: usize = 20;

/// The longest value that approvers are shown.
///
/// Unit: characters. Reason: a row fits a screen.
pub const EFFECT_CHARACTERS_MAX: usize = 200;

/// How much data of one COPY is kept until it is decided on.
///
/// Unit: bytes. Reason: it is held in memory, since rows are written to no disk of the gateway's; more than that nobody
/// looks through.
pub const COPY_HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much all sessions of one identity keep so, agents of a person among them.
///
/// Unit: bytes. Reason: two large ones, and nobody fills it for all.
pub const COPIES_OF_ONE_HELD_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How much all sessions together keep so.
///
/// Unit: bytes. Reason: a fraction of a small machine's memory.
pub const COPIES_HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How long counting them may take.
///
/// Unit: milliseconds. Reason: the statement itself is still to come.
pub const COUNT_MILLISECONDS_MAX: u32 = 3_000;
