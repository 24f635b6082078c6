//! `durward audit witness`: has a witness sign that the record has only grown.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use durward_audit::{WitnessKey, WitnessRequest};
use reqwest::StatusCode;

use super::{detail, moment};
use crate::commands::runtime;
use crate::screen::{Style, complain, say, styled};

/// How long a witness may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a witness that has seen something else meanwhile is asked again.
const TRIES: u32 = 3;
/// The longest answer.
///
/// Unit: bytes. Reason: a few lines of signatures.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A witness's key, given as such or by a file.
pub(super) fn read_key(given: &str) -> anyhow::Result<WitnessKey> {
    if let Some(key) = WitnessKey::parse(given) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given)
        .with_context(|| format!("{given:?} is neither a witness's key (name+id+key) nor a file with one"))?;
    WitnessKey::parse(&text).with_context(|| format!("{given} holds no witness's key (name+id+key)"))
}

/// Sends the last checkpoint to a witness, and writes it with the witness's signature to `out`. Exit code 1 means that
/// the witness has seen another record.
pub(super) fn ask(directory: &Path, url: &str, key: &str, out: &Path) -> anyhow::Result<ExitCode> {
    let witness = read_key(key)?;
    ensure!(
        url.starts_with("https://") || url.starts_with("http://"),
        "{url:?} is no http or https URL"
    );
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let runtime = runtime()?;
    let target = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let mut seen = seen_before(out, &witness);
    for _ in 0..TRIES {
        let request = match WitnessRequest::new(directory, seen) {
            Ok(request) => request,
            Err(error @ durward_audit::WitnessError::RolledBack { .. }) => return Ok(differs(&error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let (status, answer) = runtime.block_on(post(&client, &target, request.body.clone()))?;
        match status {
            StatusCode::OK => {
                let note = request.cosigned(&answer, &witness)?;
                write(out, &note)?;
                let word = witness.open(&note).map_err(|error| anyhow::anyhow!("{error}"))?;
                say(format!("{}: {} events seen and signed.", witness.name(), word.events));
                let time = word.time_seconds.saturating_mul(1_000_000);
                detail("at", &moment(durward_audit::Moment(time)));
                detail("kept in", &out.display().to_string());
                return Ok(ExitCode::SUCCESS);
            }
            StatusCode::CONFLICT => {
                let size = answer.trim_end().parse().context("the witness's answer is no size")?;
                // Asked with what it has seen, it refuses only another tree of that size.
                if size == seen && request.events == seen {
                    return Ok(differs("it has signed other events under the same number"));
                }
                seen = size;
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                return Ok(differs("the record is not the continuation of what it has seen"));
            }
            StatusCode::NOT_FOUND => bail!("the witness doesn't know this record"),
            StatusCode::FORBIDDEN => bail!("the witness doesn't know the record's key"),
            other => bail!("the witness answered {other}"),
        }
    }
    bail!("the witness goes on with what others send: somebody else writes this record too")
}

async fn post(client: &reqwest::Client, url: &str, body: String) -> anyhow::Result<(StatusCode, String)> {
    let answer = client.post(url).body(body).send().await;
    let mut answer = answer.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        bytes.extend_from_slice(&chunk);
        ensure!(bytes.len() <= ANSWER_BYTES_MAX, "the witness's answer is too long");
    }
    Ok((
        status,
        String::from_utf8(bytes).context("the witness's answer is no text")?,
    ))
}

/// How many events the witness had seen by its last word; none known where there is no such file.
fn seen_before(out: &Path, witness: &WitnessKey) -> u64 {
    let note = std::fs::read_to_string(out).unwrap_or_default();
    witness.open(&note).map_or(0, |word| word.events)
}

fn write(out: &Path, note: &str) -> anyhow::Result<()> {
    let unfinished = out.with_extension("new");
    std::fs::write(&unfinished, note)
        .and_then(|()| std::fs::rename(&unfinished, out))
        .with_context(|| format!("can't write {}", out.display()))
}

fn differs(reason: &str) -> ExitCode {
    let verdict = styled(Style::Bad, "The witness has seen another record:");
    complain(format_args!("{verdict} {reason}"));
    ExitCode::FAILURE
}
