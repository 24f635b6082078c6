//! What the server itself says of each case's results: names, types, tables; and from the label book, which of their
//! columns are masked.

use std::collections::HashMap;

use durward_testkit::{Access, RawClient, Reply, run_on};
use serde_json::Value;

use super::case::{Case, Step};
use crate::support::{self, Demo, Outcome};

/// One column of a result.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The label of the table's column that it shows unchanged.
    pub(crate) label: Option<String>,
    /// It is of a table that the case itself makes, whose number is new each time.
    pub(crate) of_new_table: bool,
}

/// A labelled column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) type_name: String,
    pub(crate) label: String,
}

type Labels = HashMap<(u32, i16), Option<String>>;

/// The label book, as `durward data map` shows it.
pub(crate) struct Book(Vec<Labelled>);

impl Book {
    pub(crate) fn read(demo: &Demo) -> Self {
        let output = Outcome::from(run_on(
            &support::binary(),
            &demo.data_dir,
            &["data", "map", "--json", "--all"],
        ));
        assert!(output.succeeded(), "{}", output.text());
        let labelled = output.stdout.lines().filter_map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let word = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
            assert_ne!(word("state")?, "undecided", "{line}");
            let masked = word("masked").expect("for whom it is masked");
            let label = word("label")?;
            assert!(masked.starts_with("for people and agents"), "{line}");
            Some(Labelled {
                table: word("table").expect("a table"),
                column: word("column").expect("a column"),
                type_name: word("type").expect("a type"),
                label,
            })
        });
        Self(labelled.collect())
    }

    pub(crate) fn labelled(&self) -> &[Labelled] {
        &self.0
    }

    /// Labels of the tables' columns, by the numbers of both; none where there is no label.
    fn by_number(&self, direct: &mut RawClient) -> Labels {
        let columns =
            "SELECT attrelid::int8, attnum, relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
            WHERE attnum <> 0";
        let rows = direct.query(columns).expect("an answer").rows();
        let known = |row: Vec<String>| {
            let [table, column, table_name, column_name] = row.as_slice() else {
                panic!("four cells: {row:?}")
            };
            let found = self
                .0
                .iter()
                .find(|one| one.table == *table_name && one.column == *column_name);
            let number = (table.parse().expect("a number"), column.parse().expect("a number"));
            (number, found.map(|one| one.label.clone()))
        };
        rows.into_iter().map(known).collect()
    }
}

/// The columns of every step's result, by case and step; none where it has no rows.
pub(crate) fn layouts(cases: &[Case], book: &Book, direct: &Access) -> Vec<Vec<Vec<Column>>> {
    let mut client = RawClient::connect(direct).expect("a direct connection");
    let labels = book.by_number(&mut client);
    cases
        .iter()
        .map(|case| {
            client.query("BEGIN").expect("an answer");
            let steps = case.steps.iter().map(|step| layout(&mut client, step, &labels));
            let layouts = steps.collect();
            client.query("ROLLBACK").expect("an answer");
            layouts
        })
        .collect()
}

fn layout(client: &mut RawClient, step: &Step, labels: &Labels) -> Vec<Column> {
    let answer = client
        .extended_with(&rows_sql(&step.sql), &step.parameters(), false)
        .expect("an answer");
    assert!(
        answer.error().is_none(),
        "{}: {}",
        step.sql,
        answer.error().expect("one")
    );
    let description = answer.replies.iter().find(|reply| reply.tag == b'T');
    description.map_or_else(Vec::new, |reply| columns(reply, labels))
}

/// The SELECT whose rows a COPY shows.
fn rows_sql(sql: &str) -> String {
    let Some((source, _)) = sql.strip_prefix("COPY ").and_then(|rest| rest.split_once(" TO STDOUT")) else {
        return sql.to_owned();
    };
    if let Some(query) = source.strip_prefix('(') {
        return query.trim_end_matches(')').to_owned();
    }
    let (table, columns) = source.split_once(' ').unwrap_or((source, "*"));
    format!("SELECT {} FROM {table}", columns.trim_matches(['(', ')']))
}

/// The columns of a RowDescription.
fn columns(reply: &Reply, labels: &Labels) -> Vec<Column> {
    let mut rest = reply.body.get(2..).expect("a count");
    let mut columns = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == 0).expect("a name's end");
        let (name, numbers) = rest.split_at(end + 1);
        let (numbers, after) = numbers.split_at_checked(18).expect("a column's numbers");
        let [a, b, c, d, e, f, ..] = *numbers else {
            panic!("too short")
        };
        let number = (u32::from_be_bytes([a, b, c, d]), i16::from_be_bytes([e, f]));
        columns.push(Column {
            name: String::from_utf8_lossy(name.get(..end).expect("a name")).into_owned(),
            label: labels.get(&number).cloned().flatten(),
            of_new_table: number != (0, 0) && !labels.contains_key(&number),
        });
        rest = after;
    }
    columns
}
