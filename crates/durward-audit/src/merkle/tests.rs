use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::note::hexadecimal;

/// RFC 6962 section 2.1 word for word, over all entries at once.
fn naive_root(entries: &[Vec<u8>]) -> Hash {
    match entries {
        [] => empty_root(),
        [entry] => leaf_hash(entry),
        _ => {
            let mut k = 1;
            while 2 * k < entries.len() {
                k *= 2;
            }
            node_hash(&naive_root(&entries[..k]), &naive_root(&entries[k..]))
        }
    }
}

/// All entries in memory.
pub(crate) struct Entries(pub(crate) Vec<Vec<u8>>);

impl Subtrees for Entries {
    fn subtree(&self, height: u32, index: u64) -> io::Result<Hash> {
        let width = 1_usize << height;
        let begin = usize::try_from(index).expect("small") * width;
        Ok(naive_root(&self.0[begin..begin + width]))
    }
}

fn count(entries: &[Vec<u8>]) -> u64 {
    u64::try_from(entries.len()).expect("small")
}

fn numbered(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_be_bytes().to_vec()).collect()
}

/// The vectors of the Certificate Transparency reference implementation.
fn reference_entries() -> Vec<Vec<u8>> {
    let sixteen: Vec<u8> = (0x60..=0x6f).collect();
    [
        &[][..],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &sixteen,
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

#[test]
fn roots_are_those_of_the_reference_vectors() {
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let entries = Entries(reference_entries());
    for (size, expected) in (0..).zip(roots) {
        let found = root(&entries, size).expect("a root");
        assert_eq!(hexadecimal(&found), expected, "of {size} leaves");
    }
}

#[test]
fn paths_are_those_of_the_reference_vectors() {
    let entries = Entries(reference_entries());
    let first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    let sixth = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    let six_to_eight = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        sixth[1],
        sixth[2],
    ];
    let two_to_five = [first[1], sixth[0]];
    let shown = |path: io::Result<Vec<Hash>>| -> Vec<String> {
        path.expect("a path").iter().map(|hash| hexadecimal(hash)).collect()
    };
    assert_eq!(shown(inclusion_path(&entries, 0, 8)), first);
    assert_eq!(shown(inclusion_path(&entries, 5, 8)), sixth);
    assert_eq!(shown(consistency_path(&entries, 1, 8)), first);
    assert_eq!(shown(consistency_path(&entries, 6, 8)), six_to_eight);
    assert_eq!(shown(consistency_path(&entries, 2, 5)), two_to_five);
}

#[test]
fn every_path_in_small_trees_is_right() {
    let all = numbered(70);
    let entries = Entries(all.clone());
    for size in 1..=count(&all) {
        let until = usize::try_from(size).expect("small");
        let whole = naive_root(&all[..until]);
        assert_eq!(root(&entries, size).expect("a root"), whole);
        for (index, entry) in (0..size).zip(&all) {
            let path = inclusion_path(&entries, index, size).expect("a path");
            assert!(includes(&whole, size, index, &leaf_hash(entry), &path));
            assert!(!includes(&whole, size, index + 1, &leaf_hash(entry), &path));
        }
        for first in 0..=size {
            let before = naive_root(&all[..usize::try_from(first).expect("small")]);
            let path = consistency_path(&entries, first, size).expect("a path");
            assert!(is_consistent(first, &before, size, &whole, &path), "{first} in {size}");
            if first > 0 && first < size {
                assert!(!is_consistent(first, &whole, size, &whole, &path), "{first} in {size}");
                assert!(
                    !is_consistent(first, &before, size, &before, &path),
                    "{first} in {size}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_growing_tree_has_the_roots_of_the_naive_one(size in 0_usize..1_500, extra in 0_usize..3) {
        // Around tiles' borders too.
        for size in [size, 256 * (size % 5) + extra] {
            let all = numbered(size);
            let mut tree = crate::tree::Tree::default();
            let mut told = Vec::new();
            for entry in &all {
                tree.push(leaf_hash(entry), |level, place, hash| {
                    told.push((level, place, *hash));
                    Ok::<(), Infallible>(())
                })
                .expect("nothing fails");
            }
            prop_assert_eq!(tree.root(), naive_root(&all));
            let entries = Entries(all);
            for (level, place, hash) in told {
                prop_assert_eq!(hash, entries.subtree(level * 8, place).expect("a hash"));
            }
        }
    }

    #[test]
    fn no_changed_path_is_believed(
        size in 1_u64..600,
        index: prop::sample::Index,
        first: prop::sample::Index,
        place: prop::sample::Index,
        byte: prop::sample::Index,
        difference in 1_u8..,
    ) {
        let all = numbered(usize::try_from(size).expect("small"));
        let entries = Entries(all.clone());
        let whole = naive_root(&all);
        let at = index.index(all.len());
        let (index, leaf) = (u64::try_from(at).expect("small"), leaf_hash(&all[at]));
        let path = inclusion_path(&entries, index, size).expect("a path");
        prop_assert!(includes(&whole, size, index, &leaf, &path));
        // Another leaf, another place, a longer and a shorter path, and each hash of it changed.
        prop_assert!(!includes(&whole, size, index, &leaf_hash(b"other"), &path));
        let mut longer = path.clone();
        longer.push(leaf);
        prop_assert!(!includes(&whole, size, index, &leaf, &longer));
        if let Some((_, shorter)) = path.split_last() {
            prop_assert!(!includes(&whole, size, index, &leaf, shorter));
            let mut changed = path.clone();
            changed[place.index(path.len())][byte.index(32)] ^= difference;
            prop_assert!(!includes(&whole, size, index, &leaf, &changed));
        }
        let until = first.index(all.len());
        let (first, before) = (u64::try_from(until).expect("small"), naive_root(&all[..until]));
        let path = consistency_path(&entries, first, size).expect("a path");
        prop_assert!(is_consistent(first, &before, size, &whole, &path));
        if !path.is_empty() {
            let mut changed = path.clone();
            changed[place.index(path.len())][byte.index(32)] ^= difference;
            prop_assert!(!is_consistent(first, &before, size, &whole, &changed));
            prop_assert!(!is_consistent(first, &before, size, &whole, &path[1..]));
        }
    }
}
