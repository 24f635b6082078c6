//! Waiting as real drivers do it: longer than their socket timeouts, and given up by their own timeouts.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::house::{House, PATIENCE, ROWS};
use crate::support::{self, prepared, tests};

/// How long each driver waits: beyond two of its socket timeouts of 4 seconds. `DURWARD_TEST_HOLD_SECONDS` makes it longer.
const WAIT_SECONDS: u64 = 10;

fn wait() -> Duration {
    let given = std::env::var("DURWARD_TEST_HOLD_SECONDS").ok();
    Duration::from_secs(given.and_then(|text| text.parse().ok()).unwrap_or(WAIT_SECONDS))
}

fn start(command: &mut Command) -> Child {
    command
        .env("PGSSLMODE", "disable")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the driver runs")
}

fn python(house: &House, driver: &str) -> Child {
    let mut command = support::command(prepared("python").join("venv/bin/python"), &house.access("engineer"));
    start(command.arg(tests("clients/holds.py")).arg(driver))
}

fn java(house: &House, mode: &str) -> Child {
    let folder = prepared("jdbc");
    let classes = format!("{}:{}/postgresql.jar", folder.display(), folder.display());
    let mut command = support::command("java", &house.access("engineer"));
    start(command.args(["-XX:TieredStopAtLevel=1", "-cp", &classes, "Holds", mode]))
}

fn node(house: &House) -> Child {
    let mut command = support::command("node", &house.access("engineer"));
    command
        .env("NODE_NO_WARNINGS", "1")
        .env("NODE_PATH", prepared("node/node_modules"));
    start(command.arg(tests("clients/holds_node.js")))
}

fn psql(house: &House) -> Child {
    let mut command = support::command("psql", &house.access("engineer"));
    command.args(["-X", "-c", "UPDATE orders SET status = 'closed' WHERE price >= 0"]);
    start(&mut command)
}

/// A driver's name, and how it is started.
type Driver = (&'static str, fn(&House) -> Child);

/// Every driver waits on a house of its own, all at the same time.
#[test]
fn drivers_wait_longer_than_their_socket_timeouts() {
    let starts: [Driver; 6] = [
        ("psql", psql),
        ("psycopg", |house| python(house, "psycopg")),
        ("psycopg2", |house| python(house, "psycopg2")),
        ("asyncpg", |house| python(house, "asyncpg")),
        ("node-postgres", node),
        ("pgjdbc", |house| java(house, "wait")),
    ];
    let waiting: Vec<_> = starts
        .into_iter()
        .map(|(name, start)| {
            let house = House::open();
            let child = start(&house);
            (name, house, child)
        })
        .collect();
    let requests: Vec<String> = waiting.iter().map(|(_, house, _)| house.pending()).collect();
    let until = Instant::now() + wait();
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        std::thread::sleep(rest.min(Duration::from_secs(1)));
    }
    for ((name, house, child), id) in waiting.into_iter().zip(requests) {
        assert_eq!(house.busy(), 0, "{name}: something waits upstream");
        house.approve(&id);
        let outcome = support::finish(child, PATIENCE);
        let told =
            outcome.stdout.contains(&format!("changed {ROWS}")) || outcome.stdout.contains(&format!("UPDATE {ROWS}"));
        assert!(told, "{name}: {}", outcome.text());
        assert_eq!(house.closed(), ROWS, "{name}");
        assert_eq!(house.state(&id), "used", "{name}");
    }
}

#[test]
fn a_query_timeout_of_jdbc_withdraws() {
    let house = House::open();
    let child = java(&house, "timeout");
    let id = house.pending();
    let outcome = support::finish(child, PATIENCE);
    assert_eq!(outcome.stdout.trim(), "refused 57014", "{}", outcome.text());
    house.await_state(&id, "withdrawn");
    assert_eq!(house.closed(), 0);
}
