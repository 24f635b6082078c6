//! What a server says of a text that its grammar or scanner refuses, beyond the message and place that the parser library
//! gives: the code, the detail, the hint, and how servers older than the library's grammar say it.

use std::sync::Arc;

use durward_model::sqlstate;

use super::ParseFailure;

/// An error of the grammar in a server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWords {
    /// Five characters.
    pub sqlstate: &'static str,
    /// The message, as `syntax error at or near "FORM"`.
    pub message: Arc<str>,
    /// More about it.
    pub detail: Option<Arc<str>>,
    /// What would pass.
    pub hint: Option<Arc<str>>,
    /// Where, in characters from 1; `None` where the server gives none.
    pub position: Option<u32>,
}

/// How a message is recognised.
enum Form {
    Is(&'static str),
    Begins(&'static str),
    Ends(&'static str),
}

impl Form {
    fn fits(&self, message: &str) -> bool {
        match self {
            Self::Is(whole) => message == *whole,
            Self::Begins(start) => message.starts_with(start),
            Self::Ends(end) => message.ends_with(end),
        }
    }
}

use Form::{Begins, Ends, Is};

const NOT_SUPPORTED: &str = sqlstate::FEATURE_NOT_SUPPORTED;
const INVALID_PARAMETER: &str = "22023";
const WINDOWING: &str = "42P20";
const RESERVED_NAME: &str = "42939";

/// Messages of the grammar whose code is another than `42601`, syntax_error.
const CODES: [(Form, &str); 27] = [
    (Begins("UNENCRYPTED PASSWORD is no longer"), NOT_SUPPORTED),
    (Begins("CREATE SCHEMA IF NOT EXISTS cannot include"), NOT_SUPPORTED),
    (Is("current database cannot be changed"), NOT_SUPPORTED),
    (Begins("constraints cannot be altered to be "), NOT_SUPPORTED),
    (Is("MATCH PARTIAL not yet implemented"), NOT_SUPPORTED),
    (Begins("a column list with "), NOT_SUPPORTED),
    (Begins("CREATE EXTENSION ... FROM is no longer"), NOT_SUPPORTED),
    (Begins("CREATE OR REPLACE CONSTRAINT TRIGGER is not"), NOT_SUPPORTED),
    (Is("CREATE ASSERTION is not yet implemented"), NOT_SUPPORTED),
    (Is("dropping an enum value is not implemented"), NOT_SUPPORTED),
    (Is("aggregates cannot have output arguments"), NOT_SUPPORTED),
    (Begins("WITH CHECK OPTION not supported on recursive"), NOT_SUPPORTED),
    (
        Begins("only string constants are supported in JSON_TABLE"),
        NOT_SUPPORTED,
    ),
    (Is("UNIQUE predicate is not yet implemented"), NOT_SUPPORTED),
    (Begins("an ordered-set aggregate with a VARIADIC direct"), NOT_SUPPORTED),
    (Ends(" constraints cannot be marked DEFERRABLE"), NOT_SUPPORTED),
    (Ends(" constraints cannot be marked NOT VALID"), NOT_SUPPORTED),
    (Ends(" constraints cannot be marked NO INHERIT"), NOT_SUPPORTED),
    (Ends("ENFORCED"), NOT_SUPPORTED),
    (Is("unsafe use of string constant with Unicode escapes"), NOT_SUPPORTED),
    (Begins("column number must be in range from 1 to "), INVALID_PARAMETER),
    (Begins("precision for type float must be "), INVALID_PARAMETER),
    (Begins("unrecognized JSON encoding: "), INVALID_PARAMETER),
    (Begins("unrecognized partitioning strategy "), INVALID_PARAMETER),
    (Ends(" for hash partition provided more than once"), "42710"),
    (Is("unsafe use of \\' in a string literal"), "22P06"),
    (Begins("invalid byte sequence for encoding "), "22021"),
];

/// Messages to which servers before 18 give no place.
const PLACELESS_BEFORE_18: [Form; 11] = [
    Begins("unrecognized partitioning strategy "),
    Begins("WITH TIES cannot be specified without ORDER BY"),
    Ends(" options cannot be used together"),
    Ends(" for hash partition must be specified"),
    Begins("CREATE OR REPLACE CONSTRAINT TRIGGER is not"),
    Is("CREATE ASSERTION is not yet implemented"),
    Begins("OUT and INOUT arguments aren't allowed in TABLE"),
    Ends(" constraints cannot be marked DEFERRABLE"),
    Ends(" constraints cannot be marked NOT VALID"),
    Ends(" constraints cannot be marked NO INHERIT"),
    Begins("unrecognized JSON encoding: "),
];

fn code(failure: &ParseFailure) -> &'static str {
    let message = &*failure.message;
    if message == "invalid Unicode escape" && in_escape_string(failure) {
        return "22025";
    }
    if message.starts_with("frame ") {
        return WINDOWING;
    }
    let names_a_role = message.starts_with("role name \"") && message.ends_with("\" is reserved");
    if names_a_role || message.ends_with(" cannot be used as a role name here") {
        return RESERVED_NAME;
    }
    // What stands in quotes is the text's own word, and may be anything.
    if message.ends_with('"') && !message.starts_with("unrecognized partitioning strategy ") {
        return sqlstate::SYNTAX_ERROR;
    }
    CODES
        .iter()
        .find(|(form, _)| form.fits(message))
        .map_or(sqlstate::SYNTAX_ERROR, |(_, code)| code)
}

/// The scanner's own rules read `E'…'`; what reads `U&'…'` comes later and has another form of escapes.
fn in_escape_string(failure: &ParseFailure) -> bool {
    &*failure.routine == "core_yylex"
}

fn hint(failure: &ParseFailure) -> Option<&'static str> {
    Some(match &*failure.message {
        "LIMIT #,# syntax is not supported" => "Use separate LIMIT and OFFSET clauses.",
        "missing argument" => "Use NONE to denote the missing argument of a unary operator.",
        "invalid Unicode escape" if in_escape_string(failure) => "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.",
        "invalid Unicode escape" => "Unicode escapes must be \\XXXX or \\+XXXXXX.",
        "UNENCRYPTED PASSWORD is no longer supported" => {
            "Remove UNENCRYPTED to store the password in encrypted form instead."
        }
        "unsafe use of \\' in a string literal" => {
            "Use '' to write quotes in strings. \\' is insecure in client-only encodings."
        }
        message if message.starts_with("unrecognized row security option ") => {
            "Only PERMISSIVE or RESTRICTIVE policies are supported currently."
        }
        _ => return None,
    })
}

fn detail(message: &str, server_version_num: u32) -> Option<&'static str> {
    match message {
        "invalid publication object list" => {
            Some("One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.")
        }
        "unsafe use of string constant with Unicode escapes" if server_version_num >= 170_000 => {
            Some("String constants with Unicode escapes cannot be used when \"standard_conforming_strings\" is off.")
        }
        "unsafe use of string constant with Unicode escapes" => {
            Some("String constants with Unicode escapes cannot be used when standard_conforming_strings is off.")
        }
        _ => None,
    }
}

impl ServerWords {
    /// What a server of this version (as 150018 for 15.18) says of the failure, whose position is one in `text`.
    pub(crate) fn of(failure: ParseFailure, text: &str, server_version_num: u32) -> Self {
        let mut words = Self {
            sqlstate: code(&failure),
            hint: hint(&failure).map(Into::into),
            detail: detail(&failure.message, server_version_num).map(Into::into),
            position: failure.position,
            message: failure.message,
        };
        if server_version_num < 180_000 {
            words.age(text);
        }
        words
    }

    /// Servers before 18 say it so.
    fn age(&mut self, text: &str) {
        if &*self.message == "constraints cannot be altered to be NOT VALID" {
            self.message = "FOREIGN KEY constraints cannot be marked NOT VALID".into();
        }
        if self.sqlstate == sqlstate::SYNTAX_ERROR && self.message.ends_with('"') {
            return;
        }
        if PLACELESS_BEFORE_18.iter().any(|form| form.fits(&self.message)) {
            self.position = None;
        }
        // They point at the number, not at its clause.
        if matches!(
            &*self.message,
            "multiple LIMIT clauses not allowed" | "multiple OFFSET clauses not allowed"
        ) {
            self.position = self.position.and_then(|position| after_clause_word(text, position));
        }
    }
}

/// Where the number of a LIMIT, OFFSET or FETCH FIRST clause stands that begins at `position`.
fn after_clause_word(text: &str, position: u32) -> Option<u32> {
    let start = usize::try_from(position).ok()?.checked_sub(1)?;
    let mut at = start;
    let rest: Vec<char> = text.chars().skip(start).collect();
    let mut rest = rest.as_slice();
    let mut skip = |wanted: fn(char) -> bool, rest: &mut &[char]| {
        let count = rest.iter().take_while(|character| wanted(**character)).count();
        at += count;
        *rest = rest.get(count..).unwrap_or_default();
    };
    let is_fetch = rest
        .first()
        .is_some_and(|character| character.eq_ignore_ascii_case(&'f'));
    for _ in 0..if is_fetch { 2 } else { 1 } {
        skip(|character| character.is_ascii_alphabetic(), &mut rest);
        skip(
            |character| character.is_ascii_whitespace() || character == '(',
            &mut rest,
        );
    }
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::ServerWords;
    use crate::parser::{Reading, parse_reading};

    fn check(text: &str, server_version_num: u32) -> String {
        let failure = parse_reading(text, Reading::Conforming).expect_err("it doesn't parse");
        let words = ServerWords::of(failure, text, server_version_num);
        let part = |name: &str, part: Option<std::sync::Arc<str>>| {
            part.map_or_else(String::new, |part| format!(" {name}: {part}"))
        };
        format!(
            "{} {}{}{}{}",
            words.sqlstate,
            words.message,
            part(" DETAIL", words.detail),
            part(" HINT", words.hint),
            words
                .position
                .map_or_else(String::new, |position| format!(" @{position}"))
        )
    }

    #[test]
    fn codes_and_hints_are_the_servers() {
        insta::assert_snapshot!(
            [
                "SELECT 1 LIMIT 1,2",
                "DROP OPERATOR === (int4)",
                "CREATE POLICY p ON t AS UGLY USING (true)",
                "CREATE PUBLICATION p FOR foo, TABLE x",
                r"SELECT U&'wrong: \061'",
                r"SELECT E'\u00'",
                "CREATE ROLE none",
                "SELECT f() OVER (ROWS UNBOUNDED FOLLOWING)",
                "SELECT 1::float(0)",
                "CREATE TABLE a (b int REFERENCES c MATCH PARTIAL)",
                r#"SELECT 1 FROM WHERE "x ENFORCED""#,
            ]
            .map(|text| check(text, 180_004))
            .join("\n")
        );
    }

    #[test]
    fn older_servers_say_it_in_their_words() {
        for (text, newer, older) in [
            (
                "CREATE TABLE a (b int) PARTITION BY MAGIC (b)",
                "22023 unrecognized partitioning strategy \"magic\" @37",
                "22023 unrecognized partitioning strategy \"magic\"",
            ),
            (
                "ALTER TABLE x ALTER CONSTRAINT y NOT VALID",
                "0A000 constraints cannot be altered to be NOT VALID @34",
                "0A000 FOREIGN KEY constraints cannot be marked NOT VALID",
            ),
            (
                "SELECT 1 FETCH FIRST 2 ROWS WITH TIES",
                "42601 WITH TIES cannot be specified without ORDER BY clause @29",
                "42601 WITH TIES cannot be specified without ORDER BY clause",
            ),
            (
                "(SELECT 1 LIMIT 1) LIMIT 2",
                "42601 multiple LIMIT clauses not allowed @20",
                "42601 multiple LIMIT clauses not allowed @26",
            ),
        ] {
            assert_eq!(check(text, 180_004), newer);
            assert_eq!(check(text, 150_018), older);
        }
    }
}
