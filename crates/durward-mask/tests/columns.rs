//! The development set: tables in many languages whose columns are judged, and how often verdicts are right.
//!
//! One half, by a hash of the table's name, is there to learn from: what is judged wrongly in it is listed. Of the other
//! half only figures are shown. The figures in `docs/masking.md` are those computed here; to write them anew, run with
//! `UPDATE_FIGURES=1`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "columns/figures.rs"]
mod figures;
#[path = "columns/generate.rs"]
mod generate;
#[path = "columns/numbers.rs"]
mod numbers;
#[path = "columns/random.rs"]
mod random;
#[path = "columns/schema.rs"]
mod schema;
#[path = "columns/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;

use durward_mask::detect::Detectors;
use durward_mask::verdict::{ColumnProfile, ColumnType, TypeCategory, judge_table};
use durward_model::Label;

use figures::{Figures, Judged};
use schema::{Table, tables};

fn is_held_out(table: &str) -> bool {
    random::hash(table) >> 32 & 1 == 1
}

/// What a catalog and a sample tell of a table's columns.
fn profiles(table: &Table) -> Vec<ColumnProfile> {
    table
        .columns
        .iter()
        .map(|column| {
            let is_enum = column.recipe.starts_with("enum:") && column.written_type == "enum";
            let column_type = if is_enum {
                ColumnType::of(TypeCategory::Enum)
            } else {
                ColumnType::of_postgres(column.written_type)
            };
            let is_text = column.written_type == "text" || column.written_type.starts_with("character varying");
            let seed = format!("{}.{}", table.name, column.name);
            let samples = generate::values(
                &seed,
                column.recipe,
                table.language,
                table.rows,
                is_text && !column.is_clean,
            );
            let distinct: BTreeSet<&String> = samples.iter().collect();
            ColumnProfile {
                is_primary_key: column.is_primary_key,
                is_unique: column.is_primary_key,
                siblings: table
                    .columns
                    .iter()
                    .filter(|other| other.name != column.name)
                    .map(|other| other.name.to_owned())
                    .collect(),
                distinct_count: Some(distinct.len() as u64),
                row_count: Some(table.rows as u64),
                samples,
                ..ColumnProfile::new(table.name, column.name, column_type)
            }
        })
        .collect()
}

fn judged(detectors: &Detectors, wanted: impl Fn(&str) -> bool) -> Vec<Judged> {
    tables()
        .iter()
        .filter(|table| wanted(table.name))
        .flat_map(|table| {
            let verdicts = judge_table(&profiles(table), detectors);
            table
                .columns
                .iter()
                .zip(verdicts)
                .map(|(column, verdict)| Judged {
                    column: format!("{}.{}", table.name, column.name),
                    truth: column.label,
                    found: verdict.mask_as().map(|label| label.word().to_owned()),
                    is_trap: column.is_trap,
                    evidence: format!(
                        "{} {}",
                        verdict.confidence,
                        verdict
                            .evidence
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join("; ")
                    ),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn verdicts_on_the_development_set_are_right() {
    let detectors = Detectors::built_in();
    let learnt = judged(&detectors, |table| !is_held_out(table));
    let held_out = judged(&detectors, is_held_out);
    let wrong: Vec<String> = learnt
        .iter()
        .filter(|one| one.truth != one.found.as_deref())
        .map(|one| {
            let found = one.found.as_deref().unwrap_or("-");
            format!(
                "{}: {found} instead of {}: {}",
                one.column,
                one.truth.unwrap_or("-"),
                one.evidence
            )
        })
        .collect();
    let of_learnt = Figures::of(learnt.iter());
    let of_held_out = Figures::of(held_out.iter());
    let of_all = Figures::of(learnt.iter().chain(&held_out));
    let rows = [
        of_learnt.row("learnt from"),
        of_held_out.row("held out"),
        of_all.row("both"),
    ]
    .join("\n");
    println!("{rows}\n\nWrong in the half that is learnt from:\n{}", wrong.join("\n"));
    let page = documented(&rows);
    for figures in [&of_learnt, &of_held_out] {
        assert!(figures.f1() >= 0.95, "F1 {:.3}", figures.f1());
        assert!(figures.trapped() <= 0.03, "trap group {:.3}", figures.trapped());
        assert!(figures.leak() <= 0.03, "leaks {:.3}", figures.leak());
        assert!(figures.over() <= 0.03, "over-masking {:.3}", figures.over());
    }
    assert!(page.contains(&rows), "docs/masking.md has other figures:\n{rows}");
}

/// The page with the figures; written anew if that is asked for.
fn documented(rows: &str) -> String {
    const BEGIN: &str = "<!-- figures of the development set -->\n";
    const END: &str = "\n<!-- end of figures -->";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/masking.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("UPDATE_FIGURES").is_none() {
        return page;
    }
    let (before, rest) = page.split_once(BEGIN).expect("the page marks where figures begin");
    let (_, after) = rest.split_once(END).expect("the page marks where figures end");
    let head = "| half | columns | sensitive | traps | F1 | wrong label | leaked | over-masked | traps masked |\n\
                |---|---|---|---|---|---|---|---|---|";
    let page = format!("{before}{BEGIN}{head}\n{rows}{END}{after}");
    std::fs::write(&path, &page).expect("the page can be written");
    page
}

#[test]
fn the_set_is_large_and_of_many_languages() {
    let tables = tables();
    let languages: BTreeSet<&str> = tables.iter().map(|table| table.language).collect();
    let columns: usize = tables.iter().map(|table| table.columns.len()).sum();
    let held_out = tables.iter().filter(|table| is_held_out(table.name)).count();
    assert!(
        tables.len() >= 40 && columns >= 500,
        "{} tables, {columns} columns",
        tables.len()
    );
    assert!(languages.len() >= 10, "{languages:?}");
    assert!(
        held_out * 3 >= tables.len() && held_out * 3 <= tables.len() * 2,
        "{held_out} of {}",
        tables.len()
    );
    for label in tables
        .iter()
        .flat_map(|table| &table.columns)
        .filter_map(|column| column.label)
    {
        assert!(!matches!(Label::of_word(label), Label::Custom(_)), "{label}");
    }
}

#[test]
fn values_are_the_same_in_every_run() {
    let once = generate::values("seed", "email", "de", 20, true);
    assert_eq!(once, generate::values("seed", "email", "de", 20, true));
    assert_ne!(once, generate::values("other", "email", "de", 20, true));
}
