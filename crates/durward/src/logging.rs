//! Log lines: to standard error only, and never with statement texts, parameters or cells.

use std::io::{self, IsTerminal as _};

use anyhow::bail;
use tracing_subscriber::EnvFilter;

use crate::options::GivenOptions;

/// Starts logging as the options say; `filter_default` holds where they say nothing.
pub(crate) fn start(given: &GivenOptions, filter_default: &str) -> anyhow::Result<()> {
    let value = |key: &str| given.get(key).and_then(|given| given.values.first());
    let filter = value("log").map_or(filter_default, String::as_str);
    let filter =
        EnvFilter::try_new(filter).map_err(|error| anyhow::anyhow!("log: {filter:?} is no filter: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let colourful = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match value("log_format").map_or("text", String::as_str) {
        "text" => builder.with_ansi(colourful).with_target(false).init(),
        "json" => builder.json().init(),
        other => bail!("log_format: {other:?} is neither text nor json"),
    }
    Ok(())
}
