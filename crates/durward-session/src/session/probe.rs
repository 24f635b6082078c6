//! Queries of the gateway's own on the session's server connection: answered to us, invisible to the client.

use bytes::Bytes;
use durward_audit::Recorded;
use durward_model::Oid;
use durward_policy::Permit;
use durward_sql::catalog::CatalogRequest;
use durward_sql::settings::PROBE_SQL;
use durward_wire::postgres::Format;
use durward_wire::postgres::backend::TransactionStatus;

use super::name::restore_sql;
use super::{End, Listen, Session};
use crate::catalog::TextRow;
use crate::changes::Reach;
use crate::limits::COUNT_MILLISECONDS_MAX;
use crate::replies::Expected;

/// The texts that the gateway sends on a session's own connection: no other exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnQuery {
    /// The settings that analysis rests on.
    Settings,
    /// A part of the catalog as the open transaction sees it.
    Catalog(CatalogRequest),
    /// Which of these tables take no space.
    EmptyTables(Vec<Oid>),
    /// The settings besides those of analysis on which a statement's meaning rests.
    Meanings,
    /// What follows in the same transaction only reads, and not for long.
    CountLimits,
    /// Whether the session's role may read all of a table, and the settings by which values are written as text.
    CaptureTerms(Oid, Reach),
    /// Rows of a table with certain keys, or of the catalog: a text made of constants and the catalog's names alone, and the
    /// values of its parameters.
    Rows(Box<str>, Vec<String>),
    /// A step of keeping something aside: a text made of constants and the catalog's names alone.
    Aside(Box<str>),
    /// How many rows of each table the session has changed, and not reported yet.
    RowsChanged,
    /// Does at once what was put off until the end of the transaction.
    ConstraintsNow,
    /// Ends a transaction block in which nothing has run.
    Rollback,
    /// Where the open transaction goes back to after a count.
    Savepoint,
    /// Goes back there.
    RollBackToSavepoint,
    /// Forgets the place.
    ReleaseSavepoint,
    /// Puts the identity back into the session's name, for as long as the open transaction where there is one.
    Name { identity: Box<str>, local: bool },
}

impl OwnQuery {
    /// The settings by which values are written as text and read back.
    pub(crate) const TEXT_SETTINGS: [&'static str; 6] = [
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "extra_float_digits",
        "bytea_output",
        "lc_monetary",
    ];

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Settings => PROBE_SQL.to_owned(),
            Self::Catalog(request) => request.sql(),
            Self::EmptyTables(tables) => {
                let tables: Vec<String> = tables.iter().map(Oid::to_string).collect();
                format!(
                    "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) \
                     ANY ('{{{}}}'::pg_catalog.oid[]) AND pg_catalog.pg_relation_size(c.oid) \
                     OPERATOR(pg_catalog.=) 0",
                    tables.join(",")
                )
            }
            Self::Meanings => MEANINGS_SQL.to_owned(),
            Self::CountLimits => format!(
                "SELECT pg_catalog.set_config('transaction_read_only', 'on', true), \
                 pg_catalog.set_config('statement_timeout', '{COUNT_MILLISECONDS_MAX}', true)"
            ),
            Self::Rows(text, _) | Self::Aside(text) => text.to_string(),
            Self::CaptureTerms(table, reach) => {
                let settings = Self::TEXT_SETTINGS.map(|name| format!("pg_catalog.current_setting('{name}')"));
                format!(
                    "SELECT pg_catalog.has_table_privilege({table}::pg_catalog.oid, 'SELECT') \
                     AND NOT pg_catalog.row_security_active({table}::pg_catalog.oid){}, {}",
                    match reach {
                        Reach::Read => String::new(),
                        Reach::Lock => {
                            format!(" AND pg_catalog.has_table_privilege({table}::pg_catalog.oid, 'UPDATE')")
                        }
                    },
                    settings.join(", ")
                )
            }
            Self::RowsChanged => ROWS_CHANGED_SQL.to_owned(),
            Self::ConstraintsNow => "SET CONSTRAINTS ALL IMMEDIATE".to_owned(),
            Self::Rollback => "ROLLBACK".to_owned(),
            Self::Savepoint => "SAVEPOINT durward_gateway".to_owned(),
            Self::RollBackToSavepoint => "ROLLBACK TO SAVEPOINT durward_gateway".to_owned(),
            Self::ReleaseSavepoint => "RELEASE SAVEPOINT durward_gateway".to_owned(),
            Self::Name { local, .. } => restore_sql(*local),
        }
    }

    /// The values of its parameters, which are never part of its text.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        match self {
            Self::Settings
            | Self::Catalog(_)
            | Self::EmptyTables(_)
            | Self::Meanings
            | Self::CountLimits
            | Self::CaptureTerms(..)
            | Self::Aside(_)
            | Self::RowsChanged
            | Self::ConstraintsNow
            | Self::Rollback
            | Self::Savepoint
            | Self::RollBackToSavepoint
            | Self::ReleaseSavepoint => Vec::new(),
            Self::Name { identity, .. } => vec![identity],
            Self::Rows(_, values) => values.iter().map(String::as_str).collect(),
        }
    }
}

/// Settings by which the same text, with the same names, can mean something else: how constants are read, what operators
/// on text and time give, and where new objects go.
const MEANINGS_SQL: &str = "SELECT s.name, s.setting FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) \
ANY ('{DateStyle,IntervalStyle,TimeZone,timezone_abbreviations,lc_monetary,lc_numeric,lc_time,xmloption,xmlbinary,array_nulls,\
bytea_output,extra_float_digits,default_text_search_config,default_tablespace,default_table_access_method,\
default_toast_compression,temp_tablespaces,transaction_isolation,transaction_read_only,row_security,\
session_replication_role,transform_null_equals,lo_compat_privileges}'::pg_catalog.text[]) ORDER BY 1";

/// By the server's own count (manual section 28.2, `pg_stat_xact_user_tables`), temporary tables left out. A partition counts for
/// its table.
const ROWS_CHANGED_SQL: &str = "SELECT COALESCE(pg_catalog.pg_partition_root(s.relid)::pg_catalog.oid, s.relid), s.n_tup_ins OPERATOR(pg_catalog.+) s.n_tup_upd OPERATOR(pg_catalog.+) s.n_tup_del \
FROM pg_catalog.pg_stat_xact_user_tables s WHERE s.n_tup_ins OPERATOR(pg_catalog.+) s.n_tup_upd \
OPERATOR(pg_catalog.+) s.n_tup_del OPERATOR(pg_catalog.>) 0 AND NOT pg_catalog.starts_with(s.schemaname::pg_catalog.text, 'pg_temp')";

/// Answers as they come in.
#[derive(Debug, Default)]
pub(super) struct Probe {
    rows: Vec<TextRow>,
    answers: Vec<Vec<TextRow>>,
    /// How many rows each says that it gave or changed.
    counts: Vec<u64>,
    closes: u8,
    /// By which code the server failed one.
    failed: Option<Box<str>>,
}

/// Why the gateway's own queries have no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The server failed one, or skips the pipeline that it stands in.
    Failed,
}

impl Probe {
    pub(super) fn row<'a>(&mut self, values: impl Iterator<Item = Option<&'a [u8]>>) {
        self.rows
            .push(values.map(|value| value.map(Bytes::copy_from_slice)).collect());
    }

    pub(super) fn complete(&mut self, count: Option<u64>) {
        self.answers.push(std::mem::take(&mut self.rows));
        self.counts.push(count.unwrap_or_default());
    }

    /// One of our two names was closed; true with the second.
    pub(super) fn close(&mut self) -> bool {
        self.closes += 1;
        let done = self.closes == 2;
        if done {
            self.closes = 0;
        }
        done
    }

    /// The answers, where there are as many as were asked for.
    pub(super) fn into_answers(self, count: usize) -> Option<Vec<Vec<TextRow>>> {
        (self.failed.is_none() && self.answers.len() == count).then_some(self.answers)
    }

    /// By which code the server failed what was asked.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// The same, as numbers of rows.
    pub(super) fn into_counts(self, count: usize) -> Option<Vec<u64>> {
        (self.failed.is_none() && self.counts.len() == count).then_some(self.counts)
    }

    pub(super) fn fail(&mut self, sqlstate: &str) {
        self.failed = Some(sqlstate.into());
        self.closes = 0;
    }
}

impl Session {
    /// Runs queries of our own behind what the client has sent so far, and waits for their answers.
    pub(super) async fn ask(&mut self, queries: &[OwnQuery]) -> Result<Result<Vec<Vec<TextRow>>, Unanswered>, End> {
        let alone = !self.replies.in_pipeline();
        self.ask_as(queries, alone).await
    }

    /// The same in the transaction in which what follows will run.
    pub(super) async fn ask_within(
        &mut self,
        queries: &[OwnQuery],
    ) -> Result<Result<Vec<Vec<TextRow>>, Unanswered>, End> {
        self.ask_as(queries, false).await
    }

    async fn ask_as(
        &mut self,
        queries: &[OwnQuery],
        alone: bool,
    ) -> Result<Result<Vec<Vec<TextRow>>, Unanswered>, End> {
        self.probe = Probe::default();
        self.close_left();
        for query in queries {
            self.server.own_extended(query);
            self.replies.push(Expected::ProbeExtended);
        }
        if alone {
            self.server.own_sync();
            self.replies.push(Expected::ProbeSync);
        }
        // A failure of ours is still followed by the ReadyForQuery of our own Sync.
        while self.replies.awaits_own() && (alone || self.probe.failed.is_none()) {
            self.turn(Listen::Server).await?;
        }
        let probe = std::mem::take(&mut self.probe);
        if probe.failed.is_some() || probe.answers.len() != queries.len() {
            return Ok(Err(Unanswered::Failed));
        }
        Ok(Ok(probe.answers))
    }

    /// Runs a recorded text under names of our own, alone between the client's messages; its answers are kept.
    pub(super) async fn run_own(
        &mut self,
        recorded: Recorded<Vec<Permit>>,
        (text, types): (&str, &[u32]),
        values: (&[Format], &[Option<&[u8]>]),
    ) -> Result<(), End> {
        self.close_left();
        self.server.own_recorded(recorded, text, types, values);
        self.replies.push(Expected::ProbeExtended);
        self.server.own_sync();
        self.replies.push(Expected::ProbeSync);
        while self.replies.awaits_own() {
            self.turn(Listen::Server).await?;
        }
        Ok(())
    }

    /// Closes what an error has left of a query of ours, so that its name is free.
    pub(super) fn close_left(&mut self) {
        if std::mem::take(&mut self.own_left) {
            self.server.own_close();
            self.replies.push(Expected::OwnClose);
        }
    }

    /// The same at once, behind a Sync.
    pub(super) fn leave_nothing(&mut self) {
        if self.own_left {
            self.close_left();
            self.server.own_sync();
            self.replies.push(Expected::ProbeSync);
        }
    }

    /// Waits until the server has answered all that the client sent, outside an extended pipeline.
    pub(super) async fn settle(&mut self) -> Result<(), End> {
        while !self.replies.is_empty() && !self.replies.in_pipeline() {
            self.turn(Listen::Server).await?;
        }
        Ok(())
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.replies.in_pipeline() || self.status != TransactionStatus::Idle
    }
}
