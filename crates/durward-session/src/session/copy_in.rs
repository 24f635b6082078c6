//! COPY from the client: its data is passed on in pieces, however long a message is, and its rows are counted where they
//! may not be more than some.

use durward_model::{Refusal, sqlstate};
use durward_wire::postgres::frame::HEADER_BYTES;

use super::Session;

/// How many rows a COPY may bring, and how many it has.
///
/// In text and CSV a row ends with a line, and only in CSV may it hold further ones: there are never more rows than lines. All
/// lines of a COPY end alike, in LF, CR or both (manual, COPY, "Text Format"): there are as many as there are of either.
#[derive(Debug)]
pub(super) struct CopyBound {
    rows_max: u64,
    line_feeds: u64,
    carriage_returns: u64,
    /// The last byte ended a line.
    at_line_start: bool,
    /// The server has been told that it fails: what still comes is dropped.
    is_failed: bool,
}

impl CopyBound {
    fn count(&mut self, data: &[u8]) {
        let count = |byte| u64::try_from(memchr::memchr_iter(byte, data).count()).unwrap_or(u64::MAX);
        self.line_feeds = self.line_feeds.saturating_add(count(b'\n'));
        self.carriage_returns = self.carriage_returns.saturating_add(count(b'\r'));
        if let Some(last) = data.last() {
            self.at_line_start = matches!(last, b'\n' | b'\r');
        }
    }

    fn lines(&self) -> u64 {
        self.line_feeds.max(self.carriage_returns)
    }

    fn is_exceeded(&self) -> bool {
        self.lines().saturating_add(u64::from(!self.at_line_start)) > self.rows_max
    }
}

impl Session {
    /// A message with a COPY is about to be sent: its rows are bounded from now on, or not.
    pub(super) fn bound_copy(&mut self, rows_max: Option<u64>) {
        self.copy_bound = rows_max.map(|rows_max| CopyBound {
            rows_max,
            line_feeds: 0,
            carriage_returns: 0,
            at_line_start: true,
            is_failed: false,
        });
    }

    /// The server asks for the data: `body` is of its CopyInResponse, whose first byte tells text from binary.
    pub(super) fn begin_copy_in(&mut self, body: &[u8]) {
        self.copying_in = true;
        self.replies.forget_syncs_behind_copy();
        if self.copy_bound.is_some() && body.first() != Some(&0) {
            self.fail_copy("in binary its rows aren't counted");
        }
    }

    /// Passes on the beginning of a CopyData message. Outside of a COPY the server ignores it.
    pub(super) fn begin_copy_piece(&mut self, input: &[u8], frame_bytes: usize) -> usize {
        let piece = input.get(..frame_bytes.min(input.len())).unwrap_or_default();
        self.client_relay_bytes = frame_bytes - piece.len();
        self.drops_copy_data = match &mut self.copy_bound {
            Some(bound) => {
                bound.count(piece.get(HEADER_BYTES..).unwrap_or_default());
                bound.is_failed
            }
            None => false,
        };
        if !self.drops_copy_data {
            self.server.copy_piece(piece);
        }
        self.fail_copy_that_exceeds();
        piece.len()
    }

    /// Passes on what has come of a CopyData message. False when all that is there is used up.
    pub(super) fn relay_copy_piece(&mut self) -> bool {
        let filled = self.client.inbound.filled();
        let count = self.client_relay_bytes.min(filled.len());
        if count > 0 {
            let piece = filled.get(..count).unwrap_or_default();
            if let Some(bound) = &mut self.copy_bound {
                bound.count(piece);
            }
            if !self.drops_copy_data {
                self.server.copy_piece(piece);
            }
            self.client.inbound.consume(count);
            self.client_relay_bytes -= count;
            self.fail_copy_that_exceeds();
        }
        self.client_relay_bytes == 0
    }

    /// The client has no more rows. Whether the server is to hear that: not where it has been told that the COPY fails.
    pub(super) fn ends_within_bound(&mut self) -> bool {
        if self.copy_bound.as_ref().is_some_and(CopyBound::is_exceeded) {
            self.fail_copy_of_many();
        }
        self.copy_bound.take().is_none_or(|bound| !bound.is_failed)
    }

    /// Whether the COPY under way was ended for the client.
    pub(super) fn has_failed_copy(&self) -> bool {
        self.copy_bound.as_ref().is_some_and(|bound| bound.is_failed)
    }

    /// Between messages alone: nothing can be put into the middle of one.
    fn fail_copy_that_exceeds(&mut self) {
        let whole_lines = |bound: &CopyBound| bound.lines() > bound.rows_max;
        if self.client_relay_bytes == 0 && self.copy_bound.as_ref().is_some_and(whole_lines) {
            self.fail_copy_of_many();
        }
    }

    fn fail_copy_of_many(&mut self) {
        let most = self.copy_bound.as_ref().map_or(0, |bound| bound.rows_max);
        self.fail_copy(&format!("it brings more than {most} rows"));
    }

    /// Makes the server undo the COPY, and the client hear why. Once.
    fn fail_copy(&mut self, why: &str) {
        let Some(bound) = self.copy_bound.as_mut().filter(|bound| !bound.is_failed) else {
            return;
        };
        bound.is_failed = true;
        self.server.copy_refused();
        self.copy_refusal = Some(Box::new(
            Refusal::new(
                sqlstate::EFFECT_EXCEEDED,
                "effect-exceeded",
                format!("this was taken back: {why}"),
            )
            .with_hint("Bring fewer rows at a time, or have somebody load them who may."),
        ));
    }
}
