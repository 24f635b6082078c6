//! What must not make a statement dearer: policies, tables, sessions, and a long record. Drawn as `docs/benchmarks/*.svg`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, IntoDrawingArea as _, IntoLogRange as _, LineSeries, SVGBackend, WHITE,
};

use super::paths::{Paths, Way};
use super::{Extent, statements};

/// The section of `docs/benchmarks.md`.
pub(super) const HEADING: &str = "## What grows beside a statement";

/// How many policies the gateway holds.
const POLICIES: [u32; 3] = [50, 500, 5_000];
/// How many tables the database has.
const TABLES: [u32; 4] = [100, 1_000, 10_000, 50_000];
/// How many sessions are open and idle.
const SESSIONS: [u32; 3] = [1, 30, 120];
/// How many events are in the record, at least.
const EVENTS: [u32; 3] = [10_000, 300_000, 1_000_000];

/// Tables are made in batches: each holds a lock until its transaction's end.
const TABLES_IN_BATCH: u32 = 500;
/// The gateway has come to rest when it takes less of a processor than this within a second.
const RESTING_CPU_SECONDS: f64 = 0.03;
/// It has to stay so for as long as it may be between two looks at what is new.
const RESTING_SECONDS: u32 = 20;
/// How long it may take to: names and values of all tables are looked at once.
const REST_SECONDS_MAX: u64 = 900;

/// One measured line.
struct Curve {
    file: &'static str,
    grows: &'static str,
    /// How many, and microseconds of CPU for a statement.
    points: Vec<(u32, f64)>,
}

/// Measures, draws, and writes the section.
pub(super) fn section(root: &Path, paths: &mut Paths, extent: Extent) -> anyhow::Result<String> {
    let curves = [
        policies(paths, extent)?,
        sessions(paths, extent)?,
        record(paths, extent)?,
        tables(paths, extent)?,
    ];
    let directory = root.join("docs/benchmarks");
    fs::create_dir_all(&directory)?;
    let mut section = format!(
        "{HEADING}\n\nµs of the gateway's CPU for a statement of `pgbench -S` in prepared mode, 4 connections.\n"
    );
    for curve in curves {
        draw(&directory.join(curve.file), &curve)?;
        _ = writeln!(section, "\n| {} | CPU, µs |\n|---:|---:|", curve.grows);
        for (count, microseconds) in &curve.points {
            _ = writeln!(section, "| {count} | {microseconds:.1} |");
        }
        _ = writeln!(section, "\n![CPU by {}](benchmarks/{})", curve.grows, curve.file);
    }
    Ok(section)
}

fn point(paths: &Paths, way: Way, what: &str, count: u32, extent: Extent) -> anyhow::Result<(u32, f64)> {
    let measured = (0..extent.rounds)
        .map(|_| statements(paths, way, "prepared", 4, extent).map(|measured| measured.cpu_us))
        .collect::<anyhow::Result<Vec<f64>>>()?;
    let median = super::report::median(measured.into_iter());
    super::say(&format!("{count:8} {what:10} {median:6.1} us CPU"));
    Ok((count, median))
}

fn policies(paths: &mut Paths, extent: Extent) -> anyhow::Result<Curve> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("many.cedar");
    let mut points = Vec::new();
    for count in POLICIES {
        let mut text = String::new();
        for number in 0..count {
            _ = writeln!(
                text,
                "@rule(\"many-{number}\") @reason(\"one of many\") forbid (principal, action, resource) \
                 when {{ context.uses.contains(\"public.secret{number}\") }};"
            );
        }
        fs::write(&file, text)?;
        paths.open_another(&["--policy", &file.to_string_lossy()])?;
        points.push(point(paths, Way::Another, "policies", count, extent)?);
        paths.close_another();
    }
    Ok(Curve {
        file: "policies.svg",
        grows: "policies",
        points,
    })
}

fn sessions(paths: &Paths, extent: Extent) -> anyhow::Result<Curve> {
    let mut points = Vec::new();
    for count in SESSIONS {
        let idle = super::open_sessions(paths, count)?;
        paths.wait_for_sessions(count)?;
        points.push(point(paths, Way::Gateway, "sessions", count, extent)?);
        super::close_sessions(idle)?;
        paths.wait_for_sessions(0)?;
    }
    Ok(Curve {
        file: "sessions.svg",
        grows: "idle sessions",
        points,
    })
}

fn record(paths: &mut Paths, extent: Extent) -> anyhow::Result<Curve> {
    paths.open_another(&[])?;
    let mut points = Vec::new();
    for count in EVENTS {
        while paths.events(Way::Another)? < u64::from(count) {
            statements(paths, Way::Another, "prepared", 4, extent)?;
        }
        points.push(point(paths, Way::Another, "events", count, extent)?);
    }
    paths.close_another();
    Ok(Curve {
        file: "record.svg",
        grows: "events in the record",
        points,
    })
}

fn tables(paths: &Paths, extent: Extent) -> anyhow::Result<Curve> {
    paths.run("CREATE SCHEMA bench_many")?;
    let mut points = Vec::new();
    let mut made = 0;
    for count in TABLES.into_iter().filter(|count| *count <= extent.tables) {
        while made < count {
            let until = (made + TABLES_IN_BATCH).min(count);
            paths.run(&format!(
                "DO $$ BEGIN FOR n IN {made} + 1 .. {until} LOOP EXECUTE format('CREATE TABLE bench_many.t%s \
                 (id integer PRIMARY KEY, name text, amount numeric, changed timestamptz)', n); END LOOP; END $$"
            ))?;
            made = until;
        }
        let rested = rest(paths)?;
        super::say(&format!(
            "{count:8} tables: at rest after {:.0} s",
            rested.as_secs_f64()
        ));
        points.push(point(paths, Way::Gateway, "tables", count, extent)?);
    }
    Ok(Curve {
        file: "tables.svg",
        grows: "tables in the database",
        points,
    })
}

/// Waits until the gateway has read the catalog, and looked at what is new in it.
fn rest(paths: &Paths) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut quiet = 0;
    while quiet < RESTING_SECONDS {
        ensure!(
            began.elapsed() < Duration::from_secs(REST_SECONDS_MAX),
            "the gateway doesn't come to rest"
        );
        let before = paths.cpu_seconds(Way::Gateway)?;
        std::thread::sleep(Duration::from_secs(1));
        let used = paths.cpu_seconds(Way::Gateway)? - before;
        quiet = if used < RESTING_CPU_SECONDS { quiet + 1 } else { 0 };
    }
    Ok(began.elapsed())
}

fn draw(file: &Path, curve: &Curve) -> anyhow::Result<()> {
    let points: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|&(count, cpu)| (f64::from(count), cpu))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(());
    };
    let top = points.iter().map(|point| point.1).fold(0.0, f64::max) * 1.5;
    let failed = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", file.display());
    let area = SVGBackend::new(file, (560, 280)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d((first.0..last.0 * 1.2).log_scale(), 0.0..top)
        .map_err(|error| failed(&error))?;
    chart
        .configure_mesh()
        .x_desc(curve.grows)
        .y_desc("CPU for a statement, µs")
        .draw()
        .map_err(|error| failed(&error))?;
    chart
        .draw_series(LineSeries::new(points.iter().copied(), &BLACK))
        .map_err(|error| failed(&error))?;
    chart
        .draw_series(points.iter().map(|&point| Circle::new(point, 3, BLACK)))
        .map_err(|error| failed(&error))?;
    area.present().map_err(|error| failed(&error))?;
    Ok(())
}
