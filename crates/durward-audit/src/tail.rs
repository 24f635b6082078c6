//! Reading the log itself: the last events, new ones as they come, and one by its number.

use std::fs::File;
use std::path::Path;

use crate::error::LedgerError;
use crate::event::EventNumber;
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::note::hexadecimal;
use crate::record;
use crate::resolve::{Resolver, ShownEvent};
use crate::segment::{HEADER_BYTES, SegmentHeader, SegmentReader, Step};

/// Reads events in order, from the start of a segment, and goes on where it stopped when asked again.
#[derive(Debug)]
pub(crate) struct LogReader {
    layout: Layout,
    segment: u64,
    reader: SegmentReader,
}

/// What a [`LogReader`] came to.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// The bytes of the next record.
    Record(&'a [u8]),
    /// The next segment, whose first record comes next.
    Segment,
    /// Nothing new for now.
    Nothing,
}

impl LogReader {
    /// Reads `segment` from `offset`, where a frame must start; from its first record when none is given.
    pub(crate) fn open(layout: &Layout, segment: u64, offset: Option<u64>) -> Result<Self, LedgerError> {
        let path = layout.segment(segment);
        let file = File::open(&path).map_err(|error| LedgerError::io("open", &path, &error))?;
        let first = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        Ok(Self {
            layout: layout.clone(),
            segment,
            reader: SegmentReader::new(file, offset.unwrap_or(first)),
        })
    }

    /// The segment and the place in it that come next.
    pub(crate) const fn place(&self) -> (u64, u64) {
        (self.segment, self.reader.offset())
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Result<Found<'_>, LedgerError> {
        let segment = self.segment;
        let unreadable = |layout: &Layout, error| LedgerError::io("read", layout.segment(segment), &error);
        if !self
            .reader
            .has_more()
            .map_err(|error| unreadable(&self.layout, error))?
        {
            // In this order: what was last appended to a segment was so before the next one existed.
            let complete = self.layout.segment(segment + 1).exists();
            if !self
                .reader
                .has_more()
                .map_err(|error| unreadable(&self.layout, error))?
            {
                if !complete {
                    return Ok(Found::Nothing);
                }
                *self = Self::open(&self.layout.clone(), segment + 1, None)?;
                return Ok(Found::Segment);
            }
        }
        let offset = self.reader.offset();
        match self.reader.next().map_err(|error| unreadable(&self.layout, error))? {
            Step::Record(record) => Ok(Found::Record(record)),
            Step::End | Step::Incomplete => Ok(Found::Nothing),
            Step::Bad { .. } => Err(LedgerError::Damaged(
                format!("segment {segment}, byte {offset}: not what was written").into(),
            )),
        }
    }
}

/// The last events of a ledger, and those that come after them.
#[derive(Debug)]
pub struct Tail {
    reader: LogReader,
    resolver: Resolver,
    /// Events before this one are read for what they define, not for themselves.
    from: u64,
    /// The last event when it was opened.
    newest: u64,
}

impl Tail {
    /// Stands before the last `count` events of a ledger. Works on a ledger that is being written.
    pub fn open(files: impl Into<Layout>, count: u64) -> Result<Self, LedgerError> {
        let layout = files.into();
        check_version(&layout)?;
        let mut last = LogReader::open(&layout, newest_segment(&layout)?, None)?;
        let mut events = header(&layout, last.segment)?.first_event - 1;
        loop {
            match last.next()? {
                Found::Record(_) => events += 1,
                Found::Segment => {}
                Found::Nothing => break,
            }
        }
        Ok(Self {
            newest: events,
            ..Self::from(&layout, (events.saturating_sub(count) + 1).max(first_event(&layout)?))?
        })
    }

    /// Stands after event `number` of a ledger.
    ///
    /// # Errors
    /// When the event after it is no longer at hand, among others.
    pub fn after(files: impl Into<Layout>, number: EventNumber) -> Result<Self, LedgerError> {
        let layout = files.into();
        check_version(&layout)?;
        Self::from(&layout, number.0.saturating_add(1))
    }

    fn from(layout: &Layout, from: u64) -> Result<Self, LedgerError> {
        let segment = segment_of(layout, from)?;
        Ok(Self {
            reader: LogReader::open(layout, segment, None)?,
            resolver: Resolver::default(),
            from,
            newest: u64::MAX,
        })
    }

    /// The last event that there was when it was opened.
    pub const fn newest(&self) -> EventNumber {
        EventNumber(self.newest)
    }

    /// The next event; none when there is no new one yet. Asking again later goes on from there.
    pub fn next_event(&mut self) -> Result<Option<ShownEvent>, LedgerError> {
        loop {
            let record = match self.reader.next()? {
                Found::Record(record) => record,
                Found::Segment => {
                    self.resolver = Resolver::default();
                    continue;
                }
                Found::Nothing => return Ok(None),
            };
            let stored = record::decode(record).map_err(|error| LedgerError::Damaged(error.to_string().into()))?;
            let shown = self.resolver.see(stored);
            if shown.stored.number.0 >= self.from {
                return Ok(Some(shown));
            }
        }
    }
}

/// The id of the ledger in `directory`, in hexadecimal.
pub fn ledger_id(directory: &Path) -> Result<String, LedgerError> {
    let layout = Layout::new(directory);
    check_version(&layout)?;
    Ok(hexadecimal(&layout.ledger_id()?))
}

/// One event by its number; none when the ledger doesn't hold it.
///
/// # Errors
/// When it is no longer at hand, among others.
pub fn show(files: impl Into<Layout>, number: EventNumber) -> Result<Option<ShownEvent>, LedgerError> {
    if number.0 == 0 {
        return Ok(None);
    }
    let layout = files.into();
    check_version(&layout)?;
    Tail::from(&layout, number.0)?.next_event()
}

/// The segment that event `number` is in.
pub(crate) fn segment_of(layout: &Layout, number: u64) -> Result<u64, LedgerError> {
    let mut segment = newest_segment(layout)?;
    loop {
        let first_event = header(layout, segment)?.first_event;
        if first_event <= number {
            return Ok(segment);
        }
        segment = segment
            .checked_sub(1)
            .filter(|before| layout.segment(*before).exists())
            .ok_or(LedgerError::NotHere {
                event: number,
                first_event,
            })?;
    }
}

/// The first event that is at hand.
pub(crate) fn first_event(layout: &Layout) -> Result<u64, LedgerError> {
    Ok(header(layout, layout.first_segment()?)?.first_event)
}

fn newest_segment(layout: &Layout) -> Result<u64, LedgerError> {
    let segments = layout
        .segment_numbers()
        .map_err(|error| LedgerError::io("list", layout.segments(), &error))?;
    segments
        .last()
        .copied()
        .ok_or_else(|| LedgerError::Damaged("no segment is left".into()))
}

pub(crate) fn header(layout: &Layout, segment: u64) -> Result<SegmentHeader, LedgerError> {
    let path = layout.segment(segment);
    let header = File::open(&path)
        .and_then(|file| SegmentHeader::read(&file))
        .map_err(|error| LedgerError::io("read", &path, &error))?;
    header.ok_or_else(|| LedgerError::Damaged(format!("segment {segment} has a bad header").into()))
}

#[cfg(test)]
mod tests;
