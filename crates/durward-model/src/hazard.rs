use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Something in a statement that a rule may have to stop, with the object that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hazard {
    /// What kind.
    pub kind: HazardKind,
    /// The object concerned, as `schema.name` or a role, setting, file or program word; empty where there is none.
    pub object: Arc<str>,
}

impl Hazard {
    /// A hazard that concerns `object`.
    pub fn new(kind: HazardKind, object: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            object: object.into(),
        }
    }
}

macro_rules! hazard_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// The kinds of hazard. The word is stable: policies and records name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum HazardKind { $($(#[doc = $doc])+ $variant,)+ }

        impl HazardKind {
            /// Every kind, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

hazard_kinds! {
    /// UPDATE without a WHERE.
    UpdateWithoutWhere = "update_without_where",
    /// DELETE without a WHERE.
    DeleteWithoutWhere = "delete_without_where",
    /// UPDATE, DELETE or MERGE whose condition is always true, or can't be shown to depend on the row.
    TautologicalWhere = "tautological_where",
    /// TRUNCATE.
    Truncate = "truncate",
    /// An object is dropped: table, view, schema, function, type, database, anything.
    Drop = "drop",
    /// DDL that loses stored data short of a drop: DROP COLUMN, a narrowing type change, DETACH PARTITION.
    DataLoss = "data_loss",
    /// DDL that rewrites a table.
    TableRewrite = "table_rewrite",
    /// DDL or LOCK that blocks readers or writers of an existing table for longer than a catalog change.
    TableLock = "table_lock",
    /// Something that ends checks: constraint or trigger dropped or disabled, row security switched off.
    ProtectionRemoved = "protection_removed",
    /// Rights given or taken: GRANT, REVOKE, default privileges, ownership, role attributes and membership.
    PrivilegeChange = "privilege_change",
    /// SET ROLE, SET SESSION AUTHORIZATION and kin.
    RoleChange = "role_change",
    /// A program run on the server.
    ServerProgram = "server_program",
    /// A file on the server read or written.
    ServerFile = "server_file",
    /// Another server reached or defined: foreign data, dblink, subscriptions.
    ForeignData = "foreign_data",
    /// Server configuration changed: ALTER SYSTEM, ALTER DATABASE or ROLE … SET, reload.
    Configuration = "configuration",
    /// A setting of this session that hides tracks or weakens a check: `session_replication_role`, `row_security`,
    /// `log_statement`, `lc_messages` of another kind than the server's.
    SessionSetting = "session_setting",
    /// Other sessions cancelled or ended, or their temporary objects touched.
    OtherSessions = "other_sessions",
    /// A relation marked append-only is updated, deleted from, truncated or altered.
    EvidenceWrite = "evidence_write",
    /// A statement text built at run time is executed.
    DynamicSql = "dynamic_sql",
    /// Code in an untrusted language is made or run.
    UntrustedCode = "untrusted_code",
    /// Code that later runs with someone else's rights or on someone else's statements: SECURITY DEFINER functions,
    /// triggers, rules, event triggers, casts, operators.
    PlantedCode = "planted_code",
    /// A function is made whose body holds a hazard: whoever calls it brings that about.
    HarmfulCode = "harmful_code",
    /// An extension is made or changed.
    Extension = "extension",
    /// Large objects are imported from or exported to files, or unlinked.
    LargeObject = "large_object",
    /// Secrets of the server itself are read: `pg_authid`, `pg_shadow`, user mappings, subscription passwords.
    CredentialRead = "credential_read",
    /// Replication slots, publications, WAL or backup control.
    Replication = "replication",
    /// Server tracks are hidden or removed: statistics reset, log rotation, `application_name` forged.
    HidesTracks = "hides_tracks",
    /// An advisory or explicit lock that other sessions may wait for.
    AdvisoryLock = "advisory_lock",
    /// Deliberate waste: `pg_sleep`, unbounded generate_series and kin.
    ResourceUse = "resource_use",
}

impl fmt::Display for HazardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
