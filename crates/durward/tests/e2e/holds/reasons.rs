//! Reasons that policy demands: refused without, run and recorded with, by every way in which a statement runs.

use durward_testkit::RawClient;
use serde_json::Value;

use super::house::House;
use super::{CLOSE_ALL, runs, told};

/// Names are read with a ticket, and orders are changed with some reason.
const POLICY: &str = r#"
    @rule("names-with-a-ticket")
    @reason("{objects} holds names")
    @requires_reason("OPS-[0-9]+")
    forbid (principal, action, resource)
    when { context.labelsRead.contains("person_name") };

    @rule("orders-with-a-reason")
    @reason("{command} changes orders")
    @requires_reason("any")
    forbid (principal, action == Action::"write", resource)
    when { context.changes.contains("public.orders") };
"#;

fn refused(client: &mut RawClient, text: &str, sqlstate: &str) {
    let answer = client.query(text).expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some(sqlstate), "{text}");
}

#[test]
fn a_reason_is_demanded_and_recorded() {
    let house = House::open_under(POLICY);
    house.execute(
        "CREATE TABLE people (id integer PRIMARY KEY, full_name text);
         INSERT INTO people VALUES (1, 'Ada Lovelace');
         CREATE VIEW everybody AS SELECT full_name AS who FROM people",
    );
    // Catalogs are watched as long as anybody is there.
    let mut person = house.connect("engineer", "error");
    house.label("public.people.full_name", "person_name");
    // Not by a view, a prepared statement or a cursor either; what says nothing of anybody passes.
    for text in ["SELECT full_name FROM people", "SELECT count(who) FROM everybody"] {
        refused(&mut person, text, "WD004");
    }
    runs(&mut person, "SELECT id FROM people", "SELECT 1");
    runs(&mut person, "SET durward.reason = 'a customer calls'", "SET");
    refused(&mut person, "SELECT who FROM everybody", "WD004");
    runs(&mut person, "SET durward.reason = 'OPS-17: a customer calls'", "SET");
    runs(&mut person, "PREPARE named AS SELECT who FROM everybody", "PREPARE");
    runs(&mut person, "EXECUTE named", "SELECT 1");
    runs(&mut person, "BEGIN", "BEGIN");
    runs(
        &mut person,
        "DECLARE c CURSOR FOR SELECT who FROM everybody",
        "DECLARE CURSOR",
    );
    person.query("RESET durward.reason").expect("an answer");
    refused(&mut person, "FETCH 1 FROM c", "WD004");
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    refused(&mut person, "EXECUTE named", "WD004");
    // It looks like a setting, and the server's own of that name is none.
    runs(
        &mut person,
        "SELECT set_config('durward.reason', 'OPS-18', false)",
        "SELECT 1",
    );
    refused(&mut person, "EXECUTE named", "WD004");
    // A reason is no approval, and what waits shows it.
    refused(&mut person, CLOSE_ALL, "WD004");
    runs(&mut person, "SET durward.reason = 'the shop closes'", "SET");
    let (_, id) = told(&mut person, CLOSE_ALL, "WD001");
    assert_eq!(house.approvals(&["show", &id, "--json"]).1["reason"], "the shop closes");
    house.approve(&id);
    runs(&mut person, CLOSE_ALL, "UPDATE 199");
    assert_eq!(reasons(&house, "UPDATE", "permitted"), ["the shop closes"]);
    assert_eq!(
        reasons(&house, "SELECT", "refused"),
        ["a customer calls", "none"],
        "what was refused is recorded with what was said"
    );

    // From the first packet on, as PGOPTIONS has it.
    let begun = [("options", "-c durward.reason=OPS-19")];
    let mut other = RawClient::connect_with(&house.access("engineer"), &begun).expect("a login");
    runs(&mut other, "SELECT who FROM everybody", "SELECT 1");
    let long = format!("SET durward.reason = '{}'", "x".repeat(501));
    refused(&mut other, &long, "22023");
}

/// What was said along with statements of one command and verdict.
fn reasons(house: &House, command: &str, verdict: &str) -> Vec<String> {
    let query = format!(
        "SELECT DISTINCT coalesce(reason, 'none') AS reason FROM statements
         WHERE command = '{command}' AND verdict = '{verdict}' AND who = 'engineer' ORDER BY 1"
    );
    let output = house.command(&["audit", "sql", "--json", &query]);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut found = Vec::new();
    for line in text.lines() {
        let row: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        found.push(row["reason"].as_str().expect("a text").to_owned());
    }
    found
}
