//! Access for a time: asked for like a statement, decided at the same desk, and ended by time or by somebody.

use durward_model::Principal;
use serde::{Deserialize, Serialize};

use crate::binding::Binding;
use crate::request::{Request, RequestId};
use crate::state::State;

/// What somebody may do for a time that they may not do otherwise, on one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The relations that it is about, as they were when it was asked; none: all that the database holds.
    pub relations: Option<Vec<Place>>,
    /// The schemas in which objects may be made, where definitions may be changed.
    pub schemas: Vec<String>,
    /// The labels that are shown in clear, in words; `all` stands for every one.
    pub labels: Vec<String>,
    /// The classes of statement, in words.
    pub classes: Vec<String>,
    /// For how long, from the decision on, in seconds.
    pub seconds: u32,
}

/// A relation: known by its oid, called by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The oid.
    pub oid: u32,
    /// The schema's name when it was asked.
    pub schema: String,
    /// The name when it was asked.
    pub name: String,
}

impl Access {
    /// What is asked for, in a sentence.
    pub fn sentence(&self) -> String {
        let mut what = Vec::new();
        let statements: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        if !statements.is_empty() {
            what.push(format!("{} statements", statements.join(" and ")));
        }
        if !self.labels.is_empty() {
            what.push(format!("{} in clear", self.labels.join(", ")));
        }
        let places = match &self.relations {
            None => "everything in the database".to_owned(),
            Some(places) => {
                let names: Vec<String> = places
                    .iter()
                    .map(|place| format!("{}.{}", place.schema, place.name))
                    .collect();
                let schemas = self.schemas.iter().map(|schema| format!("new objects in {schema}"));
                names.into_iter().chain(schemas).collect::<Vec<_>>().join(", ")
            }
        };
        format!(
            "access for {}: {}, on {places}",
            duration(self.seconds),
            what.join(", with ")
        )
    }

    /// What makes two wishes the same request.
    pub fn digest(&self, principal: &Principal, database: &str) -> String {
        let mut binding = Binding::new();
        binding.part("access", b"1");
        let chain = std::iter::once(&principal.subject).chain(&principal.actors);
        let chain: Vec<String> = chain.map(|party| format!("{} {}", party.kind, party.name)).collect();
        binding.list("chain", chain.iter().map(String::as_bytes));
        binding.part("database", database.as_bytes());
        let places = self.relations.as_deref().unwrap_or_default();
        let oids: Vec<[u8; 4]> = places.iter().map(|place| place.oid.to_be_bytes()).collect();
        binding.part("everywhere", &[u8::from(self.relations.is_none())]);
        binding.list("relations", oids.iter().map(|oid| &oid[..]));
        binding.list("schemas", self.schemas.iter().map(String::as_bytes));
        binding.list("labels", self.labels.iter().map(String::as_bytes));
        binding.list("classes", self.classes.iter().map(String::as_bytes));
        binding.part("seconds", &self.seconds.to_be_bytes());
        binding.finish().to_string()
    }
}

/// Access that was given and hasn't ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAccess {
    /// By which request.
    pub id: RequestId,
    /// To whom: this chain, and nobody else in it or behind it.
    pub principal: Principal,
    /// On which database.
    pub database: String,
    /// What.
    pub access: Access,
    /// Until when, in seconds since 1970.
    pub until: i64,
}

impl GivenAccess {
    pub(crate) fn of(request: &Request, now: i64) -> Option<Self> {
        let access = request.asked.access.as_ref()?;
        let stands = request.state == State::Approved && request.expires_at > now;
        stands.then(|| Self {
            id: request.id,
            principal: request.asked.principal.clone(),
            database: request.asked.database.clone(),
            access: access.clone(),
            until: request.expires_at,
        })
    }
}

fn duration(seconds: u32) -> String {
    match seconds {
        seconds if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Place};
    use crate::{
        Answer, Approver, Asked, Desk, DeskError, FileStore, Manner, MemoryStore, NoRecorder, RequestId, State, example,
    };

    fn wish() -> Access {
        Access {
            relations: Some(vec![Place {
                oid: 16_400,
                schema: "public".to_owned(),
                name: "customers".to_owned(),
            }]),
            schemas: Vec::new(),
            labels: vec!["email".to_owned()],
            classes: vec!["read".to_owned()],
            seconds: 600,
        }
    }

    fn asked() -> Asked {
        let (asked, access) = (example(), wish());
        Asked {
            digest: access.digest(&asked.principal, &asked.database),
            text: access.sentence(),
            access: Some(access),
            submitted_by: Some("unix:ops".to_owned()),
            ..asked
        }
    }

    #[test]
    fn a_wish_is_said_in_a_sentence() {
        assert_eq!(
            wish().sentence(),
            "access for 10 min: read statements, with email in clear, on public.customers"
        );
    }

    #[test]
    fn access_begins_with_the_decision_and_ends_by_itself() {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let asked = asked();
        let before = desk.access_version();
        let request = desk.submit(&asked, 100).unwrap();
        assert_eq!(desk.submit(&asked, 101).unwrap().id, request.id, "the same is joined");
        assert!(desk.given_access(102).is_empty());
        for own in ["alice", "unix:ops"] {
            assert!(matches!(
                desk.approve(request.id, &Approver::named(own), None, 103),
                Err(DeskError::Own(_))
            ));
        }
        desk.approve(request.id, &Approver::named("bob"), None, 200).unwrap();
        assert_ne!(desk.access_version(), before);
        let given = desk.given_access(201);
        assert_eq!((given.len(), given[0].until), (1, 800));
        // It is never spent: neither as a statement nor as a change set.
        assert!(matches!(
            desk.present(&asked, Manner::Parked, 300),
            Err(DeskError::NoStatement)
        ));
        assert!(matches!(
            desk.begin(request.id, "s1", 300),
            Err(DeskError::NoChangeSet(_))
        ));
        assert_eq!(desk.given_access(799).len(), 1);
        assert!(desk.given_access(800).is_empty());
        desk.sweep(800).unwrap();
        assert_eq!(desk.get(request.id).unwrap().state, State::Expired);
        // A clock that is set back gives nothing again.
        assert!(desk.given_access(300).is_empty());
    }

    #[test]
    fn access_survives_a_restart_and_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests");
        let id = {
            let desk = Desk::open(FileStore::open(&path).unwrap(), NoRecorder).unwrap();
            let id = desk.submit(&asked(), 100).unwrap().id;
            assert!(matches!(
                desk.revoke(id, "bob", None, 101),
                Err(DeskError::TooLate { .. })
            ));
            desk.approve(id, &Approver::named("bob"), None, 200).unwrap();
            id
        };
        let desk = Desk::open(FileStore::open(&path).unwrap(), NoRecorder).unwrap();
        assert_eq!(desk.given_access(201).len(), 1);
        let before = desk.access_version();
        desk.revoke(id, "carol", Some("done"), 300).unwrap();
        assert_ne!(desk.access_version(), before);
        assert!(desk.given_access(301).is_empty());
        assert!(matches!(
            desk.revoke(id, "carol", None, 302),
            Err(DeskError::TooLate { .. })
        ));
        drop(desk);
        let desk = Desk::open(FileStore::open(&path).unwrap(), NoRecorder).unwrap();
        assert_eq!(desk.get(id).unwrap().state, State::Revoked);
        assert!(desk.given_access(301).is_empty());
    }

    #[test]
    fn a_statement_is_never_taken_for_access() {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let Answer::Pending(request) = desk.present(&example(), Manner::Parked, 0).unwrap() else {
            panic!("nobody has approved it yet")
        };
        desk.approve(request.id, &Approver::named("bob"), None, 1).unwrap();
        assert!(desk.given_access(2).is_empty());
        assert!(matches!(
            desk.revoke(RequestId(1), "bob", None, 3),
            Err(DeskError::NoAccess(_))
        ));
    }
}
