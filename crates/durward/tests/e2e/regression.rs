//! PostgreSQL's own regression statements, sent by the operator: the answers must be the same as without the gateway,
//! byte for byte, apart from what `docs/regression.md` lists with a reason.
//!
//! Every file of the server's schedule runs on three servers of its own: twice directly and once through the gateway.
//! What differs between the two direct runs (times, plans, physical order) says nothing about the gateway, and is left
//! out where it stands, and only there.

mod differences;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use durward_testkit::{Access, PostgresServer, ServerOptions};

use crate::support::{self, Door};
use differences::{Allowed, unexplained};

/// How long one file may take before it is ended, on a busy machine.
const FILE_PATIENCE: Duration = Duration::from_secs(180);

const DATABASE: &str = "regression";

#[test]
fn regression_statements_answer_the_same() {
    let files = schedule(&support::prepared("regress").join("parallel_schedule"));
    let some = std::env::var_os("DURWARD_TEST_REGRESSION").is_some();
    assert!(
        some || files.len() > 100,
        "the schedule names {} files only",
        files.len()
    );
    let began = Instant::now();
    let (first, second, through) = std::thread::scope(|scope| {
        let files = files.as_slice();
        let sides = ["direct", "again", "gateway"].map(|side| scope.spawn(move || run_all(files, side)));
        sides.map(|side| side.join().expect("a side ends")).into()
    });
    let allowed = Allowed::read(&support::repository().join("docs/regression.md"));
    let mut report = String::new();
    let (mut same, mut noisy) = (0, 0);
    for (name, ((first, second), through)) in files.iter().zip(first.iter().zip(&second).zip(&through)) {
        noisy += usize::from(first != second);
        let found = unexplained(name, first, second, through, &allowed);
        if found.is_empty() {
            same += 1;
        } else {
            report.push_str(&format!("✗ {name}\n{found}"));
        }
    }
    println!(
        "{same} of {} files answer the same ({noisy} of them differ between direct runs), in {:?}",
        files.len(),
        began.elapsed()
    );
    fs::write(kept("report.txt"), &report).expect("a file");
    for row in allowed.unused() {
        println!("docs/regression.md: nothing differs by `{row}` here");
    }
    assert!(report.is_empty(), "{} files differ:\n{report}", files.len() - same);
}

/// Where answers and the report are kept, to be looked at: `target/test-output/regression`.
fn kept(name: &str) -> PathBuf {
    let folder = support::repository().join("target/test-output/regression");
    fs::create_dir_all(&folder).expect("a folder");
    folder.join(name)
}

/// The files in the order of the server's schedule, one after another.
fn schedule(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the schedule");
    let chosen = std::env::var("DURWARD_TEST_REGRESSION").ok();
    text.lines()
        .filter_map(|line| line.strip_prefix("test:"))
        .flat_map(str::split_whitespace)
        .filter(|name| {
            chosen
                .as_ref()
                .is_none_or(|chosen| chosen.split(',').any(|one| one == *name))
        })
        .map(str::to_owned)
        .collect()
}

/// Runs every file on a server of its own, and gives what psql printed for each.
fn run_all(files: &[String], side: &str) -> Vec<String> {
    let server = PostgresServer::start_with(&ServerOptions {
        settings: vec![
            "autovacuum = off".to_owned(),
            "max_prepared_transactions = 2".to_owned(),
            // Files that forbid the planner this or that make it think everything dear, and compile every query.
            "jit = off".to_owned(),
        ],
        ..ServerOptions::default()
    });
    let direct = server.create_database(DATABASE, None);
    // As the server's own runner does.
    for setting in [
        "lc_messages TO 'C'",
        "lc_monetary TO 'C'",
        "lc_numeric TO 'C'",
        "lc_time TO 'C'",
        "bytea_output TO 'hex'",
        "timezone_abbreviations TO 'Default'",
    ] {
        server.execute("postgres", &format!("ALTER DATABASE {DATABASE} SET {setting}"));
    }
    let folder = copy_for_server(&server);
    let door = (side == "gateway").then(|| Door::open_unsampled(&direct));
    let access = door.as_ref().map_or(direct, |door| door.access("operator"));
    let outputs = kept(side);
    fs::create_dir_all(&outputs).expect("a folder");
    files
        .iter()
        .map(|name| {
            let text = run_file(&server, &access, &folder, name);
            fs::write(outputs.join(format!("{name}.out")), &text).expect("a file");
            text
        })
        .collect()
}

/// Copies statements and data to where the server's own account may read them.
fn copy_for_server(server: &PostgresServer) -> PathBuf {
    let folder = server.files();
    let from = support::prepared("regress");
    for part in ["sql", "data"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
        for entry in fs::read_dir(from.join(part)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                fs::copy(&path, folder.join(part).join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
    }
    // Some files are written by the server (results) and by large objects of psql.
    let results = folder.join("results");
    fs::create_dir_all(&results).expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&results, open).expect("a mode");
    folder
}

fn run_file(server: &PostgresServer, access: &Access, folder: &Path, name: &str) -> String {
    let mut command = support::command("psql", access);
    command
        .args([
            "-X",
            "-a",
            "-q",
            "-v",
            "HIDE_TABLEAM=on",
            "-v",
            "HIDE_TOAST_COMPRESSION=on",
        ])
        .current_dir(folder)
        .env("PGTZ", "PST8PDT")
        .env("PGDATESTYLE", "Postgres, MDY")
        .env("PGOPTIONS", "-c intervalstyle=postgres_verbose")
        .env("PGSSLMODE", "disable")
        .env("LC_MESSAGES", "C")
        .env("PG_ABS_SRCDIR", folder)
        .env("PG_ABS_BUILDDIR", folder)
        .env("PG_LIBDIR", server.bin().with_file_name("lib"))
        .env("PG_DLSUFFIX", ".so");
    // One stream for both, as on a terminal: where an error stands between results is part of the answer.
    let output = tempfile::NamedTempFile::new().expect("a file");
    let append = fs::OpenOptions::new()
        .append(true)
        .open(output.path())
        .expect("a handle");
    let statements = fs::File::open(folder.join("sql").join(format!("{name}.sql"))).expect("the statements");
    let mut child = command
        .stdin(statements)
        .stdout(append.try_clone().expect("a second handle"))
        .stderr(append)
        .spawn()
        .expect("psql runs");
    let status = durward_testkit::wait_for_exit(&mut child, FILE_PATIENCE);
    let text = String::from_utf8_lossy(&fs::read(output.path()).expect("a file")).into_owned();
    // What has to differ: the folder of this run, the port, and the name that was logged in with.
    let port = access.address.port();
    let text = text
        .replace(&folder.display().to_string(), "«folder»")
        .replace(&format!("port {port}"), "port «port»")
        .replace(&format!("port \"{port}\""), "port \"«port»\"")
        .replace(&format!("as user \"{}\"", access.user), "as user \"«user»\"")
        .replace(&format!("for user \"{}\"", access.user), "for user \"«user»\"");
    match status {
        Some(_) => text,
        None => text + "\nended: it took too long\n",
    }
}
