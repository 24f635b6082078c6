//! Reading the record is recorded in it, before anything is shown.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use durward_audit::{Administration, Event, Ledger, LedgerError, LedgerOptions};

use crate::cli::LedgerPlace;
use crate::control::{NoGateway, Request, ask, find_gateway, user_name};
use crate::screen::complain;

/// How much of a question is recorded.
///
/// Unit: bytes. Reason: what people ask; more would be a program's, and says no more about what was looked for.
const OBJECT_BYTES_MAX: usize = 2_000;

/// Records that somebody reads: by the gateway that writes to the record, else directly. A copy of a record that has no
/// signing key isn't written to. A reading that can't be recorded is complained about, and happens: whoever looks after
/// a gateway whose disk is full has to see what it recorded.
pub(crate) fn record(place: &LedgerPlace, directory: &Path, action: &str, object: &str) {
    let cut = object.floor_char_boundary(OBJECT_BYTES_MAX);
    let object = object.get(..cut).unwrap_or_default();
    if let Err(error) = try_record(place, directory, action, object) {
        complain(format_args!(
            "this reading of the record could not be recorded in it: {error:#}"
        ));
    }
}

fn try_record(place: &LedgerPlace, directory: &Path, action: &str, object: &str) -> anyhow::Result<()> {
    if let Ok(data_dir) = find_gateway(&place.data_dir) {
        let request = Request::RecordReading {
            ledger: std::fs::canonicalize(directory)?,
            action: action.to_owned(),
            object: object.to_owned(),
        };
        match ask(&data_dir, &request) {
            Ok(answer) if answer.as_bool() == Some(true) => return Ok(()),
            // It writes to another record.
            Ok(_) => {}
            Err(error) if error.is::<NoGateway>() => {}
            Err(error) => return Err(error),
        }
    }
    if !directory.join("keys/signing-key").exists() {
        return Ok(());
    }
    let options = LedgerOptions {
        index: false,
        ..LedgerOptions::default()
    };
    let ledger = Ledger::open(directory, options).map_err(|error| match error {
        LedgerError::Locked(_) => anyhow::anyhow!("a gateway writes to it: say which one by --data-dir"),
        other => other.into(),
    })?;
    let event = Administration {
        by: user_name(std::fs::metadata("/proc/self")?.uid()),
        action: action.to_owned(),
        object: object.to_owned(),
    };
    ledger.record(&Event::Administration(event))?;
    ledger.close()?;
    Ok(())
}
