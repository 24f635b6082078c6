//! The page of results.

use std::fmt::Write as _;
use std::fs;

use super::paths::{Paths, Way};
use super::{Extent, IDLE_SESSIONS, MASKED_READS, MASKED_ROWS, MODES, Measured, Results, STREAMED_ROWS};

/// Writes the page `docs/benchmarks.md`.
pub(super) fn page(results: &Results, paths: &Paths, extent: Extent) -> String {
    let mut page = format!(
        "# Benchmarks\n\n<!-- Written by `make bench`. -->\n\n\
         What it costs to have the gateway in between: one run on one machine ({}), PostgreSQL {}, all processes on it \
         sharing its {} processors, connections over loopback without TLS, everything on in the gateway (facts, policies, \
         record). Medians of {} rounds of {} seconds with {} connections each; in brackets the ratio to a plain relay, \
         which copies bytes and looks at nothing. CPU is that of the whole process in between, by /proc.\n",
        processor(),
        paths.server_version,
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        extent.rounds,
        extent.seconds,
        extent.clients,
    );
    for (number, mode) in MODES.iter().enumerate() {
        _ = writeln!(page, "\n## pgbench -S, {mode} mode\n");
        _ = writeln!(
            page,
            "| way | statements/s | latency, ms | CPU for a statement, µs |\n|---|---:|---:|---:|"
        );
        let median_of = |way: Way, value: fn(&Measured) -> f64| {
            results
                .statements
                .get(&(number, way))
                .map(|runs| median(runs.iter().map(value)))
        };
        for way in paths.ways() {
            let cell = |value: fn(&Measured) -> f64, digits: usize| {
                let (own, relay) = (median_of(way, value), median_of(Way::Relay, value));
                shown(own, relay, digits)
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
    page
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

fn median(values: impl Iterator<Item = f64>) -> f64 {
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
