//! What PostgreSQL's own functions do (versions 14 to 18).
//!
//! The rule: a built-in function that the server declares immutable or stable computes or reads public state, so it is
//! harmless unless it is named here; a volatile one is opaque unless it is named here. Names come first, so that an
//! altered volatility changes nothing for the named.

use durward_model::HazardKind;

/// What a known function does beyond computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Computes from its arguments, or reads public state.
    Harmless,
    /// Does what the hazards say; whether it changes anything is the flag.
    Hazardous(&'static [HazardKind]),
    /// Advances the sequence that its first argument names.
    AdvancesSequence,
    /// Sets the sequence that its first argument names.
    SetsSequence,
    /// Runs the SQL text in the argument of that index, from 0.
    RunsText(usize),
    /// Reads the whole relation that its first argument names.
    ReadsRelation,
    /// Reads every relation of a schema or of the database.
    ReadsEverything,
    /// Changes a setting of the session: `set_config`.
    SetsSetting,
    /// Writes large objects.
    WritesLargeObject,
    /// Reads large objects.
    ReadsLargeObject,
    /// Maintains the relation that its first argument names.
    Maintains,
    /// NOTIFY as a function.
    Notifies,
    /// Makes a series that may be long: waste, if its bounds say so.
    MakesSeries,
}

const FILE: Known = Known::Hazardous(&[HazardKind::ServerFile]);
const CONFIGURATION: Known = Known::Hazardous(&[HazardKind::Configuration]);
const CONFIGURATION_FILE: Known = Known::Hazardous(&[HazardKind::ServerFile, HazardKind::CredentialRead]);
const REPLICATION: Known = Known::Hazardous(&[HazardKind::Replication]);
const OTHERS: Known = Known::Hazardous(&[HazardKind::OtherSessions]);
const TRACKS: Known = Known::Hazardous(&[HazardKind::HidesTracks]);
const LOCK: Known = Known::Hazardous(&[HazardKind::AdvisoryLock]);
const WASTE: Known = Known::Hazardous(&[HazardKind::ResourceUse]);
const CATALOG: Known = Known::Hazardous(&[HazardKind::Configuration, HazardKind::PrivilegeChange]);

/// What the built-in function `name` does; `None` for one that nobody has judged.
pub(crate) fn effect(name: &str, volatility: char) -> Option<Known> {
    named(name).or_else(|| matches!(volatility, 'i' | 's').then_some(Known::Harmless))
}

/// The functions known by name. A match over a list, longer than a screen.
fn named(name: &str) -> Option<Known> {
    let known = match name {
        // Files of the server.
        "pg_read_file"
        | "pg_read_file_old"
        | "pg_read_binary_file"
        | "pg_stat_file"
        | "pg_ls_dir"
        | "pg_ls_logdir"
        | "pg_ls_waldir"
        | "pg_ls_tmpdir"
        | "pg_ls_archive_statusdir"
        | "pg_ls_logicalmapdir"
        | "pg_ls_logicalsnapdir"
        | "pg_ls_replslotdir"
        | "pg_ls_summariesdir"
        | "pg_hba_file_rules"
        | "pg_ident_file_mappings" => FILE,
        "pg_show_all_file_settings" => CONFIGURATION_FILE,

        // Large objects.
        "lo_import" | "lo_export" | "be_lo_import" | "be_lo_export" => {
            Known::Hazardous(&[HazardKind::LargeObject, HazardKind::ServerFile])
        }
        "lo_unlink" => Known::Hazardous(&[HazardKind::LargeObject]),
        "lo_creat" | "lo_create" | "lo_from_bytea" | "lo_put" | "lowrite" | "lo_truncate" | "lo_truncate64" => {
            Known::WritesLargeObject
        }
        "lo_get" | "loread" | "lo_open" => Known::ReadsLargeObject,
        "lo_close" | "lo_lseek" | "lo_lseek64" | "lo_tell" | "lo_tell64" => Known::Harmless,

        // Other sessions.
        "pg_terminate_backend" | "pg_cancel_backend" | "pg_log_backend_memory_contexts" => OTHERS,
        "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_advisory_xact_lock"
        | "pg_advisory_xact_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_try_advisory_xact_lock"
        | "pg_try_advisory_xact_lock_shared" => LOCK,
        "pg_advisory_unlock" | "pg_advisory_unlock_shared" | "pg_advisory_unlock_all" => Known::Harmless,
        "pg_sleep" | "pg_sleep_for" | "pg_sleep_until" => WASTE,
        "pg_notify" => Known::Notifies,

        // Configuration and control of the server.
        "pg_reload_conf" | "pg_promote" => CONFIGURATION,
        "pg_nextoid" | "pg_stop_making_pinned_objects" | "pg_import_system_collations" => CATALOG,
        "pg_extension_config_dump" => Known::Hazardous(&[HazardKind::Extension]),
        "set_config" => Known::SetsSetting,

        // Tracks.
        "pg_rotate_logfile"
        | "pg_rotate_logfile_old"
        | "pg_stat_reset"
        | "pg_stat_reset_shared"
        | "pg_stat_reset_single_table_counters"
        | "pg_stat_reset_single_function_counters"
        | "pg_stat_reset_slru"
        | "pg_stat_reset_replication_slot"
        | "pg_stat_reset_subscription_stats"
        | "pg_stat_reset_backend_stats" => TRACKS,

        // Write-ahead log, backup, replication.
        "pg_switch_wal"
        | "pg_switch_xlog"
        | "pg_create_restore_point"
        | "pg_backup_start"
        | "pg_backup_stop"
        | "pg_start_backup"
        | "pg_stop_backup"
        | "pg_wal_replay_pause"
        | "pg_wal_replay_resume"
        | "pg_copy_logical_replication_slot"
        | "pg_copy_physical_replication_slot"
        | "pg_create_logical_replication_slot"
        | "pg_create_physical_replication_slot"
        | "pg_drop_replication_slot"
        | "pg_logical_emit_message"
        | "pg_logical_slot_get_binary_changes"
        | "pg_logical_slot_get_changes"
        | "pg_logical_slot_peek_binary_changes"
        | "pg_logical_slot_peek_changes"
        | "pg_replication_origin_advance"
        | "pg_replication_origin_create"
        | "pg_replication_origin_drop"
        | "pg_replication_origin_session_reset"
        | "pg_replication_origin_session_setup"
        | "pg_replication_origin_xact_reset"
        | "pg_replication_origin_xact_setup"
        | "pg_replication_slot_advance"
        | "pg_sync_replication_slots"
        | "pg_log_standby_snapshot" => REPLICATION,

        // Functions that run SQL text or read relations by name.
        "query_to_xml" | "query_to_xmlschema" | "query_to_xml_and_xmlschema" => Known::RunsText(0),
        "ts_stat" => Known::RunsText(0),
        "ts_rewrite" => Known::RunsText(1),
        "table_to_xml" | "table_to_xml_and_xmlschema" => Known::ReadsRelation,
        "schema_to_xml" | "schema_to_xml_and_xmlschema" | "database_to_xml" | "database_to_xml_and_xmlschema" => {
            Known::ReadsEverything
        }
        "table_to_xmlschema" | "schema_to_xmlschema" | "database_to_xmlschema" => Known::Harmless,
        // What a cursor gives was judged when it was declared.
        "cursor_to_xml" | "cursor_to_xmlschema" => Known::Harmless,

        // Sequences.
        "nextval" => Known::AdvancesSequence,
        "setval" => Known::SetsSequence,
        "currval" | "lastval" | "pg_sequence_last_value" | "pg_get_sequence_data" => Known::Harmless,

        // Maintenance.
        "brin_summarize_new_values"
        | "brin_summarize_range"
        | "brin_desummarize_range"
        | "gin_clean_pending_list"
        | "pg_clear_relation_stats"
        | "pg_clear_attribute_stats"
        | "pg_restore_relation_stats"
        | "pg_restore_attribute_stats" => Known::Maintains,

        "generate_series" | "repeat" => Known::MakesSeries,
        _ if name.starts_with("binary_upgrade_") => CATALOG,
        _ if is_harmless_volatile(name) => Known::Harmless,
        _ => return None,
    };
    Some(known)
}

/// Volatile functions that change nothing that outlives the statement: clocks, randomness, sizes, state of the server
/// that any role may see, trigger functions and support functions that SQL can't call.
fn is_harmless_volatile(name: &str) -> bool {
    matches!(
        name,
        // Clocks and randomness.
        "clock_timestamp" | "timeofday" | "random" | "random_normal" | "setseed" | "gen_random_uuid" | "uuidv4"
            | "uuidv7" | "array_sample" | "array_shuffle" | "timezone"
            // This session.
            | "current_query" | "currtid2" | "pg_export_snapshot" | "pg_stat_clear_snapshot"
            | "pg_stat_force_next_flush" | "pg_jit_available" | "txid_status" | "pg_xact_status"
            // Sizes and shapes.
            | "pg_database_size" | "pg_indexes_size" | "pg_relation_size" | "pg_table_size" | "pg_tablespace_size"
            | "pg_total_relation_size" | "pg_partition_ancestors" | "pg_partition_tree" | "amvalidate"
            | "pg_collation_actual_version" | "pg_database_collation_actual_version"
            // The server's state.
            | "pg_blocking_pids" | "pg_safe_snapshot_blocking_pids" | "pg_isolation_test_session_is_blocked"
            | "pg_control_checkpoint" | "pg_control_init" | "pg_control_recovery" | "pg_control_system"
            | "pg_current_logfile" | "pg_current_wal_flush_lsn" | "pg_current_wal_insert_lsn" | "pg_current_wal_lsn"
            | "pg_get_backend_memory_contexts" | "pg_get_multixact_members" | "pg_get_shmem_allocations"
            | "pg_get_shmem_allocations_numa" | "pg_get_wal_replay_pause_state" | "pg_get_wal_resource_managers"
            | "pg_get_wait_events" | "pg_get_wal_summarizer_state" | "pg_get_aios" | "pg_get_loaded_modules"
            | "pg_available_wal_summaries" | "pg_wal_summary_contents" | "pg_is_in_recovery" | "pg_is_in_backup"
            | "pg_backup_start_time" | "pg_is_wal_replay_paused" | "pg_last_committed_xact"
            | "pg_last_wal_receive_lsn" | "pg_last_wal_replay_lsn" | "pg_last_xact_replay_timestamp"
            | "pg_lock_status" | "pg_notification_queue_usage" | "pg_prepared_xact"
            | "pg_replication_origin_progress" | "pg_replication_origin_session_is_setup"
            | "pg_replication_origin_session_progress" | "pg_show_replication_origin_status"
            | "pg_stat_get_recovery_prefetch" | "pg_stat_have_stats" | "pg_stat_get_io" | "pg_stat_get_backend_io"
            | "pg_stat_get_backend_wal" | "pg_xact_commit_timestamp" | "pg_xact_commit_timestamp_origin"
            // Trigger functions: what they may do is in foreign keys, or in the row at hand.
            | "suppress_redundant_updates_trigger" | "tsvector_update_trigger" | "tsvector_update_trigger_column"
            | "unique_key_recheck"
            // Support functions.
            | "bernoulli" | "system" | "brinhandler" | "bthandler" | "ginhandler" | "gisthandler" | "hashhandler"
            | "spghandler" | "heap_tableam_handler" | "dsnowball_init" | "dsnowball_lexize"
            | "plpgsql_call_handler" | "plpgsql_inline_handler" | "plpgsql_validator"
    ) || name.starts_with("RI_FKey_")
        || name.starts_with("pg_stat_get_xact_")
}

#[cfg(test)]
mod tests {
    use super::{Known, effect};
    use durward_model::HazardKind;

    #[test]
    fn volatility_decides_only_for_what_is_not_named() {
        assert_eq!(effect("lower", 'i'), Some(Known::Harmless));
        assert_eq!(effect("now", 's'), Some(Known::Harmless));
        assert_eq!(effect("pg_new_in_version_25", 'v'), None);
        assert_eq!(
            effect("pg_read_file", 'i'),
            Some(Known::Hazardous(&[HazardKind::ServerFile]))
        );
        assert_eq!(effect("database_to_xml", 's'), Some(Known::ReadsEverything));
    }

    #[test]
    fn every_volatile_function_of_the_supported_versions_is_judged() {
        for line in include_str!("builtin_volatile.txt").lines() {
            assert!(effect(line, 'v').is_some(), "{line} is not judged");
        }
    }
}
