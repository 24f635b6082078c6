//! Ways round the masks, by everybody who has masks in force, over both query protocols, on the demo's shop:
//! `tests/masking/evasions.sql`. Whatever a statement answers, no true value of a labelled column may be in it, in clear
//! or in a simple encoding.

mod operator;
mod own_writes;

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use durward_testkit::{Access, RawClient, RawError, Transcript};

use crate::support::{self, Demo};
use crate::utility::case::WRITING;

/// How many shapes there must at least be: the suite never shrinks unseen.
const CASES_MIN: usize = 359;

/// How long a dump may take, or a table to be found, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Nobody approves anything here: what would wait is told at once.
const TOLD_AT_ONCE: (&str, &str) = ("options", "-c durward.hold=error");

/// Queries that give the true values, over a direct connection. Each value is long enough not to stand anywhere else.
const SECRETS: &[&str] = &[
    "SELECT email FROM customers",
    "SELECT phone FROM customers WHERE phone IS NOT NULL",
    "SELECT street FROM addresses",
    "SELECT email FROM employees",
    "SELECT first_name || ' ' || last_name FROM customers",
];

/// One way round, as one session.
#[derive(Debug)]
struct Case {
    line: usize,
    title: String,
    who: Vec<String>,
    steps: Vec<String>,
    /// Codes of errors that would answer a question about true values.
    answers: Vec<String>,
    /// It is known to answer one, and nothing keeps it from that yet.
    known: bool,
}

impl Case {
    /// Whether it may write or define something.
    fn writes(&self) -> bool {
        let text = self.steps.concat().to_lowercase();
        WRITING.iter().any(|word| text.contains(word))
    }
}

/// What a statement that asks about true values says where the answer is yes. None holds it in one piece.
const YES: &str = "leaked";

/// Reads the cases: `-- @ identities | title`, then a statement; `-- @ then` begins the session's next one.
fn cases() -> Vec<Case> {
    let text = fs::read_to_string(support::tests("masking/evasions.sql")).expect("the cases");
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("-- @ "), cases.last_mut()) {
            (Some("then"), Some(case)) => case.steps.push(String::new()),
            (Some(header), _) => {
                let (who, title) = header.split_once('|').expect("identities | title");
                cases.push(Case {
                    line: index + 1,
                    title: title.trim().to_owned(),
                    who: who.split_whitespace().map(str::to_owned).collect(),
                    steps: vec![String::new()],
                    answers: Vec::new(),
                    known: false,
                });
            }
            (None, Some(case)) if line.starts_with("-- ? ") => {
                case.answers.extend(line.strip_prefix("-- ? ").map(str::to_owned));
            }
            (None, Some(case)) if line == "-- ! ANSWERS" => case.known = true,
            (None, Some(case)) if !line.starts_with("-- ") => {
                let step = case.steps.last_mut().expect("a step");
                if !step.is_empty() {
                    step.push('\n');
                }
                step.push_str(line);
            }
            (None, _) => {}
        }
    }
    cases
}

/// True values and how they would look in a simple encoding.
struct Secrets {
    searcher: AhoCorasick,
    patterns: Vec<String>,
}

impl Secrets {
    fn read(upstream: &Access) -> Self {
        let mut direct = RawClient::connect(upstream).expect("a direct connection");
        let mut patterns = Vec::new();
        for query in SECRETS {
            let answer = direct.query(query).expect("an answer");
            assert!(answer.error().is_none(), "{query}: {answer:?}");
            for value in answer.rows().into_iter().flatten() {
                let lower = value.to_lowercase();
                if lower.chars().count() < 8 {
                    continue;
                }
                patterns.push(lower.chars().rev().collect());
                patterns.push(lower.bytes().fold(String::new(), |mut hex, byte| {
                    write!(hex, "{byte:02x}").expect("a string grows");
                    hex
                }));
                patterns.push(lower);
            }
        }
        patterns.sort();
        patterns.dedup();
        let searcher = AhoCorasick::new(&patterns).expect("a searcher");
        Self { searcher, patterns }
    }

    /// The first true value in an answer.
    fn found_in(&self, answer: &Transcript) -> Option<&str> {
        answer.replies.iter().find_map(|reply| {
            let text = String::from_utf8_lossy(&reply.body).to_lowercase();
            let found = self.searcher.find(&text)?;
            self.patterns.get(found.pattern().as_usize()).map(String::as_str)
        })
    }
}

#[test]
fn masking_evasions() {
    let mut cases = cases();
    // What somebody has written they see as constants: attempts that write come last, so that they weaken no other.
    cases.sort_by_key(Case::writes);
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    let demo = Demo::start();
    let secrets = Secrets::read(&demo.direct());
    let mut failures = String::new();
    let mut tried = 0;
    for case in &cases {
        for who in &case.who {
            for extended in [false, true] {
                tried += 1;
                if let Err(problem) = attempt(&demo, &secrets, case, who, extended) {
                    let protocol = if extended { "extended" } else { "simple" };
                    writeln!(
                        failures,
                        "✗ {} {} | {who}, {protocol}\n  {problem}",
                        case.line, case.title
                    )
                    .expect("a string grows");
                }
            }
        }
    }
    let known = cases.iter().filter(|case| case.known).count();
    println!(
        "{tried} attempts of {} shapes, of which {known} are known to answer questions",
        cases.len()
    );
    assert!(failures.is_empty(), "{failures}");
}

fn attempt(demo: &Demo, secrets: &Secrets, case: &Case, who: &str, extended: bool) -> Result<(), String> {
    let mut client =
        RawClient::connect_with(&demo.access(who), &[TOLD_AT_ONCE]).map_err(|error| format!("{error:?}"))?;
    for step in &case.steps {
        let answer = if extended {
            client.extended(step, b"")
        } else {
            client.query(step)
        };
        match answer {
            Ok(answer) => {
                if let Some(value) = secrets.found_in(&answer) {
                    return Err(format!("{step}\n  shows {value}"));
                }
                let said_yes = answer.rows().concat().concat().to_lowercase().contains(YES);
                let code = answer.sqlstate().filter(|code| case.answers.contains(code));
                if !case.known && (said_yes || code.is_some()) {
                    return Err(format!("{step}\n  answers: {code:?}"));
                }
            }
            // The gateway ends a session whose result is another than was judged.
            Err(RawError::Socket(_)) => return Ok(()),
            Err(error) => return Err(format!("{step}\n  {error:?}")),
        }
    }
    Ok(())
}

/// The masks of ordinary reads keep shapes, and those who may see clear text do.
#[test]
fn masked_reads() {
    let demo = Demo::start();
    let rows = |who: &str, text: &str| {
        let mut client = RawClient::connect_with(&demo.access(who), &[TOLD_AT_ONCE]).expect("a login");
        let answer = client.query(text).expect("an answer");
        assert!(
            answer.error().is_none(),
            "{who}: {text}: {}",
            answer.error().expect("one")
        );
        answer.rows()
    };
    let select = "SELECT customer_id, first_name, email, country FROM customers ORDER BY customer_id LIMIT 50";
    let clear = rows("operator", select);
    assert_eq!(rows("service", select), clear);
    for who in ["engineer", "agent"] {
        let masked = rows(who, select);
        assert_eq!(masked.len(), clear.len());
        for (masked, clear) in masked.iter().zip(&clear) {
            let [id, name, email, country] = masked.as_slice() else {
                panic!("four columns")
            };
            assert_eq!([id, country], [&clear[0], &clear[3]]);
            assert!(*name != clear[1] && *email != clear[2], "{masked:?}");
            assert!(email.contains('@') && email.ends_with(".invalid"), "{email}");
        }
        // Equal values stay equal, and different ones different.
        let count = "SELECT count(DISTINCT email), count(email), count(*) FROM customers";
        assert_eq!(rows(who, count), rows("operator", count));
        let join = "SELECT count(*) FROM customers a JOIN customers b ON a.email = b.email";
        assert_eq!(rows(who, join), rows("operator", join));
        assert_eq!(
            rows(who, "SELECT 1 FROM customers WHERE email LIKE '%@example.com'").len(),
            0
        );
    }
}

/// A dump by somebody who sees masks holds none of the true values, and can be restored.
#[test]
fn masked_dumps_and_renamed_columns() {
    let demo = Demo::start();
    let direct = demo.direct();
    let secrets = Secrets::read(&direct);
    let mut dump = support::command("pg_dump", &demo.access("engineer"));
    // Without indexes: secrets are one constant, so that none of theirs can be unique.
    dump.args([
        "--enable-row-security",
        "--no-subscriptions",
        "--section=pre-data",
        "--section=data",
    ]);
    let dump = support::run(&mut dump, PATIENCE);
    assert!(dump.succeeded(), "{}", dump.stderr);
    let found = secrets.searcher.find(&dump.stdout.to_lowercase());
    assert_eq!(found.map(|found| &secrets.patterns[found.pattern().as_usize()]), None);

    let mut admin = RawClient::connect(&direct).expect("a direct connection");
    let made = admin.query("CREATE DATABASE restored").expect("an answer");
    assert!(made.error().is_none(), "{made:?}");
    let file = demo.data_dir.with_extension("dump");
    fs::write(&file, &dump.stdout).expect("a file");
    let restored = Access {
        database: "restored".into(),
        ..direct.clone()
    };
    let mut psql = support::command("psql", &restored);
    psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&file);
    let restore = support::run(&mut psql, PATIENCE);
    fs::remove_file(&file).expect("the file is there");
    assert!(restore.succeeded(), "{}", restore.stderr);

    // The name of a harmless column, given to a masked one by somebody who goes round the gateway.
    let mut engineer = RawClient::connect(&demo.access("engineer")).expect("a login");
    let select = "SELECT last_login FROM employees_renamed";
    for text in [
        "CREATE TABLE employees_renamed AS SELECT employee_id, email, hired_on::text AS last_login FROM employees",
        "ANALYZE employees_renamed",
    ] {
        let made = admin.query(text).expect("an answer");
        assert!(made.error().is_none(), "{made:?}");
    }
    let began = Instant::now();
    while engineer.query(select).expect("an answer").error().is_some() {
        assert!(began.elapsed() < PATIENCE, "the table is never found");
    }
    admin
        .query(
            "ALTER TABLE employees_renamed RENAME last_login TO was; \
             ALTER TABLE employees_renamed RENAME email TO last_login",
        )
        .expect("an answer");
    // The session ends, or sees masks.
    if let Ok(answer) = engineer.query(select) {
        assert_eq!(secrets.found_in(&answer), None);
    }
}
