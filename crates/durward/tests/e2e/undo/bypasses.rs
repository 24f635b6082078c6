//! Ways round the count of rows and round what may be destroyed, found by trying. Nothing here is ever removed.

use durward_testkit::RawClient;

use super::house::House;
use super::{fails, runs};

const MORE: &str = "
    CREATE TABLE heap AS SELECT n AS id FROM generate_series(1, 150) n;
    CREATE FUNCTION empty_heap() RETURNS bigint LANGUAGE sql
        AS 'WITH gone AS (DELETE FROM heap WHERE id > 0 RETURNING 1) SELECT count(*) FROM gone';
    CREATE TABLE filled (id integer, n bigint DEFAULT empty_heap());
    CREATE TABLE parted (id integer) PARTITION BY RANGE (id);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (76);
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (76) TO (1000);
    INSERT INTO parted SELECT n FROM generate_series(1, 150) n;
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child () INHERITS (parent);
    INSERT INTO child SELECT 1 FROM generate_series(1, 150);
    CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
    CREATE TABLE words (word text COLLATE loose);
    CREATE UNIQUE INDEX ON words (word COLLATE \"C\");
    INSERT INTO words VALUES ('ab'), ('aB'), ('Ab'), ('AB');
";

/// A house with more tables, and a check that none of them has lost a row.
fn open() -> House {
    let house = House::open(None);
    house.execute(MORE);
    house
}

fn check_all_there(house: &House, after: &str) {
    for table in ["heap", "parted", "orders"] {
        let rows = house.rows(table).len();
        let expected = if table == "orders" { 199 } else { 150 };
        assert_eq!(rows, expected, "{table} after {after}");
    }
}

/// Sends statements in turn, whatever comes of each; whatever is open is committed.
fn tries(client: &mut RawClient, statements: &[&str]) {
    for statement in statements {
        client.query(statement).expect("an answer");
    }
    client.query("COMMIT").expect("an answer");
    client.query("ROLLBACK").expect("an answer");
}

#[test]
fn no_row_goes_beside_the_count() {
    let house = open();
    let mut person = house.connect_with("engineer", "error");
    for statement in [
        "COPY (DELETE FROM heap WHERE id > 0 RETURNING 1) TO STDOUT",
        "COPY (WITH gone AS (DELETE FROM heap WHERE id > 0 RETURNING 1) SELECT count(*) FROM gone) TO STDOUT",
        "COPY (SELECT empty_heap()) TO STDOUT",
        "CREATE TEMP TABLE x AS WITH gone AS (DELETE FROM heap WHERE id > 0 RETURNING 1) SELECT count(*) FROM gone",
        "CREATE TABLE x AS WITH gone AS (DELETE FROM heap WHERE id > 0 RETURNING 1) SELECT count(*) FROM gone",
        "WITH gone AS (DELETE FROM heap WHERE id > 0 RETURNING 1) SELECT count(*) AS n INTO x FROM gone",
        "DECLARE c CURSOR WITH HOLD FOR SELECT empty_heap()",
        "WITH gone AS (DELETE FROM parted WHERE id > 0 RETURNING 1) SELECT count(*) FROM gone",
    ] {
        tries(&mut person, &[statement]);
        check_all_there(&house, statement);
        person.extended(statement, b"").expect("an answer");
        check_all_there(&house, statement);
    }
    for copy in [
        "COPY filled (id) FROM STDIN",
        "COPY archive (id, price, status) FROM STDIN WHERE empty_heap() >= 0",
    ] {
        let lines: &[u8] = if copy.contains("archive") {
            b"1\t1\tnew\n"
        } else {
            b"1\n"
        };
        person.query_with_copy(copy, lines).expect("an answer");
        check_all_there(&house, copy);
    }
    // A key of a parent, or by another collation, proves nothing.
    let mut agent = house.connect_with("agent", "error");
    for statement in ["DELETE FROM parent WHERE id = 1", "DELETE FROM words WHERE word = 'ab'"] {
        tries(&mut agent, &[statement]);
        assert_eq!(
            (house.rows("parent").len(), house.rows("words").len()),
            (150, 4),
            "{statement}"
        );
    }
    // A cursor of the session, run by a block that only fetches.
    let fetch = "DO $$ DECLARE c refcursor := 'c'; x text; BEGIN FETCH c INTO x; END $$";
    tries(
        &mut person,
        &["BEGIN", "DECLARE c CURSOR FOR SELECT empty_heap()", fetch],
    );
    check_all_there(&house, "FETCH in a block");
    // Few rows still go.
    runs(
        &mut person,
        "WITH gone AS (DELETE FROM heap WHERE id > 149 RETURNING 1) SELECT count(*) FROM gone",
    );
    assert_eq!(house.rows("heap").len(), 149);
}

#[test]
fn nothing_is_destroyed_under_the_name_of_a_temporary_table() {
    let house = open();
    for who in ["agent", "engineer"] {
        let mut client = house.connect_with(who, "error");
        for last in [
            "DROP TABLE heap; DROP TABLE heap",
            "DISCARD TEMP; TRUNCATE heap",
            "DISCARD TEMP; DROP TABLE heap CASCADE",
            "ALTER TABLE heap RENAME TO other; TRUNCATE heap",
            "DROP TABLE heap; ALTER TABLE heap DROP COLUMN id",
            "COMMIT; TRUNCATE heap",
            "ROLLBACK; TRUNCATE heap",
        ] {
            tries(
                &mut client,
                &["BEGIN", "CREATE TEMP TABLE heap (id integer) ON COMMIT DROP", last],
            );
            check_all_there(&house, last);
            tries(
                &mut client,
                &["CREATE TEMP TABLE heap (id integer)", last, "DISCARD TEMP"],
            );
            check_all_there(&house, last);
        }
        // One's own may be destroyed as before.
        runs(&mut client, "CREATE TEMP TABLE own (id integer)");
        runs(&mut client, "TRUNCATE own; DROP TABLE own");
        runs(&mut client, "CREATE TEMP TABLE heap (id integer)");
        runs(&mut client, "DISCARD TEMP");
        fails(&mut client, "TRUNCATE heap", "42501");
    }
    // What refers to a table that the transaction made is emptied with it.
    let mut person = house.connect_with("engineer", "error");
    tries(
        &mut person,
        &[
            "BEGIN",
            "CREATE TABLE fresh (id integer PRIMARY KEY)",
            "ALTER TABLE heap ADD FOREIGN KEY (id) REFERENCES fresh (id) NOT VALID",
            "TRUNCATE fresh CASCADE",
        ],
    );
    check_all_there(&house, "TRUNCATE … CASCADE");
}

#[test]
fn a_copy_in_a_pipeline_holds_nobody_up() {
    let house = open();
    let mut operator = house.connect("operator");
    let answer = operator
        .extended_then("COPY heap FROM STDIN", b"1000\n", "SELECT count(*) FROM heap")
        .expect("an answer");
    assert_eq!(
        (answer.sqlstate(), answer.rows()),
        (None, vec![vec!["151".to_owned()]]),
        "{answer:?}"
    );
}

/// A temporary table is its session's own: from another one it isn't, whatever its schema is called.
#[test]
fn nobody_takes_another_sessions_temporary_table() {
    let house = open();
    for who in ["engineer", "agent"] {
        let (mut one, mut other) = (house.connect_with(who, "error"), house.connect_with(who, "error"));
        runs(&mut one, "CREATE TEMP TABLE heap (id integer)");
        let answer = one
            .query("SELECT pg_my_temp_schema()::regnamespace")
            .expect("an answer");
        let schema = answer.rows().concat().concat();
        for statement in [
            format!("DROP TABLE {schema}.heap"),
            format!("ALTER TABLE {schema}.heap RENAME TO orders"),
            format!("DELETE FROM {schema}.heap"),
            format!("TRUNCATE {schema}.heap"),
        ] {
            let answer = other.query(&statement).expect("an answer");
            assert!(answer.error().is_some(), "{who}: {statement}: {answer:?}");
        }
        // Its own session works with it as ever.
        runs(&mut one, &format!("INSERT INTO {schema}.heap SELECT 1"));
        runs(&mut one, "DELETE FROM heap");
        runs(&mut one, "DROP TABLE heap");
        check_all_there(&house, who);
    }
}

/// Should a proof of few rows be wrong, what it lets pass is counted all the same, and taken back.
#[test]
fn what_a_text_proves_is_counted_too() {
    let house = open();
    house.execute("CREATE TABLE big (id bigint PRIMARY KEY, v integer); INSERT INTO big SELECT 1000000000000000000 + n, 0 FROM generate_series(1, 60) n");
    let mut agent = house.connect_with("agent", "error");
    // A parameter of another type than the key's equals many of it.
    runs(
        &mut agent,
        "PREPARE wide (double precision) AS UPDATE big SET v = 1 WHERE id = $1",
    );
    let answer = agent.query("EXECUTE wide (1e18)").expect("an answer");
    assert!(answer.error().is_some(), "{answer:?}");
    house.execute("DO $$ BEGIN ASSERT (SELECT count(*) FROM big WHERE v = 1) = 0; END $$");
}
