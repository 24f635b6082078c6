//! The page of results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::latency::Latency;
use super::paths::{Paths, Way};
use super::{
    CLIENTS, Extent, IDLE_SESSIONS, MASKED_READS, MASKED_ROWS, MODES, Measured, Results, STREAMED_ROWS, goals,
};

/// Writes the page `docs/benchmarks.md`, as far as the sections that are measured by themselves.
pub(super) fn page(results: &Results, paths: &Paths, extent: Extent) -> String {
    let mut page = format!(
        "# Benchmarks\n\n<!-- Written by `make bench`. -->\n\n\
         What it costs to have the gateway in between: one run on one machine ({}), PostgreSQL {}, commit {}, all processes \
         on it sharing its {} processors, connections over loopback without TLS, everything on in the gateway (facts, policies, \
         record). Medians of {} rounds of {} seconds each; in brackets the ratio to a plain relay, which copies bytes and looks \
         at nothing. CPU is that of the whole process in between, by /proc.\n\n## Goals\n\n{}",
        processor(),
        paths.server_version,
        commit(),
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        extent.rounds,
        extent.seconds,
        goals::table(results),
    );
    for (number, mode) in MODES.iter().enumerate() {
        for clients in CLIENTS {
            statements(results, paths, (number, mode, clients), &mut page);
        }
    }
    latencies(results, paths, &mut page);
    _ = writeln!(page, "\n## {STREAMED_ROWS} rows by COPY TO STDOUT\n");
    _ = writeln!(page, "| way | rows/s | memory grew by at most, KiB |\n|---|---:|---:|");
    let rows = |way: Way| {
        results
            .streams
            .get(&way)
            .map(|runs| median(runs.iter().map(|run| run.rows_per_second)))
    };
    for way in paths.ways() {
        let growth = results
            .streams
            .get(&way)
            .map(|runs| runs.iter().map(|run| run.growth_kib).fold(0.0, f64::max));
        let growth = growth
            .filter(|_| way != Way::Direct)
            .map_or_else(|| "–".to_owned(), |kib| format!("{kib:.0}"));
        _ = writeln!(page, "| {way} | {} | {growth} |", shown(rows(way), rows(Way::Relay), 0));
    }
    masked(results, &mut page);
    if let Some(kib) = results.idle_session_kib {
        _ = writeln!(
            page,
            "\n## An idle session\n\n{kib:.0} KiB of the gateway's memory (mean of {IDLE_SESSIONS} more sessions)."
        );
    }
    if let Some(crowd) = results.crowd {
        _ = writeln!(
            page,
            "\n## {} idle sessions\n\n{:.0} MiB for the whole gateway, before a stand-in that says to each what the server \
             said to the first.",
            crowd.sessions,
            crowd.resident_kib / 1024.0
        );
    }
    page
}

fn statements(results: &Results, paths: &Paths, (number, mode, clients): (usize, &str, u32), page: &mut String) {
    _ = writeln!(page, "\n## pgbench -S, {mode} mode, {clients} connections\n");
    _ = writeln!(
        page,
        "| way | statements/s | latency, ms | CPU for a statement, µs |\n|---|---:|---:|---:|"
    );
    let median_of = |way: Way, value: fn(&Measured) -> f64| {
        let runs = results.statements.get(&(number, clients, way));
        runs.map(|runs| median(runs.iter().map(value)))
    };
    for way in paths.ways() {
        let cell = |value: fn(&Measured) -> f64, digits: usize| {
            shown(median_of(way, value), median_of(Way::Relay, value), digits)
        };
        let cpu = if way == Way::Direct {
            "–".to_owned()
        } else {
            cell(|run| run.cpu_us, 1)
        };
        _ = writeln!(
            page,
            "| {way} | {} | {} | {cpu} |",
            cell(|run| run.tps, 0),
            cell(|run| run.latency_ms, 3)
        );
    }
}

fn latencies(results: &Results, paths: &Paths, page: &mut String) {
    _ = writeln!(
        page,
        "\n## Time of a statement, µs\n\nPrepared, 4 connections: reads of one row by its key at half of the rate that the \
         gateway reached, and changes of one as fast as they go, each intent on disk before its statement is sent.\n\n\
         | way | read, median | read, p99 | change, median | change, p99 |\n|---|---:|---:|---:|---:|"
    );
    for way in paths.ways() {
        let cell = |all: &BTreeMap<Way, Vec<Latency>>, value: fn(&Latency) -> f64| {
            let of = |way: Way| all.get(&way).map(|runs| median(runs.iter().map(value)));
            shown(of(way), of(Way::Relay), 0)
        };
        _ = writeln!(
            page,
            "| {way} | {} | {} | {} | {} |",
            cell(&results.reads, |run| run.p50),
            cell(&results.reads, |run| run.p99),
            cell(&results.writes, |run| run.p50),
            cell(&results.writes, |run| run.p99),
        );
    }
}

fn masked(results: &Results, page: &mut String) {
    _ = writeln!(
        page,
        "\n## {MASKED_ROWS} rows of four columns, by a person who sees masks\n\n\
         In brackets the ratio to a direct connection. Durward grew by at most {:.0} KiB.\n\n\
         | read | direct, s | Durward, s |\n|---|---:|---:|",
        results.masked_growth_kib
    );
    for (number, (name, query)) in MASKED_READS.iter().enumerate() {
        let seconds = |way: Way| {
            results
                .masked
                .get(&(number, way))
                .map(|runs| median(runs.iter().copied()))
        };
        let direct = seconds(Way::Direct);
        _ = writeln!(
            page,
            "| {name}: `{query}` | {} | {} |",
            shown(direct, None, 2),
            shown(seconds(Way::Masked), direct, 2)
        );
    }
}

fn shown(own: Option<f64>, relay: Option<f64>, digits: usize) -> String {
    match (own, relay) {
        (Some(own), Some(relay)) if relay > 0.0 => format!("{own:.digits$} ({:.2})", own / relay),
        (Some(own), _) => format!("{own:.digits$}"),
        (None, _) => "–".to_owned(),
    }
}

pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(super) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    model.map_or_else(|| "unknown processor".to_owned(), |model| model.trim().to_owned())
}

/// What was measured, as far as git knows.
fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.ok()
        .filter(|said| !said.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
