//! How the data of one COPY … FROM STDIN is to be read: its columns and the options of its format (manual, COPY).

use std::sync::Arc;

use durward_model::{AccessModes, ColumnNumber, Oid, StatementFacts};
use pg_query::protobuf::{CopyStmt, DefElem};
use pg_query::{Node, NodeEnum};

use crate::analysis::analyze_text;
use crate::functions::constant;
use crate::parser::{Reading, parse_reading};
use crate::utility::{is_on, option_text};
use crate::{AnalysisContext, AnalysisError};

/// How a COPY's data is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyForm {
    /// The table or view that it goes into.
    pub relation: Oid,
    /// The columns, in the order in which each row brings them.
    pub columns: Vec<CopyColumn>,
    /// The format.
    pub format: CopyFormat,
    /// What stands between the values of a row.
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: Box<str>,
    /// The first line names columns, and is no row.
    pub has_header: bool,
    /// The encoding, where it isn't the client's.
    pub encoding: Option<Box<str>>,
}

/// A column that a COPY fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyColumn {
    /// Its number.
    pub number: ColumnNumber,
    /// Its name.
    pub name: Arc<str>,
}

/// The formats whose rows can be told apart by their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Text, with backslash escapes.
    Text,
    /// Comma-separated values.
    Csv {
        /// What stands around a value.
        quote: u8,
        /// What stands before a quote within a value.
        escape: u8,
    },
}

/// Why a COPY's data can't be read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotReadCopy {
    /// It isn't one COPY from the client into a table.
    #[error("only one COPY … FROM STDIN into a table, by itself, can be")]
    Kind,
    /// Binary, or one of a later version.
    #[error("only text and CSV can be")]
    Format,
    /// An option that isn't understood, or changes what values mean in a way that isn't followed.
    #[error("its option {0} isn't followed")]
    Option(String),
    /// Strings in its text may be read in another way.
    #[error("its text reads otherwise under the session's settings")]
    Reading,
}

/// How the data of a text's one COPY is written. To be called on a parser thread.
pub(crate) fn copy_form(
    text: &str,
    context: &AnalysisContext,
    tokens_max: usize,
) -> Result<Result<CopyForm, CannotReadCopy>, AnalysisError> {
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err(CannotReadCopy::Reading));
    }
    let analysis = analyze_text(text, context, tokens_max)?.analysis;
    let [own] = analysis.statements.as_slice() else {
        return Ok(Err(CannotReadCopy::Kind));
    };
    let Ok(parsed) = parse_reading(text, Reading::Conforming) else {
        return Ok(Err(CannotReadCopy::Reading));
    };
    let statement = match parsed.stmts.as_slice() {
        [raw] => raw.stmt.as_ref().and_then(|node| node.node.as_ref()),
        _ => None,
    };
    Ok(match statement {
        Some(NodeEnum::CopyStmt(copy)) => form(copy, &own.facts, context),
        _ => Err(CannotReadCopy::Kind),
    })
}

fn form(copy: &CopyStmt, facts: &StatementFacts, context: &AnalysisContext) -> Result<CopyForm, CannotReadCopy> {
    if !copy.is_from || copy.is_program || !copy.filename.is_empty() {
        return Err(CannotReadCopy::Kind);
    }
    let mut targets = facts
        .relations
        .iter()
        .filter(|usage| usage.direct && usage.modes.intersects(AccessModes::INSERT));
    let (Some(target), None) = (targets.next(), targets.next()) else {
        return Err(CannotReadCopy::Kind);
    };
    let relation = context.catalog.relation(target.relation.oid);
    let relation = relation.ok_or(CannotReadCopy::Kind)?;
    let column = |name: &str| relation.columns.iter().find(|column| *column.name == *name);
    let named = constant::names(&copy.attlist);
    let columns: Option<Vec<_>> = if named.is_empty() {
        Some(relation.columns.iter().filter(|column| !column.generated).collect())
    } else {
        named.iter().map(|name| column(name)).collect()
    };
    let columns = columns.ok_or(CannotReadCopy::Kind)?;
    let columns = columns.into_iter().map(|column| CopyColumn {
        number: column.number,
        name: Arc::clone(&column.name),
    });
    let options = Options::of(&copy.options)?;
    let format = match options.format.as_deref() {
        None | Some("text") => CopyFormat::Text,
        Some("csv") => {
            let quote = options.quote.unwrap_or(b'"');
            CopyFormat::Csv {
                quote,
                escape: options.escape.unwrap_or(quote),
            }
        }
        Some(_) => return Err(CannotReadCopy::Format),
    };
    let (delimiter, null) = match format {
        CopyFormat::Text => (b'\t', "\\N"),
        CopyFormat::Csv { .. } => (b',', ""),
    };
    Ok(CopyForm {
        relation: relation.oid,
        columns: columns.collect(),
        format,
        delimiter: options.delimiter.unwrap_or(delimiter),
        null: options.null.unwrap_or_else(|| null.into()),
        has_header: options.has_header,
        encoding: options.encoding,
    })
}

/// The options as they are given.
#[derive(Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    null: Option<Box<str>>,
    encoding: Option<Box<str>>,
    has_header: bool,
}

impl Options {
    fn of(given: &[Node]) -> Result<Self, CannotReadCopy> {
        let mut options = Self::default();
        for node in given {
            let Some(NodeEnum::DefElem(element)) = &node.node else {
                return Err(CannotReadCopy::Option(String::new()));
            };
            match element.defname.as_str() {
                "format" => options.format = Some(option_text(element)),
                "delimiter" => options.delimiter = Some(byte(element)?),
                "quote" => options.quote = Some(byte(element)?),
                "escape" => options.escape = Some(byte(element)?),
                "null" => options.null = Some(option_text(element).into()),
                "encoding" => options.encoding = Some(option_text(element).into()),
                "header" => options.has_header = is_on(given, "header"),
                // They say what becomes of rows, and nothing of what they hold.
                "freeze" | "on_error" | "log_verbosity" | "reject_limit" => {}
                other => return Err(CannotReadCopy::Option(other.to_owned())),
            }
        }
        Ok(options)
    }
}

/// An option of one character, which takes one byte (manual, COPY, "Parameters").
fn byte(element: &DefElem) -> Result<u8, CannotReadCopy> {
    match option_text(element).as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(CannotReadCopy::Option(element.defname.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::{CannotReadCopy, CopyFormat, copy_form};
    use crate::tests::{on_big_stack, shop};

    fn read(sql: &str) -> Result<String, CannotReadCopy> {
        let context = shop();
        let form = on_big_stack(|| copy_form(sql, &context, 100_000).expect("it is a statement"))?;
        let columns: Vec<&str> = form.columns.iter().map(|column| &*column.name).collect();
        let format = match form.format {
            CopyFormat::Text => "text".to_owned(),
            CopyFormat::Csv { quote, escape } => format!("csv {} {}", char::from(quote), char::from(escape)),
        };
        let header = if form.has_header { " header" } else { "" };
        Ok(format!(
            "{} {format} {:?} {:?}{header}",
            columns.join(","),
            char::from(form.delimiter),
            form.null
        ))
    }

    #[test]
    fn columns_and_options_are_those_of_the_text() {
        for (sql, form) in [
            ("COPY products (name, id) FROM STDIN", "name,id text '\\t' \"\\\\N\""),
            (
                "COPY products (id) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'none', QUOTE '''')",
                "id csv ' ' ';' \"none\" header",
            ),
            (
                "COPY products (id) FROM STDIN WITH (FORMAT csv, HEADER false, ESCAPE E'\\\\')",
                "id csv \" \\ ',' \"\"",
            ),
            (
                "COPY products (id) FROM STDIN CSV HEADER",
                "id csv \" \" ',' \"\" header",
            ),
            ("COPY products (id) FROM STDIN DELIMITER '|'", "id text '|' \"\\\\N\""),
        ] {
            assert_eq!(read(sql).as_deref(), Ok(form), "{sql}");
        }
        for (sql, why) in [
            ("COPY products FROM STDIN (FORMAT binary)", CannotReadCopy::Format),
            ("COPY products FROM '/tmp/x'", CannotReadCopy::Kind),
            ("COPY products TO STDOUT", CannotReadCopy::Kind),
            ("SELECT 1; COPY products FROM STDIN", CannotReadCopy::Kind),
            (
                "COPY products FROM STDIN (FORMAT csv, FORCE_NULL (name))",
                CannotReadCopy::Option("force_null".to_owned()),
            ),
            (
                "COPY products FROM STDIN (DELIMITER '||')",
                CannotReadCopy::Option("delimiter".to_owned()),
            ),
        ] {
            assert_eq!(read(sql), Err(why), "{sql}");
        }
    }
}
