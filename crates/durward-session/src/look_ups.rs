//! How many different values of masked columns each person has looked up lately.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
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
}

#[derive(Debug)]
struct Window {
    began: Instant,
    values: HashSet<u64>,
}

impl LookUps {
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

/// The names of masked columns that a statement compares with constants or parameters.
pub(crate) fn looked_up<'f>(facts: &'f StatementFacts, masked: &MaskedColumns) -> HashSet<&'f str> {
    let columns = facts.relations.iter().flat_map(|usage| {
        let columns = usage.columns.iter().filter(|column| column.reading.looked_up);
        columns.map(|column| ((usage.relation.oid, column.number), &*column.name))
    });
    columns
        .filter(|(place, _)| masked.contains_key(place))
        .map(|(_, name)| name)
        .collect()
}

/// How often a normalised text compares a column of one of these names, on either side.
pub(crate) fn look_ups_in(normalized: &str, names: &HashSet<&str>) -> usize {
    let is_word = |byte: &char| byte.is_alphanumeric() || matches!(*byte, '_' | '$');
    let named = |word: Option<&str>| word.is_some_and(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word)));
    let last_word = |text: &str| {
        let text = text.trim_end_matches(|char: char| char.is_whitespace() || matches!(char, '"' | ')'));
        let start = text.rfind(|char| !is_word(&char)).map_or(0, |at| at + 1);
        text.get(start..).map(str::to_owned)
    };
    let first_name = |text: &str| {
        let text = text.trim_start_matches(|char: char| char.is_whitespace() || matches!(char, '"' | '('));
        let end = text
            .find(|char| !(is_word(&char) || matches!(char, '.' | '"')))
            .unwrap_or(text.len());
        let name = text.get(..end).unwrap_or_default().trim_end_matches('"');
        name.rsplit(['.', '"']).next().map(str::to_owned)
    };
    let equals = normalized.match_indices('=').map(|(at, sign)| (at, sign.len()));
    let lists = normalized.match_indices(" IN ").map(|(at, word)| (at, word.len()));
    equals
        .chain(lists)
        .filter(|(at, length)| {
            let (before, after) = (normalized.get(..*at), normalized.get(at + length..));
            named(before.and_then(last_word).as_deref()) || named(after.and_then(first_name).as_deref())
        })
        .count()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{LOOK_UPS_MAX, LookUps, look_ups_in};

    #[test]
    fn comparisons_of_columns_are_counted_and_no_others() {
        let names = HashSet::from(["email"]);
        for (text, count) in [
            ("UPDATE c SET newsletter = $1 WHERE email = $2 AND id = $3", 1),
            (
                "SELECT (SELECT 1 FROM c WHERE email = $1), (SELECT 1 FROM c WHERE $2 = c.email)",
                2,
            ),
            (
                r#"SELECT 1 FROM c WHERE "c"."email" = $1 OR (email)=$2 OR $3 = ("c"."email")"#,
                3,
            ),
            ("SELECT 1 FROM c WHERE email IN ($1) LIMIT $2", 1),
        ] {
            assert_eq!(look_ups_in(text, &names), count, "{text}");
        }
    }

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
