//! The built program in front of real PostgreSQL servers, used by real clients.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test: whatever fails here says why and ends it, and progress is worth seeing"
)]

mod answers;
mod audit;
mod change_sets;
mod clients;
mod crash;
mod deciding;
mod evidence;
mod guardrails;
mod holds;
mod labels;
mod locks;
mod masking;
mod metrics;
mod regression;
mod store;
mod support;
mod undo;
mod utility;
mod web;
mod webhook;
