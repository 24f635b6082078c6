//! What was aimed at, and what was measured. What isn't reached names what stands in the way, as profiles show it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::paths::Way;
use super::report::median;
use super::{CLIENTS, IDLE_SESSIONS, MODES, Measured, Results, Streamed};

/// One goal.
struct Goal {
    what: String,
    /// A bound, and whether more is better.
    bound: Bound,
    measured: Option<f64>,
    unit: &'static str,
    /// What stands in the way.
    obstacle: Cow<'static, str>,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const FLOOR: &str = "by perf three quarters of its time are the kernel's, as most of the relay's is: two sends, two receives \
                     and the write of the intent for a statement (a futex call for one in twenty); a quarter is its own code, \
                     where nothing stands out";
const EXTENDED: &str = "a text that is prepared anew each time is digested, looked up among the analyses and decided on before its \
                        run is decided on as well, and brings three messages more each way";
const SHARED: &str = "client, server, gateway and its recording threads share two processors: what the gateway uses is taken \
                      from the others";
const FSYNC: &str = "intents are flushed in groups: one that comes while a flush is under way waits for the next, so that the \
                     mean is one and a half, and the database's own flush goes to the same disk meanwhile; a file that is \
                     written in advance, as the server's log is, saves a third of a flush by itself, but a tenth where both \
                     logs are busy";

/// The table of goals.
pub(super) fn table(results: &Results) -> String {
    let mut table = "| goal | at most (≤) or least (≥) | measured | |\n|---|---:|---:|---|\n".to_owned();
    for goal in all(results) {
        let (bound, is_met) = match goal.bound {
            Bound::AtMost(bound) => (format!("≤ {bound}"), goal.measured.map(|measured| measured <= bound)),
            Bound::AtLeast(bound) => (format!("≥ {bound}"), goal.measured.map(|measured| measured >= bound)),
        };
        let measured = goal
            .measured
            .map_or_else(|| "–".to_owned(), |measured| format!("{measured:.2}"));
        let verdict = match is_met {
            Some(true) => "met".to_owned(),
            Some(false) => format!("missed: {}", goal.obstacle),
            None => "not measured".to_owned(),
        };
        _ = writeln!(
            table,
            "| {} | {bound} {} | {measured} | {verdict} |",
            goal.what, goal.unit
        );
    }
    table
}

fn all(results: &Results) -> Vec<Goal> {
    let runs = |mode: usize, clients: u32, way: Way, value: fn(&Measured) -> f64| {
        let runs = results.statements.get(&(mode, clients, way))?;
        Some(median(runs.iter().map(value)))
    };
    let mut goals = Vec::new();
    for (mode, name) in MODES.iter().enumerate() {
        let cpu = |way| runs(mode, CLIENTS[0], way, |run| run.cpu_us);
        let is_prepared = mode + 1 == MODES.len();
        goals.push(Goal {
            what: format!("CPU of a statement, {name} mode, to the relay's"),
            bound: Bound::AtMost(if is_prepared { 1.25 } else { 1.35 }),
            measured: ratio(cpu(Way::Gateway), cpu(Way::Relay)),
            unit: "×",
            obstacle: if *name == "extended" { EXTENDED } else { FLOOR }.into(),
        });
    }
    goals.push(Goal {
        what: "CPU of an unseen text of a known shape (simple mode)".to_owned(),
        bound: Bound::AtMost(60.0),
        measured: runs(0, CLIENTS[0], Way::Gateway, |run| run.cpu_us),
        unit: "µs",
        obstacle: FLOOR.into(),
    });
    for clients in CLIENTS {
        let tps = |way| runs(MODES.len() - 1, clients, way, |run| run.tps);
        goals.push(Goal {
            what: format!("statements a second, prepared mode, {clients} connections, to PgBouncer's"),
            bound: Bound::AtLeast(0.95),
            measured: ratio(tps(Way::Gateway), tps(Way::PgBouncer)),
            unit: "×",
            obstacle: throughput(ratio(tps(Way::Relay), tps(Way::PgBouncer))).into(),
        });
    }
    let at =
        |runs: &std::collections::BTreeMap<Way, Vec<super::Latency>>, way: Way, value: fn(&super::Latency) -> f64| {
            runs.get(&way).map(|runs| median(runs.iter().map(value)))
        };
    let added = |own: Option<f64>, other: Option<f64>| Some(own? - other?);
    goals.push(Goal {
        what: "p99 of a read at half load, above the relay's".to_owned(),
        bound: Bound::AtMost(100.0),
        measured: added(
            at(&results.reads, Way::Gateway, |run| run.p99),
            at(&results.reads, Way::Relay, |run| run.p99),
        ),
        unit: "µs",
        obstacle: SHARED.into(),
    });
    goals.push(Goal {
        what: format!(
            "median of a change whose intent is on disk, above the relay's, in flushes of this disk ({:.0} µs)",
            results.fsync_us
        ),
        bound: Bound::AtMost(1.0),
        measured: added(
            at(&results.writes, Way::Gateway, |run| run.p50),
            at(&results.writes, Way::Relay, |run| run.p50),
        )
        .map(|added| added / results.fsync_us),
        unit: "flushes",
        obstacle: FSYNC.into(),
    });
    let rows =
        |way: Way, value: fn(&Streamed) -> f64| results.streams.get(&way).map(|runs| median(runs.iter().map(value)));
    goals.push(Goal {
        what: "rows a second of a long result, to the relay's".to_owned(),
        bound: Bound::AtLeast(0.95),
        measured: ratio(
            rows(Way::Gateway, |run| run.rows_per_second),
            rows(Way::Relay, |run| run.rows_per_second),
        ),
        unit: "×",
        obstacle: SHARED.into(),
    });
    let masked = |way: Way| results.masked.get(&(0, way)).map(|runs| median(runs.iter().copied()));
    goals.push(Goal {
        what: "two masked columns of four, to the direct read".to_owned(),
        bound: Bound::AtMost(2.0),
        measured: ratio(masked(Way::Masked), masked(Way::Direct)),
        unit: "×",
        obstacle: SHARED.into(),
    });
    goals.push(Goal {
        what: "memory of a session that reads them".to_owned(),
        bound: Bound::AtMost(64.0),
        measured: Some(results.masked_growth_kib / 1024.0),
        unit: "MiB",
        obstacle: SHARED.into(),
    });
    goals.push(Goal {
        what: format!("memory of an idle session (mean of {IDLE_SESSIONS})"),
        bound: Bound::AtMost(48.0),
        measured: results.idle_session_kib,
        unit: "KiB",
        obstacle: SHARED.into(),
    });
    let crowd = results.crowd.as_ref();
    goals.push(Goal {
        what: format!(
            "memory of the whole gateway with {} idle sessions, before a stand-in for the server",
            crowd.map_or(0, |crowd| crowd.sessions)
        ),
        bound: Bound::AtMost(300.0),
        measured: crowd.map(|crowd| crowd.resident_kib / 1024.0),
        unit: "MiB",
        obstacle: SHARED.into(),
    });
    goals
}

/// Why fewer statements pass than through PgBouncer, of which the relay passes this share.
fn throughput(relay: Option<f64>) -> String {
    let relay = relay.map_or_else(String::new, |relay| {
        format!(" (the relay, which looks at nothing, reaches {relay:.2} ×)")
    });
    format!("{SHARED}, and PgBouncer takes less than the relay{relay}; {FLOOR}")
}

fn ratio(own: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(own? / other?)
}
