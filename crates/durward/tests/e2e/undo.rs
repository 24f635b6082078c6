//! What was changed is taken back: by statement, by transaction, by whoever did it, and never over what somebody else has
//! changed since. What may not do as much as it does is taken back before its client hears of it.

mod aside;
mod bypasses;
mod cascades;
mod definitions;
mod foreseen;
mod house;
mod planned;
mod shapes;

use durward_testkit::RawClient;

use house::House;

/// Runs a statement, which must pass.
fn runs(client: &mut RawClient, statement: &str) -> Vec<Vec<String>> {
    let answer = client.query(statement).expect("an answer");
    assert_eq!(
        answer.sqlstate(),
        None,
        "{statement}: {:?}",
        answer.error().map(ToString::to_string)
    );
    answer.rows()
}

/// Sends a statement that fails with this code.
fn fails(client: &mut RawClient, statement: &str, sqlstate: &str) -> String {
    let answer = client.query(statement).expect("an answer");
    let error = answer.error().unwrap_or_else(|| panic!("{statement} ran"));
    assert_eq!(error.sqlstate(), sqlstate, "{statement}: {error}");
    error.to_string()
}

#[test]
fn a_change_is_taken_back_and_so_is_that() {
    let house = House::open(None);
    let before = house.rows("orders");
    let mut operator = house.connect("operator");
    let answer = operator
        .query("UPDATE orders SET status = 'it''s \\ closed' WHERE price < 150 RETURNING id, status")
        .expect("an answer");
    assert_eq!(answer.commands(), ["UPDATE 150"]);
    assert_eq!(answer.rows().len(), 150);
    assert_eq!(answer.rows()[0].len(), 2, "the client hears of its own columns alone");
    let changed = house.rows("orders");
    let changes = house.changes();
    assert_eq!(
        (changes.len(), &changes[0]["coverage"]),
        (1, &"full".into()),
        "{changes:?}"
    );
    let (code, plan) = house.undo(&["plan", "u1"]);
    assert_eq!(
        (code, &plan["rows"], &plan["applied"]),
        (0, &150.into(), &false.into()),
        "{plan}"
    );
    assert_eq!(house.rows("orders"), changed);
    let (code, report) = house.undo(&["apply", "u1"]);
    assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
    assert_eq!(house.rows("orders"), before);
    // Once; and it is a change like any other.
    assert_eq!(house.undo(&["apply", "u1"]).0, 2);
    let newest = house.changes().remove(0);
    assert_eq!(newest["undoes"][0], 1, "{newest}");
    let ids: Vec<String> = house
        .changes()
        .iter()
        .filter(|change| change["undoes"][0] == 1)
        .map(|change| format!("u{}", change["id"]))
        .collect();
    let arguments: Vec<&str> = std::iter::once("apply").chain(ids.iter().map(String::as_str)).collect();
    assert_eq!(house.undo(&arguments).0, 0);
    assert_eq!(house.rows("orders"), changed);
}

#[test]
fn what_somebody_else_has_changed_since_stays() {
    let house = House::open(None);
    let mut agent = house.connect("agent");
    runs(&mut agent, "UPDATE orders SET status = 'lost' WHERE id = 1");
    runs(&mut agent, "UPDATE orders SET status = 'lost' WHERE id = 2");
    runs(&mut agent, "DELETE FROM orders WHERE id = 3");
    runs(&mut agent, "INSERT INTO orders VALUES (500, 1, 'new')");
    house.execute("UPDATE orders SET status = 'shipped' WHERE id = 1; UPDATE orders SET price = 77 WHERE id = 2");
    let all = ["--of", "agent", "--since", "1h"];
    let (code, report) = house.undo(&[&["apply"], &all[..]].concat());
    assert_eq!((code, &report["applied"]), (1, &false.into()), "{report}");
    let conflicts = report["conflicts"].as_array().expect("conflicts");
    assert_eq!(conflicts.len(), 1, "{report}");
    assert_eq!(conflicts[0]["row"], "id=1");
    let (code, report) = house.undo(&[&["apply"], &all[..], &["--partial"]].concat());
    assert_eq!((code, &report["rows"]), (0, &3.into()), "{report}");
    let rows = house.rows("orders");
    assert_eq!(&rows[..3], ["(1,0,shipped)", "(2,77,open)", "(3,2,open)"]);
    assert_eq!(rows.len(), 199);
}

#[test]
fn only_what_was_committed_is_a_change() {
    let house = House::open(None);
    let mut operator = house.connect("operator");
    for statement in [
        "BEGIN",
        "UPDATE orders SET status = 'a' WHERE id = 1",
        "SAVEPOINT here",
        "UPDATE orders SET status = 'b' WHERE id = 2",
        "ROLLBACK TO here",
        "UPDATE orders SET status = 'c' WHERE id = 3",
        "COMMIT",
        "BEGIN",
        "UPDATE orders SET status = 'd' WHERE id = 4",
        "ROLLBACK",
    ] {
        runs(&mut operator, statement);
    }
    fails(&mut operator, "UPDATE orders SET price = 1 / (price - price)", "22012");
    fails(&mut operator, "INSERT INTO orders VALUES (1, 1, 'twice')", "23505");
    runs(&mut operator, "UPDATE orders SET status = 'e' WHERE id = 5");
    let ids = |changes: Vec<serde_json::Value>| changes.iter().map(|change| change["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(house.changes()), [3, 2, 1]);
    let before = house.rows("orders");
    let (code, report) = house.undo(&["plan", "--transaction-of", "u1"]);
    assert_eq!((code, &report["rows"]), (0, &2.into()), "{report}");
    assert_eq!(house.rows("orders"), before);
}

#[test]
fn changes_outlive_the_gateway_and_are_sealed() {
    let mut house = House::open(None);
    let before = house.rows("orders");
    let mut operator = house.connect("operator");
    runs(&mut operator, "UPDATE orders SET status = 'x' WHERE status = 'open'");
    drop(operator);
    let kept = house.kept();
    assert!(!kept.is_empty());
    assert!(
        !kept.windows(6).any(|bytes| bytes == b"\"open\""),
        "before-images are sealed"
    );
    house.restart();
    assert_eq!(house.undo(&["apply", "u1"]).0, 0);
    assert_eq!(house.rows("orders"), before);
}

#[test]
fn more_rows_than_a_person_may_change_are_taken_back_before_they_show() {
    let house = House::open(None);
    let mut person = house.connect_with("engineer", "error");
    let insert = "INSERT INTO archive SELECT id, price, status FROM orders WHERE price < 150";
    runs(
        &mut person,
        "INSERT INTO archive SELECT id, price, status FROM orders WHERE price < 20",
    );
    assert_eq!(house.rows("archive").len(), 20);
    runs(
        &mut person,
        "DELETE FROM archive USING orders WHERE archive.id = orders.id AND orders.price < 20",
    );
    let told = fails(&mut person, insert, "WD003");
    assert!(told.contains("150 rows"), "{told}");
    assert_eq!(house.rows("archive").len(), 0);
    // It asks by what it has turned out to do.
    fails(&mut person, insert, "WD001");
    let id = house.pending();
    house.approve(&id);
    runs(&mut person, insert);
    assert_eq!(house.rows("archive").len(), 150);
    // Whatever its tag says.
    for hidden in [
        "WITH gone AS (DELETE FROM archive WHERE price >= 0 RETURNING 1) SELECT count(*) FROM gone",
        "SELECT wipe()",
        "DELETE FROM parents WHERE id < 2",
    ] {
        let told = fails(&mut person, hidden, "WD003");
        assert!(told.contains("150 rows"), "{hidden}: {told}");
        assert_eq!(house.rows("archive").len(), 150, "{hidden}");
    }
    // Nor by a shape whose rows nobody counts beforehand, wherever it is refused.
    for hidden in [
        "WITH a AS (DELETE FROM archive WHERE price < 60 RETURNING 1), b AS (DELETE FROM archive WHERE price >= 60 \
         RETURNING 1) SELECT 1",
        "DELETE FROM archive AS old USING orders WHERE old.id = orders.id RETURNING old.*",
        "UPDATE archive AS new SET status = o.status || '!' FROM orders o WHERE o.id = new.id RETURNING new.status",
        "MERGE INTO archive a USING orders o ON a.id = o.id WHEN MATCHED THEN UPDATE SET status = 'x'",
        "MERGE INTO archive a USING orders o ON a.id = o.id WHEN MATCHED THEN DELETE",
        "EXPLAIN ANALYZE DELETE FROM archive USING orders WHERE archive.id = orders.id",
        "PREPARE p AS DELETE FROM archive USING orders WHERE archive.id = orders.id; EXECUTE p",
        "SELECT 1; DELETE FROM archive USING orders WHERE archive.id = orders.id",
    ] {
        let answer = person.query(hidden).expect("an answer");
        assert!(answer.error().is_some(), "{hidden} ran");
        assert_eq!(house.rows("archive").len(), 150, "{hidden}");
    }
    runs(
        &mut person,
        "PREPARE wide AS DELETE FROM archive USING orders WHERE archive.id = orders.id",
    );
    for hidden in ["EXECUTE wide", "EXPLAIN ANALYZE EXECUTE wide"] {
        let answer = person.query(hidden).expect("an answer");
        assert!(answer.error().is_some(), "{hidden} ran");
        assert_eq!(house.rows("archive").len(), 150, "{hidden}");
    }
    let left = runs(
        &mut person,
        "SELECT count(*) FROM pg_prepared_statements WHERE name = 'durward_gateway'",
    );
    assert_eq!(left[0][0], "0");
    // In a transaction it takes that with it.
    runs(&mut person, "BEGIN");
    runs(&mut person, "DELETE FROM archive WHERE id = 1");
    fails(
        &mut person,
        "DELETE FROM archive USING orders WHERE archive.id = orders.id AND orders.price >= 20",
        "WD003",
    );
    fails(&mut person, "SELECT 1", "25P02");
    runs(&mut person, "ROLLBACK");
    assert_eq!(house.rows("archive").len(), 150);
}

/// What is put off until a transaction's end, and what ends it by itself.
const LATE: &str = "
    CREATE FUNCTION wiped() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM archive WHERE price >= 0; RETURN NULL; END';
    CREATE TABLE trapped (id integer PRIMARY KEY, n integer);
    INSERT INTO trapped SELECT n, n FROM generate_series(1, 5) n;
    CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON trapped DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wiped();
    CREATE PROCEDURE wipe_and_commit() LANGUAGE plpgsql AS 'BEGIN DELETE FROM archive WHERE price >= 0; COMMIT; END';
    CREATE TABLE linked (id integer PRIMARY KEY, other integer REFERENCES linked DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO archive SELECT id, price, status FROM orders WHERE price < 150;
";

#[test]
fn nothing_that_a_person_may_not_do_waits_for_the_commit() {
    let house = House::open(None);
    house.execute(LATE);
    let mut person = house.connect_with("engineer", "error");
    let rows = || house.rows("archive").len();
    // A text that was taken back once is asked about beforehand.
    let mut texts = (1..).map(|n| format!("UPDATE trapped SET n = n + {n} WHERE id = 1"));
    let mut update = || texts.next().expect("another");
    // By itself, in a pipeline, in a block, and as its constraints are set.
    fails(&mut person, &update(), "WD003");
    let answer = person.extended(&update(), b"").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD003"), "{answer:?}");
    for last in ["COMMIT", "SET CONSTRAINTS ALL IMMEDIATE", "PREPARE TRANSACTION 'p'"] {
        runs(&mut person, "BEGIN");
        runs(&mut person, &update());
        let answer = person.query(last).expect("an answer");
        assert!(answer.error().is_some(), "{last}: {answer:?}");
        assert_eq!(
            answer.status(),
            Some(if last.starts_with("SET") { 'E' } else { 'I' }),
            "{last}"
        );
        runs(&mut person, "ROLLBACK");
        assert_eq!(rows(), 150, "{last}");
    }
    runs(&mut person, "BEGIN");
    runs(&mut person, &update());
    let answer = person.extended("COMMIT", b"").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD003"), "{answer:?}");
    runs(&mut person, "ROLLBACK");
    assert_eq!(rows(), 150);
    // What commits by itself is asked for first, or bounded by a block.
    for itself in [
        "CALL wipe_and_commit()",
        "DO $$ BEGIN DELETE FROM archive WHERE price >= 0; COMMIT; END $$",
    ] {
        for answer in [person.query(itself), person.extended(itself, b"")] {
            assert!(answer.expect("an answer").error().is_some(), "{itself}");
            assert_eq!(rows(), 150, "{itself}");
        }
        runs(&mut person, "BEGIN");
        assert!(person.query(itself).expect("an answer").error().is_some());
        runs(&mut person, "ROLLBACK");
        assert_eq!(rows(), 150, "{itself}");
    }
    // What is put off and harmless goes on, and what fails at the end says so.
    runs(&mut person, "INSERT INTO linked VALUES (1, 1)");
    runs(&mut person, "BEGIN");
    runs(&mut person, "INSERT INTO linked VALUES (2, 3)");
    runs(&mut person, "INSERT INTO linked VALUES (3, 2)");
    runs(&mut person, "COMMIT");
    fails(&mut person, "INSERT INTO linked VALUES (4, 5)", "23503");
    runs(&mut person, "SELECT 1");
    assert_eq!(house.rows("linked").len(), 3);
}

#[test]
fn what_cannot_be_kept_is_not_committed() {
    let house = House::open(None);
    let mut operator = house.connect("operator");
    let before = house.rows("orders");
    let update = "UPDATE orders SET price = 7 WHERE id = 1";
    let whole = house.lose_vault();
    fails(&mut operator, update, "WD010");
    let answer = operator.extended(update, b"").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD010"), "{answer:?}");
    for ending in ["COMMIT", "PREPARE TRANSACTION 'p'"] {
        runs(&mut operator, "BEGIN");
        runs(&mut operator, update);
        let answer = operator.query(ending).expect("an answer");
        assert_eq!(answer.sqlstate().as_deref(), Some("WD010"), "{ending}: {answer:?}");
        assert_eq!(answer.status(), Some('I'), "{ending}");
        runs(&mut operator, "BEGIN");
        runs(&mut operator, update);
        let answer = operator.extended(ending, b"").expect("an answer");
        assert_eq!(answer.sqlstate().as_deref(), Some("WD010"), "{ending}: {answer:?}");
        runs(&mut operator, "ROLLBACK");
    }
    assert_eq!(house.rows("orders"), before);
    // And it goes on once it can be kept.
    whole();
    runs(&mut operator, "BEGIN");
    runs(&mut operator, update);
    runs(&mut operator, "COMMIT");
    assert_eq!(house.changes().len(), 1);
    assert_ne!(house.rows("orders"), before);
}

#[test]
fn a_copy_of_more_rows_than_a_person_may_bring_leaves_none() {
    let house = House::open(None);
    let mut person = house.connect_with("engineer", "error");
    let lines = |from: u32, count: u32| -> Vec<u8> {
        let lines = (from..from + count).map(|id| format!("{id}\t1\tnew\n"));
        lines.collect::<String>().into_bytes()
    };
    let copy = "COPY archive FROM STDIN";
    let few = person.query_with_copy(copy, &lines(1, 100)).expect("an answer");
    assert_eq!((few.sqlstate(), few.commands()), (None, vec!["COPY 100".to_owned()]));
    // A last row needs no end of line.
    let mut last = lines(1001, 101);
    last.pop();
    let ending = |end: &str| {
        let text = String::from_utf8(lines(4001, 101)).expect("text");
        text.replace('\n', end).into_bytes()
    };
    for rows in [
        lines(2001, 101),
        last,
        ending("\r"),
        ending("\r\n"),
        lines(3001, 50_000),
    ] {
        // As a simple query it can wait for approval.
        for (answer, code) in [
            (person.query_with_copy(copy, &rows).expect("an answer"), "WD001"),
            (person.extended(copy, &rows).expect("an answer"), "WD003"),
        ] {
            assert_eq!(answer.sqlstate().as_deref(), Some(code), "{answer:?}");
            assert_eq!(house.rows("archive").len(), 100);
        }
    }
    let binary = person.query_with_copy("COPY archive FROM STDIN (FORMAT binary)", &lines(1, 1));
    assert_eq!(binary.expect("an answer").sqlstate().as_deref(), Some("WD003"));
    let beside = person.query_with_copy("SELECT 1; COPY archive FROM STDIN", &lines(5001, 101));
    assert!(beside.expect("an answer").error().is_some());
    assert_eq!(house.rows("archive").len(), 100);
    // The session goes on, and so do those who may.
    assert_eq!(runs(&mut person, "SELECT 1").len(), 1);
    let mut operator = house.connect("operator");
    let many = operator.query_with_copy(copy, &lines(6001, 50_000)).expect("an answer");
    assert_eq!(many.sqlstate(), None);
}

#[test]
fn an_approval_is_for_the_rows_that_were_shown() {
    let house = House::open(None);
    let mut agent = house.connect("agent");
    let update = "UPDATE orders SET status = 'closed' WHERE price < 120";
    fails(&mut agent, update, "WD001");
    let id = house.pending();
    let effect = house.approval(&id)["effect"].clone();
    assert_eq!(effect["samples"].as_array().map(Vec::len), Some(20), "{effect}");
    assert_eq!(effect["samples"][0]["before"][0], "open");
    assert_eq!(effect["samples"][0]["after"][0], "closed");
    assert_eq!(effect["undo"], "full");
    house.approve(&id);
    // Another row comes under it, one leaves it, one holds something else by now.
    for (meddle, restore) in [
        (
            "INSERT INTO orders VALUES (900, 5, 'open')",
            "DELETE FROM orders WHERE id = 900",
        ),
        (
            "UPDATE orders SET price = 500 WHERE id = 7",
            "UPDATE orders SET price = 6 WHERE id = 7",
        ),
        (
            "UPDATE orders SET status = 'paid' WHERE id = 7",
            "UPDATE orders SET status = 'open' WHERE id = 7",
        ),
    ] {
        house.execute(meddle);
        let before = house.rows("orders");
        fails(&mut agent, update, "WD003");
        assert_eq!(house.rows("orders"), before, "{meddle}");
        fails(&mut agent, update, "WD001");
        house.execute(restore);
        let again = house.pending();
        house.approve(&again);
    }
    // The last approval was given while the row held something else.
    fails(&mut agent, update, "WD003");
    fails(&mut agent, update, "WD001");
    house.approve(&house.pending());
    let answer = agent.query(update).expect("an answer");
    assert_eq!(answer.commands(), ["UPDATE 120"]);
}

#[test]
fn a_writer_that_enlarges_an_approved_effect_is_caught_every_time() {
    let house = House::open(None);
    let mut agent = house.connect("agent");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (house, stop) = (&house, &stop);
        scope.spawn(move || {
            let mut direct = house.direct();
            let mut id = 1_000;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                runs(&mut direct, &format!("INSERT INTO orders VALUES ({id}, 5, 'open')"));
                id += 1;
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        let (mut ran, mut caught) = (0, 0);
        for round in 0..20 {
            let update = format!("UPDATE orders SET status = 'r{round}' WHERE price < 120");
            fails(&mut agent, &update, "WD001");
            let id = house.pending();
            let shown = house.approval(&id)["rows"]["counted"].as_u64().expect("a count");
            house.approve(&id);
            let answer = agent.query(&update).expect("an answer");
            match answer.sqlstate().as_deref() {
                None => {
                    ran += 1;
                    assert_eq!(answer.commands(), [format!("UPDATE {shown}")]);
                }
                Some("WD003" | "40001") => caught += 1,
                Some(other) => panic!("{other}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        println!("{ran} ran as approved, {caught} were caught");
        assert!(caught > 0);
    });
}
