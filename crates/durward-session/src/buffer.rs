//! A byte queue: bytes are appended at the end and consumed from the front.

/// The least free space that a read is given.
const READ_BYTES_MIN: usize = 4 * 1024;
/// The most free space that a read is given, unless a larger message is known to be under way.
const READ_BYTES_MAX: usize = 64 * 1024;
/// An empty buffer larger than this gives its memory back.
const KEPT_BYTES_MAX: usize = 512 * 1024;

/// A byte queue with one allocation. The memory between `end` and the vector's length is initialised spare space.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// What the next read is given: twice as much after one that filled its space.
    read_bytes: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            read_bytes: READ_BYTES_MIN,
        }
    }
}

impl Buffer {
    /// The bytes that wait.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Keeps the first `count` bytes.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.end = self.end.min(self.start + count);
    }

    /// Appends `bytes`.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            // The spare space stays initialised.
            return;
        }
        if self.bytes.capacity() - self.end < bytes.len() {
            self.make_room(bytes.len());
        }
        self.extend_with(|out| out.extend_from_slice(bytes));
    }

    /// Appends what `write` writes.
    pub(crate) fn extend_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.end);
        write(&mut self.bytes);
        self.end = self.bytes.len();
    }

    /// Spare space for a read: larger when reads have been filling it, at least up to `wanted` bytes in all.
    pub(crate) fn space(&mut self, wanted: usize) -> &mut [u8] {
        let missing = wanted.saturating_sub(self.len());
        self.make_room(missing.min(READ_BYTES_MAX * 16).max(self.read_bytes));
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Tells that a read put `count` bytes into [`Self::space`].
    pub(crate) fn commit(&mut self, count: usize) {
        if count >= self.bytes.len() - self.end {
            // More was there than fitted: a long result is under way.
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        }
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Gives memory back that an idle session doesn't need: all beyond what the next short message takes anyway.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() && self.bytes.capacity() > READ_BYTES_MIN {
            *self = Self::default();
        }
    }

    fn make_room(&mut self, count: usize) {
        if self.is_empty() && self.bytes.capacity() > KEPT_BYTES_MAX && count <= KEPT_BYTES_MAX {
            *self = Self::default();
        }
        if self.bytes.len() - self.end >= count {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.end < count {
            self.bytes.resize(self.end + count, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, READ_BYTES_MAX, READ_BYTES_MIN};

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut buffer = Buffer::default();
        let mut expected = Vec::new();
        let mut taken = Vec::new();
        for round in 0..200_u32 {
            let chunk = vec![round.to_le_bytes()[0]; usize::try_from(round % 37).unwrap() * 13];
            expected.extend_from_slice(&chunk);
            if round % 3 == 0 {
                let space = buffer.space(0);
                let count = chunk.len().min(space.len());
                space[..count].copy_from_slice(&chunk[..count]);
                buffer.commit(count);
                buffer.extend(&chunk[count..]);
            } else if round % 3 == 1 {
                buffer.extend_with(|out| out.extend_from_slice(&chunk));
            } else {
                buffer.extend(&chunk);
            }
            let count = buffer.len() / 2;
            taken.extend_from_slice(&buffer.filled()[..count]);
            buffer.consume(count);
        }
        taken.extend_from_slice(buffer.filled());
        assert_eq!(taken, expected);
    }

    #[test]
    fn reads_grow_while_they_fill_their_space_up_to_a_bound() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.space(0).len(), READ_BYTES_MIN);
        for _ in 0..10 {
            let filled = buffer.space(0).len();
            buffer.commit(filled);
            buffer.consume(filled);
        }
        assert_eq!(buffer.space(0).len(), READ_BYTES_MAX);
        buffer.shrink();
        assert_eq!(buffer.space(0).len(), READ_BYTES_MIN);
    }
}
