//! Cutting messages out of a byte buffer: tag, length word, body (manual section 55.1.1). Nothing is copied.

use super::error::FrameError;
use crate::limits;

/// Bytes before a body: tag and length word.
pub const HEADER_BYTES: usize = 5;

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The message type.
    pub tag: u8,
    /// Bytes of the body.
    pub body_len: usize,
}

impl FrameHeader {
    /// Bytes of the whole message: tag, length word and body.
    pub fn frame_len(self) -> usize {
        HEADER_BYTES + self.body_len
    }
}

/// One whole message, borrowed from the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message type.
    pub tag: u8,
    /// All after the length word.
    pub body: &'a [u8],
}

/// Reads a message's header; `None` until five bytes are there. For streaming a body that is never held whole.
///
/// # Errors
/// A length word below four, or a body longer than `body_bytes_max`. The stream is then lost.
pub fn peek_header(input: &[u8], body_bytes_max: usize) -> Result<Option<FrameHeader>, FrameError> {
    let Some((&[tag, a, b, c, d], _)) = input.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes([a, b, c, d]);
    let too_short = FrameError::TooShort { tag, length };
    let body_len = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(4))
        .ok_or(too_short)?;
    if body_len > body_bytes_max {
        return Err(FrameError::TooLong {
            tag,
            body_bytes: body_len,
            body_bytes_max,
        });
    }
    Ok(Some(FrameHeader { tag, body_len }))
}

/// Cuts the first whole message and says how many bytes it took; `None` until all of it is there.
///
/// # Errors
/// As [`peek_header`]; a wrong length is told as soon as the header is there.
pub fn cut_frame(input: &[u8], body_bytes_max: usize) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let Some(header) = peek_header(input, body_bytes_max)? else {
        return Ok(None);
    };
    let Some(body) = input.get(HEADER_BYTES..header.frame_len()) else {
        return Ok(None);
    };
    Ok(Some((Frame { tag: header.tag, body }, header.frame_len())))
}

/// Cuts a client's message by the bound of its own tag ([`limits::frontend_body_bytes_max`]).
///
/// # Errors
/// As [`peek_header`].
pub fn cut_frontend_frame(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let Some(&tag) = input.first() else {
        return Ok(None);
    };
    cut_frame(input, limits::frontend_body_bytes_max(tag))
}

/// Cuts a startup packet (no tag, section 55.7 "StartupMessage"): its body after the length word, and the bytes taken.
///
/// # Errors
/// A length word below 8 (itself and a version) or above [`limits::STARTUP_BYTES_MAX`].
pub fn cut_startup(input: &[u8]) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((&word, _)) = input.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(word);
    let wrong = FrameError::StartupLength { length };
    let packet_len = usize::try_from(length).map_err(|_| wrong)?;
    if !(8..=limits::STARTUP_BYTES_MAX).contains(&packet_len) {
        return Err(wrong);
    }
    Ok(input.get(4..packet_len).map(|body| (body, packet_len)))
}

#[cfg(test)]
mod tests;
