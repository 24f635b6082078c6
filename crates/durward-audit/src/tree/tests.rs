use super::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count)
        .map(|number| merkle::leaf_hash(&number.to_be_bytes()))
        .collect()
}

fn store(directory: &std::path::Path, tree: &mut Tree) {
    for (level, first, hashes) in tree.take_fresh() {
        write(directory, level, first, &hashes).expect("a write");
    }
}

#[test]
fn a_tree_goes_on_from_its_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = leaves(66_000);
    let mut tree = Tree::default();
    let mut before = 0;
    for size in [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000] {
        tree.extend(all[before..size].iter().copied());
        before = size;
        store(directory.path(), &mut tree);
        let files = TreeFiles::open(directory.path()).expect("files");
        let size = u64::try_from(size).expect("small");
        let restored = Tree::restore(&files, size).expect("a tree");
        assert_eq!(restored.root(), tree.root(), "of {size} leaves");
        assert_eq!(merkle::root(&files, size).expect("a root"), tree.root());
    }
    let files = TreeFiles::open(directory.path()).expect("files");
    assert_eq!(files.length(0).expect("a length"), (66_000, 0));
    assert_eq!(files.length(1).expect("a length"), (257, 0));
    assert_eq!(files.length(2).expect("a length"), (1, 0));
    assert_eq!(files.length(3).expect("a length"), (0, 0));
    for index in [0, 255, 256, 65_535, 65_999] {
        let path = merkle::inclusion_path(&files, index, 66_000).expect("a path");
        let leaf = &all[usize::try_from(index).expect("small")];
        assert!(merkle::includes(&tree.root(), 66_000, index, leaf, &path), "{index}");
    }
}

#[test]
fn what_is_beyond_a_size_is_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut tree = Tree::default();
    tree.extend(leaves(600));
    store(directory.path(), &mut tree);
    cut(directory.path(), 511).expect("a cut");
    let files = TreeFiles::open(directory.path()).expect("files");
    assert_eq!(files.length(0).expect("a length"), (511, 0));
    assert_eq!(files.length(1).expect("a length"), (1, 0));
    Tree::restore(&files, 512).expect_err("a leaf is missing");
}
