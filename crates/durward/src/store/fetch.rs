//! Taking records back from the store, as files that everything else reads.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use durward_audit::Restorer;
use durward_session::upstream::Target;

use super::{Store, literal, unhex};

/// How many events are fetched at once.
const EVENTS_AT_ONCE: u64 = 2_000;

/// A record that was fetched.
pub(crate) struct Fetched {
    /// Its id.
    pub(crate) ledger: String,
    /// Where it is now.
    pub(crate) directory: PathBuf,
    /// How many events it has.
    pub(crate) events: u64,
}

/// Fetches the records of the store, or the one with this id, each into a directory of its own in `target`.
///
/// # Errors
/// When the store can't be read, or holds something else than the events that it says it holds.
pub(crate) async fn fetch(store: &Target, ledger: Option<&str>, target: &Path) -> anyhow::Result<Vec<Fetched>> {
    let mut store = Store::connect(store).await?;
    let wanted = match ledger {
        Some(ledger) => format!("WHERE ledger = {}", literal(ledger)?),
        None => String::new(),
    };
    let all = format!("SELECT ledger, events, checkpoint FROM durward_audit.logs {wanted} ORDER BY ledger");
    let logs = store.ask(&all).await?;
    ensure!(!logs.is_empty(), "the store has no such record");
    let mut fetched = Vec::new();
    for log in &logs {
        let text = |at: usize| log.get(at).and_then(|value| value.as_deref());
        let id = text(0).context("a record has no id")?;
        let events: u64 = text(1)
            .and_then(|text| text.parse().ok())
            .context("a record has no length")?;
        let checkpoint = text(2).with_context(|| format!("{id}: no checkpoint has come to the store yet"))?;
        // The id is hexadecimal, so that it is no path.
        let name = literal(id)?;
        let directory = target.join(id);
        let mut restorer = Restorer::create(&directory, id)?;
        let mut last = 0;
        while last < events {
            let until = events.min(last + EVENTS_AT_ONCE);
            let rows = store
                .ask(&format!(
                    "SELECT segment, record FROM durward_audit.events
                     WHERE ledger = {name} AND number > {last} AND number <= {until} ORDER BY number"
                ))
                .await?;
            for row in &rows {
                let value = |at: usize| row.get(at).and_then(|value| value.as_deref());
                let segment = value(0).and_then(|text| text.parse().ok());
                let record = value(1).and_then(unhex);
                let (segment, record) = segment
                    .zip(record)
                    .with_context(|| format!("{id}: an event can't be read"))?;
                restorer.add(segment, &record).with_context(|| id.to_owned())?;
                last += 1;
            }
            ensure!(
                last == until,
                "{id}: the store lacks an event between {last} and {until}"
            );
        }
        let events = restorer.finish(checkpoint)?;
        fetched.push(Fetched {
            ledger: id.to_owned(),
            directory,
            events,
        });
    }
    Ok(fetched)
}
