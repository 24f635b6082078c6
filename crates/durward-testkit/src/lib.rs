//! Scripted clients and servers, temporary databases, and gateways to try: everything that the other crates' tests
//! stand on. It knows the wire format and the shared nouns, and nothing of facts, policy or records.
//!
//! The types to know: [`PostgresServer`] (a private server that ends with the test), [`Gateway`] (the built binary in
//! front of it) and [`RawClient`] (a client that shows every message it got).
//!
//! ```no_run
//! use durward_testkit::{Access, PostgresServer, RawClient};
//!
//! let server = PostgresServer::start();
//! let mut client = RawClient::connect(&server.access("postgres")).unwrap();
//! assert_eq!(client.query("SELECT 1").unwrap().rows(), [["1"]]);
//! ```
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test support: whatever fails here is a failed test, and says why"
)]

mod access;
mod gateway;
mod postgres;
mod process;
mod raw;
pub mod script;
pub mod slack;

pub use access::Access;
pub use gateway::{Gateway, GatewayOptions, Identity, run_on};
pub use postgres::{PostgresServer, SUPERUSER, SUPERUSER_PASSWORD, ServerOptions};
pub use process::{interrupt, kill, terminate, wait_for_exit};
pub use raw::{RawClient, RawError, Reply, Transcript};
