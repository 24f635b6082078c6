//! Who must approve, and how many: groups, counts, and the one who is alone.

use serde_json::Value;

use super::house::House;
use super::{CLOSE_ALL, runs, told};

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
    assert_eq!(
        house.approvals(&["reject", &id, "--as", "operator", "--note", "no"]).0,
        0
    );
    assert_eq!(told(&mut agent, CLOSE_ALL, "WD002").1, id);
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
