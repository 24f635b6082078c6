//! The cases of `tests/masking/utility.sql`; the file's header explains its form.

use std::fs;

use serde_json::{Value, json};

use crate::support;

/// Words of which a statement has one that writes or defines something.
pub(crate) const WRITING: [&str; 7] = ["insert", "update", "merge", "copy", "create", "alter", "into"];

/// Statements of one session that belong together.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) line: usize,
    pub(crate) title: String,
    pub(crate) who: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// One statement, and what may differ under masks.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) sql: String,
    /// The values of its parameters.
    pub(crate) with: Option<Vec<Value>>,
    pub(crate) rules: Rules,
}

/// What a header says after its title. Columns count from 1.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) computed: Vec<usize>,
    pub(crate) volatile: Vec<usize>,
    pub(crate) record: Vec<usize>,
    pub(crate) any_order: bool,
    pub(crate) other_rows: bool,
    pub(crate) refused: bool,
    pub(crate) wrong: bool,
    /// One driver runs it for each identity: it takes the server long, or is counted for the person.
    pub(crate) once: bool,
}

impl Rules {
    fn read(words: &str) -> Self {
        let mut rules = Self::default();
        for rule in words.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
            let (word, rest) = rule.split_once(' ').unwrap_or((rule, ""));
            let columns = || rest.split_whitespace().map(|column| column.parse().expect("a column"));
            match (word, rest) {
                ("computed", _) => rules.computed = columns().collect(),
                ("volatile", _) => rules.volatile = columns().collect(),
                ("record", _) => rules.record = columns().collect(),
                ("any", "order") => rules.any_order = true,
                ("other", "rows") => rules.other_rows = true,
                ("refused", "") => rules.refused = true,
                ("wrong", "") => rules.wrong = true,
                ("costly" | "counted", "") => rules.once = true,
                _ => panic!("no rule of a case: `{rule}`"),
            }
        }
        rules
    }
}

impl Case {
    /// All cases, in the order of the file.
    pub(crate) fn all() -> Vec<Self> {
        let text = fs::read_to_string(support::tests("masking/utility.sql")).expect("the cases");
        let mut cases: Vec<Self> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let header = line
                .strip_prefix("-- @ ")
                .map(|header| header.split('|').map(str::trim));
            match (header.map(Iterator::collect::<Vec<_>>).as_deref(), cases.last_mut()) {
                (Some([word]), Some(case)) if word.starts_with("with ") => {
                    let values = serde_json::from_str(word.trim_start_matches("with ")).expect("parameters");
                    case.last_step().with = Some(values);
                }
                (Some(["then", rules @ ..]), Some(case)) => case.steps.push(Step {
                    rules: Rules::read(&rules.concat()),
                    ..Step::default()
                }),
                (Some([who, title, rules @ ..]), _) => cases.push(Self {
                    line: index + 1,
                    title: (*title).to_owned(),
                    who: who.split_whitespace().map(str::to_owned).collect(),
                    steps: vec![Step {
                        rules: Rules::read(&rules.concat()),
                        ..Step::default()
                    }],
                }),
                (Some(header), _) => panic!("line {}: no header: {header:?}", index + 1),
                (None, Some(case)) if !line.is_empty() && !line.starts_with("--") => {
                    let sql = &mut case.last_step().sql;
                    if !sql.is_empty() {
                        sql.push('\n');
                    }
                    sql.push_str(line);
                }
                (None, _) => {}
            }
        }
        cases
    }

    fn last_step(&mut self) -> &mut Step {
        self.steps.last_mut().expect("a step")
    }

    /// Whether it runs in a transaction that is rolled back, so that the next case finds the rows as they were. Plain
    /// reads run as they are; some cases have a transaction of their own.
    pub(crate) fn in_transaction(&self) -> bool {
        let reads = |step: &Step| {
            ["SELECT", "WITH", "TABLE", "EXPLAIN", "COPY"]
                .iter()
                .any(|word| step.sql.to_uppercase().starts_with(word))
        };
        let begins = self.steps.first().is_some_and(|step| step.sql == "BEGIN");
        !begins && (self.steps.len() > 1 || !self.steps.iter().all(reads))
    }

    /// Whether the driver with this number of `count` runs it for `who`.
    pub(crate) fn is_for(&self, who: &str, driver: usize, count: usize) -> bool {
        let once = self.steps.iter().any(|step| step.rules.once);
        self.who.iter().any(|one| one == who) && (!once || self.line % count == driver)
    }

    /// Whether it may write or define something.
    pub(crate) fn writes(&self) -> bool {
        let text: String = self.steps.iter().map(|step| step.sql.to_lowercase()).collect();
        WRITING.iter().any(|word| text.contains(word))
    }

    /// As the clients' scripts read it.
    pub(crate) fn to_json(&self, number: usize) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| json!({"sql": step.sql, "with": step.with}))
            .collect();
        json!({"case": number, "transaction": self.in_transaction(), "steps": steps})
    }
}

impl Step {
    /// The parameters in text format.
    pub(crate) fn parameters(&self) -> Vec<Option<String>> {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        self.with.iter().flatten().map(text).collect()
    }

    /// The text with its parameters as literals, for the simple protocol.
    pub(crate) fn literal_sql(&self) -> String {
        let mut sql = self.sql.clone();
        for (index, value) in self.with.as_deref().unwrap_or_default().iter().enumerate().rev() {
            let literal = match value {
                Value::String(text) => format!("'{}'", text.replace('\'', "''")),
                other => other.to_string(),
            };
            sql = sql.replace(&format!("${}", index + 1), &literal);
        }
        sql
    }
}
