//! A change of a table that somebody keeps open holds up nobody who doesn't touch that table, and the catalog that is
//! read meanwhile holds up nobody at all.

use durward_testkit::{Access, PostgresServer, RawClient};

use crate::support::Door;

const TABLES: &str = "
    CREATE TABLE stock (id integer PRIMARY KEY, amount integer DEFAULT 1 + 1 CHECK (amount >= 0));
    CREATE VIEW shelf AS SELECT id, amount FROM stock;
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE RETURN (SELECT sum(amount) FROM stock);
    INSERT INTO stock VALUES (1, 7);
";

fn connect(access: &Access) -> RawClient {
    RawClient::connect(access).expect("a login")
}

/// Runs a text that must succeed; its rows.
fn rows(client: &mut RawClient, text: &str) -> Vec<Vec<String>> {
    let answer = client.query(text).expect("an answer");
    assert_eq!(answer.sqlstate(), None, "{text}");
    answer.rows()
}

fn locks_of_tables(client: &mut RawClient) -> Vec<Vec<String>> {
    rows(
        client,
        "SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384 ORDER BY 1, 2",
    )
}

#[test]
fn an_open_alter_holds_up_nobody_else() {
    let server = PostgresServer::start();
    let upstream = server.create_database("locks", None);
    server.execute("locks", TABLES);
    let gateway = Door::open(&upstream);
    let mut changing = connect(&gateway.access("operator"));
    let mut other = connect(&gateway.access("operator"));
    let mut person = connect(&gateway.access("engineer"));

    rows(&mut changing, "BEGIN");
    rows(&mut changing, "ALTER TABLE stock ADD COLUMN place text");
    // The shared catalog is read again while the table is locked.
    rows(&mut other, "CREATE TABLE elsewhere (id integer)");
    assert!(rows(&mut person, "SELECT id FROM elsewhere").is_empty());
    // The transaction itself goes on with what it changed.
    assert_eq!(rows(&mut changing, "SELECT amount FROM shelf"), [["7"]]);
    assert_eq!(rows(&mut changing, "SELECT total()"), [["7"]]);
    rows(&mut changing, "INSERT INTO stock VALUES (2, 8, 'top')");
    rows(&mut changing, "COMMIT");
    assert_eq!(
        rows(&mut person, "SELECT sum(amount), total() FROM shelf"),
        [["15", "15"]]
    );
}

#[test]
fn a_session_keeps_no_lock_of_ours() {
    let server = PostgresServer::start();
    let upstream = server.create_database("kept", None);
    server.execute("kept", TABLES);
    let gateway = Door::open(&upstream);
    let mut client = connect(&gateway.access("engineer"));
    rows(&mut client, "CREATE TEMPORARY TABLE draft (id integer)");
    rows(&mut client, "BEGIN");
    rows(&mut client, "CREATE TABLE fresh (id integer)");
    rows(&mut client, "CREATE INDEX ON fresh (id)");
    rows(&mut client, "SELECT id FROM draft");
    let held = locks_of_tables(&mut client);
    assert!(
        held.iter().all(|lock| lock
            .iter()
            .all(|field| !field.contains("stock") && !field.contains("shelf"))),
        "{held:?}"
    );
    rows(&mut client, "ROLLBACK");
}

#[test]
fn a_table_without_rows_may_be_locked() {
    let server = PostgresServer::start();
    let upstream = server.create_database("empty", None);
    server.execute("empty", TABLES);
    let gateway = Door::open(&upstream);
    let mut client = connect(&gateway.access("engineer"));
    rows(
        &mut client,
        "CREATE TABLE shipment (id integer PRIMARY KEY, stock integer)",
    );
    for text in [
        "CREATE INDEX ON shipment (stock)",
        "ALTER TABLE shipment ADD FOREIGN KEY (stock) REFERENCES stock",
        "ALTER TABLE shipment ALTER COLUMN stock SET NOT NULL",
    ] {
        rows(&mut client, text);
    }
    let refused = client.query("LOCK TABLE shipment").expect("an answer");
    assert_eq!(refused.sqlstate().as_deref(), Some("42501"));
    rows(&mut client, "INSERT INTO shipment VALUES (1, 1)");
    let refused = client
        .extended("CREATE INDEX ON shipment (id, stock)", b"")
        .expect("an answer");
    assert_eq!(refused.sqlstate().as_deref(), Some("42501"));
    // A partitioned table takes no space itself.
    rows(
        &mut client,
        "CREATE TABLE log (day integer) PARTITION BY LIST (day); CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1)",
    );
    rows(&mut client, "INSERT INTO log VALUES (1)");
    let refused = client.query("CREATE INDEX ON log (day)").expect("an answer");
    assert_eq!(refused.sqlstate().as_deref(), Some("42501"));
}
