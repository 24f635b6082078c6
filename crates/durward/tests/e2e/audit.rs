//! What an auditor does with the record, by the command line: proofs taken elsewhere, checkpoints kept, changes found.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use durward_testkit::{Gateway, GatewayOptions, PostgresServer, RawClient, run_on};

use crate::support::{self, Outcome};

/// No check takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn audit(data: &Path, arguments: &[&str]) -> Outcome {
    Outcome::from(run_on(&support::binary(), data, &[&["audit"], arguments].concat()))
}

/// Checks a proof in an empty folder.
fn check_proof(nothing: &Path, proof: &str, key: &str) -> Outcome {
    let mut durward = Command::new(support::binary());
    durward
        .args(["audit", "verify-proof", proof, "--key", key])
        .current_dir(nothing);
    support::run(&mut durward, PATIENCE)
}

/// Runs a statement that is refused, and returns its event's number.
fn refused(gateway: &Gateway, data: &Path) -> String {
    let mut client = RawClient::connect(&gateway.access("agent")).expect("a login");
    let answer = client.query("DROP TABLE kept").expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("42501"));
    let found = audit(data, &["search", "--verdict", "refused", "--limit", "1", "--json"]);
    let row: serde_json::Value = serde_json::from_str(&found.stdout).expect("a row");
    row.get("last_event").expect("a number").to_string()
}

#[test]
fn auditor_needs_nothing_but_the_public_key_and_kept_checkpoints() {
    let server = PostgresServer::start();
    let upstream = server.create_database("audited", None);
    server.execute("audited", "CREATE TABLE kept (id bigint PRIMARY KEY)");
    let data = tempfile::tempdir().expect("a folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = |name: &str| elsewhere.path().join(name).display().to_string();
    let options = GatewayOptions {
        data_dir: Some(data.path().to_owned()),
        ..GatewayOptions::default()
    };
    let gateway = Gateway::start(&support::binary(), &upstream, &options);
    let event = refused(&gateway, data.path());

    // Taken away while the gateway runs, which then changes its key.
    std::fs::write(path("key"), audit(data.path(), &["key"]).stdout).expect("a file");
    let checkpoint = audit(data.path(), &["checkpoint"]);
    assert!(checkpoint.succeeded(), "{}", checkpoint.text());
    std::fs::write(path("checkpoint"), checkpoint.stdout).expect("a file");
    let proved = audit(data.path(), &["prove", &event, "--out", &path("proof")]);
    assert!(proved.succeeded(), "{}", proved.text());
    let running = audit(data.path(), &["key", "--rotate"]);
    assert!(running.succeeded(), "{}", running.text());
    assert_ne!(running.stdout, std::fs::read_to_string(path("key")).expect("a key"));
    let later = refused(&gateway, data.path());
    let sound = audit(data.path(), &["verify", "--key", &path("key"), "--index"]);
    assert!(
        sound.succeeded() && sound.stdout.contains("says what the record says"),
        "{}",
        sound.text()
    );
    let proved = audit(data.path(), &["prove", &later, "--out", &path("later")]);
    assert!(proved.succeeded(), "{}", proved.text());
    drop(gateway);

    // Checked where there is no gateway and no record.
    let nothing = tempfile::tempdir().expect("a folder");
    let checked = check_proof(nothing.path(), &path("proof"), &path("key"));
    assert!(checked.succeeded(), "{}", checked.text());
    assert!(checked.stdout.contains("DROP TABLE"), "{}", checked.text());
    let checked = check_proof(nothing.path(), &path("later"), &path("key"));
    assert!(checked.succeeded(), "{}", checked.text());
    let text = std::fs::read_to_string(path("proof")).expect("a proof");
    std::fs::write(path("forged"), text.replace("42501", "00000")).expect("a file");
    let forged = check_proof(nothing.path(), &path("forged"), &path("key"));
    assert_eq!(forged.status, "exit status: 1", "{}", forged.text());
    let missing = check_proof(nothing.path(), &path("none"), &path("key"));
    assert_eq!(missing.status, "exit status: 2", "{}", missing.text());

    // The record has grown, its key was changed, and the old key and checkpoint still do.
    let rotated = audit(data.path(), &["key", "--rotate"]);
    assert!(rotated.succeeded(), "{}", rotated.text());
    let (key, kept) = (path("key"), path("checkpoint"));
    let sound = audit(data.path(), &["verify", "--key", &key, "--checkpoint", &kept]);
    assert!(sound.succeeded(), "{}", sound.text());
    let grown = audit(data.path(), &["consistency", &kept, "--key", &key]);
    assert!(grown.succeeded(), "{}", grown.text());
    let published = audit(data.path(), &["publish", &path("log")]);
    assert!(published.succeeded(), "{}", published.text());
    assert!(elsewhere.path().join("log/checkpoint").exists());

    // One byte of the refusal's rule is changed.
    let segment = data.path().join("ledger/segments/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let shown = audit(data.path(), &["show", &event, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).expect("an event");
    let message = shown
        .get("message")
        .and_then(serde_json::Value::as_str)
        .expect("a message");
    let message = message.as_bytes();
    let place = bytes.windows(message.len()).position(|window| window == message);
    bytes[place.expect("the message is in the segment")] ^= 1;
    std::fs::write(&segment, bytes).expect("a segment");
    let changed = audit(data.path(), &["verify", "--json"]);
    assert_eq!(changed.status, "exit status: 1", "{}", changed.text());
    let finding: serde_json::Value = serde_json::from_str(&changed.stdout).expect("a finding");
    assert_eq!(finding.get("first_event").expect("a number").to_string(), event);
    let nothing = audit(nothing.path(), &["verify"]);
    assert_eq!(nothing.status, "exit status: 2", "{}", nothing.text());
}
