//! Access for a time, as sessions see it: what stands now for a chain of identities on a database.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use durward_change::{Access, Desk, GivenAccess, RequestId};
use durward_model::{Label, Oid, Principal, StatementClass};
use durward_policy::{AccessGrant, AccessLabels, AccessScope};
use durward_sql::catalog::CatalogSnapshot;

/// When access ends by a clock that nobody sets: the system's may be set back.
#[derive(Debug, Default)]
pub(crate) struct AccessBook {
    ends: Mutex<HashMap<RequestId, Instant>>,
}

/// Access that stands, and when it ends.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) given: GivenAccess,
    pub(crate) ends: Instant,
}

impl AccessBook {
    /// The access that stands at `now`, in seconds since 1970, and by its own clock. To be asked soon after each change, so
    /// that it knows when each began.
    pub(crate) fn standing(&self, desk: &Desk, now: i64) -> Vec<Standing> {
        let given = desk.given_access(now);
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|id, _| given.iter().any(|given| given.id == *id));
        let here = Instant::now();
        let mut standing = Vec::with_capacity(given.len());
        for given in given {
            let left = u64::try_from(given.until.saturating_sub(now)).unwrap_or_default();
            let left = left.min(given.access.seconds.into());
            let ends = *ends.entry(given.id).or_insert_with(|| here + Duration::from_secs(left));
            if here < ends {
                standing.push(Standing { given, ends });
            }
        }
        standing
    }
}

/// The access of one session, as it was looked up last.
#[derive(Debug, Default)]
pub(crate) struct KnownAccess {
    /// The desk's number of then, and the catalog's.
    version: u64,
    catalog: u64,
    /// The first end of any, by both clocks.
    first_end: Option<(i64, Instant)>,
    grants: Arc<[AccessGrant]>,
}

/// What a session's access is looked up for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) database: &'a str,
    pub(crate) catalog: &'a CatalogSnapshot,
}

impl KnownAccess {
    /// The access that stands for the asker. Where nothing has changed, that costs one atomic load.
    pub(crate) fn now(&mut self, desk: &Desk, book: &AccessBook, asker: Asker<'_>, now: i64) -> Arc<[AccessGrant]> {
        let version = desk.access_version();
        let is_same = version == self.version && (self.grants.is_empty() || asker.catalog.generation() == self.catalog);
        let goes_on = self
            .first_end
            .is_none_or(|(wall, clock)| now < wall && Instant::now() < clock);
        if is_same && goes_on {
            return Arc::clone(&self.grants);
        }
        let mut grants = Vec::new();
        self.first_end = None;
        for Standing { given, ends } in book.standing(desk, now) {
            if given.database != asker.database || !is_about(&given.principal, asker.principal) {
                continue;
            }
            let (wall, clock) = self.first_end.unwrap_or((given.until, ends));
            self.first_end = Some((wall.min(given.until), clock.min(ends)));
            grants.push(grant(&given, asker.catalog));
        }
        self.version = version;
        self.catalog = asker.catalog.generation();
        self.grants = grants.into();
        Arc::clone(&self.grants)
    }
}

/// Whether access is for this very chain, or for a person who stands in it.
fn is_about(holder: &Principal, asker: &Principal) -> bool {
    if holder.actors.is_empty() {
        return holder.subject == asker.subject || asker.actors.contains(&holder.subject);
    }
    holder.subject == asker.subject && holder.actors == asker.actors
}

fn grant(given: &GivenAccess, catalog: &CatalogSnapshot) -> AccessGrant {
    let access = &given.access;
    let labels = if access.labels.iter().any(|word| word == ALL_LABELS) {
        AccessLabels::All
    } else {
        AccessLabels::Only(access.labels.iter().map(|word| Label::of_word(word)).collect())
    };
    AccessGrant {
        rule: format!("access:{}", given.id).into(),
        subject: given.principal.subject.clone(),
        actors: given.principal.actors.clone(),
        scope: scope(access, catalog),
        labels,
        classes: access.classes.iter().filter_map(|word| class_of_word(word)).collect(),
    }
}

fn scope(access: &Access, catalog: &CatalogSnapshot) -> AccessScope {
    let Some(places) = &access.relations else {
        return AccessScope::Everything;
    };
    // A schema is known by what it held: where any of that is elsewhere now, the name may be another schema's.
    let stays = |schema: &&String| {
        let mut its = places.iter().filter(|place| place.schema == **schema);
        its.all(|place| {
            let now = catalog.relation(Oid(place.oid));
            now.is_none_or(|now| *now.schema == ***schema)
        })
    };
    AccessScope::Only {
        relations: places.iter().map(|place| Oid(place.oid)).collect(),
        schemas: access
            .schemas
            .iter()
            .filter(stays)
            .map(|schema| schema.as_str().into())
            .collect::<BTreeSet<Arc<str>>>(),
    }
}

/// The word that stands for all labels.
pub const ALL_LABELS: &str = "all";

/// The classes of statement that access can be given to.
pub const ACCESS_CLASSES: [StatementClass; 4] = [
    StatementClass::Read,
    StatementClass::Write,
    StatementClass::Maintenance,
    StatementClass::Ddl,
];

fn class_of_word(word: &str) -> Option<StatementClass> {
    ACCESS_CLASSES.into_iter().find(|class| class.as_str() == word)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use durward_change::{Access, Approver, Asked, Desk, MemoryStore, NoRecorder, example};

    use super::AccessBook;

    #[test]
    fn a_clock_that_is_set_back_prolongs_nothing() {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let access = Access {
            relations: None,
            schemas: Vec::new(),
            labels: vec!["email".to_owned()],
            classes: vec!["read".to_owned()],
            seconds: 60,
        };
        let asked = Asked {
            digest: access.digest(&example().principal, "shop"),
            access: Some(access),
            ..example()
        };
        let id = desk.submit(&asked, 10_000).unwrap().id;
        // A whole database in clear takes two.
        for name in ["bob", "carol"] {
            desk.approve(id, &Approver::named(name), None, 10_000).unwrap();
        }
        let book = AccessBook::default();
        let known = book.standing(&desk, 10_010);
        assert_eq!(known.len(), 1);
        let ends = known[0].ends;
        assert!(ends.duration_since(std::time::Instant::now()) <= Duration::from_secs(50));
        // An hour back it still ends when it would have.
        assert_eq!(book.standing(&desk, 6_400)[0].ends, ends);
        // A minute on it has ended, and stays so.
        assert!(book.standing(&desk, 10_060).is_empty());
        assert!(book.standing(&desk, 6_400).is_empty());
    }
}
