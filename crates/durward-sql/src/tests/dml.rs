use insta::assert_snapshot;

use super::all_facts;

#[test]
fn inserts() {
    assert_snapshot!(all_facts(&[
        "INSERT INTO products VALUES (1, 'a', 2, NULL)",
        "INSERT INTO products (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c') RETURNING id, name",
        "INSERT INTO customers (name) SELECT name FROM products",
        "INSERT INTO orders (customer_id) VALUES (1)",
        "INSERT INTO audit DEFAULT VALUES",
        "INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name, price = products.price + 1",
        "INSERT INTO products SELECT * FROM products ON CONFLICT (id) DO UPDATE SET price = 0",
        "INSERT INTO products SELECT * FROM products WHERE id = 1 ON CONFLICT (id) DO UPDATE SET price = 0",
        "INSERT INTO products (id) SELECT generate_series(1, 10)",
        "INSERT INTO events VALUES (1, '2025-02-02', 'x')",
        "INSERT INTO inbox (what) VALUES ('x')",
        "INSERT INTO customer_names (name) VALUES ('x')",
        "INSERT INTO stamped (id) VALUES (1)",
        "INSERT INTO order_items (order_id, line, quantity, price) VALUES (1, 1, 2, 3)",
    ]));
}

#[test]
fn updates_and_deletes() {
    assert_snapshot!(all_facts(&[
        "UPDATE products SET price = price * 2",
        "UPDATE products SET price = 1 WHERE id = 1",
        "UPDATE products p SET (name, price) = (SELECT name, 1 FROM customers c WHERE c.id = p.owner_id) WHERE p.id = 7",
        "UPDATE products SET name = c.name FROM customers c WHERE c.id = owner_id",
        "UPDATE orders SET state = 'paid' WHERE id = 3",
        "UPDATE customers SET id = 4 WHERE id = 3",
        "DELETE FROM products",
        "DELETE FROM customers WHERE id = 1",
        "DELETE FROM orders USING customers c WHERE c.id = customer_id AND c.name = 'x' RETURNING orders.id, c.email",
        "DELETE FROM ruled WHERE id = 1",
        "DELETE FROM events WHERE id = 1",
        "DELETE FROM customer_names WHERE id = 1",
        "DELETE FROM products WHERE true",
        "MERGE INTO products p USING orders o ON o.id = p.id WHEN MATCHED THEN UPDATE SET price = o.total WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id)",
        "MERGE INTO products p USING orders o ON true WHEN MATCHED THEN DELETE",
    ]));
}
