//! `cargo xtask bench`: what the gateway costs, beside a direct connection, a plain relay and PgBouncer.
//!
//! All ways lead to one private server on one machine, round by round, so that what disturbs one disturbs all.

mod ledger;
mod paths;
mod relay;
mod report;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

pub(crate) use ledger::run as run_ledger;
pub(crate) use relay::run as relay;

use paths::{Paths, Way};

/// How much is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Extent {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// How often each is repeated; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections at a time.
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// pgbench's scale: 100,000 accounts each.
    #[arg(long, default_value_t = 5)]
    scale: u32,
}

/// pgbench's query modes.
const MODES: [&str; 3] = ["simple", "extended", "prepared"];

/// Rows of the streamed result.
const STREAMED_ROWS: u32 = 1_000_000;

/// Rows of the results in which two columns of four are masked.
const MASKED_ROWS: u32 = 200_000;

/// What is read of them, and what it is called.
const MASKED_READS: [(&str, &str); 4] = [
    (
        "two of four columns masked",
        "SELECT id, email, phone, note FROM durward_bench",
    ),
    (
        "one of them computed",
        "SELECT id, upper(email), note, note FROM durward_bench",
    ),
    (
        "joined on a masked column",
        "SELECT count(*) FROM durward_bench a JOIN durward_bench b ON a.email = b.email",
    ),
    ("nothing masked", "SELECT id, note, note, note FROM durward_bench"),
];

/// How many sessions are opened to see what an idle one takes.
const IDLE_SESSIONS: u32 = 100;

/// Sessions that are open before the growth is taken.
const FIRST_SESSIONS: u32 = 20;

/// What one run of pgbench showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Transactions (here: statements) in a second.
    tps: f64,
    /// Mean latency in milliseconds.
    latency_ms: f64,
    /// CPU time of the process in between for a statement, in microseconds.
    cpu_us: f64,
}

/// What one streamed result showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streamed {
    /// Rows in a second.
    rows_per_second: f64,
    /// How much the process in between grew, at most, in KiB.
    growth_kib: f64,
}

/// All that was measured, each by the way it went.
#[derive(Debug, Default)]
pub(crate) struct Results {
    statements: BTreeMap<(usize, Way), Vec<Measured>>,
    streams: BTreeMap<Way, Vec<Streamed>>,
    /// Seconds that a read took, by its place in [`MASKED_READS`] and the way it went.
    masked: BTreeMap<(usize, Way), Vec<f64>>,
    /// How much the gateway grew, at most, while it masked, in KiB.
    masked_growth_kib: f64,
    idle_session_kib: Option<f64>,
}

/// Measures, and writes `docs/benchmarks.md`.
pub(crate) fn run(root: &Path, extent: Extent) -> anyhow::Result<()> {
    let paths = Paths::open(root)?;
    paths.fill(extent.scale)?;
    paths.fill_masked(MASKED_ROWS)?;
    let mut results = Results::default();
    for round in 1..=extent.rounds {
        for (mode_number, mode) in MODES.iter().enumerate() {
            for way in paths.ways() {
                let measured = statements(&paths, way, mode, extent)?;
                crate::say(&format!(
                    "round {round}  {mode:9} {way:10} {:8.0} tps  {:5.1} us CPU",
                    measured.tps, measured.cpu_us
                ));
                results.statements.entry((mode_number, way)).or_default().push(measured);
            }
        }
        for way in paths.ways() {
            let streamed = stream(&paths, way)?;
            crate::say(&format!(
                "round {round}  stream    {way:10} {:8.0} rows/s",
                streamed.rows_per_second
            ));
            results.streams.entry(way).or_default().push(streamed);
        }
    }
    let before = paths.resident_peak_kib(Way::Gateway)?;
    for round in 1..=extent.rounds {
        for (number, (name, query)) in MASKED_READS.iter().enumerate() {
            for way in [Way::Direct, Way::Masked] {
                let seconds = read(&paths, way, query)?;
                crate::say(&format!("round {round}  {name:28} {way:10} {seconds:8.3} s"));
                results.masked.entry((number, way)).or_default().push(seconds);
            }
        }
    }
    results.masked_growth_kib = paths.resident_peak_kib(Way::Gateway)? - before;
    results.idle_session_kib = Some(idle_session(&paths)?);
    let mut page = report::page(&results, &paths, extent);
    let file = root.join("docs/benchmarks.md");
    // What is measured by itself stays.
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    if let (_, Some(section)) = ledger::split(&old) {
        page = format!("{}\n\n{section}", page.trim_end());
    }
    std::fs::write(&file, &page).with_context(|| format!("write {}", file.display()))?;
    crate::say(&page);
    Ok(())
}

fn statements(paths: &Paths, way: Way, mode: &str, extent: Extent) -> anyhow::Result<Measured> {
    let before = paths.cpu_seconds(way)?;
    let output = paths
        .client(way, "pgbench")
        .args(["--select-only", "--no-vacuum", "--protocol", mode])
        .args([
            "--client",
            &extent.clients.to_string(),
            "--jobs",
            "1",
            "--time",
            &extent.seconds.to_string(),
        ])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "pgbench, {way}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let cpu = paths.cpu_seconds(way)? - before;
    let number = |name: &str| -> anyhow::Result<f64> {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .with_context(|| format!("no {name} in {text}"))?;
        let word = line
            .rsplit(['=', ':'])
            .next()
            .and_then(|rest| rest.split_whitespace().next());
        let word = word
            .and_then(|word| word.split('/').next())
            .context("a number is missing")?;
        Ok(word.parse()?)
    };
    let transactions = number("number of transactions actually processed")?;
    Ok(Measured {
        tps: number("tps")?,
        latency_ms: number("latency average")?,
        cpu_us: cpu * 1e6 / transactions.max(1.0),
    })
}

fn stream(paths: &Paths, way: Way) -> anyhow::Result<Streamed> {
    let before = paths.resident_peak_kib(way)?;
    let began = Instant::now();
    let copy = format!("COPY (SELECT g, repeat('x', 100) FROM generate_series(1, {STREAMED_ROWS}) g) TO STDOUT");
    let status = paths
        .client(way, "psql")
        .args(["--no-psqlrc", "--command", &copy])
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "streaming failed: {way}");
    Ok(Streamed {
        rows_per_second: f64::from(STREAMED_ROWS) / began.elapsed().as_secs_f64(),
        growth_kib: paths.resident_peak_kib(way)? - before,
    })
}

/// How many seconds a query takes with all its rows.
fn read(paths: &Paths, way: Way, query: &str) -> anyhow::Result<f64> {
    let began = Instant::now();
    let status = paths
        .client(way, "psql")
        .args(["-XAt", "--command", query])
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "reading failed: {way}");
    Ok(began.elapsed().as_secs_f64())
}

/// What the gateway's memory grows by for one more session that has said little and waits.
fn idle_session(paths: &Paths) -> anyhow::Result<f64> {
    let open = |number: u32| -> anyhow::Result<Vec<Child>> {
        let one = || {
            let mut psql = paths.client(Way::Gateway, "psql");
            psql.args(["--no-psqlrc", "--quiet"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null());
            psql.spawn()
        };
        Ok((0..number).map(|_| one()).collect::<Result<Vec<_>, _>>()?)
    };
    // The first ones fill what all sessions share, and stay: memory that they gave back would be used again.
    let mut sessions = open(FIRST_SESSIONS)?;
    paths.wait_for_sessions(FIRST_SESSIONS)?;
    let before = paths.resident_kib(Way::Gateway)?;
    sessions.append(&mut open(IDLE_SESSIONS)?);
    paths.wait_for_sessions(FIRST_SESSIONS + IDLE_SESSIONS)?;
    let after = paths.resident_kib(Way::Gateway)?;
    for mut session in sessions {
        drop(session.stdin.take());
        session.wait()?;
    }
    Ok((after - before).max(0.0) / f64::from(IDLE_SESSIONS))
}
