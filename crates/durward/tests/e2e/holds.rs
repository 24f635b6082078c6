//! Statements that wait for people: inline at a prompt, by an error and another try for programs. What is approved runs
//! once, what isn't never does, and nothing waits upstream.

mod access;
mod auto;
mod copies;
mod drivers;
mod glass;
pub(crate) mod house;
mod reasons;
mod terms;

use std::process::Stdio;

use durward_testkit::{RawClient, interrupt};
use serde_json::Value;

use crate::support;
use house::{House, PATIENCE, ROWS};

/// Changes every row, by a condition whose rows only a count tells.
const CLOSE_ALL: &str = "UPDATE orders SET status = 'closed' WHERE price >= 0";

fn psql(house: &House, who: &str, statement: &str) -> std::process::Child {
    support::command("psql", &house.access(who))
        .args(["--no-psqlrc", "--quiet", "-v", "VERBOSITY=verbose", "-c", statement])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs")
}

/// Sends a statement that is answered by an error of this code; its detail, and the request's number in it.
fn told(client: &mut RawClient, statement: &str, sqlstate: &str) -> (Value, String) {
    let answer = client.query(statement).expect("an answer");
    let error = answer.error().unwrap_or_else(|| panic!("{statement} ran"));
    assert_eq!(error.sqlstate(), sqlstate, "{error}");
    let detail: Value = serde_json::from_str(&error.field(b'D').expect("a detail")).expect("JSON in one line");
    let id = detail["id"].as_str().expect("an id").to_owned();
    (detail, id)
}

fn runs(client: &mut RawClient, statement: &str, tag: &str) {
    let answer = client.query(statement).expect("an answer");
    assert_eq!(
        answer.sqlstate(),
        None,
        "{statement}: {:?}",
        answer.error().map(ToString::to_string)
    );
    assert_eq!(answer.commands(), [tag], "{statement}");
}

#[test]
fn a_person_waits_at_the_prompt_and_the_statement_runs_once() {
    let house = House::open();
    let waiting = psql(&house, "engineer", CLOSE_ALL);
    let id = house.pending();
    let (code, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(code, 5, "{request}");
    assert_eq!(request["rows"]["counted"], ROWS, "{request}");
    assert_eq!(request["text"], CLOSE_ALL);
    assert_eq!(house.closed(), 0);
    assert_eq!(house.busy(), 0, "something waits upstream");
    let (code, _) = house.approvals(&["approve", &id, "--note", "after the audit", "--json"]);
    assert_eq!(code, 0);
    let outcome = support::finish(waiting, PATIENCE);
    assert!(outcome.succeeded(), "{}", outcome.text());
    for words in [id.as_str(), "people-many-rows", "is approved: by ", "after the audit"] {
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
    }
    assert_eq!(house.closed(), ROWS);
    assert_eq!(house.state(&id), "used");
    // The same again is asked for anew.
    let mut again = house.connect("engineer", "error");
    assert_ne!(told(&mut again, CLOSE_ALL, "WD001").1, id);
}

#[test]
fn what_is_counted_within_the_bound_passes() {
    let house = House::open();
    let mut person = house.connect("engineer", "error");
    runs(
        &mut person,
        "UPDATE orders SET status = 'closed' WHERE price < 90",
        "UPDATE 90",
    );
    runs(&mut person, "BEGIN", "BEGIN");
    runs(&mut person, "DELETE FROM orders WHERE price < 90", "DELETE 90");
    runs(
        &mut person,
        "UPDATE orders SET status = 'open' WHERE price < 95",
        "UPDATE 5",
    );
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    assert!(
        house
            .approvals(&["ls", "--all", "--json"])
            .1
            .as_array()
            .is_some_and(Vec::is_empty)
    );
}

#[test]
fn an_agent_is_told_and_comes_back() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let (detail, id) = told(&mut agent, CLOSE_ALL, "WD001");
    assert_eq!(
        (&detail["status"], &detail["retry"]),
        (&"pending".into(), &"same_statement".into()),
        "{detail}"
    );
    assert_eq!(detail["rows"], ROWS);
    assert_eq!(detail["url"], format!("{}/requests/{id}", house.web()));
    assert_eq!(detail["tables"][0], "public.orders");
    assert_eq!(told(&mut agent, CLOSE_ALL, "WD001").1, id, "the same request is joined");
    house.approve(&id);
    // One changed byte is another statement, and so are other names for it and another statement beside it.
    let byte = CLOSE_ALL.replace("closed", "Closed");
    let beside = format!("{CLOSE_ALL}; SELECT 1");
    for other in [byte.as_str(), &format!("{CLOSE_ALL} "), &beside] {
        assert_ne!(told(&mut agent, other, "WD001").1, id);
    }
    let mut elsewhere = house.connect("agent", "");
    runs(&mut elsewhere, "SET search_path = shadow, public", "SET");
    assert_ne!(told(&mut elsewhere, CLOSE_ALL, "WD001").1, id);
    runs(&mut elsewhere, "RESET search_path", "RESET");
    runs(&mut elsewhere, "SET TimeZone = 'Asia/Tokyo'", "SET");
    assert_ne!(told(&mut elsewhere, CLOSE_ALL, "WD001").1, id);
    runs(&mut elsewhere, "RESET TimeZone", "RESET");
    // Somebody else's approval it is not.
    let mut person = house.connect("engineer", "error");
    assert_ne!(told(&mut person, CLOSE_ALL, "WD001").1, id);
    assert_eq!(house.closed(), 0);
    runs(&mut elsewhere, CLOSE_ALL, &format!("UPDATE {ROWS}"));
    let (_, second) = told(&mut agent, CLOSE_ALL, "WD001");
    assert_ne!(second, id, "an approval is good for one run");
    assert_eq!(house.state(&id), "used");
}

#[test]
fn definitions_are_part_of_what_is_approved() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let statement = "UPDATE orders SET price = doubled(price) WHERE price >= 0";
    let (_, id) = told(&mut agent, statement, "WD001");
    house.approve(&id);
    house.execute("CREATE OR REPLACE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0'");
    let mut operator = house.connect("operator", "");
    // The gateway sees that definitions have changed as soon as something passes through it.
    runs(&mut operator, "CREATE TABLE seen (id integer)", "CREATE TABLE");
    assert_ne!(
        told(&mut agent, statement, "WD001").1,
        id,
        "another function runs than was approved"
    );
    let ddl = "ALTER TABLE orders ADD COLUMN note text";
    let (_, id) = told(&mut agent, ddl, "WD001");
    house.approve(&id);
    runs(&mut agent, ddl, "ALTER TABLE");
}

#[test]
fn cancelling_takes_it_back() {
    let house = House::open();
    let waiting = psql(&house, "engineer", CLOSE_ALL);
    let id = house.pending();
    interrupt(&waiting);
    let outcome = support::finish(waiting, PATIENCE);
    assert!(outcome.stderr.contains("57014"), "{}", outcome.text());
    assert_eq!(house.state(&id), "withdrawn");
    let (code, _) = house.approvals(&["approve", &id]);
    assert_ne!(code, 0, "what was taken back can't be approved");
    assert_eq!(house.closed(), 0);
}

#[test]
fn for_a_client_that_is_gone_nothing_runs() {
    let house = House::open();
    let mut person = house.connect("engineer", "");
    person.send(&house::query(CLOSE_ALL)).expect("it is sent");
    let id = house.pending();
    drop(person);
    house.await_state(&id, "withdrawn");
    assert_eq!(house.closed(), 0);
}

#[test]
fn a_rejection_says_who_and_why_and_stands() {
    let house = House::open();
    let waiting = psql(&house, "engineer", CLOSE_ALL);
    let id = house.pending();
    house.approvals(&["reject", &id, "--as", "operator", "--note", "not before Monday"]);
    let outcome = support::finish(waiting, PATIENCE);
    for words in ["WD002", "by operator", "not before Monday"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.text());
    }
    let mut person = house.connect("engineer", "error");
    assert_eq!(told(&mut person, CLOSE_ALL, "WD002").1, id);
    assert_eq!(house.closed(), 0);
}

#[test]
fn a_restart_loses_no_approval() {
    let mut house = House::open();
    let mut agent = house.connect("agent", "");
    let (_, id) = told(&mut agent, CLOSE_ALL, "WD001");
    house.approve(&id);
    drop(agent);
    house.restart();
    assert_eq!(house.state(&id), "approved");
    let mut agent = house.connect("agent", "");
    runs(&mut agent, CLOSE_ALL, &format!("UPDATE {ROWS}"));
    house.restart();
    let mut agent = house.connect("agent", "");
    assert_ne!(told(&mut agent, CLOSE_ALL, "WD001").1, id);
}

#[test]
fn nobody_approves_their_own() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let (_, id) = told(&mut agent, CLOSE_ALL, "WD001");
    for who in ["engineer", "agent", "service", "nobody"] {
        let (code, _) = house.approvals(&["approve", &id, "--as", who, "--confirm"]);
        assert_eq!(code, 2, "{who} approved it");
    }
    assert_eq!(house.state(&id), "pending");
    let (code, _) = house.approvals(&["approve", &id, "--as", "operator", "--json"]);
    assert_eq!(code, 0);
}

#[test]
fn a_transaction_that_has_begun_waits_for_moments_only() {
    let house = House::open();
    let mut person = house.connect("engineer", "");
    runs(&mut person, "BEGIN", "BEGIN");
    runs(
        &mut person,
        "UPDATE orders SET status = 'open' WHERE id = 1",
        "UPDATE 1",
    );
    let answer = person.query(CLOSE_ALL).expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD001"));
    assert_eq!(answer.status(), Some('E'), "the server has aborted the transaction");
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    let id = house.pending();
    house.approve(&id);
    // Approved, it runs once where it was asked for.
    runs(&mut person, "BEGIN", "BEGIN");
    runs(
        &mut person,
        "UPDATE orders SET status = 'open' WHERE id = 1",
        "UPDATE 1",
    );
    runs(&mut person, CLOSE_ALL, &format!("UPDATE {ROWS}"));
    runs(&mut person, "COMMIT", "COMMIT");
}

#[test]
fn a_transactions_first_statement_waits_with_nothing_open_upstream() {
    let house = House::open();
    let mut person = house.connect("engineer", "");
    runs(&mut person, "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN");
    person.send(&house::query(CLOSE_ALL)).expect("it is sent");
    let id = house.pending();
    // Long enough for a transaction that has done something to be refused.
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(house.busy(), 0, "something waits upstream");
    house.approve(&id);
    let mut tags = String::new();
    while !tags.ends_with('Z') {
        tags.push(char::from(person.read_reply().expect("a message").tag));
    }
    assert!(
        tags.ends_with("CSZ") || tags.ends_with("SCZ") || tags.ends_with("CZ"),
        "{tags}"
    );
    let level = person.query("SHOW transaction_isolation").expect("an answer");
    assert_eq!(level.rows(), [["repeatable read"]]);
    assert_eq!(level.status(), Some('T'));
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    assert_eq!(house.closed(), 0);
}

#[test]
fn whoever_waits_hears_that_every_two_seconds() {
    let house = House::open();
    let mut person = house.connect("engineer", "");
    person.send(&house::query(CLOSE_ALL)).expect("it is sent");
    let mut beats = 0;
    while beats < 3 {
        let reply = person.read_reply().expect("a message");
        match reply.tag {
            b'N' => assert!(
                reply
                    .field(b'M')
                    .is_some_and(|message| message.contains("waits for approval"))
            ),
            b'S' => beats += usize::from(reply.body.starts_with(b"durward.hold\0c")),
            tag => panic!("{}", char::from(tag)),
        }
    }
}

#[test]
fn levers_are_the_gateways_own() {
    let house = House::open();
    let mut person = house.connect("engineer", "");
    runs(&mut person, "SET durward.hold = 'error'", "SET");
    let set = person
        .extended("SET durward.reason TO 'ticket 4711'", b"")
        .expect("an answer");
    assert_eq!((set.sqlstate(), set.commands()), (None, vec!["SET".to_owned()]));
    let (_, id) = told(&mut person, CLOSE_ALL, "WD001");
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(request["reason"], "ticket 4711");
    let unknown = person.query("SHOW durward.reason").expect("an answer");
    assert_eq!(
        unknown.sqlstate().as_deref(),
        Some("42704"),
        "the server has heard of it"
    );
    for (wrong, sqlstate) in [
        ("SET durward.hold = 'perhaps'", "22023"),
        ("SET durward.approval = 'c1'", "22023"),
        ("SET durward.other = 'c1'", "42704"),
        ("SET durward.hold = 'wait'; SELECT 1", "0A000"),
    ] {
        let answer = person.query(wrong).expect("an answer");
        assert_eq!(answer.sqlstate().as_deref(), Some(sqlstate), "{wrong}");
    }
}

#[test]
fn parameters_are_part_of_what_is_approved() {
    let house = House::open();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let access = house.access("agent");
        let (agent, connection) = tokio_postgres::connect(&access.url(), tokio_postgres::NoTls)
            .await
            .expect("a login");
        tokio::spawn(connection);
        let statement = agent
            .prepare("UPDATE orders SET status = $1 WHERE price >= $2")
            .await
            .expect("nothing runs by preparing");
        let ask = |status: &'static str, price: i32| {
            let (agent, statement) = (&agent, &statement);
            async move {
                let error = agent
                    .execute(statement, &[&status, &price])
                    .await
                    .expect_err("it is held");
                let error = error.as_db_error().expect("of the gateway").clone();
                assert_eq!(error.code().code(), "WD001", "{error}");
                let detail: Value = serde_json::from_str(error.detail().expect("a detail")).expect("JSON");
                detail["id"].as_str().expect("an id").to_owned()
            }
        };
        let id = ask("closed", 0).await;
        house.approve(&id);
        assert_ne!(ask("closed", 1).await, id);
        assert_ne!(ask("lost", 0).await, id);
        let changed = agent
            .execute(&statement, &[&"closed", &0])
            .await
            .expect("it is approved");
        assert_eq!(changed, u64::try_from(ROWS).expect("small"));
        assert_ne!(ask("closed", 0).await, id);
    });
}

#[test]
fn a_driver_waits_with_nothing_open_upstream() {
    let house = House::open();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let access = house.access("engineer");
    let changing = runtime.spawn(async move {
        let (person, connection) = tokio_postgres::connect(&access.url(), tokio_postgres::NoTls)
            .await
            .expect("a login");
        tokio::spawn(connection);
        person
            .execute("UPDATE orders SET status = $1 WHERE price >= $2", &[&"closed", &0])
            .await
    });
    let id = house.pending();
    assert_eq!(house.busy(), 0, "something waits upstream");
    house.approve(&id);
    let changed = runtime.block_on(changing).expect("it ends").expect("it is approved");
    assert_eq!(changed, u64::try_from(ROWS).expect("small"));
    assert_eq!(house.closed(), ROWS);
}
