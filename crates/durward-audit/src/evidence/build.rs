//! Building a report: anchor, tables, page, proofs, manifest, signature, in this order.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rusqlite::{Connection, named_params};

use crate::event::{Checkpoint, EventNumber};
use crate::evidence::html::{self, ROWS_SHOWN_MAX, ShownTable};
use crate::evidence::manifest::{
    FORMAT, KEY_CHANGES, MANIFEST, Manifest, ManifestFile, ManifestTable, NOTE_KIND, PAGE, PROOFS, SIGNATURE, note_rest,
};
use crate::evidence::reports::{ASSESSOR, Report, Table, report};
use crate::evidence::survey::Survey;
use crate::evidence::table::{Cell, HashedFile, TableFiles};
use crate::evidence::{EvidenceError, Period, anchor, change};
use crate::index::{Extent, IndexError, Indexer};
use crate::keys::{self, SIGNING_KEY};
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::note::{self, TreeHead, VerifierKey, hexadecimal};
use crate::proof::prove_under;
use crate::tail;
use crate::time::Moment;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceRequest<'a> {
    /// The report, by its name.
    pub report: &'a str,
    /// The period.
    pub period: Period,
    /// The change that it is about: a request for approval, or the number of an event.
    pub change: Option<&'a str>,
}

/// A report that was built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BuiltReport {
    /// What is in it.
    pub manifest: Manifest,
    /// The key that signed it.
    pub verifier_key: String,
}

/// Builds a report from a ledger into `target`, which is made, or is empty. Works while a gateway
/// writes. `tell` hears now and then how many events were read.
pub fn build_evidence(
    files: impl Into<Layout>,
    request: EvidenceRequest<'_>,
    target: &Path,
    tell: impl FnMut(u64),
) -> Result<BuiltReport, EvidenceError> {
    let report = report(request.report).ok_or_else(|| EvidenceError::NoReport(request.report.to_owned()))?;
    let Period { from, to } = request.period;
    if to <= from {
        return Err(EvidenceError::Period { from, to });
    }
    if report.of_one_change && request.change.is_none() {
        return Err(EvidenceError::NoChangeNamed);
    }
    let layout = files.into();
    check_version(&layout)?;
    let first_event = tail::first_event(&layout)?;
    if first_event > 1 && anchor::first_time(&layout)?.is_some_and(|first| to.0 <= first) {
        return Err(EvidenceError::Left { first_event });
    }
    let checkpoint = anchor::find(&layout, to, first_event)?.ok_or(EvidenceError::NotSigned)?;
    let extent = Extent {
        last_event: checkpoint.events,
        from: from.0,
        to: to.0,
        statements: report.asks_for_statements(),
    };
    let source = Source::read(&layout, extent, &checkpoint, tell)?;
    if let Some(change) = request.change.filter(|_| report.of_one_change) {
        change::define(&source.connection, &layout, change)?;
    }
    make_directory(target)?;
    source.write(&layout, report, request, target)
}

/// The events of a period as tables, found to be what the checkpoint was signed for.
struct Source {
    indexer: Indexer,
    connection: Connection,
    head: TreeHead,
    checkpoint: String,
    checkpoint_key: VerifierKey,
}

impl Source {
    fn read(
        layout: &Layout,
        extent: Extent,
        checkpoint: &Checkpoint,
        mut tell: impl FnMut(u64),
    ) -> Result<Self, EvidenceError> {
        let mut indexer = Indexer::of(layout, extent)?;
        while indexer.step()? {
            tell(indexer.events());
        }
        let head = TreeHead::read(&checkpoint.note).map_err(|error| EvidenceError::Unsound(error.to_string()))?;
        let survey = indexer.survey().ok_or(EvidenceError::NotSigned)?;
        let is_whole = survey.events() == head.events && survey.root() == head.root && head.events == checkpoint.events;
        if !is_whole {
            return Err(EvidenceError::Unsound(format!(
                "its first {} events are not what was signed",
                checkpoint.events
            )));
        }
        let signed_by = |key: &String| {
            let key = VerifierKey::parse(key)?;
            TreeHead::open(&checkpoint.note, &key).ok().map(|_| key)
        };
        let checkpoint_key = survey
            .keys
            .iter()
            .rev()
            .find_map(signed_by)
            .ok_or_else(|| EvidenceError::Unsound("no key of the ledger has signed its checkpoint".into()))?;
        let connection = indexer.take_connection()?;
        Ok(Self {
            indexer,
            connection,
            head,
            checkpoint: checkpoint.note.clone(),
            checkpoint_key,
        })
    }

    fn survey(&self) -> Result<&Survey, EvidenceError> {
        self.indexer.survey().ok_or(EvidenceError::NotSigned)
    }

    fn write(
        &self,
        layout: &Layout,
        report: &'static Report,
        request: EvidenceRequest<'_>,
        target: &Path,
    ) -> Result<BuiltReport, EvidenceError> {
        let survey = self.survey()?;
        self.note_findings(survey)?;
        let mut manifest = Manifest {
            format: FORMAT.into(),
            report: report.name.into(),
            title: report.title.into(),
            change: request.change.filter(|_| report.of_one_change).map(str::to_owned),
            period: request.period,
            ledger: hexadecimal(&self.head.ledger),
            program_version: env!("CARGO_PKG_VERSION").into(),
            controls: report.controls.iter().map(|&control| control.into()).collect(),
            assessor: ASSESSOR.into(),
            gaps: gaps(report, survey.first_event),
            events_in_period: survey.in_period,
            first_event: survey.first,
            last_event: survey.last,
            checkpoint: self.checkpoint.clone(),
            checkpoint_events: self.head.events,
            checkpoint_key: self.checkpoint_key.to_string(),
            tables: Vec::new(),
            files: Vec::new(),
        };
        let mut shown = Vec::new();
        for table in report.tables {
            let (rows, files) = self.table(table, request.period, target)?;
            manifest.tables.push(ManifestTable {
                name: table.name.into(),
                meaning: table.meaning.into(),
                rows: rows.rows_total,
                query: table.query.split_whitespace().collect::<Vec<_>>().join(" "),
            });
            manifest.files.extend(files);
            shown.push(rows);
        }
        if report.of_one_change && shown.iter().all(|table| table.rows_total == 0) {
            return Err(EvidenceError::NoChange(request.change.unwrap_or_default().into()));
        }
        manifest.files.push(self.proofs(layout, report, survey, target)?);
        let page = html::page(report, &manifest, &shown);
        manifest.files.push(whole(target, PAGE, page.as_bytes())?);
        let verifier = self.sign(layout, &manifest, target)?;
        Ok(BuiltReport {
            manifest,
            verifier_key: verifier.to_string(),
        })
    }

    /// What was found on reading the log, as a table that queries can refer to.
    fn note_findings(&self, survey: &Survey) -> Result<(), EvidenceError> {
        let event = |event: Option<u64>| event.map_or_else(|| "none".to_owned(), |event| event.to_string());
        let first_time: Option<String> = self
            .connection
            .query_row("SELECT min(time) FROM ledger_events WHERE created", [], |row| {
                row.get(0)
            })
            .map_err(IndexError::from)?;
        let first_time = first_time.or_else(|| survey.first_time.map(|time| Moment(time).to_string()));
        let findings = [
            ("events under the checkpoint", self.head.events.to_string()),
            ("root of the tree over them", "as it was signed".to_owned()),
            ("key that signed the checkpoint", self.checkpoint_key.to_string()),
            ("first event recorded", first_time.unwrap_or_else(|| "not known".into())),
            (
                "first event at hand when this was built",
                survey.first_event.to_string(),
            ),
            ("events in the period", survey.in_period.to_string()),
            ("first event in the period", event(survey.first)),
            ("last event before the end of the period", event(survey.last)),
            ("signatures in the period", survey.checkpoints.to_string()),
            (
                "steps back of the clock in the period",
                survey.clock_steps_back.to_string(),
            ),
            (
                "changes of the key up to the checkpoint",
                survey.key_changes.len().to_string(),
            ),
        ];
        self.connection
            .execute_batch("CREATE TABLE evidence_findings (place INTEGER PRIMARY KEY, finding TEXT, value TEXT)")
            .map_err(IndexError::from)?;
        for (finding, value) in findings {
            self.connection
                .execute(
                    "INSERT INTO evidence_findings (finding, value) VALUES (?1, ?2)",
                    [finding, &value],
                )
                .map_err(IndexError::from)?;
        }
        Ok(())
    }

    fn table(
        &self,
        table: &Table,
        period: Period,
        target: &Path,
    ) -> Result<(ShownTable, [ManifestFile; 2]), EvidenceError> {
        let moment = |moment: Moment| i64::try_from(moment.0).unwrap_or(i64::MAX);
        let mut query = self.connection.prepare(table.query).map_err(IndexError::from)?;
        let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
        let mut files = TableFiles::create(target, table.name, columns.clone())?;
        let mut first = Vec::new();
        let parameters = named_params! { ":from": moment(period.from), ":to": moment(period.to) };
        let parameters: Vec<_> = parameters
            .iter()
            .filter(|(name, _)| table.query.contains(name))
            .copied()
            .collect();
        let mut rows = query.query(parameters.as_slice()).map_err(IndexError::from)?;
        while let Some(row) = rows.next().map_err(IndexError::from)? {
            let cells = Cell::row(row, columns.len()).map_err(IndexError::from)?;
            files
                .row(&cells)
                .map_err(EvidenceError::io("write", target.join(table.name)))?;
            if first.len() < ROWS_SHOWN_MAX {
                first.push(cells);
            }
        }
        let (rows_total, files) = files
            .finish()
            .map_err(EvidenceError::io("write", target.join(table.name)))?;
        let shown = ShownTable {
            name: table.name,
            meaning: table.meaning,
            columns,
            rows: first,
            rows_total,
        };
        Ok((shown, files))
    }

    /// Proofs of the events that the report stands between, or of those of the change that it is about.
    fn proofs(
        &self,
        layout: &Layout,
        report: &Report,
        survey: &Survey,
        target: &Path,
    ) -> Result<ManifestFile, EvidenceError> {
        let mut numbers: Vec<u64> = [survey.first, survey.last].into_iter().flatten().collect();
        if report.of_one_change {
            numbers.extend(change::events(&self.connection, layout, self.head.events)?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let mut proofs = Vec::new();
        for number in numbers {
            proofs.push(prove_under(
                layout,
                EventNumber(number),
                self.checkpoint.clone(),
                survey.key_changes.clone(),
            )?);
        }
        let mut text = serde_json::to_string_pretty(&proofs).map_err(IndexError::from)?;
        text.push('\n');
        whole(target, PROOFS, text.as_bytes())
    }

    fn sign(&self, layout: &Layout, manifest: &Manifest, target: &Path) -> Result<VerifierKey, EvidenceError> {
        let mut text = serde_json::to_string_pretty(manifest).map_err(IndexError::from)?;
        text.push('\n');
        let key_changes = fs::read(layout.key_changes()).unwrap_or_default();
        let key = keys::signing_key(&keys::read(&layout.keys().join(SIGNING_KEY))?);
        let rest = note_rest(text.as_bytes(), &key_changes);
        let signature = note::sign_other(NOTE_KIND, &self.head.ledger, &rest, &key);
        whole(target, MANIFEST, text.as_bytes())?;
        if !key_changes.is_empty() {
            whole(target, KEY_CHANGES, &key_changes)?;
        }
        whole(target, SIGNATURE, signature.as_bytes())?;
        Ok(VerifierKey::new(&self.head.ledger, key.verifying_key()))
    }
}

/// What a report doesn't hold: what no version of it can say, and what has left the record.
fn gaps(report: &Report, first_event: u64) -> Vec<String> {
    let mut gaps: Vec<String> = report.gaps.iter().map(|&gap| gap.into()).collect();
    if first_event > 1 {
        gaps.push(format!(
            "what events 1 to {} said: they have left the record, and only their hashes were at hand when this was built; \
             what was archived is read with --archive",
            first_event - 1
        ));
    }
    gaps
}

fn whole(target: &Path, name: &str, bytes: &[u8]) -> Result<ManifestFile, EvidenceError> {
    let mut file = HashedFile::create(target, name)?;
    file.write_all(bytes)
        .and_then(|()| file.finish())
        .map_err(EvidenceError::io("write", target.join(name)))
}

fn make_directory(target: &Path) -> Result<(), EvidenceError> {
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(EvidenceError::NotEmpty(target.into())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(target)
            .map_err(EvidenceError::io("make", target)),
        Err(error) => Err(EvidenceError::io("read", target)(error)),
    }
}
