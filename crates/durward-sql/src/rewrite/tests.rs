use std::fmt::Write as _;

use durward_model::{ColumnMatch, ColumnNumber, Oid, StatementFacts};

use super::{NoSqlForm, Rewritten, SourceColumn, SourceMasks, rewrite};
use crate::tests::{on_big_stack, shop};

/// Masks `email` and `phone` of `public.customers`; `name` has a mask, but none in SQL.
struct Masks {
    with_name: bool,
}

fn is_masked(name: &str, with_name: bool) -> bool {
    matches!(name, "email" | "phone") || (with_name && name == "name")
}

impl SourceMasks for Masks {
    fn expression(&self, column: &SourceColumn<'_>, argument: &str) -> Result<Option<String>, NoSqlForm> {
        let context = shop();
        let customers = context.catalog.relation_in("public", "customers").unwrap();
        let names: Vec<&str> = column
            .lineage
            .iter()
            .filter(|(relation, _)| *relation == customers.oid)
            .filter_map(|(_, number)| customers.column_numbered(*number))
            .map(|column| &*column.name)
            .collect();
        if names.contains(&"name") && self.with_name {
            return Err(NoSqlForm);
        }
        Ok(names
            .iter()
            .any(|name| is_masked(name, false))
            .then(|| format!("pg_catalog.md5({argument})")))
    }

    fn may_look_up(&self, (relation, number): (Oid, ColumnNumber)) -> bool {
        let context = shop();
        let customers = context.catalog.relation_in("public", "customers").unwrap();
        relation == customers.oid && customers.column("email").unwrap().number == number
    }

    fn may_match(&self, columns: ColumnMatch) -> bool {
        let [one, other] = columns.columns();
        one == other
    }

    fn accepts(&self, facts: &StatementFacts) -> bool {
        let columns = facts.relations.iter().flat_map(|usage| &usage.columns);
        let mut masked = columns.filter(|column| is_masked(&column.name, self.with_name));
        !masked.any(|column| column.reading.computed)
    }
}

fn rewritten(sql: &str, with_name: bool) -> Result<Rewritten, String> {
    let context = shop();
    on_big_stack(|| match rewrite(sql, &context, &Masks { with_name }, 100_000) {
        Ok(Ok(rewritten)) => Ok(rewritten),
        Ok(Err(reason)) => Err(reason.to_string()),
        Err(error) => Err(format!("{error:?}")),
    })
}

/// The masked columns that facts still read in clear.
fn reads_in_clear(facts: &StatementFacts) -> Vec<String> {
    let relations = facts.relations.iter().filter(|usage| {
        usage.relation.name.to_string() == "public.customers" || usage.relation.name.name.contains("view")
    });
    relations
        .flat_map(|usage| {
            let columns = usage
                .columns
                .iter()
                .filter(|column| column.read && is_masked(&column.name, false));
            columns.map(|column| format!("{}.{} {:?}", usage.relation.name, column.name, column.reading))
        })
        .collect()
}

#[test]
fn what_computes_on_masked_columns_reads_masks() {
    let mut shown = String::new();
    for sql in [
        "SELECT upper(email) FROM customers",
        "SELECT c.id FROM public.customers AS c WHERE c.email LIKE 'a%' ORDER BY c.phone",
        "SELECT max(email) FROM ONLY customers",
        "SELECT n FROM customers c(i, n, e) WHERE e > 'x'",
        "SELECT row_to_json(customers) FROM customers",
        "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.email ~ 'x'",
        "WITH c AS (SELECT * FROM customers) SELECT upper(email) FROM c",
        "SELECT email FROM customers UNION SELECT 'x'",
        "SELECT 1; SELECT length(phone) FROM customers",
        "COPY customers TO STDOUT",
        "COPY customers (phone, id) TO STDOUT WITH CSV",
        "COPY (SELECT email FROM customers) TO STDOUT",
        "EXPLAIN SELECT id FROM customers WHERE email < 'm'",
        "SELECT id FROM customers WHERE email IN (SELECT email FROM customers WHERE phone > '1')",
        "DECLARE c CURSOR FOR SELECT upper(email) FROM customers",
        "UPDATE orders SET total = 0 FROM customers c WHERE c.id = customer_id AND c.email LIKE 'a%'",
        "SELECT 'ä' || email FROM customers /* ü */ WHERE email <> 'ö'",
    ] {
        match rewritten(sql, false) {
            Ok(rewritten) => {
                writeln!(shown, "== {sql}\n{}", rewritten.text).unwrap();
                for statement in &rewritten.analysis.statements {
                    assert!(statement.unresolved.is_empty(), "{sql}: {:?}", statement.unresolved);
                    assert_eq!(reads_in_clear(&statement.facts), Vec::<String>::new(), "{sql}");
                }
            }
            Err(reason) => writeln!(shown, "== {sql}\n! {reason}").unwrap(),
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_no_subquery_can_stand_for_is_said() {
    for (sql, with_name, reason) in [
        (
            "SELECT row_to_json(customers) FROM customers TABLESAMPLE system (10)",
            false,
            "can't be masked where it stands",
        ),
        (
            "SELECT to_json(c) FROM customers * AS c",
            false,
            "can't be masked where it stands",
        ),
        ("SELECT id FROM orders UNION TABLE customers", false, "can't be"),
        (
            "SELECT upper(name) FROM customers",
            true,
            "public.customers.name has no mask",
        ),
    ] {
        let error = rewritten(sql, with_name)
            .map(|rewritten| rewritten.text)
            .expect_err(sql);
        assert!(error.contains(reason), "{sql}: {error}");
    }
}

#[test]
fn columns_are_replaced_where_tables_cannot_be() {
    let mut shown = String::new();
    for sql in [
        "SELECT customers.id, customers.email FROM customers JOIN orders o ON o.customer_id = customers.id GROUP BY \
         customers.id ORDER BY customers.email",
        "SELECT ctid, upper(email) FROM customers",
        "SELECT public.customers.email || 'x' AS e FROM public.customers TABLESAMPLE system (10)",
        "SELECT lower(\"public\".\"customers\".\"email\") FROM \"public\".\"customers\"",
    ] {
        let rewritten = rewritten(sql, false).unwrap();
        assert_eq!(
            reads_in_clear(&rewritten.analysis.statements[0].facts),
            Vec::<String>::new(),
            "{sql}"
        );
        writeln!(shown, "== {sql}\n{}", rewritten.text).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_may_be_compared_in_clear_stays() {
    let mut shown = String::new();
    for sql in [
        "SELECT lower(phone), email FROM customers WHERE email = 'x'",
        "SELECT *, upper(email) FROM customers c WHERE c.email = $1",
        "SELECT upper(a.phone) FROM customers a JOIN customers b ON a.email = b.email",
        // Not these: what is looked up has no leave, what is matched is another kind, what is compared is computed.
        "SELECT lower(email) FROM customers WHERE phone = 'x'",
        "SELECT upper(a.phone) FROM customers a JOIN customers b ON a.email = b.phone",
        "SELECT email FROM customers WHERE email IN ('x') ORDER BY email, phone",
        "SELECT email AS e FROM customers WHERE email = 'x' ORDER BY e",
        "SELECT DISTINCT email FROM customers WHERE email = 'x' ORDER BY email",
        "SELECT id FROM customers WHERE email IN ('x', 'y') AND phone > 'x'",
    ] {
        let rewritten = rewritten(sql, false).unwrap();
        writeln!(shown, "== {sql}\n{}", rewritten.text).unwrap();
        writeln!(
            shown,
            "   {:?}",
            reads_in_clear(&rewritten.analysis.statements[0].facts)
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn the_table_that_a_statement_changes_has_no_masks() {
    for sql in [
        "UPDATE customers SET name = upper(email)",
        "DELETE FROM customers WHERE email LIKE 'a%'",
    ] {
        let error = rewritten(sql, false).unwrap_err();
        assert!(error.contains("nothing in it is masked"), "{sql}: {error}");
    }
}

#[test]
fn positions_point_into_the_original_text() {
    let sql = "SELECT 'ä' || email FROM customers WHERE emial = 'x'";
    let rewritten = rewritten(sql, false).unwrap();
    let characters = |text: &str, word: &str| {
        let byte = text.find(word).unwrap();
        u32::try_from(text[..byte].chars().count() + 1).unwrap()
    };
    for word in ["SELECT", "email FROM", "emial"] {
        let position = characters(&rewritten.text, word);
        assert_eq!(
            rewritten.original_position(sql, position),
            Some(characters(sql, word)),
            "{word}"
        );
    }
    let within = characters(&rewritten.text, "md5");
    assert_eq!(
        rewritten.original_position(sql, within),
        Some(characters(sql, "customers"))
    );
}
