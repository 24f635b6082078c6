//! Counts how often verdicts are right.

use std::fmt::Write as _;

/// A judged column.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) column: String,
    pub(crate) truth: Option<&'static str>,
    pub(crate) found: Option<String>,
    pub(crate) is_trap: bool,
    pub(crate) evidence: String,
}

/// How well columns were judged.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) columns: usize,
    sensitive: usize,
    harmless: usize,
    traps: usize,
    right: usize,
    wrong_label: usize,
    leaked: usize,
    over: usize,
    trapped: usize,
}

impl Figures {
    pub(crate) fn of<'a>(judged: impl Iterator<Item = &'a Judged>) -> Self {
        let mut figures = Self::default();
        for one in judged {
            figures.columns += 1;
            figures.traps += usize::from(one.is_trap);
            match (one.truth, one.found.as_deref()) {
                (Some(truth), Some(found)) => {
                    figures.sensitive += 1;
                    if truth == found {
                        figures.right += 1
                    } else {
                        figures.wrong_label += 1
                    }
                }
                (Some(_), None) => {
                    figures.sensitive += 1;
                    figures.leaked += 1;
                }
                (None, Some(_)) => {
                    figures.harmless += 1;
                    figures.over += 1;
                    figures.trapped += usize::from(one.is_trap);
                }
                (None, None) => figures.harmless += 1,
            }
        }
        figures
    }

    /// The harmonic mean of precision and recall over all labels. A wrong label is an error in both.
    pub(crate) fn f1(&self) -> f64 {
        let found = self.right + self.wrong_label + self.over;
        share(2 * self.right, found + self.sensitive)
    }

    /// The share of sensitive columns that are shown in clear.
    pub(crate) fn leak(&self) -> f64 {
        share(self.leaked, self.sensitive)
    }

    /// The share of harmless columns that are masked.
    pub(crate) fn over(&self) -> f64 {
        share(self.over, self.harmless)
    }

    /// The share of the trap group that is masked.
    pub(crate) fn trapped(&self) -> f64 {
        share(self.trapped, self.traps)
    }

    /// A row of the table in the documentation.
    pub(crate) fn row(&self, name: &str) -> String {
        let mut row = format!("| {name} | {} | {} | {}", self.columns, self.sensitive, self.traps);
        write!(
            row,
            " | {:.3} | {:.1} % | {:.1} % | {:.1} % | {:.1} % |",
            self.f1(),
            100.0 * share(self.wrong_label, self.sensitive),
            100.0 * self.leak(),
            100.0 * self.over(),
            100.0 * self.trapped()
        )
        .expect("a string takes everything");
        row
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of columns are small")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
