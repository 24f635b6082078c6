//! What is found in the columns of real databases, what is not, and what people say of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use durward_testkit::{Access, Gateway, GatewayOptions, PostgresServer, RawClient, run_on};
use serde_json::Value;

use crate::support::{self, Demo, Outcome};

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// One line of `durward data map --json`.
#[derive(Debug, Clone)]
struct Column {
    state: String,
    label: Option<String>,
    evidence: String,
    told_by: Option<String>,
}

impl Column {
    fn of(line: &Value) -> Self {
        let word = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
        let evidence = line.get("evidence").and_then(Value::as_array).into_iter().flatten();
        Self {
            state: word("state").expect("every column has a state"),
            label: word("label"),
            evidence: evidence.filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
            told_by: word("told_by"),
        }
    }

    /// The label, or the state where there is none.
    fn word(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.state)
    }
}

/// What is known, by `table.column`.
fn map(data_dir: &Path) -> BTreeMap<String, Column> {
    let output = Outcome::from(run_on(
        &support::binary(),
        data_dir,
        &["data", "map", "--json", "--all"],
    ));
    assert!(output.succeeded(), "{}", output.text());
    parse(&output.stdout)
}

fn parse(lines: &str) -> BTreeMap<String, Column> {
    lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let word = |key: &str| line.get(key).and_then(Value::as_str).expect("a name").to_owned();
            (format!("{}.{}", word("table"), word("column")), Column::of(&line))
        })
        .collect()
}

/// The map, once it says what it shall say.
fn map_when(data_dir: &Path, mut says: impl FnMut(&BTreeMap<String, Column>) -> bool) -> BTreeMap<String, Column> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let map = map(data_dir);
        if says(&map) {
            return map;
        }
        assert!(Instant::now() < deadline, "it still says {map:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the shop's columns hold; more than one word where either would do.
const SHOP: &[(&str, &[&str])] = &[
    ("customers.email", &["email"]),
    ("customers.phone", &["phone"]),
    ("customers.first_name", &["person_name"]),
    ("customers.last_name", &["person_name"]),
    ("customers.birth_date", &["birth_date"]),
    ("employees.name", &["person_name"]),
    ("employees.email", &["email"]),
    ("employees.salary", &["salary"]),
    ("employees.iban", &["iban"]),
    ("suppliers.contact_email", &["email"]),
    ("suppliers.iban", &["iban"]),
    ("payments.card_number", &["card_number"]),
    ("payments.card_holder", &["person_name"]),
    ("payments.iban", &["iban"]),
    ("addresses.street", &["street_address"]),
    ("addresses.postcode", &["postcode"]),
    ("api_keys.secret", &["secret"]),
    ("web_sessions.session_token", &["secret"]),
    ("web_sessions.ip", &["ip_address"]),
    ("profiles.data", &["json"]),
    ("support_tickets.body", &["untrusted", "free_text"]),
    ("ticket_messages.body", &["untrusted", "free_text"]),
    ("products.sku", &["harmless"]),
    ("products.name", &["harmless"]),
    ("products.price", &["harmless"]),
    ("products.stock", &["harmless"]),
    ("products.product_id", &["harmless"]),
    ("products.created_at", &["harmless"]),
    ("categories.name", &["harmless"]),
    ("customers.newsletter", &["harmless"]),
    ("customers.created_at", &["harmless"]),
    ("customers.customer_id", &["harmless"]),
    ("orders.status", &["harmless"]),
    ("orders.placed_at", &["harmless"]),
    ("orders.customer_id", &["harmless"]),
    ("order_items.quantity", &["harmless"]),
    ("order_items.unit_price", &["harmless"]),
    ("payments.amount", &["harmless"]),
    ("payments.method", &["harmless"]),
    ("reviews.stars", &["harmless"]),
    ("shipments.carrier", &["harmless"]),
    ("support_tickets.status", &["harmless"]),
    ("page_views.duration_ms", &["harmless"]),
    ("page_views.viewed_at", &["harmless"]),
];

#[test]
fn the_shop_is_understood_with_nothing_configured() {
    let demo = Demo::start();
    let found = map(&demo.data_dir);
    let check = |found: &BTreeMap<String, Column>| {
        let wrong = |(column, expected): &&(&str, &[&str])| {
            found.get(*column).is_none_or(|found| !expected.contains(&found.word()))
        };
        let wrong: Vec<String> = SHOP
            .iter()
            .filter(wrong)
            .map(|(column, expected)| format!("{column}: {expected:?} expected, found {:?}", found.get(*column)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    };
    check(&found);
    assert!(
        found.keys().all(|column| !column.starts_with("page_views_2026")),
        "partitions have what their parent has"
    );
    // Not a value of the database is in what is kept or shown of it.
    let kept = std::fs::read_to_string(demo.data_dir.join("labels/shop.found.json")).expect("what was found is kept");
    for value in ["@example", "AKIA", "sk_live"] {
        assert!(!kept.contains(value), "{value}");
    }

    // The same without a gateway.
    let direct = Command::new(support::binary())
        .args(["data", "map", &demo.upstream, "--json", "--all"])
        .output()
        .expect("the program runs");
    let direct = Outcome::from(direct);
    assert!(direct.succeeded(), "{}", direct.text());
    check(&parse(&direct.stdout));
}

/// A login with few rights, as the gateway's.
const LOGIN: &str = "CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT CREATE ON SCHEMA public TO reader;";

const TABLES: &str = "
    CREATE TABLE people (id integer PRIMARY KEY, contact text, shade text);
    CREATE TABLE hidden (id integer PRIMARY KEY, thing text);
    CREATE TABLE busy (id integer PRIMARY KEY, thing text);
    CREATE TABLE empty (id integer PRIMARY KEY, thing text);
    CREATE TABLE guarded (id integer PRIMARY KEY, thing text);
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE VIEW look AS SELECT * FROM people;
    INSERT INTO people SELECT n, 'person' || n || '@mail.example.org', 'blue' FROM generate_series(1, 300) n;
    INSERT INTO hidden SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 300) n;
    INSERT INTO busy SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 300) n;
    INSERT INTO guarded SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 300) n;
    GRANT SELECT, INSERT ON people, busy, empty, guarded TO reader;
";

fn upstream(server: &PostgresServer, name: &str) -> Access {
    let access = server.create_database(name, None);
    server.execute(name, LOGIN);
    server.execute(name, TABLES);
    Access {
        user: "reader".to_owned(),
        password: "reader".to_owned(),
        ..access
    }
}

fn run(client: &mut RawClient, text: &str) {
    let answer = client.query(text).expect("an answer");
    assert_eq!(answer.sqlstate(), None, "{text}");
}

#[test]
fn what_cannot_be_read_is_undecided_until_it_can() {
    let server = PostgresServer::start();
    let upstream = upstream(&server, "rights");
    let mut locker = RawClient::connect(&server.access("rights")).expect("a login");
    run(&mut locker, "BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE");
    let gateway = Gateway::start(&support::binary(), &upstream, &GatewayOptions::default());
    let found = map(gateway.data_dir());
    let check = |column: &str, word: &str, reason: &str| {
        let found = found.get(column).unwrap_or_else(|| panic!("no {column} in {found:#?}"));
        assert_eq!(found.word(), word, "{column}: {found:?}");
        assert!(found.evidence.contains(reason), "{column}: {found:?}");
    };
    check("people.contact", "email", "");
    check("people.shade", "harmless", "");
    check("hidden.thing", "undecided", "may not read");
    check("guarded.thing", "undecided", "may not read");
    check("busy.thing", "undecided", "locked");
    check("empty.thing", "undecided", "");
    assert!(!found.contains_key("look.contact"), "views go by their tables");

    run(&mut locker, "COMMIT");
    server.execute("rights", "GRANT SELECT ON hidden TO reader");
    server.execute(
        "rights",
        "INSERT INTO empty SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 30) n",
    );
    map_when(gateway.data_dir(), |found| {
        ["busy.thing", "empty.thing", "hidden.thing"]
            .iter()
            .all(|column| found[*column].word() == "email")
    });
}

#[test]
fn what_is_new_is_judged_within_seconds() {
    let server = PostgresServer::start();
    let upstream = upstream(&server, "fresh");
    let gateway = Gateway::start(&support::binary(), &upstream, &GatewayOptions::default());
    let mut client = RawClient::connect(&gateway.access("operator")).expect("a login");
    run(
        &mut client,
        "CREATE TABLE visitors (id integer PRIMARY KEY, reached_at text, born timestamptz);
         INSERT INTO visitors SELECT n, '+44 20 7946 0' || n, now() FROM generate_series(100, 199) n",
    );
    map_when(gateway.data_dir(), |found| {
        found
            .get("visitors.reached_at")
            .is_some_and(|column| column.word() == "phone")
    });
    // Round the gateway, and under another name: what was seen in it stays with it.
    server.execute(
        "fresh",
        "ALTER TABLE people RENAME COLUMN contact TO sku; ALTER TABLE people ADD extra text",
    );
    let found = map_when(gateway.data_dir(), |found| found.contains_key("people.extra"));
    assert_eq!(found["people.sku"].word(), "email");
    assert_eq!(found["people.extra"].state, "undecided");
}

#[test]
fn what_somebody_said_wins_for_ever() {
    let server = PostgresServer::start();
    let upstream = upstream(&server, "told");
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path();
    let options = GatewayOptions {
        data_dir: Some(data_dir.to_owned()),
        ..GatewayOptions::default()
    };
    let binary = support::binary();
    let label =
        |column: &str, label: &str| Outcome::from(run_on(&binary, data_dir, &["data", "label", "told", column, label]));
    let gateway = Gateway::start(&binary, &upstream, &options);
    assert_eq!(map(data_dir)["people.contact"].word(), "email");
    for (column, word) in [("public.people.contact", "none"), ("people.shade", "health")] {
        let told = label(column, word);
        assert!(told.succeeded(), "{}", told.text());
    }
    for (column, word, message) in [
        ("public.people.contct", "none", "no column contct"),
        ("public.people.contact", "emial", "no label \"emial\""),
        ("contact", "none", "names no column"),
        ("public.look.contact", "none", "no table public.look"),
    ] {
        let refused = label(column, word);
        assert!(
            !refused.succeeded() && refused.stderr.contains(message),
            "{}",
            refused.text()
        );
    }
    let check = |contact: &str| {
        let found = map(data_dir);
        assert_eq!(found[contact].word(), "harmless");
        assert!(
            found[contact]
                .told_by
                .as_ref()
                .is_some_and(|by| by.starts_with("unix:"))
        );
        assert_eq!(found["people.shade"].word(), "health");
    };
    check("people.contact");
    drop(gateway);
    // Where no gateway runs, what is kept is shown and changed.
    check("people.contact");
    let told = label("public.hidden.thing", "secret");
    assert!(told.succeeded(), "{}", told.text());

    server.execute(
        "told",
        "ALTER TABLE people RENAME COLUMN contact TO reached_by; ALTER TABLE people RENAME TO folk",
    );
    let gateway = Gateway::start(&binary, &upstream, &options);
    let found = map(data_dir);
    assert_eq!(found["folk.reached_by"].word(), "harmless");
    assert_eq!(found["folk.shade"].word(), "health");
    assert_eq!(found["hidden.thing"].word(), "secret");
    let back = label("folk.reached_by", "auto");
    assert!(back.succeeded(), "{}", back.text());
    assert_eq!(map(data_dir)["folk.reached_by"].word(), "email");

    // A label follows the name to a new table; that something is harmless doesn't.
    server.execute(
        "told",
        "DROP VIEW look; DROP TABLE folk; CREATE TABLE folk (id integer, shade text, reached_by text)",
    );
    let mut client = RawClient::connect(&gateway.access("engineer")).expect("a login");
    run(&mut client, "SELECT 1");
    map_when(data_dir, |found| {
        found["folk.shade"].word() == "health" && found["folk.reached_by"].told_by.is_none()
    });
    let record = Outcome::from(gateway.command(&["audit", "tail", "--lines", "200", "--json"]));
    let told = record.stdout.lines().filter(|line| line.contains("data_label")).count();
    assert_eq!(told, 4, "{}", record.text());
}

/// What goes into another column takes its label along: into a table that the statement makes, and into one that is there.
#[test]
fn labels_follow_copied_values() {
    let demo = Demo::start();
    map_when(&demo.data_dir, |map| {
        map.get("employees.salary")
            .is_some_and(|column| column.word() == "salary")
            && map.get("orders.note").is_some()
    });
    let mut operator = RawClient::connect(&demo.access("operator")).expect("a login");
    for text in [
        "CREATE TABLE report (a, b, c) AS SELECT salary, e.name AS who, employee_id FROM employees e",
        "CREATE TABLE figures (x numeric, y text, z integer)",
        "INSERT INTO figures SELECT salary::numeric, 'none', employee_id FROM employees",
    ] {
        let answer = operator.query(text).expect("an answer");
        assert!(answer.error().is_none(), "{text}: {answer:?}");
    }
    let map = map_when(&demo.data_dir, |map| {
        ["report.a", "report.b", "report.c", "figures.x", "figures.z"]
            .iter()
            .all(|column| map.contains_key(*column))
            && map["figures.x"].word() == "salary"
            && map["report.a"].word() == "salary"
    });
    assert_eq!(map["report.b"].word(), "person_name");
    assert!(map["figures.x"].evidence.contains("public.employees.salary"), "{map:?}");
    for harmless in ["report.c", "figures.y", "figures.z"] {
        assert_ne!(map[harmless].word(), "salary");
        assert!(map[harmless].told_by.is_none(), "{harmless}");
    }
    let mut engineer = RawClient::connect(&demo.access("engineer")).expect("a login");
    let clear = operator
        .query("SELECT salary FROM employees ORDER BY employee_id")
        .expect("an answer");
    for select in ["SELECT a FROM report ORDER BY c", "SELECT x FROM figures ORDER BY z"] {
        let masked = engineer.query(select).expect("an answer");
        assert!(masked.error().is_none(), "{select}: {masked:?}");
        let same = masked
            .rows()
            .iter()
            .zip(clear.rows())
            .filter(|(one, other)| **one == *other)
            .count();
        assert!(same * 10 < clear.rows().len(), "{select}: {same} are the same");
    }
}
