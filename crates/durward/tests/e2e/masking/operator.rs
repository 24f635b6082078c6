//! An operator has no masks in force: what the server answers after login is, byte for byte, what a direct connection gets,
//! over both protocols and in both formats, for all ordinary queries (`utility.sql`) and for statements that fail.

use std::fmt::Write as _;

use durward_testkit::{RawClient, Reply, Transcript};

use crate::support::Demo;
use crate::utility::case::{Case, Step};

/// How a statement is sent.
#[derive(Debug, Clone, Copy)]
enum Protocol {
    Simple,
    Extended { binary: bool },
}

const PROTOCOLS: [Protocol; 3] = [
    Protocol::Simple,
    Protocol::Extended { binary: false },
    Protocol::Extended { binary: true },
];

/// Statements whose errors quote what is labelled, or are made by the gateway in the server's place.
const FAILING: &[&str] = &[
    "SELEC email FROM customers",
    "SELECT email FROM nowhere",
    "SELECT emial FROM customers",
    "SELECT email::integer FROM customers ORDER BY customer_id",
    "SELECT 1 / (customer_id - customer_id) FROM customers",
    "INSERT INTO customers SELECT * FROM customers WHERE customer_id = 1",
    "INSERT INTO customers (first_name, country) VALUES ('Ada', 'much too long')",
    "UPDATE customers SET email = (SELECT email FROM customers WHERE customer_id = 2) WHERE customer_id = 1",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers WHERE customer_id = 1); END $$",
];

const SYNTAX_ERROR: &str = "42601";

#[test]
fn masking_leaves_an_operator_alone() {
    let demo = Demo::start();
    let mut sides =
        [demo.direct(), demo.access("operator")].map(|access| RawClient::connect(&access).expect("a login"));
    let failing = FAILING.iter().map(|sql| Case {
        line: 0,
        title: "it fails, or says something".to_owned(),
        who: Vec::new(),
        steps: vec![Step {
            sql: (*sql).to_owned(),
            ..Step::default()
        }],
    });
    let cases: Vec<Case> = Case::all().into_iter().chain(failing).collect();
    let kept = Kept::read(&mut sides[0]);
    let (mut answers, mut failures) = (0, String::new());
    for case in &cases {
        for protocol in PROTOCOLS {
            let [expected, got] = sides.each_mut().map(|client| run(client, case, protocol));
            for ((step, expected), got) in case.steps.iter().zip(expected).zip(got) {
                answers += 1;
                let [expected, got] = [expected, got].map(|answer| kept.of(answer, step));
                let same = expected
                    .iter()
                    .zip(&got)
                    .take_while(|(one, other)| one == other)
                    .count();
                if same < expected.len().max(got.len()) {
                    let [expected, got] = [&expected, &got].map(|replies| shown(replies.get(same)));
                    writeln!(
                        failures,
                        "✗ {} {} | {protocol:?}\n  {}\n  direct:  {expected}\n  gateway: {got}",
                        case.line, case.title, step.sql
                    )
                    .expect("a string grows");
                }
            }
        }
    }
    println!("{answers} answers of {} cases are the same", cases.len());
    assert!(failures.is_empty(), "{failures}");
}

/// One case in a transaction that leaves nothing behind; it may have one of its own.
fn run(client: &mut RawClient, case: &Case, protocol: Protocol) -> Vec<Transcript> {
    if case.in_transaction() {
        client.query("BEGIN").expect("an answer");
    }
    let send = |step: &Step| match protocol {
        Protocol::Simple => client.query(&step.literal_sql()),
        Protocol::Extended { binary } => client.extended_with(&step.sql, &step.parameters(), binary),
    };
    let answers: Vec<Transcript> = case
        .steps
        .iter()
        .map(send)
        .map(|answer| answer.expect("an answer"))
        .collect();
    if answers.last().and_then(Transcript::status) != Some('I') {
        client.query("ROLLBACK").expect("an answer");
    }
    answers
}

fn shown(reply: Option<&Reply>) -> String {
    reply.map_or_else(
        || "nothing".to_owned(),
        |reply| format!("{reply} {}", reply.body.escape_ascii()),
    )
}

/// What is compared of an answer: everything but what differs from one run to the next by itself.
struct Kept {
    /// Tables made on the way have higher numbers, which are new each time.
    table_max: u32,
}

impl Kept {
    fn read(direct: &mut RawClient) -> Self {
        let rows = direct.query("SELECT max(oid) FROM pg_class").expect("an answer").rows();
        Self {
            table_max: rows.concat().concat().parse().expect("a number"),
        }
    }

    fn of(&self, answer: Transcript, step: &Step) -> Vec<Reply> {
        let mut replies = answer.replies;
        for reply in &mut replies {
            match reply.tag {
                b'T' => self.forget_new_tables(&mut reply.body),
                b'D' => forget_cells(&mut reply.body, &step.rules.volatile),
                b'E' if reply.sqlstate() == SYNTAX_ERROR => forget_source(&mut reply.body),
                _ => {}
            }
        }
        replies
    }

    /// Sets the numbers of new tables in a RowDescription to zero.
    fn forget_new_tables(&self, body: &mut [u8]) {
        let mut rest = body.get_mut(2..).expect("a count");
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (_, numbers) = rest.split_at_mut(end + 1);
            let (numbers, after) = numbers.split_at_mut(18);
            let table = numbers.first_chunk_mut::<4>().expect("a table");
            if u32::from_be_bytes(*table) > self.table_max {
                *table = [0; 4];
            }
            rest = after;
        }
    }
}

/// The gateway words syntax errors as the server does, but doesn't say where in the server's source they are found.
fn forget_source(body: &mut Vec<u8>) {
    let fields = body.split(|byte| *byte == 0);
    let kept = fields.filter(|field| !matches!(field.first(), Some(b'F' | b'L' | b'R')));
    *body = kept.collect::<Vec<_>>().join(&0);
}

/// Empties these cells (from 1) of a DataRow.
fn forget_cells(body: &mut Vec<u8>, columns: &[usize]) {
    let (count, mut rest) = body.split_at_checked(2).expect("a count");
    let mut kept = count.to_vec();
    let mut column = 0;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        column += 1;
        let bytes = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (cell, after) = after.split_at_checked(bytes).expect("a cell");
        if columns.contains(&column) {
            kept.extend([0; 4]);
        } else {
            kept.extend([length.as_slice(), cell].concat());
        }
        rest = after;
    }
    *body = kept;
}
