//! A keyed permutation of numbers: a Feistel network of six rounds over two halves of any sizes.
//!
//! Each round adds to one half a pseudo-random function of the other, so that the whole is a permutation of all pairs
//! whatever the sizes are. Six rounds resist every attack below reading about the whole code book. Where a half has one
//! value the network is a rotation of the other: a domain of ten values has no room for more.

use super::key::MaskKey;
use super::sql::{self, Steps, call, cast, op};

const ROUNDS: u64 = 6;

/// The bit from which the number of the round stands in a tweak; what is permuted says the rest.
const ROUND_SHIFT: u32 = 56;

/// A number as two, each below its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Halves {
    pub(super) left: u64,
    pub(super) left_size: u64,
    pub(super) right: u64,
    pub(super) right_size: u64,
}

/// Moves a number to another of the same sizes. `tweak` is below 2^56 and says which permutation is meant.
/// Sizes are below 2^59 and not 0.
pub(super) fn permute(key: &MaskKey, tweak: u64, number: Halves) -> Halves {
    let mut halves = number;
    for round in 1..=ROUNDS {
        let tweak = tweak | (round << ROUND_SHIFT);
        if round % 2 == 1 {
            halves.left = (halves.left + stream(key, tweak, halves.right)) % halves.left_size.max(1);
        } else {
            halves.right = (halves.right + stream(key, tweak, halves.left)) % halves.right_size.max(1);
        }
    }
    halves
}

/// The number of a round in a tweak.
pub(super) const fn round_tweak(tweak: u64, round: u64) -> u64 {
    tweak | (round << ROUND_SHIFT)
}

/// The twin of [`permute`]: takes the columns `q` (the key), `l`, `a` (its size), `r`, `b` and `t` (the tweak), all of
/// them but `q` int8, and adds `v5` and `v6`, the halves of the result.
pub(super) fn permute_sql(steps: Steps) -> Steps {
    let mut steps = steps;
    let (mut moved, mut other) = ("m.l".to_owned(), "m.r".to_owned());
    for round in 1..=ROUNDS {
        let size = if round % 2 == 1 { "m.a" } else { "m.b" };
        let tweak = op("m.t", "+", &(round << ROUND_SHIFT).to_string());
        let stream = first_bits_sql(&sql::round("m.q", &tweak, &call("int8send", &[&other])));
        let next = op(&op(&moved, "+", &stream), "%", size);
        let name = format!("v{round}");
        steps = steps.with(&[(&name, &next)]);
        moved = other;
        other = format!("m.{name}");
    }
    steps
}

/// An int8 from a number, for the columns of [`permute_sql`].
pub(super) fn int8(number: u64) -> String {
    cast(&number.to_string(), "int8")
}

/// Sixty bits: they fit in PostgreSQL's signed integers together with a half.
const STREAM_MASK: u64 = (1 << 60) - 1;

fn stream(key: &MaskKey, tweak: u64, half: u64) -> u64 {
    key.round_number(tweak, half) & STREAM_MASK
}

/// Sixty bits of the first eight bytes of a hash.
pub(super) fn first_bits(hash: &[u8; 32]) -> u64 {
    let bits = hash
        .iter()
        .take(8)
        .fold(0, |so_far, byte| (so_far << 8) | u64::from(*byte));
    bits & STREAM_MASK
}

/// The twin of [`first_bits`].
pub(super) fn first_bits_sql(hash: &str) -> String {
    let bits = sql::number(&call("substr", &[hash, "1", "8"]));
    op(&bits, "&", &STREAM_MASK.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use durward_model::Label;

    use super::{Halves, permute};
    use crate::form::{MaskKey, Scope};

    #[test]
    fn every_number_of_a_domain_has_an_image_of_its_own() {
        for (left_size, right_size) in [(1, 10), (10, 1), (9, 10), (16, 1423), (64, 64)] {
            let key = MaskKey::derive(&[1; 32], "shop", &Label::Phone, Scope::Database);
            let mut images = HashSet::new();
            for number in 0..left_size * right_size {
                let image = permute(
                    &key,
                    9,
                    Halves {
                        left: number / right_size,
                        left_size,
                        right: number % right_size,
                        right_size,
                    },
                );
                assert!(image.left < left_size && image.right < right_size);
                images.insert((image.left, image.right));
            }
            assert_eq!(images.len() as u64, left_size * right_size);
        }
    }
}
