//! Changes of definitions are taken back by their inverse, and never with data that has come since.

use durward_testkit::RawClient;
use serde_json::Value;

use super::{House, runs};

/// All that a person could see of the definitions.
const DEFINITIONS: &str = "
    SELECT c.relname::text || c.relkind::text || coalesce(obj_description(c.oid, 'pg_class'), '')
      || CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) ELSE '' END
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT attrelid::regclass::text || '.' || attname::text || format_type(atttypid, atttypmod) || attnotnull::text
      || coalesce(pg_get_expr(adbin, adrelid), '') || coalesce(col_description(attrelid, attnum), '')
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum JOIN pg_class c ON c.oid = attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT conrelid::regclass::text || conname::text || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT proname::text || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT nspname::text FROM pg_namespace UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
    ORDER BY 1";

fn definitions(house: &House) -> Vec<String> {
    let rows = house.direct().query(DEFINITIONS).expect("an answer");
    assert!(rows.error().is_none(), "{:?}", rows.error().map(ToString::to_string));
    rows.rows().into_iter().map(|mut row| row.remove(0)).collect()
}

#[test]
fn each_form_has_its_inverse() {
    let house = House::open(None);
    house.execute(
        "CREATE VIEW cheap AS SELECT id FROM orders WHERE price < 9; COMMENT ON TABLE orders IS 'it''s \\ here';
         CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
         ALTER TABLE archive ALTER price SET DEFAULT 4",
    );
    for statement in [
        "CREATE TABLE notes (id serial PRIMARY KEY, body text)",
        "CREATE INDEX ON orders (price)",
        "CREATE UNIQUE INDEX \"By Status\" ON archive (status)",
        "CREATE VIEW dear AS SELECT * FROM orders WHERE price > 100",
        "CREATE OR REPLACE VIEW cheap AS SELECT id FROM orders WHERE price < 5",
        "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM orders",
        "CREATE SEQUENCE numbers",
        "CREATE SCHEMA aside",
        "CREATE TYPE mood AS ENUM ('a', 'b')",
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        "CREATE FUNCTION thrice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 3 * n'",
        "CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n + n'",
        "ALTER TABLE orders ADD COLUMN note text, ADD COLUMN kind text",
        "ALTER TABLE orders ADD CONSTRAINT dear CHECK (price >= 0)",
        "ALTER TABLE archive ADD FOREIGN KEY (id) REFERENCES orders",
        "ALTER TABLE orders ALTER COLUMN price SET DEFAULT 7, ALTER COLUMN status DROP NOT NULL",
        "ALTER TABLE archive ALTER COLUMN price DROP DEFAULT",
        "ALTER TABLE orders RENAME COLUMN status TO \"State\"",
        "ALTER TABLE orders RENAME TO purchases",
        "COMMENT ON TABLE orders IS 'other'",
        "COMMENT ON COLUMN orders.price IS 'in cents'",
        "CREATE TABLE IF NOT EXISTS notes_too (id integer)",
    ] {
        for extended in [false, true] {
            let before = definitions(&house);
            let mut operator = house.connect("operator");
            let answer = if extended {
                operator.extended(statement, &[])
            } else {
                operator.query(statement)
            };
            let answer = answer.expect("an answer");
            assert_eq!(
                answer.sqlstate(),
                None,
                "{statement}: {:?}",
                answer.error().map(ToString::to_string)
            );
            let newest = house.changes().remove(0);
            let id = format!("u{}", newest["id"]);
            assert_eq!(newest["coverage"], "full", "{statement}: {newest}");
            assert_ne!(definitions(&house), before, "{statement}");
            let (code, plan) = house.undo(&["plan", &id]);
            assert_eq!(
                (code, &plan["conflicts"]),
                (0, &serde_json::json!([])),
                "{statement}: {plan}"
            );
            let (code, report) = house.undo(&["apply", &id]);
            assert_eq!((code, &report["applied"]), (0, &true.into()), "{statement}: {report}");
            assert_eq!(definitions(&house), before, "{statement}");
        }
    }
    // What makes nothing is no change.
    let count = house.changes().len();
    let mut operator = house.connect("operator");
    runs(&mut operator, "CREATE TABLE IF NOT EXISTS orders (id integer)");
    assert_eq!(house.changes().len(), count);
}

#[test]
fn data_and_later_changes_stand_in_the_way() {
    let house = House::open(None);
    let mut operator = house.connect("operator");
    let made = |operator: &mut RawClient, statement: &str| {
        runs(operator, statement);
        format!("u{}", house.changes()[0]["id"])
    };
    let refused = |id: &str, why: &str| {
        let before = definitions(&house);
        let (code, report) = house.undo(&["apply", id]);
        let said = report["conflicts"][0]["why"].as_str().unwrap_or_default().to_owned();
        assert!(code == 1 && said.contains(why), "{id}: {code} {report}");
        assert_eq!(definitions(&house), before);
    };
    let table = made(&mut operator, "CREATE TABLE notes (id integer, body text)");
    let row = made(&mut operator, "INSERT INTO notes VALUES (1, 'x')");
    refused(&table, "holds rows by now");
    // Together with its rows it goes, and a plan says so.
    let (code, plan) = house.undo(&["plan", &table, &row]);
    assert_eq!((code, &plan["definitions"]), (0, &1.into()), "{plan}");
    let column = made(&mut operator, "ALTER TABLE orders ADD COLUMN note text");
    house.execute("UPDATE orders SET note = 'y' WHERE id = 3");
    refused(&column, "holds values by now");
    let filled = made(
        &mut operator,
        "ALTER TABLE orders ADD COLUMN flag boolean DEFAULT false",
    );
    refused(&filled, "holds values by now");
    let view = made(&mut operator, "CREATE VIEW v AS SELECT id FROM orders");
    house.execute("CREATE OR REPLACE VIEW v AS SELECT id FROM orders WHERE id > 3");
    refused(&view, "changed it since");
    let renamed = made(&mut operator, "ALTER TABLE archive RENAME TO old_orders");
    house.execute("DROP TABLE old_orders; CREATE TABLE old_orders (id integer)");
    refused(&renamed, "changed it since");
    // Another of the same name isn't the one that was made.
    let made_again = made(&mut operator, "CREATE TABLE twin (id integer)");
    house.execute("DROP TABLE twin; CREATE TABLE twin (id integer)");
    refused(&made_again, "changed it since");
    // A path is whatever a client has made of it, and no statement.
    runs(
        &mut operator,
        "SELECT set_config('search_path', 'public, x;DELETE/**/FROM/**/orders', false)",
    );
    let crafted = made(&mut operator, "CREATE TABLE crafted (id integer)");
    assert_eq!(house.undo(&["apply", &crafted]).0, 0);
    assert_eq!(house.rows("orders").len(), 199);
    runs(&mut operator, "SET search_path TO public");
    // What has no inverse says so.
    for (statement, why) in [
        ("DROP VIEW v", "none"),
        ("DROP SEQUENCE IF EXISTS nothing, numbers", "none"),
        ("CREATE TABLE copied AS SELECT * FROM orders", "none"),
        (
            "ALTER TABLE orders ADD COLUMN extra text, ALTER COLUMN price TYPE bigint",
            "partial",
        ),
    ] {
        let id = made(&mut operator, statement);
        let newest: Value = house.changes().remove(0);
        assert!(newest["coverage"][why] != Value::Null, "{statement} {id}: {newest}");
    }
    // In a transaction they go together, and a rollback leaves nothing to take back.
    let before = definitions(&house);
    let count = house.changes().len();
    for statement in [
        "BEGIN",
        "CREATE TABLE a (id integer)",
        "SAVEPOINT s",
        "CREATE TABLE b (id integer)",
        "ROLLBACK TO s",
    ] {
        runs(&mut operator, statement);
    }
    runs(&mut operator, "CREATE TABLE c (id integer)");
    runs(&mut operator, "COMMIT");
    let changes = house.changes();
    assert_eq!(changes.len(), count + 2);
    let id = format!("u{}", changes[0]["id"]);
    let (code, report) = house.undo(&["apply", "--transaction-of", &id]);
    assert_eq!((code, &report["definitions"]), (0, &2.into()), "{report}");
    assert_eq!(definitions(&house), before);
    // What something else rests on by now stays, and the rest goes; a plan of changes on top of each other is none of conflicts.
    let added = made(&mut operator, "ALTER TABLE orders ADD COLUMN kind text");
    let renamed = made(&mut operator, "ALTER TABLE orders RENAME COLUMN kind TO sort");
    let apart = made(&mut operator, "CREATE SEQUENCE apart");
    house.execute("CREATE VIEW sorts AS SELECT sort FROM orders");
    let (code, plan) = house.undo(&["plan", &added, &renamed]);
    assert_eq!((code, &plan["definitions"]), (0, &2.into()), "{plan}");
    let (code, report) = house.undo(&["apply", &added, &renamed, &apart]);
    let why = report["conflicts"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 1 && why.contains("rests on it by now"), "{report}");
    house.execute("DROP VIEW sorts");
    let (code, report) = house.undo(&["apply", &added, &renamed, &apart]);
    assert_eq!((code, &report["definitions"]), (0, &3.into()), "{report}");
    assert_eq!(definitions(&house), before);
    // In the name of whom no password opens the database nothing is taken back.
    let theirs = made(&mut operator, "CREATE TABLE not_theirs (id integer)");
    let elsewhere = [
        "identities",
        "add",
        "eve",
        "--kind",
        "operator",
        "--database",
        "elsewhere",
    ];
    assert!(house.command(&elsewhere).status.success());
    assert_eq!(house.undo(&["apply", &theirs, "--as", "eve"]).0, 2);
    assert_eq!(house.undo(&["apply", &theirs, "--as", "operator"]).0, 0);
    // People's additive migrations are kept too.
    let mut person = house.connect("engineer");
    runs(&mut person, "CREATE TABLE theirs (id integer)");
    let newest = house.changes().remove(0);
    assert_eq!(newest["coverage"], "full", "{newest}");
}
