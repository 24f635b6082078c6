//! The checkpoint that a report stands under.

use minicbor::Decoder;

use crate::error::LedgerError;
use crate::event::{Checkpoint, code};
use crate::layout::Layout;
use crate::record::{self, RecordStart};
use crate::tail::{Found, LogReader};
use crate::time::Moment;

/// When the first event at hand was recorded.
pub(super) fn first_time(layout: &Layout) -> Result<Option<u64>, LedgerError> {
    each(layout, layout.first_segment()?, |start, _| {
        Ok(Some(start.time_microseconds))
    })
}

/// The first checkpoint in the log that covers every event before `to`, and reaches to event `first_event`, the first at
/// hand; none when there is none yet.
pub(super) fn find(layout: &Layout, to: Moment, first_event: u64) -> Result<Option<Checkpoint>, LedgerError> {
    let segments = layout
        .segment_numbers()
        .map_err(|error| LedgerError::io("list", layout.segments(), &error))?;
    // The last event before `to` is in the newest segment that has one: numbers grow even where a clock steps back.
    let mut last = if first_event == 1 { 0 } else { first_event };
    let mut from = segments.first().copied().unwrap_or(1);
    for segment in segments.iter().rev() {
        let mut found = None;
        each(layout, *segment, |start, _| {
            if start.time_microseconds < to.0 {
                found = Some(start.number);
            }
            Ok(None::<()>)
        })?;
        if let Some(number) = found {
            (last, from) = (last.max(number), *segment);
            break;
        }
    }
    for segment in segments.into_iter().filter(|segment| *segment >= from) {
        let found = each(layout, segment, |start, decoder| {
            if start.code != code::CHECKPOINT || start.number <= last || start.version != record::RECORD_VERSION {
                return Ok(None);
            }
            let checkpoint: Checkpoint = decoder.decode().map_err(damaged)?;
            Ok((checkpoint.events >= last).then_some(checkpoint))
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Reads the records of one segment until `see` returns something.
fn each<T>(
    layout: &Layout,
    segment: u64,
    mut see: impl FnMut(&RecordStart, &mut Decoder<'_>) -> Result<Option<T>, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let mut reader = LogReader::open(layout, segment, None)?;
    while let Found::Record(bytes) = reader.next()? {
        let mut decoder = Decoder::new(bytes);
        let start = record::decode_start(&mut decoder).map_err(damaged)?;
        if let Some(found) = see(&start, &mut decoder)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn damaged(error: minicbor::decode::Error) -> LedgerError {
    LedgerError::Damaged(error.to_string().into())
}
