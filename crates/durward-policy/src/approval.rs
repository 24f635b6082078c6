//! What `@approve` says: who must approve, how many, for how long, and what passes without.

use std::sync::Arc;

use durward_model::{ApprovalTerms, RiskTerm};

use crate::rule::{Complaint, list};

/// The most approvers that a rule may ask for.
const COUNT_MAX: u32 = 5;

/// The longest time that an approval may take, and then last.
///
/// Unit: minutes. Reason: a week; whoever looked at the data then hasn't seen it now.
const MINUTES_MAX: u32 = 7 * 24 * 60;

/// Reads `groups=dba|oncall, count=2, minutes=30, rows=100, unmeasured=pass, risk=high`, each at most once.
pub(crate) fn terms(value: &str) -> Result<ApprovalTerms, Complaint> {
    let mut terms = ApprovalTerms::default();
    let mut seen: Vec<&str> = Vec::new();
    for part in list(value) {
        let (key, word) = part
            .split_once('=')
            .map(|(key, word)| (key.trim(), word.trim()))
            .ok_or_else(|| unknown(part))?;
        if seen.contains(&key) {
            return Err(Complaint::new(format!("`@approve` says `{key}` twice")));
        }
        seen.push(key);
        match key {
            "groups" => terms.groups = vec![groups(word)?],
            "count" => terms.count = number(key, word, 1..=COUNT_MAX)?,
            "minutes" => terms.expires_seconds = number(key, word, 1..=MINUTES_MAX)? * 60,
            "rows" => terms.rows_pass = Some(number(key, word, 0..=u32::MAX)?.into()),
            "unmeasured" => terms.unmeasured_pass = unmeasured(word)?,
            "risk" => terms.risk = risk(word)?,
            _ => return Err(unknown(part)),
        }
    }
    if terms.unmeasured_pass && terms.rows_pass.is_none() {
        return Err(Complaint::new("`unmeasured=pass` means something beside `rows=…` only"));
    }
    Ok(terms)
}

/// Who may approve, where no `@hold` says it.
pub(crate) fn approver_in_words(terms: &ApprovalTerms) -> Arc<str> {
    let number = match terms.count {
        1 => "somebody".to_owned(),
        more => format!("{more} people"),
    };
    let groups: Vec<&str> = terms.groups.iter().flatten().map(|group| &**group).collect();
    if groups.is_empty() {
        format!("{number} else").into()
    } else {
        format!("{number} of {}", groups.join(" or ")).into()
    }
}

fn groups(word: &str) -> Result<Vec<Arc<str>>, Complaint> {
    let mut groups: Vec<Arc<str>> = word.split('|').map(|group| group.trim().into()).collect();
    if groups.iter().any(|group| group.is_empty()) {
        return Err(Complaint::new("`@approve` names a group without a name"));
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

fn number(key: &str, word: &str, allowed: std::ops::RangeInclusive<u32>) -> Result<u32, Complaint> {
    let number = word.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| {
        Complaint::new(format!("`@approve` can't read `{key}={word}`")).hint(format!(
            "a number from {} to {}",
            allowed.start(),
            allowed.end()
        ))
    })
}

fn unmeasured(word: &str) -> Result<bool, Complaint> {
    match word {
        "pass" => Ok(true),
        "hold" => Ok(false),
        _ => Err(Complaint::new(format!("`@approve` can't read `unmeasured={word}`")).hint("pass or hold")),
    }
}

fn risk(word: &str) -> Result<RiskTerm, Complaint> {
    match word {
        "high" => Ok(RiskTerm::High),
        "ordinary" => Ok(RiskTerm::Ordinary),
        _ => Err(Complaint::new(format!("`@approve` can't read `risk={word}`")).hint("high or ordinary")),
    }
}

fn unknown(part: &str) -> Complaint {
    Complaint::new(format!("`@approve` doesn't know `{part}`"))
        .hint("groups=a|b, count=2, minutes=60, rows=100, unmeasured=pass and risk=high are known, with commas between")
}

#[cfg(test)]
mod tests {
    use durward_model::RiskTerm;

    use super::{approver_in_words, terms};

    #[test]
    fn what_is_said_is_read() {
        let read = terms("groups=oncall|dba, count=2, minutes=30, rows=100, unmeasured=pass").unwrap();
        assert_eq!(read.groups, [["dba".into(), "oncall".into()]]);
        assert_eq!(
            (read.count, read.expires_seconds, read.rows_pass),
            (2, 1_800, Some(100))
        );
        assert!(read.unmeasured_pass);
        assert_eq!(read.risk, RiskTerm::ByFacts);
        assert_eq!(terms("risk=high").unwrap().risk, RiskTerm::High);
        let both = terms("risk=ordinary").unwrap().merge(&terms("count=1").unwrap());
        assert_eq!(both.risk, RiskTerm::ByFacts, "the most careful counts");
        assert_eq!(&*approver_in_words(&read), "2 people of dba or oncall");
        assert_eq!(&*approver_in_words(&terms("count=1").unwrap()), "somebody else");
    }

    #[test]
    fn anything_else_is_a_mistake() {
        for wrong in [
            "",
            "count=0",
            "count=x",
            "count=6",
            "minutes=0",
            "minutes=100000",
            "group=dba",
            "groups=",
            "groups=a||b",
            "count=1, count=2",
            "count",
            "unmeasured=pass",
            "rows=1, unmeasured=yes",
            "rows=-1",
            "risk=low",
        ] {
            assert!(terms(wrong).is_err(), "{wrong}");
        }
    }
}
