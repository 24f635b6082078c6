use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{Answer, Request};
use crate::options::DataDirectoryOption;
use crate::settings::data_home;

/// The socket within a data directory.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// No gateway runs on a data directory.
#[derive(Debug, thiserror::Error)]
#[error("no gateway runs on {0}")]
pub(crate) struct NoGateway(pub(crate) String);

/// Asks the gateway that runs on `data_dir`.
///
/// # Errors
/// [`NoGateway`] when none runs there; else what the gateway answered.
pub(crate) fn ask(data_dir: &Path, request: &Request) -> anyhow::Result<serde_json::Value> {
    let mut stream = match UnixStream::connect(socket_path(data_dir)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Err(NoGateway(data_dir.display().to_string()).into());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("can't ask the gateway at {}", data_dir.display()));
        }
    };
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .context("the gateway gave no answer")?;
    match serde_json::from_str(&answer).context("the gateway gave no answer")? {
        Answer::Ok(value) => Ok(value),
        Answer::Error(reason) => bail!(reason),
    }
}

/// The data directory that a command is about: the one given, else that of the one gateway that runs under this user's
/// data home.
///
/// # Errors
/// When none is given and not exactly one runs.
pub(crate) fn find_gateway(option: &DataDirectoryOption) -> anyhow::Result<PathBuf> {
    if let Some(given) = option.0.get("data_dir").and_then(|given| given.values.first()) {
        return Ok(PathBuf::from(given));
    }
    let home = data_home()?;
    let entries = std::fs::read_dir(&home)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut all: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    all.sort();
    let runs = |path: &PathBuf| UnixStream::connect(socket_path(path)).is_ok();
    let mut running: Vec<PathBuf> = all.iter().filter(|path| runs(path)).cloned().collect();
    let candidates = if running.is_empty() { &mut all } else { &mut running };
    match candidates.as_mut_slice() {
        [one] => Ok(std::mem::take(one)),
        [] => bail!(
            "no gateway has kept anything in {}: say which one you mean by --data-dir",
            home.display()
        ),
        several => {
            let names: Vec<String> = several.iter().map(|path| format!("  {}", path.display())).collect();
            bail!(
                "there are several; say which one you mean by --data-dir:\n{}",
                names.join("\n")
            )
        }
    }
}
