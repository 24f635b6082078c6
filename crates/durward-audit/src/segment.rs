//! Segment files: a header, then framed records. Nothing in them is ever changed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::record::RECORD_BYTES_MAX;

/// The version of the store that this program reads and writes.
pub(crate) const STORE_VERSION: u8 = 2;
const MAGIC: [u8; 7] = *b"DURWLOG";
/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 44;
/// Bytes before each record: its length and its checksum.
pub(crate) const FRAME_BYTES: usize = 8;
/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// What a segment says about its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) ledger: [u8; 16],
    pub(crate) segment: u64,
    pub(crate) first_event: u64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(STORE_VERSION);
        bytes.extend_from_slice(&self.ledger);
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first_event.to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header; none when it isn't one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, checksum) = bytes.split_at_checked(HEADER_BYTES - 4)?;
        if checksum.get(..4)? != crc32fast::hash(covered).to_le_bytes() || version_of(covered)? != STORE_VERSION {
            return None;
        }
        Some(Self {
            ledger: covered.get(8..24)?.try_into().ok()?,
            segment: u64::from_le_bytes(covered.get(24..32)?.try_into().ok()?),
            first_event: u64::from_le_bytes(covered.get(32..40)?.try_into().ok()?),
        })
    }

    /// Reads the header of an open segment file.
    pub(crate) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The version of the store that a segment with these first bytes is of; none when it is no segment.
pub(crate) fn version_of(bytes: &[u8]) -> Option<u8> {
    bytes.strip_prefix(&MAGIC)?.first().copied()
}

/// The file name of a segment.
pub(crate) fn file_name(segment: u64) -> String {
    format!("{segment:020}.log")
}

/// The number in a segment's file name.
pub(crate) fn number_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(".log")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// Starts a frame: room for length and checksum. Returns where the frame starts.
pub(crate) fn begin_frame(bytes: &mut Vec<u8>) -> usize {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; FRAME_BYTES]);
    start
}

/// Ends the frame that starts at `start`, and returns its record; none when the record is too large.
pub(crate) fn end_frame(bytes: &mut [u8], start: usize) -> Option<&[u8]> {
    let (head, record) = bytes.get_mut(start..)?.split_at_mut_checked(FRAME_BYTES)?;
    if record.len() > RECORD_BYTES_MAX {
        return None;
    }
    let length = u32::try_from(record.len()).ok()?.to_le_bytes();
    let checksum = checksum(length, record).to_le_bytes();
    let (head_length, head_checksum) = head.split_at_mut(4);
    head_length.copy_from_slice(&length);
    head_checksum.copy_from_slice(&checksum);
    Some(record)
}

fn checksum(length: [u8; 4], record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(record);
    hasher.finalize()
}

/// What stands at a place in a segment.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A record whose checksum is right.
    Record(&'a [u8]),
    /// Nothing more.
    End,
    /// A frame that the file ends within.
    Incomplete,
    /// A frame whose length can't be, or whose checksum is wrong.
    Bad {
        /// Where the frame would end; none when the length itself can't be.
        end: Option<u64>,
    },
}

/// Reads frames one after the other. At the end of the file it can be asked again later, when the file has grown.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    file: File,
    /// Initialised space, of which the bytes before `end` were read.
    buffer: Vec<u8>,
    /// Where in the buffer the next frame starts.
    start: usize,
    end: usize,
    /// Where in the file the next frame starts.
    offset: u64,
}

impl SegmentReader {
    /// Reads `file` from `offset`, which must be where a frame starts.
    pub(crate) fn new(file: File, offset: u64) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset,
        }
    }

    /// Where the next frame starts.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether there are bytes after the last frame.
    pub(crate) fn has_more(&mut self) -> io::Result<bool> {
        self.fill(1)
    }

    /// The next frame. Moves past it only when it is a good record.
    pub(crate) fn next(&mut self) -> io::Result<Step<'_>> {
        if !self.fill(FRAME_BYTES)? {
            let nothing_left = self.end == self.start;
            return Ok(if nothing_left { Step::End } else { Step::Incomplete });
        }
        let Some((length, expected)) = self.frame_head() else {
            return Ok(Step::Incomplete);
        };
        let record_bytes = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if record_bytes == 0 || record_bytes > RECORD_BYTES_MAX {
            return Ok(Step::Bad { end: None });
        }
        let frame_bytes = FRAME_BYTES + record_bytes;
        if !self.fill(frame_bytes)? {
            return Ok(Step::Incomplete);
        }
        let record_start = self.start + FRAME_BYTES;
        let record = self
            .buffer
            .get(record_start..self.start + frame_bytes)
            .unwrap_or_default();
        let end = self.offset + u64::try_from(frame_bytes).unwrap_or(u64::MAX);
        if checksum(length, record).to_le_bytes() != expected {
            return Ok(Step::Bad { end: Some(end) });
        }
        self.start += frame_bytes;
        self.offset = end;
        Ok(Step::Record(record))
    }

    fn frame_head(&self) -> Option<([u8; 4], [u8; 4])> {
        let head = self.buffer.get(self.start..self.end)?.get(..FRAME_BYTES)?;
        let (length, checksum) = head.split_at_checked(4)?;
        Some((length.try_into().ok()?, checksum.try_into().ok()?))
    }

    /// Makes at least `wanted` bytes available from `start`; false when the file has fewer.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.end - self.start < wanted {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.buffer.len() < wanted.max(READ_BYTES) {
                self.buffer.resize(wanted.max(READ_BYTES), 0);
            }
            let place = self.offset + u64::try_from(self.end).unwrap_or(u64::MAX);
            let space = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.file.read_at(space, place) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
