//! The thread that makes the tree grow, signs checkpoints of it and publishes them: nobody who records waits for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;

use crate::error::LedgerError;
use crate::event::{Event, KeyChanged};
use crate::ledger::rotate::KeyWish;
use crate::ledger::state::Shared;
use crate::ledger::sync::TellIfPanicking;
use crate::note::TreeHead;
use crate::tree::Tree;

/// After so many events the tree is signed, however soon that is: what waits for its signature is kept in memory.
const CHECKPOINT_EVENTS: u64 = 200_000;
/// How long the thread sleeps when nothing is to be signed.
const IDLE: Duration = Duration::from_secs(60);

/// Holds the tree and the key.
#[derive(Debug)]
pub(super) struct Signer {
    shared: Arc<Shared>,
    tree: Tree,
    key: SigningKey,
    signed_at: Instant,
}

/// What the thread is to do.
enum Work {
    /// Sign so many events.
    Sign(u64),
    /// Hand over to another key.
    ChangeKey(Box<KeyWish>),
}

/// Starts the thread. It gives the signer back when it ends.
pub(super) fn start(signer: Signer) -> Result<JoinHandle<Signer>, LedgerError> {
    thread::Builder::new()
        .name("durward-signer".into())
        .spawn(move || {
            let guard = TellIfPanicking(Arc::clone(&signer.shared), "the thread that signs has panicked");
            let signer = signer.run();
            drop(guard);
            signer
        })
        .map_err(|error| LedgerError::Unavailable(format!("no thread to sign with: {error}").into()))
}

impl Signer {
    /// A signer of a tree that is in the files.
    pub(super) fn new(shared: Arc<Shared>, tree: Tree, key: SigningKey) -> Self {
        Self {
            shared,
            tree,
            key,
            signed_at: Instant::now(),
        }
    }

    fn run(mut self) -> Self {
        while let Some(work) = self.wait_for_work() {
            let done = match work {
                Work::Sign(events) => self.pass(events),
                Work::ChangeKey(wish) => self.change_key(*wish),
            };
            if done.is_err() {
                break;
            }
        }
        self
    }

    /// Returns what is to be done now; none when the ledger closes or has failed.
    fn wait_for_work(&self) -> Option<Work> {
        let mut state = self.shared.lock();
        loop {
            if state.closing || state.failed.is_some() {
                // Its sender goes with it, which is the answer. The next opening forgets the key.
                state.key_wish = None;
                return None;
            }
            if let Some(wish) = state.key_wish.take() {
                return Some(Work::ChangeKey(Box::new(wish)));
            }
            // What isn't on disk is never signed.
            let durable = self.shared.durable.load(Ordering::Acquire);
            let unsigned = durable.saturating_sub(state.head_events);
            let left = (self.signed_at + self.shared.options.checkpoint_interval).duration_since(Instant::now());
            if unsigned >= CHECKPOINT_EVENTS || (unsigned > 0 && left.is_zero()) {
                return Some(Work::Sign(durable));
            }
            let wait = if unsigned == 0 { IDLE } else { left };
            let woken = self.shared.signing.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn pass(&mut self, events: u64) -> Result<(), LedgerError> {
        let (leaves, only_checkpoint) = {
            let mut state = self.shared.lock();
            let only_checkpoint = state.checkpoint_events == events;
            (state.writer.take_leaves(events), only_checkpoint)
        };
        self.tree.extend(leaves);
        let note = self.publish(&[])?;
        if only_checkpoint {
            // Nothing but the last checkpoint is new: another would never end.
            return Ok(());
        }
        let mut state = self.shared.lock();
        self.shared.append_checkpoint(&mut state, events, note, false)
    }

    /// Hands over to another key, while others write: the change is the last event that the former key signs for.
    fn change_key(&mut self, wish: KeyWish) -> Result<(), LedgerError> {
        let (next, change, answer) = wish.describe(&self.key, &self.shared.verifier(), &self.shared.ledger);
        let key = next.key().clone();
        let to = next.verifier(&self.shared.ledger);
        let note = change.note.clone();
        let signed = self.sign_all(Some(change), &[&key]);
        let installed = signed.clone().and_then(|()| {
            // It is recorded: whatever becomes of the files now, the new key signs, and the next opening finishes it.
            self.key = key;
            *self.shared.verifier.lock().unwrap_or_else(PoisonError::into_inner) = to.clone();
            next.install(&note, &to)
        });
        // Whoever asked may be gone.
        answer.send(installed.map(|()| to)).ok();
        signed
    }

    /// Writes what is outstanding, and a change of the key if one is given, and signs it.
    ///
    /// `further` keys sign along.
    pub(super) fn sign_all(&mut self, change: Option<KeyChanged>, further: &[&SigningKey]) -> Result<(), LedgerError> {
        {
            let mut state = self.shared.lock();
            if let Some(change) = change {
                let event = Event::KeyChanged(change);
                self.shared
                    .encode(&mut state, |writer, time| writer.append_event(time, &event))?;
            }
            self.shared.hand_over(&mut state)?;
            self.shared.flush_locked(&mut state)?;
            state.dirty_since = None;
            let events = state.writer.events();
            self.tree.extend(state.writer.take_leaves(events));
            state.checkpoint_events = events;
        }
        self.publish(further).map(drop)
    }

    /// The last signature: records it, and signs that too. `change` comes first where the key is changed.
    pub(super) fn close(mut self, change: Option<(&SigningKey, KeyChanged)>) -> Result<(), LedgerError> {
        {
            let mut state = self.shared.lock();
            if let Some(reason) = &state.failed {
                return Err(LedgerError::Unavailable(Arc::clone(reason)));
            }
            if let Some((_, change)) = &change {
                let event = Event::KeyChanged(change.clone());
                self.shared
                    .encode(&mut state, |writer, time| writer.append_event(time, &event))?;
            }
            let events = state.writer.events();
            self.tree.extend(state.writer.take_leaves(events));
            let note = self.head().sign(&[&self.key]);
            self.shared.append_checkpoint(&mut state, events, note, true)?;
        }
        let further: Vec<&SigningKey> = change.iter().map(|(key, _)| *key).collect();
        self.sign_all(None, &further)
    }

    fn head(&self) -> TreeHead {
        TreeHead {
            ledger: self.shared.ledger,
            events: self.tree.size(),
            root: self.tree.root(),
        }
    }

    /// Puts the tree's new hashes on disk, then the checkpoint that rests on them.
    fn publish(&mut self, further: &[&SigningKey]) -> Result<String, LedgerError> {
        let head = self.head();
        let mut keys = vec![&self.key];
        keys.extend(further);
        let note = head.sign(&keys);
        let fresh = self.tree.take_fresh();
        let written = fresh
            .iter()
            .try_for_each(|(level, first, hashes)| self.shared.store.write_tree(*level, *first, hashes))
            .and_then(|()| self.shared.store.write_checkpoint(&note));
        let mut state = self.shared.lock();
        if let Err(error) = written {
            return Err(self
                .shared
                .fail_locked(&mut state, &format!("signing a checkpoint failed: {error}")));
        }
        state.head_events = head.events;
        self.signed_at = Instant::now();
        Ok(note)
    }
}
