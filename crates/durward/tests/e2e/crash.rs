//! `kill -9` at any moment: nothing is in the database that isn't in the record, nothing that a client was told is lost,
//! and the record still verifies.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use durward_testkit::{Access, Gateway, GatewayOptions, PostgresServer, RawClient, run_on};

use crate::support::{self, Outcome};

/// How often the gateway is killed.
const KILLS: u64 = 30;

/// How many clients write at once.
const WRITERS: u64 = 3;

/// A number that no two statements of this test share.
fn number(round: u64, writer: u64, count: u64) -> u64 {
    (round * WRITERS + writer) * 100_000 + count
}

/// The number stands in the text twice: as the value that the database keeps, and in a name that the record keeps,
/// because it doesn't keep values.
fn statement(number: u64) -> String {
    format!("INSERT INTO marks (number) VALUES ({number}) RETURNING number AS mark_{number}")
}

#[test]
fn killed_gateway_loses_no_intent() {
    let server = PostgresServer::start();
    let upstream = server.create_database("crash", None);
    server.execute("crash", "CREATE TABLE marks (number bigint PRIMARY KEY)");
    let data = tempfile::tempdir().expect("a folder");
    let options = GatewayOptions {
        data_dir: Some(data.path().to_owned()),
        ..GatewayOptions::default()
    };
    let acknowledged: Mutex<BTreeSet<u64>> = Mutex::default();
    for round in 0..KILLS {
        let mut gateway = Gateway::start(&support::binary(), &upstream, &options);
        let access = gateway.access("service");
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (access, acknowledged) = (&access, &acknowledged);
                scope.spawn(move || write_until_cut_off(access, round, writer, acknowledged));
            }
            // Moments spread over start, login and load; the same in every run of the test, as far as a clock can be.
            std::thread::sleep(Duration::from_millis(20 + round * 37 % 400));
            gateway.kill();
        });
    }
    let recorded = recorded(data.path());
    let stored = stored(&server, &upstream);
    let acknowledged = acknowledged.into_inner().expect("no writer failed");
    println!(
        "{KILLS} kills: {} told, {} stored, {} recorded",
        acknowledged.len(),
        stored.len(),
        recorded.len()
    );
    assert!(
        acknowledged.len() > usize::try_from(KILLS).expect("small"),
        "the writers hardly got to write"
    );
    let unrecorded: Vec<_> = stored.difference(&recorded).collect();
    assert!(
        unrecorded.is_empty(),
        "in the database but not in the record: {unrecorded:?}"
    );
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "told to the client but not in the database: {lost:?}");
    let verified = Outcome::from(run_on(&support::binary(), data.path(), &["audit", "verify"]));
    assert!(verified.succeeded(), "{}", verified.text());
    // A gateway starts again on what was left, and its record goes on.
    let gateway = Gateway::start(&support::binary(), &upstream, &options);
    let mut client = RawClient::connect(&gateway.access("service")).expect("a login");
    assert_eq!(
        client
            .query(&statement(number(KILLS, 0, 0)))
            .expect("an answer")
            .error(),
        None
    );
    drop(client);
    drop(gateway);
    let verified = Outcome::from(run_on(&support::binary(), data.path(), &["audit", "verify"]));
    assert!(verified.succeeded(), "{}", verified.text());
}

/// Writes one row after another, over both protocols, until the connection ends.
fn write_until_cut_off(access: &Access, round: u64, writer: u64, acknowledged: &Mutex<BTreeSet<u64>>) {
    let Ok(mut client) = RawClient::connect(access) else {
        return;
    };
    for count in 0.. {
        let number = number(round, writer, count);
        let text = statement(number);
        let answer = if count % 2 == 0 {
            client.query(&text)
        } else {
            client.extended(&text, b"")
        };
        match answer {
            Ok(answer) if answer.error().is_none() => {
                acknowledged.lock().expect("no writer failed").insert(number);
            }
            // The last thing that a dying gateway says may be an error: that row may or may not be there.
            Ok(_) | Err(_) => return,
        }
    }
}

/// Every number that is in the record.
fn recorded(data: &std::path::Path) -> BTreeSet<u64> {
    let began = Instant::now();
    let arguments = ["audit", "search", "--table", "marks", "--json", "--limit", "1000000"];
    let found = Outcome::from(run_on(&support::binary(), data, &arguments));
    assert!(found.succeeded(), "{}", found.text());
    println!("the search took {:?}", began.elapsed());
    found
        .stdout
        .split("mark_")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            rest.get(..end)?.parse().ok()
        })
        .collect()
}

/// Every number that is in the database.
fn stored(server: &PostgresServer, upstream: &Access) -> BTreeSet<u64> {
    let mut client = RawClient::connect(&server.access(&upstream.database)).expect("a direct connection");
    let rows = client.query("SELECT number FROM marks").expect("an answer").rows();
    rows.iter().filter_map(|row| row.first()?.parse().ok()).collect()
}
