use super::ddl_touches;
use crate::tests::{on_big_stack, shop};

fn touched(sql: &str) -> String {
    let context = shop();
    let touches = on_big_stack(|| ddl_touches(sql, &context, 100_000).expect("it is a statement"));
    let lines = touches.iter().map(|touch| {
        let columns: Vec<String> = touch.columns.iter().map(|column| column.0.to_string()).collect();
        format!(
            "  {} {}{}{}{}\n",
            touch.name,
            touch.lock.as_str(),
            if touch.rewrites { ", rewritten" } else { "" },
            if touch.loses_data { ", loses data" } else { "" },
            if columns.is_empty() {
                String::new()
            } else {
                format!(", columns {}", columns.join(" "))
            }
        )
    });
    format!("{sql}\n{}", lines.collect::<String>())
}

#[test]
fn each_form_takes_the_lock_that_the_manual_says() {
    let forms = [
        "ALTER TABLE orders ADD COLUMN note text",
        "ALTER TABLE orders ADD COLUMN note uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE orders ALTER total TYPE text, DROP COLUMN placed_at",
        "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customers NOT VALID",
        "ALTER TABLE orders VALIDATE CONSTRAINT f, ALTER total SET STATISTICS 100",
        "ALTER TABLE orders SET (autovacuum_enabled = off, fillfactor = 50)",
        "ALTER TABLE orders SET (fillfactor = 50, user_catalog_table = true)",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "ALTER TABLE orders SET LOGGED",
        "ALTER TABLE orders RENAME customer_id TO customer",
        "CREATE INDEX ON orders (total)",
        "CREATE INDEX CONCURRENTLY ON orders (total)",
        "CREATE TABLE items (orders integer REFERENCES orders)",
        "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP TABLE orders, public.customers",
        "DROP POLICY p ON orders",
        "TRUNCATE orders",
        "VACUUM FULL orders",
        "ANALYZE orders",
        "LOCK orders IN SHARE MODE",
        "LOCK orders IN ROW SHARE MODE",
        "COMMENT ON TABLE orders IS 'x'",
        "SELECT 1; ALTER TABLE nothing ADD x integer",
    ];
    insta::assert_snapshot!(forms.map(touched).concat());
}
