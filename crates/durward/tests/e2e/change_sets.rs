//! Files of statements that are approved as a whole: run in order, once, by one session, by hand and by the tools that make
//! them.

use std::path::Path;

use durward_testkit::RawClient;
use serde_json::{Value, json};

use crate::holds::house::{House, PATIENCE, ROWS};
use crate::support::{self, Outcome, prepared, tests};
use crate::web::browser::Site;

const FILE: &str = "
    -- a table, what it is for, and the rows that were there before
    BEGIN;
    CREATE TABLE visits (id integer PRIMARY KEY, order_id integer);
    CREATE INDEX visits_order ON visits (order_id);
    ALTER TABLE orders ADD COLUMN visits integer;
    UPDATE orders SET visits = 0 WHERE price >= 0;
    COMMENT ON TABLE visits IS 'who; when';
    COMMIT;
";

const STATEMENTS: [&str; 5] = [
    "CREATE TABLE visits(id integer PRIMARY KEY,\n\torder_id integer)",
    "CREATE INDEX visits_order ON visits (order_id); -- the same but for blanks",
    "ALTER TABLE orders ADD COLUMN visits integer",
    "UPDATE orders SET visits = 0 WHERE price >= 0",
    "COMMENT ON TABLE visits IS 'who; when'",
];

/// Submits a file for an identity: the exit code, and what was printed.
fn submit(house: &House, who: &str, text: &str) -> (i32, Value) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    let path = file.path().to_str().expect("a path");
    let output = house.command(&[
        "change",
        "submit",
        path,
        "--identity",
        who,
        "--reason",
        "ticket 4711",
        "--json",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::String(said));
    (output.status.code().unwrap_or(-1), printed)
}

fn approved(house: &House, who: &str, text: &str) -> String {
    let (code, request) = submit(house, who, text);
    assert_eq!(code, 5, "{request}");
    let id = format!("c{}", request["id"]);
    let (code, request) = house.approvals(&["approve", &id, "--as", "operator", "--json"]);
    assert_eq!(code, 0, "{request}");
    id
}

fn passes(client: &mut RawClient, statement: &str) {
    let answer = client.query(statement).expect("an answer");
    let error = answer.error().map(ToString::to_string);
    assert_eq!(error, None, "{statement}");
}

fn waits(client: &mut RawClient, statement: &str) {
    let answer = client.query(statement).expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD001"), "{statement}");
}

#[test]
fn a_plan_says_what_would_become_of_each_statement() {
    let house = House::open();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), FILE).expect("it is written");
    let path = file.path().to_str().expect("a path");
    let plan = |who: &str| {
        let output = house.command(&["change", "plan", path, "--identity", who, "--json"]);
        let plan: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let verdicts = plan["statements"].as_array().expect("statements").iter();
        let verdicts: Vec<String> = verdicts
            .map(|planned| planned["verdict"].as_str().expect("a verdict").to_owned())
            .collect();
        (output.status.code(), verdicts)
    };
    let (code, verdicts) = plan("agent");
    assert_eq!(code, Some(5));
    assert_eq!(
        verdicts,
        ["passes", "held", "held", "held", "unknown", "held", "passes"]
    );
    let (_, verdicts) = plan("engineer");
    assert_eq!(
        verdicts,
        ["passes", "passes", "passes", "passes", "unknown", "passes", "passes"]
    );
    assert_eq!(plan("operator"), (Some(0), vec!["passes".to_owned(); 7]));
    std::fs::write(file.path(), "DROP TABLE orders").expect("it is written");
    assert_eq!(plan("agent"), (Some(1), vec!["refused".to_owned()]));
    assert!(
        house
            .approvals(&["ls", "--all", "--json"])
            .1
            .as_array()
            .is_some_and(Vec::is_empty)
    );
}

#[test]
fn what_is_approved_as_a_whole_passes_whole_and_once() {
    let house = House::open();
    let id = approved(&house, "agent", FILE);
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(request["reason"], "ticket 4711");
    assert_eq!(request["steps"].as_array().map(Vec::len), Some(7), "{request}");
    let mut agent = house.connect("agent", "");
    passes(&mut agent, "BEGIN");
    passes(&mut agent, "SELECT count(*) FROM orders");
    for statement in STATEMENTS {
        passes(&mut agent, statement);
    }
    passes(&mut agent, "COMMIT");
    assert_eq!(house.state(&id), "used");
    assert_eq!(house.number("SELECT count(*) FROM orders WHERE visits = 0"), ROWS);
    waits(&mut agent, STATEMENTS[3]);
    let (code, again) = submit(&house, "agent", "UPDATE orders SET visits = 1 WHERE price >= 0");
    assert_eq!(code, 5, "{again}");
    assert_ne!(format!("c{}", again["id"]), id);
}

#[test]
fn one_changed_byte_or_another_order_is_held() {
    let house = House::open();
    let id = approved(&house, "agent", FILE);
    let mut agent = house.connect("agent", "");
    // Nothing is spent on what is no part of it, and nothing runs before what stands before it.
    waits(
        &mut agent,
        "CREATE TABLE visits (id integer PRIMARY KEY, order_id bigint)",
    );
    waits(&mut agent, STATEMENTS[2]);
    assert_eq!(house.state(&id), "approved");
    // Nobody else has it.
    passes(&mut house.connect("engineer", "error"), "SELECT 1");
    passes(&mut agent, STATEMENTS[0]);
    assert_eq!(house.state(&id), "used");
    waits(&mut agent, "COMMENT ON TABLE visits IS 'who;  when'");
    waits(&mut agent, STATEMENTS[2]);
    passes(&mut agent, STATEMENTS[1]);
    // It is that session's, and goes with it.
    waits(&mut house.connect("agent", ""), STATEMENTS[2]);
    passes(&mut agent, STATEMENTS[2]);
    drop(agent);
    waits(&mut house.connect("agent", ""), STATEMENTS[3]);
    assert_eq!(house.number("SELECT count(*) FROM orders WHERE visits = 0"), 0);
}

#[test]
fn what_was_approved_is_what_runs() {
    let house = House::open();
    // Settings under which its names would be others'.
    let id = approved(&house, "agent", "UPDATE orders SET status = 'closed' WHERE price >= 0");
    let mut agent = house.connect("agent", "");
    passes(&mut agent, "SET search_path = shadow, public");
    waits(&mut agent, "UPDATE orders SET status = 'closed' WHERE price >= 0");
    passes(&mut agent, "RESET search_path");
    // More than its text: what it runs was prepared before.
    passes(&mut agent, "UPDATE orders SET status = 'closed' WHERE price >= 0");
    assert_eq!(house.state(&id), "used");
    // Bodies that are others by now.
    let calls = "UPDATE orders SET price = doubled(price) WHERE price >= 0";
    let id = approved(&house, "agent", calls);
    house.execute("CREATE OR REPLACE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0'");
    passes(&mut house.connect("operator", ""), "CREATE TABLE seen (id integer)");
    waits(&mut agent, calls);
    assert_eq!(house.state(&id), "approved");
    // What wasn't there yet is by now another's: a view of what nobody has seen in the request.
    let file = "CREATE TABLE stage (id integer, price integer); UPDATE stage SET price = 0 WHERE price >= 0";
    let id = approved(&house, "engineer", file);
    let mut engineer = house.connect("engineer", "error");
    passes(&mut engineer, "CREATE VIEW stage AS SELECT id, price FROM orders");
    waits(&mut engineer, "UPDATE stage SET price = 0 WHERE price >= 0");
    assert_eq!(house.state(&id), "approved");
    // What is refused isn't submitted, and what passes needn't be.
    for (text, words) in [
        ("SELECT 1; DROP TABLE orders", "statement 2 would be refused"),
        ("SELECT 1", "nothing in this file needs approval"),
        ("COPY orders FROM STDIN", "COPY"),
        ("UPDATE orders SET", "can't be read"),
        ("-- nothing", "no statement"),
    ] {
        let (code, said) = submit(&house, "agent", text);
        assert_eq!(code, 2, "{text}");
        assert!(said.to_string().contains(words), "{said}");
    }
}

#[test]
fn several_statements_of_one_message_pass_together() {
    let house = House::open();
    let id = approved(&house, "agent", FILE);
    let mut agent = house.connect("agent", "");
    passes(&mut agent, &format!("{}; {}", STATEMENTS[0], STATEMENTS[1]));
    assert_eq!(house.state(&id), "used");
    let answer = agent.extended(STATEMENTS[2], b"").expect("an answer");
    assert_eq!(answer.sqlstate(), None);
    waits(&mut agent, &format!("{}; {}", STATEMENTS[4], STATEMENTS[3]));
    passes(&mut agent, STATEMENTS[3]);
}

#[test]
fn nothing_gets_round_a_statement_of_the_set() {
    let house = House::open();
    let file =
        "UPDATE orders SET status = 'kept' WHERE price >= 0; UPDATE orders SET status = 'closed' WHERE price >= 0;";
    let (first, second) = file.trim_end_matches(';').split_once("; ").expect("two");
    let id = approved(&house, "agent", file);
    let mut agent = house.connect("agent", "");
    // The same text on a temporary table is another statement, and doesn't stand for the one that was approved.
    passes(&mut agent, "CREATE TEMPORARY TABLE orders (status text, price integer)");
    agent.query(first).expect("an answer");
    passes(&mut agent, "DROP TABLE pg_temp.orders");
    waits(&mut agent, second);
    // Another command in the same message could change what it means.
    for beside in ["SET work_mem = '5MB'", "SET search_path = shadow, public"] {
        let answer = agent.query(&format!("{beside}; {first}")).expect("an answer");
        assert!(answer.error().is_some(), "{beside}");
    }
    assert_eq!(house.state(&id), "approved");
    // In a failed transaction nothing is spent.
    passes(&mut agent, "BEGIN");
    agent.query("SELECT 1 / 0").expect("an answer");
    assert_eq!(
        agent.query(first).expect("an answer").sqlstate().as_deref(),
        Some("25P02")
    );
    passes(&mut agent, "ROLLBACK");
    assert_eq!(house.state(&id), "approved");
    passes(&mut agent, first);
    passes(&mut agent, second);
    assert_eq!((house.state(&id), house.closed()), ("used".into(), ROWS));
}

#[test]
fn whoever_submits_it_does_not_approve_it() {
    let house = House::open();
    let (_, request) = submit(&house, "agent", FILE);
    let id = format!("c{}", request["id"]);
    for who in [&["approve", &id][..], &["approve", &id, "--as", "engineer"]] {
        assert_eq!(house.approvals(who).0, 2, "{who:?}");
    }
    assert_eq!(house.state(&id), "pending");
    // The same file is the same request.
    let (_, again) = submit(&house, "agent", &FILE.replace("    ", "\t"));
    assert_eq!(again["id"], request["id"]);
    let (_, other) = submit(&house, "agent", &FILE.replace("who; when", "who"));
    assert_ne!(other["id"], request["id"]);
}

#[test]
fn programs_submit_their_own_by_http() {
    let house = House::open();
    let site = Site::of(&house);
    let password = |who: &str| house.access(who).password;
    let id = site.run(async {
        let login = ("agent", password("agent"));
        let (status, plan) = site
            .send("/api/v1/changes/plan", (login.0, &login.1), &json!({"text": FILE}))
            .await;
        assert_eq!(status.as_u16(), 200, "{plan}");
        assert_eq!(plan["statements"][1]["verdict"], "held");
        let body = json!({"text": FILE, "reason": "ticket 4711"});
        let (status, request) = site.send("/api/v1/changes", (login.0, &login.1), &body).await;
        assert_eq!(status.as_u16(), 200, "{request}");
        let id = request["id"].as_str().expect("an id").to_owned();
        for (body, expected) in [
            (json!({"text": "DROP TABLE orders"}), 422),
            (json!({"text": FILE, "database": "elsewhere"}), 403),
            (json!({"text": FILE, "reason": "two\nlines"}), 400),
        ] {
            let (status, said) = site.send("/api/v1/changes", (login.0, &login.1), &body).await;
            assert_eq!(status.as_u16(), expected, "{said}");
        }
        let approve = site
            .decide(&id, "approve", ("operator", &password("operator")), &json!({}))
            .await;
        assert_eq!(approve.0.as_u16(), 200, "{}", approve.1);
        id
    });
    let mut agent = house.connect("agent", "");
    passes(&mut agent, STATEMENTS[0]);
    assert_eq!(house.state(&id), "used");
}

fn tool(house: &House, who: &str, tool: &str, step: &str, folder: &Path) -> Outcome {
    let mut python = support::command(prepared("python").join("venv/bin/python"), &house.access(who));
    python
        .arg(tests("clients/change_sets.py"))
        .args([tool, step])
        .arg(folder)
        .env("PGSSLMODE", "disable");
    support::run(&mut python, PATIENCE)
}

fn migrates(name: &str, changed: &str) {
    let house = House::open();
    let folder = tempfile::tempdir().expect("a folder");
    let first = tool(&house, "operator", name, "first", folder.path());
    assert!(first.succeeded(), "{}", first.text());
    let printed = tool(&house, "operator", name, "sql", folder.path());
    assert!(printed.succeeded(), "{}", printed.text());
    let alone = tool(&house, "agent", name, "run", folder.path());
    assert!(alone.stderr.contains("waits for approval"), "{}", alone.text());
    let id = approved(&house, "agent", &printed.stdout);
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    let steps = request["steps"].as_array().expect("steps");
    let needed = steps.iter().filter(|step| step["outlook"] != "passes").count();
    assert_eq!(needed, 5, "{request}");
    let run = tool(&house, "agent", name, "run", folder.path());
    assert!(run.succeeded(), "{}", run.text());
    assert_eq!(house.state(&id), "used");
    assert_eq!(house.number(changed), ROWS);
}

const PRISMA_SCHEMA: &str = r#"
generator client {
  provider = "prisma-client-js"
}
datasource db {
  provider = "postgresql"
  url      = "postgresql://unused"
}
"#;

const PRISMA_FIRST: &str = r#"
    CREATE TABLE "people" ("id" SERIAL NOT NULL, "name" TEXT NOT NULL, CONSTRAINT "people_pkey" PRIMARY KEY ("id"));
    INSERT INTO "people" ("name") SELECT 'person ' || n FROM generate_series(1, 199) n;
"#;

const PRISMA_SECOND: &str = r#"
-- CreateTable
CREATE TABLE "visits" ("id" BIGSERIAL NOT NULL, "person_id" INTEGER, CONSTRAINT "visits_pkey" PRIMARY KEY ("id"));
-- CreateIndex
CREATE INDEX "visits_person" ON "visits"("person_id");
-- AlterTable
ALTER TABLE "people" ADD COLUMN "nickname" TEXT;
UPDATE "people" SET "nickname" = lower("name") WHERE "name" >= 'person';
-- CreateTable
CREATE TABLE "tags" ("id" SERIAL NOT NULL, "word" VARCHAR(40) NOT NULL, CONSTRAINT "tags_pkey" PRIMARY KEY ("id"));
"#;

fn prisma(house: &House, who: &str, folder: &Path, arguments: &[&str]) -> Outcome {
    let installed = prepared("prisma");
    let mut node = support::command("node", &house.access(who));
    node.arg("node_modules/prisma/build/index.js")
        .args(arguments)
        .args(["--config", "prisma.config.mjs"])
        .current_dir(&installed)
        .env("MIGRATIONS", folder)
        .env("PGSSLMODE", "disable")
        // Its engine is a part of the package; what else it would download isn't used.
        .env("PRISMA_QUERY_ENGINE_LIBRARY", installed.join("unused"))
        .env("PRISMA_SCHEMA_ENGINE_BINARY", installed.join("unused"))
        .env("CHECKPOINT_DISABLE", "1");
    support::run(&mut node, PATIENCE)
}

#[test]
fn a_prisma_migration_of_five_statements_passes_whole() {
    let house = House::open();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("it is written");
    };
    write("schema.prisma", PRISMA_SCHEMA);
    write("migrations/migration_lock.toml", "provider = \"postgresql\"");
    write("migrations/0_there/migration.sql", "-- what was there before");
    write("migrations/1_first/migration.sql", PRISMA_FIRST);
    let deploy = |who: &str| prisma(&house, who, folder.path(), &["migrate", "deploy"]);
    let baseline = ["migrate", "resolve", "--applied", "0_there"];
    let there = prisma(&house, "operator", folder.path(), &baseline);
    assert!(there.succeeded(), "{}", there.text());
    let first = deploy("operator");
    assert!(first.succeeded(), "{}", first.text());
    write("migrations/2_second/migration.sql", PRISMA_SECOND);
    let id = approved(&house, "agent", PRISMA_SECOND);
    let run = deploy("agent");
    assert!(run.succeeded(), "{}", run.text());
    assert_eq!(house.state(&id), "used");
    let changed = "SELECT count(*) FROM people WHERE nickname LIKE 'person %'";
    assert_eq!(house.number(changed), ROWS);
    // One that nobody has approved runs no statement of it.
    let third = "UPDATE people SET nickname = NULL WHERE nickname LIKE 'person %';";
    write("migrations/3_third/migration.sql", third);
    let alone = deploy("agent");
    assert!(
        !alone.succeeded() && alone.text().contains("waits for approval"),
        "{}",
        alone.text()
    );
    assert_eq!(house.number(changed), ROWS);
}

#[test]
fn an_alembic_migration_of_five_statements_passes_whole() {
    migrates("alembic", "SELECT count(*) FROM people WHERE nickname LIKE 'person %'");
}

#[test]
fn a_django_migration_of_five_statements_passes_whole() {
    migrates("django", "SELECT count(*) FROM store_item WHERE note LIKE 'ITEM %'");
}
