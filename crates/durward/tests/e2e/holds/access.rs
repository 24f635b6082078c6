//! Access for a time: masks and holds are lifted for what was given, while it lasts, and for nothing and nobody else.

use durward_testkit::RawClient;
use serde_json::Value;

use super::house::House;
use super::{CLOSE_ALL, runs, told};

const PEOPLE: &str = "
    CREATE TABLE people (id integer PRIMARY KEY, full_name text);
    INSERT INTO people VALUES (1, 'Ada Lovelace');
    CREATE TABLE others (LIKE people INCLUDING ALL);
    INSERT INTO others VALUES (1, 'Grace Hopper');
    CREATE VIEW everybody AS SELECT full_name AS who FROM people;
    CREATE VIEW each AS SELECT full_name AS who FROM people UNION ALL SELECT full_name FROM others;
";

/// Runs `durward access`: its exit code, and what it printed where that is JSON.
fn access(house: &House, arguments: &[&str]) -> (i32, Value) {
    let all: Vec<&str> = std::iter::once("access").chain(arguments.iter().copied()).collect();
    let output = house.command(&all);
    let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), printed)
}

fn asked(house: &House, who: &str, more: &[&str]) -> String {
    let begin = ["request", "--identity", who, "--reason", "OPS-17", "--json"];
    let (code, request) = access(house, &[&begin[..], more].concat());
    assert_eq!((code, &request["state"]), (5, &"pending".into()), "{request}");
    format!("c{}", request["id"])
}

/// Whoever asked for somebody doesn't decide it.
fn given(house: &House, id: &str) {
    assert_eq!(house.approvals(&["approve", id]).0, 2);
    assert_eq!(house.approvals(&["approve", id, "--as", "operator"]).0, 0);
}

/// The first column of the first row.
fn seen(client: &mut RawClient, text: &str) -> String {
    let answer = client.query(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(
        answer.sqlstate(),
        None,
        "{text}: {:?}",
        answer.error().map(ToString::to_string)
    );
    answer.rows()[0][0].clone()
}

#[test]
fn labelled_data_is_shown_while_access_lasts() {
    let mut house = House::open_masked();
    house.execute(PEOPLE);
    let mut person = house.connect("engineer", "error");
    let mut agent = house.connect("agent", "");
    for column in ["public.people.full_name", "public.others.full_name"] {
        house.label(column, "person_name");
    }
    let name = "SELECT full_name FROM people";
    let masked = seen(&mut person, name);
    assert_ne!(masked, "Ada Lovelace");
    let id = asked(&house, "engineer", &["--on", "public.people", "--label", "person_name"]);
    assert_eq!(seen(&mut person, name), masked, "asked is not given");
    for own in ["engineer", "agent"] {
        assert_eq!(house.approvals(&["approve", &id, "--as", own]).0, 2, "{own}");
    }
    given(&house, &id);
    for text in [name, "SELECT who FROM everybody", "SELECT upper(full_name) FROM people"] {
        assert_eq!(seen(&mut person, text).to_uppercase(), "ADA LOVELACE", "{text}");
    }
    // Neither a table that is read besides, nor by a view, nor whoever acts for the person.
    for text in [
        "SELECT full_name FROM others",
        "SELECT min(who) FROM each",
        "SELECT o.full_name FROM others o JOIN people p USING (id)",
    ] {
        assert_ne!(seen(&mut person, text), "Grace Hopper", "{text}");
        assert_ne!(seen(&mut person, text), "Ada Lovelace", "{text}");
    }
    assert_ne!(seen(&mut agent, name), "Ada Lovelace");
    // A message is masked by the strictest of its statements.
    for beside in ["SELECT upper(full_name) FROM others", "SELECT full_name FROM others"] {
        for text in [format!("{name}; {beside}"), format!("{beside}; {name}")] {
            let answer = person.query(&text).expect("an answer");
            let shown = format!("{:?}", answer.rows()).to_uppercase();
            assert!(!shown.contains("HOPPER"), "{text}: {shown}");
        }
    }
    // It goes with the table and not with its name.
    runs(&mut person, "PREPARE named AS SELECT full_name FROM people", "PREPARE");
    runs(&mut person, "BEGIN", "BEGIN");
    runs(
        &mut person,
        "DECLARE c CURSOR FOR SELECT full_name FROM people",
        "DECLARE CURSOR",
    );
    assert_eq!(seen(&mut person, "EXECUTE named"), "Ada Lovelace");
    house.restart();
    let mut person = house.connect("engineer", "error");
    assert_eq!(seen(&mut person, name), "Ada Lovelace", "it survives a restart");
    runs(&mut person, "PREPARE named AS SELECT full_name FROM people", "PREPARE");
    runs(&mut person, "BEGIN", "BEGIN");
    runs(
        &mut person,
        "DECLARE c CURSOR FOR SELECT full_name FROM people",
        "DECLARE CURSOR",
    );
    assert_eq!(
        access(&house, &["revoke", &id, "--as", "operator", "--json"]).1["state"],
        "revoked"
    );
    for text in ["FETCH 1 FROM c", "EXECUTE named", name] {
        assert_ne!(seen(&mut person, text), "Ada Lovelace", "{text}");
    }
    let steps = house.command(&[
        "audit",
        "sql",
        "SELECT change, access, until FROM approvals ORDER BY event",
        "--json",
    ]);
    let steps = String::from_utf8_lossy(&steps.stdout).into_owned();
    for words in [
        "asked",
        "approved",
        "revoked",
        "with person_name in clear, on public.people",
        "Z\"",
    ] {
        assert!(steps.contains(words), "no {words} in {steps}");
    }
}

#[test]
fn a_table_that_takes_the_name_takes_nothing_else() {
    let house = House::open_masked();
    house.execute(PEOPLE);
    let mut person = house.connect("engineer", "error");
    for column in ["public.people.full_name", "public.others.full_name"] {
        house.label(column, "person_name");
    }
    let id = asked(&house, "engineer", &["--on", "public.people"]);
    given(&house, &id);
    assert_eq!(seen(&mut person, "SELECT full_name FROM people"), "Ada Lovelace");
    // By another login, round the gateway.
    house.execute("ALTER TABLE people RENAME TO persons; ALTER TABLE others RENAME TO people");
    house.await_catalog(&mut person, "SELECT id FROM persons");
    assert_ne!(seen(&mut person, "SELECT full_name FROM people"), "Grace Hopper");
    assert_eq!(seen(&mut person, "SELECT full_name FROM persons"), "Ada Lovelace");
}

#[test]
fn holds_are_lifted_for_the_table_and_the_time() {
    let house = House::open();
    let mut person = house.connect("engineer", "error");
    let (_, held) = told(&mut person, CLOSE_ALL, "WD001");
    let id = asked(
        &house,
        "engineer",
        &["--on", "public.orders", "--class", "write", "--minutes", "30"],
    );
    given(&house, &id);
    runs(&mut person, CLOSE_ALL, "UPDATE 199");
    runs(&mut person, CLOSE_ALL, "UPDATE 199");
    assert_eq!(house.state(&held), "pending", "no approval was spent");
    let elsewhere = CLOSE_ALL.replace("orders", "shadow.orders");
    house.execute("INSERT INTO shadow.orders SELECT * FROM orders");
    told(&mut person, &elsewhere, "WD001");
    // Nothing lifts a denial, and nobody else has it.
    let answer = person.query("UPDATE orders SET status = 'x'").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("42501"));
    let mut agent = house.connect("agent", "");
    told(&mut agent, CLOSE_ALL, "WD001");
    for wrong in [
        &["--on", "public.nowhere"][..],
        &["--label", "emial"],
        &["--class", "privilege"],
        &["--minutes", "0"],
        &["--minutes", "20000"],
    ] {
        let begin = ["request", "--identity", "engineer", "--reason", "x", "--json"];
        assert_eq!(access(&house, &[&begin[..], wrong].concat()).0, 2, "{wrong:?}");
    }
}
