//! The steps of a statement's way by themselves: time on a processor and, by valgrind, instructions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// The section of `docs/benchmarks.md`.
pub(super) const HEADING: &str = "## The steps by themselves";

/// How often a step runs while its instructions are counted.
const COUNTED_TIMES: u32 = 200;

/// Runs the example that measures, and writes the section.
pub(super) fn section(root: &Path) -> anyhow::Result<String> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--workspace", "--example", "steps"])
        .current_dir(root)
        .status()?;
    ensure!(built.success(), "the example can't be built");
    let program = super::target(root).join("release/examples/steps");
    let measured = Command::new(&program).stderr(Stdio::inherit()).output()?;
    ensure!(measured.status.success(), "the measurement failed");
    let mut section = format!(
        "{HEADING}\n\nEach alone, again and again, on one thread (`crates/durward-session/examples/steps.rs`); the fastest of seven \
         rounds. Instructions are counted by valgrind, and don't depend on the machine's mood; SHA-256 counts for more there, \
         since valgrind knows no instructions for it.\n\n| step | ns of CPU | instructions |\n|---|---:|---:|\n"
    );
    for line in String::from_utf8(measured.stdout)?.lines() {
        let (step, nanoseconds) = line.split_once('\t').context("a step without a figure")?;
        let instructions = instructions(&program, step)?.map_or_else(|| "–".to_owned(), |count| count.to_string());
        super::say(&format!(
            "{step:50} {nanoseconds:>8} ns {instructions:>10} instructions"
        ));
        _ = writeln!(section, "| {step} | {nanoseconds} | {instructions} |");
    }
    Ok(section)
}

/// How many instructions a step takes each time; none where valgrind isn't installed.
fn instructions(program: &PathBuf, step: &str) -> anyhow::Result<Option<u64>> {
    let counted = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*measured*",
        ])
        .arg("--callgrind-out-file=/dev/null")
        .arg(program)
        .args([step, &COUNTED_TIMES.to_string()])
        .stdout(Stdio::null())
        .output();
    let Ok(counted) = counted else {
        return Ok(None);
    };
    let said = String::from_utf8_lossy(&counted.stderr).into_owned();
    ensure!(counted.status.success(), "valgrind: {said}");
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    let total: u64 = collected.context("valgrind counted nothing")?.trim().parse()?;
    Ok(Some(total / u64::from(COUNTED_TIMES)))
}
