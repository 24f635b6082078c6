//! Facts of statements over the catalog of `tests/fixtures/shop.sql`, in small groups by topic.

mod dml;
mod names;
mod nested;
mod select;
mod soup;
mod stacks;
mod texts;

use std::fmt::Write as _;
use std::sync::OnceLock;

use durward_model::{RowBound, StatementFacts};

use crate::{AnalysisContext, AnalyzedStatement, fixture};

/// The fixture's catalog, looked at by a session with the ordinary search path.
pub(crate) fn shop() -> AnalysisContext {
    static SHOP: OnceLock<AnalysisContext> = OnceLock::new();
    SHOP.get_or_init(|| {
        fixture::context(
            include_str!("../../tests/fixtures/catalog.copy"),
            &["pg_catalog", "public"],
        )
        .unwrap()
    })
    .clone()
}

/// Runs on a thread with a stack as big as a parser thread's.
pub(crate) fn on_big_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, work)
            .unwrap()
            .join()
            .unwrap()
    })
}

/// What is found in each of a text's statements, in words.
pub(crate) fn facts(sql: &str) -> String {
    let context = shop();
    on_big_stack(|| match fixture::analyze_here(sql, &context) {
        Ok(analysis) => analysis.statements.iter().map(rendered).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("{error:?}"),
    })
}

/// Facts of several statements, each under its text.
pub(crate) fn all_facts(statements: &[&str]) -> String {
    let mut text = String::new();
    for sql in statements {
        writeln!(text, "== {sql}\n{}\n", facts(sql)).unwrap();
    }
    text
}

fn rendered(statement: &AnalyzedStatement) -> String {
    let mut text = render(&statement.facts);
    if !statement.unresolved.is_empty() {
        write!(text, "\nunresolved {}", statement.unresolved.join(", ")).unwrap();
    }
    for effect in statement.effects.iter() {
        write!(text, "\neffect {effect:?}").unwrap();
    }
    text
}

/// Facts in a few lines.
pub(crate) fn render(facts: &StatementFacts) -> String {
    let rows = match facts.rows_written {
        RowBound::AtMost(rows) => rows.to_string(),
        RowBound::Unbounded => "any".to_owned(),
    };
    let mut text = format!("{} {}, rows {rows}, {:?}", facts.class, facts.command, facts.certainty).to_lowercase();
    for usage in &facts.relations {
        let modes: Vec<&str> = usage.modes.words().collect();
        let columns: Vec<String> = usage
            .columns
            .iter()
            .map(|column| {
                let mark = match (column.read, column.written) {
                    (true, true) => "!",
                    (false, true) => ":",
                    _ => "",
                };
                format!("{}{mark}", column.name)
            })
            .collect();
        let direct = if usage.direct { "" } else { " (within)" };
        write!(
            text,
            "\n{}: {} [{}]{direct}",
            usage.relation.name,
            modes.join("+"),
            columns.join(" ")
        )
        .unwrap();
    }
    for usage in &facts.functions {
        write!(text, "\ncalls {} {:?}", usage.function.name, usage.effect).unwrap();
    }
    for object in &facts.objects {
        let modes: Vec<&str> = object.modes.words().collect();
        write!(
            text,
            "\nobject {:?} {:?} {} {}",
            object.kind,
            object.schema,
            object.name,
            modes.join("+")
        )
        .unwrap();
    }
    for hazard in &facts.hazards {
        write!(text, "\nhazard {} {}", hazard.kind, hazard.object).unwrap();
    }
    for reason in &facts.opaque {
        write!(text, "\nopaque {}: {}", reason.object, reason.reason).unwrap();
    }
    for column in &facts.output {
        let lineage: Vec<String> = column
            .lineage
            .iter()
            .map(|(relation, number)| format!("{}.{}", relation.name.name, number.0))
            .collect();
        let arrow = if column.unchanged { "=" } else { "<-" };
        write!(text, "\n  {} {arrow} {}", column.name, lineage.join(" ")).unwrap();
    }
    text
}
