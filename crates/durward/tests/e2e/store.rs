//! The store that keeps the records of many gateways: two of them send, one is killed, the store comes and goes.

use std::path::Path;
use std::time::{Duration, Instant};

use durward_testkit::{Gateway, GatewayOptions, PostgresServer, RawClient, run_on};

use crate::support::{self, Outcome};

/// How long what is signed may take to arrive.
const PATIENCE: Duration = Duration::from_secs(40);

fn audit(data: &Path, arguments: &[&str]) -> Outcome {
    Outcome::from(run_on(&support::binary(), data, &[&["audit"], arguments].concat()))
}

/// One answer of the store.
fn ask(store: &PostgresServer, question: &str) -> String {
    let mut client = RawClient::connect(&store.access("audit")).expect("a login");
    client.query(question).expect("an answer").rows().concat().concat()
}

/// The id of a gateway's record, and the number of its last event.
fn own(data: &Path) -> (String, u64) {
    let checkpoint = audit(data, &["checkpoint"]).stdout;
    let origin = checkpoint.lines().next().expect("an origin");
    let id = origin.strip_prefix("durward-ledger/").expect("an id").to_owned();
    let last = audit(data, &["tail", "--lines", "1", "--json"]).stdout;
    let last: serde_json::Value = serde_json::from_str(last.lines().next().expect("an event")).expect("an event");
    (id, last["number"].as_u64().expect("a number"))
}

/// Waits until the store has all of a record that is there now.
fn arrive(store: &PostgresServer, data: &Path) -> String {
    let (id, last) = own(data);
    let began = Instant::now();
    loop {
        let events = ask(
            store,
            &format!("SELECT events FROM durward_audit.logs WHERE ledger = '{id}'"),
        );
        if events.parse().is_ok_and(|events: u64| events >= last) {
            return id;
        }
        assert!(began.elapsed() < PATIENCE, "the store has {events:?} of {last} events");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn two_gateways_lose_nothing_and_send_nothing_twice() {
    let server = PostgresServer::start();
    let upstream = server.create_database("shop", None);
    server.execute("shop", "CREATE TABLE goods (id bigint PRIMARY KEY)");
    let mut store = PostgresServer::start();
    let url = store.create_database("audit", None).url();
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let start = |data: &Path| {
        let options = GatewayOptions {
            data_dir: Some(data.to_owned()),
            environment: vec![("DURWARD_AUDIT_STORE".into(), url.clone())],
            ..GatewayOptions::default()
        };
        Gateway::start(&support::binary(), &upstream, &options)
    };
    let mut gateways = folders.each_ref().map(|folder| start(folder.path()));
    let load = |gateway: &Gateway, count: u32| {
        let mut client = RawClient::connect(&gateway.access("service")).expect("a login");
        for _ in 0..count {
            let answer = client.query("SELECT count(*) FROM goods").expect("an answer");
            assert_eq!(answer.sqlstate(), None);
        }
    };
    for (gateway, folder) in gateways.iter().zip(&folders) {
        load(gateway, 300);
        arrive(&store, folder.path());
    }
    // The store goes away under load; statements go on, and one gateway dies meanwhile.
    std::thread::scope(|scope| {
        for gateway in &gateways {
            scope.spawn(|| load(gateway, 1_000));
        }
        store.stop();
    });
    gateways[0].kill();
    gateways[0] = start(folders[0].path());
    store.start_again();
    let mut ids = Vec::new();
    for (gateway, folder) in gateways.iter().zip(&folders) {
        load(gateway, 100);
        std::fs::write(folder.path().join("key"), audit(folder.path(), &["key"]).stdout).expect("a key");
        ids.push(arrive(&store, folder.path()));
    }
    let gaps = "SELECT count(*) FROM (SELECT ledger FROM durward_audit.events GROUP BY ledger
        HAVING count(*) <> max(number) OR min(number) <> 1) AS odd";
    assert_eq!(ask(&store, gaps), "0");
    assert_eq!(
        ask(&store, "SELECT count(DISTINCT ledger) FROM durward_audit.events"),
        "2"
    );

    // Fetched where there is nothing but the store and the keys, each is sound and the gateway's own.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = |name: &str| elsewhere.path().join(name).display().to_string();
    let key = |folder: &tempfile::TempDir| folder.path().join("key").display().to_string();
    let (one, other) = (key(&folders[0]), key(&folders[1]));
    let fetch = |target: &str| {
        let keys = ["--key", &one, "--key", &other];
        let mut durward = std::process::Command::new(support::binary());
        durward.args(["audit", "fetch", &url, target]).args(keys);
        support::run(&mut durward, PATIENCE)
    };
    let fetched = fetch(&path("all"));
    assert!(
        fetched.succeeded() && fetched.stdout.matches("sound").count() == 2,
        "{}",
        fetched.text()
    );
    assert!(
        !fetched.stdout.contains("by a key from the store"),
        "{}",
        fetched.text()
    );
    for (folder, id) in folders.iter().zip(&ids) {
        let ledger = path(&format!("all/{id}"));
        let anchor = format!("{ledger}/checkpoint");
        let agrees = audit(folder.path(), &["verify", "--anchor", &anchor]);
        assert!(agrees.succeeded(), "{}", agrees.text());
        let found = audit(
            folder.path(),
            &["search", "--ledger-dir", &ledger, "--table", "goods", "--json"],
        );
        let times: u64 = found
            .stdout
            .lines()
            .filter_map(|row| {
                serde_json::from_str::<serde_json::Value>(row)
                    .ok()?
                    .get("count")?
                    .as_u64()
            })
            .sum();
        assert_eq!(times, 1_400, "{}", found.text());
    }
    // What is changed in the store is found.
    store.execute(
        "audit",
        "UPDATE durward_audit.events e SET record = set_byte(record, length(record) - 1, get_byte(record, length(record) - 1) # 1)
         FROM durward_audit.logs l WHERE l.ledger = e.ledger AND number = events",
    );
    let changed = fetch(&path("changed"));
    assert_eq!(changed.status, "exit status: 1", "{}", changed.text());
}
