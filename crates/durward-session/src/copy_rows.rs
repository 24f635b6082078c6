//! The data of a COPY from the client that is kept until it is decided on: its bytes within bounds, its lines, and its first
//! rows for approvers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durward_change::Binding;
use durward_sql::{CopyForm, CopyFormat};

use crate::limits::{COPIES_HELD_BYTES_MAX, COPIES_OF_ONE_HELD_BYTES_MAX, COPY_HELD_BYTES_MAX};

/// How much is kept in one piece. The digest goes over pieces, so that it is another one with another size.
///
/// Unit: bytes. Reason: small beside what is kept, large beside what it costs to begin another.
const PIECE_BYTES: usize = 256 * 1024;

/// How many bytes are kept for each identity, over all its sessions.
#[derive(Debug, Default)]
pub(crate) struct HeldBytes(Mutex<HashMap<Arc<str>, usize>>);

impl HeldBytes {
    fn take(&self, whose: &Arc<str>, bytes: usize) -> Result<(), TooMuch> {
        let mut kept = self.lock();
        if kept.values().sum::<usize>().saturating_add(bytes) > COPIES_HELD_BYTES_MAX {
            return Err(TooMuch::All);
        }
        let own = kept.get(whose).copied().unwrap_or_default().saturating_add(bytes);
        if own > COPIES_OF_ONE_HELD_BYTES_MAX {
            return Err(TooMuch::Identity);
        }
        kept.insert(Arc::clone(whose), own);
        Ok(())
    }

    fn give_back(&self, whose: &Arc<str>, bytes: usize) {
        let mut kept = self.lock();
        if let Some(own) = kept.get_mut(whose) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                kept.remove(whose);
            }
        }
    }

    /// A panic while the lock was held leaves numbers that are whole at every step.
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of one COPY. They are given back when it is dropped.
#[derive(Debug)]
pub(crate) struct CopyBytes {
    pieces: VecDeque<Vec<u8>>,
    len: usize,
    whose: Arc<str>,
    of_all: Arc<HeldBytes>,
}

/// Why no more is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("it brings more than {} MiB", COPY_HELD_BYTES_MAX >> 20)]
    Copy,
    #[error("with it, more than {} MiB of this identity's would wait", COPIES_OF_ONE_HELD_BYTES_MAX >> 20)]
    Identity,
    #[error("with it, more than {} MiB of such data would wait", COPIES_HELD_BYTES_MAX >> 20)]
    All,
}

impl CopyBytes {
    pub(crate) fn new(of_all: &Arc<HeldBytes>, whose: &Arc<str>) -> Self {
        Self {
            pieces: VecDeque::new(),
            len: 0,
            whose: Arc::clone(whose),
            of_all: Arc::clone(of_all),
        }
    }

    /// Keeps more.
    ///
    /// # Errors
    /// It would be too much: then nothing of it is kept.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), TooMuch> {
        if self.len.saturating_add(data.len()) > COPY_HELD_BYTES_MAX {
            return Err(TooMuch::Copy);
        }
        self.of_all.take(&self.whose, data.len())?;
        self.len += data.len();
        let mut rest = data;
        while !rest.is_empty() {
            let room = match self.pieces.back() {
                Some(last) if last.len() < PIECE_BYTES => PIECE_BYTES - last.len(),
                Some(_) | None => {
                    self.pieces.push_back(Vec::new());
                    PIECE_BYTES
                }
            };
            let (now, later) = rest.split_at(room.min(rest.len()));
            if let Some(last) = self.pieces.back_mut() {
                last.extend_from_slice(now);
            }
            rest = later;
        }
        Ok(())
    }

    /// Takes the first of it out.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let piece = self.pieces.pop_front()?;
        self.give_back(piece.len());
        Some(piece)
    }

    /// Forgets all of it.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.give_back(self.len);
    }

    /// Its beginning, in one piece.
    pub(crate) fn beginning(&self) -> &[u8] {
        self.pieces.front().map_or(&[], Vec::as_slice)
    }

    /// Whether [`Self::beginning`] is all of it.
    pub(crate) fn is_short(&self) -> bool {
        self.pieces.len() <= 1
    }

    /// The digest of all of it, in hexadecimal, and of nothing else: how it was cut into messages doesn't count.
    pub(crate) fn digest(&self) -> String {
        let mut binding = Binding::new();
        binding.list("copied", self.pieces.iter().map(Vec::as_slice));
        binding.finish().to_string()
    }

    fn give_back(&mut self, bytes: usize) {
        self.len -= bytes;
        self.of_all.give_back(&self.whose, bytes);
    }
}

impl Drop for CopyBytes {
    fn drop(&mut self) {
        self.clear();
    }
}

/// How many lines have come.
///
/// In text and CSV a row ends with a line, and only in CSV may it hold further ones: there are never more rows than lines. All
/// lines of a COPY end alike, in LF, CR or both (manual, COPY, "Text Format"): there are as many as there are of either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    line_feeds: u64,
    carriage_returns: u64,
    /// The last byte ended a line.
    at_line_start: bool,
}

impl Lines {
    pub(crate) fn none() -> Self {
        Self {
            line_feeds: 0,
            carriage_returns: 0,
            at_line_start: true,
        }
    }

    pub(crate) fn count(&mut self, data: &[u8]) {
        let count = |byte| u64::try_from(memchr::memchr_iter(byte, data).count()).unwrap_or(u64::MAX);
        self.line_feeds = self.line_feeds.saturating_add(count(b'\n'));
        self.carriage_returns = self.carriage_returns.saturating_add(count(b'\r'));
        if let Some(last) = data.last() {
            self.at_line_start = matches!(last, b'\n' | b'\r');
        }
    }

    /// Those that have ended.
    pub(crate) fn whole(&self) -> u64 {
        self.line_feeds.max(self.carriage_returns)
    }

    /// Those that have begun.
    pub(crate) fn all(&self) -> u64 {
        self.whole().saturating_add(u64::from(!self.at_line_start))
    }
}

/// The bytes of a value; none for NULL.
pub(crate) type Value = Option<Vec<u8>>;

/// The first rows of data, as the server will read them. A last row that isn't whole is left out unless `is_all`.
pub(crate) fn first_rows(form: &CopyForm, data: &[u8], rows_max: usize, is_all: bool) -> Vec<Vec<Value>> {
    let mut reader = RowReader {
        form,
        rest: data,
        ended: false,
        is_over: false,
    };
    if form.has_header {
        reader.row();
    }
    let mut rows = Vec::new();
    while rows.len() < rows_max {
        let Some(row) = reader.row() else { break };
        if reader.ended && !is_all {
            break;
        }
        rows.push(row);
    }
    rows
}

struct RowReader<'a> {
    form: &'a CopyForm,
    rest: &'a [u8],
    /// The last row ended with the data, and not with a line.
    ended: bool,
    /// What still comes is no data.
    is_over: bool,
}

impl RowReader<'_> {
    fn row(&mut self) -> Option<Vec<Value>> {
        if self.rest.is_empty() {
            return None;
        }
        let row = match self.form.format {
            CopyFormat::Text => self.text_row(),
            // Before version 18 a line with \. ends CSV too. What is shown is rather too much than too little.
            CopyFormat::Csv { quote, escape } => self.csv_row(quote, escape),
        };
        (!self.is_over).then_some(row)
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The line feed behind a carriage return.
    fn skip_line_feed(&mut self, ended_by: u8) {
        if ended_by == b'\r' && self.rest.first() == Some(&b'\n') {
            self.next();
        }
    }

    fn text_row(&mut self) -> Vec<Value> {
        let (mut row, mut raw) = (Vec::new(), Vec::new());
        loop {
            match self.next() {
                None => {
                    self.ended = true;
                    break;
                }
                Some(b'\\') => {
                    raw.push(b'\\');
                    raw.extend(self.next());
                }
                Some(end @ (b'\n' | b'\r')) => {
                    self.skip_line_feed(end);
                    break;
                }
                Some(byte) if byte == self.form.delimiter => row.push(self.text_value(&std::mem::take(&mut raw))),
                Some(byte) => raw.push(byte),
            }
        }
        self.is_over = row.is_empty() && raw == b"\\.";
        row.push(self.text_value(&raw));
        row
    }

    fn text_value(&self, raw: &[u8]) -> Value {
        (raw != self.form.null.as_bytes()).then(|| unescaped(raw))
    }

    /// As the server's `CopyReadAttributesCSV`: quotes may begin and end within a value.
    fn csv_row(&mut self, quote: u8, escape: u8) -> Vec<Value> {
        let (mut row, mut value) = (Vec::new(), Vec::new());
        let (mut is_quoted, mut within) = (false, false);
        loop {
            let Some(byte) = self.next() else {
                self.ended = true;
                break;
            };
            if within {
                match self.rest.first() {
                    Some(next) if byte == escape && (*next == escape || *next == quote) => {
                        value.extend(self.next());
                    }
                    _ if byte == quote => within = false,
                    _ => value.push(byte),
                }
            } else if byte == quote {
                (is_quoted, within) = (true, true);
            } else if byte == self.form.delimiter {
                row.push(self.csv_value(std::mem::take(&mut value), std::mem::take(&mut is_quoted)));
            } else if matches!(byte, b'\n' | b'\r') {
                self.skip_line_feed(byte);
                break;
            } else {
                value.push(byte);
            }
        }
        row.push(self.csv_value(value, is_quoted));
        row
    }

    fn csv_value(&self, value: Vec<u8>, is_quoted: bool) -> Value {
        (is_quoted || value != self.form.null.as_bytes()).then_some(value)
    }
}

/// Undoes the escapes of the text format (manual, COPY, "Text Format").
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let Some(escaped) = rest.next() else {
            value.push(b'\\');
            break;
        };
        value.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0'..=b'7' => {
                let mut code = u16::from(escaped - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|next| matches!(next, b'0'..=b'7')) else {
                        break;
                    };
                    code = code * 8 + u16::from(digit - b'0');
                }
                u8::try_from(code & 0xff).unwrap_or_default()
            }
            b'x' if rest.peek().is_some_and(u8::is_ascii_hexdigit) => {
                let mut code = 0_u8;
                for _ in 0..2 {
                    let digit = rest.next_if(u8::is_ascii_hexdigit);
                    let Some(digit) = digit.and_then(|digit| char::from(digit).to_digit(16)) else {
                        break;
                    };
                    code = code * 16 + u8::try_from(digit).unwrap_or_default();
                }
                code
            }
            other => other,
        });
    }
    value
}

#[cfg(test)]
mod tests;
