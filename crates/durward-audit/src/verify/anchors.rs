//! Checkpoints that were kept outside: what a log that was rolled back or forked doesn't agree with.

use crate::merkle::Hash;
use crate::note::{NoteError, TreeHead};
use crate::verify::VerifyError;
use crate::verify::keys::KeyChain;
use crate::witness::WitnessKey;

/// The checkpoints of one ledger, in the order of the events that they cover.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    heads: Vec<(TreeHead, String)>,
    /// How many of them the walk has passed.
    passed: usize,
    /// When the last event was recorded that the last one passed covers.
    last_time: Option<u64>,
}

impl Anchors {
    /// Reads the checkpoints of `ledger` among `notes`.
    pub(super) fn read(notes: &[String], ledger: &[u8; 16]) -> Result<Self, VerifyError> {
        let mut heads = Vec::new();
        for note in notes {
            let head = TreeHead::read(note).map_err(VerifyError::Kept)?;
            if head.ledger == *ledger {
                heads.push((head, note.clone()));
            }
        }
        if heads.is_empty() && !notes.is_empty() {
            return Err(VerifyError::KeptOther(notes.len()));
        }
        heads.sort_by_key(|(head, _)| head.events);
        Ok(Self {
            heads,
            ..Self::default()
        })
    }

    /// Goes past event `events`, recorded at `time`. Returns whether the tree is then that of all checkpoints that end
    /// here.
    pub(super) fn pass(&mut self, events: u64, time: u64, root: impl Fn() -> Hash) -> bool {
        while let Some((head, _)) = self.heads.get(self.passed).filter(|(head, _)| head.events <= events) {
            // One of no events is met by the first.
            if head.events == events && head.root != root() {
                return false;
            }
            self.last_time = (time > 0).then_some(time);
            self.passed += 1;
        }
        true
    }

    /// The events of a checkpoint that covers more than there is.
    pub(super) fn beyond(&self) -> Option<u64> {
        self.heads.get(self.passed).map(|(head, _)| head.events)
    }

    /// Checks that each was signed by a key of the log, and that each witness has signed one. Returns the last words of
    /// the witnesses.
    pub(super) fn believe(
        &self,
        keys: &KeyChain,
        witnesses: &[WitnessKey],
    ) -> Result<Vec<(String, u64, u64)>, VerifyError> {
        for (_, note) in &self.heads {
            keys.open(note).map_err(VerifyError::Kept)?;
        }
        let mut witnessed = Vec::new();
        for witness in witnesses {
            let mut last = None;
            for (_, note) in &self.heads {
                match witness.open(note) {
                    Ok(word) => last = last.max(Some((word.events, word.time_seconds))),
                    Err(NoteError::OtherKey) => {}
                    Err(error) => return Err(VerifyError::Kept(error)),
                }
            }
            let name = witness.name().to_owned();
            let (events, time) = last.ok_or_else(|| VerifyError::NotWitnessed(name.clone()))?;
            witnessed.push((name, events, time));
        }
        Ok(witnessed)
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.heads.len()).unwrap_or(u64::MAX)
    }

    /// How many events the last one covers.
    pub(super) fn last_event(&self) -> Option<u64> {
        self.heads.last().map(|(head, _)| head.events)
    }

    /// When the last event was recorded that the last one covers.
    pub(super) const fn last_time(&self) -> Option<u64> {
        self.last_time
    }
}
