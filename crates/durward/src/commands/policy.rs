use std::path::PathBuf;
use std::process::ExitCode;

use durward_policy::{PolicySnapshot, built_in_files, schema_text};

use crate::cli::PolicyCommand;
use crate::screen::{complain, say, say_raw};
use crate::settings::PolicyPlace;

/// `durward policy …`
pub(super) fn run(command: &PolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Check {
            files,
            without_default_pack,
        } => check(files, !without_default_pack),
        PolicyCommand::Show { schema: true } => {
            say_raw(&schema_text());
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Show { schema: false } => {
            for file in built_in_files() {
                say(format!("// {}\n\n{}", file.name, file.text));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(files: &[PathBuf], default_pack: bool) -> anyhow::Result<ExitCode> {
    let place = PolicyPlace {
        paths: files.to_vec(),
        default_pack,
        databases: Vec::new(),
    };
    match PolicySnapshot::load(&place.read()?) {
        Ok(snapshot) => {
            say(format!("{} rules are in order", snapshot.rules_count()));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            complain(error);
            Ok(ExitCode::FAILURE)
        }
    }
}
