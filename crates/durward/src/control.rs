//! The control socket: how `durward sessions`, `identities`, `data` and `explain` reach a running gateway.
//!
//! One line of JSON asks, one answers. The socket lies in the data directory, only its owner can open it, and the peer's
//! user is checked besides.

mod client;
mod server;

use std::path::PathBuf;

use durward_console::AccessWish;
use serde::{Deserialize, Serialize};

pub(crate) use client::{NoGateway, ask, find_gateway, socket_path};
pub(crate) use server::{ControlDesk, bind, now, user_name};

/// What can be asked of a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Who is connected.
    Sessions,
    /// End a session.
    KillSession {
        /// Its id as listed.
        session: String,
    },
    /// End all sessions of an identity.
    KillSessionsOf {
        /// Its name.
        who: String,
    },
    /// What waits for approval.
    Approvals {
        /// Ended requests too.
        all: bool,
    },
    /// One request.
    Approval {
        /// Its number as listed.
        id: String,
    },
    /// Approve a request.
    Approve(DecideRequest),
    /// Reject a request.
    Reject(DecideRequest),
    /// Take a request back.
    Withdraw(DecideRequest),
    /// Somebody has looked at what ran without an approval.
    Review(DecideRequest),
    /// Ask for access for a time.
    AskForAccess(AccessRequest),
    /// Take access back.
    RevokeAccess(DecideRequest),
    /// Changes that can be taken back, newest first.
    Changes(WhichChanges),
    /// Some of the rows of a change, what labelled columns hold left out.
    ChangedRows {
        /// The change.
        id: String,
        /// How many.
        rows_max: usize,
    },
    /// Take changes back, or look what that would do.
    Undo(UndoRequest),
    /// Record that somebody reads a record; true when it is this gateway's, and it was.
    RecordReading {
        /// The record's directory.
        ledger: PathBuf,
        /// What is done: `audit_search`, …
        action: String,
        /// What is looked for.
        object: String,
    },
    /// Change the key that signs a record; none when it is another gateway's.
    RotateKey {
        /// The record's directory.
        ledger: PathBuf,
    },
    /// What would become of a file of statements.
    PlanChange(ChangeRequest),
    /// Lay a file of statements on the desk.
    SubmitChange(ChangeRequest),
    /// The local identities.
    Identities,
    /// Add an identity, or issue a password to one that is there.
    AddIdentity(NewIdentityRequest),
    /// Revoke an identity.
    RevokeIdentity {
        /// Its name.
        name: String,
    },
    /// Read the policies again.
    ReloadPolicies,
    /// What the columns hold.
    DataMap {
        /// Of which database; all where none is given.
        database: Option<String>,
    },
    /// Say what a column holds.
    LabelColumn {
        /// The database.
        database: String,
        /// The column.
        column: String,
        /// A label's word, `none` or `auto`.
        label: String,
    },
    /// What would become of a statement.
    Explain {
        /// The database.
        database: String,
        /// The statement.
        sql: String,
        /// The name of the identity.
        principal: String,
    },
}

/// A decision on a held statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DecideRequest {
    /// The request.
    pub(crate) id: String,
    /// The local identity that decides; none for the system account.
    pub(crate) identity: Option<String>,
    /// What is said along with it.
    pub(crate) note: Option<String>,
    /// A change of one's own is approved knowingly.
    pub(crate) confirms: bool,
}

/// Which changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WhichChanges {
    /// These; none for all.
    pub(crate) ids: Vec<String>,
    /// Made by this identity, or by an agent that acts for it.
    pub(crate) of: Option<String>,
    /// Made in this session.
    pub(crate) session: Option<String>,
    /// Made in the same transaction as this change.
    pub(crate) transaction_of: Option<String>,
    /// At or after this time, in seconds since 1970.
    pub(crate) since: Option<i64>,
    /// Of this database.
    pub(crate) database: Option<String>,
}

/// An undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UndoRequest {
    /// Of which changes.
    pub(crate) which: WhichChanges,
    /// The local identity in whose name; none for the system account.
    pub(crate) identity: Option<String>,
    /// Rows that were changed since are left as they are.
    pub(crate) partial: bool,
    /// Only looks.
    pub(crate) plan_only: bool,
    /// What it is for.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// A file of statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChangeRequest {
    /// The database; the only one where none is given.
    pub(crate) database: Option<String>,
    /// Whose session will run it.
    pub(crate) identity: String,
    /// The statements.
    pub(crate) text: String,
    /// What it is for.
    pub(crate) reason: Option<String>,
}

/// Access that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessRequest {
    /// The database; the only one where none is given.
    pub(crate) database: Option<String>,
    /// For whom.
    pub(crate) identity: String,
    /// What.
    pub(crate) wish: AccessWish,
}

/// An identity to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewIdentityRequest {
    /// Its name.
    pub(crate) name: String,
    /// Its kind; none for an identity that is there.
    pub(crate) kind: Option<durward_model::PrincipalKind>,
    /// Whom it acts for.
    pub(crate) acts_for: Option<String>,
    /// Its groups.
    pub(crate) groups: Vec<String>,
    /// What its password opens.
    pub(crate) databases: Vec<String>,
    /// How long.
    pub(crate) valid_seconds: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// What was asked for.
    Ok(serde_json::Value),
    /// Why not, as a sentence.
    Error(String),
}
