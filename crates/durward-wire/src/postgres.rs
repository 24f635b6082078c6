//! PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2 (manual chapter 55).

mod buffer;

pub mod backend;
pub mod error;
pub mod frame;
pub mod frontend;
pub mod table;
pub mod tag;

pub use buffer::{Format, Formats, Oids, Values, text};
pub use error::{DecodeError, EncodeError, Fault, FrameError};

/// A protocol version as both sides write it: major in the upper, minor in the lower sixteen bits (section 55.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// 3 for every server since 7.4.
    pub major: u16,
    /// 0, or 2 since PostgreSQL 18.
    pub minor: u16,
}

impl ProtocolVersion {
    /// What every client and server speaks.
    pub const V3_0: Self = Self { major: 3, minor: 0 };
    /// Longer cancel keys (section 55.2.9).
    pub const V3_2: Self = Self { major: 3, minor: 2 };
    /// The newest version spoken here.
    pub const LATEST: Self = Self::V3_2;

    /// From the word on the wire.
    pub fn from_word(word: u32) -> Self {
        let [a, b, c, d] = word.to_be_bytes();
        Self {
            major: u16::from_be_bytes([a, b]),
            minor: u16::from_be_bytes([c, d]),
        }
    }

    /// The word on the wire.
    pub fn word(self) -> u32 {
        u32::from(self.major) << 16 | u32::from(self.minor)
    }
}

impl std::fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
