//! What changing a setting of the session means.

use durward_model::HazardKind;

use crate::SessionEffect;
use crate::bind::Binder;

/// The value that a setting is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// RESET, or TO DEFAULT: what the session began with.
    Default,
    /// The constants of SET, one or a list.
    Known(Vec<String>),
    /// Computed at run time.
    Unknown,
}

impl Value {
    /// Whether the value surely is one of `words`, case folded.
    fn is_one_of(&self, words: &[&str]) -> bool {
        match self {
            Self::Known(values) => match values.as_slice() {
                [value] => words.iter().any(|word| value.trim().eq_ignore_ascii_case(word)),
                _ => false,
            },
            Self::Default | Self::Unknown => false,
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

/// What a setting's change is, apart from being a change of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Ordinary,
    Role,
    Hazard,
}

/// Notes the hazards of giving the setting `name` the value, and that the session must track it.
pub(crate) fn judge(binder: &mut Binder<'_>, name: &str, value: &Value) {
    let name = name.to_ascii_lowercase();
    note(binder, &name, value);
    changes_names(binder, &name);
    binder.facts.effect(SessionEffect::SetSetting {
        name: name.into(),
        local: false,
    });
}

/// Notes the hazards of a function's SET clause, which ends with the function.
pub(crate) fn judge_within_function(binder: &mut Binder<'_>, name: &str, value: &Value) {
    note(binder, &name.to_ascii_lowercase(), value);
}

/// Notes settings by which names are looked up, or by which triggers fire.
pub(crate) fn changes_names(binder: &mut Binder<'_>, name: &str) {
    if matches!(
        name,
        "search_path" | "role" | "session_authorization" | "session_replication_role"
    ) {
        binder.facts.moves_path();
    }
}

/// Notes the hazards alone.
pub(crate) fn note(binder: &mut Binder<'_>, name: &str, value: &Value) {
    match meaning(name, value) {
        Meaning::Ordinary => {}
        Meaning::Role => binder.facts.hazard(HazardKind::RoleChange, name),
        Meaning::Hazard => binder.facts.hazard(HazardKind::SessionSetting, name),
    }
}

/// Settings that change whose rights count, that hide tracks, that weaken a check, or under which a text would be read
/// differently from how the gateway reads it. All others are ordinary: they shape plans, formats and time limits, or
/// are an application's own. A match over a list, longer than a screen.
fn meaning(name: &str, value: &Value) -> Meaning {
    match name {
        // Back to who logged in is no gain.
        "session_authorization" | "role" if value.is_default() => Meaning::Ordinary,
        "role" | "session_authorization" | "createrole_self_grant" => Meaning::Role,

        "session_replication_role" if value.is_default() || value.is_one_of(&["origin", "local"]) => Meaning::Ordinary,
        "row_security" | "standard_conforming_strings" | "event_triggers" if value.is_default() || is_on(value) => {
            Meaning::Ordinary
        }
        "backslash_quote" if value.is_default() || is_off(value) || value.is_one_of(&["safe_encoding"]) => {
            Meaning::Ordinary
        }
        "backslash_quote" => Meaning::Hazard,
        "transform_null_equals"
        | "allow_system_table_mods"
        | "ignore_system_indexes"
        | "zero_damaged_pages"
        | "ignore_checksum_failure"
        | "ignore_invalid_pages"
        | "lo_compat_privileges"
        | "allow_in_place_tablespaces"
            if value.is_default() || is_off(value) =>
        {
            Meaning::Ordinary
        }
        "session_replication_role"
        | "row_security"
        | "standard_conforming_strings"
        | "event_triggers"
        | "transform_null_equals"
        | "allow_system_table_mods"
        | "ignore_system_indexes"
        | "zero_damaged_pages"
        | "ignore_checksum_failure"
        | "ignore_invalid_pages"
        | "lo_compat_privileges"
        | "allow_in_place_tablespaces" => Meaning::Hazard,

        // Code loaded into the server.
        "dynamic_library_path"
        | "session_preload_libraries"
        | "local_preload_libraries"
        | "jit_provider"
        | "extension_control_path"
        | "max_stack_depth"
        | "backtrace_functions" => Meaning::Hazard,
        "plpgsql.variable_conflict" => Meaning::Hazard,

        // Tracks.
        "lc_messages" | "compute_query_id" | "stats_fetch_consistency" => hidden_unless_default(value),
        _ if hides_tracks(name) => hidden_unless_default(value),
        _ if runs_code(name) => Meaning::Hazard,
        _ => Meaning::Ordinary,
    }
}

fn hidden_unless_default(value: &Value) -> Meaning {
    if value.is_default() {
        Meaning::Ordinary
    } else {
        Meaning::Hazard
    }
}

fn is_on(value: &Value) -> bool {
    value.is_one_of(&["on", "true", "yes", "1"])
}

fn is_off(value: &Value) -> bool {
    value.is_one_of(&["off", "false", "no", "0"])
}

/// Logging, activity tracking, audit and plan logging.
fn hides_tracks(name: &str) -> bool {
    name.starts_with("log_")
        || name.starts_with("track_")
        || name.starts_with("pgaudit.")
        || name.starts_with("auto_explain.")
        || name.starts_with("pg_stat_statements.")
        || name.starts_with("pg_stat_monitor.")
        || name.starts_with("set_user.")
        || name.starts_with("anon.")
}

/// Settings of language handlers whose value is code.
fn runs_code(name: &str) -> bool {
    matches!(
        name,
        "plperl.on_init" | "plperl.on_plperl_init" | "plperl.on_plperlu_init"
    ) || name.starts_with("pltcl.start_proc")
        || name.starts_with("pltclu.start_proc")
        || name.starts_with("plv8.start_proc")
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Value, meaning};

    fn check(name: &str, value: &str) -> Meaning {
        meaning(name, &Value::Known(vec![value.to_owned()]))
    }

    #[test]
    fn what_drivers_and_dumps_set_is_ordinary() {
        for (name, value) in [
            ("standard_conforming_strings", "on"),
            ("client_encoding", "UTF8"),
            ("search_path", ""),
            ("statement_timeout", "0"),
            ("application_name", "psql"),
            ("timezone", "UTC"),
            ("extra_float_digits", "3"),
            ("transaction_isolation", "serializable"),
            ("app.tenant", "7"),
            ("session_replication_role", "origin"),
            ("row_security", "on"),
        ] {
            assert_eq!(check(name, value), Meaning::Ordinary, "{name}");
        }
    }

    #[test]
    fn what_weakens_checks_or_hides_tracks_is_a_hazard() {
        for (name, value) in [
            ("session_replication_role", "replica"),
            ("row_security", "off"),
            ("standard_conforming_strings", "off"),
            ("log_statement", "none"),
            ("pgaudit.log", "none"),
            ("track_activities", "off"),
            ("allow_system_table_mods", "on"),
            ("dynamic_library_path", "/tmp"),
            ("plperl.on_init", "x"),
        ] {
            assert_eq!(check(name, value), Meaning::Hazard, "{name}");
        }
        assert_eq!(check("role", "postgres"), Meaning::Role);
        assert_eq!(check("role", "none"), Meaning::Role);
        assert_eq!(meaning("role", &Value::Default), Meaning::Ordinary);
        assert_eq!(meaning("row_security", &Value::Unknown), Meaning::Hazard);
    }
}
