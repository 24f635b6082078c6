//! Break-glass: what is held runs now, by whom policy lets and with a reason, and is marked until somebody has reviewed it.

use super::house::House;
use super::{CLOSE_ALL, runs, told};
use crate::webhook::{SECRET, receiver};

const POLICY: &str = r#"
    @rule("engineers-break-glass")
    @break_glass("yes")
    permit (principal == User::"engineer", action == Action::"write", resource);
"#;

#[test]
fn the_glass_is_broken_once_with_a_reason_and_reviewed_by_somebody_else() {
    let (url, news) = receiver();
    let house = House::open_telling_under(POLICY, &url, SECRET);
    let mut person = house.connect("engineer", "error");
    let break_glass = "SET durward.approval = 'break-glass'";
    runs(&mut person, break_glass, "SET");
    let answer = person.query(CLOSE_ALL).expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD004"), "not without a reason");
    assert_eq!(house.closed(), 0);
    runs(&mut person, "SET durward.reason = 'the shop is down'", "SET");
    // What is denied stays so.
    let answer = person.query("UPDATE orders SET status = 'x'").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("42501"));
    runs(&mut person, CLOSE_ALL, "UPDATE 199");
    assert_eq!(house.closed(), 199);
    // Once: the next is asked for.
    told(&mut person, CLOSE_ALL, "WD001");
    let (_, requests) = house.approvals(&["ls", "--json"]);
    let marked = requests.as_array().expect("a list").iter();
    let marked: Vec<_> = marked.filter(|request| request["state"] == "break_glass").collect();
    let [request] = marked.as_slice() else {
        panic!("{requests}")
    };
    assert_eq!(request["reason"], "the shop is down");
    let id = format!("c{}", request["id"]);
    let plain = house.command(&["approvals", "ls"]);
    assert!(String::from_utf8_lossy(&plain.stdout).contains(&format!("{id} ran without an approval")));
    let told_others = news.iter().find(|news| news.body["type"] == "approval.break_glass");
    assert_eq!(told_others.expect("news").body["data"]["id"], id.as_str());
    let review = |who: &str| house.approvals(&["review", &id, "--as", who, "--note", "it was down", "--json"]);
    for own in ["engineer", "agent"] {
        assert_eq!(review(own).0, 2, "{own}");
    }
    let (code, reviewed) = review("operator");
    assert_eq!((code, &reviewed["state"]), (0, &"reviewed".into()), "{reviewed}");
    assert_eq!(review("operator").0, 2, "once");
    let steps = house.command(&[
        "audit",
        "sql",
        "SELECT change, note FROM approvals ORDER BY event",
        "--json",
    ]);
    let steps = String::from_utf8_lossy(&steps.stdout).into_owned();
    for words in ["break-glass", "the shop is down", "reviewed", "it was down"] {
        assert!(steps.contains(words), "no {words} in {steps}");
    }
}

#[test]
fn nobody_else_breaks_it() {
    let house = House::open_under(POLICY);
    let begun = [("options", "-c durward.approval=break-glass -c durward.reason=now")];
    for who in ["agent", "operator"] {
        let mut client = durward_testkit::RawClient::connect_with(&house.access(who), &begun).expect("a login");
        let answer = client.query(CLOSE_ALL).expect("an answer");
        match who {
            // The person behind the agent could, the agent couldn't.
            "agent" => assert_eq!(answer.sqlstate().as_deref(), Some("42501")),
            _ => assert_eq!(answer.commands(), ["UPDATE 199"]),
        }
    }
    let (_, requests) = house.approvals(&["ls", "--all", "--json"]);
    assert!(requests.as_array().is_some_and(Vec::is_empty), "{requests}");
}
