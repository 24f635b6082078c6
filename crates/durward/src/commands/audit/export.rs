//! `durward audit export`: the record as OCSF, to where others keep it.
//!
//! At least once: the cursor goes on only when what was sent has arrived, so that what a crash interrupts is sent again.

mod cursor;
mod destination;
mod otlp;
mod spans;
mod syslog;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use durward_audit::{Event, EventNumber, Ocsf, Tail, ledger_id};

use super::reading;
use crate::cli::{ExportArgs, LedgerPlace};
use crate::screen::complain;
use cursor::Cursor;
use destination::Destination;
use spans::Spans;

/// How many events are sent at once, and how long one waits for others.
const BATCH_EVENTS_MAX: usize = 500;
const BATCH_WAIT: Duration = Duration::from_millis(500);
/// How often new events are looked for.
const POLL: Duration = Duration::from_millis(200);
/// How long to wait after a delivery that failed, at first.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// How long to wait after deliveries that failed, at most.
///
/// Unit: seconds. Reason: a receiver that is back is found soon, and one that isn't is not pressed.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often an export that doesn't follow tries.
const TRIES: u32 = 4;

/// An event in its form, or none for one that is left out.
struct Line {
    number: EventNumber,
    object: Option<serde_json::Value>,
}

/// Sends, until the end of the record, or for ever.
pub(super) fn run(arguments: &ExportArgs, directory: &Path, place: &LedgerPlace) -> anyhow::Result<ExitCode> {
    let ledger = ledger_id(directory)?;
    let cursor = arguments
        .cursor
        .as_deref()
        .map(|path| Cursor::open(path, &ledger))
        .transpose()?;
    let after = match (&cursor, arguments.after) {
        (_, Some(event)) => event,
        (Some(cursor), None) => cursor.event(),
        (None, None) => 0,
    };
    let mut export = Export {
        destination: Destination::parse(&arguments.to, arguments.authorization_file.as_deref(), arguments.spans)?,
        form: match arguments.spans {
            true => Form::Spans(Spans::new(&ledger)),
            false => Form::Ocsf(Ocsf::new(&ledger)),
        },
        cursor,
        follow: arguments.follow,
        checkpoints: arguments.checkpoints,
    };
    let follow = if arguments.follow {
        ", and new ones as they come"
    } else {
        ""
    };
    let what = match (arguments.checkpoints, arguments.spans) {
        (true, _) => "checkpoints",
        (_, true) => "statements as spans",
        _ => "events",
    };
    let object = format!("{what} after {after}{follow}, to {}", export.destination);
    let files = arguments.archive.files(directory)?;
    let mut tail = Tail::after(files, EventNumber(after)).context("the record can't be read")?;
    reading::record(place, directory, "audit_export", &object);
    export.send_all(&mut tail)?;
    Ok(ExitCode::SUCCESS)
}

/// What events become.
enum Form {
    /// Objects of OCSF.
    Ocsf(Ocsf),
    /// Spans of OpenTelemetry.
    Spans(Spans),
}

struct Export {
    destination: Destination,
    form: Form,
    cursor: Option<Cursor>,
    follow: bool,
    /// Whether nothing but checkpoints is sent.
    checkpoints: bool,
}

impl Export {
    fn send_all(&mut self, tail: &mut Tail) -> anyhow::Result<()> {
        let mut batch = Vec::new();
        let mut began = Instant::now();
        loop {
            match tail.next_event()? {
                Some(event) => {
                    if batch.is_empty() {
                        began = Instant::now();
                    }
                    let number = event.stored.number;
                    let is_wanted = !self.checkpoints || matches!(event.stored.event, Event::Checkpoint(_));
                    // All are looked at: outcomes take from what came before.
                    let object = match &mut self.form {
                        Form::Ocsf(ocsf) => ocsf.object(&event).filter(|_| is_wanted),
                        Form::Spans(spans) => spans.span(event),
                    };
                    batch.push(Line { number, object });
                    if batch.len() >= BATCH_EVENTS_MAX {
                        self.send(&mut batch)?;
                    }
                }
                None if !self.follow => return self.send(&mut batch),
                None => {
                    if !batch.is_empty() && began.elapsed() >= BATCH_WAIT {
                        self.send(&mut batch)?;
                    }
                    std::thread::sleep(POLL);
                }
            }
        }
    }

    /// Sends a batch, and moves the cursor once it has arrived.
    fn send(&mut self, batch: &mut Vec<Line>) -> anyhow::Result<()> {
        let Some(last) = batch.last().map(|line| line.number) else {
            return Ok(());
        };
        let objects: Vec<&serde_json::Value> = batch.iter().filter_map(|line| line.object.as_ref()).collect();
        if !objects.is_empty() {
            self.deliver(&objects)?;
        }
        // Spans whose end is still to come begin anew after a restart.
        let needed_from = match &self.form {
            Form::Spans(spans) => spans.needed_from(),
            Form::Ocsf(_) => None,
        };
        if let Some(cursor) = &mut self.cursor {
            cursor.move_to(needed_from.map_or(last.0, |event| last.0.min(event.saturating_sub(1))))?;
        }
        batch.clear();
        Ok(())
    }

    fn deliver(&mut self, objects: &[&serde_json::Value]) -> anyhow::Result<()> {
        let mut pause = PAUSE_MIN;
        let mut tries = 1;
        loop {
            match self.destination.send(objects) {
                Ok(()) => return Ok(()),
                // Nobody reads any more.
                Err(error) if self.destination.is_output() => return Err(error),
                Err(error) if error.is::<otlp::Rejected>() => return Err(error),
                Err(error) if !self.follow && tries >= TRIES => return Err(error),
                Err(error) => {
                    let asked = error.downcast_ref::<otlp::Later>().and_then(|later| later.after);
                    pause = asked.map_or(pause, |asked| pause.max(asked));
                    complain(format_args!("{}: {error:#}; trying again", self.destination));
                }
            }
            tries += 1;
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
