//! `durward audit fetch`: records from the store of many gateways.

use std::path::Path;
use std::process::ExitCode;

use durward_audit::{VerifierKey, verify};

use super::read_key;
use crate::commands::runtime;
use crate::screen::{Style, complain, say, styled};
use crate::settings::store_at;
use crate::store;

/// Exit code 1 means that a record is not sound.
pub(super) fn run(store: &str, target: &Path, ledger: Option<&str>, keys: &[String]) -> anyhow::Result<ExitCode> {
    let keys = keys
        .iter()
        .map(|given| read_key(given))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let store = store_at(store)?;
    let fetched = runtime()?.block_on(store::fetch(&store, ledger, target))?;
    let mut sound = true;
    for record in fetched {
        let is_its = |key: &&VerifierKey| key.ledger() == Some(record.ledger.as_str());
        let key = keys.iter().find(is_its);
        let place = record.directory.display();
        match verify(&record.directory, key) {
            Ok(report) => {
                let trust = if report.key_from_ledger {
                    "; by a key from the store itself: to prove more, give the one you keep elsewhere by --key"
                } else {
                    ""
                };
                let verdict = styled(Style::Good, "sound");
                say(format!(
                    "{place}: {verdict}, {} events, signed up to event {}{trust}",
                    record.events, report.signed_events
                ));
            }
            Err(error) => {
                sound = false;
                complain(format_args!("{place}: {} {error}", styled(Style::Bad, "not sound:")));
            }
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
