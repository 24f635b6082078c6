//! What the server still owes: one entry per message forwarded, in order, each with what is to become of its replies.
//! Statements of our own and refusals sit in the same queue, so that they never confuse the client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use durward_model::{Refusal, StatementFacts, StatementId};
use durward_policy::Terms;
use durward_sql::{CatalogSnapshot, Rewritten};

use crate::assessment::MaskedColumns;
use crate::changes::{Boundary, Capturing};
use crate::masks::{ReadyMasks, ShownMasks};
use crate::names::Undo;
use crate::own_writes::Written;

/// One reply, or group of replies, that is still to come.
#[derive(Debug)]
pub(crate) enum Expected {
    /// `Parse`: ends with ParseComplete.
    Parse { run: Box<Run> },
    /// `Bind`: ends with BindComplete.
    Bind { undo: Option<Undo> },
    /// A `Bind` of the client's that is sent again after a wait: its BindComplete is for us.
    Rebind { undo: Option<Undo> },
    /// `Describe`: ends with RowDescription or NoData.
    Describe,
    /// A `Describe` of ours ahead of an `Execute` whose rows are masked: its answer is for us.
    Shape,
    /// `Close`: ends with CloseComplete.
    Close { undo: Option<Undo> },
    /// `Execute`: ends with CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute { run: Box<Run> },
    /// `Sync`: ends with ReadyForQuery.
    Sync,
    /// A simple `Query`: its statements in order; ends with ReadyForQuery.
    Query { runs: VecDeque<Run> },
    /// Stands where a refused message of the extended protocol stood: the server's error becomes ours.
    RefusedExtended { refusal: Box<Refusal> },
    /// Stands where a refused simple `Query` stood: the server's error becomes ours; ends with ReadyForQuery.
    RefusedQuery { refusal: Box<Refusal> },
    /// The last message of an extended query of our own: nothing of it reaches the client.
    ProbeExtended,
    /// A `Close` of ours for a statement that an error has left behind.
    OwnClose,
    /// A read of the rows that a change is about to touch: as a query of our own, but its failure is the client's.
    Before,
    /// A change that runs under names of our own, so that its effect is read along with it.
    Captured { run: Box<Run>, answers: Answers },
    /// The `Sync` behind queries of our own that stand in no pipeline of the client's.
    ProbeSync,
}

/// What a run under names of our own answers to the client besides its rows and its end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answers {
    /// The client's own Bind.
    pub(crate) bind: bool,
    /// What columns its result has, where it has any.
    pub(crate) describe: bool,
    /// That it has none.
    pub(crate) no_data: bool,
}

/// One execution under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) statement: StatementId,
    pub(crate) started: Instant,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Whether it takes COPY data from the client.
    pub(crate) copies_in: bool,
    /// What to take back if it fails or is skipped.
    pub(crate) undo: Vec<Undo>,
    /// The terms under which masks are in force: no column that they mask may come as it is.
    pub(crate) terms: Option<Arc<Terms>>,
    /// What is masked in its result, until the server has described that.
    pub(crate) shown: Option<Arc<ShownMasks>>,
    /// The masks of its rows.
    pub(crate) masks: Option<Box<ReadyMasks>>,
    /// Its text was rewritten, so that the server masks its rows.
    pub(crate) rewritten: Option<RewrittenRun>,
    /// What it writes, where only the server says of how many rows.
    pub(crate) counted_later: Option<Arc<StatementFacts>>,
    /// How much the person behind the session had written when its masks were chosen.
    pub(crate) own_writes: u64,
    /// What its errors and notices must keep back.
    pub(crate) guard: Option<Arc<Guard>>,
    /// It changes something, and what is known of that.
    pub(crate) capturing: Option<Box<Capturing>>,
    /// What it does to its transaction.
    pub(crate) boundary: Option<Boundary>,
    /// The run by which it was recorded, where that isn't itself.
    pub(crate) fails_as: Option<StatementId>,
}

/// An execution of a rewritten text.
#[derive(Debug)]
pub(crate) struct RewrittenRun {
    /// The masked columns for which it was rewritten.
    pub(crate) columns: Arc<MaskedColumns>,
    /// Whether it waits for rows that others hold, and then reads what they have written.
    pub(crate) locks: bool,
    /// What is written from now on can't come in its rows.
    settled: bool,
}

impl RewrittenRun {
    pub(crate) const fn new(columns: Arc<MaskedColumns>, locks: bool) -> Self {
        Self {
            columns,
            locks,
            settled: false,
        }
    }

    /// Says, when a sign of the server's comes that it has begun, whether its masks still are what they should be: none of
    /// its columns has been written by whoever looks since `changes` of theirs.
    pub(crate) fn has_begun(&mut self, changes: u64, own: &Written, catalog: &CatalogSnapshot) -> bool {
        let holds = self.settled || own.changes() == changes || !own.holds_any(catalog, &self.columns);
        self.settled |= holds && !self.locks;
        holds
    }
}

/// What errors and notices of a statement that touches masked columns are rid of.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The client's text and what was sent in its place, where positions differ.
    pub(crate) rewritten: Option<(Arc<str>, Arc<Rewritten>)>,
}

impl Run {
    pub(crate) fn new(statement: StatementId) -> Self {
        Self {
            statement,
            started: Instant::now(),
            rows: 0,
            bytes: 0,
            copies_in: false,
            undo: Vec::new(),
            terms: None,
            shown: None,
            masks: None,
            rewritten: None,
            counted_later: None,
            own_writes: 0,
            guard: None,
            capturing: None,
            boundary: None,
            fails_as: None,
        }
    }
}

impl Expected {
    /// The run of which it tells, where it is the end of one.
    pub(crate) fn run(&self) -> Option<&Run> {
        match self {
            Self::Parse { run } | Self::Execute { run } | Self::Captured { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The number of its statement.
    pub(crate) fn statement(&self) -> Option<StatementId> {
        self.run().map(|run| run.statement)
    }

    /// The run in whose name it fails.
    pub(crate) fn fails_as(&self) -> Option<StatementId> {
        self.run()?.fails_as
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    queue: VecDeque<Expected>,
    /// An error was answered, and the `Sync` that ends the skipping hasn't come from the client yet.
    skipping: bool,
    unsynced: bool,
    /// An `Execute` has been forwarded since the last `Sync` or `Query`.
    executed: bool,
}

impl Replies {
    pub(crate) fn push(&mut self, expected: Expected) {
        self.executed = match expected {
            Expected::Execute { .. } | Expected::Captured { .. } => true,
            Expected::Sync | Expected::Query { .. } | Expected::RefusedQuery { .. } | Expected::ProbeSync => false,
            Expected::Parse { .. }
            | Expected::Bind { .. }
            | Expected::Rebind { .. }
            | Expected::Describe
            | Expected::Shape
            | Expected::Close { .. }
            | Expected::RefusedExtended { .. }
            | Expected::OwnClose
            | Expected::Before
            | Expected::ProbeExtended => self.executed,
        };
        self.unsynced = match expected {
            Expected::Sync => {
                self.skipping = false;
                false
            }
            Expected::Query { .. } | Expected::RefusedQuery { .. } | Expected::ProbeSync => false,
            Expected::Parse { .. }
            | Expected::Bind { .. }
            | Expected::Rebind { .. }
            | Expected::Describe
            | Expected::Shape
            | Expected::Close { .. }
            | Expected::Execute { .. }
            | Expected::Captured { .. }
            | Expected::OwnClose
            | Expected::Before
            | Expected::RefusedExtended { .. }
            | Expected::ProbeExtended => true,
        };
        self.queue.push_back(expected);
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut Expected> {
        self.queue.front_mut()
    }

    /// The execution that is being answered.
    pub(crate) fn front_run(&mut self) -> Option<&mut Run> {
        match self.queue.front_mut() {
            Some(Expected::Parse { run } | Expected::Execute { run } | Expected::Captured { run, .. }) => Some(run),
            Some(Expected::Query { runs }) => runs.front_mut(),
            _ => None,
        }
    }

    /// The execution that will be answered next, before anything else is bound.
    pub(crate) fn next_run(&mut self) -> Option<&mut Run> {
        let next = self
            .queue
            .iter_mut()
            .find(|next| !matches!(next, Expected::Describe | Expected::Shape | Expected::OwnClose))?;
        match next {
            Expected::Execute { run } => Some(run),
            Expected::Query { runs } => runs.front_mut(),
            _ => None,
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Expected> {
        self.queue.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether messages of the extended protocol have been forwarded since the last `Sync` or `Query`: an error then
    /// makes the server skip until `Sync`, and an implicit transaction may be open, whether or not all is answered.
    pub(crate) fn in_pipeline(&self) -> bool {
        self.unsynced
    }

    /// Whether something has run since the last `Sync` or `Query`, whose implicit transaction may still be open.
    pub(crate) fn has_executed(&self) -> bool {
        self.executed
    }

    /// Whether the next reply answers a query of our own.
    pub(crate) fn front_is_own(&self) -> bool {
        matches!(
            self.queue.front(),
            Some(Expected::ProbeExtended | Expected::ProbeSync | Expected::Before | Expected::OwnClose)
        )
    }

    /// Whether a change whose effect is read still runs.
    pub(crate) fn awaits_captured(&self) -> bool {
        matches!(self.queue.back(), Some(Expected::Captured { .. }))
    }

    /// Whether the rows of a change are still being read.
    pub(crate) fn awaits_before(&self) -> bool {
        matches!(self.queue.back(), Some(Expected::Before))
    }

    /// Whether a query of our own is still unanswered.
    pub(crate) fn awaits_own(&self) -> bool {
        self.queue
            .iter()
            .rev()
            .any(|expected| matches!(expected, Expected::ProbeExtended | Expected::ProbeSync))
    }

    /// Whether the server drops what the client sends until its `Sync`.
    pub(crate) fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// What failed was no pipeline of the client's: no `Sync` of its will come.
    pub(crate) fn skip_nothing(&mut self) {
        self.skipping = false;
    }

    /// Whether a COPY that takes data from the client is under way or may yet begin.
    pub(crate) fn copies_in(&self) -> bool {
        self.queue.iter().any(|expected| match expected {
            Expected::Execute { run } => run.copies_in,
            Expected::Query { runs } => runs.iter().any(|run| run.copies_in),
            _ => false,
        })
    }

    /// The server has begun a COPY from the client: it ignores a `Sync` that came along with it (manual section
    /// 55.2.6), so none of those is answered.
    pub(crate) fn forget_syncs_behind_copy(&mut self) {
        while matches!(self.queue.get(1), Some(Expected::Sync)) {
            self.queue.remove(1);
        }
    }

    /// A query of our own failed. One that has a `Sync` of our own behind it concerns nobody else: the server skips the
    /// rest of ours, and true is returned.
    pub(crate) fn fail_own(&mut self) -> bool {
        let ours = self
            .queue
            .iter()
            .take_while(|expected| matches!(expected, Expected::ProbeExtended))
            .count();
        let alone = matches!(self.queue.get(ours), Some(Expected::ProbeSync));
        if alone {
            self.queue.drain(..ours);
        }
        alone
    }

    /// An extended message failed: everything up to the next `Sync` is skipped by the server. Returns what was
    /// skipped, first to last, the failed message itself included.
    /// What this Parse prepares was recorded with a run of it.
    pub(crate) fn fails_as(&mut self, parse: StatementId, run: StatementId) {
        let mut newest_first = self.queue.iter_mut().rev();
        let run_of = newest_first.find_map(|expected| match expected {
            Expected::Parse { run } if run.statement == parse => Some(run),
            _ => None,
        });
        if let Some(prepares) = run_of {
            prepares.fails_as = Some(run);
        }
    }

    /// Takes out a Parse that was never sent, and all behind it.
    pub(crate) fn take_from(&mut self, parse: StatementId) -> Vec<Expected> {
        let mut first = None;
        if let Some((at, Expected::Parse { run })) = self
            .queue
            .iter_mut()
            .enumerate()
            .rfind(|(_, expected)| expected.statement() == Some(parse))
        {
            run.fails_as = Some(parse);
            first = Some(at);
        }
        self.queue.drain(first.unwrap_or(self.queue.len())..).collect()
    }

    pub(crate) fn fail_pipeline(&mut self) -> Vec<Expected> {
        let end = self
            .queue
            .iter()
            .position(|expected| matches!(expected, Expected::Sync | Expected::ProbeSync));
        // A Sync of our own ends the skipping in the server; the client's is still to come.
        let clients = end
            .and_then(|end| self.queue.get(end))
            .is_some_and(|end| matches!(end, Expected::Sync));
        self.skipping = !clients;
        self.queue.drain(..end.unwrap_or(self.queue.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Replies};

    #[test]
    fn our_own_failure_skips_to_our_own_sync() {
        let mut replies = Replies::default();
        for expected in [Expected::ProbeExtended, Expected::ProbeExtended, Expected::ProbeSync] {
            replies.push(expected);
        }
        assert!(!replies.in_pipeline() && replies.fail_own());
        assert_eq!(replies.len(), 1);
        assert!(replies.awaits_own() && !replies.is_skipping());
        let mut replies = Replies::default();
        replies.push(Expected::Describe);
        replies.push(Expected::ProbeExtended);
        replies.pop();
        assert!(replies.in_pipeline() && !replies.fail_own());
    }

    #[test]
    fn an_error_skips_to_the_next_sync() {
        let mut replies = Replies::default();
        replies.push(Expected::Describe);
        replies.push(Expected::Describe);
        replies.push(Expected::Sync);
        replies.push(Expected::Describe);
        assert_eq!(replies.fail_pipeline().len(), 2);
        assert!(!replies.is_skipping());
        assert!(matches!(replies.pop(), Some(Expected::Sync)));
        assert_eq!(replies.fail_pipeline().len(), 1);
        assert!(replies.is_skipping());
        replies.push(Expected::Sync);
        assert!(!replies.is_skipping());
    }
}
