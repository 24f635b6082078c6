//! Numbers that look random and are the same in every run.

/// A generator of numbers (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Numbers that belong to a text.
    pub(crate) fn of(seed: &str) -> Self {
        Self(hash(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Whether something happens that does so `percent` of the time.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        let place = usize::try_from(self.next() % list.len() as u64).unwrap();
        list[place]
    }

    /// Digits, the first of which is not a zero.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|place| char::from(b'0' + u8::try_from(self.within(u64::from(place == 0), 9)).unwrap()))
            .collect()
    }

    /// Signs of an alphabet.
    pub(crate) fn signs(&mut self, alphabet: &str, count: usize) -> String {
        let signs: Vec<char> = alphabet.chars().collect();
        (0..count)
            .map(|_| signs[usize::try_from(self.next() % signs.len() as u64).unwrap()])
            .collect()
    }
}

/// A hash that stays the same (FNV-1a).
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
