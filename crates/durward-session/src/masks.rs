//! How labelled columns look to whoever has masks in force: keys, the masks of result columns, masks within SQL.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use durward_mask::detect::{Detectors, Finding};
use durward_mask::form::{ColumnType, Form, JsonRule, Mask, MaskKey, Masked, Scalar, Scope, SqlKey};
use durward_mask::verdict::Verdict;
use durward_model::{ColumnMatch, ColumnNumber, DatabaseName, Label, Oid, Principal, RelationKind, StatementFacts};
use durward_sql::catalog::CatalogSnapshot;
use durward_sql::{NoSqlForm, SourceColumn, SourceMasks};
use durward_wire::postgres::Format;
use durward_wire::postgres::backend::{Column, RowDescription};
use zeroize::Zeroizing;

use crate::assessment::Viewer;
use crate::labels::LabelSnapshot;
use crate::own_writes::Written;

/// The most labels whose keys a session's computing statements can use.
///
/// Unit: labels. Reason: a startup packet holds at most 10,000 bytes (`MAX_STARTUP_PACKET_LENGTH`), and each key takes
/// about 180. Columns of further labels give NULL in computing statements.
const SQL_LABELS_MAX: usize = 16;

/// The gateway's master key, from which the key of every mask is derived.
pub type MasterKey = Zeroizing<[u8; 32]>;

/// The keys of one session's masks.
pub(crate) struct MaskKeys {
    master: Arc<MasterKey>,
    database: String,
    principal: String,
    /// The settings from which SQL reads keys, by label. Their names are as secret as the keys.
    settings: HashMap<Label, SqlKey>,
    /// A setting that holds no key: what is explained shows this one's name.
    decoy: Option<SqlKey>,
}

impl MaskKeys {
    /// The keys for a principal, and settings for the labels that are in use.
    pub(crate) fn new(
        master: &Arc<MasterKey>,
        database: &DatabaseName,
        principal: &Principal,
        labels: &LabelSnapshot,
    ) -> Result<Self, getrandom::Error> {
        let mut in_use = BTreeSet::new();
        // What is computed from labelled columns within a view, and what nobody has judged, have these.
        let generic = [Label::FreeText, Label::Secret];
        in_use.extend(&generic);
        for (_, relation) in labels.relations() {
            in_use.extend(relation.columns.iter().filter_map(|column| column.verdict().mask_as()));
        }
        let mut settings = HashMap::new();
        for label in in_use.into_iter().take(SQL_LABELS_MAX) {
            if let Some(key) = unguessable()? {
                settings.insert(label.clone(), key);
            }
        }
        Ok(Self {
            master: Arc::clone(master),
            database: database.as_str().to_owned(),
            principal: principal.to_string(),
            settings,
            decoy: unguessable()?,
        })
    }

    /// What the server is told at login, and nobody else ever.
    pub(crate) fn startup_parameters(&self) -> Vec<(String, Zeroizing<String>)> {
        let settings = self.settings.iter();
        settings
            .map(|(label, key)| (key.setting_name().to_owned(), self.key(label).setting()))
            .collect()
    }

    /// Whether a value that is written to a masked column is a mask of this session's.
    pub(crate) fn is_own_mask(&self, value: &[u8], holds: &Holding, column_type: ColumnType) -> bool {
        // What the column showed before its masks became constants.
        let before = Holding {
            constant: false,
            ..holds.clone()
        };
        value.starts_with(b"[masked")
            || self
                .mask(&before, column_type, false)
                .is_some_and(|mask| mask.could_be_own(value))
    }

    fn key(&self, label: &Label) -> Arc<MaskKey> {
        let scope = Scope::Principal(&self.principal);
        Arc::new(MaskKey::derive(&self.master, &self.database, label, scope))
    }

    /// Where SQL reads a label's key; a statement that is explained names one that holds none.
    fn setting(&self, label: &Label, explained: bool) -> Option<&SqlKey> {
        let own = self.settings.get(label).filter(|_| !explained);
        own.or(self.decoy.as_ref())
    }

    /// Whether the masks of a column differ where its values do, whatever the keys.
    pub(crate) fn is_injective(holds: &Holding, column: ColumnType) -> bool {
        let form = holds.form(&column);
        let key = Arc::new(MaskKey::derive(&[0; 32], "", &holds.label, Scope::Database));
        let mask = Mask::new(&holds.label, column, form, key);
        holds.paths.is_none() && mask.is_ok_and(|mask| mask.is_injective())
    }

    fn mask(&self, holds: &Holding, column: ColumnType, explained: bool) -> Option<Mask> {
        let key = self.key(&holds.label);
        if let Some(paths) = &holds.paths
            && matches!(column.scalar(), Scalar::Json | Scalar::Jsonb)
        {
            let rules = paths.iter().map(|(path, label)| {
                Some(JsonRule {
                    path: path.clone(),
                    label: label.clone(),
                    key: self.key(label),
                    setting: self.setting(label, explained)?.clone(),
                })
            });
            return Mask::json(column, rules.collect::<Option<_>>()?, key).ok();
        }
        Mask::new(&holds.label, column.clone(), holds.form(&column), key).ok()
    }
}

fn unguessable() -> Result<Option<SqlKey>, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let mut name = String::with_capacity(33);
    name.push('k');
    for byte in bytes {
        // A String takes every write.
        write!(name, "{byte:02x}").ok();
    }
    Ok(SqlKey::new(&name))
}

/// What a masked column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) label: Label,
    /// The labelled places of its JSON; `None` for all of it.
    paths: Option<Vec<(Vec<String>, Label)>>,
    /// Whether whoever looks has written to it, and would know the masks of values of their own choice again.
    constant: bool,
}

impl Holding {
    /// What has to be masked of a column; `None` for one in clear. What nobody has judged yet could be anything.
    pub(crate) fn of(verdict: Option<&Verdict>, clear: &[Label]) -> Option<Self> {
        let Some(verdict) = verdict else {
            return Some(Self::secret());
        };
        let label = verdict.mask_as()?;
        if clear.contains(label) {
            return None;
        }
        let places = verdict.paths().iter().filter(|place| !clear.contains(&place.label));
        let paths: Option<Vec<_>> = places
            .map(|place| Some((keys_of(&place.path)?, place.label.clone())))
            .collect();
        if matches!(label, Label::Json) && !verdict.paths().is_empty() && paths.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        Some(Self {
            label: label.clone(),
            paths: paths.filter(|paths| matches!(label, Label::Json) && !paths.is_empty()),
            constant: false,
        })
    }

    /// What nobody may see anything of.
    const fn secret() -> Self {
        Self {
            label: Label::Secret,
            paths: None,
            constant: false,
        }
    }

    /// The same, for somebody who has written to it.
    pub(crate) fn of_own_values(self) -> Self {
        let as_secrets = |paths: Vec<_>| paths.into_iter().map(|(path, _)| (path, Label::Secret)).collect();
        Self {
            paths: self.paths.map(as_secrets),
            constant: true,
            ..self
        }
    }

    /// Whether all its values look the same, because whoever looks has written to it.
    pub(crate) const fn is_of_own_values(&self) -> bool {
        self.constant
    }

    /// The form of its masks.
    fn form(&self, column: &ColumnType) -> Form {
        let label = if self.constant { &Label::Secret } else { &self.label };
        Form::default_for(label, column)
    }

    /// Whether it is text in which anything may stand: what is found in it is masked, and the rest shown.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.label, Label::FreeText | Label::Untrusted)
    }
}

/// The keys of a path such as `$.a["b c"][*]`; `None` where it names any member.
fn keys_of(path: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find("\"]")?;
            let key: String = serde_json::from_str(after.get(..=end)?).ok()?;
            keys.push(key);
            rest = after.get(end + 2..)?;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let key = after.get(..end)?;
            if key == "*" {
                return None;
            }
            keys.push(key.to_owned());
            rest = after.get(end..)?;
        }
    }
    Some(keys)
}

/// A result column that is masked on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownColumn {
    /// Where the server must say that it comes from; `None` where only what is found in it is masked.
    pub(crate) origin: Option<(Oid, ColumnNumber)>,
    /// The stored column that is masked.
    pub(crate) column: Option<(Oid, ColumnNumber)>,
    pub(crate) treatment: Treatment,
}

/// What becomes of the cells of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Each is masked.
    Mask(Holding),
    /// What is found in each is masked.
    Scan,
}

/// The masks of a result, by the place of each column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ShownMasks {
    pub(crate) columns: Vec<Option<ShownColumn>>,
}

impl ShownMasks {
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.iter().all(Option::is_none)
    }

    /// Whether a column is one constant because whoever looks has written to it.
    pub(crate) fn has_own_values(&self) -> bool {
        let mut shown = self.columns.iter().flatten();
        shown.any(|shown| matches!(&shown.treatment, Treatment::Mask(holds) if holds.constant))
    }
}

/// The masks of a result whose columns the server has described.
#[derive(Debug)]
pub(crate) struct ReadyMasks {
    cells: Vec<CellMask>,
    /// How many cells of a row are masked, or searched for what has to be.
    pub(crate) masked: u64,
}

#[derive(Debug)]
enum CellMask {
    Clear,
    Scan,
    Null,
    Text(Mask),
    Binary(Mask),
    /// A document: what is labelled in it is masked, and what is found in the rest.
    Document(Mask, Format),
}

impl CellMask {
    fn make_constant(&mut self) {
        *self = match self {
            Self::Text(mask) | Self::Document(mask, Format::Text) => Self::Text(mask.constant()),
            Self::Binary(mask) | Self::Document(mask, Format::Binary) => Self::Binary(mask.constant()),
            Self::Clear | Self::Scan | Self::Null => return,
        };
    }
}

/// The server's result is another than our analysis says, so that no cell can be trusted to be what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disagreement;

impl ReadyMasks {
    /// Puts masks and the server's description together; both must agree on where each masked column comes from.
    pub(crate) fn new(
        shown: &ShownMasks,
        description: RowDescription<'_>,
        keys: &MaskKeys,
        viewer: &Viewer<'_>,
    ) -> Result<Self, Disagreement> {
        if description.count() != shown.columns.len() {
            return Err(Disagreement);
        }
        let mut cells = Vec::with_capacity(shown.columns.len());
        for (column, shown) in description.iter().zip(&shown.columns) {
            if holds_masked(viewer, &column) && shown.as_ref().is_none_or(|shown| shown.origin.is_none()) {
                return Err(Disagreement);
            }
            let Some(shown) = shown else {
                cells.push(CellMask::Clear);
                continue;
            };
            if let Some(origin) = shown.origin
                && origin != (Oid(column.table_oid), ColumnNumber(column.attribute_number))
            {
                return Err(Disagreement);
            }
            let column_type = column_type(Oid(column.type_oid), column.type_modifier, viewer.catalog);
            let scanned = matches!(&shown.treatment, Treatment::Scan)
                || matches!(&shown.treatment, Treatment::Mask(holds) if holds.is_text());
            let is_text = column_type.as_ref().is_some_and(is_textual);
            cells.push(match (&shown.treatment, column_type) {
                // Text and its binary form are the same bytes, but for jsonb's version.
                _ if scanned && is_text => CellMask::Scan,
                (Treatment::Scan, _) => CellMask::Clear,
                (Treatment::Mask(_), None) => CellMask::Null,
                (Treatment::Mask(holds), Some(known)) if is_textual(&known) && holds.paths.is_some() => {
                    match keys.mask(holds, known, false) {
                        Some(mask) => CellMask::Document(mask, column.format),
                        None => CellMask::Null,
                    }
                }
                (Treatment::Mask(holds), Some(known)) => match (keys.mask(holds, known, false), column.format) {
                    (None, _) => CellMask::Null,
                    (Some(mask), Format::Text) => CellMask::Text(mask),
                    (Some(mask), Format::Binary) => CellMask::Binary(mask),
                },
            });
        }
        let masked = cells.iter().filter(|cell| !matches!(cell, CellMask::Clear)).count();
        Ok(Self {
            cells,
            masked: u64::try_from(masked).unwrap_or(u64::MAX),
        })
    }

    /// Makes constants of the columns that whoever looks has written meanwhile: rows that waited may hold that.
    pub(crate) fn follow_writes(&mut self, shown: &ShownMasks, own: &Written, catalog: &CatalogSnapshot) {
        for (cell, shown) in self.cells.iter_mut().zip(&shown.columns) {
            let column = shown.as_ref().and_then(|shown| shown.column);
            if column.is_some_and(|column| own.holds(catalog, column)) {
                cell.make_constant();
            }
        }
    }

    /// Appends the DataRow whose body is `body` with its cells masked.
    pub(crate) fn row(&self, body: &[u8], detectors: &Detectors, out: &mut Vec<u8>) -> Result<(), Disagreement> {
        let (count, mut rest) = body.split_first_chunk::<2>().ok_or(Disagreement)?;
        if usize::from(u16::from_be_bytes(*count)) != self.cells.len() {
            return Err(Disagreement);
        }
        out.push(b'D');
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(count);
        for mask in &self.cells {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(Disagreement)?;
            let length = i32::from_be_bytes(*length);
            if length < 0 {
                out.extend_from_slice(&length.to_be_bytes());
                rest = after;
                continue;
            }
            let length = usize::try_from(length).map_err(|_| Disagreement)?;
            let (cell, after) = after.split_at_checked(length).ok_or(Disagreement)?;
            rest = after;
            let at = out.len();
            out.extend_from_slice(&[0; 4]);
            let masked = match mask {
                CellMask::Clear => {
                    out.extend_from_slice(cell);
                    Masked::Value
                }
                CellMask::Scan => {
                    scanned(cell, detectors, out);
                    Masked::Value
                }
                CellMask::Null => Masked::Null,
                CellMask::Text(mask) => mask.apply_text(cell, out),
                CellMask::Binary(mask) => mask.apply_binary(cell, out),
                CellMask::Document(mask, format) => document(mask, *format, (cell, detectors), out),
            };
            let length = match masked {
                Masked::Value => i32::try_from(out.len() - at - 4).map_err(|_| Disagreement)?,
                Masked::Null => {
                    out.truncate(at + 4);
                    -1
                }
            };
            put(out, at, length)?;
        }
        if !rest.is_empty() {
            return Err(Disagreement);
        }
        let length = i32::try_from(out.len() - start).map_err(|_| Disagreement)?;
        put(out, start, length)
    }
}

/// Whether a result column is, as the server says, a stored one that has to be masked.
pub(crate) fn holds_masked(viewer: &Viewer<'_>, column: &Column<'_>) -> bool {
    column.table_oid != 0
        && viewer
            .held(Oid(column.table_oid), ColumnNumber(column.attribute_number))
            .is_some()
}

/// A document with its labelled places masked, and with what is found in the rest replaced.
fn document(mask: &Mask, format: Format, (cell, detectors): (&[u8], &Detectors), out: &mut Vec<u8>) -> Masked {
    let mut masked = Vec::with_capacity(cell.len());
    let outcome = match format {
        Format::Text => mask.apply_text(cell, &mut masked),
        Format::Binary => mask.apply_binary(cell, &mut masked),
    };
    if outcome == Masked::Value {
        let start = out.len();
        scanned(&masked, detectors, out);
        // In binary, the version of jsonb stands first.
        let text = |bytes: &[u8]| bytes.strip_prefix(b"\x01").unwrap_or(bytes).to_vec();
        let whole = out.get(start..).map(text).unwrap_or_default();
        if serde_json::from_slice::<serde::de::IgnoredAny>(&whole).is_err() {
            let version = masked.first().filter(|first| **first == 1).copied();
            out.truncate(start);
            out.extend(version);
            out.extend_from_slice(b"\"[masked]\"");
        }
    }
    outcome
}

fn put(out: &mut [u8], at: usize, length: i32) -> Result<(), Disagreement> {
    let place = out.get_mut(at..at + 4).ok_or(Disagreement)?;
    place.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A text with what was found in it replaced.
pub(crate) fn scanned(cell: &[u8], detectors: &Detectors, out: &mut Vec<u8>) {
    let mut from = 0;
    for Finding { label, span, .. } in detectors.scan(cell) {
        if span.start < from {
            continue;
        }
        out.extend_from_slice(cell.get(from..span.start).unwrap_or_default());
        out.extend_from_slice(b"[masked ");
        out.extend_from_slice(label.word().as_bytes());
        out.push(b']');
        from = span.end;
    }
    out.extend_from_slice(cell.get(from..).unwrap_or_default());
}

fn is_textual(column: &ColumnType) -> bool {
    !column.is_array()
        && matches!(
            column.scalar(),
            Scalar::Text { .. } | Scalar::Bpchar { .. } | Scalar::Json | Scalar::Jsonb
        )
}

/// A type as masks know it: domains by their base, texts of extensions as text.
pub(crate) fn column_type(type_oid: Oid, modifier: i32, catalog: &CatalogSnapshot) -> Option<ColumnType> {
    let mut type_oid = type_oid;
    // Domains over domains are rare, and never deep.
    for _ in 0..8 {
        if let Some(known) = ColumnType::built_in(type_oid.0, modifier) {
            return Some(known);
        }
        let known = catalog.type_(type_oid)?;
        if known.kind != 'd' {
            let text = known.category == 'S' && known.kind == 'b';
            let name = format!("{}.{}", quoted(&known.schema), quoted(&known.name));
            return text.then(|| ColumnType::new(Scalar::Text { limit: None }, &name));
        }
        type_oid = known.base;
    }
    None
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The masks of one statement's sources.
pub(crate) struct StatementMasks {
    pub(crate) keys: Arc<MaskKeys>,
    pub(crate) labels: Arc<LabelSnapshot>,
    pub(crate) catalog: Arc<CatalogSnapshot>,
    pub(crate) clear: Vec<Label>,
    /// Whether it is a person who asks, and not somebody's agent.
    pub(crate) is_person: bool,
    /// What the person behind it has written.
    pub(crate) own: Arc<Written>,
    /// Whether the text that comes out may be shown: it then names no key.
    pub(crate) explained: bool,
}

impl StatementMasks {
    fn viewer(&self) -> Viewer<'_> {
        Viewer {
            labels: &self.labels,
            catalog: &self.catalog,
            clear: &self.clear,
            is_person: self.is_person,
            own: &self.own,
            writing: BTreeSet::new(),
        }
    }
}

/// What a stored column holds that has to be masked; `None` for one in clear, and for what the server itself made.
pub(crate) fn holding(
    labels: &LabelSnapshot,
    catalog: &CatalogSnapshot,
    (relation, number): (Oid, ColumnNumber),
    clear: &[Label],
) -> Option<Holding> {
    let known = catalog.relation(relation)?;
    if relation.is_built_in() || &*known.name == "pg_stat_statements" {
        let name = &*known.column_numbered(number)?.name;
        let hidden = HIDDEN_COLUMNS
            .iter()
            .any(|(relation, columns)| *relation == &*known.name && columns.contains(&name));
        return hidden.then(Holding::secret);
    }
    // A session's own rows hold what it could read; views go by what they come from.
    // Of a sequence there is a counter alone.
    if known.temporary || matches!(known.kind, RelationKind::View | RelationKind::Sequence) {
        return None;
    }
    let column = known.column_numbered(number)?;
    // A yes or no says nothing of anybody.
    const BOOL: Oid = Oid(16);
    let verdict = labels.verdict_on(relation, column);
    if verdict.is_none() && column.type_oid == BOOL {
        return None;
    }
    // A scan of a table gives the rows of those that inherit from it as well.
    Holding::of(verdict, clear).or_else(|| {
        catalog.children(relation).find_map(|child| {
            let same = catalog.relation(child)?.column(&column.name)?;
            holding(labels, catalog, (child, same.number), clear)
        })
    })
}

/// How much changes have written, by which they tell whether a value was already there.
const CHANGES_OF_TABLES: &[&str] = &["n_tup_hot_upd", "n_tup_newpage_upd"];

/// What the server has noted of the values of a column or expression.
const STATISTICS: &[&str] = &[
    "avg_width",
    "n_distinct",
    "most_common_vals",
    "most_common_freqs",
    "histogram_bounds",
    "correlation",
    "most_common_elems",
    "most_common_elem_freqs",
    "elem_count_histogram",
    "range_length_histogram",
    "range_empty_frac",
    "range_bounds_histogram",
];

/// Columns of the server's own relations that show values of others, what tells of values, or texts that name our keys.
const HIDDEN_COLUMNS: &[(&str, &[&str])] = &[
    (
        "pg_statistic",
        &[
            "stawidth",
            "stadistinct",
            "stanumbers1",
            "stanumbers2",
            "stanumbers3",
            "stanumbers4",
            "stanumbers5",
            "stavalues1",
            "stavalues2",
            "stavalues3",
            "stavalues4",
            "stavalues5",
        ],
    ),
    (
        "pg_statistic_ext_data",
        &["stxdmcv", "stxdexpr", "stxdndistinct", "stxddependencies"],
    ),
    ("pg_stats", STATISTICS),
    (
        "pg_stats_ext",
        &[
            "n_distinct",
            "dependencies",
            "most_common_vals",
            "most_common_val_nulls",
            "most_common_freqs",
            "most_common_base_freqs",
        ],
    ),
    ("pg_stats_ext_exprs", STATISTICS),
    ("pg_backend_memory_contexts", &["ident"]),
    ("pg_stat_activity", &["query"]),
    ("pg_prepared_statements", &["statement"]),
    ("pg_cursors", &["statement"]),
    ("pg_stat_statements", &["query", "wal_records", "wal_fpi", "wal_bytes"]),
    ("pg_stat_wal", &["wal_records", "wal_fpi", "wal_bytes"]),
    ("pg_stat_io", &["read_bytes", "write_bytes", "extend_bytes"]),
    ("pg_stat_database", &["temp_bytes"]),
    (
        "pg_stat_replication",
        &["sent_lsn", "write_lsn", "flush_lsn", "replay_lsn"],
    ),
    (
        "pg_replication_slots",
        &["restart_lsn", "confirmed_flush_lsn", "safe_wal_size"],
    ),
    (
        "pg_stat_wal_receiver",
        &["written_lsn", "flushed_lsn", "latest_end_lsn"],
    ),
    ("pg_stat_subscription", &["received_lsn", "latest_end_lsn"]),
    ("pg_stat_all_tables", CHANGES_OF_TABLES),
    ("pg_stat_sys_tables", CHANGES_OF_TABLES),
    ("pg_stat_user_tables", CHANGES_OF_TABLES),
    ("pg_stat_xact_all_tables", CHANGES_OF_TABLES),
    ("pg_stat_xact_sys_tables", CHANGES_OF_TABLES),
    ("pg_stat_xact_user_tables", CHANGES_OF_TABLES),
];

impl SourceMasks for StatementMasks {
    fn expression(&self, column: &SourceColumn<'_>, argument: &str) -> Result<Option<String>, NoSqlForm> {
        let mut holdings = column
            .lineage
            .iter()
            .filter_map(|(relation, number)| self.viewer().held(*relation, *number));
        let Some(first) = holdings.next() else {
            return Ok(None);
        };
        let known = column_type(column.type_oid, column.type_modifier, &self.catalog).ok_or(NoSqlForm)?;
        let holds = if column.unchanged && holdings.next().is_none() {
            first
        } else {
            // Something computed from masked columns, within a view: no shape of theirs is its own.
            let generic = self.keys.settings.contains_key(&Label::FreeText) && !first.label.is_secret();
            Holding {
                label: if generic { Label::FreeText } else { first.label },
                paths: None,
                constant: first.constant || holdings.any(|other| other.constant),
            }
        };
        let setting = self.keys.setting(&holds.label, self.explained);
        let (Some(mask), Some(setting)) = (self.keys.mask(&holds, known, self.explained), setting) else {
            return Err(NoSqlForm);
        };
        Ok(Some(mask.sql(argument, setting)))
    }

    fn may_look_up(&self, (relation, number): (Oid, ColumnNumber)) -> bool {
        self.viewer().may_look_up(relation, number)
    }

    fn may_match(&self, columns: ColumnMatch) -> bool {
        self.viewer().may_match(columns)
    }

    fn accepts(&self, facts: &StatementFacts) -> bool {
        // What an EXPLAIN shows of conditions is the rewritten text's.
        !self.viewer().assess(facts).needs_masks()
    }
}
