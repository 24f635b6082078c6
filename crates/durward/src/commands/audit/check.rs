//! `durward audit verify` and `consistency`: whether the record is as it was written.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use durward_audit::{
    IndexCheck, IndexDifference, LedgerFiles, Moment, VerifyOptions, VerifyReport, check_index, verify_with,
};

use super::{anchor, detail, line, moment, read_file, read_key, witness};
use crate::screen::{Style, complain, say, say_json, styled};

/// How long events may have been waiting for their signature without a word. An honest gateway signs every second.
///
/// Unit: microseconds. Reason: a disk that is slow for a moment.
const UNSIGNED_MICROSECONDS_MAX: u64 = 10_000_000;

/// What is to be verified.
pub(super) struct Asked<'a> {
    /// The record.
    pub(super) files: LedgerFiles,
    /// The directory whose index is checked too.
    pub(super) index: Option<&'a Path>,
    /// The public key, where it comes from elsewhere.
    pub(super) key: Option<&'a str>,
    /// A checkpoint that was kept.
    pub(super) checkpoint: Option<&'a Path>,
    /// Where further ones are.
    pub(super) anchors: &'a [PathBuf],
    /// The witnesses that must have signed one.
    pub(super) witnesses: &'a [String],
    /// Whether to print JSON.
    pub(super) json: bool,
}

/// Exit code 1 means that the record is not as it was written, or the index not as the record; an error that it could not
/// be checked.
pub(super) fn verify(asked: &Asked<'_>) -> anyhow::Result<ExitCode> {
    let json = asked.json;
    let key = asked.key.map(read_key).transpose()?;
    let kept = asked.checkpoint.map(read_file).transpose()?;
    let mut anchors = anchor::read_all(asked.anchors)?;
    anchors.extend(kept.clone());
    let witnesses = asked.witnesses.iter().map(|given| witness::read_key(given));
    let options = VerifyOptions {
        key: key.as_ref(),
        anchors: &anchors,
        witnesses: &witnesses.collect::<anyhow::Result<Vec<_>>>()?,
    };
    match verify_with(asked.files.clone(), &options) {
        Ok(report) => {
            let check = asked
                .index
                .map(|directory| check_index(directory, |_| ()))
                .transpose()?;
            let differs = check.as_ref().is_some_and(|check| check.differences_total > 0);
            if json {
                let mut report = serde_json::to_value(&report)?;
                if let (Some(check), Some(report)) = (check, report.as_object_mut()) {
                    report.insert("index".into(), serde_json::to_value(check)?);
                }
                say_json(&report)?;
            } else {
                show_report(&report, kept.is_some());
                check.iter().for_each(show_index);
            }
            if differs {
                return Ok(ExitCode::FAILURE);
            }
        }
        Err(error) if error.is_unreadable() => return Err(error.into()),
        Err(error) => {
            if json {
                say_json(&serde_json::json!({
                    "error": error.to_string(),
                    "first_event": error.events().map(|(first, _)| first),
                    "last_event": error.events().map(|(_, last)| last),
                }))?;
            } else {
                let verdict = styled(Style::Bad, "The record is not sound:");
                complain(format_args!("{verdict} {error}"));
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_report(report: &VerifyReport, kept: bool) {
    let sound = styled(Style::Good, "The record is sound:");
    let at_hand = report.events + 1 - report.first_event;
    say(format!("{sound} {at_hand} events, none changed, missing or moved."));
    detail("ledger", &report.ledger);
    show_left(report);
    detail(
        "signed",
        &format!(
            "up to event {}, of {}",
            report.signed_events,
            moment(Moment(report.signed_time_microseconds))
        ),
    );
    if report.unsigned_events > 0 {
        detail(
            "not signed",
            &format!(
                "{} newer events; the next signature covers them",
                report.unsigned_events
            ),
        );
    }
    let waiting = report
        .last_time_microseconds
        .saturating_sub(report.signed_time_microseconds);
    if report.unsigned_events > 0 && waiting > UNSIGNED_MICROSECONDS_MAX {
        let seconds = waiting / 1_000_000;
        let warning = format!("they span {seconds} seconds, and a gateway signs every second: don't trust them");
        detail("", &styled(Style::Bad, &warning));
    }
    detail("key", &report.verifier_key);
    if report.key_changes > 0 {
        detail(
            "",
            &format!("changed {} times; each key vouched for the next", report.key_changes),
        );
    }
    if report.key_from_ledger {
        detail(
            "",
            "taken from beside the record; to prove more, give the one you keep elsewhere by --key",
        );
    }
    show_anchors(report);
    if kept {
        detail("kept", "what your checkpoint was signed for is still there");
    }
    if report.unclean_ends > 0 {
        detail("restarts", &format!("{} without a clean end", report.unclean_ends));
    }
    if report.clock_steps_back > 0 {
        detail("clock", &format!("stepped back {} times", report.clock_steps_back));
    }
}

/// How far others vouch for the record.
fn show_anchors(report: &VerifyReport) {
    let Some(anchored) = report.anchored_events else {
        return;
    };
    let time = report
        .anchored_time_microseconds
        .map_or_else(String::new, |time| format!(", of {}", moment(Moment(time))));
    detail(
        "anchored",
        &format!(
            "up to event {anchored}{time}, by {} checkpoints from outside",
            report.anchors
        ),
    );
    let since = report.events.saturating_sub(anchored);
    detail("", &format!("nothing outside vouches for the {since} events since"));
    for (name, events, seconds) in &report.witnessed {
        let time = moment(Moment(seconds.saturating_mul(1_000_000)));
        detail(
            "witness",
            &format!("{} saw {events} events, at {time}", line::shown(name)),
        );
    }
}

/// What became of the index.
fn show_index(check: &IndexCheck) {
    if check.differences_total == 0 {
        detail(
            "index",
            &format!("says what the record says, up to event {}", check.events),
        );
        return;
    }
    let verdict = styled(Style::Bad, "The index is not what the record says:");
    complain(format_args!("{verdict} {} rows disagree.", check.differences_total));
    for difference in &check.differences {
        let IndexDifference {
            subject,
            row,
            finding,
            event,
        } = difference;
        let event = event.map_or_else(String::new, |event| format!(" from event {event}"));
        complain(format_args!("  {subject}{event} {finding}: {}", line::shown(row)));
    }
    complain(format_args!(
        "  Delete index.sqlite, and it is made anew from the record."
    ));
}

/// What has left the record.
fn show_left(report: &VerifyReport) {
    if report.first_event == 1 {
        return;
    }
    let left = report.first_event - 1;
    detail(
        "at hand",
        &format!(
            "events {} to {}; of the {left} before them only hashes, which stand under the checkpoint",
            report.first_event, report.events
        ),
    );
    if report.removed_events > 0 {
        detail("", &format!("{} of those were removed for good", report.removed_events));
    }
    if report.removed_events < left
        && let Some(archive) = &report.archive
    {
        detail(
            "",
            &format!("the rest was archived, last in {archive}: --archive reads it too"),
        );
    }
}

/// Exit code 1 means that the record is not the continuation.
pub(super) fn consistency(
    directory: &Path,
    checkpoint: &Path,
    key: Option<&str>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let key = key.map(read_key).transpose()?;
    let earlier = read_file(checkpoint)?;
    match durward_audit::consistency(directory, &earlier, key.as_ref()) {
        Ok(proof) if json => say_json(&proof)?,
        Ok(proof) => {
            let verdict = styled(Style::Good, "The record has only grown:");
            say(format!(
                "{verdict} its first {} events are those of your checkpoint; {} came since.",
                proof.from_events,
                proof.to_events - proof.from_events
            ));
        }
        Err(error) if error.is_unreadable() => return Err(error.into()),
        Err(error) => {
            if json {
                say_json(&serde_json::json!({ "error": error.to_string() }))?;
            } else {
                let verdict = styled(Style::Bad, "The record is not the one of your checkpoint:");
                complain(format_args!("{verdict} {error}"));
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
