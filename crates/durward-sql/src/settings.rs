//! What a session's settings say about how its texts are read, and the query that asks the server.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::parser::Reading;

/// The query that reads what analysis needs to know of a session: one row of [`PROBE_COLUMNS`] text columns, in the
/// order that [`SessionSettings::from_row`] expects. It takes no lock and works in READ ONLY transactions.
pub const PROBE_SQL: &str = "SELECT \
pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text, \
pg_catalog.current_setting('search_path'), \
current_user::pg_catalog.text, \
session_user::pg_catalog.text, \
(SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()), \
pg_catalog.current_setting('standard_conforming_strings'), \
pg_catalog.current_setting('backslash_quote'), \
pg_catalog.current_setting('client_encoding'), \
pg_catalog.current_setting('row_security'), \
pg_catalog.current_setting('session_replication_role'), \
pg_catalog.current_setting('transform_null_equals'), \
pg_catalog.current_setting('check_function_bodies'), \
pg_catalog.current_setting('is_superuser'), \
pg_catalog.current_setting('server_version_num'), \
pg_catalog.current_setting('server_encoding')";

/// How many columns the row of [`PROBE_SQL`] has.
pub const PROBE_COLUMNS: usize = 15;

/// A probe's row that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings probe: {0}")]
pub struct SettingsError(pub Arc<str>);

/// What a session's settings say about how its texts are read and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The schemas in the order in which names are looked up, as `current_schemas(true)` gives them: existing ones
    /// only, `pg_catalog` where it really stands, `pg_temp_N` for the session's temporary schema.
    pub search_path: Vec<Arc<str>>,
    /// `search_path` as set.
    pub search_path_setting: Arc<str>,
    /// Whose rights count.
    pub current_user: Arc<str>,
    /// Who logged in.
    pub session_user: Arc<str>,
    /// The schema of this session's temporary objects; `None` while it has none.
    pub temp_schema: Option<Arc<str>>,
    /// Whether backslashes in ordinary string constants are ordinary.
    pub standard_conforming_strings: bool,
    /// Whether `\'` may stand for a quote in an escape string: `on`, `off` or `safe_encoding`.
    pub backslash_quote: Arc<str>,
    /// The encoding of texts that the client sends.
    pub client_encoding: Arc<str>,
    /// Whether row policies are applied (`off` makes the server raise an error instead of filtering).
    pub row_security: bool,
    /// `origin`, `local` or `replica`: whether ordinary triggers and rules fire.
    pub session_replication_role: Arc<str>,
    /// Whether `= NULL` reads as `IS NULL`.
    pub transform_null_equals: bool,
    /// Whether function bodies are checked as they are made.
    pub check_function_bodies: bool,
    /// Whether `current_user` is a superuser.
    pub is_superuser: bool,
    /// The server's version, as 150018 for 15.18.
    pub server_version_num: u32,
    /// The database's encoding.
    pub server_encoding: Arc<str>,
    /// `standard_conforming_strings` has had another value in this session.
    has_changed_reading: bool,
    digest: [u8; 16],
}

impl SessionSettings {
    /// How the server reads the strings of `text`: in the standard way wherever no backslash makes a difference. In the
    /// other way it also refuses `U&'…'`.
    pub(crate) fn reading(&self, text: &str) -> Reading {
        if self.standard_conforming_strings || !(text.contains('\\') || text.contains("&'")) {
            Reading::Conforming
        } else {
            Reading::Escaping
        }
    }

    /// Whether a body that the server reads when it runs may be read in another way than it is here: a session keeps
    /// what it compiled while `standard_conforming_strings` had another value.
    pub(crate) fn doubts_body(&self, body: &str) -> bool {
        (!self.standard_conforming_strings || self.has_changed_reading) && body.contains('\\')
    }

    /// These settings in a session that had `earlier` ones before.
    #[must_use]
    pub fn following(mut self, earlier: &Self) -> Self {
        let changed = self.standard_conforming_strings != earlier.standard_conforming_strings;
        if (changed || earlier.has_changed_reading) && !self.has_changed_reading {
            self.has_changed_reading = true;
            let full: [u8; 32] = Sha256::new()
                .chain_update(self.digest)
                .chain_update(b"reading")
                .finalize()
                .into();
            self.digest.copy_from_slice(full.split_at(16).0);
        }
        self
    }

    /// Reads the row of [`PROBE_SQL`].
    ///
    /// # Errors
    /// The row has another shape than the probe's.
    pub fn from_row(row: &[Option<&str>]) -> Result<Self, SettingsError> {
        if row.len() != PROBE_COLUMNS {
            return Err(SettingsError(
                format!("{} columns, not {PROBE_COLUMNS}", row.len()).into(),
            ));
        }
        let text = |index: usize| -> Result<&str, SettingsError> {
            row.get(index)
                .copied()
                .flatten()
                .ok_or_else(|| SettingsError(format!("column {} is null", index + 1).into()))
        };
        let search_path: Vec<Arc<str>> =
            serde_json::from_str(text(0)?).map_err(|error| SettingsError(error.to_string().into()))?;
        let mut hasher = Sha256::new();
        for field in row {
            // A length before each field keeps fields apart; null and empty differ.
            let (length, field) = field.map_or((u64::MAX, ""), |field| (field.len() as u64, field));
            hasher.update(length.to_be_bytes());
            hasher.update(field.as_bytes());
        }
        let full: [u8; 32] = hasher.finalize().into();
        let mut digest = [0; 16];
        digest.copy_from_slice(full.split_at(16).0);
        Ok(Self {
            search_path,
            search_path_setting: text(1)?.into(),
            current_user: text(2)?.into(),
            session_user: text(3)?.into(),
            temp_schema: row.get(4).copied().flatten().map(Into::into),
            standard_conforming_strings: text(5)? == "on",
            backslash_quote: text(6)?.into(),
            client_encoding: text(7)?.into(),
            row_security: text(8)? == "on",
            session_replication_role: text(9)?.into(),
            transform_null_equals: text(10)? == "on",
            check_function_bodies: text(11)? == "on",
            is_superuser: text(12)? == "on",
            server_version_num: text(13)?
                .parse()
                .map_err(|_| SettingsError("server_version_num is no number".into()))?,
            server_encoding: text(14)?.into(),
            has_changed_reading: false,
            digest,
        })
    }

    /// Settings under which the gateway reads texts that it made itself and that no server sees: all as the manual's
    /// defaults have it, and no names but the system's.
    pub fn of_own_texts() -> Self {
        let text = |text: &str| -> Arc<str> { text.into() };
        Self {
            search_path: vec![text("pg_catalog")],
            search_path_setting: text("pg_catalog"),
            current_user: text(""),
            session_user: text(""),
            temp_schema: None,
            standard_conforming_strings: true,
            backslash_quote: text("safe_encoding"),
            client_encoding: text("UTF8"),
            row_security: true,
            session_replication_role: text("origin"),
            transform_null_equals: false,
            check_function_bodies: true,
            is_superuser: false,
            server_version_num: 0,
            server_encoding: text("UTF8"),
            has_changed_reading: false,
            digest: [0; 16],
        }
    }

    /// A digest of all that analysis may rest on; equal settings of different sessions share cached analyses.
    pub const fn digest(&self) -> &[u8; 16] {
        &self.digest
    }

    /// The name that `pg_temp` stands for: the session's temporary schema, or a name that no schema has.
    pub fn resolve_schema<'a>(&'a self, schema: &'a str) -> &'a str {
        if schema == "pg_temp" {
            self.temp_schema.as_deref().unwrap_or("pg_temp")
        } else {
            schema
        }
    }
}
