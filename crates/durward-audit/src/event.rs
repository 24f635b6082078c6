//! What the record says: one struct per kind of event, as decoded from the log.
//!
//! The CBOR keys (`n(…)`) and the words are the stored format: a number is never reused, and a new field gets the next
//! number and is optional. `docs/audit.md` is the table of them.

pub(crate) mod codec;

use durward_model::{Digest, Principal, SessionId, StatementId};
use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::digest::{DefinitionDigest, KeyedDigest};

/// The number of an event in its ledger, from 1 without gaps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, serde::Deserialize, Encode, Decode,
)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct EventNumber(#[n(0)] pub u64);

impl std::fmt::Display for EventNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Anything that is recorded.
///
/// [`Ledger::record`](crate::Ledger::record) takes those that stand for themselves; statements, definitions and
/// checkpoints have doors of their own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The ledger was created, or opened again by a new process.
    LedgerOpened(LedgerOpened),
    /// The signed state of the log so far.
    Checkpoint(Checkpoint),
    /// Content that later events of the same segment refer to.
    Definition(Definition),
    /// The key that signs checkpoints was changed.
    KeyChanged(KeyChanged),
    /// Segments left the ledger.
    SegmentsRetired(SegmentsRetired),
    /// A configuration took effect.
    ConfigurationLoaded(ConfigurationLoaded),
    /// A policy took effect, or was rejected.
    PolicyChanged(PolicyChanged),
    /// An identity or a credential was made, changed or ended.
    IdentityChanged(IdentityChanged),
    /// Somebody used the gateway's own power.
    Administration(Administration),
    /// A client logged in.
    SessionStarted(SessionStarted),
    /// A session ended.
    SessionEnded(SessionEnded),
    /// A login was refused.
    LoginRefused(LoginRefused),
    /// A client broke the protocol, or sent something that is never forwarded.
    ProtocolViolation(ProtocolViolation),
    /// A statement was permitted and is about to be forwarded.
    StatementIntent(StatementIntent),
    /// A statement was refused and not forwarded.
    StatementRefused(StatementRefused),
    /// A forwarded statement ended.
    StatementOutcome(StatementOutcome),
    /// A statement that waits for approval was asked for, decided or ended.
    ApprovalMoved(ApprovalMoved),
    /// Written by a later version of this program: provable, but not readable here.
    Unknown {
        /// The number of its kind.
        code: u8,
    },
}

impl Event {
    /// The number that stands for the kind in the canonical bytes.
    pub const fn code(&self) -> u8 {
        match self {
            Self::LedgerOpened(_) => code::LEDGER_OPENED,
            Self::Checkpoint(_) => code::CHECKPOINT,
            Self::Definition(_) => code::DEFINITION,
            Self::KeyChanged(_) => code::KEY_CHANGED,
            Self::SegmentsRetired(_) => code::SEGMENTS_RETIRED,
            Self::ConfigurationLoaded(_) => code::CONFIGURATION_LOADED,
            Self::PolicyChanged(_) => code::POLICY_CHANGED,
            Self::IdentityChanged(_) => code::IDENTITY_CHANGED,
            Self::Administration(_) => code::ADMINISTRATION,
            Self::SessionStarted(_) => code::SESSION_STARTED,
            Self::SessionEnded(_) => code::SESSION_ENDED,
            Self::LoginRefused(_) => code::LOGIN_REFUSED,
            Self::ProtocolViolation(_) => code::PROTOCOL_VIOLATION,
            Self::StatementIntent(_) => code::STATEMENT_INTENT,
            Self::StatementRefused(_) => code::STATEMENT_REFUSED,
            Self::StatementOutcome(_) => code::STATEMENT_OUTCOME,
            Self::ApprovalMoved(_) => code::APPROVAL_MOVED,
            Self::Unknown { code } => *code,
        }
    }
}

/// The kinds' numbers in the canonical bytes.
pub(crate) mod code {
    pub(crate) const LEDGER_OPENED: u8 = 1;
    pub(crate) const CHECKPOINT: u8 = 2;
    pub(crate) const DEFINITION: u8 = 3;
    pub(crate) const KEY_CHANGED: u8 = 4;
    pub(crate) const SEGMENTS_RETIRED: u8 = 5;
    pub(crate) const CONFIGURATION_LOADED: u8 = 10;
    pub(crate) const POLICY_CHANGED: u8 = 11;
    pub(crate) const IDENTITY_CHANGED: u8 = 12;
    pub(crate) const ADMINISTRATION: u8 = 13;
    pub(crate) const SESSION_STARTED: u8 = 20;
    pub(crate) const SESSION_ENDED: u8 = 21;
    pub(crate) const LOGIN_REFUSED: u8 = 22;
    pub(crate) const PROTOCOL_VIOLATION: u8 = 23;
    pub(crate) const STATEMENT_INTENT: u8 = 30;
    pub(crate) const STATEMENT_REFUSED: u8 = 31;
    pub(crate) const STATEMENT_OUTCOME: u8 = 32;
    pub(crate) const APPROVAL_MOVED: u8 = 40;
}

/// The ledger was created, or opened again by a new process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct LedgerOpened {
    /// The version of the program that writes.
    #[n(1)]
    pub program_version: String,
    /// Whether this is the first event of a new ledger.
    #[n(2)]
    pub created: bool,
    /// Whether the process before this one ended without closing the ledger.
    #[n(3)]
    pub unclean: bool,
    /// Bytes of an incomplete last record that were set aside on opening.
    #[n(4)]
    pub torn_bytes: u64,
    /// The public half of the key that signs from here on, as a C2SP verifier key.
    #[n(5)]
    pub verifier_key: String,
    /// Whether the tree's files were made anew from the events, because they were lost or damaged.
    #[n(6)]
    pub tree_rebuilt: Option<bool>,
    /// The digest of no bytes under the key of digests: tells that key from another.
    #[n(7)]
    pub digest_check: Option<KeyedDigest>,
}

/// The key that signs checkpoints was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct KeyChanged {
    /// The public half of the key that signed up to here.
    #[n(1)]
    pub from: String,
    /// The public half of the key that signs from here on.
    #[n(2)]
    pub to: String,
    /// A signed note by the key before that names the new one.
    #[n(3)]
    pub note: String,
    /// Who changed it.
    #[n(4)]
    pub by: String,
}

/// Segments left the ledger: they went to an archive, or were removed. Their events' hashes stay in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct SegmentsRetired {
    /// All segments up to this one have left, now or before.
    #[n(1)]
    pub segments: u64,
    /// All events up to this one were in them.
    #[n(2)]
    pub events: u64,
    /// How many of those events left now: the last ones.
    #[n(3)]
    pub new_events: u64,
    /// The archive that those that left now are in; none where they were removed.
    #[n(4)]
    pub archive: Option<String>,
    /// How many of all events that have left are in no archive.
    #[n(5)]
    pub removed_events: u64,
    /// By which setting.
    #[n(6)]
    pub reason: String,
    /// The keys that were in force in what has left, in order.
    #[n(7)]
    pub keys: Vec<KeyInForce>,
    /// When the ledger's first event was recorded, in microseconds since 1970-01-01 00:00 UTC.
    #[n(8)]
    pub first_time: u64,
    /// The digest of no bytes under the key of digests, as the ledger's first event has it.
    #[n(9)]
    pub digest_check: Option<KeyedDigest>,
}

/// A key that signed, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct KeyInForce {
    /// The event by which it came into force.
    #[n(1)]
    pub event: u64,
    /// The public half, as a C2SP verifier key.
    #[n(2)]
    pub key: String,
    /// The signed note by which the key before handed over; none for the first.
    #[n(3)]
    pub note: Option<String>,
}

/// The signed state of the log so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct Checkpoint {
    /// How many events it covers.
    #[n(1)]
    pub events: u64,
    /// The signed note, byte for byte as in the checkpoint file.
    #[n(2)]
    pub note: String,
    /// Whether the ledger was closed with it.
    #[n(3)]
    pub closing: bool,
}

/// What a definition's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum DefinitionKind {
    /// A [`SessionStarted`] of an earlier segment, for sessions that live on.
    #[n(1)]
    Session,
    /// A [`Shape`](crate::Shape): normalized text and facts.
    #[n(2)]
    Shape,
    /// A [`Basis`](crate::Basis): rules, policy version and obligations.
    #[n(3)]
    Basis,
}

/// Content that repeats, written once per segment and referred to by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct Definition {
    /// What the content is.
    #[n(1)]
    pub kind: DefinitionKind,
    /// The content's canonical bytes.
    #[cbor(n(2), with = "minicbor::bytes")]
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// A configuration took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct ConfigurationLoaded {
    /// Digest of the configuration, secrets excepted.
    #[cbor(n(1), with = "codec::digest")]
    #[serde(serialize_with = "codec::hex")]
    pub digest: Digest,
    /// The databases that are served, by name.
    #[n(2)]
    pub databases: Vec<String>,
    /// The addresses that are listened on.
    #[n(3)]
    pub listen: Vec<String>,
    /// Anything that an auditor should know: plaintext allowed, checks switched off.
    #[n(4)]
    pub notes: Vec<String>,
}

/// A policy took effect, or was rejected and the one before stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct PolicyChanged {
    /// The version that is in force from here on.
    #[n(1)]
    pub version: u64,
    /// Digest of the text that was loaded or rejected.
    #[cbor(n(2), with = "codec::digest")]
    #[serde(serialize_with = "codec::hex")]
    pub digest: Digest,
    /// Whether the text took effect.
    #[n(3)]
    pub accepted: bool,
    /// Why not, or a remark.
    #[n(4)]
    pub message: Option<String>,
}

/// An identity or a credential was made, changed or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct IdentityChanged {
    /// Whose.
    #[n(1)]
    pub name: String,
    /// What was done: `added`, `revoked`, `password_issued`, …
    #[n(2)]
    pub change: String,
    /// The kind of identity: `operator`, `person`, `agent`, `service`, `passthrough`.
    #[n(3)]
    pub kind: Option<String>,
    /// The person that an agent acts for.
    #[n(4)]
    pub acts_for: Option<String>,
    /// The credential concerned, by its public name.
    #[n(5)]
    pub credential: Option<String>,
    /// Who did it.
    #[n(6)]
    pub by: String,
    /// The groups that an added identity belongs to.
    #[n(7)]
    pub groups: Option<Vec<String>>,
    /// The databases that an issued credential opens.
    #[n(8)]
    pub databases: Option<Vec<String>>,
    /// Until when an issued credential is valid, in seconds since 1970-01-01 00:00 UTC.
    #[n(9)]
    pub valid_until: Option<u64>,
}

/// Somebody used the gateway's own power: ended a session, read the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct Administration {
    /// Who.
    #[n(1)]
    pub by: String,
    /// What: `session_kill`, `audit_search`, …
    #[n(2)]
    pub action: String,
    /// On what.
    #[n(3)]
    pub object: String,
}

/// A client logged in. Whatever the session does later refers to this by the session's id.
#[derive(Debug, Clone, PartialEq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct SessionStarted {
    /// The session.
    #[cbor(n(1), with = "codec::session")]
    pub session: SessionId,
    /// The whole identity chain.
    #[cbor(n(2), with = "codec::principal")]
    pub principal: Principal,
    /// The database by its name at the gateway.
    #[n(3)]
    pub database: String,
    /// The user name that the client sent.
    #[n(4)]
    pub login: String,
    /// The account that is used at the server.
    #[n(5)]
    pub upstream_user: String,
    /// Where the client is, as `address:port`, or the path of a socket.
    #[n(6)]
    pub client_address: String,
    /// What the client calls itself (`application_name`).
    #[n(7)]
    pub client_program: Option<String>,
    /// Whether the client's connection is encrypted.
    #[n(8)]
    pub tls: bool,
    /// The process id that the server gave, where it is known.
    #[n(9)]
    pub upstream_process: Option<u32>,
}

/// A session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct SessionEnded {
    /// The session.
    #[cbor(n(1), with = "codec::session")]
    pub session: SessionId,
    /// Why: `client_left`, `upstream_lost`, `killed`, `revoked`, `protocol_violation`, `shutdown`, …
    #[n(2)]
    pub reason: String,
    /// How many statements were forwarded.
    #[n(3)]
    pub statements: u64,
    /// How many were refused.
    #[n(4)]
    pub refused: u64,
    /// Bytes sent to the client.
    #[n(5)]
    pub bytes_sent: u64,
    /// Who ended it, where it was a person.
    #[n(6)]
    pub by: Option<String>,
}

/// A login was refused. The true reason is here and not in what the client was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct LoginRefused {
    /// The user name that the client sent; empty where none was read.
    #[n(1)]
    pub user: String,
    /// The database that the client asked for; empty where none was read.
    #[n(2)]
    pub database: String,
    /// Where the client is.
    #[n(3)]
    pub client_address: String,
    /// What the client calls itself.
    #[n(4)]
    pub client_program: Option<String>,
    /// The true reason.
    #[n(5)]
    pub reason: String,
    /// The code that the client was sent.
    #[n(6)]
    pub sqlstate: String,
    /// Whether the client's connection was encrypted.
    #[n(7)]
    pub tls: bool,
}

/// A client broke the protocol, or sent something that is never forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct ProtocolViolation {
    /// The session, after login.
    #[cbor(n(1), with = "codec::session_optional", has_nil)]
    pub session: Option<SessionId>,
    /// Where the client is.
    #[n(2)]
    pub client_address: String,
    /// The code that the client was sent.
    #[n(3)]
    pub sqlstate: String,
    /// What was wrong; never a value.
    #[n(4)]
    pub message: String,
}

/// By which message a statement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Origin {
    /// A simple query.
    #[n(1)]
    Simple,
    /// Parse: prepared but not run.
    #[n(2)]
    Parse,
    /// Execute of a portal.
    #[n(3)]
    Execute,
    /// SQL-level EXECUTE of a prepared statement.
    #[n(4)]
    SqlExecute,
    /// FETCH or MOVE from a cursor.
    #[n(5)]
    Fetch,
    /// Sent by the gateway on its own account.
    #[n(6)]
    Gateway,
    /// Describe of a prepared statement or portal.
    #[n(7)]
    Describe,
}

/// A statement was permitted and is about to be forwarded, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct StatementIntent {
    /// The session.
    #[cbor(n(1), with = "codec::session")]
    pub session: SessionId,
    /// The statement within the session.
    #[cbor(n(2), with = "codec::statement")]
    pub statement: StatementId,
    /// By which message it came.
    #[n(3)]
    pub origin: Origin,
    /// Normalized text and facts.
    #[n(4)]
    pub shape: DefinitionDigest,
    /// Why it was permitted.
    #[n(5)]
    pub basis: DefinitionDigest,
    /// Keyed digest of the exact statement text.
    #[n(6)]
    pub literals: KeyedDigest,
    /// Keyed digest of the parameters' exact bytes.
    #[n(7)]
    pub parameters: Option<KeyedDigest>,
    /// The client's trace id.
    #[n(8)]
    pub trace: Option<String>,
}

/// A statement was refused and not forwarded, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct StatementRefused {
    /// The session.
    #[cbor(n(1), with = "codec::session")]
    pub session: SessionId,
    /// The statement within the session.
    #[cbor(n(2), with = "codec::statement")]
    pub statement: StatementId,
    /// By which message it came.
    #[n(3)]
    pub origin: Origin,
    /// Normalized text and facts, where the statement was understood.
    #[n(4)]
    pub shape: Option<DefinitionDigest>,
    /// The rules and the policy version of the decision.
    #[n(5)]
    pub basis: Option<DefinitionDigest>,
    /// Keyed digest of the exact statement text.
    #[n(6)]
    pub literals: Option<KeyedDigest>,
    /// Keyed digest of the parameters' exact bytes.
    #[n(7)]
    pub parameters: Option<KeyedDigest>,
    /// The client's trace id.
    #[n(8)]
    pub trace: Option<String>,
    /// The rule that refused.
    #[n(9)]
    pub rule: String,
    /// The code that the client was sent.
    #[n(10)]
    pub sqlstate: String,
    /// What the client was told.
    #[n(11)]
    pub message: String,
}

/// The transaction's state after a statement (ReadyForQuery, manual section 55.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum TransactionStatus {
    /// `I`: outside a transaction block.
    #[n(1)]
    Idle,
    /// `T`: within one.
    #[n(2)]
    Open,
    /// `E`: within one that has failed.
    #[n(3)]
    Failed,
}

/// A forwarded statement ended, or will never be heard of again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct StatementOutcome {
    /// The session.
    #[cbor(n(1), with = "codec::session")]
    pub session: SessionId,
    /// The statement within the session.
    #[cbor(n(2), with = "codec::statement")]
    pub statement: StatementId,
    /// Rows sent to the client.
    #[n(3)]
    pub rows: u64,
    /// Bytes of those rows, or of copied data.
    #[n(4)]
    pub bytes: u64,
    /// Rows changed, by the command tag; none for commands that don't say.
    #[n(5)]
    pub rows_affected: Option<u64>,
    /// From forwarding to the last answer, in microseconds.
    #[n(6)]
    pub duration_microseconds: u64,
    /// The server's error code; none when the statement succeeded.
    #[n(7)]
    pub sqlstate: Option<String>,
    /// The transaction's state, where the server said it.
    #[n(8)]
    pub transaction: Option<TransactionStatus>,
}

/// A statement that waits for approval was asked for, decided or ended. The texts of statement and parameters are not in
/// it: the digest ties it to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Encode, Decode)]
#[cbor(map)]
pub struct ApprovalMoved {
    /// The request, as it is shown.
    #[n(1)]
    pub request: String,
    /// What happened: `asked`, `approved`, `auto-approved`, `rejected`, `withdrawn`, `expired`, `superseded`,
    /// `revoked`, `break-glass`, `reviewed`, `used`.
    #[n(2)]
    pub change: String,
    /// Who asked, with the whole chain.
    #[n(3)]
    pub principal: String,
    /// The database by its name at the gateway.
    #[n(4)]
    pub database: String,
    /// Digest of everything that the approval is bound to, in hexadecimal.
    #[n(5)]
    pub digest: String,
    /// The rules that held it.
    #[n(6)]
    pub rules: Vec<String>,
    /// How many rows it would change, in words.
    #[n(7)]
    pub rows: String,
    /// Who did it, where it was somebody; for a use, the session.
    #[n(8)]
    pub by: Option<String>,
    /// What was said along with it.
    #[n(9)]
    pub note: Option<String>,
    /// The only approver there is has approved a change of their own.
    #[n(10)]
    pub self_confirmed: Option<bool>,
    /// The access for a time that is asked for in place of a statement, in a sentence.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// Until when access is given that begins with this step, in seconds since 1970-01-01 00:00 UTC.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Who is asked as of this step, in words: one line for the owners of each part of what is touched, or for who is on
    /// call, and one for who is asked besides once nobody has decided. Empty: anybody. Records of earlier versions don't say.
    #[n(13)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_of: Option<Vec<String>>,
    /// Of these, whom this approval speaks for.
    #[n(14)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaks_for: Option<Vec<String>>,
    /// When others are asked too unless somebody has decided, in seconds since 1970-01-01 00:00 UTC.
    #[n(15)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalates: Option<u64>,
    /// Why the risk is high. Empty where it isn't. Records of earlier versions don't say.
    #[n(16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Vec<String>>,
}
