use insta::assert_snapshot;

use crate::tests::all_facts;

/// Facts of the statements in a file, one a line, for trying things out.
#[test]
#[ignore = "a bench for the person at work"]
fn bench() {
    let path = std::env::var("DURWARD_BENCH").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    std::fs::write("/tmp/D/bench.out", all_facts(&lines)).unwrap();
}
