use insta::assert_snapshot;

use super::{all_facts, facts};

#[test]
fn what_is_not_there() {
    assert_snapshot!(all_facts(&[
        "SELECT * FROM nowhere",
        "SELECT nothing FROM customers",
        "DELETE FROM nowhere",
        "SELECT * FROM hidden.customers",
        "SELECT * FROM pg_temp.customers",
        "SELECT \"Name\" FROM customers",
        "SELECT NAME FROM CUSTOMERS",
    ]));
}

#[test]
fn statements_of_one_text() {
    assert_snapshot!(facts("SELECT 1; SET search_path = hidden; SELECT * FROM customers"));
    assert_snapshot!(facts(
        "CREATE TABLE fresh (id int); INSERT INTO fresh VALUES (1); SELECT * FROM fresh"
    ));
}

#[test]
fn an_empty_text_has_no_statements() {
    assert_eq!(facts(""), "");
    assert_eq!(facts(" -- nothing\n;;"), "");
}
