//! Terms on which policy approves by itself: all of them are met, or people are asked.

use super::house::House;
use super::{CLOSE_ALL, runs, told};

const POLICY: &str = r#"
    @rule("tickets-of-engineers")
    @auto_approve("rows=150, undo=full, ticket=OPS-[0-9]+")
    permit (principal == User::"engineer", action == Action::"write", resource);

    @rule("habits-of-engineers")
    @auto_approve("rows=199, precedent=3")
    permit (principal == User::"engineer", action == Action::"write", resource);
"#;

#[test]
fn what_meets_all_terms_runs_and_says_by_which() {
    let house = House::open_under(POLICY);
    let mut person = house.connect("engineer", "error");
    let some = "UPDATE orders SET status = 'x' WHERE price < 120";
    told(&mut person, some, "WD001");
    runs(&mut person, "SET durward.reason = 'OPS-17'", "SET");
    runs(&mut person, some, "UPDATE 120");
    let (_, request) = house.approvals(&["show", "c1", "--json"]);
    assert_eq!(request["state"], "used", "{request}");
    let why = request["by_policy"]["why"].as_str().expect("the terms");
    for words in ["tickets-of-engineers", "120 of at most 150 rows", "full undo", "ticket"] {
        assert!(why.contains(words), "no {words} in {why}");
    }
    // Too many rows for that; and no habit yet.
    for round in 0..3 {
        let (_, id) = told(&mut person, CLOSE_ALL, "WD001");
        house.approve(&id);
        runs(&mut person, CLOSE_ALL, "UPDATE 199");
        house.execute(&format!("UPDATE orders SET status = 'open{round}'"));
    }
    runs(&mut person, CLOSE_ALL, "UPDATE 199");
    let steps = house.command(&[
        "audit",
        "sql",
        "SELECT change, note FROM approvals ORDER BY event",
        "--json",
    ]);
    let steps = String::from_utf8_lossy(&steps.stdout).into_owned();
    assert!(
        steps.contains("auto-approved") && steps.contains("3 precedents"),
        "{steps}"
    );
    // Another shape has none, and neither has somebody else.
    told(
        &mut person,
        "UPDATE orders SET status = 'y' WHERE price > 0 AND price > -1",
        "WD001",
    );
    told(&mut house.connect("agent", ""), CLOSE_ALL, "WD001");
    // One that is taken back within a day speaks against all of them.
    let changes = house.command(&["undo", "ls", "--json"]);
    let changes: serde_json::Value = serde_json::from_slice(&changes.stdout).expect("JSON");
    let of_c2 = changes
        .as_array()
        .expect("a list")
        .iter()
        .find(|change| change["request"] == 2);
    let id = of_c2.expect("the change of c2")["id"].to_string();
    let undone = house.command(&["undo", "apply", id.trim_matches('"'), "--partial"]);
    let said = String::from_utf8_lossy(&undone.stderr).into_owned();
    assert!(undone.status.code() == Some(0), "{said}");
    told(&mut person, CLOSE_ALL, "WD001");
}
