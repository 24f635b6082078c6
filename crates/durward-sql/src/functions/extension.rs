//! What the C functions of reviewed extensions do. Members are known by the catalog's dependencies, never by name
//! alone; members in SQL or PL/pgSQL are judged by their bodies as any function is.

use durward_model::HazardKind;

use super::builtin::Known;

const FILE: Known = Known::Hazardous(&[HazardKind::ServerFile]);
const FOREIGN: Known = Known::Hazardous(&[HazardKind::ForeignData]);
const TRACKS: Known = Known::Hazardous(&[HazardKind::HidesTracks]);
const RAW_PAGES: Known = Known::Hazardous(&[HazardKind::ServerFile, HazardKind::CredentialRead]);
const CORRUPTS: Known = Known::Hazardous(&[HazardKind::DataLoss]);

/// What the function `name` of the extension `extension` does; `None` for one that nobody has judged.
pub(crate) fn effect(extension: &str, name: &str, volatility: char) -> Option<Known> {
    match (extension, name) {
        // dblink runs SQL text on any server: its functions all reach out.
        ("dblink", _) => Some(FOREIGN),
        ("postgres_fdw", "postgres_fdw_disconnect" | "postgres_fdw_disconnect_all") => Some(FOREIGN),
        ("postgres_fdw", "postgres_fdw_get_connections") => Some(Known::Harmless),
        ("adminpack", _) => Some(FILE),
        // Raw pages and log records hold any table's rows.
        ("pageinspect" | "pg_walinspect", _) => Some(RAW_PAGES),
        ("pg_surgery", _) => Some(CORRUPTS),
        ("pg_visibility", "pg_truncate_visibility_map") => Some(Known::Maintains),
        ("pg_prewarm", _) => Some(Known::Hazardous(&[HazardKind::ResourceUse])),
        ("amcheck", _) => Some(Known::Hazardous(&[HazardKind::ResourceUse])),
        ("pg_stat_statements", "pg_stat_statements_reset") => Some(TRACKS),
        ("pg_stat_statements", "pg_stat_statements" | "pg_stat_statements_info") => Some(Known::Harmless),
        // These run SQL text, or build it from names.
        ("tablefunc", "crosstab" | "crosstab_hash" | "crosstab2" | "crosstab3" | "crosstab4") => {
            Some(Known::RunsText(0))
        }
        ("tablefunc", "connectby") | ("xml2", "xpath_table") => None,
        ("lo", _) => Some(Known::Hazardous(&[HazardKind::LargeObject])),
        ("tcn", "triggered_change_notification") => Some(Known::Notifies),
        // Trigger functions that run SQL which their arguments name.
        ("refint", _) => None,
        _ if is_reviewed(extension) && (matches!(volatility, 'i' | 's') || is_harmless_volatile(extension, name)) => {
            Some(Known::Harmless)
        }
        _ => None,
    }
}

/// Extensions whose immutable and stable C functions compute, or read state that any role may see.
fn is_reviewed(extension: &str) -> bool {
    matches!(
        extension,
        "autoinc"
            | "bloom"
            | "btree_gin"
            | "btree_gist"
            | "citext"
            | "cube"
            | "dict_int"
            | "dict_xsyn"
            | "earthdistance"
            | "fuzzystrmatch"
            | "hstore"
            | "insert_username"
            | "intagg"
            | "intarray"
            | "isn"
            | "ltree"
            | "moddatetime"
            | "old_snapshot"
            | "pg_buffercache"
            | "pg_freespacemap"
            | "pg_trgm"
            | "pg_visibility"
            | "pgcrypto"
            | "pgrowlocks"
            | "pgstattuple"
            | "postgis"
            | "postgis_raster"
            | "postgis_sfcgal"
            | "seg"
            | "sslinfo"
            | "tablefunc"
            | "tsm_system_rows"
            | "tsm_system_time"
            | "unaccent"
            | "uuid-ossp"
            | "vector"
            | "xml2"
    )
}

/// Volatile functions of reviewed extensions: randomness, statistics of storage, triggers that set a column.
fn is_harmless_volatile(extension: &str, name: &str) -> bool {
    match extension {
        "pgcrypto" => name.starts_with("pgp_") || matches!(name, "gen_random_bytes" | "gen_random_uuid" | "gen_salt"),
        "uuid-ossp" => name.starts_with("uuid_generate_"),
        // A limit of this session; nothing outlives it.
        "pg_trgm" => name == "set_limit",
        "tablefunc" => name == "normal_rand",
        "sslinfo" => name.starts_with("ssl_"),
        "xml2" => name == "xslt_process",
        "autoinc" | "insert_username" | "moddatetime" => name == extension,
        "intagg" | "unaccent" | "dict_int" | "dict_xsyn" | "bloom" | "tsm_system_rows" | "tsm_system_time"
        | "pg_buffercache" | "pg_freespacemap" | "pg_visibility" | "pgrowlocks" | "pgstattuple" | "old_snapshot" => {
            // Eviction of buffers is the exception among the readers of storage state.
            !name.starts_with("pg_buffercache_evict")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, effect};

    #[test]
    fn members_that_run_text_are_never_harmless() {
        assert_eq!(effect("tablefunc", "connectby", 's'), None);
        assert_eq!(effect("xml2", "xpath_table", 's'), None);
        assert_eq!(effect("tablefunc", "crosstab", 's'), Some(Known::RunsText(0)));
        assert_ne!(effect("dblink", "dblink_error_message", 's'), Some(Known::Harmless));
    }

    #[test]
    fn an_extension_that_nobody_reviewed_is_unknown() {
        assert_eq!(effect("somebodys", "f", 'i'), None);
        assert_eq!(effect("pgcrypto", "digest", 'i'), Some(Known::Harmless));
        assert_eq!(effect("pgcrypto", "gen_salt", 'v'), Some(Known::Harmless));
    }
}
