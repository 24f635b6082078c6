//! Masks of what somebody has written are one constant for them and their agents: equal values have equal masks, so that
//! values of one's own choice would tell what others' masks stand for.

use std::time::Instant;

use durward_testkit::{RawClient, Transcript};

use super::{PATIENCE, TOLD_AT_ONCE};
use crate::support::Demo;

struct Shop {
    demo: Demo,
}

impl Shop {
    fn open() -> Self {
        Self { demo: Demo::start() }
    }

    fn ask(&self, who: &str, text: &str) -> Transcript {
        let mut client = RawClient::connect_with(&self.demo.access(who), &[TOLD_AT_ONCE]).expect("a login");
        client.query(text).expect("an answer")
    }

    fn rows(&self, who: &str, text: &str) -> Vec<Vec<String>> {
        let answer = self.ask(who, text);
        let error = answer.error();
        assert!(error.is_none(), "{who}: {text}: {}", error.expect("one"));
        answer.rows()
    }

    fn directly(&self, text: &str) -> Vec<Vec<String>> {
        let mut client = RawClient::connect(&self.demo.direct()).expect("a login");
        let answer = client.query(text).expect("an answer");
        assert!(answer.error().is_none(), "{text}: {answer:?}");
        answer.rows()
    }

    fn execute(&self, text: &str) {
        self.directly(text);
    }

    /// How many different masks somebody sees in a column.
    fn different(&self, who: &str, table: &str, column: &str) -> usize {
        let mut shown = self
            .rows(who, &format!("SELECT {column} FROM {table} LIMIT 200"))
            .concat();
        shown.sort();
        shown.dedup();
        shown.len()
    }

    /// Waits until a new table's columns are judged and shown.
    fn wait_for(&self, who: &str, text: &str) {
        let began = Instant::now();
        while self.ask(who, text).error().is_some() {
            assert!(began.elapsed() < PATIENCE, "{text}");
        }
    }
}

#[test]
fn masks_tell_nobody_what_they_have_written() {
    let shop = Shop::open();
    assert!(shop.different("engineer", "customers", "email") > 100);
    let birth_dates = shop.different("engineer", "customers", "birth_date");
    let theirs = "SELECT email, birth_date FROM customers WHERE customer_id < 6 ORDER BY customer_id";
    let before = shop.rows("agent", theirs);

    // What is refused writes nothing.
    let refused = shop.ask("engineer", "UPDATE customers SET birth_date = '1980-01-01'");
    assert!(refused.error().is_some());
    assert_eq!(shop.different("engineer", "customers", "birth_date"), birth_dates);

    // A few values are nothing: an application's forms go on as before.
    let insert = |names: std::ops::Range<u32>| {
        let row = |n| format!("('Eve', 'Codebook', 'eve{n}@codebook.example', 'DE', false, now(), now())");
        let rows: Vec<String> = names.map(row).collect();
        format!(
            "INSERT INTO customers (first_name, last_name, email, country, newsletter, created_at, updated_at) \
             VALUES {} RETURNING email",
            rows.join(", ")
        )
    };
    let shown = shop.rows("engineer", &insert(0..1)).concat().concat();
    assert!(shown.ends_with("@example.invalid"), "{shown}");
    assert!(shop.different("engineer", "customers", "email") > 100);
    // Past a hundred, whoever of the chain writes them, they are constants: in the same statement, and after it.
    for n in 0..2 {
        shop.rows("agent", &insert(10 + n..11 + n));
    }
    let answer = shop.rows("engineer", &insert(20..118));
    assert!(answer.iter().all(|row| row == &["[masked]"]), "{answer:?}");
    let select = "SELECT email FROM customers LIMIT 1";
    let answer = shop.ask("engineer", select);
    let notices: Vec<String> = answer
        .replies
        .iter()
        .filter(|reply| reply.tag == b'N')
        .map(|reply| String::from_utf8_lossy(&reply.body).into_owned())
        .collect();
    assert!(notices.concat().contains("show one value for all rows"), "{notices:?}");
    assert_eq!(shop.different("engineer", "customers", "email"), 1);
    for computed in ["upper(email)", "email || ''", "md5(email)", "left(email, 30)"] {
        assert_eq!(shop.different("engineer", "customers", computed), 1, "{computed}");
    }
    let groups = shop.rows(
        "engineer",
        "SELECT count(*) FROM (SELECT email FROM customers GROUP BY email) AS t",
    );
    assert_eq!(groups, [["1"]]);
    for (grouped, alike) in [
        ("SELECT count(*) FROM customers GROUP BY email", 1),
        ("SELECT max(customer_id) FROM customers c GROUP BY c.email", 1),
        ("SELECT count(*) AS email FROM customers GROUP BY email", 1),
        ("SELECT email AS e FROM customers GROUP BY e", 1),
        ("SELECT email FROM customers GROUP BY 1", 1),
        ("SELECT count(*) FROM customers GROUP BY GROUPING SETS ((email))", 1),
        ("SELECT DISTINCT email FROM customers", 1),
        ("SELECT DISTINCT ON (email) email FROM customers", 1),
        ("SELECT email FROM customers UNION SELECT email FROM customers", 1),
        (
            "SELECT count(*) FROM (SELECT e FROM (SELECT email AS e FROM customers) AS t GROUP BY e) AS u",
            1,
        ),
    ] {
        assert_eq!(shop.ask("engineer", grouped).rows().len(), alike, "{grouped}");
    }
    // What wasn't written stays as it was, in the same table and in others.
    assert_eq!(shop.different("engineer", "customers", "birth_date"), birth_dates);
    assert!(shop.different("engineer", "employees", "email") > 10);
    // The agent works for the same person, who could read its screen.
    assert_eq!(shop.different("agent", "customers", "email"), 1);
    let after = shop.rows("agent", theirs);
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before[1], after[1], "birth dates weren't written");
        assert_eq!(after[0], "[masked]");
    }
    // Those who see clear text aren't concerned.
    assert!(shop.different("operator", "customers", "email") > 100);
}

#[test]
fn guesses_in_a_table_of_ones_own_tell_nothing() {
    let shop = Shop::open();
    let [first, second] = shop
        .directly("SELECT email FROM customers ORDER BY customer_id LIMIT 2")
        .concat()
        .try_into()
        .expect("two");
    let made = shop.ask(
        "engineer",
        "CREATE TABLE guesses (guess_id bigint PRIMARY KEY, email text, birth_date date)",
    );
    assert!(made.error().is_none(), "{made:?}");
    shop.rows(
        "engineer",
        &format!("INSERT INTO guesses VALUES (1, '{first}', '1980-01-01'), (2, '{second}', '1980-01-02')"),
    );
    shop.wait_for("engineer", "SELECT email, birth_date FROM guesses");
    for who in ["engineer", "agent"] {
        assert_eq!(shop.different(who, "guesses", "email"), 1);
        assert_eq!(shop.different(who, "guesses", "birth_date"), 1);
        for join in [
            "SELECT g.guess_id FROM guesses g JOIN customers c ON c.email = g.email",
            "SELECT g.guess_id FROM guesses g JOIN customers c USING (email)",
            "SELECT guess_id FROM guesses WHERE email IN (SELECT email FROM customers)",
            "SELECT g.guess_id FROM guesses g WHERE EXISTS (SELECT FROM customers c WHERE c.email = g.email)",
            "SELECT g.guess_id FROM guesses g JOIN customers c ON upper(c.email) = upper(g.email)",
        ] {
            let rows = shop.ask(who, join).rows();
            assert!(rows.is_empty(), "{who}: {join}: {rows:?}");
        }
    }
    // The table's name is of no help.
    let renamed = shop.ask("operator", "ALTER TABLE guesses RENAME TO customers_of_old");
    assert!(renamed.error().is_none(), "{renamed:?}");
    shop.wait_for("engineer", "SELECT email FROM customers_of_old");
    assert_eq!(shop.different("engineer", "customers_of_old", "email"), 1);
}

/// One statement, one row or one name may hide many values.
#[test]
fn hidden_values_are_counted() {
    let shop = Shop::open();
    let rows = |text: &str| {
        let answer = shop.ask("engineer", text);
        assert!(answer.error().is_none(), "{text}: {}", answer.error().expect("one"));
    };
    // A WITH query's rows aren't in the tag.
    rows(
        "WITH a AS (INSERT INTO payments (order_id, method, card_holder, amount, paid_at) \
         SELECT 1, 'tv', 'Guess ' || g, 1, now() FROM generate_series(1, 20) g) \
         UPDATE orders SET note = note WHERE order_id = 1",
    );
    assert_eq!(
        shop.different("engineer", "payments WHERE card_holder IS NOT NULL", "card_holder"),
        1
    );
    // A document holds as many as it likes.
    let before = shop.rows("engineer", "SELECT data FROM profiles WHERE customer_id = 1");
    rows(
        "UPDATE profiles SET data = '{\"display_name\": [\"Ada Lovelace\", \"Eve Codebook\"]}' WHERE customer_id = 4999",
    );
    let after = shop.rows("engineer", "SELECT data FROM profiles WHERE customer_id = 1");
    assert_ne!(before, after);
    assert!(after.concat().concat().contains("[masked]"), "{after:?}");
}

/// Rows that wait for a lock come with what was written while they waited.
#[test]
fn rows_that_wait_for_what_is_written_meanwhile_are_constants() {
    let shop = Shop::open();
    let session = || RawClient::connect_with(&shop.demo.access("engineer"), &[TOLD_AT_ONCE]).expect("a login");
    let (mut writer, mut reader) = (session(), session());
    for text in ["BEGIN", "SELECT 1 FROM customers WHERE customer_id = 1 FOR UPDATE"] {
        let answer = writer.query(text).expect("an answer");
        assert!(answer.error().is_none(), "{answer:?}");
    }
    let waiting =
        std::thread::spawn(move || reader.query("SELECT birth_date FROM customers WHERE customer_id = 1 FOR UPDATE"));
    let began = Instant::now();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while shop.directly(waits) != [["1"]] {
        assert!(began.elapsed() < PATIENCE, "nobody waits");
    }
    let write = "UPDATE customers SET birth_date = '1980-01-01' WHERE customer_id BETWEEN 1 AND 60";
    for text in [write, write, "COMMIT"] {
        let answer = writer.query(text).expect("an answer");
        assert!(answer.error().is_none(), "{answer:?}");
    }
    let answer = waiting.join().expect("it ends").expect("an answer");
    assert_eq!(answer.rows(), [["2000-01-01"]], "{answer:?}");
}

/// The server has masked what is computed, so that rows which waited can't be masked otherwise any more.
#[test]
fn computed_rows_that_wait_for_what_is_written_meanwhile_are_cut_off() {
    let shop = Shop::open();
    let session = || RawClient::connect_with(&shop.demo.access("engineer"), &[TOLD_AT_ONCE]).expect("a login");
    let (mut writer, mut reader) = (session(), session());
    let waiting = std::thread::spawn(move || {
        reader.query("SELECT 1 FROM pg_sleep(10); SELECT to_char(birth_date, 'YYYY-MM-DD') FROM customers LIMIT 5")
    });
    let began = Instant::now();
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while shop.directly(sleeps) != [["1"]] {
        assert!(began.elapsed() < PATIENCE, "nobody sleeps");
    }
    let write = "UPDATE customers SET birth_date = '1980-01-01' WHERE customer_id BETWEEN 1 AND 60";
    for _ in 0..2 {
        let answer = writer.query(write).expect("an answer");
        assert!(answer.error().is_none(), "{answer:?}");
    }
    assert!(waiting.join().expect("it ends").is_err(), "the session ends");
}

/// What the server tells of its work depends on values that it finds: how much a change writes to its log, what its
/// statistics say, whether a table of one's own gives rows to a masked one.
#[test]
fn nothing_tells_whether_a_guess_is_right() {
    let shop = Shop::open();
    let refused = |who: &str, text: &str| {
        let answer = shop.ask(who, text);
        assert!(answer.error().is_some(), "{who}: {text}: {:?}", answer.rows());
    };
    for who in ["engineer", "agent"] {
        for text in [
            "EXPLAIN (ANALYZE, WAL) UPDATE customers SET email = 'x' WHERE customer_id = 1",
            "EXPLAIN ANALYZE UPDATE customers SET newsletter = true WHERE customer_id = 1",
            "PREPARE guess AS UPDATE customers SET email = 'x' WHERE customer_id = 1; EXPLAIN ANALYZE EXECUTE guess",
            "SELECT pg_current_wal_insert_lsn()",
            "SELECT pg_current_wal_lsn()",
            "SELECT pg_stat_get_xact_tuples_hot_updated('customers'::regclass)",
            "CREATE TEMP TABLE theirs () INHERITS (customers)",
            "CREATE TABLE theirs () INHERITS (customers)",
        ] {
            refused(who, text);
        }
        for (column, relation) in [
            ("wal_bytes", "pg_stat_wal"),
            ("correlation", "pg_stats"),
            ("n_distinct", "pg_stats"),
            ("n_tup_hot_upd", "pg_stat_user_tables"),
        ] {
            assert!(shop.different(who, relation, column) <= 2, "{who}: {relation}.{column}");
        }
    }
    for text in [
        "CREATE TABLE theirs (LIKE customers)",
        "ALTER TABLE theirs INHERIT customers",
    ] {
        let answer = shop.ask("engineer", text);
        assert_eq!(
            answer.error().is_some(),
            text.starts_with("ALTER"),
            "{text}: {answer:?}"
        );
    }
}

/// Look-ups are counted by what they compare, whatever the column is called and however often a statement is run.
#[test]
fn look_ups_are_counted_whatever_they_are_called() {
    let shop = Shop::open();
    shop.execute("CREATE UNIQUE INDEX ON employees (email)");
    let many: Vec<String> = (0..30)
        .map(|n| format!("(SELECT 0 FROM employees e(i, n, m) WHERE m = 'guess{n}')"))
        .collect();
    shop.wait_for("engineer", "SELECT 1 FROM employees WHERE email = 'nobody@x.example'");
    let answer = shop.ask("engineer", &format!("SELECT ARRAY[{}]", many.join(", ")));
    assert!(answer.error().is_some(), "{answer:?}");

    let mut client = RawClient::connect_with(&shop.demo.access("engineer"), &[TOLD_AT_ONCE]).expect("a login");
    let prepared = client
        .query("PREPARE p(text) AS SELECT employee_id FROM employees WHERE email = $1")
        .expect("an answer");
    assert!(prepared.error().is_none(), "{prepared:?}");
    let refused = (0..40).any(|n| {
        client
            .query(&format!("SET x.guess = 'g{n}@x.example'"))
            .expect("an answer");
        let answer = client
            .query("EXECUTE p(current_setting('x.guess'))")
            .expect("an answer");
        answer.error().is_some()
    });
    assert!(refused, "forty values were looked up");
}
