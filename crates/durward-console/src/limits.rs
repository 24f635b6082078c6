//! What the console is bounded by.

use std::time::Duration;

/// Connections at a time.
///
/// Unit: connections. Reason: people and their agents, not traffic; each costs a few tens of KiB.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// The longest body of a request.
///
/// Unit: bytes. Reason: a file of statements to submit, and little else, is long.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a client may take for a TLS handshake, or for a request's head.
pub(crate) const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How long anything that changes something may take, its body's arrival included.
pub(crate) const CHANGE_PATIENCE: Duration = Duration::from_secs(30);

/// Passwords that are checked at a time.
///
/// Unit: passwords. Reason: each check is milliseconds of one processor, and guesses must not take them all.
pub(crate) const PASSWORD_CHECKS_MAX: usize = 2;

/// Logins of browsers that are kept.
///
/// Unit: logins. Reason: bounds memory; the one unused longest goes first.
pub(crate) const TICKETS_MAX: usize = 10_000;

/// Logins of browsers that one identity may have.
///
/// Unit: logins. Reason: a person has a few devices.
pub(crate) const TICKETS_PER_IDENTITY_MAX: usize = 20;

/// How long a browser's login lives without being used.
///
/// Unit: seconds. Reason: a lunch break's length; what is left open is found by others.
pub(crate) const TICKET_IDLE_SECONDS: u64 = 30 * 60;

/// How long a browser's login lives at most.
///
/// Unit: seconds. Reason: a working day.
pub(crate) const TICKET_SECONDS_MAX: u64 = 12 * 3_600;

/// How long a question waits for news.
///
/// Unit: seconds. Reason: below the idle timeouts of common proxies.
pub(crate) const WAIT_SECONDS_MAX: u64 = 50;

/// How long one stream of events lasts; its reader comes back by itself.
pub(crate) const STREAM_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Streams and waiting questions at a time.
///
/// Unit: requests. Reason: below the bound of connections, so that deciding is always possible.
pub(crate) const WAITING_MAX: usize = 128;

/// Requests on one page of the list.
pub(crate) const LISTED_MAX: usize = 200;

/// Earlier requests shown beside a request.
pub(crate) const SIMILAR_MAX: usize = 5;
