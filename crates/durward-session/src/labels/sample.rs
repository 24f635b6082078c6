//! Values of a relation's columns: from the server's statistics where they show enough, else from some of its rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use durward_model::{Oid, sqlstate};

use super::queries::{self, Printing, Size};
use crate::catalog::TextRow;
use crate::upstream::{ServerError, Target, UpstreamConnection, UpstreamError};

/// How many different values statistics must show, where a column has as many, for rows not to be read.
///
/// Unit: values. Reason: fewer say little of a column of many.
const STATISTICS_VALUES_MIN: usize = 30;

/// The average width from which statistics are not believed: they leave wide values out.
///
/// Unit: bytes. Source: `WIDTH_THRESHOLD` in the server's `commands/analyze.c` is 1,024.
const STATISTICS_WIDTH_MAX: u32 = 256;

/// How many values the common ones of the statistics stand for.
///
/// Unit: values. Reason: as many as rows would be read.
const STATISTICS_REPEATED_MAX: f32 = 200.0;

/// A connection for looking at rows. It is made when first needed, and again after it broke.
#[derive(Debug)]
pub(super) struct Probe {
    target: Target,
    connection: Option<UpstreamConnection>,
}

impl Probe {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            connection: None,
        }
    }

    /// Runs one query. Cancel safe: yes; the connection is then given up.
    pub(super) async fn query(&mut self, text: &str) -> Result<Vec<TextRow>, UpstreamError> {
        if let Some(connection) = self.connection.take() {
            match self.run(connection, text).await {
                // One that died while idle is made once more.
                Err(UpstreamError::Io { .. } | UpstreamError::Closed) => {}
                answered => return answered,
            }
        }
        let mut connection = UpstreamConnection::connect_for_survey(&self.target).await?;
        connection.simple_query(queries::NO_DISGUISE).await?;
        self.run(connection, text).await
    }

    /// The connection is kept where it can be used again.
    async fn run(&mut self, mut connection: UpstreamConnection, text: &str) -> Result<Vec<TextRow>, UpstreamError> {
        let answer = connection.simple_query(text).await;
        if matches!(answer, Ok(_) | Err(UpstreamError::Server(_))) {
            self.connection = Some(connection);
        }
        Ok(answer?.pop().unwrap_or_default())
    }
}

/// A column whose values are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedColumn {
    pub(super) name: Arc<str>,
    pub(super) printing: Printing,
}

/// A relation that is read: a table, a materialised view, or one partition of a partitioned table.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) oid: Oid,
    pub(super) schema: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) size: Size,
}

/// What was seen of a column. Values live as long as the judging of their table, and go nowhere else.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ColumnSample {
    /// Values that are not NULL, cut, about as often as they occur.
    pub(super) values: Vec<String>,
    /// The share of NULLs, from 0 to 1.
    pub(super) null_share: Option<f32>,
    /// How many different values there are, where the statistics know it.
    pub(super) distinct_count: Option<u64>,
    /// How many rows there are, where it is known.
    pub(super) row_count: Option<u64>,
    /// Whether they are values of rows, and not of statistics.
    pub(super) of_rows: bool,
}

impl ColumnSample {
    /// Adds what was seen of the same column in another partition.
    fn add(&mut self, other: Self) {
        self.values.extend(other.values);
        self.null_share = self
            .null_share
            .zip(other.null_share)
            .map(|(one, other)| f32::midpoint(one, other));
        self.distinct_count = None;
        self.row_count = self
            .row_count
            .zip(other.row_count)
            .map(|(one, other)| one.saturating_add(other));
        self.of_rows &= other.of_rows;
    }
}

/// Adds what was seen of another partition.
pub(super) fn add(seen: &mut RelationSample, other: RelationSample) {
    for (name, column) in other {
        match seen.get_mut(&name) {
            Some(known) => known.add(column),
            None => {
                seen.insert(name, column);
            }
        }
    }
}

/// What was seen of a relation, by the names of its columns.
pub(super) type RelationSample = HashMap<Arc<str>, ColumnSample>;

/// Why a relation gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withheld {
    NoRight,
    Locked,
    TooSlow,
    NotPopulated,
    Moved,
    Failed,
}

impl Withheld {
    /// As evidence says it.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            // Row policies that bind the login are reported as this too.
            Self::NoRight => "the gateway's login may not read all of this table",
            Self::Locked => "the table was locked by another session",
            Self::TooSlow => "reading a few rows took too long",
            Self::NotPopulated => "the materialised view is not populated",
            Self::Moved => "the table was renamed or replaced meanwhile",
            Self::Failed => "the server refused to give rows",
        }
    }

    fn of(error: &ServerError) -> Self {
        match error.code() {
            sqlstate::INSUFFICIENT_PRIVILEGE => Self::NoRight,
            sqlstate::LOCK_NOT_AVAILABLE => Self::Locked,
            sqlstate::QUERY_CANCELED => Self::TooSlow,
            "55000" => Self::NotPopulated,
            "42P01" | "42703" | "3F000" => Self::Moved,
            _ => Self::Failed,
        }
    }
}

/// Why there is no sample.
#[derive(Debug)]
pub(super) enum SampleError {
    /// The relation gave none; others may.
    Withheld(Withheld),
    /// The connection is gone.
    Upstream(UpstreamError),
}

impl From<UpstreamError> for SampleError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Server(error) => Self::Withheld(Withheld::of(&error)),
            error => Self::Upstream(error),
        }
    }
}

/// Looks at a relation. Cancel safe: yes.
pub(super) async fn look(
    probe: &mut Probe,
    source: &Source,
    columns: &[WantedColumn],
) -> Result<RelationSample, SampleError> {
    let rows = probe.query(&queries::statistics(&source.schema, &source.name)).await?;
    let mut sample = read_statistics(&rows, source)?;
    let wanted: Vec<(&str, Printing)> = columns
        .iter()
        .filter(|column| !sample.get(&column.name).is_some_and(is_enough))
        .map(|column| (&*column.name, column.printing))
        .collect();
    if wanted.is_empty() {
        return Ok(sample);
    }
    let from_all_over = queries::rows(&source.schema, &source.name, &wanted, source.size, false);
    let mut rows = probe.query(&from_all_over).await?;
    let from_the_beginning = queries::rows(&source.schema, &source.name, &wanted, source.size, true);
    if rows.len() < queries::rows_wanted(wanted.len()) && from_all_over != from_the_beginning {
        // What is thought of its size is old.
        rows = probe.query(&from_the_beginning).await?;
    }
    for (name, column) in read_rows(&rows, source, &wanted)? {
        let known = sample.entry(name).or_default();
        let distinct_count = known.distinct_count;
        // Few rows may still say less than the statistics.
        if column.values.len() >= known.values.len() {
            *known = column;
            known.distinct_count = distinct_count;
        }
    }
    Ok(sample)
}

/// Whether statistics show enough of a column.
fn is_enough(sample: &ColumnSample) -> bool {
    let different: HashSet<&String> = sample.values.iter().collect();
    different.len() >= STATISTICS_VALUES_MIN
}

fn text(row: &TextRow, place: usize) -> Option<&str> {
    std::str::from_utf8(row.get(place)?.as_deref()?).ok()
}

fn number<N: std::str::FromStr>(row: &TextRow, place: usize) -> Option<N> {
    text(row, place)?.parse().ok()
}

/// Reads the answer to [`queries::statistics`].
fn read_statistics(rows: &[TextRow], source: &Source) -> Result<RelationSample, SampleError> {
    let mut sample = RelationSample::new();
    for row in rows {
        if number(row, 0) != Some(source.oid.0) {
            return Err(SampleError::Withheld(Withheld::Moved));
        }
        let (Some(name), Some(null_share)) = (text(row, 1), number::<f32>(row, 2)) else {
            continue;
        };
        let row_count = source.size.row_count();
        let column = ColumnSample {
            values: if number(row, 4).unwrap_or(u32::MAX) > STATISTICS_WIDTH_MAX {
                Vec::new()
            } else {
                values_of_statistics(row, null_share)
            },
            null_share: Some(null_share),
            distinct_count: distinct_count(number(row, 3).unwrap_or_default(), row_count),
            row_count,
            of_rows: false,
        };
        sample.insert(name.into(), column);
    }
    Ok(sample)
}

/// Common values as often as their share of all values says, then each of the others once.
fn values_of_statistics(row: &TextRow, null_share: f32) -> Vec<String> {
    let list = |place| text(row, place).map(serde_json::from_str::<Vec<Option<String>>>);
    let list = |place| list(place).and_then(Result::ok).unwrap_or_default();
    let shares: Vec<f32> = text(row, 7)
        .and_then(|shares| serde_json::from_str(shares).ok())
        .unwrap_or_default();
    let mut values = Vec::new();
    for (value, share) in list(5).into_iter().zip(shares) {
        let share = share / (1.0 - null_share).max(f32::EPSILON);
        let mut times = share * STATISTICS_REPEATED_MAX;
        if let Some(value) = value {
            values.push(value.clone());
            while times > 1.5 {
                values.push(value.clone());
                times -= 1.0;
            }
        }
    }
    values.extend(list(6).into_iter().flatten());
    values
}

/// How many different values there are: `n_distinct` of the statistics is their number, or, negative, their share of the
/// rows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate, not negative; casts saturate"
)]
fn distinct_count(n_distinct: f64, row_count: Option<u64>) -> Option<u64> {
    if n_distinct > 0.0 {
        Some(n_distinct as u64)
    } else if n_distinct < 0.0 {
        row_count.map(|rows| (-n_distinct * rows as f64) as u64)
    } else {
        None
    }
}

/// Reads the answer to [`queries::rows`].
fn read_rows(
    rows: &[TextRow],
    source: &Source,
    columns: &[(&str, Printing)],
) -> Result<Vec<(Arc<str>, ColumnSample)>, SampleError> {
    if rows.iter().any(|row| number(row, 0) != Some(source.oid.0)) {
        return Err(SampleError::Withheld(Withheld::Moved));
    }
    let is_all = rows.len() < queries::rows_wanted(columns.len());
    let row_count = if is_all {
        u64::try_from(rows.len()).ok()
    } else {
        source.size.row_count()
    };
    #[expect(clippy::cast_precision_loss, reason = "some hundred rows")]
    let share = |part: usize| (!rows.is_empty()).then(|| part as f32 / rows.len() as f32);
    let column = |(place, (name, _)): (usize, &(&str, Printing))| {
        let values: Vec<String> = rows
            .iter()
            .filter_map(|row| text(row, place + 1).map(str::to_owned))
            .collect();
        let sample = ColumnSample {
            null_share: share(rows.len() - values.len()),
            values,
            distinct_count: None,
            row_count,
            of_rows: true,
        };
        (Arc::from(*name), sample)
    };
    Ok(columns.iter().enumerate().map(column).collect())
}

/// How large relations are and what was written to them; those that are gone are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) size: Size,
    pub(super) withheld: Option<Withheld>,
    /// Moves with each write.
    pub(super) writes: i64,
}

/// Reads the answer to [`queries::sizes`].
pub(super) fn read_sizes(rows: &[TextRow]) -> HashMap<Oid, Standing> {
    let standing = |row: &TextRow| {
        let is = |place| text(row, place) == Some("t");
        let withheld = match (is(3), is(4)) {
            (_, false) => Some(Withheld::NoRight),
            (false, true) => Some(Withheld::NotPopulated),
            (true, true) => None,
        };
        let size = Size {
            rows: number(row, 1).unwrap_or(-1),
            pages: number(row, 2).unwrap_or(0),
        };
        let standing = Standing {
            size,
            withheld,
            writes: number(row, 5).unwrap_or(0),
        };
        Some((Oid(number(row, 0)?), standing))
    };
    rows.iter().filter_map(standing).collect()
}

/// Comments by relation and column, 0 for the relation itself.
pub(super) type Comments = HashMap<(Oid, i16), String>;

/// Reads the answer to [`queries::comments`].
pub(super) fn read_comments(rows: &[TextRow]) -> Comments {
    let comment = |row: &TextRow| {
        let key = (Oid(number(row, 0)?), number(row, 1)?);
        Some((key, text(row, 2)?.to_owned()))
    };
    rows.iter().filter_map(comment).collect()
}

/// Reads the answer to [`queries::IDENTITY`].
pub(super) fn read_identity(rows: &[TextRow]) -> Option<(u64, Oid)> {
    let row = rows.first()?;
    Some((number(row, 0)?, Oid(number(row, 1)?)))
}
