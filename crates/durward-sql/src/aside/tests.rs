use super::{AsideBounds, AsidePlan, aside_plan};
use crate::inverse::ProbeRows;
use crate::tests::{on_big_stack, shop};

fn plan(sql: &str) -> Option<Result<AsidePlan, String>> {
    let context = shop();
    on_big_stack(|| aside_plan(sql, &context, 100_000).expect("it is a statement"))
}

/// What the catalog would answer of the only table.
fn answer(plan: &AsidePlan, changed: impl Fn(&mut [Option<&str>; 9])) -> ProbeRows {
    let table = &plan.tables[0];
    let oid = table.oid.to_string();
    let mut row = [
        Some(&*oid),
        Some(&*table.schema),
        Some(&*table.name),
        Some("1048577"),
        None,
        None,
        Some("2200"),
        Some("3"),
        Some("4194304"),
    ];
    changed(&mut row);
    vec![row.map(|value| value.map(str::to_owned)).to_vec()]
}

#[test]
fn what_cant_be_kept_says_why() {
    let bounds = AsideBounds {
        statement_bytes_max: 2 << 20,
        database_bytes_max: 8 << 20,
    };
    let small = AsideBounds {
        statement_bytes_max: 1 << 20,
        ..bounds
    };
    let full = AsideBounds {
        database_bytes_max: 5 << 20,
        ..bounds
    };
    let plain = plan("DROP TABLE orders").expect("it drops").expect("a plan");
    let judged = |bounds, changed: &dyn Fn(&mut [Option<&str>; 9])| {
        plain.judge(&answer(&plain, changed), bounds).map(|weight| weight.bytes)
    };
    let refused = |reason: &str| Err(reason.to_owned());
    assert_eq!(judged(bounds, &|_| {}), Ok(1_048_577));
    assert_eq!(
        judged(small, &|_| {}),
        refused("it is larger than the 1 MiB that are kept aside of one statement")
    );
    assert_eq!(
        judged(full, &|_| {}),
        refused("with it more than 5 MiB would be kept aside in this database")
    );
    assert_eq!(
        judged(bounds, &|row| row[5] = Some("it is a partition")),
        refused("public.orders: it is a partition")
    );
    assert_eq!(
        judged(bounds, &|row| row[2] = Some("other")),
        refused("its name was given to something else meanwhile")
    );
    assert_eq!(
        judged(bounds, &|row| row[4] = Some("view v")),
        refused("it is depended on by view v")
    );
    let cascade = plan("DROP TABLE IF EXISTS nothing, orders CASCADE")
        .expect("it drops")
        .expect("a plan");
    let found = answer(&cascade, |row| row[4] = Some("view v"));
    assert_eq!(
        cascade.judge(&found, bounds).map(|weight| weight.bytes),
        refused("CASCADE takes along what isn't kept: view v")
    );
    assert_eq!(plan("DROP TABLE nothing"), None);
    assert_eq!(plan("DROP VIEW orders"), None);
}

#[test]
fn a_table_is_moved_and_comes_back_with_what_was_kept_apart() {
    let plan = plan("DROP TABLE orders, public.orders")
        .expect("it drops")
        .expect("a plan");
    let oid = plan.tables[0].oid.to_string();
    let part = |kind: &str, name: &str, definition: &str, more: &str, comment: Option<&str>| {
        let own = [&oid, kind, name, definition, more].map(|value| Some(value.to_owned()));
        own.into_iter().chain([comment.map(str::to_owned)]).collect::<Vec<_>>()
    };
    let parts = vec![
        part(
            "foreign key",
            "it's",
            "FOREIGN KEY (c) REFERENCES customers(id)",
            r#"["public", "customers", "7"]"#,
            Some("why"),
        ),
        part("trigger", "t", "CREATE TRIGGER t …", "D", None),
        part("publication", "p", "", "", None),
        part("statistics", "s", "", "else", None),
    ];
    let bounds = AsideBounds {
        statement_bytes_max: u64::MAX,
        database_bytes_max: u64::MAX,
    };
    let weight = plan.judge(&answer(&plan, |_| {}), bounds).expect("it can be kept");
    let aside = plan.aside(&weight, &parts, (&["kept".to_owned()], "it's kept"));
    insta::assert_snapshot!(
        [
            vec![plan.lock()],
            aside.keep,
            vec![String::new()],
            aside.undo,
            aside.checks.into_iter().map(|check| check.why).collect()
        ]
        .concat()
        .join("\n")
    );
}

#[test]
fn what_goes_along_is_kept_behind_what_it_refers_to() {
    let told = |sql: &str| match plan(sql) {
        None => "nothing".to_owned(),
        Some(Ok(plan)) => {
            let besides = plan.besides.iter().map(|besides| format!(", not {besides}"));
            format!("{}{}", plan.in_words(), besides.collect::<String>())
        }
        Some(Err(reason)) => format!("not: {reason}"),
    };
    let all = [
        "TRUNCATE orders, customers",
        "TRUNCATE TABLE ONLY customers RESTART IDENTITY CASCADE",
        "TRUNCATE nothing",
        "ALTER TABLE orders DROP total, DROP COLUMN IF EXISTS nothing",
        "ALTER TABLE orders DROP total, ADD more integer",
        "ALTER TABLE orders DROP nothing",
        "ALTER TABLE orders ALTER total TYPE text",
        "ALTER TABLE orders ALTER total TYPE smallint",
        "ALTER TABLE orders ALTER total TYPE smallint, DROP total",
        "DROP TABLE customers; DROP TABLE orders",
        "DROP INDEX orders_pkey",
        "DELETE FROM orders",
    ];
    let told = all.map(|sql| format!("{sql}\n  {}\n", told(sql)));
    insta::assert_snapshot!(told.concat());
}
