use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::QualifiedName;

/// `schema`, `schema.table` or either with `*` for any run of characters. As in SQL, letters outside double quotes are
/// folded to lower case, and a name in double quotes is taken as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectPattern {
    schema: NamePattern,
    name: Option<NamePattern>,
}

impl ObjectPattern {
    /// Whether the relation or other object `name` is meant.
    pub fn matches(&self, name: &QualifiedName) -> bool {
        self.matches_parts(&name.schema, &name.name)
    }

    /// The same, by the parts of its name.
    pub fn matches_parts(&self, schema: &str, name: &str) -> bool {
        self.schema.matches(schema) && self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
    }

    /// Whether something in the schema `schema` is meant: changing the schema changes it too.
    pub fn reaches_into(&self, schema: &str) -> bool {
        self.schema.matches(schema)
    }

    /// Of two patterns that match one object, the one with the greater number says more: a relation's name before its
    /// schema's, a whole name before one with stars, more letters before fewer.
    pub fn specificity(&self) -> [usize; 4] {
        let [whole, letters] = self.name.as_ref().map_or([0, 0], NamePattern::specificity);
        let [schema_whole, schema_letters] = self.schema.specificity();
        [whole, letters, schema_whole, schema_letters]
    }
}

impl TryFrom<String> for ObjectPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl std::str::FromStr for ObjectPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut parts = parse_names(text)?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(schema), name, None) => Ok(Self { schema, name }),
            _ => Err(PatternError::new(text, "it has more than two parts")),
        }
    }
}

impl From<ObjectPattern> for String {
    fn from(pattern: ObjectPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for ObjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.schema)?;
        match &self.name {
            Some(name) => write!(f, ".{name}"),
            None => Ok(()),
        }
    }
}

/// One name, with `*` for any run of characters unless in double quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    /// As compared: folded and unquoted.
    text: Arc<str>,
    quoted: bool,
}

impl NamePattern {
    /// Whether it is one name (2), some of them (1) or all (0); and its letters.
    fn specificity(&self) -> [usize; 2] {
        let letters = self.text.chars().filter(|letter| self.quoted || *letter != '*').count();
        let rank = match letters {
            _ if self.quoted || !self.text.contains('*') => 2,
            0 => 0,
            _ => 1,
        };
        [rank, letters]
    }

    /// Whether `name`, as stored in the catalog, is meant.
    pub fn matches(&self, name: &str) -> bool {
        if self.quoted {
            return *self.text == *name;
        }
        // Each literal run between stars is found at its earliest place; the first is anchored left, the last right.
        let Some((first, rest)) = self.text.split_once('*') else {
            return *self.text == *name;
        };
        let Some(mut remaining) = name.strip_prefix(first) else {
            return false;
        };
        let mut runs = rest.split('*').peekable();
        while let Some(run) = runs.next() {
            if runs.peek().is_none() {
                return remaining.ends_with(run);
            }
            match remaining.split_once(run) {
                Some((_, after)) => remaining = after,
                None => return false,
            }
        }
        true
    }
}

impl TryFrom<String> for NamePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        let mut parts = parse_names(&text)?.into_iter();
        match (parts.next(), parts.next()) {
            (Some(name), None) => Ok(name),
            _ => Err(PatternError::new(&text, "it has more than one part")),
        }
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            write!(f, "\"{}\"", self.text.replace('"', "\"\""))
        } else {
            f.write_str(&self.text)
        }
    }
}

/// A name pattern that can't be read. The fault is with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    text: String,
    reason: &'static str,
}

impl PatternError {
    fn new(text: &str, reason: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no name pattern: {}; expected `schema`, `schema.table` or `schema.pre*`",
            self.text, self.reason
        )
    }
}

impl std::error::Error for PatternError {}

fn parse_names(text: &str) -> Result<Vec<NamePattern>, PatternError> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            parse_quoted(text, quoted)?
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if word.is_empty() {
                return Err(PatternError::new(text, "a name is empty"));
            }
            if word.contains(|c: char| c == '"' || c.is_whitespace()) {
                return Err(PatternError::new(
                    text,
                    "a name with spaces or quotes must stand in double quotes",
                ));
            }
            let folded = NamePattern {
                text: word.to_ascii_lowercase().into(),
                quoted: false,
            };
            (folded, after)
        };
        names.push(name);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(names),
            None => return Err(PatternError::new(text, "something follows the closing quote")),
        }
    }
}

/// Reads up to the closing quote; a doubled quote stands for one.
fn parse_quoted<'a>(whole: &str, mut rest: &'a str) -> Result<(NamePattern, &'a str), PatternError> {
    let mut name = String::new();
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err(PatternError::new(whole, "a double quote is not closed"));
        };
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None if name.is_empty() => return Err(PatternError::new(whole, "a name is empty")),
            None => {
                let pattern = NamePattern {
                    text: name.into(),
                    quoted: true,
                };
                return Ok((pattern, after));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, schema: &str, name: &str, expected: bool) {
        let parsed: ObjectPattern = pattern.parse().unwrap();
        let matched = parsed.matches(&QualifiedName::new(schema, name));
        assert_eq!(matched, expected, "{pattern} against {schema}.{name}");
        assert_eq!(
            parsed.to_string().parse::<ObjectPattern>().unwrap(),
            parsed,
            "{pattern}"
        );
    }

    #[test]
    fn patterns_match_as_sql_reads_names() {
        check("hr", "hr", "salaries", true);
        check("hr", "hr2", "salaries", false);
        check("HR.Salaries", "hr", "salaries", true);
        check("\"HR\".salaries", "hr", "salaries", false);
        check("\"HR\".salaries", "HR", "salaries", true);
        check("hr.*", "hr", "anything", true);
        check("hr.pay*", "hr", "payroll", true);
        check("hr.pay*", "hr", "repay", false);
        check("*.secrets", "any", "secrets", true);
        check("hr.a*b*c", "hr", "a-b-b-c", true);
        check("hr.a*b*c", "hr", "acb", false);
        check("hr.a*a", "hr", "a", false);
        check("hr.\"a*\"", "hr", "abc", false);
        check("hr.\"a.b\"", "hr", "a.b", true);
        check("\"a\"\"b\"", "a\"b", "x", true);
    }

    #[test]
    fn the_narrower_pattern_says_more() {
        let narrower = ["hr.salaries", "hr.sal*", "hr.s*", "*.s*", "hr", "h*", "*"];
        let numbers: Vec<_> = narrower
            .iter()
            .map(|text| text.parse::<ObjectPattern>().unwrap().specificity())
            .collect();
        assert!(numbers.is_sorted_by(|wider, narrower| wider > narrower), "{numbers:?}");
    }

    #[test]
    fn unreadable_patterns_are_errors() {
        for text in ["", ".", "a.", "a.b.c", "\"a", "\"a\"b", "a b", "\"\""] {
            assert!(text.parse::<ObjectPattern>().is_err(), "{text}");
        }
    }
}
