//! The log as standard readers know it: the static files of C2SP `tlog-tiles`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::error::LedgerError;
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::merkle;
use crate::note::TreeHead;
use crate::record;
use crate::store;
use crate::tail::{Found, LogReader, header, segment_of};
use crate::tree::{TILE_LEVELS, TILE_WIDTH, TreeFiles, hashes_at};

const WIDTH: u64 = TILE_WIDTH as u64;

/// What publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Published {
    /// Events that the published checkpoint covers.
    pub events: u64,
    /// How many of them are new since the last time.
    pub new_events: u64,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The ledger can't be read, or the files can't be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is published isn't the beginning of this log.
    #[error("{0} holds another log, or one that this log doesn't continue: nothing was published")]
    OtherLog(PathBuf),
    /// The tree's files don't have the root that was signed.
    #[error("the tree is not the one that was signed; `durward audit verify` tells more")]
    Tree,
}

/// Publishes a ledger as files in `target`: `checkpoint`, `tile/<level>/<index>` and
/// `tile/entries/<index>`. What stands there already is added to. Works while a gateway writes to the ledger.
pub fn publish(files: impl Into<Layout>, target: &Path) -> Result<Published, PublishError> {
    let layout = files.into();
    check_version(&layout)?;
    let path = layout.checkpoint();
    let note = fs::read_to_string(&path).map_err(|error| LedgerError::io("read", path, &error))?;
    let head = TreeHead::read(&note).map_err(|error| LedgerError::Damaged(error.to_string().into()))?;
    let unreadable = |error| LedgerError::io("read", layout.tree(), &error);
    let files = TreeFiles::open(&layout.tree()).map_err(unreadable)?;
    if merkle::root(&files, head.events).map_err(unreadable)? != head.root {
        return Err(PublishError::Tree);
    }
    let before = published_before(target, &head, &files)?;
    if before < head.events {
        // Nothing is written where the first events to publish are no longer at hand.
        segment_of(&layout, before / WIDTH * WIDTH + 1)?;
    }
    let unwritable = |error| LedgerError::io("publish to", target, &error);
    let from = before / WIDTH * WIDTH;
    for level in 0..TILE_LEVELS {
        let hashes = hashes_at(level, head.events);
        let mut first = hashes_at(level, from) / WIDTH * WIDTH;
        while first < hashes {
            let width = WIDTH.min(hashes - first);
            let tile = files.hashes(level, first, width).map_err(unreadable)?;
            let name = format!("tile/{level}/{}", tile_name(first / WIDTH, width));
            write(target, &name, tile.as_flattened()).map_err(unwritable)?;
            first += width;
        }
    }
    publish_entries(&layout, target, from, head.events)?;
    // Last: whoever reads it finds everything that it covers.
    DirBuilder::new().recursive(true).create(target).map_err(unwritable)?;
    store::write_whole(&target.join("checkpoint"), note.as_bytes(), 0o644).map_err(unwritable)?;
    Ok(Published {
        events: head.events,
        new_events: head.events - before,
    })
}

/// How many events were published before; an error when they aren't the beginning of this log.
fn published_before(target: &Path, head: &TreeHead, files: &TreeFiles) -> Result<u64, PublishError> {
    let note = match fs::read_to_string(target.join("checkpoint")) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(LedgerError::io("read", target, &error).into()),
    };
    let other = || PublishError::OtherLog(target.into());
    let before = TreeHead::read(&note).map_err(|_| other())?;
    let is_beginning = before.ledger == head.ledger
        && before.events <= head.events
        && merkle::root(files, before.events).is_ok_and(|root| root == before.root);
    if is_beginning { Ok(before.events) } else { Err(other()) }
}

/// Writes the bundles of the events from index `from` to before `until`.
fn publish_entries(layout: &Layout, target: &Path, from: u64, until: u64) -> Result<(), LedgerError> {
    if from == until {
        return Ok(());
    }
    let segment = segment_of(layout, from + 1)?;
    let mut reader = LogReader::open(layout, segment, None)?;
    let mut index = header(layout, segment)?.first_event - 1;
    let mut bundle = Vec::new();
    while index < until {
        let record = match reader.next()? {
            Found::Record(record) => record,
            Found::Segment => continue,
            Found::Nothing => return Err(LedgerError::Damaged("the log is shorter than its checkpoint".into())),
        };
        if index >= from {
            let entry = record::entry(record);
            let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
            bundle.extend_from_slice(&length.to_be_bytes());
            bundle.extend_from_slice(&entry);
        }
        index += 1;
        if index > from && (index % WIDTH == 0 || index == until) {
            let width = (index - 1) % WIDTH + 1;
            let name = format!("tile/entries/{}", tile_name((index - 1) / WIDTH, width));
            write(target, &name, &bundle).map_err(|error| LedgerError::io("publish to", target, &error))?;
            bundle.clear();
        }
    }
    Ok(())
}

/// The last part of a tile's path: its index in groups of three digits, and its width where it isn't full.
fn tile_name(index: u64, width: u64) -> String {
    let mut name = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    if width < WIDTH {
        name.push_str(&format!(".p/{width}"));
    }
    name
}

/// Writes one file whole. A full tile's partial ones are of no use any more.
fn write(target: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = target.join(name);
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    // Not flushed: whatever a crash takes is published again, and the checkpoint comes last.
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, &path)?;
    let partial = target.join(format!("{name}.p"));
    match fs::remove_dir_all(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
