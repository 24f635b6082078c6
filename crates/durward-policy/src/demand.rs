//! What `@requires_reason` says: that the client must have told what a statement is for, and what that must look like.

use std::sync::Arc;

use durward_model::{Obligation, Refusal, sqlstate};
use regex::{Regex, RegexBuilder};

use crate::rule::Complaint;
use crate::wording::one_line;

/// The value that asks for a reason of any kind.
const ANY: &str = "any";

/// The largest compiled pattern.
///
/// Unit: bytes. Reason: a ticket's form takes a few hundred; it is kept with the policy.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What a reason must hold.
#[derive(Debug, Clone)]
pub(crate) struct ReasonPattern(Option<Regex>);

impl ReasonPattern {
    pub(crate) fn parse(value: &str) -> Result<Self, Complaint> {
        if value == ANY {
            return Ok(Self(None));
        }
        let compiled = RegexBuilder::new(value).size_limit(PATTERN_BYTES_MAX).build();
        let pattern = compiled.map_err(|error| {
            Complaint::new(format!("`@requires_reason` can't read `{value}`: {error}"))
                .hint("a regular expression that is found in the reason, such as OPS-[0-9]+, or any")
        })?;
        if pattern.is_match("") {
            return Err(
                Complaint::new(format!("`@requires_reason` finds `{value}` in every reason"))
                    .hint("write any, if any reason will do"),
            );
        }
        Ok(Self(Some(pattern)))
    }

    /// Whether a reason will do.
    pub(crate) fn admits(&self, reason: Option<&str>) -> bool {
        let given = reason.filter(|reason| !reason.trim().is_empty());
        given.is_some_and(|reason| self.0.as_ref().is_none_or(|pattern| pattern.is_match(reason)))
    }

    fn text(&self) -> Option<Arc<str>> {
        self.0.as_ref().map(|pattern| pattern.as_str().into())
    }
}

/// A rule that wants to be told what a statement is for.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) rule: Arc<str>,
    /// Why, as the client reads it.
    pub(crate) message: Arc<str>,
    pub(crate) pattern: ReasonPattern,
}

impl PartialEq for Demand {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule && self.message == other.message && self.pattern.text() == other.pattern.text()
    }
}

impl Eq for Demand {}

impl Demand {
    pub(crate) fn obligation(&self) -> Obligation {
        Obligation::Reason {
            pattern: self.pattern.text(),
        }
    }

    /// What the client is told whose reason won't do.
    pub(crate) fn refusal(&self) -> Refusal {
        let mut hint =
            "Say what it is for: SET durward.reason = '…', or options=-c durward.reason=… when connecting.".to_owned();
        if let Some(pattern) = self.pattern.text() {
            hint.push_str(&format!(" It must hold {}.", one_line(&pattern)));
        }
        Refusal::new(sqlstate::REASON_REQUIRED, &self.rule, Arc::clone(&self.message))
            .with_detail(format!("rule: {}", self.rule))
            .with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::ReasonPattern;

    #[test]
    fn a_reason_is_held_against_the_pattern() {
        let ticket = ReasonPattern::parse(r"\bOPS-[0-9]+\b").unwrap();
        let any = ReasonPattern::parse("any").unwrap();
        for (reason, is_ticket, is_any) in [
            (Some("OPS-17: a customer has called"), true, true),
            (Some("see OPS-"), false, true),
            (Some("XOPS-17"), false, true),
            (Some("  "), false, false),
            (Some(""), false, false),
            (None, false, false),
        ] {
            assert_eq!(
                (ticket.admits(reason), any.admits(reason)),
                (is_ticket, is_any),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn patterns_that_mean_nothing_are_mistakes() {
        for wrong in ["OPS-[0-9", "", ".*", "(OPS-[0-9]+)?"] {
            assert!(ReasonPattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
