//! Reading fields off a body and putting fields behind a vector; counts and lengths are checked here and only here.

use super::error::{DecodeError, EncodeError, Fault};

/// A body that is read from its start; every take names the field it takes.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self { message, rest: body }
    }

    pub(super) fn error(&self, field: &'static str, fault: Fault) -> DecodeError {
        DecodeError {
            message: self.message,
            field,
            fault,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(field, Fault::EndsEarly));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(field, Fault::EndsEarly));
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// Counts are unsigned on the server's side: 65,535 parameters are allowed.
    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn i16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        self.array(field).map(i16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// A string without its NUL.
    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = memchr::memchr(0, self.rest).ok_or(self.error(field, Fault::NotTerminated))?;
        let taken = self.bytes(end, field)?;
        self.bytes(1, field)?;
        Ok(taken)
    }

    /// A value with its length before it; -1 is NULL, any other negative length is wrong.
    pub(super) fn value(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.i32(field)? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| self.error(field, Fault::NotAllowed))?;
                self.bytes(length, field).map(Some)
            }
        }
    }

    pub(super) fn formats(&mut self, field: &'static str) -> Result<Formats<'a>, DecodeError> {
        let count = usize::from(self.u16(field)?);
        let raw = self.bytes(count * 2, field)?;
        if raw.chunks_exact(2).any(|code| !matches!(code, [0, 0 | 1])) {
            return Err(self.error(field, Fault::NotAllowed));
        }
        Ok(Formats { raw })
    }

    pub(super) fn oids(&mut self, field: &'static str) -> Result<Oids<'a>, DecodeError> {
        let count = usize::from(self.u16(field)?);
        Ok(Oids {
            raw: self.bytes(count * 4, field)?,
        })
    }

    pub(super) fn values(&mut self, field: &'static str) -> Result<Values<'a>, DecodeError> {
        let count = self.u16(field)?;
        let start = self.rest;
        for _ in 0..count {
            self.value(field)?;
        }
        let (raw, _) = start.split_at(start.len() - self.rest.len());
        Ok(Values { count, raw })
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error("the body", Fault::TrailingBytes))
        }
    }
}

/// How values are written: manual section 55.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Code 0.
    Text,
    /// Code 1.
    Binary,
}

impl Format {
    /// The code on the wire.
    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// A list of format codes as it stands in a Bind or copy message; every code in it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats<'a> {
    raw: &'a [u8],
}

impl<'a> Formats<'a> {
    /// How many codes are given.
    pub fn count(self) -> usize {
        self.raw.len() / 2
    }

    /// The codes in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Format> + 'a {
        self.raw
            .chunks_exact(2)
            .map(|code| if code == [0, 0] { Format::Text } else { Format::Binary })
    }

    /// The format of the value at `index` (from 0): none given means text, one given means all.
    pub fn of(self, index: usize) -> Format {
        let index = if self.count() == 1 { 0 } else { index };
        self.iter().nth(index).unwrap_or(Format::Text)
    }
}

/// A list of type oids as it stands in a Parse or ParameterDescription message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oids<'a> {
    raw: &'a [u8],
}

impl<'a> Oids<'a> {
    /// How many there are.
    pub fn count(self) -> usize {
        self.raw.len() / 4
    }

    /// The oids in order; 0 leaves the type to the server.
    pub fn iter(self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.raw
            .chunks_exact(4)
            .map(|oid| oid.try_into().map_or(0, u32::from_be_bytes))
    }
}

/// A list of values as it stands in a Bind or DataRow message; its lengths have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values<'a> {
    count: u16,
    raw: &'a [u8],
}

impl<'a> Values<'a> {
    /// How many there are.
    pub fn count(self) -> usize {
        usize::from(self.count)
    }

    /// The values in order; `None` is NULL.
    pub fn iter(self) -> impl Iterator<Item = Option<&'a [u8]>> + 'a {
        let mut reader = Reader::new("", self.raw);
        std::iter::from_fn(move || reader.value("").ok())
    }
}

/// A name or text as UTF-8, or which field of which message is not.
pub fn text<'a>(bytes: &'a [u8], message: &'static str, field: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError {
        message,
        field,
        fault: Fault::NotUtf8,
    })
}

/// One message being put behind a vector; on an error the vector is as it was.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn string(&mut self, text: &[u8], field: &'static str) -> Result<(), EncodeError> {
        if memchr::memchr(0, text).is_some() {
            return Err(EncodeError::Nul { field });
        }
        self.raw(text);
        self.raw(&[0]);
        Ok(())
    }

    pub(super) fn count(&mut self, count: usize, field: &'static str) -> Result<(), EncodeError> {
        let count = u16::try_from(count).map_err(|_| EncodeError::TooLong { field })?;
        self.raw(&count.to_be_bytes());
        Ok(())
    }

    pub(super) fn value(&mut self, value: Option<&[u8]>, field: &'static str) -> Result<(), EncodeError> {
        let Some(value) = value else {
            self.raw(&(-1_i32).to_be_bytes());
            return Ok(());
        };
        let length = i32::try_from(value.len()).map_err(|_| EncodeError::TooLong { field })?;
        self.raw(&length.to_be_bytes());
        self.raw(value);
        Ok(())
    }
}

/// Puts one message behind `out`: tag (none for a startup packet), length word, body.
pub(super) fn message(
    out: &mut Vec<u8>,
    tag: Option<u8>,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend(tag);
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let written = body(&mut Writer { out }).and_then(|()| {
        let too_long = EncodeError::TooLong { field: "the body" };
        let length = i32::try_from(out.len() - length_at).map_err(|_| too_long)?;
        out.get_mut(length_at..length_at + 4)
            .ok_or(too_long)?
            .copy_from_slice(&length.to_be_bytes());
        Ok(())
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Puts a message of a tag and a short fixed body behind `out`.
pub(super) fn fixed<const N: usize>(out: &mut Vec<u8>, tag: u8, body: [u8; N]) {
    const { assert!(N <= 64) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "at most 68, asserted above"
    )]
    let length = (N + 4) as i32;
    out.push(tag);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&body);
}
