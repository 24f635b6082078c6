//! The Durward binary: configuration, wiring, signals, command line, demo.
//!
//! It alone knows files, flags, signals and terminals; what a gateway does is in the crates below it.
//!
//! The three types to know: `Settings` (options, resolved), `Running` (a gateway at work) and `Cli` (what was asked for).

mod access;
mod approvals;
mod assemble;
mod change_set;
mod cli;
mod commands;
mod control;
mod data_map;
mod demo;
mod explain;
mod identities;
mod key_file;
mod logging;
mod metrics;
mod options;
mod policies;
mod run;
mod screen;
mod settings;
mod store;
mod undo;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            screen::complain(format_args!("durward: {error:#}"));
            ExitCode::from(2)
        }
    }
}
