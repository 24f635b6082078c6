//! The book without a gateway: what was kept of it, to be shown or changed by the command line.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use durward_model::{DatabaseName, Oid};

use super::pages::{FoundColumn, Pages, check_label};
use super::store::{DatabaseIdentity, LabelFiles, Override};
use super::{ColumnPath, LabelChoice, LabelsError, RelationLabels};

/// What was kept of a database's label book by a gateway that doesn't run now.
#[derive(Debug)]
pub struct KeptLabels {
    files: LabelFiles,
    identity: DatabaseIdentity,
    pages: Pages,
}

impl KeptLabels {
    /// The books of all databases of which anything is kept in `data_dir`, by name.
    ///
    /// # Errors
    /// When a file is there and can't be read.
    pub fn all(data_dir: &Path) -> Result<Vec<Self>, LabelsError> {
        let mut all = Vec::new();
        for files in LabelFiles::all(data_dir)? {
            let told = files.read_told()?;
            if let Some(found) = files.read_found() {
                all.push(Self {
                    pages: Pages::new(found.identity, found.relations, told),
                    identity: found.identity,
                    files,
                });
            }
        }
        Ok(all)
    }

    /// The database.
    pub fn database(&self) -> DatabaseName {
        self.files.database().into()
    }

    /// All that is known, in no order.
    pub fn relations(&self) -> impl Iterator<Item = (Oid, &Arc<RelationLabels>)> {
        self.pages.relations()
    }

    /// As [`super::LabelBook::resolve`].
    ///
    /// # Errors
    /// As there.
    pub fn resolve(&self, path: &ColumnPath, choice: &LabelChoice) -> Result<ColumnPath, LabelsError> {
        resolve(&self.pages, &BTreeSet::new(), path, choice)
    }

    /// As [`super::LabelBook::tell`].
    ///
    /// # Errors
    /// As there.
    pub fn tell(&mut self, path: &ColumnPath, choice: &LabelChoice, by: &str) -> Result<(), LabelsError> {
        let own_labels = BTreeSet::new();
        let files = Some(&self.files);
        tell(&mut self.pages, files, self.identity, &own_labels, (path, choice, by))
    }
}

impl FoundColumn {
    pub(super) fn path(&self) -> ColumnPath {
        ColumnPath {
            schema: Some(self.schema.clone()),
            table: self.table.clone(),
            column: self.column.clone(),
        }
    }
}

/// Whether it makes sense to say this of that column, and its full name.
pub(super) fn resolve(
    pages: &Pages,
    own_labels: &BTreeSet<Arc<str>>,
    path: &ColumnPath,
    choice: &LabelChoice,
) -> Result<ColumnPath, LabelsError> {
    if let LabelChoice::Holds(label) = choice {
        check_label(Some(label), own_labels)?;
    }
    Ok(pages.find(path)?.path())
}

/// Notes what somebody says, on disk first.
pub(super) fn tell(
    pages: &mut Pages,
    files: Option<&LabelFiles>,
    identity: DatabaseIdentity,
    own_labels: &BTreeSet<Arc<str>>,
    (path, choice, by): (&ColumnPath, &LabelChoice, &str),
) -> Result<(), LabelsError> {
    let found = pages.find(path)?;
    let (relation, number) = (found.relation, found.number);
    let label = match choice {
        LabelChoice::Holds(label) => Some(label.clone()),
        LabelChoice::Harmless | LabelChoice::AsFound => None,
    };
    check_label(label.as_ref(), own_labels)?;
    let told = Override {
        identity,
        relation,
        number,
        schema: found.schema,
        table: found.table,
        column: found.column,
        label,
        by: by.to_owned(),
        set_unix_seconds: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    let is_withdrawn = *choice == LabelChoice::AsFound;
    let mut all = pages.told();
    all.retain(|other| (other.identity, other.relation, other.number) != (identity, relation, number));
    if !is_withdrawn {
        all.push(told.clone());
    }
    if let Some(files) = files {
        files.write_told(&all)?;
    }
    if is_withdrawn {
        pages.untell(relation, number);
    } else {
        pages.tell(told);
    }
    Ok(())
}
