//! What each column of a database holds, found without configuration: the label book.
//!
//! A survey judges columns by their names and types at once, then by values: those of the server's statistics, or of a
//! bounded number of rows. A column that nobody has judged yet counts as unsafe. What was found is kept in the data
//! directory, and what somebody said of a column wins over it for ever.

mod judge;
mod kept;
mod pages;
mod path;
mod queries;
mod sample;
mod snapshot;
mod store;
mod survey;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use durward_mask::detect::Detectors;
use durward_model::{ColumnCopy, DatabaseName, Label, Oid};

use crate::upstream::{Target, UpstreamError};
use pages::Pages;
use store::{DatabaseIdentity, LabelFiles, Override};
use survey::Surveyor;

pub use kept::KeptLabels;
pub use path::ColumnPath;
pub use snapshot::{Basis, ColumnLabel, LabelSnapshot, Overridden, RelationLabels};
pub(crate) use store::file_name;
pub use survey::SurveyReport;

/// Numbers snapshots over all databases: cached decisions are keyed by it.
static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);

/// Why a label book can't be read, filled or changed. No text holds a value of the database.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The server can't be reached.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The file system said no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file is there, and can't be used.
    #[error("{path} can't be used: {problem}", path = path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The survey itself failed.
    #[error("the survey ended early: {0}")]
    Cut(&'static str),
    /// A text names no column.
    #[error("{0:?} names no column: SCHEMA.TABLE.COLUMN is expected, names with a dot in double quotes")]
    NoColumn(String),
    /// There is no such column, or more than one.
    #[error("there is {0}")]
    Unknown(String),
    /// There is no such label.
    #[error("there is no label {0:?}; there are {labels}, and none for a column that holds nothing of the kind", labels = known_words())]
    UnknownLabel(String),
    /// Nothing is known of the database yet.
    #[error("the database was not surveyed yet")]
    NotSurveyed,
}

impl LabelsError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn unusable(path: &Path, problem: &str) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

fn known_words() -> String {
    Label::BUILT_IN.map(|label| label.word().to_owned()).join(", ")
}

/// What somebody says of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChoice {
    /// It holds this.
    Holds(Label),
    /// It holds nothing that has to be masked.
    Harmless,
    /// What a survey finds shall hold again.
    AsFound,
}

impl LabelChoice {
    /// The choice of a word: a label's, `none` for harmless, or `auto` for what a survey finds.
    pub fn of_word(word: &str) -> Self {
        match word {
            "none" => Self::Harmless,
            "auto" => Self::AsFound,
            word => Self::Holds(Label::of_word(word)),
        }
    }
}

/// The label book of one database.
#[derive(Debug)]
pub struct LabelBook {
    files: Option<LabelFiles>,
    detectors: Detectors,
    /// Whether values are looked at, and not names and types alone.
    looks_at_values: bool,
    current: ArcSwap<LabelSnapshot>,
    state: Mutex<State>,
    surveyor: tokio::sync::Mutex<Surveyor>,
}

/// What the book holds.
#[derive(Debug)]
enum State {
    /// Which database it is isn't known yet: what was said in earlier runs waits.
    Closed(Vec<Override>),
    /// At work.
    Open(DatabaseIdentity, Pages),
}

impl State {
    fn pages(&self) -> Option<&Pages> {
        match self {
            Self::Closed(_) => None,
            Self::Open(_, pages) => Some(pages),
        }
    }

    fn pages_mut(&mut self) -> Result<(DatabaseIdentity, &mut Pages), LabelsError> {
        match self {
            Self::Closed(_) => Err(LabelsError::NotSurveyed),
            Self::Open(identity, pages) => Ok((*identity, pages)),
        }
    }
}

impl LabelBook {
    /// An empty book that is kept nowhere.
    pub fn new(target: Target) -> Self {
        Self::with(target, None, Vec::new())
    }

    /// The book of a database, with what earlier runs have kept of it in `data_dir`.
    ///
    /// # Errors
    /// When what somebody said of columns is there and can't be read.
    pub fn open(target: Target, database: &DatabaseName, data_dir: &Path) -> Result<Self, LabelsError> {
        let files = LabelFiles::new(data_dir, database);
        let told = files.read_told()?;
        Ok(Self::with(target, Some(files), told))
    }

    /// The same book, which judges columns by their names and types alone.
    #[must_use]
    pub fn by_names_alone(self) -> Self {
        Self {
            looks_at_values: false,
            ..self
        }
    }

    /// The same book, which looks for what these find.
    #[must_use]
    pub fn with_detectors(self, detectors: Detectors) -> Self {
        Self { detectors, ..self }
    }

    /// What finds sensitive values in the database's texts.
    pub(crate) const fn detectors(&self) -> &Detectors {
        &self.detectors
    }

    fn with(target: Target, files: Option<LabelFiles>, told: Vec<Override>) -> Self {
        Self {
            files,
            detectors: Detectors::built_in(),
            looks_at_values: true,
            current: ArcSwap::from_pointee(Pages::default().snapshot(next_generation())),
            state: Mutex::new(State::Closed(told)),
            surveyor: tokio::sync::Mutex::new(Surveyor::new(target)),
        }
    }

    /// What is known now.
    pub fn current(&self) -> Arc<LabelSnapshot> {
        self.current.load_full()
    }

    /// The number of what is known now: see [`LabelSnapshot::generation`].
    pub fn generation(&self) -> u64 {
        self.current.load().generation()
    }

    /// The column that somebody wants to say something of, with its full name.
    ///
    /// # Errors
    /// When there is no such column, more than one, or no such label.
    pub fn resolve(&self, path: &ColumnPath, choice: &LabelChoice) -> Result<ColumnPath, LabelsError> {
        let state = self.state();
        let pages = state.pages().ok_or(LabelsError::NotSurveyed)?;
        kept::resolve(pages, self.detectors.own_labels(), path, choice)
    }

    /// Notes what somebody says of a column: on disk first, then for the next statement.
    ///
    /// # Errors
    /// When there is no such column or label, or the file can't be written; all is as before then.
    pub fn tell(&self, path: &ColumnPath, choice: &LabelChoice, by: &str) -> Result<(), LabelsError> {
        let mut state = self.state();
        let (identity, pages) = state.pages_mut()?;
        kept::tell(
            pages,
            self.files.as_ref(),
            identity,
            self.detectors.own_labels(),
            (path, choice, by),
        )?;
        self.publish(pages);
        Ok(())
    }

    /// Gives columns the labels of those whose values go into them, unless they have one or somebody said something of
    /// them. On disk first, then for the next statement; a file that can't be written is no reason not to mask.
    pub(crate) fn follow_data(&self, copies: &[ColumnCopy]) {
        let current = self.current.load();
        let label_of = |copy: &ColumnCopy| match current.verdict(copy.from.0, copy.from.1)?.label()? {
            // Its places are found again.
            Label::Json => None,
            label => Some(label.clone()),
        };
        let labelled: Vec<_> = copies.iter().filter_map(|copy| Some((copy, label_of(copy)?))).collect();
        if labelled.is_empty() {
            return;
        }
        let mut state = self.state();
        let Ok((identity, pages)) = state.pages_mut() else {
            return;
        };
        let mut followed = false;
        for (copy, label) in labelled {
            followed |= pages.follow_data(copy, label, identity);
        }
        if !followed {
            return;
        }
        if let Some(files) = &self.files
            && let Err(error) = files.write_told(&pages.told())
        {
            tracing::warn!(%error, "labels that followed data couldn't be kept");
        }
        self.publish(pages);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, pages: &Pages) {
        self.current.store(Arc::new(pages.snapshot(next_generation())));
    }

    fn relation(&self, oid: Oid) -> Option<Arc<RelationLabels>> {
        self.state().pages()?.relation(oid).cloned()
    }
}

fn next_generation() -> u64 {
    NEXT_GENERATION.fetch_add(1, Ordering::Relaxed)
}
