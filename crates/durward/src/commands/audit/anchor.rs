//! Checkpoints that were kept elsewhere: files of them, and what exports have left there.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// How many checkpoints of a file are looked at: the last ones.
///
/// Unit: checkpoints. Reason: more than a day of one each second; the last one vouches for all before it.
const CHECKPOINTS_MAX: usize = 100_000;
/// The longest line that may hold one.
///
/// Unit: bytes. Reason: exported events are small, but for the text of a statement.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// What the first line of a checkpoint begins with.
const ORIGIN: &str = "durward-ledger/";

/// The checkpoints in files, and in the files of directories: each file one checkpoint, or lines that an export sent.
///
/// # Errors
/// When a file can't be read, or there is none at all.
pub(super) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    for path in paths {
        let before = notes.len();
        if path.is_dir() {
            let unreadable = || format!("can't read {}", path.display());
            let mut inside = std::fs::read_dir(path)
                .with_context(unreadable)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
                .with_context(unreadable)?;
            inside.retain(|file| file.is_file());
            inside.sort();
            for file in inside {
                notes.extend(read(&file)?);
            }
        } else {
            notes.extend(read(path)?);
        }
        anyhow::ensure!(notes.len() > before, "{} holds no checkpoint", path.display());
    }
    Ok(notes)
}

fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let unreadable = || format!("can't read {}", path.display());
    let mut reader = BufReader::new(File::open(path).with_context(unreadable)?);
    if reader
        .fill_buf()
        .with_context(unreadable)?
        .starts_with(ORIGIN.as_bytes())
    {
        let mut note = String::new();
        reader
            .take(LINE_BYTES_MAX)
            .read_to_string(&mut note)
            .with_context(unreadable)?;
        return Ok(vec![note]);
    }
    let mut notes = VecDeque::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.with_context(unreadable)? == 0 {
            return Ok(notes.into());
        }
        if let Some(note) = checkpoint_in(&line) {
            if notes.len() == CHECKPOINTS_MAX {
                notes.pop_front();
            }
            notes.push_back(note);
        }
    }
}

/// The checkpoint that a line carries: an event as OCSF, whatever a transport has put before it.
fn checkpoint_in(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    if !line.contains(ORIGIN) {
        return None;
    }
    let object: serde_json::Value = serde_json::from_str(line.get(line.find('{')?..)?.trim_end()).ok()?;
    let note = object.pointer("/unmapped/checkpoint")?.as_str()?;
    note.starts_with(ORIGIN).then(|| note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_found_in_what_exports_leave() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        file("one", "durward-ledger/00\n1\nAA==\n\n\u{2014} durward-ledger/00 AA==\n");
        let event = |note: &str| format!("{{\"unmapped\":{{\"checkpoint\":\"{note}\"}}}}");
        let log = format!(
            "{}\n<109>1 2026-01-01T00:00:00Z host durward - OCSF0 - {}\n{{\"unmapped\":{{}}}}\n{}",
            event("durward-ledger/00\\n2"),
            event("durward-ledger/00\\n3"),
            "{\"unmapped\":{\"checkpoint\":\"durward-ledger/00\\n4"
        );
        file("two", &log);
        let found = read_all(&[folder.path().to_owned()]).unwrap();
        let second_lines: Vec<_> = found.iter().map(|note| note.lines().nth(1).unwrap()).collect();
        assert_eq!(second_lines, ["1", "2", "3"]);
        file("two", "nothing\n");
        let error = read_all(&[folder.path().join("two")]).unwrap_err();
        assert!(error.to_string().contains("holds no checkpoint"), "{error}");
    }
}
