//! Sending a record to the store.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use durward_audit::{Administration, Event, Ledger, LedgerFiles, Spool, SpooledRecord, ledger_id};
use durward_session::upstream::{Target, TargetAddress};

use super::{Store, bytes, literal};

/// How many events go in one transaction.
///
/// Unit: events. Reason: some hundred milliseconds of the store.
const BATCH_EVENTS_MAX: usize = 2_000;
/// How large a transaction may become, but for its last event.
///
/// Unit: bytes of records. Reason: they are sent as text of twice the size, and held in memory whole.
const BATCH_BYTES_MAX: usize = 2 << 20;
/// How often new events are looked for.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait after a failure, at first.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// How long to wait after failures, at most.
///
/// Unit: seconds. Reason: a store that is back is found soon, and one that isn't is not pressed.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Sends the record of `ledger` to the store, until dropped. What isn't there yet doesn't leave the ledger. Cancel safe:
/// yes; what was under way either is in the store or isn't, and the store says which.
pub(crate) fn ship(ledger: Ledger, target: Target, archive: Option<PathBuf>) -> impl Future<Output = ()> {
    // Until the store has said how far it has come, all of it may be needed.
    ledger.keep_from(1);
    let shipper = Shipper {
        ledger,
        target,
        archive,
        announced: false,
    };
    shipper.run()
}

struct Shipper {
    ledger: Ledger,
    target: Target,
    archive: Option<PathBuf>,
    /// Whether it was recorded where the record goes.
    announced: bool,
}

impl Shipper {
    /// Sends for ever: what fails is tried again, with growing pauses.
    async fn run(mut self) {
        let mut pause = PAUSE_MIN;
        let mut complaint = String::new();
        loop {
            let mut sent = 0;
            let Err(error) = self.send_all(&mut sent).await;
            if sent > 0 {
                (pause, complaint) = (PAUSE_MIN, String::new());
            }
            let reason = format!("{error:#}");
            if reason != complaint {
                tracing::warn!("the store of the record: {reason}; it is kept here meanwhile");
                complaint = reason;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Sends what is there and what comes, until something fails.
    async fn send_all(&mut self, sent: &mut u64) -> anyhow::Result<std::convert::Infallible> {
        let id = ledger_id(self.ledger.directory())?;
        let name = literal(&id)?;
        let mut store = Store::connect(&self.target).await?;
        store.prepare().await?;
        let mut position = self.find_position(&mut store, &name).await?;
        self.ledger.keep_from(position + 1);
        if !self.announced {
            self.ledger.record(&Event::Administration(Administration {
                by: "gateway".into(),
                action: "audit_ship".into(),
                object: format!(
                    "events after {position}, and new ones as they come, to {}",
                    place(&self.target)
                ),
            }))?;
            self.announced = true;
        }
        let mut spool = self.spool(position)?;
        loop {
            let (back, batch) = tokio::task::spawn_blocking(move || {
                let batch = next(&mut spool);
                (spool, batch)
            })
            .await?;
            spool = back;
            let batch = batch?;
            let Some(last) = batch.records.last().map(|record| record.number) else {
                tokio::time::sleep(INTERVAL).await;
                continue;
            };
            let rows = store.ask(&insert(&name, position, &batch)).await?;
            let added: Option<usize> = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
            ensure!(
                added == Some(batch.records.len()),
                "somebody else sends a record under the same id: is the data directory of another gateway a copy of ours?"
            );
            position = last;
            *sent += 1;
            self.ledger.keep_from(position + 1);
        }
    }

    /// How far the store has come. Its last event must be ours.
    async fn find_position(&self, store: &mut Store, name: &str) -> anyhow::Result<u64> {
        store
            .ask(&format!(
                "INSERT INTO durward_audit.logs VALUES ({name}, 0, NULL, 0, now()) ON CONFLICT DO NOTHING"
            ))
            .await?;
        let rows = store
            .ask(&format!(
                "SELECT l.events, e.record FROM durward_audit.logs l
                 LEFT JOIN durward_audit.events e ON e.ledger = l.ledger AND e.number = l.events WHERE l.ledger = {name}"
            ))
            .await?;
        let row = rows.first().context("the store doesn't know this record")?;
        let text = |at: usize| row.get(at).and_then(|value| value.as_deref());
        let position: u64 = text(0)
            .and_then(|text| text.parse().ok())
            .context("the store's position is no number")?;
        if position == 0 {
            return Ok(0);
        }
        let theirs = text(1)
            .and_then(super::unhex)
            .context("the store lacks the last event that it says it has")?;
        let mut spool = self.spool(position - 1)?;
        let (_, signed) = spool.checkpoint()?;
        // Beyond what is signed there is nothing to compare.
        let ours = spool.next_records(position.min(signed), 1, usize::MAX)?;
        continues(
            position,
            signed,
            ours.first().map(|ours| ours.record.as_slice()),
            &theirs,
        )?;
        Ok(position)
    }

    fn spool(&self, position: u64) -> anyhow::Result<Spool> {
        let directory = self.ledger.directory();
        let files = match &self.archive {
            Some(archive) => LedgerFiles::with_archive(directory, archive).unwrap_or_else(|_| directory.into()),
            None => directory.into(),
        };
        Ok(Spool::after(files, position)?)
    }
}

/// Checks that this record, of which `signed` events are, goes on after the event `position` that the store has last.
fn continues(position: u64, signed: u64, ours: Option<&[u8]>, theirs: &[u8]) -> anyhow::Result<()> {
    ensure!(
        position <= signed,
        "it has {position} events of this record, and {signed} are signed here: was the record rolled back?"
    );
    ensure!(
        ours == Some(theirs),
        "its event {position} is not the one of this record: one of the two was changed, or another record has its id"
    );
    Ok(())
}

/// Events that go together, and the checkpoint that covers them where they reach it.
struct Batch {
    records: Vec<SpooledRecord>,
    checkpoint: Option<(String, u64)>,
}

fn next(spool: &mut Spool) -> anyhow::Result<Batch> {
    let (note, signed) = spool.checkpoint()?;
    let records = spool.next_records(signed, BATCH_EVENTS_MAX, BATCH_BYTES_MAX)?;
    let reaches = records.last().is_some_and(|last| last.number == signed);
    Ok(Batch {
        records,
        checkpoint: reaches.then_some((note, signed)),
    })
}

/// One statement: the position moves and the events come together, or neither does.
fn insert(name: &str, position: u64, batch: &Batch) -> String {
    let last = batch.records.last().map_or(position, |record| record.number);
    let checkpoint = batch.checkpoint.as_ref().map_or_else(String::new, |(note, events)| {
        format!(
            ", checkpoint = convert_from({}::bytea, 'UTF8'), checkpoint_events = {events}",
            bytes(note.as_bytes())
        )
    });
    let mut text = format!(
        "WITH moved AS (UPDATE durward_audit.logs SET events = {last}, shipped = now(){checkpoint}
             WHERE ledger = {name} AND events = {position} RETURNING ledger),
         added AS (INSERT INTO durward_audit.events (ledger, number, segment, kind, time, record)
             SELECT moved.ledger, v.number, v.segment, v.kind,
                 timestamptz 'epoch' + v.time * interval '1 microsecond', v.record
             FROM moved, (VALUES "
    );
    for (place, record) in batch.records.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        // A String takes every write.
        write!(
            text,
            "{comma}({}::bigint,{}::bigint,{}::smallint,{}::bigint,{}::bytea)",
            record.number,
            record.segment,
            record.kind,
            record.time_microseconds,
            bytes(&record.record)
        )
        .ok();
    }
    text.push_str(") v (number, segment, kind, time, record) RETURNING 1) SELECT count(*) FROM added");
    text
}

/// Where the store is, without what opens it.
fn place(target: &Target) -> String {
    let database = target.database();
    match target.address() {
        TargetAddress::Tcp { host, port, .. } => format!("{database} at {host}:{port}"),
        TargetAddress::Unix { folder, port } => format!("{database} at {}, port {port}", folder.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_ahead_or_holds_something_else_gets_nothing() {
        continues(7, 9, Some(b"seven"), b"seven").unwrap();
        for (position, signed, ours, said) in [
            (10, 9, None, "rolled back"),
            (7, 9, Some(b"other".as_slice()), "not the one of this record"),
            (7, 9, None, "not the one of this record"),
        ] {
            let error = continues(position, signed, ours, b"seven").unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn position_events_and_checkpoint_move_in_one_statement() {
        let record = |number: u64| SpooledRecord {
            number,
            segment: 1,
            kind: 30,
            time_microseconds: 1_767_225_600_000_000,
            record: vec![0x85, 0x27],
        };
        let batch = Batch {
            records: vec![record(8), record(9)],
            checkpoint: Some(("it's\n".to_owned(), 9)),
        };
        insta::assert_snapshot!(insert("'00ff'", 7, &batch));
    }
}
