//! `durward audit checkpoint`, `key` and `publish`: what others need to check the record.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use durward_audit::{Ledger, LedgerError, LedgerFiles, LedgerOptions};

use super::read_file;
use crate::control::user_name;
use crate::screen::say;

/// Prints the last checkpoint, as it is signed.
pub(super) fn checkpoint(directory: &Path) -> anyhow::Result<ExitCode> {
    say(read_file(&directory.join("checkpoint"))?.trim_end_matches('\n'));
    Ok(ExitCode::SUCCESS)
}

/// Prints the public key; a new one when `rotate` says so.
pub(super) fn key(directory: &Path, rotate: bool) -> anyhow::Result<ExitCode> {
    let path = directory.join("public-key");
    if rotate {
        anyhow::ensure!(path.exists(), "there is no record in {}", directory.display());
        let by = user_name(std::fs::metadata("/proc/self")?.uid());
        let options = LedgerOptions {
            index: false,
            ..LedgerOptions::default()
        };
        let rotated = Ledger::rotate_key(directory, options, &by);
        if let Err(LedgerError::Locked(_)) = rotated {
            anyhow::bail!("a gateway writes to this record; stop it, change the key, and start it again");
        }
        rotated.context("the key was not changed")?;
    }
    say(read_file(&path)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Publishes the record as static files.
pub(super) fn publish(files: LedgerFiles, target: &Path) -> anyhow::Result<ExitCode> {
    let published = durward_audit::publish(files, target)?;
    say(format!(
        "{}: {} events, {} of them new.",
        target.display(),
        published.events,
        published.new_events
    ));
    Ok(ExitCode::SUCCESS)
}
