use std::process::ExitCode;

use anyhow::Context as _;

use super::runtime;
use crate::cli::{ServeArgs, UpArgs};
use crate::logging;
use crate::options::{ConfigurationFile, GivenOptions};
use crate::run::{Running, Signals, Start};
use crate::screen::{Style, say, say_json, styled};
use crate::settings::{self, Settings};

/// `durward up`
pub(super) fn up(arguments: &UpArgs) -> anyhow::Result<ExitCode> {
    let mut given = arguments.options.0.clone();
    if let Some(url) = &arguments.url {
        given.set("upstream", url);
    }
    if let Some(file) = &arguments.upstream_file {
        let path = std::path::absolute(file).with_context(|| format!("can't find {}", file.display()))?;
        given.set("upstream", format!("file:{}", path.display()));
    }
    logging::start(&given, "warn")?;
    let settings = settings::for_one_database(&given)?;
    work(settings, Start::Alone, arguments.json)
}

/// `durward serve`
pub(super) fn serve(arguments: &ServeArgs) -> anyhow::Result<ExitCode> {
    let given: &GivenOptions = &arguments.options.0;
    let file = match &arguments.config {
        Some(path) => ConfigurationFile::read(path)?,
        None => ConfigurationFile::default(),
    };
    logging::start(&given.clone().or(&file.top), "info")?;
    let settings = settings::for_many_databases(given, &file)?;
    work(settings, Start::Service, arguments.json)
}

fn work(settings: Settings, start: Start, json: bool) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let mut running = Running::start(settings, start, Signals::listen()?).await?;
        match (json, start) {
            (true, _) => say_json(&running.ready)?,
            (false, Start::Alone) => {
                let database = running.ready.database.clone().unwrap_or_default();
                let address = running.ready.listen.join(", ");
                say(styled(
                    Style::Strong,
                    &format!("Durward stands in front of {database} at {address}."),
                ));
                say("New passwords for this run; those of earlier runs stay valid until they expire:");
                say("");
                running.ready.show();
                say("");
                say("Ctrl-C ends it.");
            }
            (false, Start::Service) => {
                tracing::info!(
                    listen = running.ready.listen.join(", "),
                    databases = running.ready.databases.join(", "),
                    certificate_sha256 = running.ready.tls.fingerprint_sha256,
                    data_dir = %running.ready.data_dir.display(),
                    "ready"
                );
            }
        }
        running.until_asked_to_stop().await;
        running.stop().await
    })?;
    Ok(ExitCode::SUCCESS)
}
