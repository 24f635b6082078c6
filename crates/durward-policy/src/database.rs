use std::fmt;
use std::sync::Arc;

use durward_model::{DatabaseName, Digest, QualifiedName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The tag of a database that says nothing about itself: the careful assumption.
pub const DEFAULT_TAG: &str = "production";

/// What the configuration says about one database, as plain data.
///
/// ```
/// let marks: durward_policy::DatabaseMarks = toml::from_str(
///     r#"
///     read_only   = ["finance"]
///     append_only = ["audit.*", "public.payments"]
///     off_limits  = ["hr.salaries"]
///     "#,
/// )?;
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseMarks {
    /// What kind of database it is, in the owner's words; `production` unless said otherwise.
    pub tags: Vec<Arc<str>>,
    /// Schemas and relations whose rows and definitions nobody but an operator changes.
    pub read_only: Vec<ObjectPattern>,
    /// Schemas and relations that only grow: rows are added, and never changed or removed.
    pub append_only: Vec<ObjectPattern>,
    /// Schemas and relations that nobody but an operator reads or changes.
    pub off_limits: Vec<ObjectPattern>,
    /// The schemas in which DDL is allowed; every schema but the system's own if not given.
    pub ddl_schemas: Option<Vec<NamePattern>>,
}

impl Default for DatabaseMarks {
    fn default() -> Self {
        Self {
            tags: vec![DEFAULT_TAG.into()],
            read_only: Vec::new(),
            append_only: Vec::new(),
            off_limits: Vec::new(),
            ddl_schemas: None,
        }
    }
}

/// One database as policy sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DatabaseContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: DatabaseName,
    marks: DatabaseMarks,
    protections: Vec<Protection>,
    digest: Digest,
}

impl DatabaseContext {
    /// The database `name` with its marks.
    pub fn new(name: DatabaseName, mut marks: DatabaseMarks) -> Self {
        marks.tags.sort();
        marks.tags.dedup();
        let kinds = [
            (ProtectionKind::ReadOnly, &marks.read_only),
            (ProtectionKind::AppendOnly, &marks.append_only),
            (ProtectionKind::OffLimits, &marks.off_limits),
        ];
        let protections = kinds
            .into_iter()
            .flat_map(|(kind, patterns)| {
                patterns
                    .iter()
                    .cloned()
                    .map(move |pattern| Protection { pattern, kind })
            })
            .collect();
        let digest = digest_of(&name, &marks);
        Self(Arc::new(Inner {
            name,
            marks,
            protections,
            digest,
        }))
    }

    /// Its name.
    pub fn name(&self) -> &DatabaseName {
        &self.0.name
    }

    /// Its tags, sorted.
    pub fn tags(&self) -> &[Arc<str>] {
        &self.0.marks.tags
    }

    /// Its marked schemas and relations.
    pub fn protections(&self) -> &[Protection] {
        &self.0.protections
    }

    /// Whether DDL in the schema `schema` is allowed by the configuration. Temporary schemas always are, the system's
    /// own never.
    pub fn allows_ddl_in(&self, schema: &str) -> bool {
        if is_temporary_schema(schema) {
            return true;
        }
        !is_system_schema(schema)
            && self
                .0
                .marks
                .ddl_schemas
                .as_ref()
                .is_none_or(|allowed| allowed.iter().any(|pattern| pattern.matches(schema)))
    }

    pub(crate) fn ddl_schemas_in_words(&self) -> String {
        match self.0.marks.ddl_schemas.as_deref() {
            None => "every schema but the server's own".to_owned(),
            Some([]) => "temporary schemas only".to_owned(),
            Some(patterns) => {
                let names: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                names.join(", ")
            }
        }
    }

    /// A digest of all of the above, by which cached verdicts are kept apart.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

/// Each part is written with its length, so that no two contexts have the same bytes.
fn digest_of(name: &DatabaseName, marks: &DatabaseMarks) -> Digest {
    fn list<T: ToString>(hasher: &mut Sha256, items: &[T]) {
        hasher.update(items.len().to_be_bytes());
        for item in items {
            let text = item.to_string();
            hasher.update(text.len().to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    let mut hasher = Sha256::new();
    list(&mut hasher, &[name.as_str()]);
    list(&mut hasher, &marks.tags);
    list(&mut hasher, &marks.read_only);
    list(&mut hasher, &marks.append_only);
    list(&mut hasher, &marks.off_limits);
    hasher.update([u8::from(marks.ddl_schemas.is_some())]);
    list(&mut hasher, marks.ddl_schemas.as_deref().unwrap_or_default());
    Digest(hasher.finalize().into())
}

/// A mark on a schema or relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// What is marked.
    pub pattern: ObjectPattern,
    /// How.
    pub kind: ProtectionKind,
}

/// What a mark forbids to all but operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtectionKind {
    /// Changing rows or definition.
    ReadOnly,
    /// Changing or removing rows that are there, and the definition.
    AppendOnly,
    /// Any use at all.
    OffLimits,
}

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

    pub(crate) fn matches_parts(&self, schema: &str, name: &str) -> bool {
        self.schema.matches(schema) && self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
    }

    /// Whether something in the schema `schema` is meant: changing the schema changes it too.
    pub fn reaches_into(&self, schema: &str) -> bool {
        self.schema.matches(schema)
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

/// `pg_temp` and the numbered schemas behind it (manual section 20.11.1, `search_path`). Nobody can make a schema of
/// such a name: the prefix `pg_` is reserved (manual section 5.10.5).
pub(crate) fn is_temporary_schema(schema: &str) -> bool {
    match schema.strip_prefix("pg_temp") {
        Some("") => true,
        Some(number) => number
            .strip_prefix('_')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())),
        None => false,
    }
}

/// The schemas that `initdb` makes, and others with the reserved prefix.
pub(crate) fn is_system_schema(schema: &str) -> bool {
    schema == "information_schema" || (schema.starts_with("pg_") && !is_temporary_schema(schema))
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
    fn unreadable_patterns_are_errors() {
        for text in ["", ".", "a.", "a.b.c", "\"a", "\"a\"b", "a b", "\"\""] {
            assert!(text.parse::<ObjectPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn temporary_schemas_are_told_from_others() {
        for (schema, temporary, system) in [
            ("pg_temp", true, false),
            ("pg_temp_12", true, false),
            ("pg_temp_", false, true),
            ("pg_temporary", false, true),
            ("pg_temp_x1", false, true),
            ("pg_toast_temp_3", false, true),
            ("pg_catalog", false, true),
            ("information_schema", false, true),
            ("public", false, false),
        ] {
            assert_eq!(is_temporary_schema(schema), temporary, "{schema}");
            assert_eq!(is_system_schema(schema), system, "{schema}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(toml::from_str::<DatabaseMarks>("readonly = [\"hr\"]").is_err());
    }

    #[test]
    fn contexts_differ_by_what_they_say() {
        let digest = |text: &str| {
            let marks = toml::from_str(text).unwrap();
            DatabaseContext::new("shop".into(), marks).digest()
        };
        assert_ne!(digest(""), digest("ddl_schemas = []"));
        assert_ne!(digest("read_only = ['a']"), digest("append_only = ['a']"));
        assert_eq!(digest("tags = ['a', 'b']"), digest("tags = ['b', 'a']"));
    }
}
