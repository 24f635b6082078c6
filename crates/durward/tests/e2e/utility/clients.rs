//! Real drivers: each runs all cases as one session and tells what it made of each result (`tests/clients/utility_*`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use durward_testkit::Access;
use serde::Deserialize;

use crate::support;

/// How long one driver may take for all cases, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A driver, and how it asks for results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) driver: &'static str,
    /// `text` or `binary`.
    pub(crate) format: &'static str,
    /// Different values come out as different ones. node-postgres reads binary values as UTF-8 before it decodes them, with
    /// and without a gateway, so that many numbers and dates come out alike.
    pub(crate) is_exact: bool,
}

const fn way(driver: &'static str, format: &'static str, is_exact: bool) -> Way {
    Way {
        driver,
        format,
        is_exact,
    }
}

/// All drivers; asyncpg knows one format only.
pub(crate) const WAYS: &[Way] = &[
    way("psycopg", "text", true),
    way("psycopg", "binary", true),
    way("asyncpg", "binary", true),
    way("node-postgres", "text", true),
    way("node-postgres", "binary", false),
    way("pgjdbc", "text", true),
    way("pgjdbc", "binary", true),
];

/// What a driver told of one step.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Told {
    case: usize,
    step: usize,
    /// The server's code, or the name of the driver's own exception.
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) command: Option<String>,
    pub(crate) columns: Option<Vec<Described>>,
    #[serde(default)]
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What a COPY gave.
    pub(crate) copied: Option<String>,
}

/// A result's column as the driver describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    /// The type's number, or what the driver calls it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The numbers of table and column, where the driver tells them; 0 where there are none.
    pub(crate) table: Option<u32>,
    pub(crate) column: Option<i16>,
}

/// What kind of value the driver made, and which; nothing for NULL.
pub(crate) type Cell = Option<(String, String)>;

/// Runs all cases of a file, and gives what was told by case and step.
pub(crate) fn run(Way { driver, format, .. }: Way, cases: &Path, access: &Access) -> BTreeMap<(usize, usize), Told> {
    let mut command = command(driver, access);
    command.arg(cases).arg(format).env("PGSSLMODE", "disable");
    let outcome = support::run(&mut command, PATIENCE);
    assert!(
        outcome.succeeded(),
        "{driver}, {format}: {}\n{}",
        outcome.status,
        outcome.stderr
    );
    let told = outcome.stdout.lines().map(|line| {
        let told: Told = serde_json::from_str(line).unwrap_or_else(|error| panic!("{driver}: {error}: {line}"));
        ((told.case, told.step), told)
    });
    told.collect()
}

fn command(driver: &str, access: &Access) -> Command {
    match driver {
        "psycopg" | "asyncpg" => {
            let mut command = support::command(support::prepared("python/venv/bin/python"), access);
            let script = support::tests("clients").join(format!("utility_{driver}.py"));
            command.arg("-B").arg(script);
            command
        }
        "node-postgres" => {
            let mut command = support::command("node", access);
            command
                .arg(support::tests("clients/utility_node.js"))
                .env("NODE_PATH", support::prepared("node/node_modules"));
            command
        }
        "pgjdbc" => {
            let folder = support::prepared("jdbc");
            let classes = format!("{}:{}/postgresql.jar", folder.display(), folder.display());
            let mut command = support::command("java", access);
            command.args([
                "-XX:TieredStopAtLevel=1",
                "-Dfile.encoding=UTF-8",
                "-cp",
                &classes,
                "UtilityJdbc",
            ]);
            command
        }
        other => panic!("no driver: {other}"),
    }
}
