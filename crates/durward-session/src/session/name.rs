//! `application_name`: the server's log and `pg_stat_activity` see who is behind a session by it, whatever the client
//! calls itself.
//!
//! The server reports every change of this setting before it is ready again (manual section 55.2.7): SET and RESET,
//! `set_config`, a rollback, the end of SET LOCAL. What lacks the identity is mended by a query of our own before the
//! next statement that does anything; the client is told the name that it chose.

use durward_sql::{AnalyzedStatement, SessionEffect};
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write;

use super::judge::NoAnalysis;
use super::{End, OwnQuery, Session};
use crate::sight::depends_on_names;

/// The setting.
pub(crate) const APPLICATION_NAME: &str = "application_name";

/// The longest value that the server keeps (`NAMEDATALEN` less one).
const NAME_BYTES_MAX: usize = 63;

/// Stands between the identity and the client's own name.
const SEPARATOR: &str = ": ";

/// How much of the identity is shown: the separator fits behind it.
const IDENTITY_BYTES_MAX: usize = NAME_BYTES_MAX - SEPARATOR.len();

/// Puts the identity, its one parameter, before the name that is set, unless it is there; `{local}` says whether the
/// open transaction's end takes that back. Nothing in it depends on search_path.
const RESTORE_SQL: &str = "SELECT pg_catalog.set_config('application_name', pg_catalog.\"left\"(\
CASE WHEN pg_catalog.texteq(now.name, '') THEN $1::pg_catalog.text \
ELSE pg_catalog.concat($1::pg_catalog.text, ': ', now.name) END, 63), {local}) \
FROM (SELECT pg_catalog.current_setting('application_name') AS name) now \
WHERE NOT (pg_catalog.texteq(now.name, $1::pg_catalog.text) \
OR pg_catalog.starts_with(now.name, pg_catalog.concat($1::pg_catalog.text, ': ')))";

/// The query that puts the identity back.
pub(super) fn restore_sql(local: bool) -> String {
    RESTORE_SQL.replace("{local}", if local { "true" } else { "false" })
}

/// What is known of the server's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The identity is in it.
    Yes,
    /// Something ran that may have changed it; the server reports that at the end of the pipeline.
    Perhaps,
    /// The client's name stands alone.
    No,
}

/// The session's name on the server.
#[derive(Debug)]
pub(crate) struct ServerName {
    identity: String,
    /// What the client was told last.
    told: Vec<u8>,
    kept: Kept,
}

impl ServerName {
    /// Who it is, as `agent for alice`, and what the client calls itself.
    pub(crate) fn new(identity: &str, client_name: &str) -> Self {
        Self {
            identity: printable(identity, IDENTITY_BYTES_MAX),
            told: client_name.as_bytes().to_vec(),
            kept: Kept::Yes,
        }
    }

    /// The value to begin with: `agent for alice: psql`, as ASCII and within the server's length.
    pub(crate) fn value(&self) -> String {
        let client_name = String::from_utf8_lossy(&self.told);
        let full = if client_name.is_empty() {
            self.identity.clone()
        } else {
            format!("{}{SEPARATOR}{client_name}", self.identity)
        };
        printable(&full, NAME_BYTES_MAX)
    }

    /// The client's part of the server's value; `None` where the identity isn't in it.
    fn client_part<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let rest = value.strip_prefix(self.identity.as_bytes())?;
        match rest {
            [] => Some(rest),
            _ => rest.strip_prefix(SEPARATOR.as_bytes()),
        }
    }

    /// Takes in the value that the server reports. Returns what the client is to be told, if that is news.
    fn follow(&mut self, value: &[u8]) -> Option<&[u8]> {
        let client_part = self.client_part(value);
        self.kept = if client_part.is_some() { Kept::Yes } else { Kept::No };
        let client_part = client_part.unwrap_or(value);
        let cut_short = value.len() >= NAME_BYTES_MAX && self.told.starts_with(client_part);
        if cut_short || self.told == client_part {
            return None;
        }
        self.told = client_part.to_vec();
        Some(&self.told)
    }

    /// A statement with this effect has been forwarded.
    pub(crate) fn note(&mut self, effect: &SessionEffect) {
        match effect {
            SessionEffect::SetSetting { name, .. } if &**name == APPLICATION_NAME => self.kept = Kept::No,
            SessionEffect::MayChangeSettings if self.kept == Kept::Yes => self.kept = Kept::Perhaps,
            _ => {}
        }
    }
}

/// As the server keeps names: ASCII, within a length.
fn printable(text: &str, bytes_max: usize) -> String {
    text.chars()
        .map(|character| {
            if character.is_ascii_graphic() || character == ' ' {
                character
            } else {
                '?'
            }
        })
        .take(bytes_max)
        .collect()
}

impl Session {
    /// The server reports the setting's value: the client gets its own part of it.
    pub(super) fn follow_name(&mut self, value: &[u8]) {
        let Self { name, client, .. } = self;
        if let Some(told) = name.follow(value) {
            let mut result = Ok(());
            client
                .outbound
                .extend_with(|out| result = write::parameter_status(out, APPLICATION_NAME.as_bytes(), told));
            // INVARIANT: the value came in a message of the same form, as a string without NUL.
            debug_assert!(result.is_ok(), "a reported value can't be written");
        }
    }

    /// Sees to it that the server knows who runs these statements before it gets them.
    pub(super) async fn keep_name(&mut self, statements: &[AnalyzedStatement]) -> Result<Result<(), NoAnalysis>, End> {
        if self.name.kept == Kept::Yes || !statements.iter().any(depends_on_names) {
            return Ok(Ok(()));
        }
        self.settle().await?;
        if !self.replies.in_pipeline() {
            // All that has changed is reported by now.
            if self.name.kept == Kept::Perhaps {
                self.name.kept = Kept::Yes;
            }
            if self.name.kept == Kept::Yes || self.status == TransactionStatus::Failed {
                return Ok(Ok(()));
            }
        }
        let query = OwnQuery::Name {
            identity: self.name.identity.as_str().into(),
            local: self.in_transaction(),
        };
        match self.ask(&[query]).await? {
            Ok(_) => {
                self.name.kept = Kept::Yes;
                Ok(Ok(()))
            }
            Err(_) => Ok(Err(self.no_answer())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, ServerName};

    #[test]
    fn the_client_is_told_its_own_part() {
        let mut name = ServerName::new("agent for alice", "psql");
        assert_eq!(name.value(), "agent for alice: psql");
        assert_eq!(name.follow(b"report"), Some(&b"report"[..]));
        assert_eq!(name.kept, Kept::No);
        assert_eq!(name.follow(b"agent for alice: report"), None);
        assert_eq!(name.kept, Kept::Yes);
        assert_eq!(name.follow(b"agent for alice"), Some(&b""[..]));
        assert_eq!(name.kept, Kept::Yes);
    }

    #[test]
    fn who_begins_alike_is_somebody_else() {
        let mut name = ServerName::new("agent", "");
        for value in ["agent-2", "agent:", "agent 2: x"] {
            assert_eq!(name.follow(value.as_bytes()), Some(value.as_bytes()));
            assert_eq!(name.kept, Kept::No, "{value}");
        }
    }

    #[test]
    fn long_names_fit() {
        let mut name = ServerName::new(&"ü".repeat(90), &"n".repeat(90));
        assert_eq!(name.value().len(), 63);
        let value = name.value();
        assert_eq!(name.follow(value.as_bytes()), None);
        assert_eq!(name.kept, Kept::Yes);
    }
}
