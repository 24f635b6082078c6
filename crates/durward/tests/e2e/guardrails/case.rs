use std::fmt;
use std::fs;
use std::path::Path;

/// What must become of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// One of its steps is refused by the gateway, and nothing is changed.
    Refused,
    /// It answers as the server itself does.
    Allowed,
}

/// One entry of a case file.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) title: String,
    pub(super) expectation: Expectation,
    /// Only as a simple Query: it holds several statements, or can't run in a transaction.
    pub(super) simple_only: bool,
    pub(super) who: Vec<String>,
    pub(super) steps: Vec<Step>,
}

/// One message of a case.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub(super) text: String,
    /// What is sent when the server asks for COPY rows.
    pub(super) rows: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}", self.file, self.line, self.title)
    }
}

const EVERYONE: [&str; 4] = ["operator", "engineer", "agent", "service"];

/// Reads every case of a folder, in the order of file names. The form is told in `tests/guardrails/README.md`.
pub(super) fn load(folder: &Path) -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .filter(|path| path.file_name().is_some_and(|name| name != "fixture.sql"))
        .collect();
    paths.sort();
    let cases: Vec<Case> = paths.iter().flat_map(|path| load_file(path)).collect();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    cases
}

fn load_file(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a readable file");
    let file = path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut cases: Vec<Case> = Vec::new();
    let mut in_rows = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(header) = line.strip_prefix("-- @ ") {
            in_rows = header == "rows";
            match (header, cases.last_mut()) {
                ("rows", Some(_)) => {}
                ("then", Some(case)) => case.steps.push(Step::default()),
                _ => cases.push(parse_header(&file, index + 1, header)),
            }
            continue;
        }
        // Whatever stands before the first case is the file's own comment.
        let Some(step) = cases.last_mut().and_then(|case| case.steps.last_mut()) else {
            continue;
        };
        let part = if in_rows { &mut step.rows } else { &mut step.text };
        if !in_rows && !part.is_empty() {
            part.push('\n');
        }
        part.push_str(line);
        if in_rows {
            part.push('\n');
        }
    }
    cases
}

fn parse_header(file: &str, line: usize, header: &str) -> Case {
    let mut parts = header.splitn(3, '|').map(str::trim);
    let (Some(verdict), Some(who), Some(title)) = (parts.next(), parts.next(), parts.next()) else {
        panic!("{file}:{line}: not `verdict | who | title`");
    };
    let mut words = verdict.split_whitespace();
    let expectation = match words.next() {
        Some("refused") => Expectation::Refused,
        Some("allowed") => Expectation::Allowed,
        other => panic!("{file}:{line}: unknown verdict {other:?}"),
    };
    let simple_only = match words.next() {
        None => false,
        Some("simple") => true,
        other => panic!("{file}:{line}: unknown word {other:?}"),
    };
    let who: Vec<String> = match who {
        "everyone" => EVERYONE.map(str::to_owned).to_vec(),
        names => names.split_whitespace().map(str::to_owned).collect(),
    };
    for name in &who {
        assert!(
            EVERYONE.contains(&name.as_str()),
            "{file}:{line}: nobody is called {name}"
        );
    }
    Case {
        file: file.to_owned(),
        line,
        title: title.to_owned(),
        expectation,
        simple_only,
        who,
        steps: vec![Step::default()],
    }
}
