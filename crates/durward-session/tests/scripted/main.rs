//! Sessions against scripted peers: clients and servers that send anything at any time. Each test says what the other
//! side sees, and what may never reach the server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here is a failed test"
)]

mod bad_client;
mod bad_server;
mod door;
mod house;
mod pipeline;
mod recorded;
