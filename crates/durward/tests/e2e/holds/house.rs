use std::time::{Duration, Instant};

use durward_testkit::{Access, Gateway, GatewayOptions, PostgresServer, RawClient};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

use crate::support;

/// How many rows the table has.
pub(crate) const ROWS: i64 = 199;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const TABLES: &str = "
    CREATE TABLE orders (id integer PRIMARY KEY, price integer NOT NULL, status text NOT NULL);
    INSERT INTO orders SELECT n, n - 1, 'open' FROM generate_series(1, 199) n;
    CREATE SCHEMA shadow;
    CREATE TABLE shadow.orders (LIKE public.orders INCLUDING ALL);
    CREATE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
";

/// A gateway in front of a table, and a way round it.
pub(crate) struct House {
    gateway: Option<Gateway>,
    server: PostgresServer,
    upstream: Access,
    data: TempDir,
    /// A policy besides the default pack.
    policy: Option<NamedTempFile>,
    /// Where news are sent, and how they are signed.
    webhook: Option<(String, String)>,
    /// People and agents see masks.
    is_masked: bool,
    /// Further arguments.
    arguments: Vec<String>,
    /// Further environment.
    environment: Vec<(String, String)>,
}

impl House {
    pub(crate) fn open() -> Self {
        Self::open_with(None, None)
    }

    /// The same, with news sent to another system.
    pub(crate) fn open_telling(url: &str, secret: &str) -> Self {
        Self::open_with(None, Some((url.to_owned(), secret.to_owned())))
    }

    /// The same under a policy of its own besides.
    pub(crate) fn open_under(policy: &str) -> Self {
        Self::open_with(Some(policy_file(policy)), None)
    }

    /// The same with masks in force.
    pub(crate) fn open_masked() -> Self {
        let mut house = Self::open_with(None, None);
        house.is_masked = true;
        house.restart();
        house
    }

    /// The same with further arguments and environment.
    pub(crate) fn open_given(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut house = Self::closed_with(None, None);
        house.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let pairs = environment.iter();
        house.environment = pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        house.restart();
        house
    }

    /// Both.
    pub(crate) fn open_telling_under(policy: &str, url: &str, secret: &str) -> Self {
        Self::open_with(Some(policy_file(policy)), Some((url.to_owned(), secret.to_owned())))
    }

    fn open_with(policy: Option<NamedTempFile>, webhook: Option<(String, String)>) -> Self {
        let mut house = Self::closed_with(policy, webhook);
        house.restart();
        house
    }

    fn closed_with(policy: Option<NamedTempFile>, webhook: Option<(String, String)>) -> Self {
        let server = PostgresServer::start();
        let upstream = server.create_database("holds", None);
        server.execute("holds", TABLES);
        Self {
            gateway: None,
            server,
            upstream,
            data: tempfile::tempdir().expect("a folder"),
            policy,
            webhook,
            is_masked: false,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Ends the gateway, if there is one, and starts it on what was left.
    pub(crate) fn restart(&mut self) {
        drop(self.gateway.take());
        let policy = support::tests("guardrails/in_clear.cedar").display().to_string();
        let mut arguments = vec!["--sampling=false".to_owned(), "--web=127.0.0.1:0".to_owned()];
        if !self.is_masked {
            arguments.extend(["--policy".to_owned(), policy]);
        }
        if let Some(file) = &self.policy {
            arguments.extend(["--policy".to_owned(), file.path().display().to_string()]);
        }
        arguments.extend(self.arguments.iter().cloned());
        let mut environment = self.environment.clone();
        if let Some((url, secret)) = &self.webhook {
            let reference = ["--webhook", url, "--webhook-secret", "env:HOOK_SECRET"];
            arguments.extend(reference.map(str::to_owned));
            environment.push(("HOOK_SECRET".to_owned(), secret.clone()));
        }
        let options = GatewayOptions {
            data_dir: Some(self.data.path().to_owned()),
            arguments,
            environment,
        };
        self.gateway = Some(Gateway::start(&support::binary(), &self.upstream, &options));
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("it runs")
    }

    /// Where people decide by HTTP.
    pub(crate) fn web(&self) -> &str {
        self.gateway().web().expect("it was asked for")
    }

    /// Runs any other command on this gateway.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.gateway().command(arguments)
    }

    pub(crate) fn access(&self, who: &str) -> Access {
        self.gateway().access(who)
    }

    /// A connection; `hold` is what it sets of itself, where it sets anything.
    pub(crate) fn connect(&self, who: &str, hold: &str) -> RawClient {
        let options = format!("-c durward.hold={hold}");
        let parameters = [("options", options.as_str())];
        let parameters = if hold.is_empty() { &[][..] } else { &parameters };
        RawClient::connect_with(&self.access(who), parameters).expect("a login")
    }

    /// Runs `durward approvals`: its exit code, and what it printed where that is JSON.
    pub(crate) fn approvals(&self, arguments: &[&str]) -> (i32, Value) {
        let all: Vec<&str> = std::iter::once("approvals").chain(arguments.iter().copied()).collect();
        let output = self.gateway().command(&all);
        let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap_or(-1), printed)
    }

    pub(crate) fn approve(&self, id: &str) {
        let output = self.command(&["approvals", "approve", id]);
        assert!(output.status.success(), "{id}: {output:?}");
    }

    /// Waits for the one request that is pending.
    pub(crate) fn pending(&self) -> String {
        await_that("a request", || {
            let (_, requests) = self.approvals(&["ls", "--json"]);
            let pending = requests
                .as_array()?
                .iter()
                .find(|request| request["state"] == "pending")?;
            Some(format!("c{}", pending["id"]))
        })
    }

    pub(crate) fn state(&self, id: &str) -> String {
        let (_, request) = self.approvals(&["show", id, "--json"]);
        request["state"].as_str().unwrap_or("unknown").to_owned()
    }

    pub(crate) fn await_state(&self, id: &str, state: &str) {
        await_that(state, || (self.state(id) == state).then_some(()));
    }

    /// Says what a column holds, as soon as the gateway has seen it.
    pub(crate) fn label(&self, column: &str, label: &str) {
        await_that(column, || {
            let told = self.command(&["data", "label", "holds", column, label]);
            told.status.success().then_some(())
        });
    }

    /// Waits until a statement is understood: the gateway has seen a change that went round it.
    pub(crate) fn await_catalog(&self, client: &mut RawClient, text: &str) {
        await_that(text, || {
            client
                .query(text)
                .expect("an answer")
                .sqlstate()
                .is_none()
                .then_some(())
        });
    }

    pub(crate) fn execute(&self, text: &str) {
        self.server.execute("holds", text);
    }

    pub(crate) fn number(&self, query: &str) -> i64 {
        let mut direct = RawClient::connect(&self.server.access("holds")).expect("a direct connection");
        let rows = direct.query(query).expect("an answer").rows();
        rows[0][0].parse().expect("a number")
    }

    pub(crate) fn closed(&self) -> i64 {
        self.number("SELECT count(*) FROM orders WHERE status = 'closed'")
    }

    /// How many sessions hold a lock on the table, or a transaction open.
    pub(crate) fn busy(&self) -> i64 {
        self.number(
            "SELECT (SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass) + \
             (SELECT count(*) FROM pg_stat_activity WHERE datname = 'holds' AND state LIKE 'idle in transaction%')",
        )
    }
}

pub(crate) fn policy_file(policy: &str) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".cedar").tempfile().expect("a file");
    std::fs::write(file.path(), policy).expect("it is written");
    file
}

/// A simple Query.
pub(crate) fn query(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len() + 5).expect("short").to_be_bytes();
    [b"Q", &length[..], text.as_bytes(), &[0]].concat()
}

fn await_that<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let gives_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < gives_up, "{what} didn't come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
