//! How many different values of masked columns each person has looked up lately.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use durward_model::StatementFacts;

use crate::assessment::MaskedColumns;

/// How many different values somebody may look up within [`LOOK_UP_WINDOW`].
///
/// Unit: values. Reason: enough to find the customers that call, too few to try out a list.
const LOOK_UPS_MAX: usize = 20;

/// The time over which look-ups are counted.
const LOOK_UP_WINDOW: Duration = Duration::from_secs(3600);

/// Look-ups by person, over all their sessions.
#[derive(Debug, Default)]
pub(crate) struct LookUps {
    people: Mutex<HashMap<Arc<str>, Window>>,
    runs: AtomicU64,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    values: HashSet<u64>,
}

impl LookUps {
    /// A number for a run whose value nobody knows: it is another one each time.
    pub(crate) fn next(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts the look-ups of a statement, so many values; false where they are too many. The same ones again are free.
    pub(crate) fn admit(&self, person: &Arc<str>, look_up: &str, values: usize) -> bool {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.retain(|_, window| window.began.elapsed() < LOOK_UP_WINDOW);
        let window = people.entry(Arc::clone(person)).or_insert_with(|| Window {
            began: Instant::now(),
            values: HashSet::new(),
        });
        let digest = |value: usize| {
            let mut hasher = DefaultHasher::new();
            (look_up, value).hash(&mut hasher);
            hasher.finish()
        };
        if window.values.contains(&digest(0)) {
            return true;
        }
        if window.values.len() + values.max(1) > LOOK_UPS_MAX {
            return false;
        }
        window.values.extend((0..values.max(1)).map(digest));
        true
    }
}

/// How often a statement compares masked columns with constants or parameters.
pub(crate) fn look_ups_in(facts: &StatementFacts, masked: &MaskedColumns) -> usize {
    let of_masked = facts
        .look_ups
        .iter()
        .filter(|look_up| masked.contains_key(&(look_up.relation, look_up.number)));
    let comparisons: u32 = of_masked.map(|look_up| look_up.comparisons).sum();
    usize::try_from(comparisons).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{LOOK_UPS_MAX, LookUps};

    #[test]
    fn different_values_are_counted_for_each_person() {
        let look_ups = LookUps::default();
        let (ana, bob) = ("ana".into(), "bob".into());
        for value in 0..LOOK_UPS_MAX {
            assert!(look_ups.admit(&ana, &value.to_string(), 1));
        }
        assert!(!look_ups.admit(&ana, "another", 1));
        assert!(look_ups.admit(&ana, "3", 1));
        assert!(look_ups.admit(&bob, "another", 1));
        assert!(look_ups.admit(&bob, "many", LOOK_UPS_MAX - 1));
        assert!(look_ups.admit(&bob, "many", LOOK_UPS_MAX - 1));
        assert!(!look_ups.admit(&bob, "more", 1));
        assert!(!look_ups.admit(&"eve".into(), "list", LOOK_UPS_MAX + 1));
    }
}
