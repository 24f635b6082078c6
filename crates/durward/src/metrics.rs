//! Figures for Prometheus: text by HTTP, on an address of its own, which is off unless asked for.
//!
//! No statement, name or address is in them, and nobody is asked who he is: what may reach the address may read them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use durward_session::Gateway;
use durward_session::metrics::{CLASSES, OVERHEAD_BOUNDS};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The longest request. Unit: bytes. Reason: a line and some headers.
const REQUEST_BYTES_MAX: usize = 8 << 10;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many are answered at a time; others wait.
const REQUESTS_MAX: usize = 8;

/// Answers until dropped. Cancel safe: yes.
pub(crate) async fn serve(gateway: Arc<Gateway>, listener: TcpListener) {
    let permits = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let gateway = Arc::clone(&gateway);
                tokio::spawn(async move {
                    let _permit = permit;
                    // Whoever asked may ask again.
                    tokio::time::timeout(PATIENCE, answer(&gateway, stream)).await.ok();
                });
            }
            Err(error) => {
                tracing::warn!(%error, "metrics");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer(gateway: &Gateway, mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await?;
        if read == 0 || request.len() > REQUEST_BYTES_MAX {
            return Ok(());
        }
        request.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let (status, body) = match words.as_slice() {
        [b"GET", b"/metrics", _] => ("200 OK", text(gateway)),
        [b"GET", _, _] => ("404 Not Found", "the figures are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Figures in the making (the text format of Prometheus, version 0.0.4).
#[derive(Default)]
struct Figures(String);

impl Figures {
    fn about(&mut self, name: &str, kind: &str, help: &str) {
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: &str) {
        // A String takes every write.
        writeln!(self.0, "{line}").ok();
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.about(name, kind, help);
        self.line(&format!("{name} {value}"));
    }
}

fn text(gateway: &Gateway) -> String {
    let totals = gateway.metrics.totals();
    let mut figures = Figures::default();
    figures.about("durward_build_info", "gauge", "The program that runs.");
    figures.line(&format!(
        "durward_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    ));
    figures.about(
        "durward_statements_total",
        "counter",
        "Statements that were permitted and run, or refused, by their class.",
    );
    for (verdict, counts) in [("permitted", &totals.permitted), ("refused", &totals.refused)] {
        for (class, count) in CLASSES.iter().zip(counts) {
            figures.line(&format!(
                "durward_statements_total{{class=\"{class}\",verdict=\"{verdict}\"}} {count}"
            ));
        }
    }
    figures.about(
        "durward_overhead_seconds",
        "histogram",
        "Time of a message in the gateway before it was forwarded or refused, the record's flush included, waiting for people not.",
    );
    let mut below = 0;
    for (bound, count) in OVERHEAD_BOUNDS.iter().zip(&totals.overhead) {
        below += count;
        let seconds = std::time::Duration::from_micros(*bound).as_secs_f64();
        figures.line(&format!("durward_overhead_seconds_bucket{{le=\"{seconds}\"}} {below}"));
    }
    let all: u64 = totals.overhead.iter().sum();
    figures.line(&format!("durward_overhead_seconds_bucket{{le=\"+Inf\"}} {all}"));
    let sum = Duration::from_nanos(totals.overhead_nanoseconds).as_secs_f64();
    figures.line(&format!("durward_overhead_seconds_sum {sum}"));
    figures.line(&format!("durward_overhead_seconds_count {all}"));
    for (name, help, value) in [
        (
            "durward_holds_total",
            "Statements that were held for approval.",
            totals.held,
        ),
        (
            "durward_masked_cells_total",
            "Cells that were masked on their way out.",
            totals.masked_cells,
        ),
        (
            "durward_upstream_errors_total",
            "Errors by which servers answered statements.",
            totals.upstream_errors,
        ),
        ("durward_logins_total", "Sessions that were started.", totals.logins),
        (
            "durward_logins_refused_total",
            "Logins that were refused.",
            totals.logins_refused,
        ),
    ] {
        figures.one(name, "counter", help, value);
    }
    gauges(gateway, &mut figures);
    figures.0
}

fn gauges(gateway: &Gateway, figures: &mut Figures) {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let open = gateway
        .approvals
        .list()
        .iter()
        .filter(|request| request.state.is_open())
        .count();
    let ledger = gateway.ledger.status();
    figures.one(
        "durward_ledger_events_total",
        "counter",
        "Events in the record.",
        ledger.events,
    );
    for (name, help, value) in [
        (
            "durward_sessions",
            "Sessions that are open.",
            count(gateway.sessions.list().len()),
        ),
        (
            "durward_approvals_open",
            "Requests for approval that wait or may run.",
            count(open),
        ),
        (
            "durward_undo_kept_overdue",
            "Schemas with what was kept aside for undo whose days are over and that couldn't be removed.",
            gateway
                .undo
                .as_ref()
                .map_or(0, |undo| undo.overdue.load(Ordering::Relaxed)),
        ),
        (
            "durward_ledger_unsynced_events",
            "Events that are not yet known to be on disk.",
            ledger.events.saturating_sub(ledger.durable_events),
        ),
        (
            "durward_ledger_unsigned_events",
            "Events that no checkpoint covers yet.",
            ledger.events.saturating_sub(ledger.signed_events),
        ),
        (
            "durward_ledger_index_lag_events",
            "Events that the search index lacks.",
            ledger.index_lag_events,
        ),
        (
            "durward_ledger_index_failed",
            "Whether the search index no longer follows.",
            u64::from(ledger.index_failed.is_some()),
        ),
        (
            "durward_ledger_low_space",
            "Whether statements are refused because the disk is nearly full.",
            u64::from(ledger.low_space),
        ),
        (
            "durward_ledger_failed",
            "Whether the record has failed, so that every statement is refused.",
            u64::from(ledger.failed.is_some()),
        ),
    ] {
        figures.one(name, "gauge", help, value);
    }
}
