//! The store that keeps the records of many gateways: a PostgreSQL database, or what speaks its protocol.
//!
//! Each gateway writes its own record first, and sends from there what is signed. The store's word on how far it has
//! come and the events themselves are one transaction, so that nothing comes twice and nothing is left out, whatever ends
//! in between.

mod fetch;
mod ship;

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use durward_session::upstream::{Target, UpstreamConnection, UpstreamCredentials};

pub(crate) use fetch::fetch;
pub(crate) use ship::ship;

/// How long the store may take for one batch.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tables. A role that only sends needs SELECT and INSERT on both, and UPDATE on `logs`.
const TABLES: &str = "
CREATE SCHEMA IF NOT EXISTS durward_audit;
CREATE TABLE IF NOT EXISTS durward_audit.logs (
    ledger text PRIMARY KEY,
    events bigint NOT NULL,
    checkpoint text,
    checkpoint_events bigint NOT NULL,
    shipped timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS durward_audit.events (
    ledger text NOT NULL REFERENCES durward_audit.logs,
    number bigint NOT NULL,
    segment bigint NOT NULL,
    kind smallint NOT NULL,
    time timestamptz NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (ledger, number)
);";

/// A connection to the store.
struct Store {
    connection: UpstreamConnection,
}

impl Store {
    /// Connects. Cancel safe: yes.
    async fn connect(target: &Target) -> anyhow::Result<Self> {
        let parameters = [
            ("application_name", "durward audit store"),
            ("search_path", "pg_catalog"),
            ("client_encoding", "UTF8"),
            ("synchronous_commit", "on"),
            ("standard_conforming_strings", "on"),
            ("bytea_output", "hex"),
            ("DateStyle", "ISO"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let credentials = UpstreamCredentials::configured(target);
        let connection = UpstreamConnection::connect(target, &credentials, &parameters).await;
        Ok(Self {
            connection: connection.context("the store can't be reached")?,
        })
    }

    /// The rows of the last statement of `text`, which is never made of anything but our words, numbers and hexadecimal.
    /// Cancel safe: no; the connection must then be closed.
    async fn ask(&mut self, text: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let answered = tokio::time::timeout(PATIENCE, self.connection.simple_query(text));
        let mut answers = answered.await.context("the store doesn't answer")??;
        let rows = answers.pop().unwrap_or_default();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(|value| value.map(|value| text(&value))).collect())
            .collect())
    }

    /// Makes the tables where there are none.
    async fn prepare(&mut self) -> anyhow::Result<()> {
        let there = "SELECT to_regclass('durward_audit.events') IS NOT NULL";
        let is_there = self.ask(there).await?;
        if is_there.first().and_then(|row| row.first()?.as_deref()) == Some("t") {
            return Ok(());
        }
        if let Err(error) = self.ask(TABLES).await {
            // Another gateway may have been quicker.
            let now = self.ask(there).await?;
            let made = now.first().and_then(|row| row.first()?.as_deref()) == Some("t");
            return if made {
                Ok(())
            } else {
                Err(error.context("the store's tables can't be made"))
            };
        }
        Ok(())
    }
}

/// A ledger's id as a literal: hexadecimal, and nothing else.
fn literal(ledger: &str) -> anyhow::Result<String> {
    anyhow::ensure!(
        !ledger.is_empty() && ledger.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{ledger:?} is no ledger's id"
    );
    Ok(format!("'{ledger}'"))
}

/// Bytes as a literal of their own.
fn bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 4);
    text.push_str("'\\x");
    for byte in bytes {
        // A String takes every write.
        write!(text, "{byte:02x}").ok();
    }
    text.push('\'');
    text
}

/// Reads what [`bytes`] and the server's `bytea_output = hex` write.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    let value = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (digits.len() % 2 == 0).then_some(())?;
    (0..digits.len()).step_by(2).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hexadecimal_becomes_a_literal() {
        assert_eq!(literal("00ff").unwrap(), "'00ff'");
        for bad in ["", "00' OR true --", "xyz"] {
            literal(bad).unwrap_err();
        }
        assert_eq!(bytes(&[0, 255, 39]), "'\\x00ff27'");
        assert_eq!(unhex("\\x00ff27").unwrap(), [0, 255, 39]);
        for bad in ["00", "\\x0", "\\xzz"] {
            assert_eq!(unhex(bad), None);
        }
    }
}
