//! Who is asked about a request: the owners of the data that it touches, or who is on call, and others after a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use durward_model::ObjectPattern;
use serde::{Deserialize, Serialize};

use crate::party::{Party, in_words};
use crate::request::{Approval, Approver, Asked, Touched};
use crate::risk::RiskRules;
use crate::rota::Rota;

/// Whose some data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRule {
    /// The data.
    pub of: ObjectPattern,
    /// Who answers for it: any one of them.
    pub parties: Vec<Party>,
}

/// What happens where nobody decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// After so many seconds, or half of the time that the request stays open where that is less.
    pub after_seconds: u32,
    /// These are asked too; nobody: whoever is on call then.
    pub to: Vec<Party>,
}

/// Who is asked, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// The owners of each database's data.
    pub owners: BTreeMap<String, Vec<OwnerRule>>,
    /// Who is on call.
    pub rota: Rota,
    /// What happens where nobody decides; `None`: time ends it.
    pub escalation: Option<Escalation>,
    /// What risk is high.
    pub risk: RiskRules,
}

/// Some who are asked, of whom one must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// They.
    pub parties: Vec<Party>,
    /// What they are asked about: objects that they own. Empty: they are on call.
    pub about: Vec<String>,
}

/// Who has been asked besides, since nobody had decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalated {
    /// They.
    pub to: Vec<Party>,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Who is asked about a request, fixed when it is laid on the desk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// One of each must approve, and whoever approves is in one of them. None: anybody.
    pub sets: Vec<Asking>,
    /// When others are asked too, in seconds since 1970.
    pub escalates_at: Option<i64>,
    /// They, once they are.
    pub escalated: Option<Escalated>,
}

impl Routing {
    /// Who is asked about what is laid on the desk now, to stay there for `open_seconds`.
    pub(crate) fn address(&self, asked: &Asked, open_seconds: u32, now: i64) -> Addressed {
        let mut sets = self.owners_of(asked);
        let on_call = self.rota.on_call(now);
        if sets.is_empty() && !on_call.is_empty() {
            sets.push(Asking {
                parties: on_call.to_vec(),
                about: Vec::new(),
            });
        }
        let escalates_at = self.escalation.as_ref().map(|escalation| {
            let after = escalation.after_seconds.min(open_seconds / 2);
            now.saturating_add(i64::from(after))
        });
        Addressed {
            sets,
            escalates_at,
            escalated: None,
        }
    }

    /// Who is asked where nobody has decided.
    pub(crate) fn escalates_to(&self, now: i64) -> Vec<Party> {
        match &self.escalation {
            Some(escalation) if !escalation.to.is_empty() => escalation.to.clone(),
            Some(_) => self.rota.on_call(now).to_vec(),
            None => Vec::new(),
        }
    }

    /// The owners of all that is touched: one set for each who answer for something.
    fn owners_of(&self, asked: &Asked) -> Vec<Asking> {
        let Some(rules) = self.owners.get(&asked.database) else {
            return Vec::new();
        };
        let mut sets = self.owners_of_touched(&asked.database, &asked.touched);
        if let Some(access) = &asked.access {
            let reaching = rules.iter().filter(|rule| {
                let everywhere = access.relations.is_none();
                everywhere || access.schemas.iter().any(|schema| rule.of.reaches_into(schema))
            });
            for rule in reaching {
                add(&mut sets, &rule.parties, &rule.of.to_string());
            }
        }
        sets
    }

    pub(crate) fn owners_of_touched(&self, database: &str, touched: &Touched) -> Vec<Asking> {
        let Some(rules) = self.owners.get(database) else {
            return Vec::new();
        };
        let mut sets = Vec::new();
        let reads = touched.reads.iter().filter(|name| !is_system(name));
        for name in touched.changes.iter().chain(reads) {
            for rule in owning(rules, name) {
                add(&mut sets, &rule.parties, name);
            }
        }
        sets
    }
}

/// The rules that say whose an object is. A name that can be read in several ways is of all whose it may be.
fn owning<'a>(rules: &'a [OwnerRule], name: &str) -> Vec<&'a OwnerRule> {
    if name.starts_with("pg_temp") {
        return Vec::new();
    }
    let dots: Vec<(&str, &str)> = name
        .match_indices('.')
        .filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)))
        .collect();
    if dots.is_empty() {
        // It may be a schema, with all that is in it.
        return rules.iter().filter(|rule| rule.of.reaches_into(name)).collect();
    }
    let most_specific = |(schema, name): &(&str, &str)| {
        let matching = rules.iter().filter(|rule| rule.of.matches_parts(schema, name));
        // Of two that say as much, the first.
        matching.rev().max_by_key(|rule| rule.of.specificity())
    };
    dots.iter().filter_map(most_specific).collect()
}

fn is_system(name: &str) -> bool {
    name.starts_with("pg_catalog.") || name.starts_with("information_schema.") || name.starts_with("pg_toast.")
}

fn add(sets: &mut Vec<Asking>, parties: &[Party], about: &str) {
    let known = sets.iter_mut().find(|set| set.parties == parties);
    match known {
        Some(set) if set.about.iter().any(|known| known == about) => {}
        Some(set) => set.about.push(about.to_owned()),
        None => sets.push(Asking {
            parties: parties.to_vec(),
            about: vec![about.to_owned()],
        }),
    }
}

impl Addressed {
    /// The sets that an approver speaks for; `None` where they aren't asked.
    pub(crate) fn spoken_for(&self, approver: &Approver) -> Option<Vec<usize>> {
        if self.sets.is_empty() {
            return Some(Vec::new());
        }
        if let Some(escalated) = &self.escalated
            && escalated.to.iter().any(|party| party.has(approver))
        {
            return Some((0..self.sets.len()).collect());
        }
        let own = self.sets.iter().enumerate();
        let own = own.filter(|(_, set)| set.parties.iter().any(|party| party.has(approver)));
        let own: Vec<usize> = own.map(|(place, _)| place).collect();
        (!own.is_empty()).then_some(own)
    }

    /// Whether these approvals speak for every set.
    pub(crate) fn is_covered<'a>(&self, approvals: impl Iterator<Item = &'a Approval>) -> bool {
        let spoken = spoken(approvals);
        (0..self.sets.len()).all(|place| spoken.contains(&place))
    }

    pub(crate) fn unheard(&self, approvals: &[Approval]) -> Vec<String> {
        let spoken = spoken(approvals.iter());
        let sets = self.sets.iter().enumerate();
        let missing = sets.filter(|(place, _)| !spoken.contains(place));
        missing.map(|(_, set)| in_words(&set.parties)).collect()
    }

    /// Whether whoever answers for what is touched now has been asked.
    pub(crate) fn includes(&self, now: &[Asking]) -> bool {
        let has_been = |set: &Asking| self.sets.iter().any(|known| known.parties == set.parties);
        now.iter().all(has_been)
    }

    /// Who is asked, in words, one for each set; and who besides.
    pub fn lines(&self) -> Vec<String> {
        let sets = self.sets.iter().map(ToString::to_string);
        let besides = self.escalated.iter().map(ToString::to_string);
        sets.chain(besides).collect()
    }

    /// The sets that an approval speaks for, in words.
    pub fn spoken_for_in_words(&self, approval: &Approval) -> Vec<String> {
        let sets = approval.speaks_for.iter().filter_map(|place| self.sets.get(*place));
        sets.map(ToString::to_string).collect()
    }

    /// Everybody who is asked, in words, without what for.
    pub fn everybody(&self) -> Vec<String> {
        let sets = self.sets.iter().flat_map(|set| &set.parties);
        let escalated = self.escalated.iter().flat_map(|escalated| &escalated.to);
        let names: BTreeSet<String> = sets.chain(escalated).map(ToString::to_string).collect();
        names.into_iter().collect()
    }
}

impl fmt::Display for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(&self.parties))?;
        match self.about.as_slice() {
            [] => f.write_str(", on call"),
            about => write!(f, ", for {}", about.join(", ")),
        }
    }
}

impl fmt::Display for Escalated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, since nobody had decided", in_words(&self.to))
    }
}

/// The sets that approvals speak for.
fn spoken<'a>(approvals: impl Iterator<Item = &'a Approval>) -> BTreeSet<usize> {
    approvals
        .flat_map(|approval| approval.speaks_for.iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{OwnerRule, Routing};
    use crate::access::Access;
    use crate::party::{Party, in_words};
    use crate::request::{Asked, example};

    fn routing() -> Routing {
        let rule = |of: &str, parties: &str| OwnerRule {
            of: of.parse().unwrap(),
            parties: Party::list(parties).unwrap(),
        };
        let rules = vec![
            rule("*", "dba"),
            rule("public.pay*", "finance"),
            rule("public.payments", "identity:carol|payments"),
            rule("hr", "hr"),
            rule("hr.holidays", "everyone"),
        ];
        Routing {
            owners: [("shop".to_owned(), rules)].into(),
            ..Routing::default()
        }
    }

    fn asked(changes: &[&str], reads: &[&str]) -> Asked {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut asked = example();
        asked.touched.changes = names(changes);
        asked.touched.reads = names(reads);
        asked
    }

    fn owners(asked: &Asked) -> String {
        let sets = routing().address(asked, 60, 0).sets;
        let words: Vec<String> = sets.iter().map(|set| in_words(&set.parties)).collect();
        words.join(" and ")
    }

    #[test]
    fn the_most_specific_owner_is_asked_and_one_of_each() {
        for (changes, reads, who) in [
            (&["public.payments"][..], &[][..], "payments or carol"),
            (&["public.payouts"], &[], "finance"),
            (&["public.orders"], &["pg_catalog.pg_class"], "dba"),
            (&["public.orders"], &["hr.salaries"], "dba and hr"),
            (&["hr.salaries", "hr.grades"], &["hr.holidays"], "hr and everyone"),
            (&["pg_temp_4.t"], &[], ""),
            // A schema, with all that is in it.
            (&["hr"], &[], "dba and hr and everyone"),
            // A name that hides where its schema ends.
            (&["hr.x.payments"], &[], "hr and dba"),
            (&["public.payments.x"], &[], "finance and dba"),
        ] {
            assert_eq!(owners(&asked(changes, reads)), who, "{changes:?} {reads:?}");
        }
        let mut elsewhere = asked(&["public.payments"], &[]);
        elsewhere.database = "other".to_owned();
        assert_eq!(owners(&elsewhere), "");
        let access = |relations, schemas: &[&str]| Access {
            relations,
            schemas: schemas.iter().map(|schema| (*schema).to_owned()).collect(),
            labels: Vec::new(),
            classes: Vec::new(),
            seconds: 60,
        };
        let everywhere = Asked {
            access: Some(access(None, &[])),
            ..asked(&[], &[])
        };
        assert_eq!(
            owners(&everywhere),
            "dba and finance and payments or carol and hr and everyone"
        );
        let schema = Asked {
            access: Some(access(Some(Vec::new()), &["hr"])),
            ..asked(&[], &["hr.salaries"])
        };
        assert_eq!(owners(&schema), "hr and dba and everyone");
    }
}
