//! What a driver got under masks, against what it got in clear.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::case::{Rules, Step};
use super::clients::{Cell, Told};
use super::layout::Column;
use super::shape;
use super::truths::Truths;

/// The codes of refusals: no right to do it; a feature that isn't there under masks; the gateway's own.
const REFUSALS: &[&str] = &["42501", "WD008"];

/// One of this many masks of dates and postcodes may be the value itself, since each maps onto all of them.
const SAME_BY_CHANCE: usize = 50;

/// What is wrong with a step's result, if anything.
pub(super) fn check(
    step: &Step,
    layout: &[Column],
    clear: &Told,
    masked: &Told,
    truths: &Truths,
    is_exact: bool,
) -> Result<(), String> {
    if let Some(code) = &clear.error {
        return Err(format!("fails in clear: {code} {}", clear.message));
    }
    match (&masked.error, step.rules.refused) {
        (Some(code), true) if REFUSALS.contains(&code.as_str()) => return Ok(()),
        (Some(code), _) => return Err(format!("{code} {}", masked.message)),
        (None, true) => return Err("is called refused, and isn't: take the word out".to_owned()),
        (None, false) => {}
    }
    let mut comparison = Comparison::new(step, layout, clear, masked, is_exact)?;
    comparison.no_truth(truths)?;
    match (comparison.check(clear, masked), step.rules.wrong) {
        (Ok(()), true) => Err("is called wrong, and isn't: take the word out".to_owned()),
        (Err(_), true) => Ok(()),
        (checked, false) => checked,
    }
}
/// As many columns with the same names and types, each of the table's column that it is of, or of none.
fn descriptions(rules: &Rules, layout: &[Column], clear: &Told, masked: &Told) -> Result<(), String> {
    let (clear, masked) = match (&clear.columns, &masked.columns) {
        (None, None) => return Ok(()),
        (Some(clear), Some(masked)) if clear.len() == masked.len() && clear.len() == layout.len() => (clear, masked),
        (clear, masked) => return Err(format!("columns {clear:?} in clear, {masked:?} masked")),
    };
    for (index, (clear, masked)) in clear.iter().zip(masked).enumerate() {
        let number = index + 1;
        if clear.name != masked.name {
            return Err(format!(
                "column {number} is named {:?}, not {:?}",
                masked.name, clear.name
            ));
        }
        let is_record = rules.record.contains(&number);
        if is_record && masked.kind.parse::<u32>().is_ok_and(|number| number != RECORD) {
            return Err(format!(
                "column {number} has the type {}, and is no record",
                masked.kind
            ));
        }
        if !is_record && clear.kind != masked.kind {
            return Err(format!(
                "column {number} has the type {}, not {}",
                masked.kind, clear.kind
            ));
        }
        let source = (masked.table, masked.column);
        let of_new_table = layout.get(index).is_some_and(|column| column.of_new_table);
        if !of_new_table && source != (clear.table, clear.column) && source != (Some(0), Some(0)) {
            return Err(format!(
                "column {number} is of {source:?}, not {:?}",
                (clear.table, clear.column)
            ));
        }
    }
    Ok(())
}

/// The type of anonymous rows (`pg_type.dat`).
const RECORD: u32 = 2249;

/// Two results of one step, and which of their columns may differ.
struct Comparison<'a> {
    rules: &'a Rules,
    layout: &'a [Column],
    clear: Cow<'a, [Vec<Cell>]>,
    masked: Cow<'a, [Vec<Cell>]>,
    /// Whether different values come out of the driver as different ones.
    is_exact: bool,
    /// Whether the rows of both sides are known to be the same ones, one by one.
    aligned: bool,
}

impl<'a> Comparison<'a> {
    fn new(
        step: &'a Step,
        layout: &'a [Column],
        clear: &'a Told,
        masked: &'a Told,
        is_exact: bool,
    ) -> Result<Self, String> {
        let rules = &step.rules;
        for column in rules.computed.iter().chain(&rules.volatile).chain(&rules.record) {
            if *column == 0 || *column > layout.len() {
                return Err(format!("there is no column {column}"));
            }
        }
        let [clear, masked] = [clear, masked].map(|told| match &told.copied {
            Some(text) => Cow::Owned(copied_rows(&step.sql, text)),
            None => Cow::Borrowed(told.rows.as_slice()),
        });
        if let Some(row) = masked.iter().find(|row| row.len() != layout.len()) {
            return Err(format!("a row of {} cells", row.len()));
        }
        Ok(Self {
            rules,
            layout,
            clear,
            masked,
            is_exact,
            aligned: !rules.other_rows,
        })
    }

    fn check(&mut self, clear: &Told, masked: &Told) -> Result<(), String> {
        if !self.rules.other_rows && clear.command != masked.command {
            return Err(format!("{:?} in clear, {:?} masked", clear.command, masked.command));
        }
        if !self.rules.other_rows && self.clear.len() != self.masked.len() {
            return Err(format!(
                "{} rows in clear, {} masked",
                self.clear.len(),
                self.masked.len()
            ));
        }
        descriptions(self.rules, self.layout, clear, masked)?;
        self.sort();
        self.kept_cells()?;
        for (column, Column { name, .. }) in self.layout.iter().enumerate() {
            if self.is_masked(column) {
                let checked = self.masked_column(column);
                checked.map_err(|problem| format!("column {} ({name}): {problem}", column + 1))?;
            }
        }
        self.computed_columns_differ()
    }

    fn is_computed(&self, column: usize) -> bool {
        self.rules.computed.contains(&(column + 1))
    }

    fn is_masked(&self, column: usize) -> bool {
        self.is_computed(column) || self.layout.get(column).is_some_and(|column| column.label.is_some())
    }

    /// The cells of a row that masks leave alone.
    fn key<'r>(&self, row: &'r [Cell]) -> Vec<&'r Cell> {
        let kept = |column: &usize| !self.is_masked(*column) && !self.rules.volatile.contains(&(column + 1));
        let cells = row.iter().enumerate().filter(|(column, _)| kept(column));
        cells.map(|(_, cell)| cell).collect()
    }

    /// Where rows come in any order, they are put into that of what isn't masked.
    fn sort(&mut self) {
        if !self.rules.any_order || self.rules.other_rows {
            return;
        }
        let [clear, masked] = [&self.clear, &self.masked].map(|rows| {
            let mut rows = rows.to_vec();
            rows.sort_by(|one, other| self.key(one).cmp(&self.key(other)));
            rows
        });
        let keys: BTreeSet<_> = clear.iter().map(|row| self.key(row)).collect();
        self.aligned = keys.len() == clear.len();
        drop(keys);
        (self.clear, self.masked) = (Cow::Owned(clear), Cow::Owned(masked));
    }

    fn kept_cells(&self) -> Result<(), String> {
        if self.rules.other_rows {
            return Ok(());
        }
        for (number, (clear, masked)) in self.clear.iter().zip(self.masked.iter()).enumerate() {
            let (clear, masked) = (self.key(clear), self.key(masked));
            if clear != masked {
                return Err(format!("row {}: {clear:?} in clear, {masked:?} masked", number + 1));
            }
        }
        Ok(())
    }

    /// NULL where NULL was, the kind of value that the driver made of the true ones, the right shape, and another value.
    fn masked_column(&self, column: usize) -> Result<(), String> {
        let [clear, masked] = [&self.clear, &self.masked].map(|rows| cells(rows, column));
        let kinds: BTreeSet<&str> = clear.iter().copied().flatten().map(|(kind, _)| kind.as_str()).collect();
        let is_record = self.rules.record.contains(&(column + 1));
        let odd = masked
            .iter()
            .copied()
            .flatten()
            .find(|(kind, _)| !kinds.contains(kind.as_str()));
        if let Some((kind, text)) = odd
            && !is_record
            && !kinds.is_empty()
        {
            return Err(format!("`{text}` came as {kind}, in clear as {kinds:?}"));
        }
        let nulls = |cells: &[Option<&(String, String)>]| cells.iter().filter(|cell| cell.is_none()).count();
        if !self.rules.other_rows && nulls(&clear) != nulls(&masked) {
            return Err(format!("{} NULLs in clear, {} masked", nulls(&clear), nulls(&masked)));
        }
        let pairs = clear.iter().zip(&masked).filter(|_| self.aligned);
        if pairs.clone().any(|(clear, masked)| clear.is_none() != masked.is_none()) {
            return Err("NULL isn't where it was".to_owned());
        }
        let Some(label) = self.layout.get(column).and_then(|column| column.label.as_deref()) else {
            return Ok(());
        };
        for (index, masked) in masked.iter().enumerate() {
            let Some((_, masked)) = masked else { continue };
            let clear = clear.get(index).copied().flatten().filter(|_| self.aligned);
            shape::check(label, clear.map(|(_, text)| text.as_str()), masked)?;
        }
        let same = pairs
            .filter(|(clear, masked)| clear.is_some() && clear == masked)
            .count();
        let same_max = match label {
            // Most of a text is no secret.
            "free_text" | "untrusted" => usize::MAX,
            "birth_date" | "postcode" => 1 + masked.len() / SAME_BY_CHANCE,
            _ => 0,
        };
        if self.is_exact && same > same_max {
            return Err(format!("{same} of {} cells are the true ones", masked.len()));
        }
        Ok(())
    }

    /// What is computed from masks isn't what is computed from true values.
    fn computed_columns_differ(&self) -> Result<(), String> {
        if !self.aligned || !self.is_exact {
            return Ok(());
        }
        let computed = (0..self.layout.len()).filter(|column| self.is_computed(*column));
        let [clear, masked] = [&self.clear, &self.masked].map(|rows| {
            let cells = computed.clone().flat_map(|column| cells(rows, column));
            cells.flatten().map(|(_, text)| text).collect::<Vec<_>>()
        });
        if !clear.is_empty() && clear == masked {
            return Err("the columns that are called computed are as in clear".to_owned());
        }
        Ok(())
    }

    /// Labelled text may quote what was not recognised in it; nothing else may show a true value.
    fn no_truth(&self, truths: &Truths) -> Result<(), String> {
        let is_text = |column: usize| {
            let label = self.layout.get(column).and_then(|column| column.label.as_deref());
            matches!(label, Some("free_text" | "untrusted"))
        };
        for column in (0..self.layout.len()).filter(|column| !is_text(*column)) {
            for (_, text) in cells(&self.masked, column).into_iter().flatten() {
                if let Some(truth) = truths.found_in(text) {
                    return Err(format!("column {}: `{text}` shows `{truth}`", column + 1));
                }
            }
        }
        Ok(())
    }
}

fn cells(rows: &[Vec<Cell>], column: usize) -> Vec<Option<&(String, String)>> {
    rows.iter()
        .map(|row| row.get(column).and_then(Option::as_ref))
        .collect()
}

/// The rows of a COPY in text format, or in CSV of plain values with a header.
fn copied_rows(sql: &str, text: &str) -> Vec<Vec<Cell>> {
    let (separator, null, headers) = if sql.contains("csv") {
        (',', "", 1)
    } else {
        ('\t', "\\N", 0)
    };
    assert!(!text.contains('"'), "quoted values are not read here");
    let cell = |text: &str| (text != null).then(|| ("copied".to_owned(), text.to_owned()));
    text.lines()
        .skip(headers)
        .map(|line| line.split(separator).map(cell).collect())
        .collect()
}
