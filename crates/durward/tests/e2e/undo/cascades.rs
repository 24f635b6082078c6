//! What foreign keys change along is taken back too: random tables that refer to each other, and the shapes that are hard.

use durward_testkit::RawClient;

use super::shapes::Numbers;
use super::{House, runs};

/// How many sets of tables are made and changed.
const ROUNDS: u64 = 15;

/// The tables of a set; the last one is partitioned, and nothing refers to it.
const TABLES: u64 = 4;

/// Makes tables that refer to each other and to themselves, and fills them.
fn make(house: &House, numbers: &mut Numbers, round: u64) -> Vec<String> {
    let names: Vec<String> = (0..TABLES).map(|at| format!("\"K {round} {at}\"")).collect();
    let mut keys = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let last = at + 1 == names.len();
        house.execute(&format!(
            "CREATE TABLE {name} (id integer PRIMARY KEY, code text{}, a integer, b integer, c text{}){}",
            if last {
                ""
            } else {
                " NOT NULL UNIQUE, UNIQUE (id, code)"
            },
            if numbers.below(2) == 0 { " DEFAULT 'k1'" } else { "" },
            if last { " PARTITION BY HASH (id)" } else { "" }
        ));
        if last {
            for part in 0..2 {
                house.execute(&format!(
                    "CREATE TABLE \"P {round} {part}\" PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER {part})"
                ));
            }
        }
        house.execute(&format!(
            "INSERT INTO {name} (id, code) SELECT g, 'k' || g FROM generate_series(1, 30) g"
        ));
        for (columns, referred) in [("a", "id"), ("b", "id"), ("c", "code"), ("b, c", "id, code")] {
            if numbers.below(3) == 0 {
                continue;
            }
            let to = usize::try_from(numbers.below(at as u64 + 1)).expect("small");
            let to = if last && to == at { 0 } else { to };
            let delete = numbers.of(&["CASCADE", "CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"]);
            let update = numbers.of(&["CASCADE", "CASCADE", "SET NULL", "NO ACTION"]);
            keys.push(format!(
                "ALTER TABLE {name} ADD FOREIGN KEY ({columns}) REFERENCES {} ({referred}) ON DELETE {delete} ON UPDATE {update}",
                names[to]
            ));
        }
        let spread = 1 + numbers.below(12);
        house.execute(&format!(
            "UPDATE {name} SET a = 1 + (id * 7) % {spread}, b = 1 + (id * 5) % 30, c = 'k' || (1 + (id * 5) % 30) WHERE id % 4 > 0"
        ));
    }
    for key in keys {
        house.execute(&key);
    }
    names
}

fn change(tables: &[String], numbers: &mut Numbers, step: u64) -> String {
    let table = &tables[usize::try_from(numbers.below(TABLES - 1)).expect("small")];
    let low = 1 + numbers.below(25);
    match numbers.below(6) {
        0 | 1 => format!("DELETE FROM {table} WHERE id = {low}"),
        2 => format!("DELETE FROM {table} WHERE id BETWEEN {low} AND {}", low + 3),
        3 => format!("UPDATE {table} SET code = code || 'x{step}' WHERE id < {low}"),
        4 => format!("UPDATE {table} SET id = id + {} WHERE id = {low}", 1000 * (step + 1)),
        _ => format!("DELETE FROM {table} t USING {table} o WHERE t.a = o.id AND o.id = {low} RETURNING t.id"),
    }
}

fn all_rows(house: &House, tables: &[String]) -> Vec<Vec<String>> {
    tables.iter().map(|table| house.rows(table)).collect()
}

fn check_all(version: Option<&str>, whole_min: u64) {
    let house = House::open(version);
    let mut numbers = Numbers(4_711);
    let (mut whole, mut carried) = (0, 0);
    for round in 0..ROUNDS {
        let tables = make(&house, &mut numbers, round);
        let before = all_rows(&house, &tables);
        let mut client = house.connect("operator");
        let extended = numbers.below(2) == 0;
        let statements: Vec<String> = (0..3).map(|step| change(&tables, &mut numbers, step)).collect();
        for statement in &statements {
            let answer = if extended {
                client.extended(statement, &[])
            } else {
                client.query(statement)
            };
            let answer = answer.expect("an answer");
            if let Some(code) = answer.sqlstate() {
                // Keys that do nothing, and values that aren't there, make some fail.
                assert!(
                    matches!(code.as_str(), "23503" | "23505" | "23502"),
                    "{statement}: {:?}",
                    answer.error().map(ToString::to_string)
                );
            }
        }
        let changes = house.changes();
        let session = changes.first().map(|change| change["session"].clone());
        let Some(session) = session.as_ref().and_then(serde_json::Value::as_str) else {
            continue;
        };
        let own = changes.iter().filter(|change| change["session"] == session);
        let own: Vec<&serde_json::Value> = own.collect();
        let after = all_rows(&house, &tables);
        if after == before {
            continue;
        }
        carried += u64::from(
            after
                .iter()
                .zip(&before)
                .filter(|(after, before)| after != before)
                .count()
                > 1,
        );
        let context = format!("{version:?}, round {round}: {statements:#?}\n{own:#?}");
        let (code, report) = house.undo(&["apply", "--session", session, "--partial"]);
        assert_eq!(code, 0, "{report}\n{context}");
        let is_full = own.iter().all(|change| change["coverage"] == "full");
        let is_whole = all_rows(&house, &tables) == before;
        if is_full {
            assert!(is_whole, "all of it was to be taken back: {report}\n{context}");
            whole += 1;
        } else {
            assert!(
                is_whole
                    || report["conflicts"]
                        .as_array()
                        .is_some_and(|conflicts| !conflicts.is_empty())
            );
        }
        // What was taken back can be taken back.
        let undone: Vec<String> = house
            .changes()
            .iter()
            .filter(|change| {
                change["state"] == "committed" && change["undoes"].as_array().is_some_and(|ids| !ids.is_empty())
            })
            .map(|change| format!("u{}", change["id"]))
            .collect();
        if is_full && !undone.is_empty() {
            let all: Vec<&str> = ["apply", "--partial"]
                .into_iter()
                .chain(undone.iter().map(String::as_str))
                .collect();
            let (code, report) = house.undo(&all);
            assert_eq!(code, 0, "{report}\n{context}");
            assert_eq!(all_rows(&house, &tables), after, "{report}\n{context}");
        }
    }
    println!("{version:?}: {whole} of {ROUNDS} whole, {carried} of them in several tables");
    assert!(whole >= whole_min && carried >= 3, "{whole} {carried}");
}

#[test]
fn what_keys_carry_along_is_taken_back_on_15() {
    check_all(None, ROUNDS / 3);
}

#[test]
fn what_keys_carry_along_is_taken_back_on_18() {
    check_all(Some("18"), ROUNDS / 3);
}

/// How much of the newest change can be taken back.
fn coverage(house: &House) -> serde_json::Value {
    house.changes()[0]["coverage"].clone()
}

#[test]
fn what_cant_be_followed_is_said_and_bounded() {
    let house = House::open(None);
    let mut operator: RawClient = house.connect("operator");
    house.execute(
        "CREATE TABLE roots (id integer PRIMARY KEY, parent integer REFERENCES roots ON DELETE CASCADE);
         INSERT INTO roots SELECT n, NULLIF(n - 1, 0) FROM generate_series(1, 300) n;
         CREATE TABLE loose (root integer REFERENCES roots ON DELETE CASCADE, n integer);
         INSERT INTO loose SELECT 5, 7 FROM generate_series(1, 3);
         CREATE TABLE many (id integer PRIMARY KEY);
         CREATE TABLE lots (id serial PRIMARY KEY, many integer REFERENCES many ON DELETE CASCADE);
         INSERT INTO many VALUES (1); INSERT INTO lots (many) SELECT 1 FROM generate_series(1, 10001);
         CREATE TABLE seen (id integer PRIMARY KEY); INSERT INTO seen VALUES (1);
         CREATE TABLE sees (id integer PRIMARY KEY REFERENCES seen ON DELETE CASCADE); INSERT INTO sees VALUES (1);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
         CREATE TRIGGER t BEFORE DELETE ON sees FOR EACH ROW EXECUTE FUNCTION f();",
    );
    // A chain of 296 rows, deeper than one statement of an undo restores, and rows without a key.
    let (roots, loose) = (house.rows("roots"), house.rows("loose"));
    runs(&mut operator, "DELETE FROM roots WHERE id = 5");
    assert_eq!((house.rows("roots").len(), house.rows("loose").len()), (4, 0));
    assert_eq!(coverage(&house), "full");
    assert_eq!(house.undo(&["apply", "u1"]).0, 0);
    assert_eq!((house.rows("roots"), house.rows("loose")), (roots, loose));
    for (statement, why) in [
        ("DELETE FROM many", "rows of public.lots"),
        ("DELETE FROM seen WHERE id = 1", "rows of public.sees"),
    ] {
        runs(&mut operator, statement);
        let said = coverage(&house);
        assert!(said["partial"].to_string().contains(why), "{statement}: {said}");
    }
    // Rows that come to refer to a row while it is deleted wait for it.
    let mut direct = house.direct();
    runs(&mut operator, "BEGIN");
    runs(&mut operator, "DELETE FROM roots WHERE id = 300");
    runs(&mut direct, "SET lock_timeout = '200ms'");
    let late = direct.query("INSERT INTO loose VALUES (300, 1)").expect("an answer");
    assert_eq!(late.sqlstate().as_deref(), Some("55P03"));
    runs(&mut operator, "ROLLBACK");
}
