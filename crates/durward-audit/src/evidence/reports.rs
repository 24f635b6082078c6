//! The reports: their questions, their tables, and what they can't say.

mod access;
mod changes;
mod record;

/// What every report leaves to people.
pub const ASSESSOR: &str = "This report helps to show that the controls named here work; whether they do, in design and \
    over the period, is for an assessor to confirm.";

/// A report.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// The controls that it serves.
    pub controls: &'static [&'static str],
    /// Its tables.
    pub tables: &'static [Table],
    /// What it can't say, because nothing records it yet.
    pub gaps: &'static [&'static str],
    /// Whether it is about one change, which has to be named.
    pub of_one_change: bool,
}

/// The views that have rows only where statements are taken in.
const OF_STATEMENTS: [&str; 5] = [
    "statements",
    "statement_relations",
    "statement_columns",
    "labelled_columns",
    "first_access",
];

impl Report {
    /// Whether any of its tables is about statements: the others are made without them, in a fraction of the time.
    pub(super) fn asks_for_statements(&self) -> bool {
        let mut queries = self.tables.iter().map(|table| table.query);
        queries.any(|query| OF_STATEMENTS.iter().any(|view| query.contains(view)))
    }
}

/// A table of a report.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, which is that of its files.
    pub name: &'static str,
    /// What a row of it is.
    pub meaning: &'static str,
    /// The question over the documented views. `:from` and `:to` are the period in microseconds. Two tables are made along with the
    /// report: `evidence_findings`, what was found on reading the log, and `evidence_change`, the change that it is about.
    pub query: &'static str,
}

/// The reports, in the order in which they are listed.
pub const REPORTS: [Report; 18] = [
    access::IDENTITIES_WITH_ACCESS,
    access::ACCESS_CHANGES,
    access::LEAVERS,
    access::AUTHENTICATION_STRENGTH,
    access::PRIVILEGED_USE,
    access::LABELLED_ACCESS,
    access::DENIED_ATTEMPTS,
    changes::PRODUCTION_CHANGES,
    changes::UNAPPROVED_CHANGES,
    changes::POLICY_CHANGES,
    record::MASKING_COVERAGE,
    record::LEDGER_INTEGRITY,
    record::LEDGER_ACCESS,
    record::REVIEWS,
    record::RETENTION_DELIVERY,
    changes::CHANGE_PROOF,
    access::ACCESS_REVIEW,
    access::SERVICE_AND_AGENT_IDENTITIES,
];

/// The report of that name.
pub fn report(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}
