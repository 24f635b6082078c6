//! What approvers are told of statements that their own condition doesn't count, and of DDL; and what a change's rows look
//! like to whoever looks at it afterwards.

use serde_json::Value;

use super::house::await_that;
use super::{House, fails, runs};

/// The request that a statement of the agent's asks with.
fn asked(house: &House, agent: &mut durward_testkit::RawClient, statement: &str) -> (String, Value) {
    fails(agent, statement, "WD001");
    let id = house.pending();
    let request = house.approval(&id);
    (id, request)
}

fn reject(house: &House, id: &str) {
    let output = house.command(&["approvals", "reject", id, "--note", "no"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn approvers_hear_of_rows_however_they_are_named() {
    let house = House::open(None);
    let mut agent = house.connect("agent");
    let insert = "INSERT INTO archive SELECT id, price, status FROM orders WHERE price < 150";
    let (id, request) = asked(&house, &mut agent, insert);
    assert_eq!(request["rows"]["counted"], 150, "{request}");
    assert_eq!(request["undo"], "full", "{request}");
    house.approve(&id);
    house.execute("UPDATE orders SET price = 0 WHERE price = 190");
    // It is bound to what was counted.
    fails(&mut agent, insert, "WD003");
    house.execute("UPDATE orders SET price = 190 WHERE id = 191");
    let (id, _) = asked(&house, &mut agent, insert);
    house.approve(&id);
    runs(&mut agent, insert);
    assert_eq!(house.rows("archive").len(), 150);

    let join = "UPDATE archive SET status = 'x' FROM orders o WHERE o.id = archive.id AND o.price < 120";
    let (id, request) = asked(&house, &mut agent, join);
    assert_eq!(request["rows"]["counted"], 120, "{request}");
    assert_eq!(
        request["effect"]["samples"].as_array().map(Vec::len),
        Some(20),
        "{request}"
    );
    house.approve(&id);
    let answer = agent.query(join).expect("an answer");
    assert_eq!(answer.commands(), ["UPDATE 120"]);

    for (statement, least) in [
        (
            "MERGE INTO archive a USING orders o ON a.id = o.id WHEN MATCHED THEN UPDATE SET status = 'y'",
            1,
        ),
        (
            "WITH gone AS (DELETE FROM archive WHERE price >= 0 RETURNING 1) SELECT count(*) FROM gone",
            1,
        ),
        (
            "INSERT INTO archive SELECT id + 1000 + (random() * 0)::int, price, status FROM orders",
            100,
        ),
    ] {
        let (id, request) = asked(&house, &mut agent, statement);
        let rows = request["rows"]["estimated"]["rows"].as_u64();
        assert!(rows >= Some(least), "{statement}: {}", request["rows"]);
        assert!(request["rows"]["estimated"]["why"].is_string(), "{}", request["rows"]);
        reject(&house, &id);
    }
    assert_eq!(house.rows("archive").len(), 150);
    // Nobody plans what a function does.
    let (id, request) = asked(&house, &mut agent, "SELECT wipe()");
    assert!(request["rows"]["not_measured"].is_string(), "{}", request["rows"]);
    reject(&house, &id);

    // What an undo is for goes with it.
    let (code, report) = house.undo(&["apply", "u1", "--as", "agent", "--reason", "it's OPS-9"]);
    assert!(
        code == 2 && report.to_string().contains("waits for approval"),
        "{report}"
    );
    let waiting = house.pending();
    assert_eq!(house.approval(&waiting)["reason"], "it's OPS-9");
    reject(&house, &waiting);
    // What foreign keys would change along is counted too.
    let (id, request) = asked(&house, &mut agent, "DELETE FROM parents WHERE id < 3");
    assert_eq!(
        request["effect"]["carried"],
        serde_json::json!([{"table": "public.children", "rows": 150, "deleted": true}]),
        "{request}"
    );
    reject(&house, &id);
}

#[test]
fn approvers_hear_what_ddl_locks_and_what_depends_on_it() {
    let house = House::open(None);
    house.execute(
        "ANALYZE orders; CREATE VIEW cheap AS SELECT id FROM orders WHERE price < 9; CREATE VIEW all_of_it AS SELECT status FROM orders;
         CREATE TABLE items (order_id integer REFERENCES orders)",
    );
    let mut agent = house.connect("agent");
    let (_, request) = asked(&house, &mut agent, "ALTER TABLE orders ADD COLUMN note text");
    let ddl = &request["ddl"][0];
    assert_eq!(
        (&ddl["name"], &ddl["lock"], &ddl["rewrites"]),
        (&"public.orders".into(), &"ACCESS EXCLUSIVE".into(), &false.into()),
        "{request}"
    );
    assert_eq!(ddl["size"]["rows_estimate"], 199, "{ddl}");
    assert!(ddl["size"]["index_bytes"].as_u64() > Some(0), "{ddl}");
    let depends: Vec<&str> = ddl["dependents"]
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        depends,
        [
            "foreign key items_order_id_fkey of public.items",
            "index orders_pkey",
            "view public.all_of_it",
            "view public.cheap"
        ]
    );
    // A plan says the same, of the columns that it is about, and of what would be refused.
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        file.path(),
        "ALTER TABLE orders ALTER price TYPE bigint; DROP TABLE items",
    )
    .expect("written");
    let path = file.path().to_str().expect("a path");
    let output = house.command(&["change", "plan", path, "--identity", "agent", "--json"]);
    let plan: Value = serde_json::from_slice(&output.stdout).expect("a plan");
    let of = |at: usize| &plan["statements"][at]["ddl"][0];
    assert_eq!(
        (&of(0)["rewrites"], &of(0)["loses_data"]),
        (&true.into(), &false.into()),
        "{plan}"
    );
    assert_eq!(of(0)["dependents"], serde_json::json!(["view public.cheap"]), "{plan}");
    assert_eq!(of(1)["loses_data"], true, "{plan}");
}

#[test]
fn kept_rows_show_labels_in_the_place_of_what_they_stand_for() {
    let house = House::open(None);
    house.execute(
        "CREATE TABLE people (id integer PRIMARY KEY, email text, visits integer);
         INSERT INTO people SELECT n, 'ada' || n || '@example.com', n FROM generate_series(1, 30) n",
    );
    let mut operator = house.connect("operator");
    runs(
        &mut operator,
        "UPDATE people SET email = 'new@example.com', visits = NULL WHERE id > 0",
    );
    // What nobody has judged yet is a secret.
    let shown = await_that("judged columns", || {
        let output = house.command(&["undo", "show", "u1", "--rows", "3", "--json"]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!printed.contains("example.com"), "{printed}");
        printed
            .contains("[email]")
            .then(|| serde_json::from_str::<Value>(&printed).expect("JSON"))
    });
    assert_eq!(shown[0]["rows"], 30, "{shown}");
    let table = &shown[0]["images"][0];
    assert_eq!(
        (&table["more"], &table["name"]),
        (&27.into(), &"public.people".into()),
        "{shown}"
    );
    assert_eq!(
        table["rows"][0]["before"],
        serde_json::json!(["1", "[email]", "1"]),
        "{shown}"
    );
    assert_eq!(
        table["rows"][0]["after"],
        serde_json::json!(["1", "[email]", null]),
        "{shown}"
    );
    // Of a column that is gone nobody can tell what it held.
    house.execute("ALTER TABLE people DROP COLUMN email");
    runs(&mut operator, "SELECT count(*) FROM people");
    let text = house.command(&["undo", "show", "u1"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(!text.contains("example.com") && text.contains("[gone]"), "{text}");
}
