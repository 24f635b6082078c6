use super::{CannotCapture, CapturePlan, capture_plan};
use crate::AnalysisContext;
use crate::tests::{on_big_stack, shop};

fn plan(sql: &str, context: &AnalysisContext) -> Result<CapturePlan, CannotCapture> {
    on_big_stack(|| capture_plan(sql, context, 100_000).expect("it is a statement"))
}

/// What is made of a statement, in lines.
fn shown(sql: &str, version: u32) -> String {
    let mut context = shop();
    std::sync::Arc::make_mut(&mut context.settings).server_version_num = version;
    let plan = match plan(sql, &context) {
        Ok(plan) => plan,
        Err(reason) => return format!("-- {sql}\nnot captured: {reason}\n"),
    };
    let texts = plan.texts(sql).unwrap();
    let names = |places: &[usize]| {
        let names: Vec<&str> = places.iter().map(|place| &*plan.columns[*place].name).collect();
        names.join(", ")
    };
    let news: Vec<String> = plan
        .new_values
        .iter()
        .map(|new| {
            format!(
                "{}{}",
                plan.columns[new.column].name,
                if new.is_steady { "" } else { "?" }
            )
        })
        .collect();
    format!(
        "-- {sql}\n{:?} {} key ({}) writes ({}) computes ({}) besides {:?}\nrun: {}\n{}",
        plan.kind,
        plan.relation.name,
        names(&plan.key),
        names(&plan.written),
        news.join(", "),
        plan.besides,
        texts.run,
        texts
            .rows
            .map(|rows| format!("rows: {}\n", rows.locking(10)))
            .unwrap_or_default(),
    )
}

fn all(version: u32, statements: &[&str]) -> String {
    statements
        .iter()
        .map(|sql| shown(sql, version))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_effect_of_a_change_is_read_around_it() {
    insta::assert_snapshot!(all(
        150_000,
        &[
            "UPDATE orders SET customer_id = 7 WHERE id = 3",
            "update public.orders as o set customer_id = c.id from customers c where c.name is distinct from o.id::text and c.id = $1 returning o.id;",
            "DELETE FROM orders WHERE customer_id = $2 RETURNING id -- gone",
            "INSERT INTO orders (id, customer_id) VALUES (1, 2)",
            "INSERT INTO orders AS \"O\" SELECT * FROM orders ON CONFLICT DO NOTHING",
            "WITH c AS (SELECT id FROM customers) DELETE FROM orders WHERE customer_id IN (SELECT id FROM c)",
            "UPDATE customers SET name = DEFAULT, email = lower(email), (id) = ROW(id) WHERE id < 10",
            "UPDATE orders SET total = round(random()::numeric), placed_at = date_trunc('day', placed_at) WHERE length(state::text) > 2",
            "UPDATE customers SET name = clock_timestamp()::text, email = now()::text",
        ],
    ));
}

#[test]
fn newer_servers_tell_old_rows_themselves() {
    insta::assert_snapshot!(all(
        180_000,
        &[
            "UPDATE orders SET customer_id = 7 WHERE id = 3",
            "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET customer_id = 1",
            "UPDATE orders SET id = id + 1 WHERE random() < 0.5",
        ],
    ));
}

#[test]
fn what_cant_be_read_says_why() {
    insta::assert_snapshot!(all(
        150_000,
        &[
            "SELECT 1",
            "TRUNCATE orders",
            "UPDATE orders SET id = 3 WHERE id = 2",
            "UPDATE orders SET customer_id = 3 WHERE random() < 0.5",
            "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET customer_id = 1",
            "WITH d AS (DELETE FROM orders RETURNING id) DELETE FROM customers WHERE id IN (SELECT id FROM d)",
            "DELETE FROM orders; DELETE FROM orders",
            "DELETE FROM orders WHERE CURRENT OF c",
        ],
    ));
}

#[test]
fn a_plan_holds_for_all_texts_of_its_shape() {
    let context = shop();
    let made = plan("UPDATE orders SET customer_id = 7 WHERE id = 3", &context).unwrap();
    let other = "UPDATE orders SET customer_id = 70000 /* x */ WHERE id = 'FROM'";
    let texts = made.texts(other).unwrap();
    assert_eq!(Ok(&texts), plan(other, &context).unwrap().texts(other).as_ref());
    assert!(
        made.texts("UPDATE orders SET customer_id = 7 WHERE id = 3 AND true")
            .is_err()
    );
}
