//! What the gateway answers by itself, or does between a client's messages, against what the server alone would say: on
//! the distribution's server and on each that `tests/prepare` has fetched.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use durward_testkit::{Access, PostgresServer, RawClient, Reply, ServerOptions, Transcript, interrupt};

use crate::support::{self, Door};

const PATIENCE: Duration = Duration::from_secs(60);

const DATABASE: &str = "answers";

const FIXTURE: &str = "CREATE SCHEMA other;
    CREATE TABLE kept (id integer PRIMARY KEY, note text DEFAULT 'none' CHECK (note <> ''));
    INSERT INTO kept SELECT n, 'note ' || n FROM generate_series(1, 10) n;
    CREATE VIEW shown AS SELECT id FROM kept WHERE id > 5;
    CREATE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 2'";

#[test]
fn the_distributions_server() {
    check_all(None);
}

#[test]
fn postgresql_14() {
    check_all(Some("14"));
}

#[test]
fn postgresql_16() {
    check_all(Some("16"));
}

#[test]
fn postgresql_17() {
    check_all(Some("17"));
}

#[test]
fn postgresql_18() {
    check_all(Some("18"));
}

/// A server with the fixture, and a gateway before it.
struct House {
    server: PostgresServer,
    direct: Access,
    door: Door,
}

impl House {
    /// On the version that `tests/prepare` fetched, or on the distribution's.
    fn open(version: Option<&str>) -> Self {
        let bin = version.map(|version| support::prepared("servers").join(version).join("bin"));
        let server = PostgresServer::start_with(&ServerOptions {
            bin,
            ..ServerOptions::default()
        });
        let direct = server.create_database(DATABASE, None);
        server.execute(DATABASE, FIXTURE);
        let door = Door::open(&direct);
        Self { server, direct, door }
    }

    fn client(&self, kind: &str) -> RawClient {
        RawClient::connect(&self.door.access(kind)).expect("a login")
    }

    fn direct(&self) -> RawClient {
        RawClient::connect(&self.direct).expect("a login")
    }
}

fn check_all(version: Option<&str>) {
    let house = House::open(version);
    catalogs_and_rows_read_the_same(&house);
    refusals_and_writes(&house);
    syntax_errors_are_worded_as_the_servers(&house);
    prepared_in_the_text_that_runs_it(&house);
    unnamed_statements_outlive_the_gateways_own(&house);
    strings_with_escapes(&house);
    the_server_knows_who_it_is(&house);
    a_statement_is_cancelled(&house);
}

/// psql's own queries of the catalog, EXPLAIN and rows.
fn catalogs_and_rows_read_the_same(house: &House) {
    let told = |access: &Access| {
        let mut command = support::command("psql", access);
        command.args(["-X", "-At", "-P", "pager=off"]);
        for text in [
            "\\d kept",
            "\\d+ shown",
            "\\df doubled",
            "\\dn",
            "\\dt",
            "\\dx",
            "EXPLAIN (COSTS OFF) SELECT note FROM kept WHERE id = 3",
            "SELECT id, doubled(id) FROM shown ORDER BY id",
            "SHOW server_version_num",
        ] {
            command.args(["-c", text]);
        }
        support::run(&mut command, PATIENCE)
    };
    let expected = told(&house.direct);
    assert!(expected.succeeded(), "{}", expected.text());
    let got = told(&house.door.access("operator"));
    let difference = support::difference(&expected.text(), &got.text());
    assert!(difference.is_empty(), "{difference}");
}

fn refusals_and_writes(house: &House) {
    let mut agent = house.client("agent");
    let written = agent
        .query("UPDATE kept SET note = 'x' WHERE id = 1")
        .expect("an answer");
    assert_eq!(written.commands(), ["UPDATE 1"], "{:?}", written.error());
    for text in [
        "DELETE FROM kept",
        "DROP TABLE kept",
        "MERGE INTO kept k USING kept o ON true WHEN MATCHED THEN DELETE",
    ] {
        let refused = agent.query(text).expect("an answer");
        let code = refused.sqlstate().unwrap_or_default();
        // MERGE is no statement of the oldest server; the gateway refuses it all the same.
        assert_eq!(code, "42501", "{text}");
        assert_eq!(refused.status(), Some('I'));
    }
    let rows = house.direct().query("SELECT count(*) FROM kept").expect("an answer");
    assert_eq!(rows.rows(), [["10"]]);
}

/// The fields of an error that a client shows.
fn error_of(transcript: &Transcript) -> String {
    let Some(error) = transcript.error() else {
        return format!("no error: {}", transcript.tags());
    };
    let field = |letter: u8| error.field(letter).unwrap_or_default();
    [b'C', b'M', b'D', b'H', b'P'].map(field).join(" | ")
}

fn syntax_errors_are_worded_as_the_servers(house: &House) {
    let (mut direct, mut through) = (house.direct(), house.client("operator"));
    let version: u32 = direct
        .parameter("server_version")
        .and_then(|version| version.split('.').next()?.parse().ok())
        .expect("a version");
    let texts = fs::read_to_string(support::tests("clients/syntax_errors.sql")).expect("the texts");
    let (mut from, mut wrong) = (0, String::new());
    for text in texts.lines() {
        if let Some(header) = text.strip_prefix("-- ") {
            from = header
                .strip_prefix("from ")
                .map_or(from, |number| number.parse().expect("a version"));
            continue;
        }
        if version < from {
            continue;
        }
        let [expected, got] = [&mut direct, &mut through].map(|client| {
            client.query("BEGIN").expect("an answer");
            let told = error_of(&client.query(text).expect("an answer"));
            client.query("ROLLBACK").expect("an answer");
            told
        });
        if expected != got {
            wrong.push_str(&format!("{text}\n  server:  {expected}\n  gateway: {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "PostgreSQL {version}:\n{wrong}");
}

/// PREPARE and EXECUTE, DECLARE and FETCH, in one text and in its order.
fn prepared_in_the_text_that_runs_it(house: &House) {
    for kind in ["operator", "agent"] {
        let mut clients = [house.direct(), house.client(kind)];
        for text in [
            "PREPARE p AS SELECT id FROM kept WHERE id = $1; EXECUTE p(2); EXECUTE p(3)",
            "EXECUTE p(4); DEALLOCATE p; PREPARE p AS SELECT note FROM kept WHERE id = 5; EXECUTE p",
            "EXECUTE p; DEALLOCATE p",
            "PREPARE p AS SELECT 1; SELECT 1 / 0; DEALLOCATE p",
            "EXECUTE p; DEALLOCATE ALL",
            "PREPARE p AS UPDATE kept SET note = 'y' WHERE id = $1; EXECUTE p(7); SELECT note FROM kept WHERE id = 7; DEALLOCATE p",
            "DECLARE c CURSOR FOR SELECT id FROM kept ORDER BY id; FETCH 2 FROM c; MOVE 1 FROM c; FETCH NEXT FROM c; CLOSE c",
            "BEGIN; DECLARE c CURSOR FOR SELECT note FROM shown JOIN kept USING (id) ORDER BY id; FETCH ALL FROM c; COMMIT",
        ] {
            let [expected, got] = clients.each_mut().map(|client| {
                let transcript = client.query(text).expect("an answer");
                (transcript.tags(), transcript.rows(), transcript.sqlstate())
            });
            assert_eq!(got, expected, "{kind}: {text}");
        }
    }
    let mut agent = house.client("agent");
    for (text, sqlstate) in [
        (
            "PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p; PREPARE p AS DELETE FROM kept; EXECUTE p",
            "42501",
        ),
        ("PREPARE q AS DELETE FROM kept WHERE id > $1; EXECUTE q(0)", "WD001"),
        (
            "PREPARE r AS SELECT id FROM kept; SET search_path TO other; EXECUTE r",
            "42501",
        ),
        (
            "PREPARE s AS SELECT set_config('search_path', 'other', false); EXECUTE s; SELECT id FROM kept",
            "42501",
        ),
    ] {
        let refused = agent.query(text).expect("an answer").sqlstate();
        assert_eq!(refused.as_deref(), Some(sqlstate), "{text}");
    }
    let rows = house.direct().query("SELECT count(*) FROM kept").expect("an answer");
    assert_eq!(rows.rows(), [["10"]]);
}

/// A message of the extended protocol from its parts.
fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag], length.to_be_bytes().as_slice(), &body].concat()
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), &[0], text.as_bytes(), &[0, 0, 0]])
}

fn bind(name: &str) -> Vec<u8> {
    message(b'B', &[&[0], name.as_bytes(), &[0, 0, 0, 0, 0, 0, 0]])
}

fn execute(rows_max: u8) -> Vec<u8> {
    message(b'E', &[&[0, 0, 0, 0, rows_max]])
}

fn until_ready(client: &mut RawClient, messages: &[Vec<u8>]) -> Transcript {
    client
        .send(&[messages.concat(), message(b'S', &[])].concat())
        .expect("a socket");
    let mut transcript = Transcript::default();
    while transcript.replies.last().is_none_or(|reply: &Reply| reply.tag != b'Z') {
        transcript.replies.push(client.read_reply().expect("an answer"));
    }
    transcript
}

/// The gateway asks the server for settings between these messages, which must not end what has no name.
fn unnamed_statements_outlive_the_gateways_own(house: &House) {
    for mut client in [house.direct(), house.client("operator")] {
        let begun = until_ready(&mut client, &[parse("", "SELECT id FROM kept ORDER BY id")]);
        assert_eq!(begun.tags(), "1Z", "{:?}", begun.error());
        until_ready(
            &mut client,
            &[parse("s", "SET search_path TO public"), bind("s"), execute(0)],
        );
        let other = until_ready(&mut client, &[parse("n", "SELECT count(*) FROM kept")]);
        assert_eq!(other.tags(), "1Z", "{:?}", other.error());
        let run = until_ready(&mut client, &[bind(""), execute(0)]);
        assert_eq!(run.rows().len(), 10, "{:?}", run.error());
        // The same for the unnamed portal, inside a transaction.
        client.query("BEGIN").expect("an answer");
        let first = until_ready(
            &mut client,
            &[parse("", "SELECT id FROM kept ORDER BY id"), bind(""), execute(2)],
        );
        assert_eq!(first.tags(), "12DDsZ", "{:?}", first.error());
        let (named, portal) = (message(b'B', &[b"q\0s\0", &[0; 6]]), message(b'E', &[b"q\0", &[0; 4]]));
        let set = until_ready(&mut client, &[named, portal]);
        assert_eq!(set.tags(), "2CZ", "{:?}", set.error());
        let rest = until_ready(&mut client, &[execute(3)]);
        assert_eq!(rest.rows(), [["3"], ["4"], ["5"]], "{:?}", rest.error());
        client.query("COMMIT").expect("an answer");
    }
}

/// With standard_conforming_strings off, texts are judged as the server reads them.
fn strings_with_escapes(house: &House) {
    let mut clients = [house.direct(), house.client("operator")];
    for text in [
        "SET standard_conforming_strings = off; SET escape_string_warning = off",
        r"SELECT 'it\'s; DELETE FROM kept; --'",
        r"PREPARE e AS SELECT 'a\'b'; EXECUTE e",
        r"SELECT U&'\0061'",
        "SET standard_conforming_strings = on",
        r"SELECT 'a\'",
        "DEALLOCATE e",
        // What a failed transaction takes back is in force again.
        "BEGIN",
        "SET standard_conforming_strings = off",
        r"SELECT 'c\'d'",
        "SELECT 1 / 0",
        "ROLLBACK",
        r"SELECT 'e\', 1",
    ] {
        let [expected, got] = clients.each_mut().map(|client| {
            let transcript = client.query(text).expect("an answer");
            (transcript.tags(), transcript.rows(), error_of(&transcript))
        });
        assert_eq!(got, expected, "{text}");
    }
    let [_, through] = &mut clients;
    for text in [
        "BEGIN",
        "SET standard_conforming_strings = off",
        r"SELECT 'c\'d'",
        "SELECT 1 / 0",
    ] {
        through.query(text).expect("an answer");
    }
    let unclear = through
        .query(r"ROLLBACK; SELECT 'x\'; DROP TABLE kept; --'")
        .expect("an answer");
    assert_eq!(unclear.sqlstate().as_deref(), Some("WD008"));
}

fn only_value(transcript: &Transcript) -> String {
    let rows = transcript.rows();
    let value = rows.first().and_then(|row| row.first());
    value.expect("a row").clone()
}

/// `application_name`: the client sees what it sets, the server who it is.
fn the_server_knows_who_it_is(house: &House) {
    let access = house.door.access("agent");
    let mut agent = RawClient::connect_with(&access, &[("application_name", "tool")]).expect("a login");
    assert_eq!(agent.parameter("application_name"), Some("tool"));
    let mut watcher = house.direct();
    let pid = only_value(&agent.query("SELECT pg_backend_pid()").expect("an answer"));
    let mut on_server = || {
        let query = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {pid}");
        only_value(&watcher.query(&query).expect("an answer"))
    };
    let identity = on_server()
        .strip_suffix(": tool")
        .expect("the identity, and the client's name")
        .to_owned();
    assert!(identity.contains("agent"), "{identity}");
    // Text, what the client is told, and what the server has once the next statement has run.
    for (text, told, kept) in [
        ("SET application_name = 'report'", "report", ": report"),
        (
            "SELECT set_config('application_name', 'by function', false)",
            "by function",
            ": by function",
        ),
        ("BEGIN", "", ": by function"),
        ("SET LOCAL application_name TO local", "local", ": local"),
        ("COMMIT", "by function", ": by function"),
        ("BEGIN", "", ": by function"),
        ("SET application_name TO lost", "lost", ": lost"),
        ("ROLLBACK", "by function", ": by function"),
        ("SET application_name TO ''", "", ""),
        ("RESET application_name", "tool", ": tool"),
        ("DISCARD ALL", "", ": tool"),
    ] {
        let transcript = agent.query(text).expect("an answer");
        assert_eq!(transcript.error().map(Reply::sqlstate), None, "{text}");
        let name = |reply: &&Reply| reply.tag == b'S' && reply.body.starts_with(b"application_name\0");
        let status = transcript.replies.iter().rfind(name).map(|reply| {
            let value = reply.body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        });
        assert_eq!(status.unwrap_or_default(), told, "{text}");
        let run = agent.query("SELECT id FROM kept WHERE id = 2").expect("an answer");
        assert_eq!(run.tags(), "TDCZ", "{text}");
        assert_eq!(on_server(), format!("{identity}{kept}"), "{text}");
    }
    // In a pipeline, the statement behind the SET runs under the whole name too.
    let pipeline = [
        parse("", "SET application_name TO piped"),
        bind(""),
        execute(0),
        parse(
            "",
            "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        ),
        bind(""),
        execute(0),
    ];
    let transcript = until_ready(&mut agent, &pipeline);
    assert_eq!(
        transcript.rows(),
        [[format!("{identity}: piped")]],
        "{:?}",
        transcript.error()
    );
    let log = house.server.log();
    assert!(!log.contains("PANIC") && log.contains(&identity), "{log}");
}

fn a_statement_is_cancelled(house: &House) {
    let mut command = support::command("psql", &house.door.access("engineer"));
    command
        .args(["-X", "-c", "SELECT pg_sleep(60)"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("psql runs");
    let query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let mut watcher = house.direct();
    let deadline = Instant::now() + PATIENCE;
    while watcher.query(query).expect("an answer").rows().is_empty() {
        assert!(Instant::now() < deadline, "no statement sleeps");
        std::thread::sleep(Duration::from_millis(10));
    }
    interrupt(&child);
    let got = support::finish(child, PATIENCE);
    assert!(
        got.stderr.contains("canceling statement due to user request"),
        "{}",
        got.text()
    );
}
