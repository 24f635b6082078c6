//! What `@auto_approve` says: on which terms what is held needs nobody's approval.

use std::sync::Arc;

use crate::demand::ReasonPattern;
use crate::rule::{Complaint, list};

/// The most precedents that a rule may ask for.
const PRECEDENTS_MAX: u32 = 1_000;

/// The fewest: fewer are no habit.
const PRECEDENTS_MIN: u32 = 3;

/// Terms on which a policy approves by itself.
#[derive(Debug, Clone, Default)]
pub struct AutoApproval {
    /// The rule.
    pub rule: Arc<str>,
    rows_max: u64,
    keyed: bool,
    full_undo: bool,
    ticket: Option<ReasonPattern>,
    precedents: Option<u32>,
    advised_low: bool,
}

/// What is known of a held change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldChange<'a> {
    /// The most rows that it changes, counted or proven; none where that isn't known.
    pub rows: Option<u64>,
    /// Whether its text and the catalog prove a bound.
    pub keyed: bool,
    /// Whether all of it could be taken back.
    pub full_undo: bool,
    /// What its sender says that it is for.
    pub reason: Option<&'a str>,
    /// Whether an adviser calls its risk low.
    pub advised_low: bool,
    /// How often people have approved the same shape for the same identity, with no fewer rows, and none of it was taken
    /// back within a day.
    pub precedents: u32,
}

impl AutoApproval {
    pub(crate) fn of_rule(self, rule: &Arc<str>) -> Self {
        Self {
            rule: Arc::clone(rule),
            ..self
        }
    }

    /// The terms that approve a change, in words; none where one isn't met.
    pub fn approves(&self, change: &HeldChange<'_>) -> Option<String> {
        let rows = change.rows.filter(|rows| *rows <= self.rows_max)?;
        let mut met = vec![format!("{rows} of at most {} rows", self.rows_max)];
        let mut term = |asked: bool, holds: bool, words: &str| {
            if asked && holds {
                met.push(words.to_owned());
            }
            !asked || holds
        };
        let ticket = self.ticket.as_ref().is_some_and(|ticket| ticket.admits(change.reason));
        let precedents = self.precedents.unwrap_or_default();
        let all = term(self.keyed, change.keyed, "rows named by key")
            && term(self.full_undo, change.full_undo, "full undo")
            && term(self.ticket.is_some(), ticket, "the reason names a ticket")
            && term(self.advised_low, change.advised_low, "the adviser calls it low risk")
            && term(
                self.precedents.is_some(),
                change.precedents >= precedents,
                &format!("{} precedents", change.precedents),
            );
        all.then(|| format!("by policy {}: {}", self.rule, met.join(", ")))
    }
}

impl PartialEq for AutoApproval {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl Eq for AutoApproval {}

/// Reads `rows=20, keyed=yes, undo=full, ticket=OPS-[0-9]+, precedent=3, adviser=low`, each at most once; `rows` has to be there.
pub(crate) fn terms(value: &str) -> Result<AutoApproval, Complaint> {
    let mut terms = AutoApproval::default();
    let mut seen: Vec<&str> = Vec::new();
    for part in list(value) {
        let (key, word) = part
            .split_once('=')
            .map(|(key, word)| (key.trim(), word.trim()))
            .ok_or_else(|| unknown(part))?;
        if seen.contains(&key) {
            return Err(Complaint::new(format!("`@auto_approve` says `{key}` twice")));
        }
        seen.push(key);
        match (key, word) {
            ("rows", word) => terms.rows_max = word.parse().map_err(|_| unknown(part))?,
            ("keyed", "yes") => terms.keyed = true,
            ("undo", "full") => terms.full_undo = true,
            ("adviser", "low") => terms.advised_low = true,
            ("ticket", word) => terms.ticket = Some(ReasonPattern::parse(word)?),
            ("precedent", word) => {
                let number = word.parse().ok();
                let number = number.filter(|number| (PRECEDENTS_MIN..=PRECEDENTS_MAX).contains(number));
                terms.precedents = Some(number.ok_or_else(|| {
                    Complaint::new(format!("`@auto_approve` can't read `{part}`"))
                        .hint(format!("a number from {PRECEDENTS_MIN} to {PRECEDENTS_MAX}"))
                })?);
            }
            _ => return Err(unknown(part)),
        }
    }
    if !seen.contains(&"rows") {
        return Err(Complaint::new(
            "`@auto_approve` has no `rows=…`: say how many it may be at most",
        ));
    }
    Ok(terms)
}

fn unknown(part: &str) -> Complaint {
    Complaint::new(format!("`@auto_approve` doesn't know `{part}`")).hint(
        "rows=20, keyed=yes, undo=full, ticket=OPS-[0-9]+, precedent=3 and adviser=low are known, with commas between",
    )
}

#[cfg(test)]
mod tests {
    use super::{HeldChange, terms};

    const GOOD: HeldChange<'_> = HeldChange {
        rows: Some(20),
        keyed: true,
        full_undo: true,
        reason: Some("OPS-17"),
        advised_low: true,
        precedents: 3,
    };

    #[test]
    fn every_term_must_be_met() {
        let all = terms("rows=20, keyed=yes, undo=full, ticket=OPS-[0-9]+, precedent=3, adviser=low").unwrap();
        let words = all.approves(&GOOD).unwrap();
        for word in ["20 of at most 20 rows", "key", "full undo", "ticket", "3 precedents"] {
            assert!(words.contains(word), "{words}");
        }
        for bad in [
            HeldChange { rows: Some(21), ..GOOD },
            HeldChange { rows: None, ..GOOD },
            HeldChange { keyed: false, ..GOOD },
            HeldChange {
                full_undo: false,
                ..GOOD
            },
            HeldChange {
                reason: Some("OPS"),
                ..GOOD
            },
            HeldChange { reason: None, ..GOOD },
            HeldChange {
                advised_low: false,
                ..GOOD
            },
            HeldChange { precedents: 2, ..GOOD },
        ] {
            assert_eq!(all.approves(&bad), None, "{bad:?}");
        }
        let rows = terms("rows=20").unwrap();
        let bare = HeldChange {
            keyed: false,
            full_undo: false,
            reason: None,
            precedents: 0,
            ..GOOD
        };
        assert!(rows.approves(&bare).is_some());
    }

    #[test]
    fn anything_else_is_a_mistake() {
        for wrong in [
            "",
            "keyed=yes",
            "rows=x",
            "rows=1, rows=2",
            "rows=1, keyed=no",
            "rows=1, undo=partial",
            "rows=1, precedent=2",
            "rows=1, ticket=",
            "rows=1, window=9-17",
        ] {
            assert!(terms(wrong).is_err(), "{wrong}");
        }
    }
}
