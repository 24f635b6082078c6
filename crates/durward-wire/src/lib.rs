//! Bytes to protocol messages and back, a folder per protocol; knows no SQL and no policy.
//!
//! It has no socket, no clock and no state: a caller brings bytes and gets borrowed views of them, or brings a vector
//! and gets bytes appended. It must not know what a statement means, who sent it, or whether it may run.
//!
//! Three types to know: [`postgres::frame::Frame`] (a message as it stands in the buffer),
//! [`postgres::frontend::FrontendMessage`] (what a client says) and [`postgres::backend::BackendMessage`] (what a
//! server says). What is done with each tag in each state stands in [`postgres::table`].
//!
//! ```
//! use durward_wire::postgres::{frame, frontend};
//!
//! let mut sent = Vec::new();
//! frontend::write::query(&mut sent, b"SELECT 1").unwrap();
//!
//! let (frame, length) = frame::cut_frame(&sent, 1024).unwrap().expect("a whole frame");
//! assert_eq!(length, sent.len());
//! assert_eq!(
//!     frontend::FrontendMessage::decode(frame).unwrap(),
//!     frontend::FrontendMessage::Query { text: b"SELECT 1" },
//! );
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod limits;
pub mod postgres;
