//! COPY from the client: it waits with its rows before the approvers' eyes, and runs with just these, once.

use std::io::Write as _;
use std::process::Stdio;

use durward_testkit::{RawClient, Transcript};
use serde_json::Value;

use super::house::{House, PATIENCE};
use super::runs;
use crate::support;

const COPY: &str = "COPY orders (id, price, status) FROM STDIN";

fn lines(from: u32, count: u32) -> Vec<u8> {
    let lines = (from..from + count).map(|id| format!("{id}\t5\tnew\\tone\n"));
    lines.collect::<String>().into_bytes()
}

fn added(house: &House) -> i64 {
    house.number("SELECT count(*) FROM orders WHERE id > 199")
}

/// What an answer fails with, and the request that it names.
fn told(answer: &Transcript, sqlstate: &str) -> String {
    let error = answer.error().unwrap_or_else(|| panic!("it ran: {answer:?}"));
    assert_eq!(error.sqlstate(), sqlstate, "{error}");
    let detail = error.field(b'D').unwrap_or_default();
    let detail: Value = serde_json::from_str(&detail).unwrap_or(Value::Null);
    detail["id"].as_str().unwrap_or_default().to_owned()
}

fn copy(client: &mut RawClient, rows: &[u8]) -> Transcript {
    client.query_with_copy(COPY, rows).expect("an answer")
}

#[test]
fn a_person_waits_with_the_rows_that_are_shown() {
    let house = House::open_masked();
    house.label("public.orders.price", "iban");
    let mut waiting = support::command("psql", &house.access("engineer"))
        .args(["--no-psqlrc", "-v", "VERBOSITY=verbose", "-c"])
        .arg("\\copy orders from stdin with (format csv, header)")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    let rows: String = (1000..1150)
        .map(|id| format!("{id},{id},\"say \"\"{id}\"\"\"\n"))
        .collect();
    let mut stdin = waiting.stdin.take().expect("a pipe");
    write!(stdin, "id,price,status\n{rows}").expect("it is taken");
    drop(stdin);
    let id = house.pending();
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    let effect = &request["effect"];
    assert_eq!(request["rows"]["at_most"], 150, "{request}");
    assert_eq!(effect["columns"], serde_json::json!(["id", "price", "status"]));
    assert_eq!(effect["samples"].as_array().map(Vec::len), Some(20));
    assert_eq!(
        effect["samples"][0]["after"],
        serde_json::json!(["1000", "[iban]", "say \"1000\""])
    );
    assert_eq!(request["undo"], "none: the effect of COPY isn't kept");
    assert_eq!((added(&house), house.busy()), (0, 0), "something waits upstream");
    house.approve(&id);
    let outcome = support::finish(waiting, PATIENCE);
    assert!(outcome.succeeded(), "{}", outcome.text());
    assert!(outcome.stdout.contains("COPY 150"), "{}", outcome.text());
    assert_eq!((added(&house), house.state(&id).as_str()), (150, "used"));
}

#[test]
fn a_program_sends_the_same_bytes_again() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let rows = lines(300, 500);
    let id = told(&copy(&mut agent, &rows), "WD001");
    assert_eq!(
        told(&copy(&mut agent, &rows), "WD001"),
        id,
        "the same is the same request"
    );
    house.approve(&id);
    // One byte more or less, another order, or another COPY is another request; what was approved isn't spent by it.
    let mut longer = rows.clone();
    longer.extend(b"9999\t1\tmore\n");
    for other in [&longer[..], &rows[..rows.len() - 1], &lines(301, 499)] {
        assert_ne!(told(&copy(&mut agent, other), "WD001"), id);
    }
    let other = agent.query_with_copy("COPY orders (id, price, status) FROM STDIN WITH (HEADER)", &rows);
    assert_ne!(told(&other.expect("an answer"), "WD001"), id);
    assert_eq!((added(&house), house.state(&id).as_str()), (0, "approved"));
    // What is sent behind the end of the data isn't part of it.
    agent.send(&super::house::query(COPY)).expect("it is sent");
    let mut stray = Vec::new();
    for (tag, data) in [(b'd', &rows[..]), (b'c', b""), (b'd', b"5000\t1\tstray\n"), (b'c', b"")] {
        stray.push(tag);
        stray.extend(u32::try_from(data.len() + 4).expect("short").to_be_bytes());
        stray.extend(data);
    }
    agent.send(&stray).expect("it is sent");
    let answer = agent.read_to_ready().expect("an answer");
    assert_eq!(answer.commands(), ["COPY 500"], "{answer:?}");
    assert_eq!((added(&house), house.state(&id).as_str()), (500, "used"));
    assert_ne!(
        told(&copy(&mut agent, &rows), "WD001"),
        id,
        "it ran twice by one approval"
    );
    // The session goes on, and a COPY that is given up leaves nothing.
    runs(&mut agent, "SELECT 1", "SELECT 1");
    agent.send(&super::house::query(COPY)).expect("it is sent");
    agent.send(b"f\0\0\0\x09stop\0").expect("it is sent");
    told(&agent.read_to_ready().expect("an answer"), "57014");
    runs(&mut agent, "SELECT 1", "SELECT 1");
    // A cancel request ends it while its client says nothing, and what the client sends then is nobody's.
    agent.send(&super::house::query(COPY)).expect("it is sent");
    assert_eq!(agent.read_reply().expect("a reply").tag, b'G');
    cancel(&house, &agent);
    told(&agent.read_to_ready().expect("an answer"), "57014");
    agent.send(&stray).expect("it is sent");
    runs(&mut agent, "SELECT 1", "SELECT 1");
    assert_eq!(added(&house), 500);
}

/// Sends a cancel request (manual section 55.2.8).
fn cancel(house: &House, client: &RawClient) {
    let access = house.access("agent");
    let mut socket = std::net::TcpStream::connect(access.address).expect("a connection");
    let key = client.backend_key();
    let length = u32::try_from(key.len() + 8).expect("short").to_be_bytes();
    let message = [&length[..], &80_877_102_u32.to_be_bytes(), key].concat();
    socket.write_all(&message).expect("it is sent");
}

#[test]
fn within_a_transaction_it_waits_for_moments_only() {
    let house = House::open();
    let mut person = house.connect("engineer", "error");
    // The first statement of a block leaves the block as the server would.
    runs(&mut person, "BEGIN", "BEGIN");
    let rows = lines(300, 101);
    let id = told(&copy(&mut person, &rows), "WD001");
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    house.approve(&id);
    runs(&mut person, "BEGIN", "BEGIN");
    runs(&mut person, "UPDATE orders SET status = 'x' WHERE id = 1", "UPDATE 1");
    assert_eq!(copy(&mut person, &rows).commands(), ["COPY 101"]);
    // The server's own errors come as ever.
    assert_eq!(copy(&mut person, &rows[..60]).sqlstate().as_deref(), Some("23505"));
    runs(&mut person, "ROLLBACK", "ROLLBACK");
    assert_eq!((added(&house), house.state(&id).as_str()), (0, "used"));
    let few = copy(&mut person, &lines(300, 100));
    assert_eq!(few.commands(), ["COPY 100"], "{few:?}");
}

/// What triggers write can't be counted while the rows come, so that people decide, who are told.
#[test]
fn what_sets_off_more_is_for_people_to_decide() {
    let house = House::open_given(&["--high-risk-approvers=1"], &[]);
    house.execute(
        "CREATE TABLE journal (id integer, at timestamptz DEFAULT now());
         CREATE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO journal (id) VALUES (NEW.id); RETURN NEW; END $$;
         CREATE TRIGGER note_order AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_order()",
    );
    let mut engineer = house.connect("engineer", "error");
    house.await_catalog(&mut engineer, "SELECT id FROM journal");
    let rows = lines(300, 5);
    let id = told(&copy(&mut engineer, &rows), "WD001");
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert!(
        request.to_string().contains("what it sets off changes rows besides"),
        "{request}"
    );
    house.approve(&id);
    let answer = copy(&mut engineer, &rows);
    assert!(answer.error().is_none(), "{answer:?}");
    assert_eq!((added(&house), house.number("SELECT count(*) FROM journal")), (5, 5));
}
