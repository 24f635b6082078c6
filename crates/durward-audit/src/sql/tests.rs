use std::path::Path;
use std::time::Duration;

use super::{SqlError, SqlLimits, sql};
use crate::fixture::{self, Statement, options, outcome, session_started};
use crate::index::VIEWS;
use crate::{Durability, Ledger};

const LIMITS: SqlLimits = SqlLimits {
    rows_max: 100,
    time_max: Duration::from_secs(20),
};

fn log() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), options()).expect("the ledger opens");
    ledger
        .record(&session_started(1, fixture::principal("alice", &[])))
        .expect("a session starts");
    let read = Statement::read("customers");
    for statement in 1..=3 {
        read.intend(&ledger, 1, statement, Durability::Process)
            .expect("an intent");
        ledger.record_outcome(&outcome(1, statement)).expect("an outcome");
    }
    Statement::delete("customers").refuse(&ledger, 1, 4).expect("a refusal");
    ledger.close().expect("a clean close");
    directory
}

fn rows(directory: &Path, text: &str) -> String {
    let answer = sql(directory, text, LIMITS).expect(text);
    serde_json::to_string(&answer.rows).expect("rows")
}

#[test]
fn views_answer() {
    let log = log();
    let check = |text: &str, expected: &str| assert_eq!(rows(log.path(), text), expected, "{text}");
    check(
        "SELECT who, verdict, class, executions, session FROM statements ORDER BY first_event",
        r#"[["alice","permitted","read",3,"s000000000001"],["alice","refused","write",1,"s000000000001"]]"#,
    );
    check(
        "SELECT s.verdict, c.column_name FROM statements s JOIN statement_columns c USING (statement_id) ORDER BY 1",
        r#"[["permitted","email"],["refused","email"]]"#,
    );
    check(
        "SELECT credential_kind, assurance, json_array_length(groups), tls FROM sessions",
        r#"[["issued_password","issued",1,1]]"#,
    );
    check("SELECT who, relation FROM first_access", r#"[["alice","customers"]]"#);
    check("SELECT value FROM json_each('[1,2]')", "[[1],[2]]");
    check(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT max(i) FROM n",
        "[[3]]",
    );
    check("SELECT kind, created FROM ledger_events", r#"[["opened",1]]"#);
    for view in VIEWS {
        sql(log.path(), &format!("SELECT * FROM {} LIMIT 1", view.name), LIMITS).expect(view.name);
    }
}

#[test]
fn nothing_but_one_select_over_the_views_is_answered() {
    let log = log();
    for text in [
        "SELECT * FROM ix_session",
        "SELECT * FROM main.ix_session",
        "WITH statements AS (SELECT * FROM ix_session) SELECT * FROM statements",
        "WITH sessions AS (SELECT * FROM ix_session) SELECT * FROM sessions",
        "SELECT * FROM (SELECT * FROM ix_session) AS sessions",
        "SELECT * FROM (SELECT * FROM \"IX_SESSION\") AS sessions",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pragma_table_info('ix_session')",
        "SELECT * FROM dbstat",
        "PRAGMA user_version",
        "PRAGMA query_only = off",
        "ATTACH '/etc/passwd' AS other",
        "DELETE FROM ix_session",
        "INSERT INTO ix_position VALUES (1, 2, 3, 4, 5)",
        "UPDATE ix_session SET login = 'x'",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIEW temp.x AS SELECT 1",
        "DROP VIEW statements",
        "VACUUM INTO '/tmp/elsewhere'",
        "BEGIN",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT randomblob(10)",
        "SELECT zeroblob(1000000000)",
        "SELECT fts3_tokenizer('x')",
        "SELECT count(*) FROM ix_session",
        "SELECT count(*) FROM pragma_table_list",
        "SELECT count(*) FROM sqlite_schema",
        "EXPLAIN DELETE FROM ix_session",
        "SELECT 1; DELETE FROM ix_session",
        "SELECT 1; SELECT 2",
        "",
        "-- nothing",
        "SELEC 1",
        "SELECT nothing FROM statements",
    ] {
        let answer = sql(log.path(), text, LIMITS);
        assert!(
            matches!(answer, Err(SqlError::NotPermitted(_) | SqlError::Wrong(_))),
            "{text}: {answer:?}"
        );
    }
    // The index is what it was.
    assert_eq!(rows(log.path(), "SELECT count(*) FROM sessions"), "[[1]]");
}

#[test]
fn time_rows_and_memory_are_bounded() {
    let log = log();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let hurried = SqlLimits {
        time_max: Duration::from_millis(100),
        ..LIMITS
    };
    assert!(matches!(sql(log.path(), endless, hurried), Err(SqlError::Time(_))));
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let answer = sql(log.path(), many, LIMITS).expect("rows");
    assert_eq!((answer.rows.len(), answer.more), (100, true));
    let long = "WITH RECURSIVE n(t) AS (SELECT 'x' UNION ALL SELECT t || t FROM n) SELECT length(t) FROM n";
    assert!(matches!(sql(log.path(), long, LIMITS), Err(SqlError::Wrong(_))));
}

#[test]
fn views_are_documented() {
    let log = log();
    let page = include_str!("../../../../docs/audit.md");
    for view in VIEWS {
        let answer = sql(log.path(), &format!("SELECT * FROM {}", view.name), LIMITS).expect(view.name);
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", view.name)))
            .expect(view.name);
        let told: Vec<&str> = line.rsplit('|').nth(1).unwrap_or_default().split(", ").collect();
        let told: Vec<&str> = told
            .iter()
            .filter_map(|word| word.trim().strip_prefix('`')?.split('`').next())
            .filter(|word| answer.columns.iter().any(|column| column == word))
            .collect();
        assert_eq!(told, answer.columns, "{}", view.name);
    }
}
