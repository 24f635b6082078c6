use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::basic::{LogicalType, TimeUnit};
use parquet::record::Field;

use super::*;
use crate::fixture::{self, Statement, TestClock, outcome, session_ended, session_started};
use crate::{Clock, Durability, Event, Ledger, LedgerOptions, LoginRefused};

const DAY: u64 = 86_400_000_000;
/// 2026-01-01T12:00:00Z
const NOON: u64 = 1_767_268_800_000_000;

struct Log {
    directory: tempfile::TempDir,
    clock: Arc<TestClock>,
}

impl Log {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        clock.set(NOON);
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, clock }
    }

    fn write(&self, session: u64) {
        let options = LedgerOptions {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            segment_bytes_max: 4_000,
            ..fixture::options()
        };
        let ledger = Ledger::open(self.directory.path(), options).expect("the ledger opens");
        ledger
            .record(&session_started(session, fixture::principal("alice", &["claude"])))
            .expect("a session starts");
        for statement in 0..20 {
            Statement::read("customers")
                .intend(&ledger, session, statement, Durability::Process)
                .expect("an intent");
            ledger.record_outcome(&outcome(session, statement)).expect("an outcome");
        }
        Statement::delete("orders")
            .refuse(&ledger, session, 99)
            .expect("a refusal");
        let refused = LoginRefused {
            user: "mallory".into(),
            database: "shop".into(),
            client_address: "127.0.0.1:6".into(),
            client_program: None,
            reason: "wrong password".into(),
            sqlstate: "28P01".into(),
            tls: true,
        };
        ledger.record(&Event::LoginRefused(refused)).expect("a refused login");
        ledger.record(&session_ended(session)).expect("an end");
        ledger.close().expect("a clean close");
    }
}

/// All files by their path within the target.
fn files(target: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in fs::read_dir(target).expect("a folder") {
        for file in fs::read_dir(folder.expect("an entry").path()).expect("a folder") {
            let path = file.expect("an entry").path();
            let name = path.strip_prefix(target).expect("within").display().to_string();
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
    files
}

/// The rows of all files, in order, each column by its name.
fn rows(target: &Path) -> Vec<BTreeMap<String, Field>> {
    let mut rows = Vec::new();
    for name in files(target).keys() {
        let file = File::open(target.join(name)).expect("a file");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        for row in reader.get_row_iter(None).expect("rows") {
            let row = row.expect("a row");
            let columns = row.get_column_iter().map(|(name, field)| (name.clone(), field.clone()));
            rows.push(columns.collect());
        }
    }
    rows
}

fn text(row: &BTreeMap<String, Field>, name: &str) -> String {
    match row.get(name).expect(name) {
        Field::Str(text) => text.clone(),
        Field::Null => "-".into(),
        other => other.to_string(),
    }
}

#[test]
fn events_are_rows_with_types_by_day() {
    let log = Log::new();
    log.write(1);
    log.clock.set(NOON + DAY);
    log.write(2);
    let target = tempfile::tempdir().expect("a directory");
    let written = write_columns(log.directory.path(), target.path()).expect("files");
    let days: Vec<String> = files(target.path()).into_keys().collect();
    assert_eq!(days[0], "day=2026-01-01/events-00000000000000000001.parquet");
    assert!(
        days.len() == 2 && days[1].starts_with("day=2026-01-02/events-"),
        "{days:?}"
    );
    let rows = rows(target.path());
    assert_eq!(u64::try_from(rows.len()).expect("few"), written.rows);
    let find = |kind: &str| rows.iter().filter(|row| text(row, "kind") == kind).collect::<Vec<_>>();
    let intents = find("statement_intent");
    assert_eq!(intents.len(), 40);
    for (name, value) in [
        ("who", fixture::principal("alice", &["claude"]).to_string().as_str()),
        ("subject", "alice"),
        ("acting", "claude"),
        ("identity_kind", "agent"),
        ("database", "shop"),
        ("client_program", "psql"),
        ("verdict", "permitted"),
        ("class", "read"),
        ("query", "SELECT email FROM customers WHERE id = $1"),
        ("relations", "[\"public.customers\"]"),
        ("rules", "[\"people-read\"]"),
        ("labelled_columns", "[]"),
        ("sqlstate", "-"),
    ] {
        assert_eq!(text(intents[0], name), value, "{name}");
    }
    assert!(matches!(intents[0]["time"], Field::TimestampMicros(time) if time > i64::try_from(NOON).expect("late")));
    let outcomes = find("statement_outcome");
    assert_eq!(
        (outcomes.len(), &outcomes[0]["rows"], &outcomes[0]["microseconds"]),
        (40, &Field::Long(1), &Field::Long(350))
    );
    assert_eq!(
        text(find("statement_refused")[0], "message"),
        "this DELETE has no WHERE"
    );
    assert_eq!(text(find("login_refused")[1], "who"), "mallory");
    assert!(text(find("ledger_opened")[0], "detail").contains("verifier_key"));

    let first = File::open(target.path().join(&days[0])).expect("a file");
    let reader = SerializedFileReader::new(first).expect("a Parquet file");
    let time = reader.metadata().file_metadata().schema_descr().column(1);
    let Some(LogicalType::Timestamp(kind)) = time.logical_type_ref() else {
        panic!("{:?}", time.logical_type_ref());
    };
    assert!(kind.is_adjusted_to_u_t_c && kind.unit == TimeUnit::MICROS);
}

#[test]
fn what_is_there_is_gone_on_with_and_nothing_comes_twice() {
    let log = Log::new();
    log.write(1);
    let target = tempfile::tempdir().expect("a directory");
    let export = || write_columns(log.directory.path(), target.path());
    export().expect("files");
    let once = files(target.path());
    export().expect("files");
    assert_eq!(files(target.path()), once);
    // What a crash has left is of no account.
    fs::write(
        target.path().join("day=2026-01-01/events-00000000000000000007.new"),
        "half",
    )
    .expect("a file");
    log.write(2);
    log.clock.set(NOON + DAY);
    log.write(3);
    // A clock that is set back begins another file of a day that had ended.
    log.clock.set(NOON);
    log.write(4);
    let written = export().expect("files");
    fs::remove_file(target.path().join("day=2026-01-01/events-00000000000000000007.new")).expect("a removal");
    let numbers: Vec<i64> = rows(target.path())
        .iter()
        .map(|row| match row["event"] {
            Field::Long(number) => number,
            ref other => panic!("{other}"),
        })
        .collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), numbers.len());
    assert_eq!(files(target.path()).len(), 3);
    let whole = tempfile::tempdir().expect("a directory");
    assert_eq!(
        write_columns(log.directory.path(), whole.path())
            .expect("files")
            .last_event,
        written.last_event
    );
    assert_eq!(rows(whole.path()).len(), numbers.len());
    // Nobody else's.
    let other = Log::new();
    other.write(1);
    let error = write_columns(other.directory.path(), target.path()).expect_err("another ledger");
    assert!(matches!(error, ColumnsError::OtherLedger(_)), "{error}");
}

#[test]
fn columns_are_documented() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md")).expect("a page");
    for column in COLUMNS {
        assert!(page.contains(&format!("\n| `{}` |", column.name)), "{}", column.name);
    }
}
