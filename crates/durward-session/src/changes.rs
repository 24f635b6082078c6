//! What a session has changed in its open transaction, until that commits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use durward_audit::KeyedDigest;
use durward_change::RequestId;
use durward_change::undo::{
    ChangeId, Coverage, DefinitionImage, Images, NewChange, Row, RowImages, TableImages, TransactionId, UndoVault,
};
use durward_model::{Oid, PrincipalKind, StatementFacts};
use durward_sql::{AsideBounds, CannotCapture, CapturePlan, Cascades, ChangeKind, Images as Given};

use crate::cascades::{CascadeRows, Left, column_images};
use crate::session::Kept;

/// The rows of one statement whose images are kept.
///
/// Unit: rows. Reason: what is larger is taken back from a backup; its images would fill memory.
pub(crate) const UNDO_ROWS_MAX: u64 = 10_000;

/// The images of one transaction that are kept.
///
/// Unit: bytes. Reason: they are held in memory until it commits.
pub(crate) const UNDO_BYTES_MAX: usize = 64 << 20;

/// The statements of one transaction that are remembered as changes.
const CHANGES_MAX: usize = 10_000;

/// What is remembered of statements that did more than they may.
const EXCESSES_MAX: usize = 64;

/// What is remembered of shapes of statements.
const PLANS_MAX: usize = 256;

/// Where changes are kept so that they can be taken back.
#[derive(Debug)]
pub struct UndoDesk {
    /// The changes.
    pub vault: Arc<UndoVault>,
    /// Whose changes are kept.
    pub scope: UndoScope,
    /// How much is kept aside in a database.
    pub aside: AsideBounds,
    /// How many schemas with what was kept aside are over and couldn't be removed.
    pub overdue: AtomicU64,
}

/// Whose changes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoScope {
    /// Those of people and agents.
    People,
    /// Everybody's.
    All,
}

impl UndoScope {
    pub(crate) fn covers(self, kind: PrincipalKind) -> bool {
        match self {
            Self::All => true,
            Self::People => matches!(
                kind,
                PrincipalKind::Person | PrincipalKind::Agent | PrincipalKind::Operator
            ),
        }
    }
}

/// A statement under way whose effect is read.
#[derive(Debug)]
pub(crate) struct Capturing {
    /// How; or why not.
    pub(crate) plan: Result<Arc<CapturePlan>, String>,
    /// How many columns of the result are the client's.
    pub(crate) client_columns: u16,
    /// Whether more columns follow, which are for us.
    pub(crate) reads_rows: bool,
    /// The rows as they were, where they were read beforehand.
    pub(crate) before: Vec<Row>,
    /// The rows that foreign keys change along, where they are followed.
    pub(crate) carried: Option<Carried>,
    /// What it did to definitions, where that can be taken back.
    pub(crate) definitions: Option<Definitions>,
    /// What it dropped or emptied, where that is kept aside.
    pub(crate) kept: Option<Box<Kept>>,
    /// What RETURNING gave.
    pub(crate) returned: Vec<Row>,
    pub(crate) returned_bytes: usize,
    /// More rows or bytes than are kept.
    pub(crate) is_too_large: bool,
    pub(crate) command: Arc<str>,
    pub(crate) tables: Vec<String>,
    /// The request by which it was approved.
    pub(crate) request: Option<RequestId>,
    /// What the server said of how many rows it changed.
    pub(crate) affected: u64,
}

/// Rows that foreign keys change along with a statement's own.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) cascades: Arc<Cascades>,
    pub(crate) rows: CascadeRows,
    /// How they were left.
    pub(crate) left: Left,
}

/// What a statement did to definitions.
#[derive(Debug)]
pub(crate) struct Definitions {
    pub(crate) images: Vec<DefinitionImage>,
    /// What of it can't be taken back.
    pub(crate) besides: Vec<String>,
}

impl Definitions {
    fn kept(self) -> (Coverage, Option<Images>) {
        let coverage = match (self.images.is_empty(), self.besides.is_empty()) {
            (true, false) => return (Coverage::None(self.besides.join(", ")), None),
            (_, true) => Coverage::Full,
            (false, false) => Coverage::Partial(self.besides),
        };
        let images = Images {
            definitions: self.images,
            ..Images::default()
        };
        (coverage, Some(images))
    }
}

/// The rows that changed aren't those that were read beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drifted;

impl Capturing {
    /// One whose effect isn't read.
    pub(crate) fn unread(reason: impl Into<String>, facts: &StatementFacts) -> Self {
        let changed = facts.relations.iter().filter(|usage| usage.modes.changes());
        let mut tables: Vec<String> = changed.map(|usage| usage.relation.name.to_string()).collect();
        if tables.is_empty() {
            tables.extend(facts.objects.iter().map(|object| match &object.schema {
                Some(schema) => format!("{schema}.{}", object.name),
                None => object.name.to_string(),
            }));
        }
        Self {
            plan: Err(reason.into()),
            client_columns: 0,
            reads_rows: false,
            before: Vec::new(),
            carried: None,
            definitions: None,
            kept: None,
            returned: Vec::new(),
            returned_bytes: 0,
            is_too_large: false,
            command: Arc::clone(&facts.command),
            tables,
            request: None,
            affected: 0,
        }
    }

    /// Takes in the values of a row that are for us.
    pub(crate) fn take(&mut self, values: Vec<Option<&[u8]>>) {
        if self.is_too_large {
            return;
        }
        let row: Row = values
            .into_iter()
            .map(|value| value.map(|value| String::from_utf8_lossy(value).into_owned()))
            .collect();
        self.returned_bytes += row.iter().flatten().map(|value| value.len() + 32).sum::<usize>();
        self.returned.push(row);
        if u64::try_from(self.returned.len()).is_ok_and(|rows| rows > UNDO_ROWS_MAX)
            || self.returned_bytes > UNDO_BYTES_MAX
        {
            self.is_too_large = true;
            self.returned = Vec::new();
        }
    }

    /// The images of the statement's own rows, once it has run.
    pub(crate) fn own_images(&self) -> Vec<RowImages> {
        let Ok(plan) = &self.plan else {
            return Vec::new();
        };
        pair(plan, self.before.clone(), self.returned.clone()).unwrap_or_default()
    }

    /// What is kept of the statement once it has run.
    ///
    /// # Errors
    /// Rows changed that weren't read beforehand.
    pub(crate) fn finish(
        self,
        settings: &[(String, String)],
        is_exact: bool,
    ) -> Result<(Coverage, Option<Images>), Drifted> {
        let plan = match self.plan {
            Ok(plan) if !self.is_too_large => plan,
            Ok(_) => {
                let reason = format!("it changed more than {UNDO_ROWS_MAX} rows, or too much data");
                return Ok((Coverage::None(reason), None));
            }
            Err(reason) => {
                return Ok(match (self.definitions, self.kept) {
                    (_, Some(kept)) => {
                        let coverage = match kept.besides.as_slice() {
                            [] => Coverage::Full,
                            besides => Coverage::Partial(besides.to_vec()),
                        };
                        (coverage, Some(kept.images()))
                    }
                    (Some(definitions), None) => definitions.kept(),
                    (None, None) => (Coverage::None(reason), None),
                });
            }
        };
        if !is_exact {
            let reason = "the session writes dates or numbers in a way that can't be read back exactly";
            return Ok((Coverage::None(reason.to_owned()), None));
        }
        let rows = pair(&plan, self.before, self.returned)?;
        let mut besides: Vec<String> = plan.besides.iter().map(ToString::to_string).collect();
        let mut missed = plan.cascades.is_some();
        let tables = match self.carried {
            Some(carried) => {
                let cascades = &*carried.cascades;
                carried.rows.check(cascades, &rows).map_err(|_| Drifted)?;
                let own = (rows, plan.written.to_vec());
                let (tables, is_whole) = carried.rows.images(cascades, own, &carried.left);
                missed = !is_whole;
                tables
            }
            None => vec![TableImages {
                oid: plan.relation.oid.0,
                schema: plan.relation.name.schema.to_string(),
                name: plan.relation.name.name.to_string(),
                columns: column_images(&plan.columns),
                key: plan.key.to_vec(),
                written: plan.written.to_vec(),
                rows,
            }],
        };
        if missed {
            besides.extend(plan.carried.iter().map(ToString::to_string));
        }
        let coverage = if besides.is_empty() {
            Coverage::Full
        } else {
            Coverage::Partial(besides)
        };
        let images = Images {
            settings: settings.to_vec(),
            tables,
            definitions: Vec::new(),
            kept: Vec::new(),
        };
        Ok((coverage, Some(images)))
    }
}

/// Puts the images of each row together.
fn pair(plan: &CapturePlan, before: Vec<Row>, returned: Vec<Row>) -> Result<Vec<RowImages>, Drifted> {
    let one = |before, after| RowImages { before, after };
    Ok(match (plan.images, plan.kind) {
        (Given::Old, _) => returned.into_iter().map(|row| one(Some(row), None)).collect(),
        (Given::New, ChangeKind::Update) => {
            let key =
                |row: &Row| -> Option<Vec<String>> { plan.key.iter().map(|place| row.get(*place)?.clone()).collect() };
            let mut old: HashMap<Vec<String>, Row> = HashMap::new();
            for mut row in before {
                row.truncate(plan.columns.len());
                old.insert(key(&row).ok_or(Drifted)?, row);
            }
            let mut rows = Vec::with_capacity(returned.len());
            for row in returned {
                let before = old.remove(&key(&row).ok_or(Drifted)?).ok_or(Drifted)?;
                rows.push(one(Some(before), Some(row)));
            }
            rows
        }
        (Given::New, _) => returned.into_iter().map(|row| one(None, Some(row))).collect(),
        (Given::Both, _) => {
            let half = plan.columns.len() + 1;
            let image = |mut half: Row| {
                let is_there = half.first().is_some_and(Option::is_some);
                is_there.then(|| half.split_off(1))
            };
            returned
                .into_iter()
                .map(|mut row| {
                    let new = row.split_off(half.min(row.len()));
                    one(image(row), image(new))
                })
                .collect()
        }
    })
}

/// What a statement does to the transaction that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// It ends it, one way or the other.
    End,
    /// SAVEPOINT.
    Savepoint(Arc<str>),
    /// ROLLBACK TO SAVEPOINT.
    BackTo(Arc<str>),
}

/// The changes of the open transaction.
#[derive(Debug, Default)]
pub(crate) struct OpenChanges {
    changes: Vec<(NewChange, Option<Images>)>,
    bytes: usize,
    savepoints: Vec<(Arc<str>, usize)>,
    /// They are in the vault, and their transaction is about to commit.
    kept: Option<TransactionId>,
    /// The server has said an error since it was last ready.
    pub(crate) failed: bool,
    /// The changes that this session takes back.
    pub(crate) undoes: Vec<ChangeId>,
    plans: HashMap<usize, Planned>,
    rights: HashMap<(Oid, Arc<str>, Reach), bool>,
    rights_generation: u64,
    settings: Option<Arc<TextSettings>>,
    excesses: HashMap<ExcessKey, Excess>,
}

/// What is done with a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// They are read, or changed by the statement itself.
    Read,
    /// They are locked too.
    Lock,
}

/// Settings by which values are written as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TextSettings {
    pub(crate) values: Vec<(String, String)>,
    /// What is written can be read back exactly.
    pub(crate) is_exact: bool,
}

/// A statement's exact text and parameters, as digests.
pub(crate) type ExcessKey = (KeyedDigest, Option<KeyedDigest>);

/// What a statement has turned out to do, beyond what it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excess {
    /// How many rows it has changed, where it can't be counted beforehand.
    pub(crate) rows: Option<u64>,
    pub(crate) why: String,
}

/// How a shape of statements is read, beside the facts that it is known by.
type Planned = (Arc<StatementFacts>, Result<Arc<CapturePlan>, CannotCapture>);

impl OpenChanges {
    /// Those of a session that takes others back.
    pub(crate) fn of(undoes: Vec<ChangeId>) -> Self {
        Self {
            undoes,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, change: NewChange, images: Option<Images>) {
        if self.changes.len() >= CHANGES_MAX {
            return;
        }
        let bytes = images.as_ref().map_or(0, Images::bytes);
        if self.bytes.saturating_add(bytes) > UNDO_BYTES_MAX {
            let coverage = Coverage::None("its transaction changed too much data".to_owned());
            self.changes.push((NewChange { coverage, ..change }, None));
            return;
        }
        self.bytes += bytes;
        self.changes.push((change, images));
    }

    /// What is to be kept before the transaction may commit.
    pub(crate) fn take_to_keep(&mut self) -> Option<Vec<(NewChange, Option<Images>)>> {
        if self.kept.is_some() || self.changes.is_empty() {
            return None;
        }
        self.bytes = 0;
        Some(std::mem::take(&mut self.changes))
    }

    pub(crate) fn are_kept(&mut self, transaction: TransactionId) {
        self.kept = Some(transaction);
    }

    /// The transaction is over. Returns the one in the vault whose end is to be told, and what is to be kept only now.
    pub(crate) fn end(&mut self) -> (Option<TransactionId>, Vec<(NewChange, Option<Images>)>) {
        self.savepoints.clear();
        self.bytes = 0;
        (self.kept.take(), std::mem::take(&mut self.changes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.kept.is_none()
    }

    pub(crate) fn savepoint(&mut self, name: Arc<str>) {
        self.savepoints.push((name, self.changes.len()));
    }

    /// Changes since the savepoint are no more. The savepoint itself stays.
    pub(crate) fn back_to(&mut self, name: &str) {
        let Some(at) = self.savepoints.iter().rposition(|(known, _)| &**known == name) else {
            return;
        };
        self.savepoints.truncate(at + 1);
        if let Some((_, count)) = self.savepoints.last() {
            self.changes.truncate(*count);
        }
    }

    /// The statement is held by what it has turned out to do when it is sent again.
    pub(crate) fn remember_excess(&mut self, statement: ExcessKey, excess: Excess) {
        if self.excesses.len() >= EXCESSES_MAX {
            self.excesses.clear();
        }
        self.excesses.insert(statement, excess);
    }

    /// It was approved for what it has turned out to do.
    pub(crate) fn forget_excess(&mut self, statement: &ExcessKey) {
        self.excesses.remove(statement);
    }

    pub(crate) fn excess(&self, statement: &ExcessKey) -> Option<&Excess> {
        self.excesses.get(statement)
    }

    pub(crate) fn plan(&self, facts: &Arc<StatementFacts>) -> Option<Result<Arc<CapturePlan>, CannotCapture>> {
        let (_, plan) = self.plans.get(&address(facts))?;
        Some(plan.clone())
    }

    pub(crate) fn remember(&mut self, facts: &Arc<StatementFacts>, plan: Result<Arc<CapturePlan>, CannotCapture>) {
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear();
        }
        self.plans.insert(address(facts), (Arc::clone(facts), plan));
    }

    /// Whether a role may read all columns of a table, and sees all its rows; with the settings of values' texts.
    pub(crate) fn known(
        &mut self,
        (table, reach): (Oid, Reach),
        role: &Arc<str>,
        generation: u64,
    ) -> Option<(bool, Arc<TextSettings>)> {
        if self.rights_generation != generation {
            self.rights.clear();
            self.rights_generation = generation;
        }
        let may = self.rights.get(&(table, Arc::clone(role), reach))?;
        Some((*may, self.settings.clone()?))
    }

    pub(crate) fn learn(
        &mut self,
        (table, reach): (Oid, Reach),
        role: &Arc<str>,
        may: bool,
        settings: TextSettings,
    ) -> Arc<TextSettings> {
        self.rights.insert((table, Arc::clone(role), reach), may);
        let settings = Arc::new(settings);
        self.settings = Some(Arc::clone(&settings));
        settings
    }

    /// Settings may have changed.
    pub(crate) fn forget_settings(&mut self) {
        self.settings = None;
    }
}

fn address(facts: &Arc<StatementFacts>) -> usize {
    Arc::as_ptr(facts).addr()
}
