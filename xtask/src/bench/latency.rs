//! What the gateway adds to a statement's time: reads at half of what it could do, and writes whose intent is on disk.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::ensure;

use super::Extent;
use super::paths::{Paths, Way};

/// Percentiles of one run, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// One row by its key.
const WRITE: &str = "\\set aid random(1, 100000)\n\
                     UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\n";

/// Reads of one row by its key, `per_second` of them in all.
pub(super) fn reads(paths: &Paths, way: Way, per_second: f64, extent: Extent) -> anyhow::Result<Latency> {
    let rate = format!("{per_second:.0}");
    run(paths, way, &["--select-only", "--rate", &rate], extent)
}

/// Changes of one row by its key, as fast as they go.
pub(super) fn writes(paths: &Paths, way: Way, extent: Extent) -> anyhow::Result<Latency> {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("write.sql");
    fs::write(&script, WRITE)?;
    run(paths, way, &["--file", &script.to_string_lossy()], extent)
}

/// What it takes to append a record to a file beside the gateway's, and to put it on the disk: the median in microseconds.
pub(super) fn fsync(paths: &Paths) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(paths.data_dir())?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        file.write_all(&[7; 200])?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(super::report::median(times.into_iter()))
}

fn run(paths: &Paths, way: Way, what: &[&str], extent: Extent) -> anyhow::Result<Latency> {
    let directory = tempfile::tempdir()?;
    let output = paths
        .client(way, "pgbench")
        .args(["--no-vacuum", "--protocol", "prepared", "--client", "4", "--jobs", "1"])
        .args(["--time", &extent.seconds.to_string(), "--log", "--log-prefix"])
        .arg(directory.path().join("log"))
        .args(what)
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench, {way}: {complaint}");
    percentiles(directory.path())
}

/// The third word of a line of pgbench's log is the time that a transaction took, less what it waited for its turn, which is
/// the seventh (manual, pgbench, "Per-Transaction Logging").
fn percentiles(directory: &Path) -> anyhow::Result<Latency> {
    let mut times = Vec::new();
    for entry in fs::read_dir(directory)? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            let words: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
            let late = words.get(6).copied().unwrap_or_default();
            times.extend(words.get(2).map(|time| time - late));
        }
    }
    ensure!(times.len() > 100, "too few statements to speak of percentiles");
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(f64::NAN);
    Ok(Latency {
        p50: at(50),
        p99: at(99),
    })
}
