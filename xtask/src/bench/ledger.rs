//! `cargo xtask bench-ledger`: what a large ledger takes, in a section of its own of `docs/benchmarks.md`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// The section begins with this line and reaches to the end of the page.
pub(super) const HEADING: &str = "## The record with ";

/// Runs the example that measures, and writes the section.
pub(crate) fn run(root: &Path, events: u64) -> anyhow::Result<()> {
    let measured = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "durward-audit",
            "--example",
            "many_events",
            "--",
        ])
        .arg(events.to_string())
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(measured.status.success(), "the measurement failed");
    let tables = String::from_utf8(measured.stdout)?;
    let path = root.join("docs/benchmarks.md");
    let page = fs::read_to_string(&path).context("docs/benchmarks.md")?;
    let (before, _) = super::split(&page, HEADING);
    let section = format!(
        "{HEADING}{events} events\n\n<!-- Written by `cargo xtask bench-ledger`. -->\n\n\
         Made up: 60 identities in some thousand sessions run 400 shapes of statements on 40 tables within 30 days, in bursts \
         of up to 40 executions, one in 200 refused; an intent and an outcome for each. Recorded by one thread, through one \
         lock, with the signing and flushing threads beside it. One run, all on {} processors of {}; CPU is that of the whole \
         process.\n\n{tables}",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        super::report::processor(),
    );
    fs::write(&path, format!("{}\n\n{section}", before.trim_end()))?;
    crate::say("docs/benchmarks.md is written");
    Ok(())
}
