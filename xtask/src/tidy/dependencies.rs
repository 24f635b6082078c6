//! Licences, sources and bans of everything that is linked, by the rules in `deny.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::Metadata;
use serde::Deserialize;

use super::licence;

/// The part of `deny.toml` that is checked here.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// What is really built, tests included, as `name vVERSION`: the lock file also names what features leave out.
fn used(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--edges",
            "all",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root)
        .output()
        .context("cargo tree")?;
    ensure!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    Ok(words.collect())
}

/// Every package that the rules keep out.
///
/// # Errors
/// When `deny.toml` can't be read.
pub(super) fn check(root: &Path, metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root.join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&text).context("deny.toml")?;
    let used = used(root)?;
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} v{}", package.name, package.version);
        if !used.contains(&name) {
            continue;
        }
        match &package.license {
            None => problems.push(format!("{name} names no licence")),
            Some(expression) if licence::allows(expression, &rules.licenses.allow) => {}
            Some(expression) => problems.push(format!("{name} has the licence {expression}")),
        }
        if rules
            .bans
            .deny
            .iter()
            .any(|banned| banned.name == package.name.as_str())
        {
            problems.push(format!("{name} is banned by deny.toml"));
        }
        if let Some(source) = &package.source {
            let place = source.repr.strip_prefix("registry+").unwrap_or(&source.repr);
            if !rules.sources.allow_registry.iter().any(|allowed| allowed == place) {
                problems.push(format!("{name} comes from {place}"));
            }
        }
    }
    Ok(problems)
}
