use insta::assert_snapshot;

use super::all_facts;

#[test]
fn views() {
    assert_snapshot!(all_facts(&[
        "SELECT id FROM customer_names",
        "SELECT * FROM rich",
        "SELECT who FROM rich_names",
        "SELECT loud FROM rich_names",
        "SELECT total FROM totals",
        "SELECT relname FROM pg_class",
        "SELECT tablename FROM pg_tables",
    ]));
}

#[test]
fn partitions_children_and_policies() {
    assert_snapshot!(all_facts(&[
        "SELECT payload FROM events",
        "SELECT payload FROM events_2025",
        "SELECT name FROM people",
        "SELECT name FROM ONLY people",
        "SELECT token FROM secrets",
    ]));
}

#[test]
fn functions_operators_and_casts() {
    assert_snapshot!(all_facts(&[
        "SELECT app.customer_email(1)",
        "SELECT app.add(1)",
        "SELECT app.dynamic('customers')",
        "SELECT app.purge()",
        "SELECT home === home FROM customers",
        "SELECT 'x'::email_address, 5::positive",
        "SELECT nick = 'a' FROM customers",
        "SELECT app.concat_all(name) FROM customers",
        "SELECT no_such_function(1)",
        "SELECT email(customers) FROM customers",
        "SELECT crypt('a', gen_salt('bf'))",
    ]));
}
