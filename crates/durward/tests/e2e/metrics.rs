//! Figures for Prometheus, and the dashboard that shows them.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use durward_testkit::{Gateway, GatewayOptions, PostgresServer, RawClient};

use crate::support;

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The value of a line.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .expect("a number")
}

#[test]
fn figures_count_what_happened_and_the_dashboard_knows_them() {
    let server = PostgresServer::start();
    let upstream = server.create_database("figures", None);
    server.execute("figures", "CREATE TABLE guests (id int PRIMARY KEY, email text)");
    server.execute(
        "figures",
        "INSERT INTO guests SELECT n, 'p' || n || '@example.org' FROM generate_series(1, 50) n",
    );
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let options = GatewayOptions {
        arguments: vec!["--metrics-listen".to_owned(), port.to_string()],
        ..GatewayOptions::default()
    };
    let gateway = Gateway::start(&support::binary(), &upstream, &options);
    let address = format!("127.0.0.1:{port}");
    let run = |who: &str, text: &str| {
        let mut client = RawClient::connect(&gateway.access(who)).expect("a login");
        client.query(text).expect("an answer").sqlstate()
    };
    let before = get(&address, "/metrics");
    assert!(before.starts_with("HTTP/1.1 200 OK\r\n"), "{before}");
    assert_eq!(run("engineer", "SELECT email FROM guests"), None);
    assert_eq!(run("agent", "DROP TABLE guests").as_deref(), Some("42501"));
    assert_eq!(run("service", "SELECT 1 / 0").as_deref(), Some("22012"));
    let after = get(&address, "/metrics");
    let grown = |name: &str| value(&after, name) - value(&before, name);
    assert_eq!(
        grown("durward_statements_total{class=\"read\",verdict=\"permitted\"}"),
        2.0
    );
    assert_eq!(
        grown("durward_statements_total{class=\"ddl\",verdict=\"refused\"}"),
        1.0
    );
    assert_eq!(grown("durward_masked_cells_total"), 50.0);
    assert_eq!(grown("durward_upstream_errors_total"), 1.0);
    assert_eq!(grown("durward_logins_total"), 3.0);
    assert_eq!(grown("durward_overhead_seconds_count"), 3.0);
    assert_eq!(
        value(&after, "durward_overhead_seconds_bucket{le=\"+Inf\"}"),
        value(&after, "durward_overhead_seconds_count")
    );
    assert!(grown("durward_ledger_events_total") > 8.0);
    assert_eq!(value(&after, "durward_ledger_failed"), 0.0);
    for name in ["email", "guests", "engineer", "figures"] {
        assert!(!after.contains(name), "{name} in {after}");
    }
    assert!(get(&address, "/").starts_with("HTTP/1.1 404"));

    // Whatever the dashboard asks for is there.
    let dashboard =
        std::fs::read_to_string(support::repository().join("contrib/grafana-durward.json")).expect("a file");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let expressions = dashboard["panels"]
        .as_array()
        .expect("panels")
        .iter()
        .flat_map(|panel| {
            let targets = panel["targets"].as_array().expect("targets");
            targets
                .iter()
                .map(|target| target["expr"].as_str().expect("an expression").to_owned())
        });
    let mut asked = BTreeSet::new();
    for expression in expressions {
        for word in expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            asked.extend(word.starts_with("durward_").then(|| word.to_owned()));
        }
    }
    assert!(asked.len() > 12, "{asked:?}");
    for name in asked {
        let known = after.lines().any(|line| {
            line.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        assert!(known, "no {name}");
    }
}
