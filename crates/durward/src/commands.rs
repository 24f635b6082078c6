//! What each command does.

mod access;
mod approvals;
mod audit;
mod change;
mod data;
mod evidence;
mod explain;
mod gateway;
mod identities;
mod policy;
mod sessions;
mod undo;

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::Command;
use crate::demo;

/// Runs a command. The exit code is 0 when it did what it was asked to and the answer is good.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Up(arguments) => gateway::up(&arguments),
        Command::Serve(arguments) => gateway::serve(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Sessions(command) => sessions::run(&command),
        Command::Access(command) => access::run(&command),
        Command::Approvals(command) => approvals::run(&command),
        Command::Undo(command) => undo::run(&command),
        Command::Change(command) => change::run(&command),
        Command::Identities(command) => identities::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Evidence(command) => evidence::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Data(command) => data::run(&command),
    }
}

/// The text that was given, or standard input for `-`.
pub(crate) fn text_or_input(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("can't read standard input")?;
    Ok(text)
}

/// The runtime that everything asynchronous runs on.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
