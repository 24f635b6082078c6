//! Real clients, each run twice with nothing but host, port, user, password and sslmode: directly, and through the
//! gateway. What they print must be the same, byte for byte. The scripts are in `tests/clients/`.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use durward_testkit::{Access, PostgresServer, interrupt};

use crate::support::{self, Door, Outcome};

/// How long one client may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// The server that all client tests share, as long as one of them runs.
fn server() -> Arc<PostgresServer> {
    static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(PostgresServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A database of that name, new and with what `fixture` makes.
fn fresh_database(server: &PostgresServer, name: &str, fixture: &str) -> Access {
    server.execute("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    let access = server.create_database(name, None);
    if !fixture.is_empty() {
        server.execute(name, fixture);
    }
    access
}

/// The command of a client, made for one place to connect to.
type MakeCommand = dyn Fn(&Access) -> Command;

/// Runs a client directly and through the gateway, as the operator, each time on a new database.
fn check_same(name: &str, fixture: &str, make: &MakeCommand) {
    let server = server();
    for sslmode in ["require", "disable"] {
        let database = format!("{name}_{sslmode}");
        let direct = fresh_database(&server, &database, fixture);
        let expected = support::run(make(&direct).env("PGSSLMODE", sslmode), PATIENCE);
        let upstream = fresh_database(&server, &database, fixture);
        let gateway = Door::open(&upstream);
        let through = gateway.access("operator");
        let got = support::run(make(&through).env("PGSSLMODE", sslmode), PATIENCE);
        let difference = support::difference(&told(&expected, &direct), &told(&got, &through));
        assert!(difference.is_empty(), "{name}, sslmode={sslmode}:\n{difference}");
        assert!(expected.succeeded(), "{name} fails even directly:\n{}", expected.text());
    }
}

/// What a client printed, without the one thing that has to differ: the name that it logged in with.
fn told(outcome: &Outcome, access: &Access) -> String {
    outcome
        .text()
        .replace(&format!("as user \"{}\"", access.user), "as user \"…\"")
}

/// The table on which refusals are tried.
const KEPT: &str = "CREATE TABLE kept (id serial PRIMARY KEY, note text);
    INSERT INTO kept (note) SELECT 'note ' || n FROM generate_series(1, 10) n";

/// Runs a client's script of refused statements as a service, and compares what it prints with what is on file.
fn check_refused(name: &str, make: &MakeCommand) {
    let server = server();
    let upstream = fresh_database(&server, &format!("{name}_refused"), KEPT);
    let gateway = Door::open(&upstream);
    let got = support::run(make(&gateway.access("service")).env("PGSSLMODE", "require"), PATIENCE);
    let path = support::tests("clients/refused").join(format!("{name}.txt"));
    if std::env::var_os("DURWARD_TEST_WRITE").is_some() {
        fs::write(&path, got.text()).expect("a file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let difference = support::difference(&expected, &got.text());
    assert!(
        difference.is_empty(),
        "{name}, refusals (`direct` is what is on file):\n{difference}"
    );
}

fn python(script: &'static str, mode: &'static str) -> impl Fn(&Access) -> Command {
    move |access| {
        let mut command = support::command(support::prepared("python/venv/bin/python"), access);
        command.arg("-B").arg(support::tests("clients").join(script)).arg(mode);
        command
    }
}

fn node(mode: &'static str) -> impl Fn(&Access) -> Command {
    move |access| {
        let mut command = support::command("node", access);
        command
            .arg(support::tests("clients/node_client.js"))
            .arg(mode)
            .env("NODE_NO_WARNINGS", "1")
            .env("NODE_PATH", support::prepared("node/node_modules"));
        command
    }
}

fn java(mode: &'static str) -> impl Fn(&Access) -> Command {
    move |access| {
        let folder = support::prepared("jdbc");
        let classes = format!("{}:{}/postgresql.jar", folder.display(), folder.display());
        let mut command = support::command("java", access);
        command.args([
            "-XX:TieredStopAtLevel=1",
            "-Dfile.encoding=UTF-8",
            "-cp",
            &classes,
            "Jdbc",
            mode,
        ]);
        command
    }
}

fn psql(arguments: &'static [&'static str]) -> impl Fn(&Access) -> Command {
    move |access| {
        let mut command = support::command("psql", access);
        command.args(["-X", "-P", "pager=off"]).args(arguments);
        command
    }
}

#[test]
fn psycopg() {
    check_same("psycopg", "", &python("psycopg_client.py", "conformance"));
    check_refused("psycopg", &python("psycopg_client.py", "refusal"));
}

#[test]
fn asyncpg() {
    check_same("asyncpg", "", &python("asyncpg_client.py", "conformance"));
    check_refused("asyncpg", &python("asyncpg_client.py", "refusal"));
}

#[test]
fn sqlalchemy() {
    check_same("sqlalchemy", "", &python("sqlalchemy_client.py", "conformance"));
    check_refused("sqlalchemy", &python("sqlalchemy_client.py", "refusal"));
}

#[test]
fn migrations() {
    check_same("migrations", "", &python("migrations.py", "all"));
}

#[test]
fn node_postgres() {
    check_same("node", "", &node("conformance"));
    check_refused("node", &node("refusal"));
}

#[test]
fn jdbc() {
    check_same("jdbc", "", &java("conformance"));
    check_refused("jdbc", &java("refusal"));
}

#[test]
fn psql_commands() {
    let fixture = fs::read_to_string(support::tests("clients/psql_fixture.sql")).expect("the fixture");
    check_same("psql", &fixture, &|access| {
        let mut command = psql(&["-a", "-e"])(access);
        command.arg("-f").arg(support::tests("clients/psql_commands.sql"));
        command
    });
}

#[test]
fn psql_with_channel_binding() {
    let server = server();
    let gateway = Door::open(&fresh_database(&server, "binding", ""));
    for kind in ["operator", "engineer", "agent", "service"] {
        let mut command = psql(&["-Atc", "SELECT 'bound'"])(&gateway.access(kind));
        let got = support::run(
            command.env("PGSSLMODE", "require").env("PGCHANNELBINDING", "require"),
            PATIENCE,
        );
        assert_eq!(got.stdout, "bound\n", "{kind}: {}", got.text());
    }
}

#[test]
fn psql_is_interrupted() {
    let server = server();
    let gateway = Door::open(&fresh_database(&server, "interrupted", ""));
    for sslmode in ["require", "disable"] {
        let mut command = psql(&["-c", "SELECT 'begins'", "-c", "SELECT pg_sleep(60)"])(&gateway.access("engineer"));
        command
            .env("PGSSLMODE", sslmode)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("psql runs");
        wait_for_sleeping(&server, "interrupted");
        let began = Instant::now();
        interrupt(&child);
        let got = support::finish(child, PATIENCE);
        assert!(
            got.stderr.contains("canceling statement due to user request"),
            "{}",
            got.text()
        );
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the cancel took {:?}",
            began.elapsed()
        );
    }
}

/// Waits until the server says that a statement of `database` sleeps.
fn wait_for_sleeping(server: &PostgresServer, database: &str) {
    let mut client = durward_testkit::RawClient::connect(&server.access("postgres")).expect("a direct connection");
    let query = format!("SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'");
    let deadline = Instant::now() + PATIENCE;
    while client.query(&query).expect("an answer").rows().is_empty() {
        assert!(Instant::now() < deadline, "no statement sleeps in {database}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn psql_watches() {
    let server = server();
    let gateway = Door::open(&fresh_database(&server, "watched", ""));
    let mut command = psql(&["-At"])(&gateway.access("agent"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("psql runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(
        &mut stdin,
        b"CREATE TEMP SEQUENCE s;\nSELECT nextval('s'), 1 / (nextval('s') < 9)::int \\watch 0.05\n",
    )
    .expect("psql reads");
    drop(stdin);
    let got = support::finish(child, PATIENCE);
    // The fifth round fails by itself, which ends the watching.
    for round in ["1|1", "3|1", "5|1"] {
        assert!(got.stdout.contains(round), "{}", got.text());
    }
}

#[test]
fn pgbench() {
    let server = server();
    let gateway = Door::open(&fresh_database(&server, "pgbench", ""));
    let operator = gateway.access("operator");
    let made = support::run(
        support::command("pgbench", &operator).args(["-i", "-s", "1", "-q"]),
        PATIENCE,
    );
    assert!(made.succeeded(), "{}", made.text());
    for mode in ["simple", "extended", "prepared"] {
        let mut command = support::command("pgbench", &gateway.access("service"));
        command.args(["-n", "-M", mode, "-c", "4", "-j", "2", "-t", "100"]);
        let got = support::run(&mut command, PATIENCE);
        assert!(
            got.succeeded() && got.stdout.contains("processed: 400/400"),
            "{mode}: {}",
            got.text()
        );
    }
    let mut pipeline = support::command("pgbench", &gateway.access("service"));
    pipeline
        .args(["-n", "-M", "prepared", "-c", "2", "-t", "50", "-f"])
        .arg(support::tests("clients/pipeline.pgbench"));
    let got = support::run(&mut pipeline, PATIENCE);
    assert!(
        got.succeeded() && got.stdout.contains("processed: 100/100"),
        "pipeline: {}",
        got.text()
    );
    let query = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history),
        (SELECT count(*) FROM pgbench_history)";
    let got = support::run(psql(&["-At"])(&operator).args(["-c", query]), PATIENCE);
    assert_eq!(got.stdout, "t|1200\n", "{}", got.text());
}

#[test]
fn pg_dump_and_restore() {
    let server = server();
    let fixture = fs::read_to_string(support::tests("clients/psql_fixture.sql")).expect("the fixture");
    // libpq reads large objects by FunctionCall messages, which the gateway refuses (docs/clients.md).
    let fixture = fixture
        .lines()
        .filter(|line| !line.contains("lo_from_bytea"))
        .collect::<Vec<_>>()
        .join("\n");
    let source = fresh_database(&server, "dump_source", &fixture);
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Door::open(&source);
    let plain_of = |access: &Access| {
        // What pg_restore drops first is kept aside.
        let arguments = ["--no-sync", "--exclude-schema=durward_kept_*"];
        let got = support::run(support::command("pg_dump", access).args(arguments), PATIENCE);
        assert!(got.succeeded(), "{}", got.text());
        // Newer versions open and close a dump with a key that is new each time.
        let lines = got
            .stdout
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let expected = plain_of(&source);
    let difference = support::difference(&expected, &plain_of(&gateway.access("operator")));
    assert!(difference.is_empty(), "pg_dump:\n{difference}");
    for (format, jobs) in [("custom", "1"), ("directory", "2")] {
        let file = folder.path().join(format);
        let mut dump = support::command("pg_dump", &gateway.access("operator"));
        dump.args(["--no-sync", "--format", format, "--jobs", jobs, "--file"])
            .arg(&file);
        let got = support::run(&mut dump, PATIENCE);
        assert!(got.succeeded(), "{}", got.text());
        let target = fresh_database(&server, &format!("dump_{format}"), "");
        let onto = Door::open(&target);
        restore(&onto, &["--exit-on-error", "--jobs", jobs], &file);
        restore(&onto, &["--clean", "--if-exists", "--single-transaction"], &file);
        let difference = support::difference(&expected, &plain_of(&target));
        assert!(difference.is_empty(), "restored from {format}:\n{difference}");
    }
}

fn restore(gateway: &Door, arguments: &[&str], file: &std::path::Path) {
    let access = gateway.access("operator");
    let mut command = support::command("pg_restore", &access);
    command.args(["--dbname", &access.database]).args(arguments).arg(file);
    let got = support::run(&mut command, PATIENCE);
    assert!(got.succeeded(), "{}", got.text());
}
