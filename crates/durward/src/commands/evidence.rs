//! `durward evidence …`: reports that an auditor takes away.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use durward_audit::Moment;
use durward_audit::evidence::{
    BuiltReport, EvidenceError, EvidenceRequest, Period, REPORTS, VerifiedEvidence, build_evidence, verify_evidence,
};

use super::audit::{detail, directory, read_key, reading};
use crate::cli::{BuildEvidenceArgs, EvidenceCommand};
use crate::screen::{Style, complain, say, say_json, styled, table};

/// How long a period that has just ended may wait for its signature: a running gateway signs every second, unless its disk or
/// its machine is busy.
const SIGNATURE_PATIENCE: Duration = Duration::from_secs(20);
const SIGNATURE_INTERVAL: Duration = Duration::from_millis(100);

/// How far back a report reaches where nothing else is said.
const DAYS_DEFAULT: u64 = 30;

/// `durward evidence …`
pub(super) fn run(command: &EvidenceCommand) -> anyhow::Result<ExitCode> {
    match command {
        EvidenceCommand::Ls { json } => list(*json),
        EvidenceCommand::Build(arguments) => build(arguments),
        EvidenceCommand::Verify { directory, key, json } => verify(directory, key, *json),
    }
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    if json {
        for report in &REPORTS {
            say_json(&serde_json::json!({
                "report": report.name,
                "title": report.title,
                "question": report.question,
                "controls": report.controls,
                "gaps": report.gaps,
            }))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    say(table(
        &["report", "question"],
        REPORTS
            .iter()
            .map(|report| vec![report.name.to_owned(), report.question.to_owned()]),
    ));
    Ok(ExitCode::SUCCESS)
}

fn build(arguments: &BuildEvidenceArgs) -> anyhow::Result<ExitCode> {
    let ledger = directory(&arguments.place)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let now = Moment(u64::try_from(now)?);
    let moment = |option: &str, given: &Option<String>, default: Moment| match given {
        None => Ok(default),
        Some(text) => Moment::parse(text, now).with_context(|| {
            format!("{option}: {text:?} is neither a time such as 2026-01-31T12:00:00Z nor an age such as 7d")
        }),
    };
    let to = moment("--to", &arguments.to, now)?;
    anyhow::ensure!(
        to <= now,
        "--to: {to} is still to come, and so are events of the period"
    );
    let from = moment(
        "--from",
        &arguments.from,
        Moment(to.0.saturating_sub(DAYS_DEFAULT * 86_400_000_000)),
    )?;
    let period = Period { from, to };
    let object = format!("{} from {from} to {to}", arguments.report);
    // This is an event after the period: the signature over it covers the period too.
    reading::record(&arguments.place, &ledger, "evidence_build", &object);
    let built = build_when_signed(arguments, &ledger, period)?;
    if arguments.json {
        say_json(&built)?;
    } else {
        show_built(&built, &arguments.out);
    }
    Ok(ExitCode::SUCCESS)
}

fn build_when_signed(arguments: &BuildEvidenceArgs, ledger: &Path, period: Period) -> anyhow::Result<BuiltReport> {
    let asked = Instant::now();
    loop {
        let request = EvidenceRequest {
            report: &arguments.report,
            period,
            change: arguments.change.as_deref(),
        };
        match build_evidence(arguments.archive.files(ledger)?, request, &arguments.out, |_| ()) {
            Err(EvidenceError::NotSigned) if asked.elapsed() < SIGNATURE_PATIENCE => {
                std::thread::sleep(SIGNATURE_INTERVAL);
            }
            other => return Ok(other?),
        }
    }
}

fn show_built(built: &BuiltReport, out: &Path) {
    let manifest = &built.manifest;
    say(format!(
        "{}: {}.",
        out.display(),
        styled(Style::Strong, &manifest.title)
    ));
    detail(
        "period",
        &format!("{} up to {}", manifest.period.from, manifest.period.to),
    );
    for table in &manifest.tables {
        detail(&table.name, &format!("{} rows", table.rows));
    }
    for gap in &manifest.gaps {
        detail("not in it", gap);
    }
    detail("serves", &manifest.controls.join("; "));
    detail("", &manifest.assessor);
    detail("page", &out.join("index.html").display().to_string());
}

/// Exit code 1 means that the report is not what was signed.
fn verify(report: &Path, key: &str, json: bool) -> anyhow::Result<ExitCode> {
    let key = read_key(key)?;
    match verify_evidence(report, &key) {
        Ok(verified) if json => say_json(&verified)?,
        Ok(verified) => show_verified(&verified),
        Err(error) if error.is_unreadable() => return Err(error.into()),
        Err(error) => {
            if json {
                say_json(&serde_json::json!({ "error": error.to_string() }))?;
            } else {
                complain(format_args!("{} {error}", styled(Style::Bad, "This is no evidence:")));
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_verified(verified: &VerifiedEvidence) {
    let manifest = &verified.manifest;
    let verdict = styled(Style::Good, "The report is as it was signed:");
    say(format!("{verdict} {}.", manifest.title));
    detail(
        "period",
        &format!("{} up to {}", manifest.period.from, manifest.period.to),
    );
    detail("ledger", &manifest.ledger);
    detail(
        "checkpoint",
        &format!(
            "of {} events; {} of them proved in it",
            manifest.checkpoint_events, verified.proofs
        ),
    );
    detail(
        "files",
        &format!("{}, none changed, missing or added", manifest.files.len()),
    );
    detail("key", &verified.verifier_key);
    if verified.earlier_checkpoint_key {
        detail(
            "",
            "the checkpoint is signed by an earlier key, which the signed manifest names",
        );
    }
}
