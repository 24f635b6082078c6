//! `cargo xtask bench`: what the gateway costs, beside a direct connection, a plain relay and PgBouncer.
//!
//! All ways lead to one private server on one machine, round by round, so that what disturbs one disturbs all.

mod curves;
mod goals;
mod idle;
mod latency;
mod ledger;
mod paths;
mod relay;
mod report;
mod steps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

pub(crate) use ledger::run as run_ledger;
pub(crate) use relay::run as relay;

pub(crate) use crate::say;

use idle::Crowd;
use latency::Latency;
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
    /// pgbench's scale: 100,000 accounts each.
    #[arg(long, default_value_t = 5)]
    scale: u32,
    /// Idle sessions of the crowd.
    #[arg(long, default_value_t = 5_000)]
    crowd: u32,
    /// The most tables of the curve.
    #[arg(long, default_value_t = 50_000)]
    tables: u32,
    /// What to measure: all, or one part, beside which the page stays as it is.
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,
}

/// A part of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// All but the record, which `bench-ledger` measures.
    All,
    /// Statements, results and sessions, and what of the goals they meet.
    Main,
    /// The steps by themselves.
    Steps,
    /// What grows beside a statement.
    Curves,
}

/// Connections at a time.
const CLIENTS: [u32; 2] = [4, 32];

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
    /// By mode and number of connections.
    statements: BTreeMap<(usize, u32, Way), Vec<Measured>>,
    reads: BTreeMap<Way, Vec<Latency>>,
    writes: BTreeMap<Way, Vec<Latency>>,
    /// What putting a record on the disk takes, in microseconds.
    fsync_us: f64,
    streams: BTreeMap<Way, Vec<Streamed>>,
    /// Seconds that a read took, by its place in [`MASKED_READS`] and the way it went.
    masked: BTreeMap<(usize, Way), Vec<f64>>,
    /// How much the gateway grew, at most, while it masked, in KiB.
    masked_growth_kib: f64,
    idle_session_kib: Option<f64>,
    crowd: Option<Crowd>,
}

/// Measures, and writes `docs/benchmarks.md`.
pub(crate) fn run(root: &Path, extent: Extent) -> anyhow::Result<()> {
    let file = root.join("docs/benchmarks.md");
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    let mut sections = Sections::of(&old);
    let wanted = |part: Part| [part, Part::All].contains(&extent.part);
    if wanted(Part::Steps) {
        sections.steps = Some(steps::section(root)?);
    }
    if wanted(Part::Main) || wanted(Part::Curves) {
        let mut paths = Paths::open(root)?;
        paths.fill(extent.scale)?;
        if wanted(Part::Main) {
            let results = measure(&mut paths, extent)?;
            sections.main = report::page(&results, &paths, extent);
        }
        if wanted(Part::Curves) {
            sections.curves = Some(curves::section(root, &mut paths, extent)?);
        }
    }
    let page = sections.page();
    std::fs::write(&file, &page).with_context(|| format!("write {}", file.display()))?;
    say(&page);
    Ok(())
}

/// The page in its parts, each of which can be measured by itself.
struct Sections {
    main: String,
    steps: Option<String>,
    curves: Option<String>,
    ledger: Option<String>,
}

impl Sections {
    fn of(page: &str) -> Self {
        let (rest, ledger) = split(page, ledger::HEADING);
        let (rest, curves) = split(rest, curves::HEADING);
        let (main, steps) = split(rest, steps::HEADING);
        Self {
            main: main.to_owned(),
            steps: steps.map(str::to_owned),
            curves: curves.map(str::to_owned),
            ledger: ledger.map(str::to_owned),
        }
    }

    fn page(&self) -> String {
        let parts = [
            Some(&self.main),
            self.steps.as_ref(),
            self.curves.as_ref(),
            self.ledger.as_ref(),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().map(|part| part.trim_end()).collect();
        parts.join("\n\n") + "\n"
    }
}

/// A page before a heading, and from there on where it is there.
fn split<'a>(page: &'a str, heading: &str) -> (&'a str, Option<&'a str>) {
    match page.find(heading) {
        Some(place) => {
            let (before, section) = page.split_at(place);
            (before, Some(section))
        }
        None => (page, None),
    }
}

/// Where cargo builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn measure(paths: &mut Paths, extent: Extent) -> anyhow::Result<Results> {
    paths.fill_masked(MASKED_ROWS)?;
    let mut results = Results::default();
    for round in 1..=extent.rounds {
        for (mode_number, mode) in MODES.iter().enumerate() {
            for clients in CLIENTS {
                for way in paths.ways() {
                    let measured = statements(paths, way, mode, clients, extent)?;
                    say(&format!(
                        "round {round}  {mode:9} {clients:2} {way:10} {:8.0} tps  {:5.1} us CPU",
                        measured.tps, measured.cpu_us
                    ));
                    let runs = results.statements.entry((mode_number, clients, way)).or_default();
                    runs.push(measured);
                }
            }
        }
        for way in paths.ways() {
            let streamed = stream(paths, way)?;
            say(&format!(
                "round {round}  stream    {way:10} {:8.0} rows/s",
                streamed.rows_per_second
            ));
            results.streams.entry(way).or_default().push(streamed);
        }
    }
    latencies(paths, extent, &mut results)?;
    let before = paths.resident_peak_kib(Way::Gateway)?;
    for round in 1..=extent.rounds {
        for (number, (name, query)) in MASKED_READS.iter().enumerate() {
            for way in [Way::Direct, Way::Masked] {
                let seconds = read(paths, way, query)?;
                say(&format!("round {round}  {name:28} {way:10} {seconds:8.3} s"));
                results.masked.entry((number, way)).or_default().push(seconds);
            }
        }
    }
    results.masked_growth_kib = paths.resident_peak_kib(Way::Gateway)? - before;
    results.idle_session_kib = Some(idle_session(paths)?);
    results.crowd = Some(idle::crowd(paths, extent.crowd)?);
    Ok(results)
}

/// Reads at half of what the gateway could do, and writes.
fn latencies(paths: &Paths, extent: Extent, results: &mut Results) -> anyhow::Result<()> {
    results.fsync_us = latency::fsync(paths)?;
    let prepared = MODES.len() - 1;
    let runs = results.statements.get(&(prepared, CLIENTS[0], Way::Gateway));
    let half = report::median(runs.into_iter().flatten().map(|run| run.tps)) / 2.0;
    for round in 1..=extent.rounds {
        for way in paths.ways() {
            let read = latency::reads(paths, way, half, extent)?;
            let write = latency::writes(paths, way, extent)?;
            say(&format!(
                "round {round}  p99 {way:10} {:6.0} us read  {:6.0} us write",
                read.p99, write.p99
            ));
            results.reads.entry(way).or_default().push(read);
            results.writes.entry(way).or_default().push(write);
        }
    }
    Ok(())
}

/// What statements took, less what a run of one statement on each connection took: the logins.
fn statements(paths: &Paths, way: Way, mode: &str, clients: u32, extent: Extent) -> anyhow::Result<Measured> {
    let (_, login) = pgbench(paths, way, (mode, clients), ["--transactions", "1"])?;
    let (text, cpu) = pgbench(paths, way, (mode, clients), ["--time", &extent.seconds.to_string()])?;
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
        cpu_us: (cpu - login).max(0.0) * 1e6 / (transactions - f64::from(clients)).max(1.0),
    })
}

/// What a run said, and the CPU time in seconds that the process in between took for it.
fn pgbench(paths: &Paths, way: Way, (mode, clients): (&str, u32), extent: [&str; 2]) -> anyhow::Result<(String, f64)> {
    let before = paths.cpu_seconds(way)?;
    let output = paths
        .client(way, "pgbench")
        .args(["--select-only", "--no-vacuum", "--protocol", mode])
        .args(["--client", &clients.to_string(), "--jobs", "1"])
        .args(extent)
        .output()?;
    ensure!(
        output.status.success(),
        "pgbench, {way}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let cpu = paths.cpu_seconds(way)? - before;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), cpu))
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
    // The first ones fill what all sessions share, and stay: memory that they gave back would be used again.
    let mut sessions = open_sessions(paths, FIRST_SESSIONS)?;
    paths.wait_for_sessions(FIRST_SESSIONS)?;
    let before = paths.resident_kib(Way::Gateway)?;
    sessions.append(&mut open_sessions(paths, IDLE_SESSIONS)?);
    paths.wait_for_sessions(FIRST_SESSIONS + IDLE_SESSIONS)?;
    let after = paths.resident_kib(Way::Gateway)?;
    close_sessions(sessions)?;
    Ok((after - before).max(0.0) / f64::from(IDLE_SESSIONS))
}

fn open_sessions(paths: &Paths, number: u32) -> anyhow::Result<Vec<Child>> {
    let one = || {
        let mut psql = paths.client(Way::Gateway, "psql");
        psql.args(["--no-psqlrc", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        psql.spawn()
    };
    Ok((0..number).map(|_| one()).collect::<Result<Vec<_>, _>>()?)
}

fn close_sessions(sessions: Vec<Child>) -> anyhow::Result<()> {
    for mut session in sessions {
        drop(session.stdin.take());
        session.wait()?;
    }
    Ok(())
}
