//! Who must approve, and how many: groups, counts, and the one who is alone.

use serde_json::Value;

use super::house::{House, PATIENCE};
use super::{CLOSE_ALL, psql, runs, told};
use crate::support;

const BY_TWO: &str = r#"
    @rule("orders-by-two")
    @reason("{command} changes orders")
    @approve("groups=dba|finance, count=2, minutes=30")
    forbid (principal, action == Action::"write", resource)
    when { context.changes.contains("public.orders") && principal is Agent };
"#;

fn add(house: &House, name: &str, kind: &str, groups: &[&str]) -> String {
    let mut arguments = vec![
        "identities",
        "add",
        name,
        "--kind",
        kind,
        "--database",
        "holds",
        "--json",
    ];
    for group in groups {
        arguments.extend(["--group", group]);
    }
    let output = house.command(&arguments);
    let issued: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    issued["password"].as_str().expect("a password").to_owned()
}

#[test]
fn two_of_the_groups_must_approve() {
    let house = House::open_under(BY_TWO);
    add(&house, "dora", "person", &["dba"]);
    add(&house, "fred", "person", &["finance"]);
    add(&house, "olga", "person", &["sales"]);
    let mut agent = house.connect("agent", "");
    let (_, id) = told(&mut agent, CLOSE_ALL, "WD001");
    let approve = |who: &str| house.approvals(&["approve", &id, "--as", who, "--json"]);
    assert_eq!(approve("olga").0, 2, "she is in none of the groups");
    let (code, request) = approve("dora");
    assert_eq!((code, &request["state"]), (5, &"pending".into()), "{request}");
    assert_eq!(approve("dora").0, 2, "twice is not two");
    assert_eq!(told(&mut agent, CLOSE_ALL, "WD001").1, id);
    let (code, request) = approve("fred");
    assert_eq!((code, &request["state"]), (0, &"approved".into()), "{request}");
    runs(&mut agent, CLOSE_ALL, "UPDATE 199");
}

#[test]
fn one_no_is_enough() {
    let house = House::open_under(BY_TWO);
    add(&house, "dora", "person", &["dba"]);
    let mut agent = house.connect("agent", "");
    let (_, id) = told(&mut agent, CLOSE_ALL, "WD001");
    assert_eq!(house.approvals(&["approve", &id, "--as", "dora"]).0, 5);
    let no = |who: &str| house.approvals(&["reject", &id, "--as", who, "--note", "no"]).0;
    assert_eq!((no("operator"), no("engineer")), (2, 2), "neither is asked");
    assert_eq!(house.state(&id), "pending");
    assert_eq!(no("dora"), 0, "she has thought again");
    assert_eq!(told(&mut agent, CLOSE_ALL, "WD002").1, id);
}

#[test]
fn whoever_asked_takes_it_back() {
    let house = House::open();
    let waiting = psql(&house, "engineer", CLOSE_ALL);
    let id = house.pending();
    assert_eq!(house.approvals(&["reject", &id, "--as", "engineer"]).0, 2);
    assert_eq!(house.approvals(&["withdraw", &id, "--as", "operator"]).0, 2);
    let (code, _) = house.approvals(&["withdraw", &id, "--as", "engineer", "--note", "a typo"]);
    assert_eq!(code, 0);
    let outcome = support::finish(waiting, PATIENCE);
    for words in ["57014", "was taken back by engineer: a typo"] {
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.text());
    }
    assert_eq!((house.state(&id).as_str(), house.closed()), ("withdrawn", 0));
}

#[test]
fn whoever_is_alone_confirms_their_own() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let (_, id) = told(&mut agent, CLOSE_ALL, "WD001");
    let approve = |more: &[&str]| {
        let all = [&["approve", &id, "--as", "engineer", "--json"][..], more].concat();
        house.approvals(&all)
    };
    assert_eq!(approve(&["--confirm"]).0, 2, "the operator could");
    assert_eq!(
        house.command(&["identities", "revoke", "operator"]).status.code(),
        Some(0)
    );
    assert_eq!(approve(&[]).0, 2, "not by the way");
    let (code, request) = approve(&["--confirm"]);
    assert_eq!(code, 0);
    assert_eq!(request["approvals"][0]["self_confirmed"], true, "{request}");
    runs(&mut agent, CLOSE_ALL, "UPDATE 199");
}
