//! What is dropped is kept aside in the database until it is put back, out of everybody's reach.

use durward_testkit::RawClient;

use super::{House, fails, runs};

/// All that a person could see of a table.
const TABLE: &str = "
    SELECT c.relname::text || c.relkind::text || coalesce(obj_description(c.oid, 'pg_class'), '') || coalesce(c.relacl::text, '')
      || c.relrowsecurity::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT attrelid::regclass::text || attname::text || format_type(atttypid, atttypmod) || attnotnull::text
      || coalesce(pg_get_expr(adbin, adrelid), '') || attgenerated::text || attidentity::text || attnum::text
      || coalesce(col_description(attrelid, attnum), '')
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum JOIN pg_class c ON c.oid = attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT conrelid::regclass::text || conname::text || pg_get_constraintdef(oid)
      || coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid > 16000
    UNION ALL SELECT polname::text || polrelid::regclass::text || pg_get_expr(polqual, polrelid) FROM pg_policy
    UNION ALL SELECT prpubid::text || prrelid::regclass::text FROM pg_publication_rel
    UNION ALL SELECT stxnamespace::regnamespace::text || stxname::text || stxrelid::regclass::text FROM pg_statistic_ext
    UNION ALL SELECT nspname::text FROM pg_namespace
    ORDER BY 1";

const ITEMS: &str = "
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE ROLE reader;
    CREATE TABLE items (id serial PRIMARY KEY, parent integer CONSTRAINT of_parent REFERENCES parents ON DELETE CASCADE,
      email text NOT NULL DEFAULT 'none', twice integer GENERATED ALWAYS AS (parent * 2) STORED, UNIQUE (email));
    INSERT INTO items (parent, email) SELECT 1 + n % 2, n || '@example.com' FROM generate_series(1, 500) n;
    CREATE TABLE parts (item integer REFERENCES items, n integer GENERATED ALWAYS AS IDENTITY);
    INSERT INTO parts VALUES (7);
    CREATE INDEX \"By Parent\" ON items (parent) WHERE parent > 1;
    CREATE TRIGGER touched BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE items DISABLE TRIGGER touched;
    COMMENT ON TABLE items IS 'it''s \\ here'; COMMENT ON CONSTRAINT of_parent ON items IS 'theirs';
    GRANT SELECT ON items TO reader;
    ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON items USING (id > 0);
    CREATE PUBLICATION all_items FOR TABLE items;
    CREATE STATISTICS paired ON id, parent FROM items;";

const ODD_NAME: &str = "\"o'dd \\ \"\"$1; END $$\"";

const ODD: &str = "CREATE TABLE \"o'dd \\ \"\"$1; END $$\" (\"it's\" integer PRIMARY KEY); INSERT INTO \"o'dd \\ \"\"$1; END $$\" VALUES (1)";

fn table(house: &House) -> Vec<String> {
    let rows = house.direct().query(TABLE).expect("an answer");
    assert!(rows.error().is_none(), "{:?}", rows.error().map(ToString::to_string));
    rows.rows().into_iter().map(|mut row| row.remove(0)).collect()
}

/// The newest change: its number, and where it is kept.
fn kept(house: &House) -> (String, String) {
    let newest = house.changes().remove(0);
    let schema = newest["kept"][0]["schema"].as_str().unwrap_or_default().to_owned();
    assert!(
        newest["coverage"] == "full" && schema.starts_with("durward_kept_2"),
        "{newest}"
    );
    (format!("u{}", newest["id"]), schema)
}

fn coverage(house: &House) -> String {
    house.changes().remove(0)["coverage"].to_string()
}

fn dropped_tables_come_back(version: Option<&str>) {
    let house = House::open(version);
    house.execute(ITEMS);
    let (before, rows, parts) = (table(&house), house.rows("items"), house.rows("parts"));
    let mut operator = house.connect("operator");
    for extended in [false, true] {
        let drop = "DROP TABLE IF EXISTS nothing, parts, public.items";
        let answer = match extended {
            true => operator.extended(drop, &[]),
            false => operator.query(drop),
        };
        let answer = answer.expect("an answer");
        assert_eq!(answer.commands(), ["DROP TABLE"]);
        fails(&mut operator, "SELECT FROM items", "42P01");
        let (id, schema) = kept(&house);

        // It is in nobody's way, and out of everybody's reach.
        house.execute("BEGIN; DELETE FROM parents; DROP FUNCTION touch(); DROP TABLE children, parents; ROLLBACK");
        for who in ["engineer", "agent"] {
            let mut other = house.connect(who);
            for statement in [
                format!("SELECT count(*) FROM {schema}.parts"),
                format!("DELETE FROM {schema}.parts WHERE n = 1"),
                format!("DROP SCHEMA {schema} CASCADE"),
                format!("ALTER SCHEMA {schema} RENAME TO mine"),
                format!("ALTER TABLE orders SET SCHEMA {schema}"),
                format!("COMMENT ON SCHEMA {schema} IS NULL"),
                format!("GRANT USAGE ON SCHEMA {schema} TO PUBLIC"),
            ] {
                let answer = other.query(&statement).expect("an answer");
                let error = answer.error().unwrap_or_else(|| panic!("{who} ran {statement}"));
                assert_eq!(error.sqlstate(), "42501", "{statement}: {error}");
            }
        }
        let shown = house.command(&["undo", "show", &id]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            shown.contains(&format!("{schema}, ")) && shown.contains(" KiB until 2"),
            "{shown}"
        );

        // What has its name by now stays.
        house.execute("CREATE TABLE items (other integer)");
        let (code, report) = house.undo(&["apply", &id]);
        let why = report["conflicts"][0]["why"].as_str().unwrap_or_default();
        assert!(code == 1 && why.contains("is taken in public by now"), "{report}");
        house.execute("DROP TABLE items");
        let (code, plan) = house.undo(&["plan", &id]);
        assert_eq!((code, &plan["definitions"]), (0, &1.into()), "{plan}");
        let (code, report) = house.undo(&["apply", &id]);
        assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
        assert_eq!(table(&house), before);
        assert_eq!(
            (house.rows("items"), house.rows("parts")),
            (rows.clone(), parts.clone())
        );
    }

    // The server's own word stands.
    house.execute("CREATE VIEW seen AS SELECT id FROM items");
    let before = table(&house);
    for statement in ["DROP TABLE items", "DROP TABLE nothing", "DROP TABLE parts, seen"] {
        let direct = house.direct().query(statement).expect("an answer");
        let direct = direct.error().map(ToString::to_string);
        let answer = operator.query(statement).expect("an answer");
        assert_eq!(answer.error().map(ToString::to_string), direct, "{statement}");
    }
    runs(&mut operator, "BEGIN");
    runs(&mut operator, "SAVEPOINT s");
    runs(&mut operator, "DROP TABLE parts");
    runs(&mut operator, "ROLLBACK TO s");
    runs(&mut operator, "SELECT FROM parts");
    runs(&mut operator, "COMMIT");
    assert_eq!(table(&house), before);

    // What goes along and can't come back says so.
    runs(&mut operator, "DROP TABLE items CASCADE");
    let said = coverage(&house);
    assert!(
        said.contains("CASCADE takes along what isn't kept: constraint parts_item_fkey on table parts, view seen"),
        "{said}"
    );
    // Names are names, whatever is in them.
    house.execute(ODD);
    for statement in ["DROP TABLE", "TRUNCATE"] {
        runs(&mut operator, &format!("{statement} {ODD_NAME}"));
        let (id, _) = kept(&house);
        assert_eq!(house.undo(&["apply", &id]).0, 0);
        assert_eq!(house.rows(ODD_NAME), ["(1)"]);
    }
    // Rows and their table come back together.
    let parts = house.rows("parts");
    runs(&mut operator, "INSERT INTO parts VALUES (8)");
    let insert = format!("u{}", house.changes()[0]["id"]);
    runs(&mut operator, "DROP TABLE parts");
    let (id, _) = kept(&house);
    let (code, plan) = house.undo(&["plan", &id, &insert]);
    assert_eq!((code, &plan["rows"]), (0, &1.into()), "{plan}");
    let (code, report) = house.undo(&["apply", &id, &insert]);
    assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
    assert_eq!(house.rows("parts"), parts);
}

#[test]
fn dropped_tables_come_back_on_postgresql_18() {
    dropped_tables_come_back(Some("18"));
}

#[test]
fn dropped_tables_come_back_and_what_is_over_goes() {
    dropped_tables_come_back(None);
    // What isn't the gateway's own stays, whatever it is called.
    let mut house = House::open(None);
    house.execute(
        "CREATE SCHEMA durward_kept_20200101_0123456789ab; CREATE TABLE durward_kept_20200101_0123456789ab.t ();
         COMMENT ON SCHEMA durward_kept_20200101_0123456789ab IS 'Kept aside by Durward: table t until 2020-01-01';
         CREATE SCHEMA durward_kept_20200101_mine; CREATE SCHEMA durward_kept_20200101_111111111111;
         CREATE SCHEMA durward_kept_29990101_0123456789ab;
         COMMENT ON SCHEMA durward_kept_29990101_0123456789ab IS 'Kept aside by Durward: table t until 2999-01-01'",
    );
    house.restart();
    let left = super::house::await_that("the removal", || {
        let left = house
            .direct()
            .query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'durward%' ORDER BY 1");
        let left = left.expect("an answer").rows().concat();
        (left.len() < 4).then_some(left)
    });
    assert_eq!(
        left,
        [
            "durward_kept_20200101_111111111111",
            "durward_kept_20200101_mine",
            "durward_kept_29990101_0123456789ab"
        ]
    );
}

fn emptied_tables_are_filled_again(version: Option<&str>) {
    let house = House::open(version);
    house.execute(ITEMS);
    let (before, rows, parts) = (table(&house), house.rows("items"), house.rows("parts"));
    let mut operator = house.connect("operator");
    let answer = operator
        .query("TRUNCATE items RESTART IDENTITY CASCADE")
        .expect("an answer");
    assert_eq!(answer.commands(), ["TRUNCATE TABLE"]);
    assert_eq!(house.rows("items").len() + house.rows("parts").len(), 0);
    let (id, _) = kept(&house);
    let newest = house.changes().remove(0);
    assert_eq!(
        (&newest["rows"], newest["kept"].as_array().map(Vec::len)),
        (&501.into(), Some(2)),
        "{newest}"
    );
    let (code, plan) = house.undo(&["plan", &id]);
    assert_eq!((code, &plan["rows"]), (0, &501.into()), "{plan}");
    assert_eq!(house.rows("items").len(), 0);
    let (code, report) = house.undo(&["apply", &id]);
    assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
    assert_eq!((house.rows("items"), house.rows("parts")), (rows.clone(), parts));
    assert_eq!(table(&house), before);
    // So is what a sequence would give next.
    let insert = "INSERT INTO items (parent, email) VALUES (1, 'new') RETURNING id";
    assert_eq!(runs(&mut operator, insert), [["501"]]);

    // Rows that have come since keep their keys.
    operator.extended("TRUNCATE items, parts", &[]).expect("an answer");
    let (id, _) = kept(&house);
    house.execute("INSERT INTO items (id, parent, email) VALUES (7, 1, 'theirs'), (900, 1, '9@example.com')");
    let (code, report) = house.undo(&["apply", &id]);
    let conflicts: Vec<&str> = report["conflicts"]
        .as_array()
        .expect("conflicts")
        .iter()
        .filter_map(|conflict| conflict["row"].as_str())
        .collect();
    assert_eq!((code, conflicts), (1, vec!["id=7", "id=9"]), "{report}");
    let (code, report) = house.undo(&["apply", &id, "--partial"]);
    assert_eq!((code, &report["rows"]), (0, &500.into()), "{report}");
    assert_eq!(house.rows("items").len(), 501);

    // No writer slips in between the copy and the statement.
    let mut writer = house.direct();
    runs(&mut writer, "BEGIN");
    runs(&mut writer, "INSERT INTO archive VALUES (1, 1, 'late')");
    std::thread::scope(|scope| {
        let truncated = scope.spawn(|| runs(&mut operator, "TRUNCATE archive"));
        super::house::await_that("the lock", || {
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'archive'::regclass";
            (house.direct().query(waits).expect("an answer").rows() == [["1"]]).then_some(())
        });
        runs(&mut writer, "COMMIT");
        truncated.join().expect("it ran");
    });
    let (id, _) = kept(&house);
    assert_eq!(house.undo(&["apply", &id]).0, 0);
    assert_eq!(house.rows("archive"), ["(1,1,late)"]);

    // A trigger may do what isn't seen.
    house.execute(
        "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM orders WHERE id = 1; RETURN NULL; END';
         CREATE TRIGGER more AFTER TRUNCATE ON archive EXECUTE FUNCTION more()",
    );
    runs(&mut operator, "TRUNCATE archive");
    let said = coverage(&house);
    assert!(
        said.starts_with("{\"partial\"") && said.contains("rows of public.orders that triggers change"),
        "{said}"
    );
}

#[test]
fn emptied_tables_are_filled_again_on_both() {
    emptied_tables_are_filled_again(None);
    emptied_tables_are_filled_again(Some("18"));
}

fn dropped_columns_come_back(version: Option<&str>) {
    let house = House::open(version);
    house.execute(ITEMS);
    house.execute(
        "ALTER TABLE items ALTER email TYPE varchar(60) COLLATE \"C\", ADD CONSTRAINT mailed CHECK (email <> parent::text);
         COMMENT ON COLUMN items.email IS 'it''s theirs'; CREATE INDEX upper_mail ON items (upper(email)) WHERE email > '5'",
    );
    let columns = "SELECT id, parent, email, twice FROM items ORDER BY id";
    let read = || house.direct().query(columns).expect("an answer").rows();
    let without_places = || -> Vec<String> {
        table(&house)
            .into_iter()
            .filter(|line| !line.contains("itemsemail"))
            .collect()
    };
    let (before, definitions) = (read(), without_places());
    let mut operator = house.connect("operator");
    runs(&mut operator, "ALTER TABLE items DROP COLUMN email");
    let (id, schema) = kept(&house);
    fails(&mut operator, "SELECT email FROM items", "42703");
    fails(
        &mut house.connect("agent"),
        &format!("SELECT email FROM {schema}.items"),
        "42501",
    );
    // A row that has come since has what the default gives, and one that has gone stays away.
    house.execute("ALTER TABLE items DISABLE ROW LEVEL SECURITY; DELETE FROM items WHERE id IN (7, 9) AND id = 9");
    house.execute("ALTER TABLE items ENABLE ROW LEVEL SECURITY; INSERT INTO items (parent) VALUES (2)");
    let (code, report) = house.undo(&["apply", &id]);
    assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
    assert_eq!(without_places(), definitions);
    let after = read();
    let expected: Vec<Vec<String>> = before.iter().filter(|row| row[0] != "9").cloned().collect();
    let (old, new) = after.split_at(499);
    assert_eq!(old, expected);
    assert_eq!(new[0][2], "none");
    let described = "SELECT format_type(atttypid, atttypmod), attcollation::regcollation::text, attnotnull::text,
        col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'email'";
    assert_eq!(
        house.direct().query(described).expect("an answer").rows(),
        [["character varying(60)", "\"C\"", "true", "it's theirs"]]
    );

    // Where a row would have nothing in it, or another column has its name, it stays away.
    runs(&mut operator, "ALTER TABLE orders DROP price, DROP COLUMN status");
    let (id, _) = kept(&house);
    house.execute("INSERT INTO orders VALUES (900)");
    let refused = |why: &str| {
        let (code, report) = house.undo(&["apply", &id]);
        let said = report["conflicts"][0]["why"].as_str().unwrap_or_default().to_owned();
        assert!(code == 1 && said.contains(why), "{report}");
    };
    refused("rows have come since that would have nothing in price");
    house.execute("DELETE FROM orders WHERE id = 900; ALTER TABLE orders ADD status text");
    refused("another column status");
    house.execute("ALTER TABLE orders DROP status");
    assert_eq!(house.undo(&["apply", &id]).0, 0);
    assert_eq!(house.rows("orders")[9], "(10,9,open)");

    for (statement, why) in [
        ("ALTER TABLE items DROP parent CASCADE", "go along"),
        ("ALTER TABLE items DROP id CASCADE", "there is no primary key beside it"),
        ("ALTER TABLE parts DROP n", "there is no primary key beside it"),
    ] {
        runs(&mut operator, statement);
        let said = coverage(&house);
        assert!(
            said.starts_with("{\"none\"") && said.contains(why),
            "{statement}: {said}"
        );
    }
}

#[test]
fn dropped_columns_come_back_on_both() {
    dropped_columns_come_back(None);
    dropped_columns_come_back(Some("18"));
}

#[test]
fn approvers_hear_that_it_is_kept_and_it_runs_only_then() {
    let policy = tempfile::NamedTempFile::new().expect("a file");
    let held = r#"
        @rule("drops-by-two")
        @reason("{command} removes {objects}")
        @approve("risk=ordinary")
        forbid (principal, action in Action::"change", resource)
        when { context.hazards.contains(Hazard::"drop") };
    "#;
    std::fs::write(policy.path(), held).expect("written");
    let mut house = House::open(None);
    let path = policy.path().display().to_string();
    house.restart_with(&["--policy", &path, "--undo-kept-mebibytes", "1"]);
    let mut operator = house.connect_with("operator", "error");
    let drop = "DROP TABLE archive";
    let ask = |operator: &mut RawClient| {
        fails(operator, drop, "WD001");
        let id = house.pending();
        let undo = house.approval(&id)["undo"].as_str().unwrap_or_default().to_owned();
        (id, undo)
    };
    let (id, undo) = ask(&mut operator);
    assert!(undo.starts_with("full: kept aside until 2"), "{undo}");
    house.approve(&id);
    // It was approved because it can be taken back.
    house.execute("INSERT INTO archive SELECT n, n, repeat('x', 200) FROM generate_series(1, 9000) n");
    let answer = operator.query(drop).expect("an answer");
    assert!(answer.error().is_some(), "{:?}", answer.commands());
    assert_eq!(house.rows("archive").len(), 9000);
    let (id, undo) = ask(&mut operator);
    assert!(undo.starts_with("none: it is larger than the 1 MiB"), "{undo}");
    house.approve(&id);
    runs(&mut operator, drop);
    assert!(coverage(&house).starts_with("{\"none\""), "{}", coverage(&house));
}

fn values_of_columns_come_back(version: Option<&str>) {
    let house = House::open(version);
    house.execute(ITEMS);
    house.execute("ALTER TABLE items ALTER parent SET DEFAULT 2, ALTER email TYPE varchar(40) COLLATE \"C\"");
    let read = || {
        let text = "SELECT id, email, attcollation::regcollation, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
            FROM items, pg_attribute a LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
            WHERE attrelid = 'items'::regclass AND attname IN ('email', 'parent') ORDER BY id, attnum";
        house.direct().query(text).expect("an answer").rows()
    };
    let (before, definitions) = (read(), table(&house));
    let mut operator = house.connect("operator");
    let cut = "ALTER TABLE items ALTER email TYPE varchar(3) USING left(id || 'abc', 3)";
    runs(&mut operator, cut);
    assert_ne!(read(), before);
    let (id, _) = kept(&house);
    house.execute("UPDATE items SET email = 'new' WHERE id = 7");
    let (code, report) = house.undo(&["apply", &id]);
    let why = report["conflicts"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 1 && why.contains("rows have come, or were changed"), "{report}");
    house.execute("UPDATE items SET email = '7ab' WHERE id = 7");
    let (code, report) = house.undo(&["apply", &id]);
    assert_eq!((code, &report["applied"]), (0, &true.into()), "{report}");
    assert_eq!((read(), table(&house)), (before, definitions));
}

#[test]
fn values_of_columns_come_back_on_both() {
    values_of_columns_come_back(None);
    values_of_columns_come_back(Some("18"));
}
