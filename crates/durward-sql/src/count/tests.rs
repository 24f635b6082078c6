use super::{CannotCount, CountReach, count_text};
use crate::tests::{on_big_stack, shop};

fn counted(sql: &str) -> Result<String, CannotCount> {
    let context = shop();
    on_big_stack(|| {
        let counted = count_text(sql, &context, 100_000, (100, CountReach::Condition)).expect("it is a statement");
        counted.map(|counted| counted.text)
    })
}

fn check(sql: &str, expected: &str) {
    let expected = format!(
        "{}\nLIMIT 101) durward_count",
        expected.replace("COUNT", "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM")
    );
    assert_eq!(counted(sql).as_deref(), Ok(expected.as_str()), "{sql}");
}

#[test]
fn the_condition_is_taken_as_it_stands() {
    check(
        "UPDATE customers SET name = 'x' WHERE id > 3",
        "COUNT customers WHERE id > 3",
    );
    check(
        "update public.customers * as c set name = c.email where c.id in (select customer_id from orders)",
        "COUNT public.customers * as c WHERE c.id in (select customer_id from orders)",
    );
    check(
        "DELETE FROM orders WHERE customer_id = $2 RETURNING id;",
        "COUNT orders WHERE customer_id = $2",
    );
    check("DELETE FROM ONLY orders", "COUNT ONLY orders");
    check(
        "WITH c AS (SELECT id FROM customers) DELETE FROM orders WHERE customer_id IN (SELECT id FROM c)",
        "WITH c AS (SELECT id FROM customers) COUNT orders WHERE customer_id IN (SELECT id FROM c)",
    );
    check(
        "UPDATE customers SET name = 'a' WHERE id IS DISTINCT FROM 4 -- all but one",
        "COUNT customers WHERE id IS DISTINCT FROM 4",
    );
    check(
        "UPDATE customers SET name = 'WHERE' WHERE name = ') FROM orders; DROP'",
        "COUNT customers WHERE name = ') FROM orders; DROP'",
    );
}

#[test]
fn what_is_no_plain_condition_is_not_counted() {
    for (sql, reason) in [
        ("INSERT INTO orders DEFAULT VALUES", CannotCount::Kind),
        ("SELECT 1", CannotCount::Kind),
        ("DELETE FROM orders; DELETE FROM orders", CannotCount::Kind),
        ("DELETE FROM orders WHERE CURRENT OF c", CannotCount::Kind),
        (
            "UPDATE orders o SET id = 1 FROM customers c WHERE c.id = o.customer_id",
            CannotCount::Joins,
        ),
        (
            "DELETE FROM orders USING customers WHERE customers.id = 1",
            CannotCount::Joins,
        ),
        (
            "UPDATE customers SET name = 'x' WHERE random() < 0.5",
            CannotCount::Volatile,
        ),
        (
            "UPDATE customers SET name = 'x' WHERE current_setting('transaction_read_only') = 'off'",
            CannotCount::Volatile,
        ),
        (
            "UPDATE customers SET name = 'x' WHERE current_query() LIKE 'UPDATE%'",
            CannotCount::Volatile,
        ),
        ("DELETE FROM orders WHERE id = nextval('s')", CannotCount::Opaque),
        (
            "WITH d AS (DELETE FROM customers RETURNING id) DELETE FROM orders WHERE customer_id IN (SELECT id FROM d)",
            CannotCount::Opaque,
        ),
        ("DELETE FROM orders WHERE pg_sleep(1) IS NULL", CannotCount::Opaque),
    ] {
        assert_eq!(counted(sql), Err(reason), "{sql}");
    }
}

#[test]
fn for_approvers_joins_and_sources_are_counted_too() {
    let counted = |sql: &str| {
        let context = shop();
        on_big_stack(|| {
            let reach = (100, CountReach::Source);
            let counted = count_text(sql, &context, 100_000, reach).expect("it is a statement");
            match counted {
                Ok(counted) => format!("{}{}", if counted.is_exact { "" } else { "at most: " }, counted.text),
                Err(reason) => format!("not: {reason}"),
            }
        })
    };
    let all = [
        "UPDATE orders o SET total = 1 FROM customers c WHERE c.id = o.customer_id AND c.name IS DISTINCT FROM $2",
        "DELETE FROM orders USING customers c, orders p WHERE c.id = orders.customer_id AND p.id = c.id RETURNING 1;",
        "INSERT INTO orders (id, customer_id) SELECT c.id, 1 FROM customers c JOIN orders o ON o.id = c.id -- so",
        "WITH w AS (SELECT id FROM customers) INSERT INTO orders (id) WITH v AS (TABLE w) SELECT id FROM v \
         ON CONFLICT DO NOTHING RETURNING id",
        "INSERT INTO orders (id) SELECT nextval('orders_id_seq') FROM customers",
        "INSERT INTO orders (id) SELECT id FROM customers FOR UPDATE",
        "INSERT INTO orders (id) VALUES (1)",
        "WITH d AS (DELETE FROM customers RETURNING id) INSERT INTO orders (id) SELECT id FROM d",
    ];
    insta::assert_snapshot!(
        all.map(|sql| format!("{sql}\n  {}\n", counted(sql).replace('\n', "\n  ")))
            .concat()
    );
}
