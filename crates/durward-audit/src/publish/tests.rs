use std::collections::BTreeMap;

use super::*;
use crate::fixture::{self, Statement, open, outcome, session_started};
use crate::merkle::Hash;
use crate::{Durability, VerifierKey};

fn write_events(directory: &Path, statements: std::ops::Range<u64>) {
    let ledger = open(directory);
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    for statement in statements {
        Statement::read("customers")
            .intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    ledger.close().expect("a clean close");
}

/// Every file under a directory, by its name.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![directory.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("inside").display().to_string();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// What a reader makes of the files who knows nothing but the specifications: entries to leaves, leaves to the root.
fn read_back(files: &BTreeMap<String, Vec<u8>>, key: &VerifierKey) -> u64 {
    let note = std::str::from_utf8(&files["checkpoint"]).expect("text");
    let head = TreeHead::open(note, key).expect("a checkpoint");
    let mut leaves: Vec<Hash> = Vec::new();
    while u64::try_from(leaves.len()).expect("small") < head.events {
        let first = u64::try_from(leaves.len()).expect("small");
        let width = WIDTH.min(head.events - first);
        let name = tile_name(first / WIDTH, width);
        let mut bundle = files[&format!("tile/entries/{name}")].as_slice();
        let tile = &files[&format!("tile/0/{name}")];
        for hash in tile.as_chunks::<32>().0 {
            let (length, rest) = bundle.split_first_chunk::<2>().expect("a length");
            let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
            assert_eq!(merkle::leaf_hash(entry), *hash);
            leaves.push(*hash);
            bundle = rest;
        }
        assert!(bundle.is_empty());
    }
    let mut tree = crate::tree::Tree::default();
    tree.extend(leaves.iter().copied());
    assert_eq!(tree.root(), head.root);
    for (index, tile) in leaves.as_chunks::<256>().0.iter().enumerate() {
        let level_one = u64::try_from(leaves.len()).expect("small") / WIDTH;
        let bytes = &files[&format!("tile/1/{}", tile_name(0, level_one))];
        assert_eq!(bytes.as_chunks::<32>().0[index], merkle::full_root(tile));
    }
    head.events
}

#[test]
fn what_is_published_is_read_by_the_specification() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = tempfile::tempdir().expect("a directory");
    let target = target.path().join("log");
    write_events(directory.path(), 0..20);
    let key =
        VerifierKey::parse(&fs::read_to_string(directory.path().join("public-key")).expect("a key")).expect("a key");
    let first = publish(directory.path(), &target).expect("it is published");
    assert_eq!(read_back(&files(&target), &key), first.events);
    assert_eq!(publish(directory.path(), &target).expect("again").new_events, 0);
    // A statement too large for an entry is published by its digest.
    let ledger = open(directory.path());
    ledger
        .record(&session_started(2, fixture::principal("alice", &[])))
        .expect("a session starts");
    Statement::read(&"x".repeat(100_000))
        .intend(&ledger, 2, 1, Durability::Process)
        .expect("an intent");
    ledger.close().expect("a clean close");
    crate::verify(directory.path(), None).expect("a sound ledger");
    write_events(directory.path(), 20..400);
    let second = publish(directory.path(), &target).expect("it is published");
    assert_eq!(second.events - second.new_events, first.events);
    let published = files(&target);
    assert_eq!(read_back(&published, &key), second.events);
    // Partial tiles go when the full one is there.
    assert!(
        !published.keys().any(|name| name.starts_with("tile/0/000.p")),
        "{:?}",
        published.keys()
    );
    // All at once gives the same files.
    let at_once = tempfile::tempdir().expect("a directory");
    publish(directory.path(), at_once.path()).expect("it is published");
    assert_eq!(files(at_once.path()), published);
}

#[test]
fn another_log_is_not_published_over() {
    let (one, two) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("a directory"),
    );
    write_events(one.path(), 0..5);
    write_events(two.path(), 0..9);
    let target = tempfile::tempdir().expect("a directory");
    publish(one.path(), target.path()).expect("it is published");
    let before = files(target.path());
    let error = publish(two.path(), target.path()).expect_err("another log");
    assert!(matches!(error, PublishError::OtherLog(_)), "{error}");
    assert_eq!(files(target.path()), before);
}

#[test]
fn tiles_have_the_names_of_the_specification() {
    for (index, width, name) in [
        (0, 256, "000"),
        (999, 256, "999"),
        (1_000, 256, "x001/000"),
        (1_234_067, 256, "x001/x234/067"),
        (1_234_067, 8, "x001/x234/067.p/8"),
    ] {
        assert_eq!(tile_name(index, width), name);
    }
}

/// The published tiles as others' code asks for them.
struct Tiles<'a>(&'a BTreeMap<String, Vec<u8>>);

impl tlog_tiles::TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // The paths of the implementation that it was ported from have the height in them.
        let name = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0[&name(tile)].clone()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn an_implementation_by_others_reads_and_checks_what_is_published() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = tempfile::tempdir().expect("a directory");
    write_events(directory.path(), 0..350);
    publish(directory.path(), target.path()).expect("it is published");
    let published = files(target.path());
    let checkpoint =
        tlog_tiles::Checkpoint::from_reader(&mut published["checkpoint"].as_slice(), false).expect("a checkpoint");
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    assert!(size > 512, "{size}");
    let tiles = Tiles(&published);
    // It authenticates every tile that it reads against the root.
    let hashes = tlog_tiles::TileHashReader::new(size, root, &tiles);
    assert_eq!(tlog_tiles::tree_hash(size, &hashes).expect("a root"), root);
    let ours = TreeFiles::open(&directory.path().join("tree")).expect("a tree");
    for index in (0..size).step_by(7) {
        let leaf = tlog_tiles::HashReader::read_hashes(&hashes, &[tlog_tiles::stored_hash_index(0, index)]);
        let leaf = leaf.expect("a leaf")[0];
        let path = tlog_tiles::prove_record(size, index, &hashes).expect("a path");
        tlog_tiles::check_record(&path, size, root, index, leaf).expect("a right path");
        let its: Vec<Hash> = path.iter().map(|hash| hash.0).collect();
        assert_eq!(merkle::inclusion_path(&ours, index, size).expect("a path"), its);
        assert!(merkle::includes(&root.0, size, index, &leaf.0, &its));
        let before = merkle::root(&ours, index + 1).expect("a root");
        let path = tlog_tiles::prove_tree(size, index + 1, &hashes).expect("a path");
        let its: Vec<Hash> = path.iter().map(|hash| hash.0).collect();
        assert_eq!(merkle::consistency_path(&ours, index + 1, size).expect("a path"), its);
        tlog_tiles::check_tree(&path, size, root, index + 1, tlog_tiles::Hash(before)).expect("a right path");
    }
}
