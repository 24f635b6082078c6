//! `durward audit checkpoint`, `key` and `publish`: what others need to check the record.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use durward_audit::{Ledger, LedgerError, LedgerFiles, LedgerOptions};

use super::read_file;
use crate::cli::LedgerPlace;
use crate::control::{NoGateway, Request, ask, find_gateway, user_name};
use crate::screen::{say, say_json};

/// Prints the last checkpoint, as it is signed.
pub(super) fn checkpoint(directory: &Path) -> anyhow::Result<ExitCode> {
    say(read_file(&directory.join("checkpoint"))?.trim_end_matches('\n'));
    Ok(ExitCode::SUCCESS)
}

/// Prints the public key; a new one when `rotate` says so.
pub(super) fn key(place: &LedgerPlace, directory: &Path, rotate: bool) -> anyhow::Result<ExitCode> {
    let path = directory.join("public-key");
    if rotate {
        anyhow::ensure!(path.exists(), "there is no record in {}", directory.display());
        if let Some(key) = rotated_by_gateway(place, directory)? {
            say(key);
            return Ok(ExitCode::SUCCESS);
        }
        let by = user_name(std::fs::metadata("/proc/self")?.uid());
        let options = LedgerOptions {
            index: false,
            ..LedgerOptions::default()
        };
        let rotated = Ledger::rotate_key(directory, options, &by);
        if let Err(LedgerError::Locked(_)) = rotated {
            anyhow::bail!("a gateway writes to this record: say which one by --data-dir");
        }
        rotated.context("the key was not changed")?;
    }
    say(read_file(&path)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Has the gateway that writes to the record change its key, where one runs. Returns the new public key.
fn rotated_by_gateway(place: &LedgerPlace, directory: &Path) -> anyhow::Result<Option<String>> {
    let Ok(data_dir) = find_gateway(&place.data_dir) else {
        return Ok(None);
    };
    let ledger = std::fs::canonicalize(directory)?;
    match ask(&data_dir, &Request::RotateKey { ledger }) {
        Ok(answer) => Ok(answer.as_str().map(str::to_owned)),
        Err(error) if error.is::<NoGateway>() => Ok(None),
        Err(error) => Err(error),
    }
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

/// Writes the record as files of columns.
pub(super) fn parquet(files: LedgerFiles, target: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let written = durward_audit::write_columns(files, target)?;
    if json {
        say_json(&written)?;
    } else {
        say(format!(
            "{}: {} rows in {} files, up to event {}.",
            target.display(),
            written.rows,
            written.files,
            written.last_event
        ));
    }
    Ok(ExitCode::SUCCESS)
}
