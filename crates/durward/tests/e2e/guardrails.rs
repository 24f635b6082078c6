//! Destructive statements and their harmless look-alikes, by everybody who can log in, over both query protocols, on a
//! real server: `tests/guardrails/` and `tests/evasions/`.
//!
//! A refused statement must be refused by the gateway, and leave no trace: a fingerprint of all definitions, rows,
//! rights, settings and files is the same before and after. An allowed statement must answer byte for byte as it does
//! on a second, equal database without a gateway, and leave both databases equal.

mod case;
mod fingerprint;
mod normal;
mod stage;

use std::fmt::Write as _;

use case::{Case, Expectation};
use stage::{Protocol, Stage};

use crate::support;

/// How many cases each kind must at least have: the suite never shrinks unseen.
const CASES_MIN: usize = 150;

#[test]
fn guardrails() {
    let cases = case::load(&support::tests("guardrails"));
    for kind in [Expectation::Refused, Expectation::Allowed] {
        let count = cases.iter().filter(|case| case.expectation == kind).count();
        assert!(count >= CASES_MIN, "only {count} cases are {kind:?}");
    }
    check_all(&cases);
}

#[test]
fn evasions() {
    check_all(&case::load(&support::tests("evasions")));
}

fn check_all(cases: &[Case]) {
    let chosen = std::env::var("DURWARD_TEST_CASES").unwrap_or_default();
    let cases = cases.iter().filter(|case| case.to_string().contains(&chosen));
    let mut stage = Stage::build(&support::tests("guardrails/fixture.sql"));
    let mut failures = String::new();
    let (mut tried, mut failed) = (0, 0);
    for case in cases.clone() {
        for who in &case.who {
            for protocol in Protocol::of(case) {
                tried += 1;
                if let Err(problem) = stage.check(case, who, protocol) {
                    failed += 1;
                    println!("✗ {case} | {who}, {protocol:?}\n  {problem}");
                    writeln!(failures, "✗ {case} | {who}, {protocol:?}\n  {problem}").expect("a string grows");
                }
            }
        }
    }
    if let Err(problem) = stage.compare_databases() {
        failed += 1;
        writeln!(failures, "✗ the two databases differ at the end\n  {problem}").expect("a string grows");
    }
    println!("{tried} runs of {} statements, {failed} wrong", cases.count());
    assert!(failed == 0, "{failed} of {tried} runs went wrong:\n{failures}");
}
