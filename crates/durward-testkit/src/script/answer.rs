use durward_wire::postgres::Format;
use durward_wire::postgres::backend::write::{self, Report, Severity};
use durward_wire::postgres::backend::{Column, TransactionStatus};

/// What a stand-in server does about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Rows of text columns, then `SELECT` and their number.
    Rows {
        /// Column names.
        columns: Vec<&'static str>,
        /// The values; `None` is NULL.
        rows: Vec<Vec<Option<String>>>,
    },
    /// This many rows of one column of this many bytes, made as they are sent.
    Stream {
        /// How many.
        rows: usize,
        /// Bytes of each value.
        value_bytes: usize,
    },
    /// No rows; this command tag.
    Done(&'static str),
    /// The answer to a text without a statement.
    Empty,
    /// An error of this SQLSTATE, that leaves the connection as it is.
    Error(&'static str, &'static str),
    /// CopyInResponse; the client's stream is read to its end, and the lines that came are counted.
    CopyIn,
    /// CopyOutResponse and these pieces.
    CopyOut(Vec<&'static str>),
    /// These bytes as they are, and nothing else: the stand-in waits for the next message.
    Bytes(Vec<u8>),
    /// These bytes as they are, and the connection is closed.
    Dies(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Silence,
}

impl Answer {
    /// One row of one column.
    pub fn one(column: &'static str, value: &str) -> Self {
        Self::Rows {
            columns: vec![column],
            rows: vec![vec![Some(value.to_owned())]],
        }
    }

    /// What a server that understands nothing of SQL makes of a text: transactions are followed, what starts with no
    /// SQL word is a syntax error, and everything else returns one row.
    pub fn plausible(text: &str) -> Self {
        let first = text
            .split(|letter: char| !letter.is_ascii_alphabetic())
            .find(|word| !word.is_empty());
        match first.unwrap_or_default().to_ascii_uppercase().as_str() {
            "" => Self::Empty,
            "BEGIN" | "START" => Self::Done("BEGIN"),
            "COMMIT" | "END" => Self::Done("COMMIT"),
            "ROLLBACK" | "ABORT" => Self::Done("ROLLBACK"),
            "SET" => Self::Done("SET"),
            "RESET" => Self::Done("RESET"),
            "DISCARD" => Self::Done("DISCARD ALL"),
            "INSERT" => Self::Done("INSERT 0 1"),
            "UPDATE" => Self::Done("UPDATE 1"),
            "DELETE" => Self::Done("DELETE 1"),
            "CREATE" => Self::Done("CREATE TABLE"),
            "DROP" => Self::Done("DROP TABLE"),
            "LISTEN" => Self::Done("LISTEN"),
            "NOTIFY" => Self::Done("NOTIFY"),
            "COPY" if text.to_ascii_uppercase().contains("STDIN") => Self::CopyIn,
            "COPY" => Self::CopyOut(vec!["1\n", "2\n"]),
            "SELECT" | "WITH" | "VALUES" | "TABLE" | "SHOW" | "EXPLAIN" | "FETCH" => Self::one("?column?", "1"),
            _ => Self::Error("42601", "syntax error"),
        }
    }

    /// The description of its rows, as Describe and a simple Query send it.
    pub(super) fn describe(&self, out: &mut Vec<u8>) {
        let names: &[&str] = match self {
            Self::Rows { columns, .. } => columns,
            Self::Stream { .. } => &["value"],
            Self::Done(_)
            | Self::Empty
            | Self::Error(..)
            | Self::CopyIn
            | Self::CopyOut(_)
            | Self::Bytes(_)
            | Self::Dies(_)
            | Self::Silence => return write::no_data(out),
        };
        let columns: Vec<_> = names.iter().map(|name| text_column(name)).collect();
        write::row_description(out, &columns).expect("columns that fit");
    }

    pub(super) fn has_rows(&self) -> bool {
        matches!(self, Self::Rows { .. } | Self::Stream { .. })
    }

    /// The transaction status behind it.
    pub(super) fn status_after(&self, before: TransactionStatus) -> TransactionStatus {
        match self {
            Self::Done("BEGIN") => TransactionStatus::InTransaction,
            Self::Done("COMMIT" | "ROLLBACK") => TransactionStatus::Idle,
            Self::Error(..) if before != TransactionStatus::Idle => TransactionStatus::Failed,
            _ => before,
        }
    }
}

pub(super) fn error(out: &mut Vec<u8>, code: &'static str, message: &'static str) {
    write::error_response(out, &Report::new(Severity::Error, code, message));
}

fn text_column(name: &str) -> Column<'_> {
    Column {
        name: name.as_bytes(),
        table_oid: 0,
        attribute_number: 0,
        type_oid: 25,
        type_size: -1,
        type_modifier: -1,
        format: Format::Text,
    }
}
