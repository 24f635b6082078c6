//! Statements that are approved together: one request, spent by the one session that begins to run it.

use std::sync::Arc;

use durward_model::{ApprovalTerms, Principal, RiskTerm};
use serde::{Deserialize, Serialize};

use crate::request::Request;

/// What was to be expected of a statement when its change set was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// It passes by itself.
    Passes,
    /// It is held.
    Held,
    /// It names what the statements before it make: it is judged when it runs.
    Unknown,
}

/// One statement of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// As it stands in the file.
    pub text: String,
    /// What has to be sent: its tokens, without comments and the white space between.
    pub tokens: String,
    /// What was to be expected of it.
    pub outlook: Outlook,
    /// The rules that hold it.
    pub rules: Vec<Arc<str>>,
    /// What it changes, as `schema.name`; none where that wasn't known yet.
    pub changes: Option<Vec<String>>,
    /// A digest of the functions' and views' bodies that it uses.
    pub bodies: String,
}

/// Whether what holds a statement now asks for no more than what its change set was approved under.
pub fn covers(approved: &ApprovalTerms, now: &ApprovalTerms) -> bool {
    let both = approved.merge(now);
    both.groups.len() == approved.groups.len()
        && both.count <= approved.count
        && (now.risk < RiskTerm::High || approved.risk == RiskTerm::High)
}

/// Whether a request is a change set that this principal may begin to run on a database.
pub(crate) fn is_runnable(request: &Request, principal: &Principal, database: &str) -> bool {
    let asked = &request.asked;
    !asked.steps.is_empty()
        && request.state.may_run()
        && asked.database == database
        && asked.principal.subject == principal.subject
        && asked.principal.actors == principal.actors
}

#[cfg(test)]
mod tests {
    use durward_model::ApprovalTerms;

    use super::{Outlook, Step, covers};
    use crate::{Approver, Asked, Desk, DeskError, Manner, MemoryStore, NoRecorder, State, example};

    fn set(digest: &str) -> Asked {
        let step = Step {
            text: "CREATE TABLE t ();".to_owned(),
            tokens: "CREATE TABLE t ( )".to_owned(),
            outlook: Outlook::Held,
            rules: Vec::new(),
            changes: None,
            bodies: String::new(),
        };
        Asked {
            digest: digest.to_owned(),
            steps: vec![step],
            submitted_by: Some("unix:ops".to_owned()),
            ..example()
        }
    }

    #[test]
    fn a_change_set_is_begun_once_by_whom_it_is_for() {
        let store = MemoryStore::default();
        let desk = Desk::open(store.clone(), NoRecorder).unwrap();
        let asked = set("01");
        let request = desk.submit(&asked, 0).unwrap();
        assert_eq!(desk.submit(&asked, 1).unwrap().id, request.id, "the same is joined");
        assert!(desk.may_hold_sets());
        assert!(desk.runnable_sets(&asked.principal, "shop").is_empty());
        assert!(matches!(
            desk.begin(request.id, "s1", 2),
            Err(DeskError::TooLate { .. })
        ));
        assert!(matches!(
            desk.approve(request.id, &Approver::named("unix:ops"), None, 3),
            Err(DeskError::Own(_))
        ));
        desk.approve(request.id, &Approver::named("bob"), None, 4).unwrap();
        // Sent as a statement of its own it is no change set.
        assert!(matches!(
            desk.present(&asked, Manner::Parked, 5),
            Err(DeskError::NoStatement)
        ));
        let mut other = asked.principal.clone();
        other.subject.name = "eve".into();
        assert!(desk.runnable_sets(&other, "shop").is_empty());
        assert!(desk.runnable_sets(&asked.principal, "other").is_empty());
        assert_eq!(desk.runnable_sets(&asked.principal, "shop").len(), 1);
        let grant = desk.begin(request.id, "s1", 6).unwrap();
        assert_eq!(grant.request().asked.steps.len(), 1);
        assert!(matches!(
            desk.begin(request.id, "s1", 7),
            Err(DeskError::TooLate { .. })
        ));
        assert!(!desk.may_hold_sets());
        let again = Desk::open(store, NoRecorder).unwrap();
        assert_eq!(again.get(request.id).unwrap().state, State::Used);
        assert_ne!(again.submit(&asked, 8).unwrap().id, request.id);
    }

    #[test]
    fn a_statement_is_no_change_set() {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        desk.present(&example(), Manner::Parked, 0).unwrap();
        let id = desk.list()[0].id;
        desk.approve(id, &Approver::named("bob"), None, 1).unwrap();
        assert!(matches!(desk.begin(id, "s1", 2), Err(DeskError::NoChangeSet(_))));
        assert!(desk.runnable_sets(&example().principal, "shop").is_empty());
    }

    #[test]
    fn stricter_terms_are_not_covered() {
        let dba = ApprovalTerms {
            groups: vec![vec!["dba".into()]],
            ..ApprovalTerms::default()
        };
        let two = ApprovalTerms {
            count: 2,
            ..ApprovalTerms::default()
        };
        let plain = ApprovalTerms::default();
        for (approved, now, covered) in [
            (&plain, &plain, true),
            (&dba, &plain, true),
            (&two, &plain, true),
            (&plain, &dba, false),
            (&plain, &two, false),
            (&dba, &two, false),
            (&dba, &dba, true),
        ] {
            assert_eq!(covers(approved, now), covered, "{approved:?} {now:?}");
        }
    }
}
