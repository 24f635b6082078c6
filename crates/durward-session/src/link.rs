//! One side of a session: a stream with a buffer for each direction.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::buffer::Buffer;
use crate::stream::Stream;

/// Bytes waiting for a slow receiver above which the other side is no longer read.
///
/// Unit: bytes. Reason: large enough for a full socket buffer, small enough for thousands of slow clients.
pub(crate) const OUTBOUND_BYTES_HIGH: usize = 256 * 1024;

/// Bytes that have come and can't be dealt with yet above which no more is read.
///
/// Unit: bytes. Reason: a pipeline that waits for an answer of the server's must not fill memory.
const INBOUND_BYTES_HIGH: usize = 256 * 1024;

/// A stream, what came from it and what goes to it.
#[derive(Debug)]
pub(crate) struct Link {
    stream: Stream,
    pub(crate) inbound: Buffer,
    pub(crate) outbound: Buffer,
    /// The bytes that must be in `inbound` before the next message is whole.
    pub(crate) wanted: usize,
    /// The peer sends no more.
    pub(crate) ended: bool,
    unflushed: bool,
    /// How many bytes of `outbound` may go out, where the rest has to wait.
    gate: Option<usize>,
}

impl Link {
    pub(crate) fn new(stream: Stream, inbound: &[u8]) -> Self {
        let mut link = Self {
            stream,
            inbound: Buffer::default(),
            outbound: Buffer::default(),
            wanted: 0,
            ended: false,
            unflushed: false,
            gate: None,
        };
        link.inbound.extend(inbound);
        link
    }

    pub(crate) fn is_congested(&self) -> bool {
        self.outbound.len() >= OUTBOUND_BYTES_HIGH
    }

    /// Whether there is a reason to read: the peer has more, and what it sent already isn't waiting in bulk.
    pub(crate) fn may_read(&self) -> bool {
        !self.ended && self.inbound.len() < self.wanted.max(INBOUND_BYTES_HIGH)
    }

    /// Reads once. Ready with the number of bytes; zero when the peer has ended.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(self.inbound.space(self.wanted));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space))?;
        let count = space.filled().len();
        self.inbound.commit(count);
        self.ended |= count == 0;
        Poll::Ready(Ok(count))
    }

    /// Writes what waits. Ready when all of it has been handed to the stream.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let waiting = self.outbound.filled();
            let open = self.gate.unwrap_or(waiting.len()).min(waiting.len());
            let free = waiting.get(..open).unwrap_or_default();
            if free.is_empty() {
                break;
            }
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, free))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbound.consume(count);
            self.gate = self.gate.map(|gate| gate - count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// What is put behind now waits until the gate opens.
    pub(crate) fn close_gate(&mut self) {
        self.gate.get_or_insert(self.outbound.len());
    }

    pub(crate) fn open_gate(&mut self) {
        self.gate = None;
    }

    /// Drops what waits behind the gate.
    pub(crate) fn forget_gated(&mut self) {
        if let Some(gate) = self.gate {
            self.outbound.truncate(gate);
        }
    }

    /// Writes what waits and says the end of the stream, in TLS by `close_notify`. Ready when that is done or can't be.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_drain(cx)).is_ok() {
            // A peer that is gone already needs no farewell.
            let _gone = ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_err();
        }
        Poll::Ready(())
    }

    /// Gives memory back while nothing is under way.
    pub(crate) fn shrink(&mut self) {
        self.inbound.shrink();
        self.outbound.shrink();
    }
}
