//! How often statements of each identity were looked at for approvers lately: each look costs the database something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many held statements of one identity are measured within [`WINDOW`].
///
/// Unit: statements. Reason: more than anybody decides on, and too few to keep a database busy.
const MEASUREMENTS_MAX: u32 = 60;

/// The time over which they are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Measurements by identity, over all its sessions.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    identities: Mutex<HashMap<Arc<str>, (Instant, u32)>>,
}

impl Measurements {
    /// Counts one; false where it is one too many.
    pub(crate) fn admit(&self, identity: &Arc<str>) -> bool {
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        identities.retain(|_, (began, _)| began.elapsed() < WINDOW);
        let (_, count) = identities
            .entry(Arc::clone(identity))
            .or_insert_with(|| (Instant::now(), 0));
        *count = count.saturating_add(1);
        *count <= MEASUREMENTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{MEASUREMENTS_MAX, Measurements};

    #[test]
    fn each_identity_has_its_own() {
        let measurements = Measurements::default();
        let (ana, bob) = ("ana".into(), "bob".into());
        assert!((0..MEASUREMENTS_MAX).all(|_| measurements.admit(&ana)));
        assert!(!measurements.admit(&ana));
        assert!(measurements.admit(&bob));
    }
}
