//! Ordinary queries under masks, by real drivers: `tests/masking/utility.sql`, whose header says what must be equal.

pub(crate) mod case;
mod clients;
mod compare;
mod layout;
mod shape;
mod truths;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::support::Demo;
use case::Case;
use clients::Way;
use layout::{Book, Column};
use truths::Truths;

/// How many queries there must at least be: the suite never shrinks unseen.
const CASES_MIN: usize = 290;

/// A step and what is wrong with it, and for whom with which drivers.
type Failures = BTreeMap<(usize, usize, String), Vec<String>>;

/// Everything that a driver's results are held against.
struct Suite {
    cases: Vec<Case>,
    layouts: Vec<Vec<Vec<Column>>>,
    truths: Truths,
    demo: Demo,
    folder: tempfile::TempDir,
}

#[test]
fn utility_queries_answer_under_masks() {
    let began = Instant::now();
    let suite = Suite::open();
    // What somebody has written they see as constants, so that what writes comes last.
    let run_all = |writing: bool| {
        std::thread::scope(|scope| {
            let suite = &suite;
            let ways: Vec<_> = clients::WAYS
                .iter()
                .enumerate()
                .map(|(number, way)| scope.spawn(move || suite.run(number, *way, writing)))
                .collect();
            let ended = ways.into_iter().map(|way| way.join().expect("a driver's thread ends"));
            ended.collect::<Vec<_>>()
        })
    };
    let mut failures = Failures::new();
    let mut compared = 0;
    for (count, found) in [false, true].into_iter().flat_map(run_all) {
        compared += count;
        for (what, mut who) in found {
            failures.entry(what).or_default().append(&mut who);
        }
    }
    println!(
        "{compared} results of {} cases compared in {:?}",
        suite.cases.len(),
        began.elapsed()
    );
    assert!(failures.is_empty(), "{}", suite.report(&failures));
}

impl Suite {
    fn open() -> Self {
        let cases = Case::all();
        assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
        let demo = Demo::start();
        let book = Book::read(&demo);
        Self {
            layouts: layout::layouts(&cases, &book, &demo.direct()),
            truths: Truths::read(&book, &demo.direct()),
            folder: tempfile::tempdir().expect("a folder"),
            cases,
            demo,
        }
    }

    /// The cases that write, or those that don't, with one driver: in clear over a direct connection, then by each identity
    /// that they name.
    fn run(&self, number_of_way: usize, way: Way, writing: bool) -> (usize, Failures) {
        let Way { driver, format, .. } = way;
        let file = self.write(&format!("{driver}-{format}-clear"), |case| case.writes() == writing);
        let in_clear = clients::run(way, &file, &self.demo.direct());
        let who: BTreeSet<&String> = self.cases.iter().flat_map(|case| &case.who).collect();
        let mut failures = Failures::new();
        let mut compared = 0;
        for who in who {
            let is_run = |case: &Case| case.writes() == writing && case.is_for(who, number_of_way, clients::WAYS.len());
            let file = self.write(&format!("{driver}-{format}-{who}"), is_run);
            let under_masks = clients::run(way, &file, &self.demo.access(who));
            for (number, case) in self.cases.iter().enumerate().filter(|(_, case)| is_run(case)) {
                for (index, step) in case.steps.iter().enumerate() {
                    let place = (number, index);
                    let [clear, masked] = [&in_clear, &under_masks].map(|told| told.get(&place).expect("a result"));
                    let layout = self
                        .layouts
                        .get(number)
                        .and_then(|steps| steps.get(index))
                        .expect("a layout");
                    compared += 1;
                    if let Err(problem) = compare::check(step, layout, clear, masked, &self.truths, way.is_exact) {
                        let place = (number, index, problem);
                        failures
                            .entry(place)
                            .or_default()
                            .push(format!("{who} with {driver}, {format}"));
                    }
                }
            }
        }
        (compared, failures)
    }

    /// Writes some of the cases for a driver's script.
    fn write(&self, name: &str, wanted: impl Fn(&Case) -> bool) -> PathBuf {
        let path = Path::join(self.folder.path(), name);
        let chosen = self.cases.iter().enumerate().filter(|(_, case)| wanted(case));
        let lines: String = chosen
            .map(|(number, case)| format!("{}\n", case.to_json(number)))
            .collect();
        fs::write(&path, lines).expect("a file");
        path
    }

    fn report(&self, failures: &Failures) -> String {
        let mut report = String::new();
        for ((number, index, problem), who) in failures {
            let case = self.cases.get(*number).expect("a case");
            let step = case.steps.get(*index).expect("a step");
            report.push_str(&format!(
                "✗ {} {}\n  {}\n  {problem}\n  {}\n",
                case.line,
                case.title,
                step.sql,
                who.join("; ")
            ));
        }
        report
    }
}
