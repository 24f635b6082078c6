//! Queries of the gateway's own on the session's server connection: answered to us, invisible to the client.

use bytes::Bytes;
use durward_model::Oid;
use durward_sql::catalog::CatalogRequest;
use durward_sql::settings::PROBE_SQL;
use durward_wire::postgres::backend::TransactionStatus;

use super::name::restore_sql;
use super::{End, Listen, Session};
use crate::catalog::TextRow;
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
    /// Puts the identity back into the session's name, for as long as the open transaction where there is one.
    Name { identity: Box<str>, local: bool },
}

impl OwnQuery {
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
            Self::Name { local, .. } => restore_sql(*local),
        }
    }

    /// The values of its parameters, which are never part of its text.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        match self {
            Self::Settings | Self::Catalog(_) | Self::EmptyTables(_) => Vec::new(),
            Self::Name { identity, .. } => vec![identity],
        }
    }
}

/// Answers as they come in.
#[derive(Debug, Default)]
pub(super) struct Probe {
    rows: Vec<TextRow>,
    answers: Vec<Vec<TextRow>>,
    closes: u8,
    failed: bool,
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

    pub(super) fn complete(&mut self) {
        self.answers.push(std::mem::take(&mut self.rows));
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

    pub(super) fn fail(&mut self) {
        self.failed = true;
        self.closes = 0;
    }
}

impl Session {
    /// Runs queries of our own behind what the client has sent so far, and waits for their answers.
    pub(super) async fn ask(&mut self, queries: &[OwnQuery]) -> Result<Result<Vec<Vec<TextRow>>, Unanswered>, End> {
        self.probe = Probe::default();
        let alone = !self.replies.in_pipeline();
        for query in queries {
            self.server.own_extended(query);
            self.replies.push(Expected::ProbeExtended);
        }
        if alone {
            self.server.own_sync();
            self.replies.push(Expected::ProbeSync);
        }
        // A failure of ours is still followed by the ReadyForQuery of our own Sync.
        while self.replies.awaits_own() && (alone || !self.probe.failed) {
            self.turn(Listen::Server).await?;
        }
        let probe = std::mem::take(&mut self.probe);
        if probe.failed || probe.answers.len() != queries.len() {
            return Ok(Err(Unanswered::Failed));
        }
        Ok(Ok(probe.answers))
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
