//! Reports about what really happened, checked where there is nothing but the report and the key; and who read the record.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_testkit::{RawClient, run_on};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{self, Demo, Outcome};

/// How long a checkpoint may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn durward(demo: &Demo, arguments: &[&str]) -> Outcome {
    Outcome::from(run_on(&support::binary(), &demo.data_dir, arguments))
}

fn rows(outcome: &Outcome) -> Vec<Value> {
    assert!(outcome.succeeded(), "{}", outcome.text());
    let rows = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row"));
    rows.collect()
}

fn table(report: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read(report.join(format!("{name}.json"))).expect("a table");
    serde_json::from_slice(&text).expect("rows")
}

/// The values of some members of rows, as one text.
fn members(rows: &[Value], names: &[&str]) -> Vec<String> {
    let member = |row: &Value, name: &str| match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => panic!("no {name} in {row}"),
    };
    let line = |row: &Value| names.iter().map(|name| member(row, name)).collect::<Vec<_>>().join(" ");
    rows.iter().map(line).collect()
}

#[test]
fn reports_tell_what_happened_and_readings_are_recorded() {
    let demo = Demo::start();
    let run = |who: &str, text: &str| {
        let mut client = RawClient::connect(&demo.access(who)).expect("a login");
        client.query(text).expect("an answer").sqlstate()
    };
    // Until the columns were looked at, nothing is known of them.
    let email = "SELECT email FROM customers WHERE customer_id = 1";
    assert_eq!(run("engineer", email), None);
    assert_eq!(run("operator", email), None);
    assert_eq!(run("agent", "DROP TABLE payments").as_deref(), Some("42501"));
    assert_eq!(
        run(
            "agent",
            "UPDATE support_tickets SET status = 'closed' WHERE ticket_id = 7"
        ),
        None
    );
    let hidden = "SELECT 1 AS \"\u{1b}[2J\u{202e}x\"";
    assert_eq!(run("operator", hidden), None);

    // Who read what, masked or not, and by SQL too.
    let search = ["audit", "search", "--label", "email", "--json"];
    let touched = members(&rows(&durward(&demo, &search)), &["who", "verdict"]);
    assert_eq!(touched, ["operator permitted", "engineer permitted"]);
    let in_clear = durward(&demo, &["audit", "search", "--in-clear", "--json"]);
    assert_eq!(members(&rows(&in_clear), &["who"]), ["operator"]);
    let first = durward(
        &demo,
        &[
            "audit",
            "search",
            "--first-access",
            "--table",
            "support_tickets",
            "--json",
        ],
    );
    assert_eq!(members(&rows(&first), &["who"]), ["agent for engineer"]);
    let query = "SELECT DISTINCT s.who, c.column_name, c.treatment FROM labelled_columns c
        JOIN statements s USING (statement_id) WHERE c.label = 'email' ORDER BY 1";
    let answered = rows(&durward(&demo, &["audit", "sql", query, "--json"]));
    assert_eq!(
        members(&answered, &["who", "column_name", "treatment"]),
        ["engineer email masked", "operator email clear"]
    );
    let refused = durward(&demo, &["audit", "sql", "SELECT * FROM ix_session"]);
    assert!(
        !refused.succeeded() && refused.stderr.contains("views"),
        "{}",
        refused.text()
    );
    let tail = durward(&demo, &["audit", "tail", "--lines", "1000"]);
    assert!(
        tail.succeeded() && !tail.stdout.contains(['\u{1b}', '\u{202e}']),
        "{}",
        tail.text()
    );

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), durward(&demo, &["audit", "key"]).stdout).expect("a file");
    let key = folder.path().join("key").display().to_string();
    let verify = |report: &str| {
        let mut verify = std::process::Command::new(support::binary());
        verify
            .args(["evidence", "verify", report, "--key", &key])
            .current_dir(folder.path())
            .env_remove("DURWARD_DATA_DIR");
        support::run(&mut verify, std::time::Duration::from_secs(60))
    };
    let build = |report: &str| {
        let out = folder.path().join(report);
        let path = out.display().to_string();
        let built = durward(&demo, &["evidence", "build", report, "--from", "1h", "--out", &path]);
        assert!(built.succeeded(), "{}", built.text());
        let verified = verify(report);
        assert!(verified.succeeded(), "{}", verified.text());
        out
    };
    let denied = table(&build("denied-attempts"), "refused");
    assert_eq!(
        members(&denied, &["who", "command", "times"]),
        ["agent for engineer DROP TABLE 1"]
    );
    let masked = table(&build("masking-coverage"), "columns");
    let email: Vec<_> = masked.into_iter().filter(|row| row["column_name"] == "email").collect();
    assert_eq!(members(&email, &["reads_masked", "reads_in_clear"]), ["1 1"]);
    let changes = table(&build("unapproved-changes"), "changes");
    assert_eq!(
        members(&changes, &["who", "command", "rows_affected"]),
        ["agent for engineer UPDATE 1"]
    );
    let identities = table(&build("identities-with-access"), "local-identities");
    assert_eq!(
        members(&identities, &["name", "valid_credentials", "databases"]),
        [
            "agent 1 [\"shop\"]",
            "engineer 1 [\"shop\"]",
            "operator 1 [\"shop\"]",
            "service 1 [\"shop\"]"
        ]
    );
    let readings = table(&build("ledger-access"), "readings");
    let actions: Vec<String> = members(&readings, &["action"]);
    for action in ["audit_search", "audit_sql", "audit_tail", "evidence_build"] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
    let forged = folder.path().join("denied-attempts/refused.csv");
    let text = std::fs::read_to_string(&forged).expect("a table");
    std::fs::write(&forged, text.replace("DROP TABLE", "SELECT")).expect("a file");
    let found = verify("denied-attempts");
    assert_eq!(found.status, "exit status: 1", "{}", found.text());
    assert!(found.stderr.contains("refused.csv"), "{}", found.text());
}

/// The names of events (`metadata.uid`) in lines of OCSF, in order.
fn uids(text: &str) -> Vec<String> {
    let uid = |line: &str| {
        let object: Value = serde_json::from_str(line).expect("an object");
        object
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .expect("a name")
            .to_owned()
    };
    text.lines().map(uid).collect()
}

/// Takes one HTTP request and answers it without a body.
fn serve_once(listener: &TcpListener, status: &str) -> String {
    serve(listener, |_| (status.to_owned(), String::new()))
}

/// Takes one HTTP request and answers it.
fn serve(listener: &TcpListener, answer: impl FnOnce(&str) -> (String, String)) -> String {
    let (mut stream, _) = listener.accept().expect("a client");
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let body = String::from_utf8(body).expect("a text");
    let (status, text) = answer(&body);
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
    .expect("an answer");
    body
}

#[test]
fn exports_go_on_where_they_were() {
    let demo = Demo::start();
    let mut client = RawClient::connect(&demo.access("agent")).expect("a login");
    client
        .query("DROP TABLE payments /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/")
        .expect("an answer");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let export = |more: &[&str]| {
        let exported = durward(&demo, &[&["audit", "export"], more].concat());
        assert!(exported.succeeded(), "{}", exported.text());
        exported.stdout
    };

    // To a file, from a cursor: everything once, however often it is run.
    let to_file = ["--to", &path("log"), "--cursor", &path("cursor")];
    export(&to_file);
    client.query("DELETE FROM web_sessions WHERE 1 = 1").expect("an answer");
    export(&to_file);
    let file = std::fs::read_to_string(path("log")).expect("a file");
    let all = export(&[]);
    let names = uids(&file);
    assert!(file.contains("DROP TABLE") && file.contains("audit_export"), "{file}");
    assert_eq!(names, uids(&all).into_iter().take(names.len()).collect::<Vec<_>>());
    let other = export(&["--after", "3"]);
    assert_eq!(uids(&other).first(), uids(&all).iter().find(|uid| uid.ends_with("/4")));

    // To a receiver that fails first: the cursor stays until it has succeeded.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let failed = serve_once(&listener, "503 Service Unavailable");
        (failed, serve_once(&listener, "204 No Content"))
    });
    let url = format!("http://{address}/in");
    let last = |text: &str| uids(text).pop().expect("a name");
    let number = last(&all);
    let number = number.rsplit('/').next().expect("a number");
    export(&["--to", &url, "--after", number, "--cursor", &path("http-cursor")]);
    let (failed, taken) = server.join().expect("a server");
    assert_eq!(failed, taken);
    assert!(taken.contains("audit_export"), "{taken}");
    let cursor = std::fs::read_to_string(path("http-cursor")).expect("a cursor");
    assert!(
        cursor.trim_end().rsplit(' ').next() >= last(&taken).rsplit('/').next(),
        "{cursor}"
    );

    // To a collector that asks for patience, takes all, and then refuses a part for good.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let collector = format!("otlp+http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let put_off = serve_once(&listener, "429 Too Many Requests");
        let taken = serve(&listener, |_| ("200 OK".into(), "{\"partialSuccess\":{}}".into()));
        let refusal = "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"too old\"}}";
        serve(&listener, |_| ("200 OK".into(), refusal.into()));
        (put_off, taken)
    });
    let to_collector = ["--to", &collector, "--after", number, "--cursor", &path("otlp-cursor")];
    export(&to_collector);
    let cursor = std::fs::read_to_string(path("otlp-cursor")).expect("a cursor");
    let refused = durward(&demo, &[&["audit", "export"], &to_collector[..]].concat());
    assert!(
        !refused.succeeded() && refused.stderr.contains("too old"),
        "{}",
        refused.text()
    );
    assert_eq!(std::fs::read_to_string(path("otlp-cursor")).expect("a cursor"), cursor);
    let (put_off, taken) = server.join().expect("a server");
    assert_eq!(put_off, taken);
    let request: Value = serde_json::from_str(&taken).expect("JSON");
    let records = request
        .pointer("/resourceLogs/0/scopeLogs/0/logRecords")
        .and_then(Value::as_array);
    let records = records.expect("records");
    let uid = |record: &Value| record.pointer("/attributes/0/value/stringValue").cloned();
    let first = uid(records.first().expect("a record")).expect("a name");
    let sent = uids(&export(&["--after", number]));
    assert!(sent.contains(&first.as_str().expect("text").to_owned()), "{first}");

    // Statements as spans.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let collector = format!("otlp+http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || serve_once(&listener, "200 OK"));
    export(&["--to", &collector, "--spans"]);
    let request: Value = serde_json::from_str(&server.join().expect("a server")).expect("JSON");
    let spans = request
        .pointer("/resourceSpans/0/scopeSpans/0/spans")
        .and_then(Value::as_array);
    let span = spans
        .expect("spans")
        .iter()
        .find(|span| span["name"] == "DROP TABLE public.payments");
    let span = span.expect("the refused statement");
    let attribute = |name: &str| {
        let attributes = span["attributes"].as_array().expect("attributes");
        let found = attributes.iter().find(|attribute| attribute["key"] == name);
        found
            .and_then(|found| found["value"]["stringValue"].as_str())
            .unwrap_or("-")
            .to_owned()
    };
    let named = [
        "db.system.name",
        "db.operation.name",
        "durward.verdict",
        "error.type",
        "user.name",
    ];
    assert_eq!(
        named.map(attribute),
        ["postgresql", "DROP TABLE", "refused", "42501", "agent for engineer"]
    );
    assert_eq!(
        (span["traceId"].as_str(), span["status"]["code"].as_u64()),
        (Some("4bf92f3577b34da6a3ce929d0e0e4736"), Some(2))
    );

    // By syslog over TCP: as many octets as each message says.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("messages");
        text
    });
    export(&["--to", &format!("syslog+tcp://{address}")]);
    let text = server.join().expect("a server");
    let mut rest = text.as_str();
    let mut messages = 0;
    while let Some((length, after)) = rest.split_once(' ') {
        let (message, next) = after.split_at(length.parse().expect("a length"));
        assert!(message.starts_with('<') && message.ends_with('}'), "{message}");
        messages += 1;
        rest = next;
    }
    assert!(messages >= names.len(), "{messages} of {}", names.len());
}

/// Signs what a witness signs (C2SP tlog-cosignature), without looking at it.
fn cosignature(name: &str, key: &SigningKey, request: &str) -> String {
    let (_, note) = request.split_once("\n\n").expect("a checkpoint");
    let text = note.rsplit_once("\n\n").expect("signatures").0;
    let time = 1_800_000_000_u64;
    let signature = key.sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes());
    let blob = [&key_id(name, key)[..], &time.to_be_bytes(), &signature.to_bytes()].concat();
    format!("\u{2014} {name} {}\n", STANDARD.encode(blob))
}

fn key_id(name: &str, key: &SigningKey) -> [u8; 4] {
    let text = [name.as_bytes(), b"\n\x04", key.verifying_key().as_bytes()].concat();
    Sha256::digest(text)[..4].try_into().expect("four bytes")
}

/// Copies a record that is being written: what is signed first, then what that rests on.
fn copy_record(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for name in ["checkpoint", "public-key"] {
        std::fs::copy(from.join(name), to.join(name)).expect("a copy");
    }
    for folder in ["tree", "segments"] {
        std::fs::create_dir(to.join(folder)).expect("a folder");
        for entry in std::fs::read_dir(from.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), to.join(folder).join(entry.file_name())).expect("a copy");
        }
    }
}

#[test]
fn anchors_outside_find_a_record_that_was_rolled_back() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let done = |arguments: &[&str]| {
        let done = durward(&demo, arguments);
        assert!(done.succeeded(), "{}", done.text());
        done.stdout
    };
    // A copy of what the record was.
    copy_record(&demo.data_dir.join("ledger"), &folder.path().join("old"));
    let mut client = RawClient::connect(&demo.access("agent")).expect("a login");
    client.query("DROP TABLE payments").expect("an answer");
    let found = done(&["audit", "search", "--verdict", "refused", "--json"]);
    let found: Value = serde_json::from_str(found.lines().next().expect("a row")).expect("a row");
    let dropped = found["last_event"].as_u64().expect("a number");
    // Each reading is an event that is signed within a second; the checkpoint that says so comes after it.
    let anchored = || {
        let to_file = [
            "audit",
            "export",
            "--checkpoints",
            "--to",
            &path("anchors"),
            "--cursor",
            &path("cursor"),
        ];
        done(&to_file);
        let text = std::fs::read_to_string(path("anchors")).unwrap_or_default();
        let last = text
            .lines()
            .last()
            .map(|line| serde_json::from_str::<Value>(line).expect("an object"));
        let note = last
            .as_ref()
            .and_then(|object| object.pointer("/unmapped/checkpoint")?.as_str());
        note.and_then(|note| note.lines().nth(1)?.parse().ok()).unwrap_or(0_u64)
    };
    let began = Instant::now();
    while anchored() < dropped {
        assert!(began.elapsed() < PATIENCE, "no checkpoint covers event {dropped}");
    }
    let anchors = std::fs::read_to_string(path("anchors")).expect("anchors");
    assert!(
        !anchors.contains("DROP TABLE") && anchors.contains("ledger checkpoint"),
        "{anchors}"
    );
    let sound = done(&["audit", "verify", "--anchor", &path("anchors")]);
    assert!(sound.contains("nothing outside vouches for the"), "{sound}");
    let rolled_back = durward(
        &demo,
        &[
            "audit",
            "verify",
            "--ledger-dir",
            &path("old"),
            "--anchor",
            &path("anchors"),
        ],
    );
    assert_eq!(rolled_back.status, "exit status: 1", "{}", rolled_back.text());
    assert!(
        rolled_back.stderr.contains("the log is shorter"),
        "{}",
        rolled_back.text()
    );

    // A witness that has seen something else of this record, and then signs.
    let key = SigningKey::from_bytes(&[9; 32]);
    let name = "witness.example/w";
    let id: String = key_id(name, &key).iter().map(|byte| format!("{byte:02x}")).collect();
    let encoded = STANDARD.encode([&[4], &key.verifying_key().as_bytes()[..]].concat());
    let witness = format!("{name}+{id}+{encoded}");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/w", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let first = serve(&listener, |_| ("409 Conflict".into(), "3\n".into()));
        let second = serve(&listener, |body| ("200 OK".into(), cosignature(name, &key, body)));
        (first, second)
    });
    let seen = done(&["audit", "witness", &url, "--key", &witness, "--out", &path("seen")]);
    assert!(seen.contains("events seen and signed"), "{seen}");
    let (first, second) = server.join().expect("a server");
    assert!(
        first.starts_with("old 0\n\ndurward-ledger/") && second.starts_with("old 3\n"),
        "{first}{second}"
    );
    assert!(second.lines().nth(1).is_some_and(|line| line.len() == 44), "{second}");
    let sound = done(&["audit", "verify", "--anchor", &path("seen"), "--witness", &witness]);
    assert!(sound.contains("witness.example/w saw"), "{sound}");
    let missing = durward(
        &demo,
        &["audit", "verify", "--anchor", &path("anchors"), "--witness", &witness],
    );
    assert_eq!(missing.status, "exit status: 1", "{}", missing.text());
}
