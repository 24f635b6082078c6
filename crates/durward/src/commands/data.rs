use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use durward_audit::{Administration, Event, Ledger, LedgerOptions};
use durward_session::{ColumnPath, Database, KeptLabels, LabelChoice};

use super::runtime;
use crate::cli::{DataCommand, MapArgs};
use crate::control::{NoGateway, Request, ask, find_gateway, user_name};
use crate::data_map::{self, Choice, ColumnReport};
use crate::options::DataDirectoryOption;
use crate::screen::{complain, say};
use crate::settings;

/// How long a database is looked at directly.
///
/// Unit: seconds. Reason: some thousand tables; what there is no time for is shown as undecided.
const DIRECT_SECONDS_MAX: Duration = Duration::from_secs(120);

/// `durward data …`
pub(super) fn run(command: &DataCommand) -> anyhow::Result<ExitCode> {
    match command {
        DataCommand::Map(arguments) => map(arguments)?,
        DataCommand::Label {
            database,
            column,
            label,
            data_dir,
        } => self::label(&find_gateway(data_dir)?, database, column, label)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn map(arguments: &MapArgs) -> anyhow::Result<()> {
    let choice = Choice {
        table: arguments.table.clone(),
        all: arguments.all,
    };
    let columns = match arguments.database.as_deref() {
        Some(url) if is_url(url) => direct(arguments, url)?,
        database => {
            let data_dir = find_gateway(&DataDirectoryOption(arguments.options.0.clone()))?;
            of_gateway(&data_dir, database)?
        }
    };
    data_map::show(&columns, &choice, arguments.json)
}

fn is_url(text: &str) -> bool {
    ["postgres://", "postgresql://", "env:", "file:"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// Surveys a database without a gateway; nothing is kept.
fn direct(arguments: &MapArgs, url: &str) -> anyhow::Result<Vec<ColumnReport>> {
    let mut given = arguments.options.0.clone();
    given.set("upstream", url);
    let settings = settings::for_one_database(&given)?;
    let database = settings.databases.into_iter().next().context("no database is given")?;
    let database = Database::new(database.name, database.target, database.context, false);
    let report = runtime()?.block_on(async {
        let catalog = database.catalog.refresh().await.context("can't read the catalog")?;
        anyhow::Ok(database.labels.survey(&catalog, DIRECT_SECONDS_MAX).await?)
    })?;
    if report.left > 0 {
        complain(format_args!("there was no time to look into {} tables", report.left));
    }
    let snapshot = database.labels.current();
    let relations = snapshot.relations().map(|(_, labels)| &**labels);
    Ok(data_map::report(database.name.as_str(), relations))
}

/// What the gateway of a data directory knows, or knew when it last ran.
fn of_gateway(data_dir: &Path, database: Option<&str>) -> anyhow::Result<Vec<ColumnReport>> {
    let request = Request::DataMap {
        database: database.map(str::to_owned),
    };
    match ask(data_dir, &request) {
        Err(error) if error.is::<NoGateway>() && data_dir.is_dir() => {}
        answer => return Ok(serde_json::from_value(answer?)?),
    }
    let mut columns = Vec::new();
    let mut known = Vec::new();
    for kept in KeptLabels::all(data_dir)? {
        let name = kept.database().to_string();
        if database.is_none_or(|wanted| wanted == name) {
            let relations = kept.relations().map(|(_, labels)| &**labels);
            columns.extend(data_map::report(&name, relations));
        }
        known.push(name);
    }
    if let Some(wanted) = database.filter(|wanted| !known.iter().any(|name| name == wanted)) {
        bail!("nothing is kept of a database {wanted}; there is {}", known.join(", "));
    }
    Ok(columns)
}

fn label(data_dir: &Path, database: &str, column: &str, label: &str) -> anyhow::Result<()> {
    let request = Request::LabelColumn {
        database: database.to_owned(),
        column: column.to_owned(),
        label: label.to_owned(),
    };
    let answer = match ask(data_dir, &request) {
        Err(error) if error.is::<NoGateway>() && data_dir.is_dir() => label_alone(data_dir, database, column, label)?,
        answer => serde_json::from_value(answer?)?,
    };
    say(data_map::sentence(&answer, &LabelChoice::of_word(label)));
    Ok(())
}

/// Where no gateway runs: on its files, and recorded there.
fn label_alone(data_dir: &Path, database: &str, column: &str, label: &str) -> anyhow::Result<String> {
    let choice = LabelChoice::of_word(label);
    let all = KeptLabels::all(data_dir)?;
    let mut kept = all
        .into_iter()
        .find(|kept| kept.database().as_str() == database)
        .with_context(|| format!("nothing is kept of a database {database}"))?;
    let column: ColumnPath = kept.resolve(&column.parse()?, &choice)?;
    let ledger_dir = data_dir.join("ledger");
    let ledger = Ledger::open(&ledger_dir, LedgerOptions::default())
        .with_context(|| format!("can't open the record in {}", ledger_dir.display()))?;
    let by = user_name(std::fs::metadata("/proc/self")?.uid());
    ledger.record(&Event::Administration(Administration {
        by: by.clone(),
        action: "data_label".to_owned(),
        object: data_map::object(database, &column.to_string(), &choice),
    }))?;
    let told = kept.tell(&column, &choice, &by);
    ledger.close()?;
    told?;
    Ok(column.to_string())
}
