use std::time::{Duration, Instant};

use durward_testkit::{Access, Gateway, GatewayOptions, PostgresServer, RawClient, ServerOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::support;

const TABLES: &str = "
    CREATE TABLE orders (id integer PRIMARY KEY, price integer NOT NULL, status text NOT NULL);
    INSERT INTO orders SELECT n, n - 1, 'open' FROM generate_series(1, 199) n;
    CREATE TABLE archive (LIKE orders INCLUDING ALL);
    CREATE FUNCTION wipe() RETURNS integer LANGUAGE plpgsql AS 'BEGIN DELETE FROM archive WHERE price >= 0; RETURN 1; END';
    CREATE TABLE parents (id integer PRIMARY KEY);
    INSERT INTO parents VALUES (1), (2);
    CREATE TABLE children (parent integer REFERENCES parents ON DELETE CASCADE, n integer);
    INSERT INTO children SELECT 1, n FROM generate_series(1, 150) n;
";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway in front of two tables.
pub(super) struct House {
    gateway: Option<Gateway>,
    server: PostgresServer,
    upstream: Access,
    data: TempDir,
}

impl House {
    /// On the version that `tests/prepare` fetched, or on the distribution's.
    pub(super) fn open(version: Option<&str>) -> Self {
        let bin = version.map(|version| support::prepared("servers").join(version).join("bin"));
        let server = PostgresServer::start_with(&ServerOptions {
            bin,
            ..ServerOptions::default()
        });
        let upstream = server.create_database("changed", None);
        server.execute("changed", TABLES);
        let mut house = Self {
            gateway: None,
            server,
            upstream,
            data: tempfile::tempdir().expect("a folder"),
        };
        house.restart();
        house
    }

    /// Ends the gateway, if there is one, and starts it on what was left.
    pub(super) fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same with further arguments.
    pub(super) fn restart_with(&mut self, further: &[&str]) {
        drop(self.gateway.take());
        let policy = support::tests("guardrails/in_clear.cedar").display().to_string();
        let mut arguments = vec!["--policy".to_owned(), policy, "--sampling=false".to_owned()];
        arguments.extend(further.iter().map(|argument| (*argument).to_owned()));
        let options = GatewayOptions {
            data_dir: Some(self.data.path().to_owned()),
            arguments,
            ..GatewayOptions::default()
        };
        self.gateway = Some(Gateway::start(&support::binary(), &self.upstream, &options));
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("it runs")
    }

    pub(super) fn connect(&self, who: &str) -> RawClient {
        RawClient::connect(&self.gateway().access(who)).expect("a login")
    }

    pub(super) fn connect_with(&self, who: &str, hold: &str) -> RawClient {
        let options = format!("-c durward.hold={hold}");
        RawClient::connect_with(&self.gateway().access(who), &[("options", &options)]).expect("a login")
    }

    /// A connection round the gateway.
    pub(super) fn direct(&self) -> RawClient {
        RawClient::connect(&self.server.access("changed")).expect("a direct connection")
    }

    pub(super) fn execute(&self, text: &str) {
        self.server.execute("changed", text);
    }

    /// All rows of a table, in the order of their texts where they have no number.
    pub(super) fn rows(&self, table: &str) -> Vec<String> {
        let text = format!("SELECT t::text FROM {table} AS t ORDER BY length(split_part(t::text, ',', 1)), 1");
        let rows = self.direct().query(&text).expect("an answer").rows();
        rows.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// Takes away where changes are kept, until the answer is called.
    pub(super) fn lose_vault(&self) -> impl FnOnce() + use<> {
        let folder = self.data.path().join("undo");
        let away = self.data.path().join("undo.away");
        std::fs::rename(&folder, &away).expect("a folder");
        std::fs::write(&folder, "").expect("a file in its place");
        move || {
            std::fs::remove_file(&folder).expect("the file");
            std::fs::rename(&away, &folder).expect("the folder");
        }
    }

    /// Runs `durward undo`: its exit code, and what it printed.
    pub(super) fn undo(&self, arguments: &[&str]) -> (i32, Value) {
        let all: Vec<&str> = ["undo"].iter().chain(arguments).chain(&["--json"]).copied().collect();
        let output = self.gateway().command(&all);
        let printed = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| String::from_utf8_lossy(&output.stderr).into_owned().into());
        (output.status.code().unwrap_or(-1), printed)
    }

    /// Runs `durward` with these arguments.
    pub(super) fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.gateway().command(arguments)
    }

    /// What was changed, newest first. The end of a transaction is kept a moment after its client hears of it.
    pub(super) fn changes(&self) -> Vec<Value> {
        await_that("the end of all transactions", || {
            let (_, changes) = self.undo(&["ls"]);
            let changes = changes.as_array()?.clone();
            let open = changes.iter().any(|change| change["state"] == "unknown");
            (!open).then_some(changes)
        })
    }

    pub(super) fn approve(&self, id: &str) {
        let output = self.gateway().command(&["approvals", "approve", id, "--json"]);
        assert!(
            output.status.success(),
            "{id}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub(super) fn approval(&self, id: &str) -> Value {
        let output = self.gateway().command(&["approvals", "show", id, "--json"]);
        serde_json::from_slice(&output.stdout).expect("a request")
    }

    /// Waits for the one request that is pending.
    pub(super) fn pending(&self) -> String {
        await_that("a request", || {
            let output = self.gateway().command(&["approvals", "ls", "--json"]);
            let requests: Value = serde_json::from_slice(&output.stdout).ok()?;
            let mut requests = requests.as_array()?.iter();
            let pending = requests.find(|request| request["state"] == "pending")?;
            Some(format!("c{}", pending["id"]))
        })
    }

    /// The bytes of all files in which changes are kept.
    pub(super) fn kept(&self) -> Vec<u8> {
        let folder = std::fs::read_dir(self.data.path().join("undo")).expect("a folder");
        folder
            .flat_map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"))
            .collect()
    }
}

pub(super) fn await_that<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let gives_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < gives_up, "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}
