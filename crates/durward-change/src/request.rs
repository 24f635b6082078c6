use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use durward_model::{ApprovalTerms, Principal};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::adviser::Advice;
use crate::change_set::Step;
use crate::ddl::DdlEffect;
use crate::routing::Addressed;
use crate::state::State;

/// The number of a request, from 1, shown as `c1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// A text that is no request's number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no request: they are called c1, c2, …")]
pub struct NoRequestId(String);

impl FromStr for RequestId {
    type Err = NoRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('c').unwrap_or(text);
        number.parse().map(Self).map_err(|_| NoRequestId(text.to_owned()))
    }
}

/// How many rows a held statement would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredRows {
    /// So many, when it was asked.
    Counted(u64),
    /// More than so many: counting ended there.
    MoreThan(u64),
    /// At most so many, by its text and the catalog.
    AtMost(u64),
    /// It can't be counted safely: the planner's estimate.
    Estimated {
        /// So many, by the server's statistics. Nothing is bound to it.
        rows: u64,
        /// Why they aren't counted.
        why: Arc<str>,
    },
    /// It can't be counted, and why.
    NotMeasured(Arc<str>),
    /// Counting it failed or took too long.
    Failed,
}

impl fmt::Display for MeasuredRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(rows) => write!(f, "{rows}"),
            Self::MoreThan(rows) => write!(f, "more than {rows}"),
            Self::AtMost(rows) => write!(f, "at most {rows}"),
            Self::Estimated { rows, why } => write!(f, "about {rows}, by the planner's estimate ({why})"),
            Self::NotMeasured(reason) => write!(f, "not measured ({reason})"),
            Self::Failed => f.write_str("not measured (counting failed, or took too long)"),
        }
    }
}

/// What a held statement touches, in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Touched {
    /// Its class, in a word.
    pub class: Arc<str>,
    /// Its command: `UPDATE`, `CREATE TABLE`.
    pub command: Arc<str>,
    /// The relations and objects that it changes, as `schema.name`.
    pub changes: Vec<String>,
    /// The relations that it reads.
    pub reads: Vec<String>,
    /// The labels of columns that it reads or writes.
    pub labels: Vec<String>,
    /// Hazards, as `kind object`.
    pub hazards: Vec<String>,
    /// What an approver should know besides.
    pub notes: Vec<String>,
}

/// What a held statement would do to rows, as they were when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Of the rows and of what they would hold, in hexadecimal: another effect isn't what was approved.
    pub digest: String,
    /// The columns that tell rows apart.
    pub key: Vec<String>,
    /// The columns whose values are shown: those that an UPDATE writes, all that a DELETE removes.
    pub columns: Vec<String>,
    /// Some of the rows. What labelled columns hold is shown as the label in brackets.
    pub samples: Vec<Sample>,
    /// How much of it could be taken back.
    pub undo: String,
    /// The rows of other tables, or others of its own, that foreign keys would change along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<CarriedRows>,
}

/// Rows of one table that foreign keys would change along with a statement's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedRows {
    /// `schema.name`.
    pub table: String,
    /// How many.
    pub rows: u64,
    /// They would be deleted, as opposed to changed.
    pub deleted: bool,
}

impl fmt::Display for CarriedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.deleted { "deleted" } else { "changed" };
        write!(f, "{} rows of {} {what} by foreign keys", self.rows, self.table)
    }
}

/// One row that a held statement would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The values of the key.
    pub key: Vec<Option<String>>,
    /// What the columns hold; empty for a row that is new.
    pub before: Vec<Option<String>>,
    /// What they would hold; empty for a row that is deleted, and `None` in the place of what only running it gives.
    pub after: Vec<Option<Option<String>>>,
}

/// What is laid on the desk: a statement with all that decides what it will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of everything that the statement's meaning rests on, as [`Binding`](crate::Binding) makes it, in hexadecimal.
    pub digest: String,
    /// Who asks.
    pub principal: Principal,
    /// On which database, by its name at the gateway.
    pub database: String,
    /// The exact text.
    pub text: String,
    /// Texts of prepared statements that it runs.
    pub prepared: Vec<String>,
    /// The parameters: as text where they came as text, else in hexadecimal with `\x` before; `None` for NULL.
    pub parameters: Vec<Option<String>>,
    /// The schemas in which names are looked up.
    pub search_path: Vec<String>,
    /// With whose rights.
    pub role: String,
    /// What it touches.
    pub touched: Touched,
    /// How many rows it would change.
    pub rows: MeasuredRows,
    /// What it would do to them, read without changing any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What it would do to the relations whose definitions it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ddl: Vec<DdlEffect>,
    /// How much of it could be taken back, and why not all; none where that isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// The rules that hold it, the deciding one first.
    pub rules: Vec<Arc<str>>,
    /// Why, in a sentence.
    pub why: Arc<str>,
    /// Who may approve, in words.
    pub approver: Arc<str>,
    /// What it takes.
    pub terms: ApprovalTerms,
    /// What the requester says it is for.
    pub reason: Option<String>,
    /// The digest of the statement's shape, in hexadecimal, where it is one statement: what precedents are found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// The session that asked first.
    pub session: String,
    /// What its client calls itself, and where it is.
    pub client: String,
    /// The statements of a change set, in order: it is approved as a whole, and run by one session, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// A digest of the settings that a change set's statements are read under.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub settings: String,
    /// Access for a time, where that is asked for in place of a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Who laid a change set or a wish for access on the desk for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// What an adviser says about it, where one was asked and answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
}

impl Asked {
    /// How much of it could be taken back, in words; none where that isn't known.
    pub fn undo_in_words(&self) -> Option<&str> {
        let of_effect = self.effect.as_ref().map(|effect| effect.undo.as_str());
        self.undo.as_deref().or(of_effect)
    }
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// The system account through which it was said.
    pub account: Option<String>,
    /// What was said along with it.
    pub note: Option<String>,
    /// The only approver there is has approved a change of their own.
    pub self_confirmed: bool,
    /// Which of those who were asked it speaks for: places in [`Addressed::sets`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_for: Vec<usize>,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// How a request ended, or was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Who ended it; none where time or the gateway did.
    pub by: Option<String>,
    /// The system account or login through which they said so, where somebody decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why.
    pub why: Option<String>,
    /// When, in seconds since 1970.
    pub at: i64,
}

impl Ending {
    /// One by a session, by time or by the gateway.
    pub(crate) fn of(by: Option<&str>, why: Option<&str>, at: i64) -> Self {
        Self {
            by: by.map(str::to_owned),
            account: None,
            why: why.map(str::to_owned),
            at,
        }
    }

    /// One that somebody has decided on.
    pub(crate) fn decided(by: &Approver, why: Option<&str>, at: i64) -> Self {
        Self {
            account: by.account.clone(),
            ..Self::of(Some(&by.name), why, at)
        }
    }
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What is asked.
    #[serde(flatten)]
    pub asked: Asked,
    /// Where it stands.
    pub state: State,
    /// When it was asked, in seconds since 1970.
    pub asked_at: i64,
    /// When it expires, or its approval does.
    pub expires_at: i64,
    /// Who has approved it so far.
    pub approvals: Vec<Approval>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The terms of policy that approved it, where no people did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_policy: Option<Ending>,
    /// Who has looked at it, where it ran without anybody's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Approval>,
    /// Who is asked.
    #[serde(default)]
    pub addressed: Addressed,
    /// Why its risk is high; empty where it isn't.
    #[serde(default)]
    pub risk: Vec<String>,
    /// The rows beyond which it is taken back when it runs, where their number wasn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_backstop: Option<u64>,
}

impl Request {
    /// Another text whenever something happens to the request.
    pub fn version(&self) -> String {
        let escalated = match self.addressed.escalated {
            Some(_) => "-escalated",
            None => "",
        };
        format!("{}-{}{escalated}", self.state, self.approvals.len())
    }

    /// Those who were asked, in words, and for whom nobody has approved yet.
    pub fn unheard(&self) -> Vec<String> {
        self.addressed.unheard(&self.approvals)
    }

    /// Whether nobody may confirm it by themselves, and different people must approve.
    pub(crate) fn takes_others(&self) -> bool {
        !self.risk.is_empty() && self.asked.terms.count > 1
    }
}

/// Somebody who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The name by which the record calls them.
    pub name: String,
    /// Their groups.
    pub groups: Vec<Arc<str>>,
    /// The system account through which they speak, where they do.
    pub account: Option<String>,
    /// Nobody else could approve.
    pub is_only_one: bool,
    /// They have said a second time that they approve a change of their own.
    pub confirms: bool,
}

impl Approver {
    /// One with a name and nothing else.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: Vec::new(),
            account: None,
            is_only_one: false,
            confirms: false,
        }
    }

    /// Whether the approver is in the chain for which `principal` speaks: the person behind an agent is.
    pub(crate) fn is_within(&self, principal: &Principal) -> bool {
        let account = self
            .account
            .as_deref()
            .map(|account| account.trim_start_matches("unix:"));
        [Some(self.name.trim_start_matches("unix:")), account]
            .into_iter()
            .flatten()
            .any(|name| principal.involves(name))
    }

    /// The names under which they speak: two that share one may be one person.
    pub(crate) fn voices(&self) -> Vec<&str> {
        voices(&self.name, self.account.as_deref())
    }
}

impl Approval {
    pub(crate) fn voices(&self) -> Vec<&str> {
        voices(&self.by, self.account.as_deref())
    }
}

fn voices<'a>(name: &'a str, account: Option<&'a str>) -> Vec<&'a str> {
    let names = std::iter::once(name).chain(account);
    names.map(|name| name.trim_start_matches("unix:")).collect()
}

/// A request for examples and tests.
#[doc(hidden)]
pub fn example() -> Asked {
    use durward_model::{Assurance, CredentialId, CredentialKind, PrincipalKind, Subject};
    Asked {
        digest: "00".repeat(32),
        principal: Principal {
            subject: Subject {
                name: "alice".into(),
                kind: PrincipalKind::Person,
            },
            actors: Vec::new(),
            groups: Vec::new(),
            subject_groups: Vec::new(),
            assurance: Assurance::Issued,
            credential_kind: CredentialKind::IssuedPassword,
            credential: CredentialId("k1".into()),
            purpose: None,
        },
        database: "shop".to_owned(),
        text: "UPDATE orders SET status = 'closed'".to_owned(),
        prepared: Vec::new(),
        parameters: Vec::new(),
        search_path: vec!["pg_catalog".to_owned(), "public".to_owned()],
        role: "shop".to_owned(),
        touched: Touched::default(),
        rows: MeasuredRows::MoreThan(100),
        effect: None,
        ddl: Vec::new(),
        undo: None,
        rules: vec!["people-bulk-write".into()],
        why: "more than 100 rows by hand need a second look".into(),
        approver: "an operator".into(),
        terms: ApprovalTerms::default(),
        reason: None,
        shape: None,
        session: "s1".to_owned(),
        client: "psql at 127.0.0.1".to_owned(),
        steps: Vec::new(),
        settings: String::new(),
        access: None,
        submitted_by: None,
        advice: None,
    }
}
