//! Finds sensitive data (by names, types and values) and defines each mask once: as an SQL expression and as a Rust
//! function that give the same bytes.
//!
//! This crate must not know any protocol, policy, store or runtime, and has no clock and no randomness: what is sampled
//! and every key come in as arguments.

pub mod detect;
pub mod form;
pub mod names;
pub mod verdict;
