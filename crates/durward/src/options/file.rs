use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::{Given, GivenOptions, Kind, OPTIONS, OptionSpec, Origin, Scope, option};

/// The table that holds one table per database.
const DATABASES: &str = "databases";

/// A configuration file, read but not yet judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigurationFile {
    /// The keys at the top.
    pub(crate) top: GivenOptions,
    /// The keys of each `[databases.NAME]`.
    pub(crate) databases: BTreeMap<String, GivenOptions>,
}

/// Why a configuration file can't be used. The text names the file, the line and the key.
#[derive(Debug, thiserror::Error)]
#[error("{path}, line {line}: {message}", path = path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    line: usize,
    message: String,
}

impl ConfigurationFile {
    /// Reads `path`.
    ///
    /// # Errors
    /// When the file can't be read, is no TOML, or holds a key or a type that no option has.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let mode = std::fs::metadata(path)?.permissions().mode();
        Ok(Self::parse(path, &text, mode)?)
    }

    /// Parses the text of a file whose permission bits are `mode`.
    ///
    /// # Errors
    /// See [`ConfigurationFile::read`].
    pub(crate) fn parse(path: &Path, text: &str, mode: u32) -> Result<Self, FileError> {
        let reader = Reader {
            path: Arc::new(path.to_owned()),
            text,
            others_may_read: mode & 0o077 != 0,
        };
        let root = DeTable::parse(text).map_err(|error| reader.error(error.span(), error.message()))?;
        let mut file = Self::default();
        for (key, value) in root.get_ref() {
            if key.get_ref() == DATABASES {
                file.databases = reader.databases(value.get_ref(), value.span())?;
            } else {
                reader.entry(&mut file.top, "", &OPTIONS.iter().collect::<Vec<_>>(), key, value)?;
            }
        }
        Ok(file)
    }
}

type Key<'i> = toml::Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = toml::Spanned<DeValue<'i>>;

struct Reader<'a> {
    path: Arc<PathBuf>,
    text: &'a str,
    others_may_read: bool,
}

impl Reader<'_> {
    fn databases(&self, value: &DeValue<'_>, span: Range<usize>) -> Result<BTreeMap<String, GivenOptions>, FileError> {
        let known: Vec<_> = OPTIONS.iter().filter(|spec| spec.scope == Scope::Database).collect();
        let table = value
            .as_table()
            .ok_or_else(|| self.error(Some(span), "databases: expected tables named [databases.NAME]"))?;
        let mut databases = BTreeMap::new();
        for (name, keys) in table {
            let prefix = format!("{DATABASES}.{}.", name.get_ref());
            let keys = keys.get_ref().as_table().ok_or_else(|| {
                self.error(
                    Some(name.span()),
                    &format!("{DATABASES}.{}: expected a table", name.get_ref()),
                )
            })?;
            let mut given = GivenOptions::default();
            for (key, value) in keys {
                self.entry(&mut given, &prefix, &known, key, value)?;
            }
            databases.insert(name.get_ref().to_string(), given);
        }
        Ok(databases)
    }

    fn entry(
        &self,
        given: &mut GivenOptions,
        prefix: &str,
        known: &[&'static OptionSpec],
        key: &Key<'_>,
        value: &Value<'_>,
    ) -> Result<(), FileError> {
        let name = key.get_ref();
        let Some(spec) = known.iter().find(|spec| spec.key == name) else {
            return Err(self.error(Some(key.span()), &unknown_key(prefix, name, known)));
        };
        let full = format!("{prefix}{name}");
        let values = texts(spec.kind, value.get_ref()).ok_or_else(|| {
            let found = value.get_ref().type_str();
            self.error(
                Some(key.span()),
                &format!("{full}: expected {}, found {found}", expected(spec.kind)),
            )
        })?;
        if spec.key == "upstream" && self.others_may_read && values.iter().any(|url| holds_a_password(url)) {
            let message = format!(
                "{full}: this file holds a password and others may read it; \
                 chmod 600 it, or refer to the URL by file:PATH or env:VARIABLE"
            );
            return Err(self.error(Some(key.span()), &message));
        }
        let origin = Origin::File {
            path: Arc::clone(&self.path),
            line: self.line(key.span().start),
            key: full,
        };
        given.0.insert(spec.key, Given { values, origin });
        Ok(())
    }

    fn error(&self, span: Option<Range<usize>>, message: &str) -> FileError {
        FileError {
            path: self.path.to_path_buf(),
            line: self.line(span.map_or(0, |span| span.start)),
            message: message.to_owned(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

/// The value as texts, or `None` when it is of another type than the option takes.
fn texts(kind: Kind, value: &DeValue<'_>) -> Option<Vec<String>> {
    match kind {
        Kind::Text => value.as_str().map(|text| vec![text.to_owned()]),
        Kind::Switch => value.as_bool().map(|switch| vec![switch.to_string()]),
        Kind::Number => {
            let number = value.as_integer()?;
            let digits = number.as_str().replace('_', "");
            u64::from_str_radix(&digits, number.radix())
                .ok()
                .map(|number| vec![number.to_string()])
        }
        Kind::List => match value.as_str() {
            Some(text) => Some(vec![text.to_owned()]),
            None => value
                .as_array()?
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect(),
        },
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::List => "an array of strings",
        Kind::Switch => "true or false",
        Kind::Number => "a whole number from 0",
    }
}

fn unknown_key(prefix: &str, name: &str, known: &[&OptionSpec]) -> String {
    if !prefix.is_empty() && option(name).is_some() {
        return format!("{prefix}{name}: this key belongs at the top of the file, not to one database");
    }
    let nearest = known
        .iter()
        .map(|spec| (distance(name, spec.key), spec.key))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, key)) => format!("{prefix}{name}: unknown key; did you mean {key}?"),
        None => format!("{prefix}{name}: unknown key"),
    }
}

/// The number of single-letter edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut before = i + 1;
        for (pair, right) in row.windows(2).zip(&b) {
            let &[diagonal, above] = pair else { continue };
            before = (diagonal + usize::from(left != *right)).min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn holds_a_password(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        url.password().is_some_and(|password| !password.is_empty())
            || url
                .query_pairs()
                .any(|(key, value)| key == "password" && !value.is_empty())
    })
}
