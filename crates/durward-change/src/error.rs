use crate::request::RequestId;
use crate::state::State;
use crate::store::StoreError;

/// Why the desk doesn't do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such request.
    #[error("there is no request {0}")]
    Unknown(RequestId),
    /// Somebody, or time, was first.
    #[error("request {id} is {state} already")]
    TooLate {
        /// Which.
        id: RequestId,
        /// Where it stands.
        state: State,
    },
    /// Nobody approves their own change.
    #[error("{0} is your own request, or that of an agent of yours: somebody else must decide it")]
    Own(RequestId),
    /// What is one's own is taken back, which leaves it open to be asked again.
    #[error(
        "{0} is your own request, or that of an agent of yours: take it back instead, on its page or with \
         durward approvals withdraw {0}"
    )]
    OwnRejected(RequestId),
    /// Only whoever asked takes a request back.
    #[error("{0} is somebody else's request: reject it, where you are asked about it")]
    NotOwn(RequestId),
    /// The only approver has to say it twice.
    #[error(
        "{0} is your own request, or that of an agent of yours, and nobody else could decide it: \
         give the command again with --confirm, and it is recorded as confirmed by yourself"
    )]
    OwnUnconfirmed(RequestId),
    /// At high risk the only person there is doesn't decide either.
    #[error(
        "{0} is of high risk: it takes others than whoever asked, or is behind it, and nobody confirms it by themselves"
    )]
    TakesOthers(RequestId),
    /// Others were asked.
    #[error("{id} is asked of {}", asked.join("; "))]
    NotAsked {
        /// Which.
        id: RequestId,
        /// Who is, in words.
        asked: Vec<String>,
    },
    /// At high risk one account doesn't speak for two people.
    #[error(
        "{0} is of high risk, and takes people who prove who they are: this account has spoken for one already. \
         Decide on the page of the request, with a login of your own"
    )]
    SameAccount(RequestId),
    /// The approver is in none of the groups of one of the sets.
    #[error("{id} needs the approval of a member of {}", groups.join(" or "))]
    NotInGroup {
        /// Which.
        id: RequestId,
        /// The groups of which one is needed.
        groups: Vec<String>,
    },
    /// Each approval must be somebody else's.
    #[error("you have approved {0} already; it needs another person besides")]
    Twice(RequestId),
    /// A change set is run by its statements, never as one; access is used by whatever it covers.
    #[error("a change set, or access for a time, isn't sent as a statement")]
    NoStatement,
    /// What is to be taken back is no access.
    #[error("{0} gives no access for a time, so that there is nothing to take back")]
    NoAccess(RequestId),
    /// What is to be begun has no steps.
    #[error("{0} is no change set")]
    NoChangeSet(RequestId),
    /// Too many requests are open.
    #[error("too many statements wait for approval already")]
    Full,
    /// The statement is too long to be held.
    #[error("the statement is too long to be held for approval")]
    TooLong,
    /// The record or the desk's file can't be written: nothing was changed.
    #[error("the request can't be kept: {0}")]
    Store(#[from] StoreError),
}
