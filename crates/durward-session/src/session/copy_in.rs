//! COPY from the client: its data is passed on in pieces, however long a message is, and its rows are counted where they
//! may not be more than some.

use durward_model::{Refusal, sqlstate};
use durward_wire::postgres::frame::HEADER_BYTES;

use super::Session;
use crate::copy_rows::Lines;

/// How many rows a COPY may bring, and how many lines it has.
#[derive(Debug)]
pub(super) struct CopyBound {
    rows_max: u64,
    lines: Lines,
    /// The server has been told that it fails: what still comes is dropped.
    is_failed: bool,
}

impl Session {
    /// A message with a COPY is about to be sent: its rows are bounded from now on, or not.
    pub(super) fn bound_copy(&mut self, rows_max: Option<u64>) {
        self.copy_bound = rows_max.map(|rows_max| CopyBound {
            rows_max,
            lines: Lines::none(),
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
        let data = piece.get(HEADER_BYTES..).unwrap_or_default();
        self.drops_copy_data = match (self.copy_data.take(data), &mut self.copy_bound) {
            (true, _) => true,
            (false, Some(bound)) => {
                bound.lines.count(data);
                bound.is_failed
            }
            (false, None) => false,
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
            if !self.copy_data.take(piece)
                && let Some(bound) = &mut self.copy_bound
            {
                bound.lines.count(piece);
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
        let is_exceeded = |bound: &CopyBound| bound.lines.all() > bound.rows_max;
        if self.copy_bound.as_ref().is_some_and(is_exceeded) {
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
        if self.client_relay_bytes > 0 {
            return;
        }
        self.refuse_copy_of_too_much();
        let exceeds = |bound: &CopyBound| bound.lines.whole() > bound.rows_max;
        if self.copy_bound.as_ref().is_some_and(exceeds) {
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
            .with_hint(
                "Bring fewer rows at a time, have somebody load them who may, or send the COPY by itself as a simple query \
                 in text or CSV format, so that it can wait for approval.",
            ),
        ));
    }
}
