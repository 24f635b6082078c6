//! Merkle trees over events: hashes, roots, and proofs that anybody can check.
//!
//! Hashing is that of RFC 6962 section 2.1 with SHA-256; making and checking proofs follow RFC 9162 sections 2.1.3 and
//! 2.1.4. Nothing here knows where hashes are kept: see [`Subtrees`].

use std::io;

use sha2::{Digest as _, Sha256};

/// A hash of a leaf, a node or a whole tree.
pub(crate) type Hash = [u8; 32];

/// The hash of a leaf: `H(0x00 || entry)`.
pub(crate) fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(entry);
    hasher.finalize().into()
}

/// The hash of a node: `H(0x01 || left || right)`.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x01]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The root of a tree without leaves: `H()`.
pub(crate) fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root of a full tree over these hashes, whose number must be a power of two.
pub(crate) fn full_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&full_root(left), &full_root(right))
        }
    }
}

/// Where the hashes of full subtrees are kept.
pub(crate) trait Subtrees {
    /// The root of the `index`-th full subtree with `2^height` leaves.
    fn subtree(&self, height: u32, index: u64) -> io::Result<Hash>;
}

/// The largest power of two below `leaves`, which is at least 2: where a tree divides.
const fn division(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// The root over the leaves from `begin` to before `end`, as they occur in the recursion of RFC 6962 from zero on.
fn range_root(source: &impl Subtrees, begin: u64, end: u64) -> io::Result<Hash> {
    let leaves = end - begin;
    if leaves == 0 {
        return Ok(empty_root());
    }
    if leaves.is_power_of_two() {
        // INVARIANT: the recursion takes larger powers of two off the left first, so `begin` is a multiple of this one.
        return source.subtree(leaves.trailing_zeros(), begin / leaves);
    }
    let middle = begin + division(leaves);
    Ok(node_hash(
        &range_root(source, begin, middle)?,
        &range_root(source, middle, end)?,
    ))
}

/// The root of the tree over the first `size` leaves.
pub(crate) fn root(source: &impl Subtrees, size: u64) -> io::Result<Hash> {
    range_root(source, 0, size)
}

/// The path from a leaf to the root of the tree of `size` leaves (RFC 9162 section 2.1.3.1). `index` is below `size`.
pub(crate) fn inclusion_path(source: &impl Subtrees, index: u64, size: u64) -> io::Result<Vec<Hash>> {
    let (mut begin, mut end) = (0, size);
    let mut path = Vec::new();
    while end - begin > 1 {
        let middle = begin + division(end - begin);
        if index < middle {
            path.push(range_root(source, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(source, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.1). Empty when
/// the sizes are equal, or the first is 0.
pub(crate) fn consistency_path(source: &impl Subtrees, first: u64, second: u64) -> io::Result<Vec<Hash>> {
    if first == 0 {
        return Ok(Vec::new());
    }
    let (mut begin, mut end) = (0, second);
    let mut path = Vec::new();
    // Whether the earlier tree is still the whole subtree that it began as.
    let mut whole = true;
    while first != end {
        let middle = begin + division(end - begin);
        if first <= middle {
            path.push(range_root(source, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(source, begin, middle)?);
            begin = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range_root(source, begin, end)?);
    }
    path.reverse();
    Ok(path)
}

const fn is_odd(number: u64) -> bool {
    number & 1 == 1
}

/// Whether `path` leads from the leaf `leaf` at `index` to `root`, the root of a tree of `size` leaves (RFC 9162 section
/// 2.1.3.2).
pub(crate) fn includes(root: &Hash, size: u64, index: u64, leaf: &Hash, path: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if is_odd(node) || node == last {
            hash = node_hash(sibling, &hash);
            while node != 0 && !is_odd(node) {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `path` shows that the tree of `first` leaves with the root `first_root` is the beginning of the tree of
/// `second` leaves with the root `second_root` (RFC 9162 section 2.1.4.2).
pub(crate) fn is_consistent(first: u64, first_root: &Hash, second: u64, second_root: &Hash, path: &[Hash]) -> bool {
    if first == 0 || first >= second {
        let nothing = first == 0 && *first_root == empty_root();
        let same = first == second && first_root == second_root;
        return path.is_empty() && (nothing || same);
    }
    let mut hashes = path.iter();
    let start = if first.is_power_of_two() {
        Some(first_root)
    } else {
        hashes.next()
    };
    let Some(start) = start else {
        return false;
    };
    let (mut node, mut last) = (first - 1, second - 1);
    while is_odd(node) {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut first_hash, mut second_hash) = (*start, *start);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if is_odd(node) || node == last {
            first_hash = node_hash(sibling, &first_hash);
            second_hash = node_hash(sibling, &second_hash);
            while node != 0 && !is_odd(node) {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            second_hash = node_hash(&second_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && first_hash == *first_root && second_hash == *second_root
}

#[cfg(test)]
mod tests;
