use std::sync::Arc;

use durward_model::{DatabaseName, Digest, KEPT_SCHEMA_PREFIX, NamePattern, ObjectPattern};
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

    /// Whether a schema holds what the gateway has kept aside: nobody but an operator reads or changes that, whatever the
    /// configuration marks.
    pub(crate) fn keeps_aside_in(schema: &str) -> bool {
        schema.starts_with(KEPT_SCHEMA_PREFIX)
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
