//! Waiting for the disk, on any executor.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use crate::error::LedgerError;
use crate::event::EventNumber;
use crate::ledger::state::Shared;

/// Ready when the event with this number, and so every one before it, is on disk. Cancel safe: yes.
#[must_use = "futures do nothing unless awaited"]
pub(super) struct DurableAt {
    shared: Arc<Shared>,
    number: EventNumber,
    asked: bool,
}

impl DurableAt {
    pub(super) const fn new(shared: Arc<Shared>, number: EventNumber) -> Self {
        Self {
            shared,
            number,
            asked: false,
        }
    }

    fn settled(&self) -> Option<Result<(), LedgerError>> {
        if self.shared.durable.load(Ordering::Acquire) >= self.number.0 {
            return Some(Ok(()));
        }
        if self.shared.broken.load(Ordering::Acquire) {
            let reason = self.shared.lock().failed.clone().unwrap_or_default();
            return Some(Err(LedgerError::Unavailable(reason)));
        }
        None
    }
}

impl Future for DurableAt {
    type Output = Result<(), LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.settled() {
            return Poll::Ready(result);
        }
        self.shared
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(context.waker().clone());
        if !self.asked {
            self.asked = true;
            self.shared.ask_for_disk();
        }
        // The flush may have ended between the look and the registration.
        self.settled().map_or(Poll::Pending, Poll::Ready)
    }
}
