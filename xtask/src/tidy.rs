//! The repository's rules. Each finds what breaks it and says so in a line; all are checked, then the run fails.

mod dependencies;
mod directions;
mod licence;
mod sources;

use std::path::Path;

use anyhow::{Context as _, bail};
use cargo_metadata::{Metadata, MetadataCommand};

/// Where the dependency graph is judged: what ships.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Checks every rule.
///
/// # Errors
/// When a rule is broken, or the repository can't be read.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let metadata = metadata(root)?;
    let mut problems = directions::check(&metadata);
    problems.append(&mut dependencies::check(root, &metadata)?);
    let report = sources::check(root)?;
    problems.extend(report.problems);
    for advice in &report.advice {
        println!("advice: {advice}");
    }
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} of the repository's rules are broken", problems.len());
    }
    println!("tidy: {} files, {} packages", report.files, metadata.packages.len());
    Ok(())
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", PLATFORM].map(str::to_owned))
        .exec()
        .context("cargo metadata")
}
