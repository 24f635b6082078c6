//! Keeping the record to its retention.

use std::time::Duration;

use durward_audit::{Ledger, Retainer, Retention};

/// How often it is looked whether something is due.
const INTERVAL: Duration = Duration::from_secs(60);
/// How soon after something left it is looked again: what is recorded is finished once it is signed.
const INTERVAL_BUSY: Duration = Duration::from_secs(2);

/// Has segments leave the record when they are due, until dropped. Cancel safe: yes; a pass that is under way goes on to
/// its end on its own thread.
pub(super) async fn watch(ledger: Ledger, retention: Retention) {
    let mut retainer = Retainer::new(ledger, retention);
    loop {
        let pass = tokio::task::spawn_blocking(move || {
            let result = retainer.pass();
            (retainer, result)
        });
        let Ok((back, result)) = pass.await else {
            tracing::error!("retention of the record has panicked: nothing leaves it any more");
            return;
        };
        retainer = back;
        match result {
            Ok(0) => {}
            Ok(segments) => tracing::info!(segments, "segments have left the record"),
            Err(error) => tracing::warn!("retention of the record: {error}"),
        }
        let interval = if retainer.is_waiting() { INTERVAL_BUSY } else { INTERVAL };
        tokio::time::sleep(interval).await;
    }
}
