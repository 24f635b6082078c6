//! Repository rules as tests, and other chores: `cargo xtask …`.
#![expect(clippy::print_stdout, reason = "a command line tool")]

mod bench;
mod tidy;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Chores of this repository.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check the repository's rules: who may depend on whom, file lengths, documentation, licences
    Tidy,
    /// Measure the gateway beside direct connections, a relay and PgBouncer; writes docs/benchmarks.md
    Bench(bench::Extent),
    /// Measure a record of many events: recording, verifying, indexing, asking, reporting; writes docs/benchmarks.md
    BenchLedger {
        /// How many
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
    },
    /// Pass bytes on between two addresses: a part of the benchmark
    #[command(hide = true)]
    Relay {
        /// Where to listen
        listen: String,
        /// Where to connect
        upstream: String,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Tidy => tidy::run(&root()),
        Chore::Bench(extent) => bench::run(&root(), extent),
        Chore::BenchLedger { events } => bench::run_ledger(&root(), events),
        Chore::Relay { listen, upstream } => bench::relay(&listen, &upstream),
    }
}

/// Prints a line.
fn say(line: &str) {
    println!("{line}");
}

/// The top of the repository.
fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map_or_else(|| own.clone(), PathBuf::from)
}
