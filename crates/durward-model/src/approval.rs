use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How long an approval may be waited for, and how long it may then be used, where no policy says otherwise.
///
/// Unit: seconds. Reason: long enough for somebody to come back from a meeting, short enough that the data is still what
/// was looked at.
pub const APPROVAL_SECONDS_DEFAULT: u32 = 3_600;

/// What policy says about the risk of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskTerm {
    /// It is ordinary, whatever it does.
    Ordinary,
    /// What it does decides.
    #[default]
    ByFacts,
    /// It is high.
    High,
}

/// What it takes until a held statement may run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApprovalTerms {
    /// Of each of these sets an approver must be in one group, sorted, each once. None: any approver will do.
    pub groups: Vec<Vec<Arc<str>>>,
    /// How many different people must approve, at least 1.
    pub count: u32,
    /// How long the request stays open, and how long an approval may then be used, in seconds.
    pub expires_seconds: u32,
    /// A write that is measured, and of at most so many rows, needs no approval.
    pub rows_pass: Option<u64>,
    /// A write whose rows can't be counted beforehand needs none either.
    pub unmeasured_pass: bool,
    /// What policy says about its risk.
    #[serde(default)]
    pub risk: RiskTerm,
}

impl Default for ApprovalTerms {
    /// One approver, whoever it is.
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            count: 1,
            expires_seconds: APPROVAL_SECONDS_DEFAULT,
            rows_pass: None,
            unmeasured_pass: false,
            risk: RiskTerm::ByFacts,
        }
    }
}

impl ApprovalTerms {
    /// Both together: the most restrictive of each.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let mut groups: Vec<Vec<Arc<str>>> = self.groups.iter().chain(&other.groups).cloned().collect();
        groups.sort();
        groups.dedup();
        Self {
            groups,
            count: self.count.max(other.count),
            expires_seconds: self.expires_seconds.min(other.expires_seconds),
            // A rule that knows no measure holds whatever is measured.
            rows_pass: self.rows_pass.zip(other.rows_pass).map(|(a, b)| a.min(b)),
            unmeasured_pass: self.unmeasured_pass && other.unmeasured_pass,
            risk: self.risk.max(other.risk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ApprovalTerms;

    #[test]
    fn the_most_restrictive_of_each_counts() {
        let two = ApprovalTerms {
            groups: vec![vec!["dba".into()]],
            count: 2,
            rows_pass: Some(100),
            unmeasured_pass: true,
            ..ApprovalTerms::default()
        };
        let soon = ApprovalTerms {
            groups: vec![vec!["oncall".into(), "owners".into()]],
            expires_seconds: 60,
            ..ApprovalTerms::default()
        };
        let both = two.merge(&soon);
        assert_eq!(both, soon.merge(&two));
        assert_eq!((both.groups.len(), both.count, both.expires_seconds), (2, 2, 60));
        assert_eq!((both.rows_pass, both.unmeasured_pass), (None, false));
        let ten = ApprovalTerms {
            rows_pass: Some(10),
            ..two.clone()
        };
        assert_eq!(two.merge(&ten).rows_pass, Some(10));
    }
}
