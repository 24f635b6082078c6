//! `durward data`: what is shown of label books, and how one is told what a column holds.

use durward_mask::verdict::{Outcome, Verdict};
use durward_model::Label;
use durward_session::{Basis, ColumnLabel, LabelChoice, RelationLabels};
use serde::{Deserialize, Serialize};

use crate::screen::{Style, say, say_json, styled, table};

/// How many pieces of evidence a line of the table shows; JSON has all.
const EVIDENCE_SHOWN: usize = 2;

/// One column of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnReport {
    /// The database, by the name that clients use.
    database: String,
    schema: String,
    table: String,
    column: String,
    #[serde(rename = "type")]
    type_name: String,
    state: ColumnState,
    label: Option<String>,
    /// How sure that is, 0 to 100.
    confidence: u8,
    /// Why, the strongest reason first.
    evidence: Vec<String>,
    /// What was looked at: `name`, `statistics` or `rows`.
    basis: Basis,
    values_seen: usize,
    /// Who said so, where somebody did.
    told_by: Option<String>,
    /// For whom it is masked, in words.
    masked: String,
}

/// What is known of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnState {
    /// It holds something that has a label.
    Labelled,
    /// It may hold something.
    Undecided,
    /// It holds nothing that has to be masked.
    Harmless,
}

impl ColumnState {
    fn of(verdict: &Verdict) -> Self {
        match verdict.outcome {
            Outcome::Labelled { .. } => Self::Labelled,
            Outcome::Undecided { .. } => Self::Undecided,
            Outcome::Harmless => Self::Harmless,
        }
    }
}

/// For whom a column is masked: the one place that says so.
fn masked_for(state: ColumnState) -> &'static str {
    match state {
        ColumnState::Labelled => "for people and agents; in clear for operators, services",
        ColumnState::Undecided => "until it is decided, where it looks personal",
        ColumnState::Harmless => "for nobody",
    }
}

/// The columns of a database's label book. Partitions are left out: they have what their parent has.
pub(crate) fn report<'a>(database: &str, relations: impl Iterator<Item = &'a RelationLabels>) -> Vec<ColumnReport> {
    let mut columns: Vec<(String, String, i16, ColumnReport)> = Vec::new();
    for labels in relations.filter(|labels| labels.partition_of.is_none()) {
        for column in &labels.columns {
            let shown = of_column(database, labels, column);
            columns.push((shown.schema.clone(), shown.table.clone(), column.number.0, shown));
        }
    }
    columns.sort_by(|one, other| (&one.0, &one.1, one.2).cmp(&(&other.0, &other.1, other.2)));
    columns.into_iter().map(|(_, _, _, column)| column).collect()
}

fn of_column(database: &str, labels: &RelationLabels, column: &ColumnLabel) -> ColumnReport {
    let verdict = column.verdict();
    let state = ColumnState::of(verdict);
    ColumnReport {
        database: database.to_owned(),
        schema: labels.schema.to_string(),
        table: labels.name.to_string(),
        column: column.name.to_string(),
        type_name: column.type_name.to_string(),
        state,
        label: verdict.label().map(Label::to_string),
        confidence: verdict.confidence,
        evidence: verdict.evidence.iter().map(ToString::to_string).collect(),
        basis: column.basis,
        values_seen: column.values_seen,
        told_by: column.overridden.as_ref().map(|told| told.by.clone()),
        masked: masked_for(state).to_owned(),
    }
}

/// Which columns of a map are shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Of this table only: `table` or `schema.table`.
    pub(crate) table: Option<String>,
    /// Harmless ones too.
    pub(crate) all: bool,
}

impl Choice {
    fn takes(&self, column: &ColumnReport) -> bool {
        let of_table = self
            .table
            .as_ref()
            .is_none_or(|table| *table == column.table || *table == format!("{}.{}", column.schema, column.table));
        of_table && (self.all || column.state != ColumnState::Harmless)
    }
}

/// Prints a map.
pub(crate) fn show(columns: &[ColumnReport], choice: &Choice, json: bool) -> anyhow::Result<()> {
    let shown: Vec<&ColumnReport> = columns.iter().filter(|column| choice.takes(column)).collect();
    if json {
        return shown.into_iter().try_for_each(say_json);
    }
    let mut databases: Vec<&str> = columns.iter().map(|column| column.database.as_str()).collect();
    databases.dedup();
    let many = databases.len() > 1;
    if shown.is_empty() {
        say("nothing personal was found");
    } else {
        say(as_table(&shown, many));
    }
    say("");
    let count = |state| columns.iter().filter(|column| column.state == state).count();
    say(format!(
        "{} columns: {} labelled, {} undecided, {} with nothing personal",
        columns.len(),
        count(ColumnState::Labelled),
        count(ColumnState::Undecided),
        count(ColumnState::Harmless)
    ));
    for state in [ColumnState::Labelled, ColumnState::Undecided] {
        let name = if state == ColumnState::Labelled {
            "labelled"
        } else {
            "undecided"
        };
        say(styled(Style::Faint, &format!("{name}: masked {}", masked_for(state))));
    }
    Ok(())
}

fn as_table(columns: &[&ColumnReport], many: bool) -> String {
    let rows = columns.iter().map(|column| {
        let database = if many {
            format!("{}: ", column.database)
        } else {
            String::new()
        };
        let label = match (&column.label, column.state) {
            (Some(label), _) => label.clone(),
            (None, ColumnState::Undecided) => "undecided".to_owned(),
            (None, _) => "none".to_owned(),
        };
        let why: Vec<&str> = column
            .evidence
            .iter()
            .take(EVIDENCE_SHOWN)
            .map(String::as_str)
            .collect();
        let masked = match column.state {
            ColumnState::Labelled => "people, agents",
            ColumnState::Undecided => "people, agents, where it looks personal",
            ColumnState::Harmless => "",
        };
        vec![
            format!("{database}{}.{}", column.schema, column.table),
            column.column.clone(),
            label,
            format!("{} %", column.confidence),
            why.join("; "),
            masked.to_owned(),
        ]
    });
    table(&["table", "column", "label", "sure", "why", "masked for"], rows)
}

/// What the record says of a label that somebody gave.
pub(crate) fn object(database: &str, column: &str, choice: &LabelChoice) -> String {
    let label = match choice {
        LabelChoice::Holds(label) => label.word(),
        LabelChoice::Harmless => "none",
        LabelChoice::AsFound => "auto",
    };
    format!("{database} {column}: {label}")
}

/// What to say when it is done.
pub(crate) fn sentence(column: &str, choice: &LabelChoice) -> String {
    match choice {
        LabelChoice::Holds(label) => format!(
            "{column} holds {label}, whatever is found: it is masked {}",
            masked_for(ColumnState::Labelled)
        ),
        LabelChoice::Harmless => format!("{column} holds nothing personal, whatever is found: it is masked for nobody"),
        LabelChoice::AsFound => format!("{column} goes by what is found in it again"),
    }
}
