use super::{InversePlan, ProbeRows, inverse_plan};
use crate::tests::{on_big_stack, shop};

fn plan(sql: &str) -> Result<InversePlan, String> {
    let context = shop();
    on_big_stack(|| inverse_plan(sql, &context, 100_000).expect("it is a statement"))
}

fn rows(rows: &[&[&str]]) -> ProbeRows {
    rows.iter()
        .map(|row| row.iter().map(|value| Some((*value).to_owned())).collect())
        .collect()
}

#[test]
fn what_has_no_inverse_says_so() {
    let all = [
        "DROP TABLE orders",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TEMPORARY TABLE t ()",
        "CREATE INDEX CONCURRENTLY ON orders (total)",
        "ALTER TABLE orders ALTER total TYPE text",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "ALTER TABLE nothing ADD x integer",
        "GRANT SELECT ON orders TO alice",
        "CREATE TABLE a (); CREATE TABLE b ()",
        "SELECT 1",
    ];
    let told = all.map(|sql| format!("{sql}\n  {}\n", plan(sql).expect_err("there is none")));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn names_are_values_and_never_text() {
    let plan = plan("CREATE TABLE \"it's\\\" (id integer)").expect("a plan");
    let [step] = plan.steps.as_slice() else {
        panic!("{plan:?}")
    };
    assert!(
        step.before
            .in_full()
            .contains("c.relname OPERATOR(pg_catalog.=) E'it''s\\\\'::"),
        "{}",
        step.before.in_full()
    );
    let inverse = step
        .inverse(&rows(&[]), &rows(&[&["7"]]))
        .expect("there is one")
        .expect("something was made");
    assert_eq!(inverse.undo, "DROP TABLE \"public\".\"it's\\\"");
    // It was there before.
    assert_eq!(step.inverse(&rows(&[&["7"]]), &rows(&[&["7"]])), Ok(None));
    assert!(step.inverse(&rows(&[&["7"]]), &rows(&[])).is_err());
}

#[test]
fn what_was_before_comes_back() {
    let context = "ALTER TABLE orders ALTER total SET DEFAULT 3, ALTER total DROP NOT NULL";
    let plan = plan(context).expect("a plan");
    let undone: Vec<String> = plan
        .steps
        .iter()
        .zip([["1", "2", "'a'::text"], ["1", "2", "true"]])
        .map(|(step, before)| {
            let inverse = step.inverse(&rows(&[&before]), &rows(&[&["1", "2", "x"]]));
            inverse.expect("there is one").expect("it changed").undo
        })
        .collect();
    assert_eq!(
        undone,
        [
            "ALTER TABLE \"public\".\"orders\" ALTER COLUMN \"total\" SET DEFAULT 'a'::text",
            "ALTER TABLE \"public\".\"orders\" ALTER COLUMN \"total\" SET NOT NULL"
        ]
    );
}
