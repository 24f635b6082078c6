//! `durward audit prove` and `verify-proof`: one event, for somebody who has nothing but the public key.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use durward_audit::{EventNumber, LedgerFiles, Proof, ProofError, verify_proof};

use super::{detail, read_file, read_key};
use crate::screen::{Style, complain, say, say_json, styled};

/// How long a new event may wait for its signature: a running gateway signs every second.
const SIGNATURE_PATIENCE: Duration = Duration::from_secs(20);
const SIGNATURE_INTERVAL: Duration = Duration::from_millis(50);

/// Writes the proof of one event.
pub(super) fn prove(files: &LedgerFiles, event: u64, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let asked = Instant::now();
    let proof = loop {
        match durward_audit::prove(files.clone(), EventNumber(event)) {
            Err(ProofError::NotSigned { .. }) if asked.elapsed() < SIGNATURE_PATIENCE => {
                std::thread::sleep(SIGNATURE_INTERVAL);
            }
            Err(error) if !error.is_unreadable() => {
                complain(format_args!(
                    "{} {error}; `durward audit verify` tells more",
                    styled(Style::Bad, "The record is not sound:")
                ));
                return Ok(ExitCode::FAILURE);
            }
            other => break other?,
        }
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&proof)?);
    match out {
        None => say(text.trim_end()),
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
            say(format!(
                "{}: event {event} and what it refers to, with their places in the signed tree.",
                path.display()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 1 means that the proof proves nothing.
pub(super) fn verify(file: &Path, key: &str, json: bool) -> anyhow::Result<ExitCode> {
    let key = read_key(key)?;
    let text = read_file(file)?;
    let proved = serde_json::from_str::<Proof>(&text)
        .map_err(|error| ProofError::Form(error.to_string()))
        .and_then(|proof| verify_proof(&proof, &key));
    match proved {
        Ok(proved) if json => say_json(&proved)?,
        Ok(proved) => {
            let number = proved.event.stored.number;
            let verdict = styled(Style::Good, "The proof is sound:");
            say(format!("{verdict} event {number} is in the record, and says:"));
            say(super::line::of(&proved.event).unwrap_or_else(|| proved.event.to_string()));
            detail("ledger", &proved.ledger);
            detail("signed", &format!("as one of {} events", proved.checkpoint_events));
            detail("key", &proved.verifier_key);
        }
        Err(error) => {
            if json {
                say_json(&serde_json::json!({ "error": error.to_string() }))?;
            } else {
                let verdict = styled(Style::Bad, "This proves nothing:");
                complain(format_args!("{verdict} {error}"));
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
