//! SHA-256 from a state kept after a key's block: what hashes and the rounds of permutations cost is compressions alone.
//!
//! The ordinary hashers copy and wipe their buffers at each use, which costs more than the hashing of a cell does.

use sha2::block_api::compress256;
use zeroize::Zeroizing;

/// Bytes of a block of SHA-256, to which keys are padded.
pub(super) const BLOCK_BYTES: usize = 64;

/// Where the length of a message stands in its last block.
const LENGTH_AT: usize = 56;

/// The state that SHA-256 begins with (FIPS 180-4, section 5.3.3).
const BEGINNING: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// SHA-256 after one block. Wiped when dropped.
#[derive(Clone)]
pub(super) struct KeyedState(Zeroizing<[u32; 8]>);

impl KeyedState {
    /// The state after a key's block.
    pub(super) fn after(block: &[u8; BLOCK_BYTES]) -> Self {
        let mut state = Zeroizing::new(BEGINNING);
        compress256(&mut state, std::slice::from_ref(block));
        Self(state)
    }

    /// The first eight bytes of the hash of two more numbers, in one compression.
    #[inline]
    pub(super) fn number(&self, first: u64, second: u64) -> u64 {
        const LENGTH_BITS: u64 = 8 * (64 + 16);
        // The end of the message is marked by a bit.
        let words = [first, second, 1 << 63, 0, 0, 0, 0, LENGTH_BITS];
        let mut block = [0; BLOCK_BYTES];
        for (place, word) in block.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        let mut state = *self.0;
        compress256(&mut state, std::slice::from_ref(&block));
        let [high, low, ..] = state;
        u64::from(high) << 32 | u64::from(low)
    }

    /// A hash that goes on from here.
    pub(super) fn begin(&self) -> Hash {
        Hash {
            state: *self.0,
            block: [0; BLOCK_BYTES],
            held: 0,
            // The key's block counts.
            bytes: 64,
        }
    }
}

/// A hash under way.
pub(super) struct Hash {
    state: [u32; 8],
    /// Zeros behind the bytes held.
    block: [u8; BLOCK_BYTES],
    held: usize,
    bytes: u64,
}

impl Hash {
    /// Takes in what comes next.
    #[inline]
    pub(super) fn update(&mut self, part: &[u8]) {
        self.bytes += u64::try_from(part.len()).unwrap_or_default();
        let mut rest = part;
        if self.held > 0 || rest.len() < BLOCK_BYTES {
            rest = self.hold(rest);
        }
        if rest.is_empty() {
            return;
        }
        let (blocks, rest) = rest.as_chunks::<BLOCK_BYTES>();
        compress256(&mut self.state, blocks);
        self.hold(rest);
    }

    /// The hash.
    #[inline]
    pub(super) fn finish(mut self) -> [u8; 32] {
        if let Some(end) = self.block.get_mut(self.held) {
            *end = 0x80;
        }
        if self.held >= LENGTH_AT {
            self.compress();
        }
        if let Some(length) = self.block.last_chunk_mut::<8>() {
            *length = (self.bytes * 8).to_be_bytes();
        }
        self.compress();
        let mut hash = [0; 32];
        for (place, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *place = word.to_be_bytes();
        }
        hash
    }

    /// Fills the block, and gives what is left once it is full.
    fn hold<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let room = self.block.get_mut(self.held..).unwrap_or_default();
        let (now, later) = part.split_at(part.len().min(room.len()));
        if let Some((place, _)) = room.split_at_mut_checked(now.len()) {
            place.copy_from_slice(now);
        }
        self.held += now.len();
        if self.held == BLOCK_BYTES {
            self.compress();
            self.held = 0;
        }
        later
    }

    fn compress(&mut self) {
        compress256(&mut self.state, std::slice::from_ref(&self.block));
        self.block = [0; BLOCK_BYTES];
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::KeyedState;

    #[test]
    fn messages_of_every_length_hash_as_usual() {
        let key = [7; 64];
        let message: Vec<u8> = (0..=255).collect();
        for length in 0..256 {
            for cut in [0, 1, length / 2, length.min(64), length] {
                let (one, two) = message[..length].split_at(cut.min(length));
                let mut hash = KeyedState::after(&key).begin();
                hash.update(one);
                hash.update(two);
                let expected = Sha256::new()
                    .chain_update(key)
                    .chain_update(&message[..length])
                    .finalize();
                assert_eq!(hash.finish().as_slice(), expected.as_slice(), "{length} {cut}");
            }
        }
        let state = KeyedState::after(&key);
        let mut hash = state.begin();
        hash.update(&5_u64.to_be_bytes());
        hash.update(&u64::MAX.to_be_bytes());
        assert_eq!(state.number(5, u64::MAX).to_be_bytes(), hash.finish()[..8]);
    }
}
