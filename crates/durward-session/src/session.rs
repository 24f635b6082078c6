//! One client connection and its server connection, owned by one task.

mod aside;
mod binding;
mod capture;
mod cascade;
mod change_set;
mod client_side;
mod copy_held;
mod copy_in;
mod count;
mod deferred;
mod definition;
mod effect;
mod effects;
mod extended;
mod foreseen;
mod given;
mod guard;
mod held_back;
mod hold;
mod judge;
mod keep;
pub(crate) mod labelled;
mod lever;
mod masking;
mod name;
mod prepare;
mod probe;
mod record;
mod relief;
mod server_side;
mod subjects;
mod told;
mod trace;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use durward_change::undo::ChangeId;
use durward_identity::Standing;
use durward_model::{Principal, Refusal, SessionId, sqlstate};
use durward_policy::DecisionCache;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write::{self, Severity};
use foldhash::HashMap;

use crate::access::KnownAccess;
use crate::changes::OpenChanges;
use crate::forward::ServerLink;
use crate::gateway::{Database, Gateway};
use crate::levers::Levers;
use crate::link::Link;
use crate::masks::MaskKeys;
use crate::metrics::Counters;
use crate::names::Names;
use crate::own_writes::OwnWrites;
use crate::registry::SessionLease;
use crate::replies::{self, Replies};
use crate::report::report;
use crate::sight::Sight;

pub(crate) use aside::{COMMENT, Kept, day};
use capture::Allowance;
use change_set::Run;
use copy_held::CopyData;
use copy_in::CopyBound;
use held_back::HeldBack;
pub(crate) use judge::unix_seconds;
use labelled::{KnownLabels, Labelled};
use masking::Assessed;
pub(crate) use masking::MaskedText;
pub(crate) use name::{APPLICATION_NAME, ServerName};
use prepare::Preparing;
pub(crate) use probe::OwnQuery;
use probe::Probe;

/// What a session is made of, once login on both sides is done.
pub(crate) struct Session {
    gateway: Arc<Gateway>,
    database: Arc<Database>,
    principal: Arc<Principal>,
    standing: Standing,
    id: SessionId,
    lease: SessionLease,
    encrypted: bool,
    client: Link,
    server: ServerLink,
    replies: Replies,
    names: Names,
    name: ServerName,
    decisions: DecisionCache,
    sight: Sight,
    /// The shared catalog's generation that `sight` has taken account of.
    followed_generation: u64,
    probe: Probe,
    /// An error may have left our own prepared statement behind.
    own_left: bool,
    /// The keys of the masks that this principal sees.
    keys: Arc<MaskKeys>,
    /// What the person behind this session has written.
    own_writes: Arc<OwnWrites>,
    /// What masks make of statements looked at lately, by the address of their facts.
    assessed: HashMap<usize, Assessed>,
    /// The labelled columns of statements recorded lately, by the address of their facts.
    labelled: HashMap<usize, Labelled>,
    /// The labels of statements judged lately, by the address of their facts.
    label_uses: HashMap<usize, KnownLabels>,
    /// The access that stands for this principal.
    access: KnownAccess,
    /// A statement of the open transaction touches masked columns: no error or notice may hold values.
    guarded: bool,
    /// Policy has masked something for this principal.
    masked: bool,
    /// The client knows that masks of what it has written are constants.
    told_of_own_writes: bool,
    status: TransactionStatus,
    /// What the client has set about its own holds.
    levers: Levers,
    /// Change sets of this principal, and how far this session has come with each.
    change_sets: Vec<Run>,
    /// A transaction block is open, once all that was forwarded has run: a Sync doesn't end it.
    in_block: bool,
    /// The text that has opened the transaction block, as long as nothing else has run in it.
    fresh_block: Option<Box<str>>,
    /// The portal that is to run was lost with a Sync of ours, and must be bound again before.
    unbound: bool,
    /// What the open transaction's bounded statements may have put off until its end may change so many rows.
    deferred_rows_max: Option<u64>,
    /// What was judged last would be held where it runs.
    prepares_held: bool,
    /// What waits for its record, so that it may go out.
    preparing: Option<Box<Preparing>>,
    /// A Bind that goes to the server with its Execute.
    held_back: Option<HeldBack>,
    /// The server has asked for COPY data, and the client hasn't ended it.
    copying_in: bool,
    /// The data of a COPY that policy may hold.
    copy_data: CopyData,
    /// How many rows the COPY under way may bring.
    copy_bound: Option<CopyBound>,
    /// Why the gateway has made a COPY fail: the client hears it in place of the server's error.
    copy_refusal: Option<Box<Refusal>>,
    /// The CopyData message that is being taken in isn't passed on.
    drops_copy_data: bool,
    /// Bytes of a CopyData message of the client's that are still to be passed on.
    client_relay_bytes: usize,
    /// Bytes of a message of the server's that are still to be passed on.
    server_relay_bytes: usize,
    /// The server has said why it closes the connection.
    server_said_farewell: bool,
    /// The client sends no more, and the server has been told.
    said_goodbye: bool,
    /// The trace that the message that was decided last says it belongs to.
    trace: Option<Box<str>>,
    /// What the statement that was decided last may do.
    allowance: Allowance,
    /// What the open transaction has changed.
    changes: OpenChanges,
    /// A change that has run under names of ours, and whose effect is still to be looked at.
    captured: Option<replies::Run>,
    refused: u64,
    bytes_sent: u64,
    /// Figures of the thread that the session lives on.
    counters: Arc<Counters>,
    /// The message that is judged has waited for people: how long says nothing of the gateway.
    waited_for_people: bool,
}

/// The parts of a new session.
pub(crate) struct SessionParts {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) database: Arc<Database>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) standing: Standing,
    pub(crate) id: SessionId,
    pub(crate) lease: SessionLease,
    pub(crate) encrypted: bool,
    pub(crate) client: Link,
    pub(crate) server: Link,
    pub(crate) sight: Sight,
    pub(crate) name: ServerName,
    pub(crate) keys: Arc<MaskKeys>,
    pub(crate) levers: Levers,
    /// The changes that the session takes back.
    pub(crate) undoes: Vec<ChangeId>,
}

/// Why a session ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The client said goodbye or closed its connection.
    ClientLeft,
    /// The client's connection failed.
    ClientLost,
    /// The server closed its connection, after saying why or without.
    ServerLost,
    /// Somebody ended the session.
    Killed,
    /// The identity no longer stands.
    Revoked(Refusal),
    /// The client broke the protocol or a limit; it is told so.
    ClientFault(Refusal),
    /// The server broke the protocol.
    ServerFault(&'static str),
}

impl End {
    /// The word for the record.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::ClientLost => "client_lost",
            Self::ServerLost => "upstream_lost",
            Self::Killed => "killed",
            Self::Revoked(_) => "revoked",
            Self::ClientFault(_) => "protocol_violation",
            Self::ServerFault(_) => "upstream_protocol_violation",
        }
    }

    /// What the client is told as its last message, if it can still be told.
    fn farewell(&self) -> Option<Refusal> {
        match self {
            Self::ClientLeft | Self::ClientLost => None,
            Self::ServerLost => Some(Refusal::new(
                sqlstate::CONNECTION_FAILURE,
                "upstream-lost",
                "the database server closed the connection",
            )),
            Self::Killed => Some(Refusal::new(
                sqlstate::ADMIN_SHUTDOWN,
                "session-killed",
                "terminating connection due to administrator command",
            )),
            Self::Revoked(refusal) | Self::ClientFault(refusal) => Some(refusal.clone()),
            Self::ServerFault(what) => Some(
                Refusal::new(
                    sqlstate::CONNECTION_FAILURE,
                    "upstream-protocol",
                    "the database server sent a message that the gateway does not understand",
                )
                .with_detail(*what),
            ),
        }
    }
}

/// Which sides `Session::turn` may read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listen {
    /// Client and server.
    Both,
    /// The server alone: an answer of its is needed before the client's next message can be judged.
    Server,
}

impl Session {
    pub(crate) fn new(parts: SessionParts) -> Self {
        Self {
            counters: parts.gateway.metrics.here(),
            own_writes: parts.database.writes.of(&parts.principal.subject.name),
            told_of_own_writes: false,
            waited_for_people: false,
            gateway: parts.gateway,
            database: parts.database,
            principal: parts.principal,
            standing: parts.standing,
            id: parts.id,
            lease: parts.lease,
            encrypted: parts.encrypted,
            client: parts.client,
            server: ServerLink::new(parts.server),
            replies: Replies::default(),
            names: Names::default(),
            name: parts.name,
            decisions: DecisionCache::default(),
            followed_generation: parts.sight.context.catalog.generation(),
            sight: parts.sight,
            probe: Probe::default(),
            own_left: false,
            keys: parts.keys,
            assessed: HashMap::default(),
            labelled: HashMap::default(),
            label_uses: HashMap::default(),
            access: KnownAccess::default(),
            guarded: false,
            masked: false,
            status: TransactionStatus::Idle,
            levers: parts.levers,
            change_sets: Vec::new(),
            in_block: false,
            fresh_block: None,
            unbound: false,
            deferred_rows_max: None,
            prepares_held: false,
            preparing: None,
            held_back: None,
            copying_in: false,
            copy_data: CopyData::default(),
            copy_bound: None,
            copy_refusal: None,
            drops_copy_data: false,
            client_relay_bytes: 0,
            server_relay_bytes: 0,
            server_said_farewell: false,
            said_goodbye: false,
            trace: None,
            allowance: Allowance::default(),
            changes: OpenChanges::of(parts.undoes),
            captured: None,
            refused: 0,
            bytes_sent: 0,
        }
    }

    /// Runs the session to its end. Cancel safe: no.
    pub(crate) async fn run(mut self) {
        let end = self.relay().await;
        tracing::debug!(session = %self.id, reason = end.reason(), "session ends");
        self.finish(&end).await;
    }

    /// Turns until something ends the session.
    async fn relay(&mut self) -> End {
        loop {
            if let Err(end) = self.serve_client().await {
                return end;
            }
            if self.client.ended
                && let Some(end) = self.follow_client_end()
            {
                return end;
            }
            if self.is_idle() {
                self.client.shrink();
                self.server.shrink();
            }
            match self.turn(Listen::Both).await {
                Ok(()) => {}
                Err(End::ServerLost) if self.said_goodbye => return End::ClientLeft,
                Err(end) => return end,
            }
        }
    }

    /// A client that sends no more still gets the answers to what it has sent, as long as any can come: a COPY that it
    /// hasn't ended never will be, and a pipeline without its Sync is given up by the server once it hears of the end.
    fn follow_client_end(&mut self) -> Option<End> {
        if self.replies.is_empty() || self.copying_in || self.client_relay_bytes > 0 {
            return Some(End::ClientLeft);
        }
        let all_served = !self.must_wait() && !self.replies.copies_in();
        if all_served && !self.said_goodbye {
            self.said_goodbye = true;
            self.server.terminate();
        }
        None
    }

    fn is_idle(&self) -> bool {
        self.replies.is_empty() && self.client_relay_bytes == 0
    }

    /// Waits until bytes have come from a side that may be read, writing out what waits meanwhile; then takes in what
    /// the server said. Cancel safe: yes.
    async fn turn(&mut self, listen: Listen) -> Result<(), End> {
        self.record_prepared().await?;
        let cancels = self.cancels_before_copy();
        let Self {
            client, server, lease, ..
        } = self;
        let moved = poll_fn(|cx| {
            let was_congested = server.is_congested() || client.is_congested();
            if let Poll::Ready(Err(error)) = client.poll_drain(cx) {
                return Poll::Ready(Err(client_lost(&error)));
            }
            if let Poll::Ready(Err(error)) = server.poll_drain(cx) {
                // What the server said last is still to be read.
                tracing::debug!(%error, "the server's connection can't be written");
            }
            // Messages of the client's that waited for room can be dealt with.
            let mut moved = was_congested && !server.is_congested() && !client.is_congested();
            if !client.is_congested() && !server.has_ended() {
                match server.poll_fill(cx) {
                    Poll::Ready(Ok(_)) => moved = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(End::ServerLost)),
                    Poll::Pending => {}
                }
            }
            if listen == Listen::Both && !server.is_congested() && !client.is_congested() && client.may_read() {
                match client.poll_fill(cx) {
                    Poll::Ready(Ok(_)) => moved = true,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(client_lost(&error))),
                    Poll::Pending => {}
                }
            }
            if moved { Poll::Ready(Ok(())) } else { Poll::Pending }
        });
        tokio::select! {
            biased;
            () = lease.handle.ended() => return Err(End::Killed),
            () = lease.handle.hold_cancelled(cancels.unwrap_or_default()), if cancels.is_some() => {
                self.give_copy_up(None);
                return Ok(());
            }
            moved = moved => moved?,
        }
        self.serve_server()
    }

    /// Tells the client, the server and the record that it is over.
    async fn finish(&mut self, end: &End) {
        let was_idle = self.is_idle();
        self.forget_prepared(sqlstate::CONNECTION_FAILURE);
        self.record_unfinished();
        // What waits for an effect to be looked at was never told.
        self.client.forget_gated();
        self.client.open_gate();
        // Inside a message that was cut off, words of ours would be read as its data.
        if let Some(refusal) = end.farewell()
            && !self.server_said_farewell
            && self.server_relay_bytes == 0
        {
            self.client
                .outbound
                .extend_with(|out| write::error_response(out, &report(Severity::Fatal, &refusal)));
        }
        if matches!(end, End::ClientLost | End::Killed | End::Revoked(_)) && !was_idle {
            self.gateway.cancel(self.lease.handle.cancel_target().clone());
        }
        self.server.terminate();
        let (client, server) = (&mut self.client, &mut self.server);
        let (mut client_done, mut server_done) = (false, false);
        let closed = poll_fn(|cx| {
            client_done = client_done || client.poll_close(cx).is_ready();
            server_done = server_done || server.poll_close(cx).is_ready();
            if client_done && server_done {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        if tokio::time::timeout(crate::limits::FAREWELL_SECONDS_MAX, closed)
            .await
            .is_err()
        {
            tracing::debug!(session = %self.id, "a peer didn't take its farewell");
        }
        self.record_end(end);
    }
}

fn client_lost(error: &io::Error) -> End {
    tracing::debug!(%error, "the client's connection failed");
    End::ClientLost
}
