use std::process::ExitCode;

use anyhow::Context as _;
use durward_identity::{Directory, SystemClock};
use durward_policy::PolicySnapshot;
use durward_session::Database;
use durward_sql::Analyzer;

use super::{runtime, text_or_input};
use crate::cli::ExplainArgs;
use crate::control::{NoGateway, Request, ask, find_gateway};
use crate::explain::{Report, explain, principal};
use crate::options::DataDirectoryOption;
use crate::screen::say_json;
use crate::settings;

/// Asks the running gateway, or, where the database's address is given, does it alone. Exit code 1 means refused.
pub(super) fn run(arguments: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let sql = text_or_input(&arguments.sql)?;
    let report = if arguments.options.0.get("upstream").is_some() {
        alone(arguments, &sql)?
    } else {
        let data_dir = find_gateway(&DataDirectoryOption(arguments.options.0.clone()))?;
        let request = Request::Explain {
            database: arguments.database.clone(),
            sql,
            principal: arguments.principal.clone(),
        };
        let answer = ask(&data_dir, &request).map_err(|error| {
            let alone = "start one, or give the database's address by --upstream";
            if error.is::<NoGateway>() {
                anyhow::anyhow!("{error}: {alone}")
            } else {
                error
            }
        })?;
        serde_json::from_value(answer)?
    };
    if arguments.json {
        say_json(&report)?;
    } else {
        report.show();
    }
    Ok(if report.passes() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn alone(arguments: &ExplainArgs, sql: &str) -> anyhow::Result<Report> {
    let settings = settings::for_one_database(&arguments.options.0)?;
    let policy = PolicySnapshot::load(&settings.policy.read()?)?;
    let directory = settings
        .data_dir
        .is_dir()
        .then(|| Directory::open(&settings.data_dir, std::sync::Arc::new(SystemClock)))
        .transpose()?;
    let principal = principal(directory.as_deref(), &arguments.principal)?;
    let analyzer = Analyzer::new(settings.analysis)?;
    let database = settings.databases.into_iter().next().context("no database is given")?;
    let database = Database::new(
        arguments.database.as_str().into(),
        database.target,
        database.context,
        false,
    );
    runtime()?.block_on(explain(&analyzer, (&policy, None), &database, &principal, sql))
}
